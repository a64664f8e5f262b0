/* Subnormals are flushed to zero while a plan runs: the moments of dead units decay into them, and
 * arithmetic on them is many times slower.  The caller's mode is put back.  keep_subnormals is for a
 * person's code that a plan calls; flush_subnormals follows it. */
#ifndef FASTNN_FLOAT_MODE_H
#define FASTNN_FLOAT_MODE_H

#include <stdint.h>
#if defined(__x86_64__)
#include <immintrin.h>

typedef unsigned int float_mode_t;

static inline float_mode_t flush_subnormals(void) {
    const float_mode_t mode = _mm_getcsr();
    if ((mode & 0x8040u) != 0x8040u)
        _mm_setcsr(mode | 0x8040u); /* FTZ and DAZ */
    return mode;
}

static inline void restore_mode(float_mode_t mode) {
    if ((mode & 0x8040u) != 0x8040u)
        _mm_setcsr(mode);
}

static inline void keep_subnormals(void) { _mm_setcsr(_mm_getcsr() & ~0x8040u); }
#elif defined(__aarch64__)
typedef uint64_t float_mode_t;

static inline float_mode_t flush_subnormals(void) {
    float_mode_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    __asm__ volatile("msr fpcr, %0" : : "r"(mode | (1u << 24)));
    return mode;
}

static inline void restore_mode(float_mode_t mode) {
    __asm__ volatile("msr fpcr, %0" : : "r"(mode));
}

static inline void keep_subnormals(void) {
    float_mode_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    __asm__ volatile("msr fpcr, %0" : : "r"(mode & ~(float_mode_t)(1u << 24)));
}
#else
typedef int float_mode_t;

static inline float_mode_t flush_subnormals(void) { return 0; }
static inline void restore_mode(float_mode_t mode) { (void)mode; }
static inline void keep_subnormals(void) {}
#endif

#endif
