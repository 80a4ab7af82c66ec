"""The classifier as a scikit-learn estimator, for pipelines, grid searches and other people's cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from classifier.corpus.sentence import LabelledSentence
from classifier.corpus.splits import find_units, stratified_folds
from classifier.model.decisions import decide_all, sigmoid
from classifier.training.calibration import MAX_FALSE_ALARMS, fit_lines, fit_thresholds, stack_lines
from classifier.training.crossval import Options, cross_validate, fit_rows
from classifier.training.features import count_ngrams, stock_vectorizers
from classifier.training.fitting import VoicePairs
from classifier.training.train import FINAL_TOL


class NarrativeClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Multi-label text classifier: what ``narratives train`` makes, without voices.

    The same n-grams, solver, grouped cross-validation, calibration and thresholds; on the same rows its probabilities
    are those of the trained model (where that has no voices, or fewer n-grams than ``max_features``).

    Parameters
    ----------
    C_grid : tuple of float
        Inverse strengths of the penalty that inner cross-validation chooses from.
    n_folds : int
        Folds of the inner cross-validation, on which calibration and thresholds are fitted.
    min_df : int, optional
        In how many texts an n-gram must occur; None takes every n-gram of a small corpus and those of two texts of a
        larger one.
    max_features : int
        How many n-grams are kept at most.
    max_false_alarms : float
        The share of texts without a label that thresholds may tag, 0 to 1.
    multilabel : bool
        Where false, :meth:`predict` gives each text one label at most: the likeliest.
    random_state : int
        The same data and number give the same model.
    n_jobs : int
        Folds fitted side by side, as threads.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels in column order: sorted names, or 0 to n_classes - 1 where ``Y`` was a matrix.
    thresholds_ : ndarray of float64, shape (n_classes,)
        Probabilities from which :meth:`predict` says yes.
    coef_ : ndarray of float32, shape (n_features, n_classes)
    intercept_ : ndarray of float64, shape (n_classes,)
        Calibration is folded into both.
    C_ : float
        The chosen penalty.
    """

    def __init__(
        self,
        *,
        C_grid: tuple[float, ...] = (2.0, 16.0, 128.0),
        n_folds: int = 5,
        min_df: int | None = None,
        max_features: int = 200_000,
        max_false_alarms: float = MAX_FALSE_ALARMS,
        multilabel: bool = True,
        random_state: int = 0,
        n_jobs: int = 1,
    ) -> None:
        self.C_grid = C_grid
        self.n_folds = n_folds
        self.min_df = min_df
        self.max_features = max_features
        self.max_false_alarms = max_false_alarms
        self.multilabel = multilabel
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Sequence[str], y: Any, groups: Sequence[object] | None = None) -> Self:
        """Fit on texts.

        Parameters
        ----------
        X : sequence of str, length n_samples
        y : array-like of 0 and 1 of shape (n_samples, n_classes), or sequence of lists of label names
        groups : sequence, length n_samples, optional
            Texts of one group never straddle an inner fold; near-duplicates never do.

        Raises
        ------
        ValueError
            Something else than texts, labels that do not fit them, or no label at all.
        TrainingError
            Too few texts for the folds.
        """
        texts = _texts(X)
        classes, indicator = _indicator(y, len(texts))
        if groups is not None and len(groups) != len(texts):
            raise ValueError(f"{len(texts)} texts, but {len(groups)} groups")
        options = Options(
            n_folds=self.n_folds,
            min_df=self.min_df,
            max_features=self.max_features,
            max_false_alarms=self.max_false_alarms,
            C_grid=tuple(self.C_grid),
            random_state=self.random_state,
            n_jobs=self.n_jobs,
        )
        names = [""] * len(texts) if groups is None else [f"={group}" for group in groups]
        units = find_units(
            [LabelledSentence(str(i), t, "", group=g) for i, (t, g) in enumerate(zip(texts, names, strict=True))]
        )
        folds = stratified_folds(indicator, units, options.n_folds, random_state=options.random_state)
        counts = count_ngrams(texts)
        nobody = np.zeros(0, dtype=np.int64)
        silent = VoicePairs(nobody, nobody, nobody)
        scores = cross_validate(counts, indicator, silent, folds, options.C_grid, options)
        everything = np.arange(len(texts), dtype=np.int64)
        fitted = fit_rows(counts, everything, indicator, silent, [scores.C], options, tol=FINAL_TOL)
        slope, shift = stack_lines(fit_lines(scores.logits, indicator))
        head = fitted.heads[scores.C]
        self.classes_ = classes
        self.C_ = scores.C
        self.idf_ = fitted.features.idf
        # Single precision, as a model keeps them: so the figures are the same.
        self.coef_ = (head.coef * slope).astype(np.float32)
        self.intercept_ = head.intercept * slope + shift
        self.thresholds_ = fit_thresholds(
            sigmoid(scores.logits * slope + shift),
            indicator,
            max_false_alarms=self.max_false_alarms,
            multilabel=self.multilabel,
        ).threshold
        self.word_features_, self.char_features_ = fitted.features.names(counts)
        return self

    def decision_function(self, X: Sequence[str]) -> npt.NDArray[np.float64]:
        """Calibrated logits, shape (n_samples, n_classes)."""
        check_is_fitted(self)
        texts = _texts(X)
        logits = np.tile(self.intercept_, (len(texts), 1))
        pair = stock_vectorizers(self.word_features_, self.char_features_, self.idf_)
        begin = 0
        for vectorizer, names in zip(pair, (self.word_features_, self.char_features_), strict=True):
            if names:
                logits += vectorizer.transform(texts) @ self.coef_[begin : begin + len(names)].astype(np.float64)
            begin += len(names)
        result: npt.NDArray[np.float64] = logits
        return result

    def predict_proba(self, X: Sequence[str]) -> npt.NDArray[np.float64]:
        """The probability of each label apart, shape (n_samples, n_classes); rows do not sum to 1."""
        return sigmoid(self.decision_function(X))

    def predict(self, X: Sequence[str]) -> npt.NDArray[np.int64]:
        """1 where a label reaches its threshold, shape (n_samples, n_classes)."""
        decided = decide_all(self.predict_proba(X), self.thresholds_, multilabel=self.multilabel)
        result: npt.NDArray[np.int64] = decided.astype(np.int64)
        return result

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.target_tags.single_output = False
        tags.target_tags.multi_output = True
        tags.classifier_tags.multi_class = False
        tags.classifier_tags.multi_label = True
        return tags


def _texts(X: Any) -> list[str]:
    if isinstance(X, str):
        raise ValueError("X is one text; give a sequence of texts")
    if getattr(X, "ndim", 1) != 1:
        raise ValueError(f"X has shape {X.shape}; give a sequence of texts, one dimension")
    texts = list(X)
    if not texts:
        raise ValueError("X is empty; give at least one text")
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(f"X[{number}] is {type(text).__name__}; every member must be a text")
    return texts


def _indicator(y: Any, n_samples: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Classes and a matrix of shape (n_samples, n_classes)."""
    if y is None:
        raise ValueError("y is missing: this estimator requires y to be passed, but the target y is None")
    if hasattr(y, "toarray"):
        y = y.toarray()
    if len(y) != n_samples:
        raise ValueError(f"{n_samples} texts, but {len(y)} rows of labels")
    if getattr(y, "ndim", 0) == 2 or (not hasattr(y, "ndim") and _holds_numbers(y)):
        matrix = np.asarray(y)
        if not np.isin(matrix, (0, 1)).all():
            raise ValueError("y holds other values than 0 and 1; give an indicator matrix or lists of label names")
        classes, indicator = np.arange(matrix.shape[1]), matrix.astype(np.bool_)
    else:
        for number, labels in enumerate(y):
            if isinstance(labels, str) or not hasattr(labels, "__iter__"):
                raise ValueError(f"y[{number}] is {labels!r}; give a list of labels for each text, [{labels!r}]")
        names = sorted({name for labels in y for name in labels})
        column = {name: k for k, name in enumerate(names)}
        classes, indicator = np.array(names, dtype=object), np.zeros((n_samples, len(names)), dtype=np.bool_)
        for i, labels in enumerate(y):
            indicator[i, [column[name] for name in labels]] = True
    if not indicator.any():
        raise ValueError("y holds no label; there is nothing to learn")
    return classes, indicator


def _holds_numbers(y: Any) -> bool:
    """Whether nested lists are an indicator matrix rather than lists of names."""
    lengths = {len(row) for row in y if hasattr(row, "__len__") and not isinstance(row, str)}
    return (
        len(lengths) == 1
        and all(
            hasattr(row, "__iter__") and not isinstance(row, str) and all(isinstance(v, (int, np.integer)) for v in row)
            for row in y
        )
        and lengths != {0}
    )
