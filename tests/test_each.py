"""Tests of the loop over cases that other tests are made of."""

from __future__ import annotations

import numpy as np
import pytest

from each import each


def test_every_case_is_run():
    seen = []

    @each("number", (k for k in range(3)))
    @each("rows, cols", [(1, 2), (3, 4)])
    def record(number, rows, cols):
        seen.append((number, rows, cols))

    for _ in range(2):
        record()
    assert seen == [(k, *shape) for k in range(3) for shape in [(1, 2), (3, 4)]] * 2


@each("number", [3, 4])
@pytest.mark.parametrize("text", ["a", "b"])
@each("rows, cols", [(1, 2)])
@pytest.mark.parametrize("flag", [True])
def test_fixtures_and_parameters_come_through(dtype, rows, text, flag, number, cols):
    assert np.dtype(dtype).kind == "f"
    assert (text in "ab", flag, number in (3, 4), rows, cols) == (True, True, True, 1, 2)


def test_a_failure_names_its_case():
    @each("size", [7, 8])
    @each("rows, cols", [(1, 2), (3, 4)])
    def fails(size, rows, cols):
        assert (size, cols) != (8, 4)

    with pytest.raises(AssertionError) as caught:
        fails()
    assert caught.value.__notes__ == ["with rows = 3, cols = 4", "with size = 8"]


def test_pytest_fail_is_a_failure():
    @each("size", [7])
    def fails(size):
        pytest.fail("told")

    with pytest.raises(pytest.fail.Exception) as caught:
        fails()
    assert caught.value.__notes__ == ["with size = 7"]


def test_what_no_test_could_run_is_refused():
    with pytest.raises(AssertionError, match="no cases for size"):
        each("size", [])
    with pytest.raises(AssertionError, match="has no length"):
        each("length", [1])(lambda size: None)
    with pytest.raises(ValueError):
        each("rows, cols", [(1, 2, 3)])
