"""What a library costs before it does anything: time to import, disk, memory."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

MEASURE = """
import json, time
start = time.perf_counter()
{statement}
seconds = time.perf_counter() - start
try:
    pages = int(open("/proc/self/statm").read().split()[1])
    import resource
    memory = pages * resource.getpagesize()
except OSError:
    memory = None
print(json.dumps([seconds, memory]))
"""


class Library(NamedTuple):
    """What must be imported to train, or to predict, and what is installed for it."""

    label: str
    needs: str  # the module by which it is found
    statement: str
    distributions: tuple[str, ...]


ALONE = "Python alone"
LIBRARIES = [
    Library(ALONE, "sys", "pass", ()),
    Library("NumPy", "numpy", "import numpy", ("numpy",)),
    Library(
        "fastnn",
        "fastnn",
        "import fastnn; fastnn.Sequential, fastnn.Trainer",
        ("fastnn-core",),
    ),
    Library(
        "scikit-learn",
        "sklearn",
        "from sklearn.neural_network import MLPRegressor",
        ("scikit-learn",),
    ),
    Library("PyTorch", "torch", "import torch", ("torch",)),
    Library("JAX", "jax", "import jax, jax.numpy", ("jax", "jaxlib")),
    Library("ONNX Runtime", "onnxruntime", "import onnxruntime", ("onnxruntime",)),
]
FASTNN_NEEDS = ("numpy", "safetensors")  # where fastnn itself is not installed but on the path


def measure(rounds: int, peers: list[str]) -> dict[str, Any]:
    """Import each in new processes, in turns; look at the files that were installed."""
    present = [
        library
        for library in LIBRARIES
        if importlib.util.find_spec(library.needs)
        and (library.needs in peers or library.needs in ("sys", "numpy"))
    ]
    found: dict[str, Any] = {
        library.label: {"import": [], "memory": [], "size": size(library)} for library in present
    }
    # The first round reads the files from the disk, and writes the bytecode of what is not
    # installed; pip has written that of the others.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    for number in range(rounds + 1):
        for library in present:
            code = MEASURE.format(statement=library.statement)
            done = subprocess.run(
                [sys.executable, "-c", code],
                capture_output=True,
                text=True,
                check=False,
                env=environment,
            )
            if done.returncode == 0 and number > 0:
                seconds, memory = json.loads(done.stdout)
                found[library.label]["import"].append(seconds)
                found[library.label]["memory"].append(memory)
    return found


def size(library: Library) -> list[int]:
    """Return the bytes of the library's own files, and with all that it requires."""
    own = sum(_bytes(name) for name in library.distributions)
    names = set(library.distributions)
    if library.label == "fastnn" and not own:
        own = _bytes_of_package()
        names = set(FASTNN_NEEDS)
        return [own, own + sum(_bytes(name) for name in _with_requirements(names))]
    return [own, sum(_bytes(name) for name in _with_requirements(names))]


def _with_requirements(names: set[str]) -> set[str]:
    """Return distributions and what they require here, without extras."""
    found: set[str] = set()
    left = set(names)
    while left:
        name = left.pop()
        found.add(name)
        try:
            requirements = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for requirement in requirements:
            word = re.match(r"[\w.-]+", requirement)
            if word and "extra ==" not in requirement:
                left.add(re.sub(r"[-_.]+", "-", word[0]).lower())
        left -= found
    return found


def _bytes(distribution: str) -> int:
    """Return the bytes of its files, without bytecode, which is made later."""
    try:
        files = importlib.metadata.files(distribution) or []
    except importlib.metadata.PackageNotFoundError:
        return 0
    paths = [Path(str(file.locate())) for file in files if file.suffix != ".pyc"]
    return sum(path.stat().st_size for path in paths if path.is_file())


def _bytes_of_package() -> int:
    """Return the bytes of the files of fastnn that a wheel holds."""
    spec = importlib.util.find_spec("fastnn")
    assert spec is not None
    assert spec.origin is not None
    held = {".py", ".pyi", ".so", ".csv", ".md", ".typed"}
    folder = Path(spec.origin).parent
    paths = [path for path in folder.rglob("*") if path.suffix in held or path.name == "py.typed"]
    return sum(path.stat().st_size for path in paths)
