"""Losses of one class among several: crossentropies and the divergence of distributions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import _core
from fastnn._spec import check_float
from fastnn.kernels.loss.common import CATEGORICAL, CATEGORICAL_FOCAL, KL, SPARSE, above, share

__all__ = [
    "categorical_crossentropy",
    "categorical_crossentropy_grad",
    "sparse_categorical_crossentropy",
    "sparse_categorical_crossentropy_grad",
    "categorical_focal_crossentropy",
    "categorical_focal_crossentropy_grad",
    "kl_divergence",
    "kl_divergence_grad",
]

Array = npt.NDArray[np.floating[Any]]


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
        "smoothing": share("categorical_crossentropy", "label_smoothing", label_smoothing),
    }
    return _core.loss(
        "categorical_crossentropy", CATEGORICAL, z, y, sample_weight, settings, False, None
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
        "smoothing": share("categorical_crossentropy_grad", "label_smoothing", label_smoothing),
    }
    return _core.loss(
        "categorical_crossentropy_grad", CATEGORICAL, z, y, sample_weight, settings, True, out
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
        "smoothing": share("sparse_categorical_crossentropy", "label_smoothing", label_smoothing),
    }
    return _core.loss(
        "sparse_categorical_crossentropy", SPARSE, z, y, sample_weight, settings, False, None
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
        "smoothing": share(
            "sparse_categorical_crossentropy_grad", "label_smoothing", label_smoothing
        ),
    }
    return _core.loss(
        "sparse_categorical_crossentropy_grad", SPARSE, z, y, sample_weight, settings, True, out
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
        "alpha": above("categorical_focal_crossentropy", "alpha", alpha),
        "gamma": check_float("categorical_focal_crossentropy", "gamma", gamma, at_least=0),
        "smoothing": share("categorical_focal_crossentropy", "label_smoothing", label_smoothing),
    }
    return _core.loss(
        "categorical_focal_crossentropy",
        CATEGORICAL_FOCAL,
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
        "alpha": above("categorical_focal_crossentropy_grad", "alpha", alpha),
        "gamma": check_float("categorical_focal_crossentropy_grad", "gamma", gamma, at_least=0),
        "smoothing": share(
            "categorical_focal_crossentropy_grad", "label_smoothing", label_smoothing
        ),
    }
    return _core.loss(
        "categorical_focal_crossentropy_grad",
        CATEGORICAL_FOCAL,
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
    return _core.loss("kl_divergence", KL, z, y, sample_weight, {}, False, None)


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
    return _core.loss("kl_divergence_grad", KL, z, y, sample_weight, {}, True, out)
