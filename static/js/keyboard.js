// Single keys press the control that carries them: data-key="a", data-key="g q" for a sequence.
// Order of search: an open menu, then the cursor row (data-row-key), then the page, then data-single-key, then data-key-fallback.
import { cursorRow, moveCursor, walkLedger } from "./rows.js";

const OFF = "leadqual:keys-off";
const PREFIX_MS = 1500;
let prefix = "";
let prefixTimer = 0;

// A field of a dialog that just closed keeps the focus until the next frame, and takes no text.
const typing = (el) => el.checkVisibility?.() && el.closest("input:not([type=checkbox],[type=radio],[type=button],[type=submit]), textarea, select, [contenteditable=true]");
const usable = (el) => el.checkVisibility() && !el.disabled && el.ariaDisabled !== "true";
const readsKey = (e) => (e.key.length === 1 ? e.key.toLowerCase() : e.key);
const keysAreOn = () => !document.body.hasAttribute("data-keys-off") && localStorage.getItem(OFF) === null;

function first(root, attribute, key) {
  return [...(root?.querySelectorAll(`[${attribute}="${CSS.escape(key)}"]`) ?? [])].find(usable);
}

// An entry of a menu pressed without opening it: that of the cursor row, else of the lead on the page.
function inClosedMenu(key) {
  const place = cursorRow() ?? document.getElementById("decision-bar");
  return place?.querySelector(`[data-single-key="${CSS.escape(key)}"]:enabled`);
}

function controlFor(key) {
  const menu = document.querySelector("details.menu[open]");
  return (
    first(menu, "data-key", key) ??
    first(cursorRow(), "data-row-key", key) ??
    first(document, "data-key", key) ??
    inClosedMenu(key) ??
    document.querySelector(`[data-key-fallback="${CSS.escape(key)}"]`)
  );
}

function press(control) {
  if (typing(control)) {
    control.focus();
    control.select?.();
  } else if (control.matches("[type=radio]")) {
    control.focus();
    control.click();
  } else {
    control.click();
  }
}

function startsSequence(key) {
  return document.querySelector(`[data-key^="${CSS.escape(key)} "]`) !== null;
}

function rememberPrefix(key) {
  prefix = key;
  clearTimeout(prefixTimer);
  prefixTimer = setTimeout(() => { prefix = ""; }, PREFIX_MS);
}

function builtIn(key, target) {
  const idle = !target.closest?.("a, button, summary, input, label");
  if (key === "?") document.getElementById("keys")?.showModal();
  else if (key === "f") return walkLedger(0);
  else if (key === "j") return walkLedger(1) || moveCursor(1);
  else if (key === "k") return walkLedger(-1) || moveCursor(-1);
  else if (key === "Enter" && idle) {
    const link = cursorRow()?.querySelector(".lead-link, [data-row-open]");
    link?.click();
    return Boolean(link);
  } else return false;
  return true;
}

function handleKey(e) {
  const key = readsKey(e);
  if (key === "Escape" && document.querySelector("details.menu[open]")) return false;
  const sequence = prefix ? `${prefix} ${key}` : "";
  prefix = "";
  const chosen = sequence && controlFor(sequence);
  if (chosen) return press(chosen), true;
  if ((key === "j" || key === "k") && walkLedger(key === "j" ? 1 : -1)) return true;
  const control = controlFor(key);
  if (control) return press(control), true;
  if (builtIn(key, e.target)) return true;
  if (key.length === 1 && startsSequence(key)) rememberPrefix(key);
  return false;
}

function submitFrom(target) {
  const form = target.closest?.("form") ?? document.querySelector("dialog:modal form");
  if (!form) return false;
  const submitter = form.querySelector("[data-submit]") ?? form.querySelector("button[type=submit], button:not([type])");
  form.requestSubmit(submitter ?? undefined);
  return true;
}

document.addEventListener("keydown", (e) => {
  if (e.defaultPrevented || e.isComposing || e.repeat && e.key !== "j" && e.key !== "k") return;
  if ((e.metaKey || e.ctrlKey) && e.key === "Enter") {
    if (submitFrom(e.target)) e.preventDefault();
    return;
  }
  if (e.metaKey || e.ctrlKey || e.altKey) return;
  const modal = document.querySelector("dialog:modal");
  if (modal) {
    const search = e.key === "/" && !typing(e.target) && first(modal, "data-key", "/");
    if (search) e.preventDefault(), press(search);
    return;
  }
  if (typing(e.target) || document.querySelector(":popover-open")) return;
  if (!keysAreOn() && e.key.length === 1) return;
  if (handleKey(e)) e.preventDefault();
});

// Switched off for the person where the server offers it (data-keys-url), else for this browser.
function switchKeys(box) {
  document.body.toggleAttribute("data-keys-off", !box.checked);
  if (!box.dataset.keysUrl) {
    if (box.checked) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
    return;
  }
  const headers = JSON.parse(document.body.getAttribute("hx-headers") ?? "{}");
  const body = new URLSearchParams(box.checked ? { single_keys: "on" } : {});
  fetch(box.dataset.keysUrl, { method: "POST", headers, body, redirect: "manual" }).catch(() => {});
}

document.addEventListener("change", (e) => {
  if (e.target.matches?.("[data-keys-toggle]")) switchKeys(e.target);
});

function showSetting() {
  for (const box of document.querySelectorAll("[data-keys-toggle]")) box.checked = keysAreOn();
}

document.addEventListener("htmx:afterSettle", showSetting);
showSetting();
