"""A person's own metric: a function of all rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn._spec import describe
from fastnn.metrics import _arrays
from fastnn.metrics._arrays import Array, Pair
from fastnn.metrics._base import Metric


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
