"""The CSV files: they give the findings back, and no cell computes."""

import csv
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.campaigns.findings import Echo, Post, PrevalencePoint, Share, Tag
from classifier.campaigns.privacy import with_pseudonyms, without_texts
from classifier.campaigns.tables import BETWEEN, TABLES, write_tables
from classifier.corpus.formats.csv_table import unescape
from tests.campaigns.made_findings import HOSTILE, SOURCES, hostile_findings, made_findings

NAMES = {"inevitable-war": "Inevitable war", "russophobia": "Русофобия", "spies": "Spies under cover"}


def read(directory, name):
    with (directory / name).open(encoding="utf-8-sig", newline="") as file:
        return [{key: unescape(value) for key, value in row.items()} for row in csv.DictReader(file)]


def time(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


@pytest.fixture(params=["plain", "hostile"])
def findings(request):
    return made_findings(NAMES) if request.param == "plain" else hostile_findings()


def test_the_tables_give_the_findings_back(findings, tmp_path):
    write_tables(findings, tmp_path)

    def points(name):
        return tuple(
            PrevalencePoint(
                *(r["narrative"], r["source"] or None, time(r["begin"]), time(r["end"])),
                Share(
                    *(int(r["n_posts"]), int(r["n_tagged"]), float(r["raw_share"]), float(r["adjusted_share"])),
                    *(float(r["low"]), float(r["high"])),
                ),
            )
            for r in read(tmp_path, name)
        )

    assert points("prevalence.csv") == findings.prevalence
    assert points("sources.csv") == findings.overall
    assert [
        Post(r["post"], r["text"], time(r["time"]), r["source"], r["url"] or None, r["file"], int(r["row"]))
        for r in read(tmp_path, "posts.csv")
    ] == [tagged.post for tagged in findings.posts]
    assert [
        (
            r["post"],
            Tag(
                *(r["narrative"], float(r["probability"]), r["decision"], r["voice"] or None),
                *(int(r["begin"]), int(r["end"])),
            ),
        )
        for r in read(tmp_path, "tags.csv")
    ] == [(tagged.post.id, tag) for tagged in findings.posts for tag in tagged.tags]
    assert [
        (
            r["cluster"],
            Echo(
                *(r["post"], r["source"], time(r["time"]), timedelta(seconds=float(r["lag_seconds"]))),
                *(
                    float(r["similarity"]),
                    r["nearest_post"] or None,
                    r["voice"] or None,
                    r["how"],
                    r["again"] == "True",
                ),
            ),
        )
        for r in read(tmp_path, "echoes.csv")
    ] == [(cluster.id, echo) for cluster in findings.clusters for echo in cluster.echoes]
    assert [(r["cluster"], r["narratives"], r["sources"], r["summary"]) for r in read(tmp_path, "clusters.csv")] == [
        (c.id, BETWEEN.join(c.narratives), BETWEEN.join(c.sources), c.summary) for c in findings.clusters
    ]
    assert [(r["narrative"], float(r["p_value"]), r["cluster"] or None) for r in read(tmp_path, "bursts.csv")] == [
        (b.narrative, b.p_value, b.cluster) for b in findings.bursts
    ]
    assert [(r["narrative"], r["voice"], float(r["difference"])) for r in read(tmp_path, "shifts.csv")] == [
        (s.narrative, s.voice, s.difference) for s in findings.shifts
    ]
    assert [(r["leader"], r["follower"], float(r["median_lag_seconds"])) for r in read(tmp_path, "pairs.csv")] == [
        (p.leader, p.follower, p.median_lag.total_seconds()) for p in findings.pairs
    ]
    assert [
        {voice: int(r[voice]) for voice in ("asserted", "attributed", "rejected")} for r in read(tmp_path, "voices.csv")
    ] == [dict(v.counts) for v in findings.voices]
    assert [
        (r["narrative"], float(r["true_positive_high"]), r["basis"]) for r in read(tmp_path, "error_rates.csv")
    ] == [(e.narrative, e.true_positive_interval[1], e.basis) for e in findings.error_rates]


def test_a_spreadsheet_or_pandas_opens_them(findings, tmp_path):
    for path in write_tables(findings, tmp_path):
        assert path.read_bytes().startswith(b"\xef\xbb\xbf")
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
        numbers = {name for name in rows[0] if any(part in name for part in ("share", "low", "high", "difference"))}
        for row in rows[1:]:
            for name, cell in zip(rows[0], row, strict=True):
                assert name in numbers or not cell.startswith(("=", "+", "-", "@", "\t", "\r")), (path.name, name, cell)
        assert list(pandas.read_csv(path).columns) == rows[0]


@settings(max_examples=10)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30), min_size=1, max_size=4))
def test_any_text_comes_back(tmp_path_factory, texts):
    directory: Path = tmp_path_factory.mktemp("tables")
    found = made_findings({"a": texts[0]}, sources=tuple(dict.fromkeys(texts)), texts=texts, n_clusters=1)
    write_tables(found, directory)
    assert [(r["source"], r["text"]) for r in read(directory, "posts.csv")] == [
        (tagged.post.source, tagged.post.text) for tagged in found.posts
    ]


def test_half_surrogate_pairs_do_not_stop_it(tmp_path):
    write_tables(made_findings({"a": "\ud800"}, texts=("a \udfff b",)), tmp_path)
    assert read(tmp_path, "posts.csv")[0]["text"] == "a ? b"


def test_texts_and_sources_can_be_left_out(tmp_path):
    found = made_findings(NAMES, texts=("nobody shall read this",))
    write_tables(with_pseudonyms(without_texts(found)), tmp_path)
    for table in TABLES:
        told = (tmp_path / table.file).read_text(encoding="utf-8-sig")
        assert "nobody shall read" not in told
        assert not any(source in told for source in SOURCES), table.file
        assert "example.org" not in told
        assert "posts.csv" not in told


def test_pseudonyms_keep_who_is_who():
    found = made_findings(NAMES)
    hidden = with_pseudonyms(found)
    names = {}
    for old, new in zip(found.posts, hidden.posts, strict=True):
        assert names.setdefault(old.post.source, new.post.source) == new.post.source
    assert len(set(names.values())) == len(names)
    first = min(found.posts, key=lambda tagged: tagged.post.time)
    assert names[first.post.source] == "source 1"
    ids = {tagged.post.id: tagged for tagged in hidden.posts}
    assert len(ids) == len(found.posts)
    for old, new in zip(found.clusters, hidden.clusters, strict=True):
        assert [names[echo.source] for echo in old.echoes] == [echo.source for echo in new.echoes]
        assert all(ids[echo.post].post.source == echo.source for echo in new.echoes)
    assert replace(hidden.pairs[0], leader=found.pairs[0].leader, follower=found.pairs[0].follower) == found.pairs[0]
    assert len(HOSTILE) == len({t.post.source for t in with_pseudonyms(hostile_findings()).posts})
