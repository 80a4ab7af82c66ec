"""The project's own test set stays apart from what the model is trained on."""

import pytest

from classifier.corpus.checks import check_corpus
from classifier.corpus.files import read_labels
from classifier.corpus.splits import near_duplicates
from classifier.taxonomy import load_taxonomy
from classifier.text.sentences import split_sentences


@pytest.fixture(scope="module")
def training(root):
    return read_labels(root / "labels")


@pytest.mark.parametrize("language", ["en", "ru"])
def test_its_labels_are_in_order(root, language):
    rows = read_labels(root / "labels" / "test" / f"{language}.csv")
    assert check_corpus(rows, load_taxonomy(root / "labels" / "taxonomy.yaml")) == []
    assert {row.language for row in rows} == {language}
    assert len(rows) >= 250


def test_no_test_sentence_is_a_near_duplicate_of_a_training_sentence(root, training):
    test = [r.text for name in ("en", "ru") for r in read_labels(root / "labels" / "test" / f"{name}.csv")]
    for path in sorted((root / "labels" / "test" / "neutral").glob("*/*.txt")):
        text = path.read_text(encoding="utf-8")
        test += [text[s.begin : s.end] for s in split_sentences(text) if s.end - s.begin > 40]
    pairs = near_duplicates([*test, *[r.text for r in training]])
    assert [(test[i], training[j - len(test)].id) for i, j, _ in pairs if i < len(test) <= j] == []


def test_there_are_twenty_neutral_articles_a_language(root):
    for language in ("en", "ru"):
        files = sorted((root / "labels" / "test" / "neutral" / language).glob("*.txt"))
        assert len(files) == 20
        for file in files:
            sentences = split_sentences(file.read_text(encoding="utf-8"), language)
            assert 15 <= len(sentences) <= 50, (file, len(sentences))
