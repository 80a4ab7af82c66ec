"""Servers for the clients of other people's protocols: over a real socket, and in this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from tests.service.adapters.served import serving, small_settings


@pytest.fixture(scope="module")
def address(small_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """``host:port`` of a server with the small model."""
    with serving(small_settings(small_models, tmp_path_factory.mktemp("served"))) as address:
        yield address


@pytest.fixture(scope="module")
def client(small_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The application without a socket; a fault of ours is a 500 here, not an exception."""
    settings = small_settings(small_models, tmp_path_factory.mktemp("unserved"))
    with TestClient(create_app(settings), "http://127.0.0.1", raise_server_exceptions=False) as client:
        yield client
