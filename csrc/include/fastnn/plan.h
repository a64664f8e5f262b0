/* The network plan: a model lowered to a flat list of ops over contiguous arenas.
 *
 * Three objects with three lifetimes:
 *   fnn_plan_t       what is computed; never changes once made, any number of threads may share it
 *   fnn_workspace_t  where one thread computes: value and gradient slots for a block of rows
 *   fnn_run_t        one pass over rows (an epoch of training, or an evaluation), owned and filled
 *                    by the caller: data, parameters, optimizer, position, sums
 *
 * Tensors are numbered, the inputs first; each has a width, and a slot of (rows, width) in a
 * workspace.  An op reads tensors and writes the next one, in list order: op i writes tensor
 * n_inputs + i.  Parameters, gradients and optimizer slots are arenas of `n_params` elements; what
 * lies between two parameters is 0 and stays 0.  What is kept but not trained (moving moments,
 * scales) lies in the parameter arena too.  What an optimizer does to them stands in
 * fastnn/update.h.
 * No function here allocates but the two _new ones.
 *
 * A step takes its batch through forward, loss and backward in blocks of rows (depth first: a block
 * stays in cache from the first layer to the last gradient) and adds up the gradients in the order
 * of the rows.  A large batch of a small network is cut into shards first, each with a gradient of
 * its own; they are added in a fixed tree.  Blocks and shards are rules of the plan and the number
 * of rows, so the bits depend on the plan and the batch, not on the threads or on what else runs. */
#ifndef FASTNN_PLAN_H
#define FASTNN_PLAN_H

#include "fastnn/kernels.h"
#include "fastnn/metric.h"
#include "fastnn/pool.h"
#include "fastnn/source.h"
#include "fastnn/update.h"

#define FNN_NONE SIZE_MAX

typedef enum {
    FNN_OP_DENSE = 0,  /* out = activation(in kernel + bias); kernel (fan_in, fan_out) */
    FNN_OP_ACTIVATION, /* out = activation(in) */
    FNN_OP_COMBINE,    /* out = in 0, in 1, ... combined element by element; variant: fnn_combine_t */
    FNN_OP_CONCAT,     /* out = in 0 | in 1 | ..., side by side */
    FNN_OP_SPLIT,      /* out = columns of in, from `number` on */
    FNN_OP_GLU,        /* out = a sigmoid(b), in = a | b */
    FNN_OP_NOISE,      /* training only, else out = in; variant: fnn_noise_t, alpha: the rate */
    FNN_OP_LAYER_NORM, /* kernel: gamma, bias: beta; alpha: epsilon; variant: 1 for RMS */
    FNN_OP_BATCH_NORM, /* the same; state: moving mean and variance; beta: their momentum */
    FNN_OP_EMBEDDING,  /* out = rows of kernel (size, cols) by column `number` of in, an input */
    FNN_OP_SCALE,      /* out = (in - shift) * scale; variant 1: in * scale + shift; state: both */
    FNN_OP_PRELU,      /* out = in > 0 ? in : kernel * in; kernel (cols,) */
    FNN_OP_MAXOUT,     /* out = the largest of `number` columns of in, cols apart */
    FNN_OP_BILINEAR,   /* out_u = in0 kernel_u in1 + bias_u; kernel (cols of in 0, cols * cols of in 1) */
    FNN_OP_ACTIVITY,   /* out = in; adds alpha |in| + beta in^2 to the loss, in the mean over rows */
    FNN_OP_FUNCTION,   /* a person's own, row by row */
    FNN_OP_COUNT
} fnn_op_kind_t;

enum {
    FNN_MOST_INPUTS = 64,  /* of an op */
    FNN_MOST_OUTPUTS = 32, /* of a plan */
    FNN_NO_HEAD = 63       /* of ops that write no output */
};

/* A person's own layer: forward, where dy is NULL, writes `to` (rows, cols of out) from x (rows, cols
 * of in); backward writes `to` like x from x, out and dy.  It is called by the thread that runs the
 * plan, and tells that thread by fnn_function_failed() if something goes wrong. */
typedef void fnn_function_fn(void *data, const void *x, const void *out, const void *dy, void *to,
                             size_t rows);

typedef struct {
    fnn_op_kind_t kind;
    fnn_activation_t activation;
    unsigned variant;
    double alpha, beta;
    size_t in, out;      /* tensors; where there are several inputs, `in` is the first of them */
    size_t n_in, ins;    /* their number, and where they begin in the list of all inputs */
    size_t kernel, bias; /* offsets in the parameter arena, or FNN_NONE */
    size_t state[2];     /* offsets in the same arena of what is not trained, or FNN_NONE */
    size_t number, size;
    fnn_function_fn *function;
    void *data;
} fnn_op_t;

typedef struct {
    fnn_dtype_t dtype;
    size_t n_tensors;
    const size_t *cols; /* of each tensor */
    size_t n_inputs;    /* tensors 0 .. n_inputs - 1 */
    size_t n_outputs;
    const size_t *outputs; /* the tensors that predict returns, each written by an op */
    size_t n_ops;
    const fnn_op_t *ops;
    size_t n_ins;
    const size_t *ins; /* inputs of the ops, those of each together */
    size_t n_params;
} fnn_plan_spec_t;

/* Whether an own function that this thread has called has failed: set by it, and set back by whoever
 * called the plan. */
bool *fnn_function_failed(void);

typedef struct fnn_plan fnn_plan_t;
typedef struct fnn_workspace fnn_workspace_t;

/* Whether sizes, offsets and the order of the ops fit each other. */
bool fnn_plan_is_sound(const fnn_plan_spec_t *spec);

/* Copies all it is given.  FNN_BAD_PLAN, FNN_NO_MEMORY. */
fnn_status_t fnn_plan_new(const fnn_plan_spec_t *spec, const fnn_kernels_t *kernels,
                          fnn_plan_t **out);
void fnn_plan_free(fnn_plan_t *plan);

/* Rows that a block should hold at most: chosen from the widths, so that a block's slots stay in
 * cache and one op does not run for much longer than 50 ms. */
size_t fnn_plan_block_rows(const fnn_plan_t *plan);

/* The same for predictions, which keep no gradients and may cut rows as they like. */
size_t fnn_plan_predict_rows(const fnn_plan_t *plan);

/* Bytes of scratch that the products of a block of `rows` rows need. */
size_t fnn_plan_scratch_bytes(const fnn_plan_t *plan, size_t rows, bool training);
const fnn_kernels_t *fnn_plan_kernels(const fnn_plan_t *plan);
bool fnn_plan_has_functions(const fnn_plan_t *plan);

/* Slots for up to `rows` rows; gradient slots too if `training`, those of inputs if `inputs_too`. */
fnn_status_t fnn_workspace_new(const fnn_plan_t *plan, size_t rows, bool training, bool inputs_too,
                               fnn_workspace_t **out);
void fnn_workspace_free(fnn_workspace_t *work);
size_t fnn_workspace_rows(const fnn_workspace_t *work);

/* Asked between blocks when 50 ms have gone by since the last time: true stops the work. */
typedef bool fnn_poll_fn(void *data);

/* out[k] (rows, cols of output k), in the plan's type, contiguous = the network's outputs; they
 * overlap no input and each other.
 * `work`: a workspace for each of `threads` threads (at least 1, at most FNN_MOST_THREADS), all of
 * as many rows; `block`: rows computed at once, if fewer.  A row's bits do not depend on the rows
 * beside it, on blocks or threads.  On FNN_NONFINITE_INPUT *bad_row is the first such row, and some
 * rows of out are written, others not. */
fnn_status_t fnn_predict(const fnn_plan_t *plan, const void *params, fnn_workspace_t *const *work,
                         size_t threads, size_t block, const fnn_source_t *inputs, size_t rows,
                         bool check_finite, void *const *out, fnn_poll_fn *poll, void *poll_data,
                         size_t *bad_row);

/* One block that a backward may follow: rows <= the workspace's, which was made for training; the
 * inputs are copied.  The outputs stay in the workspace and are copied to `out`.  Noise is drawn by
 * `seed` and `t`; moments of the batch move those in `params`. */
fnn_status_t fnn_forward(const fnn_plan_t *plan, void *params, fnn_workspace_t *work,
                         const fnn_source_t *inputs, size_t rows, bool check_finite, uint64_t seed,
                         uint64_t t, void *const *out, size_t *bad_row);

/* The gradients of the sum over k of sum(dy[k] * output k) for the last fnn_forward: dy[k] NULL is 0;
 * `grads` (n_params) is overwritten; dx[i] (rows, cols of input i), where not NULL, too.  May be
 * called again. */
fnn_status_t fnn_backward(const fnn_plan_t *plan, const void *params, fnn_workspace_t *work,
                          const void *const *dy, void *grads, void *const *dx);

/* What a run keeps of an output for metrics that need all of them at once, in the order of its steps;
 * `rows` grows with each.  Room for the rows of the steps to come is the caller's business. */
typedef struct {
    void *p;      /* (rows, measured), the plan's type: after the output activation; NULL: not kept */
    void *y;      /* (rows, measured), the plan's type, or labels int32 (rows,) */
    void *weight; /* (rows,), the plan's type, or NULL */
    size_t rows;
} fnn_keep_t;

/* What one output is held against. */
typedef struct {
    fnn_loss_t loss;
    bool skip_activation; /* the activation of the output's op is part of the loss */
    size_t target_cols;   /* of a row of y, at most as many as outputs; 1 for integer labels */
    size_t terms;         /* of a row: fnn_loss_terms() */
    double weight;        /* of this loss in that of the network; 0: the output has none */
    /* The outputs that metrics compare with y: `measured` of them (at most half; 0: all), from
     * measured_first on, measured_step apart. */
    size_t measured, measured_first, measured_step;
    fnn_source_t y;
    fnn_source_t row_weight; /* of its own rows, where the run says so; data NULL: all ones */
    double batch_weight;     /* their sum over the batch; filled in by fnn_run */
    double loss_sum, weight_sum; /* over the run so far: their quotient is the mean loss */
    fnn_loss_set_t set;
    fnn_keep_t keep;
} fnn_head_t;

typedef struct {
    fnn_metric_set_t set;
    size_t head;
    double *state;
    size_t size; /* fnn_metric_state_size(): doubles in the state */
} fnn_metric_slot_t;

/* Where a run computes with up to `threads` threads: a workspace, and where a batch is cut into
 * shards a workspace for each thread and gradients, sums and metric states for each shard. */
typedef struct fnn_team fnn_team_t;

fnn_status_t fnn_team_new(const fnn_plan_t *plan, size_t batch_rows, bool training,
                          size_t metric_doubles, size_t threads, fnn_team_t **out);
void fnn_team_free(fnn_team_t *team);

/* Whether it does for batches of up to `batch_rows` rows and this number of threads. */
bool fnn_team_fits(const fnn_team_t *team, const fnn_plan_t *plan, size_t batch_rows,
                   size_t threads);

typedef struct {
    const fnn_plan_t *plan;
    fnn_team_t *team; /* for its batches, and for training if it trains */
    void *params;
    /* training only: NULL grads makes the run an evaluation, which changes no parameter */
    void *grads;
    fnn_update_t update;
    uint64_t t;        /* updates done so far; grows */
    fnn_rates_t rates; /* of update t + 1; filled in by fnn_run */

    size_t n_penalties;
    const fnn_penalty_t *penalties; /* part of each batch's loss */
    bool penalties_per_row;         /* they are divided by the batch's rows, or its weights */

    fnn_head_t *heads; /* one for each output of the plan */
    size_t n_metrics;
    const fnn_metric_slot_t *metrics; /* the team's metric_doubles: of all their states */

    const fnn_source_t *inputs; /* one for each input of the plan */
    fnn_source_t weight;        /* weight.data NULL: all ones */
    bool weighs_heads;          /* each head has weights of its own, and `weight` is not looked at */
    const uint64_t *order;      /* (rows,) or NULL: as they lie */
    size_t rows, batch_size;
    bool check_finite;
    uint64_t seed; /* of noise */

    size_t step; /* the next one; grows */

    double loss_sum, weight_sum; /* over the run so far: loss_sum / weight_sum is its mean */
    double batch_loss;           /* mean of the last batch */
    size_t bad_row;              /* with FNN_NONFINITE_INPUT: its place in the batch */

    fnn_poll_fn *poll; /* may be NULL */
    void *poll_data;
} fnn_run_t;

/* Runs steps until run->step reaches `stop`, or about 50 ms have gone by, whichever is first; only
 * whole steps are ever left behind.  A batch whose weights sum to 0 changes nothing, and
 * a head whose own weights do adds nothing.  On
 * FNN_NONFINITE_LOSS, FNN_NONFINITE_INPUT and FNN_INTERRUPTED run->step is the step that was
 * dropped, before its update. */
fnn_status_t fnn_run(fnn_run_t *run, size_t stop);

#endif
