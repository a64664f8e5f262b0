"""Losses and their gradients, beside NumPy; the crossentropies with their output activation."""

from __future__ import annotations

import numpy as np
import pytest

from fastnn import kernels

# Outputs of a network in training; many rows, from memory.
CASES = [(128, 10, np.float32), (128, 10, np.float64), (100_000, 32, np.float32)]


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def log_softmax(z):
    shifted = z - z.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def huber(z, y):
    d = np.abs(z - y)
    return np.mean(np.where(d <= 1, 0.5 * d * d, d - 0.5))


def binary(z, y):
    return np.mean(np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z))))


def binary_grad(z, y):
    return (1 / (1 + np.exp(-z)) - y) / z.size


def sparse(z, y):
    return -np.mean(log_softmax(z)[np.arange(len(z)), y])


def sparse_grad(z, y):
    p = softmax(z)
    p[np.arange(len(z)), y] -= 1
    p /= len(z)
    return p


NUMPY = {
    "mean_squared_error": (
        lambda z, y: np.mean((z - y) ** 2),
        lambda z, y: (z - y) * (2 / z.size),
    ),
    "mean_absolute_error": (
        lambda z, y: np.mean(np.abs(z - y)),
        lambda z, y: np.sign(z - y) * (1 / z.size),
    ),
    "huber": (huber, lambda z, y: np.clip(z - y, -1, 1) * (1 / z.size)),
    "binary_crossentropy": (binary, binary_grad),
    "categorical_crossentropy": (
        lambda z, y: -np.sum(y * log_softmax(z)) / len(z),
        lambda z, y: (softmax(z) - y) / len(z),
    ),
    "sparse_categorical_crossentropy": (sparse, sparse_grad),
}


def random_case(name, rows, cols, dtype):
    """Return outputs or logits, and targets that suit the loss."""
    rng = np.random.default_rng([rows, cols])
    z = rng.standard_normal((rows, cols)).astype(dtype)
    labels = rng.integers(cols, size=rows, dtype=np.int32)
    if name == "sparse_categorical_crossentropy":
        return z, labels
    if name == "categorical_crossentropy":
        return z, np.eye(cols, dtype=dtype)[labels]
    if name == "binary_crossentropy":
        return z, rng.integers(2, size=z.shape).astype(dtype)
    return z, rng.standard_normal(z.shape).astype(dtype)


@pytest.mark.parametrize("by", ["fastnn", "numpy"])
@pytest.mark.parametrize("rows, cols, dtype", CASES)
@pytest.mark.parametrize("name", NUMPY)
def bench_loss(measure, name, rows, cols, dtype, by):
    z, y = random_case(name, rows, cols, dtype)
    ours, by_hand = getattr(kernels, name), NUMPY[name][0]
    group = f"{name} {rows}x{cols} {np.dtype(dtype)}"
    got = measure(group, {"fastnn": ours, "numpy": by_hand}[by], z, y, elements=z.size)
    want = (by_hand if by == "fastnn" else ours)(z, y)
    # NumPy sums pairwise in the type itself: the error grows with log2 of the number of terms
    assert got == pytest.approx(want, rel=100 * float(np.finfo(dtype).eps))


@pytest.mark.parametrize("by", ["fastnn", "numpy"])
@pytest.mark.parametrize("rows, cols, dtype", CASES)
@pytest.mark.parametrize("name", NUMPY)
def bench_loss_grad(measure, name, rows, cols, dtype, by):
    z, y = random_case(name, rows, cols, dtype)
    ours, by_hand = getattr(kernels, f"{name}_grad"), NUMPY[name][1]
    out = np.empty_like(z)

    def fastnn():
        return ours(z, y, out=out)

    def numpy():
        return by_hand(z, y)

    group = f"{name}_grad {rows}x{cols} {np.dtype(dtype)}"
    got = measure(group, {"fastnn": fastnn, "numpy": numpy}[by], elements=z.size)
    want = by_hand(z, y) if by == "fastnn" else ours(z, y)
    # a few roundings of probabilities and their differences, over the number of rows
    np.testing.assert_allclose(got * rows, want * rows, atol=20 * np.finfo(dtype).eps)
