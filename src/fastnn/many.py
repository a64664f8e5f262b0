"""Many small networks at once: one fit per worker thread, all on the same rows.

A job is a trainer and the rows that it sees.  Each runs the loop of `Trainer.fit` on one thread, in
C and without the GIL, so the workers keep the cores busy with networks that are too small to share
one.  Rows are checked once and never copied; a job that picks rows reads them through its indices.
"""

from __future__ import annotations

import threading
import time
import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, SupportsIndex, TypeVar, overload

import numpy as np
import numpy.typing as npt

from fastnn import data
from fastnn._core import Run
from fastnn._spec import check_int, describe, lookup
from fastnn.callbacks import Callback, ProgressBar
from fastnn.callbacks.base import check_callbacks
from fastnn.ensemble import Ensemble
from fastnn.errors import DeadNetworkWarning, FastnnWarning
from fastnn.evaluation import Evaluation
from fastnn.feed import Rows, any_weight, count_batches
from fastnn.history import History
from fastnn.model import Model
from fastnn.parallel import get_num_threads, threads
from fastnn.report import Reporter, format_seconds
from fastnn.trainer import Trainer

__all__ = ["Entry", "Fits", "Leaderboard", "fit_many"]

WHERE = "fit_many"
HELD_OUT = "held_out_"
MOST_NAMED = 8  # jobs that a warning names
SECONDS_ASLEEP = 0.05  # at most, while the caller waits for others: then it looks for Ctrl-C

Indices = npt.NDArray[np.uint64]
T = TypeVar("T")


def fit_many(
    trainers: Iterable[Trainer],
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    rows: Iterable[npt.ArrayLike | None] | None = None,
    sample_weight: npt.ArrayLike | None = None,
    batch_size: int | Sequence[int] = 32,
    epochs: int | Sequence[int] = 1,
    shuffle: bool = True,
    drop_remainder: bool = False,
    validation_data: tuple[Any, ...] | None = None,
    held_out: bool = False,
    callbacks: Iterable[Sequence[Callback] | None] | None = None,
    workers: int | None = None,
    verbose: int = 1,
    check_finite: bool = True,
) -> Fits:
    """Train many networks at once, each on one thread.

    Every job gives the bits that ``trainer.fit(x[rows], y[rows], ...)`` would, whatever the number
    of workers.

    Parameters
    ----------
    trainers : iterable of Trainer
        Each with a model of its own.  Layers, dtypes, losses, optimizers and seeds may differ, as
        long as `x` and `y` fit each.  A trainer with handlers (`Trainer.on`) has them called as in
        `fit`, in the thread of its worker, one handler at a time.
    x : array_like, shape (n, inputs)
        Shared by all, never copied.
    y : array_like, shape (n, outputs)
        As for `Trainer.fit`.
    rows : iterable of array_like or None, optional
        For each trainer the rows that it is trained on: row numbers (folds, bootstraps; repeats
        count), or a bool for each row of `x`; None for all.  Negative numbers are refused.
    sample_weight : array_like, shape (n,), optional
        Of the rows of `x`.
    batch_size, epochs : int, or one for each trainer
    shuffle, drop_remainder : bool
        As for `Trainer.fit`.
    validation_data : tuple (x, y) or (x, y, sample_weight), optional
        Arrays; evaluated after each epoch of each job.
    held_out : bool
        Evaluate each network in the end on the rows that its `rows` leave out.
    callbacks : iterable of (sequence of Callback, or None), optional
        For each trainer callbacks of its own, such as
        ``[[EarlyStopping(patience=5)] for _ in trainers]``.
    workers : int, optional
        Networks in training at the same time; `get_num_threads` by default.  The caller is one of
        the workers.
    verbose : int or bool
        0 prints nothing, 1 a line for each network that is done, but not more than ten a second.
    check_finite : bool
        Refuse NaN and Inf in the data: one scan of all rows, those that no job uses too.

    Returns
    -------
    Fits
        Models, histories and a leaderboard.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit: before the first step, nothing changed.
    RuntimeError
        If one of the models is being fitted already.

    Warns
    -----
    FastnnWarning
        If a job failed, as when its loss turned NaN.  The others go on; ``errors`` has what
        happened, and the leaderboard lists the job last.
    DeadNetworkWarning
        If networks give the same output for every row.

    Notes
    -----
    After Ctrl-C each trainer is left after its last whole step, with the history so far; those
    whose turn had not come are as before.  Beside the arrays, memory holds 8 bytes for each row
    that `rows` names, and as much again for each that a worker is shuffling.

    Examples
    --------
    >>> import fastnn as fnn
    >>> cars = fnn.datasets.load_auto_mpg()
    >>> x = (cars.x - cars.x.mean(axis=0)) / cars.x.std(axis=0)
    >>> def network(seed):
    ...     return fnn.Sequential([fnn.Input(7), fnn.Dense(8, "relu"), fnn.Dense(1)], seed=seed)
    >>> trainers = [fnn.Trainer(network(seed), "mse", fnn.Adam(0.01)) for seed in range(4)]
    >>> fits = fnn.fit_many(trainers, x, cars.y, epochs=5, verbose=0)
    >>> len(fits.models), len(fits.leaderboard())
    (4, 4)
    >>> mean, std = fits.ensemble(best=3).predict(x, return_std=True)
    """
    check_int(WHERE, "verbose", int(verbose) if isinstance(verbose, bool) else verbose, 0)
    count = get_num_threads() if workers is None else check_int(WHERE, "workers", workers)
    if y is None:
        raise TypeError(f"{WHERE}: y is None; want targets")
    crew = _check_trainers(trainers)
    tables = _check_tables(WHERE, crew, x, y, sample_weight, check_finite)
    n = len(tables[0].x)
    picked = _check_rows(rows, len(crew), n)
    sizes = _each(batch_size, len(crew), "batch_size")
    lengths = _each(epochs, len(crew), "epochs")
    guests = _check_callbacks(callbacks, len(crew))
    validations: Sequence[Rows | None] = [None] * len(crew)
    if validation_data is not None:
        given: object = validation_data
        if not isinstance(given, tuple) or len(given) not in (2, 3):
            raise TypeError(
                f"{WHERE}: validation_data must be (x, y) or (x, y, sample_weight), "
                f"got {describe(given)}"
            )
        x_val, y_val, weight = (*given, None)[:3]
        validations = _check_tables(
            f"{WHERE}: validation_data", crew, x_val, y_val, weight, check_finite
        )
    jobs = []
    for i, trainer in enumerate(crew):
        job = _Job(
            i, trainer, tables[i], picked[i], sizes[i], lengths[i], validations[i], bool(held_out)
        )
        job.shuffle, job.drop_remainder = bool(shuffle), bool(drop_remainder)
        job.callbacks = guests[i]
        job.check()
        jobs.append(job)
    reporter = Reporter(len(jobs), unit="fit") if verbose else None
    taken: list[Model] = []
    try:
        for job in jobs:
            job.trainer.model.begin_fit()
            taken.append(job.trainer.model)
        _Crew(jobs, reporter).work(min(count, len(jobs)))
    finally:
        for model in taken:
            model.end_fit()
    fits = Fits(
        tuple(job.trainer for job in jobs),
        tuple(job.trainer.history for job in jobs),
        tuple(job.error for job in jobs),
        tuple(job.held_out_scores for job in jobs),
        tuple(job.seconds for job in jobs),
    )
    _warn(jobs)
    return fits


# ---- what comes in ------------------------------------------------------------------------------


def _check_trainers(given: object) -> list[Trainer]:
    if isinstance(given, (Trainer, Mapping, str)) or not isinstance(given, Iterable):
        raise TypeError(f"{WHERE}: trainers must be a list of trainers, got {describe(given)}")
    found = list(given)
    if not found:
        raise ValueError(f"{WHERE}: trainers is empty; want at least one")
    owner: dict[int, int] = {}
    for i, trainer in enumerate(found):
        if not isinstance(trainer, Trainer):
            raise TypeError(f"{WHERE}: trainers[{i}] must be a Trainer, got {describe(trainer)}")
        first = owner.setdefault(id(trainer.model), i)
        if first != i:
            raise ValueError(
                f"{WHERE}: trainers[{i}] and trainers[{first}] have the same model; "
                f"want one for each, model.copy() makes one"
            )
    return found


def _check_tables(
    where: str, trainers: Sequence[Trainer], x: Any, y: Any, weight: Any, check_finite: bool
) -> list[Rows]:
    """Return the rows as each trainer wants them; those that want them alike share them.

    They are scanned for NaN and Inf once, in the narrowest type.
    """
    known: dict[tuple[object, ...], Rows] = {}
    keys = []
    for trainer in trainers:
        model = trainer.model
        wants = [head.wants() for head in trainer._heads]
        keys.append((model.dtype, model.inputs, model.outputs, *wants))
    for i in sorted(range(len(keys)), key=lambda i: keys[i][0]):  # float32 before float64
        if keys[i] not in known:
            finite = check_finite and not known
            known[keys[i]] = trainers[i]._task.check(
                f"{where}: trainers[{i}]", x, y, weight, finite=finite
            )
    return [known[key] for key in keys]


def _check_rows(given: object, jobs: int, n: int) -> list[Indices | None]:
    if given is None:
        return [None] * jobs
    if isinstance(given, (str, Mapping)) or not isinstance(given, Iterable):
        raise TypeError(
            f"{WHERE}: rows must be a list of arrays of row numbers, got {describe(given)}"
        )
    listed = list(given)
    if len(listed) != jobs:
        raise ValueError(
            f"{WHERE}: rows has {len(listed)} entries for {jobs} trainers; "
            f"want for each an array of row numbers, or None"
        )
    known: dict[int, Indices | None] = {id(None): None}
    for i, one in enumerate(listed):  # jobs that were given the same array share the copy
        if id(one) not in known:
            known[id(one)] = data.as_indices(one, where=WHERE, name=f"rows[{i}]", rows=n)
    return [known[id(one)] for one in listed]


def _check_callbacks(given: object, jobs: int) -> list[Sequence[Callback]]:
    if given is None:
        return [()] * jobs
    if isinstance(given, (str, Mapping, Callback)) or not isinstance(given, Iterable):
        raise TypeError(
            f"{WHERE}: callbacks must be a list of lists of callbacks, got {describe(given)}"
        )
    listed = list(given)
    if len(listed) != jobs:
        raise ValueError(
            f"{WHERE}: callbacks has {len(listed)} entries for {jobs} trainers; "
            f"want for each a list of callbacks, or None"
        )
    found: list[Sequence[Callback]] = []
    owner: dict[int, int] = {}
    for i, one in enumerate(listed):
        found.append(check_callbacks(f"{WHERE}: job {i}", one))
        for callback in found[i]:
            first = owner.setdefault(id(callback), i)
            if first != i:
                raise ValueError(
                    f"{WHERE}: jobs {first} and {i} have the same callback "
                    f"{type(callback).__name__}; want one for each"
                )
            if isinstance(callback, ProgressBar):
                raise ValueError(f"{WHERE}: the ProgressBar of job {i} is for Trainer.fit alone")
    return found


def _each(value: object, jobs: int, name: str) -> list[int]:
    """Return an integer for each job from one, or from a list of them."""
    if isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, (str, bytes)):
        if len(value) != jobs:
            raise ValueError(
                f"{WHERE}: {name} has {len(value)} entries for {jobs} trainers; want as many"
            )
        return [check_int(WHERE, f"{name}[{i}]", one) for i, one in enumerate(value)]
    return [check_int(WHERE, name, value)] * jobs


# ---- the work -----------------------------------------------------------------------------------


class _Job:
    """A trainer and the rows that it sees; filled in by the worker that takes it."""

    shuffle = True
    drop_remainder = False
    callbacks: Sequence[Callback] = ()

    def __init__(
        self,
        number: int,
        trainer: Trainer,
        table: Rows,
        chosen: Indices | None,
        batch_size: int,
        epochs: int,
        validation: Rows | None,
        held_out: bool,
    ) -> None:
        self.where = f"{WHERE}: job {number}"
        self.trainer = trainer
        self.table = table
        self.chosen = chosen
        self.batch_size = batch_size
        self.epochs = epochs
        self.validation = validation
        self.held_out = held_out
        self.rows = len(table.x) if chosen is None else len(chosen)
        self.error: Exception | None = None
        self.held_out_scores: dict[str, float] = {}
        self.seconds = 0.0
        self.dead = False

    def check(self) -> None:
        """Refuse what shows only with the rows of this job."""
        count_batches(self.where, self.rows, self.batch_size, drop_remainder=self.drop_remainder)
        weight = self.table.weight
        if weight is not None and self.chosen is not None and not any_weight(weight[self.chosen]):
            raise ValueError(
                f"{self.where}: sample_weight is zero in all {self.rows} rows of the job; "
                f"want some above zero"
            )
        if self.held_out and len(self.others()) == 0:
            raise ValueError(
                f"{self.where}: held_out is True, but the job leaves out no rows; want rows"
            )

    def others(self) -> Indices:
        """Return the rows that the job leaves out."""
        mask = np.ones(len(self.table.x), np.bool_)
        mask[slice(None) if self.chosen is None else self.chosen] = False
        return np.flatnonzero(mask).astype(np.uint64)

    def cost(self) -> int:
        """Return about how long the job takes, in no unit."""
        return self.epochs * self.rows * self.trainer.model.count_parameters()

    def run(self, crew: _Crew) -> None:
        """Train; what goes wrong with this job alone is kept."""
        began = time.perf_counter()
        try:
            self._run(crew)
        except Exception as error:
            self.error = error
        finally:
            self.seconds = time.perf_counter() - began

    def _run(self, crew: _Crew) -> None:
        trainer = self.trainer
        feed = trainer._feed(
            self.where,
            self.table,
            self.batch_size,
            shuffle=self.shuffle,
            drop_remainder=self.drop_remainder,
            chosen=self.chosen,
        )
        validation = None
        if self.validation is not None:
            validation = Evaluation(trainer, f"{self.where}: validation_data", self.validation)
            crew.watch(validation.run)
        crew.watch(feed.run)
        try:
            trainer._fit(feed, self.epochs, validation, callbacks=self.callbacks)
            self.dead = trainer._is_dead(feed)
        finally:
            feed.close()
        if self.held_out:
            others = Evaluation(trainer, f"{self.where}: held-out rows", self.table, self.others())
            crew.watch(others.run)
            self.held_out_scores = others()


class _Crew:
    """The workers: the caller and threads of its own take jobs until none is left.

    The largest come first, so that no worker is left with one while the others have nothing to do.
    """

    def __init__(self, jobs: Sequence[_Job], reporter: Reporter | None) -> None:
        self.waiting = deque(sorted(jobs, key=_Job.cost, reverse=True))
        self.reporter = reporter
        self.done = 0
        self.lock = threading.Lock()  # of the reporter and `done`
        self.running: dict[int, list[Run]] = {}  # by thread: what `stop` has to cancel
        self.stopped = False
        self.failure: BaseException | None = None  # of a helper; ends all

    def work(self, workers: int) -> None:
        """Do all jobs; returns or raises when no worker is at work any more."""
        helpers = [
            threading.Thread(target=self._help, name=f"fastnn-{i}") for i in range(1, workers)
        ]
        try:
            for helper in helpers:
                helper.start()
            self._take_jobs()
            _join(helpers)
        except BaseException:
            self.stop()
            _join(helpers)
            if self.failure is None:
                raise
        if self.failure is not None:
            raise self.failure
        if self.reporter is not None:
            self.reporter.finish()

    def _help(self) -> None:
        try:
            self._take_jobs()
        except BaseException as failure:
            if not self.stopped:
                self.failure = failure
                self.stop()

    def _take_jobs(self) -> None:
        with threads(1):
            while not self.stopped:
                try:
                    job = self.waiting.popleft()
                except IndexError:
                    return
                self.running[threading.get_ident()] = []
                job.run(self)
                self._report(job)

    def watch(self, run: Run) -> None:
        """Let `stop` end this run of the calling worker."""
        self.running[threading.get_ident()].append(run)
        if self.stopped:
            run.cancel()

    def stop(self) -> None:
        """End what is running between two steps, and start nothing more."""
        self.stopped = True
        for runs in list(self.running.values()):
            for run in list(runs):
                run.cancel()

    def _report(self, job: _Job) -> None:
        if self.reporter is None:
            return
        with self.lock:
            self.done += 1
            if job.error is None:
                self.reporter.epoch(self.done, job.seconds, _scores(job.trainer.history))


def _join(helpers: Iterable[threading.Thread]) -> None:
    """Wait, and let a signal that comes meanwhile be handled."""
    for helper in helpers:
        while helper.is_alive():
            helper.join(SECONDS_ASLEEP)


def _scores(history: History) -> dict[str, float]:
    return {name: values[-1] for name, values in history.items()}


def _warn(jobs: Sequence[_Job]) -> None:
    failed = [i for i, job in enumerate(jobs) if job.error is not None]
    if failed:
        warnings.warn(
            f"{len(failed)} of {len(jobs)} jobs failed ({_name(failed)}); the first: "
            f"{_say(jobs[failed[0]].error)}",
            FastnnWarning,
            stacklevel=3,
        )
    dead = [i for i, job in enumerate(jobs) if job.dead]
    if dead:
        warnings.warn(
            f"{len(dead)} of {len(jobs)} networks ({_name(dead)}) give the same output for every "
            f"row: their units are dead. Scale the inputs (zero mean, unit variance), lower the "
            f"learning rate, or try other seeds",
            DeadNetworkWarning,
            stacklevel=3,
        )


def _name(jobs: Sequence[int]) -> str:
    more = ", ..." if len(jobs) > MOST_NAMED else ""
    return f"job{'s' if len(jobs) > 1 else ''} {', '.join(map(str, jobs[:MOST_NAMED]))}{more}"


def _say(error: BaseException | None) -> str:
    return f"{type(error).__name__}: {error}"


# ---- what comes out -----------------------------------------------------------------------------


class Entry(NamedTuple):
    """A line of a leaderboard.

    Attributes
    ----------
    rank : int or None
        From 1; None for a job that failed or has no such score.
    job : int
        Its place in `trainers`, from 0.
    scores : mapping of str to float
        "loss" and the metrics of the last epoch, those of the validation data under ``val_``, those
        of the rows left out under ``held_out_``.
    epochs : int
        That were completed.
    seconds : float
        From the first step of the job to its end.
    error : Exception or None
        What ended it.
    """

    rank: int | None
    job: int
    scores: Mapping[str, float]
    epochs: int
    seconds: float
    error: Exception | None


class Leaderboard(Sequence[Entry]):
    """Jobs from the best to the worst, those that failed last; prints as a table.

    Attributes
    ----------
    by : str
        The score that decides.
    entries : list of Entry

    Examples
    --------
    >>> entries = [Entry(1, 3, {"loss": 0.25}, 10, 0.002, None)]
    >>> print(Leaderboard("loss", entries))
    rank  job     loss  epochs  seconds
       1    3  0.25000      10   2.0 ms
    """

    def __init__(self, by: str, entries: Sequence[Entry]) -> None:
        self.by = by
        self.entries = list(entries)

    def __len__(self) -> int:
        return len(self.entries)

    @overload
    def __getitem__(self, key: SupportsIndex) -> Entry: ...
    @overload
    def __getitem__(self, key: slice) -> Leaderboard: ...
    def __getitem__(self, key: SupportsIndex | slice) -> Entry | Leaderboard:
        """Return an entry, or a leaderboard of some."""
        if isinstance(key, slice):
            return Leaderboard(self.by, self.entries[key])
        return self.entries[key]

    def __iter__(self) -> Iterator[Entry]:
        """Iterate over the entries."""
        return iter(self.entries)

    def __str__(self) -> str:
        names = sorted(_names(self.entries), key=lambda name: name != self.by)  # that one first
        lines = [["rank", "job", *names, "epochs", "seconds"]]
        for entry in self.entries:
            rank = "-" if entry.rank is None else str(entry.rank)
            scores = [f"{entry.scores.get(name, np.nan):#.5g}".rstrip(".") for name in names]
            seconds = format_seconds(entry.seconds)
            lines.append([rank, str(entry.job), *scores, str(entry.epochs), seconds])
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        texts = [
            "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
            for line in lines
        ]
        for i, entry in enumerate(self.entries, 1):
            if entry.error is not None:
                texts[i] += f"  {_say(entry.error)}"
        return "\n".join(texts)

    __repr__ = __str__


def _names(entries: Sequence[Entry]) -> list[str]:
    """Return the names of all scores, each once, in the order they come."""
    return list(dict.fromkeys(name for entry in entries for name in entry.scores))


class Fits:
    """What `fit_many` returns.

    Attributes
    ----------
    trainers : tuple of Trainer
    models : tuple of Model
    histories : tuple of History
        Of each trainer's fit.
    errors : tuple of Exception or None
        What ended a job before its last epoch.  Its model is as its last whole step left it.
    held_out : tuple of mapping of str to float
        Loss and metrics of each network on the rows that its job left out; empty unless asked.
    seconds : tuple of float
        That each job took.

    Examples
    --------
    >>> import fastnn as fnn
    >>> model = fnn.Sequential([fnn.Input(1), fnn.Dense(1)], seed=0)
    >>> fnn.fit_many([fnn.Trainer(model, "mse")], [[1.0]], [[2.0]], verbose=0)
    <Fits: 1 network, 0 failed>
    """

    def __init__(
        self,
        trainers: tuple[Trainer, ...],
        histories: tuple[History, ...],
        errors: tuple[Exception | None, ...],
        held_out: tuple[Mapping[str, float], ...],
        seconds: tuple[float, ...],
    ) -> None:
        self.trainers = trainers
        self.models = tuple(trainer.model for trainer in trainers)
        self.histories = histories
        self.errors = errors
        self.held_out = held_out
        self.seconds = seconds

    def __len__(self) -> int:
        """Return the number of jobs."""
        return len(self.trainers)

    def __repr__(self) -> str:
        failed = sum(error is not None for error in self.errors)
        return f"<Fits: {len(self)} network{'s' if len(self) > 1 else ''}, {failed} failed>"

    def leaderboard(self, by: str | None = None) -> Leaderboard:
        """Return the jobs from the best to the worst.

        Parameters
        ----------
        by : str, optional
            "loss" or a metric, of the last epoch; ``val_`` or ``held_out_`` before it for that of
            the validation data or of the rows left out.  By default the loss of the rows left out,
            else of the validation data, else of the training: mind that losses of different kinds
            do not compare.

        Returns
        -------
        Leaderboard
            Less is better but for accuracies and R².  Equal jobs stand in their order; those with
            NaN, without the score, or with an error come last and have no rank.

        Raises
        ------
        ValueError
            If no job has that score.

        Examples
        --------
        >>> import fastnn as fnn
        >>> models = [fnn.Sequential([fnn.Input(1), fnn.Dense(1)], seed=s) for s in range(3)]
        >>> trainers = [fnn.Trainer(model, "mse", metrics=["mae"]) for model in models]
        >>> fits = fnn.fit_many(trainers, [[1.0], [2.0]], [[2.0], [3.0]], verbose=0)
        >>> board = fits.leaderboard("mean_absolute_error")
        >>> [entry.rank for entry in board]
        [1, 2, 3]
        >>> best = fits.models[board[0].job]
        """
        where = "Fits.leaderboard"
        entries = []
        for job, history in enumerate(self.histories):
            held_out = {f"{HELD_OUT}{name}": score for name, score in self.held_out[job].items()}
            scores = held_out | _scores(history)
            entries.append(
                Entry(None, job, scores, len(history.epoch), self.seconds[job], self.errors[job])
            )
        names = dict.fromkeys(_names(entries))
        if by is None:
            preferred = (f"{HELD_OUT}loss", "val_loss", "loss")
            by = next((name for name in preferred if name in names), "loss")
        elif names:
            lookup("score", by, names, where)
        sign = -1 if self._higher_is_better(by) else 1

        def place(entry: Entry) -> tuple[bool, bool, float]:
            score = sign * entry.scores.get(by, np.nan)
            unknown = bool(np.isnan(score))
            return entry.error is not None, unknown, 0.0 if unknown else score

        entries.sort(key=place)
        ranked = (i for i, entry in enumerate(entries) if not any(place(entry)[:2]))
        for i in ranked:
            entries[i] = entries[i]._replace(rank=i + 1)
        return Leaderboard(by, entries)

    def _higher_is_better(self, score: str) -> bool:
        name = score.removeprefix(HELD_OUT).removeprefix("val_")
        return any(bool(trainer._directions.get(name)) for trainer in self.trainers)

    def ensemble(self, best: int | None = None, by: str | None = None) -> Ensemble:
        """Return an ensemble of the networks, the best first.

        Parameters
        ----------
        best : int, optional
            How many; by default all that did not fail.
        by : str, optional
            The score that decides, as in `leaderboard`.

        Raises
        ------
        ValueError
            If there are not so many, or they have different inputs or outputs.

        Examples
        --------
        >>> import fastnn as fnn
        >>> models = [fnn.Sequential([fnn.Input(1), fnn.Dense(1)], seed=s) for s in range(3)]
        >>> trainers = [fnn.Trainer(model, "mse") for model in models]
        >>> fits = fnn.fit_many(trainers, [[1.0], [2.0]], [[2.0], [3.0]], verbose=0)
        >>> fits.ensemble(best=2)
        <Ensemble: 2 models, 1 inputs, 1 outputs>
        """
        where = "Fits.ensemble"
        fine = [entry.job for entry in self.leaderboard(by) if entry.error is None]
        if best is not None and check_int(where, "best", best) > len(fine):
            raise ValueError(f"{where}: best is {best}, but {len(fine)} networks did not fail")
        if not fine:
            raise ValueError(f"{where}: all {len(self)} networks failed")
        return Ensemble(self.models[job] for job in fine[:best])
