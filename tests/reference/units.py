"""Twins of the layers with a parameter a column or several columns a unit."""

from __future__ import annotations

import numpy as np

from reference.activation import FORWARD


def prelu(x, alpha):
    x = np.asarray(x, np.float64)
    return np.where(x > 0, x, alpha * x)


def prelu_grad(x, alpha, dy):
    """dx, dalpha"""
    x, dy = np.asarray(x, np.float64), np.asarray(dy, np.float64)
    return np.where(x > 0, dy, alpha * dy), np.where(x > 0, 0.0, x * dy).sum(axis=0)


def maxout(z, pieces):
    return np.asarray(z, np.float64).reshape(len(z), pieces, -1).max(axis=1)


def maxout_grad(z, dy, pieces):
    z = np.asarray(z, np.float64).reshape(len(z), pieces, -1)
    first = np.argmax(z, axis=1)[:, None] == np.arange(pieces)[:, None]
    return np.where(first, np.asarray(dy, np.float64)[:, None], 0.0).reshape(len(z), -1)


def glu(z):
    a, b = np.split(np.asarray(z, np.float64), 2, axis=1)
    return a * FORWARD["sigmoid"](b)


def glu_grad(z, dy):
    a, b = np.split(np.asarray(z, np.float64), 2, axis=1)
    s, r = FORWARD["sigmoid"](b), FORWARD["sigmoid"](-b)
    return np.concatenate([dy * s, dy * a * s * r], axis=1)


def bilinear(x1, kernel, x2, bias):
    """kernel (n1, units, n2)"""
    return np.einsum("ri,iuj,rj->ru", x1, kernel, x2) + bias


def activity(x, l1, l2):
    """The penalty and its gradient."""
    x = np.asarray(x, np.float64)
    return float((l1 * np.abs(x) + l2 * x**2).sum()), l1 * np.sign(x) + 2 * l2 * x
