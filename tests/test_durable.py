import os
import time

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


@pytest.mark.parametrize("make", [durable.new_file, durable.new_directory])
def test_something_new_is_there_whole_or_not_at_all(tmp_path, make):
    def written(path):
        return path if make is durable.new_file else path / "x"

    def write(target, content, disturb=lambda: None, **options):
        with make(target, **options) as aside:
            written(aside).write_bytes(content)
            disturb()

    def fail():
        raise OSError("disk full")

    target, other = tmp_path / "deep" / "new", tmp_path / "deep" / "other"
    write(target, b"whole", disturb=lambda: target.exists() and fail())
    assert written(target).read_bytes() == b"whole"
    with pytest.raises(FileExistsError, match="is there already"):
        write(target, b"again")
    with pytest.raises(OSError, match="disk full"):
        write(other, b"half", disturb=fail)
    assert not other.exists()
    with pytest.raises(FileExistsError):
        write(other, b"late", disturb=lambda: (other.mkdir(), (other / "theirs").touch()))
    assert [path.name for path in other.iterdir()] == ["theirs"], "what came meanwhile stays"
    assert sorted(path.name for path in target.parent.iterdir()) == ["new", "other"]
    assert written(target).read_bytes() == b"whole"
    if make is durable.new_file:
        write(target, b"two", replace=True)
        with pytest.raises(OSError, match="disk full"):
            write(target, b"half", disturb=fail, replace=True)
        assert target.read_bytes() == b"two"


def test_only_old_leftovers_of_our_own_are_removed(tmp_path):
    (tmp_path / ".tmp-file").write_bytes(b"1")
    (tmp_path / ".tmp-model").mkdir()
    (tmp_path / ".tmp-model" / "coef.npy").write_bytes(b"1")
    (tmp_path / ".tmp-young").write_bytes(b"1")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept").write_bytes(b"1")
    (tmp_path / ".tmp-link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "v1").mkdir()
    old = time.time() - durable.LEFTOVER_SECONDS - 60
    for name in (".tmp-file", ".tmp-model", ".tmp-link", "elsewhere", "v1"):
        os.utime(tmp_path / name, (old, old), follow_symlinks=False)
    assert sorted(durable.remove_leftovers(tmp_path)) == [".tmp-file", ".tmp-model"]
    assert {p.name for p in tmp_path.iterdir()} == {".tmp-young", ".tmp-link", "elsewhere", "v1"}
    assert (tmp_path / "elsewhere" / "kept").exists()


def test_a_file_can_be_written_aside_elsewhere(tmp_path, monkeypatch):
    (tmp_path / "v1").mkdir()

    def names(path):
        return [p.name for p in path.iterdir()]

    seen = []
    original = os.fsync
    monkeypatch.setattr(os, "fsync", lambda d: (seen.append(names(tmp_path / "v1")), original(d)))
    durable.write_file(tmp_path / "v1" / "manifest.sig", b"1", aside=tmp_path)
    assert seen[0] == []
    assert names(tmp_path / "v1") == ["manifest.sig"]
    assert names(tmp_path) == ["v1"]
