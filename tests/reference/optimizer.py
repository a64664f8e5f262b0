"""Twins of the optimizer kernels, written from the papers.

Everything is computed in the type of the arrays, the settings rounded to it once, and in the order
in which the formulas read: in float64 the kernels must give the same bits.
"""

from __future__ import annotations

import math


def sgd_step(param, grad, velocity=None, *, learning_rate, momentum=0.0, nesterov=False):
    """New (param, velocity); momentum as PyTorch has it, without dampening."""
    rounded = param.dtype.type
    learning_rate, momentum = rounded(learning_rate), rounded(momentum)
    if velocity is None:
        return param - learning_rate * grad, None
    velocity = momentum * velocity + grad
    step = grad + momentum * velocity if nesterov else velocity
    return param - learning_rate * step, velocity


def adam_step(
    param,
    grad,
    m,
    v,
    *,
    t,
    learning_rate=1e-3,
    beta_1=0.9,
    beta_2=0.999,
    epsilon=1e-8,
    weight_decay=0.0,
):
    """New (param, m, v).  Kingma and Ba (2015), Algorithm 1; the decay as in Loshchilov and Hutter
    (2019), Algorithm 2, before the step and times the learning rate."""
    rounded = param.dtype.type
    step = rounded(learning_rate / (1 - beta_1**t))
    root = rounded(1 / math.sqrt(1 - beta_2**t))
    decay = rounded(1 - learning_rate * weight_decay)
    m = rounded(beta_1) * m + rounded(1 - beta_1) * grad
    v = rounded(beta_2) * v + rounded(1 - beta_2) * (grad * grad)
    return param * decay - step * m / (v**0.5 * root + rounded(epsilon)), m, v
