/* Contract: fastnn/plan.h; tests: tests/test_plan.py */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include "fastnn/plan.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "fastnn/memory.h"
#include "float_mode.h"
#include "plan_internal.h"
#include "update_rates.h"

/* For what a tiny step is made of, and for what it does without. */
#define CLOSE inline __attribute__((always_inline))
#define APART __attribute__((noinline))

static const double SLICE_SECONDS = 0.05;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Asks the clock only once enough arithmetic has gone by to make its price vanish. */
typedef struct {
    double since, flops;
} watch_t;

static bool slice_is_over(watch_t *watch) {
    if (watch->flops < 2e6)
        return false;
    watch->flops = 0;
    return now() - watch->since >= SLICE_SECONDS;
}

/* ---- the plan ------------------------------------------------------------------------------- */

/* Elements of op's `kernel`. */
static size_t kernel_size(const fnn_plan_t *plan, const fnn_op_t *op) {
    const size_t in = plan->cols[op->in], cols = plan->cols[op->out];
    switch (op->kind) {
    case FNN_OP_DENSE:
        return in * cols;
    case FNN_OP_EMBEDDING:
        return op->size * cols;
    case FNN_OP_BILINEAR:
        return in * cols * plan->cols[plan->ins[op->ins + 1]];
    default: /* a number for each column */
        return cols;
    }
}

static size_t choose_block_rows(const fnn_plan_t *plan) {
    size_t cols = 0, most_weights = 1;
    for (size_t t = 0; t < plan->n_tensors; ++t)
        cols += plan->cols[t];
    for (size_t i = 0; i < plan->n_ops; ++i)
        if (plan->ops[i].kind == FNN_OP_DENSE || plan->ops[i].kind == FNN_OP_BILINEAR) {
            const size_t weights = kernel_size(plan, &plan->ops[i]);
            most_weights = weights > most_weights ? weights : most_weights;
        }
    /* Values and gradients of a block within a third of a megabyte of cache ... */
    size_t rows = (size_t)384 * 1024 / (2 * cols * ELEMENT[plan->dtype] + 1);
    /* ... but rows enough that adding a block's share to large kernel gradients is cheap beside
     * the arithmetic ... */
    const size_t worth = plan->n_params / 256 < 4096 ? plan->n_params / 256 : 4096;
    rows = rows > worth ? rows : worth;
    /* ... and that no op runs for much longer than a slice. */
    const double flops = plan->kernels == fnn_kernels_best() ? 5e9 : 1e9;
    const size_t most = (size_t)(flops / 2.0 / (double)most_weights);
    rows = rows < most ? rows : most;
    rows = rows < 16384 ? rows : 16384;
    return rows < 48 ? 48 : rows / 48 * 48; /* whole tiles of 12 and 6 rows */
}

/* Whether `n` elements from `offset` on lie in the arena; nothing is needed where there is none. */
static bool lies_within(size_t offset, size_t n, size_t n_params) {
    return offset == FNN_NONE || (n <= n_params && offset <= n_params - n);
}

/* Whether the widths of op's inputs and output, and its parameters, fit each other. */
static bool op_is_sound(const fnn_plan_spec_t *spec, const fnn_op_t *op) {
    const size_t *cols = spec->cols, *ins = spec->ins + op->ins;
    const size_t in = cols[op->in], out = cols[op->out];
    size_t weights = out, sum = 0;
    bool fits = true, has_kernel = op->kernel != FNN_NONE;
    for (size_t k = 0; k < op->n_in; ++k) {
        sum += cols[ins[k]];
        fits = fits && cols[ins[k]] == out;
    }
    const bool pairs = op->kind == FNN_OP_BILINEAR;
    if (op->kind != FNN_OP_COMBINE && op->kind != FNN_OP_CONCAT && op->n_in != (pairs ? 2 : 1))
        return false;
    switch (op->kind) {
    case FNN_OP_DENSE:
        fits = has_kernel && fnn_size_mul(in, out, &weights);
        break;
    case FNN_OP_COMBINE:
        fits = fits && op->variant <= FNN_MAXIMUM &&
               (op->variant != FNN_SUBTRACT || op->n_in == 2);
        break;
    case FNN_OP_CONCAT:
        fits = sum == out;
        break;
    case FNN_OP_SPLIT:
        fits = op->number <= in && out <= in - op->number;
        break;
    case FNN_OP_GLU:
        fits = in == 2 * out;
        break;
    case FNN_OP_NOISE:
        fits = fits && op->variant <= FNN_GAUSSIAN_NOISE;
        break;
    case FNN_OP_BATCH_NORM:
    case FNN_OP_SCALE:
        fits = fits && op->state[0] != FNN_NONE && op->state[1] != FNN_NONE;
        break;
    case FNN_OP_EMBEDDING:
        fits = has_kernel && op->in < spec->n_inputs && op->number < in &&
               fnn_size_mul(op->size, out, &weights);
        break;
    case FNN_OP_PRELU:
        fits = fits && has_kernel;
        break;
    case FNN_OP_MAXOUT:
        fits = op->number > 0 && in / op->number == out && in % op->number == 0;
        break;
    case FNN_OP_BILINEAR:
        fits = has_kernel && fnn_size_mul(in, out, &weights) &&
               fnn_size_mul(weights, cols[ins[1]], &weights);
        break;
    case FNN_OP_FUNCTION:
        fits = op->function != NULL;
        break;
    default: /* activation, norms, activity: as wide as what comes in */
        break;
    }
    return fits && lies_within(op->kernel, weights, spec->n_params) &&
           lies_within(op->bias, out, spec->n_params) &&
           lies_within(op->state[0], out, spec->n_params) &&
           lies_within(op->state[1], out, spec->n_params);
}

bool fnn_plan_is_sound(const fnn_plan_spec_t *spec) {
    if (spec->n_inputs == 0 || spec->n_ops == 0 || spec->n_inputs > spec->n_tensors ||
        spec->n_outputs == 0 || spec->n_outputs > FNN_MOST_OUTPUTS)
        return false;
    for (size_t t = 0; t < spec->n_tensors; ++t)
        if (spec->cols[t] == 0 || spec->cols[t] > SIZE_MAX / 1024)
            return false;
    for (size_t k = 0; k < spec->n_outputs; ++k) {
        if (spec->outputs[k] < spec->n_inputs || spec->outputs[k] >= spec->n_inputs + spec->n_ops)
            return false;
        for (size_t j = 0; j < k; ++j)
            if (spec->outputs[j] == spec->outputs[k])
                return false;
    }
    for (size_t i = 0; i < spec->n_ops; ++i) {
        const fnn_op_t *op = &spec->ops[i];
        /* Each op reads what is there already and writes the next tensor: no loops, no overlap. */
        if (op->out != spec->n_inputs + i || op->out >= spec->n_tensors ||
            (unsigned)op->activation >= FNN_ACTIVATION_COUNT || (unsigned)op->kind >= FNN_OP_COUNT ||
            op->n_in == 0 || op->n_in > FNN_MOST_INPUTS || op->n_in > spec->n_ins ||
            op->ins > spec->n_ins - op->n_in || spec->ins[op->ins] != op->in)
            return false;
        for (size_t k = 0; k < op->n_in; ++k)
            if (spec->ins[op->ins + k] >= op->out)
                return false;
        if (!op_is_sound(spec, op))
            return false;
    }
    return true;
}

/* Whether two ops have parameters in common. */
static bool overlap(const fnn_op_t *a, const fnn_op_t *b) {
    return (a->kernel != FNN_NONE && a->kernel == b->kernel) ||
           (a->bias != FNN_NONE && a->bias == b->bias);
}

/* Whether the plan is dense layers one behind the other, from the only input to the only output, whose
 * parameters lie in their order and fill the arena. */
static bool is_chain(const fnn_plan_t *plan) {
    size_t end = 0;
    if (plan->n_inputs != 1 || plan->n_outputs != 1 || plan->outputs[0] != plan->n_ops ||
        plan->shares_parameters)
        return false;
    for (size_t i = 0; i < plan->n_ops; ++i) {
        const fnn_op_t *op = &plan->ops[i];
        if (op->kind != FNN_OP_DENSE || op->in != i || op->kernel < end ||
            (op->bias != FNN_NONE && op->bias < op->kernel))
            return false;
        end = op->bias != FNN_NONE ? op->bias : op->kernel;
    }
    return plan->ops[0].kernel == 0;
}

/* What follows from the ops: who writes outputs, who adds to what, where gradients are wanted. */
static void study(fnn_plan_t *plan) {
    bool *const has_grad = plan->trains; /* for a while */
    memset(plan->head, FNN_NO_HEAD, plan->n_ops);
    for (size_t k = 0; k < plan->n_outputs; ++k) {
        plan->head[plan->outputs[k] - plan->n_inputs] = (uint8_t)k;
        has_grad[plan->outputs[k]] = true;
    }
    for (size_t i = plan->n_ops; i-- > 0;) {
        const fnn_op_t *op = &plan->ops[i];
        for (size_t k = 0; k < op->n_in; ++k) {
            const size_t in = plan->ins[op->ins + k];
            plan->adds_input[op->ins + k] = has_grad[in];
            if (has_grad[in] && op->kind != FNN_OP_DENSE && plan->cols[in] > plan->extra_cols)
                plan->extra_cols = plan->cols[in];
            has_grad[in] = true;
        }
        for (size_t j = i + 1; j < plan->n_ops; ++j)
            plan->adds_params[i] = plan->adds_params[i] || overlap(op, &plan->ops[j]);
        plan->shares_parameters = plan->shares_parameters || plan->adds_params[i];
        plan->has_barriers = plan->has_barriers || op->kind == FNN_OP_BATCH_NORM;
        plan->has_functions = plan->has_functions || op->kind == FNN_OP_FUNCTION;
        plan->has_activity = plan->has_activity || op->kind == FNN_OP_ACTIVITY;
        plan->has_tables = plan->has_tables || op->kind == FNN_OP_EMBEDDING;
        plan->asks_pass = plan->asks_pass || op->kind == FNN_OP_NOISE ||
                          op->kind == FNN_OP_BATCH_NORM || op->kind == FNN_OP_ACTIVITY;
    }
    for (size_t t = 0; t < plan->n_tensors; ++t)
        plan->trains[t] = false;
    plan->is_chain = is_chain(plan);
    for (size_t i = 0; i < plan->n_ops; ++i) {
        const fnn_op_t *op = &plan->ops[i];
        bool trains = op->kernel != FNN_NONE || op->bias != FNN_NONE;
        for (size_t k = 0; k < op->n_in; ++k)
            trains = trains || plan->trains[plan->ins[op->ins + k]];
        plan->trains[op->out] = trains;
        double work = 8.0;
        if (op->kind == FNN_OP_DENSE)
            work = 2.0 * (double)plan->cols[op->in];
        else if (op->kind == FNN_OP_BILINEAR)
            work = 2.0 * (double)kernel_size(plan, op) / (double)plan->cols[op->out];
        plan->row_flops += work * (double)plan->cols[op->out] + 32.0;
    }
}

fnn_status_t fnn_plan_new(const fnn_plan_spec_t *spec, const fnn_kernels_t *kernels,
                          fnn_plan_t **out) {
    *out = NULL;
    if (!fnn_plan_is_sound(spec))
        return FNN_BAD_PLAN;
    fnn_plan_t *plan = fnn_alloc(sizeof *plan);
    if (plan == NULL)
        return FNN_NO_MEMORY;
    plan->dtype = spec->dtype;
    plan->n_tensors = spec->n_tensors;
    plan->n_inputs = spec->n_inputs;
    plan->n_outputs = spec->n_outputs;
    plan->n_ops = spec->n_ops;
    plan->n_params = spec->n_params;
    plan->kernels = kernels;
    plan->cols = fnn_alloc(spec->n_tensors * sizeof *plan->cols);
    plan->outputs = fnn_alloc(spec->n_outputs * sizeof *plan->outputs);
    plan->ins = fnn_alloc(spec->n_ins * sizeof *plan->ins);
    plan->ops = fnn_alloc(spec->n_ops * sizeof *plan->ops);
    plan->head = fnn_alloc(spec->n_ops * sizeof *plan->head);
    plan->adds_params = fnn_alloc(spec->n_ops * sizeof *plan->adds_params);
    plan->adds_input = fnn_alloc(spec->n_ins * sizeof *plan->adds_input);
    plan->trains = fnn_alloc(spec->n_tensors * sizeof *plan->trains);
    if (plan->cols == NULL || plan->outputs == NULL || plan->ins == NULL || plan->ops == NULL ||
        plan->head == NULL || plan->adds_params == NULL || plan->adds_input == NULL ||
        plan->trains == NULL) {
        fnn_plan_free(plan);
        return FNN_NO_MEMORY;
    }
    memcpy(plan->cols, spec->cols, spec->n_tensors * sizeof *plan->cols);
    memcpy(plan->outputs, spec->outputs, spec->n_outputs * sizeof *plan->outputs);
    memcpy(plan->ins, spec->ins, spec->n_ins * sizeof *plan->ins);
    memcpy(plan->ops, spec->ops, spec->n_ops * sizeof *plan->ops);
    study(plan);
    plan->block_rows = choose_block_rows(plan);
    *out = plan;
    return FNN_OK;
}

void fnn_plan_free(fnn_plan_t *plan) {
    if (plan == NULL)
        return;
    fnn_free(plan->cols);
    fnn_free(plan->outputs);
    fnn_free(plan->ins);
    fnn_free(plan->ops);
    fnn_free(plan->head);
    fnn_free(plan->adds_params);
    fnn_free(plan->adds_input);
    fnn_free(plan->trains);
    fnn_free(plan);
}

size_t fnn_plan_block_rows(const fnn_plan_t *plan) { return plan->block_rows; }

size_t fnn_plan_predict_rows(const fnn_plan_t *plan) {
    size_t cols = 0;
    for (size_t t = 0; t < plan->n_tensors; ++t)
        cols += plan->cols[t];
    /* Values within a quarter of a megabyte of cache; but large kernels are packed, or fetched from
     * memory, for each block. */
    const size_t fit = (size_t)256 * 1024 / (cols * ELEMENT[plan->dtype]);
    const size_t worth = plan->n_params / 2048 < 256 ? plan->n_params / 2048 : 256;
    const size_t rows = fit > worth ? fit : worth;
    return rows < 48 ? 48 : rows < plan->block_rows ? rows / 12 * 12 : plan->block_rows;
}

const fnn_kernels_t *fnn_plan_kernels(const fnn_plan_t *plan) { return plan->kernels; }

bool fnn_plan_has_functions(const fnn_plan_t *plan) { return plan->has_functions; }

bool *fnn_function_failed(void) {
    static _Thread_local bool failed;
    return &failed;
}

/* ---- workspaces ----------------------------------------------------------------------------- */

size_t fnn_plan_scratch_bytes(const fnn_plan_t *plan, size_t rows, bool training) {
    size_t most = 0;
    for (size_t i = 0; i < plan->n_ops; ++i) {
        const fnn_op_t *op = &plan->ops[i];
        if (op->kind != FNN_OP_DENSE && op->kind != FNN_OP_BILINEAR)
            continue;
        const size_t in = plan->cols[op->in], cols = kernel_size(plan, op) / in;
        const size_t needs[3] = {fnn_gemm_work_bytes(plan->dtype, rows, cols, in),
                                 fnn_gemm_work_bytes(plan->dtype, in, cols, rows),
                                 fnn_gemm_work_bytes(plan->dtype, rows, in, cols)};
        for (int form = 0; form < (training ? 3 : 1); ++form)
            most = needs[form] > most ? needs[form] : most;
    }
    return most;
}

size_t fnn_plan_kept_cols(const fnn_plan_t *plan, size_t i, bool training) {
    const fnn_op_t *op = &plan->ops[i];
    const size_t cols = plan->cols[op->out];
    switch (op->kind) {
    case FNN_OP_DENSE:
        return training && fnn_activation_saves_input(op->activation) ? cols : 0;
    case FNN_OP_NOISE:
        return training && op->variant != FNN_GAUSSIAN_NOISE ? cols : 0;
    case FNN_OP_LAYER_NORM:
        return training ? 2 : 0;
    case FNN_OP_BILINEAR:
        return cols * plan->cols[plan->ins[op->ins + 1]];
    default:
        return 0;
    }
}

/* A part of an arena, which is laid out before it is allocated. */
typedef struct {
    size_t offset, bytes;
} part_t;

/* Reserves a part; false on overflow. */
static bool reserve(part_t *part, size_t *total, size_t rows, size_t row_bytes) {
    if (!fnn_size_mul(rows, row_bytes, &part->bytes) || part->bytes > SIZE_MAX / 4 - *total)
        return false;
    part->offset = *total;
    *total += (part->bytes + FNN_ALIGN - 1) / FNN_ALIGN * FNN_ALIGN + FNN_GAP;
    return true;
}

/* Opens a part of an arena that was forbidden as a whole, so that its gaps stay so. */
static void *open_part(char *arena, const part_t *part) {
    fnn_permit(arena + part->offset, part->bytes);
    return arena + part->offset;
}

fnn_status_t fnn_workspace_new(const fnn_plan_t *plan, size_t rows, bool training, bool inputs_too,
                               fnn_workspace_t **out) {
    *out = NULL;
    const size_t element = ELEMENT[plan->dtype], n = plan->n_tensors, n_ops = plan->n_ops;
    fnn_workspace_t *work = fnn_alloc(sizeof *work);
    void **pointers = fnn_alloc(fnn_plan_pointers(plan) * sizeof *pointers);
    part_t *parts = fnn_alloc((2 * n + 2 * n_ops + plan->n_outputs + 3) * sizeof *parts);
    fnn_status_t status = FNN_NO_MEMORY;
    if (work != NULL)
        work->csr = fnn_alloc(plan->n_inputs * sizeof *work->csr);
    if (work == NULL || work->csr == NULL || pointers == NULL || parts == NULL)
        goto fail;
    part_t *const grads = parts + n, *const kept = grads + n, *const shared = kept + n_ops;
    part_t *const y = shared + n_ops, *const rest = y + plan->n_outputs;
    size_t total = 0;
    bool fits = true;
    for (size_t t = 0; t < n; ++t) {
        fits = fits && reserve(&parts[t], &total, rows, plan->cols[t] * element);
        if (training && (t >= plan->n_inputs || inputs_too))
            fits = fits && reserve(&grads[t], &total, rows, plan->cols[t] * element);
    }
    for (size_t i = 0; i < n_ops; ++i) {
        const size_t cols = fnn_plan_kept_cols(plan, i, training);
        if (cols > 0)
            fits = fits && reserve(&kept[i], &total, rows, cols * element);
        /* Mean and variance of a batch, and two sums over it. */
        if (training && plan->ops[i].kind == FNN_OP_BATCH_NORM)
            fits = fits && reserve(&shared[i], &total, 4 * plan->cols[plan->ops[i].out], element);
    }
    /* Targets are as wide as the outputs, or one int32 label; behind those of several outputs lie
     * their own weights. */
    const size_t weights = plan->n_outputs > 1;
    for (size_t k = 0; k < plan->n_outputs; ++k)
        fits = fits &&
               reserve(&y[k], &total, rows, (plan->cols[plan->outputs[k]] + weights) * element);
    fits = fits && reserve(&rest[0], &total, rows, element) &&
           reserve(&rest[1], &total, 1, fnn_plan_scratch_bytes(plan, rows, training)) &&
           reserve(&rest[2], &total, rows, training ? plan->extra_cols * element : 0);
    if (!fits || (work->arena = fnn_alloc(total)) == NULL)
        goto fail;

    char *arena = work->arena;
    fnn_forbid(arena, total);
    work->rows = rows;
    work->training = training;
    work->slot = pointers;
    work->value = work->slot + n;
    work->grad = work->value + n;
    work->kept = work->grad + n;
    work->shared = work->kept + n_ops;
    work->y = work->shared + n_ops;
    for (size_t t = 0; t < n; ++t) {
        work->slot[t] = work->value[t] = open_part(arena, &parts[t]);
        work->grad[t] = grads[t].bytes > 0 ? open_part(arena, &grads[t]) : NULL;
    }
    for (size_t i = 0; i < n_ops; ++i) {
        work->kept[i] = kept[i].bytes > 0 ? open_part(arena, &kept[i]) : NULL;
        work->shared[i] = shared[i].bytes > 0 ? open_part(arena, &shared[i]) : NULL;
    }
    for (size_t k = 0; k < plan->n_outputs; ++k)
        work->y[k] = open_part(arena, &y[k]);
    work->weight = open_part(arena, &rest[0]);
    work->gemm = open_part(arena, &rest[1]);
    work->extra = open_part(arena, &rest[2]);
    fnn_free(parts);
    *out = work;
    return FNN_OK;
fail:
    if (work != NULL)
        fnn_free(work->csr);
    fnn_free(parts);
    fnn_free(pointers);
    fnn_free(work);
    return status;
}

void fnn_workspace_free(fnn_workspace_t *work) {
    if (work == NULL)
        return;
    fnn_free(work->arena);
    fnn_free(work->csr);
    fnn_free(work->slot);
    fnn_free(work);
}

size_t fnn_workspace_rows(const fnn_workspace_t *work) { return work->rows; }

/* `logits` has a bit for each output whose loss applies the activation of its op. */
static fnn_activation_t activation_of(const fnn_plan_t *plan, size_t i, uint64_t logits) {
    return logits >> plan->head[i] & 1 ? FNN_LINEAR : plan->ops[i].activation;
}

/* Whether an own function has gone wrong: what it has written means nothing. */
static bool has_failed(const fnn_plan_t *plan) {
    return plan->has_functions && *fnn_function_failed();
}

/* ---- steps ---------------------------------------------------------------------------------- */

/* What a step tells the regions that it runs on the pool. */
typedef struct {
    fnn_run_t *run;
    const uint64_t *order; /* of the batch's rows, or NULL */
    size_t first, rows;    /* the batch */
    bool training, weighted;
    bool piecewise;   /* training, and the update may be done piece by piece */
    uint64_t logits;  /* see activation_of */
    double weights;   /* their sum over the batch's rows */
    size_t at, block; /* the block, within the batch */
    size_t from, to;  /* ops that the region is about */
    bool takes_rows;  /* the region begins with the block's rows */
    size_t chunks;    /* that the block's rows are cut into; or shards */
    bool update;      /* the block is the whole batch: update piece by piece */
    size_t pieces;    /* wanted, of kernels or of the arena */
    size_t quota;     /* rows that a shard takes in one region */
} step_t;

/* What a prediction tells its regions. */
typedef struct {
    const fnn_plan_t *plan;
    const void *params;
    fnn_workspace_t *const *work; /* (threads) */
    const fnn_source_t *inputs;
    size_t first, end; /* rows of the region */
    size_t chunk;      /* rows of an item */
    bool check_finite;
    void *const *out;
    size_t bad[FNN_MOST_THREADS]; /* the first bad row that each thread has met */
} prediction_t;

enum {
    CHUNKS_PER_THREAD = 2, /* of a prediction, at least, */
    SHORT_CHUNK = 64,      /* unless they had fewer rows than this */
    LEAST_CHUNK = FNN_GEMM_NT_ROWS_ALIKE, /* rows */
    PIECES_PER_THREAD = 2,
    ALONE_NS = 60000 /* of one thread's work in a block, as NS_PER_FLOP has it; half in truth */
};
static const double LONG_FLOPS = 3e9; /* of a block: op by op, to see signals in between */
static const double NS_PER_FLOP = 0.02; /* of small layers; large ones are twice as fast */
static const double REGION_FLOPS = 4e8; /* some milliseconds: a step sees signals between regions */

/* Rows of each block but the last of `rows` rows: as few blocks as the plan allows, about alike; one
 * where ops look at the whole batch. */
static CLOSE size_t block_of(const fnn_plan_t *plan, size_t rows, bool training) {
    if (rows <= plan->block_rows || (training && plan->has_barriers))
        return rows;
    const size_t blocks = (rows + plan->block_rows - 1) / plan->block_rows;
    const size_t even = (rows + blocks - 1) / blocks;
    return (even + 11) / 12 * 12; /* whole tiles; block_rows is a multiple of them too */
}

/* While a step computes, the rows of the next one are on their way: those of a large array come
 * from memory, in an order that only this order tells. */
static CLOSE void fetch_next(const fnn_run_t *run, const uint64_t *order, size_t rows) {
    for (size_t t = 0; t < run->plan->n_inputs; ++t)
        if (run->inputs[t].indices == NULL)
            fnn_fetch_rows(&run->inputs[t], run->rows, order, rows);
    for (size_t h = 0; h < run->plan->n_outputs; ++h)
        if (run->heads[h].weight != 0)
            fnn_fetch_rows(&run->heads[h].y, run->rows, order, rows);
    if (run->weight.data != NULL)
        fnn_fetch_rows(&run->weight, run->rows, order, rows);
}

/* Whether to stop: asks once in a slice. */
static bool is_interrupted(const fnn_run_t *run, watch_t *watch) {
    if (now() - watch->since < SLICE_SECONDS)
        return false;
    if (run->poll != NULL && run->poll(run->poll_data))
        return true;
    watch->since = now();
    return false;
}

/* Where piece `k` of `n` of `rows` begins. */
static size_t cut(size_t rows, size_t k, size_t n) { return rows / n * k + rows % n * k / n; }

/* Kernels are cut so that pieces cost about the same; a piece has FNN_GEMM_ROWS_ALIKE rows or
 * more.  Two a thread: cores are seldom alike. */
static size_t pieces_of(const fnn_run_t *run, size_t i, size_t wanted) {
    const fnn_plan_t *plan = run->plan;
    const size_t in = plan->ops[i].in;
    if (in < plan->n_inputs && run->inputs[in].indices != NULL)
        return 1;
    if (plan->ops[i].kind != FNN_OP_DENSE)
        return plan->ops[i].kernel != FNN_NONE || plan->ops[i].bias != FNN_NONE;
    const size_t rows = plan->cols[plan->ops[i].in], weights = rows * plan->cols[plan->ops[i].out];
    const size_t share = (wanted * weights + plan->n_params - 1) / plan->n_params;
    const size_t most = rows / FNN_GEMM_ROWS_ALIKE, pieces = share < most ? share : most;
    return pieces > 1 ? pieces : 1;
}

static bool has_labels(const fnn_head_t *head) {
    return head->loss == FNN_SPARSE_CATEGORICAL_CROSSENTROPY;
}

/* How many columns of output h metrics see. */
static CLOSE size_t measured_cols(const fnn_run_t *run, size_t h) {
    const size_t count = run->heads[h].measured;
    return count > 0 ? count : run->plan->cols[run->plan->outputs[h]];
}

/* The bits of activation_of. */
static CLOSE uint64_t logits_of(const fnn_run_t *run) {
    uint64_t logits = 0;
    for (size_t h = 0; h < run->plan->n_outputs; ++h)
        logits |= (uint64_t)run->heads[h].skip_activation << h;
    return logits;
}

/* Whether op i needs something of the whole batch before its rows. */
static bool is_barrier(const step_t *step, size_t i) {
    return step->training && step->run->plan->ops[i].kind == FNN_OP_BATCH_NORM;
}

/* Tells the ops of a workspace whose first row is row `first` of the batch what they are part of. */
static CLOSE void begin_pass(const step_t *step, fnn_workspace_t *work, size_t first) {
    if (!step->run->plan->asks_pass)
        return;
    work->pass = (pass_t){
        .training = step->training,
        .seed = step->run->seed,
        .t = step->run->t,
        .first = first,
        .rows = step->rows,
        .activity = 1.0 / (double)step->rows,
    };
}

static CLOSE bool are_finite(const fnn_plan_t *plan, const double *sums) {
    bool finite = isfinite(sums[0]) && isfinite(sums[FNN_MOST_OUTPUTS]);
    for (size_t h = 1; h < plan->n_outputs; ++h)
        finite = finite && isfinite(sums[h]);
    return finite;
}

/* Whether the loss is that of one output and nothing else. */
static CLOSE bool is_simple(const fnn_run_t *run) {
    return run->plan->n_outputs == 1 && run->heads[0].weight == 1 && !run->plan->has_activity;
}

/* The sum of the weights of the batch's rows for output h. */
static CLOSE double weights_of(const step_t *step, size_t h) {
    return step->run->weighs_heads ? step->run->heads[h].batch_weight : step->weights;
}

/* The loss of the batch: the weighted sum of the outputs' means, and the penalties on values. */
static CLOSE double batch_loss(const step_t *step, const double *sums) {
    const fnn_run_t *run = step->run;
    if (is_simple(run))
        return sums[0] / (step->weights * (double)run->heads[0].terms);
    double loss = sums[FNN_MOST_OUTPUTS] / (double)step->rows;
    for (size_t h = 0; h < run->plan->n_outputs; ++h)
        if (run->heads[h].weight != 0 && weights_of(step, h) > 0)
            loss += run->heads[h].weight *
                    (sums[h] / (weights_of(step, h) * (double)run->heads[h].terms));
    return loss;
}

/* Adds a batch to the sums of the run; `penalty`: of its parameters. */
static CLOSE void add_losses(const step_t *step, const double *sums, double penalty) {
    fnn_run_t *run = step->run;
    for (size_t h = 0; h < run->plan->n_outputs; ++h) {
        run->heads[h].loss_sum += sums[h];
        run->heads[h].weight_sum += weights_of(step, h) * (double)run->heads[h].terms;
    }
    if (is_simple(run)) {
        const double weight = step->weights * (double)run->heads[0].terms; /* a rounding less than below */
        run->loss_sum += sums[0] + penalty * weight;
        run->weight_sum += weight;
        return;
    }
    run->loss_sum += run->batch_loss * step->weights;
    run->weight_sum += step->weights;
}

/* What lean steps are told; see plan_lean.inc. */
typedef struct {
    bool adam, activates, fetches;
    double multiplier, decay; /* of the only stretch */
} lean_t;

/* Whether the steps of a run can be lean. */
static bool ask_lean(const fnn_run_t *run, lean_t *lean) {
    const fnn_plan_t *plan = run->plan;
    const fnn_update_t *update = &run->update;
    const fnn_head_t *head = &run->heads[0];
    const size_t rows = run->rows < run->batch_size ? run->rows : run->batch_size;
    if (!plan->is_chain || run->grads == NULL || update->work != NULL || update->kind > FNN_ADAM ||
        update->mean != NULL || update->slow != NULL || update->n_stretches != 1 ||
        update->stretches[0].offset != 0 || update->stretches[0].size < plan->n_params ||
        run->n_penalties > 0 || run->weight.data != NULL || run->inputs[0].indices != NULL ||
        head->weight != 1 || head->keep.p != NULL || head->measured > 0 ||
        head->loss == FNN_OWN_LOSS)
        return false;
    const double flops = 3.0 * plan->row_flops * (double)rows;
    if (shards_of(plan, rows, true) > 1 || rows > block_of(plan, rows, true) ||
        flops > LONG_FLOPS || (run->team->threads > 1 && flops * NS_PER_FLOP >= ALONE_NS))
        return false;
    *lean = (lean_t){
        .adam = update->kind == FNN_ADAM,
        .activates = fnn_loss_activates(head->loss, &head->set),
        .fetches = run->order != NULL && (fnn_is_large(&run->inputs[0], run->rows) ||
                                          fnn_is_large(&head->y, run->rows)),
        .multiplier = update->stretches[0].multiplier,
        .decay = update->stretches[0].decay,
    };
    return true;
}

/* ---- what depends on the type --------------------------------------------------------------- */

#define real float
#define FNN_TYPED(name) name##_f32
#define FNN_TABLE f32
#include "plan_layers.inc"
#include "plan_pass.inc"
#include "plan_predict.inc"
#include "plan_step.inc"
#include "plan_lean.inc"
#undef real
#undef FNN_TYPED
#undef FNN_TABLE

#define real double
#define FNN_TYPED(name) name##_f64
#define FNN_TABLE f64
#include "plan_layers.inc"
#include "plan_pass.inc"
#include "plan_predict.inc"
#include "plan_step.inc"
#include "plan_lean.inc"
#undef real
#undef FNN_TYPED
#undef FNN_TABLE

/* Outputs do not depend on how rows are cut, so chunks can be as is good for the threads. */
static size_t choose_chunk(size_t rows, size_t block, size_t threads) {
    if (threads < 2)
        return block;
    const size_t share = rows / (CHUNKS_PER_THREAD * threads) + 1, even = (rows - 1) / threads + 1;
    size_t chunk = (share + 11) / 12 * 12;
    if (share < SHORT_CHUNK) /* one a thread: the kernels are read once for each chunk */
        chunk = even < LEAST_CHUNK ? LEAST_CHUNK : even;
    return chunk < block ? chunk : block;
}

static fnn_status_t predict(const fnn_plan_t *plan, const void *params,
                            fnn_workspace_t *const *work, size_t threads, size_t block,
                            const fnn_source_t *inputs, size_t rows, bool check_finite,
                            void *const *out, fnn_poll_fn *poll, void *poll_data, size_t *bad_row) {
    fnn_task_fn *const task = plan->dtype == FNN_F32 ? predict_chunk_f32 : predict_chunk_f64;
    watch_t watch = {.since = 0, .flops = 0};
    prediction_t all = {
        .plan = plan,
        .params = params,
        .work = work,
        .inputs = inputs,
        .check_finite = check_finite,
        .out = out,
        .chunk = choose_chunk(rows, block, threads),
    };
    const size_t quota = (size_t)(REGION_FLOPS / plan->row_flops) / all.chunk + 1;
    const size_t region = quota * threads * all.chunk;
    for (size_t t = 0; t < threads; ++t)
        all.bad[t] = FNN_ALL_FINITE;
    for (; all.first < rows; all.first = all.end) {
        const size_t left = rows - all.first, part = left < region ? left : region;
        const double flops = plan->row_flops * (double)part;
        if (poll != NULL && watch.since == 0 && part < left)
            watch.since = now();
        all.end = all.first + part;
        fnn_pool_run(threads, (part + all.chunk - 1) / all.chunk, flops * NS_PER_FLOP, task, &all);
        *bad_row = FNN_ALL_FINITE;
        for (size_t t = 0; t < threads; ++t)
            *bad_row = all.bad[t] < *bad_row ? all.bad[t] : *bad_row;
        if (*bad_row != FNN_ALL_FINITE)
            return FNN_NONFINITE_INPUT;
        watch.flops += flops;
        if (poll != NULL && part < left && slice_is_over(&watch)) {
            if (poll(poll_data))
                return FNN_INTERRUPTED;
            watch.since = now();
        }
    }
    return FNN_OK;
}

fnn_status_t fnn_predict(const fnn_plan_t *plan, const void *params, fnn_workspace_t *const *work,
                         size_t threads, size_t block, const fnn_source_t *inputs, size_t rows,
                         bool check_finite, void *const *out, fnn_poll_fn *poll, void *poll_data,
                         size_t *bad_row) {
    const float_mode_t mode = flush_subnormals();
    fnn_status_t status;
    threads = plan->has_functions ? 1 : threads;
    block = block < work[0]->rows ? block : work[0]->rows;
    if (rows <= block && (threads == 1 || rows < 2 * LEAST_CHUNK)) {
        *bad_row = plan->dtype == FNN_F32 ? predict_rows_f32(plan, params, work[0], inputs, 0, rows,
                                                             rows, check_finite, out)
                                          : predict_rows_f64(plan, params, work[0], inputs, 0, rows,
                                                             rows, check_finite, out);
        status = *bad_row == FNN_ALL_FINITE ? FNN_OK : FNN_NONFINITE_INPUT;
    } else
        status = predict(plan, params, work, threads, block, inputs, rows, check_finite, out, poll,
                         poll_data, bad_row);
    if (status == FNN_OK && has_failed(plan))
        status = FNN_INTERRUPTED;
    restore_mode(mode);
    return status;
}

fnn_status_t fnn_forward(const fnn_plan_t *plan, void *params, fnn_workspace_t *work,
                         const fnn_source_t *inputs, size_t rows, bool check_finite, uint64_t seed,
                         uint64_t t, void *const *out, size_t *bad_row) {
    const float_mode_t mode = flush_subnormals();
    work->pass = (pass_t){.training = true, .seed = seed, .t = t, .rows = rows};
    const fnn_status_t status = (plan->dtype == FNN_F32 ? forward_kept_f32 : forward_kept_f64)(
        plan, params, work, inputs, rows, check_finite, out, bad_row);
    restore_mode(mode);
    return status;
}

fnn_status_t fnn_backward(const fnn_plan_t *plan, const void *params, fnn_workspace_t *work,
                          const void *const *dy, void *grads, void *const *dx) {
    if (work->forward_rows == 0)
        return FNN_NO_FORWARD;
    const float_mode_t mode = flush_subnormals();
    (plan->dtype == FNN_F32 ? backward_kept_f32 : backward_kept_f64)(plan, params, work, dy, grads,
                                                                     dx);
    restore_mode(mode);
    return has_failed(plan) ? FNN_INTERRUPTED : FNN_OK;
}

fnn_status_t fnn_run(fnn_run_t *run, size_t stop) {
    const float_mode_t mode = flush_subnormals();
    watch_t watch = {.since = now(), .flops = 0};
    fnn_status_t status = FNN_OK;
    lean_t lean;
    const bool is_lean = ask_lean(run, &lean), is_f32 = run->plan->dtype == FNN_F32;
    fnn_update_rates(&run->update, run->t + 1, &run->rates);
    while (status == FNN_OK && run->step < stop) {
        const uint64_t t = run->t;
        if (is_lean)
            status = (is_f32 ? lean_step_f32 : lean_step_f64)(run, &lean, &watch);
        else
            status = (is_f32 ? step_f32 : step_f64)(run, &watch);
        if (run->t != t)
            next_rates(&run->update, &run->rates);
        if (status == FNN_OK) {
            ++run->step;
            if (slice_is_over(&watch))
                break;
        }
    }
    restore_mode(mode);
    return status;
}
