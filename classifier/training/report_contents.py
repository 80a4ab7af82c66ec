"""Figures of a corpus as sections of paragraphs, tables and plots, before they become HTML or Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from classifier.training.metrics import reliability_bins
from classifier.training.page_parts import Block, Contents, Paragraph, Plot, Section, Table
from classifier.training.plots import bars, heatmap, learning_curves, precision_recall, reliability_diagram
from classifier.training.report import Findings

MAX_PLOTTED = 40
"""More narratives than this are told in tables only."""


def write_contents(findings: Findings, command: str) -> Contents:
    """Put the figures into words, tables and plots. ``command`` is what the user typed to get them."""
    f = findings.figures
    corpus = f["corpus"]
    return Contents(
        f"Report on {_count(corpus['n_sentences'], corpus['unit'])} with {len(findings.prepared.taxonomy.ids)} "
        "narratives",
        [
            _summary(findings),
            _narratives(findings),
            _reliability(findings),
            _confusions(findings),
            _learning(findings),
            _splits(findings),
            _prevalence(findings),
            *_voices(findings),
            *_held_out(findings),
            _making(findings, command),
        ],
    )


def _summary(findings: Findings) -> Section:
    f = findings.figures
    corpus, everything = f["corpus"], f["grouped"]["all"]
    micro, plain = everything["micro"], everything["plain"]
    low, high = micro["f1_interval"]
    lines = [
        f"In grouped cross-validation ({f['options']['n_folds']} folds, near-duplicates, articles and groups never on "
        f"both sides) the labels give micro F1 {micro['f1']:.3f} ({low:.3f} to {high:.3f}) and macro F1 "
        f"{everything['macro']['f1']:.3f}, over {corpus['n_sentences']:,} {corpus['unit']}s in "
        f"{corpus['n_units']:,} units.",
    ]
    if plain["n_sentences"]:
        low, high = plain["tagged_interval"]
        lines.append(
            f"Of {plain['n_sentences']:,} {corpus['unit']}s without a narrative {plain['tagged']:.1%} were tagged all "
            f"the same ({low:.1%} to {high:.1%})."
        )
    else:
        lines.append(
            f"Every {corpus['unit']} carries a narrative: nothing can be said of false alarms on plain text. Label "
            "some that carry none."
        )
    few = [n for n, g in everything["narratives"].items() if g["support"] < 25 or g["n_units"] < 5]
    if few:
        lines.append(
            f"Too few labels to judge (under 25, or from fewer than 5 units): {', '.join(few)}. Their figures say "
            "little; look at the intervals."
        )
    macro = f["learning"]["forecast"]["macro"]
    if "twice" in macro:
        low, high = macro["gain_interval"]
        lines.append(
            f"Twice the labels would bring about {macro['gain']:+.3f} mean average precision ({low:+.3f} to "
            f"{high:+.3f}), from {macro['now']:.3f}."
        )
    random = f["random_split"]["micro"]["f1"]
    lines.append(
        f"A naive random split would publish micro F1 {random:.3f}, {random - micro['f1']:+.3f} against the grouped "
        "one."
    )
    lines.append(
        "Intervals are 95 %. Calibration and thresholds that judge a row were fitted on other folds. These are figures "
        "on texts like the labelled ones; expect less on others."
    )
    groups = [("all", everything)]
    for kind in ("language", "origin", "register"):
        groups += [(f"{kind} {value}", g) for value, g in f["grouped"][f"by_{kind}"].items()]
    table = Table(
        "By language, origin and register",
        ("rows", "n", "micro F1", "95 %", "macro F1", "plain tagged", "ECE"),
        [(name, *_group(g)) for name, g in groups],
        frozenset({"rows"}),
    )
    return Section("summary", "In short", [*map(Paragraph, lines), table])


def _narratives(findings: Findings) -> Section:
    f, ids = findings.figures, findings.prepared.taxonomy.ids
    spans = f["learning"]["average_precision_interval"]
    blocks: list[Block] = []
    if len(ids) <= MAX_PLOTTED:
        svg = precision_recall(ids, findings.judged.probabilities, findings.prepared.y)
        best = max(ids, key=lambda n: f["grouped"]["all"]["narratives"][n]["average_precision"])
        worst = min(
            (n for n in ids if f["grouped"]["all"]["narratives"][n]["support"]),
            key=lambda n: f["grouped"]["all"]["narratives"][n]["average_precision"],
        )
        blocks.append(
            Plot(
                "precision-recall",
                svg,
                "Precision against recall, a line for each narrative; bold: all pairs together.",
                f"Curves of precision against recall. Largest area: {best}; smallest: {worst}. The table has the areas "
                "as average precision.",
            )
        )
    rows = []
    for narrative, g in f["grouped"]["all"]["narratives"].items():
        if g["support"]:
            measured = (
                f"{g['precision']:.2f}",
                f"{g['recall']:.2f}",
                f"{g['f1']:.2f}",
                _span(g["f1_interval"], 2),
                f"{g['average_precision']:.2f}",
                _span(spans[narrative], 2) if narrative in spans else "",
            )
        else:
            measured = ("no label",) + ("",) * 5
        rows.append((narrative, str(g["support"]), str(g["n_units"]), *measured))
    blocks.append(
        Table(
            "Each narrative, in grouped cross-validation",
            ("narrative", "labels", "units", "precision", "recall", "F1", "95 %", "average precision", "95 % of it"),
            rows,
            frozenset({"narrative"}),
        )
    )
    return Section("narratives", "Precision and recall", blocks)


def _reliability(findings: Findings) -> Section:
    p, y = findings.judged.probabilities, findings.prepared.y
    n, given, found, half = reliability_bins(p, y)
    ece = findings.figures["grouped"]["all"]["ece"]
    return Section(
        "reliability",
        "Can the probabilities be believed?",
        [
            Paragraph(
                f"Expected calibration error (10 bins): {ece:.4f}, over {p.size:,} pairs of row and narrative. A mark "
                "on the diagonal means that of pairs given 70 %, 70 % carry the narrative."
            ),
            Plot(
                "reliability",
                reliability_diagram(p, y),
                "Share that carries the narrative, against the probability given.",
                "Reliability diagram: marks near the diagonal are well calibrated. The table has every mark.",
            ),
            Table(
                "Probability given and share found",
                ("probability given, mean", "share that carries it", "95 %", "pairs"),
                [
                    (f"{g:.3f}", f"{s:.3f}", f"{max(0, s - h):.3f} to {min(1, s + h):.3f}", f"{count:,}")
                    for count, g, s, h in zip(n.tolist(), given, found, half, strict=True)
                ],
            ),
        ],
    )


def _confusions(findings: Findings) -> Section:
    ids, f = findings.prepared.taxonomy.ids, findings.figures["confusions"]
    if not f["pairs"]:
        return Section(
            "confusion",
            "Which narrative is taken for which",
            [Paragraph("None: no row had one narrative missed and another tagged in its stead.")],
        )
    blocks: list[Block] = [
        Paragraph("A narrative was missed, and another, which the row does not carry, was tagged in its stead.")
    ]
    if len(ids) <= MAX_PLOTTED:
        support = np.maximum(findings.prepared.y.sum(axis=0), 1)
        top = f["pairs"][0]
        blocks.append(
            Plot(
                "confusion-map",
                heatmap(ids, np.array(f["table"]) / support[:, None], xlabel="tagged in its stead", ylabel="missed"),
                "The stronger the colour, the larger the share of the missed narrative's rows.",
                f"Map of confusions. The commonest: {top['missed']} missed, {top['tagged']} tagged, "
                f"{top['n_sentences']} rows. The table has the commonest ones.",
            )
        )
    blocks.append(
        Table(
            "The commonest",
            ("missed", "tagged", "rows", "of", "share", "95 %", "for example"),
            [
                (
                    c["missed"],
                    c["tagged"],
                    str(c["n_sentences"]),
                    str(c["support"]),
                    f"{c['share']:.1%}",
                    _percents(c["interval"]),
                    _short(c["example"]),
                )
                for c in f["pairs"]
            ],
            frozenset({"missed", "tagged", "for example"}),
        )
    )
    return Section("confusion", "Which narrative is taken for which", blocks)


def _learning(findings: Findings) -> Section:
    f, ids = findings.figures["learning"], findings.prepared.taxonomy.ids
    forecast = f["forecast"]
    blocks: list[Block] = [
        Paragraph(
            "Models on nested parts of the units, judged on the same held-out folds. The forecast draws the error "
            "(1 - average precision) on as a power of the number of labels (Cortes et al. 1993; Figueroa et al. 2012). "
            "It knows no limit that labels cannot pass, so it is rather too high than too low."
        )
    ]
    if f["hindcast_error"] is not None:
        blocks.append(
            Paragraph(
                f"How sure: made from the smaller parts only, the same forecast misses today's average precision by "
                f"{f['hindcast_error']:.3f} (root mean square over narratives). The intervals contain this, the "
                "chance in which units were labelled, and the line through the last two points alone, which bends "
                "where a curve levels off. A forecast whose interval holds 0 promises nothing."
            )
        )
    shares = [point["share"] for point in f["points"]]
    names = [*ids, "macro"]

    def value(point: Mapping[str, Any], name: str) -> float | None:
        found: float | None = point["macro"] if name == "macro" else point["average_precision"][name]
        return found

    if len(shares) < 2:
        blocks.append(Paragraph("There are too few rows to draw a curve: smaller parts of them teach nothing."))
    elif len(ids) <= MAX_PLOTTED:
        lines = {
            name: [np.nan if v is None else v for v in (value(p, name) for p in f["points"])]
            for name in names
            if any(value(p, name) is not None for p in f["points"])
        }
        blocks.append(
            Plot(
                "learning-curve",
                learning_curves(shares, lines, {n: g["twice"] for n, g in forecast.items() if "twice" in g}),
                "Average precision against the labels, as a multiple of today's; dashed: forecast.",
                "Learning curves, one for each narrative and their mean. The table has every point.",
            )
        )
    rows = []
    for name in names:
        g = forecast[name]
        cells = [name]
        cells += ["" if v is None else f"{v:.3f}" for v in (value(p, name) for p in f["points"])]
        if "twice" in g:
            low, high = g["gain_interval"]
            cells += [
                f"{g['twice']:.3f}",
                f"{g['gain']:+.3f}",
                f"{low:+.3f} to {high:+.3f}",
                "" if g["hindcast"] is None else f"{g['hindcast']:.3f}",
                "",
            ]
        else:
            cells += ["", "", "", "", g["reason"]]
        rows.append(cells)
    heads = [f"{p['share']:g} ({p['n_sentences']:,} rows)" for p in f["points"]]
    last = ["twice (forecast)", "gain", "95 %", "today, as forecast", "not forecast because"]
    if not any(row[-1] for row in rows):
        rows, last = [row[:-1] for row in rows], last[:-1]
    blocks.append(
        Table(
            "Average precision by part of the labels, and with twice as many",
            ("narrative", *heads, *last),
            rows,
            frozenset({"narrative", "not forecast because"}),
        )
    )
    return Section("learning", "What more labels would bring", blocks)


def _splits(findings: Findings) -> Section:
    f = findings.figures
    grouped, random = f["grouped"]["all"], f["random_split"]
    rows: list[Sequence[str]] = [
        ("grouped cross-validation", *_group(grouped)[:-1]),
        ("naive random split (flatters)", *_group(random)[:-1]),
    ]
    missing = []
    if "reason" in f["articles"]:
        missing.append(f"Leaving one article out: not computed; {f['articles']['reason']}.")
    else:
        rows.append(("leaving one article out", *_group(f["articles"])[:-1]))
    notes = []
    time, outlets = f["out_of_time"], f["unseen_outlets"]
    if "reason" in time:
        missing.append(f"Out of time: not computed; {time['reason']}.")
    else:
        rows.append((f"later texts (from {time['from']}), trained on earlier ones", *_group(time["held_out"])[:-1]))
        rows.append(("the same rows in grouped cross-validation", *_group(time["grouped"])[:-1]))
        notes.append(
            f"Out of time: trained on {time['n_training']:,} earlier rows; {time['n_undated']:,} rows without a date "
            "took no part."
        )
    if "reason" in outlets:
        missing.append(f"Unseen outlets: not computed; {outlets['reason']}.")
    else:
        rows.append((f"unseen outlets ({outlets['n_outlets']} in all)", *_group(outlets["held_out"])[:-1]))
        rows.append(("the same rows in grouped cross-validation", *_group(outlets["grouped"])[:-1]))
        notes.append(f"Unseen outlets: {outlets['n_without']:,} rows without an outlet took no part.")
    size = {"n_sentences": grouped["n_sentences"], "ece": 0.0}
    rows += [(f"baseline: {name}", *_group({**g, **size})[:-1]) for name, g in f["baselines"].items()]
    low, high = grouped["micro"]["f1_interval"]
    inside = low <= random["micro"]["f1"] <= high
    return Section(
        "splits",
        "The same labels, split otherwise",
        [
            Paragraph(
                f"The random split deals rows one by one, so that near-duplicates lie on both sides: micro F1 "
                f"{random['micro']['f1']:.3f} against {grouped['micro']['f1']:.3f}. "
                + (
                    "That is within the interval of the grouped figure."
                    if inside
                    else "That is outside the interval of the grouped figure: publish the grouped one."
                )
            ),
            Table(
                "Splits and baselines",
                ("how", "n", "micro F1", "95 %", "macro F1", "plain tagged"),
                rows,
                frozenset({"how"}),
            ),
            *map(Paragraph, notes + missing),
        ],
    )


def _prevalence(findings: Findings) -> Section:
    f = findings.figures["prevalence"]
    names = list(f["all"]["narratives"])
    shown = [n for n in names if n != "(none)"]
    blocks: list[Block] = [
        Paragraph(
            "Shares of the labelled rows, which were chosen for labelling: they are not shares of any outlet's texts. "
            f"{f['all']['narratives']['(none)']['share']:.1%} carry no narrative."
        )
    ]
    if len(shown) <= MAX_PLOTTED:
        everything = f["all"]["narratives"]
        most = max(shown, key=lambda n: everything[n]["n"])
        blocks.append(
            Plot(
                "prevalence-bars",
                bars(
                    shown,
                    [everything[n]["share"] for n in shown],
                    [everything[n]["interval"] for n in shown],
                    xlabel="share of all rows",
                ),
                "Share of the rows that carry each narrative.",
                f"Bars of prevalence. The commonest is {most}, {everything[most]['share']:.1%}. The table has all.",
            )
        )
    for kind in ("language", "register"):
        groups = {"all": f["all"], **f[f"by_{kind}"]} if kind == "language" else f[f"by_{kind}"]
        if not groups:
            blocks.append(Paragraph("No row has a register."))
            continue
        blocks.append(
            Table(
                f"By {kind}: rows, share and its interval",
                ("narrative", *(f"{value} ({_count(g['n_sentences'], 'row')})" for value, g in groups.items())),
                [
                    (
                        name,
                        *(
                            f"{c['n']} = {c['share']:.1%} ({_percents(c['interval'])})" if c["n"] else "0"
                            for c in (g["narratives"][name] for g in groups.values())
                        ),
                    )
                    for name in names
                ],
                frozenset({"narrative"}),
            )
        )
    return Section("prevalence", "What the labels hold", blocks)


def _voices(findings: Findings) -> list[Section]:
    heard = findings.figures["grouped"].get("voices_found")
    if not heard or not heard["n_pairs"]:
        return []
    return [
        Section(
            "voices",
            "Voices",
            [
                Paragraph(
                    f"Among narratives found, the likeliest voice is right in {heard['accuracy']:.1%} of "
                    f"{heard['n_pairs']:,} pairs."
                ),
                Table(
                    "Each voice",
                    ("voice", "support", "precision", "recall"),
                    [
                        (voice, str(g["support"]), f"{g['precision']:.2f}", f"{g['recall']:.2f}")
                        for voice, g in heard["voices"].items()
                    ],
                    frozenset({"voice"}),
                ),
            ],
        )
    ]


def _held_out(findings: Findings) -> list[Section]:
    f = findings.figures
    sets = f["test"].get("sets", {})
    if not sets or not f["model"].get("same_corpus"):
        return []
    return [
        Section(
            "held-out",
            "Held-out rows and test sets",
            [
                Paragraph("Measured when the model was trained, at its own thresholds; never trained on."),
                Table(
                    "Held out",
                    ("set", "n", "micro F1", "95 %", "macro F1", "plain tagged", "ECE"),
                    [(name, *_group(g["all"])) for name, g in sets.items()],
                    frozenset({"set"}),
                ),
            ],
        )
    ]


def _making(findings: Findings, command: str) -> Section:
    f = findings.figures
    corpus, model, options = f["corpus"], f["model"], f["options"]
    rows = [
        ("command", command),
        (
            "corpus",
            f"{corpus['digest']}, {corpus['n_sentences']:,} {corpus['unit']}s, {corpus['n_held_out']:,} held out",
        ),
    ]
    if "digest" in model:
        rows.append(("model", f"{model['name']} {model['version']}, {model['digest']}"))
        rows.append(
            (
                "is it made from these labels?",
                "yes, its options were used"
                if model["same_corpus"]
                else f"no: {model['reason']}"
                if "reason" in model
                else "no, from other rows of the same narratives; its options were used",
            )
        )
    else:
        rows.append(("model", model["reason"]))
    rows += [(name, f"{value:g}" if isinstance(value, float) else str(value)) for name, value in options.items()]
    return Section(
        "making",
        "How this was made",
        [
            Table("Made from", ("what", "value"), rows, frozenset({"what", "value"})),
            Paragraph(
                "Intervals come from drawing whole units with replacement (1,000 times; 200 times for the learning "
                "curve), except those of the reliability diagram, which are normal approximations."
            ),
        ],
    )


def _group(g: Mapping[str, Any]) -> tuple[str, ...]:
    plain = g["plain"]
    return (
        f"{g['n_sentences']:,}",
        f"{g['micro']['f1']:.3f}",
        _span(g["micro"]["f1_interval"], 3),
        f"{g['macro']['f1']:.3f}",
        f"{plain['tagged']:.1%} of {plain['n_sentences']:,}" if plain["n_sentences"] else "none there",
        f"{g['ece']:.3f}",
    )


def _span(interval: Sequence[float], digits: int) -> str:
    low, high = interval
    return f"{low:.{digits}f} to {high:.{digits}f}"


def _percents(interval: Sequence[float]) -> str:
    low, high = interval
    return f"{low:.1%} to {high:.1%}"


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}" + ("" if n == 1 else "s")


def _short(text: str, width: int = 200) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= width else plain[: width - 1] + "…"
