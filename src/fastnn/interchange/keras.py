"""Keras 3 models and back.

`from_keras` looks at the model that it is given and never imports Keras itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fastnn import activations, layers
from fastnn._spec import describe
from fastnn.interchange._build import Converted, fill_layers, name_for, refuse, wider_dtype
from fastnn.interchange.keras_out import to_keras
from fastnn.model import Model
from fastnn.sequential import Sequential

if TYPE_CHECKING:
    from fastnn.activations import Activation

__all__ = ["from_keras", "to_keras"]

Array = npt.NDArray[Any]

KNOWS = (
    "fastnn reads Sequential and functional models of Dense, activations, dropout and noise, "
    "normalizations, Embedding (of an input, flattened), PReLU, Flatten, Rescaling, and what "
    "merges two-dimensional tensors"
)
LEAST_DEVIATION = 1e-7  # Keras divides by no less in Normalization


class _Unsupported(Exception):
    """Says what a layer has that fastnn does not."""


def from_keras(model: Any, *, seed: int | None = None) -> Model:
    """Make a model of a Keras 3 model, with copies of its weights.

    Parameters
    ----------
    model : keras.Sequential or keras.Model
        Built, of any backend.  Functional models may have several inputs and outputs, layers that
        are called more than once, and models in them.
    seed : int, optional
        Of the model: what `initialize` and dropout draw from.

    Returns
    -------
    Model
        A `Sequential` if it was one.  Layers keep their names.  float64 if a weight is, else
        float32.

    Raises
    ------
    TypeError
        If it is no Keras model.
    ValueError
        If it is not built, or layers cannot be converted: all are listed, by name.

    Notes
    -----
    Predictions are those of ``model.predict``.  Initializers, regularizers and constraints stay
    behind.  A batch norm with ``trainable=False`` uses its moving moments in Keras' training, and
    those of the batch here.

    Examples
    --------
    >>> import fastnn as fnn
    >>> import keras                                                     # doctest: +SKIP
    >>> theirs = keras.Sequential([keras.Input((7,)), keras.layers.Dense(1)])  # doctest: +SKIP
    >>> fnn.from_keras(theirs)                                           # doctest: +SKIP
    Sequential(
      inputs: {'input_0': (None, 7)}
      outputs: 'dense'
      nodes: 2
    )
    """
    where = "from_keras"
    kinds = {cls.__module__.split(".")[0] for cls in type(model).__mro__}
    if "keras" not in kinds or not hasattr(model, "layers"):
        raise TypeError(f"{where}: want a keras.Sequential or keras.Model, got {describe(model)}")
    if not getattr(model, "outputs", None):
        raise ValueError(
            f"{where}: the model has no inputs and outputs yet; want a functional model, or a "
            f"Sequential that begins with keras.Input or was built"
        )
    walk = _Walk()
    given = getattr(model, "_functional", None) or model
    outputs = _map(given._outputs_struct, walk.value_of)
    inputs = _map(given._inputs_struct, walk.value_of)
    problems = ["cannot convert: " + "; ".join(walk.problems)] if walk.problems else []
    refuse(where, problems, KNOWS)
    dtype = wider_dtype([array for one in walk.chain for array in one.arrays.values()])
    chain = [one.layer for one in walk.chain]
    if _is_sequential(model) and len(chain) == len(walk.calls) and not walk.nested:
        made: Model = Sequential([*walk.inputs, *chain], seed=seed, dtype=dtype)
    else:
        made = Model(inputs, outputs, seed=seed, dtype=dtype)
    fill_layers(made, walk.chain, where)
    return made


def _is_sequential(model: object) -> bool:
    return any(cls.__name__ == "Sequential" for cls in type(model).__mro__)


def _map(structure: Any, function: Callable[[Any], Any]) -> Any:
    """Apply a function to what is given alone, in a list or in a dict."""
    if isinstance(structure, dict):
        return {key: function(value) for key, value in structure.items()}
    if isinstance(structure, (list, tuple)):
        return [function(value) for value in structure]
    return function(structure)


class _Walk:
    """Goes from outputs to inputs, and makes the layers on the way back.

    Attributes
    ----------
    chain : list of Converted
        Each layer once, in the order of their first calls.
    inputs : list of Input
    calls : list of int
        Of which layer each call is.
    nested : bool
        Whether models are called.
    problems : list of str
        What cannot be converted.
    """

    def __init__(self) -> None:
        self.chain: list[Converted] = []
        self.inputs: list[Any] = []
        self.calls: list[int] = []
        self.nested = False
        self.problems: list[str] = []
        self._made: dict[int, Any] = {}  # by operation
        self._values: dict[tuple[int, int], Any] = {}  # of calls: by operation and node
        self._taken: set[str] = set()

    def value_of(self, tensor: Any) -> Any:
        """Return our tensor for theirs; None where something on the way cannot be converted."""
        wanted = [tensor]
        while wanted:  # a loop, for a deep network would be a deep recursion
            operation, index, _ = wanted[-1]._keras_history
            key = (id(operation), index)
            before = operation._inbound_nodes[index].input_tensors
            waiting = [one for one in before if self._key(one) not in self._values]
            if waiting and key not in self._values:
                wanted += waiting
                continue
            if key not in self._values:
                self._values[key] = self._call(operation, before)
            wanted.pop()
        operation, index, place = tensor._keras_history
        found = self._values[id(operation), index]
        return found[place] if isinstance(found, (list, tuple)) else found

    def _key(self, tensor: Any) -> tuple[int, int]:
        operation, index, _ = tensor._keras_history
        return id(operation), index

    def _call(self, operation: Any, before: list[Any]) -> Any:
        inputs = [self.value_of(one) for one in before]
        try:
            ours = self._layer_of(operation, before)
        except (_Unsupported, ValueError) as error:
            text = f" ({error})" if str(error) else ""
            kind = f"{operation.name} is a {type(operation).__name__}{text}"
            if kind not in self.problems:
                self.problems.append(kind)
            return None
        if not before:
            return ours
        self.calls.append(id(operation))
        if any(one is None for one in inputs):
            return None
        try:
            found = ours(*inputs)
        except ValueError as error:
            self.problems.append(f"{operation.name} ({error})")
            return None
        return list(found.values()) if isinstance(found, dict) else found

    def _layer_of(self, operation: Any, before: list[Any]) -> Any:
        """Return the layer, input or model that an operation becomes; one for all its calls."""
        if id(operation) in self._made:
            return self._made[id(operation)]
        kind = type(operation).__name__
        home = type(operation).__module__
        if not home.startswith("keras."):
            raise _Unsupported(f"of {home}")
        if kind == "InputLayer":
            shape = tuple(operation.batch_shape)
            if len(shape) != 2 or shape[1] is None:
                raise _Unsupported(f"shape {shape}: want rows of a fixed number of columns")
            ours: Any = layers.Input(shape[1], name=name_for(operation.name, self._taken))
            self.inputs.append(ours)
        elif (inside := _one_operation(operation)) is not None:
            ours = self._convert(inside, before, operation.name)
        elif kind in ("Functional", "Sequential"):
            ours = from_keras(operation)
            ours.name = name_for(operation.name, self._taken) or ours.name
            self.nested = True
        else:
            ours = self._convert(operation, before, operation.name)
        self._made[id(operation)] = ours
        return ours

    def _convert(self, operation: Any, before: list[Any], name: str) -> Any:
        """Return the layer that a layer or a function of theirs becomes."""
        kind = type(operation).__name__
        if {len(one.shape) for one in before} != {2} and kind != "Flatten":
            raise _Unsupported("of tensors that have more axes than rows and columns")
        table = _OPERATIONS if _is_function(operation) else _CONVERTERS
        if kind not in table:
            raise _Unsupported("")
        converted = table[kind](operation, before)
        ours = converted.layer.replace(name=name_for(name, self._taken))
        self.chain.append(Converted(ours, converted.arrays))
        return ours


def _is_function(operation: Any) -> bool:
    """Whether it is what a function of ``keras.ops`` leaves in a graph."""
    return type(operation).__module__.startswith("keras.src.ops")


def _one_operation(operation: Any) -> Any:
    """Return the one function of ``keras.ops`` that a model of theirs is, as `to_keras` makes."""
    inside: list[Any] = getattr(operation, "operations", [])
    if len(inside) == 2 and _is_function(inside[1]) and len(inside[1]._inbound_nodes) == 1:
        return inside[1]
    return None


def _array(value: Any) -> Array:
    """Return a copy of a variable or tensor of any backend: float64 stays, else float32."""
    for method in ("detach", "cpu"):  # of PyTorch's
        value = getattr(value, method)() if hasattr(value, method) else value
    found = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    return np.array(found, np.float64 if found.dtype == np.float64 else np.float32)


# -- a function for each layer: (layer, tensors it reads) -----------------------------------------

Converter = Callable[[Any, list[Any]], Converted]

_ACTIVATIONS: dict[str, Activation] = {
    **{
        name: activations.get(name)
        for name in (
            *("linear", "relu", "relu6", "elu", "selu", "celu", "gelu", "sigmoid", "tanh", "silu"),
            *("softmax", "softplus", "softsign", "mish", "glu", "hard_sigmoid", "hard_silu"),
            *("hard_tanh", "log_sigmoid", "log_softmax", "tanh_shrink", "squareplus"),
            *("soft_shrink", "hard_shrink"),
        )
    },
    "exponential": activations.Exp(),
    "leaky_relu": activations.LeakyReLU(0.2),  # the function's; the layer's is 0.3
}


def _activation_of(function: Any) -> Activation:
    """Return the activation that a function, or a layer given as one, is."""
    kind = type(function).__name__
    if kind in _ACTIVATION_LAYERS and type(function).__module__.startswith("keras."):
        return _ACTIVATION_LAYERS[kind](function)
    name = getattr(function, "__name__", kind)
    home = getattr(function, "__module__", "") or ""
    if name == "sparsemax":
        raise _Unsupported("activation 'sparsemax', which in Keras 3.15 is another function")
    if name not in _ACTIVATIONS or not home.startswith("keras."):
        raise _Unsupported(f"activation {name!r}")
    return _ACTIVATIONS[name]


def _dense(layer: Any, before: list[Any]) -> Converted:
    arrays = {"kernel": _array(layer.kernel)}
    if layer.use_bias:
        arrays["bias"] = _array(layer.bias)
    activation = _activation_of(layer.activation)
    ours = layers.Dense(layer.units, activation, use_bias=layer.use_bias, trainable=layer.trainable)
    return Converted(ours, arrays)


def _last_axis(layer: Any) -> None:
    axis = layer.axis
    if isinstance(axis, (list, tuple)) and len(axis) == 1:
        axis = axis[0]
    if axis not in (-1, 1):
        raise _Unsupported(f"axis={layer.axis}: want that of the columns")


def _affine(layer: Any) -> dict[str, Array]:
    arrays = {}
    if layer.scale:
        arrays["gamma"] = _array(layer.gamma)
    if layer.center:
        arrays["beta"] = _array(layer.beta)
    return arrays


def _batch_norm(layer: Any, before: list[Any]) -> Converted:
    _last_axis(layer)
    if getattr(layer, "renorm", False):
        raise _Unsupported("renorm=True")
    arrays = {
        "moving_mean": _array(layer.moving_mean),
        "moving_variance": _array(layer.moving_variance),
        **_affine(layer),
    }
    ours = layers.BatchNormalization(
        layer.momentum,
        layer.epsilon,
        center=layer.center,
        scale=layer.scale,
        trainable=layer.trainable,
    )
    return Converted(ours, arrays)


def _layer_norm(layer: Any, before: list[Any]) -> Converted:
    _last_axis(layer)
    if getattr(layer, "rms_scaling", False):
        raise _Unsupported("rms_scaling=True")
    ours = layers.LayerNormalization(
        layer.epsilon, center=layer.center, scale=layer.scale, trainable=layer.trainable
    )
    return Converted(ours, _affine(layer))


def _rms_norm(layer: Any, before: list[Any]) -> Converted:
    _last_axis(layer)
    ours = layers.RMSNormalization(layer.epsilon, trainable=layer.trainable)
    return Converted(ours, {"gamma": _array(layer.scale)})


def _normalization(layer: Any, before: list[Any]) -> Converted:
    columns = before[0].shape[-1]
    mean, variance = (
        np.broadcast_to(_array(one).reshape(-1), columns) for one in (layer.mean, layer.variance)
    )
    deviation = np.maximum(np.sqrt(variance), LEAST_DEVIATION)
    arrays = {"mean": mean, "scale": deviation if layer.invert else 1 / deviation}
    return Converted(layers.Normalization(invert=layer.invert), arrays)


def _rescaling(layer: Any, before: list[Any]) -> Converted:
    columns = before[0].shape[-1]
    arrays = {
        "mean": np.broadcast_to(np.asarray(layer.offset, np.float32), columns),
        "scale": np.broadcast_to(np.asarray(layer.scale, np.float32), columns),
    }
    return Converted(layers.Normalization(invert=True), arrays)


def _prelu(layer: Any, before: list[Any]) -> Converted:
    alpha = np.broadcast_to(_array(layer.alpha), before[0].shape[-1])
    return Converted(layers.PReLU(trainable=layer.trainable), {"alpha": alpha})


def _embedding(layer: Any, before: list[Any]) -> Converted:
    if layer.mask_zero:
        raise _Unsupported("mask_zero=True")
    if type(before[0]._keras_history[0]).__name__ != "InputLayer":
        raise _Unsupported("reads another layer; want it to read an input")
    table, columns = _array(layer.embeddings), before[0].shape[-1]
    rows, cols = table.shape
    if columns == 1:
        ours = layers.Embedding(rows, cols, trainable=layer.trainable)
        return Converted(ours, {"embeddings": table})
    ours = layers.Embedding([rows] * columns, [cols] * columns, trainable=layer.trainable)
    return Converted(ours, {f"embeddings_{i}": table for i in range(columns)})


def _dropout(layer: Any, before: list[Any]) -> Converted:
    if getattr(layer, "noise_shape", None) is not None:
        raise _Unsupported(f"noise_shape={layer.noise_shape}")
    return Converted(getattr(layers, type(layer).__name__)(float(layer.rate)), {})


def _noise(layer: Any, before: list[Any]) -> Converted:
    return Converted(layers.GaussianNoise(float(layer.stddev)), {})


def _activity(layer: Any, before: list[Any]) -> Converted:
    return Converted(layers.ActivityRegularization(float(layer.l1), float(layer.l2)), {})


def _concatenate(layer: Any, before: list[Any]) -> Converted:
    _last_axis(layer)
    return Converted(layers.Concatenate(), {})


def _same(name: str) -> Converter:
    def convert(layer: Any, before: list[Any]) -> Converted:
        return Converted(getattr(layers, name)(), {})

    return convert


def _merge(name: str) -> Converter:
    def convert(operation: Any, before: list[Any]) -> Converted:
        if len(before) < 2:
            raise _Unsupported("with a constant; want two tensors")
        return Converted(getattr(layers, name)(), {})

    return convert


def _relu(layer: Any) -> Activation:
    most, slope, threshold = layer.max_value, layer.negative_slope, layer.threshold
    if threshold == 0 and slope == 0 and most in (None, 6):
        return activations.ReLU() if most is None else activations.ReLU6()
    if threshold == 0 and most is None:
        return activations.LeakyReLU(float(slope))
    raise _Unsupported(f"max_value={most}, negative_slope={slope}, threshold={threshold}")


def _softmax(layer: Any) -> Activation:
    _last_axis(layer)
    return activations.Softmax()


_ACTIVATION_LAYERS: dict[str, Callable[[Any], Activation]] = {
    "Activation": lambda layer: _activation_of(layer.activation),
    "ReLU": _relu,
    "LeakyReLU": lambda layer: activations.LeakyReLU(float(layer.negative_slope)),
    "ELU": lambda layer: activations.ELU(float(layer.alpha)),
    "Softmax": _softmax,
    "Identity": lambda layer: activations.Linear(),
}


def _activation(layer: Any, before: list[Any]) -> Converted:
    return Converted(layers.Activation(_ACTIVATION_LAYERS[type(layer).__name__](layer)), {})


_CONVERTERS: dict[str, Converter] = {
    "Dense": _dense,
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "RMSNormalization": _rms_norm,
    "Normalization": _normalization,
    "Rescaling": _rescaling,
    "PReLU": _prelu,
    "Embedding": _embedding,
    "Dropout": _dropout,
    "AlphaDropout": _dropout,
    "GaussianDropout": _dropout,
    "GaussianNoise": _noise,
    "ActivityRegularization": _activity,
    "Concatenate": _concatenate,
    **dict.fromkeys(_ACTIVATION_LAYERS, _activation),
    **{
        name: _same(name)
        for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Flatten")
    },
}

# What a function of keras.ops on one tensor is here, and which option of theirs ours takes.
_FUNCTIONS: dict[str, tuple[type[Activation], str | None]] = {
    "Relu": (activations.ReLU, None),
    "Relu6": (activations.ReLU6, None),
    "LeakyRelu": (activations.LeakyReLU, "negative_slope"),
    "Elu": (activations.ELU, "alpha"),
    "Celu": (activations.CELU, "alpha"),
    "Selu": (activations.SELU, None),
    "Gelu": (activations.GELU, "approximate"),
    "Sigmoid": (activations.Sigmoid, None),
    "Tanh": (activations.Tanh, None),
    "Silu": (activations.SiLU, None),
    "Softmax": (activations.Softmax, None),
    "LogSoftmax": (activations.LogSoftmax, None),
    "Glu": (activations.GLU, None),
    "Softplus": (activations.Softplus, None),
    "Softsign": (activations.Softsign, None),
    "Squareplus": (activations.Squareplus, "b"),
    "HardSigmoid": (activations.HardSigmoid, None),
    "HardSilu": (activations.HardSiLU, None),
    "HardTanh": (activations.HardTanh, None),
    "HardShrink": (activations.HardShrink, "threshold"),
    "SoftShrink": (activations.SoftShrink, "threshold"),
    "TanhShrink": (activations.TanhShrink, None),
    "LogSigmoid": (activations.LogSigmoid, None),
    "Exp": (activations.Exp, None),
}


def _function(operation: Any, before: list[Any]) -> Converted:
    ours, option = _FUNCTIONS[type(operation).__name__]
    if hasattr(operation, "axis"):
        _last_axis(operation)
    options = [] if option is None else [getattr(operation, option)]
    return Converted(layers.Activation(ours(*options)), {})


# What a + b and keras.ops make of tensors.
_OPERATIONS: dict[str, Converter] = {
    **{name: _merge(name) for name in ("Add", "Subtract", "Multiply", "Maximum")},
    "Concatenate": _concatenate,
    **dict.fromkeys(_FUNCTIONS, _function),
}
