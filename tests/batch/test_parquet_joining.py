"""Joined Parquet files against pyarrow, which reads them and the pieces."""

import io

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from classifier import InputError
from classifier.batch.parquet_joining import MAGIC, FooterJoiner, split_parquet

SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        ("text", pa.string()),
        ("nested", pa.list_(pa.struct([("a", pa.float64()), ("b", pa.map_(pa.string(), pa.int8()))]))),
        ("when", pa.timestamp("us", "UTC")),
        ("price", pa.decimal128(9, 2)),
        ("kind", pa.dictionary(pa.int8(), pa.string())),
    ],
    metadata={"written by": "a test"},
)
record = st.fixed_dictionaries(
    {
        "id": st.integers(0, 2**62),
        "text": st.none() | st.text(st.characters(exclude_categories=["Cs"])),
        "nested": st.none() | st.lists(st.fixed_dictionaries({"a": st.none() | st.floats(-1, 1), "b": st.just([])})),
        "when": st.none() | st.integers(0, 2**40),
        "price": st.none() | st.decimals(-999, 999, places=2),
        "kind": st.none() | st.sampled_from(["a", "b"]),
    }
)


def written(tables, **options):
    sink = io.BytesIO()
    with parquet.ParquetWriter(sink, tables[0].schema, compression="zstd", **options) as writer:
        for table in tables:
            writer.write_table(table)
    return sink.getvalue()


def joined(pieces):
    joiner, body = FooterJoiner(), b""
    for piece in pieces:
        begin, end, footer = split_parquet(piece)
        joiner.add(footer, end - begin)
        body += piece[begin:end]
    return MAGIC + body + joiner.footer()


@settings(max_examples=20)
@given(found=st.lists(st.lists(st.lists(record, max_size=4), min_size=1, max_size=3), min_size=1, max_size=4))
def test_the_whole_is_its_pieces(found):
    tables = [[pa.Table.from_pylist(rows, schema=SCHEMA) for rows in groups] for groups in found]
    pieces = [written(groups) for groups in tables]
    whole = parquet.ParquetFile(io.BytesIO(joined(pieces)))
    expected = pa.concat_tables([parquet.read_table(io.BytesIO(piece)) for piece in pieces])
    assert whole.read().equals(expected, check_metadata=True)
    assert whole.metadata.num_rows == expected.num_rows
    of_pieces = [parquet.ParquetFile(io.BytesIO(piece)).metadata for piece in pieces]
    assert whole.num_row_groups == sum(metadata.num_row_groups for metadata in of_pieces)
    n = 0
    for metadata in of_pieces:
        for i in range(metadata.num_row_groups):
            for column in range(metadata.num_columns):
                here, there = whole.metadata.row_group(n).column(column), metadata.row_group(i).column(column)
                assert here.statistics == there.statistics
                assert here.total_compressed_size == there.total_compressed_size
            n += 1


def test_one_piece_is_kept_byte_for_byte():
    piece = written([pa.table({"a": [1, 2]})])
    assert joined([piece]) == piece


def test_hundreds_of_row_groups():
    """More than fit into one byte of a list's head, and of an offset."""
    pieces = [written([pa.table({"a": [i]}) for i in range(k, k + 30)]) for k in range(0, 300, 30)]
    assert parquet.read_table(io.BytesIO(joined(pieces))).column("a").to_pylist() == list(range(300))


@pytest.mark.parametrize(
    ("pieces", "told"),
    [
        ([written([pa.table({"a": [1]})]), written([pa.table({"b": [1]})])], "two schemas"),
        ([written([pa.table({"a": [1]})], write_page_index=True)], "page indexes"),
        ([b"PAR1 but no more than that"], "not a Parquet file"),
    ],
)
def test_what_cannot_be_joined_is_refused(pieces, told):
    with pytest.raises(InputError, match=told):
        joined(pieces)
