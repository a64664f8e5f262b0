"""Dead units: a step after 100,000 of them against a step at the start, in one run.

    python benchmarks/subnormals.py [--steps N] [--rounds N]

Most units of a relu network die after 50 steps: their inputs become far negative, so their
gradients are 0 from then on, and Adam's moments decay: the first below the smallest normal number
within 1,000 steps, the second within 90,000.  Many CPUs take a hundred times as long for arithmetic
on such subnormal numbers; fastnn flushes them to zero while it trains.

One network takes turns at both ages, so that its memory is the same: its parameters, moments and
step count are kept from just after its units died and from 100,000 steps later, and put back before
each timing.  One thread, CPU time, medians.  Exits with 1 if the old age is over 5 % slower.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

import fastnn as fnn
from fastnn import kernels

UNITS, ALIVE = 256, 8
STEPS = 400  # timed at once: so few that the young network's moments are normal numbers throughout
BAR = 1.05

rng = np.random.default_rng(0)
X = rng.standard_normal((STEPS, 32)).astype(np.float32)
Y = rng.standard_normal((STEPS, 1)).astype(np.float32)


def seconds(function: Callable[[], object]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


class State(NamedTuple):
    """All that a fit changes."""

    parameters: np.ndarray
    moments: dict[str, np.ndarray]
    t: int


class Network:
    """32-256-1 with Adam; all but a few of its units have just died."""

    def __init__(self) -> None:
        layers = [fnn.Input(32), fnn.Dense(UNITS, "relu"), fnn.Dense(1)]
        self.model = fnn.Sequential(layers, seed=0)
        self.trainer = fnn.Trainer(self.model, "mse")
        self.train(50)
        self.model.parameters["dense_0/bias"][ALIVE:] = -1e6

    def train(self, steps: int) -> None:
        epochs, rest = divmod(steps, STEPS)
        for rows, times in ((STEPS, epochs), (rest, 1)):
            if rows and times:
                self.trainer.fit(
                    X[:rows], Y[:rows], batch_size=1, epochs=times, shuffle=False, verbose=0
                )

    def keep(self) -> State:
        moments = self.trainer._state.arrays()
        return State(
            self.model.parameter_arena.copy(),
            {name: moment.copy() for name, moment in moments.items()},
            self.trainer.steps,
        )

    def put_back(self, state: State) -> None:
        self.model.parameter_arena[...] = state.parameters
        for name, moment in self.trainer._state.arrays().items():
            moment[...] = state.moments[name]
        self.trainer._state.t = state.t


def adam(moment: float) -> float:
    """Seconds of 20 updates alone, by the kernel, which leaves the floating-point mode as it is.

    `moment` is what the first moments are before; the second ones decay more slowly.
    """
    param = np.ones(32 * UNITS + UNITS + UNITS + 1, np.float32)
    m, v, grad = np.full_like(param, moment), np.full_like(param, 1e-3), np.zeros_like(param)

    def step() -> None:
        for _ in range(20):
            kernels.adam_step(param, grad, m, v, t=1_000_000)

    return seconds(step)


def main() -> int:
    parser = argparse.ArgumentParser(description="Steps of a network whose units are dead.")
    parser.add_argument("--steps", type=int, default=100_000, help="(%(default)s)")
    parser.add_argument("--rounds", type=int, default=101, help="(%(default)s)")
    options = parser.parse_args()
    fnn.set_num_threads(1)
    network = Network()
    ages = {"young": network.keep()}
    network.train(options.steps)
    ages["old"] = network.keep()
    found: dict[str, list[float]] = {"young": [], "old": [], "normal": [], "subnormal": []}
    for count in range(options.rounds + 1):
        times = {"normal": adam(1e-3), "subnormal": adam(1e-41)}
        for age in sorted(ages, reverse=count % 2 == 0):
            network.put_back(ages[age])
            times[age] = seconds(lambda: network.train(STEPS)) / STEPS
        for name, value in times.items():
            if count:  # the first round warms up
                found[name].append(value)

    def ratios(new: str, base: str) -> list[float]:
        return [a / b for a, b in zip(found[new], found[base], strict=True)]

    ratio = statistics.median(ratios("old", "young"))
    print(f"32-{UNITS}-1, {ALIVE} units alive, batch 1, Adam, {options.rounds} rounds, one thread")
    for name, what in (("young", "at the start"), ("old", f"after {options.steps:,} steps")):
        print(f"a step {what}: {1e6 * statistics.median(found[name]):.3f} µs")
    print(f"ratio: {ratio:.3f}, bar {BAR}")
    without = statistics.median(ratios("subnormal", "normal"))
    print(f"Adam's update alone, not flushed, first moments subnormal: {without:.2f} times as long")
    return int(ratio > BAR)


if __name__ == "__main__":
    sys.exit(main())
