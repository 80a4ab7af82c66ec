"""How fast the scorer is beside scikit-learn with the same model: one process, interleaved, medians and ratios.

    python benchmarks/rate.py

Prints a Markdown table. Texts are the sentences of the five articles, repeated; each round scores the same texts with
both, one after the other, so that a drift of the machine's speed hits both.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

from classifier import load_model, split_sentences
from classifier.training.export import to_pipeline

ROUNDS = 5


def timed(predict: Callable[[list[str]], object], batches: list[list[str]]) -> float:
    """Seconds that all batches take."""
    start = time.perf_counter()
    for texts in batches:
        predict(texts)
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    root = Path(__file__).resolve().parent.parent
    model = load_model(root / "models")
    pipeline = to_pipeline(model)
    sentences = []
    for path in sorted((root / "seeds").glob("*.txt")):
        text = path.read_bytes().decode("utf-8")
        sentences += [text[s.begin : s.end] for s in split_sentences(text)]
    print("| sentences at once | ours, per second | scikit-learn, per second | ratio |")
    print("|---|---|---|---|")
    for batch, n_texts in ((1, 200), (len(sentences), len(sentences)), (5_000, 5_000)):
        texts = (sentences * (n_texts // len(sentences) + 1))[:n_texts]
        batches = [texts[i : i + batch] for i in range(0, len(texts), batch)]
        ours, theirs = [], []
        for _ in range(ROUNDS):
            ours.append(timed(model.predict_proba, batches))
            theirs.append(timed(pipeline.predict_proba, batches))
        ratios = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
        print(
            f"| {batch} | {n_texts / statistics.median(ours):,.0f} | {n_texts / statistics.median(theirs):,.0f} "
            f"| {ratios:.1f} |"
        )


if __name__ == "__main__":
    main()
