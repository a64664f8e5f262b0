/* Streaming metrics: sums in double over any number of batches, never averages of averages.
 *
 * A metric is a set, which says what is measured, and a state: an array of
 * fnn_metric_state_size() doubles, owned by the caller.  update adds a batch of predictions p
 * (rows, cols), after the output activation, and targets y, with weight (rows,) or NULL for ones.
 * result may be asked for at any time; before any weight has come in it is NaN.  merge adds the
 * batches that another state of the same set has seen; that state stays as it is.  A row of weight 0
 * contributes nothing, even where p is NaN.
 *
 * What y is, `targets` says:
 *
 *   columns   reals (rows, cols), each column a number or a question of its own, answered by yes
 *             where y > 1/2; predicted is yes where p > threshold
 *   one_hot   reals (rows, cols): a row's class is its first largest y, or (log_loss) a distribution
 *   labels    int32 (rows,) within [0, cols)
 *
 * With the last two the predicted class is the first largest p of a row.
 *
 *   absolute_error        sum w |y - p| / (cols sum w)
 *   squared_error         sum w (y - p)^2 / (cols sum w)
 *   absolute_percentage_error   sum w |y - p| / max(|y|, 2^-52) / (cols sum w): a share, not 100
 *                         times as much, as scikit-learn's
 *   pinball               sum w max(a (y - p), (a - 1) (y - p)) / (cols sum w), a = param
 *   max_error             the largest |y - p| of all columns, of rows with a weight
 *   root_squared_error    per column sqrt(sum w (y - p)^2 / sum w), then the mean over columns,
 *                         as scikit-learn's root_mean_squared_error
 *   r2                    per column 1 - sum w (y - p)^2 / sum w (y - mean)^2, then the mean over
 *                         columns, as scikit-learn's r2_score (its rules for a constant column too);
 *                         the means and centred sums of batches are merged by Chan, Golub and
 *                         LeVeque (1983), which does not cancel
 *   explained_variance    per column 1 - variance(y - p) / variance(y), then the mean over columns;
 *                         a constant column as r2's
 *   accuracy              columns: the share of right answers in all columns; else of right classes
 *   top_k                 share of rows with fewer than `count` classes before the right one; of
 *                         equal p the later class comes first, as scikit-learn's top_k_accuracy_score
 *   log_loss              -log p of the class, p kept within [eps, 1 - eps] of the type; one_hot:
 *                         -sum_j y_j log p_j; columns: -y log p - (1 - y) log(1 - p), their mean
 *
 * Of counts (tp, fp, fn, tn) for each class; 0 / 0 is 0:
 *
 *   precision             tp / (tp + fp)
 *   recall                tp / (tp + fn)
 *   specificity           tn / (tn + fp)
 *   f_beta                (1 + b^2) tp / ((1 + b^2) tp + b^2 fn + fp), b = param
 *   balanced_accuracy     mean recall of the classes that have rows
 *   matthews              Gorodkin's (2004) correlation of classes; 0 if targets or predictions are
 *                         all of one class
 *
 * The first four for class `count` alone (one_class), from the counts of all classes together
 * (micro), or as a mean over the classes: plain (macro) or by tp + fn (weighted).  A class that has
 * neither rows nor predictions is left out of these, but no column of several is.  One column has
 * the classes 0 and 1.
 *
 *   roc_auc_bins          areas under the two curves, from weights of positive and negative rows in
 *   pr_auc_bins           `count` bins of equal width over [0, 1]: rows in one bin count as tied.
 *                         The first is within sum_bins pos neg / (2 P N) of the exact area, the
 *                         second is the average precision, sum (R_i - R_{i-1}) P_i.  Each column, or
 *                         each class against the others, then averaged (macro, weighted by positive
 *                         rows, or micro: all scores in one curve); two classes are one question.
 *                         Without positive or negative rows NaN, and 0 without positive ones */
#ifndef FASTNN_METRIC_H
#define FASTNN_METRIC_H

#include "fastnn/base.h"

typedef enum {
    FNN_ABSOLUTE_ERROR = 0,
    FNN_SQUARED_ERROR,
    FNN_ABSOLUTE_PERCENTAGE_ERROR,
    FNN_PINBALL,
    FNN_MAX_ERROR,
    FNN_ROOT_SQUARED_ERROR,
    FNN_R2,
    FNN_EXPLAINED_VARIANCE,
    FNN_ACCURACY,
    FNN_TOP_K,
    FNN_LOG_LOSS,
    FNN_PRECISION, /* from here on from counts */
    FNN_RECALL,
    FNN_SPECIFICITY,
    FNN_F_BETA,
    FNN_BALANCED_ACCURACY,
    FNN_MATTHEWS,
    FNN_ROC_AUC_BINS, /* from here on from bins */
    FNN_PR_AUC_BINS,
    FNN_METRIC_COUNT
} fnn_metric_t;

typedef enum {
    FNN_TARGETS_COLUMNS = 0,
    FNN_TARGETS_ONE_HOT,
    FNN_TARGETS_LABELS,
    FNN_TARGETS_COUNT
} fnn_targets_t;

typedef enum {
    FNN_AVERAGE_ONE_CLASS = 0,
    FNN_AVERAGE_MICRO,
    FNN_AVERAGE_MACRO,
    FNN_AVERAGE_WEIGHTED,
    FNN_AVERAGE_COUNT
} fnn_average_t;

typedef struct {
    fnn_metric_t kind;
    fnn_targets_t targets;
    fnn_average_t average;
    size_t count;     /* top_k: k; bins: how many; one_class: which */
    double threshold; /* columns: p above it is a yes */
    double param;     /* pinball's a, f_beta's b */
} fnn_metric_set_t;

/* Whether the parts go together and suit outputs of `cols` columns; all others take only such. */
bool fnn_metric_is_sound(const fnn_metric_set_t *set, size_t cols);

size_t fnn_metric_state_size(const fnn_metric_set_t *set, size_t cols);
void fnn_metric_reset(const fnn_metric_set_t *set, double *state, size_t cols);
void fnn_metric_update_f32(const fnn_metric_set_t *set, double *state, const float *p,
                           const void *y, const float *weight, size_t rows, size_t cols);
void fnn_metric_update_f64(const fnn_metric_set_t *set, double *state, const double *p,
                           const void *y, const double *weight, size_t rows, size_t cols);

/* update of a metric from counts, with labels as targets, by predicted classes. */
void fnn_metric_update_classes(const fnn_metric_set_t *set, double *state,
                               const int32_t *predicted, const int32_t *actual,
                               const double *weight, size_t rows, size_t cols);
void fnn_metric_merge(const fnn_metric_set_t *set, double *state, const double *other,
                      size_t cols);
double fnn_metric_result(const fnn_metric_set_t *set, const double *state, size_t cols);

#endif
