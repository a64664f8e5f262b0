/* Streaming metrics.  Contract: fastnn/metric.h; oracles: scikit-learn, tests/reference/metric.py
 *
 * A state is the sum of weights and one sum, but for two metrics that keep something a column.
 * Products and sums are in double, one after the other: a metric reads a few numbers a row and is
 * never where the time goes. */
#include "fastnn/metric.h"

#include <math.h>

/* y is taken relative to its first value, `origin`, so that a mean far from 0 costs no digits and a
 * constant column has a spread of exactly 0. */
typedef struct {
    double error;  /* sum w (y - p)^2 */
    double origin; /* y of the first row that counts */
    double mean;   /* of y - origin */
    double spread; /* sum w (y - mean of y)^2 */
} r2_column_t;

typedef struct {
    double weight, rows; /* rows of weight 0 too */
    r2_column_t columns[];
} r2_t;

size_t fnn_metric_state_size(fnn_metric_t metric, size_t cols) {
    if (metric == FNN_R2)
        return (sizeof(r2_t) + cols * sizeof(r2_column_t)) / sizeof(double);
    return metric == FNN_ROOT_SQUARED_ERROR ? 1 + cols : 2;
}

void fnn_metric_reset(fnn_metric_t metric, double *state, size_t cols) {
    const size_t size = fnn_metric_state_size(metric, cols);
    for (size_t i = 0; i < size; ++i)
        state[i] = 0;
}

#define real float
#define FNN_TYPED(name) name##_f32
#include "metric.inc"
#undef real
#undef FNN_TYPED

#define real double
#define FNN_TYPED(name) name##_f64
#include "metric.inc"
#undef real
#undef FNN_TYPED

/* Moments about two origins, merged by Chan, Golub and LeVeque (1983). */
static void r2_merge(r2_t *state, const r2_t *other, size_t cols) {
    state->rows += other->rows;
    if (other->weight == 0)
        return;
    const double all = state->weight + other->weight;
    for (size_t j = 0; j < cols; ++j) {
        r2_column_t *to = &state->columns[j];
        const r2_column_t *from = &other->columns[j];
        if (state->weight == 0) {
            *to = *from;
            continue;
        }
        const double shift = (from->origin - to->origin) + (from->mean - to->mean);
        to->error += from->error;
        to->spread += from->spread + shift * shift * (state->weight * other->weight / all);
        to->mean += shift * (other->weight / all);
    }
    state->weight = all;
}

void fnn_metric_merge(fnn_metric_t metric, double *state, const double *other, size_t cols) {
    if (metric == FNN_R2) {
        r2_merge((r2_t *)state, (const r2_t *)other, cols);
        return;
    }
    const size_t size = fnn_metric_state_size(metric, cols);
    for (size_t i = 0; i < size; ++i)
        state[i] += other[i];
}

static double root_squared_error(const double *state, size_t cols) {
    double sum = 0;
    for (size_t j = 0; j < cols; ++j)
        sum += sqrt(state[1 + j] / state[0]);
    return sum / (double)cols;
}

/* scikit-learn's rules: NaN below two rows; a constant column scores 1 if it is met exactly, else
 * 0. */
static double r2(const r2_t *state, size_t cols) {
    if (state->rows < 2)
        return NAN;
    double sum = 0;
    for (size_t j = 0; j < cols; ++j) {
        const r2_column_t *column = &state->columns[j];
        if (column->error == 0)
            sum += 1;
        else if (column->spread != 0)
            sum += 1 - column->error / column->spread;
    }
    return sum / (double)cols;
}

double fnn_metric_result(fnn_metric_t metric, const double *state, size_t cols) {
    if (state[0] == 0 || cols == 0)
        return NAN;
    switch (metric) {
    case FNN_ROOT_SQUARED_ERROR:
        return root_squared_error(state, cols);
    case FNN_R2:
        return r2((const r2_t *)state, cols);
    case FNN_CATEGORICAL_ACCURACY:
    case FNN_SPARSE_ACCURACY: /* one term a row */
        return state[1] / state[0];
    default:
        return state[1] / (state[0] * (double)cols);
    }
}
