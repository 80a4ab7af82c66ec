/* A sparse row against a dense matrix whose rows hold one weight for each label, 8 labels ("lanes") at a time.

   The AVX2 version is chosen at run time; products are not fused, so both give the same to the last bit. */

#ifndef NARRATIVES_LANES_H
#define NARRATIVES_LANES_H

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define NARRATIVES_AVX2 1
#endif

#define AHEAD 20
#define PREFETCH(address) __builtin_prefetch((address))

/* One tile of LANES lanes, which stay in registers while all rows pass. A row of the weights is two cache lines. */
#define DEFINE_TILE(LANES, SUFFIX, ATTRIBUTE)                                                                          \
    ATTRIBUTE static void dot_tile##LANES##SUFFIX(float *out, const float *weights, const int *columns,                \
                                                  const float *values, ptrdiff_t n, ptrdiff_t stride) {                \
        float lanes[LANES] = {0};                                                                                      \
        ptrdiff_t i, j;                                                                                                \
        for (i = 0; i < n; i++) {                                                                                      \
            const float *row = weights + (ptrdiff_t)columns[i] * stride;                                               \
            const float value = values[i];                                                                             \
            if (i + AHEAD < n) {                                                                                       \
                const float *next = weights + (ptrdiff_t)columns[i + AHEAD] * stride;                                  \
                PREFETCH(next);                                                                                        \
                if (LANES > 16) PREFETCH(next + 16);                                                                   \
            }                                                                                                          \
            for (j = 0; j < LANES; j++) lanes[j] += value * row[j];                                                    \
        }                                                                                                              \
        for (j = 0; j < LANES; j++) out[j] = lanes[j];                                                                 \
    }                                                                                                                  \
    ATTRIBUTE static void add_tile##LANES##SUFFIX(float *weights, const int *columns, const float *values,             \
                                                  ptrdiff_t n, const float *steps, ptrdiff_t stride) {                 \
        float lanes[LANES];                                                                                            \
        ptrdiff_t i, j;                                                                                                \
        for (j = 0; j < LANES; j++) lanes[j] = steps[j];                                                               \
        for (i = 0; i < n; i++) {                                                                                      \
            float *row = weights + (ptrdiff_t)columns[i] * stride;                                                     \
            const float value = values[i];                                                                             \
            for (j = 0; j < LANES; j++) row[j] += value * lanes[j];                                                    \
        }                                                                                                              \
    }

#define DEFINE_LANES(SUFFIX, ATTRIBUTE)                                                                                \
    DEFINE_TILE(8, SUFFIX, ATTRIBUTE)                                                                                  \
    DEFINE_TILE(16, SUFFIX, ATTRIBUTE)                                                                                 \
    DEFINE_TILE(24, SUFFIX, ATTRIBUTE)                                                                                 \
    DEFINE_TILE(32, SUFFIX, ATTRIBUTE)                                                                                 \
    ATTRIBUTE static void dot_lanes##SUFFIX(float *out, const float *weights, const int *columns,                      \
                                            const float *values, ptrdiff_t n, ptrdiff_t stride) {                      \
        ptrdiff_t lane = 0;                                                                                            \
        for (; stride - lane >= 32; lane += 32)                                                                        \
            dot_tile32##SUFFIX(out + lane, weights + lane, columns, values, n, stride);                                \
        if (stride - lane == 24) dot_tile24##SUFFIX(out + lane, weights + lane, columns, values, n, stride);           \
        if (stride - lane == 16) dot_tile16##SUFFIX(out + lane, weights + lane, columns, values, n, stride);           \
        if (stride - lane == 8) dot_tile8##SUFFIX(out + lane, weights + lane, columns, values, n, stride);             \
    }                                                                                                                  \
    ATTRIBUTE static void add_lanes##SUFFIX(float *weights, const int *columns, const float *values, ptrdiff_t n,      \
                                            const float *steps, ptrdiff_t stride) {                                    \
        ptrdiff_t lane = 0;                                                                                            \
        for (; stride - lane >= 32; lane += 32)                                                                        \
            add_tile32##SUFFIX(weights + lane, columns, values, n, steps + lane, stride);                              \
        if (stride - lane == 24) add_tile24##SUFFIX(weights + lane, columns, values, n, steps + lane, stride);         \
        if (stride - lane == 16) add_tile16##SUFFIX(weights + lane, columns, values, n, steps + lane, stride);         \
        if (stride - lane == 8) add_tile8##SUFFIX(weights + lane, columns, values, n, steps + lane, stride);           \
    }

DEFINE_LANES(_portable, )
#ifdef NARRATIVES_AVX2
DEFINE_LANES(_avx2, __attribute__((target("avx2"))))
#endif

typedef void (*dot_lanes_function)(float *, const float *, const int *, const float *, ptrdiff_t, ptrdiff_t);
typedef void (*add_lanes_function)(float *, const int *, const float *, ptrdiff_t, const float *, ptrdiff_t);

static dot_lanes_function choose_dot_lanes(void) {
#ifdef NARRATIVES_AVX2
    if (__builtin_cpu_supports("avx2")) return dot_lanes_avx2;
#endif
    return dot_lanes_portable;
}

static add_lanes_function choose_add_lanes(void) {
#ifdef NARRATIVES_AVX2
    if (__builtin_cpu_supports("avx2")) return add_lanes_avx2;
#endif
    return add_lanes_portable;
}

#endif
