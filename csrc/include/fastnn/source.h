/* Where rows come from: a person's array of any real type, read through its strides.
 *
 * Rows are gathered (in a given order, or as they lie), cast to the network's type and checked for
 * NaN and Inf in one pass; the array itself is never copied whole.  Elements may lie at any
 * address: loads go through memcpy. */
#ifndef FASTNN_SOURCE_H
#define FASTNN_SOURCE_H

#include <string.h>

#include "fastnn/base.h"

typedef enum {
    FNN_BOOL = 0,
    FNN_INT8,
    FNN_INT16,
    FNN_INT32,
    FNN_INT64,
    FNN_UINT8,
    FNN_UINT16,
    FNN_UINT32,
    FNN_UINT64,
    FNN_FLOAT16,
    FNN_FLOAT32,
    FNN_FLOAT64,
    FNN_SOURCE_TYPE_COUNT
} fnn_source_type_t;

typedef struct {
    const char *data; /* NULL: there is none */
    fnn_source_type_t type;
    ptrdiff_t row_stride, col_stride; /* bytes; may be negative or 0 */
    size_t cols;
    /* Not NULL: sparse rows (see fastnn/sparse.h), whose values, `data`, have the network's type.
     * They are read by dense layers alone, and the functions below do not take them. */
    const void *indices, *indptr;
    bool wide;
} fnn_source_t;

#define FNN_ALL_FINITE SIZE_MAX

/* out (rows, cols) = the rows order[0 .. rows), or first .. first + rows where order is NULL.
 * Returns the position (within 0 .. rows) of the first row with a NaN or Inf after the cast, or
 * FNN_ALL_FINITE. */
size_t fnn_gather_f32(float *out, const fnn_source_t *source, const uint64_t *order, size_t first,
                      size_t rows);
size_t fnn_gather_f64(double *out, const fnn_source_t *source, const uint64_t *order, size_t first,
                      size_t rows);

/* Labels: source of type FNN_INT32 with one column. */
void fnn_gather_labels(int32_t *out, const fnn_source_t *source, const uint64_t *order,
                       size_t first, size_t rows);

/* Whether a source of `all` rows is too large for the caches to keep it anyway. */
bool fnn_is_large(const fnn_source_t *source, size_t all);

/* Asks the memory for these rows, of `all` that the source has, so that they are in cache when they
 * are gathered: as many as 32 kB of cache hold, and none of a source that is not large. */
void fnn_fetch_rows(const fnn_source_t *source, size_t all, const uint64_t *order, size_t rows);

/* The position of the first of these rows with a value that is NaN or Inf after a cast to `dtype`,
 * or FNN_ALL_FINITE; nothing is written. */
size_t fnn_first_nonfinite(const fnn_source_t *source, fnn_dtype_t dtype, const uint64_t *order,
                           size_t first, size_t rows);

/* These rows where they lie, if that is what gather would write (then no copy is needed), or
 * NULL. */
static inline const void *fnn_rows_in_place(const fnn_source_t *source, fnn_dtype_t dtype,
                                            const uint64_t *order, size_t first, size_t rows) {
    const ptrdiff_t size = dtype == FNN_F32 ? 4 : 8;
    const fnn_source_type_t type = dtype == FNN_F32 ? FNN_FLOAT32 : FNN_FLOAT64;
    if (source->type != type || (source->col_stride != size && source->cols != 1) ||
        (rows != 1 &&
         (order != NULL || source->row_stride != size * (ptrdiff_t)source->cols)))
        return NULL;
    const size_t at = order != NULL ? (size_t)order[0] : first;
    const char *row = source->data + (ptrdiff_t)at * source->row_stride;
    return (uintptr_t)row % (uintptr_t)size == 0 ? row : NULL;
}

/* Whether n reals that lie together hold no NaN and no Inf.  Inline, for rows that are few.  An
 * exponent of all ones, NaN's and Inf's, carries into the sign when its lowest bit is added.  The
 * sums are or-ed: no addition waits for another, and no floating-point mode matters. */
static inline bool fnn_all_finite_f32(const float *x, size_t n) {
    uint32_t carry = 0;
    for (size_t i = 0; i < n; ++i) {
        uint32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        carry |= (bits & UINT32_C(0x7f800000)) + UINT32_C(0x00800000);
    }
    return carry < UINT32_C(0x80000000);
}

static inline bool fnn_all_finite_f64(const double *x, size_t n) {
    uint64_t carry = 0;
    for (size_t i = 0; i < n; ++i) {
        uint64_t bits;
        memcpy(&bits, x + i, sizeof bits);
        carry |= (bits & UINT64_C(0x7ff0000000000000)) + UINT64_C(0x0010000000000000);
    }
    return carry < UINT64_C(0x8000000000000000);
}

#endif
