import csv
import json
import random
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.text import sentences
from classifier.text.sentences import MAX_PIECE, Span, split_sentences, split_units
from tests.text import reference_sentences

any_text = st.text(
    alphabet=st.one_of(
        st.characters(codec=None), st.sampled_from(' .!?…"“”«»()\n\r\u2028\ud800İß—•🔥аБAI\xa0\u2009\u3000')
    ),
    max_size=400,
)


@given(any_text)
def test_spans_slice_back_in_order_and_leave_out_only_white_space(text):
    end = 0
    for span in split_sentences(text):
        assert end <= span.begin < span.end <= len(text)
        assert not text[end : span.begin].strip()
        assert text[span.begin : span.end] == text[span.begin : span.end].strip()
        assert len(text[span.begin : span.end].splitlines()) == 1
        end = span.end
    assert not text[end:].strip()


@given(any_text, any_text)
def test_a_line_break_is_always_an_end(first, second):
    together = split_sentences(f"{first}\n{second}", "en")
    apart = split_sentences(first, "en") + [
        sentences.Span(s.begin + len(first) + 1, s.end + len(first) + 1) for s in split_sentences(second, "en")
    ]
    assert together == apart


def golden(root):
    return json.loads((root / "tests" / "golden" / "sentences.json").read_text(encoding="utf-8"))


def test_golden_set_covers_six_languages(root):
    languages = [snippet["language"] for snippet in golden(root)]
    assert len(languages) == 60
    assert {code: languages.count(code) for code in set(languages)} == dict.fromkeys(
        ("en", "ru", "uk", "az", "ka", "hy"), 10
    )


@pytest.mark.parametrize("given_language", [True, False])
@pytest.mark.parametrize("number", range(60))
def test_golden_snippet(root, number, given_language):
    snippet = golden(root)[number]
    text = snippet["text"]
    spans = split_sentences(text, snippet["language"] if given_language else None)
    assert [text[s.begin : s.end] for s in spans] == snippet["sentences"], snippet["about"]


@pytest.mark.parametrize("unit", ['"', "“", "«", "a. ", "a", "Mr. ", '"a." ', "(", "a! ", "\ud800", "İ.", "🔥 "])
def test_work_grows_linearly_on_hostile_input(monkeypatch, unit):
    def work(n):
        handed = []
        segment = sentences.sentencex.segment
        with monkeypatch.context() as patch:
            patch.setattr(
                sentences.sentencex, "segment", lambda code, piece: handed.append(len(piece)) or segment(code, piece)
            )
            split_sentences(unit * n)
        assert max(handed) <= MAX_PIECE
        return sum(handed)

    once, four = work(5_000), work(20_000)
    assert once <= 2.5 * 5_000 * len(unit)
    assert four <= 4.4 * once


@pytest.mark.parametrize("space", ["\xa0", "\u2009", "\u202f", "\u3000"])
def test_wide_white_space_does_not_break_the_segmenter(space):
    text = f"Vitamin A{space}. Then{space}he left."
    assert [text[s.begin : s.end] for s in split_sentences(text)] == [f"Vitamin A{space}.", f"Then{space}he left."]


def test_a_panic_of_the_segmenter_gives_one_sentence(monkeypatch):
    class PanicException(BaseException):
        pass

    def panic(code, piece):
        raise PanicException

    monkeypatch.setattr(sentences.sentencex, "segment", panic)
    assert split_sentences("One. Two.\nThree.", "en") == [(0, 9), (10, 16)]


def test_no_sentence_grows_without_bound():
    assert max(s.end - s.begin for s in split_sentences("a" * 100_000)) <= sentences.MAX_SENTENCE


@pytest.mark.parametrize(
    "text",
    [
        "Туда отправили целый полк. Россия это отрицает.",
        "Убытки составили 5 млн. Россия отрицает это.",
        "Мы помогли им. Они забыли.",
        "Школа помогла им. Они забыли.",
        "That was World War I. Then came peace.",
    ],
)
def test_plain_words_that_look_like_abbreviations_end_a_sentence(text):
    assert len(split_sentences(text)) == 2


def test_a_long_line_is_not_cut_inside_a_sentence():
    sentence = "The ministry said on Monday that the talks would go on in Baku next week."
    text = " ".join([sentence] * 200)
    assert [text[s.begin : s.end] for s in split_sentences(text)] == [sentence] * 200


broken_lines = st.one_of(st.characters(codec=None), st.sampled_from("ab. \n\r\t\x0b\x1c\x85\u2028\u3000"))


@given(st.text(broken_lines, max_size=80))
def test_paragraphs_and_whole_texts_leave_out_nothing_but_white_space(text):
    paragraphs = split_units(text, "paragraph")
    assert [text[a:b] for a, b in paragraphs] == [line.strip() for line in text.splitlines() if line.strip()]
    whole = split_units(text, "text")
    assert [text[a:b] for a, b in whole] == ([text.strip()] if text.strip() else [])
    assert split_units(text, "sentence") == split_sentences(text)


LANGUAGES = (None, "en", "ru", "uk", "az", "ka", "hy")


def assert_split_as_ever(text, language=None):
    expected = reference_sentences.split_sentences(text, language)
    for split in (split_sentences, sentences._split_in_python):
        found = split(text, language)
        assert found == expected, (text, language)
        assert {type(span) for span in found} <= {Span}


def rows(root, pattern):
    for path in sorted((root / "labels").glob(pattern)):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if "text" in row:
                    yield row["text"]


def test_real_text_is_split_as_ever(root):
    """Every labelled sentence, the articles, and texts put together from them."""
    texts = list(rows(root, "**/*.csv"))
    assert len(texts) > 40_000
    articles = [path.read_text(encoding="utf-8") for path in sorted((root / "seeds").glob("*.txt"))]
    for text in [*texts, *articles, *(snippet["text"] for snippet in golden(root))]:
        assert_split_as_ever(text)
    draw = random.Random(0)
    for _ in range(1_500):
        between = draw.choice([" ", " ", "\n", "\n\n", "  ", "\t", "\xa0", " — ", "\n• "])
        joined = between.join(draw.sample(texts, draw.choice([2, 3, 8, 30])))
        assert_split_as_ever(joined, draw.choice(LANGUAGES))


some_words = st.sampled_from(
    "The ministry said. U.S. officials p.m. It was him. Mr. Smith A. I. J.-P. etc. No. War! Yes? end… (Ура!) [1] 3.5 "
    "a@b.ru “Yes.” 'q' и т. д. п. т.д. т.п. Россия это г. Баку. им. школа Школы см. млн. руб. И. Иванов стр. НАТО. ул. "
    "„Да“ «Да.» »Nein« Ա. ա Ես ։ Հայաստան։ ა.შ. ბაქო. კი 🔥 🇦🇿 • — - – * •\t \n \r\n \t \x1f \x1c \x85 \u2028 "
    "\xa0 \u2009 \u200d \ufe0f Ⓐ 🅰 \ud800 \xad Ⅳ ǅ".split(" ")
)


@settings(max_examples=600)
@given(
    st.lists(st.tuples(some_words, st.sampled_from([" ", " ", " ", "", "  "])), max_size=30),
    st.sampled_from(LANGUAGES),
)
def test_what_looks_like_an_end_is_judged_as_ever(parts, language):
    assert_split_as_ever("".join(word + gap for word, gap in parts), language)


@settings(max_examples=300)
@given(any_text, st.sampled_from(LANGUAGES), st.sampled_from([1, 1, 3, 40]))
def test_any_text_is_split_as_ever(text, language, times):
    assert_split_as_ever(text * times, language)


def test_shortcuts_rest_on_what_unicode_says():
    """What lets the paths leave rules out, for every character there is."""
    for character in map(chr, range(sys.maxunicode + 1)):
        if character < sentences._FIRST_EMOJI:
            assert not sentences._emoji.match(f"{character} ")
            if character.isupper():
                assert character.isalpha()
                assert sentences._word.match(character)
                assert not sentences._goes_on.match(f"{character}, — b")
        if sentences._surrogates.match(character) or sentences._wide_space.match(character):
            assert not character.isprintable()
        if character.isspace():
            assert (
                sentences._wide_space.match(character)
                or character in " \t\x1f"
                or len(f"a{character}a".splitlines()) == 2
            )
        if not character.isalnum() or character.isdecimal():
            assert not sentences._initial.search(f" {character}.")
        if character.isalnum():
            assert not sentences._bullet.match(f"{character} ")


def test_abbreviations_end_in_letters():
    """What lets both paths pass by them after a digit or a quotation mark."""
    assert all(word[-1].isalpha() and word == word.lower() for word in sentences._abbreviations)


def test_a_panic_of_the_segmenter_is_met_on_the_python_path_too(monkeypatch):
    class PanicException(BaseException):
        pass

    def panic(code, piece):
        raise PanicException

    monkeypatch.setattr(sentences.sentencex, "segment", panic)
    assert sentences._split_in_python("One. Two.\nThree.", "en") == [(0, 9), (10, 16)]


@pytest.mark.parametrize("split", [split_sentences, sentences._split_in_python])
def test_another_error_of_the_segmenter_is_not_hidden(monkeypatch, split):
    def fail(code, piece):
        raise KeyboardInterrupt

    monkeypatch.setattr(sentences.sentencex, "segment", fail)
    with pytest.raises(KeyboardInterrupt):
        split("One. Two.", "en")


def test_characters_that_the_segmenter_loses_leave_the_line_whole(monkeypatch):
    monkeypatch.setattr(sentences.sentencex, "segment", lambda code, piece: [piece[:3]])
    for split in (split_sentences, sentences._split_in_python):
        assert split("One. Two.", "en") == [(0, 9)]
