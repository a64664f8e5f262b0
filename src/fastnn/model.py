"""The model: layers, their parameters, and what can be asked of them.

`Sequential` lowers its layers once to a plan of the C core (a flat list of ops over one parameter
vector); everything it computes runs through that plan.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeGuard, cast, overload
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from fastnn import data
from fastnn._core import NO_UPDATE, Network, OptimizerState, Predictor
from fastnn._segments import Segment, describe_segments
from fastnn._spec import describe, lookup
from fastnn.layers import Activation, Dense, Input, Layer
from fastnn.optimizers import SGD, Optimizer

if TYPE_CHECKING:
    from fastnn.summary import LayerInfo, Summary

__all__ = ["Sequential"]

Array = npt.NDArray[Any]

DTYPES: dict[str, np.dtype[Any]] = {name: np.dtype(name) for name in ("float32", "float64")}

DENSE_OP, ACTIVATION_OP = 0, 1  # fnn_op_kind_t
ALIGNED_FROM = 1024  # parameters of at least this many elements begin on a cache line
LINE_BYTES = 64


class Slot(NamedTuple):
    """Where a parameter lies in the arena."""

    name: str
    offset: int
    shape: tuple[int, ...]


class Sequential(Network):
    """Layers one after another.

    Parameters
    ----------
    layers : sequence of Layer
        An `Input` first.  Each object once: layers are frozen, ``layer.replace()`` copies one.
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
    layer_names : tuple of str
        The name of each layer: its own, or its kind and a number from 0.
    parameters, gradients : mapping of str to ndarray
        Views into the arenas, such as ``model.parameters["dense_0/kernel"]`` (fan_in, fan_out):
        writing into one changes the model.
    seed : int
    dtype : str

    Raises
    ------
    TypeError, ValueError
        If a layer is none, the first is no `Input`, names repeat, or a size overflows.

    Examples
    --------
    >>> import fastnn as fnn
    >>> model = fnn.Sequential([
    ...     fnn.Input(7, name="car_features"),
    ...     fnn.Dense(32, activation="relu"),
    ...     fnn.Dense(8, activation="relu"),
    ...     fnn.Dense(1),
    ... ], seed=0)
    >>> model
    Sequential(
      inputs: {'car_features': (None, 7)}
      outputs: 'dense_2'
      nodes: 4
    )
    >>> model.parameters["dense_0/kernel"].shape
    (7, 32)
    """

    layers: tuple[Layer, ...]
    layer_names: tuple[str, ...]

    def __init__(
        self,
        layers: Sequence[Layer],
        *,
        name: str = "Model",
        seed: int | None = None,
        dtype: npt.DTypeLike = "float32",
    ) -> None:
        self.layers = _check_layers(layers)
        self.layer_names = _name_layers(self.layers)
        self.name = str(name)
        self.seed = data.as_seed(seed, where="Sequential")
        self.dtype = _check_dtype(dtype)
        self._columns = _columns(self.layers)
        self._slots, size = _lay_out(
            self.layers, self.layer_names, self._columns, DTYPES[self.dtype].itemsize
        )
        offsets = {slot.name: slot.offset for slot in self._slots}
        cols, ops = _lower(self.layers, self.layer_names, self._columns, offsets)
        self._build(self.dtype, cols, 1, ops, size)
        self.parameters: Mapping[str, Array] = self._views(self.parameter_arena)
        self.gradients: Mapping[str, Array] = self._views(self.gradient_arena)
        self._optimizer_states: WeakKeyDictionary[Optimizer, OptimizerState] = WeakKeyDictionary()
        self._kept_rows = 0
        self.initialize()

    def _views(self, arena: Array) -> Mapping[str, Array]:
        return MappingProxyType(
            {
                slot.name: arena[slot.offset : slot.offset + math.prod(slot.shape)].reshape(
                    slot.shape
                )
                for slot in self._slots
            }
        )

    # -- what it is -------------------------------------------------------------------------------

    @property
    def inputs(self) -> int:
        """Columns that a row of the input has."""
        return self._columns[0]

    @property
    def outputs(self) -> int:
        """Columns that a row of the output has."""
        return self._columns[-1]

    @property
    def output_activation(self) -> str:
        """Name of the activation that the outputs have been through; "linear" for none."""
        last = self.layers[-1]
        if isinstance(last, (Dense, Activation)):
            return last.activation.name
        return "linear"

    def count_parameters(self) -> int:
        """Return the number of parameters.

        Examples
        --------
        >>> import fastnn as fnn
        >>> fnn.Sequential([fnn.Input(7), fnn.Dense(1), fnn.Dense(1)]).count_parameters()
        10
        """
        return sum(math.prod(slot.shape) for slot in self._slots)

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
                "layer", key, dict(zip(self.layer_names, self.layers, strict=True)), "Sequential"
            )
        return self.layers[key]

    def __iter__(self) -> Iterator[Layer]:
        """Iterate over the layers."""
        return iter(self.layers)

    def __repr__(self) -> str:
        """Show inputs, outputs and the number of nodes."""
        return (
            f"Sequential(\n"
            f"  inputs: {{{self.layer_names[0]!r}: (None, {self.inputs})}}\n"
            f"  outputs: {self.layer_names[-1]!r}\n"
            f"  nodes: {len(self)}\n"
            f")"
        )

    def _describe_layers(self) -> list[LayerInfo]:
        from fastnn.summary import LayerInfo

        return [
            LayerInfo(
                name,
                layer.kind,
                None if i == 0 else (None, self._columns[i - 1]),
                (None, self._columns[i]),
                layer.options(),
                layer.parameter_shapes(self._columns[max(i - 1, 0)]),
            )
            for i, (name, layer) in enumerate(zip(self.layer_names, self.layers, strict=True))
        ]

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
            self.seed = data.as_seed(seed, where="Sequential.initialize")
        drawn: list[Array] = []
        for i, layer in enumerate(self.layers):
            initializers = layer.initializers()
            shapes = layer.parameter_shapes(self._columns[max(i - 1, 0)])
            for name, shape in shapes.items():
                drawn.append(initializers[name](shape, seed=self.seed, index=len(drawn)))
        arena = np.zeros_like(self.parameter_arena)
        for view, values in zip(self._views(arena).values(), drawn, strict=True):
            view[...] = values
        self.restore(arena)

    def get_weights(self) -> list[Array]:
        """Return copies of all parameters, in the order of `parameters`.

        Examples
        --------
        >>> import fastnn as fnn
        >>> [w.shape for w in fnn.Sequential([fnn.Input(2), fnn.Dense(1)]).get_weights()]
        [(2, 1), (1,)]
        """
        return list(self._views(self.snapshot()).values())

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
        where = "Sequential.set_weights"
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
        views = self._views(arena)
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
        twin = type(self)(self.layers, name=self.name, seed=self.seed, dtype=self.dtype)
        twin.restore(self.snapshot())
        return twin

    def __copy__(self) -> Self:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (
            type(self),
            self.layers,
            self.name,
            self.seed,
            self.dtype,
            self.get_weights(),
        )

    def config(self) -> dict[str, Any]:
        """Return the architecture as a dict that JSON can hold.

        Examples
        --------
        >>> import fastnn as fnn
        >>> config = fnn.Sequential([fnn.Input(2), fnn.Dense(1)], seed=1).config()
        >>> fnn.Sequential.from_config(config).seed
        1
        """
        return {
            "kind": "sequential",
            "name": self.name,
            "seed": self.seed,
            "dtype": self.dtype,
            "layers": [layer.config() for layer in self.layers],
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
        where = f"{cls.__name__}.from_config"
        given: object = config
        if not isinstance(given, Mapping) or given.get("kind") != "sequential":
            raise ValueError(f"{where}: want the config of a Sequential, got {describe(given)}")
        layers = config.get("layers")
        if not isinstance(layers, Sequence):
            raise ValueError(f"{where}: the config has no list of layers")
        return cls(
            [Layer.from_config(layer, custom_objects) for layer in layers],
            name=config.get("name", "Model"),
            seed=config.get("seed"),
            dtype=config.get("dtype", "float32"),
        )

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

    # -- running it -------------------------------------------------------------------------------

    def __call__(self, x: npt.ArrayLike | Iterable[Any], *, check_finite: bool = True) -> Array:
        """Return ``model.predict(x)``."""
        return self.predict(x, check_finite=check_finite)

    def predict_rows(
        self, x: object, batch_size: int | None, out: Array | None, check_finite: bool
    ) -> Array:
        """Predict from anything `predict` takes.

        The compiled `predict` passes on to here what is not a small plain array.
        """
        where = "predict"
        if is_stream(x):
            if out is not None:
                raise ValueError(f"{where}: out needs an array x, got a stream")
            parts = [
                self.predict_rows(first_of(batch, i), batch_size, None, check_finite)
                for i, batch in enumerate(x)
            ]
            if not parts:
                raise ValueError(f"{where}: the stream yielded no batches")
            return np.concatenate(parts)
        block = self.block_rows()
        if batch_size is not None:
            block = data.as_count(batch_size, where=where, name="batch_size")
        rows = data.as_rows(x, where=where, name="x", columns=self.inputs)
        if out is None:
            out = np.empty((len(rows), self.outputs), self.dtype)
        else:
            _check_out(out, where, (len(rows), self.outputs), self.dtype)
            if np.may_share_memory(out, rows):
                rows = rows.copy()
        if self.run_predict(rows, out, block, check_finite) >= 0:
            data.check_finite(rows, where=where, name="x", dtype=self.dtype)
        return out

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
            share it without locks, and C can call it.

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

    def forward(
        self, x: npt.ArrayLike, *, training: bool = False, check_finite: bool = True
    ) -> Array:
        """Return the outputs for `x`, keeping what `backward` needs if `training`.

        Parameters
        ----------
        x : array_like, shape (n, inputs)
        training : bool
            Keep the layers' values for one or more calls of `backward`; a `predict` in between
            does not disturb them.
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
        rows = data.as_rows(x, where=where, name="x", columns=self.inputs)
        out: Array = np.empty((len(rows), self.outputs), self.dtype)
        if training:
            self._kept_rows = 0
            bad = self.run_forward(rows, out, check_finite)
        else:
            bad = self.run_predict(rows, out, self.block_rows(), check_finite)
        if bad >= 0:
            data.check_finite(rows, where=where, name="x", dtype=self.dtype)
        if training:
            self._kept_rows = len(rows)
        return out

    def backward(self, dy: npt.ArrayLike) -> Array:
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
        given = data.as_rows(dy, where=where, name="dy", columns=self.outputs, allow_1d=True)
        if len(given) != self._kept_rows:
            raise ValueError(
                f"{where}: dy has {len(given)} rows; want {self._kept_rows}, as the last forward"
            )
        plain = np.require(given, self.dtype, ["C_CONTIGUOUS", "ALIGNED"])
        dx: Array = np.empty((len(plain), self.inputs), self.dtype)
        if not self.run_backward(plain, dx):
            raise RuntimeError(f"{where}: call forward(x, training=True) first")
        return dx

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
            state = self.optimizer_state(optimizer)
            self._optimizer_states[optimizer] = state
        state.step()

    def optimizer_state(self, optimizer: Optimizer) -> OptimizerState:
        """Return a new state of `optimizer` for this model: all slots 0, no updates done."""
        return OptimizerState(
            self, optimizer.settings(), describe_segments(self._segments(), optimizer), self.seed
        )

    def gradient_state(self) -> OptimizerState:
        """Return a state whose steps leave the gradients of the loss and change no parameter."""
        return OptimizerState(self, {"kind": NO_UPDATE}, describe_segments(self._segments(), SGD()))

    def _segments(self) -> list[Segment]:
        return [Segment(slot.name, slot.offset, slot.shape) for slot in self._slots]


def is_stream(value: object) -> TypeGuard[Iterable[Any]]:
    """Tell whether `value` yields batches rather than being rows itself.

    A list or tuple is a stream if it holds two-dimensional arrays, or tuples that begin with one.
    """
    if isinstance(value, (list, tuple)):
        first = value[0] if value else None
        if isinstance(first, (list, tuple)) and first:
            first = first[0]
        return isinstance(first, np.ndarray) and first.ndim == 2
    return (
        not isinstance(value, (np.ndarray, str, bytes, bytearray, memoryview, Mapping))
        and not hasattr(value, "__array__")
        and not hasattr(value, "toarray")
        and hasattr(value, "__iter__")
    )


def first_of(batch: object, number: int) -> object:
    """Return the rows of a batch, which may come with targets and weights."""
    tables = is_stream(batch)
    if not isinstance(batch, tuple) and not (tables and isinstance(batch, list)):
        return batch
    if not 1 <= len(batch) <= 3:
        raise ValueError(
            f"predict: batch {number} is a {type(batch).__name__} of {len(batch)}; "
            f"want x or (x, y, ...)"
        )
    return batch[0]


def _check_out(out: object, where: str, shape: tuple[int, int], dtype: str) -> None:
    if not isinstance(out, np.ndarray):
        raise TypeError(f"{where}: out must be an array, got {describe(out)}")
    if out.dtype != dtype or not out.dtype.isnative:
        raise TypeError(f"{where}: out has dtype {out.dtype}, want {dtype}")
    if out.shape != shape:
        raise ValueError(f"{where}: out has shape {out.shape}, want {shape}")
    if not (out.flags.c_contiguous and out.flags.writeable and out.flags.aligned):
        raise ValueError(f"{where}: out must be C-contiguous, aligned and writable")


def _check_layers(layers: object) -> tuple[Layer, ...]:
    where = "Sequential"
    if isinstance(layers, (str, Layer)) or not isinstance(layers, Iterable):
        raise TypeError(f"{where}: layers must be a list of layers, got {describe(layers)}")
    found = tuple(layers)
    for i, layer in enumerate(found):
        if not isinstance(layer, Layer):
            hint = ""
            if isinstance(layer, type) and issubclass(layer, Layer):
                hint = f"; give an object, {layer.__name__}(...)"
            raise TypeError(f"{where}: layers[{i}] must be a layer, got {describe(layer)}{hint}")
        if isinstance(layer, Input) != (i == 0):
            raise ValueError(
                f"{where}: want an Input first and only there, got {layer!r} at layers[{i}]"
            )
        if any(layer is other for other in found[:i]):
            raise ValueError(
                f"{where}: layers[{i}] is the same object as an earlier layer; "
                f"each needs its own, layer.replace() copies one"
            )
    if len(found) < 2:
        raise ValueError(f"{where}: want an Input and at least one more layer, got {len(found)}")
    return found


def _name_layers(layers: Sequence[Layer]) -> tuple[str, ...]:
    """Name each layer: its own name, or its kind and how many of the kind came before."""
    counts: dict[str, int] = {}
    names: list[str] = []
    for layer in layers:
        number = counts.get(layer.kind, 0)
        counts[layer.kind] = number + 1
        name = layer.name if layer.name is not None else f"{layer.kind}_{number}"
        if name in names:
            raise ValueError(f"Sequential: two layers are named {name!r}; names must differ")
        names.append(name)
    return tuple(names)


def _check_dtype(dtype: object) -> str:
    where = "Sequential"
    try:
        name = "None" if dtype is None else np.dtype(cast(Any, dtype)).name
    except TypeError:
        name = str(dtype)
    if name not in DTYPES:
        raise ValueError(f"{where}: dtype must be float32 or float64, got {name}")
    return name


def _columns(layers: Sequence[Layer]) -> list[int]:
    """Return the columns that leave each layer."""
    columns: list[int] = []
    for layer in layers:
        columns.append(layer.output_units(columns[-1] if columns else 0))
    return columns


def _lay_out(
    layers: Sequence[Layer], names: Sequence[str], columns: Sequence[int], itemsize: int
) -> tuple[list[Slot], int]:
    """Return where each parameter lies in the arena, and the arena's length in elements."""
    slots: list[Slot] = []
    end = 0
    for i, (layer, name) in enumerate(zip(layers, names, strict=True)):
        for key, shape in layer.parameter_shapes(columns[max(i - 1, 0)]).items():
            size = math.prod(shape)
            if size >= ALIGNED_FROM:
                line = LINE_BYTES // itemsize
                end = -(-end // line) * line
            slots.append(Slot(f"{name}/{key}", end, shape))
            end += size
            if end > data.MAX_ELEMENTS:
                raise ValueError(
                    f"Sequential: layer {name!r} brings the parameters to {end}; "
                    f"want at most {data.MAX_ELEMENTS}"
                )
    return slots, end


def _lower(
    layers: Sequence[Layer],
    names: Sequence[str],
    columns: Sequence[int],
    offsets: Mapping[str, int],
) -> tuple[list[int], list[tuple[float, ...]]]:
    """Return the columns of the tensors and the ops of the plan.

    An activation right after a linear dense layer becomes that layer's own, so that both ways to
    write it run alike.
    """
    cols = [columns[0]]
    ops: list[tuple[float, ...]] = []
    for i, layer in enumerate(layers):
        if isinstance(layer, Dense):
            kernel, bias = offsets[f"{names[i]}/kernel"], offsets.get(f"{names[i]}/bias", -1)
            kind, alpha = layer.activation.kind, layer.activation.alpha
            ops.append((DENSE_OP, kind, alpha, len(cols) - 1, len(cols), kernel, bias))
            cols.append(columns[i])
        elif isinstance(layer, Activation):
            kind, alpha = layer.activation.kind, layer.activation.alpha
            if ops and ops[-1][:2] == (DENSE_OP, 0):
                ops[-1] = (DENSE_OP, kind, alpha, *ops[-1][3:])
            else:
                ops.append((ACTIVATION_OP, kind, alpha, len(cols) - 1, len(cols), -1, -1))
                cols.append(columns[i])
    return cols, ops


def _rebuild(
    cls: type[Sequential],
    layers: Sequence[Layer],
    name: str,
    seed: int,
    dtype: str,
    weights: Sequence[Array],
) -> Sequential:
    model = cls(layers, name=name, seed=seed, dtype=dtype)
    for view, values in zip(model.parameters.values(), weights, strict=True):
        view[...] = values
    return model
