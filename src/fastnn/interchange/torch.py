"""PyTorch's ``nn.Sequential`` and back.

`from_torch` looks at the modules that it is given and never imports PyTorch itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fastnn import activations, layers
from fastnn._spec import check_int, describe
from fastnn.interchange._build import (
    Converted,
    chain_of,
    fill_layers,
    missing,
    name_for,
    refuse,
    wider_dtype,
)
from fastnn.interchange.weights import fill
from fastnn.model import Model
from fastnn.nested import ModelLayer
from fastnn.sequential import Sequential

if TYPE_CHECKING:
    from fastnn.activations import Activation
    from fastnn.layers import Layer

__all__ = ["from_torch", "to_torch"]

Array = npt.NDArray[Any]

KNOWS = (
    "fastnn reads nn.Sequential, also nested, of Linear, activations, Dropout, AlphaDropout, "
    "BatchNorm1d, LayerNorm, RMSNorm, PReLU, Flatten, Identity, and Embedding as the first"
)
SOFTPLUS_THRESHOLD = 20.0  # PyTorch's: from there on softplus(z) is z, to 2e-9


class _Unsupported(Exception):
    """Says what a module has that fastnn does not."""


def from_torch(module: Any, *, inputs: int | None = None, seed: int | None = None) -> Model:
    """Make a model of a PyTorch module, with copies of its weights.

    Parameters
    ----------
    module : torch.nn.Sequential
        Nested ones too, or a single module: Linear, the activations that fastnn has, Dropout,
        AlphaDropout, BatchNorm1d, LayerNorm, RMSNorm, PReLU, Flatten, Identity, and Embedding as
        the first one, with a Flatten after it.
    inputs : int, optional
        Columns of the input, where no module tells.
    seed : int, optional
        Of the model: what `initialize` and dropout draw from.

    Returns
    -------
    Model
        A `Sequential`, or a `Model` if a module with parameters stands in it twice.  Named modules
        give their names to the layers.  float64 if a parameter is, else float32.

    Raises
    ------
    TypeError
        If it is no module of PyTorch.
    ValueError
        If modules cannot be converted: all are listed, by their paths.

    Notes
    -----
    Predictions are those of ``module.eval()``.  What differs in training: the moving variance of
    batch norm is PyTorch's unbiased one at first and biased in its further course; a PReLU with one
    alpha, or an embedding of several columns, has one for each column that learns by itself.

    Examples
    --------
    >>> import fastnn as fnn
    >>> from torch import nn                                            # doctest: +SKIP
    >>> fnn.from_torch(nn.Sequential(nn.Linear(7, 8), nn.ReLU(), nn.Linear(8, 1)))  # doctest: +SKIP
    Sequential(
      inputs: {'input_0': (None, 7)}
      outputs: 'dense_1'
      nodes: 4
    )
    """
    where = "from_torch"
    if (
        isinstance(module, type)
        or not hasattr(module, "named_children")
        or not hasattr(module, "state_dict")
    ):
        raise TypeError(f"{where}: want a torch.nn.Sequential, got {describe(module)}")
    if inputs is not None:
        check_int(where, "inputs", inputs)
    flat = list(_flatten(module, ""))
    made: dict[int, Converted] = {}  # what has arrays
    chain: list[Converted] = []
    problems: list[str] = []
    taken: set[str] = set()
    columns = inputs or _columns_of(flat)
    width = columns
    for i, (path, one) in enumerate(flat):
        kind = type(one).__name__
        try:
            if not _is_torch(one) or kind not in _CONVERTERS:
                raise _Unsupported("")
            if id(one) not in made:
                following = [later for _, later in flat[i + 1 :]]
                converted = _CONVERTERS[kind](one, width or 1, i, following)
                if converted.arrays:  # one layer, however often it is used
                    name = name_for(path, taken)
                    made[id(one)] = Converted(converted.layer.replace(name=name), converted.arrays)
            chain.append(made.get(id(one), converted))
            if width is not None:
                width = chain[-1].layer.connect((width,))[0]
        except (_Unsupported, ValueError) as error:
            text = f" ({error})" if str(error) else ""
            problems.append(f"{path or 'the module itself'} is {_class_of(one)}{text}")
    refuse(where, ["cannot convert: " + "; ".join(problems)] if problems else [], KNOWS)
    if columns is None:
        raise ValueError(
            f"{where}: no module says how many columns come in; give inputs=, as in "
            f"from_torch(module, inputs=7)"
        )
    start = layers.Input(columns)
    if not chain:
        chain = [Converted(layers.Flatten(), {})]
    dtype = wider_dtype([array for one in chain for array in one.arrays.values()])
    if len({id(one.layer) for one in chain}) == len(chain):
        model: Model = Sequential([start, *(one.layer for one in chain)], seed=seed, dtype=dtype)
    else:
        value: Any = start
        for one in chain:
            value = one.layer(value)
        model = Model(start, value, seed=seed, dtype=dtype)
    fill_layers(model, chain, where)
    return model


def _is_torch(module: object) -> bool:
    return type(module).__module__.startswith("torch.nn.modules.")


def _class_of(module: object) -> str:
    name = type(module).__qualname__
    return f"nn.{name}" if _is_torch(module) else f"{type(module).__module__}.{name}"


def _flatten(module: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield the modules of nested Sequentials with their paths."""
    if _is_torch(module) and type(module).__name__ == "Sequential":
        for name, child in module._modules.items():  # named_children leaves repeated ones out
            yield from _flatten(child, f"{path}.{name}" if path else name)
    else:
        yield path, module


def _columns_of(flat: list[tuple[str, Any]]) -> int | None:
    """Return the columns of the input, from the first module that says how many it reads."""
    halved = 1
    for i, (_, one) in enumerate(flat):
        kind = type(one).__name__ if _is_torch(one) else ""
        if kind == "GLU":
            halved *= 2
        if kind == "Linear":
            return int(one.in_features) * halved
        if kind == "BatchNorm1d":
            return int(one.num_features) * halved
        if kind in ("LayerNorm", "RMSNorm"):
            return int(one.normalized_shape[-1]) * halved
        if kind == "PReLU" and one.num_parameters > 1:
            return int(one.num_parameters) * halved
        if kind == "Embedding":
            after = _columns_of(flat[i + 1 :])
            return 1 if after is None else max(1, after // int(one.embedding_dim))
    return None


def _array(tensor: Any) -> Array:
    """Return a copy of a tensor: float64 stays, everything else becomes float32."""
    found = tensor.detach().cpu()
    wide = str(found.dtype) == "torch.float64"
    return np.array(found.numpy() if wide else found.float().numpy())


def _is_trained(module: Any) -> bool:
    parameters = list(module.parameters(recurse=False))
    return not parameters or any(one.requires_grad for one in parameters)


# -- a function for each module: (module, columns it reads, its place, those after it) ------------

Converter = Callable[[Any, int, int, list[Any]], Converted]


def _linear(module: Any, width: int, i: int, after: list[Any]) -> Converted:
    arrays = {"kernel": _array(module.weight).T}
    if module.bias is not None:
        arrays["bias"] = _array(module.bias)
    layer = layers.Dense(
        module.out_features, use_bias=module.bias is not None, trainable=_is_trained(module)
    )
    return Converted(layer, arrays)


def _batch_norm(module: Any, width: int, i: int, after: list[Any]) -> Converted:
    if module.running_mean is None:
        raise _Unsupported("track_running_stats=False: predictions take moments of the batch")
    if module.momentum is None:
        raise _Unsupported("momentum=None: a cumulative average")
    affine = module.weight is not None
    arrays = {
        "moving_mean": _array(module.running_mean),
        "moving_variance": _array(module.running_var),
    }
    if affine:
        arrays |= {"gamma": _array(module.weight), "beta": _array(module.bias)}
    layer = layers.BatchNormalization(
        momentum=1.0 - module.momentum,
        epsilon=module.eps,
        center=affine,
        scale=affine,
        trainable=_is_trained(module),
    )
    return Converted(layer, arrays)


def _one_axis(module: Any) -> None:
    if len(module.normalized_shape) != 1:
        raise _Unsupported(f"normalized_shape={tuple(module.normalized_shape)}: want one axis")


def _layer_norm(module: Any, width: int, i: int, after: list[Any]) -> Converted:
    _one_axis(module)
    arrays = {}
    if module.weight is not None:
        arrays["gamma"] = _array(module.weight)
    if module.bias is not None:
        arrays["beta"] = _array(module.bias)
    layer = layers.LayerNormalization(
        epsilon=module.eps,
        center=module.bias is not None,
        scale=module.weight is not None,
        trainable=_is_trained(module),
    )
    return Converted(layer, arrays)


def _rms_norm(module: Any, width: int, i: int, after: list[Any]) -> Converted:
    _one_axis(module)
    gamma = np.ones(module.normalized_shape[0], np.float32)
    if module.weight is not None:
        gamma = _array(module.weight)
    epsilon = module.eps
    if epsilon is None:  # that of the type
        epsilon = float(np.finfo(gamma.dtype).eps)
    trained = module.weight is not None and _is_trained(module)
    layer = layers.RMSNormalization(epsilon=epsilon, trainable=trained)
    return Converted(layer, {"gamma": gamma})


def _prelu(module: Any, width: int, i: int, after: list[Any]) -> Converted:
    alpha = _array(module.weight)
    if len(alpha) == 1:  # for all columns
        alpha = np.repeat(alpha, width)
    return Converted(layers.PReLU(trainable=_is_trained(module)), {"alpha": alpha})


def _embedding(module: Any, width: int, i: int, after: list[Any]) -> Converted:
    if i > 0:
        raise _Unsupported("an Embedding reads the input, so it must be the first module")
    if module.max_norm is not None:
        raise _Unsupported("max_norm changes the table as it is read")
    if width > 1 and not (after and type(after[0]).__name__ == "Flatten"):
        raise _Unsupported("of several columns it needs a Flatten after it")
    table, trained = _array(module.weight), _is_trained(module)
    rows, cols = table.shape
    if width == 1:
        return Converted(layers.Embedding(rows, cols, trainable=trained), {"embeddings": table})
    layer = layers.Embedding([rows] * width, [cols] * width, trainable=trained)
    return Converted(layer, {f"embeddings_{k}": table for k in range(width)})


def _dropout(module: Any, width: int, i: int, after: list[Any]) -> Converted:
    return Converted(layers.Dropout(module.p), {})


def _alpha_dropout(module: Any, width: int, i: int, after: list[Any]) -> Converted:
    return Converted(layers.AlphaDropout(module.p), {})


def _flat(module: Any, width: int, i: int, after: list[Any]) -> Converted:
    if module.start_dim != 1 or module.end_dim not in (-1, 1, 2):
        raise _Unsupported(f"start_dim={module.start_dim}, end_dim={module.end_dim}")
    return Converted(layers.Flatten(), {})


def _identity(module: Any, width: int, i: int, after: list[Any]) -> Converted:
    return Converted(layers.Activation("linear"), {})


def _activation(make: Callable[[Any], Activation]) -> Converter:
    def convert(module: Any, width: int, i: int, after: list[Any]) -> Converted:
        return Converted(layers.Activation(make(module)), {})

    return convert


def _plain(name: str) -> Converter:
    return _activation(lambda module: activations.get(name))


def _along_rows(name: str) -> Converter:
    def make(module: Any) -> Activation:
        if module.dim not in (None, 1, -1):
            raise _Unsupported(f"dim={module.dim}: want the columns, 1 or -1")
        return activations.get(name)

    return _activation(make)


def _hard_tanh(module: Any) -> Activation:
    bounds = (module.min_val, module.max_val)
    if bounds == (-1, 1):
        return activations.HardTanh()
    if bounds == (0, 6):
        return activations.ReLU6()
    raise _Unsupported(f"min_val={bounds[0]}, max_val={bounds[1]}: want -1 and 1, or 0 and 6")


def _softplus(module: Any) -> Activation:
    if module.beta != 1 or module.threshold < SOFTPLUS_THRESHOLD:
        raise _Unsupported(
            f"beta={module.beta}, threshold={module.threshold}: want beta 1, threshold 20"
        )
    return activations.Softplus()


def _threshold(module: Any) -> Activation:
    if (module.threshold, module.value) != (0, 0):
        raise _Unsupported(f"threshold={module.threshold}, value={module.value}: want 0 and 0")
    return activations.ReLU()


_CONVERTERS: dict[str, Converter] = {
    "Linear": _linear,
    "BatchNorm1d": _batch_norm,
    "LayerNorm": _layer_norm,
    "RMSNorm": _rms_norm,
    "PReLU": _prelu,
    "Embedding": _embedding,
    "Dropout": _dropout,
    "AlphaDropout": _alpha_dropout,
    "Flatten": _flat,
    "Identity": _identity,
    "LeakyReLU": _activation(lambda module: activations.LeakyReLU(module.negative_slope)),
    "ELU": _activation(lambda module: activations.ELU(module.alpha)),
    "CELU": _activation(lambda module: activations.CELU(module.alpha)),
    "GELU": _activation(lambda module: activations.GELU(module.approximate == "tanh")),
    "Softshrink": _activation(lambda module: activations.SoftShrink(module.lambd)),
    "Hardshrink": _activation(lambda module: activations.HardShrink(module.lambd)),
    "Hardtanh": _activation(_hard_tanh),
    "Softplus": _activation(_softplus),
    "Threshold": _activation(_threshold),
    "GLU": _along_rows("glu"),
    "Softmax": _along_rows("softmax"),
    "LogSoftmax": _along_rows("log_softmax"),
    **{
        theirs: _plain(ours)
        for theirs, ours in (
            ("ReLU", "relu"),
            ("ReLU6", "relu6"),
            ("Sigmoid", "sigmoid"),
            ("Tanh", "tanh"),
            ("SiLU", "silu"),
            ("Hardsigmoid", "hard_sigmoid"),
            ("Hardswish", "hard_silu"),
            ("SELU", "selu"),
            ("Mish", "mish"),
            ("Softsign", "softsign"),
            ("LogSigmoid", "log_sigmoid"),
            ("Tanhshrink", "tanh_shrink"),
        )
    },
}


# -- back -----------------------------------------------------------------------------------------


def to_torch(model: Model) -> Any:
    """Return ``model.to_torch()``; see there."""
    where = "to_torch"
    try:
        import torch
    except ImportError:
        raise missing(where, "PyTorch", "torch") from None
    chain = chain_of(model, where)
    views = {**model.parameters, **model.state}
    found: dict[str, Any] = {}
    problems: list[str] = []
    width = model.inputs
    for name, layer in chain:
        arrays = {
            key.removeprefix(f"{name}/"): np.array(view)
            for key, view in views.items()
            if key.startswith(f"{name}/")
        }
        try:
            made = _modules(torch, _module_name(name, found), layer, arrays, width, model.dtype)
        except _Unsupported as error:
            problems.append(f"{name} ({error})")
            made = {}
        trained = [key for key in model.parameters if key.startswith(f"{name}/")]
        if trained and not any(map(model._is_trained, trained)):
            for module in made.values():
                module.requires_grad_(False)
        found |= made
        width = layer.connect((width,))[0]
    refuse(where, [f"PyTorch has no module for {', '.join(problems)}"] if problems else [], "")
    whole = torch.nn.Sequential()
    for key, one in found.items():
        whole.add_module(key, one)
    return whole


def _module_name(name: str, taken: dict[str, Any]) -> str:
    plain = name.replace(".", "_")
    while plain in taken:
        plain += "_"
    return plain


def _modules(
    torch: Any, name: str, layer: Layer, arrays: dict[str, Array], width: int, dtype: str
) -> dict[str, Any]:
    """Return the modules that a layer becomes, by name."""
    nn = torch.nn
    if isinstance(layer, ModelLayer):
        inner = layer.model.as_dtype(dtype)
        fill(inner, arrays, "to_torch")
        return {name: to_torch(inner)}
    if isinstance(layer, layers.Dense):
        found = {name: _to_linear(torch, arrays["kernel"].T, arrays.get("bias"))}
        if layer.activation.name != "linear":
            found[f"{name}_activation"] = _to_activation(nn, layer.activation)
        return found
    if isinstance(layer, layers.Activation):
        return {name: _to_activation(nn, layer.activation)}
    if isinstance(layer, layers.Normalization):
        return _to_diagonal(torch, name, arrays, layer.invert)
    if isinstance(layer, layers.BatchNormalization):
        module = nn.BatchNorm1d(
            width,
            eps=layer.epsilon,
            momentum=1.0 - layer.momentum,
            affine=layer.scale or layer.center,
        )
        pairs = {
            "running_mean": arrays["moving_mean"],
            "running_var": arrays["moving_variance"],
            **_affine(arrays),
        }
    elif isinstance(layer, layers.LayerNormalization):
        module = nn.LayerNorm(
            width,
            eps=layer.epsilon,
            elementwise_affine=layer.scale or layer.center,
            bias=layer.center,
        )
        pairs = _affine(arrays)
    elif isinstance(layer, layers.RMSNormalization):
        module = nn.RMSNorm(width, eps=layer.epsilon)
        pairs = {"weight": arrays["gamma"]}
    elif isinstance(layer, layers.PReLU):
        module = nn.PReLU(width)
        pairs = {"weight": arrays["alpha"]}
    elif isinstance(layer, layers.Embedding) and len(layer.tables()) == 1:
        module = nn.Embedding(*layer.tables()[0])
        _set(torch, module, {"weight": arrays["embeddings"]})
        return {name: module, f"{name}_flatten": nn.Flatten()}
    elif type(layer) in (layers.Dropout, layers.AlphaDropout):
        return {name: getattr(nn, type(layer).__name__)(layer.rate)}  # type: ignore[attr-defined]
    elif isinstance(layer, layers.Flatten):
        return {name: nn.Flatten()}
    else:
        raise _Unsupported(type(layer).__name__)
    _set(torch, module, pairs)
    module.to(getattr(torch, dtype))
    for key, flag in (("weight", "scale"), ("bias", "center")):
        extra = getattr(module, key, None)
        if extra is not None and not getattr(layer, flag, True):  # there it comes with the other
            extra.requires_grad_(False)
    return {name: module}


def _affine(arrays: dict[str, Array]) -> dict[str, Array]:
    """Return gamma and beta under PyTorch's names; those that are not there stay 1 and 0."""
    pairs = (("weight", "gamma"), ("bias", "beta"))
    return {theirs: arrays[ours] for theirs, ours in pairs if ours in arrays}


def _set(torch: Any, module: Any, arrays: dict[str, Array]) -> None:
    """Write arrays into a module, which takes their dtype."""
    if arrays:
        module.to(getattr(torch, next(iter(arrays.values())).dtype.name))
    with torch.no_grad():
        for key, array in arrays.items():
            getattr(module, key).copy_(torch.from_numpy(np.ascontiguousarray(array)))


def _to_linear(torch: Any, weight: Array, bias: Array | None) -> Any:
    module = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    _set(torch, module, {"weight": weight} | ({} if bias is None else {"bias": bias}))
    return module


def _to_diagonal(torch: Any, name: str, arrays: dict[str, Array], invert: bool) -> dict[str, Any]:
    """A `Normalization` becomes linear modules that are not trained."""
    mean, scale = arrays["mean"], arrays["scale"]
    eye = np.eye(len(mean), dtype=mean.dtype)
    if invert:
        found = {name: _to_linear(torch, eye * scale, mean)}
    else:  # in two steps, for x scale - mean scale would lose digits
        found = {
            f"{name}_shift": _to_linear(torch, eye, -mean),
            f"{name}_scale": _to_linear(torch, eye * scale, None),
        }
    for module in found.values():
        module.requires_grad_(False)
    return found


def _to_activation(nn: Any, spec: Activation) -> Any:
    name = spec.name
    if name in _ALONG_ROWS:
        return getattr(nn, _ALONG_ROWS[name])(dim=-1)
    if name in _WITH_ALPHA:
        return getattr(nn, _WITH_ALPHA[name])(spec.alpha)
    if name == "gelu_tanh":
        return nn.GELU(approximate="tanh")
    if name in _PLAIN:
        return getattr(nn, _PLAIN[name])()
    raise _Unsupported(f"activation {name!r}")


_ALONG_ROWS = {"glu": "GLU", "softmax": "Softmax", "log_softmax": "LogSoftmax"}
_WITH_ALPHA = {
    "leaky_relu": "LeakyReLU",
    "elu": "ELU",
    "celu": "CELU",
    "soft_shrink": "Softshrink",
    "hard_shrink": "Hardshrink",
}
_PLAIN = {
    "linear": "Identity",
    "relu": "ReLU",
    "relu6": "ReLU6",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "silu": "SiLU",
    "hard_sigmoid": "Hardsigmoid",
    "hard_silu": "Hardswish",
    "hard_tanh": "Hardtanh",
    "selu": "SELU",
    "mish": "Mish",
    "softsign": "Softsign",
    "softplus": "Softplus",
    "log_sigmoid": "LogSigmoid",
    "tanh_shrink": "Tanhshrink",
    "gelu": "GELU",
}
