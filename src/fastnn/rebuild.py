"""A model made again from its architecture: copies, pickles, files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from fastnn._spec import describe
from fastnn.forms import check_form
from fastnn.graph import Node, Tensor, apply
from fastnn.layers import Input, Layer

if TYPE_CHECKING:
    from fastnn.model import Model

__all__ = ["from_config", "rebuild"]

Array = npt.NDArray[Any]


def rebuild(
    cls: type[Model],
    layers: Sequence[Layer],
    table: Sequence[tuple[int, tuple[tuple[int, int], ...]]],
    ends: Sequence[tuple[int, int]],
    forms: tuple[Any, Any],
    rest: tuple[str, int | None, str, frozenset[str]],
    arena: Array | None = None,
) -> Model:
    """Build a model from its layers and their uses; the node of a use comes before its readers."""
    where = cls.__name__
    name, seed, dtype, frozen = rest
    nodes: list[Node] = []
    for number, reads in table:
        if not 0 <= number < len(layers) or not all(0 <= a < len(nodes) for a, _ in reads):
            raise ValueError(
                f"{where}: node {len(nodes)} reads a node that does not come before it, "
                f"or a layer that is not there"
            )
        layer = layers[number]
        if not all(0 <= b < len(nodes[a].units) for a, b in reads):
            raise ValueError(f"{where}: node {len(nodes)} reads an output that is not there")
        tensors = tuple(Tensor(nodes[a], b) for a, b in reads)
        if isinstance(layer, Input):
            if any(node.layer is layer for node in nodes):
                raise ValueError(f"{where}: two nodes are the input {layer!r}")
            nodes.append(Node(layer, (), (layer.units,)))
            continue
        made = apply(layer, tensors)
        nodes.append(made.node if isinstance(made, Tensor) else made[0].node)
    if not ends or not all(0 <= a < len(nodes) and 0 <= b < len(nodes[a].units) for a, b in ends):
        raise ValueError(f"{where}: an output is none of the nodes")
    starts = [Tensor(node) for node in nodes if isinstance(node.layer, Input)]
    for what, form, count in (("inputs", forms[0], len(starts)), ("outputs", forms[1], len(ends))):
        if count != (1 if form is None else len(form) if isinstance(form, tuple) else count):
            raise ValueError(f"{where}: got {count} {what}, which {form!r} does not fit")
    model = cls.__new__(cls)
    model._input_form, model._output_form = forms
    model._assemble(
        starts,
        [Tensor(nodes[a], b) for a, b in ends],
        name,
        seed,
        dtype,
    )
    if len(model._uses) < len(nodes) or len(model.layers) < len(layers):
        raise ValueError(f"{where}: a layer or node is there that no output needs")
    model._set_frozen(frozen)
    if arena is not None:
        model.restore(arena)
    return model


def from_config(
    cls: type[Model], config: Mapping[str, Any], custom_objects: Mapping[str, type[Any]] | None
) -> Model:
    """Build a model of a class, with initial weights; as `Model.from_config`."""
    from fastnn import nested  # noqa: F401  (makes the kind of a model in a model known)
    from fastnn.model import DEFAULT_NAME, Model
    from fastnn.sequential import Sequential

    where = f"{cls.__name__}.from_config"
    given: object = config
    kinds = {"sequential": Sequential, "model": Model}
    kind = config.get("kind") if isinstance(given, Mapping) else None
    if kind not in kinds or not issubclass(kinds[kind], cls):
        raise ValueError(f"{where}: want the config of a {cls.__name__}, got {describe(given)}")
    layers = config.get("layers")
    if not isinstance(layers, Sequence):
        raise ValueError(f"{where}: the config has no list of layers")
    found = [Layer.from_config(layer, custom_objects) for layer in layers]
    name: str = config.get("name", DEFAULT_NAME)
    seed: int | None = config.get("seed")
    dtype: str = config.get("dtype", "float32")
    if kind == "sequential":
        model = Sequential(found, name=name, seed=seed, dtype=dtype)
        model._set_frozen(frozenset(config.get("frozen", ())))
        return model
    try:
        table = [
            (int(node["layer"]), tuple((int(a), int(b)) for a, b in node["inputs"]))
            for node in config["nodes"]
        ]
        ends = tuple((int(a), int(b)) for a, b in config["outputs"]["nodes"])
        forms = (check_form(config["inputs"]), check_form(config["outputs"]["form"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{where}: the config's graph cannot be read: {error!r}") from None
    frozen = frozenset(config.get("frozen", ()))
    return rebuild(Model, found, table, ends, forms, (name, seed, dtype, frozen))
