"""Which language a text is in, and how sure that is: only when asked, never on the plain scoring path."""

from __future__ import annotations

import functools
import re
from typing import Any

from classifier.errors import MissingExtra

LANGUAGES = ("az", "be", "de", "en", "es", "fr", "hy", "ka", "kk", "pl", "ro", "ru", "tr", "uk")
"""The languages told apart: those of the region and of its neighbours."""


LANGUAGE_CODE = re.compile(r"[a-z]{2,3}")
"""What a language that a caller names must look like: an ISO 639 code."""


@functools.lru_cache(maxsize=1)
def _identifier() -> Any:
    try:
        from py3langid import langid
    except ImportError as error:
        raise MissingExtra("Language identification", "language") from error
    # The library's model is an .npz of plain arrays; nothing is unpickled.
    identifier = langid.LanguageIdentifier.from_model_file(langid.MODEL_DIR / langid.MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(LANGUAGES))
    return identifier


def detect_language(text: str) -> tuple[str, float]:
    """The likeliest of :data:`LANGUAGES`, with its probability (0 to 1).

    Loads py3langid at the first call (about 0.4 s and 77 MB); afterwards some 50 µs a text.

    Raises
    ------
    MissingExtra
        py3langid is not installed.
    """
    code, probability = _identifier().classify(text.encode("utf-8", "replace").decode("utf-8"))
    return str(code), float(probability)
