"""The training loop: rows or batches in, epochs in C, a history out."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnn import data, optimizers, resume
from fastnn._core import OptimizerState, Run
from fastnn._spec import check_int, describe
from fastnn.callbacks import Callback, ProgressBar
from fastnn.callbacks.base import check_callbacks
from fastnn.errors import DeadNetworkWarning, FastnnWarning
from fastnn.evaluation import Evaluation, StreamEvaluation, check_freq, split_rows, split_validation
from fastnn.events import Handler, Listeners
from fastnn.feed import (
    ArrayFeed,
    EndlessFeed,
    Feed,
    Rows,
    StreamFeed,
    Task,
    counts_classes,
    weigh_classes,
)
from fastnn.forms import is_stream
from fastnn.heads import make_heads
from fastnn.history import History
from fastnn.loop import Fit, Validation
from fastnn.model import Model
from fastnn.optimizers import Optimizer
from fastnn.parallel import get_num_threads
from fastnn.report import make_reporter
from fastnn.resume import Position

__all__ = ["Trainer", "load_trainer"]

FEW_ROWS = 8  # too few to tell a dead network by


class Trainer:
    """Trains a model: loss, optimizer and metrics bound to it.

    Parameters
    ----------
    model : Model
        The trainer changes its parameters in place.
    loss : str or Loss
        Such as "mean_squared_error" ("mse"), `fastnn.losses.Huber` (delta=2.0).  For several
        outputs one for all, or a list or dict.  Of an output that is None, or that a dict leaves
        out, nothing is asked, as in Keras: it has no loss and no metrics, and wants no targets.
    optimizer : str or Optimizer
        Such as "adam", ``fastnn.SGD(0.01, momentum=0.9)``.
    metrics : sequence of str, function or Metric
        Such as "mean_absolute_error", "accuracy", ``fastnn.metrics.F1(average="macro")``, or a
        function ``(y_true, y_pred)`` of one's own.  For several outputs a list or dict of such.
    loss_weights : list or dict of float, optional
        Of the losses of several outputs in their sum, "loss"; 1 by default.  For a single output
        a float, which its loss is multiplied by.
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
        loss: Any,
        optimizer: str | Optimizer = "adam",
        metrics: Any = (),
        *,
        loss_weights: Any = None,
        seed: int | None = None,
    ) -> None:
        where = "Trainer"
        if not isinstance(model, Model):
            raise TypeError(f"{where}: model must be a Model, got {describe(model)}")
        self.model = model
        self._heads = make_heads(model, loss, loss_weights, metrics, where)
        several = len(self._heads) > 1
        self.loss = [head.loss for head in self._heads] if several else self._heads[0].loss
        self.metrics = [head.metrics for head in self._heads] if several else self._heads[0].metrics
        self.optimizer = optimizers.get(optimizer, where)
        self.seed = model.seed if seed is None else data.as_seed(seed, where=where)
        self._task = Task(model, self._heads)
        measured = [(head, metric) for head in self._heads for metric in head.metrics]
        self._loss_names = ["loss"]
        if several:
            self._loss_names += [head.prefix("loss") for head in self._heads if head.loss]
        self._measured = [(head.prefix(one.name), one.collects) for head, one in measured]
        self._names = (*self._loss_names, *(name for name, _ in self._measured))
        self._directions: dict[str, bool | None] = dict.fromkeys(self._loss_names, False) | {
            head.prefix(one.name): getattr(one, "higher_is_better", None) for head, one in measured
        }
        self.history = History()
        self._listeners = Listeners()
        self._fit_under_way: Fit | None = None
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
        self._state = self.model._optimizer_state(self.optimizer)
        self._batch_run: Run | None = None  # of train_on_batch
        self._position: Position | None = None  # where the last fit is

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
        self._set_optimizer(self.optimizer.replace(learning_rate=value))

    def _set_optimizer(self, optimizer: Optimizer) -> None:
        """Go on with other settings; the state stays."""
        self.optimizer = optimizer
        self._state.configure(optimizer.settings())

    def on(
        self,
        event: str,
        handler: Handler,
        *,
        every: int = 1,
        first: int | None = None,
        after: int = 0,
        once: bool = False,
    ) -> Trainer:
        """Call `handler` with an `Event` when something happens in `fit`.

        Parameters
        ----------
        event : str
            "train_begin", "epoch_begin", "batch_begin", "batch_end", "epoch_end" or "train_end".
        handler : callable
            Gets the event; what it raises ends the fit between two steps.
        every : int
            Only every so many batches (counted within the epoch) or epochs.  Between two calls
            the training stays in C.
        first : int, optional
            Only up to this number of the batch or epoch, itself included.
        after : int
            Only above this number of the batch or epoch.
        once : bool
            Call it the first time that the rest allows, and never again.

        Returns
        -------
        Trainer
            Itself, so that calls can be chained.

        Raises
        ------
        TypeError, ValueError
            If the event is unknown, the handler cannot be called, or no number fits.

        Examples
        --------
        >>> import fastnn as fnn
        >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1)], seed=0)
        >>> seen = []
        >>> trainer = fnn.Trainer(model, "mse")
        >>> _ = trainer.on("epoch_end", lambda event: seen.append(event.epoch), every=2, after=4)
        >>> _ = trainer.on("epoch_end", lambda event: event.stop(), after=9)
        >>> len(trainer.fit([[1.0]], [[2.0]], epochs=100, verbose=0).epoch)
        10
        >>> seen
        [6, 8, 10]
        """
        self._listeners.add(event, handler, every, first, after, once)
        return self

    # -- fitting ----------------------------------------------------------------------------------

    def fit(
        self,
        x: npt.ArrayLike | Iterable[Any] | Callable[[], Iterable[Any]],
        y: npt.ArrayLike | None = None,
        *,
        sample_weight: npt.ArrayLike | Mapping[str, npt.ArrayLike | None] | None = None,
        class_weight: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        initial_epoch: int | None = None,
        steps_per_epoch: int | None = None,
        shuffle: bool | None = None,
        drop_remainder: bool = False,
        validation_data: Any = None,
        validation_split: float = 0.0,
        validation_steps: int | None = None,
        validation_freq: int | Collection[int] = 1,
        callbacks: Sequence[Callback] | None = None,
        prefetch: int = 0,
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
            The loss of a batch is sum(w l) / sum(w); a batch of weight 0 changes nothing.  For
            several outputs also a dict of such by the output's name, for weights of their own.
        class_weight : mapping of int to float or "balanced", optional
            The weight of the rows of each class, times `sample_weight`; not of validation data.
            "balanced" makes all classes weigh the same.  For a stream a mapping.  For several
            outputs a dict or list of such, one for each output or None.
        batch_size : int
            Rows in a step, 32 by default; a stream has its own.
        epochs : int
            How many; with `initial_epoch` the number of the last.
        initial_epoch : int, optional
            Epochs that are done already.  ``fit(..., initial_epoch=trainer.epochs)`` goes on with
            a fit that was interrupted or loaded, at the batch where it was: callbacks keep their
            state, the history its epochs.
        steps_per_epoch : int, optional
            Batches that make an epoch.  The next epoch goes on where this one stopped; a stream
            that ends is begun again, and arrays are one order of their rows after another, cut
            into batches that are all whole.  Without it an epoch is one pass.
        shuffle : bool
            A new order of the rows each epoch (the default), from the trainer's seed and the
            number of the epoch alone.
        drop_remainder : bool
            Leave out the last batch of an epoch if it is short.
        validation_data : tuple (x, y) or (x, y, sample_weight), or a stream, optional
            Evaluated after each epoch.
        validation_split : float
            Share of the rows, of arrays, to validate with instead of training: the last ones as
            they lie, before any shuffling, as in Keras.
        validation_steps : int, optional
            Batches to take of a stream in `validation_data`, from its begin; a generator goes on
            where it is.
        validation_freq : int or collection of int
            Validate every so many epochs, or after these.
        callbacks : sequence of Callback, optional
            See `fastnn.callbacks`.
        prefetch : int
            Batches of a stream that a thread draws ahead, while the one before is trained on.
        verbose : int or bool
            0 prints nothing; 1 a bar on a terminal if rich is installed, elsewhere a line for each
            epoch, but not more than ten a second; 2 a line for each epoch.
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
        whole step, and ``trainer.history`` holds the epochs that were completed.  What a person's
        own handler, layer, loss or metric raises comes out as it is, with a note (``__notes__``,
        which a traceback shows) that names the function, the epoch and the batch.

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
        first = 0 if initial_epoch is None else initial_epoch
        if check_int(where, "initial_epoch", first, 0) > epochs:
            raise ValueError(
                f"{where}: initial_epoch is {initial_epoch}, above epochs={epochs}, which is the "
                f"number of the last epoch then"
            )
        verbose = int(verbose) if isinstance(verbose, bool) else verbose
        check_int(where, "verbose", verbose, 0)
        if steps_per_epoch is not None:
            check_int(where, "steps_per_epoch", steps_per_epoch)
        if log_every is not None:
            check_int(where, "log_every", log_every)
        guests = check_callbacks(where, callbacks)
        feed: Feed
        held_out: Rows | None = None
        if y is None and (callable(x) or is_stream(x)):
            for name, given in (
                ("sample_weight", sample_weight is not None),
                ("batch_size", batch_size is not None),
                ("shuffle", shuffle is not None),
                ("drop_remainder", drop_remainder),
                ("validation_split", validation_split),
            ):
                if given:
                    raise ValueError(
                        f"{where}: {name} is for arrays; a stream brings its own batches"
                    )
            if counts_classes(class_weight):
                raise ValueError(
                    f"{where}: class_weight is {class_weight!r}, but the classes of a stream "
                    f"cannot be counted beforehand; want a mapping of class to weight"
                )
            feed = StreamFeed(
                where,
                self._run(1, training=True),
                self._task,
                x,
                finite=check_finite,
                steps=steps_per_epoch,
                prefetch=check_int(where, "prefetch", prefetch, 0),
                class_weight=class_weight,
            )
        else:
            if prefetch:
                raise ValueError(
                    f"{where}: prefetch is for streams; rows of arrays are at hand. "
                    f"fastnn.data.batches(x, y, batch_size) makes a stream of them"
                )
            if steps_per_epoch is not None and drop_remainder:
                raise ValueError(
                    f"{where}: drop_remainder has nothing to drop: with steps_per_epoch all "
                    f"batches are whole"
                )
            rows = self._task.check(where, x, y, sample_weight, finite=check_finite)
            if validation_split:
                if validation_data is not None:
                    raise ValueError(f"{where}: want validation_data or validation_split, got both")
                rows, held_out = split_rows(where, rows, validation_split)
            if class_weight is not None:
                rows = weigh_classes(where, self._task, rows, class_weight)
            size = 32 if batch_size is None else batch_size
            size = data.as_count(size, where=where, name="batch_size")
            feed = self._feed(
                where,
                rows,
                size,
                shuffle=shuffle is None or bool(shuffle),
                drop_remainder=drop_remainder,
                steps=steps_per_epoch,
            )
        validation: Validation | None = None
        if held_out is not None:
            validation = Evaluation(self, f"{where}: validation_split", held_out)
        elif validation_data is not None:
            validation = self._evaluation(
                f"{where}: validation_data",
                *split_validation(where, validation_data),
                check_finite=check_finite,
                steps=validation_steps,
            )
        elif validation_steps is not None:
            raise ValueError(f"{where}: validation_steps needs validation_data")
        freq = check_freq(where, validation_freq)
        self.model.begin_fit()
        try:
            fit = self._fit(
                feed,
                epochs,
                validation,
                initial_epoch=initial_epoch,
                validation_freq=freq,
                callbacks=guests,
                verbose=verbose,
                log_every=log_every,
            )
            if fit.nan is not None:
                warnings.warn(f"the fit was ended: {fit.nan}", FastnnWarning, stacklevel=2)
            elif self._is_dead(feed):
                warnings.warn(
                    "the network gives the same output for every row: its units are dead. "
                    "Scale the inputs (zero mean, unit variance), lower the learning rate, "
                    "or try another seed",
                    DeadNetworkWarning,
                    stacklevel=2,
                )
            return self.history
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
        steps: int | None = None,
        chosen: npt.NDArray[np.uint64] | None = None,
    ) -> ArrayFeed:
        run = self._run(min(batch_size, len(rows.x)), training=True)
        if steps is not None:
            return EndlessFeed(
                where, run, rows, batch_size, steps=steps, shuffle=shuffle, seed=self.seed
            )
        return ArrayFeed(
            where,
            run,
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
        validation: Validation | None,
        *,
        initial_epoch: int | None = None,
        validation_freq: int | Collection[int] = 1,
        callbacks: Sequence[Callback] = (),
        verbose: int = 0,
        log_every: int | None = None,
    ) -> Fit:
        """Fit; everything has been checked, and the model is taken."""
        self.model._renew(self._state, self.optimizer)
        position, end = self._begin(epochs, initial_epoch, callbacks)
        if isinstance(feed, ArrayFeed):
            feed.seed = self.seed
        if position is None:
            self.history = History(self._directions)
        else:
            self.history = self.history.until(self.epochs)
        bars = [callback for callback in callbacks if isinstance(callback, ProgressBar)]
        file, bar = (bars[-1].file, bars[-1].bar) if bars else (None, None)
        reporter = make_reporter(
            max(1, verbose) if bars else verbose,
            self.epochs,
            end,
            lambda: self.steps,
            file=file,
            bar=bar,
        )
        self._fit_under_way = fit = Fit(
            self,
            feed,
            end,
            position=position,
            validation=validation,
            validation_freq=validation_freq,
            callbacks=callbacks,
            reporter=reporter,
            log_every=log_every,
        )
        try:
            fit.run()
        finally:
            self._fit_under_way = None
            self._position = fit.position()
            self._position.stopped, self._position.reason = False, None
        return fit

    def _begin(
        self, epochs: int, initial_epoch: int | None, callbacks: Sequence[Callback]
    ) -> tuple[Position | None, int]:
        """Return the position to go on from, if any, and the epochs that will be done at the end.

        A file that a callback names brings the trainer to where it was.
        """
        where = "Trainer.fit"
        for callback in callbacks:
            path = callback.resumes_from()
            if path is not None:
                saved = resume.read(path, callback.custom_objects, where)
                position = resume.put_back(self, saved, where)
                first = self.epochs if position is None else position.began
                return position, epochs if initial_epoch is not None else first + epochs
        if initial_epoch is None:
            return None, self.epochs + epochs
        position = self._position
        if position is not None and position.epoch == initial_epoch == self.epochs:
            return position, epochs
        self.epochs = initial_epoch
        return None, epochs

    def _logs(self, run: Run, *, whole: bool = True) -> dict[str, float]:
        """Return the loss and the metrics over the epoch so far.

        Within an epoch without those that need the `whole` of it.
        """
        names = [name for name, collects in self._measured if whole or not collects]
        losses: list[float] = []
        if len(self._heads) > 1:
            losses = [
                loss for loss, head in zip(run.losses(), self._heads, strict=True) if head.loss
            ]
        return dict(
            zip([*self._loss_names, *names], [run.loss, *losses, *run.metrics(whole)], strict=True)
        )

    def _is_dead(self, feed: Feed) -> bool:
        """Tell whether rows that differ all give one output though their targets differ."""
        x, y = feed.sample()
        plain = isinstance(x, np.ndarray) and isinstance(y, np.ndarray)
        if not plain or len(x) < FEW_ROWS:
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
        self._position = None  # the next fit is another one
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
        self,
        where: str,
        x: Any,
        y: Any,
        sample_weight: Any,
        *,
        check_finite: bool,
        steps: int | None = None,
    ) -> Validation:
        """Return a function that evaluates; arrays are checked here and bound once."""
        if y is None and (callable(x) or is_stream(x)):
            if sample_weight is not None:
                raise ValueError(f"{where}: sample_weight is for arrays; a stream brings its own")
            if steps is not None:
                check_int("Trainer.fit", "validation_steps", steps)
            return StreamEvaluation(self, where, x, check_finite, steps)
        if steps is not None:
            raise ValueError(
                "Trainer.fit: validation_steps is for streams; arrays are evaluated whole"
            )
        rows = self._task.check(where, x, y, sample_weight, finite=check_finite)
        return Evaluation(self, where, rows)

    # -- files ------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything that is needed to go on: `fastnn.load_trainer` reads it.

        Parameters, the optimizer and its state, seed, history, where the last fit is (also within
        an epoch that was interrupted) and the state of its callbacks.  `fastnn.load` reads the
        model alone from the same file.

        Parameters
        ----------
        path : str or path-like
            Replaced only once the new file is whole.

        Raises
        ------
        OSError
            If the file cannot be written; an old one stays as it was.
        TypeError
            If a callback's state is nothing that a file can hold.

        Examples
        --------
        >>> import fastnn as fnn, os, tempfile
        >>> x, y = [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]
        >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1)], seed=0)
        >>> trainer = fnn.Trainer(model, "mse")
        >>> _ = trainer.fit(x, y, epochs=3, verbose=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     trainer.save(os.path.join(folder, "run.safetensors"))
        ...     again = fnn.load_trainer(os.path.join(folder, "run.safetensors"))
        >>> history = again.fit(x, y, epochs=5, initial_epoch=again.epochs, verbose=0)
        >>> history.epoch
        [1, 2, 3, 4, 5]
        """
        fit = self._fit_under_way
        resume.write(self, self._position if fit is None else fit.position(), path)

    def _model_to_save(self) -> Model:
        """Return what a callback writes in the midst of a fit."""
        return self.model

    def __reduce__(self) -> tuple[Any, ...]:
        fit = self._fit_under_way
        position = self._position if fit is None else fit.position()
        arguments = resume.arguments_of(self)
        return _rebuild, (type(self), self.model, arguments), resume.pack(self, position)

    def __setstate__(self, packed: Mapping[str, Any]) -> None:
        resume.unpack(self, packed)

    def __copy__(self) -> Trainer:
        from copy import deepcopy

        return deepcopy(self)  # with a model of its own: two trainers would pull at one

    def _run(self, batch_rows: int, *, training: bool, state: OptimizerState | None = None) -> Run:
        heads = [head.for_run() for head in self._heads]
        measured = [
            (metric, i) for i, head in enumerate(self._heads) for metric in head.bound_metrics()
        ]
        if training and state is None:
            state = self._state
        return Run(self.model, heads, measured, batch_rows, state, get_num_threads(), self.seed)


def load_trainer(
    path: str | os.PathLike[str], *, custom_objects: Mapping[str, Any] | None = None
) -> Trainer:
    """Read a trainer that `Trainer.save` wrote, with its model.

    ``fit(..., initial_epoch=trainer.epochs)`` on the same data goes on with its fit, with the bits
    of one that was never interrupted.

    Parameters
    ----------
    path : str or path-like
    custom_objects : mapping of name to class, optional
        A person's own layers, activations, losses and the like.

    Returns
    -------
    Trainer

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is truncated, no trainer of fastnn, or of a newer format.

    Examples
    --------
    >>> import fastnn as fnn, os, tempfile
    >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1)], seed=0)
    >>> trainer = fnn.Trainer(model, "mse", fnn.SGD(0.1, momentum=0.9))
    >>> _ = trainer.fit([[1.0]], [[2.0]], epochs=2, verbose=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     trainer.save(os.path.join(folder, "run.safetensors"))
    ...     again = fnn.load_trainer(os.path.join(folder, "run.safetensors"))
    >>> again.epochs, again.optimizer
    (2, SGD(learning_rate=0.1, momentum=0.9))
    """
    where = "load_trainer"
    saved = resume.read(path, custom_objects, where)
    trainer = Trainer(saved.model, **saved.arguments(custom_objects))
    trainer._position = resume.put_back(trainer, saved, where)
    return trainer


def _rebuild(cls: type[Trainer], model: Model, arguments: Mapping[str, Any]) -> Trainer:
    return cls(model, **arguments)
