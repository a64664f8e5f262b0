"""Losses and their gradients on arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import _core
from fastnn._spec import check_float

__all__ = [
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
]

Array = npt.NDArray[np.floating[Any]]

# Numbers of the kernels, as in csrc/include/fastnn/loss.h.
_MSE, _MAE, _HUBER, _BINARY, _CATEGORICAL, _SPARSE = range(6)


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
