// The form's estimate follows what is typed; without this, the norm for one unit stands there.

const shown = document.querySelector("[data-estimate]");
const form = document.querySelector(".item-form");
let waiting = 0;

async function look() {
  const data = new FormData(form), asked = new URLSearchParams();
  for (const name of ["level", "quantity", "pages"]) if (data.get(name)) asked.set(name, data.get(name));
  if (!asked.get("quantity")) return;
  const answer = await fetch(`${shown.dataset.estimate}?${asked}`, { credentials: "same-origin" }).catch(() => null);
  const found = answer?.ok ? await answer.json() : null;
  if (found?.words) shown.textContent = found.words;
}

if (shown && form) form.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(look, 400); });
