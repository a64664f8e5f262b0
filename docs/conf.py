"""The documentation site: ``sphinx-build -W docs build/docs``, with the extra `docs` installed."""

from __future__ import annotations

import sys
from pathlib import Path

import fastnn

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

project = "fastnn"
author = "fastnn developers"
copyright = "fastnn developers"
version = release = fastnn.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "outside_links",
    "public_names",
]
exclude_patterns = [
    "_ext",
    # The page of a module that this version does not have.
    *(
        f"api/{page.name}"
        for page in (HERE / "api").glob("*.md")
        if page.stem not in {"index", "fastnn", *fastnn.__all__}
    ),
]
nitpicky = True
# What the docstrings mention of Python and NumPy: no inventory is fetched, so that a build needs
# no network.
nitpick_ignore_regex = [
    ("py:.*", r"(collections|typing|numpy|np|npt|scipy|pandas|matplotlib|threading|sklearn)\..*"),
    ("py:.*", r"(Mapping|Exception|UserWarning|NamedTuple|RuntimeWarning|dict|list|tuple|object)"),
    ("py:.*", r"(fastnn\.)?_\w+\..*"),  # modules that are nobody's business outside
]

default_role = "py:obj"  # `Trainer.fit` is a link, a parameter's name is not: public_names.py
add_module_names = False
autodoc_typehints = "none"  # numpydoc's sections have the types, and more
autodoc_member_order = "bysource"
autosummary_generate = False
numpydoc_show_class_members = False  # the members follow, each with its own docstring
numpydoc_class_members_toctree = False
toc_object_entries_show_parents = "hide"

myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "deflist"]
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_only_copy_prompt_lines = False

html_theme = "furo"
html_title = "fastnn"
html_static_path = ["_static"]
html_css_files = ["fastnn.css"]
html_show_sphinx = False
html_copy_source = False
pygments_style = "friendly"
pygments_dark_style = "github-dark"
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#b3261e",
        "color-brand-content": "#b3261e",
        "color-brand-visited": "#8c3b36",
        "color-sidebar-link-text": "var(--color-foreground-primary)",
        "color-sidebar-link-text--top-level": "var(--color-foreground-primary)",
    },
    "dark_css_variables": {
        "color-brand-primary": "#ff8a80",
        "color-brand-content": "#ff8a80",
        "color-brand-visited": "#d99a94",
        "color-sidebar-link-text": "var(--color-foreground-secondary)",
        "color-sidebar-link-text--top-level": "var(--color-foreground-secondary)",
    },
}
