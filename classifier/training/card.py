"""The model card: what the model is, what it was made from, how good it is, where it misleads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from classifier.taxonomy import Taxonomy


def write_card(
    name: str,
    taxonomy: Taxonomy,
    parameters: Mapping[str, Any],
    calibration: Mapping[str, Any],
    report: Mapping[str, Any],
    origins: str = "",
) -> str:
    """The card as Markdown, with the header that Hugging Face reads. It holds no time, so that it can be hashed.

    ``origins`` is Markdown that says where each kind of sentence comes from.
    """
    scores = report["cross_validation"]
    everything = scores["all"]
    plain = everything["plain"]
    data = report["data"]
    languages = "\n".join(f"- {code}" for code in parameters["languages"])
    lines = [
        "---",
        "license: apache-2.0",
        "language:",
        languages,
        "library_name: narrative-classifier",
        "tags:",
        "- text-classification",
        "- propaganda",
        "- narratives",
        "---",
        "",
        f"# Model card: {name}",
        "",
        f"Tags {len(taxonomy.ids)} narratives in {len(taxonomy.themes)} themes (taxonomy version {taxonomy.version}), "
        "sentence by sentence and for the whole text, and says of each whether the text asserts it, reports it or "
        "rejects it. TF-IDF of word 1-2-grams and character 2-5-grams, one-vs-rest logistic regression, Platt scaling.",
        "",
        "## Data",
        "",
        f"{data['n_sentences']} labelled sentences, {data['n_plain']} of them without a narrative.",
        "",
        "| what | sentences |",
        "|---|---|",
        *[
            f"| {column} {value} | {count} |"
            for column in ("language", "origin")
            for value, count in data[column].items()
        ],
        "",
        origins.strip() or "Where they come from: see the guide beside the labels.",
        "",
        "## Figures",
        "",
        f"From {scores['n_folds']}-fold cross-validation on the training sentences; near-duplicates, articles and "
        "groups never straddle folds, and calibration and thresholds of a fold come from the other folds. Intervals "
        "are 95 %, from drawing whole units 1,000 times. Command: `narratives train`; more: `narratives evaluate`.",
        "",
        "These are figures on sentences like those it was trained on. Expect less on other text.",
        "",
        "| | F1 | 95 % | average precision |",
        "|---|---|---|---|",
        _row("micro", everything["micro"]),
        _row("macro", everything["macro"]),
        "",
        f"Of {plain['n_sentences']} sentences without a narrative, {plain['tagged']:.1%} were tagged "
        f"({plain['tagged_interval'][0]:.1%} to {plain['tagged_interval'][1]:.1%}). "
        f"Expected calibration error (10 bins): {everything['ece']:.3f}.",
        "",
        "| narrative | support | precision | recall | F1 | 95 % | average precision | threshold |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for narrative, figures in everything["narratives"].items():
        rule = calibration["narratives"][narrative]
        few = "" if rule["trained_enough"] else " (too few to judge)"
        lines.append(
            f"| {narrative}{few} | {figures['support']} | {figures['precision']:.2f} | {figures['recall']:.2f} "
            f"| {figures['f1']:.2f} | {figures['f1_interval'][0]:.2f} to {figures['f1_interval'][1]:.2f} "
            f"| {figures['average_precision']:.2f} | {rule['threshold']:.2f} |"
        )
    lines += ["", "| language | sentences | micro F1 | macro F1 | plain tagged | ECE |", "|---|---|---|---|---|---|"]
    for code, figures in scores["by_language"].items():
        lines.append(
            f"| {code} | {figures['n_sentences']} | {figures['micro']['f1']:.2f} | {figures['macro']['f1']:.2f} "
            f"| {figures['plain']['tagged']:.1%} | {figures['ece']:.3f} |"
        )
    lines += [
        "",
        "![Reliability](reliability.svg) ![Precision and recall](precision-recall.svg)",
        "",
        *_confusions(scores.get("confusions", [])),
    ]
    if "voices_found" in scores:
        heard = scores["voices_found"]
        lines += [
            "",
            f"Voice, among narratives found: accuracy {heard['accuracy']:.2f} over {heard['n_pairs']} pairs.",
            "",
            "| voice | support | precision | recall |",
            "|---|---|---|---|",
            *[
                f"| {voice} | {f['support']} | {f['precision']:.2f} | {f['recall']:.2f} |"
                for voice, f in heard["voices"].items()
            ],
        ]
    lines += _test_sets(report.get("test", {}))
    lines += [
        "",
        "## Whole texts",
        "",
        f"Length penalty {parameters['length_penalty']:g} (see `docs/explanation.md`)."
        + _documents(report.get("documents", {})),
        "",
        "## Familiarity",
        "",
        f"Where fewer than {parameters['coverage_bound']:.0%} of the words are known, nothing is decided above "
        '"unsure".' + _coverage(report.get("coverage", {})),
        "",
        "## Where it misleads",
        "",
        "- It reads one sentence at a time: a claim spread over two sentences, irony, and what only context reveals, "
        "escape it.",
        "- It knows the narratives as they were worded when its sentences were written; new wording lowers its recall.",
        "- Voice is harder than narrative; a debunking sentence that repeats a claim at length may read as reported.",
        "- Names of countries and people occur in its features. A subject is no narrative: read the evidence.",
        "",
        "## Not for",
        "",
        "Judging persons, moderating without a human reader, or proof of coordination or intent. A tag says that a "
        "sentence carries the wording of a narrative, not that it is false, and not that its author is a propagandist.",
        "",
    ]
    return "\n".join(lines)


def _confusions(found: Sequence[Mapping[str, Any]]) -> list[str]:
    if not found:
        return []
    return [
        "Worst confusions: the narrative was missed and another tagged in its stead.",
        "",
        "| missed | tagged | sentences | for example |",
        "|---|---|---|---|",
        *[f"| {c['missed']} | {c['tagged']} | {c['n_sentences']} | {table_cell(c['example'])} |" for c in found],
    ]


def table_cell(text: str, width: int = 200) -> str:
    """A text as a cell of a Markdown table."""
    plain = " ".join(text.split())
    plain = plain if len(plain) <= width else plain[: width - 1] + "…"
    for mark in "\\`*_[]<>|":
        plain = plain.replace(mark, "\\" + mark)
    return plain


def _test_sets(test: Mapping[str, Any]) -> list[str]:
    if not test:
        return []
    lines = [
        "",
        "## Test sets",
        "",
        "Kept apart: never trained on, nothing chosen on them; at the thresholds that the model ships with. Command: "
        "`make bench-accuracy`.",
        "",
        "| set | sentences | micro F1 | 95 % | macro F1 | plain tagged | ECE | voice accuracy | recall of rejected |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, report in test.get("sets", {}).items():
        f, heard = report["all"], report.get("voices_found")
        low, high = f["micro"]["f1_interval"]
        rejected = heard["voices"]["rejected"] if heard else None
        lines.append(
            f"| {name} | {f['n_sentences']} | {f['micro']['f1']:.3f} | {low:.3f} to {high:.3f} "
            f"| {f['macro']['f1']:.3f} | {f['plain']['tagged']:.1%} of {f['plain']['n_sentences']} | {f['ece']:.3f} "
            + (f"| {heard['accuracy']:.2f} of {heard['n_pairs']} " if heard else "| ")
            + (f"| {rejected['recall']:.2f} of {rejected['support']} |" if rejected else "| |")
        )
    for language, f in test.get("neutral", {}).items():
        lines += [
            "",
            f"Neutral articles ({language}): {f['articles_tagged']} of {f['n_articles']} tagged at text level, "
            f"{f['sentences_tagged']} of {f['n_sentences']} sentences.",
        ]
    return lines


def _row(name: str, figures: Mapping[str, Any]) -> str:
    low, high = figures["f1_interval"]
    return f"| {name} | {figures['f1']:.3f} | {low:.3f} to {high:.3f} | {figures['average_precision']:.3f} |"


def _documents(figures: Mapping[str, float]) -> str:
    if not figures:
        return ""
    return (
        f" On texts put together from out-of-fold sentences, {figures['neutral_tagged']:.1%} of the neutral ones (15 "
        f"to 40 sentences) were tagged, and {figures['planted_found']:.1%} of narratives planted with three sentences "
        "were found."
    )


def _coverage(figures: Mapping[str, float]) -> str:
    if not figures:
        return ""
    return (
        f" At that bound {figures['familiar_refused']:.1%} of held-out sentences in its languages are refused and "
        f"{figures['foreign_accepted']:.1%} of sentences in other languages, code and gibberish accepted (on the texts "
        "that the bound was chosen on)."
    )
