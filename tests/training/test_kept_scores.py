"""Out-of-fold answers on disk: what is written comes back, and what is damaged does not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.corpus.sentence import LabelledSentence
from classifier.training.crossval import Judged
from classifier.training.kept_scores import DIRECTORY, collect_scores, read_scores, write_scores

DIGEST = "sha256:" + "ab" * 32


def some(n=7, k=11, random_state=0):
    rng = np.random.default_rng(random_state)
    rows = [LabelledSentence(f"r{i}", f"text {i} \ud800", "en") for i in range(n)]
    p = rng.random((n, k))
    judged = Judged(p, p > 0.5)
    narratives = [f"n-{i}" for i in range(k)]
    return collect_scores(rows, narratives, rng.random((n, k)) < 0.3, np.arange(n) % 3, np.arange(n), judged)


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 99))
def test_what_is_kept_comes_back(tmp_path_factory, n, k, random_state):
    models = tmp_path_factory.mktemp("models")
    kept = some(n, k, random_state)
    write_scores(models, DIGEST, kept)
    found = read_scores(models, DIGEST)
    assert (found.narratives, found.texts, found.ids) == (kept.narratives, kept.texts, kept.ids)
    for name in ("folds", "units", "logits", "yes", "y"):
        assert np.array_equal(getattr(found, name), getattr(kept, name)), name


def test_nothing_kept_is_none(tmp_path):
    assert read_scores(tmp_path, DIGEST) is None


def test_texts_are_not_kept(tmp_path):
    path = write_scores(tmp_path, DIGEST, some())
    assert path.parent == tmp_path / DIRECTORY
    with np.load(path) as file:
        assert not any(b"text" in file[name].tobytes() for name in file.files)


def test_damage_is_found(tmp_path):
    path = write_scores(tmp_path, DIGEST, some())
    data = path.read_bytes()
    for cut in range(0, len(data), 97):
        path.write_bytes(data[:cut])
        assert read_scores(tmp_path, DIGEST) is None
    with np.load(write_scores(tmp_path, DIGEST, some())) as file:
        arrays = dict(file)
    for name, value in {
        "logits": np.full_like(arrays["logits"], np.nan),
        "folds": arrays["folds"][1:],
        "texts": np.array([object()] * 7),
        "format_version": np.array(2),
        "yes": arrays["yes"].astype(float),
    }.items():
        np.savez(path, **{**arrays, name: value})
        assert read_scores(tmp_path, DIGEST) is None, name
    np.savez(path, **arrays)
    assert read_scores(tmp_path, DIGEST) is not None


@pytest.mark.parametrize("at", range(0, 2_000, 61))
def test_a_flipped_bit_gives_nothing_or_the_same(tmp_path, at):
    kept = some(40)
    path = write_scores(tmp_path, DIGEST, kept)
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= 0x10
    path.write_bytes(bytes(data))
    found = read_scores(tmp_path, DIGEST)
    if found is not None:
        assert (found.texts, found.ids, found.yes.tolist()) == (kept.texts, kept.ids, kept.yes.tolist())
