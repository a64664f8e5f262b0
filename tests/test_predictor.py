"""`model.predictor()`: the model's bits, frozen; from threads, forks, pickles and C."""

from __future__ import annotations

import copy
import ctypes
import doctest
import os
import pickle
import re
import shutil
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest
import scipy

import fastnn as fnn
from each import each
from fastnn import _core
from guard import guarded

GUIDE = Path(__file__).parents[1] / "docs" / "predictor.md"
LIMIT = 60.0  # seconds until a test is taken to hang; no measure

ACTIVATIONS = (
    *("linear", "relu", "leaky_relu", "elu", "gelu", "sigmoid", "tanh", "softmax", "silu"),
    *("softplus", "exp", "relu6", "hard_sigmoid", "hard_tanh", "hard_silu", "selu", "celu"),
    *("gelu_tanh", "mish", "softsign", "squareplus", "log_sigmoid", "log_softmax", "tanh_shrink"),
    *("soft_shrink", "hard_shrink", "sparsemax"),
)


def lively(model):
    """The model with biases that are not 0, as they are drawn."""
    rng = np.random.default_rng(1)
    for name, view in model.parameters.items():
        if name.endswith("bias"):
            view[...] = rng.standard_normal(view.shape)
    return model


def network(*units, inputs=7, hidden="relu", output=None, seed=0, dtype="float32"):
    *inner, last = units
    layers = [*(fnn.Dense(n, hidden) for n in inner), fnn.Dense(last, output)]
    return lively(fnn.Sequential([fnn.Input(inputs), *layers], seed=seed, dtype=dtype))


def cars(**options):
    return network(32, 8, 1, **options)


def rows(n, columns=7, dtype=np.float32):
    return np.random.default_rng([n, columns]).standard_normal((n, columns)).astype(dtype)


# Small enough for the stack, and of each kind that is not.
SHAPES = {
    "cars": lambda **o: cars(**o),
    "one op": lambda **o: network(3, **o),
    "wide": lambda **o: network(300, 40, 2, **o),  # scratch of the products
    "long rows": lambda **o: network(3, 5000, 1, **o),  # values of a row
    "no bias": lambda **o: lively(
        fnn.Sequential(
            [fnn.Input(7), fnn.Dense(9, "tanh", use_bias=False), fnn.Dense(2)], seed=0, **o
        )
    ),
    "activations": lambda **o: lively(
        fnn.Sequential(
            [
                *(fnn.Input(7), fnn.Activation("tanh"), fnn.Dense(17, "relu")),
                *(fnn.Activation("gelu"), fnn.Activation("softmax"), fnn.Dense(5)),
                fnn.Activation("sigmoid"),
            ],
            seed=0,
            **o,
        )
    ),
    "no parameters": lambda **o: fnn.Sequential(
        [fnn.Input(7), fnn.Activation("softmax")], seed=0, **o
    ),
}


# ---- the same bits ------------------------------------------------------------------------------


@each("n", [1, 2, 5, 13, 64, 65, 300])
@pytest.mark.parametrize("shape", SHAPES)
def test_bits_of_predict(isa, dtype, shape, n):
    model = SHAPES[shape](dtype=dtype)
    predictor = model.predictor()
    x = rows(n, dtype=dtype)
    want = model.predict(x)
    assert predictor(x).tobytes() == want.tobytes()
    assert predictor.predict(x).tobytes() == want.tobytes()
    out = np.full_like(want, -7)
    assert predictor.predict_into(x, out) is out
    assert out.tobytes() == want.tobytes()


def test_rows_that_are_done_in_parts():
    """Between which Ctrl-C is answered."""
    model = network(600, 2)
    x = rows(60_000)
    want = model.predict(x)
    predictor = model.predictor()
    assert predictor(x).tobytes() == want.tobytes()
    x[-1, -1] = np.nan
    with pytest.raises(ValueError, match="row 59999, column 6"):
        predictor(x)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@each("other", ["linear", "relu", "tanh", "gelu", "softmax", "sparsemax"])
def test_bits_of_predict_with_all_activations(isa, dtype, activation, other):
    """Hidden and at the end, beside one of each way: none, fused, by element and by row."""
    x = rows(6, dtype=dtype)
    for hidden, output in ((activation, other), (other, activation)):
        model = network(19, 3, hidden=hidden, output=output, dtype=dtype)
        assert model.predictor()(x).tobytes() == model.predict(x).tobytes(), (hidden, output)


@pytest.mark.parametrize("shape", SHAPES)
def test_rows_of_a_batch_have_the_bits_they_have_alone(isa, dtype, shape):
    predictor = SHAPES[shape](dtype=dtype).predictor()
    x = rows(100, dtype=dtype)
    together = predictor(x)
    for i in range(len(x)):
        assert predictor(x[i : i + 1])[0].tobytes() == together[i].tobytes()
        assert predictor(x[i]).tobytes() == together[i].tobytes()


def test_one_row_may_have_one_dimension(dtype):
    model = network(5, 2, dtype=dtype)
    predictor = model.predictor()
    x, out = rows(1, dtype=dtype)[0], np.empty(2, dtype)
    want = model.predict(x[None])[0]
    for got in (predictor(x), predictor.predict(x), predictor.predict_into(x, out)):
        assert got.shape == (2,)
        assert got.tobytes() == want.tobytes()
    assert predictor(x.tolist()).tobytes() == model.predict([x.tolist()])[0].tobytes()


def test_subnormals_are_flushed_as_in_predict(dtype):
    tiny = np.finfo(dtype).smallest_normal
    model = fnn.Sequential(
        [fnn.Input(1), fnn.Dense(1, kernel_initializer="ones")], seed=0, dtype=dtype
    )
    x = np.array([[tiny / 2], [tiny], [-tiny / 4]], dtype)
    want = model.predict(x)
    assert model.predictor()(x).tobytes() == want.tobytes()
    assert want[1] == tiny
    assert (tiny * dtype(0.5)) > 0  # and the mode of Python's own arithmetic is put back


def test_kernels_are_those_of_the_model():
    """Not those in use when the predictor is made."""
    before = _core.current_isa()
    x = rows(5)
    try:
        for isa in _core.available_isas():
            _core.use_isa(isa)
            model = network(40, 3, hidden="gelu")
            want = model.predict(x)
            for other in _core.available_isas():
                _core.use_isa(other)
                assert model.predictor()(x).tobytes() == want.tobytes()
    finally:
        _core.use_isa(before)


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("n", [1, 4, 70])
@pytest.mark.parametrize("shape", ["cars", "wide", "activations"])
def test_nothing_is_read_or_written_past_the_ends(isa, dtype, shape, n, before):
    model = SHAPES[shape](dtype=dtype)
    x = guarded(rows(n, dtype=dtype), before=before)
    out = guarded(np.zeros((n, model.outputs), dtype), before=before)
    model.predictor().predict_into(x, out)
    assert out.tobytes() == model.predict(x).tobytes()


# ---- what it takes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        lambda x: x.tolist(),
        lambda x: x.astype(np.float64),
        lambda x: x.astype(np.float16),
        lambda x: x.astype(">f4"),
        lambda x: x.astype(np.longdouble),
        lambda x: (x * 3).astype(np.int8),
        lambda x: x > 0,
        lambda x: np.asfortranarray(x),
        lambda x: np.repeat(x, 2, axis=1)[:, ::2],
        lambda x: x[::-1],
        lambda x: np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(x.dtype).reshape(x.shape),
        lambda x: memoryview(x),
    ],
)
def test_any_real_rows(dtype, given):
    model = cars(dtype=dtype)
    predictor = model.predictor()
    x = given(rows(5, dtype=dtype))
    want = model.predict(x)
    out = np.empty((5, 1), dtype)
    for got in (predictor(x), predictor.predict(x), predictor.predict_into(x, out)):
        assert got.tobytes() == want.tobytes()
    assert predictor.predict_into(x, out) is out


@pytest.mark.parametrize("shift", [0, 1, 7])
@pytest.mark.parametrize("checked", [False, True])
def test_out_may_share_memory_with_x(dtype, shift, checked):
    model = network(4, 7, dtype=dtype)
    x = rows(80, dtype=dtype)
    want = model.predict(x)
    memory = np.empty(80 * 7 + shift, dtype)
    for first, second in ((0, shift), (shift, 0)):
        given = memory[first : first + x.size].reshape(x.shape)
        given[...] = x
        out = memory[second : second + x.size].reshape(x.shape)
        assert model.predictor(check_finite=checked).predict_into(given, out) is out
        assert out.tobytes() == want.tobytes()
        given[...] = x
        assert model.predict(given[:3], out=out[:3], check_finite=checked) is not None
        assert out[:3].tobytes() == want[:3].tobytes()


def test_read_only_rows_and_subclasses(dtype):
    model = cars(dtype=dtype)
    x = rows(2, dtype=dtype)
    x.flags.writeable = False
    assert model.predictor()(x).tobytes() == model.predict(x).tobytes()

    class Table(np.ndarray):
        pass

    out = np.empty((2, 1), dtype).view(Table)
    assert model.predictor().predict_into(x.view(Table), out) is out
    assert np.asarray(out).tobytes() == model.predict(x).tobytes()


X = rows(3)
NAN = X.copy()
NAN[1, 2] = np.nan


@pytest.mark.parametrize(
    "x, error, words",
    [
        (None, TypeError, "x is None"),
        ("abc", TypeError, "want bool, integer"),
        (X.astype(complex), TypeError, "dtype complex128"),
        (X.astype(object), TypeError, "dtype object"),
        (iter(X), TypeError, "reads as objects"),
        (np.float32(1), ValueError, "shape ()"),
        (X[None], ValueError, "shape (1, 3, 7); want (rows, 7)"),
        (X[:, :6], ValueError, "shape (3, 6), 6 columns; want (rows, 7)"),
        (X[0, :6], ValueError, "shape (6,); want (7,) or (n, 7)"),
        (X[:0], ValueError, "at least one row"),
        ([[1.0], [1.0, 2.0]], ValueError, "ragged"),
        (np.ma.masked_array(X), ValueError, "masked"),
        (NAN, ValueError, "row 1, column 2"),
        (NAN[1], ValueError, "column 2"),
        (-np.inf * X, ValueError, "row 0, column 0"),
        (X.astype(np.float64) * 1e300, ValueError, "row 0, column 0"),
    ],
)
def test_rows_that_are_refused(x, error, words):
    predictor = cars().predictor()
    one_row = isinstance(x, np.ndarray) and x.ndim == 1
    out = np.full(1 if one_row else (3, 1), -7, np.float32)
    for where, call in (
        ("Predictor", predictor),
        ("Predictor.predict", predictor.predict),
        ("Predictor.predict_into", lambda x: predictor.predict_into(x, out)),
    ):
        with pytest.raises(error) as caught:
            call(x)
        assert str(caught.value).startswith(f"{where}: x")
        assert words in str(caught.value)
    assert (out == -7).all()


@pytest.mark.parametrize(
    "out, error, words",
    [
        (None, TypeError, "out is None; want an array"),
        ([[0.0]] * 3, TypeError, "out must be an array, got list"),
        (np.empty((3, 1)), TypeError, "out must be float32, got float64"),
        (np.empty((3, 1), ">f4"), TypeError, "out must be float32, got >f4"),
        (np.empty((3, 2), np.float32), ValueError, "out has shape (3, 2), want (3, 1)"),
        (np.empty((2, 1), np.float32), ValueError, "out has shape (2, 1), want (3, 1)"),
        (np.empty(3, np.float32), ValueError, "out has shape (3,), want (3, 1)"),
        (np.empty((3, 2), np.float32)[:, :1], ValueError, "C-contiguous"),
        (np.frombuffer(bytes(12), np.float32).reshape(3, 1), ValueError, "writable"),
    ],
)
def test_outs_that_are_refused(out, error, words):
    predictor = cars().predictor()
    for x in (X, X.astype(np.float64)):
        with pytest.raises(error) as caught:
            predictor.predict_into(x, out)
        assert str(caught.value).startswith("Predictor.predict_into: out")
        assert words in str(caught.value)
    with pytest.raises(ValueError, match=r"out has shape \(3, 1\), want \(1,\)"):
        predictor.predict_into(X[0], np.empty((3, 1), np.float32))


def test_wrong_calls_are_refused():
    predictor = cars().predictor()
    for call in (
        lambda: predictor(),
        lambda: predictor(X, X),
        lambda: predictor(X, y=1),
        lambda: predictor.predict_into(X),
        lambda: fnn.Predictor(),
        lambda: fnn.Predictor(None),
        lambda: fnn.Predictor(predictor),
        lambda: fnn.Predictor(cars(), True),
    ):
        with pytest.raises(TypeError):
            call()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 6, 7 * 299, 7 * 300 - 1])
def test_every_nonfinite_value_is_found(dtype, value, place):
    model = cars(dtype=dtype)
    x = rows(300, dtype=dtype)
    x.flat[place] = value
    out = np.full((300, 1), -7, dtype)
    row, column = divmod(place, 7)
    with pytest.raises(ValueError, match=f"row {row}, column {column}"):
        model.predictor().predict_into(x, out)
    assert (out == -7).all()
    unchecked = model.predictor(check_finite=False)
    want = model.predict(x, check_finite=False)
    np.testing.assert_array_equal(unchecked(x), want)
    np.testing.assert_array_equal(unchecked(x.tolist()), want)


def test_the_largest_finite_values_pass(dtype):
    most = np.finfo(dtype).max
    model = network(2, output="tanh", dtype=dtype)
    x = np.full((1, 7), most, dtype)
    assert model.predictor()(x).tobytes() == model.predict(x).tobytes()


# ---- it never changes ---------------------------------------------------------------------------


def test_training_the_model_leaves_it_as_it_is(dtype):
    model = cars(dtype=dtype)
    x = rows(20, dtype=dtype)
    predictor, want = model.predictor(), model.predict(x)
    fnn.Trainer(model, "mse").fit(x, x[:, :1], epochs=2, verbose=0)
    later = model.predictor()
    assert predictor(x).tobytes() == want.tobytes()
    assert later(x).tobytes() == model.predict(x).tobytes() != want.tobytes()
    model.parameter_arena[:] = 0
    model.initialize(seed=5)
    del model
    assert predictor(x).tobytes() == want.tobytes()


def test_attributes_cannot_be_set():
    predictor = cars().predictor()
    for name in ("inputs", "outputs", "dtype", "check_finite", "address", "other", "abi_version"):
        with pytest.raises(AttributeError):
            setattr(predictor, name, 1)
    with pytest.raises(TypeError):
        fnn.Predictor.abi_version = 2


def test_what_it_says_of_itself():
    predictor = network(4, 3, dtype="float64").predictor()
    assert isinstance(predictor, fnn.Predictor)
    assert (predictor.inputs, predictor.outputs, predictor.dtype) == (7, 3, "float64")
    assert predictor.check_finite is True
    assert repr(predictor) == "Predictor(inputs=7, outputs=3, dtype='float64')"
    assert repr(cars().predictor(check_finite=False)) == (
        "Predictor(inputs=7, outputs=1, dtype='float32', check_finite=False)"
    )
    gone = weakref.ref(predictor)
    del predictor
    assert gone() is None


def test_a_predictor_made_during_a_fit_holds_whole_steps():
    """All columns of the kernel are the same number after every whole step."""
    units = 50_000
    layer = fnn.Dense(units, use_bias=False, kernel_initializer="zeros")
    model = fnn.Sequential([fnn.Input(2), layer], seed=0)
    x = np.array([[1.0, 2.0], [2.0, -1.0]], np.float32)
    y = np.broadcast_to(np.array([[1.0], [3.0]], np.float32), (2, units))
    seen = set()
    errors = []
    done = threading.Event()

    def look():
        try:
            while not done.is_set():
                out = model.predictor()(x[0])
                assert (out == out[0]).all()
                seen.add(out[0].item())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    trainer = fnn.Trainer(model, "mse")
    trainer.on("epoch_end", lambda event: event.stop() if len(seen) >= 4 or errors else None)
    trainer.fit(x, y, batch_size=1, epochs=20_000, verbose=0)
    done.set()
    thread.join(LIMIT)
    assert not errors, errors
    assert len(seen) >= 4


# ---- no allocation ------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 7])
@pytest.mark.parametrize("n", [1, 200])
@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_is_allocated_after_the_first_call(dtype, shape, n, count):
    predictor = SHAPES[shape](dtype=dtype).predictor()
    x = rows(n, dtype=dtype)
    with fnn.threads(count):
        made = _core.allocations()
        out = predictor(x)
        first = _core.allocations()
        for _ in range(5):
            predictor(x)
            predictor(x[0])
            predictor.predict_into(x, out)
        assert _core.allocations() == first
    if shape not in ("wide", "long rows") or n == 1:  # the others run on the stack
        assert first - made == (shape in ("wide", "long rows"))
    else:
        assert 1 <= first - made <= count


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count in other units")
def test_all_memory_is_let_go():
    import resource

    model = network(2000, 1, inputs=1000)  # 8 MB
    x = rows(64, 1000)

    def use():
        predictor = model.predictor()
        predictor(x)
        return predictor.capsule

    use()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(100):
        use()
    # kB; what a process keeps in reserve is less than half of what a leak would come to
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000


# ---- threads and forks --------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 3, 3000])
@pytest.mark.parametrize("shape", ["cars", "wide"])
def test_many_threads_at_once(shape, n):
    """More of them than there is scratch kept for."""
    count = 12
    model = SHAPES[shape]()
    predictor = model.predictor()
    given = [rows(n) * (i + 1) for i in range(count)]
    wanted = [model.predict(x).tobytes() for x in given]
    rounds = 30 if n < 100 else 8  # 40 s of 3000 rows under a sanitizer were too near to LIMIT
    together = threading.Barrier(count)
    errors = []

    def work(i):
        try:
            out = np.empty((n, model.outputs), np.float32)
            together.wait(LIMIT)
            for _ in range(rounds):
                assert predictor(given[i]).tobytes() == wanted[i]
                assert predictor.predict_into(given[i], out).tobytes() == wanted[i]
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(i,), daemon=True) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    assert not any(thread.is_alive() for thread in threads)
    assert not errors, errors


FORKS = """
import os, sys, threading
import numpy as np
import fastnn as fnn

layers = [fnn.Dense(300, "relu"), fnn.Dense(2)]
small = fnn.Sequential([fnn.Input(7), fnn.Dense(8, "tanh"), fnn.Dense(1)], seed=0)
large = fnn.Sequential([fnn.Input(7), *layers], seed=0)
x = np.random.default_rng(0).standard_normal((2000, 7), dtype=np.float32)
checks = [(m.predictor(), m.predict(x).tobytes()) for m in (small, large)]

def right():
    return all(p(x).tobytes() == want and p(x[:1]).tobytes() == want[: len(want) // 2000]
               for p, want in checks)

stop = threading.Event()
def keep_at_it():
    while not stop.is_set():
        for p, _ in checks:
            p(x)

# Forks while other threads are inside, and a fork of a fork.
workers = [threading.Thread(target=keep_at_it) for _ in range(2)]
for worker in workers:
    worker.start()
for _ in range(5):
    child = os.fork()
    if child == 0:
        grandchild = os.fork()
        if grandchild == 0:
            os._exit(0 if right() else 1)
        fine = os.waitpid(grandchild, 0)[1] == 0
        os._exit(0 if fine and right() else 1)
    if os.waitpid(child, 0)[1] != 0 or not right():
        stop.set()
        sys.exit(1)
stop.set()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_forks_while_other_threads_predict():
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORKS], check=True, timeout=LIMIT)


# ---- pickles and copies -------------------------------------------------------------------------


@each("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("shape", SHAPES)
def test_pickle_keeps_the_bits(isa, dtype, shape, protocol):
    predictor = SHAPES[shape](dtype=dtype).predictor()
    twin = pickle.loads(pickle.dumps(predictor, protocol))
    x = rows(9, dtype=dtype)
    assert twin(x).tobytes() == predictor(x).tobytes()
    assert repr(twin) == repr(predictor)
    assert twin.user_data != predictor.user_data


def test_pickle_keeps_check_finite():
    twin = pickle.loads(pickle.dumps(cars().predictor(check_finite=False)))
    assert twin.check_finite is False
    assert np.isnan(twin(NAN)[1])


def test_pickle_for_another_process():
    predictor = cars().predictor()
    script = (
        "import pickle, sys; p, x = pickle.load(sys.stdin.buffer); "
        "sys.stdout.buffer.write(p(x).tobytes())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=pickle.dumps((predictor, X)),
        capture_output=True,
        check=True,
    )
    assert done.stdout == predictor(X).tobytes()


def test_pickles_that_contradict_themselves_are_refused():
    load, (recipe, parameters, checked) = cars().predictor().__reduce__()
    assert load(recipe, parameters, checked)(X).shape == (3, 1)
    name, cols, inputs, outputs, ops, n, functions = recipe
    for changed, values, error in (
        (recipe, parameters[:-1], ValueError),
        ((name, cols[:-1], inputs, outputs, ops, n, functions), parameters, ValueError),
        ((name, (*cols[:-1], 2), inputs, outputs, ops, n, functions), parameters, ValueError),
        ((name, cols, 2, outputs, ops, n, functions), parameters, ValueError),
        ((name, cols, inputs, (9,), ops, n, functions), parameters, ValueError),
        ((name, cols, inputs, outputs, ops[:-1], n, functions), parameters, ValueError),
        ((name, cols, inputs, outputs, ops[::-1], n, functions), parameters, ValueError),
        ((name, cols, inputs, outputs, ops, n - 1, functions), parameters, ValueError),
        (("float64", *recipe[1:]), parameters, TypeError),
        (("int8", *recipe[1:]), parameters.astype(np.int8), TypeError),
    ):
        with pytest.raises(error):
            load(changed, values, checked)


def test_copies_are_the_predictor_itself():
    predictor = cars().predictor()
    assert copy.copy(predictor) is predictor
    assert copy.deepcopy([predictor])[0] is predictor


# ---- the C function -----------------------------------------------------------------------------


def call(address, user_data, x, out, n):
    """Call the C function on arrays and return its status."""
    kind = ctypes.CFUNCTYPE(
        ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p
    )
    return kind(address)(x.ctypes.data, out.ctypes.data, n, user_data)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_c_function_gives_the_bits_of_predict(isa, dtype, shape):
    model = SHAPES[shape](dtype=dtype)
    predictor = model.predictor()
    x = rows(50, dtype=dtype)
    out = np.full((51, model.outputs), -7, dtype)
    assert call(predictor.address, predictor.user_data, x, out, 50) == 0
    assert out[:50].tobytes() == model.predict(x).tobytes()
    assert (out[50] == -7).all()


def test_the_c_function_says_what_is_wrong(dtype):
    predictor = cars(dtype=dtype).predictor()
    function = predictor.address, predictor.user_data
    x, out = rows(3, dtype=dtype), np.full((3, 1), -7, dtype)
    assert call(*function, x, out, 0) == 0
    assert call(*function, x, out, -1) == 3
    x[2, 6] = np.inf
    assert call(*function, x, out, 3) == 1
    assert (out == -7).all()
    assert call(*function, x, out, 2) == 0
    assert (out[:2] != -7).all()


def capsule_function(name, result):
    function = ctypes.pythonapi[name]
    function.restype = result
    return function


def open_capsule(capsule):
    """Name, pointer and context of a capsule."""
    name = capsule_function("PyCapsule_GetName", ctypes.c_char_p)
    pointer = capsule_function("PyCapsule_GetPointer", ctypes.c_void_p)
    context = capsule_function("PyCapsule_GetContext", ctypes.c_void_p)
    title = name(ctypes.py_object(capsule))
    return (
        title.decode(),
        pointer(ctypes.py_object(capsule), title),
        context(ctypes.py_object(capsule)),
    )


def test_capsules_hold_signature_function_and_data(dtype):
    predictor = cars(dtype=dtype).predictor()
    real = {np.float32: "float", np.float64: "double"}[dtype]
    signature = f"int (const {real} *, {real} *, int, void *)"
    assert open_capsule(predictor.capsule) == (signature, predictor.address, predictor.user_data)
    low_level = scipy.LowLevelCallable(predictor.capsule)
    assert low_level.signature == signature
    assert open_capsule(tuple.__getitem__(low_level, 0)) == open_capsule(predictor.capsule)


def test_a_capsule_keeps_alive_what_it_points_to():
    model = network(300, 40, 2)
    predictor = model.predictor()
    capsules = [predictor.capsule for _ in range(3)]
    _, _, user_data = open_capsule(capsules[0])
    gone = weakref.ref(predictor)
    x, out = rows(4), np.empty((4, 2), np.float32)
    address = predictor.address
    del predictor, capsules[:2]
    assert gone() is None
    others = [network(300, 40, 2, seed=i).predictor() for i in range(5)]  # would reuse its memory
    assert call(address, user_data, x, out, 4) == 0
    assert out.tobytes() == model.predict(x).tobytes()
    assert len(others) == 5


# ---- what is written about it -------------------------------------------------------------------


def blocks(language):
    text = GUIDE.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def run_doctest(text, names):
    test = doctest.DocTestParser().get_doctest(text, names, "predictor", None, 0)
    assert test.examples
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    assert doctest.DocTestRunner(optionflags=flags).run(test).failed == 0


def test_the_examples_of_the_guide_and_of_the_class_run():
    run_doctest("\n".join(part for part in blocks("python") if ">>>" in part), {})
    run_doctest(fnn.Predictor.__doc__, {})


def test_the_guide_describes_this_version():
    assert f"## The C interface, version {fnn.Predictor.abi_version}\n" in GUIDE.read_text(
        encoding="utf-8"
    )


@pytest.mark.skipif(shutil.which("cc") is None, reason="this system has no C compiler")
def test_the_c_example_of_the_guide_compiles_and_runs(tmp_path, monkeypatch):
    (source,) = (part for part in blocks("c") if "best_row" in part)
    (tmp_path / "best_row.c").write_text(source, encoding="utf-8")
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run(["cc", *flags, "best_row.c", "-o", "best_row.so"], cwd=tmp_path, check=True)
    (call,) = (part for part in blocks("python") if "best_row" in part)
    *before, last = call.strip().splitlines()
    model = cars()
    x, out = rows(200), np.empty((1, 1), np.float32)
    names = {"ctypes": ctypes, "predictor": model.predictor(), "x": x, "out": out}
    monkeypatch.chdir(tmp_path)
    exec("\n".join(before), names)
    assert eval(last, names) == model.predict(x).argmax()
    x[50, 0] = np.nan
    assert eval(last, names) == -1
