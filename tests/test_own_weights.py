"""Weights of rows and classes of their own for each of several outputs."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn as fnn

RNG = np.random.default_rng(0)
X = RNG.standard_normal((300, 4))
LABELS = (X[:, 0] > 1).astype(int) + (X[:, 1] > 1)
YES = (X[:, 2] > 0.8).astype(float)
Y = {"kind": LABELS, "yes": YES, "size": X[:, 3]}
LOSSES = {"kind": "sparse_categorical_crossentropy", "yes": "bce", "size": "mse"}
METRICS = {"kind": ["accuracy"], "yes": ["roc_auc"], "size": ["mae", "r2"]}
ENDS = {"kind": (3, "softmax"), "yes": (1, "sigmoid"), "size": (1, "linear")}


def network(names=tuple(ENDS)):
    """Outputs that share nothing, so that each trains as if it were alone."""
    x = fnn.Input(4)
    ends = {name: fnn.Dense(*ENDS[name], name=name)(x) for name in names}
    return fnn.Model(x, ends if len(names) > 1 else ends[names[0]], seed=0, dtype="float64")


def trainer_of(names=tuple(ENDS)):
    several = len(names) > 1
    loss, measures = (part if several else part[names[0]] for part in (LOSSES, METRICS))
    trainer = fnn.Trainer(network(names), loss, fnn.SGD(0.1, momentum=0.9), measures)
    start = network().parameters
    trainer.model.set_weights({name: start[name] for name in trainer.model.parameters})
    return trainer


def alone(name, **options):
    trainer = trainer_of((name,))
    return trainer, trainer.fit(X, Y[name], shuffle=False, verbose=0, **options)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("batch_size", [7, 32, 300])  # blocks, and shards from 256 rows on
def test_each_output_trains_as_if_alone_with_its_weights(batch_size, threads):
    weights = {"kind": RNG.uniform(0.5, 2, 300), "yes": None, "size": RNG.uniform(0, 1, 300)}
    with fnn.threads(threads):
        trainer = trainer_of()
        options = {"batch_size": batch_size, "epochs": 3}
        history = trainer.fit(X, Y, sample_weight=weights, shuffle=False, verbose=0, **options)
        for name in ENDS:
            single, wanted = alone(name, sample_weight=weights[name], **options)
            for key, value in single.model.parameters.items():
                # the last bits of sums over rows depend on the steps' shape
                np.testing.assert_allclose(trainer.model.parameters[key], value, rtol=1e-13)
            for key, values in wanted.items():
                assert history[f"{name}_{key}"] == pytest.approx(values, rel=1e-13)


def test_class_weights_of_each_output():
    trainer, listed, streamed = trainer_of(), trainer_of(), trainer_of()
    options = {"batch_size": 32, "epochs": 2, "shuffle": False, "verbose": 0}
    given = {"kind": {0: 1.0, 1: 2.0, 2: 5.0}, "yes": {0: 1.0, 1: 4.0}}
    history = trainer.fit(X, Y, class_weight=given, **options)
    for name in ENDS:
        _, wanted = alone(name, class_weight=given.get(name), batch_size=32, epochs=2)
        assert history[f"{name}_loss"] == pytest.approx(wanted["loss"], rel=1e-13)
    listed.fit(X, list(Y.values()), class_weight=[given["kind"], given["yes"], None], **options)
    parts = [(X[i : i + 32], {k: v[i : i + 32] for k, v in Y.items()}) for i in range(0, 300, 32)]
    streamed.fit(parts, class_weight=given, epochs=2, verbose=0)
    bits = trainer.model.parameter_arena.tobytes()
    assert listed.model.parameter_arena.tobytes() == bits
    assert streamed.model.parameter_arena.tobytes() == bits


def test_balanced_times_the_weights_of_the_rows():
    rows = RNG.uniform(0.5, 2, 300)
    one, two = trainer_of(), trainer_of()
    counts = np.bincount(LABELS)
    one.fit(X, Y, class_weight={"kind": "balanced"}, sample_weight=rows, verbose=0)
    two.fit(
        X,
        Y,
        sample_weight={"kind": (300 / (3 * counts))[LABELS] * rows, "yes": rows, "size": rows},
        verbose=0,
    )
    assert one.model.parameter_arena.tobytes() == two.model.parameter_arena.tobytes()


def test_an_output_whose_weights_are_zero_in_a_batch_adds_nothing():
    weight = np.r_[np.zeros(150), np.ones(150)]
    trainer = trainer_of()
    before = {key: value.copy() for key, value in trainer.model.parameters.items()}
    part = {key: value[:32] for key, value in Y.items()}
    logs = trainer.train_on_batch(X[:32], part, {"kind": weight[:32]})
    assert np.isnan(logs["kind_loss"])
    assert logs["loss"] == pytest.approx(logs["yes_loss"] + logs["size_loss"], rel=1e-12)
    for key, value in trainer.model.parameters.items():
        assert np.array_equal(value, before[key]) == key.startswith("kind")
    nothing = dict.fromkeys(Y, np.zeros(32))
    trainer.train_on_batch(X[:32], part, nothing)
    assert trainer.steps == 1


def test_validation_and_splits_take_weights_of_each_output():
    weights = {"size": RNG.uniform(0.5, 2, 300)}
    trainer = trainer_of()
    history = trainer.fit(X, Y, sample_weight=weights, validation_split=0.5, verbose=0)
    last = {key: value[150:] for key, value in Y.items()}
    found = trainer.evaluate(X[150:], last, sample_weight={"size": weights["size"][150:]})
    assert {key: history[f"val_{key}"][0] for key in found} == found


@pytest.mark.parametrize(
    "options, error, match",
    [
        (
            {"class_weight": "balanced"},
            TypeError,
            "list of 3 or a dict with the keys kind, yes, si",
        ),
        ({"class_weight": {0: 1.0}}, TypeError, "a dict with the keys kind, yes, size"),
        ({"class_weight": {"kinds": "balanced"}}, ValueError, "kind"),
        ({"class_weight": [None]}, ValueError, "has 1 entries; want 3"),
        ({"class_weight": {"size": "balanced"}}, ValueError, "output 'size'"),
        ({"class_weight": {"kind": {0: 1.0}}}, ValueError, "output 'kind'.*no weight for class"),
        ({"sample_weight": {"kind": np.ones(3)}}, ValueError, "output 'kind'"),
        ({"sample_weight": {"kind": -np.ones(300)}}, ValueError, "no negative weight"),
        ({"sample_weight": {"kind": np.zeros(300)}}, ValueError, "zero in all 300 rows"),
        ({"sample_weight": {"other": np.ones(300)}}, ValueError, "other"),
    ],
)
def test_wrong_weights_are_refused_before_the_first_step(options, error, match):
    trainer = trainer_of()
    with pytest.raises(error, match=match):
        trainer.fit(X, Y, verbose=0, **options)
    assert trainer.steps == 0


def test_a_model_of_one_output_wants_plain_weights():
    trainer = trainer_of(("yes",))
    with pytest.raises(TypeError, match="sample_weight by the names of outputs"):
        trainer.fit(X, YES, sample_weight={"yes": np.ones(300)}, verbose=0)


def test_fit_many_takes_weights_of_each_output():
    weights = {"size": RNG.uniform(0.5, 2, 300)}
    one = trainer_of()
    one.fit(
        X[:100],
        {k: v[:100] for k, v in Y.items()},
        sample_weight={"size": weights["size"][:100]},
        verbose=0,
    )
    fits = fnn.fit_many(
        [trainer_of()], X, Y, sample_weight=weights, rows=[np.arange(100)], verbose=0
    )
    assert fits.models[0].parameter_arena.tobytes() == one.model.parameter_arena.tobytes()
    weights["size"][:100] = 0
    with pytest.raises(ValueError, match="zero in all 100 rows of the job"):
        fnn.fit_many([trainer_of()], X, Y, sample_weight=weights, rows=[np.arange(100)], verbose=0)
