"""Which path analyses texts: compiled, or plain Python with the same answers."""

from __future__ import annotations

import importlib
import os
from typing import Literal

Engine = Literal["compiled", "python"]

VARIABLE = "NARRATIVES_ENGINE"
"""Environment variable: "python" leaves the compiled path aside, "compiled" refuses to go on without it."""


MODULES = (
    "classifier.text._ngrams",
    "classifier.text._sentences",
    "classifier.model._scorer",
    "classifier.model._answering",
    "classifier.model._evidence",
)
"""What must have been built for the compiled path; `training/_joint` may be missing beside them."""


def _choose() -> Engine:
    asked = os.environ.get(VARIABLE, "")
    if asked not in ("", "compiled", "python"):
        raise ValueError(f"{VARIABLE} is {asked!r}; 'compiled' or 'python' is allowed")
    if asked == "python":
        return "python"
    try:
        for module in MODULES:
            importlib.import_module(module)
    except ImportError as error:
        if asked:
            raise ImportError(f"{VARIABLE} asks for the compiled path, which was not built: {error}") from error
        return "python"
    return "compiled"


engine: Engine = _choose()
"""The path that is active in this process."""
