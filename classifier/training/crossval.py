"""Grouped cross-validation: out-of-fold logits and voices, and honest decisions on them.

Calibration and thresholds that judge a fold are fitted on the out-of-fold scores of the *other* folds only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
import threadpoolctl

from classifier.corpus.sentence import LabelledSentence
from classifier.model.decisions import decide_all, sigmoid
from classifier.taxonomy import VOICES, Taxonomy
from classifier.training.calibration import MAX_FALSE_ALARMS, fit_lines, fit_thresholds, stack_lines
from classifier.training.checkpoint import Checkpoints, Stage
from classifier.training.features import Counts, Features, fit_features
from classifier.training.fitting import (
    FittedVoices,
    LinearHead,
    VoicePairs,
    fit_narratives,
    fit_voices,
    rank_features,
)
from classifier.training.metrics import average_precision

RANKING_C = 4.0
"""Penalty of the coarse fit that ranks features."""

COARSE = 1.0
"""Tolerance of that fit."""

FOLD_TOL = 0.5
"""Tolerance in cross-validation: held-out average precision is that of a converged fit to the third digit."""

FOLD_VOICE_TOL = 1e-3
"""The same of the voices."""

Progress = Callable[[str, float], None]
"""Called with the stage and the share done, 0 to 1. What stands in brackets at a stage's end is how far it is."""

BLAS_THREADS = 2
"""Threads of the linear algebra behind the voices: how it adds up, and so the last bit, depends on their number."""


@contextmanager
def steady_sums() -> Iterator[None]:
    """The same figures whatever the number of cores and ``OPENBLAS_NUM_THREADS``."""
    with threadpoolctl.threadpool_limits(BLAS_THREADS, user_api="blas"):
        yield


def available_cores() -> int:
    """Cores that this process may use: affinity and the container's limit are seen."""
    return int(joblib.cpu_count())


@dataclass(frozen=True)
class Options:
    """What training can be told.

    ``min_df`` of None takes every n-gram of a small corpus and those of two sentences of a larger one.
    ``max_features`` bounds the size of a model; ``C_grid`` is what cross-validation chooses from;
    ``max_false_alarms`` is the share of sentences without a narrative that thresholds may tag. ``n_jobs`` folds are
    fitted side by side, in threads; it is the one option that changes no figure.
    """

    n_folds: int = 5
    min_df: int | None = None
    max_features: int = 200_000
    max_false_alarms: float = MAX_FALSE_ALARMS
    C_grid: tuple[float, ...] = (2.0, 16.0, 128.0)
    voice_C: float = 4.0
    random_state: int = 0
    n_jobs: int = 2


SMALL_CORPUS = 2_000
"""Below so many sentences a rare n-gram is worth keeping."""


def min_df_for(options: Options, n_samples: int) -> int:
    """In how many sentences an n-gram must occur to be a feature."""
    if options.min_df is not None:
        return options.min_df
    return 1 if n_samples < SMALL_CORPUS else 2


def label_matrix(rows: Sequence[LabelledSentence], taxonomy: Taxonomy) -> npt.NDArray[np.bool_]:
    """Which row carries which narrative: bool, shape (n_samples, n_narratives)."""
    column = {narrative: k for k, narrative in enumerate(taxonomy.ids)}
    y = np.zeros((len(rows), len(column)), dtype=np.bool_)
    for i, row in enumerate(rows):
        for narrative in row.labels:
            y[i, column[narrative]] = True
    return y


def voice_pairs(rows: Sequence[LabelledSentence], taxonomy: Taxonomy) -> VoicePairs:
    """All (row, narrative) with a voice."""
    column = {narrative: k for k, narrative in enumerate(taxonomy.ids)}
    found = [
        (i, column[narrative], VOICES.index(voice))
        for i, row in enumerate(rows)
        for narrative, voice in row.labels.items()
        if voice is not None
    ]
    array = np.array(found, dtype=np.int64).reshape(-1, 3)
    return VoicePairs(array[:, 0], array[:, 1], array[:, 2])


@dataclass(frozen=True)
class Fitted:
    """Features, one narrative head for each C, and the voice head, fitted on some rows."""

    features: Features
    heads: dict[float, LinearHead]
    voices: FittedVoices | None


def fit_rows(
    counts: Counts,
    rows: npt.NDArray[np.int64],
    y: npt.NDArray[np.bool_],
    pairs: VoicePairs,
    C_values: Sequence[float],
    options: Options,
    *,
    tol: float = FOLD_TOL,
    voice_tol: float = FOLD_VOICE_TOL,
) -> Fitted:
    """Fit on ``rows``. Where there are too many features, a coarse fit ranks them and the best are fitted again."""
    features = fit_features(counts, rows, min_df=min_df_for(options, len(rows)))
    inside = pairs.inside(rows)
    position = np.full(counts.n_samples, -1, dtype=np.int64)
    position[rows] = np.arange(len(rows))

    def hear(X: Any) -> FittedVoices | None:
        if not len(inside.rows):
            return None
        members = X[position[inside.rows]]
        return fit_voices(members, inside.narratives, inside.voices, y.shape[1], C=options.voice_C, tol=voice_tol)

    X = features.transform(counts, rows)
    if features.n_features > options.max_features:
        coarse = fit_narratives(X, y[rows], C_values=[RANKING_C], random_state=options.random_state, tol=COARSE)[
            RANKING_C
        ]
        coefs = [coarse.coef]
        if len(inside.rows):
            spoken = inside.voices[:, None] == np.arange(len(VOICES))
            members = X[position[inside.rows]]
            apart = fit_narratives(members, spoken, C_values=[RANKING_C], random_state=options.random_state, tol=COARSE)
            coefs.append(apart[RANKING_C].coef)
        best = rank_features(X, *coefs)[: options.max_features]
        features = features.select(np.sort(best))
        X = features.transform(counts, rows)
    heads = fit_narratives(X, y[rows], C_values=C_values, random_state=options.random_state, tol=tol)
    return Fitted(features, heads, hear(X))


@dataclass(frozen=True)
class OutOfFold:
    """Scores of every row by a model that did not see its fold.

    ``logits`` has shape (n_samples, n_narratives), ``voices`` (n_pairs, 3) or None; ``folds`` (n_samples,).
    """

    C: float
    folds: npt.NDArray[np.int64]
    logits: npt.NDArray[np.float64]
    voices: npt.NDArray[np.float64] | None


LARGE_CORPUS = 10_000
"""From so many sentences on two folds choose C; the others are fitted with that one only."""


FoldScores = tuple[int, dict[float, npt.NDArray[np.float64]], npt.NDArray[np.float64] | None]
"""A fold, the logits of its rows for each C, and the voices of its pairs."""


@steady_sums()
def cross_validate(
    counts: Counts,
    y: npt.NDArray[np.bool_],
    pairs: VoicePairs,
    folds: npt.NDArray[np.int64],
    C_values: Sequence[float],
    options: Options,
    progress: Progress | None = None,
    kept: Checkpoints | None = None,
    tell: Callable[[str], None] | None = None,
) -> OutOfFold:
    """Out-of-fold scores with the C that has the best held-out macro average precision.

    Folds run side by side in ``n_jobs`` threads; what takes long lets go of the interpreter. All folds choose, or in a
    large corpus the first two. Folds that ``kept`` holds are not fitted again, and ``tell`` is told so in a line;
    the others are added to it.
    """
    n_folds = int(folds.max()) + 1
    n_choosing = n_folds if len(y) < LARGE_CORPUS or len(C_values) == 1 else min(2, n_folds)
    kept = kept or Checkpoints()

    def run(fold: int, values: Sequence[float]) -> FoldScores:
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        fitted = fit_rows(counts, train, y, pairs, values, options)
        X = fitted.features.transform(counts, test)
        heard = None
        if fitted.voices is not None:
            mask = folds[pairs.rows] == fold
            heard = fitted.voices.predict_proba(X[np.searchsorted(test, pairs.rows[mask])], pairs.narratives[mask])
        return fold, {C: head.decision_function(X) for C, head in fitted.heads.items()}, heard

    logits = {C: np.zeros(y.shape) for C in C_values}
    voices = np.full((len(pairs.rows), len(VOICES)), 1 / len(VOICES))
    spoken, done, chosen = False, 0, list(C_values)
    if progress:
        progress(f"cross-validating (0 of {n_folds} folds done)", 0.0)
    finished = [kept.load(f"fold-{fold}") for fold in range(n_folds)]
    if tell and any(finished):
        tell(f"resumed: {n_folds - finished.count(None)} of {n_folds} folds were done")
    parallel = joblib.Parallel(n_jobs=min(options.n_jobs, n_folds), return_as="generator_unordered", prefer="threads")
    for stage in (range(n_choosing), range(n_choosing, n_folds)):
        found = [_from_stage(finished[fold], fold, chosen) for fold in stage]
        resumed = {scores[0]: scores for scores in found if scores is not None}
        missing = [fold for fold in stage if fold not in resumed]
        for fold, scored, heard in chain(
            resumed.values(), parallel(joblib.delayed(run)(fold, chosen) for fold in missing)
        ):
            if fold not in resumed:
                kept.save(f"fold-{fold}", *_to_stage(chosen, scored, heard))
            for C in chosen:
                logits[C][folds == fold] = scored[C]
            if heard is not None:
                voices[folds[pairs.rows] == fold] = heard
                spoken = True
            done += 1
            if progress:
                progress(f"cross-validating ({done} of {n_folds} folds done)", done / n_folds)
        if len(chosen) > 1:
            seen = folds < n_choosing
            chosen = [choose_C({C: logits[C][seen] for C in chosen}, y[seen])]
    return OutOfFold(chosen[0], folds, logits[chosen[0]], voices if spoken else None)


def _to_stage(
    C_values: Sequence[float],
    scored: Mapping[float, npt.NDArray[np.float64]],
    heard: npt.NDArray[np.float64] | None,
) -> tuple[dict[str, npt.NDArray[np.float64]], dict[str, list[float]]]:
    arrays = {"logits": np.stack([scored[C] for C in C_values])}
    if heard is not None:
        arrays["voices"] = heard
    return arrays, {"C": list(C_values)}


def _from_stage(stage: Stage | None, fold: int, C_values: Sequence[float]) -> FoldScores | None:
    if stage is None or stage.facts.get("C") != list(C_values):
        return None
    return fold, dict(zip(C_values, stage.arrays["logits"], strict=True)), stage.arrays.get("voices")


def choose_C(logits: Mapping[float, npt.NDArray[np.float64]], y: npt.NDArray[np.bool_]) -> float:
    """The C with the best macro average precision of held-out logits; the smaller among equals to three digits."""
    present = np.flatnonzero(y.any(axis=0))
    scores = {
        C: round(float(np.mean([average_precision(found[:, k], y[:, k]) for k in present])), 3)
        for C, found in sorted(logits.items())
    }
    return max(scores, key=scores.__getitem__)


@dataclass(frozen=True)
class Judged:
    """Honest probabilities and decisions of out-of-fold sentences, shape (n_samples, n_narratives)."""

    probabilities: npt.NDArray[np.float64]
    y_pred: npt.NDArray[np.bool_]


@steady_sums()
def judge(scores: OutOfFold, y: npt.NDArray[np.bool_], options: Options, *, multilabel: bool = True) -> Judged:
    """Calibrate and decide each fold with what the other folds say."""
    probabilities = np.zeros(y.shape)
    y_pred = np.zeros(y.shape, dtype=np.bool_)
    for fold in range(int(scores.folds.max()) + 1):
        other, here = scores.folds != fold, scores.folds == fold
        lines = fit_lines(scores.logits[other], y[other])
        slope, shift = stack_lines(lines)
        thresholds = fit_thresholds(
            sigmoid(scores.logits[other] * slope + shift),
            y[other],
            max_false_alarms=options.max_false_alarms,
            multilabel=multilabel,
        )
        probabilities[here] = sigmoid(scores.logits[here] * slope + shift)
        y_pred[here] = decide_all(probabilities[here], thresholds.threshold, multilabel=multilabel)
    return Judged(probabilities, y_pred)
