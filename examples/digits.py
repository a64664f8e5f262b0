"""Ten classes: which digit is it?  A softmax output and sparse_categorical_crossentropy.

The data are the 1,797 handwritten digits of 8 x 8 pixels that come with scikit-learn.
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import fastnn as fnn


def main(seed: int = 0) -> None:
    x, y = load_digits(return_X_y=True)  # (1797, 64) grey levels from 0 to 16, labels 0 .. 9
    x, x_test, y, y_test = train_test_split(x, y, test_size=0.2, stratify=y, random_state=seed)
    x, x_test = x / 16, x_test / 16

    model = fnn.Sequential(
        [
            fnn.Input(64, name="pixels"),
            fnn.Dense(64, activation="relu"),
            fnn.Dense(10, activation="softmax"),
        ],
        seed=seed,
    )
    print(model.summary())

    # The labels stay integers: "sparse" means that no one-hot columns are needed.
    trainer = fnn.Trainer(
        model, "sparse_categorical_crossentropy", fnn.Adam(3e-3), metrics=["accuracy"]
    )
    trainer.fit(x, y, batch_size=32, epochs=30, validation_data=(x_test, y_test))

    scores = trainer.evaluate(x_test, y_test)
    print(f"On {len(x_test)} digits it has not seen: accuracy {scores['accuracy']:.4f}")

    probabilities = model.predict(x_test)
    found = probabilities.argmax(axis=1)
    for row in np.flatnonzero(found != y_test)[:5]:
        print(f"  a {y_test[row]} taken for a {found[row]} ({probabilities[row].max():.0%} sure)")


if __name__ == "__main__":
    main()
