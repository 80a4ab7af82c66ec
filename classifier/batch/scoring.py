"""From rows to answers: columns that stand beside the input's own, the same for every format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from classifier.batch.parts import Rows
from classifier.model.columns import REASONS, VERDICTS, Columns
from classifier.model.scoring import NarrativeModel
from classifier.taxonomy import VOICES

OutputUnit = Literal["text", "sentence"]

OF_SENTENCES = ("begin", "end", "sentence")
OF_ALL = ("narratives", "unsure", "labels", "coverage", "n_sentences", "error", "model")
YES, UNSURE = VERDICTS.index("yes"), VERDICTS.index("unsure")


@dataclass(frozen=True, slots=True)
class Options:
    """What an output row is and what it tells.

    ``unit``: a row for each input row, or one for each of its sentences. ``all`` tells the labels decided "no" too.
    ``prefix`` stands before the names of the answers' columns.
    """

    column: str = "text"
    unit: OutputUnit = "text"
    all: bool = False
    prefix: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the answers' columns, in order."""
        of_unit = OF_SENTENCES if self.unit == "sentence" else ()
        return tuple(self.prefix + name for name in of_unit + OF_ALL)


LABEL = ("id", "probability", "logit", "decision", "reason", "voice", "voice_probability")
"""Fields of a label: ``voice`` is the likeliest, and both of the voice are None where none was heard."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Output rows for some input rows.

    ``rows`` has the input row of each output row, ``errors`` a word (by input row) on why it could not be scored.
    ``begins``, ``ends`` and ``sentences`` are there for the unit "sentence" alone, None in rows without a sentence.
    ``columns`` has an entry for each output row; what it holds of a row with an error is not to be told.
    """

    columns: Columns
    rows: npt.NDArray[np.int64]
    errors: dict[int, str]
    begins: list[int | None] | None
    ends: list[int | None] | None
    sentences: list[str | None] | None


class RowScorer:
    """Scores rows with one model; build it once in a process."""

    def __init__(self, model: NarrativeModel, options: Options) -> None:
        self.model = model
        self.options = options
        self.digest = model.identity.digest

    def score(self, rows: Rows) -> Answers:
        """Score rows; a row in ``rows.errors`` gets an empty answer and keeps its error."""
        options = self.options
        by_sentence = options.unit == "sentence"
        columns, spans = self.model.score_columns(rows.texts, rows.languages, all=options.all, by_sentence=by_sentence)
        n_texts = len(rows.texts)
        if not by_sentence:
            return Answers(columns, np.arange(n_texts), rows.errors, None, None, None)
        # A text without a sentence has one row too, so that none is lost.
        places: list[int] = []
        begins: list[int | None] = []
        ends: list[int | None] = []
        sentences: list[str | None] = []
        lengths: list[int] = []
        of_sentences = iter(np.diff(columns.ends).tolist())
        for i, (text, found) in enumerate(zip(rows.texts, spans, strict=True)):
            if not found:
                places.append(i)
                begins.append(None)
                ends.append(None)
                sentences.append(None)
                lengths.append(0)
            for begin, end in found:
                places.append(i)
                begins.append(begin)
                ends.append(end)
                sentences.append(text[begin:end])
                lengths.append(next(of_sentences))
        columns = columns._replace(ends=np.cumsum([0, *lengths], dtype=np.int32))
        return Answers(columns, np.array(places, dtype=np.int64), rows.errors, begins, ends, sentences)

    def answer_arrays(self, answers: Answers) -> dict[str, Any]:
        """The answers' columns as pyarrow arrays, by name and in order; one value for each output row."""
        import pyarrow as pa

        columns, prefix = answers.columns, self.options.prefix
        n_rows = len(answers.rows)
        scored = np.ones(n_rows, dtype=bool)
        errors: list[str | None] = [None] * n_rows
        if answers.errors:
            errors = [answers.errors.get(row) for row in answers.rows.tolist()]
            scored = np.array([error is None for error in errors])
        failed = pa.array(~scored)
        out: dict[str, Any] = {}
        if answers.sentences is not None:
            out["begin"] = pa.array(answers.begins, pa.int64())
            out["end"] = pa.array(answers.ends, pa.int64())
            out["sentence"] = pa.array([_storable(s) for s in answers.sentences], pa.large_string())
        ids = pa.array(self.model.ids, pa.string())
        lengths = np.where(scored, np.diff(columns.ends), 0)
        told = np.repeat(scored, np.diff(columns.ends))  # labels of rows that have been scored
        owner = np.repeat(np.arange(n_rows), np.diff(columns.ends))
        for name, verdict in (("narratives", YES), ("unsure", UNSURE)):
            chosen = told & (columns.verdict == verdict)
            counts = np.bincount(owner[chosen], minlength=n_rows)
            out[name] = _lists(pa, counts, ids.take(pa.array(columns.narrative[chosen])), failed)
        voices, heard = likeliest_voices(columns)
        unheard = np.isnan(heard[told])
        reason = columns.reason[told]
        struct = pa.StructArray.from_arrays(
            [
                ids.take(pa.array(columns.narrative[told])),
                pa.array(columns.probability[told]),
                pa.array(columns.logit[told]),
                pa.array(VERDICTS, pa.string()).take(pa.array(columns.verdict[told])),
                pa.array(REASONS, pa.string()).take(pa.array(reason)),
                pa.array(VOICES, pa.string()).take(pa.array(voices[told], mask=unheard)),
                pa.array(heard[told], mask=unheard),
            ],
            names=list(LABEL),
        )
        out["labels"] = _lists(pa, lengths, struct, failed)
        texts = answers.rows
        out["coverage"] = pa.array(columns.coverage[texts], mask=~scored)
        out["n_sentences"] = pa.array(columns.n_sentences[texts], pa.int32(), mask=~scored)
        out["error"] = pa.array(errors, pa.string())
        out["model"] = pa.repeat(pa.scalar(self.digest, pa.string()), n_rows)
        return {prefix + name: array for name, array in out.items()}

    def told_rows(self, answers: Answers) -> Iterator[ToldRow]:
        """The answers for text formats, one for each output row."""
        columns = answers.columns
        narratives = [self.model.ids[narrative] for narrative in columns.narrative.tolist()]
        verdicts = columns.verdict.tolist()
        labels = self._labels_as_json(columns, narratives)
        ends = columns.ends.tolist()
        coverage, n_sentences = columns.coverage.tolist(), columns.n_sentences.tolist()
        nothing: list[str] = []
        for i, row in enumerate(answers.rows.tolist()):
            begin, end = ends[i], ends[i + 1]
            yes = unsure = nothing
            if end > begin:
                yes = [narratives[j] for j in range(begin, end) if verdicts[j] == YES]
                unsure = [narratives[j] for j in range(begin, end) if verdicts[j] == UNSURE]
            yield ToldRow(
                row,
                (answers.begins[i], answers.ends[i], answers.sentences[i])
                if answers.begins is not None and answers.ends is not None and answers.sentences is not None
                else None,
                yes,
                unsure,
                labels[begin:end],
                coverage[row],
                n_sentences[row],
                answers.errors.get(row),
            )

    def _labels_as_json(self, columns: Columns, narratives: Sequence[str]) -> list[str]:
        # By hand: ids are plain (see classifier.taxonomy), and json would take longer than the scoring.
        voices, heard = likeliest_voices(columns)
        named = [f'"{voice}"' for voice in VOICES]
        verdicts = [f'"{verdict}"' for verdict in VERDICTS]
        reasons = ["null" if reason is None else f'"{reason}"' for reason in REASONS]
        return [
            f'{{"id": "{narrative}", "probability": {probability!r}, "logit": {logit!r}, '
            f'"decision": {verdicts[verdict]}, "reason": {reasons[reason]}, '
            + (
                f'"voice": {named[voice]}, "voice_probability": {of_voice!r}}}'
                if of_voice == of_voice
                else '"voice": null, "voice_probability": null}'
            )
            for narrative, probability, logit, verdict, reason, voice, of_voice in zip(
                narratives,
                columns.probability.tolist(),
                columns.logit.tolist(),
                columns.verdict.tolist(),
                columns.reason.tolist(),
                voices.tolist(),
                heard.tolist(),
                strict=True,
            )
        ]


class ToldRow(NamedTuple):
    """What one output row tells, and the place of its input row.

    ``sentence`` has begin, end and text for the unit "sentence", None otherwise; ``labels`` are JSON objects.
    """

    row: int
    sentence: tuple[int | None, int | None, str | None] | None
    narratives: list[str]
    unsure: list[str]
    labels: list[str]
    coverage: float
    n_sentences: int
    error: str | None


def likeliest_voices(columns: Columns) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The place of the likeliest voice of each label, and its probability, NaN where none was heard."""
    voices = columns.voice.argmax(axis=1)
    return voices, columns.voice[np.arange(len(voices)), voices]


def _lists(pa: Any, lengths: npt.NDArray[np.int64], values: Any, failed: Any) -> Any:
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    return pa.ListArray.from_arrays(offsets, values, mask=failed)


def _storable(text: str | None) -> str | None:
    """The text as UTF-8 can hold it: a lone surrogate becomes U+FFFD."""
    if text is None or text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
