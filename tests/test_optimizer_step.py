"""fastnn.kernels.optimizer_step: every optimizer on one parameter, as a model's update does it."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn as fnn
from fastnn import optimizers, schedules
from fastnn.kernels import optimizer_state, optimizer_step

NAMES = [member.tag for member in optimizers.Optimizer.table.values()]
OPTIONS = {
    "clip_value": {"clip_value": 0.5},
    "clip_norm": {"clip_norm": 0.5},
    "global_clip_norm": {"global_clip_norm": 0.5},
    "accumulate_steps": {"accumulate_steps": 2},
    "lookahead": {"lookahead_steps": 2},
    "centralize": {"centralize": True},
    "noise": {"noise": 0.1},
    "weight_decay": {"weight_decay": 0.1},
    "schedule": {"learning_rate": schedules.Cosine(0.1, steps=4)},
}


def network(dtype):
    """A model that trains one parameter, a matrix."""
    layers = [
        fnn.Input(5),
        fnn.Dense(3, use_bias=False),
        fnn.Dense(3, use_bias=False, trainable=False),
    ]
    return fnn.Sequential(layers, seed=7, dtype=np.dtype(dtype).name)


def made(name, **options):
    cls = type(optimizers.get(name))
    if name == "muon":
        options["kernels"] = ["dense_0/kernel"]
    return cls(**options)


def follow(optimizer, dtype):
    """Five steps of a model and of the kernel, on the same gradients."""
    rng = np.random.default_rng(0)
    model = network(dtype)
    mine = model.parameters["dense_0/kernel"].copy()
    state = optimizer_state(optimizer, mine)
    for t in range(1, 6):
        grad = rng.standard_normal((5, 3)).astype(dtype)
        kept = grad.copy()
        model.gradients["dense_0/kernel"][...] = grad
        optimizer.step(model)
        steps = -(-t // optimizer.accumulate_steps) if optimizer.accumulate_steps > 1 else t
        optimizer_step(optimizer, mine, grad, state, t=steps, seed=7)
        np.testing.assert_array_equal(grad, kept)
    return mine, model.parameters["dense_0/kernel"]


@pytest.mark.parametrize("name", NAMES)
def test_it_is_what_a_model_does(name, dtype):
    np.testing.assert_array_equal(*follow(made(name), dtype))


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("name", ["sgd", "adamw", "adafactor"])
def test_options_are_those_of_a_model(name, option, dtype):
    np.testing.assert_array_equal(*follow(made(name, **OPTIONS[option]), dtype))


@pytest.mark.parametrize("name", NAMES)
def test_vectors_and_nothing(name, dtype):
    optimizer = optimizers.get(name)
    param, grad = np.ones(9, dtype), np.full(9, 0.5, dtype)
    state = optimizer_state(optimizer, param)
    assert optimizer_step(optimizer, param, grad, state, t=1)
    assert np.isfinite(param).all()
    assert (param < 1).all()
    empty = np.ones((0, 3), dtype)
    assert optimizer_step(optimizer, empty, empty.copy(), optimizer_state(optimizer, empty), t=1)


def test_accumulation_tells_when_it_updates():
    adam = optimizers.Adam(accumulate_steps=3)
    param = np.ones(2)
    state = optimizer_state(adam, param)
    told = [optimizer_step(adam, param, np.ones(2), state, t=1) for _ in range(3)]
    assert told == [False, False, True]


@pytest.mark.parametrize(
    "change, error, match",
    [
        ({"optimizer": "adamm"}, ValueError, "did you mean 'adam'"),
        ({"optimizer": fnn.SGD(multipliers={"*": 0.1})}, ValueError, "exclude and multipliers"),
        ({"t": 0}, ValueError, "t must be"),
        ({"param": [1.0, 2.0]}, TypeError, "param must be an array"),
        ({"param": np.ones(2, int)}, TypeError, "param must be an array of float32"),
        ({"grad": np.ones(3)}, ValueError, "grad has shape"),
        ({"grad": np.ones(2, np.float32)}, TypeError, "float64"),
        ({"state": {}}, ValueError, "state must hold m, v, scalars"),
        ({"state": None}, ValueError, "state must hold m, v, scalars"),
        (
            {"state": {"m": np.ones(3), "v": np.ones(2), "scalars": np.zeros(4)}},
            ValueError,
            r"state\['m'\] has shape \(3,\), want \(2,\)",
        ),
    ],
)
def test_bad_input(change, error, match):
    given = {
        "optimizer": "adam",
        "param": np.ones(2),
        "grad": np.ones(2),
        "state": optimizer_state("adam", np.ones(2)),
        "t": 1,
    } | change
    with pytest.raises(error, match=match):
        optimizer_step(**given)
    if isinstance(given["param"], np.ndarray):
        assert (given["param"] == 1).all()


def test_shared_memory_and_infinite_norms_are_refused():
    param = np.ones(2)
    state = optimizer_state("adam", param)
    with pytest.raises(ValueError, match="share memory"):
        optimizer_step("adam", param, param, state, t=1)
    with pytest.raises(ValueError, match="shares memory"):
        optimizer_step("adam", param, np.ones(2), state | {"m": param}, t=1)
    clipped = optimizers.Adam(global_clip_norm=1.0)
    with pytest.raises(FloatingPointError, match="norm of grad"):
        optimizer_step(clipped, param, np.array([np.inf, 1.0]), state, t=1)
    assert (param == 1).all()
