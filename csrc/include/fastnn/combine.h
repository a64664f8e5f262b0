/* Values of several tensors brought together.
 *
 *   add_to    out <- out + x                 (n,) both; they do not overlap */
#ifndef FASTNN_COMBINE_H
#define FASTNN_COMBINE_H

#include "fastnn/base.h"

typedef void fnn_add_to_f32_fn(float *out, const float *x, size_t n);
typedef void fnn_add_to_f64_fn(double *out, const double *x, size_t n);

#endif
