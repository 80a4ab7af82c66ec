"""How good a corpus makes a model: grouped cross-validation, and what would flatter or insult it.

All figures are out-of-fold, with units (near-duplicates, articles, groups) never straddling a split, and calibration
and thresholds fitted on other folds. Beside them stand the naive random split, to show how much it flatters, the
baselines on the same folds, and leave-one-article-out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from classifier.corpus.checks import require_valid
from classifier.corpus.files import read_labels
from classifier.corpus.sentence import LabelledSentence
from classifier.corpus.splits import find_units, stratified_folds
from classifier.model.decisions import decide_all, sigmoid
from classifier.model.scoring import NarrativeModel
from classifier.taxonomy import VOICES, Taxonomy
from classifier.training import baselines
from classifier.training.calibration import fit_lines, fit_thresholds, stack_lines
from classifier.training.crossval import (
    Judged,
    Options,
    OutOfFold,
    Progress,
    cross_validate,
    fit_rows,
    judge,
    label_matrix,
    steady_sums,
    voice_pairs,
)
from classifier.training.features import Counts, count_ngrams
from classifier.training.fitting import VoicePairs
from classifier.training.fold_cache import FoldCache
from classifier.training.metrics import measure, measure_voices


@dataclass(frozen=True)
class Prepared:
    """A corpus made ready: labels, units, folds and n-gram counts of all rows."""

    rows: Sequence[LabelledSentence]
    taxonomy: Taxonomy
    y: npt.NDArray[np.bool_]
    pairs: VoicePairs
    units: npt.NDArray[np.int64]
    folds: npt.NDArray[np.int64]
    counts: Counts


def prepare(
    rows: Sequence[LabelledSentence],
    taxonomy: Taxonomy,
    options: Options,
    progress: Progress | None = None,
    cache: FoldCache | None = None,
) -> Prepared:
    """Number the units, deal the folds and count the n-grams; with a cache only what it does not hold."""
    if progress:
        progress("finding near-duplicates", 0.0)
    units = cache.units(rows) if cache else find_units(rows)
    y = label_matrix(rows, taxonomy)
    folds = stratified_folds(y, units, options.n_folds, random_state=options.random_state)
    if progress:
        progress("counting n-grams", 0.0)
    texts = [row.text for row in rows]
    counts = cache.counts(texts) if cache else count_ngrams(texts)
    return Prepared(rows, taxonomy, y, voice_pairs(rows, taxonomy), units, folds, counts)


def count_confusions(prepared: Prepared, judged: Judged) -> npt.NDArray[np.int64]:
    """Sentences in which the row's narrative was missed and the column's tagged without being there.

    Returns
    -------
    ndarray of int64, shape (n_narratives, n_narratives)
    """
    missed, wrong = prepared.y & ~judged.y_pred, judged.y_pred & ~prepared.y
    result: npt.NDArray[np.int64] = missed.astype(np.int64).T @ wrong.astype(np.int64)
    return result


def find_confusions(prepared: Prepared, judged: Judged, *, top: int = 10) -> list[dict[str, Any]]:
    """The commonest pairs of a narrative that was missed and another that was tagged in its stead.

    Returns
    -------
    list of dict
        ``missed``, ``tagged`` (narrative ids), ``n_sentences``, and as ``example`` the text for which the wrong
        narrative was likeliest.
    """
    ids = prepared.taxonomy.ids
    missed, wrong = prepared.y & ~judged.y_pred, judged.y_pred & ~prepared.y
    table = count_confusions(prepared, judged)
    found = []
    for flat in np.argsort(-table, axis=None, kind="stable")[:top].tolist():
        a, b = divmod(flat, len(ids))
        if not table[a, b]:
            break
        both = np.flatnonzero(missed[:, a] & wrong[:, b])
        worst = int(both[np.argmax(judged.probabilities[both, b])])
        found.append(
            {
                "missed": ids[a],
                "tagged": ids[b],
                "n_sentences": int(table[a, b]),
                "example": prepared.rows[worst].text,
            }
        )
    return found


def report_scores(
    prepared: Prepared, scores: OutOfFold, options: Options, judged: Judged | None = None
) -> dict[str, Any]:
    """Figures of out-of-fold scores: over all rows, per language, per origin, per register; and of the voices."""
    judged = judged or judge(scores, prepared.y, options, multilabel=prepared.taxonomy.multilabel)
    ids = prepared.taxonomy.ids
    report: dict[str, Any] = {
        "C": scores.C,
        "n_folds": int(scores.folds.max()) + 1,
        "all": measure(
            ids, prepared.y, judged.y_pred, judged.probabilities, prepared.units, random_state=options.random_state
        ),
    }
    report["confusions"] = find_confusions(prepared, judged)
    for column in ("language", "origin", "register"):
        report[f"by_{column}"] = _by(prepared, judged, column, options)
    if scores.voices is not None:
        names = list(VOICES)
        report["voices"] = measure_voices(ids, names, prepared.pairs.voices, scores.voices, prepared.pairs.narratives)
        found = judged.y_pred[prepared.pairs.rows, prepared.pairs.narratives]
        report["voices_found"] = measure_voices(
            ids, names, prepared.pairs.voices[found], scores.voices[found], prepared.pairs.narratives[found]
        )
        language = pd.Series([prepared.rows[i].language for i in prepared.pairs.rows[found]])
        report["voices_found"]["by_language"] = {
            str(code): measure_voices(
                ids,
                names,
                prepared.pairs.voices[found][members],
                scores.voices[found][members],
                prepared.pairs.narratives[found][members],
            )
            for code in sorted(language.unique())
            for members in [np.flatnonzero(language == code)]
        }
    return report


def _by(prepared: Prepared, judged: Judged, column: str, options: Options) -> dict[str, Any]:
    values = pd.Series([getattr(row, column) for row in prepared.rows])
    return {
        str(value): measure(
            prepared.taxonomy.ids,
            prepared.y[members],
            judged.y_pred[members],
            judged.probabilities[members],
            prepared.units[members],
            random_state=options.random_state,
        )
        for value in sorted(v for v in values.unique() if v)
        for members in [np.flatnonzero(values == value)]
    }


def random_split(prepared: Prepared, C: float, options: Options, progress: Progress | None = None) -> dict[str, Any]:
    """The same cross-validation with rows dealt at random: what ignoring units would publish."""
    alone = np.arange(len(prepared.rows), dtype=np.int64)
    folds = stratified_folds(prepared.y, alone, options.n_folds, random_state=options.random_state)
    scores = cross_validate(prepared.counts, prepared.y, prepared.pairs, folds, [C], options, progress)
    judged = judge(scores, prepared.y, options, multilabel=prepared.taxonomy.multilabel)
    return measure(prepared.taxonomy.ids, prepared.y, judged.y_pred, judged.probabilities, alone)


@steady_sums()
def score_held_out(
    prepared: Prepared,
    scores: OutOfFold,
    train: npt.NDArray[np.int64],
    test: npt.NDArray[np.int64],
    options: Options,
) -> Judged:
    """Score the rows ``test`` with a model fitted on the rows ``train``.

    Calibration and thresholds come from the out-of-fold scores of ``train``.
    """
    fitted = fit_rows(prepared.counts, train, prepared.y, prepared.pairs, [scores.C], options)
    slope, shift = stack_lines(fit_lines(scores.logits[train], prepared.y[train]))
    thresholds = fit_thresholds(
        sigmoid(scores.logits[train] * slope + shift),
        prepared.y[train],
        max_false_alarms=options.max_false_alarms,
        multilabel=prepared.taxonomy.multilabel,
    )
    logits = fitted.heads[scores.C].decision_function(fitted.features.transform(prepared.counts, test))
    p = sigmoid(logits * slope + shift)
    return Judged(p, decide_all(p, thresholds.threshold, multilabel=prepared.taxonomy.multilabel))


def leave_one_article_out(
    prepared: Prepared, scores: OutOfFold, options: Options, progress: Progress | None = None
) -> dict[str, Any]:
    """Score each article with a model that saw neither it nor anything in its unit.

    Calibration and thresholds come from the out-of-fold scores of the other units.
    """
    files = sorted({row.file for row in prepared.rows if row.origin == "article"})
    probabilities, predictions, members = [], [], []
    for done, file in enumerate(files):
        here = np.array([i for i, row in enumerate(prepared.rows) if row.file == file])
        other = np.flatnonzero(~np.isin(prepared.units, prepared.units[here]))
        found = score_held_out(prepared, scores, other, here, options)
        probabilities.append(found.probabilities)
        predictions.append(found.y_pred)
        members.append(here)
        if progress:
            progress("leaving one article out", (done + 1) / len(files))
    if not files:
        return {}
    order = np.concatenate(members)
    return {
        "files": files,
        **measure(
            prepared.taxonomy.ids,
            prepared.y[order],
            np.vstack(predictions),
            np.vstack(probabilities),
            np.concatenate([np.full(len(m), i) for i, m in enumerate(members)]),
        ),
    }


def compare_baselines(prepared: Prepared, cues: Path | None) -> dict[str, Any]:
    """The baselines on the same folds."""
    texts = np.array([row.text for row in prepared.rows], dtype=object)
    predictions = {
        name: np.zeros(prepared.y.shape, dtype=np.bool_)
        for name in ("most frequent", "keyword rules", "nearest definition")
    }
    keywords = baselines.read_keywords(prepared.taxonomy, cues)
    predictions["keyword rules"] = baselines.keyword_rules(list(texts), keywords)
    for fold in range(int(prepared.folds.max()) + 1):
        train, test = np.flatnonzero(prepared.folds != fold), np.flatnonzero(prepared.folds == fold)
        predictions["most frequent"][test] = baselines.most_frequent(prepared.y[train], len(test))
        predictions["nearest definition"][test] = baselines.nearest_definition(
            list(texts[train]), prepared.y[train], list(texts[test]), prepared.taxonomy
        )
    result = {}
    for name, y_pred in predictions.items():
        figures = measure(prepared.taxonomy.ids, prepared.y, y_pred, y_pred.astype(np.float64), prepared.units)
        result[name] = {key: figures[key] for key in ("micro", "macro", "plain")}
    return result


def evaluate_model(model: NarrativeModel, rows: Sequence[LabelledSentence], *, random_state: int = 0) -> dict[str, Any]:
    """Figures of a finished model, at the thresholds it ships with, on rows that it was not trained on.

    Every row is scored as one unit, as ``model.predict_proba`` takes it; familiarity does not enter. Intervals draw
    whole articles and groups. Raises :class:`CorpusError` for labels that the model does not know.
    """
    taxonomy = model.taxonomy
    require_valid(rows, taxonomy)
    y = label_matrix(rows, taxonomy)
    probabilities = model.predict_proba([row.text for row in rows])
    threshold = np.array([model.rules[narrative].threshold for narrative in model.ids])
    groups: dict[str, int] = {}
    units = np.array([groups.setdefault(row.file or row.group or row.id, len(groups)) for row in rows], dtype=np.int64)
    y_pred = decide_all(probabilities, threshold, multilabel=taxonomy.multilabel)
    report: dict[str, Any] = {"all": measure(taxonomy.ids, y, y_pred, probabilities, units, random_state=random_state)}
    languages = pd.Series([row.language for row in rows])
    report["by_language"] = {
        str(code): measure(taxonomy.ids, y[m], y_pred[m], probabilities[m], units[m], random_state=random_state)
        for code in sorted(languages.unique())
        for m in [np.flatnonzero(languages == code)]
    }
    if model.voice_head is not None:
        pairs = voice_pairs(rows, taxonomy)
        found = np.flatnonzero(y_pred[pairs.rows, pairs.narratives])
        heard = np.zeros((len(found), len(VOICES)))
        outputs, _ = model.scorer.score([rows[i].text for i in pairs.rows[found].tolist()])
        for i, pair in enumerate(found.tolist()):
            voice = model.voice_head.predict_proba(outputs[i, len(model.ids) :].tolist(), int(pairs.narratives[pair]))
            heard[i] = (voice.asserted, voice.attributed, voice.rejected)
        report["voices_found"] = measure_voices(
            taxonomy.ids, VOICES, pairs.voices[found], heard, pairs.narratives[found]
        )
    return report


def evaluate_test_sets(model: NarrativeModel, directory: Path) -> dict[str, Any]:
    """Figures on ``*.csv`` and ``neutral/<language>/*.txt`` of a directory; empty where there is none.

    Returns
    -------
    dict
        ``sets``: file stem -> :func:`evaluate_model`. ``neutral``: language -> ``n_articles``, ``articles_tagged``
        (with a "yes" at text level), ``n_sentences``, ``sentences_tagged``.
    """
    result: dict[str, Any] = {}
    for path in sorted(directory.glob("*.csv")):
        result.setdefault("sets", {})[path.stem] = evaluate_model(model, read_labels(path))
    for folder in sorted(p for p in directory.glob("neutral/*") if p.is_dir()):
        texts = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.txt"))]
        results = model.score(texts, explain=None).results
        sentences = [sentence for answer in results for sentence in answer.sentences]
        result.setdefault("neutral", {})[folder.name] = {
            "n_articles": len(results),
            "articles_tagged": sum(any(d.decision == "yes" for d in answer.labels) for answer in results),
            "n_sentences": len(sentences),
            "sentences_tagged": sum(any(d.decision == "yes" for d in s.labels) for s in sentences),
        }
    return result
