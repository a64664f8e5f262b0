/* Contract: fastnn/update.h; tests: tests/test_update.py */
#include "fastnn/update.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "fastnn/memory.h"
#include "fastnn/pool.h"
#include "fastnn/rng.h"
#include "float_mode.h"
#include "update_rates.h"

/* ---- the constants of an update ------------------------------------------------------------- */

/* How much momentum nadam has in step t. */
static double nadam_momentum(const fnn_update_t *update, double t) {
    return update->beta1 * (1.0 - 0.5 * pow(0.96, t * update->momentum_decay));
}

/* radam's factor of the adaptive step; 0 while the variance is not to be had. */
static double rectification(double beta2, double power, double t) {
    const double most = 2.0 / (1.0 - beta2) - 1.0;
    const double rho = most - 2.0 * t * power / (1.0 - power);
    if (!(rho > 5.0))
        return 0.0;
    return sqrt((rho - 4.0) * (rho - 2.0) * most / ((most - 4.0) * (most - 2.0) * rho));
}

/* What follows from the number of the step and the powers. */
void fnn_update_complete_rates(const fnn_update_t *update, fnn_rates_t *rates) {
    const double t = (double)rates->t, *before = update->scalars;
    if (update->schedule != NULL)
        rates->lr = fnn_schedule_at(update->schedule, rates->t - 1);
    if (update->kind == FNN_NADAM) {
        rates->more[0] = nadam_momentum(update, t);
        rates->more[1] = nadam_momentum(update, t + 1.0);
        rates->more[2] = (rates->t > 1 ? before[0] : 1.0) * rates->more[0];
    } else if (update->kind == FNN_RADAM)
        rates->more[0] = rectification(update->beta2, rates->power[1], t);
    else if (update->kind == FNN_ADAFACTOR)
        rates->more[0] = pow(t, update->beta2_decay);
    else if (update->kind == FNN_SCHEDULE_FREE) {
        const double largest = rates->t > 1 ? before[0] : 0.0, sum = rates->t > 1 ? before[1] : 0.0;
        rates->more[1] = rates->lr > largest ? rates->lr : largest;
        const double weight = rates->more[1] * rates->more[1];
        rates->more[2] = sum + weight;
        rates->more[0] = weight > 0 ? weight / rates->more[2] : 0.0;
    }
}

void fnn_update_rates(const fnn_update_t *update, uint64_t t, fnn_rates_t *rates) {
    rates->t = t;
    rates->lr = update->lr;
    rates->power[0] = power(update->beta1, t);
    rates->power[1] = power(update->beta2, t);
    fnn_update_complete_rates(update, rates);
}

void fnn_update_end(const fnn_update_t *update, const fnn_rates_t *rates) {
    if (update->kind == FNN_NADAM)
        update->scalars[0] = rates->more[2];
    else if (update->kind == FNN_SCHEDULE_FREE) {
        update->scalars[0] = rates->more[1];
        update->scalars[1] = rates->more[2];
    }
}

/* The constants of an elementwise kernel; `decay` as in a stretch. */
static fnn_elementwise_t elementwise_of(const fnn_update_t *update, const fnn_rates_t *rates,
                                        double lr, double decay) {
    const double left = 1.0 - rates->power[0], square_left = 1.0 - rates->power[1];
    fnn_elementwise_t set = {
        .lr = lr,
        .root = 1.0 / sqrt(square_left),
        .beta1 = update->beta1,
        .one_minus_beta1 = 1.0 - update->beta1,
        .beta2 = update->beta2,
        .one_minus_beta2 = 1.0 - update->beta2,
        .eps = update->eps,
        .decay = 1.0 - lr * update->weight_decay * decay,
        .momentum = update->momentum,
        .least = update->least,
        .most = update->most,
    };
    switch (update->kind) {
    case FNN_AMSGRAD:
    case FNN_ADAMAX:
    case FNN_ADABELIEF:
        set.lr = lr / left;
        break;
    case FNN_NADAM: {
        const double now = rates->more[0], next = rates->more[1], product = rates->more[2];
        set.lr = lr * (1.0 - now) / (1.0 - product);
        set.a = lr * next / (1.0 - product * next);
        break;
    }
    case FNN_RADAM:
        set.flag = rates->more[0] == 0;
        set.lr = lr / left * (set.flag ? 1.0 : rates->more[0] * sqrt(square_left));
        break;
    case FNN_RPROP:
        set.a = update->shrink;
        set.b = update->grow;
        break;
    case FNN_SCHEDULE_FREE:
        set.decay = 1.0;
        set.a = update->weight_decay * decay;
        set.b = rates->more[0];
        set.c = lr * (update->beta1 * (1.0 - rates->more[0]) - 1.0);
        break;
    case FNN_LAMB:
        set.lr = lr / left;
        set.a = update->weight_decay * decay;
        break;
    default:
        break;
    }
    return set;
}

/* ---- whole updates -------------------------------------------------------------------------- */

/* Part of one segment: what one thread takes at a time. */
enum { PIECE = 16384 };

typedef struct {
    size_t segment, first, size;
} piece_t;

typedef struct fnn_update_work {
    bool constrains;
    size_t n_pieces;
    piece_t *pieces;
    double *sums;      /* (2 n_pieces) of squares */
    double *factor;    /* (n_segments) of the gradient, or lamb's ratio of norms */
    double *columns;   /* of all segments, one behind the other */
    size_t *column_of; /* (n_segments) where those of a segment begin */
    void *matrix;      /* muon: twice the largest hidden kernel, */
    void *gram;        /* and twice the square of its shorter side */
    char *scratch;     /* of PARTS products */
    size_t scratch_bytes;
} fnn_update_work_t;

/* What a whole update tells its tasks. */
typedef struct {
    const fnn_kernels_t *kernels;
    const fnn_update_t *update;
    const fnn_rates_t *rates;
    const fnn_update_work_t *work;
    void *params, *grads;
    size_t threads, n; /* elements that are trained */
    size_t held;       /* gradients that were added up before this one */
} whole_t;

enum { PARTS = 8, PART_ROWS = FNN_GEMM_ROWS_ALIKE };

typedef enum { FNN_A_B, FNN_AT_B, FNN_A_BT } form_t;

typedef struct {
    const fnn_kernels_t *kernels;
    form_t form;
    void *c;
    const void *a, *b;
    size_t m, n, k, parts;
    unsigned flags;
    char *scratch;
    size_t scratch_bytes;
} product_t;

static bool wants_norms(const fnn_update_t *update) {
    return update->clip_norm > 0 || update->global_clip_norm > 0;
}

bool fnn_update_is_piecewise(const fnn_update_t *update) {
    bool piecewise = update->kind < FNN_LAMB && update->accumulate <= 1 &&
                     !(update->noise > 0) && !update->centralize && !(update->clip_value > 0) &&
                     !wants_norms(update);
    for (size_t s = 0; s < update->n_segments; ++s)
        piecewise = piecewise && update->segments[s].constraint == FNN_FREE;
    return piecewise;
}

fnn_status_t fnn_update_new_work(fnn_update_t *update, fnn_dtype_t dtype) {
    const size_t element = dtype == FNN_F32 ? sizeof(float) : sizeof(double);
    size_t pieces = 0, columns = 0, matrix = 0, gram = 0, scratch = 0;
    fnn_update_free_work(update);
    if (fnn_update_is_piecewise(update))
        return FNN_OK;
    for (size_t s = 0; s < update->n_segments; ++s) {
        const size_t rows = update->segments[s].rows, cols = update->segments[s].cols;
        const size_t side = rows < cols ? rows : cols, longer = rows < cols ? cols : rows;
        pieces += (rows * cols + PIECE - 1) / PIECE;
        columns += cols;
        if (!update->segments[s].hidden)
            continue;
        const size_t first = fnn_gemm_work_bytes(dtype, longer, side, longer);
        const size_t second = fnn_gemm_work_bytes(dtype, longer, cols, side);
        matrix = rows * cols > matrix ? rows * cols : matrix;
        gram = side * side > gram ? side * side : gram;
        scratch = first > scratch ? first : scratch;
        scratch = second > scratch ? second : scratch;
    }
    fnn_update_work_t *work = fnn_alloc(sizeof *work);
    if (work == NULL)
        return FNN_NO_MEMORY;
    update->work = work;
    work->scratch_bytes = (scratch + FNN_ALIGN - 1) / FNN_ALIGN * FNN_ALIGN;
    work->pieces = fnn_alloc(pieces * sizeof *work->pieces);
    work->sums = fnn_alloc(2 * pieces * sizeof *work->sums);
    work->factor = fnn_alloc(update->n_segments * sizeof *work->factor);
    work->columns = fnn_alloc(columns * sizeof *work->columns);
    work->column_of = fnn_alloc(update->n_segments * sizeof *work->column_of);
    if (matrix > 0) {
        work->matrix = fnn_alloc(2 * matrix * element);
        work->gram = fnn_alloc(2 * gram * element);
        work->scratch = fnn_alloc(PARTS * work->scratch_bytes);
    }
    if (work->pieces == NULL || work->sums == NULL || work->factor == NULL ||
        work->columns == NULL || work->column_of == NULL ||
        (matrix > 0 && (work->matrix == NULL || work->gram == NULL || work->scratch == NULL))) {
        fnn_update_free_work(update);
        return FNN_NO_MEMORY;
    }
    columns = 0;
    for (size_t s = 0; s < update->n_segments; ++s) {
        const fnn_segment_t *segment = &update->segments[s];
        const size_t size = segment->rows * segment->cols;
        work->constrains = work->constrains || segment->constraint != FNN_FREE;
        work->factor[s] = 1.0;
        work->column_of[s] = columns;
        columns += segment->cols;
        for (size_t at = 0; at < size; at += PIECE)
            work->pieces[work->n_pieces++] = (piece_t){
                s, segment->offset + at, size - at < PIECE ? size - at : (size_t)PIECE};
    }
    return FNN_OK;
}

void fnn_update_free_work(fnn_update_t *update) {
    fnn_update_work_t *work = update->work;
    update->work = NULL;
    if (work == NULL)
        return;
    fnn_free(work->pieces);
    fnn_free(work->sums);
    fnn_free(work->factor);
    fnn_free(work->columns);
    fnn_free(work->column_of);
    fnn_free(work->matrix);
    fnn_free(work->gram);
    fnn_free(work->scratch);
    fnn_free(work);
}

static void over_pieces(whole_t *whole, fnn_task_fn *task) {
    const size_t n = whole->work->n_pieces;
    fnn_pool_run(whole->threads, n, 0.5 * (double)whole->n, task, whole);
}

static void over_segments(whole_t *whole, fnn_task_fn *task) {
    fnn_pool_run(whole->threads, whole->update->n_segments, 2.0 * (double)whole->n, task, whole);
}

/* By how much clipping scales the gradient of each segment; false if a norm is not finite. */
static bool find_factors(const whole_t *whole) {
    const fnn_update_t *update = whole->update;
    const fnn_update_work_t *work = whole->work;
    double all = 0;
    for (size_t s = 0; s < update->n_segments; ++s)
        work->factor[s] = 1.0;
    if (!wants_norms(update))
        return true;
    for (size_t s = 0, k = 0; s < update->n_segments; ++s) {
        double square = 0;
        for (; k < work->n_pieces && work->pieces[k].segment == s; ++k)
            square += work->sums[k];
        const double norm = sqrt(square), most = update->clip_norm;
        if (!isfinite(norm))
            return false;
        work->factor[s] = most > 0 && norm > most ? most / norm : 1.0;
        all += square * work->factor[s] * work->factor[s];
    }
    const double norm = sqrt(all), most = update->global_clip_norm;
    if (most > 0 && norm > most)
        for (size_t s = 0; s < update->n_segments; ++s)
            work->factor[s] *= most / norm;
    return true;
}

/* lamb's ratio of the norms of parameter and direction; 1 where either is 0. */
static void find_trust(const whole_t *whole) {
    const fnn_update_work_t *work = whole->work;
    for (size_t s = 0, k = 0; s < whole->update->n_segments; ++s) {
        double param = 0, direction = 0;
        for (; k < work->n_pieces && work->pieces[k].segment == s; ++k) {
            param += work->sums[k];
            direction += work->sums[work->n_pieces + k];
        }
        work->factor[s] = param > 0 && direction > 0 ? sqrt(param) / sqrt(direction) : 1.0;
    }
}

/* What a column of norm n is multiplied by. */
static double column_factor(const fnn_segment_t *segment, double n) {
    if (segment->constraint == FNN_MAX_NORM)
        return n > segment->most ? segment->most / n : 1.0;
    if (n == 0)
        return 1.0;
    if (segment->constraint == FNN_UNIT_NORM)
        return 1.0 / n;
    const double wanted = n < segment->least ? segment->least : n > segment->most ? segment->most : n;
    return wanted == n ? 1.0 : (segment->rate * wanted + (1.0 - segment->rate) * n) / n;
}

/* c (m, n) = a product of depth k, its rows cut into parts. */
static void multiply(const whole_t *whole, fnn_task_fn *task, form_t form, void *c, const void *a,
                     const void *b, size_t m, size_t n, size_t k, unsigned flags) {
    const size_t most = m / PART_ROWS, parts = most < 1 ? 1 : most < PARTS ? most : PARTS;
    product_t product = {
        whole->kernels, form, c, a, b, m, n, k, parts, flags, whole->work->scratch,
        whole->work->scratch_bytes,
    };
    fnn_pool_run(whole->threads, parts, 0.02 * (double)m * (double)n * (double)k, task, &product);
}

#define real float
#define FNN_TYPED(name) name##_f32
#define FNN_TABLE f32
#define FNN_EPSILON FLT_EPSILON
#include "update.inc"
#undef real
#undef FNN_TYPED
#undef FNN_TABLE
#undef FNN_EPSILON

#define real double
#define FNN_TYPED(name) name##_f64
#define FNN_TABLE f64
#define FNN_EPSILON DBL_EPSILON
#include "update.inc"
#undef real
#undef FNN_TYPED
#undef FNN_TABLE
#undef FNN_EPSILON

fnn_status_t fnn_update_whole(const fnn_kernels_t *kernels, fnn_dtype_t dtype,
                              const fnn_update_t *update, const fnn_rates_t *rates, void *params,
                              void *grads, size_t threads, bool *updated) {
    whole_t whole = {
        .kernels = kernels,
        .update = update,
        .rates = rates,
        .work = update->work,
        .params = params,
        .grads = grads,
        .threads = threads,
    };
    for (size_t s = 0; s < update->n_segments; ++s)
        whole.n += update->segments[s].rows * update->segments[s].cols;
    return (dtype == FNN_F32 ? whole_update_f32 : whole_update_f64)(&whole, updated);
}

fnn_status_t fnn_update(const fnn_kernels_t *kernels, fnn_dtype_t dtype, const fnn_update_t *update,
                        uint64_t t, size_t n_params, void *params, void *grads, size_t threads,
                        bool *updated) {
    const float_mode_t mode = flush_subnormals();
    fnn_status_t status = FNN_OK;
    fnn_rates_t rates;
    fnn_update_rates(update, t, &rates);
    *updated = true;
    if (update->work != NULL)
        status = fnn_update_whole(kernels, dtype, update, &rates, params, grads, threads, updated);
    else
        (dtype == FNN_F32 ? fnn_update_range_f32 : fnn_update_range_f64)(
            kernels, update, &rates, params, grads, 0, n_params);
    if (status == FNN_OK && *updated)
        fnn_update_end(update, &rates);
    restore_mode(mode);
    return status;
}

void fnn_update_averages(const fnn_update_t *update, fnn_dtype_t dtype, size_t n_params,
                         const void *params, void *to) {
    memcpy(to, params, n_params * (dtype == FNN_F32 ? sizeof(float) : sizeof(double)));
    if (dtype == FNN_F32)
        averages_f32(update, params, to);
    else
        averages_f64(update, params, to);
}

double fnn_penalties(const fnn_kernels_t *kernels, fnn_dtype_t dtype,
                     const fnn_penalty_t *penalties, size_t n, const void *params) {
    double sum = 0;
    for (size_t k = 0; k < n; ++k) {
        const fnn_penalty_t *penalty = &penalties[k];
        const float *single = (const float *)params + penalty->offset;
        const double *twice = (const double *)params + penalty->offset;
        if (penalty->l1 != 0)
            sum += penalty->l1 * (dtype == FNN_F32 ? kernels->f32.abs_sum(single, penalty->size)
                                                   : kernels->f64.abs_sum(twice, penalty->size));
        if (penalty->l2 != 0)
            sum += penalty->l2 * (dtype == FNN_F32 ? kernels->f32.square_sum(single, penalty->size)
                                                   : kernels->f64.square_sum(twice, penalty->size));
    }
    return sum;
}
