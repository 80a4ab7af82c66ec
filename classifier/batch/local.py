"""The engine of one machine: a process for each core, each with the model, that read and write their parts themselves.

Each process has a pipe of its own, so that one which is killed leaves the others as they are; its task is given to
another. Processes end when the one that leads them does, however that ends.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from classifier.batch.inputs import lives_in_one_process
from classifier.batch.state import Job
from classifier.batch.tasks import Done, Failed, Run, Task, Worker
from classifier.errors import NarrativesError

ATTEMPTS = 3
"""So often a task is tried whose process is killed."""

AHEAD = 2
"""Tasks that are read ahead, beyond those under way: parts of CSV and compressed files carry their bytes."""

POLL_SECONDS = 1.0

Observe = Callable[[Run], None]


def run_locally(run: Run, *, jobs: int | None, observe: Observe) -> None:
    """Carry out all tasks of a run; ``observe`` is called after each and about once a second.

    Parameters
    ----------
    jobs : int or None
        How many processes; None for one a core. What lies at an address such as ``memory://``, which other processes
        do not see, is scored in this one.

    Raises
    ------
    ModelError
        A process cannot load the model.
    """
    if any(lives_in_one_process(address) for address in (run.job.out, *(file.address for file in run.files))):
        _in_this_process(run, observe)
    else:
        pool = _Pool(run, jobs or _available_cores(), observe)
        try:
            pool.work()
        finally:
            pool.close()
    run.finish()


def _available_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _in_this_process(run: Run, observe: Observe) -> None:
    worker = Worker(run.job)
    for task in run.tasks():
        following: Task | None = task
        while following is not None:
            following = run.done(worker.carry_out(following))
            observe(run)


@dataclass(slots=True, eq=False)
class _Process:
    process: Any
    pipe: Connection
    task: Task | None = None
    ready: bool = False


class _Pool:
    def __init__(self, run: Run, jobs: int, observe: Observe) -> None:
        self._run = run
        self._observe = observe
        self._context = multiprocessing.get_context("spawn")
        self._tasks: Iterator[Task] = run.tasks()
        self._exhausted = False
        self._waiting: deque[Task] = deque()
        self._attempts: dict[int, int] = {}
        self._processes: list[_Process] = []
        self._lost_starts = 0
        self._jobs = jobs

    def work(self) -> None:
        """Until nothing is left to do."""
        while True:
            self._hand_out()
            busy = [one for one in self._processes if one.task is not None or not one.ready]
            if not any(one.task is not None for one in busy) and not self._waiting and self._exhausted:
                return
            # Reading ahead happens while the others work; whoever is done does not wait for it.
            if not self._exhausted and len(self._waiting) < AHEAD + self._idle():
                self._read_ahead()
                self._take_in(0.0)
            else:
                self._take_in(POLL_SECONDS)

    def close(self) -> None:
        """End the processes, in the middle of a task where they have one."""
        for one in self._processes:
            one.process.kill()
        for one in self._processes:
            one.process.join()
            one.pipe.close()

    def _idle(self) -> int:
        return sum(one.task is None for one in self._processes)

    def _read_ahead(self) -> None:
        task = next(self._tasks, None)
        if task is None:
            self._exhausted = True
        else:
            self._waiting.append(task)
            if len(self._processes) < min(self._jobs, len(self._waiting) + self._n_busy()):
                self._start()

    def _n_busy(self) -> int:
        return sum(one.task is not None for one in self._processes)

    def _start(self) -> None:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, self._run.job), daemon=True)
        with _interrupts_ignored():
            process.start()
        theirs.close()
        self._processes.append(_Process(process, ours))

    def _hand_out(self) -> None:
        for one in self._processes:
            while one.task is None and self._waiting:
                task = self._waiting.popleft()
                if self._run.is_dropped(task):
                    self._attempts.pop(id(task), None)
                    continue
                one.task = task
                with suppress(OSError):  # killed; noticed by its pipe
                    one.pipe.send(task)

    def _take_in(self, timeout: float) -> None:
        ready = wait([one.pipe for one in self._processes], timeout)
        for one in [one for one in self._processes if one.pipe in ready]:
            try:
                result: Done | str | NarrativesError = one.pipe.recv()
            except (EOFError, OSError):
                self._lost(one)
                continue
            if isinstance(result, NarrativesError):
                raise result
            if isinstance(result, str):
                one.ready = True
                self._lost_starts = 0
                continue
            task, one.task = one.task, None
            self._attempts.pop(id(task), None)
            following = self._run.done(result)
            if following is not None:
                # Before all others, so that its parts' space is freed soon.
                self._waiting.appendleft(following)
            self._hand_out()
        self._observe(self._run)

    def _lost(self, one: _Process) -> None:
        """A process was killed: its task is tried again, up to ``ATTEMPTS`` times."""
        self._processes.remove(one)
        one.process.join()
        one.pipe.close()
        task = one.task
        if not one.ready:
            self._lost_starts += 1
            if self._lost_starts == ATTEMPTS:
                raise NarrativesError(
                    f"{ATTEMPTS} processes one after the other ended while they started, the last one with "
                    f"{_told(one.process.exitcode)}; where memory ran out, take fewer --jobs"
                )
            if task is not None:
                self._waiting.appendleft(task)
        elif task is not None:
            attempts = self._attempts[id(task)] = self._attempts.get(id(task), 0) + 1
            if attempts < ATTEMPTS:
                self._waiting.appendleft(task)
            else:
                del self._attempts[id(task)]
                self._run.done(
                    Failed(
                        task.file,
                        f"{task.file.address}: the process that scored it was ended {attempts} times, the last time "
                        f"with {_told(one.process.exitcode)}; where memory ran out, take fewer --jobs",
                    )
                )
        if self._waiting or not self._exhausted:
            self._start()


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """A process that is started meanwhile ignores Ctrl-C from its first instruction on."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _told(code: int | None) -> str:
    if code is not None and code < 0:
        with suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit code {code}"


def _serve(pipe: Connection, job: Job) -> None:
    """What a process does: load the model, then task after task."""
    # Ctrl-C reaches the whole group; the leading process says what becomes of this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        import pyarrow

        pyarrow.set_cpu_count(1)
        worker = Worker(job)
    except NarrativesError as error:
        pipe.send(error)
        return
    pipe.send("ready")
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        pipe.send(worker.carry_out(task))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
