"""The drawings of a report, each from plain arrays to inline SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fastnn.history import History
from fastnn.html_report.svg import FIRST, QUIET, SECOND, cycle, inline, new_figure
from fastnn.metrics._curves import average_precision, cumulated, roc_area

__all__ = [
    "Drawing",
    "actual_against_predicted",
    "learning_curve",
    "precision_recall_curves",
    "residual_histogram",
    "residuals",
    "roc_curves",
    "share_within",
]

Reals = npt.NDArray[np.float64]

MOST_POINTS = 1500  # of a cloud; more only hide each other, at a hundred bytes each
MOST_CURVES = 8  # of classes in one drawing
MOST_STEPS = 400  # of a curve
DASHES = (0, (4, 3))
CLOUD: dict[str, Any] = {"s": 13, "alpha": 0.55, "linewidths": 0}


class Drawing(NamedTuple):
    """An SVG element, and what it shows in words for those who do not see it."""

    svg: str
    title: str
    caption: str


def learning_curve(history: History, name: str, place: int) -> Drawing:
    """Draw one metric over the epochs: training, validation, the best epoch marked."""
    from matplotlib.ticker import MaxNLocator

    figure, axes = new_figure()
    series = [one for one in (name, f"val_{name}") if one in history]
    values = {one: np.array(history[one]) for one in series}
    marker = "o" if len(history.epoch) == 1 else None
    for one, colour in zip(series, (FIRST, SECOND), strict=False):
        label = "validation" if one.startswith("val_") else "training"
        seen = np.isfinite(values[one])  # epochs that were not validated are bridged
        axes.plot(np.array(history.epoch)[seen], values[one][seen], color=colour, label=label)
        if marker is not None:
            axes.lines[-1].set_marker(marker)
    words = _words(name)
    title = f"{words[0].upper()}{words[1:]} over {_count(len(history.epoch), 'epoch')}"
    caption = "After each epoch."
    mark = history._mark(series)
    if mark is not None:
        epoch, value = mark
        axes.axvline(epoch, color=QUIET, linewidth=0.9, linestyle=DASHES, zorder=0)
        axes.plot([epoch], [value], "o", color=cycle(len(series) - 1), markersize=5)
        caption = f"Best: {value:.5g} in epoch {epoch}" + (
            ", on the validation rows." if len(series) > 1 else "."
        )
    finite = np.concatenate([one[np.isfinite(one)] for one in values.values()])
    if len(finite) > 0 and finite.min() > 0 and finite.max() > 30 * finite.min():
        from matplotlib.ticker import FuncFormatter, LogLocator

        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter("")
    axes.set_xlabel("epoch")
    axes.set_ylabel(words)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(series) > 1:
        axes.legend()
    return Drawing(inline(figure, f"curve-{place}", title), title, caption)


def actual_against_predicted(targets: Reals, predictions: Reals, target: str) -> Drawing:
    """Draw each row as a point; a perfect model has all of them on the diagonal."""
    figure, axes = new_figure()
    shown, note = _sample(len(targets))
    ends = [
        min(targets[shown].min(), predictions[shown].min()),
        max(targets[shown].max(), predictions[shown].max()),
    ]
    axes.plot(ends, ends, color=QUIET, linewidth=1, linestyle=DASHES)
    axes.scatter(targets[shown], predictions[shown], color=FIRST, **CLOUD)
    axes.set_xlabel(f"actual {target}")
    axes.set_ylabel(f"predicted {target}")
    title = f"Predicted against actual {target}"
    return Drawing(
        inline(figure, "actual", title),
        title,
        f"On the dashed line a prediction is exact.{note}",
    )


def residuals(targets: Reals, predictions: Reals, target: str) -> Drawing:
    """Draw what is left over against what was predicted."""
    figure, axes = new_figure()
    shown, note = _sample(len(targets))
    axes.axhline(0, color=QUIET, linewidth=1, linestyle=DASHES)
    axes.scatter(predictions[shown], (targets - predictions)[shown], color=FIRST, **CLOUD)
    axes.set_xlabel(f"predicted {target}")
    axes.set_ylabel("actual less predicted")
    title = f"Residuals against predicted {target}"
    caption = f"Without a pattern, and as wide everywhere, is what one hopes for.{note}"
    return Drawing(inline(figure, "residuals", title), title, caption)


def residual_histogram(targets: Reals, predictions: Reals) -> Drawing:
    """Draw how the residuals are distributed."""
    figure, axes = new_figure()
    left = targets - predictions
    low, middle, high = np.percentile(left, [5, 50, 95])
    counts, edges = np.histogram(left, bins=_bins(left))
    axes.stairs(counts, edges, fill=True, color=FIRST, alpha=0.75)
    for value in (low, middle, high):
        axes.axvline(value, color=QUIET, linewidth=1, linestyle=DASHES)
    axes.set_xlabel("actual less predicted")
    axes.set_ylabel("rows")
    axes.grid(axis="x", visible=False)
    title = "Histogram of the residuals"
    caption = f"Median {middle:.3g}; nine of ten between {low:.3g} and {high:.3g}."
    return Drawing(inline(figure, "histogram", title), title, caption)


def share_within(targets: Reals, predictions: Reals, target: str) -> Drawing:
    """Draw which share of the rows is predicted to within an error."""
    figure, axes = new_figure()
    errors = np.sort(np.abs(targets - predictions))
    share = np.arange(1, len(errors) + 1) / len(errors)
    thin = _thin(len(errors))
    axes.step(np.append(0, errors[thin]), np.append(0, share[thin]), where="post", color=FIRST)
    half, most = np.quantile(errors, [0.5, 0.9], method="inverted_cdf")
    for value, height in ((half, 0.5), (most, 0.9)):
        corner = [0, value, value], [height, height, 0]
        axes.plot(*corner, color=QUIET, linewidth=1, linestyle=DASHES)
    axes.set_ylim(0, 1.02)
    axes.set_xlim(left=0)
    axes.set_xlabel(f"absolute error of {target}")
    axes.set_ylabel("share of the rows")
    title = "Rows within an error"
    caption = f"Half of the rows are within {half:.3g}, nine of ten within {most:.3g}."
    return Drawing(inline(figure, "within", title), title, caption)


def roc_curves(targets: Reals, scores: Reals, classes: Sequence[str]) -> Drawing:
    """Draw true against false positives of one class, or of each against the others."""
    figure, axes = new_figure()
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle=DASHES)
    areas = {}
    for place, name, positive, score in _questions(targets, scores, classes):
        yes, no = cumulated(positive, score, None)
        thin = _thin(len(yes))
        x, y = np.append(0, (no / no[-1])[thin]), np.append(0, (yes / yes[-1])[thin])
        areas[name] = roc_area(positive, score, None)
        axes.plot(x, y, color=cycle(place), label=f"{name} ({areas[name]:.3f})")
    axes.set_xlabel("false positive rate")
    axes.set_ylabel("true positive rate")
    _legend(axes, areas, "lower right")
    title = "ROC curve" if len(areas) == 1 else "ROC curves, each class against the others"
    return Drawing(inline(figure, "roc", title), title, _areas("Area under the curve", areas))


def precision_recall_curves(targets: Reals, scores: Reals, classes: Sequence[str]) -> Drawing:
    """Draw precision against recall of one class, or of each against the others."""
    figure, axes = new_figure()
    areas = {}
    for place, name, positive, score in _questions(targets, scores, classes):
        yes, no = cumulated(positive, score, None)
        thin = _thin(len(yes))
        areas[name] = average_precision(positive, score, None)
        axes.step(
            np.append(0, (yes / yes[-1])[thin]),
            np.append(1, (yes / (yes + no))[thin]),
            where="pre",
            color=cycle(place),
            label=f"{name} ({areas[name]:.3f})",
        )
    axes.set_ylim(-0.03, 1.05)
    axes.set_xlabel("recall")
    axes.set_ylabel("precision")
    _legend(axes, areas, "lower left")
    title = "Precision and recall" + ("" if len(areas) == 1 else ", each class against the others")
    return Drawing(inline(figure, "pr", title), title, _areas("Average precision", areas))


def _questions(
    targets: Reals, scores: Reals, classes: Sequence[str]
) -> list[tuple[int, str, npt.NDArray[np.bool_], Reals]]:
    """Return place, name, positive rows and scores of each curve; of two classes the second."""
    wanted = [1] if len(classes) == 2 else list(range(len(classes)))[:MOST_CURVES]
    found: list[tuple[int, str, npt.NDArray[np.bool_], Reals]] = []
    for column in wanted:
        positive = targets == column
        if 0 < positive.sum() < len(positive):  # else there is no such curve
            place = len(found)
            found.append((place, str(classes[column]), positive, scores[:, column]))
    return found


def _legend(axes: Any, areas: Mapping[str, float], place: str) -> None:
    if len(areas) > 1:
        axes.legend(loc=place, fontsize=8)


def _areas(what: str, areas: Mapping[str, float]) -> str:
    if not areas:
        return "These rows hold one class alone: there is no curve."
    if len(areas) == 1:
        ((name, value),) = areas.items()
        return f"{what}: {value:.3f}; the positive class is {name}."
    return f"{what} in brackets; mean {np.mean(list(areas.values())):.3f}."


def _sample(rows: int) -> tuple[npt.NDArray[np.intp], str]:
    """Return the rows of a cloud, and what to say where they are not all."""
    if rows <= MOST_POINTS:
        return np.arange(rows), ""
    chosen = np.sort(np.random.default_rng(0).choice(rows, MOST_POINTS, replace=False))
    return chosen, f" {MOST_POINTS:,} of the {rows:,} rows, chosen at random."


def _thin(length: int) -> npt.NDArray[np.intp]:
    """Return the places of a curve that are drawn, its ends among them."""
    return np.unique(np.linspace(0, length - 1, min(length, MOST_STEPS)).astype(np.intp))


def _bins(values: Reals) -> Reals:
    """Return the edges of between 8 and 40 bins, by the square root of the rows."""
    low, high = float(values.min()), float(values.max())
    if low == high:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, int(np.clip(math.sqrt(len(values)), 8, 40)) + 1)


def _words(name: str) -> str:
    return {"r2_score": "R²"}.get(name, name.replace("_", " "))


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
