"""How often each narrative occurs: over all rows, per language, per register."""

from __future__ import annotations

from typing import Any

import numpy as np

from classifier.training.evaluation import Prepared
from classifier.training.metrics import bootstrap_weights, interval


def prevalence(prepared: Prepared, *, random_state: int = 0) -> dict[str, Any]:
    """Shares of the rows that carry each narrative. Intervals are 95 %, from drawing whole units.

    Returns
    -------
    dict
        ``all``, ``by_language`` and ``by_register`` (value -> group). A group has ``n_sentences`` and ``narratives``:
        narrative -> ``n``, ``share``, ``interval``; with "(none)" for rows without any.
    """
    weights = bootstrap_weights(prepared.units, random_state)
    y = np.column_stack([prepared.y, ~prepared.y.any(axis=1)])
    names = [*prepared.taxonomy.ids, "(none)"]

    def group(members: Any) -> dict[str, Any]:
        n = y[members].sum(axis=0)
        drawn = weights[:, members]
        size = drawn.sum(axis=1)
        # A sample that draws nothing of a small group says nothing of its shares.
        samples = (drawn @ y[members].astype(np.float64))[size > 0] / size[size > 0, None]
        return {
            "n_sentences": len(members),
            "narratives": {
                name: {
                    "n": int(n[k]),
                    "share": round(float(n[k]) / len(members), 4),
                    "interval": interval(samples[:, k]),
                }
                for k, name in enumerate(names)
            },
        }

    result: dict[str, Any] = {"all": group(np.arange(len(y)))}
    for column in ("language", "register"):
        values = np.array([getattr(row, column) for row in prepared.rows])
        result[f"by_{column}"] = {
            str(value): group(np.flatnonzero(values == value)) for value in sorted(set(values.tolist())) if value
        }
    return result
