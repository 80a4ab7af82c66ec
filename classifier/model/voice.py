"""Asserted, attributed or rejected: a softmax over the same n-grams, with a bias for each narrative."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from classifier.model.answer import Voice


@dataclass(frozen=True, slots=True)
class VoiceHead:
    """The biases of a fitted head, columns in the order of :data:`classifier.taxonomy.VOICES`.

    Parameters
    ----------
    intercept : ndarray of float64, shape (n_narratives, 3)
    """

    intercept: npt.NDArray[np.float64]

    def predict_proba(self, outputs: Sequence[float], narrative: int) -> Voice:
        """Voice of one narrative from a sentence's three linear outputs."""
        logits = [output + bias for output, bias in zip(outputs, self.intercept[narrative].tolist(), strict=True)]
        largest = max(logits)
        asserted, attributed, rejected = [math.exp(logit - largest) for logit in logits]
        total = asserted + attributed + rejected
        return Voice(asserted / total, attributed / total, rejected / total)


def mean_voice(voices: Sequence[Voice], weights: Sequence[float]) -> Voice:
    """Weighted mean of voices: a text's voice from its sentences', weighted by their probabilities."""
    if len(voices) == 1:
        return voices[0]  # exactly, so that a text of one sentence agrees with it
    # Added up one by one: what `sum` does to floats differs between versions of Python.
    asserted = attributed = rejected = total = 0.0
    for voice, weight in zip(voices, weights, strict=True):
        asserted += voice.asserted * weight
        attributed += voice.attributed * weight
        rejected += voice.rejected * weight
        total += weight
    return Voice(asserted / total, attributed / total, rejected / total)
