/* Which kernels run: the CPU is asked once per call, nothing is kept. */
#include <string.h>

#include "isa/tables.h"

#if defined(__x86_64__)
static bool has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

static bool has_avx512(void) {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
}
#endif

static bool always(void) { return true; }

static const struct {
    const char *name;
    const fnn_kernels_t *table; /* NULL: not in this build */
    bool (*runs_here)(void);
} isas[] = { /* slowest first */
#if defined(__x86_64__)
    {"baseline", &fnn_kernels_table_baseline, always},
    {"avx2", &fnn_kernels_table_avx2, has_avx2},
    {"avx512", &fnn_kernels_table_avx512, has_avx512},
    {"neon", NULL, always},
#elif defined(__aarch64__)
    {"baseline", &fnn_kernels_table_baseline, always},
    {"neon", &fnn_kernels_table_neon, always},
    {"avx2", NULL, always},
    {"avx512", NULL, always},
#else
    {"baseline", &fnn_kernels_table_baseline, always},
    {"avx2", NULL, always},
    {"avx512", NULL, always},
    {"neon", NULL, always},
#endif
};

enum { N_ISAS = sizeof isas / sizeof isas[0] };

const fnn_kernels_t *fnn_kernels_by_name(const char *name, bool *known) {
    for (size_t i = 0; i < N_ISAS; ++i)
        if (strcmp(isas[i].name, name) == 0) {
            *known = true;
            return isas[i].table != NULL && isas[i].runs_here() ? isas[i].table : NULL;
        }
    *known = false;
    return NULL;
}

const fnn_kernels_t *fnn_kernels_available(size_t k) {
    for (size_t i = 0; i < N_ISAS; ++i)
        if (isas[i].table != NULL && isas[i].runs_here() && k-- == 0)
            return isas[i].table;
    return NULL;
}

const fnn_kernels_t *fnn_kernels_best(void) {
    const fnn_kernels_t *best = &fnn_kernels_table_baseline;
    for (size_t k = 0; fnn_kernels_available(k) != NULL; ++k)
        best = fnn_kernels_available(k);
    return best;
}
