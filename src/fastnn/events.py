"""Events of a training loop: what a handler gets, and who listens."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fastnn._own import takes
from fastnn._spec import check_bool, check_int, describe, lookup

if TYPE_CHECKING:
    from typing import Protocol

    class Control(Protocol):
        """What an event may ask of the fit that it comes from."""

        @property
        def names(self) -> Sequence[str]: ...
        def higher_is_better(self, name: str) -> bool | None: ...
        def get_learning_rate(self) -> float: ...
        def set_learning_rate(self, value: float) -> None: ...
        def snapshot(self, into: Snapshot | None, optimizer: bool) -> Snapshot: ...
        def restore(self, snapshot: Snapshot) -> None: ...
        def save(self, path: str | os.PathLike[str]) -> None: ...
        def save_model(self, path: str | os.PathLike[str]) -> None: ...

    class Sleeper(Protocol):
        """Who says itself from when on it listens: a callback."""

        sleeps_until: int


__all__ = ["NAMES", "Event", "Handler", "Listeners", "Snapshot"]

NAMES = ("train_begin", "epoch_begin", "batch_begin", "batch_end", "epoch_end", "train_end")
EPOCHS = ("epoch_begin", "epoch_end")
COUNTED = ("epoch_begin", "batch_begin", "batch_end", "epoch_end")  # the others come once a fit


class Snapshot:
    """Parameters as they were at some moment of a fit; `Event.snapshot` takes one.

    Attributes
    ----------
    epoch, batch : int
        When it was taken, as the event's.
    arrays : mapping of str to ndarray
        "parameters", the whole arena; with ``optimizer=True`` the optimizer's arrays too, under
        "optimizer/".
    steps : int or None
        Updates done, if the optimizer's state is in it.

    Examples
    --------
    >>> import fastnn as fnn
    >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1)], seed=0)
    >>> taken = []
    >>> trainer = fnn.Trainer(model, "mse")
    >>> _ = trainer.on("epoch_end", lambda event: taken.append(event.snapshot()))
    >>> _ = trainer.fit([[1.0]], [[2.0]], epochs=2, verbose=0)
    >>> taken
    [<Snapshot: epoch 1, batch 1>, <Snapshot: epoch 2, batch 1>]
    """

    __slots__ = ("arrays", "batch", "epoch", "steps")

    def __init__(
        self,
        epoch: int,
        batch: int,
        arrays: Mapping[str, npt.NDArray[np.floating[Any]]],
        steps: int | None = None,
    ) -> None:
        self.epoch = epoch
        self.batch = batch
        self.arrays = arrays
        self.steps = steps

    def __repr__(self) -> str:
        return f"<Snapshot: epoch {self.epoch}, batch {self.batch}>"


class Event:
    """What a handler gets: where the training is, and a small control over it.

    Handlers run between two steps, so whatever they ask for happens between two steps.

    Attributes
    ----------
    name : str
        "train_begin", "epoch_begin", "batch_begin", "batch_end", "epoch_end" or "train_end".
    epoch : int
        Counted from 1; at "train_begin" and "train_end" the number of epochs done.
    batch : int
        Batches of this epoch that are done; at "batch_begin" the number of the one that begins.
    batches : int or None
        Batches in an epoch; None for a stream, whose length is not known.
    logs : mapping of str to float
        "loss" and the metrics: means over the epoch so far, the last batch included; at
        "epoch_end" those of the validation data too, under ``val_``.
    seconds : float
        Since the epoch began; at "train_end" since the fit did.
    stopped : bool
        Whether `stop` was called.

    Examples
    --------
    >>> event = Event("epoch_end", epoch=3, batch=10, batches=10, logs={"loss": 0.5})
    >>> event.stop()
    >>> event
    <Event epoch_end: epoch 3, batch 10 of 10, loss=0.5>
    """

    __slots__ = (
        "_control",
        "batch",
        "batches",
        "epoch",
        "epoch_stopped",
        "logs",
        "name",
        "reason",
        "seconds",
        "stopped",
    )

    def __init__(
        self,
        name: str,
        *,
        epoch: int,
        batch: int,
        batches: int | None,
        logs: Mapping[str, float],
        seconds: float = 0.0,
        control: Control | None = None,
    ) -> None:
        self.name = name
        self.epoch = epoch
        self.batch = batch
        self.batches = batches
        self.logs = logs
        self.seconds = seconds
        self.stopped = False
        self.epoch_stopped = False
        self.reason: str | None = None
        self._control = control

    # -- the end ----------------------------------------------------------------------------------

    def stop(self, reason: str | None = None) -> None:
        """End the training after this event.

        An epoch that has begun is closed with the batches it has: it is validated and recorded.

        Parameters
        ----------
        reason : str, optional
            Printed in the end unless ``verbose=0``; ``history.stopped`` keeps it.
        """
        self.stopped = True
        self.reason = reason if self.reason is None else self.reason

    def stop_epoch(self) -> None:
        """End this epoch after this batch; the next one begins.

        Raises
        ------
        RuntimeError
            At any other event than "batch_end".
        """
        if self.name != "batch_end":
            raise RuntimeError(
                f"Event.stop_epoch: no epoch can be cut short at {self.name!r}; "
                f"want a handler of 'batch_end'"
            )
        self.epoch_stopped = True

    # -- the learning rate ------------------------------------------------------------------------

    def _ask(self, what: str) -> Control:
        if self._control is None:
            raise RuntimeError(f"Event.{what}: this event comes from no fit")
        return self._control

    @property
    def learning_rate(self) -> float:
        """The optimizer's learning rate; setting it counts from the next step."""
        return self._ask("learning_rate").get_learning_rate()

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._ask("learning_rate").set_learning_rate(value)

    # -- copies -----------------------------------------------------------------------------------

    def snapshot(self, *, into: Snapshot | None = None, optimizer: bool = False) -> Snapshot:
        """Return a copy of the parameters as they are now.

        Parameters
        ----------
        into : Snapshot, optional
            One that is not needed any more: its memory is written over and it is returned.
        optimizer : bool
            The optimizer's state and its count of steps too.

        Returns
        -------
        Snapshot
        """
        return self._ask("snapshot").snapshot(into, optimizer)

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to the parameters of a snapshot, and to its optimizer's state if it has one.

        Raises
        ------
        TypeError, ValueError
            If it is no snapshot, or one of another model.
        """
        if not isinstance(snapshot, Snapshot):
            raise TypeError(f"Event.restore: want a Snapshot, got {describe(snapshot)}")
        self._ask("restore").restore(snapshot)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the trainer, as ``trainer.save(path)``, so that the fit can go on from here.

        It is written when all handlers of this event have run, and holds what they decided.
        """
        self._ask("save").save(path)

    def save_model(self, path: str | os.PathLike[str]) -> None:
        """Write the model as it is now, as ``model.save(path)``."""
        self._ask("save_model").save_model(path)

    @property
    def place(self) -> str:
        """When it happened, in words."""
        if self.name.startswith("train"):
            return f"at {self.name}"
        of = f", batch {self.batch}" if self.name.startswith("batch") else ""
        return f"at {self.name} of epoch {self.epoch}{of}"

    # -- names ------------------------------------------------------------------------------------

    @property
    def names(self) -> Sequence[str]:
        """The numbers that an "epoch_end" of this fit has in its `logs`."""
        return self._ask("names").names

    def higher_is_better(self, name: str) -> bool | None:
        """Tell whether more is better for one of `names`; None if that is not known."""
        return self._ask("higher_is_better").higher_is_better(name)

    def __repr__(self) -> str:
        of = "" if self.batches is None else f" of {self.batches}"
        logs = "".join(f", {name}={value:.6g}" for name, value in self.logs.items())
        return f"<Event {self.name}: epoch {self.epoch}, batch {self.batch}{of}{logs}>"


Handler = Callable[[Event], object]


class _Listener:
    """A handler and the numbers (of batches or epochs) at which it is called."""

    __slots__ = ("after", "every", "first", "handler", "name", "of", "once", "sleeper")

    def __init__(
        self,
        name: str,
        handler: Handler,
        every: int,
        first: int | None,
        after: int,
        once: bool,
        sleeper: Sleeper | None = None,
        of: object = None,
    ) -> None:
        self.name = name
        self.handler = handler
        self.every = every
        self.first = first
        self.after = after
        self.once = once
        self.sleeper = sleeper
        self.of = of  # the callback that the handler belongs to, if any

    def __str__(self) -> str:
        handler = getattr(self.handler, "__name__", type(self.handler).__name__)
        of = "" if self.of is None else f" of {type(self.of).__name__}"
        return f"the handler {handler}{of}"

    def next(self, done: int) -> int | None:
        """Return the next number above `done` at which it is called; or None."""
        after = self.after if self.sleeper is None else self.sleeper.sleeps_until
        number = (max(done, after) // self.every + 1) * self.every
        return number if self.first is None or number <= self.first else None


class Listeners:
    """Handlers by event, in the order they were added; those of a fit's callbacks after them."""

    def __init__(self) -> None:
        self._own: list[_Listener] = []
        self._guests: list[_Listener] = []

    def add(
        self,
        name: str,
        handler: Handler,
        every: int = 1,
        first: int | None = None,
        after: int = 0,
        once: bool = False,
    ) -> None:
        """Check and add a handler."""
        where = "Trainer.on"
        lookup("event", name, dict.fromkeys(NAMES), where)
        if not callable(handler):
            raise TypeError(f"{where}: handler must be callable, got {describe(handler)}")
        if not takes(handler, 1):
            raise TypeError(f"{where}: handler must take one argument, the event")
        every = check_int(where, "every", every)
        if first is not None:
            first = check_int(where, "first", first)
        after = check_int(where, "after", after, 0)
        if name not in COUNTED and (every, first, after) != (1, None, 0):
            raise ValueError(
                f"{where}: {name!r} comes once in a fit; every, first and after are for "
                f"{', '.join(COUNTED)}"
            )
        if first is not None and (first // every) * every <= after:
            raise ValueError(
                f"{where}: no number is a multiple of every={every}, at most first={first} "
                f"and above after={after}"
            )
        once = check_bool(where, "once", once)
        self._own.append(_Listener(name, handler, every, first, after, once))

    def invite(
        self, name: str, handler: Handler, every: int, sleeper: Sleeper | None = None
    ) -> None:
        """Let a callback's method listen until `dismiss`; at epochs when the callback is awake."""
        awaited = sleeper if name in EPOCHS else None
        self._guests.append(_Listener(name, handler, every, None, 0, False, awaited, sleeper))

    def dismiss(self) -> None:
        """Forget the callbacks of the fit."""
        self._guests = []

    def next_number(self, name: str, done: int) -> int | None:
        """Return the next number above `done` at which someone listens to `name`; or None."""
        best = None
        for listeners in (self._own, self._guests):
            for listener in listeners:
                if listener.name == name:
                    number = listener.next(done)
                    if number is not None and (best is None or number < best):
                        best = number
        return best

    def epochs_at_once(self, done: int) -> int | None:
        """Return how many epochs after those `done` pass until someone listens; None for all.

        It may be the end of the last of them that someone listens to.
        """
        if self.wants("batch_begin", "batch_end"):
            return 0
        begin, end = (self.next_number(name, done) for name in ("epoch_begin", "epoch_end"))
        if begin is None or (end is not None and end < begin):
            return None if end is None else end - done
        return begin - done - 1

    def wants(self, *names: str) -> bool:
        """Tell whether anyone listens to one of `names`."""
        for listeners in (self._own, self._guests):
            for listener in listeners:  # quicker than any(): this is asked in every epoch
                if listener.name in names:
                    return True
        return False

    def emit(self, event: Event) -> None:
        """Call the handlers of an event."""
        name = event.name
        number = event.batch if name.startswith("batch") else event.epoch
        for listener in (*self._own, *self._guests):
            if listener.name != name or (name in COUNTED and listener.next(number - 1) != number):
                continue
            if listener.once:
                self._own = [other for other in self._own if other is not listener]
            try:
                listener.handler(event)
            except Exception as error:
                error.add_note(f"raised by {listener}, {event.place}")
                raise
