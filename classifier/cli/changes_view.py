"""What changed against the current model, as ``narratives train`` prints it."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from classifier.cli.console import table_console
from classifier.cli.reading_view import harmless
from classifier.model.scoring import NarrativeModel
from classifier.training.diff_page import taxonomy_lines
from classifier.training.paired import MACRO, Comparison, Difference
from classifier.training.promotion import Changes, Outcome

MAX_NAMED = 12
"""More narratives than this are counted and not named."""


def tell_outcome(outcome: Outcome, new: NarrativeModel) -> None:
    """Print what changed, and whether the new version answers from now on."""
    if outcome.changes is not None:
        print_changes(outcome.changes, new)
    out = Console(soft_wrap=True, highlight=False)
    if outcome.promoted:
        out.print(f"it answers from now on{f' ({outcome.reasons[0]})' if outcome.reasons else ''}", markup=False)
    elif outcome.reasons:
        first, *others = [harmless(reason) for reason in outcome.reasons]
        out.print(Text(f"not promoted: {first}", style="bold"))
        for reason in others:
            out.print(Text(f"- {reason}"))
        out.print(f"if it is meant to be so: narratives models promote {new.identity.version}", markup=False)
    else:
        out.print("CURRENT was left as it is")


def print_changes(changes: Changes, new: NarrativeModel) -> None:
    """Print what is new, then the figures of both models on the same rows, where they can be had."""
    out = Console(soft_wrap=True, highlight=False)

    def tell(line: str) -> None:
        out.print(Text(harmless(line)))

    version = new.identity.version
    tell("")
    tell(f"against {changes.version} ({changes.digest[:19]}), which answered when training ended:")
    if changes.same_model:
        tell(f"the same model: {version} has the same digest")
        return
    old, now = changes.n_sentences
    told = "the same training rows" if changes.same_corpus else f"{old:,} -> {now:,} ({now - old:+,})"
    tell(f"- {new.unit}s: {told}")
    for line in taxonomy_lines(changes.taxonomy):
        tell(f"- {line}")
    moved = [f"{n} {a} -> {b} ({b - a:+})" for n, a, b in changes.support if a is not None and b is not None]
    if moved:
        more = f" and {len(moved) - MAX_NAMED} others" if len(moved) > MAX_NAMED else ""
        tell(f"- support: {', '.join(moved[:MAX_NAMED])}{more}")
    if all(changes.reports) and not (changes.same_corpus and changes.comparison):
        figures = ", ".join(_of_reports(changes))
        tell(f"- cross-validation, each on its own corpus (another corpus is another exam: do not compare): {figures}")
    if changes.reason:
        tell(f"- no comparison out of fold: {changes.reason}" if changes.comparison else f"- {changes.reason}")
    if changes.comparison is not None:
        _print_comparison(changes, changes.comparison, version)
        tell(f"which texts they decide otherwise: narratives models diff {changes.version} {version}")


def _of_reports(changes: Changes) -> list[str]:
    old, new = changes.reports
    figures = [
        (name, *(report.get(group, {}).get(key) for report in (old, new)))
        for name, group, key in (
            ("micro F1", "micro", "f1"),
            ("macro F1", "macro", "f1"),
            ("average precision", "micro", "average_precision"),
            ("plain tagged", "plain", "tagged"),
        )
    ]
    return [f"{name} {a:.3f} -> {b:.3f}" for name, a, b in figures if a is not None and b is not None]


def _print_comparison(changes: Changes, found: Comparison, version: str) -> None:
    left_out = f"; {changes.left_out:,} could not be used" if changes.left_out else ""
    table = Table(
        title=Text(
            f"average precision of both on the same {found.n_sentences:,} rows in {found.n_units:,} units, "
            f"{changes.on}{left_out}"
        ),
        title_justify="left",
    )
    table.add_column("")
    for name in (changes.version, version, "difference", "95 %", "labels"):
        table.add_column(name, justify="right")
    table.add_row(MACRO, *_cells(found.macro), style="bold" if found.macro.lost else "")
    moved = {n: d for n, d in found.narratives.items() if d.lost or d.low > 0 or d.high < 0}
    for narrative, difference in sorted(moved.items(), key=lambda pair: pair[1].new - pair[1].old):
        table.add_row(Text(harmless(narrative)), *_cells(difference), style="bold" if difference.lost else "")
    table_console().print(table)
    out = Console(soft_wrap=True, highlight=False)
    out.print(
        f"{len(found.narratives) - len(moved)} of {len(found.narratives)} narratives are not shown: their intervals "
        "hold 0. By chance about one in twenty does not; the verdict allows for that."
    )
    hidden = {n: d.low for n, d in found.narratives.items() if d.highest is not None}
    worst = min(hidden, key=hidden.__getitem__, default="")
    if worst:
        out.print(
            f"Losses that cannot be excluded: macro {max(0.0, -found.macro.low):.3f}, of one narrative "
            f"{max(0.0, -hidden[worst]):.3f} ({worst})."
        )
    told = ", ".join(
        f"{name} {a:.3f} -> {b:.3f}"
        for name, (a, b) in (
            ("micro F1", found.micro_f1),
            ("macro F1", found.macro_f1),
            (f"{found.n_plain:,} plain rows tagged", found.plain_tagged),
        )
    )
    out.print(f"At each one's own thresholds, which are noisier than the rows and judge nothing: {told}.")
    if found.not_judged:
        named = ", ".join(found.not_judged[:MAX_NAMED]) + (" ..." if len(found.not_judged) > MAX_NAMED else "")
        out.print(Text(harmless(f"too few rows to judge {len(found.not_judged)} narratives: {named}")))


def _cells(found: Difference) -> tuple[str, str, str, str, str]:
    return (
        f"{found.old:.3f}",
        f"{found.new:.3f}",
        f"{found.new - found.old:+.3f}",
        f"{found.low:+.3f} to {found.high:+.3f}",
        f"{found.support:,}",
    )
