"""pickle, copy and deepcopy: of what holds arrays and of specs, within a process and to another."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

import fastnn as fnn
from fastnn import callbacks, constraints, initializers, losses, metrics, optimizers, schedules
from fastnn._spec import Spec

X = np.random.default_rng(0).standard_normal((48, 4))
Y = X[:, :2] ** 2 + 0.1


def by_pickle(thing):
    return pickle.loads(pickle.dumps(thing))


def by_old_pickle(thing):
    return pickle.loads(pickle.dumps(thing, protocol=2))


WAYS = [by_pickle, by_old_pickle, copy.copy, copy.deepcopy]


@pytest.fixture(params=WAYS, ids=lambda way: way.__name__)
def way(request):
    return request.param


def network(dtype="float32"):
    x = fnn.Input(4, name="x")
    h = fnn.Normalization()(x)
    h = fnn.Dropout(0.2)(fnn.BatchNormalization()(fnn.Dense(6, "gelu", name="side")(h)))
    inner = fnn.Sequential([fnn.Input(6), fnn.Dense(6, "tanh")], name="inner", seed=1)
    model = fnn.Model(
        x, {"a": fnn.Dense(1)(inner(h)), "b": fnn.Dense(1)(h)}, seed=3, dtype=dtype, name="net"
    )
    model.adapt(X)
    return model


def chain(**options):
    return fnn.Sequential(
        [fnn.Input(4), fnn.Dense(8, "relu"), fnn.Dropout(0.1), fnn.Dense(2)], seed=0, **options
    )


def same_bits(one, other):
    np.testing.assert_array_equal(one.parameter_arena, other.parameter_arena)


# ---- models, predictors, ensembles, histories ---------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_model(way, dtype):
    model = network(dtype)
    model.freeze("side")
    twin = way(model)
    assert type(twin) is type(model)
    assert twin.config() == model.config()
    same_bits(twin, model)
    assert twin.frozen == ("side",)
    for key, values in model.predict(X).items():
        np.testing.assert_array_equal(twin.predict(X)[key], values)
    twin.parameters["side/bias"][...] = 9
    assert not (model.parameters["side/bias"] == 9).any()


def test_sequential_and_its_layers(way):
    model = chain()
    twin = way(model)
    assert isinstance(twin, fnn.Sequential)
    assert [repr(layer) for layer in twin] == [repr(layer) for layer in model]


def test_predictor(way):
    model = chain()
    predictor = model.predictor(check_finite=False)
    twin = way(predictor)
    model.parameters["dense_0/kernel"][...] = 0
    np.testing.assert_array_equal(twin(X), predictor(X))
    assert twin.check_finite is False


def test_ensemble(way):
    ensemble = fnn.Ensemble([chain(), chain(dtype="float64")])
    twin = way(ensemble)
    np.testing.assert_array_equal(twin.predict(X), ensemble.predict(X))
    assert twin.dtype == "float64"


def test_history(way):
    trainer = fnn.Trainer(chain(), "mse", metrics=["mae", "r2_score"])
    history = trainer.fit(X, Y, epochs=3, verbose=0, validation_split=0.2)
    twin = way(history)
    assert twin.history == history.history
    assert twin.epoch == history.epoch == [1, 2, 3]
    assert twin.best("val_r2_score") == history.best("val_r2_score")
    twin.append(4, 0.1, {"loss": 1.0})
    assert history.epoch == [1, 2, 3]


def test_fits_of_many(way):
    trainers = [fnn.Trainer(chain(), "mse") for _ in range(2)]
    fits = fnn.fit_many(trainers, X, Y, epochs=2)
    twin = way(fits)
    assert str(twin.leaderboard()) == str(fits.leaderboard())
    np.testing.assert_array_equal(
        twin.ensemble(best=2).predict(X), fits.ensemble(best=2).predict(X)
    )


# ---- trainers -----------------------------------------------------------------------------------

OPTIMIZERS = [
    fnn.SGD(0.01, momentum=0.9),
    fnn.Adam(schedules.Cosine(1e-2, steps=60)),
    fnn.Adam(1e-2, ema=0.9, lookahead_steps=3, accumulate_steps=2),
    *(cls() for cls in {*optimizers.Optimizer.table.values()}),
]


def trainer_of(optimizer):
    return fnn.Trainer(
        network(),
        {"a": "mse", "b": "huber"},
        optimizer,
        metrics={"a": ["mae"]},
        loss_weights={"b": 0.5},
        seed=8,
    )


def targets():
    return {"a": Y[:, :1], "b": Y[:, 1:]}


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_trainer_goes_on_with_the_same_bits(optimizer):
    trainer = trainer_of(optimizer)
    trainer.fit(X, targets(), batch_size=16, epochs=3, verbose=0)
    twins = [way(trainer) for way in (by_pickle, copy.deepcopy)]
    trainer.fit(X, targets(), batch_size=16, epochs=2, verbose=0)
    for twin in twins:
        assert twin.epochs == 3
        twin.fit(X, targets(), batch_size=16, epochs=2, verbose=0)
        assert twin.steps == trainer.steps
        assert twin.history.history == trainer.history.history
        same_bits(twin.model, trainer.model)


def test_trainer_keeps_what_it_was_made_of(way):
    trainer = trainer_of(fnn.Adam(0.01))
    trainer.learning_rate = 0.25
    trainer.model.freeze("inner")
    twin = way(trainer)
    assert twin.model is not trainer.model
    assert twin.optimizer.config() == trainer.optimizer.config()
    assert twin.learning_rate == 0.25
    assert twin.seed == 8
    assert [one.name for one in twin.loss] == ["mean_squared_error", "huber"]
    assert [head.weight for head in twin._heads] == [1.0, 0.5]
    assert twin.evaluate(X, targets()) == trainer.evaluate(X, targets())
    before = twin.model.parameters["inner/dense_0/kernel"].copy()
    twin.fit(X, targets(), verbose=0)
    np.testing.assert_array_equal(twin.model.parameters["inner/dense_0/kernel"], before)


def test_copies_train_apart(way):
    trainer = fnn.Trainer(chain(), "mse")
    trainer.fit(X, Y, epochs=1, verbose=0)
    twin = way(trainer)
    before = trainer.model.parameter_arena.copy()
    twin.fit(X, Y, epochs=1, verbose=0)
    np.testing.assert_array_equal(trainer.model.parameter_arena, before)
    assert (trainer.steps, twin.steps) == (2, 4)
    assert trainer.history.epoch == [1]


class Stop(Exception):
    pass


def test_fit_that_was_interrupted_goes_on(way):
    whole = fnn.Trainer(chain(), "mse", metrics=["mae"])
    whole.fit(X, Y, batch_size=8, epochs=4, verbose=0)
    broken = fnn.Trainer(chain(), "mse", metrics=["mae"])

    with pytest.raises(Stop):
        broken.fit(X, Y, batch_size=8, epochs=4, verbose=0, callbacks=[_Breaker()])
    assert (broken.epochs, broken.steps) == (1, 9)
    twin = way(broken)
    history = twin.fit(X, Y, batch_size=8, epochs=4, initial_epoch=twin.epochs, verbose=0)
    assert history.history == whole.history.history
    same_bits(twin.model, whole.model)


class _Breaker(callbacks.Callback):
    def on_batch_end(self, event):
        if event.epoch == 2 and event.batch == 3:
            raise Stop


CALLS: list[int] = []


def note(event):
    CALLS.append(event.epoch)


def test_handlers_come_along():
    trainer = fnn.Trainer(chain(), "mse").on("epoch_end", note, every=2)
    twin = by_pickle(trainer)
    CALLS.clear()
    twin.fit(X, Y, epochs=4, verbose=0)
    assert CALLS == [2, 4]
    local = fnn.Trainer(chain(), "mse").on("epoch_end", lambda event: None)
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(local)
    copy.deepcopy(local).fit(X, Y, verbose=0)


def test_shared_model_stays_shared():
    model = chain()
    one, two = fnn.Trainer(model, "mse"), fnn.Trainer(model, "mae")
    for way in (by_pickle, copy.deepcopy):
        found, first, second = way([model, one, two])
        assert first.model is second.model is found


# ---- specs --------------------------------------------------------------------------------------

NEEDED = {  # the arguments that have no default
    "units": 4,
    "rate": 0.1,
    "stddev": 0.1,
    "activation": "relu",
    "input_dim": 5,
    "output_dim": 3,
    "sizes": 2,
    "function": np.square,
    "learning_rate": 0.1,
    "steps": 10,
    "value": 0.5,
    "values": [0.1, 0.2, 0.3],
    "boundaries": [3, 6],
    "decay_rate": 0.5,
    "schedule": schedules.Cosine(0.1, steps=5),
    "k": 2,
    "beta": 2.0,
    "model": chain(),
}


def specs():
    families = (
        *(fnn.layers.Layer, fnn.activations.Activation, losses.Loss, optimizers.Optimizer),
        *(schedules.Schedule, initializers.Initializer, fnn.regularizers.Regularizer),
        *(constraints.Constraint, metrics.Metric),
    )
    found = {}
    for family in families:
        for cls in family.table.values():
            arguments = {
                n: NEEDED[n] for n, needed in cls._arguments().items() if needed and n in NEEDED
            }
            missing = [n for n, needed in cls._arguments().items() if needed and n not in NEEDED]
            found[f"{family.__name__} {cls.__name__}"] = (cls, arguments, missing)
    return found


SPECS = specs()


@pytest.mark.parametrize("name", SPECS)
def test_spec(way, name):
    cls, arguments, missing = SPECS[name]
    assert not missing
    spec = cls(**arguments)
    twin = way(spec)
    assert isinstance(twin, Spec)
    assert type(twin) is cls
    assert repr(twin) == repr(spec)


# ---- another process ----------------------------------------------------------------------------

SCRIPT = """
import pickle, sys
import numpy as np

with open(sys.argv[1], "rb") as file:
    things = pickle.load(file)
x, y, trainer = things["x"], things["y"], things["trainer"]
trainer.fit(x, y, batch_size=16, epochs=2, verbose=0)
found = {
    "arena": trainer.model.parameter_arena,
    "history": trainer.history,
    "model": things["model"].predict(x),
    "predictor": things["predictor"](x),
    "ensemble": things["ensemble"].predict(x),
    "trainer": trainer,
}
with open(sys.argv[2], "wb") as file:
    pickle.dump(found, file)
"""


def test_to_another_process_and_back(tmp_path):
    trainer = fnn.Trainer(chain(), "mse", fnn.Adam(0.01), ["mae"])
    trainer.fit(X, Y, batch_size=16, epochs=2, verbose=0)
    predictor = chain().predictor()
    ensemble = fnn.Ensemble([chain(), chain()])
    things = {
        "x": X,
        "y": Y,
        "trainer": trainer,
        "model": chain(),
        "predictor": predictor,
        "ensemble": ensemble,
    }
    (tmp_path / "there").write_bytes(pickle.dumps(things))
    command = [sys.executable, "-c", SCRIPT, tmp_path / "there", tmp_path / "back"]
    subprocess.run(command, check=True)
    found = pickle.loads((tmp_path / "back").read_bytes())
    np.testing.assert_array_equal(found["model"], chain().predict(X))
    np.testing.assert_array_equal(found["predictor"], predictor(X))
    np.testing.assert_array_equal(found["ensemble"], ensemble.predict(X))
    trainer.fit(X, Y, batch_size=16, epochs=2, verbose=0)
    np.testing.assert_array_equal(found["arena"], trainer.model.parameter_arena)
    assert found["history"].history == trainer.history.history
    back = found["trainer"]
    for one in (back, trainer):
        one.fit(X, Y, batch_size=16, epochs=1, verbose=0)
    same_bits(back.model, trainer.model)


def test_trainer_may_be_pickled_within_its_fit():
    keeper = _Keeper()
    keeper.trainer = trainer = fnn.Trainer(chain(), "mse")
    trainer.fit(X, Y, batch_size=8, epochs=3, verbose=0, callbacks=[keeper])
    twin = pickle.loads(keeper.kept)
    twin.fit(X, Y, batch_size=8, epochs=3, initial_epoch=twin.epochs, verbose=0)
    same_bits(twin.model, trainer.model)


class _Keeper(callbacks.Callback):
    trainer = kept = None

    def on_batch_end(self, event):
        if event.epoch == 2 and event.batch == 2:
            self.kept = pickle.dumps(self.trainer)
