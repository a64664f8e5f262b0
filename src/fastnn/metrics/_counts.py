"""Metrics from counts of each class: precision, recall and what is made of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn._spec import check_float, lookup
from fastnn.metrics import _arrays
from fastnn.metrics._answers import Answers
from fastnn.metrics._arrays import (
    COLUMNS,
    LABELS,
    Array,
    Pair,
    are_whole,
    is_column,
    numbers,
    weights,
)
from fastnn.metrics._base import Settings, measured

# Values of fnn_average_t; "binary" is the class 1 alone.
AVERAGES = {"binary": 0, "micro": 1, "macro": 2, "weighted": 3}


def check_average(where: str, average: str, table: dict[str, Any]) -> str:
    """Return `average` if `table` has it."""
    lookup("average", average, table, where=where)
    return average


# ---- specs --------------------------------------------------------------------------------------


class Counts(Answers):
    """From counts of each class."""

    __slots__ = ("average",)
    average: str

    def __init__(
        self,
        *,
        average: str = "binary",
        threshold: float | None = None,
        name: str | None = None,
    ) -> None:
        where = type(self).__name__
        self._ask(threshold, name, average=check_average(where, average, AVERAGES))

    def _own_name(self) -> str:
        return self.tag if self.average == "binary" else f"{self.tag}_{self.average}"

    def _param(self) -> float:
        return 0.0

    def check(self, where: str, targets: int, cols: int) -> None:
        super().check(where, targets, cols)
        if self.average == "binary" and cols > (1 if targets == COLUMNS else 2):
            many = "columns of answers" if targets == COLUMNS else "classes"
            raise ValueError(
                f"{where}: average='binary' is for two classes, got {cols} {many}; choose "
                "average='macro', 'micro' or 'weighted'"
            )

    def _settings(
        self, where: str, targets: int, cols: int, *, is_margin: bool = False
    ) -> Settings:
        average = AVERAGES[self.average]
        return (self.kind, targets, average, 1, self._limit(is_margin), self._param())

    def take(self, where: str, y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> Pair:
        if not _arrays.is_column(y_pred) and _arrays.is_column(y_true):
            return _arrays.labelled(where, y_true, y_pred)
        return _arrays.answered(where, y_true, y_pred)


class Precision(Counts):
    """Of the rows that are predicted to be of a class, the share that is.

    The function is `precision_score`, which says what `average` means.

    Parameters
    ----------
    average : {"binary", "micro", "macro", "weighted"}
    threshold : float, optional
        An output above it is a yes: 0.5 if not given, 0 with the hinge losses and soft_margin.
        Among several classes the largest output decides.
    name : str, optional
        The key of the result; if not given "precision", or "precision_macro" and so on.

    Examples
    --------
    >>> from fastnn.metrics import Precision
    >>> Precision(average="macro").name
    'precision_macro'
    """

    __slots__ = ()
    tag = "precision"
    kind = 11


class Recall(Counts):
    """Of the rows of a class, the share that is predicted to be; parameters as `Precision`.

    The function is `recall_score`.

    Examples
    --------
    >>> from fastnn.metrics import Recall
    >>> Recall(threshold=0.2).name
    'recall'
    """

    __slots__ = ()
    tag = "recall"
    kind = 12


class Specificity(Counts):
    """Of the rows of other classes, the share predicted to be; parameters as `Precision`.

    The function is `specificity_score`.

    Examples
    --------
    >>> from fastnn.metrics import Specificity
    >>> Specificity().name
    'specificity'
    """

    __slots__ = ()
    tag = "specificity"
    kind = 13


class F1(Counts):
    """The harmonic mean of precision and recall; parameters as `Precision`.

    The function is `f1_score`.

    Examples
    --------
    >>> from fastnn.metrics import F1
    >>> F1(average="weighted").name
    'f1_weighted'
    """

    __slots__ = ()
    tag = "f1"
    kind = 14

    def _param(self) -> float:
        return 1.0


class FBeta(Counts):
    """The harmonic mean of precision and recall in which recall weighs beta² times as much.

    The function is `fbeta_score`.

    Parameters
    ----------
    beta : float
        Above 0.
    average, threshold, name
        As of `Precision`.

    Examples
    --------
    >>> from fastnn.metrics import FBeta
    >>> FBeta(2).name
    'f2'
    """

    __slots__ = ("beta",)
    tag = "fbeta"
    kind = 14
    beta: float

    def __init__(
        self,
        beta: float,
        *,
        average: str = "binary",
        threshold: float | None = None,
        name: str | None = None,
    ) -> None:
        where = type(self).__name__
        average = check_average(where, average, AVERAGES)
        beta = check_float(where, "beta", beta, above=0)
        self._ask(threshold, name, average=average, beta=beta)

    def _own_name(self) -> str:
        suffix = "" if self.average == "binary" else f"_{self.average}"
        return f"f{self.beta:g}{suffix}"

    def _param(self) -> float:
        return self.beta


class OneAnswer(Answers):
    """Of classes, or of one output; not of several columns with answers of their own."""

    __slots__ = ()

    def __init__(self, *, threshold: float | None = None, name: str | None = None) -> None:
        self._ask(threshold, name)

    def check(self, where: str, targets: int, cols: int) -> None:
        super().check(where, targets, cols)
        if targets == COLUMNS and cols > 1:
            raise ValueError(
                f"{where}: wants a class for each row, got {cols} columns with answers of their own"
            )

    def take(self, where: str, y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> Pair:
        if _arrays.is_column(y_pred):
            return _arrays.answered(where, y_true, y_pred)
        if _arrays.is_column(y_true):
            return _arrays.labelled(where, y_true, y_pred)
        return _arrays.one_hot(where, y_true, y_pred)


class BalancedAccuracy(OneAnswer):
    """Mean recall of the classes that occur; the function is `balanced_accuracy_score`.

    Parameters
    ----------
    threshold : float, optional
        Of a single output, as of `Precision`.
    name : str, optional

    Examples
    --------
    >>> from fastnn.metrics import BalancedAccuracy
    >>> BalancedAccuracy().name
    'balanced_accuracy'
    """

    __slots__ = ()
    tag = "balanced_accuracy"
    kind = 15


class MatthewsCorrcoef(OneAnswer):
    """Matthews's correlation of classes; the function is `matthews_corrcoef`.

    Parameters
    ----------
    threshold : float, optional
        Of a single output, as of `Precision`.
    name : str, optional

    Examples
    --------
    >>> from fastnn.metrics import MatthewsCorrcoef
    >>> MatthewsCorrcoef().name
    'matthews_corrcoef'
    """

    __slots__ = ()
    tag = "matthews_corrcoef"
    kind = 16


# ---- functions ----------------------------------------------------------------------------------


def _decisions(where: str, y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> Array | None:
    """All labels that occur, if `y_pred` holds labels; None if these are answers, or scores."""
    if not is_column(y_pred):
        return None
    y, p = (
        numbers(where, name, value).reshape(-1)
        for name, value in (("y_true", y_true), ("y_pred", y_pred))
    )
    if not (are_whole(p) and are_whole(y)) or len(y) != len(p):
        return None
    found: Array = np.unique(np.concatenate([y, p]))
    for answers in ((0, 1), (-1, 1)):
        if np.isin(found, answers).all():
            return None
    return found


def _counted(
    where: str,
    metric: Counts | OneAnswer,
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None,
) -> float:
    found = _decisions(where, y_true, y_pred) if metric.threshold is None else None
    if found is None:
        return measured(where, metric, y_true, y_pred, sample_weight)
    if isinstance(metric, Counts) and metric.average == "binary":
        shown = ", ".join(f"{label:g}" for label in found[:5])
        raise ValueError(
            f"{where}: average='binary' is for labels 0 and 1, got {shown}"
            f"{', ...' if len(found) > 5 else ''}; choose average='macro', 'micro' or 'weighted'"
        )
    y, p = (np.searchsorted(found, np.ravel(value)).astype(np.int32) for value in (y_true, y_pred))
    state = metric.state(LABELS, max(2, len(found)))
    state.update_classes(p, y, weights(where, sample_weight, len(p)))
    return state.result()


def precision_score(
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    average: str = "binary",
    threshold: float | None = None,
) -> float:
    """Of the rows that are predicted to be of a class, the share that is: tp / (tp + fp).

    Parameters
    ----------
    y_true : array-like
        0 or 1 (or -1 or 1), shape (n,) or (n, 1); labels of classes (n,); or (n, k) of 0 and 1,
        where each column is a question of its own.  For one-hot targets of classes give
        ``y_true.argmax(axis=1)``.
    y_pred : array-like
        For the first, probabilities or 0 and 1, (n,) or (n, 1); for labels a probability for each
        class, (n, classes), or predicted labels (n,); for (n, k) the same shape.
    sample_weight : array-like, shape (n,), optional
        Weight of each row, not negative; ones if not given.
    average : {"binary", "micro", "macro", "weighted"}
        Of class 1 alone; from the counts of all classes together; the mean over classes, or that
        weighted by their rows.  A class that has neither rows nor predictions is left out, but no
        column of (n, k) is.
    threshold : float, optional
        A probability above it is a yes, 0.5 if not given.  Among classes the largest decides.

    Returns
    -------
    float
        A class for which it is 0 / 0 scores 0, as in scikit-learn.

    Raises
    ------
    ValueError
        If shapes or labels do not fit, `average` does not suit them, an array is empty or holds
        NaN or Inf, or the weights are all 0.
    TypeError
        If an array does not hold real numbers.

    Examples
    --------
    >>> from fastnn.metrics import precision_score
    >>> precision_score([0, 1, 1, 0], [0.2, 0.9, 0.6, 0.7], threshold=0.65)
    0.5
    >>> precision_score([0, 1, 2], [0, 1, 1], average="macro")
    0.5
    """
    metric = Precision(average=average, threshold=threshold)
    return _counted("precision_score", metric, y_true, y_pred, sample_weight)


def recall_score(
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    average: str = "binary",
    threshold: float | None = None,
) -> float:
    """Of the rows of a class, the share that is predicted to be: tp / (tp + fn).

    Parameters, errors and result are those of `precision_score`.

    Examples
    --------
    >>> from fastnn.metrics import recall_score
    >>> recall_score([0, 1, 1, 0], [0.2, 0.9, 0.4, 0.7])
    0.5
    """
    metric = Recall(average=average, threshold=threshold)
    return _counted("recall_score", metric, y_true, y_pred, sample_weight)


def specificity_score(
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    average: str = "binary",
    threshold: float | None = None,
) -> float:
    """Of the rows of other classes, the share that is predicted to be: tn / (tn + fp).

    For class 1 of two it is the recall of class 0.

    Parameters, errors and result are those of `precision_score`.

    Examples
    --------
    >>> from fastnn.metrics import specificity_score
    >>> specificity_score([0, 0, 0, 0, 1], [0.2, 0.9, 0.4, 0.1, 0.7])
    0.75
    """
    metric = Specificity(average=average, threshold=threshold)
    return _counted("specificity_score", metric, y_true, y_pred, sample_weight)


def f1_score(
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    average: str = "binary",
    threshold: float | None = None,
) -> float:
    """The harmonic mean of precision and recall: 2 tp / (2 tp + fp + fn).

    Parameters, errors and result are those of `precision_score`.

    Examples
    --------
    >>> from fastnn.metrics import f1_score
    >>> f1_score([0, 1, 1, 0], [0, 1, 0, 1])
    0.5
    """
    metric = F1(average=average, threshold=threshold)
    return _counted("f1_score", metric, y_true, y_pred, sample_weight)


def fbeta_score(
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    beta: float,
    average: str = "binary",
    threshold: float | None = None,
) -> float:
    """The harmonic mean of precision and recall in which recall weighs beta**2 times as much.

    Parameters
    ----------
    beta : float
        Above 0.

    All others, errors and result are those of `precision_score`.

    Examples
    --------
    >>> from fastnn.metrics import fbeta_score
    >>> fbeta_score([1, 1, 1, 0], [1, 0, 0, 0], beta=2)
    0.38461538461538464
    """
    metric = FBeta(beta, average=average, threshold=threshold)
    return _counted("fbeta_score", metric, y_true, y_pred, sample_weight)


def balanced_accuracy_score(
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    threshold: float | None = None,
) -> float:
    """The mean over the classes that occur in `y_true` of the share of their rows that is right.

    Parameters
    ----------
    y_true : array-like
        0 or 1, or labels, shape (n,) or (n, 1); or one-hot rows, (n, classes).
    y_pred : array-like
        Probabilities: (n,) or (n, 1) for two classes, else (n, classes); or predicted labels (n,).
    sample_weight : array-like, shape (n,), optional
        Weight of each row, not negative; ones if not given.
    threshold : float, optional
        With one column, a probability above it is class 1; 0.5 if not given.

    Returns
    -------
    float

    Raises
    ------
    ValueError, TypeError
        As `precision_score`.

    Examples
    --------
    >>> from fastnn.metrics import balanced_accuracy_score
    >>> balanced_accuracy_score([0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 0])
    0.625
    """
    metric = BalancedAccuracy(threshold=threshold)
    return _counted("balanced_accuracy_score", metric, y_true, y_pred, sample_weight)


def matthews_corrcoef(
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    threshold: float | None = None,
) -> float:
    """Matthews's correlation of the classes: 1 is perfect, 0 is chance.

    It is 0 where all targets or all predictions are of one class, as in scikit-learn.

    Parameters and errors are those of `balanced_accuracy_score`.

    Returns
    -------
    float

    References
    ----------
    Gorodkin (2004), Comparing two K-category assignments by a K-category correlation coefficient,
    Computational Biology and Chemistry 28.

    Examples
    --------
    >>> from fastnn.metrics import matthews_corrcoef
    >>> matthews_corrcoef([1, 1, 0, 0], [0.9, 0.8, 0.1, 0.3])
    1.0
    """
    metric = MatthewsCorrcoef(threshold=threshold)
    return _counted("matthews_corrcoef", metric, y_true, y_pred, sample_weight)
