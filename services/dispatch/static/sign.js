// A signature drawn with a finger. Where it is drawn nothing is typed; without this script the name is typed instead. What is
// drawn survives a fresher page (strokes are kept, not the canvas) and leaves as a picture, like a photo.

const strokes = new Map(); // order -> list of strokes, each a list of [x, y] between 0 and 1
const HEIGHT = 0.4; // of the width

function ready(within) {
  for (const box of within.querySelectorAll("[data-sign]")) {
    if (!box.hidden) continue;
    box.hidden = false;
    const canvas = box.querySelector("canvas"), ref = box.dataset.sign;
    if (!strokes.has(ref)) strokes.set(ref, []);
    size(canvas);
    paint(canvas, strokes.get(ref));
    let now = null;
    const at = (event) => { const edge = canvas.getBoundingClientRect(); return [(event.clientX - edge.left) / edge.width, (event.clientY - edge.top) / edge.height]; };
    canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); now = [at(event)]; strokes.get(ref).push(now); event.preventDefault(); });
    canvas.addEventListener("pointermove", (event) => { if (now) { now.push(at(event)); paint(canvas, strokes.get(ref)); } });
    for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, () => { now = null; paint(canvas, strokes.get(ref)); tell(box, ref); });
    box.querySelector("[data-sign-clear]").addEventListener("click", () => { strokes.set(ref, []); paint(canvas, []); tell(box, ref); });
    box.querySelector("[data-sign-keep]").addEventListener("click", () => send(box, ref));
    tell(box, ref);
  }
}

function size(canvas) {
  const width = Math.max(320, Math.round(canvas.clientWidth || 640));
  canvas.width = width;
  canvas.height = Math.round(width * HEIGHT);
}

// Black on white whatever the theme: it is a document.
function paint(canvas, lines) {
  const pen = canvas.getContext("2d");
  pen.fillStyle = "white";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.strokeStyle = pen.fillStyle = "black";
  pen.lineWidth = 3;
  pen.lineCap = pen.lineJoin = "round";
  for (const line of lines) {
    pen.beginPath();
    line.forEach(([x, y], place) => place ? pen.lineTo(x * canvas.width, y * canvas.height) : pen.moveTo(x * canvas.width, y * canvas.height));
    if (line.length === 1) pen.arc(line[0][0] * canvas.width, line[0][1] * canvas.height, 1.5, 0, 7);
    pen.stroke();
  }
}

const long = (lines) => lines.reduce((sum, line) => sum + line.length, 0);
function tell(box, ref) {
  const empty = long(strokes.get(ref)) < 3; // a touch by mistake is no signature
  box.querySelector("[data-sign-keep]").setAttribute("aria-disabled", String(empty));
}

function send(box, ref) {
  if (long(strokes.get(ref)) < 3) return;
  box.querySelector("canvas").toBlob((blob) => {
    document.dispatchEvent(new CustomEvent("signed", { detail: { ref, blob } }));
    strokes.set(ref, []);
    box.dataset.signed = "";
    paint(box.querySelector("canvas"), []);
    tell(box, ref);
  }, "image/png");
}

ready(document);
new MutationObserver((changes) => {
  for (const change of changes) for (const node of change.addedNodes) if (node.nodeType === 1) ready(node);
}).observe(document.getElementById("main"), { childList: true, subtree: true });
