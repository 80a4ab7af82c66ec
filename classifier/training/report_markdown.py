"""A report as Markdown: every table; plots are told in words."""

from __future__ import annotations

from collections.abc import Sequence

from classifier.training.card import table_cell
from classifier.training.page_parts import Contents, Paragraph, Table


def to_markdown(contents: Contents) -> str:
    """The whole file. Texts are escaped, so that none becomes markup."""
    lines = [f"# {_line(contents.title)}", ""]
    for section in contents.sections:
        lines += [f"## {_line(section.title)}", ""]
        for block in section.blocks:
            if isinstance(block, Paragraph):
                lines += [_line(block.text), ""]
            elif isinstance(block, Table):
                marks = ["---" if heading in block.words else "---:" for heading in block.headings]
                lines += [
                    f"{_line(block.caption)}:",
                    "",
                    _row(block.headings),
                    "|" + "|".join(marks) + "|",
                    *map(_row, block.rows),
                    "",
                ]
    return "\n".join(lines).encode("utf-8", "replace").decode("utf-8")


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_line(cell) for cell in cells) + " |"


def _line(text: str) -> str:
    return table_cell(text, width=10_000).replace("&", "&amp;")
