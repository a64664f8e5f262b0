"""steps_per_epoch for arrays: an endless stream of their rows."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn as fnn
from fastnn._core import random_permutation

X = np.random.default_rng(0).standard_normal((100, 3))
Y = X[:, :1]
OPTIONS = {"steps_per_epoch": 7, "batch_size": 32, "verbose": 0}


def trainer_of():
    layers = [fnn.Input(3), fnn.Dense(4, "tanh"), fnn.Dense(1)]
    return fnn.Trainer(fnn.Sequential(layers, seed=3), "mse", metrics=["mae"])


def bits(trainer):
    return trainer.model.parameter_arena.tobytes()


@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_are_cut_from_one_order_after_another(shuffle):
    trainer, by_hand = trainer_of(), trainer_of()
    trainer.fit(X, Y, epochs=5, shuffle=shuffle, **OPTIONS)
    orders = [random_permutation(3, "shuffle", turn, 100) for turn in range(12)]
    if not shuffle:
        orders = [np.arange(100)] * 12
    stream = np.concatenate(orders).astype(int)
    for step in range(35):
        rows = stream[32 * step : 32 * step + 32]
        by_hand.train_on_batch(X[rows], Y[rows])
    assert trainer.steps == 35
    assert bits(trainer) == bits(by_hand)


def test_a_fit_goes_on_with_the_same_bits():
    whole, part = trainer_of(), trainer_of()
    history = whole.fit(X, Y, epochs=5, **OPTIONS)
    part.fit(X, Y, epochs=2, **OPTIONS)
    part.fit(X, Y, epochs=5, initial_epoch=2, **OPTIONS)
    assert bits(part) == bits(whole)
    assert part.history["loss"] == history["loss"][2:] or part.history["loss"] == history["loss"]


def test_a_fit_that_was_killed_within_an_epoch_goes_on_with_the_same_bits(tmp_path):
    whole = trainer_of()
    whole.fit(X, Y, epochs=5, **OPTIONS)
    path = tmp_path / "backup.safetensors"

    def script(die_at):
        trainer = trainer_of()
        trainer.on("batch_end", lambda event: 1 / 0 if trainer.steps == die_at else None)
        backup = fnn.callbacks.BackupAndRestore(path, save_freq=3)
        trainer.fit(X, Y, epochs=5, callbacks=[backup], **OPTIONS)
        return trainer

    with pytest.raises(ZeroDivisionError):
        script(23)
    again = script(-1)
    assert bits(again) == bits(whole)
    assert again.history["loss"] == whole.history["loss"]


def test_an_epoch_that_was_stopped_moves_nothing():
    one, two = trainer_of(), trainer_of()
    for trainer in (one, two):
        trainer.on("batch_end", lambda event: event.stop_epoch(), every=4, once=True)
    one.fit(X, Y, epochs=3, **OPTIONS)
    assert one.steps == 4 + 7 + 7
    two.fit(X, Y, epochs=1, **OPTIONS)
    two.fit(X, Y, epochs=3, initial_epoch=1, **OPTIONS)
    assert bits(one) == bits(two)


def test_more_rows_in_a_batch_than_there_are():
    trainer = trainer_of()
    trainer.fit(X, Y, steps_per_epoch=3, batch_size=1000, epochs=2, verbose=0)
    assert trainer.steps == 6


def test_it_goes_with_weights_and_a_split():
    trainer = trainer_of()
    weight = np.random.default_rng(1).uniform(0.5, 2, 100)
    history = trainer.fit(X, Y, sample_weight=weight, validation_split=0.2, epochs=2, **OPTIONS)
    assert list(history) == ["loss", "mean_absolute_error", "val_loss", "val_mean_absolute_error"]
    assert trainer.steps == 14


@pytest.mark.parametrize(
    "options, error, match",
    [
        ({"steps_per_epoch": 0}, ValueError, "steps_per_epoch must be"),
        ({"steps_per_epoch": 1.5}, TypeError, "steps_per_epoch must be"),
        ({"steps_per_epoch": 2, "drop_remainder": True}, ValueError, "nothing to drop"),
        ({"prefetch": 2}, ValueError, "prefetch is for streams"),
    ],
)
def test_wrong_arguments_are_refused(options, error, match):
    trainer = trainer_of()
    with pytest.raises(error, match=match):
        trainer.fit(X, Y, verbose=0, **options)
    assert trainer.steps == 0
