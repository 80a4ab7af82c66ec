"""The model that answers: texts to :class:`~classifier.model.answer.Answer`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from classifier.errors import InputError, ModelCorrupt, TaxonomyError
from classifier.model.answer import Answer, ModelIdentity, TextItem
from classifier.model.answering import Options, make_answerer
from classifier.model.columns import Columns
from classifier.model.decisions import Rule, ThemeRule
from classifier.model.evidence import EvidenceUnit, make_explainer
from classifier.model.linear import LinearScorer, make_scorer
from classifier.model.store import StoredModel
from classifier.model.voice import VoiceHead
from classifier.taxonomy import VOICES, Taxonomy, parse_taxonomy
from classifier.text.engine import Engine, engine
from classifier.text.languages import LANGUAGE_CODE
from classifier.text.sentences import Span, split_units

T = TypeVar("T")


class NarrativeModel:
    """A fitted model. Build one with :func:`classifier.load_model`.

    Safe to use from several threads. ``path`` ("compiled" or "python") says which scorer it uses; the process's own by
    default.

    Attributes
    ----------
    identity : ModelIdentity
    taxonomy : Taxonomy
    parameters : mapping
        What is in ``parameters.json``.
    manifest : mapping
    report : mapping
        The figures measured in training, empty where there are none.
    scorer : LinearScorer
        Texts to logits and, in three more columns, to the voices' outputs without their biases.
    idf_ : ndarray of float64, shape (n_features,)
    coef_ : ndarray of float32, shape (n_features, n_narratives)
    intercept_ : ndarray of float64, shape (n_narratives,)
    """

    def __init__(self, stored: StoredModel, *, version: str, path: Engine = engine) -> None:
        self.path = stored.path
        self.manifest = stored.manifest
        self.card = stored.card
        try:
            self._build(stored, version, path)
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError, TaxonomyError) as error:
            raise ModelCorrupt(f"{stored.path}: its parts do not fit together: {error!r}") from error

    def _build(self, stored: StoredModel, version: str, path: Engine) -> None:
        self.parameters: Mapping[str, Any] = stored.json["parameters.json"]
        self.report: Mapping[str, Any] = dict(stored.json["report.json"])
        self.golden: list[dict[str, Any]] = list(stored.json["golden.json"])
        self.taxonomy: Taxonomy = parse_taxonomy(stored.json["taxonomy.json"], source="taxonomy.json")
        calibration = stored.json["calibration.json"]
        vocabulary = stored.json["vocabulary.json"]
        for half in (vocabulary["words"], vocabulary["chars"], stored.json["known_words.json"]):
            if not isinstance(half, list):  # what it may hold, the scorer knows
                raise ValueError(f"a vocabulary is {type(half).__name__}, a list is needed")
        self.identity = ModelIdentity(
            name=str(self.parameters["name"]),
            version=version,
            digest=stored.digest,
            taxonomy=self.taxonomy.version,
        )
        self.ids = self.taxonomy.ids
        n_narratives = len(self.ids)
        n_features = len(vocabulary["words"]) + len(vocabulary["chars"])
        shapes = {
            "idf.npy": (n_features,),
            "coef.npy": (n_features, n_narratives),
            "intercept.npy": (n_narratives,),
            "voice_coef.npy": (n_features, 3),
            "voice_intercept.npy": (n_narratives, 3),
        }
        for name, shape in shapes.items():
            if name in stored.arrays and stored.arrays[name].shape != shape:
                raise ValueError(f"{name} has shape {stored.arrays[name].shape}, the vocabulary asks for {shape}")
        self.word_features: tuple[str, ...] = tuple(vocabulary["words"])
        self.char_features: tuple[str, ...] = tuple(vocabulary["chars"])
        self.unit = str(self.parameters["unit"])
        self.multilabel = bool(self.parameters.get("multilabel", True))
        self.idf_ = stored.arrays["idf.npy"].astype(np.float64)
        self.coef_ = stored.arrays["coef.npy"]
        self.intercept_ = stored.arrays["intercept.npy"].astype(np.float64)
        self.voice_head: VoiceHead | None = None
        coef, intercept = self.coef_, self.intercept_
        if "voice_coef.npy" in stored.arrays:
            self.voice_head = VoiceHead(stored.arrays["voice_intercept.npy"].astype(np.float64))
            coef = np.hstack([coef, stored.arrays["voice_coef.npy"]])
            intercept = np.concatenate([intercept, np.zeros(len(VOICES))])
        self.scorer: LinearScorer = make_scorer(
            self.word_features,
            self.char_features,
            self.idf_,
            stored.json["known_words.json"],
            coef,
            intercept,
            n_narratives,
            path=path,
        )
        self.rules: dict[str, Rule] = {}
        for narrative in self.ids:
            entry = calibration["narratives"][narrative]
            rule = Rule(
                threshold=float(entry["threshold"]),
                unsure_from=float(entry["unsure_from"]),
                support=int(entry["support"]),
                trained_enough=bool(entry["trained_enough"]),
            )
            if not 0.0 <= rule.unsure_from <= rule.threshold <= 1.0 or rule.support < 0:
                raise ValueError(f"thresholds of {narrative} are out of order: {rule}")
            self.rules[narrative] = rule
        column = {narrative: i for i, narrative in enumerate(self.ids)}
        themes = [
            ThemeRule(
                theme.id,
                tuple(column[n.id] for n in theme.narratives),
                float(calibration["themes"][theme.id]["slope"]),
                float(calibration["themes"][theme.id]["intercept"]),
            )
            for theme in self.taxonomy.themes
        ]
        self.coverage_bound = float(self.parameters["coverage_bound"])
        self.length_penalty = float(self.parameters["length_penalty"])
        if not 0.0 <= self.coverage_bound <= 1.0 or not self.length_penalty >= 0.0:
            told = f"coverage_bound {self.coverage_bound} or length_penalty {self.length_penalty} is out of range"
            raise ValueError(told)
        self._answerer = make_answerer(
            self.rules,
            self.taxonomy.theme_of,
            themes,
            self.voice_head,
            make_explainer(
                self.scorer,
                self.word_features + self.char_features,
                self.idf_,
                len(self.word_features),
                self.coef_,
                self.ids,
                path=path,
            ),
            self.intercept_,
            coverage_bound=self.coverage_bound,
            length_penalty=self.length_penalty,
            multilabel=self.multilabel,
            path=path,
        )

    def decision_function(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Logits, each text taken as one unit (no sentence splitting).

        Returns
        -------
        ndarray of float64, shape (n_texts, n_narratives)
            Columns in taxonomy order.
        """
        return _ask(self.scorer.decision_function, _listed(texts))

    def predict_proba(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Calibrated probabilities, each text taken as one unit.

        Returns
        -------
        ndarray of float64, shape (n_texts, n_narratives)
            Columns in taxonomy order; rows need not sum to 1, since a text may carry several narratives or none.
        """
        return _ask(self.scorer.predict_proba, _listed(texts))

    def score(
        self,
        texts: Sequence[str | TextItem],
        *,
        explain: int | None = 5,
        evidence_unit: EvidenceUnit = "ngram",
        all: bool = False,
        detect_language: bool = False,
    ) -> Answer:
        """Answer as the service does: sentence by sentence and for each whole text.

        This is not scikit-learn's ``score`` (mean accuracy); ``narratives evaluate`` measures accuracy.

        Parameters
        ----------
        texts : sequence of str or TextItem
            Any length, any code points.
        explain : int or None
            How many n-grams of evidence for each label decided; None for none.
        evidence_unit : {"ngram", "word"}
        all : bool
            Report the labels decided "no" too.
        detect_language : bool
            Identify the language of texts that name none.

        Raises
        ------
        InputError
            Not a sequence of texts, or an option out of its range.
        """
        if explain is not None and (not isinstance(explain, int) or isinstance(explain, bool) or explain < 1):
            raise InputError(f"explain is {explain!r}; give a whole number of 1 or more, or None", field="explain")
        if evidence_unit not in ("ngram", "word"):
            raise InputError(f"evidence_unit is {evidence_unit!r}; 'ngram' or 'word' is allowed", field="explain")
        items = [_checked(i, item) for i, item in enumerate(_listed(texts))]
        # All sentences of all texts in one call.
        spans = [split_units(item.text, self.unit, item.language) for item in items]
        pieces = [item.text[begin:end] for item, found in zip(items, spans, strict=True) for begin, end in found]
        outputs, words = _ask(self.scorer.score, pieces)
        options = Options(explain, evidence_unit, all, detect_language)
        return Answer(self.identity, self._answerer.answer(items, spans, pieces, outputs, words, options))

    def score_columns(
        self,
        texts: Sequence[str],
        languages: Sequence[str | None] | None = None,
        *,
        all: bool = False,
        by_sentence: bool = False,
    ) -> tuple[Columns, list[list[Span]]]:
        """The decisions of :meth:`score` as arrays, for many texts: the same values without the objects around them.

        Parameters
        ----------
        texts : sequence of str
        languages : sequence of str or None, optional
            ISO 639-1 codes, as :class:`TextItem` has them.
        all : bool
            Report the labels decided "no" too.
        by_sentence : bool
            The labels of sentences, not those of texts.

        Returns
        -------
        Columns
        list of list of Span
            Where the sentences of each text are.

        Raises
        ------
        InputError
            An item is no text, or there are not as many languages as texts.
        """
        texts = _listed(texts)
        if languages is None:
            languages = [None] * len(texts)
        elif len(languages) != len(texts):
            raise InputError(f"{len(languages)} languages for {len(texts)} texts", field="languages")
        for i, text in enumerate(texts):
            if not isinstance(text, str):
                raise _wrong_type(TypeError(i, text))
        spans = [split_units(text, self.unit, code) for text, code in zip(texts, languages, strict=True)]
        pieces = [text[begin:end] for text, found in zip(texts, spans, strict=True) for begin, end in found]
        outputs, words = _ask(self.scorer.score, pieces)
        return self._answerer.columns(spans, outputs, words, every=all, by_sentence=by_sentence), spans

    def coverage(self, text: str) -> float:
        """The share of a text's words that training has seen, 0 to 1."""
        n_words, n_known = self.scorer.score([text])[1][0].tolist()
        return n_known / n_words if n_words else 0.0


def _listed(texts: Iterable[Any]) -> list[Any]:
    if type(texts) is list:
        return texts
    if isinstance(texts, (str, bytes, TextItem)):
        raise InputError("a single text was given; put it in a list: [text]", field="texts")
    try:
        return list(texts)
    except TypeError:
        raise InputError(f"texts is {type(texts).__name__}; give a list of texts", field="texts") from None


def _ask(method: Callable[[list[str]], T], texts: list[str]) -> T:
    """Call a scorer, and tell the caller what it refuses."""
    try:
        return method(texts)
    except TypeError as error:
        raise _wrong_type(error) from None
    except OverflowError as error:
        raise InputError(str(error), field="texts") from None


def _wrong_type(error: TypeError) -> Exception:
    """What a scorer says of an item that is no text, told to the caller."""
    if len(error.args) != 2:
        return error
    i, text = error.args
    return InputError(f"texts[{i}] is {type(text).__name__}, a text (str) is needed", field=f"texts[{i}]")


def _checked(i: int, given: Any) -> TextItem:
    item = given if isinstance(given, TextItem) else TextItem(given)
    if not isinstance(item.text, str):
        raise _wrong_type(TypeError(i, item.text))
    if item.id is not None and not isinstance(item.id, str):
        raise InputError(f"texts[{i}].id is {item.id!r}; a text or None is needed", field=f"texts[{i}].id")
    language = item.language
    if language is not None and not (isinstance(language, str) and LANGUAGE_CODE.fullmatch(language)):
        raise InputError(
            f"texts[{i}].language is {language!r}; give an ISO 639 code, such as 'ru'", field=f"texts[{i}].language"
        )
    return item
