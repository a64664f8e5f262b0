/* Contract: fastnn/predictor.h; tests: tests/test_predictor.py */
#include "fastnn/predictor.h"

#include <stdatomic.h>
#include <string.h>

#include "fastnn/memory.h"
#include "fastnn/pool.h"
#include "float_mode.h"

enum {
    STACK_BYTES = 16384,  /* a network that needs no more runs on the stack */
    SPARES = 64,          /* scratch kept for later calls: as much as ever was in use at once */
    BLOCK_BYTES = 262144, /* values of a block of rows, to stay in cache ... */
    FEWEST_ROWS = 16,     /* ... but parameters are to be used more than once, */
    MOST_ROWS = 64,       /* and no more rows than amortise a call of a kernel */
    SHARE_BLOCKS = 8,     /* of a thread's share at most: rows stay in cache from check to use */
    CHECKED_BYTES = 262144 /* of x, which are checked before anything is written */
};
static const double NS_PER_FLOP = 0.02; /* of small layers; large ones are twice as fast */

/* An op with everything looked up. */
typedef struct {
    size_t in, out; /* offsets in a row's values, or FNN_NONE: the caller's x, the caller's out */
    size_t in_cols, cols;
    const void *kernel, *bias; /* NULL: an activation alone, no bias */
    fnn_activation_t activation;
    double alpha;
} step_t;

struct fnn_predictor {
    fnn_dtype_t dtype;
    bool check_finite;
    size_t inputs, outputs, n_steps;
    size_t row_values; /* elements of scratch a row: the hidden tensors, each in whole lines */
    size_t work_bytes; /* of the products, before the rows' values */
    size_t block_rows; /* rows computed at once */
    double row_flops;
    bool on_stack;
    const fnn_kernels_t *kernels;
    step_t *steps;
    fnn_plan_t *plan; /* of a network that is no chain of dense layers and activations, else NULL */
    void *params;
    atomic_size_t holders;
    _Atomic(void *) spare[SPARES];
};

static const size_t ELEMENT[] = {[FNN_F32] = sizeof(float), [FNN_F64] = sizeof(double)};

/* ---- scratch -------------------------------------------------------------------------------- */

/* A workspace where there is a plan. */
static void *new_scratch(const fnn_predictor_t *predictor) {
    if (predictor->plan == NULL)
        return fnn_alloc(predictor->work_bytes + predictor->block_rows * predictor->row_values *
                                                     ELEMENT[predictor->dtype]);
    fnn_workspace_t *work;
    const fnn_status_t status =
        fnn_workspace_new(predictor->plan, predictor->block_rows, false, false, &work);
    return status == FNN_OK ? work : NULL;
}

static void free_scratch(const fnn_predictor_t *predictor, void *scratch) {
    if (predictor->plan == NULL)
        fnn_free(scratch);
    else
        fnn_workspace_free(scratch);
}

static void *borrow(fnn_predictor_t *predictor) {
    for (size_t i = 0; i < SPARES; ++i) {
        void *scratch = atomic_exchange(&predictor->spare[i], NULL);
        if (scratch != NULL)
            return scratch;
    }
    return new_scratch(predictor);
}

static void give_back(fnn_predictor_t *predictor, void *scratch) {
    for (size_t i = 0; i < SPARES; ++i) {
        void *none = NULL;
        if (atomic_compare_exchange_strong(&predictor->spare[i], &none, scratch))
            return;
    }
    free_scratch(predictor, scratch);
}

/* Rows through a plan; x has been checked. */
static fnn_status_t run_plan(const fnn_predictor_t *predictor, const void *x, void *out,
                             size_t rows, void *scratch) {
    const size_t element = ELEMENT[predictor->dtype];
    fnn_workspace_t *const work = scratch;
    const fnn_source_t source = {
        .data = x,
        .type = predictor->dtype == FNN_F32 ? FNN_FLOAT32 : FNN_FLOAT64,
        .row_stride = (ptrdiff_t)(predictor->inputs * element),
        .col_stride = (ptrdiff_t)element,
        .cols = predictor->inputs,
    };
    size_t bad;
    *fnn_function_failed() = false;
    return fnn_predict(predictor->plan, predictor->params, &work, 1, predictor->block_rows, &source,
                       rows, false, &out, NULL, NULL, &bad);
}

/* Many rows, cut into shares that threads take. */
typedef struct {
    fnn_predictor_t *predictor;
    const void *x;
    void *out;
    size_t rows, share; /* rows; of each share */
    bool check_finite;
    atomic_bool nonfinite;
    void *scratch[FNN_MOST_THREADS]; /* unused where the stack will do */
} many_t;

/* ---- what depends on the type --------------------------------------------------------------- */

#define real float
#define FNN_TYPED(name) name##_f32
#define FNN_TABLE f32
#include "predictor.inc"
#undef real
#undef FNN_TYPED
#undef FNN_TABLE

#define real double
#define FNN_TYPED(name) name##_f64
#define FNN_TABLE f64
#include "predictor.inc"
#undef real
#undef FNN_TYPED
#undef FNN_TABLE

fnn_status_t fnn_predictor_run(fnn_predictor_t *predictor, const void *x, void *out, size_t rows) {
    return predictor->dtype == FNN_F32 ? run_f32(predictor, x, out, rows)
                                       : run_f64(predictor, x, out, rows);
}

fnn_status_t fnn_predictor_run_many(fnn_predictor_t *predictor, const void *x, void *out,
                                    size_t rows, size_t threads) {
    const size_t blocks = rows / predictor->block_rows / (2 * threads) + 1;
    const size_t elements = rows * predictor->inputs;
    const bool first = elements * ELEMENT[predictor->dtype] <= CHECKED_BYTES;
    many_t many = {.predictor = predictor, .x = x, .out = out, .rows = rows};
    many.check_finite = predictor->check_finite && !first;
    if (predictor->check_finite && first &&
        !(predictor->dtype == FNN_F32 ? fnn_all_finite_f32(x, elements)
                                      : fnn_all_finite_f64(x, elements)))
        return FNN_NONFINITE_INPUT;
    many.share = predictor->block_rows * (blocks < SHARE_BLOCKS ? blocks : SHARE_BLOCKS);
    const size_t shares = (rows + many.share - 1) / many.share;
    fnn_status_t status = FNN_OK;
    size_t ready = 0;
    threads = threads < shares ? threads : shares;
    if (predictor->plan != NULL && fnn_plan_has_functions(predictor->plan))
        threads = 1;
    atomic_init(&many.nonfinite, false);
    for (; !predictor->on_stack && ready < threads; ++ready)
        if ((many.scratch[ready] = borrow(predictor)) == NULL)
            break;
    if (predictor->on_stack || ready == threads)
        fnn_pool_run(threads, shares, predictor->row_flops * (double)rows * NS_PER_FLOP,
                     predictor->dtype == FNN_F32 ? run_share_f32 : run_share_f64, &many);
    else
        status = FNN_NO_MEMORY;
    while (ready > 0)
        give_back(predictor, many.scratch[--ready]);
    return atomic_load(&many.nonfinite) ? FNN_NONFINITE_INPUT : status;
}

/* ---- making and freeing --------------------------------------------------------------------- */

/* Lays out a row's values and looks up each op; false on overflow. */
static bool lay_out(fnn_predictor_t *predictor, const fnn_plan_spec_t *spec) {
    const size_t element = ELEMENT[spec->dtype], line = FNN_ALIGN / element;
    size_t end = 0, work = 0;
    for (size_t i = 0; i < spec->n_ops; ++i) {
        const fnn_op_t *op = &spec->ops[i];
        step_t *step = &predictor->steps[i];
        const bool dense = op->kind == FNN_OP_DENSE;
        step->in_cols = spec->cols[op->in];
        step->cols = spec->cols[op->out];
        step->in = op->in == 0 ? FNN_NONE : predictor->steps[op->in - 1].out;
        step->out = i + 1 == spec->n_ops ? FNN_NONE : end;
        const char *params = predictor->params;
        step->kernel = dense ? params + op->kernel * element : NULL;
        step->bias = dense && op->bias != FNN_NONE ? params + op->bias * element : NULL;
        step->activation = op->activation;
        step->alpha = op->alpha;
        predictor->row_flops +=
            (double)step->cols * (dense ? 2.0 * (double)step->in_cols : 8.0) + 32.0;
        if (i + 1 < spec->n_ops)
            end += (step->cols + line - 1) / line * line;
        if (dense) {
            const size_t needs = fnn_gemm_work_bytes(spec->dtype, MOST_ROWS, step->cols, step->in_cols);
            work = needs > work ? needs : work;
        }
        if (end > SIZE_MAX / 1024 / element)
            return false;
    }
    const size_t row_bytes = end * element;
    predictor->row_values = end;
    predictor->work_bytes = (work + FNN_ALIGN - 1) / FNN_ALIGN * FNN_ALIGN;
    predictor->on_stack = predictor->work_bytes + row_bytes <= STACK_BYTES;
    const size_t room =
        predictor->on_stack ? STACK_BYTES - predictor->work_bytes : (size_t)BLOCK_BYTES;
    size_t rows = row_bytes > 0 ? room / row_bytes : MOST_ROWS;
    if (!predictor->on_stack && rows < FEWEST_ROWS)
        rows = FEWEST_ROWS;
    predictor->block_rows = rows < MOST_ROWS ? rows : MOST_ROWS;
    return true;
}

/* Whether each op is dense or an activation and reads what the one before it has written. */
static bool is_chain(const fnn_plan_spec_t *spec) {
    for (size_t i = 0; i < spec->n_ops; ++i)
        if (spec->ops[i].kind > FNN_OP_ACTIVATION || spec->ops[i].in != i)
            return false;
    return spec->outputs[0] == spec->n_ops;
}

fnn_status_t fnn_predictor_new(const fnn_plan_spec_t *spec, const fnn_kernels_t *kernels,
                               const void *params, bool check_finite, fnn_predictor_t **out) {
    *out = NULL;
    if (spec->n_inputs != 1 || spec->n_outputs != 1 || !fnn_plan_is_sound(spec))
        return FNN_BAD_PLAN;
    const size_t element = ELEMENT[spec->dtype];
    fnn_predictor_t *predictor = fnn_alloc(sizeof *predictor);
    if (predictor == NULL)
        return FNN_NO_MEMORY;
    atomic_init(&predictor->holders, 1);
    for (size_t i = 0; i < SPARES; ++i)
        atomic_init(&predictor->spare[i], NULL);
    predictor->dtype = spec->dtype;
    predictor->check_finite = check_finite;
    predictor->inputs = spec->cols[0];
    predictor->outputs = spec->cols[spec->outputs[0]];
    predictor->kernels = kernels;
    predictor->params = fnn_alloc(spec->n_params * element);
    bool fits = predictor->params != NULL;
    if (is_chain(spec)) {
        predictor->n_steps = spec->n_ops;
        predictor->steps = fnn_alloc(spec->n_ops * sizeof *predictor->steps);
        fits = fits && predictor->steps != NULL && lay_out(predictor, spec);
    } else {
        fits = fits && fnn_plan_new(spec, kernels, &predictor->plan) == FNN_OK;
        const size_t rows = fits ? fnn_plan_predict_rows(predictor->plan) : 0;
        predictor->block_rows = rows < MOST_ROWS ? rows : MOST_ROWS;
        predictor->row_flops = 4.0 * (double)(spec->n_params + 64 * spec->n_ops);
    }
    if (!fits) {
        fnn_predictor_free(predictor);
        return FNN_NO_MEMORY;
    }
    if (spec->n_params > 0)
        memcpy(predictor->params, params, spec->n_params * element);
    *out = predictor;
    return FNN_OK;
}

void fnn_predictor_hold(fnn_predictor_t *predictor) { atomic_fetch_add(&predictor->holders, 1); }

void fnn_predictor_free(fnn_predictor_t *predictor) {
    if (predictor == NULL || atomic_fetch_sub(&predictor->holders, 1) > 1)
        return;
    for (size_t i = 0; i < SPARES; ++i)
        if (atomic_load(&predictor->spare[i]) != NULL)
            free_scratch(predictor, atomic_load(&predictor->spare[i]));
    fnn_plan_free(predictor->plan);
    fnn_free(predictor->steps);
    fnn_free(predictor->params);
    fnn_free(predictor);
}

const void *fnn_predictor_params(const fnn_predictor_t *predictor) { return predictor->params; }
