"""Activations: frozen specs; the numbers are in `fastnn.kernels`."""

from __future__ import annotations

from typing import ClassVar

from fastnn._spec import Spec, check_bool, check_float, check_int, resolve

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "SELU",
    "Activation",
    "Exp",
    "GELUTanh",
    "HardShrink",
    "HardSiLU",
    "HardSigmoid",
    "HardTanh",
    "LeakyReLU",
    "Linear",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "ReLU",
    "ReLU6",
    "SiLU",
    "Sigmoid",
    "SoftShrink",
    "Softmax",
    "Softplus",
    "Softsign",
    "Sparsemax",
    "Squareplus",
    "Tanh",
    "TanhShrink",
    "get",
]

# Less would be 0 in float32, or its inverse infinite.
_LEAST = 1e-30


class Activation(Spec):
    """Base of the activations.

    Attributes
    ----------
    kind : int
        Number of the kernel, as in csrc/include/fastnn/activation.h; -1 for `GLU`, which has none
        among them.
    name : str
    alpha : float
        The slope, scale or threshold; 0 where the activation has none.
    halves : bool
        Whether the output is half as wide as the input, as with `GLU`.
    """

    __slots__ = ()
    halves: ClassVar[bool] = False

    @property
    def kind(self) -> int:
        """Number of the kernel."""
        return -1

    @property
    def name(self) -> str:
        """The name in messages, files and result keys."""
        return self.tag

    @property
    def alpha(self) -> float:
        """The slope, scale or threshold."""
        return 0.0

    def output_units(self, units: int) -> int:
        """Return the columns of the output for `units` columns of input.

        Raises
        ------
        ValueError
            If the activation halves the columns and `units` is odd.

        Examples
        --------
        >>> ReLU().output_units(8), GLU().output_units(8)
        (8, 4)
        """
        return check_int(type(self).__name__, "units", units)


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
    """``z * Phi(z)`` with the normal distribution function Phi.

    Parameters
    ----------
    approximate : bool, default False
        Take the form with tanh, ``z / 2 * (1 + tanh(sqrt(2 / pi) * (z + 0.044715 * z**3)))``,
        which is off by up to 5e-4; also known as "gelu_tanh".

    References
    ----------
    Hendrycks and Gimpel (2016), Gaussian error linear units, arXiv:1606.08415.

    Examples
    --------
    >>> GELU().name, GELU(approximate=True).name
    ('gelu', 'gelu_tanh')
    """

    __slots__ = ("approximate",)
    tag = "gelu"
    approximate: bool

    def __init__(self, approximate: bool = False) -> None:
        self._set(approximate=check_bool(type(self).__name__, "approximate", approximate))

    @property
    def kind(self) -> int:
        """Number of the kernel."""
        return 17 if self.approximate else 4

    @property
    def name(self) -> str:
        """The name in messages, files and result keys."""
        return "gelu_tanh" if self.approximate else "gelu"


class GELUTanh(GELU):
    """``GELU(approximate=True)`` under a name of its own.

    Examples
    --------
    >>> get("gelu_tanh").kind == GELU(approximate=True).kind
    True
    """

    __slots__ = ()
    tag = "gelu_tanh"

    def __init__(self) -> None:
        super().__init__(approximate=True)


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


class Exp(Activation):
    """``exp(z)``, for outputs that are positive, such as rates.

    Examples
    --------
    >>> get("exp")
    Exp()
    """

    __slots__ = ()
    tag = "exp"
    kind = 10


class ReLU6(Activation):
    """``min(6, max(0, z))``; its derivative at 0 and 6 is 0.

    References
    ----------
    Krizhevsky (2010), Convolutional deep belief networks on CIFAR-10.

    Examples
    --------
    >>> get("relu6")
    ReLU6()
    """

    __slots__ = ()
    tag = "relu6"
    kind = 11


class HardSigmoid(Activation):
    """``relu6(z + 3) / 6``: a sigmoid of three straight pieces.

    Examples
    --------
    >>> get("hard_sigmoid")
    HardSigmoid()
    """

    __slots__ = ()
    tag = "hard_sigmoid"
    kind = 12


class HardTanh(Activation):
    """``z`` cut off at -1 and 1; its derivative there is 0.

    Examples
    --------
    >>> get("hard_tanh")
    HardTanh()
    """

    __slots__ = ()
    tag = "hard_tanh"
    kind = 13


class HardSiLU(Activation):
    """``z * relu6(z + 3) / 6``, also known as hard swish.

    References
    ----------
    Howard et al. (2019), Searching for MobileNetV3, arXiv:1905.02244.

    Examples
    --------
    >>> get("hard_swish")
    HardSiLU()
    """

    __slots__ = ()
    tag = "hard_silu"
    kind = 14


class SELU(Activation):
    """``scale * z`` where z > 0, else ``scale * alpha * (exp(z) - 1)``, with fixed numbers.

    scale = 1.0507009873554805 and alpha = 1.6732632423543772 keep mean 0 and variance 1 from layer
    to layer, together with the initializer "lecun_normal".

    References
    ----------
    Klambauer, Unterthiner, Mayr and Hochreiter (2017), Self-normalizing neural networks,
    arXiv:1706.02515.

    Examples
    --------
    >>> get("selu")
    SELU()
    """

    __slots__ = ()
    tag = "selu"
    kind = 15


class CELU(Activation):
    """``z`` where z > 0, else ``alpha * (exp(z / alpha) - 1)``: smooth at 0 for every alpha.

    Parameters
    ----------
    alpha : float, default 1.0
        Scale below zero, finite and at least 1e-30.

    References
    ----------
    Barron (2017), Continuously differentiable exponential linear units, arXiv:1704.07483.

    Examples
    --------
    >>> CELU(0.5)
    CELU(alpha=0.5)
    """

    __slots__ = ("alpha",)
    tag = "celu"
    kind = 16
    alpha: float

    def __init__(self, alpha: float = 1.0) -> None:
        self._set(alpha=check_float(type(self).__name__, "alpha", alpha, at_least=_LEAST))


class Mish(Activation):
    """``z * tanh(log(1 + exp(z)))``.

    References
    ----------
    Misra (2019), Mish: a self regularized non-monotonic activation function, arXiv:1908.08681.

    Examples
    --------
    >>> get("mish")
    Mish()
    """

    __slots__ = ()
    tag = "mish"
    kind = 18


class Softsign(Activation):
    """``z / (1 + abs(z))``.

    References
    ----------
    Turian, Bergstra and Bengio (2009), Quadratic features and deep architectures for chunking.

    Examples
    --------
    >>> get("softsign")
    Softsign()
    """

    __slots__ = ()
    tag = "softsign"
    kind = 19


class Squareplus(Activation):
    """``(z + sqrt(z**2 + b)) / 2``: much like softplus, without an exponential.

    Parameters
    ----------
    b : float, default 4.0
        How round the bend is, finite and at least 1e-30; the value at 0 is ``sqrt(b) / 2``.

    References
    ----------
    Barron (2021), Squareplus: a softplus-like algebraic rectifier, arXiv:2112.11687.

    Examples
    --------
    >>> Squareplus(b=1.0).alpha
    1.0
    """

    __slots__ = ("b",)
    tag = "squareplus"
    kind = 20
    b: float

    def __init__(self, b: float = 4.0) -> None:
        self._set(b=check_float(type(self).__name__, "b", b, at_least=_LEAST))

    @property
    def alpha(self) -> float:
        """The kernel's number: `b`."""
        return self.b


class LogSigmoid(Activation):
    """``log(sigmoid(z))``, that is ``-softplus(-z)``.

    Examples
    --------
    >>> get("log_sigmoid")
    LogSigmoid()
    """

    __slots__ = ()
    tag = "log_sigmoid"
    kind = 21


class LogSoftmax(Activation):
    """``log(softmax(z))`` along each row.

    Examples
    --------
    >>> get("log_softmax")
    LogSoftmax()
    """

    __slots__ = ()
    tag = "log_softmax"
    kind = 22


class TanhShrink(Activation):
    """``z - tanh(z)``.

    Examples
    --------
    >>> get("tanh_shrink")
    TanhShrink()
    """

    __slots__ = ()
    tag = "tanh_shrink"
    kind = 23


class SoftShrink(Activation):
    """``z`` moved towards 0 by `threshold`, and 0 where it is no further off than that.

    Parameters
    ----------
    threshold : float, default 0.5
        Finite and at least 0; the derivative at either threshold is 0.

    Examples
    --------
    >>> SoftShrink(0.1)
    SoftShrink(threshold=0.1)
    """

    __slots__ = ("threshold",)
    tag = "soft_shrink"
    kind = 24
    threshold: float

    def __init__(self, threshold: float = 0.5) -> None:
        self._set(threshold=check_float(type(self).__name__, "threshold", threshold, at_least=0))

    @property
    def alpha(self) -> float:
        """The kernel's number: the threshold."""
        return self.threshold


class HardShrink(Activation):
    """``z`` where ``abs(z) > threshold``, else 0.

    Parameters
    ----------
    threshold : float, default 0.5
        Finite and at least 0; the derivative at either threshold is 0.

    Examples
    --------
    >>> HardShrink().threshold
    0.5
    """

    __slots__ = ("threshold",)
    tag = "hard_shrink"
    kind = 25
    threshold: float

    def __init__(self, threshold: float = 0.5) -> None:
        self._set(threshold=check_float(type(self).__name__, "threshold", threshold, at_least=0))

    @property
    def alpha(self) -> float:
        """The kernel's number: the threshold."""
        return self.threshold


class Sparsemax(Activation):
    """The point of the probability simplex nearest to each row: like softmax, with exact zeros.

    References
    ----------
    Martins and Astudillo (2016), From softmax to sparsemax, arXiv:1602.02068.

    Examples
    --------
    >>> get("sparsemax")
    Sparsemax()
    """

    __slots__ = ()
    tag = "sparsemax"
    kind = 26


class GLU(Activation):
    """``a * sigmoid(b)``, where a and b are the first and the second half of each row.

    The output is half as wide as the input, as in Keras: ``Activation("glu")`` makes 32 columns of
    64, and ``Dense(64, "glu")`` has a kernel with 64 columns and an output with 32.  An odd number
    of columns is refused.

    References
    ----------
    Dauphin, Fan, Auli and Grangier (2016), Language modeling with gated convolutional networks,
    arXiv:1612.08083.

    Examples
    --------
    >>> GLU().output_units(8)
    4
    """

    __slots__ = ()
    tag = "glu"
    halves = True

    def output_units(self, units: int) -> int:
        """Return half of `units`, which must be even."""
        columns = super().output_units(units)
        if columns % 2:
            raise ValueError(
                f"{type(self).__name__}: units must be even, got {columns}: "
                f"the first half of a row is multiplied by the sigmoid of the second"
            )
        return columns // 2


Activation.table = {
    cls.tag: cls
    for cls in (
        *(Linear, ReLU, LeakyReLU, ELU, GELU, Sigmoid, Tanh, Softmax, SiLU, Softplus, Exp, ReLU6),
        *(HardSigmoid, HardTanh, HardSiLU, SELU, CELU, GELUTanh, Mish, Softsign, Squareplus),
        *(LogSigmoid, LogSoftmax, TanhShrink, SoftShrink, HardShrink, Sparsemax, GLU),
    )
} | {
    "identity": Linear,
    "swish": SiLU,
    "logistic": Sigmoid,
    "exponential": Exp,
    "hard_swish": HardSiLU,
}


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
