"""The model card as Hugging Face's Hub takes it: a header that it can read and search, over the stored text.

The stored card is part of the model's digest and stays as it is. Header: https://huggingface.co/docs/hub/model-cards
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from classifier.durable import publish_directory
from classifier.model.scoring import NarrativeModel

LIBRARY = "narrative-classifier"
TASK = "text-classification"

_header = re.compile(r"\A---\n.*?\n---\n+", re.DOTALL)


def hub_metadata(model: NarrativeModel, *, license: str = "") -> dict[str, Any]:
    """What the header holds. ``license`` is an identifier of the Hub's list, left out where empty."""
    parameters = model.parameters
    languages = list(parameters["languages"])
    results = [_result("training sentences, grouped cross-validation", model.report["cross_validation"]["all"])]
    for name, figures in model.report.get("test", {}).get("sets", {}).items():
        results.append(_result(f"{name}, held out", figures["all"]))
    tags = [TASK, "multi-label-classification" if model.multilabel else "multi-class-classification", "tf-idf"]
    return {
        **({"language": languages} if languages else {}),
        **({"license": license} if license else {}),
        "library_name": LIBRARY,
        "pipeline_tag": TASK,
        "tags": tags,
        "model-index": [{"name": model.identity.name, "results": results}],
    }


def _result(dataset: str, figures: dict[str, Any]) -> dict[str, Any]:
    return {
        "task": {"type": TASK},
        "dataset": {"name": dataset, "type": "custom"},
        "metrics": [
            {"type": "f1", "name": "micro F1", "value": figures["micro"]["f1"]},
            {"type": "f1", "name": "macro F1", "value": figures["macro"]["f1"]},
            {"type": "average_precision", "name": "average precision", "value": figures["micro"]["average_precision"]},
        ],
    }


def hub_card(model: NarrativeModel, *, license: str = "") -> str:
    """Header and text as one Markdown file."""
    header = yaml.safe_dump(hub_metadata(model, license=license), allow_unicode=True, sort_keys=False, width=120)
    return f"---\n{header}---\n\n{_header.sub('', model.card)}"


def export_card(model: NarrativeModel, directory: str | Path, *, license: str = "") -> Path:
    """Write ``README.md`` and the pictures that it shows into a new directory.

    Raises
    ------
    FileExistsError
        The directory is there already.
    """
    files = {"README.md": hub_card(model, license=license).encode("utf-8")}
    files |= {path.name: path.read_bytes() for path in sorted(model.path.glob("*.svg"))}
    return publish_directory(directory, files)
