"""Arguments to input files, and what is refused."""

import os
import uuid

import fsspec
import pytest

from classifier import InputError
from classifier.batch.inputs import STATE, current_stamp, find_inputs
from tests.batch.made_files import posts, write_rows


def found(*arguments, out, **given):
    return [file.name for file in find_inputs(map(str, arguments), str(out), **given)]


@pytest.fixture
def tree(tmp_path):
    for name in ("b.csv", "a.parquet", "deep/er/c.jsonl.gz", "deep/d.ndjson", "e.CSV", "UP.csv.GZ"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    for name in (
        "_hidden.csv",
        ".also.csv",
        "_state/x.csv",
        "notes.txt",
        "z.parquet.gz",
        "old/run.csv",
        f"old/{STATE}",
    ):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path / "in"


def test_a_folder_gives_what_can_be_read_and_keeps_its_paths(tree, tmp_path):
    names = ["UP.csv.GZ", "a.parquet", "b.csv", "deep/d.ndjson", "deep/er/c.jsonl.gz", "e.CSV"]
    assert sorted(found(tree, out=tmp_path / "out")) == names
    assert sorted(found(f"{tree}/", out=tmp_path / "out")) == names
    assert sorted(found(f"file://{tree}", out=tmp_path / "out")) == names


def test_what_lies_in_the_output_is_no_input(tree, tmp_path):
    assert sorted(found(tree, out=tree / "deep")) == ["UP.csv.GZ", "a.parquet", "b.csv", "e.CSV"]
    with pytest.raises(InputError, match=r"lies in .* itself"):
        found(tree / "b.csv", out=tree)


def test_globs_keep_paths_below_what_names_no_pattern(tree, tmp_path):
    assert sorted(found(f"{tree}/d*/**/*.gz", out=tmp_path / "out")) == ["deep/er/c.jsonl.gz"]
    assert found(f"{tree}/[ab].*", out=tmp_path / "out") == ["a.parquet", "b.csv"]
    (tree / "odd[1].csv").write_bytes(b"")
    assert found(tree / "odd[1].csv", out=tmp_path / "out") == ["odd[1].csv"]


def test_formats_rename_outputs(tree, tmp_path):
    names = found(tree / "deep", tree / "a.parquet", out=tmp_path / "out", format="parquet")
    assert names == ["d.parquet", "er/c.parquet", "a.parquet"]


def test_two_inputs_of_one_name_are_refused_and_both_are_named(tree, tmp_path):
    (tree / "deep" / "b.csv").write_bytes(b"")
    with pytest.raises(InputError, match=r"in/b\.csv and .*/deep/b\.csv would both be written to b\.csv"):
        found(tree / "b.csv", tree / "deep" / "b.csv", out=tmp_path / "out")
    assert found(tree / "b.csv", tree / "b.csv", out=tmp_path / "out") == ["b.csv"]


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("absent.csv", "absent.csv: no such file"),
        ("absent/*.csv", "nothing to score in"),
        ("notes.txt", "notes.txt: not read into -o; allowed are .parquet, .jsonl, .ndjson, .csv"),
        ("z.parquet.gz", "not read into -o"),
        ("nothing://there", "no file system for such an address"),
        ("s3://bucket/x.csv", "s3fs"),
    ],
)
def test_what_cannot_be_read_is_refused(tree, tmp_path, monkeypatch, argument, told):
    monkeypatch.chdir(tree)
    with pytest.raises(InputError, match=told):
        found(argument, out=tmp_path / "out")


def test_a_stamp_changes_with_its_file(tmp_path):
    path = write_rows(tmp_path / "a.csv", posts(2))
    (file,) = find_inputs([str(path)], str(tmp_path / "out"))
    assert current_stamp(file) == file.stamp
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    assert current_stamp(file) != file.stamp
    path.unlink()
    assert current_stamp(file) == ""


def test_addresses_are_listed_as_folders_are():
    base = f"memory://{uuid.uuid4().hex}"
    with fsspec.open(f"{base}/in/deep/a.jsonl", "wb") as stream:
        stream.write(b'{"text": "War."}\n')
    (file,) = find_inputs([f"{base}/in"], f"{base}/out")
    assert (file.name, file.size) == ("deep/a.jsonl", 17)
    assert fsspec.open(file.address).open().read() == b'{"text": "War."}\n'
    assert current_stamp(file) == file.stamp
    assert found(f"{base}/in/*/*.jsonl", out=f"{base}/out") == ["deep/a.jsonl"]
