"""What a beginner reads: mistakes with graphs, and the words that say what was wanted."""

from __future__ import annotations

import re

import numpy as np
import pytest

import fastnn as fnn


def graph():
    a, b = fnn.Input(2, name="a"), fnn.Input(3, name="b")
    return fnn.Model([a, b], fnn.Dense(1)(fnn.Concatenate()([a, b])), seed=0)


def single():
    x = fnn.Input(7, name="car")
    return fnn.Model(x, fnn.Dense(1)(x), seed=0)


def swapped():
    x = fnn.Input(7)
    return fnn.Model(fnn.Dense(1)(x), x)


def another_input():
    return fnn.Model(fnn.Input(7), fnn.Dense(1)(fnn.Input(7)))


def two_into_dense():
    x = fnn.Input(7)
    return fnn.Dense(1)([x, fnn.Dense(2)(x)])


@pytest.mark.parametrize(
    "mistake, error, words",
    [
        (
            lambda: fnn.Dense(3)(np.ones((40, 7))),
            TypeError,
            "got ndarray of shape (40, 7); layers make a graph",
        ),
        (lambda: fnn.Dense(3)([[1.0, 2.0]]), TypeError, "numbers go into predict of a Model"),
        (lambda: fnn.Dense(3)(fnn.Dense(4)), TypeError, "call it on its input first"),
        (lambda: fnn.Dense(3)(single()), TypeError, "call it on its input first"),
        (lambda: fnn.Dense(3)(fnn.Input), TypeError, "give an object, Input(...)"),
        (two_into_dense, ValueError, "got 2 inputs, want 1; Concatenate()([...]) makes one"),
        (lambda: fnn.Add()(fnn.Input(2)), ValueError, "got 1 input, want 2 or more, in a list"),
        (lambda: fnn.Bilinear(2)(fnn.Input(2)), ValueError, "want 2, as in Bilinear(...)(a, b)"),
        (swapped, ValueError, "want Model(inputs, outputs), in this order"),
        (another_input, ValueError, "Input(7) is another object; keep one in a variable"),
        (lambda: single()["dense_9"], ValueError, "Model: unknown layer 'dense_9'"),
        (
            lambda: single()(fnn.Input(3)),
            ValueError,
            "its inputs have 7 columns, it is called on 3",
        ),
        (lambda: single().predict(fnn.Input(7)), TypeError, "x is symbolic, without values"),
        (lambda: single().fit, AttributeError, "fastnn.Trainer(model, loss).fit(x, y)"),
        (lambda: graph().predict(np.ones((40, 5))), TypeError, "want a list of 2, got ndarray of"),
        (
            lambda: graph().predict({"a": np.ones((4, 2))}),
            ValueError,
            "predict: 'b' missing",
        ),
    ],
)
def test_messages(mistake, error, words):
    with pytest.raises(error, match=re.escape(words)):
        mistake()


def test_inputs_may_be_named_by_their_layers():
    a, b = np.ones((4, 2)), np.ones((4, 3))
    model = graph()
    np.testing.assert_array_equal(model.predict({"b": b, "a": a}), model.predict([a, b]))


def test_a_model_in_a_model_has_its_own_name():
    encoder = fnn.Sequential([fnn.Input(4), fnn.Dense(2)], name="encoder")
    plain = fnn.Sequential([fnn.Input(4), fnn.Dense(2)])
    x = fnn.Input(4)
    model = fnn.Model(x, fnn.Add()([encoder(x), plain(x)]))
    assert model.layer_names[1:3] == ("encoder", "model_1")
    assert fnn.Model.from_config(model.config()).layer_names == model.layer_names


@pytest.mark.parametrize("start", [np.zeros((2, 9)), lambda shape, rng: np.zeros((2, 9))])
def test_initializer_error_names_the_parameter(start):
    with pytest.raises(ValueError, match=r"Sequential: enc/kernel: .*\(2, 9\).*\(2, 3\)"):
        fnn.Sequential([fnn.Input(2), fnn.Dense(3, kernel_initializer=start, name="enc")])


def test_optimizer_names_an_unknown_argument_and_what_it_is_called_here():
    with pytest.raises(TypeError, match=r"Adam: unexpected argument 'clipvalue'.*'clip_value'"):
        fnn.Adam(clipvalue=1.0)
    with pytest.raises(TypeError, match=r"SGD: unexpected argument 'nonsense'$"):
        fnn.SGD(nonsense=1.0)


def test_plain_function_as_loss_is_told_of_function_loss():
    model = fnn.Sequential([fnn.Input(2), fnn.Dense(1)])
    with pytest.raises(TypeError, match=r"Trainer: loss must be .*FunctionLoss\(function\)"):
        fnn.Trainer(model, loss=lambda y, out: (0.0, out))
