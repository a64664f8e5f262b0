"""The one file of an estimator: a network's file (see `fastnn.io`) that knows its table.

A second metadata entry, "fastnn.tabular", holds JSON: what the estimator is and was told, the
columns with their ranges and categories, target and classes, metrics, history, versions.
`fastnn.load` reads the bare network from the same file.
"""

from __future__ import annotations

import json
import os
import platform
from typing import Any

import numpy as np

from fastnn import io
from fastnn.model import Model
from fastnn.tabular.arrow import need_arrow

__all__ = ["KEY", "read", "write"]

KEY, VERSION = "fastnn.tabular", 1


def versions() -> dict[str, str]:
    """Return what an estimator was made with."""
    from fastnn import __version__

    return {
        "fastnn": __version__,
        "numpy": np.__version__,
        "pyarrow": need_arrow().__version__,
        "python": platform.python_version(),
    }


def write(model: Model, facts: dict[str, Any], path: str | os.PathLike[str]) -> None:
    """Write it; the file at `path` is replaced only once the new one is whole."""
    io.write(model, path, {}, {KEY: json.dumps({"version": VERSION, **facts})})


def read(path: str | os.PathLike[str]) -> tuple[Model, dict[str, Any]]:
    """Return the network of a file, and what it knows of its table."""
    where = "fastnn.tabular.load"
    name = os.fsdecode(path)
    model, _, entries = io.read(path, None)
    if KEY not in entries:
        raise ValueError(
            f"{where}: {name} holds a network, but not the columns of a table; fastnn.load reads it"
        )
    try:
        facts = json.loads(entries[KEY])
        version = facts["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{where}: {name} has broken metadata ({error!r})") from None
    if not isinstance(version, int) or version > VERSION:
        raise ValueError(
            f"{where}: {name} has version {version} of a table's estimator; this fastnn reads up "
            f"to {VERSION}: a newer one wrote it"
        )
    return model, facts
