"""Tags propaganda narratives, sentence by sentence and for the whole text.

>>> from classifier import load_model
>>> model = load_model()
>>> answer = model.score(["A war with Azerbaijan is inevitable, military bloggers wrote."])
"""

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
