"""The layout of the task's releases: a folder a language, narratives and sub-narratives side by side."""

import pytest

from classifier.corpus.formats.foreign import BadRow, ForeignLabel, Reading, Writing
from classifier.corpus.formats.registry import find_format
from classifier.corpus.formats.semeval import read, write
from classifier.corpus.sentence import LabelledSentence
from classifier.errors import CorpusError

PRAISE = "URW: Praise of Russia"
MIGHT = "URW: Praise of Russia: Praise of Russian military might"
LINES = (
    f"EN_10001.txt\t{PRAISE};CC: Climate change is beneficial\t{MIGHT};CC: Climate change is beneficial: Other\n"
    "EN_10002.txt\tOther\tOther\n"
    f"EN_10003.txt\t{PRAISE}\t{MIGHT};{PRAISE}: Other\n"
)


def release(folder, lines=LINES, texts=None, documents="raw-documents"):
    (folder / documents).mkdir(parents=True)
    texts = {f"EN_1000{k}.txt": f"Title {k}\r\n\r\nBody {k}.\n" for k in (1, 2, 3)} if texts is None else texts
    for name, text in texts.items():
        (folder / documents / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    (folder / "subtask-2-annotations.txt").write_bytes(lines if isinstance(lines, bytes) else lines.encode())
    return folder


def test_articles_with_their_sub_narratives(tmp_path):
    release(tmp_path / "EN")
    release(tmp_path / "dev" / "RU", "RU_1.txt\tOther\tOther\r\n", {"RU_1.txt": "Текст"}, "subtask-2-documents")
    assert find_format(tmp_path).name == "semeval"
    rows = list(read(tmp_path, Reading()))
    assert [(row.id, row.language, row.row) for row in rows] == [
        ("EN_10001", "en", 1),
        ("EN_10002", "en", 2),
        ("EN_10003", "en", 3),
        ("RU_1", "ru", 1),
    ]
    assert rows[0].text == "Title 1\r\n\r\nBody 1.\n", "no line end is translated"
    assert rows[0].labels == (
        ForeignLabel(MIGHT, None, PRAISE),
        ForeignLabel("CC: Climate change is beneficial: Other", None, "CC: Climate change is beneficial"),
    )
    assert [len(row.labels) for row in rows] == [2, 0, 2, 0]


def test_narratives_alone_can_be_asked_for(tmp_path):
    rows = list(read(release(tmp_path / "EN"), Reading(labels_columns=("narratives",))))
    assert rows[2].labels == (ForeignLabel(PRAISE),)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("EN_10001.txt", "1 fields; an article, its narratives and its sub-narratives are needed"),
        ("EN_9.txt\tOther\tOther", "article 'EN_9.txt' is not in"),
        ("../../secret\tOther\tOther", "article '../../secret' is no name of a file"),
        (".\tOther\tOther", "is not in"),
        ("\tOther\tOther", "is no name of a file"),
        (b"EN_\xff.txt\tOther\tOther", "byte 3 is not UTF-8"),
        ("bad.txt\tOther\tOther", "article 'bad.txt': byte 2 is not UTF-8"),
    ],
)
def test_a_line_that_cannot_be_taken_is_told(tmp_path, line, told):
    data = (line if isinstance(line, bytes) else line.encode()) + b"\ngood.txt\tOther\tOther\n"
    folder = release(tmp_path / "EN", data, {"bad.txt": b"ab\xff", "good.txt": "x"})
    bad, good = read(folder, Reading())
    assert isinstance(bad, BadRow)
    assert told in bad.reason
    assert bad.row == 1
    assert good.id == "good"


def test_without_documents_or_annotations_it_is_told(tmp_path):
    (tmp_path / "subtask-2-annotations.txt").write_text(LINES)
    with pytest.raises(CorpusError, match="no folder raw-documents or subtask-2-documents beside"):
        list(read(tmp_path, Reading()))
    (tmp_path / "subtask-2-annotations.txt").unlink()
    with pytest.raises(CorpusError, match="no subtask-2-annotations"):
        list(read(tmp_path, Reading()))


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (LabelledSentence("a/b", "x", "en"), "id 'a/b' is no name of a file"),
        (LabelledSentence("../x", "x", "en"), "is no name of a file"),
        (LabelledSentence("x", "x", ".."), "language '..' is no name of a folder"),
    ],
)
def test_a_row_that_does_not_fit_is_refused_and_leaves_nothing(tmp_path, row, told):
    with pytest.raises(CorpusError, match=told):
        write(tmp_path / "out", [row], Writing())
    assert list(tmp_path.iterdir()) == []


def test_two_rows_of_one_id_are_refused(tmp_path):
    with pytest.raises(CorpusError, match="id 'x' stands twice"):
        write(tmp_path / "out", [LabelledSentence("x", "x", "en")] * 2, Writing())
