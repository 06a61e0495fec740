// A button that prints the page; on paper the style sheet leaves out what can be clicked.
document.addEventListener("click", (e) => {
  if (e.target.closest?.("[data-print]")) window.print();
});
