/* The network plan: a model lowered to a flat list of ops over contiguous arenas.
 *
 * Three objects with three lifetimes:
 *   fnn_plan_t       what is computed; never changes once made, any number of threads may share it
 *   fnn_workspace_t  where one thread computes: value and gradient slots for a block of rows
 *   fnn_run_t        one pass over rows (an epoch of training, or an evaluation), owned and filled
 *                    by the caller: data, parameters, optimizer, position, sums
 *
 * Tensors are numbered, the inputs first; each has a width, and a slot of (rows, width) in a
 * workspace.  An op reads one tensor and writes another, in list order.  Parameters, gradients and
 * optimizer slots are arenas of `n_params` elements; what lies between two parameters is 0 and
 * stays 0.  The segments of the arena that an optimizer updates alike are merged into stretches.
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

#define FNN_NONE SIZE_MAX

typedef enum {
    FNN_OP_DENSE = 0, /* out = activation(in kernel + bias); kernel (fan_in, fan_out) */
    FNN_OP_ACTIVATION /* out = activation(in) */
} fnn_op_kind_t;

typedef struct {
    fnn_op_kind_t kind;
    fnn_activation_t activation;
    double alpha;
    size_t in, out;      /* tensors */
    size_t kernel, bias; /* offsets in the parameter arena, or FNN_NONE */
} fnn_op_t;

typedef struct {
    fnn_dtype_t dtype;
    size_t n_tensors;
    const size_t *cols; /* of each tensor */
    size_t n_inputs;    /* tensors 0 .. n_inputs - 1 */
    size_t output;      /* the tensor that predict returns; written by the last op */
    size_t n_ops;
    const fnn_op_t *ops;
    size_t n_params;
} fnn_plan_spec_t;

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
const fnn_kernels_t *fnn_plan_kernels(const fnn_plan_t *plan);

/* Slots for up to `rows` rows; gradient slots too if `training`. */
fnn_status_t fnn_workspace_new(const fnn_plan_t *plan, size_t rows, bool training,
                               fnn_workspace_t **out);
void fnn_workspace_free(fnn_workspace_t *work);
size_t fnn_workspace_rows(const fnn_workspace_t *work);

/* Asked between blocks when 50 ms have gone by since the last time: true stops the work. */
typedef bool fnn_poll_fn(void *data);

/* out (rows, outputs), in the plan's type, contiguous = the network's outputs; it overlaps no input.
 * `work`: a workspace for each of `threads` threads (at least 1, at most FNN_MOST_THREADS), all of
 * as many rows; `block`: rows computed at once, if fewer.  A row's bits do not depend on the rows
 * beside it, on blocks or threads.  On FNN_NONFINITE_INPUT *bad_row is the first such row, and some
 * rows of out are written, others not. */
fnn_status_t fnn_predict(const fnn_plan_t *plan, const void *params, fnn_workspace_t *const *work,
                         size_t threads, size_t block, const fnn_source_t *inputs, size_t rows,
                         bool check_finite, void *out, fnn_poll_fn *poll, void *poll_data,
                         size_t *bad_row);

/* One block that a backward may follow: rows <= the workspace's, which was made for training; the
 * inputs are copied.  The outputs stay in the workspace and are copied to `out`. */
fnn_status_t fnn_forward(const fnn_plan_t *plan, const void *params, fnn_workspace_t *work,
                         const fnn_source_t *inputs, size_t rows, bool check_finite, void *out,
                         size_t *bad_row);

/* The gradients of sum(dy * outputs) for the last fnn_forward: `grads` (n_params) is overwritten;
 * dx[i] (rows, cols of input i), where not NULL, too.  May be called again. */
fnn_status_t fnn_backward(const fnn_plan_t *plan, const void *params, fnn_workspace_t *work,
                          const void *dy, void *grads, void *const *dx);

/* Part of the parameter arena that is updated alike; what no stretch covers is not trained. */
typedef struct {
    size_t offset, size; /* elements */
    double decay;        /* multiplies the optimizer's weight decay */
    double multiplier;   /* multiplies its learning rate */
} fnn_stretch_t;

/* Optimizer settings as people give them; fnn_update evaluates the constants of step t. */
typedef struct {
    fnn_optimizer_t kind;
    size_t n_stretches;
    const fnn_stretch_t *stretches;
    double lr;
    double momentum;
    bool nesterov;
    double beta1, beta2, eps, weight_decay;
} fnn_update_t;

/* One update of params from grads over all stretches.  slot[0], slot[1]: state arenas (SGD
 * momentum or Adam's m, v), NULL where the optimizer has none.  t counts from 1. */
void fnn_update(const fnn_plan_t *plan, const fnn_update_t *update, uint64_t t, void *params,
                const void *grads, void *const slot[2]);

typedef struct {
    fnn_loss_t loss;
    bool skip_activation; /* the last op's activation is part of the loss */
    size_t target_cols;   /* of a row of y, at most as many as outputs; 1 for integer labels */
    size_t terms;         /* of a row: fnn_loss_terms() */
    double weight;        /* of this loss in that of the network */
    fnn_loss_set_t set;
} fnn_head_t;

typedef struct {
    fnn_metric_t metric;
    double *state; /* fnn_metric_state_size() doubles */
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
    void *grads, *slot[2];
    fnn_update_t update;
    uint64_t t;       /* updates done so far; grows */
    double powers[2]; /* of beta1 and beta2, for update t + 1; filled in by fnn_run */

    fnn_head_t head;
    size_t n_metrics;
    const fnn_metric_slot_t *metrics; /* the team's metric_doubles: of all their states */

    const fnn_source_t *inputs; /* one for each input of the plan */
    fnn_source_t y, weight;     /* weight.data NULL: all ones */
    const uint64_t *order;      /* (rows,) or NULL: as they lie */
    size_t rows, batch_size;
    bool check_finite;

    size_t step; /* the next one; grows */

    double loss_sum, weight_sum; /* over the run so far: loss_sum / weight_sum is its mean */
    double batch_loss;           /* mean of the last batch */
    size_t bad_row;              /* with FNN_NONFINITE_INPUT: its place in the batch */

    fnn_poll_fn *poll; /* may be NULL */
    void *poll_data;
} fnn_run_t;

/* Runs steps until run->step reaches `stop`, or about 50 ms have gone by, whichever is first; only
 * whole steps are ever left behind.  A batch whose weights sum to 0 changes nothing.  On
 * FNN_NONFINITE_LOSS, FNN_NONFINITE_INPUT and FNN_INTERRUPTED run->step is the step that was
 * dropped, before its update. */
fnn_status_t fnn_run(fnn_run_t *run, size_t stop);

#endif
