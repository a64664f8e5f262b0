"""The command line on tables: train, predict, evaluate, inspect, export, compare, benchmark."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import sys
import time
import tracemalloc

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

import fastnn as fnn
from fastnn import cli
from fastnn.cli import benchmark, contest
from fastnn.cli.design import design
from fastnn.cli.tables import find_task, open_data, read_all, split
from fastnn.tabular import TabularClassifier, TabularRegressor, load, open_table

FLOWERS = 120


@pytest.fixture
def call(capsys, tmp_path, monkeypatch):
    """Run a command line in a folder with the files below."""
    monkeypatch.chdir(tmp_path)

    def run(line):
        code = cli.main(shlex.split(line))
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def flowers(tmp_path):
    """A CSV file with words, numbers, a missing one and three classes."""
    rng = np.random.default_rng(0)
    kind = np.arange(FLOWERS) % 3
    petal = np.round(kind + 0.2 * rng.standard_normal(FLOWERS), 4)
    lines = ["id,petal,colour,species,tall"]
    for i in range(FLOWERS):
        shown = "" if i == 5 else f"{petal[i]}"
        colour = ("red", "blue")[i % 2]
        lines.append(f"{i:03},{shown},{colour},{('ape', 'bee', 'cow')[kind[i]]},{int(kind[i] > 0)}")
    (tmp_path / "flowers.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "flowers.csv"


@pytest.fixture(scope="module")
def cars(tmp_path_factory):
    """A model of miles per gallon."""
    path = tmp_path_factory.mktemp("models") / "cars.safetensors"
    TabularRegressor(epochs=5, seed=0).fit("auto-mpg", target="mpg").save(path)
    return path


def values(out):
    return {name: float(one) for name, one in re.findall(r"^  (\w+) +(-?[\d.e-]+)$", out, re.M)}


# -- train ----------------------------------------------------------------------------------------


def test_train_is_what_the_estimator_does(call):
    options = (
        "--layers 9,4 --activation tanh --dropout 0.1 --dtype float64 --epochs 4 --batch-size 20 "
        "--learning-rate 0.01 --optimizer adamw --loss huber --patience 3 --validation-split 0.2 "
        "--seed 7 --drop passedemissions --drop weight --kind modelyear=category "
        "--missing error --out-of-range clip --test-size 0.3 --task regression --quiet"
    )
    code, out, err = call(f"train auto-mpg --target mpg {options} --out a.safetensors")
    assert (code, err) == (0, "")
    train, test = split(open_data("auto-mpg"), 0.3, 7, "mpg")
    estimator = TabularRegressor(
        hidden=(9, 4),
        activation="tanh",
        dropout=0.1,
        dtype="float64",
        epochs=4,
        batch_size=20,
        learning_rate=0.01,
        optimizer="adamw",
        loss="huber",
        patience=3,
        validation_split=0.2,
        seed=7,
        drop=["passedemissions", "weight"],
        kinds={"modelyear": "category"},
        missing="error",
        out_of_range="clip",
    ).fit(train, "mpg")
    want = estimator.evaluate(test)
    assert values(out) == {name: float(f"{value:.5g}") for name, value in want.items()}
    kept = load("a.safetensors")
    np.testing.assert_array_equal(kept.predict(test), estimator.predict(test))
    assert (kept.missing, kept.out_of_range, kept.patience) == ("error", "clip", 3)


def test_train_columns_and_weights_reach_their_place(call, flowers):
    line = "train flowers.csv --target tall --epochs 2 --quiet --columns colour,petal"
    assert call(f"{line} --out a.safetensors")[0] == 0
    assert [column.name for column in load("a.safetensors").schema_] == ["petal", "colour"]
    heavy = call(f"{line} --sample-weight tall")
    assert heavy[0] == 0
    assert heavy[1] != call(line)[1]


@pytest.mark.parametrize(
    "target, kind", [("species", TabularClassifier), ("tall", TabularClassifier)]
)
def test_train_chooses_the_task_and_says_so(call, flowers, target, kind):
    code, out, _ = call(
        f"train flowers.csv --target {target} --drop id --epochs 2 --out a.safetensors"
    )
    assert code == 0
    assert f"96 rows to train on, 24 held out; classification of {target}" in out
    assert "--task regression if that is not meant" in out
    assert isinstance(load("a.safetensors"), kind)
    code, out, _ = call("train flowers.csv --target tall --drop id --epochs 2 --task regression")
    assert code == 0
    assert "not meant" not in out
    assert "r2_score" in out


def test_task_follows_the_values():
    table = pa.table(
        {
            "words": ["a", "b"] * 20,
            "flag": [True, False] * 20,
            "few": list(range(10)) * 4,
            "floats": [0.0, 1.0] * 20,
            "many": list(range(40)),
            "real": [0.5, 1.0] * 20,
            "when": pa.array(range(40), pa.date32()),
        }
    )
    found = {name: find_task(open_table(table), name)[0] for name in table.column_names}
    same = pa.table({"t": [1.0] * 5})
    assert find_task(open_table(same), "t")[1] == "its values are all the same number"
    assert [name for name, task in found.items() if task == "regression"] == [
        "many",
        "real",
        "when",
    ]


def test_train_tests_on_a_table_of_its_own(call, flowers):
    call(
        "train flowers.csv --target species --drop id --epochs 2 --test-size 0 --out a.safetensors"
    )
    _, out, _ = call("train flowers.csv --target species --drop id --epochs 2 --test flowers.csv")
    assert "On the rows it has not seen" in out or "On the 120 rows" in out
    _, out, _ = call("train flowers.csv --target species --drop id --epochs 2 --test-size 0")
    assert "On the rows it was validated with" in out


@pytest.mark.parametrize(
    "content, message",
    [
        ("id,petal,colour\n1,2,red\n", "--test: the table has no column 'species'"),
        ("id,colour,species\n1,red,ape\n", "--test: the table lacks the column 'petal'"),
        ("petal,colour,species\n", "--test: test.csv has no rows"),
        ("petal,colour,species\n1,red,ape\n2,red\n", "line 3 has 2 fields, want 3"),
    ],
)
def test_a_table_to_test_with_is_looked_at_before_the_training(
    call, flowers, tmp_path, content, message
):
    (tmp_path / "test.csv").write_text(content)
    line = "train flowers.csv --target species --drop id --drop tall --epochs 2 --test test.csv"
    code, out, err = call(f"{line} --out m.safetensors")
    assert code == 2
    assert err.startswith("fastnn: error: ")
    assert message in err
    assert len(err.splitlines()) == 1
    assert "epoch 1" not in out
    assert not (tmp_path / "m.safetensors").exists()


def test_train_writes_a_report(call, flowers, tmp_path):
    for target, heading in (("species", "Confusion matrix"), ("petal", "Histogram")):
        line = f"train flowers.csv --target {target} --drop id --epochs 2 --report a.html"
        if target == "petal":
            line = "train auto-mpg --target mpg --epochs 2 --report a.html"
        code, out, _ = call(line)
        assert code == 0
        assert out.endswith("Report in a.html\n")
        text = (tmp_path / "a.html").read_text(encoding="utf-8")
        assert heading in text
        assert "What it leans on" in text


def test_split_holds_out_the_same_rows_and_each_row_once():
    source = open_table(pa.table({"a": list(range(100))}))
    train, test = split(source, 0.2, 3, "a")
    assert (train.rows, test.rows) == (80, 20)
    parts = [read_all(part, ["a"]).column("a").to_pylist() for part in (train, test)]
    assert sorted(parts[0] + parts[1]) == list(range(100))
    assert len(parts[1]) == 20
    assert read_all(split(source, 0.2, 3, "a")[1], ["a"]).column("a").to_pylist() == parts[1]
    assert read_all(split(source, 0.2, 4, "a")[1], ["a"]).column("a").to_pylist() != parts[1]


def test_parts_of_a_folder_can_be_read_in_the_pieces_of_the_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("fastnn.tabular.sources.BATCH_ROWS", 10)
    for i in range(4):
        table = pa.table({"a": list(range(25 * i, 25 * i + 25))})
        pa.parquet.write_table(table, tmp_path / f"{i}.parquet", row_group_size=10)
    for part in split(open_table(tmp_path), 0.2, 3, "a"):
        whole = read_all(part, ["a"]).column("a").to_pylist()
        pieces = part.pieces()
        assert len(pieces) == 12
        found: list[int] = []
        for piece in pieces:
            assert piece.first == len(found)
            for batch in piece.batches(["a"]):
                found += batch.column("a").to_pylist()
        assert found == whole


def test_train_reads_a_folder_and_standard_input(call, tmp_path, monkeypatch):
    table = read_all(open_table("auto-mpg"), open_table("auto-mpg").schema.names)
    (tmp_path / "parts").mkdir()
    for i in range(2):
        pa.parquet.write_table(
            table.slice(200 * i, 200), tmp_path / "parts" / f"{i}.parquet", row_group_size=64
        )
    _, folder, _ = call("train parts --target mpg --epochs 3 --quiet")
    _, whole, _ = call("train auto-mpg --target mpg --epochs 3 --quiet")
    assert folder == whole
    content = io.BytesIO()
    pa.csv.write_csv(table, content)
    stream = io.TextIOWrapper(io.BufferedReader(io.BytesIO(content.getvalue())))
    monkeypatch.setattr(sys, "stdin", stream)
    assert values(call("train - --target mpg --epochs 3 --quiet")[1]).keys() == values(whole).keys()


# -- the TOML file --------------------------------------------------------------------------------

CONFIG = """
data = "auto-mpg"
target = "mpg"
quiet = true
drop = ["passedemissions"]

[network]
layers = [5, 3]
activation = "tanh"

[training]
epochs = 3
batch_size = 16
learning-rate = 0.01

[data]
"""


def test_config_is_the_same_as_options(call, tmp_path):
    text = CONFIG.replace("\n[data]\n", "")
    (tmp_path / "cars.toml").write_text(text + '\n[output]\nout = "a.safetensors"\n')
    said = "--layers 5,3 --activation tanh --epochs 3 --batch-size 16 --learning-rate 0.01"
    options = f"--drop passedemissions {said}"
    want = call(f"train auto-mpg --target mpg --quiet {options}")
    assert call("train --config cars.toml") == want
    assert load("a.safetensors").hidden == (5, 3)
    want = call(
        f"train auto-mpg --target mpg --quiet {options} --drop weight --epochs 2".replace(
            "--drop passedemissions", ""
        )
    )
    assert call("train --config cars.toml --drop weight --epochs 2") == want  # they win


@pytest.mark.parametrize(
    "text, message",
    [
        ("x = [", "is no TOML"),
        ("epohcs = 3", "unknown option 'epohcs'; did you mean 'epochs'?"),
        ("[network]\nlayer = 3", "did you mean 'layers'?"),
        ("epochs = 0", "--epochs: want a whole number of at least 1, got '0'"),
        ("epochs = true", "epochs takes no true or false"),
        ("quiet = 3", "quiet must be true or false"),
        ('dtype = "half"', "invalid choice: 'half'"),
        ("epochs = {a = 1}", "epochs is a table"),
        ("config = 'b.toml'", "unknown option 'config'"),
        ("command = 'b'", "unknown option 'command'"),
    ],
)
def test_bad_config_is_one_line(call, tmp_path, text, message):
    (tmp_path / "a.toml").write_text(text)
    code, out, err = call("train auto-mpg --target mpg --config a.toml")
    assert (code, out) == (2, "")
    assert err.startswith("fastnn: error: --config: a.toml")
    assert len(err.splitlines()) == 1
    assert message in err


# -- predict --------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["parquet", "csv", "arrow"])
def test_predict_writes_what_the_estimator_says(call, cars, tmp_path, ending):
    code, out, err = call(f"predict {cars} auto-mpg --keep mpg,weight --out p.{ending}")
    assert (code, out, err) == (0, f"392 predictions in p.{ending}\n", "")
    found = read_all(open_table(str(tmp_path / f"p.{ending}")), ["mpg", "weight", "prediction"])
    np.testing.assert_allclose(  # CSV holds fewer digits
        found.column("prediction").to_numpy(), load(cars).predict("auto-mpg"), rtol=1e-6
    )
    want = read_all(open_table("auto-mpg"), ["mpg", "weight"])
    for name in ("mpg", "weight"):
        np.testing.assert_allclose(found.column(name).to_numpy(), want.column(name).to_numpy())
    assert os.listdir(tmp_path) == [f"p.{ending}"]


def test_predict_shows_csv_and_keeps_text_as_it_is(call, flowers):
    call("train flowers.csv --target species --drop id --epochs 3 --out a.safetensors --quiet")
    code, out, err = call("predict a.safetensors flowers.csv --keep id,petal --proba")
    assert (code, err) == (0, "")
    lines = [line.replace('"', "").split(",") for line in out.splitlines()]
    assert lines[0] == [
        *("id", "petal", "prediction", "probability_ape", "probability_bee", "probability_cow")
    ]
    assert [line[0] for line in lines[1:]] == [f"{i:03}" for i in range(FLOWERS)]
    estimator = load("a.safetensors")
    assert [line[2] for line in lines[1:]] == estimator.predict("flowers.csv").tolist()
    shares = np.array([line[3:] for line in lines[1:]], np.float64)
    np.testing.assert_allclose(shares, estimator.predict_proba("flowers.csv"), rtol=1e-5)


def test_predict_streams(call, cars, tmp_path):
    """Five times as many rows take no more memory of Python's and NumPy's."""
    table = read_all(open_table("auto-mpg"), open_table("auto-mpg").schema.names)
    peaks = []
    for times in (400, 2000):
        rows = pa.concat_tables([table] * times).combine_chunks()
        pa.parquet.write_table(rows, tmp_path / "rows.parquet", row_group_size=32_768)
        del rows
        tracemalloc.start()
        assert call(f"predict {cars} rows.parquet --out p.parquet")[0] == 0
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert pa.parquet.read_metadata("p.parquet").num_rows == 392 * times
    assert peaks[1] < 1.2 * peaks[0]  # 784,000 rows: their outputs alone would be 6 MB


def test_parquet_is_not_read_ahead_of_who_uses_it(tmp_path):
    """Arrow's own memory, which tracemalloc does not see: a few of forty groups of rows."""
    group = pa.table({f"x{i}": np.random.default_rng(i).random(16_384) for i in range(8)})
    with pa.parquet.ParquetWriter(tmp_path / "rows.parquet", group.schema) as writer:
        for _ in range(40):
            writer.write_table(group)
    before, most, rows = pa.total_allocated_bytes(), 0, 0
    for batch in open_table(str(tmp_path / "rows.parquet")).batches(group.column_names):
        time.sleep(0.002)  # time enough for threads to read on, if they do
        rows += batch.num_rows
        most = max(most, pa.total_allocated_bytes() - before)
    assert rows == 40 * 16_384
    assert most < 10 * group.nbytes


def test_predict_warns_in_one_line_of_what_it_has_not_seen(call, cars, tmp_path):
    table = read_all(open_table("auto-mpg"), open_table("auto-mpg").schema.names)
    heavy = table.set_column(
        table.column_names.index("weight"), "weight", [np.full(table.num_rows, 99.0)]
    )
    pa.parquet.write_table(heavy, "heavy.parquet")
    code, _, err = call(f"predict {cars} heavy.parquet --out p.csv")
    assert code == 0
    assert len(err.splitlines()) == 1
    assert err.startswith("fastnn: warning: ")
    assert "'weight' in 392 of 392" in err
    assert call(f"predict {cars} heavy.parquet --out p.csv --out-of-range count")[2] == ""
    code, _, err = call(f"predict {cars} heavy.parquet --out q.csv --out-of-range raise")
    assert code == 2
    assert "'weight'" in err
    assert not os.path.exists("q.csv")


def test_predict_that_fails_midway_keeps_the_old_file(call, cars, tmp_path):
    table = read_all(open_table("auto-mpg"), open_table("auto-mpg").schema.names)
    pa.csv.write_csv(pa.concat_tables([table] * 100), "rows.csv")
    with open("rows.csv", "a") as file:
        file.write("1,2\n")
    for name in ("p.csv", "p.parquet", "p.arrow"):
        (tmp_path / name).write_text("old")
        code, out, err = call(f"predict {cars} rows.csv --out {name}")
        assert (code, out) == (2, "")
        assert "line 39202 has 2 fields, want 8" in err
        assert (tmp_path / name).read_text() == "old"
    assert sorted(os.listdir(tmp_path)) == ["p.arrow", "p.csv", "p.parquet", "rows.csv"]


def test_ctrl_c_leaves_no_half_of_a_file(call, cars, tmp_path, monkeypatch):
    outputs = TabularRegressor._outputs

    def interrupted(self, *arguments):
        yield next(outputs(self, *arguments))
        raise KeyboardInterrupt

    monkeypatch.setattr(TabularRegressor, "_outputs", interrupted)
    code, out, err = call(f"predict {cars} auto-mpg --out p.parquet")
    assert (code, out, err) == (130, "", "\nfastnn: interrupted\n")
    assert os.listdir(tmp_path) == []


# -- evaluate, inspect, export --------------------------------------------------------------------


def test_evaluate(call, cars):
    code, out, err = call(f"evaluate {cars} auto-mpg --json")
    assert (code, err) == (0, "")
    assert json.loads(out) == load(cars).evaluate("auto-mpg")
    code, out, _ = call(f"evaluate {cars} auto-mpg")
    assert re.search(
        rf"^r2_score +{json.loads(call(f'evaluate {cars} auto-mpg --json')[1])['r2_score']:.5g}$",
        out,
        re.M,
    )


def test_inspect_tells_of_the_table(call, cars):
    code, out, err = call(f"inspect {cars}")
    assert (code, err) == (0, "")
    assert "TabularRegressor of mpg from 7 columns" in out
    assert re.search(r"^weight +number +0.8065 \.\. 2.57 +0$", out, re.M)
    assert f"fastnn {fnn.__version__}, numpy {np.__version__}" in out
    assert "Trained on 392 rows in 5 epochs, seed 0" in out
    assert "Total parameters: " in out


def test_inspect_of_a_plain_network(call, tmp_path):
    model = fnn.Sequential([fnn.Input(2), fnn.Dense(1)], seed=0)
    model.save(tmp_path / "m.safetensors")
    code, out, _ = call("inspect m.safetensors")
    assert code == 0
    assert out.startswith("m.safetensors: a network, float32, ")
    assert str(model.summary()) in out


@pytest.mark.parametrize("form", ["onnx", "c"])
def test_export_calls_the_model(call, cars, tmp_path, form):
    code, out, _ = call(f"export {cars} --to {form} --out m.{form}")
    assert code == 0
    assert out.startswith(f"Written to m.{form}\n")
    assert "reads 7 numbers a row" in out
    model = fnn.load(cars)
    (tmp_path / "want").mkdir()
    want = tmp_path / "want" / f"m.{form}"  # the C file says its own name
    getattr(model, f"export_{form}")(want)
    assert (tmp_path / f"m.{form}").read_bytes() == want.read_bytes()


def test_export_says_what_the_network_reads_and_gives(call, tmp_path):
    """Rows made by what it says give what the estimator gives."""
    rng = np.random.default_rng(0)
    n = 200
    days = np.datetime64("2020-01-01") + rng.integers(0, 900, n)
    table = pa.table({
        "day": days.astype("datetime64[D]"),
        "price": [None if i % 9 == 0 else float(v) for i, v in enumerate(rng.normal(50, 9, n))],
        "sold": rng.integers(0, 2, n).astype(bool),
        "city": rng.choice(["Rome", "Oslo"], n),
        "class": rng.choice(["good", "bad"], n),
    })  # fmt: skip
    estimator = TabularClassifier(hidden=[4], epochs=2, seed=1).fit(table, target="class")
    estimator.save(tmp_path / "t.safetensors")
    code, out, _ = call("export t.safetensors --to c --out t.c")
    assert code == 0
    lines = out.splitlines()
    said = [line[6:] for line in lines if re.match(r" +\d+  ", line)]
    second = estimator.classes_[1]
    assert lines[-1] == f"and gives the probability that class is {second}."
    origin = float(re.match(r"day in days since 1970-01-01 - ([\d.]+)$", said[0])[1])
    number = table["day"].to_numpy().astype(float) - origin
    mean = float(re.search(r"is then ([-\d.e]+)\), else 0", out)[1])
    codes = dict(re.findall(r"(\w+) (\d)", said[-1]))
    columns = []
    for line in said:
        if match := re.match(r"(sine|cosine) of 2 pi \(.*\) / ([\d.]+)$", line):
            turn = 2 * np.pi * number / float(match[2])
            columns.append(np.sin(turn) if match[1] == "sine" else np.cos(turn))
        else:
            columns.append({
                "day": number,
                "price": np.nan_to_num(table["price"].to_numpy(), nan=mean),
                "price is": table["price"].to_numpy(),
                "sold": table["sold"].to_numpy(),
                "city": np.array([float(codes[c]) for c in table["city"].to_pylist()]),
            }["price is" if "is missing" in line else re.match(r"\w+", line)[0]])  # fmt: skip
            if "is missing" in line:
                columns[-1] = np.isnan(columns[-1].astype(float))
    rows = np.stack([np.asarray(column, np.float64) for column in columns], axis=1)
    got = estimator.model_.predict(rows)[:, 0]
    np.testing.assert_allclose(got, estimator.predict_proba(table)[:, 1], rtol=2e-4)


# -- compare, benchmark ---------------------------------------------------------------------------


def test_compare_shows_all_on_the_same_rows(call, monkeypatch):
    entries = []

    def here(name, entry):  # without processes: quicker, and what they are given can be seen
        entries.append(entry)
        return contest.measure(name, entry)

    monkeypatch.setattr(contest, "hold", here)
    code, out, err = call("compare auto-mpg --target mpg --epochs 3 --layers 8 --seed 1")
    assert (code, err) == (0, "")
    assert "313 rows to train on, 78 held out" in out or "314 rows to train on, 78 held out" in out
    rows = re.findall(r"^(linear regression|fastnn|scikit-learn MLP) +(-?[\d.]+)", out, re.M)
    assert [name for name, _ in rows] == ["linear regression", "fastnn", "scikit-learn MLP"]
    assert entries[0] is entries[1] is entries[2]
    from sklearn.linear_model import LinearRegression

    entry = entries[0]
    y = entry.test.column("mpg").to_numpy()
    want = LinearRegression().fit(entry.x, entry.y).score(entry.x_test, y)
    assert float(rows[0][1]) == pytest.approx(want, abs=5.1e-5)  # four decimals
    estimator = TabularRegressor(hidden=(8,), epochs=3, seed=1).fit(entry.train, "mpg")
    want = fnn.metrics.r2_score(y, estimator.predict(entry.test, out_of_range="count"))
    assert float(rows[1][1]) == pytest.approx(want, abs=5.1e-5)


def test_compare_of_classes_in_processes(call, flowers, monkeypatch):
    monkeypatch.setattr(
        contest, "CONTESTANTS", {name: contest.CONTESTANTS[name] for name in ("linear", "fastnn")}
    )
    code, out, err = call("compare flowers.csv --target species --drop id")
    assert (code, err) == (0, "")
    rows = re.findall(r"^(logistic regression|fastnn) +([\d.]+) +([\d.]+)", out, re.M)
    assert len(rows) == 2
    assert all(
        float(accuracy) > 0.9 for _, accuracy, _ in rows
    )  # the classes lie five deviations apart


def test_design_scales_by_the_training_rows_and_spells_out_categories():
    train = pa.table({"a": [1.0, 3.0, None], "b": ["x", "y", "x"], "c": [True, False, True]})
    test = pa.table({"a": [None, 5.0], "b": ["z", "y"], "c": [True, True]})
    x, x_test = design(train, test, ["a", "b"])
    np.testing.assert_array_equal(x, [[-1, 0, 1, 0], [1, 0, 0, 1], [0, 1, 1, 0]])
    np.testing.assert_array_equal(x_test, [[0, 1, 0, 0], [3, 0, 0, 1]])


def test_benchmark_checks_and_shows(call, monkeypatch):
    monkeypatch.setattr(benchmark, "CASES", (benchmark.Case((3, 4, 1), 2),))
    code, out, err = call("benchmark --seconds 0.001")
    assert (code, err) == (0, "")
    assert len(re.findall(r"^3-4-1 +(?:step of|predict) 2 rows .* [\d.]+x$", out, re.M)) == 2
    from fastnn.cli import numpy_network

    monkeypatch.setattr(numpy_network, "BETA_2", 0.5)  # no longer the same arithmetic
    code, _, err = call("benchmark --seconds 0.001")
    assert code == 2
    assert "the loss is" in err


def test_completion(call, monkeypatch):
    code, out, _ = call("completion bash")
    assert code == 0
    assert "--validation-split" in out
    assert "predict_pos_0_COMPGEN=_shtab_compgen_files" in out  # MODEL is a file
    monkeypatch.setitem(sys.modules, "shtab", None)
    code, _, err = call("completion zsh")
    assert code == 2
    assert 'pip install "fastnn-core[completion]"' in err


# -- on a terminal --------------------------------------------------------------------------------


def test_tables_are_drawn_on_a_terminal_and_plain_elsewhere(call, cars, monkeypatch):
    plain = call(f"evaluate {cars} auto-mpg")[1]
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("fastnn.cli.show.is_fancy", lambda _: True)
    drawn = call(f"evaluate {cars} auto-mpg")[1]
    assert "─" in drawn
    assert "─" not in plain
    assert re.findall(r"[\d.]+", plain) == re.findall(r"[\d.]+", drawn)


# -- bad input ------------------------------------------------------------------------------------

FILES = {
    "ragged.csv": "a,b,t\n1,2,3\n4,5\n",
    "empty.csv": "",
    "head.csv": "a,b,t\n",
    "flat.csv": "a,t\n",
    "one.csv": "a,t\n" + "1,x\n2,x\n" * 10,
    "x.docx": "hello",
    "x.parquet": "hello",
    "x.safetensors": "hello",
}


@pytest.mark.parametrize(
    "line, message",
    [
        ("train x.docx --target t", "none of the files that are known"),
        ("train x.parquet --target t", "is no Parquet file"),
        ("train nowhere.csv --target t", "No such file"),
        ("train ragged.csv --target t", "line 3 has 2 fields, want 3"),
        ("train empty.csv --target t", "is empty"),
        ("train head.csv --target t", "has no rows"),
        ("train one.csv --target t", "want at least two classes"),
        ("train head.csv", "--target: name the column to predict; there are a, b, t"),
        ("train auto-mpg --target mgp", "unknown column 'mgp'; did you mean 'mpg'?"),
        ("train auto-mpg --target mpg --drop wieght", "did you mean 'weight'?"),
        ("train auto-mpg --target mpg --scale", "always are scaled"),
        ("train auto-mpg --target mpg --kind weight", "want COLUMN=KIND"),
        ("train auto-mpg --target mpg --report a.txt", "ends in .html"),
        ("train auto-mpg --target mpg --report b/a.html", "no folder 'b'"),
        ("train auto-mpg --target mpg --report a.html --test-size 0", "shows held-out rows"),
        ("train auto-mpg --target mpg --test a.csv --test-size 0.1", "not both"),
        ("train auto-mpg --target mpg --test-size 1", "below 1"),
        ("train auto-mpg --target mpg --test-size 0.0001", "leaves no rows"),
        ("train auto-mpg --target mpg --loss hubber", "did you mean 'huber'?"),
        ("train auto-mpg --target mpg --config a.toml", "No such file"),
        ("predict x.safetensors auto-mpg", "is not a whole safetensors file"),
        ("predict plain.safetensors auto-mpg", "plain network that knows no columns"),
        ("predict newer.safetensors auto-mpg", "a newer one wrote it"),
        ("predict . auto-mpg", "is a folder"),
        ("predict {cars} head.csv --out p.csv", "the table lacks the columns"),
        ("predict {cars} auto-mpg --out p.xlsx", "want a name that ends in .parquet"),
        ("predict {cars} auto-mpg --keep foo", "unknown column 'foo'"),
        ("predict {cars} auto-mpg --proba", "predicts numbers"),
        ("evaluate {cars} head.csv", "the table lacks the columns"),
        ("evaluate flat.safetensors flat.csv", "TabularRegressor.evaluate: the table has no rows"),
        ("inspect x.docx", "is not a whole safetensors file"),
        ("export {cars} --to c --out b/m.c", "no folder 'b'"),
        ("export {cars} --to java --out m", "invalid choice: 'java'"),
        ("compare auto-mpg --target mgp", "did you mean 'mpg'?"),
        ("compare auto-mpg", "required: --target"),
        ("compare auto-mpg --target mpg --drop foo", "unknown column 'foo'"),
        ("benchmark --seconds 0", "want a number above 0"),
        ("completion fish", "invalid choice: 'fish'"),
    ],
)
def test_bad_input_is_one_line_exit_code_2_and_no_file(call, cars, tmp_path, line, message):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    model = fnn.Sequential([fnn.Input(2), fnn.Dense(1)], seed=0)
    model.save(tmp_path / "plain.safetensors")
    table = pa.table({"a": np.arange(20.0), "t": np.arange(20.0)})
    TabularRegressor(epochs=1, seed=0).fit(table, "t").save(tmp_path / "flat.safetensors")
    content = cars.read_bytes()
    old = b'\\"version\\": 1'
    assert content.count(old) >= 1
    (tmp_path / "newer.safetensors").write_bytes(content.replace(old, old[:-1] + b"9"))
    before = sorted(os.listdir(tmp_path))
    code, _, err = call(line.replace("{cars}", str(cars)))
    assert code == 2
    assert err.startswith("fastnn: error: ")
    assert len(err.splitlines()) == 1
    assert message in err
    assert sorted(os.listdir(tmp_path)) == before


def test_an_error_of_several_lines_is_shown_as_one(call, monkeypatch):
    def fail(*_, **__):
        raise ValueError("one\n  two\nthree")

    monkeypatch.setattr("fastnn.cli.tables.open_table", fail)
    assert call("train auto-mpg --target mpg") == (2, "", "fastnn: error: one two three\n")


@pytest.mark.parametrize(
    "module, line, extra",
    [
        ("matplotlib.figure", "train auto-mpg --target mpg --report a.html", "report"),
        ("pyarrow", "train auto-mpg --target mpg", "tabular"),
        ("pyarrow", "predict {cars} auto-mpg", "tabular"),
    ],
)
def test_a_missing_package_names_its_extra(call, cars, monkeypatch, module, line, extra):
    monkeypatch.setitem(sys.modules, module, None)
    code, out, err = call(line.replace("{cars}", str(cars)))
    assert (code, out) == (2, "")
    assert f'pip install "fastnn-core[{extra}]"' in err
    assert len(err.splitlines()) == 1
