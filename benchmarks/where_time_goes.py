"""Where the time of a step or a prediction goes, function by function.

    FASTNN_SYMBOLS=1 pip install -e . --no-build-isolation     # keeps the functions' names
    python benchmarks/where_time_goes.py [--only 7-32] [--seconds 3] [--threads 1]

Each workload of `benchmarks/peers` whose name has the text of ``--only`` in it runs in a process of
its own under `perf` (Linux; package linux-perf), which looks 2,000 times a second of CPU time at
the function that is running.  Printed is what is above one per cent, as tables in Markdown; what
Python spends before the work begins is left out.  Over each table stand the operations of the
products in a nanosecond: what they lack of the machine's peak is what the table is about.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.peers import workloads
from benchmarks.peers.workloads import Fit, Work

LEAST = 1.0  # per cent


def work_named(name: str) -> Work:
    return next(work for work in workloads.MAIN if work.name == name)


def unit_of_work(work: Work, folder: Path, threads: int) -> tuple[Callable[[], object], int]:
    """Return what is run again and again, and how many steps or calls it is."""
    from benchmarks.peers import fastnn_peer

    workloads.write(work, folder)
    task = workloads.read(work, folder)
    fastnn_peer.set_up("fit" if isinstance(work, Fit) else "predict", threads)
    if isinstance(work, Fit):
        training = fastnn_peer.Training(task)
        epochs = max(1, round(1e-1 / (work.steps * work.flops / 5e10 + work.steps * 2e-7)))
        return lambda: training.run(epochs), epochs * work.steps
    statement, names = fastnn_peer.predictions(task)["predictor"]
    calls = max(1, round(1e-2 / (work.flops / 5e10 + 2e-7)))
    loop = compile(f"for _ in range({calls}): {statement}", "loop", "exec")
    return lambda: exec(loop, dict(names)), calls


def measure(name: str, seconds: float, threads: int) -> None:
    """Run a workload for some seconds; print operations of one step, and its nanoseconds."""
    work = work_named(name)
    with tempfile.TemporaryDirectory() as folder:
        run, steps = unit_of_work(work, Path(folder), threads)
        run()
        start, done = time.perf_counter(), 0
        while time.perf_counter() - start < seconds:
            run()
            done += steps
        print(work.flops, 1e9 * (time.perf_counter() - start) / done)


def shares(data: Path) -> list[tuple[str, float]]:
    """Return the functions of the extension, and of the C library, by their part of the samples."""
    report = subprocess.run(
        ["perf", "report", "-i", data, "--stdio", "--no-children", "-s", "dso,symbol"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = []
    for line in report.splitlines():
        fields = line.split()
        if len(fields) < 4 or not fields[0].endswith("%"):
            continue
        library, symbol = fields[1], fields[3]
        if library.startswith(("_core", "libc")):
            found.append((symbol, float(fields[0][:-1])))
    return found


def profile(work: Work, seconds: float, threads: int) -> str:
    """Return the table of one workload."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "perf.data"
        command = ["perf", "record", "-q", "-e", "cpu-clock:u", "-F", "2000", "-o", str(data), "--"]
        command += [sys.executable, __file__, "--child", work.name]
        command += ["--seconds", str(seconds), "--threads", str(threads)]
        child = subprocess.run(command, capture_output=True, text=True, check=True)
        found = shares(data)
    if all(symbol.startswith("0x") for symbol, _ in found):
        raise SystemExit("fastnn has no symbols: build it with FASTNN_SYMBOLS=1")
    flops, nanoseconds = map(float, child.stdout.split())
    whole = sum(share for _, share in found)
    lines = [
        f"### {work.name}, {threads} thread" + "s" * (threads > 1),
        "",
        f"{nanoseconds:,.0f} ns, {flops / nanoseconds:.1f} GFLOP/s of products.",
        "",
        "| function | part | ns |",
        "| --- | --- | --- |",
    ]
    for symbol, share in found:
        part = share / whole
        if 100 * part >= LEAST:
            lines.append(f"| `{symbol}` | {part:.1%} | {part * nanoseconds:,.0f} |")
    return "\n".join([*lines, ""])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="part of a workload's name")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        measure(options.child, options.seconds, options.threads)
        return 0
    if shutil.which("perf") is None:
        print("where_time_goes.py needs perf (Debian: linux-perf)", file=sys.stderr)
        return 2
    for work in workloads.MAIN:
        if options.only in work.name:
            print(profile(work, options.seconds, options.threads), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
