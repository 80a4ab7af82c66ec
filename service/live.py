"""The models that answer: the current one, and others asked for by version."""

from __future__ import annotations

from fastapi import Request

from classifier.model.scoring import NarrativeModel
from classifier.model.versions import load_model
from service.problems import Problem
from service.settings import Settings


class LiveModels:
    """What is loaded. ``current`` is replaced in one step, so that a request keeps the model it began with."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._current: NarrativeModel | None = None

    def load(self) -> None:
        """Load the current model. Raises :class:`~classifier.ModelError`."""
        self._current = load_model(self._settings.models)

    @property
    def current(self) -> NarrativeModel:
        """The model that answers. Raises :class:`Problem` (503) where none is loaded yet."""
        if self._current is None:
            raise Problem(503, "no model is loaded yet", headers={"Retry-After": "1"})
        return self._current


def models_of(request: Request) -> LiveModels:
    """The models of the application that a request came to."""
    models: LiveModels = request.app.state.models
    return models
