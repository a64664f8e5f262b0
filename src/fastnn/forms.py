"""How inputs and outputs are given: one, a list or a dict; rows, or a stream of batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeGuard

import numpy as np

from fastnn._spec import describe, lookup
from fastnn.graph import Tensor, as_tensor

__all__ = [
    "check_form",
    "check_out",
    "close_form",
    "each_part",
    "first_of",
    "is_stream",
    "open_form",
    "parts_of",
]

PROTOCOLS = ("__array__", "__array_interface__", "__dlpack__")


def open_form(given: Any, where: str) -> tuple[list[Tensor], Any]:
    """Return the tensors of one, a list or a dict, and which of them it was."""
    form: Any
    if isinstance(given, Mapping):
        values, form = list(given.values()), tuple(given)
        if not all(isinstance(key, str) and key for key in form):
            raise TypeError(f"{where} must have strings as keys, got {describe(form)}")
    elif isinstance(given, (list, tuple)):
        values, form = list(given), "list"
    else:
        values, form = [given], None
    if not values:
        raise ValueError(f"{where} is empty; want at least one")
    return [as_tensor(value, where) for value in values], form


def close_form(parts: Sequence[Any], form: Any) -> Any:
    """Return inputs or outputs as the model's were given: one, a list, a dict."""
    if isinstance(form, tuple):
        return dict(zip(form, parts, strict=True))
    return parts[0] if form is None else list(parts)


def check_form(given: object) -> Any:
    """Return how inputs or outputs are given: None for one, "list", or the keys of a dict."""
    if given is None or given == "list":
        return given
    if isinstance(given, (list, tuple)) and all(isinstance(key, str) for key in given):
        return tuple(given)
    raise ValueError(f"want null, 'list' or names, got {describe(given)}")


def parts_of(given: Any, form: Any, count: int, where: str) -> list[Any]:
    """Return the parts of what was given for several inputs or outputs, in their order."""
    if form is None:
        return [given]
    if isinstance(given, Mapping):
        if not isinstance(form, tuple):
            raise TypeError(f"{where}: want a list of {count}, got {describe(given)}")
        for key in given:
            lookup("name", key, dict.fromkeys(form), where)
        missing = [key for key in form if key not in given]
        if missing:
            raise ValueError(f"{where}: {', '.join(map(repr, missing))} missing")
        return [given[key] for key in form]
    if not isinstance(given, (list, tuple)):
        names = f" with the keys {', '.join(form)}" if isinstance(form, tuple) else ""
        kind = "dict" + names if isinstance(form, tuple) else f"list of {count}"
        raise TypeError(f"{where}: want a {kind}, got {describe(given)}")
    if len(given) != count:
        raise ValueError(f"{where}: got {len(given)}, want {count}")
    return list(given)


def each_part(function: Callable[[Any], Any], given: Any) -> Any:
    """Return `function` of one, or of each in a list or dict."""
    if isinstance(given, Mapping):
        return {key: function(part) for key, part in given.items()}
    if isinstance(given, (list, tuple)):
        return [function(part) for part in given]
    return function(given)


def is_stream(value: object) -> TypeGuard[Iterable[Any]]:
    """Tell whether `value` yields batches rather than being rows itself.

    A list or tuple is a stream if it holds two-dimensional arrays, or tuples that begin with one.
    """
    if isinstance(value, (list, tuple)):
        first = value[0] if value else None
        if isinstance(first, (list, tuple)) and first:
            first = first[0]
        return hasattr(first, "tocsr") or (getattr(first, "ndim", 0) == 2 and _is_array(first))
    return (
        not isinstance(value, (str, Mapping))
        and not _is_array(value)
        and not hasattr(value, "toarray")
        and hasattr(value, "__iter__")
    )


def _is_array(value: object) -> bool:
    """Tell whether NumPy can read `value` as it lies in memory."""
    if isinstance(value, np.ndarray) or any(hasattr(value, name) for name in PROTOCOLS):
        return True
    try:
        memoryview(value)  # type: ignore[arg-type]
    except TypeError:
        return False
    return True


def first_of(batch: object, number: int) -> object:
    """Return the rows of a batch, which may come with targets and weights."""
    tables = is_stream(batch)
    if not isinstance(batch, tuple) and not (tables and isinstance(batch, list)):
        return batch
    if not 1 <= len(batch) <= 3:
        raise ValueError(
            f"predict: batch {number} is a {type(batch).__name__} of {len(batch)}; "
            f"want x or (x, y, ...)"
        )
    return batch[0]


def check_out(out: object, where: str, shape: tuple[int, int], dtype: str) -> None:
    """Refuse what results of this shape and dtype cannot be written into."""
    if not isinstance(out, np.ndarray):
        raise TypeError(f"{where}: out must be an array, got {describe(out)}")
    if out.dtype != dtype or not out.dtype.isnative:
        raise TypeError(f"{where}: out has dtype {out.dtype}, want {dtype}")
    if out.shape != shape:
        raise ValueError(f"{where}: out has shape {out.shape}, want {shape}")
    if not (out.flags.c_contiguous and out.flags.writeable and out.flags.aligned):
        raise ValueError(f"{where}: out must be C-contiguous, aligned and writable")
