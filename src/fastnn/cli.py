"""The command ``fastnn``: train a network on the built-in data, see the demonstration.

Only the standard library is loaded here; each command loads what it needs.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from fastnn import __version__

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    import fastnn as fnn

    Array = npt.NDArray[np.floating[Any]]

__all__ = ["main"]

DATA_SETS = ("auto-mpg",)

EXIT_ERROR, EXIT_INTERRUPTED, EXIT_BROKEN_PIPE = 2, 130, 141  # as shells count signals

EXAMPLES = """\
examples:
  fastnn train auto-mpg                         train a network 7-32-8-1
  fastnn train auto-mpg --scale                 scaled inputs: usually better
  fastnn train auto-mpg --out cars.safetensors  keep it for fastnn.load
  fastnn demo                                   a tour, and honest numbers
"""

TRAIN_EXAMPLES = """\
examples:
  fastnn train auto-mpg
      the network 7-32-8-1: 40 epochs, batches of one row, as the article has it
  fastnn train auto-mpg --scale --drop passedemissions
      inputs of mean 0 and variance 1, without the column made from the answer
  fastnn train auto-mpg --layers 1 --batch-size 4 --epochs 30 --seed 2
      the article's 7-1-1, a network that often dies
  fastnn train auto-mpg --layers 64,64 --activation gelu --out my.safetensors
      a network of your own, kept: fastnn.load("my.safetensors").predict(rows)
"""


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are one line, the same for every command."""

    def error(self, message: str) -> NoReturn:
        """End with an error; `main` prints it."""
        raise ValueError(f"{message} (see {self.prog} --help)")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; those of the process by default.

    Returns
    -------
    int
        0, or 2 after an error, 130 after Ctrl-C, 141 if whoever reads the output has gone.

    Examples
    --------
    >>> from fastnn.cli import main
    >>> main(["train", "mpg"])
    2
    """
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # R² in an encoding that lacks the sign
    try:
        code = run(argv)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # What is still buffered has nowhere to go; else Python would complain of it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except KeyboardInterrupt:
        print("\nfastnn: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except MemoryError:
        print("fastnn: error: there is not enough memory for this network", file=sys.stderr)
        return EXIT_ERROR
    except (ValueError, ArithmeticError, OSError, ImportError) as error:
        print(f"fastnn: error: {error}", file=sys.stderr)
        return EXIT_ERROR


def run(argv: Sequence[str] | None) -> int:
    """Parse the arguments and run the command."""
    try:
        arguments = make_parser().parse_args(argv)
    except SystemExit as end:  # after --help and --version
        return int(end.code or 0)
    command: Callable[[argparse.Namespace], None] = arguments.command
    command(arguments)
    return 0


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = Parser(
        prog="fastnn",
        description="Small neural networks on the CPU, trained by compiled kernels.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"fastnn {__version__}")
    parser.set_defaults(command=lambda _: parser.print_help())
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    add_train(commands)

    demo = commands.add_parser(
        "demo",
        help="retell an article: two networks, then honest numbers over many seeds",
        description="Retells an article about Axon, a library for Elixir: it trains two networks "
        "on Auto MPG, then shows what they reach over many seeds.",
    )
    demo.add_argument(
        "--seeds",
        type=whole(1),
        default=10,
        metavar="N",
        help="seeds in the table at the end (default: 10)",
    )
    demo.add_argument(
        "--seed", type=whole(0), default=0, metavar="N", help="the first seed (default: 0)"
    )
    demo.set_defaults(command=run_demo)

    config = commands.add_parser(
        "config",
        help="show version, instruction sets, compiler, threads",
        description="Shows what this build is and what it uses on this machine.",
    )
    config.set_defaults(command=run_config)
    return parser


def add_train(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command "train"."""
    train = commands.add_parser(
        "train",
        help="train a network on a data set and evaluate it",
        description="Trains a network on four fifths of a data set, and evaluates it on the\n"
        "rest, beside linear regression.",
        epilog=TRAIN_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    train.add_argument("data", metavar="DATA", help="auto-mpg, the data set that comes with fastnn")
    network = train.add_argument_group("the network")
    network.add_argument(
        "--layers",
        type=layers,
        default=(32, 8),
        metavar="UNITS",
        help="units of the hidden layers, with commas between (default: 32,8)",
    )
    network.add_argument(
        "--activation",
        default="relu",
        metavar="NAME",
        help="of the hidden layers: relu, tanh, gelu, ... (default: relu)",
    )
    network.add_argument(
        "--dtype", choices=("float32", "float64"), default="float32", help="(default: float32)"
    )
    training = train.add_argument_group("the training")
    training.add_argument(
        "--epochs", type=whole(1), default=40, metavar="N", help="times over all rows (default: 40)"
    )
    training.add_argument(
        "--batch-size", type=whole(1), default=1, metavar="N", help="rows in a step (default: 1)"
    )
    training.add_argument(
        "--learning-rate", type=positive, default=1e-3, metavar="X", help="of Adam (default: 0.001)"
    )
    training.add_argument(
        "--seed",
        type=whole(0),
        default=0,
        metavar="N",
        help="of the split, the initial weights and the order of the rows (default: 0)",
    )
    columns = train.add_argument_group("the data")
    columns.add_argument(
        "--scale", action="store_true", help="give each input column mean 0 and variance 1"
    )
    columns.add_argument(
        "--drop",
        action="append",
        default=[],
        metavar="COLUMN",
        help="leave a column out; may be given several times",
    )
    output = train.add_argument_group("the output")
    output.add_argument(
        "--out",
        metavar="FILE",
        help="save the network as a safetensors file; it takes rows as they are in the data, "
        "with --scale too",
    )
    output.add_argument("--quiet", action="store_true", help="show the evaluation alone")
    train.set_defaults(command=run_train)


def whole(minimum: int) -> Callable[[str], int]:
    """Return a type of argument: a whole number of at least `minimum`, below 2**63."""

    def convert(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = minimum - 1
        if not minimum <= number < 2**63:
            raise argparse.ArgumentTypeError(
                f"want a whole number of at least {minimum}, got {text!r}"
            )
        return number

    return convert


def positive(text: str) -> float:
    """Type of argument: a finite number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"want a number above 0, got {text!r}")
    return number


def layers(text: str) -> tuple[int, ...]:
    """Type of argument: "32,8"."""
    try:
        units = tuple(int(part) for part in text.split(","))
    except ValueError:
        units = (0,)
    if min(units) < 1:
        raise argparse.ArgumentTypeError(
            f"want whole numbers of at least 1 with commas between, such as 32,8, got {text!r}"
        )
    return units


def run_demo(arguments: argparse.Namespace) -> None:
    """Run ``fastnn demo``."""
    from fastnn import demo

    demo.run(seeds=arguments.seeds, seed=arguments.seed)


def run_config(arguments: argparse.Namespace) -> None:
    """Run ``fastnn config``."""
    from fastnn.config import show_config

    show_config()


def check_data(name: str) -> None:
    """Refuse what is no data set of this version, with the name that may have been meant."""
    if name in DATA_SETS:
        return
    known = f"this version trains on the data that come with it: {', '.join(DATA_SETS)}"
    if os.path.exists(name) or os.path.splitext(name)[1]:
        raise ValueError(f"cannot train on the file {name!r}; {known}")
    from difflib import get_close_matches

    near = get_close_matches(name.lower(), DATA_SETS, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]}? " if near else ""
    raise ValueError(f"unknown data set {name!r}; {hint}{known[0].upper()}{known[1:]}")


def check_out(path: str) -> None:
    """Refuse a file that cannot be written before the time is spent on training."""
    folder = os.path.dirname(path) or "."
    if not os.path.basename(path) or os.path.isdir(path):
        raise ValueError(f"--out: want the name of a file, got {path!r}")
    if not os.path.isdir(folder):
        raise ValueError(f"--out: there is no folder {folder!r}")
    if not os.access(folder, os.W_OK):
        raise ValueError(f"--out: the folder {folder!r} cannot be written to")


def run_train(arguments: argparse.Namespace) -> None:
    """Run ``fastnn train``."""
    check_data(arguments.data)
    if arguments.out is not None:
        check_out(arguments.out)

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
