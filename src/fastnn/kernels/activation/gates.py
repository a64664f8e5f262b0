"""Activations on arrays that gate their own input: it times a curve from 0 to 1."""

from __future__ import annotations

import numpy.typing as npt

from fastnn import _core
from fastnn.kernels.activation.common import GELU, GELU_TANH, HARD_SILU, MISH, SILU, Array


def gelu(z: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``z * Phi(z)`` with the normal distribution function Phi: the exact form, not tanh's.

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
    Hendrycks and Gimpel (2016), Gaussian error linear units, arXiv:1606.08415.

    Examples
    --------
    >>> gelu([-1.0, 2.0]).round(4)
    array([-0.1587,  1.9545])
    """
    return _core.activation("gelu", GELU, z, 0.0, out)


def gelu_grad(saved: npt.ArrayLike, dy: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``dy * (Phi(z) + z * phi(z))`` with the normal density phi.

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
    >>> gelu_grad([-1.0, 2.0], [1.0, 1.0]).round(4)
    array([-0.0833,  1.0852])
    """
    return _core.activation_grad("gelu_grad", GELU, saved, dy, 0.0, out)


def gelu_tanh(z: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """The form of `gelu` with tanh, off by up to 5e-4.

    ``z / 2 * (1 + tanh(sqrt(2 / pi) * (z + 0.044715 * z**3)))``

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
    Hendrycks and Gimpel (2016), Gaussian error linear units, arXiv:1606.08415.

    Examples
    --------
    >>> gelu_tanh([-1.0, 2.0]).round(4)
    array([-0.1588,  1.9546])
    """
    return _core.activation("gelu_tanh", GELU_TANH, z, 0.0, out)


def gelu_tanh_grad(saved: npt.ArrayLike, dy: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``dy`` times the derivative of `gelu_tanh`.

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
    >>> gelu_tanh_grad([-1.0, 2.0], [1.0, 1.0]).round(4)
    array([-0.083 ,  1.0861])
    """
    return _core.activation_grad("gelu_tanh_grad", GELU_TANH, saved, dy, 0.0, out)


def silu(z: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``z * sigmoid(z)``, also known as swish.

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
    Elfwing, Uchibe and Doya (2017), Sigmoid-weighted linear units for neural network function
    approximation in reinforcement learning, arXiv:1702.03118.

    Examples
    --------
    >>> silu([-1.0, 2.0]).round(4)
    array([-0.2689,  1.7616])
    """
    return _core.activation("silu", SILU, z, 0.0, out)


def silu_grad(saved: npt.ArrayLike, dy: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``dy * s * (1 + z * (1 - s))`` with s = sigmoid(z).

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
    >>> silu_grad([-1.0, 2.0], [1.0, 1.0]).round(4)
    array([0.0723, 1.0908])
    """
    return _core.activation_grad("silu_grad", SILU, saved, dy, 0.0, out)


def mish(z: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``z * tanh(log(1 + exp(z)))``.

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
    Misra (2019), Mish: a self regularized non-monotonic activation function, arXiv:1908.08681.

    Examples
    --------
    >>> mish([-1.0, 2.0]).round(4)
    array([-0.3034,  1.944 ])
    """
    return _core.activation("mish", MISH, z, 0.0, out)


def mish_grad(saved: npt.ArrayLike, dy: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``dy * (t + z * (1 - t**2) * sigmoid(z))`` with t = tanh(softplus(z)).

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
    >>> mish_grad([-1.0, 2.0], [1.0, 1.0]).round(4)
    array([0.0592, 1.0693])
    """
    return _core.activation_grad("mish_grad", MISH, saved, dy, 0.0, out)


def hard_silu(z: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``z * relu6(z + 3) / 6``, also known as hard swish.

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
    Howard et al. (2019), Searching for MobileNetV3, arXiv:1905.02244.

    Examples
    --------
    >>> hard_silu([-1.0, 2.0]).round(4)
    array([-0.3333,  1.6667])
    """
    return _core.activation("hard_silu", HARD_SILU, z, 0.0, out)


def hard_silu_grad(saved: npt.ArrayLike, dy: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``dy * (z / 3 + 1 / 2)`` between -3 and 3, 0 from -3 down and ``dy`` from 3 up.

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
    >>> hard_silu_grad([-1.0, 2.0], [1.0, 1.0]).round(4)
    array([0.1667, 1.1667])
    """
    return _core.activation_grad("hard_silu_grad", HARD_SILU, saved, dy, 0.0, out)
