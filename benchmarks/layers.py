"""Kernels of layers other than dense: ``python benchmarks/layers.py [--rounds N] [--as-numpy]``.

Norms, noise, combinations, lookups and sparse rows beside the same expression in NumPy (SciPy for
sparse rows) and, where it is installed, PyTorch's own functions; one thread, CPU time, float32,
results into arrays that are there already wherever the peer takes them; all arrays begin on a cache
line, as they do in fastnn's networks and in PyTorch's memory.  (With --as-numpy they begin where
NumPy puts them, at any multiple of 16 bytes and each a little behind the one before but for a
multiple of a page: vectors of 64 bytes cross lines, and loads meet stores.)  Everyone is
measured once a round, in turns, and a round counts the fastest of a few runs; the table gives the
median over the rounds.  Calls are held against calls.  Exits with 1 unless layer norm and batch
norm, forward and backward, take at most half of PyTorch's time, and nothing else longer than its
fastest peer.
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
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from fastnn import _core, kernels

try:
    import torch
except ImportError:
    torch = None

ROWS, COLS = 256, 512
RUNS, CALLS = 3, 5  # a round is the best of RUNS runs of CALLS calls
EPSILON = 1e-3
RATE = 0.3
VOCABULARY, DIM = 1000, 32
FEATURES, DENSITY = 5000, 0.01
BAR = {"layer_norm": 2.0, "batch_norm": 2.0}  # times PyTorch's speed; elsewhere 1

Array = npt.NDArray[np.floating[Any]]
Call = Callable[[], Any]
Case = dict[str, Call]


def on_a_line(array: Array) -> Array:
    """Return a copy that begins on a cache line of 64 bytes, which NumPy does not promise."""
    room = np.empty(array.nbytes + 64, np.uint8)
    first = -room.ctypes.data % 64
    copy = room[first : first + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


class Arrays:
    """What all cases compute with."""

    def __init__(self, as_numpy: bool) -> None:
        rng = np.random.default_rng(0)

        def normal(*shape: int) -> Array:
            return rng.standard_normal(shape, dtype=np.float32)

        self.x, self.y, self.dy = (normal(ROWS, COLS) for _ in range(3))
        self.out, self.mask = np.empty_like(self.x), np.empty_like(self.x)
        self.half = normal(ROWS, COLS // 2)
        self.gamma, self.beta = normal(COLS), normal(COLS)
        self.dgamma, self.dbeta = np.empty(COLS, np.float32), np.empty(COLS, np.float32)
        self.stats = np.empty((ROWS, 2), np.float32)
        self.index = rng.integers(0, VOCABULARY, 4096)
        self.table = normal(VOCABULARY, DIM)
        self.rows = normal(len(self.index), DIM)
        self.found, self.dtable = np.empty_like(self.rows), np.zeros_like(self.table)
        self.csr = sparse.random(ROWS, FEATURES, DENSITY, "csr", np.float32, rng)
        self.kernel, self.bias = normal(FEATURES, 64), normal(64)
        self.dz, self.z = normal(ROWS, 64), np.empty((ROWS, 64), np.float32)
        self.dkernel = np.empty_like(self.kernel)
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray) and not as_numpy:
                setattr(self, name, on_a_line(value))
        self.rng = np.random.default_rng(1)


def norms(a: Arrays) -> dict[str, Case]:
    """Forward and all gradients."""

    def layer() -> list[Array]:
        kernels.layer_norm(a.x, a.gamma, a.beta, epsilon=EPSILON, stats=a.stats, out=a.out)
        gradients = kernels.layer_norm_backward(
            *(a.x, a.gamma, a.stats, a.dy), out=a.mask, dgamma=a.dgamma, dbeta=a.dbeta
        )
        return [a.out, *gradients]

    def rms() -> list[Array]:
        kernels.layer_norm(a.x, a.gamma, epsilon=EPSILON, rms=True, stats=a.stats, out=a.out)
        gradients = kernels.layer_norm_backward(
            *(a.x, a.gamma, a.stats, a.dy), rms=True, out=a.mask, dgamma=a.dgamma, dbeta=a.dbeta
        )
        return [a.out, *gradients[:2]]

    def batch() -> list[Array]:
        moments = kernels.column_moments(a.x)
        kernels.batch_norm(a.x, *moments, a.gamma, a.beta, epsilon=EPSILON, out=a.out)
        sums = kernels.batch_norm_sums(a.x, *moments, a.dy, epsilon=EPSILON)
        dx = kernels.batch_norm_grad(
            a.x, *moments, a.gamma, *sums, a.dy, epsilon=EPSILON, out=a.mask
        )
        return [a.out, dx, sums[1], sums[0]]

    def by_numpy(axis: int, centred: bool) -> list[Array]:
        far = a.x - a.x.mean(axis=axis, keepdims=True) if centred else a.x
        square = np.mean(far * far, axis=axis, keepdims=True)
        inverse = 1 / np.sqrt(square + np.float32(EPSILON))
        xhat = far * inverse
        out = xhat * a.gamma + (a.beta if centred else 0)
        g = a.dy * a.gamma
        along = (g * xhat).mean(axis=axis, keepdims=True)
        plain = g.mean(axis=axis, keepdims=True) if centred else 0
        dx = inverse * (g - plain - xhat * along)
        sums = [(a.dy * xhat).sum(axis=0), a.dy.sum(axis=0)]
        return [out, dx, *(sums if centred else sums[:1])]

    cases: dict[str, Case] = {
        "layer_norm": {"fastnn": layer, "numpy": lambda: by_numpy(1, True)},
        "rms_norm": {"fastnn": rms, "numpy": lambda: by_numpy(1, False)},
        "batch_norm": {"fastnn": batch, "numpy": lambda: by_numpy(0, True)},
    }
    if torch is None:
        return cases
    x, dy, gamma, beta = map(torch.from_numpy, (a.x, a.dy, a.gamma, a.beta))
    aten, every = torch.ops.aten, [True, True, True]

    def torch_layer() -> list[Any]:
        out, mean, inverse = torch.native_layer_norm(x, [COLS], gamma, beta, EPSILON)
        grads = aten.native_layer_norm_backward(dy, x, [COLS], mean, inverse, gamma, beta, every)
        return [out, *grads]

    def torch_rms() -> list[Any]:  # which has no backward operator of its own on CPUs
        wanted = [x.requires_grad_(True), gamma.requires_grad_(True)]
        with torch.enable_grad():
            out = torch.nn.functional.rms_norm(x, [COLS], gamma, EPSILON)
            grads = torch.autograd.grad(out, wanted, dy)
        for each in wanted:
            each.requires_grad_(False)
        return [out.detach(), *grads]

    moving = [torch.zeros(COLS), torch.ones(COLS)]

    def torch_batch() -> list[Any]:
        out, mean, inverse = torch.native_batch_norm(x, gamma, beta, *moving, True, 0.1, EPSILON)
        grads = aten.native_batch_norm_backward(
            dy, x, gamma, *moving, mean, inverse, True, EPSILON, every
        )
        return [out, *grads]

    cases["layer_norm"]["torch"] = torch_layer
    cases["rms_norm"]["torch"] = torch_rms
    cases["batch_norm"]["torch"] = torch_batch
    return cases


def combinations(a: Arrays) -> dict[str, Case]:
    three = [a.x, a.y, a.dy]

    def numpy_average() -> Array:
        np.add(a.x, a.y, out=a.out)
        np.add(a.out, a.dy, out=a.out)
        return np.multiply(a.out, np.float32(1 / 3), out=a.out)

    def numpy_multiply() -> Array:
        np.multiply(a.x, a.y, out=a.out)
        return np.multiply(a.out, a.dy, out=a.out)

    def numpy_affine() -> Array:
        np.subtract(a.x, a.beta, out=a.out)
        return np.multiply(a.out, a.gamma, out=a.out)

    largest = kernels.combine(three[:2], "maximum")

    def ours(kind: str, inputs: list[Array]) -> Call:
        return lambda: kernels.combine(inputs, kind, out=a.out)

    cases: dict[str, Case] = {
        "add": {"fastnn": ours("add", three[:2]), "numpy": lambda: np.add(a.x, a.y, out=a.out)},
        "multiply 3": {"fastnn": ours("multiply", three), "numpy": numpy_multiply},
        "average 3": {"fastnn": ours("average", three), "numpy": numpy_average},
        "maximum": {
            "fastnn": ours("maximum", three[:2]),
            "numpy": lambda: np.maximum(a.x, a.y, out=a.out),
        },
        "maximum_grad": {
            "fastnn": lambda: kernels.combine_grad(
                three[:2], 1, largest, a.dy, "maximum", out=a.out
            ),
            "numpy": lambda: np.where(a.y > a.x, a.dy, np.float32(0)),
        },
        "affine": {
            "fastnn": lambda: kernels.affine_columns(a.x, a.gamma, a.beta, out=a.out),
            "numpy": numpy_affine,
        },
        "concatenate": {
            "fastnn": lambda: kernels.concatenate([a.half, a.half], out=a.out),
            "numpy": lambda: np.concatenate([a.half, a.half], axis=1, out=a.out),
        },
    }
    if torch is None:
        return cases
    x, y, dy, out, half, gamma, beta = map(
        torch.from_numpy, (a.x, a.y, a.dy, a.out, a.half, a.gamma, a.beta)
    )

    def torch_multiply() -> Any:
        torch.mul(x, y, out=out)
        return torch.mul(out, dy, out=out)

    def torch_average() -> Any:
        torch.add(x, y, out=out)
        torch.add(out, dy, out=out)
        return torch.mul(out, 1 / 3, out=out)

    def torch_affine() -> Any:
        torch.sub(x, beta, out=out)
        return torch.mul(out, gamma, out=out)

    zero = torch.zeros(())
    for name, call in {
        "add": lambda: torch.add(x, y, out=out),
        "multiply 3": torch_multiply,
        "average 3": torch_average,
        "maximum": lambda: torch.maximum(x, y, out=out),
        "maximum_grad": lambda: torch.where(y > x, dy, zero),
        "affine": torch_affine,
        "concatenate": lambda: torch.cat([half, half], 1, out=out),
    }.items():
        cases[name]["torch"] = call
    return cases


def noises(a: Arrays) -> dict[str, Case]:
    """Other random numbers: only their shares are compared."""

    def numpy_dropout() -> Array:
        a.rng.random(dtype=np.float32, out=a.mask)
        np.greater_equal(a.mask, np.float32(RATE), out=a.mask, casting="unsafe")
        np.multiply(a.mask, np.float32(1 / (1 - RATE)), out=a.mask)
        return np.multiply(a.x, a.mask, out=a.out)

    def numpy_noise() -> Array:
        a.rng.standard_normal(dtype=np.float32, out=a.mask)
        np.multiply(a.mask, np.float32(RATE), out=a.mask)
        return np.add(a.x, a.mask, out=a.out)

    cases: dict[str, Case] = {
        "dropout": {
            "fastnn": lambda: kernels.dropout(a.x, RATE, seed=1, mask=a.mask, out=a.out)[0],
            "numpy": numpy_dropout,
        },
        "gaussian_noise": {
            "fastnn": lambda: kernels.gaussian_noise(a.x, RATE, seed=1, out=a.out),
            "numpy": numpy_noise,
        },
    }
    if torch is not None:
        x, out = torch.from_numpy(a.x), torch.from_numpy(a.out)
        random = torch.empty_like(x)
        cases["dropout"]["torch"] = lambda: torch.native_dropout(x, RATE, True)[0]
        cases["gaussian_noise"]["torch"] = lambda: torch.add(
            x, random.normal_(), alpha=RATE, out=out
        )
    return cases


def several_columns(a: Arrays) -> dict[str, Case]:
    """Layers with a parameter a column or several columns a unit; an activity penalty."""
    pieces = a.x.reshape(ROWS, 2, -1)
    t, x2 = a.x.reshape(ROWS, 8, -1), np.ascontiguousarray(a.y[:, : COLS // 8])
    narrow = np.ascontiguousarray(a.dy[:, : COLS // 2])

    def numpy_prelu() -> Array:
        np.multiply(a.x, a.gamma, out=a.out)
        np.copyto(a.out, a.x, where=a.x > 0)
        return a.out

    def numpy_prelu_grad() -> list[Array]:
        above = a.x > 0
        dx = np.where(above, a.dy, a.dy * a.gamma)
        return [dx, np.where(above, np.float32(0), a.x * a.dy).sum(axis=0)]

    def numpy_glu() -> Array:
        gate = np.exp(-a.x[:, COLS // 2 :])
        gate += 1
        return np.divide(a.x[:, : COLS // 2], gate, out=a.half)

    def numpy_glu_grad() -> Array:
        gate = 1 / (1 + np.exp(-a.x[:, COLS // 2 :]))
        da = narrow * gate
        return np.concatenate([da, da * a.x[:, : COLS // 2] * (1 - gate)], axis=1, out=a.out)

    cases: dict[str, Case] = {
        "prelu": {
            "fastnn": lambda: kernels.prelu(a.x, a.gamma, out=a.out),
            "numpy": numpy_prelu,
        },
        "prelu_grad": {
            "fastnn": lambda: [
                kernels.prelu_grad(a.x, a.gamma, a.dy, out=a.out),
                kernels.prelu_param_grad(a.x, a.dy, out=a.dgamma),
            ],
            "numpy": numpy_prelu_grad,
        },
        "maxout": {
            "fastnn": lambda: kernels.maxout(a.x, 2, out=a.half),
            "numpy": lambda: np.max(pieces, axis=1, out=a.half),
        },
        "glu": {"fastnn": lambda: kernels.glu(a.x, out=a.half), "numpy": numpy_glu},
        "glu_grad": {
            "fastnn": lambda: kernels.glu_grad(a.x, narrow, out=a.out),
            "numpy": numpy_glu_grad,
        },
        "bilinear": {
            "fastnn": lambda: kernels.bilinear_out(t, x2),
            "numpy": lambda: np.matmul(t, x2[:, :, None])[:, :, 0],
        },
        "activity": {
            "fastnn": lambda: np.float32(kernels.activity_penalty(a.x, 0.5, 0.25)),
            "numpy": lambda: (0.5 * np.abs(a.x) + 0.25 * a.x * a.x).sum(),
        },
    }
    if torch is None:
        return cases
    x, dy, gamma, t_, x2_, dz = map(torch.from_numpy, (a.x, a.dy, a.gamma, t, x2, narrow))
    aten, wide, half = torch.ops.aten, gamma.expand(ROWS, COLS), torch.from_numpy(a.half)

    def torch_prelu_grad() -> list[Any]:
        dx, dalpha = aten._prelu_kernel_backward(dy, x, wide)
        return [dx, dalpha.sum(0)]

    for name, call in {
        "prelu": lambda: aten._prelu_kernel(x, wide),
        "prelu_grad": torch_prelu_grad,
        "maxout": lambda: torch.amax(x.view(ROWS, 2, -1), 1, out=half),
        "glu": lambda: aten.glu.out(x, 1, out=half),
        "glu_grad": lambda: aten.glu_backward(dz, x, 1),
        "bilinear": lambda: torch.bmm(t_, x2_[:, :, None])[:, :, 0],
        "activity": lambda: (0.5 * x.abs() + 0.25 * x * x).sum(),
    }.items():
        cases[name]["torch"] = call
    return cases


def lookups(a: Arrays) -> dict[str, Case]:
    """Tables by number, and sparse rows."""
    transposed = a.csr.T.tocsr()

    def ours() -> Array:
        a.dtable[...] = 0
        return kernels.embedding_grad(a.index, a.rows, a.dtable)

    def by_numpy() -> Array:
        a.dtable[...] = 0
        np.add.at(a.dtable, a.index, a.rows)
        return a.dtable

    cases: dict[str, Case] = {
        "embedding": {
            "fastnn": lambda: kernels.embedding(a.index, a.table, out=a.found),
            "numpy": lambda: np.take(a.table, a.index, axis=0, out=a.found),
        },
        "embedding_grad": {"fastnn": ours, "numpy": by_numpy},
        "csr_dense": {
            "fastnn": lambda: kernels.csr_dense(a.csr, a.kernel, a.bias, out=a.z),
            "numpy": lambda: a.csr @ a.kernel + a.bias,
        },
        "csr_dense_grad": {
            "fastnn": lambda: kernels.csr_dense_grad(a.csr, a.dz, out=a.dkernel),
            "numpy": lambda: transposed @ a.dz,  # a transpose made before
        },
    }
    if torch is None:
        return cases
    index, table, rows, kernel, bias, dz = map(
        torch.from_numpy, (a.index, a.table, a.rows, a.kernel, a.bias, a.dz)
    )

    def csr_tensor(x: Any) -> Any:
        parts = (torch.from_numpy(x.indptr), torch.from_numpy(x.indices), torch.from_numpy(x.data))
        return torch.sparse_csr_tensor(*parts, size=x.shape)

    x, xt = csr_tensor(a.csr), csr_tensor(transposed)
    for name, call in {
        "embedding": lambda: torch.embedding(table, index),
        "embedding_grad": lambda: torch.ops.aten.embedding_dense_backward(
            rows, index, VOCABULARY, -1, False
        ),
        "csr_dense": lambda: torch.addmm(bias, x, kernel),
        "csr_dense_grad": lambda: torch.mm(xt, dz),
    }.items():
        cases[name]["torch"] = call
    return cases


def seconds(call: Call) -> float:
    """CPU time of one call: the best of a few runs."""
    best = float("inf")
    for _ in range(RUNS):
        began = process_time()
        for _ in range(CALLS):
            call()
        best = min(best, process_time() - began)
    return best / CALLS


def check(name: str, case: Case) -> None:
    """A fast wrong answer is no result; noise is another for everyone, but its mean is not."""

    def copies(result: Any) -> list[Array]:
        parts = result if isinstance(result, (list, tuple)) else [result]
        return [np.array(part, copy=True) for part in parts]

    want = copies(case["fastnn"]())
    for by in set(case) - {"fastnn"}:
        for ours, theirs in zip(want, copies(case[by]()), strict=True):
            if name in ("dropout", "gaussian_noise"):
                assert abs(ours.mean() - theirs.mean()) < 0.02, (name, by)
            else:
                scale = float(np.abs(theirs).max())
                np.testing.assert_allclose(ours, theirs, atol=2e-4 * scale, err_msg=f"{name} {by}")


def measure(rounds: int, as_numpy: bool) -> dict[str, dict[str, float]]:
    """Microseconds of a call, by kernel and then by whose it is."""
    arrays = Arrays(as_numpy)
    cases: dict[str, Case] = {}
    for family in (norms, combinations, noises, several_columns, lookups):
        cases |= family(arrays)
    for name, case in cases.items():
        check(name, case)
    times: dict[str, dict[str, list[float]]] = {
        name: {by: [] for by in case} for name, case in cases.items()
    }
    for i in range(rounds + 1):
        for name, case in cases.items():
            for by, call in case.items():
                value = seconds(call)
                if i > 0:  # the first round warms up
                    times[name][by].append(value)
    return {
        name: {by: 1e6 * statistics.median(values) for by, values in row.items()}
        for name, row in times.items()
    }


def show(table: dict[str, dict[str, float]]) -> bool:
    """Print a table; whether all bars are met."""
    peers = ["numpy", "torch"] if torch is not None else ["numpy"]
    titles = ["kernel", "fastnn", *peers, *(f"{peer} / fastnn" for peer in peers)]
    print("| " + " | ".join(titles) + " |")
    print("|" + "---|" * len(titles))
    missed = []
    for name, row in table.items():
        ratios = {peer: row[peer] / row["fastnn"] for peer in peers}
        cells = [f"{row[by]:.1f}" for by in ("fastnn", *peers)]
        print("| " + " | ".join([name, *cells, *(f"{r:.2f}" for r in ratios.values())]) + " |")
        if min(ratios.values()) < 1 or ratios.get("torch", np.inf) < BAR.get(name, 1):
            missed.append(name)
    print()
    print("bars:", f"missed by {', '.join(missed)}" if missed else "met")
    return not missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--as-numpy", action="store_true", help="arrays where NumPy puts them")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    by = "PyTorch is not installed"
    if torch is not None:
        torch.set_num_threads(1)
        torch.set_grad_enabled(False)
        by = f"torch {torch.__version__}"
    print(f"ISA {_core.current_isa()}, numpy {np.__version__}, {by}")
    print(f"microseconds of a call, float32; ({ROWS}, {COLS}) but for tables and sparse rows\n")
    table = measure(options.rounds, options.as_numpy)
    well = show(table)
    if options.json is not None:
        options.json.write_text(
            json.dumps({"isa": _core.current_isa(), "microseconds": table}, indent=1) + "\n"
        )
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
