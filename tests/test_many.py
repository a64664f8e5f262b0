"""fit_many: the bits of each fit alone, shared rows, errors that stay with their job; ensembles."""

from __future__ import annotations

import os
import re
import signal
import threading
import warnings

import numpy as np
import pytest

import fastnn as fnn
from fastnn import _core, data, many
from fastnn.feed import ArrayFeed, Rows
from fastnn.many import Entry, Fits, Leaderboard

LIMIT = 60  # seconds; a test that hangs fails


def draw(n=50, columns=3, outputs=1, seed=0):
    rng = np.random.default_rng([n, columns, seed])
    x = rng.standard_normal((n, columns))
    return x, np.tanh(x[:, :outputs]) + 0.1 * rng.standard_normal((n, outputs))


def network(*units, inputs=3, seed=0, dtype="float32", last=1):
    layers = [fnn.Dense(n, "tanh") for n in units]
    return fnn.Sequential([fnn.Input(inputs), *layers, fnn.Dense(last)], seed=seed, dtype=dtype)


def trainer(*units, loss="mse", optimizer="adam", metrics=("mae",), **options):
    return fnn.Trainer(network(*units, **options), loss, optimizer, metrics)


def state(one: fnn.Trainer):
    """Everything that a fit changes."""
    return (
        one.model.parameter_arena.tobytes(),
        [array.tobytes() for array in one._state.arrays().values()],
        one.steps,
        one.epochs,
        one.history.history,
        one.history.epoch,
    )


# ---- the rows of a job --------------------------------------------------------------------------

ROWS = {
    "fold": np.arange(7, 42),
    "backwards": np.arange(49, -1, -1, dtype=np.int16),
    "bootstrap": np.random.default_rng(1).integers(0, 50, 50),
    "repeats": np.array([3] * 20 + [4] * 15, np.uint8),
    "one": [13],
    "mask": np.arange(50) % 3 > 0,
    "strided": np.arange(50)[::2],
    "all": None,
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("drop_remainder", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_job_on_rows_gives_the_bits_of_a_fit_on_those_rows(
    dtype, drop_remainder, shuffle, weighted
):
    x, y = draw()
    weight = np.random.default_rng(2).uniform(0, 2, 50) if weighted else None
    sizes = [1 if name == "one" else 8 for name in ROWS]
    crew = [trainer(4, seed=i, dtype=dtype) for i in range(len(ROWS))]
    fits = fnn.fit_many(
        crew,
        x,
        y,
        rows=ROWS.values(),
        sample_weight=weight,
        batch_size=sizes,
        epochs=3,
        shuffle=shuffle,
        drop_remainder=drop_remainder,
        workers=3,
        verbose=0,
    )
    assert fits.errors == (None,) * len(ROWS)
    for i, rows in enumerate(ROWS.values()):
        alone = trainer(4, seed=i, dtype=dtype)
        picked = slice(None) if rows is None else rows
        alone.fit(
            x[picked],
            y[picked],
            sample_weight=None if weight is None else weight[picked],
            batch_size=sizes[i],
            epochs=3,
            shuffle=shuffle,
            drop_remainder=drop_remainder,
            verbose=0,
        )
        assert state(crew[i]) == state(alone), list(ROWS)[i]


@pytest.mark.parametrize("shuffle", [False, True])
def test_a_job_with_handlers_gives_the_same_bits(shuffle):
    x, y = draw()
    seen = []
    crew = [trainer(4, seed=i) for i in range(2)]
    crew[1].on("batch_end", lambda event: seen.append((event.epoch, event.batch)), every=2)
    rows = [ROWS["bootstrap"]] * 2
    options = {"batch_size": 16, "epochs": 2, "shuffle": shuffle, "verbose": 0}
    fits = fnn.fit_many(crew, x, y, rows=rows, workers=2, **options)
    assert seen == [(1, 2), (1, 4), (2, 2), (2, 4)]
    for i in range(2):
        alone = trainer(4, seed=i)
        alone.fit(x[rows[i]], y[rows[i]], **options)
        assert state(crew[i]) == state(alone)
        assert fits.histories[i].history == alone.history.history


def test_rows_go_with_integer_labels_and_any_source_type():
    x = np.random.default_rng(0).integers(-3, 3, (40, 6)).astype(np.int8)[::-1, ::2]
    labels = (np.arange(40) % 3).astype(np.int64)

    def make(i):
        head = fnn.Dense(3, "softmax")
        model = fnn.Sequential([fnn.Input(3), fnn.Dense(4, "relu"), head], seed=i)
        return fnn.Trainer(model, "sparse_categorical_crossentropy", metrics=["accuracy"])

    crew, rows = [make(0), make(1)], [np.arange(5, 30), np.arange(35)]
    fnn.fit_many(crew, x, labels, rows=rows, epochs=4, batch_size=5, verbose=0)
    for i in range(2):
        alone = make(i)
        alone.fit(x[rows[i]], labels[rows[i]], epochs=4, batch_size=5, verbose=0)
        assert state(crew[i]) == state(alone)


def test_a_second_fit_goes_on():
    x, y = draw()
    rows = [ROWS["fold"]]
    crew, alone = [trainer(4)], trainer(4)
    for epochs in (2, 3):
        fnn.fit_many(crew, x, y, rows=rows, epochs=epochs, verbose=0)
        alone.fit(x[rows[0]], y[rows[0]], epochs=epochs, verbose=0)
        assert state(crew[0]) == state(alone)
    assert crew[0].history.epoch == [3, 4, 5]


@pytest.mark.parametrize(
    "rows, error, message",
    [
        ([0, 50], ValueError, r"rows\[1\]\[1\] is 50; want a row in 0 .. 49"),
        ([0, 4, -1], ValueError, r"rows\[1\]\[2\] is -1; want a row in 0 .. 49"),
        (np.array([2**63], np.uint64), ValueError, r"is 9223372036854775808"),
        ([], ValueError, r"rows\[1\] names no rows"),
        (np.zeros(50, bool), ValueError, r"rows\[1\] names no rows"),
        (np.ones(49, bool), ValueError, r"x has 50 rows and rows\[1\] 49"),
        ([[1, 2]], ValueError, r"rows\[1\] has shape \(1, 2\)"),
        (3, ValueError, r"rows\[1\] has shape \(\)"),
        ([1.0, 2.0], TypeError, r"rows\[1\] is float64; want integers"),
        (["a"], TypeError, r"rows\[1\] is a list that NumPy reads|rows\[1\] is an array"),
    ],
)
def test_bad_rows_are_refused_before_the_first_step(rows, error, message):
    x, y = draw()
    crew = [trainer(seed=i) for i in range(2)]
    before = [state(one) for one in crew]
    with pytest.raises(error, match=f"^fit_many: .*{message}"):
        fnn.fit_many(crew, x, y, rows=[None, rows], verbose=0)
    assert [state(one) for one in crew] == before
    crew[0].fit(x, y, verbose=0)  # nobody holds the model


def test_indices_are_a_copy():
    given = np.arange(5, dtype=np.uint64)
    found = data.as_indices(given, where="f", name="rows", rows=5)
    given[:] = 99
    assert found.tolist() == [0, 1, 2, 3, 4]
    assert found.dtype == np.uint64


def test_run_refuses_orders_of_another_kind():
    x, y = draw(5)
    model = network()
    head = (many_loss(), {}, False, 1.0)
    run = _core.Run(model, [head], [], 2, model._optimizer_state(fnn.Adam()))
    for order in (np.arange(5), np.zeros((5, 1), np.uint64), np.zeros(0, np.uint64)):
        with pytest.raises(ValueError, match="order must be a vector of uint64"):
            run.bind(x, y, None, order, 2, False)
    order, records = np.arange(3, dtype=np.uint64), np.empty((1, 2))
    assert run.bind(x, y, None, order, 2, False) == 2
    for chosen in (np.arange(4, dtype=np.uint64), np.arange(3)):
        with pytest.raises(ValueError, match="a place for each of the chosen rows"):
            run.epochs(0, 0, 2, order, records, chosen)
    with pytest.raises(ValueError, match="cannot train epochs of 3 steps"):
        run.epochs(0, 0, 3, order, records, order.copy())


def many_loss():
    return fnn.losses.get("mse", "test").kind


def test_a_feed_samples_the_rows_of_the_job():
    x, y = draw()
    one = trainer()
    chosen = np.array([7, 7, 3], np.uint64)
    feed = ArrayFeed(
        "test",
        one._run(2, training=True),
        Rows(x, y, None),
        2,
        shuffle=True,
        drop_remainder=False,
        seed=0,
        chosen=chosen,
    )
    np.testing.assert_array_equal(feed.sample()[0], x[[7, 7, 3]])
    assert feed.batches == 2
    feed.begin(0)
    assert sorted(feed.order.tolist()) == [3, 7, 7]


# ---- many jobs ----------------------------------------------------------------------------------


def different(i):
    """Jobs of different widths, dtypes, losses, optimizers and seeds."""
    kinds = [
        lambda: trainer(4, seed=i),
        lambda: trainer(8, 3, seed=i, dtype="float64"),
        lambda: trainer(seed=i, loss="mae", optimizer=fnn.SGD(0.05, momentum=0.9)),
        lambda: trainer(16, seed=i, loss=fnn.losses.Huber(2.0), metrics=("r2", "mae")),
    ]
    return kinds[i % len(kinds)]()


@pytest.mark.parametrize("workers", [1, 2, 5, 40])
def test_any_number_of_workers_gives_the_bits_of_each_alone(workers):
    x, y = draw()
    sizes, epochs = [1 + i for i in range(12)], [1 + i % 4 for i in range(12)]
    crew = [different(i) for i in range(12)]
    fits = fnn.fit_many(crew, x, y, batch_size=sizes, epochs=epochs, workers=workers, verbose=0)
    assert fits.errors == (None,) * 12
    for i in range(12):
        alone = different(i)
        alone.fit(x, y, batch_size=sizes[i], epochs=epochs[i], verbose=0)
        assert state(crew[i]) == state(alone)
        assert fits.models[i] is crew[i].model
        assert fits.histories[i] is crew[i].history


def test_each_job_runs_on_one_thread_and_workers_follow_the_count():
    x, y = draw()
    counts, names = [], set()
    together = threading.Barrier(3)

    def look(event):
        together.wait(LIMIT)  # three workers are at it at the same time
        counts.append(fnn.get_num_threads())
        names.add(threading.current_thread())

    crew = [trainer(seed=i).on("train_begin", look) for i in range(6)]
    with fnn.threads(3):
        fnn.fit_many(crew, x, y, verbose=0)
        assert fnn.get_num_threads() == 3
    assert counts == [1] * 6
    assert len(names) == 3
    assert threading.current_thread() in names


def test_validation_data_of_all_jobs():
    x, y = draw()
    x_val, y_val = draw(20, seed=1)
    crew = [trainer(4, seed=0), trainer(4, seed=1, dtype="float64")]
    fits = fnn.fit_many(crew, x, y, epochs=3, validation_data=(x_val, y_val), verbose=0)
    for i, dtype in enumerate(("float32", "float64")):
        alone = trainer(4, seed=i, dtype=dtype)
        history = alone.fit(x, y, epochs=3, validation_data=(x_val, y_val), verbose=0)
        assert fits.histories[i].history == history.history
    assert fits.leaderboard().by == "val_loss"


def test_held_out_rows_are_evaluated():
    x, y = draw()
    weight = np.random.default_rng(0).uniform(0.1, 2, 50)
    rows = [np.arange(30), np.arange(20, 50), ROWS["bootstrap"]]
    crew = [trainer(4, seed=i) for i in range(3)]
    fits = fnn.fit_many(
        crew, x, y, rows=rows, sample_weight=weight, held_out=True, epochs=2, verbose=0
    )
    for i, picked in enumerate(rows):
        rest = np.setdiff1d(np.arange(50), picked)
        assert fits.held_out[i] == crew[i].evaluate(x[rest], y[rest], sample_weight=weight[rest])
    board = fits.leaderboard()
    assert board.by == "held_out_loss"
    scores = [entry.scores["held_out_loss"] for entry in board]
    assert scores == sorted(scores) == sorted(one["loss"] for one in fits.held_out)
    assert "held_out_mean_absolute_error" in board[0].scores


@pytest.mark.parametrize("rows", [None, [None], [np.arange(49, -1, -1)]])
def test_held_out_wants_rows_left_out(rows):
    with pytest.raises(ValueError, match=r"^fit_many: job 0: held_out is True, but the job leaves"):
        fnn.fit_many([trainer()], *draw(), rows=rows, held_out=True, verbose=0)


def test_arrays_are_shared_and_scanned_once(monkeypatch):
    x, y = draw()
    scans, tables = [], []
    scan = data.first_nonfinite
    monkeypatch.setattr(
        data, "first_nonfinite", lambda array, dtype: scans.append(dtype) or scan(array, dtype)
    )
    take = fnn.Trainer._feed
    monkeypatch.setattr(
        fnn.Trainer,
        "_feed",
        lambda self, where, rows, *more, **options: (
            tables.append(rows) or take(self, where, rows, *more, **options)
        ),
    )
    crew = [trainer(i + 1, dtype=("float64", "float32")[i % 2]) for i in range(6)]
    fnn.fit_many(crew, x, y, workers=1, verbose=0)
    assert scans == ["float32", "float32"]  # x and y, in the narrowest type
    assert len(tables) == 6
    for table in tables:
        assert table.x is x
        assert np.shares_memory(table.y, y)


def test_data_that_no_job_uses_is_checked_too():
    x, y = draw()
    x[7, 1] = np.nan
    crew = [trainer()]
    rows = [np.arange(10, 50)]
    with pytest.raises(ValueError, match=r"x has nan at row 7, column 1"):
        fnn.fit_many(crew, x, y, rows=rows, verbose=0)
    assert crew[0].steps == 0
    fits = fnn.fit_many(crew, x, y, rows=rows, check_finite=False, verbose=0)
    assert fits.errors == (None,)
    x[7, 1] = 1e300  # finite, but not in float32
    crew = [trainer(dtype="float64"), trainer()]
    with pytest.raises(ValueError, match=r"trainers\[1\]: x has 1e\+300 .* overflows float32"):
        fnn.fit_many(crew, x, y, verbose=0)


@pytest.mark.parametrize(
    "change, error, message",
    [
        ({"trainers": []}, ValueError, "trainers is empty"),
        ({"trainers": trainer()}, TypeError, "trainers must be a list of trainers"),
        ({"trainers": [network()]}, TypeError, r"trainers\[0\] must be a Trainer, got Sequential"),
        ({"y": None}, TypeError, "y is None"),
        ({"y": np.zeros(49)}, ValueError, "x has 50 rows and y 49"),
        ({"x": np.zeros((50, 2))}, ValueError, r"trainers\[0\]: x has shape \(50, 2\)"),
        ({"x": iter([])}, TypeError, r"trainers\[0\]: x is"),
        ({"rows": [None]}, ValueError, "rows has 1 entries for 2 trainers"),
        ({"rows": 3}, TypeError, "rows must be a list of arrays"),
        ({"batch_size": 0}, ValueError, "batch_size must be an integer of at least 1"),
        ({"batch_size": [4, 0]}, ValueError, r"batch_size\[1\] must be an integer of at least 1"),
        ({"batch_size": [4]}, ValueError, "batch_size has 1 entries for 2 trainers"),
        ({"epochs": 1.5}, TypeError, "epochs must be an integer"),
        ({"epochs": [1, 2, 3]}, ValueError, "epochs has 3 entries"),
        ({"workers": 0}, ValueError, "workers must be an integer of at least 1"),
        ({"verbose": -1}, ValueError, "verbose must be"),
        ({"sample_weight": np.zeros(50)}, ValueError, "sample_weight is zero in all 50 rows"),
        (
            {"sample_weight": np.arange(50) < 10, "rows": [None, np.arange(20, 30)]},
            ValueError,
            "job 1: sample_weight is zero in all 10 rows of the job",
        ),
        (
            {"rows": [None, [1, 2]], "drop_remainder": True, "batch_size": 3},
            ValueError,
            "job 1: 2 rows make no batch of 3",
        ),
        ({"validation_data": [1]}, TypeError, "validation_data must be"),
        (
            {"validation_data": (np.zeros((4, 3)), np.zeros(5))},
            ValueError,
            "validation_data: .*x has 4 rows and y 5",
        ),
    ],
)
def test_bad_arguments_change_nothing(change, error, message):
    x, y = draw()
    crew = [trainer(seed=i) for i in range(2)]
    before = [state(one) for one in crew]
    with pytest.raises(error, match=f"^fit_many: .*{message}|^fit_many: {message}"):
        fnn.fit_many(**({"trainers": crew, "x": x, "y": y, "verbose": 0} | change))
    assert [state(one) for one in crew] == before


def test_a_model_twice_is_refused():
    one = trainer()
    for other in (one, fnn.Trainer(one.model, "mse")):
        with pytest.raises(
            ValueError, match=r"trainers\[2\] and trainers\[0\] have the same model"
        ):
            fnn.fit_many([one, trainer(), other], *draw(), verbose=0)


def test_a_model_in_a_fit_is_refused_and_the_others_are_let_go():
    x, y = draw()
    busy, free = trainer(), trainer()
    caught = []

    def inside(event):
        try:
            fnn.fit_many([free, busy], x, y, verbose=0)
        except RuntimeError as error:
            caught.append(str(error))

    busy.on("epoch_end", inside)
    busy.fit(x, y, verbose=0)
    assert "being fitted already" in caught[0]
    assert free.steps == 0
    free.fit(x, y, verbose=0)


# ---- what goes wrong ----------------------------------------------------------------------------


def failing(i):
    """Job 1 and 3 leave the finite numbers at once."""
    rate = 1e30 if i in (1, 3) else 1e-3
    return trainer(4, seed=i, optimizer=fnn.SGD(rate))


@pytest.mark.parametrize("workers", [1, 3])
def test_a_job_that_fails_leaves_the_others_alone(workers):
    x, y = draw()
    crew = [failing(i) for i in range(5)]
    with pytest.warns(fnn.FastnnWarning, match=r"^2 of 5 jobs failed \(jobs 1, 3\); the first: "):
        fits = fnn.fit_many(crew, x, y, epochs=3, batch_size=10, workers=workers, verbose=0)
    assert [error is None for error in fits.errors] == [True, False, True, False, True]
    assert isinstance(fits.errors[1], FloatingPointError)
    assert re.match(r"fit_many: job 1: epoch 1, batch [23] of 5: the loss", str(fits.errors[1]))
    for i in range(5):
        alone = failing(i)
        if i in (1, 3):
            with pytest.raises(FloatingPointError):
                alone.fit(x, y, epochs=3, batch_size=10, verbose=0)
        else:
            alone.fit(x, y, epochs=3, batch_size=10, verbose=0)
        assert state(crew[i]) == state(alone)
    board = fits.leaderboard()
    assert sorted(entry.job for entry in board[:3]) == [0, 2, 4]
    assert [(entry.job, entry.rank) for entry in board[3:]] == [(1, None), (3, None)]
    lines = str(board).splitlines()
    assert "FloatingPointError: fit_many: job 1" in lines[4]
    assert repr(fits) == "<Fits: 5 networks, 2 failed>"
    assert [model in fits.ensemble().models for model in fits.models] == [
        error is None for error in fits.errors
    ]
    with pytest.raises(ValueError, match=r"Fits.ensemble: best is 4, but 3 networks did not fail"):
        fits.ensemble(best=4)


def test_all_may_fail():
    with pytest.warns(fnn.FastnnWarning, match="2 of 2 jobs failed"):
        fits = fnn.fit_many([failing(1), failing(3)], *draw(), epochs=5, verbose=0)
    assert [entry.rank for entry in fits.leaderboard()] == [None, None]
    with pytest.raises(ValueError, match="all 2 networks failed"):
        fits.ensemble()


def test_a_handler_that_raises_ends_its_job_only():
    x, y = draw()
    crew = [trainer(seed=i) for i in range(3)]

    def fail(event):
        raise LookupError("no such thing")

    crew[0].on("epoch_end", fail)
    with pytest.warns(fnn.FastnnWarning, match=r"1 of 3 jobs failed \(job 0\).*no such thing"):
        fits = fnn.fit_many(crew, x, y, epochs=2, verbose=0)
    assert isinstance(fits.errors[0], LookupError)
    assert [one.history.epoch for one in crew] == [[1], [1, 2], [1, 2]]


def test_a_handler_may_stop_its_job():
    x, y = draw()
    crew = [trainer(seed=i) for i in range(2)]
    crew[0].on("epoch_end", lambda event: event.stop())
    fits = fnn.fit_many(crew, x, y, epochs=4, verbose=0)
    assert fits.errors == (None, None)
    assert sorted((entry.job, entry.epochs) for entry in fits.leaderboard()) == [(0, 1), (1, 4)]


def test_dead_networks_are_told_in_one_warning():
    x, y = draw()
    dead = []
    for i in range(3):
        bias = fnn.initializers.Constant(-1e6 if i in (0, 2) else 1.0)
        hidden = fnn.Dense(4, "relu", bias_initializer=bias)
        dead.append(fnn.Trainer(fnn.Sequential([fnn.Input(3), hidden, fnn.Dense(1)]), "mse"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fnn.fit_many(dead, x, y, verbose=0)
    (warning,) = caught
    assert warning.category is fnn.DeadNetworkWarning
    assert str(warning.message).startswith("2 of 3 networks (jobs 0, 2) give the same output")
    assert warning.filename == __file__


@pytest.mark.skipif(os.name != "posix", reason="sends a signal to this process")
@pytest.mark.parametrize("workers", [1, 3])
def test_ctrl_c_ends_all_jobs_between_two_steps(workers):
    """Endless jobs: only the interrupt ends them.  Each is then as some whole fit left it."""
    x, y = draw(2000)
    running, interrupted = threading.Semaphore(0), threading.Event()
    crew = [trainer(8, seed=i) for i in range(6)]

    def begin(event):
        running.release()

    for one in crew:
        one.on("train_begin", begin)
    for one in crew[1::2]:  # these leave C after each epoch
        one.on("epoch_begin", lambda event: None)

    def interrupt():
        for _ in range(workers):
            assert running.acquire(timeout=LIMIT)
        interrupted.set()
        os.kill(os.getpid(), signal.SIGINT)

    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    killer = threading.Thread(target=interrupt)
    killer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            fnn.fit_many(crew, x, y, batch_size=100, epochs=10**9, workers=workers, verbose=0)
    finally:
        killer.join()
        signal.signal(signal.SIGINT, previous)
    assert interrupted.is_set()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fastnn-")]
    begun = [one for one in crew if one.steps]
    assert len(begun) <= workers
    for i, one in enumerate(crew):
        if i % 2 == 0:
            assert one.history.epoch == list(range(1, one.epochs + 1))
            assert one.epochs == one.steps // 20
        alone = trainer(8, seed=i)
        if one.epochs:
            alone.fit(x, y, batch_size=100, epochs=one.epochs, verbose=0)
        if one.steps > alone.steps:  # the part of an epoch that came last
            alone.on("batch_end", lambda event: event.stop(), every=one.steps - alone.steps)
            alone.fit(x, y, batch_size=100, verbose=0)
        assert one.model.parameter_arena.tobytes() == alone.model.parameter_arena.tobytes()
        one.fit(x, y, verbose=0)  # nobody holds the model any more


def test_an_interrupt_in_a_helper_ends_all():
    """As when a handler in a helper thread calls sys.exit()."""
    x, y = draw()
    ready = threading.Event()
    crew = [trainer(seed=i) for i in range(2)]
    main = threading.current_thread()

    def leave(event):
        ready.set()
        if threading.current_thread() is not main:
            raise SystemExit(3)
        assert ready.wait(LIMIT)

    for one in crew:
        one.on("train_begin", lambda event: barrier.wait(LIMIT))
        one.on("epoch_begin", leave)
    barrier = threading.Barrier(2)
    with pytest.raises(SystemExit):
        fnn.fit_many(crew, x, y, epochs=10**9, workers=2, verbose=0)
    for one in crew:
        assert not one.model.fitting


# ---- what comes out -----------------------------------------------------------------------------


def fake(scores, errors=None, metrics=("r2", "mae")):
    crew = tuple(trainer(metrics=metrics) for _ in scores)
    histories = []
    for one, score in zip(crew, scores, strict=True):
        if score:
            one.history.append(1, 0.5, {})
            one.history.append(2, 0.5, score)
        histories.append(one.history)
    none = (None,) * len(crew)
    return Fits(crew, tuple(histories), errors or none, ({},) * len(crew), (0.5,) * len(crew))


def test_leaderboard_orders_by_loss_unless_told():
    fits = fake(
        [
            {"loss": 3.0, "r2_score": 0.5, "mean_absolute_error": 1.0},
            {"loss": np.nan, "r2_score": np.nan, "mean_absolute_error": np.nan},
            {"loss": 1.0, "r2_score": 0.7, "mean_absolute_error": 3.0},
            {},
            {"loss": 2.0, "r2_score": 0.9, "mean_absolute_error": 2.0},
            {"loss": 1.0, "r2_score": 0.7, "mean_absolute_error": 3.0},
        ]
    )
    for by, jobs in (
        (None, [2, 5, 4, 0]),
        ("loss", [2, 5, 4, 0]),
        ("r2_score", [4, 2, 5, 0]),  # more is better
        ("mean_absolute_error", [0, 4, 2, 5]),
    ):
        board = fits.leaderboard(by)
        assert [entry.job for entry in board] == [*jobs, 1, 3]
        assert [entry.rank for entry in board] == [1, 2, 3, 4, None, None]
    assert fits.ensemble(2, by="r2_score").models == (fits.models[4], fits.models[2])
    with pytest.raises(ValueError, match=r"Fits.leaderboard: unknown score 'los'; did you mean"):
        fits.leaderboard("los")


@pytest.mark.parametrize("prefix", ["", "val_", "held_out_"])
def test_more_accuracy_is_better(prefix):
    name = f"{prefix}accuracy"
    fits = fake([{name: 0.5}, {name: 0.9}], metrics=("accuracy",))
    assert [entry.job for entry in fits.leaderboard(name)] == [1, 0]


def test_leaderboard_prints_a_plain_table():
    errors = (None, ValueError("oh"), None)
    fits = fake([{"loss": 1234.5678, "mae": 1.0}, {}, {"loss": 0.5, "mae": 12.0}], errors)
    board = fits.leaderboard("mae")
    assert (
        str(board)
        == repr(board)
        == (
            "rank  job     mae     loss  epochs   seconds\n"
            "   1    0  1.0000   1234.6       2  500.0 ms\n"
            "   2    2  12.000  0.50000       2  500.0 ms\n"
            "   -    1     nan      nan       0  500.0 ms  ValueError: oh"
        )
    )
    assert len(board) == 3
    assert isinstance(board[:1], Leaderboard)
    assert str(board[:1]).splitlines()[1].split()[:2] == ["1", "0"]
    assert isinstance(board[-1], Entry)
    assert [entry.job for entry in board] == [0, 2, 1]


def test_verbose_prints_a_line_for_what_is_done(capsys):
    crew = [trainer(seed=i) for i in range(3)]
    fnn.fit_many(crew, *draw(), epochs=2, workers=1)
    lines = capsys.readouterr().out.splitlines()
    form = r"fit \d/3  loss \S+  mean_absolute_error \S+  \S+ m?s"
    assert lines
    assert all(re.fullmatch(form, line) for line in lines)
    assert lines[-1].startswith("fit 3/3")
    fnn.fit_many(crew, *draw(), verbose=0)
    assert capsys.readouterr().out == ""


# ---- ensembles ----------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 7, 300])
def test_ensemble_mean_and_spread(n, monkeypatch):
    monkeypatch.setattr("fastnn.ensemble.AT_ONCE", 5 * 2 * 64)  # blocks of 64 rows
    models = [network(4, seed=i, last=2) for i in range(5)]
    ensemble = fnn.Ensemble(models)
    x = draw(n)[0]
    every = ensemble.predict_all(x)
    assert every.shape == (5, n, 2)
    assert every.dtype == np.float32
    for model, part in zip(models, every, strict=True):
        np.testing.assert_array_equal(part, model.predict(x))
    mean, std = ensemble.predict(x, return_std=True)
    wide = every.astype(np.float64)
    # The same float64 sums in another order, then rounded to float32: an ulp at most.
    np.testing.assert_allclose(mean, wide.mean(axis=0), rtol=1.2e-7, atol=1e-12)
    np.testing.assert_allclose(std, wide.std(axis=0), rtol=1.2e-7, atol=1e-12)
    assert mean.dtype == std.dtype == np.float32
    np.testing.assert_array_equal(ensemble.predict(x), mean)
    np.testing.assert_array_equal(ensemble(x), mean)
    for i in (0, n // 2, n - 1):  # a row's bits do not depend on the others
        one = ensemble.predict(x[i : i + 1], return_std=True)
        np.testing.assert_array_equal(one[0][0], mean[i])
        np.testing.assert_array_equal(one[1][0], std[i])


def test_ensemble_of_one_has_no_spread():
    model = network(4)
    mean, std = fnn.Ensemble([model]).predict(draw()[0], return_std=True)
    np.testing.assert_array_equal(mean, model.predict(draw()[0]))
    assert not std.any()


def test_ensemble_of_both_dtypes_gives_the_wider():
    models = [network(4, seed=0), network(4, seed=1, dtype="float64")]
    ensemble = fnn.Ensemble(iter(models))
    x = draw()[0]
    assert ensemble.dtype == "float64"
    assert ensemble.predict(x).dtype == ensemble.predict_all(x).dtype == np.float64
    x[3, 1] = 1e300
    with pytest.raises(ValueError, match=r"Ensemble.predict: x has 1e\+300 at row 3, column 1"):
        ensemble.predict(x)
    x[3, 1] = np.inf
    with pytest.raises(ValueError, match=r"Ensemble.predict: x has inf at row 3, column 1"):
        ensemble.predict_all(x)
    with np.errstate(invalid="ignore"):  # NaN goes through sums
        assert ensemble.predict(x, check_finite=False).shape == (50, 1)


@pytest.mark.parametrize(
    "models, error, message",
    [
        ([], ValueError, "models is empty"),
        (network(), TypeError, "models must be a list of models"),
        (3, TypeError, "models must be a list of models, got 3"),
        ([network(), 3], TypeError, r"models\[1\] must be a model, got 3"),
        ([network(), network(inputs=4)], ValueError, r"models\[1\] has 4 inputs and 1 outputs"),
        ([network(), network(last=2)], ValueError, r"models\[1\] has 3 inputs and 2 outputs"),
    ],
)
def test_ensembles_that_cannot_be(models, error, message):
    with pytest.raises(error, match=f"^Ensemble: {message}"):
        fnn.Ensemble(models)


def test_ensemble_refuses_other_columns():
    ensemble = fnn.Ensemble([network(), network()])
    with pytest.raises(ValueError, match=r"Ensemble.predict: x has shape \(5, 2\), 2 columns"):
        ensemble.predict(np.zeros((5, 2)))
    assert repr(ensemble) == "<Ensemble: 2 models, 3 inputs, 1 outputs>"
    assert len(ensemble) == len(list(ensemble)) == 2


@pytest.mark.parametrize("workers", [1, 3])
def test_callbacks_of_jobs_give_the_bits_of_each_alone(tmp_path, workers):
    x, y = draw()
    held = draw(seed=1)

    def calls(i):
        return [
            fnn.callbacks.EarlyStopping("val_loss", patience=2 + i),
            fnn.callbacks.ModelCheckpoint(tmp_path / f"{workers}-{i}.safetensors"),
        ]

    jobs = [trainer(4, optimizer=fnn.Adam(0.1)) for _ in range(4)]
    fits = fnn.fit_many(
        jobs,
        x,
        y,
        epochs=40,
        validation_data=held,
        callbacks=[None if i == 3 else calls(i) for i in range(4)],
        workers=workers,
        verbose=0,
    )
    for i, job in enumerate(jobs):
        alone = trainer(4, optimizer=fnn.Adam(0.1))
        options = {"callbacks": None if i == 3 else calls(i), "verbose": 0}
        alone.fit(x, y, epochs=40, validation_data=held, **options)
        assert state(job) == state(alone)
        assert fits.histories[i].stopped == alone.history.stopped
        assert (job.epochs < 40) == (i < 3)


@pytest.mark.parametrize(
    "given, error, message",
    [
        (fnn.callbacks.EarlyStopping(), TypeError, "callbacks must be a list of lists"),
        ([[]], ValueError, "callbacks has 1 entries for 2 trainers"),
        ([[], [print]], TypeError, r"job 1: callbacks\[0\] must be a Callback"),
        ([[fnn.callbacks.ProgressBar()], []], ValueError, "the ProgressBar of job 0"),
        ([[fnn.callbacks.EarlyStopping()]] * 2, ValueError, "jobs 0 and 1 have the same callback"),
    ],
)
def test_callbacks_of_jobs_are_checked_first(given, error, message):
    x, y = draw()
    crew = [trainer(4), trainer(4)]
    with pytest.raises(error, match=f"^fit_many: {message}"):
        fnn.fit_many(crew, x, y, callbacks=given, verbose=0)
    assert all(one.steps == 0 for one in crew)


def test_most_jobs_a_warning_names():
    assert many._name([3]) == "job 3"
    assert many._name(range(9)) == "jobs 0, 1, 2, 3, 4, 5, 6, 7, ..."
