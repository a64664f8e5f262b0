/* Optimizers: one loop over a flat vector of n parameters.
 *
 * The caller evaluates everything that does not depend on the element in double (1 - beta, bias
 * corrections), because 1.0f - 0.999f is off by 1e-5; the kernel rounds each constant once.
 *
 *   sgd    v <- momentum v + g;  p <- p - lr (nesterov ? g + momentum v : v)      PyTorch's form
 *          v may be NULL where momentum is 0: p <- p - lr g
 *   adam   p <- decay p
 *          m <- beta1 m + (1 - beta1) g
 *          v <- beta2 v + (1 - beta2) g^2
 *          p <- p - step m / (sqrt(v) * root + eps)
 *          with step = lr / (1 - beta1^t), root = 1 / sqrt(1 - beta2^t): eps is added to the
 *          corrected root, as in Kingma and Ba (2015), Algorithm 1, and in PyTorch.  decay = 1 is
 *          Adam; decay = 1 - lr * weight_decay is AdamW (Loshchilov and Hutter 2019).
 *
 * p, v and m are overwritten, g is read only; square root and division are exact, and no product
 * is fused with a sum. */
#ifndef FASTNN_OPTIMIZER_H
#define FASTNN_OPTIMIZER_H

#include "fastnn/base.h"

typedef enum { FNN_SGD = 0, FNN_ADAM, FNN_OPTIMIZER_COUNT } fnn_optimizer_t;

typedef struct {
    double lr, momentum;
    bool nesterov;
} fnn_sgd_t;

typedef struct {
    double step, root, beta1, one_minus_beta1, beta2, one_minus_beta2, eps, decay;
} fnn_adam_t;

typedef void fnn_sgd_f32_fn(float *p, float *v, const float *g, size_t n, const fnn_sgd_t *set);
typedef void fnn_sgd_f64_fn(double *p, double *v, const double *g, size_t n, const fnn_sgd_t *set);
typedef void fnn_adam_f32_fn(float *p, float *m, float *v, const float *g, size_t n,
                             const fnn_adam_t *set);
typedef void fnn_adam_f64_fn(double *p, double *m, double *v, const double *g, size_t n,
                             const fnn_adam_t *set);

#endif
