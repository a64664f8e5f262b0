"""Layers: frozen specs that answer questions about shape.  The model owns the arrays."""

from __future__ import annotations

from typing import Any

from fastnn import activations, initializers
from fastnn._spec import MAX_UNITS, Spec, check_bool, check_int, describe, describe_name, shown

__all__ = ["Activation", "Dense", "Input", "Layer"]


class Layer(Spec):
    """Base of the layers.

    Attributes
    ----------
    kind : str
        "input", "dense" or "activation".
    name : str or None
        The name given; None leaves it to the model, which counts ``dense_0``, ``dense_1``, ...
    """

    __slots__ = ("name",)
    name: str | None

    @property
    def kind(self) -> str:
        """What the layer is, in summaries and automatic names."""
        return self.tag

    def output_units(self, fan_in: int) -> int:
        """Return the columns of the output for `fan_in` columns of input."""
        return fan_in

    def parameter_shapes(self, fan_in: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes by name, in the order they lie in the flat parameter vector."""
        return {}

    def initializers(self) -> dict[str, initializers.Initializer]:
        """Return the initializer of each parameter, under the names of `parameter_shapes`."""
        return {}

    def options(self) -> dict[str, object]:
        """Return what a summary tells of the layer besides shapes and parameters."""
        return {}


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


class Dense(Layer):
    """Affine map and activation, ``out = activation(x @ kernel + bias)``.

    Parameters
    ----------
    units : int
        Columns of the output, at least 1.
    activation : str, Activation or None
        None is linear.
    use_bias : bool, default True
    kernel_initializer, bias_initializer : str or Initializer
        By default "glorot_uniform" and "zeros".
    name : str, optional

    Examples
    --------
    >>> layer = Dense(32, activation="relu")
    >>> layer.parameter_shapes(7)
    {'kernel': (7, 32), 'bias': (32,)}
    """

    __slots__ = ("activation", "bias_initializer", "kernel_initializer", "units", "use_bias")
    tag = "dense"
    units: int
    activation: activations.Activation
    use_bias: bool
    kernel_initializer: initializers.Initializer
    bias_initializer: initializers.Initializer

    def __init__(
        self,
        units: int,
        activation: str | activations.Activation | None = None,
        *,
        use_bias: bool = True,
        kernel_initializer: str | initializers.Initializer = "glorot_uniform",
        bias_initializer: str | initializers.Initializer = "zeros",
        name: str | None = None,
    ) -> None:
        who = type(self).__name__
        self._set(
            units=check_int(who, "units", units, 1, MAX_UNITS),
            activation=activations.get(activation, who),
            use_bias=check_bool(who, "use_bias", use_bias),
            kernel_initializer=initializers.get(kernel_initializer, who),
            bias_initializer=initializers.get(bias_initializer, who),
            name=_check_name(who, name),
        )

    def output_units(self, fan_in: int) -> int:
        """Return the columns of the output."""
        return self.units

    def parameter_shapes(self, fan_in: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes by name, in the order they lie in the flat parameter vector."""
        bias: dict[str, tuple[int, ...]] = {"bias": (self.units,)} if self.use_bias else {}
        return {"kernel": (fan_in, self.units), **bias}

    def initializers(self) -> dict[str, initializers.Initializer]:
        """Return the initializer of each parameter, under the names of `parameter_shapes`."""
        bias = {"bias": self.bias_initializer} if self.use_bias else {}
        return {"kernel": self.kernel_initializer, **bias}

    def options(self) -> dict[str, object]:
        """Return the activation unless linear, and what else was chosen."""
        return {name: shown(value) for name, value in self._changed().items() if name != "name"}


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

    def options(self) -> dict[str, object]:
        """Return the activation."""
        return {"activation": shown(self.activation)}


Layer.table = {cls.tag: cls for cls in (Input, Dense, Activation)}
