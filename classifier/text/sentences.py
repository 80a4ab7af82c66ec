"""Sentences as spans of the caller's own text.

The segmenter is `sentencex <https://github.com/wikimedia/sentencex>`_. Around it stand three guards: it takes
quadratic time on runs of unbalanced quotation marks, so it never sees more than :data:`MAX_PIECE` characters; it
raises on lone surrogates, so they are replaced one for one before the call; and it splits after initials and some
abbreviations and not after a closing bracket, so pieces are merged and split again by the rules below.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import sentencex

from classifier.text.engine import engine

MAX_PIECE = 2_000
"""The most characters that one call of the segmenter sees."""


class Span(NamedTuple):
    """A half-open interval of code points: ``text[begin:end]``."""

    begin: int
    end: int


MAX_SENTENCE = 20_000
"""Pieces are not merged beyond this many characters."""

_surrogates = re.compile("[\ud800-\udfff]")
# The segmenter also fails on wide white space after a single capital; line ends must stay what they are.
_wide_space = re.compile(r"[^\S\x00-\x7f\x85\u2028\u2029]")
_word = re.compile(r"\w")
_paragraph = re.compile(r"\S(?:[^\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]*[^\s])?")
_whole = re.compile(r"\S(?:.*\S)?", re.DOTALL)
_cyrillic = re.compile("[\u0400-\u04ff]")
_georgian = re.compile("[\u10a0-\u10ff]")
_scripts = re.compile("[\u0400-\u04ff\u0530-\u058f\u10a0-\u10ff]")

# One capital letter and a full stop: an initial, if the next piece goes on.
_initial = re.compile(r"(?:^|[\s(\[«\"„“'‘.-])[^\W\d_]\.$")
_abbreviations = frozenset(
    # English, and Latin-script titles
    "mr mrs ms dr prof gen col maj capt lt sgt adm rev hon sen rep gov pres amb st jr sr vs no nos art vol fig "
    "inc ltd co corp dept est approx jan feb mar apr jun jul aug sep sept oct nov dec e.g i.e cf al etc u.s u.k u.n "
    # Russian and Ukrainian
    "г гг ул им пр просп д стр т тов г-н г-жа гл ст п пп см др проф акад ген подп кап адм св табл "
    "обл р-н пос с дер напр тыс млн млрд трлн руб коп долл т.е т.к т.н т.д т.п и.о н.э в.в ред изд м вул буд ім р рр "
    "напр грн гр с.м ст.л "
    # Azerbaijani, Georgian, Armenian
    "və.s küç prof şəh ray kv məs akad ქ პროფ აკად გვ ე.წ მაგ ა.შ მლრდ წ პ ფ թ պրոֆ ակադ փ".split()
)
# These may end a sentence: what the segmenter says holds.
_may_end = frozenset(
    [
        "млн",
        "млрд",
        "трлн",
        "тыс",
        "руб",
        "коп",
        "долл",
        "грн",
        "p.m",
        "a.m",
        "etc",
        "inc",
        "ltd",
        "co",
        "т.д",
        "т.п",
        "др",
        "гг",
        "г",
        "н.э",
        "u.s",
        "u.k",
        "u.n",
        "ა.შ",
        "წ",
    ]
)
# What bears somebody's name in Russian: "школа им. Шевченко".
_named_after = re.compile(
    r"(?:школ|завод|театр|музе|парк|институт|университет|больниц|центр|фонд|библиотек|академи|клуб|стадион|площад|улиц|"
    r"аэропорт|колледж|лице|гимнази|госпитал|дворц|дворец|бригад|полк|дивизи|консерватори|училищ|премии|премия)\w*\s+им\.$"
)
_last_token = re.compile(r"([^\s(\[«\"„“'‘]+)\.$")
_lower = "a-zа-яёіїєґўəıöüğşç\u0561-\u0587"  # Georgian has no case and stays out
_goes_on = re.compile(rf"[)\]»”\"’'\s]*(?:[–—-]\s+[{_lower}\u10d0-\u10ff]|[{_lower},;:])")
_BULLETS = "•·▪●◦‣*–—-"
_bullet = re.compile(rf"\s*[{_BULLETS}]\s+")
# Emoji and flags with their joiners: they end the sentence before, where there is one on the line.
_emoji = re.compile("[\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff\ufe0f\u200d]+(?=\\s)")
_LOOK_BACK = 40
"""How many characters of a sentence tell whether its full stop ends it."""
_FIRST_EMOJI = "\u200d"
"""No character below it is one of those; all that is upper case below it is a letter."""
# Ends that the segmenter does not see: a sentence in brackets, "and so on.", an abbreviation before a word that opens
# sentences and hardly ever follows the abbreviation inside one.
_missed_end = re.compile(
    r"""(?<=[.!?…։]\))\s+(?=\w)
    |(?<=[иі]\sт\.\s[дп]\.)\s+(?=[А-ЯЁІЇЄҐ])
    |(?<=[иі]\sт\.[дп]\.)\s+(?=[А-ЯЁІЇЄҐ])
    |(?<=\bა\.შ\.)\s+(?=\w)
    |(?<=\.\.\.)\s+(?=[Ա-Ֆ])
    |(?<=\b(?:U\.S\.|U\.K\.|p\.m\.|a\.m\.))\s+
     (?=(?:The|A|In|It|He|She|They|This|That|But|And|Nobody|Last|On|At|We|I|If|When|There|No)\b)
    """,
    re.VERBOSE,
)

_before_missed_end = re.compile(r"[.)](?=\s)")  # what all of them follow


def split_units(text: str, unit: str, language: str | None = None) -> list[Span]:
    """Split a text into what a model labels: sentences, paragraphs (lines), or the whole text.

    Spans have no white space at either end; what is nothing but white space gives none.
    """
    if unit == "sentence":
        return split_sentences(text, language)
    pattern = _paragraph if unit == "paragraph" else _whole
    return [Span(*match.span()) for match in pattern.finditer(text)]


def split_sentences(text: str, language: str | None = None) -> list[Span]:
    """Split any text into sentences.

    A line break always ends a sentence. Spans are in order, do not overlap, have no white space at either end, and
    leave out nothing but white space.

    Parameters
    ----------
    text : str
        Any length, any code points, lone surrogates included.
    language : str, optional
        ISO 639-1 code; guessed from the script of the text where not given.

    Returns
    -------
    list of Span
        Half-open, in code points of ``text`` itself.
    """
    return _split(text, language)


def _split_in_python(text: str, language: str | None) -> list[Span]:
    code = language or _script_language(text)
    clean = text if text.isascii() or _is_clean(text) else _clean(text)
    spans: list[Span] = []
    begin = 0
    for line in clean.splitlines(keepends=True):
        end = begin + len(line)
        spans += _line(clean, begin, end, code)
        begin = end
    return spans


def _is_clean(text: str) -> bool:
    """Surely nothing to replace? Surrogates and white space other than " " are among what is not printable."""
    return all(map(str.isprintable, text.splitlines()))


def _clean(text: str) -> str:
    """The text without what the segmenter cannot bear, character for character."""
    return _wide_space.sub(" ", _surrogates.sub("\ufffd", text))


def _script_language(text: str) -> str:
    head = text[:2_000]
    if head.isascii() or not (found := _scripts.search(head)):
        return "en"
    if _cyrillic.search(head, found.start()):
        return "ru"
    return "ka" if _georgian.search(head, found.start()) else "hy"


def _line(text: str, begin: int, end: int, language: str) -> list[Span]:
    body = begin
    if not text[begin].isalnum():  # neither a bullet nor white space before one
        bullet = _bullet.match(text, begin, end)
        body = bullet.end() if bullet else begin
    spans: list[Span] = []
    open_begin = open_end = -1
    for piece_begin, piece_end in _pieces(text, body, end, language):
        if open_begin < 0:
            # The bullet belongs to the line's first sentence.
            open_begin = piece_begin if body == begin else begin + _blank(text[begin:body])
        elif piece_end - open_begin > MAX_SENTENCE or not _belongs(text, open_begin, open_end, piece_begin, piece_end):
            if text[piece_begin] >= _FIRST_EMOJI:
                open_end, piece_begin = _after_emoji(text, open_end, piece_begin, piece_end)
            spans.append(Span(open_begin, open_end))
            open_begin = piece_begin
        open_end = piece_end
    if open_begin >= 0:
        spans.append(Span(open_begin, open_end))
    elif stripped := text[begin:end].strip():  # a bullet and nothing else
        at = text.index(stripped, begin, end)
        spans.append(Span(at, at + len(stripped)))
    return spans


def _after_emoji(text: str, open_end: int, begin: int, end: int) -> tuple[int, int]:
    """Where a sentence ends, with the emoji that the next piece begins with, and where that piece begins then."""
    emoji = _emoji.match(text, begin, end)
    return (emoji.end(), emoji.end() + _blank(text[emoji.end() : end])) if emoji else (open_end, begin)


def _blank(text: str) -> int:
    """How many characters of white space a text begins with."""
    return len(text) - len(text.lstrip())


def _pieces(text: str, begin: int, end: int, language: str) -> list[tuple[int, int]]:
    """The segmenter's pieces of one line, trimmed. Every character is handed to it at most about twice."""
    pieces: list[tuple[int, int]] = []
    # White space within a line is " ", or one of these.
    odd_space = text.find("\t", begin, end) >= 0 or text.find("\x1f", begin, end) >= 0
    at = begin
    while at < end:
        stop = min(end, at + MAX_PIECE)
        last = stop == end
        if not last:
            stop = _cut(text, at, stop)
        found = _trimmed(_segment(text[at:stop], language), at)
        if not last and len(found) > 1 and (found[-1][0] - at) * 2 > stop - at:
            # The window may have cut the last sentence short: begin the next window with it.
            stop = found.pop()[0]
        for piece_begin, piece_end in found:
            piece = text[piece_begin:piece_end]
            if odd_space or ". " in piece or ") " in piece:  # one of them stands in all that the segmenter misses
                pieces += _missed(text, piece_begin, piece_end)
            else:
                pieces.append((piece_begin, piece_end))
        at = stop
    return pieces


def _missed(text: str, begin: int, end: int) -> Iterator[tuple[int, int]]:
    for before in _before_missed_end.finditer(text, begin, end):
        gap = _missed_end.match(text, before.end(), end)
        if gap is None or (before.group() == ")" and text[begin] != "("):
            continue  # the latter is an exclamation in brackets in the middle of a sentence
        yield begin, gap.start()
        begin = gap.end()
    yield begin, end


def _cut(text: str, at: int, stop: int) -> int:
    """A place to cut: after the last white space before ``stop``, or ``stop`` itself where there is none."""
    for i in range(stop, at + MAX_PIECE // 2, -1):
        if text[i - 1].isspace():
            return i
    return stop


def _segment(window: str, language: str) -> list[str]:
    """What the segmenter makes of a window: all of its characters, in order."""
    try:
        parts: list[str] = sentencex.segment(language, window)
    except BaseException as error:
        # A panic of its Rust code is no Exception; a piece that cannot be split is one sentence.
        if type(error).__name__ != "PanicException":
            raise
        return [window]
    return parts if sum(map(len, parts)) == len(window) else [window]


def _trimmed(parts: list[str], at: int) -> list[tuple[int, int]]:
    """Where the parts are without white space, the first of which begins at ``at``; empty ones are left out."""
    found = []
    for part in parts:
        body = part.strip()
        if body:
            begin = at if body[0] == part[0] else at + _blank(part)
            found.append((begin, begin + len(body)))
        at += len(part)
    return found


def _belongs(text: str, begin: int, end: int, next_begin: int, next_end: int) -> bool:
    """Does ``text[next_begin:next_end]`` go on with the sentence ``text[begin:end]``?"""
    first = text[next_begin]
    if not (first < _FIRST_EMOJI and first.isupper()):  # a capital letter is a word and goes on with nothing
        following = text[next_begin:next_end]
        if not _word.search(following):
            return True  # closing quotes, an emoji, dots
        if _goes_on.match(following):
            return True
    if text[end - 1] != ".":
        return False
    if end - begin > 1 and (not text[end - 2].isalnum() or text[end - 2].isdecimal()):
        return False  # neither an initial nor an abbreviation ends so
    preceding = text[max(begin, end - _LOOK_BACK) : end]
    last = preceding[:-1].rpartition(" ")[2]
    if len(last) > 1 and last.isalpha() and last.lower() not in _abbreviations:
        return False  # what most sentences end with: neither an initial nor an abbreviation
    if _missed_end.match(text, end):
        return False
    if _initial.search(preceding) and not preceding.endswith(" I."):
        return True
    token = _last_token.search(preceding)
    if token is None:
        return False
    word = token.group(1).lower()
    if word == "им" and not _named_after.search(preceding):
        return False  # "them", not "named after"
    return word in _abbreviations and word not in _may_end


_split: Callable[[str, str | None], list[Span]] = _split_in_python
if engine == "compiled":
    from classifier.text import _sentences

    _split = _sentences.Splitter(sys.modules[__name__]).split
