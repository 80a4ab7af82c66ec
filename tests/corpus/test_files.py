import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.corpus.files import COLUMNS, SPARSE, corpus_digest, parse_narratives, read_labels, write_labels
from classifier.corpus.sentence import LabelledSentence
from classifier.errors import CorpusError
from classifier.taxonomy import VOICES

word = st.from_regex(r"[a-z]+(-[a-z]+)*", fullmatch=True)
free = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40)
sentences = st.builds(
    LabelledSentence,
    id=word,
    text=free,
    language=st.sampled_from(["en", "ru"]),
    labels=st.dictionaries(word, st.sampled_from([None, *VOICES]), max_size=3),
    origin=st.sampled_from(["article", "written", "feedback", "imported"]),
    file=free,
    begin=st.none() | st.integers(0, 10**6),
    end=st.none() | st.integers(0, 10**6),
    group=free,
    annotators=st.lists(word, max_size=3).map(tuple),
    register=free,
    note=free,
    split=free,
    date=st.just("") | st.dates().map(str),
    outlet=free,
)


@given(rows=st.lists(sentences, max_size=5))
def test_what_is_written_is_read_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("round") / "a.csv"
    write_labels(path, rows)
    assert read_labels(path) == rows
    assert corpus_digest(read_labels(path)) == corpus_digest(rows)


@given(rows=st.lists(sentences, min_size=2, max_size=4, unique_by=lambda r: r.id))
def test_the_digest_sees_every_change_that_training_sees(rows):
    assert corpus_digest(rows) != corpus_digest(rows[::-1])
    assert corpus_digest(rows) != corpus_digest(rows[1:])


def test_a_directory_is_read_in_name_order_and_a_bom_and_crlf_do_not_matter(tmp_path):
    header = ",".join(COLUMNS[:4])
    (tmp_path / "b.csv").write_bytes(f"{header}\r\n2,zwei,de,\r\n".encode())
    (tmp_path / "a.csv").write_bytes(f"\ufeff{header}\n1,one,en,a:asserted;b\n".encode())
    rows = read_labels(tmp_path)
    assert [(r.id, r.text, dict(r.labels)) for r in rows] == [
        ("1", "one", {"a": "asserted", "b": None}),
        ("2", "zwei", {}),
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"id,text,language\n", "row 1: no column 'narratives'"),
        (b"id,text,language,narratives,colour\n", "row 1: unknown column 'colour'"),
        (b"id,text,language,narratives\n1,a,en\n", "row 2: the number of fields"),
        (b"id,text,language,narratives\n1,a,en,,\n", "row 2: the number of fields"),
        (b"id,text,language,narratives\n1,a,en,\n,a,en,\n", "row 3: id is empty"),
        (b"id,text,language,narratives\n1,a,en,x:shouted\n", "row 2: voice 'shouted' of 'x' is none of asserted"),
        (b"id,text,language,narratives\n1,a,en,x;x\n", "row 2: narrative 'x' stands twice"),
        (b"id,text,language,narratives,begin\n1,a,en,,-4\n", "row 2: begin '-4' is not a whole number"),
        (b"id,text,language,narratives,origin\n1,a,en,,web\n", "row 2: origin 'web' is none of article"),
        (b"id,text,language,narratives,date\n1,a,en,,28.6.2025\n", "row 2: date '28.6.2025' is no day"),
        (b"id,text,language,narratives,date\n1,a,en,,20250628\n", "row 2: date '20250628' is no day"),
        (b"id,text,language,narratives\n1,\xff,en,\n", "byte 30 is not UTF-8"),
        (b'id,text,language,narratives\n1,"a,en,\n', "not valid CSV"),
    ],
)
def test_a_broken_file_is_told_by_file_and_row(tmp_path, content, told):
    path = tmp_path / "labels.csv"
    path.write_bytes(content)
    with pytest.raises(CorpusError) as caught:
        read_labels(path)
    assert str(path) in str(caught.value)
    assert told in str(caught.value)


def test_nothing_there_is_told(tmp_path):
    with pytest.raises(CorpusError, match="no label files"):
        read_labels(tmp_path)
    with pytest.raises(CorpusError, match="cannot be read"):
        read_labels(tmp_path / "absent.csv")


def test_white_space_around_labels_does_not_matter():
    assert parse_narratives(" a : asserted ; b ;", "x") == {"a": "asserted", "b": None}


def test_our_own_files_are_plain_csv(root):
    for path in (root / "labels").glob("*.csv"):
        data = path.read_bytes()
        assert not data.startswith(b"\xef\xbb\xbf")
        assert b"\r" not in data
        with path.open(encoding="utf-8", newline="") as file:
            assert next(csv.reader(file)) == [c for c in COLUMNS if c not in SPARSE]
