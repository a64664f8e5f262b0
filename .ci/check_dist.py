"""Checks what an sdist and a wheel hold: check_dist.py CHECKOUT SDIST WHEEL."""

from __future__ import annotations

import re
import sys
import tarfile
import zipfile
from pathlib import Path

WHEEL_LIMIT = 1_900_000  # bytes: 1.36 MB kernels of three ISAs and their binding, else Python

checkout, sdist, wheel = map(Path, sys.argv[1:])

# The sdist: every file of the checkout but those that only a clone needs.
with tarfile.open(sdist) as archive:
    packed = {name.partition("/")[2] for name in archive.getnames()}
clone_only = {".gitignore", ".gitattributes"}
wanted = {
    path.relative_to(checkout).as_posix() for path in checkout.rglob("*") if path.is_file()
} - clone_only
built = re.compile(r"(^|/)(build|[\w.]+\.egg-info)/")  # setuptools may have left them in the copy
missing = sorted(name for name in wanted - packed if not built.search(name))
if missing:
    sys.exit(f"the sdist misses {missing}")

# The wheel: Python, stubs, data, the extension; nothing else.
with zipfile.ZipFile(wheel) as archive:
    names = archive.namelist()
allowed = re.compile(
    r"fastnn/([\w/]+\.(py|pyi)|py\.typed|datasets/\w+\.(csv|md)|html_report/\w+\.css|_core\.[\w-]+\.so)"
    r"|fastnn_core-[\w.]+\.dist-info/.+"
)
strange = [name for name in names if not allowed.fullmatch(name)]
if strange:
    sys.exit(f"the wheel holds {strange}")
needed = {"fastnn/py.typed", "fastnn/_core.pyi", "fastnn/datasets/auto_mpg.csv"}
needed |= {
    path.relative_to(checkout / "src").as_posix() for path in checkout.glob("src/fastnn/**/*.py")
}
if needed - set(names):
    sys.exit(f"the wheel misses {sorted(needed - set(names))}")
size = wheel.stat().st_size
if size > WHEEL_LIMIT:
    sys.exit(f"the wheel has {size} bytes, want at most {WHEEL_LIMIT}")
print(f"{wheel.name}: {len(names)} files, {size} bytes")
