"""A table as a matrix for linear models: scaled numbers, one column for each common category."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn.tabular.arrow import category_type, kind_of, to_codes, to_numbers

__all__ = ["design"]

Reals = npt.NDArray[np.float64]

MOST_VALUES = 50  # of a column of categories; the others share none


def design(train: Any, test: Any, names: Sequence[str]) -> tuple[Reals, Reals]:
    """Return matrices for two tables, scaled and encoded by the first of them.

    A missing number becomes the mean, and there is one more column that says so.

    Parameters
    ----------
    train, test : pyarrow.Table
    names : sequence of str
        The columns to use; one that is neither number, boolean, date, time nor category is not.

    Returns
    -------
    float64 arrays, shapes (rows of train, k) and (rows of test, k)
    """
    parts: list[tuple[Reals, Reals]] = []
    for name in names:
        arrays = [table.column(name).combine_chunks() for table in (train, test)]
        kind = kind_of(arrays[0].type)
        if kind == "category":
            parts.append(_categories(arrays))
        elif kind not in ("empty", "other"):
            parts.append(_numbers(arrays, kind))
    if not parts:
        raise ValueError("no column is left that a linear model can use")
    return np.hstack([a for a, _ in parts]), np.hstack([b for _, b in parts])


def _numbers(arrays: Sequence[Any], kind: str) -> tuple[Reals, Reals]:
    found = [np.array(to_numbers(array, kind), np.float64) for array in arrays]
    missing = [np.isnan(one) for one in found]
    known = found[0][~missing[0]]
    mean, deviation = (known.mean(), known.std()) if len(known) else (0.0, 1.0)
    scaled = [
        np.where(m, 0.0, (x - mean) / (deviation or 1.0))
        for x, m in zip(found, missing, strict=True)
    ]
    if not missing[0].any():
        return scaled[0][:, None], scaled[1][:, None]
    both = [np.column_stack([x, m]) for x, m in zip(scaled, missing, strict=True)]
    return both[0], both[1]


def _categories(arrays: Sequence[Any]) -> tuple[Reals, Reals]:
    kind = category_type(arrays[0].type)
    (values, codes), (others, other_codes) = (to_codes(array, kind) for array in arrays)
    counts = np.bincount(codes[codes >= 0], minlength=len(values))
    common = [values[i] for i in np.argsort(-counts, kind="stable")[:MOST_VALUES]]
    place = {value: i for i, value in enumerate(common)}

    def columns(values: Sequence[Any], codes: npt.NDArray[np.int64]) -> Reals:
        table = np.array([place.get(value, -1) for value in values] + [-1])  # the last: missing
        found: Reals = (table[codes][:, None] == np.arange(len(common))).astype(np.float64)
        return found

    return columns(values, codes), columns(others, other_codes)
