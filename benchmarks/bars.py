"""Measure the bars of speed: ``python benchmarks/bars.py [--rounds N] [--json FILE] [--readme]``.

Each figure is a ratio of two things measured in one run, in rounds that take turns (A B A B ...);
the median over the rounds is held against the bar.  All on one thread, in CPU time, so that what
else runs on the machine counts as little as it can.  Exits with 1 if a bar is missed.
"""

from __future__ import annotations

import os

# Read when NumPy loads its BLAS, so before anything here imports NumPy.
os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")

import argparse
import json
import platform
import statistics
import sys
import time
import timeit
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import cases
import fastnn as fnn
import numpy_net
from fastnn import _core, kernels

Rounds = dict[str, list[float]]

README = Path(__file__).with_name("README.md")
BEGINS, ENDS = "<!-- what bars.py --readme writes -->", "<!-- end of what bars.py writes -->"

LABELS = {"fastnn": "fastnn", "numpy": "NumPy", "pure_python": "pure Python"}


class Figure(NamedTuple):
    """One line of the table: the median over the rounds, their range, and the bar if any."""

    what: str
    unit: str
    median: float
    low: float
    high: float
    bar: float | None = None

    @property
    def ok(self) -> bool:
        return self.bar is None or self.median >= self.bar

    def row(self) -> str:
        bar = "" if self.bar is None else f"≥ {self.bar:g}"
        verdict = "" if self.bar is None else ("yes" if self.ok else "**no**")
        median, low, high = (digits(value) for value in (self.median, self.low, self.high))
        return f"| {self.what} | {median}{self.unit} | {low} – {high} | {bar} | {verdict} |"


def digits(value: float) -> str:
    """Three digits."""
    return f"{value:.0f}" if value >= 100 else f"{value:#.3g}"


def figure(what: str, unit: str, values: list[float], bar: float | None = None) -> Figure:
    return Figure(what, unit, statistics.median(values), min(values), max(values), bar)


def ratio(what: str, slow: list[float], fast: list[float], bar: float | None = None) -> Figure:
    """How many times as long the first takes, round by round."""
    return figure(what, "x", [a / b for a, b in zip(slow, fast, strict=True)], bar)


def take_turns(contestants: Mapping[str, Callable[[], float]], rounds: int) -> Rounds:
    """Measure each once a round; the first, uncounted round warms up."""
    values: Rounds = {name: [] for name in contestants}
    for i in range(rounds + 1):
        for name, measure in contestants.items():
            value = measure()
            if i > 0:
                values[name].append(value)
    return values


def seconds(function: Callable[..., Any], *args: Any, number: int = 1) -> float:
    """CPU seconds of one call; the loop is timeit's, so that it costs next to nothing."""
    names = {f"a{i}": arg for i, arg in enumerate(args)}
    call = f"f({', '.join(names)})"
    timer = timeit.Timer(call, globals={"f": function, **names}, timer=time.process_time)
    return timer.timeit(number) / number


# ---- what is measured ---------------------------------------------------------------------------


def training(case: cases.Case, epochs: Mapping[str, int], rounds: int) -> Rounds:
    """Seconds a step by each; every round begins with the same initial weights."""

    def measure(by: str) -> float:
        run = getattr(case, by)()
        return seconds(run, epochs[by]) / (epochs[by] * case.steps)

    return take_turns({by: lambda by=by: measure(by) for by in epochs}, rounds)


def final_losses(case: cases.Case, epochs: int, *, by: tuple[str, ...]) -> dict[str, float]:
    """Train by each for as many epochs; the curves must agree, or speed means nothing."""
    curves = {name: getattr(case, name)()(epochs) for name in by}
    for name, curve in curves.items():
        # what docs/numerics.md promises for a float32 fit
        np.testing.assert_allclose(curve, curves[by[0]], rtol=1e-4, err_msg=f"{case.name}: {name}")
    return {name: curve[-1] for name, curve in curves.items()}


def auto_mpg(rounds: int) -> tuple[list[Figure], str]:
    case = cases.auto_mpg()
    epochs = {"fastnn": 40, "numpy": 4, "pure_python": 1}
    t = training(case, epochs, rounds)
    losses = final_losses(case, 40, by=("fastnn", "numpy", "pure_python"))
    note = (
        f"{case.name}, {len(case.x)} rows: fastnn is timed over {epochs['fastnn']} epochs, NumPy "
        f"over {epochs['numpy']}, pure Python over {epochs['pure_python']}, per step; the loss of "
        f"epoch 40 is " + describe(losses) + "."
    )
    figures = [
        ratio(f"{case.name}: against NumPy", t["numpy"], t["fastnn"], 60),
        ratio(f"{case.name}: against pure Python", t["pure_python"], t["fastnn"], 300),
    ]
    return figures + per_step(case, t), note


def wide(rounds: int) -> tuple[list[Figure], str]:
    case = cases.wide()
    t = training(case, {"fastnn": 3, "numpy": 3}, rounds)
    losses = final_losses(case, 3, by=("fastnn", "numpy"))
    note = f"{case.name}, {len(case.x)} rows, softmax and cross-entropy: the loss of epoch 3 is "
    note += describe(losses) + "."
    return [
        ratio(f"{case.name}: against NumPy", t["numpy"], t["fastnn"], 1.2),
        *per_step(case, t),
    ], note


def smallest(rounds: int) -> tuple[list[Figure], str]:
    case = cases.smallest()
    epochs = {"fastnn": 100, "numpy": 10, "pure_python": 4}
    t = training(case, epochs, rounds)
    final_losses(case, 10, by=("fastnn", "numpy", "pure_python"))
    return [
        ratio(f"{case.name}: against NumPy", t["numpy"], t["fastnn"]),
        ratio(f"{case.name}: against pure Python", t["pure_python"], t["fastnn"]),
        *per_step(case, t),
    ], ""


def describe(losses: Mapping[str, float]) -> str:
    return ", ".join(f"{loss:.6g} ({LABELS[by]})" for by, loss in losses.items())


def per_step(case: cases.Case, t: Rounds) -> list[Figure]:
    return [
        figure(f"{case.name}: a step, {LABELS[by]}", " µs", [1e6 * value for value in values])
        for by, values in t.items()
    ]


def products(rounds: int) -> tuple[list[Figure], str]:
    """matmul at 512 beside the FMA peak and np.dot; each the best of five runs in a round.

    Each round has matrices of its own: how fast a product is depends on where its pages lie.
    """
    size = 512
    flops = 2.0 * size**3
    figures = []
    for dtype, letter, bar in ((np.float32, "s", 0.75), (np.float64, "d", None)):
        rng = np.random.default_rng(0)
        a, b, ours, theirs = (
            [rng.standard_normal((size, size)).astype(dtype) for _ in range(rounds + 1)]
            for _ in range(4)
        )
        rate = take_turns(
            {
                "peak": partial(peak, dtype),
                "fastnn": each(
                    zip(a, b, ours, strict=True),
                    lambda a, b, out: flops / best(lambda: kernels.matmul(a, b, out=out)),
                ),
                "numpy": each(
                    zip(a, b, theirs, strict=True),
                    lambda a, b, out: flops / best(lambda: np.dot(a, b, out=out)),
                ),
            },
            rounds,
        )
        # sums of 512 products of size 1
        np.testing.assert_allclose(ours, theirs, atol=2 * size * np.finfo(dtype).eps)
        share = [mine / top for mine, top in zip(rate["fastnn"], rate["peak"], strict=True)]
        figures += [
            figure(f"{letter}gemm {size}: share of the FMA peak", "", share, bar),
            ratio(f"{letter}gemm {size}: against np.dot", rate["fastnn"], rate["numpy"]),
            figure(f"FMA peak, {np.dtype(dtype)}", " GFLOP/s", [r / 1e9 for r in rate["peak"]]),
        ]
    return figures, ""


def best(function: Callable[..., Any], *args: Any, number: int = 2) -> float:
    """CPU seconds of a call, in the best of five runs."""
    return min(seconds(function, *args, number=number) for _ in range(5))


def each(items: Iterable[Any], function: Callable[..., float]) -> Callable[[], float]:
    """Return a measurement that takes the next item at each call."""
    left = iter(items)
    return lambda: function(*next(left))


def peak(dtype: type[np.floating]) -> float:
    """Operations a second of multiply-adds on registers: the best of five runs of both mixes."""
    top = 0.0
    for mix in (0, 1) * 5:
        start = time.process_time()
        done = _core.fma_probe(dtype, 200_000, mix)
        top = max(top, done / (time.process_time() - start))
    return top


def predict(rounds: int) -> tuple[list[Figure], str]:
    case = cases.auto_mpg()
    model = case.model()
    network = numpy_net.Network(model.get_weights())
    row = case.x[:1].copy()
    out = np.empty((1, 1), np.float32)
    names = {"predict": model.predict, "by_numpy": network.predict, "x": row, "out": out}

    def timed(call: str, number: int) -> Callable[[], float]:
        timer = timeit.Timer(call, globals=names, timer=time.process_time)
        return lambda: timer.timeit(number) / number

    t = take_turns(
        {
            "out": timed("predict(x, out=out)", 100_000),
            "new": timed("predict(x)", 100_000),
            "numpy": timed("by_numpy(x)", 10_000),
        },
        rounds,
    )
    # some dozen roundings of sums of terms of size 1
    np.testing.assert_allclose(out, network.predict(row), atol=1e-5)
    np.testing.assert_array_equal(out, model.predict(row))
    return [
        ratio("7-32-8-1, one row: predict(x, out=) against NumPy", t["numpy"], t["out"], 10),
        *(
            figure(f"7-32-8-1, one row: {name}", " ns", [1e9 * value for value in t[key]])
            for name, key in (
                ("predict(x, out=)", "out"),
                ("predict(x)", "new"),
                ("NumPy", "numpy"),
            )
        ),
    ], ""


def adam(rounds: int) -> tuple[list[Figure], str]:
    """The update alone, on parameters that are in cache with their gradient and moments."""
    small, large = 16_384, 32_768  # 256 and 512 KB
    contestants: dict[str, Callable[[], float]] = {}
    for n in (small, large):
        rng = np.random.default_rng(0)
        start, grad = (rng.standard_normal(n, dtype=np.float32) for _ in range(2))
        param, m, v = start.copy(), np.zeros_like(start), np.zeros_like(start)
        by_hand = numpy_net.Adam(start.copy())
        kernels.adam_step(param, grad, m, v, t=1)
        by_hand.step(grad)
        # some roundings of a step of size 1e-3 and of its difference from the parameter
        np.testing.assert_allclose(param, by_hand.param, rtol=1e-6, atol=1e-8)

        def ours(param=param, grad=grad, m=m, v=v) -> None:
            kernels.adam_step(param, grad, m, v, t=2)

        contestants[f"fastnn {n}"] = partial(best, ours, number=200)
        contestants[f"numpy {n}"] = partial(best, by_hand.step, grad, number=60)
    t = take_turns(contestants, rounds)
    # the difference of two sizes leaves the cost of the call out
    slope, slope_by_hand = (
        [
            1e9 * (b - a) / (large - small)
            for a, b in zip(t[f"{by} {small}"], t[f"{by} {large}"], strict=True)
        ]
        for by in ("fastnn", "numpy")
    )
    return [
        ratio(
            f"Adam, {small} parameters, a call: against NumPy",
            t[f"numpy {small}"],
            t[f"fastnn {small}"],
        ),
        figure("Adam in cache: a parameter, fastnn", " ns", slope),
        figure("Adam in cache: a parameter, NumPy", " ns", slope_by_hand),
    ], ""


# ---- the report ---------------------------------------------------------------------------------


def machine(rounds: int) -> dict[str, str]:
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        fields = dict(
            (part.strip() for part in line.split(":", 1))
            for line in info.read_text().split("\n\n")[0].splitlines()
            if ":" in line
        )
        cpu = fields.get("model name", cpu)
        if "cpu family" in fields:
            cpu += f" (family {fields['cpu family']}, model {fields.get('model', '?')})"
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "CPU": f"{cpu}, {os.cpu_count()} cores, one thread used",
        "ISA": f"{_core.current_isa()} (of {', '.join(_core.available_isas())})",
        "system": f"{platform.system()} {platform.machine()}",
        "fastnn": f"{fnn.__version__}, {_core.compiler()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "NumPy": f"{np.__version__}, {blas['name']} {blas['version']}, one thread",
        "clock": f"CPU time, {rounds} rounds that take turns, medians",
    }


def report(where: Mapping[str, str], figures: list[Figure], notes: list[str]) -> str:
    lines = [f"- {name}: {value}" for name, value in where.items()]
    lines += ["", "| what | median | lowest – highest round | bar | met |"]
    lines += ["| --- | --- | --- | --- | --- |"]
    lines += [line.row() for line in figures]
    lines += ["", *(f"- {note}" for note in notes)]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="rounds, at least 7 (default 9)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--readme", action="store_true", help="put the table into README.md")
    options = parser.parse_args()
    if options.rounds < 7:
        parser.error(f"--rounds must be at least 7, got {options.rounds}")

    figures: list[Figure] = []
    notes: list[str] = []
    for measure in (auto_mpg, wide, products, predict, smallest, adam):
        print(f"measuring {measure.__name__} ...", file=sys.stderr)
        some, note = measure(options.rounds)
        figures += some
        notes += [note] if note else []
    figures.sort(key=lambda figure: figure.bar is None)
    where = machine(options.rounds)

    text = report(where, figures, notes)
    print(text)
    if options.readme:
        before, rest = README.read_text().split(BEGINS)
        after = rest.split(ENDS)[1]
        README.write_text(f"{before}{BEGINS}\n{text}\n{ENDS}{after}")
    if options.json:
        content = {
            "machine": where,
            "figures": [{**line._asdict(), "ok": line.ok} for line in figures],
            "notes": notes,
        }
        options.json.write_text(json.dumps(content, indent=2) + "\n")
    return 0 if all(line.ok for line in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
