"""Twins of the optimizer kernels, written from the papers.

Everything is computed in the type of the arrays, the settings rounded to it once, and in the order
in which the formulas read: in float64 the kernels must give the same bits.
"""

from __future__ import annotations

import math

import numpy as np


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
    """New (param, m, v).  Kingma and Ba (2015), Algorithm 1, in the order of the end of section 2,
    with an epsilon that makes it the same; the decay as in Loshchilov and Hutter (2019),
    Algorithm 2, before the step and times the learning rate."""
    rounded = param.dtype.type
    root = math.sqrt(1 - beta_2**t)
    step = rounded(learning_rate * root / (1 - beta_1**t))
    decay = rounded(1 - learning_rate * weight_decay)
    m = rounded(beta_1) * m + rounded(1 - beta_1) * grad
    v = rounded(beta_2) * v + rounded(1 - beta_2) * (grad * grad)
    return param * decay - step * m / (v**0.5 + rounded(epsilon * root)), m, v


# ---- the elementwise rules ----------------------------------------------------------------------
# rule(p, s, g, c) -> (new p, new state); c: the constants of the step in the type of the arrays.
# The formulas are those of csrc/include/fastnn/optimizer.h, written out once more; in either type
# the kernels must give the same bits.


def _moments(s, g, c):
    return (
        c["beta1"] * s[0] + c["one_minus_beta1"] * g,
        c["beta2"] * s[1] + c["one_minus_beta2"] * (g * g),
    )


def amsgrad(p, s, g, c):
    m, v = _moments(s, g, c)
    most = np.where(v > s[2], v, s[2])
    return p - c["lr"] * m / (np.sqrt(most) * c["root"] + c["eps"]), (m, v, most)


def nadam(p, s, g, c):
    m, v = _moments(s, g, c)
    return p - (c["lr"] * g + c["a"] * m) / (np.sqrt(v) * c["root"] + c["eps"]), (m, v)


def radam(p, s, g, c):
    m, v = _moments(s, g, c)
    step = c["lr"] * m
    return p - (step if c["flag"] else step / (np.sqrt(v) + c["eps"])), (m, v)


def adamax(p, s, g, c):
    m, _ = _moments(s, g, c)
    u = np.maximum(c["beta2"] * s[1], np.abs(g) + c["eps"])
    return p - c["lr"] * m / u, (m, u)


def adabelief(p, s, g, c):
    m, _ = _moments(s, g, c)
    v = c["beta2"] * s[1] + c["one_minus_beta2"] * ((g - m) * (g - m)) + c["eps"]
    return p - c["lr"] * m / (np.sqrt(v) * c["root"] + c["eps"]), (m, v)


def yogi(p, s, g, c):
    m, _ = _moments(s, g, c)
    v = s[1] - c["one_minus_beta2"] * (np.sign(s[1] - g * g) * (g * g))
    return p - c["lr"] * m / (np.sqrt(v) + c["eps"]), (m, v)


def lion(p, s, g, c):
    towards = c["beta1"] * s[0] + c["one_minus_beta1"] * g
    return p - c["lr"] * np.sign(towards), (c["beta2"] * s[0] + c["one_minus_beta2"] * g,)


def adagrad(p, s, g, c):
    total = s[0] + g * g
    return p - c["lr"] * g / (np.sqrt(total) + c["eps"]), (total,)


def adadelta(p, s, g, c):
    square = c["beta2"] * s[0] + c["one_minus_beta2"] * (g * g)
    x = np.sqrt(s[1] + c["eps"]) / np.sqrt(square + c["eps"]) * g
    return p - c["lr"] * x, (square, c["beta2"] * s[1] + c["one_minus_beta2"] * (x * x))


def rmsprop(p, s, g, c, *, centered=False, momentum=False):
    """The state is (square, mean if centred, velocity if momentum)."""
    square = c["beta2"] * s[0] + c["one_minus_beta2"] * (g * g)
    state, variance = (square,), square
    if centered:
        mean = c["beta2"] * s[1] + c["one_minus_beta2"] * g
        state, variance = (square, mean), np.maximum(square - mean * mean, 0)
    step = g / (np.sqrt(variance) + c["eps"])
    if momentum:
        step = c["momentum"] * s[-1] + step
        state = (*state, step)
    return p - c["lr"] * step, state


def rprop(p, s, g, c):
    agreement = g * s[0]
    factor = np.where(agreement > 0, c["b"], np.where(agreement < 0, c["a"], p.dtype.type(1)))
    length = np.minimum(np.maximum(s[1] * factor, c["least"]), c["most"])
    g = np.where(agreement < 0, p.dtype.type(0), g)
    return p - np.sign(g) * length, (g, length)


def schedule_free(p, s, g, c):
    v = c["beta2"] * s[1] + c["one_minus_beta2"] * (g * g)
    step = g / (np.sqrt(v) * c["root"] + c["eps"]) + c["a"] * p
    return p + c["b"] * (s[0] - p) + c["c"] * step, (s[0] - c["lr"] * step, v)


# ---- whole optimizers, from their papers, in float64 --------------------------------------------
# A generator is sent gradients and yields parameters, which begin as it is told.


def trace(optimizer, gradient, start, steps):
    """The parameters after each step."""
    found, p = [], np.array(start, float)
    running = optimizer(p)
    next(running)
    for _ in range(steps):
        p = running.send(gradient(p))
        found.append(p)
    return found


def adabelief_run(p, lr, beta_1, beta_2, epsilon):
    """Zhuang et al. (2020), Algorithm 2."""
    m = s = t = 0
    while True:
        g, t = (yield p), t + 1
        m = beta_1 * m + (1 - beta_1) * g
        s = beta_2 * s + (1 - beta_2) * (g - m) ** 2 + epsilon
        p = p - lr * (m / (1 - beta_1**t)) / (np.sqrt(s / (1 - beta_2**t)) + epsilon)


def yogi_run(p, lr, beta_1, beta_2, epsilon):
    """Zaheer et al. (2018), Algorithm 2."""
    m = v = 0
    while True:
        g = yield p
        m = beta_1 * m + (1 - beta_1) * g
        v = v - (1 - beta_2) * np.sign(v - g**2) * g**2
        p = p - lr * m / (np.sqrt(v) + epsilon)


def lion_run(p, lr, beta_1, beta_2, weight_decay):
    """Chen et al. (2023), Program 1."""
    m = 0
    while True:
        g = yield p
        update = np.sign(beta_1 * m + (1 - beta_1) * g)
        m = beta_2 * m + (1 - beta_2) * g
        p = p - lr * (update + weight_decay * p)


def lamb_run(p, lr, beta_1, beta_2, epsilon, weight_decay):
    """You et al. (2020), Algorithm 2, for one layer."""
    m = v = t = 0
    while True:
        g, t = (yield p), t + 1
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        r = (m / (1 - beta_1**t)) / (np.sqrt(v / (1 - beta_2**t)) + epsilon) + weight_decay * p
        ratio = np.linalg.norm(p) / np.linalg.norm(r)
        p = p - lr * ratio * r


def schedule_free_run(p, rate, beta_1, beta_2, epsilon, weight_decay, averages):
    """Defazio et al. (2024), Algorithm 1 as their AdamW; `rate(k)` of step k from 0; `averages`
    takes x after each step, from the definition: the weighted mean of all z, and y between."""
    y, z, x, v, t, total, largest = p, p, p, 0, 0, 0, 0
    while True:
        g, lr, t = (yield y), rate(t), t + 1
        v = beta_2 * v + (1 - beta_2) * g**2
        step = g / (np.sqrt(v / (1 - beta_2**t)) + epsilon) + weight_decay * y
        largest = max(largest, lr)
        total += largest**2
        z = z - lr * step
        x = x + largest**2 / total * (z - x) if total else x
        y = (1 - beta_1) * z + beta_1 * x
        averages.append(x)


def orthogonalize(g, steps=5):
    """Jordan et al. (2024): Newton and Schulz's iteration, on the wider form of the matrix."""
    x = g / max(np.linalg.norm(g), 1e-7)
    if g.shape[0] > g.shape[1]:
        x = x.T
    for _ in range(steps):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.T if g.shape[0] > g.shape[1] else x
