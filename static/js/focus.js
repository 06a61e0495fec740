// After a swap focus returns to the same control, wherever it was drawn anew, else to the marked place in the new content;
// a refused form starts at its first wrong field, a new lead at its h1.
let lost = null;

document.addEventListener("htmx:beforeSwap", (e) => {
  const active = document.activeElement;
  const had = active && active !== document.body;
  lost = had ? { key: active.dataset.focusKey ?? active.dataset.rowKey ?? active.dataset.key, row: active.closest("[id]")?.id, inside: e.detail.target?.contains(active) } : null;
});

const start = () => document.querySelector("[data-focus-on-load]")?.focus({ preventScroll: true });

document.addEventListener("htmx:afterSettle", (e) => {
  if (e.detail.target === document.body) start();
  if (lost && (document.activeElement === document.body || document.activeElement === null)) {
    const place = document.getElementById(lost.row ?? "") ?? document;
    const wrong = lost.inside && e.detail.target?.querySelector?.("[aria-invalid=true]");
    const same = lost.key && place.querySelector(`[data-focus-key="${CSS.escape(lost.key)}"], [data-row-key="${CSS.escape(lost.key)}"], [data-key="${CSS.escape(lost.key)}"]`);
    const near = lost.inside && place !== document ? place.querySelector("[data-focus-after], a, button") : null;
    (wrong || same || near)?.focus({ preventScroll: !wrong });
  }
  lost = null;
  for (const el of document.querySelectorAll("[data-focus-new]")) {
    el.removeAttribute("data-focus-new");
    el.focus();
  }
});

start();
