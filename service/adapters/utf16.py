"""Offsets in UTF-16 code units, as Java and JavaScript count them, and back to code points."""

from __future__ import annotations

from bisect import bisect_left


class Utf16Offsets:
    """Both ways for one text. Half-open spans stay half-open."""

    def __init__(self, text: str) -> None:
        self.length = len(text)
        # Where the characters stand that take two code units: in code points, and in code units.
        self._wide = [] if text.isascii() else [place for place, c in enumerate(text) if c > "\uffff"]
        self._wide_units = [place + before for before, place in enumerate(self._wide)]

    def to_units(self, offset: int) -> int:
        """Code points to code units."""
        return offset + bisect_left(self._wide, offset)

    def to_code_points(self, offset: int) -> int:
        """Code units to code points.

        Raises
        ------
        ValueError
            Outside the text, or in the middle of a character.
        """
        before = bisect_left(self._wide_units, offset)
        found = offset - before
        if not 0 <= found <= self.length:
            raise ValueError(
                f"{offset} lies outside the text, which has {self.to_units(self.length)} UTF-16 code units"
            )
        if before and self._wide_units[before - 1] == offset - 1:
            raise ValueError(f"{offset} lies in the middle of a character")
        return found
