// No connection or a 5xx: a banner with Retry. No right or gone: a toast. Expired session: back to the log-in.
import { toast } from "./toasts.js";

let failed = null;
const loginPath = new URL(document.querySelector("meta[name=login-url]")?.content ?? "/login/", location.href).pathname;
const place = () => document.querySelector("dialog:modal") ?? document.querySelector("[data-network]");
const shown = () => document.querySelector("[data-network-banner]");

function show(kind, config) {
  failed = config ?? failed;
  shown()?.remove();
  const banner = document.getElementById("network-template")?.content.firstElementChild.cloneNode(true);
  if (!banner) return;
  banner.dataset.networkBanner = kind;
  for (const text of banner.querySelectorAll("[data-when]")) if (text.dataset.when !== kind) text.remove();
  place()?.prepend(banner);
}

function clear() {
  shown()?.remove();
  failed = null;
}

function retry() {
  const config = failed;
  clear();
  if (!config || !document.contains(config.elt)) return location.reload();
  if (config.elt instanceof HTMLFormElement) config.elt.requestSubmit();
  else window.htmx.trigger(config.elt, config.triggeringEvent?.type ?? "click");
}

function refuse(status) {
  const texts = document.getElementById("refusal-texts")?.content;
  const text = texts?.querySelector(`[data-status="${status}"]`) ?? texts?.querySelector('[data-status="400"]');
  if (text) toast({ text: text.textContent, level: "danger" });
}

function toLogin() {
  const here = location.pathname + location.search;
  location.assign(`${loginPath}?next=${encodeURIComponent(here)}`);
}

document.addEventListener("htmx:sendError", (e) => show("offline", e.detail.requestConfig));
document.addEventListener("htmx:timeout", (e) => show("server", e.detail.requestConfig));
document.addEventListener("htmx:responseError", (e) => {
  const { xhr, requestConfig } = e.detail;
  if (xhr.status >= 500) show("server", requestConfig);
  else if (xhr.status !== 401 && !xhr.getResponseHeader("HX-Trigger")?.includes("toast")) refuse(xhr.status);
});
document.addEventListener("htmx:beforeSwap", (e) => {
  const { xhr } = e.detail;
  const landed = xhr.responseURL && new URL(xhr.responseURL).pathname === loginPath;
  if (landed || (xhr.status === 401 && !xhr.getResponseHeader("HX-Redirect"))) {
    e.detail.shouldSwap = false;
    e.stopImmediatePropagation();
    toLogin();
  }
});
document.addEventListener("htmx:afterOnLoad", (e) => {
  if (e.detail.successful && shown()) clear();
});
window.addEventListener("offline", () => show("offline"));
window.addEventListener("online", () => {
  if (shown()?.dataset.networkBanner === "offline" && !failed) clear();
});
document.addEventListener("click", (e) => {
  if (e.target.closest?.("[data-retry]")) retry();
});
