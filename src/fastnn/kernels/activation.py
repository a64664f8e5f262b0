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
    "relu6",
    "relu6_grad",
    "hard_sigmoid",
    "hard_sigmoid_grad",
    "hard_tanh",
    "hard_tanh_grad",
    "hard_silu",
    "hard_silu_grad",
    "selu",
    "selu_grad",
    "celu",
    "celu_grad",
    "gelu_tanh",
    "gelu_tanh_grad",
    "mish",
    "mish_grad",
    "softsign",
    "softsign_grad",
    "squareplus",
    "squareplus_grad",
    "log_sigmoid",
    "log_sigmoid_grad",
    "log_softmax",
    "log_softmax_grad",
    "tanh_shrink",
    "tanh_shrink_grad",
    "soft_shrink",
    "soft_shrink_grad",
    "hard_shrink",
    "hard_shrink_grad",
    "sparsemax",
    "sparsemax_grad",
]

Array = npt.NDArray[np.floating[Any]]

# Numbers of the kernels, as in csrc/include/fastnn/activation.h.
_LINEAR, _RELU, _LEAKY_RELU, _ELU, _GELU, _SIGMOID, _TANH, _SOFTMAX, _SILU = range(9)
_SOFTPLUS, _EXP, _RELU6, _HARD_SIGMOID, _HARD_TANH, _HARD_SILU, _SELU, _CELU = range(9, 17)
_GELU_TANH, _MISH, _SOFTSIGN, _SQUAREPLUS, _LOG_SIGMOID, _LOG_SOFTMAX = range(17, 23)
_TANH_SHRINK, _SOFT_SHRINK, _HARD_SHRINK, _SPARSEMAX = range(23, 27)

# Less would be 0 in float32, or its inverse infinite.
_LEAST = 1e-30


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
    return _core.activation("relu6", _RELU6, z, 0.0, out)


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
    return _core.activation_grad("relu6_grad", _RELU6, saved, dy, 0.0, out)


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
    return _core.activation("hard_sigmoid", _HARD_SIGMOID, z, 0.0, out)


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
    return _core.activation_grad("hard_sigmoid_grad", _HARD_SIGMOID, saved, dy, 0.0, out)


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
    return _core.activation("hard_tanh", _HARD_TANH, z, 0.0, out)


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
    return _core.activation_grad("hard_tanh_grad", _HARD_TANH, saved, dy, 0.0, out)


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
    return _core.activation("hard_silu", _HARD_SILU, z, 0.0, out)


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
    return _core.activation_grad("hard_silu_grad", _HARD_SILU, saved, dy, 0.0, out)


def selu(z: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``scale * z`` where z > 0, else ``scale * alpha * (exp(z) - 1)``.

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
    Klambauer, Unterthiner, Mayr and Hochreiter (2017), Self-normalizing neural networks,
    arXiv:1706.02515: scale = 1.0507009873554805, alpha = 1.6732632423543772.

    Examples
    --------
    >>> selu([-1.0, 2.0]).round(4)
    array([-1.1113,  2.1014])
    """
    return _core.activation("selu", _SELU, z, 0.0, out)


def selu_grad(saved: npt.ArrayLike, dy: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``dy * scale`` where the output is above 0, else ``dy * scale * alpha * exp(z)``.

    Parameters
    ----------
    saved : array_like, shape (rows, cols) or (cols,)
        The output of `selu`.
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
    >>> selu_grad(selu([-1.0, 2.0]), [1.0, 1.0]).round(4)
    array([0.6468, 1.0507])
    """
    return _core.activation_grad("selu_grad", _SELU, saved, dy, 0.0, out)


def celu(z: npt.ArrayLike, alpha: float = 1.0, *, out: Array | None = None) -> Array:
    """``z`` where z > 0, else ``alpha * (exp(z / alpha) - 1)``.

    Parameters
    ----------
    z : array_like, shape (rows, cols) or (cols,)
    alpha : float, default 1.0
        Scale below 0, finite and at least 1e-30.
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
    Barron (2017), Continuously differentiable exponential linear units, arXiv:1704.07483.

    Examples
    --------
    >>> celu([-1.0, 2.0]).round(4)
    array([-0.6321,  2.    ])
    """
    alpha = check_float("celu", "alpha", alpha, at_least=_LEAST)
    return _core.activation("celu", _CELU, z, alpha, out)


def celu_grad(
    saved: npt.ArrayLike, dy: npt.ArrayLike, alpha: float = 1.0, *, out: Array | None = None
) -> Array:
    """``dy`` where the output is above 0, else ``dy * exp(z / alpha)``.

    Parameters
    ----------
    saved : array_like, shape (rows, cols) or (cols,)
        The output of `celu`.
    dy : array_like of the same shape
        Gradient by the output.
    alpha : float, default 1.0
        Scale below 0, finite and at least 1e-30.
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
    >>> celu_grad(celu([-1.0, 2.0]), [1.0, 1.0]).round(4)
    array([0.3679, 1.    ])
    """
    alpha = check_float("celu_grad", "alpha", alpha, at_least=_LEAST)
    return _core.activation_grad("celu_grad", _CELU, saved, dy, alpha, out)


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
    return _core.activation("gelu_tanh", _GELU_TANH, z, 0.0, out)


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
    return _core.activation_grad("gelu_tanh_grad", _GELU_TANH, saved, dy, 0.0, out)


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
    return _core.activation("mish", _MISH, z, 0.0, out)


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
    return _core.activation_grad("mish_grad", _MISH, saved, dy, 0.0, out)


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
    return _core.activation("softsign", _SOFTSIGN, z, 0.0, out)


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
    return _core.activation_grad("softsign_grad", _SOFTSIGN, saved, dy, 0.0, out)


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
    b = check_float("squareplus", "b", b, at_least=_LEAST)
    return _core.activation("squareplus", _SQUAREPLUS, z, b, out)


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
    b = check_float("squareplus_grad", "b", b, at_least=_LEAST)
    return _core.activation_grad("squareplus_grad", _SQUAREPLUS, saved, dy, b, out)


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
    return _core.activation("log_sigmoid", _LOG_SIGMOID, z, 0.0, out)


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
    return _core.activation_grad("log_sigmoid_grad", _LOG_SIGMOID, saved, dy, 0.0, out)


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
    return _core.activation("log_softmax", _LOG_SOFTMAX, z, 0.0, out)


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
    return _core.activation_grad("log_softmax_grad", _LOG_SOFTMAX, saved, dy, 0.0, out)


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
    return _core.activation("tanh_shrink", _TANH_SHRINK, z, 0.0, out)


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
    return _core.activation_grad("tanh_shrink_grad", _TANH_SHRINK, saved, dy, 0.0, out)


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
    return _core.activation("soft_shrink", _SOFT_SHRINK, z, threshold, out)


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
    return _core.activation_grad("soft_shrink_grad", _SOFT_SHRINK, saved, dy, threshold, out)


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
    return _core.activation("hard_shrink", _HARD_SHRINK, z, threshold, out)


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
    return _core.activation_grad("hard_shrink_grad", _HARD_SHRINK, saved, dy, threshold, out)


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
    return _core.activation("sparsemax", _SPARSEMAX, z, 0.0, out)


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
    return _core.activation_grad("sparsemax_grad", _SPARSEMAX, saved, dy, 0.0, out)
