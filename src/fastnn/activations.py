"""Activations: frozen specs; the numbers are in `fastnn.kernels`."""

from __future__ import annotations

from typing import ClassVar

from fastnn._spec import Spec, check_float, resolve

__all__ = [
    "ELU",
    "GELU",
    "Activation",
    "LeakyReLU",
    "Linear",
    "ReLU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
    "get",
]


class Activation(Spec):
    """Base of the activations.

    Attributes
    ----------
    kind : int
        Number of the kernel, as in csrc/include/fastnn/activation.h.
    name : str
    alpha : float
        The slope or scale; 0 where the activation has none.
    """

    __slots__ = ()
    kind: ClassVar[int]

    @property
    def name(self) -> str:
        """The name in messages, files and result keys."""
        return self.tag

    @property
    def alpha(self) -> float:
        """The slope or scale."""
        return 0.0


class Linear(Activation):
    """The input itself: ``z``."""

    __slots__ = ()
    tag = "linear"
    kind = 0


class ReLU(Activation):
    """``max(0, z)``; its derivative at 0 is 0."""

    __slots__ = ()
    tag = "relu"
    kind = 1


class LeakyReLU(Activation):
    """``z`` where z > 0, else ``alpha * z``.

    Parameters
    ----------
    alpha : float, default 0.01
        Slope below zero, finite and at least 0.

    References
    ----------
    Maas, Hannun and Ng (2013), Rectifier nonlinearities improve neural network acoustic models.

    Examples
    --------
    >>> LeakyReLU(0.2)
    LeakyReLU(alpha=0.2)
    """

    __slots__ = ("alpha",)
    tag = "leaky_relu"
    kind = 2
    alpha: float

    def __init__(self, alpha: float = 0.01) -> None:
        self._set(alpha=check_float(type(self).__name__, "alpha", alpha, at_least=0))


class ELU(Activation):
    """``z`` where z > 0, else ``alpha * (exp(z) - 1)``.

    Parameters
    ----------
    alpha : float, default 1.0
        Scale below zero, finite and at least 0.

    References
    ----------
    Clevert, Unterthiner and Hochreiter (2015), Fast and accurate deep network learning by
    exponential linear units, arXiv:1511.07289.

    Examples
    --------
    >>> ELU(0.5).alpha
    0.5
    """

    __slots__ = ("alpha",)
    tag = "elu"
    kind = 3
    alpha: float

    def __init__(self, alpha: float = 1.0) -> None:
        self._set(alpha=check_float(type(self).__name__, "alpha", alpha, at_least=0))


class GELU(Activation):
    """``z * Phi(z)`` with the normal distribution function Phi: the exact form, not tanh's.

    References
    ----------
    Hendrycks and Gimpel (2016), Gaussian error linear units, arXiv:1606.08415.
    """

    __slots__ = ()
    tag = "gelu"
    kind = 4


class Sigmoid(Activation):
    """``1 / (1 + exp(-z))``."""

    __slots__ = ()
    tag = "sigmoid"
    kind = 5


class Tanh(Activation):
    """The hyperbolic tangent."""

    __slots__ = ()
    tag = "tanh"
    kind = 6


class Softmax(Activation):
    """``exp(z) / sum(exp(z))`` along each row."""

    __slots__ = ()
    tag = "softmax"
    kind = 7


class SiLU(Activation):
    """``z * sigmoid(z)``, also known as swish.

    References
    ----------
    Elfwing, Uchibe and Doya (2017), Sigmoid-weighted linear units for neural network function
    approximation in reinforcement learning, arXiv:1702.03118.
    """

    __slots__ = ()
    tag = "silu"
    kind = 8


class Softplus(Activation):
    """``log(1 + exp(z))``."""

    __slots__ = ()
    tag = "softplus"
    kind = 9


Activation.table = {
    cls.tag: cls
    for cls in (Linear, ReLU, LeakyReLU, ELU, GELU, Sigmoid, Tanh, Softmax, SiLU, Softplus)
} | {"identity": Linear, "swish": SiLU, "logistic": Sigmoid}


def get(activation: object, where: str = "Dense") -> Activation:
    """Return the activation that a name, a spec, a config or None (linear) stands for.

    Parameters
    ----------
    activation : str, Activation, mapping or None
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
    >>> get("swish"), get(None)
    (SiLU(), Linear())
    """
    return Linear() if activation is None else resolve(Activation, activation, where)
