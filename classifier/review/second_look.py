"""The list of doubtful rows as CSV, and its decisions back into the label files.

A decision is ``keep``, ``drop``, ``none`` (the row carries no narrative), or the narratives that it carries, as in a
label file (``russophobia:attributed;information-war``); empty where nobody has decided. Only rows whose text and
narratives are still as listed are touched. Each label file is replaced in one step; a run that is killed between two
files is finished by running it again.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from classifier.corpus.files import format_narratives, parse_narratives, read_labels, write_labels
from classifier.corpus.formats.csv_table import find_delimiter, no_formula, unescape
from classifier.corpus.formats.encodings import find_encoding
from classifier.corpus.sentence import LabelledSentence
from classifier.durable import new_file
from classifier.errors import CorpusError
from classifier.review.label_doubts import DoubtedRow, kept_note
from classifier.review.locking import alone
from classifier.taxonomy import Taxonomy, load_taxonomy

COLUMNS = ("file", "row", "id", "text", "narratives", "doubted", "why", "score", "model", "decision")

NEEDED = ("file", "id", "text", "narratives", "decision")
"""Columns that :func:`apply_decisions` reads."""

Kind = Literal["kept", "dropped", "relabelled", "known", "left"]


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of one decision. ``known``: it stands there already; ``left``: not applied, and why."""

    kind: Kind
    row: int
    id: str
    message: str


class _Left(Exception):
    """Why a decision is not applied."""


def write_doubts(path: str | Path, rows: Sequence[DoubtedRow]) -> None:
    """Write the list, as a spreadsheet opens it well. A file that is there stays: it may hold decisions.

    Raises
    ------
    FileExistsError
    """
    with new_file(path) as aside, aside.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        for entry in rows:
            row = entry.row
            fields = (
                Path(row.source).name,
                str(row.row),
                row.id,
                row.text,
                format_narratives(row.labels),
                ";".join(entry.narratives),
                " | ".join(dict.fromkeys(doubt.why for doubt in entry.doubts)),
                f"{entry.score:.4f}",
                "" if entry.model is None else ";".join(entry.model) or "none",
                "",
            )
            writer.writerow(map(no_formula, fields))


def apply_decisions(path: str | Path, labels: str | Path, *, reviewer: str) -> list[Applied]:
    """Carry out the decisions of a list that :func:`write_doubts` wrote.

    ``keep`` is noted in the row, so that it is not listed again while its labels stand. New narratives name the
    reviewer among the annotators, and the old ones in the note.

    Returns
    -------
    list of Applied
        One for each decision; rows without one are passed over.

    Raises
    ------
    CorpusError, TaxonomyError
        List, labels or codebook cannot be read; nothing is changed.
    """
    path, labels = Path(path), Path(labels)
    listed = _read_list(path)
    reviewer = " ".join(reviewer.replace(";", ",").split()) or "reviewer"
    with alone(labels):
        taxonomy = load_taxonomy(labels / "taxonomy.yaml")
        files: dict[str, list[LabelledSentence]] = {file.name: [] for file in sorted(labels.glob("*.csv"))}
        for row in read_labels(labels):
            files[Path(row.source).name].append(row)
        touched: set[str] = set()
        applied = []
        for number, record in listed:
            decision = record["decision"].strip()
            if not decision:
                continue
            try:
                kind, told = _apply(record, decision, files, taxonomy, reviewer)
            except _Left as why:
                kind, told = "left", str(why)
            if kind not in ("known", "left"):
                touched.add(record["file"])
            applied.append(Applied(kind, number, record["id"], told))
        for name in sorted(touched):
            write_labels(labels / name, files[name])
    return applied


def _apply(
    record: dict[str, str],
    decision: str,
    files: dict[str, list[LabelledSentence]],
    taxonomy: Taxonomy,
    reviewer: str,
) -> tuple[Kind, str]:
    wanted = _wanted(decision, taxonomy)
    name = record["file"]
    if name not in files:
        raise _Left(f"there is no label file {name!r} here; name its directory with --labels")
    rows = files[name]
    places = [k for k, row in enumerate(rows) if row.id == record["id"]]
    if len(places) > 1:
        raise _Left(f"the id stands {len(places)} times in {name}; ids must differ")
    if not places:
        if wanted == "drop":
            return "known", "it is gone already"
        raise _Left(f"the row is not in {name} any more")
    row = rows[places[0]]
    if _lines(row.text) != _lines(record["text"]):
        raise _Left("its text is not as listed any more; make a new list")
    now, then = format_narratives(row.labels), record["narratives"]
    if isinstance(wanted, dict) and row.labels == wanted and now != then:
        return "known", f"it has {now or 'no narrative'} already"
    if now != then:
        raise _Left(f"its labels are not as listed any more ({now or 'none'}, not {then or 'none'}); make a new list")
    if wanted == "drop":
        del rows[places[0]]
        return "dropped", f"{name}: {then or 'no narrative'}"
    if not isinstance(wanted, dict) or wanted == row.labels:
        note = kept_note(row)
        parts = _parts(row.note)
        if note in parts:
            return "known", "it is kept already"
        rows[places[0]] = replace(row, note="; ".join([*parts, note]))
        return "kept", f"{name}: {then or 'no narrative'}"
    parts = [part for part in _parts(row.note) if not part.startswith("kept: ")]
    changed = replace(
        row,
        labels=wanted,
        annotators=tuple(dict.fromkeys([*row.annotators, reviewer])),
        note="; ".join([*parts, f"second look by {reviewer}, before: {then or 'none'}"]),
    )
    rows[places[0]] = replace(changed, note=f"{changed.note}; {kept_note(changed)}")
    return "relabelled", f"{name}: {then or 'no narrative'} -> {format_narratives(wanted) or 'no narrative'}"


def _parts(note: str) -> list[str]:
    return note.split("; ") if note else []


def _wanted(decision: str, taxonomy: Taxonomy) -> dict[str, str | None] | Literal["keep", "drop"]:
    if decision.lower() == "keep":
        return "keep"
    if decision.lower() == "drop":
        return "drop"
    if decision.lower() == "none":
        return {}
    try:
        wanted = parse_narratives(decision, "the decision")
    except CorpusError as error:
        raise _Left(str(error)) from None
    for narrative in wanted:
        if narrative not in taxonomy.ids:
            raise _Left(
                f"decision {decision!r} is neither keep, drop nor none, and {narrative!r} is not in the codebook; "
                f"allowed are {', '.join(taxonomy.ids)}"
            )
    if len(wanted) > 1 and not taxonomy.multilabel:
        raise _Left(f"decision {decision!r}: the codebook allows one narrative")
    return wanted


def _read_list(path: Path) -> list[tuple[int, dict[str, str]]]:
    """(line, record) of every row, whatever delimiter and encoding the spreadsheet chose."""
    try:
        encoding, _ = find_encoding(path)
        text = path.read_bytes().decode(encoding).removeprefix("\ufeff")
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (UnicodeDecodeError, LookupError) as error:
        raise CorpusError(f"{path}: cannot be decoded; save the list as 'CSV UTF-8'") from error
    csv.field_size_limit(2**31 - 1)
    header = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=find_delimiter(header), strict=True)
    try:
        there = reader.fieldnames or []
        missing = [column for column in NEEDED if column not in there]
        if missing:
            raise CorpusError(
                f"{path}: no column {missing[0]!r}; give a list that narratives labels doubt -o wrote "
                f"(columns {', '.join(COLUMNS)})"
            )
        found = []
        for record in reader:
            if None in record or None in record.values():
                raise CorpusError(f"{path}, row {reader.line_num}: the number of fields differs from the header")
            found.append((reader.line_num, {str(key): unescape(str(value)) for key, value in record.items()}))
        return found
    except csv.Error as error:
        raise CorpusError(f"{path}, row {reader.line_num}: not valid CSV: {error}") from error


def _lines(text: str) -> str:
    # A spreadsheet may change the ends of lines within a cell.
    return re.sub(r"\r\n?", "\n", text)
