"""Activations of whole rows: probabilities that add up to 1, or their logarithms."""

from __future__ import annotations

import numpy.typing as npt

from fastnn import _core
from fastnn.kernels.activation.common import LOG_SOFTMAX, SOFTMAX, SPARSEMAX, Array


def softmax(z: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``exp(z) / sum(exp(z))`` along each row.

    Parameters
    ----------
    z : array_like, shape (rows, cols) or (cols,)
    out : ndarray of the same shape, optional
        May be `z` itself.

    Returns
    -------
    ndarray of the shape of `z`

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> softmax([-1.0, 2.0]).round(4)
    array([0.0474, 0.9526])
    """
    return _core.activation("softmax", SOFTMAX, z, 0.0, out)


def softmax_grad(saved: npt.ArrayLike, dy: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``p * (dy - sum(p * dy))`` along each row, with the output p.

    Parameters
    ----------
    saved : array_like, shape (rows, cols) or (cols,)
        The output of `softmax`.
    dy : array_like of the same shape
        Gradient by the output.
    out : ndarray of the same shape, optional
        May be `dy` itself.

    Returns
    -------
    ndarray of the shape of `saved`
        Gradient by `z`.

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> softmax_grad(softmax([-1.0, 2.0]), [1.0, 0.0]).round(4)
    array([ 0.0452, -0.0452])
    """
    return _core.activation_grad("softmax_grad", SOFTMAX, saved, dy, 0.0, out)


def log_softmax(z: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``log(softmax(z))`` along each row.

    Parameters
    ----------
    z : array_like, shape (rows, cols) or (cols,)
    out : ndarray of the same shape, optional
        May be `z` itself.

    Returns
    -------
    ndarray of the shape of `z`

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> log_softmax([-1.0, 2.0]).round(4)
    array([-3.0486, -0.0486])
    """
    return _core.activation("log_softmax", LOG_SOFTMAX, z, 0.0, out)


def log_softmax_grad(saved: npt.ArrayLike, dy: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``dy - exp(y) * sum(dy)`` along each row, with the output y.

    Parameters
    ----------
    saved : array_like, shape (rows, cols) or (cols,)
        The output of `log_softmax`.
    dy : array_like of the same shape
        Gradient by the output.
    out : ndarray of the same shape, optional
        May be `dy` itself.

    Returns
    -------
    ndarray of the shape of `saved`
        Gradient by `z`.

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> log_softmax_grad(log_softmax([-1.0, 2.0]), [1.0, 0.0]).round(4)
    array([ 0.9526, -0.9526])
    """
    return _core.activation_grad("log_softmax_grad", LOG_SOFTMAX, saved, dy, 0.0, out)


def sparsemax(z: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """The point of the probability simplex nearest to each row.

    Parameters
    ----------
    z : array_like, shape (rows, cols) or (cols,)
    out : ndarray of the same shape, optional
        May be `z` itself.

    Returns
    -------
    ndarray of the shape of `z`

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit.

    References
    ----------
    Martins and Astudillo (2016), From softmax to sparsemax, arXiv:1602.02068.

    Examples
    --------
    >>> sparsemax([-1.0, 0.5, 1.0])
    array([0.  , 0.25, 0.75])
    """
    return _core.activation("sparsemax", SPARSEMAX, z, 0.0, out)


def sparsemax_grad(saved: npt.ArrayLike, dy: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``dy`` less its mean where the output is above 0, and 0 elsewhere, row by row.

    Parameters
    ----------
    saved : array_like, shape (rows, cols) or (cols,)
        The output of `sparsemax`.
    dy : array_like of the same shape
        Gradient by the output.
    out : ndarray of the same shape, optional
        May be `dy` itself.

    Returns
    -------
    ndarray of the shape of `saved`
        Gradient by `z`.

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> sparsemax_grad(sparsemax([-1.0, 0.5, 1.0]), [0.0, 0.0, 1.0])
    array([ 0. , -0.5,  0.5])
    """
    return _core.activation_grad("sparsemax_grad", SPARSEMAX, saved, dy, 0.0, out)
