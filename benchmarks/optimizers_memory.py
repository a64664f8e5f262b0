"""Optimizer steps from memory: ``python benchmarks/optimizers_memory.py [--mib N] [--json FILE]``.

Each elementwise optimizer's step over arenas of N MiB (four times the last-level cache unless
given), float32, one thread, beside the time that its traffic takes at the memory's bandwidth.  A
pass is one reading or one writing of an arena: the gradient is read, the parameters and each array
of state are read and written.  The bandwidth is that of NumPy adding the gradients to the
parameters in place: two passes read, one written, and no line is written that was not read.  Steps
and additions are measured in turns, in CPU time, and of each the fastest of some rounds counts:
whoever else uses the memory only makes them slower.  Exits with 1 if a step takes more than 1.3
times its traffic.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

import fastnn as fnn
from fastnn import _core, optimizers

BAR = 1.3
ROUNDS = 9

OPTIMIZERS = {
    "sgd": fnn.SGD(1e-3),
    "sgd, momentum": fnn.SGD(1e-3, momentum=0.9),
    "sgd, nesterov": fnn.SGD(1e-3, momentum=0.9, nesterov=True),
    "adam": fnn.Adam(),
    "adamw": fnn.AdamW(),
    "adam, ema": fnn.Adam(ema=0.999),
    "amsgrad": fnn.Adam(amsgrad=True),
    "nadam": optimizers.Nadam(),
    "radam": optimizers.RAdam(),
    "adamax": optimizers.Adamax(),
    "adabelief": optimizers.AdaBelief(),
    "yogi": optimizers.Yogi(),
    "lion": optimizers.Lion(),
    "adagrad": optimizers.Adagrad(),
    "adadelta": optimizers.Adadelta(),
    "rmsprop": optimizers.RMSprop(),
    "rmsprop, centred": optimizers.RMSprop(centered=True),
    "rmsprop, momentum": optimizers.RMSprop(momentum=0.9),
    "rmsprop, both": optimizers.RMSprop(momentum=0.9, centered=True),
    "rprop": optimizers.Rprop(),
    "schedule-free adamw": optimizers.ScheduleFreeAdamW(),
}
KEPT = {"scalars", "training"}  # arrays that a step does not go over


def timed(call: Callable[[], Any]) -> float:
    began = process_time()
    call()
    return process_time() - began


def cache_mib() -> int:
    """The last-level cache as Linux tells it, else 32 MiB."""
    paths = Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size")
    return max([int(path.read_text().strip().removesuffix("K")) >> 10 for path in paths] or [32])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--mib", type=int, default=4 * cache_mib())
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    inputs = 256 * arguments.mib  # of 1024 outputs of 4 bytes
    layers = [fnn.Dense(1024, use_bias=False, kernel_initializer="ones")]
    model = fnn.Sequential([fnn.Input(inputs), *layers])
    p, g = model.parameter_arena, model.gradient_arena
    g[...] = np.tile(np.random.default_rng(0).standard_normal(4096, np.float32), g.size // 4096)
    print(f"{_core.current_isa()}, arenas of {arguments.mib} MiB, float32")
    rows = []
    for name, optimizer in OPTIMIZERS.items():
        state = model._optimizer_state(optimizer)
        passes = 3 + 2 * len(state.arrays().keys() - KEPT)
        additions, steps = [], []
        state.step()
        for _ in range(ROUNDS):
            additions.append(timed(lambda: np.add(p, g, out=p)))
            steps.append(timed(state.step))
        ratio = min(steps) / passes / (min(additions) / 3)
        bandwidth = 3e-9 * p.nbytes / min(additions)
        rows.append({"name": name, "passes": passes, "ratio": ratio, "gb_per_s": bandwidth})
        print(f"{name:20s} {passes:2d} passes  {ratio:5.2f} x its traffic at {bandwidth:5.1f} GB/s")
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))
    worst = max(rows, key=lambda row: row["ratio"])
    print(f"largest: {worst['name']}, {worst['ratio']:.2f}; bar {BAR}")
    return int(worst["ratio"] > BAR)


if __name__ == "__main__":
    sys.exit(main())
