"""What every metric is and does: in a trainer, batch by batch, on whole arrays."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from fastnn._core import MetricState
from fastnn._spec import Spec, describe
from fastnn.metrics import _arrays
from fastnn.metrics._arrays import COLUMNS, LABELS, ONE_HOT, Array, Pair

# The fields of fnn_metric_set_t: kind, targets, average, count, threshold, param.
Settings = tuple[int, int, int, int, float, float]

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


def refuse_labels(name: str, loss_name: str) -> None:
    """Refuse a loss whose targets are class labels."""
    if loss_name.startswith("sparse_"):
        raise ValueError(
            f"metrics: {name} needs targets of the shape of the outputs, but the targets of "
            f"{loss_name} are class labels; use 'accuracy'"
        )


def refuse_scores(name: str, loss_name: str) -> None:
    """Refuse a loss whose outputs are no probabilities."""
    if loss_name in SCORES:
        raise ValueError(
            f"metrics: {name} wants probabilities, but the outputs of a network that is trained on "
            f"{loss_name} are scores"
        )


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


def measured(
    where: str,
    metric: Metric,
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None,
) -> float:
    """Return the metric of whole arrays: what a function of this module does."""
    pair = metric.take(where, y_true, y_pred)
    weight = _arrays.weights(where, sample_weight, len(pair.p))
    if weight is not None:
        if not metric.takes_weights:
            raise ValueError(f"{where}: sample_weight does not go with multi_class='ovo'")
        weight = weight.astype(pair.p.dtype)
    metric.check(where, pair.targets, pair.p.shape[1])
    return metric.compute(pair, weight)
