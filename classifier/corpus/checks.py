"""What is wrong with a corpus, row by row, and how its labels are distributed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from classifier.corpus.sentence import LabelledSentence
from classifier.corpus.splits import NEAR_DUPLICATE, near_duplicates
from classifier.errors import CorpusError
from classifier.taxonomy import Taxonomy
from classifier.text.languages import LANGUAGE_CODE


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: ``place`` is file and row."""

    place: str
    message: str


def check_corpus(
    rows: Sequence[LabelledSentence],
    taxonomy: Taxonomy,
    *,
    seeds: Path | None = None,
    threshold: float = NEAR_DUPLICATE,
) -> list[Problem]:
    """Check ids, labels, offsets and duplicates.

    Parameters
    ----------
    seeds : Path, optional
        Directory of the articles; offsets are checked against it where it is given.
    threshold : float
        Written rows whose character 5-gram Jaccard similarity exceeds it are near-duplicates. Sentences of articles
        may repeat (a headline and its summary do): they lie in one unit anyway.

    Returns
    -------
    list of Problem
        Empty where all is well.
    """
    problems: list[Problem] = []
    first: dict[str, LabelledSentence] = {}
    articles: dict[str, str | None] = {}
    for row in rows:
        if row.id in first:
            problems.append(Problem(row.place, f"id {row.id!r} stands already at {first[row.id].place}"))
        else:
            first[row.id] = row
        problems.extend(Problem(row.place, m) for m in _row_messages(row, taxonomy))
        if row.origin == "article" and seeds is not None:
            problems.extend(Problem(row.place, m) for m in _offset_messages(row, seeds, articles))
    told_already: set[tuple[int, bool]] = set()
    for i, j, similarity in near_duplicates([row.text for row in rows], threshold):
        a, b = rows[i], rows[j]
        if a.origin == b.origin == "article":
            continue
        # Of many alike, each is told once: the list is to be read.
        kind = (j, set(a.labels) == set(b.labels))
        if kind in told_already:
            continue
        told_already.add(kind)
        told = f"{similarity:.2f} like {a.place} ({a.id})"
        if set(a.labels) != set(b.labels):
            problems.append(Problem(b.place, f"near-duplicate with other labels: {told}; settle which labels hold"))
        else:
            problems.append(Problem(b.place, f"near-duplicate: {told}; reword or drop one of them"))
    return problems


def require_valid(rows: Sequence[LabelledSentence], taxonomy: Taxonomy) -> None:
    """Raise :class:`CorpusError` for the first row that training cannot take; near-duplicates it can."""
    if not rows:
        raise CorpusError("the corpus is empty; label some sentences first, see labels/README.md")
    seen: dict[str, str] = {}
    for row in rows:
        if row.id in seen:
            raise CorpusError(f"{row.place}: id {row.id!r} stands already at {seen[row.id]}; ids must differ")
        seen[row.id] = row.place
        for message in _row_messages(row, taxonomy):
            raise CorpusError(f"{row.place}: {message}")


def remarks(rows: Sequence[LabelledSentence], taxonomy: Taxonomy) -> list[str]:
    """What is no error and yet worth knowing before training: narratives that no row carries, no row without any."""
    if not rows:
        return ["no row is labelled yet"]
    carried = {narrative for row in rows for narrative in row.labels}
    told = [
        f"no row carries {narrative!r}: a model cannot learn it, and will not tag it"
        for narrative in taxonomy.ids
        if narrative not in carried
    ]
    if all(row.labels for row in rows) and carried and taxonomy.multilabel:
        told.append("every row carries a narrative: a model learns from plain rows what not to tag; add some")
    return told


def _row_messages(row: LabelledSentence, taxonomy: Taxonomy) -> list[str]:
    messages = []
    if not row.text.strip():
        messages.append("text is empty; remove the row or write the sentence")
    if not LANGUAGE_CODE.fullmatch(row.language):
        messages.append(f"language {row.language!r} is no ISO 639 code; write one, such as 'en'")
    allowed = taxonomy.ids
    for narrative in row.labels:
        if narrative not in allowed:
            messages.append(f"narrative {narrative!r} is not in the taxonomy; allowed are {', '.join(sorted(allowed))}")
    if len(row.labels) > 1 and not taxonomy.multilabel:
        messages.append(f"{len(row.labels)} narratives, but the taxonomy says multilabel: false; keep one")
    if row.origin == "article" and (not row.file or row.begin is None or row.end is None):
        messages.append("origin 'article' needs file, begin and end")
    return messages


def _offset_messages(row: LabelledSentence, seeds: Path, articles: dict[str, str | None]) -> list[str]:
    if not row.file or row.begin is None or row.end is None:
        return []
    if row.file not in articles:
        path = seeds / row.file
        # Bytes, so that no line end is translated and offsets hold.
        articles[row.file] = path.read_bytes().decode("utf-8") if path.is_file() else None
    article = articles[row.file]
    if article is None:
        return [f"file {row.file!r} is not in {seeds}"]
    if article[row.begin : row.end] != row.text:
        return [f"{row.file}[{row.begin}:{row.end}] is not the text of the row"]
    return []


def distribution(rows: Sequence[LabelledSentence], taxonomy: Taxonomy) -> dict[str, Mapping[str, int]]:
    """For each narrative: how many rows carry it, in each voice and each language; ``(none)`` for plain rows."""
    table: dict[str, Counter[str]] = {narrative: Counter() for narrative in taxonomy.ids}
    table["(none)"] = Counter()
    for row in rows:
        for narrative, voice in row.labels.items() or [("(none)", None)]:
            if narrative in table:
                table[narrative]["rows"] += 1
                table[narrative][f"language {row.language}"] += 1
                if voice:
                    table[narrative][voice] += 1
    return {name: dict(counts) for name, counts in table.items()}
