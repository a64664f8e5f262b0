"""Steps scaled by what gradients have been, without a first moment of Adam's."""

from __future__ import annotations

from typing import Any, Unpack

from fastnn._spec import check_bool, check_float
from fastnn.optimizers.base import Decaying, Optimizer, Slots, optional_float
from fastnn.schedules import Schedule

__all__ = ["Adadelta", "Adafactor", "Adagrad", "RMSprop"]


class Adagrad(Optimizer):
    """Steps scaled by the root of the sum of all squared gradients so far.

    ``s += g**2``, then ``p -= learning_rate * g / (sqrt(s) + epsilon)``.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.01
    initial_accumulator_value : float, default 0.0
        What s begins at.
    epsilon : float, default 1e-10
    **common
        As `Optimizer`.

    References
    ----------
    Duchi, Hazan and Singer (2011), Adaptive subgradient methods for online learning and stochastic
    optimization.  Equal to PyTorch's Adagrad.

    Examples
    --------
    >>> Adagrad(0.1)
    Adagrad(learning_rate=0.1)
    """

    __slots__ = ("epsilon", "initial_accumulator_value")
    tag = "adagrad"
    code = 9
    initial_accumulator_value: float
    epsilon: float

    def __init__(
        self,
        learning_rate: float | Schedule = 0.01,
        initial_accumulator_value: float = 0.0,
        epsilon: float = 1e-10,
        **common: Unpack[Decaying],
    ) -> None:
        who = "Adagrad"
        self._set_common(learning_rate, **common)
        self._set(
            initial_accumulator_value=check_float(
                who, "initial_accumulator_value", initial_accumulator_value, at_least=0
            ),
            epsilon=check_float(who, "epsilon", epsilon, at_least=1e-30),
        )

    @property
    def slot_names(self) -> Slots:
        """Names of the arrays of state, as a saved state has them."""
        return ("s", None, None)

    def settings(self) -> dict[str, Any]:
        """Return the numbers that a state of this optimizer needs, by name."""
        return super().settings() | {
            "epsilon": self.epsilon,
            "initial": (self.initial_accumulator_value, 0.0, 0.0),
        }


class Adadelta(Optimizer):
    """Steps in the units of the parameters: the root of past steps over that of past gradients.

    ``s = rho * s + (1 - rho) * g**2``, ``x = sqrt(d + epsilon) / sqrt(s + epsilon) * g``,
    ``d = rho * d + (1 - rho) * x**2``, then ``p -= learning_rate * x``.

    Parameters
    ----------
    learning_rate : float or Schedule, default 1.0
    rho : float, default 0.9
    epsilon : float, default 1e-6
    **common
        As `Optimizer`.

    References
    ----------
    Zeiler (2012), ADADELTA: an adaptive learning rate method, arXiv:1212.5701.  Equal to PyTorch's
    Adadelta.

    Examples
    --------
    >>> Adadelta(rho=0.95)
    Adadelta(rho=0.95)
    """

    __slots__ = ("epsilon", "rho")
    tag = "adadelta"
    code = 10
    rho: float
    epsilon: float

    def __init__(
        self,
        learning_rate: float | Schedule = 1.0,
        rho: float = 0.9,
        epsilon: float = 1e-6,
        **common: Unpack[Decaying],
    ) -> None:
        self._set_common(learning_rate, **common)
        self._set(
            rho=check_float("Adadelta", "rho", rho, at_least=0, below=1),
            epsilon=check_float("Adadelta", "epsilon", epsilon, at_least=1e-30),
        )

    @property
    def slot_names(self) -> Slots:
        """Names of the arrays of state, as a saved state has them."""
        return ("s", "d", None)

    def settings(self) -> dict[str, Any]:
        """Return the numbers that a state of this optimizer needs, by name."""
        return super().settings() | {"beta_2": self.rho, "epsilon": self.epsilon}


class RMSprop(Optimizer):
    """Steps scaled by a running mean of the squared gradients.

    ``s = rho * s + (1 - rho) * g**2``; centred, the square of a running mean of g is taken away
    from s (no further than to 0).  ``p -= learning_rate * g / (sqrt(s) + epsilon)``, or with
    momentum ``v = momentum * v + g / (sqrt(s) + epsilon)``, then ``p -= learning_rate * v``.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.01
    rho : float, default 0.99
    momentum : float, default 0.0
    epsilon : float, default 1e-8
    centered : bool, default False
    **common
        As `Optimizer`.

    References
    ----------
    Hinton (2012), Neural networks for machine learning, lecture 6e; centred: Graves (2013),
    Generating sequences with recurrent neural networks, arXiv:1308.0850.  Equal to PyTorch's
    RMSprop.

    Examples
    --------
    >>> RMSprop(1e-3, momentum=0.9)
    RMSprop(learning_rate=0.001, momentum=0.9)
    """

    __slots__ = ("centered", "epsilon", "momentum", "rho")
    tag = "rmsprop"
    code = 11
    rho: float
    momentum: float
    epsilon: float
    centered: bool

    def __init__(
        self,
        learning_rate: float | Schedule = 0.01,
        rho: float = 0.99,
        momentum: float = 0.0,
        epsilon: float = 1e-8,
        centered: bool = False,
        **common: Unpack[Decaying],
    ) -> None:
        who = "RMSprop"
        self._set_common(learning_rate, **common)
        self._set(
            rho=check_float(who, "rho", rho, at_least=0, below=1),
            momentum=check_float(who, "momentum", momentum, at_least=0, below=1),
            epsilon=check_float(who, "epsilon", epsilon, at_least=1e-30),
            centered=check_bool(who, "centered", centered),
        )

    @property
    def slot_names(self) -> Slots:
        """Names of the arrays of state, as a saved state has them."""
        mean = "mean" if self.centered else None
        return ("s", mean, "velocity" if self.momentum > 0 else None)

    def settings(self) -> dict[str, Any]:
        """Return the numbers that a state of this optimizer needs, by name."""
        return super().settings() | {
            "beta_2": self.rho,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
        }


class Adafactor(Optimizer):
    """Adam's scale from sums over rows and columns: a kernel's state is a row and a column.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.01
        Times the root mean square of the parameter; a step t takes at most ``1 / sqrt(t)``.
    beta_2_decay : float, default -0.8
        Running means of step t keep ``1 - t**beta_2_decay``; below 0.
    epsilon_1 : float, optional
        Least root of a second moment; by default the type's machine epsilon.
    epsilon_2 : float, default 1e-3
        Least scale of a parameter.
    clip_threshold : float, default 1.0
        Most root mean square of a step, before the learning rate.
    **common
        As `Optimizer`.

    References
    ----------
    Shazeer and Stern (2018), Adafactor: adaptive learning rates with sublinear memory cost,
    arXiv:1804.04235.  Equal to PyTorch's Adafactor.

    Examples
    --------
    >>> Adafactor(clip_threshold=2.0)
    Adafactor(clip_threshold=2.0)
    """

    __slots__ = ("beta_2_decay", "clip_threshold", "epsilon_1", "epsilon_2")
    tag = "adafactor"
    code = 15
    beta_2_decay: float
    epsilon_1: float | None
    epsilon_2: float
    clip_threshold: float

    def __init__(
        self,
        learning_rate: float | Schedule = 0.01,
        beta_2_decay: float = -0.8,
        epsilon_1: float | None = None,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        **common: Unpack[Decaying],
    ) -> None:
        who = "Adafactor"
        self._set_common(learning_rate, **common)
        self._set(
            beta_2_decay=check_float(who, "beta_2_decay", beta_2_decay, below=0),
            epsilon_1=optional_float(who, "epsilon_1", epsilon_1, above=0),
            epsilon_2=check_float(who, "epsilon_2", epsilon_2, above=0),
            clip_threshold=check_float(who, "clip_threshold", clip_threshold, above=0),
        )

    @property
    def slot_names(self) -> Slots:
        """Names of the arrays of state, as a saved state has them."""
        return ("factors", None, None)

    def settings(self) -> dict[str, Any]:
        """Return the numbers that a state of this optimizer needs, by name."""
        return super().settings() | {
            "beta_2_decay": self.beta_2_decay,
            "epsilon": self.epsilon_1 or 0.0,
            "epsilon_2": self.epsilon_2,
            "threshold": self.clip_threshold,
        }
