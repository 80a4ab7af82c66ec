/* Zeroed memory for large tables that are read at random: on Linux in pages of 2 MB where the system has them, since
   looking up small pages costs as much as the reading. Untouched pages take no memory. */

#ifndef NARRATIVES_PAGES_H
#define NARRATIVES_PAGES_H

#include <stdint.h>
#include <stdlib.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#define LARGE_PAGE ((size_t)1 << 21)

/* Aligned to a large page, or NULL; `raw` is what must be freed. */
static void *new_pages(size_t size, void **raw) {
    uintptr_t start;
    *raw = size <= SIZE_MAX - 2 * LARGE_PAGE ? calloc(1, size + LARGE_PAGE) : NULL;
    if (*raw == NULL) return NULL;
    start = ((uintptr_t)*raw + LARGE_PAGE - 1) & ~(uintptr_t)(LARGE_PAGE - 1);
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (size >= LARGE_PAGE) madvise((void *)start, size, MADV_HUGEPAGE);
#endif
    return (void *)start;
}

#endif
