"""benchmarks/compare.py: two runs of the benchmarks, held against each other by their ratios."""

from __future__ import annotations

import json

import pytest

from test_benchmark_references import load

compare = load("compare")


def run(**groups):
    """A run as pytest-benchmark writes it: seconds by group and by who took them."""
    return {
        "benchmarks": [
            {"group": group, "params": {"by": by}, "stats": {"min": seconds, "mean": 7.0}}
            for group, times in groups.items()
            for by, seconds in times.items()
        ]
    }


def test_a_slower_machine_is_no_change():
    before = run(a={"fastnn": 1.0, "numpy": 8.0}, b={"fastnn": 2.0, "numpy": 2.0})
    after = run(a={"fastnn": 3.0, "numpy": 24.0}, b={"fastnn": 6.0, "numpy": 6.0})
    changes, alone = compare.compare(before, after, "numpy")
    assert [(change.case, change.before, change.after) for change in changes] == [
        ("a: fastnn", 8.0, 8.0),
        ("b: fastnn", 1.0, 1.0),
    ]
    assert alone == []


def test_the_worst_comes_first_and_what_one_run_lacks_is_named():
    before = run(
        gained={"fastnn": 2.0, "numpy": 2.0},
        lost={"fastnn": 1.0, "numpy": 2.0},
        gone={"fastnn": 1.0, "numpy": 2.0},
        alone={"fastnn": 1.0},  # nothing to hold it against
    )
    after = run(
        gained={"fastnn": 1.0, "numpy": 2.0, "pure_python": 99.0},
        lost={"fastnn": 4.0, "numpy": 2.0},
        new={"fastnn_out": 1.0, "numpy": 2.0},
    )
    changes, alone = compare.compare(before, after, "numpy")
    assert [(change.case, change.factor) for change in changes] == [
        ("lost: fastnn", 0.25),
        ("gained: fastnn", 2.0),
    ]
    assert alone == ["gone: fastnn", "new: fastnn_out"]


@pytest.mark.parametrize("seconds, code", [(1.0, 0), (1.24, 0), (1.26, 1)])
def test_the_exit_code_tells_a_loss(tmp_path, capsys, seconds, code):
    files = [tmp_path / "before.json", tmp_path / "after.json"]
    for file, time in zip(files, (1.0, seconds), strict=True):
        file.write_text(json.dumps(run(a={"fastnn": time, "numpy": 2.0})), encoding="utf-8")
    assert compare.main([*map(str, files)]) == code
    assert compare.main([*map(str, files), "--threshold", "1.5"]) == 0
    out = capsys.readouterr().out
    assert f"| a: fastnn | 2 | {2 / seconds:.3g} | {1 / seconds:.2f} |" in out


def test_runs_without_a_case_in_common_are_an_error(tmp_path):
    file = tmp_path / "run.json"
    file.write_text(json.dumps(run(a={"fastnn": 1.0})), encoding="utf-8")
    with pytest.raises(SystemExit, match="no case is in both runs"):
        compare.main([str(file), str(file)])
