"""Answers from outputs: both paths against each other and against the definition."""

import dataclasses

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from classifier import TextItem
from classifier.model.answering import Options, make_answerer
from classifier.model.decisions import Rule, ThemeRule
from classifier.model.voice import VoiceHead
from tests.model.reference_answers import Parameters, answer_text, decisions_of

N = 5
IDS = [f"narrative-{i}" for i in range(N)]
RULES = {
    narrative: Rule(threshold, unsure_from, 100 + i, i != 2)
    for i, (narrative, threshold, unsure_from) in enumerate(
        zip(IDS, (0.5, 0.6, 0.9, 0.3, 1.0), (0.3, 0.6, 0.2, 0.0, 0.99), strict=True)
    )
}
THEME_OF = {narrative: f"theme-{i % 2}" for i, narrative in enumerate(IDS)}
THEMES = [ThemeRule("theme-0", (0, 2, 4), 1.1, -0.2), ThemeRule("theme-1", (1, 3), 0.9, 0.1)]
BIASES = np.linspace(-1, 1, 3 * N).reshape(N, 3)


class NoEvidence:
    """Tells what it was asked for."""

    def __init__(self):
        self.asked = []

    def explain(self, text, begin, labels, top_k, unit):
        self.asked.append((text, begin, list(labels), top_k, unit))
        return ()


def parameters(*, voices=True, multilabel=True, length_penalty=0.4):
    return Parameters(
        rules=RULES,
        theme_of=THEME_OF,
        themes=THEMES,
        voice_head=VoiceHead(BIASES) if voices else None,
        intercept=np.linspace(-3.0, 1.0, N),
        coverage_bound=0.6,
        length_penalty=length_penalty,
        multilabel=multilabel,
    )


def answerer(given_parameters, path, explainer=None):
    fields = {f.name: getattr(given_parameters, f.name) for f in dataclasses.fields(given_parameters)}
    return make_answerer(explainer=explainer or NoEvidence(), path=path, **fields)


def paths():
    return ["python", pytest.param("compiled", marks=pytest.mark.compiled)]


# Logits at thresholds, far from them, equal to each other, and so large that probabilities round to 0 and 1.
logit = st.one_of(
    st.floats(-6, 6),
    st.sampled_from([0.0, -0.0, -800.0, 800.0, 40.0, 41.0, -2.0, 2.1972245773362196, 0.4054651081081642]),
)
sentence = st.tuples(
    st.lists(logit, min_size=N + 3, max_size=N + 3),
    st.integers(0, 9).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))),
)
texts = st.lists(st.lists(sentence, max_size=5), min_size=1, max_size=3)
kinds = st.builds(
    parameters, voices=st.booleans(), multilabel=st.booleans(), length_penalty=st.sampled_from([0.0, 0.4, 2.0])
)


def laid_out(found):
    """Items, spans, pieces, outputs and words of drawn texts."""
    items = [TextItem("One by one. " * len(sentences) or "—", id=str(i)) for i, sentences in enumerate(found)]
    spans = [[(12 * i, 12 * i + 11) for i in range(len(sentences))] for sentences in found]
    pieces = [item.text[a:b] for item, places in zip(items, spans, strict=True) for a, b in places]
    outputs = np.array([row for sentences in found for row, _ in sentences]).reshape(-1, N + 3)
    words = np.array([counts for sentences in found for _, counts in sentences], dtype=np.int64).reshape(-1, 2)
    return items, spans, pieces, outputs, words


def close(one, other):
    """Equal, but for the last digits of numbers."""
    if isinstance(one, float):
        return one == pytest.approx(other, rel=1e-12, abs=1e-12)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(close, one, other))
    if dataclasses.is_dataclass(one):
        return type(one) is type(other) and all(
            close(getattr(one, f.name), getattr(other, f.name)) for f in dataclasses.fields(one)
        )
    return one == other


def at_a_threshold(given_parameters, logits):
    """Is a probability so near a threshold, or to another, that its last digit decides?"""
    probabilities = sorted(1 / (1 + np.exp(-np.clip(logits, -700, 700))))
    edges = [edge for rule in RULES.values() for edge in (rule.threshold, rule.unsure_from)]
    near = [abs(p - edge) for p in probabilities for edge in edges]
    gaps = np.diff(probabilities)
    return min((x for x in near if x), default=1) < 1e-13 or ((gaps > 0) & (gaps < 1e-13)).any()


@pytest.mark.parametrize("path", paths())
@given(found=texts, kind=kinds, every=st.booleans())
def test_answers_are_as_defined(path, found, kind, every):
    items, spans, pieces, outputs, words = laid_out(found)
    assume(not any(at_a_threshold(kind, row[:N]) for row in outputs))
    answers = answerer(kind, path).answer(items, spans, pieces, outputs, words, Options(explain=None, all=every))
    assert len(answers) == len(items)
    begin = 0
    for item, places, answer in zip(items, spans, answers, strict=True):
        end = begin + len(places)
        expected = answer_text(kind, item, places, pieces[begin:end], outputs[begin:end], words[begin:end], every)
        assume(not at_a_threshold(kind, [label.logit for label in expected.labels]))
        assert close(answer, expected)
        begin = end


@pytest.mark.compiled
@given(found=texts, kind=kinds, every=st.booleans(), explain=st.sampled_from([None, 3]))
def test_both_paths_agree_to_the_last_bit_and_ask_for_the_same_evidence(found, kind, every, explain):
    asked, answers = [], []
    for path in ("python", "compiled"):
        explainer = NoEvidence()
        options = Options(explain=explain, evidence_unit="word", all=every)
        answers.append(answerer(kind, path, explainer).answer(*laid_out(found), options))
        asked.append([one for one in explainer.asked if one[2]])
    assert answers[0] == answers[1]
    assert asked[0] == asked[1]
    assert explain or not asked[0]


@pytest.mark.parametrize("path", paths())
def test_objects_are_whole(path):
    """The compiled path fills objects in past their constructors."""
    items, spans, pieces, outputs, words = laid_out([[([5.0] * (N + 3), (9, 9))] * 2])
    (answer,) = answerer(parameters(), path).answer(items, spans, pieces, outputs, words, Options(explain=None))

    def walk(value):
        if dataclasses.is_dataclass(value):
            names = [field.name for field in dataclasses.fields(value)]
            built = type(value)(*[getattr(value, name) for name in names])
            assert built == value
            assert hash(built) == hash(value)
            assert repr(built) == repr(value)
            assert dataclasses.replace(value) == value
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(value, names[0], None)
            for name in names:
                walk(getattr(value, name))
        elif isinstance(value, tuple):
            for item in value:
                walk(item)
        else:
            assert value is None or type(value) in (str, int, float, bool)

    walk(answer)
    assert len(answer.labels) == 5


@pytest.mark.compiled
def test_arrays_that_do_not_fit_are_refused():
    items, spans, pieces, outputs, words = laid_out([[([5.0] * (N + 3), (9, 9))] * 2])
    compiled = answerer(parameters(), "compiled")
    for wrong in (
        (items, spans, pieces, outputs[:1], words),
        (items, spans, pieces, outputs, words[:1]),
        (items, spans, pieces, outputs[:, : N + 2].copy(), words),
        (items, spans, pieces[:1], outputs, words),
        (items, [[*spans[0], (0, 1)]], pieces, outputs, words),
        (items, spans, pieces, outputs, words[:, :1].copy()),
        (items, spans, pieces, outputs.astype(np.float32), words),
    ):
        with pytest.raises(ValueError):  # noqa: PT011
            compiled.answer(*wrong, Options())
    with pytest.raises(ValueError, match="theme-x"):
        answerer(dataclasses.replace(parameters(), themes=[ThemeRule("theme-x", (N,), 1.0, 0.0)]), "compiled")


def test_the_definition_itself_decides_as_told():
    """So that the oracle is no mirror of what it judges."""
    kind = parameters()
    told = decisions_of(kind, np.array([1.0, 0.0, -1.0, -9.0, 9.0]), None, every=True)
    assert [(d.id[-1], d.decision) for d in told] == [
        ("4", "unsure"),
        ("0", "yes"),
        ("1", "no"),
        ("2", "unsure"),
        ("3", "unsure"),
    ]
