"""A stored model as one scikit-learn pipeline of stock classes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import LabelBinarizer

from classifier.durable import write_file
from classifier.model.scoring import NarrativeModel
from classifier.training.features import stock_vectorizers


def to_pipeline(model: NarrativeModel) -> Any:
    """Build the pipeline from the stored arrays.

    ``decision_function`` and ``predict_proba`` equal those of ``model`` (columns in taxonomy order); ``predict`` uses
    scikit-learn's .5, not the model's thresholds. Voices, evidence and sentences are not in it.
    """
    words, chars = stock_vectorizers(model.word_features, model.char_features, model.idf_)
    heads = []
    for k in range(len(model.ids)):
        head = LogisticRegression()
        head.classes_ = np.array([0, 1])
        head.coef_ = model.coef_[:, [k]].T.astype(np.float64)
        head.intercept_ = model.intercept_[[k]].copy()
        head.n_features_in_ = head.coef_.shape[1]
        head.n_iter_ = np.array([1], dtype=np.int32)
        heads.append(head)
    classifier = OneVsRestClassifier(LogisticRegression())
    classifier.estimators_ = heads
    classifier.n_features_in_ = len(model.coef_)
    binarizer = LabelBinarizer(sparse_output=True)
    indicator = np.vstack([np.eye(len(model.ids), dtype=np.int64), np.zeros((1, len(model.ids)), dtype=np.int64)])
    classifier.label_binarizer_ = binarizer.fit(indicator)
    union = FeatureUnion([("words", words), ("chars", chars)])
    return Pipeline([("features", union), ("narratives", classifier)])


def export_joblib(model: NarrativeModel, path: str | Path) -> None:
    """Write :func:`to_pipeline` with joblib.

    joblib files are pickles: load them only where you trust the file, with the scikit-learn version that wrote them.
    """
    buffer = io.BytesIO()
    joblib.dump(to_pipeline(model), buffer)
    write_file(path, buffer.getvalue())
