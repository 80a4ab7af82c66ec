"""The queue in the database, ranked under a model."""

from dataclasses import replace

import pytest

from classifier.feedback import Feedback, FeedbackStore
from classifier.review.opinion import form_opinion
from classifier.review.pieces import judged_piece
from classifier.review.queue import rank_queue

SURE = "A war with Azerbaijan is inevitable, military bloggers wrote, citing open Russophobia in Baku."
NOTHING = "The trains between Baku and Tbilisi run again."


@pytest.fixture
def store(feedback_url):
    store = FeedbackStore(feedback_url)
    yield store
    store.close()


def test_what_contradicts_the_model_comes_before_what_agrees(store, small_model):
    agrees = [
        store.add(Feedback(SURE, "inevitable-war", "correct"))[0],
        store.add(Feedback(NOTHING, "russophobia", "incorrect"))[0],
    ]
    contradicts = [
        store.add(Feedback(SURE, "russophobia", "incorrect"))[0],
        store.add(Feedback(NOTHING, "inevitable-war", "missing"))[0],
        store.add(Feedback(NOTHING, "no-such-narrative", "correct"))[0],
    ]
    assert rank_queue(store, small_model) == 5
    order = [row.id for row in store.page()[0]]
    assert set(order[:2]) <= set(contradicts)
    priority = {row.id: row.priority for row in store.page()[0]}
    assert max(priority[id] for id in contradicts) == 1.0
    assert priority[contradicts[0]] > priority[agrees[0]]
    assert priority[contradicts[1]] > priority[agrees[1]]
    # The same queue, the same ranking.
    rank_queue(store, small_model)
    assert [row.id for row in store.page()[0]] == order


def test_an_empty_queue_is_ranked_too(store, small_model):
    assert rank_queue(store, small_model) == 0
    id = store.add(Feedback(SURE, "russophobia", "correct"))[0]
    store.decide(id, "accept")
    assert rank_queue(store, small_model) == 0
    assert store.get(id).priority is None


def test_of_a_longer_text_the_sentence_meant_is_judged(store, small_model):
    text = f"{NOTHING} {SURE}"
    store.add(Feedback(text, "inevitable-war", "missing", begin=60, end=65))
    (row,) = store.page()[0]
    assert judged_piece(row, small_model.unit) == SURE


def test_an_opinion_is_the_models_own_answer(small_model):
    opinion = form_opinion(small_model, SURE, "russophobia")
    (expected,) = [d for d in small_model.score([SURE]).results[0].labels if d.id == "russophobia"]
    assert opinion.decision.probability == expected.probability
    assert opinion.voice == expected.voice
    evidence = small_model.score([SURE], explain=5, evidence_unit="word").results[0].sentences[0].evidence
    told = [e for e in evidence if e.label == "russophobia"]
    # Words are added up in another order: the last digit may differ.
    assert [replace(e, contribution=0.0) for e in opinion.evidence] == [replace(e, contribution=0.0) for e in told]
    assert [e.contribution for e in opinion.evidence] == pytest.approx([e.contribution for e in told], abs=1e-12)
    assert "inevitable-war" in {other.id for other in opinion.others}
    # Also for a label that the model does not see, and none for one that it does not know.
    assert form_opinion(small_model, NOTHING, "russophobia").voice is not None
    assert form_opinion(small_model, NOTHING, "no-such-narrative") is None
    assert form_opinion(small_model, " ", "russophobia") is None
