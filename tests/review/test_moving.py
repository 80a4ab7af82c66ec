"""Accepted feedback on its way into the labels: nothing lost, nothing doubled, nothing let into the test set."""

import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from classifier.corpus.checks import check_corpus
from classifier.corpus.files import read_labels, write_labels
from classifier.corpus.sentence import LabelledSentence
from classifier.feedback import Feedback, FeedbackStore
from classifier.review import moving
from classifier.review.moving import move_accepted
from classifier.taxonomy import load_taxonomy

SENTENCE = "They hate everything Russian in that office, the caller from Riga complained on air."
PLAIN = "The ferry from Turkmenbashi docked two hours late because of a strong wind."
LABELLED = "Sooner or later a war with the neighbours will come, whatever the diplomats may say."
HELD_OUT = "The consul said that every mention of the choir had been torn out of its context."


@pytest.fixture
def labels(tmp_path, root):
    """A small corpus with a test set."""
    target = tmp_path / "labels"
    (target / "test" / "neutral").mkdir(parents=True)
    shutil.copy(root / "labels" / "taxonomy.yaml", target)
    rows = [
        LabelledSentence("a-1", LABELLED, "en", {"inevitable-war": "asserted"}),
        LabelledSentence("a-2", "A tram ran into a fence near the old harbour.", "en"),
        LabelledSentence("a-3", "A line that is measured and never trained on, about wheat.", "en", split="later"),
    ]
    write_labels(target / "a.csv", rows)
    write_labels(target / "test" / "en.csv", [LabelledSentence("t-1", HELD_OUT, "en")])
    (target / "test" / "neutral" / "01.txt").write_text("Bread is baked at night here. The mill stands by the river.")
    return target


@pytest.fixture
def store(tmp_path):
    store = FeedbackStore(f"sqlite:///{tmp_path / 'feedback.db'}")
    yield store
    store.close()


def accepted(store, text, label="russophobia", verdict="correct", *, reviewer="Bo", settled=None, **more):
    id, _ = store.add(Feedback(text, label, verdict, **more))
    store.decide(id, "accept", reviewer=reviewer, voice=settled)
    return id


def kinds(outcomes):
    return Counter(outcome.kind for outcome in outcomes)


def added(labels):
    file = labels / "feedback.csv"
    return read_labels(file) if file.exists() else []


def sound(labels):
    """What ``narratives labels check`` asks."""
    rows = read_labels(labels)
    assert check_corpus(rows, load_taxonomy(labels / "taxonomy.yaml")) == []
    return rows


def test_a_row_has_its_provenance(store, labels, small_model):
    id = accepted(store, SENTENCE, voice="attributed", annotator="Ann; Lee", digest="sha256:abc", language="en")
    (outcome,) = move_accepted(store, labels, small_model)
    assert (outcome.kind, outcome.ids) == ("added", (id,))
    (row,) = added(labels)
    assert (row.text, row.language, row.origin) == (SENTENCE, "en", "feedback")
    assert row.id == f"feedback-{id}"
    assert row.labels == {"russophobia": "attributed"}
    assert row.annotators == ("Ann, Lee", "Bo")
    assert id in row.note
    assert "sha256:abc" in row.note
    assert row.group
    assert store.get(id).state == "moved"
    sound(labels)
    assert move_accepted(store, labels, small_model) == []


def test_verdicts_on_one_text_become_one_row(store, labels, small_model):
    accepted(store, SENTENCE, voice="attributed")
    accepted(store, f"  {SENTENCE}\n", "persecuted-russians", "missing", voice="asserted")
    accepted(store, SENTENCE, "information-war", "incorrect")
    outcomes = move_accepted(store, labels, small_model)
    assert kinds(outcomes) == {"added": 1}
    assert len(outcomes[0].ids) == 3
    (row,) = added(labels)
    assert row.labels == {"russophobia": "attributed", "persecuted-russians": "asserted"}
    assert store.counts()["moved"] == 3


def test_a_wrong_label_leaves_a_row_without_it(store, labels, small_model):
    accepted(store, PLAIN, "territorial-designs", "incorrect", language="en")
    move_accepted(store, labels, small_model)
    (row,) = added(labels)
    assert (row.text, row.labels) == (PLAIN, {})


def test_only_what_is_accepted_is_moved(store, labels, small_model):
    store.add(Feedback(SENTENCE, "russophobia", "correct"))
    rejected, _ = store.add(Feedback(PLAIN, "russophobia", "correct"))
    store.decide(rejected, "reject")
    assert move_accepted(store, labels, small_model) == []
    assert added(labels) == []


def test_voices_the_reviewers_then_the_users_then_the_models(store, labels, small_model):
    texts = [f"{SENTENCE} {word}" for word in ("", "", "")]
    texts = [SENTENCE, "In Riga all that is Russian is loathed.", "Baku's hatred of Russians grows, he claims."]
    accepted(store, texts[0], voice="asserted", settled="rejected")
    accepted(store, texts[1], voice="attributed")
    accepted(store, texts[2])
    assert kinds(move_accepted(store, labels, small_model)) == {"added": 3}
    voices = {row.text: row.labels["russophobia"] for row in added(labels)}
    column = small_model.ids.index("russophobia")
    outputs = small_model.scorer.score([texts[2]])[0][0, len(small_model.ids) :]
    likeliest = small_model.voice_head.predict_proba(outputs, column).likeliest
    assert voices == {texts[0]: "rejected", texts[1]: "attributed", texts[2]: likeliest}
    (note,) = [row.note for row in added(labels) if row.text == texts[2]]
    assert small_model.identity.digest in note


def test_contradictions_are_left_until_they_are_settled(store, labels, small_model):
    yes = accepted(store, SENTENCE, voice="asserted")
    no = accepted(store, SENTENCE, verdict="incorrect")
    (outcome,) = move_accepted(store, labels, small_model)
    assert outcome.kind == "left"
    assert set(outcome.ids) == {yes, no}
    assert "contradict each other" in outcome.message
    assert added(labels) == []
    store.decide(no, "reject")
    assert kinds(move_accepted(store, labels, small_model)) == {"added": 1}


def test_voices_that_differ_are_left_until_a_reviewer_names_one(store, labels, small_model):
    one = accepted(store, SENTENCE, voice="asserted")
    accepted(store, SENTENCE, voice="attributed")
    (outcome,) = move_accepted(store, labels, small_model)
    assert (outcome.kind, "differ" in outcome.message) == ("left", True)
    store.decide(one, "accept", voice="rejected")
    assert kinds(move_accepted(store, labels, small_model)) == {"added": 1}
    assert added(labels)[0].labels == {"russophobia": "rejected"}


@pytest.mark.parametrize(
    "text",
    [
        HELD_OUT,
        HELD_OUT.upper(),
        HELD_OUT.replace("consul", "consuls"),
        "The mill stands by the river.",
        "A line that is measured and never trained on, about wheat.",
    ],
)
def test_what_is_held_out_stays_out(store, labels, small_model, text):
    id = accepted(store, text)
    (outcome,) = move_accepted(store, labels, small_model)
    assert outcome.kind == "left"
    assert "held" in outcome.message
    assert added(labels) == []
    assert store.get(id).state == "accepted"


@pytest.mark.parametrize("text", [LABELLED, LABELLED.replace("will come", "shall come")])
@pytest.mark.parametrize(
    ("label", "verdict", "voice", "kind"),
    [
        ("inevitable-war", "correct", None, "known"),
        ("inevitable-war", "correct", "asserted", "known"),
        ("inevitable-war", "correct", "rejected", "left"),
        ("inevitable-war", "incorrect", None, "left"),
        ("russophobia", "incorrect", None, "known"),
        ("russophobia", "missing", None, "left"),
    ],
)
def test_what_stands_in_the_labels_is_not_added_twice(store, labels, small_model, text, label, verdict, voice, kind):
    before = (labels / "a.csv").read_bytes()
    id = accepted(store, text, label, verdict, voice=voice)
    (outcome,) = move_accepted(store, labels, small_model)
    assert outcome.kind == kind
    assert "a-1" in outcome.message
    assert added(labels) == []
    assert (labels / "a.csv").read_bytes() == before
    assert store.get(id).state == ("moved" if kind == "known" else "accepted")


def test_near_duplicates_among_feedback_are_not_added_twice(store, labels, small_model):
    accepted(store, SENTENCE, voice="attributed")
    accepted(store, SENTENCE.replace("complained", "complains"), voice="attributed")
    other = accepted(store, SENTENCE.replace("on air", "today"), "inevitable-war")
    outcomes = move_accepted(store, labels, small_model)
    assert kinds(outcomes) == {"added": 1, "known": 1, "left": 1}
    assert store.get(other).state == "accepted"
    sound(labels)


def test_later_feedback_on_a_moved_text_updates_its_row(store, labels, small_model):
    first = accepted(store, SENTENCE, voice="attributed", annotator="Ann", language="en")
    move_accepted(store, labels, small_model)
    (row,) = added(labels)
    write_labels(labels / "feedback.csv", [replace(row, note=row.note + "; looked at again", register="wire")])
    second = accepted(store, SENTENCE, verdict="incorrect", annotator="Cy")
    third = accepted(store, SENTENCE, "persecuted-russians", "missing", voice="asserted")
    (outcome,) = move_accepted(store, labels, small_model)
    assert (outcome.kind, set(outcome.ids)) == ("updated", {second, third})
    (row,) = added(labels)
    assert row.id == f"feedback-{first}"
    assert row.labels == {"persecuted-russians": "asserted"}
    assert row.annotators == ("Ann", "Bo", "Cy", "user")
    assert row.register == "wire"
    assert "looked at again" in row.note
    assert all(id in row.note for id in (first, second, third))
    sound(labels)


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (None, None),
        ((0, 4), "First it rained."),
        ((18, 30), "Then they wrote of open hatred of Russians."),
        ((14, 20), "First it rained. Then they wrote of open hatred of Russians."),
    ],
)
def test_of_a_longer_text_the_sentence_that_is_meant(store, labels, small_model, span, expected):
    text = "First it rained. Then they wrote of open hatred of Russians. Then it snowed."
    begin, end = span or (None, None)
    accepted(store, text, begin=begin, end=end, language="en")
    (outcome,) = move_accepted(store, labels, small_model)
    if expected is None:
        assert outcome.kind == "left"
        assert "a sentence is needed" in outcome.message
    else:
        assert [row.text for row in added(labels)] == [expected]


def test_sentences_of_one_text_never_straddle_a_split(store, labels, small_model):
    text = "First it rained in Narva. Then they wrote of open hatred of Russians."
    accepted(store, text, begin=0, end=5)
    accepted(store, text, begin=40, end=50)
    accepted(store, SENTENCE)
    assert kinds(move_accepted(store, labels, small_model)) == {"added": 3}
    groups = [row.group for row in added(labels)]
    assert groups[0] == groups[1] != groups[2]


def test_labels_that_the_codebook_does_not_know_are_left(store, labels, small_model):
    accepted(store, SENTENCE, "forgotten-narrative")
    (outcome,) = move_accepted(store, labels, small_model)
    assert (outcome.kind, "not in the codebook" in outcome.message) == ("left", True)


def test_a_codebook_of_one_narrative_a_text(store, labels, small_model):
    codebook = labels / "taxonomy.yaml"
    codebook.write_text(codebook.read_text() + "\nmultilabel: false\nunit: text\n")
    two = "Two sentences are one text here. They hate all that is Russian."
    accepted(store, two)
    accepted(store, PLAIN)
    accepted(store, PLAIN, "inevitable-war", "missing")
    outcomes = move_accepted(store, labels, small_model)
    assert kinds(outcomes) == {"added": 1, "left": 1}
    assert [row.text for row in added(labels)] == [two]
    assert "allows one narrative" in next(o.message for o in outcomes if o.kind == "left")


def test_odd_characters_survive_the_label_file(store, labels, small_model):
    text = 'A "quoted"; nul \0, a 😀, a \x10 and\ta tab, about the hatred of Russians'
    accepted(store, text, annotator="\0\n;x", digest="a\nb;c", language="en")
    assert kinds(move_accepted(store, labels, small_model)) == {"added": 1}
    (row,) = [row for row in sound(labels) if row.origin == "feedback"]
    assert row.text == text
    assert row.annotators == (", x", "Bo") or row.annotators == (",x", "Bo")


def test_languages_are_recognised_where_nobody_named_them(store, labels, small_model):
    accepted(store, SENTENCE)
    accepted(store, "Они ненавидят всё русское в этой конторе, пожаловался слушатель из Риги.")
    move_accepted(store, labels, small_model)
    assert [row.language for row in added(labels)] == ["en", "ru"]


KILLED = """
import os, signal, sys
from classifier import load_model
from classifier.feedback import FeedbackStore
from classifier.review import moving
step, database, labels, models = sys.argv[1:]
def die(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)
if step == "before":
    moving.write_labels = die
else:
    FeedbackStore.mark_moved = die
moving.move_accepted(FeedbackStore(database), labels, load_model(models))
"""


@pytest.mark.parametrize("step", ["before", "after"])
def test_a_killed_move_is_completed_by_the_next_and_doubles_nothing(
    store, labels, small_model, small_models, tmp_path, step
):
    ids = [accepted(store, SENTENCE, voice="attributed"), accepted(store, PLAIN, verdict="incorrect")]
    ids.append(accepted(store, PLAIN, "inevitable-war", "missing", voice="asserted"))
    database = f"sqlite:///{tmp_path / 'feedback.db'}"
    done = subprocess.run([sys.executable, "-c", KILLED, step, database, labels, small_models], check=False)
    assert done.returncode == -9
    assert {store.get(id).state for id in ids} == {"accepted"}
    assert len(added(labels)) == (0 if step == "before" else 2)
    before = added(labels)
    # Something more has come in before the next run.
    ids.append(accepted(store, PLAIN, "russian-weakness", "missing", voice="rejected"))
    outcomes = move_accepted(store, labels, small_model)
    assert kinds(outcomes) == ({"added": 2} if step == "before" else {"known": 1, "updated": 1})
    rows = {row.text: row.labels for row in added(labels)}
    assert rows == {
        SENTENCE: {"russophobia": "attributed"},
        PLAIN: {"inevitable-war": "asserted", "russian-weakness": "rejected"},
    }
    if before:
        assert [row.id for row in added(labels)] == [row.id for row in before]
    assert {store.get(id).state for id in ids} == {"moved"}
    sound(labels)
    assert move_accepted(store, labels, small_model) == []


def test_a_row_decided_otherwise_meanwhile_is_told(store, labels, small_model, monkeypatch):
    id = accepted(store, SENTENCE)

    def write(*arguments):
        write_labels(*arguments)
        store.decide(id, "reject")

    monkeypatch.setattr(moving, "write_labels", write)
    outcomes = move_accepted(store, labels, small_model)
    assert kinds(outcomes) == {"added": 1, "left": 1}
    assert "take its row out" in outcomes[-1].message


TEXTS = st.sampled_from(
    [
        SENTENCE,
        SENTENCE.lower(),
        PLAIN,
        LABELLED,
        HELD_OUT,
        "They hate everything Russian in that office. It rained.",
        "Война неизбежна, говорят они.",
    ]
)
ROWS = st.tuples(
    TEXTS,
    st.sampled_from(["inevitable-war", "russophobia", "unknown"]),
    st.sampled_from(["correct", "incorrect", "missing"]),
    st.none() | st.sampled_from(["asserted", "attributed"]),
    st.sampled_from(["accept", "reject", None]),
    st.booleans(),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(batches=st.lists(st.lists(ROWS, max_size=6), min_size=1, max_size=3))
def test_any_feedback_leaves_sound_labels_and_every_row_accounted_for(batches, labels, small_model, tmp_path_factory):
    (labels / "feedback.csv").unlink(missing_ok=True)
    store = FeedbackStore(f"sqlite:///{tmp_path_factory.mktemp('any') / 'feedback.db'}")
    for batch in batches:
        for text, label, verdict, voice, decision, spanned in batch:
            span = {"begin": 0, "end": 4} if spanned else {}
            id, _ = store.add(Feedback(text, label, verdict, voice, language="en", **span))
            if decision:
                store.decide(id, decision)
        untouched = {row.id: row for state in ("pending", "rejected", "moved") for row in store.all(state)}
        waiting = {row.id for row in store.all("accepted")}
        outcomes = move_accepted(store, labels, small_model)
        told = [id for outcome in outcomes for id in outcome.ids]
        assert sorted(told) == sorted(waiting)
        for outcome in outcomes:
            for id in outcome.ids:
                assert store.get(id).state == ("accepted" if outcome.kind == "left" else "moved")
        assert all(store.get(id) == row for id, row in untouched.items())
        rows = sound(labels)
        assert HELD_OUT not in {row.text for row in rows}
        # Once more changes nothing.
        assert {o.kind for o in move_accepted(store, labels, small_model)} <= {"left"}
        assert read_labels(labels) == rows
    store.close()
