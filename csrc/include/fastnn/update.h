/* Everything between finished gradients and new parameters.
 *
 * In this order, each where it is asked for:
 *   1. gradients are added up over `accumulate` steps; the last of them goes on with their mean
 *   2. penalties: g += (l1 sign(p) + 2 l2 p) penalty_scale
 *   3. noise: g += N(0, noise / t^noise_decay), t counted from 1
 *   4. centralization: the columns' means are taken away from the gradient of a matrix
 *   5. clipping: each element, then each parameter's norm, then the norm of all
 *   6. weight decay, then the optimizer's own step
 *   7. constraints
 *   8. lookahead, then the running mean of the parameters
 *
 * Where only 2, 6 and 8 are asked for and the optimizer is elementwise the update is *piecewise*: it
 * may be done for one piece of the arena as soon as that piece's gradient is there
 * (fnn_update_range_*).  Else it is *whole*: fnn_update_whole once, when all gradients are there.
 * Both overwrite the gradients.  Whole updates go over pieces of fixed size, their norms are sums of
 * the pieces in order: the bits do not depend on the threads.
 *
 * What an update remembers lies in arenas as long as the parameters, but for adafactor's slot[0]:
 * there a matrix of r rows and c columns has r + c numbers, from `state` of its segment on, and any
 * other parameter as many as it has elements. */
#ifndef FASTNN_UPDATE_H
#define FASTNN_UPDATE_H

#include "fastnn/kernels.h"
#include "fastnn/schedule.h"

/* Part of the parameter arena that is updated alike; what no stretch covers is not trained. */
typedef struct {
    size_t offset, size; /* elements */
    double decay;        /* multiplies the optimizer's weight decay */
    double multiplier;   /* multiplies its learning rate */
    double l1, l2;       /* penalties */
} fnn_stretch_t;

typedef enum {
    FNN_FREE = 0,
    FNN_MAX_NORM,     /* columns of a norm above `most` are scaled down to it */
    FNN_NON_NEGATIVE, /* p <- max(0, p) */
    FNN_UNIT_NORM,    /* columns are scaled to norm 1, but for those that are 0 */
    FNN_MIN_MAX_NORM, /* a column's norm n becomes rate min(max(n, least), most) + (1 - rate) n */
    FNN_CONSTRAINT_COUNT
} fnn_constraint_t;

/* One trained parameter. */
typedef struct {
    size_t offset, rows, cols; /* a vector is one column */
    bool matrix;               /* has two dimensions */
    bool hidden;               /* is muon's; the others are AdamW's */
    double decay, multiplier;  /* as in its stretch */
    double l1, l2;
    fnn_constraint_t constraint;
    double least, most, rate;
    size_t state; /* where its part of adafactor's slot begins */
} fnn_segment_t;

/* Settings as people give them, and where the state lies. */
typedef struct {
    fnn_optimizer_t kind;
    size_t n_stretches;
    const fnn_stretch_t *stretches; /* neighbours that are updated alike are one */
    double lr;                      /* where there is no schedule */
    const fnn_schedule_t *schedule; /* or NULL */
    double momentum;
    bool nesterov;
    double beta1, beta2, eps, weight_decay;
    double least, most;      /* rprop: lengths of a step */
    double shrink, grow;     /* rprop: factors of a step */
    double momentum_decay;   /* nadam */
    double beta2_decay;      /* adafactor: 1 - beta2 is t^beta2_decay */
    double eps2, threshold;  /* adafactor: least scale of a parameter, most rms of a step */
    double ratio;            /* muon: AdamW's learning rate over its own */
    size_t iterations;       /* muon: of Newton and Schulz */
    size_t n_segments;       /* of whole updates */
    const fnn_segment_t *segments;
    double penalty_scale; /* multiplies all l1 and l2 */
    size_t accumulate; /* 0 is 1 */
    double noise, noise_decay;
    uint64_t seed; /* of the noise */
    bool centralize;
    double clip_value, clip_norm, global_clip_norm; /* 0: none */
    double ema;                                     /* 0: none */
    size_t lookahead;                               /* steps between two looks; 0: none */
    double lookahead_alpha;

    void *slot[FNN_MOST_SLOTS]; /* the optimizer's own, in the order of optimizer.h; or NULL */
    void *mean, *slow, *sum;    /* of ema, lookahead and accumulate */
    double *scalars;            /* (FNN_UPDATE_SCALARS); may be NULL for sgd and adam */
    struct fnn_update_work *work; /* of whole updates; see fnn_update_new_work */
} fnn_update_t;

/* scalars[0], scalars[1]: nadam's product of momenta; schedule-free's largest rate and sum of weights.
 * scalars[2]: gradients that `sum` holds.  scalars[3] is the binding's. */
enum { FNN_UPDATE_SCALARS = 4 };

/* The constants of one update. */
typedef struct {
    uint64_t t; /* its number, from 1 */
    double lr;
    double power[2]; /* beta1^t and beta2^t */
    double more[3];  /* what the kind needs beside */
} fnn_rates_t;

bool fnn_update_is_piecewise(const fnn_update_t *update);

/* Memory that whole updates work in, so that none is allocated in a step; once the settings and the
 * segments are there.  FNN_NO_MEMORY. */
fnn_status_t fnn_update_new_work(fnn_update_t *update, fnn_dtype_t dtype);
void fnn_update_free_work(fnn_update_t *update);

/* The constants of update t. */
void fnn_update_rates(const fnn_update_t *update, uint64_t t, fnn_rates_t *rates);

/* After the update that has these constants: writes its scalars down. */
void fnn_update_end(const fnn_update_t *update, const fnn_rates_t *rates);

/* What a piecewise update does to the elements `from` .. `to` of the arena. */
void fnn_update_range_f32(const fnn_kernels_t *kernels, const fnn_update_t *update,
                          const fnn_rates_t *rates, void *params, void *grads, size_t from, size_t to);
void fnn_update_range_f64(const fnn_kernels_t *kernels, const fnn_update_t *update,
                          const fnn_rates_t *rates, void *params, void *grads, size_t from, size_t to);

/* A whole update.  *updated: whether the parameters have changed, or the gradients were only added
 * up.  FNN_NONFINITE_GRADIENT: a norm to be clipped is NaN or Inf; the parameters and the
 * optimizer's state are as before, gradients that were added up are dropped. */
fnn_status_t fnn_update_whole(const fnn_kernels_t *kernels, fnn_dtype_t dtype,
                              const fnn_update_t *update, const fnn_rates_t *rates, void *params,
                              void *grads, size_t threads, bool *updated);

/* Update t in one call, piecewise or whole, for the low level; flushes subnormals. */
fnn_status_t fnn_update(const fnn_kernels_t *kernels, fnn_dtype_t dtype, const fnn_update_t *update,
                        uint64_t t, size_t n_params, void *params, void *grads, size_t threads,
                        bool *updated);

/* to (n_params) = the parameters that predictions should use: the running mean of `ema`, or
 * schedule-free's point x; elements that are not trained are those of params. */
void fnn_update_averages(const fnn_update_t *update, fnn_dtype_t dtype, size_t n_params,
                         const void *params, void *to);

/* A part of the loss: l1 sum |p| + l2 sum p^2 over `size` elements from `offset` on. */
typedef struct {
    size_t offset, size;
    double l1, l2;
} fnn_penalty_t;

double fnn_penalties(const fnn_kernels_t *kernels, fnn_dtype_t dtype,
                     const fnn_penalty_t *penalties, size_t n, const void *params);

#endif
