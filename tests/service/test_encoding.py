import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier import TextItem
from classifier.model.answer import to_plain
from service.encoding import encode_answer

TRAPS = [
    "War is inevitable, Russia hates us and the West wants war.",
    '{"reason":null,"voice":null} ,"reason":null ,"voice":null',
    ',\\"reason":null,\\\\"voice":null',
    'end,","reason":null',
]


@given(
    texts=st.lists(st.one_of(st.sampled_from(TRAPS), st.text(st.characters(codec="utf-8"), max_size=60)), max_size=3),
    every=st.booleans(),
    id=st.one_of(st.none(), st.sampled_from(TRAPS)),
)
def test_it_is_the_json_of_the_plain_answer(small_model, texts, every, id):
    answer = small_model.score([TextItem(text, id) for text in texts], all=every, explain=2)
    encoded = encode_answer(answer)
    assert encoded == msgspec.json.encode(to_plain(answer))
    assert json.loads(encoded) == answer.to_dict()
    for result in answer.results:
        assert encode_answer(result) == msgspec.json.encode(to_plain(result))


def test_a_mapping_may_hold_answers_and_failures(small_model):
    answer = small_model.score(TRAPS)
    failure = {"id": None, "error": {"detail": 'told: ,"reason":null'}}
    encoded = encode_answer({"model": answer.model, "results": [*answer.results, failure]})
    expected = answer.to_dict()
    expected["results"].append(failure)
    assert json.loads(encoded) == expected


def test_members_are_left_out_where_they_are_none(small_model):
    answer = small_model.score(TRAPS, all=True)
    labels = [label for result in json.loads(encode_answer(answer))["results"] for label in result["labels"]]
    assert {label["decision"] for label in labels} >= {"yes", "no"}
    for label in labels:
        assert ("reason" in label) == (label["decision"] == "unsure")
        assert ("voice" in label) == (label["decision"] != "no")


def test_a_lone_surrogate_is_refused(small_model):
    with pytest.raises(UnicodeEncodeError):
        encode_answer(small_model.score(["\ud800"]))
