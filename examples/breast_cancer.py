"""Two classes: is a tumour benign?  A sigmoid output and binary_crossentropy.

The data are the 569 cases of the breast cancer set that comes with scikit-learn.
"""

from __future__ import annotations

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

import fastnn as fnn


def main(seed: int = 0) -> None:
    x, y = load_breast_cancer(return_X_y=True)  # (569, 30) measurements, 0 or 1
    x, x_test, y, y_test = train_test_split(x, y, test_size=0.2, stratify=y, random_state=seed)

    # By hand: the mean and the deviation of the rows to train on, for both parts.
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    x, x_test = (x - mean) / deviation, (x_test - mean) / deviation

    model = fnn.Sequential(
        [
            fnn.Input(x.shape[1], name="measurements"),
            fnn.Dense(16, activation="relu"),
            fnn.Dense(1, activation="sigmoid"),
        ],
        seed=seed,
    )
    print(model.summary())

    trainer = fnn.Trainer(model, "binary_crossentropy", fnn.Adam(1e-2), metrics=["accuracy"])
    trainer.fit(x, y, batch_size=32, epochs=15)

    scores = trainer.evaluate(x_test, y_test)
    print(f"On {len(x_test)} cases it has not seen: accuracy {scores['accuracy']:.4f}")
    for chance, truth in zip(model.predict(x_test[:5])[:, 0], y_test, strict=False):
        print(f"  benign with probability {chance:.3f}; it is {'benign' if truth else 'malignant'}")


if __name__ == "__main__":
    main()
