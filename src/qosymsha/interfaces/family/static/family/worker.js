// Without network a scan of the venue's picture ends here: a page that keeps the code and its time. Nobody's data is kept.

const SHELL = new URL("here/offline/", self.location).href;
const KEPT = "qosymsha-family-1";
const PATIENCE = 8000;

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(fill());
});
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

async function fill() {
  const store = await caches.open(KEPT);
  const page = await fetch(SHELL);
  if (!page.ok) throw new Error(`the page said ${page.status}`);
  const html = await page.clone().text();
  await store.put(SHELL, page);
  const found = [...html.matchAll(/(?:href|src)="(\/static\/[^"]+)"/g)].map((match) => match[1]);
  const imported = found.filter((file) => /here[^/]*\.js$/.test(file)).map((file) => new URL("kept.js", new URL(file, self.location)).pathname);
  await store.addAll([...new Set([...found, ...imported])]);
}

async function page(request) {
  const shell = async () => (await (await caches.open(KEPT)).match(SHELL)) || Response.error();
  const late = new Promise((resolve) => setTimeout(() => resolve(shell()), PATIENCE));
  return Promise.race([fetch(request).catch(shell), late]);
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (request.mode === "navigate") event.respondWith(page(request));
  else if (url.pathname.startsWith("/static/")) {
    event.respondWith(fetch(request).catch(async () => (await (await caches.open(KEPT)).match(request)) || Response.error()));
  }
});
