"""How fast the scorer is beside scikit-learn and fastText: one process, interleaved, one core, medians and ratios.

    python benchmarks/rate.py [fasttext.bin PYTHON]    # PYTHON has fasttext, which wants numpy < 2

Prints Markdown tables. Texts are sentences of ``labels/``, no two the same within a round up to the number of sentences
there; each round scores the same texts with each, one after the other, so that a drift of the machine's speed hits all.
"""

from __future__ import annotations

import json
import os
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROUNDS = 5
ROOT = Path(__file__).resolve().parent.parent


def timed(predict: Callable[[list[str]], object], texts: list[str], batch: int) -> float:
    """Seconds for one text."""
    batches = [texts[i : i + batch] for i in range(0, len(texts), batch)]
    start = time.perf_counter()
    for part in batches:
        predict(part)
    return (time.perf_counter() - start) / len(texts)


def scoring(model: Any, pipeline: Any, sentences: dict[str, list[str]]) -> None:
    """Ours beside scikit-learn's pipeline of the same arrays."""
    print("| text | sentences at once | ours, per second | scikit-learn, per second | ratio |")
    print("|---|---|---|---|---|")
    for language, found in sentences.items():
        for batch, n_ours, n_theirs in ((1, 20_000, 300), (100, 50_000, 3_000), (100_000, 100_000, 10_000)):
            ours_texts = (found * (n_ours // len(found) + 1))[:n_ours]
            ours, theirs = [], []
            for _ in range(ROUNDS):
                ours.append(timed(model.predict_proba, ours_texts, batch))
                theirs.append(timed(pipeline.predict_proba, ours_texts[:n_theirs], batch))
            ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
            a, b = statistics.median(ours), statistics.median(theirs)
            print(f"| {language} | {batch:,} | {1 / a:,.0f} | {1 / b:,.0f} | {ratio:,.0f} |", flush=True)


def answering(model: Any, sentences: dict[str, list[str]]) -> None:
    """The whole call: sentence splitting, decisions, voices; with and without evidence."""
    print("\n| whole answers (`model.score`), one text at a time | texts per second | microseconds for a text |")
    print("|---|---|---|")
    draw = random.Random(0)
    for language, found in sentences.items():
        short = draw.sample(found, 2_000)
        articles = [" ".join(draw.sample(found, 30)) for _ in range(100)]
        size = round(statistics.mean(map(len, articles)), -2)
        for unit, texts in (("one sentence", short), (f"30 sentences, {size:,.0f} characters", articles)):
            for name, explain in (("no evidence", None), ("five n-grams of evidence for each label", 5)):
                seconds = statistics.median(
                    timed(lambda one, explain=explain: model.score(one, explain=explain), texts, 1)
                    for _ in range(ROUNDS)
                )
                print(f"| {language}, {unit}, {name} | {1 / seconds:,.0f} | {seconds * 1e6:,.0f} |", flush=True)


def vectorising(texts: list[str]) -> None:
    """Features for training beside scikit-learn's pair of vectorisers."""
    import numpy as np
    from scipy import sparse
    from sklearn.feature_extraction.text import TfidfVectorizer

    from classifier.training.features import CHAR_OPTIONS, WORD_OPTIONS, count_ngrams, fit_features

    ours, theirs = [], []
    for _ in range(3):
        start = time.perf_counter()
        counts = count_ngrams(texts)
        rows = np.arange(len(texts))
        X = fit_features(counts, rows).transform(counts, rows)
        ours.append(time.perf_counter() - start)
        start = time.perf_counter()
        pair = [TfidfVectorizer(sublinear_tf=True, min_df=2, **o) for o in (WORD_OPTIONS, CHAR_OPTIONS)]
        Y = sparse.hstack([v.fit_transform(texts) for v in pair], format="csr")
        theirs.append(time.perf_counter() - start)
    ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
    print("\n| vectorising for training | seconds | ratio | largest difference |")
    print("|---|---|---|---|")
    print(
        f"| {len(texts):,} sentences, {X.shape[1]:,} features | {statistics.median(ours):.2f} against "
        f"{statistics.median(theirs):.2f} | {ratio:.1f} | {abs(X - Y).max():.1g} (idf is rounded to float32) |"
    )


def starting() -> None:
    """Import and first prediction in a process of its own."""
    program = (
        "import time; t = time.perf_counter(); from classifier import load_model; m = load_model(); "
        "m.predict_proba(['War is inevitable.']); print(time.perf_counter() - t, next("
        "int(l.split()[1]) / 1024 for l in open('/proc/self/status') if l.startswith('VmRSS')))"
    )
    seconds, memory = [], []
    for _ in range(ROUNDS):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
        a, b = done.stdout.split()
        seconds.append(float(a))
        memory.append(float(b))
    print("\n| start | |")
    print("|---|---|")
    print(f"| import, load and first prediction, beyond Python's own start | {statistics.median(seconds):.2f} s |")
    print(f"| resident memory after it | {statistics.median(memory):.0f} MB |")


def growing(model: Any, sentence: str) -> None:
    """Time for one text of growing length."""
    print("\n| one text of | seconds | microseconds for a kilobyte |")
    print("|---|---|---|")
    for size in (10_000, 100_000, 1_000_000, 10_000_000):
        text = (sentence + " ") * (size // (len(sentence) + 1))
        best = min(timed(model.predict_proba, [text], 1) for _ in range(3))
        print(f"| {size:,} characters | {best:.4f} | {best / size * 1e9:.1f} |", flush=True)


def fasttext_beside(path: str, python: str, model: Any, sentences: dict[str, list[str]]) -> None:
    """fastText in its own process (it wants numpy < 2), on the same core, turn by turn."""
    print("\n| text | ours, per second | fastText (wordNgrams 2, minn 2, maxn 5), per second | ratio |")
    print("|---|---|---|---|")
    program = (
        "import sys, json, time, fasttext; m = fasttext.load_model(sys.argv[1]); "
        "texts = json.loads(sys.stdin.readline())\n"
        "for line in sys.stdin:\n"
        "    t = time.perf_counter(); m.predict(texts, k=-1); print((time.perf_counter() - t) / len(texts), flush=True)"
    )
    for language, found in sentences.items():
        texts = [" ".join(t.lower().split()) for t in found[:5_000]]
        with subprocess.Popen(
            [python, "-c", program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as peer:
            assert peer.stdin is not None
            assert peer.stdout is not None
            peer.stdin.write(json.dumps(texts) + "\n")
            ours, theirs = [], []
            for _ in range(ROUNDS):
                peer.stdin.write("go\n")
                peer.stdin.flush()
                theirs.append(float(peer.stdout.readline()))
                ours.append(timed(model.predict_proba, texts, len(texts)))
            peer.stdin.close()
        ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
        a, b = statistics.median(ours), statistics.median(theirs)
        print(f"| {language} | {1 / a:,.0f} | {1 / b:,.0f} | {ratio:.1f} |", flush=True)


def main() -> None:
    """Measure and print."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[-1]})
    from classifier import engine, load_model
    from classifier.corpus.files import read_labels
    from classifier.training.export import to_pipeline

    model = load_model(ROOT / "models")
    rows = read_labels(ROOT / "labels")
    sentences = {code: [row.text for row in rows if row.language == code] for code in ("en", "ru")}
    print(
        f"engine: {engine}; model {model.identity.version}, {len(model.coef_):,} features x {len(model.ids)} labels\n"
    )
    scoring(model, to_pipeline(model), sentences)
    if len(sys.argv) == 3:
        fasttext_beside(sys.argv[1], sys.argv[2], model, sentences)
    answering(model, sentences)
    starting()
    growing(model, sentences["en"][0])
    vectorising([row.text for row in rows])
    print(
        f"\nlargest resident memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB"
    )


if __name__ == "__main__":
    main()
