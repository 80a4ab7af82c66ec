"""Reading a request's body within its limits, and decoding it."""

from __future__ import annotations

import asyncio
import json
import types
import zlib
from collections.abc import AsyncIterator, Coroutine, Generator, Iterator
from functools import partial
from typing import Any, TypeVar, cast

import msgspec
from fastapi import Request
from starlette.types import Message, Receive, Scope

from service.limits import admit
from service.problems import Problem
from service.settings import settings_of

T = TypeVar("T")

JSON = "application/json"
_GZIP = 16 + zlib.MAX_WBITS
PART = 256 * 1024


async def read_json_body(request: Request) -> bytes:
    """The body of a JSON request.

    Raises
    ------
    Problem
        415 for another content type or encoding, 413 over ``max_body_bytes`` (told or counted, packed or not),
        408 where it takes longer than ``request_seconds`` to arrive, 429 where too many are in hand.
    """
    check_content_type(request, JSON)
    return (await read_body(request)).removeprefix(b"\xef\xbb\xbf")


def check_content_type(request: Request, wanted: str) -> None:
    """Refuse a body of another type (415)."""
    kind = header(request.scope, b"content-type").decode("latin-1")
    if kind != wanted and media_type(kind) != wanted:
        raise Problem(415, f"content type {kind or '(none)'!r}; send {wanted}")


def header(scope: Scope, name: bytes) -> bytes:
    """The first header of that name (in lower case), empty where there is none."""
    for found, value in scope["headers"]:
        if found == name:
            return bytes(value)
    return b""


def media_type(kind: str) -> str:
    """A content type without its parameters."""
    return kind.partition(";")[0].strip().lower()


async def read_body(request: Request) -> bytes:
    """The whole body, unpacked, within the limits of the settings; raises what :func:`read_json_body` does."""
    settings = settings_of(request)
    limit = settings.max_body_bytes
    told = header(request.scope, b"content-length")
    if told.isdigit() and (len(told) > 18 or int(told) > limit):
        raise Problem(413, f"{told.decode()} bytes; at most {limit} are taken: send several requests")
    parts: list[bytes] = []
    size = 0
    async for part in body_parts(request, settings.request_seconds):
        size += len(part)
        if size > limit:
            raise Problem(413, f"more than {limit} bytes; send several requests")
        parts.append(part)
    admit(request)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def _by(until: float, receive: Receive) -> Message:
    """``await receive()``, at most until then. A message that is there already, as most are, needs no timer."""
    coming = cast(Coroutine[Any, Any, Message], receive())
    try:
        waited_for = coming.send(None)
    except StopIteration as there:
        return cast(Message, there.value)
    async with asyncio.timeout_at(until):
        return await _rest(coming, waited_for)


@types.coroutine
def _rest(coming: Coroutine[Any, Any, Message], waited_for: Any) -> Generator[Any, Any, Message]:
    """What is left of a coroutine after its first step (PEP 380's expansion of ``yield from``)."""
    while True:
        try:
            sent = yield waited_for
        except GeneratorExit:
            coming.close()
            raise
        except BaseException as error:  # noqa: BLE001 - handed to whom it concerns
            step = partial(coming.throw, error)
        else:
            step = partial(coming.send, sent)
        try:
            waited_for = step()
        except StopIteration as there:
            return cast(Message, there.value)


async def body_parts(request: Request, seconds: float, *, each: bool = False) -> AsyncIterator[bytes]:
    """The body as it arrives, unpacked where it is packed with gzip or deflate; no part is over 256 KiB when unpacked.

    ``seconds`` bounds the whole body, or with ``each`` the wait for every part.
    """
    unpack = _unpacker(request)
    clock = asyncio.get_running_loop().time
    until = clock() + seconds
    more = True
    while more:
        try:
            message = await _by(until, request.receive)
        except TimeoutError:
            raise Problem(408, f"the body did not arrive within {seconds:g} s") from None
        if message["type"] == "http.disconnect":
            raise Problem(400, "the connection closed before the body was complete")
        if each:
            until = clock() + seconds
        more = message.get("more_body", False)
        part = message.get("body", b"")
        if unpack is None:
            if part:
                yield part
            continue
        for piece in unpack.feed(part):
            yield piece
    if unpack is not None and not unpack.complete:
        raise Problem(400, "the packed body is cut short")


class _Unpacker:
    """Unpacks piece by piece: a small body that unpacks to a huge one is never held whole."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._stream = zlib.decompressobj(window)
        self._begun = False

    @property
    def complete(self) -> bool:
        return self._stream.eof

    def feed(self, packed: bytes) -> Iterator[bytes]:
        """Unpack what arrived, at most :data:`PART` bytes at a time."""
        while packed:
            piece, packed = self._take(packed)
            if piece:
                yield piece

    def _take(self, packed: bytes) -> tuple[bytes, bytes]:
        """One piece, and what is still packed."""
        if self._stream.eof:
            # gzip members may follow each other.
            if not packed.strip(b"\0"):
                return b"", b""
            self._stream = zlib.decompressobj(self._window)
        try:
            piece = self._stream.decompress(packed, PART)
        except zlib.error as error:
            if self._begun or self._window != zlib.MAX_WBITS:
                raise Problem(400, f"the body is not what its Content-Encoding says: {error}") from None
            # "deflate" comes with zlib's frame and, from some clients, without.
            self._window = -zlib.MAX_WBITS
            self._stream = zlib.decompressobj(self._window)
            self._begun = True
            return self._take(packed)
        self._begun = True
        return piece, self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail


def _unpacker(request: Request) -> _Unpacker | None:
    encoding = header(request.scope, b"content-encoding").decode("latin-1").strip().lower()
    if encoding in ("", "identity"):
        return None
    if encoding in ("gzip", "x-gzip"):
        return _Unpacker(_GZIP)
    if encoding == "deflate":
        return _Unpacker(zlib.MAX_WBITS)
    raise Problem(
        415, f"content encoding {encoding!r}; gzip and deflate are taken", headers={"Accept-Encoding": "gzip"}
    )


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
        return _decoder(shape).decode(body)
    except msgspec.ValidationError as error:
        raise shape_problem(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        problem = Problem(400, f"not valid JSON: {error}")
    except RecursionError:
        raise Problem(400, "not valid JSON: nested too deeply") from None
    if b"\\u" not in body:
        raise problem
    try:
        return msgspec.convert(json.loads(body.decode("utf-8"), parse_constant=_refuse_constant), type=shape)
    except msgspec.ValidationError as error:
        raise shape_problem(error) from None
    except (ValueError, RecursionError):
        raise problem from None


def _decoder(shape: type[T]) -> msgspec.json.Decoder[T]:
    if shape not in _decoders:
        _decoders[shape] = msgspec.json.Decoder(shape)
    return _decoders[shape]


_decoders: dict[type, msgspec.json.Decoder[Any]] = {}


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def shape_problem(error: msgspec.ValidationError) -> Problem:
    """A 422 that names the field."""
    message, _, path = str(error).partition(" - at `")
    field = path.rstrip("`").removeprefix("$").lstrip(".")
    if not field and "field `" in message:
        field = message.split("field `")[1].split("`")[0]
    return Problem(422, f"{field}: {message}" if field else message, field=field)
