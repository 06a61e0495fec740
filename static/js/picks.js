// A search field that narrows a list of options already on the page: data-narrows="id of the list".
function narrow(field) {
  const words = field.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const list = document.getElementById(field.dataset.narrows);
  for (const option of list?.querySelectorAll(".option") ?? []) {
    const text = option.textContent.toLowerCase();
    option.hidden = !words.every((word) => text.includes(word));
  }
  for (const group of list?.querySelectorAll("fieldset") ?? []) {
    group.hidden = !group.querySelector(".option:not([hidden])");
  }
}

document.addEventListener("input", (e) => {
  if (e.target.matches?.("[data-narrows]")) narrow(e.target);
});
// Enter takes the only option left, or moves to the first; it does not send the form.
document.addEventListener("keydown", (e) => {
  if (e.key !== "Enter" || e.metaKey || e.ctrlKey || !e.target.matches?.("[data-narrows]")) return;
  e.preventDefault();
  const left = [...document.getElementById(e.target.dataset.narrows).querySelectorAll(".option:not([hidden]) input")];
  if (left.length === 1) left[0].click();
  left[0]?.focus();
});
