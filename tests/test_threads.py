"""Several threads on one model and on several: whole steps, the same bits, nobody left waiting.

Time limits are there to end a test that hangs; none of them is a measure.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

import fastnn as fnn

LIMIT = 60.0  # seconds until a test is taken to hang


def network(*widths, inputs=3, seed=0):
    *inner, last = widths
    layers = [*(fnn.Dense(n, "tanh") for n in inner), fnn.Dense(last)]
    return fnn.Sequential([fnn.Input(inputs), *layers], seed=seed)


def rows(n, columns=3):
    return np.random.default_rng([n, columns]).standard_normal((n, columns)).astype(np.float32)


class Workers:
    """Threads whose exceptions come out in the test."""

    def __init__(self, *functions):
        self.errors = []
        self.threads = [threading.Thread(target=self._run, args=(f,)) for f in functions]
        for thread in self.threads:
            thread.daemon = True
            thread.start()

    def _run(self, function):
        try:
            function()
        except BaseException as error:
            self.errors.append(error)

    def join(self):
        for thread in self.threads:
            thread.join(LIMIT)
        assert not any(thread.is_alive() for thread in self.threads), "a thread hangs"
        if self.errors:
            raise self.errors[0]


def repeat_until(done, function):
    """Call again and again, at least once, until the event is set."""

    def run():
        while True:
            function()
            if done.is_set():
                return

    return run


# ---- predictions --------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 50, 5000])
def test_many_predicts_at_once_give_the_bits_of_one(n):
    model = network(32, 2)
    x = [rows(n) + i for i in range(6)]
    wanted = [model.predict(part) for part in x]
    together = threading.Barrier(6)

    def predict(i):
        out = np.empty((n, 2), np.float32)
        together.wait(LIMIT)
        for _ in range(20):
            np.testing.assert_array_equal(model.predict(x[i]), wanted[i])
            np.testing.assert_array_equal(model.predict(x[i], out=out), wanted[i])

    Workers(*[lambda i=i: predict(i) for i in range(6)]).join()


def twins():
    """A network whose output columns are the same number after every whole step.

    All columns of the kernel start at 0 and have the same target; there are so many that an update
    takes a while, and a predict in its midst would find some moved and some not.
    """
    units = 100_000
    model = fnn.Sequential(
        [fnn.Input(2), fnn.Dense(units, use_bias=False, kernel_initializer="zeros")], seed=0
    )
    x = np.array([[1.0, 2.0], [2.0, -1.0]], np.float32)
    y = np.broadcast_to(np.array([[1.0], [3.0]], np.float32), (2, units))
    return model, x, y


@pytest.mark.parametrize("n", [1, 2])
def test_predict_during_a_fit_sees_whole_steps(n):
    model, x, y = twins()
    seen = set()
    enough = threading.Event()
    fitted = threading.Event()

    def look():
        out = model.predict(x[:n])
        assert (out == out[:, :1]).all()
        seen.add(out[0, 0].item())
        if len(seen) >= 5:  # several states of a fit in progress
            enough.set()

    workers = Workers(*[repeat_until(fitted, look) for _ in range(2)])
    trainer = fnn.Trainer(model, "mse", fnn.Adam(1e-3))
    trainer.on("epoch_end", lambda event: event.stop() if enough.is_set() else None)
    trainer.fit(x, y, batch_size=1, epochs=20_000, verbose=0)
    fitted.set()
    workers.join()
    assert enough.is_set()


@pytest.mark.parametrize(
    "read",
    [
        lambda model: model.get_weights()[0],
        lambda model: model.copy().parameters["dense_0/kernel"],
    ],
    ids=["get_weights", "copy"],
)
def test_reading_parameters_during_a_fit_sees_whole_steps(read):
    model, x, y = twins()
    seen = set()
    enough = threading.Event()
    fitted = threading.Event()

    def look():
        kernel = read(model)
        assert (kernel == kernel[:, :1]).all()
        seen.add(kernel[0, 0].item())
        if len(seen) >= 5:
            enough.set()

    workers = Workers(repeat_until(fitted, look))
    trainer = fnn.Trainer(model, "mse", fnn.Adam(1e-3))
    trainer.on("epoch_end", lambda event: event.stop() if enough.is_set() else None)
    trainer.fit(x, y, batch_size=1, epochs=20_000, verbose=0)
    fitted.set()
    workers.join()
    assert enough.is_set()


@pytest.mark.parametrize("as_stream", [False, True])
def test_a_fit_ends_however_many_predict(as_stream):
    """Predicts that overlap without a gap must not keep the fit from its turn."""
    model, alone = network(64, 1), network(64, 1)
    x, y = rows(3000), np.zeros((3000, 1), np.float32)
    many = rows(20_000)
    fitted = threading.Event()
    running = threading.Barrier(4)
    first = threading.local()

    def predict():
        model.predict(many)
        if not hasattr(first, "done"):
            first.done = True
            running.wait(LIMIT)

    predictors = Workers(*[repeat_until(fitted, predict) for _ in range(3)])
    running.wait(LIMIT)
    source = (fnn.data.batches(x, y, 300),) if as_stream else (x, y)
    options = {} if as_stream else {"batch_size": 300, "shuffle": False}
    fit = Workers(lambda: fnn.Trainer(model, "mse").fit(*source, epochs=3, verbose=0, **options))
    try:
        fit.join()
    finally:
        fitted.set()
        predictors.join()
    fnn.Trainer(alone, "mse").fit(*source, epochs=3, verbose=0, **options)
    assert model.parameter_arena.tobytes() == alone.parameter_arena.tobytes()


@pytest.mark.parametrize("n", [1, 5000])
def test_predicts_get_their_turn_during_a_fit(n):
    """The fit goes on until a predict, an evaluate and a forward have come through."""
    model = network(64, 1)
    x, y = rows(2000), np.zeros((2000, 1), np.float32)
    began, served = threading.Event(), threading.Event()

    def ask():
        began.wait(LIMIT)
        for _ in range(5):
            model.predict(rows(n))
            fnn.Trainer(model, "mse").evaluate(x, y)
            model.forward(rows(n), training=True)
        served.set()

    workers = Workers(ask)
    trainer = fnn.Trainer(model, "mse")
    trainer.on("epoch_begin", lambda event: began.set())
    trainer.on("epoch_end", lambda event: event.stop() if served.is_set() else None)
    trainer.fit(x, y, epochs=10**6, verbose=0)
    workers.join()
    assert served.is_set()


# ---- fits ---------------------------------------------------------------------------------------


def test_a_second_fit_in_another_thread_is_an_error():
    model = network(4, 1)
    x, y = rows(20), np.zeros((20, 1))
    inside, tried = threading.Event(), threading.Event()

    def hold(event):
        inside.set()
        assert tried.wait(LIMIT)

    caught = []

    def second():
        assert inside.wait(LIMIT)
        other = fnn.Trainer(model, "mse")
        for attempt in (
            lambda: other.fit(x, y, verbose=0),
            lambda: other.fit(fnn.data.batches(x, y), verbose=0),
            lambda: other.train_on_batch(x, y),
        ):
            try:
                attempt()
            except RuntimeError as error:
                caught.append(str(error))
        tried.set()

    workers = Workers(second)
    trainer = fnn.Trainer(model, "mse").on("epoch_end", hold)
    history = trainer.fit(x, y, verbose=0)
    workers.join()
    assert len(caught) == 3
    assert all("being fitted already" in message for message in caught)
    assert history.epoch == [1]
    assert trainer.steps == 1
    fnn.Trainer(model, "mse").fit(x, y, verbose=0)  # now it may


def test_fits_of_different_models_at_once_give_the_bits_of_each_alone():
    x, y = rows(200), rows(200, 1)

    def fit(i):
        model = network(16, 8, 1, seed=i)
        trainer = fnn.Trainer(model, "mse", metrics=["mae"])
        history = trainer.fit(x, y, batch_size=7, epochs=15, verbose=0, validation_data=(x, y))
        return model.parameter_arena.tobytes(), history.history

    alone = [fit(i) for i in range(4)]
    together = threading.Barrier(4)
    found = {}

    def run(i):
        together.wait(LIMIT)
        found[i] = fit(i)

    Workers(*[lambda i=i: run(i) for i in range(4)]).join()
    assert [found[i] for i in range(4)] == alone


def test_a_fit_in_a_thread_gives_the_bits_of_one_in_the_main_thread():
    x, y = rows(50), rows(50, 1)
    models = [network(8, 1) for _ in range(2)]
    fits = [
        lambda m=m: fnn.Trainer(m, "mse").fit(x, y, batch_size=4, epochs=3, verbose=0)
        for m in models
    ]
    fits[0]()
    Workers(fits[1]).join()
    assert models[0].parameter_arena.tobytes() == models[1].parameter_arena.tobytes()


def test_the_core_runs_without_the_gil():
    """The main thread wakes in the midst of an epoch, though nobody is made to give up the GIL."""
    model = network(128, 1)
    x, y = rows(100_000), np.zeros((100_000, 1), np.float32)
    began = threading.Event()
    stage = ["before"]

    def begin(event):
        stage[0] = "inside"
        began.set()

    trainer = fnn.Trainer(model, "mse").on("epoch_begin", begin)
    trainer.on("epoch_end", lambda event: stage.__setitem__(0, "after"))
    interval = sys.getswitchinterval()
    sys.setswitchinterval(2 * LIMIT)
    try:
        workers = Workers(lambda: trainer.fit(x, y, batch_size=1000, epochs=1, verbose=0))
        assert began.wait(LIMIT)
        seen = stage[0]
    finally:
        sys.setswitchinterval(interval)
    workers.join()
    assert (seen, stage[0]) == ("inside", "after")


# ---- Ctrl-C -------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="sends a signal to this process")
def test_ctrl_c_reaches_the_main_thread_while_a_worker_fits():
    model, alone = network(8, 1), network(8, 1)
    x, y = rows(50), rows(50, 1)
    ready, caught, finished = threading.Event(), threading.Event(), threading.Event()

    def interrupt(event):
        if event.epoch == 2:
            os.kill(os.getpid(), signal.SIGINT)
            assert caught.wait(LIMIT)

    trainer = fnn.Trainer(model, "mse").on("epoch_end", interrupt)

    def fit():
        assert ready.wait(LIMIT)
        trainer.fit(x, y, batch_size=4, epochs=5, verbose=0)
        finished.set()

    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    workers = Workers(fit)
    try:
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - it comes while this waits
            ready.set()
            while not finished.wait(0.05):  # a signal that comes just before a wait lasts it out
                pass
    finally:
        caught.set()
        signal.signal(signal.SIGINT, previous)
    workers.join()  # and the worker's fit goes on
    assert trainer.history.epoch == [1, 2, 3, 4, 5]
    fnn.Trainer(alone, "mse").fit(x, y, batch_size=4, epochs=5, verbose=0)
    assert model.parameter_arena.tobytes() == alone.parameter_arena.tobytes()


# ---- fork ---------------------------------------------------------------------------------------


def in_a_new_process(script):
    """Run a script that forks in a process without the threads of this one; what it printed."""
    head = f"import sys; sys.path.insert(0, {os.path.dirname(__file__)!r})\n" + FORK_TOOLS
    result = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", head + textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=4 * LIMIT,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


FORK_TOOLS = """
import os, signal, threading, traceback
import numpy as np
import fastnn as fnn
from test_threads import network, rows

def child(function):
    "What it returns in a child of fork, as an int; fails if it does not end in a minute."
    pid = os.fork()
    if pid == 0:
        signal.alarm(60)
        try:
            os._exit(int(function() or 0))
        except BaseException:
            traceback.print_exc()
            os._exit(255)
    status = os.waitpid(pid, 0)[1]
    assert os.WIFEXITED(status) and os.WEXITSTATUS(status) != 255, status
    return os.WEXITSTATUS(status)

def refused(function):
    try:
        function()
    except RuntimeError as error:
        assert "forked in the midst of a training step" in str(error), error
    else:
        raise AssertionError("not refused")

def thread(function):
    threading.Thread(target=function, daemon=True).start()
"""

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


@forks
def test_a_child_forked_in_the_midst_of_a_step_refuses_the_model():
    out = in_a_new_process(
        """
        x, y = rows(1000), rows(1000, 1)
        model, other = network(32, 1), network(32, 1)
        want = other.predict(x)
        before = model.parameter_arena.tobytes()
        thread(lambda: fnn.Trainer(model, "mse").fit(x, y, epochs=10**9, verbose=0))
        while model.parameter_arena.tobytes() == before:
            pass  # from here on the thread is in C, or waits for the GIL to come back from there

        def use():
            refused(lambda: model.predict(x[:1]))
            refused(lambda: model.predict(x))
            refused(lambda: model.get_weights())
            refused(lambda: model.forward(x, training=True))
            refused(lambda: fnn.Trainer(model, "mse").fit(x, y, verbose=0))
            refused(lambda: fnn.Trainer(model, "mse").evaluate(x, y))
            assert (other.predict(x) == want).all()
            fnn.Trainer(other, "mse").fit(x, y, verbose=0)
            child(lambda: refused(lambda: model.predict(x)))

        child(use)
        print("done", flush=True)
        os._exit(0)  # the fit would go on
        """
    )
    assert out == "done\n"


@forks
def test_a_child_forked_between_the_steps_of_a_thread_has_the_model_to_itself():
    out = in_a_new_process(
        """
        x, y = rows(1000), rows(1000, 1)
        model = network(32, 1)
        between, go_on = threading.Event(), threading.Event()

        def pause(event):
            between.set()
            go_on.wait()

        trainer = fnn.Trainer(model, "mse").on("epoch_end", pause)
        fit = threading.Thread(target=lambda: trainer.fit(x, y, epochs=2, verbose=0))
        fit.start()
        between.wait()

        def use():
            want = model.predict(x)
            assert (model.predict(x[:1]) == want[:1]).all()
            fnn.Trainer(model, "mse").fit(x, y, verbose=0)
            assert (model.predict(x) != want).any()

        child(use)
        try:
            fnn.Trainer(model, "mse").fit(x, y, verbose=0)
        except RuntimeError as error:
            assert "being fitted already" in str(error)
        else:
            raise AssertionError("the child's fit has ended the parent's")
        go_on.set()
        fit.join()
        print(trainer.history.epoch)
        """
    )
    assert out == "[1, 2]\n"


@forks
def test_a_child_forked_while_threads_predict_can_train():
    out = in_a_new_process(
        """
        x, y = rows(1000), rows(1000, 1)
        many = np.broadcast_to(x[:1], (3_000_000, 3))
        model = network(64, 64, 1)
        want = model.predict(x)

        def use():
            within = np.isnan(out[-1, 0])  # the prediction was not over when the process forked
            fnn.Trainer(model, "mse").fit(x, y, verbose=0)
            return within

        def fork_within():
            global out
            out = np.full((len(many), 1), np.nan, np.float32)
            predict = threading.Thread(target=lambda: model.predict(many, out=out))
            predict.start()
            while np.isnan(out[0, 0]):
                pass
            within = child(use)
            predict.join()
            return within

        assert any(fork_within() for _ in range(20))
        assert (model.predict(x) == want).all()
        print("done")
        """
    )
    assert out == "done\n"
