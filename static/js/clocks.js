// SLA clocks count down from data-due by the server's time. They speak only when their state changes.
import { say } from "./toasts.js";

const WARN_MS = 15 * 60_000;
const serverTime = Date.parse(document.querySelector("meta[name=server-time]")?.content ?? "");
const offset = Number.isNaN(serverTime) ? 0 : serverTime - Date.now();
const now = () => Date.now() + offset;
const two = (n) => String(n).padStart(2, "0");

export function durationText(ms) {
  const sign = ms < 0 ? "−" : "";
  const minutes = Math.max(Math.floor(Math.abs(ms) / 60_000), ms < 0 ? 1 : 0);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (minutes < 60) return `${sign}${minutes} m`;
  if (hours < 24) return sign + (minutes % 60 ? `${hours} h ${two(minutes % 60)} m` : `${hours} h`);
  return sign + (hours % 24 ? `${days} d ${hours % 24} h` : `${days} d`);
}

export function countdownText(ms) {
  if (ms < 0 || ms >= WARN_MS) return durationText(ms);
  const seconds = Math.floor(ms / 1000);
  return `${two(Math.floor(seconds / 60))}:${two(seconds % 60)}`;
}

const stateOf = (ms) => (ms < 0 ? "breached" : ms < WARN_MS ? "warn" : "ok");

function turn(chip, state) {
  const parts = document.getElementById("sla-template")?.content.querySelector(`[data-for=${state}]`);
  chip.dataset.state = state;
  if (!parts) return;
  const icon = parts.querySelector("svg").cloneNode(true);
  icon.setAttribute("class", chip.querySelector("svg").getAttribute("class"));
  chip.querySelector("svg").replaceWith(icon);
  chip.querySelector(".sr").textContent = parts.querySelector(".sr").textContent;
  if (chip.matches(".lg")) say(chip.querySelector(".sr").parentElement.textContent);
}

function put(el, text) {
  if (el.textContent !== text) el.textContent = text;
}

function tick() {
  const time = now();
  for (const chip of document.querySelectorAll(".sla[data-due]")) {
    const left = Date.parse(chip.dataset.due) - time;
    put(chip.querySelector("[data-clock]"), countdownText(left));
    if (chip.dataset.state !== stateOf(left)) turn(chip, stateOf(left));
  }
  for (const el of document.querySelectorAll("[data-countdown]")) {
    put(el, durationText(Math.max(0, Date.parse(el.dataset.countdown) - time)));
  }
}

tick();
setInterval(tick, 1000);
document.addEventListener("htmx:afterSettle", tick);
