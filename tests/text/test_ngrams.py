"""The plain analysers against scikit-learn's own."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from classifier.text import ngrams
from classifier.text.lowering import lower_with_offsets, original_span

words = CountVectorizer(ngram_range=(1, 2)).build_analyzer()
chars = CountVectorizer(analyzer="char_wb", ngram_range=(2, 5)).build_analyzer()

any_text = st.text(
    alphabet=st.one_of(st.characters(codec=None), st.sampled_from(" \t\n\x0b\x1c\x1f\x85\xa0\u2003'-aАİΣσß1_\ud800")),
    max_size=120,
)


@given(any_text)
def test_word_ngrams_are_scikit_learns(text):
    lowered = text.lower()
    assert ngrams.word_ngrams(ngrams.tokens(lowered)) == words(text)
    assert Counter(f for f, _, _ in ngrams.locate_word_ngrams(lowered)) == Counter(words(text))


@given(any_text)
def test_char_ngrams_are_scikit_learns(text):
    lowered = text.lower()
    found = Counter(f for chunk in ngrams.chunks(lowered) for f in ngrams.chunk_ngrams(chunk))
    assert found == Counter(chars(text))
    assert Counter(f for f, _, _ in ngrams.locate_char_ngrams(lowered)) == found


@given(any_text)
def test_spans_hold_their_feature(text):
    lowered = text.lower()
    for feature, begin, end in ngrams.locate_char_ngrams(lowered):
        assert lowered[begin:end] == feature.strip(" ")
    for feature, begin, end in ngrams.locate_word_ngrams(lowered):
        if " " in feature:
            first, second = feature.split(" ")
            assert lowered[begin:end].startswith(first)
            assert lowered[begin:end].endswith(second)
        else:
            assert lowered[begin:end] == feature


@given(any_text)
def test_offsets_lead_back_to_the_callers_text(text):
    lowered, offsets = lower_with_offsets(text)
    assert lowered == text.lower()
    assert len(offsets) == len(lowered) + 1
    for i, character in enumerate(lowered):
        begin, end = original_span(offsets, i, i + 1)
        assert end == begin + 1
        # Σ lowers by context; every other character lowers alone.
        assert character in text[begin:end].lower() or text[begin:end] == "Σ"


def test_a_dotted_capital_i_does_not_shift_what_follows():
    lowered, offsets = lower_with_offsets("İİ war")
    at = lowered.index("war")
    assert at == 5
    assert original_span(offsets, at, at + 3) == (3, 6)
