"""``narratives report``"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from classifier.cli.fitting_options import Cache, Jobs
from classifier.cli.stages import show_stages
from classifier.durable import write_file
from classifier.errors import MissingExtra


def report(
    labels: Annotated[Path, typer.Option("--labels", help="Directory with taxonomy.yaml and *.csv.")] = Path("labels"),
    models: Annotated[
        Path, typer.Option("--models", help="Directory of models: the current one's options are used where it fits.")
    ] = Path("models"),
    output: Annotated[Path, typer.Option("--output", "-o", help="HTML file to write.")] = Path("report.html"),
    markdown: Annotated[Path | None, typer.Option("--markdown", help="Markdown file to write as well.")] = None,
    folds: Annotated[int, typer.Option("--folds", min=2, max=20, help="Folds of the cross-validation.")] = 5,
    random_state: Annotated[
        int, typer.Option("--random-state", min=0, help="Same data, same number: same report.")
    ] = 0,
    jobs: Jobs = None,
    cache: Cache = None,
) -> None:
    """Write what the labels hold, how good a model they make, and what more of them would bring, as one HTML file."""
    try:
        from classifier.training.crossval import Options, available_cores
        from classifier.training.fold_cache import open_cache
        from classifier.training.report import find_model, gather
        from classifier.training.report_contents import write_contents
        from classifier.training.report_html import to_html
        from classifier.training.report_markdown import to_markdown
    except ImportError as error:
        raise MissingExtra("Reporting", "train") from error
    command = ["narratives", "report", "--labels", str(labels), "--models", str(models), "-o", str(output)]
    command += ["--markdown", str(markdown)] if markdown else []
    command += ["--folds", str(folds), "--random-state", str(random_state)]
    options = Options(n_folds=folds, random_state=random_state, n_jobs=jobs or available_cores())
    with show_stages() as stages, open_cache(cache) as kept:
        findings = gather(labels, find_model(models), options=options, cache=kept, progress=stages.progress)
    contents = write_contents(findings, shlex.join(command))
    out = Console(soft_wrap=True, highlight=False)
    write_file(output, to_html(contents))
    out.print(f"wrote {output}", markup=False)
    if markdown is not None:
        write_file(markdown, to_markdown(contents))
        out.print(f"wrote {markdown}", markup=False)
    for block in contents.sections[0].blocks[:-1]:
        out.print(getattr(block, "text", ""), markup=False)
