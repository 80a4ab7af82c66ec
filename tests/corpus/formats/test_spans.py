import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.corpus.formats.foreign import BadValue, ForeignLabel, ForeignRow
from classifier.corpus.formats.spans import Span, span_rows
from classifier.text.sentences import split_units

texts = st.text(st.sampled_from("ab. \n😀Ж!?"), min_size=1, max_size=60).filter(str.strip)


def base(text):
    return ForeignRow("f", 1, text, (), id="d", language="en")


def utf16(text, offset):
    return len(text[:offset].encode("utf-16-le")) // 2


@given(text=texts, data=st.data(), unit=st.sampled_from(["sentence", "paragraph", "text"]))
def test_a_unit_has_the_labels_of_the_spans_that_share_a_character_with_it(text, data, unit):
    ends = data.draw(st.lists(st.tuples(*[st.integers(0, len(text))] * 2).filter(lambda p: p[0] < p[1]), max_size=3))
    spans = [Span(b, e, (ForeignLabel(f"l{k}"),)) for k, (b, e) in enumerate(ends)]
    rows = list(span_rows(base(text), [spans], unit, "codepoint"))
    assert [(row.begin, row.end) for row in rows] == [tuple(u) for u in split_units(text, unit, "en")]
    for row in rows:
        assert row.text == text[row.begin : row.end]
        touching = {f"l{k}" for k, (b, e) in enumerate(ends) if set(range(b, e)) & set(range(row.begin, row.end))}
        assert {label.name for label in row.labels} == touching
    counted = [Span(utf16(text, s.begin), utf16(text, s.end), s.labels) for s in spans]
    assert list(span_rows(base(text), [counted], unit, "utf16")) == rows
    # What a span quotes settles what it counts.
    for quoting in (spans, counted):
        told = [s._replace(quoted=text[t.begin : t.end]) for s, t in zip(quoting, spans, strict=True)]
        if all(text.count(t.quoted.strip() or " ") == 1 for t in told):
            assert list(span_rows(base(text), [told], unit, "codepoint")) == rows


@pytest.mark.parametrize(("begin", "end"), [(-1, 2), (0, 0), (3, 2), (0, 7), (7, 9)])
def test_a_span_outside_the_text_is_told(begin, end):
    with pytest.raises(BadValue, match=f"span {begin} to {end} of 'a' lies outside the text .6 characters."):
        list(span_rows(base("A war."), [[Span(begin, end, (ForeignLabel("a"),))]], "sentence", "codepoint"))


def test_a_span_that_quotes_something_else_is_told():
    with pytest.raises(BadValue, match="span 2 to 5 quotes 'peace', but the text has 'war' there"):
        list(span_rows(base("A war."), [[Span(2, 5, (ForeignLabel("a"),), "peace")]], "sentence", "codepoint"))


def test_what_most_annotators_marked_holds():
    text = "One. Two. Three."
    a, b = ForeignLabel("a"), ForeignLabel("b")
    votes = [[Span(0, 4, (a,))], [Span(0, 3, (a,)), Span(5, 8, (b,))], []]
    rows = list(span_rows(base(text), votes, "sentence", "codepoint"))
    assert [row.labels for row in rows] == [(a,), (), ()]
    assert [row.note for row in rows] == ["annotators differ: a 2 of 3", "annotators differ: b 1 of 3", ""]
