"""Functions of single numbers: ``python benchmarks/elementwise.py [--rounds N] [--json FILE]``.

exp, sigmoid, tanh, gelu, softmax and the less common activations on 8192 numbers in cache, beside
NumPy and, where it is installed, PyTorch; one thread, in CPU time, into arrays that are there
already.  Everyone is measured once a round, in turns, and a round counts the fastest of a few runs;
the table gives the median over the rounds.  "work" is fastnn's time without its call: what a call
on 8192 numbers takes longer than a call on one, and a vector of them more or less is no matter.
Calls are held against calls: exits with 1 if fastnn is the slower in float32.
"""

from __future__ import annotations

import os

# Read when NumPy loads its BLAS, so before anything here imports NumPy.
os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import _core, kernels

try:
    import torch
except ImportError:
    torch = None

ROWS, COLS = 64, 128  # softmax takes rows; the others take them as one
RUNS, CALLS = 5, 20  # a round is the best of RUNS runs of CALLS calls
NAMES = (
    *("exp", "sigmoid", "tanh", "gelu", "softmax", "relu6", "hard_sigmoid", "hard_tanh"),
    *("hard_silu", "selu", "celu", "gelu_tanh", "mish", "softsign", "squareplus", "log_sigmoid"),
    *("log_softmax", "tanh_shrink", "soft_shrink", "hard_shrink", "sparsemax"),
)
SCALE, ALPHA = 1.0507009873554805, 1.6732632423543772  # selu's

Array = npt.NDArray[np.floating[Any]]
Call = Callable[[], Any]


def numpy_calls(z: Array, out: Array) -> dict[str, Call]:
    """As one writes them by hand, with as few passes and new arrays as NumPy allows."""
    half, column = np.empty_like(z), np.empty((ROWS, 1), z.dtype)
    sums, above = np.empty_like(z), np.empty(z.shape, bool)
    k = np.arange(1, COLS + 1, dtype=z.dtype)

    def sigmoid() -> None:
        np.negative(z, out=out)
        np.exp(out, out=out)
        np.add(out, 1, out=out)
        np.divide(1, out, out=out)

    def gelu_by_tanh() -> None:  # NumPy has no erf
        np.multiply(z, z, out=half)
        np.multiply(half, 0.044715, out=half)
        np.add(half, 1, out=half)
        np.multiply(half, z, out=half)
        np.multiply(half, 0.7978845608028654, out=half)
        np.tanh(half, out=half)
        np.add(half, 1, out=half)
        np.multiply(half, z, out=half)
        np.multiply(half, 0.5, out=out)

    def softmax() -> None:
        np.max(z, axis=1, keepdims=True, out=column)
        np.subtract(z, column, out=out)
        np.exp(out, out=out)
        np.sum(out, axis=1, keepdims=True, out=column)
        np.divide(out, column, out=out)

    def hard_sigmoid() -> None:
        np.add(z, 3, out=out)
        np.clip(out, 0, 6, out=out)
        np.multiply(out, 1 / 6, out=out)

    def hard_silu() -> None:
        hard_sigmoid()
        np.multiply(z, out, out=out)

    def elu(scale: float, alpha: float) -> None:
        np.minimum(z, 0, out=half)
        np.expm1(half, out=half)
        if scale != 1 or alpha != 1:
            np.multiply(half, scale * alpha, out=half)
        np.maximum(z, 0, out=out)
        if scale != 1:
            np.multiply(out, scale, out=out)
        np.add(out, half, out=out)

    def mish() -> None:
        np.logaddexp(0, z, out=out)
        np.tanh(out, out=out)
        np.multiply(z, out, out=out)

    def softsign() -> None:
        np.abs(z, out=out)
        np.add(out, 1, out=out)
        np.divide(z, out, out=out)

    def squareplus() -> None:
        np.multiply(z, z, out=out)
        np.add(out, 4, out=out)
        np.sqrt(out, out=out)
        np.add(out, z, out=out)
        np.multiply(out, 0.5, out=out)

    def log_sigmoid() -> None:
        np.negative(z, out=out)
        np.logaddexp(0, out, out=out)
        np.negative(out, out=out)

    def log_softmax() -> None:
        np.max(z, axis=1, keepdims=True, out=column)
        np.subtract(z, column, out=out)
        np.exp(out, out=half)
        np.sum(half, axis=1, keepdims=True, out=column)
        np.log(column, out=column)
        np.subtract(out, column, out=out)

    def tanh_shrink() -> None:
        np.tanh(z, out=out)
        np.subtract(z, out, out=out)

    def soft_shrink() -> None:
        np.clip(z, -0.5, 0.5, out=out)
        np.subtract(z, out, out=out)

    def hard_shrink() -> None:
        np.abs(z, out=half)
        np.greater(half, 0.5, out=above)
        np.multiply(z, above, out=out)

    def sparsemax() -> None:  # Martins and Astudillo (2016), algorithm 1
        np.negative(z, out=half)
        half.sort(axis=1)
        np.negative(half, out=half)
        np.cumsum(half, axis=1, out=sums)
        size = (1 + k * half > sums).sum(axis=1, keepdims=True)
        tau = (np.take_along_axis(sums, size - 1, axis=1) - 1) / size.astype(z.dtype)
        np.subtract(z, tau, out=out)
        np.maximum(out, 0, out=out)

    return {
        "exp": lambda: np.exp(z, out=out),
        "sigmoid": sigmoid,
        "tanh": lambda: np.tanh(z, out=out),
        "gelu": gelu_by_tanh,
        "softmax": softmax,
        "relu6": lambda: np.clip(z, 0, 6, out=out),
        "hard_sigmoid": hard_sigmoid,
        "hard_tanh": lambda: np.clip(z, -1, 1, out=out),
        "hard_silu": hard_silu,
        "selu": partial(elu, SCALE, ALPHA),
        "celu": partial(elu, 1, 1),
        "gelu_tanh": gelu_by_tanh,
        "mish": mish,
        "softsign": softsign,
        "squareplus": squareplus,
        "log_sigmoid": log_sigmoid,
        "log_softmax": log_softmax,
        "tanh_shrink": tanh_shrink,
        "soft_shrink": soft_shrink,
        "hard_shrink": hard_shrink,
        "sparsemax": sparsemax,
    }


def torch_calls(z: Array, out: Array) -> dict[str, Call]:
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    a, b = torch.from_numpy(z), torch.from_numpy(out)
    nn, k = torch._C._nn, torch.arange(1, COLS + 1, dtype=a.dtype)

    def softsign() -> None:
        torch.abs(a, out=b)
        b.add_(1)
        torch.div(a, b, out=b)

    def squareplus() -> None:
        torch.mul(a, a, out=b)
        b.add_(4).sqrt_().add_(a).mul_(0.5)

    def tanh_shrink() -> None:
        torch.tanh(a, out=b)
        torch.sub(a, b, out=b)

    def sparsemax() -> None:
        ordered = torch.sort(a, 1, descending=True).values
        sums = torch.cumsum(ordered, 1)
        size = (1 + k * ordered > sums).sum(1, keepdim=True)
        tau = (torch.gather(sums, 1, size - 1) - 1) / size
        torch.sub(a, tau, out=b)
        b.clamp_(min=0)

    return {
        "exp": lambda: torch.exp(a, out=b),
        "sigmoid": lambda: torch.sigmoid(a, out=b),
        "tanh": lambda: torch.tanh(a, out=b),
        "gelu": lambda: torch._C._nn.gelu(a, out=b),
        "softmax": lambda: torch.softmax(a, 1, out=b),
        "relu6": lambda: nn.hardtanh(a, 0.0, 6.0, out=b),
        "hard_sigmoid": lambda: nn.hardsigmoid(a, out=b),
        "hard_tanh": lambda: nn.hardtanh(a, out=b),
        "hard_silu": lambda: nn.hardswish(a, out=b),
        "selu": lambda: nn.elu(a, ALPHA, SCALE, out=b),
        "celu": lambda: nn.elu(a, out=b),
        "gelu_tanh": lambda: nn.gelu(a, approximate="tanh", out=b),
        "mish": lambda: nn.mish(a, out=b),
        "softsign": softsign,
        "squareplus": squareplus,
        "log_sigmoid": lambda: nn.log_sigmoid(a, out=b),
        "log_softmax": lambda: torch.log_softmax(a, 1, out=b),
        "tanh_shrink": tanh_shrink,
        "soft_shrink": lambda: nn.softshrink(a, 0.5, out=b),
        "hard_shrink": lambda: torch.hardshrink(a, 0.5, out=b),
        "sparsemax": sparsemax,
    }


def fastnn_calls(z: Array, out: Array) -> dict[str, Call]:
    return {name: partial(getattr(kernels, name), z, out=out) for name in NAMES}


def nanoseconds(call: Call) -> float:
    """CPU time of one call: the best of a few runs."""
    best = float("inf")
    for _ in range(RUNS):
        began = process_time()
        for _ in range(CALLS):
            call()
        best = min(best, process_time() - began)
    return best / CALLS * 1e9


def measure(dtype: type[np.floating[Any]], rounds: int) -> dict[str, dict[str, float]]:
    """Nanoseconds a number, by function and then by whose it is; fastnn's work apart."""
    z = np.random.default_rng(0).standard_normal((ROWS, COLS)).astype(dtype)
    out, one = np.empty_like(z), z[:1, :1].copy()
    calls = {"fastnn": fastnn_calls(z, out), "numpy": numpy_calls(z, out)}
    if torch is not None:
        calls["torch"] = torch_calls(z, out)
    for name in NAMES:  # a fast wrong answer is no result
        calls["fastnn"][name]()
        ours = out.copy()
        for by in set(calls) - {"fastnn"}:
            out[...] = np.nan
            calls[by][name]()
            # NumPy's gelu is another formula; where theirs cancel, they lose digits.
            far = 5e-4 if (name, by) == ("gelu", "numpy") else 2e-6
            np.testing.assert_allclose(out, ours, rtol=1e-5, atol=far)
    calls["call"] = fastnn_calls(one, np.empty_like(one))
    times: dict[str, dict[str, list[float]]] = {n: {by: [] for by in calls} for n in NAMES}
    for i in range(rounds + 1):
        for name in NAMES:
            for by in calls:
                value = nanoseconds(calls[by][name])
                if i > 0:  # the first round warms up
                    times[name][by].append(value)
    table = {
        name: {by: statistics.median(values) / z.size for by, values in row.items()}
        for name, row in times.items()
    }
    for row in table.values():
        row["work"] = row["fastnn"] - row.pop("call")
    return table


def show(dtype: str, table: dict[str, dict[str, float]]) -> bool:
    """Print a table; whether fastnn is nowhere the slower."""
    peers = ["numpy", "torch"] if torch is not None else ["numpy"]
    titles = ["function", "fastnn", "work", *peers, *(f"{peer} / fastnn" for peer in peers)]
    print(f"{dtype}, {ROWS * COLS} numbers, ns a number")
    print("| " + " | ".join(titles) + " |")
    print("|" + "---|" * len(titles))
    well = True
    for name, row in table.items():
        ratios = [row[peer] / row["fastnn"] for peer in peers]
        cells = [f"{row[by]:.3f}" for by in ("fastnn", "work", *peers)]
        print("| " + " | ".join([name, *cells, *(f"{ratio:.2f}" for ratio in ratios)]) + " |")
        well = well and min(ratios) >= 1
    print()
    return well


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    by = f"torch {torch.__version__}" if torch is not None else "PyTorch is not installed"
    print(f"ISA {_core.current_isa()}, numpy {np.__version__}, {by}\n")
    tables = {
        np.dtype(dtype).name: measure(dtype, options.rounds) for dtype in (np.float32, np.float64)
    }
    well = [show(dtype, table) for dtype, table in tables.items()]
    if options.json is not None:
        options.json.write_text(json.dumps({"isa": _core.current_isa(), **tables}, indent=1) + "\n")
    print("bar (float32, calls, at least as fast as each):", "yes" if well[0] else "NO")
    return 0 if well[0] else 1


if __name__ == "__main__":
    sys.exit(main())
