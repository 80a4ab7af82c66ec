// A text together with the service's answer for it.
import { utf16Offsets } from "/static/codepoints.js";
import { tagsOf } from "/static/decisions.js";

const SLOTS = 8; // colours and shapes that the style sheet has

/** The codebook by id: narratives with their theme, themes with their slot (colour and shape). */
export class Codebook {
  constructor(taxonomy) {
    this.unit = taxonomy.unit ?? "sentence";
    this.themes = new Map();
    this.narratives = new Map();
    taxonomy.themes.forEach((theme, k) => {
      this.themes.set(theme.id, { id: theme.id, name: theme.name, slot: k % SLOTS });
      for (const narrative of theme.narratives)
        this.narratives.set(narrative.id, { ...narrative, theme: theme.id, slot: k % SLOTS });
    });
  }

  /** Ids are shown as they are where the codebook does not have them: it may have changed since. */
  name(id) {
    return this.narratives.get(id)?.name ?? this.themes.get(id)?.name ?? id;
  }

  slot(id) {
    return (this.narratives.get(id) ?? this.themes.get(id))?.slot ?? SLOTS - 1;
  }
}

export class Reading {
  /** `answer` is what POST /v1/score gave for `text` with `all: true`. */
  constructor(text, answer, codebook) {
    this.text = text;
    this.answer = answer;
    this.codebook = codebook;
    this.model = answer.model;
    this.whole = answer.results[0];
    this.level = null;
    this.filter = new Set();
    const at = utf16Offsets(text);
    this.sentences = this.whole.sentences.map((sentence, index) => ({
      index,
      begin: at(sentence.begin),
      end: at(sentence.end),
      text: sentence.text,
      labels: sentence.labels,
      evidence: sentence.evidence.map((piece) => ({ ...piece, begin: at(piece.begin), end: at(piece.end) })),
      tags: [],
    }));
    this.decide();
  }

  /** Work out every sentence's tags anew: after a change of `level` or `filter`. */
  decide() {
    for (const sentence of this.sentences) sentence.tags = tagsOf(sentence.labels, this.level, this.filter);
    this.tagged = this.sentences.filter((sentence) => sentence.tags.length);
  }

  /** The whole text's tags; the filter hides none of them. */
  get wholeTags() {
    return tagsOf(this.whole.labels, this.level, new Set());
  }

  /** How many sentences carry each narrative, whatever the filter: Map of id to {yes, unsure}. */
  counts() {
    const counts = new Map();
    for (const sentence of this.sentences)
      for (const { label, decision } of this.filter.size ? tagsOf(sentence.labels, this.level, new Set()) : sentence.tags) {
        const entry = counts.get(label.id) ?? { yes: 0, unsure: 0 };
        entry[decision] += 1;
        counts.set(label.id, entry);
      }
    return counts;
  }

  /** The threshold that holds for a label now. */
  threshold(label) {
    return this.level ?? label.threshold;
  }
}
