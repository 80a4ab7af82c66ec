"""``narratives train``"""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from classifier.errors import MissingExtra


class When(enum.StrEnum):
    """When a new version answers from now on."""

    always = "always"
    better = "better"
    never = "never"


def train(
    labels: Annotated[Path, typer.Option("--labels", help="Directory with taxonomy.yaml and *.csv.")] = Path("labels"),
    models: Annotated[Path, typer.Option("--models", help="Directory that takes the new version.")] = Path("models"),
    name: Annotated[str, typer.Option("--name", help="What the model is called.")] = "narratives",
    version: Annotated[str | None, typer.Option("--version", help="Name of the new version (v1, v2, ...).")] = None,
    promote: Annotated[
        When,
        typer.Option(
            "--promote",
            help="Let it answer from now on: always, never, or if it is no worse than the current one beyond noise.",
        ),
    ] = When.always,
    no_promote: Annotated[bool, typer.Option("--no-promote", help="The same as --promote never.")] = False,
    folds: Annotated[int, typer.Option("--folds", min=2, max=20, help="Folds of the cross-validation.")] = 5,
    max_features: Annotated[int, typer.Option("--max-features", min=10, help="Bounds the model's size.")] = 200_000,
    random_state: Annotated[int, typer.Option("--random-state", min=0, help="Same data, same number: same model.")] = 0,
    max_false_alarms: Annotated[
        float,
        typer.Option("--max-false-alarms", min=0, max=1, help="Share of plain sentences that thresholds may tag."),
    ] = 0.05,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Processes.")] = 2,
) -> None:
    """Train a model on labelled sentences, with grouped cross-validation, and write it as a new version.

    With --promote better the exit code is 3 where the version was written and not promoted.
    """
    try:
        from classifier.cli.changes_view import tell_outcome
        from classifier.training.crossval import Options
        from classifier.training.promotion import NOT_PROMOTED
        from classifier.training.train import train as run
    except ImportError as error:
        raise MissingExtra("Training", "train") from error
    console = Console(stderr=True)
    options = Options(
        n_folds=folds,
        max_features=max_features,
        max_false_alarms=max_false_alarms,
        random_state=random_state,
        n_jobs=jobs,
    )
    with Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task("starting", total=1.0)
        trained = run(
            labels,
            models,
            name=name,
            version=version,
            options=options,
            promote_when="never" if no_promote else promote.value,
            progress=lambda stage, share: progress.update(task, description=stage, completed=share),
        )
    scores = trained.report["cross_validation"]["all"]
    out = Console(soft_wrap=True, highlight=False)
    out.print(f"wrote {trained.path}  ({trained.model.identity.digest})", markup=False)
    unlearned = [narrative for narrative in trained.model.ids if not trained.model.rules[narrative].support]
    if unlearned:
        out.print(f"no row carries {', '.join(unlearned)}: it cannot be learned, and will not be tagged", markup=False)
    low, high = scores["micro"]["f1_interval"]
    out.print(
        f"grouped cross-validation: micro F1 {scores['micro']['f1']:.3f} ({low:.3f} to {high:.3f}), "
        f"macro F1 {scores['macro']['f1']:.3f}, average precision {scores['micro']['average_precision']:.3f}, "
        f"{scores['plain']['tagged']:.1%} of {scores['plain']['n_sentences']} plain sentences tagged"
    )
    for split, figures in trained.report["test"].get("sets", {}).items():
        held = figures["all"]
        out.print(
            f"{split}, held out: micro F1 {held['micro']['f1']:.3f}, macro F1 {held['macro']['f1']:.3f} "
            f"({held['n_sentences']} {trained.model.parameters['unit']}s)",
            markup=False,
        )
    tell_outcome(trained.outcome, trained.model)
    if promote is When.better and not no_promote and not trained.promoted:
        raise typer.Exit(NOT_PROMOTED)
