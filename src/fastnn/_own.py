"""A person's own functions: how many arguments they take, and where one stood that raised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Noted", "c_kind", "takes"]


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


def c_kind(function: object) -> str | None:
    """Return whose bare C function it is, "ctypes", "cffi" or "numba"; None for any other object.

    Examples
    --------
    >>> import ctypes
    >>> c_kind(ctypes.CFUNCTYPE(None)()), c_kind(print)
    ('ctypes', None)
    """
    homes = {"_ctypes": "ctypes", "_cffi_backend": "cffi"}
    for base in type(function).__mro__:
        if base.__module__ in homes:
            return homes[base.__module__]
    compiled = getattr(function, "ctypes", None)  # of a cfunc
    return "numba" if compiled is not None and callable(compiled) and c_kind(compiled) else None
