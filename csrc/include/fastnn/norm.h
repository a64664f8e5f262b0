/* Normalization of rows (layer norm, RMS norm) and of columns (batch norm), and the gradients.
 *
 * Matrices are (rows, cols), row-major.  gamma, beta (cols,): scale and offset, each may be NULL for
 * ones and zeros.  xhat is the normalized x; out = xhat * gamma + beta.  NaN in gives NaN in all
 * that depends on it.  Variances are biased (divided by the count), from two passes: first the mean,
 * as distances from the row's (column's) first value, then the squared distances from the mean; so
 * a constant row or column has variance 0 exactly.
 *
 * Rows: Ba, Kiros and Hinton 2016, arXiv:1607.06450; `rms`: Zhang and Sennrich 2019,
 * arXiv:1910.07467.  stats (rows, 2) holds a row's mean and r = 1 / sqrt(variance + eps); with `rms`
 * 0 and 1 / sqrt(mean square + eps).  A row's bits depend on the row alone, not on where it lies.
 *
 *   layer_norm             xhat = (x - mean) r;  out may be x;  stats may be NULL
 *   layer_norm_grad        dx = r (g - mean(g) - xhat mean(g xhat)),  g = dy gamma, means along the
 *                          row;  with `rms` without mean(g).  dx may not overlap x or dy
 *   layer_norm_param_grad  dgamma = column sums of dy xhat, dbeta = column sums of dy;  each may be
 *                          NULL;  with `add` they are added to what is there
 *   layer_norm_backward    both at once, and the same bits, in one pass over x and dy; neither sum
 *                          may be NULL
 *
 * Columns: Ioffe and Szegedy 2015, arXiv:1502.03167.  mean, var (cols,) are those of the batch or
 * moving ones; r = 1 / sqrt(var + eps).
 *
 *   column_moments   mean and variance of each column;  rows >= 1
 *   batch_norm       xhat = (x - mean) r;  out may be x;  row-local
 *   batch_norm_sums  sum_dy = column sums of dy, sum_dy_xhat = of dy xhat, over the whole batch: also
 *                    the gradients by beta and gamma
 *   batch_norm_grad  dx = gamma r (dy - sum_dy / batch_rows - xhat sum_dy_xhat / batch_rows);
 *                    row-local: `rows` of the batch's `batch_rows`;  dx may be dy, not x
 *
 * Where mean and var are moving ones and so no function of x, dx is affine_columns of dy, or
 * batch_norm_grad with sums of 0.
 *
 * Sums over rows of the column kernels go by blocks of 64 rows that are added in order, those of
 * dgamma and dbeta by four rows that are added to what is there, in order, then single rows: so
 * calls on blocks of a multiple of four rows with `add` have the bits of one call. */
#ifndef FASTNN_NORM_H
#define FASTNN_NORM_H

#include "fastnn/base.h"

#define FNN_NORM_TYPES(real, type)                                                                 \
    typedef void fnn_layer_norm_##type##_fn(const real *x, const real *gamma, const real *beta,    \
                                            real *out, real *stats, size_t rows, size_t cols,      \
                                            double eps, bool rms);                                 \
    typedef void fnn_layer_norm_grad_##type##_fn(const real *x, const real *gamma,                 \
                                                 const real *stats, const real *dy, real *dx,      \
                                                 size_t rows, size_t cols, bool rms);              \
    typedef void fnn_layer_norm_param_grad_##type##_fn(                                            \
        const real *x, const real *stats, const real *dy, real *dgamma, real *dbeta, size_t rows,  \
        size_t cols, bool add, bool rms);                                                          \
    typedef void fnn_layer_norm_backward_##type##_fn(                                              \
        const real *x, const real *gamma, const real *stats, const real *dy, real *dx,             \
        real *dgamma, real *dbeta, size_t rows, size_t cols, bool add, bool rms);                  \
    typedef void fnn_column_moments_##type##_fn(const real *x, real *mean, real *var, size_t rows, \
                                                size_t cols);                                      \
    typedef void fnn_batch_norm_##type##_fn(const real *x, const real *mean, const real *var,      \
                                            const real *gamma, const real *beta, real *out,        \
                                            size_t rows, size_t cols, double eps);                 \
    typedef void fnn_batch_norm_sums_##type##_fn(const real *x, const real *mean, const real *var, \
                                                 const real *dy, real *sum_dy, real *sum_dy_xhat,  \
                                                 size_t rows, size_t cols, double eps);            \
    typedef void fnn_batch_norm_grad_##type##_fn(                                                  \
        const real *x, const real *mean, const real *var, const real *gamma, const real *sum_dy,   \
        const real *sum_dy_xhat, const real *dy, real *dx, size_t rows, size_t batch_rows,         \
        size_t cols, double eps);
FNN_NORM_TYPES(float, f32)
FNN_NORM_TYPES(double, f64)
#undef FNN_NORM_TYPES

#endif
