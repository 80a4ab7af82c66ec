"""Texts in other languages, code and gibberish get no "yes"; English (and Russian, once shipped) can."""

import csv

import pytest


@pytest.fixture(scope="module")
def texts(root):
    with (root / "tests" / "golden" / "languages.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_own_languages_pass(shipped, texts):
    own = [row for row in texts if row["language"] in shipped.parameters["languages"]]
    assert len(own) >= 20
    passing = [shipped.coverage(row["text"]) >= shipped.coverage_bound for row in own]
    assert sum(passing) / len(passing) >= 0.95


def test_other_languages_code_and_gibberish_do_not(shipped, texts):
    other = [row for row in texts if row["language"] not in (*shipped.parameters["languages"], "ru")]
    assert {"uk", "az", "tr", "fr", "ka", "code", "gibberish"} <= {row["language"] for row in other}
    accepted = [row["id"] for row in other if shipped.coverage(row["text"]) >= shipped.coverage_bound]
    assert len(accepted) / len(other) <= 0.05, accepted
    for row in other:
        if row["id"] not in accepted:
            result = shipped.score([row["text"]]).results[0]
            assert {d.decision for d in result.labels} <= {"unsure"}
            assert {d.reason for d in result.labels} <= {"unfamiliar"}


def test_an_unfamiliar_text_with_a_known_phrase_is_unsure(shipped):
    text = "Qarabağda inevitable war Azerbaijan müharibəsi labüddür deyə hərbi şərhçilər yazdılar russophobia."
    result = shipped.score([text], all=True).results[0]
    assert result.coverage < shipped.coverage_bound
    assert "yes" not in {d.decision for d in result.labels}
