"""The model: layers, their parameters, and what can be asked of them.

A model lowers its layers once to a plan of the C core (a flat list of ops over one parameter
vector); everything it computes runs through that plan.  `Model` is any graph of layers;
`fastnn.sequential` has the chain of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Self, cast, overload
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from fastnn import data, inference
from fastnn._core import NO_UPDATE, Network, OptimizerState, Predictor
from fastnn._segments import Segment, describe_penalties, describe_segments
from fastnn._spec import describe, lookup
from fastnn.arena import check_dtype, check_weights, draw, lay_out, views
from fastnn.forms import close_form, open_form, parts_of
from fastnn.graph import Tensor, apply, is_symbolic, key_of, trace
from fastnn.inference import as_inputs, check_inputs, check_sparse
from fastnn.layers import Input, Layer, Units
from fastnn.lowering import DENSE, Lowering
from fastnn.rebuild import rebuild as _rebuild  # the name in pickles so far

if TYPE_CHECKING:
    from fastnn.optimizers import Optimizer
    from fastnn.summary import Summary

__all__ = ["Model"]

Array = npt.NDArray[Any]

DEFAULT_NAME = "Model"


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
        self.dtype = check_dtype(dtype, who)
        self._frozen: frozenset[str] = frozenset()
        self.freezes = 0  # how often what is frozen has changed
        self._slots, size = lay_out(self.layers, self.layer_names, self._fan_ins(), self.dtype, who)
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

    def _fan_ins(self) -> list[Units]:
        """Return the columns of the inputs of each layer, the same wherever it is called."""
        found: dict[int, Units] = {}
        for use in self._uses:
            given = tuple(self._uses[node].units[index] for node, index in use.inputs)
            units = found.setdefault(use.layer, given)
            if given != units:
                raise ValueError(
                    f"{type(self).__name__}: the layer {self.layer_names[use.layer]!r} is called "
                    f"on {given} columns after {units}; a shared layer has one kernel"
                )
        return [found[layer] for layer in range(len(self.layers))]

    def _views(self, arena: Array, *, trained: bool) -> Mapping[str, Array]:
        return views(self._slots, arena, trained=trained)

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
        from fastnn.summary import describe_layers, summarize

        return summarize(self.name, describe_layers(self), self.dtype)

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
        from fastnn.summary import describe_layers, mermaid

        return mermaid(describe_layers(self))

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
        arena = np.zeros_like(self.parameter_arena) if first else self.snapshot()
        draw(self._slots, arena, self.seed, type(self).__name__, first=first)
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
        from fastnn.moments import adapt

        adapt(self, x, y)

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
        checked = check_weights(weights, self.parameters, self.dtype, where)
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
        wanted = check_dtype(dtype, f"{type(self).__name__}.as_dtype")
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
        from fastnn.rebuild import from_config

        return cast(Self, from_config(cls, config, custom_objects))

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

    # -- running it -------------------------------------------------------------------------------

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

    def _split_outputs(self, given: Any, where: str) -> list[Any]:
        """Return the parts of what was given for several outputs; None for those left out."""
        form: Any = self._output_form
        if isinstance(given, Mapping):
            form = self.output_names
            given = dict.fromkeys(form) | dict(given)
        return parts_of(given, form, len(self.output_cols), where)

    def predict_rows(self, x: Any, batch_size: int | None, out: Any, check_finite: bool) -> Any:
        """Predict from anything `predict` takes.

        The compiled `predict` passes on to here what is not a small plain array.
        """
        return inference.predict_rows(self, x, batch_size, out, check_finite)

    def predict_served(self, x: Any, out: Any, where: str, check_finite: bool) -> Any:
        """Predict for a `Predictor` of several inputs or outputs: a table each, or a row each."""
        return inference.predict_served(self, x, out, where, check_finite)

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
        rows = as_inputs(self, x, where)
        if check_finite:
            check_sparse(self, rows, where)
        outs: list[Array] = [
            np.empty((len(rows[0]), cols), self.dtype) for cols in self.output_cols
        ]
        if training:
            self._kept_rows = 0
            bad = self.run_forward(rows, tuple(outs), check_finite, self.seed)
        else:
            bad = self.run_predict(rows, tuple(outs), self.block_rows(), check_finite)
        if bad >= 0:
            check_inputs(self, rows, where, finite=check_finite)
        if training:
            self._kept_rows = len(rows[0])
        return close_form(outs, self._output_form)

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
        return close_form(dxs, self._input_form)

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
        from fastnn.optimizers import SGD

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
