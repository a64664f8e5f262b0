"""Losses that bear outliers, and quantiles: huber, log_cosh, quantile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import _core
from fastnn.kernels.loss.common import HUBER, LOG_COSH, QUANTILE, above, quantile_list

__all__ = [
    "huber",
    "huber_grad",
    "log_cosh",
    "log_cosh_grad",
    "quantile",
    "quantile_grad",
]

Array = npt.NDArray[np.floating[Any]]


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
    >>> round(huber([[1.5], [4.0]], [[1.0], [2.0]]), 4)
    0.8125
    """
    settings = {
        "delta": above("huber", "delta", delta),
    }
    return _core.loss("huber", HUBER, z, y, sample_weight, settings, False, None)


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

    References
    ----------
    Huber (1964), Robust estimation of a location parameter, Annals of Mathematical Statistics 35.

    Examples
    --------
    >>> huber_grad([[1.5], [4.0]], [[1.0], [2.0]]).round(4)
    array([[0.25],
           [0.5 ]])
    """
    settings = {
        "delta": above("huber_grad", "delta", delta),
    }
    return _core.loss("huber_grad", HUBER, z, y, sample_weight, settings, True, out)


def log_cosh(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
) -> float:
    """The mean over all outputs of ``log(cosh(z - y))``.

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
    >>> round(log_cosh([[1.0], [4.0]], [[1.0], [2.0]]), 4)
    0.6625
    """
    return _core.loss("log_cosh", LOG_COSH, z, y, sample_weight, {}, False, None)


def log_cosh_grad(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    out: Array | None = None,
) -> Array:
    """Gradient of `log_cosh` by `z`.

    ``tanh(z - y)``, weighted and averaged as the loss is.

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
    >>> log_cosh_grad([[1.0], [4.0]], [[1.0], [2.0]]).round(4)
    array([[0.   ],
           [0.482]])
    """
    return _core.loss("log_cosh_grad", LOG_COSH, z, y, sample_weight, {}, True, out)


def quantile(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    quantiles: float | Sequence[float] = 0.5,
) -> float:
    """The pinball loss; the mean over all outputs.

    An output adds ``max(q * (y - z), (q - 1) * (y - z))``, q its quantile.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Outputs of the network.
    y : array_like, shape (rows, cols / number of quantiles)
        Targets.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.
    quantiles : float or sequence of float, default 0.5
        Each between 0 and 1.  Output j is quantile ``j % n`` of target ``j // n``, n their number.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no rows, the weights add up to 0, or `quantiles` is out
        of range.
    TypeError
        If a dtype does not fit.

    References
    ----------
    Koenker and Bassett (1978), Regression quantiles, Econometrica 46.

    Examples
    --------
    >>> round(quantile([[1.0, 4.0]], [[2.0]], quantiles=[0.1, 0.9]), 4)
    0.15
    """
    settings = {
        "quantiles": quantile_list("quantile", quantiles),
    }
    return _core.loss("quantile", QUANTILE, z, y, sample_weight, settings, False, None)


def quantile_grad(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    quantiles: float | Sequence[float] = 0.5,
    out: Array | None = None,
) -> Array:
    """Gradient of `quantile` by `z`.

    ``-q`` where z is below y, ``1 - q`` where it is above, 0 where they are equal, weighted and
    averaged as the loss is.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Outputs of the network.
    y : array_like, shape (rows, cols / number of quantiles)
        Targets.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.
    quantiles : float or sequence of float, default 0.5
        Each between 0 and 1.  Output j is quantile ``j % n`` of target ``j // n``, n their number.
    out : ndarray, shape (rows, cols), optional
        May be `z` itself.

    Returns
    -------
    ndarray, shape (rows, cols)

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no rows, the weights add up to 0, or `quantiles` is out
        of range.
    TypeError
        If a dtype does not fit.

    References
    ----------
    Koenker and Bassett (1978), Regression quantiles, Econometrica 46.

    Examples
    --------
    >>> quantile_grad([[1.0, 4.0]], [[2.0]], quantiles=[0.1, 0.9]).round(4)
    array([[-0.05,  0.05]])
    """
    settings = {
        "quantiles": quantile_list("quantile_grad", quantiles),
    }
    return _core.loss("quantile_grad", QUANTILE, z, y, sample_weight, settings, True, out)
