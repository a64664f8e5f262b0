"""Normalization of rows and of columns, and their gradients, on arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import _core
from fastnn._spec import check_float, check_int

__all__ = [
    "layer_norm",
    "layer_norm_grad",
    "layer_norm_param_grad",
    "layer_norm_backward",
    "column_moments",
    "batch_norm",
    "batch_norm_sums",
    "batch_norm_grad",
]

Array = npt.NDArray[np.floating[Any]]


def layer_norm(
    x: npt.ArrayLike,
    gamma: npt.ArrayLike | None = None,
    beta: npt.ArrayLike | None = None,
    *,
    epsilon: float = 1e-3,
    rms: bool = False,
    stats: Array | None = None,
    out: Array | None = None,
) -> tuple[Array, Array]:
    """Each row less its mean, over its standard deviation; scaled and moved by column.

    ``(x - mean) * r * gamma + beta`` with ``r = 1 / sqrt(variance + epsilon)``; with `rms`
    ``x * r * gamma + beta`` with ``r = 1 / sqrt(mean(x**2) + epsilon)``.

    Parameters
    ----------
    x : array_like, shape (rows, cols)
    gamma, beta : array_like, shape (cols,), optional
        Scale and offset; None is ones and zeros.
    epsilon : float, default 1e-3
        At least 0.
    rms : bool
        Divide by the root mean square instead.
    stats : ndarray, shape (rows, 2), optional
        Overwritten with the mean (0 with `rms`) and r of each row.
    out : ndarray, shape (rows, cols), optional
        May be `x` itself.

    Returns
    -------
    out : ndarray, shape (rows, cols)
    stats : ndarray, shape (rows, 2)

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit, or `epsilon` is negative.

    References
    ----------
    Ba, Kiros and Hinton (2016), Layer normalization, arXiv:1607.06450; Zhang and Sennrich (2019),
    Root mean square layer normalization, arXiv:1910.07467.

    Examples
    --------
    >>> y, stats = layer_norm([[1.0, 3.0]], epsilon=0.0)
    >>> y
    array([[-1.,  1.]])
    >>> stats
    array([[2., 1.]])
    """
    where = "layer_norm"
    epsilon = check_float(where, "epsilon", epsilon, at_least=0)
    return _core.layer_norm(where, x, gamma, beta, epsilon, rms, stats, out)


def layer_norm_grad(
    x: npt.ArrayLike,
    gamma: npt.ArrayLike | None,
    stats: npt.ArrayLike,
    dy: npt.ArrayLike,
    *,
    rms: bool = False,
    out: Array | None = None,
) -> Array:
    """Gradient of `layer_norm` by `x`.

    Parameters
    ----------
    x : array_like, shape (rows, cols)
    gamma : array_like, shape (cols,), or None
    stats : array_like, shape (rows, 2)
        What `layer_norm` returned.
    dy : array_like, shape (rows, cols)
        Gradient by the output.
    rms : bool
        As for `layer_norm`.
    out : ndarray, shape (rows, cols), optional

    Returns
    -------
    ndarray, shape (rows, cols)

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> x = np.array([[1.0, 3.0]])
    >>> y, stats = layer_norm(x, epsilon=0.0, rms=True)
    >>> layer_norm_grad(x, None, stats, [[1.0, 0.0]], rms=True).round(4)
    array([[ 0.4025, -0.1342]])
    """
    return _core.layer_norm_grad("layer_norm_grad", x, gamma, stats, dy, rms, out)


def layer_norm_param_grad(
    x: npt.ArrayLike,
    stats: npt.ArrayLike,
    dy: npt.ArrayLike,
    *,
    rms: bool = False,
    accumulate: bool = False,
    dgamma: Array | None = None,
    dbeta: Array | None = None,
) -> tuple[Array, Array]:
    """Gradients of `layer_norm` by `gamma` and `beta`.

    Parameters
    ----------
    x : array_like, shape (rows, cols)
    stats : array_like, shape (rows, 2)
        What `layer_norm` returned.
    dy : array_like, shape (rows, cols)
        Gradient by the output.
    rms : bool
        As for `layer_norm`.
    accumulate : bool
        Add to `dgamma` and `dbeta`, which must be given.
    dgamma, dbeta : ndarray, shape (cols,), optional
        Overwritten and returned.

    Returns
    -------
    dgamma, dbeta : ndarray, shape (cols,)

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> x = np.array([[1.0, 3.0]])
    >>> y, stats = layer_norm(x, epsilon=0.0)
    >>> layer_norm_param_grad(x, stats, [[5.0, 7.0]])
    (array([-5.,  7.]), array([5., 7.]))
    """
    where = "layer_norm_param_grad"
    return _core.layer_norm_param_grad(where, x, stats, dy, rms, accumulate, dgamma, dbeta)


def layer_norm_backward(
    x: npt.ArrayLike,
    gamma: npt.ArrayLike | None,
    stats: npt.ArrayLike,
    dy: npt.ArrayLike,
    *,
    rms: bool = False,
    accumulate: bool = False,
    out: Array | None = None,
    dgamma: Array | None = None,
    dbeta: Array | None = None,
) -> tuple[Array, Array, Array]:
    """`layer_norm_grad` and `layer_norm_param_grad` at once, with the same bits.

    Parameters
    ----------
    x : array_like, shape (rows, cols)
    gamma : array_like, shape (cols,), or None
    stats : array_like, shape (rows, 2)
        What `layer_norm` returned.
    dy : array_like, shape (rows, cols)
        Gradient by the output.
    rms : bool
        As for `layer_norm`.
    accumulate : bool
        Add to `dgamma` and `dbeta`, which must be given.
    out : ndarray, shape (rows, cols), optional
    dgamma, dbeta : ndarray, shape (cols,), optional
        Overwritten and returned.

    Returns
    -------
    out : ndarray, shape (rows, cols)
        Gradient by `x`.
    dgamma, dbeta : ndarray, shape (cols,)

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> x = np.array([[1.0, 3.0]])
    >>> y, stats = layer_norm(x, epsilon=0.0)
    >>> layer_norm_backward(x, None, stats, [[5.0, 7.0]])
    (array([[0., 0.]]), array([-5.,  7.]), array([5., 7.]))
    """
    where = "layer_norm_backward"
    return _core.layer_norm_backward(
        where, x, gamma, stats, dy, rms, accumulate, out, dgamma, dbeta
    )


def column_moments(x: npt.ArrayLike) -> tuple[Array, Array]:
    """Mean and variance of each column.

    Two passes: the mean as distances from the first row, then the squared distances from the mean,
    divided by the number of rows.  A constant column has variance 0 exactly.

    Parameters
    ----------
    x : array_like, shape (rows, cols)
        One row at least.

    Returns
    -------
    mean, variance : ndarray, shape (cols,)

    Raises
    ------
    ValueError, TypeError
        If there are no rows or the dtype does not fit.

    Examples
    --------
    >>> column_moments([[1.0, 5.0], [3.0, 5.0]])
    (array([2., 5.]), array([1., 0.]))
    """
    return _core.column_moments("column_moments", x)


def batch_norm(
    x: npt.ArrayLike,
    mean: npt.ArrayLike,
    variance: npt.ArrayLike,
    gamma: npt.ArrayLike | None = None,
    beta: npt.ArrayLike | None = None,
    *,
    epsilon: float = 1e-3,
    out: Array | None = None,
) -> Array:
    """Each column less a mean, over a standard deviation, scaled and moved.

    ``(x - mean) * r * gamma + beta`` with ``r = 1 / sqrt(variance + epsilon)``.

    Parameters
    ----------
    x : array_like, shape (rows, cols)
    mean, variance : array_like, shape (cols,)
        Those of the batch (`column_moments`) or moving ones.
    gamma, beta : array_like, shape (cols,), optional
        Scale and offset; None is ones and zeros.
    epsilon : float, default 1e-3
        At least 0.
    out : ndarray, shape (rows, cols), optional
        May be `x` itself.

    Returns
    -------
    ndarray, shape (rows, cols)

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit, or `epsilon` is negative.

    References
    ----------
    Ioffe and Szegedy (2015), Batch normalization, arXiv:1502.03167.

    Examples
    --------
    >>> batch_norm([[1.0], [3.0]], [2.0], [1.0], epsilon=0.0)
    array([[-1.],
           [ 1.]])
    """
    where = "batch_norm"
    epsilon = check_float(where, "epsilon", epsilon, at_least=0)
    return _core.batch_norm(where, x, mean, variance, gamma, beta, epsilon, out)


def batch_norm_sums(
    x: npt.ArrayLike,
    mean: npt.ArrayLike,
    variance: npt.ArrayLike,
    dy: npt.ArrayLike,
    *,
    epsilon: float = 1e-3,
) -> tuple[Array, Array]:
    """Sums over a batch that the gradient of `batch_norm` needs.

    They are the gradients by `beta` and by `gamma`, too.

    Parameters
    ----------
    x : array_like, shape (rows, cols)
    mean, variance : array_like, shape (cols,)
    dy : array_like, shape (rows, cols)
        Gradient by the output.
    epsilon : float, default 1e-3

    Returns
    -------
    sum_dy : ndarray, shape (cols,)
        Column sums of `dy`.
    sum_dy_xhat : ndarray, shape (cols,)
        Column sums of `dy` times the normalized `x`.

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit, or `epsilon` is negative.

    Examples
    --------
    >>> batch_norm_sums([[1.0], [3.0]], [2.0], [1.0], [[5.0], [7.0]], epsilon=0.0)
    (array([12.]), array([2.]))
    """
    where = "batch_norm_sums"
    epsilon = check_float(where, "epsilon", epsilon, at_least=0)
    return _core.batch_norm_sums(where, x, mean, variance, dy, epsilon)


def batch_norm_grad(
    x: npt.ArrayLike,
    mean: npt.ArrayLike,
    variance: npt.ArrayLike,
    gamma: npt.ArrayLike | None,
    sum_dy: npt.ArrayLike,
    sum_dy_xhat: npt.ArrayLike,
    dy: npt.ArrayLike,
    *,
    batch_rows: int | None = None,
    epsilon: float = 1e-3,
    out: Array | None = None,
) -> Array:
    """Gradient of `batch_norm` by `x`, where mean and variance are those of the batch.

    Parameters
    ----------
    x : array_like, shape (rows, cols)
        The batch, or some of its rows.
    mean, variance : array_like, shape (cols,)
        Moments of the batch.
    gamma : array_like, shape (cols,), or None
    sum_dy, sum_dy_xhat : array_like, shape (cols,)
        What `batch_norm_sums` returned for the batch.
    dy : array_like, shape (rows, cols)
        Gradient by the output.
    batch_rows : int, optional
        Rows of the batch; None is those of `x`.
    epsilon : float, default 1e-3
    out : ndarray, shape (rows, cols), optional
        May be `dy` itself.

    Returns
    -------
    ndarray, shape (rows, cols)

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit, or a number is out of range.

    Examples
    --------
    >>> x, dy = np.array([[1.0], [2.0], [6.0]]), np.array([[1.0], [0.0], [0.0]])
    >>> mean, variance = column_moments(x)
    >>> sums = batch_norm_sums(x, mean, variance, dy)
    >>> batch_norm_grad(x, mean, variance, None, *sums, dy).round(4)
    array([[ 0.1764],
           [-0.2204],
           [ 0.044 ]])
    """
    where = "batch_norm_grad"
    epsilon = check_float(where, "epsilon", epsilon, at_least=0)
    if batch_rows is not None:
        batch_rows = check_int(where, "batch_rows", batch_rows)
    return _core.batch_norm_grad(
        where, x, mean, variance, gamma, sum_dy, sum_dy_xhat, dy, batch_rows, epsilon, out
    )
