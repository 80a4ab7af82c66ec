import os

import pytest

from classifier import durable


def test_a_failed_write_leaves_the_old_state_and_no_leftovers(tmp_path, monkeypatch):
    file = tmp_path / "CURRENT"
    durable.write_file(file, "v1\n")

    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        durable.write_file(file, "v2\n")
    with pytest.raises(OSError, match="disk full"):
        durable.publish_directory(tmp_path / "v2", {"a.json": b"{}"})
    assert file.read_text() == "v1\n"
    assert [p.name for p in tmp_path.iterdir()] == ["CURRENT"]


def test_a_directory_is_published_whole_and_never_overwritten(tmp_path):
    durable.publish_directory(tmp_path / "v1", {"a.json": b"1", "b.npy": b"2"})
    assert {p.name: p.read_bytes() for p in (tmp_path / "v1").iterdir()} == {"a.json": b"1", "b.npy": b"2"}
    with pytest.raises(FileExistsError):
        durable.publish_directory(tmp_path / "v1", {"a.json": b"3"})
    assert (tmp_path / "v1" / "a.json").read_bytes() == b"1"
    assert [p.name for p in tmp_path.iterdir()] == ["v1"]
