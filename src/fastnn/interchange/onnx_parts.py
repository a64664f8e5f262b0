"""What operators are put together from: activations, and sums and products with constants."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import activations
from fastnn.interchange.onnx_reader import Call
from fastnn.interchange.onnx_values import Const, Rows, Unsupported

__all__ = ["act", "affine", "negated", "per_column", "shift", "times", "uniform", "widen"]

Array = npt.NDArray[Any]


def uniform(value: float, like: Rows) -> Const:
    """Return a constant with one number for all columns."""
    return Const(np.full(like.ref.units, value), "number")


def per_column(call: Call, rows: Rows, const: Const) -> tuple[Rows, Const]:
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
    wide = widen(call, rows, dims)
    flat = call.derive(
        const,
        f"columns {dims}",
        lambda a: np.broadcast_to(a.reshape(lengths[1:]), dims).reshape(-1).astype(a.dtype),
    )
    return wide, flat


def widen(call: Call, rows: Rows, dims: tuple[int, ...]) -> Rows:
    """Return rows whose columns are repeated along axes of length 1: a product with 0 and 1."""
    if rows.dims == dims:
        return rows
    places = np.arange(rows.ref.units).reshape(rows.dims)
    source = np.broadcast_to(places, dims).reshape(-1)
    kernel = (np.arange(rows.ref.units)[:, None] == source).astype(np.float32)
    return call.make("dense", [rows], dims, {"kernel": Const(kernel, "")}, frozen=True)


def act(call: Call, rows: Rows, activation: activations.Activation) -> Rows:
    """Return ``activation(x)``."""
    return call.make("activation", [rows], rows.dims, activation=activation)


def shift(call: Call, rows: Rows, const: Const, *, minus: bool = False) -> Rows:
    """Return ``x + const`` or ``x - const``."""
    wide, flat = per_column(call, rows, const)
    return call.make("scale", [wide], wide.dims, {"mean": flat}, invert=not minus)


def times(call: Call, rows: Rows, const: Const) -> Rows:
    """Return ``x * const``."""
    wide, flat = per_column(call, rows, const)
    return call.make("scale", [wide], wide.dims, {"scale": flat})


def affine(call: Call, rows: Rows, scale: Array | float, shift: Array | float) -> Rows:
    """Return ``x * scale + shift``."""
    consts = {
        key: Const(np.broadcast_to(np.asarray(value, np.float64), rows.ref.units), "number")
        for key, value in (("scale", scale), ("mean", shift))
    }
    return call.make("scale", [rows], rows.dims, consts, invert=True)


def negated(call: Call, rows: Rows) -> Rows:
    """Return ``-x``."""
    return call.make("scale", [rows], rows.dims, {"scale": uniform(-1, rows)})
