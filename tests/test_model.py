"""`Sequential`: what it is made of, what it says of itself, its parameters and predictions."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import fastnn as fnn
from fastnn import _core
from reference.network import Twin


def cars(**options):
    """The articles' network: 7-32-8-1."""
    return fnn.Sequential(
        [
            fnn.Input(7, name="car_features"),
            fnn.Dense(32, activation="relu"),
            fnn.Dense(8, activation="relu"),
            fnn.Dense(1),
        ],
        **{"seed": 0} | options,
    )


def rows(n=5, columns=7):
    return np.random.default_rng([n, columns]).standard_normal((n, columns))


# ---- what it is ---------------------------------------------------------------------------------


def test_names_count_each_kind():
    model = fnn.Sequential(
        [
            fnn.Input(3),
            fnn.Dense(2, name="first"),
            fnn.Activation("relu"),
            fnn.Dense(2),
            fnn.Dense(2),
            fnn.Activation("tanh", name="bend"),
            fnn.Activation("tanh"),
        ]
    )
    assert model.layer_names == (
        *("input_0", "first", "activation_0", "dense_1", "dense_2", "bend", "activation_2"),
    )
    assert list(model.parameters) == [
        *("first/kernel", "first/bias", "dense_1/kernel", "dense_1/bias"),
        *("dense_2/kernel", "dense_2/bias"),
    ]


def test_repr_shows_inputs_outputs_and_nodes():
    assert repr(cars()) == (
        "Sequential(\n  inputs: {'car_features': (None, 7)}\n  outputs: 'dense_2'\n  nodes: 4\n)"
    )


def test_len_indexing_and_iteration():
    model = cars()
    assert len(model) == 4
    assert list(model) == list(model.layers)
    assert isinstance(model.layers, tuple)
    assert model[0].name == "car_features"
    assert model[-1] is model.layers[3]
    assert model[np.int64(1)] is model.layers[1]
    assert model[1:3] == model.layers[1:3]
    assert model["dense_1"] is model.layers[2]
    assert model["car_features"] is model.layers[0]
    with pytest.raises(ValueError, match="unknown layer 'dense_9'; did you mean 'dense_"):
        model["dense_9"]
    with pytest.raises(IndexError):
        model[4]
    with pytest.raises(TypeError):
        model[1.5]


def test_inputs_outputs_and_output_activation():
    model = cars()
    assert (model.inputs, model.outputs, model.output_activation) == (7, 1, "linear")
    soft = fnn.Sequential([fnn.Input((None, 4)), fnn.Dense(3), fnn.Activation("softmax")])
    assert (soft.inputs, soft.outputs, soft.output_activation) == (4, 3, "softmax")
    assert fnn.Sequential([fnn.Input((4,)), fnn.Dense(3, "swish")]).output_activation == "silu"


@pytest.mark.parametrize(
    "widths, dtype, parameters, size",
    [
        ((1, 1), "float32", 10, 40),
        ((32, 8, 1), "float32", 529, 2116),
        ((32, 8, 1), "float64", 529, 4232),
    ],
)
def test_summary_counts_parameters_and_bytes(widths, dtype, parameters, size):
    model = fnn.Sequential([fnn.Input(7), *map(fnn.Dense, widths)], dtype=dtype)
    summary = model.summary()
    assert summary.total_parameters == model.count_parameters() == parameters
    assert summary.total_bytes == size
    assert f"Total parameters: {parameters}" in str(summary)
    assert f"{size} bytes" in str(summary)


def test_summary_has_the_articles_columns():
    text = str(cars().summary())
    for word in ("Layer", "Input shape", "Output shape", "Options", "Parameters"):
        assert word in text
    for word in ("car_features ( input )", "dense_0 ( dense )", "(None, 32)", "f32[7][32]"):
        assert word in text


def test_to_mermaid_has_an_arrow_for_each_layer():
    text = cars().to_mermaid()
    assert text.startswith("graph TD;")
    assert text.count("-->") == 3


# ---- what it refuses ----------------------------------------------------------------------------

SAME = fnn.Dense(3)


@pytest.mark.parametrize(
    "layers, error, words",
    [
        (None, TypeError, "layers must be a list of layers, got None"),
        ("abc", TypeError, "layers must be a list of layers, got 'abc'"),
        (fnn.Input(3), TypeError, "layers must be a list"),
        ([], ValueError, "want an Input and at least one more layer, got 0"),
        ([fnn.Input(3)], ValueError, "got 1"),
        ([fnn.Dense(3)], ValueError, "want an Input first"),
        ([fnn.Dense(3), fnn.Input(3)], ValueError, "want an Input first"),
        ([fnn.Input(3), fnn.Input(3)], ValueError, "at layers[1]"),
        ([fnn.Input(3), 7], TypeError, "layers[1] must be a layer, got 7 (int)"),
        ([fnn.Input(3), "dense"], TypeError, "layers[1] must be a layer, got 'dense'"),
        ([fnn.Input(3), fnn.Dense], TypeError, "give an object, Dense(...)"),
        ([fnn.Input(3), None], TypeError, "layers[1] must be a layer, got None"),
        ([fnn.Input(3), SAME, SAME], ValueError, "layers[2] is the same object"),
        (
            [fnn.Input(3), fnn.Dense(3, name="a"), fnn.Dense(3, name="a")],
            ValueError,
            "two layers are named 'a'",
        ),
        (
            [fnn.Input(3), fnn.Dense(3, name="dense_1"), fnn.Dense(3)],
            ValueError,
            "two layers are named 'dense_1'",
        ),
    ],
)
def test_layers_that_make_no_network_are_refused(layers, error, words):
    with pytest.raises(error) as caught:
        fnn.Sequential(layers)
    assert str(caught.value).startswith("Sequential: ")
    assert words in str(caught.value)


def test_the_same_layer_in_two_models_and_a_copy_in_one_work():
    layer = fnn.Dense(3)
    fnn.Sequential([fnn.Input(3), layer])
    model = fnn.Sequential([fnn.Input(3), layer, layer.replace()])
    assert model.layer_names == ("input_0", "dense_0", "dense_1")


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: fnn.Dense(3, "rellu"), "did you mean 'relu'"),
        (lambda: fnn.Dense(3, "ReLU "), "did you mean 'relu'"),
        (lambda: fnn.Dense(3, kernel_initializer="glorot_unifrom"), "'glorot_uniform'"),
        (lambda: fnn.Activation("softmx"), "did you mean 'softmax'"),
        (lambda: fnn.Dense(0), "units must be an integer of at least 1"),
        (lambda: fnn.Dense(-1), "units"),
        (lambda: fnn.Dense(2**31), "at most 2147483647"),
        (lambda: fnn.Input(0), "units"),
        (lambda: fnn.Input((2, 3)), "units"),
    ],
)
def test_bad_layers_are_refused_and_names_suggested(make, words):
    with pytest.raises(ValueError) as caught:
        make()
    assert words in str(caught.value)


@pytest.mark.parametrize("units", ["3", 3.0, None, True, [3], np.float32(3)])
def test_units_must_be_whole(units):
    with pytest.raises(TypeError, match="Dense: units must be an integer"):
        fnn.Dense(units)


@pytest.mark.parametrize(
    "options, error, words",
    [
        ({"dtype": "float16"}, ValueError, "float32 or float64, got float16"),
        ({"dtype": int}, ValueError, "got int64"),
        ({"dtype": None}, ValueError, "got None"),
        ({"dtype": "floaty"}, ValueError, "got floaty"),
        ({"seed": -1}, ValueError, "seed is -1"),
        ({"seed": 2**64}, ValueError, "seed is 18446744073709551616"),
        ({"seed": 1.0}, TypeError, "seed is 1.0"),
        ({"seed": "0"}, TypeError, "seed is '0'"),
        ({"seed": True}, TypeError, "seed is True"),
    ],
)
def test_options_that_are_refused(options, error, words):
    with pytest.raises(error) as caught:
        cars(**options)
    assert words in str(caught.value)


def test_a_network_too_large_to_count_is_refused():
    top = 2**31 - 1
    with pytest.raises(ValueError, match=r"layer 'dense_0' brings the parameters to 46\d+; want"):
        fnn.Sequential([fnn.Input(top), fnn.Dense(top)])
    wide = [fnn.Dense(2**28) for _ in range(16)]
    with pytest.raises(ValueError, match="layer 'dense_7' brings the parameters"):
        fnn.Sequential([fnn.Input(2**28), *wide])


def test_a_network_too_large_for_memory_is_a_memory_error():
    with pytest.raises(MemoryError, match=r"cannot allocate \d+ bytes"):
        fnn.Sequential([fnn.Input(2**29), fnn.Dense(2**29)])
    with pytest.raises(MemoryError, match="no memory"):
        fnn.Sequential([fnn.Input(2**31 - 1), *(fnn.Activation("relu") for _ in range(999))])


def test_a_subclass_that_is_not_built_says_so():
    class Forgetful(fnn.Sequential):
        def __init__(self):
            pass

    for use in (
        lambda model: model.predict([[1.0]]),
        lambda model: model.predict(np.ones((1, 1), np.float32)),
        lambda model: model.block_rows(),
        lambda model: model.begin_fit(),
        lambda model: _core.Run(model, [(0, {}, False, 1.0)], [], 1),
        lambda model: _core.OptimizerState(model, {"kind": 0}, []),
    ):
        with pytest.raises(RuntimeError, match=r"Forgetful: not built yet; call super"):
            use(Forgetful())


def test_building_twice_is_refused():
    model = cars()
    with pytest.raises(RuntimeError, match="already built"):
        model.__init__([fnn.Input(2), fnn.Dense(1)])


def test_models_are_let_go():
    """No cycle keeps a model, its trainer or its optimizer's state alive for good."""
    model = cars()
    optimizer = fnn.Adam()
    fnn.Trainer(model, "mse", optimizer).fit(rows(), np.ones(5), verbose=0)
    model.forward(rows(), training=True)
    model.backward(np.ones((5, 1)))
    optimizer.step(model)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


# ---- seeds and types ----------------------------------------------------------------------------


def test_seeds_decide_the_weights(isa):
    def drawn(seed, dtype="float32"):
        return cars(seed=seed, dtype=dtype).parameter_arena

    np.testing.assert_array_equal(drawn(1), drawn(1))
    assert (drawn(1) != drawn(2)).any()
    assert (drawn(2**64 - 1) != drawn(0)).any()
    # float32 weights are the float64 ones, rounded
    np.testing.assert_array_equal(drawn(1), drawn(1, "float64").astype(np.float32))


def test_every_parameter_is_drawn_for_itself():
    model = fnn.Sequential([fnn.Input(4), fnn.Dense(4), fnn.Dense(4)], seed=0)
    assert (model.parameters["dense_0/kernel"] != model.parameters["dense_1/kernel"]).all()


def test_no_seed_draws_one_and_records_it():
    first, second = cars(seed=None), cars(seed=None)
    assert first.seed != second.seed
    np.testing.assert_array_equal(cars(seed=first.seed).parameter_arena, first.parameter_arena)


def test_initialize_draws_again():
    model = cars(seed=1)
    first = model.parameter_arena.copy()
    model.parameter_arena[:] = 9
    model.initialize()
    np.testing.assert_array_equal(model.parameter_arena, first)
    model.initialize(seed=2)
    assert model.seed == 2
    np.testing.assert_array_equal(model.parameter_arena, cars(seed=2).parameter_arena)
    with pytest.raises(ValueError, match=r"Sequential\.initialize: seed is -1"):
        model.initialize(seed=-1)


@pytest.mark.parametrize("given", ["float64", np.float64, np.dtype("f8"), float, "d"])
def test_dtypes_by_any_name(given):
    model = cars(dtype=given)
    assert model.dtype == "float64"
    assert model.parameter_arena.dtype == np.float64
    assert model.predict(rows().astype("f4")).dtype == np.float64
    assert cars().predict(rows()).dtype == np.float32


# ---- parameters ---------------------------------------------------------------------------------


def test_parameters_are_views_of_one_aligned_arena(dtype):
    model = fnn.Sequential([fnn.Input(30), fnn.Dense(50), fnn.Dense(3)], dtype=dtype)
    assert model.parameter_arena.ctypes.data % 64 == 0
    assert model.gradient_arena.ctypes.data % 64 == 0
    for views, arena in (
        (model.parameters, model.parameter_arena),
        (model.gradients, model.gradient_arena),
    ):
        for view in views.values():
            assert view.dtype == dtype
            assert view.flags.c_contiguous
            assert np.shares_memory(view, arena)
    assert model.parameters["dense_0/kernel"].ctypes.data % 64 == 0  # a large one
    shapes = {name: view.shape for name, view in model.parameters.items()}
    assert shapes == {
        "dense_0/kernel": (30, 50),
        "dense_0/bias": (50,),
        "dense_1/kernel": (50, 3),
        "dense_1/bias": (3,),
    }


def test_writing_into_a_view_changes_the_model():
    model = fnn.Sequential([fnn.Input(2), fnn.Dense(1)], seed=0)
    model.parameters["dense_0/kernel"][...] = [[2.0], [3.0]]
    model.parameters["dense_0/bias"][0] = 1.0
    np.testing.assert_array_equal(model.predict([[1.0, 10.0]]), [[33.0]])
    with pytest.raises(TypeError):
        model.parameters["dense_0/kernel"] = np.ones((2, 1))
    view = model.parameters["dense_0/kernel"]
    fnn.Trainer(model, "mse").train_on_batch([[1.0, 1.0]], [[0.0]])
    assert view[0, 0] != 2.0  # and the view follows


def test_views_outlive_the_model():
    model = cars()
    view = model.parameters["dense_0/kernel"]
    copy = view.copy()
    del model
    gc.collect()
    np.testing.assert_array_equal(view, copy)


def test_get_weights_returns_copies_in_order():
    model = cars()
    weights = model.get_weights()
    assert [w.shape for w in weights] == [(7, 32), (32,), (32, 8), (8,), (8, 1), (1,)]
    before = model.parameter_arena.copy()
    for w in weights:
        w[...] = 0
    np.testing.assert_array_equal(model.parameter_arena, before)


def test_set_weights_takes_lists_and_mappings():
    source, model = cars(seed=1), cars(seed=2)
    model.set_weights(source.get_weights())
    np.testing.assert_array_equal(model.parameter_arena, source.parameter_arena)
    model.set_weights(dict(cars(seed=3).parameters))
    np.testing.assert_array_equal(model.parameter_arena, cars(seed=3).parameter_arena)
    before = model.get_weights()
    model.set_weights({"dense_2/bias": [7]})
    assert model.parameters["dense_2/bias"][0] == 7
    for old, new in zip(before[:-1], model.get_weights()[:-1], strict=True):
        np.testing.assert_array_equal(old, new)
    model.set_weights([w.astype(">f8") for w in before])
    model.set_weights(tuple(w.tolist() for w in before))
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_set_weights_may_swap_the_models_own_views():
    model = fnn.Sequential([fnn.Input(3), fnn.Dense(3), fnn.Dense(3)], seed=0)
    first, second = (model.parameters[f"dense_{i}/kernel"].copy() for i in range(2))
    model.set_weights(
        {
            "dense_0/kernel": model.parameters["dense_1/kernel"],
            "dense_1/kernel": model.parameters["dense_0/kernel"].T,
        }
    )
    np.testing.assert_array_equal(model.parameters["dense_0/kernel"], second)
    np.testing.assert_array_equal(model.parameters["dense_1/kernel"], first.T)


@pytest.mark.parametrize(
    "weights, error, words",
    [
        (None, TypeError, "weights must be a list"),
        (5, TypeError, "weights must be a list"),
        ("abcd", TypeError, "weights must be a list"),
        ([], ValueError, "got 0 arrays, want 4: dense_0/kernel"),
        ([np.ones((2, 3)), np.ones(3), np.ones((3, 1))], ValueError, "got 3 arrays"),
        (
            [np.ones((2, 3)), np.ones(3), np.ones((3, 1)), np.ones(2)],
            ValueError,
            "dense_1/bias has shape (2,), want (1,)",
        ),
        (
            [np.ones((2, 3)), np.ones(3), np.ones((1, 3)), np.ones(1)],
            ValueError,
            "dense_1/kernel has shape (1, 3), want (3, 1)",
        ),
        ([np.ones((2, 3)), np.ones(3), np.ones((3, 1)), [np.nan]], ValueError, "nan at row 0"),
        ([np.ones((2, 3)), np.ones(3), np.ones((3, 1)), [1e300]], ValueError, "overflows float32"),
        ([np.ones((2, 3)), np.ones(3), np.ones((3, 1)), ["a"]], TypeError, "<U1"),
        ([np.ones((2, 3)), np.ones(3), np.ones((3, 1)), None], TypeError, "dense_1/bias is None"),
        ({"dense_0/kernel": np.ones((2, 3)), "dense_1/biass": [1]}, ValueError, "'dense_1/bias'"),
        ({"dense_0/kernel": np.ones((2, 3)), 3: [1]}, TypeError, "parameter"),
    ],
)
def test_set_weights_sets_all_or_none(weights, error, words):
    model = fnn.Sequential([fnn.Input(2), fnn.Dense(3), fnn.Dense(1)], seed=0)
    before = model.parameter_arena.copy()
    with pytest.raises(error) as caught:
        model.set_weights(weights)
    assert str(caught.value).startswith("Sequential.set_weights: ")
    assert words in str(caught.value)
    np.testing.assert_array_equal(model.parameter_arena, before)


# ---- copies and configs -------------------------------------------------------------------------


def test_copy_is_independent():
    model = cars()
    twin = model.copy()
    assert twin is not model
    assert twin.layers == model.layers
    assert (twin.name, twin.seed, twin.dtype) == (model.name, model.seed, model.dtype)
    np.testing.assert_array_equal(twin.parameter_arena, model.parameter_arena)
    assert not np.shares_memory(twin.parameter_arena, model.parameter_arena)
    twin.parameter_arena[:] = 0
    assert model.parameter_arena.any()
    fnn.Trainer(twin, "mse").fit(rows(), np.ones(5), verbose=0)
    np.testing.assert_array_equal(model.parameter_arena, cars().parameter_arena)


def test_from_config_builds_the_same_architecture():
    model = cars(name="Cars", seed=5, dtype="float64")
    twin = fnn.Sequential.from_config(model.config())
    assert twin.config() == model.config()
    np.testing.assert_array_equal(twin.parameter_arena, model.parameter_arena)  # seed's weights
    assert twin.layer_names == model.layer_names


@pytest.mark.parametrize(
    "config, words",
    [
        (None, "got None"),
        ({}, "config of a Sequential"),
        ({"kind": "dense"}, "config of a Sequential"),
        ({"kind": "sequential"}, "no list of layers"),
        ({"kind": "sequential", "layers": [{"kind": "dens", "units": 3}]}, "did you mean 'dense'"),
        ({"kind": "sequential", "layers": [{"kind": "input", "units": 3}]}, "got 1"),
    ],
)
def test_from_config_refuses(config, words):
    with pytest.raises((TypeError, ValueError)) as caught:
        fnn.Sequential.from_config(config)
    assert words in str(caught.value)


# ---- predictions --------------------------------------------------------------------------------

ACTIVATIONS = [
    *("linear", "relu", "gelu", "sigmoid", "tanh", "softmax", "silu", "softplus", "exp", "relu6"),
    *("hard_sigmoid", "hard_tanh", "hard_silu", "selu", "gelu_tanh", "mish", "softsign"),
    *("log_sigmoid", "log_softmax", "tanh_shrink", "sparsemax"),
    fnn.activations.LeakyReLU(0.2),
    fnn.activations.ELU(0.5),
    fnn.activations.CELU(0.5),
    fnn.activations.Squareplus(1.0),
    fnn.activations.SoftShrink(0.2),
    fnn.activations.HardShrink(0.2),
]


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
def test_predict_is_what_the_formulas_say(isa, dtype, activation):
    model = fnn.Sequential(
        [fnn.Input(7), fnn.Dense(20, activation), fnn.Dense(3), fnn.Activation(activation)],
        seed=1,
        dtype=dtype,
    )
    x = rows(40)
    want = Twin(model).predict(x.astype(dtype))
    # two layers of sums of 20 terms about 1 in size, and the activations' few ulps
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(model.predict(x), want, rtol=100 * eps, atol=20 * eps)


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
def test_an_activation_of_its_own_gives_the_bits_of_one_in_the_layer(isa, dtype, activation):
    within = fnn.Sequential(
        [fnn.Input(7), fnn.Dense(9, activation), fnn.Dense(3, activation)], seed=1, dtype=dtype
    )
    apart = fnn.Sequential(
        [
            fnn.Input(7),
            fnn.Dense(9),
            fnn.Activation(activation),
            fnn.Dense(3),
            fnn.Activation(activation),
        ],
        seed=1,
        dtype=dtype,
    )
    x = rows(20)
    np.testing.assert_array_equal(within.predict(x), apart.predict(x))
    for model in (within, apart):
        fnn.Trainer(model, "mse").fit(x, np.ones((20, 3)), epochs=2, verbose=0)
    np.testing.assert_array_equal(within.parameter_arena, apart.parameter_arena)


def test_calling_a_model_predicts():
    model, x = cars(), rows()
    np.testing.assert_array_equal(model(x), model.predict(x))
    np.testing.assert_array_equal(model(x.tolist()), model.predict(x))
    with pytest.raises(ValueError, match="nan"):
        model(np.full((1, 7), np.nan))
    assert np.isnan(model(np.full((1, 7), np.nan), check_finite=False)).all()


def test_predict_returns_a_new_array_each_time():
    model, x = cars(), rows().astype(np.float32)
    first, second = model.predict(x), model.predict(x)
    assert not np.shares_memory(first, second)
    assert first.flags.owndata
    assert first.flags.writeable
    assert first.shape == (5, 1)


@pytest.mark.parametrize("n", [1, 5, 64, 65, 3000])
@pytest.mark.parametrize("given", ["f4", "f8"])
def test_predict_writes_into_out(n, given):
    model, x = cars(), rows(n).astype(given)
    wanted = model.predict(x)
    out = np.full((n, 1), np.nan, np.float32)
    assert model.predict(x, out=out) is out
    np.testing.assert_array_equal(out, wanted)
    part = np.full((n + 2, 1), 7, np.float32)  # a view will do
    model.predict(x, out=part[1:-1])
    np.testing.assert_array_equal(part[1:-1], wanted)
    assert part[0] == part[-1] == 7


@pytest.mark.parametrize("check_finite", [True, False])
@pytest.mark.parametrize("activation", ["linear", "relu", "gelu", "softmax"])
@pytest.mark.parametrize("n", [1, 2, 20, 64, 3000])
def test_out_may_overlap_x(isa, n, activation, check_finite):
    model = fnn.Sequential([fnn.Input(40), fnn.Dense(40, activation)], seed=0)
    x = rows(n + 1, 40).astype(np.float32)
    options = {"check_finite": check_finite}
    wanted = model.predict(x[:n].copy(), **options), model.predict(x[1:].copy(), **options)
    same, up, down = x.copy(), x.copy(), x.copy()
    model.predict(same[:n], out=same[:n], **options)
    np.testing.assert_array_equal(same[:n], wanted[0])
    model.predict(up[:n], out=up[1:], **options)
    np.testing.assert_array_equal(up[1:], wanted[0])
    model.predict(down[1:], out=down[:n], **options)
    np.testing.assert_array_equal(down[:n], wanted[1])


def read_only(array):
    array.flags.writeable = False
    return array


@pytest.mark.parametrize("n", [5, 3000])
@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda n: [[0.0]] * n, TypeError, "out must be an array, got"),
        (lambda n: np.empty((n, 1)), TypeError, "out has dtype float64, want float32"),
        (lambda n: np.empty((n, 1), ">f4"), TypeError, "out has dtype >f4, want float32"),
        (lambda n: np.empty((n, 1), "i4"), TypeError, "out has dtype int32"),
        (lambda n: np.empty(n, "f4"), ValueError, "want ("),
        (lambda n: np.empty((n + 1, 1), "f4"), ValueError, "want ("),
        (lambda n: np.empty((n, 2), "f4"), ValueError, "want ("),
        (lambda n: np.empty((n, 2), "f4")[:, :1], ValueError, "C-contiguous"),
        (lambda n: read_only(np.empty((n, 1), "f4")), ValueError, "writable"),
        (
            lambda n: np.ndarray((n, 1), "f4", bytearray(4 * n + 1), offset=1),
            ValueError,
            "aligned",
        ),
    ],
)
def test_an_out_that_does_not_fit_is_refused(n, make, error, words):
    with pytest.raises(error) as caught:
        cars().predict(rows(n), out=make(n))
    assert str(caught.value).startswith("predict: out ")
    assert words in str(caught.value)


@pytest.mark.parametrize("size", [1, 2, 7, 64, 100, 10**12, np.int64(3)])
def test_predict_does_not_depend_on_batch_size(size):
    model, x = cars(), rows(300)
    np.testing.assert_array_equal(model.predict(x, batch_size=size), model.predict(x))


@pytest.mark.parametrize(
    "size, error", [(0, ValueError), (-1, ValueError), (1.5, TypeError), ("3", TypeError)]
)
def test_predict_refuses_batch_sizes(size, error):
    with pytest.raises(error, match="predict: batch_size is"):
        cars().predict(rows(), batch_size=size)


def test_a_network_of_activations_alone_works():
    model = fnn.Sequential([fnn.Input(3), fnn.Activation("relu"), fnn.Activation("softmax")])
    assert model.count_parameters() == 0
    assert len(model.parameters) == 0
    assert model.get_weights() == []
    x = rows(4, 3)
    np.testing.assert_array_equal(model.predict(np.abs(x)), model.predict(abs(x).astype("f4")))
    fnn.Trainer(model, "cce", metrics=["accuracy"]).fit(x, np.eye(3)[[0, 1, 2, 0]], verbose=0)


def test_a_model_keeps_the_isa_it_was_built_with():
    names = _core.available_isas()
    before = _core.current_isa()
    x = rows(50)
    try:
        _core.use_isa(names[0])
        model = cars()
        wanted = model.predict(x)
        _core.use_isa(names[-1])
        np.testing.assert_array_equal(model.predict(x), wanted)
    finally:
        _core.use_isa(before)
