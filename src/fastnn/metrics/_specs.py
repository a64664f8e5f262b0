"""The metrics as frozen specs: what a trainer measures, and sums that run on their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from fastnn._core import MetricState
from fastnn._spec import Spec, check_float, check_int, describe, lookup
from fastnn.metrics import _arrays, _curves
from fastnn.metrics._arrays import COLUMNS, LABELS, ONE_HOT, Array, Pair

# The fields of fnn_metric_set_t: kind, targets, average, count, threshold, param.
Settings = tuple[int, int, int, int, float, float]

# Values of fnn_average_t; "binary" is the class 1 alone.
AVERAGES = {"binary": 0, "micro": 1, "macro": 2, "weighted": 3}

# Losses whose outputs are scores on both sides of 0, a yes above it; and all whose are no
# probabilities.
MARGINS = ("hinge", "squared_hinge", "soft_margin")
SCORES = (*MARGINS, "categorical_hinge")


def _check_name(where: str, name: object) -> object:
    if name is not None and not (isinstance(name, str) and name.strip()):
        raise TypeError(
            f"{where}: name must be a string, the key of the result, got {describe(name)}"
        )
    return name


def _check_average(where: str, average: str, table: dict[str, Any]) -> str:
    lookup("average", average, table, where=where)
    return average


class Stream:
    """What a metric has seen: sums, or all rows."""

    def __init__(self, metric: Metric, targets: int, cols: int) -> None:
        self.metric = metric
        self.targets = targets
        self.cols = cols
        self.rows: list[tuple[Array, Array, Array | None]] = []
        self.sums = None if metric.collects else metric.state(targets, cols)

    def update(self, pair: Pair, weight: Array | None) -> None:
        if self.sums is not None:
            self.sums.update(pair.p, pair.y, weight)
        else:
            self.rows.append((pair.y.copy(), pair.p.copy(), weight))

    def merge(self, other: Stream) -> None:
        if self.sums is not None and other.sums is not None:
            self.sums.merge(other.sums)
        self.rows += other.rows

    def result(self) -> float:
        if self.sums is not None:
            return self.sums.result()
        y = np.concatenate([rows[0] for rows in self.rows])
        p = np.concatenate([rows[1] for rows in self.rows])
        weight = None
        if any(rows[2] is not None for rows in self.rows):
            weight = np.concatenate(
                [np.ones(len(rows[1])) if rows[2] is None else rows[2] for rows in self.rows]
            )
        return Whole(self.metric, self.targets).compute(y, p, weight)


class Whole:
    """A metric that wants all rows of an epoch at once, for targets of a kind."""

    def __init__(self, metric: Metric, targets: int) -> None:
        self.metric = metric
        self.targets = targets

    def check_weights(self) -> None:
        """Refuse weights if the metric cannot take them."""
        if not self.metric.takes_weights:
            raise ValueError(
                f"metrics: {self.metric.name} takes no sample_weight, but the data has weights; "
                "leave one of them out, or give a function (y_true, y_pred, sample_weight)"
            )

    def compute(self, y_true: Array, y_pred: Array, weight: Array | None) -> float:
        """Return the metric of all rows."""
        return self.metric.compute(Pair(self.targets, y_true, y_pred), weight)


class Metric(Spec):
    """Base of the metrics.

    A metric is a frozen spec for a trainer, and can be used alone: `update` adds a batch, `result`
    is that of all batches since the start or the last `reset`.  A trainer never touches those sums.

    Attributes
    ----------
    name : str
        The key of the result.
    higher_is_better : bool or None
        None where nobody said.
    collects : bool
        Whether it needs all rows at once: outputs, targets and weights are kept, 4 bytes a value in
        float32 and 8 in float64.  The others keep sums whose size does not depend on the rows.
    takes_weights : bool

    Examples
    --------
    >>> import fastnn as fnn
    >>> precision = fnn.metrics.Precision(threshold=0.6)
    >>> precision.update([1, 0], [0.9, 0.7])
    >>> precision.update([1, 0], [0.8, 0.1])
    >>> round(precision.result(), 3)
    0.667
    >>> precision.reset()
    """

    __slots__ = ("_name", "_stream")
    _name: str | None
    _stream: Stream | None
    kind: ClassVar[int] = -1  # fnn_metric_t
    best_is_high: ClassVar[bool | None] = None
    asks_classes: ClassVar[bool] = True  # rather than numbers
    collects: bool = False
    takes_weights: bool = True

    def _start(self, name: str | None, **fields: object) -> None:
        self._set(_name=_check_name(type(self).__name__, name), _stream=None, **fields)

    def _fields(self) -> dict[str, Any]:
        return {
            name: self._name if name == "name" else getattr(self, name)
            for name in self._arguments()
        }

    @property
    def name(self) -> str:
        """The key of the result."""
        return self._own_name() if self._name is None else self._name

    def _own_name(self) -> str:
        return self.tag

    @property
    def higher_is_better(self) -> bool | None:
        """Whether more is better, as of an accuracy; of an error less is."""
        return self.best_is_high

    # -- in a trainer -----------------------------------------------------------------------------

    def bind(self, loss_name: str, outputs: int) -> Settings | Whole:
        """Return what a run takes, for the targets of a loss and `outputs` columns.

        Raises
        ------
        ValueError
            If the metric cannot read such targets or outputs.
        """
        where, targets = f"metrics: {self.name}", self._targets(loss_name, outputs)
        self.check(where, targets, outputs)
        if self.collects:
            return Whole(self, targets)
        return self._settings(where, targets, outputs, is_margin=loss_name in MARGINS)

    def _targets(self, loss_name: str, outputs: int) -> int:
        """What the targets of a loss are for this metric: classes where the loss says so."""
        if loss_name.startswith("sparse_"):
            return LABELS
        if loss_name.startswith("categorical_") or loss_name == "kl_divergence":
            return ONE_HOT
        if loss_name.startswith("binary_") or loss_name in MARGINS or outputs == 1:
            return COLUMNS
        return ONE_HOT

    def check(self, where: str, targets: int, cols: int) -> None:
        """Refuse targets that the metric has no meaning for."""

    def takes(self, loss_name: str, outputs: int) -> str:
        """Return what targets it takes beside a loss that takes any numbers: a word of `data`."""
        if not self.asks_classes:
            return "reals"
        return "signs" if self._targets(loss_name, outputs) == COLUMNS else "shares"

    def _settings(
        self, where: str, targets: int, cols: int, *, is_margin: bool = False
    ) -> Settings:
        return (self.kind, targets, 0, 0, 0.0, 0.0)

    def compute(self, pair: Pair, weight: Array | None) -> float:
        """Return the metric of all rows at once."""
        state = self.state(pair.targets, pair.p.shape[1])
        state.update(pair.p, pair.y, weight)
        return state.result()

    def state(self, targets: int, cols: int) -> MetricState:
        """Return sums that have seen nothing."""
        where = type(self).__name__
        self.check(where, targets, cols)
        return MetricState(self._settings(where, targets, cols), cols)

    # -- alone ------------------------------------------------------------------------------------

    def take(self, where: str, y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> Pair:
        """Targets and predictions, as their shapes tell."""
        return _arrays.paired(where, y_true, y_pred)

    def update(
        self,
        y_true: npt.ArrayLike,
        y_pred: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
    ) -> None:
        """Add a batch.

        Parameters
        ----------
        y_true, y_pred : array-like
            As the function of this metric takes them.  Labels of several classes go with a
            probability for each class, shape (n, classes).
        sample_weight : array-like, shape (n,), optional

        Raises
        ------
        TypeError, ValueError
            If arrays do not fit each other or the batches before; what was seen stays as it is.

        Examples
        --------
        >>> from fastnn.metrics import MeanAbsoluteError
        >>> error = MeanAbsoluteError()
        >>> error.update([1.0, 2.0], [1.0, 5.0])
        >>> error.result()
        1.5
        """
        where = f"{type(self).__name__}.update"
        pair = self.take(where, y_true, y_pred)
        weight = _arrays.weights(where, sample_weight, len(pair.p), all_zero=True)
        if weight is not None:
            if not self.takes_weights:
                Whole(self, pair.targets).check_weights()
            weight = weight.astype(pair.p.dtype)
        self.check(where, pair.targets, pair.p.shape[1])
        stream = self._stream
        if stream is None:
            stream = Stream(self, pair.targets, pair.p.shape[1])
        if (stream.targets, stream.cols) != (pair.targets, pair.p.shape[1]):
            kinds = {COLUMNS: "numbers", ONE_HOT: "one-hot rows", LABELS: "labels"}
            raise ValueError(
                f"{where}: got {kinds[pair.targets]} and {pair.p.shape[1]} columns of y_pred after "
                f"{kinds[stream.targets]} and {stream.cols}; reset() starts anew"
            )
        stream.update(pair, weight)
        self._set(_stream=stream)

    def result(self) -> float:
        """Return the metric of all batches so far; NaN before the first.

        Examples
        --------
        >>> from fastnn.metrics import MeanAbsoluteError
        >>> MeanAbsoluteError().result()
        nan
        """
        return float("nan") if self._stream is None else self._stream.result()

    def reset(self) -> None:
        """Forget all batches.

        Examples
        --------
        >>> from fastnn.metrics import MeanAbsoluteError
        >>> error = MeanAbsoluteError()
        >>> error.update([1.0], [2.0])
        >>> error.reset()
        >>> error.result()
        nan
        """
        self._set(_stream=None)

    def merge(self, other: Metric) -> None:
        """Add the batches that `other`, a metric with the same settings, has seen.

        Raises
        ------
        TypeError, ValueError
            If it is another metric, or has other settings or columns.

        Examples
        --------
        >>> from fastnn.metrics import MeanAbsoluteError
        >>> here, there = MeanAbsoluteError(), MeanAbsoluteError()
        >>> here.update([1.0], [2.0])
        >>> there.update([1.0], [4.0])
        >>> here.merge(there)
        >>> here.result()
        2.0
        """
        where = f"{type(self).__name__}.merge"
        if type(other) is not type(self):
            raise TypeError(f"{where}: want a {type(self).__name__}, got {describe(other)}")
        mine, theirs = self._fields(), other._fields()
        if {**mine, "name": None} != {**theirs, "name": None}:
            raise ValueError(f"{where}: {other!r} has other settings than {self!r}")
        stream, seen = self._stream, other._stream
        if seen is None:
            return
        if stream is None:
            stream = Stream(self, seen.targets, seen.cols)
        if (stream.targets, stream.cols) != (seen.targets, seen.cols):
            raise ValueError(
                f"{where}: the other has seen {seen.cols} columns of y_pred or other targets, "
                f"this one {stream.cols}"
            )
        stream.merge(seen)
        self._set(_stream=stream)


# ---- numbers ------------------------------------------------------------------------------------


class _Regression(Metric):
    __slots__ = ()
    best_is_high = False
    asks_classes = False

    def __init__(self, *, name: str | None = None) -> None:
        self._start(name)

    def _targets(self, loss_name: str, outputs: int) -> int:
        _refuse_labels(self.name, loss_name)
        return COLUMNS


def _refuse_labels(name: str, loss_name: str) -> None:
    if loss_name.startswith("sparse_"):
        raise ValueError(
            f"metrics: {name} needs targets of the shape of the outputs, but the targets of "
            f"{loss_name} are class labels; use 'accuracy'"
        )


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


# ---- classes ------------------------------------------------------------------------------------


class _Answers(Metric):
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


class Accuracy(_Answers):
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


class BinaryAccuracy(_Answers):
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
        _refuse_labels(self.name, loss_name)
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
        _refuse_labels(self.name, loss_name)
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
        _refuse_scores(self.name, loss_name)
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


def _refuse_scores(name: str, loss_name: str) -> None:
    if loss_name in SCORES:
        raise ValueError(
            f"metrics: {name} wants probabilities, but the outputs of a network that is trained on "
            f"{loss_name} are scores"
        )


class Counts(_Answers):
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
        self._ask(threshold, name, average=_check_average(where, average, AVERAGES))

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
        average = _check_average(where, average, AVERAGES)
        beta = check_float(where, "beta", beta, above=0)
        self._ask(threshold, name, average=average, beta=beta)

    def _own_name(self) -> str:
        suffix = "" if self.average == "binary" else f"_{self.average}"
        return f"f{self.beta:g}{suffix}"

    def _param(self) -> float:
        return self.beta


class OneAnswer(_Answers):
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


# ---- curves -------------------------------------------------------------------------------------

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
        _check_average(where, average, CURVE_AVERAGES)
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
            _refuse_scores(f"{self.name} with bins", loss_name)
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


# ---- a person's own -----------------------------------------------------------------------------


class FunctionMetric(Metric):
    """A person's own metric, a function of all targets and predictions of an epoch at once.

    Giving the function itself in a trainer's ``metrics=[...]`` is the short way.

    Parameters
    ----------
    function : callable
        ``function(y_true, y_pred)`` or ``function(y_true, y_pred, sample_weight)`` that returns a
        number.  It gets arrays that it must not change or keep: predictions after the output
        activation, (n, outputs) in the model's dtype, as `predict` gives them; targets of the same
        shape, or int32 labels (n,) with a sparse loss; weights (n,), or None where there are none.
        The rows come in the order in which the epoch took them.  They are kept, 4 bytes a value in
        float32 and 8 in float64.
    name : str, optional
        The key of the result; the function's name if not given.
    higher_is_better : bool, optional
        Which way is better, for callbacks and leaderboards.

    Raises
    ------
    TypeError
        If it cannot be called with two or three arrays.
    ValueError
        If it has no name of its own and none is given.

    Notes
    -----
    A function of two arguments goes with data without weights only.  In training the predictions
    of a batch are those before its update.

    Examples
    --------
    >>> import numpy as np
    >>> import fastnn as fnn
    >>> def median_error(y_true, y_pred):
    ...     return np.median(np.abs(y_true - y_pred))
    >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1, kernel_initializer="ones")])
    >>> trainer = fnn.Trainer(model, "mse", metrics=[median_error])
    >>> trainer.evaluate([[1.0], [2.0], [3.0]], [1.0, 4.0, 13.0])["median_error"]
    2.0
    >>> fnn.metrics.FunctionMetric(median_error, name="error", higher_is_better=False).name
    'error'
    """

    __slots__ = ("_better", "_weights", "function")
    tag = "function"
    asks_classes = False
    collects = True
    _better: bool | None
    _weights: str  # how the function takes them
    function: Callable[..., float]

    def __init__(
        self,
        function: Callable[..., float],
        *,
        name: str | None = None,
        higher_is_better: bool | None = None,
    ) -> None:
        where = type(self).__name__
        if not callable(function):
            raise TypeError(f"{where}: function must be callable, got {describe(function)}")
        if higher_is_better not in (None, True, False):
            raise TypeError(
                f"{where}: higher_is_better must be True, False or None, "
                f"got {describe(higher_is_better)}"
            )
        if name is None:
            name = getattr(function, "__name__", None)
            if name is None or not name.isidentifier():
                raise ValueError(
                    f"{where}: {function!r} has no name for the result; give one, "
                    "FunctionMetric(function, name=...)"
                )
        self._start(
            name,
            function=function,
            _better=higher_is_better,
            _weights=_weights_argument(where, name, function),
        )

    def _fields(self) -> dict[str, Any]:
        return {"function": self.function, "name": self._name, "higher_is_better": self._better}

    def config(self) -> dict[str, Any]:
        """Refuse: a function cannot be written to a file."""
        raise TypeError(f"FunctionMetric.config: the function {self.name} cannot be stored")

    @property
    def higher_is_better(self) -> bool | None:
        """Which way is better, if somebody said."""
        return self._better

    @property
    def takes_weights(self) -> bool:  # type: ignore[override]
        """Whether the function has an argument for weights."""
        return self._weights != ""

    def take(self, where: str, y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> Pair:
        p = _arrays.table(where, "y_pred", y_pred)
        if not _arrays.is_column(y_pred) and _arrays.is_column(y_true):
            return _arrays.labelled(where, y_true, p)
        return _arrays.paired(where, y_true, p)

    def compute(self, pair: Pair, weight: Array | None) -> float:
        """Call the function on all rows."""
        result: object
        try:
            if self._weights == "sample_weight":
                result = self.function(pair.y, pair.p, sample_weight=weight)
            elif self._weights == "third":
                result = self.function(pair.y, pair.p, weight)
            else:
                result = self.function(pair.y, pair.p)
        except Exception as error:
            error.add_note(f"raised by the metric {self.name!r}")
            raise
        if np.ndim(result) == 0 and isinstance(
            result, (int, float, np.integer, np.floating, np.ndarray)
        ):
            return float(result)
        raise TypeError(f"metrics: {self.name} must return a number, got {describe(result)}")


def _weights_argument(where: str, name: str, function: Callable[..., float]) -> str:
    """Tell how a function takes weights: by the name "sample_weight", as the "third", "" not."""
    from inspect import signature

    try:
        parameters = list(signature(function).parameters.values())
    except (TypeError, ValueError):
        raise TypeError(
            f"{where}: cannot tell which arguments {name} takes; wrap it in a function "
            "(y_true, y_pred)"
        ) from None
    in_place = [
        parameter
        for parameter in parameters
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    any_number = any(parameter.kind == parameter.VAR_POSITIONAL for parameter in parameters)
    third = in_place[2:3]
    by_name = any(
        parameter.name == "sample_weight" and parameter.kind != parameter.POSITIONAL_ONLY
        for parameter in parameters
        if parameter not in in_place[:2]
    )
    needed = [
        parameter
        for parameter in parameters
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        and parameter not in in_place[:3]
        and parameter.name != "sample_weight"
    ]
    if needed or (len(in_place) < 2 and not any_number):
        raise TypeError(
            f"{where}: {name} must take (y_true, y_pred) or (y_true, y_pred, sample_weight)"
        )
    if by_name:
        return "sample_weight"
    if third and (third[0].default is third[0].empty or third[0].name in ("weight", "weights")):
        return "third"
    return ""
