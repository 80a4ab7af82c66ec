from dataclasses import replace

import pytest

from classifier.corpus.checks import check_corpus, distribution, require_valid
from classifier.corpus.files import read_labels
from classifier.corpus.sentence import LabelledSentence
from classifier.errors import CorpusError
from classifier.taxonomy import load_taxonomy
from classifier.text.sentences import split_sentences

ROW = LabelledSentence(
    "a", "There will be a war with Baku before winter.", "en", {"inevitable-war": "asserted"}, source="x.csv", row=2
)


@pytest.fixture(scope="module")
def taxonomy(root):
    return load_taxonomy(root / "labels" / "taxonomy.yaml")


def test_our_own_corpus_has_no_problem(root, taxonomy):
    rows = read_labels(root / "labels")
    assert check_corpus(rows, taxonomy, seeds=root / "seeds") == []


def test_every_sentence_of_the_five_articles_stands_there(root):
    rows = read_labels(root / "labels" / "articles.csv")
    files = sorted((root / "seeds").glob("*.txt"))
    assert len(files) == 5
    for file in files:
        text = file.read_bytes().decode("utf-8")
        spans = {(r.begin, r.end) for r in rows if r.file == file.name}
        end = 0
        for begin, stop in sorted(spans):
            assert begin >= end
            assert not text[end:begin].strip()
            end = stop
        assert not text[end:].strip()
        # As the splitter cuts them, but for a name with a full stop in it, joined by hand.
        differing = {tuple(s) for s in split_sentences(text, "en")} ^ spans
        assert len(differing) <= (3 if file.name.startswith("000") else 0)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"text": " "}, "text is empty"),
        ({"language": ""}, "language '' is no ISO 639 code"),
        ({"language": "EN "}, "language 'EN ' is no ISO 639 code"),
        ({"labels": {"big-war": None}}, "narrative 'big-war' is not in the taxonomy"),
        ({"origin": "article"}, "needs file, begin and end"),
    ],
)
def test_problems_of_one_row(taxonomy, change, told):
    (problem,) = check_corpus([replace(ROW, **change)], taxonomy)
    assert problem.place == "x.csv, row 2"
    assert told in problem.message
    with pytest.raises(CorpusError, match=r"x\.csv, row 2"):
        require_valid([replace(ROW, **change)], taxonomy)


def test_offsets_must_slice_back(taxonomy, tmp_path):
    (tmp_path / "one.txt").write_bytes("İ says: war is coming.\r\n".encode())
    good = replace(ROW, origin="article", file="one.txt", begin=8, end=22, text="war is coming.")
    assert check_corpus([good], taxonomy, seeds=tmp_path) == []
    for bad in (replace(good, begin=9), replace(good, file="two.txt"), replace(good, text="war came.")):
        assert len(check_corpus([bad], taxonomy, seeds=tmp_path)) == 1


def test_duplicates_and_conflicts(taxonomy):
    other = replace(ROW, id="b", text="There will be war with Baku before winter!", row=3)
    (problem,) = check_corpus([ROW, other], taxonomy)
    assert "near-duplicate: 0." in problem.message
    (problem,) = check_corpus([ROW, replace(other, labels={})], taxonomy)
    assert "near-duplicate with other labels" in problem.message
    (problem,) = check_corpus([ROW, replace(ROW, text="Trains run to Tbilisi again.", row=9)], taxonomy)
    assert problem.message == "id 'a' stands already at x.csv, row 2"


def test_distribution_adds_up(root, taxonomy):
    rows = read_labels(root / "labels")
    counts = distribution(rows, taxonomy)
    assert counts["(none)"]["rows"] == sum(not r.labels for r in rows)
    for narrative in taxonomy.ids:
        carrying = [r for r in rows if narrative in r.labels]
        assert counts[narrative]["rows"] == len(carrying)
        assert sum(counts[narrative].get(v, 0) for v in ("asserted", "attributed", "rejected")) == len(carrying)


def test_an_empty_corpus_is_told(taxonomy):
    with pytest.raises(CorpusError, match="empty"):
        require_valid([], taxonomy)
