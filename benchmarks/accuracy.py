"""The project's own test set and its neutral articles, at the thresholds that the model ships with.

    python benchmarks/accuracy.py [peers.json]

``peers.json`` comes from ``benchmarks/peers.py``. Prints Markdown tables. The test set (``labels/test/*.csv``) and the
neutral articles (``labels/test/neutral``) were
written by other hands than the training sentences; nothing is trained, chosen or tuned on them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from classifier import load_model
from classifier.corpus.files import read_labels
from classifier.training.baselines import keyword_rules, read_keywords
from classifier.training.evaluation import evaluate_test_sets
from classifier.training.metrics import measure


def main() -> None:
    """Measure and print."""
    root = Path(__file__).resolve().parent.parent
    labels = root / "labels"
    peers = json.loads(Path(sys.argv[1]).read_text("utf-8")) if len(sys.argv) > 1 else {}
    model = load_model(root / "models")
    found = evaluate_test_sets(model, labels / "test")
    keywords = read_keywords(model.taxonomy, labels / "cues")
    print(f"model {model.identity.version}, {model.identity.digest}\n")
    print("| test set | sentences | labels | micro F1 | 95 % | macro F1 | average precision | plain tagged | ECE |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, report in found["sets"].items():
        rows = read_labels(labels / "test" / f"{name}.csv")
        y = np.array([[n in row.labels for n in model.ids] for row in rows])
        y_pred = keyword_rules([row.text for row in rows], keywords)
        rules = measure(model.ids, y, y_pred, y_pred.astype(np.float64), np.arange(len(rows)))
        told_figures = [(name, report["all"]), (f"{name}, keyword rules", rules)]
        for peer, given in peers.get("peers", {}).items():
            if peer.startswith(f"{name}: "):
                p = np.array(given["probabilities"])[:, [peers["ids"].index(n) for n in model.ids]]
                found_by_peer = measure(model.ids, y, p >= given["threshold"], p, np.arange(len(rows)))
                told_figures.append((peer.replace(":", ","), found_by_peer))
        for told, f in told_figures:
            low, high = f["micro"]["f1_interval"]
            print(
                f"| {told} | {f['n_sentences']} | {int(y.sum())} | {f['micro']['f1']:.3f} | {low:.3f} to {high:.3f} "
                f"| {f['macro']['f1']:.3f} | {f['micro']['average_precision']:.3f} | {f['plain']['tagged']:.1%} "
                f"| {f['ece']:.3f} |"
            )
    print("\n| voice, among narratives found | pairs | accuracy | asserted | attributed | rejected |")
    print("|---|---|---|---|---|---|")
    for name, report in found["sets"].items():
        voices = report["voices_found"]
        recalls = " | ".join(f"{v['recall']:.2f} of {v['support']}" for v in voices["voices"].values())
        print(f"| {name} (recall of each) | {voices['n_pairs']} | {voices['accuracy']:.3f} | {recalls} |")
    print("\n| neutral articles | articles | with a narrative at text level | sentences | sentences tagged |")
    print("|---|---|---|---|---|")
    for name, f in found["neutral"].items():
        share = f["sentences_tagged"] / f["n_sentences"]
        print(
            f"| {name} | {f['n_articles']} | {f['articles_tagged']} | {f['n_sentences']} "
            f"| {f['sentences_tagged']} ({share:.1%}) |"
        )


if __name__ == "__main__":
    main()
