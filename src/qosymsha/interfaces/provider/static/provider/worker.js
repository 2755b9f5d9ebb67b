// Keeps the teacher's day on the phone: its pages (network first, at most a few seconds) and the files they need.
// No child's name is kept: what a page shows of somebody bears beside it what may stand on the phone (`data-kept`: a
// number in the list, initials). Pages are thrown away at sign-out and after two days.

const PAGES = "qosymsha-pages-2";
const FILES = "qosymsha-files-1";
const PATIENCE = 4000;
const PAGE_LIFE = 2 * 24 * 3600 * 1000;
const KEPT = /^\/(kk|ru|en)\/provider\/lessons\//;

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
  const copy = new Response(short, { status: 200, headers });
  await (await caches.open(PAGES)).put(request.url, copy);
}

async function page(event) {
  const pages = await caches.open(PAGES);
  const kept = await pages.match(event.request.url);
  const fresh = fetch(event.request).then((answer) => {
    if (answer.status === 200 && !answer.redirected && answer.type === "basic") event.waitUntil(remember(event.request, answer.clone()));
    return answer;
  });
  if (!kept) return fresh;
  const late = new Promise((resolve) => setTimeout(() => resolve(kept), PATIENCE));
  return Promise.race([fresh.catch(() => kept), late]);
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
  else if (event.request.mode === "navigate" && KEPT.test(url.pathname)) event.respondWith(page(event));
});
