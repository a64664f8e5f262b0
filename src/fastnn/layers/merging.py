"""Columns put together, element by element or side by side, and cut apart again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from fastnn._spec import MAX_UNITS, check_int
from fastnn.layers.base import Layer, Units, _check_name

if TYPE_CHECKING:
    from fastnn.lowering import Lowering

__all__ = ["Add", "Average", "Concatenate", "Flatten", "Maximum", "Multiply", "Split", "Subtract"]


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
