"""The command ``fastnn``: options, output, errors, exit codes."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import fastnn as fnn
from fastnn import cli, demo
from fastnn.cli import contest
from fastnn.cli.parser import make_parser


class Result(NamedTuple):
    code: int
    out: str
    err: str


Call = Callable[[str], Result]

DIES = "train auto-mpg --layers 1 --batch-size 4 --epochs 30 --seed 2"


@pytest.fixture
def call(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Call:
    """Run a command line in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(line: str) -> Result:
        code = cli.main(shlex.split(line))
        return Result(code, *capsys.readouterr())

    return run


def numbers(out: str) -> dict[str, float]:
    """The evaluation: "  name   1.2345" a line."""
    found = re.findall(r"^  (\S+) +(-?\d+\.\d+)", out, re.MULTILINE)
    return {name: float(value) for name, value in found}


# -- train ----------------------------------------------------------------------------------------


def test_train_shows_table_training_and_evaluation(call):
    result = call("train auto-mpg")
    assert result.code == 0
    assert result.err == ""
    assert "314 to train on and 78 to test on" in result.out
    assert "Total parameters: 529\nTotal parameters memory: 2116 bytes\n" in result.out
    assert re.search(r"^epoch  1/40  loss ", result.out, re.MULTILINE)
    assert re.search(r"^epoch 40/40  loss ", result.out, re.MULTILINE)
    assert "12560 steps" in result.out
    assert "--drop passedemissions" in result.out
    values = numbers(result.out)
    assert list(values) == ["mean_squared_error", "mean_absolute_error", "R²"]
    assert values["R²"] > 0.8  # 0.84 with this seed
    linear = re.search(r"linear regression (\d\.\d+)\)", result.out)
    assert linear is not None
    want = demo.linear_regression(*fnn.datasets.load_auto_mpg().split(0.8, seed=0))
    assert float(linear[1]) == pytest.approx(want, abs=5e-5)  # four decimals


def test_train_is_what_the_library_does(call):
    """Every option reaches its place: the same model, built by hand."""
    options = (
        "--layers 9,4 --activation tanh --dtype float64 --epochs 3 --batch-size 5 "
        "--learning-rate 0.01 --seed 7 --scale --drop passedemissions --drop weight"
    )
    result = call(f"train auto-mpg {options} --quiet")
    cars = fnn.datasets.load_auto_mpg().drop("passedemissions").drop("weight")
    train, test = cars.split(0.8, seed=7)
    x, x_test = demo.standardise(train.x, test.x)
    model = fnn.Sequential(
        [fnn.Input(5), fnn.Dense(9, "tanh"), fnn.Dense(4, "tanh"), fnn.Dense(1)],
        seed=7,
        dtype="float64",
    )
    trainer = fnn.Trainer(model, "mse", fnn.Adam(learning_rate=0.01), metrics=["mae"])
    trainer.fit(x, train.y, batch_size=5, epochs=3, verbose=0)
    want = trainer.evaluate(x_test, test.y)
    values = numbers(result.out)
    assert values["mean_squared_error"] == round(want["loss"], 4)
    assert values["mean_absolute_error"] == round(want["mean_absolute_error"], 4)
    assert values["R²"] == round(fnn.metrics.r2_score(test.y, model.predict(x_test)), 4)


def test_train_quiet_shows_the_evaluation_alone(call):
    result = call("train auto-mpg --quiet")
    assert len(result.out.splitlines()) == 4
    assert result.out.startswith("On the 78 cars")


def test_train_is_the_same_each_time(call):
    first = call("train auto-mpg --epochs 2 --quiet --seed 3")
    assert first == call("train auto-mpg --epochs 2 --quiet --seed 3")
    assert first != call("train auto-mpg --epochs 2 --quiet --seed 4")


def test_train_warns_in_one_line_of_a_dead_network(call):
    result = call(DIES)
    assert result.code == 0
    assert len(result.err.splitlines()) == 1
    assert result.err.startswith("fastnn: warning: the network has died: it answers ")
    assert "--scale" in result.err
    assert numbers(result.out)["R²"] < 0


def test_train_out_loads_again(call):
    result = call("train auto-mpg --epochs 2 --out cars.safetensors")
    assert result.out.endswith("Saved as cars.safetensors\n")
    _, test = fnn.datasets.load_auto_mpg().split(0.8, seed=0)
    model = fnn.load("cars.safetensors")
    error = np.mean((model.predict(test.x) - test.y) ** 2)
    # The evaluation sums the same float32 outputs; it shows four decimals.
    assert numbers(result.out)["mean_squared_error"] == pytest.approx(error, abs=1e-4)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_train_out_takes_raw_rows_with_scale_too(call, precision):
    line = f"train auto-mpg --epochs 5 --scale --dtype {precision} --out scaled.safetensors"
    result = call(line)
    _, test = fnn.datasets.load_auto_mpg().split(0.8, seed=0)
    model = fnn.load("scaled.safetensors")
    assert model.dtype == precision
    error = np.mean((model.predict(test.x) - test.y) ** 2)
    # Four decimals; float32 loses some five bits in raw columns of up to 500 deviations' size.
    tolerance = 6e-5 if precision == "float64" else 2e-3
    assert numbers(result.out)["mean_squared_error"] == pytest.approx(error, abs=tolerance)


# -- the table in a narrow terminal ---------------------------------------------------------------


@pytest.mark.parametrize("columns", [80, 120])
def test_table_fits_the_terminal(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    model = demo.network(7, (32, 8), 0)
    lines = demo.table(model).splitlines()
    assert max(map(len, lines)) <= columns
    assert lines[-2:] == ["Total parameters: 529", "Total parameters memory: 2116 bytes"]
    assert (demo.table(model) == str(model.summary())) == (columns == 120)


def test_table_of_a_graph_fits_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    inputs = fnn.Input(4, name="table")
    numbers, codes = fnn.Split([3, 1], name="split")(inputs)
    parts = [
        fnn.Normalization([0.0] * 3, [1.0] * 3, name="scaler")(numbers),
        fnn.Embedding([4], [3], name="categories")(codes),
    ]
    h = fnn.Dense(64, "relu", name="hidden_0")(fnn.Concatenate(name="columns")(parts))
    model = fnn.Model(inputs, fnn.Dense(3, "softmax", name="output")(h))
    assert max(map(len, str(model.summary()).splitlines())) > 80
    lines = demo.table(model).splitlines()
    assert max(map(len, lines)) <= 80
    assert any("of columns" in line for line in lines)


def test_table_is_whole_where_there_is_no_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    model = demo.network(7, (32, 8), 0)
    assert demo.table(model) == str(model.summary())


# -- the other commands ---------------------------------------------------------------------------


def test_demo(call):
    result = call("demo --seeds 2 --seed 1")
    assert result.code == 0
    assert result.err == ""
    assert "A network 7-1-1\n" in result.out
    assert "A network 7-32-8-1\n" in result.out
    assert "over 2 seeds" in result.out


def test_version(call):
    assert call("--version") == (0, f"fastnn {fnn.__version__}\n", "")


def test_config(call, capsys):
    result = call("config")
    fnn.show_config()
    assert result == (0, capsys.readouterr().out, "")


def test_no_command_shows_the_help(call):
    assert call("") == call("--help")


COMMANDS = (
    *("", "train", "predict", "evaluate", "inspect", "export", "compare", "benchmark"),
    *("demo", "config", "completion"),
)


@pytest.mark.parametrize("command", COMMANDS)
def test_help(call, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "80")
    result = call(f"{command} --help")
    assert result.code == 0
    assert result.err == ""
    assert result.out.startswith("usage: fastnn")
    assert max(map(len, result.out.splitlines())) <= 80


def test_help_names_defaults_and_the_examples_are_right(call):
    text = call("train --help").out
    for default in ("32,8", "relu", "float32", "40", "1", "0.001", "0"):
        assert f"(default: {default})" in " ".join(text.split())
    examples = re.findall(r"^  fastnn (.*?)(?:  .*)?$", text + call("--help").out, re.MULTILINE)
    on_cars = [line for line in examples if line.startswith("train auto-mpg")]
    assert len(on_cars) == 7  # those with files of one's own are in test_cli_tables.py
    for line in on_cars:
        assert call(f"{line} --epochs 1 --quiet").code == 0, line


def test_help_example_of_a_network_that_dies_does(call):
    assert DIES in call("train --help").out  # see test_train_warns_in_one_line_of_a_dead_network


# -- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line, message",
    [
        ("train", "required: DATA"),
        ("train mpg", "unknown data set 'mpg'; did you mean auto-mpg?"),
        ("train Auto_MPG", "did you mean auto-mpg?"),
        ("train zzz", "unknown data set 'zzz'; want a file (.csv, "),
        ("train cars.csv", "fastnn: error: cars.csv: No such file or directory"),
        ("train auto-mpg --report cars.html", "--report needs --target: fastnn train auto-mpg"),
        ("train auto-mpg --dropout 0.5", "--dropout needs --target"),
        ("train auto-mpg --epochs 0", "--epochs: want a whole number of at least 1, got '0'"),
        ("train auto-mpg --epochs 1.5", "got '1.5'"),
        ("train auto-mpg --epochs 9999999999999999999", "got '9999999999999999999'"),
        ("train auto-mpg --batch-size -3", "--batch-size: want a whole number"),
        ("train auto-mpg --layers 32,", "--layers: want whole numbers"),
        ("train auto-mpg --layers 0", "--layers: want whole numbers"),
        ("train auto-mpg --layers ''", "--layers: want whole numbers"),
        ("train auto-mpg --layers 99999999999", "units must be an integer"),
        ("train auto-mpg --activation rellu", "did you mean 'relu'?"),
        ("train auto-mpg --learning-rate 0", "--learning-rate: want a number above 0"),
        ("train auto-mpg --learning-rate nan", "--learning-rate: want a number above 0"),
        ("train auto-mpg --learning-rate inf", "--learning-rate: want a number above 0"),
        ("train auto-mpg --learning-rate 1e30 --quiet", "the loss became"),
        ("train auto-mpg --seed -1", "--seed: want a whole number of at least 0"),
        ("train auto-mpg --dtype float16", "--dtype: invalid choice: 'float16'"),
        ("train auto-mpg --drop mpg", "no feature 'mpg'"),
        ("train auto-mpg --out nowhere/model", "--out: there is no folder 'nowhere'"),
        ("train auto-mpg --out .", "--out: want the name of a file, got '.'"),
        ("train auto-mpg --out ''", "--out: want the name of a file, got ''"),
        ("train auto-mpg --bogus", "unrecognized arguments: --bogus"),
        ("trian", "'trian'"),
        ("demo --seeds 0", "--seeds: want a whole number of at least 1"),
        ("config extra", "unrecognized arguments: extra"),
    ],
)
def test_error_is_one_line_and_exit_code_2(call, line, message):
    result = call(line)
    assert result.code == 2
    assert result.out == "" or "--bogus" in line
    assert result.err.startswith("fastnn: error: ")
    assert len(result.err.splitlines()) == 1
    assert message in result.err


def test_error_points_to_the_help(call):
    assert call("train auto-mpg --epochs x").err.endswith("(see fastnn train --help)\n")


def test_error_names_what_is_supported(call):
    for name in ("mpg", "zzz"):
        assert "come with fastnn: auto-mpg" in call(f"train {name}").err


def test_error_when_saving_fails_keeps_the_old_file(call, tmp_path, monkeypatch):
    old = tmp_path / "model.safetensors"
    old.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    result = call(f"train auto-mpg --epochs 1 --quiet --out {old}")
    assert result.code == 2
    assert "fastnn: error: [Errno 28] No space left on device\n" in result.err
    assert old.read_bytes() == b"old"


def test_error_without_memory(call, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(fnn, "Sequential", fail)
    result = call("train auto-mpg --quiet")
    assert (result.code, result.out) == (2, "")
    assert result.err == "fastnn: error: there is not enough memory for this network\n"


def test_an_error_of_the_program_itself_is_not_hidden(monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise TypeError("a bug")

    monkeypatch.setattr(fnn, "Sequential", fail)
    with pytest.raises(TypeError, match="a bug"):
        cli.main(["train", "auto-mpg", "--quiet"])


# -- as a process ---------------------------------------------------------------------------------

COMMAND = [sys.executable, "-m", "fastnn"]


def test_module_is_the_command():
    done = subprocess.run([*COMMAND, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"fastnn {fnn.__version__}\n"
    failed = subprocess.run([*COMMAND, "train", "x"], capture_output=True, text=True, check=False)
    assert failed.returncode == 2
    assert failed.stdout == ""
    assert failed.stderr.startswith("fastnn: error: unknown data set 'x'")


def test_help_loads_little():
    """The help comes without NumPy, and without the modules that train."""
    code = (
        "import sys, json; before = set(sys.modules); from fastnn.cli import main\n"
        "main(['--help']); print(); print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout.splitlines()[-1])
    ours = {name for name in loaded if name.startswith("fastnn")}
    assert {name for name in ours if not name.startswith("fastnn.cli.")} == {"fastnn", "fastnn.cli"}
    assert not {"numpy", "pyarrow", "rich", "tomllib"} & set(loaded)


def test_ctrl_c_ends_with_130_and_one_line():
    line = [*COMMAND, "train", "auto-mpg", "--epochs", "1000000000"]
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for text in process.stdout:
            if text.startswith("epoch"):  # the training has begun
                process.send_signal(signal.SIGINT)
                break
        _, err = process.communicate()
    assert process.returncode == 130
    assert err.strip() == "fastnn: interrupted"


def test_ctrl_c_in_compare_is_one_line_too():
    # A terminal sends it to all processes of the command, those of the models as well.
    line = [*COMMAND, "compare", "auto-mpg", "--target", "mpg", "--epochs", "1000000000"]
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()  # the title: processes begin
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130
    assert err.strip() == "fastnn: interrupted"


def tell_mask(name, entry, pipe):
    blocked = signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    pipe.send(contest.Result(blocked, 0.0, 0.0, None))


def test_processes_of_compare_leave_ctrl_c_to_their_parent(monkeypatch):
    monkeypatch.setattr(contest, "_run", tell_mask)
    assert contest.hold("linear", None).predictions is True
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_broken_pipe_is_quiet():
    line = [*COMMAND, "train", "auto-mpg", "--epochs", "1000000000"]
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()  # as head -n 1 does
        assert process.stderr is not None
        err = process.stderr.read()
    assert err == ""
    assert process.returncode == 141


def test_output_survives_a_plain_encoding():
    done = subprocess.run(
        [*COMMAND, "train", "auto-mpg", "--epochs", "1"],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert b"R? " in done.stdout
    assert done.stderr == b""


def test_help_of_each_command_has_examples():
    commands = make_parser()._subparsers._group_actions[0].choices
    assert len(commands) == 10
    for name, parser in commands.items():
        text = parser.format_help()
        assert f"examples:\n  fastnn {name}" in text, name
