"""What a scorer says of sentences, to the answer for the text that they stand in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from classifier.model.answer import (
    Decision,
    Evidence,
    Language,
    Reason,
    SentenceAnswer,
    TextAnswer,
    TextItem,
    ThemeProbability,
    Verdict,
    Voice,
)
from classifier.model.columns import Columns, columns_of
from classifier.model.decisions import Rule, ThemeRule, decide, lowest_logit, probability_of, theme_probabilities
from classifier.model.documents import MIN_WORDS, find_hindrance, text_logits
from classifier.model.evidence import EvidenceUnit, Explainer
from classifier.model.voice import VoiceHead, mean_voice
from classifier.text.engine import Engine, engine
from classifier.text.languages import detect_language
from classifier.text.sentences import Span

if TYPE_CHECKING:
    from classifier.model._answering import CompiledAnswerer
    from classifier.model._evidence import CompiledExplainer

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Options:
    """What a caller asks for; see :meth:`classifier.NarrativeModel.score`."""

    explain: int | None = 5
    evidence_unit: EvidenceUnit = "ngram"
    all: bool = False
    detect_language: bool = False


class _Heard(NamedTuple):
    """What the sentences of a text told, by column: how many carry a narrative; voices, and how probable it was."""

    n_yes: dict[int, int]
    voices: dict[int, list[tuple[Voice, float]]]


class Answerer:
    """Decides, hears voices, explains, and rolls sentences up to texts.

    Most sentences carry nothing: nothing is worked out for a narrative whose logit is too low to be decided. Numbers
    are plain floats, since one call of numpy costs as much as all the arithmetic of a sentence.

    Parameters
    ----------
    rules : mapping of str to Rule
        By narrative, in column order.
    theme_of : mapping of str to str
        The theme of each narrative.
    themes : sequence of ThemeRule
    voice_head : VoiceHead or None
    explainer : Explainer or CompiledExplainer
    intercept : ndarray of float64, shape (n_narratives,)
        The logits of a text without a sentence.
    coverage_bound, length_penalty : float
    multilabel : bool
        Where false, only the likeliest narrative of a sentence or text may be decided.
    """

    def __init__(
        self,
        rules: Mapping[str, Rule],
        theme_of: Mapping[str, str],
        themes: Sequence[ThemeRule],
        voice_head: VoiceHead | None,
        explainer: Explainer | CompiledExplainer,
        intercept: Floats,
        *,
        coverage_bound: float,
        length_penalty: float,
        multilabel: bool,
    ) -> None:
        self._narratives = [(narrative, theme_of[narrative], rule) for narrative, rule in rules.items()]
        self._themes = themes
        self._voice_head = voice_head
        self._explainer = explainer
        self._intercept: list[float] = intercept.tolist()
        self._coverage_bound = coverage_bound
        self._length_penalty = length_penalty
        self._multilabel = multilabel
        self._lowest = [lowest_logit(rule.unsure_from) for rule in rules.values()]
        self._lowest_array = np.array(self._lowest)
        self._columns = range(len(rules))

    def answer(
        self,
        items: Sequence[TextItem],
        spans: Sequence[Sequence[Span]],
        pieces: Sequence[str],
        outputs: Floats,
        words: npt.NDArray[np.int64],
        options: Options,
    ) -> tuple[TextAnswer, ...]:
        """One answer for each text.

        Parameters
        ----------
        items : sequence of TextItem
        spans : sequence of sequence of Span
            Where the sentences of each text are.
        pieces : sequence of str
            All those sentences.
        outputs : ndarray of float64, shape (n_sentences, n_outputs)
            Logits, and after them the voices' outputs without their biases.
        words : ndarray of int64, shape (n_sentences, 2)
            Numbers of words and of known words.
        options : Options
        """
        # All sentences of all texts at once, to find the few that may carry something; then text by text.
        likely: dict[int, list[int]] = {}
        rows, columns = (outputs[:, : len(self._columns)] >= self._lowest_array).nonzero()
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            likely.setdefault(row, []).append(column)
        counts = words.tolist()
        answers = []
        begin = 0
        for item, found in zip(items, spans, strict=True):
            end = begin + len(found)
            answers.append(
                self._text(
                    item, found, pieces[begin:end], outputs[begin:end], counts[begin:end], likely, begin, options
                )
            )
            begin = end
        return tuple(answers)

    def columns(
        self,
        spans: Sequence[Sequence[Span]],
        outputs: Floats,
        words: npt.NDArray[np.int64],
        *,
        every: bool,
        by_sentence: bool,
    ) -> Columns:
        """The decisions alone, for many texts at once; parameters as for :meth:`answer`.

        Parameters
        ----------
        every : bool
            Tell those decided "no" too.
        by_sentence : bool
            Tell the decisions of sentences, not those of texts.
        """
        items = [TextItem("")] * len(spans)
        pieces = [""] * len(outputs)
        answers = self.answer(items, spans, pieces, outputs, words, Options(explain=None, all=every))
        return columns_of(answers, [narrative for narrative, _, _ in self._narratives], by_sentence=by_sentence)

    def _text(
        self,
        item: TextItem,
        spans: Sequence[Span],
        pieces: Sequence[str],
        outputs: Floats,
        counts: Sequence[Sequence[int]],
        likely: Mapping[int, Sequence[int]],
        first: int,
        options: Options,
    ) -> TextAnswer:
        """The answer for one text; ``likely`` counts sentences from ``first`` of all texts."""
        n_words = n_known = 0
        for told, known in counts:
            n_words += told
            n_known += known
        coverage = n_known / n_words if n_words else 0.0
        familiar = coverage >= self._coverage_bound
        heard = _Heard({}, {})
        sentences: list[SentenceAnswer] = []
        hindrances: list[Reason | None] = []
        for i, (begin, end) in enumerate(spans):
            hindrance = find_hindrance(counts[i][0], counts[i][1], familiar, self._coverage_bound)
            hindrances.append(hindrance)
            columns = self._columns if options.all else likely.get(first + i)
            if columns is None:
                sentences.append(SentenceAnswer(begin, end, pieces[i], (), ()))
                continue
            labels = self._sentence_labels(outputs[i].tolist(), columns, hindrance, heard, every=options.all)
            evidence: tuple[Evidence, ...] = ()
            if options.explain and labels:
                decided = [label.id for label in labels if label.decision != "no"]
                evidence = self._explainer.explain(pieces[i], begin, decided, options.explain, options.evidence_unit)
            sentences.append(SentenceAnswer(begin, end, pieces[i], labels, evidence))
        if len(sentences) == 1:
            # Both levels agree.
            logits = outputs[0, : len(self._columns)].tolist()
            decisions = sentences[0].labels
        else:
            # Hindered sentences speak for the text only where there is no other: a two-word heading or a line in
            # another language must neither make a "yes" nor drown one.
            free = [i for i, reason in enumerate(hindrances) if reason is None]
            hindrance = None
            if not free:
                hindrance = "unfamiliar" if "unfamiliar" in hindrances else "short"
            elif not familiar:
                hindrance = "unfamiliar"
            logits = self._whole(outputs, counts, free, heard)
            decisions = self._text_labels(logits, hindrance, heard, every=options.all)
        return TextAnswer(
            id=item.id,
            text_sha256=hashlib.sha256(item.text.encode("utf-8", "surrogatepass")).hexdigest(),
            offset_unit="codepoint",
            coverage=coverage,
            language=_language(item, options.detect_language),
            themes=tuple([ThemeProbability(*pair) for pair in theme_probabilities(logits, self._themes)]),
            labels=decisions,
            sentences=tuple(sentences),
        )

    def _decide(
        self, logits: Sequence[float], columns: Iterable[int], hindrance: Reason | None, *, every: bool
    ) -> list[tuple[int, float, Verdict, Reason | None]]:
        """(column, probability, verdict, reason) of those narratives that are told, likeliest first."""
        if not self._multilabel:
            columns = self._columns  # the likeliest of all of them
        ranked = sorted([(-probability_of(logits[column]), column) for column in columns])
        found = []
        for place, (negative, column) in enumerate(ranked):
            verdict, reason = decide(-negative, self._narratives[column][2], hindrance)
            if place and not self._multilabel:
                verdict, reason = "no", None
            if verdict != "no" or every:
                found.append((column, -negative, verdict, reason))
        return found

    def _sentence_labels(
        self,
        outputs: Sequence[float],
        columns: Iterable[int],
        hindrance: Reason | None,
        heard: _Heard,
        *,
        every: bool,
    ) -> tuple[Decision, ...]:
        labels = []
        for column, probability, verdict, reason in self._decide(outputs, columns, hindrance, every=every):
            voice = None
            if verdict != "no" and self._voice_head is not None:
                voice = self._voice_head.predict_proba(outputs[len(self._columns) :], column)
                heard.voices.setdefault(column, []).append((voice, probability))
            if verdict == "yes":
                heard.n_yes[column] = heard.n_yes.get(column, 0) + 1
            labels.append(self._decision(column, probability, outputs[column], verdict, reason, voice))
        return tuple(labels)

    def _text_labels(
        self, logits: Sequence[float], hindrance: Reason | None, heard: _Heard, *, every: bool
    ) -> tuple[Decision, ...]:
        likely: Sequence[int] = self._columns
        if not every:
            likely = [column for column in self._columns if logits[column] >= self._lowest[column]]
        if not likely:
            return ()
        labels = []
        for column, probability, verdict, reason in self._decide(logits, likely, hindrance, every=every):
            voices = heard.voices.get(column)
            voice = mean_voice([v for v, _ in voices], [p for _, p in voices]) if voices and verdict != "no" else None
            labels.append(self._decision(column, probability, logits[column], verdict, reason, voice))
        return tuple(labels)

    def _decision(
        self,
        column: int,
        probability: float,
        logit: float,
        verdict: Verdict,
        reason: Reason | None,
        voice: Voice | None,
    ) -> Decision:
        narrative, theme, rule = self._narratives[column]
        return Decision(
            narrative,
            theme,
            probability,
            logit,
            rule.threshold,
            verdict,
            reason,
            voice,
            rule.support,
            rule.trained_enough,
        )

    def _whole(
        self, outputs: Floats, counts: Sequence[Sequence[int]], free: Sequence[int], heard: _Heard
    ) -> list[float]:
        """The logits of a text, from those of its sentences without a hindrance; where there are none, of all."""
        if not counts:
            return self._intercept
        logits = outputs[:, : len(self._columns)]
        if 0 < len(free) < len(counts):
            logits = logits[free]
            counts = [counts[i] for i in free]
        n_sentences = sum([n_words >= MIN_WORDS for n_words, _ in counts])
        return text_logits(logits.max(axis=0).tolist(), n_sentences, heard.n_yes, self._length_penalty)


def make_answerer(
    rules: Mapping[str, Rule],
    theme_of: Mapping[str, str],
    themes: Sequence[ThemeRule],
    voice_head: VoiceHead | None,
    explainer: Explainer | CompiledExplainer,
    intercept: Floats,
    *,
    coverage_bound: float,
    length_penalty: float,
    multilabel: bool,
    path: Engine = engine,
) -> Answerer | CompiledAnswerer:
    """The active path's answerer, or that of ``path``; parameters as for :class:`Answerer`."""
    kind: type[Answerer | CompiledAnswerer] = Answerer
    if path == "compiled":
        from classifier.model import _answering

        kind = _answering.CompiledAnswerer
    return kind(
        rules,
        theme_of,
        themes,
        voice_head,
        explainer,
        intercept,
        coverage_bound=coverage_bound,
        length_penalty=length_penalty,
        multilabel=multilabel,
    )


def _language(item: TextItem, detect: bool) -> Language | None:
    if item.language is not None:
        return Language(item.language, 1.0)
    if detect:
        return Language(*detect_language(item.text))
    return None
