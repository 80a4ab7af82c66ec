"""How an answer is defined: every narrative of every sentence worked out, with numpy, rule by rule.

The oracle of ``test_answering.py``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np

from classifier.model.answer import Decision, SentenceAnswer, TextAnswer, ThemeProbability, Voice
from classifier.model.decisions import decide, sigmoid


@dataclass(frozen=True)
class Parameters:
    rules: dict
    theme_of: dict
    themes: list
    voice_head: object
    intercept: np.ndarray
    coverage_bound: float
    length_penalty: float
    multilabel: bool


def answer_text(parameters, item, spans, pieces, outputs, words, every):
    """The answer for one text, without evidence."""
    n_narratives = len(parameters.rules)
    ids = list(parameters.rules)
    n_words, n_known = words.sum(axis=0).tolist()
    coverage = n_known / n_words if n_words else 0.0
    familiar = coverage >= parameters.coverage_bound
    logits = outputs[:, :n_narratives]
    hindrances, sentences, voices = [], [], {}
    yes = np.zeros(logits.shape, dtype=np.bool_)
    for i, (span, piece) in enumerate(zip(spans, pieces, strict=True)):
        told, known = words[i].tolist()
        hindrance = None if (known / told >= parameters.coverage_bound if told >= 4 else familiar) else "unfamiliar"
        hindrances.append("short" if told < 3 else hindrance)
        labels = decisions_of(parameters, logits[i], hindrances[-1], every)
        for k, decision in enumerate(labels):
            column = ids.index(decision.id)
            yes[i, column] = decision.decision == "yes"
            if decision.decision != "no" and parameters.voice_head is not None:
                voice = softmax(outputs[i, n_narratives:] + parameters.voice_head.intercept[column])
                voices.setdefault(column, []).append((voice, decision.probability))
                labels[k] = replace(decision, voice=Voice(*voice.tolist()))
        sentences.append(SentenceAnswer(*span, piece, tuple(labels), ()))
    free = [i for i, reason in enumerate(hindrances) if reason is None]
    counted = free or list(range(len(spans)))
    whole = parameters.intercept
    if counted:
        n_sentences = max(1, int((words[counted, 0] >= 3).sum()))
        n_yes = np.maximum(1, yes[counted].sum(axis=0))
        excess = np.maximum(0.0, np.log(n_sentences) - 3.0 * np.log(n_yes))
        whole = logits[counted].max(axis=0) - parameters.length_penalty * excess
    hindrance = None if familiar else "unfamiliar"
    if not free:
        hindrance = next((reason for reason in hindrances if reason == "unfamiliar"), "short")
    decisions = decisions_of(parameters, whole, hindrance, every)
    for k, decision in enumerate(decisions):
        heard = voices.get(ids.index(decision.id))
        if heard and decision.decision != "no":
            mixed = np.average([voice for voice, _ in heard], axis=0, weights=[weight for _, weight in heard])
            decisions[k] = replace(decision, voice=Voice(*mixed.tolist()))
    return TextAnswer(
        id=item.id,
        text_sha256=hashlib.sha256(item.text.encode("utf-8", "surrogatepass")).hexdigest(),
        offset_unit="codepoint",
        coverage=coverage,
        language=None,
        themes=tuple(
            ThemeProbability(t.id, float(sigmoid(t.slope * whole[list(t.columns)].max() + t.intercept)))
            for t in parameters.themes
        ),
        labels=tuple(decisions),
        sentences=tuple(sentences),
    )


def decisions_of(parameters, logits, hindrance, every):
    """Decisions of one unit, likeliest first."""
    probabilities = sigmoid(logits)
    found = []
    for place, column in enumerate(np.argsort(-probabilities, kind="stable").tolist()):
        narrative, rule = list(parameters.rules.items())[column]
        verdict, reason = decide(float(probabilities[column]), rule, hindrance)
        if place and not parameters.multilabel:
            verdict, reason = "no", None
        if verdict != "no" or every:
            found.append(
                Decision(
                    id=narrative,
                    theme=parameters.theme_of[narrative],
                    probability=float(probabilities[column]),
                    logit=float(logits[column]),
                    threshold=rule.threshold,
                    decision=verdict,
                    reason=reason,
                    voice=None,
                    support=rule.support,
                    trained_enough=rule.trained_enough,
                )
            )
    return found


def softmax(logits):
    """Along the only axis."""
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()
