"""Are threads ever slower?  ``python benchmarks/threads.py [--quick] [--threads N] [--rounds N]``.

Fits and predictions from a handful of floating-point operations to networks 1024 wide, on one
thread and on all cores: first on the machine as it is, then beside a process that spins (pinned
nowhere, so the system decides whose core it shares).  Wall time, in short rounds that take turns
(one thread, all, one, all, ...); what is printed is the median time of all threads over the median
time of one, so less than 1 is a gain.  Exits with 1 if a ratio is above its bar.

The first column of ratios means nothing while other programs run: the load is printed on top.
"""

from __future__ import annotations

import os

# Read when NumPy loads its BLAS, so before anything here imports NumPy.
os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise

import numpy as np

import fastnn as fnn

BARS = {"idle": 1.05, "beside": 1.15}
BLOCK = 0.004  # seconds of one thread's work that are timed as one
SPINNER = "print(flush=True)\nwhile True: pass"

Work = Callable[[], object]

# Widths, and the rows of a batch or of a prediction.
NETWORKS: list[tuple[list[int], list[int], list[int]]] = [
    ([7, 1, 1], [4], [1]),
    ([7, 32, 8, 1], [1, 32, 392], [1, 100, 10000]),
    ([20, 64, 32, 1], [32, 64, 128, 256, 1024], [32, 1000, 100000]),
    ([28, 128, 64, 1], [32, 128, 1024], [1000]),
    ([64, 100, 10], [64, 128, 200], [200]),
    ([128, 128, 128, 10], [16, 32, 64, 256], [16, 64, 256]),
    ([784, 128, 10], [16, 64, 512], [32, 1000]),
    ([784, 256, 128, 10], [64, 512], [32, 1000]),
    ([256, 256, 256, 10], [16, 64, 256], [16, 64, 256]),
    ([512, 512, 512, 10], [16, 64, 256], [16, 64, 256]),
    ([1024, 1024, 1024, 10], [16, 64, 256], [16, 64, 256]),
]
QUICK: list[tuple[list[int], list[int], list[int]]] = [
    ([7, 32, 8, 1], [1, 32], [100]),
    ([20, 64, 32, 1], [32, 256], [1000]),
    ([784, 256, 128, 10], [64], [32]),
    ([512, 512, 512, 10], [64], [64]),
]


def network(widths: list[int]) -> fnn.Sequential:
    hidden = [fnn.Dense(units, "relu") for units in widths[1:-1]]
    return fnn.Sequential([fnn.Input(widths[0]), *hidden, fnn.Dense(widths[-1])], seed=0)


def block_of_fit(widths: list[int], batch: int) -> tuple[Work, int]:
    """Return what runs some steps, about a block long, and how many steps that is."""
    flops = 6 * batch * sum(a * b for a, b in pairwise(widths))
    steps = max(1, min(256, int(2e8 / flops)))
    rng = np.random.default_rng(0)
    x = rng.standard_normal((steps * batch, widths[0]), dtype=np.float32)
    y = rng.standard_normal((steps * batch, widths[-1]), dtype=np.float32)
    trainer = fnn.Trainer(network(widths), "mse", fnn.Adam(1e-5))

    def fit(epochs: int) -> None:
        trainer.fit(x, y, batch_size=batch, epochs=epochs, verbose=0)

    fit(1)
    epochs = max(1, round(BLOCK / shortest(lambda: fit(1))))
    return lambda: fit(epochs), epochs * steps


def block_of_predict(widths: list[int], rows: int) -> tuple[Work, int]:
    model = network(widths)
    x = np.random.default_rng(0).standard_normal((rows, widths[0]), dtype=np.float32)
    out = np.empty((rows, widths[-1]), np.float32)
    calls = max(1, round(BLOCK / shortest(lambda: model.predict(x, out=out))))

    def predict() -> None:
        for _ in range(calls):
            model.predict(x, out=out)

    return predict, calls


def shortest(work: Work) -> float:
    with fnn.threads(1):
        return min(timed(work) for _ in range(3))


def timed(work: Work) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def take_turns(work: Work, threads: int, rounds: int) -> tuple[float, float]:
    """Return the median time of a block on one thread, and on so many threads."""
    times: dict[int, list[float]] = {1: [], threads: []}
    for _ in range(rounds):  # enough of them for the pool to notice a neighbour
        for count, found in times.items():
            with fnn.threads(count):
                found.append(timed(work))
    return statistics.median(times[1]), statistics.median(times[threads])


@contextmanager
def spinner() -> Iterator[None]:
    with subprocess.Popen([sys.executable, "-c", SPINNER], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it has begun
        try:
            yield
        finally:
            process.kill()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a few sizes, fewer rounds")
    parser.add_argument("--threads", type=int, help="default: as many as there are cores")
    parser.add_argument("--rounds", type=int, help="default: 80, or 40 with --quick")
    options = parser.parse_args()
    threads = options.threads or fnn.get_num_threads()
    if threads < 2:
        parser.error("one thread, nothing to compare: pass --threads")
    rounds = options.rounds or (40 if options.quick else 80)

    print(f"{threads} threads over one; load {os.getloadavg()[0]:.1f}, want about 0")
    print(f"{'':34}{'one thread':>12}{'idle':>8}{'beside':>8}")
    missed = 0
    for widths, batches, predicted in QUICK if options.quick else NETWORKS:
        name = "-".join(map(str, widths))
        cases = [("fit", rows, block_of_fit) for rows in batches]
        cases += [("predict", rows, block_of_predict) for rows in predicted]
        for what, rows, block_of in cases:
            work, count = block_of(widths, rows)
            one, idle = take_turns(work, threads, rounds)
            with spinner():
                one_beside, beside = take_turns(work, threads, rounds)
            ratios = {"idle": idle / one, "beside": beside / one_beside}
            bad = [key for key, ratio in ratios.items() if ratio > BARS[key]]
            missed += len(bad)
            print(
                f"{what:8}{name:20}{rows:6}{one / count * 1e6:9.2f} µs"
                f"{ratios['idle']:8.2f}{ratios['beside']:8.2f}{'  above the bar' if bad else ''}",
                flush=True,
            )
    print(f"bars: idle {BARS['idle']}, beside {BARS['beside']}; above them: {missed}")
    return missed > 0


if __name__ == "__main__":
    sys.exit(main())
