"""Means and variances of the columns of data that comes in one piece or in batches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import data
from fastnn._core import ColumnMoments
from fastnn.forms import first_of, is_stream

__all__ = ["column_moments"]


def column_moments(
    x: npt.ArrayLike | Iterable[Any], where: str
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return mean and (biased) variance of each column, in one pass.

    Parameters
    ----------
    x : array_like, shape (n, columns) or (n,), or an iterable of batches
        A batch may be a tuple that begins with the rows.
    where : str
        Who asks; begins the message of an error.

    Raises
    ------
    TypeError, ValueError
        If there are no rows, they hold NaN or Inf, or widths differ.

    Examples
    --------
    >>> column_moments([[1.0, 5.0], [3.0, 5.0]], "me")
    (array([2., 5.]), array([1., 0.]))
    """
    batches: Iterable[Any] = x if is_stream(x) else [x]
    sums: ColumnMoments | None = None
    cols = 0
    for number, batch in enumerate(batches):
        rows = data.as_array(first_of(batch, number), where=where, name="x")
        rows = rows.reshape(len(rows), -1)
        if sums is None:
            cols = rows.shape[1]
            sums = ColumnMoments(cols)
        if rows.shape[1] != cols:
            raise ValueError(f"{where}: batch {number} has {rows.shape[1]} columns, want {cols}")
        data.check_finite(rows, where=where, name="x", dtype="float64")
        sums.update(rows)
    if sums is None or not sums.count().any():
        raise ValueError(f"{where}: x has no rows")
    return sums.mean(), sums.variance()
