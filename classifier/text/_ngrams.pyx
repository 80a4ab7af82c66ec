# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The analysers of :mod:`classifier.text.ngrams`, compiled: one tokeniser and one n-gram lookup for training, scoring
and evidence.

A character becomes a 32-bit entry: its lower-case symbol in the alphabet, and whether it is a word character or white
space, as ``str.lower``, ``str.split`` and ``\\w`` of the running Python have it. Up to five symbols make an n-gram's
key, exactly: 12 bits each where the alphabet is below 4,096, else 19 bits each in 96.
"""

from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from cpython.unicode cimport PyUnicode_Check, PyUnicode_DATA, PyUnicode_GET_LENGTH, PyUnicode_KIND, PyUnicode_READ
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memset

import numpy as np

cdef extern from "Python.h":
    ctypedef uint32_t Py_UCS4
    bint Py_UNICODE_ISALNUM(Py_UCS4 character) noexcept nogil
    bint Py_UNICODE_ISSPACE(Py_UCS4 character) noexcept nogil
    Py_UCS4 Py_UNICODE_TOLOWER(Py_UCS4 character) noexcept nogil
    object PyUnicode_FromKindAndData(int kind, const void *buffer, Py_ssize_t size)

cdef extern from *:
    """
    #if defined(__GNUC__)
    #define LOAD_ACQUIRE(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
    #define STORE_RELEASE(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
    #define STORE_RELAXED(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
    #else
    #error "a compiler with GCC's atomics and vectors is needed (gcc, clang); the Python path serves elsewhere"
    #endif
    """
    uint8_t LOAD_ACQUIRE(uint8_t *place) noexcept nogil
    void STORE_RELEASE(uint8_t *place, uint8_t value) noexcept nogil
    void STORE_RELAXED(uint32_t *place, uint32_t value) noexcept nogil

cdef enum:
    N_CODE_POINTS = 0x110000
    BLOCK_BITS = 8
    DOTTED_I = 0x130
    SIGMA = 0x3A3
    LONGEST = 5             # character n-grams have 2 to 5 symbols
    PACKED_BITS = 12
    WIDE_BITS = 19
    MAX_SYMBOLS = (1 << WIDE_BITS) - 1
    LONGEST_TEXT = 1 << 28  # places of n-grams have 29 bits

cdef uint64_t FIBONACCI = <uint64_t>0x9E3779B97F4A7C15
cdef uint64_t PACKED_MASK = ((<uint64_t>1) << (PACKED_BITS * LONGEST)) - 1


cdef int enlarge(void **array, size_t size) except -1:
    """Give an array ``size`` bytes; where there are none left it stays as it is."""
    cdef void *moved = realloc(array[0], size)
    if moved == NULL:
        raise MemoryError
    array[0] = moved
    return 0


cdef class Table:
    """Open addressing from a 96-bit key to a 32-bit value."""

    def __cinit__(self, Py_ssize_t expected=16):
        cdef int bits = 4
        while (<Py_ssize_t>1 << bits) < 2 * expected:
            bits += 1
        self.shift = 64 - bits
        self.mask = (<uint64_t>1 << bits) - 1
        self.slots = <Slot *>calloc(self.mask + 1, sizeof(Slot))
        if self.slots == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.slots)

    cdef int put(self, uint64_t key, uint32_t rest, uint32_t value) except -1:
        if <uint64_t>(2 * self.n_entries) > self.mask:
            self.grow()
        cdef uint64_t place = mix(key, rest) >> self.shift
        while self.slots[place].value != 0:
            place = (place + 1) & self.mask
        self.slots[place].key = key
        self.slots[place].rest = rest
        self.slots[place].value = value + 1
        self.n_entries += 1
        return 0

    cdef int grow(self) except -1:
        cdef Slot *old = self.slots
        cdef uint64_t n_old = self.mask + 1, i, place
        cdef Slot *slots = <Slot *>calloc(2 * n_old, sizeof(Slot))
        if slots == NULL:
            raise MemoryError
        self.slots = slots
        self.mask = 2 * n_old - 1
        self.shift -= 1
        for i in range(n_old):
            if old[i].value:
                place = mix(old[i].key, old[i].rest) >> self.shift
                while slots[place].value != 0:
                    place = (place + 1) & self.mask
                slots[place] = old[i]
        free(old)
        return 0


cdef class Alphabet:
    """Which symbol a character is once it is lower case. Blocks of 256 characters are read from Python's own Unicode
    tables when one of them first occurs; two threads may do so at once, since both write the same."""

    def __cinit__(self, bint growing=False):
        # calloc of so much is address space only; the pages of blocks that never occur are never touched.
        self.entries = <uint32_t *>calloc(N_CODE_POINTS, sizeof(uint32_t))
        self.symbol_of = <uint32_t *>calloc(N_CODE_POINTS, sizeof(uint32_t))
        self.ready = <uint8_t *>calloc(N_CODE_POINTS >> BLOCK_BITS, sizeof(uint8_t))
        if self.entries == NULL or self.symbol_of == NULL or self.ready == NULL:
            raise MemoryError
        self.growing = growing
        self.symbol_of[<uint32_t>c' '] = 1
        self.n_symbols = 1

    def __dealloc__(self):
        free(self.entries)
        free(self.symbol_of)
        free(self.ready)

    cdef uint32_t symbol(self, uint32_t character) noexcept nogil:
        """The symbol of a lower-case character; a new one where the alphabet grows."""
        if self.symbol_of[character] == 0 and self.growing and self.n_symbols < MAX_SYMBOLS:
            self.n_symbols += 1
            self.symbol_of[character] = self.n_symbols
        return self.symbol_of[character]

    cdef void fill(self, uint32_t block) noexcept nogil:
        cdef uint32_t character, entry
        for character in range(block << BLOCK_BITS, (block + 1) << BLOCK_BITS):
            entry = self.symbol(Py_UNICODE_TOLOWER(character))
            if Py_UNICODE_ISSPACE(character):
                entry |= SPACE
            if Py_UNICODE_ISALNUM(Py_UNICODE_TOLOWER(character)) or character == c'_':
                entry |= WORD
            if character == DOTTED_I or character == SIGMA:
                entry |= <uint32_t>CONTEXT
            STORE_RELAXED(&self.entries[character], entry)
        STORE_RELEASE(&self.ready[block], 1)

    cdef bint read(self, int kind, const void *data, Py_ssize_t length, uint32_t *out) noexcept nogil:
        """Entries of a string; False where ``str.lower`` is needed first."""
        cdef Py_ssize_t i
        cdef uint32_t character, seen = 0
        if kind == 1:
            if not LOAD_ACQUIRE(&self.ready[0]):
                self.fill(0)
            for i in range(length):
                out[i] = self.entries[(<const uint8_t *>data)[i]]
            return True
        if kind == 2:
            for i in range(length):
                character = (<const uint16_t *>data)[i]
                if not LOAD_ACQUIRE(&self.ready[character >> BLOCK_BITS]):
                    self.fill(character >> BLOCK_BITS)
                out[i] = self.entries[character]
                seen |= out[i]
        else:
            for i in range(length):
                character = (<const uint32_t *>data)[i]
                if not LOAD_ACQUIRE(&self.ready[character >> BLOCK_BITS]):
                    self.fill(character >> BLOCK_BITS)
                out[i] = self.entries[character]
                seen |= out[i]
        return (seen & <uint32_t>CONTEXT) == 0


cdef inline uint64_t hash_of(const uint32_t *characters, Py_ssize_t length) noexcept nogil:
    cdef uint64_t h = <uint64_t>length
    cdef Py_ssize_t i
    for i in range(length):
        h = (h ^ (characters[i] & SYMBOL)) * FIBONACCI
        h ^= h >> 29
    return h


cdef class Tokens:
    """Words by number. The hash finds a word, its symbols say whether it is the one."""

    def __cinit__(self, Py_ssize_t expected=16):
        self.table = Table(expected)
        self.room = max(expected, 16)
        self.capacity = 8 * self.room
        self.begins = <Py_ssize_t *>malloc((self.room + 1) * sizeof(Py_ssize_t))
        self.arena = <uint32_t *>malloc(self.capacity * sizeof(uint32_t))
        if self.begins == NULL or self.arena == NULL:
            raise MemoryError
        self.begins[0] = 0

    def __dealloc__(self):
        free(self.begins)
        free(self.arena)

    cdef uint32_t find(self, const uint32_t *characters, Py_ssize_t length) noexcept nogil:
        return self.find_hashed(hash_of(characters, length), characters, length)

    cdef uint32_t find_hashed(self, uint64_t h, const uint32_t *characters, Py_ssize_t length) noexcept nogil:
        cdef uint64_t place = mix(h, 0) >> self.table.shift
        cdef Slot *slot
        cdef Py_ssize_t begin, i
        while True:
            slot = &self.table.slots[place]
            if slot.value == 0:
                return NOTHING
            if slot.key == h:
                begin = self.begins[slot.value - 1]
                if self.begins[slot.value] - begin == length:
                    i = 0
                    while i < length and self.arena[begin + i] == (characters[i] & SYMBOL):
                        i += 1
                    if i == length:
                        return slot.value - 1
            place = (place + 1) & self.table.mask

    cdef uint32_t add(self, const uint32_t *characters, Py_ssize_t length) except? 0xFFFFFFFF:
        """The number of a word, a new one where it has none."""
        cdef uint64_t h = hash_of(characters, length)
        cdef uint32_t number = self.find_hashed(h, characters, length)
        cdef Py_ssize_t i
        if number != <uint32_t>NOTHING:
            return number
        if self.n_tokens == self.room:
            enlarge(<void **>&self.begins, (2 * self.room + 1) * sizeof(Py_ssize_t))
            self.room *= 2
        while self.used + length > self.capacity:
            enlarge(<void **>&self.arena, 2 * self.capacity * sizeof(uint32_t))
            self.capacity *= 2
        for i in range(length):
            self.arena[self.used + i] = characters[i] & SYMBOL
        self.used += length
        number = <uint32_t>self.n_tokens
        self.n_tokens += 1
        self.begins[self.n_tokens] = self.used
        self.table.put(h, 0, number)
        return number


cdef inline void push(uint64_t *low, uint32_t *high, uint32_t symbol, int bits) noexcept nogil:
    """Shift a symbol into a 96-bit key from below."""
    high[0] = <uint32_t>((<uint64_t>high[0] << bits) | (low[0] >> (64 - bits)))
    low[0] = (low[0] << bits) | symbol


cdef inline void wide(
    const uint32_t *characters, Py_ssize_t length, Py_ssize_t begin, Py_ssize_t end, uint64_t *low, uint32_t *high
) noexcept nogil:
    """The key of symbols ``begin`` to ``end`` of the padded chunk, 19 bits each."""
    cdef Py_ssize_t i
    low[0] = 0
    high[0] = 0
    for i in range(begin, end):
        push(low, high, 1 if i == 0 or i == length + 1 else characters[i - 1] & SYMBOL, WIDE_BITS)


cdef object twice(object feature):
    return ValueError(f"a vocabulary holds {feature!r} twice")


cdef class Lookup:
    """A model's features by their n-grams.

    Parameters
    ----------
    word_features : sequence of str
        Word 1-grams and 2-grams; feature numbers are places in this list.
    char_features : sequence of str
        Character n-grams of 2 to 5 characters, numbered after the words.
    known_words : iterable of str
        What counts as a known word.

    Raises
    ------
    TypeError
        An item is no ``str``.
    ValueError
        One of the three holds something twice, or a character n-gram has another size.
    OverflowError
        More different characters than can be numbered.
    """

    def __cinit__(self, word_features, char_features, known_words):
        cdef list words = list(word_features), chars = list(char_features), known = list(known_words)
        cdef Py_ssize_t i, n_words = PyList_GET_SIZE(words), n_chars = PyList_GET_SIZE(chars)
        cdef Py_ssize_t n_known = PyList_GET_SIZE(known), n_bits = 1 << 10, n_most, longest
        cdef uint32_t *symbols
        self.n_word_features = n_words
        self.n_char_features = n_chars
        self.alphabet = Alphabet()
        longest = max(self._number_letters(words), self._number_letters(chars), self._number_letters(known))
        self.packed = self.alphabet.n_symbols < (1 << PACKED_BITS)
        self.ngrams = Table(n_chars)
        self.pairs = Table(n_words)
        self.tokens = Tokens(n_words + n_known)
        self.sieve_shift = 64 - 10
        while n_bits < 16 * n_chars:
            n_bits *= 2
            self.sieve_shift -= 1
        n_most = 2 * n_words + n_known + 1
        self.sieve = <uint64_t *>calloc(n_bits // 64, sizeof(uint64_t))
        self.unigram = <uint32_t *>malloc(n_most * sizeof(uint32_t))
        self.flags = <uint32_t *>calloc(n_most, sizeof(uint32_t))
        self.known = <uint8_t *>calloc(n_most, sizeof(uint8_t))
        symbols = <uint32_t *>malloc((longest + 1) * sizeof(uint32_t))
        if (
            self.sieve == NULL or self.unigram == NULL or self.flags == NULL or self.known == NULL or symbols == NULL
        ):
            free(symbols)
            raise MemoryError
        memset(self.unigram, 0xFF, n_most * sizeof(uint32_t))
        try:
            for i in range(n_words):
                self._put_word(<object>PyList_GET_ITEM(words, i), symbols, <uint32_t>i)
            for i in range(n_chars):
                self._put_ngram(<object>PyList_GET_ITEM(chars, i), symbols, <uint32_t>(n_words + i))
            for i in range(n_known):
                self._put_known(<object>PyList_GET_ITEM(known, i), symbols)
        finally:
            free(symbols)

    def __dealloc__(self):
        free(self.sieve)
        free(self.unigram)
        free(self.flags)
        free(self.known)

    cdef Py_ssize_t _number_letters(self, list texts) except -1:
        """Give every letter of some texts a symbol; the length of the longest text."""
        cdef Alphabet alphabet = self.alphabet
        cdef Py_ssize_t i, j, n, longest = 0
        cdef int kind
        cdef const void *data
        cdef Py_UCS4 letter
        for i in range(PyList_GET_SIZE(texts)):
            text = <object>PyList_GET_ITEM(texts, i)
            if not PyUnicode_Check(text):
                raise TypeError(f"a vocabulary holds {text!r}, which is no text")
            n = PyUnicode_GET_LENGTH(text)
            longest = n if n > longest else longest
            kind = PyUnicode_KIND(text)
            data = PyUnicode_DATA(text)
            for j in range(n):
                letter = PyUnicode_READ(kind, data, j)
                if alphabet.symbol_of[letter] == 0:
                    if alphabet.n_symbols >= MAX_SYMBOLS:
                        raise OverflowError("more different characters than the compiled lookup can number")
                    alphabet.n_symbols += 1
                    alphabet.symbol_of[letter] = alphabet.n_symbols
        return longest

    cdef Py_ssize_t _symbols(self, object text, uint32_t *out) noexcept:
        """The symbols of a text, and its length."""
        cdef Py_ssize_t i, n = PyUnicode_GET_LENGTH(text)
        cdef int kind = PyUnicode_KIND(text)
        cdef const void *data = PyUnicode_DATA(text)
        for i in range(n):
            out[i] = self.alphabet.symbol_of[PyUnicode_READ(kind, data, i)]
        return n

    cdef int _put_word(self, object feature, uint32_t *symbols, uint32_t number) except -1:
        """A word feature: what stands before its first space, and behind it."""
        cdef Py_ssize_t n = self._symbols(feature, symbols), border = 0
        cdef uint32_t first, second
        cdef uint64_t key
        while border < n and symbols[border] != 1:
            border += 1
        first = self.tokens.add(symbols, border)
        if border == n:
            if self.unigram[first] != <uint32_t>NOTHING:
                raise twice(feature)
            self.unigram[first] = number
            return 0
        second = self.tokens.add(symbols + border + 1, n - border - 1)
        key = (<uint64_t>first << 32) | second
        if get(self.pairs.slots, self.pairs.mask, self.pairs.shift, key, 0) != <uint32_t>NOTHING:
            raise twice(feature)
        self.pairs.put(key, 0, number)
        self.flags[first] |= <uint32_t>OPENS
        self.flags[second] |= CLOSES
        return 0

    cdef int _put_ngram(self, object feature, uint32_t *symbols, uint32_t number) except -1:
        cdef uint64_t low = 0
        cdef uint32_t high = 0
        cdef Py_ssize_t i, n = self._symbols(feature, symbols)
        if not 2 <= n <= LONGEST:
            raise ValueError(f"{feature!r} is no character n-gram of 2 to {LONGEST} characters")
        for i in range(n):
            push(&low, &high, symbols[i], PACKED_BITS if self.packed else WIDE_BITS)
        if get(self.ngrams.slots, self.ngrams.mask, self.ngrams.shift, low, high) != <uint32_t>NOTHING:
            raise twice(feature)
        self.ngrams.put(low, high, number)
        low = mix(low, high) >> self.sieve_shift
        self.sieve[low >> 6] |= (<uint64_t>1) << (low & 63)
        return 0

    cdef int _put_known(self, object word, uint32_t *symbols) except -1:
        cdef uint32_t token = self.tokens.add(symbols, self._symbols(word, symbols))
        if self.known[token]:
            raise twice(word)
        self.known[token] = 1
        return 0

    cdef Py_ssize_t chunk_ngrams(
        self, const uint32_t *characters, Py_ssize_t length, uint32_t *found, uint32_t *ends
    ) noexcept nogil:
        """Features of one chunk padded with a space on each side, in the order of their last symbol.

        ``found`` has room for 4 * (length + 2). Where ``ends`` is not NULL it takes, beside each feature, the index
        of its last symbol in the padded chunk, and its size in the upper 3 bits.
        """
        cdef Py_ssize_t i, n_found = 0
        cdef uint32_t symbol, feature, high = 0
        cdef uint64_t key = 1, low = 1
        cdef int run = 1, n, shift = self.ngrams.shift
        cdef const Slot *slots = self.ngrams.slots
        cdef uint64_t mask = self.ngrams.mask, place, sieved
        cdef const uint64_t *sieve = self.sieve
        cdef int sieve_shift = self.sieve_shift
        if self.packed:
            for i in range(1, length + 2):
                symbol = characters[i - 1] & SYMBOL if i <= length else 1
                if symbol == 0:
                    run = 0
                    key = 0
                    continue
                key = ((key << PACKED_BITS) | symbol) & PACKED_MASK
                run += 1
                for n in range(2, (run if run < LONGEST else LONGEST) + 1):
                    low = key & (((<uint64_t>1) << (PACKED_BITS * n)) - 1)
                    place = mix(low, 0)
                    sieved = place >> sieve_shift
                    if not sieve[sieved >> 6] >> (sieved & 63) & 1:
                        continue
                    feature = get(slots, mask, shift, low, 0)
                    if feature != <uint32_t>NOTHING:
                        if ends != NULL:
                            ends[n_found] = <uint32_t>i | (<uint32_t>n << 29)
                        found[n_found] = feature
                        n_found += 1
            return n_found
        for i in range(1, length + 2):
            run = run + 1 if (i > length or characters[i - 1] & SYMBOL) else 0
            for n in range(2, (run if run < LONGEST else LONGEST) + 1):
                wide(characters, length, i - n + 1, i + 1, &low, &high)
                feature = get(slots, mask, shift, low, high)
                if feature != <uint32_t>NOTHING:
                    if ends != NULL:
                        ends[n_found] = <uint32_t>i | (<uint32_t>n << 29)
                    found[n_found] = feature
                    n_found += 1
        return n_found

    def locate(self, str text not None):
        """Every occurrence of a feature in a *lowered* text.

        Returns
        -------
        list of (column, begin, end)
            Word 1-grams, word 2-grams, then character n-grams; the padding spaces lie outside the spans.
        """
        cdef Py_ssize_t length = PyUnicode_GET_LENGTH(text), i, begin, n_found, size, stop
        cdef uint32_t *characters = <uint32_t *>malloc((length + 1) * sizeof(uint32_t))
        cdef uint32_t *found = <uint32_t *>malloc(4 * (length + 2) * sizeof(uint32_t))
        cdef uint32_t *ends = <uint32_t *>malloc(4 * (length + 2) * sizeof(uint32_t))
        cdef uint32_t number
        if length > LONGEST_TEXT or characters == NULL or found == NULL or ends == NULL:
            free(characters)
            free(found)
            free(ends)
            raise OverflowError(length) if length > LONGEST_TEXT else MemoryError()
        places = []
        try:
            self.alphabet.read(PyUnicode_KIND(text), PyUnicode_DATA(text), length, characters)
            words = []
            i = 0
            while next_word(characters, length, &begin, &i):
                words.append((self.tokens.find(characters + begin, i - begin), begin, i))
            for number, begin, stop in words:
                if number != <uint32_t>NOTHING and self.unigram[number] != <uint32_t>NOTHING:
                    places.append((self.unigram[number], begin, stop))
            for one, other in zip(words, words[1:]):
                if one[0] == NOTHING or other[0] == NOTHING:
                    continue
                number = get(
                    self.pairs.slots, self.pairs.mask, self.pairs.shift,
                    (<uint64_t><uint32_t>one[0] << 32) | <uint32_t>other[0], 0
                )
                if number != <uint32_t>NOTHING:
                    places.append((number, one[1], other[2]))
            i = 0
            while next_chunk(characters, length, &begin, &i):
                n_found = self.chunk_ngrams(characters + begin, i - begin, found, ends)
                for j in range(n_found):
                    stop = <Py_ssize_t>(ends[j] & 0x1FFFFFFF)
                    size = <Py_ssize_t>(ends[j] >> 29)
                    places.append((found[j], max(begin, begin + stop - size), min(i, begin + stop)))
        finally:
            free(characters)
            free(found)
            free(ends)
        return places


cdef class _Rows:
    """The rows of a CSR matrix of counts while they grow."""

    cdef uint32_t *columns
    cdef uint32_t *counts
    cdef Py_ssize_t used, capacity, row
    cdef uint32_t *seen      # a feature's place in the row, plus base; up to base it is an earlier row's
    cdef Py_ssize_t n_seen
    cdef uint32_t base
    cdef list indptr

    def __cinit__(self):
        self.capacity = 1 << 16
        self.n_seen = 1 << 16
        self.columns = <uint32_t *>malloc(self.capacity * sizeof(uint32_t))
        self.counts = <uint32_t *>malloc(self.capacity * sizeof(uint32_t))
        self.seen = <uint32_t *>calloc(self.n_seen, sizeof(uint32_t))
        if self.columns == NULL or self.counts == NULL or self.seen == NULL:
            raise MemoryError
        self.indptr = [0]

    def __dealloc__(self):
        free(self.columns)
        free(self.counts)
        free(self.seen)

    cdef int add(self, uint32_t feature) except -1:
        cdef Py_ssize_t before = self.n_seen, n_seen
        if feature >= self.n_seen:
            n_seen = before
            while feature >= n_seen:
                n_seen *= 2
            enlarge(<void **>&self.seen, n_seen * sizeof(uint32_t))
            memset(self.seen + before, 0, (n_seen - before) * sizeof(uint32_t))
            self.n_seen = n_seen
        if self.seen[feature] > self.base:
            self.counts[self.row + (self.seen[feature] - self.base - 1)] += 1
            return 0
        if self.used == self.capacity:
            enlarge(<void **>&self.columns, 2 * self.capacity * sizeof(uint32_t))
            enlarge(<void **>&self.counts, 2 * self.capacity * sizeof(uint32_t))
            self.capacity *= 2
        self.columns[self.used] = feature
        self.counts[self.used] = 1
        self.used += 1
        self.seen[feature] = self.base + <uint32_t>(self.used - self.row)
        return 0

    cdef int end(self) except -1:
        """Close a row."""
        self.indptr.append(self.used)
        self.base += <uint32_t>(self.used - self.row)
        self.row = self.used
        if self.base > (<uint32_t>1 << 31):
            memset(self.seen, 0, self.n_seen * sizeof(uint32_t))
            self.base = 0
        return 0

    def arrays(self, place):
        """(counts, columns, indptr) with column ``c`` called ``place[c]``, ascending in every row."""
        cdef Py_ssize_t n_rows = len(self.indptr) - 1, row, begin, n, i, longest = 1
        cdef int digit, n_digits = 1
        counts = np.empty(self.used, dtype=np.int32)
        columns = np.empty(self.used, dtype=np.int32)
        indptr = np.array(self.indptr, dtype=np.int64)
        cdef const long long[::1] begins = indptr
        cdef const int[::1] places = np.ascontiguousarray(place, dtype=np.int32)
        cdef int[::1] counts_view = counts
        cdef int[::1] columns_view = columns
        cdef uint64_t *entries
        cdef uint64_t *sorted_entries
        cdef uint64_t *swap
        cdef Py_ssize_t starts[256]
        cdef Py_ssize_t total, here
        while (<Py_ssize_t>places.shape[0] - 1) >> (8 * n_digits) > 0:
            n_digits += 1
        for row in range(n_rows):
            longest = max(longest, begins[row + 1] - begins[row])
        for i in range(self.used):
            if self.columns[i] >= <uint32_t>places.shape[0]:
                raise ValueError(f"{places.shape[0]} places, feature {self.columns[i]} has none")
        entries = <uint64_t *>malloc(longest * sizeof(uint64_t))
        sorted_entries = <uint64_t *>malloc(longest * sizeof(uint64_t))
        if entries == NULL or sorted_entries == NULL:
            free(entries)
            free(sorted_entries)
            raise MemoryError
        for row in range(n_rows):
            begin = begins[row]
            n = begins[row + 1] - begin
            for i in range(n):
                entries[i] = (<uint64_t>self.counts[begin + i] << 32) | <uint32_t>places[self.columns[begin + i]]
            for digit in range(n_digits):  # radix sort, from the lowest byte
                memset(starts, 0, sizeof(starts))
                for i in range(n):
                    starts[(entries[i] >> (8 * digit)) & 255] += 1
                total = 0
                for i in range(256):
                    here = starts[i]
                    starts[i] = total
                    total += here
                for i in range(n):
                    here = <Py_ssize_t>((entries[i] >> (8 * digit)) & 255)
                    sorted_entries[starts[here]] = entries[i]
                    starts[here] += 1
                swap = entries
                entries = sorted_entries
                sorted_entries = swap
            for i in range(n):
                counts_view[begin + i] = <int>(entries[i] >> 32)
                columns_view[begin + i] = <int>(entries[i] & <uint32_t>0xFFFFFFFF)
        free(entries)
        free(sorted_entries)
        return counts, columns, indptr


cdef class Counter:
    """Counts the n-grams of texts that have no vocabulary yet.

    Features are numbered in the order of first occurrence: ``word_keys`` with ``words``, and ``char_names``, say what
    they are. More than 2^19 different characters raise OverflowError.
    """

    cdef Alphabet alphabet
    cdef Tokens tokens
    cdef Table pairs, ngrams
    cdef _Rows word_counts, char_counts
    cdef uint32_t *unigram
    cdef Py_ssize_t n_unigram
    cdef list openings, closings  # the token or tokens of each word feature
    cdef Tokens chunks       # chunks met before, and their n-grams
    cdef Py_ssize_t *chunk_begins
    cdef uint32_t *chunk_ngrams
    cdef Py_ssize_t n_chunk_room, n_chunk_ngrams, chunk_ngrams_room
    cdef uint64_t *low
    cdef uint32_t *high
    cdef Py_ssize_t n_ngrams, room

    def __cinit__(self):
        self.alphabet = Alphabet(growing=True)
        self.tokens = Tokens(1 << 12)
        self.pairs = Table(1 << 14)
        self.ngrams = Table(1 << 16)
        self.word_counts = _Rows()
        self.char_counts = _Rows()
        self.openings = []
        self.closings = []
        self.chunks = Tokens(1 << 12)
        self.n_chunk_room = 1 << 12
        self.chunk_begins = <Py_ssize_t *>malloc((self.n_chunk_room + 1) * sizeof(Py_ssize_t))
        self.chunk_ngrams_room = 1 << 16
        self.chunk_ngrams = <uint32_t *>malloc(self.chunk_ngrams_room * sizeof(uint32_t))
        if self.chunk_begins == NULL or self.chunk_ngrams == NULL:
            raise MemoryError
        self.chunk_begins[0] = 0
        self.room = 1 << 16
        self.low = <uint64_t *>malloc(self.room * sizeof(uint64_t))
        self.high = <uint32_t *>malloc(self.room * sizeof(uint32_t))
        self.n_unigram = 1 << 12
        self.unigram = <uint32_t *>malloc(self.n_unigram * sizeof(uint32_t))
        if self.low == NULL or self.high == NULL or self.unigram == NULL:
            raise MemoryError
        memset(self.unigram, 0xFF, self.n_unigram * sizeof(uint32_t))

    def __dealloc__(self):
        free(self.low)
        free(self.high)
        free(self.unigram)
        free(self.chunk_begins)
        free(self.chunk_ngrams)

    def count(self, str text not None):
        """Add the row of one text."""
        cdef Py_ssize_t length = PyUnicode_GET_LENGTH(text), i, begin
        cdef uint32_t *characters = <uint32_t *>malloc((length + 1) * sizeof(uint32_t))
        cdef uint32_t token, before
        if characters == NULL:
            raise MemoryError
        try:
            if not self.alphabet.read(PyUnicode_KIND(text), PyUnicode_DATA(text), length, characters):
                free(characters)
                characters = NULL
                text = text.lower()
                length = PyUnicode_GET_LENGTH(text)
                characters = <uint32_t *>malloc((length + 1) * sizeof(uint32_t))
                if characters == NULL:
                    raise MemoryError
                self.alphabet.read(PyUnicode_KIND(text), PyUnicode_DATA(text), length, characters)
            if self.alphabet.n_symbols >= MAX_SYMBOLS:
                raise OverflowError("more different characters than the compiled counter can number")
            before = NOTHING
            i = 0
            while next_word(characters, length, &begin, &i):
                token = self.tokens.add(characters + begin, i - begin)
                self.word_counts.add(self._unigram(token))
                if before != <uint32_t>NOTHING:
                    self.word_counts.add(self._bigram(before, token))
                before = token
            i = 0
            while next_chunk(characters, length, &begin, &i):
                self._chunk(characters + begin, i - begin)
            self.word_counts.end()
            self.char_counts.end()
        finally:
            free(characters)

    cdef uint32_t _unigram(self, uint32_t token) except? 0xFFFFFFFF:
        cdef Py_ssize_t before = self.n_unigram
        if token >= self.n_unigram:
            enlarge(<void **>&self.unigram, 2 * self.n_unigram * sizeof(uint32_t))
            self.n_unigram *= 2
            memset(self.unigram + before, 0xFF, before * sizeof(uint32_t))
        if self.unigram[token] == <uint32_t>NOTHING:
            self.unigram[token] = <uint32_t>len(self.openings)
            self.openings.append(token)
            self.closings.append(-1)
        return self.unigram[token]

    cdef uint32_t _bigram(self, uint32_t first, uint32_t second) except? 0xFFFFFFFF:
        cdef uint64_t key = (<uint64_t>first << 32) | second
        cdef uint32_t number = get(self.pairs.slots, self.pairs.mask, self.pairs.shift, key, 0)
        if number == <uint32_t>NOTHING:
            number = <uint32_t>len(self.openings)
            self.openings.append(first)
            self.closings.append(second)
            self.pairs.put(key, 0, number)
        return number

    cdef int _chunk(self, const uint32_t *characters, Py_ssize_t length) except -1:
        """Add a chunk's n-grams; what they are depends on the chunk alone, and chunks recur."""
        cdef Py_ssize_t before = self.chunks.n_tokens, i
        cdef uint32_t chunk = self.chunks.add(characters, length)
        if self.chunks.n_tokens > before:
            if self.chunks.n_tokens > self.n_chunk_room:
                enlarge(<void **>&self.chunk_begins, (2 * self.n_chunk_room + 1) * sizeof(Py_ssize_t))
                self.n_chunk_room *= 2
            while self.n_chunk_ngrams + 4 * (length + 2) > self.chunk_ngrams_room:
                enlarge(<void **>&self.chunk_ngrams, 2 * self.chunk_ngrams_room * sizeof(uint32_t))
                self.chunk_ngrams_room *= 2
            self._find_ngrams(characters, length)
            self.chunk_begins[self.chunks.n_tokens] = self.n_chunk_ngrams
        for i in range(self.chunk_begins[chunk], self.chunk_begins[chunk + 1]):
            self.char_counts.add(self.chunk_ngrams[i])
        return 0

    cdef int _find_ngrams(self, const uint32_t *characters, Py_ssize_t length) except -1:
        cdef Py_ssize_t i
        cdef int n
        cdef uint64_t low = 1
        cdef uint32_t high = 0, number, symbol
        cdef uint64_t mask_low
        cdef uint32_t mask_high
        for i in range(1, length + 2):
            symbol = characters[i - 1] & SYMBOL if i <= length else 1
            push(&low, &high, symbol, WIDE_BITS)
            for n in range(2, (LONGEST if i + 1 > LONGEST else <int>i + 1) + 1):
                if n * WIDE_BITS >= 64:
                    mask_low = <uint64_t>0xFFFFFFFFFFFFFFFF
                    mask_high = (<uint32_t>1 << (n * WIDE_BITS - 64)) - 1
                else:
                    mask_low = (<uint64_t>1 << (n * WIDE_BITS)) - 1
                    mask_high = 0
                number = get(
                    self.ngrams.slots, self.ngrams.mask, self.ngrams.shift, low & mask_low, high & mask_high
                )
                if number == <uint32_t>NOTHING:
                    if self.n_ngrams == self.room:
                        enlarge(<void **>&self.low, 2 * self.room * sizeof(uint64_t))
                        enlarge(<void **>&self.high, 2 * self.room * sizeof(uint32_t))
                        self.room *= 2
                    number = <uint32_t>self.n_ngrams
                    self.low[number] = low & mask_low
                    self.high[number] = high & mask_high
                    self.n_ngrams += 1
                    self.ngrams.put(low & mask_low, high & mask_high, number)
                self.chunk_ngrams[self.n_chunk_ngrams] = number
                self.n_chunk_ngrams += 1
        return 0

    def word_rows(self, place):
        """The counts of words as CSR arrays; ``place[c]`` is the column of the word feature found as number ``c``."""
        return self.word_counts.arrays(place)

    def char_rows(self, place):
        """The same of the character n-grams."""
        return self.char_counts.arrays(place)

    cdef uint32_t *_letters(self) except NULL:
        """The character of each symbol."""
        cdef uint32_t *letters = <uint32_t *>calloc(self.alphabet.n_symbols + 1, sizeof(uint32_t))
        cdef uint32_t character
        if letters == NULL:
            raise MemoryError
        for character in range(N_CODE_POINTS):
            letters[self.alphabet.symbol_of[character]] = character
        return letters

    @property
    def word_keys(self):
        """The first word and the second (or -1) of each word feature, as numbers in ``words``."""
        return np.array(self.openings, dtype=np.int64), np.array(self.closings, dtype=np.int64)

    @property
    def words(self):
        """The words by number."""
        cdef uint32_t *letters = self._letters()
        cdef uint32_t *buffer
        cdef Py_ssize_t token, i, n
        found = []
        try:
            for token in range(self.tokens.n_tokens):
                n = self.tokens.begins[token + 1] - self.tokens.begins[token]
                buffer = <uint32_t *>malloc((n + 1) * sizeof(uint32_t))
                if buffer == NULL:
                    raise MemoryError
                for i in range(n):
                    buffer[i] = letters[self.tokens.arena[self.tokens.begins[token] + i]]
                try:
                    found.append(PyUnicode_FromKindAndData(4, buffer, n))
                finally:
                    free(buffer)
        finally:
            free(letters)
        return found

    @property
    def char_names(self):
        cdef uint32_t *letters = self._letters()
        cdef uint32_t buffer[LONGEST]
        cdef uint64_t low
        cdef uint32_t high
        cdef Py_ssize_t number
        cdef int n
        names = []
        try:
            for number in range(self.n_ngrams):
                low = self.low[number]
                high = self.high[number]
                n = 0
                while low or high:
                    buffer[LONGEST - 1 - n] = letters[low & MAX_SYMBOLS]
                    low = (low >> WIDE_BITS) | (<uint64_t>high << (64 - WIDE_BITS))
                    high >>= WIDE_BITS
                    n += 1
                names.append(PyUnicode_FromKindAndData(4, buffer + LONGEST - n, n))
        finally:
            free(letters)
        return names
