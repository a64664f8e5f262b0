/* Counter-based random numbers: Philox4x32-10 (Salmon et al. 2011).
 *
 * key = the 64-bit seed; counter = (element / numbers per block, step, epoch, purpose), low word
 * first.  Nothing depends on threads, blocks or history: the same (seed, purpose, epoch, step,
 * element) gives the same number everywhere.  All arithmetic is exact integers or IEEE doubles
 * without fused products and without libm, so every ISA and libc gives the same bits. */
#ifndef FASTNN_RNG_H
#define FASTNN_RNG_H

#include "fastnn/base.h"

/* What a stream of numbers is for; more come with later layers, existing values never change. */
typedef enum {
    FNN_RANDOM_INIT = 1,    /* initial weights: step = index of the parameter, epoch = 0 */
    FNN_RANDOM_SHUFFLE = 2, /* order of the rows in an epoch */
    FNN_RANDOM_SPLIT = 3,   /* train/test splits of a data set */
    FNN_RANDOM_USER = 4,    /* a person's own calls */
    FNN_RANDOM_NOISE = 5,   /* dropout and noise: step = update, epoch = number of the layer */
    FNN_RANDOM_GRADIENT = 8 /* noise of gradients: epoch and step are the words of the update's
                                number, the element is its place in the parameter arena */
} fnn_random_purpose_t;

typedef struct {
    uint64_t seed;
    uint32_t purpose, epoch, step;
} fnn_random_t;

/* One block of four 32-bit numbers. */
void fnn_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* n doubles, uniform on [0, 1) in steps of 2^-53; two per block. */
void fnn_random_uniform(const fnn_random_t *stream, double *out, size_t n);

/* n standard normals by the inverse distribution function (Wichura 1988, algorithm AS 241, with an
 * own logarithm) of a uniform on (0, 1). */
void fnn_random_normal(const fnn_random_t *stream, double *out, size_t n);

/* The same from number `first` of the stream on. */
void fnn_random_normal_from(const fnn_random_t *stream, size_t first, double *out, size_t n);

/* The first n 32-bit words of the stream from Philox block `block` on; n is a multiple of
 * FNN_RANDOM_GROUP.  The kernels have it for their ISA (fastnn/noise.h). */
enum { FNN_RANDOM_GROUP = 64 };
typedef void fnn_random_words_fn(uint32_t *words, const fnn_random_t *stream, uint64_t block,
                                 size_t n);

/* A random order of 0 .. n-1 (Fisher-Yates, Durstenfeld 1964); bounded integers by Lemire's
 * multiply-shift (2019) of 64 random bits, without rejection: the bias is below n 2^-64. */
void fnn_random_permutation(const fnn_random_t *stream, fnn_random_words_fn *words,
                            uint64_t *index, size_t n);

#endif
