// Keeps the teacher's day on the phone: its pages (network first, at most a few seconds) and the files they need; the
// next day's page and the codes too, where the page asks for it. Without network the door's first page leads to the day.
// No child's name is kept: what a page shows of somebody bears beside it what may stand on the phone (`data-kept`: a
// number in the list, initials). Pages are thrown away at sign-out and after two days.

const PAGES = "qosymsha-pages-3";
const FILES = "qosymsha-files-2";
const PATIENCE = 4000;
const PAGE_LIFE = 2 * 24 * 3600 * 1000;
const DAY = 24 * 3600 * 1000;
const STALE = 3 * 3600 * 1000; // what was kept ahead is fetched anew after that
const KEPT = /^\/(kk|ru|en)\/provider\/lessons\//;
const DOOR = /^\/(kk|ru|en)\/provider\/$/;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(Promise.all([tidy(), self.clients.claim()])));

async function tidy() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith("qosymsha-") && ![PAGES, FILES].includes(name)).map((name) => caches.delete(name)));
  const pages = await caches.open(PAGES);
  for (const request of await pages.keys()) {
    const kept = await pages.match(request);
    if (Date.now() - Number(kept.headers.get("X-Kept-At")) > PAGE_LIFE) await pages.delete(request);
  }
}

// The page as it may be kept, or nothing where a name would stay: then there is no kept page.
function shortened(html) {
  const short = html.replace(/<(\w+)([^<>]*) data-kept="([^"]*)"([^<>]*)>[^<]*<\/\1>/g, "<$1$2$4>$3</$1>").replaceAll(" data-kept-only hidden", "");
  return short.includes("data-kept=") ? "" : short;
}

async function remember(request, answer) {
  const short = shortened(await answer.text());
  if (!short) return;
  const headers = new Headers(answer.headers);
  headers.set("X-Kept-At", String(Date.now()));
  const day = / data-now="(\d+)" data-ends="(\d+)"/.exec(short);
  if (day) headers.set("X-Day", `${Number(day[1]) - Date.now()} ${day[2]}`); // the server's clock is ahead by; the day ends
  const copy = new Response(short, { status: 200, headers });
  await (await caches.open(PAGES)).put(request.url, copy);
}

function isOfToday(kept) {
  const [ahead, ends] = (kept.headers.get("X-Day") || "").split(" ").map(Number);
  const left = ends - (Date.now() + ahead);
  return left > 0 && left <= DAY;
}

// What is kept of an address. The day without a date is today, whichever page brought it.
async function keptPage(asked) {
  const address = asked.split("#")[0];
  const pages = await caches.open(PAGES);
  const same = await pages.match(address);
  if (!address.endsWith("/lessons/") || (same && isOfToday(same))) return same;
  for (const request of await pages.keys()) {
    const one = await pages.match(request);
    if (request.url.startsWith(address) && isOfToday(one)) return one;
  }
  return same; // of another day: the page says so
}

async function page(event) {
  const kept = await keptPage(event.request.url);
  const fresh = fetch(event.request).then((answer) => {
    if (answer.status === 200 && !answer.redirected && answer.type === "basic") event.waitUntil(remember(event.request, answer.clone()));
    return answer;
  });
  if (!kept) return fresh;
  const late = new Promise((resolve) => setTimeout(() => resolve(kept), PATIENCE));
  return Promise.race([fresh.catch(() => kept), late]);
}

async function door(event) {
  try {
    return await fetch(event.request);
  } catch (failure) {
    const lessons = `${event.request.url}lessons/`;
    if (await keptPage(lessons)) return Response.redirect(lessons);
    throw failure;
  }
}

// Asked by a page for later: kept, and answered from what was kept a moment ago.
async function ahead(event) {
  const kept = await (await caches.open(PAGES)).match(event.request.url);
  if (kept && Date.now() - Number(kept.headers.get("X-Kept-At")) < STALE) return kept;
  const answer = await fetch(event.request);
  if (answer.status === 200 && !answer.redirected) event.waitUntil(remember(event.request, answer.clone()));
  return answer;
}

async function file(request) {
  const files = await caches.open(FILES);
  const kept = await files.match(request);
  const fresh = fetch(request).then((answer) => {
    if (answer.ok) files.put(request, answer.clone());
    return answer;
  });
  if (!kept) return fresh;
  fresh.catch(() => {}); // renewed for the next time, where there is a network
  return kept;
}

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (url.origin !== self.location.origin) return;
  if (event.request.method === "POST" && url.pathname.endsWith("/sign-out/")) {
    event.waitUntil(caches.delete(PAGES));
    return;
  }
  if (event.request.method !== "GET" || event.request.headers.get("X-Fresh")) return;
  if (url.pathname.startsWith("/static/")) event.respondWith(file(event.request));
  else if (event.request.headers.get("X-Keep") && KEPT.test(url.pathname)) event.respondWith(ahead(event));
  else if (event.request.mode === "navigate" && KEPT.test(url.pathname)) event.respondWith(page(event));
  else if (event.request.mode === "navigate" && DOOR.test(url.pathname)) event.respondWith(door(event));
});
