"""Twins of the kernels that bring tensors together."""

from __future__ import annotations

from functools import reduce

import numpy as np

KINDS = ("add", "subtract", "multiply", "average", "maximum")


def combine(inputs, kind):
    inputs = [np.asarray(x, np.float64) for x in inputs]
    if kind == "average":
        return sum(inputs) / len(inputs)
    joined = {
        "add": np.add,
        "subtract": np.subtract,
        "multiply": np.multiply,
        "maximum": np.maximum,
    }
    return reduce(joined[kind], inputs)


def combine_grad(inputs, which, dy, kind):
    inputs = [np.asarray(x, np.float64) for x in inputs]
    dy = np.asarray(dy, np.float64)
    if kind == "multiply":
        return dy * np.prod([x for k, x in enumerate(inputs) if k != which], axis=0)
    if kind == "maximum":  # argmax finds the first of the largest
        return np.where(np.argmax(inputs, axis=0) == which, dy, 0.0)
    factor = {"add": 1.0, "subtract": 1.0 - 2.0 * which, "average": 1.0 / len(inputs)}
    return dy * factor[kind]
