"""Symbolic tensors: what layers return when they are called on an `Input` or on each other.

A graph is made of nodes, each a use of a layer.  Nodes only know what they read, so a graph has no
loops by construction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastnn._core import Network
from fastnn._spec import describe
from fastnn.layers import Input, Layer

if TYPE_CHECKING:
    from fastnn.layers import Units

__all__ = ["Node", "Tensor", "apply", "as_tensor", "is_symbolic", "trace"]


class Node:
    """A use of a layer.

    Attributes
    ----------
    layer : Layer
    inputs : tuple of Tensor
    units : tuple of int
        Columns of each output.
    """

    __slots__ = ("inputs", "layer", "units")

    def __init__(self, layer: Layer, inputs: tuple[Tensor, ...], units: Units) -> None:
        self.layer = layer
        self.inputs = inputs
        self.units = units


class Tensor:
    """A symbolic output of a layer: what other layers, and `fastnn.Model`, are called on.

    Attributes
    ----------
    node : Node
    index : int
        Which of the node's outputs.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.Dense(3)(fnn.Input(2))
    <Tensor: (None, 3) from Dense(3)>
    """

    __slots__ = ("index", "node")

    def __init__(self, node: Node, index: int = 0) -> None:
        self.node = node
        self.index = index

    @property
    def units(self) -> int:
        """Its columns."""
        return self.node.units[self.index]

    @property
    def shape(self) -> tuple[None, int]:
        """Rows, which are not known, and columns."""
        return (None, self.units)

    def __repr__(self) -> str:
        return f"<Tensor: {self.shape} from {self.node.layer!r}>"


def is_symbolic(value: object) -> bool:
    """Tell whether `value` is a symbolic tensor, an `Input`, or a list that begins with one."""
    if isinstance(value, (list, tuple)) and value:
        value = value[0]
    return isinstance(value, (Tensor, Input))


def as_tensor(value: object, where: str) -> Tensor:
    """Return the tensor that `value` is, or that an `Input` stands for."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, Input):
        return Tensor(Node(value, (), (value.units,)))
    hint = ""
    if isinstance(value, (Layer, Network)):
        hint = "; call it on its input first"
    elif isinstance(value, type) and issubclass(value, Layer):
        hint = f"; give an object, {value.__name__}(...)"
    elif hasattr(value, "__array__") or isinstance(value, (list, float)):
        hint = "; layers make a graph, and numbers go into predict of a Model of it"
    raise TypeError(f"{where}: want symbolic tensors or Input layers, got {describe(value)}{hint}")


def apply(layer: Layer, given: Sequence[Any]) -> Any:
    """Return the symbolic output, or a tuple of them, of `layer` for symbolic inputs."""
    who = type(layer).__name__
    if len(given) == 1 and isinstance(given[0], (list, tuple)):
        given = given[0]
    tensors = tuple(as_tensor(value, who) for value in given)
    low, high = layer.fewest_inputs, layer.most_inputs
    if not low <= len(tensors) <= high:
        wanted = (
            str(low) if low == high else f"{low} to {high}" if high < 2**16 else f"{low} or more"
        )
        count = f"{len(tensors)} input{'' if len(tensors) == 1 else 's'}"
        hint = ""
        if len(tensors) > 1 == high:
            hint = "; Concatenate()([...]) makes one of several"
        elif len(tensors) == 1 < low:
            hint = (
                f", in a list as in {who}()([a, b])" if low < high else f", as in {who}(...)(a, b)"
            )
        raise ValueError(f"{who}: got {count}, want {wanted}{hint}")
    units = layer.connect(tuple(tensor.units for tensor in tensors))
    layer.weights(tuple(tensor.units for tensor in tensors))  # refuses widths that do not fit
    node = Node(layer, tensors, units)
    found = tuple(Tensor(node, i) for i in range(len(units)))
    return found[0] if len(found) == 1 and layer.tag != "split" else found


def key_of(node: Node) -> int:
    """Return what tells nodes apart: an `Input` is one node however often it is read."""
    return id(node.layer) if isinstance(node.layer, Input) else id(node)


def _stranger(who: str, missing: Input, inputs: Sequence[Tensor]) -> str:
    """Say that an `Input` is none of the inputs, and perhaps why."""
    twins = [tensor.node.layer for tensor in inputs if tensor.units == missing.units]
    hint = ""
    if twins:
        hint = f" ({twins[0]!r} is another object; keep one in a variable and use it for both)"
    return f"{who} needs {missing!r}, which is none of the inputs{hint}"


def trace(inputs: Sequence[Tensor], outputs: Sequence[Tensor], where: str) -> list[Node]:
    """Return the nodes between inputs and outputs, each after those that it reads.

    Raises
    ------
    ValueError
        If an output needs an `Input` that is none of `inputs`, or one of those is not used.
    """
    known = {key_of(tensor.node): tensor.node for tensor in inputs}
    order = list(known.values())
    used: set[int] = set()
    stack = [tensor.node for tensor in reversed(outputs)]
    while stack:
        node = stack[-1]
        if isinstance(node.layer, Input):
            used.add(key_of(node))
            if key_of(node) not in known:
                raise ValueError(_stranger(f"{where}: an output", node.layer, inputs))
        if key_of(node) in known:
            stack.pop()
            continue
        waiting = [
            tensor.node for tensor in reversed(node.inputs) if key_of(tensor.node) not in known
        ]
        for tensor in node.inputs:
            if isinstance(tensor.node.layer, Input):
                used.add(key_of(tensor.node))
                if key_of(tensor.node) not in known:
                    raise ValueError(
                        _stranger(f"{where}: {node.layer!r}", tensor.node.layer, inputs)
                    )
        if waiting:
            stack += waiting
            continue
        stack.pop()
        known[key_of(node)] = node
        order.append(node)
    for tensor in inputs:
        if key_of(tensor.node) not in used:
            raise ValueError(f"{where}: no output needs the input {tensor.node.layer!r}")
    return order
