// The answer to take along: JSON as the service gave it, CSV as it is shown.
import { shownDecision, doubtOf } from "/static/decisions.js";
import { decidingWords } from "/static/evidence.js";
import { likeliest, signed } from "/static/words.js";

/** The model's own answer, without the labels that it decides "no": what the service answers without `all`. */
export function answerJson(reading) {
  const told = (labels) => labels.filter((label) => label.decision !== "no");
  const results = reading.answer.results.map((result) => ({
    ...result,
    labels: told(result.labels),
    sentences: result.sentences.map((sentence) => ({ ...sentence, labels: told(sentence.labels) })),
  }));
  return JSON.stringify({ ...reading.answer, results }, null, 1);
}

const COLUMNS = [
  "sentence", "begin", "end", "text", "narrative", "name", "theme", "probability", "threshold", "decision", "level",
  "shown_as", "reason", "voice", "voice_probability", "words", "model", "version", "digest", "text_sha256",
];

/** One row for each tag that is shown; `level` is empty where the model decides. Offsets count code points. */
export function tagsCsv(reading) {
  const { codebook, model, whole, level } = reading;
  const rows = [COLUMNS];
  for (const sentence of reading.tagged) {
    const original = whole.sentences[sentence.index];
    for (const { label, reason } of sentence.tags) {
      const [voice, sure] = likeliest(label.voice) ?? ["", ""];
      const words = decidingWords(sentence, label.id).map((piece) => `${reading.text.slice(piece.begin, piece.end)} ${signed(piece.contribution)}`);
      rows.push([
        sentence.index + 1, original.begin, original.end, sentence.text, label.id, codebook.name(label.id), label.theme,
        label.probability, label.threshold, label.decision, level ?? "",
        shownDecision(label, level, level === null ? null : doubtOf(sentence.labels)), reason ?? "", voice, sure,
        words.join("; "), model.name, model.version, model.digest, whole.text_sha256,
      ]);
    }
  }
  return rows.map((row) => row.map(cell).join(",") + "\r\n").join("");
}

/** A cell by RFC 4180; text that a spreadsheet would take for a formula gets an apostrophe before it. */
export function cell(value) {
  let text = String(value);
  if (typeof value !== "number" && /^[=+\-@\t\r\n＝＋－＠−]/.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Copy; the second way is for pages without https. True where it worked. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "unseen";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

/** Hand the browser a file to save. */
export function save(text, name, type) {
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
