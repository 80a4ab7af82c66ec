"""What of a judged text is labelled: the corpus holds sentences, users may send more."""

from __future__ import annotations

from classifier.feedback import StoredFeedback
from classifier.text.sentences import Span, split_units


def judged_span(row: StoredFeedback, unit: str) -> Span | None:
    """Where the sentence (or paragraph, or text: the codebook's unit) stands that a verdict is about.

    With the user's span it is what that touches; without one it is the whole text where that is one unit. None where it
    is several and nobody said which.
    """
    units = split_units(row.text, unit, row.language)
    if row.begin is not None and row.end is not None:
        begin, end = row.begin, row.end
        units = [u for u in units if u.begin < end and u.end > begin]
        return Span(units[0].begin, units[-1].end) if units else None
    return units[0] if len(units) == 1 else None


def judged_piece(row: StoredFeedback, unit: str) -> str | None:
    """The text of :func:`judged_span`."""
    span = judged_span(row, unit)
    return None if span is None else row.text[span.begin : span.end]
