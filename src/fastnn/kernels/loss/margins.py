"""Losses of scores and directions: hinges, soft margin, cosine similarity, ranking."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import _core
from fastnn._spec import check_float
from fastnn.kernels.loss.common import (
    CATEGORICAL_HINGE,
    COSINE,
    HINGE,
    MARGIN_RANKING,
    SOFT_MARGIN,
    SQUARED_HINGE,
    above,
)

__all__ = [
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
    return _core.loss("hinge", HINGE, z, y, sample_weight, {}, False, None)


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
    return _core.loss("hinge_grad", HINGE, z, y, sample_weight, {}, True, out)


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
    return _core.loss("squared_hinge", SQUARED_HINGE, z, y, sample_weight, {}, False, None)


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
    return _core.loss("squared_hinge_grad", SQUARED_HINGE, z, y, sample_weight, {}, True, out)


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
    return _core.loss("soft_margin", SOFT_MARGIN, z, y, sample_weight, {}, False, None)


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
    return _core.loss("soft_margin_grad", SOFT_MARGIN, z, y, sample_weight, {}, True, out)


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
    return _core.loss("categorical_hinge", CATEGORICAL_HINGE, z, y, sample_weight, {}, False, None)


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
        "categorical_hinge_grad", CATEGORICAL_HINGE, z, y, sample_weight, {}, True, out
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
        "epsilon": above("cosine_similarity", "epsilon", epsilon),
    }
    return _core.loss("cosine_similarity", COSINE, z, y, sample_weight, settings, False, None)


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
        "epsilon": above("cosine_similarity_grad", "epsilon", epsilon),
    }
    return _core.loss("cosine_similarity_grad", COSINE, z, y, sample_weight, settings, True, out)


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
    return _core.loss("margin_ranking", MARGIN_RANKING, z, y, sample_weight, settings, False, None)


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
        "margin_ranking_grad", MARGIN_RANKING, z, y, sample_weight, settings, True, out
    )
