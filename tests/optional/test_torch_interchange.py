"""Models from PyTorch and back; skipped where torch is not installed."""

from __future__ import annotations

import subprocess
import sys
from collections import OrderedDict

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402

import fastnn as fnn  # noqa: E402

nn = torch.nn
ATOL = {"float32": 2e-6, "float64": 1e-13}  # the order of sums of values around 1

ACTIVATIONS = [
    *(nn.ReLU(), nn.LeakyReLU(0.2), nn.ELU(0.7), nn.CELU(0.6), nn.SELU(), nn.GELU()),
    *(nn.GELU(approximate="tanh"), nn.Sigmoid(), nn.Tanh(), nn.SiLU(), nn.Softplus(), nn.ReLU6()),
    *(nn.Hardsigmoid(), nn.Hardtanh(), nn.Hardtanh(0.0, 6.0), nn.Hardswish(), nn.Mish()),
    *(nn.Softsign(), nn.LogSigmoid(), nn.Tanhshrink(), nn.Softshrink(0.3), nn.Hardshrink(0.2)),
    *(nn.Threshold(0, 0), nn.GLU(), nn.Softmax(dim=1), nn.Softmax(dim=-1), nn.LogSoftmax(dim=1)),
]


def stirred(module):
    """The module with moments, gammas, ... that are not 0 and 1, in evaluation mode."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for one in module.modules():
            if isinstance(one, (nn.BatchNorm1d, nn.LayerNorm, nn.RMSNorm)):
                for tensor in (*one.parameters(), *one.buffers()):
                    if tensor.is_floating_point():
                        tensor.uniform_(0.5, 1.5, generator=generator)
    return module.eval()


def agree(module, model, x):
    dtype = getattr(torch, model.dtype)
    with torch.no_grad():
        want = module(torch.from_numpy(x).to(dtype)).numpy()
    np.testing.assert_allclose(model.predict(x), want, rtol=0, atol=ATOL[model.dtype])


def rows(columns, n=20):
    return np.random.default_rng(1).standard_normal((n, columns))


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_layer(dtype):
    encoder = nn.Sequential(
        OrderedDict(fc1=nn.Linear(7, 12), norm=nn.BatchNorm1d(12), act=nn.ReLU())
    )
    module = nn.Sequential(
        *(nn.Flatten(), nn.Dropout(0.2), encoder, nn.AlphaDropout(0.1), nn.Identity()),
        *(nn.LayerNorm(12), nn.PReLU(12), nn.Linear(12, 8, bias=False), nn.PReLU()),
        *(nn.RMSNorm(8), nn.LayerNorm(8, elementwise_affine=False), nn.LayerNorm(8, bias=False)),
        *(nn.BatchNorm1d(8, affine=False, momentum=0.3, eps=1e-2), nn.RMSNorm(8, eps=1e-3)),
        nn.Linear(8, 3),
    )
    module = stirred(module.to(dtype))
    model = fnn.from_torch(module)
    assert model.dtype == str(dtype).removeprefix("torch.")
    assert "2.fc1/kernel" in model.parameters  # named as there
    assert model["batch_normalization_1"].momentum == pytest.approx(0.7)
    agree(module, model, rows(7))
    back = model.to_torch().eval()
    agree(back, model, rows(7))
    assert back[0].training is False
    assert fnn.from_torch(back).count_parameters() == model.count_parameters()


@pytest.mark.parametrize("one", ACTIVATIONS, ids=repr)
def test_every_activation(one):
    module = nn.Sequential(nn.Linear(5, 6), one).eval()
    model = fnn.from_torch(module)
    agree(module, model, 3 * rows(5))
    agree(model.to_torch().eval(), model, 3 * rows(5))
    alone = fnn.from_torch(one, inputs=6)
    agree(one, alone, 3 * rows(6))


def test_our_activations_go_there_or_are_refused():
    lacking = {"exp", "sparsemax", "squareplus"}
    for cls in set(fnn.activations.Activation.table.values()):
        model = fnn.Sequential([fnn.Input(4), fnn.Dense(6, cls())], seed=0)
        if cls.tag in lacking:
            text = rf"to_torch: PyTorch has no module for dense_0 \(activation '{cls.tag}'\)"
            with pytest.raises(ValueError, match=text):
                model.to_torch()
        else:
            agree(model.to_torch(), model, rows(4))


def test_width_is_found_behind_layers_without_one():
    module = nn.Sequential(nn.ReLU(), nn.GLU(), nn.PReLU(), nn.Linear(3, 2)).eval()
    model = fnn.from_torch(module)
    assert model.inputs == 6
    agree(module, model, rows(6))
    with pytest.raises(ValueError, match="from_torch: no module says how many columns come in"):
        fnn.from_torch(nn.Sequential(nn.ReLU()))
    agree(nn.Sequential(), fnn.from_torch(nn.Sequential(), inputs=2), rows(2))


def test_repeated_module_is_one_layer():
    shared = nn.Linear(4, 4)
    act = nn.ReLU()
    module = nn.Sequential(shared, act, shared, act, nn.Linear(4, 1))
    model = fnn.from_torch(module)
    assert list(model.parameters) == [f"dense_{i}/{k}" for i in (0, 1) for k in ("kernel", "bias")]
    agree(module, model, rows(4))


@pytest.mark.parametrize("columns", [1, 3])
def test_embedding(columns):
    module = nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), nn.Linear(4 * columns, 2)).eval()
    model = fnn.from_torch(module)
    codes = np.random.default_rng(0).integers(0, 9, (20, columns))
    want = module(torch.from_numpy(codes)).detach().numpy()
    np.testing.assert_allclose(model.predict(codes), want, rtol=0, atol=1e-6)
    if columns == 1:
        found = model.to_torch()(torch.from_numpy(codes)).detach().numpy()
        np.testing.assert_allclose(found, want, rtol=0, atol=1e-6)


def test_frozen_stays_frozen():
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    module[0].requires_grad_(False)
    model = fnn.from_torch(module)
    assert [model._is_trained(name) for name in model.parameters] == [False, False, True, True]
    back = model.to_torch()
    assert [one.requires_grad for one in back.parameters()] == [False, False, True, True]


def test_weights_are_copies():
    module = nn.Sequential(nn.Linear(3, 1))
    model = fnn.from_torch(module)
    before = model.predict(rows(3))
    with torch.no_grad():
        module[0].weight.zero_()
    np.testing.assert_array_equal(model.predict(rows(3)), before)
    back = model.to_torch()
    model.parameters["dense_0/kernel"][...] = 0
    assert bool((back[0].weight != 0).all())


def test_all_that_cannot_be_converted_is_listed():
    class Mine(nn.Module):
        def forward(self, x):
            return x

    inner = nn.Sequential(OrderedDict(conv=nn.Conv1d(1, 1, 1), ok=nn.ReLU()))
    module = nn.Sequential(
        *(nn.Linear(4, 4), inner, Mine(), nn.Softplus(beta=2), nn.Softmax(dim=0)),
        *(nn.Hardtanh(-2, 2), nn.BatchNorm1d(4, track_running_stats=False), nn.LayerNorm((2, 2))),
        *(nn.Embedding(3, 2), nn.Dropout(1.0), nn.RReLU(), nn.BatchNorm1d(4, momentum=None)),
    )
    with pytest.raises(ValueError, match="from_torch: cannot convert: ") as caught:
        fnn.from_torch(module)
    message = str(caught.value)
    for part in (
        "1.conv is nn.Conv1d;",
        f"2 is {__name__}.test_all_that_cannot_be_converted_is_listed.<locals>.Mine;",
        "3 is nn.Softplus (beta=2, threshold=20.0: want beta 1, threshold 20)",
        "4 is nn.Softmax (dim=0: want the columns, 1 or -1)",
        "5 is nn.Hardtanh (min_val=-2, max_val=2: want -1 and 1, or 0 and 6)",
        "6 is nn.BatchNorm1d (track_running_stats=False",
        "7 is nn.LayerNorm (normalized_shape=(2, 2): want one axis)",
        "8 is nn.Embedding (an Embedding reads the input, so it must be the first module)",
        "9 is nn.Dropout (Dropout: rate must be",
        "10 is nn.RReLU;",
        "11 is nn.BatchNorm1d (momentum=None",
    ):
        assert part in message
    assert "nn.Linear" not in message.split(".  fastnn reads")[0]
    with pytest.raises(ValueError, match=r"the module itself is .*Mine"):
        fnn.from_torch(Mine(), inputs=3)
    with pytest.raises(TypeError, match=r"from_torch: want a torch.nn.Sequential, got 3 \(int\)"):
        fnn.from_torch(3)
    with pytest.raises(TypeError, match=r"from_torch: want a torch.nn.Sequential, got <class"):
        fnn.from_torch(nn.Linear)
    with pytest.raises(ValueError, match="shape"):
        fnn.from_torch(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(5)))


def test_normalization_and_nested_models_go_to_torch():
    x = rows(3) * [1, 10, 100] + [5, 50, 2000]
    inner = fnn.Sequential([fnn.Input(3), fnn.Dense(4, "tanh")], name="inner", seed=0)
    model = fnn.Sequential(
        [fnn.Input(3), fnn.Normalization(), inner, fnn.Dense(1), fnn.Normalization(invert=True)],
        seed=0,
        dtype="float64",
    )
    model.adapt(x, x[:, :1])
    module = model.to_torch()
    assert sum(one.numel() for one in module.parameters() if one.requires_grad) == 21
    with torch.no_grad():
        want = module(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(model.predict(x), want, rtol=1e-12)


def test_what_torch_lacks_is_listed():
    model = fnn.Sequential(
        [fnn.Input(2), fnn.Maxout(3), fnn.Dense(2, "exp"), fnn.GaussianNoise(0.1), fnn.Dense(1)]
    )
    text = r"no module for maxout_0 \(Maxout\), dense_0 \(activation 'exp'\), gaussian_noise_0"
    with pytest.raises(ValueError, match=text):
        model.to_torch()
    x = fnn.Input(2)
    with pytest.raises(ValueError, match="to_torch: the model is a graph; want a chain of layers"):
        fnn.Model(x, fnn.Add()([x, fnn.Dense(2)(x)])).to_torch()


def test_training_goes_on_alike():
    """A step of SGD moves both to the same weights."""
    module = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 1)).double()
    model = fnn.from_torch(module)
    x, y = rows(3, 16), rows(1, 16)
    optimizer = torch.optim.SGD(module.parameters(), 0.1)
    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.mse_loss(module.train()(torch.from_numpy(x)), torch.from_numpy(y)).backward()
        optimizer.step()
    trainer = fnn.Trainer(model, "mse", fnn.SGD(0.1))
    trainer.fit(x, y, batch_size=16, epochs=3, shuffle=False, verbose=0)
    for name, tensor in (("dense_0/kernel", module[0].weight.T), ("dense_1/bias", module[3].bias)):
        np.testing.assert_allclose(
            model.parameters[name], tensor.detach().numpy(), rtol=0, atol=1e-12
        )


@pytest.mark.parametrize("kind", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_weights_of_a_safetensors_file(tmp_path, kind):
    layers = [nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU()] * 1
    module = nn.Sequential(
        *layers, *(nn.Linear(4, 4) for _ in range(10)), nn.PReLU(), nn.Linear(4, 2)
    )
    module = stirred(module).to(kind)
    save_file(module.state_dict(), tmp_path / "net.safetensors")
    model = fnn.Sequential(
        [
            *(fnn.Input(4), fnn.Dense(4), fnn.BatchNormalization(epsilon=1e-5)),
            *(fnn.Activation("relu"), *(fnn.Dense(4) for _ in range(10)), fnn.PReLU()),
            fnn.Dense(2),
        ],
        dtype="float64",
    )
    model.load_weights(tmp_path / "net.safetensors")
    want = module.double()(torch.from_numpy(rows(4))).detach().numpy()
    np.testing.assert_allclose(model.predict(rows(4)), want, rtol=0, atol=1e-12)


def test_from_torch_imports_no_torch():
    script = "import sys, fastnn; fastnn.from_torch; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.int64])
def test_tensors_are_read_where_they_lie(dtype):
    x = torch.from_numpy(10 * rows(3)).to(dtype)
    shared = fnn.data.as_rows(x, where="fit", name="x")
    assert shared.__array_interface__["data"][0] == x.data_ptr()
    model = fnn.Sequential([fnn.Input(3), fnn.Dense(1)], seed=0)
    np.testing.assert_array_equal(model.predict(x), model.predict(x.numpy()))


def test_tensors_with_gradients_transposed_and_batched():
    model = fnn.Sequential([fnn.Input(3), fnn.Dense(1)], seed=0)
    x = torch.from_numpy(rows(3)).requires_grad_()
    shared = fnn.data.as_rows(x, where="fit", name="x")
    assert shared.__array_interface__["data"][0] == x.data_ptr()
    np.testing.assert_array_equal(model.predict(x), model.predict(rows(3)))
    turned = torch.from_numpy(rows(20, 3)).T
    assert fnn.data.as_rows(turned, where="fit", name="x").strides == (8, 160)
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(x.detach(), x.detach()[:, :1]), batch_size=8
    )
    history = fnn.Trainer(model, "mse").fit(loader, epochs=2, verbose=0)
    assert history.epoch == [1, 2]
    with pytest.raises(TypeError, match=r"x is a Tensor on a device that DLPack does not know \("):
        model.predict(torch.zeros(2, 3, device="meta"))
    with pytest.raises(TypeError, match=r"x is a Tensor of torch.float64 that NumPy cannot read"):
        model.predict(x.detach().to_sparse())
    with pytest.raises(TypeError, match=r"x is a Tensor of torch.bfloat16 that NumPy cannot read"):
        model.predict(x.detach().bfloat16())


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened(kind):
    module = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).to(kind)
    model = fnn.from_torch(module)
    assert model.dtype == "float32"
    agree(module.float(), model, rows(3))
