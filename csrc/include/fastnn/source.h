/* Where rows come from: a person's array of any real type, read through its strides.
 *
 * Rows are gathered (in a given order, or as they lie), cast to the network's type and checked for
 * NaN and Inf in one pass; the array itself is never copied whole.  Elements may lie at any
 * address: loads go through memcpy. */
#ifndef FASTNN_SOURCE_H
#define FASTNN_SOURCE_H

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

/* The first row of 0 .. rows with a value that is NaN or Inf after a cast to `dtype`, or
 * FNN_ALL_FINITE; nothing is written. */
size_t fnn_first_nonfinite(const fnn_source_t *source, fnn_dtype_t dtype, size_t rows);

/* Rows as they lie, if they are already what gather would write (then no copy is needed), or
 * NULL. */
static inline const void *fnn_rows_in_place(const fnn_source_t *source, fnn_dtype_t dtype,
                                            size_t first) {
    const ptrdiff_t size = dtype == FNN_F32 ? 4 : 8;
    const fnn_source_type_t type = dtype == FNN_F32 ? FNN_FLOAT32 : FNN_FLOAT64;
    const char *row = source->data + (ptrdiff_t)first * source->row_stride;
    if (source->type != type || source->row_stride != size * (ptrdiff_t)source->cols ||
        (source->col_stride != size && source->cols != 1) || (uintptr_t)row % (uintptr_t)size != 0)
        return NULL;
    return row;
}

#endif
