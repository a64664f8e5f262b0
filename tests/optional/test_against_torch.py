"""Against PyTorch's autograd in float64; skipped where torch is not installed.

Graphs that Hypothesis draws, the same at each run, and what single layers mean.  Where conventions
differ the test says so: PyTorch keeps kernels as (out, in), its batch norm weighs the *new* moment
with `momentum` and keeps the unbiased variance.

The numbers that tests without PyTorch use, ``tests/reference/torch_numbers.py``, come from
``print_stored_numbers`` below.
"""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

import fastnn as fnn  # noqa: E402
from reference import graphs, stored_graphs  # noqa: E402

functional = torch.nn.functional
ROWS = 5
RTOL, ATOL = 1e-9, 1e-11  # the order of a few sums in float64

same_each_time = settings(derandomize=True, deadline=None, database=None)

ACTIVATIONS = {
    "linear": lambda z: z,
    "relu": torch.relu,
    "leaky_relu": lambda z: functional.leaky_relu(z, 0.01),
    "elu": functional.elu,
    "gelu": functional.gelu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softmax": lambda z: torch.softmax(z, dim=1),
    "silu": functional.silu,
    "softplus": lambda z: functional.softplus(z, threshold=1e9),
}
COMBINE = {
    "add": sum,
    "subtract": lambda xs: xs[0] - xs[1],
    "multiply": lambda xs: torch.stack(xs).prod(dim=0),
    "average": lambda xs: torch.stack(xs).mean(dim=0),
    "maximum": lambda xs: torch.stack(xs).max(dim=0).values,
}


def run(recipe, parameters, xs):
    """All tensors of a recipe in the mode of training, and the penalty."""
    found, penalty = list(xs), torch.zeros((), dtype=torch.float64)
    for i, step in enumerate(recipe.steps):
        own, name = step.settings, f"s{i}"
        reads = [found[t] for t in step.reads]
        x = reads[0]
        if step.kind == "again":
            name, own = f"s{own['of']}", recipe.steps[own["of"]].settings
        has = {key.split("/")[1]: p for key, p in parameters.items() if key.startswith(name + "/")}
        shape = (x.shape[1],)
        if step.kind in ("dense", "again"):
            z = functional.linear(x, has["kernel"].T, has.get("bias"))
            made = ACTIVATIONS[own["activation"]](z)
        elif step.kind == "activation":
            made = ACTIVATIONS[own["activation"]](x)
        elif step.kind in COMBINE:
            made = COMBINE[step.kind](reads)
        elif step.kind == "concat":
            made = torch.cat(reads, dim=1)
        elif step.kind == "split":
            found += torch.split(x, own["sizes"], dim=1)
            continue
        elif step.kind == "glu":
            made = functional.glu(x, dim=1)
        elif step.kind == "layer_norm":
            made = functional.layer_norm(x, shape, has["gamma"], has["beta"], own["epsilon"])
        elif step.kind == "rms_norm":
            made = functional.rms_norm(x, shape, has["gamma"], own["epsilon"])
        elif step.kind == "batch_norm":
            made = functional.batch_norm(
                x, None, None, has["gamma"], has["beta"], training=True, eps=own["epsilon"]
            )
        elif step.kind == "prelu":
            made = functional.prelu(x, has["alpha"])
        elif step.kind == "maxout":
            z = functional.linear(x, has["kernel"].T, has["bias"])
            made = z.reshape(len(x), own["pieces"], own["units"]).max(dim=1).values
        elif step.kind == "bilinear":
            cube = has["kernel"].reshape(x.shape[1], own["units"], -1).permute(1, 0, 2)
            made = functional.bilinear(*reads, cube, has["bias"])
        elif step.kind == "normalization":
            mean, variance = map(torch.tensor, graphs.scales_of(x.shape[1]))
            made = x * variance.sqrt() + mean if own["invert"] else (x - mean) / variance.sqrt()
        else:
            penalty = penalty + (own["l1"] * x.abs().sum() + own["l2"] * (x**2).sum()) / len(x)
            made = x
        found.append(made)
    return found, penalty


def leaves(arrays):
    return {
        name: torch.tensor(np.array(view), dtype=torch.float64, requires_grad=True)
        for name, view in arrays.items()
    }


def as_list(value):
    return value if isinstance(value, list) else [value]


def gradient_of(leaf):
    return np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.numpy()


@settings(same_each_time, max_examples=300)
@given(recipe=graphs.recipes())
def test_values_and_gradients_of_random_graphs(recipe):
    model = graphs.build(recipe)
    # Ties of a maximum are shared out in other ways there, so points keep away from them.
    xs = graphs.rows_far_from_bends(recipe, model.parameters, ROWS, 1e-9)
    if xs is None:
        return
    outs = as_list(model.forward(xs[0] if len(xs) == 1 else xs, training=True))
    rng = np.random.default_rng(recipe.seed)
    dys = [rng.uniform(-1, 1, out.shape) for out in outs]
    dxs = as_list(model.backward(dys[0] if len(dys) == 1 else dys))
    parameters = leaves(model.parameters)
    inputs = list(leaves(dict(enumerate(xs))).values())
    found, _ = run(recipe, parameters, inputs)
    total = torch.zeros((), dtype=torch.float64)
    for out, tensor, dy in zip(outs, recipe.outputs, dys, strict=True):
        np.testing.assert_allclose(out, found[tensor].detach().numpy(), rtol=RTOL, atol=ATOL)
        total = total + (torch.tensor(dy) * found[tensor]).sum()
    total.backward()
    for name, leaf in parameters.items():
        want = gradient_of(leaf)
        np.testing.assert_allclose(
            model.gradients[name], want, rtol=1e-8, atol=1e-10 * max(1, np.abs(want).max())
        )
    for dx, leaf in zip(dxs, inputs, strict=True):
        want = gradient_of(leaf)
        np.testing.assert_allclose(dx, want, rtol=1e-8, atol=1e-10 * max(1, np.abs(want).max()))


LOSSES = {
    "mean_squared_error": lambda out, y: functional.mse_loss(out, y),
    "mean_absolute_error": lambda out, y: functional.l1_loss(out, y),
    "huber": lambda out, y: functional.huber_loss(out, y),
    "binary_crossentropy": lambda z, y: functional.binary_cross_entropy_with_logits(z, y),
    "categorical_crossentropy": lambda z, y: functional.cross_entropy(z, y),
    "sparse_categorical_crossentropy": lambda z, y: functional.cross_entropy(z, y),
}


@settings(same_each_time, max_examples=100)
@given(recipe=graphs.recipes(single=True), name=st.sampled_from(sorted(LOSSES)))
def test_losses_and_gradients_of_training_steps(recipe, name):
    model = graphs.build(recipe)
    logits = "crossentropy" in name
    cols = model.outputs
    if (logits and model.output_activation != "linear") or ("categorical" in name and cols < 2):
        return
    xs = graphs.rows_far_from_bends(recipe, model.parameters, ROWS, 1e-9)
    if xs is None:
        return
    rng = np.random.default_rng(recipe.seed)
    y = {
        "binary_crossentropy": rng.uniform(0, 1, (ROWS, cols)),
        "categorical_crossentropy": rng.dirichlet(np.ones(cols), ROWS),
        "sparse_categorical_crossentropy": rng.integers(0, cols, ROWS),
    }.get(name, rng.uniform(-2, 2, (ROWS, cols)))
    spec = fnn.losses.get(name)
    spec = spec.replace(from_logits=True) if logits else spec
    shown = fnn.Trainer(model, spec, fnn.SGD(1e-300)).train_on_batch(xs[0], y)["loss"]
    parameters = leaves(model.parameters)
    found, penalty = run(recipe, parameters, [torch.tensor(xs[0])])
    loss = LOSSES[name](found[recipe.outputs[0]], torch.tensor(y)) + penalty
    if parameters:
        loss.backward()
    assert shown == pytest.approx(loss.item(), rel=1e-10, abs=1e-12)
    for key, leaf in parameters.items():
        want = gradient_of(leaf)
        np.testing.assert_allclose(
            model.gradients[key], want, rtol=1e-8, atol=1e-10 * max(1, np.abs(want).max())
        )


# ---- what single layers mean --------------------------------------------------------------------


def numbers(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def test_moving_moments_of_batch_normalization():
    """PyTorch's momentum is one minus ours, and its moving variance is the unbiased one."""
    norm = torch.nn.BatchNorm1d(4, eps=0.01, momentum=0.25, dtype=torch.float64)
    x = fnn.Input(4)
    model = fnn.Model(x, fnn.BatchNormalization(0.75, epsilon=0.01, name="bn")(x), dtype="float64")
    variance = np.ones(4)
    for k in range(3):
        rows = numbers(7, 4, seed=k) * 2 + 1
        out = model.forward(rows, training=True)
        np.testing.assert_allclose(
            out, norm(torch.tensor(rows)).detach().numpy(), rtol=1e-11, atol=1e-12
        )
        unbiased = rows.var(axis=0, ddof=1)
        variance = 0.75 * variance + 0.25 * unbiased
        np.testing.assert_allclose(norm.running_var.numpy(), variance, rtol=1e-12)
        np.testing.assert_allclose(
            model.state["bn/moving_mean"], norm.running_mean.numpy(), rtol=1e-12
        )
    norm.running_var[:] = torch.tensor(np.array(model.state["bn/moving_variance"]))
    norm.eval()
    np.testing.assert_allclose(
        model.predict(rows), norm(torch.tensor(rows)).detach().numpy(), rtol=1e-11, atol=1e-12
    )


def test_layer_norm_rms_norm_and_prelu_modules():
    x = fnn.Input(6)
    rows = numbers(5, 6)
    pairs = [
        (fnn.LayerNormalization(1e-5), torch.nn.LayerNorm(6, eps=1e-5, dtype=torch.float64)),
        (fnn.RMSNormalization(1e-6), torch.nn.RMSNorm(6, eps=1e-6, dtype=torch.float64)),
        (
            fnn.PReLU(fnn.initializers.Constant(0.25)),
            torch.nn.PReLU(6, init=0.25, dtype=torch.float64),
        ),
    ]
    for layer, module in pairs:
        model = fnn.Model(x, layer(x), dtype="float64")
        np.testing.assert_allclose(
            model.predict(rows), module(torch.tensor(rows)).detach().numpy(), rtol=1e-12, atol=1e-13
        )


def test_embedding_and_its_gradient():
    x = fnn.Input(1)
    model = fnn.Model(x, fnn.Embedding(6, 3, name="e")(x), seed=0, dtype="float64")
    module = torch.nn.Embedding(6, 3, dtype=torch.float64)
    with torch.no_grad():
        module.weight[:] = torch.tensor(np.array(model.parameters["e/embeddings"]))
    index, dy = np.array([[1], [5], [1], [0]]), numbers(4, 3)
    out = module(torch.tensor(index[:, 0]))
    np.testing.assert_array_equal(model.forward(index, training=True), out.detach().numpy())
    out.backward(torch.tensor(dy))
    model.backward(dy)
    np.testing.assert_allclose(
        model.gradients["e/embeddings"], module.weight.grad.numpy(), rtol=1e-14
    )


def test_bilinear_module():
    a, b = fnn.Input(3), fnn.Input(4)
    model = fnn.Model([a, b], fnn.Bilinear(2, name="b")([a, b]), seed=0, dtype="float64")
    module = torch.nn.Bilinear(3, 4, 2, dtype=torch.float64)
    with torch.no_grad():
        kernel = np.array(model.parameters["b/kernel"]).reshape(3, 2, 4).transpose(1, 0, 2)
        module.weight[:] = torch.tensor(kernel)
        module.bias[:] = torch.tensor(np.array(model.parameters["b/bias"]))
    x = [numbers(5, 3), numbers(5, 4)]
    want = module(*map(torch.tensor, x)).detach().numpy()
    np.testing.assert_allclose(model.predict(x), want, rtol=1e-12, atol=1e-13)


def test_dropout_scales_as_torch_does_and_a_rate_of_0_is_nothing():
    x = fnn.Input(50)
    rows = np.ones((200, 50))
    kept = fnn.Model(x, fnn.Dropout(0.25)(x), seed=0, dtype="float64").forward(rows, training=True)
    torch.manual_seed(0)
    there = functional.dropout(torch.tensor(rows), 0.25, training=True).numpy()
    assert set(np.unique(kept)) == set(np.unique(there)) == {0.0, 1 / 0.75}
    none = fnn.Model(x, fnn.Dropout(0.0)(x), seed=0, dtype="float64").forward(rows, training=True)
    np.testing.assert_array_equal(none, functional.dropout(torch.tensor(rows), 0.0).numpy())


def test_alpha_dropout_takes_the_same_values():
    x = fnn.Input(50)
    rows = np.full((200, 50), 0.5)
    ours = fnn.Model(x, fnn.AlphaDropout(0.25)(x), seed=0, dtype="float64").forward(
        rows, training=True
    )
    torch.manual_seed(0)
    there = functional.alpha_dropout(torch.tensor(rows), 0.25, training=True).numpy()
    np.testing.assert_allclose(np.unique(ours), np.unique(there), rtol=1e-6)


# ---- the numbers that always run ----------------------------------------------------------------


def stored_numbers():
    """What `tests/reference/torch_numbers.py` holds: loss and gradients of each stored graph."""
    numbers = {}
    for name, (recipe, loss) in stored_graphs.GRAPHS.items():
        model = graphs.build(recipe)
        stored_graphs.fill(model)
        xs, y = stored_graphs.rows(recipe, loss, model.outputs)
        parameters = leaves(model.parameters)
        found, penalty = run(recipe, parameters, [torch.tensor(x) for x in xs])
        value = LOSSES[loss](found[recipe.outputs[0]], torch.tensor(y)) + penalty
        value.backward()
        numbers[name] = {"loss": value.item()} | {
            key: gradient_of(leaf).reshape(-1).tolist() for key, leaf in parameters.items()
        }
    return numbers


def test_stored_numbers_are_still_those_of_torch():
    from reference.torch_numbers import NUMBERS

    for name, wanted in stored_numbers().items():
        for key, value in wanted.items():
            np.testing.assert_allclose(NUMBERS[name][key], value, rtol=1e-9, atol=1e-13)


def print_stored_numbers():
    """Write the file anew: import this module and call this, with tests/ on the path."""
    print('"""Losses and gradients that PyTorch', torch.__version__.split("+")[0], end=" ")
    print("gave for `stored_graphs`, in float64;")
    print('tests/optional/test_against_torch.py makes them and compares."""\n')
    print("NUMBERS = {")
    for name, values in stored_numbers().items():
        print(f"    {name!r}: {{")
        for key, value in values.items():
            flat = value if isinstance(value, list) else [value]
            text = [f"{number:.17g}" for number in flat]
            if isinstance(value, list):
                print(f"        {key!r}: [")
                for i in range(0, len(text), 3):
                    print("            " + ", ".join(text[i : i + 3]) + ",")
                print("        ],")
            else:
                print(f"        {key!r}: {text[0]},")
        print("    },")
    print("}")
