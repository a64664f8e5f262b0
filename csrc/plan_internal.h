/* What plan.c and team.c know of each other's objects. */
#ifndef FASTNN_PLAN_INTERNAL_H
#define FASTNN_PLAN_INTERNAL_H

#include "fastnn/plan.h"

struct fnn_plan {
    fnn_dtype_t dtype;
    size_t n_tensors, n_inputs, output, n_ops, n_params, block_rows;
    double row_flops; /* of a forward pass */
    bool shares_parameters;
    size_t *cols;
    fnn_op_t *ops;
    const fnn_kernels_t *kernels;
};

struct fnn_workspace {
    size_t rows;
    bool training;
    size_t forward_rows; /* of the fnn_forward that a backward may use; 0: none */
    void **slot;         /* (n_tensors) own memory of each tensor, (rows, cols) */
    void **value;        /* (n_tensors) where its values are now: slot, or a person's own rows */
    void **before;       /* (n_ops) pre-activations, for ops whose derivative needs them; or NULL */
    void **grad;         /* (n_tensors) gradients, when training; dx of inputs is the caller's */
    void *y, *weight;
    void *gemm;
    void *arena;
};

static const size_t ELEMENT[] = {[FNN_F32] = sizeof(float), [FNN_F64] = sizeof(double)};

/* Bytes of scratch that the products of a block of `rows` rows need. */
size_t fnn_plan_scratch_bytes(const fnn_plan_t *plan, size_t rows, bool training);

/* Part of a batch with a gradient of its own. */
typedef struct {
    size_t first, rows; /* within the batch */
    size_t done;        /* rows */
    size_t bad_row;     /* within the batch, or FNN_ALL_FINITE */
    double loss_sum;
} shard_t;

struct fnn_team {
    size_t threads, batch_rows;
    bool training;
    size_t n_work;
    fnn_workspace_t **work; /* one; or where batches are cut into shards one for each thread */
    fnn_workspace_t *view;  /* (threads) work[0] from some row on, with scratch of its own */
    void **pointers;        /* of the views */
    void **scratch;         /* (threads); the first is that of work[0] */
    size_t n_shards;        /* at most; 1: batches are not cut */
    shard_t *shard;
    void **input;                 /* (n_inputs) where a block's inputs were found */
    size_t bad[FNN_MOST_THREADS]; /* the first bad row of each chunk of a block, in the batch */
    size_t metric_doubles;
    char *grads;     /* (n_shards, gradient arena), when training */
    double *metrics; /* (n_shards, metric_doubles) */
};

/* How many shards a batch is cut into.  A rule of the plan and the number of rows alone: the
 * gradients' bits depend on it.  Only where the layers are so small that a gradient for each shard
 * costs next to nothing beside the arithmetic of its rows. */
enum { SHARD_ROWS = 128, MOST_SHARDS = 16, SHARD_PARAMS = 16384 };

static inline size_t shards_of(const fnn_plan_t *plan, size_t rows) {
    const size_t shards = plan->n_params <= SHARD_PARAMS ? rows / SHARD_ROWS : 1;
    return shards < 1 ? 1 : shards < MOST_SHARDS ? shards : MOST_SHARDS;
}

/* Elements between the gradients of two shards. */
static inline size_t shard_stride(const fnn_plan_t *plan) {
    const size_t line = FNN_ALIGN / sizeof(float);
    return (plan->n_params + line - 1) / line * line;
}

/* The view of thread `t`: work[0] from row `first` on. */
fnn_workspace_t *fnn_team_view(const fnn_plan_t *plan, fnn_team_t *team, size_t t, size_t first);

#endif
