"""Walks through an ONNX graph and turns its nodes into ops, or says why it cannot."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn.interchange.onnx_file import array_of, opset_of
from fastnn.interchange.onnx_package import load_onnx
from fastnn.interchange.onnx_regions import REGION_ENDS, REGION_OPS, recognize, run
from fastnn.interchange.onnx_values import (
    Broken,
    Const,
    Label,
    Op,
    Pending,
    Ref,
    Rows,
    Sizes,
    Unsupported,
)

__all__ = ["Call", "Handler", "Reader"]

Array = npt.NDArray[Any]
Value = Const | Rows | Sizes | Label | Pending | Broken | None
Handler = Callable[["Call"], "Value | list[Value]"]

RANDOM = frozenset(
    f"{kind}{like}"
    for kind in ("Bernoulli", "Multinomial", "RandomNormal", "RandomUniform")
    for like in ("", "Like")
)
LABELS = frozenset(["ArgMax", "ai.onnx.ml.Binarizer", "ai.onnx.ml.LabelEncoder"])
MOST_NODES = 30  # of a piece of graph that is to be recognized
MOST_TRIES = 6  # at pieces that end in one node


class Call:
    """A node that is being read, and what it reads.

    Attributes
    ----------
    reader : Reader
    node : NodeProto
    inputs : list of Value
    opset : int
    """

    def __init__(self, reader: Reader, node: Any, inputs: list[Value]) -> None:
        self.reader = reader
        self.node = node
        self.inputs = inputs
        self.opset = reader.opset
        helper = reader.onnx.helper
        self._attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return an attribute; strings as str."""
        value = self._attributes.get(name, default)
        return value.decode() if isinstance(value, bytes) else value

    def has(self, index: int) -> bool:
        """Tell whether an input is given."""
        return index < len(self.inputs) and self.inputs[index] is not None

    def rows(self, index: int = 0) -> Rows:
        """Return an input that must be rows."""
        value = self.inputs[index]
        if not isinstance(value, Rows):
            what = "a constant" if isinstance(value, Const) else "a shape"
            raise Unsupported(f"{self.node.input[index]!r} is {what}; want what depends on rows")
        if value.cut:
            raise Unsupported(f"{self.node.input[index]!r} was cut off to integers by a Cast")
        return value

    def const(self, index: int) -> Const:
        """Return an input that must be constant."""
        value = self.inputs[index]
        if not isinstance(value, Const):
            raise Unsupported(f"{self.node.input[index]!r} must be constant")
        return value

    def integers(self, index: int, name: str = "") -> list[int] | None:
        """Return a list of integers: an input, or in older opsets an attribute."""
        if self.has(index):
            return [int(one) for one in self.const(index).array.ravel()]
        found = self.attribute(name)
        return None if found is None else [int(one) for one in found]

    def only_first_output(self) -> None:
        """Refuse a node whose further outputs are read."""
        for name in self.node.output[1:]:
            if name and name in self.reader.read_names:
                raise Unsupported(f"its further result {name!r} is read")

    def make(
        self,
        kind: str,
        inputs: Iterable[Rows],
        dims: tuple[int, ...],
        consts: dict[str, Const] | None = None,
        **settings: Any,
    ) -> Rows:
        """Return the rows that a new op with one output makes."""
        refs = tuple(rows.ref for rows in inputs)
        cols = int(np.prod(dims, dtype=np.int64))
        return Rows(Ref(Op(kind, refs, (cols,), consts or {}, settings)), dims)

    def derive(self, const: Const, how: str, make: Callable[[Array], Array]) -> Const:
        """Return a constant made of another: the same one for the same `how`."""
        key = (id(const), how)
        if key not in self.reader.derived:
            self.reader.derived[key] = (const, Const(make(const.array), const.name))
        return self.reader.derived[key][1]


class Reader:
    """Reads a graph.

    Parameters
    ----------
    model : ModelProto
    name : str
        What the file is called in messages.
    handlers : mapping of str to Handler
        By operator; those of other domains begin with it, as in "ai.onnx.ml.Scaler".

    Attributes
    ----------
    values : dict of str to Value
    problems : dict of str to str
        Nodes that were refused, and why.
    derived : dict
        Constants that were made of others.
    notes : list of str
        What differs from the file, for a warning.
    """

    def __init__(self, model: Any, name: str, handlers: dict[str, Handler]) -> None:
        self.onnx = load_onnx("from_onnx", "helper", "numpy_helper")
        self.model = model
        self.name = name
        self.handlers = handlers
        self.opset = opset_of(model)
        self.values: dict[str, Value] = {"": None}
        self.problems: dict[str, str] = {}
        self.notes: list[str] = []
        self.derived: dict[tuple[int, str], tuple[Const, Const]] = {}
        self._folded: dict[tuple[Any, ...], tuple[list[Value], list[Value]]] = {}
        self.inputs: dict[str, Rows] = {}
        self.nodes = _needed(model.graph)
        self.read_names = {read for node in self.nodes for read in node.input}
        self.read_names |= {output.name for output in model.graph.output}
        self._makers = {out: i for i, node in enumerate(self.nodes) for out in node.output if out}

    def read(self) -> None:
        """Read the whole graph; ``values`` and ``problems`` hold what was found."""
        graph = self.model.graph
        if graph.sparse_initializer:
            raise ValueError(f"from_onnx: {self.name} has sparse weights; want dense ones")
        for tensor in graph.initializer:
            if tensor.name in self.read_names:
                self.values[tensor.name] = Const(array_of(tensor, self.name), tensor.name)
        for info in graph.input:
            if info.name in self.read_names and info.name not in self.values:
                self.values[info.name] = self.inputs[info.name] = self._input(info)
        for node in self.nodes:
            given = [self.values[name] for name in node.input]
            found = self._read(node, given)
            found += [None] * (len(node.output) - len(found))
            for name, value in zip(node.output, found, strict=False):
                if name:
                    self.values[name] = value

    def _input(self, info: Any) -> Rows:
        where = f"from_onnx: {self.name}: the input {info.name!r}"
        if not info.type.HasField("tensor_type"):
            raise ValueError(f"{where} is no tensor")
        tensor = info.type.tensor_type
        try:
            dtype = self.onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        except KeyError:
            raise ValueError(f"{where} is of an unknown type, {tensor.elem_type}") from None
        if dtype.kind not in "fiuV":
            raise ValueError(f"{where} holds {dtype.name}; want numbers")
        if not tensor.HasField("shape") or not tensor.shape.dim:
            raise ValueError(f"{where} has no batch axis; want shape (batch, columns)")
        axes = tensor.shape.dim[1:]
        if not all(axis.HasField("dim_value") and axis.dim_value > 0 for axis in axes):
            raise ValueError(
                f"{where} does not say how many columns it has; "
                f"onnx.tools.update_model_dims can write it into the file"
            )
        dims = tuple(axis.dim_value for axis in axes)
        op = Op("input", (), (int(np.prod(dims, dtype=np.int64)),))
        return Rows(Ref(op), dims, integer=dtype.kind in "iu")

    def is_end(self, node: Any) -> bool:
        """Tell whether outputs of the graph alone read a node."""
        return not any(set(node.output) & set(other.input) for other in self.nodes)

    # -- one node ---------------------------------------------------------------------------------

    def _read(self, node: Any, given: list[Value]) -> list[Value]:
        kind = _kind(node)
        if any(isinstance(value, Broken) for value in given):
            if kind not in self.handlers and kind not in REGION_OPS and kind not in LABELS:
                self._refuse(node, "no layer computes this operator")
            return [Broken() for _ in node.output]
        if kind in LABELS or any(isinstance(value, Label) for value in given):
            return self._labels(node, given)
        if all(value is None or isinstance(value, Const) for value in given):
            return self._fold(node, given)
        if kind in REGION_ENDS:
            found = self._recognize(node)
            if found is not None:
                return [found]
        blame: dict[str, str] = {}
        for value in given:
            if isinstance(value, Pending):
                blame |= value.blame
        if not blame:
            try:
                if kind not in self.handlers:
                    raise Unsupported("no layer computes this operator")
                made = self.handlers[kind](Call(self, node, given))
                return made if isinstance(made, list) else [made]
            except Unsupported as reason:
                blame = {self._who(node): str(reason)}
            except (LookupError, RuntimeError, TypeError, ValueError) as error:
                # What onnx.checker lets through: places and axes beyond a tensor, unknown types.
                blame = {self._who(node): f"its inputs or attributes do not fit ({error!r})"}
        if kind in REGION_OPS:
            return [Pending(blame) for _ in node.output]
        self.problems |= blame
        return [Broken() for _ in node.output]

    def _who(self, node: Any) -> str:
        name = node.name or next((out for out in node.output if out), "")
        return f"{_kind(node)} {name!r}"

    def _refuse(self, node: Any, reason: str) -> None:
        self.problems.setdefault(self._who(node), reason)

    def _labels(self, node: Any, given: list[Value]) -> list[Value]:
        """Labels, and whatever is computed from them, are left out at the end."""
        for value in given:
            if isinstance(value, Label):
                return [Label(value.source) for _ in node.output]
            if isinstance(value, Rows):
                return [Label(value) for _ in node.output]
        self._refuse(node, "it makes labels of no rows")
        return [Broken() for _ in node.output]

    def _fold(self, node: Any, given: list[Value]) -> list[Value]:
        """Compute a node that reads constants alone, once."""
        kind = _kind(node)
        graphs = any(a.HasField("g") or a.graphs for a in node.attribute)
        if kind in RANDOM or graphs or node.domain not in ("", "ai.onnx"):
            self._refuse(node, "no layer computes this operator")
            return [Broken() for _ in node.output]
        attributes = tuple(sorted(a.SerializeToString() for a in node.attribute))
        key = (kind, *map(id, given), attributes, len(node.output))
        if key not in self._folded or not given:
            arrays = {
                name: value.array
                for name, value in zip(node.input, given, strict=True)
                if isinstance(value, Const)
            }
            outputs = [name for name in node.output if name]
            try:
                computed = run([node], self.model.opset_import, arrays, outputs)
            except Exception as error:
                self._refuse(node, f"its constant value cannot be computed ({error})")
                return [Broken() for _ in node.output]
            # Weights that were only turned round keep their name.
            names = [value.name for value in given if isinstance(value, Const)]
            made = {
                name: Const(np.asarray(array), names[0] if len(names) == 1 else name)
                for name, array in zip(outputs, computed, strict=True)
            }
            self._folded[key] = (given, [made.get(name) for name in node.output])
        return list(self._folded[key][1])

    # -- pieces of graph --------------------------------------------------------------------------

    def _recognize(self, node: Any) -> Rows | None:
        """Return what the node computes together with some before it, if a layer does that."""
        inside = {self._makers[node.output[0]]}
        outside = self._variables(node)
        best = None
        tries = 0
        while len(inside) < MOST_NODES and tries < MOST_TRIES:
            if len(outside) == 1 and len(inside) > 1:
                (source,) = outside
                value = self.values[source]
                if isinstance(value, Rows) and not value.cut:
                    tries += 1
                    best = self._match(inside, source, value, node.output[0]) or best
                    # What is a root mean square here may be a deviation with a node more.
                    if best is not None and best.ref.op.kind != "rms_norm":
                        return best
            last = max((self._makers.get(name, -1) for name in outside), default=-1)
            before = self.nodes[last]
            if last < 0 or _kind(before) not in REGION_OPS:
                break
            inside.add(last)
            outside = {name for name in outside if self._makers.get(name) != last}
            outside |= self._variables(before)
        return best

    def _variables(self, node: Any) -> set[str]:
        return {name for name in node.input if name and not isinstance(self.values[name], Const)}

    def _match(self, inside: set[int], source: str, rows: Rows, output: str) -> Rows | None:
        nodes = [self.nodes[i] for i in sorted(inside)]
        constants = {
            name: value.array
            for node in nodes
            for name in node.input
            if name and isinstance(value := self.values[name], Const)
        }
        opsets = self.model.opset_import
        found = recognize(nodes, opsets, source, rows.dims, constants, output)
        if found is None:
            return None
        steps, dims = found
        cols = int(np.prod(dims, dtype=np.int64))
        ref = rows.ref
        for kind, settings in steps:
            consts = {}
            if kind == "prelu":
                alpha = self.values[settings.pop("alpha")]
                assert isinstance(alpha, Const)
                if settings.pop("sign") < 0:
                    alpha = Const(-alpha.array, alpha.name)
                consts = {"alpha": alpha}
            for key in {"scale", "mean"} & settings.keys():
                consts[key] = Const(np.full(cols, settings.pop(key)), "number")
            ref = Ref(Op(kind, (ref,), (cols,), consts, settings))
        return Rows(ref, dims)


def _kind(node: Any) -> str:
    return node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"


def _needed(graph: Any) -> list[Any]:
    """Return the nodes that an output needs, in their order."""
    wanted = {output.name for output in graph.output}
    found = []
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            found.append(node)
            wanted.update(node.input)
    return found[::-1]
