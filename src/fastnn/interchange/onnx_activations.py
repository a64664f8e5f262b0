"""Each activation as ONNX operators: one where there is one, else several."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from fastnn.activations import Activation
from fastnn.interchange.onnx_writer import Writer

__all__ = ["can_write", "write_activation", "write_slope"]


class Native(NamedTuple):
    """An operator that computes an activation."""

    op: str
    since: int = 13  # opset
    double: bool = True  # whether ONNX Runtime has it for float64
    alpha: str = ""  # the attribute that holds the activation's number
    more: dict[str, object] = {}  # noqa: RUF012  (never written)


NATIVE: dict[str, tuple[Native, ...]] = {
    "relu": (Native("Relu"),),
    "leaky_relu": (Native("LeakyRelu", double=False, alpha="alpha"),),
    "elu": (Native("Elu", double=False, alpha="alpha"),),
    "celu": (Native("Celu", double=False, alpha="alpha"),),
    "selu": (Native("Selu", double=False),),
    "gelu": (Native("Gelu", 20, double=False),),
    "gelu_tanh": (Native("Gelu", 20, double=False, more={"approximate": "tanh"}),),
    "sigmoid": (Native("Sigmoid"),),
    "tanh": (Native("Tanh"),),
    "softmax": (Native("Softmax", more={"axis": 1}),),
    "log_softmax": (Native("LogSoftmax", more={"axis": 1}),),
    "softplus": (Native("Softplus", double=False),),
    "softsign": (Native("Softsign", double=False),),
    "exp": (Native("Exp"),),
    "hard_sigmoid": (
        Native("HardSigmoid", double=False, more={"alpha": 1 / 6, "beta": 0.5}),
    ),
    "hard_silu": (Native("HardSwish", 14, double=False),),
    "mish": (Native("Mish", 18, double=False),),
}  # fmt: skip


def can_write(activation: Activation) -> bool:
    """Tell whether an activation is one of those that this module knows."""
    known = activation.name in NATIVE or activation.name in COMPOSED
    return known and type(activation) in Activation.table.values()


def write_activation(to: Writer, x: str, activation: Activation, cols: int) -> str:
    """Add the nodes of ``activation(x)`` for `x` with `cols` columns; return their result."""
    name, alpha = activation.name, activation.alpha
    for native in NATIVE.get(name, ()):
        if to.opset >= native.since and (native.double or not to.double):
            settings = {native.alpha: alpha} if native.alpha else {}
            return to.op(native.op, x, **settings, **native.more)
    return COMPOSED[name](to, x, alpha, cols)


def _linear(to: Writer, x: str, alpha: float, cols: int) -> str:
    return x


def write_slope(to: Writer, x: str, slope: str) -> str:
    """Return `x` where x > 0, else ``slope * x``, without `LeakyRelu` and `PRelu`."""
    zero = to.number(0)
    return to.op("Add", to.op("Max", x, zero), to.op("Mul", to.op("Min", x, zero), slope))


def _leaky_relu(to: Writer, x: str, alpha: float, cols: int) -> str:
    return write_slope(to, x, to.number(alpha))


def _exponential_below(to: Writer, x: str, above: float, inner: float, outer: float) -> str:
    """Return ``above * x`` where x > 0, else ``outer * (exp(x / inner) - 1)``."""
    zero = to.number(0)
    low = to.op("Exp", to.op("Div", to.op("Min", x, zero), to.number(inner)))
    low = to.op("Mul", to.op("Sub", low, to.number(1)), to.number(outer))
    high = x if above == 1 else to.op("Mul", x, to.number(above))
    return to.op("Where", to.op("Greater", x, zero), high, low)


def _elu(to: Writer, x: str, alpha: float, cols: int) -> str:
    return _exponential_below(to, x, 1, 1, alpha)


def _celu(to: Writer, x: str, alpha: float, cols: int) -> str:
    return _exponential_below(to, x, 1, alpha, alpha)


def _selu(to: Writer, x: str, alpha: float, cols: int) -> str:
    alpha, scale = 1.6732632423543772, 1.0507009873554805
    return _exponential_below(to, x, scale, 1, scale * alpha)


def _gelu(to: Writer, x: str, alpha: float, cols: int) -> str:
    inner = to.op("Mul", x, to.number(math.sqrt(0.5)))
    if to.double:  # ONNX Runtime has no error function in float64
        erf = to.cast(to.op("Erf", to.cast(inner, "float32")), "float64")
    else:
        erf = to.op("Erf", inner)
    half = to.op("Mul", x, to.number(0.5))
    return to.op("Mul", half, to.op("Add", erf, to.number(1)))


def _gelu_tanh(to: Writer, x: str, alpha: float, cols: int) -> str:
    cube = to.op("Mul", to.op("Mul", x, x), x)
    inner = to.op("Add", x, to.op("Mul", cube, to.number(0.044715)))
    tanh = to.op("Tanh", to.op("Mul", inner, to.number(math.sqrt(2 / math.pi))))
    half = to.op("Mul", x, to.number(0.5))
    return to.op("Mul", half, to.op("Add", tanh, to.number(1)))


def _softplus(to: Writer, x: str, alpha: float, cols: int) -> str:
    """``max(x, 0) + log(1 + exp(-|x|))``, which does not overflow."""
    if not to.double:
        return to.op("Softplus", x)
    small = to.op("Exp", to.op("Neg", to.op("Abs", x)))
    small = to.op("Log", to.op("Add", small, to.number(1)))
    return to.op("Add", to.op("Max", x, to.number(0)), small)


def _softsign(to: Writer, x: str, alpha: float, cols: int) -> str:
    return to.op("Div", x, to.op("Add", to.op("Abs", x), to.number(1)))


def _hard_sigmoid(to: Writer, x: str, alpha: float, cols: int) -> str:
    moved = to.op("Add", x, to.number(3))
    return to.op("Div", to.op("Clip", moved, to.number(0), to.number(6)), to.number(6))


def _hard_silu(to: Writer, x: str, alpha: float, cols: int) -> str:
    return to.op("Mul", x, _hard_sigmoid(to, x, alpha, cols))


def _silu(to: Writer, x: str, alpha: float, cols: int) -> str:
    return to.op("Mul", x, to.op("Sigmoid", x))


def _mish(to: Writer, x: str, alpha: float, cols: int) -> str:
    return to.op("Mul", x, to.op("Tanh", _softplus(to, x, alpha, cols)))


def _relu6(to: Writer, x: str, alpha: float, cols: int) -> str:
    return to.op("Clip", x, to.number(0), to.number(6))


def _hard_tanh(to: Writer, x: str, alpha: float, cols: int) -> str:
    return to.op("Clip", x, to.number(-1), to.number(1))


def _squareplus(to: Writer, x: str, alpha: float, cols: int) -> str:
    root = to.op("Sqrt", to.op("Add", to.op("Mul", x, x), to.number(alpha)))
    return to.op("Mul", to.op("Add", x, root), to.number(0.5))


def _log_sigmoid(to: Writer, x: str, alpha: float, cols: int) -> str:
    return to.op("Neg", _softplus(to, to.op("Neg", x), alpha, cols))


def _tanh_shrink(to: Writer, x: str, alpha: float, cols: int) -> str:
    return to.op("Sub", x, to.op("Tanh", x))


def _soft_shrink(to: Writer, x: str, alpha: float, cols: int) -> str:
    return to.op("Shrink", x, lambd=alpha, bias=alpha)


def _hard_shrink(to: Writer, x: str, alpha: float, cols: int) -> str:
    return to.op("Shrink", x, lambd=alpha, bias=0.0)


def _sparsemax(to: Writer, x: str, alpha: float, cols: int) -> str:
    """The largest k columns take part for which ``1 + k * z_k > z_1 + ... + z_k``."""
    z = to.op("Sub", x, to.reduce("ReduceMax", x))
    ordered = to.ops("TopK", z, to.integers([cols]), outputs=2, axis=1)[0]
    sums = to.op("CumSum", ordered, to.integers(1))
    one, places = to.number(1), to.number(range(1, cols + 1))
    inside = to.op("Greater", to.op("Add", to.op("Mul", ordered, places), one), sums)
    mask = to.cast(inside, to.dtype)
    total = to.reduce("ReduceSum", to.op("Mul", ordered, mask))
    tau = to.op("Div", to.op("Sub", total, one), to.reduce("ReduceSum", mask))
    return to.op("Max", to.op("Sub", z, tau), to.number(0))


def _glu(to: Writer, x: str, alpha: float, cols: int) -> str:
    a, b = to.split(x, [cols // 2] * 2)
    return to.op("Mul", a, to.op("Sigmoid", b))


COMPOSED: dict[str, Callable[[Writer, str, float, int], str]] = {
    "linear": _linear,
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "celu": _celu,
    "selu": _selu,
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "softplus": _softplus,
    "softsign": _softsign,
    "hard_sigmoid": _hard_sigmoid,
    "hard_silu": _hard_silu,
    "silu": _silu,
    "mish": _mish,
    "relu6": _relu6,
    "hard_tanh": _hard_tanh,
    "squareplus": _squareplus,
    "log_sigmoid": _log_sigmoid,
    "tanh_shrink": _tanh_shrink,
    "soft_shrink": _soft_shrink,
    "hard_shrink": _hard_shrink,
    "sparsemax": _sparsemax,
    "glu": _glu,
}
