"""450 random graphs: values against a NumPy twin, gradients against finite differences, float64.

Hypothesis draws depth, widths, layers, activations, norms, losses and weights, the same at each run
(`derandomize`).  Points are drawn away from the bends of relus, maxima and absolute values, so that
the differences are as exact there as anywhere.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import fastnn as fnn
from reference import graphs, loss, stored_graphs
from reference.torch_numbers import NUMBERS

STEP = 2e-5
MARGIN = 2e-3  # 100 steps: a value moves by less for each that a parameter moves
ROWS = 4

# A difference over four points errs by STEP**4 / 30 times a fifth derivative, 5e-21 of it, and by
# the rounding of the function, 1e-15 of its size over STEP.
RTOL, ATOL = 1e-7, 1e-9

same_each_time = settings(
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

HEADS = {
    "mean_squared_error": None,
    "mean_absolute_error": None,
    "huber": None,
    "binary_crossentropy": "sigmoid",
    "categorical_crossentropy": "softmax",
    "sparse_categorical_crossentropy": "softmax",
}


def as_list(value):
    return value if isinstance(value, list) else [value]


def slope(f, at, index):
    """The derivative of f by one element of an array, which is changed and put back."""
    value = at[index]
    found = []
    for steps in (-2, -1, 1, 2):
        at[index] = value + steps * STEP
        found.append(f())
    at[index] = value
    size = max(abs(y) for y in found)
    return (found[0] - 8 * found[1] + 8 * found[2] - found[3]) / (12 * STEP), size


def check(f, arrays, gradients, rng, most=8):
    """Some elements of each array, at random, against differences of f."""
    for name, array in arrays.items():
        for place in rng.permutation(array.size)[:most]:
            index = np.unravel_index(place, array.shape)
            want, size = slope(f, array, index)
            got = gradients[name][index]
            assert got == pytest.approx(want, rel=RTOL, abs=ATOL * max(1.0, size)), (name, index)


@settings(same_each_time, max_examples=300)
@given(recipe=graphs.recipes())
def test_values_and_gradients_of_the_low_level(recipe):
    model = graphs.build(recipe)
    xs = graphs.rows_far_from_bends(recipe, model.parameters, ROWS, MARGIN)
    assume(xs is not None)
    given_x = xs[0] if len(xs) == 1 else xs
    outs = as_list(model.forward(given_x, training=True))
    twin = graphs.evaluate(recipe, model.parameters, xs)
    for out, tensor in zip(outs, recipe.outputs, strict=True):
        np.testing.assert_allclose(out, twin.tensors[tensor], rtol=1e-9, atol=1e-11)
    rng = np.random.default_rng(recipe.seed)
    dys = [rng.uniform(-1, 1, out.shape) for out in outs]
    dxs = as_list(model.backward(dys[0] if len(dys) == 1 else dys))
    gradients = {name: view.copy() for name, view in model.gradients.items()}

    def f():
        again = as_list(model.forward(given_x, training=True))
        return sum(float((dy * out).sum()) for dy, out in zip(dys, again, strict=True))

    check(f, model.parameters, gradients, rng)
    names = [f"x{i}" for i in range(len(xs))]
    check(f, dict(zip(names, xs, strict=True)), dict(zip(names, dxs, strict=True)), rng)


@settings(same_each_time, max_examples=150)
@given(
    recipe=graphs.recipes(single=True),
    head=st.sampled_from(sorted(HEADS)),
    fused=st.booleans(),
    weighted=st.booleans(),
)
def test_losses_and_gradients_of_a_training_step(recipe, head, fused, weighted):
    """A step of a trainer; with `fused` the graph ends in the activation that the loss knows."""
    end = len(recipe.inputs) + sum(len(s.settings.get("sizes", (0,))) for s in recipe.steps)
    fused = fused and HEADS[head] is not None
    if fused:
        step = graphs.Step("activation", recipe.outputs, {"activation": HEADS[head]})
        recipe = graphs.Recipe(recipe.inputs, [*recipe.steps, step], (end,), recipe.seed)
    model = graphs.build(recipe)
    assume(HEADS[head] is None or fused or model.output_activation == "linear")
    assume("categorical" not in head or model.outputs > 1)  # one class is refused
    spec = fnn.losses.get(head)
    if HEADS[head] is not None and not fused:
        spec = spec.replace(from_logits=True)
    xs = graphs.rows_far_from_bends(recipe, model.parameters, ROWS, MARGIN)
    assume(xs is not None)
    twin = graphs.evaluate(recipe, model.parameters, xs)
    rng = np.random.default_rng(recipe.seed)
    cols = model.outputs
    y = {
        "binary_crossentropy": rng.uniform(0, 1, (ROWS, cols)),
        "categorical_crossentropy": rng.dirichlet(np.ones(cols), ROWS),
        "sparse_categorical_crossentropy": rng.integers(0, cols, ROWS),
    }.get(head, rng.uniform(-2, 2, (ROWS, cols)))
    weight = np.array([0.5, 2.0, 1.0, 0.25]) if weighted else None
    ends = twin.tensors[recipe.outputs[0]]
    if head == "mean_absolute_error":
        assume(np.abs(ends - y).min() > MARGIN)

    def step():
        """Loss of a first step that moves nothing: its rate is far below the last digit."""
        return fnn.Trainer(model, spec, fnn.SGD(1e-300)).train_on_batch(xs[0], y, weight)["loss"]

    shown = step()
    gradients = {name: view.copy() for name, view in model.gradients.items()}
    logits = twin.tensors[recipe.steps[-1].reads[0]] if fused else ends
    value, _ = loss.value_and_gradient(head, logits, y, weight)
    assert shown == pytest.approx(value + twin.penalty, rel=1e-9, abs=1e-11)
    check(step, model.parameters, gradients, rng)


@pytest.mark.parametrize("name", stored_graphs.GRAPHS)
def test_losses_and_gradients_that_torch_gave(name):
    recipe, head = stored_graphs.GRAPHS[name]
    model = graphs.build(recipe)
    stored_graphs.fill(model)
    xs, y = stored_graphs.rows(recipe, head, model.outputs)
    spec = fnn.losses.get(head)
    spec = spec.replace(from_logits=True) if "crossentropy" in head else spec
    shown = fnn.Trainer(model, spec, fnn.SGD(1e-300)).train_on_batch(xs[0], y)["loss"]
    wanted = NUMBERS[name]
    assert shown == pytest.approx(wanted["loss"], rel=1e-12)
    assert set(model.gradients) == set(wanted) - {"loss"}
    for key, gradient in model.gradients.items():
        np.testing.assert_allclose(gradient.reshape(-1), wanted[key], rtol=1e-9, atol=1e-13)
