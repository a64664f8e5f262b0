"""Operators that compute, as ops: affine maps, normalizations, sums of rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import activations
from fastnn.interchange.onnx_functions import FUNCTIONS
from fastnn.interchange.onnx_parts import act, affine, negated, per_column, shift, times, widen
from fastnn.interchange.onnx_reader import Call, Handler, Value
from fastnn.interchange.onnx_shapes import SHAPES, column_axis
from fastnn.interchange.onnx_values import Const, Op, Ref, Rows, Unsupported, neat

__all__ = ["HANDLERS"]

Array = npt.NDArray[Any]
MOST_FACTORS = 8  # of a power


# -- sums, products, extremes ---------------------------------------------------------------------


def _combined(call: Call, how: str, parts: list[Rows]) -> Rows:
    """Combine rows element by element."""
    if len({rows.rank for rows in parts}) > 1:
        raise Unsupported("its inputs differ in rank, so that rows meet columns")
    try:
        dims = np.broadcast_shapes(*(rows.dims for rows in parts))
    except ValueError:
        raise Unsupported("its inputs do not fit") from None
    wide = [widen(call, rows, dims) for rows in parts]
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
        out = shift(call, out, const)
    return out


def multiply(call: Call) -> Value:
    """Mul."""
    parts, consts = _parted(call)
    out = _combined(call, "multiply", parts)
    for const in consts:
        out = times(call, out, const)
    return out


def subtract(call: Call) -> Value:
    """Sub."""
    parts, consts = _parted(call)
    if not consts:
        return _combined(call, "subtract", parts)
    if isinstance(call.inputs[1], Const):
        return shift(call, parts[0], consts[0], minus=True)
    wide, flat = per_column(call, parts[0], consts[0])
    return affine(call, wide, -1.0, flat.array)


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
    return times(call, rows, inverse)


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
        out, flat = per_column(call, out, const)
        out = _above(call, out, flat.array)
    return out


def _above(call: Call, rows: Rows, low: Array) -> Rows:
    """Return ``max(x, low)``."""
    if (low == -np.inf).all():
        return rows
    if (low == 0).all():
        return act(call, rows, activations.ReLU())
    const = Const(low, "number")
    moved = call.make("scale", [rows], rows.dims, {"mean": const}, invert=False)
    moved = act(call, moved, activations.ReLU())
    return call.make("scale", [moved], rows.dims, {"mean": const}, invert=True)


def minimum(call: Call) -> Value:
    """Min: the largest of the negatives."""
    parts, consts = _parted(call)
    out = parts[0]
    if len(parts) > 1:
        whole = _combined(call, "maximum", [negated(call, rows) for rows in parts])
        out = negated(call, whole)
    for const in consts:
        out, flat = per_column(call, out, const)
        out = _below(call, out, flat.array)
    return out


def _below(call: Call, rows: Rows, high: Array) -> Rows:
    """Return ``min(x, high) = high - relu(high - x)``."""
    if (high == np.inf).all():
        return rows
    moved = act(call, affine(call, rows, -1.0, high), activations.ReLU())
    return affine(call, moved, -1.0, high)


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
        return act(call, rows, activations.ReLU6())
    if (low, high) == (-1, 1):
        return act(call, rows, activations.HardTanh())
    if math.isinf(high):
        return _above(call, rows, np.full(rows.ref.units, low))
    if math.isinf(low):
        return _below(call, rows, np.full(rows.ref.units, high))
    half, middle = (high - low) / 2, (high + low) / 2
    if half == 0:
        raise Unsupported("its limits are equal")
    inner = affine(call, rows, 1 / half, -middle / half)
    return affine(call, act(call, inner, activations.HardTanh()), half, middle)


def power(call: Call) -> Value:
    """Pow with a small whole number."""
    rows, exponent = call.rows(), call.const(1).array
    if exponent.size != 1 or exponent.item() not in range(1, MOST_FACTORS + 1):
        raise Unsupported(f"the exponent {exponent.tolist()}; want 1, 2, ... {MOST_FACTORS}")
    return _combined(call, "multiply", [rows] * int(exponent.item()))


def absolute(call: Call) -> Value:
    """Abs, as the larger of x and -x."""
    return _combined(call, "maximum", [call.rows(), negated(call, call.rows())])


def negative(call: Call) -> Value:
    """Neg."""
    return negated(call, call.rows())


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
            scaled = affine(call, scaled, beta, 0.0)
        return _combined(call, "add", [out, scaled])
    bias = call.const(2)
    if beta != 1:
        bias = call.derive(bias, f"times {beta}", lambda a: a * beta)
    return shift(call, out, bias)


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
    if not rows.dims:
        raise Unsupported("it reads a tensor of rank 1; want rows")

    def spread(array: Array) -> Array:
        """A number for each channel, for each of its columns."""
        ones = (1,) * (len(rows.dims) - 1)
        return np.broadcast_to(array.reshape(-1, *ones), rows.dims).reshape(-1)

    names = ("gamma", "beta", "moving_mean", "moving_variance")
    consts = {
        name: call.derive(call.const(i), f"channels of {rows.dims}", spread)
        for i, name in enumerate(names, 1)
    }
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
            name: per_column(call, rows, call.const(i + 1))[1]
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


HANDLERS: dict[str, Handler] = {
    **FUNCTIONS,
    **SHAPES,
    "Abs": absolute,
    "Add": add,
    "BatchNormalization": batch_normalization,
    "Clip": clip,
    "Div": divide,
    "Dropout": dropout,
    "Gemm": gemm,
    "LayerNormalization": _row_norm("layer_norm", ("gamma", "beta")),
    "MatMul": matmul,
    "Max": maximum,
    "Mean": mean,
    "Min": minimum,
    "Mul": multiply,
    "Neg": negative,
    "Pow": power,
    "RMSNormalization": _row_norm("rms_norm", ("gamma",)),
    "ReduceMean": reduce_mean,
    "ReduceSum": reduce_sum,
    "Sub": subtract,
    "Sum": add,
    "ai.onnx.ml.Scaler": scaler,
}
