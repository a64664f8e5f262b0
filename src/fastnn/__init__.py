"""fastnn: dense neural networks on the CPU, trained and served by compiled kernels."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from fastnn import (
        activations,
        data,
        datasets,
        initializers,
        io,
        kernels,
        layers,
        losses,
        metrics,
        optimizers,
    )
    from fastnn._core import Predictor
    from fastnn.config import show_config
    from fastnn.errors import DeadNetworkWarning, FastnnWarning
    from fastnn.events import Event
    from fastnn.history import History
    from fastnn.io import load
    from fastnn.layers import Activation, Dense, Input
    from fastnn.model import Sequential
    from fastnn.optimizers import SGD, Adam, AdamW
    from fastnn.trainer import Trainer

__all__ = [
    "Activation",
    "Adam",
    "AdamW",
    "DeadNetworkWarning",
    "Dense",
    "Event",
    "FastnnWarning",
    "History",
    "Input",
    "Predictor",
    "SGD",
    "Sequential",
    "Trainer",
    "activations",
    "data",
    "datasets",
    "initializers",
    "io",
    "kernels",
    "layers",
    "load",
    "losses",
    "metrics",
    "optimizers",
    "show_config",
]

# Where each name comes from; "" is a module of its own.  Modules load when first asked for, so
# that importing fastnn costs a few milliseconds (PEP 562).
_HOMES = {
    "Activation": "layers",
    "Adam": "optimizers",
    "AdamW": "optimizers",
    "DeadNetworkWarning": "errors",
    "Dense": "layers",
    "Event": "events",
    "FastnnWarning": "errors",
    "History": "history",
    "Input": "layers",
    "Predictor": "_core",
    "SGD": "optimizers",
    "Sequential": "model",
    "Trainer": "trainer",
    "activations": "",
    "data": "",
    "datasets": "",
    "initializers": "",
    "io": "",
    "kernels": "",
    "layers": "",
    "load": "io",
    "losses": "",
    "metrics": "",
    "optimizers": "",
    "show_config": "config",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'fastnn' has no attribute {name!r}")
    module = importlib.import_module(f"fastnn.{home or name}")
    value = module if home == "" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
