"""The project's own test set and its neutral articles, at the thresholds that the model ships with.

    python benchmarks/accuracy.py

Prints Markdown tables. The test set (``labels/test/*.csv``) and the neutral articles (``labels/test/neutral``) were
written by other hands than the training sentences; nothing is trained, chosen or tuned on them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from classifier import load_model
from classifier.corpus.files import read_labels
from classifier.training.baselines import keyword_rules, read_keywords
from classifier.training.evaluation import evaluate_model
from classifier.training.metrics import measure


def main() -> None:
    """Measure and print."""
    root = Path(__file__).resolve().parent.parent
    labels = root / "labels"
    model = load_model(root / "models")
    keywords = read_keywords(model.taxonomy, labels / "cues")
    print(f"model {model.identity.version}, {model.identity.digest}\n")
    print("| test set | sentences | labels | micro F1 | 95 % | macro F1 | average precision | plain tagged | ECE |")
    print("|---|---|---|---|---|---|---|---|---|")
    heard = []
    for language in ("en", "ru"):
        rows = read_labels(labels / "test" / f"{language}.csv")
        report = evaluate_model(model, rows)
        y = np.array([[n in row.labels for n in model.ids] for row in rows])
        y_pred = keyword_rules([row.text for row in rows], keywords)
        rules = measure(model.ids, y, y_pred, y_pred.astype(np.float64), np.arange(len(rows)))
        for name, f in ((language, report["all"]), (f"{language}, keyword rules", rules)):
            low, high = f["micro"]["f1_interval"]
            print(
                f"| {name} | {f['n_sentences']} | {int(y.sum())} | {f['micro']['f1']:.3f} | {low:.3f} to {high:.3f} "
                f"| {f['macro']['f1']:.3f} | {f['micro']['average_precision']:.3f} | {f['plain']['tagged']:.1%} "
                f"| {f['ece']:.3f} |"
            )
        heard.append((language, report["voices_found"]))
    print("\n| voice, among narratives found | pairs | accuracy | asserted | attributed | rejected |")
    print("|---|---|---|---|---|---|")
    for language, voices in heard:
        recalls = " | ".join(f"{v['recall']:.2f} of {v['support']}" for v in voices["voices"].values())
        print(f"| {language} (recall of each) | {voices['n_pairs']} | {voices['accuracy']:.3f} | {recalls} |")
    print("\n| neutral articles | articles | with a narrative at text level | sentences | sentences tagged |")
    print("|---|---|---|---|---|")
    for language in ("en", "ru"):
        texts = [p.read_text(encoding="utf-8") for p in sorted((labels / "test" / "neutral" / language).glob("*.txt"))]
        results = model.score(texts, explain=None).results
        tagged = sum(any(d.decision == "yes" for d in r.labels) for r in results)
        sentences = [s for r in results for s in r.sentences]
        hit = sum(any(d.decision == "yes" for d in s.labels) for s in sentences)
        print(f"| {language} | {len(results)} | {tagged} | {len(sentences)} | {hit} ({hit / len(sentences):.1%}) |")


if __name__ == "__main__":
    main()
