"""scikit-learn's multilayer perceptrons, alone or behind scalers, and back.

`from_sklearn` looks at the estimators that it is given and never imports scikit-learn itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fastnn import layers
from fastnn._spec import describe
from fastnn.interchange._build import Converted, chain_of, fill_layers, missing, refuse, wider_dtype
from fastnn.sequential import Sequential

if TYPE_CHECKING:
    from fastnn.model import Model

__all__ = ["from_sklearn", "to_sklearn"]

Array = npt.NDArray[Any]

# Names of activations: theirs, ours.
ACTIVATIONS = {
    "identity": "linear",
    "logistic": "sigmoid",
    "tanh": "tanh",
    "relu": "relu",
    "softmax": "softmax",
    "exp": "exp",  # of the output, for loss="poisson"
}
STEPS = {
    *("MLPRegressor", "MLPClassifier", "Pipeline", "TransformedTargetRegressor"),
    *("StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler"),
}
KNOWS = (
    "fastnn reads MLPRegressor and MLPClassifier, in a Pipeline behind StandardScaler, "
    "MinMaxScaler, MaxAbsScaler or RobustScaler, or in a TransformedTargetRegressor with one"
)


def from_sklearn(estimator: Any, *, seed: int | None = None) -> Sequential:
    """Make a model of a fitted network of scikit-learn, with copies of its weights.

    Parameters
    ----------
    estimator : MLPRegressor, MLPClassifier, Pipeline or TransformedTargetRegressor
        Fitted.  A pipeline may have StandardScaler, MinMaxScaler, MaxAbsScaler and RobustScaler
        before the network: they become `Normalization` layers, and so does the scaler of the
        targets in a TransformedTargetRegressor.
    seed : int, optional
        Of the model: what `initialize` draws from.

    Returns
    -------
    Sequential
        float64, unless the network was fitted on float32.

    Raises
    ------
    TypeError
        If it is no estimator.
    ValueError
        If it is not fitted, or something in it cannot be converted: all such steps are listed.

    Notes
    -----
    ``model.predict(x)`` is ``estimator.predict(x)`` of a regressor, as columns, and
    ``estimator.predict_proba(x)`` of a classifier: two columns for two classes, the softmax of 0
    and of scikit-learn's one logit.  Classes stand in the order of ``estimator.classes_``.
    scikit-learn's `alpha` is a penalty of training and stays behind.

    Examples
    --------
    >>> import fastnn as fnn, numpy as np
    >>> from sklearn.neural_network import MLPRegressor
    >>> x = np.arange(12.0).reshape(6, 2)
    >>> theirs = MLPRegressor(hidden_layer_sizes=(4,), solver="lbfgs", random_state=0)
    >>> theirs = theirs.fit(x, x.sum(axis=1))
    >>> ours = fnn.from_sklearn(theirs)
    >>> ours.layer_names
    ('input_0', 'dense_0', 'dense_1')
    >>> bool(np.allclose(ours.predict(x)[:, 0], theirs.predict(x)))
    True
    """
    where = "from_sklearn"
    if isinstance(estimator, type) or not hasattr(estimator, "get_params"):
        raise TypeError(
            f"{where}: want a fitted MLPRegressor or MLPClassifier, got {describe(estimator)}"
        )
    steps, target = _steps(estimator, where)
    problems: list[str] = []
    chain: list[Converted] = []
    for name, step in steps[:-1]:
        found = _scaler(name, step, invert=False, problems=problems)
        if found is not None:
            chain.append(found)
    name, network = steps[-1]
    kind = _kind(network)
    if kind not in ("MLPRegressor", "MLPClassifier"):
        problems.append(f"{name} is a {kind}")
    elif not hasattr(network, "coefs_"):
        raise ValueError(f"{where}: the {kind} is not fitted; call its fit first")
    scaled = None
    if target is not None:
        scaled = _scaler("transformer_", target, invert=True, problems=problems)
    refuse(where, ["cannot convert: " + "; ".join(problems)] if problems else [], KNOWS)
    chain += _dense(network)
    if scaled is not None:
        chain.append(scaled)
    model = Sequential(
        [layers.Input(len(network.coefs_[0])), *(one.layer for one in chain)],
        seed=seed,
        dtype=wider_dtype(network.coefs_),
    )
    fill_layers(model, chain, where)
    return model


def _kind(step: object) -> str:
    """Return which of scikit-learn's classes that are known here a step is of, or its own."""
    for cls in type(step).__mro__:
        if cls.__module__.startswith("sklearn.") and cls.__name__ in STEPS:
            return cls.__name__
    return type(step).__name__


def _steps(estimator: Any, where: str) -> tuple[list[tuple[str, Any]], Any]:
    """Return the steps, the network last, and what scales the targets."""
    if _kind(estimator) == "TransformedTargetRegressor":
        if not hasattr(estimator, "regressor_"):
            raise ValueError(f"{where}: the TransformedTargetRegressor is not fitted")
        steps, inner = _steps(estimator.regressor_, where)
        if inner is not None:
            raise ValueError(f"{where}: a TransformedTargetRegressor in another one")
        return steps, estimator.transformer_
    if _kind(estimator) == "Pipeline":
        found: list[tuple[str, Any]] = []
        target = None
        for i, (name, step) in enumerate(estimator.steps):
            last = i == len(estimator.steps) - 1
            if step is None or step == "passthrough":
                continue
            if last or _kind(step) == "Pipeline":
                inner, target = _steps(step, where)
                found += [(name, one) for _, one in inner]
            else:
                found.append((name, step))
        return found, target
    return [("the estimator", estimator)], None


def _scaler(name: str, step: Any, *, invert: bool, problems: list[str]) -> Converted | None:
    """Return the `Normalization` that a scaler is; None, and a problem more, if it is none."""
    kind = _kind(step)
    shift: Any = None
    if kind == "StandardScaler" and hasattr(step, "scale_"):
        shift, scale = step.mean_ if step.with_mean else None, step.scale_
        scale = np.ones(step.n_features_in_) if scale is None else scale
    elif kind == "MinMaxScaler" and hasattr(step, "scale_") and not (step.clip and not invert):
        scale = 1.0 / step.scale_
        shift = step.data_min_ - step.feature_range[0] * scale
    elif kind == "MaxAbsScaler" and hasattr(step, "scale_") and not getattr(step, "clip", False):
        scale = step.scale_
    elif kind == "RobustScaler" and hasattr(step, "center_"):
        shift = step.center_
        scale = np.ones(step.n_features_in_) if step.scale_ is None else step.scale_
    else:
        clips = " that clips" if getattr(step, "clip", False) else ""
        problems.append(f"{name} is a {kind}{clips}")
        return None
    mean = np.zeros(len(scale)) if shift is None else np.asarray(shift, np.float64)
    arrays = {"mean": mean, "scale": scale if invert else 1.0 / scale}
    return Converted(layers.Normalization(invert=invert), arrays)


def _dense(network: Any) -> list[Converted]:
    """Return the dense layers."""
    found: list[Converted] = []
    last = len(network.coefs_) - 1
    for i, (kernel, bias) in enumerate(zip(network.coefs_, network.intercepts_, strict=True)):
        activation = network.out_activation_ if i == last else network.activation
        if i == last and hasattr(network, "classes_") and kernel.shape[1] == 1:
            activation = "softmax"  # of 0 and the logit
            kernel = np.concatenate([np.zeros_like(kernel), kernel], axis=1)
            bias = np.concatenate([np.zeros_like(bias), bias])
        layer = layers.Dense(kernel.shape[1], ACTIVATIONS[activation])
        found.append(Converted(layer, {"kernel": kernel, "bias": bias}))
    return found


# -- back -----------------------------------------------------------------------------------------

THEIRS = {ours: theirs for theirs, ours in ACTIVATIONS.items()}
HIDDEN = ("linear", "sigmoid", "tanh", "relu")
WITHOUT_EFFECT = (
    *(layers.Dropout, layers.AlphaDropout, layers.GaussianDropout, layers.GaussianNoise),
    *(layers.ActivityRegularization, layers.Flatten),
)


def to_sklearn(model: Model, *, classes: Sequence[Any] | None = None) -> Any:
    """Return ``model.to_sklearn()``; see there."""
    where = "to_sklearn"
    try:
        from sklearn.compose import TransformedTargetRegressor
        from sklearn.pipeline import Pipeline
    except ImportError:
        raise missing(where, "scikit-learn", "sklearn") from None
    before, dense, after = _parts(model, where)
    network = _network(model, dense, classes, where)
    if before:
        scalers = [(name, _to_scaler(model, name)) for name in before]
        network = Pipeline([*scalers, ("mlp", network)])
    if not after:
        return network
    if classes is not None or hasattr(network, "classes_"):
        raise ValueError(f"{where}: {after} scales the chances of a classifier; want none there")
    whole = TransformedTargetRegressor(regressor=network, transformer=None)
    scaler = _to_scaler(model, after)
    whole.set_params(transformer=scaler)
    whole.regressor_, whole.transformer_ = network, scaler
    whole._training_dim = 2 if model.outputs > 1 else 1
    return whole


def _parts(model: Model, where: str) -> tuple[list[str], list[tuple[str, str]], str]:
    """Return names: scalers before, dense layers with their activations, a scaler after."""
    before: list[str] = []
    dense: list[tuple[str, str]] = []
    after = ""
    problems: list[str] = []
    for name, layer in chain_of(model, where):
        if isinstance(layer, WITHOUT_EFFECT):
            continue
        if isinstance(layer, layers.Normalization) and not layer.invert and not dense:
            before.append(name)
        elif isinstance(layer, layers.Normalization) and layer.invert and dense and not after:
            after = name
        elif isinstance(layer, layers.Dense) and not after:
            dense.append((name, layer.activation.name))
        elif (
            isinstance(layer, layers.Activation)
            and dense
            and dense[-1][1] == "linear"
            and not after
        ):
            dense[-1] = (dense[-1][0], layer.activation.name)
        else:
            problems.append(f"{name} ({type(layer).__name__})")
    hidden = {activation for _, activation in dense[:-1]}
    for name, activation in dense[:-1]:
        if activation not in HIDDEN:
            problems.append(f"{name} (activation {activation!r})")
    if not dense:
        problems.append("no dense layer")
    elif dense[-1][1] not in ("linear", "sigmoid", "softmax", "exp"):
        problems.append(f"{dense[-1][0]} (activation {dense[-1][1]!r} of the output)")
    if len(hidden) > 1:
        problems.append(f"hidden layers with several activations: {', '.join(sorted(hidden))}")
    refuse(
        where,
        [f"scikit-learn's MLP does not have {', '.join(problems)}"] if problems else [],
        "It has dense layers with one activation of linear, sigmoid, tanh and relu, and an output "
        "that is linear, sigmoid, softmax or exp",
    )
    return before, dense, after


def _network(
    model: Model, dense: list[tuple[str, str]], classes: Sequence[Any] | None, where: str
) -> Any:
    """Return the fitted MLP."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    kernels = [np.array(model.parameters[f"{name}/kernel"]) for name, _ in dense]
    biases = [
        np.array(model.parameters.get(f"{name}/bias", np.zeros(kernel.shape[1], model.dtype)))
        for (name, _), kernel in zip(dense, kernels, strict=True)
    ]
    out, columns = dense[-1][1], kernels[-1].shape[1]
    hidden = THEIRS[dense[0][1]] if len(dense) > 1 else "relu"
    options: dict[str, Any] = {
        "hidden_layer_sizes": tuple(kernel.shape[1] for kernel in kernels[:-1]),
        "activation": hidden,
    }
    x = np.zeros((max(2, columns), len(kernels[0])), model.dtype)
    if out in ("linear", "exp"):
        if classes is not None:
            raise ValueError(f"{where}: classes are for a softmax or sigmoid output, got {out}")
        if out == "exp":
            options["loss"] = "poisson"
        network = MLPRegressor(**options)
        y = np.ones((len(x), columns), model.dtype)
        network.partial_fit(x, y[:, 0] if columns == 1 else y)  # makes what is private
    else:
        count = 2 if columns == 1 else columns
        names = np.arange(count) if classes is None else np.asarray(classes)
        if names.shape != (count,) or len(np.unique(names)) != count:
            raise ValueError(f"{where}: want {count} different classes, got {describe(classes)}")
        if (np.sort(names) != names).any():
            raise ValueError(f"{where}: classes must be sorted, as scikit-learn's are")
        if out == "softmax" and columns == 1:
            raise ValueError(f"{where}: a softmax of one column is 1 always")
        network = MLPClassifier(**options)
        if out == "sigmoid" and columns > 1:  # several labels at once
            y = np.eye(len(x), columns, dtype=np.int64)
            network.partial_fit(x, y, classes=np.arange(columns))
        else:
            network.partial_fit(x[:count], names, classes=names)
        if out == "softmax" and columns == 2:  # as one logit
            kernels[-1] = kernels[-1][:, 1:] - kernels[-1][:, :1]
            biases[-1] = biases[-1][1:] - biases[-1][:1]
    network.coefs_, network.intercepts_ = kernels, biases
    return network


def _to_scaler(model: Model, name: str) -> Any:
    """Return the fitted StandardScaler that a `Normalization` is."""
    from sklearn.preprocessing import StandardScaler

    layer: Any = model[name]
    mean = np.array(model.state[f"{name}/mean"], np.float64)
    scale = np.array(model.state[f"{name}/scale"], np.float64)
    deviation = scale if layer.invert else 1.0 / scale
    scaler = StandardScaler().fit(np.zeros((2, len(mean))))
    scaler.mean_, scaler.scale_, scaler.var_ = mean, deviation, deviation**2
    return scaler
