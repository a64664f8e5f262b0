"""Predictions: rows read in place or gathered, cut over threads; the same bits whatever the way."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import fastnn as fnn
from fastnn import _core
from guard import guarded

THREADS = (1, 2, 3, 4, 7)
LIMIT = 60.0  # seconds until a test is taken to hang; no measure

# (widths, rows): rows enough for threads, and for several blocks of each.
SHAPES = {
    "one output": ([20, 64, 32, 1], 3000),
    "few columns": ([7, 32, 8, 3], 9001),
    "narrow": ([1, 2, 1], 40_000),
    "large kernels": ([200, 300, 310, 10], 900),
    "one layer": ([130, 70], 2000),
    "long rows": ([2, 5000, 2], 130),
}


def network(shape, dtype, hidden="relu", output="linear"):
    layers = [fnn.Input(shape[0])]
    layers += [fnn.Dense(width, hidden) for width in shape[1:-1]]
    model = fnn.Sequential([*layers, fnn.Dense(shape[-1], output)], seed=3, dtype=dtype)
    rng = np.random.default_rng(1)
    for name, view in model.parameters.items():
        if name.endswith("bias"):
            view[...] = rng.standard_normal(view.shape)
    return model


def rows(n, columns, dtype=np.float32):
    return np.random.default_rng([n, columns]).standard_normal((n, columns)).astype(dtype)


def alone(model, x, **options):
    with fnn.threads(1):
        return model.predict(x, **options)


# ---- the same bits ------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_threads_and_blocks_change_no_bit(isa, dtype, shape):
    sizes, n = SHAPES[shape]
    model = network(sizes, dtype)
    predictor = model.predictor()
    x = rows(n, sizes[0], dtype)
    want = alone(model, x)
    out = np.empty_like(want)
    for count in THREADS:
        with fnn.threads(count):
            assert model.predict(x).tobytes() == want.tobytes()
            assert predictor(x).tobytes() == want.tobytes()
            out[...] = -7
            assert predictor.predict_into(x, out).tobytes() == want.tobytes()
            out[...] = -7
            assert model.predict(x, out=out).tobytes() == want.tobytes()
            for batch_size in (1000, n + 1, 10**9):
                assert model.predict(x, batch_size=batch_size).tobytes() == want.tobytes()


@pytest.mark.parametrize("activations", [("gelu", "softmax"), ("tanh", "sigmoid")])
def test_activations_over_threads(isa, dtype, activations):
    sizes, n = SHAPES["few columns"]
    model = network(sizes, dtype, *activations)
    x = rows(n, sizes[0], dtype)
    want = alone(model, x)
    for count in THREADS:
        with fnn.threads(count):
            assert model.predict(x).tobytes() == want.tobytes()
            assert model.predictor()(x).tobytes() == want.tobytes()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_row_has_the_bits_it_has_alone(isa, dtype, shape):
    sizes, n = SHAPES[shape]
    model = network(sizes, dtype)
    x = rows(n, sizes[0], dtype)
    with fnn.threads(3):
        together = model.predict(x)
    for i in (*range(30), *range(n // 2, n // 2 + 30), *range(n - 30, n)):
        assert model.predict(x[i : i + 1])[0].tobytes() == together[i].tobytes()
    for i in (1, 2, 5, 13, 64, 65, 100, n - 1):
        assert model.predict(x[:i]).tobytes() == together[:i].tobytes()


def elsewhere(x):
    """The same rows, lying otherwise or of another type; all values are float16's."""
    n, columns = x.shape
    wide = np.zeros((n, columns + 3), x.dtype)
    wide[:, 1:-2] = x
    raw = np.zeros(x.nbytes + 1, np.uint8)
    odd = raw[1:].view(x.dtype).reshape(x.shape)
    odd[...] = x
    locked = x.copy()
    locked.flags.writeable = False
    return {
        "plain": x.copy(),
        "read-only": locked,
        "guarded": guarded(x),
        "guarded before": guarded(x, before=True),
        "part of rows": wide[:, 1:-2],
        "backwards": x[::-1].copy()[::-1],
        "fortran": np.asfortranarray(x),
        "misaligned": odd,
        "other type": x.astype(np.float64 if x.dtype == np.float32 else np.float32),
        "half": x.astype(np.float16),
    }


@pytest.mark.parametrize("n", [1, 3, 64, 65, 2000])
@pytest.mark.parametrize("layout", elsewhere(np.zeros((1, 1), np.float32)))
def test_rows_are_read_wherever_they_lie(dtype, layout, n):
    """Where they lie if they can be, else gathered: with the same bits, and left as they were."""
    model = network([20, 64, 32, 1], dtype)
    x = rows(n, 20, np.float16).astype(dtype)
    want = alone(model, x)
    given = elsewhere(x)[layout]
    out = guarded(np.zeros_like(want))
    for count in (1, 2, 7):
        for check in (True, False):
            with fnn.threads(count):
                assert model.predict(given, check_finite=check).tobytes() == want.tobytes()
                model.predict(given, out=out, check_finite=check)
            assert out.tobytes() == want.tobytes()
            out[...] = -7
    np.testing.assert_array_equal(given, x)


@pytest.mark.parametrize("check_finite", [True, False])
@pytest.mark.parametrize("n", [1, 40, 3000])
def test_out_may_share_memory_with_x(dtype, n, check_finite):
    model = network([2, 16, 3], dtype)  # outputs overtake the rows
    memory = np.zeros(8 * n, dtype)
    x = memory[3 * n : 5 * n].reshape(n, 2)
    given = rows(n, 2, dtype)
    want = alone(model, given)
    for start in (0, 1, n, 2 * n, 3 * n - 1, 3 * n, 3 * n + 1, 4 * n, 5 * n - 1, 5 * n):
        memory[...] = 0
        x[...] = given
        out = memory[start : start + 3 * n].reshape(n, 3)
        with fnn.threads(3):
            model.predict(x, out=out, check_finite=check_finite)
        assert out.tobytes() == want.tobytes(), start


@pytest.mark.parametrize(
    ("n", "batch_size"), [(70, 1), (70, 2), (70, 32), (20_000, 1), (20_000, 700)]
)
@pytest.mark.parametrize("shuffle", [True, False])
def test_a_fit_reads_rows_wherever_they_lie(dtype, n, batch_size, shuffle):
    """A single row is read where it lies, whatever the order; of many, the next are fetched."""
    x = rows(n, 5, np.float16).astype(dtype)
    y = x[:, :1] - x[:, 1:2] * x[:, 2:3]
    results = set()
    for given in elsewhere(x).values():
        model = network([5, 8, 1], dtype)
        fit = fnn.Trainer(model, "mse").fit(
            given, y, batch_size=batch_size, shuffle=shuffle, epochs=2, verbose=0
        )
        results.add((model.parameter_arena.tobytes(), tuple(fit["loss"])))
    assert len(results) == 1


# ---- NaN and Inf --------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["plain", "fortran", "other type", "part of rows"])
@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_the_first_bad_row_is_named_whatever_the_threads(dtype, layout, value):
    model = network([20, 64, 32, 1], dtype)
    predictor = model.predictor()
    n = 4000
    x = rows(n, 20, np.float16).astype(dtype)
    for places in (
        [(0, 0)],
        [(n - 1, 19)],
        [(1234, 7), (1235, 0), (3999, 3)],
        [(64, 19), (63, 19)],
    ):
        bad = x.copy()
        for place in places:
            bad[place] = value
        row, column = min(places)
        given = elsewhere(bad)[layout]
        for count in THREADS:
            with fnn.threads(count):
                for predict in (model.predict, predictor):
                    with pytest.raises(ValueError, match=f"row {row}, column {column};"):
                        predict(given)
                assert model.run_predict((given,), (np.empty((n, 1), dtype),), 48, True) == row


def test_rows_that_are_not_finite_go_through_unchecked(dtype):
    """They spoil no other row."""
    model = network([20, 64, 32, 1], dtype, "tanh")
    n = 3000
    x = rows(n, 20, dtype)
    want = alone(model, x)
    bad = [0, 5, 64, 1500, n - 1]
    x[bad, 3] = np.nan
    fine = np.ones(n, bool)
    fine[bad] = False
    for count in THREADS:
        with fnn.threads(count):
            for got in (
                model.predict(x, check_finite=False),
                model.predictor(check_finite=False)(x),
            ):
                assert np.isnan(got[bad]).all()
                assert got[fine].tobytes() == want[fine].tobytes()


def test_overflow_on_the_way_to_float32_is_refused():
    model = network([3, 400, 1], "float32")
    x = rows(5000, 3, np.float64)
    x[4321, 2] = 1e39
    for count in THREADS:
        with (
            fnn.threads(count),
            pytest.raises(ValueError, match=r"1e\+39 at row 4321, column 2, which overflows"),
        ):
            model.predict(x)


# ---- memory -------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", THREADS)
@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_is_allocated_after_the_first_call(dtype, shape, count):
    sizes, n = SHAPES[shape]
    model = network(sizes, dtype)
    x = rows(n, sizes[0], dtype)
    out = np.empty((n, sizes[-1]), dtype)
    with fnn.threads(count):
        model.predict(x, out=out)
        first = _core.allocations()
        for _ in range(4):
            model.predict(x, out=out)
            model.predict(x[: n // 2])
            model.predict(x[:1])
            model.predict(np.asfortranarray(x))
    assert _core.allocations() == first


def test_what_is_kept_for_later_calls_is_bounded_and_let_go():
    """Twelve threads at once, of which each wants some megabytes."""
    models = [network([1000, 1000, 700], "float32")]
    x = rows(100, 1000)
    want = alone(models[0], x)
    before = _core.allocated_bytes()
    together = threading.Barrier(12)
    errors = []

    def work():
        try:
            together.wait(LIMIT)
            for _ in range(3):
                assert models[0].predict(x).tobytes() == want.tobytes()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    assert not any(thread.is_alive() for thread in threads)
    assert not errors, errors
    # 32 MB, to within roundings
    assert _core.allocated_bytes() - before < 1.1 * 2**25
    held = _core.allocated_bytes()
    models.clear()
    assert _core.allocated_bytes() < held - 2**20


# ---- signals ------------------------------------------------------------------------------------


def test_ctrl_c_ends_a_long_prediction():
    import signal

    model = network([64, 1024, 1024, 1], "float32")
    x = np.broadcast_to(rows(1, 64), (3_000_000, 64))  # minutes, and no memory to speak of
    out = np.empty((len(x), 1), np.float32)

    def stop(signum, frame):
        raise InterruptedError("stop")

    before = signal.signal(signal.SIGALRM, stop)
    try:
        for count in (1, 2):
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            with fnn.threads(count), pytest.raises(InterruptedError, match="stop"):
                model.predict(x, out=out)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    with fnn.threads(2):  # and all is as it was
        assert (model.predict(x[:500]) == model.predict(x[:1])).all()
