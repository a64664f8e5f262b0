"""Pages of the repository outside docs/, and the links to them.

Pages are read in the repository too, where ``../CONTRIBUTING.md`` and ``../examples/digits.py`` are
right.  On the site they lead to the pages that show those files: a page that is nothing but an
``include`` of such a file becomes it, links and all.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
PAGES = {
    "CHANGELOG.md": "docs/changelog.md",
    "CONTRIBUTING.md": "docs/contributing.md",
    "README.md": "docs/index.md",
    "benchmarks/README.md": "docs/benchmarking.md",
}


def lead_back(app: Sphinx, docname: str, source: list[str]) -> None:
    folder = there = posixpath.dirname(f"docs/{docname}")
    shown = re.fullmatch(r"```\{include\} (\S+)\n```\n", source[0])
    if shown:
        path = posixpath.normpath(posixpath.join(folder, shown[1]))
        there = posixpath.dirname(path)
        source[0] = (ROOT / path).read_text(encoding="utf-8")

    def replace(match: re.Match[str]) -> str:
        path, anchor = posixpath.normpath(posixpath.join(there, match[1])), match[2] or ""
        if path.startswith("examples/"):
            anchor = "#" + posixpath.basename(path).replace(".", "")
            path = "docs/examples.md"
        return f"]({posixpath.relpath(PAGES.get(path, path), folder or '.')}{anchor})"

    source[0] = re.sub(r"\]\((?![a-z]+:|#)([^)\s#]+)(#[^)\s]+)?\)", replace, source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", lead_back)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
