"""Findings in words: figures, times and lags, and what has to be said beside them wherever they are shown."""

from __future__ import annotations

from datetime import datetime, timedelta

from classifier.campaigns.findings import Burst, Cluster, Echo, Findings, Share, Voices, VoiceShift

VOICES: tuple[Voices, ...] = ("asserted", "attributed", "rejected")

CAVEATS = (
    "A tag says that a post carries the wording of a narrative. It does not say that the post is false, nor what its "
    "author intends. Reporting or rejecting a narrative is not endorsing it: look at the voice.",
    "Adjusted shares correct the count of tagged posts for the classifier's own errors. They hold if the classifier "
    "errs here as often as where its error rates were measured (see the table of error rates). If these posts are of "
    "another kind, label a sample of them and give it with --labelled.",
    '"First" means first in this data. An earlier post may exist elsewhere, may have been deleted, or may not have '
    "been collected.",
    "An echo is a post that says the same later. It shows neither copying nor coordination nor intent, and a "
    "fact-check that repeats a claim in order to refute it is not an echo of it.",
    "A burst is more tagged posts than the narrative's base rate here foresees. It may answer to news as well as to a "
    "plan.",
)


def percent(share: float) -> str:
    """One decimal below 10 %, none from there on."""
    return f"{share:.1%}" if abs(share) < 0.0995 else f"{share:.0%}"


def interval(low: float, high: float) -> str:
    """ "1.2% to 3.4%"."""
    return f"{percent(low)} to {percent(high)}"


def minute(time: datetime) -> str:
    """ "2026-03-01 12:30": times are in UTC everywhere, which is said once."""
    return f"{time:%Y-%m-%d %H:%M}"


def span(begin: datetime, end: datetime) -> str:
    """From when until when; the day once where it is the same."""
    if begin.date() == end.date():
        return f"{minute(begin)} to {end:%H:%M}"
    return f"{minute(begin)} to {minute(end)}"


def lag(time: timedelta) -> str:
    """ "45 s", "12 min", "3 h 5 min", "2 d 4 h"."""
    seconds = int(time.total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def counted(n: int, one: str, many: str = "") -> str:
    """ "1 post", "1,200 posts"."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def told_share(share: Share) -> str:
    """A share with its interval and what it was counted on."""
    return (
        f"adjusted share {percent(share.share)} ({interval(share.low, share.high)}), "
        f"{share.n_tagged:,} of {counted(share.n_posts, 'post')} tagged ({percent(share.raw)})"
    )


def told_burst(burst: Burst) -> str:
    """When, how many, and how many were to be expected."""
    return (
        f"burst {span(burst.begin, burst.end)}: {counted(burst.n_posts, 'tagged post')} where "
        f"{burst.expected:.1f} were expected (p = {burst.p_value:.2g}), in {counted(len(burst.sources), 'source')}"
    )


def told_shift(shift: VoiceShift) -> str:
    """What changed, when, and how sure that is."""
    return (
        f"voice shift at {minute(shift.at)}: {shift.voice} {percent(shift.before)} before ({shift.n_before:,} posts), "
        f"{percent(shift.after)} after ({shift.n_after:,}); difference {interval(shift.low, shift.high)}, "
        f"p = {shift.p_value:.2g}"
    )


def told_echo(echo: Echo) -> str:
    """In which way a post is like the one before it."""
    if echo.how == "first":
        return "first"
    return f"{echo.how} ({echo.similarity:.2f})" + (", again" if echo.again else "")


def told_cluster(cluster: Cluster, findings: Findings) -> str:
    """What the posts carry, how many they are, where and when."""
    first, last = cluster.echoes[0], cluster.echoes[-1]
    names = ", ".join(findings.names.get(n, n) for n in cluster.narratives) or "No narrative"
    said = f"{counted(len(cluster.echoes), 'post')} in {counted(len(cluster.sources), 'source')}"
    rejecting = sum(echo.voice == "rejected" for echo in cluster.echoes)
    said += f" ({rejecting:,} in order to reject it)" if rejecting else ""
    return f"{names}: {said}, first {minute(first.time)}, last {lag(last.lag)} later"


def period(findings: Findings) -> str:
    """The days that the posts cover."""
    times = [tagged.post.time for tagged in findings.posts]
    if not times:
        return "no posts"
    first, last = min(times).date().isoformat(), max(times).date().isoformat()
    return first if first == last else f"{first} to {last}"
