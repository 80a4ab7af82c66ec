"""Findings as one HTML file that asks nothing of anybody: plots, their figures as tables, and how they were made.

What draws (Vega, Vega-Lite, Vega-Embed) stands in the file, as vl-convert bundles it. A policy names the two scripts by
their hashes and forbids every other, every request and ``eval``: Vega's expressions are interpreted.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from html import escape
from typing import Any

from classifier.campaigns import wording
from classifier.campaigns.addresses import is_web_address
from classifier.campaigns.findings import Burst, Cluster, Findings, Post, PrevalencePoint, Share
from classifier.campaigns.page_script import SCRIPT
from classifier.campaigns.page_style import STYLE
from classifier.campaigns.tables import iso
from classifier.errors import MissingExtra

MAX_SOURCES = 30
MAX_CLUSTERS = 40
MAX_ECHOES = 150
MAX_TEXT = 400
"""More stands in the CSV files; the page says so."""


def to_html(findings: Findings, *, title: str, command: str) -> str:
    """The whole file. Every text is escaped, every address that is not http or https is left out.

    Parameters
    ----------
    findings
        What it shows; without texts or with pseudonyms where ``classifier.campaigns.privacy`` has seen to that.
    title
        Its heading.
    command
        The command that made it.

    Raises
    ------
    MissingExtra
        Altair or vl-convert are not installed.
    """
    return _Page(findings, title, command).write()


class _Page:
    def __init__(self, findings: Findings, title: str, command: str) -> None:
        self.found = findings
        self.title = title
        self.command = command
        self.posts = {tagged.post.id: tagged.post for tagged in findings.posts}
        self.overall = {point.narrative: point.share for point in findings.overall if point.source is None}
        self.series: dict[str, list[PrevalencePoint]] = defaultdict(list)
        for point in findings.prevalence:
            if point.source is None:
                self.series[point.narrative].append(point)
        self.bursts: dict[str, list[Burst]] = defaultdict(list)
        for burst in findings.bursts:
            self.bursts[burst.narrative].append(burst)
        met = {n for n, share in self.overall.items() if share.n_tagged} | set(self.bursts)
        self.narratives = sorted(
            (n for n in findings.names if n in met), key=lambda n: -self.overall[n].share if n in self.overall else 0.0
        )
        self.number = {narrative: i for i, narrative in enumerate(self.narratives)}
        self.absent = [n for n in findings.names if n not in met]
        self.rows: dict[str, dict[str, Any]] = {kind: {} for kind in ("overall", "time", "sources", "echoes", "voices")}
        edges = [time for points in self.series.values() for point in points for time in (point.begin, point.end)]
        # All plots over time show the same days.
        self.rows["period"] = {"all": [{"time": iso(time)} for time in (min(edges), max(edges))] if edges else []}

    def write(self) -> str:
        bundle, specs = _drawing()
        sections = [
            ("summary", "In short", self._summary()),
            ("narratives", "How often", self._overall()),
            ("time", "Over time", self._time()),
            ("sources", "By source", self._sources()),
            ("bursts", "Bursts", self._bursts()),
            ("echoes", "Who said it first, and who echoed it", self._echoes()),
            ("voices", "Asserted, reported or rejected", self._voices()),
            ("method", "How far to trust this", self._method()),
        ]
        body = [
            f"<header><h1>{escape(self.title)}</h1>",
            '<nav aria-label="Sections"><ul>',
            *(f'<li><a href="#{key}">{heading}</a></li>' for key, heading, _ in sections),
            "</ul></nav></header>",
            "<main>",
            "<noscript><p>Without scripts there are no plots here; the tables and the CSV files hold the same "
            "figures.</p></noscript>",
            *self._filter(),
        ]
        for key, heading, lines in sections:
            body += [f'<section aria-labelledby="{key}">', f'<h2 id="{key}">{heading}</h2>', *lines, "</section>"]
        body.append("</main>")
        scripts = (_wellformed(bundle), _wellformed(SCRIPT))
        hashes = " ".join(f"'sha256-{b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts)
        policy = (
            f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
            "form-action 'none'"
        )
        parts = [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="referrer" content="no-referrer">',
            f"<title>{escape(self.title)}</title>",
            f"<style>\n{STYLE}</style>",
            "</head>",
            "<body>",
            *body,
            _data("specs", specs),
            _data("rows", self.rows),
            *(f"<script>{script}</script>" for script in scripts),
            "</body>",
            "</html>",
        ]
        return _wellformed("\n".join(parts) + "\n")

    # ---- sections

    def _filter(self) -> list[str]:
        boxes = [
            f'<label><input type="checkbox" name="narrative" value="{i}" checked> {_bdi(self._name(n))}</label>'
            for i, n in enumerate(self.narratives)
        ]
        return [
            '<details id="filter" hidden><summary>Choose narratives</summary>',
            "<fieldset><legend>Narratives shown</legend>",
            '<p><button type="button" id="all">All</button><button type="button" id="none">None</button></p>',
            *boxes,
            '</fieldset><p id="shown" role="status" class="quiet"></p></details>',
        ]

    def _summary(self) -> list[str]:
        found = self.found
        identity = found.model
        sources = len({post.source for post in self.posts.values()})
        skipped = ", ".join(f"{reason}: {n:,}" for reason, n in found.skipped.items()) or "none"
        facts = [
            ("Posts", f"{len(found.posts):,} from {wording.counted(sources, 'source')}"),
            ("Period", f"{wording.period(found)}; all times in UTC"),
            ("Left out", skipped),
            ("Model", f"{identity.name} {identity.version}, {identity.digest}"),
            ("Found", self._found()),
        ]
        lines = ["<dl>", *(f"<dt>{key}</dt><dd>{escape(value)}</dd>" for key, value in facts), "</dl>"]
        stand_out = [
            f"{_bdi(self._name(b.narrative))}: {escape(wording.told_burst(b))}"
            for b in sorted(found.bursts, key=lambda b: b.p_value)[:5]
        ]
        stand_out += [
            f"{_bdi(self._name(s.narrative))}: {escape(wording.told_shift(s))}"
            for s in sorted(found.shifts, key=lambda s: s.p_value)[:3]
        ]
        stand_out += [_straight(wording.told_cluster(c, found)) for c in self._clusters()[:3] if len(c.sources) > 1]
        if stand_out:
            lines += ["<h3>What stands out</h3><ul>", *(f"<li>{line}</li>" for line in stand_out), "</ul>"]
        return lines

    def _found(self) -> str:
        found = self.found
        several = sum(len(cluster.sources) > 1 for cluster in found.clusters)
        return (
            f"{len(self.narratives)} of {wording.counted(len(found.names), 'narrative')}, "
            f"{wording.counted(len(found.bursts), 'burst')}, {wording.counted(len(found.clusters), 'cluster')} of "
            f"posts that say the same ({several:,} in more than one source), "
            f"{wording.counted(len(found.shifts), 'voice shift')}"
        )

    def _overall(self) -> list[str]:
        shares = [(n, self.overall[n]) for n in self.narratives if n in self.overall]
        if not shares:
            return ["<p>No post carries a narrative.</p>"]
        points = [{"n": self.number[n], "name": _label(self._name(n)), **_share(share)} for n, share in shares]
        self.rows["overall"]["all"] = {"points": points}
        first, share = shares[0]
        alt = f"{len(shares)} narratives by adjusted share; the most frequent is {self._name(first)}: {_told(share)}."
        rows = [
            (self._row(n), [self._name(n), *_figures(share), self.found.definitions.get(n, "")]) for n, share in shares
        ]
        headings = ("narrative", *_FIGURES, "definition")
        lines = [
            "<p>Share of all posts that carry each narrative: adjusted for the classifier's own errors, with its 95 % "
            "interval; the grey mark is the raw share, which counts tagged posts.</p>",
            *_figure("overall", "all", alt, ""),
            *_table("Share of posts over the whole period", headings, rows, words=("narrative", "definition")),
        ]
        if self.absent:
            names = ", ".join(_bdi(self._name(n)) for n in self.absent)
            lines.append(f'<p class="quiet">In no post: {names}.</p>')
        return lines

    def _time(self) -> list[str]:
        lines = [
            f"<p>Bins of {escape(wording.lag(self.found.bin))}. Point at a bin for its figures.</p>",
            '<ul class="key"><li><span class="adjusted"></span>adjusted share</li>'
            '<li><span class="band"></span>95 % interval</li><li><span class="raw"></span>raw share</li>'
            '<li><span class="burst"></span>burst</li></ul>',
            '<label class="choice"><input type="checkbox" id="same-scale"> same vertical scale for all</label>',
            '<div class="panels">',
        ]
        for narrative in self.narratives:
            key, series = str(self.number[narrative]), self.series[narrative]
            bursts = self.bursts[narrative]
            self.rows["time"][key] = {
                "points": _without_gaps([_point(point, bursts) for point in series]),
                "marks": [{"begin": iso(b.begin), "end": iso(b.end)} for b in bursts],
            }
            told = _told(self.overall[narrative]) if narrative in self.overall else ""
            more = f"; {wording.counted(len(bursts), 'burst')}" if bursts else ""
            lines += [
                f'<div data-narratives="{key}"><h3>{_bdi(self._name(narrative))}</h3>',
                *_figure("time", key, f"{self._name(narrative)} over time: {_peak(series)}{more}.", f"{told}{more}."),
                *_opened("time", key, f"Figures of {self._name(narrative)}", ("from", *_FIGURES, "burst")),
                "</div>",
            ]
        return [*lines, "</div>"]

    def _sources(self) -> list[str]:
        posts: dict[str, int] = defaultdict(int)
        for post in self.posts.values():
            posts[post.source] += 1
        kept = sorted(posts, key=lambda source: (-posts[source], source))[:MAX_SOURCES]
        shares = {(p.narrative, p.source): p.share for p in self.found.overall if p.source is not None}
        shares = {key: share for key, share in shares.items() if key[1] in kept and key[0] in self.number}
        if not shares:
            return ["<p>Nothing to compare between sources.</p>"]
        labels = _unique([_label(source, 40) for source in kept])
        self.rows["sources"]["all"] = {
            "points": [
                {
                    "n": self.number[narrative],
                    "name": _label(self._name(narrative)),
                    "source": labels[kept.index(source)],
                    **_share(share),
                }
                for narrative in self.narratives
                for source in kept
                if (share := shares.get((narrative, source))) is not None
            ]
        }
        (top, where), share = max(shares.items(), key=lambda item: item[1].low)
        alt = (
            f"Adjusted share of {len(self.narratives)} narratives in {wording.counted(len(kept), 'source')}; the "
            f"surest is {self._name(top)} in {where}: {_told(share)}."
        )
        rows = []
        for narrative in self.narratives:
            mine = [shares.get((narrative, source)) for source in kept]
            told = [
                "" if s is None else f"{wording.percent(s.share)} ({wording.interval(s.low, s.high)})" for s in mine
            ]
            rows.append((self._row(narrative), [self._name(narrative), *told]))
        headings = ("narrative", *(f"{source} ({posts[source]:,})" for source in kept))
        left = len(posts) - len(kept)
        note = f"The {len(kept)} sources with the most posts; {left:,} more stand in sources.csv. " if left else ""
        caption = "Adjusted shares with 95 % intervals, and how many posts each source has"
        return [
            f"<p>{note}Sources differ in what they write about, and a share of few posts is uncertain: look at the "
            "interval.</p>",
            *_figure("sources", "all", alt, "", wide=True),
            "<details><summary>Figures by source</summary>",
            *_table(caption, headings, rows, words=("narrative",)),
            "</details>",
        ]

    def _bursts(self) -> list[str]:
        if not self.found.bursts:
            return ["<p>No narrative came faster than its own base rate foresees.</p>"]
        rows = []
        for b in sorted(self.found.bursts, key=lambda b: (b.begin, b.narrative)):
            first = self.posts.get(b.first_post)
            told = "" if first is None else f"{wording.minute(first.time)}, {first.source}"
            rows.append(
                (
                    self._row(b.narrative),
                    [
                        *(self._name(b.narrative), wording.minute(b.begin), wording.minute(b.end), f"{b.n_posts:,}"),
                        *(f"{b.expected:.1f}", f"{b.p_value:.2g}", told, _listed(b.sources), b.cluster or ""),
                    ],
                )
            )
        headings = ("narrative", "from", "until", "posts", "expected", "p", "first", "sources", "cluster")
        return [
            "<p>A burst is a span in which a narrative was tagged more often than its own base rate here foresees; "
            "p-values are adjusted for all spans looked at.</p>",
            *_table("Bursts in order of time", headings, rows, words=("narrative", "first", "sources")),
        ]

    def _clusters(self) -> list[Cluster]:
        """The widest first, then the largest."""
        return sorted(self.found.clusters, key=lambda c: (-len(c.sources), -len(c.echoes), c.echoes[0].time))

    def _echoes(self) -> list[str]:
        clusters = self._clusters()
        if not clusters:
            return ["<p>No two posts say the same.</p>", *self._pairs()]
        shown = clusters[:MAX_CLUSTERS]
        left = len(clusters) - len(shown)
        lines = [
            "<p>Each line is a source; the ring is the first post in this data, not the first anywhere. An echo says "
            "the same later: that shows neither copying nor coordination nor intent.</p>",
            *([f"<p>The {len(shown)} widest clusters; {left:,} more stand in clusters.csv.</p>"] if left else []),
            '<div class="clusters">',
        ]
        for place, cluster in enumerate(shown):
            lines += self._cluster(cluster, opened=place < 3)
        return [*lines, "</div>", *self._pairs()]

    def _cluster(self, cluster: Cluster, *, opened: bool) -> list[str]:
        echoes = cluster.echoes[:MAX_ECHOES]
        order = list(dict.fromkeys(echo.source for echo in echoes))
        labels = dict(zip(order, _unique([_label(source, 40) for source in order]), strict=True))
        points = []
        rows = []
        for place, echo in enumerate(echoes):
            post = self.posts[echo.post]
            lag = "first" if place == 0 else wording.lag(echo.lag)
            points.append(
                {
                    "source": labels[echo.source],
                    "time": iso(echo.time),
                    "when": wording.minute(echo.time),
                    "lag": lag,
                    "how": wording.told_echo(echo),
                    "voice": echo.voice or "not told",
                    "first": place == 0,
                    **({"text": _label(post.text, 160)} if post.text else {}),
                }
            )
            cells = [_linked(post), escape(lag), _bdi(echo.source), escape(echo.voice or ""), wording.told_echo(echo)]
            rows.append(("", [*cells, *([_text(post.text)] if post.text else [""])]))
        self.rows["echoes"][cluster.id] = {"points": points}
        told = wording.told_cluster(cluster, self.found)
        numbers = " ".join(str(self.number[n]) for n in cluster.narratives if n in self.number)
        kind = "near-duplicates of one another" if cluster.kind == "copies" else "the same claim in other words"
        first = self.posts[echoes[0].post]
        alt = f"{told}. The first is of {first.source}; the sources in order: {', '.join(order)}."
        texts = any(self.posts[echo.post].text for echo in echoes)
        headings = ("time", "lag", "source", "voice", "how", *(["text"] if texts else []))
        left = len(cluster.echoes) - len(echoes)
        summary = f'<p class="quiet" dir="auto">{escape(_cut(cluster.summary))}</p>' if cluster.summary else ""
        return [
            f'<details data-narratives="{numbers}"{" open" if opened else ""}>',
            f"<summary><h3>{_straight(told)}</h3></summary>",
            f'<p class="quiet">Cluster {escape(cluster.id)}: {kind}.'
            f"{f' Its first {MAX_ECHOES} posts; {left:,} more stand in echoes.csv.' if left else ''}</p>",
            summary,
            *_figure("echoes", cluster.id, alt, ""),
            "<details><summary>Posts of this cluster</summary>",
            *_table(
                f"Cluster {cluster.id}, in order of time",
                headings,
                [(mark, row[: len(headings)]) for mark, row in rows],
                words=("source", "how", "text"),
                markup=True,
            ),
            "</details></details>",
        ]

    def _pairs(self) -> list[str]:
        pairs = sorted(self.found.pairs, key=lambda p: -p.n_clusters)[:MAX_CLUSTERS]
        if not pairs:
            return []
        rows = [("", [p.leader, p.follower, f"{p.n_clusters:,}", wording.lag(p.median_lag)]) for p in pairs]
        return [
            "<h3>Who said it before whom</h3>",
            *_table(
                "Pairs of sources; more in pairs.csv",
                ("earlier", "later", "clusters", "median lag"),
                rows,
                words=("earlier", "later"),
            ),
        ]

    def _voices(self) -> list[str]:
        series = defaultdict(list)
        for counted in self.found.voices:
            if sum(counted.counts.values()):
                series[counted.narrative].append(counted)
        told = [n for n in self.narratives if series[n]]
        if not told:
            return ["<p>Nothing to tell of voices.</p>"]
        lines = [
            "<p>Of the tagged posts: how many assert the narrative, report that others say it, or reject it.</p>",
            '<ul class="key"><li><span class="asserted"></span>asserted</li><li><span class="attributed"></span>'
            'attributed</li><li><span class="rejected"></span>rejected</li><li><span class="shift"></span>shift</li>'
            "</ul>",
            '<div class="panels">',
        ]
        for narrative in told:
            key = str(self.number[narrative])
            shifts = [s for s in self.found.shifts if s.narrative == narrative]
            points, sums = [], dict.fromkeys(wording.VOICES, 0)
            for point in series[narrative]:
                total = sum(point.counts.values())
                low = 0
                for voice in wording.VOICES:
                    n = point.counts.get(voice, 0)
                    sums[voice] += n
                    points.append(
                        {
                            "begin": iso(point.begin),
                            "end": iso(point.end),
                            "when": wording.minute(point.begin),
                            "voice": voice,
                            "low": _rounded(low / total),
                            "high": _rounded((low + n) / total),
                            "told": f"{n:,} of {total:,}",
                        }
                    )
                    low += n
            marks = [{"at": iso(s.at), "told": wording.told_shift(s)} for s in shifts]
            self.rows["voices"][key] = {"points": points, "marks": marks}
            words = ", ".join(f"{voice} {n:,}" for voice, n in sums.items())
            changes = "".join(f"; {wording.told_shift(s)}" for s in shifts)
            lines += [
                f'<div data-narratives="{key}"><h3>{_bdi(self._name(narrative))}</h3>',
                *_figure(
                    "voices", key, f"{self._name(narrative)}, voices over time: {words}{changes}.", f"{words}{changes}."
                ),
                *_opened("voices", key, f"Voices of {self._name(narrative)}", ("from", "voice", "posts")),
                "</div>",
            ]
        return [*lines, "</div>"]

    def _method(self) -> list[str]:
        rates = {e.narrative: e for e in self.found.error_rates}
        bases = {e.basis for e in rates.values()}
        # One basis for all is said once: it may be a long sentence.
        basis = bases.pop() if len(bases) == 1 else ""
        rows = [
            (
                self._row(n),
                [
                    self._name(n),
                    *(wording.percent(e.true_positive_rate), wording.interval(*e.true_positive_interval)),
                    *(wording.percent(e.false_positive_rate), wording.interval(*e.false_positive_interval)),
                    *([] if basis else [e.basis]),
                ],
            )
            for n in self.narratives
            if (e := rates.get(n)) is not None
        ]
        parameters = [("", [str(key), str(value)]) for key, value in self.found.parameters.items()]
        headings = ["narrative", "true positive rate", "95 % interval", "false positive rate", "95 % interval"]
        headings += [] if basis else ["measured on"]
        return [
            "<ul>",
            *(f"<li>{escape(caveat)}</li>" for caveat in wording.CAVEATS),
            "</ul>",
            "<p>Before you print a figure, read the posts that it rests on.</p>",
            "<h3>Error rates</h3>",
            f"<p>{escape(_told_unit(self.found))} {escape(f'Measured on: {basis}.') if basis else ''}</p>",
            *_table(
                "How often the classifier tags what carries the narrative, and what does not",
                headings,
                rows,
                words=("narrative", "measured on"),
            ),
            "<h3>How it was made</h3>",
            f"<p>Command: <code>{escape(self.command)}</code></p>",
            *_table("Parameters", ("parameter", "value"), parameters, words=("parameter", "value")),
        ]

    # ---- small things

    def _name(self, narrative: str) -> str:
        return self.found.names.get(narrative) or narrative

    def _row(self, narrative: str) -> str:
        return f' data-narratives="{self.number[narrative]}"' if narrative in self.number else ""


_FIGURES = ("posts", "tagged", "raw", "adjusted", "interval")


def _figures(share: Share) -> list[str]:
    return [
        *(f"{share.n_posts:,}", f"{share.n_tagged:,}", wording.percent(share.raw), wording.percent(share.share)),
        wording.interval(share.low, share.high),
    ]


def _listed(sources: Sequence[str], most: int = 5) -> str:
    return ", ".join(sources[:most]) + (f" and {len(sources) - most:,} more" if len(sources) > most else "")


def _told(share: Share) -> str:
    return f"adjusted share {wording.percent(share.share)} ({wording.interval(share.low, share.high)})"


def _told_unit(findings: Findings) -> str:
    if any(rates.unit == "sentence" for rates in findings.error_rates):
        return "The rates are those of single sentences; for a post they are rolled up by how many sentences it has."
    return "The rates are those of whole posts."


def _share(share: Share) -> dict[str, Any]:
    return {
        "share": _rounded(share.share),
        "low": _rounded(share.low),
        "high": _rounded(share.high),
        "raw": _rounded(share.raw),
        "interval": wording.interval(share.low, share.high),
        "counts": f"{share.n_tagged:,} of {share.n_posts:,} tagged",
    }


def _rounded(value: float) -> float:
    return round(value, 5)


def _point(point: PrevalencePoint, bursts: Sequence[Burst]) -> dict[str, Any]:
    share = point.share
    inside = any(b.begin < point.end and point.begin < b.end for b in bursts)
    return {
        "begin": iso(point.begin),
        "middle": iso(point.begin + (point.end - point.begin) / 2),
        "end": iso(point.end),
        "when": wording.minute(point.begin),
        "n_posts": share.n_posts,
        "n_tagged": share.n_tagged,
        **_share(share),
        "burst": "yes" if inside else "no",
    }


def _without_gaps(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """With a point that says nothing between two that do not follow one another: the line breaks there."""
    filled: list[dict[str, Any]] = []
    for point in points:
        if filled and filled[-1]["end"] < point["begin"]:
            begin = filled[-1]["end"]
            empty = dict.fromkeys(("share", "low", "high", "raw")) | {"interval": "", "counts": "no posts", "burst": ""}
            times = {"begin": begin, "middle": begin, "end": point["begin"], "when": begin[:16].replace("T", " ")}
            filled.append({**empty, **times, "n_posts": 0, "n_tagged": 0})
        filled.append(point)
    return filled


def _peak(series: Iterable[PrevalencePoint]) -> str:
    points = [point for point in series if point.share.n_posts]
    if not points:
        return "no posts"
    top = max(points, key=lambda point: point.share.share)
    return f"highest from {wording.minute(top.begin)}, {_told(top.share)}"


def _figure(plot: str, key: str, alt: str, caption: str, *, wide: bool = False) -> list[str]:
    drawn = (
        f'<div class="plot" role="img" aria-label="{escape(alt)}" data-plot="{plot}" data-key="{escape(key)}"></div>'
    )
    if wide:
        drawn = f'<div class="scroll wide" tabindex="0" role="region" aria-label="Plot, wide">{drawn}</div>'
    told = f'<figcaption dir="auto">{escape(caption)}</figcaption>' if caption else ""
    return ["<figure>", drawn, told, "</figure>"]


def _opened(table: str, key: str, caption: str, headings: Sequence[str]) -> list[str]:
    """A table that the script fills when it is opened: with many bins there are too many rows to write them all out."""
    return [
        f'<details data-table="{table}" data-key="{escape(key)}"><summary>Figures</summary>',
        *_table(caption, headings, [], words=("from", "voice")),
        "</details>",
    ]


def _table(
    caption: str,
    headings: Sequence[str],
    rows: Iterable[tuple[str, Sequence[str]]],
    *,
    words: Sequence[str],
    markup: bool = False,
) -> list[str]:
    """Rows are attributes of the row, and cells; with ``markup`` cells are HTML already."""

    def cell(tag: str, heading: str, text: str, more: str = "") -> str:
        kind = "word text" if heading in ("text", "definition") else "word"
        told = f' class="{kind}" dir="auto"' if heading in words else ""
        return f"<{tag}{told}{more}>{text}</{tag}>"

    head = "".join(cell("th", heading, escape(heading), ' scope="col"') for heading in headings)
    lines = [
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}">',
        f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>",
    ]
    for attributes, cells in rows:
        texts = cells if markup else [escape(text) for text in cells]
        first = cell("th", headings[0], texts[0], ' scope="row"')
        rest = "".join(cell("td", h, text) for h, text in zip(headings[1:], texts[1:], strict=True))
        lines.append(f"<tr{attributes}>{first}{rest}</tr>")
    return [*lines, "</tbody></table></div>"]


def _linked(post: Post) -> str:
    """When it was posted, leading to the post where its address is one of the web."""
    told = wording.minute(post.time)
    if not is_web_address(post.url):
        return told
    return f'<a href="{escape(post.url or "")}" rel="noopener noreferrer nofollow">{told}</a>'


def _bdi(text: str) -> str:
    """Escaped, and kept from turning the text around it (Hebrew, Arabic, control characters)."""
    return f"<bdi>{escape(text)}</bdi>"


def _straight(text: str) -> str:
    """A sentence with names in it, escaped: none of them turns what follows it."""
    return escape(text.translate(_TURNING))


def _text(text: str) -> str:
    return escape(_cut(text))


def _cut(text: str, width: int = MAX_TEXT) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


_TURNING = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(32), *range(0x7F, 0xA0)], " ")


def _label(text: str, width: int = 60) -> str:
    """A text inside a plot: one line, nothing that turns the direction of what follows."""
    return _cut(" ".join(text.translate(_TURNING).split()), width) or "(no name)"


def _unique(labels: Sequence[str]) -> list[str]:
    """Labels of a plot's axis: two that were cut to the same get a number."""
    seen: dict[str, int] = defaultdict(int)
    unique = []
    for label in labels:
        seen[label] += 1
        unique.append(label if seen[label] == 1 else f"{label} ({seen[label]})")
    return unique


def _data(identifier: str, value: Mapping[str, Any]) -> str:
    """JSON in the page; no text in it can end the element."""
    told = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character, told_so in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        told = told.replace(character, told_so)
    return f'<script type="application/json" id="{identifier}">{told}</script>'


def _wellformed(text: str) -> str:
    # Half surrogate pairs cannot be written as UTF-8; a carriage return would be another character to the hash.
    return text.encode("utf-8", "replace").decode("utf-8").replace("\r", " ")


@cache
def _drawing() -> tuple[str, dict[str, dict[str, Any]]]:
    """The bundle, which takes seconds to make, and the plots."""
    try:
        import vl_convert

        from classifier.campaigns.plots import specifications
    except ImportError as error:
        raise MissingExtra("Drawing the page", "campaign") from error
    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    if "</script" in bundle.lower() or "<!--" in bundle:
        raise AssertionError("the bundle cannot stand inside a page")
    return bundle, specifications()


def default_title(findings: Findings) -> str:
    """What the page and the report are called where nobody says."""
    return f"Narratives, {wording.period(findings)}"
