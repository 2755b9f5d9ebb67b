// The teacher's day: a touch is kept on the phone at once and sent when there is a network. Without this script the
// page's own forms send each lesson. Each row says whether its mark has gone; the bar below says it of all.

import * as store from "./store.js";
import { sync } from "./sync.js";

const page = document.getElementById("lessons");
const status = document.getElementById("sync");
const owner = page.dataset.owner; // whose marks this page sends: another account's, another club's wait for theirs
const SOONEST = 3000; // milliseconds to the first try anew while something waits; each next waits longer
const LATEST = 30000;
const PATIENCE = 20000; // milliseconds for the page with its names
const DAY = 24 * 3600 * 1000;
const DIFFERENCE = "qosymsha-clock";

let cameAt = Date.now(); // this page, by the phone's clock
let askedAt = performance.timeOrigin; // what the server had taken before this page was asked for, the page knows

function tell(word, n = 0) {
  for (const line of status.querySelectorAll("[data-say]")) line.hidden = line.dataset.say !== word;
  for (const figure of status.querySelectorAll("[data-n]")) figure.textContent = n ? String(n) : "";
}

// Nothing waits: how much has gone of what there is to mark. "All sent" is never said of children without a mark.
function tellSent() {
  const rows = [...page.querySelectorAll("form:not([hidden]) [data-place]")];
  const marked = rows.filter((row) => row.querySelector("input:checked")).length;
  tell(!marked ? "" : marked < rows.length ? "some" : "sent", `${marked} / ${rows.length}`);
}

const spotOf = (mark) => `${mark.session} ${mark.place}`;
const day = () => document.getElementById("day");
const isShort = () => !document.getElementById("short").hidden;
const isOf = (mark) => (mark.owner || owner) === owner;

function show(row, mark) {
  const isKept = mark.state === "kept";
  const isKnown = !isKept && Date.parse(mark.sent_at || mark.recorded_at) < askedAt;
  if (isKnown && row.dataset.state !== "kept" && !isShort()) return;
  const radio = row.querySelector(`input[value="${mark.value}"]`);
  if (radio) radio.checked = true;
  row.dataset.state = isKept ? "kept" : mark.fate || "stored";
  const word = row.querySelector("[data-word]");
  word.textContent = isKept ? "" : mark.sentence || "";
  word.hidden = !word.textContent;
}

// The word beside the name stands on the name's own line: nothing below moves while a teacher touches.
function stand(row) {
  const isMarked = row.querySelector("input:checked") !== null;
  const waits = row.dataset.state === "kept";
  if (isMarked && !row.dataset.state) row.dataset.state = "stored";
  row.querySelector("[data-stand]").textContent = waits ? page.dataset.waits : isMarked ? page.dataset.gone : "";
}

async function showAll() {
  const marks = await store.marks();
  const last = new Map(marks.map((mark) => [spotOf(mark), mark]));
  for (const row of page.querySelectorAll("[data-place]")) {
    const mark = last.get(`${row.dataset.session} ${row.dataset.place}`);
    if (mark) show(row, mark);
    stand(row);
  }
  for (const lesson of page.querySelectorAll(".lesson form")) {
    const rows = [...lesson.querySelectorAll("[data-place]")];
    const marked = rows.filter((row) => row.querySelector("input:checked")).length;
    lesson.querySelector("[data-marked]").textContent = String(marked);
    for (const button of lesson.querySelectorAll("[data-all]")) {
      button.disabled = marked === rows.length;
      button.textContent = marked ? button.dataset.rest : button.dataset.whole;
    }
  }
  const waiting = marks.filter((mark) => mark.state === "kept");
  const others = status.querySelector("[data-others]");
  const foreign = waiting.filter((mark) => !isOf(mark)).length;
  others.hidden = !foreign;
  others.querySelector("b").textContent = String(foreign);
  return waiting.length - foreign;
}

let busy = false;
let pause = SOONEST;
let timer = 0;

// No browser surely says when a weak network is back, so that what waits is tried again by the clock.
function later(isWaiting) {
  clearTimeout(timer);
  if (!isWaiting) pause = SOONEST;
  else timer = setTimeout(bring, pause);
  if (isWaiting) pause = Math.min(pause * 2, LATEST);
}

async function bring() {
  if (busy) return;
  busy = true;
  let word = "sent";
  const place = {
    address: page.dataset.sync,
    page: page.dataset.page,
    token: document.querySelector("input[name=csrfmiddlewaretoken]").value,
    owner,
  };
  const before = await showAll();
  await sync(place, (told) => {
    word = told;
    if (told === "sending") tell(told, before);
  });
  busy = false;
  const waiting = await showAll();
  if (!waiting && word === "sent") tellSent();
  else tell(word === "sent" ? "kept" : word, waiting);
  later(waiting > 0 || isShort());
  if (isShort()) renew();
}

let renewing = false;

// A page out of the phone's store bears no names: the server's takes its place as soon as it comes, touched or not.
async function renew() {
  if (renewing) return;
  renewing = true;
  try {
    const given = AbortSignal.timeout ? { signal: AbortSignal.timeout(PATIENCE) } : {};
    const address = location.search ? location.href : page.dataset.page;
    const asked = Date.now();
    const answer = await fetch(address, { redirect: "manual", headers: { "X-Fresh": "1" }, ...given });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (fresh.getElementById("lessons")?.dataset.owner !== owner) return;
    day().replaceWith(document.adoptNode(fresh.getElementById("day")));
    cameAt = Date.now();
    askedAt = asked;
    dress();
    await showAll();
  } catch {
    // no network: the initials stay
  } finally {
    renewing = false;
  }
}

async function touched(rows) {
  const said = rows.map(([row, value]) => ({ session: row.dataset.session, place: row.dataset.place, value }));
  await store.keep(said, owner);
  tell("kept", await showAll());
  bring();
}

page.addEventListener("change", (event) => {
  const row = event.target.closest("[data-place]");
  if (row && event.target.type === "radio") touched([[row, event.target.value]]);
});

page.addEventListener("click", (event) => {
  const button = event.target.closest("[data-all]");
  if (!button) return;
  const rows = [...button.closest(".lesson").querySelectorAll("[data-place]")];
  touched(rows.filter((row) => !row.querySelector("input:checked")).map((row) => [row, "present"]));
});

// What was touched before this script came over a slow network: it differs from what the page brought.
function earlyTouches() {
  const radios = [...page.querySelectorAll("[data-place] input:checked")].filter((radio) => !radio.defaultChecked);
  return radios.map((radio) => [radio.closest("[data-place]"), radio.value]);
}

// The server's now by this phone's clock, whose error is remembered from the last page that came fresh.
function serverNow() {
  try {
    if (!isShort()) localStorage.setItem(DIFFERENCE, String(Number(day().dataset.now) - cameAt));
    return Date.now() + Number(localStorage.getItem(DIFFERENCE) || 0);
  } catch {
    return Date.now();
  }
}

// A lesson's rows stand ready in the page and open as it begins, with or without network.
function openLessons() {
  const now = serverNow();
  for (const coming of page.querySelectorAll("[data-until]")) coming.hidden = now >= Number(coming.dataset.until);
  for (const rows of page.querySelectorAll("[data-from]")) rows.hidden = now < Number(rows.dataset.from);
  const other = document.getElementById("other-day");
  if (other) other.hidden = now < Number(day().dataset.ends) && now >= Number(day().dataset.ends) - DAY;
}

function dress() {
  for (const shown of page.querySelectorAll("[data-with-script]")) shown.hidden = false;
  for (const hidden of page.querySelectorAll("[data-without-script]")) hidden.hidden = true;
  openLessons();
}

// The worker keeps what the hall will need: this page too where it came before the worker did, tomorrow's, the codes of
// today's lessons; not over a poor network. Without a network the next page asks again.
function keepAhead() {
  const network = navigator.connection || {};
  if (!("ahead" in page.dataset) || isShort() || location.search || network.saveData || /2g/.test(network.effectiveType || "")) return;
  const links = [location, ...page.querySelectorAll("[data-keep], [rel=next]")].map((link) => link.href.split("#")[0]);
  const ask = () => links.forEach((link) => fetch(link, { headers: { "X-Keep": "ahead" } }).catch(() => {}));
  if (navigator.serviceWorker.controller) ask();
  else navigator.serviceWorker.addEventListener("controllerchange", ask, { once: true });
}

dress();
setInterval(openLessons, 20000);
window.addEventListener("online", () => {
  pause = SOONEST;
  bring();
});
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && bring());

if (navigator.serviceWorker) {
  navigator.serviceWorker.register(page.dataset.worker, { scope: page.dataset.scope });
  keepAhead();
}
if (navigator.storage && navigator.storage.persist) navigator.storage.persist(); // ask the phone not to tidy it away
store.forgetOld().then(() => {
  const early = earlyTouches();
  return early.length ? touched(early) : bring();
});
