"""Input files of every format, and outputs read back, for the tests of runs."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from classifier.batch.local import run_locally
from classifier.batch.scoring import Options
from classifier.batch.tasks import Run, begin_run

CLAIMS = [
    "War with Azerbaijan is inevitable, and everybody knows it.",
    "The train to the coast leaves at nine.",
    "Moscow says the interview was torn out of context. Nobody was surprised.",
    "Decadent West, again.",
    "Да, это русофобия.",
]


def compress(name: str, data: bytes) -> bytes:
    if name.endswith(".gz"):
        return gzip.compress(data[: len(data) // 2]) + gzip.compress(data[len(data) // 2 :])
    if name.endswith(".bz2"):
        return bz2.compress(data)
    if name.endswith(".zst"):
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, "zstd") as stream:
            stream.write(data)
        return sink.getvalue().to_pybytes()
    return data


def decompress(name: str, data: bytes) -> bytes:
    if name.endswith(".gz"):
        return gzip.decompress(data)
    if name.endswith(".bz2"):
        return bz2.decompress(data)
    if name.endswith(".zst"):
        return pa.CompressedInputStream(pa.BufferReader(data), "zstd").read()
    return data


def write_rows(path: Path, rows: list[dict[str, object]], *, row_group_size: int = 7) -> Path:
    """Rows with the same keys, in the format that the name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        parquet.write_table(pa.Table.from_pylist(rows), path, row_group_size=row_group_size)
        return path
    if ".csv" in path.name:
        out = io.StringIO()
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        data = out.getvalue().encode()
    else:
        data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(compress(path.name, data))
    return path


def read_rows(path: Path) -> list[dict[str, object]]:
    """Output rows, the same for every format but for what CSV cannot tell: numbers of the input are texts there."""
    if path.suffix == ".parquet":
        return parquet.read_table(path).to_pylist()
    text = decompress(path.name, path.read_bytes()).decode("utf-8-sig")
    if ".csv" not in path.name:
        return [json.loads(line) for line in text.splitlines()]
    rows: list[dict[str, object]] = []
    for row in csv.DictReader(io.StringIO(text, newline=""), strict=True):
        told: dict[str, object] = dict(row)
        scored = not row["error"]
        told |= {key: [v for v in row[key].split(";") if v] if scored else None for key in ("narratives", "unsure")}
        told["labels"] = json.loads(row["labels"]) if scored else None
        told["coverage"] = float(row["coverage"]) if scored else None
        told["n_sentences"] = int(row["n_sentences"]) if scored else None
        told["error"] = row["error"] or None
        rows.append(told)
    return rows


def posts(n: int, *, begin: int = 0) -> list[dict[str, object]]:
    return [{"id": str(i), "text": f"{CLAIMS[i % len(CLAIMS)]} ({i})"} for i in range(begin, begin + n)]


def answer_of(model, text: str, language: str | None = None, *, every: bool = False) -> dict[str, object]:
    """What a row must tell of a text: by the answer objects, independent of columns."""
    from classifier import TextItem

    (result,) = model.score([TextItem(text, language=language)], explain=None, all=every).results
    return {
        "narratives": [label.id for label in result.labels if label.decision == "yes"],
        "unsure": [label.id for label in result.labels if label.decision == "unsure"],
        "labels": [told_label(label) for label in result.labels],
        "coverage": result.coverage,
        "n_sentences": len(result.sentences),
        "error": None,
        "model": model.identity.digest,
    }


def told_label(label) -> dict[str, object]:
    return {
        "id": label.id,
        "probability": label.probability,
        "logit": label.logit,
        "decision": label.decision,
        "reason": label.reason,
        "voice": label.voice and label.voice.likeliest,
        "voice_probability": label.voice and getattr(label.voice, label.voice.likeliest),
    }


def begun(model, arguments, out, *, options: Options | None = None, **given) -> Run:
    return begin_run(list(map(str, arguments)), str(out), model, options or Options(), **given)


def score_all(model, arguments, out, *, jobs: int | None = None, **given) -> Run:
    """A whole run; in this process unless ``jobs`` says otherwise."""
    run = begun(model, arguments, out, **given)
    if jobs:
        run_locally(run, jobs=jobs, observe=lambda _: None)
    else:
        from classifier.batch.tasks import Worker

        worker = Worker(run.job)
        for task in run.tasks():
            following = task
            while following is not None:
                following = run.done(worker.carry_out(following))
        run.finish()
    return run


def files_in(folder: Path) -> dict[str, bytes]:
    """Output files, without what stands beside them."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith("_") for part in path.relative_to(folder).parts)
    }
