// Calendars: a time is marked by dragging or with the keys and fills the form; an own booking is moved in the same way.
// Without this, the form below the calendar does all of it.

// How a room is laid out is chosen from what it can be; without this, from what any room can be.

for (const layout of document.querySelectorAll("select[data-layouts]")) {
  const layouts = JSON.parse(layout.dataset.layouts), all = [...layout.options].map((each) => [each.value, each.text]);
  const room = layout.form.elements.resource;
  const offer = () => {
    const wanted = layout.value, found = layouts[room.value] ?? all;
    layout.replaceChildren(...found.map(([value, words]) => new Option(words, value, false, value === wanted)));
  };
  room.addEventListener("change", offer);
  offer();
}

const timeline = document.querySelector("[data-timeline]");
const form = document.querySelector(".booking-form");

if (timeline && form) {
  const first = Number(timeline.dataset.first), quarters = 60;
  const lanes = [...timeline.querySelectorAll(".tl-bars")];
  const two = (n) => String(n).padStart(2, "0");
  const wall = (lane, quarter) => {
    const minutes = first * 60 + quarter * 15;
    return `${lane.parentElement.dataset.day}T${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
  };
  const at = (lane, x) => {
    const box = lane.getBoundingClientRect();
    return Math.min(quarters - 1, Math.max(0, Math.floor(((x - box.left) / box.width) * quarters)));
  };
  let mark = null; // {lane, from, to, moving}
  const shape = document.createElement("span");
  shape.className = "tl-mark";

  function show() {
    if (!mark) { shape.remove(); return; }
    const from = Math.min(mark.from, mark.to), long = Math.abs(mark.to - mark.from) + 1;
    shape.className = `tl-mark c-${from + 1} w-${Math.min(long, quarters - from)}`;
    shape.textContent = wall(mark.lane, from).slice(11);
    mark.lane.append(shape);
  }

  function fill() {
    const from = Math.min(mark.from, mark.to), until = Math.max(mark.from, mark.to) + 1;
    if (mark.moving) {
      const move = document.getElementById("move-form");
      move.action = mark.moving.dataset.move;
      move.elements.resource.value = mark.lane.parentElement.dataset.resource;
      move.elements.starts_at.value = wall(mark.lane, from);
      move.elements.ends_at.value = wall(mark.lane, until);
      move.elements.version.value = mark.moving.dataset.version;
      move.submit();
      return;
    }
    form.elements.resource.value = mark.lane.parentElement.dataset.resource;
    form.elements.resource.dispatchEvent(new Event("change"));
    form.elements.starts_at.value = wall(mark.lane, from);
    form.elements.ends_at.value = wall(mark.lane, until);
    form.scrollIntoView({ block: "nearest" });
    form.elements.subject.focus();
  }

  // ---- the pointer

  let grip = 0;
  timeline.addEventListener("pointerdown", (event) => {
    const lane = event.target.closest(".tl-bars"), bar = event.target.closest("[data-move]");
    if (!lane || event.button || (event.target.closest(".tl-bar") && !bar)) return;
    const quarter = at(lane, event.clientX);
    if (bar) {
      const start = [...bar.classList].find((name) => name.startsWith("c-")).slice(2) - 1, long = Number(bar.dataset.quarters);
      grip = quarter - start;
      mark = { lane, from: start, to: start + long - 1, moving: bar, moved: false };
    } else {
      mark = { lane, from: quarter, to: quarter, moving: null };
      show();
    }
    timeline.setPointerCapture?.(event.pointerId);
  });
  timeline.addEventListener("pointermove", (event) => {
    if (!mark || !event.buttons) return;
    const over = document.elementFromPoint(event.clientX, event.clientY)?.closest?.(".tl-bars");
    const lane = mark.moving && over && lanes.includes(over) ? over : mark.lane, quarter = at(lane, event.clientX);
    if (mark.moving) {
      const long = mark.to - mark.from, from = Math.min(quarters - 1 - long, Math.max(0, quarter - grip));
      if (from !== mark.from || lane !== mark.lane) mark.moved = true;
      Object.assign(mark, { lane, from, to: from + long });
      if (mark.moved) show();
    } else { mark.to = quarter; show(); }
  });
  timeline.addEventListener("pointerup", () => {
    if (!mark) return;
    const done = mark;
    if (!done.moving || done.moved) fill();
    if (done.moving && done.moved) timeline.addEventListener("click", (event) => event.preventDefault(), { capture: true, once: true });
    mark = done.moving ? null : mark;
  });
  timeline.addEventListener("pointercancel", () => { mark = null; show(); });

  // ---- the keys: arrows move, Shift makes it longer, Enter takes it, M picks up an own booking, Escape lets go

  timeline.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const bar = event.target.closest("[data-move]");
    if (bar && (event.key === "m" || event.key === "M")) {
      const start = [...bar.classList].find((name) => name.startsWith("c-")).slice(2) - 1;
      mark = { lane: bar.closest(".tl-bars"), from: start, to: start + Number(bar.dataset.quarters) - 1, moving: bar };
      mark.lane.focus();
      show();
      event.preventDefault();
      return;
    }
    const lane = event.target.closest(".tl-bars");
    if (!lane || event.target !== lane) return;
    if (event.key === "Escape") { mark = null; show(); return; }
    if (event.key === "Enter" && mark) { fill(); event.preventDefault(); return; }
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    if (!mark) { mark = { lane, from: 8, to: 11, moving: null }; show(); return; }
    if (event.shiftKey && step[0] && !mark.moving) mark.to = Math.min(quarters - 1, Math.max(mark.from, mark.to + step[0]));
    else if (step[0]) {
      const by = Math.max(-mark.from, Math.min(quarters - 1 - mark.to, step[0]));
      mark.from += by; mark.to += by;
    } else {
      mark.lane = lanes[Math.min(lanes.length - 1, Math.max(0, lanes.indexOf(mark.lane) + step[1]))];
      mark.lane.focus();
    }
    show();
  });
}
