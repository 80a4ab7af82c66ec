"""Several annotators of one text: what most of them said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from classifier.corpus.formats.foreign import ForeignLabel


def agree(votes: Sequence[Iterable[ForeignLabel]]) -> tuple[tuple[ForeignLabel, ...], str]:
    """Labels that more than half of the annotators gave, and a note naming those on which they differed.

    A label's voice is the one that most of those who gave the label heard; none where no voice leads.

    Returns
    -------
    labels : tuple of ForeignLabel
        In order of first mention.
    note : str
        Empty where all agree.
    """
    if len(votes) == 1:
        return tuple(votes[0]), ""
    counts: Counter[tuple[str, str]] = Counter()
    voices: dict[tuple[str, str], Counter[str | None]] = {}
    for vote in votes:
        for name, theme in dict.fromkeys((label.name, label.theme) for label in vote):
            counts[name, theme] += 1
        for label in vote:
            voices.setdefault((label.name, label.theme), Counter())[label.voice] += 1
    labels = tuple(
        ForeignLabel(name, _leading(voices[name, theme]), theme)
        for (name, theme), count in counts.items()
        if 2 * count > len(votes)
    )
    split = [f"{name} {count} of {len(votes)}" for (name, _), count in counts.items() if count < len(votes)]
    return labels, f"annotators differ: {', '.join(split)}" if split else ""


def _leading(voices: Counter[str | None]) -> str | None:
    (first, n), *rest = voices.most_common()
    return first if not rest or n > rest[0][1] else None
