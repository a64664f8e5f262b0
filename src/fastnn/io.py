"""Models as files: one safetensors file each, never pickle.

The tensors lie under the keys of ``model.parameters``; one metadata entry, "fastnn", holds JSON
with the format's name and version, the architecture and the dtype.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np

from fastnn._spec import describe
from fastnn.model import Model

__all__ = ["load", "save"]

FORMAT, VERSION = "fastnn.model", 1
KEY = "fastnn"
STATE = "state/"  # begins the keys of what is kept but not trained
TRAINER_KEY = "fastnn.trainer"  # of a file that a trainer wrote: JSON, with a list of its "tensors"


def save(model: Model, path: str | os.PathLike[str]) -> None:
    """Write a model; ``model.save(path)`` calls it.

    Parameters
    ----------
    model : Sequential
    path : str or path-like
        Replaced only once the new file is whole.

    Raises
    ------
    OSError
        If the file cannot be written; an old one stays as it was.

    Examples
    --------
    >>> import fastnn as fnn, tempfile, pathlib
    >>> model = fnn.Sequential([fnn.Input(2), fnn.Dense(1)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     fnn.io.save(model, pathlib.Path(folder, "m.safetensors"))
    ...     len(fnn.load(pathlib.Path(folder, "m.safetensors")))
    2
    """
    write(model, path, {}, {})


def write(
    model: Model,
    path: str | os.PathLike[str],
    more: Mapping[str, np.ndarray[Any, Any]],
    entries: Mapping[str, str],
) -> None:
    """Write a model with more tensors and metadata beside its own."""
    from safetensors.numpy import save as to_bytes

    meta = {
        "format": FORMAT,
        "version": VERSION,
        "dtype": model.dtype,
        "config": model.config(),
    }
    # Copies are contiguous; safetensors would write other arrays wrongly without a word.
    tensors = tensors_of(model)
    for key, array in more.items():
        if key in tensors:
            raise ValueError(f"save: a layer's parameter {key!r} has a name that the file needs")
        tensors[key] = np.array(array, order="C")
    _write_whole(path, to_bytes(tensors, {KEY: json.dumps(meta), **entries}))


def load(
    path: str | os.PathLike[str], *, custom_objects: Mapping[str, type[Any]] | None = None
) -> Model:
    """Read a model that its `save` wrote.

    Parameters
    ----------
    path : str or path-like
    custom_objects : mapping of name to class, optional
        A person's own layers, activations and initializers.

    Returns
    -------
    Model
        A `Sequential` if it was one.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is truncated, no model of fastnn, or of a newer format.

    Examples
    --------
    >>> import fastnn as fnn, tempfile, pathlib
    >>> model = fnn.Sequential([fnn.Input(2), fnn.Dense(1)], seed=3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(pathlib.Path(folder, "m.safetensors"))
    ...     fnn.load(pathlib.Path(folder, "m.safetensors")).seed
    3
    """
    return read(path, custom_objects)[0]


def read(
    path: str | os.PathLike[str], custom_objects: Mapping[str, type[Any]] | None
) -> tuple[Model, dict[str, np.ndarray[Any, Any]], dict[str, str]]:
    """Return the model of a file, the tensors that a trainer wrote beside it, and all metadata."""
    from safetensors import SafetensorError, safe_open

    where = "load"
    name = os.fsdecode(path)
    with open(path, "rb"):  # missing or unreadable: Python's own error, which names the file
        pass
    try:
        with safe_open(name, framework="numpy") as file:
            entries = file.metadata() or {}
            meta = _parse(name, entries.get(KEY))
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, TypeError) as error:  # TypeError: a type that NumPy lacks
        raise ValueError(
            f"{where}: {name} is not a whole safetensors file, or none at all"
        ) from error
    try:
        model = Model.from_config(meta["config"], custom_objects)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{where}: {name} describes no model of fastnn: {error}") from error
    more = {}
    if TRAINER_KEY in entries:
        try:
            more = {key: tensors.pop(key) for key in json.loads(entries[TRAINER_KEY])["tensors"]}
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{where}: {name} has broken metadata ({error!r})") from None
    _fill(model, tensors, name)
    return model, more, entries


def _parse(name: str, text: str | None) -> dict[str, Any]:
    where = "load"
    if text is None:
        raise ValueError(f"{where}: {name} is a safetensors file, but not a model of fastnn")
    try:
        meta = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{where}: {name} has broken metadata ({error})") from None
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        got = meta.get("format") if isinstance(meta, dict) else describe(meta)
        raise ValueError(f"{where}: {name} has format {got!r}, want {FORMAT!r}")
    version = meta.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise ValueError(
            f"{where}: {name} has format version {version}; this fastnn reads up to {VERSION}: "
            f"a newer one wrote it"
        )
    return meta


def tensors_of(model: Model) -> dict[str, np.ndarray[Any, Any]]:
    """Return copies of a model's arrays by their keys in a file, taken between two steps."""
    arena = model.snapshot()
    state = {f"{STATE}{name}": view for name, view in model._views(arena, trained=False).items()}
    views = {**model._views(arena, trained=True), **state}
    return {name: np.array(view) for name, view in views.items()}


def _fill(model: Model, tensors: Mapping[str, np.ndarray[Any, Any]], name: str) -> None:
    where = "load"
    views = {**model.parameters, **{f"{STATE}{key}": view for key, view in model.state.items()}}
    if tensors.keys() != views.keys():
        lacking = sorted(views.keys() - tensors.keys())
        unknown = sorted(tensors.keys() - views.keys())
        raise ValueError(
            f"{where}: {name} does not fit its architecture: "
            f"it lacks {lacking or 'nothing'}, and holds {unknown or 'nothing'} besides"
        )
    for key, view in views.items():
        tensor = tensors[key]
        if tensor.shape != view.shape or tensor.dtype != view.dtype:
            raise ValueError(
                f"{where}: {name} has {key} as {tensor.dtype} {tensor.shape}, "
                f"want {view.dtype} {view.shape}"
            )
    for key, view in views.items():
        view[...] = tensors[key]


def _write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write beside `path`, then move there: it holds the old file or the new one, never half."""
    with _whole_file(path) as file:
        file.write(content)


@contextlib.contextmanager
def _whole_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file beside `path` to write; it is moved there unless the block raises."""
    target = os.path.realpath(os.fsdecode(path))  # through a link, to what it names
    if os.path.exists(target) and not os.path.isfile(target):
        # A folder cannot be replaced, a device or a pipe must not be.
        raise OSError(errno.EINVAL, "save: want the name of a file, this is none", target)
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, f"save: there is no folder for {path!r}", folder)
    temporary = os.path.join(folder, f".fastnn-{os.getpid()}-{os.urandom(4).hex()}.part")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if os.path.exists(target):
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
