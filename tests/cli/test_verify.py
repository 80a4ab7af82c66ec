import json
import os
import shutil

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from classifier import load_model
from classifier.cli.app import app
from classifier.model import versions
from classifier.model.signature import make_keys
from service.app import create_app
from service.settings import Settings
from tests.cli.test_cli import narratives

TEXT = (
    "A war with Azerbaijan is inevitable, military bloggers wrote, citing open Russophobia in Baku. Trains run.\n"
    "The West wants to weaken Russia, the deputy said.\n"
)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(TEXT)
    return tmp_path


def score(models, *arguments, **environ):
    done = narratives("score", *arguments, "--model", models, **environ)
    assert done.returncode == 0, done.stderr
    return done.stdout


def verify(*arguments):
    return CliRunner().invoke(app, ["verify", *map(str, arguments)])


@pytest.mark.parametrize("unit", ["text", "paragraph", "sentence"])
@pytest.mark.parametrize("options", [(), ("--all", "--explain", "0"), ("--detect-language",)], ids=str)
def test_what_narratives_score_printed(small_models, place, unit, options):
    # By the Python path; it is compared with the one that is active here.
    (place / "answers.jsonl").write_bytes(
        score(small_models, "text.txt", "--unit", unit, *options, NARRATIVES_ENGINE="python")
    )
    done = verify("answers.jsonl", "text.txt", "--models", small_models)
    assert done.exit_code == 0, done.output
    rows = (place / "answers.jsonl").read_text().splitlines()
    assert f"answers.jsonl: same: {len(rows)} of {len(rows)} results are what the model gives" in done.output
    changed = json.loads(rows[0])
    changed["labels"][0]["probability"] -= 0.001
    (place / "answers.jsonl").write_text("\n".join([json.dumps(changed), *rows[1:]]))
    done = verify("answers.jsonl", "text.txt", "--models", small_models)
    assert done.exit_code == 1
    assert f"({changed['labels'][0]['id']}).probability: the answer says" in done.output


def test_what_the_service_answered_with_the_version_found_by_its_digest(two_models, place):
    (place / "texts.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in ("One war.", TEXT)))
    texts = [{"id": "a", "text": TEXT}, {"id": "b", "text": " "}, {"id": "c", "text": "One war.", "language": "en"}]
    with TestClient(create_app(Settings(models=two_models)), base_url="http://localhost") as client:
        answer = client.post("/v1/score", json={"texts": texts, "model_version": "v2"}).content
    (place / "answer.json").write_bytes(answer)
    done = verify("answer.json", "texts.jsonl", "--models", two_models, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    assert told["verdict"] == "same"
    assert [r["verdict"] for r in told["results"]] == ["same", None, "same"]
    assert {r["model"]["version"] for r in told["results"] if r["model"]} == {"v2"}
    done = verify("answer.json", "texts.jsonl", "--models", two_models)
    assert "results[1] (b): passed over: the service did not score this text" in done.output
    assert "2 of 2 results are what the model gives" in done.output
    # Not so with a model of another digest under the same name.
    shutil.rmtree(two_models / "v2")
    done = verify("answer.json", "texts.jsonl", "--models", two_models)
    assert done.exit_code == 2
    assert f"there are: v1: {load_model(two_models).identity.digest}" in done.output
    # One text of two is at hand.
    done = verify("answer.json", "text.txt", "--models", two_models)
    assert done.exit_code == 2


def test_one_text_missing_is_no_difference_and_one_that_differs_is(small_models, place):
    (place / "other.txt").write_text("Another text about trains.")
    (place / "answers.jsonl").write_bytes(score(small_models, "text.txt", "other.txt"))
    (place / "third.txt").write_text("A third.")
    done = verify("answers.jsonl", "text.txt", "third.txt", "--models", small_models)
    assert done.exit_code == 2
    assert "1 of 2 results are what the model gives" in done.output
    (place / "other.txt").write_text("Another text about ships.")
    done = verify("answers.jsonl", "text.txt", "other.txt", "--models", small_models)
    assert done.exit_code == 1
    assert "other.txt: the text differs from the one that was scored: its sha256 is" in done.output


def test_line_ends_that_differ_are_named(small_models, place):
    (place / "answers.jsonl").write_bytes(score(small_models, "text.txt"))
    (place / "text.txt").write_bytes(TEXT.replace("\n", "\r\n").encode())
    done = verify("answers.jsonl", "text.txt", "--models", small_models)
    assert done.exit_code == 1
    assert "with LF instead of CRLF line ends it would be the same" in done.output


def test_a_decision_close_to_its_threshold_is_named(two_models, place, monkeypatch):
    from classifier.model import receipts

    (place / "answers.jsonl").write_bytes(score(two_models, "text.txt"))
    # So wide a tolerance that something lies within it.
    monkeypatch.setattr(receipts, "TOLERANCE", 0.3)
    done = verify("answers.jsonl", "text.txt", "--models", two_models)
    assert done.exit_code == 0, done.output
    assert "close: " in done.output
    assert "another platform may decide otherwise than" in done.output


def test_models_may_be_one_directory_and_must_be_signed_where_keys_are_given(two_models, place, monkeypatch):
    (place / "answers.jsonl").write_bytes(score(two_models / "v2", "text.txt"))
    assert verify("answers.jsonl", "text.txt", "--models", two_models / "v2").exit_code == 0
    assert verify("answers.jsonl", "text.txt", "--models", two_models / "v1").exit_code == 2
    make_keys(place / "private.pem", place / "public.pem")
    for arguments, environ in ((("--public-key", "public.pem"), ""), ((), "public.pem")):
        done = narratives(
            "verify", "answers.jsonl", "text.txt", "--models", two_models, *arguments, NARRATIVES_PUBLIC_KEY=environ
        )
        assert done.returncode == 2
        assert b"no manifest.sig" in done.stderr
    versions.sign(two_models, "v2", "private.pem")
    done = verify("answers.jsonl", "text.txt", "--models", two_models, "--public-key", "public.pem")
    assert done.exit_code == 0, done.output


def test_what_answers_hold_does_not_steer_the_terminal(small_models, place):
    row = json.loads(score(small_models, "text.txt"))
    row["id"] = "\x1b[2J\x07[red]"
    row["labels"][0]["theme"] = "\x1b]0;owned\x07"
    row["\x1b[2J"] = 1
    row["model"]["version"] = "\x1b[2J"
    (place / "answers.jsonl").write_text(json.dumps(row))
    for arguments in ((), ("--json",)):
        done = narratives("verify", "answers.jsonl", "text.txt", "--models", small_models, *arguments)
        assert done.returncode == 1, done.stderr
        assert b"\x1b" not in done.stdout
        assert b"\x07" not in done.stdout
        assert b"[red]" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["absent.json", "text.txt"], "absent.json: cannot be read"),
        (["text.txt", "text.txt"], "text.txt: line 1 is not valid JSON"),
        (["answers.jsonl", "absent.txt"], "absent.txt: cannot be read"),
        (["answers.jsonl", "text.txt", "--models", "absent"], "absent: no such directory"),
        (["answers.jsonl", "text.txt", "--models", "."], "there are: none"),
    ],
)
def test_a_user_never_sees_a_traceback(small_models, place, arguments, told):
    (place / "answers.jsonl").write_bytes(score(small_models, "text.txt"))
    done = narratives("verify", *arguments, cwd=place)
    assert done.returncode == 2
    assert told in (done.stderr + done.stdout).decode()
    assert b"Traceback" not in done.stderr


def test_an_answer_from_standard_input(small_models, place):
    done = narratives("verify", "-", "text.txt", "--models", small_models, stdin=score(small_models, "text.txt"))
    assert done.returncode == 0, done.stderr
    assert os.linesep.encode() in done.stdout


def test_figures_that_are_none_and_fields_that_are_missing_become_json(small_models, place):
    row = json.loads(score(small_models, "text.txt"))
    row["coverage"] = float("nan")
    del row["themes"]
    (place / "answers.jsonl").write_text(json.dumps(row))
    done = verify("answers.jsonl", "text.txt", "--models", small_models, "--json")
    assert done.exit_code == 1

    def refuse(name):
        raise AssertionError(name)

    told = json.loads(done.output, parse_constant=refuse)["results"][0]["differences"]
    assert {(d["place"], d["answer"]) for d in told} == {("coverage", "nan"), ("themes", "nothing")}


def test_of_many_results_only_those_are_printed_of_which_there_is_something_to_say(small_models, place):
    row = score(small_models, "text.txt").decode()
    wrong = json.loads(row)
    wrong["coverage"] = 0.5
    (place / "answers.jsonl").write_text(row * 30 + json.dumps(wrong))
    done = verify("answers.jsonl", "text.txt", "--models", small_models)
    assert done.exit_code == 1
    told = done.output.splitlines()
    assert told[0] == "line 31: differs from what v1 gives"
    assert told[-1] == "answers.jsonl: differs: 30 of 31 results are what the model gives"
    assert len(told) == 3
