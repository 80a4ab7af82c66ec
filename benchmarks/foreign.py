"""Other people's labelled data through our command line: FLICC (one of 12 fallacies a text) and UNLP 2025 (10
manipulation techniques, several or none a post).

    python benchmarks/foreign.py ../shared/benchmarks

Takes the folder that holds ``flicc/`` and ``unlp2025/`` (each from its own home will do, see the README there). Each is
turned into a codebook and a label file, with the data's own split in the column ``split``, and given to ``narratives
train``; everything is chosen on the training part. Nothing of it is kept.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from classifier.corpus.files import write_labels
from classifier.corpus.sentence import LabelledSentence


def as_id(name: str) -> str:
    """A label's name as an id."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def train(frame: pd.DataFrame, *, multilabel: bool, flags: list[str]) -> dict[str, Any]:
    """Run ``narratives train`` on rows with ``text``, ``labels`` (a list), ``language`` and ``split``; its report."""
    names = sorted({name for labels in frame["labels"] for name in labels})
    with tempfile.TemporaryDirectory() as folder:
        labels = Path(folder) / "labels"
        labels.mkdir()
        codebook = [
            "version: 1",
            "unit: text",
            f"multilabel: {str(multilabel).lower()}",
            "themes:",
            "  - id: all",
            "    name: All",
            "    narratives:",
        ]
        codebook += [f"      - {{id: {as_id(n)}, name: {json.dumps(n)}, definition: {json.dumps(n)}}}" for n in names]
        (labels / "taxonomy.yaml").write_text("\n".join(codebook) + "\n", encoding="utf-8")
        write_labels(
            labels / "rows.csv",
            [
                LabelledSentence(
                    id=str(i),
                    text=row["text"],
                    language=row["language"],
                    labels={as_id(name): None for name in row["labels"]},
                    origin="imported",
                    split=row["split"],
                )
                for i, row in enumerate(frame.to_dict("records"))
            ],
        )
        command = ["narratives", "train", "--labels", str(labels), "--models", str(Path(folder) / "models"), *flags]
        subprocess.run([str(Path(sys.executable).parent / command[0]), *command[1:]], check=True, capture_output=True)
        report: dict[str, Any] = json.loads((Path(folder) / "models" / "v1" / "report.json").read_text("utf-8"))
        return report


def flicc(folder: Path) -> None:
    """Train on train; val and test, pooled and apart."""
    parts = []
    for name in ("train", "val", "test"):
        part = pd.read_csv(folder / f"fallacy_{name}.csv")
        part["split"] = "train" if name == "train" else "held-out"
        parts.append(part)
    frame = pd.concat(parts, ignore_index=True)
    frame["labels"] = [[label] for label in frame["label"]]
    frame["language"] = "en"
    report = train(frame, multilabel=False, flags=[])
    show("FLICC, 12 fallacies, val and test pooled", report["test"]["sets"]["held-out"]["all"], "naive .594")


def unlp(folder: Path) -> None:
    """Five folds, each held out in turn; thresholds come from inside the other four."""
    frame = pd.read_parquet(folder / "train.parquet").merge(pd.read_csv(folder / "folds.csv"), on="id")
    frame["labels"] = [list(t) if t is not None else [] for t in frame["techniques"]]
    frame["text"] = frame["content"]
    frame["language"] = frame["lang"]
    macro = []
    for fold in sorted(frame["fold"].unique()):
        frame["split"] = ["held-out" if f == fold else "train" for f in frame["fold"]]
        report = train(frame, multilabel=True, flags=["--max-false-alarms", "1"])
        macro.append(report["test"]["sets"]["held-out"]["all"]["macro"]["f1"])
    name = f"UNLP 2025, 10 techniques, five folds ({', '.join(f'{value:.3f}' for value in macro)})"
    print(f"| {name} | {len(frame)} | {sum(macro) / len(macro):.3f} | | naive .399 |")


def show(name: str, figures: dict[str, Any], published: str) -> None:
    """One row of the table."""
    macro = figures["macro"]
    low, high = macro["f1_interval"]
    print(f"| {name} | {figures['n_sentences']} | {macro['f1']:.3f} | {low:.3f} to {high:.3f} | {published} |")


def main() -> None:
    """Measure and print."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    print("| data | texts | macro F1 | 95 % | published |")
    print("|---|---|---|---|---|")
    if (folder / "flicc").is_dir():
        flicc(folder / "flicc")
    if (folder / "unlp2025").is_dir():
        unlp(folder / "unlp2025")


if __name__ == "__main__":
    main()
