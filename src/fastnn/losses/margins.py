"""Margins, angles and ranks."""

from __future__ import annotations

from typing import Any

from fastnn._spec import check_float
from fastnn.losses.base import Loss, WithEpsilon

__all__ = [
    "CategoricalHinge",
    "CosineSimilarity",
    "Hinge",
    "MarginRanking",
    "SoftMargin",
    "SquaredHinge",
]


class Hinge(Loss):
    """``mean(max(0, 1 - s * p))`` for labels s of -1 and 1; 0 counts as -1, as in Keras.

    Examples
    --------
    >>> Hinge().takes
    'signs'
    """

    __slots__ = ()
    tag = "hinge"
    kind = 17
    takes = "signs"


class SquaredHinge(Loss):
    """``mean(max(0, 1 - s * p)**2)`` for labels s of -1 and 1; 0 counts as -1.

    Examples
    --------
    >>> SquaredHinge().name
    'squared_hinge'
    """

    __slots__ = ()
    tag = "squared_hinge"
    kind = 18
    takes = "signs"


class CategoricalHinge(Loss):
    """``max(0, 1 + max((1 - y) * p) - sum(y * p))`` over the columns, for one-hot rows y.

    Examples
    --------
    >>> CategoricalHinge().takes
    'unit'
    """

    __slots__ = ()
    tag = "categorical_hinge"
    kind = 19
    takes = "unit"

    def check_outputs(self, outputs: int, activation: str) -> None:
        """Refuse a single class."""
        if outputs < 2:
            raise ValueError(
                f"{self.name}: got {outputs} output column, want at least 2 (one for each class); "
                f"hinge is for one"
            )


class SoftMargin(Loss):
    """``mean(log(1 + exp(-s * p)))`` for labels s of -1 and 1; 0 counts as -1.

    p are scores, so the network ends in a linear layer; the predictions are scores too.

    Examples
    --------
    >>> SoftMargin().name
    'soft_margin'
    """

    __slots__ = ()
    tag = "soft_margin"
    kind = 20
    takes = "signs"


class CosineSimilarity(WithEpsilon):
    """Minus the cosine of the angle between the rows of p and y, as Keras: -1 is best, 1 worst.

    Parameters
    ----------
    epsilon : float, default 1e-7
        The least length that a row counts with; above 0.

    Examples
    --------
    >>> CosineSimilarity().name
    'cosine_similarity'
    """

    __slots__ = ()
    tag = "cosine_similarity"
    kind = 21


class MarginRanking(Loss):
    """``max(0, margin - s * (p[0] - p[1]))`` for two outputs, of which s names the larger one.

    Parameters
    ----------
    margin : float, default 0.0
        By how much; at least 0.

    Notes
    -----
    A target s is one column: 1 where the first output shall be larger, -1 (or 0) where the second.
    A margin that is just met has the derivative of one that is not, as in PyTorch.

    Examples
    --------
    >>> MarginRanking(margin=0.5).target_columns(2)
    1
    """

    __slots__ = ("margin",)
    tag = "margin_ranking"
    kind = 22
    takes = "signs"
    margin: float

    def __init__(self, margin: float = 0.0) -> None:
        self._set(margin=check_float(type(self).__name__, "margin", margin, at_least=0))

    @property
    def settings(self) -> dict[str, Any]:
        """The numbers that the kernel takes."""
        return {"margin": self.margin}

    def target_columns(self, outputs: int) -> int:
        """Return how many columns targets have: one."""
        return 1

    def check_outputs(self, outputs: int, activation: str) -> None:
        """Refuse all but two outputs."""
        if outputs != 2:
            raise ValueError(
                f"{self.name}: got {outputs} output columns; want the 2 that are compared"
            )
