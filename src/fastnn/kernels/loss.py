"""Losses and their gradients on arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import _core
from fastnn._spec import check_bool, check_float, describe

__all__ = [
    "mean_squared_error",
    "mean_squared_error_grad",
    "mean_absolute_error",
    "mean_absolute_error_grad",
    "mean_absolute_percentage_error",
    "mean_absolute_percentage_error_grad",
    "mean_squared_logarithmic_error",
    "mean_squared_logarithmic_error_grad",
    "huber",
    "huber_grad",
    "log_cosh",
    "log_cosh_grad",
    "quantile",
    "quantile_grad",
    "gaussian_nll",
    "gaussian_nll_grad",
    "poisson",
    "poisson_grad",
    "gamma",
    "gamma_grad",
    "tweedie",
    "tweedie_grad",
    "binary_crossentropy",
    "binary_crossentropy_grad",
    "binary_focal_crossentropy",
    "binary_focal_crossentropy_grad",
    "categorical_crossentropy",
    "categorical_crossentropy_grad",
    "sparse_categorical_crossentropy",
    "sparse_categorical_crossentropy_grad",
    "categorical_focal_crossentropy",
    "categorical_focal_crossentropy_grad",
    "kl_divergence",
    "kl_divergence_grad",
    "hinge",
    "hinge_grad",
    "squared_hinge",
    "squared_hinge_grad",
    "soft_margin",
    "soft_margin_grad",
    "categorical_hinge",
    "categorical_hinge_grad",
    "cosine_similarity",
    "cosine_similarity_grad",
    "margin_ranking",
    "margin_ranking_grad",
]

Array = npt.NDArray[np.floating[Any]]

_INF = float("inf")

# Numbers of the kernels, as in csrc/include/fastnn/loss.h.
(
    _MSE,
    _MAE,
    _HUBER,
    _BINARY,
    _CATEGORICAL,
    _SPARSE,
    _MAPE,
    _MSLE,
    _LOG_COSH,
    _QUANTILE,
    _GAUSSIAN,
    _POISSON,
    _GAMMA,
    _TWEEDIE,
    _BINARY_FOCAL,
    _CATEGORICAL_FOCAL,
    _KL,
    _HINGE,
    _SQUARED_HINGE,
    _CATEGORICAL_HINGE,
    _SOFT_MARGIN,
    _COSINE,
    _MARGIN_RANKING,
) = range(23)


def _above(where: str, name: str, value: float) -> float:
    if type(value) is float and 0 < value < _INF:  # as it should be
        return value
    return check_float(where, name, value, above=0)


def _share(where: str, name: str, value: float) -> float:
    if type(value) is float and 0 <= value <= 1:  # as it should be
        return value
    number = check_float(where, name, value, at_least=0)
    if number > 1:
        raise ValueError(f"{where}: {name} must be within 0 and 1, got {number}")
    return number


def _quantiles(where: str, value: float | Sequence[float]) -> tuple[float, ...]:
    listed: Any = value if hasattr(value, "__len__") else (value,)
    return tuple(check_float(where, "quantiles", q, above=0, below=1) for q in listed)


def _variance(where: str, value: str) -> str:
    if value not in ("exp", "softplus", "linear"):
        raise ValueError(
            f"{where}: variance must be 'exp', 'softplus' or 'linear', got {describe(value)}"
        )
    return value


def mean_squared_error(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
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
    >>> round(mean_squared_error([[1.0], [4.0]], [[1.0], [2.0]]), 4)
    2.0
    """
    return _core.loss("mean_squared_error", _MSE, z, y, sample_weight, {}, False, None)


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
    >>> mean_squared_error_grad([[1.0], [4.0]], [[1.0], [2.0]]).round(4)
    array([[0.],
           [2.]])
    """
    return _core.loss("mean_squared_error_grad", _MSE, z, y, sample_weight, {}, True, out)


def mean_absolute_error(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
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
    >>> round(mean_absolute_error([[1.0], [4.0]], [[1.0], [2.0]]), 4)
    1.0
    """
    return _core.loss("mean_absolute_error", _MAE, z, y, sample_weight, {}, False, None)


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
    >>> mean_absolute_error_grad([[1.0], [4.0]], [[1.0], [2.0]]).round(4)
    array([[0. ],
           [0.5]])
    """
    return _core.loss("mean_absolute_error_grad", _MAE, z, y, sample_weight, {}, True, out)


def mean_absolute_percentage_error(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    epsilon: float = 1e-7,
) -> float:
    """The mean over all outputs of ``100 * |z - y| / max(|y|, epsilon)``.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Outputs of the network.
    y : array_like, shape (rows, cols)
        Targets.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.
    epsilon : float, default 1e-7
        What a smaller target counts as; above 0.

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
    >>> round(mean_absolute_percentage_error([[1.0], [4.0]], [[2.0], [5.0]]), 4)
    35.0
    """
    settings = {
        "epsilon": _above("mean_absolute_percentage_error", "epsilon", epsilon),
    }
    return _core.loss(
        "mean_absolute_percentage_error", _MAPE, z, y, sample_weight, settings, False, None
    )


def mean_absolute_percentage_error_grad(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    epsilon: float = 1e-7,
    out: Array | None = None,
) -> Array:
    """Gradient of `mean_absolute_percentage_error` by `z`.

    ``100 * sign(z - y) / max(|y|, epsilon)``, weighted and averaged as the loss is.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Outputs of the network.
    y : array_like, shape (rows, cols)
        Targets.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.
    epsilon : float, default 1e-7
        What a smaller target counts as; above 0.
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
    >>> mean_absolute_percentage_error_grad([[1.0], [4.0]], [[2.0], [5.0]]).round(4)
    array([[-25.],
           [-10.]])
    """
    settings = {
        "epsilon": _above("mean_absolute_percentage_error_grad", "epsilon", epsilon),
    }
    return _core.loss(
        "mean_absolute_percentage_error_grad", _MAPE, z, y, sample_weight, settings, True, out
    )


def mean_squared_logarithmic_error(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    epsilon: float = 1e-7,
) -> float:
    """The mean over all outputs of ``(log(1 + z) - log(1 + y))**2``.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Outputs of the network.
    y : array_like, shape (rows, cols)
        Targets of at least 0.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.
    epsilon : float, default 1e-7
        What a smaller output or target counts as; above 0.

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
    >>> round(mean_squared_logarithmic_error([[1.0], [3.0]], [[1.0], [1.0]]), 4)
    0.2402
    """
    settings = {
        "epsilon": _above("mean_squared_logarithmic_error", "epsilon", epsilon),
    }
    return _core.loss(
        "mean_squared_logarithmic_error", _MSLE, z, y, sample_weight, settings, False, None
    )


def mean_squared_logarithmic_error_grad(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    epsilon: float = 1e-7,
    out: Array | None = None,
) -> Array:
    """Gradient of `mean_squared_logarithmic_error` by `z`.

    ``2 * (log(1 + z) - log(1 + y)) / (1 + z)``, 0 where z is below epsilon, weighted and averaged
    as the loss is.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Outputs of the network.
    y : array_like, shape (rows, cols)
        Targets of at least 0.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.
    epsilon : float, default 1e-7
        What a smaller output or target counts as; above 0.
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
    >>> mean_squared_logarithmic_error_grad([[1.0], [3.0]], [[1.0], [1.0]]).round(4)
    array([[0.    ],
           [0.1733]])
    """
    settings = {
        "epsilon": _above("mean_squared_logarithmic_error_grad", "epsilon", epsilon),
    }
    return _core.loss(
        "mean_squared_logarithmic_error_grad", _MSLE, z, y, sample_weight, settings, True, out
    )


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
        "delta": _above("huber", "delta", delta),
    }
    return _core.loss("huber", _HUBER, z, y, sample_weight, settings, False, None)


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
        "delta": _above("huber_grad", "delta", delta),
    }
    return _core.loss("huber_grad", _HUBER, z, y, sample_weight, settings, True, out)


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
    return _core.loss("log_cosh", _LOG_COSH, z, y, sample_weight, {}, False, None)


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
    return _core.loss("log_cosh_grad", _LOG_COSH, z, y, sample_weight, {}, True, out)


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
        "quantiles": _quantiles("quantile", quantiles),
    }
    return _core.loss("quantile", _QUANTILE, z, y, sample_weight, settings, False, None)


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
        "quantiles": _quantiles("quantile_grad", quantiles),
    }
    return _core.loss("quantile_grad", _QUANTILE, z, y, sample_weight, settings, True, out)


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
        "variance": _variance("gaussian_nll", variance),
        "epsilon": _above("gaussian_nll", "epsilon", epsilon),
        "full": check_bool("gaussian_nll", "full", full),
    }
    return _core.loss("gaussian_nll", _GAUSSIAN, z, y, sample_weight, settings, False, None)


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
        "variance": _variance("gaussian_nll_grad", variance),
        "epsilon": _above("gaussian_nll_grad", "epsilon", epsilon),
        "full": check_bool("gaussian_nll_grad", "full", full),
    }
    return _core.loss("gaussian_nll_grad", _GAUSSIAN, z, y, sample_weight, settings, True, out)


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
        "epsilon": _above("poisson", "epsilon", epsilon),
    }
    return _core.loss("poisson", _POISSON, z, y, sample_weight, settings, False, None)


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
        "epsilon": _above("poisson_grad", "epsilon", epsilon),
    }
    return _core.loss("poisson_grad", _POISSON, z, y, sample_weight, settings, True, out)


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
        "epsilon": _above("gamma", "epsilon", epsilon),
    }
    return _core.loss("gamma", _GAMMA, z, y, sample_weight, settings, False, None)


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
        "epsilon": _above("gamma_grad", "epsilon", epsilon),
    }
    return _core.loss("gamma_grad", _GAMMA, z, y, sample_weight, settings, True, out)


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
        "epsilon": _above("tweedie", "epsilon", epsilon),
    }
    return _core.loss("tweedie", _TWEEDIE, z, y, sample_weight, settings, False, None)


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
        "epsilon": _above("tweedie_grad", "epsilon", epsilon),
    }
    return _core.loss("tweedie_grad", _TWEEDIE, z, y, sample_weight, settings, True, out)


def binary_crossentropy(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    label_smoothing: float = 0.0,
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
    label_smoothing : float, default 0.0
        s within 0 .. 1: y counts as ``y * (1 - s) + s / 2``.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no rows, the weights add up to 0, or `label_smoothing`
        is out of range.
    TypeError
        If a dtype does not fit.

    Examples
    --------
    >>> round(binary_crossentropy([[0.0], [2.0]], [[0.0], [1.0]]), 4)
    0.41
    """
    settings = {
        "smoothing": _share("binary_crossentropy", "label_smoothing", label_smoothing),
    }
    return _core.loss("binary_crossentropy", _BINARY, z, y, sample_weight, settings, False, None)


def binary_crossentropy_grad(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    label_smoothing: float = 0.0,
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
    label_smoothing : float, default 0.0
        s within 0 .. 1: y counts as ``y * (1 - s) + s / 2``.
    out : ndarray, shape (rows, cols), optional
        May be `z` itself.

    Returns
    -------
    ndarray, shape (rows, cols)

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no rows, the weights add up to 0, or `label_smoothing`
        is out of range.
    TypeError
        If a dtype does not fit.

    Examples
    --------
    >>> binary_crossentropy_grad([[0.0], [2.0]], [[0.0], [1.0]]).round(4)
    array([[ 0.25  ],
           [-0.0596]])
    """
    settings = {
        "smoothing": _share("binary_crossentropy_grad", "label_smoothing", label_smoothing),
    }
    return _core.loss("binary_crossentropy_grad", _BINARY, z, y, sample_weight, settings, True, out)


def binary_focal_crossentropy(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    label_smoothing: float = 0.0,
) -> float:
    """The binary crossentropy, each output times ``(1 - p_t)**gamma``; the mean over all outputs.

    p_t is ``y * p + (1 - y) * (1 - p)`` with p = sigmoid(z).

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Logits: outputs before the sigmoid.
    y : array_like, shape (rows, cols)
        Targets within 0 .. 1.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.
    apply_class_balancing : bool, default False
        Whether outputs weigh ``y * alpha + (1 - y) * (1 - alpha)``.
    alpha : float, default 0.25
        Within 0 .. 1.
    gamma : float, default 2.0
        At least 0.
    label_smoothing : float, default 0.0
        s within 0 .. 1: y counts as ``y * (1 - s) + s / 2``.

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
    Lin, Goyal, Girshick, He and Dollar (2017), Focal loss for dense object detection,
    arXiv:1708.02002.

    Examples
    --------
    >>> round(binary_focal_crossentropy([[0.0], [2.0]], [[0.0], [1.0]]), 4)
    0.0875
    """
    settings = {
        "balance": check_bool(
            "binary_focal_crossentropy", "apply_class_balancing", apply_class_balancing
        ),
        "alpha": _share("binary_focal_crossentropy", "alpha", alpha),
        "gamma": check_float("binary_focal_crossentropy", "gamma", gamma, at_least=0),
        "smoothing": _share("binary_focal_crossentropy", "label_smoothing", label_smoothing),
    }
    return _core.loss(
        "binary_focal_crossentropy", _BINARY_FOCAL, z, y, sample_weight, settings, False, None
    )


def binary_focal_crossentropy_grad(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    label_smoothing: float = 0.0,
    out: Array | None = None,
) -> Array:
    """Gradient of `binary_focal_crossentropy` by `z`.

    By the product rule, from that of the factor and that of the binary crossentropy; weighted and
    averaged as the loss is.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Logits: outputs before the sigmoid.
    y : array_like, shape (rows, cols)
        Targets within 0 .. 1.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.
    apply_class_balancing : bool, default False
        Whether outputs weigh ``y * alpha + (1 - y) * (1 - alpha)``.
    alpha : float, default 0.25
        Within 0 .. 1.
    gamma : float, default 2.0
        At least 0.
    label_smoothing : float, default 0.0
        s within 0 .. 1: y counts as ``y * (1 - s) + s / 2``.
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
    Lin, Goyal, Girshick, He and Dollar (2017), Focal loss for dense object detection,
    arXiv:1708.02002.

    Examples
    --------
    >>> binary_focal_crossentropy_grad([[0.0], [2.0]], [[0.0], [1.0]]).round(4)
    array([[ 0.1491],
           [-0.0024]])
    """
    settings = {
        "balance": check_bool(
            "binary_focal_crossentropy_grad", "apply_class_balancing", apply_class_balancing
        ),
        "alpha": _share("binary_focal_crossentropy_grad", "alpha", alpha),
        "gamma": check_float("binary_focal_crossentropy_grad", "gamma", gamma, at_least=0),
        "smoothing": _share("binary_focal_crossentropy_grad", "label_smoothing", label_smoothing),
    }
    return _core.loss(
        "binary_focal_crossentropy_grad", _BINARY_FOCAL, z, y, sample_weight, settings, True, out
    )


def categorical_crossentropy(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    label_smoothing: float = 0.0,
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
    label_smoothing : float, default 0.0
        s within 0 .. 1: y counts as ``y * (1 - s) + s / cols``.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no rows, the weights add up to 0, or `label_smoothing`
        is out of range.
    TypeError
        If a dtype does not fit.

    Examples
    --------
    >>> round(categorical_crossentropy([[0.0, 0.0], [2.0, 0.0]], [[0.0, 1.0], [1.0, 0.0]]), 4)
    0.41
    """
    settings = {
        "smoothing": _share("categorical_crossentropy", "label_smoothing", label_smoothing),
    }
    return _core.loss(
        "categorical_crossentropy", _CATEGORICAL, z, y, sample_weight, settings, False, None
    )


def categorical_crossentropy_grad(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    label_smoothing: float = 0.0,
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
    label_smoothing : float, default 0.0
        s within 0 .. 1: y counts as ``y * (1 - s) + s / cols``.
    out : ndarray, shape (rows, cols), optional
        May be `z` itself.

    Returns
    -------
    ndarray, shape (rows, cols)

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no rows, the weights add up to 0, or `label_smoothing`
        is out of range.
    TypeError
        If a dtype does not fit.

    Examples
    --------
    >>> categorical_crossentropy_grad([[0.0, 0.0], [2.0, 0.0]], [[0.0, 1.0], [1.0, 0.0]]).round(4)
    array([[ 0.25  , -0.25  ],
           [-0.0596,  0.0596]])
    """
    settings = {
        "smoothing": _share("categorical_crossentropy_grad", "label_smoothing", label_smoothing),
    }
    return _core.loss(
        "categorical_crossentropy_grad", _CATEGORICAL, z, y, sample_weight, settings, True, out
    )


def sparse_categorical_crossentropy(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    label_smoothing: float = 0.0,
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
    label_smoothing : float, default 0.0
        s within 0 .. 1: as for one-hot rows of `categorical_crossentropy`.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no rows, the weights add up to 0, a label is out of
        range, or `label_smoothing` is out of range.
    TypeError
        If a dtype does not fit.

    Examples
    --------
    >>> round(sparse_categorical_crossentropy([[0.0, 0.0], [2.0, 0.0]], [1, 0]), 4)
    0.41
    """
    settings = {
        "smoothing": _share("sparse_categorical_crossentropy", "label_smoothing", label_smoothing),
    }
    return _core.loss(
        "sparse_categorical_crossentropy", _SPARSE, z, y, sample_weight, settings, False, None
    )


def sparse_categorical_crossentropy_grad(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    label_smoothing: float = 0.0,
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
    label_smoothing : float, default 0.0
        s within 0 .. 1: as for one-hot rows of `categorical_crossentropy`.
    out : ndarray, shape (rows, cols), optional
        May be `z` itself.

    Returns
    -------
    ndarray, shape (rows, cols)

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no rows, the weights add up to 0, a label is out of
        range, or `label_smoothing` is out of range.
    TypeError
        If a dtype does not fit.

    Examples
    --------
    >>> sparse_categorical_crossentropy_grad([[0.0, 0.0], [2.0, 0.0]], [1, 0]).round(4)
    array([[ 0.25  , -0.25  ],
           [-0.0596,  0.0596]])
    """
    settings = {
        "smoothing": _share(
            "sparse_categorical_crossentropy_grad", "label_smoothing", label_smoothing
        ),
    }
    return _core.loss(
        "sparse_categorical_crossentropy_grad", _SPARSE, z, y, sample_weight, settings, True, out
    )


def categorical_focal_crossentropy(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    alpha: float = 0.25,
    gamma: float = 2.0,
    label_smoothing: float = 0.0,
) -> float:
    """The mean over the rows of ``-alpha * sum(y * (1 - p)**gamma * log(p))``, p = softmax(z).

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Logits: outputs before the softmax.
    y : array_like, shape (rows, cols)
        Target probabilities, such as one-hot rows.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.
    alpha : float, default 0.25
        Scales the whole loss; above 0.
    gamma : float, default 2.0
        At least 0.
    label_smoothing : float, default 0.0
        s within 0 .. 1: y counts as ``y * (1 - s) + s / cols``.

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
    Lin, Goyal, Girshick, He and Dollar (2017), Focal loss for dense object detection,
    arXiv:1708.02002.

    Examples
    --------
    >>> round(categorical_focal_crossentropy([[0.0, 0.0], [2.0, 0.0]], [[0.0, 1.0], [1.0, 0.0]]), 4)
    0.0219
    """
    settings = {
        "alpha": _above("categorical_focal_crossentropy", "alpha", alpha),
        "gamma": check_float("categorical_focal_crossentropy", "gamma", gamma, at_least=0),
        "smoothing": _share("categorical_focal_crossentropy", "label_smoothing", label_smoothing),
    }
    return _core.loss(
        "categorical_focal_crossentropy",
        _CATEGORICAL_FOCAL,
        z,
        y,
        sample_weight,
        settings,
        False,
        None,
    )


def categorical_focal_crossentropy_grad(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    alpha: float = 0.25,
    gamma: float = 2.0,
    label_smoothing: float = 0.0,
    out: Array | None = None,
) -> Array:
    """Gradient of `categorical_focal_crossentropy` by `z`.

    ``alpha * (p * sum(h) - h)`` with ``h = y * (1 - p)**gamma * (1 - gamma * p * log(p) / (1 -
    p))``, weighted and averaged as the loss is.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Logits: outputs before the softmax.
    y : array_like, shape (rows, cols)
        Target probabilities, such as one-hot rows.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.
    alpha : float, default 0.25
        Scales the whole loss; above 0.
    gamma : float, default 2.0
        At least 0.
    label_smoothing : float, default 0.0
        s within 0 .. 1: y counts as ``y * (1 - s) + s / cols``.
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
    Lin, Goyal, Girshick, He and Dollar (2017), Focal loss for dense object detection,
    arXiv:1708.02002.

    Examples
    --------
    >>> y = [[0.0, 1.0], [1.0, 0.0]]
    >>> categorical_focal_crossentropy_grad([[0.0, 0.0], [2.0, 0.0]], y).round(4)
    array([[ 0.0373, -0.0373],
           [-0.0006,  0.0006]])
    """
    settings = {
        "alpha": _above("categorical_focal_crossentropy_grad", "alpha", alpha),
        "gamma": check_float("categorical_focal_crossentropy_grad", "gamma", gamma, at_least=0),
        "smoothing": _share(
            "categorical_focal_crossentropy_grad", "label_smoothing", label_smoothing
        ),
    }
    return _core.loss(
        "categorical_focal_crossentropy_grad",
        _CATEGORICAL_FOCAL,
        z,
        y,
        sample_weight,
        settings,
        True,
        out,
    )


def kl_divergence(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
) -> float:
    """The mean over the rows of ``sum(y * (log(y) - log(p)))`` with p = softmax(z) along each row.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Logits: outputs before the softmax.
    y : array_like, shape (rows, cols)
        Target probabilities.
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
    >>> round(kl_divergence([[0.0, 0.0], [2.0, 0.0]], [[0.5, 0.5], [1.0, 0.0]]), 4)
    0.0635
    """
    return _core.loss("kl_divergence", _KL, z, y, sample_weight, {}, False, None)


def kl_divergence_grad(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    out: Array | None = None,
) -> Array:
    """Gradient of `kl_divergence` by `z`.

    ``softmax(z) * sum(y) - y`` along each row, weighted and averaged as the loss is.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Logits: outputs before the softmax.
    y : array_like, shape (rows, cols)
        Target probabilities.
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
    >>> kl_divergence_grad([[0.0, 0.0], [2.0, 0.0]], [[0.5, 0.5], [1.0, 0.0]]).round(4)
    array([[ 0.    ,  0.    ],
           [-0.0596,  0.0596]])
    """
    return _core.loss("kl_divergence_grad", _KL, z, y, sample_weight, {}, True, out)


def hinge(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
) -> float:
    """The mean over all outputs of ``max(0, 1 - s * z)`` for labels s of -1 and 1.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Outputs of the network.
    y : array_like, shape (rows, cols)
        Labels: above 0 is 1, all else -1.
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
    >>> round(hinge([[0.5], [2.0]], [[1.0], [-1.0]]), 4)
    1.75
    """
    return _core.loss("hinge", _HINGE, z, y, sample_weight, {}, False, None)


def hinge_grad(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    out: Array | None = None,
) -> Array:
    """Gradient of `hinge` by `z`.

    ``-s`` where ``s * z < 1``, else 0, weighted and averaged as the loss is.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Outputs of the network.
    y : array_like, shape (rows, cols)
        Labels: above 0 is 1, all else -1.
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
    >>> hinge_grad([[0.5], [2.0]], [[1.0], [-1.0]]).round(4)
    array([[-0.5],
           [ 0.5]])
    """
    return _core.loss("hinge_grad", _HINGE, z, y, sample_weight, {}, True, out)


def squared_hinge(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
) -> float:
    """The mean over all outputs of ``max(0, 1 - s * z)**2`` for labels s of -1 and 1.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Outputs of the network.
    y : array_like, shape (rows, cols)
        Labels: above 0 is 1, all else -1.
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
    >>> round(squared_hinge([[0.5], [2.0]], [[1.0], [-1.0]]), 4)
    4.625
    """
    return _core.loss("squared_hinge", _SQUARED_HINGE, z, y, sample_weight, {}, False, None)


def squared_hinge_grad(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    out: Array | None = None,
) -> Array:
    """Gradient of `squared_hinge` by `z`.

    ``-2 * s * max(0, 1 - s * z)``, weighted and averaged as the loss is.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Outputs of the network.
    y : array_like, shape (rows, cols)
        Labels: above 0 is 1, all else -1.
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
    >>> squared_hinge_grad([[0.5], [2.0]], [[1.0], [-1.0]]).round(4)
    array([[-0.5],
           [ 3. ]])
    """
    return _core.loss("squared_hinge_grad", _SQUARED_HINGE, z, y, sample_weight, {}, True, out)


def soft_margin(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
) -> float:
    """The mean over all outputs of ``log(1 + exp(-s * z))`` for labels s of -1 and 1.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Outputs of the network.
    y : array_like, shape (rows, cols)
        Labels: above 0 is 1, all else -1.
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
    >>> round(soft_margin([[0.0], [2.0]], [[1.0], [1.0]]), 4)
    0.41
    """
    return _core.loss("soft_margin", _SOFT_MARGIN, z, y, sample_weight, {}, False, None)


def soft_margin_grad(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    out: Array | None = None,
) -> Array:
    """Gradient of `soft_margin` by `z`.

    ``-s * sigmoid(-s * z)``, weighted and averaged as the loss is.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Outputs of the network.
    y : array_like, shape (rows, cols)
        Labels: above 0 is 1, all else -1.
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
    >>> soft_margin_grad([[0.0], [2.0]], [[1.0], [1.0]]).round(4)
    array([[-0.25  ],
           [-0.0596]])
    """
    return _core.loss("soft_margin_grad", _SOFT_MARGIN, z, y, sample_weight, {}, True, out)


def categorical_hinge(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
) -> float:
    """The mean over the rows of ``max(0, 1 + max((1 - y) * z) - sum(y * z))``.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Outputs of the network.
    y : array_like, shape (rows, cols)
        One-hot rows.
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
    >>> round(categorical_hinge([[0.5, 1.0]], [[1.0, 0.0]]), 4)
    1.5
    """
    return _core.loss("categorical_hinge", _CATEGORICAL_HINGE, z, y, sample_weight, {}, False, None)


def categorical_hinge_grad(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    out: Array | None = None,
) -> Array:
    """Gradient of `categorical_hinge` by `z`.

    Where the loss is above 0: ``-y``, and ``1 - y`` added at the first largest ``(1 - y) * z``,
    weighted and averaged as the loss is.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Outputs of the network.
    y : array_like, shape (rows, cols)
        One-hot rows.
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
    >>> categorical_hinge_grad([[0.5, 1.0]], [[1.0, 0.0]]).round(4)
    array([[-1.,  1.]])
    """
    return _core.loss(
        "categorical_hinge_grad", _CATEGORICAL_HINGE, z, y, sample_weight, {}, True, out
    )


def cosine_similarity(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    epsilon: float = 1e-7,
) -> float:
    """The mean over the rows of minus the cosine of the angle between z and y.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Outputs of the network.
    y : array_like, shape (rows, cols)
        Targets.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.
    epsilon : float, default 1e-7
        The least length that a row counts with; above 0.

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
    >>> round(cosine_similarity([[3.0, 4.0]], [[0.0, 2.0]]), 4)
    -0.8
    """
    settings = {
        "epsilon": _above("cosine_similarity", "epsilon", epsilon),
    }
    return _core.loss("cosine_similarity", _COSINE, z, y, sample_weight, settings, False, None)


def cosine_similarity_grad(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    epsilon: float = 1e-7,
    out: Array | None = None,
) -> Array:
    """Gradient of `cosine_similarity` by `z`.

    The part of ``-y / (|y| * |z|)`` across z, weighted and averaged as the loss is.

    Parameters
    ----------
    z : array_like, shape (rows, cols)
        Outputs of the network.
    y : array_like, shape (rows, cols)
        Targets.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.
    epsilon : float, default 1e-7
        The least length that a row counts with; above 0.
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
    >>> cosine_similarity_grad([[3.0, 4.0]], [[0.0, 2.0]]).round(4)
    array([[ 0.096, -0.072]])
    """
    settings = {
        "epsilon": _above("cosine_similarity_grad", "epsilon", epsilon),
    }
    return _core.loss("cosine_similarity_grad", _COSINE, z, y, sample_weight, settings, True, out)


def margin_ranking(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    margin: float = 0.0,
) -> float:
    """The mean over the rows of ``max(0, margin - s * (z[0] - z[1]))`` for labels s of -1 and 1.

    Parameters
    ----------
    z : array_like, shape (rows, 2)
        Outputs of the network.
    y : array_like, shape (rows, 1)
        Labels: above 0 is 1, all else -1.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.
    margin : float, default 0.0
        At least 0.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no rows, the weights add up to 0, or `margin` is out of
        range.
    TypeError
        If a dtype does not fit.

    Examples
    --------
    >>> round(margin_ranking([[0.5, 1.0]], [[1.0]], margin=0.25), 4)
    0.75
    """
    settings = {
        "margin": check_float("margin_ranking", "margin", margin, at_least=0),
    }
    return _core.loss("margin_ranking", _MARGIN_RANKING, z, y, sample_weight, settings, False, None)


def margin_ranking_grad(
    z: npt.ArrayLike,
    y: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    margin: float = 0.0,
    out: Array | None = None,
) -> Array:
    """Gradient of `margin_ranking` by `z`.

    ``-s, s`` where ``s * (z[0] - z[1]) <= margin``, else 0, weighted and averaged as the loss is.

    Parameters
    ----------
    z : array_like, shape (rows, 2)
        Outputs of the network.
    y : array_like, shape (rows, 1)
        Labels: above 0 is 1, all else -1.
    sample_weight : array_like, shape (rows,), optional
        Weight of each row; None is 1 for all.
    margin : float, default 0.0
        At least 0.
    out : ndarray, shape (rows, 2), optional
        May be `z` itself.

    Returns
    -------
    ndarray, shape (rows, 2)

    Raises
    ------
    ValueError
        If the shapes do not fit, there are no rows, the weights add up to 0, or `margin` is out of
        range.
    TypeError
        If a dtype does not fit.

    Examples
    --------
    >>> margin_ranking_grad([[0.5, 1.0]], [[1.0]], margin=0.25).round(4)
    array([[-1.,  1.]])
    """
    settings = {
        "margin": check_float("margin_ranking_grad", "margin", margin, at_least=0),
    }
    return _core.loss(
        "margin_ranking_grad", _MARGIN_RANKING, z, y, sample_weight, settings, True, out
    )
