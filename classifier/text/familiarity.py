"""How much of a text the model can read: the share of its words that training has seen."""

from __future__ import annotations

from collections.abc import Sequence, Set


def known_share(words: Sequence[str], known: Set[str]) -> float:
    """Known words as a share of all words, 0 to 1; 0 where there is no word at all.

    Words are those of :func:`classifier.text.ngrams.tokens`, repeated ones counted each time.
    """
    if not words:
        return 0.0
    return sum(word in known for word in words) / len(words)
