"""Twins of the loss kernels: float64 NumPy, written from the definitions.

Every function takes the network's output `z` (logits for the crossentropies), the targets and the
weights of the rows, and works in float64.  A row of weight 0 is left out.
"""

from __future__ import annotations

import numpy as np

NAMES = (
    "mean_squared_error",
    "mean_absolute_error",
    "huber",
    "binary_crossentropy",
    "categorical_crossentropy",
    "sparse_categorical_crossentropy",
)


def softplus(z):
    """log(1 + exp(z)) without overflow."""
    return np.logaddexp(0.0, z)


def sigmoid(z):
    """1 / (1 + exp(-z)), to full relative accuracy for very negative z too."""
    return np.exp(-softplus(-z))


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def one_hot(labels, cols):
    return (np.asarray(labels)[:, None] == np.arange(cols)).astype(np.float64)


def terms(name, z, y, delta=1.0):
    """The terms of the mean, shape (rows, cols), or (rows, 1) for the two categorical losses."""
    if name == "mean_squared_error":
        return (z - y) ** 2
    if name == "mean_absolute_error":
        return np.abs(z - y)
    if name == "huber":  # Huber (1964)
        size = np.abs(z - y)
        return np.where(size <= delta, 0.5 * size**2, delta * (size - 0.5 * delta))
    if name == "binary_crossentropy":  # -y log p - (1 - y) log(1 - p)
        return y * softplus(-z) + (1 - y) * softplus(z)
    gaps = z.max(axis=1, keepdims=True) - z
    minus_log_p = gaps + np.log(np.exp(-gaps).sum(axis=1, keepdims=True))
    return np.where(y == 0, 0.0, y * minus_log_p).sum(axis=1, keepdims=True)


def slopes(name, z, y, delta=1.0):
    """The derivative of a row's sum of terms by each z, shape (rows, cols)."""
    if name == "mean_squared_error":
        return 2 * (z - y)
    if name == "mean_absolute_error":
        return np.sign(z - y)
    if name == "huber":
        return np.clip(z - y, -delta, delta)
    if name == "binary_crossentropy":  # sigmoid(z) - y, arranged so that nothing cancels
        return (1 - y) * sigmoid(z) - y * sigmoid(-z)
    return softmax(z) * y.sum(axis=1, keepdims=True) - y


def value_and_gradient(name, z, y, weight=None, delta=1.0):
    """The weighted mean of the loss and its gradient by z."""
    z = np.asarray(z, dtype=np.float64)
    y = np.asarray(y)
    if name == "sparse_categorical_crossentropy":
        y = one_hot(y, z.shape[1])
    y = y.astype(np.float64)
    weight = np.ones(len(z)) if weight is None else np.asarray(weight, dtype=np.float64)
    live = weight != 0
    terms_a_row = 1 if name.endswith("categorical_crossentropy") else z.shape[1]
    w = weight[live, None]
    count = w.sum() * terms_a_row
    value = (w * terms(name, z[live], y[live], delta)).sum() / count
    gradient = np.zeros_like(z)
    gradient[live] = w * slopes(name, z[live], y[live], delta) / count
    return float(value), gradient
