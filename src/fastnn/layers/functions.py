"""A person's own function as a layer, and a penalty on what passes through."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fastnn._own import takes
from fastnn._spec import MAX_UNITS, check_float, check_int, describe, describe_name
from fastnn.layers.base import Layer, Units, _check_name

if TYPE_CHECKING:
    from fastnn.lowering import Lowering

__all__ = ["ActivityRegularization", "Lambda"]


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

    Raises
    ------
    TypeError
        If a function cannot be called, or, once a model is made of the layer, takes another number
        of arguments.

    Notes
    -----
    The arrays are read-only views that must not be kept.  What a function raises comes out of
    `predict` or `fit` with a note that names the layer.  Python is entered for each block of rows,
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
        for name, function, arguments in (
            ("function", self.function, ("x",)),
            ("gradient", self.gradient or _no_gradient, ("x", "y", "dy")),
        ):
            if not takes(function, len(arguments)):
                raise TypeError(
                    f"Lambda {to.layer!r}: {name} must take ({', '.join(arguments)}), and "
                    f"{describe_name(getattr(function, '__name__', repr(function)))} does not"
                )
        units = self.output_units(to.cols[inputs[0]])
        return (to.function(inputs[0], self.function, self.gradient or _no_gradient, units),)

    def config(self) -> dict[str, Any]:
        """Refuse: functions cannot be written as JSON."""
        raise ValueError(
            "Lambda: a function cannot be saved as JSON; pickle the model, or make the layer a "
            "class of its own and load it with custom_objects"
        )


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


def _no_gradient(x: npt.NDArray[Any], y: object, dy: object) -> npt.NDArray[Any]:
    return np.zeros_like(x)
