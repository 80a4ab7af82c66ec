"""From other people's label names to the narratives of a taxonomy."""

from __future__ import annotations

import csv
import difflib
import io
import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path

from classifier.corpus.files import parse_narratives
from classifier.corpus.formats.foreign import BadValue, ForeignLabel
from classifier.errors import CorpusError, MissingExtra
from classifier.taxonomy import VOICES, Taxonomy

Mapped = Mapping[str, str | None]
"""Narrative ids with voices; empty where a label is left out."""

_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_gaps = re.compile(r"[\s_-]+")
_not_id = re.compile(r"[^a-z0-9]+")

# ISO 9 would need diacritics; this is the plain transliteration of passports, for ids only.
_LATIN = dict(
    zip(
        "абвгґдеёєжзиіїйклмнопрстуўфхцчшщъыьэюя",
        "a b v g g d e e ie zh z i i i i k l m n o p r s t u u f kh ts ch sh shch ie y - e iu ia".split(),
        strict=True,
    )
) | {"ь": "", "ß": "ss", "ł": "l", "ø": "o", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe"}


def slug(name: str) -> str:
    """An id, ``[a-z0-9-]+``, made from a name; "label" where no letter or digit of it can be kept."""
    latin = "".join(_LATIN.get(letter, letter) for letter in name.lower())
    plain = unicodedata.normalize("NFKD", latin)
    return _not_id.sub("-", "".join(c for c in plain if not unicodedata.combining(c))).strip("-") or "label"


def fold(name: str) -> str:
    """A name as it is compared: case, accents' composition, and gaps (spaces, hyphens, underscores) do not matter."""
    return _gaps.sub(" ", unicodedata.normalize("NFKC", name).casefold()).strip()


class LabelNames:
    """Finds the narrative that a foreign label means.

    A mapping file goes first, then the taxonomy: id, name, and ``theme: name``. With ``make``, what is still unknown
    becomes a narrative of its own.
    """

    def __init__(self, taxonomy: Taxonomy | None, mapping: Mapping[str, Mapped], *, make: bool = False) -> None:
        self._make = make
        self._ids = {narrative.id for narrative in taxonomy.narratives} if taxonomy else set()
        self._found: dict[str, str | None] = {}
        self._shown: dict[str, str] = {}
        for theme in taxonomy.themes if taxonomy else ():
            for narrative in theme.narratives:
                for name in (narrative.name, f"{theme.name}: {narrative.name}", f"{theme.id}: {narrative.id}"):
                    key = fold(name)
                    # None: two narratives share the name.
                    self._found[key] = narrative.id if self._found.get(key, narrative.id) == narrative.id else None
                    self._shown.setdefault(key, narrative.id)
        for name in self._ids:
            self._found[fold(name)] = name
            self._shown[fold(name)] = name
        self._mapping = {fold(theirs): ours for theirs, ours in mapping.items()}
        self.made: dict[str, tuple[str, str]] = {}
        """With ``make``: id -> (name, theme's name), in order of appearance."""
        self._made: dict[tuple[str, str], str] = {}

    def known(self, name: str) -> bool:
        """Whether a name stands in the mapping or the taxonomy."""
        key = fold(name)
        return key in self._mapping or self._found.get(key) is not None

    def find(self, labels: Iterable[ForeignLabel]) -> dict[str, str | None]:
        """Narratives with voices for the labels of one row.

        Raises
        ------
        BadValue
            A label or voice that is not known, or one narrative with two voices.
        """
        found: dict[str, str | None] = {}
        for label in labels:
            voice = self._voice(label)
            for narrative, own in self._one(label).items():
                said = voice or own
                if found.get(narrative, said) != said and found[narrative] is not None and said is not None:
                    raise BadValue(f"narrative {narrative!r} has two voices: {found[narrative]} and {said}")
                found[narrative] = found.get(narrative) or said
        return found

    def _voice(self, label: ForeignLabel) -> str | None:
        if not label.voice:
            return None
        voice = label.voice.strip().lower()
        if voice in VOICES:
            return voice
        mapped = self._mapping.get(fold(label.voice), {"": None})
        if not mapped:
            return None
        name = next(iter(mapped))
        if name in VOICES:
            return name
        raise BadValue(f"voice {label.voice!r} of {label.name!r} is none of {', '.join(VOICES)}; map it with --map")

    def _one(self, label: ForeignLabel) -> Mapped:
        key = fold(label.name)
        if key in self._mapping:
            return self._mapping[key]
        narrative = self._found.get(key)
        if narrative is not None:
            return {narrative: None}
        if self._make:
            return {self._new(label): None}
        if key in self._found:
            raise BadValue(f"label {label.name!r} is the name of several narratives; say which with --map")
        near = difflib.get_close_matches(key, self._shown, n=1, cutoff=0.6)
        hint = f"did you mean {self._shown[near[0]]!r}? Map it with --map" if near else "map it with --map"
        if "," in label.name and all(self.known(part) for part in label.name.split(",")):
            hint = "its parts are: try --separator ,"
        raise BadValue(f"label {label.name!r} is not in the taxonomy; {hint}")

    def _new(self, label: ForeignLabel) -> str:
        key = (fold(label.name), fold(label.theme))
        if key not in self._made:
            taken = self._ids | self.made.keys()
            first = slug(label.name)
            made = next(i for n in range(1, len(taken) + 2) if (i := first if n == 1 else f"{first}-{n}") not in taken)
            self._made[key] = made
            self.made[made] = (" ".join(label.name.split()), " ".join(label.theme.split()))
        return self._made[key]


def read_mapping(path: Path, taxonomy: Taxonomy | None) -> dict[str, Mapped]:
    """A mapping file: YAML (``theirs: ours``, ``theirs: ours:voice``, ``theirs: null``) or CSV (theirs,ours).

    Parameters
    ----------
    taxonomy : Taxonomy, optional
        What "ours" may name; any id where it is not given.

    Raises
    ------
    CorpusError
        The file cannot be read, or names what is not in the taxonomy.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path}: cannot be read as UTF-8 text: {error}") from error
    pairs = _csv_pairs(text, path) if path.suffix.lower() in (".csv", ".tsv") else _yaml_pairs(text, path)
    found: dict[str, Mapped] = {}
    for theirs, ours in pairs:
        place = f"{path}: {theirs!r}"
        mapped = {} if ours.strip() in ("", "~", "null") else parse_narratives(ours, place)
        for narrative in mapped:
            allowed = taxonomy.ids if taxonomy else ()
            if narrative in VOICES and len(mapped) == 1:
                continue
            if (taxonomy and narrative not in allowed) or not _ID.fullmatch(narrative):
                raise CorpusError(
                    f"{place}: {narrative!r} is not in the taxonomy; allowed are {', '.join(allowed) or 'ids'}"
                )
        found[theirs] = mapped
    return found


def _csv_pairs(text: str, path: Path) -> list[tuple[str, str]]:
    first = text.partition("\n")[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    try:
        listed = [row for row in rows if any(row)]
    except csv.Error as error:
        raise CorpusError(f"{path}: not valid CSV: {error}") from error
    if not listed or [field.strip().lower() for field in listed[0]] != ["theirs", "ours"]:
        raise CorpusError(f"{path}, row 1: a header 'theirs,ours' is needed")
    for number, row in enumerate(listed, 1):
        if len(row) != 2:
            raise CorpusError(f"{path}, row {number}: {len(row)} fields, two are needed")
    return [(theirs, ours) for theirs, ours in listed[1:]]


def _yaml_pairs(text: str, path: Path) -> list[tuple[str, str]]:
    try:
        import yaml
    except ImportError as error:
        raise MissingExtra("Reading a mapping", "train") from error
    try:
        # Every scalar a text: YAML would take "no" and "1" for something else.
        data = yaml.load(text, yaml.BaseLoader)  # noqa: S506
    except yaml.YAMLError as error:
        raise CorpusError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict):
        raise CorpusError(f"{path}: lines like 'theirs: ours' are needed")
    pairs: list[tuple[str, str]] = []
    for theirs, ours in data.items():
        listed = ours if isinstance(ours, list) else [ours]
        if not isinstance(theirs, str) or not all(isinstance(item, str) for item in listed):
            raise CorpusError(f"{path}: {theirs!r}: a narrative's id, a list of them, or null is needed")
        pairs.append((theirs, ";".join(listed)))
    return pairs
