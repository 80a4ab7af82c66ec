"""Which model may take the current one's place: which rows are fair, and training from end to end."""

import random
import shutil
from dataclasses import replace

import numpy as np
import pytest

from classifier import ModelNotFound, load_model
from classifier.corpus.files import read_labels, write_labels
from classifier.corpus.sentence import LabelledSentence
from classifier.model.comparing import TaxonomyChanges
from classifier.model.versions import current_version, promote
from classifier.training.crossval import Judged, Options, label_matrix
from classifier.training.evaluation import Prepared
from classifier.training.kept_scores import DIRECTORY, collect_scores, read_scores
from classifier.training.paired import MACRO
from classifier.training.promotion import Changes, pair_models, pair_rows, same_folds, verdict
from classifier.training.train import train

SMALL = Options(n_folds=3, C_grid=(8.0,), max_features=4_000, n_jobs=1)
UNCHANGED = TaxonomyChanges((), (), (), (), ())


def prepared_rows(taxonomy, entries):
    """Rows and what is prepared of them; an entry is (text, unit, fold) or (text, unit, fold, id)."""
    rows = [LabelledSentence(e[3] if len(e) > 3 else e[0], e[0], "en", {taxonomy.ids[0]: None}) for e in entries]
    units, folds = (np.array([e[i] for e in entries]) for i in (1, 2))
    p = np.linspace(0.1, 0.9, len(rows) * len(taxonomy.ids)).reshape(len(rows), -1)
    judged = Judged(p, p > 0.5)
    return Prepared(rows, taxonomy, label_matrix(rows, taxonomy), None, units, folds, None), judged


@pytest.mark.parametrize(
    ("then", "now", "usable"),
    [
        # The same rows in other folds: all of them.
        ([("a", 0, 0), ("b", 0, 0), ("c", 1, 1)], [("a", 0, 1), ("b", 0, 1), ("c", 1, 0)], "abc"),
        # A unit that is new in the corpus is fair: the current model has seen nothing of it.
        ([("a", 0, 0), ("b", 1, 1)], [("a", 0, 0), ("b", 1, 1), ("x", 2, 0)], "abx"),
        # A new row beside a row that was trained on is not.
        ([("a", 0, 0), ("b", 1, 1)], [("a", 0, 0), ("x", 0, 0), ("b", 1, 1)], "ab"),
        # Now one unit, then two in two folds: the current model has seen one half when it judged the other.
        ([("a", 0, 0), ("b", 1, 1), ("c", 2, 0)], [("a", 0, 0), ("b", 0, 0), ("c", 1, 1)], "c"),
        # Now two units in two folds, then one: now it is the new model that has seen the other half.
        ([("a", 0, 0), ("b", 0, 0), ("c", 1, 1)], [("a", 0, 0), ("b", 1, 1), ("c", 2, 0)], "c"),
        # Two old units joined by a new row, both in one fold then and now: fair for the old rows.
        ([("a", 0, 0), ("b", 1, 0)], [("a", 0, 1), ("x", 0, 1), ("b", 0, 1)], "ab"),
        # A row in other words under its old id is known to the current model, and so is what stands in its unit.
        ([("a", 0, 0, "1"), ("b", 1, 1, "2")], [("A", 0, 0, "1"), ("x", 0, 0, "3"), ("b", 1, 1, "2")], "b"),
        # Rows that are gone do not matter.
        ([("a", 0, 0), ("gone", 1, 1)], [("a", 0, 0)], "a"),
    ],
)
def test_rows_are_fair_where_neither_model_has_seen_them(small_model, then, now, usable):
    taxonomy = small_model.taxonomy
    before, judged_then = prepared_rows(taxonomy, then)
    kept = collect_scores(before.rows, taxonomy.ids, before.y, before.folds, before.units, judged_then)
    after, judged = prepared_rows(taxonomy, now)
    paired, common = pair_rows(kept, small_model, after, judged, after.folds)
    assert paired.ids == taxonomy.ids
    texts = [entry[0] for entry in now]
    at = [texts.index(text) for text in usable]
    assert paired.new_yes.tolist() == judged.y_pred[at].tolist()
    fresh = pair_models(small_model, small_model, after.rows)
    place = {entry[0]: i for i, entry in enumerate(then)}
    for i, text in enumerate(usable):
        assert common[i] == (text in place)
        expected = judged_then.y_pred[place[text]] if text in place else fresh.old_yes[texts.index(text)]
        assert paired.old_yes[i].tolist() == expected.tolist()
    assert len(paired.y) == len(usable)


def test_columns_are_matched_by_id_where_the_codebook_changed(small_model):
    taxonomy = small_model.taxonomy
    prepared, judged = prepared_rows(taxonomy, [("a", 0, 0), ("b", 1, 1)])
    other = (*reversed(taxonomy.ids[3:]), "gone")
    spoken = Judged(np.tile(np.linspace(0.1, 0.9, len(other)), (2, 1)), np.tile(np.arange(len(other)) % 2 == 0, (2, 1)))
    kept = collect_scores(prepared.rows, other, spoken.y_pred, prepared.folds, prepared.units, spoken)
    paired, _ = pair_rows(kept, small_model, prepared, judged, prepared.folds)
    assert paired.ids == taxonomy.ids[3:]
    for k, narrative in enumerate(paired.ids):
        assert paired.old_yes[0, k] == spoken.y_pred[0, other.index(narrative)]
        assert paired.new_yes[0, k] == judged.y_pred[0, taxonomy.ids.index(narrative)]


def test_rows_stay_in_the_folds_of_the_current_model_and_units_stay_whole(small_model):
    taxonomy = small_model.taxonomy
    rng = np.random.default_rng(0)
    then = [(f"t{i}", i // 2, (i // 2) % 3) for i in range(60)]
    before, spoken = prepared_rows(taxonomy, then)
    kept = collect_scores(before.rows, taxonomy.ids, before.y, before.folds, before.units, spoken)
    # Some rows are gone, one unit is joined from two of other folds, and there are new units, dealt as they come.
    now = [(text, 7 if unit == 8 else unit, 0) for text, unit, _ in then if rng.random() < 0.8]
    now += [(f"x{i}", 100 + i // 2, 0) for i in range(20)]
    after, _ = prepared_rows(taxonomy, now)
    numbers = {unit: i for i, unit in enumerate(dict.fromkeys(after.units.tolist()))}
    after = replace(after, units=np.array([numbers[unit] for unit in after.units.tolist()]))
    folds = same_folds(kept, after)
    for unit in range(len(numbers)):
        assert len(set(folds[after.units == unit].tolist())) == 1
    fold_then = {text: fold for text, _, fold in then}
    for (text, unit, _), fold in zip(now, folds.tolist(), strict=True):
        if text in fold_then and unit != 7:
            assert fold == fold_then[text]
    assert set(folds[[text.startswith("x") for text, _, _ in now]].tolist()) == {0, 1, 2}
    nothing, _ = prepared_rows(taxonomy, [("t0", 0, 0), ("t1", 0, 0)])
    assert same_folds(kept, nothing) is None


def changes(**more):
    told = {
        "version": "v1",
        "digest": "sha256:0",
        "same_model": False,
        "same_corpus": False,
        "n_sentences": (1, 1),
        "taxonomy": UNCHANGED,
        "support": (),
        "reports": ({}, {}),
    }
    return Changes(**{**told, **more})


def test_without_a_comparison_or_with_a_narrative_gone_nothing_is_promoted():
    assert verdict(changes(reason="too few")) == ("too few",)
    gone = verdict(changes(taxonomy=replace(UNCHANGED, removed=("hoax",)), reason="too few"))
    assert "hoax" in gone[0]
    assert verdict(changes(same_model=True)) == ()


def spoil(labels, target, share):
    """The corpus with the labels of some written rows shuffled among them."""
    shutil.copytree(labels, target)
    rows = read_labels(target / "written.csv")
    rng = random.Random(0)
    members = [i for i in range(len(rows)) if rng.random() < share]
    labelled = [rows[i].labels for i in members]
    rng.shuffle(labelled)
    for i, given in zip(members, labelled, strict=True):
        rows[i] = replace(rows[i], labels=given)
    write_labels(target / "written.csv", rows)
    return target


def test_a_worse_model_stays_aside_and_a_better_one_takes_its_place(small_labels, model_copy, tmp_path):
    spoiled = spoil(small_labels, tmp_path / "spoiled", 0.4)
    worse = train(spoiled, model_copy, name="small", options=SMALL, promote_when="better")
    assert not worse.promoted
    assert current_version(model_copy) == "v1"
    told = "; ".join(worse.outcome.reasons)
    assert MACRO in told
    assert "harder to learn" in told
    found = worse.outcome.changes
    assert found.n_relabelled > 500
    # By its own labels the current model has the figure of its own report, where all rows could be taken; the new one
    # was cross-validated in other folds for its report.
    assert found.left_out == 0
    for old_and_new, group in ((found.own.micro_f1, "micro"), (found.own.macro_f1, "macro")):
        assert old_and_new[0] == pytest.approx(found.reports[0][group]["f1"], abs=1e-4)
        assert old_and_new[1] == pytest.approx(found.reports[1][group]["f1"], abs=0.05)
    assert found.own.macro.old == pytest.approx(found.reports[0]["macro"]["average_precision"], abs=1e-3)
    promote(model_copy, worse.path.name)
    better = train(small_labels, model_copy, name="small", options=SMALL, promote_when="better")
    assert better.outcome.reasons == ()
    assert current_version(model_copy) == better.path.name == "v3"
    assert better.outcome.changes.comparison.macro.low > 0


def tiny(directory, subjects, unit="text"):
    """A small corpus of other subjects, made in a second."""
    directory.mkdir(parents=True)
    lines = "".join(f"  - {{id: {s}, name: {s}, definition: about {s}}}\n" for s in subjects)
    (directory / "taxonomy.yaml").write_text(f"version: 1\nunit: {unit}\nnarratives:\n{lines}")
    words = ["flour", "oven", "crust", "harbour", "mast", "keel", "rook", "gambit", "pawn", "hive", "wax", "nectar"]
    rows = [
        LabelledSentence(f"{s}-{i}", f"{s} {words[i % 12]} {i * 7919} {chr(97 + i % 26) * 9}", "en", {s: None})
        for s in subjects
        for i in range(40)
    ]
    write_labels(directory / "rows.csv", rows)
    return directory


FAST = Options(n_folds=3, C_grid=(8.0,), n_jobs=1)


def test_first_models_changed_codebooks_and_broken_ones(tmp_path):
    models = tmp_path / "models"
    first = train(tiny(tmp_path / "a", ["bread", "ships"]), models, options=FAST, promote_when="better")
    assert first.promoted
    assert first.outcome.changes is None
    assert read_scores(models, first.model.identity.digest) is not None
    same = train(tmp_path / "a", models, options=FAST, promote_when="better")
    assert same.promoted
    assert same.outcome.changes.same_model
    added = train(tiny(tmp_path / "b", ["bread", "ships", "chess"]), models, options=FAST, promote_when="better")
    assert added.outcome.changes.taxonomy.added == ("chess",)
    assert added.outcome.changes.support == (("chess", None, 40),)
    assert set(added.outcome.changes.comparison.narratives) == {"bread", "ships"}
    assert added.promoted
    removed = train(tmp_path / "a", models, options=FAST, promote_when="better")
    assert not removed.promoted
    assert removed.outcome.reasons == ("narratives that the current model knows are gone: chess",)
    other = train(
        tiny(tmp_path / "c", ["bread", "ships", "chess"], "sentence"), models, options=FAST, promote_when="better"
    )
    assert "the unit" in other.outcome.reasons[0]
    folds = train(tmp_path / "b", models, options=replace(FAST, n_folds=4), promote_when="better")
    # The comparison is made in the folds of the current model, so its number need not be the same.
    assert folds.promoted
    assert folds.outcome.changes.comparison.macro.new == folds.outcome.changes.comparison.macro.old
    promote(models, added.path.name)
    (models / added.path.name / "coef.npy").write_bytes(b"")
    broken = train(tmp_path / "b", models, options=FAST, promote_when="better")
    assert not broken.promoted
    assert "cannot be read" in broken.outcome.reasons[0]
    assert train(tmp_path / "b", models, options=FAST).promoted
    (models / "CURRENT").unlink()
    with pytest.raises(ModelNotFound):
        load_model(models)
    assert train(tmp_path / "b", models, options=FAST, promote_when="better").promoted


def test_without_kept_scores_held_out_rows_judge_or_nothing_is_promoted(tmp_path):
    models, labels = tmp_path / "models", tiny(tmp_path / "labels", ["bread", "ships"])
    train(labels, models, options=FAST)
    shutil.rmtree(models / DIRECTORY)
    rows = read_labels(labels / "rows.csv")
    subjects = {"bread": {"ships": None}, "ships": {"bread": None}}
    spoiled = [replace(r, labels=subjects[next(iter(r.labels))] if i % 2 else r.labels) for i, r in enumerate(rows)]
    write_labels(labels / "rows.csv", spoiled)
    refused = train(labels, models, options=FAST, promote_when="better")
    assert not refused.promoted
    assert refused.outcome.changes.comparison is None
    assert "no out-of-fold scores were kept of v1" in refused.outcome.reasons[0]
    assert "there are no held-out rows either" in refused.outcome.reasons[0]
    held = [replace(r, id=f"held {r.id}", text=f"{r.text} {i}", split="dev") for i, r in enumerate(rows)]
    write_labels(labels / "held.csv", held)
    judged = train(labels, models, options=FAST, promote_when="better")
    assert not judged.promoted
    assert judged.outcome.changes.comparison.n_sentences == len(held)
    assert "dev" in judged.outcome.changes.on
    assert "on trust" in judged.outcome.changes.on
    assert MACRO in judged.outcome.reasons[0]
    assert judged.outcome.changes.comparison.macro.old == 1.0


def test_the_command_says_what_changed_and_tells_scripts(tmp_path):
    from typer.testing import CliRunner

    from classifier.cli.app import app

    def run(labels, *arguments):
        common = ["--labels", str(labels), "--models", str(tmp_path / "models"), "--folds", "3", "--jobs", "1"]
        return CliRunner().invoke(app, ["train", *common, *arguments])

    two, three = tiny(tmp_path / "two", ["bread", "ships"]), tiny(tmp_path / "three", ["bread", "ships", "chess"])
    done = run(three, "--promote", "better")
    assert done.exit_code == 0, done.output
    assert "it answers from now on (nothing answered before)" in done.output
    done = run(two, "--promote", "better")
    assert done.exit_code == 3, done.output
    assert "narratives removed: chess" in done.output
    assert "not promoted: narratives that the current model knows are gone: chess" in done.output
    assert "narratives models promote v2" in done.output
    assert "another corpus is another exam" in done.output
    for arguments in (["--no-promote"], ["--promote", "never"]):
        done = run(two, *arguments)
        assert done.exit_code == 0, done.output
        assert "CURRENT was left as it is" in done.output
    done = run(two)
    assert done.exit_code == 0
    assert done.output.endswith("it answers from now on\n")
