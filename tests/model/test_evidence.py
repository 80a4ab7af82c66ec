"""Evidence from both paths: the same places, the same contributions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.model.evidence import MAX_PLACES, make_explainer

words = st.sampled_from(
    "Russia war is inevitable said the ministry Baku hatred NATO never İstanbul puppet война Σ war. (war)".split()
)
some_text = st.one_of(
    st.lists(words, max_size=30).map(" ".join), st.text(st.characters(codec=None), max_size=60), st.just("war İ " * 300)
)


@pytest.fixture(scope="module")
def explainers(small_model):
    features = small_model.word_features + small_model.char_features
    return [
        make_explainer(
            small_model.scorer,
            features,
            small_model.idf_,
            len(small_model.word_features),
            small_model.coef_,
            small_model.ids,
            path=path,
        )
        for path in ("python", "compiled")
    ]


@pytest.mark.compiled
@given(text=some_text, top_k=st.sampled_from([1, 3, 5, 32, 33, 1000, 10**30]), data=st.data())
def test_both_paths_find_the_same_ngrams(small_model, explainers, text, top_k, data):
    labels = data.draw(st.lists(st.sampled_from(small_model.ids), max_size=3, unique=True))
    reference, compiled = (explainer.explain(text, 7, labels, top_k, "ngram") for explainer in explainers)
    assert [(e.label, e.begin, e.end, e.feature) for e in compiled] == [
        (e.label, e.begin, e.end, e.feature) for e in reference
    ]
    np.testing.assert_allclose(
        [e.contribution for e in compiled], [e.contribution for e in reference], rtol=1e-12, atol=1e-12
    )


@pytest.mark.compiled
@given(text=some_text, top_k=st.sampled_from([1, 3, 40]), data=st.data())
def test_both_paths_add_up_the_same_words(small_model, explainers, text, top_k, data):
    label = data.draw(st.sampled_from(small_model.ids))
    reference, compiled = (explainer.explain(text, 7, [label], 10**6, "word") for explainer in explainers)
    # Words of equal weight may change places, where rounding alone tells them apart.
    totals = {(e.begin, e.end, e.feature): e.contribution for e in reference}
    assert len(compiled) == len(totals) == len(text.split())
    for e in compiled:
        assert e.contribution == pytest.approx(totals[e.begin, e.end, e.feature], rel=1e-12, abs=1e-12)
        assert e.feature == text[e.begin - 7 : e.end - 7]
    contributions = [e.contribution for e in compiled]
    assert contributions == sorted(contributions, reverse=True)
    assert explainers[1].explain(text, 7, [label], top_k, "word") == compiled[:top_k]


@pytest.mark.compiled
def test_an_ngram_that_recurs_shares_its_contribution(small_model, explainers):
    label = small_model.ids[0]
    for n in (1, 2, MAX_PLACES, MAX_PLACES + 5):
        found = explainers[1].explain("inevitable " * n, 0, [label], 10**6, "ngram")
        shown = [e for e in found if e.feature == "inevitable"]
        assert [e.begin for e in shown] == [11 * i for i in range(min(n, MAX_PLACES))]
        assert len({e.contribution for e in shown}) == 1


@pytest.mark.compiled
def test_objects_are_whole(small_model, explainers):
    for unit in ("ngram", "word"):
        for e in explainers[1].explain("War is inevitable, they say in Baku.", 3, [small_model.ids[0]], 5, unit):
            assert type(e)(e.label, e.begin, e.end, e.feature, e.contribution) == e
            assert [type(getattr(e, name)) for name in e.__slots__] == [str, int, int, str, float]


@pytest.mark.compiled
def test_weights_that_do_not_fit_are_refused(small_model):
    features = small_model.word_features + small_model.char_features
    for wrong in (
        (features[1:], small_model.idf_, small_model.coef_, small_model.ids),
        (features, small_model.idf_[1:], small_model.coef_, small_model.ids),
        (features, small_model.idf_, small_model.coef_[1:], small_model.ids),
        (features, small_model.idf_, small_model.coef_, small_model.ids[1:]),
    ):
        with pytest.raises(ValueError, match="features"):
            make_explainer(small_model.scorer, wrong[0], wrong[1], 1, wrong[2], wrong[3], path="compiled")
