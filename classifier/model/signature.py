"""Who vouches for a model: an Ed25519 signature of its manifest, in ``manifest.sig`` beside it.

The manifest names the SHA-256 of every other file, so its signature covers them all. What is signed are the bytes
of :data:`PREFIX` and then those of ``manifest.json``: a signature made for something else never fits a model. The
file holds one line, ``ed25519`` and the signature in base64. It is no part of the model's digest.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from classifier.durable import sync_directory
from classifier.errors import InputError, MissingExtra, ModelUnsigned

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SIGNATURE = "manifest.sig"
MAX_SIGNATURE_BYTES = 256
PREFIX = b"narrative-classifier model manifest\n"

_LINE = re.compile(rb"ed25519 ([A-Za-z0-9+/]{86}==)\r?\n?")
_PUBLIC = re.compile(rb"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.S)
_MAX_KEY_BYTES = 1 << 16
_HOW = "make a pair with 'narratives models keygen PRIVATE PUBLIC'"


def make_keys(private: str | Path, public: str | Path) -> None:
    """Write a new pair of keys as PEM files: PKCS 8, readable by its owner only, and SubjectPublicKeyInfo.

    Raises
    ------
    InputError
        One of the files is there already; nothing is written.
    MissingExtra
    """
    serialization = _serialization()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private, public = Path(private), Path(public)
    for path in (private, public):
        if path.exists() or path.is_symlink():
            raise InputError(f"{path} is there already; name another file")
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    told = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    _create(private, secret, 0o600)
    try:
        _create(public, told, 0o644)
    except BaseException:
        private.unlink(missing_ok=True)
        raise


def sign_bytes(manifest: bytes, private: str | Path) -> bytes:
    """The content of ``manifest.sig`` for a manifest.

    Raises
    ------
    InputError
        ``private`` is no unencrypted Ed25519 private key in PEM.
    MissingExtra
    """
    signature = _read_private(Path(private)).sign(PREFIX + manifest)
    return b"ed25519 " + base64.b64encode(signature) + b"\n"


def check_signature(manifest: bytes, content: bytes, public_key: str | Path, *, source: str) -> None:
    """Check that ``content`` (of ``manifest.sig``) signs ``manifest`` with a key whose public half is trusted.

    Parameters
    ----------
    public_key : path
        PEM file with one public key or several, any of which will do (so that keys can be changed).
    source : str
        What to call the file in a message.

    Raises
    ------
    ModelUnsigned
        It does not.
    InputError
        ``public_key`` holds no Ed25519 public key.
    MissingExtra
    """
    keys = read_public_keys(public_key)
    from cryptography.exceptions import InvalidSignature

    match = _LINE.fullmatch(content)
    if match is None:
        raise ModelUnsigned(f"{source}: not a signature ('ed25519', a blank, 64 bytes in base64); sign the model again")
    signature = base64.b64decode(match[1], validate=True)
    for key in keys:
        try:
            key.verify(signature, PREFIX + manifest)
        except InvalidSignature:
            continue
        return
    raise ModelUnsigned(
        f"{source}: signed by no key of {public_key}, or the manifest was changed after it was signed; "
        "get the model again, or its signer's public key"
    )


def read_public_keys(path: str | Path) -> list[Ed25519PublicKey]:
    """The Ed25519 public keys of a PEM file. Raises :class:`InputError`, :class:`MissingExtra`."""
    serialization = _serialization()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    data = _read(Path(path), "public key")
    if b"PRIVATE KEY" in data:
        raise InputError(f"{path}: holds a private key; give the public half, and keep this one away from the service")
    keys: list[Ed25519PublicKey] = []
    for block in _PUBLIC.findall(data):
        try:
            key = serialization.load_pem_public_key(block)
        except (ValueError, UnsupportedAlgorithm, binascii.Error):
            raise InputError(f"{path}: key {len(keys) + 1} cannot be read; {_HOW}") from None
        if not isinstance(key, Ed25519PublicKey):
            raise InputError(f"{path}: key {len(keys) + 1} is not an Ed25519 key; {_HOW}")
        keys.append(key)
    # A block that the pattern does not find must not drop out unseen.
    if not keys or data.count(b"-----BEGIN ") != len(keys):
        raise InputError(f"{path}: not a PEM file of public keys; {_HOW}")
    return keys


def _read_private(path: Path) -> Ed25519PrivateKey:
    serialization = _serialization()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    data = _read(path, "private key")
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except TypeError:
        raise InputError(f"{path}: the key is encrypted; decrypt it first (openssl pkey -in ... -out ...)") from None
    except (ValueError, UnsupportedAlgorithm):
        raise InputError(f"{path}: no private key in PEM; {_HOW}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"{path}: not an Ed25519 key; {_HOW}")
    return key


def _read(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_MAX_KEY_BYTES)
    except OSError as error:
        raise InputError(f"{path}: the {what} cannot be read: {error.strerror or error}") from error


def _create(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    sync_directory(path.parent)


def _serialization() -> Any:
    """The library's module for key files. Raises :class:`MissingExtra`."""
    try:
        from cryptography.hazmat.primitives import serialization
    except ImportError as error:
        raise MissingExtra("Signing models and checking signatures", "serve") from error
    return serialization
