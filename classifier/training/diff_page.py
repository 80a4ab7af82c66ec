"""Two models compared on the same texts, as a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from classifier.model.comparing import Flip, ModelComparison, TaxonomyChanges
from classifier.training.page_parts import Block, Contents, Paragraph, Section, Table

MAX_CHARACTERS = 600
"""Longer texts are cut; the sentence that decides is told whole up to as many."""

RULE = (
    "A logit is the sum of contributions of n-grams and a bias, so its change is the sum of their changes: the rows of "
    "each table below sum to it. Words and pairs of words stand apart from runs of characters."
)


def write_diff(found: ModelComparison, sources: str) -> Contents:
    """The page; ``sources`` says which texts they were compared on."""
    a, b = names(found)
    return Contents(
        f"{a} and {b} on the same texts",
        [
            Section("summary", "What differs", [Paragraph(line) for line in summary_lines(found, sources)]),
            Section("narratives", "Narratives", [_decided(found, a, b), _rules(found, a, b)]),
            Section("features", "n-grams whose part changed most", [_features(found, a, b)]),
            Section("parameters", "Parameters", [_parameters(found, a, b)]),
            Section("flips", "Decisions that flipped", _flips(found.flips, a, b)),
        ],
    )


def names(found: ModelComparison) -> tuple[str, str]:
    """What the two are called: their versions; of two with one version, their digests."""
    a, b = (str(side["version"]) for side in (found.a, found.b))
    return (a, b) if a != b else (str(found.a["digest"])[:19], str(found.b["digest"])[:19])


def summary_lines(found: ModelComparison, sources: str) -> list[str]:
    """The comparison in a few sentences."""
    a, b = names(found)
    lines = [f"{a} ({found.a['digest']}) and {b} ({found.b['digest']}), on {found.n_texts:,} texts: {sources}."]
    if found.same:
        return [*lines, "The same model: nothing differs."]
    lines += [f"{line[:1].upper()}{line[1:]}." for line in taxonomy_lines(found.taxonomy)]
    if not found.narratives:
        return [*lines, "No narrative is in both, so no decision can be compared."]
    if not found.n_flips:
        return [*lines, f"No decision flipped; the largest change of a logit is {found.largest_change:.3g}."]
    return [
        *lines,
        f"{found.n_flips:,} decisions flipped, in {found.n_texts_flipped:,} texts, out of "
        f"{len(found.narratives) * found.n_texts:,}; the largest change of a logit is {found.largest_change:.2f}.",
    ]


def taxonomy_lines(changes: TaxonomyChanges) -> list[str]:
    """One line for each kind of change of the codebook."""
    lines = []
    if changes.added:
        lines.append(f"narratives added: {', '.join(changes.added)}")
    if changes.removed:
        lines.append(f"narratives removed: {', '.join(changes.removed)}")
    lines += [f"narrative {a} looks like the new {b}: an id that changed?" for a, b in changes.moved]
    lines += [f"narrative {n} renamed: {a} -> {b}" for n, a, b in changes.renamed]
    if changes.redefined:
        lines.append(f"narratives defined otherwise: {', '.join(changes.redefined)}")
    return lines


def _decided(found: ModelComparison, a: str, b: str) -> Block:
    return Table(
        "Texts with a yes, flips to it, from it, and between unsure and no; mean change of the sentences' logits",
        ("narrative", f"yes, {a}", f"yes, {b}", "gained", "lost", "unsure or no", "logit"),
        [
            (
                *(n.id, f"{n.yes[0]:,}", f"{n.yes[1]:,}", f"{n.gained:,}", f"{n.lost:,}", f"{n.other:,}"),
                f"{n.mean_change:+.3f}",
            )
            for n in found.narratives
        ],
        frozenset({"narrative"}),
    )


def _rules(found: ModelComparison, a: str, b: str) -> Block:
    figures = ("threshold", "unsure from", "bias", "support")
    return Table(
        "How they decide: probabilities from which on it is yes or unsure, biases, training sentences",
        ("narrative", *(f"{figure}, {name}" for figure in figures for name in (a, b))),
        [
            (
                n.id,
                *(f"{value:.3f}" for value in (*n.threshold, *n.unsure_from, *n.bias)),
                *(f"{value:,}" for value in n.support),
            )
            for n in found.narratives
        ],
        frozenset({"narrative"}),
    )


def _features(found: ModelComparison, a: str, b: str) -> Block:
    if not found.features:
        return Paragraph("No n-gram's part in any logit changed.")
    return Table(
        "Mean change of the logit over all sentences that an n-gram accounts for; weight is coefficient times idf, 0 "
        "where the model does not have it",
        ("narrative", "n-gram", "kind", "mean change", f"weight, {a}", f"weight, {b}"),
        [
            (
                f.narrative,
                quoted(f.feature),
                f.kind,
                f"{f.mean_change:+.4f}",
                f"{f.weight[0]:+.3f}",
                f"{f.weight[1]:+.3f}",
            )
            for f in found.features
        ],
        frozenset({"narrative", "n-gram", "kind"}),
    )


def _parameters(found: ModelComparison, a: str, b: str) -> Block:
    if not found.parameters:
        return Paragraph("All the same.")
    return Table(
        "What differs in parameters.json",
        ("parameter", a, b),
        [(name, shown(one), shown(other)) for name, one, other in found.parameters],
        frozenset({"parameter"}),
    )


def _flips(flips: Sequence[Flip], a: str, b: str) -> list[Block]:
    if not flips:
        return [Paragraph("None.")]
    blocks: list[Block] = [Paragraph(RULE)]
    for number, flip in enumerate(flips, 1):
        rows = [
            *((quoted(t.feature), f"{t.change:+.3f}", f"{t.a:+.3f}", f"{t.b:+.3f}", t.kind) for t in flip.terms),
            *([(f"{flip.n_rest} others", f"{flip.rest:+.3f}", "", "", "")] if flip.n_rest else []),
            ("bias", f"{flip.bias:+.3f}", "", "", ""),
            *([("length of the text", f"{flip.length:+.3f}", "", "", "")] if flip.length else []),
            ("logit", f"{flip.b.logit - flip.a.logit:+.3f}", f"{flip.a.logit:+.3f}", f"{flip.b.logit:+.3f}", ""),
        ]
        blocks += [
            Paragraph(f"{number}. {flip.place}: {cut(flip.text, MAX_CHARACTERS)}"),
            *(Paragraph(f"Decided by {told}") for told in _sentences(flip, a, b)),
            Paragraph(f"{flip.narrative}: {change(flip)}."),
            Table(
                f"{number}. Contributions to the logit",
                ("n-gram", "change", a, b, "kind"),
                rows,
                frozenset({"n-gram", "kind"}),
            ),
        ]
    return blocks


def _sentences(flip: Flip, a: str, b: str) -> list[str]:
    """The sentences that decide, where they are not the whole text."""
    if flip.a.sentence == flip.b.sentence:
        whole = flip.a.sentence == flip.text.strip()
        return [] if whole else [f"the sentence: {cut(flip.a.sentence, MAX_CHARACTERS)}"]
    return [f"in {name}: {cut(side.sentence, MAX_CHARACTERS)}" for name, side in ((a, flip.a), (b, flip.b))]


def change(flip: Flip) -> str:
    """Both decisions with their reasons, probabilities and thresholds."""
    told = [
        f"{side.decision}{f' ({side.reason})' if side.reason else ''}, probability {side.probability:.3f}, threshold "
        f"{side.threshold:.3f}"
        for side in (flip.a, flip.b)
    ]
    return " -> ".join(told)


def cut(text: str, length: int) -> str:
    """A text on one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def quoted(feature: str) -> str:
    """An n-gram whose blanks can be seen."""
    return f"“{feature.replace(' ', '␣')}”" if feature != feature.strip() else f"“{feature}”"


def shown(value: Any) -> str:
    """A parameter as JSON would say it, more or less."""
    return "absent" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
