"""Targets and predictions that come from a person: checked, explained, made float64."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

# The values of fnn_targets_t in csrc/include/fastnn/metric.h: what targets are.
COLUMNS = 0  # numbers, or answers to questions of their own, in the shape of the outputs
ONE_HOT = 1  # a class for each row, in the shape of the outputs
LABELS = 2  # a class number for each row

Array = npt.NDArray[Any]


class Pair(NamedTuple):
    """Targets and predictions as the kernels take them."""

    targets: int
    y: Array  # like p, or int32 labels (n,)
    p: Array  # float64 or float32, (n, k)


def numbers(where: str, argument: str, value: npt.ArrayLike) -> Array:
    """`value` as an array of finite real numbers, of its own dtype."""
    if hasattr(value, "mask"):
        raise TypeError(f"{where}: {argument} is a masked array; fill or drop what is masked")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{where}: {argument} is not a rectangular array: {error}") from None
    if array.dtype.kind not in "fiub":
        raise TypeError(
            f"{where}: {argument} must hold real numbers, got {type(value).__name__} "
            f"with dtype {array.dtype}"
        )
    if array.size == 0:
        raise ValueError(f"{where}: {argument} is empty, shape {array.shape}; want some rows")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{where}: {argument} holds NaN or Inf")
    return array


def table(where: str, argument: str, value: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """`value` as float64, shape (n, k); (n,) is (n, 1)."""
    array = numbers(where, argument, value)
    if array.ndim not in (1, 2):
        raise ValueError(f"{where}: {argument} must be (n,) or (n, k), got shape {array.shape}")
    columns = array.reshape(len(array), -1)
    return np.ascontiguousarray(columns, dtype=np.float64)


def labels(where: str, argument: str, value: npt.ArrayLike, classes: int) -> npt.NDArray[np.int32]:
    """`value` as class labels within [0, classes), shape (n,); (n, 1) and whole floats will do."""
    array = numbers(where, argument, value)
    if array.ndim != 1 and array.shape[1:] != (1,):
        raise ValueError(
            f"{where}: {argument} must be labels of shape (n,) or (n, 1), got {array.shape}"
        )
    flat = array.reshape(-1)
    if not are_whole(flat):
        wrong = flat[flat != np.floor(flat)][0]
        raise ValueError(f"{where}: {argument} must be whole numbers, got {wrong}")
    outside = (flat < 0) | (flat >= classes)
    if outside.any():
        raise ValueError(
            f"{where}: {argument} must lie within 0 and {classes - 1} for {classes} columns of "
            f"y_pred, got {flat[outside][0]}"
        )
    return np.ascontiguousarray(flat, dtype=np.int32)


def are_whole(array: Array) -> bool:
    """Tell whether all numbers are integers, whatever their type."""
    return array.dtype.kind != "f" or bool((array == np.floor(array)).all())


def weights(
    where: str, value: npt.ArrayLike | None, rows: int, *, all_zero: bool = False
) -> npt.NDArray[np.float64] | None:
    """`value` as one weight a row; all of them may be zero only in one batch of several."""
    if value is None:
        return None
    array = numbers(where, "sample_weight", value)
    if array.shape not in ((rows,), (rows, 1)):
        raise ValueError(
            f"{where}: sample_weight must be ({rows},), one a row of y_true, got {array.shape}"
        )
    if (array < 0).any():
        raise ValueError(f"{where}: sample_weight must not be negative, got {array.min()}")
    if not array.any() and not all_zero:
        raise ValueError(f"{where}: sample_weight is 0 in every row")
    return np.ascontiguousarray(array.reshape(-1), dtype=np.float64)


def same_shape(where: str, y: Array, p: Array) -> None:
    """Refuse targets of another shape than the predictions."""
    if y.shape != p.shape:
        raise ValueError(f"{where}: y_true is {y.shape}, y_pred is {p.shape}; want the same shape")


def paired(where: str, y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> Pair:
    """Numbers of one shape."""
    y, p = table(where, "y_true", y_true), table(where, "y_pred", y_pred)
    same_shape(where, y, p)
    return Pair(COLUMNS, y, p)


def graded(where: str, y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> Pair:
    """Targets within [0, 1], and probabilities of one shape."""
    pair = paired(where, y_true, y_pred)
    outside = (pair.y < 0) | (pair.y > 1)
    if outside.any():
        raise ValueError(
            f"{where}: y_true must lie within 0 and 1, got {pair.y[outside][0]}; for labels of "
            "several classes y_pred holds a probability for each class, shape (n, classes)"
        )
    return pair


def answered(where: str, y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> Pair:
    """Targets that are 0 or 1 (or -1 or 1), and scores of one shape."""
    pair = paired(where, y_true, y_pred)
    if pair.y.min() == -1:
        pair = pair._replace(y=np.where(pair.y == -1, 0.0, pair.y))
    wrong = (pair.y != 0) & (pair.y != 1)
    if wrong.any():
        raise ValueError(
            f"{where}: y_true must be 0 or 1, got {pair.y[wrong][0]:g}; for labels of several "
            "classes y_pred holds a probability for each class, shape (n, classes)"
        )
    return pair


def labelled(where: str, y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> Pair:
    """Labels (n,), and probabilities (n, classes)."""
    p = table(where, "y_pred", y_pred)
    if p.shape[1] < 2:
        raise ValueError(
            f"{where}: y_pred must have a column for each class, 2 or more, got shape {p.shape}"
        )
    y = labels(where, "y_true", y_true, p.shape[1])
    if len(y) != len(p):
        raise ValueError(f"{where}: y_true has {len(y)} rows, y_pred has {len(p)}")
    return Pair(LABELS, y, p)


def one_hot(where: str, y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> Pair:
    """Rows of one-hot targets, and of probabilities, 2 columns or more."""
    pair = paired(where, y_true, y_pred)
    if pair.p.shape[1] < 2:
        raise ValueError(f"{where}: y_pred must have 2 columns or more, got shape {pair.p.shape}")
    return pair._replace(targets=ONE_HOT)


def is_column(value: npt.ArrayLike) -> bool:
    """Tell (n,) and (n, 1) from (n, k); what is no array is refused elsewhere."""
    try:
        shape = np.shape(value)
    except ValueError:
        return False
    return len(shape) == 1 or shape[1:] == (1,)


def classes_of_rows(pair: Pair) -> npt.NDArray[np.intp]:
    """The class of each row, of targets that have classes."""
    if pair.targets == LABELS:
        return pair.y.astype(np.intp)
    found: npt.NDArray[np.intp] = pair.y.argmax(axis=1)
    return found
