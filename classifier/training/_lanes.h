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

#define DEFINE_LANES(SUFFIX, ATTRIBUTE)                                                                                \
    ATTRIBUTE static void dot_lanes8##SUFFIX(float *out, const float *weights, const int *columns,                     \
                                             const float *values, ptrdiff_t n, ptrdiff_t stride) {                     \
        float lanes[8] = {0};                                                                                          \
        ptrdiff_t i, j;                                                                                                \
        for (i = 0; i < n; i++) {                                                                                      \
            const float *row = weights + (ptrdiff_t)columns[i] * stride;                                               \
            for (j = 0; j < 8; j++) lanes[j] += values[i] * row[j];                                                    \
        }                                                                                                              \
        for (j = 0; j < 8; j++) out[j] = lanes[j];                                                                     \
    }                                                                                                                  \
    ATTRIBUTE static void dot_lanes24##SUFFIX(float *out, const float *weights, const int *columns,                    \
                                              const float *values, ptrdiff_t n, ptrdiff_t stride) {                    \
        float lanes[24] = {0};                                                                                         \
        ptrdiff_t i, j;                                                                                                \
        for (i = 0; i < n; i++) {                                                                                      \
            const float *row = weights + (ptrdiff_t)columns[i] * stride;                                               \
            if (i + AHEAD < n) {                                                                                       \
                const float *next = weights + (ptrdiff_t)columns[i + AHEAD] * stride;                                  \
                __builtin_prefetch(next);                                                                              \
                __builtin_prefetch(next + 16);                                                                         \
            }                                                                                                          \
            for (j = 0; j < 24; j++) lanes[j] += values[i] * row[j];                                                   \
        }                                                                                                              \
        for (j = 0; j < 24; j++) out[j] = lanes[j];                                                                    \
    }                                                                                                                  \
    ATTRIBUTE static void dot_lanes##SUFFIX(float *out, const float *weights, const int *columns,                      \
                                            const float *values, ptrdiff_t n, ptrdiff_t stride) {                      \
        ptrdiff_t lane = 0;                                                                                            \
        for (; stride - lane >= 24; lane += 24)                                                                        \
            dot_lanes24##SUFFIX(out + lane, weights + lane, columns, values, n, stride);                               \
        for (; lane < stride; lane += 8)                                                                               \
            dot_lanes8##SUFFIX(out + lane, weights + lane, columns, values, n, stride);                                \
    }                                                                                                                  \
    ATTRIBUTE static void add_lanes##SUFFIX(float *weights, const int *columns, const float *values, ptrdiff_t n,      \
                                            const float *steps, ptrdiff_t stride) {                                    \
        ptrdiff_t i, j, k;                                                                                             \
        if (stride == 24) {                                                                                            \
            float lanes[24];                                                                                           \
            for (j = 0; j < 24; j++) lanes[j] = steps[j];                                                              \
            for (i = 0; i < n; i++) {                                                                                  \
                float *row = weights + (ptrdiff_t)columns[i] * 24;                                                     \
                const float value = values[i];                                                                         \
                for (j = 0; j < 24; j++) row[j] += value * lanes[j];                                                   \
            }                                                                                                          \
            return;                                                                                                    \
        }                                                                                                              \
        for (i = 0; i < n; i++) {                                                                                      \
            float *row = weights + (ptrdiff_t)columns[i] * stride;                                                     \
            for (j = 0; j < stride; j += 8)                                                                            \
                for (k = 0; k < 8; k++) row[j + k] += values[i] * steps[j + k];                                        \
        }                                                                                                              \
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
