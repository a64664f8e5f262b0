"""Twins of the metrics: the whole data at once, in float64, by their definitions.

Most metrics are held against scikit-learn; these are those that it lacks or has in another sense:
accuracies as shares of all outputs or of rows by the first largest output, the largest error of
several columns, specificity, log loss of several answers, and areas by counting pairs.
"""

from __future__ import annotations

import numpy as np


def _ones(weight, rows):
    return np.ones(rows) if weight is None else np.asarray(weight, dtype=np.float64)


def _share(hits, weight):
    weight = _ones(weight, len(hits))
    shares = hits.reshape(len(hits), -1).mean(axis=1)
    return float((weight @ shares) / weight.sum())


def binary_accuracy(y, p, weight=None):
    return _share((np.asarray(p) > 0.5) == (np.asarray(y) > 0.5), weight)


def categorical_accuracy(y, p, weight=None):
    return _share(np.argmax(p, axis=1) == np.argmax(y, axis=1), weight)


def sparse_accuracy(y, p, weight=None):
    return _share(np.argmax(p, axis=1) == np.asarray(y), weight)


def _labels(y):
    return np.asarray(y) if np.ndim(y) == 1 else np.argmax(y, axis=1)


def top_k(k):
    """Of equal outputs the later class comes first."""

    def score(y, p, weight=None):
        ranked = [sorted(range(len(row)), key=lambda j: (row[j], j), reverse=True) for row in p]
        return _share(
            np.array([y in r[:k] for y, r in zip(_labels(y), ranked, strict=True)]), weight
        )

    return score


def max_error(y, p, weight=None):
    counts = _ones(weight, len(y)) > 0
    return float(np.abs(y - p)[counts].max())


def specificity(y, guess, sample_weight=None, average="binary"):
    """tn / (tn + fp) of each class that has rows or predictions; columns are all counted."""
    y, guess = np.asarray(y), np.asarray(guess)
    weight = _ones(sample_weight, len(y))
    if y.ndim == 2:
        is_so, said = y > 0.5, guess > 0.5
    else:
        found = np.array([1]) if average == "binary" else np.union1d(y, guess.astype(y.dtype))
        is_so, said = y[:, None] == found, guess[:, None] == found
    tn, fp = weight @ (~is_so & ~said), weight @ (~is_so & said)
    if average == "micro":
        return tn.sum() / (tn + fp).sum()
    scores = np.array([a / (a + b) if a + b > 0 else 0.0 for a, b in zip(tn, fp, strict=True)])
    return float(np.average(scores, weights=weight @ is_so if average == "weighted" else None))


def log_loss(y, p, weight=None):
    """Of probabilities kept off 0 and 1 by the eps of their type."""
    eps = float(np.finfo(p.dtype).eps)
    no = (1 - p).astype(np.float64)
    p = p.astype(np.float64)

    def minus_log(q):
        return -np.log(np.clip(q, eps, 1 - eps))

    if np.ndim(y) == 1:
        terms = minus_log(p[np.arange(len(p)), y])
    elif p.shape[1] > 1 and (y.sum(axis=1) == 1).all():
        terms = (y * minus_log(p)).sum(axis=1)
    else:
        terms = (y * minus_log(p) + (1 - y) * minus_log(no)).mean(axis=1)
    weight = _ones(weight, len(p))
    return float(weight @ terms / weight.sum())


def roc_auc(positive, score, weight=None):
    """The chance that a positive row is above a negative one, all pairs counted."""
    weight, positive = _ones(weight, len(score)), np.asarray(positive) > 0.5
    above = (score[positive, None] > score[~positive]) + 0.5 * (
        score[positive, None] == score[~positive]
    )
    pairs = weight[positive, None] * weight[~positive]
    return float((above * pairs).sum() / pairs.sum())


def average_precision(positive, score, weight=None):
    """The mean, over positive rows, of the precision among rows scored as high or higher."""
    weight, positive = _ones(weight, len(score)), np.asarray(positive) > 0.5
    as_high = score[None, :] >= score[positive, None]
    precision = (as_high @ (weight * positive)) / np.maximum(as_high @ weight, 1e-300)
    return float((weight[positive] @ precision) / weight[positive].sum())


def binned(area, bins, average):
    """The area of scores that know only their bin, averaged over columns or classes."""

    def score(y, p, weight=None):
        p = np.minimum(np.floor(p * bins), bins - 1)
        k = p.shape[1]
        hot = y if np.ndim(y) == 2 else np.eye(k)[y]
        if k == 2:  # two classes are one question
            hot, p, k = hot[:, 1:], p[:, 1:], 1
        if average == "micro":
            each = None if weight is None else np.repeat(weight, k)
            return area(hot.ravel(), p.ravel(), each)
        scores = [area(hot[:, j], p[:, j], weight) for j in range(k)]
        support = _ones(weight, len(p)) @ hot
        return float(np.average(scores, weights=support if average == "weighted" else None))

    return score
