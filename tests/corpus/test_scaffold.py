import re

import pytest

from classifier.corpus.checks import check_corpus
from classifier.corpus.files import COLUMNS, read_labels
from classifier.corpus.scaffold import README, is_example, lay_out
from classifier.errors import CorpusError
from classifier.taxonomy import load_taxonomy


@pytest.mark.parametrize("flat", [False, True])
def test_what_is_laid_out_is_valid_and_explained(tmp_path, flat):
    paths = lay_out(tmp_path / "new" / "labels", flat=flat)
    assert sorted(path.name for path in paths) == ["README.md", "labels.csv", "taxonomy.yaml"]
    taxonomy = load_taxonomy(tmp_path / "new/labels/taxonomy.yaml")
    assert taxonomy.ids == ("climate-hoax", "climate-too-costly")
    assert [theme.id for theme in taxonomy.themes] == (["all"] if flat else ["denial", "policy"])
    assert read_labels(tmp_path / "new/labels") == []
    assert is_example(tmp_path / "new/labels/taxonomy.yaml")
    assert all(f"`{column}`" in README for column in COLUMNS)


@pytest.mark.parametrize("name", ["taxonomy.yaml", "labels.csv", "README.md"])
def test_nothing_is_overwritten(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(CorpusError, match="there already; name another directory"):
        lay_out(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_a_file_in_the_place_of_the_directory_is_told(tmp_path):
    (tmp_path / "x").write_text("mine")
    with pytest.raises(CorpusError, match="there already"):
        lay_out(tmp_path / "x")


def test_a_codebook_that_was_changed_is_no_example(tmp_path):
    lay_out(tmp_path)
    book = tmp_path / "taxonomy.yaml"
    book.write_text(book.read_text().replace("Denial", "Doubt"))
    assert not is_example(book)
    assert not is_example(tmp_path / "absent.yaml")


def test_the_example_rows_of_the_readme_are_valid(tmp_path):
    lay_out(tmp_path)
    rows = re.findall(r"```csv\n(.*?)```", (tmp_path / "README.md").read_text(), re.S)
    (tmp_path / "labels.csv").write_text(rows[0])
    taxonomy = load_taxonomy(tmp_path / "taxonomy.yaml")
    assert check_corpus(read_labels(tmp_path), taxonomy) == []
