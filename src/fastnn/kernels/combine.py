"""Tensors brought together, and columns moved, on arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import _core
from fastnn._spec import check_int

__all__ = [
    "add_to",
    "combine",
    "combine_grad",
    "concatenate",
    "copy_columns",
    "add_columns",
    "affine_columns",
    "affine_back",
]

Array = npt.NDArray[np.floating[Any]]

# Numbers of the kinds, as in csrc/include/fastnn/combine.h.
_KINDS = {"add": 0, "subtract": 1, "multiply": 2, "average": 3, "maximum": 4}


def _kind(where: str, kind: str) -> int:
    number = _KINDS.get(kind)
    if number is None:
        raise ValueError(f"{where}: kind must be one of {', '.join(_KINDS)}, got {kind!r}")
    return number


def add_to(out: Array, x: npt.ArrayLike) -> Array:
    """``out += x``.

    Parameters
    ----------
    out : ndarray, C order
        Overwritten and returned.
    x : array_like of the same shape and dtype

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> add_to(np.array([1.0, 2.0]), [10.0, 20.0])
    array([11., 22.])
    """
    return _core.add_to("add_to", out, x)


def combine(
    inputs: Sequence[npt.ArrayLike], kind: str = "add", *, out: Array | None = None
) -> Array:
    """Several arrays of one shape, element by element.

    Parameters
    ----------
    inputs : list of array_like, all of one shape and dtype
        One or more; exactly two for "subtract".
    kind : {"add", "subtract", "multiply", "average", "maximum"}
        Sums and products run in the order of the inputs; the average is the sum times the rounded
        ``1 / len(inputs)``.
    out : ndarray of the same shape, optional

    Returns
    -------
    ndarray of the shape of one input

    Raises
    ------
    ValueError
        If the kind is unknown, shapes differ or the number of inputs does not fit.
    TypeError
        If `inputs` is no list, or dtypes differ.

    Examples
    --------
    >>> combine([[1.0, 5.0], [3.0, 2.0]], "maximum")
    array([3., 5.])
    """
    return _core.combine("combine", _kind("combine", kind), inputs, out)


def combine_grad(
    inputs: Sequence[npt.ArrayLike],
    which: int,
    output: npt.ArrayLike,
    dy: npt.ArrayLike,
    kind: str = "add",
    *,
    out: Array | None = None,
) -> Array:
    """Gradient of `combine` by one of its inputs.

    Parameters
    ----------
    inputs : list of array_like
        As for `combine`.
    which : int
        The input, counted from 0.
    output : array_like
        What `combine` returned.
    dy : array_like
        Gradient by the output.
    kind : {"add", "subtract", "multiply", "average", "maximum"}
        For "maximum" the first of the largest inputs takes all of `dy`.
    out : ndarray of the same shape, optional

    Returns
    -------
    ndarray of the shape of one input

    Raises
    ------
    ValueError, TypeError
        As for `combine`, and if there is no such input.

    Examples
    --------
    >>> x = [[1.0, 5.0], [3.0, 5.0]]
    >>> combine_grad(x, 0, combine(x, "maximum"), [1.0, 1.0], "maximum")
    array([0., 1.])
    """
    where = "combine_grad"
    which = check_int(where, "which", which, 0)
    return _core.combine_grad(where, _kind(where, kind), inputs, which, output, dy, out)


def concatenate(inputs: Sequence[npt.ArrayLike], *, out: Array | None = None) -> Array:
    """Several arrays side by side: ``np.concatenate(inputs, axis=1)``.

    Parameters
    ----------
    inputs : list of array_like, shape (rows, any), all of one dtype
        One or more.
    out : ndarray, shape (rows, columns of all inputs), optional

    Returns
    -------
    ndarray, shape (rows, columns of all inputs)

    Raises
    ------
    ValueError
        If the rows differ, an input is not 2-D or there is none.
    TypeError
        If `inputs` is no list, or dtypes differ.

    Examples
    --------
    >>> concatenate([[[1.0, 2.0]], [[3.0]]])
    array([[1., 2., 3.]])
    """
    return _core.concatenate("concatenate", inputs, out)


def copy_columns(
    x: npt.ArrayLike,
    start: int = 0,
    stop: int | None = None,
    *,
    out: Array | None = None,
    at: int = 0,
) -> Array:
    """``out[:, at : at + stop - start] = x[:, start:stop]``: splits, and joins of parts.

    Parameters
    ----------
    x : array_like, shape (rows, cols)
    start, stop : int
        The columns of `x` that are taken, counted from 0; None is its end.
    out : ndarray with as many rows, C order, optional
        None makes an array of these columns alone.
    at : int
        Where they go in `out`.

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError, TypeError
        If shapes, numbers or dtypes do not fit.

    Examples
    --------
    >>> copy_columns([[1.0, 2.0, 3.0]], 1, out=np.zeros((1, 4)), at=2)
    array([[0., 0., 2., 3.]])
    """
    return _move("copy_columns", False, x, start, stop, out, at)


def add_columns(
    x: npt.ArrayLike,
    start: int = 0,
    stop: int | None = None,
    *,
    out: Array,
    at: int = 0,
) -> Array:
    """``out[:, at : at + stop - start] += x[:, start:stop]``: gradients of parts.

    Parameters
    ----------
    x : array_like, shape (rows, cols)
    start, stop : int
        The columns of `x` that are taken, counted from 0; None is its end.
    out : ndarray with as many rows, C order
    at : int
        Where they go in `out`.

    Returns
    -------
    ndarray
        `out` itself.

    Raises
    ------
    ValueError, TypeError
        If shapes, numbers or dtypes do not fit.

    Examples
    --------
    >>> add_columns([[1.0, 2.0]], out=np.ones((1, 3)), at=1)
    array([[1., 2., 3.]])
    """
    if out is None:
        raise TypeError("add_columns: out must be an array, got NoneType")
    return _move("add_columns", True, x, start, stop, out, at)


def _move(
    where: str,
    add: bool,
    x: npt.ArrayLike,
    start: int,
    stop: int | None,
    out: Array | None,
    at: int,
) -> Array:
    start, at = check_int(where, "start", start, 0), check_int(where, "at", at, 0)
    stop = None if stop is None else check_int(where, "stop", stop, 0)
    return _core.move_columns(where, add, x, start, stop, out, at)


def affine_columns(
    x: npt.ArrayLike,
    scale: npt.ArrayLike,
    shift: npt.ArrayLike | None = None,
    *,
    out: Array | None = None,
) -> Array:
    """``(x - shift) * scale``, a number of each for every column.

    Parameters
    ----------
    x : array_like, shape (rows, cols)
    scale : array_like, shape (cols,)
    shift : array_like, shape (cols,), optional
        None is 0 everywhere.
    out : ndarray, shape (rows, cols), optional
        May be `x` itself.

    Returns
    -------
    ndarray, shape (rows, cols)

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> affine_columns([[1.0, 4.0]], [2.0, 0.5], [1.0, 2.0])
    array([[0., 1.]])
    """
    return _core.affine("affine_columns", False, x, scale, shift, out)


def affine_back(
    x: npt.ArrayLike, scale: npt.ArrayLike, shift: npt.ArrayLike, *, out: Array | None = None
) -> Array:
    """``x * scale + shift``, a number of each for every column.

    Rounded once where the instruction set has fused products, else twice.

    Parameters
    ----------
    x : array_like, shape (rows, cols)
    scale, shift : array_like, shape (cols,)
    out : ndarray, shape (rows, cols), optional
        May be `x` itself.

    Returns
    -------
    ndarray, shape (rows, cols)

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> affine_back([[0.0, 1.0]], [0.5, 2.0], [1.0, 2.0])
    array([[1., 4.]])
    """
    return _core.affine("affine_back", True, x, scale, shift, out)
