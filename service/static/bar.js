// A probability as a bar, with its threshold as a line across it.
import { element } from "/static/elements.js";
import { percentAgainst } from "/static/words.js";

export function bar(probability, threshold, slot) {
  const [p, t] = percentAgainst(probability, threshold);
  return element(
    "span",
    {
      class: `bar t${slot}`,
      role: "img",
      "aria-label": `probability ${p}, threshold ${t}`,
      vars: { "--p": probability.toFixed(4), "--at": threshold.toFixed(4) },
    },
    element("span", { class: "fill" }),
    element("span", { class: "threshold" }),
  );
}
