"""The clients in docs/adapters.md work as they stand there."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from service.adapters.labeling_config import read_config

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "adapters.md").read_text(encoding="utf-8")
CLIENTS = re.findall(r"```py\n(.*?)```", PAGE, re.S)


@pytest.mark.parametrize("client", CLIENTS, ids=["triton", "hugging-face", "google"])
def test_clients_run(client, address):
    there = client.replace("localhost:8000", address).replace('"narratives"', '"small"')
    assert there != client
    made: dict[str, object] = {}
    with contextlib.redirect_stdout(io.StringIO()) as told:
        exec(compile(there, "docs/adapters.md", "exec"), made)
    for name in ("server", "service"):
        if name in made:
            made[name].close()
    assert re.search(r"0\.\d+", told.getvalue())


def test_the_labeling_configuration_can_be_filled_in(small_model):
    (config,) = re.findall(r"```xml\n(.*?)```", PAGE, re.S)
    choices, labels = read_config(config, small_model.taxonomy.narratives)
    assert choices.values == {"inevitable-war": "Inevitable war", "russophobia": "Russophobia"}
    assert labels.values == {"inevitable-war": "inevitable-war", "russophobia": "russophobia"}
