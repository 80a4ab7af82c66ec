from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from classifier.model._evidence import CompiledExplainer
from classifier.model.answer import TextAnswer, TextItem
from classifier.model.answering import Options
from classifier.model.columns import Columns
from classifier.model.decisions import Rule, ThemeRule
from classifier.model.evidence import Explainer
from classifier.model.voice import VoiceHead
from classifier.text.sentences import Span

class CompiledAnswerer:
    def __init__(
        self,
        rules: Mapping[str, Rule],
        theme_of: Mapping[str, str],
        themes: Sequence[ThemeRule],
        voice_head: VoiceHead | None,
        explainer: Explainer | CompiledExplainer,
        intercept: npt.NDArray[np.float64],
        *,
        coverage_bound: float,
        length_penalty: float,
        multilabel: bool,
    ) -> None: ...
    def answer(
        self,
        items: Sequence[TextItem],
        spans: Sequence[Sequence[Span]],
        pieces: Sequence[str],
        outputs: npt.NDArray[np.float64],
        words: npt.NDArray[np.int64],
        options: Options,
    ) -> tuple[TextAnswer, ...]: ...
    def columns(
        self,
        spans: Sequence[Sequence[Span]],
        outputs: npt.NDArray[np.float64],
        words: npt.NDArray[np.int64],
        *,
        every: bool,
        by_sentence: bool,
    ) -> Columns: ...
