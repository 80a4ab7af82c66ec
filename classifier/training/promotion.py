"""Whether a new model may take the current one's place, and what changed against it.

Figures of two reports are measured on different corpora, so they are not compared. What is compared (by
:mod:`classifier.training.paired`) are answers of both models on the same rows, judged by the *new* labels, none of
which the answering model has seen:

==============  ====================================  =========================================================
row             the new model's answer                the current model's answer
==============  ====================================  =========================================================
in both         out of fold                           out of fold, kept from its own training
corpora
new             out of fold                           by the model itself, where nothing in the row's unit, and
                                                      no row of its id, was trained on
==============  ====================================  =========================================================

How units are dealt to folds moves figures more than a small change of the labels does, and the bootstrap cannot see it:
between trainings on equal rows, dealt otherwise, macro average precision differed by 1.7 standard errors. So the
new corpus is cross-validated once more, in the folds of the current model: its rows stay where they were, and units
that are new are dealt among them (:func:`same_folds`).

Units of both corpora are joined where they share a row. A joined unit that was dealt to several folds, then or now, is
left out: one of the models would have seen near-copies of what it is judged on. The current model answers new rows
with all of its data, the new one with that of the other folds: where this matters, it favours the current one. So
does a row that was reworded under another id, of which the current model may have seen the old wording.

Labels that were spoiled (a column shifted, rows shuffled) would judge both models as badly. So where rows were
relabelled there is a second comparison: on the rows of both corpora, each model by the labels that it learnt from. A
loss there says that the labels have become harder to learn. That may be meant, but then a person has to say so. Each of
the two comparisons has half of :data:`~classifier.training.paired.ALPHA`.

Where nothing was kept of the current model (one trained elsewhere, or by an earlier release), or too few such rows
are there, rows held out by ``split`` and ``labels/test`` are taken in their stead, as far as the current model is not
known to have been trained on them. Choosing by a test set flatters what is measured on it afterwards, a little.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse

from classifier.corpus.files import read_labels
from classifier.corpus.sentence import LabelledSentence
from classifier.corpus.splits import stratified_folds
from classifier.errors import ModelError
from classifier.model.comparing import TaxonomyChanges, taxonomy_changes
from classifier.model.decisions import decide_all
from classifier.model.scoring import NarrativeModel
from classifier.model.versions import CURRENT, load_model, promote
from classifier.training.crossval import Judged, Options, Progress, cross_validate, judge, label_matrix
from classifier.training.evaluation import Prepared
from classifier.training.kept_scores import KeptScores, collect_scores, hash_key, read_scores, to_logits
from classifier.training.paired import ALPHA, MACRO, Comparison, Paired, compare_paired

When = Literal["always", "better", "never"]

STAGE = "comparing with the current model"
"""What progress is told."""

NOT_PROMOTED = 3
"""Exit code of ``narratives train --promote better`` where the new version was written and not promoted."""


@dataclass(frozen=True)
class Changes:
    """What changed against the current model.

    ``support`` holds (narrative, old, new) where it changed, None on the side that lacks the narrative. ``reports``
    are the reports' figures over all rows of a corpus each (``cross_validation.all``), empty where there are none.
    ``comparison`` is on the same rows; ``on`` says which, and ``left_out`` counts rows that could not be used. Without
    a comparison ``reason`` says why. ``n_relabelled`` counts rows of both corpora with other labels, and ``own`` judges
    each model by its own, where there are any.
    """

    version: str
    digest: str
    same_model: bool
    same_corpus: bool
    n_sentences: tuple[int, int]
    taxonomy: TaxonomyChanges
    support: tuple[tuple[str, int | None, int | None], ...]
    reports: tuple[Mapping[str, Any], Mapping[str, Any]]
    comparison: Comparison | None = None
    own: Comparison | None = None
    n_relabelled: int = 0
    on: str = ""
    left_out: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Outcome:
    """Whether the new version was promoted, and why (not); ``changes`` is None where no current model could be read."""

    promoted: bool
    reasons: tuple[str, ...]
    changes: Changes | None


def settle(
    models: Path,
    labels: Path,
    new: NarrativeModel,
    prepared: Prepared,
    C: float,
    options: Options,
    held_out: Mapping[str, Sequence[LabelledSentence]],
    when: When,
    progress: Progress | None = None,
) -> Outcome:
    """Tell what changed against the version that ``CURRENT`` names, and promote the version ``new`` or not.

    Both are compared on the same rows for ``"better"`` only, since that takes another cross-validation.

    ``"better"`` promotes where nothing answers yet (there is no ``CURRENT``), and where nothing is found lost. It does
    not where the current version cannot be read: nothing can be said against it, and a service may have it loaded.

    Raises
    ------
    ModelError
        The new version does not pass its golden texts, or is not signed as asked; ``CURRENT`` stays as it was.
    """
    changes, problem = None, ""
    first = not (models / CURRENT).exists()
    if not first:
        try:
            current = load_model(models)
        except ModelError as error:
            problem = f"the current version cannot be read, so nothing can be compared with it: {error}"
        else:
            changes = find_changes(current, new)
            if when == "better" and not changes.same_model:
                found = _compare(models, labels, current, new, prepared, C, options, held_out, progress)
                changes = replace(changes, **found)
    reasons: tuple[str, ...] = ()
    if when == "better" and not first:
        reasons = (problem,) if changes is None else verdict(changes)
    if when == "never" or reasons:
        return Outcome(False, reasons, changes)
    promote(models, new.identity.version)
    return Outcome(True, ("nothing answered before",) if first else (), changes)


def verdict(changes: Changes) -> tuple[str, ...]:
    """Why the new model may not take the current one's place; empty where it may."""
    if changes.same_model:
        return ()
    reasons = []
    if changes.taxonomy.removed:
        gone = ", ".join(changes.taxonomy.removed)
        reasons.append(f"narratives that the current model knows are gone: {gone}")
    found = changes.comparison
    if found is None:
        return (*reasons, changes.reason)
    reasons += [f"{told} is worse beyond noise" for told in _losses(found)]
    if changes.own is not None and changes.own.losses:
        reasons.append(
            f"{changes.n_relabelled} rows were relabelled, and the new labels are harder to learn, each model by its "
            f"own labels: {_losses(changes.own)[0]}"
            + (f"; also {', '.join(list(changes.own.losses)[1:])}" if len(changes.own.losses) > 1 else "")
        )
    return tuple(reasons)


def _losses(found: Comparison) -> list[str]:
    return [
        f"{name if name == MACRO else f'average precision of {name}'} {lost.old:.3f} -> {lost.new:.3f} "
        f"({lost.new - lost.old:+.3f}, {lost.low:+.3f} to {lost.high:+.3f}, {lost.support} labels in "
        f"{lost.n_units} units)"
        for name, lost in found.losses.items()
    ]


def find_changes(current: NarrativeModel, new: NarrativeModel) -> Changes:
    """What changed, without a comparison on the same rows."""
    old_data, new_data = (model.manifest["training_data"] for model in (current, new))
    ids = dict.fromkeys([*current.ids, *new.ids])
    before, after = ({n: rule.support for n, rule in model.rules.items()} for model in (current, new))
    support = [(narrative, before.get(narrative), after.get(narrative)) for narrative in ids]
    old_report, new_report = (m.report.get("cross_validation", {}).get("all", {}) for m in (current, new))
    return Changes(
        version=current.identity.version,
        digest=current.identity.digest,
        same_model=current.identity.digest == new.identity.digest,
        same_corpus=old_data["digest"] == new_data["digest"],
        n_sentences=(old_data["n_sentences"], new_data["n_sentences"]),
        taxonomy=taxonomy_changes(current.taxonomy, new.taxonomy),
        support=tuple((narrative, a, b) for narrative, a, b in support if a != b),
        reports=(old_report, new_report),
    )


def _compare(
    models: Path,
    labels: Path,
    current: NarrativeModel,
    new: NarrativeModel,
    prepared: Prepared,
    C: float,
    options: Options,
    held_out: Mapping[str, Sequence[LabelledSentence]],
    progress: Progress | None,
) -> dict[str, Any]:
    """The fields of :class:`Changes` that say how both do on the same rows, or why that cannot be said."""
    if (current.unit, current.multilabel) != (new.unit, new.multilabel):
        return {"reason": "the unit, or how many narratives one may carry, changed: nothing is comparable"}
    if not set(current.ids) & set(new.ids):
        return {"reason": "the two models have no narrative in common"}
    version, why = current.identity.version, []
    kept = read_scores(models, current.identity.digest)
    if kept is not None and kept.narratives != current.ids:
        kept = None
    folds = None if kept is None else same_folds(kept, prepared, random_state=options.random_state)
    if kept is None:
        why.append(
            f"no out-of-fold scores were kept of {version}, so the rows that it was trained on cannot be told from "
            "others"
        )
    elif folds is None:
        why.append(f"too few rows are left of those that {version} was trained on")
    else:
        scores = cross_validate(
            prepared.counts,
            prepared.y,
            prepared.pairs,
            folds,
            [C],
            options,
            progress and (lambda _, share: progress(STAGE, share)),
        )
        judged = judge(scores, prepared.y, options, multilabel=prepared.taxonomy.multilabel)
        paired, common = pair_rows(kept, current, prepared, judged, folds)
        left_out = len(prepared.rows) - len(paired.y)
        relabelled = (paired.y != paired.old_y).any(axis=1)
        alpha = ALPHA / 2 if relabelled.any() else ALPHA
        found = None
        if len(paired.y):
            found = compare_paired(replace(paired, old_y=paired.y), alpha=alpha, random_state=options.random_state)
        if found is not None and found.enough:
            return {
                "comparison": found,
                "own": compare_paired(_take(paired, common), alpha=alpha, random_state=options.random_state)
                if relabelled.any()
                else None,
                "n_relabelled": int(relabelled.sum()),
                "on": "out of fold in the same folds, judged by the new labels",
                "left_out": left_out,
            }
        why.append(f"too few rows can be compared out of fold ({len(paired.y)}; {left_out} left out)")
    rows = _held_out_rows(labels, held_out, kept)
    if not rows:
        why.append("there are no held-out rows either (a column split, or labels/test)")
        return {"reason": "; ".join(why)}
    found = compare_paired(pair_models(current, new, rows), random_state=options.random_state)
    if not found.enough:
        return {"reason": "; ".join([*why, f"the {len(rows)} held-out rows are too few"])}
    names = sorted({row.split or Path(row.source).stem for row in rows})
    on = f"held out ({', '.join(names)}), taken on trust that {version} was not trained on them"
    return {"comparison": found, "on": on, "reason": why[0]}


def same_folds(kept: KeptScores, prepared: Prepared, *, random_state: int = 0) -> npt.NDArray[np.int64] | None:
    """Folds of the new rows: units stay where most of their rows were dealt to then, and new units are dealt anew.

    Returns
    -------
    folds : ndarray of int64, shape (n_samples,), or None
        Numbered from 0, without a gap; None where fewer than two would hold anything.
    """
    at = _places(kept, prepared)
    n_units, n_folds = int(prepared.units.max()) + 1, kept.n_folds
    votes = np.zeros((n_units, n_folds), dtype=np.int64)
    seen = at >= 0
    np.add.at(votes, (prepared.units[seen], kept.folds[at[seen]]), 1)
    fold_of = votes.argmax(axis=1)
    fresh = votes.sum(axis=1) == 0
    rows = np.flatnonzero(fresh[prepared.units])
    _, units = np.unique(prepared.units[rows], return_inverse=True)
    if fresh.sum() >= n_folds > 1:
        dealt = stratified_folds(prepared.y[rows], units, n_folds, random_state=random_state)
        fold_of[prepared.units[rows]] = dealt
    else:
        fold_of[fresh] = np.arange(fresh.sum()) % n_folds
    used, folds = np.unique(fold_of[prepared.units], return_inverse=True)
    return folds.astype(np.int64) if len(used) > 1 else None


def keep(prepared: Prepared, judged: Judged) -> KeptScores:
    """What is kept of a training, for the next one's comparison."""
    return collect_scores(prepared.rows, prepared.taxonomy.ids, prepared.y, prepared.folds, prepared.units, judged)


def pair_rows(
    kept: KeptScores,
    current: NarrativeModel,
    prepared: Prepared,
    judged: Judged,
    folds: npt.NDArray[np.int64],
) -> tuple[Paired, npt.NDArray[np.bool_]]:
    """The rows on which both can be judged fairly (the table of this module), and which of them are in both corpora.

    ``judged`` is what ``folds`` gave for the new corpus.
    ``old_y`` holds the labels that the current model learnt from; of new rows, the new ones.
    """
    known_ids = set(kept.ids)
    at = _places(kept, prepared)
    seen = at >= 0
    # A row of an id that was trained on, in other words: the current model has seen nearly the same.
    reworded = ~seen & np.array([hash_key(row.id) in known_ids for row in prepared.rows])
    joined = _join(prepared.units, np.where(seen, kept.units[at], -1))
    n_joined = int(joined.max()) + 1
    fair = _one_fold(joined, folds, n_joined)
    fair &= _one_fold(joined[seen], kept.folds[at[seen]], n_joined)
    met = np.zeros(n_joined, dtype=np.bool_)
    met[joined[seen | reworded]] = True
    usable = fair[joined] & (seen | ~met[joined])
    members = np.flatnonzero(usable)
    ids, old_columns, new_columns = _common(kept.narratives, prepared.taxonomy.ids)
    old_logits = kept.logits[at[members]].astype(np.float64)
    old_yes = kept.yes[at[members]]
    old_y = kept.y[at[members]]
    fresh = ~seen[members]
    if fresh.any():
        old_logits[fresh], old_yes[fresh] = _answer(current, [prepared.rows[i].text for i in members[fresh]])
    y = prepared.y[members][:, new_columns]
    paired = Paired(
        ids,
        y,
        np.where(fresh[:, None], y, old_y[:, old_columns]),
        old_yes[:, old_columns],
        judged.y_pred[members][:, new_columns],
        old_logits[:, old_columns],
        to_logits(judged.probabilities[members][:, new_columns]).astype(np.float64),
        np.asarray(~prepared.y[members].any(axis=1)),
        joined[members],
    )
    return paired, ~fresh


def _take(paired: Paired, rows: npt.NDArray[np.bool_]) -> Paired:
    return Paired(paired.ids, *(getattr(paired, field.name)[rows] for field in fields(Paired)[1:]))


def pair_models(current: NarrativeModel, new: NarrativeModel, rows: Sequence[LabelledSentence]) -> Paired:
    """Both models' own answers on rows that neither was trained on; units are articles and groups."""
    ids, old_columns, new_columns = _common(current.ids, new.ids)
    y = label_matrix(rows, new.taxonomy)
    texts = [row.text for row in rows]
    old_logits, old_yes = _answer(current, texts)
    new_logits, new_yes = _answer(new, texts)
    groups: dict[str, int] = {}
    units = [groups.setdefault(row.file or row.group or row.id, len(groups)) for row in rows]
    return Paired(
        ids,
        y[:, new_columns],
        y[:, new_columns],
        old_yes[:, old_columns],
        new_yes[:, new_columns],
        old_logits[:, old_columns],
        new_logits[:, new_columns],
        np.asarray(~y.any(axis=1)),
        np.array(units, dtype=np.int64),
    )


def _answer(model: NarrativeModel, texts: Sequence[str]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Logits and decisions, each text taken as one unit."""
    probabilities = model.predict_proba(texts)
    threshold = np.array([model.rules[narrative].threshold for narrative in model.ids])
    yes = decide_all(probabilities, threshold, multilabel=model.multilabel)
    return to_logits(probabilities).astype(np.float64), yes


def _held_out_rows(
    labels: Path, held_out: Mapping[str, Sequence[LabelledSentence]], kept: KeptScores | None
) -> list[LabelledSentence]:
    """Rows held out now, without those that the current model is known to have been trained on."""
    rows = [row for _, members in sorted(held_out.items()) for row in members]
    rows += [row for path in sorted((labels / "test").glob("*.csv")) for row in read_labels(path)]
    trained_on = set(kept.texts) if kept is not None else set()
    return [row for row in rows if hash_key(row.text) not in trained_on]


def _common(
    old: Sequence[str], new: Sequence[str]
) -> tuple[tuple[str, ...], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Narratives that both know, in the new order, and their columns in each."""
    column = {narrative: k for k, narrative in enumerate(old)}
    pairs = [(narrative, column[narrative], k) for k, narrative in enumerate(new) if narrative in column]
    columns = np.array([(a, b) for _, a, b in pairs], dtype=np.int64).reshape(-1, 2)
    return tuple(narrative for narrative, _, _ in pairs), columns[:, 0], columns[:, 1]


def _places(kept: KeptScores, prepared: Prepared) -> npt.NDArray[np.int64]:
    """Where each row's text stands among the kept ones, -1 where it does not: shape (n_samples,)."""
    place = {key: i for i, key in enumerate(kept.texts)}
    return np.array([place.get(hash_key(row.text), -1) for row in prepared.rows], dtype=np.int64)


def _join(new: npt.NDArray[np.int64], old: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Number the units again: rows that share a unit in either numbering share one; -1 is no unit."""
    both = np.flatnonzero(old >= 0)
    n_new = int(new.max()) + 1
    n = n_new + (int(old.max()) + 1 if len(both) else 0)
    links = sparse.coo_array((np.ones(len(both)), (new[both], n_new + old[both])), shape=(n, n))
    _, component = sparse.csgraph.connected_components(links, directed=False)
    result: npt.NDArray[np.int64] = component[new].astype(np.int64)
    return result


def _one_fold(units: npt.NDArray[np.int64], folds: npt.NDArray[np.int64], n_units: int) -> npt.NDArray[np.bool_]:
    """Which units lie in one fold at most."""
    lowest = np.full(n_units, np.iinfo(np.int64).max)
    highest = np.full(n_units, -1)
    np.minimum.at(lowest, units, folds)
    np.maximum.at(highest, units, folds)
    result: npt.NDArray[np.bool_] = (highest < 0) | (lowest == highest)
    return result
