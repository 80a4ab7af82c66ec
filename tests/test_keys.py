import json
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from classifier.cli.app import app
from classifier.errors import InputError
from classifier.keys import add_key, match_key, read_keys, revoke_key


def test_a_key_is_known_by_its_hash_alone(tmp_path):
    path = tmp_path / "keys.json"
    key = add_key(path, "desk", ["score", "feedback", "score"])
    other = add_key(path, "monitor", ["score"])
    assert key != other
    assert key not in path.read_text()
    assert key.split("_", 2)[2] not in path.read_text()
    found = match_key(key, read_keys(path))
    assert (found.name, found.scopes) == ("desk", ("score", "feedback"))
    assert found.allows("feedback")
    assert not found.allows("admin")
    assert match_key(other, read_keys(path)).name == "monitor"


@given(st.text(max_size=80), st.integers(0, 60), st.characters())
def test_nothing_else_is_a_key(tmp_path_factory, given, place, character):
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    key = add_key(path, "desk", ["admin"])
    keys = read_keys(path)
    assert match_key(given, keys) is None
    changed = key[:place] + character + key[place + 1 :]
    assert (match_key(changed, keys) is None) == (changed != key)
    assert match_key(key, {}) is None


def test_admin_may_do_everything(tmp_path):
    add_key(tmp_path / "keys.json", "root", ["admin"])
    (key,) = read_keys(tmp_path / "keys.json").values()
    assert all(key.allows(scope) for scope in ("score", "feedback", "admin"))


def test_a_key_that_is_taken_back_is_gone(tmp_path):
    path = tmp_path / "keys.json"
    first, second = add_key(path, "a", ["score"]), add_key(path, "b", ["score"])
    assert revoke_key(path, "a").name == "a"
    assert match_key(first, read_keys(path)) is None
    assert match_key(second, read_keys(path)).name == "b"
    with pytest.raises(InputError, match="'a': no such key; keys there: b"):
        revoke_key(path, "a")


@pytest.mark.parametrize(
    ("name", "scopes", "told"),
    [
        ("x", [], "no scope"),
        ("x", ["all"], "'all': give one or more of score, feedback, admin"),
        (" ", ["score"], "empty"),
    ],
)
def test_bad_keys_are_refused(tmp_path, name, scopes, told):
    with pytest.raises(InputError, match=told):
        add_key(tmp_path / "keys.json", name, scopes)
    assert not (tmp_path / "keys.json").exists()


def test_a_name_stands_for_one_key(tmp_path):
    add_key(tmp_path / "keys.json", "x", ["score"])
    with pytest.raises(InputError, match="taken"):
        add_key(tmp_path / "keys.json", "x", ["score"])


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"format": 2, "keys": []}', '{"format": 1, "keys": [1]}', "\udcff"]
)
def test_other_files_are_refused_in_one_line(tmp_path, content):
    path = tmp_path / "keys.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=r"keys\.json: "):
        read_keys(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_keys(tmp_path / "nothing")


def test_the_command_line_makes_lists_and_revokes(tmp_path):
    path = tmp_path / "keys.json"
    run = CliRunner().invoke
    made = run(app, ["keys", "add", "desk", "--scope", "score", "--scope", "feedback", "--file", str(path)])
    assert made.exit_code == 0
    assert match_key(made.stdout.strip(), read_keys(path)).name == "desk"
    assert "desk" in run(app, ["keys", "list", "--file", str(path)]).stdout
    assert run(app, ["keys", "revoke", "desk", "--file", str(path)]).exit_code == 0
    assert json.loads(path.read_text())["keys"] == []
    assert not path.stat().st_mode & stat.S_IWOTH
