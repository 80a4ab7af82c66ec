"""Is this what the model gives? An answer is worked out again from its text and compared, figure by figure.

An answer does not say which options it was made with (evidence or none, labels decided "no" or not, a language that the
caller named or one that was detected), so those are taken under which it agrees, where there are such.

Figures may be :data:`TOLERANCE` apart: another processor, or the Python path instead of the compiled one, rounds
otherwise. A probability that lies closer than that to a threshold may therefore be decided otherwise elsewhere. Such
decisions are named; and where an answer decides one of them the other way, it is compared with what the model gives
when that threshold lies on the other side.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal

from classifier.errors import MissingExtra
from classifier.model.answer import TextItem, to_plain
from classifier.model.evidence import EvidenceUnit, LocatedSentence
from classifier.model.scoring import NarrativeModel
from classifier.model.store import StoredModel
from classifier.text.languages import LANGUAGE_CODE, detect_language

TOLERANCE = 1e-5
"""How far a probability, a logit (if larger than 1: a share of it) or a contribution may be from the model's."""

Boundary = Literal["threshold", "unsure_from"]
Nudges = frozenset[tuple[str, Boundary, int]]

_VOICES = ("asserted", "attributed", "rejected")
_EXACT = ("theme", "threshold", "support", "trained_enough", "decision", "reason")
_ALL = 1 << 31

_TEXT_FIELDS = {"id", "text_sha256", "offset_unit", "coverage", "language", "themes", "labels", "sentences"}
_ROW_FIELDS = {"model", "source", "post", "id", "text_sha256", "begin", "end"}
_SENTENCE_FIELDS = {"begin", "end", "text", "labels", "evidence"}
_LABEL_FIELDS = {"id", "probability", "logit", "voice", *_EXACT}


class _Nothing:
    """Stands where something is missing; equal to nothing that JSON can say."""

    def __repr__(self) -> str:
        return "nothing"


_MISSING = _Nothing()


@dataclass(frozen=True, slots=True)
class Difference:
    """Something in an answer that the model does not give: where, what the answer says, what the model gives."""

    place: str
    answer: Any
    model: Any


@dataclass(frozen=True, slots=True)
class CloseCall:
    """A decision whose probability lies within :data:`TOLERANCE` of where the decision changes.

    ``boundary`` is "threshold" or "unsure_from", ``value`` where it lies; ``answer`` and ``model`` are the decisions.
    """

    place: str
    label: str
    probability: float
    boundary: Boundary
    value: float
    answer: str
    model: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of comparing one answer with the model; ``notes`` say what could not be looked at."""

    differences: tuple[Difference, ...]
    close: tuple[CloseCall, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Whether the model gives these figures."""
        return not self.differences


class Verifier:
    """Compares answers with what one model gives.

    Parameters
    ----------
    stored : StoredModel
        The model, as :func:`~classifier.model.store.read_model` reads it.
    version : str
        What it is called here; an answer may call the same digest otherwise.
    """

    def __init__(self, stored: StoredModel, *, version: str) -> None:
        self._stored = stored
        self._version = version
        self.model = NarrativeModel(stored, version=version)
        self._column = {narrative: k for k, narrative in enumerate(self.model.ids)}
        self._features = self.model.word_features + self.model.char_features
        self._scored = lru_cache(maxsize=16)(self._score)
        self._nudged = lru_cache(maxsize=8)(self._nudge)

    def verify_identity(self, told: object) -> Receipt:
        """Compare what an answer says about its model; :meth:`verify_text` does not look at it."""
        if not isinstance(told, Mapping):
            return Receipt((Difference("model", told, self.model.identity.digest),))
        found = [
            difference
            for name in ("name", "digest", "taxonomy")
            for difference in _same_value(f"model.{name}", told, getattr(self.model.identity, name), key=name)
        ]
        called = told.get("version", _MISSING)
        notes = (
            [] if called == self._version else [f"the answer calls the model {called!r}, here it is {self._version!r}"]
        )
        return Receipt(tuple(found), notes=tuple(notes))

    def verify_text(self, text: str, result: Mapping[str, Any], *, begin: int = 0, whole: str | None = None) -> Receipt:
        """Compare the answer for one text: an entry of ``results``, or a line of ``narratives score``.

        Parameters
        ----------
        begin : int
            Where ``text`` begins in the text whose offsets the answer counts (for a paragraph).
        whole : str, optional
            That text, of which ``text_sha256`` is; ``text`` itself by default.
        """
        receipts = (
            self._compare_text(text, result, language, begin, text if whole is None else whole)
            for language in _languages(result.get("language"))
        )
        return _best(receipts)

    def verify_sentence(self, text: str, row: Mapping[str, Any], *, language: str | None = None) -> Receipt:
        """Compare one sentence of a text: a line of ``narratives score --unit sentence``.

        ``language`` is what the text's record names; the line does not say it.
        """
        languages = dict.fromkeys((language, None))
        return _best(self._compare_row(text, row, choice) for choice in languages)

    def _compare_text(
        self, text: str, result: Mapping[str, Any], language: str | None, begin: int, whole: str
    ) -> Receipt:
        def differences(expected: Mapping[str, Any], every: bool) -> Iterator[Difference | CloseCall]:
            yield from _same_value("text_sha256", result, _sha256(whole))
            yield from _same_value("offset_unit", result, "codepoint")
            yield from _figure("coverage", result.get("coverage", _MISSING), expected["coverage"])
            yield from _themes(result.get("themes", _MISSING), expected["themes"])
            yield from self._labels("labels", result.get("labels", _MISSING), expected["labels"], every)
            given = result.get("sentences", _MISSING)
            if not _is_list(given) or len(given) != len(expected["sentences"]):
                told = len(given) if _is_list(given) else given
                yield Difference("sentences", told, len(expected["sentences"]))
                return
            for i, (sentence, right) in enumerate(zip(given, expected["sentences"], strict=True)):
                yield from self._sentence(f"sentences[{i}]", sentence, right, every, text, begin)

        sentences = result.get("sentences")
        receipt = self._settle(
            text,
            language,
            differences,
            lambda: self._evidence(text, _objects(sentences), begin, language, "sentences[{}]."),
        )
        wrong, notes = _language_of(text, result.get("language", _MISSING), language)
        unknown = _unknown(result, _TEXT_FIELDS | _ROW_FIELDS)
        return Receipt((*receipt.differences, *wrong), receipt.close, (*notes, *unknown))

    def _compare_row(self, text: str, row: Mapping[str, Any], language: str | None) -> Receipt:
        def differences(expected: Mapping[str, Any], every: bool) -> Iterator[Difference | CloseCall]:
            yield from _same_value("text_sha256", row, _sha256(text))
            spans = {(s["begin"], s["end"]): s for s in expected["sentences"]}
            right = spans.get(_span(row))
            if right is None:
                yield Difference("begin, end", list(_span(row)), "no sentence there")
            else:
                yield from self._sentence("", row, right, every, text, 0)

        receipt = self._settle(text, language, differences, lambda: self._evidence(text, [row], 0, language, ""))
        return replace(receipt, notes=tuple(_unknown(row, _SENTENCE_FIELDS | _ROW_FIELDS, nested=False)))

    def _settle(
        self,
        text: str,
        language: str | None,
        differences: Callable[[Mapping[str, Any], bool], Iterable[Difference | CloseCall]],
        evidence: Callable[[], list[Difference]],
    ) -> Receipt:
        """Compare, with and without the labels decided "no", and with thresholds moved where decisions are close."""
        nudges: Nudges = frozenset()
        best: Receipt | None = None
        # A decision that falls the other way may bring another one close to its threshold, but not for ever.
        for _ in range(4):
            found = _best(_receipt(differences(self._scored(text, language, nudges), every)) for every in (False, True))
            if best is None or len(found.differences) < len(best.differences):
                calls = {(c.place, c.label): c for c in found.close}
                if best is not None:
                    calls |= {(c.place, c.label): c for c in best.close if c.answer != c.model}
                best = replace(found, close=tuple(calls.values()))
            wanted = frozenset(
                (c.label, c.boundary, 1 if _rank(c.answer) < _rank(c.model) else -1)
                for c in found.close
                if c.answer != c.model
            )
            if not found.differences or wanted <= nudges:
                break
            nudges |= wanted
        if best is None:
            raise AssertionError("compared at least once")
        return replace(best, differences=(*best.differences, *evidence()))

    def _score(self, text: str, language: str | None, nudges: Nudges) -> dict[str, Any]:
        model = self._nudged(nudges) if nudges else self.model
        # Detection would need another library, and changes no figure.
        plain: dict[str, Any] = model.score([TextItem(text, None, language)], explain=None, all=True).to_dict()
        return dict(plain["results"][0])

    def _nudge(self, nudges: Nudges) -> NarrativeModel:
        """The model with some thresholds moved by a little more than the tolerance."""
        calibration = self._stored.json["calibration.json"]
        narratives = {name: dict(entry) for name, entry in calibration["narratives"].items()}
        for label, boundary, direction in nudges:
            rule = narratives[label]
            moved = min(1.0, max(0.0, rule[boundary] + direction * 1.5 * TOLERANCE))
            if rule["threshold"] == rule["unsure_from"]:
                rule |= {"threshold": moved, "unsure_from": moved}
            elif boundary == "threshold":
                rule |= {"threshold": moved, "unsure_from": min(rule["unsure_from"], moved)}
            else:
                rule |= {"threshold": max(rule["threshold"], moved), "unsure_from": moved}
        json = {**self._stored.json, "calibration.json": {**calibration, "narratives": narratives}}
        return NarrativeModel(replace(self._stored, json=json), version=self._version)

    def _sentence(
        self, place: str, given: Any, right: Mapping[str, Any], every: bool, text: str, begin: int
    ) -> Iterator[Difference | CloseCall]:
        dot = f"{place}." if place else ""
        if not isinstance(given, Mapping):
            yield Difference(place, given, "a sentence")
            return
        for name in ("begin", "end"):
            yield from _same_value(dot + name, given, right[name] + begin, key=name)
        yield from _same_value(f"{dot}text", given, right["text"], key="text")
        yield from self._labels(f"{dot}labels", given.get("labels", _MISSING), right["labels"], every)

    def _labels(
        self, place: str, given: Any, right: Sequence[Mapping[str, Any]], every: bool
    ) -> Iterator[Difference | CloseCall]:
        """Compare decisions; ``right`` are all of them, likeliest first."""
        if not _is_list(given):
            yield Difference(place, given, "a list")
            return
        told: dict[str, Mapping[str, Any]] = {}
        for i, label in enumerate(given):
            name = label.get("id") if isinstance(label, Mapping) else None
            if not isinstance(name, str) or name not in self._column or name in told:
                twice = isinstance(name, str) and name in told
                yield Difference(f"{place}[{i}]", name or label, "once" if twice else "no such label")
            else:
                told[name] = label
        probabilities = {decision["id"]: decision["probability"] for decision in right}
        order = [probabilities[name] for name in told]
        for i, (above, below) in enumerate(pairwise(order)):
            if below > above + 2 * TOLERANCE:
                yield Difference(f"{place}[{i + 1}]", list(told)[i + 1], "less likely than the one before")
        for decision in right:
            name = decision["id"]
            label = told.get(name, {})
            said = label.get("decision", "no")
            yield from self._close(place, decision, said if said in ("yes", "unsure") else "no")
            if not label:
                if every or decision["decision"] != "no":
                    yield Difference(f"{place} ({name})", _MISSING, decision["decision"])
            elif not every and decision["decision"] == "no":
                yield Difference(f"{place} ({name})", label.get("decision", _MISSING), "no")
            else:
                yield from self._decision(f"{place} ({name})", label, decision)

    def _decision(self, place: str, label: Mapping[str, Any], right: Mapping[str, Any]) -> Iterator[Difference]:
        # A model whose thresholds were moved reports those; what counts is the rule itself.
        right = {**right, "threshold": self.model.rules[right["id"]].threshold}
        for name in _EXACT:
            yield from _same_value(f"{place}.{name}", label, right.get(name, _MISSING), key=name)
        for name in ("probability", "logit"):
            yield from _figure(f"{place}.{name}", label.get(name, _MISSING), right[name])
        voice, heard = label.get("voice", _MISSING), right.get("voice")
        if heard is None:
            if voice not in (None, _MISSING):
                yield Difference(f"{place}.voice", voice, _MISSING)
        elif not isinstance(voice, Mapping) or set(voice) != set(_VOICES):
            yield Difference(f"{place}.voice", voice, heard)
        else:
            for name in _VOICES:
                yield from _figure(f"{place}.voice.{name}", voice[name], heard[name])

    def _close(self, place: str, right: Mapping[str, Any], said: str) -> Iterator[CloseCall]:
        rule = self.model.rules[right["id"]]
        boundaries: list[tuple[Boundary, float]] = [("unsure_from", rule.unsure_from)]
        # In a text that is unfamiliar or short nothing changes at the threshold.
        if right.get("reason") not in ("unfamiliar", "short"):
            boundaries.insert(0, ("threshold", rule.threshold))
        for name, value in boundaries:
            if abs(right["probability"] - value) < TOLERANCE:
                yield CloseCall(place, right["id"], right["probability"], name, value, said, right["decision"])
                return

    def _evidence(
        self, text: str, sentences: Sequence[Mapping[str, Any]], begin: int, language: str | None, place: str
    ) -> list[Difference]:
        """Compare contributions: of n-grams or, where that agrees better, of words."""
        lists = [sentence.get("evidence", _MISSING) for sentence in sentences]
        wrong = [
            Difference(f"{place.format(i)}evidence", found, "a list")
            for i, found in enumerate(lists)
            if not _is_list(found)
        ]
        if wrong or not any(lists):
            return wrong
        spans = {(s["begin"] + begin, s["end"] + begin) for s in self._scored(text, language, frozenset())["sentences"]}
        units: tuple[EvidenceUnit, ...] = ("ngram", "word")
        return min(
            (list(self._evidence_of(text, sentences, begin, spans, unit, place)) for unit in units),
            key=len,
        )

    def _evidence_of(
        self,
        text: str,
        sentences: Sequence[Mapping[str, Any]],
        begin: int,
        spans: set[tuple[Any, Any]],
        unit: EvidenceUnit,
        prefix: str,
    ) -> Iterator[Difference]:
        compared = []
        for i, sentence in enumerate(sentences):
            place = f"{prefix.format(i)}evidence"
            if _span(sentence) not in spans:
                continue  # already told
            start, end = sentence["begin"] - begin, sentence["end"] - begin
            located = LocatedSentence(text[start:end], sentence["begin"], self.model.scorer, self._features)
            by_label: dict[str, list[Any]] = {}
            order: list[Any] = []
            for j, entry in enumerate(sentence["evidence"]):
                told = entry.get("label") if isinstance(entry, Mapping) else None
                if not isinstance(told, str) or told not in self._column:
                    yield Difference(f"{place}[{j}]", told or entry, "no such label")
                    continue
                by_label.setdefault(told, []).append(entry)
                if order[-1:] != [told]:
                    order.append(told)
            decided: dict[str, Any] = {}
            for label in _objects(sentence.get("labels")):
                name = label.get("id")
                if isinstance(name, str) and name in self._column and label.get("decision") in ("yes", "unsure"):
                    decided.setdefault(name, label.get("logit", _MISSING))
            if order != [name for name in decided if name in by_label]:
                yield Difference(f"{place}: order of labels", order, list(decided))
            for name, logit in decided.items():
                coef = self.model.coef_[:, self._column[name]]
                everything = _groups([to_plain(e) for e in located.explain(name, coef, _ALL, unit)], unit)
                given = _groups(by_label.get(name, []), unit)
                compared.append((f"{place} ({name})", given, everything))
                total = sum(share * len(places) for _, places, share in everything)
                total += float(self.model.intercept_[self._column[name]])
                yield from _figure(f"{place} ({name}): contributions and bias", logit, total)
        # The same number of n-grams for every label, but for those that have fewer.
        top_k = max((len(given) for _, given, _ in compared), default=0)
        for place, given, everything in compared:
            yield from _ranked(place, given, everything, top_k)


Group = tuple[Any, tuple[tuple[int | None, int | None], ...], Any]


def _groups(entries: Sequence[Any], unit: EvidenceUnit) -> list[Group]:
    """Evidence n-gram by n-gram: feature, its places, its share at each. Words are one by one."""
    groups: list[Group] = []
    for entry in entries:
        feature, share = entry.get("feature", _MISSING), entry.get("contribution", _MISSING)
        span = _span(entry)
        if unit == "ngram" and groups and groups[-1][0] == feature and groups[-1][2] == share:
            spans = groups[-1][1]
            # The places of an n-gram ascend; two n-grams of the same letters (a word, and a part of words) do not.
            last = spans[-1][0]
            if span[0] is not None and last is not None and span[0] > last:
                groups[-1] = (feature, (*spans, span), share)
                continue
        groups.append((feature, (span,), share))
    return groups


def _ranked(place: str, given: Sequence[Group], everything: Sequence[Group], top_k: int) -> Iterator[Difference]:
    """Is ``given`` the first ``top_k`` of ``everything``, which descends, as far as rounding can tell?"""
    free = list(range(len(everything)))
    chosen: list[int] = []
    for feature, spans, share in given:
        match = next(
            (
                i
                for i in free
                if everything[i][:2] == (feature, spans) and not list(_figure("", share, everything[i][2], TOLERANCE))
            ),
            None,
        )
        if match is None:
            same = [g[2] for g in everything if g[:2] == (feature, spans)]
            yield Difference(
                f"{place}: {feature!r} at {_shown(spans)}", share, same[0] if same else "not so, or not there"
            )
        else:
            free.remove(match)
            chosen.append(match)
    totals = [share * len(spans) for _, spans, share in everything]
    expected = min(top_k, len(everything))
    if len(given) != expected:
        yield Difference(f"{place}: number of n-grams or words", len(given), expected)
    if len(chosen) < len(given):
        return
    for earlier, later in pairwise(chosen):
        if totals[later] > totals[earlier] + 2 * TOLERANCE:
            yield Difference(f"{place}: order", everything[earlier][0], everything[later][0])
    if chosen and free and max(totals[i] for i in free) > min(totals[i] for i in chosen) + 2 * TOLERANCE:
        yield Difference(f"{place}: {everything[free[0]][0]!r}", _MISSING, totals[free[0]])


def _themes(given: Any, right: Sequence[Mapping[str, Any]]) -> Iterator[Difference]:
    names = [theme["id"] for theme in right]
    told = [theme.get("id") for theme in _objects(given)]
    if told != names or len(given) != len(names):
        yield Difference("themes", told if _is_list(given) else given, names)
        return
    for theme, expected in zip(given, right, strict=True):
        yield from _figure(
            f"themes ({expected['id']}).probability", theme.get("probability", _MISSING), expected["probability"]
        )


def _figure(place: str, given: Any, right: float, tolerance: float = TOLERANCE) -> Iterator[Difference]:
    # Not the other way round: NaN must be found.
    if not (_is_number(given) and abs(given - right) <= tolerance * max(1.0, abs(right))):
        yield Difference(place, given, right)


def _same_value(place: str, given: Mapping[str, Any], right: Any, *, key: str | None = None) -> Iterator[Difference]:
    value = given.get(key or place, _MISSING)
    if value is None and right == _MISSING:
        return
    if isinstance(value, bool) != isinstance(right, bool) or value != right:
        yield Difference(place, value, right)


def _receipt(found: Iterable[Difference | CloseCall]) -> Receipt:
    everything = list(found)
    return Receipt(
        tuple(x for x in everything if isinstance(x, Difference)),
        tuple(x for x in everything if isinstance(x, CloseCall)),
    )


def _best(receipts: Iterable[Receipt]) -> Receipt:
    """The first with nothing different, else the one with the least."""
    best: Receipt | None = None
    for receipt in receipts:
        if best is None or len(receipt.differences) < len(best.differences):
            best = receipt
        if receipt.same:
            break
    if best is None:
        raise AssertionError("compared at least once")
    return best


def _languages(given: Any) -> list[str | None]:
    """What the caller may have named: a named language has probability 1, and so may a detected one."""
    if isinstance(given, Mapping) and given.get("probability") == 1:
        code = given.get("code")
        if isinstance(code, str) and LANGUAGE_CODE.fullmatch(code):
            return [code, None]
    return [None]


def _language_of(text: str, given: Any, named: str | None) -> tuple[list[Difference], list[str]]:
    """Differences and notes on an answer's language."""
    if given is None:
        return [], []
    if named is not None:
        return [], [f"language: {named!r} was named by whoever asked; there is nothing to work out"]
    if not isinstance(given, Mapping):
        return [Difference("language", given, "nothing, or code and probability")], []
    try:
        code, probability = detect_language(text)
    except MissingExtra as error:
        return [], [f"language: not worked out: {error}"]
    found = [*_same_value("language.code", given, code, key="code")]
    return [*found, *_figure("language.probability", given.get("probability", _MISSING), probability)], []


def _unknown(given: Mapping[str, Any], known: set[str], *, nested: bool = True) -> Iterator[str]:
    """Notes on fields that are not looked at, since nothing is known of them here."""
    fields = set(given) - known
    sentences = _objects(given.get("sentences")) if nested else [given]
    for sentence in sentences:
        if nested:
            fields |= {f"sentences[].{name}" for name in set(sentence) - _SENTENCE_FIELDS}
    for holder in (given, *sentences):
        fields |= {
            f"labels[].{name}" for label in _objects(holder.get("labels")) for name in set(label) - _LABEL_FIELDS
        }
    if fields:
        yield f"not known here, and not looked at: {', '.join(sorted(fields))}"


def _rank(decision: str) -> int:
    return ("no", "unsure", "yes").index(decision)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _ALL


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if _is_list(value) else []


def _span(value: Mapping[str, Any]) -> tuple[int | None, int | None]:
    begin, end = value.get("begin"), value.get("end")
    return begin if type(begin) is int else None, end if type(end) is int else None


def _shown(spans: Sequence[tuple[Any, Any]]) -> str:
    return ", ".join(f"{begin}-{end}" for begin, end in spans[:3]) + (", ..." if len(spans) > 3 else "")
