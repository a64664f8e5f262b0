"""Recognizes activations and normalizations that a file spells out in several operators.

Exporters write ``gelu`` as five to nine operators, each in its own order.  Here the piece of graph
from one tensor to one tensor is run by ONNX's reference on sample rows; if its values are those of
one of fastnn's activations everywhere, it is that activation, however it was written.  A softplus
of another sharpness and a threshold are an activation between two scales.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import activations, kernels
from fastnn.interchange.onnx_package import load_onnx
from fastnn.interchange.onnx_values import neat

__all__ = ["REGION_ENDS", "REGION_OPS", "recognize", "run"]

Array = npt.NDArray[Any]

# Operators that look at one element or one row, and have no weights.
# fmt: off
REGION_OPS = frozenset({
    "Abs", "Add", "And", "Cast", "Celu", "Clip", "CumSum", "Div", "Elu", "Equal", "Erf", "Exp",
    "Gelu", "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish", "Identity", "LeakyRelu",
    "Less", "LessOrEqual", "Log", "LogSoftmax", "Max", "Mean", "Min", "Mish", "Mul", "Neg", "Not",
    "Or", "Pow", "Reciprocal", "ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum",
    "ReduceSumSquare", "Relu", "Selu", "Shrink", "Sigmoid", "Sign", "Softmax", "Softplus",
    "Softsign", "Split", "Sqrt", "Sub", "Sum", "Tanh", "ThresholdedRelu", "TopK", "Where",
})
REGION_ENDS = frozenset({
    "Add", "Clip", "Div", "Log", "Max", "Min", "Mul", "Neg", "Relu", "Sub", "Sum", "Where",
})
# fmt: on

# Samples begin with these; parameters are read off there.
POINTS = (-1.0, 0.0, 1e4, -1e4)
FAR = 20.0  # beyond it a formula may overflow where the activation does not
LARGEST = 1e3  # parameter, so that a threshold lies well within the samples
RTOL = 1e-6  # constants are stored in float32

# A parameter of each, from the values at POINTS.
PARAMETERS: dict[type[activations.Activation], Callable[[Array], float]] = {
    activations.LeakyReLU: lambda values: float(-values[0]),
    activations.ELU: lambda values: float(-values[3]),
    activations.CELU: lambda values: float(-values[3]),
    activations.Squareplus: lambda values: float(4 * values[1] ** 2),
    activations.SoftShrink: lambda values: float(POINTS[2] - values[2]),
}
PLAIN = (
    *(activations.ReLU, activations.GELU, activations.GELUTanh, activations.Sigmoid),
    *(activations.Tanh, activations.SiLU, activations.Softplus, activations.Exp),
    *(activations.ReLU6, activations.HardSigmoid, activations.HardTanh, activations.HardSiLU),
    *(activations.SELU, activations.Mish, activations.Softsign, activations.LogSigmoid),
    activations.TanhShrink,
)
Step = tuple[str, dict[str, Any]]  # a layer's kind and its settings

ROW_WISE = (activations.Softmax, activations.LogSoftmax, activations.Sparsemax)


def run(
    nodes: Sequence[Any], opsets: Sequence[Any], given: Mapping[str, Array], outputs: Sequence[str]
) -> list[Any]:
    """Return values that ONNX's reference computes."""
    onnx = load_onnx("from_onnx", "helper", "reference")
    unknown = onnx.TypeProto()
    graph = onnx.helper.make_graph(
        nodes,
        "part",
        [onnx.helper.make_value_info(name, unknown) for name in given],
        [onnx.helper.make_value_info(name, unknown) for name in outputs],
    )
    model = onnx.helper.make_model(graph, opset_imports=opsets)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of NumPy, about samples far out
        found: list[Any] = onnx.reference.ReferenceEvaluator(model).run(None, dict(given))
    return found


def recognize(
    nodes: Sequence[Any],
    opsets: Sequence[Any],
    source: str,
    dims: tuple[int, ...],
    constants: Mapping[str, Array],
    output: str,
) -> tuple[list[Step], tuple[int, ...]] | None:
    """Return which layers, one after the other, `nodes` compute, and the axes of the output.

    Parameters
    ----------
    nodes : sequence of NodeProto
    opsets : sequence of OperatorSetIdProto
    source, output : str
        What they begin and end with.
    dims : tuple of int
        Axes of `source` but the batch.
    constants : mapping of str to ndarray
        What else they read.
    """
    cols = int(np.prod(dims, dtype=np.int64))
    numbers = [
        float(value.flat[0])
        for value in constants.values()
        if value.size and value.dtype.kind == "f" and (value == value.flat[0]).all()
    ]
    grid = _grid(numbers)
    elements = np.resize(grid, (-(-grid.size // cols), cols))
    rows = _random_rows(cols)
    given = {
        name: value.astype(np.float64) if value.dtype.kind == "f" else value
        for name, value in constants.items()
    }
    sample = np.concatenate([elements, rows])
    given[source] = sample.reshape(len(sample), *dims)
    part = [_double(node) for node in nodes]
    try:
        out = np.asarray(run(part, opsets, given, [output])[0])
    except Exception:  # the reference lacks an operator: nothing is recognized then
        return None
    if out.ndim < 1 or len(out) != len(sample) or out.dtype != np.float64:
        return None
    flat = out.reshape(len(out), -1)
    shape = out.shape[1:]
    weights = [
        name
        for name, a in given.items()
        if name != source and a.dtype == np.float64 and _may_be_weights(a, cols)
    ]
    for name in weights:
        slopes = _slopes(name, given, sample, flat, lambda g: run(part, opsets, g, [output])[0])
        if slopes is not None:
            return [("prelu", slopes)], shape
    if any((given[name] == given[name].flat[0]).all() for name in weights):
        return None  # weights at their first values, it may be: they shall stay weights
    if flat.shape[1] == cols:
        values = flat[: len(elements)].ravel()[: grid.size]
        activation = _elementwise(grid, values, numbers)
        if activation is not None:
            return [("activation", {"activation": activation})], shape
        one = _row_wise(rows, flat[len(elements) :], numbers)
        found = _between_scales(grid, values, numbers) if one is None else [one]
        return None if found is None else (found, shape)
    if cols == 2 * flat.shape[1]:
        a, b = np.split(rows, 2, axis=1)
        if _alike(flat[len(elements) :], a * kernels.sigmoid(np.ascontiguousarray(b))):
            return [("activation", {"activation": activations.GLU()})], shape
    return None


def _may_be_weights(array: Array, cols: int) -> bool:
    """Tell whether a constant could be trained: one for each column; of one column, 0 or 1."""
    return array.size > 1 or (cols == 1 and array.ndim > 0 and float(array.flat[0]) in (0, 1))


def _slopes(
    name: str,
    given: Mapping[str, Array],
    sample: Array,
    values: Array,
    compute: Callable[[Mapping[str, Array]], Array],
) -> dict[str, Any] | None:
    """Tell whether a constant holds the slopes below 0, or what is to be their negative.

    That is tried with other slopes too, so that a bias of zeros is not taken for slopes of zero.
    """
    cols = sample.shape[1]
    if values.shape[1] != cols or given[name].size != cols:
        return None
    other = np.linspace(0.1, 0.9, cols)
    for sign in (1, -1):
        if _alike(values, _sloped(sample, sign * given[name].ravel())):
            again = compute({**given, name: other.reshape(given[name].shape)})
            if _alike(np.reshape(again, values.shape), _sloped(sample, sign * other)):
                return {"alpha": name, "sign": sign}
    return None


def _sloped(sample: Array, slope: Array) -> Array:
    return np.where(sample > 0, sample, slope * sample)


def _double(node: Any) -> Any:
    """Return a node whose casts to floats are casts to float64, as all samples are."""
    if node.op_type != "Cast":
        return node
    onnx = load_onnx("from_onnx", "helper")
    dtype = onnx.helper.tensor_dtype_to_np_dtype(node.attribute[0].i)
    if dtype.kind != "f":
        return node
    return onnx.helper.make_node("Cast", node.input, node.output, to=onnx.TensorProto.DOUBLE)


def _grid(numbers: Sequence[float]) -> Array:
    """Return where functions are compared: near 0, far out, and beside each constant."""
    far = np.geomspace(1e-3, 1e4, 29)
    beside = [sign * c * (1 + d) for c in numbers for sign in (-1, 1) for d in (-1e-3, 0, 1e-3)]
    return np.concatenate([POINTS, np.linspace(-8, 8, 433), far, -far, beside])


def _random_rows(cols: int) -> Array:
    rng = np.random.default_rng(cols)
    found: Array = rng.normal(size=(8, cols)) * np.array([1e-3, 0.03, 1, 5] * 2)[:, None]
    return found


def _alike(values: Array, want: Array) -> bool:
    return bool((np.abs(values - want) <= RTOL * np.maximum(1, np.abs(want))).all())


def _elementwise(
    grid: Array, values: Array, numbers: Sequence[float]
) -> activations.Activation | None:
    fits = np.isfinite(values)
    if not fits[np.abs(grid) <= FAR].all():
        return None
    for activation in _candidates(values, numbers):
        arguments = [activation.alpha] if activation.alpha else []
        want = getattr(kernels, activation.name)(grid, *arguments)
        if _alike(values[fits], want[fits]):
            fields = {key: neat(value) for key, value in activation._fields().items() if arguments}
            return activation.replace(**fields)
    return None


def _candidates(values: Array, numbers: Sequence[float]) -> Iterator[activations.Activation]:
    for plain in PLAIN:
        yield plain()
    for cls, parameter in PARAMETERS.items():
        value = parameter(values)
        near = [abs(c) for c in numbers if np.isclose(abs(c), value, rtol=1e-5, atol=0)]
        value = near[0] if near else value
        if 1e-30 < value < LARGEST and not (cls is activations.LeakyReLU and value == 1):
            yield cls(value)  # type: ignore[call-arg]
    for value in {abs(c) for c in numbers if abs(c) < LARGEST}:
        yield activations.HardShrink(value)


def _between_scales(grid: Array, values: Array, numbers: Sequence[float]) -> list[Step] | None:
    """Return the layers of ``softplus(beta * x) / beta``, or of ``x if x > edge else floor``."""
    if not np.isfinite(values).all():
        return None
    if values[1] > 1 / LARGEST:  # at 0
        beta = _stored(math.log(2) / float(values[1]), numbers)
        if _alike(values, kernels.softplus(beta * grid) / beta):
            return [
                ("scale", {"scale": beta}),
                ("activation", {"activation": activations.Softplus()}),
                ("scale", {"scale": 1 / beta}),
            ]
    floor = _stored(float(values[3]), numbers)  # far below
    for edge in sorted({floor, *numbers}):
        if floor <= edge < LARGEST and _alike(values, np.where(grid > edge, grid, floor)):
            steps: list[Step] = [("activation", {"activation": activations.ReLU()})]
            if edge > floor:
                step = activations.HardShrink(neat(edge - floor))
                steps.append(("activation", {"activation": step}))
            if floor != 0:
                steps.insert(0, ("scale", {"mean": floor, "invert": False}))
                steps.append(("scale", {"mean": floor, "invert": True}))
            return steps
    return None


def _stored(value: float, numbers: Sequence[float]) -> float:
    """Return the constant of the file that `value` stands for, or `value` itself."""
    near = [number for number in numbers if math.isclose(number, value, rel_tol=1e-5)]
    return near[0] if near else value


def _row_wise(rows: Array, values: Array, numbers: Sequence[float]) -> Step | None:
    for cls in ROW_WISE:
        if rows.shape[1] > 1 and _alike(values, getattr(kernels, cls.tag)(rows)):
            return "activation", {"activation": cls()}
    for kind, moved in (
        ("layer_norm", rows - rows.mean(axis=1, keepdims=True)),
        ("rms_norm", rows),
    ):
        square = (moved**2).mean(axis=1, keepdims=True)
        for epsilon in numbers:
            if 0 < epsilon < 1 and _alike(values, moved / np.sqrt(square + epsilon)):
                return kind, {"epsilon": neat(epsilon)}
    return None
