"""The command line, run as a user runs it."""

import json
import os
import subprocess
import sys

import joblib
import pytest
from typer.testing import CliRunner

from classifier.cli.app import app

TEXT = "A war with Azerbaijan is inevitable, military bloggers wrote, citing open Russophobia in Baku."


def narratives(*arguments, stdin=None, cwd=None, **environ):
    return subprocess.run(
        [sys.executable, "-m", "classifier.cli.app", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "200", **environ},
    )


def rows(done):
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def test_score_text_gives_json_lines_where_no_terminal_is(small_models):
    done = narratives("score", "--text", TEXT, "--model", small_models)
    assert done.returncode == 0, done.stderr
    (row,) = rows(done)
    assert {d["id"] for d in row["labels"]} >= {"inevitable-war", "russophobia"}
    assert row["sentences"][0]["text"] == TEXT


def test_score_is_the_library(small_models, small_model):
    (row,) = rows(narratives("score", "-", "--model", small_models, "--explain", 2, "--all", stdin=TEXT.encode()))
    expected = small_model.score([TEXT], explain=2, all=True).to_dict()
    assert row.pop("source") == {"file": "-", "row": 1}
    assert row.pop("model") == expected["model"]
    assert row == json.loads(json.dumps(expected["results"][0]))


def test_bad_records_are_reported_and_skipped_with_an_exit_code(small_models, tmp_path):
    (tmp_path / "good.txt").write_text(TEXT)
    (tmp_path / "some.jsonl").write_text('{"text": "One."}\n{"text": 1}\n{"text": "Two."}\n')
    done = narratives(
        "score", tmp_path / "good.txt", tmp_path / "absent.txt", tmp_path / "some.jsonl", "--model", small_models
    )
    assert done.returncode == 1
    assert [(r["source"]["row"], len(r["sentences"])) for r in rows(done)] == [(1, 1), (1, 1), (3, 1)]
    told = done.stderr.decode()
    assert "absent.txt, row 0: no such file" in told
    assert "some.jsonl, row 2: 'text' is missing or no text" in told
    assert "2 records skipped" in told


def test_json_lines_are_utf8_whatever_the_terminal_thinks(small_models):
    done = narratives("score", "--text", "Café 😀 war", "--model", small_models, PYTHONIOENCODING="ascii")
    assert rows(done)[0]["sentences"][0]["text"] == "Café 😀 war"


def test_the_reading_view_sends_no_control_characters(small_models):
    done = narratives(
        "score", "--text", "War \x1b]0;owned\x07\x1b[2J is coming.", "--format", "view", "--model", small_models
    )
    assert b"\x1b]0" not in done.stdout
    assert b"\x07" not in done.stdout


def test_serve_tells_a_broken_model_in_one_line(model_copy):
    (model_copy / "v1" / "coef.npy").write_bytes(b"")
    done = narratives("serve", "--models", model_copy)
    assert done.returncode == 2
    assert b"coef.npy: 0 bytes" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(("unit", "expected"), [("text", 1), ("paragraph", 2), ("sentence", 3)])
def test_units(small_models, unit, expected):
    done = narratives("score", "--text", f"{TEXT} Bye.\nThe end.", "--unit", unit, "--model", small_models)
    assert len(rows(done)) == expected


def test_the_reading_view_names_narrative_voice_and_words(small_models):
    done = narratives("score", "--text", f"Trains run. {TEXT}", "--format", "view", "--model", small_models)
    told = done.stdout.decode()
    assert "Inevitable war" in told
    assert "attributed" in told
    assert "because of:" in told
    assert "Trains run. " in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["score"], "give files"),
        (["score", "a.txt", "--text", "x"], "and not both"),
        (["score", "--text", "x", "--model", "absent"], "absent: no such directory"),
        (["train", "--labels", "absent"], "taxonomy.yaml: no such file"),
        (["train", "--labels", "absent", "--version", "../evil"], "taxonomy.yaml: no such file"),
        (["export", "--joblib", "/proc/nowhere/x.joblib", "--model", "MODELS"], "/proc/nowhere"),
        (["labels", "check", "absent"], "taxonomy.yaml: no such file"),
        (["models", "promote", "v9", "--models", "absent"], "this is no model directory"),
        (["models", "verify", "--models", "absent"], "CURRENT: cannot be read"),
        (["score", "--text", "x", "--unit", "text", "--format", "nonsense"], "nonsense"),
    ],
)
def test_a_user_never_sees_a_traceback(arguments, told, tmp_path, small_models):
    done = narratives(*[small_models if a == "MODELS" else a for a in arguments], cwd=tmp_path)
    assert done.returncode == 2
    assert told in " ".join(done.stderr.decode().split())
    assert "Traceback" not in done.stderr.decode()


def test_lone_surrogates_and_nul_bytes_pass_through(small_models, tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "a \\ud800 war \\u0000 is inevitable"}\n')
    done = narratives("score", tmp_path / "a.jsonl", "--model", small_models)
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    (row,) = rows(done)
    assert row["sentences"][0]["text"] == "a \ud800 war \x00 is inevitable"


def test_train_evaluate_export_models_and_labels(small_labels, tmp_path):
    models = tmp_path / "models"
    done = narratives("train", "--labels", small_labels, "--models", models, "--folds", 3, "--jobs", 1)
    assert done.returncode == 0, done.stderr
    assert "grouped cross-validation: micro F1 0." in done.stdout.decode()
    done = narratives("models", "verify", "--models", models)
    assert b"golden texts pass" in done.stdout
    done = narratives("models", "list", "--models", models)
    assert "v1" in done.stdout.decode()
    done = narratives("export", "--joblib", tmp_path / "m.joblib", "--model", models)
    assert joblib.load(tmp_path / "m.joblib").predict_proba(["War."]).shape == (1, 20)
    done = narratives("labels", "check", small_labels)
    assert b"no problem found" in done.stdout, done.stdout
    output = tmp_path / "figures.json"
    done = narratives("evaluate", "--labels", small_labels, "--model", models, "--output", output, "--jobs", 1)
    assert done.returncode == 0, done.stderr
    figures = json.loads(output.read_text())
    assert figures["random_split"]["micro"]["f1"] > 0
    assert len(figures["leave_one_article_out"]["files"]) == 5
    assert set(figures["baselines"]) == {"most frequent", "keyword rules", "nearest definition"}
    for baseline in figures["baselines"].values():
        assert baseline["micro"]["f1"] < figures["all"]["micro"]["f1"]
    done = narratives("evaluate", "--labels", small_labels, "--model", models, "--on", small_labels / "articles.csv")
    assert "articles.csv, at the thresholds of v1" in " ".join(done.stdout.decode().split())


def test_every_command_has_help_that_says_something():
    import typer.main

    command = typer.main.get_command(app)

    def walk(group, path):
        assert group.help, path
        for parameter in group.params:
            if parameter.name not in ("help", "install_completion", "show_completion"):
                assert getattr(parameter, "help", None) or parameter.param_type_name == "argument", (path, parameter)
        for name, sub in getattr(group, "commands", {}).items():
            walk(sub, [*path, name])

    walk(command, [])
    assert CliRunner().invoke(app, ["--version"]).output.strip()
