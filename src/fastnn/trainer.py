"""The training loop: rows or batches in, epochs in C, a history out."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import data, losses, metrics, optimizers
from fastnn._core import OptimizerState, Run
from fastnn._spec import check_int, describe
from fastnn.errors import DeadNetworkWarning
from fastnn.events import Event, Handler, Listeners
from fastnn.feed import ArrayFeed, Feed, Rows, StreamFeed, Task, judge, open_stream
from fastnn.history import History
from fastnn.losses import Loss
from fastnn.model import Model, is_stream
from fastnn.optimizers import Optimizer
from fastnn.parallel import get_num_threads
from fastnn.report import Reporter

__all__ = ["Trainer"]

MANY_STEPS = 2**62  # "no limit"
EPOCHS_AT_ONCE = 4096  # of a fit that nobody looks at: the records of so many are held
FEW_ROWS = 8  # too few to tell a dead network by
EPOCH_EVENTS = ("epoch_begin", "batch_end", "epoch_end")


class Trainer:
    """Trains a model: loss, optimizer and metrics bound to it.

    Parameters
    ----------
    model : Model
        The trainer changes its parameters in place.
    loss : str or Loss
        Such as "mean_squared_error" ("mse"), `fastnn.losses.Huber` (delta=2.0).
    optimizer : str or Optimizer
        Such as "adam", ``fastnn.SGD(0.01, momentum=0.9)``.
    metrics : sequence of str, function or Metric
        Such as "mean_absolute_error", "accuracy", ``fastnn.metrics.F1(average="macro")``, or a
        function ``(y_true, y_pred)`` of one's own.
    seed : int, optional
        Of the order of the rows; by default the model's.

    Attributes
    ----------
    model, loss, optimizer, metrics, seed
        As given, names turned into objects.
    epochs : int
        Epochs done; a second `fit` goes on from there, and so does the optimizer's state.
    history : History
        Of the last fit, also of one that was interrupted.

    Raises
    ------
    TypeError, ValueError
        If an argument is unknown, or loss, metrics and the model's output do not go together.

    Examples
    --------
    >>> import fastnn as fnn
    >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1)], seed=0)
    >>> trainer = fnn.Trainer(model, loss="mse", optimizer=fnn.SGD(0.1))
    >>> x = [[0.0], [1.0], [2.0], [3.0]]
    >>> y = [1.0, 3.0, 5.0, 7.0]
    >>> history = trainer.fit(x, y, batch_size=4, epochs=500, verbose=0)
    >>> bool(history["loss"][-1] < 1e-4)
    True
    """

    def __init__(
        self,
        model: Model,
        loss: str | Loss,
        optimizer: str | Optimizer = "adam",
        metrics: Sequence[str | Callable[..., float] | metrics.Metric] = (),
        *,
        seed: int | None = None,
    ) -> None:
        where = "Trainer"
        if not isinstance(model, Model):
            raise TypeError(f"{where}: model must be a Model, got {describe(model)}")
        self.model = model
        self.loss = losses.get(loss, where)
        self.optimizer = optimizers.get(optimizer, where)
        self._fused = losses.check_head(self.loss, model.output_activation, model.outputs)
        self.metrics = _check_metrics(metrics, self.loss, model.outputs)
        self.seed = model.seed if seed is None else data.as_seed(seed, where=where)
        self._task = Task(model, self.loss)
        self.history = History()
        self._listeners = Listeners()
        self._start_over()

    def reset(self) -> None:
        """Start over: optimizer state, step count and epoch count; parameters stay.

        ``trainer.model.initialize()`` draws new parameters.

        Raises
        ------
        RuntimeError
            During a fit of the model, as from a handler.

        Examples
        --------
        >>> import fastnn as fnn
        >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1)])
        >>> trainer = fnn.Trainer(model, "mse")
        >>> _ = trainer.train_on_batch([[1.0]], [[2.0]])
        >>> trainer.reset()
        >>> trainer.steps
        0
        """
        if self.model.fitting:
            raise RuntimeError("Trainer.reset: this model is being fitted; end the fit first")
        self._start_over()

    def _start_over(self) -> None:
        self.epochs = 0
        self._state = self.model.optimizer_state(self.optimizer)
        self._batch_run: Run | None = None  # of train_on_batch

    @property
    def steps(self) -> int:
        """Updates done."""
        return self._state.t

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step.

        Setting it replaces a schedule by a constant rate and keeps the optimizer's state.
        """
        return self._state.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self.optimizer = self.optimizer.replace(learning_rate=value)
        self._state.configure(self.optimizer.settings())

    def on(self, event: str, handler: Handler, *, every: int = 1) -> Trainer:
        """Call `handler` with an `Event` when something happens in `fit`.

        Parameters
        ----------
        event : str
            "train_begin", "epoch_begin", "batch_end", "epoch_end" or "train_end".
        handler : callable
            Gets the event; what it raises ends the fit between two steps.
        every : int
            Only every so many batches (counted within the epoch) or epochs.  Between two calls
            the training stays in C.

        Returns
        -------
        Trainer
            Itself, so that calls can be chained.

        Examples
        --------
        >>> import fastnn as fnn
        >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1)], seed=0)
        >>> trainer = fnn.Trainer(model, "mse").on("epoch_end", lambda event: event.stop())
        >>> len(trainer.fit([[1.0]], [[2.0]], epochs=10, verbose=0).epoch)
        1
        """
        self._listeners.add(event, handler, every)
        return self

    # -- fitting ----------------------------------------------------------------------------------

    def fit(
        self,
        x: npt.ArrayLike | Iterable[Any] | Callable[[], Iterable[Any]],
        y: npt.ArrayLike | None = None,
        *,
        sample_weight: npt.ArrayLike | None = None,
        batch_size: int | None = None,
        epochs: int = 1,
        shuffle: bool | None = None,
        drop_remainder: bool = False,
        validation_data: Any = None,
        verbose: int = 1,
        log_every: int | None = None,
        check_finite: bool = True,
    ) -> History:
        """Train on arrays, or on a stream of batches.

        Parameters
        ----------
        x : array_like, shape (n, inputs), or a stream
            Rows of any real dtype and strides; they are cast batch by batch, never copied whole.
            Or, without `y`, a stream: any re-iterable of (x, y) or (x, y, sample_weight), such as
            a list, `fastnn.data.batches`, or a generator function, which is called for each epoch.
        y : array_like, shape (n, outputs)
            Targets; (n,) is (n, 1).  For sparse_categorical_crossentropy integer labels (n,).
        sample_weight : array_like, shape (n,), optional
            The loss of a batch is sum(w l) / sum(w); a batch of weight 0 changes nothing.
        batch_size : int
            Rows in a step, 32 by default; a stream has its own.
        epochs : int
        shuffle : bool
            A new order of the rows each epoch (the default), from the trainer's seed and the
            number of the epoch alone.
        drop_remainder : bool
            Leave out the last batch of an epoch if it is short.
        validation_data : tuple (x, y) or (x, y, sample_weight), or a stream, optional
            Evaluated after each epoch.
        verbose : int or bool
            0 prints nothing, 1 a line for each epoch, but not more than ten a second.
        log_every : int, optional
            Print a line every so many batches too.
        check_finite : bool
            Refuse NaN and Inf in the data, before the first step; for a stream before the step of
            their batch.

        Returns
        -------
        History
            Of this fit.

        Raises
        ------
        TypeError, ValueError
            If the data does not fit the model or the loss: before the first step, nothing changed.
        FloatingPointError
            If the loss turns NaN or Inf, before the update of that batch.
        RuntimeError
            If this model is being fitted already, in another thread or from a handler.

        Notes
        -----
        After an error, Ctrl-C or a handler that raises, the parameters are those after the last
        whole step, and ``trainer.history`` holds the epochs that were completed.

        Examples
        --------
        >>> import fastnn as fnn
        >>> cars = fnn.datasets.load_auto_mpg()
        >>> model = fnn.Sequential([fnn.Input(7), fnn.Dense(8, "relu"), fnn.Dense(1)], seed=0)
        >>> trainer = fnn.Trainer(model, "mse", metrics=["mae"])
        >>> history = trainer.fit(cars.x, cars.y, batch_size=16, epochs=3, verbose=0)
        >>> list(history)
        ['loss', 'mean_absolute_error']
        """
        where = "Trainer.fit"
        check_int(where, "epochs", epochs)
        check_int(where, "verbose", int(verbose) if isinstance(verbose, bool) else verbose, 0)
        if log_every is not None:
            check_int(where, "log_every", log_every)
        feed: Feed
        if y is None and (callable(x) or is_stream(x)):
            for name, given in (
                ("sample_weight", sample_weight is not None),
                ("batch_size", batch_size is not None),
                ("shuffle", shuffle is not None),
                ("drop_remainder", drop_remainder),
            ):
                if given:
                    raise ValueError(
                        f"{where}: {name} is for arrays; a stream brings its own batches"
                    )
            run = self._run(1, training=True)
            feed = StreamFeed(where, run, self._task, x, finite=check_finite)
        else:
            rows = self._task.check(where, x, y, sample_weight, finite=check_finite)
            size = 32 if batch_size is None else batch_size
            size = data.as_count(size, where=where, name="batch_size")
            feed = self._feed(
                where,
                rows,
                size,
                shuffle=shuffle is None or bool(shuffle),
                drop_remainder=drop_remainder,
            )
        validation = None
        if validation_data is not None:
            validation = self._evaluation(
                f"{where}: validation_data",
                *_split_validation(where, validation_data),
                check_finite=check_finite,
            )
        self.model.begin_fit()
        try:
            history = self._fit(feed, epochs, validation, verbose, log_every)
            if self._is_dead(feed):
                warnings.warn(
                    "the network gives the same output for every row: its units are dead. "
                    "Scale the inputs (zero mean, unit variance), lower the learning rate, "
                    "or try another seed",
                    DeadNetworkWarning,
                    stacklevel=2,
                )
            return history
        finally:
            self._state.use_averages(True)
            self.model.end_fit()
            feed.close()

    def _feed(
        self,
        where: str,
        rows: Rows,
        batch_size: int,
        *,
        shuffle: bool,
        drop_remainder: bool,
        chosen: npt.NDArray[np.uint64] | None = None,
    ) -> ArrayFeed:
        return ArrayFeed(
            where,
            self._run(min(batch_size, len(rows.x)), training=True),
            rows,
            batch_size,
            shuffle=shuffle,
            drop_remainder=drop_remainder,
            seed=self.seed,
            chosen=chosen,
        )

    def _fit(
        self,
        feed: Feed,
        epochs: int,
        validation: Callable[[], dict[str, float]] | None,
        verbose: int,
        log_every: int | None,
    ) -> History:
        listeners = self._listeners
        self.history = history = History()
        end = self.epochs + epochs
        reporter = Reporter(end)
        stopped = listeners.emit(
            Event("train_begin", epoch=self.epochs, batch=0, batches=feed.batches, logs={})
        )
        if isinstance(feed, ArrayFeed) and not (
            stopped or verbose or validation or listeners.wants(*EPOCH_EVENTS)
        ):
            self._fit_unseen(feed, epochs)
        while self.epochs < end and not stopped:
            self._state.use_averages(False)
            began = time.perf_counter()
            epoch = self.epochs + 1
            if listeners.wants("epoch_begin"):
                stopped = listeners.emit(
                    Event("epoch_begin", epoch=epoch, batch=0, batches=feed.batches, logs={})
                )
            feed.begin(self.epochs)
            done = 0
            while not stopped:
                limits = [listeners.next_batch(done)]
                if log_every is not None and verbose:
                    limits.append((done // log_every + 1) * log_every)
                stop = min((limit for limit in limits if limit is not None), default=MANY_STEPS)
                done = feed.advance(epoch, stop)
                if done < stop:
                    break
                logs = self._logs(feed.run, whole=False)
                if log_every is not None and verbose and done % log_every == 0:
                    reporter.batch(epoch, done, feed.batches, logs)
                stopped = listeners.emit(
                    Event("batch_end", epoch=epoch, batch=done, batches=feed.batches, logs=logs)
                )
            if stopped and done == 0:
                break
            logs = self._logs(feed.run)
            self._state.use_averages(True)
            if validation is not None:
                logs |= {f"val_{name}": value for name, value in validation().items()}
            seconds = time.perf_counter() - began
            history.append(epoch, seconds, logs)
            self.epochs = epoch
            if listeners.wants("epoch_end"):
                stopped = (
                    listeners.emit(
                        Event("epoch_end", epoch=epoch, batch=done, batches=feed.batches, logs=logs)
                    )
                    or stopped
                )
            if verbose:
                reporter.epoch(epoch, seconds, logs)
        reporter.finish()
        listeners.emit(
            Event("train_end", epoch=self.epochs, batch=0, batches=feed.batches, logs={})
        )
        return history

    def _fit_unseen(self, feed: ArrayFeed, epochs: int) -> None:
        """Train epochs that nobody looks at: in C until the last is done."""
        names = ["loss", *(metric.name for metric in self.metrics)]
        end = self.epochs + epochs
        self._state.use_averages(False)
        while self.epochs < end:
            records = np.empty((min(end - self.epochs, EPOCHS_AT_ONCE), 1 + len(names)))
            try:
                feed.epochs(self.epochs, records)
            finally:  # also the epochs before Ctrl-C or a loss that is not finite
                self.history.extend(self.epochs + 1, names, records[: feed.run.done])
                self.epochs += feed.run.done

    def _logs(self, run: Run, *, whole: bool = True) -> dict[str, float]:
        """Return the loss and the metrics over the epoch so far.

        Within an epoch without those that need the `whole` of it.
        """
        measured = [metric.name for metric in self.metrics if whole or not metric.collects]
        return dict(zip(["loss", *measured], [run.loss, *run.metrics(whole)], strict=True))

    def _is_dead(self, feed: Feed) -> bool:
        """Tell whether rows that differ all give one output though their targets differ."""
        x, y = feed.sample()
        if len(x) < FEW_ROWS:
            return False
        for rows in (x[:FEW_ROWS], x):  # a live network mostly shows in the first few
            outputs = self.model.predict(rows, check_finite=False)
            if not (outputs == outputs[0]).all():
                return False
        return not ((x == x[0]).all() or (y == y[0]).all())

    def train_on_batch(
        self,
        x: npt.ArrayLike,
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
    ) -> dict[str, float]:
        """Take one step on one batch.

        Parameters
        ----------
        x : array_like, shape (n, inputs)
        y : array_like, shape (n, outputs)
        sample_weight : array_like, shape (n,), optional

        Returns
        -------
        dict of str to float
            Loss and metrics of the batch, before the update.

        Raises
        ------
        TypeError, ValueError, FloatingPointError, RuntimeError
            As `fit`.

        Examples
        --------
        >>> import fastnn as fnn
        >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1, kernel_initializer="ones")])
        >>> fnn.Trainer(model, "mse").train_on_batch([[2.0]], [[5.0]])
        {'loss': 9.0}
        """
        where = "Trainer.train_on_batch"
        rows = self._task.check(where, x, y, sample_weight, finite=False, batch=True)
        if self._batch_run is None or self._batch_run.threads != get_num_threads():
            self._batch_run = self._run(len(rows.x), training=True)
        run = self._batch_run
        self.model.begin_fit()
        try:
            self._state.use_averages(False)
            run.begin()
            self._task.step(run, rows, where, finite=True)
        finally:
            self._state.use_averages(True)
            self.model.end_fit()
            run.release()
        return self._logs(run)

    def evaluate(
        self,
        x: npt.ArrayLike | Iterable[Any] | Callable[[], Iterable[Any]],
        y: npt.ArrayLike | None = None,
        *,
        sample_weight: npt.ArrayLike | None = None,
        check_finite: bool = True,
    ) -> dict[str, float]:
        """Return loss and metrics over arrays or a stream, without training.

        Parameters
        ----------
        x : array_like, shape (n, inputs), or a stream
            As in `fit`.
        y : array_like, shape (n, outputs)
        sample_weight : array_like, shape (n,), optional
        check_finite : bool
            Refuse NaN and Inf.

        Returns
        -------
        dict of str to float
            "loss" and the metrics, over all rows.

        Raises
        ------
        TypeError, ValueError
            As `fit`.

        Examples
        --------
        >>> import fastnn as fnn
        >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1, kernel_initializer="ones")])
        >>> fnn.Trainer(model, "mse", metrics=["mae"]).evaluate([[1.0], [2.0]], [0.0, 2.0])
        {'loss': 0.5, 'mean_absolute_error': 0.5}
        """
        where = "Trainer.evaluate"
        return self._evaluation(where, x, y, sample_weight, check_finite=check_finite)()

    def _evaluation(
        self, where: str, x: Any, y: Any, sample_weight: Any, *, check_finite: bool
    ) -> Callable[[], dict[str, float]]:
        """Return a function that evaluates; arrays are checked here and bound once."""
        if y is None and (callable(x) or is_stream(x)):
            if sample_weight is not None:
                raise ValueError(f"{where}: sample_weight is for arrays; a stream brings its own")
            return lambda: self._evaluate_stream(where, x, check_finite)
        rows = self._task.check(where, x, y, sample_weight, finite=check_finite)
        return Evaluation(self, where, rows)

    def _evaluate_stream(self, where: str, stream: Any, check_finite: bool) -> dict[str, float]:
        run = self._run(1, training=False)
        run.begin()
        count = 0
        for batch in open_stream(where, stream):
            count += 1
            at = f"{where}: batch {count}"
            self._task.step(run, self._task.check_batch(at, batch), at, finite=check_finite)
        if count == 0:
            hint = ""
            if isinstance(stream, Iterator):
                hint = (
                    "; it is a generator, which can be read only once: "
                    "pass the generator function itself, or a list"
                )
            raise ValueError(f"{where}: the stream yielded no batches{hint}")
        return self._logs(run)

    def _run(self, batch_rows: int, *, training: bool, state: OptimizerState | None = None) -> Run:
        skips = self._fused and not self.loss.from_logits
        heads = [(self.loss.kind, self.loss.settings, skips, 1.0)]
        measured = [(one.bind(self.loss.name, self.model.outputs), 0) for one in self.metrics]
        if training and state is None:
            state = self._state
        return Run(self.model, heads, measured, batch_rows, state, get_num_threads(), self.seed)


class Evaluation:
    """Loss and metrics over checked rows, as often as it is called.

    With `chosen` (from `data.as_indices`) over those rows alone.
    """

    def __init__(
        self,
        trainer: Trainer,
        where: str,
        rows: Rows,
        chosen: npt.NDArray[np.uint64] | None = None,
    ) -> None:
        self.trainer = trainer
        self.where = where
        self.rows = rows
        self.chosen = chosen
        count = len(rows.x) if chosen is None else len(chosen)
        self.block = min(count, trainer.model.block_rows())
        self.run = trainer._run(self.block, training=False)

    def __call__(self) -> dict[str, float]:
        run = self.run
        steps = run.bind(*self.rows, self.chosen, self.block, False)
        run.begin()
        judge(run, run.advance(steps), self.where)
        return self.trainer._logs(run)


def _check_metrics(
    wanted: Sequence[str | Callable[..., float] | metrics.Metric], loss: Loss, outputs: int
) -> list[metrics.Metric]:
    if isinstance(wanted, str) or not isinstance(wanted, Sequence):
        raise TypeError(f"Trainer: metrics must be a list, got {describe(wanted)}")
    if wanted and loss.target_columns(outputs) != outputs:
        raise ValueError(
            f"Trainer: metrics compare each output with a target, but {loss.name} has "
            f"{loss.target_columns(outputs)} targets for {outputs} outputs; want no metrics"
        )
    found = [metrics.get(item, loss_name=loss.name, outputs=outputs) for item in wanted]
    names = [metric.name for metric in found]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                f"Trainer: the metric {name!r} is named twice; if they differ, give one another "
                "name=..."
            )
    return found


def _split_validation(where: str, given: Any) -> tuple[Any, Any, Any]:
    """Return x, y and weights; y None for a stream."""
    pairs = isinstance(given, tuple) and given and isinstance(given[0], (tuple, list))
    if isinstance(given, tuple) and not (pairs and is_stream(given)):
        if len(given) not in (2, 3):
            raise ValueError(
                f"{where}: validation_data must be (x, y) or (x, y, sample_weight), "
                f"got a tuple of {len(given)}"
            )
        return given[0], given[1], given[2] if len(given) == 3 else None
    if isinstance(given, Mapping) or not (callable(given) or is_stream(given)):
        raise TypeError(
            f"{where}: validation_data must be (x, y), (x, y, sample_weight) or a stream, "
            f"got {describe(given)}"
        )
    return given, None, None
