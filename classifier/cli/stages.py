"""What a long command is at: a bar in a terminal, one line a stage in a log."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn


class Stages:
    """``progress`` and ``tell`` are handed to whatever takes long; they may be called from any thread."""

    def __init__(self, console: Console, bar: Progress | None) -> None:
        self._console, self._bar = console, bar
        self._task = bar.add_task("starting", total=1.0, left="") if bar else None
        self._stage = ""
        self._began = (0.0, 0.0)

    def progress(self, stage: str, share: float) -> None:
        """A stage and the share of it that is done, 0 to 1; what stands in brackets at its end may change."""
        name = stage.partition(" (")[0]
        now = time.monotonic()
        if name != self._stage:
            self._stage, self._began = name, (now, share)
            if self._bar is None:
                self._console.print(name, markup=False)
        if self._bar is None or self._task is None:
            return
        began, first = self._began
        if share == first:
            # Also where a stage goes on from shares that an earlier run had done.
            self._began = (now if share > 0 else began, share)
            left = ""
        else:
            left = _about((now - began) / (share - first) * (1.0 - share))
        self._bar.update(self._task, description=stage, completed=share, total=1.0 if share else None, left=left)

    def tell(self, line: str) -> None:
        """Say something that stays."""
        (self._bar.console if self._bar else self._console).print(line, markup=False, highlight=False)


def _about(seconds: float) -> str:
    if seconds < 1:
        return ""
    return f"about {seconds:.0f} s left" if seconds < 90 else f"about {seconds / 60:.0f} min left"


@contextmanager
def show_stages() -> Iterator[Stages]:
    """Show them on standard error."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    if not console.is_terminal:
        yield Stages(console, None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.fields[left]}"))
    with Progress(*columns, console=console, transient=True) as bar:
        yield Stages(console, bar)


def run_interruptibly(work: Callable[[], Any]) -> Any:
    """Run ``work`` in a thread, so that Ctrl-C is heard at once: compiled code does not listen for it.

    After a :class:`KeyboardInterrupt` the thread still runs; the caller ends the process.
    """
    result: list[Any] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            result.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again below
            failure.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return result[0]
