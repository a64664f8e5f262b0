"""The scripts of benchmarks/ still run: with as little work as they take, figures not looked at.

`benchmarks/tabular.py` and `python -m benchmarks.peers` are left out: they take minutes.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Arguments, and what the printed table or lines must hold.
SCRIPTS = {
    "bars.py": (["--rounds", "7"], "NumPy"),
    "early_stopping.py": (["--rounds", "1", "--epochs", "2"], "% of the fit"),
    "elementwise.py": (["--rounds", "1"], "tanh"),
    "gemm_bars.py": (["--quick", "--rounds", "1"], "least of the cells"),
    "layers.py": (["--rounds", "1"], "layer_norm"),
    "many.py": (["--rounds", "1", "--networks", "2", "--epochs", "2"], "2 epochs"),
    "memory.py": (["--rows", "100000"], "long table, float16"),
    "optimizers_memory.py": (["--mib", "1"], "passes"),
    "sklearn_table.py": (["iris"], "| iris |"),
    "subnormals.py": (["--rounds", "1", "--steps", "1000"], "ratio: "),
    "sweep_gemm.py": (["--quick", "--rounds", "1"], "float32"),
    "threads.py": (["--quick", "--rounds", "1"], "bars: "),
}
NEEDS = {"layers.py": "scipy", "sklearn_table.py": "sklearn"}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_runs(name):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    if name == "memory.py" and sys.platform != "linux":
        pytest.skip("reads /proc")
    arguments, shown = SCRIPTS[name]
    # One that writes no bytecode beside the scripts, and nothing into the tree.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, f"benchmarks/{name}", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode in (0, 1), done.stderr  # 1: a bar was missed, as it may in so few rounds
    assert shown in done.stdout


def test_every_script_is_among_them():
    scripts = {
        path.name
        for path in (ROOT / "benchmarks").glob("*.py")
        if 'if __name__ == "__main__":' in path.read_text()
    }
    elsewhere = {"compare.py", "tabular.py", "where_time_goes.py"}  # the first has its own tests
    assert scripts - elsewhere == set(SCRIPTS)
