// Keeps the crew's pages for one person and answers with them where no signal is. VERSION and ASSETS stand before this file
// as it is served. Pages live in one cache named for the account whose page was kept last; every other is dropped.

const FILES = `houqin-crew-files-${VERSION}`, PAGES = "houqin-crew-pages-";
// Whoever signs out leaves nothing: an answer that was on its way then is not kept, nor any other until a page is opened anew.
let turn = 0, over = false;
const PATIENCE = 6000, LIFE = 24 * 3600 * 1000; // milliseconds: until a kept page is shown instead; until one is too old to be

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(FILES).then((cache) => cache.addAll(ASSETS)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name.startsWith("houqin-crew-files-") && name !== FILES) await caches.delete(name);
    await self.clients.claim();
  })());
});

self.addEventListener("message", (event) => {
  const { keep, forget } = event.data || {};
  if (forget) { turn += 1; over = true; event.waitUntil(drop()); }
  if (keep) event.waitUntil((async () => {
    for (const path of keep) {
      const kept = await find(path);
      if (kept && Date.now() - Number(kept.headers.get("X-Kept-At")) < 300000) continue;
      const began = turn;
      const answer = await fetch(path, { headers: { Accept: "text/html", "X-Fragment": "1" }, credentials: "same-origin" }).catch(() => null);
      if (!answer) return;
      await put(path, answer, began);
    }
  })());
});

self.addEventListener("fetch", (event) => {
  const { request } = event, url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (/^\/(dispatch\/)?static\//.test(url.pathname)) { event.respondWith(filed(request)); return; }
  if (!url.pathname.startsWith("/dispatch/crew/") || /\/(live|worker\.js)$/.test(url.pathname)) return;
  if (request.mode === "navigate") event.respondWith(visit(event, request, url.pathname));
  else if ((request.headers.get("Accept") || "").startsWith("text/html")) event.respondWith(fetched(event, request, url.pathname));
});

async function fetched(event, request, path) {
  const began = turn, answer = await fetch(request);
  event.waitUntil(put(path, answer.clone(), began));
  return answer;
}

async function filed(request) {
  const kept = await caches.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) { const cache = await caches.open(FILES); await cache.put(request, answer.clone()); }
  return answer;
}

async function visit(event, request, path) {
  over = false;
  const fresh = fetched(event, request, path);
  fresh.catch(() => {});
  const slow = new Promise((done) => { setTimeout(done, PATIENCE); });
  const first = await Promise.race([fresh.catch(() => null), slow]);
  if (first && first.status < 500) return first;
  return (await shown(path)) || (await shown("/dispatch/crew/")) || first || fresh;
}

async function cacheNames() { return (await caches.keys()).filter((name) => name.startsWith(PAGES)); }
async function drop(but = "") { for (const name of await cacheNames()) if (name !== but) await caches.delete(name); }

async function find(path) {
  for (const name of await cacheNames()) {
    const kept = await (await caches.open(name)).match(path);
    if (kept) return kept;
  }
  return null;
}

// A page is kept under the account written in it, with how far the server's clock is from this phone's.
async function put(path, answer, began) {
  if (over || began !== turn) return;
  if (answer.status === 404) { for (const name of await cacheNames()) await (await caches.open(name)).delete(path); return; }
  if (!answer.ok || answer.redirected || !(answer.headers.get("Content-Type") || "").startsWith("text/html")) return;
  const text = await answer.text();
  const account = /<body[^>]* data-account="([^"]+)"/.exec(text)?.[1];
  if (!account) return;
  const name = PAGES + encodeURIComponent(account);
  await drop(name);
  const headers = new Headers(answer.headers);
  headers.set("X-Kept-At", String(Date.now()));
  headers.set("X-Clock", String(Number(/ data-now="(\d+)"/.exec(text)?.[1] || Date.now()) - Date.now()));
  await (await caches.open(name)).put(path, new Response(text, { status: 200, headers }));
  if (over || began !== turn) await drop();
}

async function shown(path) {
  const kept = await find(path);
  if (!kept) return null;
  const at = Number(kept.headers.get("X-Kept-At"));
  if (!at || Date.now() - at > LIFE) return null;
  const text = (await kept.text())
    .replace(/ data-now="\d+"/, ` data-now="${Date.now() + Number(kept.headers.get("X-Clock") || 0)}"`)
    .replace(/<body /, `<body data-kept="${at}" `);
  return new Response(text, { status: 200, headers: kept.headers });
}
