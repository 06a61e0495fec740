// Sends `poll` to the body every 30 s while the tab is visible, and at once when it comes back after longer.
const EVERY_MS = 30_000;
let last = Date.now();

function poll() {
  if (document.hidden || Date.now() - last < EVERY_MS) return;
  last = Date.now();
  document.body.dispatchEvent(new CustomEvent("poll"));
}

setInterval(poll, 1000);
document.addEventListener("visibilitychange", poll);
