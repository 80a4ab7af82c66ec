"""What a run leaves beside its outputs, so that the next one goes on: ``_state.json`` and ``_receipts/``.

``_state.json`` says which model and which options the directory belongs to. A receipt is written when an output file is
whole; it names the input, its stamp, the counts, and the SHA-256 of the output.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from classifier.batch.inputs import STATE, Format, InputFile
from classifier.batch.scoring import Options
from classifier.batch.writing import PARTS, RECEIPTS, Store
from classifier.errors import InputError

LAYOUT = 1
"""Raised whenever parts are cut or written another way, so that parts of two ways are never joined."""


@dataclass(frozen=True, slots=True)
class Job:
    """What all parts of a run have in common; plain enough to be sent to another machine.

    ``model`` is the model directory and ``digest`` what it must have; ``format`` None writes what was read.
    """

    out: str
    model: str
    version: str
    digest: str
    options: Options
    format: Format | None = None

    def format_of(self, file: InputFile) -> Format:
        """The format that a file's output is written in."""
        return self.format or file.format

    def described(self) -> dict[str, Any]:
        """What must be the same for a run to go on."""
        told = {"digest": self.digest, **asdict(self.options), "format": self.format, "layout": LAYOUT}
        return dict(sorted(told.items()))

    def key_of(self, file: InputFile) -> str:
        """What the parts of a file have in common: changes with the file, the model and the options."""
        told = json.dumps([self.described(), file.stamp])
        return hashlib.sha256(told.encode()).hexdigest()[:16]


def open_state(store: Store, job: Job, files: Iterable[InputFile], *, fresh: bool) -> None:
    """Begin a run in a directory, or go on with the one that was begun there.

    Parameters
    ----------
    fresh : bool
        Forget what was begun: outputs that have a receipt, receipts and parts are removed.

    Raises
    ------
    InputError
        The directory belongs to another model or to other options, or an output is there that no run has written.
    """
    found = store.read(STATE)
    if found is not None and fresh:
        for name in _outputs(store):
            store.remove(name)
        for name in (RECEIPTS, PARTS, STATE):
            store.remove(name)
        found = None
    if found is None:
        for file in files:
            if store.size(file.name) is not None:
                raise InputError(
                    f"{store.path(file.name)}: is there already, and no run has written it; choose another directory "
                    "for -o"
                )
        told = {"model": {"version": job.version, "digest": job.digest}, "job": job.described(), "release": release()}
        store.put(STATE, json.dumps(told, indent=1).encode())
        return
    try:
        before = json.loads(found)["job"]
        digest = before["digest"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{store.path(STATE)}: is not what a run writes; choose another directory, or begin anew with --fresh"
        ) from error
    remedy = "choose another directory for -o, or score everything anew with --fresh"
    if digest != job.digest:
        raise InputError(
            f"{store.path(STATE)}: was begun with the model {digest}, this one is {job.digest} ({job.version}); "
            f"take that one (--model), {remedy}"
        )
    now = json.loads(json.dumps(job.described()))
    if before != now:
        other = ", ".join(
            f"{key} {before.get(key)!r} (now {now.get(key)!r})"
            for key in sorted({*before, *now})
            if before.get(key) != now.get(key)
        )
        raise InputError(f"{store.path(STATE)}: was begun with {other}; {remedy}")


def receipt_name(file: InputFile) -> str:
    """Where a file's receipt lies."""
    return f"{RECEIPTS}/{file.name}.json"


def is_whole(store: Store, file: InputFile) -> dict[str, Any] | None:
    """The receipt of a file whose output is whole and whose input is still the same, else None."""
    data = store.read(receipt_name(file))
    if data is None:
        return None
    try:
        receipt: dict[str, Any] = json.loads(data)
        same = receipt["stamp"] == file.stamp and store.size(file.name) == receipt["bytes"]
    except (ValueError, KeyError, TypeError):
        return None
    return receipt if same else None


def _outputs(store: Store) -> list[str]:
    root = store.path(RECEIPTS)
    try:
        found = store.fs.find(root)
    except FileNotFoundError:
        return []
    return [path[len(root) :].lstrip("/").removesuffix(".json") for path in found]


def release() -> str:
    """Which release of the project this is."""
    try:
        return version("narrative-classifier")
    except PackageNotFoundError:
        return "unknown"
