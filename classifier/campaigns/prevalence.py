"""Adjusted counting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class MeasuredRates:
    """Counts behind error rates."""

    narrative: str
    unit: Literal["sentence", "post"]
