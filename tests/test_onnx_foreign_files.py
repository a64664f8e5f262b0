"""ONNX files that PyTorch, Keras, scikit-learn and ONNX's own tools wrote: read, and compared with
what these tools compute.  ``tests/reference/foreign_onnx.py`` made them; none of them is needed.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

import fastnn as fnn

FOLDER = Path(__file__).parent / "data" / "onnx"
INDEX = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))
LABELS = {
    "sklearn_binary_pipeline_zipmap",
    "sklearn_multiclass",
    "sklearn_multilabel",
    "sklearn_words_column_transformer",
}
STACKED = {"sklearn_regressor_two_targets"}  # skl2onnx reshapes its output to (-1, 1)


def load(name):
    """The model of a file; class labels are left out with a warning."""
    path = FOLDER / f"{name}.onnx"
    if name not in LABELS | STACKED:
        return fnn.from_onnx(path)
    message = "class labels" if name in LABELS else "as columns"
    with pytest.warns(fnn.FastnnWarning, match=message):
        return fnn.from_onnx(path)


def expected(name):
    """Inputs and outputs by their names, rows laid flat."""
    with np.load(FOLDER / "expected.npz") as arrays:
        found = {"x": {}, "y": {}}
        for key in arrays.files:
            owner, kind, tensor = key.split("/", 2)
            if owner == name:
                found[kind][tensor] = arrays[key].reshape(len(arrays[key]), -1)
    return found["x"], found["y"]


def predict(model, x):
    y = model.predict(x if len(x) > 1 else next(iter(x.values())))
    return y if isinstance(y, dict) else {"": y}


def test_there_are_twenty_of_four_tools():
    assert len(INDEX) >= 20
    assert {path.stem for path in FOLDER.glob("*.onnx")} == set(INDEX)
    assert {name.split("_")[0] for name in INDEX} == {"torch", "keras", "sklearn", "onnx"}


@pytest.mark.parametrize("name", sorted(INDEX))
def test_foreign_file_agrees(name):
    x, want = expected(name)
    found = predict(load(name), x)
    if len(want) == 1:
        want = {next(iter(found)): next(iter(want.values()))}
    assert found.keys() == want.keys()
    # Sums in float32, in another order; half precision rounds each value to 3 digits.
    tolerance = 5e-3 if "float16" in name else 1e-12 if "float64" in name else 1e-5
    for key, values in want.items():
        np.testing.assert_allclose(found[key], values, rtol=tolerance, atol=tolerance)


LAYERS = {
    "torch_opset11_gelu_layernorm": "dense gelu, dense, layer_normalization, dense silu, dense",
    "torch_opset13_batchnorm_dropout": (
        "dense, batch_normalization, activation relu, dense softmax"
    ),
    "torch_opset17_activations": (
        "dense mish, dense hard_silu, dense leaky_relu, dense, prelu, dense log_sigmoid, "
        "dense hard_shrink, dense gelu_tanh, dense"
    ),
    "torch_opset18_activations": (
        "dense gelu, dense tanh_shrink, dense softplus, dense celu, dense elu, dense soft_shrink, "
        "dense softsign, dense"
    ),
    "torch_opset20_activations": (
        "dense gelu_tanh, dense selu, dense hard_tanh, dense relu6, dense hard_sigmoid, dense, "
        "rms_normalization, dense log_softmax, dense"
    ),
    "torch_opset18_residual_bilinear": (
        "dense relu, add, bilinear, split, concatenate, dense, maximum"
    ),
    "torch_opset17_images_float64": "dense tanh, dense",
    "torch_opset18_gated": "dense glu, layer_normalization, dense hard_silu",
    "keras_batchnorm_softmax": (
        "dense gelu, normalization, normalization, dense silu, dense softmax"
    ),
    "keras_activations": (
        "dense mish, dense celu, dense squareplus, dense relu6, dense hard_silu, "
        "dense soft_shrink, dense tanh_shrink, prelu, dense log_softmax"
    ),
    "keras_residual": "dense relu, add, dense leaky_relu, concatenate, dense hard_sigmoid",
    "sklearn_regressor_float64": "dense relu, dense relu, dense",
    "sklearn_binary_pipeline_zipmap": (
        "normalization, dense relu, dense relu, dense sigmoid, normalization, concatenate"
    ),
    "sklearn_multiclass": "dense sigmoid, dense sigmoid, dense softmax",
    "onnx_helper_gemm_float16": "dense relu, dense",
    "onnx_parser_function": "dense silu, activation silu, add",
}


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_foreign_file_becomes_few_layers(name):
    """What a tool spells out in several operators is one layer again."""
    found = []
    for layer in load(name).layers:
        activation = getattr(layer, "activation", None)
        plain = activation is None or activation.name == "linear"
        found.append(layer.kind if plain else f"{layer.kind} {activation.name}")
    assert ", ".join(one for one in found if one != "input") == LAYERS[name]


def test_layers_have_the_names_of_their_weights():
    model = load("torch_opset18_residual_bilinear")
    assert {"fc1", "shared"} <= set(model.layer_names)
    assert load("torch_opset13_embedding").layer_names[-1] == "head"


def test_shared_weights_are_one_layer():
    model = load("torch_opset18_residual_bilinear")
    assert sum(use.layer == model.layer_names.index("shared") for use in model._uses) == 2


def test_a_file_with_float64_makes_a_float64_model():
    assert load("sklearn_regressor_float64").dtype == "float64"
    assert load("onnx_helper_gemm_float16").dtype == "float32"


@pytest.mark.parametrize(
    "name", ["torch_opset11_gelu_layernorm", "keras_residual", "sklearn_regressor_float64"]
)
def test_foreign_network_can_be_trained_further(name):
    model = load(name)
    x, _ = expected(name)
    (rows,) = x.values()
    target = np.linspace(0, 1, len(rows) * model.outputs).reshape(len(rows), -1)
    trainer = fnn.Trainer(model, "mse", fnn.Adam(learning_rate=0.01))
    history = trainer.fit(rows, target, epochs=200, verbose=0)
    assert history["loss"][-1] < 0.8 * history["loss"][0]


@pytest.mark.parametrize("name", sorted(INDEX))
def test_foreign_file_goes_out_again(name, tmp_path):
    model = load(name)
    model.export_onnx(tmp_path / "again.onnx")
    again = fnn.from_onnx(tmp_path / "again.onnx")
    x, _ = expected(name)
    for one, other in zip(predict(model, x).values(), predict(again, x).values(), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-6, atol=2e-6)  # float32, sums alike


def test_saved_model_of_a_foreign_file(tmp_path):
    with warnings.catch_warnings():
        model = load("keras_batchnorm_softmax")
    model.save(tmp_path / "m.safetensors")
    x, want = expected("keras_batchnorm_softmax")
    (rows,), (values,) = x.values(), want.values()
    found = fnn.load(tmp_path / "m.safetensors").predict(rows)
    np.testing.assert_allclose(found, values, rtol=1e-5, atol=1e-5)
