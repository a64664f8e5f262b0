"""The one printer of the training loop: plain lines, or a bar on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

__all__ = ["Bar", "Reporter", "make_reporter"]

SECONDS_BETWEEN = 0.1  # at most ten lines a second, but for the first and the last
BAR_SECONDS_BETWEEN = 0.2  # drawing one takes half a millisecond, a line nearly nothing
BAR_WIDTH = 20  # characters
BAR_DELAY = 0.2  # a fit that is over by then has no bar, and rich is not loaded for it

Logs = Mapping[str, float]


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
    every : bool
        Print the line of each epoch, however many there are in a second.

    Attributes
    ----------
    seconds : float or None
        How often `progress` wants to be called within an epoch; None for never.
    """

    seconds: float | None = None

    def __init__(
        self,
        epochs: int,
        file: TextIO | None = None,
        unit: str = "epoch",
        *,
        every: bool = False,
    ) -> None:
        self.epochs = epochs
        self.file = file
        self.unit = unit
        self.every = every
        self._printed: float | None = None  # when the last line was
        self._held: tuple[int, float, Logs] | None = None  # whose turn it was not

    def _print(self, text: str) -> None:
        print(text, file=self.file if self.file is not None else sys.stdout, flush=True)
        self._printed = time.monotonic()
        self._held = None

    def _due(self) -> bool:
        return (
            self.every
            or self._printed is None
            or time.monotonic() - self._printed >= SECONDS_BETWEEN
        )

    def _head(self, epoch: int) -> str:
        return f"{self.unit} {epoch:{len(str(self.epochs))}}/{self.epochs}"

    def epoch(self, epoch: int, seconds: float, logs: Logs) -> None:
        """Print an epoch's line if it is its turn, else keep it in case it is the last."""
        self._held = (epoch, seconds, logs)
        if self._due():
            self._flush()

    def _flush(self) -> None:
        if self._held is not None:
            epoch, seconds, logs = self._held
            self._print(f"{self._head(epoch)}  {format_logs(logs)}  {format_seconds(seconds)}")

    def progress(self, epoch: int, batch: int, batches: int | None, logs: Logs) -> None:
        """Take note of where an epoch is; plain lines have no use for it."""

    def batch(self, epoch: int, batch: int, batches: int | None, logs: Logs) -> None:
        """Print a batch's line, if it is its turn."""
        if self._due():
            of = "" if batches is None else f"/{batches}"
            self._print(f"{self._head(epoch)}  batch {batch}{of}  {format_logs(logs)}")

    def finish(self, stopped: str | None = None) -> None:
        """Print the last epoch's line if it has not been, and why the fit was stopped."""
        self._flush()
        if stopped is not None:
            self._print(f"stopped: {stopped}")

    def close(self) -> None:
        """Leave the terminal as it was; also after an error."""


class Bar(Reporter):
    """Draws a bar in one line of a terminal: epoch, rate, time left, loss and metrics.

    Parameters
    ----------
    first : int
        Epochs that were done before the fit.
    epochs : int
        Number of the last epoch of the fit.
    count : callable
        Returns the number of steps done.
    file : text file, optional
        Standard output by default.
    delay : float
        Seconds before it appears; what is over by then gets a plain line.
    """

    seconds = BAR_SECONDS_BETWEEN

    def __init__(
        self,
        first: int,
        epochs: int,
        count: Callable[[], int],
        file: TextIO | None = None,
        delay: float = BAR_DELAY,
    ) -> None:
        super().__init__(epochs, file)
        self.first = first
        self.count = count
        self._steps = count()
        self._began = time.monotonic()
        self._drawn = self._began + delay - BAR_SECONDS_BETWEEN  # as if
        self._bar: Live | None = None

    def epoch(self, epoch: int, seconds: float, logs: Logs) -> None:
        """Draw the bar at the end of an epoch, if it is time."""
        self._held = (epoch, seconds, logs)
        self._draw(epoch, float(epoch), logs)

    def progress(self, epoch: int, batch: int, batches: int | None, logs: Logs) -> None:
        """Draw the bar within an epoch, if it is time."""
        share = 0.0 if batches is None else batch / batches
        self._draw(epoch, epoch - 1 + share, logs)

    def batch(self, epoch: int, batch: int, batches: int | None, logs: Logs) -> None:
        """Draw the bar within an epoch, if it is time."""
        self.progress(epoch, batch, batches, logs)

    def _draw(self, epoch: int, done: float, logs: Logs, *, last: bool = False) -> None:
        now = time.monotonic()
        if now - self._drawn < BAR_SECONDS_BETWEEN and not last:
            return
        self._drawn = now
        if self._bar is None:
            self._bar = _new_bar(self.file)
            self._bar.start()
        elapsed = max(now - self._began, 1e-9)
        share = done - self.first
        if last:
            clock = f"{format_seconds(elapsed)} in all"
        elif share > 0:
            clock = f"{format_clock(elapsed * (self.epochs - done) / share)} left"
        else:
            clock = "-:--:-- left"
        rate = f"{format_count((self.count() - self._steps) / elapsed)} steps/s"
        line = _line(self._head(epoch), share / (self.epochs - self.first), rate, clock, logs)
        self._bar.update(line, refresh=True)
        self._drawn = time.monotonic()

    def finish(self, stopped: str | None = None) -> None:
        """Draw the bar as it is in the end, and leave it there."""
        if self._bar is not None and self._held is not None:
            epoch, _, logs = self._held
            self._draw(epoch, float(epoch), logs, last=True)
            self._held = None
        self.close()
        super().finish(stopped)

    def close(self) -> None:
        """Leave the bar as it is and give the cursor back."""
        bar, self._bar = self._bar, None
        if bar is not None:
            bar.stop()


def _new_bar(file: TextIO | None) -> Live:
    """Return the line of the bar, not yet shown.  It is drawn when told to, by no thread."""
    from rich.console import Console
    from rich.live import Live

    own = file is None  # what is printed meanwhile goes above the bar; not into another file
    return Live(
        console=Console(file=file), auto_refresh=False, redirect_stdout=own, redirect_stderr=own
    )


def _line(head: str, share: float, rate: str, clock: str, logs: Logs) -> Text:
    """Return what a terminal shows; what it has no room for is cut off at the end."""
    from rich.text import Text

    full = round(2 * BAR_WIDTH * min(max(share, 0.0), 1.0))  # halves of a character
    bar = "━" * (full // 2) + "╸" * (full % 2)
    return Text.assemble(
        (f"{head}  ", "bold"),
        (bar, "green"),
        (f"{'━' * (BAR_WIDTH - len(bar))}  ", "bright_black"),
        (f"{rate}  ", "cyan"),
        (f"{clock}  ", "magenta"),
        format_logs(logs),
        no_wrap=True,
        overflow="ellipsis",
    )


def make_reporter(
    verbose: int,
    first: int,
    epochs: int,
    count: Callable[[], int],
    *,
    file: TextIO | None = None,
    bar: bool | None = None,
) -> Reporter | None:
    """Return who prints for a fit; None for nobody.

    Parameters
    ----------
    verbose : int
        0 for nobody, 1 for a bar on a terminal and plain lines elsewhere, 2 for a line an epoch.
    first, epochs : int
        Epochs done before the fit, and after it.
    count : callable
        Returns the number of steps done.
    file : text file, optional
        Standard output by default.
    bar : bool, optional
        Whether to draw a bar, however the file looks.
    """
    if verbose == 0:
        return None
    if bar is None:
        bar = verbose == 1 and _can_draw(file if file is not None else sys.stdout)
    if bar:
        return Bar(first, epochs, count, file)
    return Reporter(epochs, file, every=verbose > 1)


def _can_draw(file: TextIO) -> bool:
    """Tell whether it is a terminal that can move its cursor, and rich is there."""
    import os
    from importlib.util import find_spec

    isatty = getattr(file, "isatty", None)
    return (
        isatty is not None
        and isatty()
        and os.environ.get("TERM", "") not in ("dumb", "unknown")
        and find_spec("rich") is not None
    )


def format_logs(logs: Logs) -> str:
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


def format_clock(seconds: float) -> str:
    """Return hours, minutes and seconds.

    Examples
    --------
    >>> format_clock(3723.4), format_clock(0.2)
    ('1:02:04', '0:00:01')
    """
    whole = max(0, int(-(-seconds // 1)))
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def format_count(number: float) -> str:
    """Return a number with three digits and its unit.

    Examples
    --------
    >>> format_count(2_890_000), format_count(420), format_count(1.5)
    ('2.89M', '420', '1.5')
    """
    for unit, scale in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= scale:
            return f"{number / scale:.3g}{unit}"
    return f"{number:.3g}"
