"""Posts to tagged posts: a post carries what one of its sentences carries, boilerplate of its source left aside.

``narratives score`` has a text's own labels too, which ask more of a long text (``classifier/model/documents.py``).
They are left aside here: the model's error rates are measured on sentences, and only what is counted the same way can
be corrected by them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from classifier.campaigns.boilerplate import find_cores
from classifier.campaigns.findings import Post, Tag, TaggedPost, Voices
from classifier.model.answer import Decision, SentenceAnswer, TextAnswer
from classifier.model.documents import MIN_WORDS
from classifier.model.scoring import NarrativeModel
from classifier.text.ngrams import tokens

BATCH = 512

Progress = Callable[[str, float], None]
"""Called with the stage and the share done, 0 to 1."""


def tag_posts(posts: Sequence[Post], model: NarrativeModel, progress: Progress | None = None) -> list[TaggedPost]:
    """Score posts in batches, in their order."""
    cores = find_cores(posts)
    tagged: list[TaggedPost] = []
    for begin in range(0, len(posts), BATCH):
        batch = posts[begin : begin + BATCH]
        within = cores[begin : begin + BATCH]
        answer = model.score([post.text[b:e] for post, (b, e) in zip(batch, within, strict=True)], explain=None)
        tagged.extend(
            _tag(post, core, result, model.coverage_bound)
            for post, core, result in zip(batch, within, answer.results, strict=True)
        )
        if progress:
            progress("scoring posts", len(tagged) / len(posts))
    return tagged


def _tag(post: Post, core: tuple[int, int], result: TextAnswer, coverage_bound: float) -> TaggedPost:
    strongest: dict[str, tuple[Decision, SentenceAnswer]] = {}
    for sentence in result.sentences:
        for label in sentence.labels:
            rank = (label.decision == "yes", label.probability)
            there = strongest.get(label.id)
            if there is None or rank > (there[0].decision == "yes", there[0].probability):
                strongest[label.id] = label, sentence
    tags = [
        Tag(
            label.id,
            label.probability,
            label.decision,
            None if label.voice is None else cast(Voices, label.voice.likeliest),
            core[0] + sentence.begin,
            core[0] + sentence.end,
        )
        for label, sentence in strongest.values()
    ]
    tags.sort(key=lambda tag: (-tag.probability, tag.narrative))
    n_words = [len(tokens(sentence.text)) for sentence in result.sentences]
    # A post without words (a picture, a link) carries nothing: that much is known of it.
    familiar = result.coverage >= coverage_bound or not any(n_words)
    return TaggedPost(post, tuple(tags), max(1, sum(n >= MIN_WORDS for n in n_words)), familiar, core)
