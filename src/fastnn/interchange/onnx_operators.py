"""Operators that compute, as ops: affine maps, normalizations, activations, sums of rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import activations
from fastnn.interchange.onnx_reader import Call, Handler, Value
from fastnn.interchange.onnx_shapes import SHAPES, column_axis
from fastnn.interchange.onnx_values import Const, Op, Ref, Rows, Unsupported, neat

__all__ = ["HANDLERS"]

Array = npt.NDArray[Any]
MOST_FACTORS = 8  # of a power


# -- constants and rows ---------------------------------------------------------------------------


def _uniform(value: float, like: Rows) -> Const:
    return Const(np.full(like.ref.units, value), "number")


def _columns(call: Call, rows: Rows, const: Const) -> tuple[Rows, Const]:
    """Return rows and a constant for each of their columns, broadcast against each other."""
    array = const.array
    if array.ndim > rows.rank or array.dtype.kind not in "fiu":
        raise Unsupported(
            f"the constant {const.name!r} is {array.dtype.name} {array.shape}; "
            f"want a number for each column"
        )
    lengths = (1,) * (rows.rank - array.ndim) + array.shape
    if lengths[0] != 1:
        raise Unsupported(f"the constant {const.name!r} {array.shape} differs from row to row")
    try:
        dims = np.broadcast_shapes(rows.dims, lengths[1:])
    except ValueError:
        raise Unsupported(
            f"the constant {const.name!r} {array.shape} does not fit {rows.dims} columns"
        ) from None
    wide = _widen(call, rows, dims)
    flat = call.derive(
        const,
        f"columns {dims}",
        lambda a: np.broadcast_to(a.reshape(lengths[1:]), dims).reshape(-1).astype(a.dtype),
    )
    return wide, flat


def _widen(call: Call, rows: Rows, dims: tuple[int, ...]) -> Rows:
    """Return rows whose columns are repeated along axes of length 1: a product with 0 and 1."""
    if rows.dims == dims:
        return rows
    places = np.arange(rows.ref.units).reshape(rows.dims)
    source = np.broadcast_to(places, dims).reshape(-1)
    kernel = (np.arange(rows.ref.units)[:, None] == source).astype(np.float32)
    return call.make("dense", [rows], dims, {"kernel": Const(kernel, "")}, frozen=True)


def _act(call: Call, rows: Rows, activation: activations.Activation) -> Rows:
    return call.make("activation", [rows], rows.dims, activation=activation)


def _shift(call: Call, rows: Rows, const: Const, *, minus: bool = False) -> Rows:
    """Return ``x + const`` or ``x - const``."""
    wide, flat = _columns(call, rows, const)
    return call.make("scale", [wide], wide.dims, {"mean": flat}, invert=not minus)


def _times(call: Call, rows: Rows, const: Const) -> Rows:
    wide, flat = _columns(call, rows, const)
    return call.make("scale", [wide], wide.dims, {"scale": flat})


def _affine(call: Call, rows: Rows, scale: Array | float, shift: Array | float) -> Rows:
    """Return ``x * scale + shift``."""
    consts = {
        key: Const(np.broadcast_to(np.asarray(value, np.float64), rows.ref.units), "number")
        for key, value in (("scale", scale), ("mean", shift))
    }
    return call.make("scale", [rows], rows.dims, consts, invert=True)


def _negative(call: Call, rows: Rows) -> Rows:
    return call.make("scale", [rows], rows.dims, {"scale": _uniform(-1, rows)})


# -- sums, products, extremes ---------------------------------------------------------------------


def _combined(call: Call, how: str, parts: list[Rows]) -> Rows:
    """Combine rows element by element."""
    if len({rows.rank for rows in parts}) > 1:
        raise Unsupported("its inputs differ in rank, so that rows meet columns")
    try:
        dims = np.broadcast_shapes(*(rows.dims for rows in parts))
    except ValueError:
        raise Unsupported("its inputs do not fit") from None
    wide = [_widen(call, rows, dims) for rows in parts]
    return wide[0] if len(wide) == 1 else call.make("combine", wide, dims, how=how)


def _parted(call: Call) -> tuple[list[Rows], list[Const]]:
    found: tuple[list[Rows], list[Const]] = ([], [])
    for i, value in enumerate(call.inputs):
        if isinstance(value, Const):
            found[1].append(value)
        else:
            found[0].append(call.rows(i))
    return found


def add(call: Call) -> Value:
    """Add, Sum."""
    parts, consts = _parted(call)
    out = _combined(call, "add", parts)
    for const in consts:
        out = _shift(call, out, const)
    return out


def multiply(call: Call) -> Value:
    """Mul."""
    parts, consts = _parted(call)
    out = _combined(call, "multiply", parts)
    for const in consts:
        out = _times(call, out, const)
    return out


def subtract(call: Call) -> Value:
    """Sub."""
    parts, consts = _parted(call)
    if not consts:
        return _combined(call, "subtract", parts)
    if isinstance(call.inputs[1], Const):
        return _shift(call, parts[0], consts[0], minus=True)
    wide, flat = _columns(call, parts[0], consts[0])
    return _affine(call, wide, -1.0, flat.array)


def divide(call: Call) -> Value:
    """Div by a constant."""
    rows = call.rows()
    if rows.integer:
        raise Unsupported("it divides integers")
    if isinstance(call.inputs[1], Rows):
        raise Unsupported("it divides by a tensor that is not constant")
    inverse = call.derive(call.const(1), "inverse", lambda a: 1 / np.asarray(a, np.float64))
    if not np.isfinite(inverse.array).all():
        raise Unsupported("it divides by 0")
    return _times(call, rows, inverse)


def mean(call: Call) -> Value:
    """Mean."""
    parts, consts = _parted(call)
    if consts:
        raise Unsupported("it averages rows with a constant")
    return _combined(call, "average", parts)


def maximum(call: Call) -> Value:
    """Max: of constants, ``relu(x - c) + c``."""
    parts, consts = _parted(call)
    out = _combined(call, "maximum", parts)
    for const in consts:
        out, flat = _columns(call, out, const)
        out = _above(call, out, flat.array)
    return out


def _above(call: Call, rows: Rows, low: Array) -> Rows:
    """Return ``max(x, low)``."""
    if (low == -np.inf).all():
        return rows
    if (low == 0).all():
        return _act(call, rows, activations.ReLU())
    const = Const(low, "number")
    moved = call.make("scale", [rows], rows.dims, {"mean": const}, invert=False)
    moved = _act(call, moved, activations.ReLU())
    return call.make("scale", [moved], rows.dims, {"mean": const}, invert=True)


def minimum(call: Call) -> Value:
    """Min: the largest of the negatives."""
    parts, consts = _parted(call)
    out = parts[0]
    if len(parts) > 1:
        whole = _combined(call, "maximum", [_negative(call, rows) for rows in parts])
        out = _negative(call, whole)
    for const in consts:
        out, flat = _columns(call, out, const)
        out = _below(call, out, flat.array)
    return out


def _below(call: Call, rows: Rows, high: Array) -> Rows:
    """Return ``min(x, high) = high - relu(high - x)``."""
    if (high == np.inf).all():
        return rows
    moved = _act(call, _affine(call, rows, -1.0, high), activations.ReLU())
    return _affine(call, moved, -1.0, high)


def clip(call: Call) -> Value:
    """Clip between two numbers."""
    rows = call.rows()
    low, high = (
        float(call.const(i).array) if call.has(i) else limit
        for i, limit in ((1, -math.inf), (2, math.inf))
    )
    if low > high:
        raise Unsupported(f"its limits {low} and {high} are the wrong way round")
    if (low, high) == (0, 6):
        return _act(call, rows, activations.ReLU6())
    if (low, high) == (-1, 1):
        return _act(call, rows, activations.HardTanh())
    if math.isinf(high):
        return _above(call, rows, np.full(rows.ref.units, low))
    if math.isinf(low):
        return _below(call, rows, np.full(rows.ref.units, high))
    half, middle = (high - low) / 2, (high + low) / 2
    if half == 0:
        raise Unsupported("its limits are equal")
    inner = _affine(call, rows, 1 / half, -middle / half)
    return _affine(call, _act(call, inner, activations.HardTanh()), half, middle)


def power(call: Call) -> Value:
    """Pow with a small whole number."""
    rows, exponent = call.rows(), call.const(1).array
    if exponent.size != 1 or exponent.item() not in range(1, MOST_FACTORS + 1):
        raise Unsupported(f"the exponent {exponent.tolist()}; want 1, 2, ... {MOST_FACTORS}")
    return _combined(call, "multiply", [rows] * int(exponent.item()))


def absolute(call: Call) -> Value:
    """Abs, as the larger of x and -x."""
    return _combined(call, "maximum", [call.rows(), _negative(call, call.rows())])


def negative(call: Call) -> Value:
    """Neg."""
    return _negative(call, call.rows())


def _reduce(call: Call, weight: Callable[[int], float]) -> Value:
    """Sums along columns: a product with a constant kernel."""
    rows = call.rows()
    axes = call.integers(1, "axes")
    if not axes:
        if call.attribute("noop_with_empty_axes", 0):
            return rows
        raise Unsupported("it reduces all axes, the batch too")
    places = sorted({axis + rows.rank if axis < 0 else axis for axis in axes})
    if places[0] < 1:
        raise Unsupported("it reduces the batch")
    keep = tuple(1 if i + 1 in places else n for i, n in enumerate(rows.dims))
    targets = np.arange(math.prod(keep)).reshape(keep)
    source = np.broadcast_to(targets, rows.dims).reshape(-1)
    kernel = (source[:, None] == np.arange(math.prod(keep))).astype(np.float64)
    kernel *= weight(rows.ref.units // math.prod(keep))
    dims = keep
    if not call.attribute("keepdims", 1):
        dims = tuple(n for i, n in enumerate(keep) if i + 1 not in places)
    return call.make("dense", [rows], dims, {"kernel": Const(kernel, "")}, frozen=True)


def reduce_sum(call: Call) -> Value:
    """ReduceSum."""
    return _reduce(call, lambda count: 1.0)


def reduce_mean(call: Call) -> Value:
    """ReduceMean."""
    return _reduce(call, lambda count: 1.0 / count)


# -- affine maps ----------------------------------------------------------------------------------


def gemm(call: Call) -> Value:
    """Gemm: ``alpha * A @ B + beta * C``."""
    rows = call.rows()
    kernel = call.const(1)
    if call.attribute("transA", 0):
        raise Unsupported("transA: its rows would be columns")
    if rows.rank != 2 or kernel.array.ndim != 2:
        raise Unsupported(f"it multiplies tensors of rank {rows.rank} and {kernel.array.ndim}")
    if call.attribute("transB", 0):
        kernel = call.derive(kernel, "transposed", lambda a: np.ascontiguousarray(a.T))
    alpha, beta = call.attribute("alpha", 1.0), call.attribute("beta", 1.0)
    if alpha != 1:
        kernel = call.derive(kernel, f"times {alpha}", lambda a: a * alpha)
    out = _dense(call, rows, kernel)
    if not call.has(2) or beta == 0:
        return out
    more = call.inputs[2]
    if isinstance(more, Rows):
        scaled = call.rows(2)
        if beta != 1:
            scaled = _affine(call, scaled, beta, 0.0)
        return _combined(call, "add", [out, scaled])
    bias = call.const(2)
    if beta != 1:
        bias = call.derive(bias, f"times {beta}", lambda a: a * beta)
    return _shift(call, out, bias)


def _dense(call: Call, rows: Rows, kernel: Const, dims: tuple[int, ...] = ()) -> Rows:
    if kernel.array.dtype.kind != "f":
        raise Unsupported(f"its weights are {kernel.array.dtype.name}")
    inputs, units = kernel.array.shape
    if inputs != rows.ref.units:
        raise Unsupported(f"it has {inputs} rows of weights for {rows.ref.units} columns")
    return call.make("dense", [rows], dims or (units,), {"kernel": kernel})


def matmul(call: Call) -> Value:
    """MatMul of rows with weights, or of each row's matrix with its vector (a bilinear layer)."""
    if isinstance(call.inputs[1], Rows) and isinstance(call.inputs[0], Rows):
        return _bilinear(call)
    rows, kernel = call.rows(), call.const(1)
    if rows.rank < 2 or kernel.array.ndim not in (1, 2) or math.prod(rows.dims[:-1]) != 1:
        raise Unsupported(
            f"it multiplies tensors of rank {rows.rank} and {kernel.array.ndim}; want rows"
        )
    if kernel.array.ndim == 1:
        kernel = call.derive(kernel, "column", lambda a: a[:, None])
        out = _dense(call, rows, kernel)
        return Rows(out.ref, rows.dims[:-1])
    return _dense(call, rows, kernel, (*rows.dims[:-1], kernel.array.shape[1]))


def _bilinear(call: Call) -> Rows:
    a, b = call.rows(0), call.rows(1)
    op = a.ref.op
    plain = op.kind == "dense" and not op.settings and len(a.dims) == 2
    if not plain or b.dims != (a.dims[1], 1):
        raise Unsupported("it multiplies two tensors that are not constant")
    units = a.dims[0]
    made = Op("bilinear", (op.inputs[0], b.ref), (units,), op.consts)
    return Rows(Ref(made), (units, 1))


def scaler(call: Call) -> Value:
    """Scaler of scikit-learn's pipelines: ``(x - offset) * scale``."""
    rows = call.rows()
    consts = {}
    for key, name, fallback in (("mean", "offset", 0.0), ("scale", "scale", 1.0)):
        values = np.asarray(call.attribute(name) or [fallback], np.float32)
        consts[key] = Const(np.broadcast_to(values, rows.ref.units), name)
    return call.make("scale", [rows], rows.dims, consts, invert=False)


# -- normalizations -------------------------------------------------------------------------------


def batch_normalization(call: Call) -> Value:
    """BatchNormalization with moments that are kept."""
    rows = call.rows()
    call.only_first_output()
    if call.attribute("training_mode", 0):
        raise Unsupported("training_mode: want the moments of training, not of a batch")
    if not rows.dims or math.prod(rows.dims[1:]) != 1:
        raise Unsupported(f"it reads a tensor of rank {rows.rank}; want rows")
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    consts = {name: call.const(i + 1) for i, name in enumerate(names)}
    momentum, epsilon = call.attribute("momentum", 0.9), call.attribute("epsilon", 1e-5)
    if not 0 <= momentum < 1:
        momentum = 0.9  # of no account in predictions
    return call.make(
        "batch_norm",
        [rows],
        rows.dims,
        consts,
        momentum=neat(momentum),
        epsilon=_epsilon(epsilon),
    )


def _epsilon(value: float) -> float:
    if not value > 1e-30:
        raise Unsupported(f"epsilon {value}; want more than 0")
    return neat(value)


def _row_norm(kind: str, names: tuple[str, ...]) -> Handler:
    def handle(call: Call) -> Value:
        rows = call.rows()
        call.only_first_output()
        axis = column_axis(call, rows, call.attribute("axis", -1))
        if axis > 1 and math.prod(rows.dims[: axis - 1]) != 1:
            raise Unsupported(f"it normalizes the last axes of a tensor of rank {rows.rank}")
        consts = {
            name: _columns(call, rows, call.const(i + 1))[1]
            for i, name in enumerate(names)
            if call.has(i + 1)
        }
        epsilon = _epsilon(call.attribute("epsilon", 1e-5))
        return call.make(kind, [rows], rows.dims, consts, epsilon=epsilon)

    return handle


def dropout(call: Call) -> Value:
    """Dropout: nothing in predictions; its rate is kept for a further training."""
    rows = call.rows()
    call.only_first_output()
    if call.has(2) and bool(call.const(2).array):
        raise Unsupported("training_mode: it draws numbers")
    rate = call.attribute("ratio", 0.5)
    if call.has(1):
        rate = float(call.const(1).array)
    rate = neat(rate)
    return call.make("dropout", [rows], rows.dims, rate=rate) if 0 < rate < 1 else rows


# -- activations ----------------------------------------------------------------------------------


def _plain(activation: Callable[[], activations.Activation]) -> Handler:
    return lambda call: _act(call, call.rows(), activation())


def _softmax(activation: Callable[[], activations.Activation]) -> Handler:
    def handle(call: Call) -> Value:
        rows = call.rows()
        if call.opset < 13:  # all axes from this one on are one
            column_axis(call, rows, call.attribute("axis", 1))
        else:
            axis = column_axis(call, rows, call.attribute("axis", -1))
            if rows.dims[axis - 1] != rows.ref.units:
                raise Unsupported(f"axis {axis} of a tensor of rank {rows.rank}; want the last")
        return _act(call, rows, activation())

    return handle


def leaky_relu(call: Call) -> Value:
    """LeakyRelu; a slope that is negative needs a layer with slopes."""
    rows, alpha = call.rows(), neat(call.attribute("alpha", 0.01))
    if alpha >= 0:
        return _act(call, rows, activations.LeakyReLU(alpha))
    return call.make("prelu", [rows], rows.dims, {"alpha": _uniform(alpha, rows)}, frozen=True)


def prelu(call: Call) -> Value:
    """PRelu."""
    rows = call.rows()
    wide, flat = _columns(call, rows, call.const(1))
    return call.make("prelu", [wide], wide.dims, {"alpha": flat})


def thresholded_relu(call: Call) -> Value:
    """ThresholdedRelu: relu, then what is not above the threshold becomes 0."""
    alpha = neat(call.attribute("alpha", 1.0))
    if alpha < 0:
        raise Unsupported(f"its threshold {alpha} lies below 0")
    return _act(call, _act(call, call.rows(), activations.ReLU()), activations.HardShrink(alpha))


def elu(call: Call) -> Value:
    """Elu."""
    alpha = neat(call.attribute("alpha", 1.0))
    if alpha < 0:
        raise Unsupported(f"its alpha {alpha} lies below 0")
    return _act(call, call.rows(), activations.ELU(alpha))


def celu(call: Call) -> Value:
    """Celu."""
    alpha = neat(call.attribute("alpha", 1.0))
    if alpha < 1e-30:
        raise Unsupported(f"its alpha {alpha}; want more than 0")
    return _act(call, call.rows(), activations.CELU(alpha))


def selu(call: Call) -> Value:
    """Selu; with other numbers than the paper's, a multiple of elu."""
    alpha = call.attribute("alpha", 1.6732632423543772)
    gamma = call.attribute("gamma", 1.0507009873554805)
    if math.isclose(alpha, 1.6732632423543772, rel_tol=1e-6) and math.isclose(
        gamma, 1.0507009873554805, rel_tol=1e-6
    ):
        return _act(call, call.rows(), activations.SELU())
    if alpha < 0:
        raise Unsupported(f"its alpha {alpha} lies below 0")
    return _affine(call, _act(call, call.rows(), activations.ELU(neat(alpha))), gamma, 0.0)


def gelu(call: Call) -> Value:
    """Gelu."""
    approximate = call.attribute("approximate", "none") == "tanh"
    return _act(call, call.rows(), activations.GELUTanh() if approximate else activations.GELU())


def hard_sigmoid(call: Call) -> Value:
    """HardSigmoid: ``clip(alpha * x + beta, 0, 1)``."""
    rows = call.rows()
    alpha, beta = call.attribute("alpha", 0.2), call.attribute("beta", 0.5)
    if not (math.isclose(alpha, 1 / 6, rel_tol=1e-6) and beta == 0.5):
        rows = _affine(call, rows, 6 * neat(alpha), 6 * (neat(beta) - 0.5))
    return _act(call, rows, activations.HardSigmoid())


def shrink(call: Call) -> Value:
    """Shrink: soft if it moves by the threshold, hard if it does not move."""
    threshold, bias = neat(call.attribute("lambd", 0.5)), neat(call.attribute("bias", 0.0))
    if threshold < 0 or bias not in (0, threshold):
        raise Unsupported(f"lambd {threshold} with bias {bias}; want a bias of 0, or the same")
    soft = bias > 0 or threshold == 0
    activation = activations.SoftShrink if soft else activations.HardShrink
    return _act(call, call.rows(), activation(threshold))


def swish(call: Call) -> Value:
    """Swish: ``x * sigmoid(alpha * x)``."""
    rows, alpha = call.rows(), neat(call.attribute("alpha", 1.0))
    if alpha == 1:
        return _act(call, rows, activations.SiLU())
    if alpha == 0:
        return _affine(call, rows, 0.5, 0.0)
    inner = _act(call, _affine(call, rows, alpha, 0.0), activations.SiLU())
    return _affine(call, inner, 1 / alpha, 0.0)


HANDLERS: dict[str, Handler] = {
    **SHAPES,
    "Abs": absolute,
    "Add": add,
    "BatchNormalization": batch_normalization,
    "Celu": celu,
    "Clip": clip,
    "Div": divide,
    "Dropout": dropout,
    "Elu": elu,
    "Exp": _plain(activations.Exp),
    "Gelu": gelu,
    "Gemm": gemm,
    "HardSigmoid": hard_sigmoid,
    "HardSwish": _plain(activations.HardSiLU),
    "LayerNormalization": _row_norm("layer_norm", ("gamma", "beta")),
    "LeakyRelu": leaky_relu,
    "LogSoftmax": _softmax(activations.LogSoftmax),
    "MatMul": matmul,
    "Max": maximum,
    "Mean": mean,
    "Min": minimum,
    "Mish": _plain(activations.Mish),
    "Mul": multiply,
    "Neg": negative,
    "PRelu": prelu,
    "Pow": power,
    "RMSNormalization": _row_norm("rms_norm", ("gamma",)),
    "ReduceMean": reduce_mean,
    "ReduceSum": reduce_sum,
    "Relu": _plain(activations.ReLU),
    "Selu": selu,
    "Shrink": shrink,
    "Sigmoid": _plain(activations.Sigmoid),
    "Softmax": _softmax(activations.Softmax),
    "Softplus": _plain(activations.Softplus),
    "Softsign": _plain(activations.Softsign),
    "Sub": subtract,
    "Sum": add,
    "Swish": swish,
    "Tanh": _plain(activations.Tanh),
    "ThresholdedRelu": thresholded_relu,
    "ai.onnx.ml.Scaler": scaler,
}
