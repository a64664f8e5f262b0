"""The pool of threads as people meet it: several fits at once, and fork in both directions."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fastnn as fnn

SIZES = [40, 160, 96, 2]  # large enough for threads at a batch of 256
ROWS = 1024


def trained(seed, *, epochs=6, threads=2):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((ROWS, SIZES[0])).astype(np.float32)
    y = np.tanh(x @ rng.standard_normal((SIZES[0], SIZES[-1])))
    layers = [fnn.Input(SIZES[0]), *[fnn.Dense(n, "relu") for n in SIZES[1:-1]]]
    model = fnn.Sequential([*layers, fnn.Dense(SIZES[-1])], seed=seed)
    with fnn.threads(threads):
        fnn.Trainer(model, "mse").fit(x, y, batch_size=256, epochs=epochs, verbose=0)
        return b"".join(v.tobytes() for v in model.parameters.values()) + model.predict(x).tobytes()


def test_several_python_threads_fit_at_once():
    alone = [trained(seed, threads=1) for seed in range(6)]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda seed: trained(seed, threads=3), range(6)))
    assert together == alone


def in_a_new_process(script):
    """Run a script that has `trained`; a deadlock ends the test, not the test run."""
    head = f"import sys; sys.path.insert(0, {os.path.dirname(__file__)!r})\n"
    head += "from test_pool import trained\n"
    result = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", head + textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


@fork
def test_train_then_fork_then_train_in_both():
    out = in_a_new_process(
        """
        import os
        want = trained(1, threads=1)
        assert trained(1) == want
        children = []
        for _ in range(3):
            pid = os.fork()
            if pid == 0:
                os._exit(0 if trained(1) == want and trained(1, threads=3) == want else 1)
            children.append(pid)
            assert trained(1) == want
        assert [os.waitpid(pid, 0)[1] for pid in children] == [0, 0, 0]
        print("done")
        """
    )
    assert out == "done\n"


@fork
def test_fork_while_another_thread_trains():
    out = in_a_new_process(
        """
        import os, threading
        want, long = trained(1, threads=1), []
        other = threading.Thread(target=lambda: long.append(trained(2, epochs=300)))
        other.start()
        children = []
        while other.is_alive() and len(children) < 10:
            pid = os.fork()
            if pid == 0:
                os._exit(0 if trained(1) == want else 1)
            children.append(pid)
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        other.join()
        assert children and all(os.waitpid(pid, 0)[1] == 0 for pid in children)
        assert long == [trained(2, epochs=300, threads=1)]
        print("done")
        """
    )
    assert out == "done\n"


@fork
def test_a_pool_of_processes_that_forks():
    out = in_a_new_process(
        """
        import multiprocessing
        want = [trained(seed) for seed in range(3)]
        with multiprocessing.get_context("fork").Pool(2) as pool:
            assert pool.map(trained, range(3)) == want
        print("done")
        """
    )
    assert out == "done\n"
