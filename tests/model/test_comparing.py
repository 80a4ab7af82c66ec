"""Two models on the same texts: flips are those of the answers, and what explains them sums up."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier import NarrativeModel
from classifier.model.answer import TextItem
from classifier.model.comparing import compare_models, taxonomy_changes
from classifier.model.golden import golden_texts
from classifier.model.store import read_model
from classifier.taxonomy import parse_taxonomy
from tests.conftest import shifted_model

SENTENCES = [
    "A war with Azerbaijan is inevitable, military bloggers wrote.",
    "Moscow says the interview was torn out of context.",
    "Trains run every half an hour.",
    "Menu",
    "Russophobia is everywhere, the channel claimed; the West wants a war.",
    "Los trenes salen cada media hora de la estacion central.",
    "Это вырвано из контекста, заявили в Москве.",
    "Kyiv is run from Washington, a puppet and nothing else.",
]

texts = st.lists(st.lists(st.sampled_from(SENTENCES), max_size=5).map("\n".join), max_size=6)


def items(given_texts):
    return [(f"text {i}", TextItem(text)) for i, text in enumerate(given_texts)]


@settings(max_examples=20)
@given(texts)
def test_a_model_does_not_differ_from_itself(small_model, given_texts):
    found = compare_models(small_model, small_model, items(given_texts))
    assert found.same
    assert (found.n_texts, found.n_flips, found.largest_change) == (len(given_texts), 0, 0.0)
    assert found.flips == found.features == found.parameters == ()
    assert not found.taxonomy.any
    assert all(n.gained == n.lost == n.other == n.mean_change == 0 for n in found.narratives)


@settings(max_examples=20)
@given(texts)
def test_flips_are_those_of_the_answers_and_terms_sum_to_the_change_of_the_logit(small_model, shipped, given_texts):
    found = compare_models(small_model, shipped, items(given_texts), n_flips=10_000, n_terms=5)
    answers = [
        m.score(given_texts, explain=None, all=True).results if given_texts else () for m in (small_model, shipped)
    ]
    expected = set()
    for i, pair in enumerate(zip(*answers, strict=True)):
        a, b = ({d.id: d for d in answer.labels} for answer in pair)
        expected |= {(f"text {i}", n) for n in a if a[n].decision != b[n].decision}
    assert {(flip.place, flip.narrative) for flip in found.flips} == expected
    assert found.n_flips == len(expected)
    assert found.n_texts_flipped == len({place for place, _ in expected})
    for flip in found.flips:
        total = sum(term.change for term in flip.terms) + flip.rest + flip.bias + flip.length
        assert total == pytest.approx(flip.b.logit - flip.a.logit, abs=1e-4)
        assert len(flip.terms) <= 5
        for side in (flip.a, flip.b):
            assert side.sentence in flip.text
    for n in found.narratives:
        assert n.yes[1] - n.yes[0] == n.gained - n.lost
    assert sum(n.gained + n.lost + n.other for n in found.narratives) == found.n_flips
    # A "yes" that came or went is told first.
    grave = ["yes" in (flip.a.decision, flip.b.decision) for flip in found.flips]
    assert grave == sorted(grave, reverse=True)


def test_features_and_biases_sum_to_the_mean_change_of_the_logits(small_model, shipped):
    found = compare_models(small_model, shipped, items(SENTENCES), n_features=10**6)
    a, b = (model.decision_function(SENTENCES) for model in (small_model, shipped))
    for n in found.narratives:
        change = (b[:, shipped.ids.index(n.id)] - a[:, small_model.ids.index(n.id)]).mean()
        assert n.mean_change == pytest.approx(change, abs=1e-4)
        parts = [f.mean_change for f in found.features if f.narrative == n.id]
        assert sum(parts) + n.bias[1] - n.bias[0] == pytest.approx(change, abs=1e-4)


def test_which_flips_are_kept_does_not_change_what_is_counted(small_model, shipped):
    every = compare_models(small_model, shipped, items(SENTENCES * 50), n_flips=10_000)
    few = compare_models(small_model, shipped, items(SENTENCES * 50), n_flips=3)
    none = compare_models(small_model, shipped, items(SENTENCES * 50), n_flips=0)
    assert few.flips == every.flips[:3]
    assert none.flips == ()
    assert few.n_flips == none.n_flips == every.n_flips == len(every.flips)
    assert few.narratives == every.narratives


def test_a_shift_of_the_bias_is_told_as_such(small_models, tmp_path):
    from classifier.model.versions import load_directory

    shifted_model(small_models / "v1", tmp_path / "v2", 1.5)
    one, other = load_directory(small_models / "v1"), load_directory(tmp_path / "v2")
    found = compare_models(one, other, items([*SENTENCES, "\n".join(SENTENCES)]))
    assert not found.same
    assert found.features == ()
    assert found.flips
    for flip in found.flips:
        assert flip.bias == pytest.approx(1.5)
        assert all(term.change == 0 for term in flip.terms)
        assert flip.rest == 0
    assert all(n.mean_change == pytest.approx(1.5) and n.lost == 0 for n in found.narratives)


def without(model_path, narrative):
    """The model without one narrative, in memory."""
    stored = read_model(model_path)
    taxonomy = parse_taxonomy(stored.json["taxonomy.json"])
    keep = [k for k, n in enumerate(taxonomy.ids) if n != narrative]
    themes = [
        replace(t, narratives=tuple(n for n in t.narratives if n.id != narrative))
        for t in taxonomy.themes
        if {n.id for n in t.narratives} != {narrative}
    ]
    arrays = {
        name: array[:, keep] if name == "coef.npy" else array[keep] if "intercept" in name else array
        for name, array in stored.arrays.items()
    }
    json_files = {**stored.json, "taxonomy.json": replace(taxonomy, themes=tuple(themes)).to_dict(), "golden.json": []}
    return NarrativeModel(replace(stored, arrays=arrays, json=json_files, digest="sha256:other"), version="less")


def test_models_of_other_codebooks_are_compared_where_they_meet(small_models, small_model):
    less = without(small_models / "v1", "russophobia")
    for one, other in ((small_model, less), (less, small_model)):
        found = compare_models(one, other, items(SENTENCES))
        assert (found.taxonomy.removed or found.taxonomy.added) == ("russophobia",)
        assert len(found.narratives) == len(small_model.ids) - 1
        assert found.n_flips == 0
        assert found.largest_change == 0
        json.dumps(found.to_dict(), allow_nan=False)


def test_changes_of_a_codebook():
    def codebook(*narratives):
        entries = [{"id": i, "name": name, "definition": definition} for i, name, definition in narratives]
        return parse_taxonomy({"version": 1, "narratives": entries})

    old = codebook(("a", "A", "about a"), ("b", "B", "about b"), ("c", "C", "about c"), ("d", "D", "about d"))
    new = codebook(("a", "A", "about a"), ("b", "Bee", "about b"), ("c", "C", "more"), ("dd", "D", "about dd"))
    found = taxonomy_changes(old, new)
    assert (found.added, found.removed, found.moved) == (("dd",), ("d",), (("d", "dd"),))
    assert (found.renamed, found.redefined) == ((("b", "B", "Bee"),), ("c",))
    back = taxonomy_changes(new, old)
    assert (back.added, back.removed) == (found.removed, found.added)
    assert not taxonomy_changes(old, old).any


def test_hostile_texts_are_explained_too(small_model, shipped):
    found = compare_models(small_model, shipped, items(golden_texts(small_model)), n_flips=10_000)
    for flip in found.flips:
        total = sum(term.change for term in flip.terms) + flip.rest + flip.bias + flip.length
        assert total == pytest.approx(flip.b.logit - flip.a.logit, abs=1e-4)
    assert np.isfinite(found.largest_change)
