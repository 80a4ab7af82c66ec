"""``narratives evaluate``"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from classifier.cli.console import table_console
from classifier.cli.fitting_options import Cache, Jobs
from classifier.cli.stages import show_stages
from classifier.durable import write_file
from classifier.errors import MissingExtra


def evaluate(
    labels: Annotated[Path, typer.Option("--labels", help="Directory with taxonomy.yaml and *.csv.")] = Path("labels"),
    model: Annotated[Path | None, typer.Option("--model", help="Whose C and folds to use.")] = None,
    on: Annotated[
        Path | None,
        typer.Option("--on", help="Measure the model on this label file instead, which it was not trained on."),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", help="Write all figures here as JSON.")] = None,
    jobs: Jobs = None,
    cache: Cache = None,
) -> None:
    """Measure: grouped cross-validation beside a naive random split, leave-one-article-out and the baselines."""
    try:
        from classifier.corpus.checks import require_valid
        from classifier.corpus.files import read_labels
        from classifier.taxonomy import load_taxonomy
        from classifier.training.crossval import Options, available_cores, cross_validate
        from classifier.training.evaluation import (
            compare_baselines,
            evaluate_model,
            leave_one_article_out,
            prepare,
            random_split,
            report_scores,
        )
        from classifier.training.fold_cache import open_cache
        from classifier.training.train import TRAINING_SPLITS
    except ImportError as error:
        raise MissingExtra("Evaluating", "train") from error
    from classifier.model.versions import load_model

    loaded = load_model(model)
    out = table_console()
    if on is not None:
        rows = read_labels(on)
        report: dict[str, Any] = {"model": loaded.identity.digest, "on": str(on)}
        report |= evaluate_model(loaded, rows)
        _print_scores(out, f"{on}, at the thresholds of {loaded.identity.version}", report)
    else:
        taxonomy = load_taxonomy(labels / "taxonomy.yaml")
        everything = read_labels(labels)
        require_valid(everything, taxonomy)
        rows = [row for row in everything if row.split in TRAINING_SPLITS]
        if len(rows) < len(everything):
            out.print(
                f"{len(everything) - len(rows):,} rows that their split holds out take no part; training measures them"
            )
        fitted = loaded.parameters["training"]
        options = Options(
            n_folds=fitted["n_folds"],
            min_df=fitted["min_df"],
            max_features=fitted["max_features"],
            max_false_alarms=fitted["max_false_alarms"],
            voice_C=fitted["voice_C"],
            random_state=fitted["random_state"],
            n_jobs=jobs or available_cores(),
        )
        with show_stages() as stages, open_cache(cache) as kept:
            tell = stages.progress
            prepared = prepare(rows, taxonomy, options, tell, kept)
            scores = cross_validate(
                prepared.counts, prepared.y, prepared.pairs, prepared.folds, [fitted["C"]], options, tell
            )
            report = report_scores(prepared, scores, options)
            report["random_split"] = random_split(prepared, fitted["C"], options, tell)
            report["leave_one_article_out"] = leave_one_article_out(prepared, scores, options, tell)
            tell("baselines", 0.0)
            cues = labels / "cues"
            report["baselines"] = compare_baselines(prepared, cues if cues.is_dir() else None)
        _print_scores(out, f"{options.n_folds}-fold grouped cross-validation on {len(rows)} sentences", report)
        _print_comparison(out, report)
    if output is not None:
        write_file(output, json.dumps(report, ensure_ascii=False, indent=1) + "\n")
        out.print(f"all figures: {output}", markup=False)


def _print_scores(out: Console, title: str, report: dict[str, Any]) -> None:
    everything = report["all"]
    table = Table(title=title)
    for heading in ("narrative", "support", "precision", "recall", "F1", "95 %", "average precision"):
        table.add_column(heading, justify="left" if heading == "narrative" else "right")
    for narrative, f in everything["narratives"].items():
        table.add_row(
            narrative,
            str(f["support"]),
            f"{f['precision']:.2f}",
            f"{f['recall']:.2f}",
            f"{f['f1']:.2f}",
            f"{f['f1_interval'][0]:.2f}-{f['f1_interval'][1]:.2f}",
            f"{f['average_precision']:.2f}",
        )
    out.print(table)
    groups = Table(title="by group")
    for heading in ("group", "sentences", "micro F1", "95 %", "macro F1", "plain tagged", "ECE"):
        groups.add_column(heading, justify="left" if heading == "group" else "right")
    groups.add_row("all", *_group(everything))
    for kind in ("language", "origin", "register"):
        for value, figures in report.get(f"by_{kind}", {}).items():
            groups.add_row(f"{kind} {value}", *_group(figures))
    out.print(groups)
    if "voices_found" in report:
        heard = report["voices_found"]
        recalls = ", ".join(f"{v} {f['recall']:.2f} (of {f['support']})" for v, f in heard["voices"].items())
        out.print(
            f"voice among narratives found: accuracy {heard['accuracy']:.3f} of {heard['n_pairs']}; recall {recalls}"
        )


def _group(figures: dict[str, Any]) -> list[str]:
    micro = figures["micro"]
    return [
        str(figures["n_sentences"]),
        f"{micro['f1']:.3f}",
        f"{micro['f1_interval'][0]:.3f}-{micro['f1_interval'][1]:.3f}",
        f"{figures['macro']['f1']:.3f}",
        f"{figures['plain']['tagged']:.1%}",
        f"{figures['ece']:.3f}",
    ]


def _print_comparison(out: Console, report: dict[str, Any]) -> None:
    table = Table(title="the same figures otherwise")
    for heading in ("how", "micro F1", "95 %", "macro F1", "plain tagged"):
        table.add_column(heading, justify="left" if heading == "how" else "right")
    named = {
        "grouped cross-validation": report["all"],
        "naive random split (flatters)": report["random_split"],
        "leave one article out": report["leave_one_article_out"],
        **{f"baseline: {name}": figures for name, figures in report["baselines"].items()},
    }
    for name, figures in named.items():
        if figures:
            low, high = figures["micro"]["f1_interval"]
            table.add_row(
                name,
                f"{figures['micro']['f1']:.3f}",
                f"{low:.3f}-{high:.3f}",
                f"{figures['macro']['f1']:.3f}",
                f"{figures['plain']['tagged']:.1%}",
            )
    out.print(table)
