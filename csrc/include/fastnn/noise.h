/* Noise of training: dropout and its relatives.
 *
 *   noise        out = x under noise, mask = what the gradient is multiplied by
 *   noise_grad   dx = dy * mask;  dx may be dy;  FNN_GAUSSIAN_NOISE: dx = dy, mask is not read
 *
 *   FNN_DROPOUT           mask = 0 with probability `rate`, else 1 / (1 - rate);  out = x mask
 *                         (Srivastava et al. 2014)
 *   FNN_ALPHA_DROPOUT     mask = 0 with probability `rate`, else a;  out = a x + b where kept, else
 *                         a s + b, s = -1.7580993...: keeps mean 0 and variance 1 of a selu's output
 *                         (Klambauer et al. 2017, arXiv:1706.02515, section 2)
 *   FNN_GAUSSIAN_DROPOUT  mask = 1 + sqrt(rate / (1 - rate)) N;  out = x mask  (Srivastava et al. 2014)
 *   FNN_GAUSSIAN_NOISE    out = x + rate N;  `rate` is the standard deviation;  mask is not written
 *                         and may be NULL
 *
 * 0 <= rate < 1, but any rate >= 0 for FNN_GAUSSIAN_NOISE.  x, mask, out (n,); out may be x; mask
 * overlaps neither.  N are standard normals.  NaN in gives NaN out, dropped or not.
 *
 * Element k takes the 32-bit word first + k of the stream: word w % 4 of the Philox block w / 4
 * (fastnn/rng.h), for any `first`.  So the bits depend on the element's place in the batch alone, not
 * on how the batch is cut.  A word's upper 24 bits are held against rate * 2^24, rounded to the
 * nearest: float32 and float64 have the same masks.  N is the inverse distribution function of
 * (word + 1/2) / 2^32 (Wichura 1988, AS 241: PPND7 in float32, PPND16 in float64), |N| < 6.4.
 * Nothing is fused and no libm is called: the same bits on every ISA. */
#ifndef FASTNN_NOISE_H
#define FASTNN_NOISE_H

#include "fastnn/rng.h"

typedef enum {
    FNN_DROPOUT = 0,
    FNN_ALPHA_DROPOUT,
    FNN_GAUSSIAN_DROPOUT,
    FNN_GAUSSIAN_NOISE,
    FNN_NOISE_COUNT
} fnn_noise_t;

#define FNN_NOISE_TYPES(real, type)                                                                \
    typedef void fnn_noise_##type##_fn(fnn_noise_t kind, const fnn_random_t *stream,               \
                                       uint64_t first, const real *x, real *mask, real *out,       \
                                       size_t n, double rate);                                     \
    typedef void fnn_noise_grad_##type##_fn(fnn_noise_t kind, const real *mask, const real *dy,    \
                                            real *dx, size_t n);                                   \
    typedef fnn_random_words_fn fnn_random_words_##type##_fn;
FNN_NOISE_TYPES(float, f32)
FNN_NOISE_TYPES(double, f64)
#undef FNN_NOISE_TYPES

#endif
