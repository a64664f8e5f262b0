"""What every layer is: the base class, the arrays a layer asks for, and the input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy.typing as npt

from fastnn import constraints, initializers, regularizers
from fastnn._spec import MAX_UNITS, Spec, check_int, describe, describe_name, shown

if TYPE_CHECKING:
    from fastnn.lowering import Lowering

__all__ = ["Input", "Layer", "Units", "Weight"]

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

    def __setattr__(self, name: str, value: object) -> None:
        if name == "trainable":
            raise AttributeError(
                f"{type(self).__name__}: 'trainable' cannot be set; "
                f"model.freeze({self.name or 'name'!r}) keeps the layer as it is and "
                f"model.unfreeze({self.name or 'name'!r}) trains it again, or make it anew "
                f"with trainable=..."
            )
        super().__setattr__(name, value)

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
