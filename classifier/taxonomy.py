"""Narratives and their themes: the frozen objects, and reading them with every field checked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from classifier.errors import MissingExtra, TaxonomyError

VOICES = ("asserted", "attributed", "rejected")
"""The three voices, in the order in which arrays hold them."""

UNITS = ("sentence", "paragraph", "text")
"""What is labelled and scored as one: a sentence, a line with all its sentences, or the whole text."""

FLAT_THEME = "all"
"""The theme of every narrative where the codebook has no themes."""

_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Narrative:
    """One class of the classifier."""

    id: str
    name: str
    definition: str
    includes: str = ""
    excludes: str = ""
    seeds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Theme:
    """A named group of narratives."""

    id: str
    name: str
    narratives: tuple[Narrative, ...]


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """The codebook: themes with their narratives, the meaning of the voices, and the border rules.

    The order of narratives in the file is the order of columns in every array. ``unit`` (one of :data:`UNITS`) is what
    a label stands for. Where ``multilabel`` is false, a unit carries one narrative at most: the likeliest.
    """

    version: int
    themes: tuple[Theme, ...]
    voices: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[str, ...] = ()
    unit: str = "sentence"
    multilabel: bool = True

    @property
    def narratives(self) -> tuple[Narrative, ...]:
        """All narratives, in column order."""
        return tuple(n for theme in self.themes for n in theme.narratives)

    @property
    def ids(self) -> tuple[str, ...]:
        """Narrative ids, in column order."""
        return tuple(n.id for n in self.narratives)

    @property
    def theme_of(self) -> dict[str, str]:
        """Narrative id -> theme id."""
        return {n.id: theme.id for theme in self.themes for n in theme.narratives}

    def to_dict(self) -> dict[str, Any]:
        """The codebook as plain JSON types; :func:`parse_taxonomy` reads it back to an equal object."""
        return {
            "version": self.version,
            "unit": self.unit,
            "multilabel": self.multilabel,
            "voices": dict(self.voices),
            "rules": list(self.rules),
            "themes": [
                {
                    "id": t.id,
                    "name": t.name,
                    "narratives": [asdict(n) | {"seeds": list(n.seeds)} for n in t.narratives],
                }
                for t in self.themes
            ],
        }


def load_taxonomy(path: str | Path) -> Taxonomy:
    """Read and check ``taxonomy.yaml``.

    Raises
    ------
    TaxonomyError
        The file is missing, is no YAML, or a field is wrong; the message holds the path to the field,
        such as ``labels/taxonomy.yaml: themes[1].narratives[0].id``.
    """
    try:
        import yaml
    except ImportError as error:
        raise MissingExtra("Reading taxonomy.yaml", "train") from error
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise TaxonomyError(f"{path}: no such file; narratives init makes one") from error
    except (OSError, UnicodeDecodeError) as error:
        raise TaxonomyError(f"{path}: cannot be read as UTF-8 text: {error}") from error
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise TaxonomyError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    return parse_taxonomy(data, source=str(path))


def parse_taxonomy(data: object, *, source: str = "taxonomy") -> Taxonomy:
    """Check plain data (from YAML or JSON) and freeze it. Raises :class:`TaxonomyError`."""
    root = _mapping(data, source)
    _only(root, {"version", "unit", "multilabel", "voices", "rules", "themes", "narratives"}, source)
    version = root.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise TaxonomyError(f"{source}: version: {version!r} is not a whole number of 1 or more")
    unit = root.get("unit", "sentence")
    if unit not in UNITS:
        raise TaxonomyError(f"{source}: unit: {unit!r} is none of {', '.join(UNITS)}")
    multilabel = root.get("multilabel", True)
    if not isinstance(multilabel, bool):
        raise TaxonomyError(f"{source}: multilabel: {multilabel!r} is neither true nor false")
    voices = {
        _string(key, f"{source}: voices"): _string(value, f"{source}: voices.{key}")
        for key, value in _mapping(root.get("voices", {}), f"{source}: voices").items()
    }
    if voices and set(voices) != set(VOICES):
        raise TaxonomyError(f"{source}: voices: {sorted(voices)} given, exactly {list(VOICES)} allowed")
    rules = tuple(
        _rule(value, f"{source}: rules[{i}]")
        for i, value in enumerate(_list(root.get("rules", []), f"{source}: rules"))
    )
    if "narratives" in root:
        themes = _flat(root, source)
    elif "themes" in root:
        themes = tuple(_themes(root["themes"], f"{source}: themes"))
    else:
        raise TaxonomyError(f"{source}: neither 'themes' nor, for a codebook of one level, 'narratives'; write one")
    return Taxonomy(version=version, themes=themes, voices=voices, rules=rules, unit=str(unit), multilabel=multilabel)


def _flat(root: dict[Any, Any], source: str) -> tuple[Theme, ...]:
    """A codebook of one level is one theme, whose probability is that of any narrative at all."""
    if "themes" in root:
        raise TaxonomyError(f"{source}: 'themes' and 'narratives' side by side; put the narratives into themes")
    narratives: dict[str, Narrative] = {}
    for i, value in enumerate(_list(root["narratives"], f"{source}: narratives")):
        narrative = _narrative(value, f"{source}: narratives[{i}]")
        if narrative.id in narratives:
            raise TaxonomyError(f"{source}: narratives[{i}].id: {narrative.id!r} stands twice; ids must differ")
        narratives[narrative.id] = narrative
    if not narratives:
        raise TaxonomyError(f"{source}: narratives: empty; at least one narrative is needed")
    return (Theme(FLAT_THEME, "All", tuple(narratives.values())),)


def _themes(data: object, at: str) -> Iterator[Theme]:
    seen: dict[str, str] = {}
    theme_ids: set[str] = set()
    themes = _list(data, at)
    if not themes:
        raise TaxonomyError(f"{at}: empty; at least one theme with one narrative is needed")
    for i, value in enumerate(themes):
        here = f"{at}[{i}]"
        theme = _mapping(value, here)
        _only(theme, {"id", "name", "narratives"}, here)
        theme_id = _identifier(theme.get("id"), f"{here}.id")
        if theme_id in theme_ids:
            raise TaxonomyError(f"{here}.id: {theme_id!r} stands twice; theme ids must differ")
        theme_ids.add(theme_id)
        narratives = []
        members = _list(theme.get("narratives"), f"{here}.narratives")
        if not members:
            raise TaxonomyError(f"{here}.narratives: empty; give the theme a narrative or remove it")
        for j, member in enumerate(members):
            narrative = _narrative(member, f"{here}.narratives[{j}]")
            if narrative.id in seen:
                raise TaxonomyError(
                    f"{here}.narratives[{j}].id: {narrative.id!r} stands already at {seen[narrative.id]}"
                )
            seen[narrative.id] = f"{here}.narratives[{j}]"
            narratives.append(narrative)
        yield Theme(theme_id, _string(theme.get("name"), f"{here}.name"), tuple(narratives))


def _narrative(data: object, at: str) -> Narrative:
    value = _mapping(data, at)
    _only(value, {"id", "name", "definition", "includes", "excludes", "seeds"}, at)
    return Narrative(
        id=_identifier(value.get("id"), f"{at}.id"),
        name=_string(value.get("name"), f"{at}.name"),
        definition=_string(value.get("definition"), f"{at}.definition"),
        includes=_string(value.get("includes", ""), f"{at}.includes", empty=True),
        excludes=_string(value.get("excludes", ""), f"{at}.excludes", empty=True),
        seeds=tuple(
            _string(seed, f"{at}.seeds[{k}]") for k, seed in enumerate(_list(value.get("seeds", []), f"{at}.seeds"))
        ),
    )


def _mapping(value: object, at: str) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise TaxonomyError(f"{at}: a mapping is needed, {type(value).__name__} given")
    return value


def _list(value: object, at: str) -> list[Any]:
    if not isinstance(value, list):
        raise TaxonomyError(f"{at}: a list is needed, {type(value).__name__} given")
    return value


def _string(value: object, at: str, *, empty: bool = False) -> str:
    if not isinstance(value, str):
        raise TaxonomyError(f"{at}: a text is needed, {type(value).__name__} given ({value!r})")
    if not value.strip() and not empty:
        raise TaxonomyError(f"{at}: empty; write a text")
    return value


def _rule(value: object, at: str) -> str:
    # "- foo: bar" is a one-entry mapping to YAML although the author meant a sentence with a colon.
    if isinstance(value, dict) and len(value) == 1:
        ((key, rest),) = value.items()
        return f"{_string(key, at)}: {_string(rest, at)}"
    return _string(value, at)


def _identifier(value: object, at: str) -> str:
    text = _string(value, at)
    if not _ID.fullmatch(text):
        raise TaxonomyError(
            f"{at}: {text!r} is not an id; use lower-case a-z, digits and single hyphens, such as 'inevitable-war'"
        )
    return text


def _only(value: dict[Any, Any], allowed: set[str], at: str) -> None:
    for key in value:
        if key not in allowed:
            raise TaxonomyError(f"{at}: unknown field {key!r}; allowed are {', '.join(sorted(allowed))}")
