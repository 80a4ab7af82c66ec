"""Lower case, with a map back to the caller's offsets.

``str.lower`` can lengthen a text (``'İ'.lower()`` is two code points), so an offset in the lowered text is not
always an offset in the original.
"""

from __future__ import annotations

from collections.abc import Sequence


def lower_with_offsets(text: str) -> tuple[str, Sequence[int]]:
    """Lower ``text`` as scikit-learn's vectorisers do, and say where each code point came from.

    Returns
    -------
    lowered : str
        ``text.lower()``, exactly.
    offsets : sequence of int, length ``len(lowered) + 1``
        ``offsets[i]`` is the index in ``text`` of the code point that ``lowered[i]`` came from;
        the last entry is ``len(text)``.
    """
    lowered = text.lower()
    if len(lowered) == len(text) and "\u0130" not in text:
        return lowered, range(len(text) + 1)
    offsets = [i for i, character in enumerate(text) for _ in character.lower()]
    offsets.append(len(text))
    return lowered, offsets


def original_span(offsets: Sequence[int], begin: int, end: int) -> tuple[int, int]:
    """Half-open span in the original text for the half-open span ``begin, end`` of the lowered one."""
    if begin >= end:
        return offsets[begin], offsets[begin]
    return offsets[begin], offsets[end - 1] + 1
