"""One fit: epochs and batches in their order, who is told of them, and what is written down.

`Trainer.fit` checks what it was given and makes a `Fit` of it; nothing here looks at arguments.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fastnn import resume
from fastnn.callbacks import Callback
from fastnn.events import Event, Snapshot
from fastnn.feed import ArrayFeed, Feed, is_judged
from fastnn.report import SECONDS_BETWEEN, Reporter
from fastnn.resume import Position

if TYPE_CHECKING:
    from fastnn.trainer import Trainer

__all__ = ["Fit"]

MANY_STEPS = 2**62  # "no limit"
EPOCHS_AT_ONCE = 4096  # that nobody looks at: the records of so many are held

Validation = Callable[[], dict[str, float]]


class Fit:
    """A fit under way.  It is also what its events ask for things (`events.Control`).

    Parameters
    ----------
    trainer : Trainer
        Its history is the one that the fit adds to.
    feed : Feed
    end : int
        Epochs that are to be done, those before the fit included.
    position : Position, optional
        Of an earlier fit that this one goes on with.
    validation : callable, optional
        Returns loss and metrics over the validation data.
    validation_freq : int or collection of int
        Validate every so many epochs, or these.
    callbacks : sequence of Callback
    reporter : Reporter, optional
    log_every : int, optional
        Batches between two lines of the reporter.
    """

    def __init__(
        self,
        trainer: Trainer,
        feed: Feed,
        end: int,
        *,
        position: Position | None = None,
        validation: Validation | None = None,
        validation_freq: int | Collection[int] = 1,
        callbacks: Sequence[Callback] = (),
        reporter: Reporter | None = None,
        log_every: int | None = None,
    ) -> None:
        self.trainer = trainer
        self.feed = feed
        self.end = end
        self.validation = validation
        self.validation_freq = validation_freq
        self.callbacks = callbacks
        self.reporter = reporter
        self.log_every = log_every if reporter is not None else None
        self.history = trainer.history
        self.listeners = trainer._listeners
        self.ends_on_nan = any(callback.ends_on_nan for callback in callbacks)
        self.began = trainer.epochs if position is None else position.began
        self.resumes = position  # until the feed is there
        self.stopped = False if position is None else position.stopped
        self.reason = None if position is None else position.reason
        self.epoch_stopped = False
        self.nan: str | None = None  # what ended the fit in place of an error
        self._val_names = tuple(f"val_{name}" for name in trainer._names)
        self._clock = time.perf_counter()  # when the epoch began
        self._under_way = 0  # the epoch that has begun, unless it is the trainer's already
        self._files: list[str | os.PathLike[str]] = []  # to be written after this event

    # -- the epochs -------------------------------------------------------------------------------

    def run(self) -> None:
        """Train to the end; what is raised leaves whole steps."""
        try:
            for callback in self.callbacks:
                for name, handler in callback.handlers():
                    every = callback.every if name.startswith("batch") else 1
                    self.listeners.invite(name, handler, every, callback)
            self._run()
        finally:
            self.listeners.dismiss()
            if self.reporter is not None:
                self.reporter.close()
            for callback in self.callbacks:
                callback.close()

    def _run(self) -> None:
        trainer = self.trainer
        began = time.perf_counter()
        self._emit("train_begin", trainer.epochs, 0, {})
        try:
            self._epochs()
        except Exception as error:
            self._note_place(error)
            raise
        self.history.stopped = self.reason
        if self.reporter is not None:
            self.reporter.finish(self.reason)
        self._clock = began
        self._emit("train_end", trainer.epochs, 0, {})

    def _epochs(self) -> None:
        """Train all epochs that are left, those of an interrupted fit's position first."""
        trainer, position = self.trainer, self.resumes
        if position is not None:
            self.feed.seek(position.place, position.source)
            self._restore_callbacks(position)
            if position.step > 0:
                self._epoch(position)
            self.resumes = None
        while trainer.epochs < self.end and not self.stopped:
            if not self._at_once():
                self._epoch(None)

    def _note_place(self, error: Exception) -> None:
        """Add to an error where in the training it came, unless it says so."""
        epoch = self.trainer.epochs + 1
        said = (str(error), *getattr(error, "__notes__", ()))
        if any("epoch" in text for text in said):
            return
        if self._under_way != epoch:
            place = f"at the begin of epoch {epoch}"
        elif self.feed.ended:
            place = f"at the end of epoch {epoch}"
        else:
            place = f"in epoch {epoch}, batch {self.feed.done + 1}"
        error.add_note(place)

    def _restore_callbacks(self, position: Position) -> None:
        """Give each callback the state of the one of its class, in the order they stand."""
        states = list(position.callbacks)
        for callback in self.callbacks:
            kind = type(callback).__name__
            for i, (other, state) in enumerate(states):
                if other == kind:
                    del states[i]
                    callback.restore(state)
                    break

    def _at_once(self) -> bool:
        """Train epochs that nobody looks into, without leaving C; tell whether there were any."""
        feed, trainer, reporter, listeners = (
            self.feed,
            self.trainer,
            self.reporter,
            self.listeners,
        )
        left = self.end - trainer.epochs
        until_seen = listeners.epochs_at_once(trainer.epochs)
        if until_seen is not None:
            left = min(left, until_seen)
        if (
            left == 0
            or not isinstance(feed, ArrayFeed)
            or feed.is_endless
            or self.validation is not None
            or len(trainer._heads) > 1
            or self.log_every is not None
        ):
            return False
        if reporter is not None:  # so many that it can be told something ten times a second
            seconds = self.history.last_seconds()
            if reporter.every or seconds is None or seconds > SECONDS_BETWEEN / 2:
                return False
            left = min(left, math.ceil(SECONDS_BETWEEN / max(seconds, 1e-9)))
        trainer._state.use_averages(False)
        records = np.empty((min(left, EPOCHS_AT_ONCE), 1 + len(trainer._names)))
        try:
            feed.epochs(trainer.epochs, records)
        except FloatingPointError as error:
            self._end_on_nan(error)
        finally:  # also the epochs before Ctrl-C or a loss that is not finite
            done = feed.run.done
            self.history.extend(trainer.epochs + 1, trainer._names, records[:done])
            trainer.epochs += done
            self._under_way = trainer.epochs + (done < len(records))
        if done == 0:
            return True
        seconds, *numbers = records[done - 1].tolist()
        logs = dict(zip(trainer._names, numbers, strict=True))
        if listeners.next_number("epoch_end", trainer.epochs - 1) == trainer.epochs:
            trainer._state.use_averages(True)
            self._emit("epoch_end", trainer.epochs, feed.done, logs, seconds)
        if reporter is not None:
            reporter.epoch(trainer.epochs, seconds, logs)
        return True

    def _epoch(self, position: Position | None) -> None:
        """Train one epoch; go on within it if there is a position."""
        trainer, feed, listeners, reporter = self.trainer, self.feed, self.listeners, self.reporter
        self._clock = time.perf_counter()
        epoch = trainer.epochs + 1
        self.epoch_stopped = False
        if (
            position is None
            and listeners.wants("epoch_begin")
            and self._emit("epoch_begin", epoch, 0, {})
        ):
            return
        trainer._state.use_averages(False)
        feed.begin(trainer.epochs)
        if position is not None:
            feed.go_on(position.step, position.sums)
            self.epoch_stopped = position.epoch_stopped
            self.resumes = None
        self._under_way = epoch
        whole = self._batches(epoch)
        done = feed.done
        if not whole or (self.stopped and done == 0):
            return
        logs = trainer._logs(feed.run)
        trainer._state.use_averages(True)
        if self.validation is not None and self._is_validated(epoch):
            try:
                logs.update(zip(self._val_names, self.validation().values(), strict=True))
            except FloatingPointError as error:
                self._end_on_nan(error)
        seconds = time.perf_counter() - self._clock
        self.history.append(epoch, seconds, logs)
        trainer.epochs = epoch
        if listeners.wants("epoch_end"):
            self._emit("epoch_end", epoch, done, logs, seconds)
        if reporter is not None:
            reporter.epoch(epoch, seconds, logs)

    def _batches(self, epoch: int) -> bool:
        """Train the batches of an epoch that are left; tell whether none was refused."""
        feed, listeners, reporter, log_every = (
            self.feed,
            self.listeners,
            self.reporter,
            self.log_every,
        )
        seconds = math.inf
        if reporter is not None and reporter.seconds is not None:
            seconds = reporter.seconds
        begun = done = feed.done
        while not (self.stopped or self.epoch_stopped):
            stop = MANY_STEPS
            if listeners.wants("batch_begin"):
                if begun == done and listeners.next_number("batch_begin", done) == done + 1:
                    if not feed.more():
                        return True
                    begun = done + 1
                    if self._emit("batch_begin", epoch, begun, {}):
                        return True
                following = listeners.next_number("batch_begin", done + 1)
                if following is not None:
                    stop = following - 1
            ending = listeners.next_number("batch_end", done)
            if ending is not None and ending < stop:
                stop = ending
            if log_every is not None:
                stop = min(stop, (done // log_every + 1) * log_every)
            try:
                begun = done = feed.advance(epoch, stop, seconds)
            except FloatingPointError as error:
                self._end_on_nan(error)
                return False
            if done < stop:
                if feed.ended:
                    return True
                if reporter is not None:
                    reporter.progress(
                        epoch, done, feed.batches, self.trainer._logs(feed.run, whole=False)
                    )
                continue
            logs = None
            if log_every is not None and reporter is not None and done % log_every == 0:
                logs = self.trainer._logs(feed.run, whole=False)
                reporter.batch(epoch, done, feed.batches, logs)
            if done == ending:
                if logs is None:
                    logs = self.trainer._logs(feed.run, whole=False)
                self._emit("batch_end", epoch, done, logs)
        return True

    def _is_validated(self, epoch: int) -> bool:
        freq = self.validation_freq
        return epoch % freq == 0 if isinstance(freq, int) else epoch in freq

    def _end_on_nan(self, error: FloatingPointError) -> None:
        """End the fit, if a callback wants that rather than the error."""
        if not (self.ends_on_nan and is_judged(error)):
            raise error
        self.stopped = True
        self.reason = self.nan = str(error)

    # -- events -----------------------------------------------------------------------------------

    def _emit(
        self,
        name: str,
        epoch: int,
        batch: int,
        logs: Mapping[str, float],
        seconds: float | None = None,
    ) -> bool:
        """Call the handlers of an event, then do what they asked for; tell whether to stop."""
        event = Event(
            name,
            epoch=epoch,
            batch=batch,
            batches=self.feed.batches,
            logs=logs,
            seconds=time.perf_counter() - self._clock if seconds is None else seconds,
            control=self,
        )
        self.listeners.emit(event)
        if event.stopped:
            self.stopped = True
            if self.reason is None:
                self.reason = event.reason
        if event.epoch_stopped:
            self.epoch_stopped = True
        if self._files:
            files, self._files = self._files, []
            for path in dict.fromkeys(files):
                resume.write(self.trainer, self.position(), path)
        return self.stopped

    def position(self) -> Position:
        """Return where the fit is."""
        if self.resumes is not None:
            return self.resumes  # still there
        trainer, feed = self.trainer, self.feed
        begun = self._under_way == trainer.epochs + 1
        under_way = begun and feed.done > 0
        return Position(
            began=self.began,
            epoch=trainer.epochs,
            step=feed.done if under_way else 0,
            sums=feed.run.sums() if under_way else (),
            place=feed.place(begun),
            callbacks=[(type(one).__name__, one.state()) for one in self.callbacks],
            epoch_stopped=self.epoch_stopped and under_way,
            stopped=self.stopped,
            reason=self.reason,
            source=feed.source,
        )

    # -- what events ask for ----------------------------------------------------------------------

    @property
    def names(self) -> tuple[str, ...]:
        """The numbers that the logs of an epoch have."""
        return self.trainer._names + (() if self.validation is None else self._val_names)

    def higher_is_better(self, name: str) -> bool | None:
        """Tell whether more of a number is better; None if that is not known."""
        return self.trainer._directions.get(name.removeprefix("val_"))

    def get_learning_rate(self) -> float:
        """Return the learning rate."""
        return self.trainer.learning_rate

    def set_learning_rate(self, value: float) -> None:
        """Set the learning rate from the next step on."""
        self.trainer.learning_rate = value

    def snapshot(self, into: Snapshot | None, optimizer: bool) -> Snapshot:
        """Copy the parameters, into an old snapshot if it has the room."""
        trainer = self.trainer
        old = {} if into is None else into.arrays
        arrays = {"parameters": trainer.model.snapshot(old.get("parameters"))}
        steps = None
        if optimizer:
            steps = trainer.steps
            for name, array in trainer._state.arrays().items():
                key = f"optimizer/{name}"
                arrays[key] = old[key] if key in old else np.empty_like(array)
                arrays[key][...] = array
        epoch = max(self._under_way, trainer.epochs)
        return Snapshot(epoch, self.feed.done, arrays, steps)

    def restore(self, snapshot: Snapshot) -> None:
        """Write a snapshot back."""
        trainer = self.trainer
        targets = trainer._state.arrays()
        own = trainer.model.parameter_arena
        if snapshot.arrays["parameters"].shape != own.shape:
            raise ValueError(
                f"Event.restore: the snapshot has {snapshot.arrays['parameters'].size} "
                f"parameters, this model {own.size}"
            )
        trainer.model.restore(snapshot.arrays["parameters"])
        if snapshot.steps is not None:
            for name, array in targets.items():
                array[...] = snapshot.arrays[f"optimizer/{name}"]
            trainer._state.t = snapshot.steps

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the trainer when the handlers of this event have run."""
        self._files.append(path)

    def save_model(self, path: str | os.PathLike[str]) -> None:
        """Write the model."""
        self.trainer._model_to_save().save(path)
