"""Exact areas under the curves of a ranking, from all rows at once."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
import numpy.typing as npt

from fastnn.metrics._arrays import COLUMNS, Array, Pair, classes_of_rows

Reals = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def cumulated(positive: Bools, score: Array, weight: Array | None) -> tuple[Reals, Reals]:
    """Weight of positive and of negative rows at or above each score, from the highest down."""
    # Counts are exact in any order; sums of weights shall not depend on NumPy's choice among ties.
    order = np.argsort(score, kind="quicksort" if weight is None else "stable")[::-1]
    score, positive = score[order], positive[order]
    last = np.append(np.flatnonzero(score[1:] != score[:-1]), len(score) - 1)  # of equal scores
    if weight is None:
        yes = np.cumsum(positive, dtype=np.float64)[last]
        return yes, last + 1 - yes
    weight = weight[order].astype(np.float64)
    yes = np.cumsum(np.where(positive, weight, 0))[last]
    return yes, np.cumsum(np.where(positive, 0, weight))[last]


def roc_area(positive: Bools, score: Array, weight: Array | None) -> float:
    """The chance that a positive row scores above a negative one; ties count half."""
    yes, no = cumulated(positive, score, weight)
    if yes[-1] <= 0 or no[-1] <= 0:
        return float("nan")
    before = np.concatenate(([0.0], yes[:-1]))
    return float(np.sum(np.diff(no, prepend=0.0) * (yes + before)) / 2 / (yes[-1] * no[-1]))


def average_precision(positive: Bools, score: Array, weight: Array | None) -> float:
    """The precision at each score, weighted by the recall that it adds."""
    yes, no = cumulated(positive, score, weight)
    if yes[-1] <= 0:
        return 0.0
    both = yes + no
    precision = np.divide(yes, both, out=np.zeros_like(yes), where=both > 0)
    return float(np.sum(np.diff(yes, prepend=0.0) * precision) / yes[-1])


AREAS: dict[str, Callable[[Bools, Array, Array | None], float]] = {
    "ROC": roc_area,
    "PR": average_precision,
}


def area(curve: str, pair: Pair, weight: Array | None, average: str) -> float:
    """The area of one question, or the average over columns, or classes against the others."""
    find = AREAS[curve]
    if pair.targets == COLUMNS:
        positive, p = pair.y > 0.5, pair.p
    else:
        k = pair.p.shape[1]
        found = classes_of_rows(pair)
        two = k == 2  # one question: is it the second
        positive = found[:, None] == (np.ones(1) if two else np.arange(k))
        p = pair.p[:, 1:] if two else pair.p
    if p.shape[1] == 1:
        return find(positive[:, 0], p[:, 0], weight)
    if average == "micro":
        each = None if weight is None else np.repeat(weight, p.shape[1])
        return find(positive.ravel(), p.ravel(), each)
    areas = np.array([find(positive[:, j], p[:, j], weight) for j in range(p.shape[1])])
    if average == "macro":
        return float(areas.mean())
    ones = np.ones(len(p)) if weight is None else weight.astype(np.float64)
    support = ones @ positive
    if support.sum() == 0:
        return 0.0
    return float(np.average(np.where(support > 0, areas, 0.0), weights=support))


def area_of_pairs(pair: Pair, average: str) -> float:
    """The ROC area for each two classes among their rows alone, averaged."""
    found = classes_of_rows(pair)
    areas, shares = [], []
    for a, b in combinations(np.unique(found), 2):
        among = (found == a) | (found == b)
        of_a = roc_area(found[among] == a, pair.p[among, a], None)
        of_b = roc_area(found[among] == b, pair.p[among, b], None)
        areas.append((of_a + of_b) / 2)
        shares.append(among.mean())
    if not areas:
        return float("nan")
    return float(np.average(areas, weights=shares if average == "weighted" else None))
