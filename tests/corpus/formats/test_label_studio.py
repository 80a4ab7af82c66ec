"""Exports as Label Studio makes them; its own SDK says whether annotations fit the labelling interface."""

import json
import warnings

import pytest

from classifier.corpus.formats.foreign import BadRow, ForeignLabel, Reading, Writing
from classifier.corpus.formats.label_studio import read, write
from classifier.corpus.formats.registry import find_format
from classifier.corpus.sentence import LabelledSentence
from classifier.taxonomy import Narrative, Taxonomy, Theme

with warnings.catch_warnings():
    # It still uses names of an older pydantic.
    warnings.simplefilter("ignore")
    from label_studio_sdk.label_interface import LabelInterface

CHOICES = """<View><Text name="text" value="$text"/><Choices name="topic" toName="text" choice="multiple">
<Choice value="hoax"/><Choice value="cost"/></Choices></View>"""
SPANS = """<View><Labels name="label" toName="text"><Label value="hoax"/><Label value="cost"/></Labels>
<Text name="text" value="$text"/><Choices name="voice" toName="text" perRegion="true"><Choice value="rejected"/>
</Choices></View>"""


def choices(*names, control="topic"):
    return {
        "value": {"choices": list(names)},
        "id": f"id-{control}",
        "from_name": control,
        "to_name": "text",
        "type": "choices",
        "origin": "manual",
    }


def span(begin, end, quoted, *names, region="r1"):
    return {
        "value": {"start": begin, "end": end, "text": quoted, "labels": list(names)},
        "id": region,
        "from_name": "label",
        "to_name": "text",
        "type": "labels",
        "origin": "manual",
    }


def annotation(*results, who=1, **more):
    return {
        "id": 10 + who,
        "completed_by": who,
        "result": list(results),
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": "2026-11-22T09:00:00.000000Z",
        "updated_at": "2026-11-22T09:00:00.000000Z",
        "draft_created_at": None,
        "lead_time": 4.2,
        "prediction": {},
        "result_count": len(results),
        "unique_id": "8c4d0b5e-0000-4000-8000-000000000000",
        "import_id": None,
        "last_action": None,
        "task": 1,
        "project": 2,
        "updated_by": who,
        "parent_prediction": None,
        "parent_annotation": None,
        "last_created_by": None,
    } | more


def task(number, text, *annotations, **data):
    return {
        "id": number,
        "annotations": list(annotations),
        "file_upload": "0a1b2c3d-texts.csv",
        "drafts": [],
        "predictions": [{"result": [choices("cost")], "model_version": "m", "score": 0.9}],
        "data": {"text": text} | data,
        "meta": {},
        "created_at": "2026-11-22T09:00:00.000000Z",
        "updated_at": "2026-11-22T09:00:00.000000Z",
        "inner_id": number,
        "total_annotations": len(annotations),
        "cancelled_annotations": 0,
        "total_predictions": 1,
        "comment_count": 0,
        "unresolved_comment_count": 0,
        "last_comment_updated_at": None,
        "project": 2,
        "updated_by": 1,
        "comment_authors": [],
    }


@pytest.fixture
def export(tmp_path):
    def save_and_read(tasks, reading=None, config=None):
        if config:
            interface = LabelInterface(config)
            for one in tasks:
                for given in one["annotations"]:
                    assert interface.validate_annotation(given), "the test's own file is what Label Studio makes"
        path = tmp_path / "export.json"
        path.write_text(json.dumps(tasks))
        assert find_format(path).name == "label-studio"
        return list(read(path, reading or Reading()))

    return save_and_read


def test_choices_over_a_text(export):
    tasks = [
        task(1, "one", annotation(choices("hoax", "cost"), who=3), lang="en", group="g"),
        task(2, "two", annotation(who=3)),
        task(3, "three", annotation(choices("hoax"), was_cancelled=True)),
        task(4, "four"),
    ]
    one, two, three, four = export(tasks, config=CHOICES)
    assert (one.id, one.text, one.language, one.group) == ("1", "one", "en", "g")
    assert (one.labels, one.annotators) == ((ForeignLabel("hoax"), ForeignLabel("cost")), ("3",))
    assert (two.labels, two.id) == ((), "2")
    assert isinstance(three, BadRow)
    assert (three.reason, three.row) == ("the task is skipped by its annotators", 3)
    assert four.reason == "the task is not annotated"


def test_what_most_annotators_say_holds_and_ground_truth_goes_first(export):
    three = [annotation(choices("hoax"), who=1), annotation(choices("hoax", "cost"), who=2), annotation(who=3)]
    truth = annotation(choices("cost"), who=4, ground_truth=True)
    first, second = export([task(1, "one", *three), task(2, "two", *three, truth)], config=CHOICES)
    assert (first.labels, first.annotators) == ((ForeignLabel("hoax"),), ("1", "2", "3"))
    assert first.note == "annotators differ: hoax 2 of 3, cost 1 of 3"
    assert (second.labels, second.annotators, second.note) == ((ForeignLabel("cost"),), ("4",), "")


def test_labels_over_spans_are_those_of_sentences(export):
    text = "Calm here. It is a hoax 😀 indeed. And it costs."
    voice = {
        "value": {"start": 19, "end": 23, "text": "hoax", "choices": ["rejected"]},
        "id": "r1",
        "from_name": "voice",
    }
    voice |= {"to_name": "text", "type": "choices", "origin": "manual"}
    tasks = [
        task(7, text, annotation(span(19, 23, "hoax", "hoax"), voice, span(42, 47, "costs", "cost", region="r2"))),
        task(8, "Nothing at all. Really.", annotation()),
    ]
    rows = export(tasks, config=SPANS)
    assert [(row.id, row.text, row.labels) for row in rows] == [
        ("7-1", "Calm here.", ()),
        ("7-2", "It is a hoax 😀 indeed.", (ForeignLabel("hoax", "rejected"),)),
        ("7-3", "And it costs.", (ForeignLabel("cost"),)),
        ("8-1", "Nothing at all.", ()),
        ("8-2", "Really.", ()),
    ]


def test_offsets_of_old_versions_are_told_by_what_they_quote(export):
    text = "😀😀 A hoax. No."
    begin = text.index("hoax")
    for shift in (0, 2):
        rows = export([task(1, text, annotation(span(begin + shift, begin + shift + 4, "hoax", "hoax")))])
        assert [row.labels for row in rows] == [(ForeignLabel("hoax"),), ()]


@pytest.mark.parametrize(
    ("results", "told"),
    [
        ([span(0, 99, "", "hoax")], "span 0 to 99 of 'hoax' lies outside the text (12 characters)"),
        ([span(0, 3, "xyz", "hoax")], "quotes 'xyz', but the text has 'Tot' there"),
        ([span("/p[1]", 3, "", "hoax")], "offsets must be whole numbers"),
        ([span(0, 3, "Tot", "hoax"), choices("cost")], "choices on the whole text beside labels on spans"),
    ],
)
def test_a_task_that_cannot_be_taken_is_told(export, results, told):
    (bad,) = export([task(5, "Total words.", annotation(*results))])
    assert isinstance(bad, BadRow)
    assert told in bad.reason
    assert (bad.id, bad.row) == ("5", 1)


def test_taxonomy_paths_have_themes_and_a_control_can_be_chosen(export):
    result = {"id": "t", "from_name": "tax", "to_name": "text", "type": "taxonomy"}
    result["value"] = {"taxonomy": [["Denial", "Hoax"], ["Cost"]]}
    (row,) = export([task(1, "x", annotation(result, choices("other")))], Reading(labels_columns=("tax",)))
    assert row.labels == (ForeignLabel("Hoax", None, "Denial"), ForeignLabel("Cost"))


def test_things_that_are_no_tasks_are_told(export):
    rows = export([task(1, "x", annotation()), {"data": 3, "annotations": []}, [], task(2, None, annotation())])
    assert [isinstance(row, BadRow) for row in rows] == [False, True, True, True]
    assert "looks like the text" in rows[3].reason


def test_what_is_written_fits_the_interface_that_is_written_with_it(tmp_path):
    taxonomy = Taxonomy(1, (Theme("t", "T", (Narrative("a", 'A "big" <one> & more', "."), Narrative("b", "B", "."))),))
    rows = [
        LabelledSentence("1", "one", "en", {"a": "asserted", "b": None}),
        LabelledSentence("2", "two", "en"),
        LabelledSentence("3", "three", "en", {"elsewhere": "rejected"}),
    ]
    write(tmp_path / "x.json", rows, Writing(taxonomy=taxonomy))
    interface = LabelInterface((tmp_path / "x.config.xml").read_text())
    interface.validate()
    for one in json.loads((tmp_path / "x.json").read_text()):
        for given in one["annotations"]:
            assert interface.validate_annotation(given)
