"""`Model.load_weights`: safetensors files as PyTorch names and lays out what is in them.

The files are written here with NumPy; tests/optional has those that PyTorch itself writes.
"""

from __future__ import annotations

import struct

import numpy as np
import pytest
from safetensors.numpy import save_file

import fastnn as fnn

RNG = np.random.default_rng(0)
X = RNG.standard_normal((10, 7))


def linear(outputs, inputs):
    return {
        "weight": RNG.standard_normal((outputs, inputs)),
        "bias": RNG.standard_normal(outputs),
    }


def norm(columns):
    return {
        "weight": RNG.uniform(0.5, 2, columns),
        "bias": RNG.standard_normal(columns),
        "running_mean": RNG.standard_normal(columns),
        "running_var": RNG.uniform(0.5, 2, columns),
        "num_batches_tracked": np.array(17),
    }


def state(**layers):
    return {
        f"{name}.{key}": array for name, found in layers.items() for key, array in found.items()
    }


def written(path, tensors, dtype=np.float64):
    file = path / "torch.safetensors"
    plain = {
        key: np.ascontiguousarray(array if array.dtype.kind == "i" else array.astype(dtype))
        for key, array in tensors.items()
    }
    save_file(plain, file)
    return file


def mlp(*names, widths=(7, 5, 5, 2)):
    layers = [fnn.Dense(n, "tanh", name=name) for n, name in zip(widths[1:], names, strict=True)]
    return fnn.Sequential([fnn.Input(widths[0]), *layers], seed=0, dtype="float64")


def forward(x, *layers):
    for one in layers:
        x = np.tanh(x @ one["weight"].T + one["bias"])
    return x


@pytest.mark.parametrize("names", [("0", "2", "10"), ("fc1", "fc2", "fc10"), ("a.0", "a.3", "a.4")])
def test_layers_in_the_order_of_their_numbers(tmp_path, names):
    layers = [linear(5, 7), linear(5, 5), linear(5, 5)]
    tensors = state(**dict(zip(names, layers, strict=True)))
    model = mlp(None, None, None, widths=(7, 5, 5, 5))
    model.load_weights(written(tmp_path, tensors))
    np.testing.assert_allclose(model.predict(X), forward(X, *layers), rtol=1e-12)


def test_names_of_the_model_win_over_order(tmp_path):
    last, first = linear(7, 7), linear(7, 7)
    model = mlp("zz", "aa", widths=(7, 7, 7))
    model.load_weights(written(tmp_path, state(aa=last, zz=first)))
    np.testing.assert_allclose(model.predict(X), forward(X, first, last), rtol=1e-12)


def test_other_names_are_told_apart_by_shapes_alone(tmp_path):
    hidden, out = linear(5, 7), linear(2, 5)
    model = mlp(None, None, widths=(7, 5, 2))
    model.load_weights(written(tmp_path, state(output=out, hidden=hidden)))
    np.testing.assert_allclose(model.predict(X), forward(X, hidden, out), rtol=1e-12)
    square = written(tmp_path, state(second=linear(7, 7), first=linear(7, 7)))
    model = mlp(None, None, widths=(7, 7, 7))
    before = model.get_weights()
    text = (
        "load_weights: .*torch.safetensors does not fit the model: first, second are alike in "
        "their shapes, and their names do not say which of dense_0, dense_1 each is"
    )
    with pytest.raises(ValueError, match=text):
        model.load_weights(square)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_mapping(tmp_path):
    first, second = linear(7, 7), linear(7, 7)
    file = written(tmp_path, state(second=second, first=first))
    model = mlp(None, None, widths=(7, 7, 7))
    model.load_weights(
        file,
        mapping={
            f"dense_{i}/{ours}": f"{theirs}.{key}"
            for i, theirs in enumerate(("first", "second"))
            for ours, key in (("kernel", "weight"), ("bias", "bias"))
        },
    )
    np.testing.assert_allclose(model.predict(X), forward(X, first, second), rtol=1e-12)
    bias = model.parameters["dense_1/bias"].copy()
    model.load_weights(file, mapping={"dense_0/bias": "second.bias"})  # one alone
    np.testing.assert_array_equal(model.parameters["dense_0/bias"], second["bias"])
    np.testing.assert_array_equal(model.parameters["dense_1/bias"], bias)
    with pytest.raises(ValueError, match="load_weights: unknown parameter 'dense_9/bias'"):
        model.load_weights(file, mapping={"dense_9/bias": "second.bias"})
    with pytest.raises(
        ValueError, match=r"unknown tensor 'secnd.bias'; did you mean 'second.bias'"
    ):
        model.load_weights(file, mapping={"dense_0/bias": "secnd.bias"})
    with pytest.raises(TypeError, match="load_weights: mapping must map this model's names"):
        model.load_weights(file, mapping=["dense_0/bias"])
    with pytest.raises(ValueError, match=r"bias from first.weight has shape \(7, 7\), want \(7,\)"):
        model.load_weights(file, mapping={"dense_0/bias": "first.weight"})


def test_every_kind_of_layer(tmp_path):
    tensors = state(
        **{"0": {"weight": RNG.standard_normal((9, 4))}, "2": linear(6, 4), "3": norm(6)},
        **{"4": {"weight": np.array([0.25])}, "5": {k: norm(6)[k] for k in ("weight", "bias")}},
        **{"6": linear(2, 6)},
    )
    codes = RNG.integers(0, 9, (20, 1))
    model = fnn.Sequential(
        [
            *(fnn.Input(1), fnn.Embedding(9, 4), fnn.Dense(6), fnn.BatchNormalization()),
            *(fnn.PReLU(), fnn.LayerNormalization(), fnn.Dense(2)),
        ],
        dtype="float64",
    )
    model.load_weights(written(tmp_path, tensors))
    z = tensors["0.weight"][codes[:, 0]] @ tensors["2.weight"].T + tensors["2.bias"]
    z = (z - tensors["3.running_mean"]) / np.sqrt(tensors["3.running_var"] + 1e-3)
    z = z * tensors["3.weight"] + tensors["3.bias"]
    z = np.where(z > 0, z, 0.25 * z)
    z = (z - z.mean(1, keepdims=True)) / np.sqrt(z.var(1, keepdims=True) + 1e-3)
    z = z * tensors["5.weight"] + tensors["5.bias"]
    want = z @ tensors["6.weight"].T + tensors["6.bias"]
    np.testing.assert_allclose(model.predict(codes), want, rtol=1e-10)


def test_scaler_stays(tmp_path):
    model = fnn.Sequential([fnn.Input(7), fnn.Normalization(), fnn.Dense(2)])
    model.adapt(X)
    mean = model.state["normalization_0/mean"].copy()
    model.load_weights(written(tmp_path, state(fc=linear(2, 7))))
    np.testing.assert_array_equal(model.state["normalization_0/mean"], mean)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_other_precisions(tmp_path, kind):
    layer = linear(2, 7)
    model = mlp(None, widths=(7, 2))
    model.load_weights(written(tmp_path, state(fc=layer), kind))
    want = layer["weight"].astype(kind).T
    np.testing.assert_array_equal(model.parameters["dense_0/kernel"], want)


def raw_file(path, name, kind, shape, content):
    """A safetensors file by hand, for types that NumPy lacks."""
    head = (
        f'{{"{name}":{{"dtype":"{kind}","shape":{list(shape)},"data_offsets":[0,{len(content)}]}}}}'
    )
    path.write_bytes(struct.pack("<Q", len(head)) + head.encode() + content)
    return path


def test_bfloat16(tmp_path):
    values = np.array([[1.5, -2.0, 3.0e38, 1e-40, 0.1]], np.float32)
    halves = (values.view(np.uint32) >> 16).astype(np.uint16)
    file = raw_file(tmp_path / "b", "fc.weight", "BF16", (1, 5), halves.tobytes())
    model = fnn.Sequential([fnn.Input(5), fnn.Dense(1, use_bias=False)])
    model.load_weights(file)
    want = (halves.astype(np.uint32) << 16).view(np.float32).T
    np.testing.assert_array_equal(model.parameters["dense_0/kernel"], want)
    eighths = raw_file(tmp_path / "c", "fc.weight", "F8_E4M3", (1, 5), bytes(5))
    with pytest.raises(
        ValueError, match=r"has fc[.]weight as F8_E4M3; want float64, 32, 16 or bfl"
    ):
        model.load_weights(eighths)


def test_file_of_fastnn(tmp_path):
    one, other = mlp(None, None, widths=(7, 7, 7)), mlp(None, None, widths=(7, 7, 7))
    one.initialize(seed=5)
    one.save(tmp_path / "m.safetensors")
    other.load_weights(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(one.parameter_arena, other.parameter_arena)
    norms = [fnn.Sequential([fnn.Input(3), fnn.BatchNormalization()]) for _ in range(2)]
    norms[0].state["batch_normalization_0/moving_mean"][...] = 4
    norms[0].save(tmp_path / "n.safetensors")
    norms[1].load_weights(tmp_path / "n.safetensors")
    np.testing.assert_array_equal(norms[1].parameter_arena, norms[0].parameter_arena)


def test_all_that_does_not_fit_is_listed(tmp_path):
    tensors = state(fc1=linear(5, 7), fc2=linear(3, 5), extra=norm(4))
    model = mlp(None, None, None)
    with pytest.raises(ValueError, match="load_weights") as caught:
        model.load_weights(written(tmp_path, tensors))
    for part in (
        "dense_1 want bias (5,), weight (5, 5), which 0 layers there have",
        "dense_2 want bias (2,), weight (2, 5), which 0 layers there have",
        "fc2 has bias (3,), weight (3, 5): no such layer here",
        "extra has bias (4,), running_mean (4,), running_var (4,), weight (4,): no such layer here",
        "mapping={'dense_0/kernel': 'their name', ...} says it",
    ):
        assert part in str(caught.value)


def test_bad_files_and_values(tmp_path):
    model = mlp(None, widths=(7, 2))
    before = model.parameter_arena.copy()
    with pytest.raises(FileNotFoundError):
        model.load_weights(tmp_path / "nothing")
    (tmp_path / "text").write_text("no tensors at all")
    with pytest.raises(ValueError, match="text is not a whole safetensors file, or none at all"):
        model.load_weights(tmp_path / "text")
    whole = written(tmp_path, state(fc=linear(2, 7))).read_bytes()
    (tmp_path / "cut").write_bytes(whole[:-8])
    with pytest.raises(ValueError, match="cut is not a whole safetensors file"):
        model.load_weights(tmp_path / "cut")
    bad = linear(2, 7)
    bad["bias"][1] = np.nan
    with pytest.raises(ValueError, match=r"dense_0/bias from fc.bias has values that are not fin"):
        model.load_weights(written(tmp_path, state(fc=bad)))
    np.testing.assert_array_equal(model.parameter_arena, before)
