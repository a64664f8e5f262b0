"""A multilayer perceptron in NumPy as one writes it by hand, to hold fastnn against.

Dense layers with relu or tanh between them; mean squared error, or softmax and cross-entropy on
integer labels; Adam (Kingma and Ba, 2015, Algorithm 1).  Parameters, gradients and moments are one
flat array each, so that Adam is a dozen NumPy calls for the whole network; what can be in place is.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


def mean_squared_error(z: Array, y: Array) -> tuple[float, Array]:
    """Return the loss and its gradient by `z`, which is overwritten."""
    z -= y
    loss = float(np.vdot(z, z)) / z.size
    z *= 2.0 / z.size
    return loss, z


def softmax_crossentropy(z: Array, y: Array) -> tuple[float, Array]:
    """Return the loss for logits and labels, and its gradient by `z`, which is overwritten."""
    rows = np.arange(len(z))
    z -= z.max(axis=1, keepdims=True)
    at_label = z[rows, y]
    np.exp(z, out=z)
    total = z.sum(axis=1, keepdims=True)
    loss = float(np.mean(np.log(total[:, 0]) - at_label))
    z /= total
    z[rows, y] -= 1.0
    z /= len(z)
    return loss, z


class Adam:
    """Adam over one flat array, without allocation."""

    def __init__(self, param: Array, *, learning_rate: float = 1e-3) -> None:
        self.param = param
        self.learning_rate = learning_rate
        self.m, self.v, self.work = (np.zeros_like(param) for _ in range(3))
        self.t = 0

    def step(self, grad: Array) -> None:
        """Update the parameters."""
        m, v, work = self.m, self.v, self.work
        self.t += 1
        root = sqrt(1.0 - BETA_2**self.t)
        rate = self.learning_rate * root / (1.0 - BETA_1**self.t)
        m *= BETA_1
        np.multiply(grad, 1.0 - BETA_1, out=work)
        m += work
        v *= BETA_2
        np.multiply(grad, grad, out=work)
        work *= 1.0 - BETA_2
        v += work
        np.sqrt(v, out=work)
        work += EPSILON * root
        np.divide(m, work, out=work)
        work *= rate
        self.param -= work


class Network:
    """Dense layers with relu between them, or tanh.

    Parameters
    ----------
    weights : sequence of ndarray
        Kernel (fan_in, units) and bias (units,) of each layer in turn; copied.
    labels : bool
        Softmax and cross-entropy on labels instead of a linear output and mean squared error.
    hidden : "relu" or "tanh"
    dtype : float32 or float64
    learning_rate : float
    """

    def __init__(
        self,
        weights: Sequence[Array],
        *,
        labels: bool = False,
        hidden: str = "relu",
        dtype: npt.DTypeLike = np.float32,
        learning_rate: float = 1e-3,
    ) -> None:
        self.param = np.concatenate([weight.ravel() for weight in weights]).astype(dtype)
        self.grad = np.empty_like(self.param)
        self.optimizer = Adam(self.param, learning_rate=learning_rate)
        self.loss = softmax_crossentropy if labels else mean_squared_error
        self.tanh = hidden == "tanh"
        self.kernels: list[Array] = []
        self.biases: list[Array] = []
        self.d_kernels: list[Array] = []
        self.d_biases: list[Array] = []
        start = 0
        for i, weight in enumerate(weights):
            stop = start + weight.size
            for flat, lists in (
                (self.param, (self.kernels, self.biases)),
                (self.grad, (self.d_kernels, self.d_biases)),
            ):
                lists[i % 2].append(flat[start:stop].reshape(weight.shape))
            start = stop

    def activate(self, z: Array) -> None:
        """Overwrite `z` with the activation of a hidden layer."""
        if self.tanh:
            np.tanh(z, out=z)
        else:
            np.maximum(z, 0.0, out=z)

    def forward(self, x: Array) -> list[Array]:
        """Return the input and the output of each layer; the last before softmax."""
        values = [x]
        last = len(self.kernels) - 1
        for i, (kernel, bias) in enumerate(zip(self.kernels, self.biases, strict=True)):
            z = np.dot(values[-1], kernel)
            z += bias
            if i < last:
                self.activate(z)
            values.append(z)
        return values

    def predict(self, x: Array) -> Array:
        """Return the outputs (logits) for some rows."""
        *hidden, (kernel, bias) = zip(self.kernels, self.biases, strict=True)
        for hidden_kernel, hidden_bias in hidden:
            x = np.dot(x, hidden_kernel)
            x += hidden_bias
            self.activate(x)
        x = np.dot(x, kernel)
        x += bias
        return x

    def step(self, x: Array, y: Array) -> float:
        """Take one Adam step on a batch; return its loss before the step."""
        *values, z = self.forward(x)
        loss, dz = self.loss(z, y)
        for i in range(len(values) - 1, -1, -1):
            value = values[i]
            np.dot(value.T, dz, out=self.d_kernels[i])
            dz.sum(axis=0, out=self.d_biases[i])
            if i > 0:
                dz = np.dot(dz, self.kernels[i].T)
                if self.tanh:
                    np.multiply(value, value, out=value)
                    np.subtract(1.0, value, out=value)
                    dz *= value
                else:
                    dz *= value > 0.0
        self.optimizer.step(self.grad)
        return loss

    def fit(self, x: Array, y: Array, *, batch_size: int, epochs: int) -> list[float]:
        """Train without shuffling; return the mean loss of each epoch."""
        losses = []
        for _ in range(epochs):
            total = 0.0
            for start in range(0, len(x), batch_size):
                rows = x[start : start + batch_size]
                total += self.step(rows, y[start : start + batch_size]) * len(rows)
            losses.append(total / len(x))
        return losses
