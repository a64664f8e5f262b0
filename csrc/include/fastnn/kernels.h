/* The table of kernels: one for each ISA and type, filled by the templates in csrc/kernels. */
#ifndef FASTNN_KERNELS_H
#define FASTNN_KERNELS_H

#include "fastnn/activation.h"
#include "fastnn/combine.h"
#include "fastnn/dense.h"
#include "fastnn/gemm.h"
#include "fastnn/lookup.h"
#include "fastnn/loss.h"
#include "fastnn/noise.h"
#include "fastnn/norm.h"
#include "fastnn/optimizer.h"
#include "fastnn/sparse.h"
#include "fastnn/units.h"

/* Returns the flops done; see probe.inc. */
typedef double fnn_fma_probe_fn(size_t rounds, int mix);

/* The kernels of the layers other than dense, by name: `each` makes a member, a declaration or an
 * entry of the table of one of them, for a type (f32, f64). */
#define FNN_LAYER_KERNELS(each, type)                                                              \
    each(add_to, type) each(combine, type) each(combine_grad, type) each(copy_columns, type)       \
    each(concatenate, type) each(add_columns, type) each(affine_columns, type)                     \
    each(affine_back, type)                                                                        \
    each(layer_norm, type) each(layer_norm_grad, type) each(layer_norm_param_grad, type)           \
    each(layer_norm_backward, type) each(column_moments, type) each(batch_norm, type)              \
    each(batch_norm_sums, type) each(batch_norm_grad, type) each(noise, type)                      \
    each(noise_grad, type) each(random_words, type) each(prelu, type)                              \
    each(prelu_grad, type) each(prelu_param_grad, type) each(maxout, type)                         \
    each(maxout_grad, type) each(glu, type) each(glu_grad, type) each(bilinear_out, type)          \
    each(bilinear_grad, type) each(activity, type) each(embedding, type)                           \
    each(embedding_grad, type) each(embedding_check, type) each(embedding_index, type)             \
    each(csr_dense, type) each(csr_dense_grad, type)
#define FNN_LAYER_MEMBER(name, type) fnn_##name##_##type##_fn *name;

typedef struct {
    fnn_gemm_f32_fn *gemm_nn, *gemm_tn, *gemm_nt;
    fnn_column_sum_f32_fn *column_sum;
    fnn_few_grad_f32_fn *few_grad;
    FNN_LAYER_KERNELS(FNN_LAYER_MEMBER, f32)
    fnn_activation_f32_fn *activation[FNN_ACTIVATION_COUNT];
    fnn_activation_grad_f32_fn *activation_grad[FNN_ACTIVATION_COUNT];
    fnn_loss_f32_fn *loss[FNN_LOSS_COUNT];
    fnn_sgd_f32_fn *sgd;
    fnn_adam_f32_fn *adam;
    fnn_elementwise_f32_fn *elementwise[FNN_ELEMENTWISE_COUNT]; /* but for sgd and adam */
    fnn_scale_f32_fn *scale;
    fnn_ema_f32_fn *ema;
    fnn_clip_f32_fn *clip;
    fnn_penalty_f32_fn *penalty;
    fnn_sum_f32_fn *square_sum, *abs_sum;
    fnn_lamb_f32_fn *lamb;
    fnn_fma_probe_fn *fma_probe;
} fnn_kernels_f32_t;

typedef struct {
    fnn_gemm_f64_fn *gemm_nn, *gemm_tn, *gemm_nt;
    fnn_column_sum_f64_fn *column_sum;
    fnn_few_grad_f64_fn *few_grad;
    FNN_LAYER_KERNELS(FNN_LAYER_MEMBER, f64)
    fnn_activation_f64_fn *activation[FNN_ACTIVATION_COUNT];
    fnn_activation_grad_f64_fn *activation_grad[FNN_ACTIVATION_COUNT];
    fnn_loss_f64_fn *loss[FNN_LOSS_COUNT];
    fnn_sgd_f64_fn *sgd;
    fnn_adam_f64_fn *adam;
    fnn_elementwise_f64_fn *elementwise[FNN_ELEMENTWISE_COUNT]; /* but for sgd and adam */
    fnn_scale_f64_fn *scale;
    fnn_ema_f64_fn *ema;
    fnn_clip_f64_fn *clip;
    fnn_penalty_f64_fn *penalty;
    fnn_sum_f64_fn *square_sum, *abs_sum;
    fnn_lamb_f64_fn *lamb;
    fnn_fma_probe_fn *fma_probe;
} fnn_kernels_f64_t;

typedef struct {
    const char *name; /* "baseline", "avx2", "avx512", "neon" */
    fnn_kernels_f32_t f32;
    fnn_kernels_f64_t f64;
} fnn_kernels_t;

/* The table of one ISA by name, or NULL: `*known` tells an unknown name from an ISA that this CPU
 * or this build lacks. */
const fnn_kernels_t *fnn_kernels_by_name(const char *name, bool *known);

/* The best table for this CPU. */
const fnn_kernels_t *fnn_kernels_best(void);

/* The k-th ISA this CPU can run, slowest first; NULL past the last. */
const fnn_kernels_t *fnn_kernels_available(size_t k);

#endif
