import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier import InputError, NarrativeModel, TextItem
from classifier.model.store import read_model
from classifier.text.sentences import split_sentences

SENTENCES = [
    "A war with Azerbaijan is inevitable, military bloggers wrote, citing open Russophobia in Baku.",
    "The trains between Baku and Tbilisi run again, the railway said.",
    "Nobody can rewrite history: they falsify who liberated whom.",
    "İstanbul'da Σ NATO is preparing a big war with Russia, İ said.",
    "Migrants must serve in the army or get out!",
]
some_text = st.lists(st.one_of(st.sampled_from(SENTENCES), st.text(st.characters(codec=None), max_size=40)), max_size=5)


@given(parts=some_text)
def test_every_span_slices_the_callers_text(small_model, parts):
    text = "\n".join(parts)
    result = small_model.score([text], explain=3, all=True).results[0]
    assert [(s.begin, s.end) for s in result.sentences] == split_sentences(text)
    for sentence in result.sentences:
        assert text[sentence.begin : sentence.end] == sentence.text
        for item in sentence.evidence:
            assert sentence.begin <= item.begin < item.end <= sentence.end
            shown = text[item.begin : item.end].lower()
            for piece in item.feature.replace("ς", "σ").split():
                assert piece in shown.replace("ς", "σ")


@given(parts=st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=4))
def test_a_batch_answers_as_its_texts_alone(small_model, parts):
    together = small_model.score(parts).results
    assert together == tuple(small_model.score([part]).results[0] for part in parts)
    assert together[::-1] == small_model.score(parts[::-1]).results


@pytest.mark.parametrize("unit", ["ngram", "word"])
@pytest.mark.parametrize("text", [*SENTENCES, "a" * 300 + " war", "war war war, war!"])
def test_contributions_plus_bias_sum_to_the_logit(small_model, text, unit):
    result = small_model.score([text], explain=10**9, all=True, evidence_unit=unit).results[0]
    for sentence in result.sentences:
        for decision in sentence.labels:
            if decision.decision == "no":
                continue
            column = small_model.ids.index(decision.id)
            total = math.fsum(e.contribution for e in sentence.evidence if e.label == decision.id)
            assert total + small_model.intercept_[column] == pytest.approx(decision.logit, abs=1e-5)
            assert decision.probability == pytest.approx(1 / (1 + math.exp(-decision.logit)), abs=1e-12)


def test_contributions_sum_for_every_label_even_those_not_decided(small_model):
    """Straight from the evidence room, so that no label is left out."""
    from classifier.model.evidence import LocatedSentence

    for text in SENTENCES:
        located = LocatedSentence(text, 0, small_model.scorer, small_model.word_features + small_model.char_features)
        logits = small_model.decision_function([text])[0]
        for k, narrative in enumerate(small_model.ids):
            for unit in ("ngram", "word"):
                found = located.explain(narrative, small_model.coef_[:, k], 10**9, unit)
                total = math.fsum(e.contribution for e in found) + small_model.intercept_[k]
                assert total == pytest.approx(logits[k], abs=1e-5)


@pytest.mark.parametrize("text", SENTENCES)
def test_for_one_sentence_text_and_sentence_agree(small_model, text):
    result = small_model.score([text], all=True).results[0]
    assert len(result.sentences) == 1
    assert result.labels == result.sentences[0].labels


def test_decisions_follow_the_thresholds(small_model):
    for result in small_model.score(SENTENCES, all=True).results:
        for decision in result.sentences[0].labels:
            rule = small_model.rules[decision.id]
            if decision.probability >= rule.threshold:
                assert decision.decision in ("yes", "unsure")
            elif decision.probability < rule.unsure_from:
                assert decision.decision == "no"
            assert (decision.reason is None) == (decision.decision != "unsure")
            assert (decision.voice is None) == (decision.decision == "no")
            if decision.voice:
                assert sum(dataclasses.astuple(decision.voice)) == pytest.approx(1)


def test_labels_decided_no_are_left_out_unless_asked_for(small_model):
    few = small_model.score(SENTENCES).results
    every = small_model.score(SENTENCES, all=True).results
    for a, b in zip(few, every, strict=True):
        assert len(b.labels) == len(small_model.ids)
        assert a.labels == tuple(d for d in b.labels if d.decision != "no")


@pytest.mark.parametrize("text", ["", " \n ", "🔥", "...", "\x00"])
def test_texts_without_words_carry_nothing(small_model, text):
    result = small_model.score([text]).results[0]
    assert result.coverage == 0
    assert not [label for label in result.labels if label.decision == "yes"]
    assert len(small_model.score([text], all=True).results[0].labels) == 20


@pytest.mark.parametrize("text", ["Inevitable war!", "Russophobia", "War. War. War."])
def test_less_than_three_words_are_never_a_yes(small_model, text):
    result = small_model.score([text]).results[0]
    found = [d for labels in (result.labels, *(s.labels for s in result.sentences)) for d in labels]
    assert {d.decision for d in found} <= {"unsure"}
    assert {d.reason for d in found} <= {"short"}


def test_an_unfamiliar_sentence_makes_no_text_a_yes(small_model):
    plain = "The trains between Baku and Tbilisi run again, the railway said. The ministry said so on Monday."
    odd = "Zxqv plorg wibble inevitable war with Azerbaijan fnord grault wibble gronk."
    result = small_model.score([f"{plain} {odd}"], all=True).results[0]
    assert result.coverage >= small_model.coverage_bound
    assert {d.decision for d in result.sentences[-1].labels} <= {"unsure", "no"}
    assert "yes" not in {d.decision for d in result.labels}


@pytest.mark.parametrize("hindered", ["Russophobia!", "Zxqv plorg wibble russophobia fnord grault wibble gronk."])
def test_a_hindered_line_does_not_drown_a_sentence_that_carries_it(small_model, hindered):
    alone = {d.id: d.decision for d in small_model.score([SENTENCES[0]]).results[0].labels}
    together = {d.id: d.decision for d in small_model.score([f"{hindered}\n{SENTENCES[0]}"]).results[0].labels}
    assert alone["russophobia"] == "yes"
    assert together == alone


def test_any_iterable_of_texts_will_do(small_model):
    assert small_model.score(t for t in SENTENCES) == small_model.score(SENTENCES)
    assert small_model.predict_proba(t for t in SENTENCES[:2]).shape == (2, 20)


def test_evidence_of_a_repetitive_text_stays_small(small_model):
    text = "war with azerbaijan is inevitable " * 500
    result = small_model.score([text], explain=3).results[0]
    for sentence in result.sentences:
        assert len(sentence.evidence) <= 3 * 100 * len(sentence.labels)


@pytest.mark.parametrize("n", [1, 40, 1_000])
def test_a_neutral_text_of_any_length_stays_neutral(shipped, n):
    result = shipped.score([" ".join([SENTENCES[1]] * n)]).results[0]
    assert len(result.sentences) == n
    assert [label for label in result.labels if label.decision == "yes"] == []


def test_a_long_text_is_not_truncated(small_model):
    text = "\n".join([SENTENCES[1]] * 2_000 + [SENTENCES[0]])
    last = small_model.score([text]).results[0].sentences[-1]
    assert last.end == len(text)
    assert {d.id for d in last.labels} == {
        d.id for d in small_model.score([SENTENCES[0]]).results[0].sentences[0].labels
    }


def test_language_is_named_by_the_caller_or_identified_on_demand(small_model):
    plain, named = small_model.score([SENTENCES[1], TextItem(SENTENCES[1], id="x", language="ru")]).results
    assert plain.language is None
    assert (named.id, named.language.code, named.language.probability) == ("x", "ru", 1.0)
    found = small_model.score([SENTENCES[1]], detect_language=True).results[0].language
    assert found.code == "en"


@pytest.mark.parametrize(
    ("texts", "options", "field"),
    [
        ("one text", {}, "texts"),
        ([b"bytes"], {}, "texts[0]"),
        (None, {}, "texts"),
        ([TextItem("a", language="Russian")], {}, "texts[0].language"),
        ([TextItem("a", language="\ud800")], {}, "texts[0].language"),
        ([TextItem("a", id=5)], {}, "texts[0].id"),
        (["a"], {"explain": 0}, "explain"),
        (["a"], {"explain": True}, "explain"),
        (["a"], {"evidence_unit": "byte"}, "explain"),
    ],
)
def test_wrong_input_is_told_by_field(small_model, texts, options, field):
    with pytest.raises(InputError) as caught:
        small_model.score(texts, **options)
    assert caught.value.field == field


def test_threads_get_equal_answers(small_model):
    from concurrent.futures import ThreadPoolExecutor

    expected = small_model.score(SENTENCES * 5)
    with ThreadPoolExecutor(8) as pool:
        assert all(answer == expected for answer in pool.map(lambda _: small_model.score(SENTENCES * 5), range(16)))


def test_arrays_have_the_shapes_told(small_model):
    assert small_model.predict_proba([]).shape == (0, 20)
    p = small_model.predict_proba(SENTENCES)
    assert p.shape == (len(SENTENCES), 20)
    assert ((p > 0) & (p < 1)).all()
    np.testing.assert_allclose(p, 1 / (1 + np.exp(-small_model.decision_function(SENTENCES))), rtol=0, atol=1e-15)


@pytest.mark.compiled
@pytest.mark.parametrize(
    "options", [{"explain": None}, {"explain": 5}, {"explain": 3, "evidence_unit": "word"}, {"all": True}]
)
def test_both_paths_give_the_same_answers(small_model, small_models, options):
    python = NarrativeModel(read_model(small_models / "v1"), version="v1", path="python")
    texts = [*SENTENCES, " ".join(SENTENCES), "\n".join(SENTENCES * 4), "War.", "", "Zxqv plorg wibble fnord."]

    def close(one, other):
        if isinstance(one, float):
            return one == pytest.approx(other, abs=1e-5)
        if isinstance(one, dict):
            return list(one) == list(other) and all(close(one[key], other[key]) for key in one)
        if isinstance(one, list):
            return len(one) == len(other) and all(map(close, one, other))
        return one == other

    assert close(small_model.score(texts, **options).to_dict(), python.score(texts, **options).to_dict())
