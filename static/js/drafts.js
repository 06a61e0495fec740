// Text typed into [data-draft-key] is kept for the session until the server has taken it: it survives an expired
// log-in, a 409, a 422 and a lost connection. It is its writer's: another person who logs in does not see it.
const PREFIX = "leadqual:draft:";
const SENT = "leadqual:sent:";
const loginUrl = document.querySelector("meta[name=login-url]")?.content ?? "/login/";
const isLogin = (url) => Boolean(url) && new URL(url, location.href).pathname === new URL(loginUrl, location.href).pathname;
const fields = (root) => [...(root.querySelectorAll?.("[data-draft-key]") ?? [])];
const nameOf = (field) => `${document.body.dataset.person ?? ""}:${field.dataset.draftKey}`;
const keyOf = (field) => PREFIX + nameOf(field);

function restore() {
  for (const field of fields(document)) {
    const kept = sessionStorage.getItem(keyOf(field));
    if (kept && field.value === field.defaultValue && field.value !== kept) field.value = kept;
  }
}

function forget(root) {
  for (const field of fields(root)) sessionStorage.removeItem(keyOf(field));
}

function settleSent() {
  const bounced = document.body.hasAttribute("data-login");
  for (const key of Object.keys(sessionStorage).filter((name) => name.startsWith(SENT))) {
    sessionStorage.removeItem(key);
    if (!bounced) sessionStorage.removeItem(PREFIX + key.slice(SENT.length));
  }
}

document.addEventListener("input", (e) => {
  if (!e.target.matches?.("[data-draft-key]")) return;
  if (e.target.value) sessionStorage.setItem(keyOf(e.target), e.target.value);
  else sessionStorage.removeItem(keyOf(e.target));
});
document.addEventListener("submit", (e) => {
  if (e.defaultPrevented || e.target.matches?.("[hx-post], [data-hx-post]")) return;
  for (const field of fields(e.target)) sessionStorage.setItem(SENT + nameOf(field), "1");
});
document.addEventListener("htmx:afterRequest", (e) => {
  const { xhr, requestConfig } = e.detail;
  const bounced = isLogin(xhr.responseURL) || isLogin(xhr.getResponseHeader("HX-Redirect"));
  const taken = xhr.status >= 200 && xhr.status < 400 && requestConfig.verb !== "get" && !bounced;
  if (taken) forget(requestConfig.elt.closest("form") ?? requestConfig.elt);
});
document.addEventListener("htmx:afterSettle", restore);
settleSent();
restore();
