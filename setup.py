"""Builds the one extension, fastnn._core: the kernels in csrc and their binding.

Switches, all by environment and off by default:

FASTNN_SYMBOLS=1    symbols kept, nothing else changed: for perf
FASTNN_DEBUG=1      -Og -g, asserts on, symbols kept
FASTNN_SANITIZE=1   address and undefined-behaviour sanitizers (see CONTRIBUTING.md); with
                    FASTNN_DEBUG=1 at -O0, which compiles four times as fast and runs more slowly
FASTNN_WERROR=1     warnings of the C sources are errors (never those of Cython's C)
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from glob import glob
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError
from setuptools.modified import newer_group


def switch(name: str) -> bool:
    value = os.environ.get(name, "0")
    if value not in ("", "0", "1"):
        raise SystemExit(f"{name} is {value!r}; want 0 or 1")
    return value == "1"


DEBUG, SANITIZE, WERROR, SYMBOLS = (
    switch(f"FASTNN_{name}") for name in ("DEBUG", "SANITIZE", "WERROR", "SYMBOLS")
)

# No fast-math: the digits are stated in docs/numerics.md.  Fused products are written out.
C_FLAGS = [
    "-std=gnu11",
    # (gcc 12 breaks down over the baseline at -O1.)
    "-O0" if DEBUG and SANITIZE else "-Og" if DEBUG or SANITIZE else "-O3",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fvisibility=hidden",
]
LINK_FLAGS = []
if sys.platform != "win32":
    C_FLAGS += ["-pthread"]
    LINK_FLAGS += ["-pthread"]
if DEBUG or SANITIZE:
    C_FLAGS += ["-g1" if SANITIZE else "-g", "-UNDEBUG", "-fno-omit-frame-pointer"]
else:
    C_FLAGS += ["-g0", "-fno-asynchronous-unwind-tables"]  # C throws nothing; tables are a tenth
    if sys.platform == "linux" and not SYMBOLS:
        LINK_FLAGS += ["-Wl,-s"]  # no symbols: a small wheel
if SANITIZE:
    C_FLAGS += ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
    LINK_FLAGS += ["-fsanitize=address,undefined"]
WARNINGS = ["-Wall", "-Wextra", "-Werror"] if WERROR else []

# For size: the binding calls, it does not compute (-O1 costs no call a measurable time, -Os some
# 20 ns); the baseline is for CPUs that have nothing better; the kernels of layers and these few
# files gain nothing by -O3.
BINDING_FLAGS = ["-O1" if flag == "-O3" else flag for flag in C_FLAGS]
SHORT_FLAGS = ["-O2" if flag == "-O3" else flag for flag in C_FLAGS]


def is_short(source: str) -> bool:
    plain = ("dispatch.c", "memory.c", "metric.c", "pool.c", "schedule.c", "team.c")
    return "baseline" in source or source.endswith(("_layers.c", *plain))


KERNELS = sorted(glob("csrc/*.c") + glob("csrc/isa/*.c"))
HEADERS = sorted(
    path for path in glob("csrc/**/*", recursive=True) if path.endswith((".h", ".inc"))
)
INCLUDES = ["csrc", "csrc/include"]

# Changes when the flags do, so that what was built with others is built again.
FLAGS_RECORD = Path("build/fastnn_flags.txt")


class BuildExt(build_ext):
    """Compiles csrc in parallel and with flags of its own, then the binding as usual."""

    def build_extension(self, ext: Extension) -> None:
        import numpy as np
        from Cython.Build import cythonize

        if self.compiler.compiler_type == "msvc":
            raise CompileError("fastnn needs gcc or clang: its kernels use their vector types")
        flags = " ".join([*self.compiler.compiler_so, *C_FLAGS, *WARNINGS, *LINK_FLAGS])
        if not FLAGS_RECORD.exists() or FLAGS_RECORD.read_text() != flags:
            FLAGS_RECORD.parent.mkdir(exist_ok=True)
            FLAGS_RECORD.write_text(flags)
        ext.include_dirs.append(np.get_include())
        ext.extra_objects = self.compile_kernels()
        ext.depends = [*ext.depends, *ext.extra_objects, str(FLAGS_RECORD)]
        (binding,) = cythonize(
            [Extension(ext.name, ext.sources, include_dirs=ext.include_dirs)],
            build_dir="build/cython",  # not beside the .pyx, or wheels would carry it
            compiler_directives={"language_level": 3},
        )
        ext.sources = binding.sources
        super().build_extension(ext)

    def compile_kernels(self) -> list[str]:
        """Compile what is out of date; setuptools itself would take one file after another."""

        def compile_one(source: str) -> str:
            (target,) = self.compiler.object_filenames([source], output_dir=self.build_temp)
            if self.force or newer_group([source, *HEADERS, str(FLAGS_RECORD)], target):
                self.compiler.compile(
                    [source],
                    output_dir=self.build_temp,
                    include_dirs=INCLUDES,
                    extra_postargs=(SHORT_FLAGS if is_short(source) else C_FLAGS) + WARNINGS,
                )
            return target

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(compile_one, KERNELS))


setup(
    ext_modules=[
        Extension(
            "fastnn._core",
            sources=["src/fastnn/_core.pyx"],
            depends=[*KERNELS, *HEADERS, *glob("src/fastnn/*.px[di]")],
            include_dirs=INCLUDES,
            define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")],
            extra_compile_args=BINDING_FLAGS,
            extra_link_args=LINK_FLAGS,
            libraries=["m"],
        )
    ],
    cmdclass={"build_ext": BuildExt},
)
