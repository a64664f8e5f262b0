/* Arenas: aligned, zeroed memory, counted so that tests can show that a step allocates nothing and
 * that a fit holds no more than it promises.
 *
 * In builds with the address sanitizer what lies beside a piece is poisoned to the byte, and so are
 * the gaps between the slots of an arena: whoever reads or writes there ends the process. */
#ifndef FASTNN_MEMORY_H
#define FASTNN_MEMORY_H

#include "fastnn/base.h"

#if defined(FNN_ASAN)
#include <sanitizer/asan_interface.h>
#define FNN_GAP FNN_ALIGN /* bytes at least behind each slot of an arena; layouts elsewhere have none */
static inline void fnn_forbid(const void *start, size_t bytes) {
    __asan_poison_memory_region(start, bytes);
}
static inline void fnn_permit(const void *start, size_t bytes) {
    __asan_unpoison_memory_region(start, bytes);
}
#else
#define FNN_GAP 0
static inline void fnn_forbid(const void *start, size_t bytes) {
    (void)start;
    (void)bytes;
}
static inline void fnn_permit(const void *start, size_t bytes) {
    (void)start;
    (void)bytes;
}
#endif

/* `bytes` zeroed bytes aligned to FNN_ALIGN, or NULL; 0 bytes give a pointer too. */
void *fnn_alloc(size_t bytes);
void fnn_free(void *memory);

/* The same, but not zeroed and not in the count of calls: scratch of one call. */
void *fnn_scratch(size_t bytes);

/* Calls of fnn_alloc since the process began. */
size_t fnn_allocations(void);

/* Bytes held now, scratch and roundings included. */
size_t fnn_allocated_bytes(void);

/* The most that were held at once since the process began or the last call of the second. */
size_t fnn_peak_bytes(void);
void fnn_restart_peak(void);

/* *out = a b; false, and *out untouched, where that overflows. */
static inline bool fnn_size_mul(size_t a, size_t b, size_t *out) {
    size_t product;
    if (__builtin_mul_overflow(a, b, &product))
        return false;
    *out = product;
    return true;
}

#endif
