"""Tagged posts made up without a model."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from classifier.campaigns.findings import Post, Tag, TaggedPost, Voices

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)


def tagged_post(
    number: int,
    hours: float,
    *narratives: str,
    text: str = "",
    source: str = "a",
    voice: Voices | None = "asserted",
    n_sentences: int = 1,
    familiar: bool = True,
) -> TaggedPost:
    """A post that is tagged "yes" with these narratives by its whole text."""
    said = text or f"Text number {number}."
    post = Post(f"p{number:05d}", said, BEGIN + timedelta(hours=hours), source, None, "made-up", number)
    tags = tuple(Tag(narrative, 0.9, "yes", voice, 0, len(said)) for narrative in narratives)
    return TaggedPost(post, tags, n_sentences, familiar, (0, len(said)))
