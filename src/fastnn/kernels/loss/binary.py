"""Losses of yes or no: binary crossentropy and its focal form."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import _core
from fastnn._spec import check_bool, check_float
from fastnn.kernels.loss.common import BINARY, BINARY_FOCAL, share

__all__ = [
    "binary_crossentropy",
    "binary_crossentropy_grad",
    "binary_focal_crossentropy",
    "binary_focal_crossentropy_grad",
]

Array = npt.NDArray[np.floating[Any]]


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
        "smoothing": share("binary_crossentropy", "label_smoothing", label_smoothing),
    }
    return _core.loss("binary_crossentropy", BINARY, z, y, sample_weight, settings, False, None)


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
        "smoothing": share("binary_crossentropy_grad", "label_smoothing", label_smoothing),
    }
    return _core.loss("binary_crossentropy_grad", BINARY, z, y, sample_weight, settings, True, out)


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
        "alpha": share("binary_focal_crossentropy", "alpha", alpha),
        "gamma": check_float("binary_focal_crossentropy", "gamma", gamma, at_least=0),
        "smoothing": share("binary_focal_crossentropy", "label_smoothing", label_smoothing),
    }
    return _core.loss(
        "binary_focal_crossentropy", BINARY_FOCAL, z, y, sample_weight, settings, False, None
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
        "alpha": share("binary_focal_crossentropy_grad", "alpha", alpha),
        "gamma": check_float("binary_focal_crossentropy_grad", "gamma", gamma, at_least=0),
        "smoothing": share("binary_focal_crossentropy_grad", "label_smoothing", label_smoothing),
    }
    return _core.loss(
        "binary_focal_crossentropy_grad", BINARY_FOCAL, z, y, sample_weight, settings, True, out
    )
