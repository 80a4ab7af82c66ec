# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The compiled path of :class:`classifier.model.evidence.Explainer`.

Places and order are the same; contributions agree to 1e-12, since the lengths of vectors are added up in another order.
"""

from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from cpython.object cimport PyTypeObject
from cpython.tuple cimport PyTuple_GET_ITEM
from cpython.unicode cimport PyUnicode_DATA, PyUnicode_GET_LENGTH, PyUnicode_KIND, PyUnicode_READ
from libc.math cimport log, sqrt
from libc.stdint cimport uint32_t
from libc.stdlib cimport calloc, free, malloc, qsort

from classifier.model.answer import Evidence
from classifier.text.lowering import lower_with_offsets

cdef extern from "Python.h":
    object PyType_GenericAlloc(PyTypeObject *kind, Py_ssize_t n_items)
    int PyObject_GenericSetAttr(object o, object name, object value) except -1
    bint Py_UNICODE_ISSPACE(Py_UCS4 character) noexcept nogil
    Py_ssize_t PyLong_AsSsize_t(object number) except? -1

cdef object new_evidence = Evidence

cdef enum:
    FEW = 32                # so many of the largest are found without sorting all


# One n-gram of a sentence.
cdef struct Feature:
    Py_ssize_t column
    Py_ssize_t n_places
    Py_ssize_t first        # place, and the last one so far
    Py_ssize_t last
    double value


cdef struct Place:
    Py_ssize_t begin
    Py_ssize_t end
    Py_ssize_t next         # of the same n-gram; -1 after the last


# What is to be ordered: the largest first, then by number.
cdef struct Share:
    double contribution
    Py_ssize_t number
    Py_ssize_t index


cdef int by_share(const void *a, const void *b) noexcept nogil:
    cdef const Share *one = <const Share *>a
    cdef const Share *other = <const Share *>b
    if one.contribution != other.contribution:
        return -1 if one.contribution > other.contribution else 1
    return -1 if one.number < other.number else one.number > other.number


cdef int by_column(const void *a, const void *b) noexcept nogil:
    cdef Py_ssize_t one = (<const Feature *>a).column
    cdef Py_ssize_t other = (<const Feature *>b).column
    return -1 if one < other else one > other


cdef void largest_first(Share *shares, Py_ssize_t n, Py_ssize_t wanted) noexcept nogil:
    """Order ``shares`` as far as the first ``wanted`` of them."""
    cdef Py_ssize_t i, j, n_kept = 0
    cdef Share one
    if wanted > FEW or wanted >= n:
        qsort(shares, n, sizeof(Share), by_share)
        return
    for i in range(n):
        one = shares[i]
        if n_kept == wanted:
            if by_share(&one, &shares[n_kept - 1]) > 0:
                continue
        else:
            n_kept += 1
        j = n_kept - 1
        while j and by_share(&one, &shares[j - 1]) < 0:
            shares[j] = shares[j - 1]
            j -= 1
        shares[j] = one


cdef class CompiledExplainer:
    """See :class:`classifier.model.evidence.Explainer`."""

    cdef object scorer
    cdef object features
    cdef object narratives
    cdef const double[::1] idf
    cdef const float[:, ::1] coef
    cdef Py_ssize_t n_word_features, max_places
    cdef uint32_t *met              # of each column: its number among the sentence's, plus one; all 0 between calls

    def __init__(self, scorer, features, idf, n_word_features, coef, narratives, max_places):
        self.scorer = scorer
        self.features = features
        self.idf = idf
        self.coef = coef
        self.narratives = {narrative: column for column, narrative in enumerate(narratives)}
        self.n_word_features = n_word_features
        self.max_places = max_places
        if coef.shape != (len(features), len(narratives)) or len(idf) != len(features):
            raise ValueError(f"weights {coef.shape} and {len(idf)} idf for {len(features)} features")
        self.met = <uint32_t *>calloc(len(features) + 1, sizeof(uint32_t))
        if self.met == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.met)

    def explain(self, str text not None, Py_ssize_t begin, labels, top_k, unit):
        """See :meth:`classifier.model.evidence.Explainer.explain`."""
        cdef Py_ssize_t n_places, n_features, column
        cdef Place *places
        cdef Feature *found
        cdef Share *shares
        if not labels:
            return ()
        lowered, offsets = lower_with_offsets(text)
        cdef list located = self.scorer.locate(lowered)
        if type(offsets) is range:
            offsets = None
        n_places = PyList_GET_SIZE(located)
        evidence = []
        places = <Place *>malloc((n_places + 1) * sizeof(Place))
        found = <Feature *>malloc((n_places + 1) * sizeof(Feature))
        shares = <Share *>malloc((max(n_places, PyUnicode_GET_LENGTH(lowered)) + 1) * sizeof(Share))
        try:
            if places == NULL or found == NULL or shares == NULL:
                raise MemoryError
            n_features = self._weigh(located, places, found)
            if unit == "word":
                # Added up in the order of columns, as the Python path does.
                qsort(found, n_features, sizeof(Feature), by_column)
                chunks = self._chunks(lowered)
            for label in labels:
                column = self.narratives[label]
                if unit == "word":
                    self._words(evidence, label, column, top_k, text, begin, offsets, chunks, places, found, n_features, shares)
                else:
                    self._ngrams(evidence, label, column, top_k, begin, offsets, places, found, n_features, shares)
        finally:
            free(places)
            free(found)
            free(shares)
        return tuple(evidence)

    cdef Py_ssize_t _weigh(self, list located, Place *places, Feature *found) except -1:
        """The n-grams that occur, each once, with their places and tf-idf; returns how many."""
        cdef Py_ssize_t i, n_found = 0, number, column, n_columns = self.idf.shape[0]
        cdef double norms[2]
        cdef Feature *feature
        cdef object place
        # No Python object is made before ``met`` is clean again, so no other thread comes in between.
        for i in range(PyList_GET_SIZE(located)):
            place = <object>PyList_GET_ITEM(located, i)
            column = PyLong_AsSsize_t(<object>PyTuple_GET_ITEM(place, 0))
            places[i].begin = PyLong_AsSsize_t(<object>PyTuple_GET_ITEM(place, 1))
            places[i].end = PyLong_AsSsize_t(<object>PyTuple_GET_ITEM(place, 2))
            places[i].next = -1
            number = self.met[column]
            if number:
                feature = found + number - 1
                places[feature.last].next = i
                feature.n_places += 1
            else:
                feature = found + n_found
                n_found += 1
                self.met[column] = <uint32_t>n_found
                feature.column = column
                feature.n_places = 1
                feature.first = i
            feature.last = i
        norms[0] = norms[1] = 0.0
        for i in range(n_found):
            feature = found + i
            self.met[feature.column] = 0
            feature.value = (1.0 + log(<double>feature.n_places)) * self.idf[feature.column]
            norms[feature.column < self.n_word_features] += feature.value * feature.value
        for i in range(n_found):
            found[i].value /= sqrt(norms[found[i].column < self.n_word_features])
        return n_found

    cdef int _ngrams(
        self, list evidence, object label, Py_ssize_t column, object top_k, Py_ssize_t begin, object offsets,
        const Place *places, const Feature *found, Py_ssize_t n_features, Share *shares
    ) except -1:
        cdef Py_ssize_t i, wanted = top_k if top_k < n_features else n_features, place, n_shown
        cdef const Feature *feature
        for i in range(n_features):
            shares[i].contribution = found[i].value * <double>self.coef[found[i].column, column]
            shares[i].number = found[i].column
            shares[i].index = i
        largest_first(shares, n_features, wanted)
        for i in range(wanted):
            feature = found + shares[i].index
            name = self.features[feature.column]
            n_shown = min(feature.n_places, self.max_places)
            share = shares[i].contribution / <double>n_shown
            place = feature.first
            while n_shown:
                evidence.append(
                    self._one(label, begin, places[place].begin, places[place].end, offsets, name, share)
                )
                place = places[place].next
                n_shown -= 1
        return 0

    cdef list _chunks(self, str lowered):
        """Begin and end of each run without white space."""
        cdef Py_ssize_t i = 0, begin, n = PyUnicode_GET_LENGTH(lowered)
        cdef int kind = PyUnicode_KIND(lowered)
        cdef const void *data = PyUnicode_DATA(lowered)
        chunks = []
        while i < n:
            while i < n and Py_UNICODE_ISSPACE(PyUnicode_READ(kind, data, i)):
                i += 1
            begin = i
            while i < n and not Py_UNICODE_ISSPACE(PyUnicode_READ(kind, data, i)):
                i += 1
            if begin < i:
                chunks.append((begin, i))
        return chunks

    cdef int _words(
        self, list evidence, object label, Py_ssize_t column, object top_k, str text, Py_ssize_t begin, object offsets,
        list chunks, const Place *places, const Feature *found, Py_ssize_t n_features, Share *shares
    ) except -1:
        cdef Py_ssize_t n_chunks = len(chunks), wanted = top_k if top_k < n_chunks else n_chunks, i, place
        cdef Py_ssize_t start, end
        cdef double half
        cdef Py_ssize_t *starts = <Py_ssize_t *>malloc((n_chunks + 1) * sizeof(Py_ssize_t))
        if starts == NULL:
            raise MemoryError
        for i in range(n_chunks):
            starts[i] = chunks[i][0]
            shares[i].contribution = 0.0
            shares[i].number = shares[i].index = i
        for i in range(n_features):
            half = found[i].value * <double>self.coef[found[i].column, column] / <double>found[i].n_places / 2.0
            place = found[i].first
            while place >= 0:
                shares[at(starts, n_chunks, places[place].begin)].contribution += half
                shares[at(starts, n_chunks, places[place].end - 1)].contribution += half
                place = places[place].next
        free(starts)
        largest_first(shares, n_chunks, wanted)
        for i in range(wanted):
            start, end = chunks[shares[i].index]
            one = self._one(label, begin, start, end, offsets, None, shares[i].contribution)
            PyObject_GenericSetAttr(one, "feature", text[one.begin - begin : one.end - begin])
            evidence.append(one)
        return 0

    cdef object _one(
        self, object label, Py_ssize_t begin, Py_ssize_t start, Py_ssize_t end, object offsets, object feature,
        object contribution
    ):
        cdef object evidence = PyType_GenericAlloc(<PyTypeObject *>new_evidence, 0)
        if offsets is not None:
            end = offsets[end - 1] + 1 if start < end else offsets[start]
            start = offsets[start]
        PyObject_GenericSetAttr(evidence, "label", label)
        PyObject_GenericSetAttr(evidence, "begin", begin + start)
        PyObject_GenericSetAttr(evidence, "end", begin + end)
        PyObject_GenericSetAttr(evidence, "feature", feature)
        PyObject_GenericSetAttr(evidence, "contribution", contribution)
        return evidence


cdef inline Py_ssize_t at(const Py_ssize_t *starts, Py_ssize_t n, Py_ssize_t place) noexcept nogil:
    """Which chunk a place lies in: the last that begins at it or before."""
    cdef Py_ssize_t low = 0, high = n, middle
    while low < high:
        middle = (low + high) // 2
        if starts[middle] <= place:
            low = middle + 1
        else:
            high = middle
    return low - 1 if low else 0
