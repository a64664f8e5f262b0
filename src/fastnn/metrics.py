"""Metrics: functions on whole arrays, and the specs that the trainer streams.

Both are computed by the same C code, in float64 sums over any number of batches.  The functions
take ``(y_true, y_pred, sample_weight=None)`` as scikit-learn's do, and agree with them.

>>> import fastnn as fnn
>>> fnn.metrics.mean_absolute_error([1.0, 2.0, 4.0], [1.0, 3.0, 2.0])
1.0
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fastnn._core import MetricState
from fastnn._spec import lookup

__all__ = [
    "Metric",
    "accuracy",
    "binary_accuracy",
    "categorical_accuracy",
    "get",
    "mean_absolute_error",
    "mean_squared_error",
    "r2_score",
    "root_mean_squared_error",
    "sparse_categorical_accuracy",
]

# The values of fnn_metric_t in csrc/include/fastnn/metric.h.
_ABSOLUTE_ERROR = 0
_SQUARED_ERROR = 1
_ROOT_SQUARED_ERROR = 2
_R2 = 3
_BINARY_ACCURACY = 4
_CATEGORICAL_ACCURACY = 5
_SPARSE_ACCURACY = 6

_Array = npt.NDArray[Any]


def _numbers(function: str, argument: str, value: npt.ArrayLike) -> _Array:
    """`value` as an array of finite real numbers, of its own dtype."""
    if hasattr(value, "mask"):
        raise TypeError(f"{function}: {argument} is a masked array; fill or drop what is masked")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{function}: {argument} is not a rectangular array: {error}") from None
    if array.dtype.kind not in "fiub":
        raise TypeError(
            f"{function}: {argument} must hold real numbers, got {type(value).__name__} "
            f"with dtype {array.dtype}"
        )
    if array.size == 0:
        raise ValueError(f"{function}: {argument} is empty, shape {array.shape}; want some rows")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{function}: {argument} holds NaN or Inf")
    return array


def _table(function: str, argument: str, value: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """`value` as float64, shape (n, k); (n,) is (n, 1)."""
    array = _numbers(function, argument, value)
    if array.ndim not in (1, 2):
        raise ValueError(f"{function}: {argument} must be (n,) or (n, k), got shape {array.shape}")
    columns = array.reshape(len(array), -1)
    return np.ascontiguousarray(columns, dtype=np.float64)


def _labels(
    function: str, argument: str, value: npt.ArrayLike, classes: int
) -> npt.NDArray[np.int32]:
    """`value` as class labels within [0, classes), shape (n,); (n, 1) and whole floats will do."""
    array = _numbers(function, argument, value)
    if array.ndim != 1 and array.shape[1:] != (1,):
        raise ValueError(
            f"{function}: {argument} must be labels of shape (n,) or (n, 1), got {array.shape}"
        )
    flat = array.reshape(-1)
    if flat.dtype.kind == "f" and (flat != np.floor(flat)).any():
        wrong = flat[flat != np.floor(flat)][0]
        raise ValueError(f"{function}: {argument} must be whole numbers, got {wrong}")
    outside = (flat < 0) | (flat >= classes)
    if outside.any():
        raise ValueError(
            f"{function}: {argument} must lie within 0 and {classes - 1} for {classes} columns of "
            f"y_pred, got {flat[outside][0]}"
        )
    return np.ascontiguousarray(flat, dtype=np.int32)


def _weights(
    function: str, value: npt.ArrayLike | None, rows: int
) -> npt.NDArray[np.float64] | None:
    if value is None:
        return None
    array = _numbers(function, "sample_weight", value)
    if array.shape not in ((rows,), (rows, 1)):
        raise ValueError(
            f"{function}: sample_weight must be ({rows},), one a row of y_true, got {array.shape}"
        )
    if (array < 0).any():
        raise ValueError(f"{function}: sample_weight must not be negative, got {array.min()}")
    if not array.any():
        raise ValueError(f"{function}: sample_weight is 0 in every row")
    return np.ascontiguousarray(array.reshape(-1), dtype=np.float64)


def _same_shape(function: str, y: _Array, p: _Array) -> None:
    if y.shape != p.shape:
        raise ValueError(
            f"{function}: y_true is {y.shape}, y_pred is {p.shape}; want the same shape"
        )


def _score(
    function: str, kind: int, y: _Array, p: npt.NDArray[np.float64], weight: npt.ArrayLike | None
) -> float:
    state = MetricState(kind, p.shape[1])
    state.update(p, y, _weights(function, weight, len(y)))
    return state.result()


def _paired(
    function: str,
    kind: int,
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None,
) -> float:
    y, p = _table(function, "y_true", y_true), _table(function, "y_pred", y_pred)
    _same_shape(function, y, p)
    return _score(function, kind, y, p, sample_weight)


def mean_absolute_error(
    y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
) -> float:
    """Mean of ``|y_true - y_pred|`` over rows and columns.

    Parameters
    ----------
    y_true, y_pred : array-like, shape (n,), (n, 1) or (n, k)
        Targets and predictions, finite; computed in float64.
    sample_weight : array-like, shape (n,), optional
        Weight of each row, not negative; ones if not given.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shapes differ, an array is empty or holds NaN or Inf, or the weights are all 0.
    TypeError
        If an array does not hold real numbers.

    Examples
    --------
    >>> from fastnn.metrics import mean_absolute_error
    >>> mean_absolute_error([3.0, 5.0], [2.0, 8.0])
    2.0
    >>> mean_absolute_error([3.0, 5.0], [2.0, 8.0], sample_weight=[3, 1])
    1.5
    """
    return _paired("mean_absolute_error", _ABSOLUTE_ERROR, y_true, y_pred, sample_weight)


def mean_squared_error(
    y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
) -> float:
    """Mean of ``(y_true - y_pred)**2`` over rows and columns.

    Parameters, errors and result are those of `mean_absolute_error`.

    Examples
    --------
    >>> from fastnn.metrics import mean_squared_error
    >>> mean_squared_error([3.0, 5.0], [2.0, 8.0])
    5.0
    """
    return _paired("mean_squared_error", _SQUARED_ERROR, y_true, y_pred, sample_weight)


def root_mean_squared_error(
    y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
) -> float:
    """Root of the mean squared error of each column, then the mean over columns.

    Parameters, errors and result are those of `mean_absolute_error`.

    Examples
    --------
    >>> from fastnn.metrics import root_mean_squared_error
    >>> root_mean_squared_error([[0.0, 1.0], [0.0, 2.0]], [[3.0, 1.0], [3.0, 2.0]])
    1.5
    """
    return _paired("root_mean_squared_error", _ROOT_SQUARED_ERROR, y_true, y_pred, sample_weight)


def r2_score(
    y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
) -> float:
    """R², the share of the variance of `y_true` that `y_pred` explains; the mean over columns.

    1 is a perfect prediction, 0 that of the mean of `y_true`; worse is negative.  A column in which
    `y_true` is constant scores 1 if it is predicted exactly, else 0.  Fewer than two rows give NaN.

    Parameters and errors are those of `mean_absolute_error`.

    Returns
    -------
    float

    Examples
    --------
    >>> from fastnn.metrics import r2_score
    >>> r2_score([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])
    0.5
    """
    return _paired("r2_score", _R2, y_true, y_pred, sample_weight)


def binary_accuracy(
    y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
) -> float:
    """Share of outputs on the same side of 1/2 as their targets; 1/2 itself counts as below.

    Parameters
    ----------
    y_true : array-like, shape (n,), (n, 1) or (n, k)
        Targets within [0, 1].
    y_pred : array-like, same shape
        Probabilities.  With k columns each column is a question of its own.
    sample_weight : array-like, shape (n,), optional
        Weight of each row, not negative; ones if not given.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shapes differ, an array is empty or holds NaN or Inf, `y_true` leaves [0, 1], or the
        weights are all 0.
    TypeError
        If an array does not hold real numbers.

    Examples
    --------
    >>> from fastnn.metrics import binary_accuracy
    >>> binary_accuracy([0, 1, 1, 0], [0.2, 0.9, 0.4, 0.1])
    0.75
    """
    function = "binary_accuracy"
    y, p = _table(function, "y_true", y_true), _table(function, "y_pred", y_pred)
    _same_shape(function, y, p)
    outside = (y < 0) | (y > 1)
    if outside.any():
        raise ValueError(
            f"{function}: y_true must lie within 0 and 1, got {y[outside][0]}; for labels of "
            "several classes y_pred holds a probability for each class, shape (n, classes)"
        )
    return _score(function, _BINARY_ACCURACY, y, p, sample_weight)


def categorical_accuracy(
    y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
) -> float:
    """Share of rows whose largest output is at the largest target; the first of equal ones counts.

    Parameters
    ----------
    y_true : array-like, shape (n, k)
        One-hot rows, or probabilities; k is 2 or more.
    y_pred : array-like, shape (n, k)
        Probabilities or scores.
    sample_weight : array-like, shape (n,), optional
        Weight of each row, not negative; ones if not given.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shapes differ, an array is empty or holds NaN or Inf, there is only one column, or
        the weights are all 0.
    TypeError
        If an array does not hold real numbers.

    Examples
    --------
    >>> from fastnn.metrics import categorical_accuracy
    >>> categorical_accuracy([[1, 0], [0, 1]], [[0.7, 0.3], [0.6, 0.4]])
    0.5
    """
    function = "categorical_accuracy"
    y, p = _table(function, "y_true", y_true), _table(function, "y_pred", y_pred)
    _same_shape(function, y, p)
    if p.shape[1] < 2:
        raise ValueError(f"{function}: y_pred must have 2 columns or more, got shape {p.shape}")
    return _score(function, _CATEGORICAL_ACCURACY, y, p, sample_weight)


def sparse_categorical_accuracy(
    y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
) -> float:
    """Share of rows whose largest output is at the label; the first of equal ones counts.

    Parameters
    ----------
    y_true : array-like, shape (n,) or (n, 1)
        Labels within 0 and k - 1: integers, or floats that are whole numbers.
    y_pred : array-like, shape (n, k)
        Probabilities or scores.
    sample_weight : array-like, shape (n,), optional
        Weight of each row, not negative; ones if not given.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the lengths differ, an array is empty or holds NaN or Inf, a label is out of range, or
        the weights are all 0.
    TypeError
        If an array does not hold real numbers.

    Examples
    --------
    >>> from fastnn.metrics import sparse_categorical_accuracy
    >>> sparse_categorical_accuracy([0, 1, 2], [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.5, 0.3, 0.2]],
    ...                             sample_weight=[1, 1, 2])
    0.5
    """
    function = "sparse_categorical_accuracy"
    p = _table(function, "y_pred", y_pred)
    y = _labels(function, "y_true", y_true, p.shape[1])
    if len(y) != len(p):
        raise ValueError(f"{function}: y_true has {len(y)} rows, y_pred has {len(p)}")
    return _score(function, _SPARSE_ACCURACY, y, p, sample_weight)


def accuracy(
    y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
) -> float:
    """The accuracy that fits the shapes of targets and predictions.

    ==================== =========================== =============================
    y_true               y_pred                      is
    ==================== =========================== =============================
    labels, (n,), (n, 1) (n, k), k of 2 or more      `sparse_categorical_accuracy`
    one-hot rows, (n, k) (n, k)                      `categorical_accuracy`
    0 or 1, (n,), (n, 1) probabilities, (n,), (n, 1) `binary_accuracy`
    ==================== =========================== =============================

    Parameters
    ----------
    y_true : array-like
        Targets, as in the table.
    y_pred : array-like
        Probabilities (outputs of a network), as in the table.
    sample_weight : array-like, shape (n,), optional
        Weight of each row, not negative; ones if not given.

    Returns
    -------
    float

    Raises
    ------
    ValueError, TypeError
        As the function that it stands for.

    Examples
    --------
    >>> from fastnn.metrics import accuracy
    >>> accuracy([1, 0], [0.8, 0.6])
    0.5
    >>> accuracy([1, 0], [[0.2, 0.8], [0.6, 0.4]])
    1.0
    """
    y, p = _table("accuracy", "y_true", y_true), _table("accuracy", "y_pred", y_pred)
    if p.shape[1] == 1:
        return binary_accuracy(y, p, sample_weight)
    if y.shape[1] == 1:
        return sparse_categorical_accuracy(y, p, sample_weight)
    return categorical_accuracy(y, p, sample_weight)


class Metric(NamedTuple):
    """What the trainer streams: made by `get`, rarely by hand.

    Attributes
    ----------
    name : str
        The long name, used as the key of the result.
    kind : int
        The value of ``fnn_metric_t`` that ``fastnn._core.MetricState`` takes.

    Examples
    --------
    >>> from fastnn.metrics import get
    >>> get("mae", loss_name="mean_squared_error", outputs=1)
    Metric(name='mean_absolute_error', kind=0)
    """

    name: str
    kind: int

    @property
    def higher_is_better(self) -> bool:
        """Whether more is better, as for accuracies; of an error less is."""
        return self.kind in (_R2, _BINARY_ACCURACY, _CATEGORICAL_ACCURACY, _SPARSE_ACCURACY)


_ACCURACIES = {
    "binary_crossentropy": _BINARY_ACCURACY,
    "categorical_crossentropy": _CATEGORICAL_ACCURACY,
    "sparse_categorical_crossentropy": _SPARSE_ACCURACY,
}

_KINDS = {
    "mean_absolute_error": _ABSOLUTE_ERROR,
    "mean_squared_error": _SQUARED_ERROR,
    "root_mean_squared_error": _ROOT_SQUARED_ERROR,
    "r2_score": _R2,
    "binary_accuracy": _BINARY_ACCURACY,
    "categorical_accuracy": _CATEGORICAL_ACCURACY,
    "sparse_categorical_accuracy": _SPARSE_ACCURACY,
}

_LONG_NAMES = {name: name for name in (*_KINDS, "accuracy")} | {
    "mae": "mean_absolute_error",
    "mse": "mean_squared_error",
    "rmse": "root_mean_squared_error",
    "r2": "r2_score",
    "acc": "accuracy",
}

_FUNCTIONS: tuple[Callable[..., float], ...] = (
    mean_absolute_error,
    mean_squared_error,
    root_mean_squared_error,
    r2_score,
    accuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
)


def _check_fits(metric: Metric, loss_name: str, outputs: int) -> None:
    sparse_targets = loss_name == "sparse_categorical_crossentropy"
    if sparse_targets and metric.kind != _SPARSE_ACCURACY:
        raise ValueError(
            f"metrics: {metric.name} needs targets of the shape of the outputs, but the targets of "
            f"{loss_name} are class labels; use 'accuracy'"
        )
    if not sparse_targets and metric.kind == _SPARSE_ACCURACY:
        raise ValueError(
            f"metrics: {metric.name} needs class labels as targets, but those of {loss_name} have "
            f"the shape of the outputs; use 'accuracy', or the loss "
            f"'sparse_categorical_crossentropy'"
        )
    if metric.kind == _CATEGORICAL_ACCURACY and outputs < 2:
        raise ValueError(
            f"metrics: {metric.name} compares outputs within a row and needs 2 or more, got "
            f"{outputs}; for one output use 'binary_accuracy'"
        )


def _name_of(metric: object) -> str:
    if isinstance(metric, str):
        return lookup("metric", metric, _LONG_NAMES, where="metrics")
    if isinstance(metric, FunctionType) and metric in _FUNCTIONS:
        return metric.__name__
    raise TypeError(
        "metrics: a metric must be a name, a function of fastnn.metrics or a Metric, got "
        f"{metric!r}"
    )


def _named(name: str, loss_name: str, outputs: int) -> Metric:
    if name == "accuracy":
        other = _BINARY_ACCURACY if outputs == 1 else _CATEGORICAL_ACCURACY
        return Metric(name, _ACCURACIES.get(loss_name, other))
    return Metric(name, _KINDS[name])


def get(metric: str | Callable[..., float] | Metric, *, loss_name: str, outputs: int) -> Metric:
    """The spec of a metric, checked against the loss that it is to be shown beside.

    Parameters
    ----------
    metric : str, function or Metric
        A long name ("mean_absolute_error"), a short one ("mae", "mse", "rmse", "r2", "acc"), one of
        the functions of this module, or a spec.
    loss_name : str
        Long name of the loss.  It says what the targets are, and which accuracy "accuracy" is:
        that of the crossentropy's kind; with any other loss binary for one output, else
        categorical.
    outputs : int
        Number of columns of the network's output.

    Returns
    -------
    Metric

    Raises
    ------
    ValueError
        If the name is unknown, or the metric does not fit the targets.
    TypeError
        If `metric` is none of the above.

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.get("acc", loss_name="binary_crossentropy", outputs=1)
    Metric(name='accuracy', kind=4)
    >>> metrics.get(metrics.r2_score, loss_name="huber", outputs=3).name
    'r2_score'
    """
    if isinstance(metric, Metric):
        spec = metric
    else:
        spec = _named(_name_of(metric), loss_name, outputs)
    _check_fits(spec, loss_name, outputs)
    return spec
