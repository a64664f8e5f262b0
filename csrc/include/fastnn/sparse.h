/* A dense layer on sparse rows (CSR), which are never made dense.
 *
 *   csr_dense        out = x kernel + bias      out (rows, cols), kernel (k, cols), bias (cols,) or NULL
 *   csr_dense_grad   dkernel += x^T dy          dkernel (k, cols), dy (rows, cols)
 *
 * Entries e = indptr[r] .. indptr[r + 1] - 1 of the matrix's row r have the columns indices[e], in any
 * order, also more than once, and the values[e].  Row i of the block is row order[i] of the matrix,
 * or first + i where order is NULL.
 *
 * Sums run in the order of the entries, out's from the bias on, dkernel's in the order of the rows.
 * So a row of out has bits that depend on the row's entries alone.  NaN in gives NaN out, but what is
 * not stored is 0 whatever it is multiplied by.  Indices are checked before: see fnn_csr_bad_row. */
#ifndef FASTNN_SPARSE_H
#define FASTNN_SPARSE_H

#include "fastnn/base.h"

typedef struct {
    const void *indptr, *indices; /* (n + 1,) and (entries,) of the whole matrix */
    bool wide;                    /* both int64, else int32 */
    const void *values;           /* reals (entries,) */
    const uint64_t *order;        /* (rows,) or NULL */
    size_t first;
} fnn_csr_t;

#define FNN_SPARSE_TYPES(real, type)                                                               \
    typedef void fnn_csr_dense_##type##_fn(const fnn_csr_t *x, const real *kernel,                 \
                                           const real *bias, real *out, size_t rows, size_t cols); \
    typedef void fnn_csr_dense_grad_##type##_fn(const fnn_csr_t *x, const real *dy, real *dkernel, \
                                                size_t rows, size_t cols);
FNN_SPARSE_TYPES(float, f32)
FNN_SPARSE_TYPES(double, f64)
#undef FNN_SPARSE_TYPES

/* The first of a matrix's n rows whose entries do not lie within 0 .. entries, one row's behind the
 * other's, or whose columns do not lie within 0 .. k; n if there is none.  Reads indptr[0 .. n] and
 * what of indices it names; `wide` as above. */
size_t fnn_csr_bad_row(const void *indptr, const void *indices, bool wide, size_t n,
                       size_t entries, size_t k);

#endif
