"""FASTNN_ISA in a fresh interpreter, and what show_config tells."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import fastnn as fnn
from fastnn import _core

ALL = ("baseline", "avx2", "avx512", "neon")


def config(isa):
    """Run `fastnn config` with FASTNN_ISA set to `isa`, or unset."""
    environment = {name: value for name, value in os.environ.items() if name != "FASTNN_ISA"}
    if isa is not None:
        environment["FASTNN_ISA"] = isa
    return subprocess.run(
        [sys.executable, "-m", "fastnn", "config"], env=environment, capture_output=True, text=True
    )


@pytest.mark.parametrize("isa", _core.available_isas())
def test_environment_forces_an_isa(isa):
    done = config(isa)
    assert done.returncode == 0
    assert f"ISA       {isa} (of " in done.stdout


@pytest.mark.parametrize("isa", [None, ""])
def test_without_it_the_best_one_runs(isa):
    assert f"ISA       {_core.available_isas()[-1]} (of " in config(isa).stdout


@pytest.mark.parametrize("isa", [isa for isa in ALL if isa not in _core.available_isas()])
def test_an_isa_that_the_cpu_lacks_is_one_clear_line(isa):
    done = config(isa)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"FASTNN_ISA={isa}" in done.stderr
    assert "cannot run" in done.stderr
    assert ", ".join(_core.available_isas()) in done.stderr


def test_an_unknown_isa_is_one_clear_line():
    done = config("avx1024")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "unknown instruction set 'avx1024'" in done.stderr


def test_import_says_so_too():
    done = subprocess.run(
        [sys.executable, "-c", "import fastnn; fastnn.Sequential"],
        env={**os.environ, "FASTNN_ISA": "avx1024"},
        capture_output=True,
        text=True,
    )
    assert "ImportError: FASTNN_ISA=avx1024: " in done.stderr


def test_use_isa_changes_what_is_built_next():
    before = _core.current_isa()
    try:
        for isa in _core.available_isas():
            _core.use_isa(isa)
            assert _core.current_isa() == isa
        with pytest.raises(RuntimeError, match="unknown instruction set 'sse'"):
            _core.use_isa("sse")
        assert _core.current_isa() == _core.available_isas()[-1]
    finally:
        _core.use_isa(before)


def test_show_config_names_version_compiler_isa_and_threads(capsys):
    with fnn.threads(3):
        fnn.show_config()
    out = capsys.readouterr().out
    for text in (fnn.__version__, _core.compiler(), _core.current_isa(), "threads   3"):
        assert text in out
