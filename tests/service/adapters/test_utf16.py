"""Offsets, against the codec that the standard library has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.adapters.utf16 import Utf16Offsets

texts = st.text(st.sampled_from("a я€🙂𝒜\u200d\ufe0f\uffff\U00010000"), max_size=30)


@given(texts)
def test_offsets_are_those_of_the_utf16_codec(text):
    offsets = Utf16Offsets(text)
    starts = {len(text[:place].encode("utf-16-le")) // 2: place for place in range(len(text) + 1)}
    for units in range(-1, max(starts) + 3):
        if units in starts:
            assert offsets.to_code_points(units) == starts[units]
            assert offsets.to_units(starts[units]) == units
        else:
            with pytest.raises(ValueError, match="middle" if 0 < units < max(starts) else "outside"):
                offsets.to_code_points(units)
