"""Negative log likelihoods: gaussian_nll, poisson, gamma, tweedie."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import _core
from fastnn._spec import check_bool, check_float
from fastnn.kernels.loss.common import GAMMA, GAUSSIAN, POISSON, TWEEDIE, above, variance_kind

__all__ = [
    "gaussian_nll",
    "gaussian_nll_grad",
    "poisson",
    "poisson_grad",
    "gamma",
    "gamma_grad",
    "tweedie",
    "tweedie_grad",
]

Array = npt.NDArray[np.floating[Any]]


def gaussian_nll(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    variance: str = "exp",
    epsilon: float = 1e-6,
    full: bool = False,
) -> float:
    """The negative log likelihood of normal distributions; the mean over all targets.

    A target adds ``(log(v) + (y - m)**2 / v) / 2``.

    Parameters
    ----------
    z : array_like, shape (rows, 2 * cols)
        Means m in the first half of the columns, then numbers s that make the variances v.
    y : array_like, shape (rows, cols)
        Targets.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.
    variance : {"exp", "softplus", "linear"}, default "exp"
        ``v = exp(s) + epsilon``, ``softplus(s) + epsilon`` or ``max(s, epsilon)``; the last with
        the derivative of ``v = s`` everywhere.
    epsilon : float, default 1e-6
        Above 0.
    full : bool, default False
        Whether to add ``log(2 * pi) / 2``.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no rows, the weights add up to 0, or a number is out of
        range.
    TypeError
        If a dtype does not fit.

    References
    ----------
    Nix and Weigend (1994), Estimating the mean and variance of the target probability
    distribution.

    Examples
    --------
    >>> round(gaussian_nll([[1.0, 0.0]], [[3.0]]), 4)
    2.0
    """
    settings = {
        "variance": variance_kind("gaussian_nll", variance),
        "epsilon": above("gaussian_nll", "epsilon", epsilon),
        "full": check_bool("gaussian_nll", "full", full),
    }
    return _core.loss("gaussian_nll", GAUSSIAN, z, y, sample_weight, settings, False, None)


def gaussian_nll_grad(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    variance: str = "exp",
    epsilon: float = 1e-6,
    full: bool = False,
    out: Array | None = None,
) -> Array:
    """Gradient of `gaussian_nll` by `z`.

    ``(m - y) / v`` by a mean, ``(1 - (m - y)**2 / v) / (2 * v)`` by a variance and that times its
    derivative by s; weighted and averaged as the loss is.

    Parameters
    ----------
    z : array_like, shape (rows, 2 * cols)
        Means m in the first half of the columns, then numbers s that make the variances v.
    y : array_like, shape (rows, cols)
        Targets.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.
    variance : {"exp", "softplus", "linear"}, default "exp"
        ``v = exp(s) + epsilon``, ``softplus(s) + epsilon`` or ``max(s, epsilon)``; the last with
        the derivative of ``v = s`` everywhere.
    epsilon : float, default 1e-6
        Above 0.
    full : bool, default False
        Whether to add ``log(2 * pi) / 2``.
    out : ndarray, shape (rows, 2 * cols), optional
        May be `z` itself.

    Returns
    -------
    ndarray, shape (rows, 2 * cols)

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no rows, the weights add up to 0, or a number is out of
        range.
    TypeError
        If a dtype does not fit.

    References
    ----------
    Nix and Weigend (1994), Estimating the mean and variance of the target probability
    distribution.

    Examples
    --------
    >>> gaussian_nll_grad([[1.0, 0.0]], [[3.0]]).round(4)
    array([[-2. , -1.5]])
    """
    settings = {
        "variance": variance_kind("gaussian_nll_grad", variance),
        "epsilon": above("gaussian_nll_grad", "epsilon", epsilon),
        "full": check_bool("gaussian_nll_grad", "full", full),
    }
    return _core.loss("gaussian_nll_grad", GAUSSIAN, z, y, sample_weight, settings, True, out)


def poisson(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    log_input: bool = False,
    epsilon: float = 1e-7,
) -> float:
    """The mean over all outputs of ``m - y * log(m)``.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Means m, or their logarithms.
    y : array_like, shape (rows, cols)
        Targets of at least 0.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.
    log_input : bool, default False
        Whether z is the logarithm of the mean m; else it is m itself.
    epsilon : float, default 1e-7
        Below it the loss goes on as its tangent; above 0.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no rows, the weights add up to 0, or `epsilon` is out of
        range.
    TypeError
        If a dtype does not fit.

    Examples
    --------
    >>> round(poisson([[1.0], [2.0]], [[1.0], [4.0]]), 4)
    0.1137
    """
    settings = {
        "log_input": check_bool("poisson", "log_input", log_input),
        "epsilon": above("poisson", "epsilon", epsilon),
    }
    return _core.loss("poisson", POISSON, z, y, sample_weight, settings, False, None)


def poisson_grad(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    log_input: bool = False,
    epsilon: float = 1e-7,
    out: Array | None = None,
) -> Array:
    """Gradient of `poisson` by `z`.

    ``1 - y / m``, or by the logarithm ``m - y``, weighted and averaged as the loss is.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Means m, or their logarithms.
    y : array_like, shape (rows, cols)
        Targets of at least 0.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.
    log_input : bool, default False
        Whether z is the logarithm of the mean m; else it is m itself.
    epsilon : float, default 1e-7
        Below it the loss goes on as its tangent; above 0.
    out : ndarray, shape (rows, cols), optional
        May be `z` itself.

    Returns
    -------
    ndarray, shape (rows, cols)

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no rows, the weights add up to 0, or `epsilon` is out of
        range.
    TypeError
        If a dtype does not fit.

    Examples
    --------
    >>> poisson_grad([[1.0], [2.0]], [[1.0], [4.0]]).round(4)
    array([[ 0. ],
           [-0.5]])
    """
    settings = {
        "log_input": check_bool("poisson_grad", "log_input", log_input),
        "epsilon": above("poisson_grad", "epsilon", epsilon),
    }
    return _core.loss("poisson_grad", POISSON, z, y, sample_weight, settings, True, out)


def gamma(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    log_input: bool = False,
    epsilon: float = 1e-7,
) -> float:
    """The mean over all outputs of ``log(m) + y / m``.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Means m, or their logarithms.
    y : array_like, shape (rows, cols)
        Targets above 0.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.
    log_input : bool, default False
        Whether z is the logarithm of the mean m; else it is m itself.
    epsilon : float, default 1e-7
        Below it the loss goes on as its tangent; above 0.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no rows, the weights add up to 0, or `epsilon` is out of
        range.
    TypeError
        If a dtype does not fit.

    Examples
    --------
    >>> round(gamma([[1.0], [2.0]], [[1.0], [4.0]]), 4)
    1.8466
    """
    settings = {
        "log_input": check_bool("gamma", "log_input", log_input),
        "epsilon": above("gamma", "epsilon", epsilon),
    }
    return _core.loss("gamma", GAMMA, z, y, sample_weight, settings, False, None)


def gamma_grad(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    log_input: bool = False,
    epsilon: float = 1e-7,
    out: Array | None = None,
) -> Array:
    """Gradient of `gamma` by `z`.

    ``(1 - y / m) / m``, or by the logarithm ``1 - y / m``, weighted and averaged as the loss is.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Means m, or their logarithms.
    y : array_like, shape (rows, cols)
        Targets above 0.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.
    log_input : bool, default False
        Whether z is the logarithm of the mean m; else it is m itself.
    epsilon : float, default 1e-7
        Below it the loss goes on as its tangent; above 0.
    out : ndarray, shape (rows, cols), optional
        May be `z` itself.

    Returns
    -------
    ndarray, shape (rows, cols)

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no rows, the weights add up to 0, or `epsilon` is out of
        range.
    TypeError
        If a dtype does not fit.

    Examples
    --------
    >>> gamma_grad([[1.0], [2.0]], [[1.0], [4.0]]).round(4)
    array([[ 0.  ],
           [-0.25]])
    """
    settings = {
        "log_input": check_bool("gamma_grad", "log_input", log_input),
        "epsilon": above("gamma_grad", "epsilon", epsilon),
    }
    return _core.loss("gamma_grad", GAMMA, z, y, sample_weight, settings, True, out)


def tweedie(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    power: float = 1.5,
    log_input: bool = False,
    epsilon: float = 1e-7,
) -> float:
    """The mean of ``m**(2 - a) / (2 - a) - y * m**(1 - a) / (1 - a)``, a = `power`.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Means m, or their logarithms.
    y : array_like, shape (rows, cols)
        Targets of at least 0.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.
    power : float, default 1.5
        Between 1 and 2.
    log_input : bool, default False
        Whether z is the logarithm of the mean m; else it is m itself.
    epsilon : float, default 1e-7
        Below it the loss goes on as its tangent; above 0.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no rows, the weights add up to 0, or a number is out of
        range.
    TypeError
        If a dtype does not fit.

    References
    ----------
    Jorgensen (1987), Exponential dispersion models, Journal of the Royal Statistical Society B 49.

    Examples
    --------
    >>> round(tweedie([[1.0], [4.0]], [[1.0], [2.0]]), 4)
    5.0
    """
    settings = {
        "power": check_float("tweedie", "power", power, above=1, below=2),
        "log_input": check_bool("tweedie", "log_input", log_input),
        "epsilon": above("tweedie", "epsilon", epsilon),
    }
    return _core.loss("tweedie", TWEEDIE, z, y, sample_weight, settings, False, None)


def tweedie_grad(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    power: float = 1.5,
    log_input: bool = False,
    epsilon: float = 1e-7,
    out: Array | None = None,
) -> Array:
    """Gradient of `tweedie` by `z`.

    ``m**(1 - a) - y * m**-a``, or by the logarithm m times that, weighted and averaged as the loss
    is.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Means m, or their logarithms.
    y : array_like, shape (rows, cols)
        Targets of at least 0.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.
    power : float, default 1.5
        Between 1 and 2.
    log_input : bool, default False
        Whether z is the logarithm of the mean m; else it is m itself.
    epsilon : float, default 1e-7
        Below it the loss goes on as its tangent; above 0.
    out : ndarray, shape (rows, cols), optional
        May be `z` itself.

    Returns
    -------
    ndarray, shape (rows, cols)

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no rows, the weights add up to 0, or a number is out of
        range.
    TypeError
        If a dtype does not fit.

    References
    ----------
    Jorgensen (1987), Exponential dispersion models, Journal of the Royal Statistical Society B 49.

    Examples
    --------
    >>> tweedie_grad([[1.0], [4.0]], [[1.0], [2.0]]).round(4)
    array([[0.   ],
           [0.125]])
    """
    settings = {
        "power": check_float("tweedie_grad", "power", power, above=1, below=2),
        "log_input": check_bool("tweedie_grad", "log_input", log_input),
        "epsilon": above("tweedie_grad", "epsilon", epsilon),
    }
    return _core.loss("tweedie_grad", TWEEDIE, z, y, sample_weight, settings, True, out)
