"""Callbacks: what goes along with a fit, as in ``trainer.fit(x, y, callbacks=[EarlyStopping()])``.

A callback has a method for each event and gets an `Event`; a class of your own overrides the
methods it wants.  Only those cost anything: while no method for batches is overridden, whole epochs
stay in C.
"""

from __future__ import annotations

import errno
import json
import math
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from string import Formatter
from time import monotonic
from typing import Any, ClassVar, TextIO

from fastnn._own import takes
from fastnn._spec import check_bool, check_float, check_int, describe, lookup
from fastnn.events import NAMES, Event, Handler, Snapshot

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "EarlyStopping",
    "JSONLogger",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgressBar",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
]

Path = str | os.PathLike[str]
State = dict[str, Any]


class Callback:
    """Base of the callbacks.

    Attributes
    ----------
    every : int
        Batch events come only every so many batches, counted within the epoch.
    sleeps_until : int
        Epoch events come only above this number of the epoch; a method may set it, again and again.
        Epochs that nobody listens to stay in C.
    ends_on_nan : bool
        Whether a loss that is not finite ends the fit instead of being an error.

    Examples
    --------
    >>> import fastnn as fnn
    >>> class Largest(fnn.callbacks.Callback):
    ...     def on_train_begin(self, event):
    ...         self.loss = 0.0
    ...     def on_epoch_end(self, event):
    ...         self.loss = max(self.loss, event.logs["loss"])
    >>> largest = Largest()
    >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1)], seed=0)
    >>> history = fnn.Trainer(model, "mse").fit(
    ...     [[1.0]], [[2.0]], epochs=3, verbose=0, callbacks=[largest]
    ... )
    >>> largest.loss == max(history["loss"])
    True
    """

    every: int = 1
    sleeps_until: int = 0
    ends_on_nan: ClassVar[bool] = False
    custom_objects: Mapping[str, Any] | None = None  # for the file that `resumes_from` names

    def on_train_begin(self, event: Event) -> None:
        """Before the first step of a fit; a state from an earlier fit is to be forgotten here."""

    def on_epoch_begin(self, event: Event) -> None:
        """Before the first batch of an epoch."""

    def on_batch_begin(self, event: Event) -> None:
        """Before a batch."""

    def on_batch_end(self, event: Event) -> None:
        """After a batch."""

    def on_epoch_end(self, event: Event) -> None:
        """After an epoch and its validation."""

    def on_train_end(self, event: Event) -> None:
        """After the last epoch; not after an error."""

    def close(self) -> None:
        """Last of all, also after an error: close files."""

    def state(self) -> State:
        """Return what it must know to go on with an interrupted fit.

        Returns
        -------
        dict
            Values that JSON can hold, or NumPy arrays.
        """
        return {}

    def restore(self, state: State) -> None:
        """Take back what `state` returned; called after `on_train_begin`."""

    def handlers(self) -> list[tuple[str, Handler]]:
        """Return the events it listens to, each with its method."""
        found = []
        for name in NAMES:
            method = getattr(self, f"on_{name}")
            plain = getattr(Callback, f"on_{name}")
            if getattr(method, "__func__", method) is not plain:
                found.append((name, method))
        return found

    def resumes_from(self) -> str | None:
        """Return the file of an interrupted fit that the next fit is to go on from, if any."""
        return None


def check_callbacks(where: str, given: object) -> list[Callback]:
    """Return the callbacks of a fit as a list."""
    if given is None:
        return []
    if isinstance(given, (str, Mapping, Callback)) or not isinstance(given, Iterable):
        raise TypeError(f"{where}: callbacks must be a list of callbacks, got {describe(given)}")
    found = list(given)
    for i, one in enumerate(found):
        if not isinstance(one, Callback):
            hint = ""
            if isinstance(one, type) and issubclass(one, Callback):
                hint = f"; give an object, {one.__name__}(...)"
            elif callable(one):
                hint = "; LambdaCallback(on_epoch_end=...) makes one of a function"
            raise TypeError(
                f"{where}: callbacks[{i}] must be a Callback, got {describe(one)}{hint}"
            )
        for name, method in one.handlers():
            if _is_of_keras(method):
                raise TypeError(
                    f"{where}: callbacks[{i}].on_{name} takes an epoch or batch and logs; here it "
                    f"gets one event: def on_{name}(self, event), with event.epoch, event.batch "
                    f"and event.logs"
                )
        if any(one is other for other in found[:i]):
            raise ValueError(f"{where}: callbacks[{i}] is the same object as an earlier one")
    return found


def _is_of_keras(method: Handler) -> bool:
    """Tell whether a handler has the signature of Keras, which would take an event for a number."""
    code = getattr(getattr(method, "__func__", method), "__code__", None)
    if code is None:
        return False
    return "logs" in code.co_varnames[: code.co_argcount]


class LambdaCallback(Callback):
    """A callback from functions.

    Parameters
    ----------
    on_train_begin, on_epoch_begin, on_batch_begin, on_batch_end, on_epoch_end, on_train_end : \
callable, optional
        Each gets the event.
    every : int
        Batch events come only every so many batches, counted within the epoch.

    Examples
    --------
    >>> import fastnn as fnn
    >>> seen = []
    >>> callback = fnn.callbacks.LambdaCallback(on_epoch_end=lambda event: seen.append(event.epoch))
    >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1)])
    >>> _ = fnn.Trainer(model, "mse").fit([[1.0]], [[2.0]], verbose=0, callbacks=[callback])
    >>> seen
    [1]
    """

    def __init__(
        self,
        *,
        on_train_begin: Handler | None = None,
        on_epoch_begin: Handler | None = None,
        on_batch_begin: Handler | None = None,
        on_batch_end: Handler | None = None,
        on_epoch_end: Handler | None = None,
        on_train_end: Handler | None = None,
        every: int = 1,
    ) -> None:
        self.every = check_int("LambdaCallback", "every", every)
        given = {
            "on_train_begin": on_train_begin,
            "on_epoch_begin": on_epoch_begin,
            "on_batch_begin": on_batch_begin,
            "on_batch_end": on_batch_end,
            "on_epoch_end": on_epoch_end,
            "on_train_end": on_train_end,
        }
        for name, function in given.items():
            if function is None:
                continue
            if not callable(function):
                raise TypeError(
                    f"LambdaCallback: {name} must be callable, got {describe(function)}"
                )
            if not takes(function, 1) and not _is_of_keras(function):  # of which a fit tells more
                raise TypeError(f"LambdaCallback: {name} must take one argument, the event")
            setattr(self, name, function)


# ---- what looks at a number ---------------------------------------------------------------------


class Monitor:
    """One number of the logs that a callback follows, and the best it has been.

    Parameters
    ----------
    where : str
        The callback, for error messages.
    name : str
        The number's.
    mode : {"auto", "min", "max"}
        Whether less or more is better; "auto" asks the metric.
    min_delta : float
        What is better is so by more than this.

    Attributes
    ----------
    best : float
        NaN before the first.
    """

    def __init__(self, where: str, name: str, mode: str, min_delta: float = 0.0) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{where}: monitor must be a name, got {describe(name)}")
        lookup("mode", mode, dict.fromkeys(("auto", "min", "max")), where)
        self.where = where
        self.name = name
        self.mode = mode
        self.min_delta = check_float(where, "min_delta", min_delta, at_least=0)
        self.best = math.nan
        self._higher = mode == "max"

    def begin(self, event: Event) -> None:
        """Find out which way is better; refuse a name that no epoch will have."""
        names = event.names
        if self.name not in names and self.name.removeprefix("val_") in names:
            raise ValueError(
                f"{self.where}: there is no {self.name!r}, as the fit has no validation data; "
                f"give validation_data or validation_split, or monitor one of {', '.join(names)}"
            )
        lookup("monitor", self.name, dict.fromkeys(names), self.where)
        if self.mode == "auto":
            higher = event.higher_is_better(self.name)
            if higher is None:
                raise ValueError(
                    f"{self.where}: it is not known whether more of {self.name!r} is better; "
                    f'give mode="min" or mode="max"'
                )
            self._higher = higher
        self.best = math.nan

    def is_better(self, value: float, than: float) -> bool:
        """Tell whether a value is better by more than `min_delta`; any number is than NaN."""
        if math.isnan(than):
            return not math.isnan(value)
        if self._higher:
            return value > than + self.min_delta
        return value < than - self.min_delta

    def improves(self, value: float) -> bool:
        """Tell whether a value is better than the best; if so it is the best from now on."""
        better = self.is_better(value, self.best)
        if better:
            self.best = value
        return better


class _Following(Callback):
    """Base of the callbacks that follow one number."""

    _monitor: Monitor

    @property
    def monitor(self) -> str:
        """The name of the number it follows."""
        return self._monitor.name

    @property
    def best(self) -> float:
        """The best value so far, NaN before the first."""
        return self._monitor.best


class EarlyStopping(_Following):
    """Stops when a number has not improved for some epochs, and brings back the best weights.

    Parameters
    ----------
    monitor : str
        A name in the logs of an epoch, judged at each of them.
    patience : int
        So many epochs in a row without an improvement end the training; 0 is the same as 1.
    min_delta : float
        An improvement is more than this.
    mode : {"auto", "min", "max"}
        Whether less or more is better; "auto" asks the metric.
    baseline : float, optional
        The epochs without improvement are counted until the number is better than this, too.
    restore_best_weights : bool
        Put the parameters of the best epoch back in the end, whether the training was stopped or
        ran to its last epoch.  Keras does so only if asked, and only if it was stopped.  The
        optimizer's state is that of the last epoch.
    start_from_epoch : int
        The first so many epochs are not judged.

    Attributes
    ----------
    best : float
        The best value so far, NaN before the first.
    best_epoch : int or None
        Its epoch.
    stopped_epoch : int or None
        The epoch after which it stopped the training.

    Examples
    --------
    >>> import fastnn as fnn
    >>> cars = fnn.datasets.load_auto_mpg()
    >>> x = (cars.x - cars.x.mean(axis=0)) / cars.x.std(axis=0)
    >>> model = fnn.Sequential([fnn.Input(7), fnn.Dense(32, "relu"), fnn.Dense(1)], seed=0)
    >>> stop = fnn.callbacks.EarlyStopping("val_loss", patience=5)
    >>> history = fnn.Trainer(model, "mse", fnn.Adam(0.01)).fit(
    ...     x, cars.y, epochs=1000, validation_split=0.2, verbose=0, callbacks=[stop]
    ... )
    >>> history.best("val_loss") == (stop.best_epoch, stop.best)
    True
    >>> len(history.epoch) == stop.best_epoch + 5
    True
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        patience: int = 0,
        min_delta: float = 0.0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = True,
        start_from_epoch: int = 0,
    ) -> None:
        where = "EarlyStopping"
        self._monitor = Monitor(where, monitor, mode, min_delta)
        self.patience = check_int(where, "patience", patience, 0)
        self.baseline = None if baseline is None else check_float(where, "baseline", baseline)
        self.restore_best_weights = check_bool(where, "restore_best_weights", restore_best_weights)
        self.start_from_epoch = check_int(where, "start_from_epoch", start_from_epoch, 0)
        self.best_epoch: int | None = None
        self.stopped_epoch: int | None = None
        self.wait = 0
        self._weights: Snapshot | None = None

    def on_train_begin(self, event: Event) -> None:
        """Forget what an earlier fit has shown."""
        self._monitor.begin(event)
        self.wait = 0
        self.best_epoch = self.stopped_epoch = None
        self._weights = None

    def on_epoch_end(self, event: Event) -> None:
        """Judge the epoch."""
        monitor = self._monitor
        value = event.logs.get(monitor.name)
        if value is None or event.epoch <= self.start_from_epoch:
            return
        self.wait += 1
        if monitor.improves(value):
            self.best_epoch = event.epoch
            if self.restore_best_weights:
                self._weights = event.snapshot(into=self._weights)
            if self.baseline is None or monitor.is_better(value, self.baseline):
                self.wait = 0
        if self.wait >= max(1, self.patience):
            self.stopped_epoch = event.epoch
            since = (
                "" if self.best_epoch is None else f": {self.best:.5g} in epoch {self.best_epoch}"
            )
            event.stop(f"{self.monitor} has not improved for {self.wait} epochs{since}")

    def on_train_end(self, event: Event) -> None:
        """Put the best weights back."""
        if self._weights is not None and self.best_epoch != event.epoch:
            event.restore(self._weights)
        self._weights = None

    def state(self) -> State:
        """Return the best so far, its weights, and how long ago it was."""
        state: State = {"best": self.best, "best_epoch": self.best_epoch, "wait": self.wait}
        if self._weights is not None:
            state["batch"] = self._weights.batch
            for name, array in self._weights.arrays.items():
                state[f"weights/{name}"] = array
        return state

    def restore(self, state: State) -> None:
        """Go on from what `state` returned."""
        self._monitor.best, self.wait = state["best"], state["wait"]
        self.best_epoch = state["best_epoch"]
        arrays = {
            name.removeprefix("weights/"): array.copy()
            for name, array in state.items()
            if name.startswith("weights/")
        }
        if arrays and self.best_epoch is not None:
            self._weights = Snapshot(self.best_epoch, state["batch"], arrays)


class ReduceLROnPlateau(_Following):
    """Lowers the learning rate when a number has not improved for some epochs.

    Parameters
    ----------
    monitor : str
        A name in the logs of an epoch, judged at each of them.
    factor : float
        The learning rate is multiplied by it; above 0, below 1.
    patience : int
        Epochs in a row without an improvement; 0 is the same as 1.
    mode : {"auto", "min", "max"}
        Whether less or more is better; "auto" asks the metric.
    min_delta : float
        An improvement is more than this.
    cooldown : int
        So many epochs after a change are not counted.
    min_lr : float
        The learning rate does not go below this.

    Attributes
    ----------
    best : float
        The best value so far, NaN before the first.

    Examples
    --------
    >>> import fastnn as fnn
    >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1)], seed=0)
    >>> trainer = fnn.Trainer(model, "mse", fnn.SGD(0.5))
    >>> plateau = fnn.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=2)
    >>> x, y = [[1.0], [1.0]], [0.0, 2.0]  # soon as good as can be
    >>> _ = trainer.fit(x, y, epochs=8, verbose=0, callbacks=[plateau])
    >>> trainer.learning_rate < 0.5
    True
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        factor: float = 0.1,
        patience: int = 10,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        where = "ReduceLROnPlateau"
        self._monitor = Monitor(where, monitor, mode, min_delta)
        self.factor = check_float(where, "factor", factor, above=0, below=1)
        self.patience = check_int(where, "patience", patience, 0)
        self.cooldown = check_int(where, "cooldown", cooldown, 0)
        self.min_lr = check_float(where, "min_lr", min_lr, at_least=0)
        self.wait = 0
        self.cooling = 0

    def on_train_begin(self, event: Event) -> None:
        """Forget what an earlier fit has shown."""
        self._monitor.begin(event)
        self.wait = self.cooling = 0

    def on_epoch_end(self, event: Event) -> None:
        """Judge the epoch."""
        value = event.logs.get(self.monitor)
        if value is None:
            return
        if self.cooling > 0:
            self.cooling -= 1
        if self._monitor.improves(value):
            self.wait = 0
        elif self.cooling == 0:
            self.wait += 1
            if self.wait >= max(1, self.patience):
                rate = event.learning_rate
                lower = max(rate * self.factor, self.min_lr)
                if 0 < lower < rate:
                    event.learning_rate = lower
                    self.cooling = self.cooldown
                self.wait = 0

    def state(self) -> State:
        """Return the best so far and what is being counted."""
        return {"best": self.best, "wait": self.wait, "cooling": self.cooling}

    def restore(self, state: State) -> None:
        """Go on from what `state` returned."""
        self._monitor.best, self.wait = state["best"], state["wait"]
        self.cooling = state["cooling"]


class LearningRateScheduler(Callback):
    """Sets the learning rate at the begin of each epoch.

    Parameters
    ----------
    schedule : callable
        Gets the number of epochs done (0 at the first, as in Keras) and, if it takes two arguments,
        the learning rate; returns the new one.

    Examples
    --------
    >>> import fastnn as fnn
    >>> halve = fnn.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2 if epoch else rate)
    >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1)])
    >>> trainer = fnn.Trainer(model, "mse", fnn.SGD(0.1))
    >>> _ = trainer.fit([[1.0]], [[2.0]], epochs=3, verbose=0, callbacks=[halve])
    >>> trainer.learning_rate
    0.025
    """

    def __init__(self, schedule: Callable[[int], float] | Callable[[int, float], float]) -> None:
        if not callable(schedule):
            raise TypeError(
                f"LearningRateScheduler: schedule must be callable, got {describe(schedule)}"
            )
        self.schedule: Callable[..., float] = schedule
        self._takes_rate = takes(schedule, 2)
        if not (self._takes_rate or takes(schedule, 1)):
            raise TypeError("LearningRateScheduler: schedule must take (epoch) or (epoch, rate)")

    def on_epoch_begin(self, event: Event) -> None:
        """Ask for the rate of this epoch."""
        done = event.epoch - 1
        rate = self.schedule(done, event.learning_rate) if self._takes_rate else self.schedule(done)
        name = f"the learning rate for epoch {event.epoch}"
        event.learning_rate = check_float("LearningRateScheduler", name, rate, above=0)


class TerminateOnNaN(Callback):
    """Makes a loss that turns NaN or Inf the end of the fit, not an error.

    Without it that is a FloatingPointError.  Either way the update of that batch is not applied.
    The fit returns the epochs that were completed, and warns.

    Examples
    --------
    >>> import warnings
    >>> import fastnn as fnn
    >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1)])
    >>> trainer = fnn.Trainer(model, "mse", fnn.SGD(1e10))
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", fnn.FastnnWarning)
    ...     history = trainer.fit(
    ...         [[1.0]], [[2.0]], epochs=100, verbose=0, callbacks=[fnn.callbacks.TerminateOnNaN()]
    ...     )
    >>> len(history.epoch) < 100
    True
    """

    ends_on_nan = True


# ---- files --------------------------------------------------------------------------------------


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


class ModelCheckpoint(_Following):
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


# ---- on the screen ------------------------------------------------------------------------------


class ProgressBar(Callback):
    r"""Says how the progress is to be shown, in place of ``verbose``.

    A bar on a terminal if rich is installed (``pip install "fastnn-core[progress]"``), a plain line
    for an epoch elsewhere; at most ten times a second.  ``verbose=1`` does the same on standard
    output.

    Parameters
    ----------
    bar : bool, optional
        Draw the bar, or do not, whatever the file looks like.
    file : text file, optional
        Standard output by default.

    Examples
    --------
    >>> import fastnn as fnn, io
    >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1, kernel_initializer="ones")])
    >>> file = io.StringIO()
    >>> _ = fnn.Trainer(model, "mse").fit(
    ...     [[1.0]], [[3.0]], callbacks=[fnn.callbacks.ProgressBar(file=file)]
    ... )
    >>> file.getvalue()
    'epoch 1/1  loss 4.0000  ... ms\n'
    """

    def __init__(self, *, bar: bool | None = None, file: TextIO | None = None) -> None:
        self.bar = None if bar is None else check_bool("ProgressBar", "bar", bar)
        if file is not None and not hasattr(file, "write"):
            raise TypeError(f"ProgressBar: file must be an open text file, got {describe(file)}")
        self.file = file
