"""Several Parquet files of one schema as one, without decoding them: their pages are copied as they are.

A Parquet file is its magic number, the column chunks, and a footer in Thrift's compact protocol that says where they
are. The chunks of one file after another's are the same bytes at other places, so the joined file has all the chunks
and one footer, in which the places are moved and the row groups counted anew. pyarrow cannot write such a footer.

References: the format's `thrift definition
<https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift>`_ and the `compact protocol
<https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>`_.
"""

from __future__ import annotations

import struct
from typing import Any

from classifier.errors import InputError

MAGIC = b"PAR1"

# Types of the compact protocol; what a field holds is kept with its type, so that it is written back the same.
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)

# Fields of the footer that count rows or bytes from the beginning of the file, and of what leads there.
_N_ROWS, _ROW_GROUPS = 3, 4  # FileMetaData
_CHUNKS, _GROUP_OFFSET, _ORDINAL = 1, 5, 7  # RowGroup
_CHUNK_OFFSET, _CHUNK_METADATA = 2, 3  # ColumnChunk
_ELSEWHERE = (4, 6)  # ColumnChunk: offset index and column index, which stand outside the chunks
_PAGES = (9, 10, 11)  # ColumnMetaData: data, index and dictionary pages
_BLOOM = 14  # ColumnMetaData: its Bloom filter, outside the chunk too
_MAX_ORDINAL = 2**15 - 1

Struct = dict[int, tuple[int, Any]]


class FooterJoiner:
    """Footers of files that are put one after the other, to the footer of the whole."""

    def __init__(self) -> None:
        self._footer: Struct | None = None
        self._at = len(MAGIC)

    def add(self, footer: bytes, n_bytes: int) -> None:
        """Take the footer of a file whose chunks are ``n_bytes`` long (all but magic number and footer).

        Raises
        ------
        InputError
            The file has what cannot be moved, or another schema.
        """
        told = _Reader(footer).struct()
        groups = told[_ROW_GROUPS][1][1]
        by = self._at - len(MAGIC)
        for group in groups:
            _move(group, _GROUP_OFFSET, by)
            for chunk in group[_CHUNKS][1][1]:
                if any(field in chunk for field in _ELSEWHERE) or _BLOOM in chunk[_CHUNK_METADATA][1]:
                    raise InputError("a Parquet file with page indexes or Bloom filters cannot be joined")
                if chunk.get(_CHUNK_OFFSET, (_I64, 0))[1]:
                    _move(chunk, _CHUNK_OFFSET, by)
                for field in _PAGES:
                    _move(chunk[_CHUNK_METADATA][1], field, by)
        self._at += n_bytes
        if self._footer is None:
            self._footer = told
        else:
            if told[2] != self._footer[2]:
                raise InputError("Parquet files of two schemas cannot be joined")
            self._footer[_N_ROWS] = (_I64, self._footer[_N_ROWS][1] + told[_N_ROWS][1])
            self._footer[_ROW_GROUPS][1][1].extend(groups)

    def footer(self) -> bytes:
        """The footer of the whole, with its length and the magic number."""
        if self._footer is None:
            raise ValueError("no file was added")
        for i, group in enumerate(self._footer[_ROW_GROUPS][1][1]):
            if group.pop(_ORDINAL, None) is not None and i <= _MAX_ORDINAL:
                group[_ORDINAL] = (_I16, i)
        out = bytearray()
        _write_struct(out, self._footer)
        return bytes(out) + struct.pack("<I", len(out)) + MAGIC


def split_parquet(data: bytes) -> tuple[int, int, bytes]:
    """Where the chunks of a whole file begin and end, and its footer."""
    (length,) = struct.unpack("<I", data[-8:-4])
    end = len(data) - 8 - length
    if data[:4] != MAGIC or data[-4:] != MAGIC or end < len(MAGIC):
        raise InputError("not a Parquet file")
    return len(MAGIC), end, data[end:-8]


def _move(fields: Struct, field: int, by: int) -> None:
    if field in fields:
        kind, value = fields[field]
        fields[field] = (kind, value + by)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def struct(self) -> Struct:
        fields: Struct = {}
        number = 0
        while head := self._byte():
            kind = head & 15
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            fields[number] = (kind, kind == _TRUE if kind in (_TRUE, _FALSE) else self._value(kind))
        return fields

    def _value(self, kind: int) -> Any:
        if kind in (_I16, _I32, _I64):
            return self._zigzag()
        if kind == _BINARY:
            return self._take(self._varint())
        if kind == _STRUCT:
            return self.struct()
        if kind in (_LIST, _SET):
            head = self._byte()
            n_items = head >> 4 if head >> 4 < 15 else self._varint()
            return head & 15, [self._value(head & 15) for _ in range(n_items)]
        if kind == _DOUBLE:
            return self._take(8)
        if kind in (_BYTE, _TRUE, _FALSE):  # booleans in a list are a byte each
            return self._byte()
        raise InputError(f"a Parquet footer holds type {kind}, which is not known")

    def _byte(self) -> int:
        return self._take(1)[0]

    def _take(self, n_bytes: int) -> bytes:
        self._at += n_bytes
        if self._at > len(self._data):
            raise InputError("a Parquet footer ends too soon")
        return self._data[self._at - n_bytes : self._at]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)


def _write_struct(out: bytearray, fields: Struct) -> None:
    before = 0
    for number in sorted(fields):
        kind, value = fields[number]
        if kind in (_TRUE, _FALSE):
            kind = _TRUE if value else _FALSE
        if 0 < number - before < 16:
            out.append((number - before) << 4 | kind)
        else:
            out.append(kind)
            _write_varint(out, number << 1)
        before = number
        if kind not in (_TRUE, _FALSE):
            _write_value(out, kind, value)
    out.append(0)


def _write_value(out: bytearray, kind: int, value: Any) -> None:
    if kind in (_I16, _I32, _I64):
        _write_varint(out, value << 1 if value >= 0 else (-value << 1) - 1)
    elif kind == _BINARY:
        _write_varint(out, len(value))
        out += value
    elif kind == _STRUCT:
        _write_struct(out, value)
    elif kind in (_LIST, _SET):
        of, items = value
        if len(items) < 15:
            out.append(len(items) << 4 | of)
        else:
            out.append(15 << 4 | of)
            _write_varint(out, len(items))
        for item in items:
            _write_value(out, of, item)
    elif kind == _DOUBLE:
        out += value
    else:
        out.append(value)


def _write_varint(out: bytearray, value: int) -> None:
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
