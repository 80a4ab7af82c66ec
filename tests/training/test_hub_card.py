"""The card for Hugging Face's Hub, read by Hugging Face's own code."""

import hashlib

import pytest
from huggingface_hub import ModelCard

from classifier.training.hub_card import export_card, hub_card


@pytest.fixture(params=["small_model", "shipped"])
def model(request):
    return request.getfixturevalue(request.param)


def test_the_header_is_what_the_hub_reads(model):
    card = ModelCard(hub_card(model, license="cc-by-4.0"))
    data = card.data
    assert data.language == list(model.parameters["languages"])
    assert (data.license, data.library_name, data.pipeline_tag) == (
        "cc-by-4.0",
        "narrative-classifier",
        "text-classification",
    )
    told = {(r.dataset_name, r.metric_name): r.metric_value for r in data.eval_results}
    micro = model.report["cross_validation"]["all"]["micro"]
    assert told["training sentences, grouped cross-validation", "micro F1"] == micro["f1"]
    assert len(told) == 3 * (1 + len(model.report["test"].get("sets", {})))
    assert data.model_name == model.identity.name


def test_the_text_is_that_of_the_stored_card_and_no_licence_is_made_up(model):
    card = ModelCard(hub_card(model))
    assert card.data.license is None
    assert card.text.strip() == ModelCard(model.card).text.strip()


def test_the_directory_has_the_pictures_and_the_model_stays_as_it_was(model_copy, tmp_path):
    from classifier import load_model

    before = {p: hashlib.sha256(p.read_bytes()).hexdigest() for p in model_copy.rglob("*") if p.is_file()}
    target = export_card(load_model(model_copy), tmp_path / "card")
    assert {p.name for p in target.iterdir()} == {"README.md", "reliability.svg", "precision-recall.svg"}
    assert {p: hashlib.sha256(p.read_bytes()).hexdigest() for p in model_copy.rglob("*") if p.is_file()} == before
    with pytest.raises(FileExistsError):
        export_card(load_model(model_copy), target)
