"""Two models on the same texts: which decisions flipped, and which n-grams explain it.

Both models are linear, so the change of a logit is a sum: for each n-gram its contribution in one model less that in
the other, the difference of the biases, and, in texts of several sentences, that of the length penalties. The logit of
a text is that of its strongest sentence (:mod:`classifier.model.documents`), which need not be the same in both
models; the contributions are then those of one sentence in one model and of the other in the other, and the sum still
holds.

A feature's mean effect over all sentences of all texts is exact as well: the mean of its tf-idf value times its weight,
less the same in the other model. With the difference of the biases these sum to the mean change of the logit.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from classifier.model.answer import Decision, Reason, TextAnswer, TextItem, Verdict
from classifier.model.documents import find_hindrance
from classifier.model.scoring import NarrativeModel
from classifier.taxonomy import Taxonomy

Floats = npt.NDArray[np.float64]
Kind = Literal["word", "characters"]

BATCH = 256
"""Texts scored at once."""


@dataclass(frozen=True, slots=True)
class TaxonomyChanges:
    """What differs between two codebooks: ids that are there in one only, and (id, old, new) names.

    ``moved`` holds (removed id, added id) pairs of the same name or definition: most likely the same narrative.
    ``redefined`` are ids whose definition, inclusions or exclusions differ.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    renamed: tuple[tuple[str, str, str], ...]
    moved: tuple[tuple[str, str], ...]
    redefined: tuple[str, ...]

    @property
    def any(self) -> bool:
        """Whether anything differs."""
        return bool(self.added or self.removed or self.renamed or self.redefined)


def taxonomy_changes(old: Taxonomy, new: Taxonomy) -> TaxonomyChanges:
    """Compare two codebooks by narrative id."""
    before, after = ({n.id: n for n in taxonomy.narratives} for taxonomy in (old, new))
    both = [(before[i], after[i]) for i in before if i in after]
    added, removed = [i for i in after if i not in before], [i for i in before if i not in after]
    return TaxonomyChanges(
        tuple(added),
        tuple(removed),
        tuple((a.id, a.name, b.name) for a, b in both if a.name != b.name),
        tuple(
            (i, j)
            for i in removed
            for j in added
            if before[i].name == after[j].name or before[i].definition == after[j].definition
        ),
        tuple(
            a.id for a, b in both if (a.definition, a.includes, a.excludes) != (b.definition, b.includes, b.excludes)
        ),
    )


@dataclass(frozen=True, slots=True)
class Side:
    """What one model says of one narrative of a text."""

    decision: Verdict
    reason: Reason | None
    probability: float
    logit: float
    threshold: float
    sentence: str
    """The sentence whose logit is the text's; empty in a text without any."""


@dataclass(frozen=True, slots=True)
class Term:
    """What one n-gram adds to the logit in each model; ``kind`` tells words (and pairs) from runs of characters."""

    feature: str
    kind: Kind
    a: float
    b: float

    @property
    def change(self) -> float:
        """``b - a``."""
        return self.b - self.a


@dataclass(frozen=True, slots=True)
class Flip:
    """A decision that differs, and why.

    The change of the logit, ``b.logit - a.logit``, is the sum of ``terms`` (the largest changes first), of ``rest``
    (all other n-grams), ``bias`` and ``length``.
    """

    text: str
    place: str
    narrative: str
    a: Side
    b: Side
    terms: tuple[Term, ...]
    rest: float
    n_rest: int
    bias: float
    length: float


@dataclass(frozen=True, slots=True)
class NarrativeComparison:
    """One narrative of both models over all texts; ``gained`` and ``lost`` count a "yes" that came or went.

    ``other`` counts flips between "unsure" and "no"; ``mean_change`` is that of the sentences' logits.
    """

    id: str
    support: tuple[int, int]
    threshold: tuple[float, float]
    unsure_from: tuple[float, float]
    bias: tuple[float, float]
    yes: tuple[int, int]
    gained: int
    lost: int
    other: int
    mean_change: float


@dataclass(frozen=True, slots=True)
class FeatureChange:
    """An n-gram whose part in a narrative's logits changed.

    ``weight`` is coefficient times idf, 0 where it is no feature; ``mean_change`` its part in the mean change of the
    logit over all sentences.
    """

    narrative: str
    feature: str
    kind: Kind
    weight: tuple[float, float]
    mean_change: float


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """Two models, ``a`` and ``b``, on the same texts.

    ``parameters`` holds (name, a, b) of what differs in ``parameters.json``. ``flips`` are those that changed most: a
    "yes" that came or went first, and the largest change of the logit first among these and the others. ``n_flips`` and
    ``n_texts_flipped`` count all.
    """

    a: dict[str, Any]
    b: dict[str, Any]
    same: bool
    taxonomy: TaxonomyChanges
    parameters: tuple[tuple[str, Any, Any], ...]
    n_texts: int
    n_sentences: int
    n_flips: int
    n_texts_flipped: int
    largest_change: float
    narratives: tuple[NarrativeComparison, ...]
    features: tuple[FeatureChange, ...]
    flips: tuple[Flip, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)


def compare_models(
    a: NarrativeModel,
    b: NarrativeModel,
    texts: Iterable[tuple[str, TextItem]],
    *,
    n_flips: int = 50,
    n_terms: int = 8,
    n_features: int = 20,
) -> ModelComparison:
    """Compare two models on (place, text) pairs, in one pass over them.

    Decisions are those of whole texts, as the service gives them, familiarity and length included. Narratives that
    only one model knows are named in ``taxonomy`` and otherwise left out.

    Parameters
    ----------
    n_flips, n_terms, n_features : int
        How many flips are kept, n-grams told of each, and features over all.
    """
    models = (a, b)
    column = {narrative: k for k, narrative in enumerate(b.ids)}
    common = [(narrative, k, column[narrative]) for k, narrative in enumerate(a.ids) if narrative in column]
    tallies = {narrative: _Tally() for narrative, _, _ in common}
    values = [np.zeros(len(model.idf_)) for model in models]
    n_sentences = [0, 0]
    n_texts = n_found = n_flipped = 0
    largest = 0.0
    heap: list[tuple[bool, float, int, str, str, str, tuple[TextAnswer, TextAnswer]]] = []
    source = iter(texts)
    while batch := list(islice(source, BATCH)):
        items = [item for _, item in batch]
        answers = [model.score(items, explain=None, all=True).results for model in models]
        for i, model in enumerate(models):
            for answer in answers[i]:
                n_sentences[i] += len(answer.sentences)
                for sentence in answer.sentences:
                    columns, found = model.scorer.transform(sentence.text)
                    values[i][columns] += found
        for (place, item), one, other in zip(batch, *answers, strict=True):
            n_texts += 1
            sides = [{d.id: d for d in answer.labels} for answer in (one, other)]
            flipped = False
            for narrative, _, _ in common:
                was, now = sides[0][narrative], sides[1][narrative]
                change = abs(now.logit - was.logit)
                largest = max(largest, change)
                if not tallies[narrative].add(was.decision, now.decision):
                    continue
                flipped = True
                n_found += 1
                gravest = "yes" in (was.decision, now.decision)
                entry = (gravest, change, -n_found, place, item.text, narrative, (one, other))
                (heapq.heappush if len(heap) < n_flips else heapq.heappushpop)(heap, entry)
            n_flipped += flipped
    kinds = (_kinds(a), _kinds(b))
    flips = tuple(
        _explain(models, kinds, place, text, narrative, pair, n_terms)
        for _, _, _, place, text, narrative, pair in sorted(heap, reverse=True)
    )
    means = [total / max(1, n) for total, n in zip(values, n_sentences, strict=True)]
    mean_change, features = _feature_changes(models, kinds, common, means, n_features)
    bias = [model.intercept_.tolist() for model in models]
    narratives = tuple(
        NarrativeComparison(
            narrative,
            (a.rules[narrative].support, b.rules[narrative].support),
            (a.rules[narrative].threshold, b.rules[narrative].threshold),
            (a.rules[narrative].unsure_from, b.rules[narrative].unsure_from),
            (bias[0][i], bias[1][j]),
            tallies[narrative].yes,
            tallies[narrative].gained,
            tallies[narrative].lost,
            tallies[narrative].other,
            mean_change[narrative],
        )
        for narrative, i, j in common
    )
    return ModelComparison(
        a=asdict(a.identity),
        b=asdict(b.identity),
        same=a.identity.digest == b.identity.digest,
        taxonomy=taxonomy_changes(a.taxonomy, b.taxonomy),
        parameters=tuple(_parameter_changes(a.parameters, b.parameters)),
        n_texts=n_texts,
        n_sentences=n_sentences[0],
        n_flips=n_found,
        n_texts_flipped=n_flipped,
        largest_change=largest,
        narratives=narratives,
        features=tuple(features),
        flips=flips,
    )


class _Tally:
    """Counts of one narrative's decisions in both models."""

    def __init__(self) -> None:
        self.yes = (0, 0)
        self.gained = self.lost = self.other = 0

    def add(self, was: Verdict, now: Verdict) -> bool:
        """Count one text; whether its decision flipped."""
        self.yes = (self.yes[0] + (was == "yes"), self.yes[1] + (now == "yes"))
        if was == now:
            return False
        if now == "yes":
            self.gained += 1
        elif was == "yes":
            self.lost += 1
        else:
            self.other += 1
        return True


def _kinds(model: NarrativeModel) -> list[tuple[Kind, str]]:
    """Each column's feature; a word and a run of characters may be spelt alike."""
    return [*(("word", f) for f in model.word_features), *(("characters", f) for f in model.char_features)]


def _explain(
    models: tuple[NarrativeModel, NarrativeModel],
    kinds: tuple[list[tuple[Kind, str]], list[tuple[Kind, str]]],
    place: str,
    text: str,
    narrative: str,
    answers: tuple[TextAnswer, TextAnswer],
    n_terms: int,
) -> Flip:
    parts: list[dict[tuple[Kind, str], float]] = []
    sides, biases, lengths = [], [], []
    for model, names, answer in zip(models, kinds, answers, strict=True):
        column = model.ids.index(narrative)
        decision = _decision(answer.labels, narrative)
        sentence, logit = _deciding_sentence(model, answer, narrative)
        columns, values = model.scorer.transform(sentence)
        contributions = values * model.coef_[columns, column].astype(np.float64)
        parts.append(dict(zip([names[c] for c in columns.tolist()], contributions.tolist(), strict=True)))
        biases.append(float(model.intercept_[column]))
        lengths.append(decision.logit - logit)
        sides.append(
            Side(decision.decision, decision.reason, decision.probability, decision.logit, decision.threshold, sentence)
        )
    terms = [
        Term(feature, kind, parts[0].get((kind, feature), 0.0), parts[1].get((kind, feature), 0.0))
        for kind, feature in dict.fromkeys([*parts[0], *parts[1]])
    ]
    terms.sort(key=lambda term: -abs(term.change))
    return Flip(
        text,
        place,
        narrative,
        sides[0],
        sides[1],
        tuple(terms[:n_terms]),
        sum(term.change for term in terms[n_terms:]),
        len(terms[n_terms:]),
        biases[1] - biases[0],
        lengths[1] - lengths[0],
    )


def _decision(labels: Sequence[Decision], narrative: str) -> Decision:
    return next(label for label in labels if label.id == narrative)


def _deciding_sentence(model: NarrativeModel, answer: TextAnswer, narrative: str) -> tuple[str, float]:
    """The sentence whose logit is the text's, before the length penalty; the bias alone where there is none."""
    if not answer.sentences:
        return "", float(model.intercept_[model.ids.index(narrative)])
    pieces = [sentence.text for sentence in answer.sentences]
    familiar = answer.coverage >= model.coverage_bound
    free = [
        i
        for i, (n_words, n_known) in enumerate(model.scorer.score(pieces)[1].tolist())
        if find_hindrance(n_words, n_known, familiar, model.coverage_bound) is None
    ]
    logits = [_decision(sentence.labels, narrative).logit for sentence in answer.sentences]
    best = max(free or range(len(pieces)), key=logits.__getitem__)
    return pieces[best], logits[best]


def _feature_changes(
    models: tuple[NarrativeModel, NarrativeModel],
    kinds: tuple[list[tuple[Kind, str]], list[tuple[Kind, str]]],
    common: Sequence[tuple[str, int, int]],
    means: Sequence[Floats],
    n_features: int,
) -> tuple[dict[str, float], list[FeatureChange]]:
    """Each narrative's mean change of the logit, and the n-grams that had most part in any of them."""
    place = {name: i for i, name in enumerate(dict.fromkeys([*kinds[0], *kinds[1]]))}
    names = list(place)
    where = [np.array([place[name] for name in part], dtype=np.int64) for part in kinds]
    totals: dict[str, float] = {}
    candidates: list[FeatureChange] = []
    for narrative, *columns in common:
        weights, effects = np.zeros((2, len(names))), np.zeros((2, len(names)))
        for i, (model, column) in enumerate(zip(models, columns, strict=True)):
            coef = model.coef_[:, column].astype(np.float64)
            weights[i, where[i]] = coef * model.idf_
            effects[i, where[i]] = coef * means[i]
        change = effects[1] - effects[0]
        biases = [float(model.intercept_[column]) for model, column in zip(models, columns, strict=True)]
        totals[narrative] = biases[1] - biases[0] + float(change.sum())
        for f in np.argsort(-np.abs(change), kind="stable")[:n_features].tolist():
            if change[f]:
                kind, feature = names[f]
                both = (float(weights[0, f]), float(weights[1, f]))
                candidates.append(FeatureChange(narrative, feature, kind, both, float(change[f])))
    candidates.sort(key=lambda found: -abs(found.mean_change))
    return totals, candidates[:n_features]


def _parameter_changes(a: Mapping[str, Any], b: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(dotted name, a, b) of every value that differs."""
    for name in dict.fromkeys([*a, *b]):
        one, other = a.get(name), b.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            yield from _parameter_changes(one, other, f"{at}{name}.")
        elif one != other:
            yield f"{at}{name}", one, other
