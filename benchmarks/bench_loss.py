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


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def focal(z, y):
    p = sigmoid(z)
    rest = y * (1 - p) + (1 - y) * p
    return np.mean(rest**2 * (np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))))


def focal_grad(z, y):
    p = sigmoid(z)
    rest = y * (1 - p) + (1 - y) * p
    plain = np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))
    return rest * (2 * (1 - 2 * y) * p * (1 - p) * plain + rest * (p - y)) * (1 / z.size)


def categorical_focal(z, y):
    log_p = log_softmax(z)
    return -0.25 * np.sum(y * (1 - np.exp(log_p)) ** 2 * log_p) / len(z)


def categorical_focal_grad(z, y):
    log_p = log_softmax(z)
    p = np.exp(log_p)
    h = y * ((1 - p) ** 2 - 2 * (1 - p) * p * log_p)
    return (p * h.sum(axis=1, keepdims=True) - h) * (0.25 / len(z))


def divergence(z, y):
    return np.sum(y * (np.log(np.maximum(y, 1e-30)) - log_softmax(z))) / len(z)


def gaussian(z, y):
    k = y.shape[1]
    v = np.exp(z[:, k:]) + 1e-6
    return 0.5 * np.mean(np.log(v) + (y - z[:, :k]) ** 2 / v)


def gaussian_grad(z, y):
    k = y.shape[1]
    by = np.exp(z[:, k:])
    v, e = by + 1e-6, z[:, :k] - y
    return np.hstack([e / v, 0.5 * by * (1 - e * e / v) / v]) * (1 / y.size)


def categorical_hinge(z, y):
    return np.mean(np.maximum(0, 1 + ((1 - y) * z).max(axis=1) - (y * z).sum(axis=1)))


def categorical_hinge_grad(z, y):
    wrong = (1 - y) * z
    gap = 1 + wrong.max(axis=1) - (y * z).sum(axis=1)
    out, rows, place = -y, np.arange(len(z)), wrong.argmax(axis=1)
    out[rows, place] += 1 - y[rows, place]
    return out * (gap > 0)[:, None].astype(z.dtype) * (1 / len(z))


def cosine(z, y):
    return -np.mean((z * y).sum(axis=1) / np.linalg.norm(z, axis=1) / np.linalg.norm(y, axis=1))


def cosine_grad(z, y):
    length = np.linalg.norm(z, axis=1, keepdims=True)
    towards = y / np.linalg.norm(y, axis=1, keepdims=True)
    share = (z * towards).sum(axis=1, keepdims=True) / length
    return (z * share / length - towards) / length * (1 / len(z))


def tweedie_grad(z, y):
    root = np.sqrt(z)
    return (1 / root - y / (z * root)) * (1 / z.size)


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
    "mean_absolute_percentage_error": (
        lambda z, y: 100 * np.mean(np.abs(z - y) / np.maximum(np.abs(y), 1e-7)),
        lambda z, y: np.sign(z - y) / np.maximum(np.abs(y), 1e-7) * (100 / z.size),
    ),
    "mean_squared_logarithmic_error": (
        lambda z, y: np.mean((np.log1p(z) - np.log1p(y)) ** 2),
        lambda z, y: (np.log1p(z) - np.log1p(y)) / (1 + z) * (2 / z.size),
    ),
    "log_cosh": (
        lambda z, y: np.mean(np.abs(z - y) + np.log1p(np.exp(-2 * np.abs(z - y))) - np.log(2)),
        lambda z, y: np.tanh(z - y) * (1 / z.size),
    ),
    "quantile": (
        lambda z, y: np.mean(np.abs(z - y)) / 2,
        lambda z, y: np.sign(z - y) * (0.5 / z.size),
    ),
    "gaussian_nll": (gaussian, gaussian_grad),
    "poisson": (
        lambda z, y: np.mean(z - y * np.log(z)),
        lambda z, y: (1 - y / z) * (1 / z.size),
    ),
    "gamma": (
        lambda z, y: np.mean(np.log(z) + y / z),
        lambda z, y: (1 - y / z) / z * (1 / z.size),
    ),
    "tweedie": (lambda z, y: np.mean(2 * np.sqrt(z) + 2 * y / np.sqrt(z)), tweedie_grad),
    "binary_focal_crossentropy": (focal, focal_grad),
    "categorical_focal_crossentropy": (categorical_focal, categorical_focal_grad),
    "kl_divergence": (divergence, lambda z, y: (softmax(z) - y) / len(z)),
    "hinge": (
        lambda z, y: np.mean(np.maximum(0, 1 - y * z)),
        lambda z, y: np.where(y * z < 1, -y, 0) * (1 / z.size),
    ),
    "squared_hinge": (
        lambda z, y: np.mean(np.maximum(0, 1 - y * z) ** 2),
        lambda z, y: y * np.maximum(0, 1 - y * z) * (-2 / z.size),
    ),
    "soft_margin": (
        lambda z, y: np.mean(np.logaddexp(0, -y * z)),
        lambda z, y: -y * sigmoid(-y * z) * (1 / z.size),
    ),
    "categorical_hinge": (categorical_hinge, categorical_hinge_grad),
    "cosine_similarity": (cosine, cosine_grad),
}
POSITIVE = ("mean_squared_logarithmic_error", "poisson", "gamma", "tweedie")


def random_case(name, rows, cols, dtype):
    """Return outputs or logits, and targets that suit the loss."""
    rng = np.random.default_rng([rows, cols])
    z = rng.standard_normal((rows, cols)).astype(dtype)
    labels = rng.integers(cols, size=rows, dtype=np.int32)
    if name == "sparse_categorical_crossentropy":
        return z, labels
    if name.startswith("categorical"):
        return z, np.eye(cols, dtype=dtype)[labels]
    if name == "kl_divergence":
        return z, softmax(rng.standard_normal(z.shape)).astype(dtype)
    if name.startswith("binary"):
        return z, rng.integers(2, size=z.shape).astype(dtype)
    if "hinge" in name or name == "soft_margin":
        return z, rng.choice([-1, 1], z.shape).astype(dtype)
    if name in POSITIVE:
        return (1 + z * z).astype(dtype), rng.uniform(0.5, 4, z.shape).astype(dtype)
    if name == "mean_absolute_percentage_error":
        return z, rng.uniform(0.5, 4, z.shape).astype(dtype)
    if name == "gaussian_nll":
        return z, rng.standard_normal((rows, cols // 2)).astype(dtype)
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
