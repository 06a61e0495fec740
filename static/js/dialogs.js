// Dialogs load on demand into #dialog (hx-target="#dialog"); fixed ones open by data-dialog-open="id".
const USEFUL = ["[aria-invalid=true]", "[data-autofocus], [autofocus]", "input:not([type=hidden], [disabled]), textarea, select", ".dialog-foot .btn"];
const loaded = () => document.getElementById("dialog");

function focusUseful(dialog) {
  for (const selector of USEFUL) {
    const field = dialog.querySelector(selector);
    if (field) return field.focus();
  }
}

function close(dialog) {
  if (dialog?.open) dialog.close();
}

function showLoaded() {
  const dialog = loaded();
  if (!dialog.firstElementChild || "closing" in dialog.dataset) return close(dialog);
  if (!dialog.open) dialog.showModal();
  focusUseful(dialog);
}

document.addEventListener("htmx:afterSwap", (e) => {
  if (e.detail.target?.id === "dialog") showLoaded();
});
// The swap of the same answer follows: it must not open the dialog again, and still needs its form for pieces out of band.
document.addEventListener("leadqual:close-dialog", () => {
  if (loaded().open) loaded().dataset.closing = "";
  close(loaded());
});
document.addEventListener("close", (e) => {
  if (e.target.id !== "dialog") return;
  delete e.target.dataset.closing;
  e.target.replaceChildren();
}, true);

document.addEventListener("click", (e) => {
  const opener = e.target.closest?.("[data-dialog-open]");
  if (opener) {
    opener.closest("[popover]")?.hidePopover();
    document.getElementById(opener.dataset.dialogOpen)?.showModal();
  }
  if (e.target.closest?.("[data-close]")) close(e.target.closest("dialog"));
});

// A click on the backdrop closes a dialog in which nothing was typed.
document.addEventListener("pointerdown", (e) => {
  if (!(e.target instanceof HTMLDialogElement) || !e.target.open) return;
  const box = e.target.getBoundingClientRect();
  const outside = e.clientX < box.left || e.clientX > box.right || e.clientY < box.top || e.clientY > box.bottom;
  const typed = [...e.target.querySelectorAll("textarea, input[type=text]")].some((field) => field.value !== field.defaultValue);
  if (outside && !typed) close(e.target);
});
