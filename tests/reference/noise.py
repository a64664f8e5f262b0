"""Twins of dropout and noise, from single Philox blocks."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from fastnn import _core

# Klambauer et al. (2017): selu's alpha and scale
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def words(seed, epoch, step, first, n):
    """The 32-bit words first .. first + n of a stream, four to a block."""
    key = (seed & 0xFFFFFFFF, seed >> 32)
    purpose = _core.random_purposes["user"]
    start, stop = first // 4, (first + n + 3) // 4
    blocks = [
        _core.philox4x32((block & 0xFFFFFFFF, step, epoch, purpose), key)
        for block in range(start, stop)
    ]
    flat = np.array(blocks, np.uint64).reshape(-1)
    return flat[first - 4 * start :][:n]


def normals(w):
    """The inverse distribution function of (word + 1/2) / 2^32."""
    quantile = NormalDist().inv_cdf
    return np.array([quantile((int(k) + 0.5) / 2**32) for k in w])


def noise(kind, x, rate, w):
    """out and mask."""
    x = np.asarray(x, np.float64)
    drop = (w >> np.uint64(8)) < round(rate * 2**24)
    if kind == "dropout":
        mask = np.where(drop, 0.0, 1 / (1 - rate))
        return x * mask, mask
    if kind == "alpha_dropout":  # their equations for a and b, with q = 1 - rate
        q, low = 1 - rate, -SELU_ALPHA * SELU_SCALE
        a = (q + low**2 * q * (1 - q)) ** -0.5
        b = -a * (1 - q) * low
        return a * np.where(drop, low, x) + b, np.where(drop, 0.0, a)
    if kind == "gaussian_dropout":
        mask = 1 + math.sqrt(rate / (1 - rate)) * normals(w)
        return x * mask, mask
    return x + rate * normals(w), None
