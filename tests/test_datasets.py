"""The built-in data set against figures from elsewhere, and what a Dataset can do."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fastnn.datasets import Dataset, load_auto_mpg


@pytest.fixture
def cars():
    return load_auto_mpg()


def numbered(rows):
    """Row i holds i everywhere, so that rows can be told apart after a split."""
    column = np.arange(float(rows))[:, np.newaxis]
    return Dataset(np.repeat(column, 2, axis=1), column, ("a", "b"), "c")


def test_auto_mpg_shapes_and_names(cars):
    assert cars.x.shape == (392, 7)
    assert cars.y.shape == (392, 1)
    assert len(cars) == 392
    assert cars.feature_names == (
        "passedemissions",
        "cylinders",
        "horsepower",
        "displacement",
        "weight",
        "acceleration",
        "modelyear",
    )
    assert cars.target_name == "mpg"
    assert np.isfinite(cars.x).all()
    assert np.isfinite(cars.y).all()


def test_auto_mpg_first_rows_are_the_articles(cars):
    assert cars.y[:6, 0].tolist() == [18, 15, 18, 16, 17, 15]
    assert cars.x[:6, 2].tolist() == [130, 165, 150, 150, 140, 198]
    assert cars.x[0].tolist() == [0, 8, 130, 307, 1.752, 12, 70]


def test_auto_mpg_means_are_the_published_ones(cars):
    # Summary of the same 392 rows in James et al., An Introduction to Statistical Learning
    # (data set Auto), to the four digits printed there.
    means = dict(zip(cars.feature_names, cars.x.mean(axis=0), strict=True))
    assert f"{cars.y.mean():.4g}" == "23.45"
    assert f"{means['cylinders']:.4g}" == "5.472"
    assert f"{means['displacement']:.4g}" == "194.4"
    assert f"{means['horsepower']:.4g}" == "104.5"
    assert f"{means['weight'] * 2000:.4g}" == "2978"
    assert f"{means['acceleration']:.4g}" == "15.54"
    assert f"{means['modelyear']:.4g}" == "75.98"


def test_auto_mpg_weight_is_whole_pounds_in_short_tons(cars):
    pounds = cars.x[:, 4] * 2000
    # One rounding in reading the decimal, one in the product: less than 1e-12 of a pound.
    np.testing.assert_allclose(pounds, np.round(pounds), rtol=0, atol=1e-11)
    assert pounds.min() == 1613
    assert pounds.max() == 5140


def test_auto_mpg_passedemissions_leaks_the_target(cars):
    np.testing.assert_array_equal(cars.x[:, 0], cars.y[:, 0] > 18)
    assert "leaks" in cars.description
    assert "CC0" in cars.description


@pytest.mark.parametrize("dtype", [np.float32, "float64", np.dtype("float32")])
def test_auto_mpg_dtype(cars, dtype):
    other = load_auto_mpg(dtype)
    assert other.x.dtype == other.y.dtype == np.dtype(dtype)
    assert other.x.flags.c_contiguous
    assert other.y.flags.c_contiguous
    np.testing.assert_array_equal(other.x, cars.x.astype(dtype))


@pytest.mark.parametrize("dtype", [np.float16, np.int64, ">f8"])
def test_auto_mpg_refuses_other_dtypes(dtype):
    with pytest.raises(ValueError, match=r"load_auto_mpg: dtype is .*; want float32 or float64"):
        load_auto_mpg(dtype)


def test_auto_mpg_gives_new_arrays(cars):
    cars.x[:] = 0
    cars.y[:] = 0
    again = load_auto_mpg()
    assert again.x.any()
    assert again.y.all()


@pytest.mark.parametrize(
    "rows, fraction, first",
    [(392, 0.8, 314), (100, 0.07, 7), (10, 0.3, 3), (10, 0.31, 4), (2, 0.5, 1), (3, 0.01, 1)],
)
@pytest.mark.parametrize("shuffle", [False, True])
def test_split_rounds_up(rows, fraction, first, shuffle):
    train, test = numbered(rows).split(fraction, seed=1, shuffle=shuffle)
    assert (len(train), len(test)) == (first, rows - first)
    for part in (train, test):
        np.testing.assert_array_equal(part.x, np.repeat(part.y, 2, axis=1))
    assert sorted(np.concatenate([train.y, test.y]).ravel()) == list(range(rows))


def test_split_depends_on_the_seed_alone():
    data = numbered(50)
    first, again, other = (data.split(0.5, seed=seed)[0].y.ravel() for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(np.sort(first), np.arange(25))


def test_split_without_a_seed_records_the_one_drawn():
    data = numbered(50)
    train, test = data.split(0.5)
    assert data.seed is None
    assert train.seed == test.seed
    np.testing.assert_array_equal(data.split(0.5, seed=train.seed)[0].y, train.y)


def test_split_without_shuffle_keeps_the_order_and_copies():
    data = numbered(5)
    train, test = data.split(0.5, shuffle=False)
    assert train.y.ravel().tolist() == [0, 1, 2]
    assert test.y.ravel().tolist() == [3, 4]
    assert train.seed is None
    train.x[:] = -1
    assert data.x.min() == 0


@pytest.mark.parametrize("fraction", [0, 1, -0.5, 1.5, math.nan])
def test_split_refuses_fractions(fraction):
    with pytest.raises(ValueError, match=r"Dataset.split: fraction is .*; want it above 0"):
        numbered(10).split(fraction)


def test_split_refuses_an_empty_part():
    with pytest.raises(ValueError, match="of 2 rows is 2, which leaves a part empty"):
        numbered(2).split(0.9)


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_split_refuses_seeds_out_of_range(seed):
    with pytest.raises(ValueError, match=r"Dataset.split: seed is .*; want an integer in"):
        numbered(4).split(0.5, seed)


@pytest.mark.parametrize("seed", [1.5, "1", True])
def test_split_refuses_seeds_of_other_kinds(seed):
    with pytest.raises(TypeError, match=r"Dataset.split: seed is .*; want an integer in"):
        numbered(4).split(0.5, seed)


def test_drop_leaves_a_column_out(cars):
    less = cars.drop("horsepower")
    assert less.feature_names == cars.feature_names[:2] + cars.feature_names[3:]
    np.testing.assert_array_equal(less.x, np.delete(cars.x, 2, axis=1))
    np.testing.assert_array_equal(less.y, cars.y)
    assert not np.shares_memory(less.y, cars.y)
    assert less.description == cars.description


def test_drop_keeps_the_seed_of_the_split(cars):
    assert cars.split(0.5, seed=7)[0].drop("weight").seed == 7


def test_drop_refuses_unknown_and_last_features():
    data = numbered(3)
    with pytest.raises(ValueError, match="there is no feature 'd'; want one of a, b"):
        data.drop("d")
    with pytest.raises(ValueError, match="'b' is the only feature"):
        data.drop("a").drop("b")


def test_dataset_takes_lists_and_flat_targets():
    data = Dataset([[1, 2], [3, 4]], [5, 6], ["a", "b"], "c", name="tiny")
    assert data.y.shape == (2, 1)
    assert data.feature_names == ("a", "b")
    assert repr(data) == "<Dataset tiny: 2 rows, x int64 (2, 2): a, b; y int64 (2, 1): c>"


@pytest.mark.parametrize(
    "x, y, message",
    [
        ([[1, 2]], [1], "Dataset: x has shape (1, 2), 2 columns; want (rows, 1)"),
        ([[1]], [1, 2], "Dataset: x has 1 rows and y 2"),
        ([[1]], [[1, 2]], "Dataset: y has shape (1, 2), 2 columns; want (rows, 1)"),
    ],
)
def test_dataset_refuses_wrong_shapes(x, y, message):
    with pytest.raises(ValueError) as caught:
        Dataset(x, y, ["a"], "b")
    assert message in str(caught.value)
