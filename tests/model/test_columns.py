"""Decisions as columns against the answers that they stand for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier import InputError, TextItem
from classifier.model.answering import Options
from classifier.model.columns import REASONS, VERDICTS, columns_of
from tests.model.test_answering import IDS, answerer, kinds, laid_out, paths, texts


def same(one, other):
    return all(a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("path", paths())
@given(found=texts, kind=kinds, every=st.booleans(), by_sentence=st.booleans())
def test_columns_are_the_answers_to_the_last_bit(path, found, kind, every, by_sentence):
    items, spans, pieces, outputs, words = laid_out(found)
    made = answerer(kind, path)
    answers = made.answer(items, spans, pieces, outputs, words, Options(explain=None, all=every))
    columns = made.columns(spans, outputs, words, every=every, by_sentence=by_sentence)
    assert same(columns, columns_of(answers, IDS, by_sentence=by_sentence))


def test_columns_tell_what_the_objects_do(small_model):
    texts = ["War with Azerbaijan is inevitable. Trains run on time.", "", "Decadent West! Decadent West!", "Да"]
    columns, spans = small_model.score_columns(texts, [None, None, "en", None])
    results = small_model.score(
        [TextItem(text, language=code) for text, code in zip(texts, [None, None, "en", None], strict=True)],
        explain=None,
    ).results
    for i, (result, found) in enumerate(zip(results, spans, strict=True)):
        assert columns.coverage[i] == result.coverage
        assert columns.n_sentences[i] == len(result.sentences)
        assert [tuple(span) for span in found] == [(s.begin, s.end) for s in result.sentences]
        told = range(columns.ends[i], columns.ends[i + 1])
        assert len(told) == len(result.labels)
        for j, label in zip(told, result.labels, strict=True):
            assert small_model.ids[columns.narrative[j]] == label.id
            assert (columns.probability[j], columns.logit[j]) == (label.probability, label.logit)
            assert (VERDICTS[columns.verdict[j]], REASONS[columns.reason[j]]) == (label.decision, label.reason)
            voice = (label.voice.asserted, label.voice.attributed, label.voice.rejected)
            assert tuple(columns.voice[j]) == voice
    assert len(columns.narrative) > 0


@pytest.mark.parametrize(
    ("texts", "languages", "told"),
    [("one", None, r"\[text\]"), (["one", None], None, r"texts\[1\] is NoneType"), (["one"], [], "0 languages for 1")],
)
def test_what_is_no_texts_is_refused(small_model, texts, languages, told):
    with pytest.raises(InputError, match=told):
        small_model.score_columns(texts, languages)
