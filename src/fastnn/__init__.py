"""fastnn: dense neural networks on the CPU, trained and served by compiled kernels."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from fastnn import (
        activations,
        constraints,
        data,
        datasets,
        initializers,
        io,
        kernels,
        layers,
        lbfgs,
        losses,
        metrics,
        optimizers,
        parallel,
        regularizers,
        schedules,
    )
    from fastnn._core import Predictor
    from fastnn.config import show_config
    from fastnn.ensemble import Ensemble
    from fastnn.errors import DeadNetworkWarning, FastnnWarning
    from fastnn.events import Event
    from fastnn.history import History
    from fastnn.io import load
    from fastnn.layers import Activation, Dense, Input
    from fastnn.many import fit_many
    from fastnn.model import Sequential
    from fastnn.optimizers import SGD, Adam, AdamW
    from fastnn.parallel import get_num_threads, set_num_threads, threads
    from fastnn.trainer import Trainer

__all__ = [
    "Activation",
    "Adam",
    "AdamW",
    "DeadNetworkWarning",
    "Dense",
    "Ensemble",
    "Event",
    "FastnnWarning",
    "History",
    "Input",
    "Predictor",
    "SGD",
    "Sequential",
    "Trainer",
    "activations",
    "constraints",
    "data",
    "datasets",
    "fit_many",
    "get_num_threads",
    "initializers",
    "io",
    "kernels",
    "layers",
    "lbfgs",
    "load",
    "losses",
    "metrics",
    "optimizers",
    "parallel",
    "regularizers",
    "schedules",
    "set_num_threads",
    "show_config",
    "threads",
]

# Where each name comes from; "" is a module of its own.  Modules load when first asked for, so
# that importing fastnn costs a few milliseconds (PEP 562).
_HOMES = {
    "Activation": "layers",
    "Adam": "optimizers",
    "AdamW": "optimizers",
    "DeadNetworkWarning": "errors",
    "Dense": "layers",
    "Ensemble": "ensemble",
    "Event": "events",
    "FastnnWarning": "errors",
    "History": "history",
    "Input": "layers",
    "Predictor": "_core",
    "SGD": "optimizers",
    "Sequential": "model",
    "Trainer": "trainer",
    "activations": "",
    "constraints": "",
    "data": "",
    "datasets": "",
    "fit_many": "many",
    "get_num_threads": "parallel",
    "initializers": "",
    "io": "",
    "kernels": "",
    "layers": "",
    "lbfgs": "",
    "load": "io",
    "losses": "",
    "metrics": "",
    "optimizers": "",
    "parallel": "",
    "regularizers": "",
    "schedules": "",
    "set_num_threads": "parallel",
    "show_config": "config",
    "threads": "parallel",
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


if "threadpoolctl" in sys.modules:  # its limits shall count from the start
    __getattr__("parallel").follow_threadpoolctl()
