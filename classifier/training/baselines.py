"""What a narrative model must beat: most frequent, keyword rules, nearest definition."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer

from classifier.taxonomy import Taxonomy
from classifier.training.calibration import best_threshold

_CUE_KINDS = ("phrase", "code", "metaphor", "claim")


def most_frequent(y_train: npt.NDArray[np.bool_], n_samples: int) -> npt.NDArray[np.bool_]:
    """Tag every sentence with the narrative that training has most often."""
    y_pred = np.zeros((n_samples, y_train.shape[1]), dtype=np.bool_)
    y_pred[:, int(y_train.sum(axis=0).argmax())] = True
    return y_pred


def read_keywords(taxonomy: Taxonomy, cues: Path | None) -> dict[str, list[str]]:
    """Key phrases of each narrative: its name, and its cue files (``cues/<language>/<id>.txt``) where there are any."""
    keywords = {n.id: [n.name.lower()] for n in taxonomy.narratives}
    for narrative, phrases in keywords.items():
        for file in sorted(cues.glob(f"*/{narrative}.txt")) if cues else []:
            for line in file.read_text(encoding="utf-8").splitlines():
                kind, _, cue = line.partition(":")
                if kind.strip() in _CUE_KINDS and len(cue.strip()) > 3:
                    phrases.append(cue.strip().lower())
    return keywords


def keyword_rules(texts: Sequence[str], keywords: Mapping[str, Sequence[str]]) -> npt.NDArray[np.bool_]:
    """Tag a sentence with each narrative of which it holds a key phrase (as whole words, case ignored)."""
    patterns = [re.compile(r"\b(?:" + "|".join(map(re.escape, words)) + r")\b") for words in keywords.values()]
    lowered = [text.lower() for text in texts]
    return np.array([[bool(p.search(text)) for p in patterns] for text in lowered], dtype=np.bool_)


def nearest_definition(
    train_texts: Sequence[str], y_train: npt.NDArray[np.bool_], texts: Sequence[str], taxonomy: Taxonomy
) -> npt.NDArray[np.bool_]:
    """Cosine similarity of TF-IDF vectors to each narrative's definition, with one threshold tuned on training rows."""
    definitions = [f"{n.name}. {n.definition} {n.includes}" for n in taxonomy.narratives]
    vectorizer = TfidfVectorizer(sublinear_tf=True, stop_words="english").fit([*train_texts, *definitions])
    target = vectorizer.transform(definitions).T
    train = np.asarray((vectorizer.transform(train_texts) @ target).todense())
    threshold = best_threshold(train.ravel(), y_train.ravel())
    similarity = np.asarray((vectorizer.transform(texts) @ target).todense())
    result: npt.NDArray[np.bool_] = similarity >= threshold
    return result
