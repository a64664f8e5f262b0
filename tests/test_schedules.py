"""Learning-rate schedules: closed forms, PyTorch's numbers, what is refused."""

from __future__ import annotations

import json
import math
import pickle

import pytest

from fastnn import schedules
from fastnn.schedules import (
    Constant,
    Cosine,
    CosineRestarts,
    Exponential,
    InverseTime,
    Linear,
    OneCycle,
    Piecewise,
    Polynomial,
    Warmup,
)

STEPS = [*range(45), 99, 100, 101, 10**6]


def half_cosine(part):
    return (1 + math.cos(math.pi * part)) / 2


def restarts(step, first, longer, lower, alpha):
    length, height = first, 1.0
    while step >= length:
        step, length, height = step - length, length * longer, height * lower
    return 0.3 * ((1 - alpha) * height * half_cosine(step / length) + alpha)


def cycled(step):
    steps = 20 * max(1, math.ceil(step / 20))
    return (0.3 - 0.1) * (1 - step / steps) ** 0.5 + 0.1


CLOSED = [
    (Constant(0.3), lambda s: 0.3),
    (Linear(0.3, 20), lambda s: 0.3 * (1 - min(s / 20, 1))),
    (Linear(0.1, 20, end=0.5), lambda s: 0.1 + 0.4 * min(s / 20, 1)),
    (Exponential(0.3, 20, 0.5), lambda s: 0.3 * 0.5 ** (s / 20)),
    (Exponential(0.3, 20, 0.5, staircase=True), lambda s: 0.3 * 0.5 ** (s // 20)),
    (Cosine(0.3, 20), lambda s: 0.3 * half_cosine(min(s / 20, 1))),
    (Cosine(0.3, 20, alpha=0.1), lambda s: 0.3 * (0.9 * half_cosine(min(s / 20, 1)) + 0.1)),
    (CosineRestarts(0.3, 10), lambda s: restarts(s, 10, 2, 1, 0)),
    (CosineRestarts(0.3, 10, 1.5, 0.8, 0.1), lambda s: restarts(s, 10, 1.5, 0.8, 0.1)),
    (Polynomial(0.3, 20, end=0.1, power=2), lambda s: 0.2 * (1 - min(s / 20, 1)) ** 2 + 0.1),
    (Polynomial(0.3, 20, end=0.1, power=0.5, cycle=True), cycled),
    (InverseTime(0.3, 20, 0.5), lambda s: 0.3 / (1 + 0.5 * s / 20)),
    (InverseTime(0.3, 20, 0.5, staircase=True), lambda s: 0.3 / (1 + 0.5 * (s // 20))),
    (Piecewise([5, 20], [0.3, 0.2, 0.1]), lambda s: 0.3 if s <= 5 else 0.2 if s <= 20 else 0.1),
    (Piecewise([], [0.3]), lambda s: 0.3),
    (
        Warmup(Cosine(0.3, 20), 10, start=0.1),
        lambda s: 0.1 + 0.2 * s / 10 if s < 10 else 0.3 * half_cosine(min((s - 10) / 20, 1)),
    ),
    (Warmup(0.3, 4), lambda s: 0.3 * min(s / 4, 1)),
]


@pytest.mark.parametrize("schedule, closed", CLOSED, ids=lambda value: repr(value)[:60])
def test_rates_are_the_closed_forms(schedule, closed):
    for step in STEPS:
        rate = schedule(step)
        # cos and pow of the libraries; a cosine near its lowest loses digits of its own size
        assert rate == pytest.approx(closed(step), rel=1e-13, abs=1e-15), step
        assert 0 <= rate <= schedule.peak


def test_equal_periods_go_on_and_on():
    schedule = CosineRestarts(0.3, 10, t_mul=1, m_mul=0.5)
    for step in range(200):
        want = restarts(step, 10, 1, 0.5, 0)
        assert schedule(step) == pytest.approx(want, rel=1e-12, abs=1e-15)
    assert schedule(10**12) == 0


# PyTorch 2.13.0: OneCycleLR(max_lr=0.5, total_steps=40, pct_start=0.3)
ONE_CYCLE = {
    0: 0.020000000000000018,
    1: 0.029721686332520647,
    5: 0.22584443881441152,
    11: 0.5,
    12: 0.4984280587611008,
    20: 0.3830084870967576,
    38: 0.0015739412388992423,
    39: 2e-06,
}


def test_one_cycle_is_pytorchs():
    schedule = OneCycle(0.5, 40)
    for step, rate in ONE_CYCLE.items():
        assert schedule(step) == pytest.approx(rate, rel=1e-12)
    assert schedule(40) == schedule(10**9) == schedule(39)
    assert schedule.peak == 0.5


def test_keras_names():
    assert schedules.CosineDecay is Cosine
    assert schedules.CosineDecayRestarts is CosineRestarts
    assert schedules.ExponentialDecay is Exponential
    assert schedules.InverseTimeDecay is InverseTime
    assert schedules.PiecewiseConstantDecay is Piecewise
    assert schedules.PolynomialDecay is Polynomial


@pytest.mark.parametrize("schedule", [*(pair[0] for pair in CLOSED), OneCycle(0.5, 40)], ids=repr)
def test_schedules_go_through_json_and_pickle(schedule):
    again = schedules.get(json.loads(json.dumps(schedule.config())))
    assert repr(again) == repr(schedule)
    assert again.config() == schedule.config()
    assert pickle.loads(pickle.dumps(schedule)).config() == schedule.config()
    assert [again(step) for step in STEPS] == [schedule(step) for step in STEPS]
    with pytest.raises(AttributeError, match="is frozen"):
        schedule.steps = 3


def test_get():
    assert schedules.get(0.5)(3) == 0.5
    schedule = Cosine(0.1, 5)
    assert schedules.get(schedule) is schedule
    for wrong in (None, True, [0.1], Cosine):
        with pytest.raises(TypeError, match=r"schedules\.get: schedule must be"):
            schedules.get(wrong)
    with pytest.raises(ValueError, match=r"'cosine' needs arguments; give Cosine\("):
        schedules.get("cosine")


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: Constant(-0.1), ValueError, "Constant: learning_rate .* at least 0"),
        (lambda: Constant(math.inf), ValueError, "learning_rate must be a finite number"),
        (lambda: Linear(0.1, 10, end=-0.1), ValueError, "Linear: end must be .* at least 0"),
        (lambda: Linear(0.1, 0), ValueError, "Linear: steps must be an integer of at least 1"),
        (lambda: Linear(0.1, 2.5), TypeError, "steps must be an integer"),
        (lambda: Exponential(0.1, 10, 1.5), ValueError, "decay_rate must be at most 1, got 1.5"),
        (lambda: Exponential(0.1, 10, -0.5), ValueError, "decay_rate must be .* above 0"),
        (lambda: Cosine(0.1, 10, alpha=-0.5), ValueError, "Cosine: alpha must be"),
        (lambda: Cosine(0.1, 10, alpha=1.5), ValueError, "alpha must be within 0 and 1, got 1.5"),
        (lambda: CosineRestarts(0.1, 10, t_mul=0.5), ValueError, "t_mul must be .* at least 1"),
        (lambda: CosineRestarts(0.1, 10, m_mul=2), ValueError, "m_mul must be within 0 and 1"),
        (lambda: Polynomial(0.1, 10, end=-1e-4), ValueError, "Polynomial: end must be"),
        (lambda: Polynomial(0.1, 10, power=0), ValueError, "power must be .* above 0"),
        (lambda: InverseTime(0.1, 10, -0.1), ValueError, "decay_rate must be .* at least 0"),
        (lambda: Piecewise([10], [0.1, -0.1]), ValueError, r"Piecewise: values\[1\] must be"),
        (lambda: Piecewise([10, 10], [1, 1, 1]), ValueError, "boundaries must rise"),
        (lambda: Piecewise([10], [0.1]), ValueError, "one more value than boundaries"),
        (lambda: Piecewise(10, [0.1]), TypeError, "boundaries must be a list or tuple"),
        (lambda: OneCycle(0.1, 3), ValueError, r"pct_start \* steps must be above 1"),
        (lambda: OneCycle(0.1, 30, div_factor=0.5), ValueError, "div_factor must be"),
        (lambda: Warmup(Cosine(0.1, 5), 5, start=-1), ValueError, "Warmup: start must be"),
        (lambda: Warmup(Warmup(0.1, 5), 5), ValueError, "schedule is a Warmup itself"),
        (lambda: Warmup("cosine", 5), ValueError, "Warmup: schedule 'cosine' needs arguments"),
        (lambda: Constant(0.1)(-1), ValueError, "Constant: step must be an integer of at least 0"),
        (lambda: Constant(0.1)(0.5), TypeError, "Constant: step must be an integer"),
    ],
)
def test_schedules_refuse(make, error, message):
    with pytest.raises(error, match=message):
        make()
