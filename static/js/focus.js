// After a swap focus returns to the same control, else to the marked place in the new content; a new lead starts at its h1.
let lost = null;

document.addEventListener("htmx:beforeSwap", (e) => {
  const active = document.activeElement;
  const inside = e.detail.target?.contains(active) && active !== document.body;
  lost = inside ? { key: active.dataset.focusKey ?? active.dataset.rowKey ?? active.dataset.key, row: active.closest("[id]")?.id } : null;
});

const start = () => document.querySelector("[data-focus-on-load]")?.focus({ preventScroll: true });

document.addEventListener("htmx:afterSettle", (e) => {
  if (e.detail.target === document.body) start();
  if (lost && (document.activeElement === document.body || document.activeElement === null)) {
    const place = document.getElementById(lost.row ?? "") ?? document;
    const same = lost.key && place.querySelector(`[data-focus-key="${CSS.escape(lost.key)}"], [data-row-key="${CSS.escape(lost.key)}"], [data-key="${CSS.escape(lost.key)}"]`);
    (same ?? (place === document ? null : place.querySelector("[data-focus-after], a, button")))?.focus({ preventScroll: true });
  }
  lost = null;
  for (const el of document.querySelectorAll("[data-focus-new]")) {
    el.removeAttribute("data-focus-new");
    el.focus();
  }
});

start();
