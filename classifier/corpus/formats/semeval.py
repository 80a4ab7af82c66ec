"""The layout of SemEval-2025 task 10, subtask 2.

A folder for each language (``EN``, ``RU``, ...) holds ``raw-documents/*.txt`` (or ``subtask-2-documents``) and
``subtask-2-annotations.txt``: article, tab, narratives, tab, sub-narratives, where several are joined by ``;`` and
``Other`` is none. A sub-narrative begins with its narrative: ``URW: Praise of Russia: Praise of Russian military
might``. Labels are the sub-narratives, their themes the narratives; a row is a whole article.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from classifier.corpus.files import COLUMNS, REQUIRED
from classifier.corpus.formats.foreign import (
    MAX_TEXT,
    BadRow,
    BadValue,
    ForeignLabel,
    ForeignRow,
    Format,
    Reading,
    Writing,
)
from classifier.corpus.sentence import LabelledSentence
from classifier.durable import new_directory
from classifier.errors import CorpusError

ANNOTATIONS = "subtask-2-annotations.txt"
DOCUMENTS = ("raw-documents", "subtask-2-documents")
NONE = "Other"

_language_folder = re.compile(r"[A-Za-z]{2,3}")
_language_prefix = re.compile(r"([A-Z]{2})_")
_unwritable = re.compile(r"[;\t\r\n]")


def find_annotations(path: Path) -> list[Path]:
    """The files of annotations in a folder, or in the folders in it."""
    if path.is_file():
        return [path] if path.name == ANNOTATIONS else []
    direct = path / ANNOTATIONS
    return [direct] if direct.is_file() else sorted(path.rglob(ANNOTATIONS))


def read(path: Path, reading: Reading) -> Iterator[ForeignRow | BadRow]:
    """Rows of every language; ``row`` is the line of the annotations."""
    found = find_annotations(path)
    if not found:
        raise CorpusError(f"{path}: no {ANNOTATIONS} here or in a folder in it")
    for labels in found:
        documents = next((labels.parent / name for name in DOCUMENTS if (labels.parent / name).is_dir()), None)
        if documents is None:
            raise CorpusError(f"{labels.parent}: no folder {' or '.join(DOCUMENTS)} beside {ANNOTATIONS}")
        folder = labels.resolve().parent.name
        language = folder.lower() if _language_folder.fullmatch(folder) else ""
        with labels.open("rb") as file:
            for number, line in enumerate(file, 1):
                data = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
                if not data.strip():
                    continue
                try:
                    yield _row(data, documents, language, str(labels), number, reading)
                except BadValue as error:
                    yield BadRow(str(labels), number, str(error))


def _row(line: bytes, documents: Path, language: str, source: str, number: int, reading: Reading) -> ForeignRow:
    try:
        fields = line.decode("utf-8").rstrip("\r\n").split("\t")
    except UnicodeDecodeError as error:
        raise BadValue(f"byte {error.start} is not UTF-8") from error
    if not 2 <= len(fields) <= 3:
        raise BadValue(f"{len(fields)} fields; an article, its narratives and its sub-narratives are needed, with tabs")
    article, narratives = fields[0].strip(), _parts(fields[1])
    name = article if article.endswith(".txt") else f"{article}.txt"
    if Path(name).name != name or name in (".txt", ""):
        raise BadValue(f"article {article!r} is no name of a file")
    try:
        # Bytes, so that no line end is translated.
        text = (documents / name).read_bytes().decode("utf-8")
    except FileNotFoundError as error:
        raise BadValue(f"article {name!r} is not in {documents}") from error
    except UnicodeDecodeError as error:
        raise BadValue(f"article {name!r}: byte {error.start} is not UTF-8") from error
    if len(text) > MAX_TEXT:
        raise BadValue(f"article {name!r} is longer than {MAX_TEXT:,} characters")
    identifier = name.removesuffix(".txt")
    prefix = _language_prefix.match(identifier)
    if len(fields) == 2 or reading.labels_columns == ("narratives",):
        labels = [ForeignLabel(name) for name in narratives]
    else:
        labels = [ForeignLabel(name, None, _theme(name, narratives)) for name in _parts(fields[2])]
    return ForeignRow(
        source,
        number,
        text=text,
        labels=tuple(dict.fromkeys(labels)),
        id=identifier,
        language=language or (prefix[1].lower() if prefix else ""),
    )


def _parts(field: str) -> list[str]:
    names = [part.strip() for part in field.split(";")]
    return [name for name in names if name and name != NONE]


def _theme(name: str, narratives: list[str]) -> str:
    return max((n for n in narratives if name.startswith(f"{n}: ")), key=len, default="")


def write(path: Path, rows: Iterable[LabelledSentence], writing: Writing) -> None:
    """A folder for each language. Voices, spans, groups, annotators, notes and splits have no place in the layout.

    Raises
    ------
    CorpusError
        An id that is no name of a file, stands twice, or a narrative whose name holds ``;``.
    """
    names = _names(writing)
    with new_directory(path) as aside:
        for row in rows:
            folder = aside / row.language.upper()
            file = folder / DOCUMENTS[0] / f"{row.id}.txt"
            if Path(file.name).name != f"{row.id}.txt" or _unwritable.search(row.id) or "\0" in row.id:
                raise CorpusError(f"{row.place}: id {row.id!r} is no name of a file; the layout needs one an article")
            if not row.language.isalpha():
                raise CorpusError(f"{row.place}: language {row.language!r} is no name of a folder")
            file.parent.mkdir(parents=True, exist_ok=True)
            if file.exists():
                raise CorpusError(f"{row.place}: id {row.id!r} stands twice")
            file.write_bytes(row.text.encode("utf-8"))
            pairs = [names.get(label, (label, label)) for label in row.labels]
            coarse = ";".join(dict.fromkeys(theme for theme, _ in pairs)) or NONE
            fine = ";".join(name for _, name in pairs) or NONE
            with (folder / ANNOTATIONS).open("a", encoding="utf-8", newline="\n") as listed:
                listed.write(f"{row.id}.txt\t{coarse}\t{fine}\n")


def _names(writing: Writing) -> dict[str, tuple[str, str]]:
    """Narrative id -> (narrative, sub-narrative) in the layout's words."""
    names: dict[str, tuple[str, str]] = {}
    for theme in writing.taxonomy.themes if writing.taxonomy else ():
        for narrative in theme.narratives:
            # A taxonomy that was made from this layout has the theme in the name already.
            own = narrative.name.startswith(f"{theme.name}: ")
            names[narrative.id] = (theme.name, narrative.name if own else f"{theme.name}: {narrative.name}")
            if any(_unwritable.search(name) for name in names[narrative.id]):
                raise CorpusError(f"{narrative.id}: the name {narrative.name!r} holds ';' or a line break; rename it")
    return names


FORMAT = Format(
    "semeval",
    read,
    write,
    loses=("voices", *COLUMNS[len(REQUIRED) :]),
    is_folder=True,
)
