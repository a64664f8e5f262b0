/* The constants of the next update: what every step of a small network waits for. */
#ifndef FASTNN_UPDATE_RATES_H
#define FASTNN_UPDATE_RATES_H

#include <math.h>

#include "fastnn/update.h"

/* beta^t, or 0 where 1 - beta^t is 1 in any case: beta^t <= exp(-t (1 - beta)) < 2^-57.  From a
 * multiple of POWERS on it is multiplied up, so that most steps get theirs from the one before. */
enum { POWERS = 16 };

static inline double power(double beta, uint64_t t) {
    if ((double)t * (1.0 - beta) > 40.0)
        return 0.0;
    double product = pow(beta, (double)(t - t % POWERS));
    for (uint64_t k = t % POWERS; k > 0; --k)
        product *= beta;
    return product;
}

/* The same, from that of t - 1. */
static inline double next_power(double beta, uint64_t t, double before) {
    return t % POWERS == 0 || (double)t * (1.0 - beta) > 40.0 ? power(beta, t) : before * beta;
}

/* What follows from the number of the update and the powers. */
void fnn_update_complete_rates(const fnn_update_t *update, fnn_rates_t *rates);

/* After an update that has changed parameters: `rates` become those of the next. */
static inline void next_rates(const fnn_update_t *update, fnn_rates_t *rates) {
    const uint64_t t = rates->t + 1;
    const bool plain = update->kind <= FNN_ADAM && update->schedule == NULL;
    if (!plain)
        fnn_update_end(update, rates);
    rates->t = t;
    rates->power[0] = next_power(update->beta1, t, rates->power[0]);
    rates->power[1] = next_power(update->beta2, t, rates->power[1]);
    if (!plain)
        fnn_update_complete_rates(update, rates);
}

/* The constants of Adam's kernel; `multiplier` and `decay` as in a stretch. */
static inline fnn_adam_t adam_of(const fnn_update_t *update, const fnn_rates_t *rates,
                                 double multiplier, double decay) {
    const double lr = rates->lr * multiplier, root = sqrt(1.0 - rates->power[1]);
    return (fnn_adam_t){
        .step = lr * root / (1.0 - rates->power[0]),
        .beta1 = update->beta1,
        .one_minus_beta1 = 1.0 - update->beta1,
        .beta2 = update->beta2,
        .one_minus_beta2 = 1.0 - update->beta2,
        .eps = update->eps * root,
        .decay = 1.0 - lr * update->weight_decay * decay,
    };
}

#endif
