"""How sentences were split when the shipped model was trained: every rule tried at every place, nothing left out.

The oracle of ``test_sentences.py``. Training data, thresholds and published figures rest on these spans.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import sentencex

from classifier.text.sentences import Span

MAX_PIECE = 2_000
"""The most characters that one call of the segmenter sees."""


MAX_SENTENCE = 20_000
"""Pieces are not merged beyond this many characters."""

_surrogates = re.compile("[\ud800-\udfff]")
# The segmenter also fails on wide white space after a single capital; line ends must stay what they are.
_wide_space = re.compile(r"[^\S\x00-\x7f\x85\u2028\u2029]")
_word = re.compile(r"\w")
_cyrillic = re.compile("[\u0400-\u04ff]")
_georgian = re.compile("[\u10a0-\u10ff]")
_armenian = re.compile("[\u0530-\u058f]")

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
_bullet = re.compile(r"\s*[•·▪●◦‣*–—-]\s+")
# Emoji and flags with their joiners: they end the sentence before, where there is one on the line.
_emoji = re.compile("[\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff\ufe0f\u200d]+(?=\\s)")
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
    code = language or _script_language(text)
    clean = _wide_space.sub(" ", _surrogates.sub("\ufffd", text))
    spans: list[Span] = []
    begin = 0
    for line in clean.splitlines(keepends=True):
        spans.extend(_line(clean, begin, begin + len(line), code))
        begin += len(line)
    return spans


def _script_language(text: str) -> str:
    head = text[:2_000]
    if _cyrillic.search(head):
        return "ru"
    if _georgian.search(head):
        return "ka"
    if _armenian.search(head):
        return "hy"
    return "en"


def _line(text: str, begin: int, end: int, language: str) -> Iterator[Span]:
    bullet = _bullet.match(text, begin, end)
    body = bullet.end() if bullet else begin
    open_span: Span | None = None
    for piece in _pieces(text, body, end, language):
        if open_span is None:
            # The bullet belongs to the line's first sentence.
            marker = begin + len(text[begin:body]) - len(text[begin:body].lstrip())
            open_span = Span(marker if bullet else piece.begin, piece.end)
            continue
        if piece.end - open_span.begin <= MAX_SENTENCE and _belongs(text, open_span, piece):
            open_span = Span(open_span.begin, piece.end)
            continue
        emoji = _emoji.match(text, piece.begin, piece.end)
        if emoji:
            open_span = Span(open_span.begin, emoji.end())
            rest = emoji.end() + len(text[emoji.end() : piece.end]) - len(text[emoji.end() : piece.end].lstrip())
            piece = Span(rest, piece.end)
        yield open_span
        open_span = piece
    if open_span is not None:
        yield open_span
    elif text[begin:end].strip():
        stripped = text[begin:end].strip()  # a bullet and nothing else
        at = text.index(stripped, begin, end)
        yield Span(at, at + len(stripped))


def _pieces(text: str, begin: int, end: int, language: str) -> Iterator[Span]:
    """The segmenter's pieces of one line, trimmed. Every character is handed to it at most about twice."""
    at = begin
    while at < end:
        stop = min(end, at + MAX_PIECE)
        last = stop == end
        if not last:
            stop = _cut(text, at, stop)
        found = [s for s in _segment(text[at:stop], language) if s.begin < s.end]
        if not last and len(found) > 1 and found[-1].begin * 2 > stop - at:
            # The window may have cut the last sentence short: begin the next window with it.
            stop = at + found[-1].begin
            found.pop()
        for span in found:
            yield from _missed(text, at + span.begin, at + span.end)
        at = stop


def _missed(text: str, begin: int, end: int) -> Iterator[Span]:
    for gap in _missed_end.finditer(text, begin, end):
        if text[gap.start() - 1] == ")" and text[begin] != "(":
            continue  # an exclamation in brackets in the middle of a sentence
        yield Span(begin, gap.start())
        begin = gap.end()
    yield Span(begin, end)


def _cut(text: str, at: int, stop: int) -> int:
    """A place to cut: after the last white space before ``stop``, or ``stop`` itself where there is none."""
    for i in range(stop, at + MAX_PIECE // 2, -1):
        if text[i - 1].isspace():
            return i
    return stop


def _segment(piece: str, language: str) -> list[Span]:
    try:
        parts = sentencex.segment(language, piece)
    except BaseException as error:
        # A panic of its Rust code is no Exception; a piece that cannot be split is one sentence.
        if type(error).__name__ != "PanicException":
            raise
        parts = [piece]
    if sum(map(len, parts)) != len(piece):
        parts = [piece]
    spans = []
    at = 0
    for part in parts:
        body = part.strip()
        if body:
            begin = at + len(part) - len(part.lstrip())
            spans.append(Span(begin, begin + len(body)))
        at += len(part)
    return spans


def _belongs(text: str, before: Span, after: Span) -> bool:
    """Does ``after`` go on with the sentence of ``before``?"""
    following = text[after.begin : after.end]
    if not _word.search(following):
        return True  # closing quotes, an emoji, dots
    preceding = text[max(before.begin, before.end - 40) : before.end]
    if _goes_on.match(following):
        return True
    if not preceding.endswith(".") or _missed_end.match(text, before.end):
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
