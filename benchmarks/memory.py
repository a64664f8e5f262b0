"""Peak memory of a fit above its data and its model, held against what the library promises.

    python benchmarks/memory.py [--rows N] [--json FILE]

Each case runs in a process of its own: data and model are made, a small fit loads what is loaded
late, free memory goes back to the system, the high-water mark of resident memory is reset, and the
fit runs.  Linux only.  Exits with 1 if a case needs more than its promise.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

import fastnn as fnn

Array = npt.NDArray[Any]

MANY = 10_000_000  # rows of the long tables
SHARDS, SHARD_PARAMETERS = 15, 16_384  # with a gradient of their own: docs/architecture.md
LOOKED_AT = 256  # rows that are predicted at the end of a fit, to tell whether units are dead
# What the system adds: pages of stacks and allocators, and up to one huge page for each arena.
SLACK = 16e6


class Task(NamedTuple):
    """A fit, and what decides how much it may hold."""

    model: fnn.Sequential
    x: Array
    y: Array
    batch_size: int
    optimizer: fnn.optimizers.Optimizer = fnn.Adam()
    slots: int = 2
    loss: str = "mean_squared_error"
    shuffle: bool = True

    def fit(self, rows: int) -> None:
        fnn.Trainer(self.model, self.loss, self.optimizer).fit(
            self.x[:rows],
            self.y[:rows],
            batch_size=self.batch_size,
            epochs=1,
            shuffle=self.shuffle,
            verbose=0,
        )

    def promise(self) -> dict[str, float]:
        """Return the parts of what the fit may hold, in bytes."""
        model = self.model
        arena = model.parameter_arena
        element = arena.itemsize
        widths = [model.inputs, *(weights.shape[-1] for weights in model.get_weights())]
        block = min(self.batch_size, model.block_rows())
        values = block * (3 * sum(widths) + model.outputs + 1) * element
        panels = (512 * (min(max(widths), 1024) + 32) + 512 * 144) * element
        small, threads = arena.size <= SHARD_PARAMETERS, fnn.get_num_threads()
        return {
            "slots": self.slots * arena.nbytes,
            "shards": SHARDS * arena.nbytes if small else 0,
            "blocks": threads * panels + (threads if small else 1) * values,
            "look": threads * LOOKED_AT * sum(widths) * element,
            "order": 8 * len(self.x) if self.shuffle else 0,
        }


def network(*units: int, dtype: str = "float32", head: str = "linear") -> fnn.Sequential:
    inputs, *hidden, outputs = units
    layers = [fnn.Dense(n, "relu") for n in hidden]
    return fnn.Sequential(
        [fnn.Input(inputs), *layers, fnn.Dense(outputs, head)], seed=0, dtype=dtype
    )


# ---- the cases ----------------------------------------------------------------------------------


def large(dtype: str) -> Callable[[int], Task]:
    """2048-2048-2048-10, 8.4 million parameters."""

    def make(rows: int) -> Task:
        x = np.random.default_rng(0).standard_normal((2048, 2048), np.float32).astype(dtype)
        y = np.zeros(len(x), np.int32)
        model = network(2048, 2048, 2048, 10, dtype=dtype, head="softmax")
        return Task(model, x, y, 256, loss="sparse_categorical_crossentropy")

    return make


def wide(rows: int) -> Task:
    """50,000 columns of small integers."""
    x = np.ones((2000, 50_000), np.int8)
    return Task(network(50_000, 32, 1), x, np.ones(2000, np.float32), 256)


def long(kind: str, batch_size: int = 8192) -> Callable[[int], Task]:
    """Four columns of one type, or in an unusual layout."""

    def make(rows: int) -> Task:
        y = np.ones(rows, np.float32)
        if kind == "every second row":
            x = np.ones((2 * rows, 4), np.float32)[::2]
        elif kind == "column by column":
            x = np.ones((rows, 4), np.float32, order="F")
        elif kind == "fields of records":
            records = np.ones(rows, [("flag", np.int8), ("values", np.float32, (4,))])
            x = records["values"]
        else:
            x = np.ones((rows, 4), kind)
        return Task(network(4, 16, 1), x, y, min(batch_size, rows), shuffle=batch_size < rows)

    return make


CASES: dict[str, Callable[[int], Task]] = {
    "2048-2048-2048-10, float32": large("float32"),
    "2048-2048-2048-10, float64": large("float64"),
    "2,000 rows of 50,000 int8": wide,
    **{
        f"long table, {kind}": long(kind)
        for kind in (
            *("bool", "int8", "int32", "float16", "float32", "float64"),
            *("every second row", "column by column", "fields of records"),
        )
    },
    "long table, int8, one batch": long("int8", 2**62),
}

# ---- measuring ----------------------------------------------------------------------------------


def status(field: str) -> float:
    """Return a figure of this process, in bytes."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field + ":"):
            return 1024 * float(line.split()[1])
    raise SystemExit(f"memory: /proc/self/status has no {field}; this script wants Linux")


def measure(name: str, rows: int) -> dict[str, float]:
    """Run one case in this process."""
    task = CASES[name](rows)
    task.fit(64)
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the high-water mark
    before = status("VmRSS")
    task.fit(len(task.x))
    peak = status("VmHWM") - before
    promise = task.promise()
    return {
        "data": task.x.nbytes + task.y.nbytes,
        **promise,
        "promised": sum(promise.values()) + SLACK,
        "peak": peak,
    }


def table(results: dict[str, dict[str, float]]) -> str:
    names = ["data", "slots", "shards", "blocks", "look", "order", "promised", "peak"]
    lines = [
        "| case | " + " | ".join(f"{name}, MB" for name in names) + " | kept |",
        "| --- |" + " ---: |" * len(names) + " --- |",
    ]
    for case, found in results.items():
        figures = " | ".join(f"{found[name] / 1e6:.1f}" for name in names)
        kept = "yes" if found["peak"] <= found["promised"] else "**no**"
        lines.append(f"| {case} | {figures} | {kept} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description="Peak memory of a fit against its promise.")
    parser.add_argument("--rows", type=int, default=MANY, help="of the long tables (%(default)s)")
    parser.add_argument("--json", type=Path, help="write the figures here, in bytes")
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)  # in a child
    options = parser.parse_args()
    if options.case is not None:
        json.dump(measure(options.case, options.rows), sys.stdout)
        return 0
    results = {}
    for case in CASES:
        command = [sys.executable, __file__, "--rows", str(options.rows), "--case", case]
        child = subprocess.run(command, stdout=subprocess.PIPE, check=True)
        results[case] = json.loads(child.stdout)
    print(
        f"fastnn {fnn.__version__}, {fnn.get_num_threads()} threads, long tables of "
        f"{options.rows:,} rows.\nPeak: resident memory above that with data and model.  "
        f"Promised: the parts before it and {SLACK / 1e6:.0f} MB.\n"
    )
    print(table(results))
    if options.json is not None:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return int(any(found["peak"] > found["promised"] for found in results.values()))


if __name__ == "__main__":
    sys.exit(main())
