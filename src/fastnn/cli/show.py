"""Tables and warnings on the screen: by rich on a terminal, plain where the output is piped."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, TextIO

__all__ = ["Progress", "is_fancy", "number", "one_line_warnings", "print_table", "print_values"]


def is_fancy(file: TextIO) -> bool:
    """Tell whether a file is a terminal for rich to draw on."""
    return (
        file.isatty()
        and os.environ.get("TERM", "") not in ("dumb", "unknown")
        and find_spec("rich") is not None
    )


def print_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "", left: int = 1
) -> None:
    """Print a table; the first `left` columns are words, the others numbers."""
    if is_fancy(sys.stdout):
        from rich import box
        from rich.console import Console
        from rich.table import Table

        table = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left")
        for place, name in enumerate(header):
            right = place >= left
            table.add_column(
                name, justify="right" if right else "left", overflow="fold", no_wrap=right
            )
        for row in rows:
            table.add_row(*(_escaped(cell) for cell in row))
        Console().print(table)
        return
    if title:
        print(title)
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    for row in (header, *rows):
        cells = (
            f"{cell:<{width}}" if place < left else f"{cell:>{width}}"
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join(cells).rstrip())


def _escaped(cell: str) -> str:
    from rich.markup import escape

    return str(escape(cell))


def print_values(values: Mapping[str, float]) -> None:
    """Print metrics a line each, as ``fastnn train auto-mpg`` does."""
    for name, value in values.items():
        print(f"  {name:24} {number(value):>10}")


def number(value: object) -> str:
    """Return a number with five significant digits; a dash for NaN.

    Examples
    --------
    >>> number(0.837771), number(12560), number(float("nan")), number(0.00001234)
    ('0.83777', '12560', '-', '1.234e-05')
    """
    if not isinstance(value, float):
        return str(value)
    return "-" if math.isnan(value) else f"{value:.5g}"


@contextlib.contextmanager
def one_line_warnings() -> Iterator[None]:
    """Show the warnings of fastnn as one line on standard error, each of them once."""
    from fastnn.errors import FastnnWarning

    seen = set()

    def show(message: Warning | str, *_: object, **__: object) -> None:
        text = " ".join(str(message).split())
        if text not in seen:
            seen.add(text)
            sys.stdout.flush()
            print(f"fastnn: warning: {text}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("always", FastnnWarning)
        warnings.showwarning = show
        yield


class Progress:
    """Counts rows in one line of a terminal, on standard error; elsewhere it is silent."""

    def __init__(self, total: int | None) -> None:
        self._bar: Any = None
        self._total = total

    def __enter__(self) -> Progress:
        if is_fancy(sys.stderr):
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                TextColumn("{task.completed:,} rows"),
                BarColumn(),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task("", total=self._total)
        return self

    def add(self, rows: int) -> None:
        """Count some rows."""
        if self._bar is not None:
            self._bar.advance(self._task, rows)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
