"""Hold the dense products against their bars: ``python benchmarks/gemm_bars.py [--quick]``.

One thread, beside NumPy's product and the FMA peak of the same run.  For float32 and ``c = a b``,
with batches of 32 to 256 rows, every width from 64 to 512 must be at least 0.97 times as fast as
NumPy, the geometric mean at least 1.1 times; from width 256 on at least 0.85 of the peak.  Shown
beside them and not judged: the other two forms, float64, the products of a digit recogniser's
training step, and with ``--large`` larger matrices.  Exits with 1 if a bar is missed.

How it measures:

- A round passes over all cells; in each cell fastnn and NumPy take turns, now one first, now the
  other, for some tenths of a millisecond.  Each round has its matrices at another place in memory.
- A ratio is formed in each round, and its median counts.  A share of the peak is that of the best
  round, against the best of all probes: what else runs on the machine only ever takes away.
- The clock counts the CPU time of the thread, Python's calls on both sides included.
"""

from __future__ import annotations

import sweep_gemm  # holds NumPy's BLAS to one thread, so before NumPy  # isort: skip

import argparse
import itertools
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from fastnn import _core, kernels
from sweep_gemm import Array, Cell, table

ROWS = (32, 64, 128, 256)
WIDTHS = [(64, 64), (96, 96), (128, 128), (192, 192), (256, 256), (384, 384), (512, 512)]
WIDTHS += [(64, 256), (256, 64), (128, 512), (512, 128), (100, 300), (300, 100)]  # n, k
QUICK_WIDTHS = [(64, 64), (128, 128), (256, 256), (512, 512), (64, 256), (300, 100)]
LARGE = [(m, 1024, 1024) for m in (256, 512, 1024, 2048)]
LARGE += [(1024, 1024, k) for k in (256, 512, 2048)] + [(512, 1024, 2048)]
STEP = {  # 784-256-128-10, batches of 64 and 512, and half of them
    "nn": [(m, *s) for s in ((256, 784), (128, 256)) for m in (32, 64, 256, 512)],
    "tn": [(m, n, k) for m, n in ((784, 256), (392, 256), (256, 128)) for k in (64, 512)],
    "nt": [(m, *s) for s in ((256, 128), (784, 256)) for m in (32, 64, 256, 512)],
}
MEAN_BAR, CELL_BAR, PEAK_BAR = 1.1, 0.97, 0.85
WIDE = 256  # from here on the peak counts


class Result(NamedTuple):
    """Seconds of a call in each round."""

    cell: Cell
    fastnn: list[float]
    numpy: list[float]

    @property
    def ratio(self) -> float:
        """Times as fast as NumPy."""
        pairs = zip(self.numpy, self.fastnn, strict=True)
        return statistics.median(theirs / ours for theirs, ours in pairs)

    def share(self, peak: float) -> float:
        return self.cell.flops / min(self.fastnn) / peak


def calls(cell: Cell, stock: Array, shift: int) -> tuple[Callable[[], Array], Callable[[], Array]]:
    """The product by fastnn and by NumPy, on arrays `shift` cache lines into the memory."""
    m, n, k = cell.m, cell.n, cell.k
    line = 64 // stock.itemsize
    begin, parts = shift * line, []
    for shape in ((k, m) if cell.form == "tn" else (m, k), (n, k) if cell.form == "nt" else (k, n)):
        size = shape[0] * shape[1]
        parts.append(stock[begin : begin + size].reshape(shape))
        begin += -(-size // line) * line
    a, b = parts
    ours, theirs = (np.empty((m, n), stock.dtype) for _ in range(2))
    turned = {"tn": {"transpose_a": True}, "nt": {"transpose_b": True}}.get(cell.form, {})
    at, bt = a.T if cell.form == "tn" else a, b.T if cell.form == "nt" else b
    return partial(kernels.matmul, a, b, out=ours, **turned), partial(np.dot, at, bt, out=theirs)


def seconds(call: Callable[[], object], number: int) -> float:
    start = time.thread_time_ns()
    for _ in range(number):
        call()
    return (time.thread_time_ns() - start) / number / 1e9


def peak(dtype: str) -> float:
    """Operations a second of multiply-adds on registers: the better of both mixes."""
    top = 0.0
    for mix in (0, 1):
        start = time.thread_time_ns()
        done = _core.fma_probe(dtype, 50_000, mix)
        top = max(top, done / (time.thread_time_ns() - start) * 1e9)
    return top


def check(cell: Cell, ours: Array, theirs: Array, a: Array, b: Array) -> None:
    # k products in another order: as in tests/test_gemm.py, both sides err
    bound = 2 * (cell.k + 2) * np.finfo(ours.dtype).eps * (np.abs(a) @ np.abs(b))
    if not np.all(np.abs(ours - theirs) <= bound):
        raise SystemExit(f"{cell}: the product is wrong")


def measure(cells: Sequence[Cell], rounds: int) -> tuple[list[Result], dict[str, float]]:
    """Times of all cells, and the peak of each type."""
    most = max(cell.m * cell.k + cell.k * cell.n for cell in cells) + 64 * 64
    rng = np.random.default_rng(0)
    stocks = {cell.dtype: rng.standard_normal(most).astype(cell.dtype) for cell in cells}
    peaks = dict.fromkeys(stocks, 0.0)
    results = [Result(cell, [], []) for cell in cells]
    for turn in range(rounds):
        for dtype in stocks:
            peaks[dtype] = max(peaks[dtype], peak(dtype))
        for cell, fastnn, numpy in results:
            ours, theirs = calls(cell, stocks[cell.dtype], turn % 64)
            if turn == 0:
                at, bt = theirs.args
                check(cell, ours(), theirs(), at, bt)
            number = int(1.5e-4 * peaks[cell.dtype] / cell.flops) + 1
            sides = [(ours, fastnn), (theirs, numpy)]
            for call, times in sides if turn % 2 == 0 else sides[::-1]:
                call()
                times.append(seconds(call, number))
    return results, peaks


def report(title: str, results: Sequence[Result], peaks: dict[str, float]) -> None:
    """A row for each form, type and width; the batches beside each other."""
    head = ("form", "dtype", "n", "k", "rows", "µs", "share of peak", "NumPy / fastnn")
    rows = [head]
    for cell, group in itertools.groupby(results, lambda r: (r.cell[:2], r.cell[3:])):
        some = list(group)
        form, dtype = cell[0]
        rows.append(
            (
                form,
                dtype,
                *map(str, cell[1]),
                " ".join(f"{r.cell.m:5d}" for r in some),
                " ".join(f"{min(r.fastnn) * 1e6:7.1f}" for r in some),
                " ".join(f"{r.share(peaks[dtype]):.2f}" for r in some),
                " ".join(f"{r.ratio:.2f}" for r in some),
            )
        )
    print(f"\n{title}\n\n{table(rows)}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Hold the dense products against their bars.")
    parser.add_argument("--quick", action="store_true", help="fewer widths, a few seconds")
    parser.add_argument("--large", action="store_true", help="1024 x 1024 too")
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--isa", default=None, help=f"one of {', '.join(_core.available_isas())}")
    options = parser.parse_args()
    if options.isa:
        _core.use_isa(options.isa)

    widths = QUICK_WIDTHS if options.quick else WIDTHS
    judged = [Cell("nn", "float32", m, *width) for width in widths for m in ROWS]
    beside = [c._replace(form=form) for form in ("tn", "nt") for c in judged]
    doubles = [c._replace(dtype="float64") for c in judged]
    step = [Cell(form, "float32", *shape) for form, shapes in STEP.items() for shape in shapes]
    large = [Cell(form, "float32", *shape) for form in sweep_gemm.FORMS for shape in LARGE]
    parts = {
        "c = a b": judged,
        "c = a^T b and c = a b^T": [] if options.quick else beside,
        "float64": [] if options.quick else doubles,
        "A step of 784-256-128-10": [] if options.quick else step,
        "1024 wide": large if options.large else [],
    }
    found: dict[str, list[Result]] = {}
    peaks: dict[str, float] = {}
    for title, cells in parts.items():
        if cells:
            found[title], tops = measure(cells, options.rounds)
            for dtype, top in tops.items():
                peaks[dtype] = max(peaks.get(dtype, 0.0), top)
    print(f"{options.isa or _core.current_isa()}, {options.rounds} rounds; peak:")
    for dtype, top in peaks.items():
        print(f"  {dtype}: {top / 1e9:.1f} GFLOP/s")
    for title, results in found.items():
        report(title, results, peaks)
        mean = statistics.geometric_mean(r.ratio for r in results)
        worst = sorted(results, key=lambda r: r.ratio)[:3]
        print(f"\ngeometric mean against NumPy {mean:.3f}; the least:")
        for r in worst:
            print(f"  {r.ratio:.3f}  {r.cell.form} m = {r.cell.m}, n = {r.cell.n}, k = {r.cell.k}")

    bars = [
        ("geometric mean", statistics.geometric_mean(r.ratio for r in found["c = a b"]), MEAN_BAR),
        ("least of the cells", min(r.ratio for r in found["c = a b"]), CELL_BAR),
        (
            f"share of the peak, {WIDE} wide and more",
            min(
                r.share(peaks["float32"])
                for r in found["c = a b"]
                if min(r.cell.n, r.cell.k) >= WIDE
            ),
            PEAK_BAR,
        ),
    ]
    print("\nBars, float32, c = a b:")
    for what, value, bar in bars:
        print(f"  {what}: {value:.3f}, wanted {bar:g}: {'met' if value >= bar else 'MISSED'}")
    sys.exit(any(value < bar for _, value, bar in bars))


if __name__ == "__main__":
    main()
