"""``narratives report``"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

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
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Folds fitted side by side.")] = 2,
) -> None:
    """Write what the labels hold, how good a model they make, and what more of them would bring, as one HTML file."""
    try:
        from classifier.training.crossval import Options
        from classifier.training.report import find_model, gather
        from classifier.training.report_contents import write_contents
        from classifier.training.report_html import to_html
        from classifier.training.report_markdown import to_markdown
    except ImportError as error:
        raise MissingExtra("Reporting", "train") from error
    command = ["narratives", "report", "--labels", str(labels), "--models", str(models), "-o", str(output)]
    command += ["--markdown", str(markdown)] if markdown else []
    command += ["--folds", str(folds), "--random-state", str(random_state)]
    options = Options(n_folds=folds, random_state=random_state, n_jobs=jobs)
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=Console(stderr=True)
    ) as progress:
        task = progress.add_task("starting", total=1.0)
        findings = gather(
            labels,
            find_model(models),
            options=options,
            progress=lambda stage, share: progress.update(task, description=stage, completed=share),
        )
    contents = write_contents(findings, shlex.join(command))
    out = Console(soft_wrap=True, highlight=False)
    write_file(output, to_html(contents))
    out.print(f"wrote {output}", markup=False)
    if markdown is not None:
        write_file(markdown, to_markdown(contents))
        out.print(f"wrote {markdown}", markup=False)
    for block in contents.sections[0].blocks[:-1]:
        out.print(getattr(block, "text", ""), markup=False)
