// What is edited where it stands: Escape takes back what was typed, as Cancel does. Enter is the form's own.
document.addEventListener("keydown", (e) => {
  if (e.key !== "Escape" || e.defaultPrevented || e.isComposing) return;
  const back = e.target.closest?.("form[data-in-place]")?.querySelector("[data-take-back]");
  if (!back) return;
  e.preventDefault();
  back.click();
});
// What stands there is replaced by typing.
document.addEventListener("focusin", (e) => {
  if (e.target.matches?.("form[data-in-place] input[name=text]")) e.target.select();
});
