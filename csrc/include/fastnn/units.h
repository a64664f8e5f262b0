/* Layers with a parameter for each column, or with several columns for each unit.
 *
 *   prelu             out = x > 0 ? x : alpha[j] x;  out may be x             He et al. 2015
 *   prelu_grad        dx = dy (x > 0 ? 1 : alpha[j]);  dx may be dy
 *   prelu_param_grad  dalpha = column sums of dy min(x, 0), by blocks of 64 rows that are added in
 *                     order;  with `add` added to what is there
 *   maxout            out[u] = the largest of z's pieces of unit u: z is (rows, pieces * units),
 *                     piece p of unit u in column p * units + u             Goodfellow et al. 2013
 *   maxout_grad       dz = dy for the first of a unit's largest pieces, 0 for the others; where out
 *                     is NaN piece 0 takes it
 *   glu               z (rows, 2 cols) = a | b;  out = a sigmoid(b)            Dauphin et al. 2017
 *   glu_grad          dz = dy s | dy a s (1 - s),  s = sigmoid(b)
 *
 * Bilinear, y[u] = sum_ij x1[i] w[i, u, j] x2[j] + bias[u]: t = x1 w is a product (gemm.h), a row of t
 * is (units, n2).
 *
 *   bilinear_out      out[u] = sum_j t[u, j] x2[j] + bias[u];  bias may be NULL
 *   bilinear_grad     dx2[j] = sum_u dy[u] t[u, j], in the order of u (dx2 may be NULL); then
 *                     t[u, j] <- dy[u] x2[j], the gradient by t
 *
 *   activity          returns the sum of l1 |x| + l2 x^2; where dx is not NULL
 *                     dx <- dx + scale (l1 sign(x) + 2 l2 x), sign(0) = 0.  dx is not x
 *
 * All but prelu_param_grad and the sum of activity are row-local.  Outputs overlap no input unless
 * said.  NaN in gives NaN out.  Any size may be 0, but for `pieces`. */
#ifndef FASTNN_UNITS_H
#define FASTNN_UNITS_H

#include "fastnn/base.h"

#define FNN_UNITS_TYPES(real, type)                                                                \
    typedef void fnn_prelu_##type##_fn(const real *x, const real *alpha, real *out, size_t rows,   \
                                       size_t cols);                                               \
    typedef void fnn_prelu_grad_##type##_fn(const real *x, const real *alpha, const real *dy,      \
                                            real *dx, size_t rows, size_t cols);                   \
    typedef void fnn_prelu_param_grad_##type##_fn(const real *x, const real *dy, real *dalpha,     \
                                                  size_t rows, size_t cols, bool add);             \
    typedef void fnn_maxout_##type##_fn(const real *z, real *out, size_t rows, size_t units,       \
                                        size_t pieces);                                            \
    typedef void fnn_maxout_grad_##type##_fn(const real *z, const real *out, const real *dy,       \
                                             real *dz, size_t rows, size_t units, size_t pieces);  \
    typedef void fnn_glu_##type##_fn(const real *z, real *out, size_t rows, size_t cols);          \
    typedef void fnn_glu_grad_##type##_fn(const real *z, const real *dy, real *dz, size_t rows,    \
                                          size_t cols);                                            \
    typedef void fnn_bilinear_out_##type##_fn(const real *t, const real *x2, const real *bias,     \
                                              real *out, size_t rows, size_t units, size_t n2);    \
    typedef void fnn_bilinear_grad_##type##_fn(const real *dy, real *t, const real *x2, real *dx2, \
                                               size_t rows, size_t units, size_t n2);              \
    typedef double fnn_activity_##type##_fn(const real *x, real *dx, size_t n, double l1,          \
                                            double l2, double scale);
FNN_UNITS_TYPES(float, f32)
FNN_UNITS_TYPES(double, f64)
#undef FNN_UNITS_TYPES

#endif
