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
    "mean_absolute_percentage_error",
    "mean_squared_logarithmic_error",
    "log_cosh",
    "quantile",
    "gaussian_nll",
    "poisson",
    "gamma",
    "tweedie",
    "binary_focal_crossentropy",
    "categorical_focal_crossentropy",
    "kl_divergence",
    "hinge",
    "squared_hinge",
    "categorical_hinge",
    "soft_margin",
    "cosine_similarity",
    "margin_ranking",
)
# One term a row; a NaN anywhere in a row of outputs is one in all of its gradient.
ROWWISE = tuple(
    name
    for name in NAMES
    if name.startswith(("categorical", "sparse")) or name[:2] in ("kl", "co") or "rank" in name
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


def minus_log_softmax(z):
    gaps = z.max(axis=1, keepdims=True) - z
    return gaps + np.log(np.exp(-gaps).sum(axis=1, keepdims=True))


def one_hot(labels, cols):
    return (np.asarray(labels)[:, None] == np.arange(cols)).astype(np.float64)


def signs(y):
    """Labels -1 and 1 from those, or from 0 and 1."""
    return np.where(y > 0, 1.0, -1.0)


def spread(y, quantiles, cols):
    """Each target beside the outputs of its quantiles, and the quantile of each output."""
    q = np.atleast_1d(np.asarray(quantiles, dtype=np.float64))
    return np.repeat(y, q.size, axis=1), np.tile(q, cols // q.size)


def variances(s, variance, epsilon):
    """The variances that the second half of gaussian_nll's columns makes, and their derivative."""
    if variance == "exp":
        return np.exp(s) + epsilon, np.exp(s)
    if variance == "softplus":
        return softplus(s) + epsilon, sigmoid(s)
    return np.maximum(s, epsilon), np.ones_like(s)


def of_a_mean(name, m, y, power):
    """Minus the log likelihood of a mean and its derivative, less what depends on y alone."""
    if name == "poisson":
        return m - y * np.log(m), 1 - y / m
    if name == "gamma":
        return np.log(m) + y / m, 1 / m - y / m**2
    a = power
    return m ** (2 - a) / (2 - a) - y * m ** (1 - a) / (1 - a), m ** (1 - a) - y * m**-a


def terms_and_slopes(
    name,
    z,
    y,
    *,
    delta=1.0,
    epsilon=None,
    quantiles=0.5,
    variance="exp",
    full=False,
    power=1.5,
    log_input=False,
    apply_class_balancing=False,
    alpha=0.25,
    gamma=2.0,
    label_smoothing=0.0,
    margin=0.0,
):
    """The terms of the mean, (rows, terms a row), and the derivative of their sum by each z."""
    e, cols = z - y if z.shape == y.shape else None, z.shape[1]
    epsilon = epsilon if epsilon is not None else 1e-6 if name == "gaussian_nll" else 1e-7
    if name == "mean_squared_error":
        return e**2, 2 * e
    if name == "mean_absolute_error":
        return np.abs(e), np.sign(e)
    if name == "huber":  # Huber (1964)
        size = np.abs(e)
        value = np.where(size <= delta, 0.5 * size**2, delta * (size - 0.5 * delta))
        return value, np.clip(e, -delta, delta)
    if name == "mean_absolute_percentage_error":
        percent = 100 / np.maximum(np.abs(y), epsilon)
        return percent * np.abs(e), percent * np.sign(e)
    if name == "mean_squared_logarithmic_error":
        p, t = np.maximum(z, epsilon), np.maximum(y, epsilon)
        gap = np.log1p(p) - np.log1p(t)
        return gap**2, np.where(z < epsilon, 0.0, 2 * gap / (1 + p))
    if name == "log_cosh":
        half = np.sinh(np.minimum(np.abs(e), 1) / 2)  # cosh(e) - 1 = 2 sinh(e / 2)^2
        far = np.logaddexp(e, -e) - np.log(2)
        return np.where(np.abs(e) < 1, np.log1p(2 * half**2), far), np.tanh(e)
    if name == "quantile":  # Koenker and Bassett (1978)
        y, q = spread(y, quantiles, cols)
        value = np.maximum(q * (y - z), (q - 1) * (y - z))
        return value, np.where(y > z, -q, np.where(y < z, 1 - q, 0.0))
    if name == "gaussian_nll":
        m, (v, by) = z[:, : cols // 2], variances(z[:, cols // 2 :], variance, epsilon)
        value = 0.5 * (np.log(v) + (y - m) ** 2 / v) + (0.5 * np.log(2 * np.pi) if full else 0.0)
        return value, np.hstack([(m - y) / v, by * 0.5 * (1 / v - (y - m) ** 2 / v**2)])
    if name in ("poisson", "gamma", "tweedie"):
        if log_input:
            m = np.exp(z)
            value, slope = of_a_mean(name, m, y, power)
            return value, m * slope
        m = np.maximum(z, epsilon)
        value, slope = of_a_mean(name, m, y, power)
        return value + (z - m) * slope, slope  # the tangent at epsilon
    if name.startswith("binary"):
        y = y * (1 - label_smoothing) + 0.5 * label_smoothing
        value = y * softplus(-z) + (1 - y) * softplus(z)  # -y log p - (1 - y) log(1 - p)
        slope = (1 - y) * sigmoid(z) - y * sigmoid(-z)  # sigmoid(z) - y: nothing cancels
        if name == "binary_crossentropy":
            return value, slope
        p, q = sigmoid(z), sigmoid(-z)
        f = y * q + (1 - y) * p  # 1 - p_t of Lin et al. (2017)
        share = y * alpha + (1 - y) * (1 - alpha) if apply_class_balancing else 1.0
        bent = gamma * f ** (gamma - 1) * (1 - 2 * y) * p * q
        return share * f**gamma * value, share * (bent * value + f**gamma * slope)
    if name == "hinge":
        s = signs(y)
        return np.maximum(0, 1 - s * z), np.where(s * z < 1, -s, 0.0)
    if name == "squared_hinge":
        s = signs(y)
        return np.maximum(0, 1 - s * z) ** 2, -2 * s * np.maximum(0, 1 - s * z)
    if name == "soft_margin":
        s = signs(y)
        return softplus(-s * z), -s * sigmoid(-s * z)
    if name == "categorical_hinge":
        wrong = (1 - y) * z
        gap = 1 + wrong.max(axis=1) - (y * z).sum(axis=1)
        slope = -y.copy()
        rows, first = np.arange(len(z)), wrong.argmax(axis=1)
        slope[rows, first] += 1 - y[rows, first]
        return np.maximum(0, gap)[:, None], np.where(gap[:, None] > 0, slope, 0.0)
    if name == "cosine_similarity":
        length = np.sqrt((z**2).sum(axis=1, keepdims=True))
        wanted = np.maximum(np.sqrt((y**2).sum(axis=1, keepdims=True)), epsilon)
        cosine = (z * y).sum(axis=1, keepdims=True) / (np.maximum(length, epsilon) * wanted)
        bend = np.where(length < epsilon, 0.0, cosine / np.maximum(length, epsilon) ** 2)
        return -cosine, z * bend - y / (np.maximum(length, epsilon) * wanted)
    if name == "margin_ranking":
        s = signs(y[:, 0])
        gap = margin - s * (z[:, 0] - z[:, 1])
        live = np.where(gap >= 0, s, 0.0)
        return np.maximum(0, gap)[:, None], np.stack([-live, live], axis=1)

    y = y * (1 - label_smoothing) + label_smoothing / cols
    c, p, total = minus_log_softmax(z), softmax(z), y.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        if name == "categorical_focal_crossentropy":
            # d/dz_k of sum_j y_j g(c_j), c_j = -log p_j: sum_j y_j g'(c_j) (p_k - [j = k])
            rest = 1 - p
            value = np.where(y == 0, 0.0, y * rest**gamma * c)
            pull = np.where(y == 0, 0.0, y * (rest**gamma + gamma * rest ** (gamma - 1) * p * c))
            slope = p * pull.sum(axis=1, keepdims=True) - pull
            return alpha * value.sum(axis=1, keepdims=True), alpha * slope
        value = np.where(y == 0, 0.0, y * c)
        if name == "kl_divergence":
            value = value + np.where(y == 0, 0.0, y * np.log(y))
    return value.sum(axis=1, keepdims=True), p * total - y


def value_and_gradient(name, z, y, weight=None, **settings):
    """The weighted mean of the loss and its gradient by z."""
    z = np.asarray(z, dtype=np.float64)
    y = np.asarray(y)
    if name == "sparse_categorical_crossentropy":
        y = one_hot(y, z.shape[1])
    y = y.astype(np.float64)
    weight = np.ones(len(z)) if weight is None else np.asarray(weight, dtype=np.float64)
    live = weight != 0
    w = weight[live, None]
    terms, slopes = terms_and_slopes(name, z[live], y[live], **settings)
    count = w.sum() * terms.shape[1]
    gradient = np.zeros_like(z)
    gradient[live] = w * slopes / count
    return float((w * terms).sum() / count), gradient
