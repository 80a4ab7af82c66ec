import datetime
import zipfile

import openpyxl
import pytest

from classifier.corpus.formats import excel
from classifier.corpus.formats.foreign import BadRow, Reading, Writing
from classifier.corpus.sentence import LabelledSentence
from classifier.errors import CorpusError


@pytest.fixture
def book(tmp_path):
    """Saves a workbook with these sheets and reads it."""

    def save_and_read(sheets, reading=None, change=None):
        made = openpyxl.Workbook()
        made.remove(made.active)
        for title, table in sheets.items():
            sheet = made.create_sheet(title)
            for line in table:
                sheet.append(line)
        if change:
            change(made)
        path = tmp_path / "a.xlsx"
        made.save(path)
        return list(excel.read(path, reading or Reading()))

    return save_and_read


def test_numbers_dates_and_truth_values_become_texts(book):
    day = datetime.datetime(2026, 11, 22)
    table = [
        ["id", "text", "label", "group", "split"],
        [1.0, "one", "a", day, True],
        [2, 3.5, "a;b", day.replace(hour=9), None],
    ]
    one, two = book({"s": table})
    assert (one.id, one.text, one.group, one.split, one.row) == ("1", "one", "2026-11-22", "true", 2)
    assert (two.id, two.text, two.group, two.split) == ("2", "3.5", "2026-11-22T09:00:00", "")
    assert [label.name for label in two.labels] == ["a", "b"]


def test_long_numbers_as_ids_are_told(book):
    good, bad, bad_text = book(
        {
            "s": [
                ["id", "text", "label"],
                [123456789012345, "a", "x"],
                [1234567890123456789, "b", "x"],
                ["1.2E+18", "c", ""],
            ]
        }
    )
    assert good.id == "123456789012345"
    for row in (bad, bad_text):
        assert "cut to 15 digits" in row.reason


def test_the_header_may_stand_lower_and_empty_rows_do_not_count(book):
    rows = book({"s": [[], [None, "text", "label"], [], [None, "one", "a"], [None, None, None], [None, "two", ""]]})
    assert [(row.row, row.text) for row in rows] == [(4, "one"), (6, "two")]


def test_a_merged_label_is_meant_for_all_its_rows(book):
    def merge(made):
        made["s"].merge_cells("B2:B4")

    rows = book({"s": [["text", "label"], ["one", "a"], ["two"], ["three"], ["four", ""]]}, change=merge)
    assert [[label.name for label in row.labels] for row in rows] == [["a"], ["a"], ["a"], []]


def test_formulas_are_their_stored_values_or_told(book, tmp_path):
    (bad,) = book({"s": [["text", "label"], ["one", '="a"']]})
    assert "'label' is a formula without a stored value; open the workbook in Excel and save it" in bad.reason
    # As Excel saves it: the value beside the formula.
    path = tmp_path / "a.xlsx"
    _edit(
        path,
        "xl/worksheets/sheet1.xml",
        b"<v></v>",
        b"<v>stored</v>",
        b"<v />",
        b"<v>stored</v>",
        b"<v/>",
        b"<v>stored</v>",
    )
    _edit(path, "xl/worksheets/sheet1.xml", b'<c r="B2">', b'<c r="B2" t="str">')
    (row,) = excel.read(path, Reading())
    assert [label.name for label in row.labels] == ["stored"]


def _edit(path, member, *pairs):
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for old, new in zip(pairs[::2], pairs[1::2], strict=True):
        members[member] = members[member].replace(old, new)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def test_errors_of_formulas_are_told(book):
    (bad,) = book({"s": [["text", "label"], ["one", "#REF!"]]})
    assert "'label' holds Excel's error #REF!" in bad.reason


def test_the_sheet_with_texts_and_labels_is_found_or_asked_for(book):
    table = [["text", "label"], ["one", "a"]]
    told = []
    assert len(book({"notes": [["Hello"]], "rows": table, "empty": []}, Reading(tell=told.append))) == 1
    assert "sheet 'rows' is read, of 'notes', 'rows', 'empty'" in told[0]
    with pytest.raises(
        CorpusError, match="several sheets hold texts and labels: 'one', 'two'; choose one with --sheet"
    ):
        book({"one": table, "two": table})
    (row,) = book({"one": table, "two": [["text", "label"], ["two", "a"]]}, Reading(sheet="two"))
    assert row.text == "two"
    with pytest.raises(CorpusError, match="no sheet 'three'; there are 'one'"):
        book({"one": table}, Reading(sheet="three"))
    with pytest.raises(CorpusError, match="the sheet is empty"):
        book({"one": []})
    with pytest.raises(CorpusError, match="columns are a, b"):
        book({"one": [["a", "b"]]})


def test_a_damaged_or_foreign_file_is_told(tmp_path):
    path = tmp_path / "a.xlsx"
    for content, told in (
        (b"", "not an .xlsx workbook"),
        (b"text,label\n", "not an .xlsx workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "an old .xls workbook, or one with a password"),
    ):
        path.write_bytes(content)
        with pytest.raises(CorpusError, match=told):
            list(excel.read(path, Reading()))
    openpyxl.Workbook().save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CorpusError, match=r"a\.xlsx: not an \.xlsx workbook"):
        list(excel.read(path, Reading()))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other.txt", "x")
    with pytest.raises(CorpusError, match="not a workbook that can be read"):
        list(excel.read(path, Reading()))


def test_a_zip_bomb_is_not_unpacked(tmp_path):
    path = tmp_path / "a.xlsx"
    piece = bytes(1 << 24)
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as file,
    ):
        for _ in range((excel.MAX_UNPACKED >> 24) + 1):
            file.write(piece)
    with pytest.raises(CorpusError, match=r"unpacks to 2,164,260,864 bytes, 2,147,483,648 are allowed"):
        list(excel.read(path, Reading()))


def test_a_bomb_of_entities_is_told(tmp_path, book):
    book({"s": [["text", "label"], ["one", "a"]]})
    path = tmp_path / "a.xlsx"
    entities = b'<!DOCTYPE b [<!ENTITY a "' + b"x" * 1000 + b'">'
    for k in range(9):
        entities += b'<!ENTITY %c "%s">' % (98 + k, b"&%c;" % (97 + k) * 10)
    with zipfile.ZipFile(path) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml")
    sheet = sheet.removeprefix(b"<?xml version='1.0' encoding='UTF-8'?>")
    _edit(path, "xl/worksheets/sheet1.xml", sheet, entities + b"]>" + sheet.replace(b"<v>0</v>", b"<v>&j;</v>"))
    with pytest.raises(CorpusError, match=r"a.xlsx: (the workbook is broken|not a workbook that can be read)"):
        list(excel.read(path, Reading()))


def test_a_row_far_away_does_not_take_forever(tmp_path, book):
    book({"s": [["text", "label"], ["one", "a"]]})
    path = tmp_path / "a.xlsx"
    _edit(path, "xl/worksheets/sheet1.xml", b'<row r="2"', b'<row r="99999999999"')
    with pytest.raises(CorpusError, match=r"names row 1,048,577, a sheet has 1,048,576"):
        list(excel.read(path, Reading()))


def test_what_a_cell_cannot_hold_is_refused_and_leaves_nothing(tmp_path):
    row = LabelledSentence("1", "x" * 40_000, "en", source="l.csv", row=7)
    with pytest.raises(CorpusError, match=r"l.csv, row 7: text has 40,000 characters, an Excel cell holds 32,767"):
        excel.write(tmp_path / "a.xlsx", [row], Writing())
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_holds_texts_only(tmp_path):
    path = tmp_path / "a.xlsx"
    excel.write(path, [LabelledSentence("=1", "=SUM(A1)", "en", note="#REF!")], Writing())
    cells = openpyxl.load_workbook(path).active[2]
    assert {cell.data_type for cell in cells if cell.value is not None} == {"s"}
    with zipfile.ZipFile(path) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")
    assert not isinstance(next(iter(excel.read(path, Reading()))), BadRow)


def test_excels_escapes_are_undone(tmp_path, book):
    """Excel writes a carriage return in a cell as _x000D_."""
    (row,) = book({"s": [["text", "label"], ["one_x000D_\ntwo _x005F_x000D_", "a"]]})
    assert row.text == "one\r\ntwo _x000D_"
