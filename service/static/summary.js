// What the whole text carries: a sentence, and a table of narratives that filters the text.
import { button, element, shape } from "/static/elements.js";
import { bar } from "/static/bar.js";
import { count, likeliest, listed, percentAgainst } from "/static/words.js";

const NAMED = 6; // narratives that the heading names

/** Draw into `verdict` (a heading), `more` and `place` (the table). `toggle(id)` filters by a narrative, null for all. */
export function drawSummary({ verdict, more, place }, reading, toggle) {
  const { codebook } = reading;
  const tags = reading.wholeTags;
  const strong = (tag) => element("strong", { class: `t${codebook.slot(tag.label.id)}` }, codebook.name(tag.label.id));
  const yes = tags.filter((tag) => tag.decision === "yes").map(strong);
  const unsure = tags.filter((tag) => tag.decision === "unsure").map(strong);
  if (yes.length) verdict.replaceChildren("This text carries ", ...listed(first(yes)), ".");
  else if (unsure.length) verdict.replaceChildren("No narrative for certain; perhaps ", ...listed(first(unsure)), ".");
  else verdict.replaceChildren("No narrative was found in this text.");

  const counts = reading.counts();
  const tagged = reading.filter.size ? reading.sentences.filter((s) => s.tags.length).length : reading.tagged.length;
  const told = [];
  if (yes.length && unsure.length) told.push("Unsure about ", ...listed(first(unsure)), ". ");
  const all = count(reading.sentences.length, unitOf(codebook));
  told.push(reading.filter.size ? `The filter shows ${tagged.toLocaleString("en")} of ${all}. ` : `${tagged.toLocaleString("en")} of ${all} ${tagged === 1 ? "is" : "are"} tagged. `);
  told.push(familiarity(reading));
  more.replaceChildren(...told);

  const rows = [];
  const wholes = new Map(reading.whole.labels.map((label) => [label.id, label]));
  const shown = new Map(tags.map((tag) => [tag.label.id, tag]));
  for (const theme of codebook.themes.values()) {
    const members = [...codebook.narratives.values()].filter((n) => n.theme === theme.id && (counts.has(n.id) || shown.has(n.id)));
    members.sort((a, b) => (wholes.get(b.id)?.probability ?? 0) - (wholes.get(a.id)?.probability ?? 0));
    for (const narrative of members) rows.push(row(reading, narrative, theme, wholes.get(narrative.id), shown.get(narrative.id), counts.get(narrative.id), toggle));
  }
  if (!rows.length) return place.replaceChildren();
  const table = element(
    "table",
    {},
    element("caption", { class: "unseen" }, "Narratives in this text; press one to see only its sentences"),
    element(
      "thead",
      {},
      element("tr", {}, ...["Narrative", "Whole text", "Sentences"].map((name) => element("th", { scope: "col" }, name))),
    ),
    element("tbody", {}, ...rows),
  );
  const again = reading.filter.size ? button("Show all narratives", () => toggle(null), { class: "quiet", id: "filter-off" }) : null;
  return place.replaceChildren(...[table, again].filter(Boolean));
}

/** As many as a sentence can name; the table has them all. */
function first(items) {
  return items.length > NAMED + 1 ? [...items.slice(0, NAMED), `${items.length - NAMED} more`] : items;
}

const unitOf = (codebook) => ({ sentence: "sentence", paragraph: "paragraph", text: "text" })[codebook.unit] ?? "passage";

function familiarity(reading) {
  const { coverage, labels } = reading.whole;
  const known = `The model knows ${Math.floor(coverage * 100)}% of its words.`;
  if (!labels.some((label) => label.reason === "unfamiliar")) return known;
  return `${known} That is too few: it may be in a language that the model was not trained on, and nothing is decided above “unsure”.`;
}

function row(reading, narrative, theme, whole, tag, counts, toggle) {
  const pressed = reading.filter.has(narrative.id);
  const name = element(
    "button",
    { type: "button", class: "filter", "aria-pressed": String(pressed), "data-narrative": narrative.id, title: `${theme.name}. Press to see only its sentences.`, click: () => toggle(narrative.id) },
    shape(theme.slot, tag?.decision === "unsure"),
    element("span", {}, narrative.name),
  );
  const cell = element("td", { class: "whole" });
  if (whole) {
    const threshold = reading.threshold(whole);
    const [p] = percentAgainst(whole.probability, threshold);
    const voice = likeliest(whole.voice)?.[0];
    cell.append(element("span", { class: "nowrap" }, bar(whole.probability, threshold, theme.slot), element("b", {}, p)), " ", element("span", { class: "hint" }, [tag?.decision ?? "no", tag && voice].filter(Boolean).join(", ")));
  }
  const n = counts ? counts.yes + counts.unsure : 0;
  const sure = counts?.unsure ? element("span", { class: "hint" }, counts.yes ? ` (${counts.unsure} unsure)` : " (unsure)") : null;
  return element("tr", { class: reading.filter.size && !pressed ? "filtered" : null }, element("th", { scope: "row" }, name), cell, element("td", {}, n.toLocaleString("en"), sure));
}
