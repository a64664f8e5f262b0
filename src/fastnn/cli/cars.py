"""``fastnn train auto-mpg`` without a target column: the networks of the article on its cars."""

from __future__ import annotations

import argparse
import sys
import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    import fastnn as fnn

    Array = npt.NDArray[np.floating[Any]]

__all__ = ["train_on_cars"]

# What the article uses, where the command line says nothing.
DEFAULTS: dict[str, Any] = {
    "layers": (32, 8),
    "activation": "relu",
    "dtype": "float32",
    "epochs": 40,
    "batch_size": 1,
    "learning_rate": 1e-3,
    "seed": 0,
    "drop": (),
}


def train_on_cars(arguments: argparse.Namespace) -> None:
    """Train, and show what comes out."""
    for name, value in DEFAULTS.items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)

    import warnings

    import fastnn as fnn
    from fastnn.demo import LEAK, is_dead, linear_regression, standardise, table

    data = fnn.datasets.load_auto_mpg()
    for column in arguments.drop:
        data = data.drop(column)
    train, test = data.split(0.8, seed=arguments.seed)
    x, x_test = train.x, test.x
    if arguments.scale:
        x, x_test = standardise(x, x_test)
    model = fnn.Sequential(
        [
            fnn.Input(x.shape[1], name="cars"),
            *(fnn.Dense(units, activation=arguments.activation) for units in arguments.layers),
            fnn.Dense(1),
        ],
        seed=arguments.seed,
        dtype=arguments.dtype,
    )
    trainer = fnn.Trainer(
        model,
        loss="mean_squared_error",
        optimizer=fnn.Adam(learning_rate=arguments.learning_rate),
        metrics=["mean_absolute_error"],
    )
    if not arguments.quiet:
        about = (
            f"Auto MPG: {len(data)} cars, {len(train)} to train on and {len(test)} to test on; "
            f"{data.target_name} from {', '.join(data.feature_names)}"
        )
        print(textwrap.fill(about, 79) + "\n")
        print(f"{table(model)}\n")
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", fnn.DeadNetworkWarning
        )  # told below, in this command's words
        history = trainer.fit(
            x,
            train.y,
            batch_size=arguments.batch_size,
            epochs=arguments.epochs,
            verbose=0 if arguments.quiet else 1,
        )
    seconds = sum(history.seconds)
    if not arguments.quiet:
        print(
            f"{trainer.steps} steps in {seconds:.3f} s, "
            f"{1e6 * seconds / trainer.steps:.2f} µs a step\n"
        )

    print(f"On the {len(test)} cars it has not seen:")
    for name, value in trainer.evaluate(x_test, test.y).items():
        label = "mean_squared_error" if name == "loss" else name
        print(f"  {label:20} {value:8.4f}")
    r2 = fnn.metrics.r2_score(test.y, model.predict(x_test))
    print(f"  {'R²':20} {r2:8.4f}  (linear regression {linear_regression(train, test):.4f})")
    sys.stdout.flush()  # before what follows on stderr
    outputs = model.predict(x)
    if is_dead(outputs):
        print(
            f"fastnn: warning: the network has died: it answers {outputs[0, 0]:.4g} for every car; "
            f"try {'' if arguments.scale else '--scale or '}another --seed",
            file=sys.stderr,
        )
    if LEAK in data.feature_names and not arguments.quiet:
        print(f"Note: {LEAK} is made from {data.target_name}; --drop {LEAK} leaves it out")
    if arguments.out is not None:
        if arguments.scale:
            fold_scaling(model, train.x.mean(axis=0), train.x.std(axis=0))
        model.save(arguments.out)
        if not arguments.quiet:
            print(f"Saved as {arguments.out}")


def fold_scaling(model: fnn.Sequential, mean: Array, deviation: Array) -> None:
    """Change the first layer so that the model takes rows as they were before the scaling.

    ``(x - mean) / deviation @ kernel + bias`` is
    ``x @ (kernel / deviation) + (bias - mean / deviation @ kernel)``.
    """
    kernel, bias = list(model.parameters.values())[:2]
    scaled = kernel / deviation[:, None]
    bias -= mean @ scaled
    kernel[...] = scaled
