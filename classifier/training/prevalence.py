"""How often each narrative occurs: over all rows, per language, per register."""

from __future__ import annotations

from typing import Any

import numpy as np

from classifier.training.evaluation import Prepared
from classifier.training.metrics import bootstrap_sums, interval


def prevalence(prepared: Prepared, *, random_state: int = 0) -> dict[str, Any]:
    """Shares of the rows that carry each narrative. Intervals are 95 %, from drawing whole units.

    Returns
    -------
    dict
        ``all``, ``by_language`` and ``by_register`` (value -> group). A group has ``n_sentences`` and ``narratives``:
        narrative -> ``n``, ``share``, ``interval``; with "(none)" for rows without any.
    """
    y = np.column_stack([prepared.y, ~prepared.y.any(axis=1)])
    names = [*prepared.taxonomy.ids, "(none)"]
    groups = {("all", ""): np.ones(len(y), dtype=np.bool_)}
    for column in ("language", "register"):
        values = np.array([getattr(row, column) for row in prepared.rows])
        groups |= {(column, value): values == value for value in sorted(set(values.tolist())) if value}
    members = [np.column_stack([y & inside[:, None], inside]) for inside in groups.values()]
    drawn = np.split(bootstrap_sums(prepared.units, np.hstack(members), random_state), len(members), axis=1)
    result: dict[str, Any] = {"all": {}, "by_language": {}, "by_register": {}}
    for (column, value), inside, sums in zip(groups, groups.values(), drawn, strict=True):
        n, n_inside = y[inside].sum(axis=0), int(inside.sum())
        size = sums[:, -1]
        # A sample that draws nothing of a small group says nothing of its shares.
        samples = sums[size > 0, :-1] / size[size > 0, None]
        group = {
            "n_sentences": n_inside,
            "narratives": {
                name: {
                    "n": int(n[k]),
                    "share": round(float(n[k]) / n_inside, 4),
                    "interval": interval(samples[:, k]),
                }
                for k, name in enumerate(names)
            },
        }
        if column == "all":
            result["all"] = group
        else:
            result[f"by_{column}"][value] = group
    return result
