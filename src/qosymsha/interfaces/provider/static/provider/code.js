// The rotating code of a lesson. The page brought all codes of the lesson's window, signed on the server, so that it
// turns without network too; which one is due is told by the server's time, remembered as this phone's difference.

const page = document.getElementById("code");
const lesson = JSON.parse(document.getElementById("codes").textContent);
const picture = document.getElementById("picture");
const letters = document.getElementById("letters");
const bar = document.getElementById("bar");
const DIFFERENCE = "qosymsha-clock";

// A page out of the worker's store is old: its instant says nothing about now. Only a fresh page sets the difference.
function difference() {
  const age = performance.getEntriesByType("navigation")[0];
  const isFresh = navigator.onLine && (!age || age.transferSize > 0);
  if (isFresh) localStorage.setItem(DIFFERENCE, String(lesson.now - Date.now()));
  return Number(localStorage.getItem(DIFFERENCE) || 0);
}

const ahead = difference();

// A picture is a square of bits by rows, packed into octets.
function drawn(packed, size) {
  const quiet = 4;
  const octets = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
  const path = [];
  for (let at = 0; at < size * size; at += 1) {
    if (octets[at >> 3] & (128 >> (at & 7))) path.push(`M${(at % size) + quiet} ${Math.floor(at / size) + quiet}h1v1h-1z`);
  }
  picture.setAttribute("viewBox", `0 0 ${size + 2 * quiet} ${size + 2 * quiet}`);
  picture.querySelector("path").setAttribute("d", path.join(""));
}

let shown = null;

function turn() {
  const now = Date.now() + ahead;
  const step = Math.floor(now / 1000 / lesson.seconds);
  const at = step - lesson.first_step;
  const due = at >= 0 && at < lesson.codes.length ? at : null;
  for (const part of page.querySelectorAll("[data-say]")) {
    part.hidden = part.dataset.say !== (due !== null ? "due" : at < 0 ? "early" : "over");
  }
  if (due !== null) {
    bar.value = lesson.seconds - ((now / 1000) % lesson.seconds);
    if (due !== shown) {
      drawn(lesson.pictures[due], lesson.size);
      letters.textContent = `${lesson.codes[due].slice(0, 4)} ${lesson.codes[due].slice(4)}`;
    }
  }
  shown = due;
}

async function count() {
  try {
    const answer = await fetch(page.dataset.here, { redirect: "manual" });
    if (answer.ok) document.getElementById("here").textContent = String((await answer.json()).here);
  } catch {
    // no network: the figure stays as it was
  }
}

turn();
setInterval(turn, 500);
setInterval(count, 10000);
if (navigator.wakeLock) navigator.wakeLock.request("screen").catch(() => {}); // a sleeping screen shows no code
