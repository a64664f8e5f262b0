"""What a fit prints: plain lines, or a bar on a terminal."""

from __future__ import annotations

import contextlib
import io
import re
import sys

import numpy as np
import pytest

import fastnn as fnn
from fastnn import callbacks as cb
from fastnn import loop, report


class Terminal(io.StringIO):
    def isatty(self):
        return True

    def fit(self, trainer, *args, **options):
        """Fit with this as the standard output; pytest puts its own back before each test."""
        with contextlib.redirect_stdout(self):
            history = trainer.fit(*args, **options)
            assert sys.stdout is self
        return history


class Clock:
    """Stands in for the time module of the printer; ticks by hand, or at each look."""

    def __init__(self, tick=0.0):
        self.now = 1000.0
        self.tick = tick

    def monotonic(self):
        self.now += self.tick
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(report, "time", clock)
    return clock


@pytest.fixture
def terminal(monkeypatch):
    pytest.importorskip("rich")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "200")
    return Terminal()


def trainer_of(**options):
    model = fnn.Sequential([fnn.Input(3), fnn.Dense(4, "tanh"), fnn.Dense(1)], seed=0)
    return fnn.Trainer(model, "mse", **options)


def data(n=20):
    rng = np.random.default_rng(n)
    return rng.standard_normal((n, 3)), rng.standard_normal((n, 1))


def frames(file):
    """What was drawn, one frame after another, without colours and moves of the cursor."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", file.getvalue())
    return [part.strip() for part in re.split(r"[\r\n]+", text) if part.strip()]


def later(clock, seconds=1.0):
    return lambda event: setattr(clock, "now", clock.now + seconds)


# ---- lines --------------------------------------------------------------------------------------


def test_verbose_2_prints_every_epoch(capsys, clock):
    x, y = data()
    trainer_of().fit(x, y, epochs=30, verbose=2)  # the clock stands still
    heads = [line.split("  loss")[0] for line in capsys.readouterr().out.splitlines()]
    assert heads == [f"epoch {i:2}/30" for i in range(1, 31)]


def test_epochs_between_two_lines_stay_in_c(capsys, monkeypatch, clock):
    """A line ten times a second, and the bits and numbers of a silent fit."""
    x, y = data()
    chunks = []
    plain = loop.ArrayFeed.epochs

    def epochs(feed, epoch, records):
        chunks.append(len(records))
        plain(feed, epoch, records)
        clock.now += 1

    monkeypatch.setattr(loop.ArrayFeed, "epochs", epochs)
    monkeypatch.setattr(fnn.History, "last_seconds", lambda self: 0.01 if len(self.epoch) else None)
    trainer, silent = trainer_of(), trainer_of()
    history = trainer.fit(x, y, epochs=36)
    assert chunks == [10, 10, 10, 5]
    lines = capsys.readouterr().out.splitlines()
    assert [int(re.match(r"epoch +(\d+)/36", line)[1]) for line in lines] == [1, 11, 21, 31, 36]
    for line in lines:
        epoch, loss = re.match(r"epoch +(\d+)/36  loss (\S+)", line).groups()
        assert float(loss) == pytest.approx(history["loss"][int(epoch) - 1], rel=1e-4)
    assert silent.fit(x, y, epochs=36, verbose=0).history == history.history
    assert history.epoch == list(range(1, 37))


def test_why_a_fit_was_stopped_is_printed(capsys):
    x, y = data()
    trainer_of().on("epoch_end", lambda event: event.stop("enough of it")).fit(x, y, epochs=9)
    assert capsys.readouterr().out.splitlines()[-1] == "stopped: enough of it"
    trainer_of().on("epoch_end", lambda event: event.stop("enough of it")).fit(x, y, verbose=0)
    assert capsys.readouterr().out == ""


def test_lines_where_there_is_no_terminal(capsys):
    x, y = data()
    trainer_of().fit(x, y)
    assert capsys.readouterr().out.startswith("epoch 1/1  loss ")


@pytest.mark.parametrize(
    "change",
    [
        lambda patch: patch.setenv("TERM", "dumb"),
        lambda patch: patch.setattr("importlib.util.find_spec", lambda name: None),
        lambda patch: patch.setattr(Terminal, "isatty", lambda self: False),
    ],
    ids=["dumb", "no rich", "no terminal"],
)
def test_lines_where_no_bar_can_be_drawn(terminal, monkeypatch, change):
    change(monkeypatch)
    x, y = data()
    terminal.fit(trainer_of(), x, y)
    assert "\x1b" not in terminal.getvalue()
    assert terminal.getvalue().startswith("epoch 1/1  loss ")


def test_no_standard_output(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    x, y = data()
    trainer_of().fit(x, y)


# ---- the bar ------------------------------------------------------------------------------------


def test_a_bar_tells_epoch_rate_time_left_and_numbers(terminal, clock):
    x, y = data()
    trainer = trainer_of(metrics=["mae"])
    trainer.on("epoch_begin", later(clock))
    history = terminal.fit(trainer, x, y, batch_size=4, epochs=4, validation_data=(x, y))
    shown = frames(terminal)
    assert len(shown) >= 4
    first = shown[0]
    assert first.startswith("epoch 1/4  ━━━━━━━━━━━━━━━━━━━━  5 steps/s  0:00:03 left  loss ")
    for name, values in history.items():
        assert float(re.search(rf" {name} (\S+)", first)[1]) == pytest.approx(values[0], rel=1e-4)
    assert shown[-1].startswith("epoch 4/4")
    assert "4.00 s in all" in shown[-1]
    assert terminal.getvalue().count("\x1b[?25l") == terminal.getvalue().count("\x1b[?25h") == 1


def test_a_bar_moves_within_an_epoch(terminal, monkeypatch, clock):
    x, y = data()
    clock.tick = 0.12
    monkeypatch.setattr(report.Bar, "seconds", 0.0)  # C comes back at its first look at the clock
    stream = fnn.data.batches(x, y, 2)
    terminal.fit(trainer_of(), stream, epochs=2)
    first = [line for line in frames(terminal) if line.startswith("epoch 1/2")]
    assert len(first) > 3
    text = terminal.getvalue()
    shares = [len(part) for part in re.findall(r"\x1b\[32m([━╸]*)", text)]
    assert shares == sorted(shares)
    assert shares[0] < 10
    assert shares[-1] == 20


def test_a_bar_of_a_stream_whose_length_is_not_known(terminal, monkeypatch, clock):
    x, y = data()
    clock.tick = 0.12
    monkeypatch.setattr(report.Bar, "seconds", 0.0)
    terminal.fit(trainer_of(), lambda: iter([(x, y)] * 9), epochs=1)
    assert "-:--:-- left" in frames(terminal)[0]
    assert "in all" in frames(terminal)[-1]


def test_a_bar_at_most_five_times_a_second(terminal, clock):
    x, y = data()
    trainer = trainer_of()
    trainer.on("epoch_begin", later(clock, 1 / 64))
    terminal.fit(trainer, x, y, epochs=640)  # ten seconds
    drawn = {line.split("  ━")[0] for line in frames(terminal)}
    assert 25 < len(drawn) <= 51


def test_a_short_fit_has_a_line_and_loads_nothing(terminal, monkeypatch, clock):
    for name in ("rich", "rich.console", "rich.live"):
        monkeypatch.setitem(sys.modules, name, sys.modules.get(name))
    monkeypatch.setattr(report, "_new_bar", lambda file: pytest.fail("a bar"))
    x, y = data()
    terminal.fit(trainer_of(), x, y, epochs=3)
    (line,) = terminal.getvalue().splitlines()
    assert line.startswith("epoch 3/3  loss ")


def test_what_a_handler_prints_goes_above_the_bar(terminal, clock):
    x, y = data()
    trainer = trainer_of()
    trainer.on("epoch_begin", later(clock))
    trainer.on("epoch_end", lambda event: print(f"mine {event.epoch}"))
    terminal.fit(trainer, x, y, epochs=3)
    assert {"mine 1", "mine 2", "mine 3"} <= set(frames(terminal))


@pytest.mark.parametrize("error", [LookupError, KeyboardInterrupt])
def test_the_cursor_comes_back_after_an_error(terminal, clock, error):
    x, y = data()

    def fail(event):
        if event.epoch == 3:
            raise error

    trainer = trainer_of()
    trainer.on("epoch_begin", later(clock)).on("epoch_end", fail)
    with pytest.raises(error):
        terminal.fit(trainer, x, y, epochs=9)
    assert terminal.getvalue().count("\x1b[?25h") == 1


def test_a_narrow_terminal_cuts_the_numbers(terminal, monkeypatch, clock):
    monkeypatch.setenv("COLUMNS", "60")
    x, y = data()
    trainer = trainer_of(metrics=["mae", "r2"]).on("epoch_begin", later(clock))
    terminal.fit(trainer, x, y, epochs=2, validation_data=(x, y))
    for line in frames(terminal):
        assert len(line) <= 60
        assert line.startswith("epoch ")
        assert line.endswith("…")


def test_a_resumed_fit_counts_from_where_it_was(terminal, clock):
    x, y = data()
    trainer = trainer_of()
    trainer.fit(x, y, epochs=6, verbose=0)
    trainer.on("epoch_begin", later(clock))
    terminal.fit(trainer, x, y, epochs=10, initial_epoch=6)
    first = frames(terminal)[0]
    assert first.startswith("epoch  7/10")
    assert "0:00:03 left" in first
    assert "━╸" not in terminal.getvalue().split("\x1b[32m")[1].split("\x1b")[0][5:]


def test_progress_bar_into_a_file_leaves_standard_output_alone(monkeypatch, capsys, clock):
    pytest.importorskip("rich")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "200")
    file = Terminal()
    x, y = data()
    trainer = trainer_of().on("epoch_begin", later(clock))
    trainer.on("epoch_end", lambda event: print("mine"))
    trainer.fit(x, y, epochs=2, callbacks=[cb.ProgressBar(file=file)])
    assert capsys.readouterr().out == "mine\nmine\n"
    assert frames(file)[-1].startswith("epoch 2/2  ━")
