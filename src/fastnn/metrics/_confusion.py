"""The confusion matrix, at once and batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn._spec import check_int, lookup
from fastnn.metrics._arrays import (
    Array,
    answered,
    are_whole,
    is_column,
    labels,
    numbers,
    one_hot,
    table,
    weights,
)

_NORMALIZE = {"true": 1, "pred": 0, "all": None}


def confusion_matrix(
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    labels: npt.ArrayLike | Sequence[int] | None = None,
    normalize: str | None = None,
    threshold: float | None = None,
) -> npt.NDArray[Any]:
    """How often a row of one class (row of the matrix) is predicted to be of another (column).

    Parameters
    ----------
    y_true : array-like
        0 or 1, or labels, shape (n,) or (n, 1); or one-hot rows, (n, classes).
    y_pred : array-like
        Predicted labels (n,); or probabilities, (n,) or (n, 1) for two classes, else (n, classes).
    sample_weight : array-like, shape (n,), optional
        Weight of each row, not negative; ones if not given.
    labels : array-like, optional
        The classes of the matrix, in its order; rows with others are left out.  If not given, for
        probabilities all classes, and for predicted labels those that occur, sorted.
    normalize : {"true", "pred", "all"}, optional
        Divide by the sums of rows, of columns, or of all; 0 / 0 is 0.
    threshold : float, optional
        With one column, a probability above it is class 1; 0.5 if not given.

    Returns
    -------
    array, shape (classes, classes)
        Integers where weights are, and nothing is divided; else float64.

    Raises
    ------
    ValueError
        If shapes or labels do not fit, an array is empty or holds NaN or Inf, or the weights are
        all 0.
    TypeError
        If an array does not hold real numbers.

    Examples
    --------
    >>> from fastnn.metrics import confusion_matrix
    >>> confusion_matrix([0, 1, 2, 2], [0, 2, 2, 2])
    array([[1, 0, 0],
           [0, 0, 1],
           [0, 0, 2]])
    """
    where = "confusion_matrix"
    y, p, found = _classes(where, y_true, y_pred, threshold)
    weight = weights(where, sample_weight, len(p))
    if labels is not None:
        found = numbers(where, "labels", labels).reshape(-1)
        if len(np.unique(found)) < len(found):
            raise ValueError(f"{where}: labels holds one of them twice, got {found.tolist()}")
    if normalize is not None:
        lookup("normalize", normalize, _NORMALIZE, where=where)
    k, order = len(found), np.argsort(found)
    places = [order[np.searchsorted(found[order], side).clip(max=k - 1)] for side in (y, p)]
    known = (found[places[0]] == y) & (found[places[1]] == p)
    cells = (places[0] * k + places[1])[known]
    matrix: npt.NDArray[Any] = np.bincount(
        cells, None if weight is None else weight[known], k * k
    ).reshape(k, k)
    if weight is not None and np.asarray(sample_weight).dtype.kind in "iub":
        matrix = matrix.astype(np.int64)
    if normalize is None:
        return matrix
    whole = matrix.sum(axis=_NORMALIZE[normalize], keepdims=True)
    share: npt.NDArray[Any] = np.divide(matrix, whole, out=np.zeros((k, k)), where=whole > 0)
    return share


def _classes(
    where: str, y_true: npt.ArrayLike, y_pred: npt.ArrayLike, threshold: float | None
) -> tuple[Array, Array, Array]:
    """Targets and predictions as labels, (n,), and all labels."""
    if not is_column(y_pred):
        k = table(where, "y_pred", y_pred).shape[1]
        p = table(where, "y_pred", y_pred).argmax(axis=1)
        if is_column(y_true):
            y: Array = labels(where, "y_true", y_true, k)
        else:
            y = one_hot(where, y_true, y_pred).y.argmax(axis=1)
        _same_length(where, y, p)
        return y, p, np.arange(k)
    guess = numbers(where, "y_pred", y_pred).reshape(-1)
    if threshold is None and are_whole(guess):
        truth = numbers(where, "y_true", y_true)
        if not is_column(truth) or not are_whole(truth):
            raise ValueError(
                f"{where}: y_true must be whole numbers of shape (n,), as y_pred, "
                f"got shape {truth.shape}"
            )
        _same_length(where, truth, guess)
        truth = truth.reshape(-1)
        return truth, guess, np.unique(np.concatenate([truth, guess]))
    pair = answered(where, y_true, y_pred)
    above = pair.p[:, 0] > (0.5 if threshold is None else threshold)
    return pair.y[:, 0].astype(np.intp), above.astype(np.intp), np.arange(2)


def _same_length(where: str, y: Array, p: Array) -> None:
    if len(y) != len(p):
        raise ValueError(f"{where}: y_true has {len(y)} rows, y_pred has {len(p)}")


class ConfusionMatrix:
    """A confusion matrix that grows batch by batch; see `confusion_matrix`.

    It is no metric of a trainer, which takes those of one number.

    Parameters
    ----------
    classes : int
        At least 2; labels lie within 0 and classes - 1.
    threshold : float, optional
        With one column of probabilities, one above it is class 1; 0.5 if not given.

    Examples
    --------
    >>> from fastnn.metrics import ConfusionMatrix
    >>> matrix = ConfusionMatrix(2)
    >>> matrix.update([0, 1], [0.2, 0.4])
    >>> matrix.update([1, 1], [0.9, 0.7])
    >>> matrix.result()
    array([[1., 0.],
           [1., 2.]])
    """

    def __init__(self, classes: int, *, threshold: float | None = None) -> None:
        self.classes = check_int("ConfusionMatrix", "classes", classes, 2, 2**15)
        self.threshold = threshold
        self.reset()

    def update(
        self,
        y_true: npt.ArrayLike,
        y_pred: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
    ) -> None:
        """Add a batch, whose arrays are those of `confusion_matrix`.

        Raises
        ------
        TypeError, ValueError
            If they do not fit, or a label is none of the classes; nothing is added.
        """
        where = "ConfusionMatrix.update"
        y, p, found = _classes(where, y_true, y_pred, self.threshold)
        weight = weights(where, sample_weight, len(p), all_zero=True)
        if found.min() < 0 or found.max() >= self.classes:
            raise ValueError(
                f"{where}: labels must lie within 0 and {self.classes - 1}, "
                f"got {found.min():g} to {found.max():g}"
            )
        cells = y.astype(np.intp) * self.classes + p.astype(np.intp)
        self._sums += np.bincount(cells, weight, self.classes**2)

    def result(self) -> npt.NDArray[np.float64]:
        """Return the matrix of all batches so far, (classes, classes)."""
        return self._sums.reshape(self.classes, self.classes).copy()

    def reset(self) -> None:
        """Forget all batches."""
        self._sums = np.zeros(self.classes**2)

    def merge(self, other: ConfusionMatrix) -> None:
        """Add the batches that `other` has seen.

        Raises
        ------
        ValueError
            If it has other classes.
        """
        if other.classes != self.classes:
            raise ValueError(
                f"ConfusionMatrix.merge: got {other.classes} classes, want {self.classes}"
            )
        self._sums += other._sums
