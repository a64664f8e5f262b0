"""The examples of docs/tabular.md show what they promise."""

from __future__ import annotations

import doctest
from pathlib import Path

GUIDE = Path(__file__).parents[1] / "docs" / "tabular.md"


def test_the_examples_of_the_guide_run():
    failed, tried = doctest.testfile(str(GUIDE), module_relative=False, encoding="utf-8")
    assert failed == 0
    assert tried > 10
