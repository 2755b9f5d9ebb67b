// The teacher's day: a touch is kept on the phone at once and sent when there is a network. Without this script the
// page's own forms send each lesson.

import * as store from "./store.js";
import { sync } from "./sync.js";

const page = document.getElementById("lessons");
const status = document.getElementById("sync");
const SOONEST = 3000; // milliseconds to the first try anew while something waits; each next waits longer
const LATEST = 30000;

function tell(word, n = 0) {
  for (const line of status.querySelectorAll("[data-say]")) line.hidden = line.dataset.say !== word;
  for (const figure of status.querySelectorAll("[data-n]")) figure.textContent = String(n);
}

const spotOf = (mark) => `${mark.session} ${mark.place}`;

// What this phone last said of each child, newest counter first.
async function lastWords() {
  const last = new Map();
  for (const mark of await store.marks()) last.set(spotOf(mark), mark);
  return last;
}

function show(row, mark) {
  const radio = row.querySelector(`input[value="${mark.value}"]`);
  if (radio) radio.checked = true;
  row.dataset.state = mark.state === "kept" ? "kept" : mark.fate || "stored";
  const word = row.querySelector("[data-word]");
  word.textContent = mark.state === "kept" ? word.dataset.kept : mark.sentence || "";
  word.hidden = !word.textContent;
}

async function showAll() {
  const last = await lastWords();
  let waiting = 0;
  for (const mark of await store.marks()) waiting += mark.state === "kept";
  for (const row of page.querySelectorAll("[data-place]")) {
    const mark = last.get(`${row.dataset.session} ${row.dataset.place}`);
    if (mark) show(row, mark);
  }
  for (const lesson of page.querySelectorAll(".lesson")) {
    const rows = [...lesson.querySelectorAll("[data-place]")];
    const counter = lesson.querySelector("[data-marked]");
    if (counter) counter.textContent = String(rows.filter((row) => row.querySelector("input:checked")).length);
  }
  return waiting;
}

let busy = false;
let pause = SOONEST;
let timer = 0;

// No browser surely says when a weak network is back, so that what waits is tried again by the clock.
function later(waiting) {
  clearTimeout(timer);
  if (!waiting) pause = SOONEST;
  else timer = setTimeout(bring, pause);
  if (waiting) pause = Math.min(pause * 2, LATEST);
}

async function bring() {
  if (busy) return;
  busy = true;
  let word = "sent";
  const place = {
    address: page.dataset.sync,
    page: page.dataset.page,
    token: page.querySelector("input[name=csrfmiddlewaretoken]").value,
  };
  await sync(place, (told) => (word = told));
  busy = false;
  const waiting = await showAll();
  tell(waiting && word === "sent" ? "kept" : word, waiting);
  later(waiting);
}

async function touched(row, value) {
  await store.keep(row.dataset.session, row.dataset.place, value);
  tell("kept", await showAll());
  bring();
}

page.addEventListener("change", (event) => {
  const row = event.target.closest("[data-place]");
  if (row && event.target.type === "radio") touched(row, event.target.value);
});

page.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-all]");
  if (!button) return;
  const rows = button.closest(".lesson").querySelectorAll("[data-place]");
  for (const row of rows) {
    if (!row.querySelector("input:checked")) await store.keep(row.dataset.session, row.dataset.place, "present");
  }
  tell("kept", await showAll());
  bring();
});

for (const shown of page.querySelectorAll("[data-with-script]")) shown.hidden = false;
for (const hidden of page.querySelectorAll("[data-without-script]")) hidden.hidden = true;
window.addEventListener("online", () => {
  pause = SOONEST;
  bring();
});
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && bring());

if (navigator.serviceWorker) navigator.serviceWorker.register(page.dataset.worker, { scope: page.dataset.scope });
if (navigator.storage && navigator.storage.persist) navigator.storage.persist(); // ask the phone not to tidy it away
store.forgetOld().then(bring);
