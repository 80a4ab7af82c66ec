// What is shown as tagged: the model's decisions, or those of a level that the reader sets.

/**
 * The decision that is shown for one label.
 *
 * `level` is null (as the model decides) or a probability. A level tags from that probability on. It does not overrule
 * the model's "unfamiliar" and "short": nothing is decided there, `doubt` says so, and the tag stays unsure.
 */
export function shownDecision(label, level, doubt) {
  if (level === null) return label.decision;
  if (label.probability < level) return "no";
  return doubt ? "unsure" : "yes";
}

/** Why nothing can be decided in this sentence or text ("unfamiliar", "short"), or null. */
export function doubtOf(labels) {
  return labels.find((label) => label.reason === "unfamiliar" || label.reason === "short")?.reason ?? null;
}

/** Labels that are shown as tags, likeliest first; `filter` is a set of narrative ids, empty for all. */
export function tagsOf(labels, level, filter) {
  const doubt = level === null ? null : doubtOf(labels);
  const tags = [];
  for (const label of labels) {
    if (filter.size && !filter.has(label.id)) continue;
    const decision = shownDecision(label, level, doubt);
    if (decision === "no") continue;
    const reason = level === null ? label.reason : doubt;
    tags.push({ label, decision, reason: decision === "unsure" ? (reason ?? null) : null });
  }
  return tags.sort((a, b) => Number(b.decision === "yes") - Number(a.decision === "yes") || b.label.probability - a.label.probability);
}
