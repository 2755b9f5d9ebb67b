// One sending counts once. The key of a form is made here and kept on this device before the form leaves; it stays the
// same through a reload, a lost network, a closed tab, until the answer (a cookie of the key's own) says that it was taken.
// Kept with it: what was chosen from lists, boxes and dates. Never: words or numbers that were typed, files, codes, and
// what says something of somebody (a category, a birth date, an illness): a form names those in `data-unkept`.
// Without this script a form carries the server's own key.

const words = document.getElementById("key-words").dataset;
const PREFIX = "key ";
const LIFE = 30 * 24 * 3600 * 1000; // far shorter than the server keeps keys
const PATIENCE = 15000; // an answer that is a file leaves the page standing: its buttons come back
const memory = new Map(); // where the browser keeps nothing for pages

const kept = {
  read(name) {
    try {
      return JSON.parse(localStorage.getItem(name)) ?? memory.get(name);
    } catch {
      return memory.get(name);
    }
  },
  write(name, entry) {
    memory.set(name, entry);
    try {
      localStorage.setItem(name, JSON.stringify(entry));
    } catch {} // full or forbidden: the memory has it as long as the page stands
  },
  drop(name) {
    memory.delete(name);
    try {
      localStorage.removeItem(name);
    } catch {}
  },
  names() {
    let found = [];
    try {
      found = Object.keys(localStorage);
    } catch {}
    return [...new Set([...found, ...memory.keys()])].filter((name) => name.startsWith(PREFIX));
  },
};

function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // a page without TLS
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

const keyOf = (form) => form.querySelector('input[name="key"][data-whose]');

// The user, the page whatever its language, and the form on it.
function nameOf(form) {
  const { whose, form: own } = keyOf(form).dataset;
  const page = new URL(form.getAttribute("action") || location.href, location.href).pathname.replace(/^\/(kk|ru|en)\//, "/");
  return `${PREFIX}${whose} ${page} ${own}`;
}

// What the answers said: keys taken are dropped, keys used with another content are marked. Old ones are dropped too.
function hear() {
  const said = [...document.cookie.matchAll(/(__Host-)?(taken|reused)\.([0-9a-f-]{36})=1/g)];
  const became = new Map(said.map(([, , word, key]) => [key, word]));
  for (const name of kept.names()) {
    const entry = kept.read(name);
    const word = entry && became.get(entry.key);
    if (!entry || word === "taken" || Date.now() - entry.at > LIFE) kept.drop(name);
    else if (word === "reused") kept.write(name, { ...entry, reused: true });
  }
  for (const [, host, word, key] of said) document.cookie = `${host ?? ""}${word}.${key}=; Max-Age=0; Path=/; SameSite=Lax${host ? "; Secure" : ""}`;
}

const isBox = (field) => field.type === "checkbox" || field.type === "radio";
const isChoice = (field) => field.name && (field.type === "select-one" || field.type === "date" || field.type === "month" || isBox(field));
const isUnkept = (form, field) => (form.dataset.unkept ?? "").split(" ").includes(field.name);
const isKept = (form) => (field) => isChoice(field) && !isUnkept(form, field) && (!isBox(field) || field.checked);
const choices = (form) => [...form.elements].filter(isKept(form)).map((field) => [field.name, field.value]);

function restore(form, chosen) {
  for (const [name, value] of chosen) {
    for (const field of [...form.elements].filter((one) => one.name === name && isChoice(one))) {
      if (isBox(field)) field.checked ||= field.value === value;
      else field.value = value;
      field.dispatchEvent(new Event("change", { bubbles: true }));
    }
  }
}

function note(form, text, mayAnew) {
  form.querySelector("[data-key-note]")?.remove();
  const box = document.createElement("div");
  box.className = "verdict wait";
  box.dataset.keyNote = "";
  box.setAttribute("role", "status");
  for (const line of [text, words.kept]) box.append(Object.assign(document.createElement("p"), { textContent: line }));
  if (mayAnew) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "button quiet", textContent: words.anew });
    button.dataset.keyAnew = "";
    button.addEventListener("click", () => {
      kept.drop(nameOf(form));
      keyOf(form).value = newKey();
      delete keyOf(form).dataset.again;
      box.remove();
      form.dataset.keyed = "ready";
      form.querySelector("input:not([type=hidden]), select, textarea, button")?.focus();
    });
    box.append(button);
  }
  form.prepend(box);
}

const buttons = (form) => [...form.elements].filter((one) => one.type === "submit");

function rest(form) {
  delete form.dataset.sending;
  for (const one of buttons(form)) one.disabled = false;
}

function arm(form) {
  rest(form);
  const entry = kept.read(nameOf(form));
  const isAgain = "again" in keyOf(form).dataset; // the server shows what was just sent: it says itself what is the matter
  if (entry) {
    keyOf(form).value = entry.key;
    if (!isAgain) restore(form, entry.choices);
    if (entry.reused) note(form, words.reused, true);
    else if (!isAgain) note(form, words.pending, true);
  }
  form.dataset.keyed = entry ? "pending" : "ready";
}

function send(event) {
  const form = event.target;
  const hidden = keyOf(form);
  if (!hidden || event.defaultPrevented) return;
  if (hidden.dataset.form === "sign-out") {
    for (const name of kept.names()) if (name.startsWith(`${PREFIX}${hidden.dataset.whose} `)) kept.drop(name);
    return;
  }
  if (form.dataset.sending) {
    event.preventDefault(); // the second click of two
    return;
  }
  hear();
  const before = kept.read(nameOf(form));
  const key = before?.key ?? ("again" in hidden.dataset ? hidden.value : newKey());
  kept.write(nameOf(form), { ...before, key, at: Date.now(), choices: choices(form) });
  hidden.value = key;
  if (!navigator.onLine) {
    event.preventDefault();
    form.dataset.keyed = "offline";
    note(form, words.offline, false);
    return;
  }
  // This page answered a POST: going back to it later asks for it anew, instead of for what is being sent now.
  if ("again" in hidden.dataset && new URL(form.action).pathname === location.pathname) history.replaceState(history.state, "", location.href);
  if (!form.elements.namedItem("kept")) form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "kept", value: "1" }));
  form.dataset.sending = "1";
  setTimeout(() => buttons(form).forEach((one) => { one.disabled = true; }), 0); // after the pressed one was taken along
  setTimeout(() => rest(form), PATIENCE);
}

function begin() {
  hear();
  for (const form of document.querySelectorAll("form")) {
    if (keyOf(form) && keyOf(form).dataset.form !== "sign-out") arm(form);
  }
}

document.addEventListener("submit", send);
window.addEventListener("pageshow", (event) => { if (event.persisted) begin(); });
window.addEventListener("online", () => {
  for (const form of document.querySelectorAll('form[data-keyed="offline"]')) note(form, words.online, false);
});
begin();
