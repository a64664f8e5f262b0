/* Arenas: aligned, zeroed memory, counted so that a test can show that a step allocates nothing. */
#ifndef FASTNN_MEMORY_H
#define FASTNN_MEMORY_H

#include "fastnn/base.h"

/* `bytes` zeroed bytes aligned to FNN_ALIGN, or NULL; 0 bytes give a pointer too. */
void *fnn_alloc(size_t bytes);
void fnn_free(void *memory);

/* The same, but not zeroed and not counted: scratch of one call. */
void *fnn_scratch(size_t bytes);

/* Calls of fnn_alloc since the process began. */
size_t fnn_allocations(void);

/* *out = a b; false, and *out untouched, where that overflows. */
static inline bool fnn_size_mul(size_t a, size_t b, size_t *out) {
    size_t product;
    if (__builtin_mul_overflow(a, b, &product))
        return false;
    *out = product;
    return true;
}

#endif
