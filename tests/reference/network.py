"""A twin of a network and its training: float64 NumPy, layer by layer, from the formulas.

It takes the layers and the initial parameters from a model and nothing else.
"""

from __future__ import annotations

import numpy as np

from fastnn.layers import Activation, Dense
from reference import activation, loss, optimizer

FUSED = {
    "binary_crossentropy": "sigmoid",
    "categorical_crossentropy": "softmax",
    "sparse_categorical_crossentropy": "softmax",
}


class Twin:
    """Layers and parameters of a `Sequential` in float64.

    `learn` takes one step on one batch; `state` holds the optimizer's arrays by parameter.
    """

    def __init__(self, model, loss_name="mean_squared_error", *, delta=1.0):
        self.loss_name = loss_name
        self.delta = delta
        self.parameters = {name: v.astype(np.float64) for name, v in model.parameters.items()}
        self.stages = []  # (name of the dense layer or "", activation, its arguments)
        for name, layer in zip(model.layer_names, model.layers, strict=True):
            if isinstance(layer, Dense):
                self.stages.append((name, "linear", {}))
            if isinstance(layer, (Dense, Activation)):
                spec = layer.activation
                alpha = {"alpha": spec.alpha} if spec.name in activation.PARAMETRIC else {}
                self.stages.append(("", spec.name, alpha))
        self.state = dict.fromkeys(self.parameters)
        self.t = 0

    def _stages(self, logits):
        """All stages, or those before the activation that the loss brings along."""
        fuses = FUSED.get(self.loss_name)
        if logits and fuses is not None and self.stages[-1][1] == fuses:
            return self.stages[:-1]
        return self.stages

    def values(self, x, *, logits=False):
        """The input and what leaves each stage."""
        values = [np.asarray(x, dtype=np.float64)]
        for name, kind, alpha in self._stages(logits):
            if name:
                product = values[-1] @ self.parameters[f"{name}/kernel"]
                values.append(product + self.parameters.get(f"{name}/bias", 0.0))
            else:
                values.append(activation.FORWARD[kind](values[-1], **alpha))
        return values

    def predict(self, x):
        return self.values(x)[-1]

    def backward(self, values, dy, *, logits=False):
        """Gradients by name, and the input's."""
        gradients = {}
        stages = self._stages(logits)
        for i in range(len(stages) - 1, -1, -1):
            name, kind, alpha = stages[i]
            if not name:
                dy = activation.BACKWARD[kind](values[i], dy, **alpha)
                continue
            gradients[f"{name}/kernel"] = values[i].T @ dy
            if f"{name}/bias" in self.parameters:
                gradients[f"{name}/bias"] = dy.sum(axis=0)
            dy = dy @ self.parameters[f"{name}/kernel"].T
        return gradients, dy

    def loss_and_gradients(self, x, y, weight=None):
        """The batch's weighted mean loss and its gradients by name."""
        values = self.values(x, logits=True)
        y = np.asarray(y)
        if self.loss_name != "sparse_categorical_crossentropy":
            y = y.reshape(len(y), -1)
        settings = {"delta": self.delta} if self.loss_name == "huber" else {}
        value, dy = loss.value_and_gradient(self.loss_name, values[-1], y, weight, **settings)
        return value, self.backward(values, dy, logits=True)[0]

    def learn(self, x, y, weight=None, *, kind, exclude=(), weight_decay=0.0, **settings):
        """One step of "sgd" or "adam" (with a decay: AdamW); returns the loss before it."""
        value, gradients = self.loss_and_gradients(x, y, weight)
        self.t += 1
        for name, gradient in gradients.items():
            p = self.parameters[name]
            if kind == "sgd":
                velocity = self.state[name]
                if velocity is None and settings.get("momentum", 0.0) > 0:
                    velocity = np.zeros_like(p)
                p, self.state[name] = optimizer.sgd_step(p, gradient, velocity, **settings)
            else:
                m, v = self.state[name] or (np.zeros_like(p), np.zeros_like(p))
                decay = 0.0 if name in exclude else weight_decay
                p, m, v = optimizer.adam_step(
                    p, gradient, m, v, t=self.t, weight_decay=decay, **settings
                )
                self.state[name] = m, v
            self.parameters[name] = p
        return value
