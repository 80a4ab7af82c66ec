from types import ModuleType

from classifier.text.sentences import Span

class Splitter:
    def __init__(self, rules: ModuleType) -> None: ...
    def split(self, text: str, language: str | None) -> list[Span]: ...
