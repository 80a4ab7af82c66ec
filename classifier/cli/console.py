"""Where tables are printed."""

from __future__ import annotations

import sys

from rich.console import Console

FILE_WIDTH = 160
"""Columns where the output is a file or a pipe: wide enough that no table is cut."""


def table_console() -> Console:
    """Standard output, as wide as the terminal, or :data:`FILE_WIDTH` where there is none."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else FILE_WIDTH)
