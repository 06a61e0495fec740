// Marks the row a refusal speaks of; the server names it with every answer.
document.addEventListener("htmx:afterSettle", () => {
  const says = document.querySelector("#lq-says [data-wrong]");
  for (const row of document.querySelectorAll("#lq-fields [data-place]")) {
    row.classList.toggle("is-wrong", row.dataset.place === says?.dataset.wrong);
  }
});
