/* Counter-based random numbers.  Contract: fastnn/rng.h; oracle: tests/test_rng.py
 *
 * The build must keep -ffp-contract=off for this file: a fused product would change last bits. */
#include "fastnn/rng.h"

#include <float.h>
#include <math.h>
#include <string.h>

_Static_assert(FLT_EVAL_METHOD == 0, "random numbers need doubles without excess precision");

/* Philox4x32-10: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3",
 * SC 2011.  The multipliers and the key increments (golden ratio, sqrt(3) - 1) are the paper's. */
#define PHILOX_M0 0xD2511F53u
#define PHILOX_M1 0xCD9E8D57u
#define PHILOX_W0 0x9E3779B9u
#define PHILOX_W1 0xBB67AE85u

void fnn_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; ++round) {
        const uint64_t a = (uint64_t)PHILOX_M0 * c0;
        const uint64_t b = (uint64_t)PHILOX_M1 * c2;
        c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)b;
        c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)a;
        k0 += PHILOX_W0;
        k1 += PHILOX_W1;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

/* The 64-bit numbers 2 block and 2 block + 1 of a stream.  The block number fills one 32-bit word,
 * so a stream repeats after 2^33 numbers: 64 GiB of doubles, more than one call can mean. */
static void two_words(const fnn_random_t *stream, size_t block, uint64_t out[2]) {
    const uint32_t counter[4] = {(uint32_t)block, stream->step, stream->epoch, stream->purpose};
    const uint32_t key[2] = {(uint32_t)stream->seed, (uint32_t)(stream->seed >> 32)};
    uint32_t words[4];
    fnn_philox4x32(counter, key, words);
    out[0] = (uint64_t)words[1] << 32 | words[0];
    out[1] = (uint64_t)words[3] << 32 | words[2];
}

void fnn_random_uniform(const fnn_random_t *stream, double *out, size_t n) {
    uint64_t words[2] = {0, 0};
    for (size_t i = 0; i < n; ++i) {
        if (i % 2 == 0)
            two_words(stream, i / 2, words);
        out[i] = (double)(words[i % 2] >> 11) * 0x1p-53;
    }
}

/* log(x) of a normal x in (0, 1/2]: x = 2^e m with m in [sqrt(1/2), sqrt(2)), and
 * log(m) = 2 atanh(s) = 2 (s + s^3/3 + s^5/5 + ...) for s = (m - 1) / (m + 1), |s| < 0.172.
 * The first term left out, s^23 / 23, is below 2^-62 of s.  e is negative and |log(m)| at most half
 * of |e ln 2|, so the sum does not cancel. */
static double log_small(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int e = (int)(bits >> 52) - 1023;
    bits = (bits & 0x000FFFFFFFFFFFFFu) | 0x3FF0000000000000u;
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m > 1.4142135623730951) {
        m *= 0.5;
        ++e;
    }
    const double s = (m - 1.0) / (m + 1.0), s2 = s * s;
    double sum = 1.0 / 21.0;
    for (int odd = 19; odd > 0; odd -= 2)
        sum = sum * s2 + 1.0 / odd;
    return e * 0.69314718055994530942 + 2.0 * s * sum;
}

/* (((c[7] r + c[6]) r + ...) r + c[0] */
static double polynomial(const double c[8], double r) {
    double sum = c[7];
    for (int i = 6; i >= 0; --i)
        sum = sum * r + c[i];
    return sum;
}

/* The standard normal's value whose lower tail is 1/2 + q, for |q| < 1/2.  The three ranges and the
 * coefficients of their rational functions are those of PPND16 in M. J. Wichura, "Algorithm AS 241:
 * The percentage points of the normal distribution", Applied Statistics 37 (1988) 477-484; the sums
 * of the mantissas were checked against those the paper gives. */
static double normal_from_centred(double q) {
    static const double middle[2][8] = {
        {3.3871328727963666080e0, 1.3314166789178437745e+2, 1.9715909503065514427e+3,
         1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
         3.3430575583588128105e+4, 2.5090809287301226727e+3},
        {1.0, 4.2313330701600911252e+1, 6.8718700749205790830e+2, 5.3941960214247511077e+3,
         2.1213794301586595867e+4, 3.9307895800092710610e+4, 2.8729085735721942674e+4,
         5.2264952788528545610e+3}};
    static const double flank[2][8] = {
        {1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
         3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
         2.27238449892691845833e-2, 7.74545014278341407640e-4},
        {1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
         1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
         1.05075007164441684324e-9}};
    static const double tail[2][8] = {
        {6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
         2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
         2.71155556874348757815e-5, 2.01033439929228813265e-7},
        {1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
         7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
         2.04426310338993978564e-15}};

    if (q >= -0.425 && q <= 0.425) {
        const double r = 0.180625 - q * q;
        return q * polynomial(middle[0], r) / polynomial(middle[1], r);
    }
    const double p = 0.5 - (q < 0 ? -q : q); /* the smaller tail, exact */
    double r = sqrt(-log_small(p));
    double z;
    if (r <= 5.0) {
        r -= 1.6;
        z = polynomial(flank[0], r) / polynomial(flank[1], r);
    } else {
        r -= 5.0;
        z = polynomial(tail[0], r) / polynomial(tail[1], r);
    }
    return q < 0 ? -z : z;
}

void fnn_random_normal_from(const fnn_random_t *stream, size_t first, double *out, size_t n) {
    uint64_t words[2] = {0, 0};
    for (size_t i = first; i < first + n; ++i) {
        if (i % 2 == 0 || i == first)
            two_words(stream, i / 2, words);
        /* 52 bits and a half: odd multiples of 2^-53, exact, never 0 or 1, symmetric about 1/2 */
        const double p = ((double)(words[i % 2] >> 12) + 0.5) * 0x1p-52;
        out[i - first] = normal_from_centred(p - 0.5);
    }
}

void fnn_random_normal(const fnn_random_t *stream, double *out, size_t n) {
    fnn_random_normal_from(stream, 0, out, n);
}

void fnn_random_permutation(const fnn_random_t *stream, fnn_random_words_fn *words,
                            uint64_t *index, size_t n) {
    enum { DRAWS = FNN_RANDOM_GROUP }; /* of 64 bits: as many groups as a draw has words */
    for (size_t i = 0; i < n; ++i)
        index[i] = i;
    uint32_t pairs[2 * DRAWS];
    for (size_t i = 0; i + 1 < n; i += DRAWS) {
        words(pairs, stream, i / 2, 2 * DRAWS); /* a block has two draws */
        for (size_t k = 0; k < DRAWS && i + k + 1 < n; ++k) { /* each settles the last place left */
            const uint64_t draw = (uint64_t)pairs[2 * k + 1] << 32 | pairs[2 * k];
            const uint64_t places = n - i - k;
            const size_t last = places - 1;
            const size_t other = (size_t)(((unsigned __int128)draw * places) >> 64);
            const uint64_t kept = index[last];
            index[last] = index[other];
            index[other] = kept;
        }
    }
}
