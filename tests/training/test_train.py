"""Training end to end, on the small corpus."""

import hashlib
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from classifier import CorpusError, InputError, TrainingError, load_model
from classifier.corpus.files import read_labels, write_labels
from classifier.corpus.sentence import LabelledSentence
from classifier.training.crossval import Options, cross_validate, judge, label_matrix
from classifier.training.evaluation import prepare
from classifier.training.train import train

SMALL = Options(n_folds=3, C_grid=(8.0,), max_features=4_000, n_jobs=1)


def files(directory):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in directory.iterdir()}


def test_same_input_same_number_same_bytes(small_labels, small_models, tmp_path):
    again = train(small_labels, tmp_path, name="small", options=SMALL)
    assert files(again.path) == files(small_models / "v1")
    assert again.model.identity.digest == load_model(small_models).identity.digest


def test_another_corpus_is_another_model(small_labels, small_models, tmp_path):
    labels = tmp_path / "labels"
    shutil.copytree(small_labels, labels)
    rows = read_labels(labels / "written.csv")
    write_labels(labels / "written.csv", rows[1:])
    other = train(labels, tmp_path / "models", name="small", options=SMALL)
    assert other.model.manifest["training_data"] != load_model(small_models).manifest["training_data"]


def test_versions_stand_side_by_side_and_promotion_can_be_left_out(small_labels, model_copy):
    trained = train(small_labels, model_copy, name="small", options=SMALL, promote_when="never")
    assert trained.path.name == "v2"
    assert (model_copy / "CURRENT").read_text() == "v1\n"
    with pytest.raises(TrainingError, match="is there already"):
        train(small_labels, model_copy, version="v2", options=SMALL)


def test_what_answers_is_what_was_measured(small_model, small_labels):
    """In memory the trained arrays give the same logits as the loaded model: the golden texts."""
    from classifier.model.golden import check_golden

    assert len(small_model.golden) > 40
    check_golden(small_model, small_model.golden)
    assert small_model.report["data"]["n_sentences"] == len(read_labels(small_labels))


def test_a_fold_is_judged_without_its_own_labels(small_labels, root):
    """Turning round the labels of one fold must not change that fold's scores, probabilities or decisions."""
    from classifier.taxonomy import load_taxonomy

    rows = read_labels(small_labels)
    taxonomy = load_taxonomy(root / "labels" / "taxonomy.yaml")
    prepared = prepare(rows, taxonomy, SMALL)
    scores = cross_validate(prepared.counts, prepared.y, prepared.pairs, prepared.folds, [8.0], SMALL)
    honest = judge(scores, prepared.y, SMALL)
    here = prepared.folds == 0
    spoiled = prepared.y.copy()
    spoiled[here] = np.roll(spoiled[here], 1, axis=1)
    again = judge(scores, spoiled, SMALL)
    assert np.array_equal(again.probabilities[here], honest.probabilities[here])
    assert np.array_equal(again.y_pred[here], honest.y_pred[here])
    assert not np.array_equal(again.probabilities[~here], honest.probabilities[~here])
    refit = cross_validate(prepared.counts, spoiled, prepared.pairs, prepared.folds, [8.0], SMALL)
    assert np.array_equal(refit.logits[here], scores.logits[here])


def test_a_model_learns_what_its_sentences_say(small_model, small_labels, root):
    rows = read_labels(small_labels)
    y = label_matrix(rows, small_model.taxonomy)
    p = small_model.predict_proba([row.text for row in rows])
    assert p[y].mean() > 5 * p[~y].mean()
    micro = small_model.report["cross_validation"]["all"]["micro"]
    assert micro["f1_interval"][0] < micro["f1"] < micro["f1_interval"][1]


def corpus(directory, rows, root):
    directory.mkdir()
    shutil.copy(root / "labels" / "taxonomy.yaml", directory)
    write_labels(directory / "a.csv", rows)
    return directory


def test_labels_that_cannot_make_a_model_are_told_and_nothing_is_written(tmp_path, root):
    plain = [LabelledSentence(str(i), f"Sentence number {i} about bread.", "en") for i in range(9)]
    models = tmp_path / "models"
    with pytest.raises(TrainingError, match="nothing to learn"):
        train(corpus(tmp_path / "plain", plain, root), models, options=SMALL)
    one = [LabelledSentence("x", "War is coming.", "en", {"inevitable-war": "asserted"}, group="g")]
    with pytest.raises(TrainingError, match="every sentence carries inevitable-war and no other"):
        train(corpus(tmp_path / "one", one, root), models, options=SMALL)
    unit = [*one, LabelledSentence("y", "Bread got dearer.", "en", group="g")]
    with pytest.raises(TrainingError, match="all 2 rows are one unit"):
        train(corpus(tmp_path / "unit", unit, root), models, options=SMALL)
    wrong = [LabelledSentence("x", "War is coming.", "en", {"big-war": "asserted"})]
    with pytest.raises(CorpusError, match=r"a\.csv, row 2: narrative 'big-war'"):
        train(corpus(tmp_path / "wrong", wrong, root), models, options=SMALL)
    assert not models.exists()


def test_sentences_that_share_nothing_and_names_that_lead_elsewhere_are_told(tmp_path, root):
    labels = {"inevitable-war": "asserted"}
    odd = [LabelledSentence(str(i), t, "en", labels if i else {}) for i, t in enumerate(("ab", "cd", "ef", "gh"))]
    folder = corpus(tmp_path / "odd", odd, root)
    for texts in (odd, [LabelledSentence(r.id, r.text[0], "en", r.labels) for r in odd]):
        write_labels(folder / "a.csv", texts)
        with pytest.raises(TrainingError, match="label more sentences"):
            train(folder, tmp_path / "models", options=Options(n_folds=2, min_df=2, C_grid=(8.0,), n_jobs=1))
    for options in ({"version": "../evil"}, {"name": "two\nlines"}):
        with pytest.raises(InputError):
            train(folder, tmp_path / "models", options=SMALL, **options)
    assert not (tmp_path / "models").exists()


def test_few_examples_and_no_voices_still_make_a_model_that_says_so(tmp_path, root):
    places = (
        "Baku Tbilisi Yerevan Riga Vilnius Tallinn Warsaw Astana Minsk Chisinau Kyiv Moscow Ankara Tehran Paris".split()
    )
    rows = [
        LabelledSentence(
            f"{k}-{i}", text.format(place, places[i - 1]), "en", {"inevitable-war": None} if k == 0 else {}
        )
        for i, place in enumerate(places)
        for k, text in enumerate(
            ("War is coming to {} now, says {}", "In {} bread is cheap as in {}", "{} beat {} 2:1")
        )
    ]
    options = Options(n_folds=3, C_grid=(8.0,), n_jobs=1)
    model = train(corpus(tmp_path / "few", rows, root), tmp_path / "models", options=options).model
    assert model.voice_head is None
    assert not any(rule.trained_enough for rule in model.rules.values())
    result = model.score(["War is coming to Riga now"]).results[0]
    assert [(d.id, d.decision, d.voice, d.trained_enough) for d in result.labels] == [
        ("inevitable-war", "yes", None, False)
    ]
    assert "too few to judge" in model.card


def test_test_sets_are_measured_and_change_nothing_else(small_labels, small_models, tmp_path):
    labels = tmp_path / "labels"
    shutil.copytree(small_labels, labels)
    (labels / "test" / "neutral" / "en").mkdir(parents=True)
    write_labels(labels / "test" / "en.csv", read_labels(small_labels / "written.csv")[:50])
    (labels / "test" / "neutral" / "en" / "a.txt").write_text("Trains run. The ministry said so on Monday.")
    trained = train(labels, tmp_path / "models", name="small", options=SMALL)
    assert trained.report["test"]["sets"]["en"]["all"]["n_sentences"] == 50
    assert trained.report["test"]["neutral"]["en"]["n_articles"] == 1
    assert "## Test sets" in trained.model.card
    mine, theirs = files(trained.path), files(small_models / "v1")
    assert {n for n in mine if mine[n] != theirs[n]} == {"report.json", "README.md", "manifest.json"}


def test_report_and_card_name_support_interval_and_command(small_model):
    figures = small_model.report["cross_validation"]["all"]["narratives"]["russophobia"]
    assert {"support", "precision", "recall", "f1", "f1_interval", "average_precision"} <= set(figures)
    for told in ("`narratives train`", "95 %", "support", "Where it misleads", "Not for", "license: apache-2.0"):
        assert told in small_model.card
    json.dumps(small_model.report, allow_nan=False)


def test_held_out_rows_are_measured_and_not_trained_on(small_labels, tmp_path):
    labels = tmp_path / "labels"
    shutil.copytree(small_labels, labels)
    rows = read_labels(labels / "written.csv")
    splits = ["dev" if i % 7 == 0 else "train" if i % 2 else "" for i in range(len(rows))]
    write_labels(labels / "written.csv", [replace(r, split=s) for r, s in zip(rows, splits, strict=True)])
    trained = train(labels, tmp_path / "models", name="small", options=SMALL)
    n_held = splits.count("dev")
    assert trained.report["test"]["sets"]["dev"]["all"]["n_sentences"] == n_held
    assert trained.model.manifest["training_data"]["n_sentences"] == len(read_labels(labels)) - n_held
    # As if they had never been there: only the card and the report know of them.
    write_labels(labels / "written.csv", [r for r, s in zip(rows, splits, strict=True) if s != "dev"])
    without = train(labels, tmp_path / "without", name="small", options=SMALL)
    ours, theirs = files(trained.path), files(without.path)
    assert {name for name in ours if ours[name] != theirs[name]} == {"README.md", "report.json", "manifest.json"}
    write_labels(labels / "written.csv", [replace(r, split="dev") for r in rows])
    (labels / "articles.csv").unlink()
    with pytest.raises(TrainingError, match="held out"):
        train(labels, tmp_path / "none", options=SMALL)


def test_a_single_label_codebook_of_whole_texts(tmp_path):
    """Somebody else's: four subjects, one for each text, no voices, no row without a label."""
    labels = tmp_path / "labels"
    labels.mkdir()
    subjects = {
        "bread": "flour oven crust",
        "ships": "harbour mast keel",
        "chess": "rook gambit pawn",
        "bees": "hive wax nectar",
    }
    (labels / "taxonomy.yaml").write_text(
        "version: 1\nunit: text\nmultilabel: false\nthemes:\n  - id: all\n    name: All\n    narratives:\n"
        + "".join(f"      - {{id: {s}, name: {s}, definition: about {s}}}\n" for s in subjects)
    )
    write_labels(
        labels / "rows.csv",
        [
            LabelledSentence(
                f"{s}-{i}", f"{s} {w} {w}, {i * 7919} {chr(97 + i) * 9}", "en", {s: None}, origin="imported"
            )
            for s, words in subjects.items()
            for i in range(15)
            for w in [words.split()[i % len(words.split())]]
        ],
    )
    trained = train(labels, tmp_path / "models", options=Options(n_folds=3, n_jobs=1))
    assert trained.report["cross_validation"]["all"]["micro"]["f1"] > 0.9
    texts = ["A rook and a pawn. The gambit was fine.", "Flour, oven, crust.\nDay 3 bread and bread."]
    for text, expected in zip(texts, ("chess", "bread"), strict=True):
        result = trained.model.score([text], all=True).results[0]
        assert [s.text for s in result.sentences] == [text]
        assert [d.id for d in result.labels if d.decision != "no"] == [expected]
    assert np.array_equal(trained.model.predict_proba(texts).argmax(axis=1), [2, 0])


def test_a_codebook_of_one_level_without_voices_makes_a_model(tmp_path):
    narratives = [{"id": name, "name": name, "definition": "."} for name in ("hoax", "cost")]
    (tmp_path / "taxonomy.yaml").write_text(json.dumps({"version": 1, "narratives": narratives}))
    words = ("glaciers", "scientists", "ministers", "voters", "farmers", "bankers", "heaters", "turbines", "oceans")
    claims = {
        "hoax": "They say that warming is a hoax of",
        "cost": "Green rules ruin the jobs of",
        None: "Here is a list of",
    }
    rows = [
        LabelledSentence(
            f"{claim}{a}{b}", f"{said} {words[a]}, {words[b]} and {a * b}", "en", {claim: None} if claim else {}
        )
        for claim, said in claims.items()
        for a in range(len(words))
        for b in range(a)
    ]
    write_labels(tmp_path / "rows.csv", rows)
    trained = train(tmp_path, tmp_path / "models", options=SMALL)
    (result,) = trained.model.score(["Warming is a hoax."]).results
    assert [(label.id, label.theme, label.voice) for label in result.labels] == [("hoax", "all", None)]
    assert [theme.id for theme in result.themes] == ["all"]
