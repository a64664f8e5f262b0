"""Dense products and layers on arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import _core, activations
from fastnn._spec import check_float

__all__ = [
    "matmul",
    "column_sum",
    "dense_forward",
    "dense_backward",
]

Array = npt.NDArray[np.floating[Any]]

_LINEAR, _RELU = 0, 1  # as in csrc/include/fastnn/activation.h


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
    if spec.halves:
        raise ValueError(
            f"{where}: activation {spec.name!r} halves the columns; "
            f"want one whose output has the shape of its input"
        )
    if alpha is not None:
        alpha = check_float(where, "alpha", alpha, at_least=0)
        if "alpha" in spec._arguments():
            spec = spec.replace(alpha=alpha)
    return spec.kind, spec.alpha


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

    `dense_backward` takes this output as its `saved`.  Only for gelu, gelu_tanh, hard_silu, mish,
    silu, softsign and tanh_shrink, whose derivative cannot be told from their output, does it take
    ``dense_forward(x, kernel, bias)`` instead, to which the activation is then applied.

    Parameters
    ----------
    x : array_like, shape (rows, fan_in)
    kernel : array_like, shape (fan_in, units)
    bias : array_like, shape (units,), optional
    activation : str, Activation or None
        A name or spec of `fastnn.activations`; None is linear.
    alpha : float, optional
        Slope of leaky_relu, scale of elu and celu, instead of the spec's; the others ignore it.
    out : ndarray, shape (rows, units), optional

    Returns
    -------
    ndarray, shape (rows, units)

    Raises
    ------
    ValueError
        If the shapes do not fit, or the activation is unknown or halves the columns.
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
        What `dense_forward` returned; for gelu, gelu_tanh, hard_silu, mish, silu, softsign and
        tanh_shrink, ``x @ kernel + bias``.
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
        If the shapes do not fit, or the activation is unknown or halves the columns.
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
