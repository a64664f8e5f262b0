"""Activations and their gradients on arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import _core
from fastnn._spec import check_float

__all__ = [
    "linear",
    "linear_grad",
    "relu",
    "relu_grad",
    "leaky_relu",
    "leaky_relu_grad",
    "elu",
    "elu_grad",
    "gelu",
    "gelu_grad",
    "sigmoid",
    "sigmoid_grad",
    "tanh",
    "tanh_grad",
    "softmax",
    "softmax_grad",
    "silu",
    "silu_grad",
    "softplus",
    "softplus_grad",
    "exp",
    "exp_grad",
]

Array = npt.NDArray[np.floating[Any]]

# Numbers of the kernels, as in csrc/include/fastnn/activation.h.
_LINEAR, _RELU, _LEAKY_RELU, _ELU, _GELU, _SIGMOID, _TANH, _SOFTMAX, _SILU = range(9)
_SOFTPLUS, _EXP = 9, 10


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
    return _core.activation("linear", _LINEAR, z, 0.0, out)


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
    return _core.activation_grad("linear_grad", _LINEAR, saved, dy, 0.0, out)


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
    return _core.activation("relu", _RELU, z, 0.0, out)


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
    return _core.activation_grad("relu_grad", _RELU, saved, dy, 0.0, out)


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
    return _core.activation("leaky_relu", _LEAKY_RELU, z, alpha, out)


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
    return _core.activation_grad("leaky_relu_grad", _LEAKY_RELU, saved, dy, alpha, out)


def elu(z: npt.ArrayLike, alpha: float = 1.0, *, out: Array | None = None) -> Array:
    """``z`` where z > 0, else ``alpha * (exp(z) - 1)``.

    Parameters
    ----------
    z : array_like, shape (rows, cols) or (cols,)
    alpha : float, default 1.0
        Scale below 0, finite and at least 0.
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
    Clevert, Unterthiner and Hochreiter (2015), Fast and accurate deep network learning by
    exponential linear units, arXiv:1511.07289.

    Examples
    --------
    >>> elu([-1.0, 2.0]).round(4)
    array([-0.6321,  2.    ])
    """
    alpha = check_float("elu", "alpha", alpha, at_least=0)
    return _core.activation("elu", _ELU, z, alpha, out)


def elu_grad(
    saved: npt.ArrayLike, dy: npt.ArrayLike, alpha: float = 1.0, *, out: Array | None = None
) -> Array:
    """``dy`` where the output is above 0, else ``dy * alpha * exp(z)``.

    Parameters
    ----------
    saved : array_like, shape (rows, cols) or (cols,)
        The output of `elu`.
    dy : array_like of the same shape
        Gradient by the output.
    alpha : float, default 1.0
        Scale below 0, finite and at least 0.
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
    >>> elu_grad(elu([-1.0, 2.0]), [1.0, 1.0]).round(4)
    array([0.3679, 1.    ])
    """
    alpha = check_float("elu_grad", "alpha", alpha, at_least=0)
    return _core.activation_grad("elu_grad", _ELU, saved, dy, alpha, out)


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
    return _core.activation("gelu", _GELU, z, 0.0, out)


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
    return _core.activation_grad("gelu_grad", _GELU, saved, dy, 0.0, out)


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
    return _core.activation("sigmoid", _SIGMOID, z, 0.0, out)


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
    return _core.activation_grad("sigmoid_grad", _SIGMOID, saved, dy, 0.0, out)


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
    return _core.activation("tanh", _TANH, z, 0.0, out)


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
    return _core.activation_grad("tanh_grad", _TANH, saved, dy, 0.0, out)


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
    return _core.activation("softmax", _SOFTMAX, z, 0.0, out)


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
    return _core.activation_grad("softmax_grad", _SOFTMAX, saved, dy, 0.0, out)


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
    return _core.activation("silu", _SILU, z, 0.0, out)


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
    return _core.activation_grad("silu_grad", _SILU, saved, dy, 0.0, out)


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
    return _core.activation("softplus", _SOFTPLUS, z, 0.0, out)


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
    return _core.activation_grad("softplus_grad", _SOFTPLUS, saved, dy, 0.0, out)


def exp(z: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``exp(z)``, within an ulp.

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
    >>> exp([-1.0, 2.0]).round(4)
    array([0.3679, 7.3891])
    """
    return _core.activation("exp", _EXP, z, 0.0, out)


def exp_grad(saved: npt.ArrayLike, dy: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``dy * exp(z)``.

    Parameters
    ----------
    saved : array_like, shape (rows, cols) or (cols,)
        The output of `exp`.
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
    >>> exp_grad(exp([-1.0, 2.0]), [1.0, 1.0]).round(4)
    array([0.3679, 7.3891])
    """
    return _core.activation_grad("exp_grad", _EXP, saved, dy, 0.0, out)
