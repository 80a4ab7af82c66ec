"""The model that the project ships, on the examples that the documentation promises."""

import pytest

from classifier.corpus.files import corpus_digest, read_labels

PROMISED = "A war with Azerbaijan is inevitable, military bloggers wrote, citing open Russophobia in Baku."


def test_the_promised_answer(shipped):
    result = shipped.score([PROMISED]).results[0]
    found = {d.id: d for d in result.labels if d.decision == "yes"}
    assert set(found) == {"inevitable-war", "russophobia"}
    for decision in found.values():
        assert decision.voice.likeliest == "attributed"
    assert {e.label for e in result.sentences[0].evidence} == set(found)


@pytest.mark.parametrize(
    "text",
    [
        "The delays at the border were inevitable, the railway said.",
        "In the context of the talks, the ministers discussed transit and customs.",
        "Azerbaijan's president met his Russian counterpart in Dushanbe on Thursday.",
        "Sign up for our newsletter and follow us on Telegram.",
    ],
)
def test_plain_sentences_stay_plain(shipped, text):
    assert [d.id for d in shipped.score([text]).results[0].labels if d.decision == "yes"] == []


def test_it_was_trained_on_the_labels_that_stand_here(shipped, root):
    assert shipped.manifest["training_data"]["digest"] == corpus_digest(read_labels(root / "labels"))


def test_every_narrative_was_trained_enough(shipped):
    assert [n for n, rule in shipped.rules.items() if not rule.trained_enough] == []
