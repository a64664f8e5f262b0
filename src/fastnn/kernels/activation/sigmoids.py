"""Sigmoids on arrays: S-shaped activations, smooth or of straight pieces."""

from __future__ import annotations

import numpy.typing as npt

from fastnn import _core
from fastnn.kernels.activation.common import (
    HARD_SIGMOID,
    HARD_TANH,
    LOG_SIGMOID,
    SIGMOID,
    SOFTSIGN,
    TANH,
    Array,
)


def sigmoid(z: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``1 / (1 + exp(-z))``.

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
    >>> sigmoid([-1.0, 2.0]).round(4)
    array([0.2689, 0.8808])
    """
    return _core.activation("sigmoid", SIGMOID, z, 0.0, out)


def sigmoid_grad(saved: npt.ArrayLike, dy: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``dy * s * (1 - s)`` with the output s.

    Parameters
    ----------
    saved : array_like, shape (rows, cols) or (cols,)
        The output of `sigmoid`.
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
    >>> sigmoid_grad(sigmoid([-1.0, 2.0]), [1.0, 1.0]).round(4)
    array([0.1966, 0.105 ])
    """
    return _core.activation_grad("sigmoid_grad", SIGMOID, saved, dy, 0.0, out)


def log_sigmoid(z: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``log(sigmoid(z))``.

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
    >>> log_sigmoid([-1.0, 2.0]).round(4)
    array([-1.3133, -0.1269])
    """
    return _core.activation("log_sigmoid", LOG_SIGMOID, z, 0.0, out)


def log_sigmoid_grad(saved: npt.ArrayLike, dy: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``dy * sigmoid(-z)``.

    Parameters
    ----------
    saved : array_like, shape (rows, cols) or (cols,)
        The output of `log_sigmoid`.
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
    >>> log_sigmoid_grad(log_sigmoid([-1.0, 2.0]), [1.0, 1.0]).round(4)
    array([0.7311, 0.1192])
    """
    return _core.activation_grad("log_sigmoid_grad", LOG_SIGMOID, saved, dy, 0.0, out)


def tanh(z: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """The hyperbolic tangent of `z`.

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
    >>> tanh([-1.0, 2.0]).round(4)
    array([-0.7616,  0.964 ])
    """
    return _core.activation("tanh", TANH, z, 0.0, out)


def tanh_grad(saved: npt.ArrayLike, dy: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``dy * (1 - t**2)`` with the output t.

    Parameters
    ----------
    saved : array_like, shape (rows, cols) or (cols,)
        The output of `tanh`.
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
    >>> tanh_grad(tanh([-1.0, 2.0]), [1.0, 1.0]).round(4)
    array([0.42  , 0.0707])
    """
    return _core.activation_grad("tanh_grad", TANH, saved, dy, 0.0, out)


def softsign(z: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``z / (1 + abs(z))``.

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
    Turian, Bergstra and Bengio (2009), Quadratic features and deep architectures for chunking.

    Examples
    --------
    >>> softsign([-1.0, 2.0]).round(4)
    array([-0.5   ,  0.6667])
    """
    return _core.activation("softsign", SOFTSIGN, z, 0.0, out)


def softsign_grad(saved: npt.ArrayLike, dy: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``dy / (1 + abs(z))**2``.

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
    >>> softsign_grad([-1.0, 2.0], [1.0, 1.0]).round(4)
    array([0.25  , 0.1111])
    """
    return _core.activation_grad("softsign_grad", SOFTSIGN, saved, dy, 0.0, out)


def hard_sigmoid(z: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``relu6(z + 3) / 6``.

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
    >>> hard_sigmoid([-1.0, 2.0]).round(4)
    array([0.3333, 0.8333])
    """
    return _core.activation("hard_sigmoid", HARD_SIGMOID, z, 0.0, out)


def hard_sigmoid_grad(
    saved: npt.ArrayLike, dy: npt.ArrayLike, *, out: Array | None = None
) -> Array:
    """``dy / 6`` where the output is between 0 and 1, else 0.

    Parameters
    ----------
    saved : array_like, shape (rows, cols) or (cols,)
        The output of `hard_sigmoid`.
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
    >>> hard_sigmoid_grad(hard_sigmoid([-1.0, 2.0]), [1.0, 1.0]).round(4)
    array([0.1667, 0.1667])
    """
    return _core.activation_grad("hard_sigmoid_grad", HARD_SIGMOID, saved, dy, 0.0, out)


def hard_tanh(z: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``z`` cut off at -1 and 1.

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
    >>> hard_tanh([-1.0, 2.0])
    array([-1.,  1.])
    """
    return _core.activation("hard_tanh", HARD_TANH, z, 0.0, out)


def hard_tanh_grad(saved: npt.ArrayLike, dy: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``dy`` where the output is between -1 and 1, else 0.

    Parameters
    ----------
    saved : array_like, shape (rows, cols) or (cols,)
        The output of `hard_tanh`.
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
    >>> hard_tanh_grad(hard_tanh([-1.0, 2.0]), [1.0, 1.0])
    array([0., 0.])
    """
    return _core.activation_grad("hard_tanh_grad", HARD_TANH, saved, dy, 0.0, out)
