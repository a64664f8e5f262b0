/* Losses: value, gradient and (for those that work from logits) the output activation, in one go.
 *
 *   returns the sum over rows of  weight[i] * (sum of the row's terms), as a double
 *   dz      (rows, cols), if not NULL:  scale * weight[i] * d (sum of the row's terms) / d z
 *           (may be z)
 *   probs   (rows, cols), if not NULL:  the output activation of z (may be z; not the same array as
 *           dz); written by the losses for which fnn_loss_activates says so
 *
 * z holds the network's outputs, or its logits where a formula has sigmoid or softmax.  y is an
 * array of reals (rows, fnn_loss_target_cols), or int32 labels (rows,) within [0, cols) for
 * sparse_categorical_crossentropy.  weight is (rows,) or NULL for ones; a row of weight 0
 * contributes exactly nothing.  The caller passes scale = 1 / (sum of weights * terms a row), so
 * that dz is the gradient of the mean loss; the mean itself is the returned sum divided likewise.
 * `set` holds the numbers named below; it is read only.  NaN in gives NaN out.
 *
 * An element at a time, `cols` terms a row; e = z - y:
 *   mean_squared_error              e^2, no 1/2
 *   mean_absolute_error             |e|, derivative 0 at 0
 *   huber                           |e| <= delta ? e^2 / 2 : delta (|e| - delta / 2)  (Huber 1964)
 *   mean_absolute_percentage_error  100 |e| / max(|y|, epsilon)
 *   mean_squared_logarithmic_error  (log(1 + max(z, epsilon)) - log(1 + max(y, epsilon)))^2
 *   log_cosh                        log(cosh(e))
 *   quantile                        max(q (y - z), (q - 1) (y - z)), derivative 0 at 0; column j of
 *                                   z is quantile j % n_quantiles of target j / n_quantiles
 *                                   (Koenker and Bassett 1978)
 *   poisson                         m - y log(m)
 *   gamma                           log(m) + y / m
 *   tweedie                         m^(2-p) / (2-p) - y m^(1-p) / (1-p), p = power within (1, 2)
 *       negative log likelihoods less what does not depend on the mean m.  m = exp(z) where
 *       `log_input`.  Otherwise m = z, and below epsilon the loss goes on as its tangent there.
 *   binary_crossentropy             max(z, 0) - z y + log(1 + exp(-|z|));  probs = sigmoid(z)
 *   binary_focal_crossentropy       (1 - p_t)^gamma of it, p_t = y p + (1 - y) (1 - p),
 *                                   p = sigmoid(z); with `balance`
 *                                   times y alpha + (1 - y) (1 - alpha)
 *                                   (Lin et al. 2017, arXiv:1708.02002)
 *       both with y (1 - smoothing) + smoothing / 2 for y, which lies within [0, 1]
 *   hinge, squared_hinge            max(0, 1 - s z), its square;  s = y > 0 ? 1 : -1
 *   soft_margin                     log(1 + exp(-s z))
 *
 * An element of y at a time, cols / 2 terms a row:
 *   gaussian_nll                    (log v + (m - y)^2 / v) / 2, with `full` plus log(2 pi) / 2.
 *                                   The first half of the columns are the means m, the second half
 *                                   makes the variances: v = exp(z) + epsilon, or softplus(z) +
 *                                   epsilon, or z itself, held at epsilon with the derivative as
 *                                   if it were not (Nix and Weigend 1994)
 *
 * A row at a time, one term:
 *   categorical_crossentropy        sum_j y_j (logsumexp(z) - z_j);  probs = softmax(z), also below
 *   sparse_categorical_crossentropy the same for a y of 1 at the label, 0 elsewhere
 *       both with y_j (1 - smoothing) + smoothing / cols for y_j
 *   kl_divergence                   sum_j y_j (log y_j - log softmax(z)_j)
 *   categorical_focal_crossentropy  -alpha sum_j y_j (1 - p_j)^gamma log p_j, p = softmax(z);
 *                                   smoothed as the first two
 *   categorical_hinge               max(0, 1 + max_j (1 - y_j) z_j - sum_j y_j z_j)
 *   cosine_similarity               -sum_j y_j z_j / (max(|y|, epsilon) max(|z|, epsilon))
 *   margin_ranking                  max(0, margin - s (z_0 - z_1)), two columns, s of hinge
 *   own                             what a function says; dz must not be NULL */
#ifndef FASTNN_LOSS_H
#define FASTNN_LOSS_H

#include "fastnn/base.h"

typedef enum {
    FNN_MEAN_SQUARED_ERROR = 0,
    FNN_MEAN_ABSOLUTE_ERROR,
    FNN_HUBER,
    FNN_BINARY_CROSSENTROPY,
    FNN_CATEGORICAL_CROSSENTROPY,
    FNN_SPARSE_CATEGORICAL_CROSSENTROPY,
    FNN_MEAN_ABSOLUTE_PERCENTAGE_ERROR,
    FNN_MEAN_SQUARED_LOGARITHMIC_ERROR,
    FNN_LOG_COSH,
    FNN_QUANTILE,
    FNN_GAUSSIAN_NLL,
    FNN_POISSON,
    FNN_GAMMA,
    FNN_TWEEDIE,
    FNN_BINARY_FOCAL_CROSSENTROPY,
    FNN_CATEGORICAL_FOCAL_CROSSENTROPY,
    FNN_KL_DIVERGENCE,
    FNN_HINGE,
    FNN_SQUARED_HINGE,
    FNN_CATEGORICAL_HINGE,
    FNN_SOFT_MARGIN,
    FNN_COSINE_SIMILARITY,
    FNN_MARGIN_RANKING,
    FNN_OWN_LOSS,
    FNN_LOSS_COUNT
} fnn_loss_t;

/* A person's own loss, of the plan's type: for each row its value and the gradient of that value by
 * the row of y_pred.  It sees some of a batch's rows, from any thread, so rows must not depend on
 * each other.  y_pred and gradient are (rows, cols), y_true (rows, target_cols), value (rows,). */
typedef void fnn_own_loss_f32_fn(const float *y_pred, const float *y_true, float *value,
                                 float *gradient, size_t rows, size_t cols, void *user_data);
typedef void fnn_own_loss_f64_fn(const double *y_pred, const double *y_true, double *value,
                                 double *gradient, size_t rows, size_t cols, void *user_data);

typedef struct {
    fnn_own_loss_f32_fn *f32;
    fnn_own_loss_f64_fn *f64; /* only the one of the plan's type is called */
    void *user_data;
    size_t target_cols;          /* 0: as many as outputs */
    const volatile bool *failed; /* where not NULL: true makes the loss NaN, whatever the weights */
} fnn_own_loss_t;

/* How the second half of gaussian_nll's columns makes variances. */
typedef enum { FNN_VARIANCE_EXP = 0, FNN_VARIANCE_SOFTPLUS, FNN_VARIANCE_LINEAR } fnn_variance_t;

enum { FNN_MOST_QUANTILES = 128 };

/* The numbers a loss takes; each reads only those that the table above names. */
typedef struct {
    double delta, epsilon, power, gamma, alpha, margin, smoothing;
    bool log_input, balance, full;
    fnn_variance_t variance;
    fnn_own_loss_t own;
    size_t n_quantiles; /* 1 to FNN_MOST_QUANTILES */
    double quantiles[FNN_MOST_QUANTILES];
} fnn_loss_set_t;

/* How many terms of the mean a row of `cols` outputs holds. */
static inline size_t fnn_loss_terms(fnn_loss_t loss, size_t cols) {
    switch (loss) {
    case FNN_GAUSSIAN_NLL:
        return cols / 2;
    case FNN_CATEGORICAL_CROSSENTROPY:
    case FNN_SPARSE_CATEGORICAL_CROSSENTROPY:
    case FNN_CATEGORICAL_FOCAL_CROSSENTROPY:
    case FNN_KL_DIVERGENCE:
    case FNN_CATEGORICAL_HINGE:
    case FNN_COSINE_SIMILARITY:
    case FNN_MARGIN_RANKING:
    case FNN_OWN_LOSS:
        return 1;
    default:
        return cols;
    }
}

/* How wide a row of targets is. */
static inline size_t fnn_loss_target_cols(fnn_loss_t loss, size_t cols, const fnn_loss_set_t *set) {
    switch (loss) {
    case FNN_QUANTILE:
        return cols / set->n_quantiles;
    case FNN_GAUSSIAN_NLL:
        return cols / 2;
    case FNN_SPARSE_CATEGORICAL_CROSSENTROPY:
    case FNN_MARGIN_RANKING:
        return 1;
    case FNN_OWN_LOSS:
        return set->own.target_cols > 0 ? set->own.target_cols : cols;
    default:
        return cols;
    }
}

/* Whether `cols` outputs can be rows of this loss. */
static inline bool fnn_loss_takes(fnn_loss_t loss, size_t cols, const fnn_loss_set_t *set) {
    switch (loss) {
    case FNN_QUANTILE:
        return set->n_quantiles > 0 && cols % set->n_quantiles == 0;
    case FNN_GAUSSIAN_NLL:
        return cols % 2 == 0;
    case FNN_MARGIN_RANKING:
        return cols == 2;
    default:
        return true;
    }
}

/* Whether it writes probs: then z are logits, or logarithms of means. */
static inline bool fnn_loss_activates(fnn_loss_t loss, const fnn_loss_set_t *set) {
    switch (loss) {
    case FNN_BINARY_CROSSENTROPY:
    case FNN_CATEGORICAL_CROSSENTROPY:
    case FNN_SPARSE_CATEGORICAL_CROSSENTROPY:
    case FNN_BINARY_FOCAL_CROSSENTROPY:
    case FNN_CATEGORICAL_FOCAL_CROSSENTROPY:
    case FNN_KL_DIVERGENCE:
        return true;
    case FNN_POISSON:
    case FNN_GAMMA:
    case FNN_TWEEDIE:
        return set->log_input;
    default:
        return false;
    }
}

typedef double fnn_loss_f32_fn(const float *z, const void *y, const float *weight, float *probs,
                               float *dz, size_t rows, size_t cols, double scale,
                               const fnn_loss_set_t *set);
typedef double fnn_loss_f64_fn(const double *z, const void *y, const double *weight, double *probs,
                               double *dz, size_t rows, size_t cols, double scale,
                               const fnn_loss_set_t *set);

#endif
