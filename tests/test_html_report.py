"""The HTML report: what it says, that it needs nothing else, importance of columns."""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import numpy as np
import pyarrow as pa
import pytest

import fastnn as fnn
from fastnn.history import History
from fastnn.html_report import Importance, markup, permutation_importance, write_report

NAN = float("nan")


class Reader(HTMLParser):
    """Ids, links and whatever a page would load; elements must be closed in their order."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.loads, self.open, self.text = [], [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if tag not in ("meta", "br"):
            self.open.append(tag)
        if "id" in found:
            self.ids.append(found["id"])
        href = found.get("href", "")
        (self.links if href.startswith("#") else self.loads).extend([href] if href else [])
        self.loads += [found[name] for name in ("src", "srcset", "data") if name in found]
        if tag in ("script", "link", "iframe", "object", "embed", "img"):
            self.loads.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def history(epochs=5, validated=True):
    known = History({"r2_score": True})
    for i in range(1, epochs + 1):
        logs = {"loss": 100.0 / i**3, "r2_score": 1 - 1 / i}
        if validated:
            logs |= {"val_loss": (i - 3) ** 2 + 1.0, "val_r2_score": -abs(i - 2.0)}
        known.append(i, 0.1, logs)
    return known


def numbers(rows=40):
    rng = np.random.default_rng(0)
    y = rng.standard_normal(rows)
    return y, y + 0.1 * rng.standard_normal(rows)


def shares(rows=60, classes=3):
    rng = np.random.default_rng(1)
    y = np.arange(rows) % classes
    p = rng.random((rows, classes)) + 2 * (y[:, None] == np.arange(classes))
    return y, p / p.sum(axis=1, keepdims=True)


def page(tmp_path, **options):
    path = tmp_path / "report.html"
    write_report(path, **({"title": "Cars"} | options))
    return path.read_text(encoding="utf-8")


def whole(tmp_path, **options):
    y, p = numbers()
    model = fnn.Sequential([fnn.Input(2), fnn.Dense(1)], seed=0)
    given = {
        "task": "regression",
        "targets": y,
        "predictions": p,
        "target": "mpg",
        "lead": "A small one.",
        "metrics": {"R²": 0.9123},
        "baseline": {"R²": 0.7},
        "baseline_name": "linear",
        "history": history(),
        "importance": [Importance("weight", 0.5, 0.1), Importance("noise", -0.01, 0.0)],
        "importance_of": "R²",
        "model": model,
        "schema": [{"column": "weight", "missing": 3}],
        "settings": {"epochs": 5},
    }
    return page(tmp_path, **(given | options))


# ---- the page -----------------------------------------------------------------------------------


def test_page_holds_all_that_it_is_given(tmp_path):
    text = whole(tmp_path)
    read = Reader(text)
    told = " ".join(" ".join(read.text).split())
    for words in ("A small one.", "0.9123", "linear: 0.7", "weight", "0.5000 ± 0.1000", "dense_0"):
        assert words in told, words
    for heading in ("Predictions", "Training", "What it leans on", "Model", "Data"):
        assert f"{heading}</h2>" in text
    assert text.count("<svg") == 6  # four of the predictions, two curves
    assert "Best: 1 in epoch 3" in told  # the validation loss above
    assert "Best: -0 in epoch 2" in told or "Best: 0 in epoch 2" in told


def test_page_loads_nothing(tmp_path):
    text = whole(tmp_path)
    assert Reader(text).loads == []
    assert not re.search(r"@import|url\((?!#)", text)
    addresses = set(re.findall(r"https?://[^\"' <)]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_ids_are_unique_and_links_lead_to_them(tmp_path):
    read = Reader(whole(tmp_path))
    assert len(set(read.ids)) == len(read.ids)
    assert {link[1:] for link in read.links} <= set(read.ids)


def test_drawings_are_named_and_have_colours_of_the_page_alone(tmp_path):
    text = whole(tmp_path)
    for drawing in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        root = ElementTree.fromstring(drawing)
        assert root.get("role") == "img"
        title = root.find("title")
        assert title is not None
        assert title.get("id") == root.get("aria-labelledby")
        assert title.text
        assert not re.search(r"#[0-9a-f]{6}\b", drawing)
    names = set(re.findall(r"var\((--[\w-]+)\)", text))
    style = text[: text.index("</style>")]
    light, dark = style.split("prefers-color-scheme: dark", 1)
    for name in names - {"--share"}:
        assert f"{name}:" in light, name
        assert f"{name}:" in dark, name


def test_what_comes_from_data_is_escaped(tmp_path):
    nasty = "<b>&\"'$x_1^2$"
    text = whole(
        tmp_path,
        title=nasty,
        target=nasty,
        lead=nasty,
        importance=[Importance(nasty, 1.0, 0.0)],
        schema=[{nasty: nasty}],
        settings={nasty: nasty},
        metrics={nasty: 1.0},
    )
    assert "<b>" not in text
    assert nasty in Reader(text).text


def test_same_numbers_give_the_same_file(tmp_path):
    assert whole(tmp_path) == whole(tmp_path)


def test_a_person_s_style_is_left_alone(tmp_path):
    import matplotlib as mpl

    with mpl.rc_context({"axes.facecolor": "#123456", "lines.linewidth": 7.0}):
        text = whole(tmp_path)
        assert mpl.rcParams["lines.linewidth"] == 7.0
    assert "#123456" not in text


def test_least_page(tmp_path):
    read = Reader(page(tmp_path, task="regression", targets=[1.0], predictions=[2.0]))
    assert "On 1 row that it has not seen." in read.text


def test_history_without_validation_and_with_gaps(tmp_path):
    gaps = History()
    for i, value in enumerate((NAN, 2.0, NAN, 1.0), 1):
        gaps.append(i, 0.1, {"loss": 3.0, "val_loss": value})
    assert "Best: 1 in epoch 4" in whole(tmp_path, history=gaps)
    assert "on the validation rows" not in whole(tmp_path, history=history(1, validated=False))


def test_many_rows_are_thinned_and_that_is_said(tmp_path):
    y, p = numbers(5000)
    text = whole(tmp_path, targets=y, predictions=p)
    assert "1,500 of the 5,000 rows, chosen at random." in text
    assert len(text) < 800_000


# ---- classes ------------------------------------------------------------------------------------


def test_confusion_matrix_and_classes(tmp_path):
    y = [0, 0, 1, 1, 1, 2]
    p = np.eye(3)[[0, 1, 1, 1, 2, 2]]
    text = page(
        tmp_path, task="classification", targets=y, predictions=p, classes=["ape", "bee", "cow"]
    )
    matrix = re.search(r'class="scroll confusion".*?</table>', text, re.DOTALL)
    assert matrix is not None
    cells = re.findall(r"<td style=[^>]*>(\d+)<small>(\d+)%", matrix[0])
    assert [int(count) for count, _ in cells] == [1, 1, 0, 0, 2, 1, 0, 0, 1]
    assert [int(share) for _, share in cells] == [50, 50, 0, 0, 67, 33, 0, 0, 100]
    row = re.search(r"bee</th>((?:<td class=\"number\">[^<]*</td>)+)", text)
    assert row is not None
    # three rows; two of three said to be it are, two of three found
    assert re.findall(r">([^<]+)</td>", row[1]) == ["3", "0.6667", "0.6667", "0.6667"]


def test_areas_are_those_of_the_metrics(tmp_path):
    y, p = shares(classes=2)
    text = page(tmp_path, task="classification", targets=y, predictions=p[:, 1])
    assert f"{fnn.metrics.roc_auc_score(y, p[:, 1]):.3f}; the positive class is 1." in text
    assert f"Average precision: {fnn.metrics.average_precision_score(y, p[:, 1]):.3f}" in text
    y, p = shares(classes=3)
    text = page(tmp_path, task="classification", targets=y, predictions=p)
    assert f"mean {fnn.metrics.roc_auc_score(y, p):.3f}." in text


def test_class_that_is_never_predicted_has_a_dash(tmp_path):
    p = np.tile([0.9, 0.1], (4, 1))
    text = page(tmp_path, task="classification", targets=[0, 0, 1, 1], predictions=p)
    assert re.search(r"1</th><td class=\"number\">2</td><td class=\"number\">–</td>", text)


def test_rows_of_one_class_have_no_curves(tmp_path):
    _, p = shares(4, 2)
    text = page(tmp_path, task="classification", targets=[1, 1, 1, 1], predictions=p)
    assert "there is no curve" in text


def test_many_classes_are_listed_by_confusion(tmp_path):
    y = np.arange(80) % 40
    p = np.eye(40)[np.where(y == 7, 8, y)]
    text = page(tmp_path, task="classification", targets=y, predictions=p)
    assert "The classes most often confused" in text
    assert 'class="scroll confusion"' not in text
    assert re.search(r"7</th><td class=\"words\">8</td><td class=\"number\">2</td>", text)


# ---- errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change, message",
    [
        ({"task": "clustering"}, "unknown task 'clustering'"),
        ({"targets": []}, "at least one row"),
        ({"targets": [1.0]}, "one row each"),
        ({"targets": [NAN, 1.0]}, "must be finite"),
        ({"predictions": [[1.0, 2.0], [3.0, 4.0]]}, "of shape"),
        (
            {"task": "classification", "targets": [0, 2], "predictions": [0.1, 0.9]},
            "places of classes, 0 .. 1",
        ),
        (
            {
                "task": "classification",
                "targets": [0, 1],
                "predictions": [0.1, 0.9],
                "classes": ["a"],
            },
            "got 1 classes for 2",
        ),
    ],
)
def test_bad_arguments_leave_no_file(tmp_path, change, message):
    given = {"task": "regression", "targets": [1.0, 2.0], "predictions": [1.0, 2.0]} | change
    with pytest.raises(ValueError, match=re.escape(message)):
        page(tmp_path, **given)
    assert list(tmp_path.iterdir()) == []


def test_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space"):
        page(tmp_path, task="regression", targets=[1.0], predictions=[1.0])
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]
    assert path.read_text() == "old"


def test_without_matplotlib_the_extra_is_named(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"fastnn-core\[report\]"):
        page(tmp_path, task="regression", targets=[1.0], predictions=[1.0])


# ---- importance ---------------------------------------------------------------------------------


def linear(columns):
    y = np.arange(50.0)
    return fnn.metrics.r2_score(y, np.asarray(columns["a"]) + 0 * np.asarray(columns["b"]))


@pytest.mark.parametrize("make", [np.array, lambda values: pa.chunked_array([values])])
def test_importance_finds_the_column_that_matters(make):
    columns = {"b": make(np.arange(50.0)), "a": make(np.arange(50.0))}
    found = permutation_importance(linear, columns, repeats=3, seed=1)
    assert [one.feature for one in found] == ["a", "b"]
    assert found[0].mean > 0.5
    assert found[1] == ("b", 0.0, 0.0)
    assert found == permutation_importance(linear, columns, repeats=3, seed=1)
    assert found != permutation_importance(linear, columns, repeats=3, seed=2)


def test_importance_is_the_mean_and_deviation_of_what_is_lost():
    columns = {"a": np.arange(50.0), "b": np.zeros(50)}
    rng = np.random.default_rng([4, 0])
    lost = [1 - linear({**columns, "a": columns["a"][rng.permutation(50)]}) for _ in range(2)]
    (found,) = permutation_importance(linear, columns, names=["a"], repeats=2, seed=4)
    assert found == ("a", np.mean(lost), np.std(lost))


@pytest.mark.parametrize(
    "columns, options, message",
    [
        ({}, {}, "some of one length"),
        ({"a": np.ones(2), "b": np.ones(3)}, {}, r"\[2, 3\]"),
        ({"a": np.ones(2)}, {"names": ["c"]}, "no column 'c'"),
        ({"a": np.ones(2)}, {"repeats": 0}, "repeats"),
    ],
)
def test_importance_refuses(columns, options, message):
    with pytest.raises(ValueError, match=message):
        permutation_importance(lambda _: 0.0, columns, **options)


@pytest.mark.parametrize(
    "value, shown",
    [
        (None, "–"),
        (True, "True"),
        (0.0, "0"),
        (1234.5678, "1,235"),
        (123456.7, "123,457"),
        (1e9, "1.000e+09"),
        (-0.00001, "-1.000e-05"),
        (np.int64(12560), "12,560"),
        (np.float32(0.5), "0.5"),
    ],
)
def test_numbers_for_people(value, shown):
    assert markup.number(value) == shown
