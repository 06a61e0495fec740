// Menus are details elements. One is open at a time; Escape or a click elsewhere closes it.
const open = () => [...document.querySelectorAll("details.menu[open]")];

function closeAll(except) {
  for (const menu of open()) if (menu !== except) menu.open = false;
}

document.addEventListener("toggle", (e) => {
  if (e.target.matches?.("details.menu[open]")) closeAll(e.target);
}, true);
document.addEventListener("click", (e) => {
  const inside = e.target.closest?.("details.menu");
  closeAll(inside);
  // A radio chosen by mouse closes the menu; by arrow keys (no detail) one may go on choosing.
  const chosen = e.target.closest("button, a") ?? (e.detail > 0 ? e.target.closest("label") : null);
  if (inside && chosen && !e.target.closest("[data-keep-open]")) {
    inside.open = false;
    // What closes takes no focus along: it goes on where the menu was, once the click has done its work.
    setTimeout(() => { if (document.activeElement === document.body || inside.contains(document.activeElement)) inside.querySelector("summary").focus({ preventScroll: true }); });
  }
});
document.addEventListener("keydown", (e) => {
  if (e.key !== "Escape" || !open().length || document.querySelector("dialog:modal")) return;
  const summary = open()[0].querySelector("summary");
  closeAll();
  summary.focus();
  e.preventDefault();
});
