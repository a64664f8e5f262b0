"""Layers: frozen specs that answer questions about shape and say what ops they become.

The model owns the arrays.  A layer may be called on symbolic tensors, which makes a graph:

>>> import fastnn as fnn
>>> x = fnn.Input(7)
>>> h = fnn.Dense(32, "relu")(x)
>>> model = fnn.Model(x, fnn.Dense(1)(fnn.Concatenate()([x, h])), seed=0)
>>> model.outputs
1
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from fastnn import activations, constraints, initializers, regularizers
from fastnn._spec import (
    MAX_UNITS,
    Spec,
    check_bool,
    check_float,
    check_int,
    describe,
    describe_name,
    shown,
)

if TYPE_CHECKING:
    from fastnn.lowering import Lowering

__all__ = [
    "Activation",
    "ActivityRegularization",
    "Add",
    "AlphaDropout",
    "Average",
    "BatchNormalization",
    "Bilinear",
    "Concatenate",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "Input",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "Maximum",
    "Maxout",
    "Multiply",
    "Normalization",
    "PReLU",
    "RMSNormalization",
    "Split",
    "Subtract",
    "Weight",
]

Units = tuple[int, ...]


class Weight(NamedTuple):
    """An array that a layer has.

    Attributes
    ----------
    shape : tuple of int
    initializer : Initializer or array
        What its values are at first.
    trained : bool
        False for what is kept but not trained, such as moving moments.
    trainable : bool
        False for parameters of a nested model that are frozen in it.
    regularizer : Regularizer, optional
        Its penalty is part of the loss.
    constraint : Constraint, optional
        What holds after each update.
    """

    shape: tuple[int, ...]
    initializer: initializers.Initializer | npt.NDArray[Any]
    trained: bool = True
    trainable: bool = True
    regularizer: regularizers.Regularizer | None = None
    constraint: constraints.Constraint | None = None


class Layer(Spec):
    """Base of the layers.

    Attributes
    ----------
    kind : str
        "input", "dense", "activation", ...
    name : str or None
        The name given; None leaves it to the model, which counts ``dense_0``, ``dense_1``, ...
    trainable : bool
        Whether training changes the layer's parameters.
    """

    __slots__ = ("name",)
    name: str | None
    fewest_inputs: ClassVar[int] = 1
    most_inputs: ClassVar[int] = 1

    @property
    def kind(self) -> str:
        """What the layer is, in summaries and automatic names."""
        return self.tag

    @property
    def trainable(self) -> bool:
        """Whether training changes the layer's parameters."""
        return True

    def output_units(self, fan_in: int) -> int:
        """Return the columns of the output for `fan_in` columns of input."""
        return fan_in

    def connect(self, units: Units) -> Units:
        """Return the columns of each output for the columns of each input."""
        return (self.output_units(units[0]),)

    def weights(self, units: Units) -> dict[str, Weight]:
        """Return the layer's arrays by name, in the order they lie in the flat vector."""
        return {}

    def parameter_shapes(self, *fan_in: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of what is trained, by name."""
        return {
            name: weight.shape for name, weight in self.weights(fan_in).items() if weight.trained
        }

    def lower(self, to: Lowering, inputs: Units) -> Units:
        """Add the layer's ops to a plan; return the tensors that they write."""
        raise TypeError(f"{type(self).__name__}: this layer has no ops")

    def options(self) -> dict[str, object]:
        """Return what a summary tells of the layer besides shapes and parameters."""
        return {name: shown(value) for name, value in self._changed().items() if name != "name"}

    def __call__(self, *inputs: Any) -> Any:
        """Return the symbolic output for symbolic inputs: tensors, `Input` layers, or a list.

        Parameters
        ----------
        *inputs : Tensor, Input, or one list of them

        Returns
        -------
        Tensor, or tuple of Tensor for layers with several outputs

        Raises
        ------
        TypeError, ValueError
            If there are too few or too many, or their widths do not fit.
        """
        from fastnn.graph import apply

        return apply(self, inputs)


def _check_name(where: str, name: object) -> str | None:
    if name is None:
        return None
    if not isinstance(name, str):
        raise TypeError(f"{where}: name must be a string, got {describe(name)}")
    if not name or "/" in name or not name.isprintable():
        raise ValueError(
            f"{where}: name must be printable, not empty and without '/', got {describe_name(name)}"
        )
    if name == "state":  # a model's file keeps its other tensors under "state/"
        raise ValueError(f"{where}: the name 'state' is kept for saved files; choose another")
    return name


class Input(Layer):
    """What goes into the network: rows of `units` numbers.

    Parameters
    ----------
    units : int or tuple
        Number of columns, also as a shape ``(7,)`` or ``(None, 7)``.
    name : str, optional

    Examples
    --------
    >>> Input((None, 7), name="car_features")
    Input(7, name='car_features')
    """

    __slots__ = ("units",)
    tag = "input"
    units: int

    def __init__(self, units: int | tuple[int | None, ...], *, name: str | None = None) -> None:
        who = type(self).__name__
        columns: Any = units
        if isinstance(units, (tuple, list)):
            lengths = units[1:] if len(units) == 2 and units[0] is None else units
            if len(lengths) != 1:
                raise ValueError(
                    f"{who}: units must be an integer or a shape (n,) or (None, n), "
                    f"got {describe(units)}"
                )
            columns = lengths[0]
        self._set(units=check_int(who, "units", columns, 1, MAX_UNITS), name=_check_name(who, name))

    def output_units(self, fan_in: int) -> int:
        """Return the columns of the output: those of the input."""
        return self.units

    def __call__(self, *inputs: Any) -> Any:
        """Refuse: an input takes none."""
        raise TypeError("Input: call other layers on it, as in Dense(8)(x)")


def _kernel(layer: Dense | Maxout | Bilinear, shape: tuple[int, ...]) -> Weight:
    return Weight(
        shape,
        layer.kernel_initializer,
        regularizer=layer.kernel_regularizer,
        constraint=layer.kernel_constraint,
    )


def _bias(layer: Dense | Maxout | Bilinear, units: int) -> Weight:
    return Weight(
        (units,),
        layer.bias_initializer,
        regularizer=layer.bias_regularizer,
        constraint=layer.bias_constraint,
    )


def _regularized(layer: Dense | Maxout | Bilinear, to: Lowering, out: int) -> int:
    """Add an op for the penalty on the layer's outputs, if there is one."""
    penalty = layer.activity_regularizer
    if penalty is None or (penalty.l1 == 0 and penalty.l2 == 0):
        return out
    return to.activity(out, penalty.l1, penalty.l2)


class Dense(Layer):
    """Affine map and activation, ``out = activation(x @ kernel + bias)``.

    Parameters
    ----------
    units : int
        Columns of the output before the activation, at least 1.
    activation : str, Activation or None
        None is linear.
    use_bias : bool, default True
    kernel_initializer, bias_initializer : str, Initializer, array or callable
        By default "glorot_uniform" and "zeros".
    kernel_regularizer, bias_regularizer : str or Regularizer, optional
        Penalties that are part of the loss, such as "l2" or ``fastnn.regularizers.L2(1e-4)``.
    activity_regularizer : str or Regularizer, optional
        The same on the layer's outputs: see `ActivityRegularization`.
    kernel_constraint, bias_constraint : str or Constraint, optional
        What holds after each update, such as "non_negative".
    trainable : bool, default True
        Whether training changes kernel and bias.
    name : str, optional

    Examples
    --------
    >>> layer = Dense(32, activation="relu")
    >>> layer.parameter_shapes(7)
    {'kernel': (7, 32), 'bias': (32,)}
    """

    __slots__ = (
        "activation",
        "activity_regularizer",
        "bias_constraint",
        "bias_initializer",
        "bias_regularizer",
        "kernel_constraint",
        "kernel_initializer",
        "kernel_regularizer",
        "trainable",
        "units",
        "use_bias",
    )
    tag = "dense"
    units: int
    activation: activations.Activation
    use_bias: bool
    kernel_initializer: initializers.Initializer
    bias_initializer: initializers.Initializer
    kernel_regularizer: regularizers.Regularizer | None
    bias_regularizer: regularizers.Regularizer | None
    activity_regularizer: regularizers.Regularizer | None
    kernel_constraint: constraints.Constraint | None
    bias_constraint: constraints.Constraint | None
    trainable: bool

    def __init__(
        self,
        units: int,
        activation: str | activations.Activation | None = None,
        *,
        use_bias: bool = True,
        kernel_initializer: str | initializers.Initializer = "glorot_uniform",
        bias_initializer: str | initializers.Initializer = "zeros",
        kernel_regularizer: str | regularizers.Regularizer | None = None,
        bias_regularizer: str | regularizers.Regularizer | None = None,
        activity_regularizer: str | regularizers.Regularizer | None = None,
        kernel_constraint: str | constraints.Constraint | None = None,
        bias_constraint: str | constraints.Constraint | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        who = type(self).__name__
        self._set(
            units=check_int(who, "units", units, 1, MAX_UNITS),
            activation=activations.get(activation, who),
            use_bias=check_bool(who, "use_bias", use_bias),
            kernel_initializer=initializers.get(kernel_initializer, who),
            bias_initializer=initializers.get(bias_initializer, who),
            kernel_regularizer=regularizers.get(kernel_regularizer, who),
            bias_regularizer=regularizers.get(bias_regularizer, who),
            activity_regularizer=regularizers.get(activity_regularizer, who),
            kernel_constraint=constraints.get(kernel_constraint, who),
            bias_constraint=constraints.get(bias_constraint, who),
            trainable=check_bool(who, "trainable", trainable),
            name=_check_name(who, name),
        )

    def output_units(self, fan_in: int) -> int:
        """Return the columns of the output."""
        return self.activation.output_units(self.units)

    def weights(self, units: Units) -> dict[str, Weight]:
        """Return kernel and bias."""
        found = {"kernel": _kernel(self, (units[0], self.units))}
        if self.use_bias:
            found["bias"] = _bias(self, self.units)
        return found

    def lower(self, to: Lowering, inputs: Units) -> Units:
        """Add one op."""
        out = to.dense(inputs[0], self.units, to.at("kernel"), to.at("bias"), self.activation)
        return (_regularized(self, to, out),)


class Activation(Layer):
    """An activation as a layer of its own.

    Parameters
    ----------
    activation : str or Activation
    name : str, optional

    Examples
    --------
    >>> Activation("softmax")
    Activation('softmax')
    """

    __slots__ = ("activation",)
    tag = "activation"
    activation: activations.Activation

    def __init__(
        self, activation: str | activations.Activation, *, name: str | None = None
    ) -> None:
        who = type(self).__name__
        self._set(activation=activations.get(activation, who), name=_check_name(who, name))

    def output_units(self, fan_in: int) -> int:
        """Return the columns of the output: as many as come in, or for "glu" half of them."""
        return self.activation.output_units(fan_in)

    def lower(self, to: Lowering, inputs: Units) -> Units:
        """Add one op, or none if it goes into the dense layer before."""
        return (to.activation(inputs[0], self.activation),)

    def options(self) -> dict[str, object]:
        """Return the activation."""
        return {"activation": shown(self.activation)}


class _Noise(Layer):
    """What is drawn anew at each step of a training, and leaves predictions alone."""

    __slots__ = ("rate",)
    variant: ClassVar[int]
    rate: float

    def __init__(self, rate: float, *, name: str | None = None) -> None:
        who = type(self).__name__
        self._set(
            rate=check_float(who, "rate", rate, at_least=0, below=1), name=_check_name(who, name)
        )

    def lower(self, to: Lowering, inputs: Units) -> Units:
        """Add one op, or none where there is no noise."""
        if self._amount() == 0:
            return inputs
        return (to.noise(inputs[0], self.variant, self._amount()),)

    def _amount(self) -> float:
        return self.rate

    def options(self) -> dict[str, object]:
        """Return the rate."""
        return {"rate": self._amount()}


class Dropout(_Noise):
    """Zeroes a share of the values in training, and scales the others by ``1 / (1 - rate)``.

    Parameters
    ----------
    rate : float
        The share, within [0, 1).
    name : str, optional

    References
    ----------
    Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov (2014), Dropout: a simple way to
    prevent neural networks from overfitting.

    Examples
    --------
    >>> Dropout(0.5)
    Dropout(0.5)
    """

    __slots__ = ()
    tag = "dropout"
    variant = 0


class AlphaDropout(_Noise):
    """Dropout that keeps mean and variance of values that come from `selu`.

    Parameters
    ----------
    rate : float
        The share of values that are set to selu's lower limit; within [0, 1).
    name : str, optional

    References
    ----------
    Klambauer, Unterthiner, Mayr and Hochreiter (2017), Self-normalizing neural networks,
    arXiv:1706.02515.

    Examples
    --------
    >>> AlphaDropout(0.1).rate
    0.1
    """

    __slots__ = ()
    tag = "alpha_dropout"
    variant = 1


class GaussianDropout(_Noise):
    """Multiplies values in training by normal numbers of mean 1 and variance rate / (1 - rate).

    Parameters
    ----------
    rate : float
        Within [0, 1).
    name : str, optional

    References
    ----------
    Srivastava et al. (2014), section 10.

    Examples
    --------
    >>> GaussianDropout(0.1)
    GaussianDropout(0.1)
    """

    __slots__ = ()
    tag = "gaussian_dropout"
    variant = 2


class GaussianNoise(_Noise):
    """Adds normal noise in training.

    Parameters
    ----------
    stddev : float
        Its standard deviation, at least 0.
    name : str, optional

    Examples
    --------
    >>> GaussianNoise(0.1)
    GaussianNoise(0.1)
    """

    __slots__ = ("stddev",)
    tag = "gaussian_noise"
    variant = 3
    stddev: float

    def __init__(self, stddev: float, *, name: str | None = None) -> None:
        who = type(self).__name__
        self._set(
            stddev=check_float(who, "stddev", stddev, at_least=0), name=_check_name(who, name)
        )

    def _amount(self) -> float:
        return self.stddev

    def options(self) -> dict[str, object]:
        """Return the standard deviation."""
        return {"stddev": self.stddev}


class BatchNormalization(Layer):
    """Normalizes each column by mean and variance: of the batch in training, else moving ones.

    ``out = gamma * (x - mean) / sqrt(variance + epsilon) + beta``.  After each step of a training
    ``moving = momentum * moving + (1 - momentum) * batch``; both variances are biased (divided by
    the number of rows), as in Keras.  Sample weights do not enter the moments.

    Parameters
    ----------
    momentum : float, default 0.99
        Within [0, 1).
    epsilon : float, default 1e-3
        Above 0.
    center, scale : bool, default True
        Whether there are beta and gamma.
    trainable : bool, default True
        Whether training changes beta and gamma; the moments move in any case.
    name : str, optional

    Notes
    -----
    A training step takes its whole batch at once through such a layer.

    References
    ----------
    Ioffe and Szegedy (2015), Batch normalization, arXiv:1502.03167.

    Examples
    --------
    >>> BatchNormalization().parameter_shapes(3)
    {'gamma': (3,), 'beta': (3,)}
    """

    __slots__ = ("center", "epsilon", "momentum", "scale", "trainable")
    tag = "batch_normalization"
    momentum: float
    epsilon: float
    center: bool
    scale: bool
    trainable: bool

    def __init__(
        self,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        *,
        center: bool = True,
        scale: bool = True,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        who = type(self).__name__
        self._set(
            momentum=check_float(who, "momentum", momentum, at_least=0, below=1),
            epsilon=check_float(who, "epsilon", epsilon, at_least=1e-30),
            center=check_bool(who, "center", center),
            scale=check_bool(who, "scale", scale),
            trainable=check_bool(who, "trainable", trainable),
            name=_check_name(who, name),
        )

    def weights(self, units: Units) -> dict[str, Weight]:
        """Return gamma, beta and the moving moments."""
        zeros, ones = initializers.get("zeros"), initializers.get("ones")
        found = {}
        if self.scale:
            found["gamma"] = Weight(units, ones)
        if self.center:
            found["beta"] = Weight(units, zeros)
        found["moving_mean"] = Weight(units, zeros, trained=False)
        found["moving_variance"] = Weight(units, ones, trained=False)
        return found

    def lower(self, to: Lowering, inputs: Units) -> Units:
        """Add one op."""
        return (to.batch_norm(inputs[0], self.epsilon, self.momentum),)


class LayerNormalization(Layer):
    """Normalizes each row: ``gamma * (x - mean) / sqrt(variance + epsilon) + beta``.

    Parameters
    ----------
    epsilon : float, default 1e-3
        Above 0.
    center, scale : bool, default True
        Whether there are beta and gamma.
    trainable : bool, default True
    name : str, optional

    References
    ----------
    Ba, Kiros and Hinton (2016), Layer normalization, arXiv:1607.06450.

    Examples
    --------
    >>> LayerNormalization(center=False).parameter_shapes(3)
    {'gamma': (3,)}
    """

    __slots__ = ("center", "epsilon", "scale", "trainable")
    tag = "layer_normalization"
    epsilon: float
    center: bool
    scale: bool
    trainable: bool

    def __init__(
        self,
        epsilon: float = 1e-3,
        *,
        center: bool = True,
        scale: bool = True,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        who = type(self).__name__
        self._set(
            epsilon=check_float(who, "epsilon", epsilon, at_least=1e-30),
            center=check_bool(who, "center", center),
            scale=check_bool(who, "scale", scale),
            trainable=check_bool(who, "trainable", trainable),
            name=_check_name(who, name),
        )

    def weights(self, units: Units) -> dict[str, Weight]:
        """Return gamma and beta."""
        found = {}
        if self.scale:
            found["gamma"] = Weight(units, initializers.get("ones"))
        if self.center:
            found["beta"] = Weight(units, initializers.get("zeros"))
        return found

    def lower(self, to: Lowering, inputs: Units) -> Units:
        """Add one op."""
        return (to.layer_norm(inputs[0], self.epsilon, rms=False),)


class RMSNormalization(Layer):
    """Normalizes each row by its root mean square: ``gamma * x / sqrt(mean(x**2) + epsilon)``.

    Parameters
    ----------
    epsilon : float, default 1e-6
        Above 0.
    trainable : bool, default True
    name : str, optional

    References
    ----------
    Zhang and Sennrich (2019), Root mean square layer normalization, arXiv:1910.07467.

    Examples
    --------
    >>> RMSNormalization().parameter_shapes(3)
    {'gamma': (3,)}
    """

    __slots__ = ("epsilon", "trainable")
    tag = "rms_normalization"
    epsilon: float
    trainable: bool

    def __init__(
        self, epsilon: float = 1e-6, *, trainable: bool = True, name: str | None = None
    ) -> None:
        who = type(self).__name__
        self._set(
            epsilon=check_float(who, "epsilon", epsilon, at_least=1e-30),
            trainable=check_bool(who, "trainable", trainable),
            name=_check_name(who, name),
        )

    def weights(self, units: Units) -> dict[str, Weight]:
        """Return gamma."""
        return {"gamma": Weight(units, initializers.get("ones"))}

    def lower(self, to: Lowering, inputs: Units) -> Units:
        """Add one op."""
        return (to.layer_norm(inputs[0], self.epsilon, rms=True),)


class Embedding(Layer):
    """Rows of tables that are looked up by integer columns, side by side.

    Parameters
    ----------
    input_dim : int, or sequence of int
        How many values the column, or each of several columns, may have: 0 .. input_dim - 1.
    output_dim : int, or sequence of int
        Columns of the output for each column of the input.
    embeddings_initializer : str, Initializer, array or callable
        By default "uniform".
    embeddings_regularizer : str or Regularizer, optional
    embeddings_constraint : str or Constraint, optional
    trainable : bool, default True
    name : str, optional

    Notes
    -----
    The input must be an `Input`, or a `Split` of one: what comes in is refused if it is no whole
    number within the table.  A float32 network counts exactly up to 2**24.

    Examples
    --------
    >>> layer = Embedding([7, 12], [3, 5])  # weekday and month
    >>> layer.output_units(2), layer.parameter_shapes(2)
    (8, {'embeddings_0': (7, 3), 'embeddings_1': (12, 5)})
    """

    __slots__ = (
        "embeddings_constraint",
        "embeddings_initializer",
        "embeddings_regularizer",
        "input_dim",
        "output_dim",
        "trainable",
    )
    tag = "embedding"
    input_dim: int | tuple[int, ...]
    output_dim: int | tuple[int, ...]
    embeddings_initializer: initializers.Initializer
    embeddings_regularizer: regularizers.Regularizer | None
    embeddings_constraint: constraints.Constraint | None
    trainable: bool

    def __init__(
        self,
        input_dim: int | Sequence[int],
        output_dim: int | Sequence[int],
        *,
        embeddings_initializer: str | initializers.Initializer = "uniform",
        embeddings_regularizer: str | regularizers.Regularizer | None = None,
        embeddings_constraint: str | constraints.Constraint | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        who = type(self).__name__
        given: dict[str, int | tuple[int, ...]] = {}
        for key, value, most in (
            ("input_dim", input_dim, 2**24),
            ("output_dim", output_dim, MAX_UNITS),
        ):
            if isinstance(value, (list, tuple)):
                if not value:
                    raise ValueError(f"{who}: {key} is empty; want a number for each column")
                given[key] = tuple(
                    check_int(who, f"{key}[{i}]", one, 1, most) for i, one in enumerate(value)
                )
            else:
                given[key] = check_int(who, key, value, 1, most)
        self._set(
            **given,
            embeddings_initializer=initializers.get(embeddings_initializer, who),
            embeddings_regularizer=regularizers.get(embeddings_regularizer, who),
            embeddings_constraint=constraints.get(embeddings_constraint, who),
            trainable=check_bool(who, "trainable", trainable),
            name=_check_name(who, name),
        )
        columns = [value for value in given.values() if isinstance(value, tuple)]
        if len({len(value) for value in columns}) > 1:
            raise ValueError(
                f"{who}: input_dim names {len(columns[0])} columns, output_dim {len(columns[1])}; "
                f"want as many"
            )

    def tables(self) -> list[tuple[int, int]]:
        """Return rows and columns of each table."""
        counts = [len(d) for d in (self.input_dim, self.output_dim) if isinstance(d, tuple)]
        n = counts[0] if counts else 1
        rows = self.input_dim if isinstance(self.input_dim, tuple) else (self.input_dim,) * n
        cols = self.output_dim if isinstance(self.output_dim, tuple) else (self.output_dim,) * n
        return list(zip(rows, cols, strict=True))

    def output_units(self, fan_in: int) -> int:
        """Return the columns of the output."""
        tables = self.tables()
        if fan_in != len(tables):
            raise ValueError(
                f"Embedding: got {fan_in} input columns for {len(tables)} tables; want as many"
            )
        return sum(cols for _, cols in tables)

    def weights(self, units: Units) -> dict[str, Weight]:
        """Return the tables."""
        tables = self.tables()
        names = (
            ["embeddings"] if len(tables) == 1 else [f"embeddings_{i}" for i in range(len(tables))]
        )
        return {
            name: Weight(
                shape,
                self.embeddings_initializer,
                regularizer=self.embeddings_regularizer,
                constraint=self.embeddings_constraint,
            )
            for name, shape in zip(names, tables, strict=True)
        }

    def lower(self, to: Lowering, inputs: Units) -> Units:
        """Add an op for each table, and one that puts their values side by side."""
        tables = self.tables()
        names = list(self.weights(()))
        found = tuple(
            to.embedding(inputs[0], column, rows, cols, to.at(name))
            for column, ((rows, cols), name) in enumerate(zip(tables, names, strict=True))
        )
        return found if len(found) == 1 else (to.concat(found),)


class Normalization(Layer):
    """Shifts and scales columns to mean 0 and variance 1, by moments that data gave.

    Parameters
    ----------
    mean, variance : sequence of float, optional
        Of each column; `adapt` finds them.  Without them the layer changes nothing until
        ``model.adapt(x, y)`` has been called.
    invert : bool, default False
        The other way: ``x * sqrt(variance) + mean``.  As the last layer, adapted to the targets,
        it gives predictions in the targets' units.
    name : str, optional

    Examples
    --------
    >>> layer = Normalization().adapt([[1.0], [3.0]])
    >>> layer.mean, layer.variance
    ((2.0,), (1.0,))
    """

    __slots__ = ("invert", "mean", "variance")
    tag = "normalization"
    mean: tuple[float, ...] | None
    variance: tuple[float, ...] | None
    invert: bool

    def __init__(
        self,
        mean: Sequence[float] | None = None,
        variance: Sequence[float] | None = None,
        *,
        invert: bool = False,
        name: str | None = None,
    ) -> None:
        who = type(self).__name__
        if (mean is None) != (variance is None):
            raise ValueError(f"{who}: give mean and variance, or neither")
        found: dict[str, tuple[float, ...] | None] = {"mean": None, "variance": None}
        for key, value in (("mean", mean), ("variance", variance)):
            if value is not None:
                numbers = np.atleast_1d(np.asarray(value))
                if numbers.ndim != 1 or numbers.dtype.kind not in "fiub":
                    raise TypeError(
                        f"{who}: {key} must be a number for each column, got {describe(value)}"
                    )
                low = {"at_least": 0.0} if key == "variance" else {}
                found[key] = tuple(check_float(who, key, one, **low) for one in numbers)
        if found["mean"] and found["variance"] and len(found["mean"]) != len(found["variance"]):
            raise ValueError(f"{who}: mean and variance differ in length")
        self._set(**found, invert=check_bool(who, "invert", invert), name=_check_name(who, name))

    def adapt(self, x: npt.ArrayLike | Iterable[Any]) -> Self:
        """Take mean and variance of the columns of `x`; a model built afterwards has them.

        This is the one thing that changes a layer after it was made, so that
        ``norm = Normalization(); norm.adapt(x)`` does what it looks like.

        Parameters
        ----------
        x : array_like, shape (n, columns), or an iterable of batches
            Read once.  A batch may be a tuple that begins with the rows.

        Returns
        -------
        Normalization
            Itself.

        Raises
        ------
        TypeError, ValueError
            If `x` holds no rows, NaN or Inf, or no real numbers.
        """
        from fastnn.moments import column_moments

        mean, variance = column_moments(x, "Normalization.adapt")
        self._set(mean=tuple(mean.tolist()), variance=tuple(variance.tolist()))
        return self

    def weights(self, units: Units) -> dict[str, Weight]:
        """Return mean and scale."""
        mean, scale = np.zeros(units), np.ones(units)
        if self.mean is not None and self.variance is not None:
            if len(self.mean) != units[0]:
                raise ValueError(
                    f"Normalization: adapted to {len(self.mean)} columns, got {units[0]}"
                )
            mean, scale = scales(np.array(self.mean), np.array(self.variance), self.invert)
        return {
            "mean": Weight(units, mean, trained=False),
            "scale": Weight(units, scale, trained=False),
        }

    def lower(self, to: Lowering, inputs: Units) -> Units:
        """Add one op."""
        return (to.scale(inputs[0], to.at("mean"), to.at("scale"), self.invert),)

    def options(self) -> dict[str, object]:
        """Return whether it goes the other way."""
        return {"invert": True} if self.invert else {}


def scales(
    mean: npt.NDArray[np.float64], variance: npt.NDArray[np.float64], invert: bool
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return mean and multiplier of a `Normalization`; a constant column is only shifted."""
    deviation = np.sqrt(variance)
    deviation[deviation == 0] = 1.0
    return mean, deviation if invert else 1.0 / deviation


class PReLU(Layer):
    """``x`` where x > 0, else ``alpha * x`` with an alpha for each column, which is trained.

    Parameters
    ----------
    alpha_initializer : str, Initializer, array or callable
        By default "zeros", as in Keras.
    trainable : bool, default True
    name : str, optional

    References
    ----------
    He, Zhang, Ren and Sun (2015), Delving deep into rectifiers, arXiv:1502.01852.

    Examples
    --------
    >>> PReLU().parameter_shapes(4)
    {'alpha': (4,)}
    """

    __slots__ = ("alpha_initializer", "trainable")
    tag = "prelu"
    alpha_initializer: initializers.Initializer
    trainable: bool

    def __init__(
        self,
        alpha_initializer: str | initializers.Initializer = "zeros",
        *,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        who = type(self).__name__
        self._set(
            alpha_initializer=initializers.get(alpha_initializer, who),
            trainable=check_bool(who, "trainable", trainable),
            name=_check_name(who, name),
        )

    def weights(self, units: Units) -> dict[str, Weight]:
        """Return alpha."""
        return {"alpha": Weight(units, self.alpha_initializer)}

    def lower(self, to: Lowering, inputs: Units) -> Units:
        """Add one op."""
        return (to.prelu(inputs[0], to.at("alpha")),)


class Maxout(Layer):
    """The largest of several affine maps, unit by unit.

    Parameters
    ----------
    units : int
        Columns of the output.
    pieces : int, default 2
        Maps for each unit.
    use_bias : bool, default True
    kernel_initializer, bias_initializer : str, Initializer, array or callable
    kernel_regularizer, bias_regularizer : str or Regularizer, optional
        Penalties that are part of the loss, such as "l2" or ``fastnn.regularizers.L2(1e-4)``.
    activity_regularizer : str or Regularizer, optional
        The same on the layer's outputs: see `ActivityRegularization`.
    kernel_constraint, bias_constraint : str or Constraint, optional
        What holds after each update, such as "non_negative".
    trainable : bool, default True
    name : str, optional

    References
    ----------
    Goodfellow, Warde-Farley, Mirza, Courville and Bengio (2013), Maxout networks,
    arXiv:1302.4389.

    Examples
    --------
    >>> Maxout(4, pieces=3).parameter_shapes(5)
    {'kernel': (5, 12), 'bias': (12,)}
    """

    __slots__ = (
        "activity_regularizer",
        "bias_constraint",
        "bias_initializer",
        "bias_regularizer",
        "kernel_constraint",
        "kernel_initializer",
        "kernel_regularizer",
        "pieces",
        "trainable",
        "units",
        "use_bias",
    )
    tag = "maxout"
    units: int
    pieces: int
    use_bias: bool
    kernel_initializer: initializers.Initializer
    bias_initializer: initializers.Initializer
    kernel_regularizer: regularizers.Regularizer | None
    bias_regularizer: regularizers.Regularizer | None
    activity_regularizer: regularizers.Regularizer | None
    kernel_constraint: constraints.Constraint | None
    bias_constraint: constraints.Constraint | None
    trainable: bool

    def __init__(
        self,
        units: int,
        pieces: int = 2,
        *,
        use_bias: bool = True,
        kernel_initializer: str | initializers.Initializer = "glorot_uniform",
        bias_initializer: str | initializers.Initializer = "zeros",
        kernel_regularizer: str | regularizers.Regularizer | None = None,
        bias_regularizer: str | regularizers.Regularizer | None = None,
        activity_regularizer: str | regularizers.Regularizer | None = None,
        kernel_constraint: str | constraints.Constraint | None = None,
        bias_constraint: str | constraints.Constraint | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        who = type(self).__name__
        self._set(
            units=check_int(who, "units", units, 1, MAX_UNITS),
            pieces=check_int(who, "pieces", pieces, 1, 1024),
            use_bias=check_bool(who, "use_bias", use_bias),
            kernel_initializer=initializers.get(kernel_initializer, who),
            bias_initializer=initializers.get(bias_initializer, who),
            kernel_regularizer=regularizers.get(kernel_regularizer, who),
            bias_regularizer=regularizers.get(bias_regularizer, who),
            activity_regularizer=regularizers.get(activity_regularizer, who),
            kernel_constraint=constraints.get(kernel_constraint, who),
            bias_constraint=constraints.get(bias_constraint, who),
            trainable=check_bool(who, "trainable", trainable),
            name=_check_name(who, name),
        )
        check_int(who, "units * pieces", self.units * self.pieces, 1, MAX_UNITS)

    def output_units(self, fan_in: int) -> int:
        """Return the columns of the output."""
        return self.units

    def weights(self, units: Units) -> dict[str, Weight]:
        """Return kernel and bias of all pieces; piece p of unit u is column p * units + u."""
        wide = self.units * self.pieces
        found = {"kernel": _kernel(self, (units[0], wide))}
        if self.use_bias:
            found["bias"] = _bias(self, wide)
        return found

    def lower(self, to: Lowering, inputs: Units) -> Units:
        """Add a dense op, and one that takes the largest."""
        wide = to.dense(inputs[0], self.units * self.pieces, to.at("kernel"), to.at("bias"))
        return (_regularized(self, to, to.maxout(wide, self.units, self.pieces)),)


class Bilinear(Layer):
    """Products of two inputs: ``out[u] = a @ kernel_u @ b + bias[u]``, then an activation.

    Parameters
    ----------
    units : int
        Columns of the output.
    activation : str, Activation or None
    use_bias : bool, default True
    kernel_initializer, bias_initializer : str, Initializer, array or callable
    kernel_regularizer, bias_regularizer : str or Regularizer, optional
        Penalties that are part of the loss, such as "l2" or ``fastnn.regularizers.L2(1e-4)``.
    activity_regularizer : str or Regularizer, optional
        The same on the layer's outputs: see `ActivityRegularization`.
    kernel_constraint, bias_constraint : str or Constraint, optional
        What holds after each update, such as "non_negative".
    trainable : bool, default True
    name : str, optional

    Notes
    -----
    The kernel is (columns of a, units * columns of b): that of unit u has its columns together.

    Examples
    --------
    >>> Bilinear(2).parameter_shapes(3, 5)
    {'kernel': (3, 10), 'bias': (2,)}
    """

    __slots__ = (
        "activation",
        "activity_regularizer",
        "bias_constraint",
        "bias_initializer",
        "bias_regularizer",
        "kernel_constraint",
        "kernel_initializer",
        "kernel_regularizer",
        "trainable",
        "units",
        "use_bias",
    )
    tag = "bilinear"
    fewest_inputs = 2
    most_inputs = 2
    units: int
    activation: activations.Activation
    use_bias: bool
    kernel_initializer: initializers.Initializer
    bias_initializer: initializers.Initializer
    kernel_regularizer: regularizers.Regularizer | None
    bias_regularizer: regularizers.Regularizer | None
    activity_regularizer: regularizers.Regularizer | None
    kernel_constraint: constraints.Constraint | None
    bias_constraint: constraints.Constraint | None
    trainable: bool

    def __init__(
        self,
        units: int,
        activation: str | activations.Activation | None = None,
        *,
        use_bias: bool = True,
        kernel_initializer: str | initializers.Initializer = "glorot_uniform",
        bias_initializer: str | initializers.Initializer = "zeros",
        kernel_regularizer: str | regularizers.Regularizer | None = None,
        bias_regularizer: str | regularizers.Regularizer | None = None,
        activity_regularizer: str | regularizers.Regularizer | None = None,
        kernel_constraint: str | constraints.Constraint | None = None,
        bias_constraint: str | constraints.Constraint | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        who = type(self).__name__
        self._set(
            units=check_int(who, "units", units, 1, MAX_UNITS),
            activation=activations.get(activation, who),
            use_bias=check_bool(who, "use_bias", use_bias),
            kernel_initializer=initializers.get(kernel_initializer, who),
            bias_initializer=initializers.get(bias_initializer, who),
            kernel_regularizer=regularizers.get(kernel_regularizer, who),
            bias_regularizer=regularizers.get(bias_regularizer, who),
            activity_regularizer=regularizers.get(activity_regularizer, who),
            kernel_constraint=constraints.get(kernel_constraint, who),
            bias_constraint=constraints.get(bias_constraint, who),
            trainable=check_bool(who, "trainable", trainable),
            name=_check_name(who, name),
        )

    def connect(self, units: Units) -> Units:
        """Return the columns of the output."""
        return (self.activation.output_units(self.units),)

    def weights(self, units: Units) -> dict[str, Weight]:
        """Return kernel and bias."""
        found = {"kernel": _kernel(self, (units[0], self.units * units[1]))}
        if self.use_bias:
            found["bias"] = _bias(self, self.units)
        return found

    def lower(self, to: Lowering, inputs: Units) -> Units:
        """Add one op, and one for an activation."""
        out = to.bilinear(inputs, self.units, to.at("kernel"), to.at("bias"))
        if self.activation.name != "linear":
            out = to.activation(out, self.activation)
        return (_regularized(self, to, out),)


class _Combine(Layer):
    """Several inputs of one width, element by element."""

    __slots__ = ()
    fewest_inputs = 2
    most_inputs = 2**16
    variant: ClassVar[int]

    def __init__(self, *, name: str | None = None) -> None:
        self._set(name=_check_name(type(self).__name__, name))

    def connect(self, units: Units) -> Units:
        """Return the width that all inputs have."""
        if len(set(units)) > 1:
            raise ValueError(
                f"{type(self).__name__}: the inputs have {', '.join(map(str, units))} columns; "
                f"want all alike"
            )
        return units[:1]

    def lower(self, to: Lowering, inputs: Units) -> Units:
        """Add one op, or several for very many inputs."""
        return (to.combine(inputs, self.variant),)


class Add(_Combine):
    """The sum of its inputs.

    Examples
    --------
    >>> import fastnn as fnn
    >>> x = fnn.Input(4)
    >>> fnn.Add()([x, fnn.Dense(4)(x)])
    <Tensor: (None, 4) from Add()>
    """

    __slots__ = ()
    tag = "add"
    variant = 0


class Subtract(_Combine):
    """The first input less the second.

    Examples
    --------
    >>> Subtract().connect((4, 4))
    (4,)
    """

    __slots__ = ()
    tag = "subtract"
    most_inputs = 2
    variant = 1


class Multiply(_Combine):
    """The product of its inputs, element by element.

    Examples
    --------
    >>> Multiply().connect((4, 4, 4))
    (4,)
    """

    __slots__ = ()
    tag = "multiply"
    variant = 2


class Average(_Combine):
    """The mean of its inputs.

    Examples
    --------
    >>> Average().connect((4, 4, 4))
    (4,)
    """

    __slots__ = ()
    tag = "average"
    most_inputs = 64
    variant = 3


class Maximum(_Combine):
    """The largest of its inputs, element by element; the first of equal ones takes the gradient.

    Examples
    --------
    >>> Maximum().connect((4, 4))
    (4,)
    """

    __slots__ = ()
    tag = "maximum"
    variant = 4


class Concatenate(Layer):
    """Its inputs side by side.

    Parameters
    ----------
    name : str, optional

    Examples
    --------
    >>> Concatenate().connect((3, 4))
    (7,)
    """

    __slots__ = ()
    tag = "concatenate"
    fewest_inputs = 1
    most_inputs = 2**16

    def __init__(self, *, name: str | None = None) -> None:
        self._set(name=_check_name(type(self).__name__, name))

    def connect(self, units: Units) -> Units:
        """Return the sum of the widths."""
        return (sum(units),)

    def lower(self, to: Lowering, inputs: Units) -> Units:
        """Add one op."""
        return (to.concat(inputs),)


class Split(Layer):
    """Cuts the columns of its input; called on a tensor it returns one for each part.

    Parameters
    ----------
    sizes : int, or sequence of int
        The number of equal parts, or the columns of each part.
    name : str, optional

    Examples
    --------
    >>> import fastnn as fnn
    >>> numbers, weekday = fnn.Split([5, 1])(fnn.Input(6))
    >>> weekday
    <Tensor: (None, 1) from Split((5, 1))>
    """

    __slots__ = ("sizes",)
    tag = "split"
    sizes: int | tuple[int, ...]

    def __init__(self, sizes: int | Sequence[int], *, name: str | None = None) -> None:
        who = type(self).__name__
        given: int | tuple[int, ...]
        if isinstance(sizes, (list, tuple)):
            given = tuple(
                check_int(who, f"sizes[{i}]", one, 1, MAX_UNITS) for i, one in enumerate(sizes)
            )
            if not given:
                raise ValueError(f"{who}: sizes is empty; want the columns of each part")
        else:
            given = check_int(who, "sizes", sizes, 1, MAX_UNITS)
        self._set(sizes=given, name=_check_name(who, name))

    def connect(self, units: Units) -> Units:
        """Return the columns of each part."""
        if isinstance(self.sizes, int):
            if units[0] % self.sizes:
                raise ValueError(
                    f"Split: {units[0]} columns cannot be cut into {self.sizes} equal parts"
                )
            return (units[0] // self.sizes,) * self.sizes
        if sum(self.sizes) != units[0]:
            raise ValueError(
                f"Split: sizes {self.sizes} make {sum(self.sizes)} columns, the input has "
                f"{units[0]}"
            )
        return self.sizes

    def lower(self, to: Lowering, inputs: Units) -> Units:
        """Add an op for each part."""
        first, found = 0, []
        for cols in self.connect((to.cols[inputs[0]],)):
            found.append(to.split(inputs[0], first, cols))
            first += cols
        return tuple(found)


class Flatten(Layer):
    """Nothing: rows are flat already.  For architectures that are written with one.

    Examples
    --------
    >>> Flatten().output_units(5)
    5
    """

    __slots__ = ()
    tag = "flatten"

    def __init__(self, *, name: str | None = None) -> None:
        self._set(name=_check_name(type(self).__name__, name))

    def lower(self, to: Lowering, inputs: Units) -> Units:
        """Add no op."""
        return inputs


class Lambda(Layer):
    """A function of a person's own, in NumPy, with its gradient.

    Parameters
    ----------
    function : callable
        ``function(x)`` of an array (n, columns) returns an array (n, units).  It must treat each
        row for itself: batches come in blocks of rows.
    gradient : callable, optional
        ``gradient(x, y, dy)`` returns dL/dx (n, columns) from dL/dy; y is what `function` gave.
        Without it the layer stops gradients: what lies before it is not trained through it.
    units : int, optional
        Columns of the output; as many as come in if not given.
    name : str, optional

    Notes
    -----
    The arrays are read-only views that must not be kept.  Python is entered for each block of rows,
    on one thread.  A model with such a layer can be pickled if the functions can; its architecture
    cannot be saved as JSON.

    Examples
    --------
    >>> import numpy as np
    >>> import fastnn as fnn
    >>> square = fnn.Lambda(np.square, lambda x, y, dy: 2 * x * dy)
    >>> fnn.Sequential([fnn.Input(2), square]).predict([[1.0, 3.0]])
    array([[1., 9.]], dtype=float32)
    """

    __slots__ = ("function", "gradient", "units")
    tag = "lambda"
    function: Callable[..., Any]
    gradient: Callable[..., Any] | None
    units: int | None

    def __init__(
        self,
        function: Callable[..., Any],
        gradient: Callable[..., Any] | None = None,
        units: int | None = None,
        *,
        name: str | None = None,
    ) -> None:
        who = type(self).__name__
        for key, value in (("function", function), ("gradient", gradient)):
            if not callable(value) and not (key == "gradient" and value is None):
                raise TypeError(f"{who}: {key} must be callable, got {describe(value)}")
        self._set(
            function=function,
            gradient=gradient,
            units=None if units is None else check_int(who, "units", units, 1, MAX_UNITS),
            name=_check_name(who, name),
        )

    def output_units(self, fan_in: int) -> int:
        """Return the columns of the output."""
        return fan_in if self.units is None else self.units

    def lower(self, to: Lowering, inputs: Units) -> Units:
        """Add one op."""
        units = self.output_units(to.cols[inputs[0]])
        return (to.function(inputs[0], self.function, self.gradient or _no_gradient, units),)

    def config(self) -> dict[str, Any]:
        """Refuse: functions cannot be written as JSON."""
        raise ValueError(
            "Lambda: a function cannot be saved as JSON; pickle the model, or make the layer a "
            "class of its own and load it with custom_objects"
        )


def _no_gradient(x: npt.NDArray[Any], y: object, dy: object) -> npt.NDArray[Any]:
    return np.zeros_like(x)


class ActivityRegularization(Layer):
    """Passes its input on, and adds a penalty on its values to the loss.

    ``(l1 * sum(|x|) + l2 * sum(x**2)) / rows`` of each batch, as in Keras.

    Parameters
    ----------
    l1, l2 : float, default 0.0
        At least 0.
    name : str, optional

    Examples
    --------
    >>> ActivityRegularization(l1=0.01)
    ActivityRegularization(l1=0.01)
    """

    __slots__ = ("l1", "l2")
    tag = "activity_regularization"
    l1: float
    l2: float

    def __init__(self, l1: float = 0.0, l2: float = 0.0, *, name: str | None = None) -> None:
        who = type(self).__name__
        self._set(
            l1=check_float(who, "l1", l1, at_least=0),
            l2=check_float(who, "l2", l2, at_least=0),
            name=_check_name(who, name),
        )

    def lower(self, to: Lowering, inputs: Units) -> Units:
        """Add one op, or none where there is no penalty."""
        if self.l1 == 0 and self.l2 == 0:
            return inputs
        return (to.activity(inputs[0], self.l1, self.l2),)


Layer.table = {
    cls.tag: cls
    for cls in (
        Input,
        Dense,
        Activation,
        Dropout,
        AlphaDropout,
        GaussianDropout,
        GaussianNoise,
        BatchNormalization,
        LayerNormalization,
        RMSNormalization,
        Embedding,
        Normalization,
        PReLU,
        Maxout,
        Bilinear,
        Add,
        Subtract,
        Multiply,
        Average,
        Maximum,
        Concatenate,
        Split,
        Flatten,
        Lambda,
        ActivityRegularization,
    )
}
