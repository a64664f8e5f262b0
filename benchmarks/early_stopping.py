"""What the training loop costs: ``python benchmarks/early_stopping.py [--rounds N] [--epochs N]``.

7-32-8-1 on the 314 training rows of Auto MPG, batch 1, verbose=0, one thread: a fit whose epochs
all stay in C, against the same fit that is validated on the other 78 rows after each epoch, and
with `EarlyStopping` that looks at each of them and keeps the best weights.  CPU time, in rounds
that take turns; printed is the median of the ratios, round by round.

Then what progress costs in a fit of about a second: the share of its CPU time that is spent in the
printer of lines, and of a bar.  (A ratio of whole fits would need a quieter machine than most to
tell one percent.)  rich is loaded before the clock starts: the first bar of a process pays for that
once, and a fit that is over within 0.2 s has no bar.

Exits with 1 if a bar is missed.
"""

from __future__ import annotations

import os

# Read when NumPy loads its BLAS, so before anything here imports NumPy.
os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")

import argparse
import io
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec

import numpy as np

import fastnn as fnn
from fastnn import report as printer
from fastnn.callbacks import Callback, EarlyStopping, ProgressBar

BARS = {"early stopping": 1.3}
SHARE = 0.01  # of the printer
TRAIN = 314

Contest = dict[str, list[float]]


class Terminal(io.StringIO):
    """Takes a bar, and shows it to nobody."""

    def isatty(self) -> bool:
        return True


def rows() -> tuple[np.ndarray, np.ndarray]:
    cars = fnn.datasets.load_auto_mpg()
    x = (cars.x - cars.x.mean(axis=0)) / cars.x.std(axis=0)
    order = np.random.default_rng(0).permutation(len(x))
    return x[order].astype(np.float32), cars.y[order].astype(np.float32)


def fit(epochs: int, validated: bool, callbacks: Callable[[], list[Callback]]) -> float:
    """CPU seconds of a fit."""
    x, y = rows()
    layers = [fnn.Input(7), fnn.Dense(32, "relu"), fnn.Dense(8, "relu"), fnn.Dense(1)]
    trainer = fnn.Trainer(fnn.Sequential(layers, seed=0), "mse")
    held_out = (x[TRAIN:], y[TRAIN:]) if validated else None
    calls = callbacks()
    began = time.process_time()
    trainer.fit(
        x[:TRAIN],
        y[:TRAIN],
        batch_size=1,
        epochs=epochs,
        validation_data=held_out,
        callbacks=calls,
        verbose=0,
    )
    seconds = time.process_time() - began
    assert trainer.epochs == epochs
    return seconds


def share_of_printer(epochs: int, bar: bool) -> float:
    """CPU seconds in the printer, of those of the fit."""
    kind = printer.Bar if bar else printer.Reporter
    spent = 0.0

    def timed(name: str) -> None:
        plain = getattr(kind, name)

        def method(self: printer.Reporter, *args: object) -> object:
            nonlocal spent
            began = time.process_time()
            try:
                return plain(self, *args)
            finally:
                spent += time.process_time() - began

        setattr(kind, name, method)
        undo.append(partial(setattr, kind, name, plain))

    undo: list[Callable[[], None]] = []
    for name in ("epoch", "progress", "finish"):
        timed(name)
    try:
        file = Terminal() if bar else io.StringIO()
        seconds = fit(epochs, False, lambda: [ProgressBar(file=file, bar=bar)])
    finally:
        for one in reversed(undo):
            one()
    return spent / seconds


def take_turns(contestants: Mapping[str, Callable[[], float]], rounds: int) -> Contest:
    """Measure each once a round; the first, uncounted round warms up."""
    values: Contest = {name: [] for name in contestants}
    for i in range(rounds + 1):
        for name, measure in contestants.items():
            seconds = measure()
            if i > 0:
                values[name].append(seconds)
    return values


def report(values: Contest, epochs: int) -> bool:
    """Print each against the first; tell whether all bars are met."""
    first = next(iter(values))
    met = True
    for name, seconds in values.items():
        micro = 1e6 * statistics.median(seconds) / epochs
        ratios = [a / b for a, b in zip(seconds, values[first], strict=True)]
        ratio = statistics.median(ratios)
        bar = BARS.get(name)
        verdict = "" if bar is None else f"  bar {bar:g}: {'met' if ratio <= bar else 'MISSED'}"
        print(
            f"{name:16} {micro:8.1f} us an epoch  x{ratio:.3f}"
            f"  ({min(ratios):.3f} to {max(ratios):.3f}){verdict}"
        )
        met = met and (bar is None or ratio <= bar)
    return met


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--epochs", type=int, default=2000, help="of the first contest")
    options = parser.parse_args()
    never = 10**9
    stopping = take_turns(
        {
            "in C": lambda: fit(options.epochs, False, list),
            "validated": lambda: fit(options.epochs, True, list),
            "early stopping": lambda: fit(
                options.epochs, True, lambda: [EarlyStopping(patience=never)]
            ),
        },
        options.rounds,
    )
    met = report(stopping, options.epochs)
    epochs = max(1, round(options.epochs / statistics.median(stopping["in C"])))  # about a second
    for bar in (False, True) if find_spec("rich") is not None else (False,):
        shares = [share_of_printer(epochs, bar) for _ in range(options.rounds + 1)][1:]
        share = statistics.median(shares)
        met = met and share <= SHARE
        print(
            f"{'bar' if bar else 'lines':16} {share:.2%} of the fit ({min(shares):.2%} to "
            f"{max(shares):.2%})  bar {SHARE:.0%}: {'met' if share <= SHARE else 'MISSED'}"
        )
    return 0 if met else 1


if __name__ == "__main__":
    with fnn.threads(1):
        sys.exit(main())
