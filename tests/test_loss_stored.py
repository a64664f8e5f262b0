"""Losses against stored numbers: PyTorch, scikit-learn, and the documentation of Keras and Axon."""

from __future__ import annotations

import numpy as np
import pytest

from fastnn import kernels

# Inputs of tests/reference/torch_losses.py.
ROW, COL = np.meshgrid(np.arange(4.0), np.arange(3.0), indexing="ij")
Z = np.round(3 * np.sin(1.7 * ROW + 0.9 * COL + 0.3), 2)
T = np.round(2 * np.cos(1.1 * ROW - 0.7 * COL), 2)
M = np.round(1.5 + np.sin(1.3 * ROW + COL), 2)
COUNTS = (ROW + 2 * COL) % 4
UNIT = np.round(0.5 + 0.5 * np.sin(ROW - COL), 2)
SIGNS = np.where((ROW + COL) % 2 == 0, 1.0, -1.0)
LABELS = np.array([2, 0, 1, 2])
P = np.exp(T) / np.exp(T).sum(axis=1, keepdims=True)

# Value, first and last element of the gradient and its norm.  PyTorch 2.13 in float64, printed by
# tests/reference/torch_losses.py.
TORCH = {
    "mean_squared_error": (5.096699999999999, -0.18499999999999997, 0.505, 1.3034185820372517),
    "mean_absolute_error": (1.9583333333333333, -1 / 12, 1 / 12, 0.28867513459481287),
    "huber": (1.9316666666666666, -0.09249999999999999, 0.125, 0.3739800945386146),
    "binary_crossentropy": (
        *(1.276358755687648, 0.017407514380509987, -0.00039254714422798376, 0.15683120448950205),
    ),
    "categorical_crossentropy": (
        *(1.837950477053477, -0.11882964663750278, 0.07102597302182972, 0.32202715769781076),
    ),
    "categorical_crossentropy smooth": (
        *(1.840362259546863, -0.10795024764977018, 0.08534609081312725, 0.302965303806319),
    ),
    "sparse_categorical_crossentropy": (
        *(0.7791760561870739, 0.018900681634493547, -0.024040104688349273, 0.3356622902560724),
    ),
    "sparse_categorical_crossentropy smooth": (
        *(0.9933427228537406, 0.0022340149678268806, 0.009293228644984053, 0.2784114536447273),
    ),
    "kl_divergence": (
        *(0.9393078997499832, -0.11882964663750278, 0.07102597302182972, 0.32202715769781076),
    ),
    "gaussian_nll linear": (
        *(3.7168898173528238, -0.061666666666666654, -0.2627098180489205, 2.1427818172823505),
    ),
    "gaussian_nll exp": (
        *(5.806475701726103, -0.00687954263348296, -0.08304262476467635, 4.031676056824163),
    ),
    "gaussian_nll softplus": (
        *(6.576456825577584, -0.02389987304202805, -0.09253144516707089, 4.1676969636454535),
    ),
    "poisson": (1.1570006062989069, 1 / 12, -0.13790560471976404, 0.3995237756018998),
    "poisson log": (
        *(5.052073608521909, 0.20292747094082286, 0.6504085719942714, 2.1656980536461043),
    ),
    "hinge": (1.4966666666666668, -1 / 12, 1 / 12, 0.23570226039551584),
    "soft_margin": (
        *(1.1584837556876482, -0.02425915228615667, 0.07627411952243868, 0.17791904381038137),
    ),
    "cosine_similarity": (
        *(-0.21343296719572874, -0.04011952394288665, 0.03588754970993717, 0.12806216521525685),
    ),
    "margin_ranking": (1.23, -0.25, 0.0, 0.5),
    "binary_focal_crossentropy": (
        *(0.40683827351702745, 0.003077242865515239, -0.00030075449267264923, 0.08055007689850834),
    ),
}
# The same of scikit-learn 1.9.1: loss_gradient of HalfPoissonLoss, HalfGammaLoss, HalfTweedieLoss
# (power=1.3) and PinballLoss(quantile=0.3) of sklearn._loss.loss on Z and COUNTS: the mean of the
# values, the gradients over 12.  Gamma on COUNTS + 1/2.
SKLEARN = {
    "poisson": (5.052073608521909, 0.20292747094082286, 0.6504085719942715, 2.165698053646104),
    "gamma": (7.77065732221624, 0.06622267696865226, 0.05633941489281654, 3.60541655612118),
    "tweedie": (9.502742101022028, 0.15537609995996027, 0.31849307674759214, 1.1548568542343487),
    "quantile": (0.9180833333333333, 0.05833333333333333, -0.025, 0.13642254619787417),
}
CALLS = {
    "mean_squared_error": (Z, T, {}),
    "mean_absolute_error": (Z, T, {}),
    "huber": (Z, T, {"delta": 1.5}),
    "binary_crossentropy": (Z, UNIT, {}),
    "categorical_crossentropy": (Z, P, {}),
    "categorical_crossentropy smooth": (Z, P, {"label_smoothing": 0.2}),
    "sparse_categorical_crossentropy": (Z, LABELS, {}),
    "sparse_categorical_crossentropy smooth": (Z, LABELS, {"label_smoothing": 0.2}),
    "kl_divergence": (Z, P, {}),
    "gaussian_nll linear": (np.hstack([Z, M]), T, {"variance": "linear", "full": True}),
    "gaussian_nll exp": (np.hstack([Z, T]), M, {}),
    "gaussian_nll softplus": (np.hstack([Z, T]), M, {"variance": "softplus"}),
    "poisson": (M, COUNTS, {}),
    "poisson log": (Z, COUNTS, {"log_input": True}),
    "hinge": (Z, SIGNS, {}),
    "soft_margin": (Z, SIGNS, {}),
    "cosine_similarity": (Z, T, {}),
    "margin_ranking": (Z[:, :2], SIGNS[:, :1], {"margin": 0.5}),
    "binary_focal_crossentropy": (
        Z,
        UNIT,
        {"gamma": 1.5, "alpha": 0.3, "apply_class_balancing": True},
    ),
}
SKLEARN_CALLS = {
    "poisson": (Z, COUNTS, {"log_input": True}),
    "gamma": (Z, COUNTS + 0.5, {"log_input": True}),
    "tweedie": (Z, COUNTS, {"log_input": True, "power": 1.3}),
    "quantile": (Z, COUNTS, {"quantiles": 0.3}),
}


def check(name, z, y, extra, want):
    z = np.ascontiguousarray(z)
    value, gradient = getattr(kernels, name), getattr(kernels, f"{name}_grad")
    g = gradient(z, y, **extra)
    got = (value(z, y, **extra), g.flat[0], g.flat[-1], np.linalg.norm(g))
    # a few roundings of float64 in each of two programs
    np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("case", CALLS)
def test_values_and_gradients_are_those_of_pytorch(isa, case):
    check(case.split()[0], *CALLS[case], TORCH[case])


@pytest.mark.parametrize("name", SKLEARN_CALLS)
def test_values_and_gradients_are_those_of_scikit_learn(isa, name):
    check(name, *SKLEARN_CALLS[name], SKLEARN[name])


def logits(p):
    with np.errstate(divide="ignore"):
        return np.log(p)


def odds(p):
    return np.log(p) - np.log1p(-np.asarray(p))


A, B = [[0.0, 1.0], [0.0, 0.0]], [[0.6, 0.4], [0.4, 0.6]]
C, D = [[1.0, 1.0], [1.0, 0.0]], [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
E = [[0.05, 0.95, 0.0], [0.1, 0.8, 0.1]]

# Keras 3, the examples of https://keras.io/api/losses (one value a loss), to the digits shown
# there; categorical_focal_crossentropy: of its function.  Probabilities are handed over as logits.
KERAS = {
    "mean_squared_error": (C, A, 0.5, 1e-3),
    "mean_absolute_error": (C, A, 0.5, 1e-3),
    "mean_absolute_percentage_error": (C, [[2.0, 1.0], [2.0, 3.0]], 50.0, 1e-3),
    "mean_squared_logarithmic_error": (C, A, 0.240, 1e-3),
    "huber": (B, A, 0.155, 1e-3),
    "log_cosh": ([[1.0, 1.0], [0.0, 0.0]], A, 0.108, 1e-3),
    "poisson": ([[1.0, 1.0], [0.0, 0.0]], A, 0.5, 1e-6),
    "binary_crossentropy": (odds(B), A, 0.815, 1e-3),
    "binary_focal_crossentropy": (odds(B), A, (0.330 + 0.206) / 2, 1e-3),
    "categorical_crossentropy": (logits(E), D, 1.177, 1e-3),
    "sparse_categorical_crossentropy": (logits(E), [1, 2], 1.177, 1e-3),
    "categorical_focal_crossentropy": (
        logits([[0.05, 0.9, 0.05], [0.1, 0.85, 0.05]]),
        D,
        (2.63401289e-04 + 6.75912094e-01) / 2,
        1e-7,
    ),
    "kl_divergence": (logits(B), A, 0.458, 1e-3),
    "hinge": (B, A, 1.3, 1e-6),
    "squared_hinge": (B, A, 1.86, 1e-6),
    "categorical_hinge": (B, A, 1.4, 1e-6),
    "cosine_similarity": ([[1.0, 0.0], [1.0, 1.0]], [[0.0, 1.0], [1.0, 1.0]], -0.5, 1e-6),
}
F, G = [[0.6811, 0.5565], [0.6551, 0.4551], [0.5422, 0.2648]], [[0.0, 1.0], [1.0, 0.0], [1.0, 0.0]]
H = [[0.05300799, 0.21617081, 0.68642382], [0.3754382, 0.08494169, 0.13442067]]
K = [[0.45440044, 0.31470688, 0.67920924], [0.24311459, 0.93466766, 0.10914676]]

# Axon, the examples in the documentation of Axon.Losses (https://hexdocs.pm/axon), reduced by the
# mean.  Its cosine_similarity has the other sign.  They are float32 numbers.
AXON = {
    "mean_squared_error": (C, A, 0.5),
    "mean_absolute_error": (C, A, 0.5),
    "binary_crossentropy": (odds(F), G, 0.613136351108551),
    "categorical_crossentropy": (logits(E), D, 1.1769392490386963),
    "sparse_categorical_crossentropy": (logits(E), [1, 2], 2.3538784980773926 / 2),
    "categorical_hinge": (H, [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], 1.4372167587280273),
    "hinge": (K, [[1.0, 1.0, -1.0], [1.0, 1.0, -1.0]], 0.806911051273346),
    "kl_divergence": (logits(B), A, 0.45814305543899536),
    "log_cosh": ([[1.0, 1.0], [0.0, 0.0]], A, 0.1084451973438263),
    "margin_ranking": (
        [[0.6934, -0.4691], [-0.7239, 0.2670], [1.1954, -1.7452]],
        [[1.0], [1.0], [1.0]],
        0.3303000032901764,
    ),
    "soft_margin": ([[0.2953, -0.1709, 0.9486]], [[-1.0, 1.0, 1.0]], 0.6537495255470276),
    "cosine_similarity": ([[1.0, 0.0], [1.0, 1.0]], [[0.0, 1.0], [1.0, 1.0]], -0.5),
    "poisson": ([[1.0, 1.0], [0.0, 0.0]], A, 0.4999999701976776),
    "huber": ([[0.8], [1.8], [2.1]], [[1.0], [1.5], [2.0]], 0.02333332598209381),
}


@pytest.mark.parametrize("name", KERAS)
def test_documented_examples_of_keras(isa, dtype, name):
    z, y, want, close = KERAS[name]
    y = y if name.startswith("sparse") else np.asarray(y, dtype)
    assert getattr(kernels, name)(np.asarray(z, dtype), y) == pytest.approx(want, abs=close)


@pytest.mark.parametrize("name", AXON)
def test_documented_examples_of_axon(isa, dtype, name):
    z, y, want = AXON[name]
    y = y if name.startswith("sparse") else np.asarray(y, dtype)
    # kl_divergence there holds a target of 0 at 1e-7, which adds some 1e-6
    assert getattr(kernels, name)(np.asarray(z, dtype), y) == pytest.approx(want, abs=3e-6)
