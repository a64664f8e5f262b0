"""Where the arrays of a model lie: one vector, cut into layers' weights and state."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from fastnn import data
from fastnn._spec import describe, lookup
from fastnn.layers import Layer, Units, Weight

__all__ = ["DTYPES", "Slot", "check_dtype", "check_weights", "draw", "lay_out", "views"]

Array = npt.NDArray[Any]

DTYPES: dict[str, np.dtype[Any]] = {name: np.dtype(name) for name in ("float32", "float64")}

ALIGNED_FROM = 1024  # parameters of at least this many elements begin on a cache line
LINE_BYTES = 64


class Slot(NamedTuple):
    """Where an array of a layer lies in the arena."""

    name: str
    offset: int
    weight: Weight
    trainable: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return self.weight.shape

    @property
    def size(self) -> int:
        """Its elements."""
        return math.prod(self.weight.shape)


def lay_out(
    layers: Sequence[Layer],
    names: Sequence[str],
    units: Sequence[Units],
    dtype: str,
    who: str,
) -> tuple[list[Slot], int]:
    """Return where each array lies in the arena, and the arena's length in elements.

    `units` are the columns of each layer's inputs.
    """
    slots: list[Slot] = []
    end = 0
    line = LINE_BYTES // DTYPES[dtype].itemsize
    for layer, name, cols in zip(layers, names, units, strict=True):
        for key, weight in layer.weights(cols).items():
            size = math.prod(weight.shape)
            if size >= ALIGNED_FROM:
                end = -(-end // line) * line
            trainable = weight.trained and weight.trainable and layer.trainable
            slots.append(Slot(f"{name}/{key}", end, weight, trainable))
            end += size
            if end > data.MAX_ELEMENTS:
                raise ValueError(
                    f"{who}: layer {name!r} brings the parameters to {end}; "
                    f"want at most {data.MAX_ELEMENTS}"
                )
    return slots, end


def views(slots: Sequence[Slot], arena: Array, *, trained: bool) -> Mapping[str, Array]:
    """Return the parameters in an arena, or what is kept but not trained, by name."""
    return MappingProxyType(
        {
            slot.name: arena[slot.offset : slot.offset + slot.size].reshape(slot.weight.shape)
            for slot in slots
            if slot.weight.trained == trained
        }
    )


def draw(slots: Sequence[Slot], arena: Array, seed: int, who: str, *, first: bool) -> None:
    """Set what has an initializer; arrays that were given are set once."""
    into = {**views(slots, arena, trained=True), **views(slots, arena, trained=False)}
    for index, slot in enumerate(slots):
        start = slot.weight.initializer
        if not isinstance(start, np.ndarray):
            try:
                drawn = start(slot.weight.shape, seed=seed, index=index)
            except ValueError as error:
                raise ValueError(f"{who}: {slot.name}: {error}") from error
            except Exception as error:
                error.add_note(f"raised by the initializer of {slot.name}")
                raise
            into[slot.name][...] = drawn
        elif first:
            into[slot.name][...] = start


def check_weights(
    weights: object, parameters: Mapping[str, Array], dtype: str, where: str
) -> dict[str, Array]:
    """Return the arrays that a person gives for parameters, by name, if all of them fit."""
    if not isinstance(weights, (Mapping, Sequence)) or isinstance(weights, (str, bytes)):
        raise TypeError(
            f"{where}: weights must be a list of arrays or a mapping of names to arrays, "
            f"got {describe(weights)}"
        )
    if isinstance(weights, Mapping):
        for name in weights:
            lookup("parameter", name, parameters, where)
        named = dict(weights)
    else:
        if len(weights) != len(parameters):
            raise ValueError(
                f"{where}: got {len(weights)} arrays, want {len(parameters)}: "
                f"{', '.join(parameters)}"
            )
        named = dict(zip(parameters, weights, strict=True))
    checked = {}
    for name, value in named.items():
        array = data.as_array(value, where=where, name=name)
        want = parameters[name].shape
        if array.shape != want:
            raise ValueError(f"{where}: {name} has shape {array.shape}, want {want}")
        data.check_finite(array.reshape(len(array), -1), where=where, name=name, dtype=dtype)
        checked[name] = array
    return checked


def check_dtype(dtype: object, where: str) -> str:
    """Return the name of a dtype that a network can compute in."""
    try:
        name = "None" if dtype is None else np.dtype(cast(Any, dtype)).name
    except TypeError:
        name = str(dtype)
    if name not in DTYPES:
        raise ValueError(f"{where}: dtype must be float32 or float64, got {name}")
    return name
