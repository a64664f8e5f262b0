"""Twins of the normalizations, from the papers: Ba, Kiros and Hinton (2016), Zhang and Sennrich
(2019), Ioffe and Szegedy (2015)."""

from __future__ import annotations

import numpy as np


def _doubles(*arrays):
    return [None if a is None else np.asarray(a, np.float64) for a in arrays]


def row_moments(x, eps, rms):
    """Mean and 1 / sqrt(variance + eps) of each row; with `rms` of its square about 0."""
    (x,) = _doubles(x)
    mean = np.zeros((len(x), 1)) if rms else x.mean(axis=1, keepdims=True)
    inverse = 1 / np.sqrt(((x - mean) ** 2).mean(axis=1, keepdims=True) + eps)
    return mean, inverse


def layer_norm(x, gamma, beta, eps, rms):
    x, gamma, beta = _doubles(x, gamma, beta)
    mean, inverse = row_moments(x, eps, rms)
    y = (x - mean) * inverse
    return y * (1 if gamma is None else gamma) + (0 if beta is None else beta)


def layer_norm_grad(x, gamma, dy, eps, rms):
    """dx, dgamma, dbeta."""
    x, gamma, dy = _doubles(x, gamma, dy)
    mean, inverse = row_moments(x, eps, rms)
    xhat = (x - mean) * inverse
    g = dy if gamma is None else dy * gamma
    along = (g * xhat).mean(axis=1, keepdims=True)
    plain = 0 if rms else g.mean(axis=1, keepdims=True)
    return inverse * (g - plain - xhat * along), (dy * xhat).sum(axis=0), dy.sum(axis=0)


def batch_norm(x, mean, variance, gamma, beta, eps):
    x, mean, variance, gamma, beta = _doubles(x, mean, variance, gamma, beta)
    y = (x - mean) / np.sqrt(variance + eps)
    return y * (1 if gamma is None else gamma) + (0 if beta is None else beta)


def batch_norm_grad(x, gamma, dy, eps):
    """dx, dgamma, dbeta of a batch normalized by its own moments."""
    x, gamma, dy = _doubles(x, gamma, dy)
    inverse = 1 / np.sqrt(x.var(axis=0) + eps)
    xhat = (x - x.mean(axis=0)) * inverse
    dgamma, dbeta = (dy * xhat).sum(axis=0), dy.sum(axis=0)
    scale = inverse * (1 if gamma is None else gamma)
    return scale * (dy - dbeta / len(x) - xhat * dgamma / len(x)), dgamma, dbeta
