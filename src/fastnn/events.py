"""Events of a training loop: what a handler gets, and who listens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from fastnn._spec import check_int, describe, lookup

__all__ = ["Event", "Handler", "Listeners"]

NAMES = ("train_begin", "epoch_begin", "batch_end", "epoch_end", "train_end")


class Event:
    """What a handler gets: where the training is, and a way to end it.

    Attributes
    ----------
    name : str
        "train_begin", "epoch_begin", "batch_end", "epoch_end" or "train_end".
    epoch : int
        Counted from 1; 0 at "train_begin".
    batch : int
        Batches of this epoch that are done.
    batches : int or None
        Batches in an epoch; None for a stream, whose length is not known.
    logs : mapping of str to float
        "loss" and the metrics: means over the epoch so far, the last batch included; at
        "epoch_end" those of the validation data too, under ``val_``.
    stopped : bool
        Whether `stop` was called.

    Examples
    --------
    >>> event = Event("epoch_end", epoch=3, batch=10, batches=10, logs={"loss": 0.5})
    >>> event.stop()
    >>> event
    <Event epoch_end: epoch 3, batch 10 of 10, loss=0.5>
    """

    __slots__ = ("batch", "batches", "epoch", "logs", "name", "stopped")

    def __init__(
        self, name: str, *, epoch: int, batch: int, batches: int | None, logs: Mapping[str, float]
    ) -> None:
        self.name = name
        self.epoch = epoch
        self.batch = batch
        self.batches = batches
        self.logs = logs
        self.stopped = False

    def stop(self) -> None:
        """End the training after this event."""
        self.stopped = True

    def __repr__(self) -> str:
        of = "" if self.batches is None else f" of {self.batches}"
        logs = "".join(f", {name}={value:.6g}" for name, value in self.logs.items())
        return f"<Event {self.name}: epoch {self.epoch}, batch {self.batch}{of}{logs}>"


Handler = Callable[[Event], object]


class _Listener(NamedTuple):
    name: str
    handler: Handler
    every: int


class Listeners:
    """Handlers by event, in the order they were added."""

    def __init__(self) -> None:
        self._all: list[_Listener] = []

    def add(self, name: str, handler: Handler, every: int) -> None:
        """Check and add a handler."""
        where = "Trainer.on"
        lookup("event", name, dict.fromkeys(NAMES), where)
        if not callable(handler):
            raise TypeError(f"{where}: handler must be callable, got {describe(handler)}")
        self._all.append(_Listener(name, handler, check_int(where, "every", every)))

    def next_batch(self, done: int) -> int | None:
        """Return the next number of batches at which someone listens, after `done`; or None."""
        return min(
            (
                (done // listener.every + 1) * listener.every
                for listener in self._all
                if listener.name == "batch_end"
            ),
            default=None,
        )

    def wants(self, *names: str) -> bool:
        """Tell whether anyone listens to one of `names`."""
        return any(listener.name in names for listener in self._all)

    def emit(self, event: Event) -> bool:
        """Call the handlers of an event; tell whether one of them stopped the training."""
        count = {"batch_end": event.batch, "epoch_begin": event.epoch, "epoch_end": event.epoch}
        number = count.get(event.name, 0)
        for listener in self._all:
            if listener.name == event.name and number % listener.every == 0:
                listener.handler(event)
        return event.stopped
