// Switches the theme at once and lets the server keep it in a cookie, so that the next page comes in it.
const other = { dark: "light", light: "dark" };

function shown() {
  return document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}

document.addEventListener("submit", (e) => {
  if (!e.target.matches?.("[data-theme-form]")) return;
  e.preventDefault();
  const theme = other[shown()];
  const body = new FormData(e.target);
  body.set("theme", theme);
  document.documentElement.dataset.theme = theme;
  document.querySelector("meta[name=color-scheme]")?.setAttribute("content", theme);
  fetch(e.target.action, { method: "POST", body, redirect: "manual" }).catch(() => {});
});
