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
 *          p <- p - step m / (sqrt(v) + eps)
 *          Kingma and Ba (2015), Algorithm 1, and PyTorch divide the root by r = sqrt(1 - beta2^t) and
 *          then add their epsilon.  That is the same with eps = epsilon r and step = lr r /
 *          (1 - beta1^t), and an operation less for each element (section 2 of the paper).
 *          decay = 1 is Adam; decay = 1 - lr * weight_decay is AdamW (Loshchilov and Hutter 2019).
 *
 * The others share one form, `elementwise[kind]`, with their state in slot[0], slot[1], slot[2].  All
 * begin with p <- decay p; m and v as in adam unless said otherwise.
 *
 *   amsgrad     (m, v, s)  s <- max(s, v);  p <- p - lr m / (sqrt(s) root + eps)
 *                          Reddi et al. (2018), bias corrections as in PyTorch
 *   nadam       (m, v)     p <- p - (lr g + a m) / (sqrt(v) root + eps)
 *                          Dozat (2016), the momentum's schedule as in PyTorch
 *   radam       (m, v)     p <- p - lr m / (sqrt(v) + eps), or p - lr m where `flag` says that the
 *                          variance is not yet to be had; Liu et al. (2020), eps as in PyTorch
 *   adamax      (m, u)     u <- max(beta2 u, |g| + eps);  p <- p - lr m / u
 *                          Kingma and Ba (2015), section 7.1, eps as in PyTorch
 *   adabelief   (m, s)     s <- beta2 s + (1 - beta2) (g - m)^2 + eps
 *                          p <- p - lr m / (sqrt(s) root + eps)       Zhuang et al. (2020)
 *   yogi        (m, v)     v <- v - (1 - beta2) sign(v - g^2) g^2
 *                          p <- p - lr m / (sqrt(v) + eps)            Zaheer et al. (2018)
 *   lion        (m)        p <- p - lr sign(beta1 m + (1 - beta1) g)
 *                          m <- beta2 m + (1 - beta2) g               Chen et al. (2023)
 *   adagrad     (s)        s <- s + g^2;  p <- p - lr g / (sqrt(s) + eps)
 *                          Duchi et al. (2011), eps as in PyTorch
 *   adadelta    (s, d)     s <- beta2 s + (1 - beta2) g^2
 *                          x = sqrt(d + eps) / sqrt(s + eps) g
 *                          d <- beta2 d + (1 - beta2) x^2;  p <- p - lr x         Zeiler (2012)
 *   rmsprop     (s, c, v)  s <- beta2 s + (1 - beta2) g^2
 *                          c not NULL: c <- beta2 c + (1 - beta2) g; r = sqrt(max(0, s - c^2)) + eps
 *                          c NULL:     r = sqrt(s) + eps
 *                          v not NULL: v <- momentum v + g / r;  p <- p - lr v
 *                          v NULL:     p <- p - lr g / r              PyTorch's form
 *   rprop       (h, l)     h: the gradient before, l: the length of the step
 *                          f = g h > 0 ? b : g h < 0 ? a : 1;  l <- min(max(l f, least), most)
 *                          where g h < 0: g = 0;  p <- p - sign(g) l;  h <- g
 *                          Riedmiller and Braun (1993), without backtracking, as PyTorch
 *   schedule_free (z, v)   d = g / (sqrt(v) root + eps) + a p
 *                          p <- p + b (z - p);  p <- p + c d;  z <- z - lr d
 *                          Defazio et al. (2024); p is the point y where gradients are taken
 *
 * p and the slots are overwritten, g is read only; square root and division are exact, and no
 * product is fused with a sum.  NaN in g gives NaN in p.  sign(0) is 0.
 *
 *   scale       p <- factor p
 *   ema         e <- beta e + one_minus_beta p
 *   clip        g <- min(max(g, -most), most)
 *   penalty     g <- g + (l1 sign(p) + 2 l2 p)
 *   square_sum  returns the sum of x^2, in double; partial sums go to double every eight vectors
 *   abs_sum     the same of |x|; squares beyond the largest number of the type are infinite
 *   lamb        m and v as in adam;  g <- lr m / (sqrt(v) root + eps) + a p: the direction */
#ifndef FASTNN_OPTIMIZER_H
#define FASTNN_OPTIMIZER_H

#include "fastnn/base.h"

/* What an update does.  The first group is elementwise, the second needs whole parameters. */
typedef enum {
    FNN_SGD = 0,
    FNN_ADAM,
    FNN_AMSGRAD,
    FNN_NADAM,
    FNN_RADAM,
    FNN_ADAMAX,
    FNN_ADABELIEF,
    FNN_YOGI,
    FNN_LION,
    FNN_ADAGRAD,
    FNN_ADADELTA,
    FNN_RMSPROP,
    FNN_RPROP,
    FNN_SCHEDULE_FREE,
    FNN_LAMB,
    FNN_ADAFACTOR,
    FNN_MUON,
    FNN_NO_UPDATE, /* gradients only, penalties included */
    FNN_OPTIMIZER_COUNT
} fnn_optimizer_t;

enum { FNN_MOST_SLOTS = 3, FNN_ELEMENTWISE_COUNT = FNN_LAMB };

typedef struct {
    double lr, momentum;
    bool nesterov;
} fnn_sgd_t;

typedef struct {
    double step, beta1, one_minus_beta1, beta2, one_minus_beta2, eps, decay;
} fnn_adam_t;

typedef struct {
    double lr, root, beta1, one_minus_beta1, beta2, one_minus_beta2, eps, decay, momentum;
    double a, b, c, least, most;
    bool flag;
} fnn_elementwise_t;

typedef void fnn_sgd_f32_fn(float *p, float *v, const float *g, size_t n, const fnn_sgd_t *set);
typedef void fnn_sgd_f64_fn(double *p, double *v, const double *g, size_t n, const fnn_sgd_t *set);
typedef void fnn_adam_f32_fn(float *p, float *m, float *v, const float *g, size_t n,
                             const fnn_adam_t *set);
typedef void fnn_adam_f64_fn(double *p, double *m, double *v, const double *g, size_t n,
                             const fnn_adam_t *set);
typedef void fnn_elementwise_f32_fn(float *p, float *const *slot, const float *g, size_t n,
                                    const fnn_elementwise_t *set);
typedef void fnn_elementwise_f64_fn(double *p, double *const *slot, const double *g, size_t n,
                                    const fnn_elementwise_t *set);
typedef void fnn_scale_f32_fn(float *p, size_t n, double factor);
typedef void fnn_scale_f64_fn(double *p, size_t n, double factor);
typedef void fnn_ema_f32_fn(float *e, const float *p, size_t n, double beta, double one_minus_beta);
typedef void fnn_ema_f64_fn(double *e, const double *p, size_t n, double beta,
                            double one_minus_beta);
typedef void fnn_clip_f32_fn(float *g, size_t n, double most);
typedef void fnn_clip_f64_fn(double *g, size_t n, double most);
typedef void fnn_penalty_f32_fn(float *g, const float *p, size_t n, double l1, double l2);
typedef void fnn_penalty_f64_fn(double *g, const double *p, size_t n, double l1, double l2);
typedef double fnn_sum_f32_fn(const float *x, size_t n);
typedef double fnn_sum_f64_fn(const double *x, size_t n);
typedef void fnn_lamb_f32_fn(const float *p, float *m, float *v, float *g, size_t n,
                             const fnn_elementwise_t *set);
typedef void fnn_lamb_f64_fn(const double *p, double *m, double *v, double *g, size_t n,
                             const fnn_elementwise_t *set);

#endif
