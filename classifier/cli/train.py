"""``narratives train``"""

from __future__ import annotations

import enum
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from classifier.cli.fitting_options import Cache, Jobs
from classifier.cli.stages import run_interruptibly, show_stages
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
    jobs: Jobs = None,
    cache: Cache = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Fit anew what a stopped training had finished.")] = False,
) -> None:
    """Train a model on labelled sentences, with grouped cross-validation, and write it as a new version.

    A training that was stopped or killed goes on where it was when the same command is run again. With --promote better
    the exit code is 3 where the version was written and not promoted.
    """
    try:
        from classifier.cli.changes_view import tell_outcome
        from classifier.training.crossval import Options, available_cores
        from classifier.training.fold_cache import open_cache
        from classifier.training.promotion import NOT_PROMOTED
        from classifier.training.train import train as run
    except ImportError as error:
        raise MissingExtra("Training", "train") from error
    options = Options(
        n_folds=folds,
        max_features=max_features,
        max_false_alarms=max_false_alarms,
        random_state=random_state,
        n_jobs=jobs or available_cores(),
    )
    try:
        with show_stages() as stages, open_cache(cache) as kept:
            trained = run_interruptibly(
                lambda: run(
                    labels,
                    models,
                    name=name,
                    version=version,
                    options=options,
                    promote_when="never" if no_promote else promote.value,
                    fresh=fresh,
                    cache=kept,
                    progress=stages.progress,
                    tell=stages.tell,
                )
            )
    except KeyboardInterrupt:
        sys.stderr.write("stopped; run the same command again, and it goes on from the last finished stage\n")
        sys.stderr.flush()
        # Not sys.exit, which waits for the threads that fit. What they write is whole or not there.
        os._exit(130)
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
