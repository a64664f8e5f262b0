"""Affine maps and activations: dense layers, maxout, and products of two inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastnn import activations, constraints, initializers, regularizers
from fastnn._spec import MAX_UNITS, check_bool, check_int, shown
from fastnn.layers.base import Layer, Units, Weight, _check_name

if TYPE_CHECKING:
    from fastnn.lowering import Lowering

__all__ = ["Activation", "Bilinear", "Dense", "Maxout"]


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
