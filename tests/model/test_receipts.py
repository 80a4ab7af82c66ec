import copy
import json
import math
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from classifier import NarrativeModel, TextItem
from classifier.model import receipts
from classifier.model.receipts import TOLERANCE, Verifier
from classifier.model.store import read_model
from classifier.text.engine import engine

TEXTS = [
    "A war with Azerbaijan is inevitable, military bloggers wrote, citing open Russophobia in Baku.",
    "The trains run again. There will be no war, the deputy said.\nThe West wants to weaken Russia. Bye.",
    "Russophobia! The West wants a war, a war with Russia is inevitable, and the West is Russophobic.",
    "  \ufeffЗапад хочет ослабить Россию.\r\nWar war war, war is inevitable \U0001f525 said NATO.  ",
    "Trains.",
    "Nothing of the kind was said in the committee on road works yesterday.",
]
OPTIONS = st.fixed_dictionaries(
    {
        "explain": st.sampled_from([None, 1, 2, 5, 1000]),
        "evidence_unit": st.sampled_from(["ngram", "word"]),
        "all": st.booleans(),
    }
)


@pytest.fixture(scope="module")
def stored(small_models):
    return read_model(small_models / "v1")


@pytest.fixture(scope="module")
def verifier(stored):
    return Verifier(stored, version="v1")


@pytest.fixture(scope="module")
def engines(stored):
    return {path: NarrativeModel(stored, version="v1", path=path) for path in {"python", engine}}


def answered(model, text, language=None, **options):
    """A result as it arrives: through JSON."""
    plain = model.score([TextItem(text, "a1", language)], **options).to_dict()
    return json.loads(json.dumps(plain["results"][0]))


@given(
    text=st.one_of(st.sampled_from(TEXTS), st.text(max_size=80)),
    options=OPTIONS,
    language=st.sampled_from([None, "en", "ru"]),
)
@pytest.mark.parametrize("path", ["python", pytest.param("compiled", marks=pytest.mark.compiled)])
def test_what_a_model_gave_is_accepted_whichever_way_it_was_worked_out(
    engines, verifier, path, text, options, language
):
    receipt = verifier.verify_text(text, answered(engines[path], text, language, **options))
    assert receipt.differences == ()


def leaves(value, path=()):
    """Paths of everything in an answer that is no object and no list."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from leaves(item, (*path, i))
    else:
        yield path


def at(value, path):
    for step in path:
        value = value[step]
    return value


NUMBERS = st.one_of(
    st.floats(3 * TOLERANCE, 1).map(lambda x: lambda old: old + x * max(1, abs(old))),
    st.floats(3 * TOLERANCE, 1).map(lambda x: lambda old: old - x * max(1, abs(old))),
    st.sampled_from([math.nan, math.inf, -math.inf, 10**400, None, "0.5", True, [], {}]).map(lambda x: lambda old: x),
    st.integers(1, 3).map(lambda x: lambda old: old + x),
)


def change(draw, old):
    if isinstance(old, bool):
        return draw(st.sampled_from([not old, int(old), None, "yes"]))
    if isinstance(old, (int, float)):
        return draw(NUMBERS)(old)
    if isinstance(old, str):
        others = ["yes", "no", "unsure", "close", "war", "inevitable-war", "russophobia", "", old + "x", 7, None, []]
        return draw(st.sampled_from(others))
    return draw(st.sampled_from([0, "x", [], True]))


@given(text=st.sampled_from(TEXTS), options=OPTIONS, data=st.data())
def test_any_change_of_a_figure_span_label_or_decision_is_found(small_model, verifier, text, options, data):
    answer = answered(small_model, text, **options)
    path = data.draw(st.sampled_from([p for p in leaves(answer) if p[0] not in ("id",)]))
    changed = copy.deepcopy(answer)
    old = at(answer, path)
    new = change(data.draw, old)
    assume(type(new) is not type(old) or new != old)
    at(changed, path[:-1])[path[-1]] = new
    receipt = verifier.verify_text(text, changed)
    assert not receipt.same, (path, old, new)


@given(text=st.sampled_from(TEXTS), options=OPTIONS, data=st.data())
def test_nothing_can_be_left_out_doubled_or_put_in_another_order(small_model, verifier, text, options, data):
    answer = answered(small_model, text, **options)
    places = [("themes",), ("labels",), ("sentences",)]
    places += [("sentences", i, "labels") for i in range(len(answer["sentences"]))]
    place = data.draw(st.sampled_from([p for p in places if at(answer, p)]))
    changed = copy.deepcopy(answer)
    items = at(changed, place)
    i = data.draw(st.integers(0, len(items) - 1))
    j = data.draw(st.integers(0, len(items) - 1))
    match data.draw(st.sampled_from(["leave out", "double", "swap"])):
        case "leave out":
            del items[i]
        case "double":
            items.insert(j, items[i])
        case "swap":
            # Labels that are equally likely stand in no order.
            assume(abs(items[i].get("probability", i) - items[j].get("probability", j)) > 3 * TOLERANCE)
            items[i], items[j] = items[j], items[i]
    assert not verifier.verify_text(text, changed).same


@given(text=st.sampled_from(TEXTS[:3]), options=OPTIONS, data=st.data())
def test_every_field_is_asked_for(small_model, verifier, text, options, data):
    answer = answered(small_model, text, **options)
    paths = {p[: n + 1] for p in leaves(answer) for n in range(len(p)) if isinstance(p[n], str)}
    path = data.draw(st.sampled_from(sorted((p for p in paths if p != ("id",)), key=str)))
    changed = copy.deepcopy(answer)
    del at(changed, path[:-1])[path[-1]]
    assert not verifier.verify_text(text, changed).same


@pytest.mark.parametrize("unit", ["ngram", "word"])
def test_evidence_that_is_left_out_or_added_is_found(small_model, verifier, unit):
    answer = answered(small_model, TEXTS[0], explain=3, evidence_unit=unit)
    evidence = answer["sentences"][0]["evidence"]
    assert len({e["label"] for e in evidence}) >= 2
    for i in range(len(evidence)):
        changed = copy.deepcopy(answer)
        del changed["sentences"][0]["evidence"][i]
        assert not verifier.verify_text(TEXTS[0], changed).same, evidence[i]
        changed = copy.deepcopy(answer)
        changed["sentences"][0]["evidence"].insert(i, evidence[i])
        assert not verifier.verify_text(TEXTS[0], changed).same, evidence[i]
    deeper = answered(small_model, TEXTS[0], explain=9, evidence_unit=unit)["sentences"][0]["evidence"]
    changed = copy.deepcopy(answer)
    mine = [e for e in evidence if e["label"] == evidence[0]["label"]]
    theirs = [e for e in deeper if e["label"] == evidence[0]["label"]]
    # The third n-gram exchanged for the ninth: true, but not among the first three.
    changed["sentences"][0]["evidence"] = [*mine[:-1], theirs[-1], *evidence[len(mine) :]]
    assert not verifier.verify_text(TEXTS[0], changed).same


def test_evidence_may_be_missing_altogether_and_unknown_fields_are_noted(small_model, verifier):
    answer = answered(small_model, TEXTS[0])
    for sentence in answer["sentences"]:
        sentence["evidence"] = []
    assert verifier.verify_text(TEXTS[0], answer).same
    answer["truth"] = True
    answer["labels"][0]["liar"] = True
    answer["sentences"][0]["mood"] = "bad"
    receipt = verifier.verify_text(TEXTS[0], answer)
    assert receipt.same
    assert receipt.notes == ("not known here, and not looked at: labels[].liar, sentences[].mood, truth",)


def test_contributions_and_bias_sum_to_the_logit(verifier, small_model, monkeypatch):
    answer = answered(small_model, TEXTS[0])
    monkeypatch.setattr(verifier.model, "intercept_", verifier.model.intercept_ + 0.001)
    receipt = verifier.verify_text(TEXTS[0], answer)
    assert any("contributions and bias" in d.place for d in receipt.differences)


def test_a_language_that_was_named_or_detected(small_model, verifier, monkeypatch):
    named = answered(small_model, TEXTS[1], "en")
    receipt = verifier.verify_text(TEXTS[1], named)
    assert receipt.same
    assert "'en' was named" in receipt.notes[0]
    detected = answered(small_model, TEXTS[1], detect_language=True)
    assert detected["language"]["probability"] < 1
    assert verifier.verify_text(TEXTS[1], detected) == receipts.Receipt(())
    for wrong in (
        {"code": "fr", "probability": detected["language"]["probability"]},
        {"code": "en", "probability": 0.1},
        "en",
    ):
        assert not verifier.verify_text(TEXTS[1], {**detected, "language": wrong}).same

    def missing(text):
        raise receipts.MissingExtra("Language identification", "language")

    monkeypatch.setattr(receipts, "detect_language", missing)
    receipt = verifier.verify_text(TEXTS[1], detected)
    assert receipt.same
    assert "not worked out" in receipt.notes[0]


def test_the_model_that_an_answer_names(small_model, verifier):
    told = small_model.score([TEXTS[0]]).to_dict()["model"]
    assert verifier.verify_identity(told) == receipts.Receipt(())
    for change in ({"name": "x"}, {"taxonomy": 7}, {"digest": "sha256:0"}):
        assert not verifier.verify_identity({**told, **change}).same
    renamed = verifier.verify_identity({**told, "version": "v9"})
    assert renamed.same
    assert renamed.notes == ("the answer calls the model 'v9', here it is 'v1'",)
    assert not verifier.verify_identity(None).same


def with_rule(stored, label, **rule):
    calibration = stored.json["calibration.json"]
    narratives = {**calibration["narratives"], label: {**calibration["narratives"][label], **rule}}
    return replace(stored, json={**stored.json, "calibration.json": {**calibration, "narratives": narratives}})


@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("together", [False, True], ids=["with unsure between", "without"])
@pytest.mark.parametrize("boundary", ["threshold", "unsure_from"])
@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("text", [TEXTS[0], f"{TEXTS[0]} {TEXTS[2]} {TEXTS[0]} The trains run again to the coast."])
def test_a_decision_within_rounding_of_its_threshold_is_named_and_may_fall_either_way(
    stored, small_model, text, side, boundary, together, every
):
    label = "inevitable-war"
    sentence = small_model.score([text], all=True).results[0].sentences[0]
    probability = next(d.probability for d in sentence.labels if d.id == label)

    def rules(value):
        other = {"unsure_from": 0.0} if boundary == "threshold" else {"threshold": 1.0}
        return with_rule(
            stored, label, **({"threshold": value, "unsure_from": value} if together else {**other, boundary: value})
        )

    here = Verifier(rules(probability + side * TOLERANCE / 2), version="v1")
    # Another platform, for which the probability lies on the other side.
    there = NarrativeModel(rules(probability - side * TOLERANCE / 2), version="v1")
    answer = answered(there, text, all=every)
    for decision in [*answer["labels"], *(d for s in answer["sentences"] for d in s["labels"])]:
        if decision["id"] == label:
            decision["threshold"] = here.model.rules[label].threshold
    receipt = here.verify_text(text, answer)
    assert receipt.differences == ()
    flipped = [c for c in receipt.close if c.answer != c.model]
    assert {c.label for c in flipped} == {label}
    assert "sentences[0].labels" in {c.place for c in flipped}
    assert all(abs(c.probability - c.value) < TOLERANCE for c in receipt.close)
    # What this platform gives itself is accepted too, and named.
    receipt = here.verify_text(text, answered(here.model, text, all=every))
    assert receipt.same
    assert {(c.label, c.answer == c.model) for c in receipt.close} == {(label, True)}
    # No excuse for anything else.
    answer["labels"][0]["probability"] += 0.001
    assert not here.verify_text(text, answer).same


def test_sentences_and_paragraphs_on_their_own(small_model, verifier):
    text = TEXTS[1]
    answer = answered(small_model, text)
    for sentence in answer["sentences"]:
        row = {"id": None, "text_sha256": answer["text_sha256"], **sentence}
        assert verifier.verify_sentence(text, row).same
        for key, value in (
            ("begin", row["begin"] + 1),
            ("text", "x"),
            ("text_sha256", "0"),
            ("labels", "no"),
            ("begin", []),
        ):
            assert not verifier.verify_sentence(text, {**row, key: value}).same
    begin = text.index("The West")
    end = text.index(" Bye")
    moved = answered(small_model, text[begin:end])
    for sentence in moved["sentences"]:
        for span in (sentence, *sentence["evidence"]):
            span["begin"] += begin
            span["end"] += begin
    moved["text_sha256"] = answer["text_sha256"]
    assert verifier.verify_text(text[begin:end], moved, begin=begin, whole=text).same
    assert not verifier.verify_text(text[begin:end], moved, begin=begin + 1, whole=text).same


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)


@given(text=st.sampled_from(TEXTS[:2]), data=st.data(), junk=JSON)
def test_nonsense_is_a_difference_and_never_an_error(small_model, verifier, text, data, junk):
    answer = answered(small_model, text, all=data.draw(st.booleans()))
    paths = {p[: n + 1] for p in leaves(answer) for n in range(len(p))}
    path = data.draw(st.sampled_from(sorted(paths, key=str)))
    assume(path not in {("id",), ("language",)})
    assume(at(answer, path) != junk)
    at(answer, path[:-1])[path[-1]] = junk
    evidence_gone = path[-1] == "evidence" and junk == []
    assert not verifier.verify_text(text, answer).same or evidence_gone
    if isinstance(junk, dict):
        assert not verifier.verify_text(text, junk).same
        assert not verifier.verify_sentence(text, junk).same
