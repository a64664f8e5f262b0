"""Dense layers with relu, squared error and Adam in NumPy, as one writes them by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Network"]

Array = npt.NDArray[Any]

RATE, BETA_1, BETA_2, EPSILON = 1e-3, 0.9, 0.999, 1e-8  # as fastnn.Adam has them


class Network:
    """A network to hold fastnn against; all parameters lie in one array, so Adam is a few calls.

    Parameters
    ----------
    parameters : sequence of ndarray
        Kernel and bias of each layer in turn; copied.
    """

    def __init__(self, parameters: Sequence[Array]) -> None:
        self.flat = np.concatenate([one.ravel() for one in parameters])
        self.gradient = np.zeros_like(self.flat)
        self.m, self.v = np.zeros_like(self.flat), np.zeros_like(self.flat)
        self.t = 0
        ends = np.cumsum([one.size for one in parameters])
        places = [slice(end - one.size, end) for one, end in zip(parameters, ends, strict=True)]
        self.views, self.gradients = (
            [flat[place].reshape(one.shape) for one, place in zip(parameters, places, strict=True)]
            for flat in (self.flat, self.gradient)
        )

    def forward(self, x: Array) -> list[Array]:
        """Return the input and the output of each layer."""
        values = [x]
        for i in range(0, len(self.views), 2):
            z = values[-1] @ self.views[i]
            z += self.views[i + 1]
            if i + 2 < len(self.views):
                np.maximum(z, 0, out=z)
            values.append(z)
        return values

    def predict(self, x: Array) -> Array:
        """Return the outputs."""
        return self.forward(x)[-1]

    def step(self, x: Array, y: Array) -> float:
        """Take one step of Adam; return the loss before it."""
        values = self.forward(x)
        delta = values.pop() - y
        loss = float(np.vdot(delta, delta)) / delta.size
        delta *= 2 / delta.size
        for i in range(len(self.views) - 2, -1, -2):
            value = values.pop()
            np.dot(value.T, delta, out=self.gradients[i])
            delta.sum(axis=0, out=self.gradients[i + 1])
            if i > 0:
                delta = delta @ self.views[i].T
                delta *= value > 0
        self.t += 1
        self.m += (1 - BETA_1) * (self.gradient - self.m)
        self.v += (1 - BETA_2) * (self.gradient * self.gradient - self.v)
        root = np.sqrt(self.v / (1 - BETA_2**self.t))
        self.flat -= RATE / (1 - BETA_1**self.t) * self.m / (root + EPSILON)
        return loss

    def epoch(self, x: Array, y: Array, batch_size: int) -> float:
        """Take a step for each batch; return the mean loss."""
        total = 0.0
        for start in range(0, len(x), batch_size):
            rows = x[start : start + batch_size]
            total += self.step(rows, y[start : start + batch_size]) * len(rows)
        return total / len(x)
