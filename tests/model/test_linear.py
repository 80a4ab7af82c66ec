"""The compiled scorer and the Python one: against each other, and against scikit-learn's pipeline."""

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.corpus.files import read_labels
from classifier.model.linear import make_scorer
from classifier.training.export import to_pipeline

ROOT = Path(__file__).resolve().parents[2]

HOSTILE = [
    "",
    " ",
    "\x00",
    "\x00a b\x00",
    "\ud800 x",
    "İSTANBUL İ",
    "ΣΑΣ σας ΟΔΥΣΣΕΥΣ",
    "a" * 5000,
    "war " * 20_000,
    "russia" * 5_000,
    "a\u0301 e\u0301",
    "\x1cwar\x85war\u2028Russia\u3000Baku",
    "ß ﬁ Ⅷ ½ ① x\u00b2",
    "🔥" * 50,
    "a_b _ __ a",
    "Россия, Россия; РОССИЯ!",
    "\u0378 unassigned \U000e0041 \U0010ffff",
]

words = st.sampled_from(
    "Russia war is inevitable said the ministry Baku hatred NATO never accept fake İ puppet война Σ".split()
)
any_text = st.one_of(st.text(st.characters(codec=None), max_size=80), st.lists(words, max_size=40).map(" ".join))


def remake(model, path, **changes):
    """A scorer over a model's arrays, of the path asked for."""
    coef = np.asarray(model.coef_, dtype=np.float64)
    known = [w for w in model.word_features if " " not in w][::2]
    return make_scorer(
        changes.get("words", model.word_features),
        changes.get("chars", model.char_features),
        model.idf_,
        known,
        coef,
        model.intercept_,
        len(model.ids),
        path=path,
    )


@pytest.fixture(scope="module")
def reference(small_model):
    return remake(small_model, "python")


@pytest.fixture(scope="module")
def compiled(small_model):
    return remake(small_model, "compiled")


@pytest.fixture(scope="module")
def pipeline(small_model):
    return to_pipeline(small_model)


def strings(n, seed):
    """English, Russian, mixed and hostile strings made from labelled sentences, without any of them twice."""
    rng = random.Random(seed)
    rows = [r.text for name in ("en-claims", "ru-claims") for r in read_labels(ROOT / "labels" / f"{name}.csv")]
    made = list(HOSTILE)
    while len(made) < n:
        text = rng.choice(rows)
        kind = rng.randrange(5)
        if kind == 0:
            text = text.upper()
        elif kind == 1:
            text = f"{text} {rng.choice(rows)}"
        elif kind == 2:
            cut = rng.randrange(len(text))
            text = text[:cut] + chr(rng.choice([0, 0x130, 0x3A3, 0xD800, 0x2028, 0x1F525, 0x301])) + text[cut:]
        elif kind == 3:
            text = "".join(rng.choice(text) for _ in range(rng.randrange(1, 60)))
        made.append(f"{text} {len(made)}")
    return made


@given(texts=st.lists(any_text, min_size=1, max_size=4))
def test_the_reference_is_the_export(reference, pipeline, texts):
    np.testing.assert_allclose(
        reference.decision_function(texts), pipeline.decision_function(texts), rtol=0, atol=1e-12
    )
    np.testing.assert_allclose(reference.predict_proba(texts), pipeline.predict_proba(texts), rtol=0, atol=1e-12)


def test_hostile_texts_too(reference, pipeline):
    np.testing.assert_allclose(
        reference.decision_function(HOSTILE), pipeline.decision_function(HOSTILE), rtol=0, atol=1e-12
    )


@pytest.mark.compiled
@given(texts=st.lists(any_text, min_size=1, max_size=4))
def test_the_compiled_scorer_is_the_reference(reference, compiled, texts):
    outputs, counts = compiled.score(texts)
    expected, expected_counts = reference.score(texts)
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-5)
    assert counts.tolist() == expected_counts.tolist()
    np.testing.assert_array_equal(compiled.decision_function(texts), outputs)
    np.testing.assert_allclose(compiled.predict_proba(texts), 1 / (1 + np.exp(-outputs)), rtol=0, atol=1e-12)


@pytest.mark.compiled
@given(text=any_text)
def test_both_find_the_same_features_in_the_same_places(reference, compiled, text):
    lowered = text.lower()
    n_words = compiled.lookup.n_word_features
    ours, theirs = compiled.locate(lowered), reference.locate(lowered)
    assert sorted(ours) == sorted(theirs)
    are_words = [column < n_words for column, _, _ in ours]
    assert are_words == sorted(are_words, reverse=True)
    for mine, its in zip(compiled.transform(text), reference.transform(text), strict=True):
        np.testing.assert_array_equal(mine, its)


@pytest.mark.compiled
def test_ten_thousand_strings_against_scikit_learn(shipped):
    """The issue's own measure: probabilities within 1e-5, and no decision differs."""
    texts = strings(10_000, seed=1)
    ours = shipped.predict_proba(texts)
    theirs = to_pipeline(shipped).predict_proba(texts)
    assert np.abs(ours - theirs).max() <= 1e-5
    for k, narrative in enumerate(shipped.ids):
        rule = shipped.rules[narrative]
        for bound in (rule.threshold, rule.unsure_from):
            assert ((ours[:, k] >= bound) == (theirs[:, k] >= bound)).all(), narrative


@pytest.mark.compiled
def test_nothing_but_the_text_decides_the_last_bit(small_model, compiled):
    """Batch or single, chunks kept or not, vector instructions or not."""
    from classifier.model._scorer import Scorer
    from classifier.text._ngrams import Lookup

    texts = strings(400, seed=2)
    batch = compiled.decision_function(texts)
    fresh = remake(small_model, "compiled")
    np.testing.assert_array_equal(fresh.decision_function(texts[::-1])[::-1], batch)
    assert fresh.n_kept > 100
    np.testing.assert_array_equal(np.vstack([fresh.decision_function([text]) for text in texts]), batch)
    portable = Scorer(
        Lookup(small_model.word_features, small_model.char_features, []),
        small_model.idf_,
        np.asarray(small_model.coef_, dtype=np.float64),
        small_model.intercept_,
        len(small_model.ids),
        portable=True,
    )
    np.testing.assert_array_equal(portable.decision_function(texts), batch)


@pytest.mark.compiled
def test_eight_threads_give_the_same_answers(small_model):
    texts = strings(2_000, seed=3)
    expected = remake(small_model, "compiled").decision_function(texts)
    shared = remake(small_model, "compiled")
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda k: (k, shared.decision_function(texts[k::8])), range(8)):
            np.testing.assert_array_equal(found[1], expected[found[0] :: 8])


@pytest.mark.compiled
@pytest.mark.parametrize("n_outputs", [1, 7, 8, 15, 23, 24, 30, 47, 71])
def test_any_number_of_outputs(n_outputs):
    """Rows are padded to whole vectors and taken in tiles: no lane may be lost or mixed up."""
    rng = np.random.default_rng(n_outputs)
    features = (["war", "baku war"], [" w", "wa", "war", " baku", "ku "])
    arrays = (rng.uniform(1, 5, 7), ["war"], rng.normal(size=(7, n_outputs)), rng.normal(size=n_outputs), n_outputs)
    texts = ["Baku war", "war war war", "x", "wa" * 40, "bakuwar baku, baku"]
    ours = make_scorer(*features, *arrays, path="compiled")
    theirs = make_scorer(*features, *arrays, path="python")
    np.testing.assert_allclose(ours.decision_function(texts), theirs.decision_function(texts), rtol=0, atol=1e-5)


@pytest.mark.compiled
def test_an_alphabet_too_large_for_packed_keys():
    letters = [chr(c) for c in range(0x4E00, 0x4E00 + 5_000)]
    rng = random.Random(4)
    texts = ["".join(rng.choices(letters + [" "] * 900, k=60)) for _ in range(300)]
    from classifier.training.features import count_ngrams

    counts = count_ngrams(texts, path="python")
    chars = [str(n) for n in counts.char_names]
    known = [str(n) for n in counts.word_names]
    weights = np.random.default_rng(0)
    n = len(known) + len(chars)
    arrays = (weights.uniform(1, 5, n), known[::3], weights.normal(size=(n, 3)), np.zeros(3), 3)
    ours = make_scorer(known, chars, *arrays, path="compiled")
    theirs = make_scorer(known, chars, *arrays, path="python")
    assert ours.lookup.alphabet.n_symbols >= 4096
    held_out = ["".join(rng.choices(letters + [" "] * 900, k=60)) for _ in range(300)]
    for part in (texts, held_out):
        for a, b in zip(ours.score(part), theirs.score(part), strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-5)
    for text in texts[:20]:
        assert sorted(ours.locate(text)) == sorted(theirs.locate(text))


@pytest.mark.compiled
def test_what_would_read_foreign_memory_is_refused(compiled):
    from classifier.model._scorer import Scorer
    from classifier.text._ngrams import Counter

    for broken in (
        lambda: compiled.score(None),
        lambda: compiled.lookup.locate(None),
        lambda: Counter().count(None),
        lambda: Scorer(None, np.zeros(0), np.zeros((0, 1)), np.zeros(1), 1),
    ):
        with pytest.raises(TypeError):
            broken()
    counter = Counter()
    counter.count("ab cd")
    counter.rows()
    for broken in (lambda: counter.count("ab"), counter.rows):
        with pytest.raises(ValueError, match="given out"):
            broken()


@pytest.mark.compiled
def test_a_full_cache_of_chunks_changes_nothing(small_model):
    rng = random.Random(5)
    flood = [" ".join(f"{rng.randrange(36**6):x}" for _ in range(400)) for _ in range(500)]
    texts = strings(200, seed=6)
    scorer = remake(small_model, "compiled")
    expected = scorer.decision_function(texts)
    scorer.decision_function(flood)
    assert scorer.n_kept > 50_000
    np.testing.assert_array_equal(scorer.decision_function(texts), expected)
    again = remake(small_model, "compiled")
    again.decision_function(flood)
    np.testing.assert_array_equal(again.decision_function(texts), expected)


@pytest.mark.compiled
def test_a_model_without_features():
    scorer = make_scorer([], [], np.zeros(0), [], np.zeros((0, 2)), np.array([0.5, -0.5]), 2, path="compiled")
    assert scorer.decision_function(["any text", ""]).tolist() == [[0.5, -0.5]] * 2
    assert scorer.decision_function([]).shape == (0, 2)


@pytest.mark.parametrize("path", ["python", pytest.param("compiled", marks=pytest.mark.compiled)])
def test_what_is_no_text_is_named(small_model, path):
    scorer = remake(small_model, path)
    with pytest.raises(TypeError) as caught:
        scorer.predict_proba(["fine", b"bytes"])
    assert caught.value.args == (1, b"bytes")


@pytest.mark.compiled
def test_weights_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="features"):
        make_scorer(["war"], [], np.ones(2), [], np.ones((2, 1)), np.zeros(1), 1, path="compiled")


@pytest.mark.parametrize("path", ["python", pytest.param("compiled", marks=pytest.mark.compiled)])
@pytest.mark.parametrize(
    ("words", "chars", "known", "error"),
    [
        (["war", "war"], [], [], ValueError),
        (["a b", "war", "a b"], [], [], ValueError),
        ([], ["ab", "ba", "ab"], [], ValueError),
        ([], [], ["war", "peace", "war"], ValueError),
        ([], ["a"], [], ValueError),
        ([], ["abcdef"], [], ValueError),
        (["war", 5], [], [], TypeError),
        ([], ["ab", None], [], TypeError),
        ([], [], [b"war"], TypeError),
    ],
)
def test_a_vocabulary_holds_each_text_once(words, chars, known, error, path):
    n = len(words) + len(chars)
    with pytest.raises(error):
        make_scorer(words, chars, np.ones(n), known, np.ones((n, 1)), np.zeros(1), 1, path=path)


@pytest.mark.compiled
def test_what_looks_alike_is_no_repetition():
    """Words that share tokens, n-grams that differ by padding, and an order that is not the alphabet's."""
    words, chars = ["b a", "a b", "a", "ab", "b", "a a", "ab b"], ["ab", " ab", "ab ", " ab ", "ba", "aab", "  a"]
    n = len(words) + len(chars)
    arrays = (np.linspace(1, 2, n), ["ab", "a", "b"], np.arange(2.0 * n).reshape(n, 2), np.zeros(2), 2)
    ours, theirs = (make_scorer(words, chars, *arrays, path=path) for path in ("compiled", "python"))
    for text in ("ab aa bb ab", "aab ba", "ab"):
        assert sorted(ours.locate(text)) == sorted(theirs.locate(text))
        np.testing.assert_allclose(ours.score([text])[0], theirs.score([text])[0], rtol=0, atol=1e-4)


@pytest.mark.compiled
def test_weights_in_single_precision_give_what_their_doubles_give():
    rng = np.random.default_rng(0)
    coef = rng.normal(size=(3, 9)).astype(np.float32)
    arrays = (["war", "peace"], ["wa"], np.array([1.1, 2.3, 1.7]), ["war"])
    single, double = (make_scorer(*arrays, c, np.zeros(9), 9, path="compiled") for c in (coef, coef.astype(float)))
    np.testing.assert_array_equal(single.score(["war peace"])[0], double.score(["war peace"])[0])
