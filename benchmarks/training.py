"""What training costs on a corpus of any size: seconds of processor time and the most memory, stage by stage.

    python benchmarks/training.py [--sentences 100000] [--narratives 30] [--folds 5] [--jobs 2]

Writes sentences of invented words to a temporary directory (ranks follow Zipf's law and common words are short; each
narrative has words of its own; every third sentence is plain; a sentence has 26 to 29 words and some 120 characters, as
ours have), trains on them as `narratives train` does, and prints a Markdown table. The memory is that of the process,
libraries included, as the kernel counts it.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from classifier.corpus.files import write_labels
from classifier.corpus.sentence import LabelledSentence
from classifier.taxonomy import VOICES
from classifier.training.crossval import Options
from classifier.training.train import train

VOCABULARY = 60_000
LETTERS = list("abcdefghijklmnopqrstuvwxyz")


def make_words(random: np.random.Generator, n: int) -> list[str]:
    """Different words of two to ten letters, the short ones first: they are the common ones."""
    words: dict[str, None] = {}
    while len(words) < n:
        words["".join(random.choice(LETTERS, size=random.integers(2, 11)))] = None
    return sorted(words, key=len)


def make_corpus(directory: Path, n_sentences: int, n_narratives: int) -> None:
    """A taxonomy and a label file."""
    random = np.random.default_rng(0)
    words = np.array(make_words(random, VOCABULARY))
    share = 1 / np.arange(1, VOCABULARY + 1)
    narratives = [{"id": f"n{k}", "name": f"n{k}", "definition": "."} for k in range(n_narratives)]
    (directory / "taxonomy.yaml").write_text(json.dumps({"version": 1, "narratives": narratives}))
    drawn = random.choice(words, size=(n_sentences, 26), p=share / share.sum())
    carried = random.integers(0, n_narratives, size=n_sentences)
    own = random.integers(0, 40, size=(n_sentences, 3))
    voices = random.integers(0, len(VOICES), size=n_sentences)
    rows = []
    for i in range(n_sentences):
        plain = i % 3 == 0
        # 40 words of the middle ranks belong to each narrative; one sentence in ten has another's.
        k = int(carried[i] if i % 10 else carried[i - 1])
        marks = [] if plain else [str(words[1_000 + 40 * k + j]) for j in own[i]]
        labels: dict[str, str | None] = {} if plain else {f"n{carried[i]}": VOICES[voices[i]]}
        rows.append(LabelledSentence(f"s{i}", " ".join([*marks, *map(str, drawn[i])]) + ".", "en", labels))
    write_labels(directory / "rows.csv", rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=100_000)
    parser.add_argument("--narratives", type=int, default=30)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--max-features", type=int, default=200_000)
    told = parser.parse_args()
    print(f"{told.sentences:,} sentences, {told.narratives} narratives, {told.folds} folds, --jobs {told.jobs}\n")
    print("| stage | processor s | elapsed s | most memory until its end, MB |")
    print("|---|---|---|---|")
    stage, before, clock = "", 0.0, time.monotonic()

    def tell(name: str, share: float) -> None:
        nonlocal stage, before, clock
        name = name.partition(" (")[0]
        if name == stage:
            return
        used = resource.getrusage(resource.RUSAGE_SELF)
        spent = used.ru_utime + used.ru_stime
        if stage:
            elapsed = time.monotonic() - clock
            print(f"| {stage} | {spent - before:.0f} | {elapsed:.0f} | {used.ru_maxrss // 1024:,} |", flush=True)
        stage, before, clock = name, spent, time.monotonic()

    with tempfile.TemporaryDirectory() as place:
        labels = Path(place) / "labels"
        labels.mkdir()
        make_corpus(labels, told.sentences, told.narratives)
        options = Options(n_folds=told.folds, n_jobs=told.jobs, max_features=told.max_features)
        trained = train(labels, Path(place) / "models", options=options, progress=tell)
    used = resource.getrusage(resource.RUSAGE_SELF)
    micro = trained.report["cross_validation"]["all"]["micro"]["f1"]
    print(f"\nin all {used.ru_utime + used.ru_stime:.0f} s of processor time, {used.ru_maxrss // 1024:,} MB at most")
    print(f"micro F1 {micro:.3f}; {trained.model.identity.digest}")


if __name__ == "__main__":
    main()
