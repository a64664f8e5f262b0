"""The report in Markdown: all of it from the results, also where fastnn loses."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import Any

from . import judge, workloads
from .judge import ALL_PEAK, ONE_PEAK, Best
from .resources import ALONE
from .workloads import Fit, Predict, Work

Results = dict[str, Any]

THIN = 1.3  # a margin below this is named
DAGGER, OTHER_WORK = "†", "‡"

METHOD = """\
- **A process for each peer and number of threads**, bound to as many cores and told to use as
  many threads. It stays alive and takes its turn in each round (A B C A B C ...), while the
  others wait.
- **A step's time is a slope**: a run of many epochs less a run of a fifth of them, over the
  steps between. Both start from the initial weights. What a run costs beyond its steps is under
  "set-up", and what the first costs, with compilation, under "first call".
- **The same work, and it is checked.** All start from the same weights and take the same batches
  in the same order: the one fastnn draws when it shuffles. It is handed to the others, who are
  spared the drawing. After some epochs a common judge takes the loss of everybody's weights in
  double precision. Who is off by more than the tolerance is marked {other_work} and does not
  count. Outputs are compared to {atol:g}. scikit-learn halves the squared error; its epsilon is
  scaled to match.
- **Disturbed measurements are discarded and repeated**: those in which the process had less CPU
  time than one thread needs, or others had more than {bearable:.0%} of a core, by `/proc/stat`.
  If there is no quiet to be had, the least disturbed counts, and the figure is marked {dagger}.
- **Medians over the rounds**, and the lowest and highest round. "Against" is a ratio of medians,
  each at its best number of threads, with the range of the ratio from round to round.
- **The peak** is that of a loop of multiply-adds on registers in float32: all cores at once, a
  process on each, the best of {probes} probes spread over the run. A share of it counts the
  operations of the matrix products alone.
- **The peers at their best.** NumPy and pure Python: the networks of `benchmarks/`. JAX: one
  compiled call for all epochs, each a scan. PyTorch eager: tensors in memory and the fused Adam;
  compiled: the whole step one function, without a tape. ONNX Runtime: by `run`, and with both
  ends bound. Of several ways the fastest is shown. fastnn runs `Trainer.fit` and `predict` with
  all their checks.
"""


def digits(value: float) -> str:
    """Three digits."""
    return f"{value:.0f}" if abs(value) >= 99.95 else f"{value:#.3g}"


def duration(seconds: float) -> str:
    """Three digits and a unit; nothing for no time at all."""
    if seconds < 1e-10:
        return ""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{digits(seconds / size)} {unit}"
    return f"{digits(seconds * 1e9)} ns"


def amount(size: float) -> str:
    return f"{digits(size / 1e6)} MB"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """Return a table; empty if there are no rows."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    names = list(head)
    return [f"| {' | '.join(names)} |", "|" + " --- |" * len(names), *lines, ""] if lines else []


def cell(one: Best | None, cores: int) -> str:
    if one is None:
        return ""
    threads = f" ({one.variant.threads})" * (cores > 1)
    return f"{duration(one.median)}{threads}{DAGGER * bool(one.disturbed)}"


def works_of(results: Results) -> list[Work]:
    """Return the workloads that were measured, without the sweeps."""
    return [work for work in workloads.MAIN if judge.entries(results, work)]


def contestants(results: Results, works: Iterable[Work]) -> list[str]:
    """Return peers and uses as in a bar, in the order in which they take part."""
    found: dict[str, None] = {}
    for work in works:
        for name in judge.entries(results, work):
            found[name.rsplit("/", 1)[0]] = None
    return list(found)


def label(name: str) -> str:
    return judge.variant(f"{name}/1").label


# ---- sections -------------------------------------------------------------------------------


def bars(results: Results) -> list[str]:
    rows = []
    for bar in judge.BARS:
        if not judge.entries(results, bar.work):
            continue
        verdict = judge.verdict(results, bar)
        if verdict.measured is None:
            values = ["not measured", ""]
        else:
            unit = "" if bar.against == ALL_PEAK else "x"
            values = [
                f"{digits(verdict.measured)}{unit}",
                f"{digits(verdict.low)} – {digits(verdict.high)}",
            ]
        met = {True: "yes", False: "**no**", None: ""}[verdict.met]
        rows.append([bar.work.name, bar.what, f"≥ {bar.least:g}", *values, met, verdict.note])
    head = ("work", "bar", "", "measured", "range", "met", "threads and ways")
    if not rows:
        return []
    lines = ["## The bars", "", *table(head, rows)]
    rows = []
    for hope in judge.HOPES:
        value = judge.hoped(results, hope)
        if value is None:
            continue
        if hope.what == "seconds":
            wanted, got, reached = duration(hope.value), duration(value), value <= hope.value
            what = "time of a step"
        else:
            reached = value >= hope.value
            unit = "" if hope.what == ALL_PEAK else "x"
            wanted, got = f"{hope.value:g}{unit}", f"{digits(value)}{unit}"
            what = judge.Bar(hope.work, hope.what, 0.0).what
        rows.append([hope.work.name, what, wanted, got, "yes" if reached else "no"])
    if not rows:
        return lines
    hopes = table(("work", "what", "hope", "measured", "reached"), rows)
    return [*lines, "Beyond the bars, what is hoped for:", "", *hopes]


def overview(results: Results, kind: type, title: str) -> list[str]:
    """Return the best time of each at each workload."""
    works = [work for work in works_of(results) if isinstance(work, kind)]
    cores = results["cores"]
    names = contestants(results, works)
    rows = []
    for work in works:
        cells = [cell(judge.best(results, work, name), cores) for name in names]
        ours, theirs = (judge.best(results, work, n) for n in ("fastnn", judge.BEST))
        ratio = f"{digits(theirs.median / ours.median)}x" if ours and theirs else ""
        rows.append([work.name, *cells, ratio])
    if not rows:
        return []
    head = ("work", *map(label, names), "best of the others over fastnn")
    threads = ", and the number of threads that gave it" * (cores > 1)
    return [f"## {title}", "", f"The best median of each{threads}.", "", *table(head, rows)]


def losses(results: Results) -> list[str]:
    rows = []
    for work in works_of(results):
        entries = judge.entries(results, work)
        if not isinstance(work, Fit):
            continue
        found = {name: entry["loss"] for name, entry in entries.items()}
        middle = statistics.median_low(found.values())
        name, worst = max(found.items(), key=lambda item: abs(item[1] - middle))
        off = abs(worst - middle) / abs(middle)
        who = judge.variant(name).label if off else "all"
        mark = "" if all(entry["same"] for entry in entries.values()) else OTHER_WORK
        rows.append(
            [
                work.name,
                str(work.check_epochs * work.steps),
                f"{middle:.6g}",
                f"{off:.1e} ({who}){mark}",
                f"{work.tolerance:g}",
            ]
        )
    if not rows:
        return []
    head = ("work", "steps", "median loss", "farthest from it, relative", "tolerance")
    return ["## The same work", "", *table(head, rows)]


def shares(results: Results) -> list[str]:
    rows = []
    for work in works_of(results):
        peers = [name for name in contestants(results, [work]) if label(name) != "fastnn"]
        cells = []
        for threads, which in ((1, ONE_PEAK), (results["cores"], ALL_PEAK)):
            ours = judge.best(results, work, "fastnn", threads=threads)
            others = [judge.best(results, work, name, threads=threads) for name in peers]
            theirs = min((one for one in others if one), key=lambda one: one.median, default=None)
            for one in (ours, theirs):
                value = judge.share(results, work, one, which) if one else None
                who = f" ({one.variant.label})" if one is theirs and one else ""
                cells.append("" if value is None else f"{value:.3f}{who}")
        rows.append([work.name, *cells])
    if not rows or judge.peak(results, ALL_PEAK) is None:
        return []
    cores, whose = results["cores"], ("fastnn", "best of the others")
    head = ["work", *(f"{who}, {n} thread{'s' * (n > 1)}" for n in (1, cores) for who in whose)]
    text = "Of the peak of one core, and of all together."
    return ["## Shares of the peak", "", text, "", *table(head, rows)]


def loses(results: Results) -> list[str]:
    """Name every comparison that fastnn loses or wins narrowly."""
    lines = ["## Where fastnn loses, and where the margin is thin", ""]
    rows = []
    for margin in judge.margins(results, works_of(results), results["cores"]):
        if margin.ratio >= THIN:
            break
        setting = "each at its best" if margin.threads is None else f"{margin.threads} thread"
        setting += "s" * (margin.threads is not None and margin.threads > 1)
        verdict = "loses" if margin.ratio < 1.0 else "thin"
        rows.append(
            [
                margin.work.name,
                setting,
                cell(margin.ours, 0),
                f"{cell(margin.theirs, 0)} ({margin.theirs.variant.label})",
                f"{digits(margin.ratio)}x",
                verdict,
            ]
        )
    head = ("work", "threads", "fastnn", "fastest other", "other over fastnn", "")
    text = f"Every comparison with the fastest of the others that is below {THIN}x."
    lines += [text, "", *table(head, rows)] if rows else [f"No comparison is below {THIN}x.", ""]
    slower = []
    for work in works_of(results):
        one, all_ = (judge.best(results, work, "fastnn", threads=n) for n in (1, results["cores"]))
        if one and all_ and all_.variant.threads > 1 and all_.median > 1.05 * one.median:
            slower.append(f"{work.name} ({digits(all_.median / one.median)}x the time)")
    if slower:
        lines += ["More threads than one are slower than one at: " + "; ".join(slower) + ".", ""]
    missed = [bar for bar in judge.BARS if judge.verdict(results, bar).met is False]
    if missed:
        names = "; ".join(f"{bar.work.name}, {bar.what}, ≥ {bar.least:g}" for bar in missed)
        lines += [
            f"Bars missed: {names}. [Where the time goes](where-time-goes.md) has their profiles.",
            "",
        ]
    found = results.get("resources", {})
    if "fastnn" in found:
        for what, key in (("to import", "import"), ("in memory", "memory")):
            mine = statistics.median(found["fastnn"][key])
            less = [
                name
                for name, entry in found.items()
                if name not in ("fastnn", ALONE)
                and entry[key]
                and statistics.median(entry[key]) < mine
            ]
            if less:
                lines += [f"Cheaper {what} than fastnn: {', '.join(less)}.", ""]
    return lines


def resources(results: Results) -> list[str]:
    rows = []
    for name, entry in results.get("resources", {}).items():
        if not entry["import"]:
            continue
        memory = [value for value in entry["memory"] if value is not None]
        own, whole = entry["size"]
        times = [
            duration(statistics.median(entry["import"])),
            f"{duration(min(entry['import']))} – {duration(max(entry['import']))}",
        ]
        rows.append(
            [
                name,
                *("" if name == ALONE else text for text in times),
                amount(statistics.median(memory)) if memory else "",
                amount(own) if own else "",
                amount(whole) if whole else "",
            ]
        )
    if not rows:
        return []
    head = ("", "import", "range", "memory after it", "installed", "with what it requires")
    return ["## Import time, memory, size", "", *table(head, rows)]


def failures(results: Results) -> list[str]:
    entries = [
        entry
        for kind in ("fit", "predict")
        for work in results[kind].values()
        for entry in work.values()
    ]
    counts = {
        key: sum(entry[key] for entry in entries) for key in ("discarded", "disturbed", "void")
    }
    kept = sum(len(values) for entry in entries for values in entry["values"].values())
    lines = [
        "## What went wrong",
        "",
        f"- Measurements discarded and repeated: {counts['discarded']}; kept although disturbed: "
        f"{counts['disturbed']}; void, the longer run being the shorter: {counts['void']}; of "
        f"{kept} figures.",
    ]
    lines += [f"- Skipped: {name}, not installed." for name in results.get("skipped", [])]
    lines += [f"- {f['variant']}, {f['what']}: {f['error']}" for f in results["failed"]]
    return [*lines, ""]


def all_fits(results: Results) -> list[str]:
    rows = []
    for work in [*workloads.FITS, *workloads.SWEEPS]:
        ours = judge.best(results, work, "fastnn")
        for name, entry in judge.entries(results, work).items():
            values = entry["values"]["step"]
            if not values:
                continue
            who = judge.variant(name)
            middle = statistics.median(values)
            mark = DAGGER * bool(entry["disturbed"]) + OTHER_WORK * (not entry["same"])
            rows.append(
                [
                    work.name,
                    f"{who.label}, {who.threads}{mark}",
                    duration(middle),
                    f"{duration(min(values))} – {duration(max(values))}",
                    f"{digits(middle / ours.median)}x" if ours else "",
                    duration(max(0.0, statistics.median(entry["set_up"]))),
                    duration(entry["first"]),
                ]
            )
    if not rows:
        return []
    head = ("work", "who, threads", "a step", "range", "over fastnn", "set-up", "first call")
    return ["## Every fit", "", *table(head, rows)]


def all_predictions(results: Results) -> list[str]:
    rows = []
    for work in workloads.PREDICTS:
        ours = judge.best(results, work, "fastnn")
        for name, entry in judge.entries(results, work).items():
            for way, values in entry["values"].items():
                if not values:
                    continue
                who = judge.variant(name)
                middle = statistics.median(values)
                how = f", {way}" * (len(entry["values"]) > 1)
                rows.append(
                    [
                        work.name,
                        f"{who.label}, {who.threads}{how}{DAGGER * bool(entry['disturbed'])}",
                        duration(middle),
                        f"{duration(min(values))} – {duration(max(values))}",
                        f"{digits(middle / ours.median)}x" if ours else "",
                    ]
                )
    if not rows:
        return []
    head = ("work", "who, threads, way", "a call", "range", "over fastnn")
    return ["## Every prediction", "", *table(head, rows)]


def heading(results: Results) -> list[str]:
    lines = [f"- {name}: {text}" for name, text in results["machine"].items()]
    lines += [f"- {name}: {text}" for name, text in sorted(results["versions"].items())]
    for what, unit in (("peak", "GFLOP/s of multiply-adds"), ("copy", "GB/s, memory copied")):
        one, all_ = (judge.peak(results, f"{what} {name}") for name in ("one", "all"))
        if one and all_:
            lines.append(
                f"- {what}: {digits(one / 1e9)} {unit} on one core, "
                f"{digits(all_ / 1e9)} on all together"
            )
    kind = "quick, with fewer variants" if results["quick"] else "full"
    if results["clock"] != "time":
        kind += f", in {results['clock']}, one thread"
    lines.append(f"- run: {kind}, {results['rounds']} rounds, {results['minutes']:.0f} minutes")
    return [*lines, ""]


def markdown(results: Results, *, data: str, plots: dict[str, str]) -> str:
    """Return the report; `data` names the file of the results, `plots` files by their captions."""
    from . import accounts, contest

    method = METHOD.format(
        other_work=OTHER_WORK,
        dagger=DAGGER,
        atol=contest.ATOL,
        bearable=accounts.BEARABLE,
        probes=len(results["probes"].get(ALL_PEAK, [])),
    )
    lines = [
        "# fastnn beside other libraries",
        "",
        f"Written by `python -m benchmarks.peers` on {results['when'][:10]}; do not edit. All "
        f"figures, round by round: [{data}]({data}).",
        "",
        *heading(results),
        *bars(results),
        *loses(results),
        *overview(results, Fit, "Training: a step"),
        *overview(results, Predict, "Predicting: a call"),
        *shares(results),
    ]
    for caption, name in plots.items():
        lines += [f"![{caption}]({name})", ""]
    lines += [*resources(results), *losses(results), "## How it is measured", "", method]
    lines += [*failures(results), *all_fits(results), *all_predictions(results)]
    return "\n".join(lines).rstrip() + "\n"
