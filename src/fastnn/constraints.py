"""Constraints: what a parameter must be after each step of an optimizer.

Norms are of the columns of a kernel (inputs, units), one for each unit, as in Keras with
``axis=0``; a vector such as a bias is one column.
"""

from __future__ import annotations

from typing import ClassVar

from fastnn._spec import Spec, check_float, resolve

__all__ = ["Constraint", "MaxNorm", "MinMaxNorm", "NonNegative", "UnitNorm", "get"]


class Constraint(Spec):
    """Base of the constraints.

    Attributes
    ----------
    kind : int
        Number of the rule, as in csrc/include/fastnn/update.h.
    bounds : tuple of float
        Least and most norm, and the rate of MinMaxNorm.
    """

    __slots__ = ()
    kind: ClassVar[int]

    @property
    def bounds(self) -> tuple[float, float, float]:
        """Least and most norm, and the rate of MinMaxNorm."""
        return 0.0, 0.0, 1.0


class MaxNorm(Constraint):
    """Columns of a larger norm are scaled down to `max_value`.

    Parameters
    ----------
    max_value : float, default 2.0
        Above 0.

    References
    ----------
    Srivastava et al. (2014), Dropout: a simple way to prevent neural networks from overfitting.

    Examples
    --------
    >>> MaxNorm(3.0)
    MaxNorm(max_value=3.0)
    """

    __slots__ = ("max_value",)
    tag = "max_norm"
    kind = 1
    max_value: float

    def __init__(self, max_value: float = 2.0) -> None:
        self._set(max_value=check_float("MaxNorm", "max_value", max_value, above=0))

    @property
    def bounds(self) -> tuple[float, float, float]:
        """Least and most norm, and the rate of MinMaxNorm."""
        return 0.0, self.max_value, 1.0


class NonNegative(Constraint):
    """Negative elements become 0; in all kernels of a network it makes a monotone one.

    Examples
    --------
    >>> NonNegative()
    NonNegative()
    """

    __slots__ = ()
    tag = "non_negative"
    kind = 2


class UnitNorm(Constraint):
    """Columns are scaled to norm 1, but for those that are 0.

    Examples
    --------
    >>> UnitNorm()
    UnitNorm()
    """

    __slots__ = ()
    tag = "unit_norm"
    kind = 3


class MinMaxNorm(Constraint):
    """Norms of columns are brought within bounds, all the way or a share of it.

    A norm n becomes ``rate * clip(n, min_value, max_value) + (1 - rate) * n``.

    Parameters
    ----------
    min_value : float, default 0.0
        At least 0.
    max_value : float, default 1.0
        Above 0 and at least `min_value`.
    rate : float, default 1.0
        Above 0, at most 1.

    Examples
    --------
    >>> MinMaxNorm(0.5, 2.0)
    MinMaxNorm(min_value=0.5, max_value=2.0)
    """

    __slots__ = ("max_value", "min_value", "rate")
    tag = "min_max_norm"
    kind = 4
    min_value: float
    max_value: float
    rate: float

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0) -> None:
        who = "MinMaxNorm"
        self._set(
            min_value=check_float(who, "min_value", min_value, at_least=0),
            max_value=check_float(who, "max_value", max_value, above=0),
            rate=check_float(who, "rate", rate, above=0),
        )
        if self.max_value < self.min_value:
            raise ValueError(
                f"{who}: max_value must be at least min_value, "
                f"got {self.min_value} and {self.max_value}"
            )
        if self.rate > 1:
            raise ValueError(f"{who}: rate must be at most 1, got {self.rate}")

    @property
    def bounds(self) -> tuple[float, float, float]:
        """Least and most norm, and the rate of MinMaxNorm."""
        return self.min_value, self.max_value, self.rate


Constraint.table = {cls.tag: cls for cls in (MaxNorm, NonNegative, UnitNorm, MinMaxNorm)}


def get(constraint: object, where: str = "constraints.get") -> Constraint | None:
    """Return the constraint that a name, a spec or a config stands for; None of None.

    Parameters
    ----------
    constraint : str, Constraint, mapping or None
    where : str
        Who asks; begins the message of an error.

    Raises
    ------
    TypeError, ValueError
        If it is none of these.

    Examples
    --------
    >>> get("non_negative")
    NonNegative()
    """
    return None if constraint is None else resolve(Constraint, constraint, where)
