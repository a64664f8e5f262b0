"""A neural network of one weight, from scratch: predict, compare, learn, train.

First in plain Python, step by step, then through fastnn: the same numbers, bit for bit.  The
network guesses from an input what comes of it, ``prediction = input * weight``.  Of 200,000 it is
to make 99,750,000, and has to find the weight that does.
"""

from __future__ import annotations

import fastnn as fnn

INPUT, GOAL = 200_000, 99_750_000
ALPHA = 1e-11  # how far to follow the slope in one step


# Predict: the whole network.


def predict(value: float, weight: float) -> float:
    return value * weight


# Compare: how far off, and the error, which is never negative and punishes large misses most.


def compare(prediction: float, goal: float) -> tuple[float, float]:
    delta = prediction - goal
    return delta, delta**2


# Learn: the slope of the error along the weight is delta * input (and a factor of 2, which alpha
# takes in).  A step down that slope makes the error smaller, unless it is too long a step.


def learn(value: float, goal: float, weight: float, alpha: float) -> float:
    delta, _ = compare(predict(value, weight), goal)
    return weight - alpha * (delta * value)


# Train: learn, until the prediction equals the goal.


def train(value: float, goal: float, weight: float, alpha: float) -> list[float]:
    """Return the weights on the way, the first and the last one too."""
    trace = [weight]
    while predict(value, trace[-1]) != goal:
        trace.append(learn(value, goal, trace[-1], alpha))
    return trace


def train_with_fastnn() -> tuple[fnn.Sequential, list[float]]:
    """Do the same with one dense layer of one unit without a bias, in float64."""
    layer = fnn.Dense(1, use_bias=False, kernel_initializer=fnn.initializers.Constant(1.0))
    model = fnn.Sequential([fnn.Input(1), layer], dtype="float64")
    # The slope of mean_squared_error has the factor 2, so the learning rate is half of alpha.
    trainer = fnn.Trainer(model, "mean_squared_error", fnn.SGD(learning_rate=ALPHA / 2))
    weight = model.parameters["dense_0/kernel"]  # a view: it shows each update
    trace = [weight.item()]
    while model.predict([[INPUT]]).item() != GOAL:
        trainer.train_on_batch([[INPUT]], [[GOAL]])
        trace.append(weight.item())
    return model, trace


def short(number: float) -> str:
    """Return -9.925e7 for -99250000.0."""
    mantissa, exponent = f"{number:.15e}".split("e")
    return f"{float(mantissa)}e{int(exponent)}"


def show_trace(trace: list[float]) -> None:
    print("weights:", ", ".join(map(str, trace[:5])), "...", trace[-1])
    print("updates:", len(trace) - 1)


def main() -> None:
    print("Predict")
    print("100,000 * 2.5 =", predict(100_000, 2.5))

    print("\nCompare")
    delta, error = compare(predict(INPUT, 2.5), GOAL)
    print(f"200,000 * 2.5 against 99,750,000: delta {delta} = {short(delta)}")
    print(f"error {error} = {short(error)}")

    print("\nLearn")
    print("the weight after one step with alpha 1:", learn(INPUT, GOAL, 2.5, alpha=1))
    print("far too long a step; with alpha 1e-11:", learn(INPUT, GOAL, 2.5, ALPHA))

    print("\nTrain, from the weight 1.0")
    trace = train(INPUT, GOAL, 1.0, ALPHA)
    show_trace(trace)
    print("prediction:", predict(INPUT, trace[-1]))

    print("\nThe same with fastnn")
    model, same = train_with_fastnn()
    show_trace(same)
    print("prediction:", model.predict([[INPUT]]).item())
    print("the same weights bit for bit:", "yes" if same == trace else "no")


if __name__ == "__main__":
    main()
