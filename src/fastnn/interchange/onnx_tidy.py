"""Merges the ops of a graph that was read, so that they become as few layers as can be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fastnn.interchange.onnx_values import Const, Op, Ref

__all__ = ["live_ops", "tidy"]


def live_ops(ends: Sequence[Ref]) -> list[Op]:
    """Return the ops that outputs need, each after those that it reads."""
    order: dict[int, Op] = {}
    stack = [(ref.op, False) for ref in reversed(ends)]
    while stack:
        op, ready = stack.pop()
        if id(op) in order:
            continue
        if ready:
            order[id(op)] = op
            continue
        stack.append((op, True))
        stack += [(ref.op, False) for ref in reversed(op.inputs)]
    return list(order.values())


def tidy(ends: Sequence[Ref]) -> list[Ref]:
    """Return the outputs of the graph after merging ops that nobody else reads between.

    ``x @ kernel``, then ``+ bias``, then ``relu`` becomes one dense layer, and so on.
    """
    readers = Counter((id(ref.op), ref.output) for ref in ends)
    ops = live_ops(ends)
    for op in ops:
        readers.update((id(ref.op), ref.output) for ref in op.inputs)
    moved: dict[int, Op] = {}
    for op in ops:
        inputs = tuple(Ref(moved.get(id(ref.op), ref.op), ref.output) for ref in op.inputs)
        alone = all(readers[id(ref.op), ref.output] == 1 for ref in op.inputs)
        now = op if inputs == op.inputs else replace(op, inputs=inputs)
        merged = _merge(now, readers) if alone and inputs else None
        now = now if merged is None else merged
        moved[id(op)] = now
        for index in range(len(op.units)):
            readers[id(now), index] = readers[id(op), index]
    return [Ref(moved[id(ref.op)], ref.output) for ref in ends]


def _merge(op: Op, readers: Counter[tuple[int, int]]) -> Op | None:
    """Return one op for `op` and the one before, which nobody else reads; None if none is."""
    before = op.inputs[0].op
    if op.kind == "activation" and before.kind in ("dense", "bilinear"):
        if "activation" not in before.settings:
            return replace(before, units=op.units, settings=before.settings | op.settings)
    elif op.kind == "scale":
        return _merge_scale(before, op)
    elif op.kind == "combine" and op.settings["how"] == "maximum":
        return _merge_maxout(op, readers)
    elif op.kind == "concatenate":
        return _merge_embeddings(op)
    return None


def _changed(const: Const, other: Const, how: Any) -> Const:
    return Const(how(const.array.astype(np.float64), other.array.astype(np.float64)), const.name)


def _merge_scale(before: Op, op: Op) -> Op | None:
    """Merge ``x * scale + mean`` ("invert") or ``(x - mean) * scale``; either may be missing."""
    mean, scale = op.consts.get("mean"), op.consts.get("scale")
    invert = bool(op.settings.get("invert"))
    had = before.consts
    if before.kind in ("dense", "bilinear") and "activation" not in before.settings:
        if mean is not None and scale is None and not before.settings.get("frozen"):
            bias = mean if invert else Const(-mean.array, mean.name)
            if "bias" in had:
                bias = _changed(had["bias"], bias, np.add)
            return replace(before, consts=had | {"bias": bias})
    elif before.kind in ("layer_norm", "rms_norm"):
        if scale is not None and mean is None and not had:
            return replace(before, consts={"gamma": scale})
        if before.kind == "layer_norm" and mean is not None and scale is None and "beta" not in had:
            beta = mean if invert else Const(-mean.array, mean.name)
            return replace(before, consts=had | {"beta": beta})
    elif before.kind == "scale":
        return _merge_scales(before, op)
    return None


def _merge_scales(before: Op, op: Op) -> Op | None:
    first = (before.consts.get("mean"), before.consts.get("scale"))
    then = (op.consts.get("mean"), op.consts.get("scale"))
    if first[1] is None and then[0] is None and first[0] is not None and then[1] is not None:
        mean = first[0]  # x - mean, or x + mean; then times scale
        if before.settings.get("invert"):
            mean = Const(-mean.array, mean.name)
        consts = {"mean": mean, "scale": then[1]}
        return replace(before, consts=consts, settings={"invert": False})
    if first[0] is None and then[1] is None and first[1] is not None and then[0] is not None:
        mean = then[0]  # x times scale; then minus or plus mean
        if not op.settings.get("invert"):
            mean = Const(-mean.array, mean.name)
        consts = {"mean": mean, "scale": first[1]}
        return replace(before, consts=consts, settings={"invert": True})
    if first[0] is None and then[0] is None and first[1] is not None and then[1] is not None:
        return replace(before, consts={"scale": _changed(first[1], then[1], np.multiply)})
    return None


def _merge_maxout(op: Op, readers: Counter[tuple[int, int]]) -> Op | None:
    """The largest of all equal parts of a dense layer is a maxout layer."""
    cut = op.inputs[0].op
    pieces = tuple(Ref(cut, i) for i in range(len(cut.units)))
    if cut.kind != "split" or op.inputs != pieces or len(set(cut.units)) > 1:
        return None
    dense = cut.inputs[0].op
    if dense.kind != "dense" or dense.settings or readers[id(dense), 0] != 1:
        return None
    return Op("maxout", dense.inputs, op.units, dense.consts, {"pieces": len(pieces)})


def _merge_embeddings(op: Op) -> Op | None:
    """Lookups by several columns of one input are one layer with a table for each."""
    parts = [ref.op for ref in op.inputs]
    root = parts[0].inputs
    if any(part.kind != "embedding" or part.inputs != root for part in parts):
        return None
    tables = [table for part in parts for table in part.consts.values()]
    if len({id(table) for table in tables}) < len(tables):
        return None  # a table that serves several columns is a shared layer
    columns = tuple(column for part in parts for column in part.settings["columns"])
    consts = {f"embeddings_{i}": table for i, table in enumerate(tables)}
    return Op("embedding", root, op.units, consts, {"columns": columns})
