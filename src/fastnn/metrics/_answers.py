"""Metrics of the answer in each row: accuracies, the class among the top k, the log loss."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fastnn._spec import check_float, check_int
from fastnn.metrics import _arrays
from fastnn.metrics._arrays import COLUMNS, LABELS, ONE_HOT, Pair, table
from fastnn.metrics._base import (
    Metric,
    Settings,
    Whole,
    measured,
    refuse_labels,
    refuse_scores,
)

# ---- specs --------------------------------------------------------------------------------------


class Answers(Metric):
    """A metric that asks an output whether it is above a threshold, or which is the largest."""

    __slots__ = ("threshold",)
    best_is_high = True
    threshold: float | None

    def _ask(self, threshold: float | None, name: str | None, **fields: object) -> None:
        if threshold is not None:
            threshold = check_float(type(self).__name__, "threshold", threshold)
        self._start(name, threshold=threshold, **fields)

    def check(self, where: str, targets: int, cols: int) -> None:
        if self.threshold is not None and targets != COLUMNS:
            raise ValueError(
                f"{where}: threshold is for one output, or for columns that are questions of their "
                f"own; among {cols} classes the largest output decides"
            )

    def _limit(self, is_margin: bool) -> float:
        if self.threshold is not None:
            return self.threshold
        return 0.0 if is_margin else 0.5

    def _settings(
        self, where: str, targets: int, cols: int, *, is_margin: bool = False
    ) -> Settings:
        return (self.kind, targets, 0, 0, self._limit(is_margin), 0.0)


class Accuracy(Answers):
    """Share of right answers or classes, as the targets are; the function is `accuracy`.

    In a trainer the loss says what the targets are: a crossentropy by its kind, any other has
    answers if there is one output and one-hot rows if there are several.

    Parameters
    ----------
    threshold : float, optional
        An output above it is a yes: 0.5 if not given, 0 with the hinge losses and soft_margin.
    name : str, optional
        The key of the result, "accuracy" if not given.

    Examples
    --------
    >>> from fastnn.metrics import Accuracy
    >>> accuracy = Accuracy()
    >>> accuracy.update([2, 0], [[0.1, 0.2, 0.7], [0.3, 0.4, 0.3]])
    >>> accuracy.result()
    0.5
    """

    __slots__ = ()
    tag = "accuracy"
    kind = 8

    def __init__(self, *, threshold: float | None = None, name: str | None = None) -> None:
        self._ask(threshold, name)

    def take(self, where: str, y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> Pair:
        if _arrays.is_column(y_pred):
            return _arrays.graded(where, y_true, y_pred)
        if _arrays.is_column(y_true):
            return _arrays.labelled(where, y_true, y_pred)
        return _arrays.one_hot(where, y_true, y_pred)


class BinaryAccuracy(Answers):
    """Share of outputs on the same side as their targets; the function is `binary_accuracy`.

    Parameters
    ----------
    threshold : float, optional
        An output above it is a yes: 0.5 if not given, 0 with the hinge losses and soft_margin.
    name : str, optional

    Examples
    --------
    >>> from fastnn.metrics import BinaryAccuracy
    >>> BinaryAccuracy(threshold=0.9)
    BinaryAccuracy(threshold=0.9)
    """

    __slots__ = ()
    tag = "binary_accuracy"
    kind = 8

    def __init__(self, *, threshold: float | None = None, name: str | None = None) -> None:
        self._ask(threshold, name)

    def _targets(self, loss_name: str, outputs: int) -> int:
        refuse_labels(self.name, loss_name)
        return COLUMNS

    def take(self, where: str, y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> Pair:
        return _arrays.graded(where, y_true, y_pred)


class CategoricalAccuracy(Metric):
    """Share of rows whose largest output is at the largest target.

    The function is `categorical_accuracy`.

    Examples
    --------
    >>> from fastnn.metrics import CategoricalAccuracy
    >>> CategoricalAccuracy().name
    'categorical_accuracy'
    """

    __slots__ = ()
    tag = "categorical_accuracy"
    kind = 8
    best_is_high = True

    def __init__(self, *, name: str | None = None) -> None:
        self._start(name)

    def _targets(self, loss_name: str, outputs: int) -> int:
        refuse_labels(self.name, loss_name)
        if outputs < 2:
            raise ValueError(
                f"metrics: {self.name} compares outputs within a row and needs 2 or more, got "
                f"{outputs}; for one output use 'binary_accuracy'"
            )
        return ONE_HOT

    def take(self, where: str, y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> Pair:
        return _arrays.one_hot(where, y_true, y_pred)


class SparseCategoricalAccuracy(Metric):
    """Share of rows whose largest output is at the label.

    The function is `sparse_categorical_accuracy`.

    Examples
    --------
    >>> from fastnn.metrics import SparseCategoricalAccuracy
    >>> SparseCategoricalAccuracy().name
    'sparse_categorical_accuracy'
    """

    __slots__ = ()
    tag = "sparse_categorical_accuracy"
    kind = 8
    best_is_high = True

    def __init__(self, *, name: str | None = None) -> None:
        self._start(name)

    def _targets(self, loss_name: str, outputs: int) -> int:
        if not loss_name.startswith("sparse_"):
            raise ValueError(
                f"metrics: {self.name} needs class labels as targets, but those of {loss_name} "
                f"have the shape of the outputs; use 'accuracy', or the loss "
                f"'sparse_categorical_crossentropy'"
            )
        return LABELS

    def take(self, where: str, y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> Pair:
        return _arrays.labelled(where, y_true, y_pred)


class _OfClasses(Metric):
    """Takes labels, or one-hot rows."""

    __slots__ = ()

    def take(self, where: str, y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> Pair:
        if not _arrays.is_column(y_pred) and not _arrays.is_column(y_true):
            return _arrays.one_hot(where, y_true, y_pred)
        return _arrays.labelled(where, y_true, y_pred)


class TopK(_OfClasses):
    """Share of rows whose class is among the k largest outputs.

    The function is `top_k_accuracy_score`.

    Parameters
    ----------
    k : int
    name : str, optional
        The key of the result, such as "top_5_accuracy" if not given.

    Examples
    --------
    >>> from fastnn.metrics import TopK
    >>> TopK(5).name
    'top_5_accuracy'
    """

    __slots__ = ("k",)
    tag = "top_k_accuracy"
    kind = 9
    best_is_high = True
    k: int

    def __init__(self, k: int, *, name: str | None = None) -> None:
        self._start(name, k=check_int(type(self).__name__, "k", k, maximum=2**31 - 1))

    def _own_name(self) -> str:
        return f"top_{self.k}_accuracy"

    def check(self, where: str, targets: int, cols: int) -> None:
        if targets == COLUMNS:
            raise ValueError(
                f"{where}: wants classes, a column of y_pred for each, but gets answers of "
                f"{cols} column{'s' if cols > 1 else ''}; use 'binary_accuracy'"
            )

    def _settings(
        self, where: str, targets: int, cols: int, *, is_margin: bool = False
    ) -> Settings:
        return (self.kind, targets, 0, self.k, 0.0, 0.0)


class LogLoss(Metric):
    """Mean of minus the logarithm of the probability of what is the case.

    The function is `log_loss`.  Of several columns with answers of their own it is the mean.

    Examples
    --------
    >>> from fastnn.metrics import LogLoss
    >>> LogLoss().name
    'log_loss'
    """

    __slots__ = ()
    tag = "log_loss"
    kind = 10
    best_is_high = False

    def __init__(self, *, name: str | None = None) -> None:
        self._start(name)

    def bind(self, loss_name: str, outputs: int) -> Settings | Whole:
        """Return what a run takes; as `Metric.bind`."""
        refuse_scores(self.name, loss_name)
        return super().bind(loss_name, outputs)

    def take(self, where: str, y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> Pair:
        if _arrays.is_column(y_pred):
            pair = _arrays.graded(where, y_true, y_pred)
        elif _arrays.is_column(y_true):
            pair = _arrays.labelled(where, y_true, y_pred)
        else:
            pair = _arrays.one_hot(where, y_true, y_pred)
            if (pair.y < 0).any():
                raise ValueError(f"{where}: y_true must not be negative, got {pair.y.min()}")
        outside = (pair.p < 0) | (pair.p > 1)
        if outside.any():
            raise ValueError(
                f"{where}: y_pred must be probabilities within 0 and 1, got {pair.p[outside][0]}"
            )
        if np.asarray(y_pred).dtype == np.float32:  # whose eps bounds the probabilities
            y = pair.y if pair.targets == LABELS else pair.y.astype(np.float32)
            pair = Pair(pair.targets, y, pair.p.astype(np.float32))
        return pair


# ---- functions ----------------------------------------------------------------------------------


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
    return measured("binary_accuracy", BinaryAccuracy(), y_true, y_pred, sample_weight)


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
    return measured("categorical_accuracy", CategoricalAccuracy(), y_true, y_pred, sample_weight)


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
    return measured(
        "sparse_categorical_accuracy",
        SparseCategoricalAccuracy(),
        y_true,
        y_pred,
        sample_weight,
    )


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
    y, p = table("accuracy", "y_true", y_true), table("accuracy", "y_pred", y_pred)
    if p.shape[1] == 1:
        return binary_accuracy(y, p, sample_weight)
    if y.shape[1] == 1:
        return sparse_categorical_accuracy(y, p, sample_weight)
    return categorical_accuracy(y, p, sample_weight)


def top_k_accuracy_score(
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    k: int = 2,
) -> float:
    """Share of rows whose class is among the `k` largest outputs.

    Of equal outputs the one of the later class counts as larger, as in scikit-learn.

    Parameters
    ----------
    y_true : array-like, shape (n,), (n, 1) or (n, classes)
        Labels within 0 and classes - 1, or one-hot rows.
    y_pred : array-like, shape (n, classes)
        Probabilities or scores.
    sample_weight : array-like, shape (n,), optional
        Weight of each row, not negative; ones if not given.
    k : int

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If shapes or labels do not fit, an array is empty or holds NaN or Inf, or the weights are
        all 0.
    TypeError
        If an array does not hold real numbers.

    Examples
    --------
    >>> from fastnn.metrics import top_k_accuracy_score
    >>> top_k_accuracy_score([0, 1], [[0.2, 0.3, 0.5], [0.1, 0.4, 0.5]], k=2)
    0.5
    """
    return measured("top_k_accuracy_score", TopK(k), y_true, y_pred, sample_weight)


def log_loss(
    y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
) -> float:
    """Mean of minus the natural logarithm of the probability of what is the case.

    Probabilities are kept within eps and 1 - eps of their dtype (float32, else float64), as
    scikit-learn does; so a loss is never infinite.

    Parameters
    ----------
    y_true : array-like
        0 or 1 (or a share between) for one column of `y_pred`; labels (n,), or one-hot rows or
        distributions (n, classes) for several.
    y_pred : array-like, shape (n,), (n, 1) or (n, classes)
        Probabilities: of 1, or of each class.
    sample_weight : array-like, shape (n,), optional
        Weight of each row, not negative; ones if not given.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If shapes or labels do not fit, `y_pred` leaves [0, 1], an array is empty or holds NaN or
        Inf, or the weights are all 0.
    TypeError
        If an array does not hold real numbers.

    Examples
    --------
    >>> from fastnn.metrics import log_loss
    >>> round(log_loss([1, 0], [0.8, 0.2]), 6)
    0.223144
    """
    return measured("log_loss", LogLoss(), y_true, y_pred, sample_weight)
