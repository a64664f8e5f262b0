"""Makes a model of the ops of a graph that was read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from fastnn import activations, layers
from fastnn.graph import Tensor, as_tensor
from fastnn.interchange.onnx_tidy import live_ops
from fastnn.interchange.onnx_values import Const, Op, Ref
from fastnn.layers import Input, Layer
from fastnn.model import Model
from fastnn.sequential import Sequential

__all__ = ["build"]


def _activation(op: Op) -> activations.Activation:
    found: activations.Activation = op.settings.get("activation", activations.Linear())
    return found


def _dense(op: Op) -> Layer:
    return layers.Dense(
        op.consts["kernel"].array.shape[1],
        _activation(op),
        use_bias="bias" in op.consts,
        trainable=not op.settings.get("frozen", False),
    )


def _bilinear(op: Op) -> Layer:
    units = op.consts["kernel"].array.shape[1] // op.inputs[1].units
    return layers.Bilinear(units, _activation(op), use_bias="bias" in op.consts)


def _maxout(op: Op) -> Layer:
    return layers.Maxout(op.units[0], op.settings["pieces"], use_bias="bias" in op.consts)


def _layer_norm(op: Op) -> Layer:
    return layers.LayerNormalization(
        op.settings["epsilon"], center="beta" in op.consts, scale="gamma" in op.consts
    )


def _batch_norm(op: Op) -> Layer:
    return layers.BatchNormalization(op.settings["momentum"], op.settings["epsilon"])


def _embedding(op: Op) -> Layer:
    rows, cols = zip(*(table.array.shape for table in op.consts.values()), strict=True)
    if len(rows) == 1:
        return layers.Embedding(rows[0], cols[0])
    return layers.Embedding(rows, cols)


COMBINE: dict[str, Callable[[], Layer]] = {
    "add": layers.Add,
    "subtract": layers.Subtract,
    "multiply": layers.Multiply,
    "average": layers.Average,
    "maximum": layers.Maximum,
}
MAKERS: dict[str, Callable[[Op], Layer]] = {
    "activation": lambda op: layers.Activation(_activation(op)),
    "batch_norm": _batch_norm,
    "bilinear": _bilinear,
    "combine": lambda op: COMBINE[op.settings["how"]](),
    "concatenate": lambda op: layers.Concatenate(),
    "dense": _dense,
    "dropout": lambda op: layers.Dropout(op.settings["rate"]),
    "embedding": _embedding,
    "layer_norm": _layer_norm,
    "maxout": _maxout,
    "prelu": lambda op: layers.PReLU(trainable=not op.settings.get("frozen", False)),
    "rms_norm": lambda op: layers.RMSNormalization(op.settings["epsilon"]),
    "scale": lambda op: layers.Normalization(invert=bool(op.settings.get("invert"))),
    "split": lambda op: layers.Split(op.units),
}


class _Builder:
    """Layers and symbolic tensors of ops.

    Attributes
    ----------
    arrays : dict of int to (Layer, dict of str to Const)
        By the layer's id.
    """

    def __init__(self) -> None:
        self.tensors: dict[tuple[int, int], Tensor] = {}
        self.arrays: dict[int, tuple[Layer, dict[str, Const]]] = {}
        self._shared: dict[tuple[Any, ...], Layer] = {}
        self._splits: dict[tuple[int, int, tuple[int, ...]], tuple[Tensor, ...]] = {}
        self._names: set[str] = set()

    def start(self, name: str, ref: Ref) -> Input:
        """Return the layer of an input."""
        layer = Input(ref.units, name=self._name(name))
        self.tensors[id(ref.op), 0] = as_tensor(layer, "from_onnx")
        return layer

    def add(self, op: Op) -> None:
        """Call the layer of `op` on its inputs."""
        given = [self.tensors[id(ref.op), ref.output] for ref in op.inputs]
        if op.kind == "columns":
            made: Any = self._columns(given[0], op.settings["columns"])
        elif op.kind == "split":
            made = self._split(given[0], op.units)
        else:
            if op.kind == "embedding":
                given = [self._columns(given[0], op.settings["columns"])]
            made = self._layer(op)(given)
        for index, tensor in enumerate(made if isinstance(made, tuple) else (made,)):
            self.tensors[id(op), index] = tensor

    def _layer(self, op: Op) -> Layer:
        """Return the layer of `op`: the same for two that have the same weights."""
        if not op.consts or op.kind == "scale":
            layer = self._named(op)
        else:
            settings = {
                key: repr(value.config() if isinstance(value, activations.Activation) else value)
                for key, value in op.settings.items()
                if key != "columns"  # which ones an embedding reads
            }
            key = (
                op.kind,
                tuple(ref.units for ref in op.inputs),
                *((name, id(const)) for name, const in sorted(op.consts.items())),
                *sorted(settings.items()),
            )
            if key not in self._shared:
                self._shared[key] = self._named(op)
            layer = self._shared[key]
        self.arrays[id(layer)] = (layer, op.consts)
        return layer

    def _named(self, op: Op) -> Layer:
        """Return a new layer, named as its weights are: "fc1" for "fc1.weight"."""
        layer = MAKERS[op.kind](op)
        const = next(iter(op.consts.values()), None)
        owner = re.match(r"(.*)[./]", const.name) if const is not None else None
        return layer if owner is None else layer.replace(name=self._name(owner[1]))

    def _split(self, x: Tensor, sizes: tuple[int, ...]) -> tuple[Tensor, ...]:
        key = (id(x.node.layer if isinstance(x.node.layer, Input) else x.node), x.index, sizes)
        if key not in self._splits:
            found = layers.Split(sizes)(x)
            self._splits[key] = found
        return self._splits[key]

    def _columns(self, x: Tensor, columns: Sequence[int]) -> Tensor:
        """Return some columns, in any order."""
        runs: list[list[int]] = []
        for column in columns:
            if runs and runs[-1][-1] == column - 1:
                runs[-1].append(column)
            else:
                runs.append([column])
        parts = []
        for run in runs:
            sizes = (run[0], len(run), x.units - run[-1] - 1)
            cut = tuple(size for size in sizes if size)
            parts.append(x if len(cut) == 1 else self._split(x, cut)[1 if run[0] else 0])
        return parts[0] if len(parts) == 1 else layers.Concatenate()(parts)

    def _name(self, wish: str) -> str | None:
        """Return a name for a layer, if this one will do and is not given yet."""
        name = wish.replace("/", ".").strip(".")
        automatic = re.fullmatch(rf"({'|'.join(Layer.table)})_\d+", name)
        good = name.isprintable() and re.search("[a-zA-Z]", name) and name != "state"
        if automatic or not good or name in self._names:
            return None
        self._names.add(name)
        return name


def build(
    inputs: Mapping[str, Ref], outputs: Mapping[str, Ref], name: str, dtype: str, where: str
) -> Model:
    """Return the model of a graph.

    Parameters
    ----------
    inputs, outputs : mapping of str to Ref
        By their names in the file.
    name, dtype : str
    where : str
        Begins messages.

    Raises
    ------
    ValueError
        If a weight is NaN or infinite.
    """
    builder = _Builder()
    starts = {key: builder.start(key, ref) for key, ref in inputs.items()}
    for op in live_ops(list(outputs.values())):
        if op.kind != "input":
            builder.add(op)
    ends = {key: builder.tensors[id(ref.op), ref.output] for key, ref in outputs.items()}
    chain = _chain(list(starts.values()), list(ends.values()))
    model: Model
    if chain is not None:
        model = Sequential(chain, name=name, seed=0, dtype=dtype)
    else:
        first = next(iter(starts.values())) if len(starts) == 1 else starts
        last = next(iter(ends.values())) if len(ends) == 1 else ends
        model = Model(first, last, name=name, seed=0, dtype=dtype)
    _fill(model, builder.arrays, where)
    return model


def _chain(starts: Sequence[Input], ends: Sequence[Tensor]) -> list[Layer] | None:
    """Return the layers in their order if each reads the one before it alone."""
    if len(starts) != 1 or len(ends) != 1:
        return None
    found: list[Layer] = []
    node = ends[0].node
    while len(node.inputs) == 1 and len(node.units) == 1:
        found.insert(0, node.layer)
        node = node.inputs[0].node
    shared = len({id(layer) for layer in found}) < len(found)
    if node.layer is not starts[0] or shared or not found:
        return None
    return [starts[0], *found]


def _fill(model: Model, arrays: Mapping[int, tuple[Layer, dict[str, Const]]], where: str) -> None:
    """Write the constants into the model's arrays."""
    views = {**model.parameters, **model.state}
    for layer, name in zip(model.layers, model.layer_names, strict=True):
        for key, const in arrays.get(id(layer), (layer, {}))[1].items():
            view = views[f"{name}/{key}"]
            with np.errstate(over="ignore"):
                view[...] = const.array.reshape(view.shape)
            if not np.isfinite(view).all():
                raise ValueError(
                    f"{where}: the weights {const.name!r} hold NaN or Inf, or numbers beyond "
                    f"{model.dtype}"
                )
