"""Addresses that strangers wrote."""

from __future__ import annotations

from urllib.parse import urlsplit


def is_web_address(url: str | None) -> bool:
    """Whether it is a whole http or https address: anything else may run in the reader's page."""
    if not url or any(character.isspace() or ord(character) < 32 for character in url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
