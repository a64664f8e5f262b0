"""Layers other than dense in float64: NumPy, written from the definitions in the papers.

`x` is (rows, columns).  Each function gives the values; `backward` functions give gradients where
finite differences would be too coarse for what is tested.
"""

from __future__ import annotations

import functools

import numpy as np


def moments(x):
    """Mean and biased variance of each column."""
    mean = x.mean(axis=0)
    return mean, ((x - mean) ** 2).mean(axis=0)


def batch_norm(x, mean, variance, gamma, beta, epsilon):
    """Ioffe and Szegedy (2015), Algorithm 1, with the moments that are given."""
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


def batch_norm_gradients(x, dy, gamma, epsilon):
    """By x, gamma and beta where the moments are the batch's: the paper's chain rule, section 3."""
    n = len(x)
    mean, variance = moments(x)
    root = np.sqrt(variance + epsilon)
    xhat = (x - mean) / root
    dxhat = dy * gamma
    dvariance = (dxhat * (x - mean)).sum(axis=0) * -0.5 * root**-3
    dmean = -dxhat.sum(axis=0) / root + dvariance * (-2 * (x - mean)).mean(axis=0)
    dx = dxhat / root + dvariance * 2 * (x - mean) / n + dmean / n
    return dx, (dy * xhat).sum(axis=0), dy.sum(axis=0)


def moved(moving, batch, momentum):
    """A moving moment after a step."""
    return momentum * moving + (1 - momentum) * batch


def layer_norm(x, gamma=1.0, beta=0.0, epsilon=1e-3):
    """Ba, Kiros and Hinton (2016), equation 4."""
    mean = x.mean(axis=1, keepdims=True)
    variance = ((x - mean) ** 2).mean(axis=1, keepdims=True)
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


def rms_norm(x, gamma=1.0, epsilon=1e-6):
    """Zhang and Sennrich (2019), equation 4."""
    return gamma * x / np.sqrt((x**2).mean(axis=1, keepdims=True) + epsilon)


def prelu(x, alpha):
    """He et al. (2015), equation 1."""
    return np.where(x > 0, x, alpha * x)


def maxout(x, kernel, bias, units):
    """Goodfellow et al. (2013), equation 1; piece p of unit u is column p * units + u."""
    z = x @ kernel + bias
    return z.reshape(len(x), -1, units).max(axis=1)


def bilinear(a, b, kernel, bias):
    """``a @ kernel_u @ b + bias_u``; the columns of kernel_u lie together."""
    units = len(bias)
    cube = kernel.reshape(a.shape[1], units, b.shape[1])
    return np.einsum("ri,iuj,rj->ru", a, cube, b) + bias


def embedding(x, tables):
    """The rows that the columns of `x` name, side by side."""
    return np.concatenate([table[x[:, i].astype(int)] for i, table in enumerate(tables)], axis=1)


def normalization(x, mean, variance, invert):
    deviation = np.sqrt(variance)
    deviation = np.where(deviation == 0, 1.0, deviation)
    return x * deviation + mean if invert else (x - mean) / deviation


def glu(x):
    """Dauphin et al. (2017), section 2: a sigmoid(b)."""
    a, b = np.split(x, 2, axis=1)
    return a / (1 + np.exp(-b))


def activity(x, l1, l2):
    """The penalty: a sum over columns, a mean over rows."""
    return (l1 * np.abs(x).sum() + l2 * (x**2).sum()) / len(x)


COMBINE = {
    "add": sum,
    "subtract": lambda xs: xs[0] - xs[1],
    "multiply": lambda xs: functools.reduce(np.multiply, xs),
    "average": lambda xs: sum(xs) / len(xs),
    "maximum": lambda xs: functools.reduce(np.maximum, xs),
}
