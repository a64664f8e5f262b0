"""Activations on arrays that shrink their input towards 0."""

from __future__ import annotations

import numpy.typing as npt

from fastnn import _core
from fastnn._spec import check_float
from fastnn.kernels.activation.common import HARD_SHRINK, SOFT_SHRINK, TANH_SHRINK, Array


def tanh_shrink(z: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``z - tanh(z)``; no digits are lost near 0.

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
    >>> tanh_shrink([-1.0, 2.0]).round(4)
    array([-0.2384,  1.036 ])
    """
    return _core.activation("tanh_shrink", TANH_SHRINK, z, 0.0, out)


def tanh_shrink_grad(saved: npt.ArrayLike, dy: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``dy * tanh(z)**2``.

    Parameters
    ----------
    saved : array_like, shape (rows, cols) or (cols,)
        The input `z`.
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
    >>> tanh_shrink_grad([-1.0, 2.0], [1.0, 1.0]).round(4)
    array([0.58  , 0.9293])
    """
    return _core.activation_grad("tanh_shrink_grad", TANH_SHRINK, saved, dy, 0.0, out)


def soft_shrink(z: npt.ArrayLike, threshold: float = 0.5, *, out: Array | None = None) -> Array:
    """``z`` moved towards 0 by `threshold`; 0 where it is no further off than that.

    Parameters
    ----------
    z : array_like, shape (rows, cols) or (cols,)
    threshold : float, default 0.5
        Finite and at least 0.
    out : ndarray of the same shape, optional
        May be `z` itself.

    Returns
    -------
    ndarray of the shape of `z`

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit, or `threshold` is out of range.

    Examples
    --------
    >>> soft_shrink([-1.0, 2.0])
    array([-0.5,  1.5])
    """
    threshold = check_float("soft_shrink", "threshold", threshold, at_least=0)
    return _core.activation("soft_shrink", SOFT_SHRINK, z, threshold, out)


def soft_shrink_grad(
    saved: npt.ArrayLike, dy: npt.ArrayLike, threshold: float = 0.5, *, out: Array | None = None
) -> Array:
    """``dy`` where the output is not 0, else 0.

    Parameters
    ----------
    saved : array_like, shape (rows, cols) or (cols,)
        The output of `soft_shrink`.
    dy : array_like of the same shape
        Gradient by the output.
    threshold : float, default 0.5
        Finite and at least 0.
    out : ndarray of the same shape, optional
        May be `dy` itself.

    Returns
    -------
    ndarray of the shape of `saved`
        Gradient by `z`.

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit, or `threshold` is out of range.

    Examples
    --------
    >>> soft_shrink_grad(soft_shrink([-1.0, 2.0]), [1.0, 1.0])
    array([1., 1.])
    """
    threshold = check_float("soft_shrink_grad", "threshold", threshold, at_least=0)
    return _core.activation_grad("soft_shrink_grad", SOFT_SHRINK, saved, dy, threshold, out)


def hard_shrink(z: npt.ArrayLike, threshold: float = 0.5, *, out: Array | None = None) -> Array:
    """``z`` where ``abs(z) > threshold``, else 0.

    Parameters
    ----------
    z : array_like, shape (rows, cols) or (cols,)
    threshold : float, default 0.5
        Finite and at least 0.
    out : ndarray of the same shape, optional
        May be `z` itself.

    Returns
    -------
    ndarray of the shape of `z`

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit, or `threshold` is out of range.

    Examples
    --------
    >>> hard_shrink([-1.0, 2.0])
    array([-1.,  2.])
    """
    threshold = check_float("hard_shrink", "threshold", threshold, at_least=0)
    return _core.activation("hard_shrink", HARD_SHRINK, z, threshold, out)


def hard_shrink_grad(
    saved: npt.ArrayLike, dy: npt.ArrayLike, threshold: float = 0.5, *, out: Array | None = None
) -> Array:
    """``dy`` where the output is not 0, else 0.

    Parameters
    ----------
    saved : array_like, shape (rows, cols) or (cols,)
        The output of `hard_shrink`.
    dy : array_like of the same shape
        Gradient by the output.
    threshold : float, default 0.5
        Finite and at least 0.
    out : ndarray of the same shape, optional
        May be `dy` itself.

    Returns
    -------
    ndarray of the shape of `saved`
        Gradient by `z`.

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit, or `threshold` is out of range.

    Examples
    --------
    >>> hard_shrink_grad(hard_shrink([-1.0, 2.0]), [1.0, 1.0])
    array([1., 1.])
    """
    threshold = check_float("hard_shrink_grad", "threshold", threshold, at_least=0)
    return _core.activation_grad("hard_shrink_grad", HARD_SHRINK, saved, dy, threshold, out)
