"""The plot of the README: how many times as long as fastnn everybody takes; for light and dark.

``python -m benchmarks.peers.overview`` draws it again from the newest results in docs/benchmarks.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from . import judge, report, workloads
from .plots import COLOURS, Results
from .workloads import Fit, Predict, Work

FOLDER = Path(__file__).parents[2] / "docs" / "benchmarks"

# From what fastnn is made for to where the others are closest.
TRAINING = [
    work for work in workloads.FITS if work.net != workloads.SMALLEST and work.batch_size < 5000
]
PREDICTING = [
    Predict(workloads.ARTICLE, 1),
    Predict(workloads.TABLE, 1),
    Predict(workloads.TABLE, 100_000),
    Predict(workloads.IMAGES, 1),
    Predict(workloads.IMAGES, 1000),
]
PEERS = ["numpy", "sklearn", "torch-eager", "torch-compiled", "torchscript", "jax", "ort"]

DRESSES = {
    "light": {"text": "#24292f", "faint": "#6e7781", "line": "#d0d7de"},
    "dark": {"text": "#e6edf3", "faint": "#9198a1", "line": "#3d444d"},
}


def has_all(results: Results) -> bool:
    """Tell whether all that is shown was measured."""
    return all(judge.best(results, work, "fastnn") for work in (*TRAINING, *PREDICTING))


def draw(results: Results, folder: Path) -> None:
    """Write overview-light.svg and overview-dark.svg."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    for name, dress in DRESSES.items():
        options = {
            "svg.hashsalt": "fastnn",  # the same file for the same numbers
            "font.size": 10,
            "text.color": dress["text"],
            "axes.labelcolor": dress["text"],
            "xtick.color": dress["faint"],
            "ytick.color": dress["text"],
        }
        with pyplot.rc_context(options):
            figure, panels = pyplot.subplots(
                2,
                1,
                figsize=(8.6, 4.8),
                sharex=True,
                layout="constrained",
                height_ratios=[len(TRAINING), len(PREDICTING)],
            )
            panel(panels[0], results, TRAINING, "A training step (Adam)", dress)
            panel(panels[1], results, PREDICTING, "A prediction", dress)
            panels[1].set_xlabel("times as long as fastnn; further right is slower")
            legend(figure, panels, dress)
            figure.savefig(
                folder / f"overview-{name}.svg", transparent=True, metadata={"Date": None}
            )
            pyplot.close(figure)


def panel(axes: Any, results: Results, works: list[Any], title: str, dress: dict[str, str]) -> None:
    labels = []
    for place, work in enumerate(works):
        ours = judge.best(results, work, "fastnn")
        assert ours is not None, work.name
        labels.append(named(work))
        axes.annotate(
            report.duration(ours.median),
            (0, place),
            (-8, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            va="center",
            color=COLOURS["fastnn"],
        )
        ratios = []
        for peer in PEERS:
            one = judge.best(results, work, peer)
            if one is not None:
                ratios.append(one.median / ours.median)
                axes.plot(ratios[-1], place, "o", color=COLOURS[peer], markersize=7.5, zorder=3)
        ends = [1.0, min(ratios), max(ratios)]
        axes.hlines(place, min(ends), max(ends), color=dress["line"], linewidth=1.5, zorder=1)
        axes.plot(1, place, "D", color=COLOURS["fastnn"], markersize=8, zorder=2)  # hides none
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=dress["text"])
    axes.set_yticks(range(len(works)), labels)
    axes.tick_params(axis="y", pad=66)  # the names keep clear of the times
    axes.set_ylim(len(works) - 0.4, -0.6)
    axes.set_xscale("log")
    ticks = [1, 3, 10, 30, 100, 300, 1000]
    axes.set_xticks(ticks, [f"{tick:,}×" for tick in ticks])
    axes.minorticks_off()
    axes.grid(axis="x", color=dress["line"], alpha=0.6, linewidth=0.8)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)


def named(work: Work) -> str:
    name = "-".join(map(str, work.net.units))
    if isinstance(work, Fit):
        return f"{name}, batch {work.batch_size:,}"
    return f"{name}, {work.rows:,} row{'s' * (work.rows > 1)}"


def legend(figure: Any, panels: Any, dress: dict[str, str]) -> None:
    from matplotlib.lines import Line2D

    names = {"fastnn": "fastnn", "numpy": "NumPy", "sklearn": "scikit-learn", "jax": "JAX"}
    names |= {"torch-eager": "PyTorch", "torch-compiled": "PyTorch, compiled"}
    names |= {"torchscript": "TorchScript", "ort": "ONNX Runtime"}
    handles = [
        Line2D(
            [],
            [],
            linestyle="",
            marker="D" if name == "fastnn" else "o",
            markersize=7.5,
            color=COLOURS[name],
            label=names[name],
        )
        for name in ["fastnn", *PEERS]
    ]
    figure.legend(
        handles=handles,
        loc="outside upper center",
        ncols=4,
        frameon=False,
        labelcolor=dress["text"],
        handletextpad=0.2,
        columnspacing=1.6,
    )


def main() -> None:
    newest = max(FOLDER.glob("*.json"))
    draw(json.loads(newest.read_text(encoding="utf-8")), FOLDER)


if __name__ == "__main__":
    main()
