"""Where a fit is, and the file that holds it: parameters, optimizer's state, history, callbacks.

One safetensors file: that of the model (see `fastnn.io`), more tensors ("optimizer/...",
"history/...", "sums/...", "callbacks/...") and a second metadata entry, "fastnn.trainer", with the
rest as JSON.  `fastnn.load` reads the model alone from it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fastnn import io, losses, optimizers
from fastnn._spec import Spec, describe
from fastnn.history import History

if TYPE_CHECKING:
    from fastnn.model import Model
    from fastnn.trainer import Trainer

__all__ = ["Position", "Saved", "arguments_of", "pack", "put_back", "read", "unpack", "write"]

VERSION = 1

Array = npt.NDArray[Any]
Tensors = dict[str, Array]


class Position:
    """Where a fit is, beside what the trainer knows: enough to go on with the same bits.

    Attributes
    ----------
    began : int
        Epochs that were done when the fit began.
    epoch : int
        Epochs done now.
    step : int
        Batches done of an epoch that is not over; 0 between two epochs.
    sums : list of ndarray
        Of that epoch so far.
    place : mapping
        Where the stream is.
    callbacks : list of (str, dict)
        The name of each callback's class, and its state.
    epoch_stopped, stopped, reason
        What handlers have decided.
    source : object
        The iterator that the batches came from, if it was one; in a file it is not known.
    """

    __slots__ = (
        "began",
        "callbacks",
        "epoch",
        "epoch_stopped",
        "place",
        "reason",
        "source",
        "step",
        "stopped",
        "sums",
    )

    def __init__(
        self,
        *,
        began: int,
        epoch: int,
        step: int = 0,
        sums: Sequence[Array] = (),
        place: Mapping[str, Any] | None = None,
        callbacks: Sequence[tuple[str, dict[str, Any]]] = (),
        epoch_stopped: bool = False,
        stopped: bool = False,
        reason: str | None = None,
        source: object = None,
    ) -> None:
        self.began = began
        self.epoch = epoch
        self.step = step
        self.sums = list(sums)
        self.place = dict(place or {})
        self.callbacks = list(callbacks)
        self.epoch_stopped = epoch_stopped
        self.stopped = stopped
        self.reason = reason
        self.source = source

    def without_source(self) -> Position:
        """Return a copy that does not know the iterator, which cannot be copied."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return Position(**fields | {"source": None})

    def facts(self, tensors: Tensors) -> dict[str, Any]:
        """Return it for JSON; arrays go to `tensors`."""
        for i, array in enumerate(self.sums):
            tensors[f"sums/{i}"] = array
        listed = []
        for i, (kind, state) in enumerate(self.callbacks):
            plain, arrays = {}, []
            for name, value in state.items():
                if isinstance(value, np.ndarray):
                    tensors[f"callbacks/{i}/{name}"] = value
                    arrays.append(name)
                else:
                    plain[name] = value
            listed.append({"kind": kind, "state": plain, "arrays": arrays})
        names = ("began", "epoch", "step", "place", "epoch_stopped", "stopped", "reason")
        return {name: getattr(self, name) for name in names} | {
            "sums": len(self.sums),
            "callbacks": listed,
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any], tensors: Mapping[str, Array]) -> Position:
        """Build what `facts` described."""
        known = dict(facts)
        sums = [tensors[f"sums/{i}"] for i in range(known.pop("sums"))]
        callbacks = [
            (one["kind"], one["state"] | {k: tensors[f"callbacks/{i}/{k}"] for k in one["arrays"]})
            for i, one in enumerate(known.pop("callbacks"))
        ]
        return cls(**known, sums=sums, callbacks=callbacks)


class Saved:
    """What a file of a trainer holds.

    Attributes
    ----------
    name : str
        The file's.
    model : Model
    facts : mapping
        The metadata.
    tensors : mapping of str to ndarray
        Those that are not the model's.
    """

    def __init__(
        self,
        name: str,
        model: Model,
        facts: Mapping[str, Any],
        tensors: Mapping[str, Array],
    ) -> None:
        self.name = name
        self.model = model
        self.facts = facts
        self.tensors = tensors

    def arguments(self, custom_objects: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the arguments of the trainer that was saved."""
        facts, custom = self.facts, custom_objects or {}
        try:
            return {
                **_heads_from(facts["heads"], custom),
                "optimizer": optimizers.Optimizer.from_config(facts["optimizer"], custom),
                "seed": facts["seed"],
            }
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"load_trainer: {self.name} describes no trainer of this fastnn: {error}; "
                f"a person's own classes and functions come back through custom_objects"
            ) from error


def write(trainer: Trainer, position: Position | None, path: str | os.PathLike[str]) -> None:
    """Write a trainer; the file at `path` is replaced only once the new one is whole."""
    tensors: Tensors = {}
    for name, array in trainer._state.arrays().items():
        tensors[f"optimizer/{name}"] = array
    history = trainer.history
    tensors["history/epoch"] = np.array(history.epoch, np.int64)
    tensors["history/seconds"] = np.array(history.seconds, np.float64)
    for i, values in enumerate(history.values()):
        tensors[f"history/{i}"] = np.array(values, np.float64)
    facts = {
        "version": VERSION,
        "heads": _heads_config(trainer),
        "optimizer": trainer.optimizer.config(),
        "seed": trainer.seed,
        "epochs": trainer.epochs,
        "steps": trainer.steps,
        "history": {"names": list(history), "stopped": history.stopped},
        "position": None if position is None else position.facts(tensors),
        "tensors": list(tensors),
    }
    try:
        text = json.dumps(facts)
    except TypeError as error:
        raise TypeError(
            f"Trainer.save: {error}; the state of a callback must hold what JSON can, or arrays"
        ) from None
    io.write(trainer.model, path, tensors, {io.TRAINER_KEY: text})


def _heads_config(trainer: Trainer) -> list[dict[str, Any]]:
    """Return what each output is held against, as JSON holds it."""
    return [
        {
            "loss": None if head.loss is None else head.loss.config(),
            "weight": head.weight,
            "metrics": [_metric_config(metric) for metric in head.metrics],
        }
        for head in trainer._heads
    ]


def _heads_from(heads: Any, custom: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a trainer that `_heads_config` was made from."""
    found = [
        None if head["loss"] is None else losses.Loss.from_config(head["loss"], custom)
        for head in heads
    ]
    measures = [[_metric_from(one, custom) for one in head["metrics"]] for head in heads]
    return _head_arguments(found, measures, [head["weight"] for head in heads])


def _head_arguments(found: list[Any], measures: list[Any], weights: list[float]) -> dict[str, Any]:
    """Return losses, metrics and weights as the arguments of a trainer."""
    if len(found) == 1:
        weight = {} if weights[0] == 1.0 else {"loss_weights": weights[0]}
        return {"loss": found[0], "metrics": measures[0], **weight}
    return {"loss": found, "metrics": measures, "loss_weights": [one or None for one in weights]}


def _metric_config(metric: object) -> Any:
    from fastnn import metrics

    if isinstance(metric, Spec) and not isinstance(metric, metrics.FunctionMetric):
        return metric.config()
    return getattr(metric, "name")  # noqa: B009


def _metric_from(config: Any, custom: Mapping[str, Any]) -> Any:
    if isinstance(config, Mapping):
        from fastnn import metrics

        family: Any = metrics.Metric
        return family.from_config(config, custom)
    return custom.get(config, config)


def pack(trainer: Trainer, position: Position | None) -> dict[str, Any]:
    """Return what `unpack` brings a new trainer with the same arguments to: for pickle and copy."""
    return {
        "arrays": {name: array.copy() for name, array in trainer._state.arrays().items()},
        "steps": trainer.steps,
        "epochs": trainer.epochs,
        "history": trainer.history,
        "position": None if position is None else position.without_source(),
        "listeners": trainer._listeners,
    }


def unpack(trainer: Trainer, packed: Mapping[str, Any]) -> None:
    """Bring a new trainer to where another was packed."""
    for name, array in trainer._state.arrays().items():
        array[...] = packed["arrays"][name]
    trainer._state.t = packed["steps"]
    trainer.epochs, trainer.history = packed["epochs"], packed["history"]
    trainer._position, trainer._listeners = packed["position"], packed["listeners"]


def arguments_of(trainer: Trainer) -> dict[str, Any]:
    """Return the arguments that make a trainer like this one, but for the model."""
    heads = trainer._heads
    return {
        **_head_arguments(
            [head.loss for head in heads],
            [head.metrics for head in heads],
            [head.weight for head in heads],
        ),
        "optimizer": trainer.optimizer,
        "seed": trainer.seed,
    }


def read(
    path: str | os.PathLike[str], custom_objects: Mapping[str, Any] | None, where: str
) -> Saved:
    """Read what `write` wrote."""
    name = os.fsdecode(path)
    model, tensors, entries = io.read(path, custom_objects)
    if io.TRAINER_KEY not in entries:
        raise ValueError(f"{where}: {name} holds a model, but no trainer; fastnn.load reads it")
    facts = json.loads(entries[io.TRAINER_KEY])
    version = facts.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise ValueError(
            f"{where}: {name} has version {version} of a trainer; this fastnn reads up to "
            f"{VERSION}: a newer one wrote it"
        )
    return Saved(name, model, facts, tensors)


def put_back(trainer: Trainer, saved: Saved, where: str) -> Position | None:
    """Bring a trainer to where the file says; returns the position of its fit.

    The trainer must be one like that which was saved.  Nothing is changed if it is not.
    """
    facts, tensors = saved.facts, saved.tensors
    ours, theirs = trainer.model.config(), saved.model.config()
    pairs = [
        ("layers", _layers(ours), _layers(theirs)),
        ("dtype", trainer.model.dtype, saved.model.dtype),
        ("losses and metrics", _json(_heads_config(trainer)), facts["heads"]),
        ("optimizer", trainer.optimizer.config()["kind"], facts["optimizer"]["kind"]),
    ]
    for what, mine, other in pairs:
        if mine != other:
            raise ValueError(
                f"{where}: {saved.name} was written by a trainer with other {what}: got "
                f"{describe(mine)}, the file has {describe(other)}; delete it, or give another path"
            )
    optimizer = type(trainer.optimizer).from_config(facts["optimizer"])
    arrays = trainer._state.arrays()
    stored = {
        name.removeprefix("optimizer/"): array
        for name, array in tensors.items()
        if name.startswith("optimizer/")
    }
    if {k: (v.shape, v.dtype) for k, v in arrays.items()} != {
        k: (v.shape, v.dtype) for k, v in stored.items()
    }:
        raise ValueError(f"{where}: {saved.name} has the state of another optimizer or network")
    history = History(trainer._directions)
    epochs = tensors["history/epoch"].tolist()
    seconds = tensors["history/seconds"].tolist()
    names = facts["history"]["names"]
    columns = [tensors[f"history/{i}"].tolist() for i in range(len(names))]
    for epoch, second, *values in zip(epochs, seconds, *columns, strict=True):
        history.append(epoch, second, dict(zip(names, values, strict=True)))
    history.stopped = facts["history"]["stopped"]
    position = None
    if facts["position"] is not None:
        position = Position.from_facts(facts["position"], tensors)
    for name, array in arrays.items():
        array[...] = stored[name]
    trainer._state.t = facts["steps"]
    trainer._set_optimizer(optimizer)
    trainer.model.seed = trainer._state.seed = saved.model.seed
    trainer.model.restore(saved.model.snapshot())
    trainer.seed, trainer.epochs, trainer.history = facts["seed"], facts["epochs"], history
    return position


def _layers(config: Mapping[str, Any]) -> Any:
    """Return what of a model's config must be the same: all but its name and its seed."""
    return _json({name: value for name, value in config.items() if name not in ("name", "seed")})


def _json(value: Any) -> Any:
    return json.loads(json.dumps(value))
