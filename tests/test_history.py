"""What a fit leaves behind: numbers, the best epoch, tables, drawings."""

from __future__ import annotations

import copy
import math
import pickle
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import fastnn as fnn
from fastnn.history import MOST_POINTS, History

NAN = math.nan


def history_of(**columns):
    """A history of made-up numbers."""
    known = {"loss": False, "mae": False, "r2": True, "own": None}
    history = History(known)
    names = list(columns)
    for i, values in enumerate(zip(*columns.values(), strict=True), 1):
        history.append(i, 0.5, dict(zip(names, values, strict=True)))
    return history


def fitted(**options):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((40, 3)), rng.standard_normal((40, 1))
    model = fnn.Sequential([fnn.Input(3), fnn.Dense(8, "tanh"), fnn.Dense(1)], seed=0)
    trainer = fnn.Trainer(model, "mse", fnn.Adam(0.05), metrics=["r2"])
    return trainer.fit(x, y, verbose=0, **({"epochs": 12, "validation_split": 0.5} | options))


# ---- the best epoch -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values, name, mode, wanted",
    [
        ([3, 1, 2], "loss", "auto", (2, 1)),
        ([3, 1, 2], "val_loss", "auto", (2, 1)),
        ([3, 1, 2], "r2", "auto", (1, 3)),
        ([3, 1, 2], "val_r2", "auto", (1, 3)),
        ([3, 1, 2], "loss", "max", (1, 3)),
        ([3, 1, 2], "own", "min", (2, 1)),
        ([1, 1, 1], "loss", "auto", (1, 1)),
        ([2, 2, 2], "r2", "auto", (1, 2)),
        ([NAN, 4, NAN, 3, NAN], "loss", "auto", (4, 3)),
        ([NAN, 4, NAN, 3, NAN], "r2", "auto", (2, 4)),
        ([math.inf, 4], "loss", "auto", (2, 4)),
        ([-math.inf, 4], "loss", "auto", (2, 4)),
    ],
)
def test_best(values, name, mode, wanted):
    assert history_of(**{name: values}).best(name, mode=mode) == wanted


def test_best_looks_at_the_validation_first():
    assert history_of(loss=[3, 2, 1], val_loss=[2, 1, 3]).best() == (2, 1)
    assert history_of(loss=[3, 2, 1]).best() == (3, 1)
    history = fitted()
    assert history.best("val_r2_score")[1] == max(history["val_r2_score"])
    epoch, value = history.best("r2_score")
    assert history["r2_score"][epoch - 1] == value == max(history["r2_score"])


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("los",), "did you mean 'loss'"),
        (("own",), 'give mode="min" or mode="max"'),
        (("mae",), "no finite number"),
    ],
)
def test_best_refuses(arguments, words):
    history = history_of(loss=[1.0], own=[1.0], mae=[NAN])
    with pytest.raises(ValueError, match=words):
        history.best(*arguments)
    with pytest.raises(ValueError, match="unknown mode"):
        history.best("loss", mode="least")
    with pytest.raises(ValueError, match=r"History.best"):
        History().best()


# ---- epochs with fewer numbers ------------------------------------------------------------------


def test_lists_are_of_one_length_whatever_an_epoch_had():
    history = History()
    history.append(1, 0.1, {"loss": 1.0})
    history.append(2, 0.1, {"loss": 2.0, "val_loss": 5.0})
    assert len(history["val_loss"]) == 2
    history.append(3, 0.1, {"loss": 3.0})
    history.extend(4, ["loss"], [[0.1, 4.0], [0.1, 5.0]])
    assert history["loss"] == [1, 2, 3, 4, 5]
    np.testing.assert_array_equal(history["val_loss"], [NAN, 5, NAN, NAN, NAN])
    np.testing.assert_array_equal(history.until(2)["val_loss"], [NAN, 5])


def test_until():
    history = fitted()
    part = history.until(4)
    assert part.epoch == [1, 2, 3, 4]
    assert part.seconds == history.seconds[:4]
    assert {name: values[:4] for name, values in history.items()} == part.history
    assert part.best("val_r2_score")[0] <= 4
    part.append(9, 1.0, dict.fromkeys(history, 0.0))
    assert len(history.epoch) == 12  # a history of its own
    assert History().until(3).epoch == []


def test_pickles_and_copies():
    history = fitted()
    history.stopped = "enough"
    for twin in (pickle.loads(pickle.dumps(history)), copy.copy(history), copy.deepcopy(history)):
        assert twin.history == history.history
        assert (twin.epoch, twin.seconds) == (history.epoch, history.seconds)
        assert twin.stopped == "enough"
        assert twin.best("val_r2_score") == history.best("val_r2_score")
        twin.append(13, 1.0, dict.fromkeys(history, 0.0))
        assert len(twin.epoch) == 13
        assert len(history.epoch) == 12


# ---- other libraries ----------------------------------------------------------------------------


def test_to_dataframe():
    history = fitted()
    frame = history.to_dataframe()
    assert list(frame.columns) == [*history, "seconds"]
    assert list(frame.index) == history.epoch
    assert frame.index.name == "epoch"
    assert frame["val_loss"].tolist() == history["val_loss"]
    assert len(History().to_dataframe()) == 0


@pytest.mark.parametrize(
    "module, call",
    [("pandas", lambda h: h.to_dataframe()), ("matplotlib.pyplot", lambda h: h.plot())],
)
def test_what_is_not_installed_is_named(monkeypatch, module, call):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=f"needs {module.split('.')[0]}.*pip install"):
        call(fitted())


@pytest.fixture
def plt(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    yield plt
    plt.close("all")


def test_plot_draws_training_and_validation_and_marks_the_best(plt):
    history = fitted()
    axes = history.plot()
    assert [axis.get_ylabel() for axis in axes] == ["loss", "r2_score"]
    for axis, name in zip(axes, ("loss", "r2_score"), strict=True):
        curves = {line.get_label(): line for line in axis.get_lines()}
        epoch, value = history.best(f"val_{name}")
        assert curves["training"].get_ydata().tolist() == history[name]
        assert curves["validation"].get_ydata().tolist() == history[f"val_{name}"]
        mark = curves[f"best: {value:.5g} in epoch {epoch}"]
        assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (epoch, value)
        assert axis.get_xlabel() == "epoch"


def test_plot_of_one_name_and_on_given_axes(plt):
    history = fitted()
    axis = history.plot("r2_score")
    assert axis.get_ylabel() == "r2_score"
    _, given = plt.subplots()
    assert history.plot(ax=given) is given
    assert given.get_ylabel() == "loss"
    assert len(history.plot(["loss"])) == 1


def test_plot_without_validation_or_direction(plt):
    axis = history_of(own=[3, 1, 2]).plot("own")
    assert [line.get_label() for line in axis.get_lines()] == ["training"]  # no best
    axis = history_of(loss=[3, 1, 2]).plot("loss")
    assert "best: 1 in epoch 2" in [line.get_label() for line in axis.get_lines()]
    history_of(loss=[3.0]).plot()  # one epoch
    history_of(loss=[NAN, NAN]).plot()


@pytest.mark.parametrize(
    "arguments, words",
    [(("mae",), "unknown name 'mae'"), ((["loss", "x"],), "unknown name 'x'"), (([],), "0 names")],
)
def test_plot_refuses(plt, arguments, words):
    with pytest.raises(ValueError, match=words):
        fitted().plot(*arguments)
    with pytest.raises(ValueError, match="no epochs"):
        History().plot()
    _, axis = plt.subplots()
    with pytest.raises(ValueError, match="2 names"):
        fitted().plot(["loss", "r2_score"], ax=axis)


# ---- notebooks ----------------------------------------------------------------------------------


def parse(html):
    """The fragment as a tree: so it is well-formed."""
    return ElementTree.fromstring(f"<body>{html}</body>")


def test_html_has_a_table_and_curves():
    history = fitted()
    tree = parse(history._repr_html_())
    rows = [[cell.text or "" for cell in row] for row in tree.iter("tr")][1:]
    assert [row[0] for row in rows] == list(history)
    for name, last, best in rows:
        assert float(last) == pytest.approx(history[name][-1], rel=1e-4)
        epoch, value = history.best(name)
        assert best == f"{value:.5g} (epoch {epoch})"
    assert len(list(tree.iter("svg"))) == 2
    assert len(list(tree.iter("polyline"))) == 4
    assert len(list(tree.iter("circle"))) == 2


def test_html_escapes_names():
    history = History({"<b>": False})
    history.append(1, 0.5, {"<b>": 1.0, "a & 'b'": 2.0})
    history.append(2, 0.5, {"<b>": 0.5, "a & 'b'": 1.0})
    history.stopped = "<script>"
    html = history._repr_html_()
    assert "<b>" not in html
    assert "<script>" not in html
    assert "&lt;b&gt;" in html
    names = [row[0].text for row in parse(html).iter("tr")][1:]
    assert names == ["<b>", "a & 'b'"]


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"loss": [1.0]},
        {"loss": [1.0, 1.0]},
        {"loss": [NAN, NAN]},
        {"loss": [1.0, NAN, 3.0], "val_loss": [NAN, 2.0, NAN]},
        {"loss": [math.inf, 1.0]},
        {"val_loss": [1.0, 2.0]},
    ],
)
def test_html_of_odd_histories(columns):
    html = history_of(**columns)._repr_html_()
    parse(html)
    assert "nan," not in html
    assert ",nan" not in html


def test_html_of_a_long_fit_is_short():
    history = history_of(loss=np.linspace(5, 1, 20_000).tolist())
    html = history._repr_html_()
    (curve,) = parse(html).iter("polyline")
    points = curve.get("points").split()
    assert len(points) <= MOST_POINTS + 1
    right, bottom = map(float, points[-1].split(","))
    assert right == max(float(point.split(",")[0]) for point in points)  # to the very end
    assert bottom == max(float(point.split(",")[1]) for point in points)
