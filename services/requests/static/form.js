// The form of an item: what is promised at the level chosen, what is open at the place chosen, and photos that are made
// smaller before they travel. Without it the same is said when the form is sent, and photos travel as they are.

const LONGEST = 2048; // points; what the server keeps anyway

// ---- what is promised; which of the level's rows is shown follows how urgent it is by the style alone

const rows = [...document.querySelectorAll(".promises[data-level]")];

function promise() {
  const chosen = document.querySelector("[name=level]:checked")?.value ?? "";
  const level = rows.some((row) => row.dataset.level === chosen) ? chosen : "";
  for (const row of rows) row.hidden = row.dataset.level !== level;
}

document.addEventListener("change", (event) => { if (event.target.name === "level") promise(); });
promise(); // a draft was before us

// ---- what is open here

const here = () => document.querySelector("[data-open-here]");
let asking = 0;

async function look(id) {
  const place = here();
  if (!place) return;
  const mine = ++asking;
  const answer = await fetch(`${place.dataset.openHere}?place=${encodeURIComponent(id)}`, { headers: { Accept: "text/html", "X-Fragment": "1" }, credentials: "same-origin" }).catch(() => null);
  if (!answer?.ok || mine !== asking) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-open-here]");
  if (fresh && here()) here().replaceChildren(...document.adoptNode(fresh).childNodes);
}

document.addEventListener("place", (event) => look(event.detail.id));
const restored = document.querySelector("[data-place-id]")?.value; // a draft was before us
if (restored && restored !== here()?.dataset.openPlace) look(restored);

// ---- photos

async function smaller(file) {
  if (file.size < 500_000 || !globalThis.createImageBitmap) return file;
  try {
    const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
    const share = Math.min(1, LONGEST / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(picture.width * share);
    canvas.height = Math.round(picture.height * share);
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    const made = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.85));
    return made && made.size < file.size ? new File([made], file.name.replace(/\.\w+$/, "") + ".jpg", { type: "image/jpeg" }) : file;
  } catch { return file; } // not a picture this browser knows: the server says so
}

for (const field of document.querySelectorAll("[data-photos]")) {
  const shown = field.parentElement.querySelector("[data-photos-shown]");
  const add = field.parentElement.querySelector("[data-photos-add]"); // the browser's own button speaks the browser's language
  if (add) {
    add.textContent = add.dataset.photosAdd;
    add.className = "btn photos-add";
    field.classList.add("visually-hidden");
  }
  let files = [];
  const show = () => {
    const kept = new DataTransfer();
    files.forEach((file) => kept.items.add(file));
    field.files = kept.files;
    for (const old of shown.querySelectorAll("img")) URL.revokeObjectURL(old.src);
    shown.replaceChildren(...files.map((file) => {
      const item = document.createElement("li"), picture = document.createElement("img");
      picture.src = URL.createObjectURL(file);
      picture.alt = file.name;
      item.append(picture);
      return item;
    }));
    shown.hidden = !files.length;
  };
  field.addEventListener("change", async () => {
    const most = Number(field.dataset.most), chosen = [...field.files];
    field.setCustomValidity(chosen.length > most ? field.dataset.tooMany : "");
    field.reportValidity();
    files = await Promise.all(chosen.slice(0, most).map(smaller));
    show();
  });
}
