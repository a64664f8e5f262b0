/* Dense matrix products: the three forms a dense layer needs.
 *
 * All matrices are row-major; `ld*` is the distance in elements from one row to the next.  Sizes
 * are those of the result c (m, n) and of the summed index k.
 *
 *   gemm_nn   c = a b    + start   a (m, k)  b (k, n)   forward:           y  = x w + bias
 *   gemm_tn   c = a^T b  + start   a (k, m)  b (k, n)   kernel gradient:   dw = x^T dy
 *   gemm_nt   c = a b^T  + start   a (m, k)  b (n, k)   input gradient:    dx = dy w^T
 *
 * `start` is 0, or c itself with FNN_GEMM_ADD, or `bias` (n,) in every row where `bias` is not NULL
 * (the two exclude each other).  FNN_GEMM_RELU stores max(0, c); NaN stays NaN.
 *
 * gemm_nn is batch-invariant: the order in which the k products of an element are summed depends on
 * k, n and the ISA, never on m or on the element's row, so a row of a batch has the bits it has
 * alone.  The other two may sum a product of few rows in an order of its own; from
 * FNN_GEMM_ROWS_ALIKE rows on, with gemm_nt from FNN_GEMM_NT_ROWS_ALIKE on, theirs, too, depends on
 * k, n and the ISA alone.  So the rows of a result can be computed in several calls and keep their
 * bits: in any parts with gemm_nn, in parts of at least as many rows with the other two.
 *
 * c must not overlap a, b or bias.  k = 0 stores `start`.  `work` is scratch of
 * fnn_gemm_work_bytes(dtype, m, n, k) bytes or more, aligned to FNN_ALIGN; it holds packed panels. */
#ifndef FASTNN_GEMM_H
#define FASTNN_GEMM_H

#include "fastnn/base.h"

enum { FNN_GEMM_ADD = 1, FNN_GEMM_RELU = 2 };
enum { FNN_GEMM_ROWS_ALIKE = 64, FNN_GEMM_NT_ROWS_ALIKE = 16 };

typedef void fnn_gemm_f32_fn(float *c, size_t ldc, const float *a, size_t lda, const float *b,
                             size_t ldb, const float *bias, size_t m, size_t n, size_t k,
                             unsigned flags, void *work);
typedef void fnn_gemm_f64_fn(double *c, size_t ldc, const double *a, size_t lda, const double *b,
                             size_t ldb, const double *bias, size_t m, size_t n, size_t k,
                             unsigned flags, void *work);

/* Scratch for products with at most m rows, n columns and k summed, in any form, on any ISA. */
size_t fnn_gemm_work_bytes(fnn_dtype_t dtype, size_t m, size_t n, size_t k);

/* c (cols,) += the sum over the rows of a (rows, cols): a bias's gradient. */
typedef void fnn_column_sum_f32_fn(float *c, const float *a, size_t rows, size_t cols);
typedef void fnn_column_sum_f64_fn(double *c, const double *a, size_t rows, size_t cols);

#endif
