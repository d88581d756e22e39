// What an act will bring shows in its row and panel at once, marked as not yet answered. The answer settles it: what is
// there now is fetched; where the server refused, or somebody else was first, the row is as before and the panel says why.

const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const words = document.querySelector("template[data-after]");
const AFTER = { assign: "offered", pin: "offered", transfer: "offered", accept: "accepted", set_off: "on_the_way", arrive: "on_site", start: "under_way",
                resume: "under_way", pause: "paused", finish: "finished", cancel: "cancelled", recall: "to_assign", follow: "offered", "accept-many": "offered" };
const painted = new Map(); // form -> what undoes each of its rows
const rowOf = (ref) => document.querySelector(`tr[data-ref="${CSS.escape(ref)}"]`);

function meant(form) {
  const [, ref, act] = /\/dispatch\/(?:orders\/([^/]+)\/)?([\w-]+)$/.exec(new URL(form.action, location.href).pathname) ?? [];
  const refs = ref ? [decodeURIComponent(ref)] : all("input[name=order]", form).map((each) => each.value.split("@")[0]);
  if (act === "pin" && !form.elements.at?.value) return null; // the hour is given back: who has it stays
  return act in AFTER && refs.length ? { refs, act } : null;
}

// A part of the page says something else until the function that this answers is called, or the part is replaced.
function become(part, fresh, tone) {
  const before = [...part.childNodes], old = part.dataset.tone;
  part.replaceChildren(...fresh);
  if (tone) part.dataset.tone = tone;
  return () => { part.replaceChildren(...before); if (tone) part.dataset.tone = old; };
}

function paint(ref, act, crew) {
  const state = words.content.querySelector(`[data-key="${AFTER[act]}"] .state`);
  const name = act === "recall" ? "–" : crew && words.content.querySelector(`[data-crew="${CSS.escape(crew)}"]`)?.textContent;
  const row = rowOf(ref), panel = document.querySelector(`aside.panel[data-order="${CSS.escape(ref)}"]`);
  const undo = [];
  const say = (part) => { if (part) undo.push(become(part, state.cloneNode(true).childNodes, state.dataset.tone)); };
  say(row?.querySelector("td:last-child .state"));
  say(panel?.querySelector(".state--box"));
  const cell = row?.cells[3], plan = cell?.classList.contains("plan");
  if (cell && name) undo.push(become(cell.firstElementChild, [name]));
  if (cell && AFTER[act] === "offered") { cell.classList.remove("plan"); undo.push(() => cell.classList.toggle("plan", plan)); }
  for (const part of [row, panel]) if (part) { part.dataset.pending = ""; undo.push(() => delete part.dataset.pending); }
  return () => undo.forEach((each) => each());
}

document.addEventListener("submit", (event) => {
  const form = event.target, mine = words && form.dataset.into && !event.defaultPrevented && meant(form);
  if (!mine) return;
  if (mine.refs.some((ref) => rowOf(ref)?.dataset.pending !== undefined)) { event.preventDefault(); event.stopImmediatePropagation(); return; } // one act after the other
  const crew = form.elements.crew?.value;
  painted.set(form, mine.refs.map((ref) => [ref, paint(ref, mine.act, crew)]));
}, { capture: true });

document.addEventListener("acted", (event) => {
  const { form, found } = event.detail, acts = painted.get(form);
  if (!acts) return;
  painted.delete(form);
  for (const [ref, undo] of acts) {
    if (!found?.answer.ok) undo();
    else for (const part of all("[data-pending]")) if ((part.dataset.ref ?? part.dataset.order) === ref) delete part.dataset.pending;
    if (rowOf(ref)) document.dispatchEvent(new CustomEvent("look-again", { detail: { ref, href: `/dispatch/rows/${ref}`, fresh: false } }));
  }
  if (found) return; // the panel says what became of it
  event.preventDefault();
  const note = document.importNode(words.content.querySelector(".note"), true);
  for (const old of all("#panel > .note[data-unanswered]")) old.remove();
  note.dataset.unanswered = "";
  document.getElementById("panel")?.prepend(note);
});
