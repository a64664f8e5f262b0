"""Mean errors: losses of the differences alone, and their gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import _core
from fastnn.kernels.loss.common import MAE, MAPE, MSE, MSLE, above

__all__ = [
    "mean_squared_error",
    "mean_squared_error_grad",
    "mean_absolute_error",
    "mean_absolute_error_grad",
    "mean_absolute_percentage_error",
    "mean_absolute_percentage_error_grad",
    "mean_squared_logarithmic_error",
    "mean_squared_logarithmic_error_grad",
]

Array = npt.NDArray[np.floating[Any]]


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
    return _core.loss("mean_squared_error", MSE, z, y, sample_weight, {}, False, None)


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
    return _core.loss("mean_squared_error_grad", MSE, z, y, sample_weight, {}, True, out)


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
    return _core.loss("mean_absolute_error", MAE, z, y, sample_weight, {}, False, None)


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
    return _core.loss("mean_absolute_error_grad", MAE, z, y, sample_weight, {}, True, out)


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
        "epsilon": above("mean_absolute_percentage_error", "epsilon", epsilon),
    }
    return _core.loss(
        "mean_absolute_percentage_error", MAPE, z, y, sample_weight, settings, False, None
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
        "epsilon": above("mean_absolute_percentage_error_grad", "epsilon", epsilon),
    }
    return _core.loss(
        "mean_absolute_percentage_error_grad", MAPE, z, y, sample_weight, settings, True, out
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
        "epsilon": above("mean_squared_logarithmic_error", "epsilon", epsilon),
    }
    return _core.loss(
        "mean_squared_logarithmic_error", MSLE, z, y, sample_weight, settings, False, None
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
        "epsilon": above("mean_squared_logarithmic_error_grad", "epsilon", epsilon),
    }
    return _core.loss(
        "mean_squared_logarithmic_error_grad", MSLE, z, y, sample_weight, settings, True, out
    )
