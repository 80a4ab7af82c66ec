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
    words: list[str]
    word_keys: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
    char_names: list[str]
    def count(self, text: str) -> None: ...
    def word_rows(self, place: npt.NDArray[np.int64]) -> Rows: ...
    def char_rows(self, place: npt.NDArray[np.int64]) -> Rows: ...
