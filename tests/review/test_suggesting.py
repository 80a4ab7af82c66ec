"""What is suggested: nothing known, nothing twice, the doubtful first, an audit that is drawn from everything."""

import csv
import random

import numpy as np
import pytest
from typer.testing import CliRunner

from classifier import InputError
from classifier.cli.app import app
from classifier.corpus.files import read_labels
from classifier.model.answer import TextItem
from classifier.model.decisions import sigmoid
from classifier.review import suggesting
from classifier.review.ranking import doubt
from classifier.review.suggesting import suggest


@pytest.fixture(scope="module")
def texts(root):
    """English sentences that the small model was not trained on, in random order."""
    rows = [r for f in sorted((root / "labels").glob("en-*.csv")) for r in read_labels(f)]
    unseen = [row.text for i, row in enumerate(rows) if i % 10]
    return random.Random(0).sample(unseen, 1_500)


def run(texts, model, known=(), **options):
    return suggest((TextItem(text, None, "en") for text in texts), model, list(known), **options)


def test_nothing_known_and_nothing_twice(texts, small_model):
    known = texts[:400]
    found = run([*texts, *texts, texts[0].upper()], small_model, known, n=60)
    chosen = [entry.text for entry in found.chosen]
    assert len(chosen) == len(set(chosen)) == 60
    assert not set(chosen) & set(known)
    assert found.n_known >= 801
    assert [entry.concern for entry in found.chosen].count("audit") == 6


def test_the_doubtful_come_first(texts, small_model):
    found = run(texts, small_model, n=50, audit_share=0.0)
    p = sigmoid(small_model.decision_function(texts))
    thresholds = [small_model.rules[k].threshold for k in small_model.ids]
    worth = dict(zip(texts, doubt(p, thresholds).max(axis=1), strict=True))
    chosen = [worth[entry.text] for entry in found.chosen if entry.concern == "doubt" and entry.text in worth]
    assert np.mean(chosen) > np.quantile(list(worth.values()), 0.95)


def test_a_smaller_pool_gives_the_same_where_nothing_is_alike(texts, small_model, monkeypatch):
    whole = run(texts, small_model, n=10, audit_share=0.0)
    monkeypatch.setattr(suggesting, "MIN_POOL", 30)
    monkeypatch.setattr(suggesting, "POOL", 3)
    monkeypatch.setattr(suggesting, "BATCH", 7)
    assert run(texts, small_model, n=10, audit_share=0.0).chosen[:5] == whole.chosen[:5]


def test_the_audit_is_drawn_from_everything_alike(texts, small_model):
    """Places of the stream are drawn evenly, first and last alike, whatever the doubt."""
    stream = texts[:300]
    drawn = np.zeros(300)
    for seed in range(40):
        for entry in run(stream, small_model, n=30, audit_share=1.0, random_state=seed).chosen:
            if entry.text in stream:
                drawn[stream.index(entry.text)] += 1
    thirds = drawn.reshape(3, 100).sum(axis=1)
    # Binomial with 1,200 draws: 400 +- 4 standard deviations of 16.
    assert (np.abs(thirds - drawn.sum() / 3) < 65).all()


def test_unfamiliar_texts_have_the_audit_only(texts, small_model):
    strange = [f"Zorgblatt vemnik truxo palmiri {i} quendar hosp" for i in range(200)]
    found = run([*strange, *texts[:200]], small_model, n=40)
    assert found.n_unfamiliar >= 200
    assert all(entry.concern == "audit" for entry in found.chosen if entry.text in strange)
    assert any(entry.text in strange for entry in found.chosen)


def test_what_is_no_thing_to_annotate_is_counted(small_model):
    found = run(["Yes.", "a\0b has some four words", "word " * 2_000], small_model, n=5)
    assert found.chosen == ()
    assert found.n_unfit == found.n_seen == 3


@pytest.mark.parametrize(("option", "value"), [("n", 0), ("audit_share", 1.5)])
def test_options_out_of_range_are_refused(small_model, option, value):
    with pytest.raises(InputError, match=str(value)):
        run(["x"], small_model, **{option: value})


def test_the_file_goes_to_the_import_and_no_suggestion_becomes_a_label(
    texts, small_models, small_labels, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with (tmp_path / "t.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([["text"], *([text] for text in texts[:300]), ["=1+1 is what the sheet computes"]])

    def narratives(*arguments):
        done = CliRunner().invoke(app, ["labels", *map(str, arguments)])
        assert done.exit_code == 0, done.output
        return done.output

    told = narratives(
        "suggest", "t.csv", "-n", 20, "--models", small_models, "--labels", small_labels, "--language", "en",
        "-o", "s.csv",
    )  # fmt: skip
    assert "20 of " in told
    CliRunner().invoke(app, ["init", "mine"])
    (tmp_path / "mine" / "taxonomy.yaml").write_bytes((small_labels / "taxonomy.yaml").read_bytes())
    nothing = CliRunner().invoke(app, ["labels", "import", "s.csv", "--labels", "mine"])
    assert nothing.exit_code == 1
    assert "nothing written: 0 rows taken, 0 not, 20 not labelled yet" in nothing.output
    with (tmp_path / "s.csv").open(encoding="utf-8-sig", newline="") as file:
        records = list(csv.DictReader(file))
    assert {record["narratives"] for record in records} == {"?"}
    for record, said in zip(records, ["", "russophobia:attributed", *[""] * 6], strict=False):
        record["narratives"] = said
    with (tmp_path / "s.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(records[0]))
        writer.writeheader()
        writer.writerows(records)
    assert "8 rows taken, 0 not, 12 not labelled yet" in narratives("import", "s.csv", "--labels", "mine")
    rows = read_labels(tmp_path / "mine" / "imported-s.csv")
    assert [row.id for row in rows] == [record["id"] for record in records[:8]]
    assert [row.labels for row in rows if row.labels] == [{"russophobia": "attributed"}]
    assert all(row.group and row.language == "en" for row in rows)
    assert all(record["suggestion"] and record["probability"] for record in records)
    again = CliRunner().invoke(app, ["labels", "suggest", "t.csv", "--models", str(small_models), "-o", "s.csv"])
    assert isinstance(again.exception, InputError)
