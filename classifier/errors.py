"""Everything that this library raises on purpose.

::

    NarrativesError                     catch this for all of them
    ├── InputError                      a text, record or option that cannot be taken
    ├── TaxonomyError                   taxonomy.yaml is broken: names the path to the field
    ├── CorpusError                     a label file is broken: names file and row
    ├── TrainingError                   the labels cannot make a model
    ├── MissingExtra                    an optional part is not installed: names the command
    ├── FeedbackUnavailable             the feedback database cannot answer: names it and why
    ├── FeedbackConflict                feedback contradicts what is stored already
    └── ModelError                      a model directory cannot be used
        ├── ModelNotFound               nothing there, or CURRENT names nothing
        ├── ModelCorrupt                truncated, tampered with, or not a model
        ├── ModelUnsigned               its signature is missing or by nobody who is trusted
        └── ModelFormatUnsupported      written by another format version

Messages name the value, what was allowed and the next step.
"""

from __future__ import annotations


class NarrativesError(Exception):
    """Base of all errors that this library raises on purpose."""


class InputError(NarrativesError):
    """A text, a record or an option cannot be taken.

    ``field`` names the part of the input at fault (``"text"``, ``"texts[3].id"``), empty where there is none.
    """

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class TaxonomyError(NarrativesError):
    """A taxonomy file is broken; the message begins with the path to the field."""


class CorpusError(NarrativesError):
    """A label file is broken; the message begins with file and row."""


class TrainingError(NarrativesError):
    """The labels cannot make a model, or a training option is out of its range."""


class MissingExtra(NarrativesError):
    """An optional part is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an optional part: pip install 'narrative-classifier[{extra}]'")
        self.extra = extra


class FeedbackUnavailable(NarrativesError):
    """The feedback database cannot take or give anything now: full, read-only, locked, damaged, down.

    The message names the database; ``reason`` alone does not, and can be told to strangers.
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class FeedbackConflict(NarrativesError):
    """A ``client_id`` that stands for other content, or a decision that came too late."""


class ModelError(NarrativesError):
    """A model directory cannot be used."""


class ModelNotFound(ModelError):
    """No model where one was looked for; the message lists the places."""


class ModelCorrupt(ModelError):
    """A model directory is truncated, tampered with or not a model at all."""


class ModelUnsigned(ModelError):
    """A public key is set, and a model has no signature by its private half."""


class ModelFormatUnsupported(ModelError):
    """A model was written in a format version that this release does not read."""
