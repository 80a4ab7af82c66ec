"""Reading a request's body within its limits, and decoding it."""

from __future__ import annotations

import json
from typing import TypeVar

import msgspec
from fastapi import Request
from starlette.requests import ClientDisconnect

from service.problems import Problem

T = TypeVar("T")


async def read_json_body(request: Request, limit: int) -> bytes:
    """The body of a JSON request.

    Raises
    ------
    Problem
        415 for another content type, 413 over ``limit`` bytes (told or counted).
    """
    kind = request.headers.get("content-type", "")
    if kind.split(";")[0].strip().lower() != "application/json":
        raise Problem(415, f"content type {kind or '(none)'!r}; send application/json")
    told = request.headers.get("content-length", "")
    if told.isdigit() and (len(told) > 18 or int(told) > limit):
        raise Problem(413, f"{told} bytes; at most {limit} are taken: send several requests")
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise Problem(413, f"more than {limit} bytes; send several requests")
            parts.append(part)
    except ClientDisconnect:
        raise Problem(400, "the connection closed before the body was complete") from None
    return b"".join(parts).removeprefix(b"\xef\xbb\xbf")


def decode_body(body: bytes, shape: type[T]) -> T:
    """Decode and check a JSON body.

    Lone surrogates (``"\\ud800"``), which JSON can say and UTF-8 cannot, are let through, so that the item that holds
    them can be named.

    Raises
    ------
    Problem
        400 for broken JSON, 422 naming the field for a wrong shape.
    """
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as error:
        raise _shape_problem(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        problem = Problem(400, f"not valid JSON: {error}")
    except RecursionError:
        raise Problem(400, "not valid JSON: nested too deeply") from None
    if b"\\u" not in body:
        raise problem
    try:
        return msgspec.convert(json.loads(body.decode("utf-8"), parse_constant=_refuse_constant), type=shape)
    except msgspec.ValidationError as error:
        raise _shape_problem(error) from None
    except (ValueError, RecursionError):
        raise problem from None


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _shape_problem(error: msgspec.ValidationError) -> Problem:
    message, _, path = str(error).partition(" - at `")
    field = path.rstrip("`").removeprefix("$").lstrip(".")
    if not field and "field `" in message:
        field = message.split("field `")[1].split("`")[0]
    return Problem(422, f"{field}: {message}" if field else message, field=field)
