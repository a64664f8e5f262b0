"""What all losses have in common."""

from __future__ import annotations

from typing import Any, ClassVar

from fastnn._spec import Spec, check_bool, check_float

__all__ = ["Loss", "FromLogits", "WithEpsilon"]


class Loss(Spec):
    """Base of the losses.

    Attributes
    ----------
    kind : int
        Number of the kernel, as in csrc/include/fastnn/loss.h.
    name : str
    settings : dict
        The numbers that the kernel takes, by the names of the header.
    from_logits : bool
        Whether the network's output comes before the activation the loss would fuse with.
    fuses : {None, "sigmoid", "softmax"}
        The output activation that the loss's kernel applies itself.
    integer_labels : bool
        Whether targets are class numbers, one a row.
    takes : {"reals", "unit", "counts", "positive", "signs"}
        What targets may be: any number, within 0 and 1, at least 0, above 0, or labels -1 and 1 (or
        0 and 1).
    """

    __slots__ = ()
    kind: ClassVar[int]
    fuses: ClassVar[str | None] = None
    integer_labels: ClassVar[bool] = False
    takes: ClassVar[str] = "reals"

    @property
    def name(self) -> str:
        """The name in messages, files and result keys."""
        return self.tag

    @property
    def settings(self) -> dict[str, Any]:
        """The numbers that the kernel takes."""
        return {}

    @property
    def from_logits(self) -> bool:
        """Whether the output comes before the activation to fuse with."""
        return False

    def target_columns(self, outputs: int) -> int:
        """Return how many columns targets have for `outputs` columns of the network's output.

        Examples
        --------
        >>> from fastnn.losses import Quantile
        >>> Quantile([0.1, 0.5, 0.9]).target_columns(6)
        2
        """
        return outputs

    def point_columns(self, outputs: int) -> range | None:
        """Return the columns of the output that metrics compare with the targets, one each.

        All of them, where there are as many targets; the means of `GaussianNLL`, the medians of
        `Quantile`; None where no columns are predictions of the targets.

        Examples
        --------
        >>> from fastnn.losses import GaussianNLL, Quantile
        >>> GaussianNLL().point_columns(4), Quantile([0.1, 0.5, 0.9]).point_columns(6)
        (range(0, 2), range(1, 6, 3))
        """
        same = self.integer_labels or self.target_columns(outputs) == outputs
        return range(outputs) if same else None

    def check_outputs(self, outputs: int, activation: str) -> None:
        """Refuse an output that the loss cannot take; `check_head` asks."""


class WithEpsilon(Loss):
    """A loss with a least number, `epsilon`."""

    __slots__ = ("epsilon",)
    epsilon: float

    def __init__(self, epsilon: float = 1e-7) -> None:
        self._set(epsilon=check_float(type(self).__name__, "epsilon", epsilon, above=0))

    @property
    def settings(self) -> dict[str, Any]:
        """The numbers that the kernel takes."""
        return {"epsilon": self.epsilon}


class FromLogits(Loss):
    """A loss of probabilities, or of what comes before the activation that makes them."""

    __slots__ = ("from_logits",)
    takes = "unit"
    from_logits: bool

    def __init__(self, from_logits: bool = False) -> None:
        self._set(from_logits=check_bool(type(self).__name__, "from_logits", from_logits))
