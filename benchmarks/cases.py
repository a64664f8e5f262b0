"""The training runs that are measured, each to be done by fastnn, NumPy and pure Python alike.

The same initial weights, the same rows in the same order, no shuffling, Adam with its defaults.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

import fastnn as fnn
import numpy_net
import pure_python

Array = npt.NDArray[Any]
Run = Callable[[int], list[float]]  # epochs -> the mean loss of each


class Case(NamedTuple):
    """A network and its rows; labels mean softmax and cross-entropy, else mean squared error."""

    name: str
    units: tuple[int, ...]
    batch_size: int
    x: Array
    y: Array
    labels: bool = False

    @property
    def steps(self) -> int:
        """Steps in an epoch."""
        return -(-len(self.x) // self.batch_size)

    def model(self) -> fnn.Sequential:
        """Return the network with its initial weights."""
        inputs, *hidden, outputs = self.units
        layers = [fnn.Dense(units, "relu") for units in hidden]
        head = fnn.Dense(outputs, "softmax" if self.labels else "linear")
        return fnn.Sequential([fnn.Input(inputs), *layers, head], seed=0, dtype=str(self.x.dtype))

    def fastnn(self) -> Run:
        """A training run from the start, by fastnn."""
        loss = "sparse_categorical_crossentropy" if self.labels else "mean_squared_error"
        trainer = fnn.Trainer(self.model(), loss)

        def run(epochs: int) -> list[float]:
            history = trainer.fit(
                self.x, self.y, batch_size=self.batch_size, epochs=epochs, shuffle=False, verbose=0
            )
            return list(history["loss"])

        return run

    def numpy(self) -> Run:
        """The same by hand in NumPy."""
        weights = self.model().get_weights()
        network = numpy_net.Network(weights, labels=self.labels, dtype=self.x.dtype)
        return lambda epochs: network.fit(self.x, self.y, batch_size=self.batch_size, epochs=epochs)

    def pure_python(self) -> Run:
        """The same in pure Python, which knows no labels and always computes in double."""
        network = pure_python.Network([w.tolist() for w in self.model().get_weights()])
        x, y = self.x.tolist(), self.y.tolist()
        return lambda epochs: network.fit(x, y, batch_size=self.batch_size, epochs=epochs)


def cars(name: str, units: tuple[int, ...], batch_size: int, dtype: str = "float32") -> Case:
    """Return a case on 314 rows of Auto MPG, inputs standardised."""
    rows = fnn.datasets.load_auto_mpg().split(0.8, seed=0)[0]
    x = (rows.x - rows.x.mean(axis=0)) / rows.x.std(axis=0)
    return Case(name, units, batch_size, x.astype(dtype), rows.y.astype(dtype))


def auto_mpg(dtype: str = "float32") -> Case:
    """7-32-8-1, batch 1."""
    return cars("7-32-8-1, batch 1", (7, 32, 8, 1), 1, dtype)


def smallest(dtype: str = "float32") -> Case:
    """7-1-1, batch 4."""
    return cars("7-1-1, batch 4", (7, 1, 1), 4, dtype)


def wide(dtype: str = "float32") -> Case:
    """784-128-10, batch 128, on random rows round ten centres."""
    rng = np.random.default_rng(0)
    labels = rng.integers(10, size=2048, dtype=np.int32)
    x = 0.3 * rng.standard_normal((10, 784))[labels] + rng.standard_normal((2048, 784))
    return Case("784-128-10, batch 128", (784, 128, 10), 128, x.astype(dtype), labels, labels=True)
