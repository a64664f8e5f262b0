/* Contract: fastnn/moments.h; tests: tests/test_norm_kernels.py */
#include "fastnn/moments.h"

#include <math.h>

enum {
    BLOCK_DOUBLES = 4096, /* values gathered at a time: 32 kB; */
    LEAST_ROWS = 16       /* but a merge takes as long as some rows */
};

static size_t block_rows(size_t cols) {
    const size_t rows = BLOCK_DOUBLES / (cols > 0 ? cols : 1);
    return rows > LEAST_ROWS ? rows : LEAST_ROWS;
}

/* A block of rows, and a column's weight, sum, squared distances and distances each. */
size_t fnn_moments_work_size(size_t cols) { return (block_rows(cols) + 4) * cols; }

/* The weight of a value: that of its row, 0 for NaN. */
static inline double weight_of(double value, double weight, bool skip_nan) {
    return skip_nan && isnan(value) ? 0 : weight;
}

/* Columns that have seen nothing yet begin at their first value that counts; then all values are
 * taken from their column's origin on. */
static void centre_block(fnn_moments_t *state, double *x, const double *weight, size_t rows,
                         size_t cols, bool skip_nan, bool *begun) {
    for (size_t i = 0; i < rows && !*begun; ++i) {
        if (weight != NULL && weight[i] == 0)
            continue;
        *begun = true;
        for (size_t j = 0; j < cols; ++j) {
            if (state[j].weight > 0 || state[j].origin != 0)
                continue;
            if (skip_nan && isnan(x[i * cols + j]))
                *begun = false;
            else
                state[j].origin = x[i * cols + j];
        }
    }
    for (size_t i = 0; i < rows; ++i)
        for (size_t j = 0; j < cols; ++j)
            x[i * cols + j] -= state[j].origin;
}

/* One block, in passes along its rows: a column's mean first, then the distances from it.  The
 * distances add up to 0 but for the rounding of the mean; what that adds to the squares is taken
 * off again, and the mean is put right. */
static void add_block(fnn_moments_t *state, const double *x, const double *weight, size_t rows,
                      size_t cols, bool skip_nan, double *scratch) {
    double *const total = scratch, *const mean = scratch + cols;
    double *const squares = scratch + 2 * cols, *const rest = scratch + 3 * cols;
    memset(scratch, 0, 4 * cols * sizeof *scratch);
    for (size_t i = 0; i < rows; ++i) {
        const double row_weight = weight != NULL ? weight[i] : 1;
        if (row_weight == 0)
            continue;
        for (size_t j = 0; j < cols; ++j) {
            const double w = weight_of(x[i * cols + j], row_weight, skip_nan);
            total[j] += w;
            mean[j] += w != 0 ? w * x[i * cols + j] : 0;
        }
    }
    for (size_t j = 0; j < cols; ++j)
        mean[j] = total[j] > 0 ? mean[j] / total[j] : 0;
    for (size_t i = 0; i < rows; ++i) {
        const double row_weight = weight != NULL ? weight[i] : 1;
        if (row_weight == 0)
            continue;
        for (size_t j = 0; j < cols; ++j) {
            const double w = weight_of(x[i * cols + j], row_weight, skip_nan);
            const double d = w != 0 ? x[i * cols + j] - mean[j] : 0;
            rest[j] += w * d;
            squares[j] += w * d * d;
        }
    }
    for (size_t j = 0; j < cols; ++j) {
        if (!(total[j] > 0))
            continue;
        const double before = state[j].weight, all = before + total[j];
        const double shift = mean[j] + rest[j] / total[j] - state[j].mean;
        const double spread = squares[j] - rest[j] * rest[j] / total[j];
        state[j].spread += (spread > 0 ? spread : 0) + shift * shift * (before * total[j] / all);
        state[j].mean = before > 0 ? state[j].mean + shift * (total[j] / all) : shift;
        state[j].weight = all;
    }
}

size_t fnn_moments_update(fnn_moments_t *state, const fnn_source_t *source, const double *weight,
                          size_t rows, bool skip_nan, double *work) {
    const size_t cols = source->cols, most = block_rows(cols);
    bool begun = false;
    for (size_t first = 0; first < rows; first += most) {
        const size_t block = rows - first < most ? rows - first : most;
        const size_t bad = fnn_gather_f64(work, source, NULL, first, block);
        if (bad != FNN_ALL_FINITE) {
            if (!skip_nan)
                return first + bad;
            for (size_t k = 0; k < block * cols; ++k)
                if (isinf(work[k]))
                    return first + k / cols;
        }
        const double *const weights = weight != NULL ? weight + first : NULL;
        const bool skips = skip_nan && bad != FNN_ALL_FINITE;
        centre_block(state, work, weights, block, cols, skips, &begun);
        add_block(state, work, weights, block, cols, skips, work + most * cols);
    }
    return FNN_ALL_FINITE;
}
