# What the bindings use of the C core, one block a header.  The headers are the manual.
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t, uintptr_t

cdef extern from "fastnn/base.h" nogil:
    ctypedef bint c_bool "bool"
    ctypedef enum fnn_dtype_t:
        FNN_F32
        FNN_F64
    ctypedef enum fnn_status_t:
        FNN_OK
        FNN_NO_MEMORY
        FNN_BAD_PLAN
        FNN_NONFINITE_INPUT
        FNN_NONFINITE_LOSS
        FNN_INTERRUPTED
        FNN_NO_FORWARD
        FNN_NONFINITE_GRADIENT

cdef extern from "fastnn/memory.h" nogil:
    void *fnn_alloc(size_t bytes) noexcept
    void *fnn_scratch(size_t bytes) noexcept
    void fnn_free(void *memory) noexcept
    size_t fnn_allocations() noexcept
    size_t fnn_allocated_bytes() noexcept
    size_t fnn_peak_bytes() noexcept
    void fnn_restart_peak() noexcept

cdef extern from "fastnn/activation.h" nogil:
    ctypedef enum fnn_activation_t:
        FNN_LINEAR
        FNN_RELU
        FNN_ACTIVATION_COUNT

cdef extern from "fastnn/gemm.h" nogil:
    enum:
        FNN_GEMM_ADD
        FNN_GEMM_RELU
    size_t fnn_gemm_work_bytes(fnn_dtype_t dtype, size_t m, size_t n, size_t k) noexcept

cdef extern from "fastnn/loss.h" nogil:
    ctypedef enum fnn_loss_t:
        FNN_SPARSE_CATEGORICAL_CROSSENTROPY
        FNN_OWN_LOSS
        FNN_LOSS_COUNT
    ctypedef enum fnn_variance_t:
        FNN_VARIANCE_EXP
        FNN_VARIANCE_SOFTPLUS
        FNN_VARIANCE_LINEAR
    enum:
        FNN_MOST_QUANTILES
    ctypedef void fnn_own_loss_f32_fn(const float *y_pred, const float *y_true, float *value,
                                      float *gradient, size_t rows, size_t cols,
                                      void *user_data) noexcept nogil
    ctypedef void fnn_own_loss_f64_fn(const double *y_pred, const double *y_true, double *value,
                                      double *gradient, size_t rows, size_t cols,
                                      void *user_data) noexcept nogil
    ctypedef struct fnn_own_loss_t:
        fnn_own_loss_f32_fn *f32
        fnn_own_loss_f64_fn *f64
        void *user_data
        size_t target_cols
        const c_bool *failed
    ctypedef struct fnn_loss_set_t:
        double delta
        double epsilon
        double power
        double gamma
        double alpha
        double margin
        double smoothing
        bint log_input
        bint balance
        bint full
        fnn_variance_t variance
        fnn_own_loss_t own
        size_t n_quantiles
        double quantiles[FNN_MOST_QUANTILES]
    size_t fnn_loss_terms(fnn_loss_t loss, size_t cols) noexcept
    size_t fnn_loss_target_cols(fnn_loss_t loss, size_t cols, const fnn_loss_set_t *set) noexcept
    c_bool fnn_loss_takes(fnn_loss_t loss, size_t cols, const fnn_loss_set_t *set) noexcept

cdef extern from "float_mode.h" nogil:
    void keep_subnormals() noexcept
    void flush_subnormals() noexcept

cdef extern from "fastnn/optimizer.h" nogil:
    ctypedef enum fnn_optimizer_t:
        FNN_SGD
        FNN_ADAM
        FNN_RPROP
        FNN_SCHEDULE_FREE
        FNN_LAMB
        FNN_ADAFACTOR
        FNN_NO_UPDATE
        FNN_OPTIMIZER_COUNT
    enum:
        FNN_MOST_SLOTS
        FNN_ELEMENTWISE_COUNT
    ctypedef struct fnn_sgd_t:
        double lr
        double momentum
        bint nesterov
    ctypedef struct fnn_adam_t:
        double step
        double beta1
        double one_minus_beta1
        double beta2
        double one_minus_beta2
        double eps
        double decay
    ctypedef struct fnn_elementwise_t:
        double lr
        double root
        double beta1
        double one_minus_beta1
        double beta2
        double one_minus_beta2
        double eps
        double decay
        double momentum
        double a
        double b
        double c
        double least
        double most
        bint flag

cdef extern from "fastnn/rng.h" nogil:
    ctypedef enum fnn_random_purpose_t:
        FNN_RANDOM_INIT
        FNN_RANDOM_SHUFFLE
        FNN_RANDOM_SPLIT
        FNN_RANDOM_USER
        FNN_RANDOM_GRADIENT
    ctypedef struct fnn_random_t:
        uint64_t seed
        uint32_t purpose
        uint32_t epoch
        uint32_t step
    void fnn_philox4x32(const uint32_t *counter, const uint32_t *key, uint32_t *out) noexcept
    void fnn_random_uniform(const fnn_random_t *stream, double *out, size_t n) noexcept
    void fnn_random_normal(const fnn_random_t *stream, double *out, size_t n) noexcept
    ctypedef void fnn_random_words_fn(uint32_t *words, const fnn_random_t *stream, uint64_t block,
                                      size_t n) noexcept
    void fnn_random_permutation(const fnn_random_t *stream, fnn_random_words_fn *words,
                                uint64_t *index, size_t n) noexcept

cdef extern from "fastnn/combine.h" nogil:
    ctypedef enum fnn_combine_t:
        FNN_SUBTRACT
        FNN_COMBINE_COUNT

cdef extern from "fastnn/noise.h" nogil:
    ctypedef enum fnn_noise_t:
        FNN_GAUSSIAN_NOISE
        FNN_NOISE_COUNT

cdef extern from "fastnn/sparse.h" nogil:
    ctypedef struct fnn_csr_t:
        const void *indptr
        const void *indices
        c_bool wide
        const void *values
        const uint64_t *order
        size_t first
    size_t fnn_csr_bad_row(const void *indptr, const void *indices, c_bool wide, size_t n,
                           size_t entries, size_t k) noexcept

cdef extern from "fastnn/kernels.h" nogil:
    ctypedef struct fnn_kernels_f32_t:
        void (*gemm_nn)(float *c, size_t ldc, const float *a, size_t lda, const float *b,
                        size_t ldb, const float *bias, size_t m, size_t n, size_t k,
                        unsigned flags, void *work) noexcept nogil
        void (*gemm_tn)(float *c, size_t ldc, const float *a, size_t lda, const float *b,
                        size_t ldb, const float *bias, size_t m, size_t n, size_t k,
                        unsigned flags, void *work) noexcept nogil
        void (*gemm_nt)(float *c, size_t ldc, const float *a, size_t lda, const float *b,
                        size_t ldb, const float *bias, size_t m, size_t n, size_t k,
                        unsigned flags, void *work) noexcept nogil
        void (*column_sum)(float *c, const float *a, size_t rows, size_t cols) noexcept nogil
        void (*add_to)(float *out, const float *x, size_t n) noexcept nogil
        void (*combine)(fnn_combine_t kind, const float *const *inputs, size_t n_in, float *out,
                        size_t n) noexcept nogil
        void (*combine_grad)(fnn_combine_t kind, const float *const *inputs, size_t n_in,
                             size_t which, const float *out, const float *dy, float *dx,
                             size_t n) noexcept nogil
        void (*copy_columns)(float *out, size_t out_stride, const float *x, size_t x_stride,
                             size_t rows, size_t cols) noexcept nogil
        void (*concatenate)(const float *const *inputs, const size_t *in_cols, size_t n_in,
                            float *out, size_t rows) noexcept nogil
        void (*add_columns)(float *out, size_t out_stride, const float *x, size_t x_stride,
                            size_t rows, size_t cols) noexcept nogil
        void (*affine_columns)(const float *x, const float *shift, const float *scale, float *out,
                               size_t rows, size_t cols) noexcept nogil
        void (*affine_back)(const float *x, const float *scale, const float *shift, float *out,
                            size_t rows, size_t cols) noexcept nogil
        void (*layer_norm)(const float *x, const float *gamma, const float *beta, float *out,
                           float *stats, size_t rows, size_t cols, double eps,
                           c_bool rms) noexcept nogil
        void (*layer_norm_grad)(const float *x, const float *gamma, const float *stats,
                                const float *dy, float *dx, size_t rows, size_t cols,
                                c_bool rms) noexcept nogil
        void (*layer_norm_param_grad)(const float *x, const float *stats, const float *dy,
                                      float *dgamma, float *dbeta, size_t rows, size_t cols,
                                      c_bool add, c_bool rms) noexcept nogil
        void (*layer_norm_backward)(const float *x, const float *gamma, const float *stats,
                                    const float *dy, float *dx, float *dgamma, float *dbeta,
                                    size_t rows, size_t cols, c_bool add,
                                    c_bool rms) noexcept nogil
        void (*column_moments)(const float *x, float *mean, float *var, size_t rows,
                               size_t cols) noexcept nogil
        void (*batch_norm)(const float *x, const float *mean, const float *var, const float *gamma,
                           const float *beta, float *out, size_t rows, size_t cols,
                           double eps) noexcept nogil
        void (*batch_norm_sums)(const float *x, const float *mean, const float *var,
                                const float *dy, float *sum_dy, float *sum_dy_xhat, size_t rows,
                                size_t cols, double eps) noexcept nogil
        void (*batch_norm_grad)(const float *x, const float *mean, const float *var,
                                const float *gamma, const float *sum_dy, const float *sum_dy_xhat,
                                const float *dy, float *dx, size_t rows, size_t batch_rows,
                                size_t cols, double eps) noexcept nogil
        void (*noise)(fnn_noise_t kind, const fnn_random_t *stream, uint64_t first, const float *x,
                      float *mask, float *out, size_t n, double rate) noexcept nogil
        fnn_random_words_fn *random_words
        void (*noise_grad)(fnn_noise_t kind, const float *mask, const float *dy, float *dx,
                           size_t n) noexcept nogil
        void (*prelu)(const float *x, const float *alpha, float *out, size_t rows,
                      size_t cols) noexcept nogil
        void (*prelu_grad)(const float *x, const float *alpha, const float *dy, float *dx,
                           size_t rows, size_t cols) noexcept nogil
        void (*prelu_param_grad)(const float *x, const float *dy, float *dalpha, size_t rows,
                                 size_t cols, c_bool add) noexcept nogil
        void (*maxout)(const float *z, float *out, size_t rows, size_t units,
                       size_t pieces) noexcept nogil
        void (*maxout_grad)(const float *z, const float *out, const float *dy, float *dz,
                            size_t rows, size_t units, size_t pieces) noexcept nogil
        void (*glu)(const float *z, float *out, size_t rows, size_t cols) noexcept nogil
        void (*glu_grad)(const float *z, const float *dy, float *dz, size_t rows,
                         size_t cols) noexcept nogil
        void (*bilinear_out)(const float *t, const float *x2, const float *bias, float *out,
                             size_t rows, size_t units, size_t n2) noexcept nogil
        void (*bilinear_grad)(const float *dy, float *t, const float *x2, float *dx2, size_t rows,
                              size_t units, size_t n2) noexcept nogil
        double (*activity)(const float *x, float *dx, size_t n, double l1, double l2,
                           double scale) noexcept nogil
        void (*embedding)(const float *index, size_t index_stride, const float *table, float *out,
                          size_t out_stride, size_t rows, size_t dim) noexcept nogil
        void (*embedding_grad)(const float *index, size_t index_stride, const float *dy,
                               size_t dy_stride, float *dtable, size_t rows,
                               size_t dim) noexcept nogil
        size_t (*embedding_check)(const float *index, size_t index_stride, size_t rows,
                                  size_t vocabulary) noexcept nogil
        size_t (*embedding_index)(const int64_t *index, float *out, size_t n,
                                  size_t vocabulary) noexcept nogil
        void (*csr_dense)(const fnn_csr_t *x, const float *kernel, const float *bias, float *out,
                          size_t rows, size_t cols) noexcept nogil
        void (*csr_dense_grad)(const fnn_csr_t *x, const float *dy, float *dkernel, size_t rows,
                               size_t cols) noexcept nogil
        void (**activation)(const float *z, float *out, size_t rows, size_t cols,
                            float alpha) noexcept nogil
        void (**activation_grad)(const float *saved, const float *dy, float *dz, size_t rows,
                                 size_t cols, float alpha) noexcept nogil
        double (**loss)(const float *z, const void *y, const float *weight, float *probs,
                        float *dz, size_t rows, size_t cols, double scale,
                        const fnn_loss_set_t *set) noexcept nogil
        void (*sgd)(float *p, float *v, const float *g, size_t n,
                    const fnn_sgd_t *set) noexcept nogil
        void (*adam)(float *p, float *m, float *v, const float *g, size_t n,
                     const fnn_adam_t *set) noexcept nogil
        void (**elementwise)(float *p, float **slot, const float *g, size_t n,
                             const fnn_elementwise_t *set) noexcept nogil
        double (*fma_probe)(size_t rounds, int mix) noexcept nogil
    ctypedef struct fnn_kernels_f64_t:
        void (*gemm_nn)(double *c, size_t ldc, const double *a, size_t lda, const double *b,
                        size_t ldb, const double *bias, size_t m, size_t n, size_t k,
                        unsigned flags, void *work) noexcept nogil
        void (*gemm_tn)(double *c, size_t ldc, const double *a, size_t lda, const double *b,
                        size_t ldb, const double *bias, size_t m, size_t n, size_t k,
                        unsigned flags, void *work) noexcept nogil
        void (*gemm_nt)(double *c, size_t ldc, const double *a, size_t lda, const double *b,
                        size_t ldb, const double *bias, size_t m, size_t n, size_t k,
                        unsigned flags, void *work) noexcept nogil
        void (*column_sum)(double *c, const double *a, size_t rows, size_t cols) noexcept nogil
        void (*add_to)(double *out, const double *x, size_t n) noexcept nogil
        void (*combine)(fnn_combine_t kind, const double *const *inputs, size_t n_in, double *out,
                        size_t n) noexcept nogil
        void (*combine_grad)(fnn_combine_t kind, const double *const *inputs, size_t n_in,
                             size_t which, const double *out, const double *dy, double *dx,
                             size_t n) noexcept nogil
        void (*copy_columns)(double *out, size_t out_stride, const double *x, size_t x_stride,
                             size_t rows, size_t cols) noexcept nogil
        void (*concatenate)(const double *const *inputs, const size_t *in_cols, size_t n_in,
                            double *out, size_t rows) noexcept nogil
        void (*add_columns)(double *out, size_t out_stride, const double *x, size_t x_stride,
                            size_t rows, size_t cols) noexcept nogil
        void (*affine_columns)(const double *x, const double *shift, const double *scale,
                               double *out, size_t rows, size_t cols) noexcept nogil
        void (*affine_back)(const double *x, const double *scale, const double *shift, double *out,
                            size_t rows, size_t cols) noexcept nogil
        void (*layer_norm)(const double *x, const double *gamma, const double *beta, double *out,
                           double *stats, size_t rows, size_t cols, double eps,
                           c_bool rms) noexcept nogil
        void (*layer_norm_grad)(const double *x, const double *gamma, const double *stats,
                                const double *dy, double *dx, size_t rows, size_t cols,
                                c_bool rms) noexcept nogil
        void (*layer_norm_param_grad)(const double *x, const double *stats, const double *dy,
                                      double *dgamma, double *dbeta, size_t rows, size_t cols,
                                      c_bool add, c_bool rms) noexcept nogil
        void (*layer_norm_backward)(const double *x, const double *gamma, const double *stats,
                                    const double *dy, double *dx, double *dgamma, double *dbeta,
                                    size_t rows, size_t cols, c_bool add,
                                    c_bool rms) noexcept nogil
        void (*column_moments)(const double *x, double *mean, double *var, size_t rows,
                               size_t cols) noexcept nogil
        void (*batch_norm)(const double *x, const double *mean, const double *var,
                           const double *gamma, const double *beta, double *out, size_t rows,
                           size_t cols, double eps) noexcept nogil
        void (*batch_norm_sums)(const double *x, const double *mean, const double *var,
                                const double *dy, double *sum_dy, double *sum_dy_xhat, size_t rows,
                                size_t cols, double eps) noexcept nogil
        void (*batch_norm_grad)(const double *x, const double *mean, const double *var,
                                const double *gamma, const double *sum_dy,
                                const double *sum_dy_xhat, const double *dy, double *dx,
                                size_t rows, size_t batch_rows, size_t cols,
                                double eps) noexcept nogil
        void (*noise)(fnn_noise_t kind, const fnn_random_t *stream, uint64_t first,
                      const double *x, double *mask, double *out, size_t n,
                      double rate) noexcept nogil
        void (*noise_grad)(fnn_noise_t kind, const double *mask, const double *dy, double *dx,
                           size_t n) noexcept nogil
        void (*prelu)(const double *x, const double *alpha, double *out, size_t rows,
                      size_t cols) noexcept nogil
        void (*prelu_grad)(const double *x, const double *alpha, const double *dy, double *dx,
                           size_t rows, size_t cols) noexcept nogil
        void (*prelu_param_grad)(const double *x, const double *dy, double *dalpha, size_t rows,
                                 size_t cols, c_bool add) noexcept nogil
        void (*maxout)(const double *z, double *out, size_t rows, size_t units,
                       size_t pieces) noexcept nogil
        void (*maxout_grad)(const double *z, const double *out, const double *dy, double *dz,
                            size_t rows, size_t units, size_t pieces) noexcept nogil
        void (*glu)(const double *z, double *out, size_t rows, size_t cols) noexcept nogil
        void (*glu_grad)(const double *z, const double *dy, double *dz, size_t rows,
                         size_t cols) noexcept nogil
        void (*bilinear_out)(const double *t, const double *x2, const double *bias, double *out,
                             size_t rows, size_t units, size_t n2) noexcept nogil
        void (*bilinear_grad)(const double *dy, double *t, const double *x2, double *dx2,
                              size_t rows, size_t units, size_t n2) noexcept nogil
        double (*activity)(const double *x, double *dx, size_t n, double l1, double l2,
                           double scale) noexcept nogil
        void (*embedding)(const double *index, size_t index_stride, const double *table,
                          double *out, size_t out_stride, size_t rows, size_t dim) noexcept nogil
        void (*embedding_grad)(const double *index, size_t index_stride, const double *dy,
                               size_t dy_stride, double *dtable, size_t rows,
                               size_t dim) noexcept nogil
        size_t (*embedding_check)(const double *index, size_t index_stride, size_t rows,
                                  size_t vocabulary) noexcept nogil
        size_t (*embedding_index)(const int64_t *index, double *out, size_t n,
                                  size_t vocabulary) noexcept nogil
        void (*csr_dense)(const fnn_csr_t *x, const double *kernel, const double *bias,
                          double *out, size_t rows, size_t cols) noexcept nogil
        void (*csr_dense_grad)(const fnn_csr_t *x, const double *dy, double *dkernel, size_t rows,
                               size_t cols) noexcept nogil
        void (**activation)(const double *z, double *out, size_t rows, size_t cols,
                            double alpha) noexcept nogil
        void (**activation_grad)(const double *saved, const double *dy, double *dz, size_t rows,
                                 size_t cols, double alpha) noexcept nogil
        double (**loss)(const double *z, const void *y, const double *weight, double *probs,
                        double *dz, size_t rows, size_t cols, double scale,
                        const fnn_loss_set_t *set) noexcept nogil
        void (*sgd)(double *p, double *v, const double *g, size_t n,
                    const fnn_sgd_t *set) noexcept nogil
        void (*adam)(double *p, double *m, double *v, const double *g, size_t n,
                     const fnn_adam_t *set) noexcept nogil
        void (**elementwise)(double *p, double **slot, const double *g, size_t n,
                             const fnn_elementwise_t *set) noexcept nogil
        double (*fma_probe)(size_t rounds, int mix) noexcept nogil
    ctypedef struct fnn_kernels_t:
        const char *name
        fnn_kernels_f32_t f32
        fnn_kernels_f64_t f64
    const fnn_kernels_t *fnn_kernels_by_name(const char *name, c_bool *known) noexcept
    const fnn_kernels_t *fnn_kernels_best() noexcept
    const fnn_kernels_t *fnn_kernels_available(size_t k) noexcept

cdef extern from "fastnn/metric.h" nogil:
    ctypedef enum fnn_metric_t:
        FNN_PRECISION
        FNN_ROC_AUC_BINS
        FNN_METRIC_COUNT
    ctypedef enum fnn_targets_t:
        FNN_TARGETS_LABELS
        FNN_TARGETS_COUNT
    ctypedef enum fnn_average_t:
        FNN_AVERAGE_COUNT
    ctypedef struct fnn_metric_set_t:
        fnn_metric_t kind
        fnn_targets_t targets
        fnn_average_t average
        size_t count
        double threshold
        double param
    c_bool fnn_metric_is_sound(const fnn_metric_set_t *set, size_t cols) noexcept
    size_t fnn_metric_state_size(const fnn_metric_set_t *set, size_t cols) noexcept
    void fnn_metric_reset(const fnn_metric_set_t *set, double *state, size_t cols) noexcept
    void fnn_metric_update_f32(const fnn_metric_set_t *set, double *state, const float *p,
                               const void *y, const float *weight, size_t rows,
                               size_t cols) noexcept
    void fnn_metric_update_f64(const fnn_metric_set_t *set, double *state, const double *p,
                               const void *y, const double *weight, size_t rows,
                               size_t cols) noexcept
    void fnn_metric_update_classes(const fnn_metric_set_t *set, double *state,
                                   const int32_t *predicted, const int32_t *actual,
                                   const double *weight, size_t rows, size_t cols) noexcept
    void fnn_metric_merge(const fnn_metric_set_t *set, double *state, const double *other,
                          size_t cols) noexcept
    double fnn_metric_result(const fnn_metric_set_t *set, const double *state,
                             size_t cols) noexcept

cdef extern from "fastnn/source.h" nogil:
    ctypedef enum fnn_source_type_t:
        FNN_BOOL
        FNN_INT8
        FNN_INT16
        FNN_INT32
        FNN_INT64
        FNN_UINT8
        FNN_UINT16
        FNN_UINT32
        FNN_UINT64
        FNN_FLOAT16
        FNN_FLOAT32
        FNN_FLOAT64
    ctypedef struct fnn_source_t:
        const char *data
        fnn_source_type_t type
        Py_ssize_t row_stride
        Py_ssize_t col_stride
        size_t cols
        const void *indices
        const void *indptr
        c_bool wide
    const size_t FNN_ALL_FINITE
    size_t fnn_gather_f32(float *out, const fnn_source_t *source, const uint64_t *order,
                          size_t first, size_t rows) noexcept
    size_t fnn_gather_f64(double *out, const fnn_source_t *source, const uint64_t *order,
                          size_t first, size_t rows) noexcept
    size_t fnn_first_nonfinite(const fnn_source_t *source, fnn_dtype_t dtype,
                               const uint64_t *order, size_t first, size_t rows) noexcept

cdef extern from "fastnn/moments.h" nogil:
    ctypedef struct fnn_moments_t:
        double weight
        double origin
        double mean
        double spread
    size_t fnn_moments_work_size(size_t cols) noexcept
    size_t fnn_moments_update(fnn_moments_t *state, const fnn_source_t *source,
                              const double *weight, size_t rows, c_bool skip_nan,
                              double *work) noexcept

cdef extern from "fastnn/pool.h" nogil:
    enum:
        FNN_MOST_THREADS

cdef extern from "fastnn/schedule.h" nogil:
    ctypedef enum fnn_rate_t:
        FNN_RATE_COUNT
    ctypedef struct fnn_schedule_t:
        fnn_rate_t kind
        double rate
        double steps
        double a
        double b
        double c
        bint flag
        double warmup_steps
        double warmup_start
        size_t n
        const double *table
    double fnn_schedule_at(const fnn_schedule_t *schedule, uint64_t step) noexcept

cdef extern from "fastnn/update.h" nogil:
    enum:
        FNN_UPDATE_SCALARS
    ctypedef struct fnn_stretch_t:
        size_t offset
        size_t size
        double decay
        double multiplier
        double l1
        double l2
    ctypedef enum fnn_constraint_t:
        FNN_CONSTRAINT_COUNT
    ctypedef struct fnn_segment_t:
        size_t offset
        size_t rows
        size_t cols
        bint matrix
        bint hidden
        double decay
        double multiplier
        double l1
        double l2
        fnn_constraint_t constraint
        double least
        double most
        double rate
        size_t state
    ctypedef struct fnn_update_t:
        fnn_optimizer_t kind
        size_t n_stretches
        const fnn_stretch_t *stretches
        double lr
        const fnn_schedule_t *schedule
        double momentum
        bint nesterov
        double beta1
        double beta2
        double eps
        double weight_decay
        double least
        double most
        double shrink
        double grow
        double momentum_decay
        double beta2_decay
        double eps2
        double threshold
        double ratio
        size_t iterations
        size_t n_segments
        const fnn_segment_t *segments
        double penalty_scale
        size_t accumulate
        double noise
        double noise_decay
        uint64_t seed
        bint centralize
        double clip_value
        double clip_norm
        double global_clip_norm
        double ema
        size_t lookahead
        double lookahead_alpha
        void *slot[FNN_MOST_SLOTS]
        void *mean
        void *slow
        void *sum
        double *scalars
    ctypedef struct fnn_penalty_t:
        size_t offset
        size_t size
        double l1
        double l2
    fnn_status_t fnn_update_new_work(fnn_update_t *update, fnn_dtype_t dtype) noexcept
    void fnn_update_free_work(fnn_update_t *update) noexcept
    c_bool fnn_update_is_piecewise(const fnn_update_t *update) noexcept
    fnn_status_t fnn_update(const fnn_kernels_t *kernels, fnn_dtype_t dtype,
                            const fnn_update_t *update, uint64_t t, size_t n_params,
                            void *params, void *grads, size_t threads,
                            c_bool *updated) noexcept
    void fnn_update_averages(const fnn_update_t *update, fnn_dtype_t dtype, size_t n_params,
                             const void *params, void *to) noexcept

cdef extern from "fastnn/plan.h" nogil:
    const size_t FNN_NONE
    ctypedef enum fnn_op_kind_t:
        FNN_OP_DENSE
        FNN_OP_EMBEDDING
        FNN_OP_FUNCTION
    enum:
        FNN_MOST_INPUTS
        FNN_MOST_OUTPUTS
    ctypedef void (*fnn_function_fn)(void *data, const void *x, const void *out, const void *dy,
                                     void *to, size_t rows) noexcept nogil
    ctypedef struct fnn_op_t:
        fnn_op_kind_t kind
        fnn_activation_t activation
        unsigned int variant
        double alpha
        double beta
        size_t in_ "in"
        size_t out
        size_t n_in
        size_t ins
        size_t kernel
        size_t bias
        size_t state[2]
        size_t number
        size_t size
        fnn_function_fn function
        void *data
    ctypedef struct fnn_plan_spec_t:
        fnn_dtype_t dtype
        size_t n_tensors
        const size_t *cols
        size_t n_inputs
        size_t n_outputs
        const size_t *outputs
        size_t n_ops
        const fnn_op_t *ops
        size_t n_ins
        const size_t *ins
        size_t n_params
    ctypedef struct fnn_plan_t:
        pass
    ctypedef struct fnn_workspace_t:
        pass
    ctypedef c_bool (*fnn_poll_fn)(void *data) noexcept nogil
    ctypedef struct fnn_keep_t:
        void *p
        void *y
        void *weight
        size_t rows
    ctypedef struct fnn_head_t:
        fnn_loss_t loss
        c_bool skip_activation
        size_t target_cols
        size_t terms
        double weight
        size_t measured
        size_t measured_first
        size_t measured_step
        fnn_source_t y
        fnn_source_t row_weight
        double loss_sum
        double weight_sum
        fnn_loss_set_t set
        fnn_keep_t keep
    ctypedef struct fnn_metric_slot_t:
        fnn_metric_set_t set
        size_t head
        double *state
        size_t size
    ctypedef struct fnn_team_t:
        pass
    ctypedef struct fnn_run_t:
        const fnn_plan_t *plan
        fnn_team_t *team
        void *params
        void *grads
        fnn_update_t update
        uint64_t t
        size_t n_penalties
        const fnn_penalty_t *penalties
        c_bool penalties_per_row
        fnn_head_t *heads
        size_t n_metrics
        const fnn_metric_slot_t *metrics
        const fnn_source_t *inputs
        fnn_source_t weight
        c_bool weighs_heads
        const uint64_t *order
        size_t rows
        size_t batch_size
        bint check_finite
        uint64_t seed
        size_t step
        double loss_sum
        double weight_sum
        double batch_loss
        size_t bad_row
        fnn_poll_fn poll
        void *poll_data
    fnn_status_t fnn_plan_new(const fnn_plan_spec_t *spec, const fnn_kernels_t *kernels,
                              fnn_plan_t **out) noexcept
    void fnn_plan_free(fnn_plan_t *plan) noexcept
    size_t fnn_plan_block_rows(const fnn_plan_t *plan) noexcept
    size_t fnn_plan_predict_rows(const fnn_plan_t *plan) noexcept
    size_t fnn_plan_scratch_bytes(const fnn_plan_t *plan, size_t rows, c_bool training) noexcept
    c_bool *fnn_function_failed() noexcept
    const fnn_kernels_t *fnn_plan_kernels(const fnn_plan_t *plan) noexcept
    fnn_status_t fnn_workspace_new(const fnn_plan_t *plan, size_t rows, bint training,
                                   bint inputs_too, fnn_workspace_t **out) noexcept
    void fnn_workspace_free(fnn_workspace_t *work) noexcept
    size_t fnn_workspace_rows(const fnn_workspace_t *work) noexcept
    fnn_status_t fnn_predict(const fnn_plan_t *plan, const void *params,
                             fnn_workspace_t *const *work, size_t threads, size_t block,
                             const fnn_source_t *inputs, size_t rows, bint check_finite,
                             void *const *out, fnn_poll_fn poll, void *poll_data,
                             size_t *bad_row) noexcept
    fnn_status_t fnn_forward(const fnn_plan_t *plan, void *params, fnn_workspace_t *work,
                             const fnn_source_t *inputs, size_t rows, bint check_finite,
                             uint64_t seed, uint64_t t, void *const *out,
                             size_t *bad_row) noexcept
    fnn_status_t fnn_backward(const fnn_plan_t *plan, const void *params, fnn_workspace_t *work,
                              const void *const *dy, void *grads, void *const *dx) noexcept
    fnn_status_t fnn_team_new(const fnn_plan_t *plan, size_t batch_rows, bint training,
                              size_t metric_doubles, size_t threads, fnn_team_t **out) noexcept
    void fnn_team_free(fnn_team_t *team) noexcept
    c_bool fnn_team_fits(const fnn_team_t *team, const fnn_plan_t *plan, size_t batch_rows,
                         size_t threads) noexcept
    fnn_status_t fnn_run(fnn_run_t *run, size_t stop) noexcept

cdef extern from "fastnn/predictor.h" nogil:
    enum:
        FNN_PREDICTOR_ABI
    ctypedef struct fnn_predictor_t:
        pass
    fnn_status_t fnn_predictor_new(const fnn_plan_spec_t *spec, const fnn_kernels_t *kernels,
                                   const void *params, bint check_finite,
                                   fnn_predictor_t **out) noexcept
    void fnn_predictor_hold(fnn_predictor_t *predictor) noexcept
    void fnn_predictor_free(fnn_predictor_t *predictor) noexcept
    const void *fnn_predictor_params(const fnn_predictor_t *predictor) noexcept
    fnn_status_t fnn_predictor_run(fnn_predictor_t *predictor, const void *x, void *out,
                                   size_t rows) noexcept
    fnn_status_t fnn_predictor_run_many(fnn_predictor_t *predictor, const void *x, void *out,
                                        size_t rows, size_t threads) noexcept
    int fnn_predictor_call_f32(const float *x, float *out, int rows, void *predictor) noexcept
    int fnn_predictor_call_f64(const double *x, double *out, int rows, void *predictor) noexcept
