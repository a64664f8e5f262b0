"""Wide and deep: a linear model that remembers beside a network that generalizes, as one model.

Will a guest like a dish?  Guests and dishes have tastes in common, which a network can learn from
few rows of each (the deep part); and some pairs go against all taste, which can only be remembered
pair by pair (the wide part).  The data are drawn from such a rule.

Cheng et al. (2016), Wide & deep learning for recommender systems, arXiv:1606.07792.
"""

from __future__ import annotations

import numpy as np

import fastnn as fnn

GUESTS, DISHES = 30, 30
PAIRS = GUESTS * DISHES


def make_rows(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return rows (guest, dish, pair, hunger) and whether the dish was liked."""
    rule = np.random.default_rng(7)  # the same for all rows
    likes, flavour = rule.normal(size=(GUESTS, 2)), rule.normal(size=(DISHES, 2))
    memory = np.where(rule.random(PAIRS) < 0.1, rule.choice([-4.0, 4.0], PAIRS), 0.0)

    guest, dish = rng.integers(GUESTS, size=n), rng.integers(DISHES, size=n)
    pair, hunger = guest * DISHES + dish, rng.normal(size=n)
    logit = 2 * (likes[guest] * flavour[dish]).sum(axis=1) + np.maximum(hunger, 0) + memory[pair]
    liked = rng.random(n) < 1 / (1 + np.exp(-logit))
    return np.column_stack([guest, dish, pair, hunger]), liked


def network(seed: int, *, wide: bool, deep: bool) -> fnn.Model:
    x = fnn.Input(4, name="guest_dish_pair_hunger")
    who, pair, hunger = fnn.Split([2, 1, 1])(x)
    logits = []
    if wide:
        # A table of one column is a linear model of the one-hot pair: a weight for each of 900.
        logits.append(fnn.Embedding(PAIRS, 1, embeddings_initializer="zeros", name="wide")(pair))
    if deep:
        tastes = fnn.Embedding([GUESTS, DISHES], [8, 8], name="tastes")(who)
        h = fnn.Dense(32, activation="relu")(fnn.Concatenate()([tastes, hunger]))
        h = fnn.Dense(16, activation="relu")(h)
        logits.append(fnn.Dense(1, name="deep")(h))
    logit = logits[0] if len(logits) == 1 else fnn.Add()(logits)
    return fnn.Model(x, fnn.Activation("sigmoid")(logit), name="Wide and deep", seed=seed)


def main(seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    x, y = make_rows(8_000, rng)
    x_test, y_test = make_rows(4_000, rng)
    print(network(seed, wide=True, deep=True).summary())

    print(f"\n{len(x)} meals to learn from; on {len(x_test)} others:\n")
    for name, wide, deep in (
        ("wide alone", True, False),
        ("deep alone", False, True),
        ("wide and deep", True, True),
    ):
        model = network(seed, wide=wide, deep=deep)
        trainer = fnn.Trainer(
            model, "binary_crossentropy", fnn.AdamW(3e-3, weight_decay=0.1), metrics=["accuracy"]
        )
        trainer.fit(x, y, batch_size=64, epochs=20, verbose=0)
        scores = trainer.evaluate(x_test, y_test)
        print(f"{name:>14}  loss {scores['loss']:.4f}  accuracy {scores['accuracy']:.4f}")


if __name__ == "__main__":
    main()
