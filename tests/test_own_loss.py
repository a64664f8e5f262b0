"""A person's own loss: a Python function, or a C function out of a capsule."""

from __future__ import annotations

import ctypes
import gc
import pickle
import threading
import weakref

import numpy as np
import pytest

import fastnn as fnn
from fastnn import losses

X = np.random.default_rng(0).uniform(-2, 2, (40, 3))
Y = np.random.default_rng(1).uniform(-2, 2, (40, 2))


def squares(y_true, y_pred):
    """Mean squared error, row by row."""
    error = y_pred - y_true
    return (error**2).mean(axis=1), 2 * error / error.shape[1]


def network(dtype="float64", outputs=2, hidden=5):
    layers = [fnn.Input(3), fnn.Dense(hidden, "tanh"), fnn.Dense(outputs)]
    return fnn.Sequential(layers, seed=1, dtype=dtype)


def arena_after(loss, x=X, y=Y, *, dtype="float64", hidden=5, threads=1, **fit):
    model = network(dtype, hidden=hidden)
    with fnn.threads(threads):
        trainer = fnn.Trainer(model, loss, fnn.Adam(0.01))
        history = trainer.fit(x, y, verbose=0, **{"epochs": 3, "batch_size": 7} | fit)
    return model.parameter_arena.copy(), history["loss"]


class Capsule:
    """A C function, made with ctypes, in a PyCapsule as SciPy makes them."""

    def __init__(self, function, real=ctypes.c_double, user_data=None, signature=None):
        pointer = ctypes.POINTER(real)
        word = real.__name__[2:]
        size = ctypes.c_size_t
        kind = ctypes.CFUNCTYPE(None, *[pointer] * 4, size, size, ctypes.c_void_p)
        self.function = kind(function)
        self.name = (
            signature
            or f"void ({word} *, const {word} *, {word} *, {word} *, size_t, ulong, void *)"
        ).encode()
        new = ctypes.pythonapi.PyCapsule_New
        new.restype = ctypes.py_object
        new.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        self.capsule = new(ctypes.cast(self.function, ctypes.c_void_p), self.name, None)
        if user_data is not None:
            put = ctypes.pythonapi.PyCapsule_SetContext
            put.argtypes = [ctypes.py_object, ctypes.c_void_p]
            put(self.capsule, user_data)


def c_squares(y_pred, y_true, value, gradient, rows, cols, user_data):
    for i in range(rows):
        total = 0.0
        for j in range(i * cols, i * cols + cols):
            error = y_pred[j] - y_true[j]
            total += error * error
            gradient[j] = 2 * error / cols
        value[i] = total / cols


# ---- the same as a loss of our own --------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_python_loss_gives_what_the_kernel_gives(isa, dtype, weighted):
    weight = np.random.default_rng(2).integers(0, 3, 40) / 2 if weighted else None
    kind = np.dtype(dtype).name
    got, losses_got = arena_after(losses.custom(squares), dtype=kind, sample_weight=weight)
    want, losses_want = arena_after("mse", dtype=kind, sample_weight=weight)
    close = 1e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(got, want, rtol=close, atol=close)
    np.testing.assert_allclose(losses_got, losses_want, rtol=close)


@pytest.mark.parametrize("hidden, n", [(5, 700), (300, 2300)], ids=["shards", "blocks"])
def test_python_loss_in_shards_and_blocks_on_threads(hidden, n):
    x = np.random.default_rng(3).uniform(-2, 2, (n, 3))
    y = np.random.default_rng(4).uniform(-2, 2, (n, 2))
    found = [
        arena_after(losses.custom(squares), x, y, hidden=hidden, threads=count, batch_size=n)[0]
        for count in (1, 2)
    ]
    assert found[0].tobytes() == found[1].tobytes()
    want, _ = arena_after("mse", x, y, hidden=hidden, batch_size=n)
    np.testing.assert_allclose(found[0], want, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("as_capsule", [False, True], ids=["scipy", "capsule"])
def test_c_loss_gives_what_the_kernel_gives(dtype, as_capsule):
    real = ctypes.c_float if dtype == np.float32 else ctypes.c_double
    made = Capsule(c_squares, real)
    function = made.capsule
    if not as_capsule:
        function = pytest.importorskip("scipy").LowLevelCallable(made.function)
    kind = np.dtype(dtype).name
    got, _ = arena_after(losses.custom(function, name="c_squares"), dtype=kind)
    want, _ = arena_after("mse", dtype=kind)
    close = 1e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(got, want, rtol=close, atol=close)


def test_c_loss_gets_its_user_data():
    seen = []
    factor = ctypes.c_double(3.0)

    def scaled(y_pred, y_true, value, gradient, rows, cols, user_data):
        c_squares(y_pred, y_true, value, gradient, rows, cols, None)
        seen.append(ctypes.c_double.from_address(user_data).value)
        for i in range(rows):
            value[i] *= seen[-1]

    made = Capsule(scaled, user_data=ctypes.addressof(factor))
    model = network()
    want = fnn.Trainer(model, "mse").evaluate(X, Y)["loss"]
    got = fnn.Trainer(model, losses.custom(made.capsule)).evaluate(X, Y)["loss"]
    assert got == pytest.approx(3 * want, rel=1e-12)
    assert set(seen) == {3.0}


def test_targets_may_be_narrower_than_outputs():
    def distance(y_true, y_pred):  # of the sum of the outputs
        assert y_true.shape[1] == 1
        error = y_pred.sum(axis=1, keepdims=True) - y_true
        return error[:, 0] ** 2, np.repeat(2 * error, 2, axis=1)

    loss = losses.custom(distance, y_columns=1)
    model = network()
    trainer = fnn.Trainer(model, loss, fnn.Adam(0.05))
    first = trainer.evaluate(X, Y[:, 0])["loss"]
    assert first == pytest.approx(((model.predict(X).sum(axis=1) - Y[:, 0]) ** 2).mean())
    history = trainer.fit(X, Y[:, 0], epochs=200, verbose=0)
    assert history["loss"][-1] < first / 2
    with pytest.raises(ValueError, match=r"distance: y_columns is 3, but the network has 2 outp"):
        fnn.Trainer(model, losses.custom(distance, y_columns=3))


def test_rows_of_weight_zero_count_for_nothing_even_where_the_loss_is_nan():
    def spoiled(y_true, y_pred):
        value, gradient = squares(y_true, y_pred)
        value[y_true[:, 0] > 1] = np.nan
        gradient[y_true[:, 0] > 1] = np.nan
        return value, gradient

    weight = (Y[:, 0] <= 1) * 1.0
    assert 0 < weight.sum() < 40
    got, _ = arena_after(losses.custom(spoiled), sample_weight=weight)
    want, _ = arena_after(losses.custom(squares), sample_weight=weight)
    assert got.tobytes() == want.tobytes()


def test_the_function_may_keep_and_change_what_it_gets():
    kept = []

    def keeps(y_true, y_pred):
        kept.append((y_true.copy(), y_pred.copy(), y_true, y_pred))
        result = squares(y_true, y_pred)
        y_true[...], y_pred[...] = 77, 78
        return result

    got, _ = arena_after(losses.custom(keeps))
    want, _ = arena_after(losses.custom(squares))
    assert got.tobytes() == want.tobytes()
    gc.collect()
    for _, _, y_true, y_pred in kept:
        assert (y_true == 77).all()
        assert (y_pred == 78).all()
    np.testing.assert_array_equal(
        np.sort(np.vstack([k[0] for k in kept[:6]]), axis=0), np.sort(Y, axis=0)
    )


def test_the_function_sees_subnormal_numbers():
    """Flushing is for the plan's own arithmetic."""
    seen = []

    def looks(y_true, y_pred):
        seen.append(float(np.float64(5e-324) * 1.0))
        return squares(y_true, y_pred)

    arena_after(losses.custom(looks))
    assert set(seen) == {5e-324}


def test_metrics_work_beside_an_own_loss():
    model = network()
    trainer = fnn.Trainer(model, losses.custom(squares), metrics=["mse", "mae"])
    logs = trainer.evaluate(X, Y)
    assert logs["loss"] == pytest.approx(logs["mean_squared_error"], rel=1e-12)
    assert logs["mean_absolute_error"] == pytest.approx(np.abs(model.predict(X) - Y).mean())


# ---- errors -------------------------------------------------------------------------------------


class Boom(Exception):
    pass


def raising(after):
    calls = []

    def loss(y_true, y_pred):
        calls.append(1)
        if len(calls) > after:
            raise Boom("from the loss")
        return squares(y_true, y_pred)

    return losses.custom(loss, name="loss")


@pytest.mark.parametrize("epochs, verbose, listening", [(3, 0, False), (3, 0, True)])
def test_what_the_function_raises_comes_out_and_the_step_is_dropped(epochs, verbose, listening):
    model, steps = network(), 9
    trainer = fnn.Trainer(model, raising(steps), fnn.Adam(0.01))
    if listening:
        trainer.on("batch_end", lambda event: None)
    with pytest.raises(Boom, match="from the loss") as caught:
        trainer.fit(X, Y, batch_size=7, epochs=epochs, verbose=verbose)
    assert any(entry.name == "loss" for entry in caught.traceback)  # it shows where
    assert trainer.steps == steps
    assert len(trainer.history["loss"]) == 1  # an epoch has 6 steps
    whole = network()
    other = fnn.Trainer(whole, losses.custom(squares), fnn.Adam(0.01))
    with pytest.raises(Boom):  # the same steps, stopped by a handler
        other.on("batch_end", stop_after(steps)).fit(X, Y, batch_size=7, epochs=3, verbose=0)
    assert model.parameter_arena.tobytes() == whole.parameter_arena.tobytes()
    assert np.isfinite(trainer.model.predict(X)).all()  # and the model is free again


def stop_after(steps):
    seen = []

    def handler(event):
        seen.append(event)
        if len(seen) == steps:
            raise Boom

    return handler


def test_what_the_function_raises_in_shards_and_evaluations():
    x, y = np.tile(X, (20, 1)), np.tile(Y, (20, 1))
    for count in (1, 2):
        with fnn.threads(count):
            model = network()
            before = model.parameter_arena.copy()
            trainer = fnn.Trainer(model, raising(2))
            with pytest.raises(Boom):
                trainer.fit(x, y, batch_size=800, verbose=0)
            np.testing.assert_array_equal(model.parameter_arena, before)
            with pytest.raises(Boom):
                fnn.Trainer(model, raising(0)).evaluate(x, y)
            with pytest.raises(Boom):
                fnn.Trainer(model, raising(0)).train_on_batch(x, y)
            with pytest.raises(Boom):
                fnn.Trainer(model, raising(0)).fit([(x, y)], verbose=0)


def test_an_error_in_rows_of_weight_zero_ends_the_fit_too():
    def raises(y_true, y_pred):
        raise Boom

    model = network()
    weight = np.r_[0.0, np.ones(39)]
    trainer = fnn.Trainer(model, losses.custom(raises))
    with pytest.raises(Boom):
        trainer.fit(X, Y, sample_weight=weight, batch_size=1, shuffle=False, verbose=0)


def test_a_run_goes_on_after_an_error():
    calls = []

    def once(y_true, y_pred):
        calls.append(1)
        if len(calls) == 1:
            raise Boom
        return squares(y_true, y_pred)

    trainer = fnn.Trainer(network(), losses.custom(once))
    with pytest.raises(Boom):
        trainer.train_on_batch(X, Y)
    assert trainer.train_on_batch(X, Y)["loss"] > 0  # the same run


def test_interrupts_from_within_the_function():
    def interrupted(y_true, y_pred):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fnn.Trainer(network(), losses.custom(interrupted)).fit(X, Y, verbose=0)


@pytest.mark.parametrize(
    "result, error, message",
    [
        (lambda v, g: v, TypeError, "the values and the gradient as a tuple of 2, got a ndarray"),
        (lambda v, g: (v, g, g), TypeError, "as a tuple of 2, got a tuple of 3"),
        (lambda v, g: None, TypeError, "as a tuple of 2, got a NoneType"),
        (lambda v, g: (v.mean(), g), ValueError, r"values of shape \(\); want \(7,\); one value a"),
        (lambda v, g: (v[:, None], g), ValueError, r"values of shape \(7, 1\); want \(7,\)"),
        (lambda v, g: (v, g[:, :1]), ValueError, r"gradient of shape \(7, 1\); want \(7, 2\)"),
        (lambda v, g: (v, g.mean(axis=0)), ValueError, r"gradient of shape \(2,\); want \(7, 2\)"),
        (lambda v, g: (v + 0j, g), TypeError, "values of real numbers, got an array of complex128"),
        (lambda v, g: (v, g.astype(object)), TypeError, "gradient of real numbers, got .* object"),
        (lambda v, g: (v, g * np.nan), FloatingPointError, "the gradient .* is not finite: .*nan"),
        (lambda v, g: (v, g * np.inf), FloatingPointError, "the gradient .* is not finite: .*inf"),
    ],
)
def test_wrong_results_are_named(result, error, message):
    def mine(y_true, y_pred):
        return result(*squares(y_true, y_pred))

    model = network()
    before = model.parameter_arena.copy()
    with pytest.raises(error, match=f"^mine: .*{message}"):
        fnn.Trainer(model, losses.custom(mine)).fit(X, Y, batch_size=7, verbose=0)
    np.testing.assert_array_equal(model.parameter_arena, before)


def test_values_that_are_nan_stop_before_the_update():
    def mine(y_true, y_pred):
        value, gradient = squares(y_true, y_pred)
        return value * np.nan, gradient

    model = network()
    before = model.parameter_arena.copy()
    with pytest.raises(FloatingPointError, match="the loss became nan"):
        fnn.Trainer(model, losses.custom(mine)).fit(X, Y, verbose=0)
    np.testing.assert_array_equal(model.parameter_arena, before)


def test_a_c_loss_whose_gradient_is_nan_stops_before_the_update():
    def spoiled(y_pred, y_true, value, gradient, rows, cols, user_data):
        c_squares(y_pred, y_true, value, gradient, rows, cols, user_data)
        gradient[rows * cols - 1] = np.nan

    made, model = Capsule(spoiled), network()
    before = model.parameter_arena.copy()
    with pytest.raises(FloatingPointError, match="the loss became nan"):
        fnn.Trainer(model, losses.custom(made.capsule)).fit(X, Y, verbose=0)
    np.testing.assert_array_equal(model.parameter_arena, before)


class CompiledByNumba:
    """What numba's cfunc makes: it can be called, as the Python function that was compiled."""

    ctypes = ctypes.CFUNCTYPE(None)()

    def __call__(self, *args):
        raise AssertionError(args)


@pytest.mark.parametrize(
    "function, message",
    [
        (
            None,
            "function must be a Python function, a scipy.LowLevelCallable or a PyCapsule, got N",
        ),
        ("mse", "function must be a Python function, .* got str"),
        ((1, 2), "function must be a Python function, .* got tuple"),
        (losses.Huber, "function must be a function, got the class"),
        (
            ctypes.CDLL(None).abs,
            r"function is a bare C function of ctypes; want scipy.LowLevelCallable\(function\), of "
            r"the signature 'void \(double \*, .*; ctypes is told so by function.restype = None",
        ),
        (ctypes.CFUNCTYPE(None)(), "function is a bare C function of ctypes"),
        (
            CompiledByNumba(),
            r"function is a bare C function of numba; want .*LowLevelCallable\(function.ctypes\)",
        ),
    ],
)
def test_what_is_no_function_is_refused(function, message):
    with pytest.raises(TypeError, match=f"^losses.custom: {message}"):
        losses.custom(function)


@pytest.mark.parametrize(
    "signature",
    [
        "double (double)",
        "void (double *, double *, double *, float *, size_t, size_t, void *)",
        "void (double *, double *, double *, double *, int, int, void *)",
        "void (double *, double *, double *, double *, size_t, size_t)",
        "int (double *, double *, double *, double *, size_t, size_t, void *)",
    ],
)
def test_c_functions_of_another_signature_are_refused(signature):
    made = Capsule(c_squares, signature=signature)
    with pytest.raises(
        TypeError, match=r"^losses.custom: function has the C signature .*; want 'vo"
    ):
        losses.custom(made.capsule)


def test_a_c_function_of_the_other_type_is_refused_before_training():
    made = Capsule(c_squares, ctypes.c_double)
    trainer = fnn.Trainer(network("float32"), losses.custom(made.capsule, name="mine"))
    message = "^mine: the loss is a C function of double, but the network computes in float32: want"
    with pytest.raises(TypeError, match=message):
        trainer.fit(X, Y, verbose=0)


# ---- names, files, lives ------------------------------------------------------------------------


def test_names_and_reprs():
    assert losses.custom(squares).name == "squares"
    assert losses.custom(lambda y, p: None).name == "custom"
    assert losses.custom(squares, name="mine").name == "mine"
    assert repr(losses.custom(squares, y_columns=1)).endswith("y_columns=1)")
    with pytest.raises(TypeError, match="name must be a string, got 3"):
        losses.custom(squares, name=3)
    with pytest.raises(ValueError, match="y_columns must be an integer of at least 1, got 0"):
        losses.custom(squares, y_columns=0)
    again = pickle.loads(pickle.dumps(losses.custom(squares, y_columns=1)))
    assert (again.function, again.name, again.y_columns) == (squares, "squares", 1)


def test_config_needs_a_class_of_ones_own():
    with pytest.raises(TypeError, match="the loss 'squares' is made of a function, which no file"):
        losses.custom(squares).config()

    class Scaled(losses.FunctionLoss):
        __slots__ = ("factor",)

        def __init__(self, factor=1.0):
            self._set(factor=factor)
            super().__init__(self._compute)

        def _compute(self, y_true, y_pred):
            value, gradient = squares(y_true, y_pred)
            return self.factor * value, self.factor * gradient

    config = Scaled(2.0).config()
    assert config == {"kind": "Scaled", "factor": 2.0}
    loss = losses.Loss.from_config(config, {"Scaled": Scaled})
    model = network()
    want = fnn.Trainer(model, "mse").evaluate(X, Y)["loss"]
    assert fnn.Trainer(model, loss).evaluate(X, Y)["loss"] == pytest.approx(2 * want, rel=1e-12)


def test_the_function_is_let_go_with_the_loss():
    def mine(y_true, y_pred):
        return squares(y_true, y_pred)

    alive = weakref.ref(mine)
    trainer = fnn.Trainer(network(), losses.custom(mine))
    trainer.fit(X, Y, verbose=0)
    trainer.train_on_batch(X, Y)
    del mine, trainer
    gc.collect()
    assert alive() is None


def test_fit_many_with_python_losses():
    def one(loss, seed):
        layers = [fnn.Input(3), fnn.Dense(4, "tanh"), fnn.Dense(2)]
        model = fnn.Sequential(layers, seed=seed, dtype="float64")
        return fnn.Trainer(model, loss, fnn.Adam(0.01))

    shared = losses.custom(squares)
    trainers = [one(shared, seed) for seed in range(6)]
    fits = fnn.fit_many(trainers, X, Y, batch_size=7, epochs=3, workers=3, verbose=0)
    for seed, model in enumerate(fits.models):
        alone = one(losses.custom(squares), seed)
        alone.fit(X, Y, batch_size=7, epochs=3, verbose=0)
        assert model.parameter_arena.tobytes() == alone.model.parameter_arena.tobytes()

    trainers = [one(raising(5) if seed == 1 else shared, seed) for seed in range(4)]
    with pytest.warns(fnn.FastnnWarning, match="job 1"):
        fits = fnn.fit_many(trainers, X, Y, batch_size=7, epochs=3, workers=2, verbose=0)
    assert [type(error) for error in fits.errors] == [type(None), Boom, type(None), type(None)]


def test_two_fits_at_once_keep_their_errors_apart():
    results = {}

    def work(key, loss):
        try:
            fnn.Trainer(network(), loss).fit(X, Y, epochs=20, batch_size=4, verbose=0)
        except Boom as error:
            results[key] = error

    threads = [
        threading.Thread(target=work, args=(key, loss))
        for key, loss in (("bad", raising(30)), ("good", losses.custom(squares)))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(results) == ["bad"]
