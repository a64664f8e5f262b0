"""The HTML report of a training on a table: what `fastnn.html_report` needs, gathered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fastnn.cli.tables import read_all, targets_of
from fastnn.html_report import Importance, permutation_importance, write_report
from fastnn.metrics import accuracy, r2_score
from fastnn.tabular import Source, TabularClassifier

if TYPE_CHECKING:
    from fastnn.cli.models import Estimator

__all__ = ["report"]

MOST_ROWS = 200_000  # of the pictures
MOST_SHUFFLED = 5_000  # rows, for the importance of columns
MOST_COLUMNS = 60  # likewise

LABELS = {
    "r2_score": "R²",
    "auc": "ROC AUC",
}


def report(
    path: str,
    estimator: Estimator,
    test: Source,
    values: Mapping[str, float],
    data: str,
    seed: int,
) -> None:
    """Write it."""
    target = estimator.target_.name
    names = [column.name for column in estimator.schema_]
    table = read_all(test, [*names, target], MOST_ROWS)
    y = targets_of(estimator, table)
    p: Any
    classes = None
    if isinstance(estimator, TabularClassifier):
        p = estimator.predict_proba(table, out_of_range="count")
        classes = [str(one) for one in estimator.classes_]
    else:
        p = estimator.predict(table, out_of_range="count")
    task = "regression" if classes is None else "classification"
    units = "-".join(map(str, estimator.hidden))
    write_report(
        path,
        title=f"{target} from {data if data != '-' else 'standard input'}",
        lead=f"A network with hidden layers {units} for {task}: "
        f"{estimator.rows_:,} rows to learn from, {len(y):,} held out, {len(names)} columns.",
        task=task,
        target=target,
        targets=y,
        predictions=p,
        classes=classes,
        metrics={LABELS.get(name, name.replace("_", " ")): v for name, v in values.items()},
        history=estimator.history_,
        importance=_importance(estimator, table.slice(0, MOST_SHUFFLED), names, seed),
        importance_of="R²" if classes is None else "accuracy",
        model=estimator.model_,
        schema=[
            {
                "column": column.name,
                "kind": column.kind,
                "type": column.type,
                "missing": column.missing,
                "values in training": column.describe_range(),
            }
            for column in estimator.schema_
        ],
        settings=_settings(estimator, data),
    )


def _importance(estimator: Estimator, table: Any, names: list[str], seed: int) -> list[Importance]:
    """Return what shuffling each column costs; nothing for very wide tables, or a single row."""
    if len(names) > MOST_COLUMNS or table.num_rows < 2:
        return []
    import pyarrow as pa

    y = targets_of(estimator, table)

    def score(columns: Mapping[str, Any]) -> float:
        rows = pa.table(dict(columns))
        if isinstance(estimator, TabularClassifier):
            p = estimator.predict_proba(rows, out_of_range="count")
            return accuracy(y, p)
        return r2_score(y, estimator.predict(rows, out_of_range="count"))

    return permutation_importance(score, {name: table.column(name) for name in names}, seed=seed)


def _settings(estimator: Estimator, data: str) -> dict[str, object]:
    def short(value: object) -> str:
        return str(getattr(value, "name", value))

    found: dict[str, object] = {
        "data": data,
        "target": estimator.target_.name,
        "hidden layers": ", ".join(map(str, estimator.hidden)),
        "activation": short(estimator.activation),
        "dropout": estimator.dropout,
        "loss": "by the task" if estimator.loss is None else short(estimator.loss),
        "optimizer": "adam" if estimator.optimizer is None else repr(estimator.optimizer),
        "epochs, at most": estimator.epochs,
        "patience": estimator.patience,
        "validation split": estimator.validation_split,
        "missing": estimator.missing,
        "out of range": estimator.out_of_range,
        "seed": estimator.seed_,
        "type": estimator.dtype,
    }
    return {name: value for name, value in found.items() if value is not None}
