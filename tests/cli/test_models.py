import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from classifier.cli.app import app
from classifier.model import versions
from tests.cli.test_cli import narratives


def models(*arguments, expect=0):
    done = CliRunner().invoke(app, ["models", *map(str, arguments)], env={"NARRATIVES_PUBLIC_KEY": ""})
    assert done.exit_code == expect, done.output
    return done.output


def test_promote_and_rollback(two_models):
    assert "CURRENT names v2" in models("promote", "v2", "--models", two_models)
    assert versions.current_version(two_models) == "v2"
    assert "CURRENT names v1" in models("rollback", "--models", two_models)
    assert versions.current_version(two_models) == "v1"
    done = narratives("models", "rollback", "--models", two_models)
    assert done.returncode == 2
    assert b"names no version before 'v1' that is still there; models there: v1, v2" in done.stderr


def test_keys_signatures_and_what_the_list_says_of_them(two_models, tmp_path):
    private, public = tmp_path / "private.pem", tmp_path / "public.pem"
    models("keygen", private, public)
    assert "manifest.sig" in models("sign", "v2", "--key", private, "--models", two_models)
    told = models("list", "--models", two_models).splitlines()
    assert [line for line in told if "v1" in line and "none" in line]
    assert [line for line in told if "v2" in line and "not looked at" in line]
    told = models("list", "--models", two_models, "--public-key", public).splitlines()
    assert [line for line in told if "v1" in line and "*" in line and "unsigned" in line]
    assert [line for line in told if "v2" in line and "good" in line]
    assert "signature good" in models("verify", "v2", "--models", two_models, "--public-key", public)
    models("promote", "v2", "--models", two_models, "--public-key", public)


@pytest.mark.parametrize(
    "arguments",
    [("verify",), ("promote", "v2"), ("rollback",), ("../score", "--text", "War is inevitable."), ("../serve",)],
    ids=lambda arguments: arguments[0].removeprefix("../"),
)
def test_an_unsigned_model_is_refused_in_one_line_wherever_a_key_is_set(two_models, tmp_path, arguments):
    models("keygen", tmp_path / "private.pem", tmp_path / "public.pem")
    versions.promote(two_models, "v2")
    versions.promote(two_models, "v1")
    elsewhere = arguments[0].startswith("../")
    command = [arguments[0].removeprefix("../")] if elsewhere else ["models", arguments[0]]
    option = "--model" if command == ["score"] else "--models"
    done = narratives(
        *command, *arguments[1:], option, two_models, NARRATIVES_PUBLIC_KEY=str(tmp_path / "public.pem"), PORT="0"
    )
    assert done.returncode == 2
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("error: ")
    assert "no manifest.sig" in line
    assert versions.current_version(two_models) == "v1"


def test_a_private_key_is_not_taken_for_a_public_one(two_models, tmp_path):
    models("keygen", tmp_path / "private.pem", tmp_path / "public.pem")
    done = narratives("models", "verify", "--models", two_models, "--public-key", tmp_path / "private.pem")
    assert done.returncode == 2
    assert b"holds a private key; give the public half" in done.stderr
    done = narratives("models", "keygen", tmp_path / "private.pem", tmp_path / "new.pem")
    assert done.returncode == 2
    assert b"is there already" in done.stderr


def test_diff_tells_flips_in_the_terminal_as_json_and_as_a_page(two_models, tmp_path):
    texts = tmp_path / "texts.jsonl"
    lines = ["A war is inevitable.", "Russophobia is everywhere.", "They tore it out of context.", "Trains run."]
    texts.write_text("".join(json.dumps({"text": f"{line} Number {i}."}) + "\n" for line in lines for i in range(9)))
    common = ("--models", two_models, "--texts", texts)
    told = models("diff", "v1", "v2", *common, "--html", tmp_path / "d.html")
    found = json.loads(models("diff", "v1", two_models / "v2", *common, "--json", "--limit", 1000))
    assert found["n_texts"] == 36
    assert len(found["flips"]) == found["n_flips"] > 0
    assert f"{found['n_flips']} decisions flipped" in told
    assert "+0.25 bias" in told
    assert "bias" in (tmp_path / "d.html").read_text()
    assert "The same model" in models("diff", "v1", "v1", *common)
    with_bad = tmp_path / "bad.jsonl"
    with_bad.write_text('{"text": "One."}\n{"text": 1}\n')
    models("diff", "v1", "v2", "--models", two_models, "--texts", with_bad, expect=1)


def test_diff_without_texts_takes_golden_texts_and_test_sets(two_models, root, tmp_path):
    golden = json.loads(models("diff", "v1", "v2", "--models", two_models, "--labels", tmp_path, "--json"))
    assert golden["n_texts"] == 49
    both = json.loads(models("diff", "v1", "v2", "--models", two_models, "--labels", root / "labels", "--json"))
    assert both["n_texts"] > 600
    assert "golden texts" in both["texts"]


def test_diff_names_what_is_there_where_a_version_is_not(two_models, tmp_path):
    done = narratives("models", "diff", "v1", "v9", "--models", two_models)
    assert done.returncode == 2
    assert b"'v9' is no version in" in done.stderr
    assert b"v1, v2" in done.stderr
    (tmp_path / "none.jsonl").write_text("")
    done = narratives("models", "diff", "v1", "v2", "--models", two_models, "--texts", tmp_path / "none.jsonl")
    assert done.returncode == 2
    assert b"no text to compare" in done.stderr


def test_diff_needs_no_extra(two_models, tmp_path):
    code = (
        "import sys\n"
        "for name in ('sklearn', 'scipy', 'pandas', 'matplotlib', 'joblib'): sys.modules[name] = None\n"
        "from classifier.cli.app import main\n"
        f"sys.argv = ['narratives', 'models', 'diff', 'v1', 'v2', '--models', {str(two_models)!r}, "
        f"'--labels', {str(tmp_path)!r}, '--html', {str(tmp_path / 'd.html')!r}]\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "d.html").is_file()
