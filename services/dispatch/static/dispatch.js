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
