// What pages do beyond forms and links. Everything here is extra: without it, each page still works.
// Text from the server enters only through textContent or as parsed, same-origin pages (DOMParser), never as markup.

const root = document.documentElement;
const body = document.body;
const chinese = root.lang === "zh-Hans";
const reduced = matchMedia("(prefers-reduced-motion: reduce)");
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// ---- time: durations as the server writes them (shared/language/formats.py), counted down once a minute

export function duration(milliseconds) {
  const minutes = Math.max(0, Math.floor(Math.abs(milliseconds) / 60000));
  const days = Math.floor(minutes / 1440), hours = Math.floor(minutes / 60) % 24, rest = minutes % 60;
  const parts = days ? [[days, "天", "d"], [hours, "小时", "h"]] : [[hours, "小时", "h"], [rest, "分", "min"]];
  const shown = parts.filter((part) => part[0]);
  if (!shown.length) shown.push([0, "分", "min"]);
  return chinese ? shown.map(([n, zh]) => n + zh).join("") : shown.map(([n, , en]) => `${n} ${en}`).join(" ");
}

export function left(due, now, short) {
  const length = duration(due - now);
  if (now > due) return chinese ? `超时${length}` : `${length} late`;
  if (short) return due - now < 3600000 ? length : null;
  return chinese ? `还有${length}` : `${length} left`;
}

const offset = Number(body.dataset.now || 0) ? Number(body.dataset.now) - Date.now() : 0; // the server's clock counts
export const now = () => Date.now() + offset;

function tick() {
  for (const promise of all(".promise[data-due]")) {
    const due = Date.parse(promise.dataset.due), started = Date.parse(promise.dataset.started || ""), soon = Date.parse(promise.dataset.soon || "");
    const words = left(due, now(), "short" in promise.dataset);
    const place = promise.querySelector(".left");
    if (words !== null && place.textContent !== words) place.textContent = words;
    if (now() > due) promise.dataset.tone = "late";
    else if (soon && now() >= soon && promise.dataset.tone === "move") promise.dataset.tone = "soon";
    const fuse = promise.querySelector(".fuse rect");
    if (fuse && started) fuse.setAttribute("width", Math.round(Math.min(100, Math.max(0, ((now() - started) / (due - started)) * 100))));
  }
}

// ---- words for readers of the screen: counts and breaches only, at most every five seconds

let lastSaid = 0;
export function announce(words) {
  const place = document.getElementById("announce");
  if (!place) return;
  const wait = Math.max(0, lastSaid + 5000 - Date.now());
  lastSaid = Date.now() + wait;
  setTimeout(() => { place.textContent = words; }, wait);
}

document.addEventListener("announce", (event) => announce(event.detail)); // for scripts beside this one

// ---- toasts: ten seconds, longer while looked at; one at a time

function settle(toast) {
  let timer = 0;
  const start = () => { timer = setTimeout(() => toast.remove(), 10000); };
  const stop = () => clearTimeout(timer);
  toast.addEventListener("pointerenter", stop);
  toast.addEventListener("pointerleave", start);
  toast.addEventListener("focusin", stop);
  toast.addEventListener("focusout", start);
  start();
}

function showToasts(from) {
  const place = document.getElementById("toasts"), found = from.getElementById("toasts");
  if (place && found && found.children.length) {
    place.replaceChildren(...found.children);
    all("[data-toast]", place).forEach(settle);
  }
}

// ---- swapping: part of a page is taken from a freshly fetched page. Focus and unsaved input survive.

const dirty = (part) => all("input, textarea, select", part).some((field) =>
  field.type !== "hidden" && (field.type === "checkbox" || field.type === "radio" ? field.checked !== field.defaultChecked
    : field.tagName === "SELECT" ? chosen(field) : field.value !== field.defaultValue));
// A list that marks no default shows its first entry: that is nobody's choice.
const chosen = (field) => field.multiple || [...field.options].some((option) => option.defaultSelected)
  ? [...field.options].some((option) => option.selected !== option.defaultSelected) : field.selectedIndex > 0;

export function swap(old, fresh, { force = false } = {}) {
  if (!force && (old.contains(document.activeElement) && document.activeElement !== old && document.activeElement.matches("input, textarea, select") || dirty(old))) {
    old.dataset.changed = "";
    return false;
  }
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const held = focused && path(old, focused);
  if (old.getAttribute("aria-selected") === "true") { fresh.setAttribute("aria-selected", "true"); fresh.tabIndex = 0; }
  const folds = all("details", fresh); // what was unfolded stays so
  all("details", old).forEach((each, index) => { if (each.open && folds[index]) folds[index].open = true; });
  old.replaceWith(fresh);
  if (held) (again(fresh, held, focused) ?? fresh).focus({ preventScroll: true });
  enliven(fresh);
  return true;
}

// The same thing in the fresh part: at its old place or, where others came or went before it, by what it says.
function again(fresh, steps, focused) {
  const says = (each) => each?.tagName === focused.tagName && each.textContent.trim() === focused.textContent.trim();
  const there = steps.reduce((node, index) => node?.children[index], fresh);
  return says(there) ? there : all(focused.tagName.toLowerCase(), fresh).find(says) ?? there;
}

function path(from, to) {
  const steps = [];
  for (let node = to; node !== from; node = node.parentElement) steps.unshift([...node.parentElement.children].indexOf(node));
  return steps;
}

const BEHIND = { headers: { "X-Fragment": "1" } }; // fetched behind the page: what was just done is told by the page that follows it

async function page(url, options = {}) {
  const answer = await fetch(url, { ...options, headers: { Accept: "text/html", ...(options.headers || {}) }, credentials: "same-origin" });
  const text = await answer.text();
  return { answer, page: new DOMParser().parseFromString(text, "text/html") };
}

// A part that is looked at gives way to the next one asked for; an act is never broken off, and is told whatever came after.
let working = null;
async function into(selector, url, options) {
  const old = document.querySelector(selector);
  if (!old) { location.assign(url); return null; }
  const dim = setTimeout(() => old.setAttribute("aria-busy", "true"), 300); // the old one stays, dimmed
  if (!working?.acts) working?.abort();
  const acts = Boolean(options?.method && options.method !== "GET");
  if (acts) { clearTimeout(look?.timer); look = null; } // what was to be looked at gives way to the act
  const mine = working = Object.assign(new AbortController(), { acts });
  try {
    const found = await page(url, { ...options, signal: mine.signal });
    const fresh = found.page.querySelector(selector);
    if (!fresh) { // another page altogether (an error, sign-in): show it whole
      if (!options?.method || options.method === "GET" || found.answer.redirected) location.assign(found.answer.url);
      else showWhole(found.page);
      return null;
    }
    const now = document.querySelector(selector);
    const told = acts && found.answer.ok && found.page.querySelector("#toasts [data-toast]");
    if (now && (mine === working || acts && !told)) swap(now, document.adoptNode(fresh), { force: true });
    showToasts(found.page);
    return found;
  } catch (error) {
    if (error.name === "AbortError") return null;
    if (!options?.method || options.method === "GET") location.assign(url);
    else throw error;
    return null;
  } finally {
    clearTimeout(dim);
    old.removeAttribute("aria-busy");
  }
}

function showWhole(found) {
  document.title = found.title;
  document.querySelector("main").replaceWith(document.adoptNode(found.querySelector("main")));
  document.querySelector("main").focus();
  enliven(document.querySelector("main"));
}

// Scripts beside this one hear what became of an act; false where one of them deals with an answer that never came.
const acted = (form, found) => document.dispatchEvent(new CustomEvent("acted", { cancelable: true, detail: { form, found } }));

document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return; // the form's own script carries it
  const form = event.target;
  const button = event.submitter;
  if (form.dataset.sent !== undefined && form.method === "post") { event.preventDefault(); return; } // a second press
  if (button?.getAttribute("aria-disabled") === "true") { event.preventDefault(); return; }
  if (form.dataset.draft && form.dataset.draftUntilFiled === undefined) forget(form);
  if (!form.dataset.into) {
    if (form.method === "post") {
      form.dataset.sent = "";
      setTimeout(() => button?.setAttribute("aria-busy", "true"), 300);
      addEventListener("pageshow", () => { delete form.dataset.sent; button?.removeAttribute("aria-busy"); }, { once: true });
    }
    return;
  }
  event.preventDefault();
  const data = new FormData(form, button);
  const target = button?.getAttribute("formaction") || form.getAttribute("action") || location.href;
  if (form.method === "get") into(form.dataset.into, `${target}?${new URLSearchParams(data)}`);
  else {
    button?.setAttribute("aria-busy", "true");
    const sent = form.enctype === "multipart/form-data" ? data : new URLSearchParams(data);
    into(form.dataset.into, target, { method: "POST", body: sent }).then((found) => acted(form, found), () => acted(form, null) && form.submit()).finally(() => button?.removeAttribute("aria-busy"));
  }
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-into]");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0) {
    event.preventDefault();
    into(link.dataset.into, link.href);
    if (link.dataset.push !== undefined) history.pushState({}, "", link.href);
    return;
  }
  const copied = event.target.closest("[data-copy]");
  if (copied) navigator.clipboard?.writeText(copied.dataset.copy);
  if (event.target.closest("[aria-disabled='true']")) event.preventDefault();
  for (const menu of all("details.who[open]")) if (!menu.contains(event.target)) menu.open = false;
});
addEventListener("popstate", () => location.reload());

// ---- theme: at once, and kept by the same form

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-act=theme]");
  if (!button) return;
  event.preventDefault();
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  button.value = dark ? "dark" : "light";
  const data = new URLSearchParams(new FormData(button.form));
  data.set("theme", root.dataset.theme);
  fetch(button.form.action, { method: "POST", body: data, redirect: "manual", credentials: "same-origin" }).catch(() => {});
});

// ---- keys: letters act only outside fields, never while an input method composes, and can be switched off

const keysOff = () => localStorage.getItem("houqin.keys") === "off";
let going = 0;

function typing(target) {
  return target.isContentEditable || target.matches?.("input:not([type=checkbox], [type=radio], [type=button], [type=submit]), textarea, select, [role=combobox]");
}

function press(key) {
  const dialog = document.querySelector("dialog[open]");
  const found = all(`[data-key="${CSS.escape(key)}"]`, dialog ?? document).filter((each) => !each.hidden && each.getClientRects().length && each.getAttribute("aria-disabled") !== "true");
  const toast = found.find((each) => each.closest("#toasts"));
  const target = toast ?? found[0];
  const pending = document.querySelector("aside.panel[data-pending]"); // an act of its order is not yet answered
  if (pending && !look && (!target || pending.contains(target))) return afterwards(key, pending, target);
  if (!target) return false;
  if (look && target.closest("aside.panel[id]")) {
    look.keys += 1;
    look.done.then((there) => { if (there) press(key); });
    look.run();
    return true;
  }
  target.matches("input, select, textarea") ? target.focus() : target.click();
  return true;
}

// A letter names an act and waits for the answer to the one before; the same again, and a place in a list that will be another, do nothing.
function afterwards(key, panel, target) {
  const order = panel.dataset.order, letter = /^(shift\+)?[a-z]$/.test(key) && target?.getAttribute("aria-busy") !== "true";
  const there = () => !look && document.querySelector("aside.panel[id]")?.dataset.order === order;
  if (letter) document.addEventListener("acted", ({ detail }) => { if (detail.found?.answer.ok && there()) setTimeout(() => press(key), 0); }, { once: true });
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.keyCode === 229 || event.defaultPrevented) return;
  if (event.key === "Escape") return escape(event);
  if (event.ctrlKey && !event.altKey && !event.metaKey && event.key.toLowerCase() === "k") {
    const seek = document.querySelector("[data-seek]");
    if (seek) { event.preventDefault(); seek.focus(); seek.click(); }
    return;
  }
  if (event.ctrlKey || event.altKey || event.metaKey || typing(event.target)) return;
  if (rows(event)) return;
  if (event.key === "?") { event.preventDefault(); help(); return; }
  if (keysOff()) return;
  const key = event.key.toLowerCase();
  if (going && Date.now() - going < 1500) {
    going = 0;
    const link = document.querySelector(`[data-go="${CSS.escape(key)}"]`);
    if (key === "p") { document.querySelector(".bar-end details.who > summary")?.click(); event.preventDefault(); }
    else if (link) { event.preventDefault(); link.click(); }
    return;
  }
  if (key === "g") { going = Date.now(); return; }
  if (key === "/") { const field = document.querySelector("[data-search], input[type=search]"); if (field) { event.preventDefault(); field.focus(); } return; }
  if (event.key.length === 1 && press(event.shiftKey && /[a-z]/.test(key) ? `shift+${key}` : key)) event.preventDefault();
});

function escape(event) {
  if (document.querySelector("dialog[open]")) return; // the dialog closes itself
  const menu = document.querySelector("details.who[open]");
  if (menu) { menu.open = false; menu.querySelector("summary").focus(); return; }
  const panel = event.target.closest?.("aside.panel");
  if (panel) { (document.querySelector("[data-rows] [aria-selected=true]") ?? document.querySelector("[data-rows] [role=row][tabindex]"))?.focus(); return; }
  if (typing(event.target)) event.target.blur();
}

// ---- rows: one is selected and focusable; J K and arrows move, Enter opens, X marks

function rows(event) {
  const list = event.target.closest?.("[data-rows]") ?? (event.target === body || event.target.matches?.("main, .panel *") ? document.querySelector("[data-rows]") : null);
  if (!list) return false;
  const items = all("[role=row][tabindex]", list);
  if (!items.length) return false;
  const at = items.findIndex((row) => row.tabIndex === 0);
  const key = event.key;
  const letters = !keysOff();
  let to = null;
  if (key === "ArrowDown" && event.target.closest("[data-rows]") || letters && key === "j") to = Math.min(items.length - 1, at + 1);
  else if (key === "ArrowUp" && event.target.closest("[data-rows]") || letters && key === "k") to = Math.max(0, at < 0 ? 0 : at - 1);
  else if (key === "Home" && event.target.closest("[data-rows]")) to = 0;
  else if (key === "End" && event.target.closest("[data-rows]")) to = items.length - 1;
  if (to !== null) { event.preventDefault(); select(items[to], list); return true; }
  const row = items[at];
  if (key === "Enter" && row && event.target === row) { event.preventDefault(); open(row, true); return true; }
  if (letters && key.toLowerCase() === "x" && row) {
    event.preventDefault();
    const marks = event.shiftKey ? items.slice(Math.min(...[at, items.findLastIndex((each) => "marked" in each.dataset)].filter((n) => n >= 0)), at + 1) : [row];
    const add = event.shiftKey || !("marked" in row.dataset);
    for (const each of marks) add ? (each.dataset.marked = "") : delete each.dataset.marked;
    list.dispatchEvent(new CustomEvent("marked", { bubbles: true, detail: all("[data-marked]", list).map((each) => each.dataset.ref) }));
    return true;
  }
  return false;
}

function select(row, list) {
  for (const each of all('[role=row][tabindex="0"], [role=row][aria-selected="true"]', list)) { each.tabIndex = -1; each.setAttribute("aria-selected", "false"); }
  row.tabIndex = 0;
  row.setAttribute("aria-selected", "true");
  row.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest", behavior: reduced.matches ? "auto" : "instant" });
  open(row, false);
}

// The row that is to be shown in the panel. A key of the panel pressed meanwhile is for that row: it waits until it is there.
let look = null;
function open(row, go) {
  if (look?.keys) { look.done.then(() => open(row, go)); return; }
  clearTimeout(look?.timer);
  look = null;
  const panel = document.querySelector("aside.panel[id]");
  if (!row.dataset.href) return;
  if (!panel || !panel.getClientRects().length) { if (go) location.assign(row.dataset.href); return; }
  const mine = look = { keys: 0 };
  mine.done = new Promise((done) => {
    mine.run = async () => {
      clearTimeout(mine.timer);
      mine.run = () => {};
      const found = await into(`#${panel.id}`, row.dataset.href);
      const still = look === mine;
      if (still) look = null;
      done(still && found);
      if (go) document.getElementById(panel.id)?.querySelector("a, button, input:not([type=hidden]), textarea, select, [tabindex]")?.focus();
    };
  });
  mine.timer = setTimeout(() => mine.run(), go ? 0 : 120);
}

document.addEventListener("click", (event) => {
  const row = event.target.closest("[data-rows] [role=row][tabindex]");
  if (!row || event.target.closest("a, button, input, label") && !event.target.closest(".sum a")) return;
  const panel = document.querySelector("aside.panel[id]");
  if (!panel?.getClientRects().length) { if (!event.target.closest("a")) location.assign(row.dataset.href); return; }
  if (event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  select(row, row.closest("[data-rows]"));
});

// ---- help: made from the page's own keys

function help() {
  let dialog = document.getElementById("keys-help");
  if (!dialog) {
    const words = JSON.parse(document.getElementById("key-words").textContent);
    dialog = make("dialog", { id: "keys-help", "aria-labelledby": "keys-title" });
    const close = make("button", { class: "btn", type: "button" }, words.close);
    close.addEventListener("click", () => dialog.close());
    const off = make("button", { class: "btn", type: "button" });
    const say = () => { off.textContent = keysOff() ? words.on : words.off; };
    off.addEventListener("click", () => { localStorage.setItem("houqin.keys", keysOff() ? "on" : "off"); say(); });
    say();
    const list = make("dl", { class: "keylist" });
    dialog.append(make("header", {}, make("h2", { id: "keys-title" }, words.title), close), list, make("footer", {}, off));
    document.body.append(dialog);
  }
  const words = JSON.parse(document.getElementById("key-words").textContent);
  const list = dialog.querySelector("dl");
  list.replaceChildren();
  const line = (keys, said) => list.append(make("div", {}, make("dt", {}, ...keys.map((key) => make("kbd", {}, key))), make("dd", {}, said)));
  if (document.querySelector("[data-rows]")) { line(["J", "K"], words.move); line(["Enter"], words.open); line(["X"], words.mark); }
  const seen = new Set();
  for (const each of all("[data-key]").filter((one) => one.getClientRects().length && !dialog.contains(one))) {
    const key = each.dataset.key;
    if (seen.has(key)) continue;
    seen.add(key);
    const label = (each.querySelector("span")?.textContent || each.textContent).trim();
    line([key.replace("shift+", "⇧").toUpperCase()], label);
  }
  for (const each of all("[data-go]")) line(["G", each.dataset.go.toUpperCase()], words.go.replace("{}", each.textContent.trim()));
  line(["Esc"], words.back);
  line(["?"], words.help);
  dialog.showModal();
}

function make(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

// ---- drafts: kept in this browser every two seconds, named with their time, forgotten when sent. One whose form says
// data-draft-until-filed is forgotten by the page that follows (data-draft-done), so that a failed sending loses nothing.

const draftName = (form) => `houqin.draft.${body.dataset.account || ""}.${form.dataset.draft}`;
const kept = (form) => all("input, textarea, select", form).filter((field) => field.name && !["hidden", "password", "file", "submit"].includes(field.type));
const clock = (at) => new Date(at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "Asia/Shanghai" });

function keepDraft(form) {
  const values = kept(form).map((field) => [field.name, field.value, field.type === "checkbox" || field.type === "radio" ? field.checked : null]);
  const picker = form.querySelector("[data-place]");
  const place = picker && picker.querySelector("[data-place-id]").value ? { id: picker.querySelector("[data-place-id]").value, words: picker.querySelector("[data-place-words]").textContent, note: picker.querySelector("[data-place-note]").textContent } : null;
  try { localStorage.setItem(draftName(form), JSON.stringify({ at: Date.now(), values, place })); } catch { return; }
  const note = form.querySelector("[data-draft-note]");
  if (note) { note.textContent = note.dataset.draftNote.replace("{}", clock(Date.now())); note.hidden = false; }
}

function restoreDraft(form) {
  let found = null;
  try { found = JSON.parse(localStorage.getItem(draftName(form)) || "null"); } catch { return; }
  if (!found || Date.now() - found.at > 7 * 86400000 || form.querySelector("[aria-invalid=true], [role=alert]")) return;
  let changed = false;
  for (const field of kept(form)) {
    const hit = found.values.find(([name, value, checked]) => name === field.name && (checked === null || value === field.value));
    if (!hit) continue;
    if (hit[2] !== null) { changed ||= field.checked !== hit[2]; field.checked = hit[2]; }
    else if ((!field.value || field.tagName === "SELECT") && field.value !== hit[1]) { field.value = hit[1]; changed = true; }
  }
  const picker = form.querySelector("[data-place]"), asked = new URLSearchParams(location.search).get("place");
  if (found.place && picker && !asked && picker.querySelector("[data-place-id]").value !== found.place.id) {
    picker.dataset.set = JSON.stringify(found.place);
    changed = true;
  }
  if (changed && form.dataset.draftBack) sayRestored(form, found.at);
}

function sayRestored(form, at) {
  const drop = make("button", { class: "btn", type: "button" }, form.dataset.draftDrop);
  drop.addEventListener("click", () => { forget(form); location.reload(); });
  form.prepend(make("div", { class: "note", role: "status" }, make("b", {}, form.dataset.draftBack.replace("{}", clock(at))), make("span", { class: "row" }, drop)));
}

const forget = (form) => { try { localStorage.removeItem(draftName(form)); } catch { /* private window */ } };

function drafts(within) {
  for (const done of all("[data-draft-done]", within)) try { localStorage.removeItem(`houqin.draft.${body.dataset.account || ""}.${done.dataset.draftDone}`); } catch { /* private window */ }
  for (const form of all("form[data-draft]", within)) {
    if (form.dataset.drafting) continue;
    form.dataset.drafting = "1";
    restoreDraft(form);
    let timer = 0;
    const soon = () => { clearTimeout(timer); timer = setTimeout(() => keepDraft(form), 2000); };
    form.addEventListener("input", soon);
    form.addEventListener("place", soon);
    if (form.dataset.draftUntilFiled !== undefined) form.addEventListener("submit", () => keepDraft(form));
  }
}

// Signing out forgets what was typed and kept here; steps of a crew that have not been sent are asked about first.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.getAttribute("action") !== "/requests/sign-out") return;
  const unsent = Number(localStorage.getItem("houqin.unsent") || 0);
  if (unsent && form.dataset.sure === undefined) {
    event.preventDefault();
    event.stopImmediatePropagation();
    form.dataset.sure = "";
    form.before(make("p", { class: "note", "data-tone": "soon", role: "alert" }, chinese ? `还有${unsent}步没有发出，退出就丢了。再按一次退出。` : `${unsent} kept here and not sent: signing out loses it. Press again to sign out.`));
    return;
  }
  for (const name of Object.keys(localStorage)) if (name.startsWith("houqin.draft.") || name === "houqin.unsent") localStorage.removeItem(name);
  indexedDB.deleteDatabase("houqin-crew");
  navigator.serviceWorker?.controller?.postMessage({ forget: true });
  globalThis.caches?.keys().then((names) => names.forEach((name) => caches.delete(name)));
}, true);

// ---- fields are checked when they are left, never while typing; the words are the server's

document.addEventListener("focusout", (event) => {
  const field = event.target;
  if (!field.matches?.(".input[data-error]")) return;
  const bad = field.value !== "" && !field.checkValidity();
  const place = field.closest(".field");
  let line = place.querySelector(".error[data-own]");
  if (bad && !line) {
    line = make("span", { class: "error", "data-own": "", id: `${field.id}-own` }, field.dataset.error);
    field.before(line);
    field.setAttribute("aria-invalid", "true");
  } else if (!bad && line) { line.remove(); field.removeAttribute("aria-invalid"); }
});

// ---- place picker: search by number, name or pinyin initials

function places(within) {
  for (const picker of all("[data-place]", within)) {
    if (picker.dataset.ready) continue;
    picker.dataset.ready = "1";
    const id = picker.querySelector("[data-place-id]"), chosen = picker.querySelector("[data-place-chosen]"), search = picker.querySelector("[data-place-search]");
    const field = search.querySelector("input"), list = search.querySelector("[role=listbox]"), none = search.querySelector("[data-place-none]"), change = picker.querySelector("[data-place-change]");
    let found = [], at = -1, asking = 0;
    const close = () => { list.hidden = true; field.setAttribute("aria-expanded", "false"); field.removeAttribute("aria-activedescendant"); at = -1; };
    const choose = (place) => {
      id.value = place.id;
      chosen.querySelector("[data-place-words]").textContent = place.words;
      chosen.querySelector("[data-place-note]").textContent = place.note || "";
      chosen.hidden = false; search.hidden = true; field.value = "";
      close();
      change.focus();
      picker.dispatchEvent(new CustomEvent("place", { bubbles: true, detail: place }));
    };
    const mark = (to) => {
      at = to;
      [...list.children].forEach((option, index) => option.setAttribute("aria-selected", String(index === at)));
      if (at >= 0) { field.setAttribute("aria-activedescendant", list.children[at].id); list.children[at].scrollIntoView({ block: "nearest" }); }
    };
    if (chosen && !chosen.hidden) { search.hidden = true; }
    change.hidden = false;
    const put = (place) => { const held = document.activeElement; choose(place); held?.focus?.({ preventScroll: true }); };
    if (picker.dataset.set) put(JSON.parse(picker.dataset.set)); // of a draft
    change.addEventListener("click", () => { search.hidden = false; field.focus(); });
    for (const pick of all("[data-place-pick]", picker)) pick.addEventListener("click", (event) => { event.preventDefault(); choose({ id: pick.dataset.placePick, words: pick.textContent.trim() }); });
    if (!picker.dataset.place) continue;
    Object.entries({ role: "combobox", "aria-expanded": "false", "aria-controls": list.id, "aria-autocomplete": "list" }).forEach(([name, value]) => field.setAttribute(name, value));
    const ask = async () => {
      const words = field.value.trim();
      if (!words) { close(); none.textContent = ""; return; }
      const mine = ++asking;
      const answer = await fetch(`${picker.dataset.place}?q=${encodeURIComponent(words)}`, { headers: { Accept: "application/json" }, credentials: "same-origin" }).catch(() => null);
      if (!answer?.ok || mine !== asking) return;
      found = (await answer.json()).items.slice(0, 8);
      list.replaceChildren(...found.map((place, index) => {
        const option = make("li", { role: "option", id: `${list.id}-${index}`, "aria-selected": "false" }, place.words);
        if (place.note) option.append(make("small", {}, place.note));
        option.addEventListener("pointerdown", (event) => { event.preventDefault(); choose(place); });
        return option;
      }));
      list.hidden = !found.length;
      none.textContent = found.length ? "" : none.dataset.placeNone;
      field.setAttribute("aria-expanded", String(!!found.length));
      if (found.length) mark(0);
    };
    let timer = 0;
    field.addEventListener("input", (event) => { if (event.isComposing) return; id.value = ""; clearTimeout(timer); timer = setTimeout(ask, 120); });
    field.addEventListener("compositionend", ask);
    field.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      if (event.key === "ArrowDown" && found.length) { event.preventDefault(); mark(Math.min(found.length - 1, at + 1)); }
      else if (event.key === "ArrowUp" && found.length) { event.preventDefault(); mark(Math.max(0, at - 1)); }
      else if (event.key === "Enter" && !list.hidden && at >= 0) { event.preventDefault(); choose(found[at]); }
      else if (event.key === "Escape" && !list.hidden) { event.stopPropagation(); close(); }
    });
    field.addEventListener("blur", () => setTimeout(close, 150));
  }
}

// ---- live: one EventSource a page. Rows are fetched again and swapped; new ones wait; nothing moves under the hand.

const waiting = new Set();

function live() {
  const mark = document.querySelector("[data-live]");
  if (!mark) return;
  const time = mark.querySelector("[data-live-time]");
  const on = mark.cloneNode(true);
  let source = null, lost = 0, last = mark.dataset.last ?? "", seen = time?.textContent ?? "", wait = 2000;
  const clock = () => new Date(now()).toLocaleTimeString("en-GB", { timeZone: "Asia/Shanghai" });
  const alive = () => {
    clearTimeout(lost); lost = 0; wait = 2000;
    if (mark.dataset.tone !== "move") { mark.dataset.tone = "move"; mark.replaceChildren(...on.cloneNode(true).childNodes); }
    seen = clock();
    const place = mark.querySelector("[data-live-time]");
    if (place) place.textContent = seen;
  };
  const gone = () => { mark.dataset.tone = "soon"; mark.textContent = mark.dataset.lost.replace("{}", seen); };
  const connect = () => {
    source = new EventSource(mark.dataset.live + (last ? `${mark.dataset.live.includes("?") ? "&" : "?"}last=${encodeURIComponent(last)}` : ""));
    source.onopen = alive;
    source.onerror = async () => {
      lost ||= setTimeout(gone, 5000);
      if (source.readyState !== EventSource.CLOSED) return;
      source.close();
      await renew();
      setTimeout(connect, wait);
      wait = Math.min(60000, wait * 2);
    };
    for (const kind of ["row", "gone", "say", "alert", "bell", "reload"]) source.addEventListener(kind, (event) => {
      last = event.lastEventId || last;
      alive();
      const data = JSON.parse(event.data || "{}");
      if (kind === "row") changed(data);
      else if (kind === "gone") leave(data);
      else if (kind === "say") announce(data.words?.[root.lang] ?? data.words ?? "");
      else if (kind === "bell" && document.querySelector("[data-bell-list]")) fresh(data.ref);
      else if (kind === "reload") refresh();
      document.dispatchEvent(new CustomEvent(`live:${kind}`, { detail: data }));
    });
  };
  connect();
  setInterval(() => { if (source.readyState === EventSource.OPEN) alive(); }, 15000);
  addEventListener("pagehide", () => source.close());
}

const later = new Map(); // several changes of one row within 300 ms are one fetch
function changed(data) {
  if (!data.ref) return;
  clearTimeout(later.get(data.ref));
  later.set(data.ref, setTimeout(() => { later.delete(data.ref); fetchRow(data); }, 150 + Math.random() * 150));
}

document.addEventListener("look-again", (event) => changed(event.detail));

async function fetchRow(data) {
  const list = document.querySelector("[data-live-list]");
  const old = document.querySelector(`[data-ref="${CSS.escape(data.ref)}"]`);
  if (!old && list && data.fresh !== false) { fresh(data.ref); return; }
  if (!old || !data.href) { if (document.querySelector("[data-live-whole]")) refresh(); return; }
  const found = await page(data.href, BEHIND).catch(() => null);
  if (found?.answer.status === 404) { leave(data); return; }
  const node = found?.page.querySelector(`[data-ref="${CSS.escape(data.ref)}"]`);
  const still = document.querySelector(`[data-ref="${CSS.escape(data.ref)}"]`);
  if (still?.dataset.pending !== undefined) return; // shows an act that is not answered yet; its answer looks again
  if (node && still && swap(still, document.adoptNode(node))) {
    const place = document.querySelector(`[data-ref="${CSS.escape(data.ref)}"]`);
    place.dataset.freshRow = "";
    setTimeout(() => delete place.dataset.freshRow, 1200);
  }
}

function fresh(ref) {
  waiting.add(ref);
  const button = document.querySelector("[data-fresh]");
  if (!button) { if (document.querySelector("[data-live-whole]")) refresh(); return; }
  const words = waiting.size === 1 ? button.dataset.one : button.dataset.other.replace(/987[,]?654/, String(waiting.size));
  button.querySelector("[data-fresh-words]").textContent = words;
  button.hidden = false;
  announce(words);
}

function leave(data) {
  const old = document.querySelector(`[data-ref="${CSS.escape(data.ref ?? "")}"]`);
  waiting.delete(data.ref);
  if (!old || old.contains(document.activeElement) && dirty(old)) return;
  const next = old.matches("[aria-selected=true]") ? old.nextElementSibling ?? old.previousElementSibling : null;
  const go = () => { old.remove(); if (next?.matches("[role=row][tabindex]")) { next.tabIndex = 0; next.setAttribute("aria-selected", "true"); } };
  if (reduced.matches) go();
  else old.animate([{ opacity: 1 }, { opacity: 0 }], 180).finished.then(go, go);
}

// The page's live lists as they are now, in place; fields being filled stay.
async function refresh() {
  const found = await page(location.href, BEHIND).catch(() => null);
  if (!found?.answer.ok) return;
  waiting.clear();
  for (const old of all("[data-live-list][id], [data-live-whole][id]")) {
    const node = found.page.getElementById(old.id);
    if (node) swap(old, document.adoptNode(node));
  }
  const lists = all("[data-live-list]:not([id])"), others = all("[data-live-list]:not([id])", found.page);
  lists.forEach((old, index) => { if (others[index]) swap(old, document.adoptNode(others[index])); });
  const button = document.querySelector("[data-fresh]");
  if (button) button.hidden = true;
}
document.addEventListener("click", (event) => { if (event.target.closest("[data-fresh]")) refresh(); });

// ---- the pass: renewed silently while somebody is at work, so that an idle session may end

let active = Date.now();
for (const kind of ["keydown", "pointerdown", "scroll"]) addEventListener(kind, () => { active = Date.now(); }, { passive: true });

async function renew() {
  const answer = await fetch("/requests/session/quiet", { method: "POST", credentials: "same-origin" }).catch(() => null);
  return answer?.ok ?? false;
}

function keepPass() {
  const seconds = Number(body.dataset.renew || 0);
  if (!seconds) return;
  const again = async () => {
    if (Date.now() - active < 600000) await renew();
    setTimeout(again, 480000);
  };
  setTimeout(again, Math.max(10, seconds - 90) * 1000);
}

// ---- begin

// ---- charts: drawn anew by ECharts where it was fetched, so that values can be pointed at; else the server's figure stays

function charts(within) {
  for (const figure of all("figure[data-chart]", within)) import(figure.dataset.chart).then((chart) => chart.draw(figure)).catch(() => {});
}

function enliven(within) {
  charts(within);
  drafts(within);
  places(within);
  tick();
}

root.classList.add("script");
enliven(document);
all("#toasts [data-toast]").forEach(settle);
document.querySelector("[data-focus]")?.focus();
setInterval(tick, 20000);
live();
keepPass();
