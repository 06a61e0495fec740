// The cursor over list rows (aria-current) and the walk over score lines (focus on their flags).
// The cursor survives row swaps and a visit to a lead: it is kept by row id for the session.
const LISTS = ".queue tbody, [data-cursor-list]";
const ROWS = ".queue tbody > tr[id], [data-cursor-list] > [id]";
const KEPT = "leadqual:cursor";
const QUEUE = "leadqual:queue";

const rows = () => [...document.querySelectorAll(ROWS)].filter((row) => row.checkVisibility());
export const cursorRow = () => rows().find((row) => row.ariaCurrent === "true");

function place(row, { scroll = true } = {}) {
  const hadFocus = rows().includes(document.activeElement);
  for (const other of rows()) other.ariaCurrent = other === row ? "true" : null;
  if (!row) return;
  sessionStorage.setItem(KEPT, row.id);
  if (hadFocus) focusRow();
  if (scroll) row.scrollIntoView({ block: "nearest" });
}

// Where the keyboard goes on when what it was on is gone. The row itself, not its link: Enter opens the lead under the cursor.
export function focusRow() {
  const row = cursorRow();
  if (!row || row === document.activeElement) return;
  row.tabIndex = -1;
  row.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" }); // clear of the head that stays on top
  row.addEventListener("blur", () => row.removeAttribute("tabindex"), { once: true });
}

export function moveCursor(step) {
  const list = rows();
  if (!list.length) return false;
  const at = list.indexOf(cursorRow());
  place(list[Math.min(list.length - 1, Math.max(0, at + step))]);
  return true;
}

// step 0 enters the ledger; 1 and -1 move while focus is inside it.
export function walkLedger(step) {
  const flags = [...document.querySelectorAll(".ledger summary.flag")].filter((flag) => flag.checkVisibility());
  const at = flags.indexOf(document.activeElement?.closest("details")?.querySelector("summary.flag"));
  if (!flags.length || (step !== 0 && at < 0)) return false;
  const next = step === 0 ? Math.max(at, 0) : Math.min(flags.length - 1, Math.max(0, at + step));
  flags[next].focus();
  flags[next].closest("tr").scrollIntoView({ block: "nearest" });
  return true;
}

function restore({ scroll }) {
  if (!document.querySelector(LISTS) || cursorRow()) return;
  const kept = document.getElementById(sessionStorage.getItem(KEPT) ?? "");
  const list = rows();
  place(list.includes(kept) ? kept : list[0], { scroll: scroll && list.includes(kept) });
}

document.addEventListener("click", (e) => {
  const row = e.target.closest?.(ROWS);
  if (row) place(row, { scroll: false });
  // Back to the queue as one left it: its filters, its tab, its page.
  const back = e.target.closest?.("[data-back]");
  if (back) back.href = sessionStorage.getItem(QUEUE) ?? back.href;
});
addEventListener("pagehide", () => {
  if (document.getElementById("queue-body")) sessionStorage.setItem(QUEUE, location.pathname + location.search);
});
// The page of a lead takes the cursor along, also by J and K.
const shown = document.querySelector("[data-cursor-row]");
if (shown) sessionStorage.setItem(KEPT, shown.dataset.cursorRow);
document.addEventListener("htmx:afterSettle", (e) => restore({ scroll: e.detail.target === document.body }));
restore({ scroll: true });
