// Check a ticket against a published round. The ticket stays in this page: no address, request or storage gets it.
// What is fetched: terms.json, proofs.tsv, and one part of the list (about a thousand lines), so that the server does
// not learn which line was asked for. Formulas: docs/reference/published-round.md; the same as in verify/draw.py.
"use strict";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const MOST_CLAIMS = 3; // reserves one child may claim when its class is hidden and its line must be found by trying
const form = document.getElementById("check");
const round = form.dataset;

class Told extends Error {} // its message is the key of a sentence on the page

// --- bytes

const text = (words) => new TextEncoder().encode(words);
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const raw = (digits) => Uint8Array.from(digits.match(/../g) || [], (pair) => parseInt(pair, 16));

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

async function sha256(...parts) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", joined(parts)));
}

// --- the formulas

function parsedTicket(typed) {
  const ticket = typed.toUpperCase().replace(/[\s\u00a0-]/g, "");
  const values = Array.from(ticket, (character) => ALPHABET.indexOf(character));
  if (values.length !== 26 || values.includes(-1) || values[25] % 4 !== 0) throw new Told("ticket");
  const bits = values.map((value) => value.toString(2).padStart(5, "0")).join("");
  return Uint8Array.from({ length: 16 }, (_, at) => parseInt(bits.slice(at * 8, at * 8 + 8), 2));
}

async function rootOf(leaves) {
  let level = leaves;
  while (level.length > 1) {
    const above = [];
    for (let at = 0; at + 1 < level.length; at += 2) above.push(sha256(Uint8Array.of(1), level[at], level[at + 1]));
    const odd = level.length % 2 ? [level[level.length - 1]] : []; // moves up unchanged
    level = [...(await Promise.all(above)), ...odd];
  }
  return hex(level[0]);
}

const leafOf = (salt, line) => sha256(Uint8Array.of(0), salt, text(line));

// A row of a part: "salt TAB line TAB place TAB outcome", or of a hidden line only its leaf.
async function readRow(row) {
  const fields = row.split("\t");
  if (fields.length === 1) return { leaf: raw(row) };
  const line = fields.slice(1, 6).join("\t");
  return { leaf: await leafOf(raw(fields[0]), line), id: fields[1], line, place: fields[6], outcome: fields[7] };
}

// --- fetching

async function fetched(address) {
  const answer = await fetch(`${address}?v=${round.version}`, { credentials: "omit" }).catch(() => null);
  if (!answer || !answer.ok) throw new Told("fetch");
  return new Uint8Array(await answer.arrayBuffer());
}

const words = (bytes) => new TextDecoder().decode(bytes);
const rows = (bytes) => words(bytes).split("\n").slice(0, -1);

async function proofs() {
  const found = rows(await fetched(`${round.files}proofs.tsv`)).map((row) => row.split("\t"));
  if ((await rootOf(found.map(([root]) => raw(root)))) !== round.root) throw new Told("root");
  return found;
}

async function part(index, root, terms) {
  const found = await Promise.all(rows(await fetched(`${round.parts}${index}.tsv`)).map(readRow));
  const leaves = found.map((row) => row.leaf);
  if (index === 0) leaves.unshift(await sha256(Uint8Array.of(0), terms));
  if ((await rootOf(leaves)) !== root) throw new Told("root");
  return found;
}

// --- the line

// Parts that may hold an id: the last one whose first line shown is not greater; a hidden line may open the next.
function partsFor(id, index) {
  const starts = index.map(([, first]) => first);
  let at = 0;
  starts.forEach((first, n) => {
    if (first && first <= id) at = n;
  });
  return at + 1 < index.length ? [at, at + 1] : [at];
}

function claimsOf(names) {
  const sets = [[]];
  for (const name of names) for (const set of [...sets]) if (set.length < MOST_CLAIMS) sets.push([...set, name]);
  return sets.map((set) => set.sort().join(","));
}

// Every line that may stand for an id: needed where its class is too small to be shown and no receipt tells it.
function possibleLines(id, terms) {
  const named = new Set(terms.segments.flatMap((segment) => segment.reserves.map(([name]) => name)));
  const tiers = Object.keys(terms.coefficients).length ? Object.keys(terms.coefficients) : [...Array(32).keys()];
  return terms.segments.flatMap((segment) =>
    tiers.flatMap((tier) => claimsOf(named).map((claims) => `${id}\t${segment.id}\t${tier}\t${claims}\t`)),
  );
}

async function foundLine(ticket, known) {
  const id = hex(await sha256(text("line\0"), ticket));
  const salt = (await sha256(text("salt\0"), ticket)).slice(0, 16);
  const [terms, index] = await Promise.all([fetched(`${round.files}terms.json`), proofs()]);
  const lines = [...(known ? [known] : []), ...possibleLines(id, JSON.parse(words(terms)))];
  const leaves = new Set(await Promise.all(lines.map(async (line) => hex(await leafOf(salt, line)))));
  for (const at of partsFor(id, index)) {
    for (const row of await part(at, index[at][0], terms)) {
      if (row.id === id && hex(row.leaf) !== hex(await leafOf(salt, row.line))) throw new Told("root");
      if (row.id === id || leaves.has(hex(row.leaf))) return { ...row, id, isHidden: row.id !== id };
    }
  }
  return { id };
}

async function checked(ticket, known) {
  const line = await foundLine(ticket, known);
  return { ...line, number: hex(await sha256(raw(round.seed), raw(line.id))) };
}

// --- why it stands there: from order.tsv, protocol.json and moves.tsv, all of them fetched whole

const tableOf = (bytes) => rows(bytes).map((row) => row.split("\t"));

async function whyOf(found) {
  const [, segment] = found.line.split("\t");
  const [order, protocol] = await Promise.all([fetched(`${round.files}order.tsv`), fetched(`${round.files}protocol.json`)]);
  const moves = tableOf(await fetched(round.moves).catch(() => new Uint8Array()));
  const cutoff = (JSON.parse(words(protocol)).cutoffs || {})[segment];
  return {
    segment,
    ...countedBefore(tableOf(order), segment, Number(found.place)),
    cutoff: cutoff ? String(cutoff[cutoff.length - 1]) : "",
    moves: moves.filter(([id]) => id === found.id),
    since: moves.filter(([, of, , to]) => of === segment && to === "granted").length,
  };
}

// Those before a place among the lines shown: all, granted, waiting, and the same by class.
function countedBefore(table, segment, place) {
  const classes = new Map(table.filter(([kind]) => kind === "class").map(([, sign, ...name]) => [sign, { name, all: 0, granted: 0 }]));
  const [, , signs = "", marks = ""] = table.find(([kind, of]) => kind === "order" && of === segment) || [];
  const before = Array.from(signs).slice(0, place - 1);
  before.forEach((sign, at) => {
    classes.get(sign).all += 1;
    if (marks[at] === "g") classes.get(sign).granted += 1;
  });
  const upto = Array.from(marks.slice(0, place - 1));
  const waiting = upto.filter((mark) => mark === "w").length;
  return { before: before.length, beforeGranted: upto.filter((mark) => mark === "g").length, waiting, classes: [...classes.values()] };
}

// --- the page

const told = document.getElementById("told");
const shown = document.getElementById("shown");

function say(key) {
  for (const sentence of told.querySelectorAll("[data-say]")) sentence.hidden = sentence.dataset.say !== key;
}

function fill(facts) {
  for (const [name, value] of Object.entries(facts)) {
    for (const place of document.querySelectorAll(`[data-fill="${name}"]`)) {
      place.textContent = value;
      const row = place.closest("[data-row]");
      if (row) row.hidden = !value;
    }
  }
}

function sentenceOf(found) {
  if (!found.leaf) return "absent";
  if (found.isHidden) return "hidden";
  if (found.outcome === "open" || found.outcome.startsWith("reserve:")) return "granted";
  return found.outcome === "waiting" ? "waiting" : "rejected";
}

function show(found) {
  say(sentenceOf(found));
  fill({
    id: found.id,
    leaf: found.leaf ? hex(found.leaf) : "",
    number: found.leaf ? found.number : "",
    place: found.place ? Number(found.place).toLocaleString("ru").replace(/\s/g, "\u00a0") : "",
  });
  shown.hidden = false;
}

const whole = (number) => number.toLocaleString("ru").replace(/\s/g, "\u00a0");
const meaning = (key) => {
  const term = Array.from(document.querySelectorAll("#words dt")).find((one) => one.textContent === key);
  return term ? term.nextElementSibling.textContent : "";
};

function showWhy(found, why) {
  const hidden = Number(meaning(`merged.${why.segment}`) || 0);
  fill({
    segment: meaning(`segment.${why.segment}`) || why.segment,
    before: whole(why.before),
    beforeGranted: whole(why.beforeGranted),
    hiddenRows: hidden ? whole(hidden) : "",
    cutoff: why.cutoff,
    needs: found.outcome === "waiting" ? whole(why.waiting + 1) : "",
    since: whole(why.since),
  });
  for (const row of document.querySelectorAll("#classes tbody tr")) {
    const { segment, tier, claims } = row.dataset;
    const own = why.classes.find(({ name }) => name[0] === segment && name[1] === tier && name[2] === claims);
    row.hidden = segment !== why.segment || !own;
    if (own) [row.cells[1].textContent, row.cells[2].textContent] = [whole(own.all), whole(own.granted)];
  }
  const list = document.getElementById("moves");
  list.replaceChildren(
    ...why.moves.map(([, , day, to, cause]) => {
      const item = document.createElement("li");
      item.textContent = `${day}: ${meaning(to)} – ${meaning(cause)}`;
      return item;
    }),
  );
  document.getElementById("why").hidden = false;
}

async function run(typed, known) {
  say("busy");
  shown.hidden = true;
  document.getElementById("why").hidden = true;
  try {
    if (!globalThis.crypto || !crypto.subtle) throw new Told("insecure");
    const found = await checked(parsedTicket(typed), known);
    show(found);
    const why = found.place ? await whyOf(found).catch(() => null) : null;
    if (why) showWhy(found, why);
  } catch (fault) {
    say(fault instanceof Told ? fault.message : "fetch");
  }
}

async function read(file) {
  try {
    const receipt = JSON.parse(await file.text());
    if (receipt.format !== "qosymsha receipt 1" || typeof receipt.ticket !== "string") throw new Told("file");
    if (receipt.round_uuid !== round.round) throw new Told("other");
    form.elements.ticket.value = receipt.ticket;
    await run(receipt.ticket, receipt.line);
  } catch (fault) {
    shown.hidden = true;
    say(fault instanceof Told ? fault.message : "file");
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  run(form.elements.ticket.value, "");
});
form.elements.file.addEventListener("change", () => form.elements.file.files[0] && read(form.elements.file.files[0]));
form.addEventListener("dragover", (event) => event.preventDefault());
form.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files[0]) read(event.dataTransfer.files[0]);
});
form.hidden = false;
document.getElementById("without").hidden = true;
