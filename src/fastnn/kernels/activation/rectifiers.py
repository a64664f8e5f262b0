"""The identity and the rectifiers on arrays, sharp and smooth."""

from __future__ import annotations

import numpy.typing as npt

from fastnn import _core
from fastnn._spec import check_float
from fastnn.kernels.activation.common import (
    LEAKY_RELU,
    LEAST,
    LINEAR,
    RELU,
    RELU6,
    SOFTPLUS,
    SQUAREPLUS,
    Array,
)


def linear(z: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``z``: a copy.

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
    >>> linear([-1.0, 2.0])
    array([-1.,  2.])
    """
    return _core.activation("linear", LINEAR, z, 0.0, out)


def linear_grad(saved: npt.ArrayLike, dy: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``dy``: a copy.

    Parameters
    ----------
    saved : array_like, shape (rows, cols) or (cols,)
        The output of `linear`.
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
    >>> linear_grad(linear([-1.0, 2.0]), [1.0, 1.0])
    array([1., 1.])
    """
    return _core.activation_grad("linear_grad", LINEAR, saved, dy, 0.0, out)


def relu(z: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``max(0, z)``.

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
    >>> relu([-1.0, 2.0])
    array([0., 2.])
    """
    return _core.activation("relu", RELU, z, 0.0, out)


def relu_grad(saved: npt.ArrayLike, dy: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``dy`` where the output is above 0, else 0; the derivative at 0 is 0.

    Parameters
    ----------
    saved : array_like, shape (rows, cols) or (cols,)
        The output of `relu`.
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
    >>> relu_grad(relu([-1.0, 2.0]), [1.0, 1.0])
    array([0., 1.])
    """
    return _core.activation_grad("relu_grad", RELU, saved, dy, 0.0, out)


def leaky_relu(z: npt.ArrayLike, alpha: float = 0.01, *, out: Array | None = None) -> Array:
    """``z`` where z > 0, else ``alpha * z``.

    Parameters
    ----------
    z : array_like, shape (rows, cols) or (cols,)
    alpha : float, default 0.01
        Slope below 0, finite and at least 0.
    out : ndarray of the same shape, optional
        May be `z` itself.

    Returns
    -------
    ndarray of the shape of `z`

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit, or `alpha` is out of range.

    References
    ----------
    Maas, Hannun and Ng (2013), Rectifier nonlinearities improve neural network acoustic models.

    Examples
    --------
    >>> leaky_relu([-1.0, 2.0])
    array([-0.01,  2.  ])
    """
    alpha = check_float("leaky_relu", "alpha", alpha, at_least=0)
    return _core.activation("leaky_relu", LEAKY_RELU, z, alpha, out)


def leaky_relu_grad(
    saved: npt.ArrayLike, dy: npt.ArrayLike, alpha: float = 0.01, *, out: Array | None = None
) -> Array:
    """``dy`` where the output is above 0, else ``alpha * dy``.

    Parameters
    ----------
    saved : array_like, shape (rows, cols) or (cols,)
        The output of `leaky_relu`.
    dy : array_like of the same shape
        Gradient by the output.
    alpha : float, default 0.01
        Slope below 0, finite and at least 0.
    out : ndarray of the same shape, optional
        May be `dy` itself.

    Returns
    -------
    ndarray of the shape of `saved`
        Gradient by `z`.

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit, or `alpha` is out of range.

    Examples
    --------
    >>> leaky_relu_grad(leaky_relu([-1.0, 2.0]), [1.0, 1.0])
    array([0.01, 1.  ])
    """
    alpha = check_float("leaky_relu_grad", "alpha", alpha, at_least=0)
    return _core.activation_grad("leaky_relu_grad", LEAKY_RELU, saved, dy, alpha, out)


def relu6(z: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``min(6, max(0, z))``.

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
    Krizhevsky (2010), Convolutional deep belief networks on CIFAR-10.

    Examples
    --------
    >>> relu6([-1.0, 2.0])
    array([0., 2.])
    """
    return _core.activation("relu6", RELU6, z, 0.0, out)


def relu6_grad(saved: npt.ArrayLike, dy: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``dy`` where the output is between 0 and 6, else 0.

    Parameters
    ----------
    saved : array_like, shape (rows, cols) or (cols,)
        The output of `relu6`.
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
    >>> relu6_grad(relu6([-1.0, 2.0]), [1.0, 1.0])
    array([0., 1.])
    """
    return _core.activation_grad("relu6_grad", RELU6, saved, dy, 0.0, out)


def softplus(z: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``log(1 + exp(z))``.

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
    >>> softplus([-1.0, 2.0]).round(4)
    array([0.3133, 2.1269])
    """
    return _core.activation("softplus", SOFTPLUS, z, 0.0, out)


def softplus_grad(saved: npt.ArrayLike, dy: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``dy * sigmoid(z)``.

    Parameters
    ----------
    saved : array_like, shape (rows, cols) or (cols,)
        The output of `softplus`.
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
    >>> softplus_grad(softplus([-1.0, 2.0]), [1.0, 1.0]).round(4)
    array([0.2689, 0.8808])
    """
    return _core.activation_grad("softplus_grad", SOFTPLUS, saved, dy, 0.0, out)


def squareplus(z: npt.ArrayLike, b: float = 4.0, *, out: Array | None = None) -> Array:
    """``(z + sqrt(z**2 + b)) / 2``.

    Parameters
    ----------
    z : array_like, shape (rows, cols) or (cols,)
    b : float, default 4.0
        The value at 0 is ``sqrt(b) / 2``; finite and at least 1e-30.
    out : ndarray of the same shape, optional
        May be `z` itself.

    Returns
    -------
    ndarray of the shape of `z`

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit, or `b` is out of range.

    References
    ----------
    Barron (2021), Squareplus: a softplus-like algebraic rectifier, arXiv:2112.11687.

    Examples
    --------
    >>> squareplus([-1.0, 2.0]).round(4)
    array([0.618 , 2.4142])
    """
    b = check_float("squareplus", "b", b, at_least=LEAST)
    return _core.activation("squareplus", SQUAREPLUS, z, b, out)


def squareplus_grad(
    saved: npt.ArrayLike, dy: npt.ArrayLike, b: float = 4.0, *, out: Array | None = None
) -> Array:
    """``dy * y**2 / (y**2 + b / 4)`` with the output y.

    Parameters
    ----------
    saved : array_like, shape (rows, cols) or (cols,)
        The output of `squareplus`.
    dy : array_like of the same shape
        Gradient by the output.
    b : float, default 4.0
        The value at 0 is ``sqrt(b) / 2``; finite and at least 1e-30.
    out : ndarray of the same shape, optional
        May be `dy` itself.

    Returns
    -------
    ndarray of the shape of `saved`
        Gradient by `z`.

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit, or `b` is out of range.

    Examples
    --------
    >>> squareplus_grad(squareplus([-1.0, 2.0]), [1.0, 1.0]).round(4)
    array([0.2764, 0.8536])
    """
    b = check_float("squareplus_grad", "b", b, at_least=LEAST)
    return _core.activation_grad("squareplus_grad", SQUAREPLUS, saved, dy, b, out)
