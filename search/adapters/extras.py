"""Libraries that warmnas can work with and does not install by itself."""

from __future__ import annotations

import importlib
from typing import Any

from ...bench import WarmnasError


class MissingExtra(WarmnasError, ImportError):
    """An optional library is not installed; the message says how to install it."""


def require(module: str, library: str, extra: str) -> Any:
    """Import ``module`` of a library that the extra installs; MissingExtra where it, or what it needs, is not there."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        missing = error.name or module
        what = f"{library} is" if missing.split(".")[0] == module.split(".")[0] else f"{missing}, which {library} needs, is"
        raise MissingExtra(f"{what} not installed: pip install 'warmnas[{extra}]'") from error
