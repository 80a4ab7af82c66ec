# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The compiled path of :class:`classifier.model.answering.Answerer`: the same answers, to the last bit.

What costs in Python is not arithmetic but calls: of numpy on a handful of numbers, and of the constructors of frozen
dataclasses. Objects are filled in here as those constructors do it, past ``__setattr__``.
"""

from cpython.object cimport PyTypeObject
from libc.math cimport NAN, exp, log
from libc.stdint cimport int8_t, int32_t, int64_t
from libc.stdlib cimport free, malloc

import hashlib

import numpy as np

from classifier.model.answer import (
    Decision,
    Language,
    SentenceAnswer,
    TextAnswer,
    ThemeProbability,
    Voice,
)
from classifier.model.columns import REASONS as TOLD_REASONS, VERDICTS as TOLD_VERDICTS, Columns
from classifier.model.decisions import lowest_logit
from classifier.model.documents import MIN_WORDS, MIN_WORDS_FOR_COVERAGE, SUPPORT_BONUS
from classifier.text.languages import detect_language

cdef extern from "Python.h":
    object PyType_GenericAlloc(PyTypeObject *kind, Py_ssize_t n_items)
    int PyObject_GenericSetAttr(object o, object name, object value) except -1

cdef object new_decision = Decision
cdef object new_sentence = SentenceAnswer
cdef object new_text = TextAnswer
cdef object new_theme = ThemeProbability
cdef object new_voice = Voice
cdef object sha256 = hashlib.sha256
cdef double support_bonus = SUPPORT_BONUS
cdef int64_t min_words = MIN_WORDS
cdef int64_t min_words_for_coverage = MIN_WORDS_FOR_COVERAGE
cdef object NO_LABELS = ()

cdef enum:
    NO
    UNSURE
    YES

cdef enum:
    FREE
    SHORT
    UNFAMILIAR
    CLOSE

cdef tuple VERDICTS = TOLD_VERDICTS
cdef tuple REASONS = TOLD_REASONS
assert VERDICTS == ("no", "unsure", "yes") and REASONS == (None, "short", "unfamiliar", "close")


cdef struct Narrative:
    double lowest           # no logit below can be decided
    double unsure_from
    double threshold
    double[3] voice         # biases


cdef struct Theme:
    double slope
    double intercept
    Py_ssize_t begin        # of its columns
    Py_ssize_t end


# One narrative of one sentence or text.
cdef struct Found:
    Py_ssize_t column
    double probability
    int verdict
    int reason
    bint has_voice
    double[3] voice


# What the sentences of a text told of one narrative.
cdef struct Heard:
    Py_ssize_t n_yes
    Py_ssize_t n_voices
    double weight
    double[3] voice         # the first one; weighted sums from the second on
    double[3] weighted


cdef inline double probability_of(double logit) noexcept nogil:
    cdef double small
    if logit >= 0.0:
        return 1.0 / (1.0 + exp(-logit))
    small = exp(logit)
    return small / (1.0 + small)


cdef object voice_of(const double *parts):
    cdef object voice = PyType_GenericAlloc(<PyTypeObject *>new_voice, 0)
    PyObject_GenericSetAttr(voice, "asserted", parts[0])
    PyObject_GenericSetAttr(voice, "attributed", parts[1])
    PyObject_GenericSetAttr(voice, "rejected", parts[2])
    return voice


cdef object sentence_of(object begin, object end, object text, object labels, object evidence):
    cdef object sentence = PyType_GenericAlloc(<PyTypeObject *>new_sentence, 0)
    PyObject_GenericSetAttr(sentence, "begin", begin)
    PyObject_GenericSetAttr(sentence, "end", end)
    PyObject_GenericSetAttr(sentence, "text", text)
    PyObject_GenericSetAttr(sentence, "labels", labels)
    PyObject_GenericSetAttr(sentence, "evidence", evidence)
    return sentence


cdef class _Told:
    """Decisions as arrays that grow."""

    cdef Py_ssize_t n, room
    cdef object held
    cdef int32_t[::1] column
    cdef int8_t[::1] verdict, reason
    cdef double[::1] probability, logit
    cdef double[:, ::1] voice

    def __init__(self, Py_ssize_t room):
        self.n = 0
        self.held = [np.zeros(0, dtype=kind) for kind in (np.int32, np.float64, np.float64, np.int8, np.int8)]
        self.held.append(np.zeros((0, 3)))
        self._grow(room)

    cdef object _grow(self, Py_ssize_t room):
        grown = []
        for old in self.held:
            new = np.empty((room, *old.shape[1:]), dtype=old.dtype)
            new[: self.n] = old[: self.n]
            grown.append(new)
        self.held = grown
        self.column, self.probability, self.logit, self.verdict, self.reason, self.voice = grown
        self.room = room

    cdef object tell(self, const double *logits, const Found *found, Py_ssize_t n_found):
        cdef Py_ssize_t i, j
        if self.n + n_found > self.room:
            self._grow(2 * self.room + n_found)
        for i in range(n_found):
            self.column[self.n] = <int32_t>found[i].column
            self.probability[self.n] = found[i].probability
            self.logit[self.n] = logits[found[i].column]
            self.verdict[self.n] = <int8_t>found[i].verdict
            self.reason[self.n] = <int8_t>found[i].reason
            for j in range(3):
                self.voice[self.n, j] = found[i].voice[j] if found[i].has_voice else NAN
            self.n += 1

    def arrays(self):
        return [array[: self.n] for array in self.held]


cdef class CompiledAnswerer:
    """See :class:`classifier.model.answering.Answerer`."""

    cdef Py_ssize_t n_narratives, n_themes
    cdef Narrative *narratives
    cdef Theme *themes
    cdef Py_ssize_t *theme_columns
    cdef list told                  # of each narrative: id, theme, threshold, support, trained_enough
    cdef list theme_ids
    cdef bint has_voices, multilabel
    cdef object explainer
    cdef double coverage_bound, length_penalty
    cdef double *intercept

    def __init__(
        self,
        rules,
        theme_of,
        themes,
        voice_head,
        explainer,
        intercept,
        *,
        double coverage_bound,
        double length_penalty,
        bint multilabel,
    ):
        cdef Py_ssize_t i, j, n_columns = 0
        self.n_narratives = len(rules)
        self.n_themes = len(themes)
        self.narratives = <Narrative *>malloc((self.n_narratives + 1) * sizeof(Narrative))
        self.themes = <Theme *>malloc((self.n_themes + 1) * sizeof(Theme))
        self.theme_columns = <Py_ssize_t *>malloc((sum(len(t.columns) for t in themes) + 1) * sizeof(Py_ssize_t))
        self.intercept = <double *>malloc((self.n_narratives + 1) * sizeof(double))
        if self.narratives == NULL or self.themes == NULL or self.theme_columns == NULL or self.intercept == NULL:
            raise MemoryError
        self.has_voices = voice_head is not None
        self.told = []
        for i, (narrative, rule) in enumerate(rules.items()):
            self.narratives[i].lowest = lowest_logit(rule.unsure_from)
            self.narratives[i].unsure_from = rule.unsure_from
            self.narratives[i].threshold = rule.threshold
            for j in range(3):
                self.narratives[i].voice[j] = voice_head.intercept[i, j] if self.has_voices else 0.0
            self.told.append((narrative, theme_of[narrative], rule.threshold, rule.support, rule.trained_enough))
        self.theme_ids = []
        for i, theme in enumerate(themes):
            self.themes[i].slope = theme.slope
            self.themes[i].intercept = theme.intercept
            self.themes[i].begin = n_columns
            if not theme.columns or not 0 <= min(theme.columns) <= max(theme.columns) < self.n_narratives:
                raise ValueError(f"theme {theme.id} has columns {theme.columns} of {self.n_narratives}")
            for column in theme.columns:
                self.theme_columns[n_columns] = column
                n_columns += 1
            self.themes[i].end = n_columns
            self.theme_ids.append(theme.id)
        self.explainer = explainer
        self.coverage_bound = coverage_bound
        self.length_penalty = length_penalty
        self.multilabel = multilabel
        for i in range(self.n_narratives):
            self.intercept[i] = intercept[i]

    def __dealloc__(self):
        free(self.narratives)
        free(self.themes)
        free(self.theme_columns)
        free(self.intercept)

    def answer(
        self, items, spans, list pieces, const double[:, ::1] outputs, const int64_t[:, ::1] words, options
    ):
        """See :meth:`classifier.model.answering.Answerer.answer`."""
        cdef Py_ssize_t begin = 0, n, n_sentences = len(pieces), n_outputs = outputs.shape[1]
        cdef Py_ssize_t room = self.n_narratives + 1
        cdef double *logits
        cdef Found *found
        cdef Heard *heard
        if (
            outputs.shape[0] != n_sentences or words.shape[0] != n_sentences or words.shape[1] != 2
            or n_outputs < self.n_narratives + 3 * self.has_voices or sum([len(s) for s in spans]) != n_sentences
        ):
            raise ValueError(f"{n_sentences} sentences, {outputs.shape[0]} x {n_outputs} outputs")
        answers = []
        logits = <double *>malloc(room * sizeof(double))
        found = <Found *>malloc(room * sizeof(Found))
        heard = <Heard *>malloc(room * sizeof(Heard))
        try:
            if logits == NULL or found == NULL or heard == NULL:
                raise MemoryError
            for item, places in zip(items, spans):
                n = len(places)
                answers.append(
                    self._text(
                        item, places, pieces, begin, n, &outputs[begin, 0] if n else NULL, n_outputs,
                        &words[begin, 0] if n else NULL, options, logits, found, heard
                    )
                )
                begin += n
        finally:
            free(logits)
            free(found)
            free(heard)
        return tuple(answers)

    def columns(
        self, spans, const double[:, ::1] outputs, const int64_t[:, ::1] words, *, bint every, bint by_sentence
    ):
        """See :meth:`classifier.model.answering.Answerer.columns`."""
        cdef Py_ssize_t n_texts = len(spans), n_sentences = outputs.shape[0], n_outputs = outputs.shape[1]
        cdef Py_ssize_t begin = 0, text, i, j, n, n_found, at = 0
        cdef Py_ssize_t room = max(1_024, (n_sentences if by_sentence else n_texts) * (self.n_narratives if every else 1))
        cdef int64_t n_words, n_known
        cdef bint familiar
        cdef int hindrance
        cdef const double *rows
        cdef const int64_t *counts
        cdef double *logits = <double *>malloc((self.n_narratives + 1) * sizeof(double))
        cdef Found *found = <Found *>malloc((self.n_narratives + 1) * sizeof(Found))
        cdef Heard *heard = <Heard *>malloc((self.n_narratives + 1) * sizeof(Heard))
        lengths = [len(places) for places in spans]
        coverage = np.zeros(n_texts)
        ends = np.zeros((n_sentences if by_sentence else n_texts) + 1, dtype=np.int32)
        told = _Told(room)
        cdef double[::1] told_coverage = coverage
        cdef int32_t[::1] told_ends = ends
        cdef _Told sink = told
        try:
            if logits == NULL or found == NULL or heard == NULL:
                raise MemoryError
            if (
                words.shape[0] != n_sentences or words.shape[1] != 2 or sum(lengths) != n_sentences
                or n_outputs < self.n_narratives + 3 * self.has_voices
            ):
                raise ValueError(f"{sum(lengths)} sentences, {n_sentences} x {n_outputs} outputs")
            for text in range(n_texts):
                n = lengths[text]
                rows = &outputs[begin, 0] if n else NULL
                counts = &words[begin, 0] if n else NULL
                n_words = n_known = 0
                for i in range(n):
                    n_words += counts[2 * i]
                    n_known += counts[2 * i + 1]
                told_coverage[text] = <double>n_known / <double>n_words if n_words else 0.0
                familiar = told_coverage[text] >= self.coverage_bound
                for j in range(self.n_narratives):
                    heard[j].n_yes = 0
                    heard[j].n_voices = 0
                n_found = 0
                for i in range(n):
                    hindrance = self._hindrance(counts + 2 * i, familiar)
                    n_found = self._decide(rows + i * n_outputs, hindrance, every, found)
                    self._hear(rows + i * n_outputs, found, n_found, heard)
                    if by_sentence:
                        sink.tell(rows + i * n_outputs, found, n_found)
                        at += 1
                        told_ends[at] = <int32_t>sink.n
                begin += n
                if by_sentence:
                    continue
                if n == 1:
                    # Both levels agree.
                    sink.tell(rows, found, n_found)
                else:
                    hindrance = self._roll_up(counts, rows, n_outputs, n, familiar, heard, logits)
                    n_found = self._decide(logits, hindrance, every, found)
                    self._recall(found, n_found, heard)
                    sink.tell(logits, found, n_found)
                at += 1
                told_ends[at] = <int32_t>sink.n
        finally:
            free(logits)
            free(found)
            free(heard)
        return Columns(coverage, np.array(lengths, dtype=np.int32), ends, *told.arrays())

    cdef object _text(
        self, object item, object spans, list pieces, Py_ssize_t first, Py_ssize_t n, const double *outputs,
        Py_ssize_t n_outputs, const int64_t *words, object options, double *logits, Found *found, Heard *heard
    ):
        cdef int64_t n_words = 0, n_known = 0
        cdef Py_ssize_t i, j, n_found
        cdef double coverage
        cdef bint familiar, every = options.all
        cdef int hindrance
        cdef object labels, evidence, explain = options.explain
        for i in range(n):
            n_words += words[2 * i]
            n_known += words[2 * i + 1]
        coverage = <double>n_known / <double>n_words if n_words else 0.0
        familiar = coverage >= self.coverage_bound
        for j in range(self.n_narratives):
            heard[j].n_yes = 0
            heard[j].n_voices = 0
        sentences = []
        for i in range(n):
            hindrance = self._hindrance(words + 2 * i, familiar)
            n_found = self._decide(outputs + i * n_outputs, hindrance, every, found)
            labels = evidence = NO_LABELS
            if n_found:
                self._hear(outputs + i * n_outputs, found, n_found, heard)
                labels = self._labels(outputs + i * n_outputs, found, n_found)
                if explain:
                    decided = [label.id for label in labels if label.decision != "no"]
                    evidence = self.explainer.explain(
                        pieces[first + i], spans[i][0], decided, explain, options.evidence_unit
                    )
            sentences.append(sentence_of(spans[i][0], spans[i][1], pieces[first + i], labels, evidence))
        if n == 1:
            # Both levels agree.
            for j in range(self.n_narratives):
                logits[j] = outputs[j]
            labels = (<object>sentences[0]).labels
        else:
            hindrance = self._roll_up(words, outputs, n_outputs, n, familiar, heard, logits)
            n_found = self._decide(logits, hindrance, every, found)
            self._recall(found, n_found, heard)
            labels = self._labels(logits, found, n_found) if n_found else NO_LABELS
        language = None
        if item.language is not None:
            language = Language(item.language, 1.0)
        elif options.detect_language:
            language = Language(*detect_language(item.text))
        text = PyType_GenericAlloc(<PyTypeObject *>new_text, 0)
        PyObject_GenericSetAttr(text, "id", item.id)
        PyObject_GenericSetAttr(
            text, "text_sha256", sha256((<str>item.text).encode("utf-8", "surrogatepass")).hexdigest()
        )
        PyObject_GenericSetAttr(text, "offset_unit", "codepoint")
        PyObject_GenericSetAttr(text, "coverage", coverage)
        PyObject_GenericSetAttr(text, "language", language)
        PyObject_GenericSetAttr(text, "themes", self._theme_probabilities(logits))
        PyObject_GenericSetAttr(text, "labels", labels)
        PyObject_GenericSetAttr(text, "sentences", tuple(sentences))
        return text

    cdef int _hindrance(self, const int64_t *words, bint familiar) noexcept nogil:
        """What keeps a sentence from a "yes". ``familiar`` tells of the whole text."""
        if words[0] < min_words:
            return SHORT
        if words[0] >= min_words_for_coverage:
            familiar = <double>words[1] / <double>words[0] >= self.coverage_bound
        return FREE if familiar else UNFAMILIAR

    cdef Py_ssize_t _decide(self, const double *logits, int hindrance, bint every, Found *found) noexcept nogil:
        """Those narratives that are told, likeliest first; returns how many."""
        cdef Py_ssize_t column, i, n_likely = 0, n_found = 0
        cdef Found one
        cdef bint any_likely = every
        if not self.multilabel and not every:
            # The likeliest of all is wanted, unless no narrative can be decided.
            for column in range(self.n_narratives):
                any_likely |= logits[column] >= self.narratives[column].lowest
            if not any_likely:
                return 0
        for column in range(self.n_narratives):
            if not (every or not self.multilabel or logits[column] >= self.narratives[column].lowest):
                continue
            one.column = column
            one.probability = probability_of(logits[column])
            i = n_likely
            while i and found[i - 1].probability < one.probability:
                found[i] = found[i - 1]
                i -= 1
            found[i] = one
            n_likely += 1
        for i in range(n_likely):
            one = found[i]
            one.verdict = NO
            one.reason = FREE
            if i == 0 or self.multilabel:
                if one.probability >= self.narratives[one.column].threshold:
                    one.verdict = YES if hindrance == FREE else UNSURE
                    one.reason = hindrance
                elif one.probability >= self.narratives[one.column].unsure_from:
                    one.verdict = UNSURE
                    one.reason = CLOSE if hindrance == FREE else hindrance
            if every or one.verdict != NO:
                found[n_found] = one
                n_found += 1
        return n_found

    cdef void _hear(self, const double *outputs, Found *found, Py_ssize_t n_found, Heard *heard) noexcept nogil:
        """The voices of one sentence, told to ``found`` and added to ``heard``."""
        cdef Py_ssize_t i, j
        cdef double largest, total
        cdef double *parts
        cdef Heard *h
        for i in range(n_found):
            h = heard + found[i].column
            found[i].has_voice = found[i].verdict != NO and self.has_voices
            if found[i].has_voice:
                parts = found[i].voice
                for j in range(3):
                    parts[j] = outputs[self.n_narratives + j] + self.narratives[found[i].column].voice[j]
                largest = max(parts[0], parts[1], parts[2])
                for j in range(3):
                    parts[j] = exp(parts[j] - largest)
                total = parts[0] + parts[1] + parts[2]
                for j in range(3):
                    parts[j] /= total
                    if h.n_voices == 0:
                        h.voice[j] = parts[j]
                        h.weighted[j] = parts[j] * found[i].probability
                    else:
                        h.weighted[j] += parts[j] * found[i].probability
                h.weight = (h.weight if h.n_voices else 0.0) + found[i].probability
                h.n_voices += 1
            h.n_yes += found[i].verdict == YES

    cdef void _recall(self, Found *found, Py_ssize_t n_found, const Heard *heard) noexcept nogil:
        """The voices of a text, from those of its sentences."""
        cdef Py_ssize_t i, j
        cdef const Heard *h
        for i in range(n_found):
            h = heard + found[i].column
            found[i].has_voice = found[i].verdict != NO and h.n_voices != 0
            if found[i].has_voice:
                for j in range(3):
                    found[i].voice[j] = h.voice[j] if h.n_voices == 1 else h.weighted[j] / h.weight

    cdef int _roll_up(
        self, const int64_t *words, const double *outputs, Py_ssize_t n_outputs, Py_ssize_t n, bint familiar,
        const Heard *heard, double *logits
    ) noexcept nogil:
        """The logits of a text of no or several sentences, and what keeps it from a "yes"."""
        cdef Py_ssize_t i, j, n_free = 0, n_long = 0
        cdef double strongest, length, support
        cdef bint anything_unfamiliar = False, some
        cdef int hindrance
        for i in range(n):
            hindrance = self._hindrance(words + 2 * i, familiar)
            n_free += hindrance == FREE
            n_long += words[2 * i] >= min_words
            anything_unfamiliar |= hindrance == UNFAMILIAR
        # Hindered sentences speak for the text only where there is no other.
        length = log(<double>(n_free or n_long or 1))
        for j in range(self.n_narratives):
            if n == 0:
                logits[j] = self.intercept[j]
                continue
            some = False
            strongest = 0.0
            for i in range(n):
                if n_free and n_free < n and self._hindrance(words + 2 * i, familiar) != FREE:
                    continue
                if not some or outputs[i * n_outputs + j] > strongest:
                    strongest = outputs[i * n_outputs + j]
                    some = True
            if heard[j].n_yes > 1:
                support = length - support_bonus * log(<double>heard[j].n_yes)
                logits[j] = strongest - self.length_penalty * (support if support > 0.0 else 0.0)
            else:
                logits[j] = strongest - self.length_penalty * length
        if n_free:
            return FREE if familiar else UNFAMILIAR
        return UNFAMILIAR if anything_unfamiliar else SHORT

    cdef object _labels(self, const double *logits, const Found *found, Py_ssize_t n_found):
        cdef Py_ssize_t i
        labels = []
        for i in range(n_found):
            voice = voice_of(found[i].voice) if found[i].has_voice else None
            labels.append(self._decision(found + i, logits[found[i].column], voice))
        return tuple(labels)

    cdef object _decision(self, const Found *found, double logit, object voice):
        cdef tuple told = <tuple>self.told[found.column]
        cdef object decision = PyType_GenericAlloc(<PyTypeObject *>new_decision, 0)
        PyObject_GenericSetAttr(decision, "id", told[0])
        PyObject_GenericSetAttr(decision, "theme", told[1])
        PyObject_GenericSetAttr(decision, "probability", found.probability)
        PyObject_GenericSetAttr(decision, "logit", logit)
        PyObject_GenericSetAttr(decision, "threshold", told[2])
        PyObject_GenericSetAttr(decision, "decision", VERDICTS[found.verdict])
        PyObject_GenericSetAttr(decision, "reason", REASONS[found.reason])
        PyObject_GenericSetAttr(decision, "voice", voice)
        PyObject_GenericSetAttr(decision, "support", told[3])
        PyObject_GenericSetAttr(decision, "trained_enough", told[4])
        return decision

    cdef object _theme_probabilities(self, const double *logits):
        cdef Py_ssize_t i, j
        cdef double largest
        cdef object theme
        themes = []
        for i in range(self.n_themes):
            largest = logits[self.theme_columns[self.themes[i].begin]]
            for j in range(self.themes[i].begin, self.themes[i].end):
                largest = max(largest, logits[self.theme_columns[j]])
            theme = PyType_GenericAlloc(<PyTypeObject *>new_theme, 0)
            PyObject_GenericSetAttr(theme, "id", self.theme_ids[i])
            PyObject_GenericSetAttr(
                theme, "probability", probability_of(self.themes[i].slope * largest + self.themes[i].intercept)
            )
            themes.append(theme)
        return tuple(themes)
