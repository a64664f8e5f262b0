"""The benchmarks beside other libraries, as far as they need none: what is compared does the same
work, and the judge reads results as it should."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

# At the end: the benchmarks are found there, and fastnn is still the one that is tested.
sys.path.append(str(Path(__file__).parents[1]))

from benchmarks.peers import (
    fastnn_peer,
    judge,
    numpy_peer,
    overview,
    pure_python,
    variants,
    workloads,
)
from benchmarks.peers.workloads import Fit, Net, Predict

CARS = Fit(Net((7, 5, 1)), 4, 312, 3, cars=True)
FITS = [
    CARS,
    Fit(Net((7, 1, 1)), 1, 312, 2, cars=True),
    Fit(Net((6, 8, 5, 3), hidden="tanh"), 50, 200, 4),
    Fit(Net((6, 8, 5, 3), hidden="tanh"), 200, 200, 4),
    Fit(Net((12, 9, 4), labels=True), 16, 160, 3),
]


def loss(peer, task, epochs):
    training = peer.Training(task)
    training.run(1)
    training.reset()
    training.run(epochs)
    return workloads.loss(task, training.weights())


@pytest.mark.parametrize("work", FITS, ids=lambda work: work.name)
def test_peers_reach_the_loss_of_fastnn(work, tmp_path):
    workloads.write(work, tmp_path)
    task = workloads.read(work, tmp_path)
    want = loss(fastnn_peer, task, work.check_epochs)
    start = workloads.loss(task, task.weights)
    assert want < 0.99 * start  # it has learned something to compare
    # float32 and other orders of sums, over some hundred steps
    assert loss(numpy_peer, task, work.check_epochs) == pytest.approx(want, rel=1e-4)
    if work.cars:
        assert loss(pure_python, task, work.check_epochs) == pytest.approx(want, rel=1e-4)


def test_the_order_of_the_rows_matters_to_the_loss(tmp_path):
    workloads.write(CARS, tmp_path)
    task = workloads.read(CARS, tmp_path)
    other = task._replace(orders=task.orders[1:])
    want = loss(numpy_peer, task, 3)
    assert loss(numpy_peer, other, 3) != pytest.approx(want, rel=1e-4)


@pytest.mark.parametrize("net", [Net((4, 3, 2)), Net((4, 3, 2), labels=True)])
def test_peers_give_the_outputs_of_fastnn(net, tmp_path):
    work = Predict(net, 5)
    workloads.write(work, tmp_path)
    task = workloads.read(work, tmp_path)
    want = workloads.outputs(net, task.weights, task.x)
    for peer in (fastnn_peer, numpy_peer):
        for statement, names in peer.predictions(task).values():
            got = eval(statement, dict(names))
            np.testing.assert_allclose(got, want, atol=1e-6)  # a dozen float32 roundings


def test_workloads_have_names_of_their_own_and_whole_batches():
    names = [work.name for work in workloads.EVERY]
    assert len(set(names)) == len(names)
    for work in workloads.EVERY:
        if isinstance(work, Fit):
            assert work.rows % work.batch_size == 0, work.name
            assert work.check_epochs <= workloads.ORDERS, work.name


def test_bars_and_hopes_are_about_what_is_measured():
    quick = {"quick": True, "cores": 2}
    taking_part = variants.variants(list(variants.PEERS), 2)
    for bar in judge.BARS:
        assert bar.work in workloads.MAIN
        assert any(v.peer == "fastnn" and v.takes(bar.work, **quick) for v in taking_part)
        if bar.against not in (judge.BEST, judge.ALL_PEAK):
            others = [v for v in taking_part if bar.against in (v.peer, f"{v.peer}-{v.use}")]
            assert any(v.takes(bar.work, **quick) for v in others), bar
    for hope in judge.HOPES:
        assert hope.work in workloads.MAIN


def results(**values):
    entries = {
        name: {"values": {"step": seconds}, "disturbed": 0, "same": name != "sklearn/1"}
        for name, seconds in values.items()
    }
    probes = {"peak all": [1e9, 2e9, 1.5e9]}
    return {"fit": {judge.BARS[0].work.name: entries}, "predict": {}, "probes": probes}


def test_judge_takes_the_best_of_each_and_leaves_out_other_work():
    found = results(
        **{
            "fastnn/1": [2e-6, 1e-6, 9e-6],
            "fastnn/2": [4e-6, 3e-6, 5e-6],
            "numpy/1": [100e-6, 90e-6, 120e-6],
            "numpy/2": [500e-6, 90e-6, 120e-6],
            "sklearn/1": [1e-9, 1e-9, 1e-9],
        }
    )
    work = judge.BARS[0].work
    verdict = judge.verdict(found, judge.Bar(work, "numpy", 50.0))
    assert verdict.measured == pytest.approx(50.0)
    assert (verdict.low, verdict.high) == pytest.approx((120 / 9, 90.0))
    assert verdict.met
    assert judge.verdict(found, judge.Bar(work, "numpy", 50.1)).met is False
    assert judge.verdict(found, judge.Bar(work, judge.BEST, 50.0)).met
    assert judge.verdict(found, judge.Bar(work, "jax", 5.0)).met is None
    share = judge.verdict(found, judge.Bar(work, judge.ALL_PEAK, 0.5))
    assert share.measured == pytest.approx(work.flops / 2e-6 / 2e9)


def test_operations_of_a_step_are_those_of_its_products():
    # forward and the gradients of both kernels, and of the hidden layer's output, for two rows
    assert Fit(Net((3, 4, 5)), 2, 2, 1).flops == 2 * 2 * (2 * 12 + 3 * 20)


@pytest.mark.parametrize("kind, shown", [(Fit, overview.TRAINING), (Predict, overview.PREDICTING)])
def test_the_plot_of_the_readme_shows_where_others_are_closest(kind, shown):
    newest = max(overview.FOLDER.glob("*.json"))
    results = json.loads(newest.read_text(encoding="utf-8"))
    works = [work for work in workloads.MAIN if isinstance(work, kind)]
    margins = [m for m in judge.margins(results, works, results["cores"]) if m.threads is None]
    closest = min(margins, key=lambda margin: margin.ratio)
    assert closest.work in shown


def test_the_plot_of_the_readme_is_drawn_for_light_and_dark(tmp_path):
    newest = max(overview.FOLDER.glob("*.json"))
    overview.draw(json.loads(newest.read_text(encoding="utf-8")), tmp_path)
    light, dark = (tmp_path / f"overview-{name}.svg" for name in ("light", "dark"))
    assert "#24292f" in light.read_text(encoding="utf-8")
    assert "#e6edf3" in dark.read_text(encoding="utf-8")
