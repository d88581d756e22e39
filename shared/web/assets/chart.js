// Draws a figure with ECharts over the server's SVG. Colours are the tokens; the canvas needs no style attribute and the
// tooltip is drawn into it, so the content policy has nothing to refuse.

const NUMBER = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 1 }); // as in the server's table
const shown = (value, unit) => value === null || value === undefined ? "–" : NUMBER.format(value) + unit;
const DASHES = ["solid", "solid", [6, 3], [2, 3], [8, 3, 2, 3], [1, 4]];

export async function draw(figure) {
  const data = JSON.parse(document.getElementById(`${figure.id}-data`).textContent);
  const plot = figure.querySelector(".plot"), drawing = plot.querySelector("svg");
  const echarts = await import(figure.dataset.echarts);
  const place = document.createElement("div");
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", drawing.getAttribute("aria-label"));
  // Each bar keeps its line, however narrow the window. Set through the DOM, which the policy allows.
  const tall = data.kind === "bars" ? 8 + 26 * data.labels.length : 0;
  place.style.blockSize = `${Math.max(drawing.getBoundingClientRect().height, tall)}px`;
  plot.replaceChildren(place);
  const chart = echarts.init(place, null, { renderer: "canvas" });
  const paint = () => chart.setOption(data.kind === "bars" ? bars(data, place) : lines(data, place), true);
  paint();
  new ResizeObserver(() => chart.resize()).observe(plot);
  new MutationObserver(paint).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
}

// A token as a colour a canvas knows: light-dark() is resolved by asking what an element would look like.
function token(place, name) {
  const probe = document.createElement("i");
  probe.hidden = true;
  probe.style.color = `var(--${name})`;
  place.parentElement.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  const canvas = document.createElement("canvas").getContext("2d");
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data;
  return `rgb(${red}, ${green}, ${blue})`;
}

function common(data, place) {
  const text = { color: token(place, "ink-2"), fontSize: 12, fontFamily: getComputedStyle(place).fontFamily };
  return {
    animation: !matchMedia("(prefers-reduced-motion: reduce)").matches, animationDuration: 180, textStyle: text,
    tooltip: { trigger: "axis", renderMode: "richText", confine: true, backgroundColor: token(place, "raised"), borderColor: token(place, "line"), textStyle: { ...text, color: token(place, "ink") },
      valueFormatter: (value) => shown(value, data.unit) },
    axis: { axisLabel: text, axisLine: { lineStyle: { color: token(place, "edge") } }, splitLine: { lineStyle: { color: token(place, "line") } } },
  };
}

// How far the names at the ends of the lines move up, in pixels, so that none lies on another: the lowest stays.
function apart(data, height) {
  const ends = data.series.map((each, index) => ({ index, at: (each.values.findLast((value) => value !== null) ?? 0) / data.top * height }));
  const moved = ends.map(() => 0);
  let least = -Infinity;
  for (const { index, at } of ends.sort((one, other) => one.at - other.at)) {
    const free = Math.max(at, least);
    moved[index] = at - free;
    least = free + 15;
  }
  return moved;
}

function lines(data, place) {
  const { axis, ...rest } = common(data, place), raised = apart(data, place.clientHeight - 40);
  return {
    ...rest,
    grid: { left: 8, right: 88, top: 12, bottom: 4, containLabel: true },
    xAxis: { type: "category", data: data.labels, ...axis, splitLine: { show: false }, axisTick: { show: false } },
    yAxis: { type: "value", ...axis, axisLabel: { ...axis.axisLabel, formatter: (value) => shown(value, data.unit) }, splitNumber: 3, ...(data.unit === "%" && data.top <= 100 ? { max: data.top, interval: data.top / 2 } : {}), minInterval: data.series.every((each) => each.values.every((value) => value === null || Number.isInteger(value))) ? 1 : 0 },
    series: data.series.map((each, index) => ({
      name: each.name, type: "line", data: each.values, showSymbol: each.values.filter((value) => value !== null).length === 1, connectNulls: false,
      color: token(place, `data-${index + 1}`), lineStyle: { width: 2, type: DASHES[index] },
      endLabel: { show: true, formatter: "{a}", offset: [0, raised[index]], color: token(place, "ink"), fontSize: 12, fontFamily: rest.textStyle.fontFamily },
    })),
  };
}

function bars(data, place) {
  const { axis, ...rest } = common(data, place);
  const colour = token(place, "data-1");
  return {
    ...rest,
    tooltip: { ...rest.tooltip, axisPointer: { type: "none" } },
    grid: { left: 8, right: 56, top: 4, bottom: 4, containLabel: true },
    xAxis: { type: "value", ...axis, show: false },
    yAxis: { type: "category", data: data.labels, inverse: true, ...axis, axisLabel: { ...axis.axisLabel, interval: 0 }, axisLine: { show: false }, axisTick: { show: false } },
    series: data.series.map((each) => ({
      name: each.name, type: "bar", data: each.values, barMaxWidth: 14, color: colour,
      label: { show: true, position: "right", formatter: (point) => shown(point.value, data.unit), color: token(place, "ink-2"), fontSize: 12 },
    })),
  };
}
