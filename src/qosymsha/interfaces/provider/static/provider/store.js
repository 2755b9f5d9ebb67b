// Marks on this phone, until the server has them: an IndexedDB that a dead battery does not empty. It holds outside ids
// and values, no name. A mark gets the next counter of this installation; a batch is written before it is sent, so
// that a page opened again sends the same batch under the same key.

const NAME = "qosymsha-marks";
const KEPT_DAYS = 40;

const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

let opened = null;

function database() {
  if (!opened) {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("marks", { keyPath: "counter" });
      request.result.createObjectStore("batches", { keyPath: "key" });
      request.result.createObjectStore("meta");
    };
    opened = done(request);
  }
  return opened;
}

async function within(stores, mode, work) {
  const transaction = (await database()).transaction(stores, mode);
  const finished = new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
  const result = await work((name) => transaction.objectStore(name));
  await finished;
  return result;
}

// A random UUID also where the page came over plain HTTP in a trial.
export function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

// This installation's own name, made once; it says which phone, never who.
export function device() {
  return within(["meta"], "readwrite", async (store) => {
    const known = await done(store("meta").get("device"));
    if (known) return known;
    const made = uuid();
    store("meta").put(made, "device");
    return made;
  });
}

// Keep marks [{session, place, value}] of one touch, all or none: {counter, session, place, value, owner, recorded_at,
// state: "kept"}. The counter never repeats, in any tab. The owner is the account at its club: what one said is sent as
// nobody else.
export function keep(said, owner) {
  return within(["marks", "meta"], "readwrite", async (store) => {
    const first = (await done(store("meta").get("next"))) || 1;
    const recorded_at = new Date().toISOString();
    said.forEach((one, n) => store("marks").put({ ...one, counter: first + n, owner, recorded_at, state: "kept" }));
    store("meta").put(first + said.length, "next");
  });
}

export const marks = () => within(["marks"], "readonly", (store) => done(store("marks").getAll()));

// The batch to send next: one that waits for its answer, else the oldest marks not sent, at most `most`; the owner's.
export function nextBatch(most, owner) {
  const isOwn = (one) => (one.owner || owner) === owner;
  return within(["marks", "batches"], "readwrite", async (store) => {
    const waiting = (await done(store("batches").getAll())).filter(isOwn);
    if (waiting.length) return waiting[0];
    const all = await done(store("marks").getAll());
    const kept = all.filter((mark) => mark.state === "kept" && isOwn(mark)).slice(0, most);
    if (!kept.length) return null;
    const entries = kept.map(({ counter, session, place, value, recorded_at }) => {
      return { counter, session, place, value, recorded_at };
    });
    const batch = { key: uuid(), owner, entries };
    store("batches").put(batch);
    return batch;
  });
}

// The server answered a batch: each mark learns its fate; counters that it misses are sent again, if they are here.
export function settle(batch, outcomes, missing) {
  const sent_at = new Date().toISOString();
  return within(["marks", "batches"], "readwrite", async (store) => {
    for (const outcome of outcomes) {
      const mark = await done(store("marks").get(outcome.counter));
      if (mark) store("marks").put({ ...mark, state: "sent", sent_at, fate: outcome.fate, sentence: outcome.sentence });
    }
    for (const counter of missing) {
      const mark = await done(store("marks").get(counter));
      if (mark) store("marks").put({ ...mark, state: "kept" });
    }
    store("batches").delete(batch.key);
  });
}

// Marks that the server has had for weeks are forgotten; those it has not are kept as long as it takes.
export function forgetOld() {
  const before = new Date(Date.now() - KEPT_DAYS * 86400000).toISOString();
  return within(["marks"], "readwrite", async (store) => {
    for (const mark of await done(store("marks").getAll())) {
      if (mark.state === "sent" && mark.recorded_at < before) store("marks").delete(mark.counter);
    }
  });
}
