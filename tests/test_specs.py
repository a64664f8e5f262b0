"""Frozen specs: errors, names, repr, config, and what each family answers."""

from __future__ import annotations

import copy
import json
import math
import pickle
import subprocess
import sys

import numpy as np
import pytest

from each import each
from fastnn import activations, initializers, layers, losses, optimizers
from fastnn._spec import Spec, _alike, check_bool, check_float, check_int, lookup

# Every kind of spec once with its defaults and once with everything changed
PLAIN = [
    *(cls() for cls in dict.fromkeys(activations.Activation.table.values())),
    *(cls() for cls in dict.fromkeys(losses.Loss.table.values())),
    *(cls() for cls in dict.fromkeys(optimizers.Optimizer.table.values())),
    *(
        cls()
        for cls in dict.fromkeys(initializers.Initializer.table.values())
        if not any(cls._arguments().values())
    ),
]
CHANGED = {
    "LeakyReLU(alpha=0.2)": activations.LeakyReLU(0.2),
    "ELU(alpha=0.5)": activations.ELU(alpha=0.5),
    "CELU(alpha=0.5)": activations.CELU(alpha=0.5),
    "GELU(approximate=True)": activations.GELU(approximate=True),
    "Squareplus(b=1.0)": activations.Squareplus(1),
    "SoftShrink(threshold=0.0)": activations.SoftShrink(0),
    "HardShrink(threshold=2.0)": activations.HardShrink(threshold=2),
    "Huber(delta=2.0)": losses.Huber(2),
    "MeanAbsolutePercentageError(epsilon=0.1)": losses.MeanAbsolutePercentageError(0.1),
    "Quantile(quantiles=0.9)": losses.Quantile(0.9),
    "Quantile(quantiles=(0.1, 0.9))": losses.Quantile([0.1, np.float64(0.9)]),
    "GaussianNLL(variance='linear', epsilon=0.1, full=True)": losses.GaussianNLL(
        "linear", 0.1, True
    ),
    "Poisson(log_input=True, epsilon=0.1)": losses.Poisson(True, 0.1),
    "Tweedie(power=1.2)": losses.Tweedie(1.2),
    "BinaryCrossentropy(label_smoothing=0.1)": losses.BinaryCrossentropy(label_smoothing=0.1),
    "BinaryFocalCrossentropy(apply_class_balancing=True, alpha=0.5, gamma=1.0, from_logits=True)": (
        losses.BinaryFocalCrossentropy(True, 0.5, 1, True)
    ),
    "CategoricalFocalCrossentropy(alpha=0.5)": losses.CategoricalFocalCrossentropy(0.5),
    "KLDivergence(from_logits=True)": losses.KLDivergence(True),
    "MarginRanking(margin=0.5)": losses.MarginRanking(0.5),
    "BinaryCrossentropy(from_logits=True)": losses.BinaryCrossentropy(from_logits=True),
    "CategoricalCrossentropy(from_logits=True)": losses.CategoricalCrossentropy(True),
    "SparseCategoricalCrossentropy(from_logits=True)": losses.SparseCategoricalCrossentropy(True),
    "SGD(learning_rate=0.1, momentum=0.9, nesterov=True)": optimizers.SGD(0.1, 0.9, True),
    "Adam(learning_rate=0.1, beta_1=0.5, beta_2=0.9, epsilon=1e-07)": optimizers.Adam(
        0.1, 0.5, 0.9, 1e-7
    ),
    "AdamW(weight_decay=0.1, exclude=('*/bias',))": optimizers.AdamW(
        weight_decay=0.1, exclude=["*/bias"]
    ),
    "Constant(2.0)": initializers.Constant(2),
    "VarianceScaling(scale=2.0, mode='fan_avg', distribution='uniform')": (
        initializers.VarianceScaling(2, "fan_avg", "uniform")
    ),
    "Orthogonal(gain=0.5)": initializers.Orthogonal(0.5),
    "Identity(gain=2.0)": initializers.Identity(2),
    "TruncatedNormal(mean=1.0, stddev=2.0)": initializers.TruncatedNormal(1, 2),
    "Normal(mean=1.0, stddev=2.0)": initializers.Normal(1, 2),
    "Uniform(minval=0.0, maxval=2.0)": initializers.Uniform(0, 2),
    "Input(7)": layers.Input(7),
    "Input(7, name='x')": layers.Input((None, 7), name="x"),
    "Dense(3)": layers.Dense(3),
    "Dense(3, activation='relu')": layers.Dense(3, "relu"),
    "Dense(3, activation=LeakyReLU(alpha=0.2), use_bias=False, kernel_initializer='he_normal', "
    "bias_initializer=Constant(0.1), name='out')": layers.Dense(
        3,
        activations.LeakyReLU(0.2),
        use_bias=False,
        kernel_initializer="he_normal",
        bias_initializer=initializers.Constant(0.1),
        name="out",
    ),
    "Activation('gelu')": layers.Activation("gelu"),
    "Activation(ELU(alpha=2.0), name='a')": layers.Activation(activations.ELU(2.0), name="a"),
}
ALL = PLAIN + list(CHANGED.values())
NAMESPACE = {
    name: getattr(module, name)
    for module in (activations, initializers, losses, optimizers, layers)
    for name in module.__all__
}
FAMILIES = (
    activations.Activation,
    initializers.Initializer,
    losses.Loss,
    optimizers.Optimizer,
    layers.Layer,
)


def family_of(spec):
    return next(family for family in FAMILIES if isinstance(spec, family))


@pytest.mark.parametrize("text", CHANGED)
def test_repr_is_the_shortest_call(text):
    assert repr(CHANGED[text]) == text
    # and it is a call that makes an equal spec
    assert eval(text, {**NAMESPACE, "Activation": layers.Activation}).config() == (
        CHANGED[text].config()
    )


@pytest.mark.parametrize("spec", PLAIN, ids=repr)
def test_repr_of_defaults_is_bare(spec):
    assert repr(spec) == f"{type(spec).__name__}()"


@pytest.mark.parametrize("spec", ALL, ids=repr)
def test_config_round_trip_through_json(spec):
    config = json.loads(json.dumps(spec.config()))
    assert config["kind"] == spec.tag
    again = family_of(spec).from_config(config)
    assert type(again) is type(spec)
    assert again is not spec
    assert again.config() == spec.config()
    assert repr(again) == repr(spec)
    assert type(spec).from_config(config).config() == config


@pytest.mark.parametrize("spec", ALL, ids=repr)
def test_pickle_and_copies_keep_everything(spec):
    for again in (pickle.loads(pickle.dumps(spec)), copy.copy(spec), copy.deepcopy(spec)):
        assert type(again) is type(spec)
        assert again.config() == spec.config()


@pytest.mark.parametrize("spec", ALL, ids=repr)
def test_specs_are_frozen(spec):
    before = spec.config()
    for name in (*spec._fields(), "something_new"):
        who = type(spec).__name__
        word = rf"{who}: 'trainable'" if name == "trainable" else rf"{who} is frozen: '{name}'"
        with pytest.raises(AttributeError, match=word):
            setattr(spec, name, 1)
        with pytest.raises(AttributeError, match="is frozen"):
            delattr(spec, name)
    assert spec.config() == before
    assert not hasattr(spec, "__dict__")


def test_specs_equal_only_themselves():
    one, two = layers.Dense(3), layers.Dense(3)
    assert one == one
    assert one != two
    assert len({one, two}) == 2


def test_replace():
    layer = layers.Dense(3, "relu", name="a")
    other = layer.replace(units=4, activation="tanh")
    assert repr(other) == "Dense(4, activation='tanh', name='a')"
    assert repr(layer) == "Dense(3, activation='relu', name='a')"
    with pytest.raises(
        ValueError, match=r"Dense\.replace: unknown argument 'unit'; did you mean 'units'"
    ):
        layer.replace(unit=4)
    with pytest.raises(ValueError, match="units must be an integer of at least 1"):
        layer.replace(units=0)


# ------------------------------------------------------------------------------------ configs


@pytest.mark.parametrize(
    "config, error, message",
    [
        (None, TypeError, "Layer.from_config: config must be a mapping, got None"),
        ({}, ValueError, "must have a 'kind' that is a name, got None"),
        ({"kind": 3}, ValueError, "must have a 'kind' that is a name, got 3"),
        ({"kind": "dens"}, ValueError, "unknown kind 'dens'; did you mean 'dense'"),
        ({"kind": "Layer"}, ValueError, "unknown kind 'Layer'"),
        ({"kind": "dense"}, ValueError, "config of kind 'dense' lacks units"),
        ({"kind": "dense", "units": 3, "unit": 3}, ValueError, "unknown argument 'unit'"),
        ({"kind": "dense", "units": "3"}, TypeError, "units must be an integer"),
        (
            {"kind": "dense", "units": 3, "activation": {"kind": "rellu"}},
            ValueError,
            "unknown kind 'rellu'; did you mean 'relu'",
        ),
        (
            {"kind": "dense", "units": 3, "activation": {"kind": "zeros"}},
            ValueError,
            "Activation.from_config: unknown kind 'zeros'",
        ),
    ],
)
def test_from_config_says_what_is_wrong(config, error, message):
    with pytest.raises(error, match=message):
        layers.Layer.from_config(config)


def test_from_config_of_one_class_refuses_others():
    with pytest.raises(
        ValueError, match=r"Dense.from_config: got a config of kind 'input' \(Input\)"
    ):
        layers.Dense.from_config({"kind": "input", "units": 3})


def test_fields_are_compared_by_what_they_hold():
    ones, twos = initializers.Values([1.0, 1.0]), initializers.Values([2.0, 2.0])
    assert _alike(ones, initializers.Values([1.0, 1.0]))
    assert not _alike(ones, twos)
    assert not _alike(ones, initializers.Ones())
    assert not _alike(ones, None)
    assert not _alike(None, ones)
    assert _alike(activations.ELU(0.5), activations.ELU(0.5))
    assert not _alike(activations.ELU(0.5), activations.ELU())
    assert not _alike(activations.ELU(0.5), activations.CELU(0.5))
    assert _alike((1, "a"), [1, "a"])


class Shift(initializers.Initializer):
    def __init__(self, by: float = 1.0) -> None:
        self._set(by=by)

    def draw(self, shape, *, seed, index):
        return np.full(shape, self.by)


class Wide(layers.Dense):
    pass


def test_a_persons_own_classes_come_back_through_custom_objects():
    layer = Wide(3, kernel_initializer=Shift(2.0))
    assert repr(layer) == "Wide(3, kernel_initializer=Shift(by=2.0))"
    config = json.loads(json.dumps(layer.config()))
    assert config["kind"] == "Wide"
    assert config["kernel_initializer"] == {"kind": "Shift", "by": 2.0}
    again = layers.Layer.from_config(config, {"Shift": Shift, "Wide": Wide})
    assert type(again) is Wide
    assert again.config() == config
    with pytest.raises(ValueError, match="unknown kind 'Wide'"):
        layers.Layer.from_config(config, {"Shift": Shift})
    with pytest.raises(ValueError, match="unknown kind 'Shift'"):
        layers.Layer.from_config(config, {"Wide": Wide})
    assert "Wide" not in layers.Layer.table


# ------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    "get, where, name, message",
    [
        (
            activations.get,
            "Dense",
            "rellu",
            "Dense: unknown activation 'rellu'; did you mean 'relu'?",
        ),
        (activations.get, "Dense", "ReLU", "did you mean 'relu'?"),
        (activations.get, "Dense", "Leaky-ReLU", "did you mean 'leaky_relu'?"),
        (losses.get, "Trainer", "msee", "Trainer: unknown loss 'msee'; did you mean 'mse'?"),
        (losses.get, "Trainer", "MeanSquaredError", "did you mean 'mean_squared_error'?"),
        (
            optimizers.get,
            "Trainer",
            "Adam",
            "Trainer: unknown optimizer 'Adam'; did you mean 'adam'?",
        ),
        (
            initializers.get,
            "Dense",
            "glorot",
            "Dense: unknown initializer 'glorot'; did you mean 'glorot_",
        ),
    ],
)
def test_unknown_names_suggest_the_nearest(get, where, name, message):
    with pytest.raises(ValueError) as caught:
        get(name, where)
    assert message in str(caught.value)
    assert "Known: " in str(caught.value)


def test_unknown_names_that_resemble_nothing_list_what_is_known():
    with pytest.raises(ValueError, match=r"^unknown thing 'zzz'; Known: a, b$"):
        lookup("thing", "zzz", {"a": 1, "b": 2})
    with pytest.raises(ValueError, match=r"^unknown thing ''; Known: none$"):
        lookup("thing", "", {})
    with pytest.raises(ValueError) as caught:
        lookup("thing", "x" * 10_000, {"a": 1})
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("get", [activations.get, losses.get, optimizers.get, initializers.get])
@pytest.mark.parametrize("value", [3, 2.5, b"relu", ["relu"], object(), math.sin, layers.Dense(3)])
def test_get_refuses_other_kinds(get, value):
    if callable(value) and get is initializers.get:
        return  # a function is an initializer: tests/test_initializers.py
    with pytest.raises(
        TypeError, match=r"^Here: \w+ must be a name or an object of fastnn\.\w+, got "
    ):
        get(value, "Here")


@pytest.mark.parametrize("get", [losses.get, optimizers.get, initializers.get])
def test_get_refuses_none(get):
    with pytest.raises(TypeError, match="got None"):
        get(None)


def test_get_refuses_a_class():
    with pytest.raises(TypeError, match=r"give an object, ReLU\(\.\.\.\)"):
        activations.get(activations.ReLU)


def test_get_passes_specs_through():
    for get, spec in [
        (activations.get, activations.ReLU()),
        (losses.get, losses.Huber()),
        (optimizers.get, optimizers.SGD()),
        (initializers.get, initializers.Zeros()),
    ]:
        assert get(spec) is spec


@pytest.mark.parametrize("module, family", [
    (activations, activations.Activation),
    (losses, losses.Loss),
    (optimizers, optimizers.Optimizer),
    (initializers, initializers.Initializer),
])  # fmt: skip
def test_get_knows_each_name(module, family):
    for name, cls in family.table.items():
        if not any(cls._arguments().values()):
            assert type(module.get(name)) is cls
    assert {cls.__name__ for cls in family.table.values()} | {family.__name__} == {
        name for name in module.__all__ if name[0].isupper() and name != "FunctionLoss"
    }


# ------------------------------------------------------------------------------------- checks


@pytest.mark.parametrize("value", [1, 7, np.int8(7), np.uint64(7), np.int64(7)])
def test_check_int_takes_python_and_numpy_integers(value):
    got = check_int("f", "n", value)
    assert type(got) is int
    assert got == value


@pytest.mark.parametrize(
    "value", [True, np.True_, 3.0, np.float64(3), "3", None, [3], math.nan, 3j, np.array([3])]
)
def test_check_int_refuses_other_kinds(value):
    with pytest.raises(TypeError, match=r"^f: n must be an integer of at least 1, got "):
        check_int("f", "n", value)


@pytest.mark.parametrize("value", [0, -1, np.int8(-3), 11, 2**70])
def test_check_int_refuses_what_is_out_of_bounds(value):
    with pytest.raises(
        ValueError, match=f"^f: n must be an integer of at least 1 and at most 10, got {value}$"
    ):
        check_int("f", "n", value, 1, 10)


@pytest.mark.parametrize("value", [0, 1, 0.5, np.float32(0.5), np.int16(1), np.float64(0.25)])
def test_check_float_takes_python_and_numpy_reals(value):
    got = check_float("f", "a", value)
    assert type(got) is float
    assert got == value


@pytest.mark.parametrize("value", [True, np.False_, "0.5", None, [0.5], 1j, np.array([0.5])])
def test_check_float_refuses_other_kinds(value):
    with pytest.raises(TypeError, match=r"^f: a must be a finite number, got "):
        check_float("f", "a", value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float32(np.nan), 10**400])
def test_check_float_refuses_what_is_not_finite(value):
    with pytest.raises(ValueError, match=r"^f: a must be a finite number, got (nan|inf|-inf)$"):
        check_float("f", "a", value)


@pytest.mark.parametrize(
    "bounds, inside, outside",
    [
        ({"at_least": 0}, [0, -0.0, 1e300], [-1e-300, -1]),
        ({"above": 0}, [5e-324, 1], [0, -0.0, -1]),
        ({"at_least": 0, "below": 1}, [0, 0.999], [1, 1.5, -0.1]),
    ],
)
def test_check_float_bounds(bounds, inside, outside):
    for value in inside:
        assert check_float("f", "a", value, **bounds) == value
    for value in outside:
        with pytest.raises(ValueError, match=r"f: a must be a finite number, (at least|above) 0"):
            check_float("f", "a", value, **bounds)


@pytest.mark.parametrize("value", [0, 1, "True", None, 1.0, np.int8(1)])
def test_check_bool_refuses_other_kinds(value):
    with pytest.raises(TypeError, match=r"^f: b must be True or False, got "):
        check_bool("f", "b", value)
    assert check_bool("f", "b", np.True_) is True


# -------------------------------------------------------------------------------- activations

# The numbers of csrc/include/fastnn/activation.h, loss.h and optimizer.h
ACTIVATION_KINDS = [
    "linear",
    "relu",
    "leaky_relu",
    "elu",
    "gelu",
    "sigmoid",
    "tanh",
    "softmax",
    "silu",
    "softplus",
    "exp",
    "relu6",
    "hard_sigmoid",
    "hard_tanh",
    "hard_silu",
    "selu",
    "celu",
    "gelu_tanh",
    "mish",
    "softsign",
    "squareplus",
    "log_sigmoid",
    "log_softmax",
    "tanh_shrink",
    "soft_shrink",
    "hard_shrink",
    "sparsemax",
]
LOSS_KINDS = [
    "mean_squared_error",
    "mean_absolute_error",
    "huber",
    "binary_crossentropy",
    "categorical_crossentropy",
    "sparse_categorical_crossentropy",
    "mean_absolute_percentage_error",
    "mean_squared_logarithmic_error",
    "log_cosh",
    "quantile",
    "gaussian_nll",
    "poisson",
    "gamma",
    "tweedie",
    "binary_focal_crossentropy",
    "categorical_focal_crossentropy",
    "kl_divergence",
    "hinge",
    "squared_hinge",
    "categorical_hinge",
    "soft_margin",
    "cosine_similarity",
    "margin_ranking",
]


def test_kinds_are_the_numbers_of_the_headers():
    assert [activations.get(name).kind for name in ACTIVATION_KINDS] == list(range(27))
    assert [activations.get(name).name for name in ACTIVATION_KINDS] == ACTIVATION_KINDS
    assert [losses.get(name).kind for name in LOSS_KINDS] == list(range(23))
    assert [losses.get(name).name for name in LOSS_KINDS] == LOSS_KINDS
    assert [optimizers.get(name).kind for name in ("sgd", "adam", "adamw")] == [0, 1, 1]


def test_activation_alpha_and_aliases():
    alphas = {name: activations.get(name).alpha for name in ACTIVATION_KINDS}
    assert {name: alpha for name, alpha in alphas.items() if alpha} == {
        "leaky_relu": 0.01,
        "elu": 1,
        "celu": 1,
        "squareplus": 4,
        "soft_shrink": 0.5,
        "hard_shrink": 0.5,
    }
    assert [activations.Squareplus(2).alpha, activations.CELU(3).alpha] == [2, 3]
    assert [activations.SoftShrink(0.1).alpha, activations.HardShrink(0.2).alpha] == [0.1, 0.2]
    assert activations.get(None).name == activations.get("identity").name == "linear"
    assert activations.get("swish").name == "silu"
    assert activations.get("hard_swish").name == "hard_silu"
    assert activations.get("exponential").name == "exp"
    for cls in (activations.LeakyReLU, activations.ELU):
        assert cls(0).alpha == 0
        for bad in (-0.1, math.nan, math.inf):
            with pytest.raises(
                ValueError, match=f"{cls.__name__}: alpha must be a finite number, at least 0"
            ):
                cls(bad)
    with pytest.raises(TypeError):
        activations.ReLU(0.1)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: activations.CELU(0), "CELU: alpha must be a finite number, at least 1e-30, got 0"),
        (lambda: activations.Squareplus(-4), "Squareplus: b must be a finite number, at least 1e-"),
        (lambda: activations.SoftShrink(-1), "SoftShrink: threshold must be a finite number, at"),
        (lambda: activations.HardShrink(math.nan), "HardShrink: threshold must be a finite number"),
    ],
)
def test_numbers_of_activations_are_checked(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_gelu_has_two_forms():
    exact, by_tanh = activations.GELU(), activations.GELU(approximate=True)
    assert (exact.kind, exact.name, repr(exact)) == (4, "gelu", "GELU()")
    assert (by_tanh.kind, by_tanh.name) == (17, "gelu_tanh")
    named = activations.get("gelu_tanh")
    assert (named.kind, named.name, named.approximate) == (17, "gelu_tanh", True)
    with pytest.raises(TypeError, match="GELU: approximate must be True or False, got 'tanh'"):
        activations.GELU("tanh")


def test_glu_halves_the_columns():
    glu = activations.get("glu")
    assert glu.halves
    assert glu.output_units(10) == 5
    assert not activations.ReLU().halves
    assert activations.ReLU().output_units(7) == 7
    with pytest.raises(ValueError, match="GLU: units must be even, got 7: the first half"):
        glu.output_units(7)
    with pytest.raises(ValueError, match="ReLU: units must be an integer of at least 1, got 0"):
        activations.ReLU().output_units(0)


# ------------------------------------------------------------------------------------- layers


@pytest.mark.parametrize("units", [7, np.int64(7), (7,), (None, 7), [None, 7], (np.int32(7),)])
def test_input_takes_a_count_or_a_shape(units):
    layer = layers.Input(units)
    assert layer.units == 7
    assert type(layer.units) is int
    assert layer.output_units(3) == 7
    assert (layer.kind, layer.name) == ("input", None)
    assert layer.parameter_shapes(7) == layer.weights((7,)) == layer.options() == {}


@pytest.mark.parametrize(
    "units, error, message",
    [
        (
            0,
            ValueError,
            "Input: units must be an integer of at least 1 and at most 2147483647, got 0",
        ),
        (2**31, ValueError, "at most 2147483647, got 2147483648"),
        (
            (),
            ValueError,
            r"Input: units must be an integer or a shape \(n,\) or \(None, n\), got \(\)",
        ),
        ((28, 28), ValueError, r"got \(28, 28\)"),
        ((None, 28, 28), ValueError, r"got \(None, 28, 28\)"),
        ((None,), TypeError, "got None"),
        ((None, 0), ValueError, "got 0"),
        ("7", TypeError, "got '7'"),
        (None, TypeError, "got None"),
        (True, TypeError, "got True"),
        (7.0, TypeError, "got 7.0"),
    ],
)
def test_input_refuses(units, error, message):
    with pytest.raises(error, match=message):
        layers.Input(units)


def test_dense_answers():
    layer = layers.Dense(32, "relu")
    assert (layer.kind, layer.name, layer.units, layer.use_bias) == ("dense", None, 32, True)
    assert layer.output_units(7) == 32
    assert list(layer.parameter_shapes(7).items()) == [("kernel", (7, 32)), ("bias", (32,))]
    names = {name: weight.initializer.name for name, weight in layer.weights((7,)).items()}
    assert list(names.items()) == [("kernel", "glorot_uniform"), ("bias", "zeros")]
    assert layer.options() == {"activation": "relu"}

    bare = layers.Dense(1, use_bias=False)
    assert bare.activation.name == "linear"
    assert bare.parameter_shapes(7) == {"kernel": (7, 1)}
    assert list(bare.weights((7,))) == ["kernel"]
    assert bare.options() == {"use_bias": False}
    assert layers.Dense(1, name="out").options() == {}


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"units": 0}, ValueError, "Dense: units must be an integer of at least 1"),
        ({"units": "3"}, TypeError, r"Dense: units must be an integer .* got '3' \(str\)"),
        ({"units": 3, "activation": 3}, TypeError, "Dense: activation must be a name"),
        ({"units": 3, "activation": "rellu"}, ValueError, "Dense: unknown activation"),
        ({"units": 3, "use_bias": 1}, TypeError, "Dense: use_bias must be True or False"),
        ({"units": 3, "kernel_initializer": None}, TypeError, "Dense: initializer must be a name"),
        ({"units": 3, "bias_initializer": "zero"}, ValueError, "did you mean 'zeros'"),
        (
            {"units": 3, "bias_initializer": "constant"},
            ValueError,
            r"Dense: initializer 'constant' needs arguments; give Constant\(value\)",
        ),
    ],
)
def test_dense_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        layers.Dense(**arguments)


def test_activation_layer_answers():
    layer = layers.Activation("softmax", name="probs")
    assert (layer.kind, layer.name, layer.output_units(4)) == ("activation", "probs", 4)
    assert layer.parameter_shapes(4) == layer.weights((4,)) == {}
    assert layer.options() == {"activation": "softmax"}
    leaky = activations.LeakyReLU(0.2)
    assert layers.Activation(leaky).options() == {"activation": leaky}


@pytest.mark.parametrize("name", ["", "a/b", "/", "a\nb", "\x00", "state"])
def test_layer_names_refused(name):
    for make in (lambda: layers.Input(1, name=name), lambda: layers.Dense(1, name=name),
                 lambda: layers.Activation("relu", name=name)):  # fmt: skip
        with pytest.raises(ValueError, match="name"):
            make()


def test_layer_names():
    assert layers.Dense(1, name="größe 1").name == "größe 1"
    with pytest.raises(TypeError, match=r"Dense: name must be a string, got 3 \(int\)"):
        layers.Dense(1, name=3)


# ------------------------------------------------------------------------------------- losses


# What differs from: no numbers, real targets as wide as the output, no activation fused
LOSS_ANSWERS = {
    "huber": {"settings": {"delta": 1}},
    "binary_crossentropy": {"settings": {"smoothing": 0}, "fuses": "sigmoid", "takes": "unit"},
    "categorical_crossentropy": {
        "settings": {"smoothing": 0},
        "fuses": "softmax",
        "takes": "unit",
    },
    "sparse_categorical_crossentropy": {
        "settings": {"smoothing": 0},
        "fuses": "softmax",
        "takes": "unit",
        "labels": True,
    },
    "mean_absolute_percentage_error": {"settings": {"epsilon": 1e-7}},
    "mean_squared_logarithmic_error": {"settings": {"epsilon": 1e-7}, "takes": "counts"},
    "quantile": {"settings": {"quantiles": (0.5,)}},
    "gaussian_nll": {
        "settings": {"variance": "exp", "epsilon": 1e-6, "full": False},
        "columns": 3,
    },
    "poisson": {"settings": {"log_input": False, "epsilon": 1e-7}, "takes": "counts"},
    "gamma": {"settings": {"log_input": False, "epsilon": 1e-7}, "takes": "positive"},
    "tweedie": {
        "settings": {"power": 1.5, "log_input": False, "epsilon": 1e-7},
        "takes": "counts",
    },
    "binary_focal_crossentropy": {
        "settings": {"balance": False, "alpha": 0.25, "gamma": 2, "smoothing": 0},
        "fuses": "sigmoid",
        "takes": "unit",
    },
    "categorical_focal_crossentropy": {
        "settings": {"alpha": 0.25, "gamma": 2, "smoothing": 0},
        "fuses": "softmax",
        "takes": "unit",
    },
    "kl_divergence": {"fuses": "softmax", "takes": "unit"},
    "hinge": {"takes": "signs"},
    "squared_hinge": {"takes": "signs"},
    "categorical_hinge": {"takes": "unit"},
    "soft_margin": {"takes": "signs"},
    "cosine_similarity": {"settings": {"epsilon": 1e-7}},
    "margin_ranking": {"settings": {"margin": 0}, "takes": "signs", "columns": 1},
}


def test_loss_answers():
    plain = {"settings": {}, "fuses": None, "takes": "reals", "labels": False, "columns": 6}
    for name in LOSS_KINDS:
        loss = losses.get(name)
        told = {
            "settings": loss.settings,
            "fuses": loss.fuses,
            "takes": loss.takes,
            "labels": loss.integer_labels,
            "columns": loss.target_columns(6),
        }
        assert told == plain | LOSS_ANSWERS.get(name, {}), name
        assert loss.from_logits is False
    assert losses.Huber(delta=0.5).settings == {"delta": 0.5}
    for bad in (0, -1, math.nan, math.inf):
        with pytest.raises(ValueError, match="Huber: delta must be a finite number, above 0"):
            losses.Huber(bad)
    with pytest.raises(TypeError, match="from_logits must be True or False"):
        losses.BinaryCrossentropy(from_logits=1)


@pytest.mark.parametrize(
    "name, arguments, error, message",
    [
        ("MeanAbsolutePercentageError", {"epsilon": 0}, ValueError, "epsilon must be .* above 0"),
        ("Quantile", {"quantiles": 1.0}, ValueError, "quantiles must be .* below 1, got 1"),
        ("Quantile", {"quantiles": [0.1, 0]}, ValueError, "quantiles must be .* above 0, .* got 0"),
        ("Quantile", {"quantiles": []}, ValueError, "quantiles must be 1 to 128 numbers, got 0"),
        ("Quantile", {"quantiles": [0.5] * 129}, ValueError, "1 to 128 numbers, got 129"),
        ("Quantile", {"quantiles": "0.5"}, TypeError, "quantiles must be a finite number"),
        (
            "GaussianNLL",
            {"variance": "log"},
            ValueError,
            "'exp', 'softplus' or 'linear', got 'log'",
        ),
        ("GaussianNLL", {"full": 1}, TypeError, "full must be True or False"),
        ("Poisson", {"log_input": None}, TypeError, "log_input must be True or False"),
        ("Gamma", {"epsilon": -1.0}, ValueError, "epsilon must be"),
        ("Tweedie", {"power": 1}, ValueError, "power must be .* above 1, below 2, got 1"),
        ("Tweedie", {"power": 2.0}, ValueError, "power must be .* above 1, below 2, got 2"),
        ("BinaryCrossentropy", {"label_smoothing": 1.1}, ValueError, "within 0 and 1, got 1.1"),
        ("CategoricalCrossentropy", {"label_smoothing": -0.1}, ValueError, "label_smoothing must"),
        (
            "BinaryFocalCrossentropy",
            {"alpha": 2},
            ValueError,
            "alpha must be within 0 and 1, got 2",
        ),
        ("BinaryFocalCrossentropy", {"gamma": -1}, ValueError, "gamma must be .* at least 0"),
        ("CategoricalFocalCrossentropy", {"alpha": 0}, ValueError, "alpha must be .* above 0"),
        ("MarginRanking", {"margin": -1}, ValueError, "margin must be .* at least 0"),
    ],
)
def test_loss_arguments_are_checked(name, arguments, error, message):
    with pytest.raises(error, match=f"{name}: .*{message}"):
        getattr(losses, name)(**arguments)


@pytest.mark.parametrize(
    "loss, output, outputs, message",
    [
        (losses.Quantile([0.1, 0.5, 0.9]), "linear", 4, "got 4 output columns for 3 quantiles"),
        (losses.GaussianNLL(), "linear", 3, "got 3 output columns; want a mean and a variance"),
        (losses.MarginRanking(), "linear", 3, "got 3 output columns; want the 2"),
        (losses.CategoricalHinge(), "linear", 1, "got 1 output column, want at least 2"),
        (losses.Poisson(), "linear", 1, r"must be positive; .*or use Poisson\(log_input=True\)"),
        (losses.Gamma(True), "exp", 1, r"with log_input=True .*or use Gamma\(log_input=False\)"),
        (losses.Tweedie(log_input=True), "softplus", 1, "the output is the logarithm of the mean"),
        (losses.KLDivergence(), "softmax", 1, "got 1 output column, want at least 2"),
    ],
)
def test_check_head_refuses_outputs_that_make_no_sense(loss, output, outputs, message):
    with pytest.raises(ValueError, match=f"^{loss.name}: .*{message}"):
        losses.check_head(loss, output, outputs)


def test_check_head_of_losses_that_take_the_output_as_it_is():
    for loss, output, outputs in (
        (losses.Quantile([0.1, 0.9]), "linear", 4),
        (losses.GaussianNLL(), "linear", 2),
        (losses.MarginRanking(), "tanh", 2),
        (losses.Poisson(), "softplus", 1),
        (losses.Poisson(), "relu", 3),
        (losses.Gamma(log_input=True), "linear", 1),
        (losses.Hinge(), "tanh", 1),
        (losses.CosineSimilarity(), "linear", 1),
    ):
        assert losses.check_head(loss, output, outputs) is False


@pytest.mark.parametrize("output", ACTIVATION_KINDS)
@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
def test_check_head_regression_takes_any_output(loss, output):
    for outputs in (1, 3):
        assert losses.check_head(losses.get(loss), output, outputs) is False


CROSSENTROPIES = [
    (losses.BinaryCrossentropy, "sigmoid"),
    (losses.CategoricalCrossentropy, "softmax"),
    (losses.SparseCategoricalCrossentropy, "softmax"),
    (losses.BinaryFocalCrossentropy, "sigmoid"),
    (losses.CategoricalFocalCrossentropy, "softmax"),
    (losses.KLDivergence, "softmax"),
]


@each("output", ACTIVATION_KINDS)
@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("cls, fuses", CROSSENTROPIES)
def test_check_head_of_crossentropies(cls, fuses, from_logits, output):
    loss = cls(from_logits=from_logits)
    want = "linear" if from_logits else fuses
    if output == want:
        assert losses.check_head(loss, output, 3) is True
        return
    with pytest.raises(ValueError) as caught:
        losses.check_head(loss, output, 3)
    message = str(caught.value)
    assert f"{loss.name}: the output activation is {output!r}, want {want!r}" in message
    if output == "linear":
        assert f"{cls.__name__}(from_logits=True)" in message
        assert f'activation="{fuses}"' in message
    if from_logits and output == fuses:
        assert f"{cls.__name__}(from_logits=False)" in message
    if not from_logits and {output, fuses} == {"sigmoid", "softmax"}:
        other = {"sigmoid": "binary", "softmax": "categorical"}[output]
        other += "_focal" if "focal" in loss.name else ""
        assert f"or use {other}_crossentropy" in message


@pytest.mark.parametrize("cls, fuses", CROSSENTROPIES)
def test_check_head_of_one_output(cls, fuses):
    if fuses == "sigmoid":
        assert losses.check_head(cls(), fuses, 1) is True
        return
    for loss, output in ((cls(), fuses), (cls(from_logits=True), "linear")):
        with pytest.raises(
            ValueError, match=r"got 1 output column, want at least 2.*use binary_crossent"
        ):
            losses.check_head(loss, output, 1)
        assert losses.check_head(loss, output, 2) is True


# --------------------------------------------------------------------------------- optimizers


def test_optimizer_defaults():
    sgd, adam, adamw = (optimizers.get(name) for name in ("sgd", "adam", "adamw"))
    common = {
        "weight_decay": 0.0,
        "exclude": [],
        "multipliers": {},
        "clip_value": None,
        "clip_norm": None,
        "global_clip_norm": None,
        "centralize": False,
        "accumulate_steps": 1,
        "noise": 0.0,
        "noise_decay": 0.55,
        "lookahead_steps": None,
        "lookahead_alpha": 0.5,
        "ema": None,
    }
    own = {"kind": "sgd", "learning_rate": 0.01, "momentum": 0, "nesterov": False}
    assert sgd.config() == own | common
    own = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8, "amsgrad": False}
    assert adam.config() == {"kind": "adam", "learning_rate": 1e-3} | own | common
    assert adamw.config() == adam.config() | {"kind": "adamw", "weight_decay": 0.01}


def test_optimizer_slots():
    assert optimizers.SGD().slots == 0
    assert optimizers.SGD(momentum=0.9).slots == 1
    assert optimizers.Adam().slots == optimizers.AdamW().slots == 2


@pytest.mark.parametrize(
    "make, error, message",
    [
        (
            lambda: optimizers.SGD(0),
            ValueError,
            "SGD: learning_rate must be a finite number, above 0",
        ),
        (lambda: optimizers.SGD(-1), ValueError, "got -1.0"),
        (lambda: optimizers.SGD("fast"), TypeError, "got 'fast'"),
        (lambda: optimizers.Adam(math.nan), ValueError, "Adam: learning_rate .* got nan"),
        (lambda: optimizers.SGD(momentum=1), ValueError, "momentum must be .* at least 0, below 1"),
        (
            lambda: optimizers.SGD(nesterov=True),
            ValueError,
            "nesterov=True needs a momentum above 0",
        ),
        (lambda: optimizers.SGD(nesterov=1, momentum=0.9), TypeError, "nesterov must be True or"),
        (lambda: optimizers.Adam(beta_1=1), ValueError, "Adam: beta_1 must be"),
        (lambda: optimizers.Adam(beta_2=-0.1), ValueError, "Adam: beta_2 must be"),
        (lambda: optimizers.Adam(epsilon=0), ValueError, "Adam: epsilon must be"),
        (
            lambda: optimizers.Adam(epsilon=1e-60),
            ValueError,
            "epsilon .* at least 1e-30, got 1e-60",
        ),
        (lambda: optimizers.AdamW(weight_decay=-1), ValueError, "AdamW: weight_decay must be"),
        (lambda: optimizers.AdamW(0.5, weight_decay=2), ValueError, "must be below 1, got 0.5 "),
        (lambda: optimizers.AdamW(exclude="*/bias"), TypeError, "exclude must be a list or tuple"),
        (lambda: optimizers.AdamW(exclude=[3]), TypeError, "exclude must be a list or tuple"),
        (lambda: optimizers.AdamW(exclude=None), TypeError, "got None"),
    ],
)
def test_optimizers_refuse(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_decay():
    names = ["dense_0/kernel", "dense_0/bias", "dense_1/kernel"]
    assert [optimizers.AdamW().decays(name) for name in names] == [True] * 3
    some = optimizers.AdamW(exclude=("*/bias", "dense_1/*"))
    assert [some.decays(name) for name in names] == [True, False, False]
    assert some.weight_decay == 0.01
    for other in (optimizers.Adam(), optimizers.SGD()):
        assert other.weight_decay == 0
        assert not other.decays("dense_0/kernel")


def test_step_hands_itself_to_the_model():
    class Model:
        def apply_gradients(self, optimizer):
            self.seen = optimizer

    model, optimizer = Model(), optimizers.Adam()
    optimizer.step(model)
    assert model.seen is optimizer
    with pytest.raises(TypeError, match=r"Adam\.step: want a model, got None"):
        optimizer.step(None)


# ------------------------------------------------------------------------------------- import


def test_import_stays_light():
    code = (
        "import sys, numpy; before = set(sys.modules); "
        "import fastnn._spec, fastnn.activations, fastnn.layers, fastnn.losses, fastnn.optimizers; "
        "print(*sorted(set(sys.modules) - before))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"dataclasses", "difflib"} & set(out.stdout.split())


def test_every_spec_states_its_fields_in_slots():
    for spec in ALL:
        assert isinstance(spec, Spec)
        assert set(spec._fields()) <= set(dir(type(spec)))
