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
    int __builtin_ctzll(unsigned long long bits) noexcept nogil

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


cdef class Numbers:
    """An array that grows."""

    cdef uint32_t *items
    cdef Py_ssize_t n, room

    def __cinit__(self):
        self.room = 1 << 12
        self.items = <uint32_t *>malloc(self.room * sizeof(uint32_t))
        if self.items == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.items)

    cdef int append(self, Py_ssize_t number) except -1:
        if number >= <Py_ssize_t>NOTHING:
            raise OverflowError("more n-grams than the compiled counter can number")
        if self.n == self.room:
            enlarge(<void **>&self.items, 2 * self.room * sizeof(uint32_t))
            self.room *= 2
        self.items[self.n] = <uint32_t>number
        self.n += 1
        return 0


cdef class Tally:
    """Counts by column, given out in ascending order: three layers of bits, each saying where the one below has any."""

    cdef uint32_t *counts
    cdef uint64_t *ones
    cdef uint64_t *groups
    cdef uint64_t *blocks
    cdef Py_ssize_t n_blocks

    def __cinit__(self, Py_ssize_t n_columns):
        self.n_blocks = (n_columns >> 18) + 1
        self.counts = <uint32_t *>calloc(n_columns + 1, sizeof(uint32_t))
        self.ones = <uint64_t *>calloc((n_columns >> 6) + 1, sizeof(uint64_t))
        self.groups = <uint64_t *>calloc((n_columns >> 12) + 1, sizeof(uint64_t))
        self.blocks = <uint64_t *>calloc(self.n_blocks, sizeof(uint64_t))
        if self.counts == NULL or self.ones == NULL or self.groups == NULL or self.blocks == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.counts)
        free(self.ones)
        free(self.groups)
        free(self.blocks)

    cdef inline void add(self, uint32_t column) noexcept nogil:
        self.counts[column] += 1
        self.ones[column >> 6] |= <uint64_t>1 << (column & 63)
        self.groups[column >> 12] |= <uint64_t>1 << (column >> 6 & 63)
        self.blocks[column >> 18] |= <uint64_t>1 << (column >> 12 & 63)

    cdef Py_ssize_t pour(self, int *columns, int *counts) noexcept nogil:
        """Write out what was added, and forget it; how many columns there are."""
        cdef Py_ssize_t n = 0, block, group, word, column
        for block in range(self.n_blocks):
            while self.blocks[block]:
                group = (block << 6) + __builtin_ctzll(self.blocks[block])
                self.blocks[block] &= self.blocks[block] - 1
                while self.groups[group]:
                    word = (group << 6) + __builtin_ctzll(self.groups[group])
                    self.groups[group] &= self.groups[group] - 1
                    while self.ones[word]:
                        column = (word << 6) + __builtin_ctzll(self.ones[word])
                        self.ones[word] &= self.ones[word] - 1
                        columns[n] = <int>column
                        counts[n] = <int>self.counts[column]
                        self.counts[column] = 0
                        n += 1
        return n


cdef class Counter:
    """Counts the n-grams of texts that have no vocabulary yet.

    :meth:`count` takes the texts one by one, :meth:`rows` gives the matrices and ends the counting; then the features
    have their columns, in the order of their names. What cannot be numbered raises OverflowError: more than 2^19
    different characters, or 2^31 n-grams.
    """

    cdef Alphabet alphabet
    cdef Tokens tokens
    cdef Table pairs, ngrams
    cdef Numbers unigram            # of each token: its word feature, plus one; 0 where it has none yet
    cdef Numbers openings, closings  # of each word feature: its first token, and its second, plus one, or 0
    cdef Numbers words, word_ends   # word features as they occur, and where each text's end
    cdef Tokens chunks              # chunks met before
    cdef Numbers chunk_ngrams, chunk_begins  # their n-grams
    cdef Numbers met, met_ends      # chunks as they occur, and where each text's end
    cdef Py_ssize_t n_met_ngrams
    cdef uint64_t *low              # the symbols of each n-gram
    cdef uint32_t *high
    cdef Py_ssize_t n_ngrams, room
    cdef object word_order, char_order  # the feature in each column

    def __cinit__(self):
        self.alphabet = Alphabet(growing=True)
        self.tokens = Tokens(1 << 12)
        self.pairs = Table(1 << 14)
        self.ngrams = Table(1 << 16)
        self.unigram = Numbers()
        self.openings = Numbers()
        self.closings = Numbers()
        self.words = Numbers()
        self.word_ends = Numbers()
        self.chunks = Tokens(1 << 12)
        self.chunk_ngrams = Numbers()
        self.chunk_begins = Numbers()
        self.chunk_begins.append(0)
        self.met = Numbers()
        self.met_ends = Numbers()
        self.room = 1 << 16
        self.low = <uint64_t *>malloc(self.room * sizeof(uint64_t))
        self.high = <uint32_t *>malloc(self.room * sizeof(uint32_t))
        if self.low == NULL or self.high == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.low)
        free(self.high)

    def count(self, str text not None):
        """Add the row of one text."""
        cdef Py_ssize_t length = PyUnicode_GET_LENGTH(text), i, begin
        cdef uint32_t *characters
        cdef uint32_t token, before
        if self.word_order is not None:
            raise ValueError("the rows were given out; count with another counter")
        characters = <uint32_t *>malloc((length + 1) * sizeof(uint32_t))
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
                self.words.append(self._unigram(token))
                if before != <uint32_t>NOTHING:
                    self.words.append(self._bigram(before, token))
                before = token
            i = 0
            while next_chunk(characters, length, &begin, &i):
                self._chunk(characters + begin, i - begin)
            self.word_ends.append(self.words.n)
            self.met_ends.append(self.met.n)
        finally:
            free(characters)

    cdef uint32_t _unigram(self, uint32_t token) except? 0xFFFFFFFF:
        while token >= self.unigram.n:
            self.unigram.append(0)
        if self.unigram.items[token] == 0:
            self.openings.append(token)
            self.closings.append(0)
            self.unigram.items[token] = <uint32_t>self.openings.n
        return self.unigram.items[token] - 1

    cdef uint32_t _bigram(self, uint32_t first, uint32_t second) except? 0xFFFFFFFF:
        cdef uint64_t key = (<uint64_t>first << 32) | second
        cdef uint32_t number = get(self.pairs.slots, self.pairs.mask, self.pairs.shift, key, 0)
        if number == <uint32_t>NOTHING:
            number = <uint32_t>self.openings.n
            self.openings.append(first)
            self.closings.append(<Py_ssize_t>second + 1)
            self.pairs.put(key, 0, number)
        return number

    cdef int _chunk(self, const uint32_t *characters, Py_ssize_t length) except -1:
        """Add a chunk; its n-grams depend on nothing else, and chunks recur."""
        cdef Py_ssize_t before = self.chunks.n_tokens
        cdef uint32_t chunk = self.chunks.add(characters, length)
        if self.chunks.n_tokens > before:
            self._find_ngrams(characters, length)
            self.chunk_begins.append(self.chunk_ngrams.n)
        self.met.append(chunk)
        self.n_met_ngrams += self.chunk_begins.items[chunk + 1] - self.chunk_begins.items[chunk]
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
                self.chunk_ngrams.append(number)
        return 0

    @property
    def n_word_features(self):
        return self.openings.n

    @property
    def n_char_features(self):
        return self.n_ngrams

    def rows(self):
        """The counts of words, and of character n-grams: (counts, columns, indptr) each, as CSR matrices have them.

        Columns are ascending in every row, and stand in the order of their features' names.
        """
        cdef Py_ssize_t i
        cdef const unsigned int[::1] places
        if self.word_order is not None:
            raise ValueError("the rows were given out")
        if self.openings.n >= 1 << 31 or self.n_ngrams >= 1 << 31:
            raise OverflowError("more n-grams than a matrix can number")
        self.word_order = self._order_of_words()
        self.char_order = self._order_of_ngrams()
        places = places_of(self.word_order)
        for i in range(self.words.n):
            self.words.items[i] = places[self.words.items[i]]
        places = places_of(self.char_order)
        for i in range(self.chunk_ngrams.n):
            self.chunk_ngrams.items[i] = places[self.chunk_ngrams.items[i]]
        words = rows_of(self.words, self.word_ends, self.openings.n, self.words.n)
        chars = rows_of(
            self.met, self.met_ends, self.n_ngrams, self.n_met_ngrams, self.chunk_ngrams, self.chunk_begins
        )
        # What only counting needed.
        self.pairs = self.ngrams = None
        self.chunks = None
        self.words = self.word_ends = self.met = self.met_ends = self.chunk_ngrams = self.chunk_begins = None
        return words, chars

    cdef object _order_of_words(self):
        """Word features in the order of their names."""
        cdef Py_ssize_t i
        words = self._words(range(self.tokens.n_tokens))
        order = np.array(sorted(range(len(words)), key=words.__getitem__), dtype=np.int64)
        cdef const unsigned int[::1] ranks = places_of(order)
        keys = np.empty(self.openings.n, dtype=np.uint64)
        cdef uint64_t[::1] out = keys
        # A word, then the pairs that it opens: a space sorts before every word character.
        for i in range(self.openings.n):
            out[i] = <uint64_t>ranks[self.openings.items[i]] << 32
            if self.closings.items[i]:
                out[i] |= ranks[self.closings.items[i] - 1] + 1
        return np.argsort(keys)

    cdef object _order_of_ngrams(self):
        """Character n-grams in the order of their names."""
        cdef uint32_t *ranks = <uint32_t *>calloc(self.alphabet.n_symbols + 1, sizeof(uint32_t))
        cdef uint32_t character, rank = 0, symbol, high
        cdef uint64_t low
        cdef Py_ssize_t i
        cdef int n
        first = np.empty(self.n_ngrams, dtype=np.uint64)
        second = np.empty(self.n_ngrams, dtype=np.uint64)
        cdef uint64_t[::1] upper = first
        cdef uint64_t[::1] lower = second
        cdef uint64_t key
        if ranks == NULL:
            raise MemoryError
        for character in range(N_CODE_POINTS):
            symbol = self.alphabet.symbol_of[character]
            if symbol:
                rank += 1
                ranks[symbol] = rank
        for i in range(self.n_ngrams):
            # From the last symbol to the first; what is missing at the end is a 0 and sorts before everything.
            low = self.low[i]
            high = self.high[i]
            upper[i] = lower[i] = 0
            n = 0
            while low or high:
                symbol = ranks[low & MAX_SYMBOLS]
                low = (low >> WIDE_BITS) | (<uint64_t>high << (64 - WIDE_BITS))
                high >>= WIDE_BITS
                lower[i] = (lower[i] >> WIDE_BITS) | ((upper[i] & MAX_SYMBOLS) << (2 * WIDE_BITS))
                upper[i] = (upper[i] >> WIDE_BITS) | (<uint64_t>symbol << (2 * WIDE_BITS))
        free(ranks)
        return np.lexsort((second, first))

    def word_names(self, columns):
        """The word 1-grams and 2-grams of some columns."""
        cdef Py_ssize_t i
        numbers = self.word_order[columns]
        cdef const long long[::1] view = numbers
        firsts = self._words([self.openings.items[view[i]] for i in range(view.shape[0])])
        paired = [i for i in range(view.shape[0]) if self.closings.items[view[i]]]
        for i, second in zip(paired, self._words([self.closings.items[view[i]] - 1 for i in paired])):
            firsts[i] = f"{firsts[i]} {second}"
        return firsts

    def char_names(self, columns):
        """The character n-grams of some columns."""
        cdef uint32_t *letters = self._letters()
        cdef uint32_t buffer[LONGEST]
        cdef uint64_t low
        cdef uint32_t high
        cdef Py_ssize_t i
        cdef int n
        cdef const long long[::1] numbers = self.char_order[columns]
        names = []
        try:
            for i in range(numbers.shape[0]):
                low = self.low[numbers[i]]
                high = self.high[numbers[i]]
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

    cdef list _words(self, tokens):
        """Some words by their numbers."""
        cdef uint32_t *letters = self._letters()
        cdef uint32_t *buffer = NULL
        cdef Py_ssize_t token, i, n, longest = 0
        found = []
        try:
            for token in range(self.tokens.n_tokens):
                longest = max(longest, self.tokens.begins[token + 1] - self.tokens.begins[token])
            buffer = <uint32_t *>malloc((longest + 1) * sizeof(uint32_t))
            if buffer == NULL:
                raise MemoryError
            for token in tokens:
                n = self.tokens.begins[token + 1] - self.tokens.begins[token]
                for i in range(n):
                    buffer[i] = letters[self.tokens.arena[self.tokens.begins[token] + i]]
                found.append(PyUnicode_FromKindAndData(4, buffer, n))
        finally:
            free(buffer)
            free(letters)
        return found

    cdef uint32_t *_letters(self) except NULL:
        """The character of each symbol."""
        cdef uint32_t *letters = <uint32_t *>calloc(self.alphabet.n_symbols + 1, sizeof(uint32_t))
        cdef uint32_t character
        if letters == NULL:
            raise MemoryError
        for character in range(N_CODE_POINTS):
            letters[self.alphabet.symbol_of[character]] = character
        return letters


cdef object places_of(object order):
    """Where each thing stands once they stand in ``order``."""
    places = np.empty(len(order), dtype=np.uint32)
    places[order] = np.arange(len(order), dtype=np.uint32)
    return places


cdef object rows_of(
    Numbers met, Numbers ends, Py_ssize_t n_columns, Py_ssize_t n_met, Numbers columns=None, Numbers begins=None
):
    """CSR arrays of texts that end at ``ends`` of ``met``: columns as they occur, or numbers of parts, whose ``columns``
    stand from ``begins`` on. ``n_met`` is how many columns occur, with repetitions."""
    cdef Tally tally = Tally(n_columns)
    cdef Py_ssize_t row, i = 0, j, part, used = 0
    counts = np.empty(n_met, dtype=np.int32)
    found = np.empty(n_met, dtype=np.int32)
    indptr = np.zeros(ends.n + 1, dtype=np.int64)
    cdef int[::1] counts_view = counts
    cdef int[::1] found_view = found
    cdef long long[::1] indptr_view = indptr
    for row in range(ends.n):
        while i < ends.items[row]:
            part = met.items[i]
            if columns is None:
                tally.add(<uint32_t>part)
            else:
                for j in range(begins.items[part], begins.items[part + 1]):
                    tally.add(columns.items[j])
            i += 1
        used += tally.pour(&found_view[used], &counts_view[used])
        indptr_view[row + 1] = used
    # What recurs within a text left room behind, which was never touched.
    return counts[:used], found[:used], indptr
