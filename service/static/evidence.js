// Which words of a sentence are shown as having decided.

const FOR = 7;
const AGAINST = 4;

/** The strongest words for a narrative and, after them, against it; each with `begin`, `end` and `contribution`. */
export function decidingWords(sentence, narrative) {
  const pieces = sentence.evidence.filter((piece) => piece.label === narrative);
  const speakFor = pieces.filter((piece) => piece.contribution > 0).sort((a, b) => b.contribution - a.contribution);
  const speakAgainst = pieces.filter((piece) => piece.contribution < 0).sort((a, b) => a.contribution - b.contribution);
  return [...speakFor.slice(0, FOR), ...speakAgainst.slice(0, AGAINST)];
}
