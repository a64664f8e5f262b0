"""Layers with a parameter a column, or several columns a unit, on arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import _core
from fastnn._spec import check_float, check_int

__all__ = [
    "prelu",
    "prelu_grad",
    "prelu_param_grad",
    "maxout",
    "maxout_grad",
    "glu",
    "glu_grad",
    "bilinear_out",
    "bilinear_grad",
    "activity_penalty",
]

Array = npt.NDArray[np.floating[Any]]


def prelu(x: npt.ArrayLike, alpha: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``x`` where it is above 0, else ``alpha * x``.

    Parameters
    ----------
    x : array_like, shape (rows, cols)
    alpha : array_like, shape (cols,)
        Slope of each column.
    out : ndarray, shape (rows, cols), optional
        May be `x` itself.

    Returns
    -------
    ndarray, shape (rows, cols)

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit.

    References
    ----------
    He, Zhang, Ren and Sun (2015), Delving deep into rectifiers, arXiv:1502.01852.

    Examples
    --------
    >>> prelu([[-1.0, 2.0]], [0.5, 0.5])
    array([[-0.5,  2. ]])
    """
    return _core.prelu("prelu", x, alpha, out)


def prelu_grad(
    x: npt.ArrayLike, alpha: npt.ArrayLike, dy: npt.ArrayLike, *, out: Array | None = None
) -> Array:
    """Gradient of `prelu` by `x`; the derivative at 0 is `alpha`.

    Parameters
    ----------
    x : array_like, shape (rows, cols)
    alpha : array_like, shape (cols,)
    dy : array_like, shape (rows, cols)
        Gradient by the output.
    out : ndarray, shape (rows, cols), optional
        May be `dy` itself.

    Returns
    -------
    ndarray, shape (rows, cols)

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> prelu_grad([[-1.0, 2.0]], [0.5, 0.5], [[1.0, 1.0]])
    array([[0.5, 1. ]])
    """
    return _core.prelu_grad("prelu_grad", x, alpha, dy, out)


def prelu_param_grad(
    x: npt.ArrayLike, dy: npt.ArrayLike, *, accumulate: bool = False, out: Array | None = None
) -> Array:
    """Gradient of `prelu` by `alpha`: column sums of ``dy * min(x, 0)``.

    Parameters
    ----------
    x, dy : array_like, shape (rows, cols)
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
    >>> prelu_param_grad([[-1.0, 2.0], [-3.0, -4.0]], [[1.0, 1.0], [2.0, 1.0]])
    array([-7., -4.])
    """
    return _core.prelu_param_grad("prelu_param_grad", x, dy, accumulate, out)


def maxout(z: npt.ArrayLike, pieces: int, *, out: Array | None = None) -> Array:
    """The largest of the pieces of each unit.

    Parameters
    ----------
    z : array_like, shape (rows, pieces * units)
        Piece p of unit u is column ``p * units + u``.
    pieces : int
    out : ndarray, shape (rows, units), optional

    Returns
    -------
    ndarray, shape (rows, units)

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit.

    References
    ----------
    Goodfellow, Warde-Farley, Mirza, Courville and Bengio (2013), Maxout networks, arXiv:1302.4389.

    Examples
    --------
    >>> maxout([[1.0, 2.0, 3.0, -4.0]], 2)
    array([[3., 2.]])
    """
    return _core.maxout("maxout", z, check_int("maxout", "pieces", pieces), out)


def maxout_grad(
    z: npt.ArrayLike,
    output: npt.ArrayLike,
    dy: npt.ArrayLike,
    pieces: int,
    *,
    out: Array | None = None,
) -> Array:
    """Gradient of `maxout` by `z`: the first of a unit's largest pieces takes `dy`.

    Parameters
    ----------
    z : array_like, shape (rows, pieces * units)
    output : array_like, shape (rows, units)
        What `maxout` returned.
    dy : array_like, shape (rows, units)
        Gradient by the output.
    pieces : int
    out : ndarray, shape (rows, pieces * units), optional

    Returns
    -------
    ndarray, shape (rows, pieces * units)

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> maxout_grad([[1.0, 2.0, 3.0, -4.0]], [[3.0, 2.0]], [[1.0, 5.0]], 2)
    array([[0., 5., 1., 0.]])
    """
    where = "maxout_grad"
    return _core.maxout_grad(where, z, output, dy, check_int(where, "pieces", pieces), out)


def glu(z: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """``a * sigmoid(b)``: the first half of the columns gated by the second.

    Parameters
    ----------
    z : array_like, shape (rows, 2 * cols)
    out : ndarray, shape (rows, cols), optional

    Returns
    -------
    ndarray, shape (rows, cols)

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit.

    References
    ----------
    Dauphin, Fan, Auli and Grangier (2017), Language modeling with gated convolutional networks,
    arXiv:1612.08083.

    Examples
    --------
    >>> glu([[4.0, 0.0]])
    array([[2.]])
    """
    return _core.glu("glu", z, out)


def glu_grad(z: npt.ArrayLike, dy: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """Gradient of `glu` by `z`.

    Parameters
    ----------
    z : array_like, shape (rows, 2 * cols)
    dy : array_like, shape (rows, cols)
        Gradient by the output.
    out : ndarray, shape (rows, 2 * cols), optional

    Returns
    -------
    ndarray, shape (rows, 2 * cols)

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> glu_grad([[4.0, 0.0]], [[1.0]])
    array([[0.5, 1. ]])
    """
    return _core.glu_grad("glu_grad", z, dy, out)


def bilinear_out(
    t: npt.ArrayLike,
    x2: npt.ArrayLike,
    bias: npt.ArrayLike | None = None,
    *,
    out: Array | None = None,
) -> Array:
    """The second half of a bilinear layer: ``out[u] = t[u] @ x2 + bias[u]`` for every row.

    With ``t = matmul(x1, kernel)``, kernel (n1, units * n2), it is
    ``sum_ij x1[i] kernel[i, u, j] x2[j] + bias[u]``.

    Parameters
    ----------
    t : array_like, shape (rows, units, n2)
    x2 : array_like, shape (rows, n2)
    bias : array_like, shape (units,), optional
    out : ndarray, shape (rows, units), optional

    Returns
    -------
    ndarray, shape (rows, units)

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> bilinear_out([[[1.0, 2.0], [3.0, 4.0]]], [[1.0, 10.0]])
    array([[21., 43.]])
    """
    return _core.bilinear_out("bilinear_out", t, x2, bias, out)


def bilinear_grad(dy: npt.ArrayLike, t: npt.ArrayLike, x2: npt.ArrayLike) -> tuple[Array, Array]:
    """Gradients of `bilinear_out`.

    Parameters
    ----------
    dy : array_like, shape (rows, units)
        Gradient by the output.
    t : array_like, shape (rows, units, n2)
    x2 : array_like, shape (rows, n2)

    Returns
    -------
    dt : ndarray, shape (rows, units, n2)
        Gradient by `t`.
    dx2 : ndarray, shape (rows, n2)
        Gradient by `x2`.

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> dt, dx2 = bilinear_grad([[1.0, -1.0]], [[[1.0, 2.0], [3.0, 4.0]]], [[1.0, 10.0]])
    >>> dt
    array([[[  1.,  10.],
            [ -1., -10.]]])
    >>> dx2
    array([[-2., -2.]])
    """
    return _core.bilinear_grad("bilinear_grad", dy, t, x2)


def activity_penalty(
    x: npt.ArrayLike,
    l1: float = 0.0,
    l2: float = 0.0,
    *,
    dx: Array | None = None,
    scale: float = 1.0,
) -> float:
    """The sum over all elements of ``l1 * |x| + l2 * x**2``.

    Parameters
    ----------
    x : array_like
    l1, l2 : float
        At least 0.
    dx : ndarray of the same shape, optional
        Gets `scale` times the gradient added: ``l1 * sign(x) + 2 * l2 * x``, sign(0) = 0.
    scale : float
        What the gradient, not the sum, is multiplied by.

    Returns
    -------
    float

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit, or a number is out of range.

    Examples
    --------
    >>> dx = np.zeros(2)
    >>> activity_penalty([1.0, -2.0], 0.5, 1.0, dx=dx)
    6.5
    >>> dx
    array([ 2.5, -4.5])
    """
    where = "activity_penalty"
    l1 = check_float(where, "l1", l1, at_least=0)
    l2 = check_float(where, "l2", l2, at_least=0)
    return _core.activity(where, x, l1, l2, dx, check_float(where, "scale", scale))
