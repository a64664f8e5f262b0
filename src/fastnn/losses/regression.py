"""How far numbers are apart, and quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastnn._spec import check_float
from fastnn.losses.base import Loss, WithEpsilon

__all__ = [
    "Huber",
    "LogCosh",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Quantile",
]

MOST_QUANTILES = 128  # as in csrc/include/fastnn/loss.h


class MeanSquaredError(Loss):
    """``mean((p - y)**2)``, without a factor 1/2."""

    __slots__ = ()
    tag = "mean_squared_error"
    kind = 0


class MeanAbsoluteError(Loss):
    """``mean(abs(p - y))``; its derivative at 0 is 0."""

    __slots__ = ()
    tag = "mean_absolute_error"
    kind = 1


class Huber(Loss):
    """``e**2 / 2`` where ``abs(e) <= delta``, else ``delta * (abs(e) - delta / 2)``; e = p - y.

    Parameters
    ----------
    delta : float, default 1.0
        Where the parabola turns into lines; finite and above 0.

    References
    ----------
    Huber (1964), Robust estimation of a location parameter, Annals of Mathematical Statistics 35.

    Examples
    --------
    >>> Huber(delta=2).settings
    {'delta': 2.0}
    """

    __slots__ = ("delta",)
    tag = "huber"
    kind = 2
    delta: float

    def __init__(self, delta: float = 1.0) -> None:
        self._set(delta=check_float(type(self).__name__, "delta", delta, above=0))

    @property
    def settings(self) -> dict[str, Any]:
        """The numbers that the kernel takes."""
        return {"delta": self.delta}


class MeanAbsolutePercentageError(WithEpsilon):
    """``mean(100 * abs(p - y) / max(abs(y), epsilon))``, as Keras.

    Parameters
    ----------
    epsilon : float, default 1e-7
        What a smaller target counts as; above 0.

    Examples
    --------
    >>> from fastnn.losses import get
    >>> get("mape").name
    'mean_absolute_percentage_error'
    """

    __slots__ = ()
    tag = "mean_absolute_percentage_error"
    kind = 6


class MeanSquaredLogarithmicError(WithEpsilon):
    """``mean((log(1 + p) - log(1 + y))**2)`` for targets of at least 0, as Keras.

    Outputs and targets below `epsilon` count as `epsilon`; there the derivative is 0, so give the
    last layer an activation that is positive.

    Parameters
    ----------
    epsilon : float, default 1e-7
        Above 0.

    Examples
    --------
    >>> from fastnn.losses import get
    >>> get("msle").takes
    'counts'
    """

    __slots__ = ()
    tag = "mean_squared_logarithmic_error"
    kind = 7
    takes = "counts"


class LogCosh(Loss):
    """``mean(log(cosh(p - y)))``: a parabola near 0, a line far out, smooth in between.

    Examples
    --------
    >>> LogCosh().name
    'log_cosh'
    """

    __slots__ = ()
    tag = "log_cosh"
    kind = 8


class Quantile(Loss):
    """The pinball loss, ``q * max(y - p, 0) + (1 - q) * max(p - y, 0)``.

    Its mean is least where p is the quantile q of y.  The mean goes over rows, targets and
    quantiles; the derivative where p = y is 0.

    Parameters
    ----------
    quantiles : float or sequence of float, default 0.5
        One quantile, or several (at most 128), each between 0 and 1.  With several, each target has
        as many outputs, side by side: for targets a, b and quantiles 0.1, 0.9 the outputs are a's
        0.1, a's 0.9, b's 0.1, b's 0.9.

    References
    ----------
    Koenker and Bassett (1978), Regression quantiles, Econometrica 46.

    Examples
    --------
    >>> Quantile([0.1, 0.5, 0.9])
    Quantile(quantiles=(0.1, 0.5, 0.9))
    >>> Quantile(0.9).target_columns(1), Quantile([0.1, 0.5, 0.9]).target_columns(3)
    (1, 1)
    """

    __slots__ = ("quantiles",)
    tag = "quantile"
    kind = 9
    quantiles: float | tuple[float, ...]

    def __init__(self, quantiles: float | Sequence[float] = 0.5) -> None:
        where = type(self).__name__
        listed = hasattr(quantiles, "__len__") and not isinstance(quantiles, str)
        found = tuple(quantiles) if listed else (quantiles,)  # type: ignore[arg-type]
        if not 1 <= len(found) <= MOST_QUANTILES:
            raise ValueError(
                f"{where}: quantiles must be 1 to {MOST_QUANTILES} numbers, got {len(found)}"
            )
        found = tuple(check_float(where, "quantiles", q, above=0, below=1) for q in found)
        self._set(quantiles=found if listed else found[0])

    @property
    def settings(self) -> dict[str, Any]:
        """The numbers that the kernel takes."""
        several = isinstance(self.quantiles, tuple)
        return {"quantiles": self.quantiles if several else (self.quantiles,)}

    def target_columns(self, outputs: int) -> int:
        """Return how many columns targets have: one for each `quantiles` outputs."""
        return outputs // len(self.settings["quantiles"])

    def point_columns(self, outputs: int) -> range | None:
        """Return the columns of the medians; None if 0.5 is not among several quantiles."""
        quantiles = self.settings["quantiles"]
        if len(quantiles) == 1:
            return range(outputs)
        if 0.5 not in quantiles:
            return None
        return range(quantiles.index(0.5), outputs, len(quantiles))

    def check_outputs(self, outputs: int, activation: str) -> None:
        """Refuse outputs that are no whole number of quantiles."""
        count = len(self.settings["quantiles"])
        if outputs % count:
            raise ValueError(
                f"{self.name}: got {outputs} output columns for {count} quantiles; "
                f"want {count} for each target"
            )
