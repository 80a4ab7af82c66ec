"""Everything that ``narratives report`` tells, as figures: what the labels hold and what a model makes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from classifier.corpus.checks import require_valid
from classifier.corpus.files import corpus_digest, read_labels
from classifier.errors import ModelNotFound, TrainingError
from classifier.model.scoring import NarrativeModel
from classifier.model.versions import load_model
from classifier.taxonomy import load_taxonomy
from classifier.training.crossval import Judged, Options, Progress, cross_validate, judge, min_df_for, steady_sums
from classifier.training.evaluation import (
    Prepared,
    compare_baselines,
    count_confusions,
    find_confusions,
    leave_one_article_out,
    prepare,
    random_split,
    report_scores,
)
from classifier.training.fold_cache import FoldCache
from classifier.training.holdouts import out_of_time, unseen_outlets
from classifier.training.learning import learning_curve
from classifier.training.metrics import bootstrap_sums, interval
from classifier.training.prevalence import prevalence
from classifier.training.train import TRAINING_SPLITS

MAX_ARTICLES = 20
"""With more articles than this, leaving out one after the other takes too long; folds hold whole ones out anyway."""

N_CONFUSIONS = 25


@dataclass(frozen=True)
class Findings:
    """The figures, and what plots are drawn from.

    ``figures`` holds plain JSON types; a part that could not be computed is ``{"reason": ...}``.
    """

    prepared: Prepared
    judged: Judged
    figures: dict[str, Any]


def find_model(models: str | Path) -> NarrativeModel | None:
    """The model that answers there, or None where there is none."""
    try:
        return load_model(models)
    except ModelNotFound:
        return None


@steady_sums()
def gather(
    labels: str | Path,
    model: NarrativeModel | None = None,
    *,
    options: Options | None = None,
    cache: FoldCache | None = None,
    progress: Progress | None = None,
) -> Findings:
    """Measure a directory of labels.

    Parameters
    ----------
    labels : path
        Directory with ``taxonomy.yaml`` and ``*.csv``. Rows that ``split`` holds out take no part.
    model : NarrativeModel, optional
        Where its narratives are those of the labels, its training options are used, and its figures on held-out splits
        and test sets are told.
    options : Options, optional
        Folds, random state and jobs; the rest where no model fits.
    cache : FoldCache, optional
        Where units, counts and vectors are looked up and kept.

    Raises
    ------
    TaxonomyError, CorpusError
        The labels are broken.
    TrainingError
        They are too few for two folds, or carry no narrative.
    """
    labels = Path(labels)
    options = options or Options()
    tell = progress or (lambda stage, share: None)
    tell("reading labels", 0.0)
    taxonomy = load_taxonomy(labels / "taxonomy.yaml")
    everything = read_labels(labels)
    require_valid(everything, taxonomy)
    rows = [row for row in everything if row.split in TRAINING_SPLITS]
    if not any(row.labels for row in rows):
        raise TrainingError(f"{labels}: no training sentence carries a narrative; there is nothing to report on")
    digest = corpus_digest(rows)
    fits = model is not None and model.taxonomy.ids == taxonomy.ids
    if model is not None and fits:
        fitted = model.parameters["training"]
        usual = min_df_for(Options(), model.manifest["training_data"]["n_sentences"])
        options = replace(
            options,
            # Parts of a corpus take the min_df of their own size, as in training.
            min_df=None if fitted["min_df"] == usual else fitted["min_df"],
            max_features=fitted["max_features"],
            max_false_alarms=fitted["max_false_alarms"],
            voice_C=fitted["voice_C"],
            C_grid=(fitted["C"],),
        )
    prepared = prepare(rows, taxonomy, options, tell, cache)
    scores = cross_validate(
        prepared.counts, prepared.y, prepared.pairs, prepared.folds, options.C_grid, options, _named(tell, "grouped")
    )
    tell("figures", 0.0)
    judged = judge(scores, prepared.y, options, multilabel=taxonomy.multilabel)
    figures: dict[str, Any] = {
        "corpus": {
            "digest": digest,
            "n_sentences": len(rows),
            "n_held_out": len(everything) - len(rows),
            "n_units": int(prepared.units.max()) + 1,
            "unit": taxonomy.unit,
            "multilabel": taxonomy.multilabel,
        },
        "model": _identity(model, fits, digest),
        "options": {
            "C": scores.C,
            "n_folds": options.n_folds,
            "max_features": options.max_features,
            "max_false_alarms": options.max_false_alarms,
            "random_state": options.random_state,
        },
        "grouped": report_scores(prepared, scores, options, judged),
        "test": model.report.get("test", {}) if model is not None and fits else {},
    }
    tell("confusions", 0.0)
    figures["confusions"] = _confusions(prepared, judged, options)
    tell("prevalence", 0.0)
    figures["prevalence"] = prevalence(prepared, random_state=options.random_state)
    figures["learning"] = learning_curve(prepared, scores, options, tell)
    figures["random_split"] = random_split(prepared, scores.C, options, _named(tell, "random split"))
    n_articles = len({row.file for row in rows if row.origin == "article"})
    if n_articles > MAX_ARTICLES:
        figures["articles"] = {"reason": f"there are {n_articles} articles; grouped folds hold whole ones out"}
    else:
        figures["articles"] = leave_one_article_out(prepared, scores, options, tell) or {
            "reason": "no row comes from an article (origin 'article')"
        }
    figures["out_of_time"] = out_of_time(prepared, scores, judged, options)
    figures["unseen_outlets"] = unseen_outlets(prepared, scores, judged, options, tell)
    tell("baselines", 0.0)
    cues = labels / "cues"
    figures["baselines"] = compare_baselines(prepared, cues if cues.is_dir() else None)
    tell("done", 1.0)
    return Findings(prepared, judged, figures)


def _named(tell: Progress, name: str) -> Progress:
    return lambda stage, share: tell(f"{name}: {stage}", share)


def _identity(model: NarrativeModel | None, fits: bool, corpus: str) -> dict[str, Any]:
    if model is None:
        return {"reason": "there is no model there yet"}
    identity = {
        "name": model.identity.name,
        "version": model.identity.version,
        "digest": model.identity.digest,
        "same_corpus": model.manifest["training_data"]["digest"] == corpus,
    }
    return identity if fits else {**identity, "reason": "it has other narratives than the labels"}


def _confusions(prepared: Prepared, judged: Judged, options: Options) -> dict[str, Any]:
    """``table`` (missed -> tagged -> sentences) and ``pairs`` (the commonest, with shares, intervals and examples)."""
    ids = prepared.taxonomy.ids
    column = {narrative: k for k, narrative in enumerate(ids)}
    pairs = find_confusions(prepared, judged, top=N_CONFUSIONS)
    carried = [prepared.y[:, column[pair["missed"]]] for pair in pairs]
    confused = [
        y
        & ~judged.y_pred[:, column[pair["missed"]]]
        & judged.y_pred[:, column[pair["tagged"]]]
        & ~prepared.y[:, column[pair["tagged"]]]
        for pair, y in zip(pairs, carried, strict=True)
    ]
    if pairs:
        drawn = bootstrap_sums(prepared.units, np.column_stack([*confused, *carried]), options.random_state)
    for k, (pair, y, here) in enumerate(zip(pairs, carried, confused, strict=True)):
        found, whole = drawn[:, k], drawn[:, len(pairs) + k]
        pair["support"] = int(y.sum())
        pair["share"] = round(float(here.sum() / y.sum()), 4)
        pair["interval"] = interval(found[whole > 0] / whole[whole > 0])
    return {"table": count_confusions(prepared, judged).tolist(), "pairs": pairs}
