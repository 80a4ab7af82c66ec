import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.corpus.formats.foreign import BadValue, ForeignLabel
from classifier.corpus.label_names import LabelNames, read_mapping, slug
from classifier.errors import CorpusError
from classifier.taxonomy import Narrative, Taxonomy, Theme

TAXONOMY = Taxonomy(
    1,
    (
        Theme(
            "denial", "Denial", (Narrative("climate-hoax", "Klimaschwindel", "."), Narrative("other-1", "Other", "."))
        ),
        Theme("policy", "Policy", (Narrative("too-costly", "Слишком дорого", "."), Narrative("other-2", "Other", "."))),
    ),
)


def find(*labels, mapping=None, taxonomy=TAXONOMY, make=False):
    return LabelNames(taxonomy, mapping or {}, make=make).find([ForeignLabel(*label) for label in labels])


@pytest.mark.parametrize(
    "name",
    ["climate-hoax", "Climate_Hoax", " CLIMATE hoax ", "Klimaschwindel", "KLIMASCHWINDEL", "Denial: Klimaschwindel"],
)
def test_a_label_is_found_by_id_and_name(name):
    assert find((name,)) == {"climate-hoax": None}


def test_names_of_any_script_and_voices():
    assert find(("слишком ДОРОГО", "Rejected")) == {"too-costly": "rejected"}
    assert find(("climate-hoax", "asserted"), ("Klimaschwindel",)) == {"climate-hoax": "asserted"}


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (
            [("climat hoax",)],
            "label 'climat hoax' is not in the taxonomy; did you mean 'climate-hoax'? Map it with --map",
        ),
        ([("zzz",)], "label 'zzz' is not in the taxonomy; map it with --map"),
        ([("Other",)], "label 'Other' is the name of several narratives; say which with --map"),
        ([("climate-hoax,too-costly",)], "its parts are: try --separator ,"),
        ([("climate-hoax", "loudly")], "voice 'loudly' of 'climate-hoax' is none of asserted, attributed, rejected"),
        ([("climate-hoax", "asserted"), ("Klimaschwindel", "rejected")], "two voices: asserted and rejected"),
    ],
)
def test_what_is_not_found_is_told(labels, told):
    with pytest.raises(BadValue) as caught:
        find(*labels)
    assert told in str(caught.value)


def test_two_narratives_of_one_name_are_told_apart_by_their_theme():
    assert find(("Policy: Other",)) == {"other-2": None}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "m.yaml",
            "Fear: climate-hoax\nno: null\nBoth: [climate-hoax, too-costly:rejected]\n"
            "1: too-costly\nSupports: asserted\n",
        ),
        (
            "m.csv",
            "\ufefftheirs;ours\r\nFear;climate-hoax\r\nno;\r\n"
            'Both;"climate-hoax;too-costly:rejected"\r\n1;too-costly\r\nSupports;asserted\r\n',
        ),
    ],
)
def test_a_mapping_goes_before_the_taxonomy(tmp_path, name, content):
    (tmp_path / name).write_text(content, encoding="utf-8")
    mapping = read_mapping(tmp_path / name, TAXONOMY)
    assert find(("fear",), mapping=mapping) == {"climate-hoax": None}
    assert find(("no",), mapping=mapping) == {}
    assert find(("Both",), mapping=mapping) == {"climate-hoax": None, "too-costly": "rejected"}
    assert find(("1", "supports"), mapping=mapping) == {"too-costly": "asserted"}
    assert LabelNames(TAXONOMY, mapping).known("NO")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("m.yaml", "a: climat-hoax", "'a': 'climat-hoax' is not in the taxonomy; allowed are climate-hoax, other-1"),
        ("m.yaml", "a: {b: c}", "'a': a narrative's id, a list of them, or null is needed"),
        ("m.yaml", "- a", "lines like 'theirs: ours' are needed"),
        ("m.yaml", "a: [", "not valid YAML"),
        ("m.yaml", "a: climate-hoax:loudly", "voice 'loudly'"),
        ("m.csv", "a,b\n", "row 1: a header 'theirs,ours' is needed"),
        ("m.csv", "theirs,ours\na,b,c\n", "row 2: 3 fields, two are needed"),
        ("absent.csv", None, "cannot be read"),
    ],
)
def test_a_broken_mapping_is_told(tmp_path, name, content, told):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(CorpusError) as caught:
        read_mapping(tmp_path / name, TAXONOMY)
    assert told in str(caught.value)
    assert name in str(caught.value)


def test_new_labels_become_narratives_with_their_names_kept():
    names = LabelNames(None, {}, make=True)
    assert names.find([ForeignLabel("Русофобия", None, "URW"), ForeignLabel("Peur  d'été")]) == {
        "rusofobiia": None,
        "peur-d-ete": None,
    }
    assert names.find([ForeignLabel("русофобия", None, "URW"), ForeignLabel("Русо-фобия!")]) == {
        "rusofobiia": None,
        "ruso-fobiia": None,
    }
    names.find([ForeignLabel("戦争"), ForeignLabel("Peur d'ete!"), ForeignLabel("平和")])
    assert names.made == {
        "rusofobiia": ("Русофобия", "URW"),
        "peur-d-ete": ("Peur d'été", ""),
        "ruso-fobiia": ("Русо-фобия!", ""),
        "label": ("戦争", ""),
        "peur-d-ete-2": ("Peur d'ete!", ""),
        "label-2": ("平和", ""),
    }


@given(st.lists(st.text(min_size=1), max_size=20))
def test_made_ids_are_valid_and_one_a_name(given_names):
    names = LabelNames(None, {}, make=True)
    for name in given_names:
        (made,) = names.find([ForeignLabel(name)])
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", made)
        assert names.find([ForeignLabel(name)]) == {made: None}
    assert len({slug(name) for name in given_names}) <= len(names.made) <= len(set(given_names))
