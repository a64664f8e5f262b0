"""Whole training steps: forward, loss, backward and Adam over some epochs of rows."""

from __future__ import annotations

import pytest

import cases

CASES = [
    (cases.smallest, 4, "fastnn"),  # four epochs, so that the call itself counts little
    (cases.smallest, 4, "numpy"),
    (cases.smallest, 4, "pure_python"),
    (cases.auto_mpg, 4, "fastnn"),
    (cases.auto_mpg, 4, "numpy"),
    (cases.auto_mpg, 4, "pure_python"),
    (cases.wide, 1, "fastnn"),
    (cases.wide, 1, "numpy"),
]


@pytest.mark.parametrize(
    "make, epochs, by", CASES, ids=[f"{make.__name__}-{by}" for make, _, by in CASES]
)
def bench_train(measure, make, epochs, by):
    case = make()
    # the loss curves of a fit agree to 1e-4 (docs/numerics.md)
    assert getattr(case, by)()(3) == pytest.approx(case.numpy()(3), rel=1e-4)
    measure(f"train {case.name}", getattr(case, by)(), epochs, steps=epochs * case.steps)
