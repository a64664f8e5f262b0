"""Pure Python: lists and no library, the network of ``benchmarks/pure_python.py``."""

from __future__ import annotations

import platform

from .. import pure_python
from .child import Ways
from .workloads import Array, Task


def set_up(use: str, threads: int) -> dict[str, str]:
    return {"Python": f"{platform.python_implementation()} {platform.python_version()}"}


def _network(task: Task) -> pure_python.Network:
    return pure_python.Network([weight.tolist() for weight in task.weights])


class Training:
    """Epochs from the initial weights; always in double precision."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.x, self.y = task.x.tolist(), task.y.tolist()
        self.orders = task.orders.tolist()
        self.reset()

    def reset(self) -> None:
        self.network = _network(self.task)

    def run(self, epochs: int) -> None:
        for epoch in range(epochs):
            order = self.orders[epoch % len(self.orders)]
            x, y = [self.x[i] for i in order], [self.y[i] for i in order]
            self.network.fit(x, y, batch_size=self.task.batch_size, epochs=1)

    def weights(self) -> list[Array]:
        import numpy as np

        arrays = []
        for layer in self.network.layers:
            arrays += [np.array(layer.weights).T, np.array(layer.bias)]
        return arrays


def predictions(task: Task) -> Ways:
    network, x = _network(task), task.x.tolist()
    return {"predict": ("predict(x)", {"predict": network.predict, "x": x})}
