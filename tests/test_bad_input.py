"""What cannot be right is refused before it does anything; whatever holds real numbers works."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn as fnn

X = np.random.default_rng(0).integers(-4, 5, (6, 3)).astype(np.float64)
Y = np.random.default_rng(1).integers(-4, 5, (6, 2)).astype(np.float64)
LABELS = np.array([0, 1, 1, 0, 1, 0])


def network(output=None, dtype="float32", outputs=2):
    return fnn.Sequential(
        [fnn.Input(3), fnn.Dense(4, "tanh"), fnn.Dense(outputs, output)], seed=0, dtype=dtype
    )


class Bench:
    """A model and a trainer in the middle of their work, and a picture of all they hold."""

    def __init__(self, loss="mse", output=None, dtype="float32", outputs=2):
        self.model = network(output, dtype, outputs)
        self.trainer = fnn.Trainer(self.model, loss, fnn.Adam(0.01))
        y = LABELS if loss == "scce" else np.abs(Y[:, :outputs]) / 8
        self.trainer.fit(X, y, batch_size=4, epochs=2, verbose=0)
        self.model.forward(X, training=True)
        self.model.backward(np.ones((6, outputs)))
        self.picture = self.look()

    def look(self):
        trainer, model = self.trainer, self.model
        return (
            model.parameter_arena.tobytes(),
            model.gradient_arena.tobytes(),
            *[array.tobytes() for array in trainer._state.arrays().values()],
            trainer.steps,
            trainer.epochs,
            id(trainer.history),
            trainer.history.epoch,
            model.backward(np.ones((6, model.outputs))).tobytes(),  # what forward kept
        )

    def assert_untouched(self):
        assert self.look() == self.picture


@pytest.fixture(scope="module")
def regression():
    return Bench()


@pytest.fixture(scope="module")
def classifier():
    return Bench("scce", "softmax")


# How each function takes x, y and weights; those without a y use x alone.
CALLS = {
    "Trainer.fit": lambda b, x, y, w=None: b.trainer.fit(x, y, sample_weight=w, verbose=0),
    "Trainer.evaluate": lambda b, x, y, w=None: b.trainer.evaluate(x, y, sample_weight=w),
    "Trainer.train_on_batch": lambda b, x, y, w=None: b.trainer.train_on_batch(x, y, w),
}
X_CALLS = CALLS | {
    "predict": lambda b, x, y: b.model.predict(x),
    "forward": lambda b, x, y: b.model.forward(x),
}


def ragged():
    return [[1, 2, 3], [1, 2]]


def spoiled(value, row=4, column=1, like=X):
    array = like.copy()
    array[row, column] = value
    return array


BAD_TABLES = [
    ("None", lambda a: None, TypeError, ["is None"]),
    ("string", lambda a: "rows", (TypeError, ValueError), ["<U4"]),
    ("strings", lambda a: [["a"] * a.shape[1]] * 6, TypeError, ["dtype <U1"]),
    ("objects", lambda a: a.astype(object), TypeError, ["dtype object"]),
    ("complex", lambda a: a.astype(complex), TypeError, ["complex128"]),
    ("dates", lambda a: a.astype("M8[s]"), TypeError, ["datetime64"]),
    ("records", lambda a: np.zeros(6, "f4,f4"), TypeError, ["dtype"]),
    ("masked", lambda a: np.ma.masked_equal(a, 0), ValueError, ["masked", "filled"]),
    ("ragged", lambda a: [[1.0], [1.0, 2.0], *a.tolist()[2:]], ValueError, ["ragged"]),
    ("scalar", lambda a: 3.0, ValueError, ["shape ()"]),
    ("three axes", lambda a: a[None].repeat(6, axis=0), ValueError, ["shape (6, 6,"]),
    ("no rows", lambda a: a[:0], ValueError, ["shape (0,"]),
    ("one column more", lambda a: np.hstack([a, a[:, :1]]), ValueError, ["columns"]),
    ("NaN", lambda a: spoiled(np.nan, like=a), ValueError, ["nan", "row 4", "column 1"]),
    ("Inf", lambda a: spoiled(np.inf, like=a), ValueError, ["inf", "row 4", "column 1"]),
    ("too large", lambda a: spoiled(-1e39, like=a), ValueError, ["overflows float32", "row 4"]),
]


@pytest.mark.parametrize("where", X_CALLS)
@pytest.mark.parametrize(
    "make, error, words", [b[1:] for b in BAD_TABLES], ids=[b[0] for b in BAD_TABLES]
)
def test_bad_x_is_refused(regression, where, make, error, words):
    with pytest.raises(error) as caught:
        X_CALLS[where](regression, make(X), Y)
    message = str(caught.value)
    assert message.startswith(f"{where}: x ")
    for word in [*words, "want"]:
        assert word in message
    regression.assert_untouched()


@pytest.mark.parametrize("where", X_CALLS)
def test_x_of_one_dimension_is_refused_with_the_two_ways_out(regression, where):
    with pytest.raises(ValueError) as caught:
        X_CALLS[where](regression, X[0], Y[:1])
    for word in (f"{where}: x has shape (3,)", "(rows, 3)", "x[None, :]", "x.reshape(-1, 1)"):
        assert word in str(caught.value)
    regression.assert_untouched()


@pytest.mark.parametrize("where", CALLS)
@pytest.mark.parametrize(
    "make, error, words",
    # a float64 of three axes has no columns to count, y of one row too few is said as such
    [b[1:] for b in BAD_TABLES if b[0] not in ("string", "records", "no rows")],
    ids=[b[0] for b in BAD_TABLES if b[0] not in ("string", "records", "no rows")],
)
def test_bad_y_is_refused(regression, where, make, error, words):
    with pytest.raises(error) as caught:
        CALLS[where](regression, X, make(Y))
    message = str(caught.value)
    assert message.startswith(f"{where}: y ")
    for word in [*words, "want"]:
        assert word in message
    regression.assert_untouched()


@pytest.mark.parametrize("where", CALLS)
@pytest.mark.parametrize(
    "y, words",
    [
        (Y[:5], ["x has 6 rows and y 5"]),
        (Y[:0], ["x has 6 rows and y 0"]),
        (Y[:, :1], ["y has shape (6, 1)", "(rows, 2)"]),
        (Y[:, 0], ["y has shape (6,)", "(6, 2)", "sparse_categorical_crossentropy"]),
    ],
)
def test_y_of_a_wrong_size_is_refused(regression, where, y, words):
    with pytest.raises(ValueError) as caught:
        CALLS[where](regression, X, y)
    for word in [where, "want", *words]:
        assert word in str(caught.value)
    regression.assert_untouched()


@pytest.mark.parametrize("where", CALLS)
@pytest.mark.parametrize(
    "y, error, words",
    [
        ([0, 1, 2, 0, 0, 0], ValueError, ["y[2] is 2", "0 .. 1", "2 outputs"]),
        ([0, 1, -1, 0, 0, 0], ValueError, ["y[2] is -1"]),
        ([0, 1, 0.5, 0, 0, 0], ValueError, ["y[2] is 0.5", "integer label"]),
        ([0, 1, np.nan, 0, 0, 0], ValueError, ["y[2] is nan"]),
        ([0, 1, np.inf, 0, 0, 0], ValueError, ["y[2] is inf"]),
        (["a"] * 6, TypeError, ["names of classes", "np.unique"]),
        (np.eye(2)[LABELS], ValueError, ["shape (6, 2)", "categorical_crossentropy"]),
        (LABELS[:3], ValueError, ["x has 6 rows and y 3"]),
        ([2**62] * 6, ValueError, ["want a label in 0 .. 1"]),
    ],
)
def test_bad_labels_are_refused(classifier, where, y, error, words):
    with pytest.raises(error) as caught:
        CALLS[where](classifier, X, y)
    for word in [where, "want", *words]:
        assert word in str(caught.value)
    classifier.assert_untouched()


@pytest.mark.parametrize("where", CALLS)
@pytest.mark.parametrize(
    "w, error, words",
    [
        (np.ones(5), ValueError, ["x has 6 rows and sample_weight 5"]),
        (np.ones((6, 2)), ValueError, ["shape (6, 2)"]),
        (1.0, ValueError, ["shape ()"]),
        ([1, 1, -1, 1, 1, 1], ValueError, ["sample_weight[2] is -1"]),
        ([1, 1, np.nan, 1, 1, 1], ValueError, ["nan at row 2"]),
        ([1, 1, np.inf, 1, 1, 1], ValueError, ["inf at row 2"]),
        ([1, 1, 1e39, 1, 1, 1], ValueError, ["overflows float32"]),
        (["a"] * 6, TypeError, ["<U1"]),
        (np.ones(6, complex), TypeError, ["complex128"]),
        (np.ma.masked_equal(np.arange(6), 0), ValueError, ["masked"]),
    ],
)
def test_bad_sample_weights_are_refused(regression, where, w, error, words):
    with pytest.raises(error) as caught:
        CALLS[where](regression, X, Y, w)
    for word in [where, "sample_weight", "want", *words]:
        assert word in str(caught.value)
    regression.assert_untouched()


@pytest.mark.parametrize("where", ["Trainer.fit", "Trainer.evaluate"])
def test_weights_that_are_all_zero_are_refused(regression, where):
    with pytest.raises(ValueError, match=f"{where}: sample_weight is zero in all 6 rows"):
        CALLS[where](regression, X, Y, np.zeros(6))
    regression.assert_untouched()


@pytest.mark.parametrize("where", ["Trainer.fit", "Trainer.evaluate", "Trainer.train_on_batch"])
@pytest.mark.parametrize("x, y", [(None, None), (None, Y), (X, None)], ids=["xy", "x", "y"])
def test_none_is_refused(regression, where, x, y):
    with pytest.raises(TypeError, match=rf"{where}: [xy] is None; want "):
        CALLS[where](regression, x, y)
    regression.assert_untouched()


@pytest.mark.parametrize(
    "dy, error, words",
    [
        (None, TypeError, ["dy is None"]),
        (np.ones((5, 2)), ValueError, ["5 rows", "want 6"]),
        (np.ones((6, 3)), ValueError, ["shape (6, 3)", "(rows, 2)"]),
        (np.ones(6), ValueError, ["shape (6, 1)", "(rows, 2)"]),
        (np.ones((6, 2), complex), TypeError, ["complex128"]),
        (np.ones((6, 2), object), TypeError, ["object"]),
        ([["a", "b"]] * 6, TypeError, ["<U1"]),
        (np.ma.masked_equal(np.ones((6, 2)), 1), ValueError, ["masked"]),
        (np.ones((6, 2, 1)), ValueError, ["shape (6, 2, 1)"]),
        (ragged(), ValueError, ["ragged"]),
    ],
)
def test_bad_dy_is_refused(regression, dy, error, words):
    with pytest.raises(error) as caught:
        regression.model.backward(dy)
    for word in ["backward: dy ", "want", *words]:
        assert word in str(caught.value)
    regression.assert_untouched()


def test_sizes_beyond_memory_are_refused(regression):
    huge = np.broadcast_to(np.ones((1, 3), np.int8), (2**60, 3))
    for where, call in X_CALLS.items():
        with pytest.raises(ValueError, match=f"{where}: x has shape .*want at most"):
            call(regression, huge, huge[:, :2])
    regression.assert_untouched()


def test_batch_size_0_is_refused(regression):
    for call, where in (
        (lambda: regression.trainer.fit(X, Y, batch_size=0), "Trainer.fit"),
        (lambda: regression.model.predict(X, batch_size=0), "predict"),
        (lambda: fnn.data.batches(X, Y, 0), "batches"),
    ):
        with pytest.raises(ValueError, match=f"{where}: batch_size is 0; want at least 1"):
            call()
    regression.assert_untouched()


def test_other_things_are_refused(regression):
    for where, call in X_CALLS.items():
        for thing in (object(), {"x": X}, b"bytes", 2**70, fnn):
            with pytest.raises((TypeError, ValueError), match=f"{where}: x "):
                call(regression, thing, Y)
    regression.assert_untouched()


def test_a_float64_network_takes_what_float32_cannot():
    """The check is against the type the network computes in."""
    bench = Bench(dtype="float64")
    assert np.isfinite(bench.model.predict(spoiled(1e300))).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_check_finite_false_lets_values_through(value):
    model = network()
    x = spoiled(value)
    out = model.predict(x, check_finite=False)
    clean = model.predict(X)
    rest = [0, 1, 2, 3, 5]
    np.testing.assert_array_equal(out[rest], clean[rest])
    if np.isnan(value):
        assert np.isnan(out[4]).all()
    np.testing.assert_array_equal(model.predict(x.astype("f4"), check_finite=False), out)


def test_the_first_bad_row_is_named_wherever_it_is():
    model = network()
    n = 3 * model.block_rows()
    x = np.zeros((n, 3), np.float32)
    for row in (0, 1, 63, 64, n // 2, n - 1):
        x[row, 2] = np.nan
        x[-1, 0] = np.inf
        column = 0 if row == n - 1 else 2
        with pytest.raises(ValueError, match=rf"predict: x has .* at row {row}, column {column};"):
            model.predict(x)
        x[...] = 0


def test_the_first_bad_row_is_named_in_data_that_is_checked_in_parts(monkeypatch):
    monkeypatch.setattr(fnn.data, "CHECKED_AT_ONCE", 7)  # two rows of three at once
    trainer = fnn.Trainer(network(), "mse")
    for row in range(6):
        x = spoiled(np.nan, row=row)
        x[5, 2] = np.inf
        with pytest.raises(ValueError, match=rf"Trainer.fit: x has nan at row {row}, column 1;"):
            trainer.fit(x, Y)
        with pytest.raises(ValueError, match=rf"Trainer.fit: y has nan at row {row}, column 0;"):
            trainer.fit(X, spoiled(np.nan, row=row, column=0, like=Y))
    trainer.fit(X, Y, verbose=0)


# ---- what must work -----------------------------------------------------------------------------


def misaligned(array):
    raw = bytearray(array.nbytes + 1)
    view = np.ndarray(array.shape, array.dtype, buffer=raw, offset=1)
    view[...] = array
    return view


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


class Wrapped:
    """What a data frame looks like to NumPy."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array


FORMS = {
    "read-only": read_only,
    "Fortran": np.asfortranarray,
    "strided": lambda a: np.repeat(np.repeat(a, 2, axis=0), 3, axis=1)[::2, ::3],
    "reversed": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    "broadcast": lambda a: np.broadcast_to(a[None], (2, *a.shape))[1],
    "big-endian": lambda a: a.astype(">f8"),
    "big-endian float32": lambda a: a.astype(">f4"),
    "big-endian integers": lambda a: a.astype(">i4"),
    "misaligned": misaligned,
    "misaligned float32": lambda a: misaligned(a.astype("f4")),
    "float16": lambda a: a.astype("f2"),
    "float32": lambda a: a.astype("f4"),
    "long double": lambda a: a.astype(np.longdouble),
    "nested lists": lambda a: a.tolist(),
    "nested tuples": lambda a: tuple(map(tuple, a.tolist())),
    "list of rows": list,
    "subclass": lambda a: a.view(type("Sub", (np.ndarray,), {})),
    "wrapped": Wrapped,
    "memoryview": memoryview,
    **{t: (lambda a, t=t: a.astype(t)) for t in ("i1", "i2", "i4", "i8")},
}


@pytest.mark.parametrize("network_dtype", ["float32", "float64"])
@pytest.mark.parametrize("form", FORMS)
def test_any_real_array_gives_what_the_plain_one_gives(form, network_dtype):
    x, y, w = (FORMS[form](a) for a in (X, Y, np.abs(X[:, :1]) + 1))
    plain, other = Bench(dtype=network_dtype), Bench(dtype=network_dtype)
    weight = np.abs(X[:, 0]) + 1
    for bench, args in ((plain, (X, Y, weight)), (other, (x, y, w))):
        bench.results = [
            bench.trainer.fit(
                *args[:2], sample_weight=args[2], batch_size=4, epochs=2, verbose=0
            ).history,
            bench.trainer.train_on_batch(*args),
            bench.trainer.evaluate(*args[:2], sample_weight=args[2]),
            bench.model.predict(args[0]).tolist(),
            bench.model.forward(args[0], training=True).tolist(),
            bench.model.backward(args[1]).tolist(),
            bench.model.parameter_arena.tolist(),
        ]
    assert plain.results == other.results


@pytest.mark.parametrize("kind", ["bool", "u1", "u2", "u4", "u8", ">u2"])
def test_bools_and_unsigned_numbers_work(kind):
    x, y = X > 0, Y > 0
    plain, other = Bench(), Bench()
    plain.trainer.fit(x.astype("f8"), y.astype("f8"), epochs=2, verbose=0)
    other.trainer.fit(x.astype(kind), y.astype(kind), epochs=2, verbose=0)
    assert plain.look()[:-2] != plain.picture[:-2]
    np.testing.assert_array_equal(plain.model.parameter_arena, other.model.parameter_arena)
    np.testing.assert_array_equal(
        plain.model.predict(x.astype("f8")), other.model.predict(x.astype(kind))
    )


@pytest.mark.parametrize(
    "labels",
    [
        LABELS,
        LABELS.astype("u1"),
        LABELS.astype(">i8"),
        LABELS.astype("f4"),
        LABELS.astype(bool),
        LABELS[:, None],
        LABELS.tolist(),
        np.repeat(LABELS, 2)[::2],
    ],
)
def test_labels_of_any_whole_kind_work(labels):
    plain, other = Bench("scce", "softmax"), Bench("scce", "softmax")
    plain.trainer.fit(X, LABELS.astype(np.int32), batch_size=4, epochs=2, verbose=0)
    other.trainer.fit(X, labels, batch_size=4, epochs=2, verbose=0)
    np.testing.assert_array_equal(plain.model.parameter_arena, other.model.parameter_arena)


@pytest.mark.parametrize("loss, output", [("mse", None), ("bce", "sigmoid")])
def test_y_of_one_dimension_works_for_one_output(loss, output):
    y = (Y[:, 0] > 0).astype("f8")
    column, flat = Bench(loss, output, outputs=1), Bench(loss, output, outputs=1)
    for bench, given in ((column, y[:, None]), (flat, y)):
        bench.trainer.fit(X, given, epochs=2, verbose=0, validation_data=(X, given))
        bench.result = bench.trainer.evaluate(X, given), bench.trainer.train_on_batch(X, given)
    assert column.result == flat.result
    assert flat.model.predict(X).shape == (6, 1)
    np.testing.assert_array_equal(column.model.parameter_arena, flat.model.parameter_arena)


def test_nothing_given_is_written_to():
    x, y, w = X.astype("f4"), Y.astype("f4"), np.ones(6, np.float32)
    kept = [a.copy() for a in (x, y, w)]
    for dtype in ("float32", "float64"):
        for loss, output in (("mse", None), ("bce", "sigmoid"), ("cce", "softmax")):
            trainer = fnn.Trainer(network(output, dtype), loss, metrics=["mse"])
            trainer.fit(x, abs(y) / 8, sample_weight=w, batch_size=4, epochs=2, verbose=0)
            trainer.fit(x, abs(y) / 8, check_finite=False, shuffle=False, verbose=0)
            trainer.evaluate(x, abs(y) / 8, check_finite=False)
            trainer.model.predict(x, check_finite=False)
            trainer.model.forward(x, training=True)
            trainer.model.backward(y)
    for array, copy in zip((x, y, w), kept, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_arrays_are_not_copied_whole():
    """Training on a view of rows that would not fit into memory."""
    x = np.broadcast_to(X[:1].astype("i1"), (10**9, 3))
    y = np.broadcast_to(Y[:1].astype("i1"), (10**9, 2))
    trainer = fnn.Trainer(network(), "mse").on("batch_end", lambda event: event.stop())
    trainer.fit(x, y, batch_size=32, shuffle=False, check_finite=False, verbose=0)
    assert trainer.steps == 1
