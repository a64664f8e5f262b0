"""The one printer of the training loop: plain lines, not too many of them."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TextIO

__all__ = ["Reporter"]

SECONDS_BETWEEN = 0.1  # at most ten lines a second, but for the first and the last


class Reporter:
    """Prints a line for each epoch, and for every so many batches if asked.

    Parameters
    ----------
    epochs : int
        Number of the last epoch of the fit.
    file : text file, optional
        Standard output by default.
    unit : str
        What is counted, if not epochs.
    """

    def __init__(self, epochs: int, file: TextIO | None = None, unit: str = "epoch") -> None:
        self.epochs = epochs
        self.file = file
        self.unit = unit
        self._printed: float | None = None  # when the last line was
        self._held: tuple[int, float, Mapping[str, float]] | None = None  # whose turn it was not

    def _print(self, text: str) -> None:
        print(text, file=self.file if self.file is not None else sys.stdout, flush=True)
        self._printed = time.monotonic()
        self._held = None

    def _due(self) -> bool:
        return self._printed is None or time.monotonic() - self._printed >= SECONDS_BETWEEN

    def _head(self, epoch: int) -> str:
        return f"{self.unit} {epoch:{len(str(self.epochs))}}/{self.epochs}"

    def epoch(self, epoch: int, seconds: float, logs: Mapping[str, float]) -> None:
        """Print an epoch's line if it is its turn, else keep it in case it is the last."""
        self._held = (epoch, seconds, logs)
        if self._due():
            self.finish()

    def finish(self) -> None:
        """Print the last epoch's line if it has not been."""
        if self._held is not None:
            epoch, seconds, logs = self._held
            self._print(f"{self._head(epoch)}  {format_logs(logs)}  {format_seconds(seconds)}")

    def batch(self, epoch: int, batch: int, batches: int | None, logs: Mapping[str, float]) -> None:
        """Print a batch's line, if it is its turn."""
        if self._due():
            of = "" if batches is None else f"/{batches}"
            self._print(f"{self._head(epoch)}  batch {batch}{of}  {format_logs(logs)}")


def format_logs(logs: Mapping[str, float]) -> str:
    """Return "loss 0.1234  val_loss 0.2345": five significant digits.

    Examples
    --------
    >>> format_logs({"loss": 785.9227, "r2_score": 0.5})
    'loss 785.92  r2_score 0.50000'
    """
    return "  ".join(f"{name} {value:#.5g}".rstrip(".") for name, value in logs.items())


def format_seconds(seconds: float) -> str:
    """Return "0.3 ms" or "1.25 s".

    Examples
    --------
    >>> format_seconds(0.00031), format_seconds(1.25)
    ('0.3 ms', '1.25 s')
    """
    return f"{1000 * seconds:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"
