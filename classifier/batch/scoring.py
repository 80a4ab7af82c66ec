"""From rows to answers: columns that stand beside the input's own, the same for every format."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from classifier.batch.parts import Rows
from classifier.model.answer import Reason, Verdict
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


class Label(NamedTuple):
    """One narrative of an output row. ``voice`` is the likeliest, None where no voice was heard."""

    id: str
    probability: float
    logit: float
    decision: Verdict
    reason: Reason | None
    voice: str | None
    voice_probability: float | None


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

    def labels(self, columns: Columns) -> list[Label]:
        """All labels of some answers, in order."""
        ids = self.model.ids
        voices, heard = likeliest_voices(columns)
        return [
            Label(
                ids[narrative],
                probability,
                logit,
                VERDICTS[verdict],
                REASONS[reason],
                None if math.isnan(voice_probability) else VOICES[voice],
                None if math.isnan(voice_probability) else voice_probability,
            )
            for narrative, probability, logit, verdict, reason, voice, voice_probability in zip(
                columns.narrative.tolist(),
                columns.probability.tolist(),
                columns.logit.tolist(),
                columns.verdict.tolist(),
                columns.reason.tolist(),
                voices.tolist(),
                heard.tolist(),
                strict=True,
            )
        ]

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
            names=Label._fields,
        )
        out["labels"] = _lists(pa, lengths, struct, failed)
        texts = answers.rows
        out["coverage"] = pa.array(columns.coverage[texts], mask=~scored)
        out["n_sentences"] = pa.array(columns.n_sentences[texts], pa.int32(), mask=~scored)
        out["error"] = pa.array(errors, pa.string())
        out["model"] = pa.repeat(pa.scalar(self.digest, pa.string()), n_rows)
        return {prefix + name: array for name, array in out.items()}

    def plain_answers(self, answers: Answers) -> Iterator[PlainAnswer]:
        """The answers as plain values, one for each output row; for text formats."""
        columns = answers.columns
        labels = self.labels(columns)
        ends = columns.ends.tolist()
        coverage, n_sentences = columns.coverage.tolist(), columns.n_sentences.tolist()
        for i, row in enumerate(answers.rows.tolist()):
            error = answers.errors.get(row)
            yield PlainAnswer(
                row,
                None if answers.begins is None else answers.begins[i],
                None if answers.ends is None else answers.ends[i],
                None if answers.sentences is None else answers.sentences[i],
                [] if error else labels[ends[i] : ends[i + 1]],
                coverage[row],
                n_sentences[row],
                error,
            )


class PlainAnswer(NamedTuple):
    """What one output row tells, and the place of its input row."""

    row: int
    begin: int | None
    end: int | None
    sentence: str | None
    labels: Sequence[Label]
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
