import copy

import pytest
import yaml

from classifier.errors import TaxonomyError
from classifier.taxonomy import VOICES, load_taxonomy, parse_taxonomy


@pytest.fixture(scope="module")
def data(root):
    return yaml.safe_load((root / "labels" / "taxonomy.yaml").read_text(encoding="utf-8"))


def test_the_codebook_has_twenty_narratives_in_six_themes(root, data):
    taxonomy = load_taxonomy(root / "labels" / "taxonomy.yaml")
    assert len(taxonomy.ids) == len(set(taxonomy.ids)) == 20
    assert [t.id for t in taxonomy.themes] == [t["id"] for t in data["themes"]]
    assert set(taxonomy.voices) == set(VOICES)
    assert len(taxonomy.rules) == len(data["rules"])
    for theme in data["themes"]:
        for narrative in theme["narratives"]:
            assert taxonomy.theme_of[narrative["id"]] == theme["id"]


def test_plain_data_and_back_is_equal(root):
    taxonomy = load_taxonomy(root / "labels" / "taxonomy.yaml")
    assert parse_taxonomy(taxonomy.to_dict()) == taxonomy


def test_objects_are_frozen(root):
    taxonomy = load_taxonomy(root / "labels" / "taxonomy.yaml")
    with pytest.raises(AttributeError):
        taxonomy.narratives[0].id = "other"


def broken(data, path, value):
    changed = copy.deepcopy(data)
    here = changed
    for key in path[:-1]:
        here = here[key]
    here[path[-1]] = value
    return changed


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("version",), "one", "version: 'one'"),
        (("version",), True, "version: True"),
        (("themes",), [], "themes: empty"),
        (("themes", 1, "id"), "War!", "themes[1].id: 'War!'"),
        (("themes", 1, "id"), "war", "themes[1].id: 'war' stands twice"),
        (("themes", 0, "narratives", 2, "id"), "inevitable-war", "themes[0].narratives[2].id: 'inevitable-war' stands"),
        (("themes", 0, "narratives", 0, "definition"), 5, "themes[0].narratives[0].definition: a text"),
        (("themes", 0, "narratives", 0, "definition"), " ", "themes[0].narratives[0].definition: empty"),
        (("themes", 0, "narratives", 0, "colour"), "red", "themes[0].narratives[0]: unknown field 'colour'"),
        (("themes", 0, "narratives"), "none", "themes[0].narratives: a list"),
        (("voices",), {"asserted": "x"}, "voices: ['asserted'] given"),
        (("rules", 0), 7, "rules[0]: a text"),
    ],
)
def test_a_broken_file_gets_an_error_with_the_path_to_the_field(tmp_path, data, path, value, told):
    file = tmp_path / "taxonomy.yaml"
    file.write_text(yaml.safe_dump(broken(data, path, value), allow_unicode=True), encoding="utf-8")
    with pytest.raises(TaxonomyError) as caught:
        load_taxonomy(file)
    assert str(file) in str(caught.value)
    assert told in str(caught.value)


def test_no_yaml_no_file_and_no_text_are_told(tmp_path):
    with pytest.raises(TaxonomyError, match="no such file"):
        load_taxonomy(tmp_path / "absent.yaml")
    (tmp_path / "a.yaml").write_text("a: [", encoding="utf-8")
    with pytest.raises(TaxonomyError, match="not valid YAML"):
        load_taxonomy(tmp_path / "a.yaml")
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(TaxonomyError, match="UTF-8"):
        load_taxonomy(tmp_path / "b.yaml")


NARRATIVE = {"id": "a", "name": "A", "definition": "."}


def test_a_codebook_of_one_level_is_one_theme():
    flat = parse_taxonomy({"version": 1, "narratives": [NARRATIVE, NARRATIVE | {"id": "b"}]})
    assert flat.ids == ("a", "b")
    assert flat.theme_of == {"a": "all", "b": "all"}
    assert parse_taxonomy(flat.to_dict()) == flat


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"narratives": [NARRATIVE], "themes": []}, "'themes' and 'narratives' side by side"),
        ({"narratives": []}, "narratives: empty"),
        ({"narratives": [NARRATIVE, NARRATIVE]}, r"narratives\[1\].id: 'a' stands twice"),
        ({"narratives": [{"id": "A"}]}, r"narratives\[0\].id: 'A' is not an id"),
        ({}, "neither 'themes' nor, for a codebook of one level, 'narratives'"),
    ],
)
def test_a_broken_codebook_of_one_level_is_told(data, told):
    with pytest.raises(TaxonomyError, match=told):
        parse_taxonomy({"version": 1} | data)
