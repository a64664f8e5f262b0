"""The model: layers, their parameters, and what can be asked of them.

A model lowers its layers once to a plan of the C core (a flat list of ops over one parameter
vector); everything it computes runs through that plan.  `Model` is any graph of layers;
`fastnn.sequential` has the chain of them.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Self, cast, overload
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from fastnn import data
from fastnn._core import NO_UPDATE, Network, OptimizerState, Predictor
from fastnn._segments import Segment, describe_penalties, describe_segments
from fastnn._spec import describe, lookup
from fastnn.forms import check_form, check_out, each_part, first_of, is_stream, open_form, parts_of
from fastnn.graph import Node, Tensor, apply, is_symbolic, key_of, trace
from fastnn.layers import Input, Layer, Normalization, Units, Weight, scales
from fastnn.lowering import DENSE, Lowering
from fastnn.optimizers import SGD, Optimizer

if TYPE_CHECKING:
    from fastnn.summary import LayerInfo, Summary

__all__ = ["Model"]

Array = npt.NDArray[Any]

DTYPES: dict[str, np.dtype[Any]] = {name: np.dtype(name) for name in ("float32", "float64")}

DEFAULT_NAME = "Model"
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


class Use(NamedTuple):
    """A use of a layer in a model's graph.

    Attributes
    ----------
    layer : int
        Its place in ``model.layers``.
    inputs : tuple of (int, int)
        Which output of which use it reads.
    units : tuple of int
        Columns of each of its outputs.
    """

    layer: int
    inputs: tuple[tuple[int, int], ...]
    units: Units


class _Elsewhere:
    """A name that a model does not have: says where to find what it stands for."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, model: object, owner: type | None = None) -> None:
        raise AttributeError(
            f"{(owner or type(model)).__name__!r} object has no attribute {self.name!r}; a Trainer "
            f"has the loss and trains: fastnn.Trainer(model, loss).fit(x, y)",
            name=self.name,
            obj=model,
        )


class Model(Network):
    """A graph of layers, from symbolic inputs to symbolic outputs.

    Parameters
    ----------
    inputs, outputs : Tensor or Input, or a list or dict of them
        What goes in and what comes out.  Several are given to `predict` and `fit`, and come back,
        in a list or a dict alike.
    name : str
        Title of the summary.
    seed : int, optional
        Of the initial weights, in [0, 2**64).  None draws one from the system; ``model.seed``
        tells which.  The same seed gives the same weights everywhere.
    dtype : {"float32", "float64"}
        What the parameters are and everything is computed in.

    Attributes
    ----------
    layers : tuple of Layer
        Each once, also if it is called more than once; the inputs first.
    layer_names : tuple of str
        The name of each layer: its own, or its kind and a number from 0.
    parameters, gradients : mapping of str to ndarray
        Views into the arenas, such as ``model.parameters["dense_0/kernel"]`` (fan_in, fan_out):
        writing into one changes the model.
    state : mapping of str to ndarray
        What is kept but not trained: moving moments, scales.
    input_names, output_names : tuple of str
        Keys of the dicts, else the names of the layers.
    seed : int
    dtype : str

    Raises
    ------
    TypeError, ValueError
        If an output needs an input that is not named, an input is not used, names repeat, or a
        size overflows.

    Examples
    --------
    >>> import fastnn as fnn
    >>> x = fnn.Input(7, name="car")
    >>> h = fnn.Dense(16, "relu")(x)
    >>> h = fnn.Add()([h, fnn.Dense(16, "relu")(h)])
    >>> model = fnn.Model(x, fnn.Dense(1)(h), seed=0)
    >>> model.predict([[0.0] * 7]).shape
    (1, 1)
    """

    layers: tuple[Layer, ...]
    layer_names: tuple[str, ...]

    def __init__(
        self,
        inputs: Any,
        outputs: Any,
        *,
        name: str = DEFAULT_NAME,
        seed: int | None = None,
        dtype: npt.DTypeLike = "float32",
    ) -> None:
        who = type(self).__name__
        starts, self._input_form = open_form(inputs, f"{who}: inputs")
        ends, self._output_form = open_form(outputs, f"{who}: outputs")
        for tensor in starts:
            if not isinstance(tensor.node.layer, Input):
                swapped = all(isinstance(end.node.layer, Input) for end in ends)
                hint = f"; want {who}(inputs, outputs), in this order" if swapped else ""
                raise ValueError(f"{who}: inputs must be Input layers, got {tensor!r}{hint}")
        if len({key_of(tensor.node) for tensor in starts}) < len(starts):
            raise ValueError(f"{who}: an Input is named twice in inputs")
        self._assemble(starts, ends, name, seed, dtype)

    def _assemble(
        self,
        inputs: Sequence[Tensor],
        outputs: Sequence[Tensor],
        name: str,
        seed: int | None,
        dtype: npt.DTypeLike,
    ) -> None:
        who = type(self).__name__
        nodes = trace(inputs, outputs, who)
        places = {key_of(node): i for i, node in enumerate(nodes)}
        layers: dict[int, Layer] = {id(node.layer): node.layer for node in nodes}
        order = {key: i for i, key in enumerate(layers)}
        self.layers = tuple(layers.values())
        self.layer_names = _name_layers(self.layers, who)
        self._uses = tuple(
            Use(
                order[id(node.layer)],
                tuple((places[key_of(t.node)], t.index) for t in node.inputs),
                node.units,
            )
            for node in nodes
        )
        self._ends = tuple((places[key_of(t.node)], t.index) for t in outputs)
        self.name = str(name)
        self.seed = data.as_seed(seed, where=who)
        self.dtype = _check_dtype(dtype, who)
        self._frozen: frozenset[str] = frozenset()
        self.freezes = 0  # how often what is frozen has changed
        self._slots, size = self._lay_out()
        offsets = {slot.name: slot.offset for slot in self._slots}
        lowering = Lowering([tensor.units for tensor in inputs], offsets, self.dtype)
        found = self._lower(lowering, "", tuple(range(len(inputs))))
        cols, ends, ops = lowering.finish(found)
        self.output_activations = lowering.end_activations
        self._tables = lowering.tables  # input, column and number of rows of each embedding
        self._reads_sparse = [
            all(op[0] == DENSE for op in ops if i in op[5]) for i in range(len(inputs))
        ]
        self._build(self.dtype, cols, len(inputs), ends, ops, size, lowering.functions)
        self.parameters: Mapping[str, Array] = self._views(self.parameter_arena, trained=True)
        self.gradients: Mapping[str, Array] = self._views(self.gradient_arena, trained=True)
        self.state: Mapping[str, Array] = self._views(self.parameter_arena, trained=False)
        self._optimizer_states: WeakKeyDictionary[Optimizer, OptimizerState] = WeakKeyDictionary()
        self._kept_rows = 0
        self._as_layer: Layer | None = None
        self.penalties = describe_penalties(self._segments()) or None
        self._draw(first=True)

    def _fan_in(self, layer: int) -> Units:
        """Return the columns of the inputs of a layer's first use."""
        use = next(use for use in self._uses if use.layer == layer)
        return tuple(self._uses[node].units[index] for node, index in use.inputs)

    def _lower(self, to: Lowering, prefix: str, inputs: tuple[int, ...]) -> tuple[int, ...]:
        """Add the ops of all layers; return the tensors of the outputs."""
        found: list[tuple[int, ...]] = []
        waiting = iter(inputs)
        for use in self._uses:
            layer = self.layers[use.layer]
            if isinstance(layer, Input):
                found.append((next(waiting),))
                continue
            to.layer = prefix + self.layer_names[use.layer]
            tensors = layer.lower(to, tuple(found[node][index] for node, index in use.inputs))
            found.append(tensors)
        return tuple(found[node][index] for node, index in self._ends)

    def _lay_out(self) -> tuple[list[Slot], int]:
        """Return where each array lies in the arena, and the arena's length in elements."""
        slots: list[Slot] = []
        end = 0
        line = LINE_BYTES // DTYPES[self.dtype].itemsize
        for i, (layer, name) in enumerate(zip(self.layers, self.layer_names, strict=True)):
            units = self._fan_in(i)
            for use in self._uses:
                given = tuple(self._uses[node].units[index] for node, index in use.inputs)
                if use.layer == i and given != units:
                    raise ValueError(
                        f"{type(self).__name__}: the layer {name!r} is called on {given} columns "
                        f"after {units}; a shared layer has one kernel"
                    )
            for key, weight in layer.weights(units).items():
                size = math.prod(weight.shape)
                if size >= ALIGNED_FROM:
                    end = -(-end // line) * line
                trainable = weight.trained and weight.trainable and layer.trainable
                slots.append(Slot(f"{name}/{key}", end, weight, trainable))
                end += size
                if end > data.MAX_ELEMENTS:
                    raise ValueError(
                        f"{type(self).__name__}: layer {name!r} brings the parameters to {end}; "
                        f"want at most {data.MAX_ELEMENTS}"
                    )
        return slots, end

    def _views(self, arena: Array, *, trained: bool) -> Mapping[str, Array]:
        return MappingProxyType(
            {
                slot.name: arena[slot.offset : slot.offset + slot.size].reshape(slot.weight.shape)
                for slot in self._slots
                if slot.weight.trained == trained
            }
        )

    # -- what it is -------------------------------------------------------------------------------

    @property
    def inputs(self) -> Any:
        """Columns that a row of the input has; a tuple for several inputs."""
        cols: tuple[int, ...] = self.input_cols
        return cols[0] if len(cols) == 1 else cols

    @property
    def outputs(self) -> Any:
        """Columns that a row of the output has; a tuple for several outputs."""
        cols: tuple[int, ...] = self.output_cols
        return cols[0] if len(cols) == 1 else cols

    @property
    def input_names(self) -> tuple[str, ...]:
        """Keys of a dict of inputs."""
        if isinstance(self._input_form, tuple):
            return self._input_form
        return tuple(self.layer_names[i] for i in range(len(self.input_cols)))

    @property
    def output_names(self) -> tuple[str, ...]:
        """Keys of a dict of outputs."""
        if isinstance(self._output_form, tuple):
            return self._output_form
        names: list[str] = []
        for node, index in self._ends:
            use = self._uses[node]
            name = self.layer_names[use.layer]
            names.append(name if len(use.units) == 1 else f"{name}_{index}")
        return tuple(
            name if names.count(name) == 1 else f"{name}_{names[:i].count(name)}"
            for i, name in enumerate(names)
        )

    @property
    def output_activation(self) -> str:
        """Name of the activation that the (first) output has been through; "linear" for none."""
        return self.output_activations[0]

    def count_parameters(self) -> int:
        """Return the number of parameters.

        Examples
        --------
        >>> import fastnn as fnn
        >>> fnn.Sequential([fnn.Input(7), fnn.Dense(1), fnn.Dense(1)]).count_parameters()
        10
        """
        return sum(slot.size for slot in self._slots if slot.weight.trained)

    def __len__(self) -> int:
        """Return the number of layers, the input too."""
        return len(self.layers)

    @overload
    def __getitem__(self, key: int | str) -> Layer: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[Layer, ...]: ...
    def __getitem__(self, key: int | str | slice) -> Layer | tuple[Layer, ...]:
        """Return a layer by its place or its name."""
        if isinstance(key, str):
            return lookup(
                "layer",
                key,
                dict(zip(self.layer_names, self.layers, strict=True)),
                type(self).__name__,
            )
        return self.layers[key]

    def __iter__(self) -> Iterator[Layer]:
        """Iterate over the layers."""
        return iter(self.layers)

    def __repr__(self) -> str:
        """Show inputs, outputs and the number of nodes."""
        inputs = dict(
            zip(self.input_names, ((None, cols) for cols in self.input_cols), strict=True)
        )
        outputs: object = self.output_names
        if len(self.output_names) == 1:
            outputs = self.output_names[0]
        return (
            f"{type(self).__name__}(\n"
            f"  inputs: {inputs}\n"
            f"  outputs: {outputs!r}\n"
            f"  nodes: {len(self._uses)}\n"
            f")"
        )

    def _describe_layers(self) -> list[LayerInfo]:
        from fastnn.summary import LayerInfo

        found: list[LayerInfo] = []
        seen: set[int] = set()
        for use in self._uses:
            layer = self.layers[use.layer]
            shapes = [(None, self._uses[node].units[index]) for node, index in use.inputs]
            outs = [(None, cols) for cols in use.units]
            parameters = {}
            if use.layer not in seen:
                units = tuple(cols for _, cols in shapes)
                parameters = layer.parameter_shapes(*units) if units else {}
            seen.add(use.layer)
            found.append(
                LayerInfo(
                    self.layer_names[use.layer],
                    layer.kind,
                    None if not shapes else shapes[0] if len(shapes) == 1 else tuple(shapes),
                    outs[0] if len(outs) == 1 else tuple(outs),
                    layer.options(),
                    parameters,
                    tuple(node for node, _ in use.inputs),
                )
            )
        return found

    def summary(self) -> Summary:
        """Return a table of the layers, their shapes, options and parameters.

        Returns
        -------
        Summary
            Prints as the table; ``.rows``, ``.total_parameters`` and ``.total_bytes`` hold the
            facts.

        Examples
        --------
        >>> import fastnn as fnn
        >>> print(fnn.Sequential([fnn.Input(7, name="cars"), fnn.Dense(1)]).summary())
        +-------------------------------------------------------------------------------+
        |                                     Model                                     |
        +===================+=============+==============+=========+====================+
        | Layer             | Input shape | Output shape | Options | Parameters         |
        +===================+=============+==============+=========+====================+
        | cars ( input )    |             | (None, 7)    |         |                    |
        +-------------------+-------------+--------------+---------+--------------------+
        | dense_0 ( dense ) | (None, 7)   | (None, 1)    |         | kernel: f32[7][1], |
        |                   |             |              |         | bias: f32[1]       |
        +-------------------+-------------+--------------+---------+--------------------+
        Total parameters: 8
        Total parameters memory: 32 bytes
        """
        from fastnn.summary import summarize

        return summarize(self.name, self._describe_layers(), self.dtype)

    def _repr_html_(self) -> str:
        """Show the summary in notebooks."""
        return self.summary()._repr_html_()

    def to_mermaid(self) -> str:
        """Return the network as a Mermaid flowchart, which Markdown pages can show.

        Examples
        --------
        >>> import fastnn as fnn
        >>> print(fnn.Sequential([fnn.Input(2), fnn.Dense(1)]).to_mermaid().splitlines()[0])
        graph TD;
        """
        from fastnn.summary import mermaid

        return mermaid(self._describe_layers())

    # -- parameters -------------------------------------------------------------------------------

    def initialize(self, seed: int | None = None) -> None:
        """Draw the initial weights (again).

        Parameters
        ----------
        seed : int, optional
            Replaces ``model.seed``.

        Examples
        --------
        >>> import fastnn as fnn
        >>> model = fnn.Sequential([fnn.Input(2), fnn.Dense(1)], seed=1)
        >>> first = model.get_weights()[0]
        >>> model.initialize(seed=2)
        >>> bool((model.get_weights()[0] == first).any())
        False
        """
        if seed is not None:
            self.seed = data.as_seed(seed, where=f"{type(self).__name__}.initialize")
        self._draw(first=False)

    def _draw(self, *, first: bool) -> None:
        """Set what has an initializer; arrays that were given are set once."""
        arena = np.zeros_like(self.parameter_arena) if first else self.snapshot()
        views = {**self._views(arena, trained=True), **self._views(arena, trained=False)}
        for index, slot in enumerate(self._slots):
            start = slot.weight.initializer
            if not isinstance(start, np.ndarray):
                try:
                    drawn = start(slot.weight.shape, seed=self.seed, index=index)
                except ValueError as error:
                    raise ValueError(f"{type(self).__name__}: {slot.name}: {error}") from error
                except Exception as error:
                    error.add_note(f"raised by the initializer of {slot.name}")
                    raise
                views[slot.name][...] = drawn
            elif first:
                views[slot.name][...] = start
        self.restore(arena)

    # -- what is trained --------------------------------------------------------------------------

    @property
    def frozen(self) -> tuple[str, ...]:
        """Names of the layers that `freeze` has named."""
        return tuple(name for name in self.layer_names if name in self._frozen)

    def freeze(self, *patterns: str) -> None:
        """Keep layers as they are in training.

        Parameters
        ----------
        *patterns : str
            Names of layers, or patterns such as ``"dense_*"`` (see `fnmatch`); all layers without
            one.

        Raises
        ------
        ValueError
            If a pattern fits no layer.

        Notes
        -----
        A trainer notices at its next fit; the optimizer's state of frozen parameters stays.  The
        moving moments of batch normalization go on moving.

        Examples
        --------
        >>> import fastnn as fnn
        >>> model = fnn.Sequential([fnn.Input(2), fnn.Dense(4), fnn.Dense(1)])
        >>> model.freeze("dense_0")
        >>> model.frozen
        ('dense_0',)
        """
        self._set_frozen(self._frozen | self._match("freeze", patterns))

    def unfreeze(self, *patterns: str) -> None:
        """Undo `freeze`, for the layers that the patterns name or for all.

        Examples
        --------
        >>> import fastnn as fnn
        >>> model = fnn.Sequential([fnn.Input(2), fnn.Dense(4), fnn.Dense(1)])
        >>> model.freeze()
        >>> model.unfreeze("dense_1")
        >>> model.frozen
        ('input_0', 'dense_0')
        """
        self._set_frozen(self._frozen - self._match("unfreeze", patterns))

    def _set_frozen(self, names: frozenset[str]) -> None:
        self._frozen = names
        self.freezes += 1
        self.penalties = describe_penalties(self._segments()) or None

    def _match(self, method: str, patterns: Sequence[str]) -> frozenset[str]:
        from fnmatch import fnmatchcase

        if not patterns:
            return frozenset(self.layer_names)
        found: set[str] = set()
        for pattern in patterns:
            if not isinstance(pattern, str):
                raise TypeError(
                    f"{type(self).__name__}.{method}: want names or patterns of layers, "
                    f"got {describe(pattern)}"
                )
            names = [name for name in self.layer_names if fnmatchcase(name, pattern)]
            if not names:
                lookup(
                    "layer",
                    pattern,
                    dict.fromkeys(self.layer_names),
                    f"{type(self).__name__}.{method}",
                )
            found.update(names)
        return frozenset(found)

    def adapt(self, x: Any, y: Any = None) -> None:
        """Adapt the `Normalization` layers to data: those after an input, and those at the end.

        Parameters
        ----------
        x : array_like, or a list or dict for several inputs
        y : array_like, or a list or dict for several outputs, optional

        Raises
        ------
        TypeError, ValueError
            If the model has no such layer, or the data does not fit.

        Examples
        --------
        >>> import fastnn as fnn
        >>> model = fnn.Sequential([
        ...     fnn.Input(1), fnn.Normalization(), fnn.Dense(1), fnn.Normalization(invert=True)
        ... ])
        >>> model.adapt([[1.0], [3.0]], [[10.0], [30.0]])
        >>> model.state["normalization_1/mean"]
        array([20.], dtype=float32)
        """
        from fastnn.moments import column_moments

        where = f"{type(self).__name__}.adapt"
        found: dict[str, Array] = {}
        tables = self._as_inputs(x, where)
        for use in self._uses:
            layer, name = self.layers[use.layer], self.layer_names[use.layer]
            if not isinstance(layer, Normalization) or layer.invert:
                continue
            node, _ = use.inputs[0]
            if isinstance(self.layers[self._uses[node].layer], Input):
                mean, scale = scales(*column_moments(tables[node], where), False)
                found[f"{name}/mean"], found[f"{name}/scale"] = mean, scale
        if y is not None:
            for (node, _), target in zip(
                self._ends, parts_of(y, self._output_form, len(self._ends), where), strict=True
            ):
                use = self._uses[node]
                layer, name = self.layers[use.layer], self.layer_names[use.layer]
                if isinstance(layer, Normalization) and layer.invert:
                    rows = data.as_rows(
                        target, where=where, name="y", columns=use.units[0], allow_1d=True
                    )
                    mean, scale = scales(*column_moments(rows, where), True)
                    found[f"{name}/mean"], found[f"{name}/scale"] = mean, scale
        if not found:
            raise ValueError(
                f"{where}: no Normalization reads an input"
                f"{'' if y is None else ', and none with invert=True makes an output'}"
            )
        arena = self.snapshot()
        views = self._views(arena, trained=False)
        for name, values in found.items():
            views[name][...] = values
        self.restore(arena)

    def get_weights(self) -> list[Array]:
        """Return copies of all parameters, in the order of `parameters`.

        Examples
        --------
        >>> import fastnn as fnn
        >>> [w.shape for w in fnn.Sequential([fnn.Input(2), fnn.Dense(1)]).get_weights()]
        [(2, 1), (1,)]
        """
        return list(self._views(self.snapshot(), trained=True).values())

    def set_weights(self, weights: Sequence[npt.ArrayLike] | Mapping[str, npt.ArrayLike]) -> None:
        """Set all parameters, or none if one does not fit.

        Parameters
        ----------
        weights : sequence of array_like, or mapping of name to array_like
            As `get_weights` returns them, or under the names of `parameters` (then some may be
            left out).

        Raises
        ------
        TypeError, ValueError
            If the number, a name, a shape or a type does not fit, or a value is not finite.

        Examples
        --------
        >>> import fastnn as fnn
        >>> model = fnn.Sequential([fnn.Input(2), fnn.Dense(1)])
        >>> model.set_weights({"dense_0/kernel": [[1.0], [2.0]]})
        >>> model.predict([[3.0, 4.0]])
        array([[11.]], dtype=float32)
        """
        where = f"{type(self).__name__}.set_weights"
        given: object = weights
        if not isinstance(given, (Mapping, Sequence)) or isinstance(given, (str, bytes)):
            raise TypeError(
                f"{where}: weights must be a list of arrays or a mapping of names to arrays, "
                f"got {describe(given)}"
            )
        if isinstance(weights, Mapping):
            for name in weights:
                lookup("parameter", name, self.parameters, where)
            named = dict(weights)
        else:
            if len(weights) != len(self.parameters):
                raise ValueError(
                    f"{where}: got {len(weights)} arrays, want {len(self.parameters)}: "
                    f"{', '.join(self.parameters)}"
                )
            named = dict(zip(self.parameters, weights, strict=True))
        checked = {}
        for name, value in named.items():
            array = data.as_array(value, where=where, name=name)
            want = self.parameters[name].shape
            if array.shape != want:
                raise ValueError(f"{where}: {name} has shape {array.shape}, want {want}")
            data.check_finite(
                array.reshape(len(array), -1), where=where, name=name, dtype=self.dtype
            )
            checked[name] = array
        arena = self.snapshot()
        views = self._views(arena, trained=True)
        for name, array in checked.items():
            views[name][...] = array
        self.restore(arena)

    def copy(self) -> Self:
        """Return a model of its own with the same layers and the same parameters.

        Examples
        --------
        >>> import fastnn as fnn
        >>> model = fnn.Sequential([fnn.Input(2), fnn.Dense(1)])
        >>> twin = model.copy()
        >>> bool((twin.parameter_arena == model.parameter_arena).all())
        True
        """
        twin = _rebuild(*self.__reduce__()[1][:-1])
        twin.restore(self.snapshot())
        return cast(Self, twin)

    def as_dtype(self, dtype: npt.DTypeLike) -> Self:
        """Return a copy that computes in another type, with the same parameters, rounded to it.

        Parameters
        ----------
        dtype : {"float32", "float64"}

        Raises
        ------
        ValueError
            If it is neither.

        Examples
        --------
        >>> import fastnn as fnn
        >>> model = fnn.Sequential([fnn.Input(2), fnn.Dense(1)])
        >>> model.as_dtype("float64").predict([[1.0, 2.0]]).dtype
        dtype('float64')
        """
        wanted = _check_dtype(dtype, f"{type(self).__name__}.as_dtype")
        *parts, (name, seed, _, frozen), values = self.__reduce__()[1]
        changed: tuple[Any, ...] = (*parts, (name, seed, wanted, frozen))
        twin = _rebuild(*changed)
        arena = twin.snapshot()
        for trained in (True, False):
            mine = self._views(values, trained=trained)
            for key, view in twin._views(arena, trained=trained).items():
                view[...] = mine[key]
        twin.restore(arena)
        return cast(Self, twin)

    def __copy__(self) -> Self:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (
            type(self),
            self.layers,
            [(use.layer, use.inputs) for use in self._uses],
            self._ends,
            (self._input_form, self._output_form),
            (self.name, self.seed, self.dtype, self._frozen),
            self.snapshot(),
        )

    def config(self) -> dict[str, Any]:
        """Return the architecture as a dict that JSON can hold.

        Examples
        --------
        >>> import fastnn as fnn
        >>> x = fnn.Input(2)
        >>> config = fnn.Model(x, fnn.Dense(1)(x), seed=1).config()
        >>> fnn.Model.from_config(config).seed
        1
        """
        return {
            "kind": "model",
            "name": self.name,
            "seed": self.seed,
            "dtype": self.dtype,
            "layers": [layer.config() for layer in self.layers],
            "nodes": [
                {"layer": use.layer, "inputs": [list(one) for one in use.inputs]}
                for use in self._uses
            ],
            "inputs": self._input_form,
            "outputs": {"nodes": [list(end) for end in self._ends], "form": self._output_form},
            "frozen": sorted(self._frozen),
        }

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, type[Any]] | None = None
    ) -> Self:
        """Build a model, with initial weights, from what `config` returned.

        Parameters
        ----------
        config : mapping
        custom_objects : mapping of name to class, optional
            A person's own layers, activations and initializers.

        Raises
        ------
        TypeError, ValueError
            If `config` describes no model.

        Examples
        --------
        >>> import fastnn as fnn
        >>> model = fnn.Sequential([fnn.Input(2), fnn.Dense(1)])
        >>> len(fnn.Sequential.from_config(model.config()))
        2
        """
        from fastnn import nested  # noqa: F401  (makes the kind of a model in a model known)
        from fastnn.sequential import Sequential

        where = f"{cls.__name__}.from_config"
        given: object = config
        kinds = {"sequential": Sequential, "model": Model}
        kind = config.get("kind") if isinstance(given, Mapping) else None
        if kind not in kinds or not issubclass(kinds[kind], cls):
            raise ValueError(f"{where}: want the config of a {cls.__name__}, got {describe(given)}")
        layers = config.get("layers")
        if not isinstance(layers, Sequence):
            raise ValueError(f"{where}: the config has no list of layers")
        found = [Layer.from_config(layer, custom_objects) for layer in layers]
        name: str = config.get("name", DEFAULT_NAME)
        seed: int | None = config.get("seed")
        dtype: str = config.get("dtype", "float32")
        if kind == "sequential":
            model: Model = Sequential(found, name=name, seed=seed, dtype=dtype)
            model._set_frozen(frozenset(config.get("frozen", ())))
            return cast(Self, model)
        try:
            table = [
                (int(node["layer"]), tuple((int(a), int(b)) for a, b in node["inputs"]))
                for node in config["nodes"]
            ]
            ends = tuple((int(a), int(b)) for a, b in config["outputs"]["nodes"])
            forms = (check_form(config["inputs"]), check_form(config["outputs"]["form"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{where}: the config's graph cannot be read: {error!r}") from None
        frozen = frozenset(config.get("frozen", ()))
        return cast(Self, _rebuild(Model, found, table, ends, forms, (name, seed, dtype, frozen)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write architecture and parameters to one safetensors file.

        The file is written beside `path` and moved there once whole: a failure leaves an old file
        as it was.

        Parameters
        ----------
        path : str or path-like

        Raises
        ------
        OSError
            If it cannot be written.

        Examples
        --------
        >>> import fastnn as fnn, tempfile, pathlib
        >>> model = fnn.Sequential([fnn.Input(2), fnn.Dense(1)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save(pathlib.Path(folder, "model.safetensors"))
        ...     twin = fnn.load(pathlib.Path(folder, "model.safetensors"))
        >>> bool((twin.parameters["dense_0/kernel"] == model.parameters["dense_0/kernel"]).all())
        True
        """
        from fastnn import io

        io.save(self, path)

    # -- other libraries: fastnn.interchange ------------------------------------------------------

    def load_weights(
        self, path: str | os.PathLike[str], *, mapping: Mapping[str, str] | None = None
    ) -> None:
        """Take the weights of a safetensors file, also one that PyTorch's tensors were saved in.

        Parameters
        ----------
        path : str or path-like
        mapping : mapping of str to str, optional
            The file's tensor for each of this model's arrays that is to be set, by the names of
            `parameters` and `state`: ``{"dense_0/kernel": "fc1.weight"}``.  Without it a file with
            this model's own names is taken as it is, and any other layer by layer, in order:
            ``0.weight``, ``0.bias``, ``fc1.weight``, ... as a `state_dict` names them.

        Raises
        ------
        OSError
            If the file cannot be read.
        ValueError
            If it is no safetensors file, or a tensor does not fit: all that do not are named, and
            nothing has changed.

        Notes
        -----
        The kernels of PyTorch's linear layers are transposed.  Half precision becomes the model's.

        Examples
        --------
        >>> import fastnn as fnn, numpy as np, tempfile, pathlib
        >>> from safetensors.numpy import save_file
        >>> model = fnn.Sequential([fnn.Input(2), fnn.Dense(1)])
        >>> linear = {"fc.weight": np.ones((1, 2)), "fc.bias": np.zeros(1)}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_file(linear, pathlib.Path(folder, "torch.safetensors"))
        ...     model.load_weights(pathlib.Path(folder, "torch.safetensors"))
        >>> model.predict([[3.0, 4.0]])
        array([[7.]], dtype=float32)
        """
        from fastnn.interchange.weights import load_weights

        load_weights(self, path, mapping=mapping)

    def to_torch(self) -> Any:
        """Return the model as a PyTorch ``nn.Sequential`` with copies of the weights.

        Returns
        -------
        torch.nn.Sequential
            In training mode, with the model's dtype; its modules have the layers' names.

        Raises
        ------
        ImportError
            If PyTorch is not installed.
        ValueError
            If the model is no chain, or has layers that PyTorch has no module for: all are named.
        """
        from fastnn.interchange.torch import to_torch

        return to_torch(self)

    def to_keras(self) -> Any:
        """Return the model as a Keras 3 model with copies of the weights.

        Returns
        -------
        keras.Sequential, or keras.Model for a graph
            Not compiled; its layers have this model's names.

        Raises
        ------
        ImportError
            If Keras is not installed.
        ValueError
            If there are layers that Keras does not have: all are named.
        """
        from fastnn.interchange.keras import to_keras

        return to_keras(self)

    def to_sklearn(self, classes: Sequence[Any] | None = None) -> Any:
        """Return the model as a fitted estimator of scikit-learn.

        Parameters
        ----------
        classes : sequence, optional
            What the output's columns stand for, if it is an `MLPClassifier`; by default 0, 1, ...

        Returns
        -------
        sklearn.neural_network.MLPRegressor or MLPClassifier, or a Pipeline
            An `MLPClassifier` if the output is a softmax or sigmoid.  A `Normalization` in front
            becomes a ``StandardScaler``, one at the end a ``TransformedTargetRegressor``.

        Raises
        ------
        ImportError
            If scikit-learn is not installed.
        ValueError
            If it is no chain of dense layers whose hidden ones share an activation that
            scikit-learn has.
        """
        from fastnn.interchange.sklearn import to_sklearn

        return to_sklearn(self, classes=classes)

    def export_c(self, path: str | os.PathLike[str], *, name: str = "model", x: Any = None) -> None:
        """Write the model as one C99 file that needs libm and nothing else.

        The file has the weights, ``NAME_predict`` for one row, ``NAME_predict_rows`` for several,
        and, under ``#ifdef NAME_MAIN``, a main that checks them against what this model predicts.
        Nothing is allocated and nothing kept: threads may call the functions at the same time.
        Values between layers lie on the stack up to 4096 bytes; for larger networks the caller
        brings ``NAME_SCRATCH`` numbers.  The head of the file says all of it.

        Parameters
        ----------
        path : str or path-like
            Replaced only once the new file is whole.
        name : str
            Begins the names of the functions.
        x : array_like, or a list or dict for several inputs, optional
            Rows to check with, at most the first 64; by default four that are drawn.

        Raises
        ------
        OSError
            If the file cannot be written; an old one stays as it was.
        TypeError, ValueError
            If `name` is no name for a C function, `x` does not fit, a parameter is not finite, or
            a layer is a Python function, which C cannot call.

        Notes
        -----
        Each output is within 1e-6 of its largest value of what `predict` returns (float64: 1e-12),
        or within four times what rounding does to it, if that is more: the main knows the bound.

        Examples
        --------
        >>> import fastnn as fnn, tempfile, pathlib
        >>> model = fnn.Sequential([fnn.Input(7), fnn.Dense(8, "relu"), fnn.Dense(1)], seed=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.export_c(pathlib.Path(folder, "cars.c"), name="cars")
        ...     text = pathlib.Path(folder, "cars.c").read_text()
        >>> print(next(line for line in text.splitlines() if line.startswith("void")))
        void cars_predict(const float x[7], float y[1]);
        """
        from fastnn.interchange.c_source import export_c

        export_c(self, path, name=name, x=x)

    # -- running it -------------------------------------------------------------------------------

    def export_onnx(self, path: str | os.PathLike[str], *, opset: int = 17) -> None:
        """Write the model as an ONNX file, which other tools can run.

        What is written is what `predict` computes: noise is left out, scalers are part of it.

        Parameters
        ----------
        path : str or path-like
            Replaced only once the new file is whole.
        opset : int, default 17
            Version of ONNX's operators, at least 13; an old runtime may want an old one.

        Raises
        ------
        ImportError
            If the package onnx is not installed.
        TypeError, ValueError
            If ONNX has no operators for a layer, such as a `Lambda`, or `opset` is unknown.
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import fastnn as fnn, tempfile, pathlib
        >>> model = fnn.Sequential([fnn.Input(2), fnn.Dense(1)], seed=3)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "m.onnx")
        ...     model.export_onnx(path)
        ...     path.stat().st_size < 1000
        True
        """
        from fastnn.interchange.onnx_out import export_onnx

        export_onnx(self, path, opset=opset)

    def __call__(self, x: Any, *more: Any, check_finite: bool = True) -> Any:
        """Return ``model.predict(x)``, or for symbolic tensors those of the outputs.

        Called on symbolic tensors the model is a layer of another one, named like the model and
        with a copy of its parameters: what one learns, the other does not.
        """
        if is_symbolic(x):
            from fastnn.nested import ModelLayer

            if self._as_layer is None:
                self._as_layer = ModelLayer(self)
            return apply(self._as_layer, (x, *more))
        if more:
            raise TypeError(
                f"{type(self).__name__}: several inputs are given as one list, "
                f"got {1 + len(more)} arguments"
            )
        return self.predict(x, check_finite=check_finite)

    if not TYPE_CHECKING:  # where Keras users look; a `__getattr__` would slow down every call
        compile = _Elsewhere()
        evaluate = _Elsewhere()
        fit = _Elsewhere()
        train_on_batch = _Elsewhere()

    def _as_inputs(self, x: Any, where: str) -> tuple[Any, ...]:
        """Return the rows of each input, checked but for NaN, as arrays that the core can read.

        Parameters
        ----------
        x : array_like, or a list or dict for several inputs
        where : str
            Who asks; begins the message of an error.
        """
        self.block_rows()  # says so if there is no network yet
        if len(self.input_cols) == 1 and not isinstance(self._input_form, tuple):
            given: list[Any] = [x]
            if self._input_form == "list" and isinstance(x, (list, tuple)) and len(x) == 1:
                given = list(x) if np.ndim(x[0]) == 2 else given
        else:
            form = self.input_names if isinstance(x, Mapping) else self._input_form
            given = parts_of(x, form or self.input_names, len(self.input_cols), where)
        single = len(given) == 1
        found: list[Any] = []
        for i, (value, name, cols) in enumerate(
            zip(given, self.input_names, self.input_cols, strict=True)
        ):
            if hasattr(value, "tocsr"):
                found.append(self._as_sparse(value, i, where, "x" if single else f"x[{name!r}]"))
                continue
            if isinstance(value, data.SparseRows):  # from here, checked before
                found.append(value)
                continue
            rows = data.as_rows(
                value,
                where=where,
                name="x" if single else f"x[{name!r}]",
                columns=cols,
                allow_1d=not single,
            )
            if found and len(rows) != len(found[0]):
                raise ValueError(
                    f"{where}: x[{name!r}] has {len(rows)} rows, x[{self.input_names[0]!r}] "
                    f"{len(found[0])}; want as many"
                )
            found.append(rows)
        return tuple(found)

    def _as_sparse(self, value: Any, i: int, where: str, name: str) -> data.SparseRows:
        if not self._reads_sparse[i]:
            raise TypeError(
                f"{where}: {name} is a sparse {type(value).__name__}; only Dense layers read "
                f"sparse rows: {name}.toarray() makes them dense"
            )
        return data.as_sparse_rows(
            value, where=where, name=name, columns=self.input_cols[i], dtype=self.dtype
        )

    def _split_outputs(self, given: Any, where: str) -> list[Any]:
        """Return the parts of what was given for several outputs; None for those left out."""
        form: Any = self._output_form
        if isinstance(given, Mapping):
            form = self.output_names
            given = dict.fromkeys(form) | dict(given)
        return parts_of(given, form, len(self.output_cols), where)

    def _check_sparse(self, rows: Sequence[Any], where: str) -> None:
        """Refuse NaN and Inf in sparse rows, which the core does not look at."""
        for array, name in zip(rows, self.input_names, strict=True):
            if isinstance(array, data.SparseRows):
                name = "x" if len(rows) == 1 else f"x[{name!r}]"
                data.check_sparse_finite(array, where=where, name=name)

    def _check_inputs(self, rows: Sequence[Any], where: str, *, finite: bool = True) -> None:
        """Refuse NaN and Inf, and numbers that no row of an `Embedding` has."""
        names = ["x"] if len(rows) == 1 else [f"x[{name!r}]" for name in self.input_names]
        if finite:
            for array, name in zip(rows, names, strict=True):
                if isinstance(array, data.SparseRows):
                    data.check_sparse_finite(array, where=where, name=name)
                    continue
                data.check_finite(array, where=where, name=name, dtype=self.dtype)
        for number, column, size in self._tables:
            data.check_indices(
                rows[number][:, column],
                where=where,
                name=names[number] + (f"[:, {column}]" if rows[number].shape[1] > 1 else ""),
                below=size,
            )

    def _close(self, outs: Sequence[Array]) -> Any:
        """Return outputs as the model's were given: one, a list, a dict."""
        if isinstance(self._output_form, tuple):
            return dict(zip(self._output_form, outs, strict=True))
        return outs[0] if self._output_form is None else list(outs)

    def predict_rows(self, x: Any, batch_size: int | None, out: Any, check_finite: bool) -> Any:
        """Predict from anything `predict` takes.

        The compiled `predict` passes on to here what is not a small plain array.
        """
        where = "predict"
        block = self.block_rows()
        if is_symbolic(x):
            raise TypeError(
                f"{where}: x is symbolic, without values; call the model itself, model(x), to make "
                f"it part of another"
            )
        plain = len(self.input_cols) == 1 and self._input_form is None
        if is_stream(x) and (plain or not isinstance(x, (list, tuple, Mapping))):
            if out is not None:
                raise ValueError(f"{where}: out needs an array x, got a stream")
            parts = [
                self.predict_rows(first_of(batch, i), batch_size, None, check_finite)
                for i, batch in enumerate(x)
            ]
            if not parts:
                raise ValueError(f"{where}: the stream yielded no batches")
            if isinstance(parts[0], dict):
                return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
            if isinstance(parts[0], list):
                return [np.concatenate(pieces) for pieces in zip(*parts, strict=True)]
            return np.concatenate(parts)
        if batch_size is not None:
            block = data.as_count(batch_size, where=where, name="batch_size")
        return self._predict_tables(x, out, where, block, check_finite)

    def _predict_tables(self, x: Any, out: Any, where: str, block: int, check_finite: bool) -> Any:
        """Predict from arrays."""
        rows = self._as_inputs(x, where)
        if check_finite:
            self._check_sparse(rows, where)
        n = len(rows[0])
        shapes = [(n, cols) for cols in self.output_cols]
        outs: list[Array]
        if out is None:
            outs = [np.empty(shape, self.dtype) for shape in shapes]
        else:
            outs = parts_of(out, self._output_form, len(shapes), f"{where}: out")
            for one, shape in zip(outs, shapes, strict=True):
                check_out(one, where, shape, self.dtype)
            rows = tuple(
                array.copy()
                if isinstance(array, np.ndarray)
                and any(np.may_share_memory(one, array) for one in outs)
                else array
                for array in rows
            )
        if self.run_predict(rows, tuple(outs), block, check_finite) >= 0:
            self._check_inputs(rows, where, finite=check_finite)
        return self._close(outs)

    def predict_served(self, x: Any, out: Any, where: str, check_finite: bool) -> Any:
        """Predict for a `Predictor` of several inputs or outputs: a table each, or a row each."""
        parts = [x]
        several = len(self.input_cols) > 1 or isinstance(self._input_form, tuple)
        if several:
            form = self.input_names if isinstance(x, Mapping) else self._input_form
            parts = parts_of(x, form, len(self.input_cols), where)
        if [np.shape(part) for part in parts] != [(cols,) for cols in self.input_cols]:
            return self._predict_tables(x, out, where, self.block_rows(), check_finite)
        tables = [np.asarray(part)[None] for part in parts]
        to = None if out is None else each_part(lambda part: np.asarray(part)[None], out)
        result = self._predict_tables(
            tables if several else tables[0], to, where, self.block_rows(), check_finite
        )
        return each_part(lambda part: part[0], result) if out is None else out

    def predictor(self, *, check_finite: bool = True) -> Predictor:
        """Return the model as it is now, frozen for serving.

        Parameters
        ----------
        check_finite : bool
            Refuse NaN and Inf in the rows; if False they go through to the result.

        Returns
        -------
        Predictor
            Gives the bits of `predict`, faster for one row or a few.  It never changes; threads
            share it without locks, and C can call it where there is one input and one output.

        Examples
        --------
        >>> import fastnn as fnn
        >>> model = fnn.Sequential([fnn.Input(2), fnn.Dense(1, kernel_initializer="ones")])
        >>> predictor = model.predictor()
        >>> model.set_weights({"dense_0/kernel": [[0.0], [0.0]]})
        >>> predictor([1.0, 2.0])
        array([3.], dtype=float32)
        """
        return Predictor(self, check_finite=check_finite)

    def forward(self, x: Any, *, training: bool = False, check_finite: bool = True) -> Any:
        """Return the outputs for `x`, keeping what `backward` needs if `training`.

        Parameters
        ----------
        x : array_like, shape (n, inputs)
        training : bool
            Draw noise, take moments from the batch (the moving ones move), and keep the layers'
            values for one or more calls of `backward`; a `predict` in between does not disturb
            them.
        check_finite : bool
            Refuse NaN and Inf in `x`.

        Returns
        -------
        ndarray, shape (n, outputs)
            A new array, the output activation applied.

        Raises
        ------
        TypeError, ValueError
            As `predict`.

        Examples
        --------
        >>> import fastnn as fnn
        >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1, kernel_initializer="ones")])
        >>> y = model.forward([[2.0]], training=True)
        >>> model.backward(2 * (y - 1.0))  # the derivative of (y - 1)**2
        array([[2.]], dtype=float32)
        >>> model.gradients["dense_0/kernel"]
        array([[4.]], dtype=float32)
        """
        where = "forward"
        rows = self._as_inputs(x, where)
        if check_finite:
            self._check_sparse(rows, where)
        outs: list[Array] = [
            np.empty((len(rows[0]), cols), self.dtype) for cols in self.output_cols
        ]
        if training:
            self._kept_rows = 0
            bad = self.run_forward(rows, tuple(outs), check_finite, self.seed)
        else:
            bad = self.run_predict(rows, tuple(outs), self.block_rows(), check_finite)
        if bad >= 0:
            self._check_inputs(rows, where, finite=check_finite)
        if training:
            self._kept_rows = len(rows[0])
        return self._close(outs)

    def backward(self, dy: Any) -> Any:
        """Compute the gradients of a loss from its derivative by the outputs.

        Parameters
        ----------
        dy : array_like, shape (n, outputs)
            dL/d(outputs) for the rows of the last ``forward(x, training=True)``, taken as given:
            nothing is divided by n.

        Returns
        -------
        ndarray, shape (n, inputs)
            dL/dx.  ``model.gradients`` is overwritten with dL/d(parameters).

        Raises
        ------
        RuntimeError
            If there was no ``forward(x, training=True)``.
        TypeError, ValueError
            If `dy` does not fit.

        Examples
        --------
        >>> import fastnn as fnn
        >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1, kernel_initializer="ones")])
        >>> _ = model.forward([[3.0]], training=True)
        >>> model.backward([[1.0]])
        array([[1.]], dtype=float32)
        """
        where = "backward"
        if self._kept_rows == 0:
            raise RuntimeError(f"{where}: call forward(x, training=True) first")
        plain: list[Array | None] = []
        for one, cols in zip(
            parts_of(dy, self._output_form, len(self.output_cols), f"{where}: dy"),
            self.output_cols,
            strict=True,
        ):
            if one is None and len(self.output_cols) > 1:
                plain.append(None)
                continue
            given = data.as_rows(one, where=where, name="dy", columns=cols, allow_1d=True)
            if len(given) != self._kept_rows:
                raise ValueError(
                    f"{where}: dy has {len(given)} rows; want {self._kept_rows}, "
                    f"as the last forward"
                )
            plain.append(np.require(given, self.dtype, ["C_CONTIGUOUS", "ALIGNED"]))
        dxs: list[Array] = [
            np.empty((self._kept_rows, cols), self.dtype) for cols in self.input_cols
        ]
        if not self.run_backward(tuple(plain), tuple(dxs)):
            raise RuntimeError(f"{where}: call forward(x, training=True) first")
        if isinstance(self._input_form, tuple):
            return dict(zip(self._input_form, dxs, strict=True))
        return dxs[0] if self._input_form is None else dxs

    def apply_gradients(self, optimizer: Optimizer) -> None:
        """Update the parameters once from ``model.gradients``; ``optimizer.step(model)`` calls it.

        Parameters
        ----------
        optimizer : Optimizer
            Its state for this model goes on from the last call with the same object.

        Examples
        --------
        >>> import fastnn as fnn
        >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1, kernel_initializer="ones")])
        >>> model.gradients["dense_0/kernel"][...] = 1.0
        >>> fnn.SGD(learning_rate=0.5).step(model)
        >>> model.parameters["dense_0/kernel"]
        array([[0.5]], dtype=float32)
        """
        state = self._optimizer_states.get(optimizer)
        if state is None:
            state = self._optimizer_state(optimizer)
            self._optimizer_states[optimizer] = state
        self._renew(state, optimizer)
        state.step()

    def _optimizer_state(self, optimizer: Optimizer) -> OptimizerState:
        """Return a new state of `optimizer` for this model: all slots 0, no updates done."""
        segments = describe_segments(self._segments(), optimizer)
        state = OptimizerState(self, optimizer.settings(), segments, self.seed)
        state.freezes = self.freezes
        return state

    def _renew(self, state: OptimizerState, optimizer: Optimizer) -> None:
        """Let a state know which layers are frozen, if that has changed since it was made."""
        if state.freezes != self.freezes:
            state.describe(describe_segments(self._segments(), optimizer))
            state.freezes = self.freezes

    def _gradient_state(self) -> OptimizerState:
        """Return a state whose steps leave the gradients of the loss and change no parameter."""
        return OptimizerState(self, {"kind": NO_UPDATE}, describe_segments(self._segments(), SGD()))

    def _segments(self) -> list[Segment]:
        return [
            Segment(
                slot.name,
                slot.offset,
                slot.weight.shape,
                self._is_trained(slot.name),
                slot.weight.regularizer,
                slot.weight.constraint,
            )
            for slot in self._slots
        ]

    def _is_trained(self, name: str) -> bool:
        """Tell whether training changes the array of this name, such as "dense_0/kernel"."""
        slot = next(slot for slot in self._slots if slot.name == name)
        return slot.trainable and name.split("/")[0] not in self._frozen


def _name_layers(layers: Sequence[Layer], where: str) -> tuple[str, ...]:
    """Name each layer: its own name, or its kind and how many of the kind came before."""
    counts: dict[str, int] = {}
    names: list[str] = []
    for layer in layers:
        number = counts.get(layer.kind, 0)
        counts[layer.kind] = number + 1
        name = layer.name if layer.name is not None else f"{layer.kind}_{number}"
        if name in names:
            raise ValueError(f"{where}: two layers are named {name!r}; names must differ")
        names.append(name)
    return tuple(names)


def _check_dtype(dtype: object, where: str) -> str:
    try:
        name = "None" if dtype is None else np.dtype(cast(Any, dtype)).name
    except TypeError:
        name = str(dtype)
    if name not in DTYPES:
        raise ValueError(f"{where}: dtype must be float32 or float64, got {name}")
    return name


def _rebuild(
    cls: type[Model],
    layers: Sequence[Layer],
    table: Sequence[tuple[int, tuple[tuple[int, int], ...]]],
    ends: Sequence[tuple[int, int]],
    forms: tuple[Any, Any],
    rest: tuple[str, int | None, str, frozenset[str]],
    arena: Array | None = None,
) -> Model:
    """Build a model from its layers and their uses; the node of a use comes before its readers."""
    where = cls.__name__
    name, seed, dtype, frozen = rest
    nodes: list[Node] = []
    for number, reads in table:
        if not 0 <= number < len(layers) or not all(0 <= a < len(nodes) for a, _ in reads):
            raise ValueError(
                f"{where}: node {len(nodes)} reads a node that does not come before it, "
                f"or a layer that is not there"
            )
        layer = layers[number]
        if not all(0 <= b < len(nodes[a].units) for a, b in reads):
            raise ValueError(f"{where}: node {len(nodes)} reads an output that is not there")
        tensors = tuple(Tensor(nodes[a], b) for a, b in reads)
        if isinstance(layer, Input):
            if any(node.layer is layer for node in nodes):
                raise ValueError(f"{where}: two nodes are the input {layer!r}")
            nodes.append(Node(layer, (), (layer.units,)))
            continue
        made = apply(layer, tensors)
        nodes.append(made.node if isinstance(made, Tensor) else made[0].node)
    if not ends or not all(0 <= a < len(nodes) and 0 <= b < len(nodes[a].units) for a, b in ends):
        raise ValueError(f"{where}: an output is none of the nodes")
    starts = [Tensor(node) for node in nodes if isinstance(node.layer, Input)]
    for what, form, count in (("inputs", forms[0], len(starts)), ("outputs", forms[1], len(ends))):
        if count != (1 if form is None else len(form) if isinstance(form, tuple) else count):
            raise ValueError(f"{where}: got {count} {what}, which {form!r} does not fit")
    model = cls.__new__(cls)
    model._input_form, model._output_form = forms
    model._assemble(
        starts,
        [Tensor(nodes[a], b) for a, b in ends],
        name,
        seed,
        dtype,
    )
    if len(model._uses) < len(nodes) or len(model.layers) < len(layers):
        raise ValueError(f"{where}: a layer or node is there that no output needs")
    model._set_frozen(frozen)
    if arena is not None:
        model.restore(arena)
    return model
