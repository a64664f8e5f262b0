"""PyTorch: eager, and compiled.

Eager is the loop that everybody writes, with the rows in one tensor, no DataLoader, and Adam's
fused form, the fastest of its three here.  Compiled is more than most would write: the whole step,
gradients and Adam with them, is one function without autograd's tape, so that TorchInductor makes
one kernel call of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from .child import Ways
from .workloads import Array, Task

_use = ""


def set_up(use: str, threads: int) -> dict[str, str]:
    global _use
    _use = use
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    return {"PyTorch": torch.__version__}


def network(task: Task) -> torch.nn.Sequential:
    """Return the layers with the initial weights, up to the logits."""
    layers: list[torch.nn.Module] = []
    for i in range(0, len(task.weights), 2):
        kernel, bias = map(torch.from_numpy, task.weights[i : i + 2])
        layer = torch.nn.Linear(*kernel.shape)
        with torch.no_grad():
            layer.weight.copy_(kernel.T)
            layer.bias.copy_(bias)
        layers.append(layer)
        layers.append(torch.nn.Tanh() if task.net.hidden == "tanh" else torch.nn.ReLU())
    return torch.nn.Sequential(*layers[:-1])


class _Epochs:
    """The rows, an epoch's batches of them."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.x, self.y = torch.from_numpy(task.x), torch.from_numpy(task.y)
        self.orders = torch.from_numpy(task.orders)

    def batches(self, epoch: int) -> Any:
        order = self.orders[epoch % len(self.orders)]
        size = self.task.batch_size
        return zip(self.x[order].split(size), self.y[order].split(size), strict=True)


class _Eager:
    def __init__(self, task: Task) -> None:
        self.task, self.rows = task, _Epochs(task)
        self.loss = torch.nn.CrossEntropyLoss() if task.net.labels else torch.nn.MSELoss()
        self.reset()

    def reset(self) -> None:
        self.model = network(self.task)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3, fused=True)

    def run(self, epochs: int) -> None:
        model, loss, optimizer = self.model, self.loss, self.optimizer
        for epoch in range(epochs):
            for x, y in self.rows.batches(epoch):
                optimizer.zero_grad(set_to_none=True)
                loss(model(x), y).backward()
                optimizer.step()

    def weights(self) -> list[Array]:
        return [_array(value) for value in self.model.parameters()]


class _Compiled:
    def __init__(self, task: Task) -> None:
        self.task, self.rows = task, _Epochs(task)
        self.params = [value.detach() for value in network(task).parameters()]
        self.m = [torch.zeros_like(value) for value in self.params]
        self.v = [torch.zeros_like(value) for value in self.params]
        self.t = torch.zeros(())
        activation = torch.tanh if task.net.hidden == "tanh" else torch.relu
        error: Any = functional.cross_entropy if task.net.labels else functional.mse_loss

        def loss(params: Sequence[torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            for i in range(0, len(params), 2):
                x = functional.linear(x, params[i], params[i + 1])
                x = activation(x) if i + 2 < len(params) else x
            value: torch.Tensor = error(x, y)
            return value

        def step(
            params: list[torch.Tensor],
            moments: tuple[list[torch.Tensor], list[torch.Tensor]],
            t: torch.Tensor,
            x: torch.Tensor,
            y: torch.Tensor,
        ) -> None:
            gradients = torch.func.grad(loss)(params, x, y)
            t.add_(1.0)
            rate = 1e-3 / (1.0 - 0.9**t)
            root = torch.sqrt(1.0 - 0.999**t)
            for p, m, v, g in zip(params, *moments, gradients, strict=True):
                m.mul_(0.9).add_(g, alpha=0.1)
                v.mul_(0.999).addcmul_(g, g, value=0.001)
                p.sub_(rate * m / (v.sqrt() / root + 1e-8))

        self.step = torch.compile(step, dynamic=False, fullgraph=True)

    def reset(self) -> None:
        for param, value in zip(self.params, network(self.task).parameters(), strict=True):
            param.copy_(value.detach())
        for value in (*self.m, *self.v, self.t):
            value.zero_()

    def run(self, epochs: int) -> None:
        with torch.no_grad():
            for epoch in range(epochs):
                for x, y in self.rows.batches(epoch):
                    self.step(self.params, (self.m, self.v), self.t, x, y)

    def weights(self) -> list[Array]:
        return [_array(value) for value in self.params]


def Training(task: Task) -> _Eager | _Compiled:  # noqa: N802 - a class in the other peers
    _watch_gradients(True)
    return _Compiled(task) if _use == "compiled" else _Eager(task)


def _array(value: torch.Tensor) -> Array:
    """Return a copy, kernels as (fan_in, units)."""
    return np.array(value.detach().numpy().T)


_inference = torch.inference_mode(True)
_inferring = False


def _watch_gradients(wanted: bool) -> None:
    """Turn autograd on or off until told otherwise: one network after another has the process."""
    global _inferring
    if _inferring and wanted:
        _inference.__exit__(None, None, None)
    elif not _inferring and not wanted:
        _inference.__enter__()
    _inferring = not wanted
    torch.set_grad_enabled(wanted)


def predictions(task: Task) -> Ways:
    model: Any = network(task).eval()
    if task.net.labels:
        model.append(torch.nn.Softmax(dim=1))
    if _use == "compiled":
        torch._dynamo.reset()  # it compiles a function for a few shapes only, then refuses
        model = torch.compile(model, dynamic=False, fullgraph=True)
    _watch_gradients(False)
    names = {"model": model, "x": task.x, "tensor": torch.from_numpy(task.x)}
    names["from_numpy"] = torch.from_numpy
    return {
        "NumPy in and out": ("model(from_numpy(x)).numpy()", names),
        "tensors": ("model(tensor)", names),
    }
