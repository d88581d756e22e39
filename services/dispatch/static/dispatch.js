// The queue: what the panel shows is fetched again when its order changes; T enlarges the crews' day.

const floor = import(document.querySelector('script[src*="houqin"]').src);

document.addEventListener("live:row", async (event) => {
  const panel = document.querySelector("aside.panel[data-order]");
  if (!panel || event.detail.ref !== panel.dataset.order) return;
  const address = location.pathname.endsWith(`/orders/${panel.dataset.order}`) ? location.href : `/dispatch/orders/${panel.dataset.order}`;
  const answer = await fetch(address, { headers: { Accept: "text/html" }, credentials: "same-origin" }).catch(() => null);
  if (!answer?.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("aside.panel[data-order]");
  const still = document.querySelector("aside.panel[data-order]");
  if (fresh && still?.dataset.order === event.detail.ref && !still.querySelector("details[open]")) (await floor).swap(still, document.adoptNode(fresh));
});

document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "t" || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  if (event.target.matches?.("input, textarea, select") || localStorage.getItem("houqin.keys") === "off") return;
  const lanes = document.querySelector(".lanes-hold");
  if (lanes) lanes.toggleAttribute("data-tall");
});

// A crew's offers: the phone trembles when something is taken on.
document.addEventListener("submit", (event) => {
  if (event.target.action?.endsWith("/accept")) navigator.vibrate?.(30);
});

// Marked rows (X) are accepted together: the form carries each with the version that was seen.
document.addEventListener("marked", (event) => {
  const form = document.querySelector("form[data-marked]");
  if (!form) return;
  for (const old of form.querySelectorAll("input[name=order]")) old.remove();
  for (const ref of event.detail) {
    const row = document.querySelector(`tr[data-ref="${CSS.escape(ref)}"]`);
    const field = document.createElement("input");
    field.type = "hidden"; field.name = "order"; field.value = `${ref}@${row?.dataset.version || 0}`;
    form.append(field);
  }
  form.hidden = !event.detail.length;
});

// Warnings: a short tone where the dispatcher asked for it, and the title of the tab until it is looked at.
const sound = document.querySelector("[data-sound]");
const wanted = () => localStorage.getItem("houqin.sound") === "on";
if (sound) {
  const show = () => sound.setAttribute("aria-pressed", String(wanted()));
  sound.addEventListener("click", () => { localStorage.setItem("houqin.sound", wanted() ? "off" : "on"); show(); if (wanted()) tone(); });
  show();
}
function tone() {
  try {
    const audio = new AudioContext(), voice = audio.createOscillator(), volume = audio.createGain();
    volume.gain.value = 0.08;
    voice.frequency.value = 660;
    voice.connect(volume).connect(audio.destination);
    voice.start();
    voice.stop(audio.currentTime + 0.25);
  } catch { /* no sound here */ }
}
const title = document.title;
let warned = 0;
document.addEventListener("live:alert", () => {
  if (wanted()) tone();
  if (document.hasFocus()) return;
  warned += 1;
  document.title = `(${warned}) ${title}`;
});
addEventListener("focus", () => { warned = 0; document.title = title; });

// An order is dragged onto a crew's lane: the same form as "someone else", with the version that was seen.
let dragged = null;
document.addEventListener("dragstart", (event) => {
  const row = event.target.closest?.("tr[data-ref]");
  if (!row) return;
  dragged = row;
  event.dataTransfer.setData("text/plain", row.dataset.ref);
  event.dataTransfer.effectAllowed = "move";
});
document.addEventListener("dragover", (event) => {
  const lane = dragged && event.target.closest?.("[data-crew]");
  if (lane) { event.preventDefault(); lane.dataset.over = ""; }
});
document.addEventListener("dragleave", (event) => { delete event.target.closest?.("[data-crew]")?.dataset.over; });
document.addEventListener("drop", async (event) => {
  const lane = dragged && event.target.closest?.("[data-crew]");
  if (!lane) return;
  event.preventDefault();
  delete lane.dataset.over;
  const form = document.createElement("form");
  form.method = "post";
  form.action = `/dispatch/orders/${dragged.dataset.ref}/assign`;
  for (const [name, value] of [["_csrf", document.body.dataset.csrf], ["version", dragged.dataset.version], ["crew", lane.dataset.crew]]) {
    const field = document.createElement("input");
    field.type = "hidden"; field.name = name; field.value = value;
    form.append(field);
  }
  dragged = null;
  if (document.querySelector("aside.panel[id]")?.getClientRects().length) form.dataset.into = "#panel";
  document.body.append(form);
  form.requestSubmit();
  setTimeout(() => form.remove(), 0);
});
for (const row of document.querySelectorAll("tr[data-ref]")) row.draggable = true;
new MutationObserver((changes) => {
  for (const change of changes) for (const node of change.addedNodes) if (node.nodeType === 1) for (const row of [node, ...node.querySelectorAll("tr[data-ref]")]) if (row.matches("tr[data-ref]")) row.draggable = true;
}).observe(document.body, { childList: true, subtree: true });
