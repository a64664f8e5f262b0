"""Activations and their gradients, beside the NumPy expression one would write."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from fastnn import kernels

# In cache, in both types; from memory, where the type only changes the number of bytes.
CASES = [(64, 128, np.float32), (64, 128, np.float64), (4096, 1024, np.float32)]


def relu(z):
    return np.maximum(z, 0)


def leaky_relu(z):
    return np.where(z > 0, z, 0.01 * z)


def elu(z):
    return np.where(z > 0, z, np.expm1(np.minimum(z, 0)))


def gelu_by_tanh(z):
    """Hendrycks and Gimpel (2016): NumPy has no erf, so this is how one writes gelu with it."""
    return 0.5 * z * (1 + np.tanh(sqrt(2 / np.pi) * (z + 0.044715 * z * z * z)))


def gelu_by_tanh_grad(z, dy):
    t = np.tanh(sqrt(2 / np.pi) * (z + 0.044715 * z * z * z))
    slope = sqrt(2 / np.pi) * (1 + 3 * 0.044715 * z * z)
    return dy * 0.5 * (1 + t + z * (1 - t * t) * slope)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def silu_grad(z, dy):
    s = sigmoid(z)
    return dy * s * (1 + z * (1 - s))


def expm1_below(z):
    return np.expm1(np.minimum(z, 0))


def hard_sigmoid(z):
    return np.clip(z + 3, 0, 6) / 6


def hard_silu_grad(z, dy):
    return dy * np.where(z <= -3, 0, np.where(z < 3, z / 3 + 0.5, 1))


def mish_grad(z, dy):
    t = np.tanh(np.logaddexp(0, z))
    return dy * (t + z * (1 - t * t) * sigmoid(z))


def log_softmax(z):
    d = z - z.max(axis=1, keepdims=True)
    return d - np.log(np.exp(d).sum(axis=1, keepdims=True))


def sparsemax(z):
    """Martins and Astudillo (2016), algorithm 1."""
    ordered = -np.sort(-z, axis=1)
    k = np.arange(1, z.shape[1] + 1, dtype=z.dtype)
    sums = np.cumsum(ordered, axis=1)
    size = (1 + k * ordered > sums).sum(axis=1, keepdims=True)
    tau = (np.take_along_axis(sums, size - 1, axis=1) - 1) / size.astype(z.dtype)
    return np.maximum(z - tau, 0)


def sparsemax_grad(saved, dy):
    support = saved > 0
    mean = (dy * support).sum(axis=1, keepdims=True)
    mean /= support.sum(axis=1, keepdims=True, dtype=dy.dtype)
    return (dy - mean) * support


SCALE, LEFT = 1.0507009873554805, 1.7580993408473766  # selu's
SAVE_INPUT = ("gelu", "silu", "hard_silu", "gelu_tanh", "mish", "softsign", "tanh_shrink")

# What one writes in NumPy: of z, and of (saved, dy), where `saved` is as in fastnn.kernels.
NUMPY = {
    "linear": (np.copy, lambda saved, dy: dy.copy()),
    "relu": (relu, lambda saved, dy: dy * (saved > 0)),
    "leaky_relu": (leaky_relu, lambda saved, dy: np.where(saved > 0, dy, 0.01 * dy)),
    "elu": (elu, lambda saved, dy: np.where(saved > 0, dy, dy * (saved + 1))),
    "gelu": (gelu_by_tanh, gelu_by_tanh_grad),
    "sigmoid": (sigmoid, lambda saved, dy: dy * saved * (1 - saved)),
    "tanh": (np.tanh, lambda saved, dy: dy * (1 - saved * saved)),
    "softmax": (
        softmax,
        lambda saved, dy: saved * (dy - (dy * saved).sum(axis=1, keepdims=True)),
    ),
    "silu": (lambda z: z * sigmoid(z), silu_grad),
    "exp": (np.exp, lambda saved, dy: dy * saved),
    "softplus": (lambda z: np.logaddexp(0, z), lambda saved, dy: dy * -np.expm1(-saved)),
    "relu6": (lambda z: np.clip(z, 0, 6), lambda saved, dy: dy * ((saved > 0) & (saved < 6))),
    "hard_sigmoid": (
        hard_sigmoid,
        lambda saved, dy: np.where((saved > 0) & (saved < 1), dy / 6, 0),
    ),
    "hard_tanh": (lambda z: np.clip(z, -1, 1), lambda saved, dy: dy * (np.abs(saved) < 1)),
    "hard_silu": (lambda z: z * hard_sigmoid(z), hard_silu_grad),
    "selu": (
        lambda z: np.where(z > 0, SCALE * z, LEFT * expm1_below(z)),
        lambda saved, dy: dy * np.where(saved > 0, SCALE, saved + LEFT),
    ),
    "celu": (
        lambda z: np.where(z > 0, z, expm1_below(z)),
        lambda saved, dy: dy * np.where(saved > 0, 1, saved + 1),
    ),
    "gelu_tanh": (gelu_by_tanh, gelu_by_tanh_grad),
    "mish": (lambda z: z * np.tanh(np.logaddexp(0, z)), mish_grad),
    "softsign": (lambda z: z / (1 + np.abs(z)), lambda saved, dy: dy / (1 + np.abs(saved)) ** 2),
    "squareplus": (
        lambda z: (z + np.sqrt(z * z + 4)) / 2,
        lambda saved, dy: dy * saved * saved / (saved * saved + 1),
    ),
    "log_sigmoid": (lambda z: -np.logaddexp(0, -z), lambda saved, dy: dy * -np.expm1(saved)),
    "log_softmax": (
        log_softmax,
        lambda saved, dy: dy - np.exp(saved) * dy.sum(axis=1, keepdims=True),
    ),
    "tanh_shrink": (lambda z: z - np.tanh(z), lambda saved, dy: dy * np.tanh(saved) ** 2),
    "soft_shrink": (
        lambda z: z - np.clip(z, -0.5, 0.5),
        lambda saved, dy: dy * (saved != 0),
    ),
    "hard_shrink": (
        lambda z: np.where(np.abs(z) > 0.5, z, 0),
        lambda saved, dy: dy * (saved != 0),
    ),
    "sparsemax": (sparsemax, sparsemax_grad),
}


def assert_close(name, out, want, dtype):
    if name == "gelu":  # the tanh form is that far from the exact one fastnn computes, times dy
        np.testing.assert_allclose(out, want, atol=1e-2)
    else:  # both are a few roundings from the truth, of terms that may cancel
        eps = np.finfo(dtype).eps
        np.testing.assert_allclose(out, want, rtol=100 * eps, atol=100 * eps)


def random_pair(rows, cols, dtype):
    rng = np.random.default_rng([rows, cols])
    return (rng.standard_normal((rows, cols)).astype(dtype) for _ in range(2))


@pytest.mark.parametrize("by", ["fastnn", "numpy"])
@pytest.mark.parametrize("rows, cols, dtype", CASES)
@pytest.mark.parametrize("name", NUMPY)
def bench_activation(measure, name, rows, cols, dtype, by):
    z, _ = random_pair(rows, cols, dtype)
    out = np.empty_like(z)
    ours, by_hand = getattr(kernels, name), NUMPY[name][0]

    def fastnn():
        return ours(z, out=out)

    def numpy():
        return by_hand(z)

    group = f"{name} {rows}x{cols} {np.dtype(dtype)}"
    got = measure(group, {"fastnn": fastnn, "numpy": numpy}[by], elements=z.size)
    assert_close(name, got, by_hand(z) if by == "fastnn" else ours(z), dtype)


@pytest.mark.parametrize("by", ["fastnn", "numpy"])
@pytest.mark.parametrize("rows, cols, dtype", CASES)
@pytest.mark.parametrize("name", NUMPY)
def bench_activation_grad(measure, name, rows, cols, dtype, by):
    z, dy = random_pair(rows, cols, dtype)
    saved = z if name in SAVE_INPUT else getattr(kernels, name)(z)
    out = np.empty_like(z)
    ours, by_hand = getattr(kernels, f"{name}_grad"), NUMPY[name][1]

    def fastnn():
        return ours(saved, dy, out=out)

    def numpy():
        return by_hand(saved, dy)

    group = f"{name}_grad {rows}x{cols} {np.dtype(dtype)}"
    got = measure(group, {"fastnn": fastnn, "numpy": numpy}[by], elements=z.size)
    assert_close(name, got, by_hand(saved, dy) if by == "fastnn" else ours(saved, dy), dtype)
