"""A person's own functions: how many arguments they take, and where one stood that raised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Noted", "takes"]


class Noted:
    """A function that adds to whatever it raises a note that says where it stands.

    Parameters
    ----------
    function : callable
    place : str
        As in "the gradient of Lambda 'square'".

    Examples
    --------
    >>> try:
    ...     Noted({}.__getitem__, "the loss 'mine'")("key")
    ... except KeyError as error:
    ...     error.__notes__
    ["raised by the loss 'mine'"]
    """

    __slots__ = ("function", "place")

    def __init__(self, function: Callable[..., Any], place: str) -> None:
        self.function = function
        self.place = place

    def __call__(self, *args: Any) -> Any:
        try:
            return self.function(*args)
        except Exception as error:
            error.add_note(f"raised by {self.place}")
            raise


def takes(function: Callable[..., object], count: int) -> bool:
    """Tell whether a function can be called with so many arguments; True if that is not known.

    Examples
    --------
    >>> takes(lambda x, y: x, 2), takes(lambda x: x, 2)
    (True, False)
    """
    import inspect

    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # nobody knows its signature
        return True
    return True
