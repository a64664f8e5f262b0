"""Activations and their derivatives in float64, the oracle of csrc/kernels/activation.inc.

Each function takes `z` and each gradient takes `z` and `dy`: unlike the kernels, the twins always
differentiate at the input, so that what a kernel saved is tested too.  Arrays are (rows, cols);
only softmax looks at more than one element.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.special import expit, ndtr

Array = npt.NDArray[np.float64]


def linear(z: Array) -> Array:
    return z


def linear_grad(z: Array, dy: Array) -> Array:
    return dy


def relu(z: Array) -> Array:
    return np.maximum(z, 0)


def relu_grad(z: Array, dy: Array) -> Array:
    return dy * np.where(np.isnan(z), np.nan, z > 0)


def leaky_relu(z: Array, alpha: float = 0.01) -> Array:
    return np.where(z > 0, z, alpha * z)


def leaky_relu_grad(z: Array, dy: Array, alpha: float = 0.01) -> Array:
    return dy * np.where(np.isnan(z), np.nan, np.where(z > 0, 1, alpha))


def elu(z: Array, alpha: float = 1.0) -> Array:
    """Clevert et al. (2015), equation 15."""
    return np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))


def elu_grad(z: Array, dy: Array, alpha: float = 1.0) -> Array:
    return dy * np.where(z > 0, 1, alpha * np.exp(np.minimum(z, 0)))


def gelu(z: Array) -> Array:
    """Hendrycks and Gimpel (2016), section 2; the limit at -inf is 0."""
    return np.where(z == -np.inf, 0, z * ndtr(z))


def gelu_grad(z: Array, dy: Array) -> Array:
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return dy * np.where(np.isinf(z), z > 0, ndtr(z) + z * density)


def sigmoid(z: Array) -> Array:
    return expit(z)


def sigmoid_grad(z: Array, dy: Array) -> Array:
    return dy * expit(z) * expit(-z)


def tanh(z: Array) -> Array:
    return np.tanh(z)


def tanh_grad(z: Array, dy: Array) -> Array:
    return dy / np.cosh(z) ** 2


def softmax(z: Array) -> Array:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_grad(z: Array, dy: Array) -> Array:
    y = softmax(z)
    return y * (dy - (dy * y).sum(axis=-1, keepdims=True))


def silu(z: Array) -> Array:
    """Elfwing et al. (2017), equation 6; the limit at -inf is 0."""
    return np.where(z == -np.inf, 0, z * expit(z))


def silu_grad(z: Array, dy: Array) -> Array:
    """Elfwing et al. (2017), equation 7."""
    return dy * np.where(np.isinf(z), z > 0, expit(z) * (1 + z * expit(-z)))


def softplus(z: Array) -> Array:
    return np.logaddexp(0, z)


def softplus_grad(z: Array, dy: Array) -> Array:
    return dy * expit(z)


def exp(z: Array) -> Array:
    return np.exp(z)


def exp_grad(z: Array, dy: Array) -> Array:
    return dy * np.exp(z)


FORWARD: dict[str, Callable[..., Array]] = {
    f.__name__: f
    for f in (linear, relu, leaky_relu, elu, gelu, sigmoid, tanh, softmax, silu, softplus, exp)
}
BACKWARD: dict[str, Callable[..., Array]] = {
    "linear": linear_grad,
    "relu": relu_grad,
    "leaky_relu": leaky_relu_grad,
    "elu": elu_grad,
    "gelu": gelu_grad,
    "sigmoid": sigmoid_grad,
    "tanh": tanh_grad,
    "softmax": softmax_grad,
    "silu": silu_grad,
    "softplus": softplus_grad,
    "exp": exp_grad,
}
