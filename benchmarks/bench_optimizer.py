"""One update of a flat parameter vector, beside NumPy in place."""

from __future__ import annotations

import numpy as np
import pytest

import numpy_net
from fastnn import kernels

RATE = 1e-3

# 529 parameters are those of 7-32-8-1; a million are not in cache.
CASES = [(529, np.float32), (529, np.float64), (16_384, np.float32), (1_000_000, np.float32)]


class Fastnn:
    """The kernels on arrays of one's own."""

    def __init__(self, name, param):
        self.name, self.param, self.t = name, param, 0
        self.m, self.v = np.zeros_like(param), np.zeros_like(param)

    def step(self, grad):
        self.t += 1
        if self.name == "sgd":
            kernels.sgd_step(self.param, grad, learning_rate=RATE)
        elif self.name in ("momentum", "nesterov"):
            nesterov = self.name == "nesterov"
            kernels.sgd_step(
                self.param, grad, self.m, learning_rate=RATE, momentum=0.9, nesterov=nesterov
            )
        elif self.name == "adam":
            kernels.adam_step(self.param, grad, self.m, self.v, t=self.t, learning_rate=RATE)
        else:
            kernels.adamw_step(
                self.param, grad, self.m, self.v, t=self.t, learning_rate=RATE, weight_decay=0.01
            )


class Numpy:
    """The same in NumPy, without allocation."""

    def __init__(self, name, param):
        self.name, self.param = name, param
        self.velocity, self.work = np.zeros_like(param), np.empty_like(param)
        self.adam = numpy_net.Adam(param, learning_rate=RATE)

    def step(self, grad):
        if self.name == "adamw":
            self.param *= 1 - RATE * 0.01
        if self.name in ("adam", "adamw"):
            self.adam.step(grad)
            return
        direction = grad
        if self.name != "sgd":
            self.velocity *= 0.9
            self.velocity += grad
            direction = self.velocity
        if self.name == "nesterov":
            np.multiply(self.velocity, 0.9, out=self.work)
            self.work += grad
            direction = self.work
        self.param -= np.multiply(direction, RATE, out=self.work)


@pytest.mark.parametrize("by", ["fastnn", "numpy"])
@pytest.mark.parametrize("n, dtype", CASES)
@pytest.mark.parametrize("name", ["sgd", "momentum", "nesterov", "adam", "adamw"])
def bench_optimizer(measure, name, n, dtype, by):
    rng = np.random.default_rng(n)
    start, grad = (rng.standard_normal(n).astype(dtype) for _ in range(2))

    steps = {"fastnn": Fastnn(name, start.copy()), "numpy": Numpy(name, start.copy())}
    for _ in range(3):
        for stepper in steps.values():
            stepper.step(grad)
    # a few roundings in each of three steps, which may cancel a parameter of their own size
    eps = np.finfo(dtype).eps
    ours, by_hand = (stepper.param for stepper in steps.values())
    np.testing.assert_allclose(ours, by_hand, rtol=20 * eps, atol=20 * eps * RATE)

    group = f"{name} {n} {np.dtype(dtype)}"
    measure(group, steps[by].step, grad, parameters=n)
