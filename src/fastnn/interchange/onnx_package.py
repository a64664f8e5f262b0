"""The packages that read and write ONNX, loaded when they are asked for."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["load_onnx"]


def load_onnx(where: str, *submodules: str) -> Any:
    """Return the module ``onnx``, with some of its submodules loaded.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        for name in ("", *submodules):
            importlib.import_module(f"onnx.{name}".rstrip("."))
    except ImportError as error:
        raise ImportError(
            f"{where} needs the package onnx, which cannot be imported ({error}); "
            f'python -m pip install "fastnn-core[onnx]"'
        ) from None
    return importlib.import_module("onnx")
