"""The whole inquiry: on a made-up campaign, and on streams in which there is nothing to find."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.campaign_maker import held_out_material, make_stream
from classifier import NarrativeModel
from classifier.campaigns.bins import CHOICES, bin_of, choose_bin
from classifier.campaigns.boilerplate import find_cores
from classifier.campaigns.findings import Post
from classifier.campaigns.inquiry import UNFAMILIAR, inquire
from classifier.campaigns.tagging import tag_posts
from classifier.errors import InputError
from tests.campaigns.made_up import BEGIN

TEXT = "They spread Russophobia and prepare an inevitable war against Russia."


def post(number: int, hours: float = 0.0, text: str = TEXT, source: str = "a") -> Post:
    return Post(f"p{number}", text, BEGIN + timedelta(hours=hours), source, None, "posts.csv", number)


def test_planted_campaigns_are_found(shipped: NarrativeModel) -> None:
    """A small stream: each campaign has its burst and its cluster, and shares add up."""
    stream = make_stream(held_out_material(), random_state=4, n_campaigns=2, n_days=14, echoes=(14, 18))
    seen: list[str] = []
    found = inquire(stream.posts[::-1], shipped, progress=lambda stage, share: seen.append(stage))
    assert [tagged.post for tagged in found.posts] == stream.posts
    assert found.model == shipped.identity
    for campaign in stream.campaigns:
        burst = next(b for b in found.bursts if b.narrative == campaign.narrative)
        assert burst.begin <= campaign.end
        assert burst.end >= campaign.begin
        cluster = next(c for c in found.clusters if c.id == burst.cluster)
        inside = [echo for echo in cluster.echoes if echo.post in campaign.members]
        assert len(inside) > len(campaign.members) / 2
        assert [echo.lag for echo in cluster.echoes] == sorted(echo.lag for echo in cluster.echoes)
    for narrative in shipped.ids:
        parts = [p for p in found.overall if p.narrative == narrative]
        assert parts[0].source is None
        assert parts[0].share.n_posts == sum(p.share.n_posts for p in parts[1:])
        assert parts[0].share.n_tagged == sum(p.share.n_tagged for p in parts[1:])
        over_time = [p for p in found.prevalence if p.narrative == narrative]
        if over_time:
            assert parts[0].share.n_tagged == sum(p.share.n_tagged for p in over_time)
            assert all(p.end - p.begin == found.bin and p.source is None for p in over_time)
    assert {r.narrative for r in found.error_rates} == set(shipped.ids)
    assert len(set(seen)) >= 4
    assert found == inquire(stream.posts, shipped)


@pytest.mark.parametrize(
    "posts",
    [
        [],
        [post(1)],
        [post(i) for i in range(12)],
        [post(i, i, source="a") for i in range(12)],
        [post(i, -i * 1_000) for i in range(4)],
        [post(i, i, text="") for i in range(4)],
        [post(i, i, text="👍\n\n") for i in range(4)],
    ],
    ids=["none", "one", "one-moment", "one-source", "backwards", "empty", "no-words"],
)
def test_small_streams(posts: list[Post], small_model: NarrativeModel) -> None:
    """Sensible emptiness, no error."""
    found = inquire(posts, small_model)
    assert sorted(tagged.post.id for tagged in found.posts) == sorted(p.id for p in posts)
    assert found.bursts == ()
    assert found.shifts == ()
    assert found.pairs == ()
    assert all(p.share.n_posts <= len(posts) for p in found.overall)


def test_any_code_point(small_model: NarrativeModel) -> None:
    """Half characters, zeros and right-to-left marks are text too."""
    posts = [post(i, i, f"{TEXT} \ud800 \x00 \u202e{'!' * i}", source=f"s{i}") for i in range(4)]
    found = inquire(posts, small_model)
    assert [len(cluster.echoes) for cluster in found.clusters] == [4]


def test_unfamiliar_posts_stand_in_no_share(small_model: NarrativeModel) -> None:
    """Posts in another language are counted apart; a post without words carries nothing."""
    posts = [post(1), post(2, 1, "Tüm komşular dün akşam sessizce şehirden ayrıldılar."), post(3, 2, "🔥")]
    found = inquire(posts, small_model, skipped={"no time": 3})
    assert dict(found.skipped) == {"no time": 3, UNFAMILIAR: 1}
    assert {p.share.n_posts for p in found.overall if p.source is None} == {2}


def test_bad_input_is_named(small_model: NarrativeModel) -> None:
    """Ids that are no ids, times without a zone, steps that lead nowhere."""
    with pytest.raises(InputError, match=r"posts\.csv row 1 and posts\.csv row 1 have the same id 'p1'"):
        inquire([post(1), post(1, 3)], small_model)
    with pytest.raises(InputError, match="no time zone"):
        inquire([replace(post(1), time=datetime(2026, 3, 1))], small_model)
    with pytest.raises(InputError, match="longer than 0"):
        inquire([post(1)], small_model, bin=timedelta(0))
    with pytest.raises(InputError, match="ask for longer steps"):
        inquire([post(1), post(2, 10_000)], small_model, bin=timedelta(minutes=1))


def test_tags_are_spans_of_the_whole_text(small_model: NarrativeModel) -> None:
    """Without the footer, in offsets of the caller's text."""
    footer = "Subscribe to the channel\nOur chat: @a"
    posts = [
        post(i, i * 10, f"{TEXT[:-1]}, day {i}.\nWhat is to be done about it, number {i}, nobody knows.\n{footer}")
        for i in range(8)
    ]
    tagged = tag_posts(posts, small_model)
    for one in tagged:
        text = one.post.text
        assert text[slice(*one.core)] == text.removesuffix("\nSubscribe to the channel\nOur chat: @a")
        assert any(text[tag.begin : tag.end].startswith(TEXT[:40]) for tag in one.tags)
    day = [post(i, i, f"News number {i} of the day.\n{TEXT if i in (3, 4, 5) else i}") for i in range(12)]
    claim = next(p for p in tag_posts(day, small_model) if p.post.id == "p4")
    assert claim.core == (0, len(claim.post.text))  # said for three hours of twelve: a claim, no footer
    assert any(claim.post.text[tag.begin : tag.end] == TEXT for tag in claim.tags)


def test_boilerplate_alone_stays() -> None:
    """A post that is nothing else is kept."""
    posts = [post(i, i * 10, "Good morning!") for i in range(9)]
    assert find_cores(posts) == [(0, 13)] * 9


@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(CHOICES),
)
def test_bins_hold_their_times(time: datetime, bin: timedelta) -> None:
    """Each begins at a multiple of itself; days begin at midnight, weeks on Mondays."""
    begin = bin_of(time, bin)
    assert begin <= time < begin + bin
    assert bin_of(begin, bin) == begin
    if bin >= timedelta(days=1):
        assert (begin.hour, begin.minute) == (0, 0)
    if bin == timedelta(days=7):
        assert begin.weekday() == 0
    assert (time + timedelta(days=40) - time) / choose_bin(time, time + timedelta(days=40)) <= 60
