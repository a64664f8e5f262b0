/* Losses: value, gradient and (for those that work from logits) the output activation, in one go.
 *
 *   returns the sum over rows of  weight[i] * (sum over cols of the loss's terms), as a double
 *   dz      (rows, cols), if not NULL:  scale * weight[i] * d term / d z       (may be z)
 *   probs   (rows, cols), if not NULL:  the output activation of z, written by the last three
 *           losses only (may be z; not the same array as dz)
 *
 * z is the network's output for the first three and its logits for the last three.  y is an array
 * of reals (rows, cols), or int32 labels (rows,) within [0, cols) for the sparse loss.  weight is
 * (rows,) or NULL for ones.  The caller passes scale = 1 / (sum of weights * terms a row), so that
 * dz is the gradient of the mean loss; the mean itself is the returned sum divided likewise.
 * NaN in gives NaN out.
 *
 *   mean_squared_error    (z - y)^2                        cols terms a row; no 1/2
 *   mean_absolute_error   |z - y|, derivative 0 at 0       cols terms a row
 *   huber                 |e| <= delta ? e^2 / 2 : delta (|e| - delta / 2),  delta = `param`  (Huber 1964)
 *   binary_crossentropy   max(z, 0) - z y + log(1 + exp(-|z|));  probs = sigmoid(z);  y within [0, 1]
 *   categorical_crossentropy         sum_j y_j (logsumexp(z) - z_j);  probs = softmax(z);  one term a row
 *   sparse_categorical_crossentropy  logsumexp(z) - z_y;              probs = softmax(z);  one term a row */
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
    FNN_LOSS_COUNT
} fnn_loss_t;

/* How many terms of the mean a row of `cols` outputs holds. */
static inline size_t fnn_loss_terms(fnn_loss_t loss, size_t cols) {
    return loss >= FNN_CATEGORICAL_CROSSENTROPY ? 1 : cols;
}

typedef double fnn_loss_f32_fn(const float *z, const void *y, const float *weight, float *probs,
                               float *dz, size_t rows, size_t cols, double scale, double param);
typedef double fnn_loss_f64_fn(const double *z, const void *y, const double *weight, double *probs,
                               double *dz, size_t rows, size_t cols, double scale, double param);

#endif
