/* What plan.c and team.c know of each other's objects. */
#ifndef FASTNN_PLAN_INTERNAL_H
#define FASTNN_PLAN_INTERNAL_H

#include "fastnn/plan.h"
#include "fastnn/sparse.h"

struct fnn_plan {
    fnn_dtype_t dtype;
    size_t n_tensors, n_inputs, n_outputs, n_ops, n_params, block_rows;
    double row_flops; /* of a forward pass */
    bool is_chain;        /* of dense layers and nothing else */
    bool shares_parameters;
    bool has_barriers;    /* ops that need the whole batch when they train */
    bool has_functions;   /* ops that stay with the calling thread */
    bool has_activity;
    bool asks_pass;       /* ops that ask for pass_t */
    bool has_tables;      /* embeddings, whose numbers are checked as rows come in */
    size_t extra_cols;    /* of the widest gradient that is added up by way of a slot of its own */
    size_t *cols, *outputs, *ins;
    fnn_op_t *ops;
    uint8_t *head;        /* (n_ops) which output it writes, or FNN_NO_HEAD */
    bool *adds_params;    /* (n_ops) its parameters' gradients add to those of a later op */
    bool *adds_input;     /* (n_ins) the gradient of this input adds to a later op's, or a loss's */
    bool *trains;         /* (n_tensors) whether parameters lie upstream */
    const fnn_kernels_t *kernels;
};

/* How the rows of a workspace are taken through the network. */
typedef struct {
    bool training; /* noise is drawn, moments are those of the batch */
    uint64_t seed, t;
    size_t first, rows; /* row of the batch that the workspace's first row is; all its rows */
    double activity;    /* scale of the gradients of penalties on values */
} pass_t;

struct fnn_workspace {
    size_t rows;
    bool training;
    size_t forward_rows; /* of the fnn_forward that a backward may use; 0: none */
    pass_t pass;
    void **slot;         /* (n_tensors) own memory of each tensor, (rows, cols) */
    void **value;        /* (n_tensors) where its values are now: slot, or a person's own rows */
    void **kept;         /* (n_ops) what an op keeps for its gradient: see kept_cols; or NULL */
    void **grad;         /* (n_tensors) gradients, when training; dx of inputs is the caller's */
    void **shared;       /* (n_ops) what concerns all rows: moments and sums of a batch; or NULL */
    void **y;            /* (n_outputs) targets */
    void *extra;         /* (rows, extra_cols) */
    bool is_spent;       /* a backward has overwritten what bilinear ops kept */
    void *weight;
    void *gemm;
    void *arena;
    fnn_csr_t *csr; /* (n_inputs) rows of sparse inputs; values NULL: dense */
};

/* Whether op i reads sparse rows. */
static inline bool fnn_reads_sparse(const fnn_plan_t *plan, const fnn_workspace_t *work, size_t i) {
    const size_t in = plan->ops[i].in;
    return in < plan->n_inputs && work->csr[in].values != NULL;
}

/* Points a workspace at rows of a sparse source. */
static inline void fnn_take_sparse(fnn_workspace_t *work, size_t t, const fnn_source_t *source,
                                   const uint64_t *order, size_t first) {
    work->csr[t] = (fnn_csr_t){
        .indptr = source->indptr,
        .indices = source->indices,
        .wide = source->wide,
        .values = source->data,
        .order = order,
        .first = first,
    };
}

/* Columns of op i's `kept`: pre-activations, a noise's mask, a norm's moments, the inner product of a
 * bilinear layer (which predictions need too). */
size_t fnn_plan_kept_cols(const fnn_plan_t *plan, size_t i, bool training);

/* The number of a view's pointers. */
static inline size_t fnn_plan_pointers(const fnn_plan_t *plan) {
    return 3 * plan->n_tensors + 2 * plan->n_ops + plan->n_outputs;
}

static const size_t ELEMENT[] = {[FNN_F32] = sizeof(float), [FNN_F64] = sizeof(double)};

/* Part of a batch with a gradient of its own. */
typedef struct {
    size_t first, rows; /* within the batch */
    size_t done;        /* rows */
    size_t bad_row;     /* within the batch, or FNN_ALL_FINITE */
    double sums[FNN_MOST_OUTPUTS + 1]; /* of the losses, and of penalties on values */
} shard_t;

struct fnn_team {
    size_t threads, batch_rows;
    bool training;
    size_t n_work;
    fnn_workspace_t **work; /* one; or where batches are cut into shards one for each thread */
    fnn_workspace_t *view;  /* (threads) work[0] from some row on, with scratch of its own */
    void **pointers;        /* of the views */
    fnn_csr_t *csr;         /* (threads, n_inputs) of the views */
    void **scratch;         /* (threads); the first is that of work[0] */
    size_t n_shards;        /* at most; 1: batches are not cut */
    shard_t *shard;
    void **input;                 /* (n_inputs) where a block's inputs were found */
    size_t bad[FNN_MOST_THREADS]; /* the first bad row of each chunk of a block, in the batch */
    size_t metric_doubles;
    char *grads;     /* (n_shards - 1, gradient arena) of all but the first, when training */
    double *metrics; /* (n_shards, metric_doubles) */
};

/* How many shards a batch is cut into.  A rule of the plan and the number of rows alone: the
 * gradients' bits depend on it.  Only where the layers are so small that a gradient for each shard
 * costs next to nothing beside the arithmetic of its rows.  A power of two, so that two, four or
 * eight threads end together. */
enum { SHARD_ROWS = 128, MOST_SHARDS = 16, SHARD_PARAMS = 16384, SHORT_SHARD = 64 };
static const double SHORT_SHARD_FLOPS = 4e5; /* of a pass forward: some 12 us of a step */

static inline size_t shards_of(const fnn_plan_t *plan, size_t rows, bool training) {
    if ((training && plan->has_barriers) || plan->n_params > SHARD_PARAMS || rows < 2 * SHORT_SHARD)
        return 1;
    if (rows < 2 * SHARD_ROWS)
        return plan->row_flops * (double)(rows / 2) >= SHORT_SHARD_FLOPS ? 2 : 1;
    size_t shards = 2;
    while (shards < MOST_SHARDS && rows >= 2 * shards * SHARD_ROWS)
        shards *= 2;
    return shards;
}

/* Elements between the gradients of two shards. */
static inline size_t shard_stride(const fnn_plan_t *plan) {
    const size_t line = FNN_ALIGN / sizeof(float);
    return (plan->n_params + line - 1) / line * line;
}

/* The view of thread `t`: work[0] from row `first` on. */
fnn_workspace_t *fnn_team_view(const fnn_plan_t *plan, fnn_team_t *team, size_t t, size_t first);

#endif
