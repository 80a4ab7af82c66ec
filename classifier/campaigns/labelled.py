"""Error rates from a sample of the very posts, labelled by a person."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from classifier.campaigns.findings import Post
from classifier.campaigns.prevalence import MeasuredRates, rates_from_posts
from classifier.campaigns.tagging import Progress, tag_posts
from classifier.corpus.files import read_labels
from classifier.errors import InputError
from classifier.model.scoring import NarrativeModel


def rates_from_labels(
    file: Path, posts: Sequence[Post], model: NarrativeModel, progress: Progress | None = None
) -> dict[str, MeasuredRates]:
    """Rates of posts. A row of the label file is one of ``posts``: the one with its id, or else with its text.

    Raises
    ------
    CorpusError
        The file is no label file.
    InputError
        It names a narrative that the model does not know, or a post that is not there.
    """
    ids = {post.id for post in posts}
    texts = {post.text.strip(): post.id for post in reversed(posts)}
    carries: dict[str, set[str]] = {}
    for row in read_labels(file):
        unknown = sorted(set(row.labels) - set(model.ids))
        if unknown:
            raise InputError(f"{row.place}: {unknown[0]!r} is no narrative of the model {model.identity.name}")
        found = row.id if row.id in ids else texts.get(row.text.strip())
        if found is None:
            raise InputError(
                f"{row.place}: neither its id {row.id!r} nor its text is that of a post; label a sample of these posts"
            )
        carries[found] = set(row.labels)
    return rates_from_posts(tag_posts(posts, model, progress), carries, list(model.ids))
