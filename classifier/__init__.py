"""Tags propaganda narratives, sentence by sentence and for the whole text.

>>> from classifier import load_model
>>> model = load_model()
>>> answer = model.score(["A war with Azerbaijan is inevitable, military bloggers wrote."])
"""

import importlib
from typing import Any

from classifier.errors import (
    CorpusError,
    FeedbackConflict,
    FeedbackUnavailable,
    InputError,
    MissingExtra,
    ModelCorrupt,
    ModelError,
    ModelFormatUnsupported,
    ModelNotFound,
    ModelUnsigned,
    NarrativesError,
    TaxonomyError,
    TrainingError,
)
from classifier.model.answer import (
    Answer,
    Decision,
    Evidence,
    Language,
    ModelIdentity,
    SentenceAnswer,
    TextAnswer,
    TextItem,
    ThemeProbability,
    Voice,
)
from classifier.model.scoring import NarrativeModel
from classifier.model.versions import load_model
from classifier.taxonomy import Narrative, Taxonomy, Theme, load_taxonomy
from classifier.text.engine import engine
from classifier.text.sentences import Span, split_sentences

__all__ = [
    "Answer",
    "CorpusError",
    "Decision",
    "Evidence",
    "FeedbackConflict",
    "FeedbackUnavailable",
    "InputError",
    "Language",
    "MissingExtra",
    "ModelCorrupt",
    "ModelError",
    "ModelFormatUnsupported",
    "ModelIdentity",
    "ModelNotFound",
    "ModelUnsigned",
    "Narrative",
    "NarrativeClassifier",
    "NarrativeModel",
    "NarrativesError",
    "SentenceAnswer",
    "Span",
    "Taxonomy",
    "TaxonomyError",
    "TextAnswer",
    "TextItem",
    "Theme",
    "ThemeProbability",
    "TrainingError",
    "Voice",
    "engine",
    "load_model",
    "load_taxonomy",
    "split_sentences",
]


def __getattr__(name: str) -> Any:
    """The estimator, which needs scikit-learn, is loaded when it is asked for."""
    if name != "NarrativeClassifier":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        # By name, so that nothing here depends on training.
        return importlib.import_module("classifier.training.estimator").NarrativeClassifier
    except ImportError as error:
        raise MissingExtra("NarrativeClassifier", "train") from error


def __dir__() -> list[str]:
    return sorted(__all__)
