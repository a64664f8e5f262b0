/* Streaming metrics.  Contract: fastnn/metric.h; oracles: scikit-learn, tests/reference/metric.py
 *
 * A state begins with the sum of weights.  Behind it lies one sum, or what the metric keeps for each
 * column or class.  Products and sums are in double, one after the other: a metric reads a few
 * numbers a row and is never where the time goes. */
#include "fastnn/metric.h"

#include <float.h>
#include <math.h>

/* A value is taken relative to its first one, `origin`, so that a mean far from 0 costs no digits
 * and a constant has a spread of exactly 0. */
typedef struct {
    double origin; /* the value in the first row that counts */
    double mean;   /* of value - origin */
    double spread; /* sum w (value - its mean)^2 */
} moments_t;

typedef struct {
    double squares;  /* r2: sum w (y - p)^2 */
    moments_t error; /* explained_variance: of y - p */
    moments_t y;
} column_t;

/* r2 and explained_variance */
typedef struct {
    double weight, rows; /* rows of weight 0 too */
    column_t columns[];
} spread_t;

/* Weights of a class's rows, by 2 * (is it so) + (is it predicted). */
enum { TN, FP, FN, TP, COUNTS };

static bool has_classes(const fnn_metric_set_t *set) {
    return set->targets != FNN_TARGETS_COLUMNS;
}

static bool is_of_spread(const fnn_metric_set_t *set) {
    return set->kind == FNN_R2 || set->kind == FNN_EXPLAINED_VARIANCE;
}

static bool is_of_counts(const fnn_metric_set_t *set) {
    return set->kind >= FNN_PRECISION && set->kind < FNN_ROC_AUC_BINS;
}

static bool is_of_bins(const fnn_metric_set_t *set) {
    return set->kind >= FNN_ROC_AUC_BINS;
}

/* Curves of a metric from bins; two classes are one question, whether it is the second. */
static size_t curves_of(const fnn_metric_set_t *set, size_t cols) {
    return has_classes(set) && cols == 2 ? 1 : cols;
}

static size_t classes_of(size_t cols) {
    return cols == 1 ? 2 : cols;
}

bool fnn_metric_is_sound(const fnn_metric_set_t *set, size_t cols) {
    if ((unsigned)set->kind >= FNN_METRIC_COUNT || (unsigned)set->targets >= FNN_TARGETS_COUNT ||
        (unsigned)set->average >= FNN_AVERAGE_COUNT || cols == 0 || (has_classes(set) && cols < 2))
        return false;
    switch (set->kind) {
    case FNN_ACCURACY:
    case FNN_LOG_LOSS:
        return true;
    case FNN_TOP_K:
        return has_classes(set) && set->count > 0;
    case FNN_PRECISION:
    case FNN_RECALL:
    case FNN_SPECIFICITY:
    case FNN_F_BETA:
        return set->average != FNN_AVERAGE_ONE_CLASS || set->count < classes_of(cols);
    case FNN_BALANCED_ACCURACY:
    case FNN_MATTHEWS:
        return has_classes(set) || cols == 1;
    case FNN_ROC_AUC_BINS:
    case FNN_PR_AUC_BINS:
        return set->average != FNN_AVERAGE_ONE_CLASS && set->count >= 2;
    default:
        return set->targets == FNN_TARGETS_COLUMNS;
    }
}

size_t fnn_metric_state_size(const fnn_metric_set_t *set, size_t cols) {
    if (is_of_spread(set))
        return (sizeof(spread_t) + cols * sizeof(column_t)) / sizeof(double);
    if (is_of_counts(set))
        return 1 + COUNTS * cols;
    if (is_of_bins(set))
        return 1 + 2 * set->count * curves_of(set, cols);
    return set->kind == FNN_ROOT_SQUARED_ERROR ? 1 + cols : 2;
}

void fnn_metric_reset(const fnn_metric_set_t *set, double *state, size_t cols) {
    const size_t size = fnn_metric_state_size(set, cols);
    for (size_t i = 0; i < size; ++i)
        state[i] = 0;
}

static void count_class(double *counts, size_t predicted, size_t actual, double w) {
    if (predicted == actual)
        counts[COUNTS * actual + TP] += w;
    else {
        counts[COUNTS * predicted + FP] += w;
        counts[COUNTS * actual + FN] += w;
    }
}

void fnn_metric_update_classes(const fnn_metric_set_t *set, double *state,
                               const int32_t *predicted, const int32_t *actual,
                               const double *weight, size_t rows, size_t cols) {
    (void)set;
    (void)cols;
    for (size_t i = 0; i < rows; ++i) {
        const double w = weight != NULL ? weight[i] : 1;
        state[0] += w;
        count_class(state + 1, (size_t)predicted[i], (size_t)actual[i], w);
    }
}

#define real float
#define FNN_REAL_EPSILON FLT_EPSILON
#define FNN_TYPED(name) name##_f32
#include "metric.inc"
#undef real
#undef FNN_REAL_EPSILON
#undef FNN_TYPED

#define real double
#define FNN_REAL_EPSILON DBL_EPSILON
#define FNN_TYPED(name) name##_f64
#include "metric.inc"
#undef real
#undef FNN_REAL_EPSILON
#undef FNN_TYPED

/* Moments about two origins, merged by Chan, Golub and LeVeque (1983). */
static void merge_moments(moments_t *to, double weight, const moments_t *from, double other) {
    const double all = weight + other;
    const double shift = (from->origin - to->origin) + (from->mean - to->mean);
    to->spread += from->spread + shift * shift * (weight * other / all);
    to->mean += shift * (other / all);
}

static void spread_merge(spread_t *state, const spread_t *other, size_t cols) {
    state->rows += other->rows;
    if (other->weight == 0)
        return;
    for (size_t j = 0; j < cols; ++j) {
        column_t *to = &state->columns[j];
        const column_t *from = &other->columns[j];
        if (state->weight == 0) {
            *to = *from;
            continue;
        }
        to->squares += from->squares;
        merge_moments(&to->y, state->weight, &from->y, other->weight);
        merge_moments(&to->error, state->weight, &from->error, other->weight);
    }
    state->weight += other->weight;
}

void fnn_metric_merge(const fnn_metric_set_t *set, double *state, const double *other,
                      size_t cols) {
    if (is_of_spread(set)) {
        spread_merge((spread_t *)state, (const spread_t *)other, cols);
        return;
    }
    if (set->kind == FNN_MAX_ERROR) {
        state[0] += other[0];
        if (other[1] > state[1] || other[1] != other[1])
            state[1] = other[1];
        return;
    }
    const size_t size = fnn_metric_state_size(set, cols);
    for (size_t i = 0; i < size; ++i)
        state[i] += other[i];
}

static double root_squared_error(const double *state, size_t cols) {
    double sum = 0;
    for (size_t j = 0; j < cols; ++j)
        sum += sqrt(state[1 + j] / state[0]);
    return sum / (double)cols;
}

/* scikit-learn's rules: r2 is NaN below two rows; a constant column scores 1 if it is met exactly
 * (but for a constant, where variance is explained), else 0. */
static double explained(const fnn_metric_set_t *set, const spread_t *state, size_t cols) {
    if (set->kind == FNN_R2 && state->rows < 2)
        return NAN;
    double sum = 0;
    for (size_t j = 0; j < cols; ++j) {
        const column_t *column = &state->columns[j];
        const double error = set->kind == FNN_R2 ? column->squares : column->error.spread;
        if (error == 0)
            sum += 1;
        else if (column->y.spread != 0)
            sum += 1 - error / column->y.spread;
    }
    return sum / (double)cols;
}

/* ---- counts --------------------------------------------------------------------------------- */

/* The counts of class j; its true negatives only where they are kept or asked for. */
static void counts_of_class(const fnn_metric_set_t *set, const double *counts, size_t cols,
                            size_t j, double out[COUNTS]) {
    if (cols == 1) { /* no is yes to the other class */
        for (size_t k = 0; k < COUNTS; ++k)
            out[k] = counts[j == 1 ? k : TP - k];
        return;
    }
    for (size_t k = 0; k < COUNTS; ++k)
        out[k] = counts[COUNTS * j + k];
    if (!has_classes(set) || set->kind != FNN_SPECIFICITY)
        return;
    double others = 0; /* rows of other classes; the sum of all less its own would cancel */
    for (size_t i = 0; i < cols; ++i)
        others += i != j ? counts[COUNTS * i + TP] + counts[COUNTS * i + FN] : 0;
    out[TN] = others > out[FP] ? others - out[FP] : 0;
}

static double ratio(double part, double whole) {
    return whole > 0 ? part / whole : 0;
}

static double score_of_counts(const fnn_metric_set_t *set, const double c[COUNTS]) {
    const double square = set->param * set->param;
    switch (set->kind) {
    case FNN_PRECISION:
        return ratio(c[TP], c[TP] + c[FP]);
    case FNN_RECALL:
        return ratio(c[TP], c[TP] + c[FN]);
    case FNN_SPECIFICITY:
        return ratio(c[TN], c[TN] + c[FP]);
    default: /* FNN_F_BETA */
        return ratio((1 + square) * c[TP], (1 + square) * c[TP] + square * c[FN] + c[FP]);
    }
}

static double average_of_counts(const fnn_metric_set_t *set, const double *counts, size_t cols) {
    double c[COUNTS], all[COUNTS] = {0, 0, 0, 0};
    double plain = 0, present = 0, weighted = 0, support = 0;
    if (set->average == FNN_AVERAGE_ONE_CLASS) {
        counts_of_class(set, counts, cols, set->count, c);
        return score_of_counts(set, c);
    }
    const bool may_lack = has_classes(set) || cols == 1;
    for (size_t j = 0; j < classes_of(cols); ++j) {
        counts_of_class(set, counts, cols, j, c);
        if (may_lack && c[TP] + c[FP] + c[FN] == 0)
            continue;
        const double score = score_of_counts(set, c), rows = c[TP] + c[FN];
        plain += score;
        present += 1;
        weighted += rows * score;
        support += rows;
        for (size_t k = 0; k < COUNTS; ++k)
            all[k] += c[k];
    }
    if (set->average == FNN_AVERAGE_MICRO)
        return score_of_counts(set, all);
    return set->average == FNN_AVERAGE_WEIGHTED && support > 0 ? weighted / support
                                                               : plain / present;
}

static double balanced_accuracy(const fnn_metric_set_t *set, const double *counts, size_t cols) {
    double sum = 0, present = 0, c[COUNTS];
    for (size_t j = 0; j < classes_of(cols); ++j) {
        counts_of_class(set, counts, cols, j, c);
        if (c[TP] + c[FN] == 0)
            continue;
        sum += c[TP] / (c[TP] + c[FN]);
        present += 1;
    }
    return sum / present;
}

static double matthews(const fnn_metric_set_t *set, const double *counts, size_t cols) {
    const size_t classes = classes_of(cols);
    double hits = 0, all = 0, product = 0, c[COUNTS];
    for (size_t j = 0; j < classes; ++j) {
        counts_of_class(set, counts, cols, j, c);
        hits += c[TP];
        all += c[TP] + c[FN];
        product += (c[TP] + c[FN]) * (c[TP] + c[FP]);
    }
    /* all^2 - sum n_j^2 = sum n_j (all - n_j): 0 exactly if all rows are in one class */
    double actual = 0, predicted = 0;
    for (size_t j = 0; j < classes; ++j) {
        counts_of_class(set, counts, cols, j, c);
        actual += (c[TP] + c[FN]) * (all - (c[TP] + c[FN]));
        predicted += (c[TP] + c[FP]) * (all - (c[TP] + c[FP]));
    }
    const double square = actual * predicted;
    return square > 0 ? (hits * all - product) / sqrt(square) : 0;
}

/* ---- bins ----------------------------------------------------------------------------------- */

/* The area of one curve, and in *positive the weight of its positive rows.  With `micro` the `curves`
 * from this one on are one. */
static double area(const fnn_metric_set_t *set, const double *bins, size_t curves,
                   double *positive) {
    const size_t n = set->count;
    double yes = 0, no = 0, ranked = 0;
    for (size_t b = 0; b < n; ++b)
        for (size_t j = 0; j < curves; ++j) {
            no += bins[2 * n * j + b];
            yes += bins[2 * n * j + n + b];
        }
    *positive = yes;
    if (set->kind == FNN_PR_AUC_BINS && yes == 0)
        return 0;
    if (set->kind == FNN_ROC_AUC_BINS && (yes == 0 || no == 0))
        return NAN;
    double above = 0, above_no = 0; /* positive and negative rows from this bin up */
    for (size_t b = n; b-- > 0;) {
        double here = 0, here_no = 0;
        for (size_t j = 0; j < curves; ++j) {
            here_no += bins[2 * n * j + b];
            here += bins[2 * n * j + n + b];
        }
        if (set->kind == FNN_ROC_AUC_BINS)
            ranked += here_no * (above + here / 2);
        above += here;
        above_no += here_no;
        if (set->kind == FNN_PR_AUC_BINS && here > 0)
            ranked += here * (above / (above + above_no));
    }
    return set->kind == FNN_ROC_AUC_BINS ? ranked / (yes * no) : ranked / yes;
}

static double average_of_curves(const fnn_metric_set_t *set, const double *bins, size_t curves) {
    double plain = 0, weighted = 0, support = 0, positive;
    if (set->average == FNN_AVERAGE_MICRO)
        return area(set, bins, curves, &positive);
    for (size_t j = 0; j < curves; ++j) {
        const double score = area(set, bins + 2 * set->count * j, 1, &positive);
        plain += score;
        if (positive > 0)
            weighted += positive * score;
        support += positive;
    }
    if (set->average == FNN_AVERAGE_MACRO || curves == 1)
        return plain / (double)curves;
    return support > 0 ? weighted / support : 0;
}

double fnn_metric_result(const fnn_metric_set_t *set, const double *state, size_t cols) {
    if (state[0] == 0 || cols == 0)
        return NAN;
    switch (set->kind) {
    case FNN_MAX_ERROR:
        return state[1];
    case FNN_ROOT_SQUARED_ERROR:
        return root_squared_error(state, cols);
    case FNN_R2:
    case FNN_EXPLAINED_VARIANCE:
        return explained(set, (const spread_t *)state, cols);
    case FNN_PRECISION:
    case FNN_RECALL:
    case FNN_SPECIFICITY:
    case FNN_F_BETA:
        return average_of_counts(set, state + 1, cols);
    case FNN_BALANCED_ACCURACY:
        return balanced_accuracy(set, state + 1, cols);
    case FNN_MATTHEWS:
        return matthews(set, state + 1, cols);
    case FNN_ROC_AUC_BINS:
    case FNN_PR_AUC_BINS:
        return average_of_curves(set, state + 1, curves_of(set, cols));
    default: /* one term a row, or one a column */
        return state[1] / (has_classes(set) ? state[0] : state[0] * (double)cols);
    }
}
