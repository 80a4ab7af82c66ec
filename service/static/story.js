// The text with its sentences marked. One set of listeners for all of them; a mark changes classes, never the text.
import { element, shape } from "/static/elements.js";
import { decidingWords } from "/static/evidence.js";
import { likeliest } from "/static/words.js";

const HOVER_REST = 120; // ms that the pointer must rest on a sentence: crossing one does not open it
const LONGEST_BLOCK = 8_000; // characters; a longer paragraph is drawn in parts, so that a change lays out a part only
const STRONG = 0.5; // of the largest contribution: drawn thicker

export class Story {
  /** `open(index, how)` is called when a sentence is chosen: how is "hover", "focus" or "pin"; `leave()` on Escape. */
  constructor(place, { open, leave, enter }) {
    this.place = place;
    this.open = open;
    this.leave = leave;
    this.enter = enter;
    this.spans = [];
    this.active = -1;
    this.entry = -1;
    this.rest = 0;
    place.addEventListener("pointerover", (event) => this.#hover(event));
    place.addEventListener("pointerleave", () => clearTimeout(this.rest));
    place.addEventListener("click", (event) => this.#click(event));
    place.addEventListener("focusin", (event) => {
      const index = this.#indexOf(event.target);
      if (index >= 0 && index !== this.active && !this.returning && event.target.matches(":focus-visible")) this.open(index, "focus");
    });
    place.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Draw a reading's text: lines become paragraphs, each with its own writing direction. */
  draw(reading) {
    this.reading = reading;
    this.active = -1;
    this.entry = -1;
    this.signatures = [];
    clearHighlights();
    const drawn = document.createDocumentFragment();
    let line = element("p", { dir: "auto" });
    let length = 0;
    const space = (text) => {
      const parts = text.split(/[\n\r\u2028\u2029\v\f\x85]+/);
      line.append(parts[0]);
      for (const part of parts.slice(1)) {
        if (line.textContent.trim()) drawn.append(line);
        line = element("p", { dir: "auto" }, part);
        length = 0;
      }
    };
    let end = 0;
    this.spans = reading.sentences.map((sentence) => {
      space(reading.text.slice(end, sentence.begin));
      const span = element("span", { class: "s", "data-i": sentence.index }, reading.text.slice(sentence.begin, sentence.end));
      if (length > LONGEST_BLOCK) {
        line.classList.add("goes-on");
        drawn.append(line);
        line = element("p", { dir: "auto" });
        length = 0;
      }
      line.append(span);
      length += sentence.end - sentence.begin;
      end = sentence.end;
      return span;
    });
    space(reading.text.slice(end));
    if (line.textContent.trim()) drawn.append(line);
    this.place.replaceChildren(drawn);
    this.mark();
  }

  /** Show the tags as they are decided now; only what has changed is touched. */
  mark() {
    const { codebook, sentences } = this.reading;
    sentences.forEach(({ tags }, k) => {
      const signature = tags.map((tag) => `${tag.label.id}:${tag.decision}`).join();
      if (this.signatures[k] === signature || (this.signatures[k] === undefined && !tags.length)) return;
      this.signatures[k] = signature;
      const span = this.spans[k];
      const words = span.lastChild;
      if (!tags.length) {
        span.className = "s";
        for (const name of ["role", "tabindex", "aria-controls", "aria-description"]) span.removeAttribute(name);
        span.replaceChildren(words);
      } else {
        const [first] = tags;
        const voice = likeliest(first.label.voice)?.[0] ?? "asserted";
        span.className = `s tagged t${codebook.slot(first.label.id)} ${first.decision} ${voice}`;
        span.setAttribute("role", "button");
        span.setAttribute("tabindex", "-1");
        span.setAttribute("aria-controls", "panel");
        const told = tags.map((tag) => codebook.name(tag.label.id) + (tag.decision === "unsure" ? ", unsure" : ""));
        span.setAttribute("aria-description", told.join("; "));
        const themes = new Map();
        for (const tag of tags) {
          const slot = codebook.slot(tag.label.id);
          themes.set(slot, (themes.get(slot) ?? true) && tag.decision === "unsure");
        }
        span.replaceChildren(...Array.from(themes, ([slot, maybe]) => shape(slot, maybe)), words);
      }
      if (k === this.active) span.classList.add("active");
    });
    this.#setEntry(this.reading.tagged.some(({ index }) => index === this.active) ? this.active : (this.reading.tagged[0]?.index ?? -1));
  }

  /** Make a sentence the open one. */
  activate(index, { focus = false, scroll = false } = {}) {
    this.spans[this.active]?.classList.remove("active");
    this.active = index;
    clearHighlights();
    const span = this.spans[index];
    if (!span) return;
    span.classList.add("active");
    if (span.classList.contains("tagged")) this.#setEntry(index);
    else if (focus) span.setAttribute("tabindex", "-1");
    if (scroll) bringIntoView(span);
    if (focus) span.focus({ preventScroll: true });
  }

  /** Give the keyboard back to a sentence without opening it. */
  returnTo(index) {
    this.returning = true;
    this.spans[index].focus({ preventScroll: true });
    this.returning = false;
  }

  /** Underline the words that decided on a narrative in the open sentence, by what each adds. */
  underline(narrative) {
    clearHighlights();
    const sentence = this.reading.sentences[this.active];
    if (!sentence || !globalThis.Highlight || !CSS.highlights) return;
    const pieces = decidingWords(sentence, narrative);
    const largest = Math.max(...pieces.map((piece) => Math.abs(piece.contribution)));
    const words = this.spans[this.active].lastChild;
    const drawn = new Map();
    for (const piece of pieces) {
      const [begin, end] = [piece.begin - sentence.begin, piece.end - sentence.begin];
      if (begin < 0 || end > words.length) continue;
      const range = new StaticRange({ startContainer: words, startOffset: begin, endContainer: words, endOffset: end });
      const strong = Math.abs(piece.contribution) >= STRONG * largest ? "strong" : "weak";
      const name = `${piece.contribution < 0 ? "against" : "for"}-${strong}`;
      drawn.set(name, [...(drawn.get(name) ?? []), range]);
    }
    for (const [name, ranges] of drawn) CSS.highlights.set(name, new Highlight(...ranges));
  }

  /** The nearest sentence after (`step` 1) or before (-1) the open one; `any` counts those without a tag too. */
  neighbour(step, any = false) {
    const from = this.active >= 0 ? this.active : step > 0 ? -1 : this.spans.length;
    for (let k = from + step; k >= 0 && k < this.spans.length; k += step)
      if (any || this.reading.sentences[k].tags.length) return k;
    return -1;
  }

  #setEntry(index) {
    // One sentence of all takes the Tab key; the arrow keys go on from it.
    if (this.spans[this.entry]?.hasAttribute("role")) this.spans[this.entry].setAttribute("tabindex", "-1");
    this.entry = index;
    this.spans[index]?.setAttribute("tabindex", "0");
  }

  #indexOf(node) {
    const span = node instanceof Element ? node.closest(".s") : null;
    return span && this.place.contains(span) ? Number(span.dataset.i) : -1;
  }

  #hover(event) {
    clearTimeout(this.rest);
    if (event.pointerType === "touch") return;
    const index = this.#indexOf(event.target);
    if (index < 0 || index === this.active || !this.reading.sentences[index].tags.length) return;
    this.rest = setTimeout(() => this.open(index, "hover"), HOVER_REST);
  }

  #click(event) {
    clearTimeout(this.rest);
    if (!getSelection().isCollapsed) return; // words are being selected, to be copied
    const index = this.#indexOf(event.target);
    if (index >= 0) this.open(index, "pin");
  }

  #key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || this.#indexOf(event.target) < 0) return;
    const { tagged } = this.reading;
    const goals = {
      ArrowRight: () => this.neighbour(1, event.shiftKey),
      ArrowDown: () => this.neighbour(1, event.shiftKey),
      ArrowLeft: () => this.neighbour(-1, event.shiftKey),
      ArrowUp: () => this.neighbour(-1, event.shiftKey),
      Home: () => tagged[0]?.index ?? -1,
      End: () => tagged.at(-1)?.index ?? -1,
    };
    if (event.key in goals) {
      event.preventDefault();
      const index = goals[event.key]();
      if (index >= 0) this.open(index, "keys");
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.open(this.#indexOf(event.target), "pin");
      this.enter();
    } else if (event.key === "Escape") {
      event.preventDefault();
      this.leave();
    }
  }
}

const HIGHLIGHTS = ["for-strong", "for-weak", "against-strong", "against-weak"];

function clearHighlights() {
  for (const name of HIGHLIGHTS) CSS.highlights?.delete(name);
}

/** Near sentences glide; far ones are jumped to, twice, since what lies between has only an estimated height. */
function bringIntoView(span) {
  const away = span.getBoundingClientRect().top;
  if (Math.abs(away) < 2 * innerHeight) span.scrollIntoView({ block: "nearest", behavior: calm() ? "instant" : "smooth" });
  else {
    span.scrollIntoView({ block: "center", behavior: "instant" });
    requestAnimationFrame(() => span.scrollIntoView({ block: "center", behavior: "instant" }));
  }
}

const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
