"""A comparison of two batches as one HTML page that needs nothing else."""

from __future__ import annotations

from html import escape

from classifier.training.drift import Change, Drift

VERDICTS = {
    "none": "No drift found.",
    "look": "Something moved: label a sample of the new texts and look.",
    "retrain": "Retraining is due.",
    "too few": "Too few texts to say anything.",
}

_STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;
color:#111;background:#fff}
table{border-collapse:collapse;margin:1rem 0}th,td{padding:.25rem .75rem;border-bottom:1px solid #bbb;text-align:right}
th:first-child,td:first-child{text-align:left}caption{text-align:left;font-weight:600}"""


def drift_page(drift: Drift, old: str, new: str) -> str:
    """The page; ``old`` and ``new`` are what the batches are called."""
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in drift.reasons)
    changes = [("texts with an unsure narrative", drift.unsure), ("unfamiliar texts", drift.unfamiliar)]
    if drift.unknown_words is not None:
        changes.append(("unknown words", drift.unknown_words))
    shares = "".join(_row(name, *_change(change)) for name, change in changes)
    narratives = "".join(
        _row(
            entry.id,
            *_change(entry.prevalence),
            _figure(entry.ks),
            "" if entry.p_adjusted is None else f"{entry.p_adjusted:.2g}",
            _figure(entry.psi),
            _figure(entry.psi_by_chance),
        )
        for entry in drift.narratives
    )
    words = "".join(_row(w.word, str(w.n_old), str(w.n_new), f"{w.z:+.1f}") for w in drift.words)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Drift</title><style>{_STYLE}</style></head><body>
<h1>{escape(VERDICTS[drift.verdict])}</h1>
<p>{escape(old)} ({drift.n_old:,} texts) and {escape(new)} ({drift.n_new:,} texts).</p>
<ul>{reasons}</ul>
<table><caption>Shares, with 99 % intervals of the difference</caption>
{_head("", "old", "new", "difference")}{shares}</table>
<table><caption>Narratives: texts tagged, with 95 % intervals of the difference; and their scores</caption>
{_head("", "old", "new", "difference", "KS", "adjusted p", "stability index", "by chance up to")}{narratives}</table>
<table><caption>Words that are new (z above 0) or gone</caption>
{_head("", "texts, old", "texts, new", "z")}{words}</table>
</body></html>
"""


def _change(change: Change) -> tuple[str, str, str]:
    return f"{change.old:.1%}", f"{change.new:.1%}", f"{change.low:+.1%} to {change.high:+.1%}"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _row(*cells: str) -> str:
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>\n"


def _head(*cells: str) -> str:
    return "<tr>" + "".join(f'<th scope="col">{escape(cell)}</th>' for cell in cells) + "</tr>\n"
