"""Label Studio's labeling configurations: what in them this model can fill in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal
from xml.parsers import expat

from classifier.taxonomy import Narrative
from service.texts import has_surrogate

MAX_LENGTH = 200_000
"""Characters of a configuration."""

MAX_DEPTH = 100
"""Tags within tags."""

MAX_CONTROLS = 20
"""Each fills an answer anew."""

_OPTIONS = {"Choice": "Choices", "Label": "Labels"}


class ConfigError(ValueError):
    """A configuration that cannot be read, or with nothing in it for this model; says why."""


@dataclass(frozen=True, slots=True)
class Control:
    """A tag to fill in: choices for a whole text, or labels on its sentences.

    ``data_key`` is where a task holds the text. ``values`` has the value that Label Studio wants for each narrative.
    """

    kind: Literal["choices", "labels"]
    from_name: str
    to_name: str
    data_key: str
    multiple: bool
    values: dict[str, str]


@dataclass(slots=True)
class _Tag:
    name: str
    attributes: dict[str, str]
    options: list[dict[str, str]] = field(default_factory=list)


def read_config(config: str, narratives: Iterable[Narrative]) -> list[Control]:
    """What in a configuration this model can fill in: ``Choices`` and ``Labels`` over a ``Text``.

    An option stands for the narrative whose id or name its ``value`` or ``alias`` is; case, spaces, hyphens and
    underscores do not matter. Choices that hang on a region (``perRegion``) are left out.

    Raises
    ------
    ConfigError
        Not well-formed, too large, with a document type, or without anything that this model can fill in.
    """
    tags = _parse(config)
    sources = {tag.attributes["name"]: tag for tag in tags if tag.name == "Text" and "name" in tag.attributes}
    by_name: dict[str, str] = {}
    for narrative in narratives:
        for name in (narrative.name, narrative.id):
            by_name[_plain(name)] = narrative.id
    found = [control for tag in tags for control in _control(tag, sources, by_name)]
    if not found:
        raise ConfigError(
            "nothing here that this model can fill in: it wants Choices or Labels whose toName is a Text with "
            'value="$...", and whose values are narratives (their ids or names, see /v1/taxonomy)'
        )
    if len(found) > MAX_CONTROLS:
        raise ConfigError(f"{len(found)} tags to fill in; at most {MAX_CONTROLS} are taken")
    return found


def _control(tag: _Tag, sources: dict[str, _Tag], by_name: dict[str, str]) -> list[Control]:
    kind: Literal["choices", "labels"]
    if tag.name == "Choices" and tag.attributes.get("perRegion", "false") == "false":
        kind = "choices"
    elif tag.name == "Labels":
        kind = "labels"
    else:
        return []
    source = sources.get(tag.attributes.get("toName", ""))
    if source is None or "name" not in tag.attributes or source.attributes.get("valueType", "text") != "text":
        return []
    key = source.attributes.get("value", "")
    values: dict[str, str] = {}
    for option in tag.options:
        value, alias = option.get("value", ""), option.get("alias", "")
        narrative = by_name.get(_plain(alias)) or by_name.get(_plain(value))
        if narrative is not None:
            # What Label Studio stores for an option with an alias is the alias.
            values.setdefault(narrative, alias or value)
    if not values or not key.startswith("$"):
        return []
    multiple = tag.attributes.get("choice", "single") == "multiple"
    return [Control(kind, tag.attributes["name"], source.attributes["name"], key[1:], multiple, values)]


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "-", name.strip()).casefold()


def _parse(config: str) -> list[_Tag]:
    """All tags in order. Nothing is looked up, and no entity is expanded: document types are refused."""
    if len(config) > MAX_LENGTH:
        raise ConfigError(f"{len(config)} characters; at most {MAX_LENGTH} are taken")
    if has_surrogate(config):
        raise ConfigError("it holds a lone surrogate, which is no character")
    tags: list[_Tag] = []
    inside: list[_Tag] = []

    def begin(name: str, attributes: dict[str, str]) -> None:
        if len(inside) >= MAX_DEPTH:
            raise ConfigError(f"more than {MAX_DEPTH} tags within each other")
        # An option belongs to the tag around it that is no mere layout; one within another option is a tree's.
        owner = next((tag for tag in reversed(inside) if tag.name not in ("View", "Style")), None)
        if owner is not None and _OPTIONS.get(name) == owner.name:
            owner.options.append(attributes)
        tags.append(_Tag(name, attributes))
        inside.append(tags[-1])

    def end(name: str) -> None:
        inside.pop()

    def refuse(*told: Any) -> None:
        raise ConfigError("it has a document type (<!DOCTYPE ...>), which is not taken; leave it out")

    parser = expat.ParserCreate()
    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(config, True)
    except expat.ExpatError as error:
        raise ConfigError(f"not well-formed XML: {error}") from None
    return tags
