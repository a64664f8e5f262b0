"""A model as a Keras 3 model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fastnn import layers
from fastnn.interchange._build import missing, refuse
from fastnn.interchange.weights import fill
from fastnn.nested import ModelLayer
from fastnn.sequential import Sequential

if TYPE_CHECKING:
    from fastnn.activations import Activation
    from fastnn.layers import Layer
    from fastnn.model import Model

__all__ = ["to_keras"]

Array = npt.NDArray[Any]

# Sparsemax of Keras 3.15 is off: its rows do not add up to 1.
LACKING = ("sparsemax",)
OTHER_NAMES = {"exp": "exponential"}  # theirs
# Functions of keras.ops whose option no layer of theirs takes, and what it is unless given.
OPTIONS = {
    "celu": ("alpha", 1.0),
    "squareplus": ("b", 4.0),
    "soft_shrink": ("threshold", 0.5),
    "hard_shrink": ("threshold", 0.5),
}
ALIKE = (
    *(layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum),
    *(layers.Concatenate, layers.Flatten),
)
NOISES = (layers.Dropout, layers.AlphaDropout, layers.GaussianDropout)


def to_keras(model: Model) -> Any:
    """Return ``model.to_keras()``; see there."""
    where = "to_keras"
    try:
        import keras
    except ImportError:
        raise missing(where, "Keras and a backend", "keras") from None
    views = {**model.parameters, **model.state}
    made: list[list[Any]] = []
    problems: list[str] = []
    for name, layer in zip(model.layer_names, model.layers, strict=True):
        arrays = {
            key.removeprefix(f"{name}/"): np.array(view)
            for key, view in views.items()
            if key.startswith(f"{name}/")
        }
        trained = [key for key in model.parameters if key.startswith(f"{name}/")]
        found = _layers(keras, layer, name, arrays, model.dtype)
        if found is None:
            problems.append(f"{name} ({layer!r})")
        elif trained and not any(map(model._is_trained, trained)):
            for one in found:
                one.trainable = False
        made.append(found or [])
    refuse(where, [f"Keras has no layer for {', '.join(problems)}"] if problems else [], "")
    weights = [
        (made[i][0], _weights(layer, name, views))
        for i, (name, layer) in enumerate(zip(model.layer_names, model.layers, strict=True))
        if made[i] and not isinstance(layer, (ModelLayer, layers.Normalization))
    ]
    values: list[Any] = []
    for use in model._uses:
        chain = made[use.layer]
        if isinstance(model.layers[use.layer], layers.Input):
            values.append([chain[0]])
            continue
        value: Any = [values[node][index] for node, index in use.inputs]
        value = value[0] if len(value) == 1 else value
        for one in chain:
            value = one(value)
        values.append(value if isinstance(value, list) else [value])
    inputs = [made[i][0] for i in range(len(model.input_cols))]
    ends = [values[node][index] for node, index in model._ends]
    if isinstance(model, Sequential):
        whole = keras.Sequential([one for chain in made for one in chain])
    else:
        whole = keras.Model(_formed(inputs, model._input_form), _formed(ends, model._output_form))
    for one, arrays_of in weights:
        if arrays_of:
            one.set_weights(arrays_of)
    return whole


def _formed(values: Sequence[Any], form: Any) -> Any:
    if isinstance(form, tuple):
        return dict(zip(form, values, strict=True))
    return values[0] if form is None else list(values)


def _weights(layer: Layer, name: str, views: dict[str, Array]) -> list[Array]:
    """Return a layer's arrays in the order of Keras, which is ours."""
    return [np.array(view) for key, view in views.items() if key.startswith(f"{name}/")]


def _layers(
    keras: Any, layer: Layer, name: str, arrays: dict[str, Array], dtype: str
) -> list[Any] | None:
    """Return the Keras layers that a layer becomes, one after another; None if there is none."""
    their = keras.layers
    common = {"name": name, "dtype": dtype}
    if isinstance(layer, layers.Input):
        return [keras.Input((layer.units,), name=name, dtype=dtype)]
    if isinstance(layer, ModelLayer):
        inner = layer.model.as_dtype(dtype)
        fill(inner, arrays, "to_keras")
        found = to_keras(inner)
        found.name = name
        return [found]
    if isinstance(layer, layers.Dense):
        after = _activation(keras, layer.activation, f"{name}_activation", dtype)
        if after is None:
            return None
        dense = their.Dense(layer.units, use_bias=layer.use_bias, **common)
        if isinstance(after, str):
            dense.activation = keras.activations.get(after)
            return [dense]
        return [dense, after]
    if isinstance(layer, layers.Activation):
        after = _activation(keras, layer.activation, name, dtype)
        return [their.Activation(after, **common)] if isinstance(after, str) else after and [after]
    if isinstance(layer, (layers.BatchNormalization, layers.LayerNormalization)):
        options: dict[str, Any] = {"epsilon": layer.epsilon, "center": layer.center}
        options["scale"] = layer.scale
        if isinstance(layer, layers.BatchNormalization):
            options["momentum"] = layer.momentum
        return [getattr(their, type(layer).__name__)(**options, **common)]
    if isinstance(layer, layers.RMSNormalization):
        return [their.RMSNormalization(epsilon=layer.epsilon, **common)]
    if isinstance(layer, layers.Normalization):
        scale = arrays["scale"].astype(np.float64)
        variance = scale**2 if layer.invert else 1.0 / scale**2
        mean = arrays["mean"].astype(np.float64)
        return [their.Normalization(mean=mean, variance=variance, invert=layer.invert, **common)]
    if isinstance(layer, layers.PReLU):
        return [their.PReLU(**common)]
    if isinstance(layer, layers.Embedding) and len(layer.tables()) == 1:
        flat = their.Flatten(name=f"{name}_flatten", dtype=dtype)
        return [their.Embedding(*layer.tables()[0], **common), flat]
    if isinstance(layer, NOISES):
        return [getattr(their, type(layer).__name__)(layer.rate, **common)]
    if isinstance(layer, layers.GaussianNoise):
        return [their.GaussianNoise(layer.stddev, **common)]
    if isinstance(layer, layers.ActivityRegularization):
        return [their.ActivityRegularization(l1=layer.l1, l2=layer.l2, **common)]
    if isinstance(layer, ALIKE):
        return [getattr(their, type(layer).__name__)(**common)]
    return None


def _activation(keras: Any, spec: Activation, name: str, dtype: str) -> Any:
    """Return the name of Keras' activation, or a layer that it needs; None if it has none."""
    if spec.name == "leaky_relu":
        return keras.layers.LeakyReLU(negative_slope=spec.alpha, name=name, dtype=dtype)
    if spec.name == "elu":
        return keras.layers.ELU(alpha=spec.alpha, name=name, dtype=dtype)
    if spec.name in LACKING:
        return None
    if spec.name == "gelu_tanh":
        return _function(keras, "gelu", name, dtype, approximate=True)
    option, usual = OPTIONS.get(spec.name, ("", None))
    if option and spec.alpha != usual:
        return _function(keras, spec.name, name, dtype, **{option: spec.alpha})
    return OTHER_NAMES.get(spec.name, spec.name)


def _function(keras: Any, function: str, name: str, dtype: str, **options: Any) -> Any:
    """Return a model of one function of ``keras.ops``: such options no layer keeps in a file."""
    x = keras.Input((None,), dtype=dtype)
    return keras.Model(x, getattr(keras.ops, function)(x, **options), name=name)
