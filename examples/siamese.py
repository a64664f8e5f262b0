"""A siamese network: one encoder, used twice, tells whether two curves have the same source.

A source is a waveform; a curve is a noisy piece of one, shifted by some time and louder or quieter.
The encoder is a model of its own, called on both halves of a row: one set of weights, trained
through both.  It is judged on sources that it has never met, and taken out of the whole at the end.
"""

from __future__ import annotations

import numpy as np

import fastnn as fnn

POINTS = 48


def make_curves(source: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a curve of each source: amplitudes of six harmonics, which shifts do not change."""
    n = len(source)
    time = np.arange(POINTS) / POINTS + rng.random((n, 1))  # where a piece begins
    volume = rng.uniform(0.5, 2.0, (n, 1))
    curve = sum(
        source[:, k : k + 1] * np.sin(2 * np.pi * (k + 1) * time) for k in range(source.shape[1])
    )
    return volume * curve + rng.normal(0, 0.1, (n, POINTS))


def make_pairs(
    n: int, sources: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of two curves, and whether they have one source: half of them do."""
    left, right = rng.integers(len(sources), size=(2, n))
    right = np.where(rng.random(n) < 0.5, left, right)
    pairs = np.hstack([make_curves(sources[left], rng), make_curves(sources[right], rng)])
    return pairs, left == right


def make_encoder(seed: int) -> fnn.Sequential:
    """From a curve to eight numbers that say what source it is of."""
    return fnn.Sequential(
        [
            fnn.Input(POINTS, name="curve"),
            fnn.Dense(64, activation="relu"),
            fnn.Dense(32, activation="relu"),
            fnn.Dense(8, name="code"),
        ],
        name="encoder",
        seed=seed,
    )


def siamese(seed: int) -> fnn.Model:
    x = fnn.Input(2 * POINTS, name="pair")
    left, right = fnn.Split(2)(x)
    encoder = make_encoder(seed)
    difference = fnn.Subtract()([encoder(left), encoder(right)])
    square = fnn.Multiply()([difference, difference])
    closer = fnn.initializers.Constant(-1)  # the farther apart, the less likely the same, at first
    same = fnn.Dense(1, activation="sigmoid", kernel_initializer=closer, name="same")(square)
    return fnn.Model(x, same, name="Siamese", seed=seed)


def plain(seed: int) -> fnn.Sequential:
    return fnn.Sequential(
        [
            fnn.Input(2 * POINTS),
            fnn.Dense(64, activation="relu"),
            fnn.Dense(32, activation="relu"),
            fnn.Dense(1, activation="sigmoid"),
        ],
        seed=seed,
    )


def main(seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    sources = rng.normal(size=(600, 6))
    pairs, same = make_pairs(6_000, sources[:500], rng)
    pairs_test, same_test = make_pairs(2_000, sources[500:], rng)  # sources it has never met
    model = siamese(seed)
    print(model.summary())

    print(f"\nOne source or two? On {len(same_test)} pairs of curves:\n")
    for name, net in (("plain network", plain(seed)), ("siamese", model)):
        trainer = fnn.Trainer(net, "binary_crossentropy", fnn.Adam(1e-3), metrics=["accuracy"])
        trainer.fit(pairs, same, batch_size=32, epochs=30, verbose=0)
        scores = trainer.evaluate(pairs_test, same_test)
        print(f"{name:>14}  accuracy {scores['accuracy']:.4f}")

    # The encoder alone, with what it has learned: it had a copy of its own within the model.
    encoder = make_encoder(seed)
    encoder.set_weights({key: model.parameters[f"encoder/{key}"] for key in encoder.parameters})
    unknown = sources[500:520]
    known, heard = make_curves(unknown, rng), make_curves(np.repeat(unknown, 50, axis=0), rng)
    print("\nWhich of 20 new sources, by the nearest of one curve of each:\n")
    for name, a, b in (
        ("raw curves", known, heard),
        ("their codes", encoder.predict(known), encoder.predict(heard)),
    ):
        distance = np.linalg.norm(b[:, None] - a[None], axis=2)
        right = distance.argmin(axis=1) == np.repeat(np.arange(20), 50)
        print(f"{name:>14}  accuracy {right.mean():.4f}")


if __name__ == "__main__":
    main()
