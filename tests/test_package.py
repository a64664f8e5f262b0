"""The package as a whole: what an import loads, who may import whom, what the files say."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import inspect
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import fastnn

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "fastnn"
CSRC = ROOT / "csrc"


# ---- import -------------------------------------------------------------------------------------

# Part of Python, but each costs a millisecond or more, or drags such modules in.
HEAVY = {
    *("argparse", "asyncio", "concurrent.futures", "csv", "dataclasses", "difflib", "doctest"),
    *("hashlib", "importlib.metadata", "importlib.resources", "ipaddress", "json", "logging"),
    *("multiprocessing", "numpy.ma", "numpy.random", "pathlib", "pydoc", "random", "secrets"),
    *("shutil", "statistics", "subprocess", "tempfile", "unittest", "urllib", "zipfile"),
}


def test_import_loads_nothing_heavy():
    script = (
        "import sys, numpy; before = set(sys.modules); import fastnn; "
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "fastnn" in loaded
    assert not loaded & HEAVY
    foreign = {name.split(".")[0] for name in loaded} - sys.stdlib_module_names - {"numpy"}
    assert foreign == {"fastnn"}


@pytest.mark.parametrize(
    "name, others",
    [
        ("Sequential", {"callbacks", "losses", "metrics", "optimizers", "summary", "trainer"}),
        ("Trainer", {"metrics", "interchange", "sklearn", "summary", "tabular"}),
    ],
)
def test_a_name_loads_what_it_needs(name, others):
    """A network that only predicts, or a fit without metrics, waits for no more than that."""
    script = f"import sys, fastnn; fastnn.{name}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert f"fastnn.{name.lower()}" in loaded
    assert not loaded & {f"fastnn.{other}" for other in others}


# ---- arrows -------------------------------------------------------------------------------------


def module_name(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = {module_name(path): path for path in PACKAGE.rglob("*.py")}  # "" is fastnn itself


def is_type_checking(node):
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def walk(node, inside_functions):
    """All nodes but those that only a type checker sees."""
    for child in ast.iter_child_nodes(node):
        is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if not is_type_checking(child) and (inside_functions or not is_function):
            yield child
            yield from walk(child, inside_functions)


def imported_names(path, inside_functions=True):
    """Everything a file imports, as dotted names."""
    for node in walk(ast.parse(path.read_text(encoding="utf-8")), inside_functions):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = path.relative_to(PACKAGE.parent).parts[: -node.level]
                base = ".".join([*package, base] if base else package)
            # `from fastnn import data` is the module data; `from fastnn.data import x` is too.
            for alias in node.names:
                full = f"{base}.{alias.name}"
                inner = full.removeprefix("fastnn.")
                yield full if inner in MODULES or inner == "_core" else base


@cache
def arrows(inside_functions=True):
    """Module of fastnn -> the modules of fastnn it imports ("" is fastnn itself)."""
    return {
        name: {
            imported.removeprefix("fastnn").removeprefix(".")
            for imported in imported_names(path, inside_functions)
            if imported.split(".")[0] == "fastnn"
        }
        for name, path in MODULES.items()
    }


def room_arrows(room):
    """What the modules of a file or folder at the top import of other such rooms."""
    parts = [targets for name, targets in arrows().items() if name.split(".")[0] == room]
    assert parts, room
    return {target.split(".")[0] for targets in parts for target in targets} - {room}


# Frozen specs: they answer questions about shape and hold no arrays.  Initializers draw some, a
# loss made of a C function has its signature read, and schedules ask C for a rate.
SPECS = {
    *("activations", "constraints", "initializers", "layers", "losses", "regularizers"),
    "schedules",
}
FACES = {"", "__main__", "cli", "config", "demo", "html_report.page", "many", "sklearn", "tabular"}


def test_arrows_are_found():
    """The walk above sees the arrows that are there."""
    found = arrows()
    assert {"_core"} <= found["data"]
    assert {"_core", "data"} <= found["datasets"]


def test_modules_load_each_other_one_way():
    """At the top of files; a method such as Sequential.save may reach up when it is called."""
    loading = arrows(inside_functions=False)
    open_arrows = {name: targets & MODULES.keys() for name, targets in loading.items()}
    while open_arrows:
        free = [name for name, targets in open_arrows.items() if not targets & open_arrows.keys()]
        assert free, f"a circle among {sorted(open_arrows)}"
        for name in free:
            del open_arrows[name]


@pytest.mark.parametrize("name", sorted(n for n in MODULES if n.split(".")[0] in SPECS))
def test_specs_import_specs_only(name):
    more = {name: {"_core"} for name in ("initializers", "losses.own", "schedules")}
    # layers are called on symbolic tensors, and adapted to data: methods that load what they need
    more |= {"layers.base": {"graph"}, "layers.normalization": {"moments"}}
    found = {target.split(".")[0] for target in arrows()[name]}
    assert found <= SPECS | {"_own", "_spec"} | more.get(name, set())


def test_kinds_of_layers_know_the_base_alone():
    found = {name: targets for name, targets in arrows().items() if name.startswith("layers.")}
    assert {"layers.base", "layers.dense"} <= found.keys()
    for name, targets in found.items():
        inside = {target for target in targets if target.split(".")[0] == "layers"}
        assert inside == (set() if name == "layers.base" else {"layers.base"}), name


def test_only_the_faces_import_the_package_and_the_trainer():
    for name, targets in arrows().items():
        if not {name, name.split(".")[0]} & FACES:
            assert not targets & {"", "trainer", "cli", "demo"}, name


@pytest.mark.parametrize(
    "name, never",
    [
        ("callbacks", {"_core", "kernels", "model", "sequential"}),
        ("data", {"kernels", "model", "sequential", "forms", "metrics", "layers", "losses"}),
        ("datasets", {"kernels", "model", "sequential", "forms", "metrics", "layers", "losses"}),
        ("forms", {"model", "sequential", "data", "metrics", "losses", "io"}),
        ("kernels", {"model", "sequential", "forms", "layers", "io"}),
        ("metrics", {"model", "sequential", "forms", "layers", "losses", "io"}),
        ("model", {"callbacks", "datasets"}),
        ("optimizers", {"model", "sequential", "forms", "layers", "losses", "io", "data"}),
        ("sequential", {"callbacks", "datasets", "io"}),
    ],
)
def test_arrows_that_must_not_be(name, never):
    assert not room_arrows(name) & never


def test_only_core_reaches_c():
    assert [path.name for path in PACKAGE.rglob("*.pyx")] == ["_core.pyx"]
    for name, path in MODULES.items():
        assert not {"ctypes", "cffi", "cython"} & set(imported_names(path)), name


def test_csrc_includes_libc_and_itself_only():
    libc = {
        *(
            "assert.h",
            "errno.h",
            "float.h",
            "limits.h",
            "math.h",
            "stdalign.h",
            "stdatomic.h",
            "stdbool.h",
        ),
        *("stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h", "time.h"),
    }
    posix = {"pthread.h", "sched.h", "signal.h", "sys/mman.h", "unistd.h"}
    compilers = {"arm_neon.h", "emmintrin.h", "immintrin.h", "sanitizer/asan_interface.h"}
    for path in CSRC.rglob("*.*"):
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r"#\s*include\s*<(.+?)>", text)) <= libc | posix | compilers, path
        for own in re.findall(r'#\s*include\s*"(.+?)"', text):
            assert (CSRC / own).exists() or (CSRC / "include" / own).exists(), (path, own)


# ---- public names -------------------------------------------------------------------------------


def public_objects():
    for name in fastnn.__all__:
        if not name.startswith("__"):
            yield name, getattr(fastnn, name)


def test_public_names_are_listed_once_and_shown_by_dir():
    assert len(set(fastnn.__all__)) == len(fastnn.__all__)
    assert set(fastnn.__all__) <= set(dir(fastnn))


def test_public_names_have_docstrings_with_examples():
    for name, thing in public_objects():
        assert inspect.getdoc(thing), name
        if inspect.isroutine(thing) or (
            inspect.isclass(thing) and not issubclass(thing, BaseException)
        ):
            assert ">>>" in thing.__doc__, f"fastnn.{name} has no example"


def test_names_of_public_modules_have_docstrings():
    modules = [thing for _, thing in public_objects() if inspect.ismodule(thing)]
    assert fastnn.datasets in modules
    for module in modules:
        assert module.__all__, module
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isroutine(thing) or inspect.isclass(thing):
                assert inspect.getdoc(thing), f"{module.__name__}.{name}"


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="no_such_name"):
        fastnn.no_such_name  # noqa: B018


def test_every_module_imports_alone():
    names = [f"fastnn.{name}".rstrip(".") for name in MODULES if name != "__main__"]
    script = "import importlib, sys; importlib.import_module(sys.argv[1])"
    for name in names:
        importlib.import_module(name)
    # One fresh interpreter each for the leaves that others usually load first.
    for name in ("fastnn.data", "fastnn.datasets"):
        subprocess.run([sys.executable, "-c", script, name], check=True)


# ---- files --------------------------------------------------------------------------------------


def text_files():
    folders = ("src", "tests", "benchmarks", "examples", "docs", "csrc", ".ci")
    kinds = {".py", ".pyi", ".pyx", ".pxd", ".pxi", ".md", ".toml", ".c", ".h", ".inc", ".in", ""}
    for path in [*ROOT.iterdir(), *(p for name in folders for p in (ROOT / name).rglob("*"))]:
        if path.is_file() and path.suffix in kinds and not path.name.startswith("."):
            yield path


def test_no_file_installs_the_other_project():
    """The name without -core belongs to somebody else on PyPI."""
    command = re.compile(r"pip3?\s+install\s+(-\S+\s+)*[\"']?fastnn(?!-core)\b")
    assert command.search("pip install -U 'fast" + "nn[test]'")
    assert not command.search("pip install . && fastnn train")
    for path in text_files():
        assert not command.search(path.read_text(encoding="utf-8")), path


def test_version_is_the_installed_one():
    """After a change of the number, `pip install -e .` again."""
    assert importlib.metadata.version("fastnn-core") == fastnn.__version__


def test_changelog_has_this_version():
    assert f"## {fastnn.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_runtime_needs_numpy_and_safetensors_alone():
    needs = importlib.metadata.requires("fastnn-core")
    core = {re.match(r"[\w-]+", need)[0] for need in needs if "extra ==" not in need}
    assert core == {"numpy", "safetensors"}


def test_sdist_takes_all_folders():
    lines = set((ROOT / "MANIFEST.in").read_text(encoding="utf-8").splitlines())
    folders = ("benchmarks", "csrc", "docs", "examples", "tests")
    assert {f"graft {folder}" for folder in folders} <= lines
    suffixes = {path.suffix for path in PACKAGE.rglob("*") if path.is_file()} - {".pyc", ".so"}
    (source_line,) = (line for line in lines if line.startswith("recursive-include src "))
    for suffix in suffixes - {""}:
        assert f"*{suffix}" in source_line.split() or suffix == ".typed", suffix
    assert "py.typed" in source_line.split()
