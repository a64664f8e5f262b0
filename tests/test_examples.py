"""The examples and the README run, and show what they promise."""

from __future__ import annotations

import re
import runpy
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import fastnn as fnn
from fastnn import demo

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")

Run = Callable[..., str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run an example as a script with these arguments; return what it printed."""

    def run_example(name: str, *arguments: str) -> str:
        path = str(ROOT / "examples" / name)
        monkeypatch.setattr(sys, "argv", [path, *arguments])
        code = 0
        try:
            runpy.run_path(path, run_name="__main__")
        except SystemExit as end:
            code = end.code
        assert code == 0
        captured = capsys.readouterr()
        assert captured.err == ""
        return captured.out

    return run_example


def accuracy(output: str) -> float:
    """The one on the test rows, in the line that begins with "On"."""
    found = re.search(r"^On .*: accuracy (\S+)$", output, re.MULTILINE)
    assert found is not None
    return float(found[1])


def test_every_example_is_tested():
    source = Path(__file__).read_text(encoding="utf-8")
    for path in (ROOT / "examples").glob("*.py"):
        assert f'run("{path.name}"' in source, path.name


# -- from_scratch.py ------------------------------------------------------------------------------


def test_from_scratch_prints_the_numbers_of_the_article(run):
    output = run("from_scratch.py")
    for number in (
        "250000.0",
        "-9.925e7",
        "9.8505625e15",
        "19850000000002.5",
        "1.0, 200.1, 319.56, ",
        "498.75\n",
        "99750000.0",
        "updates: 72",
    ):
        assert number in output
    plain, through_fastnn = output.split("The same with fastnn\n")
    for line in through_fastnn.splitlines()[:3]:  # weights, updates, prediction
        assert line in plain
    assert "bit for bit: yes" in through_fastnn


def test_from_scratch_ends_at_the_goal_exactly():
    example = runpy.run_path(str(ROOT / "examples" / "from_scratch.py"))
    trace = example["train"](200_000, 99_750_000, 1.0, 1e-11)
    model, same = example["train_with_fastnn"]()
    assert trace[:3] == [1.0, 200.1, 319.56]
    assert trace[-1] == 498.75
    assert trace == same  # not approximately: one product, one difference, in the same order
    assert len(trace) == 73
    assert model.predict([[200_000]]).item() == 99_750_000


@pytest.mark.parametrize("name", ["fit", "stream"])
def test_from_scratch_is_the_same_through_fit(isa, name):
    layer = fnn.Dense(1, use_bias=False, kernel_initializer=fnn.initializers.Constant(1.0))
    model = fnn.Sequential([fnn.Input(1), layer], dtype="float64")
    trainer = fnn.Trainer(model, "mse", fnn.SGD(learning_rate=5e-12))
    x, y = np.array([[200_000.0]]), np.array([[99_750_000.0]])
    data = (x, y) if name == "fit" else ([(x, y)],)
    trainer.fit(*data, epochs=71, verbose=0)
    assert model.predict(x).item() != y.item()
    trainer.fit(*data, epochs=1, verbose=0)
    assert model.parameters["dense_0/kernel"].item() == 498.75
    assert model.predict(x).item() == y.item()


# -- auto_mpg.py ----------------------------------------------------------------------------------


def test_auto_mpg_retells_the_article(run):
    output = run("auto_mpg.py", "--seeds", "3")
    assert re.search(r"^mpg +18 +15 +18 +16 +17 +15$", output, re.MULTILINE)
    assert re.search(r"^horsepower +130 +165 +150 +150 +140 +198$", output, re.MULTILINE)
    assert "314 to train on, 78 to test on" in output
    for line in (
        "Total parameters: 10\nTotal parameters memory: 40 bytes",
        "Total parameters: 529\nTotal parameters memory: 2116 bytes",
        "  inputs: {'car_features': (None, 7)}\n",
        "over 3 seeds",
    ):
        assert line in output
    lines = re.findall(
        r"^Epoch: (\d+), Batch: (\d+), loss: \d+\.\d{7} mean_absolute_error: \d+\.\d{7}$",
        output,
        re.MULTILINE,
    )
    small = [(str(epoch), "50") for epoch in (0, 9, 19, 29)]
    large = [("0", str(batch)) for batch in range(50, 301, 50)]
    large += [(str(epoch), "300") for epoch in (9, 19, 29, 39)]
    assert lines == small + large
    assert len(re.findall(r"^  R² +-?\d\.\d{4}$", output, re.MULTILINE)) == 2
    for name in ("unscaled", "x scaled", "x, y scaled", "linear regression"):
        assert re.search(rf"^.*{name} +-?\d.*\(.*\).*\(.*\)", output, re.MULTILINE)
    assert max(map(len, output.splitlines())) <= 100


def test_auto_mpg_is_the_same_each_time(run):
    first = run("auto_mpg.py", "--seeds", "1", "--seed", "5")
    assert first == run("auto_mpg.py", "--seeds", "1", "--seed", "5")
    assert first != run("auto_mpg.py", "--seeds", "1", "--seed", "6")


def test_demo_says_in_words_that_a_network_has_died(capsys):
    cars = fnn.datasets.load_auto_mpg()
    train, test = cars.split(0.8, seed=0)
    dead = next(seed for seed in range(100) if demo.score(demo.SMALL, cars, seed, False, False)[1])
    demo.tell(demo.SMALL, *cars.split(0.8, seed=dead), dead)
    assert "The network has died" in capsys.readouterr().out
    demo.tell(demo.LARGE, train, test, 0)
    assert "died" not in capsys.readouterr().out


def scores(recipe: demo.Recipe, data: fnn.datasets.Dataset, **scaled: bool) -> np.ndarray:
    """Columns: R² and whether dead; a row for each of ten seeds."""
    return np.array([demo.score(recipe, data, seed, **scaled) for seed in range(10)])


def test_medians_over_ten_seeds_reach_the_bars():
    cars = fnn.datasets.load_auto_mpg()
    unscaled = scores(demo.LARGE, cars, scale_x=False, scale_y=False)
    scaled = scores(demo.LARGE, cars, scale_x=True, scale_y=False)
    assert np.median(unscaled[:, 0]) >= 0.80
    assert np.median(scaled[:, 0]) >= 0.86
    assert scaled[:, 1].sum() == 0
    linear = [demo.linear_regression(*cars.split(0.8, seed=seed)) for seed in range(10)]
    assert 0.76 < np.median(linear) < 0.84  # 0.795 is known as the mean of 50 splits
    assert np.median(scaled[:, 0]) > np.median(linear) + 0.03


def test_the_small_network_needs_scaled_data():
    cars = fnn.datasets.load_auto_mpg()
    unscaled = scores(demo.SMALL, cars, scale_x=False, scale_y=False)
    scaled = scores(demo.SMALL, cars, scale_x=True, scale_y=True)
    assert unscaled[:, 1].sum() >= 1
    assert np.median(unscaled[:, 0]) < 0.2
    assert scaled[:, 1].sum() == 0
    assert np.median(scaled[:, 0]) > 0.5


def test_demo_counts_what_fit_warns_of():
    """The two ways to see that a network is dead agree, seed for seed."""
    cars = fnn.datasets.load_auto_mpg()
    recipe = demo.SMALL
    seen = []
    for seed in range(10):
        train, _ = cars.split(0.8, seed=seed)
        model = demo.network(7, recipe.layers, seed)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            fnn.Trainer(model, "mse").fit(
                train.x, train.y, batch_size=4, epochs=30, shuffle=False, verbose=0
            )
        assert demo.is_dead(model.predict(train.x)) == bool(caught)
        seen.append(bool(caught))
    assert True in seen
    assert False in seen


def test_scores_from_arrays_are_those_of_the_stream():
    """The demonstration trains on batches first and on arrays for the table: the same bits."""
    cars = fnn.datasets.load_auto_mpg()
    train, test = cars.split(0.8, seed=3)
    model = demo.network(7, demo.LARGE.layers, 3)
    batches = fnn.data.batches(train.x, train.y, batch_size=1, drop_remainder=True)
    fnn.Trainer(model, "mse").fit(batches, epochs=40, verbose=0)
    r2 = fnn.metrics.r2_score(test.y, model.predict(test.x))
    assert (r2, False) == demo.score(demo.LARGE, cars, 3, scale_x=False, scale_y=False)


def test_standardise_lets_the_test_rows_have_no_say():
    rng = np.random.default_rng(0)
    train, test = rng.normal(5, 3, (50, 2)), rng.normal(9, 1, (20, 2))
    x, x_test = demo.standardise(train, test)
    # Means of 50 numbers of size 1: an ulp or so each.
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-14)
    np.testing.assert_allclose(x.std(axis=0), 1, rtol=1e-14)
    np.testing.assert_allclose(x_test * train.std(axis=0) + train.mean(axis=0), test, rtol=1e-14)


def test_linear_regression_equals_scikit_learn():
    from sklearn.linear_model import LinearRegression

    train, test = fnn.datasets.load_auto_mpg().split(0.8, seed=0)
    want = LinearRegression().fit(train.x, train.y).score(test.x, test.y)
    # Both solve the same least squares in float64, of condition number about 1e5.
    assert demo.linear_regression(train, test) == pytest.approx(want, rel=1e-9)


# -- the two with scikit-learn's data -------------------------------------------------------------


def test_breast_cancer(run):
    output = run("breast_cancer.py")
    assert accuracy(output) > 0.95
    assert 'activation="sigmoid"' in output
    assert output.count("benign with probability") == 5


def test_digits(run):
    output = run("digits.py")
    assert accuracy(output) > 0.96
    assert 'activation="softmax"' in output


# -- ensemble.py ----------------------------------------------------------------------------------


def test_ensemble(run):
    output = run("ensemble.py")
    assert "40 networks on 314 cars" in output
    board = re.findall(r"^ +(\d) +\d+ +(\d\.\d+) .* 100 +\S+ m?s$", output, re.MULTILINE)
    assert [rank for rank, _ in board] == ["1", "2", "3", "4", "5"]
    losses = [float(loss) for _, loss in board]
    assert losses == sorted(losses)
    layouts = re.findall(r"^ +([\d-]+)  (\d\.\d+) ± \d\.\d+$", output, re.MULTILINE)
    assert [layout for layout, _ in layouts] == ["4", "16", "64", "32-8", "64-16"]
    assert min(float(error) for _, error in layouts) < 2.1
    together = re.search(r"^mean of 20  (\d\.\d+)$", output, re.MULTILINE)
    assert float(together[1]) < 2.5
    assert output.count(" mpg, predicted ") == 5


# -- graphs ---------------------------------------------------------------------------------------


def column(output: str, name: str) -> list[float]:
    """The numbers in the line that begins with a name."""
    found = re.search(rf"^ *{re.escape(name)}  +(.+)$", output, re.MULTILINE)
    assert found is not None, name
    return [float(number) for number in re.findall(r"-?\d+\.\d+", found[1])]


def test_wide_and_deep(run):
    output = run("wide_and_deep.py")
    loss = {
        name: column(output, name)[0]
        for name in (
            "always the mean",
            "wide alone",
            "deep alone",
            "wide and deep",
            "the rule itself",
        )
    }
    assert loss["always the mean"] > loss["wide alone"] > loss["wide and deep"] + 0.03
    assert loss["deep alone"] > loss["wide and deep"] + 0.005
    assert loss["wide and deep"] > loss["the rule itself"]  # else it has seen the answers
    assert "(None, 1) of wide" in output


def test_residual_mlp(run):
    output = run("residual_mlp.py")
    shallow, deep = column(output, "2"), column(output, "40")
    assert deep[1] > 0.95
    assert deep[1] > shallow[1] > shallow[0]
    assert deep[1] > deep[0] + 0.04


def test_entity_embeddings(run):
    output = run("entity_embeddings.py")
    assert column(output, "linear regression, one-hot")[0] < 0.6
    assert column(output, "network, one-hot")[0] > 0.98
    assert column(output, "network, embeddings")[0] > 0.98
    assert "with 1,094 parameters" in output
    alike = re.search(r"of the same kind for (\d+)% \(by chance 32%\)$", output, re.MULTILINE)
    assert int(alike[1]) > 90


def test_siamese(run):
    output = run("siamese.py")
    assert column(output, "plain network")[0] < 0.65
    assert column(output, "siamese")[0] > 0.8
    assert column(output, "their codes")[0] > 2 * column(output, "raw curves")[0]
    assert output.count("encoder ( model )") == 2  # two uses, one set of weights
    assert output.count("code/kernel") == 1


def test_monotone(run):
    output = run("monotone.py")
    linear, plain, monotone = (column(output, name)[0] for name in ("linear", "plain", "monotone"))
    assert linear > plain > monotone
    wrong = re.findall(r"^ *(\w+) +(\d+)% +(\d+)%$", output, re.MULTILINE)
    assert [name for name, _, _ in wrong] == ["horsepower", "displacement", "weight", "modelyear"]
    assert min(int(share) for _, share, _ in wrong) > 20
    assert all(share == "0" for _, _, share in wrong)


# -- README.md ------------------------------------------------------------------------------------


def test_readme_python_blocks_run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)  # it saves a model
    blocks = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert blocks
    names: dict[str, object] = {}  # later blocks go on where earlier ones stopped
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    assert "Total parameters: 529" in capsys.readouterr().out
    assert list(tmp_path.glob("*.safetensors"))


def test_readme_commands():
    for command in (
        "\npip install . && fastnn train auto-mpg\n",
        '\npip install -e ".[test]" && pytest\n',
        '\npip install -e ".[bench]" && pytest benchmarks\n',
    ):
        assert command in README


def test_readme_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)", README):
        if not target.startswith("https://"):
            assert (ROOT / target).exists(), target


def test_no_page_sends_a_person_to_the_other_fastnn():
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"(pip3?|uv|pipx|poetry)\s[^&\n]*\bfastnn\b(?!-core)", text), path
