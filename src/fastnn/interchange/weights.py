"""Arrays of other libraries, put into a model: from a safetensors file or from their objects."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fastnn._spec import describe, lookup

if TYPE_CHECKING:
    from fastnn.model import Model

__all__ = ["fill", "load_weights"]

Array = npt.NDArray[Any]

_DTYPES = {
    "BOOL": "?",
    **{f"{kind}{bits}": f"<{kind.lower()}{bits // 8}" for kind in "IU" for bits in (8, 16, 32, 64)},
    **{f"F{bits}": f"<f{bits // 8}" for bits in (16, 32, 64)},
}
# What PyTorch calls the arrays of a layer.
_THEIR_KEYS = {
    "kernel": "weight",
    "gamma": "weight",
    "alpha": "weight",
    "embeddings": "weight",
    "bias": "bias",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
_COUNTER = "num_batches_tracked"  # of PyTorch's batch norm, which only counts

Shapes = tuple[tuple[str, tuple[int, ...]], ...]  # of a layer, by PyTorch's keys


def load_weights(
    model: Model, path: str | os.PathLike[str], *, mapping: Mapping[str, str] | None = None
) -> None:
    """Take the weights of a safetensors file; see `fastnn.Model.load_weights`."""
    where = "load_weights"
    tensors = _read(path, where)
    ours = {**model.parameters, **{f"state/{key}": view for key, view in model.state.items()}}
    given: object = mapping
    if mapping is None and tensors.keys() == ours.keys():
        pairs = {name: name for name in (*model.parameters, *model.state)}
        pairs |= {name: f"state/{name}" for name in model.state}
    elif mapping is None:
        pairs = _match(model, tensors, os.fsdecode(path), where)
    elif isinstance(given, Mapping):
        pairs = dict(mapping)
    else:
        raise TypeError(
            f"{where}: mapping must map this model's names to the file's, got {describe(given)}"
        )
    values = {**model.parameters, **model.state}
    for mine, theirs in pairs.items():
        lookup("parameter", mine, values, where)
        lookup("tensor", theirs, tensors, f"{where}: {os.fsdecode(path)}")
    found = {}
    for mine, theirs in pairs.items():
        array = tensors[theirs]
        linear = mine.endswith("/kernel") and theirs.endswith("weight") and array.ndim == 2
        if linear:
            array = array.T  # PyTorch's are (outputs, inputs)
        if mine.endswith("/alpha") and array.shape == (1,):
            array = np.broadcast_to(array, values[mine].shape)
        found[mine] = array
    fill(model, found, where, {mine: f"{mine} from {theirs}" for mine, theirs in pairs.items()})


def fill(
    model: Model,
    arrays: Mapping[str, Array],
    where: str,
    labels: Mapping[str, str] | None = None,
) -> None:
    """Set parameters and state by name: all that are given, or none if one does not fit.

    Raises
    ------
    ValueError
        Names each one whose shape is another, or that has NaN or Inf in the model's dtype.
    """
    views = {**model.parameters, **model.state}
    wrong = []
    cast = {}
    for name, array in arrays.items():
        label = labels[name] if labels else name
        with np.errstate(over="ignore"):
            cast[name] = array.astype(model.dtype)
        if array.shape != views[name].shape:
            wrong.append(f"{label} has shape {array.shape}, want {views[name].shape}")
        elif not np.isfinite(cast[name]).all():
            wrong.append(f"{label} has values that are not finite in {model.dtype}")
    if wrong:
        raise ValueError(f"{where}: {'; '.join(wrong)}")
    arena = model.snapshot()
    into = {**model._views(arena, trained=True), **model._views(arena, trained=False)}
    for name, array in cast.items():
        into[name][...] = array
    model.restore(arena)


def _read(path: str | os.PathLike[str], where: str) -> dict[str, Array]:
    """Return the tensors of a file; bfloat16 as float32."""
    from safetensors import SafetensorError, deserialize

    with open(path, "rb") as file:
        content = file.read()
    name = os.fsdecode(path)
    try:
        listed = deserialize(content)  # type: ignore[no-untyped-call]
    except SafetensorError as error:
        raise ValueError(
            f"{where}: {name} is not a whole safetensors file, or none at all"
        ) from error
    found: dict[str, Array] = {}
    for key, facts in listed:
        data, kind = facts["data"], facts["dtype"]
        if kind == "BF16":  # the upper half of a float32
            array = (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
        elif kind in _DTYPES:
            array = np.frombuffer(data, _DTYPES[kind])
        else:
            raise ValueError(
                f"{where}: {name} has {key} as {kind}; want float64, 32, 16 or bfloat16"
            )
        found[key] = array.reshape(facts["shape"])
    return found


def _match(model: Model, tensors: Mapping[str, Array], file: str, where: str) -> dict[str, str]:
    """Return the file's tensor for each of the model's arrays, layer by layer.

    Layers meet by their shapes; of several with the same shapes the names must be the model's, or
    differ in numbers alone.
    """
    theirs: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, array in tensors.items():
        prefix, _, key = name.rpartition(".")
        if key != _COUNTER:
            theirs.setdefault(prefix, {})[key] = array.shape
    free = {prefix: tuple(sorted(found.items())) for prefix, found in theirs.items()}
    layers = _our_layers(model)
    waiting: dict[Shapes, list[str]] = {}
    for layer, names in layers.items():
        waiting.setdefault(_shapes_of(model, names, set(free.values())), []).append(layer)
    pairs: dict[str, str] = {}
    wrong: list[str] = []
    for shapes, mine in waiting.items():
        fitting = [prefix for prefix, have in free.items() if have == shapes]
        if set(mine) == set(fitting):
            fitting = mine
        elif len({re.sub(r"\d+", "#", prefix) for prefix in fitting}) > 1:
            wrong.append(
                f"{', '.join(sorted(fitting))} are alike in their shapes, and their names do not "
                f"say which of {', '.join(mine)} each is"
            )
        elif len(fitting) != len(mine):
            wrong.append(
                f"{', '.join(mine)} want {_said(shapes)}, which {len(fitting)} layers there have"
            )
        else:
            fitting.sort(key=_natural)
        for prefix in fitting:
            del free[prefix]
        for layer, prefix in zip(mine, fitting, strict=False):
            for key, name in layers[layer].items():
                pairs[name] = f"{prefix}.{key}" if prefix else key
    wrong += [
        f"{name or 'the file'} has {_said(have)}: no such layer here" for name, have in free.items()
    ]
    if wrong:
        raise ValueError(
            f"{where}: {file} does not fit the model: {'; '.join(wrong)}.  "
            f"mapping={{'{next(iter(pairs or model.parameters), '')}': 'their name', ...}} says it"
        )
    return pairs


def _our_layers(model: Model) -> dict[str, dict[str, str]]:
    """Return the layers that PyTorch has: the name of each array by PyTorch's key."""
    found: dict[str, dict[str, str]] = {}
    for name in (*model.parameters, *model.state):
        layer, _, key = name.rpartition("/")
        if key.startswith("embeddings_"):  # a table for each column is a layer there
            layer, key = name, "embeddings"
        if key in _THEIR_KEYS:  # but for those of a `Normalization`
            found.setdefault(layer, {})[_THEIR_KEYS[key]] = name
    return found


def _shapes_of(model: Model, names: Mapping[str, str], there: set[Shapes]) -> Shapes:
    """Return the shapes that a layer has in PyTorch."""
    values = {**model.parameters, **model.state}
    shapes = {key: values[name].shape for key, name in names.items()}
    if names.get("weight", "").endswith("/kernel"):
        shapes["weight"] = shapes["weight"][::-1]
    single: Shapes = (("weight", (1,)),)
    found = tuple(sorted(shapes.items()))
    if names.get("weight", "").endswith("/alpha") and found not in there and single in there:
        return single  # a PReLU with one alpha for all columns
    return found


def _said(shapes: Shapes) -> str:
    return ", ".join(f"{key} {shape}" for key, shape in shapes)


def _natural(prefix: str) -> list[Any]:
    """Sort "2" before "10"."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", prefix)]
