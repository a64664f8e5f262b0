"""NumPy: the network of ``benchmarks/numpy_net.py``, whose parameters are one flat array."""

from __future__ import annotations

import numpy as np

from .. import numpy_net
from .child import Ways
from .workloads import Array, Task


def set_up(use: str, threads: int) -> dict[str, str]:
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {"NumPy": f"{np.__version__}, {blas['name']} {blas['version']}"}


def _network(task: Task) -> numpy_net.Network:
    net = task.net
    return numpy_net.Network(task.weights, labels=net.labels, hidden=net.hidden)


class Training:
    """Epochs from the initial weights; the rows of an epoch are gathered at its start."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.reset()

    def reset(self) -> None:
        self.network = _network(self.task)

    def run(self, epochs: int) -> None:
        task = self.task
        for epoch in range(epochs):
            order = task.order(epoch)
            x, y = task.x[order], task.y[order]
            self.network.fit(x, y, batch_size=task.batch_size, epochs=1)

    def weights(self) -> list[Array]:
        network = self.network
        pairs = zip(network.kernels, network.biases, strict=True)
        return [array for pair in pairs for array in pair]


def softmax(z: Array) -> Array:
    """Overwrite logits with probabilities."""
    z -= z.max(axis=1, keepdims=True)
    np.exp(z, out=z)
    z /= z.sum(axis=1, keepdims=True)
    return z


def predictions(task: Task) -> Ways:
    network = _network(task)
    names = {"predict": network.predict, "softmax": softmax, "x": task.x}
    call = "predict(x)"
    return {"predict": (f"softmax({call})" if task.net.labels else call, names)}
