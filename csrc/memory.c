/* Contract: fastnn/memory.h; tests: tests/test_memory.py, tests/c/overread.c */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* madvise */
#endif
#include "fastnn/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

/* In the line before each piece: how much is to be given back. */
typedef struct {
    _Alignas(FNN_ALIGN) size_t bytes; /* this line, the piece and its rounding */
} head_t;

static atomic_size_t allocations, held, peak;

static void take(size_t bytes) {
    const size_t now = atomic_fetch_add(&held, bytes) + bytes;
    size_t most = atomic_load(&peak);
    while (now > most && !atomic_compare_exchange_weak(&peak, &most, now))
        continue;
}

/* Large arenas ask for large pages: products walk through many pages at once, and the table of those
 * at hand is short. */
static void *allocate(size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    const size_t page = (size_t)2 << 20;
    void *memory;
    if (bytes >= page) {
        if (posix_memalign(&memory, page, bytes) != 0)
            return NULL;
        (void)madvise(memory, bytes, MADV_HUGEPAGE); /* it is only a wish */
        return memory;
    }
#endif
    return aligned_alloc(FNN_ALIGN, bytes);
}

void *fnn_scratch(size_t bytes) {
    if (bytes > SIZE_MAX / 2)
        return NULL;
    const size_t whole = sizeof(head_t) + (bytes / FNN_ALIGN + 1) * FNN_ALIGN;
    head_t *head = allocate(whole);
    if (head == NULL)
        return NULL;
    head->bytes = whole;
    take(whole);
    fnn_forbid(head, whole);
    fnn_permit(head + 1, bytes);
    return head + 1;
}

void *fnn_alloc(size_t bytes) {
    void *memory = fnn_scratch(bytes);
    if (memory == NULL)
        return NULL;
    memset(memory, 0, bytes);
    atomic_fetch_add(&allocations, 1);
    return memory;
}

void fnn_free(void *memory) {
    if (memory == NULL)
        return;
    head_t *head = (head_t *)memory - 1;
    fnn_permit(head, sizeof *head);
    const size_t whole = head->bytes;
    fnn_permit(head, whole); /* whoever gets it next may touch it all */
    atomic_fetch_sub(&held, whole);
    free(head);
}

size_t fnn_allocations(void) { return atomic_load(&allocations); }
size_t fnn_allocated_bytes(void) { return atomic_load(&held); }
size_t fnn_peak_bytes(void) { return atomic_load(&peak); }
void fnn_restart_peak(void) { atomic_store(&peak, atomic_load(&held)); }
