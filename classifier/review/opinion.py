"""What the model says of one label of one piece of text: for the reviewer, whatever it decided."""

from __future__ import annotations

from dataclasses import dataclass

from classifier.model.answer import Decision, Evidence, Voice
from classifier.model.evidence import LocatedSentence
from classifier.model.scoring import NarrativeModel


@dataclass(frozen=True, slots=True)
class Opinion:
    """``evidence`` is by words, largest first; ``others`` are the other narratives that the model tags."""

    decision: Decision
    voice: Voice | None
    evidence: tuple[Evidence, ...]
    others: tuple[Decision, ...]


def form_opinion(model: NarrativeModel, piece: str, label: str, *, top_k: int = 5) -> Opinion | None:
    """The model's view; None where it does not know the label, or there is nothing but white space."""
    if label not in model.ids or not piece.strip():
        return None
    column = model.ids.index(label)
    decisions = {d.id: d for d in model.score([piece], explain=None, all=True).results[0].labels}
    features = model.word_features + model.char_features
    located = LocatedSentence(piece, 0, model.scorer, features)
    others = [d for d in decisions.values() if d.id != label and d.decision == "yes"]
    return Opinion(
        decision=decisions[label],
        voice=likeliest_voice(model, piece, label),
        evidence=tuple(located.explain(label, model.coef_[:, column], top_k, "word")),
        others=tuple(others),
    )


def likeliest_voice(model: NarrativeModel, piece: str, label: str) -> Voice | None:
    """The voice of a label, also where the model does not see the label; None for models without voices."""
    if model.voice_head is None or label not in model.ids:
        return None
    outputs, _ = model.scorer.score([piece])
    return model.voice_head.predict_proba(outputs[0, len(model.ids) :].tolist(), model.ids.index(label))
