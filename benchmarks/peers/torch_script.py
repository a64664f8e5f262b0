"""TorchScript: a traced, frozen network, optimised for inference."""

from __future__ import annotations

import warnings
from typing import Any

import torch

from . import pytorch
from .child import Ways
from .workloads import Task


def set_up(use: str, threads: int) -> dict[str, str]:
    return pytorch.set_up(use, threads)


def predictions(task: Task) -> Ways:
    model: Any = pytorch.network(task).eval()
    if task.net.labels:
        model.append(torch.nn.Softmax(dim=1))
    tensor = torch.from_numpy(task.x)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore", DeprecationWarning)
        model = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(model, tensor)))
    torch.inference_mode(True).__enter__()  # for good: this network is not trained
    names = {"model": model, "x": task.x, "tensor": tensor, "from_numpy": torch.from_numpy}
    return {
        "NumPy in and out": ("model(from_numpy(x)).numpy()", names),
        "tensors": ("model(tensor)", names),
    }
