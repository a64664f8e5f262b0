"""From layers to the flat list of ops that the C core runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastnn._core import Functions
from fastnn._own import Noted

if TYPE_CHECKING:
    from fastnn.activations import Activation

__all__ = ["Lowering", "OpTuple"]

# fnn_op_kind_t
(
    DENSE,
    ACTIVATION,
    COMBINE,
    CONCAT,
    SPLIT,
    GLU,
    NOISE,
    LAYER_NORM,
    BATCH_NORM,
    EMBEDDING,
    SCALE,
    PRELU,
    MAXOUT,
    BILINEAR,
    ACTIVITY,
    FUNCTION,
) = range(16)
LINEAR = 0
MOST_INPUTS = 64  # of an op
SKIPPED_BY_LOSSES = ("sigmoid", "softmax")

# (kind, activation, alpha, beta, variant, inputs, kernel, bias, state, number, size)
OpTuple = tuple[int, int, float, float, int, tuple[int, ...], int, int, tuple[int, int], int, int]


@dataclass
class Op:
    """One op; tensors are numbered as they are made, until `Lowering.finish` numbers them anew."""

    kind: int
    inputs: tuple[int, ...]
    out: int
    activation: int = LINEAR
    activation_name: str = "linear"
    alpha: float = 0.0
    beta: float = 0.0
    variant: int = 0
    kernel: int = -1
    bias: int = -1
    state: tuple[int, int] = (-1, -1)
    number: int = 0
    size: int = 0


class Lowering:
    """Collects the ops of a network.

    Parameters
    ----------
    inputs : sequence of int
        Columns of each input: tensors 0, 1, ...
    offsets : mapping of str to int
        Where each array lies in the arena, by "layer/array".
    dtype : str

    Attributes
    ----------
    cols : list of int
        Columns of each tensor.
    layer : str
        The name of the layer whose ops are being added.
    tables : list of (int, int, int)
        Input, column and number of rows of each embedding.
    end_activations : tuple of str
        After `finish`: the activation of each output's op.
    """

    def __init__(self, inputs: Sequence[int], offsets: Mapping[str, int], dtype: str) -> None:
        self.cols = list(inputs)
        self.n_inputs = len(inputs)
        self.offsets = offsets
        self.dtype = dtype
        self.layer = ""
        self.ops: list[Op] = []
        self.maker: dict[int, Op] = {}
        self.noises = 0
        self.functions: Functions | None = None
        self.tables: list[tuple[int, int, int]] = []
        self.end_activations: tuple[str, ...] = ()

    def at(self, key: str) -> int:
        """Return where the array of this layer lies; -1 if it has none of that name."""
        return self.offsets.get(f"{self.layer}/{key}", -1)

    def _add(self, kind: int, inputs: tuple[int, ...], cols: int, **fields: Any) -> int:
        out = len(self.cols)
        self.cols.append(cols)
        op = Op(kind, inputs, out, **fields)
        self.ops.append(op)
        self.maker[out] = op
        return out

    def dense(
        self, x: int, units: int, kernel: int, bias: int, activation: Activation | None = None
    ) -> int:
        """Return ``activation(x @ kernel + bias)``."""
        out = self._add(DENSE, (x,), units, kernel=kernel, bias=bias)
        if activation is None or activation.name == "linear":
            return out
        return self.activation(out, activation)

    def activation(self, x: int, activation: Activation) -> int:
        """Return ``activation(x)``."""
        units = self.cols[x]
        if activation.name == "glu":
            return self._add(GLU, (x,), activation.output_units(units))
        return self._add(
            ACTIVATION,
            (x,),
            units,
            activation=activation.kind,
            activation_name=activation.name,
            alpha=activation.alpha,
        )

    def noise(self, x: int, variant: int, rate: float) -> int:
        """Return `x` with noise; each has numbers of its own."""
        self.noises += 1
        return self._add(
            NOISE, (x,), self.cols[x], variant=variant, alpha=rate, number=self.noises - 1
        )

    def batch_norm(self, x: int, epsilon: float, momentum: float) -> int:
        """Return the columns of `x` normalized."""
        return self._add(
            BATCH_NORM,
            (x,),
            self.cols[x],
            alpha=epsilon,
            beta=momentum,
            kernel=self.at("gamma"),
            bias=self.at("beta"),
            state=(self.at("moving_mean"), self.at("moving_variance")),
        )

    def layer_norm(self, x: int, epsilon: float, *, rms: bool) -> int:
        """Return the rows of `x` normalized."""
        return self._add(
            LAYER_NORM,
            (x,),
            self.cols[x],
            alpha=epsilon,
            variant=int(rms),
            kernel=self.at("gamma"),
            bias=self.at("beta"),
        )

    def embedding(self, x: int, column: int, rows: int, cols: int, table: int) -> int:
        """Return rows of a table by a column of an input."""
        while x >= self.n_inputs and self.maker[x].kind == SPLIT:
            column += self.maker[x].number
            x = self.maker[x].inputs[0]
        if x >= self.n_inputs:
            raise ValueError(
                f"Embedding: the layer {self.layer!r} must read an Input, or a Split of one: its "
                f"columns are checked where they come in"
            )
        self.tables.append((x, column, rows))
        return self._add(EMBEDDING, (x,), cols, number=column, size=rows, kernel=table)

    def scale(self, x: int, mean: int, scale: int, invert: bool) -> int:
        """Return ``(x - mean) * scale``, or ``x * scale + mean``."""
        return self._add(SCALE, (x,), self.cols[x], variant=int(invert), state=(mean, scale))

    def prelu(self, x: int, alpha: int) -> int:
        """Return `x`, times alpha where it is negative."""
        return self._add(PRELU, (x,), self.cols[x], kernel=alpha)

    def maxout(self, x: int, units: int, pieces: int) -> int:
        """Return the largest of the pieces of each unit."""
        return self._add(MAXOUT, (x,), units, number=pieces)

    def bilinear(self, inputs: tuple[int, ...], units: int, kernel: int, bias: int) -> int:
        """Return the products of two tensors."""
        return self._add(BILINEAR, inputs, units, kernel=kernel, bias=bias)

    def activity(self, x: int, l1: float, l2: float) -> int:
        """Return `x`, with a penalty on it."""
        return self._add(ACTIVITY, (x,), self.cols[x], alpha=l1, beta=l2)

    def combine(self, inputs: tuple[int, ...], variant: int) -> int:
        """Return the inputs, combined element by element."""
        while len(inputs) > MOST_INPUTS:
            first = self._add(COMBINE, inputs[:MOST_INPUTS], self.cols[inputs[0]], variant=variant)
            inputs = (first, *inputs[MOST_INPUTS:])
        return self._add(COMBINE, inputs, self.cols[inputs[0]], variant=variant)

    def concat(self, inputs: tuple[int, ...]) -> int:
        """Return the inputs side by side."""
        while len(inputs) > MOST_INPUTS:
            first = self.concat(inputs[:MOST_INPUTS])
            inputs = (first, *inputs[MOST_INPUTS:])
        return self._add(CONCAT, inputs, sum(self.cols[x] for x in inputs))

    def split(self, x: int, first: int, cols: int) -> int:
        """Return `cols` columns of `x`."""
        return self._add(SPLIT, (x,), cols, number=first)

    def function(
        self, x: int, forward: Callable[..., Any], backward: Callable[..., Any], units: int
    ) -> int:
        """Return a person's own function of `x`."""
        if self.functions is None:
            self.functions = Functions()
        name = f"Lambda {self.layer!r}"
        number = self.functions.add(
            name,
            Noted(forward, f"the function of {name}"),
            Noted(backward, f"the gradient of {name}"),
            self.cols[x],
            units,
            self.dtype,
        )
        return self._add(FUNCTION, (x,), units, number=number)

    # -- the end ----------------------------------------------------------------------------------

    def finish(self, outputs: Sequence[int]) -> tuple[list[int], list[int], list[OpTuple]]:
        """Return columns, output tensors and ops, in the order that the C core numbers them."""
        self._fuse(set(outputs))
        ends = self._end(outputs)
        self.end_activations = tuple(self.maker[x].activation_name for x in ends)
        numbers = {x: x for x in range(self.n_inputs)}
        for i, op in enumerate(self.ops):
            numbers[op.out] = self.n_inputs + i
        cols = [0] * len(numbers)
        for x, number in numbers.items():
            cols[number] = self.cols[x]
        ops: list[OpTuple] = [
            (
                op.kind,
                op.activation,
                op.alpha,
                op.beta,
                op.variant,
                tuple(numbers[x] for x in op.inputs),
                op.kernel,
                op.bias,
                op.state,
                op.number,
                op.size,
            )
            for op in self.ops
        ]
        return cols, [numbers[x] for x in ends], ops

    def _uses(self) -> Counter[int]:
        return Counter(x for op in self.ops for x in op.inputs)

    def _fuse(self, outputs: set[int]) -> None:
        """An activation of what nobody else reads becomes that of the dense op."""
        uses = self._uses()
        kept: list[Op] = []
        for op in self.ops:
            maker = self.maker.get(op.inputs[0])
            if (
                op.kind == ACTIVATION
                and maker is not None
                and maker.kind == DENSE
                and maker.activation == LINEAR
                and uses[maker.out] == 1
                and maker.out not in outputs
            ):
                maker.activation, maker.activation_name = op.activation, op.activation_name
                maker.alpha, maker.out = op.alpha, op.out
                self.maker[op.out] = maker
            else:
                kept.append(op)
        self.ops = kept

    def _end(self, outputs: Sequence[int]) -> list[int]:
        """Give each output an op of its own, whose activation a loss may leave out."""
        uses = self._uses()
        ends: list[int] = []
        for x in outputs:
            maker = self.maker.get(x)
            again = x in ends
            skipped = maker is not None and maker.activation_name in SKIPPED_BY_LOSSES
            if maker is not None and skipped and (again or uses[x] > 0):
                ends.append(self._twin(maker))
            elif maker is None or again:
                ends.append(self._add(ACTIVATION, (x,), self.cols[x]))
            else:
                ends.append(x)
        return ends

    def _twin(self, op: Op) -> int:
        """Return the value of `op` once more, by an op that nobody else reads."""
        fields = {
            "activation": op.activation,
            "activation_name": op.activation_name,
            "alpha": op.alpha,
        }
        if op.kind == ACTIVATION:
            return self._add(ACTIVATION, op.inputs, self.cols[op.out], **fields)
        before = len(self.cols)  # of the activation, which becomes an op
        self.cols.append(self.cols[op.out])
        place = next(i for i, other in enumerate(self.ops) if other is op)
        self.ops.insert(place + 1, Op(ACTIVATION, (before,), op.out, **fields))  # type: ignore[arg-type]
        self.maker[op.out] = self.ops[place + 1]
        op.out, op.activation, op.activation_name, op.alpha = before, LINEAR, "linear", 0.0
        self.maker[before] = op
        return self._add(ACTIVATION, (before,), self.cols[before], **fields)
