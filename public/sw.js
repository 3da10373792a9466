// Service worker: caches the latest page with all its files and serves them when the server can not
// be reached. Requests to /api and /socket.io are never touched.
//
// A page and its files are cached together, in a cache named after the page's wasm module, or not at
// all: an old page never gets a new file. The page before the latest is kept too, for tabs that still
// show it. Files under /pkg/ have a content hash in their names and never change, so the cache comes
// first for them; for everything else the network comes first.
"use strict";

const PAGE = "/";
const CACHE_PREFIX = "madang ";
/** How many versions of the page are cached. */
const CACHED_PAGES = 2;

addEventListener("install", (event) => event.waitUntil(cacheLatestPage().then(() => skipWaiting())));
addEventListener("activate", (event) => event.waitUntil(clients.claim()));

addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request;
  const { origin, pathname } = new URL(url);
  if (method !== "GET" || origin !== location.origin || /^\/(api|socket\.io)\//.test(pathname)) return;
  if (mode === "navigate") event.respondWith(servePage(event));
  else if (pathname.startsWith("/pkg/")) event.respondWith(fromCache(pathname).then((file) => file ?? fetch(event.request)));
  else event.respondWith(fetch(event.request).catch(async () => (await fromCache(pathname)) ?? Response.error()));
});

// On Android only a service worker may show notifications: a click on one opens its room.
addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(openRoom(event.notification.data));
});

/** Opens the room in the tab that was used last (boot.js navigates), else in a new one. */
async function openRoom(path) {
  const [window] = await clients.matchAll({ type: "window" });
  if (!window) return clients.openWindow(path);
  window.postMessage({ go: path });
  return window.focus();
}

/**
 * Serves the page from the network, else from the cache. Every link leads to the same page. A 5xx is
 * an error page of a proxy whose server is gone: the cached page is more useful.
 */
async function servePage(event) {
  try {
    const page = await fetch(event.request);
    if (page.ok) event.waitUntil(page.clone().text().then(cachePage));
    return page.status < 500 ? page : ((await fromCache(PAGE)) ?? page);
  } catch {
    return (await fromCache(PAGE)) ?? Response.error();
  }
}

/** Finds a file in the newest cache that has it. */
async function fromCache(path) {
  for (const name of (await cacheNames()).reverse()) {
    const file = await caches.match(path, { cacheName: name, ignoreVary: true });
    if (file) return file;
  }
}

const cacheNames = async () => (await caches.keys()).filter((name) => name.startsWith(CACHE_PREFIX));

async function cacheLatestPage() {
  await cachePage(await (await fetch(PAGE, { cache: "no-store" })).text());
}

/** Caches this page with every file it names, then deletes all caches but the last two. */
async function cachePage(html) {
  const paths = [...html.matchAll(/(?:href|src)="(\/[^"]+)"/g)].map(([, path]) => path);
  // The home screen icon is fetched by the system when the app is installed, never offline.
  const files = paths.filter((path) => !path.endsWith(".png"));
  const module = files.find((path) => path.endsWith(".wasm"));
  // Not our page, but a login page of a proxy, say.
  if (!module) return;
  const name = CACHE_PREFIX + module;
  const cache = await caches.open(name);
  // The page is stored last: a cache without it is incomplete.
  if (await cache.match(PAGE)) return;
  const responses = await Promise.all(["/icons.svg", ...new Set(files)].map(fetchFile));
  const page = await fetchFile(PAGE);
  // The server was updated meanwhile: the new page is cached the next time it is loaded.
  if (!(await page[1].clone().text()).includes(module)) return;
  await Promise.all(responses.map(([path, response]) => cache.put(path, response)));
  await cache.put(...page);
  await Promise.all((await cacheNames()).slice(0, -CACHED_PAGES).map((old) => caches.delete(old)));
}

async function fetchFile(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return [path, response];
}
