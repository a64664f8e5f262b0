"""Rows of a table by number, on arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import _core

__all__ = [
    "embedding",
    "embedding_grad",
]

Array = npt.NDArray[np.floating[Any]]


def embedding(index: npt.ArrayLike, table: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``table[index]``: rows of a table, for one column of indices or several.

    Parameters
    ----------
    index : array_like, shape (rows,) or (rows, columns)
        Whole numbers from 0 to ``vocabulary - 1``, of any integer or float dtype.
    table : array_like, shape (vocabulary, dim)
        At most 2**24 rows in float32.
    out : ndarray, shape (rows, dim) or (rows, columns, dim), optional

    Returns
    -------
    ndarray, shape (rows, dim) or (rows, columns, dim)

    Raises
    ------
    ValueError
        If an index is out of range or no whole number, or shapes do not fit.
    TypeError
        If a dtype does not fit.

    Examples
    --------
    >>> embedding([2, 0], [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    array([[5., 6.],
           [1., 2.]])
    """
    return _core.embedding("embedding", index, table, out)


def embedding_grad(index: npt.ArrayLike, dy: npt.ArrayLike, dtable: Array) -> Array:
    """Gradient of `embedding` by `table`, added to `dtable` in the order of the rows.

    Parameters
    ----------
    index : array_like, shape (rows,) or (rows, columns)
        As for `embedding`.
    dy : array_like, shape (rows, dim) or (rows, columns, dim)
        Gradient by the output.
    dtable : ndarray, shape (vocabulary, dim), C order
        Added to and returned.

    Returns
    -------
    ndarray, shape (vocabulary, dim)

    Raises
    ------
    ValueError
        If an index is out of range or no whole number, or shapes do not fit.
    TypeError
        If a dtype does not fit.

    Examples
    --------
    >>> embedding_grad([2, 2], [[1.0], [10.0]], np.zeros((3, 1)))
    array([[ 0.],
           [ 0.],
           [11.]])
    """
    return _core.embedding_grad("embedding_grad", index, dy, dtable)
