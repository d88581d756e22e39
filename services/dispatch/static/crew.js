// The crew's phone. Each step is written to this device first, numbered, and sent once under its own key; without this script
// the same forms post as they always did. What is kept: order number, step, time, key, what was filled in, photos not yet sent.

const floor = await import(document.querySelector('script[src*="houqin"]').src);
const words = JSON.parse(document.getElementById("crew-words")?.textContent || "null");
const account = document.body.dataset.account || "";
const DONE = 600000; // milliseconds a sent step is still shown
const AGAIN = 15000; // between attempts while something waits
const MOST = 1600; // pixels of a photo's longer side
const AFTER = { accept: "set_off", set_off: "arrive", arrive: "start", start: "finish", resume: "finish", pause: "resume" };
const STATES = { accept: "accepted", set_off: "on_the_way", arrive: "on_site", start: "under_way", resume: "under_way", pause: "paused", finish: "finished" };
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const clock = (iso) => new Date(iso).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "Asia/Shanghai" });
const make = (name, attributes = {}, ...children) => { const node = document.createElement(name); for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value); node.append(...children); return node; };
const fresh = () => [...crypto.getRandomValues(new Uint8Array(16))].map((each) => each.toString(16).padStart(2, "0")).join("");
let proof = document.body.dataset.csrf || "", signal = true, signedOut = false, timer = 0, left = null;

// ---- the queue on the device

const opened = new Promise((done, failed) => {
  const asked = indexedDB.open("houqin-crew", 1);
  asked.onupgradeneeded = () => asked.result.createObjectStore("steps", { keyPath: "number", autoIncrement: true });
  asked.onsuccess = () => { asked.result.onversionchange = () => asked.result.close(); done(asked.result); };
  asked.onerror = () => failed(asked.error);
});

async function store(mode, act) {
  const base = await opened;
  return new Promise((done, failed) => {
    const turn = base.transaction("steps", mode, { durability: "strict" });
    const asked = act(turn.objectStore("steps"));
    turn.oncomplete = () => done(asked.result);
    turn.onabort = turn.onerror = () => failed(turn.error);
  });
}

const put = (row) => store("readwrite", (steps) => steps.put(row));
const remove = (number) => store("readwrite", (steps) => steps.delete(number));
async function mine() {
  const rows = (await store("readonly", (steps) => steps.getAll())).filter((row) => row.account === account);
  const old = rows.filter((row) => row.state === "sent" && Date.now() - Date.parse(row.sent) > DONE);
  for (const row of old) await remove(row.number);
  return rows.filter((row) => !old.includes(row));
}

// ---- from a form to a step

const ACT = /\/dispatch\/crew\/([^/]+)\/(accept|refuse|set_off|arrive|start|pause|resume|finish|transfer)$/;
const PHOTO = /\/dispatch\/orders\/([^/]+)\/photos$/;

function filled(form, act) {
  const data = new FormData(form), body = {};
  if (data.get("reason")) body.reason = data.get("reason");
  if (act === "transfer") body.crew = data.get("crew");
  if (act === "finish") {
    body.usage = [...data].filter(([name, value]) => name.startsWith("usage_") && value.trim()).map(([name, value]) => ({ meter: name.slice(6), quantity: value.trim() }));
    body.checks = data.getAll("checks").map(Number);
    body.signed_by = (data.get("signed_by") || "").trim();
  }
  return body;
}

// Hours that nobody gave are the server's to measure; what began without signal it cannot have seen begin.
async function measure(form, ref, body) {
  const began = (await mine()).filter((row) => row.ref === ref && row.act === "start" && waits(row)).pop();
  const field = form.querySelector("[name=usage_hours]");
  if (!began || !field || field.value.trim()) return;
  body.usage.push({ meter: "hours", quantity: Math.max(0.01, (floor.now() - Date.parse(began.at)) / 3600000).toFixed(2) });
}

document.addEventListener("submit", async (event) => {
  const form = event.target, path = form.method === "post" ? new URL(form.action, location.href).pathname : "";
  const step = ACT.exec(path), photo = PHOTO.exec(path);
  if (!words || !(step || photo) || event.defaultPrevented) return;
  event.preventDefault();
  try {
    if (photo) await keepPhoto(form, photo[1]);
    else {
      const ref = decodeURIComponent(step[1]), body = filled(form, step[2]);
      if (step[2] === "finish") await measure(form, ref, body);
      await keep({ ref, act: step[2], seen: Number(new FormData(form).get("version")) || null, body });
      if (step[2] === "accept") navigator.vibrate?.(30);
      if (form.dataset.draft) localStorage.removeItem(`houqin.draft.${account}.${form.dataset.draft}`);
      if (["refuse", "transfer", "finish"].includes(step[2])) left = decodeURIComponent(step[1]);
    }
  } catch (error) {
    if (error?.name === "QuotaExceededError") { say(words.full); return; }
    form.submit(); // this browser keeps nothing: as without the script
  }
}, true);

async function keep(row) {
  await put({ account, key: fresh(), at: new Date(floor.now()).toISOString(), state: "kept", ...row });
  draw().then(drain); // from here on it is kept, whatever the page shows
}

async function keepPhoto(form, ref) {
  const data = new FormData(form), file = data.get("photo");
  const blob = await shrunk(file);
  if (!blob) { say(words.quiet_photo); return; }
  await keep({ ref: decodeURIComponent(ref), act: "photo", body: { kind: data.get("kind") }, blob, seen: null });
  form.reset();
}

document.addEventListener("signed", (event) => {
  keep({ ref: event.detail.ref, act: "photo", body: { kind: "signature" }, blob: event.detail.blob, seen: null }).catch(() => say(words.full));
});

async function shrunk(file) {
  if (!(file instanceof File) || !file.size) return null;
  try {
    const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, MOST / Math.max(picture.width, picture.height));
    const canvas = make("canvas");
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    return await new Promise((done) => { canvas.toBlob(done, "image/jpeg", 0.82); });
  } catch { return null; }
}

// ---- sending: words in their order, photos after them, an order's finish after its photos

const waits = (row) => row.state === "kept" || row.state === "sending";
const stuck = (row) => row.state === "clash" || row.state === "wrong";

function next(rows) {
  const held = new Set(rows.filter(stuck).map((row) => row.ref));
  const open = rows.filter((row) => waits(row) && !held.has(row.ref));
  const photos = open.filter((row) => row.act === "photo");
  return open.find((row) => row.act !== "photo" && !(row.act === "finish" && photos.some((each) => each.ref === row.ref))) || photos[0] || null;
}

let draining = false;
async function drain() {
  if (draining) return;
  draining = true;
  clearTimeout(timer);
  try {
    const work = async () => { for (let row = next(await mine()); row; row = next(await mine())) if (!await send(row)) break; };
    await (navigator.locks ? navigator.locks.request("houqin-crew", { ifAvailable: true }, (lock) => lock && work()) : work());
  } finally {
    draining = false;
    const rows = await draw();
    if (rows.some(waits)) timer = setTimeout(drain, AGAIN);
    else if (left && !rows.some((row) => row.ref === left && stuck(row))) { left = null; location.assign("/dispatch/crew/"); }
  }
}

function seen(row, rows) {
  const after = rows.filter((each) => each.ref === row.ref && each.after && each.number < row.number).map((each) => each.after);
  const known = Math.max(0, row.seen || 0, ...after);
  return known || null;
}

async function send(row) {
  if (row.act !== "photo" && !row.frozen) row.frozen = JSON.stringify({ ...row.body, version: row.anyway ? null : seen(row, await mine()), claimed_at: row.at });
  row.state = "sending";
  await put(row);
  await draw();
  let answer = null;
  try { answer = await post(row); } catch { signal = false; row.state = "kept"; await put(row); return false; }
  signal = true;
  if (answer.status === 401 || answer.status === 403) {
    if (!row.renewed && await renew()) { row.renewed = true; await put(row); return true; }
    signedOut = true; row.state = "kept"; await put(row); return false;
  }
  if (answer.status >= 500 || answer.status === 429 || answer.status === 408) { row.state = "kept"; await put(row); return false; }
  const found = await answer.json().catch(() => ({}));
  delete row.renewed;
  if (answer.ok) {
    delete row.blob;
    Object.assign(row, { state: "sent", sent: new Date().toISOString(), after: found.version || null });
    await put(row);
    await look(row.ref);
  } else if (answer.status === 404 || answer.status === 409) {
    Object.assign(row, { state: "clash", words: answer.status === 404 ? words.gone : found.detail || "", gone: answer.status === 404 });
    await put(row);
  } else {
    const said = Object.values(found.errors || {}).flat();
    Object.assign(row, { state: "wrong", words: said.length ? said.join(document.documentElement.lang === "en" ? "; " : "；") : found.detail || String(answer.status) });
    await put(row);
  }
  return true;
}

function post(row) {
  const ref = encodeURIComponent(row.ref), headers = { "X-CSRF-Token": proof, "Idempotency-Key": row.key, Accept: "application/json" };
  const options = { method: "POST", headers, credentials: "same-origin", signal: AbortSignal.timeout(row.act === "photo" ? 120000 : 20000) };
  if (row.act === "photo") {
    const data = new FormData();
    data.set("kind", row.body.kind);
    data.set("taken_at", row.at);
    data.set("photo", row.blob, "photo.jpg");
    return fetch(`/dispatch/api/orders/${ref}/photos`, { ...options, body: data });
  }
  return fetch(`/dispatch/api/orders/${ref}/${row.act}`, { ...options, headers: { ...headers, "Content-Type": "application/json" }, body: row.frozen });
}

// A page of ours brings a new pass and its form token; the sign-in page does not, and then what is kept waits for the person.
async function renew() {
  const answer = await fetch("/dispatch/crew/", { headers: { Accept: "text/html", "X-Fragment": "1" }, credentials: "same-origin" }).catch(() => null);
  if (!answer?.ok) return false;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (page.body.dataset.account !== account) { navigator.serviceWorker?.controller?.postMessage({ forget: true }); return false; }
  proof = page.body.dataset.csrf;
  return true;
}

// What the page shows of an order is fetched again once one of its steps has arrived.
async function look(ref) {
  const card = document.querySelector("#job[data-ref]");
  if (!card && !document.getElementById("today") || card && card.dataset.ref !== ref) return;
  const answer = await fetch(location.pathname, { headers: { Accept: "text/html", "X-Fragment": "1" }, credentials: "same-origin" }).catch(() => null);
  if (!answer?.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const id of ["job", "today", "offers"]) {
    const old = document.getElementById(id), found = page.getElementById(id);
    if (old && found) floor.swap(old, document.adoptNode(found)); // what is being typed stays
  }
}

// ---- a conflict: both are shown, and one tap decides

async function settle(row, choice) {
  if (choice === "anyway") Object.assign(row, { state: "kept", anyway: true, tried: true, key: fresh(), frozen: null, words: "" });
  else if (choice === "tell") {
    const told = { state: "kept", act: "claims", of: row.act, key: fresh(), body: {}, frozen: JSON.stringify({ step: row.act, claimed_at: row.at }) };
    delete row.blob;
    Object.assign(row, told);
  } else { await forgetStep(row); return; }
  await put(row);
  await draw();
  drain();
}

async function forgetStep(row) { // the later steps of the same order were built upon it
  for (const each of await mine()) if (each.number === row.number || each.ref === row.ref && each.number > row.number && waits(each)) await remove(each.number);
  await draw();
  await look(row.ref);
  drain();
}

// ---- what is shown

function say(text) { const place = document.querySelector("[data-signal]"); if (place) { place.textContent = text; document.getElementById("outbox").hidden = false; } }

const named = (row) => row.act === "photo" ? `${words.steps.photo} ${words.photos[row.body.kind] || ""}`.trim() : words.steps[row.of || row.act];
const short = (ref) => ref.replace(/^\d{4}-/, "");

async function draw() {
  const rows = await mine().catch(() => []);
  try { localStorage.setItem("houqin.unsent", String(rows.filter((row) => row.state !== "sent").length)); } catch { /* private window */ }
  const box = document.getElementById("outbox");
  if (!box) return rows;
  const unsent = rows.filter(waits), kept = Number(document.body.dataset.kept || 0);
  const off = !signal || !navigator.onLine;
  const said = signedOut ? words.sign_in : off ? words.no_signal + (unsent.length ? words.waiting.replace("{}", unsent.length) : "") : unsent.length ? `${words.sending} ${unsent.length}` : rows.length && !rows.some(stuck) ? words.all_sent : "";
  const text = [said, kept && off ? words.as_of.replace("{}", clock(kept)) : ""].filter(Boolean).join(" ");
  const place = box.querySelector("[data-signal]");
  if (place.textContent !== text) place.textContent = text;
  box.querySelector(".signal").hidden = !text;
  box.dataset.tone = off || signedOut ? "soon" : "";
  if (signedOut) place.append(" ", make("a", { href: `/requests/sign-in?next=${encodeURIComponent(location.pathname)}` }, words.sign_in_now));
  const lines = rows.map(line), fold = rows.length > 4 && !box.dataset.open;
  lines.forEach((each, place) => { each.hidden = fold && place < rows.length - 3 && !stuck(rows[place]); });
  box.querySelector("[data-steps]").replaceChildren(...lines);
  const whole = box.querySelector("[data-whole]");
  whole.hidden = !fold;
  whole.textContent = words.whole.replace("{}", rows.length);
  box.hidden = !text && !rows.length;
  ahead(rows);
  return rows;
}

function line(row) {
  const tone = { kept: "wait", sending: "move", sent: "done", clash: "late", wrong: "late" }[row.state];
  const word = { kept: words.kept, sending: words.going, sent: words.sent, clash: words.clash, wrong: words.wrong }[row.state];
  const item = make("li", { "data-number": row.number, "data-state": row.state });
  item.append(make("time", { datetime: row.at }, clock(row.at)), make("b", {}, named(row)), make("code", {}, short(row.ref)), make("span", { class: "state", "data-tone": tone }, word));
  if (!stuck(row)) return item;
  const button = (label, choice, kind = "") => { const made = make("button", { class: `btn ${kind}`.trim(), type: "button" }, make("span", {}, label)); made.addEventListener("click", () => settle(row, choice)); return made; };
  const both = make("div", { class: "both" }, make("p", {}, words.did.replace("{time}", clock(row.at)).replace("{step}", named(row))), make("p", {}, row.state === "clash" ? words.now_is.replace("{}", row.words) : row.words));
  const duo = make("div", { class: "duo" });
  if (row.state === "wrong") { if (row.act === "finish") duo.append(make("a", { class: "btn", href: `/dispatch/crew/${encodeURIComponent(row.ref)}#used` }, words.mend)); duo.append(button(words.drop, "drop")); }
  else duo.append(row.gone || row.tried ? button(words.tell, "tell", "btn--primary") : button(words.mine, "anyway", "btn--primary"), button(words.theirs, "theirs"));
  item.append(both, duo);
  return item;
}

// The page as it will be once what is kept has arrived: the next step's button, the state's word in the list.
function ahead(rows) {
  const last = new Map(rows.filter((row) => row.state !== "sent" && row.act !== "photo" && row.act !== "claims").map((row) => [row.ref, row]));
  for (const node of all("#today [data-ref], #offers [data-ref]")) {
    const row = last.get(node.dataset.ref);
    node.toggleAttribute("data-kept-step", Boolean(row));
    if (row && node.closest("#offers")) node.hidden = true;
    const state = node.querySelector(".state");
    if (row && state) { state.textContent = `${words.steps[row.act]} · ${words.kept}`; state.dataset.tone = "wait"; }
  }
  const card = document.querySelector("#job[data-ref]"), row = card && last.get(card.dataset.ref);
  if (!card) return;
  if (row && card.dataset.ahead !== String(row.number)) {
    card.dataset.ahead = row.number;
    const step = row.state === "clash" || row.state === "wrong" ? "" : AFTER[row.act] || "";
    turn(card, step);
  }
  lacking(card, rows);
}

function turn(card, step) {
  const place = card.querySelector("[data-next]"), forms = document.getElementById("steps-ahead")?.content;
  if (!place || !forms) return;
  const found = step ? forms.querySelector(`[data-step="${step}"]`) : null;
  place.replaceChildren(...(found ? [found.cloneNode(true)] : []));
  const used = card.querySelector("#used"), ready = forms.querySelector("[data-used]");
  if (step === "finish" && !used && ready) card.querySelector("[data-used-here]")?.replaceChildren(ready.firstElementChild.cloneNode(true));
  if (step !== "finish") used?.remove();
}

// The button says what is missing; the checks and photos counted are those of the page and of this device.
function lacking(card, rows) {
  const form = card.querySelector("form#finish"), button = card.querySelector("[data-next] [form=finish]");
  if (!form || !button) return;
  const missing = [], checks = all("input[name=checks]", form).filter((each) => !each.checked).length;
  if (checks) missing.push(words.lacks_checks.replace("{}", checks));
  const taken = [...all("[data-photo-kind]", card).map((each) => each.dataset.photoKind), ...rows.filter((row) => row.ref === card.dataset.ref && row.act === "photo").map((row) => row.body.kind)];
  for (const [kind, least] of Object.entries(JSON.parse(form.dataset.wanted || "{}"))) if (taken.filter((each) => each === kind).length < least) missing.push(words.lacks_photo.replace("{}", words.photos[kind]));
  if (form.dataset.signature && !taken.includes("signature") && !form.elements.signed_by?.value.trim()) missing.push(words.lacks_signature);
  let small = button.querySelector("small");
  if (!missing.length) { small?.remove(); return; }
  if (!small) { small = make("small"); button.append(small); }
  const text = missing.join(document.documentElement.lang === "en" ? ", " : "、");
  if (small.textContent !== text) small.textContent = text;
}

document.addEventListener("click", (event) => {
  const whole = event.target.closest?.("[data-whole]");
  if (whole) { whole.closest("#outbox").dataset.open = ""; draw(); }
});

// ---- amounts of materials by large steps

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-add]"), field = button?.closest(".amount")?.querySelector("input");
  if (!field) return;
  field.value = String(Math.max(0, Number(field.value || 0) + Number(button.dataset.add)));
  field.dispatchEvent(new Event("input", { bubbles: true }));
});
document.addEventListener("change", () => { const card = document.querySelector("#job[data-ref]"); if (card && words) mine().then((rows) => lacking(card, rows)); });

// ---- beginning

if (words && account) {
  if (document.body.dataset.kept) document.getElementById("toasts")?.replaceChildren();
  addEventListener("online", () => { signal = true; draw(); drain(); });
  addEventListener("offline", () => draw());
  document.addEventListener("visibilitychange", () => { if (!document.hidden) drain(); });
  let drawing = 0; // a live change may have brought the card back to what the server knows
  new MutationObserver(() => { if (!drawing) drawing = setTimeout(() => { drawing = 0; draw(); }, 200); }).observe(document.getElementById("main"), { childList: true });
  document.addEventListener("live:row", () => setTimeout(draw, 1000));
  if (document.body.dataset.kept) signal = navigator.onLine;
  await draw();
  drain();
  if (navigator.serviceWorker) {
    navigator.serviceWorker.register("/dispatch/crew/worker.js", { scope: "/dispatch/crew/" }).catch(() => {});
    navigator.serviceWorker.ready.then((found) => {
      const jobs = all("#today a[href]").map((link) => new URL(link.href).pathname).slice(0, 12);
      if (!document.body.dataset.kept) found.active?.postMessage({ keep: ["/dispatch/crew/", location.pathname, ...jobs] });
    });
  }
}
