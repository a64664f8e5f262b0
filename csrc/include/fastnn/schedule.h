/* Schedules: the learning rate of a step, from the number of updates done before it.
 *
 * s is that number, less the steps of the warm-up; a, b, c are the schedule's own numbers.
 *
 *   constant         rate
 *   linear           rate + (a - rate) min(s / steps, 1)
 *   exponential      rate a^(s / steps); the power's exponent rounded down where `staircase`
 *   cosine           rate ((1 - a) (1 + cos(pi min(s / steps, 1))) / 2 + a)
 *   cosine_restarts  the same over periods: the first of `steps`, each b times as long as the one
 *                    before and from c times its height (Loshchilov and Hutter 2017)
 *   polynomial       (rate - a) (1 - min(s / steps, 1))^b + a; where `cycle`, `steps` is multiplied
 *                    by the least whole number that keeps s within it
 *   inverse_time     rate / (1 + a s / steps), s / steps rounded down where `staircase`
 *   piecewise        table[n + k], where k of the n boundaries table[0 .. n - 1] lie below s
 *   one_cycle        rate is the peak: cosines from rate / b up to it within a of the steps, and
 *                    down to rate / (b c) (Smith and Topin 2019, as PyTorch's OneCycleLR)
 *
 * For s of the warm-up: a line from `warmup_start` at step 0 to the schedule's own step 0. */
#ifndef FASTNN_SCHEDULE_H
#define FASTNN_SCHEDULE_H

#include "fastnn/base.h"

typedef enum {
    FNN_RATE_CONSTANT = 0,
    FNN_RATE_LINEAR,
    FNN_RATE_EXPONENTIAL,
    FNN_RATE_COSINE,
    FNN_RATE_COSINE_RESTARTS,
    FNN_RATE_POLYNOMIAL,
    FNN_RATE_INVERSE_TIME,
    FNN_RATE_PIECEWISE,
    FNN_RATE_ONE_CYCLE,
    FNN_RATE_COUNT
} fnn_rate_t;

typedef struct {
    fnn_rate_t kind;
    double rate, steps, a, b, c;
    bool flag; /* staircase, cycle */
    double warmup_steps, warmup_start;
    size_t n;
    const double *table; /* (2 n + 1): boundaries, values */
} fnn_schedule_t;

double fnn_schedule_at(const fnn_schedule_t *schedule, uint64_t step);

#endif
