# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Counts of n-grams to document frequencies and to TF-IDF, in one pass over the rows asked for."""

from libc.math cimport sqrt

import numpy as np


cdef class Half:
    """The counts of words, or those of character n-grams, as a CSR matrix has them.

    Parameters
    ----------
    counts, columns, indptr : ndarray of int
        Every count is 1 or more.
    n_columns : int
    """

    cdef const int[::1] counts
    cdef const int[::1] columns
    cdef const long long[::1] indptr
    cdef readonly Py_ssize_t n_columns, n_rows
    cdef readonly int largest

    def __cinit__(self, counts not None, columns not None, indptr not None, Py_ssize_t n_columns):
        cdef Py_ssize_t i
        self.counts = np.ascontiguousarray(counts, dtype=np.int32)
        self.columns = np.ascontiguousarray(columns, dtype=np.int32)
        self.indptr = np.ascontiguousarray(indptr, dtype=np.int64)
        self.n_columns = n_columns
        self.n_rows = self.indptr.shape[0] - 1
        self.largest = np.max(self.counts, initial=1)
        if (
            self.n_rows < 0 or self.indptr[0] != 0 or self.indptr[self.n_rows] != self.columns.shape[0]
            or self.counts.shape[0] != self.columns.shape[0]
        ):
            raise ValueError("counts, columns and indptr do not fit together")
        for i in range(self.n_rows):
            if self.indptr[i] > self.indptr[i + 1]:
                raise ValueError("indptr goes back")
        if np.min(self.counts, initial=1) < 1:
            raise ValueError("a count is below 1")
        if np.min(self.columns, initial=0) < 0 or np.max(self.columns, initial=-1) >= n_columns:
            raise ValueError(f"a column is none of {n_columns}")

    cdef Py_ssize_t n_entries(self, const long long[::1] rows) except -1:
        """How many entries some rows have."""
        cdef Py_ssize_t i, n = 0
        for i in range(rows.shape[0]):
            if not 0 <= rows[i] < self.n_rows:
                raise IndexError(f"row {rows[i]} of {self.n_rows}")
            n += self.indptr[rows[i] + 1] - self.indptr[rows[i]]
        return n

    def document_frequencies(self, const long long[::1] rows not None):
        """In how many of some rows each column occurs: ndarray of int64, shape (n_columns,)."""
        cdef Py_ssize_t i, k
        found = np.zeros(self.n_columns, dtype=np.int64)
        cdef long long[::1] frequencies = found
        self.n_entries(rows)
        with nogil:
            for i in range(rows.shape[0]):
                for k in range(self.indptr[rows[i]], self.indptr[rows[i] + 1]):
                    frequencies[self.columns[k]] += 1
        return found

    cdef Py_ssize_t weigh(
        self, Py_ssize_t row, const int[::1] places, const double[::1] idf, const double[::1] logs, double *values,
        int *columns
    ) noexcept nogil:
        """One row's values and columns, l2-normalised; how many there are."""
        cdef Py_ssize_t k, n = 0
        cdef double value, total = 0
        cdef int place
        for k in range(self.indptr[row], self.indptr[row + 1]):
            # What is no feature has place 0 and idf 0: the next is written over it, and the norm knows nothing of it.
            place = places[self.columns[k]]
            value = logs[self.counts[k]] * idf[place]
            values[n] = value
            columns[n] = place - 1
            n += place > 0
            total += value * value
        if total > 0:
            total = sqrt(total)
            for k in range(n):
                values[k] /= total
        return n


cdef object shifted(Half half, columns, Py_ssize_t first, Py_ssize_t n_features):
    """Of each of a half's columns: its place among the features, plus one, or 0."""
    columns = np.asarray(columns)
    if len(columns) and not 0 <= columns.min() <= columns.max() < half.n_columns:
        raise IndexError(f"a column is none of {half.n_columns}")
    if first + len(columns) > n_features:
        raise ValueError(f"more columns than {n_features} idf")
    places = np.zeros(half.n_columns, dtype=np.int32)
    places[columns] = np.arange(first + 1, first + len(columns) + 1)
    return places


def tfidf(Half words not None, Half chars not None, word_columns, char_columns, idf, const long long[::1] rows not None):
    """Some rows of the TF-IDF matrix: the chosen columns of both halves side by side, each half l2-normalised.

    Parameters
    ----------
    words, chars : Half
    word_columns, char_columns : ndarray of int
        Ascending.
    idf : ndarray of float64, shape (len(word_columns) + len(char_columns),)
    rows : ndarray of int64

    Returns
    -------
    data, indices, indptr : ndarray of float64, int32, int64
    """
    cdef Py_ssize_t i, used = 0, room = words.n_entries(rows) + chars.n_entries(rows) + 1
    cdef const int[::1] word_places = shifted(words, word_columns, 0, len(idf))
    cdef const int[::1] char_places = shifted(chars, char_columns, len(word_columns), len(idf))
    cdef const double[::1] weights = np.concatenate([[0.0], idf])
    largest = max(words.largest, chars.largest)
    cdef const double[::1] logs = np.concatenate([[0.0], 1.0 + np.log(np.arange(1.0, largest + 1.0))])
    data = np.empty(room)
    indices = np.empty(room, dtype=np.int32)
    indptr = np.zeros(rows.shape[0] + 1, dtype=np.int64)
    cdef double[::1] values = data
    cdef int[::1] columns = indices
    cdef long long[::1] ends = indptr
    with nogil:
        for i in range(rows.shape[0]):
            used += words.weigh(rows[i], word_places, weights, logs, &values[used], &columns[used])
            used += chars.weigh(rows[i], char_places, weights, logs, &values[used], &columns[used])
            ends[i + 1] = used
    return data[:used], indices[:used], indptr


def mean_squares(const double[::1] data not None, const int[::1] indices not None, Py_ssize_t n_samples, Py_ssize_t n_columns):
    """Mean of the squares in each column of a sparse matrix: ndarray of float64, shape (n_columns,)."""
    cdef Py_ssize_t k
    cdef double share = 1.0 / n_samples if n_samples else 0.0
    found = np.zeros(n_columns)
    cdef double[::1] means = found
    if data.shape[0] != indices.shape[0]:
        raise ValueError(f"{data.shape[0]} values in {indices.shape[0]} columns")
    if np.min(indices, initial=0) < 0 or np.max(indices, initial=-1) >= n_columns:
        raise IndexError(f"a column is none of {n_columns}")
    with nogil:
        for k in range(data.shape[0]):
            means[indices[k]] += data[k] * data[k] * share
    return found
