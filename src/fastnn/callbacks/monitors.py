"""Callbacks that follow a number of the logs and stop the fit, or set its learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable

from fastnn._own import takes
from fastnn._spec import check_bool, check_float, check_int, describe, lookup
from fastnn.callbacks.base import Callback, State
from fastnn.events import Event, Snapshot


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


class Following(Callback):
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


class EarlyStopping(Following):
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


class ReduceLROnPlateau(Following):
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
