"""The optimizer kernels: the twin's bits, PyTorch's numbers, every ISA and type."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from each import each
from fastnn import _core, kernels
from guard import guarded
from reference import optimizer as twin

SIZES = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 100]  # either side of 2, 4, 8, 16 lanes

SGD = {
    "plain": {},
    "momentum": {"momentum": 0.9},
    "nesterov": {"momentum": 0.9, "nesterov": True},
}


def vectors(n, dtype, count):
    rng = np.random.default_rng(n)
    return [rng.standard_normal(n).astype(dtype) for _ in range(count)]


def gradients(n, dtype, steps=10):
    rng = np.random.default_rng([n, 1])
    return rng.standard_normal((steps, n)).astype(dtype)


def assert_matches(got, want, dtype):
    """Bit for bit: the twin does the same operations in the same order and type."""
    assert got.dtype == want.dtype == dtype
    np.testing.assert_array_equal(got, want)


@each("n", SIZES)
@pytest.mark.parametrize("kind", SGD)
def test_sgd_step_equals_reference(isa, dtype, kind, n):
    (p,) = vectors(n, dtype, 1)
    velocity = None if kind == "plain" else np.zeros(n, dtype)
    want, want_velocity = p.copy(), None if velocity is None else velocity.copy()
    for grad in gradients(n, dtype):
        kernels.sgd_step(p, grad, velocity, learning_rate=0.03, **SGD[kind])
        want, want_velocity = twin.sgd_step(
            want, grad, want_velocity, learning_rate=0.03, **SGD[kind]
        )
        assert_matches(p, want, dtype)
        if velocity is not None:
            assert_matches(velocity, want_velocity, dtype)


@each("first", [1, 10_000])
@each("n", SIZES)
@pytest.mark.parametrize("weight_decay", [0.0, 0.05])
def test_adam_step_equals_reference(isa, dtype, weight_decay, n, first):
    p, m = vectors(n, dtype, 2)
    v = np.square(m)
    want = p.copy(), m.copy(), v.copy()
    settings = {"learning_rate": 0.02, "beta_1": 0.85, "beta_2": 0.995, "epsilon": 1e-7}
    for t, grad in enumerate(gradients(n, dtype), first):
        if weight_decay:
            kernels.adamw_step(p, grad, m, v, t=t, weight_decay=weight_decay, **settings)
        else:
            kernels.adam_step(p, grad, m, v, t=t, **settings)
        want = twin.adam_step(want[0], grad, *want[1:], t=t, weight_decay=weight_decay, **settings)
        for got, wanted in zip((p, m, v), want, strict=True):
            assert_matches(got, wanted, dtype)


def test_adamw_step_without_decay_is_adam_step(isa, dtype):
    grad, *start = vectors(33, dtype, 4)
    start[2] = np.square(start[2])
    plain, decayed = [a.copy() for a in start], [a.copy() for a in start]
    kernels.adam_step(plain[0], grad, plain[1], plain[2], t=3)
    kernels.adamw_step(decayed[0], grad, decayed[1], decayed[2], t=3, weight_decay=0.0)
    for a, b in zip(plain, decayed, strict=True):
        np.testing.assert_array_equal(a, b)


def test_adam_defaults(isa, dtype):
    """0.001, 0.9, 0.999, 1e-8, and a decay of 0.01 for AdamW."""
    grad, p, m, v = vectors(20, dtype, 4)
    v = np.square(v)
    for step, decay in ((kernels.adam_step, 0.0), (kernels.adamw_step, 0.01)):
        got = p.copy(), m.copy(), v.copy()
        step(got[0], grad, got[1], got[2], t=2)
        want = twin.adam_step(p, grad, m, v, t=2, weight_decay=decay)
        for a, b in zip(got, want, strict=True):
            np.testing.assert_array_equal(a, b)


def test_adam_first_step_is_the_learning_rate(isa, dtype):
    # m / (1 - beta_1) = g and the root is |g|: a step of the learning rate against g's sign, but
    # for some roundings.  1 - beta_2 formed in float32 would be off by 1e-5.
    grad = np.array([1e-3, -1e-3, 5.0, -5.0, 1e4], dtype)
    p, m, v = np.zeros((3, 5), dtype)
    kernels.adam_step(p, grad, m, v, t=1, learning_rate=0.5, epsilon=1e-30)
    np.testing.assert_allclose(p, -0.5 * np.sign(grad), rtol=6 * np.finfo(dtype).eps)


def test_adam_epsilon_is_added_to_the_corrected_root(isa):
    grad = np.array([1e-8])
    p, m, v = np.zeros((3, 1))
    kernels.adam_step(p, grad, m, v, t=1, learning_rate=1.0, epsilon=1e-8)
    # g / (|g| + epsilon) = 1/2; added to sqrt(v) = 3e-10 it would give 0.03.  The root of the
    # correction and some products round.
    np.testing.assert_allclose(p, -0.5, rtol=1e-14)


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("n", [1, 3, 8, 16, 21])
def test_steps_stay_inside_their_arrays(isa, dtype, n, before):
    grad, p, m, v = vectors(n, dtype, 4)
    v = np.square(v)

    def run(arrays):
        g, a, b, c = arrays
        kernels.adamw_step(a, g, b, c, t=5, weight_decay=0.1)
        kernels.sgd_step(a, g, learning_rate=0.1)
        kernels.sgd_step(a, g, b, learning_rate=0.1, momentum=0.5)
        kernels.sgd_step(a, g, b, learning_rate=0.1, momentum=0.5, nesterov=True)

    plain = [a.copy() for a in (grad, p, m, v)]
    walled = [guarded(a, before=before) for a in (grad, p, m, v)]
    run(plain)
    run(walled)
    np.testing.assert_array_equal(walled[0], grad)  # read only
    for a, b in zip(walled, plain, strict=True):
        np.testing.assert_array_equal(a, b)


def test_nan_stays_where_it_is(isa, dtype):
    for n in (20, 23):
        grad, p, m = vectors(n, dtype, 3)
        grad[[2, n - 1]] = np.nan
        v = np.square(m)
        kernels.adam_step(p, grad, m, v, t=1)
        for a in (p, m, v):
            np.testing.assert_array_equal(np.isnan(a), np.isnan(grad))
        (p,) = vectors(n, dtype, 1)
        kernels.sgd_step(p, grad, learning_rate=0.1)
        np.testing.assert_array_equal(np.isnan(p), np.isnan(grad))


# PyTorch 2.13.0 (CPU, float64): torch.optim on loss = sum(CURVATURE * (p - CENTRE)**2) from START;
# the parameters after 1, 5 and 10 steps.  SGD with lr=0.05, momentum=0.9; Adam with lr=0.1,
# betas=(0.8, 0.95), eps=1e-6; AdamW with lr=0.1, weight_decay=0.2 and its other defaults.
START = [-2.0, -0.75, -1e-3, 0.0, 0.5, 1.25, 3.0]
CURVATURE = np.array([0.1, 1.0, 3.0, 0.5, 2.0, 0.01, 0.7])
CENTRE = np.array([1.0, -1.0, 0.25, 0.0, 2.0, -3.0, 0.5])
# fmt: off
PYTORCH = {
    "plain": [
        [-1.97, -0.775, 0.0743, 0.0, 0.8, 1.24575, 2.825],
        [-1.8529701496999997, -0.8523775, 0.20781443000000002, 0.0, 1.50848,
         1.2287924575212457, 2.2392209232500004],
        [-1.7131462250264133, -0.912830389975, 0.2429098712501, 0.0, 1.8389387264,
         1.2076907408914297, 1.7099557679482333],
    ],
    "momentum": [
        [-1.97, -0.775, 0.0743, 0.0, 0.8, 1.24575, 2.825],
        [-1.6149020776999998, -1.00729, 0.44534828000000004, 0.0, 2.87063,
         1.1942692414815457, 1.05811456325],
        [-0.8632373374118049, -1.1471973472, 0.11178552793279994, 0.0, 1.9934001941,
         1.0756609954521907, -0.7769788742991006],
    ],
    "nesterov": [
        [-1.943, -0.7975, 0.14207000000000003, 0.0, 1.07, 1.241925, 2.6675],
        [-1.515322289961503, -1.026145420975, 0.3373109121647, 0.0, 2.6235763712,
         1.1787645422916053, 0.8004466104017675],
        [-0.7478333444372597, -1.0866445429114318, 0.22166429936427387, 0.0, 1.9229588965056472,
         1.0516804136249258, -0.4289085955803686],
    ],
    "adam": [
        [-1.9000001666663888, -0.8499998000004, 0.09899993359898167, 0.0, 0.5999999833333362,
         1.1500011764567475, 2.9000000285714203],
        [-1.5027268452979246, -1.107684086237876, 0.35772483218362133, 0.0, 0.9936318132188663,
         0.7518449727893713, 2.5033740346000006],
        [-1.020982902254363, -0.973592538316409, 0.22435122602088006, 0.0, 1.446427057668889,
         0.2638385849487843, 2.026406166473379],
    ],
    "adamw": [
        [-1.8600000016666667, -0.834999998, 0.09901999933598937, 0.0, 0.5899999998333333,
         1.1250000117647045, 2.8400000002857144],
        [-1.330034148169955, -1.0776896462578074, 0.3645029257921882, 0.0, 0.9287582786994116,
         0.6509746290480866, 2.2353051603981977],
        [-0.739305956972732, -1.0016620302487795, 0.25816658832132683, 0.0, 1.2949225478690563,
         0.11750768262103345, 1.5681184493775548],
    ],
}
# fmt: on


@pytest.mark.parametrize("kind", PYTORCH)
def test_ten_steps_match_pytorch(isa, kind):
    p = np.array(START)
    m, v = np.zeros((2, p.size))
    trace = []
    for t in range(1, 11):
        grad = 2 * CURVATURE * (p - CENTRE)
        if kind == "adam":
            kernels.adam_step(
                p, grad, m, v, t=t, learning_rate=0.1, beta_1=0.8, beta_2=0.95, epsilon=1e-6
            )
        elif kind == "adamw":
            kernels.adamw_step(p, grad, m, v, t=t, learning_rate=0.1, weight_decay=0.2)
        else:
            velocity = None if kind == "plain" else m
            kernels.sgd_step(p, grad, velocity, learning_rate=0.05, **SGD[kind])
        trace.append(p.copy())
    # PyTorch orders the operations otherwise: a few roundings a step, which a parameter near 1
    # carries on.
    np.testing.assert_allclose([trace[0], trace[4], trace[9]], PYTORCH[kind], rtol=0, atol=2e-14)


# ---- the rules of one form ----------------------------------------------------------------------

# name -> (number in optimizer.h, arrays of state, their places, the twin)
RULES = {
    "amsgrad": (2, 3, (0, 1, 2), twin.amsgrad),
    "nadam": (3, 2, (0, 1), twin.nadam),
    "radam": (4, 2, (0, 1), twin.radam),
    "adamax": (5, 2, (0, 1), twin.adamax),
    "adabelief": (6, 2, (0, 1), twin.adabelief),
    "yogi": (7, 2, (0, 1), twin.yogi),
    "lion": (8, 1, (0,), twin.lion),
    "adagrad": (9, 1, (0,), twin.adagrad),
    "adadelta": (10, 2, (0, 1), twin.adadelta),
    "rmsprop": (11, 1, (0,), twin.rmsprop),
    "rmsprop_centered": (11, 2, (0, 1), partial(twin.rmsprop, centered=True)),
    "rmsprop_momentum": (11, 2, (0, 2), partial(twin.rmsprop, momentum=True)),
    "rmsprop_both": (11, 3, (0, 1, 2), partial(twin.rmsprop, centered=True, momentum=True)),
    "rprop": (12, 2, (0, 1), twin.rprop),
    "schedule_free": (13, 2, (0, 1), twin.schedule_free),
}
SETTINGS = {"lr": 0.03, "root": 1.7, "beta1": 0.8, "beta2": 0.93, "eps": 1e-3, "momentum": 0.6}
SETTINGS |= {"a": 0.4, "b": 1.3, "c": -0.02, "least": 0.02, "most": 0.4}


def constants(dtype, settings):
    settings = settings | {f"one_minus_{name}": 1 - settings[name] for name in ("beta1", "beta2")}
    return {"flag": False} | {name: dtype(value) for name, value in settings.items()}


def rule_step(name, p, g, state, settings):
    kind, _, places, _ = RULES[name]
    slots = [None] * 3
    for place, array in zip(places, state, strict=True):
        slots[place] = array
    _core.elementwise_step(name, kind, p, g, slots, settings)


def begin(name, n, dtype):
    """Parameters and state, the latter with values from small to large, all positive."""
    rng = np.random.default_rng([n, RULES[name][0]])
    state = [rng.uniform(0.05, 0.5, n).astype(dtype) for _ in range(RULES[name][1])]
    if name == "rmsprop_both" or name == "rmsprop_centered":
        state[1] *= dtype(0.1)  # a mean whose square is below the square's
    return rng.standard_normal(n).astype(dtype), state


@each("n", [0, 1, 3, 7, 8, 9, 16, 17, 33, 100])
@pytest.mark.parametrize("name", RULES)
def test_rule_equals_reference(isa, dtype, name, n):
    p, state = begin(name, n, dtype)
    want, want_state = p.copy(), tuple(a.copy() for a in state)
    c = constants(dtype, SETTINGS)
    for decay in (1.0, 0.9, 1.0, 1.0):
        (grad,) = gradients(n, dtype, 1) * dtype(decay)  # some signs stay, others do not
        rule_step(name, p, grad, state, SETTINGS | {"decay": decay})
        decayed = want if decay == 1 else want * dtype(decay)
        want, want_state = RULES[name][3](decayed, want_state, grad, c)
        assert_matches(p, want, dtype)
        for got, wanted in zip(state, want_state, strict=True):
            assert_matches(got, wanted, dtype)


def test_radam_without_its_variance(isa, dtype):
    p, state = begin("radam", 21, dtype)
    (grad,) = gradients(21, dtype, 1)
    want, _ = twin.radam(p, state, grad, constants(dtype, SETTINGS) | {"flag": True})
    rule_step("radam", p, grad, state, SETTINGS | {"flag": True})
    assert_matches(p, want, dtype)


def test_rprop_turns_and_keeps_within_its_bounds(isa, dtype):
    p, state = begin("rprop", 40, dtype)
    for k in range(12):  # even elements keep their sign, odd ones turn every time
        grad = np.ones(40, dtype)
        grad[1::2] = (-1) ** k
        rule_step("rprop", p, grad, state, SETTINGS)
    assert (state[1][::2] == dtype(0.4)).all()
    assert (state[1][1::2] == dtype(0.02)).all()


@pytest.mark.parametrize("name", RULES)
def test_rules_stay_inside_their_arrays_and_keep_nan_in_place(isa, dtype, name):
    for n in (1, 5, 16, 21):
        p, state = begin(name, n, dtype)
        (grad,) = gradients(n, dtype, 1)
        grad[n // 2] = np.nan
        walled = [guarded(a) for a in (p, grad, *state)]
        rule_step(name, walled[0], walled[1], walled[2:], SETTINGS | {"decay": 0.9})
        rule_step(name, p, grad, state, SETTINGS | {"decay": 0.9})
        np.testing.assert_array_equal(walled[1], grad)
        for a, b in zip(walled[2:], state, strict=True):
            np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(walled[0], p)
        np.testing.assert_array_equal(np.isnan(p), np.isnan(grad))


def test_elementwise_step_refuses():
    p, g, s = np.zeros((3, 4))
    with pytest.raises(ValueError, match="no elementwise optimizer 1"):
        _core.elementwise_step("x", 1, p, g, [s, None, None], {})
    with pytest.raises(ValueError, match="shares memory"):
        _core.elementwise_step("x", 8, p, p, [s, None, None], {})
    with pytest.raises(ValueError, match="unknown setting 'rate'"):
        _core.elementwise_step("x", 8, p, g, [s, None, None], {"rate": 1})


def test_adam_rounds_every_root_as_sqrt_does():
    """Some roots are made by multiplications: they must not differ in a single bit."""
    step = 1 << 20
    for mantissas in range(0, 1 << 24, step):
        bits = np.arange(mantissas, mantissas + step, dtype=np.uint32) + np.uint32(127 << 23)
        # One vector of 16 in three may be treated otherwise: each root takes all three places.
        v = np.repeat(bits.view(np.float32).reshape(-1, 1, 16), 3, axis=1).ravel()
        m = np.full(v.size, 2.0, np.float32)
        p = np.zeros(v.size, np.float32)
        moments = v * 2  # halved by the step, exactly
        kernels.adam_step(
            p, np.zeros_like(p), m, moments, t=200, learning_rate=1.0,
            beta_1=0.5, beta_2=0.5, epsilon=1e-30,
        )  # fmt: skip
        np.testing.assert_array_equal(moments, v)
        np.testing.assert_array_equal(p, -1 / np.sqrt(v))


@pytest.mark.parametrize("odd", [0.0, 1e-36, 3e-30, 1e30, 3e38, np.inf, np.nan])
@pytest.mark.parametrize("place", [0, 7, 15, 16, 47])
def test_adam_step_with_roots_out_of_the_ordinary(isa, odd, place):
    p, m = vectors(48, np.float32, 2)
    v = np.square(m)
    v[place] = odd
    want = twin.adam_step(p, np.zeros_like(p), m, v, t=3)
    kernels.adam_step(p, np.zeros_like(p), m, v, t=3)
    for got, expected in zip((p, m, v), want, strict=True):
        assert_matches(got, expected, np.float32)
