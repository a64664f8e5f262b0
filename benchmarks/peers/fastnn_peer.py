"""fastnn: `Trainer.fit`, `predict`, and a predictor."""

from __future__ import annotations

import numpy as np

import fastnn as fnn
from fastnn import _core

from .child import Ways
from .workloads import SEED, Array, Net, Task


def set_up(use: str, threads: int) -> dict[str, str]:
    fnn.set_num_threads(threads)
    return {"fastnn": f"{fnn.__version__}, {_core.current_isa()}, {_core.compiler()}"}


def _model(net: Net) -> fnn.Sequential:
    inputs, *hidden, outputs = net.units
    layers = [fnn.Dense(units, net.hidden) for units in hidden]
    head = fnn.Dense(outputs, "softmax" if net.labels else "linear")
    return fnn.Sequential([fnn.Input(inputs), *layers, head], seed=SEED)


class Training:
    """Epochs from the initial weights, with the checks, shuffling and history of any fit."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.model = _model(task.net)
        loss = "sparse_categorical_crossentropy" if task.net.labels else "mean_squared_error"
        self.trainer = fnn.Trainer(self.model, loss, fnn.Adam(learning_rate=1e-3), seed=SEED)
        self.reset()

    def reset(self) -> None:
        self.model.set_weights(self.task.weights)
        self.trainer.reset()

    def run(self, epochs: int) -> None:
        task = self.task
        self.trainer.fit(task.x, task.y, batch_size=task.batch_size, epochs=epochs, verbose=0)

    def weights(self) -> list[Array]:
        return list(self.model.get_weights())


def predictions(task: Task) -> Ways:
    model = _model(task.net)
    model.set_weights(task.weights)
    out = np.empty((len(task.x), task.net.units[-1]), np.float32)
    names = {"predict": model.predict, "x": task.x, "out": out}
    names["predict_into"] = model.predictor().predict_into
    return {
        "predict(x)": ("predict(x)", names),
        "predict(x, out=)": ("predict(x, out=out)", names),
        "predictor": ("predict_into(x, out)", names),
    }
