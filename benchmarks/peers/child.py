"""The process of a variant: takes orders, a line of JSON each, and answers in lines of JSON."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time
import timeit
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from . import workloads
from .accounts import Account
from .workloads import Array, Task

# A statement that gives the outputs, and the names in it: so that it is timed without a call of a
# function round it.
Ways = dict[str, tuple[str, dict[str, Any]]]

LEAST = 0.01  # seconds over which the number of calls or epochs is found


class Training(Protocol):
    """What a peer offers under this name."""

    def reset(self) -> None:
        """Go back to the initial weights and the state of an optimizer that has done nothing."""

    def run(self, epochs: int) -> None:
        """Train; return when it is done."""

    def weights(self) -> list[Array]:
        """Return kernels as (fan_in, units), and biases, in turn."""


class Child:
    """Answers orders about one workload at a time."""

    def __init__(self, peer: Any) -> None:
        self.peer = peer
        self.work = ""
        self.task: Task | None = None
        self.training: Training | None = None
        self.timers: dict[str, timeit.Timer] = {}

    def open(self, name: str, folder: str) -> dict[str, Any]:
        """Read the arrays of a workload."""
        self.training, self.timers = None, {}
        work = next(work for work in workloads.EVERY if work.name == name)
        self.task = workloads.read(work, Path(folder))
        return {}

    def prepare_fit(self) -> dict[str, Any]:
        """Set up, train an epoch, then as many as take measurable time."""
        assert self.task is not None
        first = Account()
        self.training = self.peer.Training(self.task)
        self.training.run(1)
        first.close()
        epochs = 1
        while (seconds := self.time(epochs)) < LEAST:
            epochs *= 4
        if seconds < 10.0 * LEAST:
            seconds = min(seconds, self.time(epochs))  # the other one may have been disturbed
        return {"first": first.wall, "epoch": seconds / epochs}

    def time(self, epochs: int) -> float:
        """Return the seconds that some epochs take."""
        assert self.training is not None
        self.training.reset()
        account = Account()
        self.training.run(epochs)
        account.close()
        return account.wall

    def check_fit(self, epochs: int) -> dict[str, Any]:
        """Train from the start; return the loss of the weights reached."""
        assert self.task is not None
        assert self.training is not None
        self.training.reset()
        self.training.run(epochs)
        return {"loss": workloads.loss(self.task, self.training.weights())}

    def fit(self, epochs: list[int]) -> dict[str, Any]:
        """Train from the start, for each of two numbers of epochs."""
        assert self.training is not None
        runs = []
        for number in epochs:
            self.training.reset()
            account = Account()
            self.training.run(number)
            runs.append(account.close())
        return {"runs": runs}

    def prepare_predict(self, atol: float) -> dict[str, Any]:
        """Set up and call each way once; compare the outputs; find the time of a call."""
        assert self.task is not None
        start = time.perf_counter()
        ways: Ways = self.peer.predictions(self.task)
        calls, few = {}, slice(0, 1000)
        want = workloads.outputs(self.task.net, self.task.weights, self.task.x[few])
        first = 0.0
        for way, (statement, names) in ways.items():
            *before, value = statement.split("; ")
            for part in before:
                exec(part, dict(names))
            got = eval(value, dict(names))
            first = first or time.perf_counter() - start
            got = got.numpy() if hasattr(got, "numpy") else got
            got = np.asarray(got, dtype=np.float32).reshape(len(self.task.x), -1)[few]
            np.testing.assert_allclose(got, want, atol=atol, err_msg=way)
            timer = self.timers[way] = timeit.Timer(statement, globals=names)
            number = 1
            while (seconds := timer.timeit(number)) < LEAST:
                number *= 4
            calls[way] = seconds / number
        return {"first": first, "calls": calls}

    def predict(self, numbers: dict[str, int]) -> dict[str, Any]:
        """Call each way a number of times."""
        runs = {}
        for way, number in numbers.items():
            account = Account()
            self.timers[way].timeit(number)
            runs[way] = account.close()
        return {"runs": runs}


def answer(peer: str, use: str, threads: int) -> None:
    """Answer orders until there are no more."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer

    def send(content: dict[str, Any]) -> None:
        answers.write(json.dumps(content) + "\n")
        answers.flush()

    def attempt(function: Callable[..., dict[str, Any]], *args: Any, **options: Any) -> None:
        try:
            send({"ok": True, **function(*args, **options)})
        except Exception as error:
            traceback.print_exc()
            send({"ok": False, "error": f"{type(error).__name__}: {error}".split("\n")[0][:300]})

    child: Any = None

    def begin() -> dict[str, Any]:
        nonlocal child
        if peer == "probe":
            from .probe import Probe

            child = Probe()
            return {"versions": {}}
        module = importlib.import_module(f"benchmarks.peers.{peer}")
        child = Child(module)
        return {"versions": module.set_up(use, threads)}

    attempt(begin)
    for line in sys.stdin:
        order = json.loads(line)
        attempt(getattr(child, order.pop("do")), **order)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("peer")
    parser.add_argument("--use", default="")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cores", default="")
    options = parser.parse_args()
    if options.cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(core) for core in options.cores.split(",")})
    answer(options.peer, options.use, options.threads)


if __name__ == "__main__":
    main()
