// One polite region. The server sends HX-Trigger {"toast": {"message", "kind", "undo_url", "undo_label", "undo_in_place"}} or a Django message.
import { focusRow } from "./rows.js";

const PLAIN_S = 8;
const UNDO_S = 30;
const region = () => document.getElementById("toasts");

function leaveAfter(toast, seconds) {
  setTimeout(() => {
    if (toast.matches(":hover, :focus-within")) leaveAfter(toast, 4);
    else toast.remove();
  }, seconds * 1000);
}

// The page asks, not the form: the toast of the answer takes its place before the answer is put into the page.
function undoHere(e) {
  e.preventDefault();
  const { action } = e.currentTarget;
  window.htmx.ajax("POST", action, { source: document.body, target: document.body, swap: "none" });
}

export function toast({ text, undoUrl, undoLabel, undoInPlace, seconds, level }) {
  const template = document.getElementById("toast-template");
  if (!template || !text) return;
  const el = template.content.firstElementChild.cloneNode(true);
  const form = el.querySelector("form");
  el.querySelector("[data-text]").textContent = text;
  if (level === "danger") el.classList.add("danger");
  if (undoUrl) {
    form.action = undoUrl;
    form.hidden = false;
    if (undoLabel) el.querySelector("[data-undo]").textContent = undoLabel;
    if (undoInPlace) form.addEventListener("submit", undoHere);
  } else form.remove();
  const hadFocus = region().contains(document.activeElement);
  for (const older of region().querySelectorAll(".toast")) older.remove();
  region().append(el);
  if (hadFocus) focusRow();
  leaveAfter(el, seconds ?? (undoUrl ? UNDO_S : PLAIN_S));
}

// Speaks without showing anything.
export function say(text) {
  const line = document.createElement("p");
  line.className = "sr";
  line.textContent = text;
  region()?.append(line);
  setTimeout(() => line.remove(), 5000);
}

function armServerToasts() {
  for (const el of document.querySelectorAll("#toasts > .toast[data-toast]")) {
    const seconds = Number(el.dataset.toast);
    delete el.dataset.toast;
    region().append(el);
    leaveAfter(el, seconds);
  }
}

document.addEventListener("toast", (e) => {
  const detail = e.detail ?? {};
  if (typeof detail.value === "string") toast({ text: detail.value });
  else toast({ text: detail.message, level: detail.kind, undoUrl: detail.undo_url, undoLabel: detail.undo_label, undoInPlace: detail.undo_in_place });
});
document.addEventListener("click", (e) => {
  if (!e.target.closest?.("[data-toast-close]")) return;
  e.target.closest(".toast").remove();
  focusRow();
});
document.addEventListener("htmx:afterSettle", armServerToasts);
armServerToasts();
