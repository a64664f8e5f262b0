"""Models from Keras 3 and back; skipped where Keras and PyTorch, its backend here, are missing."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("torch")
os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")

import fastnn as fnn  # noqa: E402

layers = keras.layers
ATOL = 3e-6  # float32, sums of values around 1 in another order

pytestmark = pytest.mark.filterwarnings("ignore")  # of Keras and its backend

LAYERS = [
    *(layers.Activation("relu"), layers.ReLU(), layers.ReLU(max_value=6), layers.LeakyReLU()),
    *(layers.ReLU(negative_slope=0.1), layers.ELU(0.7), layers.Softmax(), layers.PReLU("ones")),
    *(layers.PReLU(shared_axes=[1]), layers.Dropout(0.2), layers.AlphaDropout(0.2)),
    *(layers.GaussianDropout(0.2), layers.GaussianNoise(0.2), layers.ActivityRegularization(0.1)),
    *(layers.BatchNormalization(), layers.BatchNormalization(momentum=0.5, epsilon=0.1)),
    *(layers.BatchNormalization(center=False), layers.BatchNormalization(scale=False)),
    *(layers.LayerNormalization(), layers.LayerNormalization(center=False, scale=False)),
    *(layers.RMSNormalization(), layers.Flatten(), layers.Identity(), layers.Rescaling(2.0, 1.0)),
    *(layers.Dense(3, use_bias=False), layers.Normalization(mean=[1.0] * 6, variance=[4.0] * 6)),
    layers.Normalization(mean=[1.0] * 6, variance=[4.0] * 6, invert=True),
]
FUNCTIONS = [
    *("linear", "relu", "relu6", "elu", "selu", "celu", "gelu", "sigmoid", "tanh", "silu", "swish"),
    *("softmax", "softplus", "softsign", "mish", "glu", "hard_sigmoid", "hard_silu", "hard_swish"),
    *("hard_tanh", "log_sigmoid", "log_softmax", "tanh_shrink", "squareplus"),
    *("soft_shrink", "hard_shrink", "exponential", "leaky_relu"),
]


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(0)


def stirred(model):
    """The model with biases, moments, ... that are not 0 and 1."""
    rng = np.random.default_rng(0)
    for variable in model.weights:
        if "seed" not in variable.path:
            variable.assign(
                rng.uniform(0.2, 1.2, variable.shape)
                * np.where(
                    rng.random(variable.shape) < 0.5,
                    1,
                    -1 if "variance" not in variable.path else 1,
                )
            )
    return model


def rows(*columns, n=20):
    found = [np.random.default_rng(c).standard_normal((n, c)).astype("float32") for c in columns]
    return found[0] if len(found) == 1 else found


def agree(theirs, ours, x, atol=ATOL):
    def plain(values):
        if isinstance(values, dict):
            return [values[key] for key in sorted(values)]
        return values if isinstance(values, list) else [values]

    for a, b in zip(plain(theirs.predict(x, verbose=0)), plain(ours.predict(x)), strict=True):
        np.testing.assert_allclose(b, a, rtol=0, atol=atol * max(1, np.abs(a).max()))


@pytest.mark.parametrize("layer", LAYERS, ids=lambda one: one.name)
def test_every_layer(layer):
    fresh = type(layer).from_config(layer.get_config())
    theirs = stirred(keras.Sequential([keras.Input((6,)), layers.Dense(6), fresh, layers.Dense(2)]))
    ours = fnn.from_keras(theirs)
    assert isinstance(ours, fnn.Sequential)
    assert ours.layer_names[1:] == tuple(one.name for one in theirs.layers)
    agree(theirs, ours, rows(6))
    agree(ours.to_keras(), ours, rows(6))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_activation(name):
    theirs = stirred(keras.Sequential([keras.Input((5,)), layers.Dense(6, activation=name)]))
    ours = fnn.from_keras(theirs)
    agree(theirs, ours, rows(5))
    back = ours.to_keras()
    agree(back, ours, rows(5))
    assert len(back.layers) == (2 if name in ("elu", "leaky_relu") else 1)


def test_our_activations_go_there_or_are_refused():
    refused = set()
    for cls in set(fnn.activations.Activation.table.values()):
        ours = fnn.Sequential([fnn.Input(4), fnn.Dense(6), fnn.Activation(cls())], seed=0)
        if cls.tag == "sparsemax":
            with pytest.raises(ValueError, match="to_keras: Keras has no layer for activation_0"):
                ours.to_keras()
            refused.add(cls.tag)
        else:
            agree(ours.to_keras(), ours, rows(4))
    assert refused == {"sparsemax"}


OPTIONS = [
    *(fnn.activations.GELU(approximate=True), fnn.activations.CELU(0.3)),
    *(fnn.activations.Squareplus(2.0), fnn.activations.SoftShrink(0.1)),
    *(fnn.activations.HardShrink(1.0), fnn.activations.ELU(0.4), fnn.activations.LeakyReLU(0.3)),
]


@pytest.mark.parametrize("activation", OPTIONS, ids=repr)
def test_options_of_activations_go_there_through_a_file_and_back(activation, tmp_path):
    ours = fnn.Sequential(
        [fnn.Input(4), fnn.Dense(5, activation), fnn.PReLU(), fnn.Activation(activation)], seed=0
    )
    x = 3 * rows(4)
    ours.to_keras().save(tmp_path / "m.keras")
    theirs = keras.models.load_model(tmp_path / "m.keras")
    agree(theirs, ours, x)
    back = fnn.from_keras(theirs)
    assert isinstance(back, fnn.Sequential)
    found = [repr(back.layers[i].activation) for i in (2, 4)]
    assert found == [repr(activation)] * 2
    np.testing.assert_array_equal(back.predict(x), ours.predict(x))


OPERATIONS = [
    *("relu", "relu6", "leaky_relu", "elu", "celu", "selu", "gelu", "sigmoid", "tanh", "silu"),
    *("softmax", "log_softmax", "glu", "softplus", "softsign", "squareplus", "hard_sigmoid"),
    *("hard_silu", "hard_tanh", "hard_shrink", "soft_shrink", "tanh_shrink", "log_sigmoid", "exp"),
]


@pytest.mark.parametrize("name", OPERATIONS)
def test_functions_of_keras_ops_are_activations(name):
    x = keras.Input((5,))
    h = getattr(keras.ops, name)(layers.Dense(6)(x))
    theirs = stirred(keras.Model(x, layers.Dense(2)(h)))
    ours = fnn.from_keras(theirs)
    assert isinstance(ours.layers[2], fnn.Activation)
    agree(theirs, ours, rows(5))


def test_functions_of_keras_ops_over_rows_are_refused():
    x = keras.Input((5,))
    with pytest.raises(ValueError, match=r"is a Softmax \(axis=0: want that of the columns\)"):
        fnn.from_keras(keras.Model(x, keras.ops.softmax(x, axis=0)))


def functional(form):
    a, b = keras.Input((4,), name="a"), keras.Input((3,), name="b")
    side = layers.Dense(4, activation=layers.LeakyReLU(0.1), name="side")
    h = layers.Add()([side(a), layers.Dense(4)(b)])
    h = layers.Concatenate()([side(h), a, layers.Multiply()([h, a])])
    inner = keras.Sequential([keras.Input((12,)), layers.Dense(5, activation="tanh")], name="inner")
    h = inner(h)
    g = inner(layers.Concatenate()([b, b, b, b]))
    most = layers.Maximum()([g, layers.Dense(5, use_bias=False)(a)])
    less = layers.Subtract()([most, h]) + layers.Average()([h, g, most])
    ends = [layers.Dense(1, name="one")(less), layers.Dense(2, name="two")(most - h)]
    if form == "dict":
        return keras.Model({"a": a, "b": b}, {"one": ends[0], "two": ends[1]})
    return keras.Model([a, b], ends if form == "list" else ends[0])


@pytest.mark.parametrize("form", ["list", "dict", "single"])
def test_functional(form):
    theirs = stirred(functional(form))
    ours = fnn.from_keras(theirs)
    a, b = rows(4, 3)
    x = {"a": a, "b": b} if form == "dict" else [a, b]
    agree(theirs, ours, x)
    assert sum(name.startswith("side/") for name in ours.parameters) == 2  # shared
    assert "inner/dense" in " ".join(ours.parameters)
    back = ours.to_keras()
    agree(back, ours, x)
    assert back.count_params() == theirs.count_params()


@pytest.mark.parametrize("columns", [1, 3])
def test_embedding(columns):
    theirs = stirred(
        keras.Sequential(
            [keras.Input((columns,)), layers.Embedding(9, 4), layers.Flatten(), layers.Dense(2)]
        )
    )
    ours = fnn.from_keras(theirs)
    codes = np.random.default_rng(0).integers(0, 9, (20, columns))
    agree(theirs, ours, codes)
    if columns == 1:
        agree(ours.to_keras(), ours, codes)


def test_adapted_normalization_and_float64():
    x = rows(3).astype("float64") * [1, 10, 100] + [5, 50, 2000]
    x[:, 1] = 7.0  # constant
    layer = layers.Normalization(dtype="float64")
    layer.adapt(x)
    theirs = keras.Sequential(
        [keras.Input((3,), dtype="float64"), layer, layers.Dense(2, dtype="float64")]
    )
    ours = fnn.from_keras(theirs)
    assert ours.dtype == "float64"
    agree(theirs, ours, x, 1e-6)
    agree(ours.to_keras(), ours, x, 1e-6)


def test_frozen_stays_frozen():
    theirs = keras.Sequential([keras.Input((3,)), layers.Dense(4), layers.Dense(1)])
    theirs.layers[0].trainable = False
    ours = fnn.from_keras(theirs)
    assert [ours._is_trained(name) for name in ours.parameters] == [False, False, True, True]
    assert [one.trainable for one in ours.to_keras().layers] == [False, True]


def test_saved_by_keras(tmp_path):
    model = fnn.Sequential([fnn.Input(3), fnn.Dense(4, "gelu"), fnn.BatchNormalization()], seed=0)
    model.to_keras().save(tmp_path / "m.keras")
    agree(keras.models.load_model(tmp_path / "m.keras"), model, rows(3))


def test_all_that_cannot_be_converted_is_listed():
    class Mine(layers.Layer):
        def call(self, x):
            return x

    x = keras.Input((4,))
    h = layers.Dense(4, activation=lambda z: z, name="own")(x)
    h = layers.Dense(4, activation="sparsemax", name="sparse")(h)
    h = Mine(name="mine")(h)
    h = layers.UnitNormalization(name="unit")(h)
    h = layers.ReLU(max_value=3, name="cut")(h)
    h = layers.Softmax(axis=0, name="rows")(h)
    h = layers.Reshape((2, 2), name="shape")(h)
    h = layers.Flatten()(layers.Dense(2, name="deep")(h)) * 2
    with pytest.raises(ValueError, match="from_keras: cannot convert: ") as caught:
        fnn.from_keras(keras.Model(x, h))
    for part in (
        "own is a Dense (activation '<lambda>')",
        "sparse is a Dense (activation 'sparsemax', which in Keras 3.15 is another function)",
        f"mine is a Mine (of {__name__})",
        "unit is a UnitNormalization;",
        "cut is a ReLU (max_value=3",
        "rows is a Softmax (axis=0: want that of the columns)",
        "shape is a Reshape;",
        "deep is a Dense (of tensors that have more axes than rows and columns)",
        " is a Multiply (with a constant; want two tensors)",
    ):
        assert part in str(caught.value)
    with pytest.raises(TypeError, match=r"from_keras: want a keras.Sequential .* got 3 \(int\)"):
        fnn.from_keras(3)
    with pytest.raises(ValueError, match="from_keras: the model has no inputs and outputs yet"):
        fnn.from_keras(keras.Sequential([layers.Dense(2)]))
    with pytest.raises(ValueError, match=r"shape \(None, 2, 3\): want rows of a fixed number"):
        fnn.from_keras(keras.Sequential([keras.Input((2, 3)), layers.Dense(1)]))


def test_what_keras_lacks_is_listed():
    model = fnn.Sequential([fnn.Input(2), fnn.Maxout(3), fnn.Lambda(np.sin), fnn.Dense(1)])
    with pytest.raises(ValueError, match=r"no layer for maxout_0 \(Maxout\(3\)\), lambda_0 \("):
        model.to_keras()


def test_import_loads_no_keras():
    script = "import sys, fastnn; fastnn.from_keras; sys.exit('keras' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)
