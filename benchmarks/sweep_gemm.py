"""Look for shapes that the dense products do badly: ``python benchmarks/sweep_gemm.py [--quick]``.

A sweep over m, n and k: every combination of sizes up to 300 that are awkward (one row, one output,
k = 1, two to eight columns, primes, one more than a vector or a tile) or easy, and a list of larger
ones (tall and thin, one row by a large matrix, matrices beyond the caches).  All three forms and
both types, on one instruction set.

To the times of a form and type is fitted what a product with no weak spots would take,

    a call  +  flops / rate  +  bytes / bandwidth,

by least absolute relative error, so that a few slow cells do not pull at it.  Cells slower than
twice the fit are measured again, with a pause between, and those that stay slow are reported, with
the time of NumPy's product beside them.

What to make of it:

- Times are those of ``kernels.matmul(..., out=)``, operands warm, with its Python call of about a
  microsecond.  It hides what a kernel loses on a product of a few hundred flops.
- Each is the least of the rounds, and a round passes over all cells: a slow second of a busy
  machine hurts one round.  The clock counts the CPU time of the thread.
- The fit is no ideal.  Vectors are filled in steps, so n = 17 costs what n = 32 does and may stand
  at nearly twice the fit by rights; bytes from a cache cost less than bytes from memory.  A cell
  below 2 is not proven good, and the share of cells above 2 says more than the worst of them.

Takes about a minute; ``--quick`` ten seconds, over fewer sizes.  ``--plot FILE`` draws times
against the fit, if matplotlib is there.
"""

from __future__ import annotations

import os

# Read when NumPy loads its BLAS, so before anything here imports NumPy.
os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")

import argparse
import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fastnn import _core, kernels

Array = npt.NDArray[Any]

FORMS = ("nn", "tn", "nt")
DTYPES = ("float32", "float64")
SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 10, 13, 16, 17, 24, 31, 32, 33, 49, 63, 64, 65, 97, 100, 128, 129]
SIZES += [200, 256, 257, 300]
QUICK_SIZES = [1, 2, 3, 5, 8, 10, 16, 17, 32, 33, 64, 100, 129, 300]
LARGER = [
    *itertools.product([1000, 4096], [1, 2, 3, 5, 8, 10, 17], [7, 32, 64, 257]),  # tall and thin
    *itertools.product([1, 2, 8], [512, 1000, 1024], [512, 1000, 1024]),  # short and fat
    *itertools.product([32, 128], [784, 1024], [10, 128, 1024]),  # batches
    *itertools.product([784, 1024], [1, 10, 128], [32, 128]),  # gradients of their kernels
    (512, 512, 512),
    (513, 513, 513),
    (1024, 1024, 1024),
]
SLOW = 2.0  # times the fit


class Cell(NamedTuple):
    """A product: m by n, over k."""

    form: str
    dtype: str
    m: int
    n: int
    k: int

    @property
    def flops(self) -> float:
        return 2.0 * self.m * self.n * self.k

    @property
    def bytes(self) -> float:
        """Of both operands and the result, each once."""
        return (self.m * self.k + self.k * self.n + self.m * self.n) * np.dtype(self.dtype).itemsize


class Stock:
    """Memory that the operands of all cells of a type are cut from, so that it stays warm."""

    def __init__(self, dtype: str, cells: Sequence[Cell]) -> None:
        rng = np.random.default_rng(0)
        a = max(cell.m * cell.k for cell in cells)
        b = max(cell.k * cell.n for cell in cells)
        c = max(cell.m * cell.n for cell in cells)
        self.parts = [rng.standard_normal(size).astype(dtype) for size in (a, b, c)]

    def operands(self, cell: Cell) -> tuple[Array, Array, Array]:
        """The arrays of a cell, as its form wants them."""
        a = (cell.k, cell.m) if cell.form == "tn" else (cell.m, cell.k)
        b = (cell.n, cell.k) if cell.form == "nt" else (cell.k, cell.n)
        shapes = (a, b, (cell.m, cell.n))
        cut = [p[: s[0] * s[1]].reshape(s) for p, s in zip(self.parts, shapes, strict=True)]
        return cut[0], cut[1], cut[2]


def seconds(call: Callable[[], object], at_least: float) -> float:
    """CPU time of one call, the mean of as many as take `at_least` together."""
    start = time.thread_time_ns()
    call()
    once = max(time.thread_time_ns() - start, 200)
    number = int(at_least * 1e9 / once) + 1
    start = time.thread_time_ns()
    for _ in range(number):
        call()
    return (time.thread_time_ns() - start) / number / 1e9


def product(cell: Cell, stock: Stock) -> Callable[[], object]:
    a, b, out = stock.operands(cell)
    settings = {"transpose_a": cell.form == "tn", "transpose_b": cell.form == "nt"}
    return lambda: kernels.matmul(a, b, out=out, **settings)


def numpy_product(cell: Cell, stock: Stock) -> Callable[[], object]:
    a, b, out = stock.operands(cell)
    a, b = a.T if cell.form == "tn" else a, b.T if cell.form == "nt" else b
    return lambda: np.dot(a, b, out=out)


def check(cells: Sequence[Cell], stocks: dict[str, Stock]) -> None:
    """Compare some products with NumPy's; the tests look at all paths."""
    for cell in cells[:: max(1, len(cells) // 500)]:
        a, b, out = stocks[cell.dtype].operands(cell)
        product(cell, stocks[cell.dtype])()
        a, b = a.T if cell.form == "tn" else a, b.T if cell.form == "nt" else b
        # k products in another order: as in tests/test_gemm.py, both sides err
        bound = 2 * (cell.k + 2) * np.finfo(out.dtype).eps * (np.abs(a) @ np.abs(b))
        if not np.all(np.abs(out - a @ b) <= bound):
            raise SystemExit(f"{cell}: the product is wrong")


def fit(cells: Sequence[Cell], times: Sequence[float]) -> tuple[Array, Array]:
    """Coefficients (a call, a flop, a byte), none negative, and the times they give."""
    terms = np.array([[1.0, cell.flops, cell.bytes] for cell in cells])
    relative = terms / np.array(times)[:, None]
    scale = relative.max(axis=0)
    weights = np.ones(len(cells))
    used = [0, 1, 2]
    found = np.zeros(3)
    for _ in range(60):  # reweighted least squares goes to least absolute errors
        x = relative[:, used] / scale[used]
        found[:] = 0
        found[used] = np.linalg.lstsq(x * weights[:, None], weights, rcond=None)[0] / scale[used]
        if found.min() < 0:
            used.remove(int(np.argmin(found * scale)))
        weights = 1 / np.sqrt(np.maximum(np.abs(relative @ found - 1), 1e-3))
    return found, terms @ found


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns put in line, the first row on top."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True))
        for row in rows
    )


def draw(
    path: str, cells: Sequence[Cell], times: dict[Cell, float], fits: dict[Cell, float]
) -> None:
    try:
        import matplotlib
    except ImportError:
        print(f"No plot in {path}: matplotlib is not installed.")
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(
        len(DTYPES), len(FORMS), figsize=(14, 8), sharex=True, sharey=True
    )
    for row, dtype in zip(axes, DTYPES, strict=True):
        for ax, form in zip(row, FORMS, strict=True):
            some = [cell for cell in cells if (cell.form, cell.dtype) == (form, dtype)]
            x = np.array([fits[cell] for cell in some]) * 1e6
            y = np.array([times[cell] for cell in some]) * 1e6
            ax.loglog(x, y, ".", markersize=2)
            line = np.array([x.min(), x.max()])
            ax.loglog(line, line, "k-", line, SLOW * line, "r--", linewidth=0.8)
            ax.set(title=f"{form} {dtype}", xlabel="fit, µs", ylabel="measured, µs")
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    print(f"Plot: {path}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Look for shapes that the dense products do badly."
    )
    parser.add_argument("--quick", action="store_true", help="fewer sizes, ten seconds")
    parser.add_argument("--rounds", type=int, default=0, help="default 5")
    parser.add_argument("--worst", type=int, default=30, help="rows of the table")
    parser.add_argument("--isa", default=None, help=f"one of {', '.join(_core.available_isas())}")
    parser.add_argument("--plot", metavar="FILE", help="draw times against the fit")
    options = parser.parse_args()
    if options.isa:
        _core.use_isa(options.isa)
    rounds = options.rounds or 5
    sizes = QUICK_SIZES if options.quick else SIZES
    shapes = list(dict.fromkeys([*itertools.product(sizes, repeat=3), *LARGER]))
    cells = [Cell(f, d, *shape) for d in DTYPES for f in FORMS for shape in shapes]
    stocks = {dtype: Stock(dtype, cells) for dtype in DTYPES}
    check(cells, stocks)

    times = dict.fromkeys(cells, np.inf)
    for _ in range(rounds):
        for cell in cells:
            taken = seconds(product(cell, stocks[cell.dtype]), 3e-5)
            times[cell] = min(times[cell], taken)

    groups = {
        (f, d): [c for c in cells if (c.form, c.dtype) == (f, d)] for d in DTYPES for f in FORMS
    }
    fits: dict[Cell, float] = {}
    summary = [("form", "dtype", "cells", "call ns", "GFLOP/s", "GB/s", "median", "> 1.5", "> 2")]
    for repeat in range(3):  # cells that look slow may have had bad luck
        suspects = [cell for cell in fits if times[cell] > SLOW * fits[cell]]
        for _, cell in itertools.product(range(3 if repeat else 0), suspects):
            times[cell] = min(times[cell], seconds(product(cell, stocks[cell.dtype]), 3e-4))
        for group in groups.values():
            _, line = fit(group, [times[cell] for cell in group])
            fits.update(zip(group, line.tolist(), strict=True))
    for (form, dtype), group in groups.items():
        found, _ = fit(group, [times[cell] for cell in group])
        call, rate, width = found[0] * 1e9, *(1e-9 / x if x > 0 else np.inf for x in found[1:])
        ratios = [times[cell] / fits[cell] for cell in group]
        counts = [f"{sum(r > limit for r in ratios)}" for limit in (1.5, SLOW)]
        figures = (f"{call:.0f}", f"{rate:.1f}", f"{width:.1f}", f"{statistics.median(ratios):.2f}")
        summary.append((form, dtype, str(len(group)), *figures, *counts))

    ratio = {cell: times[cell] / fits[cell] for cell in cells}
    worst = sorted(cells, key=ratio.__getitem__, reverse=True)[: options.worst]
    rows = [
        ("form", "dtype", "m", "n", "k", "µs", "x fit", "GFLOP/s", "NumPy µs", "NumPy / fastnn")
    ]
    for cell in worst:
        stock = stocks[cell.dtype]
        beside = min(seconds(numpy_product(cell, stock), 3e-4) for _ in range(3))
        sizes_ = (str(cell.m), str(cell.n), str(cell.k))
        taken = times[cell]
        figures = (f"{taken * 1e6:.2f}", f"{ratio[cell]:.2f}", f"{cell.flops / taken / 1e9:.1f}")
        rows.append(
            (
                cell.form,
                cell.dtype,
                *sizes_,
                *figures,
                f"{beside * 1e6:.2f}",
                f"{beside / taken:.2f}",
            )
        )

    slow = sum(r > SLOW for r in ratio.values())
    isa = options.isa or _core.current_isa()
    print(
        f"{len(cells)} cells on {isa}, {rounds} rounds; "
        f"fit: call + flops / rate + bytes / bandwidth\n"
    )
    print(table(summary))
    print(
        f"\n{slow} cells ({100 * slow / len(cells):.2f} %) are slower than {SLOW:g} times the fit."
        f"  The worst:\n"
    )
    print(table(rows))
    if options.plot:
        draw(options.plot, cells, times, fits)


if __name__ == "__main__":
    main()
