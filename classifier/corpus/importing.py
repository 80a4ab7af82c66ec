"""Other tools' labels into a directory of labels: what fits is taken, and every row that does not is told."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from classifier.corpus.files import header_line, is_date, read_labels, row_line
from classifier.corpus.formats.csv_table import no_formula
from classifier.corpus.formats.foreign import MAX_TEXT, BadRow, BadValue, ForeignRow, Reading
from classifier.corpus.formats.registry import find_format, get_format
from classifier.corpus.label_names import LabelNames, read_mapping, slug
from classifier.corpus.scaffold import is_example
from classifier.corpus.sentence import ORIGINS, UNLABELLED, LabelledSentence
from classifier.durable import new_file, write_file
from classifier.errors import CorpusError
from classifier.taxonomy import FLAT_THEME, UNITS, Taxonomy, load_taxonomy
from classifier.text.languages import LANGUAGE_CODE, detect_language
from classifier.text.sentences import split_sentences

SHOWN = 100
"""Rows not taken that :class:`Imported` keeps; the file named by ``rejected`` has all of them."""

DETECT = "auto"
"""A language that means: find out, row by row."""

_LOOKED_AT = 500

VOICE_MEANINGS = {
    "asserted": "the text itself makes the claim, or passes it on with approval",
    "attributed": "the text reports that somebody else makes the claim, and takes no side",
    "rejected": "the text denies, debunks or ridicules the claim, or reports somebody who does",
}


@dataclass(frozen=True)
class Imported:
    """What an import did. ``path`` is none where nothing was written, ``taxonomy`` where none was made.

    ``n_unlabelled`` rows hold "?" and wait for somebody who labels them.
    """

    path: Path | None
    n_taken: int
    n_rejected: int
    rejected: list[BadRow]
    taxonomy: Path | None
    remarks: list[str] = field(default_factory=list)
    n_unlabelled: int = 0


class _Nothing(Exception):
    """Nothing is to be written after all."""


def import_labels(
    source: str | Path,
    labels: str | Path,
    reading: Reading | None = None,
    *,
    format: str = "",
    mapping: Path | None = None,
    output: str = "",
    rejected: Path | None = None,
    make_taxonomy: bool = False,
    unit: str = "",
    strict: bool = False,
    dry_run: bool = False,
) -> Imported:
    """Read a foreign file and write its rows as a new label file.

    Parameters
    ----------
    source : path
        The file or folder.
    labels : path
        Directory with ``taxonomy.yaml``; the new file lies in it. Nothing there is changed.
    format : str
        A name from :data:`~classifier.corpus.formats.registry.FORMATS`; found out where empty.
    mapping : Path, optional
        See :func:`~classifier.corpus.label_names.read_mapping`.
    output : str
        Name of the new file, ``imported-<source>.csv`` where empty.
    rejected : Path, optional
        CSV that takes file, row, id and reason of every row not taken.
    make_taxonomy : bool
        Write ``taxonomy.yaml`` from the labels found; it must not be there, unless as ``narratives init`` left it.
    unit : str
        For ``make_taxonomy``: sentence, paragraph or text; judged from the texts where empty.
    strict : bool
        Take nothing where any row cannot be taken.
    dry_run : bool
        Write nothing but ``rejected``.

    Raises
    ------
    CorpusError, TaxonomyError
        The source cannot be read at all, or the directory is not fit to take it; nothing is written.
    """
    source, labels = Path(source), Path(labels)
    remarks: list[str] = []
    codebook = labels / "taxonomy.yaml"
    taxonomy = None if make_taxonomy else load_taxonomy(codebook)
    if make_taxonomy and codebook.exists() and not is_example(codebook):
        raise CorpusError(f"{codebook}: there already; leave out --make-taxonomy, or name another directory")
    if unit and unit not in UNITS:
        raise CorpusError(f"unit {unit!r} is none of {', '.join(UNITS)}")
    target = labels / (output or f"imported-{slug(source.stem)}.csv")
    _check_target(target, labels, rejected)
    names = LabelNames(taxonomy, read_mapping(mapping, taxonomy) if mapping else {}, make=make_taxonomy)
    chosen = get_format(format) if format else find_format(source)
    if not source.exists():
        raise CorpusError(f"{source}: no such file or folder")
    reading = replace(
        reading or Reading(),
        unit=taxonomy.unit if taxonomy else unit or "sentence",
        known=names.known,
        tell=remarks.append,
    )
    if reading.language not in ("", DETECT) and not LANGUAGE_CODE.fullmatch(reading.language):
        raise CorpusError(f"--language: {reading.language!r} is no ISO 639 code, such as 'en'; or 'auto'")
    taker = _Taker(names, taxonomy, reading)
    for file in sorted(labels.glob("*.csv")):
        for row in read_labels(file):
            taker.note(row, row.source, row.row)
    shown: list[BadRow] = []
    n_taken = n_rejected = n_unlabelled = 0
    made: Path | None = None
    path: Path | None = target
    try:
        with _lines_into(target, dry_run) as take, _report(rejected) as report:
            take(header_line())
            for foreign in chosen.read(source, reading):
                if isinstance(foreign, ForeignRow) and _is_unlabelled(foreign, names):
                    n_unlabelled += 1
                    continue
                bad = foreign if isinstance(foreign, BadRow) else None
                if isinstance(foreign, ForeignRow):
                    try:
                        take(row_line(taker.take(foreign)))
                        n_taken += 1
                    except BadValue as error:
                        bad = BadRow(foreign.source, foreign.row, str(error), foreign.id)
                if bad is not None:
                    n_rejected += 1
                    report(bad)
                    if len(shown) < SHOWN:
                        shown.append(bad)
            if not (n_taken or n_rejected or n_unlabelled):
                raise CorpusError(f"{source}: no row stands below the names of the columns")
            if dry_run or not n_taken or (strict and n_rejected):
                raise _Nothing
            if make_taxonomy:
                if not names.made:
                    raise CorpusError(f"{source}: no row carries a label; there is no taxonomy to make of it")
                data = taker.taxonomy(source, (unit or reading.unit) if taker.from_spans else unit)
                write_file(codebook, _as_yaml(data, source))
                made = codebook
    except _Nothing:
        path = None
    if chosen.name == "semeval" and taxonomy is not None and taxonomy.unit != "text":
        remarks.append(f"rows are whole articles, but {codebook} says unit: {taxonomy.unit}; write unit: text there")
    return Imported(path, n_taken, n_rejected, shown, made, remarks, n_unlabelled)


def _check_target(target: Path, labels: Path, rejected: Path | None) -> None:
    if target.suffix != ".csv" or target.parent != labels:
        raise CorpusError(f"--output: {target.name!r} is no name of a label file; give one such as 'survey.csv'")
    if target.exists():
        raise CorpusError(f"{target}: there already, and stays as it is; name another file with --output")
    if rejected is not None and rejected.resolve().parent == labels.resolve() and rejected.suffix == ".csv":
        raise CorpusError(f"{rejected}: would be read as labels there; let --rejected lie in another directory")


@contextmanager
def _lines_into(target: Path, dry_run: bool) -> Iterator[Callable[[str], object]]:
    if dry_run:
        yield lambda line: None
        return
    with new_file(target) as aside, aside.open("w", encoding="utf-8", newline="") as file:
        yield file.write
        file.flush()


def _report(path: Path | None) -> AbstractContextManager[Callable[[BadRow], object]]:
    return nullcontext(lambda row: None) if path is None else _report_file(path)


@contextmanager
def _report_file(path: Path) -> Iterator[Callable[[BadRow], object]]:
    """Rows not taken, as CSV that a spreadsheet opens well; kept whatever becomes of the labels."""
    with (
        new_file(path, replace=True) as aside,
        aside.open("w", encoding="utf-8-sig", newline="", errors="replace") as file,
    ):
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(("file", "row", "id", "reason"))
        stopped: BaseException | None = None
        try:
            yield lambda row: writer.writerow([*map(no_formula, (row.source, str(row.row), row.id, row.reason))])
        except _Nothing as error:
            stopped = error
        file.flush()
    if stopped is not None:
        raise stopped


class _Taker:
    """Foreign rows to rows of ours, one after the other."""

    def __init__(self, names: LabelNames, taxonomy: Taxonomy | None, reading: Reading) -> None:
        self._names = names
        self._taxonomy = taxonomy
        self._reading = reading
        # Hashes, and places as numbers: a million rows are some 200 MB so, and ten times that as objects.
        self._ids: dict[int, int] = {}
        self._texts: dict[int, int] = {}
        self._sources: dict[str, int] = {}
        self._n_looked_at = self._n_single = 0
        self._several = False
        self._voices = False
        self.from_spans = False
        self._date_told = False

    def note(self, row: LabelledSentence, source: str, number: int) -> None:
        """Remember a row that is taken, against its like."""
        place = self._sources.setdefault(source, len(self._sources)) << 40 | number
        self._ids[_hash(row.id)] = place
        self._texts.setdefault(_hash(row.text.strip()), _labels_hash(row) << 64 | place)

    def take(self, foreign: ForeignRow) -> LabelledSentence:
        """The row, with everything settled. Raises :class:`BadValue`."""
        _check_text(foreign.text)
        labels = self._names.find(foreign.labels)
        if self._taxonomy is not None and not self._taxonomy.multilabel and len(labels) > 1:
            raise BadValue(f"{len(labels)} narratives ({', '.join(labels)}), but the taxonomy says multilabel: false")
        language = self._language(foreign)
        origin = foreign.origin if foreign.origin in ORIGINS else "imported"
        if origin == "article" and (not foreign.file or foreign.begin is None or foreign.end is None):
            origin = "imported"
        row = LabelledSentence(
            id=foreign.id or f"i{_hash(f'{language} {foreign.text}'):016x}",
            text=foreign.text,
            language=language,
            labels=labels,
            origin=origin,
            file=foreign.file,
            begin=foreign.begin,
            end=foreign.end,
            group=foreign.group,
            annotators=tuple(name.replace(";", ",") for name in foreign.annotators),
            register=foreign.register,
            note=foreign.note,
            split=foreign.split,
            date=self._date(foreign),
            outlet=foreign.outlet,
        )
        _check_writable(row)
        text = self._texts.get(_hash(row.text.strip()))
        if text is not None and text >> 64 != _labels_hash(row):
            raise BadValue(f"the same text stands with other labels at {self._place(text)}; settle which hold")
        there = self._ids.get(_hash(row.id))
        if there is not None and not foreign.id:
            raise BadValue(f"the same text stands already at {self._place(there)}")
        if there is not None:
            raise BadValue(f"id {row.id!r} stands already at {self._place(there)}; ids must differ")
        self.note(row, foreign.source, foreign.row)
        self._look(row, foreign)
        return row

    def _date(self, foreign: ForeignRow) -> str:
        day = foreign.date.strip()[:10]
        if not day or is_date(day):
            return day
        if not self._date_told:
            self._date_told = True
            counted = " (a day as Excel counts them? format the column as a date)" if day.isdigit() else ""
            self._reading.tell(
                f"{foreign.source}, row {foreign.row}: {foreign.date[:40]!r} is no day such as 2025-06-28{counted}; "
                "dates like it are left out, the rows are taken"
            )
        return ""

    def _language(self, foreign: ForeignRow) -> str:
        given = foreign.language or self._reading.language
        if not given:
            raise BadValue("no language; name the column with --language-column, or all texts' with --language")
        if given == DETECT:
            return detect_language(foreign.text)[0]
        code = re.split(r"[-_]", given.strip(), maxsplit=1)[0].lower()
        if not LANGUAGE_CODE.fullmatch(code):
            raise BadValue(f"language {given!r} is no ISO 639 code, such as 'en'")
        return code

    def _place(self, packed: int) -> str:
        number = packed & ((1 << 40) - 1)
        source = packed >> 40 & ((1 << 24) - 1)
        return f"{next(s for s, k in self._sources.items() if k == source)}, row {number}"

    def _look(self, row: LabelledSentence, foreign: ForeignRow) -> None:
        self._several |= len(row.labels) > 1
        self._voices |= any(row.labels.values())
        self.from_spans |= foreign.begin is not None
        if self._n_looked_at < _LOOKED_AT:
            self._n_looked_at += 1
            self._n_single += len(split_sentences(row.text[:2_000], row.language)) <= 1

    def taxonomy(self, source: Path, unit: str) -> dict[str, Any]:
        """A codebook of what was found, as plain data."""
        themes: dict[str, list[dict[str, str]]] = {}
        for narrative, (name, theme) in self._names.made.items():
            themes.setdefault(theme, []).append(
                {"id": narrative, "name": name, "definition": f"Imported from {source.name}; not described yet."}
            )
        judged = "sentence" if self._n_single >= 0.8 * self._n_looked_at else "text"
        data: dict[str, Any] = {"version": 1, "unit": unit or judged, "multilabel": self._several}
        if self._voices:
            data["voices"] = VOICE_MEANINGS
        if list(themes) == [""]:
            return data | {"narratives": themes[""]}
        ids: dict[str, str] = {}
        for theme in themes:
            first = slug(theme) if theme else FLAT_THEME
            taken = set(ids.values())
            ids[theme] = next(
                i for n in range(1, len(taken) + 2) if (i := first if n == 1 else f"{first}-{n}") not in taken
            )
        return data | {
            "themes": [{"id": ids[t], "name": t or "All", "narratives": members} for t, members in themes.items()]
        }


def _is_unlabelled(row: ForeignRow, names: LabelNames) -> bool:
    return any(label.name == UNLABELLED for label in row.labels) and not names.known(UNLABELLED)


def _check_text(text: str) -> None:
    if not text.strip():
        raise BadValue("the text is empty")
    if len(text) > MAX_TEXT:
        raise BadValue(f"the text has {len(text):,} characters, {MAX_TEXT:,} are allowed")


def _check_writable(row: LabelledSentence) -> None:
    for name in ("id", "text", "file", "group", "register", "note", "split", "outlet", "annotators"):
        value = getattr(row, name)
        text = "".join(value) if isinstance(value, tuple) else str(value)
        if "\0" in text:
            raise BadValue(f"{name} holds a NUL character; is the file damaged, or in another encoding?")
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise BadValue(f"{name}: character {error.start} is half a surrogate pair; it was cut in two") from error


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def _labels_hash(row: LabelledSentence) -> int:
    return _hash(repr(sorted(row.labels.items(), key=lambda item: item[0]))) >> 32


def _as_yaml(data: dict[str, Any], source: Path) -> str:
    import yaml

    text: str = yaml.safe_dump(data, allow_unicode=True, sort_keys=False, width=120)
    return f"# Made from the labels of {source.name}. Write definitions, and themes if you like.\n{text}"
