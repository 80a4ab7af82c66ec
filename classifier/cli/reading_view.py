"""A text as a person reads it, with its narratives marked."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from classifier.batch.readers import Record
from classifier.model.answer import Decision
from classifier.model.scoring import NarrativeModel

_COLOURS = ("red", "magenta", "yellow", "cyan", "green", "blue")


def print_reading_view(
    console: Console, model: NarrativeModel, record: Record, *, explain: int | None, detect_language: bool
) -> None:
    """Print the text's own narratives, then the text with tagged sentences coloured by theme and explained below."""
    answer = model.score([record.item], explain=explain, evidence_unit="word", detect_language=detect_language).results[
        0
    ]
    colour = {t.id: _COLOURS[i % len(_COLOURS)] for i, t in enumerate(model.taxonomy.themes)}
    names = {n.id: n.name for n in model.taxonomy.narratives}
    console.rule(Text(f"{record.file}, row {record.row}" if record.row > 1 else record.file))
    facts = f"{answer.coverage:.0%} of the words known"
    if answer.language:
        facts += f", language {answer.language.code} ({answer.language.probability:.0%})"
    console.print(Text(facts, style="dim"))
    if not answer.labels:
        console.print(Text("The text as a whole: no narrative."))
    for label in answer.labels:
        console.print(Text("The text as a whole: ").append_text(_told(label, names, colour)))
    console.print()
    at = 0
    source = record.item.text
    line, told = Text(), list[Text]()
    for sentence in answer.sentences:
        gap = source[at : sentence.begin]
        if "\n" in gap or "\r" in gap:
            _flush(console, line, told)
            line, told = Text("\n" * (len(gap.splitlines()) - 2)), []
        elif line:
            line.append(" ")
        at = sentence.end
        shown = Text(harmless(sentence.text), style=colour[sentence.labels[0].theme] if sentence.labels else "")
        for item in sentence.evidence:
            if item.contribution > 0:
                shown.stylize("bold underline", item.begin - sentence.begin, item.end - sentence.begin)
        line.append_text(shown)
        for label in sentence.labels:
            words = [harmless(e.feature) for e in sentence.evidence if e.label == label.id and e.contribution > 0]
            reasons = f"  because of: {', '.join(words)}" if words else ""
            told.append(Text("    ").append_text(_told(label, names, colour)).append(reasons, style="dim"))
    _flush(console, line, told)


def _flush(console: Console, line: Text, told: list[Text]) -> None:
    """Print one line of the text and what was found in it."""
    console.print(line)
    for explanation in told:
        console.print(explanation)


def harmless(text: str) -> str:
    """Control characters as their pictures (one for one), so that no text can steer the terminal."""
    return "".join(chr(0x2400 + ord(c)) if c < " " else "\u2421" if "\x7f" <= c <= "\x9f" else c for c in text)


def _told(label: Decision, names: dict[str, str], colour: dict[str, str]) -> Text:
    told = Text(names[label.id], style=f"bold {colour[label.theme]}")
    told.append(f" {label.probability:.0%}", style="default")
    if label.decision == "unsure":
        told.append(f" unsure ({label.reason})", style="default")
    if label.voice:
        told.append(f", {label.voice.likeliest}", style="default")
    if not label.trained_enough:
        told.append(", too few training sentences to judge", style="dim")
    return told
