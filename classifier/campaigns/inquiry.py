"""Posts to findings: the one call that the command line, the page and the tables are made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from classifier.campaigns.findings import Findings, Post
from classifier.campaigns.prevalence import MeasuredRates
from classifier.model.scoring import NarrativeModel

Progress = Callable[[str, float], None]
"""Called with the stage and the share done, 0 to 1."""


def inquire(
    posts: Sequence[Post],
    model: NarrativeModel,
    *,
    bin: timedelta | None = None,
    rates: Mapping[str, MeasuredRates] | None = None,
    random_state: int = 0,
    skipped: Mapping[str, int] | None = None,
    progress: Progress | None = None,
) -> Findings:
    """Find prevalence, bursts, clusters and shifts of voice.

    Parameters
    ----------
    posts : sequence of Post
        In any order; ids are unique.
    model : NarrativeModel
    bin : timedelta or None
        How long a step of time is, counted from midnight UTC; chosen by the length of the stream where None.
    rates : mapping of narrative to MeasuredRates, or None
        The classifier's error rates, from :func:`classifier.campaigns.prevalence.rates_from_posts`; where None, those
        of the model's cross-validation.
    random_state : int
        The same posts, model and state give the same findings.
    skipped : mapping or None
        Records that were left out before, by reason; passed on.

    Raises
    ------
    InputError
        Two posts have one id, a time has no time zone, or an option is out of its range.
    """
    raise NotImplementedError
