/* The gradients of a dense layer for a few rows, in one call: where networks are tiny the calls of
 * the general kernels (gemm_tn, gemm_nt, column_sum, an activation's gradient) cost more than their
 * arithmetic.
 *
 *   dz = dy, or dy * (saved > 0) where `saved`, the output of a relu, is not NULL; written over dy
 *   dw = x^T dz     db = sum of the rows of dz     dx = dz w^T
 *
 * db and dx may be NULL.  `work` as for gemm_nt. */
#ifndef FASTNN_DENSE_H
#define FASTNN_DENSE_H

#include "fastnn/base.h"

enum { FNN_FEW_ROWS = 16 };

/* The shapes that they take. */
static inline bool fnn_is_few(size_t rows, size_t cols) {
    return rows == 1 || (cols == 1 && rows <= FNN_FEW_ROWS);
}

typedef void fnn_few_grad_f32_fn(const float *x,     /* (rows, in) */
                                 const float *w,     /* (in, cols) */
                                 const float *saved, /* (rows, cols) or NULL */
                                 float *dy,          /* (rows, cols) */
                                 float *dw,          /* (in, cols) */
                                 float *db,          /* (cols,) or NULL */
                                 float *dx,          /* (rows, in) or NULL */
                                 size_t rows, size_t in, size_t cols, void *work);
typedef void fnn_few_grad_f64_fn(const double *x, const double *w, const double *saved, double *dy,
                                 double *dw, double *db, double *dx, size_t rows, size_t in,
                                 size_t cols, void *work);

#endif
