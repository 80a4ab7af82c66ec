import codecs

import pytest

from classifier.corpus.formats.csv_table import no_formula, read
from classifier.corpus.formats.encodings import find_encoding
from classifier.corpus.formats.foreign import MAX_TEXT, BadRow, ForeignLabel, Reading
from classifier.errors import CorpusError


def rows_of(path, content, reading=None, encoding="utf-8"):
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return list(read(path, reading or Reading()))


def names(row):
    return [label.name for label in row.labels]


RUSSIAN = "text,label\nВойна неизбежна,страх\nМир близок,\n"
GERMAN = "text,label\nDer Krieg rückt näher,Süß\nGrüße aus Köln,\n"


@pytest.mark.parametrize(
    ("content", "encoding", "found"),
    [
        (RUSSIAN, "utf-8", "utf-8"),
        (RUSSIAN, "utf-8-sig", "utf-8-sig"),
        (RUSSIAN, "utf-16", "utf-16"),
        (RUSSIAN, "cp1251", "cp1251"),
        ("text,label\nВійна неминуча, їхня,є\n", "cp1251", "cp1251"),
        (GERMAN, "cp1252", "cp1252"),
        ("text,label\nLa guerra está aquí,á\n", "cp1252", "cp1252"),
        ("text,label\nL'État à l'été,é\n", "cp1252", "cp1252"),
        ("text,label\nplain,a\n", "utf-16-le", "utf-16-le"),
        ("text,label\nplain,a\n", "utf-16-be", "utf-16-be"),
    ],
)
def test_encodings_are_found_out(tmp_path, content, encoding, found):
    path = tmp_path / "a.csv"
    told = []
    rows = rows_of(path, content, Reading(tell=told.append), encoding)
    assert find_encoding(path)[0] == found
    expected = [line.split(",")[0] for line in content.splitlines()[1:] if line.count(",") == 1]
    assert [row.text for row in rows if not isinstance(row, BadRow)] == expected
    assert bool(told) == (found in ("cp1251", "cp1252", "utf-16-le", "utf-16-be")), "a guess is told"


def test_a_named_encoding_goes_before_a_guess(tmp_path):
    (row,) = rows_of(tmp_path / "a.csv", "text,label\nпривет,да\n", Reading(encoding="koi8-r"), "koi8-r")
    assert row.text == "привет"
    with pytest.raises(CorpusError, match="'klingon' is no encoding; try utf-8"):
        rows_of(tmp_path / "a.csv", "text,label\n", Reading(encoding="klingon"))
    with pytest.raises(CorpusError, match="no encoding of text"):
        rows_of(tmp_path / "a.csv", "text,label\n", Reading(encoding="rot13"))


def test_mixed_encodings_cost_the_broken_rows_only(tmp_path):
    content = "text,label\nтекст,a\n".encode() + "битый,a\n".encode("cp1251") + "ещё один,a\nи ещё,a\n".encode()
    good, bad, *rest = rows_of(tmp_path / "a.csv", content)
    assert (good.text, bad.row, [row.text for row in rest]) == ("текст", 3, ["ещё один", "и ещё"])
    assert "'text' holds bytes that are not utf-8" in bad.reason


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_delimiters_line_ends_and_marks(tmp_path, delimiter, end, mark):
    lines = ["Text,Label,Lang", '"One, two; three\tfour|five",a,en', "Six,,ru", ""]
    content = end.join(line if line.startswith('"') else line.replace(",", delimiter) for line in lines)
    content = content.replace('",a,en', f'"{delimiter}a{delimiter}en')
    rows = rows_of(tmp_path / "a.csv", mark + content.encode())
    assert [(row.text, names(row), row.language) for row in rows] == [
        ("One, two; three\tfour|five", ["a"], "en"),
        ("Six", [], "ru"),
    ]


def test_excels_line_for_the_delimiter(tmp_path):
    rows = rows_of(tmp_path / "a.csv", "sep=;\ntext;label\na, b, c;x\n", Reading(known="x".__eq__))
    assert [(row.text, row.row, names(row)) for row in rows] == [("a, b, c", 3, ["x"])]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("one", "1 fields, but the header has 2; quote texts that hold ','"),
        ("one,two,three", "3 fields"),
        ('"a"b,c', "not valid CSV"),
        ('"a,b', "a quotation mark is opened and never closed"),
    ],
)
def test_a_broken_row_is_told_and_the_others_are_taken(tmp_path, line, told):
    before, *bad = rows_of(tmp_path / "a.csv", f"text,label\ngood,a\n{line}\n")
    assert before.text == "good"
    assert (bad[0].row, bad[0].source) == (3, str(tmp_path / "a.csv"))
    assert told in bad[0].reason


def test_after_a_broken_row_reading_goes_on(tmp_path):
    rows = rows_of(tmp_path / "a.csv", 'text,label\n"a"b,c\nlast,a\n')
    assert [type(row) is BadRow for row in rows] == [True, False]
    assert rows[1].text == "last"


def test_the_row_is_the_line_on_which_it_begins(tmp_path):
    rows = rows_of(tmp_path / "a.csv", 'text,label\n"one\ntwo\nthree",a\n\nfour,a\n')
    assert [row.row for row in rows] == [2, 6]


def test_a_field_without_end_is_told(tmp_path):
    rows = rows_of(tmp_path / "a.csv", "text,label\n" + "x" * (MAX_TEXT + 10) + ",a\nlast,a\n")
    assert "longer than" in rows[0].reason
    assert rows[-1].text == "last"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "the file is empty"),
        (
            "text,other\n",
            "row 1: no column looks like the labels; columns are text, other: choose with --labels-column",
        ),
        ("words,label\n", "no column looks like the text"),
        ("text,label,Text,text\n", "the column 'text' stands twice"),
    ],
)
def test_a_file_that_is_no_table_of_labels(tmp_path, content, told):
    with pytest.raises(CorpusError) as caught:
        rows_of(tmp_path / "a.csv", content)
    assert told in str(caught.value)
    assert str(tmp_path / "a.csv") in str(caught.value)


def test_columns_are_chosen_and_a_wrong_choice_is_told(tmp_path):
    content = "Nr,Satz,Thema,who\n7,Hallo,a;b,me;you\n"
    reading = Reading(text_column="Satz", labels_columns=("thema",), id_column="Nr", annotators_column="who")
    (row,) = rows_of(tmp_path / "a.csv", content, reading)
    assert (row.id, row.text, names(row), row.annotators) == ("7", "Hallo", ["a", "b"], ("me", "you"))
    with pytest.raises(CorpusError, match="--text-column: no column 'Sats'; columns are Nr, Satz"):
        rows_of(tmp_path / "a.csv", content, Reading(text_column="Sats"))


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("a;b", [("a", None), ("b", None)]),
        ("a | b", [("a", None), ("b", None)]),
        ("a:rejected;b: asserted", [("a", "rejected"), ("b", "asserted")]),
        ("URW: Praise of Russia", [("URW: Praise of Russia", None)]),
        ('"[""a"", ""b;c""]"', [("a", None), ("b;c", None)]),
        ("\"['a', 'b']\"", [("a", None), ("b", None)]),
        ("[]", []),
        ("", []),
        ("[not a list", [("[not a list", None)]),
        ("known; as a whole", [("known; as a whole", None)]),
    ],
)
def test_labels_in_a_cell(tmp_path, cell, expected):
    (row,) = rows_of(tmp_path / "a.csv", f"text,label\nx,{cell}\n", Reading(known="known; as a whole".__eq__))
    assert [(label.name, label.voice) for label in row.labels] == expected


def test_a_column_a_label(tmp_path):
    content = "text,hoax,cost\none,1,0\ntwo,,x\nthree,rejected,TRUE\nfour,0.0,no\n"
    rows = rows_of(tmp_path / "a.csv", content, Reading(labels_columns=("hoax", "cost")))
    assert [row.labels for row in rows] == [
        (ForeignLabel("hoax"),),
        (ForeignLabel("cost"),),
        (ForeignLabel("hoax", "rejected"), ForeignLabel("cost")),
        (),
    ]


def test_ones_and_zeros_in_a_single_column_are_codes_unless_its_name_is_a_label(tmp_path):
    content = "text,hoax\none,1\ntwo,0\nthree,-\n"
    rows = rows_of(tmp_path / "a.csv", content, Reading(labels_columns=("hoax",)))
    assert [names(row) for row in rows] == [["1"], ["0"], []]
    rows = rows_of(tmp_path / "a.csv", content, Reading(labels_columns=("hoax",), known="hoax".__eq__))
    assert [names(row) for row in rows] == [["hoax"], [], []]


def test_a_column_of_voices(tmp_path):
    rows = rows_of(tmp_path / "a.csv", "text,label,voice\none,a;b,asserted\ntwo,a;b,b:rejected\nthree,a,\n")
    assert [[label.voice for label in row.labels] for row in rows] == [["asserted"] * 2, [None, "rejected"], [None]]


@pytest.mark.parametrize("cut", ["1.23457E+17", "1,23457E+17", "1E+15"])
def test_ids_that_a_spreadsheet_has_cut(tmp_path, cut):
    (bad,) = rows_of(tmp_path / "a.csv", f"id;text;label\n{cut};x;a\n")
    assert "scientific notation; format that column as text" in bad.reason


def test_formulas_are_escaped_and_nothing_else():
    for harmless in ("", "a=b", "war", "'quoted'", "1-2"):
        assert no_formula(harmless) == harmless
    for formula in ("=1", "+1", "-1", "@a", "\tx", "\rx", "'=1"):
        assert no_formula(formula) == "'" + formula
