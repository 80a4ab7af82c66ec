"""The cache of vectors: the same figures with and without, and only in a directory that is one's own."""

import os
from dataclasses import replace

import numpy as np
import pytest

from classifier import InputError
from classifier.corpus.files import read_labels
from classifier.training import fold_cache
from classifier.training.crossval import Options
from classifier.training.features import count_ngrams, fit_features
from classifier.training.fold_cache import FoldCache, open_cache
from classifier.training.report import gather
from classifier.training.train import train
from tests.training.invented import write_corpus

OPTIONS = Options(n_folds=3, C_grid=(2.0, 16.0), max_features=600, n_jobs=2)


@pytest.fixture
def labels(tmp_path):
    return write_corpus(tmp_path / "labels")


def forbid(monkeypatch, *names):
    def never(*args, **kwargs):
        raise AssertionError("made again")

    for name in names:
        monkeypatch.setattr(fold_cache, name, never)


def forbid_vectors(monkeypatch):
    def never(*args):
        raise AssertionError("made again")

    monkeypatch.setattr("classifier.training.features.Features.vectorise", never)


def test_with_and_without_the_same_bytes(labels, tmp_path, monkeypatch):
    digests = [train(labels, tmp_path / "models", options=OPTIONS).model.identity.digest]
    for _ in range(2):
        with open_cache(tmp_path / "cache") as cache:
            digests.append(train(labels, tmp_path / "models", options=OPTIONS, cache=cache).model.identity.digest)
    assert len(set(digests)) == 1
    plain = gather(labels, options=OPTIONS).figures
    with open_cache(tmp_path / "cache") as cache:
        assert gather(labels, options=OPTIONS, cache=cache).figures == plain
    # Another option: units, counts and the vectors of all features are there.
    forbid(monkeypatch, "find_units", "count_ngrams")
    forbid_vectors(monkeypatch)
    with open_cache(tmp_path / "cache") as cache:
        options = replace(OPTIONS, max_false_alarms=0.5)
        assert gather(labels, options=options, cache=cache).figures["options"]["max_false_alarms"] == 0.5


@pytest.mark.parametrize("path", ["python", pytest.param("compiled", marks=pytest.mark.compiled)])
def test_what_comes_back_is_what_was_made(path, labels, tmp_path, monkeypatch):
    rows = read_labels(labels)
    texts = [*(row.text for row in rows), "", "\ud800 lone", "Ё"]
    counts = count_ngrams(texts, path=path)
    some = np.arange(0, len(texts), 2)
    features = fit_features(counts, some)
    for turn in range(2):
        with monkeypatch.context() as patch:
            if turn:
                forbid_vectors(patch)
            kept = FoldCache(tmp_path / "cache").counts(texts, path=path)
            X = features.transform(kept, some)
        for ours, theirs in (
            (kept.words, counts.words),
            (kept.chars, counts.chars),
            (X, features.transform(counts, some)),
        ):
            assert ours.shape == theirs.shape
            for part in ("data", "indices", "indptr"):
                assert np.array_equal(getattr(ours, part), getattr(theirs, part))
                assert getattr(ours, part).dtype == getattr(theirs, part).dtype
        assert features.names(kept) == features.names(counts)


def test_other_texts_rows_and_code_are_other_entries(labels, tmp_path, monkeypatch):
    rows = read_labels(labels)
    cache = FoldCache(tmp_path / "cache")
    units = cache.units(rows)
    assert cache.units(rows[1:]).shape == (len(rows) - 1,)
    grouped = [replace(row, group="one") for row in rows]
    assert cache.units(grouped).max() == 0
    assert np.array_equal(cache.units(rows), units)
    monkeypatch.setattr(fold_cache, "fingerprint", lambda: {"code": "other"})
    forbid(monkeypatch, "find_units")
    with pytest.raises(AssertionError, match="made again"):
        FoldCache(tmp_path / "cache").units(rows)


def test_only_a_directory_of_ones_own_is_taken(tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    FoldCache(cache)
    assert cache.stat().st_mode & 0o777 == 0o700
    for path, mode in ((cache, 0o777), (cache, 0o720), (cache / "fold-cache", 0o702)):
        before = path.stat().st_mode
        path.chmod(mode)
        with pytest.raises(InputError, match=rf"others may write to it \(mode {mode:o}\).*chmod 700"):
            FoldCache(cache)
        path.chmod(before)
    FoldCache(cache)
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    with pytest.raises(InputError, match=f"belongs to user {me}, not to you"):
        FoldCache(cache)
    with pytest.raises(InputError, match="belongs to user"):
        FoldCache(tmp_path / "cache")


def test_what_cannot_be_read_or_written_is_made_anew_in_silence(labels, tmp_path, monkeypatch, capfd):
    rows = read_labels(labels)
    with open_cache(tmp_path / "cache") as cache:
        units = cache.units(rows)
    (entry,) = (tmp_path / "cache").rglob("output.pkl")
    entry.write_bytes(entry.read_bytes()[:-9])
    with open_cache(tmp_path / "cache") as cache:
        assert np.array_equal(cache.units(rows), units)

    def full(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr("joblib.numpy_pickle.dump", full)
    with open_cache(tmp_path / "cache") as cache:
        assert len(cache.units(rows[1:])) == len(rows) - 1
    assert capfd.readouterr() == ("", "")


def test_the_oldest_goes_where_there_is_too_much(labels, tmp_path):
    rows = read_labels(labels)
    cache = FoldCache(tmp_path / "cache")
    for n in (10, 20, 30):
        cache.units(rows[:n])
    assert len(list((tmp_path / "cache").rglob("output.pkl"))) == 3
    cache.reduce(max_bytes=0)
    assert not list((tmp_path / "cache").rglob("output.pkl"))
    with open_cache(None) as nothing:
        assert nothing is None
