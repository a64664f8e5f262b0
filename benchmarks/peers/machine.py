"""What the run ran on."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path


def cores() -> list[int]:
    """Return the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def describe(cores: list[int]) -> dict[str, str]:
    """Return the machine in a few words each."""
    return {
        "CPU": f"{cpu()}, {len(cores)} core{'s' * (len(cores) > 1)}",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "load at the start": f"{os.getloadavg()[0]:.2f}",
    }


def cpu() -> str:
    """Return the model of the processor."""
    info = Path("/proc/cpuinfo")
    fields: dict[str, str] = {}
    if info.exists():
        for line in info.read_text().split("\n\n")[0].splitlines():
            name, _, value = line.partition(":")
            fields[name.strip()] = value.strip()
    name = fields.get("model name") or platform.processor() or platform.machine()
    if "cpu family" in fields:
        name += f" (family {fields['cpu family']}, model {fields.get('model', '?')})"
    return name


def slug(cores: list[int]) -> str:
    """Return a name for files: processor and number of cores."""
    words = re.findall(r"[a-z0-9]+", cpu().lower())
    left_out = {"r", "tm", "cpu", "processor", "family", "model", "with", "at"}
    return "-".join([*(word for word in words if word not in left_out), f"{len(cores)}cores"])
