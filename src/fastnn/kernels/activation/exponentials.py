"""The exponential on arrays, and units that bend with it below 0."""

from __future__ import annotations

import numpy.typing as npt

from fastnn import _core
from fastnn._spec import check_float
from fastnn.kernels.activation.common import CELU, ELU, EXP, LEAST, SELU, Array


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
    return _core.activation("exp", EXP, z, 0.0, out)


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
    return _core.activation_grad("exp_grad", EXP, saved, dy, 0.0, out)


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
    return _core.activation("elu", ELU, z, alpha, out)


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
    return _core.activation_grad("elu_grad", ELU, saved, dy, alpha, out)


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
    return _core.activation("selu", SELU, z, 0.0, out)


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
    return _core.activation_grad("selu_grad", SELU, saved, dy, 0.0, out)


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
    alpha = check_float("celu", "alpha", alpha, at_least=LEAST)
    return _core.activation("celu", CELU, z, alpha, out)


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
    alpha = check_float("celu_grad", "alpha", alpha, at_least=LEAST)
    return _core.activation_grad("celu_grad", CELU, saved, dy, alpha, out)
