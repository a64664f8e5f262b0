"""Metrics of numbers: how far predictions are from their targets."""

from __future__ import annotations

import numpy.typing as npt

from fastnn._spec import check_float
from fastnn.metrics._arrays import COLUMNS
from fastnn.metrics._base import Metric, Settings, measured, refuse_labels

# ---- specs --------------------------------------------------------------------------------------


class _Regression(Metric):
    __slots__ = ()
    best_is_high = False
    asks_classes = False

    def __init__(self, *, name: str | None = None) -> None:
        self._start(name)

    def _targets(self, loss_name: str, outputs: int) -> int:
        refuse_labels(self.name, loss_name)
        return COLUMNS


class MeanAbsoluteError(_Regression):
    """Mean of ``|y_true - y_pred|``; the function is `mean_absolute_error`.

    Parameters
    ----------
    name : str, optional
        The key of the result, "mean_absolute_error" if not given.

    Examples
    --------
    >>> from fastnn.metrics import MeanAbsoluteError
    >>> MeanAbsoluteError(name="mae").name
    'mae'
    """

    __slots__ = ()
    tag = "mean_absolute_error"
    kind = 0


class MeanSquaredError(_Regression):
    """Mean of ``(y_true - y_pred)**2``; the function is `mean_squared_error`.

    Examples
    --------
    >>> from fastnn.metrics import MeanSquaredError
    >>> MeanSquaredError().higher_is_better
    False
    """

    __slots__ = ()
    tag = "mean_squared_error"
    kind = 1


class MeanAbsolutePercentageError(_Regression):
    """Mean of ``|y_true - y_pred| / |y_true|``, a share: 0.05 is five per cent.

    The function is `mean_absolute_percentage_error`.

    Examples
    --------
    >>> from fastnn.metrics import MeanAbsolutePercentageError
    >>> MeanAbsolutePercentageError().name
    'mean_absolute_percentage_error'
    """

    __slots__ = ()
    tag = "mean_absolute_percentage_error"
    kind = 2


class MeanPinballLoss(_Regression):
    """The quantile loss; the function is `mean_pinball_loss`.

    Parameters
    ----------
    alpha : float
        The quantile that is predicted, within 0 and 1; 0.5 is the median.
    name : str, optional
        The key of the result, "mean_pinball_loss" if not given.

    Examples
    --------
    >>> from fastnn.metrics import MeanPinballLoss
    >>> MeanPinballLoss(alpha=0.9, name="p90")
    MeanPinballLoss(alpha=0.9, name='p90')
    """

    __slots__ = ("alpha",)
    tag = "mean_pinball_loss"
    kind = 3
    alpha: float

    def __init__(self, alpha: float = 0.5, *, name: str | None = None) -> None:
        where = type(self).__name__
        alpha = check_float(where, "alpha", alpha, at_least=0)
        if alpha > 1:
            raise ValueError(f"{where}: alpha must lie within 0 and 1, got {alpha}")
        self._start(name, alpha=alpha)

    def _settings(
        self, where: str, targets: int, cols: int, *, is_margin: bool = False
    ) -> Settings:
        return (self.kind, targets, 0, 0, 0.0, self.alpha)


class MaxError(_Regression):
    """The largest ``|y_true - y_pred|`` of all rows and columns; the function is `max_error`.

    Examples
    --------
    >>> from fastnn.metrics import MaxError
    >>> MaxError().name
    'max_error'
    """

    __slots__ = ()
    tag = "max_error"
    kind = 4


class RootMeanSquaredError(_Regression):
    """Root of each column's mean squared error; the function is `root_mean_squared_error`.

    Examples
    --------
    >>> from fastnn.metrics import RootMeanSquaredError
    >>> RootMeanSquaredError().name
    'root_mean_squared_error'
    """

    __slots__ = ()
    tag = "root_mean_squared_error"
    kind = 5


class R2(_Regression):
    """R², the share of the variance that is explained without bias; the function is `r2_score`.

    Examples
    --------
    >>> from fastnn.metrics import R2
    >>> R2().name, R2().higher_is_better
    ('r2_score', True)
    """

    __slots__ = ()
    tag = "r2_score"
    kind = 6
    best_is_high = True


class ExplainedVariance(_Regression):
    """The share of the variance that is explained; the function is `explained_variance_score`.

    Examples
    --------
    >>> from fastnn.metrics import ExplainedVariance
    >>> ExplainedVariance().name
    'explained_variance'
    """

    __slots__ = ()
    tag = "explained_variance"
    kind = 7
    best_is_high = True


# ---- functions ----------------------------------------------------------------------------------


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
    return measured("mean_absolute_error", MeanAbsoluteError(), y_true, y_pred, sample_weight)


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
    return measured("mean_squared_error", MeanSquaredError(), y_true, y_pred, sample_weight)


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
    return measured(
        "root_mean_squared_error", RootMeanSquaredError(), y_true, y_pred, sample_weight
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
    return measured("r2_score", R2(), y_true, y_pred, sample_weight)


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
    return measured(
        "mean_absolute_percentage_error",
        MeanAbsolutePercentageError(),
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
    metric = MeanPinballLoss(alpha)
    return measured("mean_pinball_loss", metric, y_true, y_pred, sample_weight)


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
    return measured("max_error", MaxError(), y_true, y_pred, sample_weight)


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
    return measured("explained_variance_score", ExplainedVariance(), y_true, y_pred, sample_weight)
