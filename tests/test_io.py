"""Models as files: what is written comes back bit for bit; what is broken is named."""

from __future__ import annotations

import copy
import errno
import json
import os
import pickle
import stat
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import fastnn as fnn
from fastnn import io
from fastnn.initializers import Initializer

X = np.random.default_rng(0).standard_normal((5, 3))


def network(dtype="float32", seed=3):
    """One of everything that a layer can be told, its parameters off their first values."""
    model = fnn.Sequential(
        [
            fnn.Input((None, 3), name="cars"),
            fnn.Dense(5, fnn.activations.LeakyReLU(0.3), kernel_initializer="he_normal"),
            fnn.Dense(4, "gelu", use_bias=False, name="middle"),
            fnn.Activation(fnn.activations.ELU(0.5), name="bend"),
            fnn.Activation("tanh"),
            fnn.Dense(
                2,
                "softmax",
                kernel_initializer=fnn.initializers.Uniform(-0.25, 0.5),
                bias_initializer=fnn.initializers.Constant(0.125),
            ),
        ],
        name="Cars",
        seed=seed,
        dtype=dtype,
    )
    fnn.Trainer(model, "mse").fit(X, np.ones((5, 2)), epochs=3, verbose=0)
    return model


def assert_same(model, twin):
    assert type(twin) is type(model)
    assert twin.config() == model.config()
    assert twin.parameters.keys() == model.parameters.keys()
    assert twin.parameter_arena.dtype == model.parameter_arena.dtype
    assert twin.parameter_arena.tobytes() == model.parameter_arena.tobytes()
    assert not np.shares_memory(twin.parameter_arena, model.parameter_arena)
    np.testing.assert_array_equal(twin.predict(X), model.predict(X))
    assert str(twin.summary()) == str(model.summary())


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "model.safetensors"
    network().save(path)
    return path


def rewrite(path, change):
    """Change the tensors and the metadata of a file; `change` gets both."""
    tensors = load_file(path)
    meta = header(path)["__metadata__"]
    change(tensors, meta)
    save_file(tensors, path, meta)


def header(path):
    raw = path.read_bytes()
    return json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])


# ---- round trips --------------------------------------------------------------------------------


@pytest.mark.parametrize("as_type", [str, os.fsencode, lambda path: path])
def test_save_and_load_give_the_same_model(tmp_path, dtype, as_type):
    model = network(np.dtype(dtype).name)
    path = as_type(tmp_path / "model.safetensors")
    model.save(path)
    assert_same(model, fnn.load(path))


def test_load_gives_a_model_that_trains_on(saved):
    model, twin = network(), fnn.load(saved)
    for m in (model, twin):
        fnn.Trainer(m, "mse").fit(X, np.ones((5, 2)), epochs=2, verbose=0)
    assert model.parameter_arena.tobytes() == twin.parameter_arena.tobytes()


def test_extreme_values_survive(tmp_path, dtype):
    model = network(np.dtype(dtype).name)
    info = np.finfo(dtype)
    values = [info.max, info.smallest_subnormal, -0.0, np.nan, np.inf, -info.tiny, info.eps]
    model.parameter_arena[:7] = values
    model.save(tmp_path / "m")
    assert fnn.load(tmp_path / "m").parameter_arena.tobytes() == model.parameter_arena.tobytes()


def test_the_file_is_plain_safetensors(saved):
    """Tensors under the keys of `parameters`, and one metadata entry of JSON."""
    model = network()
    tensors = load_file(saved)
    assert tensors.keys() == model.parameters.keys()
    for name, view in model.parameters.items():
        np.testing.assert_array_equal(tensors[name], view)
    meta = header(saved)["__metadata__"]
    assert list(meta) == ["fastnn"]
    about = json.loads(meta["fastnn"])
    assert about["format"] == "fastnn.model"
    assert about["version"] == 1
    assert about["dtype"] == "float32"
    assert about["config"] == model.config()


def test_saving_twice_gives_the_same_bytes(saved, tmp_path):
    fnn.load(saved).save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == saved.read_bytes()


def test_a_model_without_parameters(tmp_path):
    model = fnn.Sequential([fnn.Input(3), fnn.Activation("softmax")], seed=0)
    model.save(tmp_path / "m")
    assert_same(model, fnn.load(tmp_path / "m"))


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, fnn.Sequential.copy])
def test_copies_are_equal_and_independent(dtype, way):
    model = network(np.dtype(dtype).name)
    twin = way(model)
    assert_same(model, twin)
    before = model.parameter_arena.tobytes()
    fnn.Trainer(twin, "mse").fit(X, np.ones((5, 2)), verbose=0)
    assert model.parameter_arena.tobytes() == before
    assert twin.parameter_arena.tobytes() != before


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_gives_the_same_model(dtype, protocol):
    model = network(np.dtype(dtype).name)
    assert_same(model, pickle.loads(pickle.dumps(model, protocol)))


# ---- a person's own classes ---------------------------------------------------------------------


class Ramp(Initializer):
    """0, 1, 2, ... times a slope."""

    __slots__ = ("slope",)

    def __init__(self, slope=1.0):
        self._set(slope=float(slope))

    def draw(self, shape, *, seed, index):
        return self.slope * np.arange(np.prod(shape)).reshape(shape)


def custom():
    return fnn.Sequential([fnn.Input(3), fnn.Dense(2, kernel_initializer=Ramp(0.5))], seed=0)


def test_custom_objects_come_back(tmp_path):
    model = custom()
    model.save(tmp_path / "m")
    twin = fnn.load(tmp_path / "m", custom_objects={"Ramp": Ramp})
    assert_same(model, twin)
    assert isinstance(twin["dense_0"].kernel_initializer, Ramp)
    assert twin["dense_0"].kernel_initializer.slope == 0.5
    with pytest.raises(ValueError, match=r"load: .*m describes no model .*'Ramp'"):
        fnn.load(tmp_path / "m")


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_custom_objects_survive_copies(way):
    assert_same(custom(), way(custom()))


class Named(fnn.Sequential):
    """A person's own subclass."""


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_subclasses_survive_copies(way):
    model = Named([fnn.Input(3), fnn.Dense(2)], seed=0)
    assert_same(model, way(model))


# ---- files that are not what they should be -----------------------------------------------------


def test_a_file_cut_anywhere_is_an_error(saved, tmp_path):
    whole = saved.read_bytes()
    path = tmp_path / "cut"
    for length in (*range(20), *range(20, len(whole), 37), len(whole) - 1):
        path.write_bytes(whole[:length])
        message = r"load: .*cut is not a whole safetensors file, or none at all$"
        with pytest.raises(ValueError, match=message):
            fnn.load(path)
    path.write_bytes(whole + b"x")
    with pytest.raises(ValueError, match="load"):
        fnn.load(path)


@pytest.mark.parametrize(
    "content", [b"\0" * 100, b"\xff" * 100, b"PK\x03\x04" * 30, pickle.dumps(3) * 20, b"{}" * 9]
)
def test_another_kind_of_file_is_an_error(tmp_path, content):
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=r"load: .*other is not a whole safetensors file, or none at all$"
    ):
        fnn.load(path)


def test_pickle_is_never_read(tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "boom"),)

    path = tmp_path / "bomb"
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ValueError, match="load"):
        fnn.load(path)
    assert not (tmp_path / "boom").exists()


def test_a_safetensors_file_of_another_program_is_an_error(tmp_path):
    path = tmp_path / "foreign"
    for meta in (None, {"format": "pt"}):
        save_file({"weight": np.ones(3, np.float32)}, path, meta)
        with pytest.raises(ValueError, match=r"load: .*foreign .* not a model of fastnn"):
            fnn.load(path)


def about(change):
    """A change of the JSON within the metadata."""

    def apply(tensors, meta):
        inner = json.loads(meta["fastnn"])
        change(inner)
        meta["fastnn"] = json.dumps(inner)

    return apply


@pytest.mark.parametrize(
    "change, words",
    [
        (about(lambda m: m.update(version=2)), ["version 2", "newer"]),
        (about(lambda m: m.update(version=None)), ["version None"]),
        (about(lambda m: m.update(version="1")), ["version 1"]),
        (about(lambda m: m.update(format="else")), ["format 'else'", "fastnn.model"]),
        (about(lambda m: m.pop("config")), ["config"]),
        (about(lambda m: m.update(config=[])), ["config of a Model"]),
        (about(lambda m: m["config"].update(kind="graph")), ["config of a Model"]),
        (about(lambda m: m["config"].update(layers=[])), ["want an Input"]),
        (about(lambda m: m["config"].update(layers=3)), ["layers"]),
        (about(lambda m: m["config"].update(dtype="float16")), ["float32 or float64"]),
        (about(lambda m: m["config"].update(seed=-1)), ["seed is -1"]),
        (about(lambda m: m["config"]["layers"][1].update(units=-5)), ["units"]),
        (about(lambda m: m["config"]["layers"][1].update(kind="lstm")), ["'lstm'"]),
        (about(lambda m: m["config"]["layers"][1].update(colour=1)), ["'colour'"]),
        (about(lambda m: m["config"]["layers"][1].pop("units")), ["units"]),
        (about(lambda m: m["config"]["layers"][1].update(units=6)), ["dense_0/", "want"]),
        (about(lambda m: m["config"].update(dtype="float64")), ["float32", "want float64"]),
        (lambda t, m: m.update(fastnn="{"), ["broken metadata"]),
        (lambda t, m: m.update(fastnn="3"), ["format"]),
        (lambda t, m: m.update(fastnn="null"), ["format"]),
        (lambda t, m: t.pop("middle/kernel"), ["lacks ['middle/kernel']"]),
        (lambda t, m: t.update(extra=np.ones(1)), ["holds ['extra']"]),
        (
            lambda t, m: t.update({"middle/kernel": t["middle/kernel"].T.copy()}),
            ["middle/kernel", "(4, 5)", "want float32 (5, 4)"],
        ),
        (
            lambda t, m: t.update({"middle/kernel": t["middle/kernel"].astype("f8")}),
            ["middle/kernel", "float64", "want float32"],
        ),
        (
            lambda t, m: t.update({"middle/kernel": t["middle/kernel"].astype("i4")}),
            ["middle/kernel", "int32"],
        ),
    ],
)
def test_a_changed_file_is_an_error_that_says_why(saved, change, words):
    rewrite(saved, change)
    with pytest.raises(ValueError) as caught:
        fnn.load(saved)
    for word in ["load: ", str(saved), *words]:
        assert word in str(caught.value)


def test_a_tensor_type_that_numpy_lacks_is_an_error(saved):
    raw = saved.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    head = raw[8 : 8 + size]
    name = b'"middle/kernel":{"dtype":"F32","shape":[5,4]'
    assert name in head
    new = head.replace(name, b'"middle/kernel":{"dtype":"BF16","shape":[5,8]')
    saved.write_bytes(len(new).to_bytes(8, "little") + new + raw[8 + size :])
    with pytest.raises(ValueError, match="load"):
        fnn.load(saved)


def test_a_missing_file_is_pythons_own_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        fnn.load(tmp_path / "nowhere")
    with pytest.raises(IsADirectoryError):
        fnn.load(tmp_path)
    with pytest.raises(TypeError):
        fnn.load(None)


# ---- a save that fails --------------------------------------------------------------------------


def files(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("call", ["replace", "fsync"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()], ids=repr)
def test_a_failed_save_leaves_the_old_file(saved, monkeypatch, call, error):
    def fail(*args, **kwargs):
        raise error

    old = saved.read_bytes()
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(type(error)):
        network(seed=4).save(saved)
    monkeypatch.undo()
    assert saved.read_bytes() == old
    assert files(saved.parent) == [saved.name]  # nothing left lying about
    network(seed=4).save(saved)
    assert saved.read_bytes() != old


@pytest.mark.skipif(sys.platform != "linux", reason="sets a limit of this process")
def test_a_full_disk_leaves_the_old_file(saved):
    """The kernel's own refusal in the middle of the write."""
    import resource
    import signal

    old = saved.read_bytes()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(old) // 2, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            network(seed=4).save(saved)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert saved.read_bytes() == old
    assert files(saved.parent) == [saved.name]


def test_a_save_into_nowhere_is_pythons_own_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        network().save(tmp_path / "nowhere" / "model")
    with pytest.raises(TypeError):
        network().save(None)


def test_only_files_are_replaced(tmp_path):
    """A folder cannot be, a pipe or a device must not be."""
    with pytest.raises(OSError, match="want the name of a file"):
        network().save(tmp_path)
    if hasattr(os, "mkfifo"):
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        with pytest.raises(OSError, match="want the name of a file"):
            network().save(pipe)
        assert stat.S_ISFIFO(pipe.stat().st_mode)
        assert files(tmp_path) == ["pipe"]


posix = pytest.mark.skipif(os.name != "posix", reason="permissions and links of POSIX")


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444])
def test_permissions_of_the_old_file_stay(saved, mode):
    saved.chmod(mode)
    network(seed=4).save(saved)
    assert stat.S_IMODE(saved.stat().st_mode) == mode


@posix
def test_permissions_of_a_new_file_are_those_that_open_gives(tmp_path):
    (tmp_path / "plain").write_bytes(b"")
    network().save(tmp_path / "model")
    assert (tmp_path / "model").stat().st_mode == (tmp_path / "plain").stat().st_mode


@posix
def test_a_link_stays_a_link(saved, tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    link = folder / "link"
    link.symlink_to(saved)
    model = network(seed=4)
    model.save(link)
    assert link.is_symlink()
    assert files(folder) == ["link"]
    assert_same(model, fnn.load(saved))
    dangling = folder / "dangling"
    dangling.symlink_to(tmp_path / "new")
    model.save(dangling)
    assert_same(model, fnn.load(tmp_path / "new"))


def test_a_name_without_a_folder_and_a_long_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("m", "n" * 250):
        network().save(name)
        assert_same(network(), fnn.load(name))
    assert files(tmp_path) == ["m", "n" * 250]


def test_save_and_load_are_functions_too(tmp_path):
    model = network()
    io.save(model, tmp_path / "m")
    assert_same(model, io.load(tmp_path / "m"))
