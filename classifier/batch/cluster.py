"""The engine of a Ray cluster: Ray Data cuts files into parts and gives them to scorers, one an actor.

::

    files ── read_tasks ──> parts ── Worker.carry_out ──> what was done ──> Run, in the process that leads
             a task a file           an actor a core                          └─> files put together, a task a file

A part's answers are written where they belong by the actor that scored it; only word of it comes back. A node that dies
loses what it had in hand, which Ray gives to others: parts are cut the same way again, and written again under the same
name. What the leading process knows is what lies in the output directory, so that it may die as well, and the run be
ended on a cluster or on one machine.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import queue
import signal
import socket
import tempfile
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from classifier.batch.inputs import InputFile, current_stamp, lives_in_one_process
from classifier.batch.state import Job, release
from classifier.batch.tasks import (
    Done,
    Failed,
    JoinParts,
    Run,
    ScorePart,
    Worker,
    carry_out_join,
    read_tasks,
)
from classifier.batch.writing import PARTS, Store
from classifier.errors import InputError, MissingExtra, NarrativesError

ATTEMPTS = 10
"""So often it is tried to put a file together where a process or node dies, of whatever."""

STUCK_SECONDS = 900.0
"""Where nothing moves for so long, the run is given up: a part that kills every scorer, or a cluster that is full."""

IN_HAND = 2
"""Parts that a scorer has been given: one is scored while the next one's bytes arrive."""

READERS_PER_SCORER = 0.25
"""Cutting is cheap beside scoring; more readers would only fill the memory with parts that wait."""

POLL_SECONDS = 1.0
CONNECT_SECONDS = 10.0
CHECK_SECONDS = 120.0
"""How long a node may take to say what it sees; starting a process there is part of it."""

Observe = Callable[[Run], None]


@dataclass(frozen=True, slots=True)
class _Stop:
    """A scorer cannot work at all; ``message`` says why."""

    message: str


def run_on_cluster(run: Run, *, address: str | None, jobs: int | None, observe: Observe) -> None:
    """Carry out all tasks of a run on a Ray cluster; ``observe`` is called after each and about once a second.

    Parameters
    ----------
    address : str, optional
        ``HOST:PORT`` of the cluster's head; ``$RAY_ADDRESS``, else the cluster that this machine belongs to.
    jobs : int, optional
        How many scorers; as many as the cluster has CPUs by default.

    Raises
    ------
    MissingExtra
        Ray is not installed.
    InputError
        No cluster is there, or a node does not see the inputs or the output directory, or runs another release.
    NarrativesError
        The cluster cannot go on. What is whole stays, and the run can be taken up again.
    """
    if any(lives_in_one_process(place) for place in (run.job.out, *(file.address for file in run.files))):
        raise InputError("memory:// is seen by one process alone; give a folder or address that all nodes see")
    model = _read_directory(Path(run.job.model))
    # On other machines a relative path would lead elsewhere.
    job = replace(run.job, out=run.store.path("").rstrip("/")) if run.store.local else run.job
    # Ray prints what befalls its processes.
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        ray = _connect(address)
        try:
            _check_nodes(ray, run, job)
            n_scorers = jobs or max(1, int(ray.cluster_resources().get("CPU", 1)))
            _Lead(ray, run, job, model, n_scorers, observe).work()
        finally:
            ray.shutdown()
    run.finish()


def _read_directory(model: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in model.iterdir() if path.is_file()}


def _connect(address: str | None) -> Any:
    """Ray, connected to a cluster that is there: nothing is started here, and nothing is reported to anybody."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # Else whatever asks Ray for something after the end would start a cluster on this machine.
    os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtra("Scoring on a cluster", "cluster") from error
    named = address or os.environ.get("RAY_ADDRESS") or "auto"
    if "://" in named:
        raise InputError(f"{named}: give HOST:PORT of the cluster's head, from a machine that belongs to the cluster")
    _require_answer(named)
    on_termination = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(named, log_to_driver=False, logging_level=logging.CRITICAL)
        # Ray has put its own in its place.
        signal.signal(signal.SIGTERM, on_termination)
    except (OSError, RuntimeError, ValueError) as error:
        raise _no_cluster(named, error) from error
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    return ray


def _require_answer(named: str) -> None:
    """Ray itself would try for minutes."""
    host, _, port = named.rpartition(":")
    if named == "auto":
        return
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise InputError(f"{named}: is no address of a Ray cluster; give HOST:PORT of its head")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        raise _no_cluster(named, error) from error


def _no_cluster(named: str, error: Exception) -> InputError:
    place = "that this machine belongs to" if named == "auto" else f"at {named}"
    return InputError(
        f"no Ray cluster {place} ({_first_line(error)}); 'ray start --head --disable-usage-stats' begins one, "
        "'ray start --address HOST:PORT' adds this machine to one"
    )


def _check_nodes(ray: Any, run: Run, job: Job) -> None:
    """Ask every node, before anything is scored, whether it sees the inputs and the output directory."""
    marker, token = f"{PARTS}/seen-by-all", uuid.uuid4().hex
    run.store.put(marker, token.encode())
    try:
        look = ray.remote(num_cpus=0, max_retries=2)(_look)
        on_node = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
        nodes = {
            look.options(scheduling_strategy=on_node(node["NodeID"], soft=False)).remote(
                job, run.files[0], marker, token, release()
            ): node["NodeManagerAddress"]
            for node in ray.nodes()
            if node["Alive"]
        }
        answered, silent = ray.wait(list(nodes), num_returns=len(nodes), timeout=CHECK_SECONDS)
        for reference in silent:
            raise InputError(f"node {nodes[reference]}: no answer within {CHECK_SECONDS:.0f} s; is it overloaded?")
        for reference in answered:
            try:
                told = ray.get(reference)
            except ray.exceptions.TaskUnschedulableError:
                continue  # It is gone already.
            except ray.exceptions.RayError as error:
                told = (
                    f"cannot run this release ({_last_line(error)}); install narrative-classifier[cluster] "
                    f"{release()} there"
                )
            if told:
                raise InputError(f"node {nodes[reference]}: {told}")
    finally:
        run.store.remove(marker)


def _look(job: Job, file: InputFile, marker: str, token: str, wanted: str) -> str:
    """On a node: what it does not see, in words; empty where all is well."""
    try:
        if release() != wanted:
            return f"has release {release()}, this one is {wanted}; install the same everywhere"
        store = Store(job.out)
        if store.read(marker) != token.encode():
            return f"does not see {job.out} as this machine does; give -o a shared folder or a cloud address"
        if current_stamp(file) != file.stamp:
            return f"does not see {file.address} as this machine does; give inputs that all nodes see"
    except NarrativesError as error:
        return str(error)
    except OSError as error:
        return f"{error.filename or job.out}: {error.strerror or error}"
    return ""


def _cut(row: Mapping[str, bytes], job: Job) -> Iterator[dict[str, bytes]]:
    """On a node: a file into its parts."""
    file, known = _unpack(row["item"])
    for task in read_tasks(job, file, known):
        yield {"item": pickle.dumps(task)}


class _Scorer:
    """An actor: scores parts with a model of its own."""

    def __init__(self, job: Job, model: bytes) -> None:
        import pyarrow
        import ray

        pyarrow.set_cpu_count(1)
        self._stop: _Stop | None = None
        try:
            self._worker = _load_worker(job, ray.get(_unpack(model)))
        except NarrativesError as error:
            self._stop = _Stop(str(error))

    def __call__(self, batch: Any) -> Any:
        import pyarrow

        done = []
        for packed in batch.column("item").to_pylist():
            task = _unpack(packed)
            if isinstance(task, ScorePart):
                task = self._stop or self._worker.carry_out(task)
            done.append(pickle.dumps(task))
        return pyarrow.table({"item": pyarrow.array(done, pyarrow.large_binary())})


def _load_worker(job: Job, model: Mapping[str, bytes]) -> Worker:
    """From a directory of this process alone, by the loader that every model goes through: it checks the digests."""
    with tempfile.TemporaryDirectory(prefix="narratives-model-") as place:
        for name, data in model.items():
            (Path(place) / name).write_bytes(data)
        return Worker(replace(job, model=place))


def _unpack(packed: bytes) -> Any:
    # Written by another process of this very run; neither models nor anything from outside come this way.
    return pickle.loads(packed)  # noqa: S301


class _Lead:
    """In the leading process: feeds the cluster, and takes in what has been done."""

    def __init__(self, ray: Any, run: Run, job: Job, model: dict[str, bytes], n_scorers: int, observe: Observe) -> None:
        self._ray = ray
        self._run = run
        self._job = job
        self._n_scorers = n_scorers
        self._observe = observe
        # Its bytes lie in the cluster's memory once and are fetched by each node; a packed reference holds them until
        # the end, for scorers that are started anew.
        self._model = ray.cloudpickle.dumps(ray.put(model))
        self._arrived: queue.Queue[Done | _Stop | Exception | None] = queue.Queue()
        self._join = ray.remote(num_cpus=0, max_retries=ATTEMPTS, scheduling_strategy="SPREAD")(_join_file)
        self._waiting: deque[JoinParts] = deque()
        self._joining: dict[Any, JoinParts] = {}

    def work(self) -> None:
        """Until nothing is left to do."""
        files = [(file, self._run.known_parts(file)) for file in self._run.files_left()]
        self._observe(self._run)
        streaming = bool(files)
        if streaming:
            threading.Thread(target=self._stream, args=(files,), daemon=True).start()
        while streaming or self._waiting or self._joining:
            streaming = self._take_in(streaming)
            self._join_some(wait=not streaming)
            self._observe(self._run)

    def _stream(self, files: list[tuple[InputFile, frozenset[int]]]) -> None:
        try:
            for row in self._dataset(files).iter_rows():
                self._arrived.put(_unpack(row["item"]))
            self._arrived.put(None)
        except Exception as error:  # noqa: BLE001 - told by the thread that leads
            self._arrived.put(error)

    def _dataset(self, files: list[tuple[InputFile, frozenset[int]]]) -> Any:
        data = self._ray.data
        context = data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        context.execution_no_progress_timeout_s = STUCK_SECONDS
        # A part is a block of its own, so that parts of one file are scored by many.
        context.target_max_block_size = 1
        context.target_min_block_size = 1
        n_readers = max(1, int(self._n_scorers * READERS_PER_SCORER))
        items = [{"item": pickle.dumps(entry)} for entry in files]
        return (
            data.from_items(items, override_num_blocks=min(len(items), 1_000))
            # Readers take no CPU of a scorer's: neither may wait for the other where CPUs are few.
            .flat_map(
                _cut,
                fn_kwargs={"job": self._job},
                num_cpus=0,
                compute=data.TaskPoolStrategy(size=n_readers),
            )
            .map_batches(
                _Scorer,
                fn_constructor_kwargs={"job": self._job, "model": self._model},
                batch_size=1,
                batch_format="pyarrow",
                num_cpus=1,
                compute=data.ActorPoolStrategy(
                    min_size=1,
                    max_size=self._n_scorers,
                    initial_size=self._n_scorers,
                    max_tasks_in_flight_per_actor=IN_HAND,
                ),
            )
        )

    def _take_in(self, streaming: bool) -> bool:
        """What has arrived, after a second at most; returns whether more can come."""
        if not streaming:
            return False
        try:
            done = self._arrived.get(timeout=POLL_SECONDS)
        except queue.Empty:
            return True
        if done is None:
            return False
        if isinstance(done, _Stop):
            raise NarrativesError(done.message)
        if isinstance(done, Exception):
            raise NarrativesError(
                f"the cluster gave up: {_last_line(done)}; what is whole stays: run the same again to go on"
            ) from done
        self._take(done)
        return True

    def _take(self, done: Done) -> None:
        following = self._run.done(done)
        if isinstance(following, JoinParts):
            self._waiting.append(following)

    def _join_some(self, *, wait: bool) -> None:
        while self._waiting and len(self._joining) < self._n_scorers:
            task = self._waiting.popleft()
            self._joining[self._join.remote(self._job, task)] = task
        if not self._joining:
            return
        ready, _ = self._ray.wait(list(self._joining), timeout=POLL_SECONDS if wait else 0)
        for reference in ready:
            task = self._joining.pop(reference)
            try:
                self._take(self._ray.get(reference))
            except self._ray.exceptions.RayError as error:
                self._take(Failed(task.file, f"{task.file.address}: could not be put together: {_last_line(error)}"))


def _join_file(job: Job, task: JoinParts) -> Done:
    return carry_out_join(job, Store(job.out), task)


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _last_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[-1].strip()
