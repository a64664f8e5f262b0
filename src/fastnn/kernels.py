"""The compiled kernels as functions on NumPy arrays.

The same code that trains and runs networks, for a person who builds something else from it.

Rules for all functions:

- Arrays are float32 or float64; all arrays of a call have one dtype, and the result has it too.
- Inputs are read only.  Any strides, byte order and alignment will do: what is not C-contiguous is
  copied first.  Lists of floats are float64 arrays; integers and masked arrays are refused.
- ``out=`` is written and returned; None makes a new array.  It must have the very dtype and shape,
  be C-contiguous, aligned and writable; it may overlap any input.
- Empty arrays work wherever the result is defined.  NaN in gives NaN out.
- Errors come before anything is written: `TypeError` for the wrong kind of argument, `ValueError`
  for shapes that do not fit and numbers out of range.

``dense_forward`` and ``dense_backward`` are composed of ``matmul``, ``column_sum`` and the
activations, so they have the same digits.  What each digit is worth stands in docs/numerics.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import _core, activations
from fastnn._spec import check_float, check_int

__all__ = [
    "matmul",
    "column_sum",
    "dense_forward",
    "dense_backward",
    # activations
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
    # losses
    "mean_squared_error",
    "mean_squared_error_grad",
    "mean_absolute_error",
    "mean_absolute_error_grad",
    "huber",
    "huber_grad",
    "binary_crossentropy",
    "binary_crossentropy_grad",
    "categorical_crossentropy",
    "categorical_crossentropy_grad",
    "sparse_categorical_crossentropy",
    "sparse_categorical_crossentropy_grad",
    # optimizers
    "sgd_step",
    "adam_step",
    "adamw_step",
]

Array = npt.NDArray[np.floating[Any]]

# Numbers of the kernels, as in csrc/include/fastnn/activation.h and loss.h.
_LINEAR, _RELU, _LEAKY_RELU, _ELU, _GELU, _SIGMOID, _TANH, _SOFTMAX, _SILU, _SOFTPLUS = range(10)
_MSE, _MAE, _HUBER, _BINARY, _CATEGORICAL, _SPARSE = range(6)


# ---- products -----------------------------------------------------------------------------------


def matmul(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    *,
    transpose_a: bool = False,
    transpose_b: bool = False,
    bias: npt.ArrayLike | None = None,
    relu: bool = False,
    accumulate: bool = False,
    out: Array | None = None,
) -> Array:
    """Matrix product ``a @ b + bias``, in the three forms that a dense layer needs.

    Row i of ``matmul(a, b)`` has the bits of ``matmul(a[i:i+1], b)``: the order of each sum depends
    on the shape of `b` alone.  The transposed forms sum a single row in an order of its own.

    Parameters
    ----------
    a : array_like, shape (m, k), or (k, m) with `transpose_a`
    b : array_like, shape (k, n), or (n, k) with `transpose_b`
    transpose_a, transpose_b : bool
        Take the transpose of one of the two, which is never formed.
    bias : array_like, shape (n,), optional
        Start of each row's sums.
    relu : bool
        Store ``max(0, .)`` of the result.
    accumulate : bool
        Add to `out`; excludes `bias`.
    out : ndarray, shape (m, n), optional

    Returns
    -------
    ndarray, shape (m, n)

    Raises
    ------
    ValueError
        If the shapes do not fit, both are transposed, or `accumulate` comes without `out` or with
        `bias`.
    TypeError
        If a dtype is not float32 or float64, or not that of `a`.

    Examples
    --------
    >>> a = np.array([[1.0, 2.0], [3.0, -4.0]])
    >>> matmul(a, a, bias=[10.0, 0.0], relu=True)
    array([[17.,  0.],
           [ 1., 22.]])
    >>> matmul(a, a, transpose_a=True)
    array([[ 10., -10.],
           [-10.,  20.]])
    """
    return _core.matmul("matmul", a, b, transpose_a, transpose_b, bias, relu, accumulate, out)


def column_sum(a: npt.ArrayLike, *, accumulate: bool = False, out: Array | None = None) -> Array:
    """Sum of the rows of `a`: the gradient of a bias.

    Parameters
    ----------
    a : array_like, shape (rows, cols)
    accumulate : bool
        Add to `out`, which must be given.
    out : ndarray, shape (cols,), optional

    Returns
    -------
    ndarray, shape (cols,)

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> column_sum([[1.0, 2.0], [3.0, 4.0]])
    array([4., 6.])
    """
    return _core.column_sum("column_sum", a, accumulate, out)


def _kind_and_alpha(
    where: str, activation: str | activations.Activation | None, alpha: float | None
) -> tuple[int, float]:
    spec = activations.get(activation, where)
    return spec.kind, spec.alpha if alpha is None else check_float(
        where, "alpha", alpha, at_least=0
    )


def dense_forward(
    x: npt.ArrayLike,
    kernel: npt.ArrayLike,
    bias: npt.ArrayLike | None = None,
    activation: str | activations.Activation | None = "linear",
    *,
    alpha: float | None = None,
    out: Array | None = None,
) -> Array:
    """A dense layer's output, ``activation(x @ kernel + bias)``.

    `dense_backward` takes this output as its `saved`.  Only for gelu and silu, whose derivative
    cannot be told from their output, does it take ``dense_forward(x, kernel, bias)`` instead, to
    which `gelu` or `silu` is then applied.

    Parameters
    ----------
    x : array_like, shape (rows, fan_in)
    kernel : array_like, shape (fan_in, units)
    bias : array_like, shape (units,), optional
    activation : str, Activation or None
        A name or spec of `fastnn.activations`; None is linear.
    alpha : float, optional
        Slope of leaky_relu, scale of elu, instead of the spec's; at least 0.
    out : ndarray, shape (rows, units), optional

    Returns
    -------
    ndarray, shape (rows, units)

    Raises
    ------
    ValueError
        If the shapes do not fit or the activation is unknown.
    TypeError
        If a dtype is not float32 or float64, or not that of `x`.

    Examples
    --------
    >>> x, kernel = np.array([[1.0, 2.0]]), np.array([[1.0, 0.0], [0.0, -1.0]])
    >>> dense_forward(x, kernel, np.array([0.5, 0.5]), "relu")
    array([[1.5, 0. ]])
    """
    where = "dense_forward"
    kind, scale = _kind_and_alpha(where, activation, alpha)
    names = ("x", "kernel")
    out = _core.matmul(where, x, kernel, False, False, bias, kind == _RELU, False, out, names)
    if kind in (_LINEAR, _RELU):
        return out
    return _core.activation(where, kind, out, scale, out)


def dense_backward(
    x: npt.ArrayLike,
    kernel: npt.ArrayLike,
    saved: npt.ArrayLike,
    dy: npt.ArrayLike,
    activation: str | activations.Activation | None = "linear",
    *,
    alpha: float | None = None,
) -> tuple[Array, Array, Array]:
    """Gradients of ``sum(dy * dense_forward(x, kernel, bias, activation))``.

    Parameters
    ----------
    x : array_like, shape (rows, fan_in)
    kernel : array_like, shape (fan_in, units)
    saved : array_like, shape (rows, units)
        What `dense_forward` returned; for gelu and silu, ``x @ kernel + bias``.
    dy : array_like, shape (rows, units)
        Gradient by the layer's output.
    activation, alpha
        As for `dense_forward`.

    Returns
    -------
    dx : ndarray, shape (rows, fan_in)
    dkernel : ndarray, shape (fan_in, units)
    dbias : ndarray, shape (units,)

    Raises
    ------
    ValueError
        If the shapes do not fit or the activation is unknown.
    TypeError
        If a dtype is not float32 or float64, or they are not all the same.

    Examples
    --------
    >>> x, kernel = np.array([[1.0, 2.0]]), np.array([[1.0, 0.0], [0.0, -1.0]])
    >>> y = dense_forward(x, kernel, None, "relu")
    >>> dx, dkernel, dbias = dense_backward(x, kernel, y, np.ones((1, 2)), "relu")
    >>> dx
    array([[1., 0.]])
    >>> dkernel
    array([[1., 0.],
           [2., 0.]])
    >>> dbias
    array([1., 0.])
    """
    where = "dense_backward"
    kind, scale = _kind_and_alpha(where, activation, alpha)
    dz = _core.activation_grad(where, kind, saved, dy, scale, None)
    dx = _core.matmul(where, dz, kernel, False, True, None, False, False, None, ("dy", "kernel"))
    dkernel = _core.matmul(where, x, dz, True, False, None, False, False, None, ("x", "dy"))
    return dx, dkernel, _core.column_sum(where, dz, False, None)


# ---- activations --------------------------------------------------------------------------------


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


# ---- losses -------------------------------------------------------------------------------------


def mean_squared_error(
    z: npt.ArrayLike, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
) -> float:
    """The mean over all outputs of ``(z - y)**2``, without a factor 1/2.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Outputs of the network.
    y : array_like, shape (rows, cols)
        Targets.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no rows, or the weights add up to 0.
    TypeError
        If a dtype does not fit.

    Examples
    --------
    >>> mean_squared_error([[1.0], [4.0]], [[1.0], [2.0]])
    2.0
    """
    return _core.loss("mean_squared_error", _MSE, z, y, sample_weight, 0.0, False, None)


def mean_squared_error_grad(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    out: Array | None = None,
) -> Array:
    """Gradient of `mean_squared_error` by `z`.

    ``2 * (z - y)``, weighted and averaged as the loss is.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Outputs of the network.
    y : array_like, shape (rows, cols)
        Targets.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.
    out : ndarray, shape (rows, cols), optional
        May be `z` itself.

    Returns
    -------
    ndarray, shape (rows, cols)

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no rows, or the weights add up to 0.
    TypeError
        If a dtype does not fit.

    Examples
    --------
    >>> mean_squared_error_grad([[1.0], [4.0]], [[1.0], [2.0]])
    array([[0.],
           [2.]])
    """
    return _core.loss("mean_squared_error_grad", _MSE, z, y, sample_weight, 0.0, True, out)


def mean_absolute_error(
    z: npt.ArrayLike, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
) -> float:
    """The mean over all outputs of ``|z - y|``.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Outputs of the network.
    y : array_like, shape (rows, cols)
        Targets.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no rows, or the weights add up to 0.
    TypeError
        If a dtype does not fit.

    Examples
    --------
    >>> mean_absolute_error([[1.0], [4.0]], [[1.0], [2.0]])
    1.0
    """
    return _core.loss("mean_absolute_error", _MAE, z, y, sample_weight, 0.0, False, None)


def mean_absolute_error_grad(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    out: Array | None = None,
) -> Array:
    """Gradient of `mean_absolute_error` by `z`.

    ``sign(z - y)``, 0 where they are equal, weighted and averaged as the loss is.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Outputs of the network.
    y : array_like, shape (rows, cols)
        Targets.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.
    out : ndarray, shape (rows, cols), optional
        May be `z` itself.

    Returns
    -------
    ndarray, shape (rows, cols)

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no rows, or the weights add up to 0.
    TypeError
        If a dtype does not fit.

    Examples
    --------
    >>> mean_absolute_error_grad([[1.0], [4.0]], [[1.0], [2.0]])
    array([[0. ],
           [0.5]])
    """
    return _core.loss("mean_absolute_error_grad", _MAE, z, y, sample_weight, 0.0, True, out)


def huber(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    delta: float = 1.0,
) -> float:
    """The Huber loss: a parabola near 0, a line beyond `delta`; the mean over all outputs.

    An output adds ``e**2 / 2`` where ``e = |z - y| <= delta``, else ``delta * (e - delta / 2)``.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Outputs of the network.
    y : array_like, shape (rows, cols)
        Targets.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.
    delta : float, default 1.0
        Where the parabola turns into a line; above 0.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no rows, the weights add up to 0, or `delta` is out of
        range.
    TypeError
        If a dtype does not fit.

    References
    ----------
    Huber (1964), Robust estimation of a location parameter, Annals of Mathematical Statistics 35.

    Examples
    --------
    >>> huber([[1.5], [4.0]], [[1.0], [2.0]])
    0.8125
    """
    delta = check_float("huber", "delta", delta, above=0)
    return _core.loss("huber", _HUBER, z, y, sample_weight, delta, False, None)


def huber_grad(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    delta: float = 1.0,
    out: Array | None = None,
) -> Array:
    """Gradient of `huber` by `z`.

    ``z - y``, cut off at ``-delta`` and ``delta``, weighted and averaged as the loss is.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Outputs of the network.
    y : array_like, shape (rows, cols)
        Targets.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.
    delta : float, default 1.0
        Where the parabola turns into a line; above 0.
    out : ndarray, shape (rows, cols), optional
        May be `z` itself.

    Returns
    -------
    ndarray, shape (rows, cols)

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no rows, the weights add up to 0, or `delta` is out of
        range.
    TypeError
        If a dtype does not fit.

    Examples
    --------
    >>> huber_grad([[1.5], [4.0]], [[1.0], [2.0]])
    array([[0.25],
           [0.5 ]])
    """
    delta = check_float("huber_grad", "delta", delta, above=0)
    return _core.loss("huber_grad", _HUBER, z, y, sample_weight, delta, True, out)


def binary_crossentropy(
    z: npt.ArrayLike, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
) -> float:
    """The mean over all outputs of ``-y * log(p) - (1 - y) * log(1 - p)`` with p = sigmoid(z).

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Logits: outputs before the sigmoid.
    y : array_like, shape (rows, cols)
        Targets within 0 .. 1.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no rows, or the weights add up to 0.
    TypeError
        If a dtype does not fit.

    Examples
    --------
    >>> round(binary_crossentropy([[0.0], [2.0]], [[0.0], [1.0]]), 4)
    0.41
    """
    return _core.loss("binary_crossentropy", _BINARY, z, y, sample_weight, 0.0, False, None)


def binary_crossentropy_grad(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    out: Array | None = None,
) -> Array:
    """Gradient of `binary_crossentropy` by `z`.

    ``sigmoid(z) - y``, weighted and averaged as the loss is.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Logits: outputs before the sigmoid.
    y : array_like, shape (rows, cols)
        Targets within 0 .. 1.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.
    out : ndarray, shape (rows, cols), optional
        May be `z` itself.

    Returns
    -------
    ndarray, shape (rows, cols)

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no rows, or the weights add up to 0.
    TypeError
        If a dtype does not fit.

    Examples
    --------
    >>> binary_crossentropy_grad([[0.0], [2.0]], [[0.0], [1.0]]).round(4)
    array([[ 0.25  ],
           [-0.0596]])
    """
    return _core.loss("binary_crossentropy_grad", _BINARY, z, y, sample_weight, 0.0, True, out)


def categorical_crossentropy(
    z: npt.ArrayLike, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
) -> float:
    """The mean over the rows of ``-sum(y * log(p))`` with p = softmax(z) along each row.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Logits: outputs before the softmax.
    y : array_like, shape (rows, cols)
        Target probabilities, such as one-hot rows.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no rows, or the weights add up to 0.
    TypeError
        If a dtype does not fit.

    Examples
    --------
    >>> round(categorical_crossentropy([[0.0, 0.0], [2.0, 0.0]], [[0.0, 1.0], [1.0, 0.0]]), 4)
    0.41
    """
    return _core.loss(
        "categorical_crossentropy", _CATEGORICAL, z, y, sample_weight, 0.0, False, None
    )


def categorical_crossentropy_grad(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    out: Array | None = None,
) -> Array:
    """Gradient of `categorical_crossentropy` by `z`.

    ``softmax(z) * sum(y) - y`` along each row, weighted and averaged as the loss is.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Logits: outputs before the softmax.
    y : array_like, shape (rows, cols)
        Target probabilities, such as one-hot rows.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.
    out : ndarray, shape (rows, cols), optional
        May be `z` itself.

    Returns
    -------
    ndarray, shape (rows, cols)

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no rows, or the weights add up to 0.
    TypeError
        If a dtype does not fit.

    Examples
    --------
    >>> categorical_crossentropy_grad([[0.0, 0.0], [2.0, 0.0]], [[0.0, 1.0], [1.0, 0.0]]).round(4)
    array([[ 0.25  , -0.25  ],
           [-0.0596,  0.0596]])
    """
    return _core.loss(
        "categorical_crossentropy_grad", _CATEGORICAL, z, y, sample_weight, 0.0, True, out
    )


def sparse_categorical_crossentropy(
    z: npt.ArrayLike, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
) -> float:
    """The mean over the rows of ``-log(p[y])`` with p = softmax(z) along each row.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Logits: outputs before the softmax.
    y : array_like of int, shape (rows,)
        Labels, each within 0 .. cols - 1.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no rows, the weights add up to 0, or a label is out of
        range.
    TypeError
        If a dtype does not fit.

    Examples
    --------
    >>> round(sparse_categorical_crossentropy([[0.0, 0.0], [2.0, 0.0]], [1, 0]), 4)
    0.41
    """
    return _core.loss(
        "sparse_categorical_crossentropy", _SPARSE, z, y, sample_weight, 0.0, False, None
    )


def sparse_categorical_crossentropy_grad(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    out: Array | None = None,
) -> Array:
    """Gradient of `sparse_categorical_crossentropy` by `z`.

    ``softmax(z)``, less 1 at the label, weighted and averaged as the loss is.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Logits: outputs before the softmax.
    y : array_like of int, shape (rows,)
        Labels, each within 0 .. cols - 1.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.
    out : ndarray, shape (rows, cols), optional
        May be `z` itself.

    Returns
    -------
    ndarray, shape (rows, cols)

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no rows, the weights add up to 0, or a label is out of
        range.
    TypeError
        If a dtype does not fit.

    Examples
    --------
    >>> sparse_categorical_crossentropy_grad([[0.0, 0.0], [2.0, 0.0]], [1, 0]).round(4)
    array([[ 0.25  , -0.25  ],
           [-0.0596,  0.0596]])
    """
    return _core.loss(
        "sparse_categorical_crossentropy_grad", _SPARSE, z, y, sample_weight, 0.0, True, out
    )


# ---- optimizers ---------------------------------------------------------------------------------


def sgd_step(
    param: Array,
    grad: Array,
    velocity: Array | None = None,
    *,
    learning_rate: float,
    momentum: float = 0.0,
    nesterov: bool = False,
) -> None:
    """One step of stochastic gradient descent, written into `param` and `velocity`.

    ``velocity = momentum * velocity + grad``, then ``param -= learning_rate * velocity``, or with
    `nesterov` ``param -= learning_rate * (grad + momentum * velocity)``.  The learning rate is not
    part of the velocity, as in PyTorch.

    Parameters
    ----------
    param : ndarray, shape (n,), C order
        Parameters; overwritten.
    grad : ndarray, shape (n,)
        Gradient of the mean loss; read only.
    velocity : ndarray, shape (n,), C order, optional
        Overwritten; zeros before the first step.  None where `momentum` is 0.
    learning_rate : float
    momentum : float, default 0.0
        Within 0 and 1.
    nesterov : bool, default False

    Raises
    ------
    ValueError
        If the lengths differ, a number is out of range, two arrays share memory, or `momentum`
        comes without `velocity`.
    TypeError
        If an argument is no array, or dtypes differ.

    References
    ----------
    Polyak (1964), Some methods of speeding up the convergence of iteration methods; Sutskever,
    Martens, Dahl and Hinton (2013), On the importance of initialization and momentum in deep
    learning, for Nesterov's form.

    Examples
    --------
    >>> param = np.array([1.0, 2.0])
    >>> sgd_step(param, np.array([1.0, -1.0]), learning_rate=0.5)
    >>> param
    array([0.5, 2.5])
    """
    where = "sgd_step"
    learning_rate = check_float(where, "learning_rate", learning_rate)
    momentum = check_float(where, "momentum", momentum, at_least=0, below=1)
    _core.sgd_step(where, param, grad, velocity, learning_rate, momentum, nesterov)


def adam_step(
    param: Array,
    grad: Array,
    m: Array,
    v: Array,
    *,
    t: int,
    learning_rate: float = 1e-3,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-8,
) -> None:
    """One Adam step, written into `param`, `m` and `v`.

    Parameters
    ----------
    param, m, v : ndarray, shape (n,), C order
        Parameters, first and second moments; all three are overwritten.  The moments are zeros
        before the first step.
    grad : ndarray, shape (n,)
        Gradient of the mean loss; read only.
    t : int
        Number of this step, counted from 1.
    learning_rate : float
    beta_1, beta_2 : float
        Within 0 and 1.
    epsilon : float
        Added to sqrt(v / (1 - beta_2**t)), not to sqrt(v).

    Raises
    ------
    ValueError
        If the lengths differ, `t` is below 1, a number is out of range, or two arrays share memory.
    TypeError
        If an argument is no array, or dtypes differ.

    References
    ----------
    Kingma and Ba (2015), Adam: a method for stochastic optimization, arXiv:1412.6980, Algorithm 1.

    Examples
    --------
    >>> param, m, v = np.array([1.0, 2.0]), np.zeros(2), np.zeros(2)
    >>> adam_step(param, np.array([3.0, -0.1]), m, v, t=1, learning_rate=0.5)
    >>> param.round(6)
    array([0.5, 2.5])
    """
    _adam("adam_step", param, grad, m, v, t, learning_rate, beta_1, beta_2, epsilon, 0.0)


def adamw_step(
    param: Array,
    grad: Array,
    m: Array,
    v: Array,
    *,
    t: int,
    learning_rate: float = 1e-3,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.01,
) -> None:
    """One AdamW step: ``param *= 1 - learning_rate * weight_decay``, then an Adam step.

    Parameters
    ----------
    param, grad, m, v, t, learning_rate, beta_1, beta_2, epsilon
        As for `adam_step`.
    weight_decay : float, default 0.01
        At least 0; the moments do not see it.

    Raises
    ------
    ValueError, TypeError
        As for `adam_step`.

    References
    ----------
    Loshchilov and Hutter (2019), Decoupled weight decay regularization, arXiv:1711.05101,
    Algorithm 2.

    Examples
    --------
    >>> param, m, v = np.array([1.0, 2.0]), np.zeros(2), np.zeros(2)
    >>> adamw_step(param, np.zeros(2), m, v, t=1, learning_rate=0.5, weight_decay=0.1)
    >>> param
    array([0.95, 1.9 ])
    """
    weight_decay = check_float("adamw_step", "weight_decay", weight_decay, at_least=0)
    _adam("adamw_step", param, grad, m, v, t, learning_rate, beta_1, beta_2, epsilon, weight_decay)


def _adam(
    where: str,
    param: Array,
    grad: Array,
    m: Array,
    v: Array,
    t: int,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    weight_decay: float,
) -> None:
    t = check_int(where, "t", t)
    learning_rate = check_float(where, "learning_rate", learning_rate)
    beta_1 = check_float(where, "beta_1", beta_1, at_least=0, below=1)
    beta_2 = check_float(where, "beta_2", beta_2, at_least=0, below=1)
    epsilon = check_float(where, "epsilon", epsilon, at_least=0)
    _core.adam_step(
        where, param, grad, m, v, t, learning_rate, beta_1, beta_2, epsilon, weight_decay
    )
