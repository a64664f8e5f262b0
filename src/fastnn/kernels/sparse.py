"""A dense layer on scipy CSR matrices, which are never made dense."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import _core

__all__ = [
    "csr_dense",
    "csr_dense_grad",
]

Array = npt.NDArray[np.floating[Any]]


def csr_dense(
    x: Any,
    kernel: npt.ArrayLike,
    bias: npt.ArrayLike | None = None,
    *,
    rows: npt.ArrayLike | None = None,
    out: Array | None = None,
) -> Array:
    """``x[rows] @ kernel + bias`` for a sparse `x`.

    Parameters
    ----------
    x : scipy.sparse CSR matrix or array, shape (n, k)
        Of the kernel's dtype.  The columns of a row may lie in any order; one that comes twice
        counts twice.
    kernel : array_like, shape (k, cols)
    bias : array_like, shape (cols,), optional
    rows : array_like of integers, optional
        Rows of `x` that are taken, in this order; None is all of them.
    out : ndarray, shape (n or len(rows), cols), optional

    Returns
    -------
    ndarray, shape (n or len(rows), cols)

    Raises
    ------
    ValueError
        If shapes do not fit, or the matrix has indices out of bounds.
    TypeError
        If `x` is no CSR matrix, or a dtype does not fit.

    Examples
    --------
    >>> from scipy.sparse import csr_matrix
    >>> x = csr_matrix([[0.0, 2.0, 0.0], [1.0, 0.0, 0.0]])
    >>> csr_dense(x, np.array([[1.0], [10.0], [100.0]]), np.array([0.5]))
    array([[20.5],
           [ 1.5]])
    """
    return _core.csr_dense("csr_dense", x, kernel, bias, rows, out)


def csr_dense_grad(
    x: Any,
    dy: npt.ArrayLike,
    *,
    rows: npt.ArrayLike | None = None,
    accumulate: bool = False,
    out: Array | None = None,
) -> Array:
    """Gradient of `csr_dense` by `kernel`: ``x[rows].T @ dy``.

    Parameters
    ----------
    x : scipy.sparse CSR matrix or array, shape (n, k)
    dy : array_like, shape (n or len(rows), cols)
        Gradient by the output.
    rows : array_like of integers, optional
        As for `csr_dense`.
    accumulate : bool
        Add to `out`, which must be given.
    out : ndarray, shape (k, cols), optional

    Returns
    -------
    ndarray, shape (k, cols)

    Raises
    ------
    ValueError
        If shapes do not fit, or the matrix has indices out of bounds.
    TypeError
        If `x` is no CSR matrix, or a dtype does not fit.

    Examples
    --------
    >>> from scipy.sparse import csr_matrix
    >>> x = csr_matrix([[0.0, 2.0], [1.0, 3.0]])
    >>> csr_dense_grad(x, np.array([[1.0], [10.0]]))
    array([[10.],
           [32.]])
    """
    return _core.csr_dense_grad("csr_dense_grad", x, dy, rows, accumulate, out)
