// Everything about one sentence: its narratives, how sure, whose voice, and the words that decided.
import { bar } from "/static/bar.js";
import { button, element, shape } from "/static/elements.js";
import { decidingWords } from "/static/evidence.js";
import { REASONS, VOICES, count, likeliest, percent, percentAgainst, signed } from "/static/words.js";

const CLOSEST = 3; // narratives shown for a sentence without a tag

export class Panel {
  /** `words(id)` underlines a narrative's words; `step(+-1)` goes on; `close()`; `feedback` may be null. */
  constructor(place, { words, step, close, feedback }) {
    Object.assign(this, { place, words, step, close, feedback });
    place.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      close();
    });
    const choose = (event) => {
      const card = event.target.closest?.(".card[data-narrative]");
      if (card) this.#chooseCard(card);
    };
    place.addEventListener("pointerover", choose);
    place.addEventListener("focusin", choose);
    place.addEventListener("click", choose);
  }

  /** Nothing is open: say how to open something. */
  rest(reading) {
    this.place.classList.remove("open");
    const told = reading.tagged.length
      ? "Point at a marked sentence, tap it, or go from one to the next with the arrow keys. Here you then see how sure the model is, whose voice it is, and the words that decided."
      : "Nothing is marked. Click any sentence to see which narratives come closest, and how far off they are.";
    this.place.replaceChildren(element("p", { class: "rest" }, told));
  }

  show(reading, index) {
    const sentence = reading.sentences[index];
    const n = reading.sentences.length;
    const head = element(
      "div",
      { class: "panel-head" },
      element("h2", { id: "panel-title", tabindex: "-1" }, `Sentence ${(index + 1).toLocaleString("en")} of ${n.toLocaleString("en")}`),
      button("‹", () => this.step(-1), { class: "quiet", "aria-label": "Previous marked sentence" }),
      button("›", () => this.step(1), { class: "quiet", "aria-label": "Next marked sentence" }),
      button("×", () => this.close(), { class: "quiet", "aria-label": "Close" }),
    );
    const cards = sentence.tags.length ? sentence.tags.map((tag) => this.#card(reading, sentence, tag)) : [this.#untagged(reading, sentence)];
    this.place.classList.add("open");
    this.place.replaceChildren(head, ...cards);
    this.place.scrollTop = 0;
    const first = this.place.querySelector(".card[data-narrative]");
    if (first) this.#chooseCard(first);
    else this.words(null);
  }

  /** Move the keyboard into the panel. */
  enter() {
    this.place.querySelector("#panel-title")?.focus();
  }

  #chooseCard(card) {
    if (card.classList.contains("chosen")) return;
    for (const other of this.place.querySelectorAll(".card")) other.classList.toggle("chosen", other === card);
    this.words(card.dataset.narrative);
  }

  #card(reading, sentence, tag) {
    const { label, decision } = tag;
    const { codebook } = reading;
    const slot = codebook.slot(label.id);
    const threshold = reading.threshold(label);
    const [p, t] = percentAgainst(label.probability, threshold);
    const own = reading.level === null ? "" : `, your level (the model's: ${percent(label.threshold)})`;
    const narrative = codebook.narratives.get(label.id);
    return element(
      "article",
      { class: `card t${slot} ${decision}`, "data-narrative": label.id },
      element("h3", {}, shape(slot, decision === "unsure"), codebook.name(label.id)),
      element("p", { class: "theme" }, codebook.name(label.theme)),
      element("div", { class: "sure" }, bar(label.probability, threshold, slot), element("b", {}, p), element("span", { class: "badge" }, decision)),
      element("p", { class: "hint" }, `Tagged from ${t}${own}.`),
      tag.reason ? element("p", { class: "reason" }, REASONS[tag.reason] ?? `Unsure: ${tag.reason}.`) : null,
      reading.level !== null && decision !== label.decision ? element("p", { class: "reason" }, `The model itself says: ${label.decision}.`) : null,
      label.trained_enough ? null : element("p", { class: "reason" }, `Trained on ${count(label.support, "sentence")} only: treat with care.`),
      voices(label.voice),
      words(reading.text, sentence, label),
      narrative?.definition ? element("details", {}, element("summary", {}, "What this narrative is"), element("p", {}, narrative.definition), narrative.excludes && element("p", { class: "hint" }, `Not meant: ${narrative.excludes}`)) : null,
      this.feedback?.forTag(reading, sentence, label),
    );
  }

  #untagged(reading, sentence) {
    const { codebook } = reading;
    const closest = [...sentence.labels].sort((a, b) => b.probability - a.probability).slice(0, CLOSEST);
    return element(
      "article",
      { class: "card" },
      element("h3", {}, reading.filter.size ? "None of the chosen narratives" : "No narrative"),
      closest.length ? element("p", { class: "hint" }, "The closest, each with the threshold from which it would be tagged:") : null,
      ...closest.map((label) => element("div", { class: "near" }, element("span", {}, codebook.name(label.id)), bar(label.probability, reading.threshold(label), codebook.slot(label.id)), element("b", {}, percent(label.probability)))),
      this.feedback?.forUntagged(reading, sentence),
    );
  }
}

function voices(voice) {
  if (!voice) return element("p", { class: "hint" }, "No voice: the model gives one only where it decides yes or unsure.");
  const [best] = likeliest(voice);
  const line = element("div", { class: "voices", "aria-hidden": "true" }, ...Object.entries(voice).map(([id, p]) => element("span", { class: id === best ? "best" : null, vars: { "--p": p.toFixed(4) } })));
  const list = element("ul", { class: "voice-names" }, ...Object.entries(voice).map(([id, p]) => element("li", { class: id === best ? "best" : null }, element("span", {}, id), " ", percent(p))));
  return element("section", { class: "voice" }, element("h4", {}, "Voice"), line, list, element("p", { class: "hint" }, `${best[0].toUpperCase()}${best.slice(1)}: ${VOICES[best] ?? ""}.`));
}

function words(text, sentence, label) {
  const pieces = decidingWords(sentence, label.id);
  if (!pieces.length) return element("p", { class: "hint" }, "No words: the model gives them only where it decides yes or unsure.");
  const largest = Math.max(...pieces.map((piece) => Math.abs(piece.contribution)));
  const sum = pieces.reduce((total, piece) => total + piece.contribution, 0);
  const rows = pieces.map((piece) =>
    element(
      "li",
      { class: piece.contribution < 0 ? "against" : "for" },
      element("span", { class: "word", dir: "auto" }, text.slice(piece.begin, piece.end)),
      element("span", { class: "pull", "aria-hidden": "true", vars: { "--p": (Math.abs(piece.contribution) / largest).toFixed(3) } }),
      element("span", { class: "figure" }, signed(piece.contribution)),
    ),
  );
  return element(
    "section",
    { class: "words" },
    element("h4", {}, "Words that decided"),
    element("ol", {}, ...rows),
    element("p", { class: "hint" }, `Together ${signed(sum)}; the other words and the narrative's starting value ${signed(label.logit - sum)}. The total, ${signed(label.logit)} in log-odds, is the ${percent(label.probability)}.`),
  );
}
