"""``narratives labels import``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from classifier.cli.console import table_console
from classifier.errors import MissingExtra


def import_(
    source: Annotated[Path, typer.Argument(help="A file, or a folder of Hugging Face datasets or of SemEval's.")],
    labels: Annotated[Path, typer.Option("--labels", help="Directory with taxonomy.yaml that takes the rows.")] = Path(
        "labels"
    ),
    format: Annotated[
        str,
        typer.Option(
            help="csv, excel, jsonl, parquet, label-studio, doccano, huggingface, argilla or semeval; else found out."
        ),
    ] = "",
    text_column: Annotated[str, typer.Option(help="Column or key of the text; else guessed.")] = "",
    labels_column: Annotated[
        list[str] | None,
        typer.Option(help="Column of the label names; several times for a column a label (0 or 1); else guessed."),
    ] = None,
    id_column: Annotated[str, typer.Option(help="Column of the ids.")] = "",
    language_column: Annotated[str, typer.Option(help="Column of the languages.")] = "",
    voice_column: Annotated[str, typer.Option(help="Column of the voices.")] = "",
    group_column: Annotated[str, typer.Option(help="Column whose equal values never straddle a split.")] = "",
    split_column: Annotated[str, typer.Option(help="Column of given splits.")] = "",
    annotators_column: Annotated[str, typer.Option(help="Column of who labelled.")] = "",
    date_column: Annotated[str, typer.Option(help="Column of the days of publication, ISO 8601.")] = "",
    outlet_column: Annotated[str, typer.Option(help="Column of who published: site, channel, author.")] = "",
    map_: Annotated[
        Path | None, typer.Option("--map", help="YAML (theirs: ours) or CSV (theirs,ours) for label names.")
    ] = None,
    language: Annotated[
        str, typer.Option("--language", help="ISO 639 code of texts that name none; auto finds it out.")
    ] = "",
    separator: Annotated[str, typer.Option(help="Between the labels in one cell; else ';' or '|'.")] = "",
    delimiter: Annotated[str, typer.Option(help="Between the fields of a CSV file; else found out.")] = "",
    encoding: Annotated[str, typer.Option(help="Of a CSV file: utf-8, utf-16, cp1251, ...; else found out.")] = "",
    sheet: Annotated[str, typer.Option(help="Sheet of an Excel workbook.")] = "",
    offsets: Annotated[
        Literal["codepoint", "utf16"] | None, typer.Option(help="What offsets of spans count; else as the tool does.")
    ] = None,
    output: Annotated[str, typer.Option(help="Name of the new label file; else imported-SOURCE.csv.")] = "",
    rejected: Annotated[Path | None, typer.Option(help="CSV file that lists every row not taken.")] = None,
    make_taxonomy: Annotated[
        bool, typer.Option("--make-taxonomy", help="Make taxonomy.yaml from the labels found.")
    ] = False,
    unit: Annotated[str, typer.Option(help="With --make-taxonomy: sentence, paragraph or text; else judged.")] = "",
    strict: Annotated[bool, typer.Option("--strict", help="Take nothing where any row cannot be taken.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
) -> None:
    """Take labels from a spreadsheet or another tool into a new label file; tell every row that does not fit.

    The exit code is 1 where any row was not taken. Label files that are there already stay as they are.
    """
    try:
        from classifier.corpus.formats.foreign import Reading
        from classifier.corpus.importing import import_labels
    except ImportError as error:
        raise MissingExtra("Importing labels", "train") from error
    done = import_labels(
        source,
        labels,
        Reading(
            text_column=text_column,
            labels_columns=tuple(labels_column or ()),
            id_column=id_column,
            language_column=language_column,
            voice_column=voice_column,
            group_column=group_column,
            split_column=split_column,
            annotators_column=annotators_column,
            date_column=date_column,
            outlet_column=outlet_column,
            language=language,
            separator=separator,
            delimiter=delimiter.replace("\\t", "\t"),
            encoding=encoding,
            sheet=sheet,
            offsets=offsets,
        ),
        format=format,
        mapping=map_,
        output=output,
        rejected=rejected,
        make_taxonomy=make_taxonomy,
        unit=unit,
        strict=strict,
        dry_run=dry_run,
    )
    out = Console(soft_wrap=True, highlight=False)
    for remark in done.remarks:
        out.print(remark, markup=False)
    if done.rejected:
        table = Table(title="not taken")
        table.add_column("row", justify="right")
        table.add_column("reason")
        table.add_column("file")
        for bad in done.rejected:
            table.add_row(str(bad.row), _harmless(bad.reason), _harmless(bad.source))
        table_console().print(table)
    if done.n_rejected > len(done.rejected):
        rest = f"{done.n_rejected - len(done.rejected):,} more rows were not taken"
        out.print(
            f"{rest}: {rejected} has them all" if rejected else f"{rest}; --rejected FILE lists all", markup=False
        )
    if done.taxonomy is not None:
        out.print(f"wrote {done.taxonomy}: write its definitions", markup=False)
    told = f"{done.n_taken:,} rows {'would be taken' if dry_run else 'taken'}, {done.n_rejected:,} not"
    if done.n_unlabelled:
        told += f", {done.n_unlabelled:,} not labelled yet"
    if done.path is not None:
        out.print(f"wrote {done.path}: {told}", markup=False)
    elif dry_run:
        out.print(f"nothing written: {told}", markup=False)
    elif done.n_taken:
        out.print(
            f"nothing written, since --strict: {done.n_taken:,} rows fit, {done.n_rejected:,} do not", markup=False
        )
    else:
        out.print(f"nothing written: {told}", markup=False)
    if done.n_rejected or not done.n_taken:
        raise typer.Exit(1)


def _harmless(text: str) -> Text:
    """Foreign text without the control characters that steer terminals."""
    return Text("".join(c if c.isprintable() else " " for c in text))
