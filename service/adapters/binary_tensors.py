"""Tensors as bytes, as the binary tensor data extension of the Open Inference Protocol lays them out.

Little-endian, row by row, nothing in between. An element of BYTES is its length (4 bytes, unsigned) and its bytes.
https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol/binary-tensor-data-extension
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

_LENGTH = struct.Struct("<I")


def read_strings(data: bytes, count: int) -> list[str]:
    """The ``count`` elements of a BYTES tensor, as UTF-8. Memory grows with ``data``, never with what it claims.

    Raises
    ------
    ValueError
        Lengths that do not fit the data, another number of elements, or an element that is not UTF-8; says which.
    """
    found: list[str] = []
    at = 0
    while at < len(data):
        place = len(found)
        if place == count:
            raise ValueError(f"{len(data) - at} bytes are left after {count} elements, as many as the shape has")
        if len(data) - at < _LENGTH.size:
            raise ValueError(f"element {place} is cut short: {len(data) - at} bytes where its length should stand")
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        if length > len(data) - at:
            raise ValueError(f"element {place} claims {length} bytes; {len(data) - at} are left")
        try:
            found.append(data[at : at + length].decode("utf-8"))
        except UnicodeDecodeError as error:
            raise ValueError(f"element {place} is not UTF-8: {error.reason} at byte {error.start}") from None
        at += length
    if len(found) < count:
        raise ValueError(f"{len(found)} elements; the shape has {count}")
    return found


def write_strings(values: Iterable[str]) -> bytes:
    """A BYTES tensor of UTF-8."""
    encoded = [value.encode("utf-8") for value in values]
    return b"".join(part for value in encoded for part in (_LENGTH.pack(len(value)), value))


def write_doubles(values: Sequence[float]) -> bytes:
    """An FP64 tensor."""
    return struct.pack(f"<{len(values)}d", *values)
