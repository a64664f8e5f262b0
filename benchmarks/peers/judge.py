"""The bars: what fastnn must reach beside the others, and by how much it does."""

from __future__ import annotations

import statistics
from typing import Any, NamedTuple

from .variants import PEERS, Variant
from .workloads import (
    ARTICLE,
    FITS,
    IMAGES,
    PREDICTS,
    SMALLEST,
    TABLE,
    TANH,
    WIDE,
    Fit,
    Net,
    Predict,
    Work,
)

Results = dict[str, Any]

BEST = "the best peer"
ALL_PEAK, ONE_PEAK = "peak all", "peak one"


class Best(NamedTuple):
    """The fastest way of a peer at a workload."""

    variant: Variant
    way: str
    values: list[float]  # seconds of a step or a call, by rounds
    disturbed: int = 0

    @property
    def median(self) -> float:
        return statistics.median(self.values)


class Bar(NamedTuple):
    """fastnn must be so many times as fast as another, or reach so much of the peak."""

    work: Work
    against: str  # a variant's peer and use, BEST, or ALL_PEAK
    least: float
    ways: tuple[str, ...] = ()  # of fastnn; all of them if empty
    their_ways: tuple[str, ...] = ()

    @property
    def what(self) -> str:
        if self.against == ALL_PEAK:
            return "share of the peak of all cores"
        name, _, use = self.against.partition("-")
        label = f"{PEERS[name].label} {use}".strip() if name in PEERS else self.against
        if self.their_ways:
            label += f", {' or '.join(self.their_ways)}"
        how = f"{' or '.join(self.ways)} " * bool(self.ways)
        return f"{how}against {label}"


class Verdict(NamedTuple):
    """What was measured for a bar; None if it could not be."""

    bar: Bar
    measured: float | None
    low: float = 0.0
    high: float = 0.0
    note: str = ""

    @property
    def met(self) -> bool | None:
        return None if self.measured is None else self.measured >= self.bar.least


class Hope(NamedTuple):
    """What would be better still: seconds at the most, a ratio or a share of the peak."""

    work: Work
    what: str  # "seconds", ALL_PEAK, or a variant as in a bar
    value: float


def fit(net: Net, batch_size: int) -> Fit:
    return next(w for w in FITS if (w.net, w.batch_size) == (net, batch_size))


def predict(net: Net, rows: int) -> Predict:
    return next(w for w in PREDICTS if (w.net, w.rows) == (net, rows))


INTO = ("predict(x, out=)", "predictor")

BARS = [
    Bar(fit(ARTICLE, 1), "numpy", 100),
    Bar(fit(ARTICLE, 1), "jax", 5),
    Bar(fit(ARTICLE, 1), "torch-eager", 700),
    Bar(fit(SMALLEST, 4), "numpy", 150),
    Bar(fit(SMALLEST, 4), "jax", 6),
    Bar(fit(TABLE, 32), "jax", 3),
    Bar(fit(TABLE, 32), "torch-eager", 25),
    Bar(fit(TANH, 10_000), "jax", 5),
    Bar(fit(IMAGES, 64), BEST, 1.3),
    Bar(fit(IMAGES, 512), BEST, 1.3),
    Bar(fit(WIDE, 2048), BEST, 1.1),
    Bar(fit(WIDE, 2048), ALL_PEAK, 0.75),
    Bar(predict(ARTICLE, 1), "ort", 60, INTO, ("run",)),
    Bar(predict(ARTICLE, 1), "ort", 60, INTO, ("io_binding",)),
    Bar(predict(ARTICLE, 1), "ort", 30, ("predict(x)",), ("run",)),
    Bar(predict(TABLE, 100_000), "ort", 2),
]
HOPES = [
    Hope(fit(ARTICLE, 1), "seconds", 0.30e-6),
    Hope(fit(SMALLEST, 4), "seconds", 0.12e-6),
    Hope(fit(TABLE, 32), "jax", 4),
    Hope(fit(TANH, 10_000), ALL_PEAK, 0.4),
    Hope(fit(IMAGES, 64), ALL_PEAK, 0.6),
    Hope(fit(IMAGES, 512), ALL_PEAK, 0.75),
    Hope(fit(WIDE, 2048), ALL_PEAK, 0.85),
    Hope(predict(ARTICLE, 1), "ort", 100),
    Hope(predict(TABLE, 100_000), ALL_PEAK, 0.65),
]


# ---- reading the results --------------------------------------------------------------------


def variant(name: str) -> Variant:
    """Return the variant with this id, such as "torch-eager/2"."""
    rest, threads = name.rsplit("/", 1)
    peer, _, use = rest.partition("-")
    return Variant(peer, use, int(threads))


def entries(results: Results, work: Work) -> dict[str, Any]:
    kind = "fit" if isinstance(work, Fit) else "predict"
    found: dict[str, Any] = results[kind].get(work.name, {})
    return found


def best(
    results: Results,
    work: Work,
    against: str,
    ways: tuple[str, ...] = (),
    threads: int | None = None,
) -> Best | None:
    """Return the fastest of a peer's variants and ways; of all peers but fastnn for `BEST`.

    Who has not done the same work does not count.
    """
    found = []
    for name, entry in entries(results, work).items():
        who = variant(name)
        if threads is not None and who.threads != threads:
            continue
        if against == BEST:
            if who.peer == "fastnn":
                continue
        elif against not in (who.peer, f"{who.peer}-{who.use}"):
            continue
        if not entry.get("same", True):
            continue
        found += [
            Best(who, way, values, entry["disturbed"])
            for way, values in entry["values"].items()
            if values and (not ways or way in ways)
        ]
    return min(found, key=lambda one: one.median, default=None)


def peak(results: Results, which: str) -> float | None:
    """Return the best of the probes, in operations (or bytes) a second."""
    return max(results["probes"].get(which, []), default=None)


def compared(ours: Best, theirs: Best) -> tuple[float, float, float]:
    """Return how many times as fast: the ratio of the medians, and its range over the rounds."""
    ratios = [b / a for a, b in zip(ours.values, theirs.values, strict=False)]
    return theirs.median / ours.median, min(ratios), max(ratios)


def share(results: Results, work: Work, one: Best, which: str) -> float | None:
    """Return the part of the peak that the products of a workload reach."""
    top = peak(results, which)
    return None if top is None else work.flops / one.median / top


def verdict(results: Results, bar: Bar) -> Verdict:
    """Hold a bar against the results."""
    ours = best(results, bar.work, "fastnn", bar.ways)
    if ours is None:
        return Verdict(bar, None)
    note = f"{ours.variant.threads} thread" + "s" * (ours.variant.threads > 1)
    if ours.disturbed:
        note += ", disturbed"
    if bar.against == ALL_PEAK:
        top = peak(results, ALL_PEAK)
        if top is None:
            return Verdict(bar, None)
        shares = [bar.work.flops / value / top for value in ours.values]
        return Verdict(bar, statistics.median(shares), min(shares), max(shares), note)
    theirs = best(results, bar.work, bar.against, bar.their_ways)
    if theirs is None:
        return Verdict(bar, None)
    note += f"; {theirs.variant.label}, {theirs.variant.threads}"
    if theirs.way not in ("step", "predict"):
        note += f", {theirs.way}"
    if theirs.disturbed:
        note += ", disturbed"
    return Verdict(bar, *compared(ours, theirs), note)


def hoped(results: Results, hope: Hope) -> float | None:
    """Return what was measured for a hope, in its own unit."""
    ours = best(results, hope.work, "fastnn")
    if ours is None:
        return None
    if hope.what == "seconds":
        return ours.median
    if hope.what == ALL_PEAK:
        return share(results, hope.work, ours, ALL_PEAK)
    theirs = best(results, hope.work, hope.what)
    return None if theirs is None else theirs.median / ours.median


class Margin(NamedTuple):
    """fastnn beside the fastest of the others, at the best setting of both or at one."""

    work: Work
    threads: int | None  # None: both at their best
    ours: Best
    theirs: Best

    @property
    def ratio(self) -> float:
        return self.theirs.median / self.ours.median


def margins(results: Results, works: list[Any], cores: int) -> list[Margin]:
    """Return every comparison with the fastest peer, narrowest first."""
    found = []
    for work in works:
        for threads in (None, 1, cores):
            ours = best(results, work, "fastnn", threads=threads)
            theirs = best(results, work, BEST, threads=threads)
            if ours and theirs:
                found.append(Margin(work, threads, ours, theirs))
    return sorted(found, key=lambda margin: margin.ratio)
