"""What is exported is imported as it was, whatever is in it."""

from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.corpus.files import write_labels
from classifier.corpus.formats.foreign import BadRow, Reading, Writing
from classifier.corpus.formats.registry import FORMATS, find_format
from classifier.corpus.importing import import_labels
from classifier.corpus.label_names import LabelNames
from classifier.corpus.sentence import LabelledSentence
from classifier.taxonomy import VOICES, Narrative, Taxonomy, Theme

NARRATIVES = ("a", "x", "no", "1", "inevitable-war", "russophobia")
TAXONOMY = Taxonomy(
    1,
    (
        Theme("one", "One: the first", (Narrative("a", "A", "."), Narrative("x", "Ex, or y", "."))),
        Theme("two", "Two", tuple(Narrative(n, n.title(), ".") for n in NARRATIVES[2:])),
    ),
)
SUFFIX = {"csv": ".csv", "excel": ".xlsx", "jsonl": ".jsonl", "parquet": ".parquet", "label-studio": ".json"}
SUFFIX |= {"doccano": ".jsonl", "huggingface": "", "semeval": ""}
WRITABLE = [name for name, chosen in FORMATS.items() if chosen.write]
FOLDER = count()

# Everything that a label file can hold: no NUL, no lone surrogate.
anything = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
tricky = st.sampled_from(
    [
        "=1+1", "'=1+1", "''-x", "@cmd", "\tx", "\rx", "a\r\nb", "a\rb", "_x000D_", "_x005F_x000D_", " lead", "trail ",
        '"', "';", "1.0", "1e5", "NaN", "null", "#REF!", "[1, 2]", "\ufeffx", "\x1b[2J", "\ufffe", "😀 war", "\x85",
        "\u2028", "00012", "TRUE", "2026-11-22",
    ]
)  # fmt: skip
free = anything | tricky
text = free.filter(str.strip)
names = st.from_regex(r"[a-z0-9]+(-[a-z0-9]+)*", fullmatch=True)
rows = st.lists(
    st.builds(
        LabelledSentence,
        id=names | st.sampled_from(["=1", "-5", "a b", "Ж", "1.0", "'@x"]),
        text=text,
        language=st.sampled_from(["en", "ru", "hyw"]),
        labels=st.dictionaries(st.sampled_from(NARRATIVES), st.sampled_from([None, *VOICES]), max_size=3),
        origin=st.sampled_from(["article", "written", "feedback", "imported"]),
        file=free,
        begin=st.none() | st.integers(0, 10**15),
        end=st.none() | st.integers(0, 10**15),
        group=free,
        annotators=st.lists(names, max_size=3).map(tuple),
        register=free,
        note=free,
        split=free,
        date=st.just("") | st.dates().map(str),
        outlet=free,
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda row: row.id,
)


def there_and_back(name, given_rows, folder, writing=None):
    path = folder / f"{next(FOLDER)}{SUFFIX[name]}"
    FORMATS[name].write(path, given_rows, writing or Writing(taxonomy=TAXONOMY))
    assert find_format(path).name in (name, "jsonl"), "the format is found out"
    labels = LabelNames(TAXONOMY, {})
    back = list(FORMATS[name].read(path, Reading(known=labels.known)))
    assert not [row for row in back if isinstance(row, BadRow)]
    return [
        LabelledSentence(
            row.id, row.text, row.language, labels.find(row.labels), row.origin, row.file, row.begin, row.end,
            row.group, row.annotators, row.register, row.note, row.split, row.date, row.outlet,
        )
        for row in back
    ]  # fmt: skip


@pytest.mark.parametrize("name", [name for name in WRITABLE if name != "semeval"])
@settings(max_examples=30)
@given(given_rows=rows)
def test_nothing_is_lost(name, tmp_path_factory, given_rows):
    assert there_and_back(name, given_rows, tmp_path_factory.getbasetemp()) == given_rows


@settings(max_examples=30)
@given(given_rows=rows, delimiter=st.sampled_from(",;\t|"))
def test_nothing_is_lost_by_what_excel_needs(tmp_path_factory, given_rows, delimiter):
    writing = Writing(excel=True, delimiter=delimiter)
    assert there_and_back("csv", given_rows, tmp_path_factory.getbasetemp(), writing) == given_rows


@settings(max_examples=30)
@given(given_rows=rows)
def test_no_cell_of_an_excel_csv_computes(tmp_path_factory, given_rows):
    import csv

    path = tmp_path_factory.getbasetemp() / f"{next(FOLDER)}.csv"
    FORMATS["csv"].write(path, given_rows, Writing(excel=True))
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        for record in csv.reader(file):
            assert not [field for field in record if field[:1] in ("=", "+", "-", "@", "\t", "\r") and field]


@settings(max_examples=30)
@given(given_rows=rows)
def test_semeval_keeps_what_it_has_a_place_for(tmp_path_factory, given_rows):
    fit = [replace(row, id=f"EN_{k}") for k, row in enumerate(given_rows)]
    lost = {"origin": "", "file": "", "begin": None, "end": None, "group": "", "annotators": ()}
    lost |= {"register": "", "note": "", "split": "", "date": "", "outlet": ""}
    expected = [replace(row, labels=dict.fromkeys(row.labels), **lost) for row in fit]
    back = there_and_back("semeval", fit, tmp_path_factory.getbasetemp())
    assert sorted(back, key=lambda row: row.id) == sorted(expected, key=lambda row: row.id)


@pytest.mark.parametrize("name", [name for name in WRITABLE if name != "semeval"])
def test_an_import_of_an_export_is_the_label_file(name, tmp_path, root):
    """The whole way, on rows of the project's own."""
    from classifier.corpus.exporting import export_labels
    from classifier.corpus.files import read_labels

    for folder in ("ours", "theirs"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "taxonomy.yaml").write_bytes((root / "labels/taxonomy.yaml").read_bytes())
    own = read_labels(root / "labels/articles.csv")
    once = list({row.text: row for row in own}.values())
    write_labels(tmp_path / "ours" / "rows.csv", once)
    exported = export_labels(tmp_path / "ours", tmp_path / f"out{SUFFIX[name]}", name)
    assert exported.n_rows == len(once)
    done = import_labels(exported.path, tmp_path / "theirs", format=name)
    assert (done.n_taken, done.n_rejected) == (len(once), 0)
    assert read_labels(tmp_path / "theirs") == once
