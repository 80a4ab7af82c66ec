"""The first files of somebody's own labels."""

from __future__ import annotations

from pathlib import Path

from classifier.corpus.files import COLUMNS, header_line
from classifier.durable import new_file
from classifier.errors import CorpusError

_HEAD = """\
# The codebook: what may be found in a text, and what counts as it. Replace the examples by your own.
#
# After a change: narratives labels check {directory}
version: 1

# What one row of the label files is, and what a label stands for: sentence, paragraph (a line) or text (all of it).
unit: sentence

# false: each unit carries one narrative at most, the likeliest.
multilabel: true

# How a text stands to what it carries. Write the voice beside the narrative in the label files (climate-hoax:rejected)
# or leave it out there; without any voice the model gives none. These three or none: remove them if you need none.
voices:
  asserted: the text itself makes the claim, or passes it on with approval
  attributed: the text reports that somebody else makes the claim, and takes no side
  rejected: the text denies, debunks or ridicules the claim, or reports somebody who does

# For borders on which annotators differ; one line each. They are for people: nothing is computed from them.
rules:
  - Read a unit as it stands; what only its surroundings reveal is not labelled.

"""

_NARRATIVES = (
    (
        "climate-hoax",
        "Climate change is a hoax",
        "Climate change is invented, exaggerated, or not caused by people.",
        "doctored measurements; scientists who are paid to say so",
        "doubts about one measure against it",
    ),
    (
        "climate-too-costly",
        "Climate policy ruins us",
        "Measures against climate change destroy jobs, prosperity or freedom.",
        "",
        "figures of what a measure costs, reported plainly",
    ),
)

_FIELDS = """\
# id: lower-case a-z, digits and single hyphens; it stands in the label files, and must not change once labels use it.
# name and definition: required, in any language. includes, excludes: what the definition leaves open.
"""

README = """\
# Labels

`taxonomy.yaml` is the codebook; `labels.csv` holds the labelled rows. Every `*.csv` here is read, so rows may lie in
several files. Plain UTF-8, comma-separated; a field that holds commas, quotation marks or line breaks stands in
"double quotes".

| column | |
|---|---|
| `id` | required; unique over all files |
| `text` | required; one unit: a sentence, a paragraph or a whole text, as `unit` in `taxonomy.yaml` says |
| `language` | required; ISO 639, such as `en` |
| `narratives` | required; ids joined by `;`, with a voice or without: `climate-hoax:rejected;climate-too-costly` |
| `origin` | `written` (or empty), `article` (then `file`, `begin`, `end`), `imported` or `feedback` |
| `file`, `begin`, `end` | where the text was cut from: half-open, in code points |
| `group` | rows that share it never straddle a split: sentences of one article, posts of one author |
| `annotators` | who labelled it, joined by `;` |
| `register` | wire, headline, post, ...: figures are told for each |
| `note` | why, where it was not plain |
| `split` | empty or `train` for training; any other name holds the row out, to be measured under that name |
| `date` | when it was published, as `2025-06-28`: `narratives report` then tells how the model does on later texts |
| `outlet` | who published it: site, channel, author; the report then tells how it does on unseen ones |

Columns after the fourth may be left out. Rows whose `narratives` are empty carry none, and are needed too: a model
learns from them what not to tag. Rows that nobody has labelled yet do not belong here: keep them in a file of their
own with `?` under `narratives`; an import passes over those. A label file holds rows only: comments go into `note`.

For example:

```csv
id,text,language,narratives
a1,"They doctor the measurements, and everybody knows it.",en,climate-hoax:asserted
a2,"The warming is no hoax, the institute replied.",en,climate-hoax:rejected
a3,The weather service expects rain.,en,
```

```sh
narratives labels import FILE --labels {directory}     # from a spreadsheet or another tool
narratives labels check {directory}
narratives train --labels {directory} --models MODELS
```
"""


def example_taxonomy(directory: str, *, flat: bool = False) -> str:
    """The commented ``taxonomy.yaml`` that :func:`lay_out` writes."""
    lines = [_HEAD.format(directory=directory)]
    if flat:
        lines.append("# One level. For two, write themes, each with narratives of its own: narratives init --help\n")
        lines.append(_FIELDS + "narratives:\n" + "".join(_narrative(n, "  ") for n in _NARRATIVES))
        return "".join(lines)
    lines.append(
        "# Two levels: themes group narratives. For one level, write narratives: at the left margin instead.\n"
    )
    lines.append(_FIELDS + "themes:\n")
    for theme, name, narrative in (
        ("denial", "Denial", _NARRATIVES[0]),
        ("policy", "Against climate policy", _NARRATIVES[1]),
    ):
        lines.append(f"  - id: {theme}\n    name: {name}\n    narratives:\n" + _narrative(narrative, "      "))
    return "".join(lines)


def _narrative(fields: tuple[str, str, str, str, str], indent: str) -> str:
    names = ("id", "name", "definition", "includes", "excludes")
    lines = [f"{name}: {field}" for name, field in zip(names, fields, strict=True) if field]
    return f"{indent}- " + f"\n{indent}  ".join(lines) + "\n"


def lay_out(directory: str | Path, *, flat: bool = False) -> list[Path]:
    """Write ``taxonomy.yaml``, ``labels.csv`` (its header) and ``README.md`` into a directory.

    Raises
    ------
    CorpusError
        One of them is there already; nothing is written then.
    """
    directory = Path(directory)
    files = {
        directory / "taxonomy.yaml": example_taxonomy(str(directory), flat=flat),
        directory / "labels.csv": header_line(COLUMNS),
        directory / "README.md": README.replace("{directory}", str(directory)),
    }
    there = [str(path) for path in files if path.exists()]
    if directory.exists() and not directory.is_dir():
        there = [str(directory)]
    if there:
        raise CorpusError(f"{', '.join(there)}: there already; name another directory")
    for path, content in files.items():
        with new_file(path) as aside:
            aside.write_text(content, encoding="utf-8", newline="\n")
    return list(files)


def is_example(path: Path) -> bool:
    """Whether a ``taxonomy.yaml`` is the example as it was laid out, in any directory."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    mark = "narratives labels check "
    lines = [mark if mark in line else line for line in text.splitlines()]
    return any(
        lines == [mark if mark in line else line for line in example_taxonomy("", flat=flat).splitlines()]
        for flat in (False, True)
    )
