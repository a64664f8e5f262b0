/* Contract: fastnn/sparse.h; tests: tests/test_sparse_kernels.py */
#include "fastnn/sparse.h"

static inline int64_t number_at(const void *numbers, size_t i, bool wide) {
    return wide ? ((const int64_t *)numbers)[i] : ((const int32_t *)numbers)[i];
}

size_t fnn_csr_bad_row(const void *indptr, const void *indices, bool wide, size_t n,
                       size_t entries, size_t k) {
    int64_t from = number_at(indptr, 0, wide);
    for (size_t i = 0; i < n; ++i) {
        const int64_t to = number_at(indptr, i + 1, wide);
        if (from < 0 || to < from || (uint64_t)to > entries)
            return i;
        for (int64_t e = from; e < to; ++e)
            if ((uint64_t)number_at(indices, (size_t)e, wide) >= k) /* a negative one is huge */
                return i;
        from = to;
    }
    return n;
}
