"""``models/``: versions side by side, and ``CURRENT``, which names the one that answers."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from classifier.errors import InputError, ModelNotFound
from classifier.model.golden import check_golden
from classifier.model.scoring import NarrativeModel
from classifier.model.store import MANIFEST, read_model

CURRENT = "CURRENT"
ENVIRONMENT = "NARRATIVES_MODELS"
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_version(version: str) -> str:
    """A name that may stand in ``models/``; raises :class:`InputError` for another."""
    if not _VERSION.fullmatch(version):
        raise InputError(
            f"{version!r} is no name for a version; use up to 64 letters and digits, and '.', '_', '-' inside"
        )
    return version


def list_versions(models: str | Path) -> list[str]:
    """Names of the model directories in ``models``, sorted."""
    models = Path(models)
    if not models.is_dir():
        return []
    return sorted(p.name for p in models.iterdir() if _VERSION.fullmatch(p.name) and (p / MANIFEST).is_file())


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
    if not _VERSION.fullmatch(name) or not (models / name / MANIFEST).is_file():
        there = ", ".join(list_versions(models)) or "none"
        raise ModelNotFound(f"{pointer}: names {name!r}, which is no model there; models there: {there}")
    return name


def promote(models: str | Path, version: str) -> None:
    """Let ``CURRENT`` name ``version``, in one step, after checking that it loads and its golden texts pass.

    Raises
    ------
    ModelError
        The version is missing or broken; ``CURRENT`` stays as it was.
    """
    from classifier.durable import write_file  # not for those who only read

    models = Path(models)
    model = load_directory(models / check_version(version))
    if model.golden:
        check_golden(model, model.golden)
    write_file(models / CURRENT, version + "\n")


def load_directory(path: str | Path) -> NarrativeModel:
    """Load one model directory; its name is the model's version. Raises :class:`ModelError`."""
    path = Path(path)
    return NarrativeModel(read_model(path), version=path.resolve().name)


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


def load_model(path: str | Path | None = None) -> NarrativeModel:
    """Load a model.

    Parameters
    ----------
    path : str or Path, optional
        A model directory, or a models directory with ``CURRENT``. Without it: ``$NARRATIVES_MODELS``, ``./models``,
        then the copy inside the installed package.

    Raises
    ------
    ModelNotFound, ModelCorrupt, ModelFormatUnsupported
    """
    place = find_models() if path is None else Path(path)
    if (place / MANIFEST).is_file():
        return load_directory(place)
    if not place.is_dir():
        raise ModelNotFound(f"{place}: no such directory; give a model directory or one that holds {CURRENT}")
    return load_directory(place / current_version(place))
