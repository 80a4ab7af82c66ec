from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef enum:
    SYMBOL = 0xFFFFF        # which symbol of the alphabet; 0 is "none of them"
    SPACE = 1 << 29
    WORD = 1 << 30
    CONTEXT = 1 << 31       # str.lower() alone knows what becomes of this character
    NOTHING = 0xFFFFFFFF    # no feature, no token
    OPENS = 1 << 31         # flags of a token: it is the first word of some 2-gram, it is the second
    CLOSES = 1 << 30
    NUMBER = (1 << 30) - 1


cdef struct Slot:
    uint64_t key
    uint32_t rest           # the key's upper 32 bits
    uint32_t value          # plus one; 0 where the slot is empty


cdef inline uint64_t mix(uint64_t key, uint32_t rest) noexcept nogil:
    """A hash whose upper bits are good: 2^64 / phi and another odd number."""
    return (key ^ (rest * <uint64_t>0xC2B2AE3D27D4EB4F)) * <uint64_t>0x9E3779B97F4A7C15


cdef inline uint32_t get(
    const Slot *slots, uint64_t mask, int shift, uint64_t key, uint32_t rest
) noexcept nogil:
    """The value of a key in a table's slots, NOTHING where it has none."""
    cdef uint64_t place = mix(key, rest) >> shift
    while slots[place].value != 0:
        if slots[place].key == key and slots[place].rest == rest:
            return slots[place].value - 1
        place = (place + 1) & mask
    return NOTHING


cdef inline bint next_word(
    const uint32_t *characters, Py_ssize_t length, Py_ssize_t *begin, Py_ssize_t *end
) noexcept nogil:
    """Move on from ``end`` to the next run of two or more word characters; False where there is none."""
    cdef Py_ssize_t i = end[0]
    while i < length:
        begin[0] = i
        while i < length and characters[i] & WORD:
            i += 1
        if i - begin[0] >= 2:
            end[0] = i
            return True
        i += 1
    return False


cdef inline bint next_chunk(
    const uint32_t *characters, Py_ssize_t length, Py_ssize_t *begin, Py_ssize_t *end
) noexcept nogil:
    """Move on from ``end`` to the next run without white space; False where there is none."""
    cdef Py_ssize_t i = end[0]
    while i < length and characters[i] & SPACE:
        i += 1
    begin[0] = i
    while i < length and not characters[i] & SPACE:
        i += 1
    end[0] = i
    return i > begin[0]


cdef class Table:
    cdef Slot *slots
    cdef uint64_t mask
    cdef int shift
    cdef readonly Py_ssize_t n_entries
    cdef int put(self, uint64_t key, uint32_t rest, uint32_t value) except -1
    cdef int grow(self) except -1


cdef class Alphabet:
    cdef uint32_t *entries
    cdef uint8_t *ready
    cdef uint32_t *symbol_of
    cdef readonly uint32_t n_symbols
    cdef bint growing
    cdef uint32_t symbol(self, uint32_t character) noexcept nogil
    cdef void fill(self, uint32_t block) noexcept nogil
    cdef bint read(self, int kind, const void *data, Py_ssize_t length, uint32_t *out) noexcept nogil


cdef class Tokens:
    cdef Table table
    cdef uint32_t *arena
    cdef Py_ssize_t used
    cdef Py_ssize_t capacity
    cdef Py_ssize_t *begins
    cdef readonly Py_ssize_t n_tokens
    cdef Py_ssize_t room
    cdef uint32_t find(self, const uint32_t *characters, Py_ssize_t length) noexcept nogil
    cdef uint32_t find_hashed(self, uint64_t h, const uint32_t *characters, Py_ssize_t length) noexcept nogil
    cdef uint32_t add(self, const uint32_t *characters, Py_ssize_t length) except? 0xFFFFFFFF


cdef class Lookup:
    cdef readonly Alphabet alphabet
    cdef readonly Py_ssize_t n_word_features
    cdef readonly Py_ssize_t n_char_features
    cdef Table ngrams
    cdef Table pairs
    cdef Tokens tokens
    cdef uint32_t *unigram      # of each token: its feature, its flags, whether it is a known word
    cdef uint32_t *flags
    cdef uint8_t *known
    cdef bint packed
    cdef uint64_t *sieve        # one bit for each hash that occurs: most n-grams of a new chunk are no features
    cdef int sieve_shift
    cdef Py_ssize_t _number_letters(self, list texts) except -1
    cdef Py_ssize_t _symbols(self, object text, uint32_t *out) noexcept
    cdef int _put_word(self, object feature, uint32_t *symbols, uint32_t number) except -1
    cdef int _put_ngram(self, object feature, uint32_t *symbols, uint32_t number) except -1
    cdef int _put_known(self, object word, uint32_t *symbols) except -1
    cdef Py_ssize_t chunk_ngrams(
        self, const uint32_t *characters, Py_ssize_t length, uint32_t *found, uint32_t *ends
    ) noexcept nogil
