"""The plots of the page as Vega-Lite specifications without data: the page fills in the rows and the colours.

Colours and fonts stand in the page's style, so that plots are as light or dark as it; a mark names a style, and the
page's script says what the style looks like.
"""

from __future__ import annotations

from typing import Any

import altair as alt

SHARE = ".1%"
VOICES = ("asserted", "attributed", "rejected", "not told")
PANEL_HEIGHT = 130
ROW = 24
TIMES = {
    "year": "%Y",
    "quarter": "%b",
    "month": "%-d %b",
    "week": "%-d %b",
    "date": "%-d %b",
    "hours": "%H:%M",
    "minutes": "%H:%M",
    "seconds": "%H:%M:%S",
    "milliseconds": "%H:%M:%S",
}
"""Labels of a time axis: Vega's own have twelve hours."""


def specifications() -> dict[str, dict[str, Any]]:
    """Name of a plot -> specification; its data sets are ``points`` and, for some, ``marks``."""
    charts = {
        "overall": _overall(),
        "time": _time(),
        "sources": _sources(),
        "echoes": _echoes(),
        "voices": _voices(),
    }
    return {name: _plain(chart) for name, chart in charts.items()}


def _plain(chart: Any) -> dict[str, Any]:
    spec: dict[str, Any] = chart.to_dict()
    # The script says which grammar it is; colours are the page's; and nothing in the file shall look like an address.
    del spec["$schema"], spec["config"]
    return spec


def _points() -> Any:
    return alt.Chart(alt.NamedData("points"))


def _marks() -> Any:
    return alt.Chart(alt.NamedData("marks"))


def _period() -> Any:
    """Nothing to see: it makes all plots over time show the same days."""
    return alt.Chart(alt.NamedData("period")).mark_point(opacity=0).encode(x=_utc("time"))


def _utc(field: str, **scale: Any) -> Any:
    axis = alt.Axis(title=None, tickCount=5, labelOverlap=True, grid=False, format=TIMES)
    return alt.X(f"{field}:T", scale=alt.Scale(type="utc", **scale), axis=axis)


def _share_axis(**options: Any) -> Any:
    return alt.Axis(title=None, format="~%", **options)


def _text(field: str, title: str) -> Any:
    return alt.Tooltip(f"{field}:N", title=title)


_SHARE_TOOLTIP = [
    alt.Tooltip("share:Q", title="adjusted share", format=SHARE),
    _text("interval", "95 % interval"),
    alt.Tooltip("raw:Q", title="raw share", format=SHARE),
    _text("counts", "posts"),
]


def _overall() -> Any:
    y = alt.Y("name:N", sort=None, axis=alt.Axis(title=None))
    x = alt.X("share:Q", scale=alt.Scale(domainMin=0), axis=_share_axis(tickCount=5))
    tooltip = [_text("name", "narrative"), *_SHARE_TOOLTIP]
    return alt.layer(
        _points().mark_rule(style="interval").encode(y=y, x=alt.X("low:Q", axis=_share_axis()), x2="high:Q"),
        _points().mark_tick(style="raw-tick").encode(y=y, x="raw:Q"),
        _points().mark_point(style="dot").encode(y=y, x=x, tooltip=tooltip),
        _points().mark_bar(fill="transparent").encode(y=y, x=alt.value(0), x2=alt.value("width"), tooltip=tooltip),
    ).properties(width="container", height=alt.Step(ROW))


def _time() -> Any:
    y = {"scale": alt.Scale(domainMin=0, nice=True), "axis": _share_axis(tickCount=4)}
    return alt.layer(
        _period(),
        _marks().mark_rect(style="burst").encode(x=_utc("begin"), x2="end:T"),
        _points().mark_area(style="band").encode(x=_utc("middle"), y=alt.Y("low:Q", **y), y2="high:Q"),
        _points().mark_line(style="raw").encode(x=_utc("middle"), y=alt.Y("raw:Q", **y)),
        _points().mark_line(style="adjusted").encode(x=_utc("middle"), y=alt.Y("share:Q", **y)),
        _points().mark_point(style="dot").encode(x=_utc("middle"), y=alt.Y("share:Q", **y)),
        _points()
        .mark_rect(fill="transparent")
        .encode(
            x=_utc("begin"),
            x2="end:T",
            y=alt.value(0),
            y2=alt.value("height"),
            tooltip=[_text("when", "from"), *_SHARE_TOOLTIP, _text("burst", "burst")],
        ),
    ).properties(width="container", height=PANEL_HEIGHT)


def _sources() -> Any:
    return (
        _points()
        .mark_rect(style="tile")
        .encode(
            x=alt.X(
                "source:N", sort=None, axis=alt.Axis(title=None, labelAngle=-40, labelAlign="right", orient="bottom")
            ),
            y=alt.Y("name:N", sort=None, axis=alt.Axis(title=None)),
            color=alt.Color(
                "share:Q",
                scale=alt.Scale(domainMin=0),
                legend=alt.Legend(title="adjusted share", format="~%", orient="top", direction="horizontal"),
            ),
            tooltip=[_text("source", "source"), _text("name", "narrative"), *_SHARE_TOOLTIP],
        )
        .properties(width=alt.Step(ROW + 4), height=alt.Step(ROW))
    )


def _voice_colour(legend: Any) -> Any:
    return alt.Color("voice:N", scale=alt.Scale(domain=list(VOICES)), legend=legend)


def _echoes() -> Any:
    y = alt.Y("source:N", sort=None, axis=alt.Axis(title=None, grid=True))
    tooltip = [
        _text("source", "source"),
        _text("when", "time, UTC"),
        _text("lag", "lag"),
        _text("how", "how"),
        _text("voice", "voice"),
        _text("text", "text"),
    ]
    legend = alt.Legend(title=None, orient="top", direction="horizontal")
    shape = alt.Shape("voice:N", scale=alt.Scale(domain=list(VOICES)))
    first = alt.datum.first == True  # noqa: E712 -- an expression of Vega's, not of Python's
    return alt.layer(
        _points().transform_filter(first).mark_rule(style="first").encode(x=_utc("time", padding=16)),
        _points().transform_filter(first).mark_point(style="ring").encode(x=_utc("time", padding=16), y=y),
        _points()
        .mark_point(style="echo")
        .encode(x=_utc("time", padding=16), y=y, color=_voice_colour(legend), shape=shape, tooltip=tooltip),
    ).properties(width="container", height=alt.Step(ROW))


def _voices() -> Any:
    y = alt.Y("low:Q", scale=alt.Scale(domain=[0, 1]), axis=_share_axis(tickCount=2))
    tooltip = [_text("when", "from"), _text("voice", "voice"), _text("told", "posts")]
    return alt.layer(
        _period(),
        _points()
        .mark_rect(style="voice")
        .encode(x=_utc("begin"), x2="end:T", y=y, y2="high:Q", color=_voice_colour(None), tooltip=tooltip),
        _marks().mark_rule(style="shift").encode(x=_utc("at"), tooltip=[_text("told", "shift")]),
    ).properties(width="container", height=PANEL_HEIGHT * 2 // 3)
