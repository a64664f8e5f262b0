"""Twins of the metrics: the whole data at once, in float64.

The regression metrics are held against scikit-learn; these are the accuracies, in the sense of
`fastnn.metrics`: shares of all outputs, or of rows by the first largest output.
"""

from __future__ import annotations

import numpy as np


def _share(hits, weight):
    weight = np.ones(len(hits)) if weight is None else np.asarray(weight, dtype=np.float64)
    shares = hits.reshape(len(hits), -1).mean(axis=1)
    return float((weight @ shares) / weight.sum())


def binary_accuracy(y, p, weight=None):
    return _share((np.asarray(p) > 0.5) == (np.asarray(y) > 0.5), weight)


def categorical_accuracy(y, p, weight=None):
    return _share(np.argmax(p, axis=1) == np.argmax(y, axis=1), weight)


def sparse_accuracy(y, p, weight=None):
    return _share(np.argmax(p, axis=1) == np.asarray(y), weight)
