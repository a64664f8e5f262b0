"""Benchmarks now against a saved baseline, by their ratios to NumPy.

    pytest benchmarks --benchmark-json=before.json
    ...                                              # change the code, build
    pytest benchmarks --benchmark-json=after.json
    python benchmarks/compare.py before.json after.json [--by numpy] [--threshold 1.25]

Times of two runs differ because machines, clocks and neighbours do.  So what is compared is how
many times as fast as NumPy each case is, both from the same run: NumPy's fastest round over the
fastest of the case.  Prints the cases sorted by change, worst first; a change below 1 is a loss.
Exits with 1 if a case has lost more than the threshold allows.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

THRESHOLD = 1.25  # minima of a few rounds, on a machine that does other things too


class Change(NamedTuple):
    """One case in both runs."""

    case: str
    before: float  # times as fast as what it is held against
    after: float

    @property
    def factor(self) -> float:
        return self.after / self.before


def ratios(run: Mapping[str, Any], by: str) -> dict[str, float]:
    """Return how many times as fast as `by` each case of a run is, by name of group and case."""
    groups: dict[str, dict[str, float]] = {}
    for benchmark in run["benchmarks"]:
        who = (benchmark["params"] or {}).get("by")
        if who is not None:
            groups.setdefault(benchmark["group"], {})[who] = benchmark["stats"]["min"]
    return {
        f"{group}: {who}": times[by] / seconds
        for group, times in groups.items()
        if by in times
        for who, seconds in times.items()
        if who.startswith(("fastnn", "predictor"))
    }


def compare(
    before: Mapping[str, Any], after: Mapping[str, Any], by: str
) -> tuple[list[Change], list[str]]:
    """Return the changes, worst first, and the names of cases that only one run has."""
    old, new = ratios(before, by), ratios(after, by)
    changes = [Change(case, old[case], new[case]) for case in old.keys() & new.keys()]
    changes.sort(key=lambda change: (change.factor, change.case))
    return changes, sorted(old.keys() ^ new.keys())


def table(changes: list[Change], by: str) -> str:
    lines = [f"| case | before, x {by} | after, x {by} | change |", "| --- | ---: | ---: | ---: |"]
    for change in changes:
        lines.append(
            f"| {change.case} | {change.before:.3g} | {change.after:.3g} | {change.factor:.2f} |"
        )
    return "\n".join(lines)


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Two runs of the benchmarks, by their ratios.")
    parser.add_argument("before", type=Path, help="JSON of pytest-benchmark: the baseline")
    parser.add_argument("after", type=Path, help="JSON of pytest-benchmark: the run to judge")
    parser.add_argument("--by", default="numpy", help="what cases are held against (%(default)s)")
    parser.add_argument(
        "--threshold",
        type=float,
        default=THRESHOLD,
        help="how many times slower than before a case may be (%(default)s)",
    )
    options = parser.parse_args(words)
    before, after = (
        json.loads(path.read_text(encoding="utf-8")) for path in (options.before, options.after)
    )
    changes, alone = compare(before, after, options.by)
    if not changes:
        sys.exit(f"compare: no case is in both runs with a ratio to {options.by}")
    print(table(changes, options.by))
    lost = [change for change in changes if change.factor * options.threshold < 1]
    middle = statistics.geometric_mean(change.factor for change in changes)
    print(f"\n{len(changes)} cases, geometric mean of the changes {middle:.3f}")
    print(f"more than {options.threshold} times slower than before: {len(lost)}")
    if alone:
        print(f"in one run alone, not compared: {len(alone)}, such as {alone[0]}")
    return int(bool(lost))


if __name__ == "__main__":
    sys.exit(main())
