/* Rows of a table, looked up by number.
 *
 *   embedding        out[i, :] = table[index[i], :]
 *   embedding_grad   dtable[index[i], :] += dy[i, :], in the order of i
 *   embedding_check  the first row whose index is no whole number within [0, vocabulary), or `rows`
 *   embedding_index  out = index, (n,) both; the first index that is not within [0, vocabulary), or n
 *
 * The indices are reals, since they come from a column of a network's input: element i is
 * index[i * index_stride].  A float32 holds whole numbers up to 2^24 exactly.  table, dtable
 * (vocabulary, dim); rows of out and dy lie out_stride and dy_stride apart, so that several columns
 * are embedded side by side.  The first two take indices that embedding_check has passed. */
#ifndef FASTNN_LOOKUP_H
#define FASTNN_LOOKUP_H

#include "fastnn/base.h"

#define FNN_LOOKUP_TYPES(real, type)                                                               \
    typedef void fnn_embedding_##type##_fn(const real *index, size_t index_stride,                 \
                                           const real *table, real *out, size_t out_stride,        \
                                           size_t rows, size_t dim);                               \
    typedef void fnn_embedding_grad_##type##_fn(const real *index, size_t index_stride,            \
                                                const real *dy, size_t dy_stride, real *dtable,    \
                                                size_t rows, size_t dim);                          \
    typedef size_t fnn_embedding_check_##type##_fn(const real *index, size_t index_stride,         \
                                                   size_t rows, size_t vocabulary);            \
    typedef size_t fnn_embedding_index_##type##_fn(const int64_t *index, real *out, size_t n,      \
                                                   size_t vocabulary);
FNN_LOOKUP_TYPES(float, f32)
FNN_LOOKUP_TYPES(double, f64)
#undef FNN_LOOKUP_TYPES

#endif
