"""scikit-learn: MLPRegressor and MLPClassifier, an epoch by ``partial_fit``.

It halves the squared error and adds, where others average, over the outputs.  Adam does not mind a
factor but in its epsilon, which is scaled by it.  Its epsilon goes to the root before that is
corrected: a difference below what is compared here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier, MLPRegressor

from .child import Ways
from .workloads import Array, Task


def set_up(use: str, threads: int) -> dict[str, str]:
    return {"scikit-learn": sklearn.__version__}


class Training:
    """Epochs from the initial weights, as validated and gathered by scikit-learn."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.y = task.y.ravel() if not task.net.labels and task.y.shape[1] == 1 else task.y
        self.reset()

    def reset(self) -> None:
        task = self.task
        net = task.net
        settings: dict[str, Any] = {
            "hidden_layer_sizes": net.units[1:-1],
            "activation": net.hidden,
            "alpha": 0.0,
            "batch_size": task.batch_size,
            "shuffle": False,
        }
        few = slice(0, task.batch_size)
        # the first call draws weights and makes Adam's moments, which are then put back
        if net.labels:
            self.model = MLPClassifier(**settings)
            classes = np.arange(net.units[-1])
            self.model.partial_fit(task.x[few], self.y[few], classes=classes)
        else:
            self.model = MLPRegressor(**settings, epsilon=0.5e-8 * net.units[-1])
            self.model.partial_fit(task.x[few], self.y[few])
        _put(self.model, task)
        adam = self.model._optimizer
        adam.t = 0
        for moment in (*adam.ms, *adam.vs):
            moment[:] = 0.0

    def run(self, epochs: int) -> None:
        task = self.task
        for epoch in range(epochs):
            order = task.order(epoch)
            self.model.partial_fit(task.x[order], self.y[order])

    def weights(self) -> list[Array]:
        pairs = zip(self.model.coefs_, self.model.intercepts_, strict=True)
        return [array for pair in pairs for array in pair]


def _put(model: Any, task: Task) -> None:
    """Put the initial weights in place."""
    for arrays, values in (
        (model.coefs_, task.weights[::2]),
        (model.intercepts_, task.weights[1::2]),
    ):
        for array, value in zip(arrays, values, strict=True):
            array[:] = value


def predictions(task: Task) -> Ways:
    net = task.net
    settings: dict[str, Any] = {"hidden_layer_sizes": net.units[1:-1], "activation": net.hidden}
    few = np.zeros((32, net.units[0]), np.float32)
    model: Any
    if net.labels:
        model = MLPClassifier(**settings)
        model.partial_fit(few, np.zeros(32, int), classes=np.arange(net.units[-1]))
    else:
        model = MLPRegressor(**settings)
        model.partial_fit(few, np.zeros((32, net.units[-1]), np.float32).squeeze())
    _put(model, task)
    call = "predict_proba" if net.labels else "predict"
    return {call: ("predict(x)", {"predict": getattr(model, call), "x": task.x})}
