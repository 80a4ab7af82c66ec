from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from classifier.model.answer import Evidence
from classifier.model.linear import LinearScorer

class CompiledExplainer:
    def __init__(
        self,
        scorer: LinearScorer,
        features: Sequence[str],
        idf: npt.NDArray[np.float64],
        n_word_features: int,
        coef: npt.NDArray[np.float32],
        narratives: Sequence[str],
        max_places: int,
    ) -> None: ...
    def explain(self, text: str, begin: int, labels: Sequence[str], top_k: int, unit: str) -> tuple[Evidence, ...]: ...
