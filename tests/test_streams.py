"""Streams of batches: what may be one, and what is said of one that is none."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn as fnn


def network(outputs=1, dtype="float32"):
    return fnn.Sequential(
        [fnn.Input(3), fnn.Dense(4, "tanh"), fnn.Dense(outputs)], seed=0, dtype=dtype
    )


def trainer_of(model=None, **options):
    return fnn.Trainer(model or network(), "mse", **options)


def bits(model):
    return model.parameter_arena.tobytes()


def draw(n=14):
    rng = np.random.default_rng(n)
    return rng.standard_normal((n, 3)), rng.standard_normal((n, 1)), rng.uniform(0.5, 2, n)


def cut(*arrays, sizes=(4, 1, 6, 3)):
    """A list of batches of different sizes."""
    ends = np.cumsum(sizes)
    return [tuple(a[e - n : e] for a in arrays) for n, e in zip(sizes, ends, strict=True)]


class Loader:
    """An object with __iter__ and nothing else, as other libraries have."""

    def __init__(self, batches):
        self.batches = batches
        self.epochs = 0

    def __iter__(self):
        self.epochs += 1
        yield from self.batches


class Sized(Loader):
    def __len__(self):
        return len(self.batches)


FORMS = {
    "list": lambda batches: batches,
    "tuple": tuple,
    "generator function": lambda batches: lambda: (batch for batch in batches),
    "function that returns a list": lambda batches: lambda: batches,
    "object": Loader,
    "object with a length": Sized,
    "lists for tuples": lambda batches: Loader([list(batch) for batch in batches]),
    "nested lists": lambda batches: Loader([tuple(a.tolist() for a in b) for b in batches]),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_fit_takes_any_re_iterable(form, weighted):
    x, y, w = draw()
    batches = cut(x, y, w) if weighted else cut(x, y)
    model, by_hand = network(), network()
    history = trainer_of(model).fit(FORMS[form](batches), epochs=3, verbose=0)
    trainer = trainer_of(by_hand)
    for _ in range(3):
        losses = [trainer.train_on_batch(*batch)["loss"] for batch in batches]
    assert bits(model) == bits(by_hand)
    counts = [batch[2].sum() if weighted else len(batch[0]) for batch in batches]
    # the loss of an epoch is the mean over all rows; sums in float64, the weights in float32
    assert history["loss"][-1] == pytest.approx(np.average(losses, weights=counts), rel=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_evaluate_takes_any_re_iterable(form):
    x, y, w = draw()
    trainer = trainer_of(network(dtype="float64"), metrics=["mae", "r2"])
    wanted = trainer.evaluate(x, y, sample_weight=w)
    got = trainer.evaluate(FORMS[form](cut(x, y, w)))
    assert got == pytest.approx(wanted, rel=1e-12)  # the order of the sums


@pytest.mark.parametrize("form", [f for f in FORMS if not f.startswith(("generator", "function"))])
@pytest.mark.parametrize("parts", [1, 2, 3])
def test_predict_takes_any_iterable_of_rows_or_batches(form, parts):
    x, y, w = draw()
    model = network(2)
    wanted = model.predict(x)
    np.testing.assert_array_equal(model.predict(FORMS[form](cut(x, y, w))), wanted)
    stream = FORMS[form](cut(*(x, y, w)[:parts]))
    np.testing.assert_array_equal(model.predict(stream), wanted)
    np.testing.assert_array_equal(model(iter(cut(*(x, y, w)[:parts]))), wanted)


def test_predict_takes_a_stream_of_plain_arrays():
    x, *_ = draw()
    model = network()
    parts = [x[:5], x[5:6], x[6:]]
    for stream in (parts, iter(parts), (part for part in parts), Loader(parts)):
        np.testing.assert_array_equal(model.predict(stream, batch_size=2), model.predict(x))


def test_predict_tells_rows_from_a_stream():
    """Nested lists and lists of rows are rows, lists of tables are a stream."""
    x, *_ = draw()
    model = network()
    for rows in (x.tolist(), list(x), tuple(x), [tuple(row) for row in x]):
        np.testing.assert_array_equal(model.predict(rows), model.predict(x))


@pytest.mark.parametrize(
    "stream, words",
    [
        ([np.ones((2, 2))], "predict: x has shape (2, 2)"),
        ([(np.ones((2, 3)), 1, 2, 3)], "predict: batch 0 is a tuple of 4"),
        (iter([]), "predict: the stream yielded no batches"),
        (iter([np.ones((0, 3))]), "predict: x has shape (0, 3)"),
        (iter([np.full((1, 3), np.nan)]), "predict: x has nan at row 0"),
    ],
)
def test_predict_refuses_streams(stream, words):
    with pytest.raises(ValueError) as caught:
        network().predict(stream)
    assert words in str(caught.value)


def test_predict_of_a_stream_takes_no_out():
    with pytest.raises(ValueError, match=r"predict: out .*stream"):
        network().predict(iter([np.ones((2, 3))]), out=np.empty((2, 1), np.float32))


def test_a_generator_is_good_for_one_epoch():
    x, y, _ = draw()
    model, other = network(), network()
    trainer_of(model).fit((batch for batch in cut(x, y)), verbose=0)
    trainer_of(other).fit(cut(x, y), verbose=0)
    assert bits(model) == bits(other)


@pytest.mark.parametrize("make", [lambda b: (batch for batch in b), iter, lambda b: map(tuple, b)])
def test_a_generator_says_what_is_wrong_on_the_second_epoch(make):
    x, y, _ = draw()
    model, other = network(), network()
    trainer = trainer_of(model)
    with pytest.raises(ValueError) as caught:
        trainer.fit(make(cut(x, y)), epochs=3, verbose=0)
    message = str(caught.value)
    for words in ("Trainer.fit", "generator", "only once", "epoch 2", "generator function", "list"):
        assert words in message
    trainer_of(other).fit(cut(x, y), verbose=0)
    assert bits(model) == bits(other)  # the first epoch stays
    assert trainer.history.epoch == [1]
    assert trainer.epochs == 1


def test_a_used_up_generator_yields_nothing_in_the_first_epoch():
    x, y, _ = draw()
    used = iter(cut(x, y))
    list(used)
    model = network()
    before = bits(model)
    with pytest.raises(ValueError, match=r"Trainer\.fit: .*no batches.* epoch 1"):
        trainer_of(model).fit(used, verbose=0)
    with pytest.raises(ValueError, match=r"Trainer\.evaluate: .*no batches.*generator"):
        trainer_of(model).evaluate(used)
    assert bits(model) == before


def test_a_generator_as_validation_data_says_what_is_wrong():
    x, y, _ = draw()
    trainer = trainer_of()
    validation = (batch for batch in cut(x, y))
    with pytest.raises(ValueError, match=r"validation_data: .*no batches.*generator"):
        trainer.fit(x, y, epochs=2, validation_data=validation, verbose=0)
    assert trainer.history.epoch == [1]


def test_an_endless_stream_ends_when_a_handler_says_so():
    x, y, _ = draw()

    def endless():
        while True:
            yield x, y

    seen = []
    trainer = trainer_of()
    trainer.on("batch_end", lambda event: seen.append((event.batch, event.batches)))
    trainer.on("batch_end", lambda event: event.stop(), every=10)
    history = trainer.fit(endless, epochs=5, verbose=0)
    assert seen == [(i, None) for i in range(1, 11)]
    assert trainer.steps == 10
    assert history.epoch == [1]


def test_the_batches_of_a_sized_stream_are_known():
    x, y, _ = draw()
    seen = []
    for form in ("object with a length", "list", "object"):
        trainer = trainer_of().on("epoch_end", lambda event: seen.append(event.batches))
        trainer.fit(FORMS[form](cut(x, y)), verbose=0)
    assert seen == [4, 4, None]


def test_each_epoch_iterates_once_and_reads_each_batch_once():
    x, y, _ = draw()
    loader = Loader(cut(x, y))
    trainer_of().fit(loader, epochs=3, verbose=0)
    assert loader.epochs == 3


def test_batches_are_read_as_they_are_needed():
    """A stream may look at what was learnt from the batch before."""
    x, y, _ = draw()
    model = network()
    seen = []

    def stream():
        for batch in cut(x, y):
            seen.append(bits(model))
            yield batch

    trainer_of(model).fit(stream, verbose=0)
    assert len(set(seen)) == 4


def test_a_batch_may_reuse_its_memory():
    """Generators that fill one buffer again and again."""
    x, y, _ = draw()
    bx, by = np.empty((7, 3)), np.empty((7, 1))

    def stream():
        for half in (slice(0, 7), slice(7, 14)):
            bx[...], by[...] = x[half], y[half]
            yield bx, by

    model, other = network(), network()
    trainer_of(model).fit(stream, epochs=2, verbose=0)
    trainer_of(other).fit(cut(x, y, sizes=(7, 7)), epochs=2, verbose=0)
    assert bits(model) == bits(other)


@pytest.mark.parametrize(
    "stream", [[], (), list, Loader([]), iter([])], ids=lambda s: type(s).__name__
)
def test_an_empty_stream_is_an_error(stream):
    model = network()
    before = bits(model)
    trainer = trainer_of(model)
    for method in (trainer.fit, trainer.evaluate):
        with pytest.raises((TypeError, ValueError), match="batches"):
            method(stream)
    assert bits(model) == before


@pytest.mark.parametrize(
    "batch, error, words",
    [
        (np.ones((2, 3)), TypeError, "got a ndarray"),
        (None, TypeError, "got a NoneType"),
        ({"x": 1, "y": 2}, TypeError, "got a dict"),
        ((np.ones((2, 3)),), TypeError, "a tuple of 1"),
        ((np.ones((2, 3)), np.ones(2), np.ones(2), 1), TypeError, "a tuple of 4"),
        ((np.ones((2, 3)), None), TypeError, "y is None"),
        ((None, np.ones(2)), TypeError, "x is None"),
        ((np.ones((2, 4)), np.ones(2)), ValueError, "x has shape (2, 4), 4 columns"),
        ((np.ones((2, 3)), np.ones(3)), ValueError, "x has 2 rows and y 3"),
        ((np.ones((0, 3)), np.ones(0)), ValueError, "x has shape (0, 3)"),
        ((np.ones((2, 3)), np.ones(2), [1, -1]), ValueError, "sample_weight[1] is -1"),
        ((np.ones((2, 3)), np.ones(2), [1]), ValueError, "sample_weight 1"),
        (([[1, 2, np.inf]], [0]), ValueError, "x has inf at row 0, column 2"),
        (([[1, 2, 3]], [np.nan]), ValueError, "y has nan at row 0"),
        (([[1, 2, 1e300]], [1]), ValueError, "overflows float32"),
    ],
)
def test_a_bad_batch_is_named_and_stops_before_its_step(batch, error, words):
    x, y, _ = draw()
    model, other = network(), network()
    trainer = trainer_of(model)
    with pytest.raises(error) as caught:
        trainer.fit(Loader([(x, y), batch, (x, y)]), epochs=2, verbose=0)
    assert "Trainer.fit: epoch 1, batch 2" in str(caught.value)
    assert words in str(caught.value)
    trainer_of(other).train_on_batch(x, y)
    assert bits(model) == bits(other)
    assert trainer.steps == 1
    before = bits(model)
    with pytest.raises(error) as caught:
        trainer.evaluate(Loader([(x, y), batch]))
    assert "Trainer.evaluate: batch 2" in str(caught.value)
    assert words in str(caught.value)
    assert bits(model) == before


@pytest.mark.parametrize(
    "options, name",
    [
        ({"sample_weight": np.ones(14)}, "sample_weight"),
        ({"batch_size": 2}, "batch_size"),
        ({"shuffle": True}, "shuffle"),
        ({"shuffle": False}, "shuffle"),
        ({"drop_remainder": True}, "drop_remainder"),
    ],
)
def test_fit_refuses_options_that_a_stream_has_itself(options, name):
    x, y, _ = draw()
    with pytest.raises(ValueError, match=f"Trainer.fit: {name} is for arrays"):
        trainer_of().fit(cut(x, y), **options)


def test_evaluate_refuses_weights_beside_a_stream():
    x, y, w = draw()
    with pytest.raises(ValueError, match=r"Trainer.evaluate: sample_weight is for arrays"):
        trainer_of().evaluate(cut(x, y), sample_weight=w)


def test_a_function_must_return_batches():
    with pytest.raises(TypeError, match=r"Trainer.fit: .*returned 3"):
        trainer_of().fit(lambda: 3, verbose=0)


def test_what_a_stream_raises_comes_out_and_leaves_whole_steps():
    x, y, _ = draw()
    model, other = network(), network()

    class Broken(Exception):
        pass

    def stream():
        yield x, y
        yield x, y
        raise Broken

    trainer = trainer_of(model)
    with pytest.raises(Broken):
        trainer.fit(stream, verbose=0)
    twin = trainer_of(other)
    for _ in range(2):
        twin.train_on_batch(x, y)
    assert bits(model) == bits(other)
    assert trainer.steps == 2
    assert trainer.history.epoch == []
    trainer.fit(x, y, verbose=0)


def test_check_finite_false_lets_a_stream_through_to_the_loss():
    x, y, _ = draw()
    bad = x.copy()
    bad[3] = np.nan
    with pytest.raises(FloatingPointError, match="epoch 1, batch 2: the loss became nan"):
        trainer_of().fit([(x, y), (bad, y)], check_finite=False, verbose=0)


def test_labels_in_streams():
    x, *_ = draw()
    labels = np.random.default_rng(0).integers(0, 3, 14)
    models = []
    for given in (labels, labels[:, None], labels.astype(float), labels.astype("uint8")):
        model = fnn.Sequential([fnn.Input(3), fnn.Dense(3, "softmax")], seed=0)
        fnn.Trainer(model, "scce", metrics=["accuracy"]).fit(cut(x, given), verbose=0)
        models.append(bits(model))
    assert len(set(models)) == 1
    with pytest.raises(ValueError, match=r"epoch 1, batch 1: y\[0\] is 3"):
        fnn.Trainer(model, "scce").fit([(x[:1], [3])], verbose=0)
