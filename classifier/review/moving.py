"""Moves accepted feedback into ``labels/feedback.csv``, so that no row is lost, doubled, or let into the test set.

The label file is written first, in one step; then the rows are marked ``moved``. A process that is killed in between
leaves rows that are in the file already: their ids stand in its notes, and the next run only marks them.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from classifier.corpus.files import read_labels, write_labels
from classifier.corpus.held_out import read_held_out
from classifier.corpus.sentence import LabelledSentence
from classifier.corpus.splits import near_duplicates
from classifier.errors import MissingExtra
from classifier.feedback import FeedbackStore, StoredFeedback
from classifier.model.scoring import NarrativeModel
from classifier.review.locking import alone
from classifier.review.opinion import likeliest_voice
from classifier.review.pieces import judged_piece
from classifier.taxonomy import Taxonomy, load_taxonomy
from classifier.text.languages import detect_language

FILE = "feedback.csv"

TRAINING_SPLITS = ("", "train")

_ids = re.compile(r"feedback ([0-9a-f-]{36}(?:,[0-9a-f-]{36})*)")

Kind = Literal["added", "updated", "known", "left"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the feedback on one piece of text.

    ``added``: a new row; ``updated``: a row of ours was changed; ``known``: the labels say so already; ``left``: it
    stays accepted and is not moved, and ``message`` says why and what to do.
    """

    kind: Kind
    ids: tuple[str, ...]
    message: str


class _Left(Exception):
    """Why a piece cannot be moved."""


def move_accepted(store: FeedbackStore, labels: str | Path, model: NarrativeModel) -> list[Outcome]:
    """Move what reviewers accepted into the labels.

    Verdicts on one piece of text become one row, which carries every label that was said to be right or missing and no
    other. A voice that nobody named is the model's likeliest.

    Parameters
    ----------
    store : FeedbackStore
    labels : path
        Directory with ``taxonomy.yaml`` and ``*.csv``; ``test/`` in it is held out.
    model : NarrativeModel
        Names voices where nobody did.

    Raises
    ------
    CorpusError, TaxonomyError, FeedbackUnavailable
        Nothing was moved, or (FeedbackUnavailable only) the file was written and the next run marks its rows.
    """
    rows = store.all("accepted")
    if not rows:
        return []
    labels = Path(labels)
    with alone(labels):
        # Read again inside the lock: another run may have moved them.
        rows = store.all("accepted")
        plan = _Plan(labels, model)
        outcomes = plan.carry_out(rows)
        if plan.changed:
            write_labels(labels / FILE, plan.own.values())
    done = {id: outcome for outcome in outcomes if outcome.kind != "left" for id in outcome.ids}
    for id in store.mark_moved(list(done)):
        told = f"was decided otherwise while it was moved; take its row out of {labels / FILE} if it is to go"
        outcomes.append(Outcome("left", (id,), told))
    return outcomes


class _Plan:
    """What the label file will be. ``own`` maps ids to the rows of ``feedback.csv``."""

    def __init__(self, labels: Path, model: NarrativeModel) -> None:
        self._model = model
        self._taxonomy: Taxonomy = load_taxonomy(labels / "taxonomy.yaml")
        self._corpus = read_labels(labels)
        self._held_out = read_held_out(labels)
        self.own = {row.id: row for row in self._corpus if Path(row.source) == labels / FILE}
        self._by_text = {row.text: row.id for row in self.own.values()}
        self.changed = False

    def carry_out(self, rows: Sequence[StoredFeedback]) -> list[Outcome]:
        pieces: dict[str, list[StoredFeedback]] = {}
        outcomes = []
        for row in rows:
            try:
                pieces.setdefault(self._piece(row), []).append(row)
            except _Left as why:
                outcomes.append(Outcome("left", (row.id,), str(why)))
        alike = self._alike(list(pieces))
        for (text, group), near in zip(pieces.items(), alike, strict=True):
            try:
                kind, told = self._place(text, group, near)
            except _Left as why:
                kind, told = "left", str(why)
            outcomes.append(Outcome(kind, tuple(row.id for row in group), told))
        return outcomes

    def _piece(self, row: StoredFeedback) -> str:
        unit = self._taxonomy.unit
        piece = judged_piece(row, unit)
        if piece is None:
            raise _Left(
                f"a {unit} is needed and the text has several, with nothing to say which is meant; "
                "reject it, and give feedback on the one that is meant"
            )
        if row.label not in self._taxonomy.ids:
            told = f"{row.label!r} is not in the codebook; reject it, or add the narrative to taxonomy.yaml"
            raise _Left(told)
        return piece

    def _alike(self, texts: Sequence[str]) -> list[list[LabelledSentence | str]]:
        """For each text what is like it: rows, places of held-out sentences, earlier texts."""
        known: list[LabelledSentence | str] = [*self._corpus, *(place for place, _ in self._held_out)]
        against = [row.text for row in self._corpus] + [text for _, text in self._held_out]
        n = len(known)
        found: list[list[tuple[float, LabelledSentence | str]]] = [[] for _ in texts]
        for i, j, similarity in near_duplicates([*against, *texts]):
            if j >= n:
                found[j - n].append((similarity, known[i] if i < n else _Earlier(texts[i - n])))
        return [[entry for _, entry in sorted(some, key=lambda pair: -pair[0])] for some in found]

    def _place(self, text: str, group: list[StoredFeedback], near: list[LabelledSentence | str]) -> tuple[Kind, str]:
        if text in self._by_text:
            return self._update(self.own[self._by_text[text]], group)
        verdicts = self._verdicts(text, group)
        alike: list[LabelledSentence] = []
        for entry in near:
            if isinstance(entry, _Earlier):
                if entry in self._by_text:
                    alike.append(self.own[self._by_text[entry]])
            elif isinstance(entry, str):
                raise _Left(f"it stands in the held-out test set, or is much like it ({entry}); reject it")
            elif entry.split not in TRAINING_SPLITS:
                raise _Left(f"it is held out as {entry.split!r}, or is much like it ({entry.place}); reject it")
            else:
                alike.append(self.own.get(entry.id, entry))
        for row in alike:
            where = f"{row.place} ({row.id})" if row.source else row.id
            fault = _contradiction(row, verdicts, group)
            if fault:
                same = "the same text" if row.text == text else "a near-duplicate"
                raise _Left(f"{same} stands at {where}, and {fault}; settle which holds there, then reject this")
        if alike:
            where = f"{alike[0].place} ({alike[0].id})" if alike[0].source else alike[0].id
            return "known", f"the labels say so already: {where}"
        row = self._new_row(text, group, {label: voice for label, voice in verdicts.items() if voice is not _NO})
        self.own[row.id] = row
        self._by_text[text] = row.id
        self.changed = True
        return "added", f"{row.id}: {_shown(row)}"

    def _verdicts(self, text: str, group: Sequence[StoredFeedback]) -> dict[str, str | None]:
        """Label to voice, to None where the codebook has no voices, or to :data:`_NO` where it is not carried."""
        said: dict[str, list[StoredFeedback]] = defaultdict(list)
        for row in group:
            said[row.label].append(row)
        verdicts: dict[str, str | None] = {}
        for label, rows in said.items():
            if len({row.carries for row in rows}) > 1:
                told = ", ".join(f"{row.id} {row.verdict}" for row in rows)
                raise _Left(f"accepted verdicts on {label} contradict each other ({told}); reject one of them")
            if not rows[0].carries:
                verdicts[label] = _NO
                continue
            corrected = {row.reviewer_voice for row in rows if row.reviewer_voice}
            voices = corrected or {row.voice for row in rows if row.voice}
            if len(voices) > 1:
                told = ", ".join(f"{row.id} {row.settled_voice}" for row in rows if row.settled_voice)
                raise _Left(f"accepted voices of {label} differ ({told}); reject one of them")
            verdicts[label] = next(iter(voices), None) or self._voice(text, label)
        carried = [label for label, voice in verdicts.items() if voice is not _NO]
        if len(carried) > 1 and not self._taxonomy.multilabel:
            told = f"the codebook allows one narrative, and {' and '.join(carried)} were accepted; reject all but one"
            raise _Left(told)
        return verdicts

    def _voice(self, text: str, label: str) -> str | None:
        voice = likeliest_voice(self._model, text, label) if self._taxonomy.voices else None
        return voice.likeliest if voice else None

    def _new_row(self, text: str, group: Sequence[StoredFeedback], labels: dict[str, str | None]) -> LabelledSentence:
        whole = hashlib.sha256(group[0].text.encode()).hexdigest()[:16]
        return LabelledSentence(
            id=f"feedback-{group[0].id}",
            text=text,
            language=next((row.language for row in group if row.language), None) or _language(text),
            labels=labels,
            origin="feedback",
            # Sentences of one text that was sent stay together; near-duplicates do so anyway.
            group=f"feedback-{whole}",
            annotators=_annotators(group),
            note=self._note([row.id for row in group], group, labels),
        )

    def _note(self, ids: Sequence[str], group: Sequence[StoredFeedback], labels: dict[str, str | None]) -> str:
        parts = [f"feedback {','.join(ids)}"]
        judged = list(dict.fromkeys(filter(None, (_one_line(row.digest) for row in group))))
        if judged:
            parts.append(f"on answers of {', '.join(judged)}")
        told = {row.label for row in group if row.settled_voice}
        guessed = [label for label, voice in labels.items() if voice and label not in told]
        if guessed:
            parts.append(f"voice of {', '.join(guessed)} by {self._model.identity.digest}")
        return "; ".join(parts)

    def _update(self, row: LabelledSentence, group: Sequence[StoredFeedback]) -> tuple[Kind, str]:
        found = _ids.search(row.note)
        before = found[1].split(",") if found else []
        new = [entry for entry in group if entry.id not in before]
        if not new:
            return "known", f"{row.id}: moved before, and only marked now"
        labels = dict(row.labels)
        for label, voice in self._verdicts(row.text, new).items():
            if voice is _NO:
                labels.pop(label, None)
            else:
                labels[label] = voice
        if len(labels) > 1 and not self._taxonomy.multilabel:
            raise _Left(f"the codebook allows one narrative, and {row.id} has one already; settle which holds there")
        rest = _ids.sub("", row.note).strip("; ")
        note = self._note([*before, *(entry.id for entry in new)], new, labels)
        changed = replace(
            row,
            labels=labels,
            annotators=tuple(dict.fromkeys([*row.annotators, *_annotators(new)])),
            note="; ".join(filter(None, [note, rest])),
        )
        self.own[row.id] = changed
        self.changed = True
        return "updated", f"{row.id}: {_shown(row)} -> {_shown(changed)}"


class _Earlier(str):
    """A text of the same run."""


_NO = "(not carried)"


def _contradiction(row: LabelledSentence, verdicts: dict[str, str | None], group: Sequence[StoredFeedback]) -> str:
    """What the verdicts say otherwise than a labelled row, empty where they agree."""
    named = {entry.label for entry in group if entry.settled_voice}
    for label, voice in verdicts.items():
        if voice is _NO:
            if label in row.labels:
                return f"carries {label}"
        elif label not in row.labels:
            return f"does not carry {label}"
        elif label in named and row.labels[label] not in (None, voice):
            return f"has {label} as {row.labels[label]}, not {voice}"
    return ""


def _shown(row: LabelledSentence) -> str:
    return ", ".join(f"{label} {voice}" if voice else label for label, voice in row.labels.items()) or "no narrative"


def _annotators(group: Sequence[StoredFeedback]) -> tuple[str, ...]:
    names = [_one_line(row.annotator) or "user" for row in group]
    names += [_one_line(row.reviewer) or "reviewer" for row in group]
    return tuple(dict.fromkeys(names))


def _one_line(name: str | None) -> str:
    """A name as the label files hold it, without the semicolon that separates names."""
    return " ".join((name or "").replace(";", ",").replace("\0", " ").split())


def _language(text: str) -> str:
    try:
        return detect_language(text)[0]
    except MissingExtra:
        return "ru" if re.search("[\u0400-\u04ff]", text) else "en"
