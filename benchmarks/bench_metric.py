"""Metrics of whole arrays, beside scikit-learn's functions of the same names."""

from __future__ import annotations

import numpy as np
import pytest

from fastnn import metrics

sk = pytest.importorskip("sklearn.metrics")

ROWS = [1000, 100_000]
OF_NUMBERS = ("mean_absolute_error", "r2_score", "explained_variance_score")
OF_ANSWERS = ("roc_auc_score", "average_precision_score", "log_loss")
OF_LABELS = ("f1_score", "matthews_corrcoef", "balanced_accuracy_score")


def random_case(name, rows):
    rng = np.random.default_rng(rows)
    if name in OF_NUMBERS:
        y = rng.standard_normal(rows)
        return (y, y + rng.standard_normal(rows)), {}
    if name in OF_ANSWERS:
        return (rng.integers(0, 2, rows), rng.random(rows)), {}
    more = {"average": "macro"} if name == "f1_score" else {}
    return (rng.integers(0, 10, rows), rng.integers(0, 10, rows)), more


@pytest.mark.parametrize("by", ["fastnn", "scikit-learn"])
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("name", OF_NUMBERS + OF_ANSWERS + OF_LABELS)
def bench_metric(measure, name, rows, by):
    arrays, more = random_case(name, rows)
    ours, theirs = getattr(metrics, name), getattr(sk, name)
    function, other = (ours, theirs) if by == "fastnn" else (theirs, ours)
    got = measure(f"{name} {rows}", lambda: function(*arrays, **more), elements=rows)
    assert got == pytest.approx(other(*arrays, **more), rel=1e-10)
