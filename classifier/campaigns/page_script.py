"""What the page does: draws its plots in its own colours, fills tables when they are opened, filters by narrative."""

SCRIPT = r"""
"use strict";
(() => {
const read = (id) => JSON.parse(document.getElementById(id).textContent);
const specs = read("specs"), rows = read("rows");
const style = getComputedStyle(document.documentElement);
const colour = (name) => style.getPropertyValue("--" + name).trim();
const chosen = [...document.querySelectorAll("#filter input[name=narrative]")];
const same = document.getElementById("same-scale");
let shown = new Set(chosen.map((box) => Number(box.value)));

function config(rowCount) {
  const width = document.documentElement.clientWidth;
  const quiet = {labelColor: colour("quiet"), titleColor: colour("quiet"), labelFontSize: 12, titleFontSize: 12};
  const lines = {domainColor: colour("line"), tickColor: colour("line"), gridColor: colour("line"), gridOpacity: 0.6};
  return {
    background: "transparent", font: "system-ui, sans-serif", view: {stroke: "transparent"},
    axis: {...quiet, ...lines, labelSeparation: 8, labelLimit: width < 500 ? 120 : 260},
    legend: {...quiet, columns: width < 500 ? 2 : 0},
    range: {
      category: ["asserted", "attributed", "rejected", "untold"].map(colour),
      heatmap: [colour("low"), colour("high")], ramp: [colour("low"), colour("high")],
      symbol: ["circle", "square", "triangle-up", "diamond"],
    },
    style: {
      interval: {color: colour("band"), strokeWidth: 8},
      band: {color: colour("band"), opacity: 1},
      raw: {color: colour("raw"), strokeWidth: 1.2, strokeDash: [4, 3]},
      "raw-tick": {color: colour("raw"), thickness: 2, size: 14},
      adjusted: {color: colour("mark"), strokeWidth: 2.2},
      dot: {color: colour("mark"), filled: true, size: rowCount > 80 ? 0 : 28, opacity: 1},
      burst: {color: colour("burst"), opacity: 1},
      tile: {stroke: colour("page"), strokeWidth: 1},
      first: {color: colour("quiet"), strokeDash: [3, 3]},
      ring: {color: colour("ink"), filled: false, size: 260, strokeWidth: 2, opacity: 1},
      echo: {filled: true, size: 90, opacity: 1},
      voice: {stroke: colour("page"), strokeWidth: 0.5},
      shift: {color: colour("ink"), strokeWidth: 3},
    },
  };
}

const largest = Math.max(0, ...Object.values(rows.time).flatMap((d) => d.points.map((p) => p.high ?? 0)));

async function draw(element) {
  const kind = element.dataset.plot;
  const spec = structuredClone(specs[kind]);
  const datasets = structuredClone(rows[kind][element.dataset.key]);
  if (kind === "overall" || kind === "sources") datasets.points = datasets.points.filter((row) => shown.has(row.n));
  if (kind === "time" && same.checked) {
    for (const layer of spec.layer) if (layer.encoding.y?.field) layer.encoding.y.scale = {domain: [0, largest]};
  }
  if (kind === "time" || kind === "voices") {
    datasets.period = rows.period.all;
  }
  // A height in steps does not go with a width that the page gives.
  if (spec.width === "container" && spec.height.step) {
    spec.height = spec.height.step * new Set(datasets.points.map((row) => row.name ?? row.source)).size;
  }
  spec.datasets = datasets;
  if (!datasets.points.length) return element.replaceChildren();
  try {
    const previous = element.view;
    // Expressions are interpreted, not compiled: the page's policy forbids eval.
    const made = await vegaEmbed(element, spec, {
      mode: "vega-lite", ast: true, actions: false, renderer: "svg", defaultStyle: false, logLevel: 1,
      config: config(datasets.points.length), tooltip: {disableDefaultStyle: true},
    });
    previous?.finalize();
    element.view = made.view;
    element.dataset.drawn = "yes";
    // The label says what the plot shows; its parts would be read out one by one.
    for (const svg of element.querySelectorAll("svg")) svg.setAttribute("aria-hidden", "true");
  } catch (error) {
    element.dataset.drawn = "no";
    element.textContent = "This plot cannot be drawn here; its figures stand in the table.";
    console.error(error);
  }
}

const visible = (element) => element.getClientRects().length > 0;
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) { seen.unobserve(entry.target); void draw(entry.target); }
}, {rootMargin: "600px"});
const plots = [...document.querySelectorAll(".plot")];
plots.forEach((element) => seen.observe(element));
function redraw(kinds) {
  for (const element of plots) {
    if (kinds.includes(element.dataset.plot) && element.dataset.drawn && visible(element)) void draw(element);
    else if (kinds.includes(element.dataset.plot)) { seen.unobserve(element); seen.observe(element); }
  }
}

const when = (time) => time.slice(0, 16).replace("T", " ");
const percent = (share) => share === null ? "" : (100 * share).toFixed(1) + "%";
const cells = {
  time: (p) => [when(p.begin), p.n_posts, p.n_tagged, percent(p.raw), percent(p.share), p.interval, p.burst],
  voices: (p) => [when(p.begin), p.voice, p.told],
};
function fill(details) {
  const [kind, key] = [details.dataset.table, details.dataset.key];
  const body = details.querySelector("tbody");
  if (!kind || body.rows.length) return;
  for (const point of rows[kind][key].points) {
    const row = body.insertRow();
    cells[kind](point).forEach((value, place) => {
      const cell = place ? row.insertCell() : row.appendChild(document.createElement("th"));
      if (!place) cell.scope = "row";
      cell.textContent = value;
    });
  }
}
for (const details of document.querySelectorAll("details[data-table]")) {
  details.addEventListener("toggle", () => fill(details));
}

function filter() {
  shown = new Set(chosen.filter((box) => box.checked).map((box) => Number(box.value)));
  for (const element of document.querySelectorAll("[data-narratives]")) {
    const its = element.dataset.narratives.split(" ").filter(Boolean).map(Number);
    element.hidden = its.length > 0 && !its.some((n) => shown.has(n));
  }
  document.getElementById("shown").textContent = `${shown.size} of ${chosen.length} narratives are shown.`;
  redraw(["overall", "sources"]);
}
chosen.forEach((box) => box.addEventListener("change", filter));
for (const [id, on] of [["all", true], ["none", false]]) {
  document.getElementById(id).addEventListener("click", () => {
    for (const box of chosen) box.checked = on;
    filter();
  });
}
same.addEventListener("change", () => redraw(["time"]));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw(Object.keys(specs)));
document.getElementById("filter").hidden = false;
})();
"""
