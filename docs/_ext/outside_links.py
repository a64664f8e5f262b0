"""Links that leave docs/ lead, on the site, to the pages that show those files.

The pages are read in the repository too, where ``../CONTRIBUTING.md`` is right.
"""

from __future__ import annotations

import posixpath
import re

from sphinx.application import Sphinx

PAGES = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "README.md": "index.md",
    "benchmarks/README.md": "benchmarking.md",
}


def lead_back(app: Sphinx, docname: str, source: list[str]) -> None:
    folder = posixpath.dirname(f"docs/{docname}")

    def replace(match: re.Match[str]) -> str:
        path, anchor = match[1], match[2] or ""
        outside = posixpath.normpath(posixpath.join(folder, path))
        if outside in PAGES:
            page = PAGES[outside]
        elif outside.startswith("examples/"):
            page, anchor = "examples.md", "#" + posixpath.basename(outside).replace(".", "")
        else:
            return match[0]
        return f"]({posixpath.relpath(f'docs/{page}', folder)}{anchor})"

    source[0] = re.sub(r"\]\((\.\./[^)\s#]+)(#[^)\s]+)?\)", replace, source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", lead_back)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
