"""Answers to JSON, without a detour through dictionaries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from classifier.model.answer import Answer, TextAnswer

_encoder = msgspec.json.Encoder()


def encode_answer(answer: Answer | TextAnswer | Mapping[str, Any]) -> bytes:
    """The JSON of ``to_plain(answer)``: ``reason`` and ``voice`` of a decision are left out where they are None.

    Parameters
    ----------
    answer : Answer, TextAnswer or mapping
        A mapping may hold the others, as the answer to a batch does in which a text could not be taken.

    Raises
    ------
    UnicodeEncodeError
        A text holds a lone surrogate.
    """
    encoded = _encoder.encode(answer)
    # A quotation mark inside a JSON string is escaped: these bytes can be nothing but a member of an object, and only
    # decisions have such members.
    return encoded.replace(b',"reason":null', b"").replace(b',"voice":null', b"")
