"""The work of a run as tasks that any engine can carry out: score a part, put a file together.

An engine takes tasks from :meth:`Run.tasks`, lets a :class:`Worker` carry each out, anywhere and in any order, and
hands what comes back to :meth:`Run.done`. A task may be carried out twice, and by two at once:
it writes the same bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from classifier.batch.encoding import make_encoder
from classifier.batch.inputs import Format, InputFile, current_stamp, find_inputs, split_name
from classifier.batch.parts import Part, read_part, split_file
from classifier.batch.scoring import Options, RowScorer
from classifier.batch.state import Job, is_whole, open_state, receipt_name, release
from classifier.batch.writing import PARTS, Store, join_parts
from classifier.errors import InputError, ModelError, NarrativesError
from classifier.model.scoring import NarrativeModel
from classifier.model.versions import load_model

_PART = re.compile(r"(\d+)-(\d+)-(\d+)-(\d+)\.part")


@dataclass(frozen=True, slots=True)
class Counts:
    """Input rows, output rows, and input rows that could not be scored."""

    rows: int = 0
    written: int = 0
    errors: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.rows + other.rows, self.written + other.written, self.errors + other.errors)


@dataclass(frozen=True, slots=True)
class ScorePart:
    """Score one part of a file."""

    file: InputFile
    part: Part


@dataclass(frozen=True, slots=True)
class JoinParts:
    """Put a file together, all parts of which are there; their names are in order."""

    file: InputFile
    parts: tuple[str, ...]
    counts: Counts


Task = ScorePart | JoinParts


@dataclass(frozen=True, slots=True)
class FileRead:
    """A file has been read to its end. ``kept`` has the weight of each part that was whole before, by its index."""

    file: InputFile
    n_parts: int
    kept: dict[int, int]


@dataclass(frozen=True, slots=True)
class PartDone:
    """A part is whole and lies in the output directory under ``name``."""

    file: InputFile
    index: int
    name: str
    counts: Counts
    weight: int


@dataclass(frozen=True, slots=True)
class FileDone:
    """An output file is whole, and so is its receipt. ``counts`` is what no part has told before."""

    file: InputFile
    counts: Counts


@dataclass(frozen=True, slots=True)
class Failed:
    """A file cannot be scored; ``message`` says why."""

    file: InputFile
    message: str


Done = PartDone | FileDone | FileRead | Failed


def read_tasks(job: Job, file: InputFile, known: Collection[int]) -> Iterator[ScorePart | FileRead | Failed]:
    """Cut a file into tasks: its parts but for those that are ``known`` to be whole, then word that it has been read.

    What is wrong with the file comes last instead, as :class:`Failed`.
    """
    kept: dict[int, int] = {}
    n_parts = 0
    try:
        for part in split_file(file, column=job.options.column, taken=job.options.names):
            n_parts += 1
            if part.index in known:
                kept[part.index] = part.weight
            else:
                yield ScorePart(file, part)
    except (NarrativesError, OSError) as error:
        yield Failed(file, _told(file, error))
        return
    yield FileRead(file, n_parts, kept)


class Worker:
    """Carries tasks out; make one in each process, since it loads the model.

    Raises
    ------
    ModelError
        The model cannot be loaded, or is another than the job's.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.store = Store(job.out)
        model = load_model(job.model)
        if model.identity.digest != job.digest:
            raise ModelError(
                f"{job.model}: has the digest {model.identity.digest} here, {job.digest} is needed; was it replaced?"
            )
        self.scorer = RowScorer(model, job.options)

    def carry_out(self, task: Task) -> Done:
        """Do it; what is wrong with a file comes back as :class:`Failed`, and nothing else does."""
        if isinstance(task, JoinParts):
            return carry_out_join(self.job, self.store, task)
        return _guarded(task.file, lambda: self._score(task.file, task.part))

    def _score(self, file: InputFile, part: Part) -> Done:
        options = self.job.options
        format = self.job.format_of(file)
        as_it_stands = format == file.format
        encoder = make_encoder(
            format,
            self.scorer,
            first=part.index == 0,
            header=part.header if as_it_stands and format == "csv" else None,
            compression=split_name(file.name)[2],
        )
        rows_read = written = errors = 0
        names = options.names
        for rows in read_part(file, part, column=options.column, taken=names, as_it_stands=as_it_stands):
            answers = self.scorer.score(rows)
            encoder.add(rows, answers)
            rows_read += len(rows.texts)
            written += len(answers.rows)
            errors += len(rows.errors)
        counts = Counts(rows_read, written, errors)
        data = encoder.finish()
        if part.index == 0 and part.last:
            return _join(self.job, self.store, file, (data,), counts)
        folder = parts_folder(self.job, file)
        name = f"{folder}/{part.index:06}-{counts.rows}-{counts.written}-{counts.errors}.part"
        self.store.put(name, data)
        return PartDone(file, part.index, name, counts, part.weight)


def carry_out_join(job: Job, store: Store, task: JoinParts) -> Done:
    """Put a file together; needs no model. Another who did so meanwhile took the parts away: then it is done too."""
    result = _guarded(task.file, lambda: _join(job, store, task.file, task.parts, task.counts))
    if isinstance(result, Failed) and is_whole(store, task.file) is not None:
        return FileDone(task.file, Counts())
    return result


def _guarded(file: InputFile, act: Callable[[], Done]) -> Done:
    try:
        return act()
    except (NarrativesError, OSError, MemoryError) as error:
        return Failed(file, _told(file, error))


def _told(file: InputFile, error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.filename or file.address}: {error.strerror or error}"
    if isinstance(error, MemoryError):
        return f"{file.address}: memory ran out; take fewer --jobs"
    return str(error)


def _join(job: Job, store: Store, file: InputFile, parts: tuple[str | bytes, ...], counts: Counts) -> Done:
    if current_stamp(file) != file.stamp:
        return Failed(file, f"{file.address}: changed while it was being scored; run again")
    digest, n_bytes = join_parts(store, file.name, parts, job.format_of(file))
    receipt = {
        "input": file.address,
        "stamp": file.stamp,
        "rows": counts.rows,
        "rows_written": counts.written,
        "errors": counts.errors,
        "output": file.name,
        "bytes": n_bytes,
        "sha256": digest,
        "model": {"version": job.version, "digest": job.digest},
        "options": job.described(),
        "release": release(),
    }
    store.put(receipt_name(file), json.dumps(receipt, indent=1).encode())
    if any(isinstance(part, str) for part in parts):
        store.remove(f"{PARTS}/{file.name}")
        counts = Counts()
    return FileDone(file, counts)


@dataclass(slots=True)
class _Open:
    """A file that is being scored: its whole parts, and how many there are once that is known.

    ``known`` are parts of an earlier run, which count when the file has been read.
    """

    known: dict[int, tuple[str, Counts]] = field(default_factory=dict)
    parts: dict[int, tuple[str, Counts]] = field(default_factory=dict)
    weight: int = 0
    n_parts: int | None = None
    joining: bool = False


@dataclass(slots=True)
class Totals:
    """How far a run is. ``kept`` is what earlier runs had done of ``bytes_done``."""

    files: int = 0
    files_done: int = 0
    files_kept: int = 0
    bytes: int = 0
    bytes_done: int = 0
    bytes_kept: int = 0
    counts: Counts = Counts()
    counts_kept: Counts = Counts()


class Run:
    """Which tasks are left, and what has been done; one for a run, in the process that leads it."""

    def __init__(self, job: Job, files: list[InputFile]) -> None:
        self.job = job
        self.files = files
        self.store = Store(job.out)
        self.totals = Totals(files=len(files), bytes=sum(file.size for file in files))
        self.failed: dict[str, str] = {}
        self._open: dict[str, _Open] = {}

    def tasks(self) -> Iterator[Task]:
        """What is left to do, one at a time: files are read no faster than tasks are taken.

        Files that are whole, and parts, are passed over. When a file's last part is told to :meth:`done`, that gives
        the task to put it together.
        """
        for file in self.files_left():
            for task in read_tasks(self.job, file, self.known_parts(file)):
                if file.name in self.failed:
                    break
                if isinstance(task, ScorePart):
                    yield task
                elif (join := self.done(task)) is not None:
                    yield join

    def files_left(self) -> Iterator[InputFile]:
        """Files that are not whole, one at a time; each is open from then on."""
        for file in self.files:
            receipt = is_whole(self.store, file)
            if receipt is not None:
                self.totals.files_done += 1
                self.totals.files_kept += 1
                self._keep(file.size, Counts(receipt["rows"], receipt["rows_written"], receipt["errors"]))
                continue
            self._open[file.name] = _Open(known=self._whole_parts(file))
            yield file

    def known_parts(self, file: InputFile) -> frozenset[int]:
        """Parts of an open file that an earlier run left whole."""
        return frozenset(self._open[file.name].known)

    def done(self, result: Done) -> Task | None:
        """Take in what a worker has done; returns a task that has become possible by it."""
        file = result.file
        if isinstance(result, Failed):
            self._fail(file, result.message)
            return None
        opened = self._open.get(file.name)
        if opened is None:
            return None
        if isinstance(result, FileRead):
            for index, weight in result.kept.items():
                opened.parts[index] = opened.known[index]
                opened.weight += weight
                self._keep(weight, opened.known[index][1])
            opened.n_parts = result.n_parts
            return self._join_if_whole(file)
        self.totals.counts += result.counts
        if isinstance(result, FileDone):
            self.totals.files_done += 1
            self._close(file)
            return None
        self.totals.bytes_done += result.weight
        opened.weight += result.weight
        opened.parts[result.index] = (result.name, result.counts)
        return self._join_if_whole(file)

    def is_dropped(self, task: Task) -> bool:
        """Has the file of a task failed meanwhile?"""
        return task.file.name in self.failed

    def finish(self) -> None:
        """Remove what only a run that goes on would need."""
        if not self.failed:
            self.store.remove(PARTS)

    def _keep(self, weight: int, counts: Counts) -> None:
        self.totals.bytes_done += weight
        self.totals.bytes_kept += weight
        self.totals.counts += counts
        self.totals.counts_kept += counts

    def _fail(self, file: InputFile, message: str) -> None:
        self.failed.setdefault(file.name, message)
        self._close(file)

    def _close(self, file: InputFile) -> None:
        opened = self._open.pop(file.name, None)
        if opened is not None:
            # What compressed parts weigh is a guess.
            self.totals.bytes_done += file.size - opened.weight

    def _whole_parts(self, file: InputFile) -> dict[int, tuple[str, Counts]]:
        folder = parts_folder(self.job, file)
        found: dict[int, tuple[str, Counts]] = {}
        for name in self.store.list(folder):
            match = _PART.fullmatch(name)
            if match:
                index, rows, written, errors = map(int, match.groups())
                found[index] = (f"{folder}/{name}", Counts(rows, written, errors))
        return found

    def _join_if_whole(self, file: InputFile) -> Task | None:
        opened = self._open[file.name]
        if opened.joining or opened.n_parts is None or len(opened.parts) < opened.n_parts:
            return None
        opened.joining = True
        whole = [opened.parts[index] for index in range(opened.n_parts)]
        counts = Counts()
        for _, of_part in whole:
            counts += of_part
        return JoinParts(file, tuple(name for name, _ in whole), counts)


def parts_folder(job: Job, file: InputFile) -> str:
    """Where the parts of a file lie until it is put together."""
    return f"{PARTS}/{file.name}/{job.key_of(file)}"


def begin_run(
    arguments: Iterable[str],
    out: str,
    model: NarrativeModel,
    options: Options,
    *,
    format: Format | None = None,
    fresh: bool = False,
) -> Run:
    """Find the inputs and begin a run in ``out``, or go on with the one that was begun there.

    Parameters
    ----------
    arguments : iterable of str
        Files, folders, globs and cloud addresses; see :func:`classifier.batch.inputs.find_inputs`.
    out : str
        Directory or cloud address.
    format : {"parquet", "jsonl", "csv"}, optional
        What outputs are written in; as the input by default.
    fresh : bool
        Forget what was begun there.

    Raises
    ------
    InputError
        Nothing is there to score, or the directory belongs to another run.
    """
    identity = model.identity
    job = Job(out, str(Path(model.path).resolve()), identity.version, identity.digest, options, format)
    run = Run(job, find_inputs(arguments, out, format=format))
    inputs = {file.address for file in run.files}
    for file in run.files:
        target = run.store.path(file.name)
        if target in inputs or run.store.fs.unstrip_protocol(target) in inputs:
            raise InputError(f"{target}: would be written over; choose another directory for -o")
    open_state(run.store, job, run.files, fresh=fresh)
    return run
