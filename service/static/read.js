// The reading page: from a text to its marked sentences.
import { Trouble, ask } from "/static/api.js";
import { codePointLength } from "/static/codepoints.js";
import { element, shape } from "/static/elements.js";
import { EXAMPLE } from "/static/example.js";
import { answerJson, copy, save, tagsCsv } from "/static/exports.js";
import { textOfFile } from "/static/extract.js";
import { Feedback } from "/static/feedback.js";
import { askForKey } from "/static/key.js";
import { showNote, showTrouble } from "/static/notice.js";
import { Panel } from "/static/panel.js";
import { Codebook, Reading } from "/static/reading.js";
import { Story } from "/static/story.js";
import { Strip } from "/static/strip.js";
import { drawSummary } from "/static/summary.js";
import { count, likeliest, percent } from "/static/words.js";

// Enough to have all words of a sentence; fewer where there are thousands of sentences. The service sets a bound.
const MAX_WORDS = Number(document.body.dataset.maxWords);
const WORDS = { short: Math.min(60, MAX_WORDS), long: Math.min(10, MAX_WORDS) };
const LONG = 200_000; // characters

const $ = (id) => document.getElementById(id);
const area = $("text");
const level = $("level");

let reading = null;
let codebook = null;
let codebookOf = ""; // digest of the model that the codebook belongs to
let pinned = false;
let running = null;
// The text of a file as it is: a text area would turn its line ends into \n, and offsets would count another text.
let file = null;

const feedback =
  document.body.dataset.feedback === "on"
    ? new Feedback({
        onKey: (message, retry) => askForKey($("key"), message, retry),
        onOff: () => {
          panel.feedback = null;
        },
      })
    : null;
const panel = new Panel($("panel"), {
  words: (narrative) => story.underline(narrative),
  step: (step) => {
    const next = story.neighbour(step);
    if (next >= 0) open(next, "pin", true);
  },
  close,
  feedback,
});
const story = new Story($("story"), { open, leave: close, enter: () => panel.enter() });
const strip = new Strip($("strip"), (index) => open(index, "jump"));

// ---- a text comes in

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  score();
});
$("cancel").addEventListener("click", () => running?.abort());
$("example").addEventListener("click", () => {
  take({ text: EXAMPLE });
  area.focus();
});
$("choose").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", (event) => {
  const [chosen] = event.target.files;
  if (chosen) takeFile(chosen);
  event.target.value = "";
});
area.addEventListener("input", () => {
  file = null;
  tellLength();
});
area.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("form").requestSubmit();
});
for (const name of ["dragenter", "dragover"])
  document.addEventListener(name, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    $("drop").classList.add("over");
  });
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) $("drop").classList.remove("over");
});
document.addEventListener("drop", (event) => {
  $("drop").classList.remove("over");
  if (!event.dataTransfer?.files.length) return;
  event.preventDefault();
  takeFile(event.dataTransfer.files[0]);
});
$("edit").addEventListener("click", () => {
  close();
  compose();
  area.focus({ preventScroll: true });
});
$("back").addEventListener("click", () => {
  take({ text: reading.text });
  settle();
});

/** The form alone, or the reading alone: never a text above the marks of another. */
function compose() {
  $("compose").hidden = false;
  $("result").hidden = true;
  $("back").hidden = reading === null;
  scrollTo({ top: 0 });
}

function settle() {
  $("compose").hidden = true;
  $("result").hidden = false;
  scrollTo({ top: 0 });
  $("verdict").focus({ preventScroll: true });
}

function take({ text, note = "" }) {
  compose();
  file = text;
  area.value = text;
  area.scrollTop = 0;
  tellLength();
  if (note) showNote($("notice"), note);
  else $("notice").replaceChildren();
}

async function takeFile(dropped) {
  try {
    take(await textOfFile(dropped));
    area.focus();
  } catch (error) {
    showTrouble($("notice"), error);
  }
}

function tellLength() {
  const n = codePointLength(area.value);
  $("length").textContent = n ? count(n, "character") : "";
}

// ---- scoring

async function score() {
  const given = file ?? area.value;
  $("notice").replaceChildren();
  $("key").replaceChildren();
  if (!given.trim()) {
    showNote($("notice"), "There is no text yet. Paste one, open a file, or load the example.");
    area.focus();
    return;
  }
  // Half of a surrogate pair is no character, and cannot be sent.
  const text = given.toWellFormed?.() ?? given;
  running?.abort();
  const run = new AbortController();
  running = run;
  busy(true);
  try {
    const answer = await ask("/v1/score", {
      body: { text, all: true, explain: { top_k: text.length < LONG ? WORDS.short : WORDS.long, unit: "word" } },
      signal: run.signal,
    });
    if (!codebook || codebookOf !== answer.model.digest) {
      codebook = new Codebook(await ask("/v1/taxonomy", { signal: run.signal }));
      codebookOf = answer.model.digest;
    }
    show(new Reading(text, answer, codebook));
  } catch (error) {
    if (error.name === "AbortError") {
      $("status").textContent = "Cancelled.";
      return;
    }
    if (!(error instanceof Trouble)) throw error;
    $("status").textContent = "";
    if (error.wantsKey) askForKey($("key"), error.message, score);
    else showTrouble($("notice"), error, error.status === 413 || error.status === 422 ? null : score);
  } finally {
    if (running === run) {
      running = null;
      busy(false);
    }
  }
}

function busy(is) {
  $("submit").disabled = is;
  $("submit").textContent = is ? "Reading …" : "Read it";
  $("cancel").hidden = !is;
  $("form").setAttribute("aria-busy", String(is));
  if (is) $("status").textContent = "Reading the text.";
}

// ---- the answer

function show(next) {
  reading = next;
  pinned = false;
  feedback?.forget();
  setLevel(null);
  settle();
  story.draw(reading);
  strip.draw(reading);
  summarise();
  legend();
  panel.rest(reading);
  const { name, version, digest } = reading.model;
  $("colophon").replaceChildren(
    `Read by the model ${name} ${version}, `,
    element("code", {}, digest),
    ". Text ",
    element("code", {}, `sha256:${reading.whole.text_sha256}`),
    ". Whoever has both can compute every figure again.",
  );
  $("status").textContent = `${$("verdict").textContent} ${count(reading.tagged.length, "sentence")} tagged.`;
}

function summarise() {
  drawSummary({ verdict: $("verdict"), more: $("verdict-more"), place: $("summary") }, reading, toggle);
}

function toggle(narrative) {
  if (narrative === null) reading.filter.clear();
  else if (!reading.filter.delete(narrative)) reading.filter.add(narrative);
  redecide();
  const again = narrative === null ? null : document.querySelector(`[data-narrative="${CSS.escape(narrative)}"].filter`);
  (again ?? $("summary").querySelector("button") ?? $("verdict")).focus();
}

function redecide() {
  reading.decide();
  story.mark();
  strip.mark();
  summarise();
  legend();
  if (story.active >= 0) open(story.active, "again");
  else panel.rest(reading);
}

function legend() {
  const slots = new Map();
  for (const { tags } of reading.tagged) for (const { label } of tags) slots.set(label.theme, reading.codebook.slot(label.theme));
  const example = (kind, words) => element("li", {}, element("span", { class: `s tagged t0 ${kind}` }, "a sentence"), ` ${words}`);
  $("legend").replaceChildren(
    element("ul", {}, ...[...slots].map(([theme, slot]) => element("li", {}, shape(slot), reading.codebook.name(theme)))),
    element(
      "ul",
      {},
      example("yes asserted", "filled: yes, from the threshold on"),
      example("unsure asserted", "not filled: unsure"),
      example("yes asserted", "solid line: asserted"),
      example("yes attributed", "dashed line: attributed to somebody"),
      example("yes rejected", "dotted line: rejected"),
    ),
    element("p", { class: "hint" }, "In an open sentence the words that decided are underlined: solid where they speak for the narrative, wavy where they speak against it, thicker where they weigh more. Arrow keys go from mark to mark, with Shift from sentence to sentence; Enter goes into the details, Escape comes back."),
  );
}

/** Open a sentence: "hover", "focus", "keys", "pin" (click or Enter), "jump" (from the strip), "again" (redrawn). */
function open(index, how) {
  // What a reader has clicked stays open while the pointer passes over other sentences.
  if (how === "hover" && pinned) return;
  if (how === "pin" || how === "keys" || how === "jump") pinned = true;
  const moves = how === "keys" || how === "jump" || arguments[2] === true;
  story.activate(index, { focus: how === "keys" || how === "jump", scroll: moves || how === "pin" });
  strip.activate(index);
  panel.show(reading, index);
  if (how === "keys" || how === "jump" || moves) $("status").textContent = told(index);
}

function close() {
  const index = story.active;
  const had = $("panel").contains(document.activeElement);
  pinned = false;
  story.activate(-1);
  strip.activate(-1);
  panel.rest(reading);
  if (had && index >= 0) story.returnTo(index);
}

function told(index) {
  const { tags } = reading.sentences[index];
  const place = `Sentence ${index + 1} of ${reading.sentences.length}.`;
  if (!tags.length) return `No narrative. ${place}`;
  const each = tags.map(({ label, decision }) => {
    const voice = likeliest(label.voice)?.[0];
    return `${reading.codebook.name(label.id)}: ${decision}, ${percent(label.probability)}${voice ? `, ${voice}` : ""}.`;
  });
  return `${each.join(" ")} ${place}`;
}

// ---- the level

function setLevel(value) {
  const own = value !== null;
  document.querySelector(`[name=level][value=${own ? "own" : "model"}]`).checked = true;
  $("level-shown").textContent = `${level.value}%`;
  level.classList.toggle("idle", !own);
  reading.level = value;
  $("level-note").textContent = own
    ? `What is shown are not the model's own decisions: every narrative is tagged from ${level.value}%, where the model has a threshold for each.`
    : "";
}

let frame = 0;
function changeLevel(own) {
  setLevel(own ? Number(level.value) / 100 : null);
  cancelAnimationFrame(frame);
  frame = requestAnimationFrame(redecide);
}
level.addEventListener("input", () => changeLevel(true));
for (const choice of document.querySelectorAll("[name=level]"))
  choice.addEventListener("change", () => changeLevel(choice.value === "own"));

// ---- to take along

$("result").addEventListener("click", async (event) => {
  const wanted = event.target.dataset?.export;
  if (!wanted) return;
  const [how, format] = wanted.split("-");
  const text = format === "json" ? answerJson(reading) : tagsCsv(reading);
  const name = `narratives-${reading.whole.text_sha256.slice(0, 12)}.${format}`;
  let done = true;
  // The mark at the front tells spreadsheets that the file is UTF-8.
  if (how === "save") save(format === "csv" ? `\ufeff${text}` : text, name, format === "json" ? "application/json" : "text/csv");
  else done = await copy(text);
  const what = format === "json" ? "The model's answer" : `${count(reading.tagged.reduce((n, s) => n + s.tags.length, 0), "tag")} as shown`;
  $("status").textContent = done ? `${what}: ${how === "save" ? `saved as ${name}` : "copied"}.` : "The browser forbids copying. Use download.";
  const label = event.target.textContent;
  if (/^(Copied|Saved|Not)/.test(label)) return;
  event.target.textContent = done ? (how === "save" ? "Saved" : "Copied") : "Not copied";
  setTimeout(() => (event.target.textContent = label), 1500);
});
