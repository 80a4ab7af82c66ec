"""``labels doubt`` and ``drift`` as they are typed."""

import csv
import json

import pytest
from typer.testing import CliRunner

from classifier import InputError
from classifier.cli.app import app
from classifier.corpus.files import read_labels, write_labels


@pytest.fixture
def narratives(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        return CliRunner().invoke(app, list(map(str, arguments)))

    return run


@pytest.fixture(scope="module")
def sentences(root):
    """Texts of the label files: (file, text), the narratives known by file name."""
    rows = [(f.stem, r) for f in sorted((root / "labels").glob("en-*.csv")) for r in read_labels(f)]
    return [(name, row.text) for i, (name, row) in enumerate(rows) if i % 10 == 5]


def write(path, texts):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["text"], *([text] for text in texts)])


def test_doubts_are_listed_decided_and_applied(narratives, small_labels, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "taxonomy.yaml").write_bytes((small_labels / "taxonomy.yaml").read_bytes())
    write_labels(mine / "w.csv", read_labels(small_labels / "written.csv")[::3])
    done = narratives("labels", "doubt", "--labels", mine, "-o", "d.csv", "--limit", 5, "--folds", 3)
    assert done.exit_code == 0, done.output
    assert "wrote d.csv: 5 rows" in done.output
    with (tmp_path / "d.csv").open(encoding="utf-8-sig", newline="") as file:
        records = list(csv.DictReader(file))
    assert len({record["id"] for record in records}) == 5
    records[0]["decision"] = "drop"
    records[1]["decision"] = "nonsense"
    with (tmp_path / "d2.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(records[0]))
        writer.writeheader()
        writer.writerows(records)
    done = narratives("labels", "doubt", "--labels", mine, "--apply", "d2.csv")
    assert done.exit_code == 1
    assert "1 dropped, 1 left" in done.output
    assert records[0]["id"] not in {row.id for row in read_labels(mine)}
    for arguments in (["-o", "d.csv"], ["-o", mine / "d.csv"], ["--apply", "d2.csv", "--label", "russophobia"]):
        assert isinstance(narratives("labels", "doubt", "--labels", mine, *arguments).exception, InputError)


def test_halves_of_one_batch_and_a_planted_flood(narratives, small_models, sentences, tmp_path):
    texts = [text for _, text in sentences]
    flood = [text for name, text in sentences if "decadent-west" in name]
    write(tmp_path / "a.csv", texts[::2])
    write(tmp_path / "b.csv", texts[1::2])
    write(tmp_path / "c.csv", [*texts[1::4], *flood * 8])
    done = narratives("drift", "a.csv", "b.csv", "--model", small_models, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["verdict"] in ("none", "look")
    done = narratives("drift", "a.csv", "c.csv", "--model", small_models, "--html", "d.html")
    assert done.exit_code == 0, done.output
    assert "Retraining is due." in done.output
    assert "the scores of decadent-west moved" in done.output
    page = (tmp_path / "d.html").read_text(encoding="utf-8")
    assert "Retraining is due." in page
    assert "http" not in page


def test_answers_give_what_their_texts_give(narratives, small_models, small_model, sentences, tmp_path):
    texts = [text for _, text in sentences][:300]
    for name, part in (("a", texts[::2]), ("b", texts[1::2])):
        write(tmp_path / f"{name}.csv", part)
        rows = small_model.score(part, all=True, explain=None).to_dict()
        lines = [json.dumps({"model": rows["model"]} | result) for result in rows["results"]]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    by_text = json.loads(narratives("drift", "a.csv", "b.csv", "--model", small_models, "--json").output)
    by_answer = json.loads(narratives("drift", "a.jsonl", "b.jsonl", "--model", small_models, "--json").output)
    assert by_answer["narratives"] == by_text["narratives"]
    assert by_answer["unfamiliar"] == by_text["unfamiliar"]
    assert by_answer["unknown_words"] == by_text["unknown_words"]


def test_answers_of_another_model_are_refused(narratives, small_models, tmp_path):
    (tmp_path / "a.jsonl").write_text(
        json.dumps({"text_sha256": "", "model": {"digest": "sha256:x"}, "sentences": [], "labels": [], "coverage": 1})
    )
    done = narratives("drift", "a.jsonl", "a.jsonl", "--model", small_models)
    assert "answered by sha256:x" in str(done.exception)
    (tmp_path / "a.jsonl").write_text(json.dumps({"text_sha256": ""}))
    assert "no answer for a whole text" in str(narratives("drift", "a.jsonl", "a.jsonl").exception)
