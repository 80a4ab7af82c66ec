"""What Argilla exports: every annotator's answer to every question.

As a dataset (``to_datasets``): fields and metadata are columns, and a question ``label`` has ``label.responses``,
``label.responses.users`` and ``label.responses.status``, lists that run side by side. As JSON (``to_json``,
``to_disk``): ``fields``, ``metadata`` and ``responses``, ``{"label": [{"value", "user_id", "status"}]}``. Only
submitted answers count. Spans are UTF-16 units [1]_.

References
----------
.. [1] https://github.com/argilla-io/argilla/issues/5729
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from classifier.corpus.formats.agreement import agree
from classifier.corpus.formats.columns import Columns, as_text, read_labels_value
from classifier.corpus.formats.foreign import BadRow, BadValue, ForeignLabel, ForeignRow, Format, Reading
from classifier.corpus.formats.jsonl import load_list
from classifier.corpus.formats.spans import Span, as_span, is_span, span_rows
from classifier.errors import CorpusError

_RESPONSES = ".responses"


def is_argilla(columns: Sequence[str]) -> bool:
    """Whether a table's columns are Argilla's."""
    return any(f"{name}.users" in columns for name in columns if name.endswith(_RESPONSES))


def read_flat(
    source: str, columns: Sequence[str], batches: Iterable[Any], reading: Reading
) -> Iterator[ForeignRow | BadRow]:
    """Rows of an exported table."""
    import pyarrow

    questions = [name.removesuffix(_RESPONSES) for name in columns if name.endswith(_RESPONSES)]
    fields = [name for name in columns if not any(name.startswith(f"{q}.") for q in questions)]
    row = 0
    try:
        for batch in batches:
            for record in batch.to_pylist():
                row += 1
                answers = {
                    question: [
                        {"value": value, "user_id": user, "status": status}
                        for value, user, status in zip(
                            *(
                                record.get(f"{question}{part}") or []
                                for part in (_RESPONSES, ".responses.users", ".responses.status")
                            ),
                            strict=False,
                        )
                    ]
                    for question in questions
                }
                yield from _row(source, row, {name: record[name] for name in fields}, answers, reading)
    except (pyarrow.ArrowException, UnicodeDecodeError) as error:
        yield BadRow(source, row + 1, f"the file is broken: {error}; the rows from here on cannot be read")


def read(path: Path, reading: Reading) -> Iterator[ForeignRow | BadRow]:
    """Rows of exported JSON, or of ``records.json`` in a folder that ``to_disk`` made."""
    file = path / "records.json" if path.is_dir() else path
    yield from read_nested(str(file), load_list(file), reading)


def is_argilla_json(record: object) -> bool:
    """Whether an object is a record of Argilla's JSON."""
    return isinstance(record, dict) and isinstance(record.get("fields"), dict) and "responses" in record


def read_nested(source: str, records: Iterable[object], reading: Reading) -> Iterator[ForeignRow | BadRow]:
    """Rows of exported JSON."""
    for row, record in enumerate(records, 1):
        if not isinstance(record, dict) or not is_argilla_json(record):
            yield BadRow(source, row, "no record of Argilla: 'fields' and 'responses' are needed")
            continue
        metadata = record.get("metadata")
        fields = {
            "id": record.get("id"),
            **(metadata if isinstance(metadata, dict) else {}),
            **record["fields"],
        }
        responses = record["responses"] if isinstance(record["responses"], dict) else {}
        answers = {
            str(question): [answer for answer in given if isinstance(answer, dict)]
            for question, given in responses.items()
            if isinstance(given, list)
        }
        yield from _row(source, row, fields, answers, reading)


def _row(
    source: str,
    row: int,
    fields: Mapping[str, object],
    answers: Mapping[str, Sequence[Mapping[str, object]]],
    reading: Reading,
) -> Iterator[ForeignRow | BadRow]:
    identifier = ""
    try:
        identifier = as_text(fields.get(reading.id_column or "id"), "id")
        yield from _taken(source, row, identifier, fields, answers, reading)
    except BadValue as error:
        yield BadRow(source, row, str(error), identifier)


def _taken(
    source: str,
    row: int,
    identifier: str,
    fields: Mapping[str, object],
    answers: Mapping[str, Sequence[Mapping[str, object]]],
    reading: Reading,
) -> Iterator[ForeignRow]:
    question = _question(source, answers, reading)
    # The one way by which columns are found, with the question standing in for the labels.
    named = {**fields, question: None}
    columns = Columns(list(named), replace(reading, labels_columns=(question,)), f"{source}, row {row}")
    labels: dict[str, list[ForeignLabel]] = {}
    spans: dict[str, list[Span]] = {}
    for n, answer in enumerate(answers.get(question, ()), 1):
        if answer.get("status") not in (None, "submitted"):
            continue
        user = as_text(answer.get("user_id"), "user_id").replace(";", ",") or f"annotator {n}"
        value = answer.get("value")
        if isinstance(value, list) and value and all(is_span(item) for item in value):
            spans[user] = [as_span(item) for item in value]
        else:
            labels[user] = read_labels_value(value, question, reading)
    if not labels and not spans:
        raise BadValue(f"nobody has submitted an answer to {question!r}")

    def words(role: str) -> str:
        return as_text(fields.get(columns.of[role]), role) if role in columns.of else ""

    base = ForeignRow(
        source,
        row,
        text=words("text"),
        labels=(),
        id=identifier,
        language=words("language"),
        group=words("group"),
        split=words("split"),
        date=words("date"),
        outlet=words("outlet"),
        annotators=tuple(labels) + tuple(user for user in spans if user not in labels),
    )
    if spans:
        if any(labels.values()):
            raise BadValue(f"the answers to {question!r} are spans and labels; keep one kind of them")
        everyone = [*spans.values(), *([] for user in labels if user not in spans)]
        yield from span_rows(base, everyone, reading.unit, reading.offsets or "utf16")
        return
    agreed, note = agree(list(labels.values()))
    yield replace(base, labels=agreed, note=note)


def _question(source: str, answers: Mapping[str, object], reading: Reading) -> str:
    if reading.labels_columns:
        (question, *_) = reading.labels_columns
        question = question.removesuffix(_RESPONSES)
        if question not in answers:
            raise BadValue(f"--labels-column: no answer to a question {question!r}; there are {', '.join(answers)}")
        return question
    if len(answers) == 1:
        return next(iter(answers))
    found = next((name for name in ("narratives", "labels", "label") if name in answers), None)
    if found is None:
        if not answers:
            raise BadValue("nobody has submitted an answer")
        raise CorpusError(f"{source}: several questions: {', '.join(answers)}; choose one with --labels-column")
    return found


FORMAT = Format("argilla", read, None)
