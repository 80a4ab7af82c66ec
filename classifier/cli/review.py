"""``narratives labels review``"""

from __future__ import annotations

import getpass
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.text import Text

from classifier.cli.reading_view import harmless
from classifier.errors import FeedbackConflict, InputError, MissingExtra
from classifier.feedback import STATES, VOICES, Feedback, FeedbackStore, StoredFeedback
from classifier.model.scoring import NarrativeModel
from classifier.model.versions import load_model

if TYPE_CHECKING:
    from classifier.review.moving import Outcome

CONTEXT = 300
"""Characters shown on either side of what is judged."""

HELP = "a accept, r reject, v change the voice, + LABEL add a narrative that it carries as well, s skip, q quit"


def review(
    database: Annotated[
        str,
        typer.Option("--database", envvar="NARRATIVES_FEEDBACK_URL", help="sqlite:///FILE or postgresql://..."),
    ] = "sqlite:///narratives-feedback.db",
    labels: Annotated[Path, typer.Option("--labels", help="Directory with taxonomy.yaml and *.csv.")] = Path("labels"),
    models: Annotated[Path | None, typer.Option("--models", help="Model or models directory.")] = None,
    rank_only: Annotated[bool, typer.Option("--rank-only", help="Rank the queue, store it, and stop.")] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Move what is accepted, without walking the queue.")] = False,
    reviewer: Annotated[str | None, typer.Option("--reviewer", help="Your name, kept with the labels.")] = None,
    state: Annotated[str, typer.Option("--state", help=f"Whose turn it is: {', '.join(STATES[:3])}.")] = "pending",
    random_state: Annotated[int, typer.Option("--random-state", min=0, help="Draws the audit's share.")] = 0,
) -> None:
    """Rank the feedback that waits, walk through it, and move what is accepted into the labels.

    At each item type a key (and Enter, where the input is no terminal): a accept, r reject, v change the voice,
    + LABEL the sentence carries that narrative as well, s skip, q quit. What is accepted goes to LABELS/feedback.csv
    at the end.
    """
    try:
        from classifier.review.moving import move_accepted
        from classifier.review.queue import rank_queue
    except ImportError as error:
        raise MissingExtra("Reviewing feedback", "train") from error
    if rank_only and apply:
        raise InputError("--rank-only and --apply: give one of them")
    if state not in STATES[:3]:
        raise InputError(f"--state {state!r} is none of {', '.join(STATES[:3])}", field="state")
    out = Console(soft_wrap=True, highlight=False)
    store = open_store(database)
    try:
        model = load_model(models)
        if not apply:
            ranked = rank_queue(store, model, random_state=random_state)
            out.print(f"{ranked} pending, ranked under {model.identity.version} ({model.identity.digest[:19]})")
        if rank_only:
            return
        if not apply:
            walk = _Walk(out, store, model, reviewer or current_user())
            walk.go(state)
            told = ", ".join(f"{n} {what}" for what, n in walk.counts.items())
            out.print(told or "nothing decided")
        _tell(out, move_accepted(store, labels, model))
    finally:
        store.close()


def open_store(database: str) -> FeedbackStore:
    """The store, but no new SQLite file where a name was mistyped."""
    store = FeedbackStore(database)
    name = database.removeprefix("sqlite:///").partition("?")[0]
    if name != database and not name.startswith("file:") and not Path(name).exists():
        raise InputError(f"{name}: no such database; the service makes it with the first feedback (or --database)")
    return store


def current_user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "reviewer"


def _tell(out: Console, outcomes: list[Outcome]) -> None:
    """What became of the accepted rows."""
    for outcome in outcomes:
        out.print(Text(f"{outcome.kind}: {harmless(outcome.message)}"))
        if outcome.kind == "left":
            out.print(Text(f"    feedback {', '.join(outcome.ids)}", style="dim"))
    counts = Counter(outcome.kind for outcome in outcomes)
    told = ", ".join(f"{counts[kind]} {kind}" for kind in ("added", "updated", "known", "left") if counts[kind])
    out.print(told or "nothing to move into the labels")
    if counts["added"] or counts["updated"]:
        out.print("next: narratives labels check, then narratives train")


class _Walk:
    """One reviewer's way through the queue. Each decision is stored when it is made."""

    def __init__(self, out: Console, store: FeedbackStore, model: NarrativeModel, reviewer: str) -> None:
        self._out = out
        self._store = store
        self._model = model
        self._reviewer = reviewer
        self._keys = _keys()
        self.counts: Counter[str] = Counter()

    def go(self, state: str) -> None:
        cursor: str | None = None
        shown = 0
        while True:
            rows, cursor = self._store.page(state, limit=100, after=cursor)
            for row in rows:
                # Somebody may have decided it on the page meanwhile.
                now = self._store.get(row.id)
                if now is None or now.state != state:
                    continue
                shown += 1
                if not self._one(now, shown):
                    return
            if cursor is None:
                break
        self._out.print("the queue is empty" if not shown else "that was the last one")

    def _one(self, row: StoredFeedback, number: int) -> bool:
        """Show one row and act on keys until it is done with; False to quit."""
        from classifier.review.opinion import form_opinion
        from classifier.review.pieces import judged_span

        span = judged_span(row, self._model.unit)
        begin, end = span or (0, len(row.text))
        opinion = form_opinion(self._model, row.text[begin:end], row.label)
        voice = row.settled_voice
        likeliest = opinion.voice.likeliest if opinion and opinion.voice else None
        out = self._out
        out.rule(Text(f"{number}   {harmless(row.label)}: {row.verdict}"))
        evidence = [e for e in opinion.evidence if e.contribution > 0] if opinion else []
        out.print(_shown(row, begin, end, [(begin + e.begin, begin + e.end) for e in evidence]))
        if span is None:
            told = f"Several {self._model.unit}s, and nothing says which is meant: it can be accepted, but not moved."
            out.print(Text(told, style="yellow"))
        out.print(Text(_said(row, voice), style="bold"))
        if opinion is None:
            out.print(Text(f"The model knows no narrative {harmless(row.label)!r}.", style="yellow"))
        else:
            d = opinion.decision
            told = f"The model: {d.decision}, probability {d.probability:.3f}, threshold {d.threshold:.3f}"
            told += f", {likeliest}" if likeliest else ""
            words = [harmless(e.feature) for e in evidence]
            told += f", words for it: {', '.join(words)}" if words else ""
            out.print(Text(f"{told}; {d.support} training sentences."))
            if opinion.others:
                others = ", ".join(f"{o.id} {o.probability:.2f}" for o in opinion.others)
                out.print(
                    Text(f"It tags as well: {others}. In the labels a sentence carries what was accepted, no more.")
                )
        if row.carries and voice is None and likeliest:
            out.print(Text(f"Nobody named a voice: {likeliest} will stand, unless you change it (v)."))
        out.print(Text(HELP, style="dim"))
        chosen: str | None = None
        for key, rest in self._keys:
            if key == "q":
                return False
            if key == "s":
                self.counts["skipped"] += 1
                return True
            if key in ("a", "r"):
                self._decide(row, "accept" if key == "a" else "reject", chosen)
                return True
            if key == "v":
                chosen = self._next_voice(row, chosen or voice or likeliest, rest) or chosen
            elif key == "+":
                self._add(row, rest)
            else:
                out.print(Text(f"{harmless(key)!r} is no key here; {HELP}"))
        return False

    def _decide(self, row: StoredFeedback, decision: Literal["accept", "reject"], voice: str | None) -> None:
        try:
            self._store.decide(row.id, decision, reviewer=self._reviewer, voice=voice if decision == "accept" else None)
        except FeedbackConflict as error:
            self._out.print(Text(str(error), style="yellow"))
            return
        self.counts[f"{decision}ed"] += 1

    def _next_voice(self, row: StoredFeedback, now: str | None, asked: str) -> str | None:
        """The voice that was asked for by name, or the one after ``now``."""
        if not row.carries:
            self._out.print(Text("An incorrect label has no voice."))
            return None
        if asked and asked not in VOICES:
            self._out.print(Text(f"{harmless(asked)!r} is no voice; {', '.join(VOICES)} are"))
            return None
        voice = asked or VOICES[(VOICES.index(now) + 1) % len(VOICES) if now in VOICES else 0]
        self._out.print(Text(f"voice: {voice}", style="bold"))
        return voice

    def _add(self, row: StoredFeedback, label: str) -> None:
        """Store, as the reviewer's own accepted verdict, that the text carries another narrative too."""
        if not label:
            self._out.print(Text(f"narrative ({', '.join(self._model.ids)}):"))
            label = sys.stdin.readline().strip()
        if label not in self._model.ids or label == row.label:
            self._out.print(
                Text(f"{harmless(label)!r} is no other narrative; allowed are {', '.join(self._model.ids)}")
            )
            return
        more = Feedback(
            text=row.text,
            label=label,
            verdict="missing",
            begin=row.begin,
            end=row.end,
            annotator=self._reviewer,
            client_id=f"{row.id} {label}",
            digest=self._model.identity.digest,
            language=row.language,
        )
        try:
            id, _ = self._store.add(more)
            self._store.decide(id, "accept", reviewer=self._reviewer)
        except FeedbackConflict as error:
            self._out.print(Text(str(error), style="yellow"))
            return
        self.counts["added"] += 1
        self._out.print(Text(f"accepted as well: {label}", style="bold"))


def _said(row: StoredFeedback, voice: str | None) -> str:
    told = {
        "correct": f"Said to be right: it carries {row.label}",
        "incorrect": f"Said to be wrong: it does not carry {row.label}",
        "missing": f"Said to be missed: it carries {row.label}",
    }[row.verdict]
    told += f", {voice}" if voice and row.carries else ""
    told += f" ({row.annotator})" if row.annotator else ""
    told += f"; {row.state} by {row.reviewer or 'somebody'}" if row.state != "pending" else ""
    return harmless(told)


def _shown(row: StoredFeedback, begin: int, end: int, evidence: list[tuple[int, int]]) -> Text:
    """What is judged, with a little around it; the model's words in colour, the user's underlined."""
    first, last = max(0, begin - CONTEXT), min(len(row.text), end + CONTEXT)
    shown = Text(harmless(row.text[first:last]))
    shown.stylize("dim", 0, begin - first)
    shown.stylize("dim", end - first)
    for a, b in evidence:
        shown.stylize("bold cyan", a - first, b - first)
    if row.begin is not None and row.end is not None:
        shown.stylize("underline", max(0, row.begin - first), max(0, row.end - first))
    return Text("... " if first else "").append_text(shown).append(" ..." if last < len(row.text) else "")


def _keys() -> Iterator[tuple[str, str]]:
    """Keys, and what follows them on their line: pressed in a terminal, line by line from elsewhere."""
    if sys.stdin.isatty():
        while True:
            try:
                pressed = typer.getchar().lower()
            except EOFError:
                return
            # Keys struck fast come together; an arrow or the like is one key of several characters.
            for key in [pressed] if pressed.startswith("\x1b") else pressed:
                yield key, ""
    for line in iter(sys.stdin.readline, ""):
        if line.strip():
            yield line.strip()[0].lower(), line.strip()[1:].strip()
