"""Whatever happens while files are written, each of them is whole."""

import hashlib
from dataclasses import replace

import pytest

from classifier.campaigns import outputs
from classifier.campaigns.choosing import only
from classifier.campaigns.outputs import write_outputs
from tests.campaigns.made_findings import made_findings

NAMES = {"inevitable-war": "Inevitable war", "russophobia": "Русофобия"}


def sums(directory):
    told = dict(reversed(line.split("  ")) for line in (directory / "SHA256SUMS").read_text().splitlines())
    return {name: hashlib.sha256((directory / name).read_bytes()).hexdigest() == value for name, value in told.items()}


def test_after_a_failure_files_are_old_or_new_and_the_sums_tell(tmp_path, monkeypatch):
    old = made_findings(NAMES)
    new = replace(old, skipped={}, pairs=())
    options = {"title": "a", "command": "b", "html": False}
    write_outputs(old, tmp_path / "old", **options)
    write_outputs(new, tmp_path / "new", **options)
    written, earlier = write_outputs(old, tmp_path / "out", **options)
    assert (len(written), earlier) == (12, [])
    assert all(sums(tmp_path / "out").values())

    def fail(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr(outputs, "write_file", fail)
    with pytest.raises(OSError, match="disk is full"):
        write_outputs(new, tmp_path / "out", **options)
    states = set()
    for path in (tmp_path / "out").iterdir():
        content = path.read_bytes()
        assert content in ((tmp_path / "old" / path.name).read_bytes(), (tmp_path / "new" / path.name).read_bytes())
        states.add(content == (tmp_path / "old" / path.name).read_bytes())
    assert states == {True, False}
    assert not all(sums(tmp_path / "out").values())


def test_only_some_narratives():
    found = made_findings(NAMES)
    some = only(found, ["russophobia"])
    assert len(some.posts) == len(found.posts)
    assert set(some.names) == {"russophobia"}
    told = (some.prevalence, some.overall, some.bursts, some.voices, some.shifts, some.error_rates)
    assert {entry.narrative for entries in told for entry in entries} <= {"russophobia"}
    assert all(cluster.narratives == ("russophobia",) for cluster in some.clusters)
    assert only(found, NAMES) == replace(found, pairs=only(found, NAMES).pairs)
