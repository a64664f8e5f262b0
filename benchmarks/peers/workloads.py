"""What is measured: networks, their rows, batch sizes.

Every peer starts from the same weights and sees the same rows in the same order.  The orders are
those that fastnn draws itself when it shuffles, so that it can do so while the others are given
them: they are spared the drawing.  There are as many rows as whole batches need, since some peers
cannot take a short last batch.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

SEED = 0  # of weights, rows and orders
ORDERS = 16  # orders of rows for the others; after so many epochs they come again


class Net(NamedTuple):
    """A network; labels mean softmax and cross-entropy, else mean squared error."""

    units: tuple[int, ...]
    hidden: str = "relu"
    labels: bool = False

    @property
    def name(self) -> str:
        return "-".join(map(str, self.units)) + (f" {self.hidden}" * (self.hidden != "relu"))

    @property
    def products(self) -> list[int]:
        """Multiply-adds a row in each layer."""
        return [a * b for a, b in zip(self.units, self.units[1:], strict=False)]


class Fit(NamedTuple):
    """Training with Adam: mean squared error, or cross-entropy if the network has labels."""

    net: Net
    batch_size: int
    rows: int
    check_epochs: int  # after so many the losses of all are compared
    tolerance: float = 1e-3  # of those losses, relative: float32 and other orders of sums
    cars: bool = False  # Auto MPG, standardised; else random rows
    heavy: bool = False  # arithmetic rules, so that threads pay
    sweep: str = ""  # the plot it is for; not in the tables

    @property
    def name(self) -> str:
        batch = "full batch" if self.rows == self.batch_size else f"batch {self.batch_size}"
        return f"{self.net.name}, {batch}"

    @property
    def steps(self) -> int:
        """Steps in an epoch."""
        return self.rows // self.batch_size

    @property
    def flops(self) -> float:
        """Operations of the products of a step: forward, by the kernels, by the inputs."""
        first, *rest = self.net.products
        return 2.0 * self.batch_size * (2 * first + 3 * sum(rest))


class Predict(NamedTuple):
    """Outputs for some rows at once."""

    net: Net
    rows: int

    @property
    def name(self) -> str:
        return f"{self.net.name}, {self.rows} row" + "s" * (self.rows > 1)

    @property
    def flops(self) -> float:
        """Operations of the products."""
        return 2.0 * self.rows * sum(self.net.products)


ARTICLE = Net((7, 32, 8, 1))
SMALLEST = Net((7, 1, 1))
TABLE = Net((20, 64, 32, 1))
TANH = Net((8, 32, 16, 4), hidden="tanh")
IMAGES = Net((784, 256, 128, 10), labels=True)
WIDE = Net((1024, 1024, 1024, 10), labels=True)

FITS = [
    Fit(ARTICLE, 1, 312, 16, cars=True),
    Fit(SMALLEST, 4, 312, 16, cars=True),
    # 50,000 rows less what makes no whole batch; so many steps make more of rounding
    Fit(TABLE, 32, 49_984, 1, tolerance=1e-2),
    Fit(TANH, 10_000, 10_000, 10),
    Fit(IMAGES, 64, 4096, 2, heavy=True),
    Fit(IMAGES, 512, 4096, 4, heavy=True),
    Fit(WIDE, 256, 2048, 2, heavy=True),
    Fit(WIDE, 2048, 4096, 2, heavy=True),
]
# Their losses come close to the noise, where a unit that dies or not makes some per cent.
SWEEPS = [
    *(
        Fit(Net((16, w, w, 1)), 32, 2048, 1, tolerance=0.1, sweep="width")
        for w in (4, 16, 64, 256, 1024)
    ),
    *(
        Fit(TABLE, b, max(2048, min(64 * b, 8192)), 1, tolerance=0.1, sweep="batch")
        for b in (1, 8, 128, 1024, 8192)
    ),
]
PREDICTS = [
    Predict(net, rows) for net in (ARTICLE, TABLE, IMAGES) for rows in (1, 32, 1000, 100_000)
]


Work = Fit | Predict
MAIN: list[Work] = [*FITS, *PREDICTS]
EVERY: list[Work] = [*MAIN, *SWEEPS]


class Task(NamedTuple):
    """A workload as a peer gets it: arrays in float32, labels int64, orders int32."""

    net: Net
    weights: list[Array]  # kernel (fan_in, units) and bias of each layer in turn
    x: Array
    y: Array  # (rows, outputs), or labels (rows,); empty if only outputs are wanted
    orders: Array  # (ORDERS, rows), one for each epoch
    batch_size: int

    def order(self, epoch: int) -> Array:
        """Return the order of the rows in an epoch, counted from 0."""
        order: Array = self.orders[epoch % len(self.orders)]
        return order


# ---- weights and rows, made once and read by every process ----------------------------------


def initial_weights(net: Net) -> list[Array]:
    """Return uniform kernels (Glorot and Bengio, 2010) and biases that are not all zero."""
    rng = np.random.default_rng(SEED)
    weights = []
    for fan_in, units in zip(net.units, net.units[1:], strict=False):
        limit = math.sqrt(6.0 / (fan_in + units))
        weights.append(rng.uniform(-limit, limit, (fan_in, units)).astype(np.float32))
        weights.append(rng.uniform(-0.05, 0.05, units).astype(np.float32))
    return weights


def random_rows(net: Net, rows: int) -> Array:
    rng = np.random.default_rng(SEED + 1)
    x: Array = rng.standard_normal((rows, net.units[0]), dtype=np.float32)
    return x


def targets(net: Net, x: Array) -> Array:
    """Return what another network of the same shape makes of the rows, and some noise."""
    rng = np.random.default_rng(SEED + 2)
    other = [w * rng.uniform(0.5, 1.5, w.shape) for w in initial_weights(net)]
    z = outputs(net, other, x, logits=True)
    z += 0.1 * rng.standard_normal(z.shape)
    labels: Array = z.argmax(axis=1)
    return labels if net.labels else z.astype(np.float32)


def write(work: Work, folder: Path) -> None:
    """Write the arrays of a workload into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    net, rows = work.net, work.rows
    if isinstance(work, Predict):
        arrays = {"x": random_rows(net, rows)}
    else:
        from fastnn import datasets
        from fastnn._core import random_permutation

        if work.cars:
            cars = datasets.load_auto_mpg().split(0.8, seed=SEED)[0]
            x = ((cars.x - cars.x.mean(axis=0)) / cars.x.std(axis=0)).astype(np.float32)[:rows]
            y = cars.y.astype(np.float32)[:rows]
        else:
            x = random_rows(net, rows)
            y = targets(net, x)
        orders = [random_permutation(SEED, "shuffle", epoch, rows) for epoch in range(ORDERS)]
        arrays = {"x": x, "y": y, "orders": np.array(orders, np.int32)}
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)


def read(work: Work, folder: Path) -> Task:
    """Read what `write` has written; rows to predict stay in the file, which is shared."""
    weights = initial_weights(work.net)
    if isinstance(work, Predict):
        x = np.load(folder / "x.npy", mmap_mode="c")
        return Task(work.net, weights, x.view(np.ndarray), np.empty(0), np.empty((0, 0)), 0)
    x, y, orders = (np.load(folder / f"{name}.npy") for name in ("x", "y", "orders"))
    return Task(work.net, weights, x, y, orders, work.batch_size)


# ---- the same judge for all -----------------------------------------------------------------


def outputs(net: Net, weights: list[Array], x: Array, *, logits: bool = False) -> Array:
    """Return the outputs in double precision."""
    value = x.astype(np.float64)
    for i in range(0, len(weights), 2):
        value = value @ weights[i].astype(np.float64) + weights[i + 1]
        if i + 2 < len(weights):
            value = np.tanh(value) if net.hidden == "tanh" else np.maximum(value, 0.0)
    if net.labels and not logits:
        value = np.exp(value - value.max(axis=1, keepdims=True))
        value /= value.sum(axis=1, keepdims=True)
    return value


def loss(task: Task, weights: list[Array]) -> float:
    """Return the mean loss over all rows, in double precision."""
    out = outputs(task.net, weights, task.x)
    if task.net.labels:
        return float(-np.log(out[np.arange(len(out)), task.y]).mean())
    return float(((out - task.y) ** 2).mean())
