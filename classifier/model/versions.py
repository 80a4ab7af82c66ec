"""``models/``: versions side by side; ``CURRENT`` names the one that answers, ``HISTORY`` those before it."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

from classifier.durable import remove_leftovers, write_file
from classifier.errors import InputError, ModelNotFound
from classifier.model.golden import check_golden
from classifier.model.scoring import NarrativeModel
from classifier.model.signature import SIGNATURE, sign_bytes
from classifier.model.store import MANIFEST, MAX_MANIFEST_BYTES, read_model

CURRENT = "CURRENT"
HISTORY = "HISTORY"
HISTORY_LINES = 100
ENVIRONMENT = "NARRATIVES_MODELS"
PUBLIC_KEY_ENVIRONMENT = "NARRATIVES_PUBLIC_KEY"
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def is_version(name: str) -> bool:
    """Whether a name may stand in ``models/``; nothing that leads elsewhere may."""
    return _VERSION.fullmatch(name) is not None


def check_version(version: str) -> str:
    """A name that may stand in ``models/``; raises :class:`InputError` for another."""
    if not is_version(version):
        raise InputError(
            f"{version!r} is no name for a version; use up to 64 letters and digits, and '.', '_', '-' inside"
        )
    return version


def list_versions(models: str | Path) -> list[str]:
    """Names of the model directories in ``models``, sorted."""
    models = Path(models)
    if not models.is_dir():
        return []
    return sorted(p.name for p in models.iterdir() if is_version(p.name) and (p / MANIFEST).is_file())


def next_version(models: str | Path) -> str:
    """The next free version name: ``v1``, ``v2``, ..."""
    models = Path(models)
    # Whatever is there counts, a half-copied model too.
    names = [path.name for path in models.iterdir()] if models.is_dir() else []
    numbers = [int(name[1:]) for name in names if re.fullmatch(r"v[0-9]{1,9}", name)]
    return f"v{max(numbers, default=0) + 1}"


def current_version(models: str | Path) -> str:
    """The version that ``CURRENT`` names.

    Raises
    ------
    ModelNotFound
        There is no ``CURRENT``, or it names no model.
    """
    models = Path(models)
    pointer = models / CURRENT
    try:
        name = pointer.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelNotFound(
            f"{pointer}: cannot be read; train a model with 'narratives train --models {models}'"
        ) from error
    if not is_version(name) or not (models / name / MANIFEST).is_file():
        there = ", ".join(list_versions(models)) or "none"
        raise ModelNotFound(f"{pointer}: names {name!r}, which is no model there; models there: {there}")
    return name


def read_digest(path: str | Path) -> str:
    """The digest of a model directory, from its manifest's bytes alone; nothing is checked.

    Raises
    ------
    OSError
        The manifest cannot be read.
    """
    with (Path(path) / MANIFEST).open("rb") as stream:
        return "sha256:" + hashlib.sha256(stream.read(MAX_MANIFEST_BYTES + 1)).hexdigest()


def list_digests(models: str | Path) -> dict[str, str]:
    """Version to digest, for a models directory; for a model directory its own alone."""
    models = Path(models)
    if (models / MANIFEST).is_file():
        return {models.resolve().name: read_digest(models)}
    return {version: read_digest(models / version) for version in list_versions(models)}


def promote(models: str | Path, version: str, *, public_key: str | Path | None = None) -> None:
    """Let ``CURRENT`` name ``version``, in one step, after checking that it loads and its golden texts pass.

    The version that it named before goes into ``HISTORY``, for :func:`rollback`. What killed processes left in
    ``models`` more than a day ago is removed.

    Parameters
    ----------
    public_key : path, optional
        PEM file of those whose signature is asked for; ``$NARRATIVES_PUBLIC_KEY`` by default.

    Raises
    ------
    ModelError
        The version is missing, broken or not signed as asked; ``CURRENT`` stays as it was.
    """
    models = Path(models)
    _require_sound(models / check_version(version), public_key)
    before = _pointed(models)
    history = _history(models)
    if is_version(before) and before != version and history[-1:] != [before]:
        # First: a process killed in between leaves a history that names the current version, which rollback skips.
        write_file(models / HISTORY, "".join(f"{name}\n" for name in [*history, before][-HISTORY_LINES:]))
    write_file(models / CURRENT, version + "\n")
    remove_leftovers(models)


def rollback(models: str | Path, *, public_key: str | Path | None = None) -> str:
    """Let ``CURRENT`` name the version that it named before, and return that; once more goes one further back.

    Versions that are no longer there are passed over. Parameters as for :func:`promote`.

    Raises
    ------
    ModelNotFound
        None is recorded that is still there.
    ModelError
        It is broken or not signed as asked; ``CURRENT`` stays as it was.
    """
    models = Path(models)
    before = _pointed(models)
    history = _history(models)
    while history:
        version = history.pop()
        if version == before or not (models / version / MANIFEST).is_file():
            continue
        _require_sound(models / version, public_key)
        write_file(models / CURRENT, version + "\n")
        write_file(models / HISTORY, "".join(f"{name}\n" for name in history))
        return version
    there = ", ".join(list_versions(models)) or "none"
    raise ModelNotFound(
        f"{models / HISTORY}: names no version before {before or 'this one'!r} that is still there; "
        f"models there: {there}: 'narratives models promote VERSION' takes one of them"
    )


def sign(models: str | Path, version: str, private_key: str | Path) -> Path:
    """Sign a version, after checking that it is whole; returns the path of its ``manifest.sig``.

    Raises
    ------
    ModelError
        The version is missing or broken.
    InputError
        ``private_key`` is no Ed25519 private key.
    """
    path = Path(models) / check_version(version)
    stored = read_model(path)
    manifest = (path / MANIFEST).read_bytes()
    if "sha256:" + hashlib.sha256(manifest).hexdigest() != stored.digest:
        raise InputError(f"{path / MANIFEST}: changed while it was being signed; sign it again")
    # Written aside in the directory above: a file too many in a model directory is refused.
    real = path.resolve()
    write_file(real / SIGNATURE, sign_bytes(manifest, private_key), aside=real.parent)
    return path / SIGNATURE


def load_directory(
    path: str | Path, *, version: str | None = None, public_key: str | Path | None = None
) -> NarrativeModel:
    """Load one model directory.

    Parameters
    ----------
    version : str, optional
        What to call it; the directory's own name by default.
    public_key : path, optional
        PEM file of those whose signature is asked for.

    Raises
    ------
    ModelError
    """
    path = Path(path)
    return NarrativeModel(read_model(path, public_key=public_key), version=version or path.resolve().name)


def find_models(environ: Mapping[str, str] | None = None) -> Path:
    """The models directory that is used when none is named.

    ``$NARRATIVES_MODELS``, then ``./models``, then the copy inside the installed package (in a checkout, its
    ``models/``).
    """
    environ = os.environ if environ is None else environ
    if environ.get(ENVIRONMENT):
        return Path(environ[ENVIRONMENT])
    here = Path("models")
    shipped = Path(__file__).resolve().parent.parent / "shipped"
    checkout = Path(__file__).resolve().parent.parent.parent / "models"
    for candidate in (here, shipped, checkout):
        if (candidate / CURRENT).is_file():
            return candidate
    raise ModelNotFound(
        f"no model found: ${ENVIRONMENT} is not set, and neither {here.resolve()} nor {shipped} holds {CURRENT}; "
        "train one with 'narratives train'"
    )


def load_model(path: str | Path | None = None, *, public_key: str | Path | None = None) -> NarrativeModel:
    """Load a model.

    Parameters
    ----------
    path : str or Path, optional
        A model directory, or a models directory with ``CURRENT``. Without it: ``$NARRATIVES_MODELS``, ``./models``,
        then the copy inside the installed package.
    public_key : str or Path, optional
        PEM file of Ed25519 public keys, ``$NARRATIVES_PUBLIC_KEY`` by default: where there is one, a model that is not
        signed for one of them is refused.

    Raises
    ------
    ModelNotFound, ModelCorrupt, ModelFormatUnsupported, ModelUnsigned
    """
    place = find_models() if path is None else Path(path)
    if not (place / MANIFEST).is_file():
        if not place.is_dir():
            raise ModelNotFound(f"{place}: no such directory; give a model directory or one that holds {CURRENT}")
        place = place / current_version(place)
    return load_directory(place, public_key=trusted_key(public_key))


def load_named(models: str | Path, name: str, *, public_key: str | Path | None = None) -> NarrativeModel:
    """Load a version of ``models`` by its name, else the model at the path ``name``.

    Raises
    ------
    ModelNotFound
        It is neither.
    ModelError
        As for :func:`load_model`.
    """
    models = Path(models)
    if is_version(name) and (models / name / MANIFEST).is_file():
        return load_model(models / name, public_key=public_key)
    if Path(name).is_dir():
        return load_model(name, public_key=public_key)
    there = ", ".join(list_versions(models)) or "none"
    raise ModelNotFound(f"{name!r} is no version in {models} (there: {there}), and no directory either")


def trusted_key(public_key: str | Path | None = None) -> Path | None:
    """The PEM file that is given, else the one that ``$NARRATIVES_PUBLIC_KEY`` names, else None."""
    if public_key is not None:
        return Path(public_key)
    named = os.environ.get(PUBLIC_KEY_ENVIRONMENT)
    return Path(named) if named else None


def _require_sound(path: Path, public_key: str | Path | None) -> None:
    model = load_directory(path, public_key=trusted_key(public_key))
    check_golden(model, model.golden)


def _pointed(models: Path) -> str:
    """What ``CURRENT`` says, be it there or not; empty where it cannot be read."""
    try:
        return (models / CURRENT).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _history(models: Path) -> list[str]:
    """Versions that answered before, oldest first; a line that is no name is passed over."""
    try:
        lines = (models / HISTORY).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [name for line in lines if is_version(name := line.strip())]
