"""Labelled rows that are worth a second look, and why.

Four kinds of evidence, each with a strength from 0 to 1:

- ``confident``: the model of the other folds decides otherwise and gives the label as it stands less than
  :data:`BELIEF`;
- ``quality``: an off-diagonal entry of confident learning's joint (:mod:`classifier.training.label_quality`);
- ``copy``: a near-duplicate with other narratives, or the same text in other voices;
- ``annotators``: rows by several annotators of one text that differ, or a note of the import that they did.

The first two are one witness, the model. A row's score joins the witnesses: ``1 - (1 - a)(1 - b)(1 - c)``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from classifier.corpus.checks import require_valid
from classifier.corpus.files import format_narratives
from classifier.corpus.sentence import LabelledSentence
from classifier.corpus.splits import near_duplicates, shingles
from classifier.errors import InputError
from classifier.taxonomy import Taxonomy
from classifier.training.crossval import Judged, Options, Progress, cross_validate, judge
from classifier.training.evaluation import prepare
from classifier.training.fold_cache import FoldCache
from classifier.training.label_quality import confident_issues, row_quality, self_confidence
from classifier.training.train import TRAINING_SPLITS

BELIEF = 0.1
"""A label as it stands is doubted with confidence where its probability is below this."""

Kind = Literal["confident", "quality", "copy", "annotators"]

_WITNESS: dict[Kind, str] = {"confident": "model", "quality": "model", "copy": "copy", "annotators": "annotators"}

_differ = re.compile(r"annotators differ: ([^;]+)")
_count = re.compile(r"(.+) (\d+) of (\d+)")


@dataclass(frozen=True, slots=True)
class Doubt:
    """One thing doubted of row ``row``: the narrative (an id, or a name of another tool), why, and how strongly."""

    row: int
    narrative: str
    kind: Kind
    why: str
    strength: float


@dataclass(frozen=True, slots=True)
class DoubtedRow:
    """A row, what is doubted of it, strongest first, its score (0 to 1), and the narratives that the model would give.

    ``model`` is None for rows that are held out.
    """

    row: LabelledSentence
    doubts: tuple[Doubt, ...]
    score: float
    model: tuple[str, ...] | None

    @property
    def narratives(self) -> tuple[str, ...]:
        """What is doubted, each once."""
        return tuple(dict.fromkeys(doubt.narrative for doubt in self.doubts))


@dataclass(frozen=True)
class Doubted:
    """All doubted rows, most doubtful first; rows in all; and how many were kept in an earlier look."""

    rows: tuple[DoubtedRow, ...]
    n_rows: int
    n_kept: int


def find_doubts(
    rows: Sequence[LabelledSentence],
    taxonomy: Taxonomy,
    options: Options | None = None,
    *,
    label: str = "",
    cache: FoldCache | None = None,
    progress: Progress | None = None,
) -> Doubted:
    """Cross-validate as training does, and list what is doubtful; each row once.

    Parameters
    ----------
    rows : sequence of LabelledSentence
        Rows held out by their split are compared with the others, but no model judges them.
    label : str
        Only doubts about this narrative.
    cache : FoldCache, optional
        Where units, counts and vectors are looked up and kept.

    Raises
    ------
    CorpusError, TrainingError
        The rows cannot be trained on.
    InputError
        ``label`` is no narrative.
    """
    if label and label not in taxonomy.ids:
        raise InputError(f"{label!r} is not in the codebook; allowed are {', '.join(taxonomy.ids)}", field="label")
    require_valid(rows, taxonomy)
    options = options or Options()
    trained = [i for i, row in enumerate(rows) if row.split in TRAINING_SPLITS]
    prepared = prepare([rows[i] for i in trained], taxonomy, options, progress, cache)
    scores = cross_validate(
        prepared.counts, prepared.y, prepared.pairs, prepared.folds, options.C_grid, options, progress
    )
    judged = judge(scores, prepared.y, options, multilabel=taxonomy.multilabel)
    doubts = [
        Doubt(trained[d.row], d.narrative, d.kind, d.why, d.strength)
        for d in model_doubts(judged, prepared.y, taxonomy.ids)
    ]
    doubts += copy_doubts(rows)
    doubts += annotator_doubts(rows, taxonomy)
    said = {i: tuple(np.array(taxonomy.ids)[yes].tolist()) for i, yes in zip(trained, judged.y_pred, strict=True)}
    of_row = dict(
        zip(trained, (1.0 - row_quality(self_confidence(judged.probabilities, prepared.y))).tolist(), strict=True)
    )
    by_row: dict[int, list[Doubt]] = defaultdict(list)
    for doubt in doubts:
        if not label or doubt.narrative == label:
            by_row[doubt.row].append(doubt)
    found, n_kept = [], 0
    for i, members in by_row.items():
        if is_kept(rows[i]):
            n_kept += 1
            continue
        witnesses: dict[str, float] = {}
        for doubt in members:
            witness = _WITNESS[doubt.kind]
            witnesses[witness] = max(witnesses.get(witness, 0.0), doubt.strength)
        # What the model thinks of the whole row counts, unless one narrative is asked for.
        if "model" in witnesses and not label:
            witnesses["model"] = of_row[i]
        score = 1.0 - float(np.prod([1.0 - strength for strength in witnesses.values()]))
        members.sort(key=lambda doubt: -doubt.strength)
        found.append((-score, i, DoubtedRow(rows[i], tuple(members), score, said.get(i))))
    return Doubted(tuple(entry for _, _, entry in sorted(found, key=lambda f: f[:2])), len(rows), n_kept)


def model_doubts(judged: Judged, y: npt.NDArray[np.bool_], ids: Sequence[str]) -> list[Doubt]:
    """What out-of-fold probabilities say against the labels, shape (n_samples, n_narratives) each."""
    belief = self_confidence(judged.probabilities, y)
    confident = (judged.y_pred != y) & (belief < BELIEF)
    issues = confident_issues(judged.probabilities, y)
    found = []
    for i, k in np.argwhere(confident | issues).tolist():
        p = judged.probabilities[i, k]
        told = f"the model gives {ids[k]} {p:.3f}, labelled {'with' if y[i, k] else 'without'} it"
        kind: Kind = "confident" if confident[i, k] else "quality"
        why = f"confident disagreement: {told}" if kind == "confident" else f"label quality {belief[i, k]:.3f}: {told}"
        found.append(Doubt(i, ids[k], kind, why, float(1.0 - belief[i, k])))
    return found


def copy_doubts(rows: Sequence[LabelledSentence]) -> list[Doubt]:
    """Near-duplicates that carry other narratives, and equal texts with other voices; both rows are doubted."""
    found = []
    for i, j, similarity in near_duplicates([row.text for row in rows]):
        if similarity == 1.0 and _annotated_apart(rows[i], rows[j]):
            continue
        for narrative in sorted(_differing(rows[i], rows[j], voices=similarity == 1.0)):
            for a, b in ((i, j), (j, i)):
                here, there = _carried(rows[a], narrative), _carried(rows[b], narrative)
                told = f"{similarity:.2f} like {rows[b].id} ({rows[b].place}), which has {there}, and this {here}"
                found.append(Doubt(a, narrative, "copy", told, similarity))
    return found


def annotator_doubts(rows: Sequence[LabelledSentence], taxonomy: Taxonomy) -> list[Doubt]:
    """Where annotators of one text differ: rows of their own, or what ``labels import`` noted.

    The strength is the share of the other annotators' rows that say otherwise; of a note, twice the minority's share.
    """
    found = []
    same: dict[frozenset[str], list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        if row.annotators:
            same[shingles(row.text)].append(i)
    for members in same.values():
        for i in members:
            others = [j for j in members if _annotated_apart(rows[i], rows[j])]
            against: dict[str, list[int]] = defaultdict(list)
            for j in others:
                for narrative in _differing(rows[i], rows[j], voices=True):
                    against[narrative].append(j)
            for narrative, differing in sorted(against.items()):
                who = ", ".join(f"{'+'.join(rows[j].annotators)} has {_carried(rows[j], narrative)}" for j in differing)
                told = f"annotators differ: {'+'.join(rows[i].annotators)} has {_carried(rows[i], narrative)}, {who}"
                found.append(Doubt(i, narrative, "annotators", told, len(differing) / len(others)))
    known = {n.name.casefold(): n.id for n in taxonomy.narratives} | {n.casefold(): n for n in taxonomy.ids}
    for i, row in enumerate(rows):
        noted = _differ.search(row.note)
        for part in noted[1].split(", ") if noted else ():
            counted = _count.fullmatch(part)
            if counted and 0 < int(counted[2]) < int(counted[3]):
                name, n, of = counted[1], int(counted[2]), int(counted[3])
                told = f"annotators differ: {n} of {of} gave {name}"
                narrative = known.get(name.casefold(), name)
                found.append(Doubt(i, narrative, "annotators", told, 2 * min(n, of - n) / of))
    return found


def kept_note(row: LabelledSentence) -> str:
    """What a row's note says once somebody has looked again and kept its labels as they are."""
    return f"kept: {format_narratives(row.labels) or 'none'}"


def is_kept(row: LabelledSentence) -> bool:
    """Whether somebody has kept the labels that the row has now."""
    return kept_note(row) in row.note.split("; ")


def _annotated_apart(a: LabelledSentence, b: LabelledSentence) -> bool:
    return bool(a.annotators and b.annotators and a.annotators != b.annotators)


def _differing(a: LabelledSentence, b: LabelledSentence, *, voices: bool) -> set[str]:
    differing = set(a.labels) ^ set(b.labels)
    if voices:
        both = set(a.labels) & set(b.labels)
        differing |= {n for n in both if a.labels[n] and b.labels[n] and a.labels[n] != b.labels[n]}
    return differing


def _carried(row: LabelledSentence, narrative: str) -> str:
    if narrative not in row.labels:
        return f"no {narrative}"
    voice = row.labels[narrative]
    return f"{narrative}:{voice}" if voice else narrative
