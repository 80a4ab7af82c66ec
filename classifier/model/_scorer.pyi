import numpy as np
import numpy.typing as npt

from classifier.text._ngrams import Lookup

class Scorer:
    lookup: Lookup
    n_kept: int
    def __init__(
        self,
        lookup: Lookup,
        idf: npt.NDArray[np.float64],
        coef: npt.NDArray[np.floating],
        intercept: npt.NDArray[np.float64],
        n_probabilities: int,
        portable: bool = False,
    ) -> None: ...
    def score(self, texts: list[str]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]: ...
    def decision_function(self, texts: list[str]) -> npt.NDArray[np.float64]: ...
    def predict_proba(self, texts: list[str]) -> npt.NDArray[np.float64]: ...
