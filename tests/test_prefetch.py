"""Streams in steps, and the thread that draws their batches ahead."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback

import numpy as np
import pytest

import fastnn as fnn
from fastnn import feed


def network():
    return fnn.Sequential([fnn.Input(3), fnn.Dense(4, "tanh"), fnn.Dense(1)], seed=0)


def trainer_of(model=None, **options):
    return fnn.Trainer(model or network(), "mse", **options)


def bits(model):
    return model.parameter_arena.tobytes()


def batches(count=6, size=4):
    rng = np.random.default_rng(count)
    return [(rng.standard_normal((size, 3)), rng.standard_normal((size, 1))) for _ in range(count)]


def threads_alive():
    return [one for one in threading.enumerate() if one.name == "fastnn-prefetch"]


# ---- epochs of so many steps --------------------------------------------------------------------

FORMS = {
    "list": lambda parts: parts,
    "function": lambda parts: lambda: iter(parts),
    "generator": lambda parts: (parts[i % len(parts)] for i in range(10**6)),
}


@pytest.mark.parametrize("prefetch", [0, 1, 3])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("steps", [1, 4, 6, 13])
def test_epochs_go_on_where_the_one_before_stopped(steps, form, prefetch):
    parts = batches()
    model, other = network(), network()
    trainer, twin = trainer_of(model), trainer_of(other)
    history = trainer.fit(
        FORMS[form](parts), epochs=3, steps_per_epoch=steps, prefetch=prefetch, verbose=0
    )
    losses = [twin.train_on_batch(*parts[i % 6])["loss"] for i in range(3 * steps)]
    assert bits(model) == bits(other)
    assert history["loss"] == pytest.approx(np.reshape(losses, (3, steps)).mean(axis=1))
    assert threads_alive() == []


def test_the_steps_are_the_batches_of_an_epoch():
    seen = []
    trainer = trainer_of().on("batch_end", lambda e: seen.append((e.epoch, e.batch, e.batches)))
    trainer.fit(batches(), epochs=2, steps_per_epoch=2, verbose=0)
    assert seen == [(1, 1, 2), (1, 2, 2), (2, 1, 2), (2, 2, 2)]


@pytest.mark.parametrize("prefetch", [0, 2])
def test_a_generator_stays_open_and_goes_on_in_the_next_fit(prefetch):
    parts = batches()
    stream = FORMS["generator"](parts)
    trainer = trainer_of()
    trainer.fit(stream, epochs=2, steps_per_epoch=2, prefetch=prefetch, verbose=0)
    following = next(stream)[0]
    # with a thread, what it was ahead is lost
    places = [i for i in range(4, 4 + prefetch + 1) if parts[i % 6][0] is following]
    assert len(places) == 1
    assert places == [4] or prefetch
    trainer.fit(stream, steps_per_epoch=2, verbose=0)
    assert trainer.steps == 6


@pytest.mark.parametrize("prefetch", [0, 2])
def test_a_generator_that_ends_too_soon_says_so(prefetch):
    parts = batches(5)
    model, other = network(), network()
    trainer = trainer_of(model)
    with pytest.raises(
        ValueError, match=r"ended after 2 of the steps_per_epoch=3 batches of epoch 2"
    ):
        trainer.fit((part for part in parts), epochs=2, steps_per_epoch=3, prefetch=prefetch)
    assert trainer.history.epoch == [1]
    twin = trainer_of(other)
    for part in parts:
        twin.train_on_batch(*part)
    assert bits(model) == bits(other)


@pytest.mark.parametrize("stream", [[], list], ids=["list", "function"])
def test_a_stream_of_nothing_in_steps(stream):
    with pytest.raises((TypeError, ValueError)):
        trainer_of().fit(stream, steps_per_epoch=3, verbose=0)


@pytest.mark.parametrize(
    "options, words",
    [
        ({"prefetch": 2}, "prefetch is for streams"),
        ({"validation_steps": 2}, "validation_steps needs validation_data"),
        (
            {"validation_steps": 2, "validation_data": (np.ones((2, 3)), np.ones(2))},
            "validation_steps is for streams",
        ),
    ],
)
def test_what_is_for_streams_is_refused_with_arrays(options, words):
    trainer = trainer_of()
    with pytest.raises(ValueError, match=words):
        trainer.fit(np.ones((4, 3)), np.ones(4), verbose=0, **options)
    assert trainer.steps == 0


@pytest.mark.parametrize(
    "options, words",
    [
        ({"steps_per_epoch": 0}, "steps_per_epoch"),
        ({"steps_per_epoch": 2.0}, "steps_per_epoch"),
        ({"prefetch": -1}, "prefetch"),
        ({"prefetch": True}, "prefetch"),
        ({"validation_split": 0.5}, "validation_split is for arrays"),
        ({"validation_data": [], "validation_steps": 0}, "validation"),
    ],
)
def test_fit_refuses_options_of_streams(options, words):
    trainer = trainer_of()
    with pytest.raises((TypeError, ValueError), match=words):
        trainer.fit(batches(), verbose=0, **options)
    assert trainer.steps == 0


# ---- validation on streams ----------------------------------------------------------------------


def test_validation_steps_take_the_first_batches_each_time():
    parts = batches()
    trainer = trainer_of()
    seen = []
    trainer.on("epoch_end", lambda event: seen.append(trainer.evaluate(parts[:2])["loss"]))
    history = trainer.fit(
        batches(3), epochs=2, validation_data=parts, validation_steps=2, verbose=0
    )
    assert history["val_loss"] == seen


def test_validation_steps_of_a_generator_go_on():
    parts = batches()
    trainer = trainer_of()
    seen = []

    def look(event):
        first = 2 * (event.epoch - 1)
        seen.append(trainer.evaluate(parts[first : first + 2])["loss"])

    trainer.on("epoch_end", look)
    stream = FORMS["generator"](parts)
    history = trainer.fit(
        batches(3), epochs=3, validation_data=stream, validation_steps=2, verbose=0
    )
    assert history["val_loss"] == seen


def test_too_few_validation_batches_are_an_error():
    with pytest.raises(
        ValueError, match=r"validation_data: the stream ended after 6 batches; want"
    ):
        trainer_of().fit(batches(3), validation_data=batches(), validation_steps=7, verbose=0)


# ---- the thread ---------------------------------------------------------------------------------


@pytest.mark.parametrize("prefetch", [1, 2, 5, 100])
def test_prefetch_changes_no_bits(prefetch):
    parts = batches()
    found = []
    for ahead in (0, prefetch):
        model = network()
        history = trainer_of(model).fit(lambda: iter(parts), epochs=3, prefetch=ahead, verbose=0)
        found.append((bits(model), history.history))
    assert found[0] == found[1]
    assert threads_alive() == []


def test_the_thread_is_so_many_batches_ahead_and_no_more():
    drawn = threading.Semaphore(0)
    parts = batches(20)
    count = [0]

    def stream():
        for part in parts:
            count[0] += 1
            drawn.release()
            yield part

    seen = []

    def look(event):
        if event.batch == 1:
            for _ in range(4):  # the first, and three ahead of it
                assert drawn.acquire(timeout=60)
            assert not drawn.acquire(timeout=0.05)
            seen.append(count[0])
            event.stop()

    trainer_of().on("batch_end", look).fit(stream, prefetch=3, verbose=0)
    assert seen == [4]
    assert threads_alive() == []


def test_batches_are_drawn_in_a_thread():
    names = set()

    def stream():
        for part in batches():
            names.add(threading.current_thread().name)
            yield part

    trainer_of().fit(stream, prefetch=2, verbose=0)
    assert names == {"fastnn-prefetch"}


def test_what_the_stream_raises_comes_out_with_its_traceback():
    parts = batches()

    class Broken(Exception):
        pass

    def read_a_file():
        raise Broken("disk")

    def stream():
        yield from parts[:3]
        read_a_file()

    model, other = network(), network()
    trainer = trainer_of(model)
    with pytest.raises(Broken, match="disk") as caught:
        trainer.fit(stream, prefetch=5, verbose=0)
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert {"stream", "read_a_file"} <= set(names)
    twin = trainer_of(other)
    for part in parts[:3]:  # the batches before it were all used
        twin.train_on_batch(*part)
    assert bits(model) == bits(other)
    assert threads_alive() == []
    trainer.fit(lambda: iter(parts), prefetch=2, verbose=0)


@pytest.mark.parametrize("prefetch", [0, 2])
@pytest.mark.parametrize("end", ["stop", "raise"])
def test_a_generator_that_fit_made_is_closed(end, prefetch):
    closed = []

    def stream():
        try:
            while True:
                yield from batches()
        finally:
            closed.append(True)

    def look(event):
        if event.batch == 3:
            if end == "stop":
                event.stop()
            else:
                raise LookupError

    trainer = trainer_of().on("batch_end", look)
    if end == "stop":
        trainer.fit(stream, prefetch=prefetch, verbose=0)
    else:
        with pytest.raises(LookupError):
            trainer.fit(stream, prefetch=prefetch, verbose=0)
    assert closed == [True]
    assert threads_alive() == []


def test_a_stream_that_is_busy_does_not_hold_up_the_end(monkeypatch):
    monkeypatch.setattr(feed, "SECONDS_TO_CLOSE", 0.01)
    free = threading.Event()

    def stream():
        yield from batches(2)
        free.wait(60)

    trainer = trainer_of().on("batch_end", lambda event: event.stop())
    trainer.fit(stream, prefetch=4, verbose=0)
    (thread,) = threads_alive()
    assert thread.daemon
    free.set()
    thread.join(60)
    assert not thread.is_alive()


@pytest.mark.skipif(sys.platform == "win32", reason="no interval timer")
def test_ctrl_c_while_a_batch_is_awaited(monkeypatch):
    monkeypatch.setattr(feed, "SECONDS_TO_CLOSE", 0.01)
    free = threading.Event()

    def stream():
        yield from batches(2)
        free.wait(60)

    previous = signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    trainer = trainer_of()
    alarm = lambda event: signal.setitimer(signal.ITIMER_REAL, 0.02)  # noqa: E731
    trainer.on("batch_end", alarm, after=1, once=True)
    try:
        with pytest.raises(KeyboardInterrupt):
            trainer.fit(stream, prefetch=3, verbose=0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
        signal.signal(signal.SIGINT, handler)
        free.set()
    assert trainer.steps == 2
    for thread in threads_alive():
        thread.join(60)
    trainer.fit(lambda: iter(batches()), prefetch=2, verbose=0)  # the model is free


def test_a_bad_batch_is_named_as_without_the_thread():
    parts = batches()
    parts[3] = (np.ones((2, 4)), np.ones(2))
    with pytest.raises(ValueError, match=r"epoch 1, batch 4: x has shape \(2, 4\)"):
        trainer_of().fit(lambda: iter(parts), prefetch=2, verbose=0)
    assert threads_alive() == []


# ---- data larger than memory --------------------------------------------------------------------


def test_memory_mapped_arrays_are_read_in_place(tmp_path):
    rng = np.random.default_rng(0)
    x = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.float32, (60, 3))
    y = np.lib.format.open_memmap(tmp_path / "y.npy", "w+", np.float32, (60, 1))
    x[...], y[...] = rng.standard_normal((60, 3)), rng.standard_normal((60, 1))
    mapped = [np.load(tmp_path / name, mmap_mode="r") for name in ("x.npy", "y.npy")]
    rows = trainer_of()._task.check("test", *mapped, None, finite=True)
    assert np.shares_memory(rows.x, mapped[0])
    assert np.shares_memory(rows.y, mapped[1])
    model, other = network(), network()
    trainer_of(model).fit(*mapped, epochs=2, verbose=0)
    trainer_of(other).fit(np.array(x), np.array(y), epochs=2, verbose=0)
    assert bits(model) == bits(other)
