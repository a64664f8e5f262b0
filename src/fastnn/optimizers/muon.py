"""Orthogonalized steps for hidden kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from fastnn._spec import check_bool, check_float, check_int, describe
from fastnn.optimizers.adam import Moments
from fastnn.optimizers.base import Decaying, fits_any
from fastnn.schedules import Schedule

__all__ = ["Muon"]


class Muon(Moments):
    """Momentum made orthogonal for hidden kernels, AdamW for all other parameters.

    ``m = momentum * m + (1 - momentum) * g`` (and once more towards g with Nesterov), brought
    near the orthogonal factor of its polar decomposition by `ns_steps` iterations of Newton and
    Schulz, then ``p -= learning_rate * sqrt(max(1, units / inputs)) * m``.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.02
        Of hidden kernels.
    momentum : float, default 0.95
    nesterov : bool, default True
    ns_steps : int, default 5
        At most 20.
    kernels : sequence of str, optional
        Patterns of the kernels that count as hidden; by default all but a model's first and last.
    adam_ratio : float, default 0.015
        The learning rate of all others over that of hidden kernels: 3e-4 beside 0.02.
    beta_1, beta_2, epsilon : float, default 0.9, 0.999 and 1e-8
        Of all others.
    **common
        As `Optimizer`.

    References
    ----------
    Jordan et al. (2024), Muon: an optimizer for hidden layers in neural networks.  PyTorch's Muon
    is equal but for its products, which it computes in bfloat16; others: PyTorch's AdamW.

    Examples
    --------
    >>> Muon(0.01).hidden_kernels(["dense_0/kernel", "dense_1/kernel", "dense_2/kernel"])
    {'dense_1/kernel'}
    """

    __slots__ = ("adam_ratio", "kernels", "momentum", "nesterov", "ns_steps")
    tag = "muon"
    code = 16
    momentum: float
    nesterov: bool
    ns_steps: int
    kernels: tuple[str, ...] | None
    adam_ratio: float

    def __init__(
        self,
        learning_rate: float | Schedule = 0.02,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_steps: int = 5,
        kernels: Sequence[str] | None = None,
        adam_ratio: float = 0.015,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        **common: Unpack[Decaying],
    ) -> None:
        who = "Muon"
        self._set_common(learning_rate, **common)
        self._set_moments(beta_1, beta_2, epsilon)
        given: Any = () if kernels is None else kernels
        if not isinstance(given, (tuple, list)) or not all(isinstance(p, str) for p in given):
            raise TypeError(
                f"{who}: kernels must be a list or tuple of patterns such as 'dense_1/kernel', "
                f"got {describe(kernels)}"
            )
        self._set(
            momentum=check_float(who, "momentum", momentum, at_least=0, below=1),
            nesterov=check_bool(who, "nesterov", nesterov),
            ns_steps=check_int(who, "ns_steps", ns_steps, 1, 20),
            kernels=None if kernels is None else tuple(kernels),
            adam_ratio=check_float(who, "adam_ratio", adam_ratio, above=0),
        )

    def hidden_kernels(self, kernels: Sequence[str]) -> set[str]:
        """Return which of the kernels are hidden.

        Raises
        ------
        ValueError
            If none is.
        """
        patterns = self.kernels
        if patterns is None:
            found = set(kernels[1:-1])
        else:
            found = {name for name in kernels if fits_any(name, patterns)}
        if not found:
            raise ValueError(
                f"Muon: the model has no hidden kernel; name some with kernels=[...], "
                f"there are: {', '.join(kernels) or 'none'}"
            )
        return found

    def settings(self) -> dict[str, Any]:
        """Return the numbers that a state of this optimizer needs, by name."""
        return super().settings() | {
            "momentum": self.momentum,
            "nesterov": self.nesterov,
            "ns_steps": self.ns_steps,
            "adam_ratio": self.adam_ratio,
        }
