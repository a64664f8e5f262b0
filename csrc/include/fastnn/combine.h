/* Values of several tensors brought together, and columns moved from one to another.
 *
 *   add_to          out <- out + x                  (n,) both; they do not overlap
 *   combine         out = in[0] . in[1] . ...       (n,) each; out overlaps no input; n_in >= 1
 *   combine_grad    dx = dy * d out / d in[which]   (n,) each; dx does not overlap dy, in or out
 *
 *     FNN_ADD        ((in0 + in1) + in2) + ...      dx = dy
 *     FNN_SUBTRACT   in0 - in1, exactly two         dx = dy, -dy
 *     FNN_MULTIPLY   ((in0 in1) in2) ...            dx = dy times the product of the others, in order
 *     FNN_AVERAGE    the sum times 1 / n_in         dx = dy (1 / n_in);   1 / n_in is rounded
 *     FNN_MAXIMUM    the largest                    dx = dy for the first of the largest, 0 for others
 *
 * `out` of combine_grad is what combine wrote; only FNN_MAXIMUM reads it, only FNN_MULTIPLY and
 * FNN_MAXIMUM read the inputs (else both may be NULL).  The largest of 0 and -0 is either of them.
 * NaN in gives NaN out; where the largest is NaN the first input takes dy.
 *
 *   copy_columns    out[i, j] = x[i, j]             (rows, cols) within rows of `*_stride` elements:
 *   add_columns     out[i, j] <- out[i, j] + x[i, j]    concatenation, splits and their gradients
 *
 *   concatenate     out[i] = in[0][i] | in[1][i] | ...   in[k] (rows, in_cols[k]);  out overlaps none
 *
 * A matrix that is part of a wider one begins at its first column.  out and x do not overlap, but
 * may be columns of the same matrix.
 *
 *   affine_columns  out = (x - shift[j]) * scale[j], or x * scale[j] where shift is NULL
 *   affine_back     out = x * scale[j] + shift[j]   fused where the ISA fuses: one rounding, else two
 *
 * x, out (rows, cols); shift, scale (cols,); out may be x.  The bits of an element depend on nothing
 * but the element (and its column's numbers) in all of these.  Any size may be 0. */
#ifndef FASTNN_COMBINE_H
#define FASTNN_COMBINE_H

#include "fastnn/base.h"

typedef enum {
    FNN_ADD = 0,
    FNN_SUBTRACT,
    FNN_MULTIPLY,
    FNN_AVERAGE,
    FNN_MAXIMUM,
    FNN_COMBINE_COUNT
} fnn_combine_t;

#define FNN_COMBINE_TYPES(real, type)                                                              \
    typedef void fnn_add_to_##type##_fn(real *out, const real *x, size_t n);                       \
    typedef void fnn_combine_##type##_fn(fnn_combine_t kind, const real *const *in, size_t n_in,   \
                                         real *out, size_t n);                                     \
    typedef void fnn_combine_grad_##type##_fn(fnn_combine_t kind, const real *const *in,           \
                                              size_t n_in, size_t which, const real *out,          \
                                              const real *dy, real *dx, size_t n);                 \
    typedef void fnn_copy_columns_##type##_fn(real *out, size_t out_stride, const real *x,         \
                                              size_t x_stride, size_t rows, size_t cols);          \
    typedef void fnn_concatenate_##type##_fn(const real *const *in, const size_t *in_cols,         \
                                             size_t n_in, real *out, size_t rows);                 \
    typedef void fnn_add_columns_##type##_fn(real *out, size_t out_stride, const real *x,          \
                                             size_t x_stride, size_t rows, size_t cols);           \
    typedef void fnn_affine_columns_##type##_fn(const real *x, const real *shift,                  \
                                                const real *scale, real *out, size_t rows,         \
                                                size_t cols);                                      \
    typedef void fnn_affine_back_##type##_fn(const real *x, const real *scale, const real *shift,  \
                                             real *out, size_t rows, size_t cols);
FNN_COMBINE_TYPES(float, f32)
FNN_COMBINE_TYPES(double, f64)
#undef FNN_COMBINE_TYPES

#endif
