"""The parent's side: starts the variants, gives them their turns, judges each measurement.

What fails is written down and left; the others go on.
"""

from __future__ import annotations

import json
import os
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from . import workloads
from .accounts import BEARABLE, GRAIN, Account, disturbance
from .variants import PEERS, Variant
from .workloads import Fit, Work

ROOT = Path(__file__).parents[2]
COUNTS = {"discarded": 0, "disturbed": 0, "void": 0}  # measurements
REST = 0.03  # seconds between two turns: threads of the last may still spin
SWEEP_ROUNDS = 5  # of what is for a plot alone, at the most
LIMIT = 300.0  # seconds an order may take
ATOL = 1e-4  # of the outputs

Results = dict[str, Any]


class FailedError(Exception):
    """A variant has failed at an order."""


class Effort(NamedTuple):
    """How long is measured."""

    rounds: int
    fit: float  # seconds of the longer run of a fit, unless that is too few epochs
    epochs: int  # of the longer run at least: few seconds by few steps are soon disturbed
    predict: float  # seconds of calls
    repeats: int  # of a disturbed measurement
    patience: float  # seconds for repeats and for waiting for quiet, altogether
    most: float  # seconds at a workload after which no more rounds begin


class Player:
    """A child process; a dead one is started again when it is next needed."""

    def __init__(self, module: str, use: str, threads: int, cores: list[int], log: Path) -> None:
        self.command = [sys.executable, "-m", "benchmarks.peers.child", module]
        self.command += ["--threads", str(threads), "--cores", ",".join(map(str, cores))]
        self.command += ["--use", use]
        self.log = log
        number = str(threads)
        variables = ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM", "NUMEXPR", "FASTNN")
        self.environment = dict(os.environ)
        self.environment |= {f"{name}_NUM_THREADS": number for name in variables}
        self.environment |= {"JAX_PLATFORMS": "cpu", "PYTHONWARNINGS": "ignore"}
        paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        self.environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        self.process: subprocess.Popen[bytes] | None = None
        self.work = ""
        self.versions: dict[str, str] = {}

    def start(self) -> None:
        """Start the process; it imports meanwhile."""
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self.environment,
                cwd=ROOT,
            )
        self.work = ""

    def greet(self) -> None:
        """Wait until it is ready."""
        if self.process is None:
            self.start()
        self.versions = self.receive()["versions"]

    def send(self, do: str, **arguments: Any) -> None:
        """Give an order."""
        if self.process is None:
            self.greet()
        assert self.process is not None
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
            self.process.stdin.flush()
        except OSError:
            self.stop()
            raise FailedError("the process died") from None

    def receive(self) -> dict[str, Any]:
        """Wait for the answer."""
        assert self.process is not None
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], LIMIT)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            code = self.process.poll()
            self.stop()
            state = f"died ({code})" if ready else f"took more than {LIMIT:.0f} s"
            raise FailedError(f"the process {state}")
        answer: dict[str, Any] = json.loads(line)
        if not answer["ok"]:
            raise FailedError(answer["error"])
        return answer

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        self.send(do, **arguments)
        return self.receive()

    def stop(self) -> None:
        """End the process, which is a child of this one."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None
            self.work = ""


class Contest:
    """All variants, and what they have done so far."""

    def __init__(
        self,
        taking_part: list[Variant],
        cores: list[int],
        effort: Effort,
        *,
        quick: bool,
        cpu_time: bool = False,
    ) -> None:
        self.cores, self.effort, self.quick, self.cpu_time = cores, effort, quick, cpu_time
        self.patience = effort.patience
        self.folder = tempfile.TemporaryDirectory(prefix="fastnn-peers-")
        self.log = Path(self.folder.name) / "log"
        self.players = {
            variant: Player(
                PEERS[variant.peer].module,
                variant.use,
                variant.threads,
                cores[: variant.threads],
                self.log,
            )
            for variant in taking_part
        }
        self.probes = [Player("probe", "", 1, [core], self.log) for core in cores]
        self.results: Results = {"versions": {}, "fit": {}, "predict": {}, "probes": {}}
        self.results["failed"] = []

    def __enter__(self) -> Contest:
        return self

    def __exit__(self, *exception: object) -> None:
        for player in (*self.players.values(), *self.probes):
            player.stop()
        self.folder.cleanup()

    def begin(self) -> None:
        """Start all; who does not come is out."""
        for player in self.players.values():
            player.start()
        for variant, player in list(self.players.items()):
            try:
                player.greet()
                self.results["versions"] |= player.versions
            except FailedError as error:
                self.fail(variant, "start", error)
                player.stop()
                del self.players[variant]

    def fail(self, variant: Variant, what: str, error: FailedError) -> None:
        """Write a failure down."""
        print(f"  {variant.id}: {what}: {error}", file=sys.stderr)
        self.results["failed"].append({"variant": variant.id, "what": what, "error": str(error)})

    # -- the machine --------------------------------------------------------------------------

    def probe(self) -> None:
        """Measure the machine once more: one core alone, then all together."""
        rates: dict[str, list[float]] = self.results["probes"]
        try:
            for what in ("peak", "copy"):
                for name, probes in (("one", self.probes[:1]), ("all", self.probes)):
                    for player in probes:
                        player.send(what)
                    values = [player.receive()["rate"] for player in probes]
                    rates.setdefault(f"{what} {name}", []).append(sum(values))
        except FailedError as error:
            self.results["failed"].append({"variant": "probe", "what": "", "error": str(error)})

    # -- the work -----------------------------------------------------------------------------

    def measure(self, work: Work) -> None:
        """Measure a workload by all who take part."""
        players = {
            variant: player
            for variant, player in self.players.items()
            if variant.takes(work, quick=self.quick, cores=1 if self.cpu_time else len(self.cores))
        }
        if not players:
            return
        folder = Path(self.folder.name) / "data"
        workloads.write(work, folder)
        prepare: Callable[[Player], dict[str, Any]]
        kind, prepare, turn = "predict", self.prepare_predict, self.predict
        if isinstance(work, Fit):
            kind, prepare, turn = "fit", partial(self.prepare_fit, work), self.fit
        entries: dict[str, Any] = {}
        self.results[kind][work.name] = entries
        for variant, player in list(players.items()):
            try:
                player.ask("open", name=work.name, folder=str(folder))
                entries[variant.id] = prepare(player) | COUNTS
            except FailedError as error:
                self.fail(variant, work.name, error)
                del players[variant]
        sweep = isinstance(work, Fit) and work.sweep
        rounds = min(self.effort.rounds, SWEEP_ROUNDS) if sweep else self.effort.rounds
        end = time.monotonic() + self.effort.most
        for number in range(rounds):
            if number and time.monotonic() > end:
                break
            for variant, player in list(players.items()):
                try:
                    self.take_turn(entries[variant.id], player, turn)
                except FailedError as error:
                    self.fail(variant, work.name, error)
                    del players[variant]
        if isinstance(work, Fit):
            compare(work, entries)

    def take_turn(
        self, entry: dict[str, Any], player: Player, turn: Callable[..., list[Any]]
    ) -> None:
        """Measure; what was disturbed is discarded and repeated, or the least of it kept."""
        attempts: list[tuple[float, list[Any]]] = []
        while len(attempts) <= self.effort.repeats:
            if attempts:
                self.wait_for_quiet()
            time.sleep(REST)
            start = time.monotonic()
            runs = turn(entry, player)
            if attempts:
                self.patience -= time.monotonic() - start
            attempts.append((disturbance(runs), runs))
            if self.cpu_time or attempts[-1][0] <= BEARABLE or self.patience <= 0.0:
                break
        least, runs = min(attempts, key=lambda attempt: attempt[0])
        entry["discarded"] += len(attempts) - 1
        entry["disturbed"] += least > BEARABLE and not self.cpu_time
        if self.cpu_time:
            runs = [(cpu, cpu, others) for _, cpu, others in runs]
        values = self.values(entry, runs)
        if min(values) <= 0.0:  # the shorter run took longer: no measurement
            entry["void"] += 1
            return
        for kept, value in zip(entry["values"].values(), values, strict=True):
            kept.append(value)
        if "epochs" in entry:  # what a run costs beyond its steps
            few = entry["epochs"][0] * entry["steps"]
            entry["set_up"].append(runs[0][0] - few * values[0])

    def wait_for_quiet(self) -> None:
        """Let others finish what they do, as long as patience lasts."""
        while self.patience > 0.0:
            account = Account()
            time.sleep(0.1)
            wall, _cpu, others = account.close()
            self.patience -= wall
            if others <= 2.0 * GRAIN:
                break

    @staticmethod
    def values(entry: dict[str, Any], runs: list[tuple[float, float, float]]) -> list[float]:
        """Seconds of a step, or of a call each way."""
        if "epochs" in entry:
            (few, many), ((short, *_), (long, *_)) = entry["epochs"], runs
            return [(long - short) / ((many - few) * entry["steps"])]
        return [wall / number for (wall, *_), number in zip(runs, entry["calls"], strict=True)]

    def prepare_fit(self, work: Fit, player: Player) -> dict[str, Any]:
        found = player.ask("prepare_fit")
        loss = player.ask("check_fit", epochs=work.check_epochs)["loss"]
        many = max(self.effort.epochs, round(self.effort.fit / found["epoch"]))
        return {
            "first": found["first"],
            "epochs": [max(1, many // 5), many],
            "steps": work.steps,
            "loss": loss,
            "set_up": [],
            "values": {"step": []},
        }

    def fit(self, entry: dict[str, Any], player: Player) -> list[Any]:
        return list(player.ask("fit", epochs=entry["epochs"])["runs"])

    def prepare_predict(self, player: Player) -> dict[str, Any]:
        found = player.ask("prepare_predict", atol=ATOL)
        calls = found["calls"]
        return {
            "first": found["first"],
            "calls": [max(1, round(self.effort.predict / seconds)) for seconds in calls.values()],
            "values": {way: [] for way in calls},
        }

    def predict(self, entry: dict[str, Any], player: Player) -> list[Any]:
        numbers = dict(zip(entry["values"], entry["calls"], strict=True))
        return list(player.ask("predict", numbers=numbers)["runs"].values())


def compare(work: Fit, entries: dict[str, Any]) -> None:
    """Mark who has done the same work: whose final loss is the median of all, nearly."""
    if entries:
        middle = statistics.median_low(entry["loss"] for entry in entries.values())
        for entry in entries.values():
            entry["same"] = abs(entry["loss"] - middle) <= work.tolerance * abs(middle)
