/* Activations and their derivatives.
 *
 *   forward    out = f(z)             z, out (rows, cols); out may be z
 *   backward   dz  = dy * f'(z)       saved, dy, dz (rows, cols); dz may be dy, saved is read only
 *
 * `saved` is f's output, or its input z where fnn_activation_saves_input() says so (the derivative
 * of gelu and silu cannot be told from the output).  All but softmax work on each element alone;
 * softmax works on rows.  `alpha` is leaky_relu's slope and elu's scale; the others ignore it.
 * NaN in gives NaN out.  rows or cols may be 0.
 *
 *   linear      z
 *   relu        max(0, z)                      f'(0) = 0
 *   leaky_relu  z > 0 ? z : alpha z            f'(0) = alpha   (alpha >= 0)
 *   elu         z > 0 ? z : alpha (exp(z) - 1) (alpha >= 0)        Clevert et al. 2015
 *   gelu        z Phi(z), the exact (erf) form                     Hendrycks and Gimpel 2016
 *   sigmoid     1 / (1 + exp(-z))
 *   tanh
 *   softmax     exp(z - max) / sum exp(z - max), along the row
 *   silu        z sigmoid(z)                                       Elfwing et al. 2017
 *   softplus    log(1 + exp(z))
 *   exp         exp(z) */
#ifndef FASTNN_ACTIVATION_H
#define FASTNN_ACTIVATION_H

#include "fastnn/base.h"

typedef enum {
    FNN_LINEAR = 0,
    FNN_RELU,
    FNN_LEAKY_RELU,
    FNN_ELU,
    FNN_GELU,
    FNN_SIGMOID,
    FNN_TANH,
    FNN_SOFTMAX,
    FNN_SILU,
    FNN_SOFTPLUS,
    FNN_EXP,
    FNN_ACTIVATION_COUNT
} fnn_activation_t;

static inline bool fnn_activation_saves_input(fnn_activation_t activation) {
    return activation == FNN_GELU || activation == FNN_SILU;
}

typedef void fnn_activation_f32_fn(const float *z, float *out, size_t rows, size_t cols,
                                   float alpha);
typedef void fnn_activation_f64_fn(const double *z, double *out, size_t rows, size_t cols,
                                   double alpha);
typedef void fnn_activation_grad_f32_fn(const float *saved, const float *dy, float *dz, size_t rows,
                                        size_t cols, float alpha);
typedef void fnn_activation_grad_f64_fn(const double *saved, const double *dy, double *dz,
                                        size_t rows, size_t cols, double alpha);

#endif
