// Rows chosen for the bulk bar, with the token seen when they were chosen. Kept for the session and the reader: they outlive polls, row swaps, other pages of the list and a visit to a lead.
import { focusRow } from "./rows.js";

const bar = () => document.getElementById("bulk");
const boxes = () => [...document.querySelectorAll("[data-pick]")];
const key = () => `leadqual:chosen:${bar().dataset.reader}`;

const chosen = () => new Map(JSON.parse(sessionStorage.getItem(key()) ?? "[]"));
const keep = (leads) => sessionStorage.setItem(key(), JSON.stringify([...leads]));
const tokenOf = (box) => box.closest("tr").querySelector(".own")?.dataset.token ?? "";

let last = null;

// Ticks `rows` or unticks them; no more than the server takes at once.
function choose(rows, on) {
  const leads = chosen();
  const most = Number(bar().dataset.most);
  for (const box of rows) {
    if (!on) leads.delete(box.dataset.pick);
    else if (!leads.has(box.dataset.pick) && leads.size < most) leads.set(box.dataset.pick, tokenOf(box));
  }
  keep(leads);
  draw();
}

function drawElsewhere(leads) {
  const here = new Set(boxes().map((box) => box.dataset.pick));
  const others = [...leads].filter(([lead]) => !here.has(lead));
  bar().querySelector("[data-elsewhere]").replaceChildren(...others.map(([lead, token]) => {
    const field = document.createElement("input");
    Object.assign(field, { type: "hidden", name: "lead", value: `${lead}-${token}` });
    return field;
  }));
  bar().querySelector("[data-elsewhere-note]").hidden = !others.length;
  bar().querySelector("[data-elsewhere-count]").textContent = others.length;
}

function draw() {
  if (!bar()) return;
  const leads = chosen();
  for (const box of boxes()) {
    box.checked = leads.has(box.dataset.pick);
    if (box.checked) box.value = `${box.dataset.pick}-${leads.get(box.dataset.pick)}`;
  }
  const all = document.querySelector("[data-pick-all]");
  const ticked = boxes().filter((box) => box.checked).length;
  if (all) Object.assign(all, { checked: ticked > 0 && ticked === boxes().length, indeterminate: ticked > 0 && ticked < boxes().length });
  drawElsewhere(leads);
  const hadFocus = bar().contains(document.activeElement);
  bar().hidden = leads.size === 0;
  if (hadFocus && bar().hidden) focusRow();
  const count = bar().querySelector("[data-count]");
  if (count.textContent !== String(leads.size)) count.textContent = leads.size;
}

document.addEventListener("click", (e) => {
  const box = e.target;
  if (!box.matches?.("[data-pick]")) return;
  const rows = boxes();
  const [from, to] = [rows.indexOf(last), rows.indexOf(box)].sort((a, b) => a - b);
  choose(e.shiftKey && from >= 0 ? rows.slice(from, to + 1) : [box], box.checked);
  last = box;
});
document.addEventListener("change", (e) => {
  if (e.target.matches?.("[data-pick-all]")) choose(boxes(), e.target.checked);
});

function clear() {
  keep(new Map());
  draw();
}

document.addEventListener("click", (e) => {
  if (e.target.closest?.("[data-unpick]")) clear();
});
document.addEventListener("keydown", (e) => {
  if (e.key !== "Escape" || !bar() || bar().hidden) return;
  if (!document.querySelector("dialog:modal, details.menu[open], :popover-open")) clear();
});
document.addEventListener("leadqual:unpick", (e) => {
  if (!bar()) return;
  const leads = chosen();
  for (const lead of e.detail.leads ?? []) leads.delete(String(lead));
  keep(leads);
  draw();
});
document.addEventListener("htmx:afterSettle", draw);
draw();
