/* Streaming metrics: sums in double over any number of batches, never averages of averages.
 *
 * A metric's state is an array of fnn_metric_state_size() doubles, owned by the caller.  update adds
 * a batch of predictions (rows, cols), after the output activation, and targets y: reals (rows,
 * cols), or int32 labels (rows,) for sparse_accuracy.  weight is (rows,) or NULL for ones.  result
 * may be asked for at any time; before any weight has come in it is NaN.  merge adds the batches that
 * another state of the same metric has seen; that state stays as it is.
 *
 *   absolute_error        sum w |y - p| / (cols sum w)
 *   squared_error         sum w (y - p)^2 / (cols sum w)
 *   root_squared_error    per column sqrt(sum w (y - p)^2 / sum w), then the mean over columns,
 *                         as scikit-learn's root_mean_squared_error
 *   r2                    per column 1 - sum w (y - p)^2 / sum w (y - mean)^2, then the mean over
 *                         columns, as scikit-learn's r2_score (its rules for a constant column too);
 *                         the means and centred sums of batches are merged by Chan, Golub and
 *                         LeVeque (1983), which does not cancel
 *   binary_accuracy       share of (p > 1/2) == (y > 1/2), over all columns
 *   categorical_accuracy  share of rows whose first largest p is where the first largest y is
 *   sparse_accuracy       share of rows whose first largest p is at the label */
#ifndef FASTNN_METRIC_H
#define FASTNN_METRIC_H

#include "fastnn/base.h"

typedef enum {
    FNN_ABSOLUTE_ERROR = 0,
    FNN_SQUARED_ERROR,
    FNN_ROOT_SQUARED_ERROR,
    FNN_R2,
    FNN_BINARY_ACCURACY,
    FNN_CATEGORICAL_ACCURACY,
    FNN_SPARSE_ACCURACY,
    FNN_METRIC_COUNT
} fnn_metric_t;

size_t fnn_metric_state_size(fnn_metric_t metric, size_t cols);
void fnn_metric_reset(fnn_metric_t metric, double *state, size_t cols);
void fnn_metric_update_f32(fnn_metric_t metric, double *state, const float *p, const void *y,
                           const float *weight, size_t rows, size_t cols);
void fnn_metric_update_f64(fnn_metric_t metric, double *state, const double *p, const void *y,
                           const double *weight, size_t rows, size_t cols);
void fnn_metric_merge(fnn_metric_t metric, double *state, const double *other, size_t cols);
double fnn_metric_result(fnn_metric_t metric, const double *state, size_t cols);

#endif
