/* A network frozen for serving: its ops and a copy of its parameters, which never change.
 *
 * Any number of threads may run one predictor at once, without locks.  A small network computes on
 * the caller's stack (less than 20 kB of it) and allocates nothing.  A larger one borrows scratch
 * that stays with the predictor for the next call, so it allocates once for each call that runs at
 * the same time as others; so does one that is no chain of dense layers and activations, which runs
 * through its plan.  There is no lock and no thread, so a fork at any time leaves both
 * processes with a predictor that works.
 *
 * Each row has the bits that fnn_predict gives it, for any number of rows. */
#ifndef FASTNN_PREDICTOR_H
#define FASTNN_PREDICTOR_H

#include "fastnn/plan.h"

typedef struct fnn_predictor fnn_predictor_t;

/* Copies all it is given, with one holder.  FNN_BAD_PLAN (also for more than one input or output),
 * FNN_NO_MEMORY. */
fnn_status_t fnn_predictor_new(const fnn_plan_spec_t *spec, const fnn_kernels_t *kernels,
                               const void *params, bool check_finite, fnn_predictor_t **out);

/* One holder more, one less: memory goes with the last. */
void fnn_predictor_hold(fnn_predictor_t *predictor);
void fnn_predictor_free(fnn_predictor_t *predictor);

/* (n_params), as they were given. */
const void *fnn_predictor_params(const fnn_predictor_t *predictor);

/* out (rows, outputs) of x (rows, inputs), both of the network's type, aligned to it, contiguous;
 * they must not overlap.  FNN_NONFINITE_INPUT: x holds NaN or Inf, and nothing was written (only
 * with check_finite).  FNN_NO_MEMORY: nothing was written either. */
fnn_status_t fnn_predictor_run(fnn_predictor_t *predictor, const void *x, void *out, size_t rows);

/* The same for many rows, on up to `threads` threads of the pool.  On FNN_NONFINITE_INPUT some rows
 * of out may have been written if x takes more than 256 kB. */
fnn_status_t fnn_predictor_run_many(fnn_predictor_t *predictor, const void *x, void *out,
                                    size_t rows, size_t threads);

/* ---- the C ABI that other languages call, described in docs/predictor.md ----------------------
 *
 * Whatever of it changes its meaning changes the version. */

enum { FNN_PREDICTOR_ABI = 1 };

enum {
    FNN_CALL_OK = 0,
    FNN_CALL_NONFINITE = 1, /* x holds NaN or Inf: out is as it was */
    FNN_CALL_NO_MEMORY = 2, /* no scratch for a large network: out is as it was */
    FNN_CALL_BAD_ROWS = 3,  /* rows is negative: out is as it was */
    FNN_CALL_FAILED = 4     /* an own function raised: what out holds means nothing */
};

/* out (rows, outputs) of x (rows, inputs); predictor: an fnn_predictor_t of that type. */
typedef int fnn_predictor_f32_fn(const float *x, float *out, int rows, void *predictor);
typedef int fnn_predictor_f64_fn(const double *x, double *out, int rows, void *predictor);
fnn_predictor_f32_fn fnn_predictor_call_f32;
fnn_predictor_f64_fn fnn_predictor_call_f64;

#endif
