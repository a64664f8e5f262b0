"""A directive that documents all of a module, and a check that no public name is left out.

``public-names`` takes a module: it gives its docstring, a table of the names in its ``__all__``,
and each of them in full.  Names whose home is another module with a page of its own
(`fastnn.Dense`, of `fastnn.layers`) are in the table and lead there.
"""

from __future__ import annotations

import importlib
import inspect
from types import ModuleType
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

import fastnn

logger = logging.getLogger(__name__)

# What the modules of the package ask of each other: no underscore, and no promise either.
# A model has these of the compiled network.
HOUSE = {
    "Model": {
        *("begin_fit", "block_rows", "end_fit", "predict_rows", "restore"),
        *("run_backward", "run_forward", "run_predict", "snapshot"),
    },
    "History": {"append", "extend", "last_seconds"},
}


def public_modules() -> dict[str, ModuleType]:
    """Return fastnn and every module that its ``__all__`` names."""
    found = {"fastnn": fastnn}
    for name in fastnn.__all__:
        thing = getattr(fastnn, name)
        if inspect.ismodule(thing):
            found[f"fastnn.{name}"] = thing
    return found


def home(module: str, name: str) -> str:
    """Return the name under which a public thing is documented."""
    thing = getattr(importlib.import_module(module), name)
    if inspect.ismodule(thing):
        return str(thing.__name__)
    if module == "fastnn":
        for other, there in public_modules().items():
            if other != "fastnn" and name in there.__all__:
                return f"{other}.{name}"
    return f"{module}.{name}"


class PublicNames(SphinxDirective):
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        module = self.arguments[0]
        here, elsewhere = [], []
        for name in importlib.import_module(module).__all__:
            documented = home(module, name)
            (here if documented == f"{module}.{name}" else elsewhere).append(documented)
        modules = [
            name
            for name in here
            if inspect.ismodule(getattr(fastnn, name.removeprefix("fastnn."), None))
        ]
        here = [name for name in here if name not in modules]
        lines = [f".. automodule:: {module}", "   :no-members:", "", ".. currentmodule:: None", ""]
        for title, names in (("", here), ("From its modules", elsewhere), ("Modules", modules)):
            if names:
                lines += [f".. rubric:: {title}", ""] * bool(title)
                lines += [".. autosummary::", "   :nosignatures:", ""]
                lines += [*(f"   ~{name}" for name in names), ""]
        lines += [f".. currentmodule:: {module}", ""]
        for name in here:
            lines += entry(module, name.removeprefix(f"{module}."))
        return self.parse_text_to_nodes("\n".join(["```{eval-rst}", *lines, "```"]))


def entry(module: str, name: str) -> list[str]:
    thing = getattr(importlib.import_module(module), name)
    if not inspect.isclass(thing):
        kind, options = ("autofunction" if callable(thing) else "autodata"), []
    else:
        kind = "autoexception" if issubclass(thing, BaseException) else "autoclass"
        # What private bases bring along counts as the class's own.
        known = [base for base in thing.__mro__[1:] if is_known(base)]
        stop = [b.__name__ for b in thing.__mro__[1:] if any(issubclass(k, b) for k in known)]
        options = ["   :members:", f"   :inherited-members: {', '.join(stop)}"]
        # What a class does about its base's methods is said by its own docstring.
        ours = [base for base in known if base.__module__.startswith("fastnn")]
        hidden = {name for name in dir(thing) if any(hasattr(base, name) for base in ours)}
        hidden |= HOUSE.get(name, set())
        hidden |= {name for name in dir(thing) if is_foreign(getattr(thing, name, None))}
        options += [f"   :exclude-members: {', '.join(sorted(hidden))}"] * bool(hidden)
        options += ["   :show-inheritance:"] * bool(public_bases(thing))
    return [f".. {kind}:: {name}", *options, ""]


def is_foreign(member: object) -> bool:
    """Tell whether another library has put a method into the class."""
    made_in = getattr(member, "__module__", None)
    return inspect.isroutine(member) and not (made_in or "fastnn").startswith("fastnn")


def is_known(kind: type) -> bool:
    """Tell whether a class is a public one of fastnn's, or not of fastnn at all."""
    everything = (getattr(m, name) for m in public_modules().values() for name in m.__all__)
    return kind in everything or not kind.__module__.startswith("fastnn")


def public_bases(kind: type) -> list[type]:
    """Return the bases that people may know: those of a private base in its place."""
    found: list[type] = []
    for base in kind.__bases__:
        found += [base] if is_known(base) else public_bases(base)
    return [
        base for base in dict.fromkeys(found) if base.__module__ != "abc" and base is not object
    ]


def show_public_bases(
    app: Sphinx, name: str, kind: type, options: object, bases: list[Any]
) -> None:
    bases[:] = public_bases(kind)


def resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.Node | None:
    """Find what a docstring calls by its short name: `Trainer.fit`, `EarlyStopping`.

    A word in lower case that is no public name is a parameter, and no link.
    """
    if node.get("refdomain") != "py" or node.get("reftype") != "obj":
        return None
    target = node["reftarget"]
    if target.removeprefix("fastnn.") in fastnn.__all__:
        target = home("fastnn", target.removeprefix("fastnn.")).removeprefix("fastnn.")
    objects = env.domains.python_domain.objects
    ends = [name for name in objects if name.endswith(f".{target}")]
    here = [name for name in ends if name.startswith(f"{node.get('py:module')}.")]
    modules = [name for name in ends if name.removesuffix(f".{target}") in public_modules()]
    plain = target[:1].islower() and "." not in target
    for choice in (here, modules) if plain else (here, modules, ends):
        if len(choice) == 1 and not (plain and choice is here):
            found = objects[choice[0]]
            return make_refnode(app.builder, node["refdoc"], found.docname, found.node_id, content)
    return content if plain or target.startswith("__") else None


def check(app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of public names that no page documents; with ``-W`` that ends the build."""
    documented = env.domains.python_domain.objects
    for module, thing in public_modules().items():
        for name in thing.__all__:
            if home(module, name) not in documented:
                logger.warning("no page documents %s.%s", module, name)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("public-names", PublicNames)
    app.connect("autodoc-process-bases", show_public_bases)
    app.connect("missing-reference", resolve)
    app.connect("env-check-consistency", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
