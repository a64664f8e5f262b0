"""Operators that move axes about, and those that compute with shapes.

Rows lie flat whatever their axes in ONNX, so most of these change nothing but ``dims``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn.interchange.onnx_reader import Call, Handler, Value
from fastnn.interchange.onnx_values import BATCH, Const, Op, Ref, Rows, Sizes, Unsupported

__all__ = ["SHAPES", "column_axis", "take_columns"]


def sizes(items: npt.NDArray[np.object_]) -> Sizes | Const:
    """Return integers that were computed from a shape: a constant if the batch is not in them."""
    if any(item is BATCH for item in items.ravel()):
        return Sizes(items)
    return Const(items.astype(np.int64), "shape")


def shape(call: Call) -> Value:
    """Shape: the batch, then axes that are known."""
    rows = call.inputs[0]
    if not isinstance(rows, Rows):
        raise Unsupported("it is the shape of no rows")
    items = np.empty(rows.rank, object)
    items[:] = [BATCH, *rows.dims]
    return sizes(items[call.attribute("start", 0) : call.attribute("end", rows.rank)])


def _elements(value: Value) -> npt.NDArray[Any]:
    if isinstance(value, Sizes):
        return value.items
    if isinstance(value, Const):
        return value.array
    raise Unsupported("it mixes shapes with rows")


def _axis(call: Call, rows: Rows, axis: int) -> int:
    """Return an axis counted from 0; refuse the batch."""
    found = axis + rows.rank if axis < 0 else axis
    if not 0 < found < rows.rank:
        raise Unsupported(f"axis {axis} is the batch, or none, of a tensor of rank {rows.rank}")
    return found


def column_axis(call: Call, rows: Rows, axis: int) -> int:
    """Return the columns along an axis that nothing varies before: they lie side by side."""
    found = _axis(call, rows, axis)
    if math.prod(rows.dims[: found - 1]) != 1:
        raise Unsupported(f"axis {axis} of a tensor of rank {rows.rank}; want the columns of rows")
    return found


def take_columns(call: Call, rows: Rows, columns: Sequence[int], dims: tuple[int, ...]) -> Rows:
    """Return some columns, flat; all of them in order are the rows themselves."""
    if list(columns) == list(range(rows.ref.units)):
        return replace(rows, dims=dims)
    made = call.make("columns", [rows], dims, columns=tuple(columns))
    return replace(made, integer=rows.integer, cut=rows.cut)


def _any_rows(call: Call, index: int = 0) -> Rows:
    """Return an input that must be rows, cut off or not."""
    value = call.inputs[index]
    return value if isinstance(value, Rows) else call.rows(index)


def _target(call: Call) -> list[Any]:
    value = call.inputs[1]
    return list(_elements(value).ravel())


def reshape(call: Call) -> Value:
    """Reshape: the batch must stay the first axis."""
    if isinstance(call.inputs[0], Sizes):
        return sizes(call.inputs[0].items.reshape([int(n) for n in _target(call)]))
    rows, target = _any_rows(call), _target(call)
    cols = math.prod(rows.dims)
    if not target:
        raise Unsupported("it makes a scalar of all rows")
    first, rest = target[0], target[1:]
    if first == 0 and not call.attribute("allowzero", 0):
        first = BATCH
    rest = [rows.dims[i] if n == 0 and i < len(rows.dims) else n for i, n in enumerate(rest)]
    if any(n is BATCH for n in rest):
        raise Unsupported("the batch does not stay the first axis")
    known = math.prod(n for n in rest if n != -1)
    if -1 in rest:
        rest[rest.index(-1)] = cols // known if known else 0
    # A number in place of the batch: the rows that the file was made with.
    if math.prod(rest) != cols:
        shown = ", ".join(map(str, target))
        if first != -1 or cols % max(1, math.prod(rest)) or not call.reader.is_end(call.node):
            raise Unsupported(f"it makes ({shown}) of rows with {cols} columns")
        call.reader.notes.append(
            f"{call.node.output[0]!r} would stack the {cols} columns of each row, as ({shown}); "
            f"the model gives them as columns"
        )
        return rows
    return replace(rows, dims=tuple(int(n) for n in rest))


def flatten(call: Call) -> Value:
    """Flatten: to the batch and one axis."""
    rows = _any_rows(call)
    axis = call.attribute("axis", 1)
    axis = axis + rows.rank if axis < 0 else axis
    if axis < 1 or math.prod(rows.dims[: axis - 1]) != 1:
        raise Unsupported(f"axis {axis} puts columns into the batch")
    return replace(rows, dims=(math.prod(rows.dims),))


def squeeze(call: Call) -> Value:
    """Squeeze: axes of length 1 go."""
    axes = call.integers(1, "axes")
    if isinstance(call.inputs[0], Sizes):
        items = call.inputs[0].items
        return sizes(np.array(items.reshape(-1)[0], object) if items.size == 1 else items)
    rows = _any_rows(call)
    if axes is None:
        return replace(rows, dims=tuple(n for n in rows.dims if n != 1))
    gone = {_axis(call, rows, axis) - 1 for axis in axes}
    if any(rows.dims[i] != 1 for i in gone):
        raise Unsupported(f"the axes {axes} are not all of length 1")
    return replace(rows, dims=tuple(n for i, n in enumerate(rows.dims) if i not in gone))


def unsqueeze(call: Call) -> Value:
    """Unsqueeze: new axes of length 1, none before the batch."""
    axes = call.integers(1, "axes") or []
    if isinstance(call.inputs[0], Sizes):
        return sizes(call.inputs[0].items.reshape(1))
    rows = _any_rows(call)
    rank = rows.rank + len(axes)
    places = {axis + rank if axis < 0 else axis for axis in axes}
    if 0 in places:
        raise Unsupported("it puts an axis before the batch")
    if len(places) < len(axes) or not all(0 < place < rank for place in places):
        raise Unsupported(f"the axes {axes} are none of a tensor of rank {rank}")
    old = iter(rows.dims)
    return replace(rows, dims=tuple(1 if i in places else next(old) for i in range(1, rank)))


def transpose(call: Call) -> Value:
    """Transpose, where only axes of length 1 change their place."""
    rows = _any_rows(call)
    order = call.attribute("perm") or list(range(rows.rank))[::-1]
    moved = [axis for axis in order[1:] if rows.dims[axis - 1] != 1] if order[0] == 0 else []
    if order[0] != 0 or moved != sorted(moved):
        raise Unsupported(f"it changes the order of axes, to {list(order)}")
    return replace(rows, dims=tuple(rows.dims[axis - 1] for axis in order[1:]))


def expand(call: Call) -> Value:
    """Expand to the shape that is there already."""
    rows, target = _any_rows(call), _target(call)
    shown = ", ".join(map(str, target))
    rest = target[1:] if len(target) == rows.rank else target
    if len(target) > rows.rank or (len(target) == rows.rank and target[0] not in (1, BATCH)):
        raise Unsupported(f"it repeats rows, to ({shown})")
    dims = rows.dims[len(rows.dims) - len(rest) :]
    if any(want not in (1, have) for want, have in zip(rest, dims, strict=True)):
        raise Unsupported(f"it repeats columns, to ({shown})")
    return rows


def identity(call: Call) -> Value:
    """Identity."""
    return call.inputs[0]


def cast(call: Call) -> Value:
    """Cast: floats are computed in the model's own type; integers may be looked up."""
    value = call.inputs[0]
    if not isinstance(value, Rows):
        return value
    onnx = call.reader.onnx
    dtype = onnx.helper.tensor_dtype_to_np_dtype(call.attribute("to"))
    if dtype in (np.float16, np.float32, np.float64):
        return replace(call.rows(), integer=False)
    if dtype.kind in "iu":
        return replace(value, integer=True, cut=value.cut or not value.integer)
    raise Unsupported(f"it makes {dtype.name} of rows")


def concat(call: Call) -> Value:
    """Concat of columns, or of shapes."""
    if any(isinstance(value, Sizes) for value in call.inputs):
        parts = [np.atleast_1d(_elements(value)) for value in call.inputs]
        return sizes(np.concatenate([part.astype(object) for part in parts]))
    parts_of_rows = [call.rows(i) for i in range(len(call.inputs))]
    first = parts_of_rows[0]
    axis = column_axis(call, first, call.attribute("axis"))
    others = [(*rows.dims[: axis - 1], *rows.dims[axis:]) for rows in parts_of_rows]
    if len(set(others)) > 1:
        raise Unsupported("its inputs differ in more than one axis")
    if len(parts_of_rows) == 1:
        return first
    total = sum(rows.dims[axis - 1] for rows in parts_of_rows)
    return call.make(
        "concatenate", parts_of_rows, (*first.dims[: axis - 1], total, *first.dims[axis:])
    )


def split(call: Call) -> Value | list[Value]:
    """Split of columns."""
    rows = _any_rows(call)
    axis = column_axis(call, rows, call.attribute("axis", 0))
    length, rest = rows.dims[axis - 1], math.prod(rows.dims[axis:])
    count = len(call.node.output)
    parts = call.integers(1, "split")
    if parts is None:
        each = -(-length // count)
        parts = [each] * (count - 1) + [length - each * (count - 1)]
    if min(parts) < 1 or sum(parts) != length:
        raise Unsupported(f"the parts {parts} of {length} columns")
    if count == 1:
        return rows
    op = Op("split", (rows.ref,), tuple(part * rest for part in parts))
    return [
        Rows(Ref(op, i), (*rows.dims[: axis - 1], part, *rows.dims[axis:]), rows.integer, rows.cut)
        for i, part in enumerate(parts)
    ]


def slice_(call: Call) -> Value:
    """Slice of columns, or of shapes."""
    begins, ends = call.integers(1) or [], call.integers(2) or []
    axes = call.integers(3) or list(range(len(begins)))
    steps = (call.integers(4) if call.has(4) else None) or [1] * len(begins)
    value = call.inputs[0]
    if isinstance(value, Sizes):
        return sizes(value.items[begins[0] : ends[0] : steps[0]])
    rows = _any_rows(call)
    if rows.rank - 1 < 1:
        raise Unsupported("it cuts the batch")
    places = np.arange(rows.ref.units).reshape(rows.dims)
    for begin, end, axis, step in zip(begins, ends, axes, steps, strict=True):
        at = axis + rows.rank if axis < 0 else axis
        if at == 0 and begin == 0 and step == 1 and end >= 2**31 - 1:
            continue
        at = _axis(call, rows, axis) - 1
        # An end far below 0 means: to the first one, backwards.
        stop = None if step < 0 and end < -rows.dims[at] else end
        places = places[(slice(None),) * at + (slice(begin, stop, step),)]
    if not places.size:
        raise Unsupported("it takes no columns")
    return take_columns(call, rows, places.ravel().tolist(), places.shape)


def gather(call: Call) -> Value:
    """Gather: columns by constant places, or rows of a table by numbers that come in."""
    axis = call.attribute("axis", 0)
    value, places = call.inputs[0], call.inputs[1]
    if isinstance(value, Sizes):
        return sizes(np.array(value.items[call.const(1).array], object))
    if isinstance(value, Rows):
        at = _axis(call, value, axis) - 1
        grid = np.arange(value.ref.units).reshape(value.dims)
        numbers = call.const(1).array
        length = value.dims[at]
        if not ((-length <= numbers) & (numbers < length)).all():
            raise Unsupported(f"it takes columns that are not there; there are {length}")
        found = np.take(grid, numbers, axis=at)
        return take_columns(call, value, found.ravel().tolist(), found.shape)
    if not isinstance(places, Rows):
        raise Unsupported("its places are no rows")
    if axis not in (0, -call.const(0).array.ndim):
        raise Unsupported(f"axis {axis} of a table; want 0")
    return _embedding(call, places)


def _embedding(call: Call, places: Rows) -> Rows:
    table = call.derive(call.const(0), "table", lambda array: array.reshape(len(array), -1))
    if table.array.dtype.kind != "f" or not table.array.size:
        raise Unsupported(f"it looks up {table.array.dtype.name} in a table {table.array.shape}")
    cols = table.array.shape[1]
    found = []
    for column in range(places.ref.units):
        root, number = _trace(places.ref, column)
        op = Op("embedding", (root,), (cols,), {"embeddings": table}, {"columns": (number,)})
        found.append(Rows(Ref(op), (cols,)))
    dims = (*places.dims, *call.const(0).array.shape[1:])
    if len(found) == 1:
        return replace(found[0], dims=dims)
    return call.make("concatenate", found, dims)


def _trace(ref: Ref, column: int) -> tuple[Ref, int]:
    """Return the input that a column comes from, and its number there."""
    op = ref.op
    while op.kind != "input":
        if op.kind == "split":
            column += sum(op.units[: ref.output])
            ref = op.inputs[0]
        elif op.kind == "columns":
            column = op.settings["columns"][column]
            ref = op.inputs[0]
        elif op.kind == "concatenate":
            for one in op.inputs:
                if column < one.units:
                    ref = one
                    break
                column -= one.units
        else:
            raise Unsupported("the numbers it looks up are computed; want columns of an input")
        op = ref.op
    return Ref(op), column


def extract_features(call: Call) -> Value:
    """ArrayFeatureExtractor of scikit-learn's pipelines: columns by constant places."""
    rows = _any_rows(call)
    places = [int(one) for one in call.const(1).array.ravel()]
    if rows.rank != 2:
        raise Unsupported(f"it reads a tensor of rank {rows.rank}")
    return take_columns(call, rows, places, (len(places),))


SHAPES: dict[str, Handler] = {
    "Cast": cast,
    "Concat": concat,
    "Expand": expand,
    "Flatten": flatten,
    "Gather": gather,
    "Identity": identity,
    "Reshape": reshape,
    "Shape": shape,
    "Slice": slice_,
    "Split": split,
    "Squeeze": squeeze,
    "Transpose": transpose,
    "Unsqueeze": unsqueeze,
    "ai.onnx.ml.ArrayFeatureExtractor": extract_features,
    "ai.onnx.ml.ZipMap": identity,
}
