"""The plots: time against width and batch, share of the peak, one-row latency."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from . import judge, report, workloads
from .judge import ALL_PEAK, Best
from .workloads import Fit, Work

Results = dict[str, Any]

# One colour for each in every plot; fastnn's is the strong one.
COLOURS = {
    "fastnn": "#d1342f",
    "numpy": "#4878a8",
    "sklearn": "#e6a13a",
    "torch-eager": "#7f5aa8",
    "torch-compiled": "#b392d6",
    "torchscript": "#d67fb0",
    "jax": "#4b9e6f",
    "ort": "#8c6d55",
    "python": "#999999",
}


def draw(results: Results, folder: Path, stem: str) -> dict[str, str]:
    """Draw what there is data for; return the names of the files by their captions."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.rcParams.update(
        {
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "grid.alpha": 0.3,
            "font.size": 10,
            "savefig.dpi": 110,
        }
    )
    found: dict[str, str] = {}
    plots: list[tuple[str, str, Callable[[Any, Results], bool]]] = [
        ("Time of a step against the width of the layers", "width", width),
        ("Time of a step against the batch", "batch", batch),
        ("Share of the peak of all cores", "peak", peak),
        ("Latency of one row", "one-row", one_row),
    ]
    for caption, name, function in plots:
        figure, axes = pyplot.subplots(figsize=(8, 4.6), layout="constrained")
        if function(axes, results):
            file = f"{stem}-{name}.png"
            figure.savefig(folder / file)
            found[caption] = file
        pyplot.close(figure)
    return found


def _lines(axes: Any, results: Results, works: list[Fit], key: Callable[[Fit], int]) -> bool:
    works = [work for work in works if judge.entries(results, work)]
    if len(works) < 2:
        return False
    for name in report.contestants(results, works):
        points = [(key(work), judge.best(results, work, name)) for work in works]
        drawn = [(at, one) for at, one in points if one is not None]
        if not drawn:
            continue
        sizes = [at for at, _ in drawn]
        ours = name == "fastnn"
        axes.plot(
            sizes,
            [1e6 * one.median for _, one in drawn],
            "o-",
            color=COLOURS[name],
            linewidth=2.5 if ours else 1.5,
            zorder=3 if ours else 2,
            label=report.label(name),
        )
        axes.fill_between(
            sizes,
            [1e6 * min(one.values) for _, one in drawn],
            [1e6 * max(one.values) for _, one in drawn],
            color=COLOURS[name],
            alpha=0.15,
            linewidth=0,
        )
    sizes = [key(work) for work in works]
    axes.set(xscale="log", yscale="log", ylabel="µs a step")
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.minorticks_off()
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return True


def width(axes: Any, results: Results) -> bool:
    works = [work for work in workloads.SWEEPS if work.sweep == "width"]
    axes.set(title="16-w-w-1, batch 32, Adam: each at its best number of threads", xlabel="width w")
    return _lines(axes, results, works, lambda work: work.net.units[1])


def batch(axes: Any, results: Results) -> bool:
    works = [work for work in workloads.SWEEPS if work.sweep == "batch"]
    works += [work for work in workloads.FITS if work.net == works[0].net]
    works.sort(key=lambda work: work.batch_size)
    name = works[0].net.name
    axes.set(title=f"{name}, Adam: each at its best number of threads", xlabel="rows in a batch")
    return _lines(axes, results, works, lambda work: work.batch_size)


def _groups(
    axes: Any, results: Results, works: list[Work]
) -> Iterator[tuple[str, list[float], list[tuple[Work, Best]]]]:
    """Give each contestant with its places in groups, one for each workload, and its figures."""
    names = report.contestants(results, works)
    size = 0.84 / max(1, len(names))
    for i, name in enumerate(names):
        found = [(j, work, judge.best(results, work, name)) for j, work in enumerate(works)]
        at = [j + (i - (len(names) - 1) / 2) * size for j, _, one in found if one]
        yield name, at, [(work, one) for _, work, one in found if one]
    labels = [work.name.replace(", ", "\n") for work in works]
    axes.set_xticks(range(len(works)), labels, fontsize=8.5)
    axes.tick_params(axis="x", length=0)
    axes.grid(axis="x", visible=False)


def peak(axes: Any, results: Results) -> bool:
    works: list[Work] = [work for work in workloads.FITS if work.heavy]
    works += [work for work in workloads.FITS if work.rows == work.batch_size]
    works += [work for work in workloads.PREDICTS if work.rows >= 100_000]
    works = [work for work in works if judge.entries(results, work)]
    top = judge.peak(results, ALL_PEAK)
    if not works or top is None:
        return False
    for name, at, found in _groups(axes, results, works):
        heights = [work.flops / one.median / top for work, one in found]
        width = 0.76 / len(report.contestants(results, works))
        axes.bar(at, heights, width, color=COLOURS[name], label=report.label(name), zorder=2)
    title = "Products of a step or a call: each at its best number of threads"
    axes.set(title=title, ylabel="share of the peak of all cores", ylim=(0.0, 1.0))
    axes.figure.set_size_inches(13, 4.8)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return True


def one_row(axes: Any, results: Results) -> bool:
    works: list[Work] = [work for work in workloads.PREDICTS if work.rows == 1]
    works = [work for work in works if judge.entries(results, work)]
    for name, at, found in _groups(axes, results, works):
        axes.plot(
            at,
            [1e6 * one.median for _, one in found],
            "o",
            color=COLOURS[name],
            markersize=9 if name == "fastnn" else 7,
            label=report.label(name),
            zorder=3,
        )
        lows, highs = ([1e6 * end(one.values) for _, one in found] for end in (min, max))
        axes.vlines(at, lows, highs, color=COLOURS[name], zorder=2)
    axes.set(title="One row, the fastest way of each", yscale="log", ylabel="µs a call")
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return bool(works)
