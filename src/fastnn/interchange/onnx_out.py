"""Models as ONNX files: every layer becomes the operators that compute it in predictions."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from fastnn import io, layers
from fastnn._spec import check_int, describe
from fastnn.interchange.onnx_activations import can_write, write_activation, write_slope
from fastnn.interchange.onnx_package import load_onnx
from fastnn.interchange.onnx_writer import Writer
from fastnn.nested import ModelLayer

if TYPE_CHECKING:
    from fastnn.model import Model

__all__ = ["DEFAULT_OPSET", "export_onnx", "to_onnx"]

DEFAULT_OPSET = 17  # of 2022; the first with LayerNormalization
OLDEST_OPSET = 13
MOST_BYTES = 2**31 - 2**20  # of a protobuf message, less what the graph itself takes

Values = list[str]


def export_onnx(model: Model, path: str | os.PathLike[str], *, opset: int = DEFAULT_OPSET) -> None:
    """Write a model as an ONNX file; ``model.export_onnx(path)`` calls it.

    Parameters
    ----------
    model : Model
    path : str or path-like
        Replaced only once the new file is whole.
    opset : int, default 17
        Version of ONNX's operators, at least 13.

    Raises
    ------
    ImportError
        If the package onnx is not installed.
    TypeError, ValueError
        If ONNX has no operators for a layer, or `opset` is unknown.
    OSError
        If the file cannot be written; an old one stays as it was.

    Examples
    --------
    >>> import fastnn as fnn, tempfile, pathlib
    >>> model = fnn.Sequential([fnn.Input(2), fnn.Dense(1)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     export_onnx(model, pathlib.Path(folder, "m.onnx"))
    ...     len(fnn.from_onnx(pathlib.Path(folder, "m.onnx")))
    2
    """
    content: bytes = to_onnx(model, opset=opset).SerializeToString()
    io._write_whole(path, content)


def to_onnx(model: Model, *, opset: int = DEFAULT_OPSET) -> Any:
    """Return a model as an ``onnx.ModelProto``.

    Parameters
    ----------
    model : Model
    opset : int, default 17
        Version of ONNX's operators, at least 13.

    Returns
    -------
    onnx.ModelProto
        Its inputs and outputs have the model's names, and any number of rows.

    Raises
    ------
    ImportError
        If the package onnx is not installed.
    TypeError, ValueError
        If ONNX has no operators for a layer, or `opset` is unknown.

    Examples
    --------
    >>> import fastnn as fnn
    >>> proto = to_onnx(fnn.Sequential([fnn.Input(2), fnn.Dense(1, "tanh")]))
    >>> [node.op_type for node in proto.graph.node]
    ['Gemm', 'Tanh']
    """
    where = "export_onnx"
    onnx = load_onnx(where, "defs", "helper")
    newest = onnx.defs.onnx_opset_version()
    check_int(where, "opset", opset, OLDEST_OPSET, newest)
    lacking = list(_inexpressible(model, ""))
    if lacking:
        raise ValueError(f"{where}: ONNX cannot express {'; '.join(lacking)}")
    size = model.parameter_arena.nbytes
    if size > MOST_BYTES:
        raise ValueError(f"{where}: {size} bytes of parameters; an ONNX file holds at most 2 GiB")
    inputs, outputs = list(model.input_names), list(model.output_names)
    outputs = [_differing(name, [*inputs, *outputs[:i]]) for i, name in enumerate(outputs)]
    to = Writer(model.dtype, opset, [*inputs, *outputs])
    found = _write_model(to, model, _arrays(model), "", list(inputs))
    named = {name: name for name in inputs}
    for value, name in zip(found, outputs, strict=True):
        to.name_output(named.get(value, value), name, value in named)
        named.setdefault(value, name)
    graph = to.graph(
        model.name,
        [to.value_info(name, cols) for name, cols in zip(inputs, model.input_cols, strict=True)],
        [to.value_info(name, cols) for name, cols in zip(outputs, model.output_cols, strict=True)],
    )
    opsets = [onnx.helper.make_opsetid("", opset)]
    return onnx.helper.make_model(
        graph,
        opset_imports=opsets,
        ir_version=onnx.helper.find_min_ir_version_for(opsets),
        producer_name="fastnn",
        producer_version=str(sys.modules["fastnn"].__version__),
    )


def _differing(name: str, taken: Sequence[str]) -> str:
    return _differing(f"{name}_output", taken) if name in taken else name


def _arrays(model: Model) -> dict[str, npt.NDArray[Any]]:
    """Return all arrays of a model by name, taken between two steps of a training."""
    arena = model.snapshot()
    return {**model._views(arena, trained=True), **model._views(arena, trained=False)}


# -- what cannot be written -----------------------------------------------------------------------


def _inexpressible(model: Model, prefix: str) -> Iterator[str]:
    """Say which layers have no operators, and why."""
    for name, layer in zip(model.layer_names, model.layers, strict=True):
        who = f"the layer {prefix + name!r}"
        activation = getattr(layer, "activation", None)
        if isinstance(layer, ModelLayer):
            yield from _inexpressible(layer.model, f"{prefix}{name}/")
        elif isinstance(layer, layers.Lambda):
            yield f"{who}, a Lambda: a function in Python has no operator"
        elif not isinstance(layer, layers.Input) and type(layer) not in WRITERS:
            yield f"{who}: {type(layer).__name__} is a class of your own, ONNX does not know it"
        elif activation is not None and not can_write(activation):
            yield f"{who}: its activation {describe(activation)} is one of your own"


# -- layers ---------------------------------------------------------------------------------------


class Place:
    """A use of a layer that is being written.

    Attributes
    ----------
    to : Writer
    name : str
        The layer's, with the names of the models that it is in.
    units : tuple of int
        Columns of each input.
    """

    def __init__(
        self, to: Writer, name: str, units: tuple[int, ...], arrays: dict[str, npt.NDArray[Any]]
    ) -> None:
        self.to = to
        self.name = name
        self.units = units
        self.arrays = arrays

    def has(self, key: str) -> bool:
        """Tell whether the layer has an array."""
        return f"{self.name}/{key}" in self.arrays

    def array(self, key: str) -> npt.NDArray[Any]:
        """Return an array of the layer."""
        return self.arrays[f"{self.name}/{key}"]

    def weight(self, key: str, fallback: float | None = None) -> str:
        """Return the constant of an array; `fallback` in each column if there is none."""
        if fallback is not None and not self.has(key):
            return self.to.number([fallback] * self.units[0])
        return self.to.weight(f"{self.name}/{key}", self.array(key))

    def affine(self, x: str) -> str:
        """Return ``x @ kernel + bias``."""
        bias = [self.weight("bias")] if self.has("bias") else []
        return self.to.op("Gemm", x, self.weight("kernel"), *bias)


def _write_model(
    to: Writer, model: Model, arrays: dict[str, npt.NDArray[Any]], prefix: str, inputs: Values
) -> Values:
    """Add the nodes of all layers; return the outputs."""
    found: list[Values] = []
    waiting = iter(inputs)
    for use in model._uses:
        layer, name = model.layers[use.layer], prefix + model.layer_names[use.layer]
        if isinstance(layer, layers.Input):
            found.append([next(waiting)])
            continue
        given = [found[node][index] for node, index in use.inputs]
        if isinstance(layer, ModelLayer):
            found.append(_write_model(to, layer.model, arrays, f"{name}/", given))
            continue
        to.layer = name
        units = tuple(model._uses[node].units[index] for node, index in use.inputs)
        found.append(WRITERS[type(layer)](Place(to, name, units, arrays), layer, given))
    return [found[node][index] for node, index in model._ends]


def _nothing(at: Place, layer: layers.Layer, inputs: Values) -> Values:
    """Layers that leave predictions alone."""
    return inputs


def _dense(at: Place, layer: layers.Dense, inputs: Values) -> Values:
    return [write_activation(at.to, at.affine(inputs[0]), layer.activation, layer.units)]


def _activation(at: Place, layer: layers.Activation, inputs: Values) -> Values:
    return [write_activation(at.to, inputs[0], layer.activation, at.units[0])]


def _maxout(at: Place, layer: layers.Maxout, inputs: Values) -> Values:
    pieces = at.to.split(at.affine(inputs[0]), [layer.units] * layer.pieces)
    return [pieces[0] if len(pieces) == 1 else at.to.op("Max", *pieces)]


def _bilinear(at: Place, layer: layers.Bilinear, inputs: Values) -> Values:
    """``a @ kernel`` as a matrix for each row, times b as a column."""
    to = at.to
    a = to.op("MatMul", inputs[0], at.weight("kernel"))
    a = to.op("Reshape", a, to.integers([0, layer.units, at.units[1]]))
    out = to.op("MatMul", a, to.op("Unsqueeze", inputs[1], to.integers([2])))
    out = to.op("Squeeze", out, to.integers([2]))
    if at.has("bias"):
        out = to.op("Add", out, at.weight("bias"))
    return [write_activation(to, out, layer.activation, layer.units)]


def _prelu(at: Place, layer: layers.PReLU, inputs: Values) -> Values:
    if at.to.double:  # ONNX Runtime has no PRelu in float64
        return [write_slope(at.to, inputs[0], at.weight("alpha"))]
    return [at.to.op("PRelu", inputs[0], at.weight("alpha"))]


def _embedding(at: Place, layer: layers.Embedding, inputs: Values) -> Values:
    to, found = at.to, []
    for column, key in enumerate(layer.weights(())):
        numbers = to.op("Gather", inputs[0], to.integers(column), axis=1)
        numbers = to.cast(numbers, "int64")
        found.append(to.op("Gather", at.weight(key), numbers, axis=0))
    return [to.concat(found)]


def _normalization(at: Place, layer: layers.Normalization, inputs: Values) -> Values:
    to, mean, scale = at.to, at.weight("mean"), at.weight("scale")
    if layer.invert:
        return [to.op("Add", to.op("Mul", inputs[0], scale), mean)]
    return [to.op("Mul", to.op("Sub", inputs[0], mean), scale)]


def _batch_normalization(at: Place, layer: layers.BatchNormalization, inputs: Values) -> Values:
    given = [at.weight("gamma", 1.0), at.weight("beta", 0.0)]
    given += [at.weight("moving_mean"), at.weight("moving_variance")]
    settings = {"epsilon": layer.epsilon, "momentum": layer.momentum}
    return [at.to.op("BatchNormalization", inputs[0], *given, **settings)]


def _layer_normalization(at: Place, layer: layers.LayerNormalization, inputs: Values) -> Values:
    to, x = at.to, inputs[0]
    if to.opset >= 17:
        beta = [at.weight("beta")] if at.has("beta") else []
        given = [at.weight("gamma", 1.0), *beta]
        return [to.op("LayerNormalization", x, *given, axis=1, epsilon=layer.epsilon)]
    return [_by_deviation(at, to.op("Sub", x, to.reduce("ReduceMean", x)), layer.epsilon)]


def _rms_normalization(at: Place, layer: layers.RMSNormalization, inputs: Values) -> Values:
    if at.to.opset >= 23:
        settings = {"axis": 1, "epsilon": layer.epsilon}
        return [at.to.op("RMSNormalization", inputs[0], at.weight("gamma"), **settings)]
    return [_by_deviation(at, inputs[0], layer.epsilon)]


def _by_deviation(at: Place, x: str, epsilon: float) -> str:
    """Return `x` by its root mean square, times gamma, plus beta."""
    to = at.to
    mean = to.reduce("ReduceMean", to.op("Mul", x, x))
    out = to.op("Div", x, to.op("Sqrt", to.op("Add", mean, to.number(epsilon))))
    for kind, key in (("Mul", "gamma"), ("Add", "beta")):
        if at.has(key):
            out = to.op(kind, out, at.weight(key))
    return out


def _combine(kind: str, many: str = "") -> Callable[[Place, Any, Values], Values]:
    """Return the writer of a layer that combines its inputs element by element."""

    def write(at: Place, layer: layers.Layer, inputs: Values) -> Values:
        return [at.to.op(many if many and len(inputs) > 2 else kind, *inputs)]

    return write


def _multiply(at: Place, layer: layers.Multiply, inputs: Values) -> Values:
    found = inputs[0]
    for value in inputs[1:]:
        found = at.to.op("Mul", found, value)
    return [found]


def _average(at: Place, layer: layers.Average, inputs: Values) -> Values:
    if not at.to.double:
        return [at.to.op("Mean", *inputs)]
    total = at.to.op("Sum", *inputs)  # ONNX Runtime has no Mean in float64
    return [at.to.op("Div", total, at.to.number(len(inputs)))]


def _concatenate(at: Place, layer: layers.Concatenate, inputs: Values) -> Values:
    return [at.to.concat(inputs)]


def _split(at: Place, layer: layers.Split, inputs: Values) -> Values:
    return at.to.split(inputs[0], layer.connect(at.units))


WRITERS: dict[type, Callable[[Place, Any, Values], Values]] = {
    layers.Dense: _dense,
    layers.Activation: _activation,
    layers.Maxout: _maxout,
    layers.Bilinear: _bilinear,
    layers.PReLU: _prelu,
    layers.Embedding: _embedding,
    layers.Normalization: _normalization,
    layers.BatchNormalization: _batch_normalization,
    layers.LayerNormalization: _layer_normalization,
    layers.RMSNormalization: _rms_normalization,
    layers.Add: _combine("Add", "Sum"),
    layers.Subtract: _combine("Sub"),
    layers.Multiply: _multiply,
    layers.Average: _average,
    layers.Maximum: _combine("Max"),
    layers.Concatenate: _concatenate,
    layers.Split: _split,
    layers.Dropout: _nothing,
    layers.AlphaDropout: _nothing,
    layers.GaussianDropout: _nothing,
    layers.GaussianNoise: _nothing,
    layers.Flatten: _nothing,
    layers.ActivityRegularization: _nothing,
}
