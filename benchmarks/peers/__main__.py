"""Measure fastnn beside its peers: ``python -m benchmarks.peers [--quick]``."""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import json
import re
import sys
import time
from pathlib import Path
from typing import Any

from . import judge, machine, report, resources, variants, workloads
from .contest import ROOT, Contest, Effort
from .workloads import Work

FULL = Effort(rounds=7, fit=0.4, epochs=6, predict=0.1, repeats=5, patience=600.0, most=300.0)
QUICK = Effort(rounds=3, fit=0.1, epochs=2, predict=0.02, repeats=2, patience=30.0, most=20.0)
PROBES = 5  # at the least, spread over the run


def main() -> int:
    options = arguments()
    if options.list:
        return list_all()
    cores = machine.cores()
    works = chosen(options)
    present, skipped = [], []
    for name in options.peers:
        lacking = variants.missing(variants.PEERS[name])
        if lacking:
            print(f"{name}: skipped, not installed: {', '.join(lacking)}", file=sys.stderr)
            skipped.append(variants.PEERS[name].label)
        else:
            present.append(name)
    effort = QUICK if options.quick else FULL
    if options.cpu_time:
        effort = effort._replace(repeats=0)
    if options.rounds:
        effort = effort._replace(rounds=options.rounds)
    when = datetime.datetime.now().astimezone()
    output = Output(options.output, f"{when:%Y-%m-%d}-{machine.slug(cores)}")
    taking_part = variants.variants(present, 1 if options.cpu_time else len(cores))
    start = time.monotonic()
    with Contest(
        taking_part, cores, effort, quick=options.quick, cpu_time=options.cpu_time
    ) as contest:
        results = contest.results | {
            "when": when.isoformat(timespec="seconds"),
            "machine": machine.describe(cores),
            "cores": len(cores),
            "quick": options.quick,
            "clock": "CPU time" if options.cpu_time else "time",
            "rounds": effort.rounds,
            "skipped": skipped,
        }
        contest.results = results
        if not options.only:
            say(start, "import, memory, size")
            modules = [module for name in present for module in variants.PEERS[name].needs]
            rounds = min(effort.rounds, 2) if options.quick else effort.rounds
            results["resources"] = resources.measure(rounds, modules)
        say(start, "starting the peers")
        contest.begin()
        contest.probe()
        probes = 1
        for i, work in enumerate(works):
            say(start, work.name)
            contest.measure(work)
            results["minutes"] = (time.monotonic() - start) / 60.0
            while probes < 1 + (PROBES - 1) * (i + 1) / len(works):
                contest.probe()
                probes += 1
            output.save(results)
    output.write(results)
    say(start, f"written: {output.report}")
    verdicts = [judge.verdict(results, bar) for bar in judge.BARS]
    return 1 if any(verdict.met is False for verdict in verdicts) else 0


def rounded(value: Any) -> Any:
    """Return the results with six digits of each number."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


class Output:
    """The files of a run."""

    def __init__(self, folder: Path, stem: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.stem = folder, stem
        self.data = folder / f"{stem}.json"
        self.report = folder / "README.md"

    def save(self, results: dict[str, Any]) -> None:
        """Write what there is so far; the file is whole at any time."""
        part = self.data.with_suffix(".part")
        text = json.dumps(rounded(results), indent=1)
        text = re.sub(r"\[[^\[\]{}]*\]", lambda numbers: " ".join(numbers[0].split()), text)
        part.write_text(text + "\n")
        part.replace(self.data)

    def write(self, results: dict[str, Any]) -> None:
        """Write the report and the plots, and print the report's first half."""
        plots: dict[str, str] = {}
        if importlib.util.find_spec("matplotlib"):
            from . import overview
            from . import plots as drawing

            plots = drawing.draw(results, self.folder, self.stem)
            if overview.has_all(results):
                overview.draw(results, self.folder)
        else:
            print("plots: skipped, not installed: matplotlib", file=sys.stderr)
        text = report.markdown(results, data=self.data.name, plots=plots)
        self.report.write_text(text)
        print(text.split("## How it is measured")[0])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description="Measure fastnn beside its peers; exits with 1 if a bar is missed.",
    )
    parser.add_argument("--quick", action="store_true", help="fewer variants and rounds, minutes")
    parser.add_argument("--list", action="store_true", help="list workloads and peers, and end")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="WORKLOAD",
        help='those whose name contains it, as "7-32-8-1, batch" or "row"; may be repeated',
    )
    parser.add_argument("--peers", metavar="A,B", help="by default all; see --list")
    parser.add_argument("--rounds", type=int, help=f"{FULL.rounds}, or {QUICK.rounds} if quick")
    parser.add_argument(
        "--cpu-time",
        action="store_true",
        help="one thread only, in CPU time, nothing discarded: rough figures on a busy machine",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="by default docs/benchmarks for a full run, build/peers for another",
    )
    options = parser.parse_args()
    options.peers = options.peers.split(",") if options.peers else list(variants.PEERS)
    for name in options.peers:
        if name not in variants.PEERS:
            parser.error(f"--peers: no {name!r}; there are {', '.join(variants.PEERS)}")
    if options.rounds is not None and options.rounds < 1:
        parser.error(f"--rounds must be at least 1, got {options.rounds}")
    if options.output is None:
        part = options.quick or options.only or options.cpu_time
        whole = not part and len(options.peers) == len(variants.PEERS)
        options.output = ROOT / ("docs/benchmarks" if whole else "build/peers")
    if not chosen(options):
        parser.error("--only: no workload has that in its name; see --list")
    return options


def chosen(options: argparse.Namespace) -> list[Work]:
    works = workloads.MAIN if options.quick else workloads.EVERY
    if options.only:
        works = [work for work in works if any(part in work.name for part in options.only)]
    return list({work.name: work for work in works}.values())


def list_all() -> int:
    for work in workloads.EVERY:
        print(work.name)
    print()
    for name, peer in variants.PEERS.items():
        lacking = variants.missing(peer)
        state = f"not installed: {', '.join(lacking)}" if lacking else "installed"
        print(f"{name:<12} {peer.label:<14} {state}")
    return 0


def say(start: float, text: str) -> None:
    print(f"{time.monotonic() - start:6.0f} s  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
