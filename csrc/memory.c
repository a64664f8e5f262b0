/* Contract: fastnn/memory.h */
#include "fastnn/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_size_t allocations;

void *fnn_alloc(size_t bytes) {
    if (bytes > SIZE_MAX / 2)
        return NULL;
    const size_t rounded = (bytes / FNN_ALIGN + 1) * FNN_ALIGN; /* at least one unit */
    void *memory = aligned_alloc(FNN_ALIGN, rounded);
    if (memory == NULL)
        return NULL;
    memset(memory, 0, rounded);
    atomic_fetch_add(&allocations, 1);
    return memory;
}

void fnn_free(void *memory) { free(memory); }

size_t fnn_allocations(void) { return atomic_load(&allocations); }
