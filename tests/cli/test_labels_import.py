"""``narratives init``, ``labels import`` and ``labels export``, as they are typed."""

import pytest
from typer.testing import CliRunner

from classifier.cli.app import app
from classifier.corpus.files import read_labels


@pytest.fixture
def narratives(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        return CliRunner().invoke(app, list(map(str, arguments)))

    return run


def test_from_nothing_to_labels_and_out_again(narratives, tmp_path):
    assert narratives("init", "mine", "--flat").exit_code == 0
    (tmp_path / "s.csv").write_text("Satz;Thema\nAlles Lüge.;climate-hoax\nSonne.;\n", encoding="cp1252")
    done = narratives(
        "labels", "import", "s.csv", "--labels", "mine", "--text-column", "Satz", "--labels-column", "Thema",
        "--language", "de",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "read as cp1252, which is a guess" in done.output
    assert "wrote mine/imported-s.csv: 2 rows taken, 0 not" in done.output
    done = narratives(
        "labels", "export", "out.csv", "--format", "csv", "--excel", "--labels", "mine", "--delimiter", "\\t"
    )
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out.csv").read_bytes().startswith(b"\xef\xbb\xbfid\ttext\t")
    assert narratives("init", "theirs", "--flat").exit_code == 0
    assert narratives("labels", "import", "out.csv", "--labels", "theirs").exit_code == 0
    assert read_labels("theirs") == read_labels("mine")


def test_rows_not_taken_are_a_table_and_an_exit_code(narratives, tmp_path):
    narratives("init", "mine")
    (tmp_path / "s.csv").write_text("text,label\nOne,climat-hoax\nTwo,climate-hoax\n\x1b]0;x\x07,[bold]\n")
    done = narratives("labels", "import", "s.csv", "--labels", "mine", "--language", "en")
    assert done.exit_code == 1
    assert "did you mean 'climate-hoax'" in done.output
    assert "label '[bold]' is not in the taxonomy" in done.output
    assert "1 rows taken, 2 not" in done.output
    done = narratives(
        "labels", "import", "s.csv", "--labels", "mine", "--language", "en", "--strict", "--output", "x.csv"
    )
    assert done.exit_code == 1
    assert "nothing written" in done.output


def test_what_is_lost_is_told(narratives, tmp_path):
    narratives("init", "mine")
    (tmp_path / "s.csv").write_text("id,text,label\na1,Two,climate-hoax:rejected\n")
    narratives("labels", "import", "s.csv", "--labels", "mine", "--language", "en")
    done = narratives("labels", "export", "out", "--format", "semeval", "--labels", "mine")
    assert "lost: voices of 1 rows; semeval has no place for it" in done.output
    assert (tmp_path / "out/EN/subtask-2-annotations.txt").read_text() == (
        "a1.txt\tDenial\tDenial: Climate change is a hoax\n"
    )
