"""fastnn: dense neural networks on the CPU, trained and served by compiled kernels."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from fastnn import (
        activations,
        callbacks,
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
        sklearn,
        tabular,
    )
    from fastnn._core import Predictor
    from fastnn.config import show_config
    from fastnn.ensemble import Ensemble
    from fastnn.errors import DeadNetworkWarning, FastnnWarning
    from fastnn.events import Event
    from fastnn.history import History
    from fastnn.interchange.keras import from_keras
    from fastnn.interchange.onnx_in import from_onnx
    from fastnn.interchange.sklearn import from_sklearn
    from fastnn.interchange.torch import from_torch
    from fastnn.io import load
    from fastnn.layers import (
        Activation,
        ActivityRegularization,
        Add,
        AlphaDropout,
        Average,
        BatchNormalization,
        Bilinear,
        Concatenate,
        Dense,
        Dropout,
        Embedding,
        Flatten,
        GaussianDropout,
        GaussianNoise,
        Input,
        Lambda,
        LayerNormalization,
        Maximum,
        Maxout,
        Multiply,
        Normalization,
        PReLU,
        RMSNormalization,
        Split,
        Subtract,
    )
    from fastnn.many import fit_many
    from fastnn.model import Model
    from fastnn.optimizers import SGD, Adam, AdamW
    from fastnn.parallel import get_num_threads, set_num_threads, threads
    from fastnn.sequential import Sequential
    from fastnn.trainer import Trainer, load_trainer

__all__ = [
    "Activation",
    "ActivityRegularization",
    "Adam",
    "AdamW",
    "Add",
    "AlphaDropout",
    "Average",
    "BatchNormalization",
    "Bilinear",
    "Concatenate",
    "DeadNetworkWarning",
    "Dense",
    "Dropout",
    "Embedding",
    "Ensemble",
    "Event",
    "FastnnWarning",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "History",
    "Input",
    "Lambda",
    "LayerNormalization",
    "Maximum",
    "Maxout",
    "Model",
    "Multiply",
    "Normalization",
    "PReLU",
    "Predictor",
    "RMSNormalization",
    "SGD",
    "Sequential",
    "Split",
    "Subtract",
    "Trainer",
    "activations",
    "callbacks",
    "constraints",
    "data",
    "datasets",
    "fit_many",
    "from_keras",
    "from_onnx",
    "from_sklearn",
    "from_torch",
    "get_num_threads",
    "initializers",
    "io",
    "kernels",
    "layers",
    "lbfgs",
    "load",
    "load_trainer",
    "losses",
    "metrics",
    "optimizers",
    "parallel",
    "regularizers",
    "schedules",
    "set_num_threads",
    "show_config",
    "sklearn",
    "tabular",
    "threads",
]

# Where each name comes from; "" is a module of its own.  Modules load when first asked for, so
# that importing fastnn costs a few milliseconds (PEP 562).
_HOMES = {
    "Activation": "layers",
    "ActivityRegularization": "layers",
    "Adam": "optimizers",
    "AdamW": "optimizers",
    "Add": "layers",
    "AlphaDropout": "layers",
    "Average": "layers",
    "BatchNormalization": "layers",
    "Bilinear": "layers",
    "Concatenate": "layers",
    "DeadNetworkWarning": "errors",
    "Dense": "layers",
    "Dropout": "layers",
    "Embedding": "layers",
    "Ensemble": "ensemble",
    "Event": "events",
    "FastnnWarning": "errors",
    "Flatten": "layers",
    "GaussianDropout": "layers",
    "GaussianNoise": "layers",
    "History": "history",
    "Input": "layers",
    "Lambda": "layers",
    "LayerNormalization": "layers",
    "Maximum": "layers",
    "Maxout": "layers",
    "Model": "model",
    "Multiply": "layers",
    "Normalization": "layers",
    "PReLU": "layers",
    "Predictor": "_core",
    "RMSNormalization": "layers",
    "SGD": "optimizers",
    "Sequential": "sequential",
    "Split": "layers",
    "Subtract": "layers",
    "Trainer": "trainer",
    "activations": "",
    "callbacks": "",
    "constraints": "",
    "data": "",
    "datasets": "",
    "fit_many": "many",
    "from_keras": "interchange.keras",
    "from_onnx": "interchange.onnx_in",
    "from_sklearn": "interchange.sklearn",
    "from_torch": "interchange.torch",
    "get_num_threads": "parallel",
    "initializers": "",
    "io": "",
    "kernels": "",
    "layers": "",
    "lbfgs": "",
    "load": "io",
    "load_trainer": "trainer",
    "losses": "",
    "metrics": "",
    "optimizers": "",
    "parallel": "",
    "regularizers": "",
    "schedules": "",
    "set_num_threads": "parallel",
    "show_config": "config",
    "sklearn": "",
    "tabular": "",
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
