/* Sums of weighted rows in double precision, 8 lanes at a time.

   Every lane is added up in the order of its rows and products are not fused, so that the result is the same to the
   last bit whichever instructions run: the AVX2 version is chosen at run time where the processor has it. */

#ifndef NARRATIVES_ACCUMULATE_H
#define NARRATIVES_ACCUMULATE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define NARRATIVES_AVX2 1
#endif

#define PREFETCH(address) __builtin_prefetch((address))

/* One tile of LANES lanes: all rows pass through registers. */
#define DEFINE_TILE(NAME, LANES, ATTRIBUTE)                                                                            \
    ATTRIBUTE static void NAME(double *sums, const float *const *rows, const double *weights, ptrdiff_t n_rows) {      \
        double lanes[LANES];                                                                                           \
        ptrdiff_t i, j;                                                                                                \
        for (j = 0; j < LANES; j++) lanes[j] = sums[j];                                                                \
        for (i = 0; i < n_rows; i++) {                                                                                 \
            const float *row = rows[i];                                                                                \
            const double weight = weights[i];                                                                          \
            for (j = 0; j < LANES; j++) lanes[j] += weight * (double)row[j];                                           \
        }                                                                                                              \
        for (j = 0; j < LANES; j++) sums[j] = lanes[j];                                                                \
    }

#define DEFINE_TILES(SUFFIX, ATTRIBUTE)                                                                                \
    DEFINE_TILE(tile8##SUFFIX, 8, ATTRIBUTE)                                                                           \
    DEFINE_TILE(tile16##SUFFIX, 16, ATTRIBUTE)                                                                         \
    DEFINE_TILE(tile24##SUFFIX, 24, ATTRIBUTE)                                                                         \
    ATTRIBUTE static void add_rows##SUFFIX(double *sums, const float **rows, const double *weights, ptrdiff_t n_rows,  \
                                           ptrdiff_t stride) {                                                         \
        ptrdiff_t lane = 0, i;                                                                                         \
        while (stride - lane >= 24) {                                                                                  \
            tile24##SUFFIX(sums + lane, rows, weights, n_rows);                                                        \
            lane += 24;                                                                                                \
            for (i = 0; lane < stride && i < n_rows; i++) rows[i] += 24;                                               \
        }                                                                                                              \
        if (stride - lane == 16) tile16##SUFFIX(sums + lane, rows, weights, n_rows);                                   \
        if (stride - lane == 8) tile8##SUFFIX(sums + lane, rows, weights, n_rows);                                     \
    }

DEFINE_TILES(_portable, )
#ifdef NARRATIVES_AVX2
DEFINE_TILES(_avx2, __attribute__((target("avx2"))))
#endif

typedef void (*add_rows_function)(double *, const float **, const double *, ptrdiff_t, ptrdiff_t);

/* The fastest version that this processor runs. */
static add_rows_function choose_add_rows(int portable) {
#ifdef NARRATIVES_AVX2
    if (!portable && __builtin_cpu_supports("avx2")) return add_rows_avx2;
#endif
    (void)portable;
    return add_rows_portable;
}

#endif
