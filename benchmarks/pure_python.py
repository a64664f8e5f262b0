"""A multilayer perceptron in plain Python, without NumPy: the slow end of the benchmarks.

Dense layers with relu between them, mean squared error, Adam (Kingma and Ba, 2015, Algorithm 1).
Numbers are Python floats, vectors are lists; sums run in C through ``sum(map(mul, ...))``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import sqrt
from operator import mul
from typing import Any

Vector = list[float]

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


class Dense:
    """A layer, its gradients and its moments; ``weights[j]`` are those of unit j."""

    def __init__(
        self, kernel: Iterable[Iterable[float]], bias: Iterable[float], *, relu: bool
    ) -> None:
        self.weights = [list(column) for column in zip(*kernel, strict=True)]
        self.bias = list(bias)
        self.relu = relu
        self.vectors = [*self.weights, self.bias]
        self.m = [[0.0] * len(vector) for vector in self.vectors]
        self.v = [[0.0] * len(vector) for vector in self.vectors]
        self.clear()

    def clear(self) -> None:
        """Set the gradients to zero."""
        self.gradients = [[0.0] * len(vector) for vector in self.vectors]

    def forward(self, x: Vector) -> Vector:
        """Return the output for one row."""
        z = [sum(map(mul, row, x), b) for row, b in zip(self.weights, self.bias, strict=True)]
        return [value if value > 0.0 else 0.0 for value in z] if self.relu else z

    def backward(self, x: Vector, out: Vector, dy: Vector, *, want_dx: bool) -> Vector:
        """Add the gradients of one row; return the gradient by `x` if it is wanted."""
        if self.relu:
            dy = [d if value > 0.0 else 0.0 for d, value in zip(dy, out, strict=True)]
        *rows, bias = self.gradients
        for row, d in zip(rows, dy, strict=True):
            if d:  # a unit that is off has nothing to add
                row[:] = [g + d * value for g, value in zip(row, x, strict=True)]
        bias[:] = [g + d for g, d in zip(bias, dy, strict=True)]
        if not want_dx:
            return []
        return [sum(map(mul, column, dy)) for column in zip(*self.weights, strict=True)]

    def adam(self, rate: float, epsilon: float) -> None:
        """One step; both settings hold the corrections of the moments."""
        beta_1, beta_2 = BETA_1, BETA_2
        rest_1, rest_2 = 1.0 - beta_1, 1.0 - beta_2
        for p, g, m, v in zip(self.vectors, self.gradients, self.m, self.v, strict=True):
            m[:] = [beta_1 * a + rest_1 * b for a, b in zip(m, g, strict=True)]
            v[:] = [beta_2 * a + rest_2 * b * b for a, b in zip(v, g, strict=True)]
            p[:] = [a - rate * b / (sqrt(c) + epsilon) for a, b, c in zip(p, m, v, strict=True)]


class Network:
    """Dense layers, relu between them, a linear output.

    Parameters
    ----------
    weights : sequence
        Kernel (rows of fan_in by units) and bias of each layer in turn, as nested lists.
    learning_rate : float
    """

    def __init__(self, weights: Sequence[list[Any]], *, learning_rate: float = 1e-3) -> None:
        pairs = list(zip(weights[::2], weights[1::2], strict=True))
        self.layers = [
            Dense(kernel, bias, relu=i + 1 < len(pairs)) for i, (kernel, bias) in enumerate(pairs)
        ]
        self.learning_rate = learning_rate
        self.t = 0

    def predict(self, x: Iterable[Vector]) -> list[Vector]:
        """Return the outputs for some rows."""
        return [self._forward(row)[-1] for row in x]

    def _forward(self, row: Vector) -> list[Vector]:
        values = [row]
        for layer in self.layers:
            values.append(layer.forward(values[-1]))
        return values

    def step(self, x: Sequence[Vector], y: Sequence[Vector]) -> float:
        """Take one Adam step on a batch; return its loss before the step."""
        loss = 0.0
        scale = 1.0 / (len(x) * len(y[0]))
        for layer in self.layers:
            layer.clear()
        for row, target in zip(x, y, strict=True):
            values = self._forward(row)
            errors = [a - b for a, b in zip(values[-1], target, strict=True)]
            loss += sum(map(mul, errors, errors))
            dy = [2.0 * scale * error for error in errors]
            for i, layer in reversed(list(enumerate(self.layers))):
                dy = layer.backward(values[i], values[i + 1], dy, want_dx=i > 0)
        self.t += 1
        root = sqrt(1.0 - BETA_2**self.t)
        rate = self.learning_rate * root / (1.0 - BETA_1**self.t)
        for layer in self.layers:
            layer.adam(rate, EPSILON * root)
        return loss * scale

    def fit(
        self, x: Sequence[Vector], y: Sequence[Vector], *, batch_size: int, epochs: int
    ) -> list[float]:
        """Train without shuffling; return the mean loss of each epoch."""
        losses = []
        for _ in range(epochs):
            total = 0.0
            for start in range(0, len(x), batch_size):
                rows = slice(start, start + batch_size)
                total += self.step(x[rows], y[rows]) * len(x[rows])
            losses.append(total / len(x))
        return losses
