// The queue: what the panel shows is fetched again when its order changes; what is told is heard.

const floor = import(document.querySelector('script[src*="houqin"]').src);

document.addEventListener("live:row", async (event) => {
  const panel = document.querySelector("aside.panel[data-order]");
  if (!panel || event.detail.ref !== panel.dataset.order) return;
  const address = location.pathname.endsWith(`/orders/${panel.dataset.order}`) ? location.href : `/dispatch/orders/${panel.dataset.order}`;
  const answer = await fetch(address, { headers: { Accept: "text/html", "X-Fragment": "1" }, credentials: "same-origin" }).catch(() => null);
  if (!answer?.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("aside.panel[data-order]");
  const still = document.querySelector("aside.panel[data-order]");
  if (fresh && still?.dataset.order === event.detail.ref && !still.querySelector("details[open]")) (await floor).swap(still, document.adoptNode(fresh));
});

// A plan was made, or given up: counts and the note above the queue are fetched again, rows stay where they are.
document.addEventListener("live:say", async (event) => {
  if (!event.detail.plan) return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html", "X-Fragment": "1" }, credentials: "same-origin" }).catch(() => null);
  if (!answer?.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const id of ["views", "planning", "schedule"]) {
    const old = document.getElementById(id), node = fresh.getElementById(id);
    if (old && node) (await floor).swap(old, document.adoptNode(node));
  }
});

// A crew's offers: the phone trembles when something is taken on.
document.addEventListener("submit", (event) => {
  if (event.target.action?.endsWith("/accept")) navigator.vibrate?.(30);
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
function alarm() {
  if (wanted()) tone();
  if (document.hasFocus()) return;
  warned += 1;
  document.title = `(${warned}) ${title}`;
}
document.addEventListener("live:alert", alarm);
document.addEventListener("live:row", (event) => { if (event.detail.fresh && event.detail.urgent) alarm(); });
addEventListener("focus", () => { warned = 0; document.title = title; });
