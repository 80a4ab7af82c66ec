"""What stands in output rows: the model's own answers, beside all that the input had."""

import csv
import io
import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from classifier import TextItem
from classifier.batch import parts
from classifier.batch.scoring import OF_ALL, Options
from tests.batch.made_files import answer_of, posts, read_rows, score_all, told_label, write_rows

NAMES = [
    "a.parquet", "a.jsonl", "a.ndjson", "a.csv", "a.jsonl.gz", "a.jsonl.zst", "a.jsonl.bz2", "a.csv.gz", "a.csv.zst",
]  # fmt: skip
NOT_SCORED = dict.fromkeys(("narratives", "unsure", "labels", "coverage", "n_sentences"))


@pytest.fixture(params=[None, "small"])
def cut(request, monkeypatch):
    """Parts as they are, and parts of a few rows each."""
    if request.param:
        monkeypatch.setattr(parts, "PART_BYTES", 400)
        monkeypatch.setattr(parts, "PART_ROWS", 5)
        monkeypatch.setattr(parts, "ROWS_AT_ONCE", 3)


@pytest.mark.parametrize("name", NAMES)
def test_every_format_tells_what_the_model_does(small_model, tmp_path, cut, name):
    rows = posts(40)
    write_rows(tmp_path / "in" / name, rows)
    run = score_all(small_model, [tmp_path / "in"], tmp_path / "out")
    assert not run.failed
    out = read_rows(tmp_path / "out" / name)
    assert out == [row | answer_of(small_model, row["text"]) for row in rows]
    assert list(out[0]) == ["id", "text", *OF_ALL]
    receipt = json.loads((tmp_path / "out" / "_receipts" / f"{name}.json").read_bytes())
    assert (receipt["rows"], receipt["rows_written"], receipt["errors"]) == (40, 40, 0)
    assert receipt["model"]["digest"] == small_model.identity.digest
    assert not (tmp_path / "out" / "_parts").exists()


anything = st.one_of(st.none(), st.integers(), st.text(max_size=30), st.sampled_from(["", " ", "\ud800 war", "Война."]))


@settings(max_examples=30)
@given(values=st.lists(st.tuples(anything, st.sampled_from([None, "", "ru", "xx!", 7])), max_size=8), raw=st.booleans())
def test_rows_of_json_lines_are_never_lost(small_model, tmp_path_factory, values, raw):
    folder = tmp_path_factory.mktemp("lines")
    lines = [
        json.dumps({"text": text, "language": code, "kept": [i, {"a": 1e400}]}) for i, (text, code) in enumerate(values)
    ]
    (folder / "a.jsonl").write_text("\n".join(lines))
    run = score_all(small_model, [folder / "a.jsonl"], folder / "out", format=None if raw else "parquet")
    assert not run.failed
    if raw:
        out = read_rows(folder / "out" / "a.jsonl")
        kept = [{key: row[key] for key in ("text", "language", "kept")} for row in out]
        assert kept == [json.loads(line) for line in lines]
    else:
        out = read_rows(folder / "out" / "a.parquet")
        assert [row["record"] for row in out] == lines
    for (text, code), row in zip(values, out, strict=True):
        good = isinstance(text, str) and text.strip() and code in (None, "", "ru")
        expected = answer_of(small_model, text, code or None) if good else NOT_SCORED
        assert {key: row[key] for key in expected} == expected
        assert bool(row["error"]) != bool(good)


cell = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@settings(max_examples=30)
@given(rows=st.lists(st.tuples(cell, cell), max_size=8), end=st.sampled_from(["\n", "\r\n"]), bom=st.booleans())
def test_rows_of_csv_are_never_lost_and_stand_as_they_stood(small_model, tmp_path_factory, rows, end, bom):
    folder = tmp_path_factory.mktemp("csv")
    out = io.StringIO()
    # Python 3.11 leaves a "\r" bare where lines end with "\n".
    bare = any("\r" in value for row in rows for value in row)
    writer = csv.writer(out, lineterminator=end, quoting=csv.QUOTE_ALL if bare else csv.QUOTE_MINIMAL)
    writer.writerows([("text", "other"), *rows])
    data = ("\ufeff" * bom + out.getvalue()).encode()
    (folder / "a.csv").write_bytes(data)
    run = score_all(small_model, [folder / "a.csv"], folder / "out")
    assert not run.failed
    scored = (folder / "out" / "a.csv").read_bytes()
    assert scored.startswith(data[: data.index(end.encode())] + b",narratives,")
    back = read_rows(folder / "out" / "a.csv")
    assert [(row["text"], row["other"]) for row in back] == rows
    for (text, _), row in zip(rows, back, strict=True):
        expected = answer_of(small_model, text) if text.strip() else NOT_SCORED
        assert {key: row[key] for key in expected} == expected


def test_columns_of_parquet_are_kept_as_they_are(small_model, tmp_path):
    """Types, nesting, nulls, metadata; a text may be in a dictionary."""
    schema = pa.schema(
        [
            pa.field("post", pa.dictionary(pa.int32(), pa.string())),
            pa.field("id", pa.int64(), nullable=False, metadata={"why": "to be named"}),
            ("tags", pa.list_(pa.struct([("name", pa.string()), ("at", pa.timestamp("us", "UTC"))]))),
            ("raw", pa.binary()),
        ],
        metadata={"source": "a test"},
    )
    texts = ["War is inevitable.", None, "", "War is inevitable."]
    rows = [{"post": text, "id": i, "tags": [{"name": "a", "at": i}], "raw": b"\xff"} for i, text in enumerate(texts)]
    parquet.write_table(pa.Table.from_pylist(rows, schema=schema), tmp_path / "a.parquet")
    score_all(small_model, [tmp_path / "a.parquet"], tmp_path / "out", options=Options("post", prefix="n_"))
    before, after = parquet.read_table(tmp_path / "a.parquet"), parquet.read_table(tmp_path / "out" / "a.parquet")
    assert after.select(before.schema.names).equals(before, check_metadata=True)
    assert after.schema.names == [*before.schema.names, *("n_" + name for name in OF_ALL)]
    assert after.column("n_error").to_pylist() == [None, "'post' is missing or no text", "'post' is empty", None]
    assert after.column("n_labels").null_count == after.column("n_narratives").null_count == 2
    expected = answer_of(small_model, texts[0])
    assert {name: after.column("n_" + name)[3].as_py() for name in OF_ALL} == expected


def test_bytes_that_are_no_text_cost_one_row(small_model, tmp_path):
    texts = pa.Array.from_buffers(pa.string(), 3, pa.array([b"War.", b"\xff\xfe", b"Peace."], pa.binary()).buffers())
    parquet.write_table(pa.table({"text": texts}), tmp_path / "a.parquet")
    (tmp_path / "b.csv").write_bytes(b"id,text\n1,War.\n2,\xff\xfe\n3,Peace.\n")
    (tmp_path / "c.jsonl").write_bytes(b'{"text": "War."}\n{"text": "\xff\xfe"}\n{"text": "Peace."}\n')
    run = score_all(small_model, [tmp_path], tmp_path / "out")
    assert not run.failed
    assert run.totals.counts.errors == 3
    table = parquet.ParquetFile(tmp_path / "out" / "a.parquet").read(["error"])
    assert table.column("error").to_pylist() == [None, "holds bytes that are not UTF-8", None]
    scored = (tmp_path / "out" / "b.csv").read_bytes().split(b"\n")
    assert scored[2].startswith(b"2,\xff\xfe,,,,,,'text' is not UTF-8")
    errors = [json.loads(line)["error"] for line in (tmp_path / "out" / "c.jsonl").read_text().splitlines()]
    assert [bool(error) for error in errors] == [False, True, False]


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl", "a.csv"])
def test_a_row_for_each_sentence(small_model, tmp_path, name):
    rows = [
        {"id": "1", "text": "War is inevitable. Trains run."},
        {"id": "2", "text": " "},
        {"id": "3", "text": "War."},
    ]
    write_rows(tmp_path / name, rows)
    run = score_all(small_model, [tmp_path / name], tmp_path / "out", options=Options(unit="sentence", all=True))
    out = read_rows(tmp_path / "out" / name)
    assert (run.totals.counts.rows, run.totals.counts.written, run.totals.counts.errors) == (3, 4, 1)
    assert [(row["id"], row["sentence"] or None) for row in out] == [
        ("1", "War is inevitable."), ("1", "Trains run."), ("2", None), ("3", "War."),
    ]  # fmt: skip
    at = 0
    for row in rows:
        (result,) = small_model.score([TextItem(row["text"])], explain=None, all=True).results
        for sentence in result.sentences:
            told = out[at]
            assert (int(told["begin"]), int(told["end"])) == (sentence.begin, sentence.end)
            assert told["labels"] == [told_label(label) for label in sentence.labels]
            at += 1
        at += not result.sentences


@pytest.mark.parametrize("source", ["a.parquet", "a.jsonl.gz", "a.csv"])
@pytest.mark.parametrize("format", ["parquet", "jsonl", "csv"])
def test_every_format_into_every_other(small_model, tmp_path, cut, source, format):
    rows = posts(12)
    write_rows(tmp_path / source, rows)
    run = score_all(small_model, [tmp_path / source], tmp_path / "out", format=format)
    assert not run.failed
    (out,) = [path for path in (tmp_path / "out").iterdir() if path.is_file() and path.name[0] != "_"]
    back = read_rows(out)
    answers = [answer_of(small_model, row["text"]) for row in rows]
    assert [{key: row[key] for key in OF_ALL} for row in back] == answers
    if source.startswith("a.jsonl") and format != "jsonl":
        back = [json.loads(row["record"]) for row in back]
    assert [{key: row[key] for key in ("id", "text")} for row in back] == rows


def test_what_is_no_object_or_has_too_many_cells_keeps_its_row(small_model, tmp_path):
    (tmp_path / "a.jsonl").write_text('"War is inevitable."\n[1]\n\n{broken\n{}\n')
    (tmp_path / "b.csv").write_text('id,text,c\n1,War,"x, y",z\n2,War\n\n"3",War,z')
    run = score_all(small_model, [tmp_path], tmp_path / "out")
    assert not run.failed
    lines = read_rows(tmp_path / "out" / "a.jsonl")
    assert lines[0] == {"text": "War is inevitable.", **answer_of(small_model, "War is inevitable.")}
    assert [row.get("record") for row in lines] == [None, "[1]", "{broken", None]
    assert [bool(row["error"]) for row in lines] == [False, True, True, True]
    rows = read_rows(tmp_path / "out" / "b.csv")
    assert [(row["id"], row["text"], row["c"]) for row in rows] == [
        ("1", "War", "x, y"),
        ("2", "War", ""),
        ("3", "War", "z"),
    ]
    assert rows[0]["error"] == "4 cells where the header has 3: quote cells that hold commas"
    assert rows[1]["error"] is rows[2]["error"] is None
