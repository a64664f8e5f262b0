/* What every fastnn header needs: sizes, status codes, element types. */
#ifndef FASTNN_BASE_H
#define FASTNN_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FNN_ALIGN 64 /* bytes; one cache line and one AVX-512 vector */

/* Defined in builds with the address sanitizer. */
#if defined(__SANITIZE_ADDRESS__)
#define FNN_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FNN_ASAN
#endif
#endif

/* The two types a network computes in. */
typedef enum { FNN_F32 = 0, FNN_F64 = 1 } fnn_dtype_t;

typedef enum {
    FNN_OK = 0,
    FNN_NO_MEMORY,       /* an arena could not be allocated */
    FNN_BAD_PLAN,        /* the description of a network contradicts itself */
    FNN_NONFINITE_INPUT, /* NaN or Inf met while gathering rows */
    FNN_NONFINITE_LOSS,  /* the loss of a step is NaN or Inf; its update was not applied */
    FNN_INTERRUPTED,     /* the poll function asked to stop; the step in progress was dropped */
    FNN_NO_FORWARD,      /* backward without a training forward before it */
    FNN_NONFINITE_GRADIENT /* a norm to be clipped is NaN or Inf; the update was not applied */
} fnn_status_t;

#endif
