"""What an operator can set; read from the environment, never at import."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from classifier.errors import InputError
from classifier.model.versions import ENVIRONMENT

PREFIX = "NARRATIVES_"


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits and places.

    ``max_body_bytes`` bounds a request, ``max_items`` the texts in it, ``max_text_length`` one text (code points),
    ``max_evidence`` the evidence that a caller may ask for each label.
    """

    models: Path | None = None
    max_body_bytes: int = 16 * 1024 * 1024
    max_items: int = 1_000
    max_text_length: int = 2_000_000
    max_evidence: int = 1_000

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read ``NARRATIVES_MODELS``, ``NARRATIVES_MAX_BODY_BYTES`` and so on.

        Raises
        ------
        InputError
            A value is not a whole number above 0.
        """
        environ = os.environ if environ is None else environ
        numbers = {}
        for name in ("max_body_bytes", "max_items", "max_text_length", "max_evidence"):
            variable = PREFIX + name.upper()
            value = environ.get(variable)
            if not value:
                continue
            if not (value.isascii() and value.isdigit() and len(value) < 16 and int(value) > 0):
                raise InputError(f"{variable} is {value!r}; give a whole number above 0, or unset it", field=variable)
            numbers[name] = int(value)
        models = environ.get(ENVIRONMENT)
        return cls(models=Path(models) if models else None, **numbers)
