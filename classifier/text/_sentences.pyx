# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The compiled path of :func:`classifier.text.sentences.split_sentences`: the same spans.

It knows no rule of its own. What is plain is settled here: a capital letter after a sentence whose last word is no
abbreviation, a piece without a full stop or bracket before white space. Everything else is asked of the Python path,
piece by piece.
"""

from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from cpython.object cimport PyTypeObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_SET_ITEM
from cpython.unicode cimport (
    PyUnicode_DATA, PyUnicode_GET_LENGTH, PyUnicode_KIND, PyUnicode_READ, PyUnicode_Substring
)
from libc.stdlib cimport free, malloc

cdef extern from "Python.h":
    object PyType_GenericAlloc(PyTypeObject *kind, Py_ssize_t n_items)
    bint Py_UNICODE_ISALNUM(Py_UCS4 character) noexcept nogil
    bint Py_UNICODE_ISALPHA(Py_UCS4 character) noexcept nogil
    bint Py_UNICODE_ISDECIMAL(Py_UCS4 character) noexcept nogil
    bint Py_UNICODE_ISSPACE(Py_UCS4 character) noexcept nogil
    bint Py_UNICODE_ISUPPER(Py_UCS4 character) noexcept nogil

cdef enum:
    HEAD = 2_000            # characters that tell the script


cdef inline bint ends_line(Py_UCS4 c) noexcept nogil:
    """Where ``str.splitlines`` splits."""
    if c > 0x1e:
        return c == 0x85 or c == 0x2028 or c == 0x2029
    return 0x0a <= c <= 0x0d or c >= 0x1c


# A line at hand, and the sentence that may go on.
cdef struct Line:
    int kind
    const void *data
    Py_ssize_t open_begin
    Py_ssize_t open_end


cdef class Splitter:
    """The rules of :mod:`classifier.text.sentences`, as that module hands them over.

    Parameters
    ----------
    rules : module
    """

    cdef object span, segment, missed, belongs, line, cut, clean, after_emoji
    cdef object abbreviations
    cdef object bullets
    cdef Py_ssize_t max_piece, max_sentence, look_back, longest
    cdef Py_UCS4 first_emoji

    def __init__(self, rules):
        self.span = rules.Span
        self.segment = rules._segment
        self.missed = rules._missed
        self.belongs = rules._belongs
        self.line = rules._line
        self.cut = rules._cut
        self.clean = rules._clean
        self.after_emoji = rules._after_emoji
        self.abbreviations = rules._abbreviations
        self.longest = max(map(len, rules._abbreviations))
        self.bullets = frozenset(rules._BULLETS)
        self.first_emoji = ord(rules._FIRST_EMOJI)
        self.max_piece = rules.MAX_PIECE
        self.max_sentence = rules.MAX_SENTENCE
        self.look_back = rules._LOOK_BACK

    def split(self, str text not None, language):
        """See :func:`classifier.text.sentences.split_sentences`."""
        cdef Py_ssize_t n = PyUnicode_GET_LENGTH(text), i, begin = 0
        cdef Line line
        cdef Py_UCS4 c
        cdef bint clean = True, cyrillic = False, georgian = False, armenian = False
        spans = []
        line.kind = PyUnicode_KIND(text)
        line.data = PyUnicode_DATA(text)
        if not text.isascii():
            for i in range(n):
                c = PyUnicode_READ(line.kind, line.data, i)
                if c < 0x80:
                    continue
                if 0x400 <= c <= 0x10ff:
                    if i < HEAD:
                        cyrillic |= c <= 0x4ff
                        armenian |= 0x530 <= c <= 0x58f
                        georgian |= c >= 0x10a0
                elif 0xd800 <= c <= 0xdfff or (Py_UNICODE_ISSPACE(c) and not ends_line(c)):
                    clean = False
        if not clean:
            text = self.clean(text)
            line.kind = PyUnicode_KIND(text)
            line.data = PyUnicode_DATA(text)
        if not language:
            language = "ru" if cyrillic else "ka" if georgian else "hy" if armenian else "en"
        while begin < n:
            i = begin
            while i < n and not ends_line(PyUnicode_READ(line.kind, line.data, i)):
                i += 1
            if i < n:
                i += 1
                if (
                    i < n and PyUnicode_READ(line.kind, line.data, i - 1) == u"\r"
                    and PyUnicode_READ(line.kind, line.data, i) == u"\n"
                ):
                    i += 1
            self._line(text, &line, begin, i, language, spans)
            begin = i
        return spans

    cdef int _line(self, str text, Line *line, Py_ssize_t begin, Py_ssize_t end, object language, list spans) except -1:
        cdef Py_ssize_t at = begin
        while at < end and Py_UNICODE_ISSPACE(PyUnicode_READ(line.kind, line.data, at)):
            at += 1
        if at == end:
            return 0
        if PyUnicode_READ(line.kind, line.data, at) in self.bullets:
            spans.extend(self.line(text, begin, end, language))
            return 0
        line.open_begin = line.open_end = -1
        at = begin
        while at < end:
            at = self._window(text, line, at, end, language, spans)
        spans.append(self._new_span(line.open_begin, line.open_end))
        return 0

    cdef Py_ssize_t _window(
        self, str text, Line *line, Py_ssize_t at, Py_ssize_t end, object language, list spans
    ) except -1:
        """Hand one window of a line to the segmenter; returns where the next begins."""
        cdef Py_ssize_t stop = end, i, n_parts, n_found = 0, place = at
        cdef Py_ssize_t *begins
        cdef Py_ssize_t *ends
        cdef bint last = True
        if end - at > self.max_piece:
            stop = self.cut(text, at, at + self.max_piece)
            last = False
        cdef list parts = self.segment(PyUnicode_Substring(text, at, stop), language)
        n_parts = PyList_GET_SIZE(parts)
        begins = <Py_ssize_t *>malloc(2 * n_parts * sizeof(Py_ssize_t))
        if begins == NULL and n_parts:
            raise MemoryError
        try:
            ends = begins + n_parts
            for i in range(n_parts):
                begins[n_found] = place
                place += PyUnicode_GET_LENGTH(<object>PyList_GET_ITEM(parts, i))
                ends[n_found] = place
                self._trim(line, &begins[n_found], &ends[n_found])
                n_found += begins[n_found] < ends[n_found]
            if not last and n_found > 1 and (begins[n_found - 1] - at) * 2 > stop - at:
                # The window may have cut the last sentence short: begin the next window with it.
                n_found -= 1
                stop = begins[n_found]
            for i in range(n_found):
                if not self._may_miss(line, begins[i], ends[i]):
                    self._take(text, line, begins[i], ends[i], spans)
                    continue
                for begin, end in self.missed(text, begins[i], ends[i]):
                    self._take(text, line, begin, end, spans)
        finally:
            free(begins)
        return stop

    cdef void _trim(self, const Line *line, Py_ssize_t *begin, Py_ssize_t *end) noexcept:
        while begin[0] < end[0] and Py_UNICODE_ISSPACE(PyUnicode_READ(line.kind, line.data, begin[0])):
            begin[0] += 1
        while begin[0] < end[0] and Py_UNICODE_ISSPACE(PyUnicode_READ(line.kind, line.data, end[0] - 1)):
            end[0] -= 1

    cdef bint _may_miss(self, const Line *line, Py_ssize_t begin, Py_ssize_t end) noexcept:
        """A full stop or closing bracket before white space? All that the segmenter misses has one."""
        cdef Py_UCS4 c
        cdef Py_ssize_t i
        for i in range(begin, end - 1):
            c = PyUnicode_READ(line.kind, line.data, i)
            if (c == u"." or c == u")") and Py_UNICODE_ISSPACE(PyUnicode_READ(line.kind, line.data, i + 1)):
                return True
        return False

    cdef int _take(self, str text, Line *line, Py_ssize_t begin, Py_ssize_t end, list spans) except -1:
        """The next piece of a line: it goes on with the open sentence, or ends it."""
        if line.open_begin < 0:
            line.open_begin = begin
        elif end - line.open_begin > self.max_sentence or not self._goes_on(text, line, begin, end):
            if PyUnicode_READ(line.kind, line.data, begin) >= self.first_emoji:
                line.open_end, begin = self.after_emoji(text, line.open_end, begin, end)
            spans.append(self._new_span(line.open_begin, line.open_end))
            line.open_begin = begin
        line.open_end = end
        return 0

    cdef bint _goes_on(self, str text, const Line *line, Py_ssize_t begin, Py_ssize_t end) except -1:
        """See ``_belongs`` of the rules, whose shortcuts these are."""
        cdef Py_UCS4 first = PyUnicode_READ(line.kind, line.data, begin), before
        cdef Py_ssize_t i, least
        if first < self.first_emoji and Py_UNICODE_ISUPPER(first):
            if PyUnicode_READ(line.kind, line.data, line.open_end - 1) != u".":
                return False
            if line.open_end - line.open_begin > 1:
                before = PyUnicode_READ(line.kind, line.data, line.open_end - 2)
                if not Py_UNICODE_ISALNUM(before) or Py_UNICODE_ISDECIMAL(before):
                    return False
            least = max(line.open_begin, line.open_end - self.look_back)
            i = line.open_end - 1
            while i > least and Py_UNICODE_ISALPHA(PyUnicode_READ(line.kind, line.data, i - 1)):
                i -= 1
            if (i == least or PyUnicode_READ(line.kind, line.data, i - 1) == u" ") and line.open_end - 1 - i > 1 and (
                line.open_end - 1 - i > self.longest
                or PyUnicode_Substring(text, i, line.open_end - 1).lower() not in self.abbreviations
            ):
                return False
        return self.belongs(text, line.open_begin, line.open_end, begin, end)

    cdef object _new_span(self, Py_ssize_t begin, Py_ssize_t end):
        # What ``tuple.__new__`` does for a subclass.
        cdef object span = PyType_GenericAlloc(<PyTypeObject *>self.span, 2)
        cdef object first = begin, second = end
        Py_INCREF(first)
        PyTuple_SET_ITEM(span, 0, first)
        Py_INCREF(second)
        PyTuple_SET_ITEM(span, 1, second)
        return span
