"""Which texts can be scored."""

from __future__ import annotations

from service.settings import Settings


def text_fault(text: str, settings: Settings) -> str | None:
    """What keeps a text from being scored, None where nothing does."""
    if not text.strip():
        return "the text is empty"
    if len(text) > settings.max_text_length:
        return f"{len(text)} characters; at most {settings.max_text_length} are taken: cut the text"
    if has_surrogate(text):
        return "the text holds a lone surrogate, which is no character: decode it as UTF-16 or replace it"
    return None


def has_surrogate(text: str) -> bool:
    """Whether a text holds half a surrogate pair, which JSON can say and UTF-8 cannot."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
