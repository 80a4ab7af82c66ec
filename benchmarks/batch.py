"""How fast whole files are scored beside ``model.score`` in as many processes, and how much memory that takes.

    python benchmarks/batch.py [MILLIONS] [DIRECTORY] [PROCESSES]

Prints Markdown tables. Posts are made from sentences of ``labels/``, a fifth of them with one that carries a narrative;
the same seed gives the same posts. ``model.score(texts, explain=None)`` runs before and after, in as many processes at
once, each of which scores the same sample; the median is compared. The directory (a temporary one by default) needs
some 300 MB for a million posts.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PER_FILE = 500_000
SAMPLE = 100_000
ROUNDS = 3


def make_posts(n: int, seed: int) -> list[str]:
    """Short posts: one to three sentences, mostly plain ones."""
    from classifier.corpus.files import read_labels

    rows = read_labels(ROOT / "labels")
    plain = [row.text for row in rows if not row.labels]
    tagged = [row.text for row in rows if row.labels]
    draw = random.Random(seed)
    posts = []
    for _ in range(n):
        sentences = draw.choices(plain, k=draw.choice((1, 1, 2)))
        if draw.random() < 0.2:
            sentences.append(draw.choice(tagged))
        posts.append(" ".join(sentences))
    return posts


def write_posts(folder: Path, n: int) -> None:
    """Parquet files of half a million posts each."""
    import pyarrow as pa
    from pyarrow import parquet

    folder.mkdir(parents=True)
    for number, begin in enumerate(range(0, n, PER_FILE)):
        texts = make_posts(min(PER_FILE, n - begin), number)
        ids = pa.array(range(begin, begin + len(texts)))
        table = pa.table({"id": ids, "text": texts})
        parquet.write_table(table, folder / f"{number:03}.parquet", row_group_size=100_000)


def score_sample(_: int) -> float:
    """Texts a second of ``model.score``, in batches of a thousand."""
    from classifier import load_model

    model = load_model(ROOT / "models")
    posts = make_posts(SAMPLE, 1_000_000)
    model.score(posts[:1_000], explain=None)
    start = time.perf_counter()
    for begin in range(0, len(posts), 1_000):
        model.score(posts[begin : begin + 1_000], explain=None)
    return len(posts) / (time.perf_counter() - start)


def reference(processes: int) -> float:
    """Of all processes together, at once."""
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        return sum(pool.map(score_sample, range(processes), chunksize=1))


class Watch:
    """Resident memory of a process and all below it, twice a second."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._over = threading.Event()
        self.megabytes: list[float] = []
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(0.5):
            self.megabytes.append(sum(map(_resident, _family(self._pid))) / 1e6)

    def stop(self) -> None:
        """No more."""
        self._over.set()
        self._thread.join()


def _family(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                found += map(int, children.read_text().split())
            except OSError:
                continue
    return found


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def main() -> None:
    """Measure and print."""
    n = round(float(sys.argv[1] if len(sys.argv) > 1 else 1) * 1_000_000)
    place = Path(sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp(prefix="narratives-batch-"))
    processes = int(sys.argv[3]) if len(sys.argv) > 3 else len(os.sched_getaffinity(0))
    folder, out = place / "posts", place / "out"
    if not folder.exists():
        write_posts(folder, n)
    shutil.rmtree(out, ignore_errors=True)
    before = [reference(processes) for _ in range(ROUNDS)]
    command = [sys.executable, "-m", "classifier.cli.app", "score", folder, "-o", out, "--model", ROOT / "models"]
    start = time.perf_counter()
    with subprocess.Popen([*map(str, command), "--jobs", str(processes)], cwd=ROOT) as running:
        watch = Watch(running.pid)
        code = running.wait()
        watch.stop()
    seconds = time.perf_counter() - start
    if code:
        raise SystemExit(code)
    after = [reference(processes) for _ in range(ROUNDS)]
    from pyarrow import dataset

    scored = dataset.dataset(out).count_rows()
    rate, of_model = n / seconds, statistics.median(before + after)
    ratio = f"{rate:,.0f} | {rate / of_model:.0%}"
    print(f"\n{processes} processes, {scored:,} rows in {len(list(folder.iterdir()))} files, {n:,} posts given\n")
    print("| what | posts per second | of model.score |\n|---|---|---|")
    print(f"| `model.score(texts, explain=None)` in {processes} processes | {of_model:,.0f} | |")
    print(f"| `narratives score posts/ -o out/`, with start and end, {seconds:.0f} s | {ratio} |")
    print("\n| share of the run | resident memory of all processes, MB, largest |\n|---|---|")
    tenth = max(1, len(watch.megabytes) // 10)
    for i in range(0, len(watch.megabytes), tenth):
        part = watch.megabytes[i : i + tenth]
        print(f"| {100 * i // len(watch.megabytes)} % | {max(part):,.0f} |")
    if len(sys.argv) <= 2:
        shutil.rmtree(place)


if __name__ == "__main__":
    main()
