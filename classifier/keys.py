"""Keys of the service: made here, kept only as hashes.

A key is ``nar_<id>_<secret>`` with 256 random bits of secret, so that one round of SHA-256 is enough to keep it:
nothing can be guessed. The file is JSON: ``{"format": 1, "keys": [{"id", "name", "scopes", "sha256", "created"}]}``.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from classifier.durable import write_file
from classifier.errors import InputError

SCOPES = ("score", "feedback", "admin")
FORMAT = 1
_KEY = re.compile(r"nar_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Key:
    """What is kept of a key: who has it, what it may do, and the SHA-256 of the key itself."""

    id: str
    name: str
    scopes: tuple[str, ...]
    sha256: str
    created: str

    def allows(self, scope: str) -> bool:
        """Whether the key is good for ``scope``; "admin" is good for all."""
        return scope in self.scopes or "admin" in self.scopes


def read_keys(path: str | Path) -> dict[str, Key]:
    """The keys of a file, by id.

    Raises
    ------
    InputError
        The file cannot be read or is no key file.
    """
    path = Path(path)
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if told["format"] != FORMAT:
            raise InputError(f"{path}: format {told['format']!r}; this release reads {FORMAT}")
        keys = [
            Key(str(k["id"]), str(k["name"]), tuple(k["scopes"]), str(k["sha256"]), str(k["created"]))
            for k in told["keys"]
        ]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); make one with 'narratives keys add'") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: no key file ({error!r}); make one with 'narratives keys add'") from None
    return {key.id: key for key in keys}


def add_key(path: str | Path, name: str, scopes: Iterable[str]) -> str:
    """Make a key, add its hash to the file (made where it is not there), and return the key, which is kept nowhere.

    Raises
    ------
    InputError
        Another scope than :data:`SCOPES`, an empty name, a name that is taken, or a broken file.
    """
    path = Path(path)
    scopes = tuple(dict.fromkeys(scopes))
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        told = repr(unknown[0]) if unknown else "no scope"
        raise InputError(f"{told}: give one or more of {', '.join(SCOPES)}", field="scopes")
    keys = read_keys(path) if path.exists() else {}
    if not name.strip() or any(key.name == name for key in keys.values()):
        raise InputError(f"name {name!r} is {'taken' if name.strip() else 'empty'}; give another", field="name")
    id = secrets.token_hex(6)
    key = f"nar_{id}_{secrets.token_urlsafe(32)}"
    created = datetime.now(UTC).isoformat(timespec="seconds")
    keys[id] = Key(id, name, scopes, hashlib.sha256(key.encode()).hexdigest(), created)
    _write(path, keys)
    return key


def revoke_key(path: str | Path, id_or_name: str) -> Key:
    """Take a key out of the file. Raises :class:`InputError` where it is not there."""
    path = Path(path)
    keys = read_keys(path)
    found = [key for key in keys.values() if id_or_name in (key.id, key.name)]
    if not found:
        there = ", ".join(f"{key.name} ({key.id})" for key in keys.values()) or "none"
        raise InputError(f"{id_or_name!r}: no such key; keys there: {there}")
    del keys[found[0].id]
    _write(path, keys)
    return found[0]


def match_key(given: str, keys: dict[str, Key]) -> Key | None:
    """The key that ``given`` is, None where it is none of ``keys``. Takes the same time however much of it is right."""
    match = _KEY.fullmatch(given)
    key = keys.get(match.group(1)) if match else None
    digest = hashlib.sha256(given.encode("utf-8", "surrogatepass")).hexdigest()
    # A comparison is made for unknown ids too.
    same = hmac.compare_digest(digest, key.sha256 if key else "0" * 64)
    return key if same else None


def _write(path: Path, keys: dict[str, Key]) -> None:
    told = {"format": FORMAT, "keys": [asdict(key) for key in keys.values()]}
    write_file(path, json.dumps(told, indent=2, ensure_ascii=False) + "\n")
