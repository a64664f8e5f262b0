/* Contract: fastnn/schedule.h; tests: tests/test_schedules.py */
#include "fastnn/schedule.h"

#include <math.h>

static const double PI = 3.14159265358979323846;

/* From 1 at 0 down to 0 at 1. */
static double half_cosine(double part) { return 0.5 * (1.0 + cos(PI * part)); }

static double restarts(const fnn_schedule_t *s, double step) {
    double length = s->steps, height = 1.0;
    if (s->b == 1.0) {
        const double before = floor(step / length);
        height = pow(s->c, before);
        step -= before * length;
    } else
        while (step >= length) {
            step -= length;
            length *= s->b;
            height *= s->c;
        }
    return s->rate * ((1.0 - s->a) * height * half_cosine(step / length) + s->a);
}

static double one_cycle(const fnn_schedule_t *s, double step) {
    const double low = s->rate / s->b, last = low / s->c;
    const double top = s->a * s->steps - 1.0, end = s->steps - 1.0;
    if (step <= top)
        return s->rate + (low - s->rate) * half_cosine(step / top);
    const double part = (step - top) / (end - top);
    return last + (s->rate - last) * half_cosine(part < 1.0 ? part : 1.0);
}

static double own(const fnn_schedule_t *s, double step) {
    double parts = step / s->steps;
    const double part = parts < 1.0 ? parts : 1.0;
    size_t k = 0;
    switch (s->kind) {
    case FNN_RATE_LINEAR:
        return s->rate + (s->a - s->rate) * part;
    case FNN_RATE_EXPONENTIAL:
        return s->rate * pow(s->a, s->flag ? floor(parts) : parts);
    case FNN_RATE_COSINE:
        return s->rate * ((1.0 - s->a) * half_cosine(part) + s->a);
    case FNN_RATE_COSINE_RESTARTS:
        return restarts(s, step);
    case FNN_RATE_POLYNOMIAL:
        if (s->flag && parts > 1.0)
            parts /= ceil(parts);
        return (s->rate - s->a) * pow(1.0 - (s->flag ? parts : part), s->b) + s->a;
    case FNN_RATE_INVERSE_TIME:
        return s->rate / (1.0 + s->a * (s->flag ? floor(parts) : parts));
    case FNN_RATE_PIECEWISE:
        while (k < s->n && s->table[k] < step)
            ++k;
        return s->table[s->n + k];
    case FNN_RATE_ONE_CYCLE:
        return one_cycle(s, step);
    default:
        return s->rate;
    }
}

double fnn_schedule_at(const fnn_schedule_t *schedule, uint64_t step) {
    const double s = (double)step;
    if (s >= schedule->warmup_steps)
        return own(schedule, s - schedule->warmup_steps);
    const double target = own(schedule, 0);
    return schedule->warmup_start + (target - schedule->warmup_start) * (s / schedule->warmup_steps);
}
