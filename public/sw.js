// Starts the page without a network: keeps the latest page with all its files, and hands them out
// when the server can not be reached. What is asked of the server itself is none of its business.
//
// A page and its files are kept together, in a cache that is named by the page's own module, or not
// at all: an old page never meets a new file. The page before the latest is kept too, for windows that
// still show it. Files under /pkg/ are named by their content and never change; everything else is
// asked for first and taken from the cache only when nobody answers.
"use strict";

const PAGE = "/";
const OURS = "madang ";
/** How many pages are kept, the latest last. */
const KEPT = 2;

addEventListener("install", (event) => event.waitUntil(fetchAndKeep().then(() => skipWaiting())));
addEventListener("activate", (event) => event.waitUntil(clients.claim()));

addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request;
  const { origin, pathname } = new URL(url);
  if (method !== "GET" || origin !== location.origin || /^\/(api|socket\.io)\//.test(pathname)) return;
  if (mode === "navigate") event.respondWith(show(event));
  else if (pathname.startsWith("/pkg/")) event.respondWith(kept(pathname).then((file) => file ?? fetch(event.request)));
  else event.respondWith(fetch(event.request).catch(async () => (await kept(pathname)) ?? Response.error()));
});

// Where a page may not notify by itself (Android), its notices are ours: a click leads to the room.
addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(lead(event.notification.data));
});

/** To the room in the window that was used last, else in a new one; boot.js goes there. */
async function lead(path) {
  const [window] = await clients.matchAll({ type: "window" });
  if (!window) return clients.openWindow(path);
  window.postMessage({ go: path });
  return window.focus();
}

/**
 * The page as the server has it now, else as it was. Every link leads to the same page. While the
 * server is gone a proxy in front of it has a page of its own to say so, which helps nobody.
 */
async function show(event) {
  try {
    const page = await fetch(event.request);
    if (page.ok) event.waitUntil(page.clone().text().then(keep));
    return page.status < 500 ? page : ((await kept(PAGE)) ?? page);
  } catch {
    return (await kept(PAGE)) ?? Response.error();
  }
}

/** What the latest page has under this path, else the one before. */
async function kept(path) {
  for (const name of (await pages()).reverse()) {
    const file = await caches.match(path, { cacheName: name, ignoreVary: true });
    if (file) return file;
  }
}

const pages = async () => (await caches.keys()).filter((name) => name.startsWith(OURS));

async function fetchAndKeep() {
  await keep(await (await fetch(PAGE, { cache: "no-store" })).text());
}

/** Keeps this page with every file it names, and then lets go of those before the one before. */
async function keep(html) {
  const named = [...html.matchAll(/(?:href|src)="(\/[^"]+)"/g)].map(([, path]) => path);
  // The icon of a home screen is asked for by the system, and never without a network.
  const files = named.filter((path) => !path.endsWith(".png"));
  const module = files.find((path) => path.endsWith(".wasm"));
  // Not our page: a proxy wants to know who asks, say.
  if (!module) return;
  const name = OURS + module;
  const cache = await caches.open(name);
  // It is put there last: without it the others are not all there.
  if (await cache.match(PAGE)) return;
  const answers = await Promise.all(["/icons.svg", ...new Set(files)].map(fetchFile));
  const page = await fetchFile(PAGE);
  // A newer one that came meanwhile is kept when it is looked at next.
  if (!(await page[1].clone().text()).includes(module)) return;
  await Promise.all(answers.map(([path, answer]) => cache.put(path, answer)));
  await cache.put(...page);
  await Promise.all((await pages()).slice(0, -KEPT).map((old) => caches.delete(old)));
}

async function fetchFile(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return [path, answer];
}
