"""scikit-learn's checks of an estimator, and its own tests of its MLP, on ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import sklearn
from sklearn.utils.estimator_checks import parametrize_with_checks

from fastnn.sklearn import MLPClassifier, MLPRegressor

FLOAT32 = (
    "rows of weight 2 and rows that come twice are added up in another order, and float32 has 7 "
    "digits where the check wants 7; the float64 network passes"
)


def expected_failures(estimator):
    if estimator.dtype == "float64":
        return {}
    return {
        "check_sample_weight_equivalence_on_dense_data": FLOAT32,
        "check_sample_weight_equivalence_on_sparse_data": FLOAT32,
    }


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")  # no array API here
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::fastnn.errors.DeadNetworkWarning")  # some data is constant
@parametrize_with_checks(
    [
        MLPRegressor(),
        MLPClassifier(),
        MLPRegressor(dtype="float64"),
        MLPClassifier(dtype="float64"),
    ],
    expected_failed_checks=expected_failures,
)
def test_estimator_checks(estimator, check):
    check(estimator)


# The tests of sklearn.neural_network that ours do not pass, by release; docs/sklearn.md says why.
THEIR_TESTS = {
    "1.9": {
        "test_gradient",
        "test_mlp_param_dtypes[MLPClassifier-float64]",
        "test_mlp_param_dtypes[MLPRegressor-float32]",
        "test_mlp_param_dtypes[MLPRegressor-float64]",
    }
}

SWAP = """
import json, os
import sklearn.neural_network
import fastnn.sklearn

for name in ("MLPClassifier", "MLPRegressor"):
    setattr(sklearn.neural_network, name, getattr(fastnn.sklearn, name))

outcomes = {}

def pytest_runtest_logreport(report):
    name = report.nodeid.split("::")[-1]
    if report.failed or (report.when == "call" and not report.skipped):
        outcomes[name] = outcomes.get(name) in (None, "passed") and report.outcome or "failed"

def pytest_unconfigure(config):
    with open(os.environ["OUTCOMES"], "w") as file:
        json.dump(outcomes, file)
"""


def run_their_tests(folder: Path) -> dict[str, str]:
    """Run scikit-learn's tests of its MLP where they are installed, with ours in its place."""
    (folder / "swap.py").write_text(SWAP)
    found = folder / "outcomes.json"
    here = str(Path(__file__).parents[1] / "src")
    path = os.pathsep.join([str(folder), here, os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "swap", "-p", "no:cacheprovider"),
            *("-c", os.devnull, "--rootdir", str(folder)),
            *("--pyargs", "sklearn.neural_network.tests.test_mlp"),
        ],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path, "OUTCOMES": str(found), "FASTNN_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.exists(), done.stdout + done.stderr
    return json.loads(found.read_text())


def test_scikit_learns_own_tests(tmp_path):
    release = ".".join(sklearn.__version__.split(".")[:2])
    if release not in THEIR_TESTS:
        pytest.skip(f"it is not written down what to expect of scikit-learn {release}")
    outcomes = run_their_tests(tmp_path)
    assert len(outcomes) > 50
    failed = {name for name, outcome in outcomes.items() if outcome != "passed"}
    assert failed == THEIR_TESTS[release]
