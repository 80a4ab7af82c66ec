// Figures and short phrases, as the page writes them.

/** 0.9946 -> "99%"; the ends are never claimed. */
export function percent(probability) {
  if (probability > 0.995) return ">99%";
  if (probability < 0.005) return "<1%";
  return `${Math.round(probability * 100)}%`;
}

/** A probability and its threshold, with decimals where whole per cents would hide which is larger. */
export function percentAgainst(probability, threshold) {
  const [p, t] = [percent(probability), percent(threshold)];
  if (p !== t) return [p, t];
  const exact = (value) => `${(value * 100).toFixed(2)}%`;
  return probability === threshold ? [p, t] : [exact(probability), exact(threshold)];
}

export const signed = (value) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(2);

export const count = (n, one, many = `${one}s`) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

/** ["a", "b", "c"] -> "a, b and c"; keeps elements as they are. */
export function listed(items) {
  return items.flatMap((item, k) => {
    if (k === 0) return [item];
    return [k === items.length - 1 ? " and " : ", ", item];
  });
}

export const REASONS = {
  close: "Unsure: below the threshold, yet too likely for a no.",
  unfamiliar: "Unsure: the model knows too few of these words.",
  short: "Unsure: too few words to decide anything.",
};

export const VOICES = {
  asserted: "the text itself makes the claim",
  attributed: "the text reports that somebody else makes it",
  rejected: "the text denies it or argues against it",
};

/** The likeliest voice as [id, probability], or null. */
export function likeliest(voice) {
  if (!voice) return null;
  return Object.entries(voice).reduce((best, pair) => (pair[1] > best[1] ? pair : best));
}
