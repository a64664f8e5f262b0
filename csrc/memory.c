/* Contract: fastnn/memory.h */
#include "fastnn/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_size_t allocations;

static size_t rounded(size_t bytes) { return (bytes / FNN_ALIGN + 1) * FNN_ALIGN; }

void *fnn_scratch(size_t bytes) {
    return bytes > SIZE_MAX / 2 ? NULL : aligned_alloc(FNN_ALIGN, rounded(bytes));
}

void *fnn_alloc(size_t bytes) {
    void *memory = fnn_scratch(bytes);
    if (memory == NULL)
        return NULL;
    memset(memory, 0, rounded(bytes));
    atomic_fetch_add(&allocations, 1);
    return memory;
}

void fnn_free(void *memory) { free(memory); }

size_t fnn_allocations(void) { return atomic_load(&allocations); }
