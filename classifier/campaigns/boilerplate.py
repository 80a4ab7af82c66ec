"""What a source puts under (or over) its posts: footers, calls to subscribe, lists of links. It is no part of a claim.

A sentence or line that opens or closes a post is boilerplate where it does so in a tenth of the source's posts or more,
in at least three of them, and the model finds no narrative in it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from classifier.campaigns.findings import TaggedPost
from classifier.corpus.splits import fold
from classifier.text.sentences import split_sentences

MIN_POSTS = 3
MIN_SHARE = 0.1


def without_boilerplate(tagged: Sequence[TaggedPost]) -> list[str]:
    """The text of each post from its first to its last sentence that is no boilerplate; whole where all of it is."""
    spans = [_open_spans(post) for post in tagged]
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    sizes = Counter(post.post.source for post in tagged)
    for post, pieces in zip(tagged, spans, strict=True):
        counts[post.post.source].update({said for _, _, said in (*pieces[:1], *pieces[-1:]) if said})
    texts = []
    for post, pieces in zip(tagged, spans, strict=True):
        known = counts[post.post.source]
        least = max(MIN_POSTS, MIN_SHARE * sizes[post.post.source])
        first, last = 0, len(pieces)
        while last - first > 1 and known[pieces[last - 1][2]] >= least:
            last -= 1
        while last - first > 1 and known[pieces[first][2]] >= least:
            first += 1
        whole = post.post.text
        texts.append(whole[pieces[first][0] : pieces[last - 1][1]] if pieces else whole)
    return texts


def _open_spans(post: TaggedPost) -> list[tuple[int, int, str]]:
    """Sentences with their folded text, which is empty where they carry something."""
    text = post.post.text
    carrying = {(tag.begin, tag.end) for tag in post.tags}
    return [
        (begin, end, "" if (begin, end) in carrying else fold(text[begin:end])) for begin, end in split_sentences(text)
    ]
