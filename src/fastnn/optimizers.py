"""Optimizers: frozen specs; their state belongs to whoever uses them.

A `Trainer` keeps its optimizer's state itself.  ``optimizer.step(model)`` uses a state that is
bound to that pair of optimizer and model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from fastnn._spec import Spec, check_bool, check_float, describe, resolve

if TYPE_CHECKING:
    from typing import Protocol

    class Trainable(Protocol):
        """What `Optimizer.step` asks of a model."""

        def apply_gradients(self, optimizer: Optimizer, /) -> None: ...


__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "get"]


class Optimizer(Spec):
    """Base of the optimizers.

    Attributes
    ----------
    kind : int
        Number of the kernel, as in csrc/include/fastnn/optimizer.h.
    name : str
    slots : int
        How many numbers of state each parameter has.
    learning_rate : float
    weight_decay : float
        0 where the optimizer has none.
    """

    __slots__ = ("__weakref__", "learning_rate")  # models remember their state of it
    kind: ClassVar[int]
    learning_rate: float

    @property
    def name(self) -> str:
        """The name in messages, files and result keys."""
        return self.tag

    @property
    def slots(self) -> int:
        """How many numbers of state each parameter has."""
        return 0

    @property
    def weight_decay(self) -> float:
        """The share of a parameter that a step at learning rate 1 would take away."""
        return 0.0

    def decays(self, parameter: str) -> bool:
        """Tell whether weight decay applies to the parameter of this name."""
        return False

    def step(self, model: Trainable) -> None:
        """Update ``model.parameters`` once from ``model.gradients``.

        The moments and the step count are kept for this pair of optimizer and model, and go on
        from the call before.

        Parameters
        ----------
        model : Sequential

        Raises
        ------
        TypeError
            If `model` is not a model.
        """
        apply = getattr(model, "apply_gradients", None)
        if apply is None:
            raise TypeError(f"{type(self).__name__}.step: want a model, got {describe(model)}")
        apply(self)


class SGD(Optimizer):
    """Gradient descent, with momentum in PyTorch's form.

    ``v = momentum * v + g``, then ``p -= learning_rate * v``, or with Nesterov's look ahead
    ``p -= learning_rate * (g + momentum * v)``.

    Parameters
    ----------
    learning_rate : float, default 0.01
        Above 0.
    momentum : float, default 0.0
        Within [0, 1).
    nesterov : bool, default False
        Needs a momentum above 0.

    References
    ----------
    Sutskever, Martens, Dahl and Hinton (2013), On the importance of initialization and momentum
    in deep learning.

    Examples
    --------
    >>> SGD(0.1, momentum=0.9)
    SGD(learning_rate=0.1, momentum=0.9)
    """

    __slots__ = ("momentum", "nesterov")
    tag = "sgd"
    kind = 0
    momentum: float
    nesterov: bool

    def __init__(
        self, learning_rate: float = 0.01, momentum: float = 0.0, nesterov: bool = False
    ) -> None:
        who = type(self).__name__
        self._set(
            learning_rate=check_float(who, "learning_rate", learning_rate, above=0),
            momentum=check_float(who, "momentum", momentum, at_least=0, below=1),
            nesterov=check_bool(who, "nesterov", nesterov),
        )
        if self.nesterov and self.momentum == 0:
            raise ValueError(f"{who}: nesterov=True needs a momentum above 0, got momentum=0.0")

    @property
    def slots(self) -> int:
        """How many numbers of state each parameter has."""
        return 1 if self.momentum > 0 else 0


class Adam(Optimizer):
    """Adam: steps scaled by running means of the gradient and of its square.

    Parameters
    ----------
    learning_rate : float, default 0.001
        Above 0.
    beta_1, beta_2 : float, default 0.9 and 0.999
        How much of the running means a step keeps; within [0, 1).
    epsilon : float, default 1e-8
        Added to the corrected root ``sqrt(v / (1 - beta_2**t))``; at least 1e-30.

    References
    ----------
    Kingma and Ba (2015), Adam: a method for stochastic optimization, arXiv:1412.6980, Algorithm 1.

    Examples
    --------
    >>> Adam(learning_rate=0.01)
    Adam(learning_rate=0.01)
    """

    __slots__ = ("beta_1", "beta_2", "epsilon")
    tag = "adam"
    kind = 1
    beta_1: float
    beta_2: float
    epsilon: float

    def __init__(
        self,
        learning_rate: float = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        who = type(self).__name__
        self._set(
            learning_rate=check_float(who, "learning_rate", learning_rate, above=0),
            beta_1=check_float(who, "beta_1", beta_1, at_least=0, below=1),
            beta_2=check_float(who, "beta_2", beta_2, at_least=0, below=1),
            # a smaller one would be 0 in float32, and the step of an unused weight 0 / 0
            epsilon=check_float(who, "epsilon", epsilon, at_least=1e-30),
        )

    @property
    def slots(self) -> int:
        """How many numbers of state each parameter has."""
        return 2


class AdamW(Adam):
    """Adam with weight decay apart from the gradient.

    Before each step the parameters are multiplied by ``1 - learning_rate * weight_decay``.

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon : float
        As in `Adam`.
    weight_decay : float, default 0.01
        At least 0, and below ``1 / learning_rate``.
    exclude : sequence of str, default ()
        Patterns of parameter names that do not decay, such as ``"*/bias"`` (see `fnmatch`).
        Every other trainable parameter does.

    References
    ----------
    Loshchilov and Hutter (2019), Decoupled weight decay regularization, arXiv:1711.05101.

    Examples
    --------
    >>> optimizer = AdamW(exclude=["*/bias"])
    >>> optimizer.decays("dense_0/kernel"), optimizer.decays("dense_0/bias")
    (True, False)
    """

    __slots__ = ("exclude", "weight_decay")
    tag = "adamw"
    weight_decay: float
    exclude: tuple[str, ...]

    def __init__(
        self,
        learning_rate: float = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.01,
        exclude: Sequence[str] = (),
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon)
        who = type(self).__name__
        if not isinstance(exclude, (tuple, list)) or not all(isinstance(p, str) for p in exclude):
            raise TypeError(
                f"{who}: exclude must be a list or tuple of patterns such as '*/bias', "
                f"got {describe(exclude)}"
            )
        self._set(
            weight_decay=check_float(who, "weight_decay", weight_decay, at_least=0),
            exclude=tuple(exclude),
        )
        if self.learning_rate * self.weight_decay >= 1:
            raise ValueError(
                f"{who}: learning_rate * weight_decay must be below 1, got {self.learning_rate} * "
                f"{self.weight_decay}; a step would take away more than the whole weight"
            )

    def decays(self, parameter: str) -> bool:
        """Tell whether weight decay applies to the parameter of this name."""
        from fnmatch import fnmatchcase

        return not any(fnmatchcase(parameter, pattern) for pattern in self.exclude)


Optimizer.table = {cls.tag: cls for cls in (SGD, Adam, AdamW)}


def get(optimizer: object, where: str = "Trainer") -> Optimizer:
    """Return the optimizer that a name, a spec or a config stands for.

    Parameters
    ----------
    optimizer : str, Optimizer or mapping
    where : str
        Who asks; begins the message of an error.

    Raises
    ------
    TypeError
        If it is none of these.
    ValueError
        If the name is unknown; the message gives the nearest.

    Examples
    --------
    >>> get("adam")
    Adam()
    """
    return resolve(Optimizer, optimizer, where)
