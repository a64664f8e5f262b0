/* Planted over-reads, for builds with the address sanitizer; .ci/sanitize runs them.
 *
 *   overread         every piece of memory that the core gives away may be touched to its last byte,
 *                    and nothing beside it; a network runs in such memory
 *   overread list    names of the planted errors
 *   overread NAME    makes that error, in a network of the real plan whose kernels do one element
 *                    too much; never returns, unless the sanitizer is blind */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fastnn/memory.h"
#include "plan_internal.h"

#if !defined(FNN_ASAN)
#error "this test is about the address sanitizer"
#endif

static void check(bool right, const char *what) {
    if (right)
        return;
    fprintf(stderr, "overread: %s\n", what);
    exit(1);
}

/* A piece is open from its first byte to its last and shut on both sides. */
static void check_piece(const void *start, size_t bytes, const char *what) {
    const char *first = start;
    check(__asan_region_is_poisoned((void *)(uintptr_t)first, bytes) == NULL, what);
    check(__asan_address_is_poisoned(first - 1), what);
    check(__asan_address_is_poisoned(first + bytes), what);
}

/* 16-16-1: with one row of float every slot is a whole cache line, so that without a gap the next
 * one would begin behind it; with two rows of double, some are not. */
enum { IN = 16, HIDDEN = 16, PARAMS = IN * HIDDEN + HIDDEN + HIDDEN + 1 };

static fnn_plan_t *new_plan(const fnn_kernels_t *kernels, fnn_dtype_t dtype,
                            fnn_activation_t activation) {
    const size_t cols[] = {IN, HIDDEN, 1};
    const size_t ins[] = {0, 1}, outputs[] = {2};
    const fnn_op_t ops[] = {
        {
            .kind = FNN_OP_DENSE,
            .activation = activation,
            .in = 0,
            .out = 1,
            .n_in = 1,
            .ins = 0,
            .kernel = 0,
            .bias = IN * HIDDEN,
            .state = {FNN_NONE, FNN_NONE},
        },
        {
            .kind = FNN_OP_DENSE,
            .in = 1,
            .out = 2,
            .n_in = 1,
            .ins = 1,
            .kernel = IN * HIDDEN + HIDDEN,
            .bias = PARAMS - 1,
            .state = {FNN_NONE, FNN_NONE},
        },
    };
    const fnn_plan_spec_t spec = {
        .dtype = dtype,
        .n_tensors = 3,
        .cols = cols,
        .n_inputs = 1,
        .n_outputs = 1,
        .outputs = outputs,
        .n_ops = 2,
        .ops = ops,
        .n_ins = 2,
        .ins = ins,
        .n_params = PARAMS,
    };
    fnn_plan_t *plan;
    check(fnn_plan_new(&spec, kernels, &plan) == FNN_OK, "fnn_plan_new failed");
    return plan;
}

static void check_allocations(void) {
    for (size_t bytes = 0; bytes < 200; ++bytes) {
        void *zeroed = fnn_alloc(bytes), *scratch = fnn_scratch(bytes);
        check_piece(zeroed, bytes, "fnn_alloc: a piece is not exactly as large as asked for");
        check_piece(scratch, bytes, "fnn_scratch: a piece is not exactly as large as asked for");
        fnn_free(zeroed);
        fnn_free(scratch);
    }
    check(fnn_allocated_bytes() == 0, "bytes are held though all was given back");
}

static void check_workspace(fnn_dtype_t dtype, size_t rows, bool training) {
    fnn_plan_t *plan = new_plan(fnn_kernels_best(), dtype, FNN_GELU);
    fnn_workspace_t *work;
    check(fnn_workspace_new(plan, rows, training, training, &work) == FNN_OK,
          "fnn_workspace_new failed");
    const size_t element = ELEMENT[dtype];
    for (size_t t = 0; t < plan->n_tensors; ++t) {
        check_piece(work->slot[t], rows * plan->cols[t] * element, "a slot has open neighbours");
        if (training)
            check_piece(work->grad[t], rows * plan->cols[t] * element,
                        "a gradient slot has open neighbours");
    }
    if (training)
        check_piece(work->kept[0], rows * HIDDEN * element,
                    "a slot before an activation has open neighbours");
    check_piece(work->y[0], rows * element, "the targets have open neighbours");
    check_piece(work->weight, rows * element, "the weights have open neighbours");
    check_piece(work->gemm, fnn_plan_scratch_bytes(plan, rows, training),
                "the scratch of products has open neighbours");
    fnn_workspace_free(work);
    fnn_plan_free(plan);
}

/* ---- kernels with an error ------------------------------------------------------------------ */

static const fnn_kernels_f32_t *right; /* what they are made from */
static volatile float sink;

static void reads_past_values(const float *z, float *out, size_t rows, size_t cols, float alpha) {
    right->activation[FNN_TANH](z, out, rows, cols, alpha);
    sink = z[rows * cols];
}

static void reads_before_values(const float *z, float *out, size_t rows, size_t cols, float alpha) {
    right->activation[FNN_TANH](z, out, rows, cols, alpha);
    sink = z[-1];
}

static void writes_past_values(const float *z, float *out, size_t rows, size_t cols, float alpha) {
    right->activation[FNN_TANH](z, out, rows, cols, alpha);
    out[rows * cols] = 0;
}

/* A tail of a lane too many, in whatever instructions the ISA has for it. */
static void takes_a_column_too_many(const float *z, float *out, size_t rows, size_t cols,
                                    float alpha) {
    right->activation[FNN_TANH](z, out, 1, rows * cols + 1, alpha);
}

static void reads_past_gradients(const float *saved, const float *dy, float *dz, size_t rows,
                                 size_t cols, float alpha) {
    sink = dy[rows * cols];
    right->activation_grad[FNN_TANH](saved, dy, dz, rows, cols, alpha);
}

static void reads_past_saved(const float *saved, const float *dy, float *dz, size_t rows,
                             size_t cols, float alpha) {
    sink = saved[rows * cols];
    right->activation_grad[FNN_GELU](saved, dy, dz, rows, cols, alpha);
}

static double reads_past_targets(const float *z, const void *y, const float *weight, float *probs,
                                 float *dz, size_t rows, size_t cols, double scale,
                                 const fnn_loss_set_t *set) {
    sink = ((const float *)y)[rows * cols];
    return right->loss[FNN_MEAN_SQUARED_ERROR](z, y, weight, probs, dz, rows, cols, scale, set);
}

static double reads_past_weights(const float *z, const void *y, const float *weight, float *probs,
                                 float *dz, size_t rows, size_t cols, double scale,
                                 const fnn_loss_set_t *set) {
    sink = weight[rows];
    return right->loss[FNN_MEAN_SQUARED_ERROR](z, y, weight, probs, dz, rows, cols, scale, set);
}

static void writes_past_scratch(float *c, size_t ldc, const float *a, size_t lda, const float *b,
                                size_t ldb, const float *bias, size_t m, size_t n, size_t k,
                                unsigned flags, void *work) {
    /* the larger of the two layers decides how much there is */
    const size_t bytes = fnn_gemm_work_bytes(FNN_F32, 2, HIDDEN, IN);
    ((volatile char *)work)[bytes] = 0;
    right->gemm_nn(c, ldc, a, lda, b, ldb, bias, m, n, k, flags, work);
}

static void updates_too_much(float *p, float *v, const float *g, size_t n, const fnn_sgd_t *set) {
    right->sgd(p, v, g, n + 1, set);
}

static const struct {
    const char *name;
    fnn_activation_t activation;
    fnn_activation_f32_fn *forward;
    fnn_activation_grad_f32_fn *backward;
    fnn_loss_f32_fn *loss;
    fnn_gemm_f32_fn *product;
    fnn_sgd_f32_fn *update;
} planted[] = {
    {"values", FNN_TANH, reads_past_values, NULL, NULL, NULL, NULL},
    {"values-before", FNN_TANH, reads_before_values, NULL, NULL, NULL, NULL},
    {"values-written", FNN_TANH, writes_past_values, NULL, NULL, NULL, NULL},
    {"values-tail", FNN_TANH, takes_a_column_too_many, NULL, NULL, NULL, NULL},
    {"gradients", FNN_TANH, NULL, reads_past_gradients, NULL, NULL, NULL},
    {"saved", FNN_GELU, NULL, reads_past_saved, NULL, NULL, NULL},
    {"targets", FNN_TANH, NULL, NULL, reads_past_targets, NULL, NULL},
    {"weights", FNN_TANH, NULL, NULL, reads_past_weights, NULL, NULL},
    {"scratch", FNN_TANH, NULL, NULL, NULL, writes_past_scratch, NULL},
    {"parameters", FNN_TANH, NULL, NULL, NULL, NULL, updates_too_much},
};
enum { PLANTED = sizeof planted / sizeof planted[0] };

/* One step of SGD on `rows` weighted rows, with planted error `wrong`, or none: NULL. */
static void step(const fnn_kernels_t *kernels, size_t rows, const char *wrong) {
    fnn_kernels_t table = *kernels;
    fnn_activation_t activation = FNN_TANH;
    right = &kernels->f32;
    for (size_t i = 0; wrong != NULL && i < PLANTED; ++i) {
        if (strcmp(planted[i].name, wrong) != 0)
            continue;
        activation = planted[i].activation;
        if (planted[i].forward != NULL)
            table.f32.activation[activation] = planted[i].forward;
        if (planted[i].backward != NULL)
            table.f32.activation_grad[activation] = planted[i].backward;
        if (planted[i].loss != NULL)
            table.f32.loss[FNN_MEAN_SQUARED_ERROR] = planted[i].loss;
        if (planted[i].product != NULL)
            table.f32.gemm_nn = planted[i].product;
        if (planted[i].update != NULL)
            table.f32.sgd = planted[i].update;
    }
    static float x[4 * IN], y[4], weight[4] = {1, 1, 1, 1};
    fnn_plan_t *plan = new_plan(&table, FNN_F32, activation);
    fnn_team_t *team;
    check(fnn_team_new(plan, rows, true, 0, 1, &team) == FNN_OK, "fnn_team_new failed");
    const fnn_source_t inputs = {.data = (const char *)x,
                                 .type = FNN_FLOAT32,
                                 .row_stride = IN * sizeof(float),
                                 .col_stride = sizeof(float),
                                 .cols = IN};
    const fnn_stretch_t all = {0, PARAMS, 1, 1, 0, 0};
    fnn_head_t head = {
        .loss = FNN_MEAN_SQUARED_ERROR,
        .target_cols = 1,
        .terms = 1,
        .weight = 1,
        .y = {.data = (const char *)y,
              .type = FNN_FLOAT32,
              .row_stride = sizeof(float),
              .col_stride = sizeof(float),
              .cols = 1},
    };
    fnn_run_t run = {
        .plan = plan,
        .team = team,
        .params = fnn_alloc(PARAMS * sizeof(float)),
        .grads = fnn_alloc(PARAMS * sizeof(float)),
        .update = {.kind = FNN_SGD, .n_stretches = 1, .stretches = &all, .lr = 0.1},
        .heads = &head,
        .inputs = &inputs,
        .weight = {.data = (const char *)weight,
                   .type = FNN_FLOAT32,
                   .row_stride = sizeof(float),
                   .col_stride = sizeof(float),
                   .cols = 1},
        .rows = rows,
        .batch_size = rows,
        .check_finite = true,
    };
    check(fnn_run(&run, 1) == FNN_OK, "fnn_run failed");
    fnn_free(run.params);
    fnn_free(run.grads);
    fnn_team_free(team);
    fnn_plan_free(plan);
}

int main(int count, char **words) {
    const fnn_kernels_t *kernels;
    if (count > 1 && strcmp(words[1], "list") == 0) {
        for (size_t k = 0; (kernels = fnn_kernels_available(k)) != NULL; ++k)
            for (size_t i = 0; i < PLANTED; ++i)
                printf("%s %s\n", planted[i].name, kernels->name);
        return 0;
    }
    if (count > 2) {
        bool known;
        kernels = fnn_kernels_by_name(words[2], &known);
        check(kernels != NULL, "no such instruction set");
        step(kernels, 1, words[1]);
        check(false, "a planted over-read was not seen");
    }
    check_allocations();
    for (size_t rows = 1; rows < 4; ++rows)
        for (int training = 0; training < 2; ++training) {
            check_workspace(FNN_F32, rows, training);
            check_workspace(FNN_F64, rows, training);
        }
    for (size_t k = 0; (kernels = fnn_kernels_available(k)) != NULL; ++k)
        for (size_t rows = 1; rows < 5; ++rows)
            step(kernels, rows, NULL);
    check(fnn_allocated_bytes() == 0, "bytes are held though all was given back");
    return 0;
}
