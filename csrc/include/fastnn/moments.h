/* Mean and variance of the columns of rows that come in any number of pieces, in one pass.
 *
 * Rows are read through a source (any real type and strides), in blocks that stay in cache; a
 * block's moments come from two passes over it, in double, and are merged with those before by the
 * formulas of Chan, Golub and LeVeque (1983).  All is measured from a column's first value, so the
 * digits hold for any number of rows and any offset. */
#ifndef FASTNN_MOMENTS_H
#define FASTNN_MOMENTS_H

#include "fastnn/source.h"

typedef struct {
    double weight; /* of the values seen: their number where rows have no weights */
    double origin; /* the first of them */
    double mean;   /* from there */
    double spread; /* sum of weight * (value - origin - mean)^2 */
} fnn_moments_t;

/* Doubles of scratch that fnn_moments_update wants. */
size_t fnn_moments_work_size(size_t cols);

/* Adds `rows` rows of `source` to state (source->cols,), which begins as zeros.  weight (rows,) or
 * NULL for ones; a row of weight 0 takes no part.  Inf is refused, and so is NaN unless `skip_nan`,
 * which leaves a NaN out of its column.  Returns the first row refused, or FNN_ALL_FINITE; after a
 * refusal the state is of no use. */
size_t fnn_moments_update(fnn_moments_t *state, const fnn_source_t *source, const double *weight,
                          size_t rows, bool skip_nan, double *work);

#endif
