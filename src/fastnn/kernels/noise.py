"""Dropout and other noise of training, on arrays.

Element k of an array takes random number ``first + k`` of the stream (seed, epoch, step): a batch
cut into pieces has the noise it has as a whole.  Every instruction set gives the same bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import _core
from fastnn._spec import check_float, check_int

__all__ = [
    "dropout",
    "alpha_dropout",
    "gaussian_dropout",
    "gaussian_noise",
    "noise_grad",
]

Array = npt.NDArray[np.floating[Any]]

# Numbers of the kinds, as in csrc/include/fastnn/noise.h.
_DROPOUT, _ALPHA_DROPOUT, _GAUSSIAN_DROPOUT, _GAUSSIAN_NOISE = range(4)


def _noise(
    where: str,
    kind: int,
    x: npt.ArrayLike,
    rate: float,
    seed: int,
    epoch: int,
    step: int,
    first: int,
    mask: Array | None,
    out: Array | None,
) -> tuple[Array, Array | None]:
    if kind == _GAUSSIAN_NOISE:
        rate = check_float(where, "stddev", rate, at_least=0)
    else:
        rate = check_float(where, "rate", rate, at_least=0, below=1)
    seed = check_int(where, "seed", seed, 0, 2**64 - 1)
    epoch = check_int(where, "epoch", epoch, 0, 2**32 - 1)
    step = check_int(where, "step", step, 0, 2**32 - 1)
    first = check_int(where, "first", first, 0, 2**63 - 1)
    return _core.noise(where, kind, x, rate, seed, epoch, step, first, mask, out)


def dropout(
    x: npt.ArrayLike,
    rate: float,
    *,
    seed: int,
    epoch: int = 0,
    step: int = 0,
    first: int = 0,
    mask: Array | None = None,
    out: Array | None = None,
) -> tuple[Array, Array]:
    """``x * mask``: 0 with probability `rate`, the others times ``1 / (1 - rate)``.

    Parameters
    ----------
    x : array_like
    rate : float
        At least 0, below 1; held to 2**-24.
    seed, epoch, step : int
        The stream of random numbers.
    first : int
        Number of the first element's random number.
    mask : ndarray of the same shape, optional
        Overwritten and returned.
    out : ndarray of the same shape, optional
        May be `x` itself.

    Returns
    -------
    out : ndarray of the shape of `x`
    mask : ndarray of the shape of `x`
        What `noise_grad` multiplies by.

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit, or a number is out of range.

    References
    ----------
    Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov (2014), Dropout: a simple way to
    prevent neural networks from overfitting, JMLR 15.

    Examples
    --------
    >>> y, mask = dropout(np.ones(6), 0.5, seed=1)
    >>> y
    array([0., 2., 0., 2., 0., 2.])
    """
    y, kept = _noise("dropout", _DROPOUT, x, rate, seed, epoch, step, first, mask, out)
    assert kept is not None
    return y, kept


def alpha_dropout(
    x: npt.ArrayLike,
    rate: float,
    *,
    seed: int,
    epoch: int = 0,
    step: int = 0,
    first: int = 0,
    mask: Array | None = None,
    out: Array | None = None,
) -> tuple[Array, Array]:
    """Dropout after selu: dropped elements become selu's lower limit, mean and variance stay.

    ``a * x + b`` where kept, ``a * s + b`` where dropped, with s = -1.7581 and a, b such that a
    mean of 0 and a variance of 1 stay what they are.

    Parameters
    ----------
    x : array_like
    rate : float
        At least 0, below 1; held to 2**-24.
    seed, epoch, step : int
        The stream of random numbers.
    first : int
        Number of the first element's random number.
    mask : ndarray of the same shape, optional
        Overwritten and returned.
    out : ndarray of the same shape, optional
        May be `x` itself.

    Returns
    -------
    out : ndarray of the shape of `x`
    mask : ndarray of the shape of `x`
        What `noise_grad` multiplies by: a or 0.

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit, or a number is out of range.

    References
    ----------
    Klambauer, Unterthiner, Mayr and Hochreiter (2017), Self-normalizing neural networks,
    arXiv:1706.02515.

    Examples
    --------
    >>> y, mask = alpha_dropout(np.ones(4), 0.5, seed=1)
    >>> y.round(4)
    array([-0.7792,  1.6656, -0.7792,  1.6656])
    """
    where = "alpha_dropout"
    y, kept = _noise(where, _ALPHA_DROPOUT, x, rate, seed, epoch, step, first, mask, out)
    assert kept is not None
    return y, kept


def gaussian_dropout(
    x: npt.ArrayLike,
    rate: float,
    *,
    seed: int,
    epoch: int = 0,
    step: int = 0,
    first: int = 0,
    mask: Array | None = None,
    out: Array | None = None,
) -> tuple[Array, Array]:
    """``x * mask``, masks normal with mean 1 and variance ``rate / (1 - rate)``.

    Parameters
    ----------
    x : array_like
    rate : float
        At least 0, below 1: of the dropout with the same variance.
    seed, epoch, step : int
        The stream of random numbers.
    first : int
        Number of the first element's random number.
    mask : ndarray of the same shape, optional
        Overwritten and returned.
    out : ndarray of the same shape, optional
        May be `x` itself.

    Returns
    -------
    out : ndarray of the shape of `x`
    mask : ndarray of the shape of `x`
        What `noise_grad` multiplies by.

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit, or a number is out of range.

    References
    ----------
    Srivastava and others (2014), as for `dropout`, section 10.

    Examples
    --------
    >>> y, mask = gaussian_dropout(np.ones(4), 0.1, seed=1)
    >>> y.round(4)
    array([0.8364, 1.6765, 0.9442, 1.523 ])
    """
    where = "gaussian_dropout"
    y, kept = _noise(where, _GAUSSIAN_DROPOUT, x, rate, seed, epoch, step, first, mask, out)
    assert kept is not None
    return y, kept


def gaussian_noise(
    x: npt.ArrayLike,
    stddev: float,
    *,
    seed: int,
    epoch: int = 0,
    step: int = 0,
    first: int = 0,
    out: Array | None = None,
) -> Array:
    """``x`` plus normals with mean 0.

    Parameters
    ----------
    x : array_like
    stddev : float
        At least 0.
    seed, epoch, step : int
        The stream of random numbers.
    first : int
        Number of the first element's random number.
    out : ndarray of the same shape, optional
        May be `x` itself.

    Returns
    -------
    ndarray of the shape of `x`

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit, or a number is out of range.

    Examples
    --------
    >>> gaussian_noise(np.zeros(4), 0.1, seed=1).round(4)
    array([-0.0491,  0.203 , -0.0167,  0.1569])
    """
    where = "gaussian_noise"
    return _noise(where, _GAUSSIAN_NOISE, x, stddev, seed, epoch, step, first, None, out)[0]


def noise_grad(mask: npt.ArrayLike | None, dy: npt.ArrayLike, *, out: Array | None = None) -> Array:
    """Gradient through noise: ``dy * mask``.

    Parameters
    ----------
    mask : array_like or None
        What the noise returned; None, of `gaussian_noise`, is ones.
    dy : array_like
        Gradient by the output.
    out : ndarray of the same shape, optional
        May be `dy` itself.

    Returns
    -------
    ndarray of the shape of `dy`

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> noise_grad([0.0, 2.0], [1.0, 1.0])
    array([0., 2.])
    """
    return _core.noise_grad("noise_grad", mask, dy, out)
