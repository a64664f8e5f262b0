"""The models of ``fastnn compare``, each in a process of its own, for the memory it takes."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import sys
import time
from collections.abc import Iterator
from multiprocessing import resource_tracker
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["CONTESTANTS", "Entry", "Result", "hold"]

Array = npt.NDArray[Any]

FEW = 200  # rows to load the code with
STEPS = 300  # epochs of the logistic regression, at most


class Entry(NamedTuple):
    """What a contestant is given.

    Attributes
    ----------
    train, test : pyarrow.Table
        With the target.
    x, x_test : ndarray
        The same as a matrix, see `design`.
    y : ndarray, shape (n,)
        Numbers, or places of classes.
    classes : int
        0 for regression.
    target : str
    options : dict
        Of the estimator of fastnn.
    seed : int
    """

    train: Any
    test: Any
    x: Array
    x_test: Array
    y: Array
    classes: int
    target: str
    options: dict[str, Any]
    seed: int


class Result(NamedTuple):
    """What comes out: predictions or probabilities for the test rows, and what it took."""

    predictions: Array
    seconds: float
    predict_seconds: float
    memory: int | None


def linear(entry: Entry) -> tuple[Any, Any]:
    """Least squares, or logistic regression without a penalty."""
    import fastnn as fnn

    if entry.classes:
        model = fnn.Sequential(
            [fnn.Input(entry.x.shape[1]), fnn.Dense(entry.classes, "softmax")], seed=entry.seed
        )
        trainer = fnn.Trainer(model, "sparse_categorical_crossentropy", fnn.Adam(0.01))
        stop = fnn.callbacks.EarlyStopping("loss", patience=5, min_delta=1e-5)
        size = min(512, max(16, len(entry.x) // 100))

        def fit() -> None:
            trainer.fit(
                entry.x,
                entry.y.astype(np.int32),
                batch_size=size,
                epochs=STEPS,
                callbacks=[stop],
                verbose=0,
            )

        return fit, lambda: model.predict(entry.x_test)
    found: list[Array] = []

    def solve() -> None:
        ones = np.ones((len(entry.x), 1))
        found.append(np.linalg.lstsq(np.hstack([entry.x, ones]), entry.y)[0])

    return solve, lambda: entry.x_test @ found[0][:-1] + found[0][-1]


def network(entry: Entry) -> tuple[Any, Any]:
    """The estimator of fastnn.tabular."""
    from fastnn.tabular import TabularClassifier, TabularRegressor

    kind = TabularClassifier if entry.classes else TabularRegressor
    estimator = kind(seed=entry.seed, out_of_range="count", **entry.options)

    def predict() -> Array:
        if isinstance(estimator, TabularClassifier):
            return estimator.predict_proba(entry.test)
        return estimator.predict(entry.test)

    return lambda: estimator.fit(entry.train, entry.target), predict


def scikit_learn(entry: Entry) -> tuple[Any, Any]:
    """The MLP of scikit-learn with the same layers, early stopping and its own defaults."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    kind = MLPClassifier if entry.classes else MLPRegressor
    model = kind(
        hidden_layer_sizes=tuple(entry.options.get("hidden", (64, 32))),
        early_stopping=True,
        n_iter_no_change=20,
        random_state=entry.seed % 2**32,
    )
    mean, deviation = (0.0, 1.0) if entry.classes else (entry.y.mean(), entry.y.std() or 1.0)

    def predict() -> Array:
        if entry.classes:
            shares = np.zeros((len(entry.x_test), entry.classes))
            shares[:, model.classes_.astype(int)] = model.predict_proba(entry.x_test)
            return shares
        return np.asarray(model.predict(entry.x_test)) * deviation + mean

    y = entry.y if entry.classes else (entry.y - mean) / deviation
    return lambda: model.fit(entry.x, y), predict


CONTESTANTS = {"linear": linear, "fastnn": network, "scikit-learn MLP": scikit_learn}


def hold(name: str, entry: Entry) -> Result:
    """Let one contestant fit and predict in a fresh process.

    Raises
    ------
    ValueError
        If it fails, with its reason.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(name, entry, theirs))
    with _no_interrupts():
        process.start()
    theirs.close()
    try:
        result = ours.recv()
    except EOFError:
        raise ValueError(f"compare: {name} has ended without a result") from None
    except KeyboardInterrupt:
        process.terminate()
        raise
    finally:
        process.join()
    if isinstance(result, str):
        raise ValueError(f"compare: {name}: {result}")
    assert isinstance(result, Result)
    return result


@contextlib.contextmanager
def _no_interrupts() -> Iterator[None]:
    """Keep Ctrl-C from a process that starts here, for good; here it comes when the block ends.

    A terminal sends it to both, and one of them has to say so.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # its first start would let the signal through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _run(name: str, entry: Entry, pipe: Any) -> None:
    try:
        pipe.send(measure(name, entry))
    except (ValueError, ArithmeticError, OSError, ImportError, MemoryError) as error:
        pipe.send(f"{error}")
    finally:
        pipe.close()


def measure(name: str, entry: Entry) -> Result:
    """Fit and predict here, and say what it took; memory is what came on top of data and code."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of convergence: the numbers tell
        with contextlib.suppress(ValueError):  # such as few rows of one class
            _load_code(name, entry)
        fit, predict = CONTESTANTS[name](entry)
        before = _memory("VmRSS")
        began = time.perf_counter()
        fit()
        fitted = time.perf_counter()
        predictions = np.asarray(predict())
        done = time.perf_counter()
    most = _memory("VmHWM")
    memory = None if before is None or most is None else max(0, most - before)
    return Result(predictions, fitted - began, done - fitted, memory)


def _load_code(name: str, entry: Entry) -> None:
    """Fit and predict once on a few rows: the same head start for each of them."""
    few = slice(0, FEW)
    options = {**entry.options, "epochs": 1}
    less = entry._replace(train=entry.train[few], x=entry.x[few], y=entry.y[few], options=options)
    fit, predict = CONTESTANTS[name](less)
    fit()
    predict()


def _memory(field: str) -> int | None:
    """Return bytes of this process as Linux counts them; None elsewhere."""
    if sys.platform != "linux":
        return None
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
    return None
