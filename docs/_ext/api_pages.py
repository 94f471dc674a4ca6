"""Pages of the API reference: one for each public module, by what it says of itself.

A public module is one directly below `sknoisy` whose name has no underscore in front. Its page
holds its docstring and a table of the names in its `__all__`, each with a page of its own.
"""

import inspect
import pkgutil
import re
from importlib import import_module
from pathlib import Path

from sphinx.pycode import ModuleAnalyzer

PACKAGE = "sknoisy"


def setup(app):
    app.connect("config-inited", write_pages)
    app.connect("source-read", list_other_modules)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write_pages(app, config):
    """Write the modules' pages where autosummary finds them, and tell its templates of members."""
    modules = public_modules()
    names = [f"{module}.{public}" for module in modules for public in public_names(module)]
    folder = Path(app.srcdir) / "api"
    (folder / "modules").mkdir(exist_ok=True)
    for module in modules:
        write_if_changed(folder / "modules" / f"{module}.rst", module_page(module))
    # By name: an incremental build hasn't discovered new pages yet when autosummary looks for them.
    config.autosummary_generate = [f"api/modules/{module}.rst" for module in modules]
    remove_others(folder / "modules", modules)
    remove_others(folder / "generated", names)
    context = config.autosummary_context
    context["own_members"] = {name: own_members(name) for name in names}
    context["constants"] = {name: words for name in names if (words := comment_of(name))}
    context["foreign"] = {name: home for name in names if (home := foreign(name))}


def remove_others(folder, names):
    """Remove the pages that an earlier build has left of names that are gone."""
    for path in folder.glob("*.rst"):
        if path.stem not in names:
            path.unlink()


def list_other_modules(app, docname, source):
    """Put the modules that the reference's first page doesn't name where it has a mark for them."""
    if docname == "api/index":
        named = set(re.findall(r"^modules/(\S+)$", source[0], flags=re.MULTILINE))
        others = [f"modules/{name}" for name in public_modules() if name not in named]
        source[0] = source[0].replace("<!-- other modules -->", "\n".join(others))


def public_modules():
    """Return the names of all public modules, the package itself first."""
    package = import_module(PACKAGE)
    names = [
        f"{PACKAGE}.{module.name}"
        for module in pkgutil.iter_modules(package.__path__)
        if not module.name.startswith("_")
    ]
    return [name for name in (PACKAGE, *sorted(names)) if hasattr(import_module(name), "__all__")]


def public_names(module_name):
    """Return what a module exports, in alphabetical order."""
    names = import_module(module_name).__all__
    return sorted((name for name in names if not name.startswith("_")), key=str.lower)


def foreign(name):
    """Return where an object of another project is at home, or None."""
    module_name, _, own_name = name.rpartition(".")
    home = getattr(getattr(import_module(module_name), own_name), "__module__", PACKAGE)
    return None if home.startswith((PACKAGE, "builtins", "collections")) else home


def comment_of(name):
    """Return what the source says of a constant of a built-in type; else the empty string."""
    module_name, _, own_name = name.rpartition(".")
    value = getattr(import_module(module_name), own_name)
    if type(value).__module__ != "builtins" or callable(value):
        return ""
    for path in sorted(Path(import_module(PACKAGE).__path__[0]).rglob("*.py")):
        if re.search(rf"^{own_name}\b.*=", path.read_text(encoding="utf-8"), flags=re.MULTILINE):
            comments = ModuleAnalyzer.for_file(path, path.stem).find_attr_docs()
            if ("", own_name) in comments:
                return " ".join(comments["", own_name]).strip()
    return ""


def module_page(name):
    """Return the page of a module as reStructuredText."""
    module = import_module(name)
    table = "\n".join(f"   {public}" for public in public_names(name))
    title = f"{name}\n{'=' * len(name)}"
    return (
        f"{title}\n\n.. currentmodule:: {name}\n\n{inspect.getdoc(module)}\n\n"
        f".. autosummary::\n   :toctree: ../generated\n   :nosignatures:\n\n{table}\n"
    )


def write_if_changed(path, text):
    """Leave the file's date as it is where nothing has changed, so that Sphinx skips the page."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def own_members(name):
    """Return the methods and properties of a class that sknoisy or scikit-learn's base define."""
    module_name, _, class_name = name.rpartition(".")
    kind = getattr(import_module(module_name), class_name)
    if not inspect.isclass(kind):
        return []
    is_net = any(base.__module__.startswith("skorch") for base in kind.__mro__)
    homes = (PACKAGE,) if is_net else (PACKAGE, "sklearn.base")
    # What all methods have is told where it is declared: the pages of each would repeat it.
    protocol = import_module(f"{PACKAGE}.methods").Method
    told = set(dir(protocol)) if issubclass(kind, protocol) and kind is not protocol else set()
    return [
        member
        for member in dir(kind)
        if not member.startswith("_") and member not in told and is_documented(kind, member, homes)
    ]


def is_documented(kind, member, homes):
    """Tell whether a member is a method or a property with words, of a class at home there."""
    owner = next(base for base in kind.__mro__ if member in vars(base))
    value = inspect.getattr_static(kind, member)
    is_routine = callable(value) or isinstance(value, property | classmethod | staticmethod)
    return is_routine and owner.__module__.startswith(homes) and bool(inspect.getdoc(value))
