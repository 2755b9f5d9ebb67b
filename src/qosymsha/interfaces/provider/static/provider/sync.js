// Bring kept marks to the server: one batch after another, one tab at a time, again whenever the network comes back.

import * as store from "./store.js";

const MOST = 200; // rows of one command
const PATIENCE = 20000; // milliseconds until a silent network counts as none

class Unsigned extends Error {}

async function sent({ address, token, owner }, body) {
  const given = AbortSignal.timeout ? { signal: AbortSignal.timeout(PATIENCE) } : {};
  const answer = await fetch(address, {
    method: "POST",
    redirect: "manual",
    headers: { "Content-Type": "application/json", "X-CSRFToken": token, "X-Marks-Owner": owner },
    body: JSON.stringify(body),
    ...given,
  });
  if (answer.type === "opaqueredirect" || answer.status === 403) throw new Unsigned();
  if (!answer.ok) throw new Error(`the server said ${answer.status}`);
  return answer.json();
}

// The token of a page kept for days has run out: the page, fetched anew, brings one, where somebody is signed in.
async function freshToken({ page, owner }) {
  const answer = await fetch(page, { redirect: "manual", headers: { "X-Fresh": "1" } });
  if (!answer.ok) throw new Unsigned();
  const html = new DOMParser().parseFromString(await answer.text(), "text/html");
  const field = html.querySelector("input[name=csrfmiddlewaretoken]");
  if (!field || html.getElementById("lessons")?.dataset.owner !== owner) throw new Unsigned();
  return field.value;
}

async function run(place, tell) {
  const device = await store.device();
  let renewed = false;
  for (let batch = await store.nextBatch(MOST, place.owner); batch; batch = await store.nextBatch(MOST, place.owner)) {
    tell("sending");
    try {
      const body = { key: batch.key, device, entries: batch.entries };
      const answer = await sent(place, body);
      await store.settle(batch, answer.outcomes, answer.missing || []);
    } catch (failure) {
      if (!(failure instanceof Unsigned) || renewed) throw failure;
      renewed = true;
      place.token = await freshToken(place);
    }
  }
}

// Sends what is kept; tells "sending", then "sent", "offline", "unsigned" or "failed". Never throws, never loses a mark.
export async function sync(place, tell) {
  const work = async () => {
    try {
      await run(place, tell);
      tell("sent");
    } catch (failure) {
      tell(failure instanceof Unsigned ? "unsigned" : failure instanceof TypeError || !navigator.onLine ? "offline" : "failed");
    }
  };
  if (!navigator.locks) return work();
  return navigator.locks.request("qosymsha-sync", { ifAvailable: true }, (lock) => (lock ? work() : undefined));
}
