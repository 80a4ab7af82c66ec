"""Label Studio's JSON export: tasks with their annotations.

Choices over a text are its labels, and Taxonomy's paths too (the last step is the label, the one before it its
theme). Labels over spans of a text become labels of the sentences that they touch. A control that is named after a
voice (``asserted``, ``attributed``, ``rejected``) gives its choices that voice, and so does a per-region choice of a
voice. Where a task has several annotations, what most of them say holds; ground truth goes before them all. Offsets
are code points since version 1.6 and were UTF-16 units before [1]_: the quoted ``text`` of a span tells which.

References
----------
.. [1] https://github.com/HumanSignal/label-studio/pull/1559
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from xml.sax.saxutils import quoteattr

from classifier.corpus.formats.agreement import agree
from classifier.corpus.formats.columns import GUESSES, Columns, record_rows
from classifier.corpus.formats.foreign import (
    BadRow,
    BadValue,
    ForeignLabel,
    ForeignRow,
    Format,
    Reading,
    Writing,
    plain_values,
)
from classifier.corpus.formats.jsonl import load_list
from classifier.corpus.formats.spans import Span, as_span, span_rows
from classifier.corpus.sentence import LabelledSentence
from classifier.durable import new_file
from classifier.taxonomy import VOICES

WITHOUT_VOICE = "narratives"
"""The control for labels without a voice, in what is written here."""

_SPAN_TYPES = ("labels", "hypertextlabels", "paragraphlabels")
_LABELS = "\0labels"


def is_task(record: object) -> bool:
    """Whether an object is a task of Label Studio."""
    return (
        isinstance(record, dict)
        and isinstance(record.get("data"), dict)
        and ("annotations" in record or "completions" in record)
    )


def read(path: Path, reading: Reading) -> Iterator[ForeignRow | BadRow]:
    """Rows of an export; ``row`` is the task's place in it."""
    source = str(path)
    tasks = load_list(path)
    with_spans = any(
        result.get("type") in _SPAN_TYPES
        for task in tasks
        for annotation in _annotations(task)
        for result in _results(annotation, reading)
    )
    for row, task in enumerate(tasks, 1):
        if not isinstance(task, dict) or not is_task(task):
            yield BadRow(source, row, "no task of Label Studio: 'data' and 'annotations' are needed")
            continue
        identifier = str(task["data"].get(reading.id_column or "id") or task.get("id") or "")
        try:
            yield from _rows(task, identifier, source, row, reading, with_spans)
        except BadValue as error:
            yield BadRow(source, row, str(error), identifier)


def _rows(
    task: Mapping[str, object], identifier: str, source: str, row: int, reading: Reading, with_spans: bool
) -> Iterator[ForeignRow | BadRow]:
    annotations = [a for a in _annotations(task) if not a.get("was_cancelled")]
    annotations = [a for a in annotations if a.get("ground_truth")] or annotations
    if not annotations:
        skipped = "skipped by its annotators" if _annotations(task) else "not annotated"
        raise BadValue(f"the task is {skipped}")
    data: Mapping[str, object] = dict(task["data"])  # type: ignore[call-overload]
    named = replace(reading, text_column=_text_key(data, reading), labels_columns=(_LABELS,))
    record = {**data, _LABELS: []}
    columns = Columns(list(record), named, f"{source}, row {row}")
    (base,) = record_rows(record, columns, source, row)
    if isinstance(base, BadRow):
        yield replace(base, id=identifier)
        return
    people = tuple(name for a in annotations if (name := _annotator(a.get("completed_by"))))
    base = replace(base, id=identifier, annotators=tuple(dict.fromkeys(people)) or base.annotators)
    votes = [_vote(annotation, reading) for annotation in annotations]
    if with_spans:
        if any(labels for labels, _ in votes):
            raise BadValue("choices on the whole text beside labels on spans; choose one control with --labels-column")
        offsets = reading.offsets or "codepoint"
        yield from span_rows(base, [spans for _, spans in votes], reading.unit, offsets)
        return
    labels, note = agree([labels for labels, _ in votes])
    yield replace(base, labels=labels, note="; ".join(part for part in (base.note, note) if part))


def _vote(annotation: Mapping[str, object], reading: Reading) -> tuple[list[ForeignLabel], list[Span]]:
    """Labels of the whole text, and of spans, that one annotation gives."""
    labels: list[ForeignLabel] = []
    spans: dict[str, Span] = {}
    of_regions: list[tuple[str, list[str]]] = []
    for n, result in enumerate(_results(annotation, reading)):
        kind, value = result.get("type"), result.get("value")
        if not isinstance(value, dict):
            continue
        if kind in _SPAN_TYPES:
            offsets = value.get("globalOffsets")
            place = offsets if isinstance(offsets, dict) else value
            spans[str(result.get("id", n))] = as_span(
                {
                    "start": place.get("start"),
                    "end": place.get("end"),
                    "labels": value.get(str(kind)),
                    "text": value.get("text"),
                }
            )
        elif kind == "choices":
            chosen = [str(choice) for choice in _listed(value.get("choices"))]
            if "start" in value:
                of_regions.append((str(result.get("id")), chosen))
                continue
            voice = str(result.get("from_name"))
            labels += [ForeignLabel(choice, voice if voice in VOICES else None) for choice in chosen]
        elif kind == "taxonomy":
            for steps in _listed(value.get("taxonomy")):
                names = [str(step) for step in _listed(steps)]
                if names:
                    labels.append(ForeignLabel(names[-1], None, names[-2] if len(names) > 1 else ""))
    for region, chosen in of_regions:
        if region in spans:
            spans[region] = _with_choices(spans[region], chosen)
    return labels, list(spans.values())


def _with_choices(span: Span, chosen: Sequence[str]) -> Span:
    """A span with its per-region choices: a voice is that of its labels, anything else one more label."""
    voice = next((choice for choice in chosen if choice in VOICES), None)
    more = tuple(ForeignLabel(choice) for choice in chosen if choice not in VOICES)
    return span._replace(labels=tuple(label._replace(voice=voice) for label in (*span.labels, *more)))


def _annotations(task: object) -> list[Mapping[str, object]]:
    if not isinstance(task, dict):
        return []
    return [a for a in _listed(task.get("annotations", task.get("completions"))) if isinstance(a, dict)]


def _results(annotation: Mapping[str, object], reading: Reading) -> list[Mapping[str, object]]:
    results = [r for r in _listed(annotation.get("result")) if isinstance(r, dict)]
    return [r for r in results if not reading.labels_columns or r.get("from_name") in reading.labels_columns]


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _annotator(who: object) -> str:
    if isinstance(who, dict):
        who = who.get("email") or who.get("id")
    return "" if who is None else str(who).replace(";", ",")


def _text_key(data: Mapping[str, object], reading: Reading) -> str:
    if reading.text_column:
        return reading.text_column
    texts = [name for name, value in data.items() if isinstance(value, str)]
    found = next((guess for guess in GUESSES["text"] if guess in texts), texts[0] if len(texts) == 1 else None)
    if found is None:
        raise BadValue(f"none of {', '.join(data) or 'its data'} looks like the text; choose with --text-column")
    return found


def write(path: Path, rows: Iterable[LabelledSentence], writing: Writing) -> None:
    """Tasks with one annotation each, and beside them ``*.config.xml``, the labelling interface that they need."""
    names: dict[str, str] = {}
    if writing.taxonomy is not None:
        names = {narrative.id: narrative.name for narrative in writing.taxonomy.narratives}
    config = path.with_name(f"{path.stem}.config.xml")
    with new_file(path) as aside, new_file(config) as config_aside:
        with aside.open("w", encoding="utf-8", newline="\n") as file:
            file.write("[")
            for number, row in enumerate(rows, 1):
                for name in row.labels:
                    names.setdefault(name, name)
                file.write((",\n" if number > 1 else "\n") + json.dumps(_task(number, row), ensure_ascii=False))
            file.write("\n]\n")
        config_aside.write_text(labelling_config(names), encoding="utf-8")


def _task(number: int, row: LabelledSentence) -> dict[str, object]:
    data = dict(plain_values(row))
    # What annotators decide stands in the annotation alone, where they can change it.
    del data["narratives"], data["voices"]
    result: list[dict[str, object]] = []
    for control in (WITHOUT_VOICE, *VOICES):
        voice = control if control in VOICES else None
        chosen = [name for name, said in row.labels.items() if said == voice]
        if chosen:
            result.append(
                {
                    "id": f"{number}-{control}",
                    "from_name": control,
                    "to_name": "text",
                    "type": "choices",
                    "value": {"choices": chosen},
                }
            )
    annotation = {"result": result, "was_cancelled": False, "ground_truth": False}
    return {"id": number, "data": data, "annotations": [annotation], "predictions": []}


def labelling_config(names: Mapping[str, str]) -> str:
    """The labelling interface: one group of choices a voice, and one without.

    Parameters
    ----------
    names : mapping
        Narrative id -> the name that annotators see.
    """
    lines = ["<View>", '  <Text name="text" value="$text"/>']
    for control in (WITHOUT_VOICE, *VOICES):
        lines.append(f'  <Header value="{control if control in VOICES else "without a voice"}"/>')
        lines.append(f'  <Choices name="{control}" toName="text" choice="multiple" showInline="false">')
        lines += [f"    <Choice alias={quoteattr(name)} value={quoteattr(shown)}/>" for name, shown in names.items()]
        lines.append("  </Choices>")
    return "\n".join([*lines, "</View>", ""])


FORMAT = Format("label-studio", read, write)
