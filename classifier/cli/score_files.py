"""``narratives score ... -o out/``: files into files, with progress and a word at the end."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from classifier.batch.inputs import Format
from classifier.batch.local import Observe, run_locally
from classifier.batch.scoring import Options
from classifier.batch.tasks import Run, begin_run
from classifier.batch.writing import Store
from classifier.model.scoring import NarrativeModel

LINE_SECONDS = 10.0
"""How often a line is printed where no terminal is."""

SHOWN = 20
"""Files that could not be scored and are named at the end."""


class Engine(Protocol):
    """Carries out the tasks of a run."""

    def __call__(self, run: Run, *, jobs: int | None, observe: Observe) -> None:
        """``jobs`` is how many tasks are worked on at once, None leaves it to the engine."""


def score_files(
    files: list[str],
    out: str,
    model: NarrativeModel,
    options: Options,
    *,
    format: Format | None,
    fresh: bool,
    jobs: int | None,
    engine: Engine = run_locally,
) -> None:
    """Score files into ``out``; exits with 1 where a file could not be scored, with 130 or 143 where it was stopped."""
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    with _terminations_as_interrupts() as received, Store(out).alone():
        run = begin_run(files, out, model, options, format=format, fresh=fresh)
        with _Display(run, errors) as display:
            try:
                engine(run, jobs=jobs, observe=display.show)
            except KeyboardInterrupt:
                stopped = True
            else:
                stopped = False
        totals = run.totals
        if stopped:
            errors.print(
                f"stopped: {totals.files_done:,} of {totals.files:,} files and {totals.counts.rows:,} rows are done; "
                "the same command goes on from there",
                markup=False,
            )
            raise typer.Exit(128 + (received[0] if received else signal.SIGINT))
        for message in list(run.failed.values())[:SHOWN]:
            errors.print(f"not scored: {message}", markup=False)
        if len(run.failed) > SHOWN:
            errors.print(f"not scored: {len(run.failed) - SHOWN:,} more files")
        errors.print(display.summary(), markup=False)
        if run.failed:
            raise typer.Exit(1)


class _Display:
    """A bar in a terminal, else a line now and then."""

    def __init__(self, run: Run, console: Console) -> None:
        self._run = run
        self._console = console
        self._began = self._told = time.monotonic()
        self._bar = Progress(
            TextColumn("scoring"), BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"), console=console
        )
        self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> _Display:
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._bar.stop()

    def show(self, run: Run) -> None:
        """Tell how far the run is."""
        totals = run.totals
        if self._console.is_terminal:
            self._bar.update(self._task, description=self._line(), total=totals.bytes, completed=totals.bytes_done)
        elif time.monotonic() - self._told >= LINE_SECONDS:
            self._told = time.monotonic()
            share = totals.bytes_done / max(1, totals.bytes)
            self._console.print(f"{share:.0%}: {self._line()}", markup=False)

    def summary(self) -> str:
        """The last word."""
        totals = self._run.totals
        new = totals.counts.rows - totals.counts_kept.rows
        if totals.files_kept == totals.files:
            return f"nothing to do: {totals.files:,} files, {totals.counts.rows:,} rows are scored already"
        kept = f", {totals.counts_kept.rows:,} rows were done already" if totals.counts_kept.rows else ""
        bad = (
            f", {totals.counts.errors:,} of all rows hold nothing to score (column error)"
            if totals.counts.errors
            else ""
        )
        failed = f", {len(self._run.failed):,} files not scored" if self._run.failed else ""
        return (
            f"{totals.files_done:,} of {totals.files:,} files: {new:,} rows in {_duration(self._seconds())} "
            f"({new / self._seconds():,.0f} a second){kept}{bad}{failed}"
        )

    def _line(self) -> str:
        totals = self._run.totals
        new = totals.counts.rows - totals.counts_kept.rows
        done = totals.bytes_done - totals.bytes_kept
        line = f"{totals.counts.rows:,} rows, {new / self._seconds():,.0f} a second"
        if done > 0:
            line += f", {_duration((totals.bytes - totals.bytes_done) * self._seconds() / done)} left"
        return line

    def _seconds(self) -> float:
        return max(1e-6, time.monotonic() - self._began)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02} min"


@contextmanager
def _terminations_as_interrupts() -> Iterator[list[int]]:
    """SIGTERM stops a run as Ctrl-C does; yields what was received."""
    received: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        received.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield received
    finally:
        signal.signal(signal.SIGTERM, before)
