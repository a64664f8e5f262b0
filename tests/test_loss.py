"""The loss kernels and their gradients against float64 twins, for every ISA and type."""

from __future__ import annotations

import math

import numpy as np
import pytest

from each import each
from fastnn import kernels
from guard import guarded
from reference import loss as twin

# Each loss with numbers that are not the defaults, where it takes any; by an id.
CASES = {
    **{name: (name, {}) for name in twin.NAMES},
    "huber": ("huber", {"delta": 1.5}),
    "mean_absolute_percentage_error": ("mean_absolute_percentage_error", {"epsilon": 0.5}),
    "mean_squared_logarithmic_error": ("mean_squared_logarithmic_error", {"epsilon": 0.0625}),
    "quantile": ("quantile", {"quantiles": 0.3}),
    "quantiles": ("quantile", {"quantiles": (0.1, 0.5, 0.8)}),
    "gaussian_nll": ("gaussian_nll", {}),
    "gaussian_nll softplus": ("gaussian_nll", {"variance": "softplus", "epsilon": 0.125}),
    "gaussian_nll linear": ("gaussian_nll", {"variance": "linear", "full": True, "epsilon": 0.25}),
    "poisson": ("poisson", {"epsilon": 0.0625}),
    "poisson log": ("poisson", {"log_input": True}),
    "gamma": ("gamma", {"epsilon": 0.0625}),
    "gamma log": ("gamma", {"log_input": True}),
    "tweedie": ("tweedie", {"epsilon": 0.0625, "power": 1.25}),
    "tweedie log": ("tweedie", {"log_input": True, "power": 1.75}),
    "binary_crossentropy smooth": ("binary_crossentropy", {"label_smoothing": 0.25}),
    "binary_focal_crossentropy bent": (
        "binary_focal_crossentropy",
        {"gamma": 1.25, "alpha": 0.375, "apply_class_balancing": True, "label_smoothing": 0.25},
    ),
    "categorical_crossentropy smooth": ("categorical_crossentropy", {"label_smoothing": 0.25}),
    "sparse_categorical_crossentropy smooth": (
        "sparse_categorical_crossentropy",
        {"label_smoothing": 0.25},
    ),
    "categorical_focal_crossentropy bent": (
        "categorical_focal_crossentropy",
        {"gamma": 1.25, "alpha": 2.0, "label_smoothing": 0.25},
    ),
    "margin_ranking": ("margin_ranking", {"margin": 0.5}),
}
NAME = {case: name for case, (name, _) in CASES.items()}
FROM_SOFTMAX = ("categorical_crossentropy", "sparse_categorical_crossentropy")
OLD = (  # whose digits the tests hold to the last few; others to those of their largest terms
    *("mean_squared_error", "mean_absolute_error", "huber", "binary_crossentropy"),
    *FROM_SOFTMAX,
)
STAGED = ("quantiles", "gaussian_nll", "gaussian_nll softplus", "gaussian_nll linear")
ELEMENTWISE = tuple(
    case for case, name in NAME.items() if name not in twin.ROWWISE and case not in STAGED
)
NEVER_NEGATIVE = tuple(
    case for case in ELEMENTWISE if NAME[case] not in ("poisson", "gamma", "tweedie")
)
SMOOTHED = tuple(case for case in CASES if "smoothing" in str(CASES[case][1]))

# One column is a flat array for the elementwise losses: either side of a vector of 2 to 16 lanes,
# and of the eight vectors that are summed at once.  The others: rows either side of a vector.
SHAPES = [
    (rows, 1)
    for rows in (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 300)
] + [(rows, cols) for rows in (1, 3) for cols in (2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 129, 300)]


def targets(case, z, rng, spread, exact):
    name, (rows, cols) = NAME[case], z.shape
    if name == "sparse_categorical_crossentropy":
        return rng.integers(0, cols, rows).astype(np.int32)
    if name in ("categorical_crossentropy", "categorical_focal_crossentropy", "kl_divergence"):
        y = rng.random((rows, cols)) * rng.integers(0, 2, (rows, cols))  # sums other than 1, zeros
    elif name.startswith("binary"):
        y = np.round(rng.random((rows, cols)) * 4) / 4
    elif name == "categorical_hinge":
        y = twin.one_hot(rng.integers(0, cols, rows), cols)
    elif name in ("hinge", "squared_hinge", "soft_margin"):
        y = rng.integers(-1, 2, (rows, cols))
    elif name == "margin_ranking":
        y = rng.choice([-1, 1], (rows, 1))
    elif name in ("poisson", "tweedie"):
        y = rng.integers(0, 6, (rows, cols))
    elif name in ("gamma", "mean_squared_logarithmic_error"):
        y = rng.uniform(0.1, 5, (rows, cols))
    elif case == "quantiles":
        y = rng.normal(0, spread, (rows, cols // 3))
    elif name == "gaussian_nll":
        y = rng.normal(0, spread, (rows, cols // 2))
    else:
        y = rng.normal(0, spread, (rows, cols))
    y = y.astype(z.dtype)
    if exact and name in ("mean_squared_error", "mean_absolute_error", "huber", "quantile"):
        y[0, 0] = z[0, 0]  # an error of exactly 0
    return y


def problem(case, rows, cols, dtype, spread=3.0, exact=True):
    """Outputs, targets and weights (some of them 0) that exercise every branch of the loss."""
    rng = np.random.default_rng([list(CASES).index(case), rows, cols])
    name, settings = CASES[case]
    cols *= 3 if case == "quantiles" else 2 if name == "gaussian_nll" else 1
    cols = 2 if name == "margin_ranking" else cols
    z = rng.normal(0, spread, (rows, cols))
    if settings.get("epsilon") and name in ("poisson", "gamma", "tweedie"):
        z = rng.uniform(-0.5, 5, (rows, cols))
    if case == "gaussian_nll linear":
        z[:, cols // 2 :] = rng.uniform(-0.25 if exact else 0.3, 3, (rows, cols // 2))
    z = z.astype(dtype)
    weight = (rng.integers(0, 4, rows) / 2).astype(dtype)
    weight[rng.integers(rows)] = 1.5  # not all 0
    return z, targets(case, z, rng, spread, exact), weight


def functions(case):
    """The kernel, its gradient and the twin."""
    name, extra = CASES[case]
    value, gradient = getattr(kernels, name), getattr(kernels, f"{name}_grad")
    return (
        lambda z, y, w=None: value(z, y, w, **extra),
        lambda z, y, w=None, out=None: gradient(z, y, w, out=out, **extra),
        lambda z, y, w=None: twin.value_and_gradient(name, z, y, w, **extra),
    )


def assert_value(got, want, case, dtype, spread=3.0, largest=0.0):
    # At most 11 roundings of a partial sum and few of a term; exp(-d) errs by a rounding of d,
    # and the loss of a row by that of log(sum), both absolute: small beside `spread`.  Terms that
    # are differences err by a few roundings of their parts, which are about as large as the
    # largest terms.
    eps = float(np.finfo(dtype).eps)
    absolute = 0.0 if case in NEVER_NEGATIVE and NAME[case] in OLD else 4 * eps * spread
    if NAME[case] not in OLD:
        absolute = max(absolute, 4 * eps * largest)
    assert got == pytest.approx(want, rel=10 * eps, abs=absolute)


def assert_gradient(got, want, case, dtype, weight, count, z):
    # Slopes of the crossentropies are differences of numbers up to the sum of a row's targets: an
    # error of a few roundings of that, times what each row's slope is multiplied by.
    name, eps = NAME[case], float(np.finfo(dtype).eps)
    largest = 1.0 if weight is None else float(weight.max())
    reach = 4 * eps * largest / count
    if name in OLD:
        if name == "categorical_crossentropy":
            reach *= want.shape[1]
        absolute = reach if name.endswith("crossentropy") else 0.0
        np.testing.assert_allclose(got, want, rtol=8 * eps, atol=absolute)
        return
    reach = max(reach, 4 * eps * float(np.abs(want).max()))
    if name in ("categorical_focal_crossentropy", "kl_divergence"):
        reach *= want.shape[1] ** 0.5
    if name == "cosine_similarity":  # what is left of y / |z| across z
        reach /= min(1.0, float(np.linalg.norm(z, axis=1).min()))
    np.testing.assert_allclose(got, want, rtol=32 * eps, atol=reach)


def largest_term(case, z, y):
    name, extra = CASES[case]
    z = z.astype(np.float64)
    y = twin.one_hot(y, z.shape[1]) if name.startswith("sparse") else y.astype(np.float64)
    return float(np.abs(twin.terms_and_slopes(name, z, y, **extra)[0]).max())


def terms_count(case, z, weight):
    name, total = NAME[case], len(z) if weight is None else float(weight.sum(dtype=np.float64))
    if name == "gaussian_nll":
        return total * z.shape[1] / 2
    return total * (1 if name in twin.ROWWISE else z.shape[1])


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@each("rows, cols", SHAPES)
@pytest.mark.parametrize("name", CASES)
def test_loss_and_gradient_match_reference(isa, dtype, name, rows, cols, weighted):
    z, y, weight = problem(name, rows, cols, dtype)
    if not weighted:
        weight = None
    value, gradient, reference = functions(name)
    want, want_gradient = reference(z, y, weight)
    assert_value(value(z, y, weight), want, name, dtype, largest=largest_term(name, z, y))
    out = np.full_like(z, -7)
    assert gradient(z, y, weight, out=out) is out
    count = terms_count(name, z, weight)
    assert_gradient(out, want_gradient, name, dtype, weight, count, z)


@pytest.mark.parametrize("name", CASES)
def test_loss_of_no_rows_is_refused(isa, dtype, name):
    z = np.empty((0, 6), dtype)
    y = np.empty(0, np.int32) if name.startswith("sparse") else np.empty((0, 6), dtype)
    for function in functions(name)[:2]:
        with pytest.raises(ValueError, match="the mean of no rows is not defined"):
            function(z, y)


@pytest.mark.parametrize("name", CASES)
def test_loss_of_weight_zero_is_refused(isa, dtype, name):
    z, y, weight = problem(name, 3, 2, dtype)
    for function in functions(name)[:2]:
        with pytest.raises(ValueError, match="sample_weight sums to 0"):
            function(z, y, np.zeros_like(weight))


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("name", CASES)
def test_gradient_matches_central_differences(isa, name, weighted):
    z, y, weight = problem(name, 3, 5, np.float64, spread=1.0, exact=False)  # away from the kinks
    weight = weight if weighted else None
    value, gradient, _ = functions(name)
    step = 1e-5
    numeric = np.empty_like(z)
    for place in np.ndindex(z.shape):
        up, down = z.copy(), z.copy()
        up[place] += step
        down[place] -= step
        numeric[place] = (value(up, y, weight) - value(down, y, weight)) / (2 * step)
    # Truncation: step^2/6 times a third derivative near 1, 2e-11.  Rounding: a loss near 1 has an
    # error of some 1e-16, over 2e-5.  Both grow with the loss: likelihoods bend much near epsilon.
    reach = 2e-10 if NAME[name] in OLD else 2e-10 + 1e-8 * float(np.abs(numeric).max())
    np.testing.assert_allclose(gradient(z, y, weight), numeric, rtol=0, atol=reach)


@each("weighted", [False, True])
@each("rows, cols", [(1, 1), (17, 1), (3, 5), (2, 16), (2, 19)])
@pytest.mark.parametrize("name", CASES)
def test_loss_stays_inside_its_arrays(isa, dtype, name, rows, cols, weighted):
    z, y, weight = problem(name, rows, cols, dtype)
    weight = weight if weighted else None
    value, gradient, _ = functions(name)
    for before in (False, True):
        walled = [None if a is None else guarded(a, before=before) for a in (z, y, weight)]
        out = guarded(np.zeros_like(z), before=before)
        assert value(*walled) == value(z, y, weight)
        gradient(*walled, out=out)
        np.testing.assert_array_equal(out, gradient(z, y, weight))
        np.testing.assert_array_equal(walled[0], z)  # inputs are read only
        np.testing.assert_array_equal(walled[1], y)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_gradient_does_not_depend_on_position_or_shape(isa, dtype, name):
    z, y, _ = problem(name, 41, 1, dtype)
    _, gradient, _ = functions(name)
    count = z.size
    whole = gradient(z, y)
    np.testing.assert_array_equal(whole, gradient(z, y, np.ones(count, dtype)))
    in_a_row = gradient(z.reshape(1, -1), y.reshape(1, -1))
    np.testing.assert_array_equal(whole, in_a_row.reshape(-1, 1))
    for start in range(1, 20):  # each element in another lane, the body's become the tail's
        order = np.roll(np.arange(count), start)
        np.testing.assert_array_equal(whole[order], gradient(z[order], y[order]))


@pytest.mark.parametrize("cols", [2, 7, 16, 17, 40])
def test_sparse_equals_categorical_of_one_hot(isa, dtype, cols):
    z, labels, weight = problem("sparse_categorical_crossentropy", 9, cols, dtype)
    y = twin.one_hot(labels, cols).astype(dtype)
    np.testing.assert_array_equal(
        kernels.sparse_categorical_crossentropy_grad(z, labels, weight),
        kernels.categorical_crossentropy_grad(z, y, weight),
    )
    # The gap to the largest logit is rounded to `dtype` in one of them, not in the other.
    assert kernels.sparse_categorical_crossentropy(z, labels, weight) == pytest.approx(
        kernels.categorical_crossentropy(z, y, weight), rel=4 * float(np.finfo(dtype).eps)
    )


@pytest.mark.parametrize("cols", [2, 7, 16, 17, 300])
def test_probabilities_have_the_bits_of_softmax(isa, dtype, cols):
    z, labels, _ = problem("sparse_categorical_crossentropy", 1, cols, dtype)
    slopes = kernels.sparse_categorical_crossentropy_grad(z, labels)  # p, but p - 1 at the label
    want = kernels.softmax(z)
    want[0, labels[0]] -= 1
    np.testing.assert_array_equal(slopes, want)


@each("weight_of_bad_row", [0.0, -0.0])
@each("cols", [1, 3, 17])
@each("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", CASES)
def test_row_of_weight_zero_counts_for_nothing(isa, dtype, name, bad, cols, weight_of_bad_row):
    z, y, _ = problem(name, 20, cols, dtype)
    weight = np.ones(20, dtype)
    weight[[4, 19]] = weight_of_bad_row  # in a body and in a tail
    value, gradient, _ = functions(name)
    clean, clean_gradient = value(z, y, weight), gradient(z, y, weight)
    assert not clean_gradient[[4, 19]].any()
    z[[4, 19]] = bad
    assert value(z, y, weight) == clean
    np.testing.assert_array_equal(gradient(z, y, weight), clean_gradient)


@each("weighted", [False, True])
@each("rows, cols", [(1, 1), (20, 1), (2, 3), (2, 16), (2, 21)])
@pytest.mark.parametrize("name", CASES)
def test_nan_in_gives_nan_out(isa, dtype, name, rows, cols, weighted):
    z, y, _ = problem(name, rows, cols, dtype)
    weight = np.ones(rows, dtype) if weighted else None
    value, gradient, _ = functions(name)
    for place in {(0, 0), (rows - 1, z.shape[1] - 1)}:
        spoiled = z.copy()
        spoiled[place] = np.nan
        got = gradient(spoiled, y, weight)
        assert math.isnan(value(spoiled, y, weight))
        # A row of logits shares its NaN; elsewhere only the element itself is NaN, and the other
        # output of a mean and a variance.
        touched = np.zeros(z.shape, bool)
        touched[place[0] if NAME[name] in twin.ROWWISE else place] = True
        if NAME[name] == "gaussian_nll":
            half = z.shape[1] // 2
            touched |= np.roll(touched, half, axis=1)
        np.testing.assert_array_equal(np.isnan(got), touched)
    if name.startswith("sparse"):
        return
    y[rows - 1, -1] = np.nan
    assert math.isnan(value(z, y, weight))
    assert np.isnan(gradient(z, y, weight)[rows - 1, -1])


@each("rows, cols", [(20, 1), (3, 5)])
@pytest.mark.parametrize("name", CASES)
def test_nan_weight_gives_nan(isa, dtype, name, rows, cols):
    z, y, weight = problem(name, rows, cols, dtype)
    weight[1] = np.nan
    value, gradient, _ = functions(name)
    assert math.isnan(value(z, y, weight))
    assert np.isnan(gradient(z, y, weight)[1]).all()


def test_mean_absolute_error_has_slope_zero_at_zero(isa, dtype):
    z = np.linspace(-3, 3, 21).astype(dtype)[:, None]
    got = kernels.mean_absolute_error_grad(z, np.zeros_like(z))
    np.testing.assert_array_equal(got, np.sign(z) * dtype(1 / 21))


def test_huber_at_its_delta_is_both_of_its_formulas(isa, dtype):
    z = np.array([[-2.0], [2.0], [-0.5], [0.5]], dtype)  # four: their mean is exact
    y = np.zeros_like(z)
    assert kernels.huber(z, y, delta=2.0) == (2 + 2 + 0.125 + 0.125) / 4
    np.testing.assert_array_equal(kernels.huber_grad(z, y, delta=0.5), np.clip(z, -0.5, 0.5) / 4)


@pytest.mark.parametrize("size", [100.0, 1e4, 1e30])
@pytest.mark.parametrize("cols", [1, 3, 16, 21])
def test_binary_crossentropy_of_huge_logits(isa, dtype, cols, size):
    z = np.full((2, cols), size, dtype)
    z[1] = -size
    for y, loss in ((0.0, size / 2), (1.0, size / 2), (0.25, size / 2)):
        target = np.full_like(z, y)
        # (size (1 - y) + size y) / 2; exp(-size) is below a rounding of it
        assert kernels.binary_crossentropy(z, target) == pytest.approx(loss, rel=1e-6)
        want = np.repeat([[1 - y], [-y]], cols, axis=1) / z.size
        # exp(-100) is what is left of the gradient on the right side
        np.testing.assert_allclose(
            kernels.binary_crossentropy_grad(z, target), want, rtol=1e-6, atol=1e-40
        )


def test_binary_crossentropy_keeps_small_losses_and_slopes(isa, dtype):
    # On the right side of the target nothing cancels: e.g. exp(-30), not 0.
    z = np.array([[20.0], [30.0], [-25.0]], dtype)
    y = np.array([[1.0], [1.0], [0.0]], dtype)
    want, gradient = twin.value_and_gradient("binary_crossentropy", z, y)
    eps = float(np.finfo(dtype).eps)
    assert kernels.binary_crossentropy(z, y) == pytest.approx(want, rel=8 * eps)
    np.testing.assert_allclose(kernels.binary_crossentropy_grad(z, y), gradient, rtol=8 * eps)


def test_binary_crossentropy_of_infinite_logits(isa, dtype):
    inf = np.array([[np.inf], [-np.inf]], dtype)
    assert kernels.binary_crossentropy(inf, dtype([[0.5], [0.5]])) == np.inf
    assert math.isnan(kernels.binary_crossentropy(inf, dtype([[1], [0]])))  # inf * 0, as documented
    np.testing.assert_array_equal(
        kernels.binary_crossentropy_grad(inf, dtype([[0], [1]])), dtype([[0.5], [-0.5]])
    )


@pytest.mark.parametrize("size", [100.0, 1e4, 1e30])
@pytest.mark.parametrize("cols", [2, 3, 16, 21])
def test_softmax_crossentropies_of_huge_logits(isa, dtype, cols, size):
    z = np.full((2, cols), -size, dtype)
    z[:, -1] = size
    labels = np.array([cols - 1, 0], np.int32)  # right, and wrong by 2 size
    y = twin.one_hot(labels, cols).astype(dtype)
    want = np.zeros((2, cols))
    want[1, 0], want[1, -1] = -0.5, 0.5
    for name, target in (
        ("sparse_categorical_crossentropy", labels),
        ("categorical_crossentropy", y),
    ):
        value, gradient, _ = functions(name)
        assert value(z, target) == pytest.approx(size, rel=1e-6)
        np.testing.assert_allclose(gradient(z, target), want, rtol=0, atol=1e-40)


@pytest.mark.parametrize("cols", [3, 16, 21])
def test_softmax_crossentropies_of_infinite_logits(isa, dtype, cols):
    z, labels, _ = problem("sparse_categorical_crossentropy", 4, cols, dtype)
    labels[:] = 0
    z[:, -1] = -np.inf  # a class ruled out: probability 0, no harm to the others
    y = twin.one_hot(labels, cols).astype(dtype)
    for name, target in (
        ("sparse_categorical_crossentropy", labels),
        ("categorical_crossentropy", y),
    ):
        value, gradient, _ = functions(name)
        got = gradient(z, target)
        assert not got[:, -1].any()
        # One column less can be another order of the row's sum: some roundings of it.
        eps = float(np.finfo(dtype).eps)
        without, fewer = z[:, :-1].copy(), target_of(target)
        np.testing.assert_allclose(got[:, :-1], gradient(without, fewer), rtol=8 * eps)
        assert value(z, target) == pytest.approx(value(without, fewer), rel=8 * eps)
        wrong = z.copy()
        wrong[:, 0] = -np.inf  # the label itself ruled out
        assert value(wrong, target) == np.inf
        for spoiled in (np.inf, -np.inf):  # the largest is infinite: NaN, as inf - inf
            row = z.copy()
            row[1] = spoiled
            assert math.isnan(value(row, target))
            assert np.isnan(gradient(row, target)[1]).all()
            assert not np.isnan(np.delete(gradient(row, target), 1, axis=0)).any()


@pytest.mark.parametrize("rows", [1, 15, 16, 17, 63, 64, 65, 128, 129, 1500])
@pytest.mark.parametrize("cols", [2, 10, 70_000])
def test_sparse_crossentropy_over_many_rows(isa, dtype, rows, cols):
    """Rows whose classes are all as likely: the sums of exponentials are as large as they get."""
    if rows * cols > 5_000_000:
        return
    value, _, _ = functions("sparse_categorical_crossentropy")
    z = np.zeros((rows, cols), dtype)
    labels = np.arange(rows, dtype=np.int32) % cols
    z[-1, labels[-1]] = 5
    last = math.log(math.exp(5) + cols - 1) - 5
    want = ((rows - 1) * math.log(cols) + last) / rows
    eps = max(32, cols / 16) * float(np.finfo(dtype).eps)  # a lane adds up so many
    assert value(z, labels) == pytest.approx(want, rel=eps)


def target_of(target):
    """The targets without their last class."""
    return target if target.ndim == 1 else target[:, :-1].copy()


@pytest.mark.parametrize("name", NEVER_NEGATIVE)
def test_sum_over_a_million_terms_keeps_its_digits(isa, name):
    z, y, _ = problem(name, 1_000_003, 1, np.float32)
    value, _, reference = functions(name)
    # The bound that csrc/kernels/loss.inc derives for float32.
    assert value(z, y) == pytest.approx(reference(z, y)[0], rel=1e-6)


@pytest.mark.parametrize("name", FROM_SOFTMAX)
def test_wide_row_keeps_its_digits(isa, name):
    z, y, _ = problem(name, 1, 100_003, np.float32, spread=1.0)
    value, gradient, reference = functions(name)
    want, want_gradient = reference(z, y)
    assert value(z, y) == pytest.approx(want, rel=1e-5)
    # The sums of a row run over up to 25,000 vectors in float32, with errors of either sign: some
    # 150 halves of a rounding, 5e-6.  Times the sum of the targets, less the target.
    reach = 1e-5 * np.abs(want_gradient).max()
    np.testing.assert_allclose(gradient(z, y), want_gradient, rtol=1e-5, atol=reach)


@each("rows, cols", [(1, 1), (33, 1), (5, 3), (3, 40)])
@pytest.mark.parametrize("name", CASES)
def test_gradient_may_overwrite_its_input(isa, dtype, name, rows, cols):
    z, y, weight = problem(name, rows, cols, dtype)
    _, gradient, _ = functions(name)
    for w in (None, weight):
        want, out = gradient(z, y, w), z.copy()
        gradient(out, y, w, out=out)
        np.testing.assert_array_equal(out, want)


# ---- special values of the losses above ---------------------------------------------------------


@pytest.mark.parametrize("cols", [1, 3, 17])
def test_cosine_similarity_of_short_rows(isa, dtype, cols):
    """A row shorter than epsilon counts as one of that length, which is a constant."""
    z, y, _ = problem("cosine_similarity", 4, cols, dtype)
    z[0], z[1], y[2] = 0, z[1] * dtype(1e-3), 0
    want, gradient = twin.value_and_gradient("cosine_similarity", z, y, epsilon=0.125)
    eps = float(np.finfo(dtype).eps)
    assert kernels.cosine_similarity(z, y, epsilon=0.125) == pytest.approx(want, rel=20 * eps)
    got = kernels.cosine_similarity_grad(z, y, epsilon=0.125)
    np.testing.assert_allclose(got, gradient, rtol=32 * eps, atol=20 * eps)
    assert not got[2].any()
    np.testing.assert_allclose(got[0], -2 * y[0] / np.linalg.norm(y[0]), rtol=32 * eps)


def test_margin_ranking_that_is_just_met_still_pulls(isa, dtype):
    z, y = np.ones((2, 2), dtype), dtype([[1], [-1]])
    assert kernels.margin_ranking(z, y) == 0
    want = dtype([[-0.5, 0.5], [0.5, -0.5]])
    np.testing.assert_array_equal(kernels.margin_ranking_grad(z, y), want)
    z[:, 1] = [0, 2]  # by more than the margin
    assert not kernels.margin_ranking_grad(z, y, margin=0.5).any()


def test_quantiles_of_a_target_lie_side_by_side(isa, dtype):
    z = dtype([[0, 0, 0, 0]])
    y = dtype([[1, -2]])  # outputs 0 and 1 are of the first target
    got = kernels.quantile_grad(z, y, quantiles=[0.25, 0.75]) * 4
    np.testing.assert_array_equal(got, dtype([[-0.25, -0.75, 0.75, 0.25]]))
    assert kernels.quantile(z, y, quantiles=[0.25, 0.75]) == (0.25 + 0.75 + 1.5 + 0.5) / 4


@pytest.mark.parametrize("name", ["hinge", "squared_hinge", "soft_margin"])
def test_labels_zero_and_minus_one_are_the_same(isa, dtype, name):
    z, _, _ = problem(name, 20, 1, dtype)
    ones = np.where(np.arange(20) % 3 == 0, 1, -1).astype(dtype)[:, None]
    value, gradient, _ = functions(name)
    assert value(z, ones) == value(z, np.maximum(ones, 0))
    np.testing.assert_array_equal(gradient(z, ones), gradient(z, np.maximum(ones, 0)))


@pytest.mark.parametrize("cols", [2, 16, 21])
def test_categorical_hinge_pulls_at_the_first_of_equal_ones(isa, dtype, cols):
    z = np.ones((1, cols), dtype)
    y = twin.one_hot([cols - 1], cols).astype(dtype)
    want = np.zeros((1, cols))
    want[0, 0], want[0, -1] = 1, -1
    np.testing.assert_array_equal(kernels.categorical_hinge_grad(z, y), want)
    z[0, -1] = 3
    assert kernels.categorical_hinge(z, y) == 0
    assert not kernels.categorical_hinge_grad(z, y).any()


def test_log_cosh_keeps_its_digits_near_zero_and_far_out(isa, dtype):
    eps = float(np.finfo(dtype).eps)
    for error in (1e-18, 1e-6, 1e-3, 0.5, 0.999, 1.0, 1.5, 20.0, 90.0, 1e4, 1e30):
        z = np.full((3, 1), error, dtype)
        e = float(z[0, 0])
        want = e * e / 2 - e**4 / 12 if e < 1e-2 else np.logaddexp(e, -e) - np.log(2)
        if 1e-2 < e < 1:
            want = np.log1p(2 * np.sinh(e / 2) ** 2)
        assert kernels.log_cosh(z, np.zeros_like(z)) == pytest.approx(want, rel=8 * eps)
        slope = kernels.log_cosh_grad(z, np.zeros_like(z)) * 3
        np.testing.assert_allclose(slope, np.tanh(e), rtol=8 * eps)


def test_squared_logarithms_keep_their_digits_where_they_are_close(isa):
    """In float32: the twin loses some of its own."""
    y = np.float32([[0.0], [1.0], [1000.0], [1e-3]])
    z = y * np.float32(1 + 1e-3) + np.float32(1e-5)
    want, gradient = twin.value_and_gradient("mean_squared_logarithmic_error", z, y)
    assert kernels.mean_squared_logarithmic_error(z, y) == pytest.approx(want, rel=1e-6)
    got = kernels.mean_squared_logarithmic_error_grad(z, y)
    np.testing.assert_allclose(got, gradient, rtol=1e-6)
    wide = np.float32([[1e30], [3.0]])
    got = kernels.mean_squared_logarithmic_error(wide, np.zeros_like(wide))
    assert got == pytest.approx((np.log1p(1e30) ** 2 + np.log(4) ** 2) / 2, rel=1e-6)


@pytest.mark.parametrize("name", ["poisson", "gamma", "tweedie"])
def test_likelihoods_of_outputs_that_are_no_means_are_finite_and_pull_up(isa, dtype, name):
    z = dtype([[0.0], [-1.0], [1e-12]])
    y = np.full_like(z, 2)
    value, gradient = getattr(kernels, name), getattr(kernels, f"{name}_grad")
    assert np.isfinite(value(z, y))
    slopes = gradient(z, y)
    assert np.isfinite(slopes).all()
    assert (slopes < 0).all()
    assert slopes[0] == slopes[1] == slopes[2]  # one tangent


def test_likelihoods_with_logarithms_are_those_of_means(isa, dtype):
    z = np.random.default_rng(0).uniform(-2, 2, (33, 2)).astype(dtype)
    y = np.random.default_rng(1).uniform(0.5, 3, (33, 2)).astype(dtype)
    close = 40 * float(np.finfo(dtype).eps)
    for name in ("poisson", "gamma", "tweedie"):
        value, gradient = getattr(kernels, name), getattr(kernels, f"{name}_grad")
        assert value(z, y, log_input=True) == pytest.approx(value(np.exp(z), y), rel=close)
        np.testing.assert_allclose(
            gradient(z, y, log_input=True),
            gradient(np.exp(z), y) * np.exp(z),
            rtol=close,
            atol=close / 33,
        )


def test_kl_divergence_is_zero_where_the_distributions_are_equal(isa, dtype):
    z = np.random.default_rng(0).normal(size=(9, 21)).astype(dtype)
    y = kernels.softmax(z)
    eps = float(np.finfo(dtype).eps)
    assert kernels.kl_divergence(z, y) == pytest.approx(0, abs=20 * eps)
    np.testing.assert_allclose(kernels.kl_divergence_grad(z, y), 0, atol=4 * eps)


@pytest.mark.parametrize("cols", [2, 7, 16, 17, 40])
def test_smoothing_is_that_of_the_targets(isa, dtype, cols):
    z, labels, weight = problem("sparse_categorical_crossentropy", 9, cols, dtype)
    y = twin.one_hot(labels, cols)
    smoothed = (y * 0.75 + 0.25 / cols).astype(dtype)
    want = kernels.categorical_crossentropy(z, smoothed, weight)
    close = 8 * float(np.finfo(dtype).eps)
    for name, target in (
        ("categorical_crossentropy", y.astype(dtype)),
        ("sparse_categorical_crossentropy", labels),
    ):
        value, gradient = getattr(kernels, name), getattr(kernels, f"{name}_grad")
        assert value(z, target, weight, label_smoothing=0.25) == pytest.approx(want, rel=close)
        np.testing.assert_allclose(
            gradient(z, target, weight, label_smoothing=0.25),
            kernels.categorical_crossentropy_grad(z, smoothed, weight),
            rtol=close,
            atol=close / 9,
        )
    targets = np.round(np.random.default_rng(0).random((9, cols)) * 4).astype(dtype) / 4
    assert kernels.binary_crossentropy(z, targets, label_smoothing=0.5) == pytest.approx(
        kernels.binary_crossentropy(z, targets / 2 + dtype(0.25)), rel=close
    )


@pytest.mark.parametrize("cols", [2, 3, 16, 21])
def test_focal_losses_of_gamma_zero_are_crossentropies(isa, dtype, cols):
    z, y, weight = problem("categorical_crossentropy", 5, cols, dtype)
    close = 40 * float(np.finfo(dtype).eps)
    for kind, extra in (("categorical", {"alpha": 1.0}), ("binary", {})):
        focal, plain = f"{kind}_focal_crossentropy", f"{kind}_crossentropy"
        got = getattr(kernels, focal)(z, y, weight, gamma=0.0, **extra)
        assert got == pytest.approx(getattr(kernels, plain)(z, y, weight), rel=close)
        np.testing.assert_allclose(
            getattr(kernels, f"{focal}_grad")(z, y, weight, gamma=0.0, **extra),
            getattr(kernels, f"{plain}_grad")(z, y, weight),
            rtol=close,
            atol=close,
        )


@pytest.mark.parametrize("gamma", [0.5, 2.0, 3.0])
@pytest.mark.parametrize("size", [100.0, 1e4, 1e30])
def test_focal_losses_of_huge_logits(isa, dtype, size, gamma):
    z = np.full((2, 3), -size, dtype)
    z[:, -1] = size
    y = twin.one_hot([2, 0], 3).astype(dtype)  # right, and wrong by 2 size
    got = kernels.categorical_focal_crossentropy_grad(z, y, alpha=1.0, gamma=gamma)
    np.testing.assert_allclose(got, [[0, 0, 0], [-0.5, 0, 0.5]], rtol=1e-6, atol=1e-30)
    value = kernels.categorical_focal_crossentropy(z, y, alpha=1.0, gamma=gamma)
    assert value == pytest.approx(size, rel=1e-6)
    z, y = dtype([[size], [-size]]), dtype([[1], [1]])
    value = kernels.binary_focal_crossentropy(z, y, gamma=gamma)
    assert value == pytest.approx(size / 2, rel=1e-6)
    got = kernels.binary_focal_crossentropy_grad(z, y, gamma=gamma)
    np.testing.assert_allclose(got, [[0], [-0.5]], rtol=1e-6, atol=1e-30)


@pytest.mark.parametrize("variance", ["exp", "softplus", "linear"])
def test_variances_have_a_floor(isa, dtype, variance):
    z = dtype([[1, -200 if variance != "linear" else -1]])
    y = dtype([[1.5]])
    want = 0.5 * (np.log(0.25) + 0.25 / 0.25)
    got = kernels.gaussian_nll(z, y, variance=variance, epsilon=0.25)
    assert got == pytest.approx(want, rel=1e-6)
    mean, by_variance = kernels.gaussian_nll_grad(z, y, variance=variance, epsilon=0.25)[0]
    assert mean == pytest.approx(-0.5 / 0.25, rel=1e-6)
    z[0, 0] = 2.5  # an error of 1: the variance is too small
    by_variance = kernels.gaussian_nll_grad(z, y, variance=variance, epsilon=0.25)[0, 1]
    want = 0.5 * (1 / 0.25 - 1 / 0.25**2) if variance == "linear" else 0.0
    assert by_variance == pytest.approx(want, rel=1e-6, abs=1e-30)


@pytest.mark.parametrize("name", ["quantile", "gaussian_nll", "margin_ranking"])
def test_targets_and_outputs_of_widths_that_do_not_fit(dtype, name):
    extra = {"quantiles": [0.1, 0.9]} if name == "quantile" else {}
    for function in (getattr(kernels, name), getattr(kernels, f"{name}_grad")):
        with pytest.raises(ValueError, match=rf"{function.__name__}: got 3 output columns; want 2"):
            function(np.ones((4, 3), dtype), np.ones((4, 1), dtype), **extra)
        with pytest.raises(ValueError, match=r"y has shape \(4, 2\), want \(4, 1\)"):
            function(np.ones((4, 2), dtype), np.ones((4, 2), dtype), **extra)


@pytest.mark.parametrize(
    "name, extra, message",
    [
        ("huber", {"delta": 0}, "delta must be a finite number, above 0"),
        (
            "mean_absolute_percentage_error",
            {"epsilon": 0},
            "epsilon must be a finite number, above",
        ),
        (
            "quantile",
            {"quantiles": [0.5, 1]},
            "quantiles must be a finite number, above 0, below 1",
        ),
        ("quantile", {"quantiles": []}, "want 1 to 128 quantiles, got 0"),
        ("gaussian_nll", {"variance": "log"}, "variance must be 'exp', 'softplus' or 'linear'"),
        ("tweedie", {"power": 2}, "power must be a finite number, above 1, below 2"),
        ("binary_crossentropy", {"label_smoothing": 2}, "label_smoothing must be within 0 and 1"),
        ("binary_focal_crossentropy", {"alpha": 1.5}, "alpha must be within 0 and 1, got 1.5"),
        (
            "categorical_focal_crossentropy",
            {"gamma": -1},
            "gamma must be a finite number, at least",
        ),
        ("margin_ranking", {"margin": -1}, "margin must be a finite number, at least 0"),
    ],
)
def test_numbers_out_of_range_are_refused(name, extra, message):
    for function in (getattr(kernels, name), getattr(kernels, f"{name}_grad")):
        with pytest.raises(ValueError, match=message):
            function(np.ones((2, 2)), np.ones((2, 2)), **extra)
