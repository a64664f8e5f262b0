/* Activations and their derivatives.
 *
 *   forward    out = f(z)             z, out (rows, cols); out may be z
 *   backward   dz  = dy * f'(z)       saved, dy, dz (rows, cols); dz may be dy, saved is read only
 *
 * `saved` is f's output, or its input z where fnn_activation_saves_input() says so (the derivative
 * cannot be told from the output, or not to its last digits).  softmax, log_softmax and sparsemax
 * work on rows, the others on each element alone.  `alpha` is a number where the table names it; the
 * others ignore it.  NaN in gives NaN out.  rows or cols may be 0.
 *
 *   linear        z
 *   relu          max(0, z)                      f'(0) = 0
 *   leaky_relu    z > 0 ? z : alpha z            f'(0) = alpha   (alpha >= 0)
 *   elu           z > 0 ? z : alpha (exp(z) - 1) (alpha >= 0)      Clevert et al. 2015
 *   gelu          z Phi(z), the exact (erf) form                   Hendrycks and Gimpel 2016
 *   sigmoid       1 / (1 + exp(-z))
 *   tanh
 *   softmax       exp(z - max) / sum exp(z - max), along the row
 *   silu          z sigmoid(z)                                     Elfwing et al. 2017
 *   softplus      log(1 + exp(z))
 *   exp           exp(z)
 *   relu6         min(6, max(0, z))              f'(0) = f'(6) = 0
 *   hard_sigmoid  relu6(z + 3) / 6               f'(-3) = f'(3) = 0
 *   hard_tanh     min(1, max(-1, z))             f'(-1) = f'(1) = 0
 *   hard_silu     z relu6(z + 3) / 6             f'(-3) = 0, f'(3) = 1    Howard et al. 2019
 *   selu          lambda (z > 0 ? z : a (exp(z) - 1))
 *                 lambda = 1.0507009873554805, a = 1.6732632423543772     Klambauer et al. 2017
 *   celu          z > 0 ? z : alpha (exp(z / alpha) - 1)  (alpha >= 1e-30)       Barron 2017
 *   gelu_tanh     z / 2 (1 + tanh(sqrt(2 / pi) (z + 0.044715 z^3)))
 *                                                Hendrycks and Gimpel 2016, the approximation
 *   mish          z tanh(log(1 + exp(z)))                          Misra 2019
 *   softsign      z / (1 + |z|)
 *   squareplus    (z + sqrt(z^2 + alpha)) / 2    (alpha >= 1e-30)  Barron 2021, his b
 *   log_sigmoid   -log(1 + exp(-z))
 *   log_softmax   z - max - log sum exp(z - max), along the row
 *   tanh_shrink   z - tanh(z)
 *   soft_shrink   z -+ alpha where |z| > alpha, else 0 (alpha >= 0)        f'(-+alpha) = 0
 *   hard_shrink   z where |z| > alpha, else 0          (alpha >= 0)        f'(-+alpha) = 0
 *   sparsemax     the point of the probability simplex nearest to the row: max(0, z - tau), with the
 *                 tau that makes it sum to 1                       Martins and Astudillo 2016 */
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
    FNN_RELU6,
    FNN_HARD_SIGMOID,
    FNN_HARD_TANH,
    FNN_HARD_SILU,
    FNN_SELU,
    FNN_CELU,
    FNN_GELU_TANH,
    FNN_MISH,
    FNN_SOFTSIGN,
    FNN_SQUAREPLUS,
    FNN_LOG_SIGMOID,
    FNN_LOG_SOFTMAX,
    FNN_TANH_SHRINK,
    FNN_SOFT_SHRINK,
    FNN_HARD_SHRINK,
    FNN_SPARSEMAX,
    FNN_ACTIVATION_COUNT
} fnn_activation_t;

static inline bool fnn_activation_saves_input(fnn_activation_t activation) {
    switch (activation) {
    case FNN_GELU:
    case FNN_SILU:
    case FNN_HARD_SILU:
    case FNN_GELU_TANH:
    case FNN_MISH:
    case FNN_SOFTSIGN:
    case FNN_TANH_SHRINK: return true;
    default: return false;
    }
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
