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


def make_rows(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows (guest, dish, pair, hunger), whether it was liked, and how likely that was."""
    rule = np.random.default_rng(7)  # the same for all rows
    likes, flavour = rule.normal(size=(GUESTS, 2)), rule.normal(size=(DISHES, 2))
    memory = np.where(rule.random(PAIRS) < 0.1, rule.choice([-4.0, 4.0], PAIRS), 0.0)

    guest, dish = rng.integers(GUESTS, size=n), rng.integers(DISHES, size=n)
    pair, hunger = guest * DISHES + dish, rng.normal(size=n)
    logit = 2 * (likes[guest] * flavour[dish]).sum(axis=1) + np.maximum(hunger, 0) + memory[pair]
    chance = 1 / (1 + np.exp(-logit))
    return np.column_stack([guest, dish, pair, hunger]), rng.random(n) < chance, chance


def network(seed: int, *, wide: bool, deep: bool) -> fnn.Model:
    x = fnn.Input(4, name="meal")
    who, pair, hunger = fnn.Split([2, 1, 1], name="cut")(x)
    logits = []
    if wide:
        # A table of one column is a linear model of the one-hot pair: a weight for each of 900.
        logits.append(fnn.Embedding(PAIRS, 1, name="wide")(pair))
    if deep:
        tastes = fnn.Embedding([GUESTS, DISHES], [8, 8], name="tastes")(who)
        h = fnn.Dense(32, activation="relu")(fnn.Concatenate(name="all")([tastes, hunger]))
        h = fnn.Dense(16, activation="relu")(h)
        logits.append(fnn.Dense(1, name="deep")(h))
    logit = logits[0] if len(logits) == 1 else fnn.Add(name="sum")(logits)
    liked = fnn.Activation("sigmoid", name="liked")(logit)
    return fnn.Model(x, liked, name="Wide and deep", seed=seed)


def show(name: str, chance: np.ndarray, y: np.ndarray) -> None:
    loss = -np.log(np.where(y, chance, 1 - chance)).mean()
    print(f"{name:>16}  loss {loss:.4f}  accuracy {((chance > 0.5) == y).mean():.4f}")


def main(seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    x, y, _ = make_rows(8_000, rng)
    x_test, y_test, chance = make_rows(4_000, rng)
    print(network(seed, wide=True, deep=True).summary())

    print(f"\n{len(x)} meals to learn from; on {len(x_test)} others:\n")
    show("always the mean", np.full(len(y_test), y.mean()), y_test)
    for name, wide, deep in (
        ("wide alone", True, False),
        ("deep alone", False, True),
        ("wide and deep", True, True),
    ):
        model = network(seed, wide=wide, deep=deep)
        trainer = fnn.Trainer(model, "binary_crossentropy", fnn.AdamW(3e-3, weight_decay=0.1))
        trainer.fit(x, y, batch_size=64, epochs=20, verbose=0)
        show(name, model.predict(x_test)[:, 0], y_test)
    show("the rule itself", chance, y_test)  # whoever knows it cannot do better either


if __name__ == "__main__":
    main()
