"""ONNX files that the installed PyTorch and Keras write, read by fastnn; skipped without them.

The files under ``tests/data/onnx`` are from fixed versions; this is for the ones at hand.  Keras
runs if its backend is torch: ``KERAS_BACKEND=torch pytest tests/optional``.
"""

from __future__ import annotations

import os
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import fastnn as fnn  # noqa: E402

nn = torch.nn
pytestmark = pytest.mark.filterwarnings("ignore")  # of exporters

ACTIVATIONS = {
    "gelu": nn.GELU(),
    "gelu_tanh": nn.GELU("tanh"),
    "silu": nn.SiLU(),
    "mish": nn.Mish(),
    "hard_silu": nn.Hardswish(),
    "hard_sigmoid": nn.Hardsigmoid(),
    "hard_tanh": nn.Hardtanh(),
    "relu": nn.ReLU(),
    "relu6": nn.ReLU6(),
    "leaky_relu": nn.LeakyReLU(0.2),
    "elu": nn.ELU(0.7),
    "celu": nn.CELU(1.3),
    "selu": nn.SELU(),
    "softplus": nn.Softplus(),
    "softsign": nn.Softsign(),
    "sigmoid": nn.Sigmoid(),
    "tanh": nn.Tanh(),
    "log_sigmoid": nn.LogSigmoid(),
    "tanh_shrink": nn.Tanhshrink(),
    "soft_shrink": nn.Softshrink(0.3),
    "hard_shrink": nn.Hardshrink(0.4),
    "softmax": nn.Softmax(1),
    "log_softmax": nn.LogSoftmax(1),
    "glu": nn.GLU(),
}


def written(net, x, path, dynamo, opset):
    """What fastnn reads of a PyTorch module; skipped where the exporter cannot write it."""
    if dynamo:
        pytest.importorskip("onnxscript")
        more = {"dynamic_shapes": ({0: torch.export.Dim("batch")},), "verbose": False}
    else:
        more = {"input_names": ["x"], "dynamic_axes": {"x": {0: "batch"}}}
    try:
        torch.onnx.export(net.eval(), (x,), path, dynamo=dynamo, opset_version=opset, **more)
    except torch.onnx.errors.UnsupportedOperatorError as error:
        pytest.skip(str(error))
    return fnn.from_onnx(path)


@pytest.mark.parametrize("dynamo, opset", [(False, 13), (False, 17), (True, 18), (True, 20)])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_torch_activation_is_one_layer(name, dynamo, opset, tmp_path):
    torch.manual_seed(0)
    net, x = nn.Sequential(nn.Linear(4, 6), ACTIVATIONS[name]), 3 * torch.randn(7, 4)
    model = written(net, x, tmp_path / "m.onnx", dynamo, opset)
    assert len(model) == 2
    assert model.layers[1].activation.name == name
    # float32 in another order, and torch's own approximations
    np.testing.assert_allclose(model.predict(x.numpy()), net(x).detach(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("module", [nn.Softplus(beta=2.0), nn.Threshold(0.4, -0.2)])
def test_torch_activation_between_scales(module, tmp_path):
    torch.manual_seed(0)
    net, x = nn.Sequential(nn.Linear(4, 6), module, nn.Linear(6, 2)), 3 * torch.randn(7, 4)
    model = written(net, x, tmp_path / "m.onnx", True, 18)
    np.testing.assert_allclose(model.predict(x.numpy()), net(x).detach(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dynamo, opset", [(False, 13), (True, 18), (True, 20)])
def test_torch_norms_and_residuals(dynamo, opset, tmp_path):
    torch.manual_seed(0)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1, self.fc2 = nn.Linear(4, 6), nn.Linear(6, 6)
            self.norm, self.batch = nn.LayerNorm(6), nn.BatchNorm1d(6)
            self.slope, self.drop = nn.PReLU(6), nn.Dropout(0.3)

        def forward(self, x):
            h = self.norm(self.fc1(x))
            h = h + self.drop(self.slope(self.batch(self.fc2(h))))
            return torch.cat([h, x], 1)

    net, x = Net(), torch.randn(7, 4)
    for _ in range(3):
        net.train()(1 + 2 * torch.randn(32, 4))
    model = written(net, x, tmp_path / "m.onnx", dynamo, opset)
    np.testing.assert_allclose(model.predict(x.numpy()), net(x).detach(), rtol=1e-5, atol=1e-5)


def test_what_fastnn_writes_comes_back_through_torch_weights(tmp_path):
    """A dense layer of fastnn and torch's linear with the same numbers give the same file."""
    model = fnn.Sequential([fnn.Input(4), fnn.Dense(3, name="fc")], seed=0)
    net = nn.Sequential()
    net.add_module("fc", nn.Linear(4, 3))
    with torch.no_grad():
        net.fc.weight[:] = torch.from_numpy(model.parameters["fc/kernel"].T.copy())
        net.fc.bias[:] = torch.from_numpy(model.parameters["fc/bias"].copy())
    again = written(net, torch.zeros(2, 4), tmp_path / "m.onnx", False, 17)
    assert again.layer_names[1:] == ("fc",)
    np.testing.assert_array_equal(again.parameter_arena, model.parameter_arena)


KERAS = (
    *("relu", "leaky_relu", "relu6", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus"),
    *("softsign", "sigmoid", "tanh", "hard_sigmoid", "hard_silu", "hard_tanh", "tanh_shrink"),
    *("soft_shrink", "hard_shrink", "squareplus", "log_sigmoid", "softmax", "log_softmax"),
)


@pytest.mark.skipif(os.environ.get("KERAS_BACKEND") != "torch", reason="wants KERAS_BACKEND=torch")
@pytest.mark.parametrize("name", KERAS)
def test_keras_activation_is_one_layer(name, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        keras = pytest.importorskip("keras")
        keras.utils.set_random_seed(0)
        net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(6, activation=name)])
        x = 3 * np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
        want = net(x).detach().numpy()
        net.export(tmp_path / "m.onnx", format="onnx", verbose=False)
    model = fnn.from_onnx(tmp_path / "m.onnx")
    assert [layer.kind for layer in model] == ["input", "dense"]
    assert model.layers[1].activation.name == name
    np.testing.assert_allclose(model.predict(x), want, rtol=1e-5, atol=1e-5)
