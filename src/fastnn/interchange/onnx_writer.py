"""Collects the nodes and constants of an ONNX graph, and gives them names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn.interchange.onnx_package import load_onnx

__all__ = ["Writer"]

Array = npt.NDArray[Any]

AXES_ARE_INPUTS = {"ReduceSum": 13, "ReduceMean": 18, "ReduceMax": 18}  # since which opset


class Writer:
    """An ONNX graph that grows.  Values are known by their names.

    Parameters
    ----------
    dtype : {"float32", "float64"}
        Of all values that are not integers.
    opset : int
    taken : iterable of str
        Names that inputs and outputs of the graph will have.

    Attributes
    ----------
    layer : str
        Begins the names of what is made.
    nodes : list of NodeProto
    constants : dict of str to ndarray
    """

    def __init__(self, dtype: str, opset: int, taken: Sequence[str]) -> None:
        self.onnx = load_onnx("export_onnx", "helper", "numpy_helper")
        self.dtype = dtype
        self.opset = opset
        self.layer = ""
        self.nodes: list[Any] = []
        self.constants: dict[str, Array] = {}
        self._taken = set(taken)
        self._weights: dict[str, str] = {}
        self._numbers: dict[tuple[str, bytes, tuple[int, ...]], str] = {}

    @property
    def double(self) -> bool:
        """Whether values are float64."""
        return self.dtype == "float64"

    def _name(self, wish: str) -> str:
        name, count = wish, 0
        while name in self._taken:
            count += 1
            name = f"{wish}_{count}"
        self._taken.add(name)
        return name

    # -- constants --------------------------------------------------------------------------------

    def weight(self, name: str, array: Array) -> str:
        """Return the constant of this name; the same one each time, so that shared layers share."""
        if name not in self._weights:
            self._weights[name] = self._name(name)
            self.constants[self._weights[name]] = np.ascontiguousarray(array)
        return self._weights[name]

    def _constant(self, array: Array, kind: str) -> str:
        key = (array.dtype.name, array.tobytes(), array.shape)
        if key not in self._numbers:
            self._numbers[key] = self._name(kind)
            self.constants[self._numbers[key]] = array
        return self._numbers[key]

    def number(self, value: float | Iterable[float]) -> str:
        """Return a constant in the graph's dtype."""
        return self._constant(
            np.array(list(value) if isinstance(value, Iterable) else value, self.dtype), "number"
        )

    def integers(self, value: int | Sequence[int]) -> str:
        """Return a constant of int64."""
        return self._constant(np.array(value, np.int64), "integers")

    # -- nodes ------------------------------------------------------------------------------------

    def ops(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> list[str]:
        """Add a node; return its outputs."""
        name = self._name(f"{self.layer}/{kind}")
        made = [name] if outputs == 1 else [self._name(f"{name}_{i}") for i in range(outputs)]
        self.nodes.append(self.onnx.helper.make_node(kind, inputs, made, name=name, **attributes))
        return made

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output; return it."""
        return self.ops(kind, *inputs, **attributes)[0]

    def reduce(self, kind: str, x: str) -> str:
        """Reduce the columns of each row to one."""
        if self.opset >= AXES_ARE_INPUTS[kind]:
            return self.op(kind, x, self.integers([1]), keepdims=1)
        return self.op(kind, x, axes=[1], keepdims=1)

    def split(self, x: str, sizes: Sequence[int]) -> list[str]:
        """Cut columns."""
        if len(sizes) == 1:
            return [x]
        return self.ops("Split", x, self.integers(sizes), outputs=len(sizes), axis=1)

    def concat(self, values: Sequence[str]) -> str:
        """Put columns side by side."""
        return values[0] if len(values) == 1 else self.op("Concat", *values, axis=1)

    def cast(self, x: str, dtype: str) -> str:
        """Convert to another dtype."""
        return self.op("Cast", x, to=self._type(dtype))

    def _type(self, dtype: str) -> int:
        return int(self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    # -- the whole --------------------------------------------------------------------------------

    def name_output(self, value: str, name: str, reserved: bool) -> None:
        """Let a value have the name of an output; `reserved` if it is an input or one already."""
        maker = next((node for node in self.nodes if value in node.output), None)
        if reserved or maker is None:
            self.nodes.append(
                self.onnx.helper.make_node("Identity", [value], [name], name=f"{name}/Identity")
            )
            return
        for node in self.nodes:
            for names in (node.input, node.output):
                for i, one in enumerate(names):
                    if one == value:
                        names[i] = name

    def value_info(self, name: str, cols: int) -> Any:
        """Return the declaration of an input or output: any number of rows."""
        return self.onnx.helper.make_tensor_value_info(
            name, self._type(self.dtype), ["batch", cols]
        )

    def graph(self, name: str, inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        """Return the graph."""
        read = {one for node in self.nodes for one in node.input}
        constants = [
            self.onnx.numpy_helper.from_array(array, key)
            for key, array in self.constants.items()
            if key in read
        ]
        return self.onnx.helper.make_graph(self.nodes, name, inputs, outputs, constants)
