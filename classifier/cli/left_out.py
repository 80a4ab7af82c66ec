"""What readers left out on purpose, and what they assumed."""

from __future__ import annotations

from rich.console import Console

from classifier.batch.records import Tally


def print_left_out(console: Console, tally: Tally) -> None:
    """Print a line for each reason, the most frequent first."""
    for told, counts in (("left out", tally.skipped), ("note", tally.remarks)):
        for reason, count in counts.most_common():
            console.print(f"{told}: {reason}: {count:,}", markup=False, highlight=False)
