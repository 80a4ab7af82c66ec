import json

import pytest
from typer.testing import CliRunner

from classifier.cli.app import app
from classifier.errors import InputError

EXPORT = {
    "name": "Канал",
    "type": "public_channel",
    "id": 5,
    "messages": [
        {"id": 1, "type": "service", "date": "2024-01-15T10:30:00", "text": ""},
        {"id": 2, "type": "message", "date": "2024-01-15T10:30:00", "date_unixtime": "1705314600", "text": "Text."},
        {"id": 3, "type": "message", "date": "2024-01-15T10:30:00", "text": 5},
    ],
}


@pytest.fixture
def export(tmp_path):
    (tmp_path / "result.json").write_text(json.dumps(EXPORT), encoding="utf-8")
    return tmp_path / "result.json"


def run(*arguments):
    return CliRunner().invoke(app, ["convert", *map(str, arguments)])


def test_lines_on_standard_output_and_the_rest_told_beside_it(export):
    done = run(export)
    assert done.exit_code == 1
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["id"] == "5/2"
    assert "row 3: 'text' is neither a string nor a list" in done.stderr
    assert "left out: service message: 1" in done.stderr
    assert "1 record skipped" in done.stderr


def test_a_table_is_not_written_over_unless_asked(export, tmp_path):
    target = tmp_path / "posts.parquet"
    assert "1 posts" in run(export.parent, "-o", target).stderr
    done = run(export, "-o", target)
    assert "--replace" in str(done.exception)
    assert run(export, "-o", target, "--replace").exit_code == 1
    again = run(target)
    assert again.exit_code == 0
    assert json.loads(again.stdout)["source"] == "Канал"


def test_columns_and_zone(tmp_path):
    (tmp_path / "a.csv").write_text("body,at,who,link,name\nText.,2024-01-15 13:30:00,S,https://example.org/,N\n")
    names = ["--column", "body", "--time-column", "at", "--source-column", "who", "--url-column", "link"]
    done = run(tmp_path / "a.csv", *names, "--author-column", "name", "--zone", "Europe/Moscow")
    row = json.loads(done.stdout)
    assert (row["time"], row["source"]) == ("2024-01-15T10:30:00+00:00", "S")
    assert (row["url"], row["author"], row["id"]) == ("https://example.org/", "N", f"{tmp_path}/a.csv/1")
    assert "taken as Europe/Moscow: 1" in done.stderr


def test_what_cannot_be_is_refused_before_anything_is_read(export, tmp_path):
    for arguments in (["--format", "xls"], ["--zone", "Moscow"], ["-o", tmp_path / "a.docx"]):
        done = run(export, *arguments)
        assert isinstance(done.exception, InputError)
        assert done.stdout == ""


def test_an_export_is_scored_and_its_answer_verified(export, small_models, tmp_path):
    scored = CliRunner().invoke(app, ["score", str(export), "--model", str(small_models)])
    assert "left out: service message: 1" in scored.stderr
    assert json.loads(scored.stdout)["post"]["source"] == "Канал"
    (tmp_path / "answers.jsonl").write_text(scored.stdout, encoding="utf-8")
    done = CliRunner().invoke(
        app, ["verify", str(tmp_path / "answers.jsonl"), str(export), "--models", str(small_models)]
    )
    assert done.exit_code == 0, done.output
    assert "not looked at" not in done.output
