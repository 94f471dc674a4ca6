"""Where the documents of a class are: the notebook's picture of an estimator links there."""

from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, metadata

PACKAGE = __name__.partition(".")[0]
PAGE = "api/generated/{public_name}.html"


@cache
def documentation_url() -> str:
    """Return the address of the site, from the project's URLs in the package's metadata."""
    try:
        urls = metadata(PACKAGE).get_all("Project-URL") or []
    except PackageNotFoundError:
        return ""
    addresses = dict(url.split(", ", 1) for url in urls)
    return addresses.get("Documentation", "").rstrip("/")


def public_name(kind: type) -> str:
    """Return the name of a class with the module that exports it.

    Examples
    --------
    >>> from sknoisy.methods import LSW
    >>> public_name(LSW)
    'sknoisy.methods.LSW'
    """
    parts = kind.__module__.split(".")
    for length in range(1, len(parts)):
        module = ".".join(parts[:length])
        if kind.__name__ in getattr(import_module(module), "__all__", ()):
            return f"{module}.{kind.__name__}"
    return f"{kind.__module__}.{kind.__qualname__}"


class DocumentedEstimator:
    """Mixin of estimators whose picture in a notebook links to their page.

    It stands before `BaseEstimator`, whose links it overrides.
    """

    _doc_link_module = PACKAGE

    @property
    def _doc_link_template(self) -> str:
        url = documentation_url()
        return f"{url}/{PAGE}" if url else ""

    def _doc_link_url_param_generator(self) -> dict[str, str]:
        return {"public_name": public_name(type(self))}
