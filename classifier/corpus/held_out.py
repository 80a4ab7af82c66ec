"""The test set beside the labels: what nothing may be trained on."""

from __future__ import annotations

from pathlib import Path

from classifier.corpus.files import read_labels
from classifier.text.sentences import split_sentences


def read_held_out(labels: Path) -> list[tuple[str, str]]:
    """Place and text of every sentence of ``labels/test``; none where it is not there."""
    test = labels / "test"
    found = [(row.place, row.text) for file in sorted(test.glob("*.csv")) for row in read_labels(file)]
    for file in sorted(test.glob("**/*.txt")):
        text = file.read_text(encoding="utf-8")
        found += [(str(file), text[span.begin : span.end]) for span in split_sentences(text)]
    return found
