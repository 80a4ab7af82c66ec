import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]

class Half:
    n_columns: int
    n_rows: int
    largest: int
    def __init__(
        self,
        counts: npt.NDArray[np.integer],
        columns: npt.NDArray[np.integer],
        indptr: npt.NDArray[np.integer],
        n_columns: int,
    ) -> None: ...
    def document_frequencies(self, rows: Integers) -> Integers: ...

def tfidf(
    words: Half,
    chars: Half,
    word_columns: Integers,
    char_columns: Integers,
    idf: npt.NDArray[np.float64],
    rows: Integers,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32], Integers]: ...
def mean_squares(
    data: npt.NDArray[np.float64], indices: npt.NDArray[np.int32], n_samples: int, n_columns: int
) -> npt.NDArray[np.float64]: ...
