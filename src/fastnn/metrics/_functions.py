"""The metrics as functions on whole arrays, as scikit-learn has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn._spec import check_int, lookup
from fastnn.metrics import _specs as specs
from fastnn.metrics._arrays import (
    LABELS,
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


def _measured(
    where: str,
    metric: specs.Metric,
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None,
) -> float:
    pair = metric.take(where, y_true, y_pred)
    weight = weights(where, sample_weight, len(pair.p))
    if weight is not None:
        if not metric.takes_weights:
            raise ValueError(f"{where}: sample_weight does not go with multi_class='ovo'")
        weight = weight.astype(pair.p.dtype)
    metric.check(where, pair.targets, pair.p.shape[1])
    return metric.compute(pair, weight)


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
    metric: specs.Counts | specs.OneAnswer,
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None,
) -> float:
    found = _decisions(where, y_true, y_pred) if metric.threshold is None else None
    if found is None:
        return _measured(where, metric, y_true, y_pred, sample_weight)
    if isinstance(metric, specs.Counts) and metric.average == "binary":
        shown = ", ".join(f"{label:g}" for label in found[:5])
        raise ValueError(
            f"{where}: average='binary' is for labels 0 and 1, got {shown}"
            f"{', ...' if len(found) > 5 else ''}; choose average='macro', 'micro' or 'weighted'"
        )
    y, p = (np.searchsorted(found, np.ravel(value)).astype(np.int32) for value in (y_true, y_pred))
    state = metric.state(LABELS, max(2, len(found)))
    state.update_classes(p, y, weights(where, sample_weight, len(p)))
    return state.result()


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
    return _measured(
        "mean_absolute_error", specs.MeanAbsoluteError(), y_true, y_pred, sample_weight
    )


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
    return _measured("mean_squared_error", specs.MeanSquaredError(), y_true, y_pred, sample_weight)


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
    return _measured(
        "root_mean_squared_error", specs.RootMeanSquaredError(), y_true, y_pred, sample_weight
    )


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
    return _measured("r2_score", specs.R2(), y_true, y_pred, sample_weight)


def mean_absolute_percentage_error(
    y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
) -> float:
    """Mean of ``|y_true - y_pred| / |y_true|`` over rows and columns: 0.05 is five per cent.

    Below 2**-52 that is taken in place of ``|y_true|``, as scikit-learn does.

    Parameters, errors and result are those of `mean_absolute_error`.

    Examples
    --------
    >>> from fastnn.metrics import mean_absolute_percentage_error
    >>> mean_absolute_percentage_error([2.0, 10.0], [3.0, 10.0])
    0.25
    """
    return _measured(
        "mean_absolute_percentage_error",
        specs.MeanAbsolutePercentageError(),
        y_true,
        y_pred,
        sample_weight,
    )


def mean_pinball_loss(
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    alpha: float = 0.5,
) -> float:
    """Mean over rows and columns of ``max(alpha * e, (alpha - 1) * e)``, ``e = y_true - y_pred``.

    Lowest where `y_pred` is the quantile `alpha`, within 0 and 1, of `y_true`.

    Parameters, errors and result are otherwise those of `mean_absolute_error`.

    Examples
    --------
    >>> from fastnn.metrics import mean_pinball_loss
    >>> mean_pinball_loss([1.0, 2.0], [0.0, 4.0], alpha=0.25)
    0.875
    """
    metric = specs.MeanPinballLoss(alpha)
    return _measured("mean_pinball_loss", metric, y_true, y_pred, sample_weight)


def max_error(
    y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
) -> float:
    """The largest ``|y_true - y_pred|``, of all columns; rows of weight 0 do not count.

    Parameters, errors and result are those of `mean_absolute_error`.

    Examples
    --------
    >>> from fastnn.metrics import max_error
    >>> max_error([3.0, 5.0], [2.0, 8.0])
    3.0
    """
    return _measured("max_error", specs.MaxError(), y_true, y_pred, sample_weight)


def explained_variance_score(
    y_true: npt.ArrayLike, y_pred: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
) -> float:
    """``1 - variance(y_true - y_pred) / variance(y_true)``, the mean over columns.

    Unlike `r2_score` it does not see an error that is the same in all rows.  A column in which
    `y_true` is constant scores 1 if the errors are constant too, else 0.

    Parameters, errors and result are those of `mean_absolute_error`.

    Examples
    --------
    >>> from fastnn.metrics import explained_variance_score
    >>> explained_variance_score([1.0, 2.0, 3.0], [11.0, 12.0, 13.0])
    1.0
    """
    return _measured(
        "explained_variance_score", specs.ExplainedVariance(), y_true, y_pred, sample_weight
    )


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
    return _measured("binary_accuracy", specs.BinaryAccuracy(), y_true, y_pred, sample_weight)


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
    return _measured(
        "categorical_accuracy", specs.CategoricalAccuracy(), y_true, y_pred, sample_weight
    )


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
    return _measured(
        "sparse_categorical_accuracy",
        specs.SparseCategoricalAccuracy(),
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
    return _measured("top_k_accuracy_score", specs.TopK(k), y_true, y_pred, sample_weight)


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
    return _measured("log_loss", specs.LogLoss(), y_true, y_pred, sample_weight)


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
    metric = specs.Precision(average=average, threshold=threshold)
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
    metric = specs.Recall(average=average, threshold=threshold)
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
    metric = specs.Specificity(average=average, threshold=threshold)
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
    metric = specs.F1(average=average, threshold=threshold)
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
    metric = specs.FBeta(beta, average=average, threshold=threshold)
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
    metric = specs.BalancedAccuracy(threshold=threshold)
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
    metric = specs.MatthewsCorrcoef(threshold=threshold)
    return _counted("matthews_corrcoef", metric, y_true, y_pred, sample_weight)


def roc_auc_score(
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    average: str = "macro",
    multi_class: str = "ovr",
    bins: int | None = None,
) -> float:
    """Area under the ROC curve: the chance that a positive row scores above a negative one.

    Equal scores count half.  Exact unless `bins` is given.

    Parameters
    ----------
    y_true : array-like
        0 or 1 (or -1 or 1), shape (n,) or (n, 1); labels (n,) of classes; or (n, k) of 0 and 1,
        where each column is a question of its own.
    y_pred : array-like
        Scores, (n,) or (n, 1); for labels a probability for each class, (n, classes), where two
        classes are the question whether it is the second; for (n, k) the same shape.
    sample_weight : array-like, shape (n,), optional
        Weight of each row, not negative; ones if not given.
    average : {"macro", "micro", "weighted"}
        Of several columns or classes: the mean, the area of all scores in one curve, or the mean
        weighted by positive rows.
    multi_class : {"ovr", "ovo"}
        Each class against the others, or each against each (Hand and Till 2001), for which
        weights, "micro" and `bins` are not defined.
    bins : int, optional
        Approximate: scores, which must lie within 0 and 1, in the same of so many equal parts count
        as equal.

    Returns
    -------
    float
        NaN without positive or without negative rows, and then a mean over columns or classes is
        NaN too.

    Raises
    ------
    ValueError
        If shapes, labels or settings do not fit, an array is empty or holds NaN or Inf, or the
        weights are all 0.
    TypeError
        If an array does not hold real numbers.

    References
    ----------
    Hand and Till (2001), A simple generalisation of the area under the ROC curve for multiple class
    classification problems, Machine Learning 45.

    Examples
    --------
    >>> from fastnn.metrics import roc_auc_score
    >>> roc_auc_score([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    metric = specs.AUC("ROC", bins=bins, average=average, multi_class=multi_class)
    return _measured("roc_auc_score", metric, y_true, y_pred, sample_weight)


def average_precision_score(
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    average: str = "macro",
    bins: int | None = None,
) -> float:
    """Average precision, the area under the steps of the precision-recall curve.

    The precision at each score, weighted by the recall that it adds: nothing is interpolated.

    Parameters, errors and the meaning of `bins` are those of `roc_auc_score`.

    Returns
    -------
    float
        0 without positive rows, as in scikit-learn.

    Examples
    --------
    >>> from fastnn.metrics import average_precision_score
    >>> round(average_precision_score([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 6)
    0.833333
    """
    metric = specs.AUC("PR", bins=bins, average=average)
    return _measured("average_precision_score", metric, y_true, y_pred, sample_weight)


# ---- the confusion matrix -----------------------------------------------------------------------

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
