"""Steps by the signs of gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from fastnn._spec import check_float, describe
from fastnn.optimizers.base import Decaying, Optimizer, Slots
from fastnn.schedules import Schedule

__all__ = ["Lion", "Rprop"]


class Lion(Optimizer):
    """Steps of one size along the sign of a mean of gradients.

    ``p -= learning_rate * sign(beta_1 * m + (1 - beta_1) * g)``, then
    ``m = beta_2 * m + (1 - beta_2) * g``.

    Parameters
    ----------
    learning_rate : float or Schedule, default 1e-4
        A third to a tenth of Adam's, as a rule.
    beta_1, beta_2 : float, default 0.9 and 0.99
    **common
        As `Optimizer`; a `weight_decay` three to ten times as large as AdamW's.

    References
    ----------
    Chen et al. (2023), Symbolic discovery of optimization algorithms, arXiv:2302.06675.

    Examples
    --------
    >>> Lion(weight_decay=0.1)
    Lion(weight_decay=0.1)
    """

    __slots__ = ("beta_1", "beta_2")
    tag = "lion"
    code = 8
    beta_1: float
    beta_2: float

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-4,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        **common: Unpack[Decaying],
    ) -> None:
        self._set_common(learning_rate, **common)
        self._set(
            beta_1=check_float("Lion", "beta_1", beta_1, at_least=0, below=1),
            beta_2=check_float("Lion", "beta_2", beta_2, at_least=0, below=1),
        )

    @property
    def slot_names(self) -> Slots:
        """Names of the arrays of state, as a saved state has them."""
        return ("m", None, None)

    def settings(self) -> dict[str, Any]:
        """Return the numbers that a state of this optimizer needs, by name."""
        return super().settings() | {"beta_1": self.beta_1, "beta_2": self.beta_2}


class Rprop(Optimizer):
    """Steps whose lengths follow how often the gradient's sign changes; for full batches.

    Where a gradient keeps its sign the step grows by ``etas[1]``, where it changes it shrinks by
    ``etas[0]`` and the gradient counts as 0 once.

    Parameters
    ----------
    learning_rate : float, default 0.01
        The first length of each step; no schedule.
    etas : tuple of float, default (0.5, 1.2)
        Within (0, 1), and above 1.
    step_sizes : tuple of float, default (1e-6, 50.0)
        The least and the greatest length.
    **common
        As `Optimizer`.

    References
    ----------
    Riedmiller and Braun (1993), A direct adaptive method for faster backpropagation learning: the
    RPROP algorithm.  Equal to PyTorch's Rprop.

    Examples
    --------
    >>> Rprop(etas=(0.6, 1.1))
    Rprop(etas=(0.6, 1.1))
    """

    __slots__ = ("etas", "step_sizes")
    tag = "rprop"
    code = 12
    etas: tuple[float, float]
    step_sizes: tuple[float, float]

    def __init__(
        self,
        learning_rate: float = 0.01,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50.0),
        **common: Unpack[Decaying],
    ) -> None:
        who = "Rprop"
        if isinstance(learning_rate, (Schedule, Mapping)):
            raise TypeError(
                f"{who}: learning_rate must be a number, got {describe(learning_rate)}; "
                f"it is only the first length of the steps"
            )
        self._set_common(learning_rate, **common)
        pairs: tuple[tuple[str, Any], ...] = (("etas", etas), ("step_sizes", step_sizes))
        for name, given in pairs:
            if not isinstance(given, (tuple, list)) or len(given) != 2:
                raise TypeError(f"{who}: {name} must be two numbers, got {describe(given)}")
        self._set(
            etas=(
                check_float(who, "etas[0]", etas[0], above=0, below=1),
                check_float(who, "etas[1]", etas[1], above=1),
            ),
            step_sizes=(
                check_float(who, "step_sizes[0]", step_sizes[0], at_least=0),
                check_float(who, "step_sizes[1]", step_sizes[1], above=0),
            ),
        )
        if self.step_sizes[0] > self.step_sizes[1]:
            raise ValueError(f"{who}: step_sizes must rise, got {self.step_sizes}")

    @property
    def slot_names(self) -> Slots:
        """Names of the arrays of state, as a saved state has them."""
        return ("before", "length", None)

    def settings(self) -> dict[str, Any]:
        """Return the numbers that a state of this optimizer needs, by name."""
        return super().settings() | {
            "shrink": self.etas[0],
            "grow": self.etas[1],
            "least": self.step_sizes[0],
            "most": self.step_sizes[1],
            "initial": (0.0, self.learning_rate, 0.0),
        }
