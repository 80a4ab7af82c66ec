"""What spreadsheets and people do to label files, typed at the command line: told by file and row, and the model stays.

Every case ends with exit code 0 (it is read as it was meant), 1 (rows are told) or 2 (one line, nothing is written).
"""

import datetime
import resource
import shutil
import sys

import pytest
from openpyxl import Workbook

from classifier.cli.app import main

HEADER = "id,text,label\n"
COLUMNS = "id,text,language,narratives\n"
TOPICS = {
    "climate-hoax": "hoax invented doctored lie measurements scientists paid fraud".split(),
    "climate-too-costly": "costs jobs ruin prosperity factories bills tax family".split(),
    "": "bread market weather bus school river bridge choir".split(),
}
GOOD = [
    (f"r{i}", f"{' '.join(words[(i + k * k) % 8] for k in range(5)).capitalize()} w{i} v{i * 7}.", "en", label)
    for i in range(20)
    for label, words in [list(TOPICS.items())[i % 3]]
]


def csv_text(rows=GOOD, header=COLUMNS):
    return header + "".join(",".join(row) + "\n" for row in rows)


@pytest.fixture
def narratives(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["narratives", *map(str, arguments)])
        with pytest.raises(SystemExit) as done:
            main()
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return done.value.code or 0, " ".join((said.out + said.err).split())

    return run


def snapshot(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def book(*rows, merge=()):
    def write(path):
        made = Workbook()
        for row in rows:
            made.active.append(row)
        for cells in merge:
            made.active.merge_cells(cells)
        made.save(path)

    return write


ROW = "1,One.,climate-hoax\n"
IMPORTS = {
    "an unknown label": ("s.csv", HEADER + "1,One.,climat-hoax\n2,Two.,\n", 1, "2 │ label 'climat-hoax' is not in", 1),
    "an id twice": ("s.csv", HEADER + ROW + "1,Two.,\n", 1, "3 │ id '1' stands already at s.csv, row 2", 1),
    "one text, two labels": ("s.csv", HEADER + ROW + "2,One.,\n", 1, "3 │ the same text stands with other labels", 1),
    "nobody has labelled it": ("s.csv", HEADER + ROW + "2,Two.,?\n", 0, "1 rows taken, 0 not, 1 not labelled yet", 1),
    "two encodings": (
        "s.csv",
        HEADER.encode() + "1,Свет один.,\n2,Два света.,\n".encode() + "3,Três.,\n".encode("cp1252"),
        1,
        "4 │ 'text' holds bytes that are not utf-8",
        2,
    ),
    "cp1251": ("s.csv", (HEADER + "1,Три слова подряд.,\n").encode("cp1251"), 0, "read as cp1251, which is a guess", 1),
    "cp1252": ("s.csv", (HEADER + "1,Café “là” – naïve.,\n").encode("cp1252"), 0, "read as cp1252", 1),
    "a mark and CRLF": ("s.csv", b"\xef\xbb\xbf" + (HEADER + ROW).replace("\n", "\r\n").encode(), 0, "1 rows taken", 1),
    "lines of an old Mac": ("s.csv", (HEADER + ROW).replace("\n", "\r"), 0, "1 rows taken", 1),
    "semicolons": ("s.csv", "id;text;label\n1;One, two.;climate-hoax\n", 0, "1 rows taken", 1),
    "sep=": ("s.csv", "sep=;\r\nid;text;label\r\n1;One, two.;climate-hoax\r\n", 0, "1 rows taken", 1),
    "sep= in quotes": ("s.csv", '"Sep=;"\r\nid;text;label\r\n1;One, two.;climate-hoax\r\n', 0, "1 rows taken", 1),
    "Unicode text": ("s.txt", "id\ttext\tlabel\r\n1\tOne “x”\tclimate-hoax\r\n".encode("utf-16"), 0, "1 rows taken", 1),
    "half a Unicode text": (
        "s.txt",
        "id\ttext\tlabel\r\n1\tOne\tclimate-hoax\r\n".encode("utf-16")[:-3],
        1,
        "2 │ 'label' holds bytes that are not utf-16",
        0,
    ),
    "a day as a number": (
        "s.csv",
        "id,text,label,date\n1,One.,,45678\n",
        0,
        "row 2: '45678' is no day such as 2025-06-28 (a day as Excel counts them?",
        1,
    ),
    "rows of empty cells": ("s.csv", HEADER + ROW + ",,\n,,\n\n", 0, "1 rows taken, 0 not", 1),
    "ids with .0": ("s.csv", HEADER + "12.0,One.,\n1.2E+15,Two.,\n", 1, "3 │ id '1.2E+15' is a number that the", 1),
    "quotes that are none": ("s.csv", HEADER + "1,“One, two.”,\n", 1, "2 │ label 'two.”' is not in the taxonomy", 0),
    "a quote never closed": ("s.csv", HEADER + ROW + '2,"Two.,\n3,Three.,\n', 1, "rows 3 to 4 cannot be read", 1),
    "commas not quoted": ("s.csv", HEADER + "1,One, two.,climate-hoax\n", 1, "2 │ 4 fields, but the header has 3", 0),
    "NUL": ("s.csv", HEADER + ROW + "2,a\0b,\n", 1, "3 │ text holds a NUL character", 1),
    "a title above": (
        "s.csv",
        "Survey 2025,,\n,,\n" + HEADER + ROW,
        2,
        "s.csv, row 1: no column looks like the text",
        0,
    ),
    "no names of columns": ("s.csv", ROW, 2, "s.csv, row 1: no column looks like the text; columns are 1, One.", 0),
    "names only": ("s.csv", HEADER, 2, "s.csv: no row stands below the names of the columns", 0),
    "nothing at all": ("s.csv", "", 2, "s.csv: the file is empty", 0),
    "no table": ("s.csv", b"\x00\x01\x02\x1b]0;x\x07" * 9, 2, "s.csv: no text file", 0),
    "a number as an id": (
        "s.xlsx",
        book(["id", "text", "label"], [12.0, "One.", "climate-hoax"], [1234567890123456789, "Two.", None]),
        1,
        "3 │ id '1.234567890123457e+18' is a number that the spreadsheet",
        1,
    ),
    "formulas": (
        "s.xlsx",
        book(["id", "text", "label"], [1, "=A1", None], [2, "#REF!", None], [3, "Three.", None]),
        1,
        "2 │ 'text' is a formula without a stored value",
        1,
    ),
    "merged downwards": (
        "s.xlsx",
        book(["id", "text", "label"], [1, "One.", "climate-hoax"], [2, "Two.", None], merge=["C2:C3"]),
        0,
        "2 rows taken",
        2,
    ),
    "merged sideways": (
        "s.xlsx",
        book(["id", "label", "text", "note"], [1, "climate-hoax", "One.", None], merge=["C2:D2"]),
        0,
        "1 rows taken",
        1,
    ),
    "a date for a text": (
        "s.xlsx",
        book(["id", "text", "label"], [1, datetime.datetime(2025, 3, 4), None]),
        0,
        "1 rows taken",
        1,
    ),
    "an old workbook": ("s.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 80, 2, "s.xls: an old .xls workbook", 0),
    "a page for a workbook": ("s.xls", "<html><table></table></html>", 2, "s.xls: not an .xlsx workbook", 0),
}


@pytest.mark.parametrize("name", IMPORTS)
def test_an_import_takes_what_is_right_and_tells_the_rest(narratives, tmp_path, name):
    source, content, code, told, taken = IMPORTS[name]
    narratives("init", "mine")
    if callable(content):
        content(tmp_path / source)
    else:
        (tmp_path / source).write_bytes(content if isinstance(content, bytes) else content.encode())
    before = snapshot(tmp_path / "mine")
    done, said = narratives("labels", "import", source, "--labels", "mine", "--language", "en")
    assert done == code, said
    assert told in said
    assert "\x1b]" not in said, "nothing in a file steers the terminal"
    after = snapshot(tmp_path / "mine")
    new = {path: data for path, data in after.items() if path not in before}
    assert before.items() <= after.items(), "what was there is there as it was"
    assert sum(data.count(b"\n") - 1 for data in new.values()) == taken
    if taken:
        assert narratives("labels", "check", "mine")[0] == 0


FLAT = "version: 1\nmultilabel: false\nnarratives:\n" + "".join(
    f"  - {{id: {name}, name: n, definition: d}}\n" for name in ("climate-hoax", "climate-too-costly")
)
ONE = "x1,A text of its own kind.,en,"
LABELS = {
    "an unknown label": (csv_text() + ONE + "climat-hoax\n", 1, "row 22: narrative 'climat-hoax' is not in"),
    "an id twice": (csv_text() + "r1,Another text.,en,\n", 1, "row 22: id 'r1' stands already at"),
    "nobody has labelled it": (csv_text() + ONE + "?\n", 2, "row 22: '?' means not labelled yet"),
    "an empty text": (csv_text() + "x1, ,en,\n", 1, "row 22: text is empty"),
    "a language in words": (csv_text() + "x1,Text.,English,\n", 1, "row 22: language 'English' is no ISO 639 code"),
    "a voice misspelt": (csv_text() + ONE + "climate-hoax:assertd\n", 2, "row 22: voice 'assertd'"),
    "two where one is allowed": (
        csv_text() + ONE + "climate-hoax;climate-too-costly\n",
        1,
        "row 22: 2 narratives, but the taxonomy says multilabel: false",
    ),
    "one class only": (
        csv_text([(*row[:3], "climate-hoax") for row in GOOD]),
        0,
        "every sentence carries climate-hoax",
    ),
    "no class": (csv_text([(*row[:3], "") for row in GOOD]), 0, "no sentence carries a narrative"),
    "one unit": (csv_text([(f"s{i}", "The same text.", "en", "") for i in range(3)]), 1, "near-duplicate: 1.00"),
    "no rows": (COLUMNS, 0, "the corpus is empty"),
    "semicolons": (csv_text().replace(",", ";"), 2, "row 1: a label file is separated by commas"),
    "sep=": ("sep=,\r\n" + csv_text(), 2, "row 1: a label file is separated by commas"),
    "UTF-16": (csv_text().encode("utf-16"), 2, "row 1: byte 0 is not UTF-8; save the file as 'CSV UTF-8'"),
    "cp1252": ((csv_text() + "x1,Café.,en,\n").encode("cp1252"), 2, "row 22: byte"),
    "a quote never closed": (
        csv_text() + 'x1,"Text.,en,\nx2,More.,en,\n',
        2,
        "row 22: not valid CSV: a quotation mark",
    ),
    "a short row": (csv_text() + "x1,Text.\n", 2, "row 22: the number of fields differs"),
    "a comment": (csv_text() + "# so far\n", 2, "row 22: the number of fields differs"),
    "a column too many": (csv_text(header="id,text,colour,narratives\n"), 2, "row 1: no column 'language'"),
    "nothing at all": ("", 2, "row 1: no column 'id'"),
}


@pytest.mark.parametrize("name", LABELS)
def test_broken_labels_are_told_and_the_model_stays(narratives, tmp_path, small_models, name):
    content, code, told = LABELS[name]
    mine, models = tmp_path / "mine", tmp_path / "models"
    narratives("init", mine)
    if "one is allowed" in name:
        (mine / "taxonomy.yaml").write_text(FLAT)
    (mine / "labels.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    shutil.copytree(small_models, models)
    before = snapshot(tmp_path)
    checked, check_told = narratives("labels", "check", mine)
    trained, train_told = narratives("train", "--labels", mine, "--models", models, "--folds", 2, "--jobs", 1)
    assert (checked, trained) == (code, 2), (check_told, train_told)
    assert told in check_told + train_told
    assert str(mine) in train_told or "corpus is empty" in train_told or "one unit" in train_told
    assert snapshot(tmp_path) == before, "labels, CURRENT and every file of the model"


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + csv_text().replace("\n", "\r\n").encode(),
        csv_text() + ",,,\n,,,\n\n",
        csv_text([row for row in GOOD if row[3] != "climate-too-costly"]),
    ],
    ids=["a mark and CRLF", "rows of empty cells", "an empty class"],
)
def test_what_is_odd_but_right_trains(narratives, tmp_path, content):
    narratives("init", "mine")
    (tmp_path / "mine" / "labels.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    code, told = narratives("labels", "check", "mine")
    assert code == 0, told
    if "climate-too-costly" not in str(content):
        assert "no row carries 'climate-too-costly'" in told
    code, told = narratives("train", "--labels", "mine", "--models", "models", "--folds", 2, "--jobs", 1)
    assert code == 0, told
    assert ("no row carries climate-too-costly" in told) is ("climate-too-costly" not in str(content))


@pytest.fixture
def full_disk():
    """No file may grow beyond 1,000 bytes any more, as on a disk without room."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, old[1]))

    yield fill
    resource.setrlimit(resource.RLIMIT_FSIZE, old)


@pytest.mark.parametrize("command", ["import", "train", "apply"])
def test_a_full_disk_leaves_everything_as_it_was(narratives, tmp_path, small_models, full_disk, command):
    mine = tmp_path / "mine"
    narratives("init", mine)
    (mine / "labels.csv").write_text(csv_text())
    (tmp_path / "s.csv").write_text(
        csv_text([(f"s{i}", f"A sentence with the number {i}.", "en", "") for i in range(99)])
    )
    (tmp_path / "list.csv").write_text(f"file,id,text,narratives,decision\nlabels.csv,r2,{GOOD[2][1]},,drop\n")
    shutil.copytree(small_models, tmp_path / "models")
    before = snapshot(tmp_path)
    arguments = {
        "import": ("labels", "import", "s.csv", "--labels", mine),
        "train": ("train", "--labels", mine, "--models", "models", "--folds", 2, "--jobs", 1),
        "apply": ("labels", "doubt", "--labels", mine, "--apply", "list.csv"),
    }[command]
    full_disk()
    code, told = narratives(*arguments)
    assert code == 2, told
    assert "File too large" in told
    assert snapshot(tmp_path) == before
