"""Later texts and unseen outlets."""

from dataclasses import replace

import numpy as np
import pytest

from classifier.training.crossval import Options, cross_validate, judge
from classifier.training.evaluation import prepare
from classifier.training.holdouts import out_of_time, unseen_outlets
from tests.training.test_learning import TAXONOMY, corpus

OPTIONS = Options(n_folds=3, C_grid=(8.0,), n_jobs=1)
ROWS = corpus(300, noise=0.0)


def held(rows, which):
    prepared = prepare(rows, TAXONOMY, OPTIONS)
    scores = cross_validate(prepared.counts, prepared.y, prepared.pairs, prepared.folds, [8.0], OPTIONS)
    return which(prepared, scores, judge(scores, prepared.y, OPTIONS), OPTIONS)


def test_wording_that_changes_with_time_costs_what_a_random_fold_hides():
    def later(row):
        return row.text.replace("flood", "deluge").replace("drought", "aridity")

    dated = [replace(row, date=f"202{i // 60}-05-01") for i, row in enumerate(ROWS)]
    steady = held(dated, out_of_time)
    assert steady["from"] == "2024-05-01"
    assert (steady["n_training"], steady["held_out"]["n_sentences"], steady["n_undated"]) == (240, 60, 0)
    changed = [replace(row, text=later(row)) if row.date == "2024-05-01" else row for row in dated]
    changed = held(changed, out_of_time)
    assert changed["held_out"]["micro"]["f1"] < steady["held_out"]["micro"]["f1"] - 0.2
    assert changed["held_out"]["micro"]["f1"] < changed["grouped"]["micro"]["f1"]


def test_outlets_with_words_of_their_own_are_harder_unseen_than_seen():
    names = [f"site {i % 5}" for i in range(len(ROWS))]
    rows = [
        replace(row, outlet=name, text=row.text.replace("flood", f"f{name[-1]}x").replace("drought", f"d{name[-1]}x"))
        for row, name in zip(ROWS, names, strict=True)
    ]
    found = held(rows, unseen_outlets)
    assert found["n_outlets"] == 5
    assert found["held_out"]["n_sentences"] == 300
    assert found["held_out"]["micro"]["f1"] < found["grouped"]["micro"]["f1"] - 0.1


def test_a_unit_never_stands_on_both_sides(monkeypatch):
    from classifier.training import holdouts

    rows = [
        replace(row, date=f"2025-{1 + i % 12:02d}-01", outlet=f"o{i % 7}", group=f"g{i // 4}")
        for i, row in enumerate(ROWS)
    ]
    seen = []
    real = holdouts.score_held_out

    def spy(prepared, scores, train, test, options):
        seen.append((prepared.units[train], prepared.units[test]))
        return real(prepared, scores, train, test, options)

    monkeypatch.setattr(holdouts, "score_held_out", spy)
    held(rows, out_of_time)
    held(rows, unseen_outlets)
    for train, test in seen:
        assert not np.intersect1d(train, test).size


@pytest.mark.parametrize(
    ("which", "change", "told"),
    [
        (out_of_time, {}, "no row has a date"),
        (out_of_time, {"date": "2025-01-01"}, "too close together"),
        (unseen_outlets, {}, "no row has an outlet"),
        (unseen_outlets, {"outlet": "one"}, "the same one, 'one'"),
    ],
)
def test_what_cannot_be_done_is_said(which, change, told):
    assert told in held([replace(row, **change) for row in ROWS[:60]], which)["reason"]
