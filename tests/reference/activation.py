"""Activations and their derivatives in float64, the oracle of csrc/kernels/activation.inc.

Each function takes `z` and each gradient takes `z` and `dy`: unlike the kernels, the twins always
differentiate at the input, so that what a kernel saved is tested too.  Arrays are (rows, cols);
softmax, log_softmax and sparsemax look at whole rows, the others at one element.  `alpha` is the
number that the kernel takes, whatever its name there.
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


def relu6(z: Array) -> Array:
    return np.clip(z, 0, 6)


def relu6_grad(z: Array, dy: Array) -> Array:
    return dy * np.where(np.isnan(z), np.nan, (z > 0) & (z < 6))


def hard_sigmoid(z: Array) -> Array:
    return np.clip(z + 3, 0, 6) / 6


def hard_sigmoid_grad(z: Array, dy: Array) -> Array:
    return dy * np.where(np.isnan(z), np.nan, (np.abs(z) < 3) / 6)


def hard_tanh(z: Array) -> Array:
    return np.clip(z, -1, 1)


def hard_tanh_grad(z: Array, dy: Array) -> Array:
    return dy * np.where(np.isnan(z), np.nan, np.abs(z) < 1)


def hard_silu(z: Array) -> Array:
    """Howard et al. (2019), section 5.2; the limit at -inf is 0."""
    return np.where(z <= -3, 0, z * hard_sigmoid(z))


def hard_silu_grad(z: Array, dy: Array) -> Array:
    return dy * np.where(z <= -3, 0, np.where(z >= 3, 1, (2 * z + 3) / 6))


def selu(z: Array) -> Array:
    """Klambauer et al. (2017), equation 2, with the constants of its appendix."""
    alpha, scale = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
    return scale * elu(z, alpha)


def selu_grad(z: Array, dy: Array) -> Array:
    alpha, scale = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
    return elu_grad(z, dy * scale, alpha)


def celu(z: Array, alpha: float = 1.0) -> Array:
    """Barron (2017), equation 2."""
    return np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0) / alpha))


def celu_grad(z: Array, dy: Array, alpha: float = 1.0) -> Array:
    return dy * np.where(z > 0, 1, np.exp(np.minimum(z, 0) / alpha))


def gelu_tanh(z: Array) -> Array:
    """Hendrycks and Gimpel (2016), section 2, as x sigmoid(2u): 1 + tanh(u) would cancel."""
    u = np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)
    return np.where(z == -np.inf, 0, z * expit(2 * u))


def gelu_tanh_grad(z: Array, dy: Array) -> Array:
    u = np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)
    du = np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * z**2)
    far = np.abs(z) > 100  # where sigmoid(-2u) is 0 and du may be infinite
    slope = expit(2 * u) * (1 + 2 * z * expit(-2 * u) * du)
    return dy * np.where(far, z > 0, slope)


def mish(z: Array) -> Array:
    """Misra (2019), equation 1; the limit at -inf is 0."""
    return np.where(z == -np.inf, 0, z * np.tanh(np.logaddexp(0, z)))


def mish_grad(z: Array, dy: Array) -> Array:
    inner = np.logaddexp(0, z)
    slope = np.tanh(inner) + z * expit(z) / np.cosh(np.minimum(inner, 300)) ** 2
    return dy * np.where(z > 100, 1, np.where(z == -np.inf, 0, slope))


def softsign(z: Array) -> Array:
    return np.where(np.isinf(z), np.sign(z), z / (1 + np.abs(z)))


def softsign_grad(z: Array, dy: Array) -> Array:
    return dy / (1 + np.abs(z)) ** 2


def squareplus(z: Array, alpha: float = 4.0) -> Array:
    """Barron (2021), equation 1; below 0 as the equal quotient that does not cancel."""
    root = np.hypot(z, np.sqrt(alpha))
    return np.where(z < 0, alpha / 2 / (root + np.abs(z)), z / 2 + root / 2)


def squareplus_grad(z: Array, dy: Array, alpha: float = 4.0) -> Array:
    """Barron (2021), equation 2; below 0 as the equal quotient that does not cancel."""
    root = np.hypot(z, np.sqrt(alpha))
    left = (np.sqrt(alpha) / root) * (np.sqrt(alpha) / (root + np.abs(z))) / 2
    return dy * np.where(z < 0, left, np.where(np.isinf(z), 1, (1 + z / root) / 2))


def log_sigmoid(z: Array) -> Array:
    return -np.logaddexp(0, -z)


def log_sigmoid_grad(z: Array, dy: Array) -> Array:
    return dy * expit(-z)


def log_softmax(z: Array) -> Array:
    d = z - z.max(axis=-1, keepdims=True)
    return d - np.log(np.exp(d).sum(axis=-1, keepdims=True))


def log_softmax_grad(z: Array, dy: Array) -> Array:
    return dy - softmax(z) * dy.sum(axis=-1, keepdims=True)


def tanh_shrink(z: Array) -> Array:
    """Near 0, where the difference cancels, by the series of tanh up to z^13."""
    w = z * z
    coefficients = (1 / 3, -2 / 15, 17 / 315, -62 / 2835, 1382 / 155925, -21844 / 6081075)
    series = z * w * np.polynomial.polynomial.polyval(np.minimum(w, 1), coefficients)
    return np.where(np.abs(z) < 0.06, series, z - np.tanh(z))


def tanh_shrink_grad(z: Array, dy: Array) -> Array:
    return dy * np.tanh(z) ** 2


def soft_shrink(z: Array, alpha: float = 0.5) -> Array:
    return np.where(z > alpha, z - alpha, np.where(z < -alpha, z + alpha, z * 0))


def soft_shrink_grad(z: Array, dy: Array, alpha: float = 0.5) -> Array:
    return dy * np.where(np.isnan(z), np.nan, np.abs(z) > alpha)


def hard_shrink(z: Array, alpha: float = 0.5) -> Array:
    return np.where(np.abs(z) > alpha, z, np.where(np.isnan(z), z, 0))


hard_shrink_grad = soft_shrink_grad


def sparsemax(z: Array) -> Array:
    """Martins and Astudillo (2016), algorithm 1: the threshold from the sorted row.

    By their proposition 2 a constant added to the row changes nothing.
    """
    z = z - z.max(axis=-1, keepdims=True)
    ordered = -np.sort(-z, axis=-1)
    k = np.arange(1, z.shape[-1] + 1)
    sums = np.cumsum(ordered, axis=-1)
    size = np.maximum((1 + k * ordered > sums).sum(axis=-1, keepdims=True), 1)
    tau = (np.take_along_axis(sums, size - 1, axis=-1) - 1) / size
    return np.maximum(z - tau, 0)


def sparsemax_grad(z: Array, dy: Array) -> Array:
    """Martins and Astudillo (2016), equation 14."""
    support = sparsemax(z) > 0
    mean = (dy * support).sum(axis=-1, keepdims=True) / support.sum(axis=-1, keepdims=True)
    return np.where(support, dy - mean, 0)


# Those that take a number besides z.
PARAMETRIC = ("leaky_relu", "elu", "celu", "squareplus", "soft_shrink", "hard_shrink")

FORWARD: dict[str, Callable[..., Array]] = {
    f.__name__: f
    for f in (
        *(linear, relu, leaky_relu, elu, gelu, sigmoid, tanh, softmax, silu, softplus, exp, relu6),
        *(hard_sigmoid, hard_tanh, hard_silu, selu, celu, gelu_tanh, mish, softsign, squareplus),
        *(log_sigmoid, log_softmax, tanh_shrink, soft_shrink, hard_shrink, sparsemax),
    )
}
BACKWARD: dict[str, Callable[..., Array]] = {name: globals()[f"{name}_grad"] for name in FORWARD}
