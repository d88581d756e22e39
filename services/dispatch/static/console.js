// The console: many rows at once, orders set on the crews' day by hand or by key, and further rows as one moves on.

const floor = import(document.querySelector('script[src*="houqin"]').src);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const make = (name, values) => Object.assign(document.createElement(name), values);

// ---- marked rows: the form carries each with the version that was seen

document.addEventListener("marked", (event) => {
  const form = document.querySelector("form[data-marked]");
  if (!form) return;
  for (const old of all("input[name=order]", form)) old.remove();
  for (const ref of event.detail) {
    const row = document.querySelector(`tr[data-ref="${CSS.escape(ref)}"]`);
    form.append(make("input", { type: "hidden", name: "order", value: `${ref}@${row?.dataset.version || 0}` }));
  }
  const count = form.querySelector("[data-count]");
  if (count) count.textContent = event.detail.length === 1 ? count.dataset.one : count.dataset.other.replace(/987[,]?654/, String(event.detail.length));
  form.hidden = !event.detail.length;
});

function unmark() {
  for (const row of all("tr[data-marked]")) delete row.dataset.marked;
  document.dispatchEvent(new CustomEvent("marked", { detail: [] }));
}
document.addEventListener("click", (event) => { if (event.target.closest("[data-unmark]")) unmark(); });
document.addEventListener("submit", (event) => { if (event.target.matches("form[data-marked]")) setTimeout(unmark, 0); });

// ---- the crews' day: an order is put on a crew's lane, at an hour or anywhere on its name

const QUARTERS = 40, QUARTER = 15 * 60000;
const day = () => document.querySelector(".lanes[data-from]");
const instant = (quarter) => new Date(Date.parse(day().dataset.from) + (quarter - 1) * QUARTER);
const clock = (at) => at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "Asia/Shanghai" });

function send(order, crew, at) {
  const form = make("form", { method: "post", action: `/dispatch/orders/${order.ref}/${at ? "pin" : "assign"}` });
  const values = { _csrf: document.body.dataset.csrf, version: order.version, crew, ...(at ? { at: at.toISOString() } : {}) };
  for (const [name, value] of Object.entries(values)) form.append(make("input", { type: "hidden", name, value }));
  if (document.querySelector("aside.panel[id]")?.getClientRects().length) form.dataset.into = "#panel";
  document.body.append(form);
  form.requestSubmit();
  setTimeout(() => form.remove(), 0);
}

function marker(bars, quarter, words) {
  for (const old of all(".job[data-held]")) old.remove();
  if (!bars) return;
  const mark = make("span", { className: `job at-${quarter} for-4`, textContent: words });
  mark.dataset.held = "";
  mark.dataset.tone = "plan";
  bars.append(mark);
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-enlarge]")) document.querySelector(".lanes-hold")?.toggleAttribute("data-tall");
});

const quarterAt = (bars, x) => {
  const box = bars.getBoundingClientRect();
  return Math.min(QUARTERS, Math.max(1, Math.floor(((x - box.left) / box.width) * QUARTERS) + 1));
};

let dragged = null;
document.addEventListener("dragstart", (event) => {
  const from = event.target.closest?.("tr[data-ref], .job[data-bar]");
  if (!from) return;
  dragged = { ref: from.dataset.ref ?? from.dataset.bar, version: from.dataset.version };
  event.dataTransfer.setData("text/plain", dragged.ref);
  event.dataTransfer.effectAllowed = "move";
});
document.addEventListener("dragover", (event) => {
  const lane = dragged && event.target.closest?.("[data-crew]");
  if (!lane) return;
  event.preventDefault();
  for (const other of all("[data-crew][data-over]")) if (other !== lane) delete other.dataset.over;
  lane.dataset.over = "";
  const bars = event.target.closest(".bars");
  if (bars && day()) { const quarter = quarterAt(bars, event.clientX); marker(bars, quarter, clock(instant(quarter))); }
  else marker(null);
});
document.addEventListener("dragend", () => { dragged = null; marker(null); for (const lane of all("[data-over]")) delete lane.dataset.over; });
document.addEventListener("drop", (event) => {
  const lane = dragged && event.target.closest?.("[data-crew]");
  if (!lane) return;
  event.preventDefault();
  const bars = event.target.closest(".bars");
  const at = bars && day() ? instant(quarterAt(bars, event.clientX)) : null;
  const order = dragged;
  dragged = null;
  marker(null);
  delete lane.dataset.over;
  send(order, lane.dataset.crew, at);
});
const draggable = (within) => { for (const each of all("tr[data-ref], .job[data-bar]", within)) each.draggable = true; };
draggable(document);
new MutationObserver((changes) => {
  keep();
  for (const change of changes) for (const node of change.addedNodes) if (node.nodeType === 1) { if (node.matches("tr[data-ref], .job[data-bar]")) node.draggable = true; draggable(node); }
}).observe(document.body, { childList: true, subtree: true });

// The same by key: L picks the order up, arrows choose crew and quarter of an hour, Enter sets it, Esc leaves it.

let held = null;
const lanes = () => all(".lanes[data-from] [data-crew]");
function show() {
  const lane = lanes()[held.lane];
  if (!lane) return;
  held.crew = lane.dataset.crew;
  const at = clock(instant(held.quarter));
  marker(lane.querySelector(".bars"), held.quarter, `${at} ${held.what}`);
  lane.scrollIntoView({ block: "nearest" });
  const name = lane.querySelector("b").textContent;
  held.note.textContent = held.words.replace("{what}", held.what);
  held.said.textContent = `${name} ${at}`;
}
// The lanes may be swapped for fresher ones meanwhile: what is held goes on into those.
function keep() {
  const hold = document.querySelector(".lanes-hold");
  if (!held || held.note.isConnected || !hold) return;
  hold.dataset.tall = "";
  hold.prepend(held.note.parentElement);
  held.lane = Math.max(0, lanes().findIndex((lane) => lane.dataset.crew === held.crew));
  show();
}
function leave() {
  held?.note.parentElement.remove();
  marker(null);
  const back = held?.back;
  held = null;
  if (back?.isConnected) back.focus();
}
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-pick-up]");
  const hold = document.querySelector(".lanes-hold");
  if (!button || !day() || !hold?.getClientRects().length) return;
  leave();
  hold.dataset.tall = "";
  const box = make("p", { className: "held" }), note = make("span", {}), said = make("b", {});
  said.setAttribute("role", "status");
  box.append(said, " ", note);
  hold.prepend(box);
  const own = lanes().findIndex((lane) => lane.dataset.crew === button.dataset.crew);
  const now = day().querySelector(".now");
  const first = now ? Number(/at-(\d+)/.exec(now.className)[1]) + 1 : 1;
  held = { ref: button.dataset.ref, version: button.dataset.version, what: button.dataset.what, words: button.dataset.words,
           lane: Math.max(0, own), quarter: Math.min(QUARTERS, first), note, said, back: document.querySelector("[data-rows] [aria-selected=true]") };
  show();
});
document.addEventListener("keydown", (event) => {
  if (!held || event.isComposing) return;
  const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], PageUp: [0, -4], PageDown: [0, 4] };
  if (!(event.key in moves) && event.key !== "Enter" && event.key !== "Escape") return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (event.key === "Escape") { leave(); return; }
  if (event.key === "Enter") {
    const { ref, version, lane, quarter } = held;
    const crew = lanes()[lane]?.dataset.crew, at = instant(quarter);
    leave();
    if (crew) send({ ref, version }, crew, at);
    return;
  }
  const [down, right] = moves[event.key];
  held.lane = Math.min(lanes().length - 1, Math.max(0, held.lane + down));
  held.quarter = Math.min(QUARTERS, Math.max(1, held.quarter + right));
  show();
}, { capture: true });

// ---- what changes shows on the crews' day too: a while after the last change, so that a storm is one look

let looking = 0;
document.addEventListener("live:row", () => {
  const old = document.getElementById("lanes");
  if (looking || !old?.getClientRects().length) return;
  looking = setTimeout(async () => {
    const answer = await fetch(`/dispatch/lanes/${day()?.dataset.from.slice(0, 10)}`, { headers: { Accept: "text/html", "X-Fragment": "1" }, credentials: "same-origin" }).catch(() => null);
    looking = 0;
    if (!answer?.ok || dragged) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("lanes");
    const here = document.getElementById("lanes");
    if (!fresh || !here) return;
    if ("tall" in here.dataset) fresh.dataset.tall = "";
    (await floor).swap(here, document.adoptNode(fresh));
  }, 1500);
});

// ---- further rows, as one moves or scrolls towards the end; rows that are there already stay as they are

let fetching = false;
async function more() {
  const link = document.querySelector("[data-more]");
  if (!link || fetching) return;
  fetching = true;
  try {
    const answer = await fetch(link.href, { headers: { Accept: "text/html", "X-Fragment": "1" }, credentials: "same-origin" });
    if (!answer.ok) return;
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    const here = link.closest("tbody"), place = link.closest("tr");
    const known = new Set(all("tr[data-ref]", here).map((row) => row.dataset.ref));
    const bands = new Set(all("tr.band[data-band]", here).map((row) => row.dataset.band));
    for (const row of all("[data-live-list] tbody > tr", next)) {
      if (row.dataset.ref && known.has(row.dataset.ref) || row.dataset.band && bands.has(row.dataset.band)) continue;
      if (row.getAttribute("aria-selected") === "true") { row.setAttribute("aria-selected", "false"); row.tabIndex = -1; }
      place.before(document.adoptNode(row));
    }
    place.remove();
    watch();
  } catch { /* the link still leads there */ } finally { fetching = false; }
}
const near = new IntersectionObserver((seen) => { if (seen.some((each) => each.isIntersecting)) more(); }, { rootMargin: "600px" });
function watch() {
  near.disconnect();
  const link = document.querySelector("[data-more]");
  if (link) near.observe(link);
}
watch();
