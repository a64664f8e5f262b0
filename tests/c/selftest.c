/* The C core without Python: every table that this CPU can run, against plain loops and libm, and a
 * network trained through the plan.  Runs where there is no Python to run the real tests, such as
 * another architecture under an emulator:
 *
 *   aarch64-linux-gnu-gcc -static $FLAGS -Icsrc -Icsrc/include tests/c/selftest.c $CSRC -lm
 *   qemu-aarch64 ./a.out
 *
 * Prints a line a table; exits with 1 after the first thing that is wrong. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "fastnn/kernels.h"
#include "fastnn/memory.h"
#include "fastnn/plan.h"
#include "fastnn/rng.h"

enum { MOST = 40 * 150 };

static void check(bool right, const char *what, size_t m, size_t n, size_t k) {
    if (right)
        return;
    fprintf(stderr, "selftest: %s is wrong at %zu x %zu x %zu\n", what, m, n, k);
    exit(1);
}

static void fill(double *to, size_t n, uint32_t step) {
    const fnn_random_t stream = {7, FNN_RANDOM_USER, 0, step};
    fnn_random_normal(&stream, to, n);
}

/* |got - sum| within the bound of standard error analysis, for any order of the sum. */
static bool close_to(double got, double sum, double size, double eps, size_t k) {
    return fabs(got - sum) <= (double)(k + 2) * eps * (size + 1.0);
}

#define CHECK_PRODUCTS(real, table, eps)                                                           \
    static void check_products_##table(const fnn_kernels_t *kernels) {                             \
        static const size_t sizes[] = {1, 2, 3, 5, 8, 13, 16, 17, 33, 40};                         \
        static const size_t depths[] = {0, 1, 4, 7, 32, 129};                                      \
        static double a_values[MOST], b_values[MOST], bias_values[64];                             \
        static real a[MOST], b[MOST], c[MOST], bias[64];                                           \
        fill(a_values, MOST, 1);                                                                   \
        fill(b_values, MOST, 2);                                                                   \
        fill(bias_values, 64, 3);                                                                  \
        for (size_t i = 0; i < MOST; ++i) {                                                        \
            a[i] = (real)a_values[i];                                                              \
            b[i] = (real)b_values[i];                                                              \
        }                                                                                          \
        for (size_t i = 0; i < 64; ++i)                                                            \
            bias[i] = (real)bias_values[i];                                                        \
        for (size_t im = 0; im < sizeof sizes / sizeof *sizes; ++im)                               \
            for (size_t in = 0; in < sizeof sizes / sizeof *sizes; ++in)                           \
                for (size_t ik = 0; ik < sizeof depths / sizeof *depths; ++ik)                     \
                    for (int form = 0; form < 3; ++form) {                                         \
                        const size_t m = sizes[im], n = sizes[in], k = depths[ik];                 \
                        void *work = fnn_scratch(fnn_gemm_work_bytes(                              \
                            sizeof(real) == 4 ? FNN_F32 : FNN_F64, m, n, k));                      \
                        if (form == 0)                                                             \
                            kernels->table.gemm_nn(c, n, a, k, b, n, bias, m, n, k, 0, work);      \
                        else if (form == 1)                                                        \
                            kernels->table.gemm_tn(c, n, a, m, b, n, NULL, m, n, k, 0, work);      \
                        else                                                                       \
                            kernels->table.gemm_nt(c, n, a, k, b, k, NULL, m, n, k, 0, work);      \
                        fnn_free(work);                                                            \
                        for (size_t i = 0; i < m; ++i)                                             \
                            for (size_t j = 0; j < n; ++j) {                                       \
                                double sum = form == 0 ? (double)bias[j] : 0, size = fabs(sum);    \
                                for (size_t p = 0; p < k; ++p) {                                   \
                                    const double x = (double)(form == 1 ? a[p * m + i]             \
                                                                        : a[i * k + p]) *          \
                                                     (double)(form == 2 ? b[j * k + p]             \
                                                                        : b[p * n + j]);           \
                                    sum += x;                                                      \
                                    size += fabs(x);                                               \
                                }                                                                  \
                                check(close_to((double)c[i * n + j], sum, size, eps, k),           \
                                      "a product", m, n, k);                                       \
                            }                                                                      \
                    }                                                                              \
    }                                                                                              \
    static void check_activations_##table(const fnn_kernels_t *kernels) {                          \
        real z[101], out[101];                                                                     \
        for (int i = 0; i < 101; ++i)                                                              \
            z[i] = (real)((i - 50) * 0.17);                                                        \
        for (size_t n = 0; n <= 101; n += 7) {                                                     \
            kernels->table.activation[FNN_TANH](z, out, 1, n, 0);                                  \
            for (size_t i = 0; i < n; ++i)                                                         \
                check(fabs((double)out[i] - tanh((double)z[i])) < 4 * eps, "tanh", 1, n, 0);       \
            kernels->table.activation[FNN_SIGMOID](z, out, 1, n, 0);                               \
            for (size_t i = 0; i < n; ++i)                                                         \
                check(fabs((double)out[i] - 1 / (1 + exp(-(double)z[i]))) < 4 * eps, "sigmoid", 1, \
                      n, 0);                                                                       \
            kernels->table.activation[FNN_GELU](z, out, 1, n, 0);                                  \
            for (size_t i = 0; i < n; ++i)                                                         \
                check(fabs((double)out[i] -                                                        \
                           (double)z[i] * 0.5 * erfc(-(double)z[i] * 0.70710678118654752440)) <    \
                          16 * eps,                                                                \
                      "gelu", 1, n, 0);                                                            \
            kernels->table.activation[FNN_MISH](z, out, 1, n, 0);                                  \
            for (size_t i = 0; i < n; ++i)                                                         \
                check(fabs((double)out[i] -                                                        \
                           (double)z[i] * tanh(log1p(exp((double)z[i])))) < 32 * eps,              \
                      "mish", 1, n, 0);                                                            \
            kernels->table.activation[FNN_TANH_SHRINK](z, out, 1, n, 0);                           \
            for (size_t i = 0; i < n; ++i)                                                         \
                check(fabs((double)out[i] - ((double)z[i] - tanh((double)z[i]))) < 32 * eps,       \
                      "tanh_shrink", 1, n, 0);                                                     \
            kernels->table.activation[FNN_SPARSEMAX](z, out, 1, n, 0);                             \
            double sum = 0;                                                                        \
            for (size_t i = 0; i < n; ++i)                                                         \
                sum += (double)out[i];                                                             \
            check(n == 0 || fabs(sum - 1) < 101 * eps, "sparsemax", 1, n, 0);                      \
        }                                                                                          \
    }

CHECK_PRODUCTS(float, f32, 1.1920928955078125e-07)
CHECK_PRODUCTS(double, f64, 2.220446049250313e-16)

/* 3-8-1 with tanh learns y = x0 - 2 x1 + x2 / 2; returns the last epoch's loss. */
static double train(const fnn_kernels_t *kernels, fnn_dtype_t dtype) {
    enum { ROWS = 256, IN = 3, HIDDEN = 8, PARAMS = IN * HIDDEN + HIDDEN + HIDDEN + 1 };
    const size_t cols[] = {IN, HIDDEN, 1};
    const size_t ins[] = {0, 1}, outputs[] = {2};
    const fnn_op_t ops[] = {
        {
            .kind = FNN_OP_DENSE,
            .activation = FNN_TANH,
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
    const size_t bytes = PARAMS * (dtype == FNN_F32 ? sizeof(float) : sizeof(double));
    static double x[ROWS * IN], y[ROWS], start[PARAMS];
    fill(x, ROWS * IN, 4);
    fill(start, PARAMS, 5);
    for (size_t i = 0; i < ROWS; ++i)
        y[i] = x[i * IN] - 2 * x[i * IN + 1] + 0.5 * x[i * IN + 2];

    fnn_plan_t *plan;
    fnn_team_t *team;
    check(fnn_plan_new(&spec, kernels, &plan) == FNN_OK, "fnn_plan_new", 0, 0, 0);
    check(fnn_team_new(plan, 16, true, 0, 2, &team) == FNN_OK, "fnn_team_new", 0, 0, 0);
    void *params = fnn_alloc(bytes), *grads = fnn_alloc(bytes);
    void *m = fnn_alloc(bytes), *v = fnn_alloc(bytes);
    for (size_t i = 0; i < PARAMS; ++i)
        if (dtype == FNN_F32)
            ((float *)params)[i] = (float)(0.3 * start[i]);
        else
            ((double *)params)[i] = 0.3 * start[i];
    const fnn_source_t inputs = {.data = (const char *)x,
                                 .type = FNN_FLOAT64,
                                 .row_stride = IN * sizeof(double),
                                 .col_stride = sizeof(double),
                                 .cols = IN};
    fnn_head_t head = {
        .loss = FNN_MEAN_SQUARED_ERROR,
        .target_cols = 1,
        .terms = 1,
        .weight = 1,
        .y = {.data = (const char *)y,
              .type = FNN_FLOAT64,
              .row_stride = sizeof(double),
              .col_stride = sizeof(double),
              .cols = 1},
    };
    const fnn_stretch_t all = {0, PARAMS, 1, 1, 0, 0};
    fnn_run_t run = {
        .plan = plan,
        .team = team,
        .params = params,
        .grads = grads,
        .update = {.kind = FNN_ADAM, .n_stretches = 1, .stretches = &all, .lr = 0.02,
                   .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .slot = {m, v}},
        .heads = &head,
        .inputs = &inputs,
        .rows = ROWS,
        .batch_size = 16,
        .check_finite = true,
    };
    const size_t before = fnn_allocations();
    for (int epoch = 0; epoch < 60; ++epoch) {
        run.step = 0;
        run.loss_sum = run.weight_sum = head.loss_sum = head.weight_sum = 0;
        while (run.step < ROWS / 16)
            check(fnn_run(&run, ROWS / 16) == FNN_OK, "fnn_run", 0, 0, 0);
    }
    check(fnn_allocations() == before, "the number of allocations in a step", 0, 0, 0);
    fnn_free(params);
    fnn_free(grads);
    fnn_free(m);
    fnn_free(v);
    fnn_team_free(team);
    fnn_plan_free(plan);
    return run.loss_sum / run.weight_sum;
}

int main(void) {
    const fnn_kernels_t *kernels;
    for (size_t i = 0; (kernels = fnn_kernels_available(i)) != NULL; ++i) {
        check_products_f32(kernels);
        check_products_f64(kernels);
        check_activations_f32(kernels);
        check_activations_f64(kernels);
        const double single = train(kernels, FNN_F32), twice = train(kernels, FNN_F64);
        check(single < 0.01 && twice < 0.01, "what a network learned", 0, 0, 0);
        check(fabs(single / twice - 1) < 1e-3, "float32 beside float64", 0, 0, 0);
        printf("%-8s right; loss of a small fit %.3e (f32) %.3e (f64)\n", kernels->name, single,
               twice);
    }
    return 0;
}
