// The whole text at a glance: a lane for each theme, a cell for each sentence. Full height is yes, low is unsure.
import { element, shape } from "/static/elements.js";
import { count, percent } from "/static/words.js";

const WIDEST_CELL = 26; // px; a short text does not fill the lane
const ROOM = 10; // px, a lane's height

export class Strip {
  /** `jump(index)` is called when a cell is clicked. */
  constructor(place, jump) {
    this.place = place;
    this.lanes = [];
    this.active = -1;
    place.addEventListener("click", (event) => {
      const index = this.#at(event);
      if (index >= 0) jump(index);
    });
    document.addEventListener("appearance", () => this.paint());
    new ResizeObserver(() => {
      this.paint();
      document.documentElement.style.setProperty("--strip", `${place.offsetHeight}px`);
    }).observe(place);
  }

  draw(reading) {
    this.reading = reading;
    this.active = -1;
    this.mark();
  }

  /** Show the tags as they are decided now. */
  mark() {
    const { codebook, sentences } = this.reading;
    const themes = new Map();
    for (const { index, tags } of sentences)
      for (const { label, decision } of tags) {
        const theme = themes.get(label.theme) ?? new Map();
        if (decision === "yes" || !theme.has(index)) theme.set(index, decision);
        themes.set(label.theme, theme);
      }
    const present = [...codebook.themes.values()].filter((theme) => themes.has(theme.id));
    const whole = new Map(this.reading.whole.themes.map((theme) => [theme.id, theme.probability]));
    this.lanes = present.map((theme) => {
      const cells = themes.get(theme.id);
      const told = `${theme.name}: ${count(cells.size, "sentence")} of ${sentences.length}`;
      const canvas = element("canvas", { role: "img", "aria-label": told });
      return { cells, canvas, row: element("div", { class: `lane t${theme.slot}` }, laneName(theme, whole.get(theme.id)), canvas) };
    });
    if (!this.lanes.length) {
      const canvas = element("canvas", { role: "img", "aria-label": `${count(sentences.length, "sentence")}, none tagged` });
      this.lanes = [{ cells: new Map(), canvas, row: element("div", { class: "lane" }, element("span", { class: "lane-name" }, "Nothing tagged"), canvas) }];
    }
    this.place.replaceChildren(...this.lanes.map((lane) => lane.row));
    this.paint();
  }

  activate(index) {
    this.active = index;
    this.paint();
  }

  paint() {
    if (!this.reading) return;
    const n = this.reading.sentences.length;
    for (const { cells, canvas, row } of this.lanes) {
      const width = canvas.clientWidth;
      if (!width) continue;
      const scale = devicePixelRatio || 1;
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(ROOM * scale);
      const pen = canvas.getContext("2d");
      pen.scale(scale, scale);
      const style = getComputedStyle(row);
      const step = this.#step(width);
      const gap = step >= 5 ? 1.5 : 0;
      pen.fillStyle = getComputedStyle(canvas).color;
      if (gap) for (let k = 0; k < n; k++) pen.fillRect(k * step, ROOM - 1, Math.max(step - gap, 0.5), 1);
      else pen.fillRect(0, ROOM - 1, n * step, 1);
      pen.fillStyle = style.color;
      for (const [k, decision] of cells) {
        const high = decision === "yes" ? ROOM : ROOM * 0.4;
        pen.fillRect(k * step, ROOM - high, Math.max(step - gap, 1), high);
      }
      if (this.active >= 0) {
        pen.fillStyle = getComputedStyle(this.place).color;
        pen.fillRect(this.active * step + (step - gap) / 2 - 1, 0, 2, ROOM);
      }
    }
  }

  #step(width) {
    return Math.min(WIDEST_CELL, width / this.reading.sentences.length);
  }

  /** The sentence under the pointer; where cells are thinner than a finger, the nearest tagged one close by. */
  #at(event) {
    const canvas = this.lanes[0]?.canvas;
    if (!canvas) return -1;
    const box = canvas.getBoundingClientRect();
    const step = this.#step(box.width);
    const index = Math.floor((event.clientX - box.left) / step);
    const n = this.reading.sentences.length;
    if (index < 0 || index >= n) return -1;
    const reach = Math.ceil(6 / step);
    for (let away = 0; away <= reach; away++)
      for (const k of [index - away, index + away]) if (this.reading.sentences[k]?.tags.length) return k;
    return index;
  }
}

/** The theme, and how likely the whole text carries it. */
const laneName = (theme, probability) =>
  element("span", { class: "lane-name" }, shape(theme.slot), element("span", { class: "full" }, theme.name), element("b", { title: "the whole text" }, probability === undefined ? "" : percent(probability)));
