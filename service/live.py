"""The models that answer: the current one, which follows ``models/CURRENT``, and others asked for by version.

Every worker looks for itself, every ``poll_seconds`` and in a thread: it reads ``CURRENT`` and the sizes and times of
the files behind it. Where something has changed, the version is loaded, checked (hashes, and the signature where a
public key is set) and tried on its golden texts; then it answers, from one moment to the next, and a request that has
begun keeps the model that it began with. A version that fails is looked at once more (a file may be on its way), then
refused: the one before serves on, and nothing is tried again until something changes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from fastapi import Request

from classifier.model.golden import check_golden
from classifier.model.scoring import NarrativeModel
from classifier.model.store import MANIFEST
from classifier.model.versions import (
    CURRENT,
    current_version,
    find_models,
    is_version,
    list_versions,
    load_directory,
    read_digest,
)
from service.problems import Problem
from service.settings import Settings

_log = logging.getLogger("narratives.models")

WAIT_SECONDS = 10.0
"""How long a request waits while other versions are being loaded; a worker loads one at a time."""

File = tuple[str, int, int, int]
"""What tells of a change: name, size, time of change, inode."""

Files = tuple[File, ...]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What can be seen without reading a model."""

    pointed: str | None
    """What ``CURRENT`` says; None where it cannot be read."""
    directory: str
    """Where that leads, links followed."""
    files: Files
    public_key: File | None


@dataclass(frozen=True, slots=True)
class _Loaded:
    model: NarrativeModel
    files: Files
    """What its directory looked like when it was read."""


class NotLoaded(Exception):
    """A version has to be loaded, and this is no place to wait for it: ask again in a thread."""


class LiveModels:
    """What is loaded.

    Parameters
    ----------
    settings : Settings
    on_event : callable, optional
        Told "loaded" after another version has taken over, "refused" when one was found wanting. Called from a thread.
    """

    def __init__(self, settings: Settings, *, on_event: Callable[[str], None] | None = None) -> None:
        self._settings = settings
        self._tell = on_event or (lambda event: None)
        self._place: Path | None = None
        self._answering: _Loaded | None = None
        self._kept: OrderedDict[str, _Loaded] = OrderedDict()
        self._broken: dict[str, Files] = {}
        # What the last looks saw: where it was taken, doubted (tried once) and refused (tried twice).
        self._taken: _Seen | None = None
        self._doubted: _Seen | None = None
        self._refused: _Seen | None = None
        self._state = Lock()
        self._loading = Lock()

    def load(self) -> None:
        """Load the current model. Raises :class:`~classifier.ModelError`."""
        place = self._settings.models or find_models()
        if (place / MANIFEST).is_file():
            # One model, named as such: there is nothing to follow.
            self._answering = self._admit(place, None)
            return
        seen = _look(place, self._settings.public_key)
        version = current_version(place)
        self._place = place
        self._answering = self._admit(place / version, self._own_name(version))
        self._taken = seen

    @property
    def current(self) -> NarrativeModel:
        """The model that answers. Raises :class:`Problem` (503) where none is loaded yet."""
        loaded = self._answering
        if loaded is None:
            raise Problem(503, "no model is loaded yet", headers={"Retry-After": "1"})
        return loaded.model

    @contextlib.asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Follow ``CURRENT`` while the application runs."""
        task = asyncio.create_task(self._follow()) if self._place is not None else None
        try:
            yield
        finally:
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(self._settings.poll_seconds)
            try:
                await asyncio.to_thread(self.look)
            except Exception:  # noqa: BLE001 - what is loaded answers on, and the next look may see more
                _log.exception("looking after the models failed")

    def look(self) -> None:
        """Look once whether ``CURRENT`` or what it names has changed, and follow it. Reads the disk."""
        place = self._place
        if place is None:
            return
        with self._loading:
            seen = _look(place, self._settings.public_key)
            if seen == self._taken:
                if self._refused is not None:
                    _log.info("%s is as it was before; %s answers", place / CURRENT, _told(self.current))
                self._doubted = self._refused = None
            elif seen != self._refused:
                self._take(place, seen)
            if seen.pointed is not None:
                self._forget_changed(place)

    def ready(self, version: str | None) -> NarrativeModel | None:
        """A version where it is loaded, the current one for None; None where it must be loaded first."""
        current = self.current
        if version is None or version == current.identity.version:
            return current
        with self._state:
            loaded = self._kept.get(version)
            if loaded is None:
                return None
            self._kept.move_to_end(version)
            return loaded.model

    def version(self, version: str | None, *, field: str = "model_version") -> NarrativeModel:
        """A version, the current one for None. One that is not loaded is read from the disk, in a thread only.

        Raises
        ------
        NotLoaded
            It is not loaded, and the caller runs in the event loop.
        Problem
            404 where there is no such version or it cannot be used, 503 where others are being loaded all the time.
        """
        found = self.ready(version)
        if found is not None:
            return found
        if version is None:
            return self.current
        place = self._place
        if place is None or not self._settings.kept_versions:
            only = self.current.identity.version
            raise Problem(404, f"{field}: {version[:64]!r} is not loaded; {only!r} alone answers here", field=field)
        if _in_event_loop():
            raise NotLoaded
        if not is_version(version) or not _holds_model(place / version):
            there = ", ".join(entry["version"] for entry in self.listing())
            raise Problem(404, f"{field}: no version {version[:64]!r} here; there are: {there}", field=field)
        if not self._loading.acquire(timeout=WAIT_SECONDS):
            raise Problem(503, "other versions are being loaded; ask again", headers={"Retry-After": "1"})
        try:
            return self._fetch(place, version, field)
        finally:
            self._loading.release()

    def listing(self) -> list[dict[str, Any]]:
        """Versions by name: ``version``, ``digest``, ``current``, ``loaded`` (in this worker). Reads the disk."""
        current = self.current.identity
        with self._state:
            loaded = {name: kept.model.identity.digest for name, kept in self._kept.items()}
        loaded[current.version] = current.digest
        digests = dict(loaded)
        if self._place is not None:
            with contextlib.suppress(OSError):
                for version in list_versions(self._place):
                    with contextlib.suppress(OSError):
                        digests.setdefault(version, read_digest(self._place / version))
        return [
            {
                "version": version,
                "digest": digest,
                "current": version == current.version,
                "loaded": version in loaded,
            }
            for version, digest in sorted(digests.items())
        ]

    def _take(self, place: Path, seen: _Seen) -> None:
        try:
            version = current_version(place)
            loaded = self._admit(place / version, self._own_name(version))
        except Exception as error:  # noqa: BLE001 - whatever a broken model can raise, the old one serves on
            if seen != self._doubted:
                self._doubted = seen
                return
            self._refused = seen
            _log.error("refused: %s; %s serves on", error, _told(self.current))
            self._tell("refused")
            return
        self._taken = seen
        self._doubted = self._refused = None
        with self._state:
            before, self._answering = self._answering, loaded
            self._kept.pop(loaded.model.identity.version, None)
            if before is not None and before.model.identity.version != loaded.model.identity.version:
                self._keep(before)
        if before is None or before.model.identity != loaded.model.identity:
            _log.info("%s answers now", _told(loaded.model))
            self._tell("loaded")

    def _fetch(self, place: Path, asked: str, field: str) -> NarrativeModel:
        """Load a version that was asked for, unless somebody has meanwhile. Only where ``_loading`` is held."""
        version = self._own_name(asked)
        found = self.ready(version)
        if found is not None:
            return found
        files = _files(place / version)
        if self._broken.get(version) != files:
            try:
                loaded = self._admit(place / version, version)
            except Exception as error:  # noqa: BLE001 - as above
                self._broken = {name: seen for name, seen in self._broken.items() if (place / name).is_dir()}
                self._broken[version] = files
                _log.warning("%s was asked for and refused: %s", version, error)
            else:
                with self._state:
                    self._keep(loaded)
                return loaded.model
        raise Problem(404, f"{field}: version {version!r} cannot be used; the service's log says why", field=field)

    def _admit(self, path: Path, version: str | None) -> _Loaded:
        """Load one model directory, with every check. Raises :class:`~classifier.NarrativesError`."""
        files = _files(path)
        model = load_directory(path, version=version, public_key=self._settings.public_key)
        check_golden(model, model.golden)
        return _Loaded(model, files)

    def _keep(self, loaded: _Loaded) -> None:
        """Keep a version beside the current one; the one that nobody has asked for the longest goes."""
        self._kept[loaded.model.identity.version] = loaded
        self._kept.move_to_end(loaded.model.identity.version)
        while len(self._kept) > self._settings.kept_versions:
            self._kept.popitem(last=False)

    def _forget_changed(self, place: Path) -> None:
        """Let go of kept versions that were removed or written anew."""
        with self._state:
            kept = dict(self._kept)
        # The lock is not held while the disk is asked: a slow disk must not keep requests waiting.
        for version, loaded in kept.items():
            if _files(place / version) != loaded.files:
                with self._state:
                    if self._kept.get(version) is loaded:
                        del self._kept[version]
                _log.info("%s was removed or changed; it is no longer kept", _told(loaded.model))

    def _own_name(self, version: str) -> str:
        """A version's name where it may be a link to another version of the same directory."""
        if self._place is None:
            return version
        parent, name = os.path.split(os.path.realpath(self._place / version))
        return name if parent == os.path.realpath(self._place) and is_version(name) else version


def models_of(request: Request) -> LiveModels:
    """The models of the application that a request came to."""
    models: LiveModels = request.app.state.models
    return models


def _look(place: Path, public_key: Path | None) -> _Seen:
    try:
        with (place / CURRENT).open("rb") as stream:
            pointed = stream.read(200).decode("utf-8", "replace").strip()
    except OSError:
        return _Seen(None, "", (), None)
    directory = place / pointed if is_version(pointed) else None
    return _Seen(
        pointed,
        "" if directory is None else os.path.realpath(directory),
        () if directory is None else _files(directory),
        None if public_key is None else _file(public_key),
    )


def _file(path: Path) -> File | None:
    """A file as :data:`File`; a link is followed."""
    try:
        state = path.stat()
    except OSError:
        return None
    return path.name, state.st_size, state.st_mtime_ns, state.st_ino


def _files(directory: Path) -> Files:
    """The files of a directory; none where it cannot be read."""
    try:
        with os.scandir(directory) as entries:
            states = [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
    except OSError:
        return ()
    return tuple(sorted((name, state.st_size, state.st_mtime_ns, state.st_ino) for name, state in states))


def _holds_model(directory: Path) -> bool:
    try:
        return (directory / MANIFEST).is_file()
    except OSError:
        return False


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _told(model: NarrativeModel) -> str:
    return f"{model.identity.version} ({model.identity.digest[:19]})"
