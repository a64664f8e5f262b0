"""Prints TORCH of tests/test_loss_stored.py: values and gradients by PyTorch 2.13, in float64.

Not run by any test, which would need PyTorch: ``python tests/reference/torch_losses.py``.
"""

import torch
from torch.nn import functional

torch.set_default_dtype(torch.float64)
i, j = torch.meshgrid(torch.arange(4.0), torch.arange(3.0), indexing="ij")
z = torch.round(3 * torch.sin(1.7 * i + 0.9 * j + 0.3), decimals=2)
t = torch.round(2 * torch.cos(1.1 * i - 0.7 * j), decimals=2)
m = torch.round(1.5 + torch.sin(1.3 * i + j), decimals=2)
counts = (i + 2 * j) % 4
unit = torch.round(0.5 + 0.5 * torch.sin(i - j), decimals=2)
signs = torch.where((i + j) % 2 == 0, 1.0, -1.0)
labels = torch.tensor([2, 0, 1, 2])
p = functional.softmax(t, dim=1)
hot = functional.one_hot(labels, 3).double()


def focal(z, y, gamma, alpha):  # torchvision's sigmoid_focal_loss
    prob = torch.sigmoid(z)
    ce = functional.binary_cross_entropy_with_logits(z, y, reduction="none")
    p_t = prob * y + (1 - prob) * (1 - y)
    loss = ce * (1 - p_t) ** gamma
    return ((alpha * y + (1 - alpha) * (1 - y)) * loss).mean()


CASES = {
    "mean_squared_error": (z, lambda z: functional.mse_loss(z, t)),
    "mean_absolute_error": (z, lambda z: functional.l1_loss(z, t)),
    "huber": (z, lambda z: functional.huber_loss(z, t, delta=1.5)),
    "binary_crossentropy": (z, lambda z: functional.binary_cross_entropy_with_logits(z, unit)),
    "categorical_crossentropy": (z, lambda z: functional.cross_entropy(z, p)),
    "categorical_crossentropy smooth": (
        z,
        lambda z: functional.cross_entropy(z, p, label_smoothing=0.2),
    ),
    "sparse_categorical_crossentropy": (z, lambda z: functional.cross_entropy(z, labels)),
    "sparse_categorical_crossentropy smooth": (
        z,
        lambda z: functional.cross_entropy(z, labels, label_smoothing=0.2),
    ),
    "kl_divergence": (
        z,
        lambda z: functional.kl_div(functional.log_softmax(z, 1), p, reduction="batchmean"),
    ),
    "gaussian_nll linear": (
        torch.cat([z, m], 1),
        lambda a: functional.gaussian_nll_loss(a[:, :3], t, a[:, 3:], full=True, eps=1e-6),
    ),
    "gaussian_nll exp": (
        torch.cat([z, t], 1),
        lambda a: functional.gaussian_nll_loss(a[:, :3], m, a[:, 3:].exp() + 1e-6, eps=1e-12),
    ),
    "gaussian_nll softplus": (
        torch.cat([z, t], 1),
        lambda a: functional.gaussian_nll_loss(
            a[:, :3], m, functional.softplus(a[:, 3:]) + 1e-6, eps=1e-12
        ),
    ),
    "poisson": (m, lambda m: functional.poisson_nll_loss(m, counts, log_input=False, eps=0.0)),
    "poisson log": (z, lambda z: functional.poisson_nll_loss(z, counts, log_input=True)),
    "hinge": (z, lambda z: torch.clamp(1 - signs * z, min=0).mean()),
    "soft_margin": (z, lambda z: functional.soft_margin_loss(z, signs)),
    "cosine_similarity": (z, lambda z: -functional.cosine_similarity(z, t).mean()),
    "margin_ranking": (
        z[:, :2],
        lambda a: functional.margin_ranking_loss(a[:, 0], a[:, 1], signs[:, 0], margin=0.5),
    ),
    "binary_focal_crossentropy": (z, lambda z: focal(z, unit, 1.5, 0.3)),
}
for name, (start, function) in CASES.items():
    a = start.clone().requires_grad_()
    value = function(a)
    value.backward()
    g = a.grad.flatten()
    print(
        f'    "{name}": ({value.item()!r}, {g[0].item()!r}, {g[-1].item()!r}, {g.norm().item()!r}),'
    )
