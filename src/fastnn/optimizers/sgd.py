"""Along the gradient, with or without momentum."""

from __future__ import annotations

from typing import Any, Unpack

from fastnn._spec import check_bool, check_float
from fastnn.optimizers.base import NO_SLOTS, Decaying, Optimizer, Slots
from fastnn.schedules import Schedule

__all__ = ["SGD"]


class SGD(Optimizer):
    """Gradient descent, with momentum in PyTorch's form.

    ``v = momentum * v + g``, then ``p -= learning_rate * v``, or with Nesterov's look ahead
    ``p -= learning_rate * (g + momentum * v)``.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.01
        Above 0.
    momentum : float, default 0.0
        Within [0, 1).
    nesterov : bool, default False
        Needs a momentum above 0.
    **common
        As `Optimizer`.

    References
    ----------
    Sutskever, Martens, Dahl and Hinton (2013), On the importance of initialization and momentum
    in deep learning.  Equal to PyTorch's SGD.

    Examples
    --------
    >>> SGD(0.1, momentum=0.9)
    SGD(learning_rate=0.1, momentum=0.9)
    """

    __slots__ = ("momentum", "nesterov")
    tag = "sgd"
    code = 0
    momentum: float
    nesterov: bool

    def __init__(
        self,
        learning_rate: float | Schedule = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **common: Unpack[Decaying],
    ) -> None:
        who = type(self).__name__
        self._set_common(learning_rate, **common)
        self._set(
            momentum=check_float(who, "momentum", momentum, at_least=0, below=1),
            nesterov=check_bool(who, "nesterov", nesterov),
        )
        if self.nesterov and self.momentum == 0:
            raise ValueError(f"{who}: nesterov=True needs a momentum above 0, got momentum=0.0")

    @property
    def slot_names(self) -> Slots:
        """Names of the arrays of state, as a saved state has them."""
        return ("velocity", None, None) if self.momentum > 0 else NO_SLOTS

    def settings(self) -> dict[str, Any]:
        """Return the numbers that a state of this optimizer needs, by name."""
        return super().settings() | {"momentum": self.momentum, "nesterov": self.nesterov}
