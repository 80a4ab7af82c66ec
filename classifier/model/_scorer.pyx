# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The compiled scorer: texts to logits without an intermediate vector.

A feature's row holds idf x weight for every output, and idf squared in a spare lane, so that the norm comes with the
sum. The character n-grams of a chunk depend on nothing but the chunk: sums of rows of chunks seen before are kept, and
what recurs within a text is corrected afterwards, since a second occurrence adds ln 2 and not 1 to a term's frequency.
"""

from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from cpython.unicode cimport PyUnicode_Check, PyUnicode_DATA, PyUnicode_GET_LENGTH, PyUnicode_KIND
from libc.math cimport exp, log, sqrt
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from classifier.text._ngrams cimport CLOSES, NOTHING, NUMBER, OPENS, SPACE, Lookup, Slot, get, mix, next_word

import numpy as np

cdef object np_empty = np.empty
cdef object np_int64 = np.int64

cdef extern from "_accumulate.h":
    ctypedef void (*add_rows_function)(double *, const float **, const double *, Py_ssize_t, Py_ssize_t) noexcept nogil
    add_rows_function choose_add_rows(bint portable) noexcept nogil
    void PREFETCH(const void *address) noexcept nogil

cdef extern from "../text/_pages.h":
    void *new_pages(size_t size, void **raw) noexcept nogil

cdef extern from *:
    """
    #define LOAD_SLOT(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
    #define STORE_SLOT(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
    #define TRY_LOCK(p) (!__atomic_test_and_set((p), __ATOMIC_ACQUIRE))
    #define UNLOCK(p) __atomic_clear((p), __ATOMIC_RELEASE)
    """
    uint64_t LOAD_SLOT(uint64_t *place) noexcept nogil
    void STORE_SLOT(uint64_t *place, uint64_t value) noexcept nogil
    bint TRY_LOCK(uint8_t *place) noexcept nogil
    void UNLOCK(uint8_t *place) noexcept nogil

cdef enum:
    PROBES = 16             # places that a kept chunk may lie from home: nobody can flood the table with collisions
    BLOCK = 32              # chunks looked up at once, so that memory answers side by side
    LONGEST_KEPT = 32       # characters of a chunk whose sum is kept
    LONGEST_SUMMED = 1 << 14  # characters of a text whose chunks are summed
    MOST_REPEATED = 32      # from here corrections would cancel too many digits
    N_SLOTS = 1 << 18
    SLOT_SHIFT = 64 - 18
    MOST_KEPT = 1 << 17
    ARENA_WORDS = 1 << 23   # 32 MB of address space; touched as it fills
    PREFETCHED = 4          # cache lines of a kept chunk, which is most of it
    N_LOGS = 256
    LONGEST_TEXT = 1 << 28  # offsets of n-grams have 29 bits

cdef uint64_t LOW_HALF = <uint64_t>0xFFFFFFFF
cdef uint64_t FIBONACCI = <uint64_t>0x9E3779B97F4A7C15
cdef double[N_LOGS] LOGS
cdef int _i
for _i in range(1, N_LOGS):
    LOGS[_i] = 1.0 + log(<double>_i)


ctypedef fused real:
    float
    double


cdef void weigh_rows(
    float *rows, Py_ssize_t stride, const double[::1] idf, const real[:, ::1] coef
) noexcept:
    """idf x weight of every feature and output, idf squared in the last lane."""
    cdef Py_ssize_t i, j
    for i in range(coef.shape[0]):
        for j in range(coef.shape[1]):
            rows[i * stride + j] = <float>(idf[i] * coef[i, j])
        rows[i * stride + stride - 1] = <float>(idf[i] * idf[i])


cdef inline double sublinear(uint32_t count) noexcept nogil:
    return LOGS[count] if count < N_LOGS else 1.0 + log(<double>count)


cdef inline bint same(const uint32_t *a, const uint32_t *b, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        if a[i] != b[i]:
            return False
    return True


# One chunk of a text: what its words and n-grams are, and the sum of its rows.
cdef struct Chunk:
    const uint32_t *characters
    uint32_t n_characters
    uint32_t n_features
    uint32_t n_tokens
    uint32_t n_known
    const float *sum
    const uint32_t *features
    const uint32_t *tokens      # number and flags, then its feature


cdef struct Text:
    int kind
    const void *data
    Py_ssize_t length
    bint scored


# What one text of up to ``room`` characters needs while it is scored.
cdef struct Scratch:
    Py_ssize_t room
    uint32_t *characters
    uint32_t *features          # of the chunk at hand
    uint32_t *tokens
    float *sums                 # of chunks that were not kept before this text
    const float **chunk_sums
    uint32_t *listed            # character n-grams of the text
    uint32_t *repeated
    uint32_t *words
    uint32_t *counts            # of each feature, plus base
    uint32_t base
    const float **rows
    double *weights
    double *sums_of_row
    Scratch *next


cdef void free_scratch(Scratch *s) noexcept nogil:
    free(s.characters)
    free(s.features)
    free(s.tokens)
    free(s.sums)
    free(s.chunk_sums)
    free(s.listed)
    free(s.repeated)
    free(s.words)
    free(s.counts)
    free(s.rows)
    free(s.weights)
    free(s.sums_of_row)
    free(s)


cdef Scratch *new_scratch(Py_ssize_t room, Py_ssize_t n_features, Py_ssize_t stride) noexcept nogil:
    """NULL where memory is short."""
    cdef Scratch *s = <Scratch *>calloc(1, sizeof(Scratch))
    cdef Py_ssize_t n_summed = (room if room < LONGEST_SUMMED else LONGEST_SUMMED) // 2 + 1
    if s == NULL:
        return NULL
    s.room = room
    s.characters = <uint32_t *>malloc((room + 2) * sizeof(uint32_t))
    s.features = <uint32_t *>malloc(4 * (room + 2) * sizeof(uint32_t))
    s.tokens = <uint32_t *>malloc(2 * (room + 2) * sizeof(uint32_t))
    s.sums = <float *>malloc((n_summed + 1) * stride * sizeof(float))
    s.chunk_sums = <const float **>malloc((n_summed + 1) * sizeof(float *))
    s.listed = <uint32_t *>malloc((n_features + 1) * sizeof(uint32_t))
    s.repeated = <uint32_t *>malloc((n_features + 1) * sizeof(uint32_t))
    s.words = <uint32_t *>malloc((n_features + 1) * sizeof(uint32_t))
    s.counts = <uint32_t *>calloc(n_features + 1, sizeof(uint32_t))
    s.rows = <const float **>malloc((n_features + n_summed + 1) * sizeof(float *))
    s.weights = <double *>malloc((n_features + n_summed + 1) * sizeof(double))
    s.sums_of_row = <double *>malloc(stride * sizeof(double))
    if (
        s.characters == NULL or s.features == NULL or s.tokens == NULL or s.sums == NULL or s.chunk_sums == NULL
        or s.listed == NULL or s.repeated == NULL or s.words == NULL or s.counts == NULL or s.rows == NULL
        or s.weights == NULL or s.sums_of_row == NULL
    ):
        free_scratch(s)
        return NULL
    return s


cdef class Scorer:
    """Scores texts with a linear model over a :class:`classifier.text._ngrams.Lookup`.

    Parameters
    ----------
    lookup : Lookup
    idf : ndarray of float64, shape (n_features,)
    coef : ndarray of float32 or float64, shape (n_features, n_outputs)
    intercept : ndarray of float64, shape (n_outputs,)
    n_probabilities : int
        How many of the outputs, from the first, are logits of probabilities.
    portable : bool
        Never use vector instructions beyond the platform's baseline (for tests).
    """

    cdef readonly Lookup lookup
    cdef readonly Py_ssize_t n_features, n_outputs, n_probabilities, stride
    cdef float *rows
    cdef uint64_t *slots
    cdef uint32_t *arena
    cdef void *rows_raw
    cdef void *slots_raw
    cdef void *arena_raw
    cdef double *intercept
    cdef Py_ssize_t arena_used
    cdef readonly Py_ssize_t n_kept
    cdef uint8_t lock
    cdef Scratch *free_scratch
    cdef add_rows_function add_rows

    def __cinit__(
        self, Lookup lookup not None, const double[::1] idf not None, coef not None,
        const double[::1] intercept not None, Py_ssize_t n_probabilities, bint portable=False
    ):
        cdef Py_ssize_t j
        self.lookup = lookup
        self.n_features = lookup.n_word_features + lookup.n_char_features
        self.n_outputs = coef.shape[1]
        self.n_probabilities = n_probabilities
        if coef.shape[0] != self.n_features or idf.shape[0] != self.n_features:
            raise ValueError(f"weights for {coef.shape[0]} and idf of {idf.shape[0]} features, {self.n_features} asked")
        if intercept.shape[0] != self.n_outputs or not 0 <= n_probabilities <= self.n_outputs:
            raise ValueError(f"{intercept.shape[0]} intercepts, {n_probabilities} logits for {self.n_outputs} outputs")
        self.stride = (self.n_outputs + 1 + 7) // 8 * 8
        self.rows = <float *>new_pages((self.n_features * self.stride + 8) * sizeof(float), &self.rows_raw)
        self.slots = <uint64_t *>new_pages(N_SLOTS * sizeof(uint64_t), &self.slots_raw)
        self.arena = <uint32_t *>new_pages(ARENA_WORDS * sizeof(uint32_t), &self.arena_raw)
        self.intercept = <double *>malloc((self.n_outputs + 1) * sizeof(double))
        if self.rows == NULL or self.slots == NULL or self.arena == NULL or self.intercept == NULL:
            raise MemoryError
        if coef.dtype == np.float32:
            weigh_rows[float](self.rows, self.stride, idf, coef)
        else:
            weigh_rows[double](self.rows, self.stride, idf, coef)
        for j in range(self.n_outputs):
            self.intercept[j] = intercept[j]
        self.arena_used = 16  # a slot of 0 is an empty one
        self.add_rows = choose_add_rows(portable)

    def __dealloc__(self):
        cdef Scratch *scratch = self.free_scratch
        cdef Scratch *after
        while scratch != NULL:
            after = scratch.next
            free_scratch(scratch)
            scratch = after
        free(self.rows_raw)
        free(self.slots_raw)
        free(self.arena_raw)
        free(self.intercept)

    # Held under the GIL: the list of scratches needs no lock of its own.
    cdef Scratch *_borrow(self, Py_ssize_t room) except NULL:
        cdef Scratch *scratch = self.free_scratch
        if scratch != NULL:
            self.free_scratch = scratch.next
            scratch.next = NULL
            if scratch.room >= room:
                return scratch
            free_scratch(scratch)
        scratch = new_scratch(room if room > 1024 else 1024, self.n_features, self.stride)
        if scratch == NULL:
            raise MemoryError
        return scratch

    cdef void _give_back(self, Scratch *scratch) noexcept:
        if scratch.room > 1 << 17:  # a very long text leaves nothing behind
            free_scratch(scratch)
            return
        scratch.next = self.free_scratch
        self.free_scratch = scratch

    cdef void _keep(self, uint64_t place, uint64_t tag, const uint32_t *characters, Chunk *chunk) noexcept nogil:
        """Keep a chunk for the next time. Another thread that is at it has the turn; then this one is not kept."""
        cdef Py_ssize_t size = (
            4 + self.stride + chunk.n_features + 2 * chunk.n_tokens + chunk.n_characters + 15
        ) // 16 * 16
        cdef uint32_t *record
        cdef uint32_t *cursor
        cdef int probe = 0
        if not TRY_LOCK(&self.lock):
            return
        if self.n_kept < MOST_KEPT and self.arena_used + size <= ARENA_WORDS:
            while probe < PROBES and LOAD_SLOT(&self.slots[place]) != 0:
                place = (place + 1) & (N_SLOTS - 1)
                probe += 1
            if probe == PROBES:
                UNLOCK(&self.lock)
                return
            record = self.arena + self.arena_used
            record[0] = chunk.n_characters
            record[1] = chunk.n_features
            record[2] = chunk.n_tokens
            record[3] = chunk.n_known
            cursor = record + 4
            memcpy(cursor, characters, chunk.n_characters * sizeof(uint32_t))
            cursor += chunk.n_characters
            memcpy(cursor, chunk.tokens, 2 * chunk.n_tokens * sizeof(uint32_t))
            cursor += 2 * chunk.n_tokens
            memcpy(cursor, chunk.features, chunk.n_features * sizeof(uint32_t))
            cursor += chunk.n_features
            memcpy(cursor, chunk.sum, self.stride * sizeof(float))
            STORE_SLOT(&self.slots[place], (tag << 32) | <uint64_t>(self.arena_used // 16))
            self.arena_used += size
            self.n_kept += 1
        UNLOCK(&self.lock)

    cdef bint _recall(self, uint64_t h, const uint32_t *characters, Chunk *chunk) noexcept nogil:
        """Fill in a chunk that was kept."""
        cdef uint64_t place = h >> SLOT_SHIFT
        cdef uint64_t tag = h & LOW_HALF
        cdef uint64_t slot
        cdef uint32_t *record
        cdef uint32_t *cursor
        cdef int probe
        for probe in range(PROBES):
            slot = LOAD_SLOT(&self.slots[place])
            if slot == 0:
                return False
            if slot >> 32 == tag:
                record = self.arena + <Py_ssize_t>(slot & LOW_HALF) * 16
                if record[0] == chunk.n_characters:
                    cursor = record + 4
                    if same(cursor, characters, chunk.n_characters):
                        chunk.n_features = record[1]
                        chunk.n_tokens = record[2]
                        chunk.n_known = record[3]
                        chunk.tokens = cursor + chunk.n_characters
                        chunk.features = chunk.tokens + 2 * chunk.n_tokens
                        chunk.sum = <const float *>(chunk.features + chunk.n_features)
                        return True
            place = (place + 1) & (N_SLOTS - 1)
        return False

    cdef void _analyse(
        self, const uint32_t *characters, Chunk *chunk, uint32_t *features, uint32_t *tokens, float *total
    ) noexcept nogil:
        """Find a chunk's words and n-grams, and add its rows up where ``total`` is not NULL."""
        cdef Py_ssize_t i = 0, begin, n = chunk.n_characters, j
        cdef uint32_t n_tokens = 0, n_known = 0, token
        cdef const float *row
        while next_word(characters, n, &begin, &i):
            token = self.lookup.tokens.find(characters + begin, i - begin)
            if token == <uint32_t>NOTHING:
                tokens[2 * n_tokens] = 0
                tokens[2 * n_tokens + 1] = NOTHING
            else:
                tokens[2 * n_tokens] = token | self.lookup.flags[token]
                tokens[2 * n_tokens + 1] = self.lookup.unigram[token]
                n_known += self.lookup.known[token]
            n_tokens += 1
        chunk.n_tokens = n_tokens
        chunk.n_known = n_known
        chunk.tokens = tokens
        chunk.n_features = <uint32_t>self.lookup.chunk_ngrams(characters, n, features, NULL)
        chunk.features = features
        chunk.sum = total
        if total != NULL:
            memset(total, 0, self.stride * sizeof(float))
            for i in range(chunk.n_features):
                row = self.rows + features[i] * self.stride
                for j in range(self.stride):
                    total[j] += row[j]

    cdef bint _score(
        self, int kind, const void *data, Py_ssize_t length, Scratch *s, double *out, Py_ssize_t wanted, bint squash,
        long long *words
    ) noexcept nogil:
        """The first ``wanted`` outputs of one text, and how many words it has and how many of them are known.

        False where ``str.lower`` is needed first. Which way the sums are made depends on the text alone, never on what
        is kept, so that the same text has the same figures to the last bit.
        """
        cdef uint32_t *characters = s.characters
        cdef uint32_t *counts = s.counts
        cdef uint32_t *listed = s.listed
        cdef uint32_t *repeated = s.repeated
        cdef Py_ssize_t i = 0, j, k, n_block, begin, n_sums = 0, n_own = 0, n_rows
        cdef Py_ssize_t n_chars = 0, n_words = 0, n_repeated = 0
        cdef uint64_t h
        cdef uint32_t base, count, feature, token, before = 0, most
        cdef Chunk block[BLOCK]
        cdef uint64_t hashes[BLOCK]
        cdef uint64_t pairs[BLOCK]
        cdef Py_ssize_t n_pairs = 0
        cdef Slot *pair_slots = self.lookup.pairs.slots
        cdef int pair_shift = self.lookup.pairs.shift
        cdef Chunk *chunk
        cdef const uint32_t *record
        cdef double norm, weight
        cdef const float **rows = s.rows
        cdef double *weights = s.weights
        cdef long long n_tokens = 0, n_known = 0
        cdef bint plain = length > LONGEST_SUMMED
        if not self.lookup.alphabet.read(kind, data, length, characters):
            return False
        # counts holds base + count; what an earlier text left lies at or below base.
        if s.base > (<uint32_t>1 << 31):
            memset(counts, 0, self.n_features * sizeof(uint32_t))
            s.base = 0
        base = most = s.base

        while i < length:
            n_block = 0
            while i < length and n_block < BLOCK:
                begin = i
                h = FIBONACCI
                while i < length and not characters[i] & SPACE:
                    h = (h ^ characters[i]) * FIBONACCI
                    h ^= h >> 32
                    i += 1
                if i > begin:
                    h *= FIBONACCI
                    PREFETCH(&self.slots[h >> SLOT_SHIFT])
                    hashes[n_block] = h
                    block[n_block].characters = characters + begin
                    block[n_block].n_characters = <uint32_t>(i - begin)
                    n_block += 1
                i += 1
            for k in range(n_block):
                record = self.arena + <Py_ssize_t>(LOAD_SLOT(&self.slots[hashes[k] >> SLOT_SHIFT]) & LOW_HALF) * 16
                for j in range(PREFETCHED):
                    PREFETCH(record + 16 * j)
            for k in range(n_block):
                chunk = &block[k]
                if chunk.n_characters > LONGEST_KEPT:
                    plain = True
                    self._analyse(chunk.characters, chunk, s.features, s.tokens, NULL)
                elif not self._recall(hashes[k], chunk.characters, chunk):
                    # A long text's sums are not used, but worth keeping all the same.
                    self._analyse(
                        chunk.characters, chunk, s.features, s.tokens, s.sums + (0 if plain else n_own * self.stride)
                    )
                    if not plain:
                        n_own += 1
                    self._keep(hashes[k] >> SLOT_SHIFT, hashes[k] & LOW_HALF, chunk.characters, chunk)
                if not plain:
                    s.chunk_sums[n_sums] = chunk.sum
                    n_sums += 1
                for j in range(chunk.n_features):
                    # Without branches: what recurs is as good as random.
                    feature = chunk.features[j]
                    count = counts[feature]
                    count = (count if count > base else base) + 1
                    counts[feature] = count
                    listed[n_chars] = feature
                    n_chars += count == base + 1
                    repeated[n_repeated] = feature
                    n_repeated += count == base + 2
                    most = count if count > most else most
                n_tokens += chunk.n_tokens
                n_known += chunk.n_known
                for j in range(chunk.n_tokens):
                    token = chunk.tokens[2 * j]
                    if chunk.tokens[2 * j + 1] != <uint32_t>NOTHING:
                        n_words = self._meet(s, chunk.tokens[2 * j + 1], n_words)
                    if before & <uint32_t>OPENS and token & CLOSES:
                        pairs[n_pairs] = (<uint64_t>(before & NUMBER) << 32) | (token & NUMBER)
                        PREFETCH(&pair_slots[mix(pairs[n_pairs], 0) >> pair_shift])
                        n_pairs += 1
                        if n_pairs == BLOCK:
                            n_words = self._meet_pairs(s, pairs, n_pairs, n_words)
                            n_pairs = 0
                    before = token
            n_words = self._meet_pairs(s, pairs, n_pairs, n_words)
            n_pairs = 0

        # Character n-grams: the chunks' sums, then what recurs; or one by one.
        for k in range(n_repeated):
            PREFETCH(self.rows + repeated[k] * self.stride)
        n_rows = 0
        norm = 0
        if plain or most - base > MOST_REPEATED:
            for k in range(n_chars):
                feature = listed[k]
                weight = sublinear(counts[feature] - base)
                rows[n_rows] = self.rows + feature * self.stride
                weights[n_rows] = weight
                norm += weight * weight * rows[n_rows][self.stride - 1]
                n_rows += 1
        else:
            for k in range(n_sums):
                rows[n_rows] = s.chunk_sums[k]
                weights[n_rows] = 1.0
                norm += s.chunk_sums[k][self.stride - 1]
                n_rows += 1
            for k in range(n_repeated):
                feature = repeated[k]
                count = counts[feature] - base
                weight = sublinear(count)
                rows[n_rows] = self.rows + feature * self.stride
                weights[n_rows] = weight - count
                norm += (weight * weight - count) * rows[n_rows][self.stride - 1]
                n_rows += 1
        memset(s.sums_of_row, 0, self.stride * sizeof(double))
        self.add_rows(s.sums_of_row, rows, weights, n_rows, self.stride)
        weight = 1.0 / sqrt(norm) if n_chars else 0.0
        for j in range(wanted):
            out[j] = self.intercept[j] + s.sums_of_row[j] * weight

        norm = 0
        for k in range(n_words):
            feature = s.words[k]
            weight = sublinear(counts[feature] - base)
            rows[k] = self.rows + feature * self.stride
            weights[k] = weight
            norm += weight * weight * rows[k][self.stride - 1]
        memset(s.sums_of_row, 0, self.stride * sizeof(double))
        self.add_rows(s.sums_of_row, rows, weights, n_words, self.stride)
        weight = 1.0 / sqrt(norm) if n_words else 0.0
        for j in range(wanted):
            out[j] += s.sums_of_row[j] * weight
        if squash:
            for j in range(wanted):
                out[j] = 1.0 / (1.0 + exp(-out[j]))
        words[0] = n_tokens
        words[1] = n_known
        # No count of this text exceeds its number of n-grams of one size.
        s.base = base + <uint32_t>length + 2
        return True

    cdef inline Py_ssize_t _meet_pairs(
        self, Scratch *s, const uint64_t *pairs, Py_ssize_t n_pairs, Py_ssize_t n_listed
    ) noexcept nogil:
        cdef const Slot *slots = self.lookup.pairs.slots
        cdef uint64_t mask = self.lookup.pairs.mask
        cdef int shift = self.lookup.pairs.shift
        cdef Py_ssize_t i
        cdef uint32_t feature
        for i in range(n_pairs):
            feature = get(slots, mask, shift, pairs[i], 0)
            if feature != <uint32_t>NOTHING:
                n_listed = self._meet(s, feature, n_listed)
        return n_listed

    cdef inline Py_ssize_t _meet(self, Scratch *s, uint32_t feature, Py_ssize_t n_listed) noexcept nogil:
        cdef uint32_t count = s.counts[feature]
        if count > s.base:
            s.counts[feature] = count + 1
            return n_listed
        s.counts[feature] = s.base + 1
        s.words[n_listed] = feature
        PREFETCH(self.rows + feature * self.stride)
        return n_listed + 1

    def score(self, list texts not None):
        """Outputs of texts, each taken as one unit, and their numbers of words and of known words.

        Returns
        -------
        outputs : ndarray of float64, shape (n_texts, n_outputs)
        words : ndarray of int64, shape (n_texts, 2)

        Raises
        ------
        TypeError
            An item is no ``str``; the arguments are its index and the item.
        """
        return self._run(texts, self.n_outputs, True, False)

    def decision_function(self, list texts not None):
        """Logits of shape (n_texts, n_probabilities); see :meth:`score` for errors."""
        return self._run(texts, self.n_probabilities, False, False)

    def predict_proba(self, list texts not None):
        """Probabilities of shape (n_texts, n_probabilities); see :meth:`score` for errors."""
        return self._run(texts, self.n_probabilities, False, True)

    cdef object _run(self, list texts, Py_ssize_t wanted, bint count_words, bint squash):
        cdef Py_ssize_t n_texts = PyList_GET_SIZE(texts), i, j, n, longest = 0
        cdef Py_buffer out_buffer, words_buffer
        cdef double *out
        cdef long long *words = NULL
        cdef long long counted[2]
        cdef Scratch *scratch
        cdef Text *batch
        cdef Text one
        cdef int kind
        cdef const void *data
        texts = texts[:]  # holds the strings, whatever others do to the caller's list while the GIL is free
        n_texts = PyList_GET_SIZE(texts)
        for i in range(n_texts):
            text = <object>PyList_GET_ITEM(texts, i)
            if not PyUnicode_Check(text):
                raise TypeError(i, text)
            n = PyUnicode_GET_LENGTH(text)
            if n > longest:
                longest = n
        if longest > LONGEST_TEXT:
            raise OverflowError(f"a text of {longest} characters; at most {LONGEST_TEXT} are scored as one unit")
        result = np_empty((n_texts, wanted))
        counts = np_empty((n_texts, 2), np_int64) if count_words else None
        if n_texts == 0:
            return (result, counts) if count_words else result
        scratch = self._borrow(longest)
        batch = &one if n_texts == 1 else <Text *>malloc(n_texts * sizeof(Text))
        if batch == NULL:
            self._give_back(scratch)
            raise MemoryError
        PyObject_GetBuffer(result, &out_buffer, PyBUF_WRITABLE)
        if count_words:
            PyObject_GetBuffer(counts, &words_buffer, PyBUF_WRITABLE)
            words = <long long *>words_buffer.buf
        out = <double *>out_buffer.buf
        try:
            for i in range(n_texts):
                text = <object>PyList_GET_ITEM(texts, i)
                batch[i].kind = PyUnicode_KIND(text)
                batch[i].data = PyUnicode_DATA(text)
                batch[i].length = PyUnicode_GET_LENGTH(text)
                batch[i].scored = False
            with nogil:
                for i in range(n_texts):
                    batch[i].scored = self._score(
                        batch[i].kind, batch[i].data, batch[i].length, scratch, out + i * wanted, wanted, squash,
                        words + 2 * i if words != NULL else counted
                    )
            for i in range(n_texts):
                if not batch[i].scored:
                    lowered = (<str>PyList_GET_ITEM(texts, i)).lower()
                    n = PyUnicode_GET_LENGTH(lowered)
                    if n > scratch.room:
                        self._give_back(scratch)
                        scratch = NULL
                        scratch = self._borrow(n)
                    kind = PyUnicode_KIND(lowered)
                    data = PyUnicode_DATA(lowered)
                    with nogil:
                        self._score(
                            kind, data, n, scratch, out + i * wanted, wanted, squash,
                            words + 2 * i if words != NULL else counted
                        )
        finally:
            if scratch != NULL:
                self._give_back(scratch)
            if batch != &one:
                free(batch)
            PyBuffer_Release(&out_buffer)
            if count_words:
                PyBuffer_Release(&words_buffer)
        return (result, counts) if count_words else result
