"""Golden texts: a few texts with the logits that a model gave for them when it was made.

They travel with the model. One that gives other figures on them must not be promoted: its files are whole (the
hashes say so), yet this machine or release computes something else.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from classifier.errors import ModelCorrupt
from classifier.model.scoring import NarrativeModel

TOLERANCE = 1e-5
"""Largest difference of a logit that rounding explains: the compiled scorer holds weights in single precision."""

HOSTILE_TEXTS = (
    "",
    " \n\t ",
    "a" * 5000,
    "İSTANBUL'DA İKİ TOPLANTI",
    "ΟΔΥΣΣΕΥΣ ΣΤΗΝ ΑΘΗΝΑ",
    "\ud800 lone surrogate",
    "NUL \x00 inside",
    '"' * 300,
    "ﬁ ligature, ½, ①, 🇦🇿🔥, e\u0301",
)
"""Texts on which implementations tend to differ."""


def make_golden(model: NarrativeModel, texts: list[str]) -> list[dict[str, Any]]:
    """The texts with their logits, as plain JSON types (a text as the hex of its UTF-8, for lone surrogates)."""
    logits = model.decision_function(texts)
    return [
        {"text": text.encode("utf-8", "surrogatepass").hex(), "logits": row.tolist()}
        for text, row in zip(texts, logits, strict=True)
    ]


def golden_texts(model: NarrativeModel) -> list[str]:
    """The texts. Raises :class:`ModelCorrupt` where ``golden.json`` holds something else."""
    try:
        return _decode(model.golden)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelCorrupt(f"{model.path}: golden.json holds what is no text with logits: {error!r}") from error


def _decode(golden: list[dict[str, Any]]) -> list[str]:
    return [bytes.fromhex(entry["text"]).decode("utf-8", "surrogatepass") for entry in golden]


def check_golden(model: NarrativeModel, golden: list[dict[str, Any]]) -> None:
    """Raise :class:`ModelCorrupt` where the model does not give the logits that it was made with."""
    try:
        texts = _decode(golden)
        expected = np.array([entry["logits"] for entry in golden], dtype=np.float64).reshape(len(texts), len(model.ids))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelCorrupt(f"{model.path}: golden.json holds what is no text with logits: {error!r}") from error
    difference = np.abs(model.decision_function(texts) - expected)
    if difference.size and not difference.max() <= TOLERANCE:
        row = int(difference.max(axis=1).argmax())
        raise ModelCorrupt(
            f"{model.path}: golden text {row} scores {difference.max():.2g} off what it scored in training; "
            "this release computes something else, retrain the model"
        )
