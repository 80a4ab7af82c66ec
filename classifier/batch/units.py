"""One output row for each input row, or for each of its paragraphs or sentences."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

from classifier.batch.readers import Record
from classifier.model.answer import TextItem, to_plain
from classifier.model.evidence import EvidenceUnit
from classifier.model.scoring import NarrativeModel

Unit = Literal["text", "paragraph", "sentence"]


def score_record(
    model: NarrativeModel,
    record: Record,
    *,
    unit: Unit = "text",
    explain: int | None = 5,
    evidence_unit: EvidenceUnit = "ngram",
    all: bool = False,
    detect_language: bool = False,
) -> Iterator[dict[str, Any]]:
    """Score one record; yields plain rows for JSON lines.

    With ``"text"`` the row is the text's answer with the sentences nested in it; with ``"paragraph"`` each line that
    is not blank is answered as a text of its own, and with ``"sentence"`` each sentence is a row. Both tell ``begin``
    and ``end`` in the record's text, and all offsets count from the beginning of that text. ``source`` is where the
    record stands; what its file tells of the post (time, source, url, author, ...) is under ``post``.
    """
    about: dict[str, Any] = {"source": {"file": record.file, "row": record.row}}
    if post := _post(record):
        about["post"] = post
    options: dict[str, Any] = {
        "explain": explain,
        "evidence_unit": evidence_unit,
        "all": all,
        "detect_language": detect_language,
    }
    if unit == "paragraph":
        # Offsets count in the record's text, so that is what the hash is of.
        digest = hashlib.sha256(record.item.text.encode("utf-8", "surrogatepass")).hexdigest()
        for begin, end in paragraph_spans(record.item.text):
            paragraph = TextItem(record.item.text[begin:end], record.item.id, record.item.language)
            answer = model.score([paragraph], **options)
            result = answer.results[0]
            moved = replace(result, sentences=tuple(_move(s, begin) for s in result.sentences))
            yield {
                "model": to_plain(answer.model),
                **about,
                "begin": begin,
                "end": end,
                **to_plain(moved),
                "text_sha256": digest,
            }
        return
    answer = model.score([record.item], **options)
    result = answer.results[0]
    head = {"model": to_plain(answer.model), **about}
    if unit == "text":
        yield head | to_plain(result)
        return
    for sentence in result.sentences:
        yield head | {"id": result.id, "text_sha256": result.text_sha256} | to_plain(sentence)


def paragraph_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where the lines of a text that are not blank begin and end, white space around them left out."""
    begin = 0
    for line in text.splitlines(keepends=True):
        body = line.strip()
        if body:
            at = begin + len(line) - len(line.lstrip())
            yield at, at + len(body)
        begin += len(line)


def _post(record: Record) -> dict[str, str]:
    told = {
        "time": record.time.isoformat() if record.time else None,
        "source": record.source,
        "url": record.url,
        **record.extra,
    }
    return {key: value for key, value in told.items() if value}


def _move(sentence: Any, by: int) -> Any:
    return replace(
        sentence,
        begin=sentence.begin + by,
        end=sentence.end + by,
        evidence=tuple(replace(e, begin=e.begin + by, end=e.end + by) for e in sentence.evidence),
    )
