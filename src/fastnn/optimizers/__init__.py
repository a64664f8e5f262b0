"""Optimizers: frozen specs; their state belongs to whoever uses them.

A `Trainer` keeps its optimizer's state itself.  ``optimizer.step(model)`` uses a state that is
bound to that pair of optimizer and model.

Every optimizer takes, by name, the arguments that `Optimizer` lists: weight decay, multipliers of
the learning rate, clipping, accumulation, noise, averages.  What happens in which order stands in
docs/numerics.md.
"""

from __future__ import annotations

from fastnn._spec import resolve
from fastnn.optimizers.adam import (
    AdaBelief,
    Adam,
    Adamax,
    AdamW,
    Lamb,
    Nadam,
    RAdam,
    ScheduleFreeAdamW,
    Yogi,
)
from fastnn.optimizers.adaptive import Adadelta, Adafactor, Adagrad, RMSprop
from fastnn.optimizers.base import Optimizer
from fastnn.optimizers.muon import Muon
from fastnn.optimizers.sgd import SGD
from fastnn.optimizers.signs import Lion, Rprop

__all__ = [
    "SGD",
    "AdaBelief",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lamb",
    "Lion",
    "Muon",
    "Nadam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "ScheduleFreeAdamW",
    "Yogi",
    "get",
]

_ALL: tuple[type[Optimizer], ...] = (
    *(SGD, Adam, AdamW, Nadam, RAdam, Adamax, AdaBelief, Yogi, Lamb, Lion, Adagrad, Adadelta),
    *(RMSprop, Rprop, Adafactor, ScheduleFreeAdamW, Muon),
)
Optimizer.table = {cls.tag: cls for cls in _ALL}


def get(optimizer: object, where: str = "Trainer") -> Optimizer:
    """Return the optimizer that a name, a spec or a config stands for.

    Parameters
    ----------
    optimizer : str, Optimizer or mapping
    where : str
        Who asks; begins the message of an error.

    Raises
    ------
    TypeError
        If it is none of these.
    ValueError
        If the name is unknown; the message gives the nearest.

    Examples
    --------
    >>> get("adam")
    Adam()
    """
    if isinstance(optimizer, str) and optimizer.lower().replace("-", "") in ("lbfgs", "lbfgsb"):
        raise ValueError(
            f"{where}: L-BFGS goes over all rows at once, so it is no optimizer of a trainer; "
            f"fastnn.lbfgs.minimize(trainer, x, y) trains with it"
        )
    return resolve(Optimizer, optimizer, where)
