"""How many threads: what the machine grants, what a person asks for, who hears of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import fastnn as fnn
from fastnn import parallel

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _default_again():
    fnn.set_num_threads(None)
    yield
    fnn.set_num_threads(None)


def run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python afresh, with FASTNN_NUM_THREADS only as given."""
    kept = {name: value for name, value in os.environ.items() if name != parallel.VARIABLE}
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=kept | environment
    )


# ---- set and get --------------------------------------------------------------------------------


def test_the_default_is_what_the_machine_grants():
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert 1 <= fnn.get_num_threads() <= min(cores, parallel.MOST_THREADS)
    if parallel.cpu_quota() is None and parallel.VARIABLE not in os.environ:
        assert fnn.get_num_threads() == min(cores, parallel.MOST_THREADS)
        assert parallel.source_of_num_threads() == "cores"


@pytest.mark.parametrize("n", [1, 3, 64, np.int32(5)])
def test_set_num_threads(n):
    before = fnn.get_num_threads()
    fnn.set_num_threads(n)
    assert fnn.get_num_threads() == n
    assert type(fnn.get_num_threads()) is int
    assert parallel.source_of_num_threads() == "set_num_threads"
    fnn.set_num_threads(None)
    assert fnn.get_num_threads() == before


@pytest.mark.parametrize("function", [fnn.set_num_threads, fnn.threads])
@pytest.mark.parametrize(
    "n, error", [(0, ValueError), (-1, ValueError), (65, ValueError), (True, TypeError)]
)
def test_other_numbers_are_refused(function, n, error):
    before = fnn.get_num_threads()
    message = f"^{function.__name__}: n must be an integer of at least 1 and at most 64, got {n}"
    with pytest.raises(error, match=message):
        function(n)
    assert fnn.get_num_threads() == before


@pytest.mark.parametrize("n", [2.0, "2"])
def test_other_kinds_are_refused(n):
    for function in (fnn.set_num_threads, fnn.threads):
        with pytest.raises(TypeError, match=function.__name__):
            function(n)
    with pytest.raises(TypeError, match="threads: n must be"):
        fnn.threads(None)


def test_the_limit_is_that_of_the_pool():
    header = (ROOT / "csrc/include/fastnn/pool.h").read_text(encoding="utf-8")
    (most,) = re.findall(r"#define FNN_MOST_THREADS (\d+)", header)
    assert int(most) == parallel.MOST_THREADS


# ---- a block of its own -------------------------------------------------------------------------


def test_blocks_nest_and_restore():
    before = fnn.get_num_threads()
    with fnn.threads(5):
        with fnn.threads(2):
            assert fnn.get_num_threads() == 2
            assert parallel.source_of_num_threads() == "threads"
        assert fnn.get_num_threads() == 5
    assert fnn.get_num_threads() == before


def test_blocks_restore_after_an_error():
    before = fnn.get_num_threads()
    with pytest.raises(KeyError), fnn.threads(5), fnn.threads(7):
        raise KeyError
    assert fnn.get_num_threads() == before


def test_set_num_threads_within_a_block_ends_with_it():
    fnn.set_num_threads(3)
    with fnn.threads(5):
        fnn.set_num_threads(2)
        assert fnn.get_num_threads() == 2
        fnn.set_num_threads(None)
        assert parallel.source_of_num_threads() not in ("threads", "set_num_threads")
    assert fnn.get_num_threads() == 3


def test_threads_decorates():
    @fnn.threads(6)
    def count(depth: int) -> list[int]:
        found = [fnn.get_num_threads()]
        if depth:
            fnn.set_num_threads(depth)  # of this call alone
            found += [*count(depth - 1), fnn.get_num_threads()]
        return found

    before = fnn.get_num_threads()
    assert count(2) == [6, 6, 6, 1, 2]
    assert fnn.get_num_threads() == before


def test_a_block_is_of_one_python_thread():
    fnn.set_num_threads(3)
    inside, looked = threading.Event(), threading.Event()
    found = []

    def other():
        with fnn.threads(7):
            inside.set()
            assert looked.wait(30)
            found.append(fnn.get_num_threads())

    def third():
        found.append(fnn.get_num_threads())

    worker = threading.Thread(target=other)
    worker.start()
    assert inside.wait(30)
    assert fnn.get_num_threads() == 3
    with fnn.threads(5):
        bystander = threading.Thread(target=third)
        bystander.start()
        bystander.join()
        looked.set()
        worker.join()
        assert fnn.get_num_threads() == 5
    inherits = getattr(sys.flags, "thread_inherit_context", False)  # new threads, Python 3.14
    assert found == [5 if inherits else 3, 7]


# ---- the environment ----------------------------------------------------------------------------

COUNT = (
    "import fastnn as fnn; print(fnn.get_num_threads(), fnn.parallel.source_of_num_threads()); "
    "fnn.set_num_threads(2); print(fnn.get_num_threads())"
)


@pytest.mark.parametrize("value, want", [("3", 3), (" 1 ", 1), ("64", 64), ("1000", 64)])
def test_the_environment_decides(value, want):
    done = run(COUNT, FASTNN_NUM_THREADS=value)
    assert done.stdout.splitlines() == [f"{want} FASTNN_NUM_THREADS", "2"], done.stderr


def test_an_empty_variable_is_none():
    assert run(COUNT, FASTNN_NUM_THREADS="").stdout == run(COUNT).stdout != ""


@pytest.mark.parametrize("value", ["0", "-2", "two", "1.5", "²"])
def test_a_bad_variable_is_an_error_at_first_use(value):
    script = (
        "import fastnn as fnn\n"
        "with fnn.threads(2): fnn.get_num_threads()\n"
        "try: fnn.get_num_threads()\n"
        "except ValueError as error: print(ascii(str(error)))\n"
    )
    done = run(script, FASTNN_NUM_THREADS=value)
    assert f"the environment variable FASTNN_NUM_THREADS is {value!a}" in done.stdout.replace(
        '"', ""
    ), done.stderr
    assert "want an integer of at least 1" in done.stdout


# ---- control groups -----------------------------------------------------------------------------


def make(root: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return str(root)


V2, V1 = "sys/fs/cgroup", "sys/fs/cgroup/cpu,cpuacct"


@pytest.mark.parametrize(
    "files, want",
    [
        ({}, None),
        # version 2: the group, its parents, the top of a container's own
        ({"proc/self/cgroup": "0::/\n", f"{V2}/cpu.max": "150000 100000\n"}, 1.5),
        ({"proc/self/cgroup": "0::/\n", f"{V2}/cpu.max": "max 100000\n"}, None),
        ({"proc/self/cgroup": "0::/a/b\n", f"{V2}/a/b/cpu.max": "50000 100000\n"}, 0.5),
        ({"proc/self/cgroup": "0::/a/b\n", f"{V2}/a/cpu.max": "300000 100000\n"}, 3),
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                f"{V2}/a/b/cpu.max": "400000 100000\n",
                f"{V2}/a/cpu.max": "20000 10000\n",
                f"{V2}/cpu.max": "max 100000\n",
            },
            2,
        ),
        ({"proc/self/cgroup": "0::/on/the/host\n", f"{V2}/cpu.max": "70000 100000\n"}, 0.7),
        ({"proc/self/cgroup": "1:cpu:/\n0::/\n", f"{V2}/unified/cpu.max": "10000 10000\n"}, 1),
        # version 1
        (
            {
                "proc/self/cgroup": "5:memory:/m\n4:cpu,cpuacct:/a\n",
                f"{V1}/a/cpu.cfs_quota_us": "250000\n",
                f"{V1}/a/cpu.cfs_period_us": "100000\n",
                f"{V1}/cpu.cfs_quota_us": "-1\n",
                f"{V1}/cpu.cfs_period_us": "100000\n",
            },
            2.5,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/a\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "600000\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            6,
        ),
        # not for this: other controllers, broken files
        ({"proc/self/cgroup": "4:cpuset:/\n", f"{V2}/cpu.max": "10000 100000\n"}, None),
        ({"proc/self/cgroup": "0::/\n", f"{V2}/cpu.max": "10000\n"}, None),
        ({"proc/self/cgroup": "0::/\n", f"{V2}/cpu.max": "10000 0\n"}, None),
        ({"proc/self/cgroup": "???\n", f"{V2}/cpu.max": "10000 10000\n"}, None),
    ],
)
def test_cpu_quota(tmp_path: Path, files: dict[str, str], want: float | None):
    assert parallel.cpu_quota(make(tmp_path, files)) == want


@pytest.mark.parametrize(
    "cores, quota, want",
    [
        (8, None, (8, "cores")),
        (8, 2.5, (3, "CPU quota")),
        (8, 0.2, (1, "CPU quota")),
        (8, 7.5, (8, "cores")),
        (2, 16.0, (2, "cores")),
        (200, None, (64, "cores")),
        (200, 100.0, (64, "CPU quota")),
    ],
)
def test_the_least_of_cores_and_quota(monkeypatch: pytest.MonkeyPatch, cores, quota, want):
    monkeypatch.delenv(parallel.VARIABLE, raising=False)
    monkeypatch.setattr(parallel, "_cores", lambda: cores)
    monkeypatch.setattr(parallel, "cpu_quota", lambda: quota)
    fnn.set_num_threads(None)  # finds the default anew
    assert (fnn.get_num_threads(), parallel.source_of_num_threads()) == want
    monkeypatch.undo()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux only")
def test_affinity_counts():
    script = f"import os; os.sched_setaffinity(0, {{min(os.sched_getaffinity(0))}}); {COUNT}"
    assert run(script).stdout.split()[0] == "1"


# ---- who hears of it ----------------------------------------------------------------------------


def test_import_finds_no_count():
    """A bad variable, too, is no matter before something is to be computed on threads."""
    assert run("import fastnn", FASTNN_NUM_THREADS="none").returncode == 0


def test_show_config_tells_the_count_and_its_source(capsys: pytest.CaptureFixture[str]):
    with fnn.threads(3):
        fnn.show_config()
    assert "\nthreads   3 (threads)\n" in capsys.readouterr().out


ORDERS = {
    "threadpoolctl first": "import threadpoolctl, fastnn as fnn\n",
    "used in between": "import fastnn as fnn, threadpoolctl\nfnn.get_num_threads()\n",
    "asked": "import fastnn as fnn, threadpoolctl\nfnn.parallel.register_threadpoolctl()\n",
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS.keys())
def test_threadpoolctl_sees_and_limits(order: str):
    pytest.importorskip("threadpoolctl", "3.2")
    script = order + (
        "from fastnn.parallel import get_num_threads, register_threadpoolctl\n"
        "register_threadpoolctl(); register_threadpoolctl()\n"  # once is enough
        "(own,) = [i for i in threadpoolctl.threadpool_info() if i['user_api'] == 'fastnn']\n"
        "print(own['num_threads'], own['version'] == fnn.__version__, '_core' in own['filepath'])\n"
        "with threadpoolctl.threadpool_limits(2): print(get_num_threads())\n"
        "with threadpoolctl.threadpool_limits(1000, 'fastnn'): print(get_num_threads())\n"
        "with fnn.threads(3):\n"
        "    with threadpoolctl.threadpool_limits({'fastnn': 1}): print(get_num_threads())\n"
        "    print(get_num_threads())\n"
        "print(get_num_threads())\n"
    )
    done = run(script, FASTNN_NUM_THREADS="5")
    assert done.stdout.splitlines() == ["5 True True", "2", "64", "1", "3", "5"], done.stderr


def test_limits_set_before_the_first_use_count():
    pytest.importorskip("threadpoolctl", "3.2")
    script = (
        "import threadpoolctl, fastnn as fnn\n"
        "with threadpoolctl.threadpool_limits(1): print(fnn.get_num_threads())\n"
    )
    assert run(script, FASTNN_NUM_THREADS="5").stdout == "1\n"


def test_a_threadpoolctl_without_controllers_is_left_alone():
    script = (
        "import sys, types; sys.modules['threadpoolctl'] = types.ModuleType('threadpoolctl')\n"
        "import fastnn as fnn; print(fnn.get_num_threads())\n"
    )
    done = run(script, FASTNN_NUM_THREADS="5")
    assert done.stdout == "5\n", done.stderr


def test_threadpoolctl_is_not_loaded_for_its_own_sake():
    script = (
        "import sys, fastnn as fnn; fnn.get_num_threads(); print('threadpoolctl' in sys.modules)"
    )
    assert run(script).stdout == "False\n"
