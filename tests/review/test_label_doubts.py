"""Planted errors come first, each row once, and every kind of evidence is told."""

from dataclasses import replace

import numpy as np
import pytest

from classifier import InputError
from classifier.corpus.sentence import LabelledSentence
from classifier.review.label_doubts import annotator_doubts, copy_doubts, find_doubts, is_kept, kept_note
from classifier.taxonomy import parse_taxonomy
from classifier.training.crossval import Options

TAXONOMY = parse_taxonomy(
    {
        "version": 1,
        "narratives": [
            {"id": "cold-sun", "name": "The sun cools", "definition": "d"},
            {"id": "costly-wind", "name": "Wind is dear", "definition": "d"},
        ],
    }
)
OPTIONS = Options(n_folds=3, C_grid=(8.0,), n_jobs=1)
NARRATIVES = {
    "cold-sun": "sun cooling sunspots solar minimum radiation star dimming orbit".split(),
    "costly-wind": "turbines expensive bills subsidies wind tariffs burden ruin".split(),
    "": "school choir museum football bakery garden library bridge".split(),
}


def corpus(n=180, random_state=0):
    """Sentences whose words give their narrative away; no two alike."""
    rng = np.random.default_rng(random_state)
    rows = []
    for i in range(n):
        name = list(NARRATIVES)[i % 3]
        filler = ["".join(rng.choice(list("abcdefghiklmnoprstu"), 7)) for _ in range(6)]
        words = [*rng.choice(NARRATIVES[name], 4, replace=False).tolist(), *filler]
        labels = {name: None} if name else {}
        rows.append(LabelledSentence(f"r{i}", " ".join(rng.permutation(words)), "en", labels, row=i + 2))
    return rows


def test_planted_errors_come_first_and_each_row_once():
    rows = corpus()
    wrong = {0: {}, 1: {"cold-sun": None}, 2: {"costly-wind": None}, 90: {"costly-wind": None}}
    for i, labels in wrong.items():
        rows[i] = replace(rows[i], labels=labels)
    found = find_doubts(rows, TAXONOMY, OPTIONS)
    ids = [entry.row.id for entry in found.rows]
    assert set(ids[:4]) == {f"r{i}" for i in wrong}
    assert len(ids) == len(set(ids))
    scores = [entry.score for entry in found.rows]
    assert scores == sorted(scores, reverse=True)
    assert all(0.0 <= score <= 1.0 for score in scores)
    first = {entry.row.id: entry for entry in found.rows}
    assert set(first["r1"].narratives) == {"cold-sun", "costly-wind"}
    assert first["r1"].model == ("costly-wind",)
    assert first["r0"].model == ("cold-sun",)
    only = find_doubts(rows, TAXONOMY, OPTIONS, label="cold-sun")
    assert {n for entry in only.rows for n in entry.narratives} == {"cold-sun"}
    assert "r2" not in [entry.row.id for entry in only.rows]


def test_what_was_kept_is_not_listed_until_its_labels_change():
    rows = corpus()
    wrong = replace(rows[0], labels={})
    rows[0] = replace(wrong, note=f"read twice; {kept_note(wrong)}")
    found = find_doubts(rows, TAXONOMY, OPTIONS)
    assert "r0" not in [entry.row.id for entry in found.rows]
    assert found.n_kept == 1
    assert not is_kept(replace(rows[0], labels={"costly-wind": None}))


def test_held_out_rows_are_compared_and_not_judged():
    rows = corpus()
    rows.append(replace(rows[0], id="held", labels={"costly-wind": None}, split="test"))
    entry = next(e for e in find_doubts(rows, TAXONOMY, OPTIONS).rows if e.row.id == "held")
    assert entry.model is None
    assert {doubt.kind for doubt in entry.doubts} == {"copy"}


def test_an_unknown_narrative_is_named():
    with pytest.raises(InputError, match="'wind' is not in the codebook; allowed are cold-sun, costly-wind"):
        find_doubts(corpus(), TAXONOMY, OPTIONS, label="wind")


TEXT = "The sun is cooling and the turbines only make our bills ruinous."


def row(id, labels, annotators=(), text=TEXT, note=""):
    return LabelledSentence(id, text, "en", labels, annotators=annotators, note=note)


def told(doubts):
    return {(d.row, d.narrative, d.kind): d.strength for d in doubts}


def test_copies_with_other_labels_are_doubted_on_both_sides():
    rows = [row("a", {"cold-sun": None}), row("b", {}, text=TEXT + "!"), row("c", {}, text="Something else entirely.")]
    assert told(copy_doubts(rows)) == {(0, "cold-sun", "copy"): 1.0, (1, "cold-sun", "copy"): 1.0}


def test_a_voice_is_doubted_only_where_the_text_is_the_same():
    a = row("a", {"cold-sun": "asserted"})
    same, near = row("b", {"cold-sun": "rejected"}), row("c", {"cold-sun": "rejected"}, text=TEXT + " Or so")
    assert told(copy_doubts([a, same])) == {(0, "cold-sun", "copy"): 1.0, (1, "cold-sun", "copy"): 1.0}
    assert copy_doubts([a, near]) == []


def test_annotators_of_one_text_are_held_against_each_other():
    rows = [
        row("a", {"cold-sun": None}, ("ann",)),
        row("b", {"cold-sun": None}, ("ben",)),
        row("c", {}, ("cem",)),
    ]
    found = told(annotator_doubts(rows, TAXONOMY))
    assert found == {(i, "cold-sun", "annotators"): s for i, s in ((0, 0.5), (1, 0.5), (2, 1.0))}
    assert copy_doubts(rows) == []


def test_a_note_of_the_import_counts():
    rows = [row("a", {}, note="annotators differ: The sun cools 1 of 2, Other 2 of 3; adjudicated")]
    found = told(annotator_doubts(rows, TAXONOMY))
    assert found == {(0, "cold-sun", "annotators"): 1.0, (0, "Other", "annotators"): pytest.approx(2 / 3)}
