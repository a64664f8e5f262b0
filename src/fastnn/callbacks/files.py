"""Callbacks that write files: models, fits to go on with, logs."""

from __future__ import annotations

import errno
import json
import math
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from string import Formatter
from time import monotonic
from typing import Any, TextIO

from fastnn._spec import check_bool, check_float, check_int, describe, lookup
from fastnn.callbacks.base import Callback, State
from fastnn.callbacks.monitors import Following, Monitor
from fastnn.events import Event, Handler

Path = str | os.PathLike[str]


def _check_path(where: str, path: object) -> str:
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"{where}: path must be a string or path-like, got {describe(path)}")
    return os.fsdecode(path)


def _check_folder(where: str, path: str, plain: str | None = None) -> None:
    """Refuse a file in a folder that is not there, before anything is trained.

    If only the `plain` begin of the path is known, the folders in that.
    """
    folder = os.path.dirname(os.path.realpath(path if plain is None else plain + "_"))
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, f"{where}: there is no folder for {path!r}", folder)


class ModelCheckpoint(Following):
    """Writes the model during a fit: each epoch, every so many, or whenever it is the best.

    Parameters
    ----------
    path : str or path-like
        May have places for the epoch and the numbers of its logs, such as
        ``"cars-{epoch:03d}-{val_loss:.2f}.safetensors"``; without, the file is written over.
    monitor : str
        What tells the best; only its name is looked at otherwise.
    save_best_only : bool
        Write only when the number is better than ever before in the fit.
    mode : {"auto", "min", "max"}
        Whether less or more is better; "auto" asks the metric.
    every : int
        Write every so many epochs.
    keep : int, optional
        Delete the oldest of the files written in this fit when there are more than this.  With
        `save_best_only` those are the best.
    training : bool
        Write the trainer (as `Trainer.save`: optimizer state, history, ...) rather than the model.
        `fastnn.load` reads the model from either.

    Examples
    --------
    >>> import fastnn as fnn, os, tempfile
    >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "model-{epoch}.safetensors")
    ...     keep = fnn.callbacks.ModelCheckpoint(path, every=2, keep=2)
    ...     _ = fnn.Trainer(model, "mse").fit(
    ...         [[1.0]], [[2.0]], epochs=9, verbose=0, callbacks=[keep]
    ...     )
    ...     sorted(os.listdir(folder))
    ['model-6.safetensors', 'model-8.safetensors']
    """

    def __init__(
        self,
        path: Path,
        *,
        monitor: str = "val_loss",
        save_best_only: bool = False,
        mode: str = "auto",
        every: int = 1,
        keep: int | None = None,
        training: bool = False,
    ) -> None:
        where = "ModelCheckpoint"
        self.path = _check_path(where, path)
        self.save_best_only = check_bool(where, "save_best_only", save_best_only)
        self.epochs_between = check_int(where, "every", every)
        self.keep = None if keep is None else check_int(where, "keep", keep)
        self.training = check_bool(where, "training", training)
        self._monitor = Monitor(where, monitor, mode)
        try:
            parts = list(Formatter().parse(self.path))
        except ValueError as error:
            raise ValueError(f"{where}: path {self.path!r} is no format: {error}") from None
        self._fields = [field for _, field, _, _ in parts if field]
        self._plain = parts[0][0] if parts else ""  # what stands before the first place
        if self.keep is not None and not self._fields:
            raise ValueError(
                f"{where}: keep is {self.keep}, but path {self.path!r} names one file; want a "
                f"place for the epoch in it, as in 'model-{{epoch:03d}}.safetensors'"
            )
        self.written: list[str] = []

    def on_train_begin(self, event: Event) -> None:
        """Refuse names that will not be there, and a folder that is not."""
        where = "ModelCheckpoint"
        if self.save_best_only:
            self._monitor.begin(event)
        elif self.monitor != "val_loss":  # the default, of which nothing is asked
            lookup("monitor", self.monitor, dict.fromkeys(event.names), where)
        known = dict.fromkeys(("epoch", *event.names))
        for field in self._fields:
            lookup("place in path", field, known, where)
        self._name(0, dict.fromkeys(event.names, 0.0))
        _check_folder(where, self.path, self._plain)
        self.written = []

    def on_epoch_end(self, event: Event) -> None:
        """Write, if it is time."""
        if event.epoch % self.epochs_between != 0:
            return
        if self.save_best_only:
            value = event.logs.get(self.monitor)
            if value is None or not self._monitor.improves(value):
                return
        path = self._name(event.epoch, event.logs)
        if self.training:
            event.save(path)
        else:
            event.save_model(path)
        self.written = [*(old for old in self.written if old != path), path]

    def on_epoch_begin(self, event: Event) -> None:
        """Delete what is too many, now that the newer files are whole."""
        while self.keep is not None and len(self.written) > self.keep:
            _delete(self.written.pop(0))

    def on_train_end(self, event: Event) -> None:
        """Delete what is too many."""
        self.on_epoch_begin(event)

    def _name(self, epoch: int, logs: Mapping[str, float]) -> str:
        try:
            return self.path.format(epoch=epoch, **logs)
        except KeyError as missing:  # an epoch without validation
            return self.path.format_map({"epoch": epoch, missing.args[0]: math.nan, **logs})
        except (ValueError, IndexError) as error:
            raise ValueError(f"ModelCheckpoint: path {self.path!r}: {error}") from None

    def state(self) -> State:
        """Return the best so far and the files written."""
        return {"best": self.best, "written": self.written}

    def restore(self, state: State) -> None:
        """Go on from what `state` returned."""
        self._monitor.best, self.written = state["best"], list(state["written"])


class BackupAndRestore(Callback):
    """Keeps a file from which a fit that was interrupted, even killed, goes on.

    Run the same script again: if the file is there, the fit takes from it the parameters, the
    optimizer's state, the history and the state of the other callbacks, and goes on with the same
    bits as one that was never interrupted.

    Parameters
    ----------
    path : str or path-like
        Replaced only once the new file is whole.
    save_freq : "epoch" or int
        At the end of each epoch, or every so many batches within it.
    seconds : float
        Not more often than this: each file is made safe on the disk, some milliseconds.
    delete_checkpoint : bool
        Delete the file when the fit has ended as it should.
    custom_objects : mapping of name to class, optional
        A person's own layers, activations and initializers.

    Examples
    --------
    >>> import fastnn as fnn, os, tempfile
    >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     backup = fnn.callbacks.BackupAndRestore(os.path.join(folder, "run.safetensors"))
    ...     history = fnn.Trainer(model, "mse").fit(
    ...         [[1.0]], [[2.0]], epochs=3, verbose=0, callbacks=[backup]
    ...     )
    >>> history.epoch
    [1, 2, 3]
    """

    def __init__(
        self,
        path: Path,
        *,
        save_freq: str | int = "epoch",
        seconds: float = 0.0,
        delete_checkpoint: bool = True,
        custom_objects: Mapping[str, Any] | None = None,
    ) -> None:
        where = "BackupAndRestore"
        self.path = _check_path(where, path)
        self.save_freq = save_freq
        if isinstance(save_freq, str):
            if save_freq != "epoch":
                raise ValueError(
                    f'{where}: save_freq must be "epoch" or a number of batches, got {save_freq!r}'
                )
        else:
            self.every = check_int(where, "save_freq", save_freq)
        self.seconds = check_float(where, "seconds", seconds, at_least=0)
        self.delete_checkpoint = check_bool(where, "delete_checkpoint", delete_checkpoint)
        self.custom_objects = custom_objects
        self._saved = -math.inf

    def handlers(self) -> list[tuple[str, Handler]]:
        """Listen to batches only if asked to."""
        found = super().handlers()
        if isinstance(self.save_freq, str):
            return [(name, method) for name, method in found if name != "batch_end"]
        return found

    def resumes_from(self) -> str | None:
        """Return the file, if an earlier fit has left one."""
        return self.path if os.path.exists(self.path) else None

    def on_train_begin(self, event: Event) -> None:
        """Refuse a folder that is not there; start the clock."""
        _check_folder("BackupAndRestore", self.path)
        self._saved = -math.inf if self.seconds == 0 else monotonic()

    def on_batch_end(self, event: Event) -> None:
        """Write the file."""
        self._save(event)

    def on_epoch_end(self, event: Event) -> None:
        """Write the file."""
        self._save(event)

    def _save(self, event: Event) -> None:
        if self.seconds > 0:
            now = monotonic()
            if now - self._saved < self.seconds:
                return
            self._saved = now
        event.save(self.path)

    def on_train_end(self, event: Event) -> None:
        """Delete the file."""
        if self.delete_checkpoint:
            _delete(self.path)


def _delete(path: str) -> None:
    if os.path.exists(path):
        os.unlink(path)


class _Logger(Callback, ABC):
    """Base of the callbacks that write a line for each epoch into a file."""

    def __init__(self, path: Path, append: bool) -> None:
        self.path = _check_path(type(self).__name__, path)
        self.append = check_bool(type(self).__name__, "append", append)
        self._file: TextIO | None = None
        self._start: int | None = None  # bytes of the file that stay; None for all
        self._bytes: int | None = None  # to the end of the last line, once there is one

    @abstractmethod
    def line(self, epoch: int, seconds: float, logs: Mapping[str, float]) -> str:
        """Return the line of an epoch."""

    def head(self, logs: Mapping[str, float]) -> str:
        """Return what stands above the lines, for an empty file."""
        return ""

    def on_train_begin(self, event: Event) -> None:
        """Refuse a folder that is not there; begin anew."""
        _check_folder(type(self).__name__, self.path)
        self.close()
        self._names = event.names
        self._start = None if self.append else 0
        self._bytes = None

    def on_epoch_end(self, event: Event) -> None:
        """Write the line of the epoch."""
        logs = dict.fromkeys(self._names, math.nan) | dict(event.logs)
        if self._file is None:
            self._file = self._open(logs)
        self._file.write(self.line(event.epoch, event.seconds, logs))
        self._file.flush()
        self._bytes = self._file.tell()

    def _open(self, logs: Mapping[str, float]) -> TextIO:
        file = open(self.path, "a+", encoding="utf-8", newline="")  # noqa: SIM115
        if self._start is not None:
            file.truncate(min(self._start, file.seek(0, os.SEEK_END)))
        if file.seek(0, os.SEEK_END) == 0:
            file.write(self.head(logs))
        return file

    def close(self) -> None:
        """Close the file."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def state(self) -> State:
        """Return how much of the file there is."""
        return {"bytes": self._bytes}

    def restore(self, state: State) -> None:
        """Go on after the lines that were there."""
        self.close()
        self._bytes = state["bytes"]
        if self._bytes is not None:
            self._start = self._bytes


class CSVLogger(_Logger):
    """Writes a table of the epochs: a line of names, then a line an epoch.

    Parameters
    ----------
    path : str or path-like
    separator : str
        Between the columns: one character.
    append : bool
        Go on with a file that is there instead of replacing it.

    Examples
    --------
    >>> import fastnn as fnn, pathlib, tempfile
    >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1, kernel_initializer="ones")])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "log.csv")
    ...     _ = fnn.Trainer(model, "mse").fit(
    ...         [[1.0]], [[3.0]], verbose=0, callbacks=[fnn.callbacks.CSVLogger(path)]
    ...     )
    ...     print(path.read_text())
    epoch,loss
    1,4.0
    """

    def __init__(self, path: Path, *, separator: str = ",", append: bool = False) -> None:
        super().__init__(path, append)
        if len(separator) != 1 or separator in '"\r\n':
            raise ValueError(f"CSVLogger: separator must be one character, got {separator!r}")
        self.separator = separator

    def head(self, logs: Mapping[str, float]) -> str:
        """Return the names."""
        return self._row(["epoch", *logs])

    def line(self, epoch: int, seconds: float, logs: Mapping[str, float]) -> str:
        """Return the numbers, each with all its digits."""
        return self._row([str(epoch), *(repr(float(value)) for value in logs.values())])

    def _row(self, cells: list[str]) -> str:
        special = (self.separator, '"', "\r", "\n")
        return (
            self.separator.join(
                '"' + cell.replace('"', '""') + '"' if any(c in cell for c in special) else cell
                for cell in cells
            )
            + "\n"
        )


class JSONLogger(_Logger):
    """Writes a JSON object for each epoch, one a line: epoch, seconds, loss and metrics.

    A number that is not finite is null.

    Parameters
    ----------
    path : str or path-like
    append : bool
        Go on with a file that is there instead of replacing it.

    Examples
    --------
    >>> import fastnn as fnn, json, pathlib, tempfile
    >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1, kernel_initializer="ones")])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "log.jsonl")
    ...     _ = fnn.Trainer(model, "mse").fit(
    ...         [[1.0]], [[3.0]], verbose=0, callbacks=[fnn.callbacks.JSONLogger(path)]
    ...     )
    ...     json.loads(path.read_text())["loss"]
    4.0
    """

    def __init__(self, path: Path, *, append: bool = False) -> None:
        super().__init__(path, append)

    def line(self, epoch: int, seconds: float, logs: Mapping[str, float]) -> str:
        """Return the object."""
        numbers = {"epoch": epoch, "seconds": seconds, **logs}
        plain = {name: value if math.isfinite(value) else None for name, value in numbers.items()}
        return json.dumps(plain) + "\n"
