"""Random graphs: recipes that Hypothesis draws, the model of one, and its values in NumPy.

A recipe numbers its tensors: the inputs first, then what each step makes.  `evaluate` is the twin,
float64 and in the mode of training; it also tells how far from a bend (of a relu, a maximum, an
absolute value) the nearest value lies, so that finite differences do not step over one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

import fastnn as fnn
from reference import activation, layers

SMOOTH = ("linear", "elu", "gelu", "sigmoid", "tanh", "softmax", "silu", "softplus")
BENT = ("relu", "leaky_relu")
COMBINE = {
    "add": fnn.Add,
    "subtract": fnn.Subtract,
    "multiply": fnn.Multiply,
    "average": fnn.Average,
    "maximum": fnn.Maximum,
}
KINDS = (
    "dense", "dense", "activation", "layer_norm", "rms_norm", "batch_norm", "prelu", "maxout",
    "bilinear", "combine", "concat", "split", "activity", "normalization", "again",
    *["glu"] * ("glu" in fnn.activations.Activation.table),
)  # fmt: skip


@dataclass
class Step:
    """A use of a layer: `kind`, the tensors it reads, its settings."""

    kind: str
    reads: tuple[int, ...]
    settings: dict = field(default_factory=dict)


@dataclass
class Recipe:
    """A graph."""

    inputs: tuple[int, ...]  # columns of each
    steps: list[Step]
    outputs: tuple[int, ...]
    seed: int


@st.composite
def recipes(draw, *, single=False):
    """A graph with several inputs and outputs, or `single` ones; every tensor reaches an output."""
    widths = list(draw(st.lists(st.integers(1, 5), min_size=1, max_size=1 if single else 3)))
    inputs = tuple(widths)
    steps: list[Step] = []
    read = set()

    def add(kind, reads, made, **settings):
        steps.append(Step(kind, tuple(reads), settings))
        read.update(reads)
        widths.extend(made)
        return len(widths) - 1

    def any_tensor():  # rather a late one: graphs with some depth
        return len(widths) - 1 - draw(st.integers(0, min(len(widths) - 1, 3)))

    def of_width(width, count):
        """Tensors of one width; a dense layer makes those that are not there."""
        found = []
        for _ in range(count):
            there = [t for t, cols in enumerate(widths) if cols == width]
            if there and draw(st.booleans()):
                found.append(draw(st.sampled_from(there)))
            else:
                found.append(dense(any_tensor(), width))
        return found

    def dense(x, units=None, name=None):
        units = draw(st.integers(1, 5)) if units is None else units
        name = draw(st.sampled_from((*SMOOTH, *BENT))) if name is None else name
        return add(
            "dense", [x], [units], units=units, activation=name, use_bias=draw(st.booleans())
        )

    for _ in range(draw(st.sampled_from((4, 6, 8, 3, 5, 7, 2, 1)))):
        x = any_tensor()
        width = widths[x]
        kind = draw(st.sampled_from(KINDS))
        if kind == "dense":
            dense(x)
        elif kind == "activation":
            add("activation", [x], [width], activation=draw(st.sampled_from((*SMOOTH, *BENT))))
        elif kind in ("layer_norm", "rms_norm", "batch_norm"):
            # A small epsilon beside a small variance bends too sharply for differences.
            add(kind, [x], [width], epsilon=draw(st.sampled_from((0.05, 0.5))))
        elif kind == "prelu":
            add(kind, [x], [width])
        elif kind == "maxout":
            units = draw(st.integers(1, 4))
            add(kind, [x], [units], units=units, pieces=draw(st.integers(1, 3)))
        elif kind == "bilinear":
            units = draw(st.integers(1, 3))
            add(kind, [x, any_tensor()], [units], units=units)
        elif kind == "glu":
            even = x if width % 2 == 0 else dense(x, 4)
            add("glu", [even], [widths[even] // 2])
        elif kind == "combine":
            name = draw(st.sampled_from(sorted(COMBINE)))
            count = 1 if name == "subtract" else draw(st.integers(1, 3))
            others = of_width(width, count)
            place = draw(st.integers(0, count))
            add(name, [*others[:place], x, *others[place:]], [width])
        elif kind == "concat":
            others = [any_tensor() for _ in range(draw(st.integers(1, 2)))]
            add("concat", [x, *others], [width + sum(widths[t] for t in others)])
        elif kind == "split":
            first = draw(st.integers(1, max(1, width - 1)))
            sizes = (first, width - first) if width > 1 else (1,)
            add("split", [x], sizes, sizes=sizes)
        elif kind == "activity":
            add("activity", [x], [width], l1=draw(st.sampled_from((0.0, 0.3))), l2=0.2)
        elif kind == "normalization":
            add("normalization", [x], [width], invert=draw(st.booleans()))
        else:  # a layer that is there is called once more
            there = [
                i for i, s in enumerate(steps) if s.kind == "dense" and widths[s.reads[0]] == width
            ]
            place = draw(st.sampled_from(there)) if there else len(steps)
            if not there:
                dense(x)
            add("again", [x], [steps[place].settings["units"]], of=place)
    loose = [t for t in range(len(widths)) if t not in read]
    if single:
        whole = loose[0] if len(loose) == 1 else None
        if whole is None:
            whole = add("concat", loose, [sum(widths[t] for t in loose)])
        outputs = (whole,)
    else:
        outputs = tuple(loose)
        if draw(st.booleans()):  # one that others read too
            outputs += (draw(st.integers(0, len(widths) - 1)),)
    return Recipe(inputs, steps, outputs, draw(st.integers(0, 2**32 - 1)))


def layer_of(step, name, width):
    """The layer of a step whose first input has that width."""
    own = step.settings
    if step.kind in COMBINE:
        return COMBINE[step.kind](name=name)
    if step.kind == "normalization":
        return fnn.Normalization(*scales_of(width), invert=own["invert"], name=name)
    makers = {
        "dense": lambda: fnn.Dense(
            own["units"], own["activation"], use_bias=own["use_bias"], name=name
        ),
        "activation": lambda: fnn.Activation(own["activation"], name=name),
        "glu": lambda: fnn.Activation("glu", name=name),
        "layer_norm": lambda: fnn.LayerNormalization(own["epsilon"], name=name),
        "rms_norm": lambda: fnn.RMSNormalization(own["epsilon"], name=name),
        "batch_norm": lambda: fnn.BatchNormalization(epsilon=own["epsilon"], name=name),
        "prelu": lambda: fnn.PReLU(name=name),
        "maxout": lambda: fnn.Maxout(own["units"], own["pieces"], name=name),
        "bilinear": lambda: fnn.Bilinear(own["units"], name=name),
        "concat": lambda: fnn.Concatenate(name=name),
        "split": lambda: fnn.Split(own["sizes"], name=name),
        "activity": lambda: fnn.ActivityRegularization(own["l1"], own["l2"], name=name),
    }
    return makers[step.kind]()


def build(recipe, dtype="float64"):
    """The model, with parameters that are all different and not 0; layers are named after steps."""
    inputs = [fnn.Input(cols, name=f"in{i}") for i, cols in enumerate(recipe.inputs)]
    tensors, made = [fnn.Flatten(name=f"flat{i}")(x) for i, x in enumerate(inputs)], []
    for i, step in enumerate(recipe.steps):
        reads = [tensors[t] for t in step.reads]
        if step.kind == "again":
            made.append(made[step.settings["of"]])
        else:
            made.append(layer_of(step, f"s{i}", reads[0].units))
        out = made[-1](reads)
        tensors += out if isinstance(out, tuple) else [out]
    ends = [tensors[t] for t in recipe.outputs]
    model = fnn.Model(
        inputs[0] if len(inputs) == 1 else inputs,
        ends[0] if len(ends) == 1 else ends,
        seed=0,
        dtype=dtype,
    )
    rng = np.random.default_rng(recipe.seed)
    for name, view in model.parameters.items():
        low = 0.5 if name.endswith("gamma") else -1.0
        view[...] = rng.uniform(low, 1.5 if low > 0 else 1.0, view.shape)
    return model


def scales_of(width):
    """Mean and variance of a `normalization` step."""
    return np.linspace(-1, 1, width), np.linspace(0.5, 2, width)


@dataclass
class Values:
    """What `evaluate` found."""

    tensors: list[np.ndarray]
    margin: float  # between the nearest value and a bend
    penalty: float  # of activity regularization
    moments: dict[str, tuple[np.ndarray, np.ndarray]]  # of batches, by layer


def evaluate(recipe, parameters, xs):
    """Values of all tensors, in the mode of training."""
    found = [np.asarray(x, np.float64) for x in xs]
    out = Values(found, np.inf, 0.0, {})

    def near(values):
        """Values that bend at 0; an exact 0 is one that a relu has made, and stays."""
        away = np.abs(values[values != 0])
        out.margin = min(out.margin, away.min() if away.size else np.inf)

    def activate(z, name):
        if name in BENT:
            near(z)
        return activation.FORWARD[name](z)

    for i, step in enumerate(recipe.steps):
        own, name = step.settings, f"s{i}"
        reads = [found[t] for t in step.reads]
        x = reads[0]
        if step.kind == "again":
            name, own = f"s{own['of']}", recipe.steps[own["of"]].settings
        has = {key.split("/")[1]: p for key, p in parameters.items() if key.startswith(name + "/")}
        if step.kind in ("dense", "again"):
            made = activate(x @ has["kernel"] + has.get("bias", 0.0), own["activation"])
        elif step.kind == "activation":
            made = activate(x, own["activation"])
        elif step.kind in COMBINE:
            made = layers.COMBINE[step.kind](reads)
            if step.kind == "maximum":
                ranked = np.sort(np.stack(reads), axis=0)
                near(ranked[-1] - ranked[-2])
        elif step.kind == "concat":
            made = np.concatenate(reads, axis=1)
        elif step.kind == "split":
            found.extend(np.split(x, np.cumsum(own["sizes"])[:-1], axis=1))
            continue
        elif step.kind == "glu":
            made = layers.glu(x)
        elif step.kind == "layer_norm":
            made = layers.layer_norm(x, has["gamma"], has["beta"], own["epsilon"])
        elif step.kind == "rms_norm":
            made = layers.rms_norm(x, has["gamma"], own["epsilon"])
        elif step.kind == "batch_norm":
            out.moments[name] = layers.moments(x)
            made = layers.batch_norm(
                x, *out.moments[name], has["gamma"], has["beta"], own["epsilon"]
            )
        elif step.kind == "prelu":
            near(x)
            made = layers.prelu(x, has["alpha"])
        elif step.kind == "maxout":
            made = layers.maxout(x, has["kernel"], has["bias"], own["units"])
            z = (x @ has["kernel"] + has["bias"]).reshape(len(x), own["pieces"], -1)
            if own["pieces"] > 1:
                ranked = np.sort(z, axis=1)
                near(ranked[:, -1] - ranked[:, -2])
        elif step.kind == "bilinear":
            made = layers.bilinear(*reads, has["kernel"], has["bias"])
        elif step.kind == "normalization":
            made = layers.normalization(x, *scales_of(x.shape[1]), own["invert"])
        else:
            if own["l1"]:
                near(x)
            out.penalty += layers.activity(x, own["l1"], own["l2"])
            made = x
        found.append(made)
    return out


def rows_far_from_bends(recipe, parameters, rows, margin):
    """Inputs whose values keep that distance from every bend; None if 200 draws find none."""
    for attempt in range(200):
        rng = np.random.default_rng([recipe.seed, attempt])
        xs = [rng.uniform(-1.5, 1.5, (rows, cols)) for cols in recipe.inputs]
        if evaluate(recipe, parameters, xs).margin > margin:
            return xs
    return None
