"""Telegram Desktop's "Machine-readable JSON" (``result.json``): one chat, or a whole account.

The shape is that of Telegram Desktop's ``export_output_json.cpp``. A file of any size is read in bounded memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from classifier.batch.records import BadRecord, Reading, Record, Tally
from classifier.batch.sources.mended_json import MendedJson
from classifier.batch.times import to_utc
from classifier.errors import InputError, MissingExtra
from classifier.model.answer import TextItem

_MESSAGES = {
    "messages.item": "",
    "chats.list.item.messages.item": "chats.list.item",
    "left_chats.list.item.messages.item": "left_chats.list.item",
}
"""Where messages stand, and where the chat does that they are of."""

_CHATS = set(_MESSAGES.values())
_LISTS = {"messages", "chats.list", "left_chats.list"}
_FACTS = {f"{chat}.{key}".lstrip("."): key for chat in _CHATS for key in ("name", "type", "id")}
_MAX_DEPTH = 64

PRIVATE = {"personal_chat", "bot_chat", "saved_messages", "replies", "verify_codes"}
"""Types of chats that are left out of the export of a whole account."""

_LINKED = {"public_channel", "private_channel", "public_supergroup", "private_supergroup"}


def read_telegram(file: str, path: Path, reading: Reading, tally: Tally) -> Iterator[Record | BadRecord]:
    """Yield the messages of an export that have text; ``row`` counts all messages in the file.

    ``id`` is "chat/message", ``source`` the chat's name. In the export of a whole account private chats are left out.

    Raises
    ------
    InputError
        It is no export.
    MissingExtra
        ijson is not installed.
    """
    try:
        import ijson
    except ImportError as error:
        raise MissingExtra("Reading Telegram's result.json", "batch") from error
    row, found = 0, False
    with path.open("rb") as stream:
        events = ijson.basic_parse(MendedJson(stream))
        # The names that lead to where the parser stands; what is in a message is taken out in one piece.
        at: list[str] = []
        chat: dict[str, Any] = {}
        try:
            for event, value in events:
                if event == "map_key":
                    at[-1] = value
                    continue
                if event in ("end_map", "end_array"):
                    at.pop()
                    continue
                place = ".".join(at)
                if place in _MESSAGES:
                    row += 1
                    if event == "start_map":
                        message = _built(ijson.ObjectBuilder(), events)
                        if _MESSAGES[place] and chat.get("type") in PRIVATE:
                            tally.skipped["message of a private chat (export that chat alone to read it)"] += 1
                        elif (taken := _take(file, row, message, chat, reading, tally)) is not None:
                            yield taken
                        continue
                    yield BadRecord(file, row, f"a message is an object, {event.removeprefix('start_')} found")
                elif place in _FACTS:
                    chat[_FACTS[place]] = value
                elif place in _CHATS and event == "start_map":
                    chat = {}
                elif place in _LISTS and event == "start_array":
                    found = True
                if event in ("start_map", "start_array"):
                    at.append("item" if event == "start_array" else "")
                    _check_depth(len(at))
        except (ijson.JSONError, ValueError) as error:
            told = " ".join(str(error).split("\n")[0].split())
            if not found:
                raise InputError(f"{file}: not valid JSON: {told}; {_EXPECTED}") from error
            yield BadRecord(
                file, row + 1, f"not valid JSON ({told}): the file is cut off or damaged; what is after it is not read"
            )
            return
    if not found:
        raise InputError(f"{file}: JSON, but no Telegram export; {_EXPECTED}")


def _check_depth(depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise ValueError(f"nested more than {_MAX_DEPTH} deep")


_EXPECTED = (
    'Telegram Desktop writes one with "Export chat history", format "Machine-readable JSON"; '
    "a file with a JSON object a line is read as .jsonl"
)


def _built(builder: Any, events: Iterator[tuple[str, Any]]) -> dict[str, Any]:
    """The object whose beginning was just read."""
    builder.event("start_map", None)
    depth = 1
    for event, value in events:
        builder.event(event, value)
        if event in ("start_map", "start_array"):
            depth += 1
            _check_depth(depth)
        elif event in ("end_map", "end_array"):
            depth -= 1
            if not depth:
                break
    built: dict[str, Any] = builder.value
    return built


def _take(
    file: str, row: int, message: dict[str, Any], chat: dict[str, Any], reading: Reading, tally: Tally
) -> Record | BadRecord | None:
    kind, number = message.get("type", "message"), message.get("id")
    if kind != "message":
        tally.skipped[f"{kind} message" if kind in ("service", "unsupported") else "message of an unknown type"] += 1
        return None
    try:
        text = message_text(message["text"] if "text" in message else message.get("text_entities", ""))
        if not text.strip():
            tally.skipped["message without text"] += 1
            return None
        if not isinstance(number, (int, str)) or isinstance(number, bool):
            raise ValueError("'id' is missing or no number")
        time = None
        if message.get("date_unixtime") or message.get("date"):
            moment = to_utc(message.get("date_unixtime") or message["date"], reading.zone)
            time = moment.time
            if not moment.zoned:
                tally.remarks[f"time without a zone, as on the exporting computer; taken as {reading.zone}"] += 1
        else:
            tally.remarks["message without a date"] += 1
        edited = message.get("edited_unixtime") or message.get("edited")
        extra = {
            "author": _name(message, "author") or _name(message, "from") or _name(message, "from_id"),
            "forwarded_from": _forwarded(message),
            "reply_to": str(message.get("reply_to_message_id", "")),
            "edited": to_utc(edited, reading.zone).time.isoformat() if edited else "",
        }
    except ValueError as error:
        return BadRecord(file, row, str(error))
    source = _name(chat, "name") or (f"chat {chat['id']}" if "id" in chat else Path(file).stem)
    link = f"https://t.me/c/{chat['id']}/{number}" if chat.get("type") in _LINKED and "id" in chat else None
    return Record(
        file,
        row,
        TextItem(text, f"{chat.get('id', source)}/{number}"),
        time=time,
        source=source,
        url=link,
        extra={key: value for key, value in extra.items() if value},
    )


def message_text(text: object) -> str:
    """The text of a message as it was shown: a string, or the strings and entities that it is cut into, joined.

    Raises
    ------
    ValueError
        It is neither; names the piece.
    """
    if isinstance(text, str):
        return text
    if not isinstance(text, list):
        raise ValueError(f"'text' is neither a string nor a list, {type(text).__name__} found")
    pieces = []
    for i, piece in enumerate(text):
        words = piece.get("text") if isinstance(piece, dict) else piece
        if not isinstance(words, str):
            raise ValueError(f"'text[{i}]' is neither a string nor an entity with a text")
        pieces.append(words)
    return "".join(pieces)


def _name(fields: dict[str, Any], key: str) -> str:
    value = fields.get(key)
    return value if isinstance(value, str) else ""


def _forwarded(message: dict[str, Any]) -> str:
    name = _name(message, "forwarded_from") or _name(message, "forwarded_from_id")
    # The export writes null for an account that is gone.
    return name or ("unknown" if "forwarded_from" in message else "")
