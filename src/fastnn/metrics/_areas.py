"""Metrics of a ranking: the areas under its curves."""

from __future__ import annotations

import numpy.typing as npt

from fastnn._spec import check_int, lookup
from fastnn.metrics import _arrays, _curves
from fastnn.metrics._arrays import COLUMNS, Array, Pair
from fastnn.metrics._base import Metric, Settings, Whole, measured, refuse_scores
from fastnn.metrics._counts import AVERAGES, check_average

CURVES = {"ROC": 17, "PR": 18}
CURVE_AVERAGES = {name: value for name, value in AVERAGES.items() if name != "binary"}
MULTI_CLASS = {"ovr": None, "ovo": None}


class AUC(Metric):
    """Area under the ROC curve, or average precision; exact unless `bins` is given.

    The functions are `roc_auc_score` and `average_precision_score`.

    Parameters
    ----------
    curve : {"ROC", "PR"}
        "PR" is the average precision, scikit-learn's area under the precision-recall curve.
    bins : int, optional
        If not given, the area is exact: the outputs, targets and weights of an epoch are kept, for
        one output in float32 8 bytes a row, 12 with weights.  With `bins` the area is approximate,
        and 16 bytes a bin are kept whatever the number of rows: outputs in the same of so many
        equal parts of 0 to 1 count as equal.  The area under the ROC curve is then wrong by at most
        half the share of pairs of a positive and a negative row that share a bin.
    average : {"macro", "micro", "weighted"}
        Over columns, or over classes, each against the others.
    multi_class : {"ovr", "ovo"}
        Of several classes: each against the rest, or each against each (Hand and Till 2001; only
        exact, only "ROC", without weights, not "micro").  Two classes are one question.
    name : str, optional
        The key of the result; if not given "auc" or "average_precision", with "_ovo", "_micro" or
        "_weighted" behind it if so asked.

    Notes
    -----
    Without positive or without negative rows the ROC area is NaN, and so is a plain mean it enters;
    the average precision without positive rows is 0.  These are scikit-learn's rules.

    References
    ----------
    Hand and Till (2001), A simple generalisation of the area under the ROC curve for multiple class
    classification problems, Machine Learning 45.

    Examples
    --------
    >>> from fastnn.metrics import AUC
    >>> auc = AUC()
    >>> auc.update([0, 1, 1], [0.2, 0.9, 0.1])
    >>> auc.result()
    0.5
    >>> AUC(curve="PR", bins=200).name
    'average_precision'
    """

    __slots__ = ("average", "bins", "curve", "multi_class")
    tag = "auc"
    best_is_high = True
    curve: str
    bins: int | None
    average: str
    multi_class: str

    def __init__(
        self,
        curve: str = "ROC",
        *,
        bins: int | None = None,
        average: str = "macro",
        multi_class: str = "ovr",
        name: str | None = None,
    ) -> None:
        where = type(self).__name__
        lookup("curve", curve, CURVES, where=where)
        check_average(where, average, CURVE_AVERAGES)
        lookup("multi_class", multi_class, MULTI_CLASS, where=where)
        if bins is not None:
            bins = check_int(where, "bins", bins, 2, 2**24)
        if multi_class == "ovo" and (bins is not None or curve == "PR" or average == "micro"):
            raise ValueError(
                f"{where}: multi_class='ovo' is for the exact area under the ROC curve, with "
                "average 'macro' or 'weighted'"
            )
        self._start(name, curve=curve, bins=bins, average=average, multi_class=multi_class)

    def _own_name(self) -> str:
        name = "auc" if self.curve == "ROC" else "average_precision"
        if self.multi_class == "ovo":
            name += "_ovo"
        return name if self.average == "macro" else f"{name}_{self.average}"

    @property
    def collects(self) -> bool:  # type: ignore[override]
        """Whether it needs all rows at once."""
        return self.bins is None

    @property
    def takes_weights(self) -> bool:  # type: ignore[override]
        """Whether rows may have weights."""
        return self.multi_class == "ovr"

    def bind(self, loss_name: str, outputs: int) -> Settings | Whole:
        """Return what a run takes; as `Metric.bind`."""
        if self.bins is not None:
            refuse_scores(f"{self.name} with bins", loss_name)
        return super().bind(loss_name, outputs)

    def check(self, where: str, targets: int, cols: int) -> None:
        if self.multi_class == "ovo" and targets == COLUMNS:
            raise ValueError(
                f"{where}: multi_class='ovo' is for classes, not for "
                f"{cols} column{'s' if cols > 1 else ''} of answers"
            )

    def _settings(
        self, where: str, targets: int, cols: int, *, is_margin: bool = False
    ) -> Settings:
        assert self.bins is not None
        return (CURVES[self.curve], targets, AVERAGES[self.average], self.bins, 0.0, 0.0)

    def take(self, where: str, y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> Pair:
        if not _arrays.is_column(y_pred) and _arrays.is_column(y_true):
            pair = _arrays.labelled(where, y_true, y_pred)
        else:
            pair = _arrays.answered(where, y_true, y_pred)
        if self.bins is not None and (pair.p.min() < 0 or pair.p.max() > 1):
            raise ValueError(f"{where}: with bins y_pred must lie within 0 and 1")
        return pair

    def compute(self, pair: Pair, weight: Array | None) -> float:
        """Return the area for all rows at once."""
        if self.bins is not None:
            return super().compute(pair, weight)
        if self.multi_class == "ovo" and pair.p.shape[1] > 2:
            return _curves.area_of_pairs(pair, self.average)
        return _curves.area(self.curve, pair, weight, self.average)


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
    metric = AUC("ROC", bins=bins, average=average, multi_class=multi_class)
    return measured("roc_auc_score", metric, y_true, y_pred, sample_weight)


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
    metric = AUC("PR", bins=bins, average=average)
    return measured("average_precision_score", metric, y_true, y_pred, sample_weight)
