"""The network of an estimator: built of its parameters, begun as scikit-learn begins its own."""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fastnn import activations
from fastnn._spec import MAX_UNITS, check_float, check_int, lookup
from fastnn.layers import (
    Activation,
    BatchNormalization,
    Dense,
    Dropout,
    Input,
    Layer,
    LayerNormalization,
    Normalization,
    RMSNormalization,
    Split,
)
from fastnn.model import Model
from fastnn.regularizers import L2
from fastnn.sklearn._goals import Goal

__all__ = ["Plan", "build", "deploy", "initialize", "of_rows", "views"]

Array = npt.NDArray[Any]

ACTIVATIONS = {"identity": "linear", "logistic": "sigmoid"}  # what fastnn calls otherwise
ENDS = {"logistic": "sigmoid", "softmax": "softmax", "exp": "exp"}  # activations of outputs
NORMALIZATIONS: dict[str, type[Layer]] = {
    "batch": BatchNormalization,
    "layer": LayerNormalization,
    "rms": RMSNormalization,
}


class Plan(NamedTuple):
    """What decides the network beside the data: parameters, each hidden layer's own."""

    sizes: tuple[int, ...]
    activations: tuple[Any, ...]
    dropout: tuple[float, ...]
    normalization: tuple[Any, ...]
    alpha: float
    dtype: str

    @classmethod
    def of(cls, estimator: Any, dtype: str) -> Plan:
        """Return the plan that an estimator's parameters make."""
        where = type(estimator).__name__
        given = estimator.hidden_layer_sizes
        sizes = list(given) if np.ndim(given) or isinstance(given, tuple) else [given]
        for i, n in enumerate(sizes):
            if isinstance(n, Integral) and n < 1:  # as scikit-learn says it
                raise ValueError(f"{where}: hidden_layer_sizes must be > 0, got {sizes}.")
            check_int(where, f"hidden_layer_sizes[{i}]", n, 1, MAX_UNITS)
        each = {
            name: _each(getattr(estimator, name), len(sizes), f"{where}: {name}")
            for name in ("activation", "dropout", "normalization")
        }
        for activation in each["activation"]:
            activations.get(activation, where)
        for rate in each["dropout"]:
            check_float(where, "dropout", rate, at_least=0, below=1)
        for name in each["normalization"]:
            if name is not None:
                lookup("normalization", name, NORMALIZATIONS, where)
        return cls(
            tuple(map(int, sizes)),
            each["activation"],
            each["dropout"],
            each["normalization"],
            float(estimator.alpha),
            dtype,
        )


def _each(value: Any, count: int, where: str) -> tuple[Any, ...]:
    """Return one value for each hidden layer."""
    if not isinstance(value, (list, tuple, np.ndarray)):
        return (value,) * count
    if len(value) != count:
        raise ValueError(f"{where}: got {len(value)} values for {count} hidden layers")
    return tuple(value)


def _logits(x: Any, plan: Plan, goal: Goal, *, scaled: bool) -> list[Any]:
    """Return the outputs of the network that `plan` describes, a tensor for each."""
    penalty = L2(plan.alpha / 2) if plan.alpha > 0 else None
    h = Normalization()(x) if scaled else x
    for size, activation, rate, norm in zip(
        plan.sizes, plan.activations, plan.dropout, plan.normalization, strict=True
    ):
        if isinstance(activation, str):
            activation = ACTIVATIONS.get(activation, activation)
        h = Dense(size, None if norm else activation, kernel_regularizer=penalty)(h)
        if norm:
            h = Activation(activation)(NORMALIZATIONS[norm]()(h))
        if rate:
            h = Dropout(rate)(h)
    h = Dense(sum(goal.units), goal.last, kernel_regularizer=penalty)(h)
    return [h] if len(goal.units) == 1 else list(Split(goal.units)(h))


def build(plan: Plan, features: int, goal: Goal, *, scaled: bool, seed: int) -> Model:
    """Return the network from the features to the logits."""
    x = Input(features)
    outs = _logits(x, plan, goal, scaled=scaled)
    return of_rows(
        Model(x, outs if len(outs) > 1 else outs[0], name="MLP", seed=seed, dtype=plan.dtype)
    )


def of_rows(model: Model) -> Model:
    """Let the penalty be divided by the rows of each batch, as alpha is; return the model."""
    model.penalties_per_row = True
    return model


def views(model: Model) -> tuple[list[Array], list[Array]]:
    """Return the kernels and the biases of the dense layers, as they lie in the model."""
    names = [name for name in model.parameters if name.startswith("dense_")]
    return (
        [model.parameters[name] for name in names if name.endswith("/kernel")],
        [model.parameters[name] for name in names if name.endswith("/bias")],
    )


def initialize(model: Model, plan: Plan, random: np.random.RandomState) -> None:
    """Draw kernels and biases as scikit-learn does: of one state, the same numbers."""
    ways = [*plan.activations, plan.activations[-1] if plan.activations else "relu"]
    for kernel, bias, activation in zip(*views(model), ways, strict=True):
        factor = 2.0 if activation in ("logistic", "sigmoid") else 6.0
        bound = math.sqrt(factor / (kernel.shape[0] + kernel.shape[1]))
        kernel[...] = random.uniform(-bound, bound, kernel.shape)
        bias[...] = random.uniform(-bound, bound, bias.shape)


def deploy(model: Model, plan: Plan, goal: Goal, scale: tuple[Array, Array] | None) -> Model:
    """Return a model of its own from raw rows to predictions: activations and scales included."""
    scaled = any(name.startswith("normalization") for name in model.layer_names)
    x = Input(model.input_cols[0])
    outs = _logits(x, plan._replace(alpha=0.0), goal, scaled=scaled)
    if goal.out_activation in ENDS:
        outs = [Activation(ENDS[goal.out_activation])(out) for out in outs]
    if scale is not None:
        mean, deviation = scale
        last = Normalization(mean.tolist(), (deviation**2).tolist(), invert=True)
        outs = [last(out) for out in outs]
    whole = Model(
        x, outs if len(outs) > 1 else outs[0], name="MLP", seed=model.seed, dtype=plan.dtype
    )
    for theirs, own in ((model.parameters, whole.parameters), (model.state, whole.state)):
        for name, array in theirs.items():
            own[name][...] = array
    return whole
