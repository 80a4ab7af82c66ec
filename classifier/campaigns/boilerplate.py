"""What a source puts under (or over) its posts: footers, calls to subscribe, lists of links. It is no part of a claim.

A sentence or line among the first two or last four of a source's posts is boilerplate where it stands there in a
quarter of them or more, three at least, over half of the time in which the source posts or longer: what a source
repeats for a day is a claim.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from classifier.campaigns.findings import Post
from classifier.corpus.splits import fold
from classifier.text.sentences import split_sentences

N_FIRST, N_LAST = 2, 4
MIN_POSTS = 3
MIN_SHARE = 0.25
MIN_TIME = 0.5


def find_cores(posts: Sequence[Post]) -> list[tuple[int, int]]:
    """Half-open span of each post from its first to its last sentence that is no boilerplate; the last one stays."""
    pieces = [[(b, e, fold(post.text[b:e])) for b, e in split_sentences(post.text)] for post in posts]
    times: dict[str, list[datetime]] = defaultdict(list)
    said: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for post, found in zip(posts, pieces, strict=True):
        times[post.source].append(post.time)
        if len(found) > 1:
            for piece in {piece for _, _, piece in (*found[:N_FIRST], *found[-N_LAST:])}:
                said[post.source, piece].append(post.time)
    boilerplate = {
        key
        for key, when in said.items()
        if len(when) >= max(MIN_POSTS, MIN_SHARE * len(times[key[0]]))
        and max(when) - min(when) >= MIN_TIME * (max(times[key[0]]) - min(times[key[0]]))
    }
    cores = []
    for post, found in zip(posts, pieces, strict=True):
        first, last = 0, len(found)
        while last - first > 1 and (post.source, found[last - 1][2]) in boilerplate:
            last -= 1
        while last - first > 1 and (post.source, found[first][2]) in boilerplate:
            first += 1
        cores.append((found[first][0], found[last - 1][1]) if found else (0, len(post.text)))
    return cores
