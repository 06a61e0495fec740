// What somebody typed or chose in a form[data-draft] is kept for the session until the server has taken it: it survives
// an expired log-in, a 409, a 422 and a lost connection. It is its writer's: another person who logs in does not see it.
const PREFIX = "leadqual:draft:";
const SENT = "leadqual:sent:";
const NOT_OURS = ["hidden", "password", "file", "submit", "button"];
const loginUrl = document.querySelector("meta[name=login-url]")?.content ?? "/login/";
const isLogin = (url) => Boolean(url) && new URL(url, location.href).pathname === new URL(loginUrl, location.href).pathname;
const formsIn = (root) => [...(root.matches?.("form[data-draft]") ? [root] : []), ...(root.querySelectorAll?.("form[data-draft]") ?? [])];
const isKept = (field) => field.name && field.form?.matches("[data-draft]") && field.matches("input, textarea, select") && !NOT_OURS.includes(field.type);
const fields = (root) => formsIn(root).flatMap((form) => [...form.elements].filter(isKept));
const nameOf = (field) => `${document.body.dataset.person ?? ""}:${field.form.dataset.draft}:${field.name}`;
const keyOf = (field) => PREFIX + nameOf(field);
const radiosOf = (field) => [...field.form.elements].filter((other) => other.type === "radio" && other.name === field.name);
const firstOption = (field) => [...field.options].find((option) => option.defaultSelected) ?? field.options[0];
function isUntouched(field) {
  if (field.type === "radio") return radiosOf(field).every((radio) => radio.checked === radio.defaultChecked);
  if (field.type === "checkbox") return field.checked === field.defaultChecked;
  if (field.matches("select")) return field.value === firstOption(field)?.value;
  return field.value === field.defaultValue;
}

// Puts `kept` into the field; whether that changed anything.
function put(field, kept) {
  if (field.type === "radio") return field.value === kept && !field.checked && (field.checked = true);
  if (field.type === "checkbox") return field.checked !== (kept === "on") && ((field.checked = kept === "on"), true);
  if (field.matches("select") && ![...field.options].some((option) => option.value === kept)) return false;
  return field.value !== kept && ((field.value = kept), true);
}

function restore() {
  const untouched = fields(document).filter(isUntouched);
  for (const field of untouched) {
    const kept = sessionStorage.getItem(keyOf(field));
    if (kept !== null && put(field, kept)) field.dispatchEvent(new Event("change", { bubbles: true }));
  }
}

function keep(field) {
  const value = field.type === "checkbox" ? (field.checked ? "on" : "off") : field.value;
  if (value || field.defaultValue) sessionStorage.setItem(keyOf(field), value);
  else sessionStorage.removeItem(keyOf(field));
}

function forget(root) {
  for (const field of fields(root)) sessionStorage.removeItem(keyOf(field));
}

// Whoever came back from a page that could not be reached has sent nothing.
const cameBack = () => performance.getEntriesByType("navigation")[0]?.type === "back_forward";

function settleSent() {
  const bounced = document.body.hasAttribute("data-login") || cameBack();
  for (const key of Object.keys(sessionStorage).filter((name) => name.startsWith(SENT))) {
    sessionStorage.removeItem(key);
    if (!bounced) sessionStorage.removeItem(PREFIX + key.slice(SENT.length));
  }
}

for (const kind of ["input", "change"]) {
  document.addEventListener(kind, (e) => {
    if (isKept(e.target)) keep(e.target);
  });
}
document.addEventListener("click", (e) => {
  const form = e.target.closest?.("[data-take-back]")?.closest("form");
  if (!form) return;
  forget(form);
  // The browser may still tell of a change when the field goes.
  form.removeAttribute("data-draft");
}, true);
document.addEventListener("submit", (e) => {
  if (e.defaultPrevented || e.target.matches?.("[hx-post], [data-hx-post]")) return;
  for (const field of fields(e.target)) sessionStorage.setItem(SENT + nameOf(field), "1");
});
document.addEventListener("htmx:afterRequest", (e) => {
  const { xhr, requestConfig } = e.detail;
  // What is said beside a form takes nothing of the form along.
  if (requestConfig.elt.matches("[data-aside]")) return;
  const bounced = isLogin(xhr.responseURL) || isLogin(xhr.getResponseHeader("HX-Redirect"));
  const taken = xhr.status >= 200 && xhr.status < 400 && requestConfig.verb !== "get" && !bounced;
  if (taken) forget(requestConfig.elt.closest("form") ?? requestConfig.elt);
});
document.addEventListener("htmx:afterSettle", restore);
settleSent();
restore();
