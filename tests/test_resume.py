"""A fit that was interrupted, even killed, and goes on: the same bits as one that was not."""

from __future__ import annotations

import gc
import json
import math
import os
import signal
import subprocess
import sys
import textwrap
import weakref
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

import fastnn as fnn
from fastnn import callbacks as cb

OPTIMIZERS = {
    "sgd": fnn.SGD(0.01),
    "momentum": fnn.SGD(0.01, momentum=0.9),
    "adam": fnn.Adam(0.01),
    "adamw": fnn.AdamW(0.01, weight_decay=0.1),
}


class Interrupt(Exception):
    """Stands in for whatever ends a fit before its time."""


def network(seed=1, dtype="float32"):
    layers = [fnn.Input(3), fnn.Dense(5, "tanh", name="first"), fnn.Dense(1)]
    return fnn.Sequential(layers, seed=seed, dtype=dtype)


def trainer_of(model=None, optimizer="adam", **options):
    return fnn.Trainer(model or network(), "mse", optimizer, **options)


def data(n=22):
    rng = np.random.default_rng(n)
    return rng.standard_normal((n, 3)), rng.standard_normal((n, 1))


def state(trainer):
    """Everything that must be the same."""
    return (
        trainer.model.parameter_arena.tobytes(),
        {name: array.tobytes() for name, array in trainer._state.arrays().items()},
        trainer.steps,
        trainer.epochs,
        trainer.seed,
        trainer.optimizer.config(),
        {name: [repr(v) for v in values] for name, values in trainer.history.items()},
        trainer.history.epoch,
    )


def stop_at(epoch, batch=None):
    """A callback that ends the fit by an error after a batch or an epoch."""

    def fail(event):
        if event.epoch == epoch and (batch is None or event.batch == batch):
            raise Interrupt

    name = "on_epoch_end" if batch is None else "on_batch_end"
    return cb.LambdaCallback(**{name: fail})


# ---- save and load ------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_trainer_comes_back_and_goes_on_with_the_same_bits(tmp_path, optimizer, dtype):
    x, y = data()
    whole = trainer_of(network(dtype=dtype), OPTIMIZERS[optimizer], metrics=["mae", "r2"], seed=9)
    part = trainer_of(network(dtype=dtype), OPTIMIZERS[optimizer], metrics=["mae", "r2"], seed=9)
    options = {"batch_size": 5, "verbose": 0, "validation_data": (x[:7], y[:7])}
    whole.fit(x, y, epochs=5, **options)
    part.fit(x, y, epochs=2, **options)
    part.learning_rate = part.learning_rate  # a number of its own, as a callback would set
    part.save(tmp_path / "run.safetensors")
    again = fnn.load_trainer(tmp_path / "run.safetensors")
    assert state(again) == state(part)
    assert again.loss.config() == part.loss.config()
    assert again.model.config() == part.model.config()
    history = again.fit(x, y, epochs=5, initial_epoch=again.epochs, **options)
    assert history is again.history
    assert state(again) == state(whole)


@pytest.mark.parametrize("at", [(1, 1), (1, 4), (1, 5), (3, 2), (3, None)])
@pytest.mark.parametrize("saved", [True, False])
def test_an_interrupted_fit_goes_on_within_the_epoch(tmp_path, at, saved):
    """In the same process, or from a file written after the interruption."""
    x, y = data()
    whole, part = (trainer_of(metrics=["mae", "r2"]) for _ in range(2))
    options = {"batch_size": 5, "verbose": 0}
    whole.fit(x, y, epochs=4, **options)
    with pytest.raises(Interrupt):
        part.fit(x, y, epochs=4, callbacks=[stop_at(*at)], **options)
    if saved:
        part.save(tmp_path / "run.safetensors")
        part = fnn.load_trainer(tmp_path / "run.safetensors")
    part.fit(x, y, epochs=4, initial_epoch=part.epochs, **options)
    assert state(part) == state(whole)


def test_a_file_written_by_a_handler_holds_the_moment(tmp_path):
    x, y = data()
    path = tmp_path / "run.safetensors"
    whole = trainer_of(metrics=["r2"])
    whole.on("batch_end", lambda e: e.save(path) if (e.epoch, e.batch) == (2, 3) else None)
    whole.fit(x, y, batch_size=5, epochs=3, verbose=0)
    again = fnn.load_trainer(path)
    assert (again.epochs, again.steps) == (1, 8)
    again.fit(x, y, batch_size=5, epochs=3, initial_epoch=again.epochs, verbose=0)
    assert state(again) == state(whole)


def test_trainer_save_inside_a_handler_holds_the_moment_too(tmp_path):
    x, y = data()
    path = tmp_path / "run.safetensors"
    whole = trainer_of()
    whole.on("batch_end", lambda e: whole.save(path) if (e.epoch, e.batch) == (2, 3) else None)
    whole.fit(x, y, batch_size=5, epochs=3, verbose=0)
    again = fnn.load_trainer(path)
    again.fit(x, y, batch_size=5, epochs=3, initial_epoch=again.epochs, verbose=0)
    assert state(again) == state(whole)


@pytest.mark.skipif(sys.platform == "win32", reason="no interval timer")
def test_ctrl_c_and_then_on(tmp_path):
    x, y = data(64)
    part = trainer_of(metrics=["mae"])
    part.on("train_begin", lambda event: signal.setitimer(signal.ITIMER_REAL, 0.03), once=True)

    def interrupt(*_):
        raise Interrupt

    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        with pytest.raises(Interrupt):
            part.fit(x, y, batch_size=1, epochs=10**8, verbose=0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    epochs = part.epochs + 2
    part.save(tmp_path / "run.safetensors")
    again = fnn.load_trainer(tmp_path / "run.safetensors")
    again.fit(x, y, batch_size=1, epochs=epochs, initial_epoch=again.epochs, verbose=0)
    whole = trainer_of(metrics=["mae"])
    whole.fit(x, y, batch_size=1, epochs=epochs, verbose=0)
    assert state(again) == state(whole)


def test_initial_epoch_counts_as_keras_does():
    x, y = data()
    trainer = trainer_of()
    history = trainer.fit(x, y, epochs=5, initial_epoch=3, verbose=0)
    assert (history.epoch, trainer.epochs, trainer.steps) == ([4, 5], 5, 2)
    assert trainer.fit(x, y, epochs=5, initial_epoch=5, verbose=0).epoch == [4, 5]
    assert trainer.fit(x, y, epochs=2, initial_epoch=0, verbose=0).epoch == [1, 2]
    assert trainer.fit(x, y, epochs=2, verbose=0).epoch == [3, 4]
    with pytest.raises(ValueError, match="initial_epoch is 6, above epochs=5"):
        trainer.fit(x, y, epochs=5, initial_epoch=6)
    with pytest.raises(ValueError, match="initial_epoch"):
        trainer.fit(x, y, initial_epoch=-1)


def test_the_order_of_the_rows_depends_on_the_epoch_alone():
    x, y = data()
    one, other = trainer_of(), trainer_of()
    one.fit(x, y, batch_size=4, epochs=3, initial_epoch=2, verbose=0)
    other.epochs = 2
    other.fit(x, y, batch_size=4, epochs=1, verbose=0)
    assert one.model.parameter_arena.tobytes() == other.model.parameter_arena.tobytes()


def test_what_fails_before_the_first_step_loses_no_place(tmp_path):
    """A handler of train_begin that raises or saves, in a fit that goes on."""
    x, y = data()
    path = tmp_path / "run.safetensors"
    whole, part = trainer_of(metrics=["mae"]), trainer_of(metrics=["mae"])
    options = {"batch_size": 5, "epochs": 4, "verbose": 0}
    whole.fit(x, y, **options)
    with pytest.raises(Interrupt):
        part.fit(x, y, callbacks=[stop_at(2, 3)], **options)
    fail = cb.LambdaCallback(on_train_begin=lambda event: 1 / 0)
    save = cb.LambdaCallback(on_train_begin=lambda event: event.save(path))
    with pytest.raises(ZeroDivisionError):
        part.fit(x, y, initial_epoch=1, callbacks=[fail], **options)
    with pytest.raises(ValueError, match="had done 3 batches"):
        part.fit(x[:5], y[:5], initial_epoch=1, **options)
    part.fit(x, y, initial_epoch=1, callbacks=[save], **options)
    assert state(part) == state(whole)
    again = fnn.load_trainer(path)
    again.fit(x, y, initial_epoch=1, **options)
    assert state(again) == state(whole)


def test_train_on_batch_ends_the_fit_that_could_go_on():
    x, y = data()
    trainer = trainer_of()
    with pytest.raises(Interrupt):
        trainer.fit(x, y, batch_size=5, epochs=4, verbose=0, callbacks=[stop_at(2, 2)])
    trainer.train_on_batch(x, y)
    history = trainer.fit(x, y, batch_size=5, epochs=4, initial_epoch=1, verbose=0)
    assert history.epoch == [2, 3, 4]  # a fit of its own: all of epoch 2


# ---- the state of callbacks ---------------------------------------------------------------------


def callbacks(folder, *, stop=3):
    return [
        cb.EarlyStopping("val_loss", patience=stop),
        cb.ReduceLROnPlateau("val_loss", factor=0.5, patience=2, cooldown=1),
        cb.ModelCheckpoint(
            os.path.join(folder, "best-{epoch}.safetensors"), save_best_only=True, keep=2
        ),
        cb.CSVLogger(os.path.join(folder, "log.csv")),
        cb.JSONLogger(os.path.join(folder, "log.jsonl")),
    ]


def files(folder):
    """What callbacks wrote; the seconds of a log differ."""
    found = {}
    for path in sorted(Path(folder).iterdir()):
        if path.suffix == ".jsonl":
            found[path.name] = [
                {k: v for k, v in json.loads(line).items() if k != "seconds"}
                for line in path.read_text().splitlines()
            ]
        elif path.suffix == ".safetensors":
            found[path.name] = fnn.load(path).parameter_arena.tobytes()
        else:
            found[path.name] = path.read_bytes()
    return found


def validated(dtype="float32"):
    """Data on which the validation loss soon rises."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((40, 3)), rng.standard_normal((40, 1))
    return (x[:20], y[:20]), {"validation_data": (x[20:], y[20:]), "batch_size": 4, "verbose": 0}


@pytest.mark.parametrize("epoch", [1, 2, 4, 6])
@pytest.mark.parametrize("batch", [None, 3])
def test_callbacks_go_on_with_what_they_knew(tmp_path, epoch, batch):
    rows, options = validated()
    folders = [tmp_path / name for name in ("whole", "part")]
    for folder in folders:
        folder.mkdir()
    whole, part = (trainer_of(optimizer=fnn.Adam(0.05)) for _ in range(2))
    whole.fit(*rows, epochs=60, callbacks=callbacks(folders[0], stop=9), **options)
    assert epoch < whole.epochs < 60  # it was stopped
    assert whole.learning_rate < 0.05
    calls = [*callbacks(folders[1], stop=9), stop_at(epoch, batch)]
    with pytest.raises(Interrupt):
        part.fit(*rows, epochs=60, callbacks=calls, **options)
    part.save(tmp_path / "run.safetensors")
    part = fnn.load_trainer(tmp_path / "run.safetensors")
    calls = callbacks(folders[1], stop=9)
    part.fit(*rows, epochs=60, initial_epoch=part.epochs, callbacks=calls, **options)
    assert state(part) == state(whole)
    assert files(folders[0]) == files(folders[1])


def test_a_new_fit_begins_with_fresh_callbacks():
    rows, options = validated()
    stop = cb.EarlyStopping(patience=2)
    trainer = trainer_of(optimizer=fnn.Adam(0.05))
    trainer.fit(*rows, epochs=60, callbacks=[stop], **options)
    first = trainer.epochs
    trainer.fit(*rows, epochs=60, callbacks=[stop], **options)
    assert stop.best_epoch > first


class Counting(cb.Callback):
    def __init__(self):
        self.count, self.sums = 0, np.zeros(2)

    def on_epoch_end(self, event):
        self.count += 1
        self.sums = self.sums + np.array([event.logs["loss"], 1])

    def state(self):
        return {"count": self.count, "sums": self.sums}

    def restore(self, state):
        self.count, self.sums = state["count"], state["sums"]


def test_ones_own_callback_has_a_state_of_values_and_arrays(tmp_path):
    x, y = data()
    trainer, counting = trainer_of(), Counting()
    history = trainer.fit(x, y, epochs=3, verbose=0, callbacks=[Counting(), counting])
    trainer.save(tmp_path / "run.safetensors")
    again = fnn.load_trainer(tmp_path / "run.safetensors")
    calls = [Counting(), Counting()]
    again.fit(x, y, epochs=3, initial_epoch=3, verbose=0, callbacks=calls)
    for one in calls:
        assert one.count == 3
        assert one.sums.tolist() == [sum(history["loss"]), 3]


def test_a_state_that_no_file_can_hold_is_named(tmp_path):
    class Odd(cb.Callback):
        def state(self):
            return {"odd": object()}

    x, y = data()
    trainer = trainer_of()
    trainer.fit(x, y, verbose=0, callbacks=[Odd()])
    with pytest.raises(TypeError, match=r"Trainer\.save: .*the state of a callback must hold"):
        trainer.save(tmp_path / "run.safetensors")
    assert list(tmp_path.iterdir()) == []


# ---- BackupAndRestore ---------------------------------------------------------------------------


@pytest.mark.parametrize("at", [(1, None), (3, None), (1, 3), (3, 1), (3, 5)])
@pytest.mark.parametrize("save_freq", ["epoch", 1, 2])
def test_backup_and_restore(tmp_path, at, save_freq):
    """The same lines again, in a process that knows nothing."""
    rows, options = validated()
    for name in ("whole", "part"):
        (tmp_path / name).mkdir()

    def run(name, *more):
        trainer = trainer_of(optimizer=fnn.Adam(0.05), metrics=["r2"])
        backup = cb.BackupAndRestore(tmp_path / "run.safetensors", save_freq=save_freq)
        # The backup first: it is written when all have seen the event.
        calls = [backup, *callbacks(tmp_path / name, stop=4), *more]
        trainer.fit(*rows, epochs=30, callbacks=calls, **options)
        return trainer

    whole = run("whole")
    assert not (tmp_path / "run.safetensors").exists()
    with pytest.raises(Interrupt):
        run("part", stop_at(*at))
    backed_up = save_freq != "epoch" or at[0] > 1
    assert (tmp_path / "run.safetensors").exists() == (backed_up and at != (1, None)) or at == (
        1,
        None,
    )
    part = run("part")
    assert state(part) == state(whole)
    assert files(tmp_path / "part") == files(tmp_path / "whole")
    assert not (tmp_path / "run.safetensors").exists()


@pytest.mark.parametrize("save_freq", ["epoch", 1])
@pytest.mark.parametrize("name", ["epoch_end", "batch_end"])
def test_a_fit_that_was_stopped_and_then_killed_stays_stopped(tmp_path, name, save_freq):
    """The file tells what handlers had decided, or the rest would be trained after all."""
    x, y = data()

    def run(*calls):
        trainer = trainer_of()
        trainer.on(name, lambda e: e.stop("enough") if (e.epoch, e.batch) >= (2, 3) else None)
        options = {"batch_size": 5, "epochs": 9, "verbose": 0}
        trainer.fit(x, y, callbacks=calls, **options)
        return trainer

    whole = run()
    backup = cb.BackupAndRestore(tmp_path / "run.safetensors", save_freq=save_freq)
    with pytest.raises(ZeroDivisionError):
        run(cb.LambdaCallback(on_train_end=lambda event: 1 / 0), backup)
    assert (tmp_path / "run.safetensors").exists()
    part = run(backup)
    assert state(part) == state(whole)
    assert part.history.stopped == "enough"


def test_an_epoch_that_was_cut_short_and_then_killed_stays_short(tmp_path):
    x, y = data()

    def run(*calls):
        trainer = trainer_of()
        trainer.on("batch_end", lambda e: e.stop_epoch() if (e.epoch, e.batch) == (2, 3) else None)
        trainer.fit(x, y, batch_size=5, epochs=4, verbose=0, callbacks=calls)
        return trainer

    whole = run()
    backup = cb.BackupAndRestore(tmp_path / "run.safetensors", save_freq=1)
    with pytest.raises(Interrupt):
        run(backup, stop_at(2))
    assert state(run(backup)) == state(whole)


def test_a_backup_that_stays(tmp_path):
    x, y = data()
    path = tmp_path / "run.safetensors"
    backup = cb.BackupAndRestore(path, delete_checkpoint=False)
    one = trainer_of()
    one.fit(x, y, epochs=3, verbose=0, callbacks=[backup])
    assert path.exists()
    two = trainer_of()
    assert two.fit(x, y, epochs=3, verbose=0, callbacks=[backup]).epoch == [1, 2, 3]
    assert state(one) == state(two)
    assert two.fit(x, y, epochs=5, initial_epoch=3, verbose=0, callbacks=[backup]).epoch[-1] == 5


def test_a_backup_not_more_often_than_asked(tmp_path, monkeypatch):
    x, y = data()
    now = [0.0]
    monkeypatch.setattr("fastnn.callbacks.files.monotonic", lambda: now[0])
    backup = cb.BackupAndRestore(tmp_path / "run.safetensors", seconds=3)
    seen = []

    def look(event):
        now[0] += 1
        path = tmp_path / "run.safetensors"
        seen.append(path.stat().st_ino if path.exists() else None)  # of the epoch before

    calls = [backup, cb.LambdaCallback(on_epoch_end=look)]
    trainer_of().fit(x, y, epochs=9, verbose=0, callbacks=calls)
    assert seen[:4] == [None] * 4
    assert [b != a for a, b in pairwise(seen[4:])] == [False, False, True, False]


@pytest.mark.parametrize(
    "other, words",
    [
        (lambda: fnn.Trainer(network(), "mae"), "other losses"),
        (lambda: trainer_of(optimizer="sgd"), "other optimizer"),
        (lambda: trainer_of(metrics=["mae"]), "other losses and metrics"),
        (lambda: trainer_of(network(dtype="float64")), "other layers|other dtype"),
        (
            lambda: trainer_of(fnn.Sequential([fnn.Input(3), fnn.Dense(1)])),
            "other layers",
        ),
    ],
)
def test_a_backup_of_another_trainer_is_refused(tmp_path, other, words):
    x, y = data()
    path = tmp_path / "run.safetensors"
    with pytest.raises(Interrupt):
        trainer_of().fit(
            x, y, epochs=3, verbose=0, callbacks=[cb.BackupAndRestore(path), stop_at(2)]
        )
    trainer = other()
    before = trainer.model.parameter_arena.tobytes()
    with pytest.raises(ValueError, match=words) as caught:
        trainer.fit(x, y, epochs=3, verbose=0, callbacks=[cb.BackupAndRestore(path)])
    assert str(path) in str(caught.value)
    assert (trainer.steps, trainer.epochs) == (0, 0)
    assert trainer.model.parameter_arena.tobytes() == before
    trainer.fit(x, y, verbose=0)  # and the model is free


def test_a_backup_brings_its_seed(tmp_path):
    """A script without a seed draws another one each time it runs."""
    x, y = data()
    path = tmp_path / "run.safetensors"
    first = trainer_of(network(seed=None))
    twin = fnn.Trainer(first.model.copy(), "mse", "adam")
    calls = [cb.BackupAndRestore(path), stop_at(3)]
    with pytest.raises(Interrupt):
        first.fit(x, y, batch_size=5, epochs=5, verbose=0, callbacks=calls)
    second = trainer_of(network(seed=None))
    second.fit(x, y, batch_size=5, epochs=5, verbose=0, callbacks=[cb.BackupAndRestore(path)])
    twin.fit(x, y, batch_size=5, epochs=5, verbose=0)
    assert state(second) == state(twin)
    assert second.model.seed == first.model.seed


def test_other_data_is_noticed_where_it_can_be(tmp_path):
    x, y = data()
    path = tmp_path / "run.safetensors"
    calls = [cb.BackupAndRestore(path, save_freq=1), stop_at(1, 5)]
    with pytest.raises(Interrupt):
        trainer_of().fit(x, y, batch_size=4, epochs=5, verbose=0, callbacks=calls)
    with pytest.raises(ValueError, match=r"had done 4 batches of its epoch, but .* only 2"):
        trainer_of().fit(
            x[:8], y[:8], batch_size=4, epochs=5, verbose=0, callbacks=[cb.BackupAndRestore(path)]
        )


SCRIPT = """
    import sys
    import numpy as np
    import fastnn as fnn
    from fastnn import callbacks as cb

    folder, save_freq, epochs, as_stream = sys.argv[1:]
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((60, 3)), rng.standard_normal((60, 1))
    model = fnn.Sequential([fnn.Input(3), fnn.Dense(6, "tanh"), fnn.Dense(1)], seed=3)
    trainer = fnn.Trainer(model, "mse", fnn.Adam(0.01), metrics=["mae", "r2"])
    calls = [
        cb.BackupAndRestore(
            folder + "/run.safetensors",
            save_freq=save_freq if save_freq == "epoch" else int(save_freq),
        ),
        cb.EarlyStopping("val_loss", patience=10**6),
        cb.CSVLogger(folder + "/log.csv"),
        cb.LambdaCallback(on_epoch_end=lambda event: print(event.epoch, flush=True)),
    ]
    options = {"validation_data": (x[40:], y[40:]), "epochs": int(epochs), "verbose": 0}
    if as_stream == "arrays":
        trainer.fit(x[:40], y[:40], batch_size=4, callbacks=calls, **options)
    else:
        batches = fnn.data.batches(x[:40], y[:40], 4, shuffle=True, seed=5)
        steps = None if as_stream == "stream" else 7
        trainer.fit(batches, steps_per_epoch=steps, prefetch=2, callbacks=calls, **options)
    trainer.save(folder + "/end.safetensors")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
@pytest.mark.parametrize(
    "save_freq, source", [("epoch", "arrays"), ("3", "arrays"), ("3", "stream"), ("2", "steps")]
)
def test_a_killed_process_goes_on_with_the_same_bits(tmp_path, save_freq, source):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    for name in ("whole", "part"):
        (tmp_path / name).mkdir()
    epochs = 25

    def command(name):
        return [
            sys.executable, str(script), str(tmp_path / name), save_freq, str(epochs), source,
        ]  # fmt: skip

    subprocess.run(command("whole"), check=True, stdout=subprocess.DEVNULL)
    kills = 0
    for at in (3, 14):  # at an epoch that comes out of a pipe: wherever it is by then
        process = subprocess.Popen(command("part"), stdout=subprocess.PIPE, text=True)
        for line in process.stdout:
            if int(line) >= at:
                process.send_signal(signal.SIGKILL)
                break
        process.stdout.close()
        kills += process.wait() == -signal.SIGKILL
    assert kills > 0
    subprocess.run(command("part"), check=True, stdout=subprocess.DEVNULL)
    whole, part = (fnn.load_trainer(tmp_path / n / "end.safetensors") for n in ("whole", "part"))
    assert state(part) == state(whole)
    assert part.history.epoch == list(range(1, epochs + 1))
    log = [(tmp_path / name / "log.csv").read_bytes() for name in ("whole", "part")]
    assert log[0] == log[1]


# ---- streams ------------------------------------------------------------------------------------


class Rereadable:
    """The same batches each time it is iterated."""

    def __init__(self, x, y, size=4):
        self.x, self.y, self.size = x, y, size

    def __iter__(self):
        for i in range(0, len(self.x), self.size):
            yield self.x[i : i + self.size], self.y[i : i + self.size]


def endless(x, y, seed=0):
    rng = np.random.default_rng(seed)
    while True:
        rows = rng.integers(0, len(x), 4)
        yield x[rows], y[rows]


SOURCES = {
    "batches": (lambda x, y: fnn.data.batches(x, y, 4, shuffle=True, seed=2), None),
    "batches in steps": (lambda x, y: fnn.data.batches(x, y, 4, shuffle=True, seed=2), 4),
    "list": (lambda x, y: list(Rereadable(x, y)), None),
    "list in steps": (lambda x, y: list(Rereadable(x, y)), 4),
    "function in steps": (lambda x, y: lambda: endless(x, y), 4),
    "generator in steps": (lambda x, y: endless(x, y), 4),
}


@pytest.mark.parametrize("prefetch", [0, 2])
@pytest.mark.parametrize("at", [(1, 1), (2, None), (3, 2)])
@pytest.mark.parametrize("source", SOURCES)
def test_streams_go_on_where_they_were(tmp_path, source, at, prefetch):
    x, y = data()
    make, steps = SOURCES[source]
    options = {"steps_per_epoch": steps, "verbose": 0, "prefetch": prefetch}
    whole, part = trainer_of(), trainer_of()
    whole.fit(make(x, y), epochs=5, **options)
    with pytest.raises(Interrupt):
        part.fit(make(x, y), epochs=5, callbacks=[stop_at(*at)], **options)
    part.save(tmp_path / "run.safetensors")
    part = fnn.load_trainer(tmp_path / "run.safetensors")
    part.fit(make(x, y), epochs=5, initial_epoch=part.epochs, **options)
    assert state(part) == state(whole)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("batch", [1, 3])
def test_streams_whose_batch_had_begun(tmp_path, source, batch):
    """Drawn, but not trained on: also the first of an epoch."""
    x, y = data()
    make, steps = SOURCES[source]
    options = {"steps_per_epoch": steps, "epochs": 4, "verbose": 0}

    def fail(event):
        if (event.epoch, event.batch) == (3, batch):
            raise Interrupt

    whole, part = trainer_of(), trainer_of()
    whole.fit(make(x, y), **options)
    with pytest.raises(Interrupt):
        part.fit(make(x, y), callbacks=[cb.LambdaCallback(on_batch_begin=fail)], **options)
    part.save(tmp_path / "run.safetensors")
    part = fnn.load_trainer(tmp_path / "run.safetensors")
    part.fit(make(x, y), initial_epoch=part.epochs, **options)
    assert state(part) == state(whole)


@pytest.mark.parametrize("source", SOURCES)
def test_streams_go_on_in_the_same_process(source):
    """The very object again, which may be somewhere in its middle."""
    x, y = data()
    make, steps = SOURCES[source]
    options = {"steps_per_epoch": steps, "verbose": 0}
    whole, part = trainer_of(), trainer_of()
    whole.fit(make(x, y), epochs=5, **options)
    stream = make(x, y)
    with pytest.raises(Interrupt):
        part.fit(stream, epochs=5, callbacks=[stop_at(3, 2)], **options)
    part.fit(stream, epochs=5, initial_epoch=part.epochs, **options)
    assert state(part) == state(whole)


def test_a_fit_that_is_over_keeps_no_data():
    class Rows(np.ndarray):
        pass

    x, y = (array.view(Rows) for array in data())
    kept = [weakref.ref(one) for one in (x, y)]
    trainer = trainer_of()
    trainer.fit(x, y, batch_size=4, validation_data=(x, y), verbose=0)
    stream = Rereadable(x, y)
    kept.append(weakref.ref(stream))
    trainer.fit(stream, verbose=0, prefetch=1)
    del x, y, stream
    gc.collect()
    assert [one() is None for one in kept] == [True] * 3


def test_a_stream_that_has_become_shorter_is_noticed(tmp_path):
    x, y = data()
    part = trainer_of()
    with pytest.raises(Interrupt):
        part.fit(list(Rereadable(x, y)), epochs=5, verbose=0, callbacks=[stop_at(2, 4)])
    with pytest.raises(ValueError, match=r"had done 4 batches of its epoch, but this stream"):
        part.fit(list(Rereadable(x, y))[:2], epochs=5, initial_epoch=1, verbose=0)


# ---- files --------------------------------------------------------------------------------------


def test_load_reads_the_model_from_a_trainers_file(tmp_path):
    x, y = data()
    trainer = trainer_of()
    trainer.fit(x, y, epochs=2, verbose=0)
    path = tmp_path / "run.safetensors"
    trainer.save(path)
    model = fnn.load(path)
    assert model.parameter_arena.tobytes() == trainer.model.parameter_arena.tobytes()
    assert model.config() == trainer.model.config()


def test_what_the_file_holds(tmp_path):
    x, y = data()
    trainer = trainer_of(metrics=["mae"])
    trainer.fit(x, y, epochs=2, validation_split=0.5, verbose=0, callbacks=[cb.EarlyStopping()])
    trainer.save(tmp_path / "run.safetensors")
    with safe_open(tmp_path / "run.safetensors", framework="numpy") as file:
        keys = set(file.keys())
        meta = file.metadata()
    assert keys >= set(trainer.model.parameters)
    assert {"optimizer/m", "optimizer/v", "history/epoch", "history/3"} <= keys
    assert json.loads(meta["fastnn"])["format"] == "fastnn.model"
    facts = json.loads(meta["fastnn.trainer"])
    assert facts["version"] == 1
    assert keys - set(trainer.model.parameters) == set(facts["tensors"])


def test_a_trainer_that_was_never_fitted(tmp_path):
    trainer = trainer_of(optimizer=fnn.SGD(0.1, momentum=0.5), seed=2**64 - 1)
    trainer.save(tmp_path / "run.safetensors")
    again = fnn.load_trainer(tmp_path / "run.safetensors")
    assert state(again) == state(trainer)


def test_numbers_that_are_not_finite_come_back(tmp_path):
    x, y = data()
    trainer = trainer_of(metrics=["r2"])
    stop = cb.EarlyStopping(patience=9)
    trainer.fit(
        x, y, epochs=3, validation_split=0.5, validation_freq=2, verbose=0, callbacks=[stop]
    )
    trainer.save(tmp_path / "run.safetensors")
    again = fnn.load_trainer(tmp_path / "run.safetensors")
    assert state(again) == state(trainer)
    assert math.isnan(again.history["val_loss"][0])


class Doubled(fnn.layers.Dense):
    """A layer of a person's own."""


def test_ones_own_classes_need_custom_objects(tmp_path):
    x, y = data()
    layers = [fnn.Input(3), Doubled(4, "tanh"), fnn.Dense(1)]
    path = tmp_path / "run.safetensors"
    trainer = trainer_of(fnn.Sequential(layers, seed=0))
    trainer.fit(x, y, epochs=2, verbose=0)
    trainer.save(path)
    with pytest.raises(ValueError, match="Doubled"):
        fnn.load_trainer(path)
    custom = {"Doubled": Doubled}
    again = fnn.load_trainer(path, custom_objects=custom)
    assert state(again) == state(trainer)
    backup = cb.BackupAndRestore(path, custom_objects=custom)
    other = trainer_of(fnn.Sequential(layers, seed=5))
    assert other.fit(x, y, epochs=3, verbose=0, callbacks=[backup]).epoch == [1, 2, 3]


def test_a_model_is_no_trainer(tmp_path):
    network().save(tmp_path / "m.safetensors")
    with pytest.raises(ValueError, match=r"load_trainer: .*m\.safetensors holds a model, but no"):
        fnn.load_trainer(tmp_path / "m.safetensors")
    with pytest.raises(FileNotFoundError):
        fnn.load_trainer(tmp_path / "nothing.safetensors")


def rewrite(path, change):
    from safetensors.numpy import load_file, save_file

    with safe_open(path, framework="numpy") as file:
        meta = file.metadata()
    tensors = load_file(path)
    facts = json.loads(meta["fastnn.trainer"])
    text = change(facts, tensors)
    meta["fastnn.trainer"] = text if text in ("{", "[]") else json.dumps(facts)
    save_file(tensors, path, meta)


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda facts, tensors: "{", "broken metadata"),
        (lambda facts, tensors: "[]", "broken metadata"),
        (lambda facts, tensors: facts.update(tensors=["gone"]), "broken metadata"),
        (lambda facts, tensors: facts.update(version=2), "a newer one wrote it"),
        (lambda facts, tensors: facts["optimizer"].update(kind="adm"), "did you mean 'adam'"),
        (lambda facts, tensors: facts.pop("heads") and None, "describes no trainer"),
        (
            lambda facts, tensors: tensors.update({"optimizer/m": np.zeros(3, np.float32)}),
            "state of another optimizer",
        ),
    ],
)
def test_a_broken_file_is_named(tmp_path, change, words):
    x, y = data()
    path = tmp_path / "run.safetensors"
    trainer = trainer_of()
    trainer.fit(x, y, verbose=0)
    trainer.save(path)
    rewrite(path, change)
    with pytest.raises(ValueError, match=words) as caught:
        fnn.load_trainer(path)
    assert "run.safetensors" in str(caught.value)


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path):
    x, y = data()
    trainer = trainer_of()
    trainer.fit(x, y, verbose=0)
    path = tmp_path / "run.safetensors"
    trainer.save(path)
    before = path.read_bytes()
    with pytest.raises(OSError):
        trainer.save(tmp_path)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["run.safetensors"]
