"""Dropout and noise: the very numbers, their statistics, and the same bits however rows are cut."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from each import each
from fastnn import _core, kernels
from guard import guarded
from reference import noise as twin

KINDS = ("dropout", "alpha_dropout", "gaussian_dropout", "gaussian_noise")
MASKED = KINDS[:3]
SEED = 0x0123456789ABCDEF
SIZES = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 64, 255, 256, 257, 300, 513]
MANY = 200_000


def run(kind, x, rate, **options):
    """out and mask; None for Gaussian noise."""
    options = {"seed": SEED, **options}
    if kind == "gaussian_noise":
        return kernels.gaussian_noise(x, rate, **options), None
    return getattr(kernels, kind)(x, rate, **options)


def sample(size, dtype):
    return np.random.default_rng(size).normal(0, 1, size).astype(dtype)


@each("first", [0, 1, 2, 3, 4, 1001, 2**32 + 5])
@each("size", SIZES)
@pytest.mark.parametrize("kind", KINDS)
def test_noise_matches_single_philox_blocks(isa, dtype, kind, size, first):
    x = sample(size, dtype)
    words = twin.words(SEED, 3, 9, first, size)
    out, mask = run(kind, x, 0.3, epoch=3, step=9, first=first)
    want, want_mask = twin.noise(kind, x, 0.3, words)
    # PPND7 is good to 1e-7 of a normal, PPND16 to 1e-16, before the roundings; normals reach 6
    eps = 4 * float(np.finfo(dtype).eps)
    np.testing.assert_allclose(out, want, rtol=eps, atol=6 * eps)
    if mask is not None:
        np.testing.assert_allclose(mask, want_mask, rtol=eps, atol=6 * eps)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.999])
@pytest.mark.parametrize("kind", ["dropout", "alpha_dropout"])
def test_masks_are_the_same_in_both_types(isa, kind, rate):
    x = np.ones(5000)
    single = run(kind, x.astype(np.float32), rate)[1]
    double = run(kind, x, rate)[1]
    np.testing.assert_array_equal(single == 0, double == 0)
    assert (single == 0).any() == (rate > 0)


@pytest.mark.parametrize("kind", KINDS)
def test_every_isa_gives_the_same_bits(dtype, kind):
    x = sample(3000, dtype)
    before = _core.current_isa()
    seen = []
    for name in _core.available_isas():
        _core.use_isa(name)
        seen.append(run(kind, x, 0.4, first=3))
    _core.use_isa(before)
    for out, mask in seen[1:]:
        np.testing.assert_array_equal(out, seen[0][0])
        if mask is not None:
            np.testing.assert_array_equal(mask, seen[0][1])


@pytest.mark.parametrize("kind", KINDS)
def test_noise_does_not_depend_on_how_rows_are_cut(isa, dtype, kind):
    x = sample(40 * 7, dtype).reshape(40, 7)
    whole, _ = run(kind, x, 0.25, step=4)
    for rows in (1, 3, 16, 39):
        parts = [
            run(kind, x[i : i + rows], 0.25, step=4, first=7 * i)[0] for i in range(0, 40, rows)
        ]
        np.testing.assert_array_equal(np.concatenate(parts), whole)
    np.testing.assert_array_equal(run(kind, x, 0.25, step=4)[0], whole)


@pytest.mark.parametrize("kind", KINDS)
def test_streams_differ(dtype, kind):
    x = np.ones(64, dtype)
    first = run(kind, x, 0.5)[0]
    for other in ({"seed": 1}, {"epoch": 1}, {"step": 1}, {"first": 64}, {"seed": SEED + 2**32}):
        assert (run(kind, x, 0.5, **other)[0] != first).any(), other


@pytest.mark.parametrize("rate", [0.05, 0.5, 0.8])
def test_dropout_keeps_its_share_and_the_mean(isa, dtype, rate):
    _, mask = kernels.dropout(np.ones(MANY, dtype), rate, seed=7)
    kept = (mask != 0).mean()
    assert abs(kept - (1 - rate)) < 5 * np.sqrt(rate * (1 - rate) / MANY)
    assert set(np.unique(mask)) == {0, dtype(1 / (1 - rate))}
    assert abs(mask.mean(dtype=np.float64) - 1) < 5 * np.sqrt(rate / (1 - rate) / MANY)
    # neighbours do not know of each other, nor do elements a block or a buffer apart
    drop = (mask == 0) - rate
    for apart in (1, 2, 3, 4, 8, 64, 256):
        together = (drop[apart:] * drop[:-apart]).mean()
        assert abs(together) < 5 * rate * (1 - rate) / np.sqrt(MANY)


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.5])
def test_alpha_dropout_keeps_mean_and_variance(isa, dtype, rate):
    x = np.random.default_rng(1).standard_normal(MANY).astype(dtype)
    out, mask = kernels.alpha_dropout(x, rate, seed=8)
    assert abs(out.mean(dtype=np.float64)) < 5 / np.sqrt(MANY)
    fourth = ((out - out.mean()) ** 4).mean(dtype=np.float64)
    assert abs(out.var(dtype=np.float64) - 1) < 5 * np.sqrt((fourth - 1) / MANY)
    assert abs((mask == 0).mean() - rate) < 5 * np.sqrt(rate * (1 - rate) / MANY)


def test_normals_are_normal(isa, dtype):
    got = kernels.gaussian_noise(np.zeros(MANY, dtype), 1.0, seed=9).astype(np.float64)
    assert abs(got.mean()) < 5 / np.sqrt(MANY)
    assert abs(got.var() - 1) < 5 * np.sqrt(2 / MANY)
    assert abs((got**3).mean()) < 5 * np.sqrt(15 / MANY)
    assert abs((got**4).mean() - 3) < 5 * np.sqrt(96 / MANY)
    assert stats.kstest(got, "norm").pvalue > 1e-4
    for apart in (1, 2, 3, 4, 256):
        assert abs((got[apart:] * got[:-apart]).mean()) < 5 / np.sqrt(MANY)


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_gaussian_dropout_has_the_variance_of_dropout(isa, dtype, rate):
    _, mask = kernels.gaussian_dropout(np.ones(MANY, dtype), rate, seed=10)
    variance = rate / (1 - rate)
    assert abs(mask.mean(dtype=np.float64) - 1) < 5 * np.sqrt(variance / MANY)
    assert abs(mask.var(dtype=np.float64) - variance) < 5 * variance * np.sqrt(2 / MANY)


@pytest.mark.parametrize("kind", KINDS)
def test_rate_0_changes_nothing(isa, dtype, kind):
    x = sample(100, dtype)
    out, mask = run(kind, x, 0.0)
    np.testing.assert_array_equal(out, x)
    if mask is not None:
        np.testing.assert_array_equal(mask, np.ones_like(x))


@pytest.mark.parametrize("kind", KINDS)
def test_nan_in_gives_nan_out(isa, dtype, kind):
    x = np.full(300, np.nan, dtype)
    assert np.isnan(run(kind, x, 0.5)[0]).all()


@pytest.mark.parametrize("size", SIZES)
def test_gradient_is_what_the_mask_says(isa, dtype, size):
    x, dy = sample(size, dtype), sample(size + 1, dtype)[:-1].copy()
    for kind in MASKED:
        out, mask = run(kind, x, 0.3)
        np.testing.assert_array_equal(kernels.noise_grad(mask, dy), dy * mask)
        moved, _ = run(kind, x + dtype(1), 0.3)
        np.testing.assert_allclose(moved - out, mask, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(kernels.noise_grad(None, dy), dy)
    want = kernels.noise_grad(x, dy)
    assert kernels.noise_grad(x, dy, out=dy) is dy
    np.testing.assert_array_equal(dy, want)


@each("before", [False, True])
@each("size", [1, 5, 16, 33, 300])
@pytest.mark.parametrize("kind", KINDS)
def test_noise_stays_inside_its_arrays(isa, dtype, kind, size, before):
    plain = sample(size, dtype)
    x, out, mask = (guarded(plain, before=before) for _ in range(3))
    want, want_mask = run(kind, plain, 0.3, first=1)
    if kind == "gaussian_noise":
        run(kind, x, 0.3, first=1, out=out)
    else:
        run(kind, x, 0.3, first=1, out=out, mask=mask)
        np.testing.assert_array_equal(mask, want_mask)
        kernels.noise_grad(mask, x, out=out)
        np.testing.assert_array_equal(out, plain * want_mask)
        run(kind, x, 0.3, first=1, out=out, mask=mask)
    np.testing.assert_array_equal(out, want)
    np.testing.assert_array_equal(x, plain)  # read only
    run(kind, x, 0.3, first=1, out=x)
    np.testing.assert_array_equal(x, want)


def test_what_noise_refuses():
    x = np.ones(4)
    for kind in MASKED:
        for rate in (1.0, -0.1):
            with pytest.raises(ValueError, match=rf"{kind}: rate must be .* below 1, got {rate}"):
                run(kind, x, rate)
    with pytest.raises(ValueError, match="stddev must be a finite number, at least 0"):
        kernels.gaussian_noise(x, -1.0, seed=0)
    with pytest.raises(ValueError, match="seed must be an integer of at least 0"):
        kernels.dropout(x, 0.5, seed=-1)
    with pytest.raises(ValueError, match="step must be an integer of at least 0 and at most"):
        kernels.dropout(x, 0.5, seed=1, step=2**32)
    with pytest.raises(ValueError, match=r"mask has shape \(3,\), want \(4,\)"):
        kernels.dropout(x, 0.5, seed=1, mask=np.ones(3))
    with pytest.raises(ValueError, match="mask and out share memory"):
        kernels.dropout(x, 0.5, seed=1, mask=x, out=x)
    with pytest.raises(TypeError, match="x must be a float32 or float64 array"):
        kernels.dropout(np.arange(4), 0.5, seed=1)
    with pytest.raises(ValueError, match=r"mask has shape \(3,\), want \(4,\)"):
        kernels.noise_grad(np.ones(3), x)
