"""Decoding requests of protocols that call every bad request a 400."""

from __future__ import annotations

from typing import TypeVar

from service.bodies import decode_body
from service.problems import Problem

T = TypeVar("T")


def decode_or_400(body: bytes, shape: type[T]) -> T:
    """As :func:`~service.bodies.decode_body`, but a wrong shape is a 400 too. Raises :class:`Problem`."""
    try:
        return decode_body(body, shape)
    except Problem as problem:
        raise Problem(400, problem.detail, field=problem.field) from None
