import csv

import pytest

from classifier.text.languages import LANGUAGES, detect_language


def test_the_languages_of_the_region_are_told_apart(root):
    with (root / "tests" / "golden" / "languages.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["language"] in LANGUAGES]
    right = [detect_language(row["text"])[0] == row["language"] for row in rows]
    assert sum(right) / len(right) > 0.9


@pytest.mark.parametrize("text", ["", "\ud800", "\x00", "123"])
def test_anything_gets_an_answer(text):
    code, probability = detect_language(text)
    assert code in LANGUAGES
    assert 0 <= probability <= 1
