"""The command line: `sknoisy detect data.csv --target label --out folder` and its relatives."""

from ._app import app, main

__all__ = ["app", "main"]
