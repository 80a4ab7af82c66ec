"""Ranks the feedback that waits, and stores each row's priority beside it."""

from __future__ import annotations

import numpy as np

from classifier.feedback import FeedbackStore
from classifier.model.scoring import NarrativeModel
from classifier.review.pieces import judged_piece
from classifier.review.ranking import doubt, rank, surprise


def rank_queue(store: FeedbackStore, model: NarrativeModel, *, random_state: int = 0) -> int:
    """Give every pending row its priority under ``model``; see :mod:`classifier.review.ranking`.

    Returns
    -------
    int
        How many rows were ranked.
    """
    rows = store.all("pending")
    if not rows:
        return 0
    texts = [judged_piece(row, model.unit) or row.text for row in rows]
    column_of = {narrative: k for k, narrative in enumerate(model.ids)}
    columns = np.array([column_of.get(row.label, -1) for row in rows], dtype=np.int64)
    everything = model.predict_proba(texts)
    probabilities = everything[np.arange(len(rows)), columns]
    thresholds = np.array([model.rules[n].threshold for n in model.ids])[columns]
    carries = np.array([row.carries for row in rows])
    worth = np.maximum(doubt(probabilities, thresholds), surprise(probabilities, thresholds, carries))
    worth[columns < 0] = 1.0  # a label that the model does not know needs somebody who decides what becomes of it
    supports = np.array([model.rules[n].support for n in model.ids])
    ranking = rank(texts, worth, columns, supports, random_state=random_state)
    store.set_priorities(dict(zip([row.id for row in rows], ranking.priorities, strict=True)))
    return len(rows)
