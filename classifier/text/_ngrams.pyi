from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

Rows = tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int64]]

class Lookup:
    n_word_features: int
    n_char_features: int
    def __init__(
        self, word_features: Sequence[str], char_features: Sequence[str], known_words: Iterable[str]
    ) -> None: ...
    def locate(self, text: str) -> list[tuple[int, int, int]]: ...

class Counter:
    n_word_features: int
    n_char_features: int
    def count(self, text: str) -> None: ...
    def rows(self) -> tuple[Rows, Rows]: ...
    def word_names(self, columns: npt.NDArray[np.int64]) -> list[str]: ...
    def char_names(self, columns: npt.NDArray[np.int64]) -> list[str]: ...
