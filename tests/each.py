"""Many cases in one test: an item costs pytest a millisecond, a small kernel some microseconds."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import pytest


def each(names: str, cases: Iterable[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Like pytest.mark.parametrize, but in one item; a failure has a note that says which case.

    For sizes and settings of which one item alone would tell nothing; kernels, types and ISAs are
    items of their own.
    """
    keys = [name.strip() for name in names.split(",")]
    listed = [dict(zip(keys, c if len(keys) > 1 else [c], strict=True)) for c in cases]
    assert listed, f"no cases for {names}"

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def loop(**fixtures: Any) -> None:
            __tracebackhide__ = True
            for case in listed:
                try:
                    test(**fixtures, **case)
                except (Exception, pytest.fail.Exception) as error:
                    error.add_note("with " + ", ".join(f"{k} = {v!r}" for k, v in case.items()))
                    raise

        signature = inspect.signature(test)
        others = [p for name, p in signature.parameters.items() if name not in keys]
        assert len(others) + len(keys) == len(signature.parameters), f"{test} has no {names}"
        loop.__signature__ = signature.replace(parameters=others)  # type: ignore[attr-defined]
        return loop

    return decorate
