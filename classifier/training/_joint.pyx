# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Logistic regressions that share their samples, fitted together by dual coordinate descent.

liblinear's solver 7 [1]_ for all labels at once: a visit of a sample reads the weights of its features for every label
in one go, so that the cost of memory is paid once and not once a label.

.. [1] Yu, Huang, Lin, "Dual coordinate descent methods for logistic regression and maximum entropy models", Machine
   Learning 85, 2011, algorithm 5.
"""

from libc.math cimport fabs, log
from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free, malloc

import numpy as np

cdef extern from "_lanes.h":
    ctypedef void (*dot_lanes_function)(
        float *, const float *, const int *, const float *, Py_ssize_t, Py_ssize_t
    ) noexcept nogil
    ctypedef void (*add_lanes_function)(
        float *, const int *, const float *, Py_ssize_t, const float *, Py_ssize_t
    ) noexcept nogil
    void PREFETCH(const void *address) noexcept nogil
    dot_lanes_function choose_dot_lanes() noexcept nogil
    add_lanes_function choose_add_lanes() noexcept nogil

cdef extern from "../text/_pages.h":
    void *new_pages(size_t size, void **raw) noexcept nogil

cdef enum:
    MAX_NEWTON = 100


cdef class JointSolver:
    """All labels' problems on the same samples.

    Parameters
    ----------
    data, indices, indptr : ndarray of float64, int32, int64
        The samples as CSR; a constant feature of 1 is thought beside them for the intercept, penalised like the others
        (as liblinear does).
    signs : ndarray of int8, shape (n_samples, n_labels)
        1 or -1.
    n_features : int
    random_state : int
    """

    cdef const double[::1] data
    cdef const int[::1] indices
    cdef const long long[::1] indptr
    cdef const signed char[:, ::1] signs
    cdef Py_ssize_t n_samples, n_labels, stride, n_features
    # (n_features, stride). Single precision while it runs: twice as many labels a vector. What is given out is made anew
    # from the dual variables, which are exact.
    cdef float *weights
    cdef void *weights_raw
    cdef float *values         # data in single precision
    cdef double *bias
    cdef double *norms         # of each sample, with the constant
    cdef double *lower         # alpha and C - alpha, (n_samples, n_labels) each
    cdef double *upper
    cdef readonly object C
    cdef uint64_t random
    cdef readonly Py_ssize_t n_visits

    def __cinit__(
        self, const double[::1] data not None, const int[::1] indices not None, const long long[::1] indptr not None,
        const signed char[:, ::1] signs not None, Py_ssize_t n_features, unsigned long long random_state
    ):
        cdef Py_ssize_t i, k
        self.data, self.indices, self.indptr, self.signs = data, indices, indptr, signs
        self.n_samples = signs.shape[0]
        self.n_labels = signs.shape[1]
        self.n_features = n_features
        self.stride = (self.n_labels + 7) // 8 * 8
        if indptr.shape[0] != self.n_samples + 1:
            raise ValueError(f"{indptr.shape[0] - 1} rows of features for {self.n_samples} rows of signs")
        if indptr[0] != 0 or indptr[self.n_samples] != data.shape[0] or data.shape[0] != indices.shape[0]:
            raise ValueError("indptr does not fit data and indices")
        for i in range(self.n_samples):
            if indptr[i] > indptr[i + 1]:
                raise ValueError("indptr goes back")
        self.weights = <float *>new_pages(max(1, n_features * self.stride) * sizeof(float), &self.weights_raw)
        self.values = <float *>malloc((data.shape[0] + 1) * sizeof(float))
        self.bias = <double *>calloc(self.stride + 8, sizeof(double))
        self.norms = <double *>calloc(self.n_samples + 1, sizeof(double))
        self.lower = <double *>calloc(self.n_samples * self.n_labels + 1, sizeof(double))
        self.upper = <double *>calloc(self.n_samples * self.n_labels + 1, sizeof(double))
        if (
            self.weights == NULL or self.values == NULL or self.bias == NULL or self.norms == NULL or self.lower == NULL
            or self.upper == NULL
        ):
            raise MemoryError
        for i in range(self.n_samples):
            self.norms[i] = 1.0
            for k in range(indptr[i], indptr[i + 1]):
                if not 0 <= indices[k] < n_features:
                    raise ValueError(f"column {indices[k]} of {n_features}")
                self.norms[i] += data[k] * data[k]
        for i in range(self.n_samples):
            if not self.norms[i] < 1e30:  # NaN too
                raise ValueError("features that are not finite, or too large for single precision")
        for k in range(data.shape[0]):
            self.values[k] = <float>data[k]
        self.random = random_state * 2 + 1
        self.C = None

    def __dealloc__(self):
        free(self.weights_raw)
        free(self.values)
        free(self.bias)
        free(self.norms)
        free(self.lower)
        free(self.upper)

    def fit(self, C, double tol, Py_ssize_t max_iter):
        """Fit with the penalties ``C``, going on from the last fit.

        Parameters
        ----------
        C : ndarray of float64, shape (2, n_labels)
            For negative and for positive samples.
        tol : float
            Stop where no sample's gradient was further off than this in a pass over all samples.
        max_iter : int
            Passes.

        Returns
        -------
        int
            Passes made; ``max_iter`` where it did not converge.
        """
        cdef const double[:, ::1] penalties = np.ascontiguousarray(C, dtype=np.float64)
        cdef Py_ssize_t i, j, k, n_active = self.n_samples, position, swap, passes = 0
        cdef double c, scale, alpha, beta, worst, of_sample, inner
        cdef const double[:, ::1] before
        cdef Py_ssize_t *order = <Py_ssize_t *>malloc((self.n_samples + 1) * sizeof(Py_ssize_t))
        cdef float *steps = <float *>calloc(self.stride + 8, sizeof(float))
        cdef float *scores = <float *>calloc(self.stride + 8, sizeof(float))
        cdef bint everything
        cdef dot_lanes_function dot = choose_dot_lanes()
        cdef add_lanes_function add = choose_add_lanes()
        if order == NULL or steps == NULL or scores == NULL:
            free(order)
            free(steps)
            free(scores)
            raise MemoryError
        try:
            if penalties.shape[0] != 2 or penalties.shape[1] != self.n_labels or not (np.asarray(penalties) > 0).all():
                raise ValueError(f"penalties of shape {np.shape(C)} for {self.n_labels} labels; all must be above 0")
            if self.C is None:
                self._start(penalties)
            else:
                before = self.C
                for i in range(self.n_samples):
                    for j in range(self.n_labels):
                        c = penalties[self.signs[i, j] > 0, j]
                        scale = c / before[self.signs[i, j] > 0, j]
                        # alpha = C / (1 + exp(margin)): with the same margins it grows with C.
                        k = i * self.n_labels + j
                        self.lower[k] *= scale
                        self.upper[k] *= scale
            self.C = np.array(penalties)
            for i in range(self.n_samples):
                order[i] = i
            inner = 1e-2
            with nogil:
                self._rebuild(add, steps)
                while passes < max_iter:
                    everything = n_active == self.n_samples
                    passes += 1
                    self.n_visits += n_active
                    worst = 0
                    for position in range(n_active):
                        i = position + <Py_ssize_t>(self._draw() % <uint64_t>(n_active - position))
                        swap = order[i]
                        order[i] = order[position]
                        order[position] = swap
                    position = 0
                    while position < n_active:
                        if position + 1 < n_active:
                            self._fetch(order[position + 1])
                        i = order[position]
                        of_sample = self._visit(i, penalties, inner, dot, add, scores, steps)
                        if of_sample > worst:
                            worst = of_sample
                        if of_sample < 0.1 * tol and passes > 2:
                            # At rest: leave it out until the others are.
                            n_active -= 1
                            order[position] = order[n_active]
                            order[n_active] = i
                        else:
                            position += 1
                    if worst < tol:
                        if everything:
                            break
                        n_active = self.n_samples
                    elif n_active == 0:
                        n_active = self.n_samples
                    if worst < 10 * inner and inner > 0.01 * tol:
                        inner *= 0.1
        finally:
            free(order)
            free(steps)
            free(scores)
        return passes

    cdef inline uint64_t _draw(self) noexcept nogil:
        # xorshift64*
        self.random ^= self.random >> 12
        self.random ^= self.random << 25
        self.random ^= self.random >> 27
        return (self.random * <uint64_t>0x2545F4914F6CDD1D) >> 16

    cdef void _start(self, const double[:, ::1] penalties) noexcept:
        cdef Py_ssize_t i, j, k
        cdef double c
        for i in range(self.n_samples):
            for j in range(self.n_labels):
                c = penalties[self.signs[i, j] > 0, j]
                k = i * self.n_labels + j
                self.lower[k] = min(0.001 * c, 1e-8)
                self.upper[k] = c - self.lower[k]

    cdef void _rebuild(self, add_lanes_function add, float *steps) noexcept nogil:
        """Weights from the dual variables; no rounding of earlier steps is left in them."""
        cdef Py_ssize_t i, j, begin
        cdef double step
        for i in range(self.n_features * self.stride):
            self.weights[i] = 0
        for j in range(self.stride):
            self.bias[j] = 0
            steps[j] = 0
        for i in range(self.n_samples):
            for j in range(self.n_labels):
                step = self.signs[i, j] * self.lower[i * self.n_labels + j]
                steps[j] = <float>step
                self.bias[j] += step
            begin = self.indptr[i]
            if self.indptr[i + 1] > begin:
                add(self.weights, &self.indices[begin], &self.values[begin], self.indptr[i + 1] - begin, steps, self.stride)

    cdef inline void _fetch(self, Py_ssize_t i) noexcept nogil:
        """Ask for a sample's dual variables and features ahead of the visit: samples come in random order."""
        cdef Py_ssize_t begin = self.indptr[i], j
        for j in range(0, self.n_labels, 8):
            PREFETCH(self.lower + i * self.n_labels + j)
            PREFETCH(self.upper + i * self.n_labels + j)
        PREFETCH(&self.norms[i])
        PREFETCH(&self.signs[i, 0])
        if begin < self.indptr[i + 1]:
            for j in range(begin, min(begin + 64, self.indptr[i + 1]), 16):
                PREFETCH(&self.indices[j])
                PREFETCH(&self.values[j])

    cdef double _visit(
        self, Py_ssize_t i, const double[:, ::1] penalties, double inner, dot_lanes_function dot,
        add_lanes_function add, float *scores, float *steps
    ) noexcept nogil:
        """Newton steps for every label of one sample; the largest gradient met."""
        cdef Py_ssize_t begin = self.indptr[i], n = self.indptr[i + 1] - self.indptr[i], j, k
        cdef double a = self.norms[i], b, c, z, old, gradient, curvature, trial, worst = 0, low, high, sign, step
        cdef int newton
        cdef bint moved = False
        if n:
            dot(scores, self.weights, &self.indices[begin], &self.values[begin], n, self.stride)
        else:
            for j in range(self.stride):
                scores[j] = 0
        for j in range(self.n_labels):
            steps[j] = 0
            k = i * self.n_labels + j
            low = self.lower[k]
            high = self.upper[k]
            b = self.signs[i, j] * (scores[j] + self.bias[j])
            gradient = b + log(low / high)
            if not fabs(gradient) <= worst:
                worst = fabs(gradient)
            if fabs(gradient) < inner:
                continue
            c = penalties[self.signs[i, j] > 0, j]
            # Solve for the smaller of alpha and C - alpha, which keeps its digits.
            if 0.5 * a * (high - low) + b < 0:
                sign = -1.0
                old = high
            else:
                sign = 1.0
                old = low
            z = old
            if c - z < 0.5 * c:
                z = 0.1 * z
            gradient = a * (z - old) + sign * b + log(z / (c - z))
            newton = 0
            while newton < MAX_NEWTON and fabs(gradient) >= 0.1 * inner:
                curvature = a + c / (c - z) / z
                trial = z - gradient / curvature
                if trial <= 0:
                    z *= 0.1
                else:
                    z = trial
                gradient = a * (z - old) + sign * b + log(z / (c - z))
                newton += 1
            if newton > 0:
                if sign > 0:
                    self.lower[k] = z
                    self.upper[k] = c - z
                else:
                    self.upper[k] = z
                    self.lower[k] = c - z
                step = sign * (z - old) * self.signs[i, j]
                steps[j] = <float>step
                self.bias[j] += step
                moved = True
        if moved and n:
            add(self.weights, &self.indices[begin], &self.values[begin], n, steps, self.stride)
        return worst

    def coef(self):
        """(coef (n_features, n_labels), intercept (n_labels,)), float64."""
        cdef Py_ssize_t i, j, k, n_labels = self.n_labels
        cdef double value
        cdef double *row
        coef = np.zeros((self.n_features, n_labels))
        intercept = np.zeros(n_labels)
        signed = np.zeros(n_labels)
        cdef double[:, ::1] weights = coef
        cdef double[::1] bias = intercept
        cdef double[::1] steps = signed
        if n_labels == 0:
            return coef, intercept
        with nogil:
            for i in range(self.n_samples):
                for j in range(n_labels):
                    steps[j] = self.signs[i, j] * self.lower[i * n_labels + j]
                    bias[j] += steps[j]
                for k in range(self.indptr[i], self.indptr[i + 1]):
                    value = self.data[k]
                    row = &weights[self.indices[k], 0]
                    for j in range(n_labels):
                        row[j] += value * steps[j]
        return coef, intercept
