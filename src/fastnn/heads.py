"""What each output of a model is held against: a loss, its weight, metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy.typing as npt

from fastnn import data, losses
from fastnn._spec import check_float, describe, lookup
from fastnn.losses import Loss
from fastnn.model import Model

if TYPE_CHECKING:
    from fastnn.metrics import Metric

__all__ = ["Head", "make_heads"]

Array = npt.NDArray[Any]


class Head(NamedTuple):
    """One output of a model.

    Attributes
    ----------
    name : str or None
        None for the only output.
    outputs : int
        Its columns.
    loss : Loss or None
        None if nothing is asked of it.
    weight : float
        Of the loss in the sum of all.
    skips : bool
        Whether the loss applies the activation of the output itself.
    metrics : list of Metric
    measured : range
        The columns that the metrics compare with the targets.
    """

    name: str | None
    outputs: int
    loss: Loss | None
    weight: float
    skips: bool
    metrics: list[Metric]
    measured: range

    def for_run(self) -> tuple[Any, ...]:
        """Return what a `Run` wants to know."""
        if self.loss is None:
            return (0, {}, False, 0.0)
        told = (self.loss.kind, self.loss.settings, self.skips, self.weight)
        return told if len(self.measured) == self.outputs else (*told, self.measured)

    def bound_metrics(self) -> list[Any]:
        """Return the metrics as a `Run` takes them."""
        if self.loss is None:
            return []
        return [metric.bind(self.loss.name, len(self.measured)) for metric in self.metrics]

    def prefix(self, name: str) -> str:
        """Return the name of a result of this output."""
        return name if self.name is None else f"{self.name}_{name}"

    def check(self, where: str, y: object, rows: int) -> Array | None:
        """Return targets as a run takes them."""
        if self.loss is None:
            return None
        if self.name is not None:
            where = f"{where}: output {self.name!r}"
        targets = data.as_targets(
            y,
            where=where,
            rows=rows,
            outputs=self.loss.target_columns(self.outputs),
            integer_labels=self.loss.integer_labels,
            takes=self.loss.takes,
            loss=self.loss.name,
        )
        if not self.loss.integer_labels and self.loss.takes not in ("unit", "signs"):
            for metric in self.metrics:  # the loss takes any numbers, but not each metric does
                takes = metric.takes(self.loss.name, len(self.measured))
                told = f"the metric {metric.name}"
                data.check_targets(targets, where=where, takes=takes, loss=told)
        return targets

    def wants(self) -> tuple[object, ...]:
        """Return what decides how targets must look."""
        if self.loss is None:
            return ()
        loss = self.loss
        return (loss.target_columns(self.outputs), loss.integer_labels, loss.takes)


def make_heads(
    model: Model, loss: Any, loss_weights: Any, measures: Any, where: str = "Trainer"
) -> tuple[Head, ...]:
    """Return the heads of all outputs of a model.

    Parameters
    ----------
    model : Model
    loss : str or Loss; for several outputs one for all, or a list or dict with None for none
    loss_weights : None, or a list or dict of float; for a single output a float
    measures : sequence of metrics; for several outputs a list or dict of them
    where : str
        Who asks; begins the messages of errors.

    Raises
    ------
    TypeError, ValueError
        If something is unknown, or does not go with an output.
    """
    names, cols, ends = model.output_names, model.output_cols, model.output_activations
    several = len(cols) > 1
    wanted = _each(loss, names, where, "loss", several, alike=True)
    if all(one is None for one in wanted):
        raise TypeError(f"{where}: loss is None; want one, for an output at least")
    weights = _each(loss_weights, names, where, "loss_weights", several, alike=False)
    found = _each(measures, names, where, "metrics", several, alike=False)
    if several and measures and not isinstance(measures, (Mapping, list, tuple)):
        raise TypeError(f"{where}: metrics must be a list or a dict, got {describe(measures)}")
    heads: list[Head] = []
    for i, name in enumerate(names):
        at = f"{where}: output {name!r}" if several else where
        one = None if wanted[i] is None else losses.get(wanted[i], at)
        if one is None:
            if found[i]:
                raise ValueError(f"{at}: metrics want targets, so the output wants a loss")
            heads.append(Head(name, cols[i], None, 0.0, False, [], range(cols[i])))
            continue
        fused = losses.check_head(one, ends[i], cols[i])
        weight = 1.0
        if weights[i] is not None:
            weight = check_float(at, "loss_weights", weights[i], above=0)
        asked = _check_metrics(() if several and found[i] is None else found[i], one, cols[i], at)
        measured = one.point_columns(cols[i]) if asked else None
        heads.append(
            Head(
                name if several else None,
                cols[i],
                one,
                weight,
                fused and not one.from_logits,
                asked,
                range(cols[i]) if measured is None else measured,
            )
        )
    return tuple(heads)


def _each(
    given: Any, names: Sequence[str], where: str, what: str, several: bool, *, alike: bool
) -> list[Any]:
    """Return what was given for each output."""
    if not several:
        return [given]
    is_config = alike and isinstance(given, Mapping) and "kind" in given and "kind" not in names
    if isinstance(given, Mapping) and not is_config:
        for name in given:
            lookup("output", name, dict.fromkeys(names), f"{where}: {what}")
        return [given.get(name) for name in names]
    if given is None or (not given and isinstance(given, (list, tuple))):
        return [None] * len(names)
    if alike and not isinstance(given, (list, tuple)):
        return [given] * len(names)
    if not isinstance(given, (list, tuple)) or len(given) != len(names):
        raise ValueError(
            f"{where}: {what} must be a list of {len(names)} or a dict with the keys "
            f"{', '.join(names)}, got {describe(given)}"
        )
    return list(given)


def _check_metrics(wanted: Any, loss: Loss, outputs: int, where: str) -> list[Metric]:
    if isinstance(wanted, str) or not isinstance(wanted, Sequence):
        raise TypeError(f"{where}: metrics must be a list, got {describe(wanted)}")
    points = loss.point_columns(outputs)
    if wanted and points is None:
        hint = "; 0.5 among the quantiles would give them the medians" * hasattr(loss, "quantiles")
        raise ValueError(
            f"{where}: metrics compare a prediction with each target, but {loss.name} has "
            f"{loss.target_columns(outputs)} targets for {outputs} outputs; want no metrics{hint}"
        )
    if not wanted:
        return []
    from fastnn import metrics

    columns = outputs if points is None else len(points)
    found = [metrics.get(item, loss_name=loss.name, outputs=columns) for item in wanted]
    names = [metric.name for metric in found]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                f"{where}: the metric {name!r} is named twice; if they differ, give one another "
                "name=..."
            )
    return found
