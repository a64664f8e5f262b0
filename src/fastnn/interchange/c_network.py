"""What an exported network computes for a row: calls of C functions, and where values lie."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import numpy.typing as npt

from fastnn import lowering
from fastnn.interchange.c_functions import takes_alpha
from fastnn.interchange.c_names import Names
from fastnn.lowering import Lowering, Op

if TYPE_CHECKING:
    from fastnn.model import Model

__all__ = ["Row", "trace_row"]

Array = npt.NDArray[Any]

MERGES = ("add", "subtract", "multiply", "add", "maximum")  # by fnn_combine_t; 3 is the average
AVERAGE = 3
IN_PLACE = (
    *(lowering.ACTIVATION, lowering.SCALE, lowering.PRELU),
    *(lowering.BATCH_NORM, lowering.LAYER_NORM, lowering.COMBINE),
)


class _Tape(Lowering):
    """A lowering that keeps the layer of each op, and leaves out what is for training alone."""

    def __init__(self, inputs: Sequence[int], offsets: dict[str, int], dtype: str) -> None:
        super().__init__(inputs, offsets, dtype)
        self.layer_of: dict[int, str] = {}

    def _add(self, kind: int, inputs: tuple[int, ...], cols: int, **fields: Any) -> int:
        if kind in (lowering.NOISE, lowering.ACTIVITY):
            return inputs[0]
        out = super()._add(kind, inputs, cols, **fields)
        self.layer_of[out] = self.layer
        return out

    def function(
        self, x: int, forward: Callable[..., Any], backward: Callable[..., Any], units: int
    ) -> NoReturn:
        raise ValueError(
            f"export_c: the layer {self.layer!r} is a Python function (Lambda), which C cannot "
            f"call; build the model without it"
        )

    def ops_for(self, outputs: Sequence[int]) -> list[Op]:
        """Return the ops that are needed, with activations fused into dense ones."""
        self._fuse(set(outputs))
        needed = set(outputs)
        for op in reversed(self.ops):
            if op.out in needed:
                needed.update(op.inputs)
        return [op for op in self.ops if op.out in needed]


@dataclass
class Row:
    """What is computed for a row.

    Attributes
    ----------
    inputs, outputs : list of (str, int)
        The arguments' names and columns.
    calls : list of (str, list of str)
        The layer's name, and statements.
    buffers : list of (str, int)
        Values between layers, and how many.
    arrays : dict of str to ndarray
        The constants.
    checks : list of str
        Conditions that a row must meet: codes that tables have.
    functions : set of str
        The names of the C functions that are called.
    """

    inputs: list[tuple[str, int]]
    outputs: list[tuple[str, int]]
    calls: list[tuple[str, list[str]]] = field(default_factory=list)
    buffers: list[tuple[str, int]] = field(default_factory=list)
    arrays: dict[str, Array] = field(default_factory=dict)
    checks: list[str] = field(default_factory=list)
    functions: set[str] = field(default_factory=set)

    @property
    def scratch(self) -> int:
        """The numbers that lie between layers."""
        return sum(size for _, size in self.buffers)


def trace_row(model: Model, arrays: dict[str, Array], names: Names) -> Row:
    """Return what `model` computes for a row.

    Parameters
    ----------
    model : Model
    arrays : dict of str to ndarray
        Its parameters and state by "layer/array".
    names : Names
        What C names are taken; more are taken from it.

    Raises
    ------
    ValueError
        If a layer is a Python function.
    """
    offsets = {slot.name: slot.offset for slot in model._slots}
    tape = _Tape(model.input_cols, offsets, model.dtype)
    ends = model._lower(tape, "", tuple(range(len(model.input_cols))))
    ops = tape.ops_for(ends)
    plain_x, plain_y = model._input_form is None, model._output_form is None
    row = Row(
        [
            (names.take("x" if plain_x else name), cols)
            for name, cols in zip(model.input_names, model.input_cols, strict=True)
        ],
        [
            (names.take("y" if plain_y else name), cols)
            for name, cols in zip(model.output_names, model.output_cols, strict=True)
        ],
    )
    _Writer(row, tape, ops, ends, {at: arrays[name] for name, at in offsets.items()}, names).run()
    return row


class _Writer:
    """Writes the calls of a row, and finds a place for each value."""

    def __init__(
        self,
        row: Row,
        tape: _Tape,
        ops: list[Op],
        ends: Sequence[int],
        arrays: dict[int, Array],
        names: Names,
    ) -> None:
        self.row, self.tape, self.ops, self.ends = row, tape, ops, ends
        self.arrays, self.names = arrays, names
        self.names_at = {at: name for name, at in tape.offsets.items()}
        self.cols = tape.cols
        self.known: dict[tuple[int, str], str] = {}  # C names of the constants
        self.place: dict[int, str] = {i: name for i, (name, _) in enumerate(row.inputs)}
        self.buffers: list[str] = []
        self.sizes: list[int] = []
        self.free: list[int] = []  # of the buffers
        self.buffer_of: dict[int, int] = {}
        self.last_use = {x: i for i, op in enumerate(ops) for x in op.inputs}
        self.out_names: dict[int, str] = {}
        for x, (name, _) in zip(ends, row.outputs, strict=True):
            if x >= len(row.inputs):  # an input that is an output is copied at the end
                self.out_names.setdefault(x, name)

    def run(self) -> None:
        row = self.row
        for i, op in enumerate(self.ops):
            self._find_place(i, op)
            statements = getattr(self, f"_op_{KINDS[op.kind]}")(op)
            layer = self.tape.layer_of[op.out]
            if row.calls and row.calls[-1][0] == layer:
                row.calls[-1][1].extend(statements)
            elif statements:
                row.calls.append((layer, statements))
            for x in set(op.inputs):
                buffer = self.buffer_of.get(x)
                if self.last_use[x] == i and buffer is not None:
                    del self.buffer_of[x]
                    if buffer not in self.buffer_of.values():  # else the output took it over
                        self.free.append(buffer)
        for x, (name, cols) in zip(self.ends, row.outputs, strict=True):
            if self.place[x] != name:
                row.calls.append(("output", [self._call("copy", self.place[x], name, cols)]))
        row.buffers = list(zip(self.buffers, self.sizes, strict=True))

    def _find_place(self, i: int, op: Op) -> None:
        """Give the output of an op its argument, or a buffer that nobody needs any more."""
        if op.out in self.out_names:
            self.place[op.out] = self.out_names[op.out]
            return
        size = self.cols[op.out]
        first = op.inputs[0]
        if op.kind == lowering.SPLIT and first < len(self.row.inputs):
            self.place[op.out] = _shifted(self.place[first], op.number)  # of an input: as it lies
            return
        mine = self.buffer_of.get(first)
        # Of a merge of two the other input is read in step with the first.
        steps = op.kind in IN_PLACE and len(op.inputs) <= 2
        if steps and mine is not None and self.last_use[first] == i:
            buffer = mine
        else:
            fitting = [b for b in self.free if self.sizes[b] >= size]
            if fitting:
                buffer = min(fitting, key=lambda b: self.sizes[b])
            elif self.free:
                buffer = max(self.free, key=lambda b: self.sizes[b])
                self.sizes[buffer] = size
            else:
                buffer = len(self.sizes)
                self.sizes.append(size)
                self.buffers.append(self.names.take(f"values_{buffer}"))
            if buffer in self.free:
                self.free.remove(buffer)
        self.buffer_of[op.out] = buffer
        self.place[op.out] = self.buffers[buffer]

    # -- pieces of C ------------------------------------------------------------------------------

    def _call(self, name: str, *arguments: object) -> str:
        self.row.functions.add(name)
        return f"{name}({', '.join(map(str, arguments))});"

    def _constant(
        self, at: int, key: str = "", change: Callable[[Array], Array] | None = None
    ) -> str:
        """Return the C name of the array at this offset, or NULL."""
        if at < 0:
            return "NULL"
        if (at, key) not in self.known:
            layer_key = self.names_at[at]
            if key:
                layer_key = layer_key.rsplit("/", 1)[0] + "/" + key
            name = self.names.take(layer_key)
            array = self.arrays[at]
            self.row.arrays[name] = array if change is None else change(array)
            self.known[at, key] = name
        return self.known[at, key]

    def _literal(self, value: float) -> str:
        """Return a number with the digits that make it this number again, for float."""
        real = np.float32(value) if self.tape.dtype == "float32" else np.float64(value)
        text = np.format_float_positional(real, trim="0")
        if len(text) > 20:
            text = np.format_float_scientific(real, trim="0")
        return f"{text}f"  # `as_double` takes the f away

    def _activate(self, op: Op, source: str) -> str:
        name, out, n = op.activation_name, self.place[op.out], self.cols[op.out]
        more = (self._literal(op.alpha),) if takes_alpha(name) else ()
        return self._call(f"apply_{name}", source, out, n, *more)

    # -- a method for each kind of op -------------------------------------------------------------

    def _io(self, op: Op) -> tuple[str, str, int]:
        return self.place[op.inputs[0]], self.place[op.out], self.cols[op.out]

    def _op_dense(self, op: Op) -> list[str]:
        x, out, units = self._io(op)
        kernel, bias = self._constant(op.kernel), self._constant(op.bias)
        found = [self._call("dense", x, self.cols[op.inputs[0]], kernel, bias, out, units)]
        if op.activation_name != "linear":
            found.append(self._activate(op, out))
        return found

    def _op_activation(self, op: Op) -> list[str]:
        x, out, n = self._io(op)
        if op.activation_name != "linear":
            return [self._activate(op, x)]
        return [] if x == out else [self._call("copy", x, out, n)]

    def _op_glu(self, op: Op) -> list[str]:
        return [self._call("glu", *self._io(op))]

    def _op_combine(self, op: Op) -> list[str]:
        _, out, n = self._io(op)
        places = [self.place[x] for x in op.inputs]
        name = MERGES[op.variant]
        found = [self._call(name, places[0], places[1], out, n)]
        found += [self._call(name, out, place, out, n) for place in places[2:]]
        if op.variant == AVERAGE:
            found.append(self._call("divide", out, n, len(places)))
        return found

    def _op_concat(self, op: Op) -> list[str]:
        out, first, found = self.place[op.out], 0, []
        for x in op.inputs:
            found.append(self._call("copy", self.place[x], _shifted(out, first), self.cols[x]))
            first += self.cols[x]
        return found

    def _op_split(self, op: Op) -> list[str]:
        x, out, n = self._io(op)
        part = _shifted(x, op.number)
        return [] if part == out else [self._call("copy", part, out, n)]

    def _op_embedding(self, op: Op) -> list[str]:
        x, out, n = self._io(op)
        table = self._constant(op.kernel)
        code = f"{x}[{op.number}]"
        self.row.functions.add("is_row")
        check = f"is_row({code}, {op.size})"
        if check not in self.row.checks:
            self.row.checks.append(check)
        return [self._call("copy", f"{table} + {n} * (size_t){code}", out, n)]

    def _op_scale(self, op: Op) -> list[str]:
        x, out, n = self._io(op)
        mean, scale = self._constant(op.state[0]), self._constant(op.state[1])
        if op.variant:
            return [self._call("scale_and_shift", x, mean, scale, out, n)]
        return [self._call("shift_and_scale", x, mean, scale, "NULL", out, n)]

    def _op_batch_norm(self, op: Op) -> list[str]:
        """Mean, beta, and one factor of gamma and variance."""
        x, out, n = self._io(op)
        epsilon = np.asarray(op.alpha, self.tape.dtype)
        gamma = self.arrays[op.kernel] if op.kernel >= 0 else 1

        def factor(variance: Array) -> Array:
            root = np.sqrt(variance.astype(np.float64) + epsilon)
            return np.asarray(gamma / root, self.tape.dtype)

        mean = self._constant(op.state[0])
        scale = self._constant(op.state[1], "scale", factor)
        return [self._call("shift_and_scale", x, mean, scale, self._constant(op.bias), out, n)]

    def _op_layer_norm(self, op: Op) -> list[str]:
        x, out, n = self._io(op)
        gamma, epsilon = self._constant(op.kernel), self._literal(op.alpha)
        if op.variant:
            return [self._call("rms_norm", x, gamma, epsilon, out, n)]
        return [self._call("layer_norm", x, gamma, self._constant(op.bias), epsilon, out, n)]

    def _op_prelu(self, op: Op) -> list[str]:
        x, out, n = self._io(op)
        return [self._call("prelu", x, self._constant(op.kernel), out, n)]

    def _op_maxout(self, op: Op) -> list[str]:
        return [self._call("maxout", *self._io(op), op.number)]

    def _op_bilinear(self, op: Op) -> list[str]:
        _, out, units = self._io(op)
        a, b = op.inputs
        kernel, bias = self._constant(op.kernel), self._constant(op.bias)
        places = (self.place[a], self.cols[a], self.place[b], self.cols[b])
        return [self._call("bilinear", *places, kernel, bias, out, units)]


KINDS = {
    getattr(lowering, name.upper()): name
    for name in (
        *("dense", "activation", "combine", "concat", "split", "glu", "layer_norm", "batch_norm"),
        *("embedding", "scale", "prelu", "maxout", "bilinear"),
    )
}


def _shifted(place: str, first: int) -> str:
    return f"{place} + {first}" if first else place
