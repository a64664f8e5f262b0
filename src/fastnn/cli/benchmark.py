"""``fastnn benchmark``: small networks here, now, beside the same arithmetic in NumPy."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from fastnn.cli.arguments import Commands, Parser, add_command, positive

if TYPE_CHECKING:
    from fastnn.cli.numpy_network import Network

__all__ = ["add"]

EXAMPLES = """\
  fastnn benchmark
  fastnn benchmark --seconds 2                  longer, for steadier numbers
"""


class Case(NamedTuple):
    """Units from the input to the output, and rows in a step."""

    units: tuple[int, ...]
    batch_size: int

    @property
    def name(self) -> str:
        """Such as 7-32-8-1."""
        return "-".join(map(str, self.units))


CASES = (
    Case((7, 32, 8, 1), 1),
    Case((7, 32, 8, 1), 32),
    Case((20, 64, 32, 1), 32),
    Case((100, 256, 128, 1), 128),
)
STEPS = 32  # in an epoch
SAME = 1e-3  # of the loss: float32 in another order of summation


def add(commands: Commands[Parser]) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "benchmark",
        run,
        help="measure training and prediction on this machine, beside NumPy",
        description="Measures a step of training (Adam) and a prediction of small networks on\n"
        "this machine, beside the same arithmetic in NumPy, and checks that both\n"
        "learn the same. The fastest of repeated runs.",
        examples=EXAMPLES,
    )
    parser.add_argument(
        "--seconds",
        type=positive,
        default=0.3,
        metavar="X",
        help="for each number of the table (default: 0.3)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Run the command."""
    import numpy as np

    from fastnn import _core, parallel
    from fastnn.cli.show import print_table

    print(
        f"{_core.current_isa()}, {parallel.get_num_threads()} threads, "
        f"NumPy {np.__version__}, float32\n",
        flush=True,
    )
    rows = []
    for case in CASES:
        rows += _measure(case, arguments.seconds)
    print_table(("network", "what", "fastnn", "NumPy", "ratio"), rows, left=2)
    print(
        "\nThe fastest of many runs. A step is forward, backward and Adam; both learn\n"
        "the same from the same rows."
    )


def _measure(case: Case, seconds: float) -> list[tuple[str, ...]]:
    import numpy as np

    import fastnn as fnn
    from fastnn.cli.numpy_network import Network

    rng = np.random.default_rng(0)
    count = STEPS * case.batch_size
    x = rng.standard_normal((count, case.units[0]), dtype=np.float32)
    y = np.sin(x.sum(axis=1, keepdims=True)).astype(np.float32)
    model = fnn.Sequential(
        [
            fnn.Input(case.units[0]),
            *(fnn.Dense(units, "relu") for units in case.units[1:-1]),
            fnn.Dense(case.units[-1]),
        ],
        seed=0,
    )
    theirs = Network(list(model.parameters.values()))
    trainer = fnn.Trainer(model, "mean_squared_error", fnn.Adam(1e-3))

    def ours_fit() -> float:
        history = trainer.fit(x, y, batch_size=case.batch_size, epochs=1, shuffle=False, verbose=0)
        return history["loss"][-1]

    _check(case, ours_fit, theirs, x, y)
    ours = _fastest(ours_fit, seconds) / STEPS
    other = _fastest(lambda: theirs.epoch(x, y, case.batch_size), seconds) / STEPS
    found = [_row(case, f"step of {_rows(case.batch_size)}", ours, other)]
    few = x[: case.batch_size]
    ours = _fastest(lambda: model.predict(few), seconds)
    other = _fastest(lambda: theirs.predict(few), seconds)
    return [*found, _row(case, f"predict {_rows(case.batch_size)}", ours, other)]


def _check(case: Case, ours_fit: Callable[[], float], theirs: Network, x: Any, y: Any) -> None:
    """A fast wrong answer is no result."""
    for _ in range(3):
        ours, other = ours_fit(), theirs.epoch(x, y, case.batch_size)
        if not abs(ours - other) <= SAME * abs(other):
            raise ArithmeticError(
                f"benchmark: {case.name}: the loss is {ours:.6g} here and {other:.6g} in NumPy"
            )


def _fastest(call: Callable[[], object], seconds: float) -> float:
    """Return the time of a call, the least of runs that take a millisecond at least."""
    began = time.perf_counter()
    call()
    once = max(time.perf_counter() - began, 1e-7)
    times = max(1, round(1e-3 / once))
    found: list[float] = []
    end = time.perf_counter() + seconds
    while not found or time.perf_counter() < end:
        began = time.perf_counter()
        for _ in range(times):
            call()
        found.append((time.perf_counter() - began) / times)
    return min(found)


def _row(case: Case, what: str, ours: float, other: float) -> tuple[str, ...]:
    return case.name, what, _time(ours), _time(other), f"{other / ours:.1f}x"


def _rows(count: int) -> str:
    return f"{count} row{'' if count == 1 else 's'}"


def _time(seconds: float) -> str:
    return f"{1e6 * seconds:.3g} µs" if seconds < 1e-3 else f"{1e3 * seconds:.3g} ms"
