"""The analysers in plain Python: word 1-2-grams and character n-grams inside white-space-delimited chunks.

They yield the same features as scikit-learn's ``TfidfVectorizer(analyzer="word", ngram_range=(1, 2))`` and
``TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5))`` with default token pattern, which stay in the tests as
the oracle. Everything here takes *lowered* text; offsets are code points of the lowered text.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

TOKEN_PATTERN = r"(?u)\b\w\w+\b"
"""scikit-learn's default: words of two or more word characters."""

WORD_NGRAM_RANGE = (1, 2)
CHAR_NGRAM_RANGE = (2, 5)

_token = re.compile(TOKEN_PATTERN)
_chunk = re.compile(r"\S+")

Located = tuple[str, int, int]
"""A feature and its half-open span."""


def tokens(lowered: str) -> list[str]:
    """The words of a lowered text, in order."""
    return _token.findall(lowered)


def word_ngrams(words: list[str]) -> list[str]:
    """Word 1-grams, then 2-grams joined by one space."""
    return words + [f"{a} {b}" for a, b in itertools.pairwise(words)]


def chunks(lowered: str) -> list[str]:
    """The white-space-delimited chunks, in order: the units of the character n-grams."""
    return lowered.split()


def chunk_matches(lowered: str) -> Iterator[re.Match[str]]:
    """The chunks as matches with their spans."""
    return _chunk.finditer(lowered)


def chunk_ngrams(chunk: str) -> list[str]:
    """The character 2-5-grams of one chunk padded with a space on each side, with repetitions.

    A chunk shorter than n counts once, whole, and then no longer n is tried: as scikit-learn's ``char_wb``.
    """
    padded = f" {chunk} "
    length = len(padded)
    found: list[str] = []
    low, high = CHAR_NGRAM_RANGE
    for n in range(low, high + 1):
        if length <= n:
            found.append(padded)
            break
        found.extend([padded[i : i + n] for i in range(length - n + 1)])
    return found


def locate_word_ngrams(lowered: str) -> Iterator[Located]:
    """:func:`word_ngrams` with the span of each occurrence."""
    matches = [(m.group(), m.start(), m.end()) for m in _token.finditer(lowered)]
    yield from matches
    for (first, begin, _), (second, _, end) in itertools.pairwise(matches):
        yield f"{first} {second}", begin, end


def locate_char_ngrams(lowered: str) -> Iterator[Located]:
    """:func:`chunk_ngrams` of all chunks with spans; the padding spaces lie outside the spans."""
    low, high = CHAR_NGRAM_RANGE
    for match in chunk_matches(lowered):
        begin, end = match.span()
        padded = f" {match.group()} "
        length = len(padded)
        for n in range(low, high + 1):
            if length <= n:
                yield padded, begin, end
                break
            for i in range(length - n + 1):
                yield padded[i : i + n], max(begin, begin + i - 1), min(end, begin + i - 1 + n)
